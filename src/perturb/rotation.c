/* A rotation about the centre, counter-clockwise, on a canvas grown to hold the whole image, filled white. The bits are those of
 * Pillow's rotate (angle, BICUBIC, expand=True, fillcolor=white): a cubic with a = −1, sharper than the one it resizes with; the border pixels
 * repeated beyond the edge; results cut to whole numbers, not rounded. */
#include <math.h>

#include "perturb/family.h"

/* The place in the source of a place in the result: (a x + b y + c, d x + e y + f). */
typedef struct {
  double a, b, c, d, e, f;
} Affine;

typedef struct {
  double x, y;
} Point;

static Point
map (const Affine *t, double x, double y)
{
  return (Point) { t->a * x + t->b * y + t->c, t->d * x + t->e * y + t->f };
}

/* To 15 decimals, so that no trace of π in a right angle's cosine grows the canvas by a pixel. */
static double
round15 (double x)
{
  return rint (x * 1e15) / 1e15;
}

/* The turn about the centre of an image, and the size of the canvas that holds the result; afterwards the transform starts from that
 * canvas' own corner. */
static Affine
turn (double degrees, int width, int height, int *new_width, int *new_height)
{
  /* Within one turn, 0..360: cos (330°) and cos (−30°) differ in the fifteenth decimal. */
  const double positive = fmod (fmod (degrees, 360.0) + 360.0, 360.0);
  const double angle = -positive * (G_PI / 180.0), cosine = round15 (cos (angle)), sine = round15 (sin (angle));
  Affine t = { cosine, sine, 0.0, round15 (-sin (angle)), cosine, 0.0 };
  const double centre_x = width / 2.0, centre_y = height / 2.0;
  const Point centre = map (&t, -centre_x, -centre_y);
  t.c = centre.x + centre_x;
  t.f = centre.y + centre_y;

  const Point corners[] = { map (&t, 0, 0), map (&t, width, 0), map (&t, width, height), map (&t, 0, height) };
  Point low = corners[0], high = corners[0];
  for (size_t i = 1; i < G_N_ELEMENTS (corners); i++)
    {
      low = (Point) { MIN (low.x, corners[i].x), MIN (low.y, corners[i].y) };
      high = (Point) { MAX (high.x, corners[i].x), MAX (high.y, corners[i].y) };
    }
  *new_width = (int) (ceil (high.x) - floor (low.x));
  *new_height = (int) (ceil (high.y) - floor (low.y));

  const Point corner = map (&t, -(*new_width - width) / 2.0, -(*new_height - height) / 2.0);
  t.c = corner.x;
  t.f = corner.y;
  return t;
}

/* The cubic through v[1] and v[2] at d in [0, 1), slopes from the outer two (a = −1). */
static double
cubic (const double v[4], double d)
{
  const double p1 = v[1];
  const double p2 = -v[0] + v[2];
  const double p3 = 2 * (v[0] - v[1]) + v[2] - v[3];
  const double p4 = -v[0] + v[1] - v[2] + v[3];
  return p1 + d * (p2 + d * (p3 + d * p4));
}

/* The three channels at a place inside the image; (0.5, 0.5) is the middle of the first pixel. */
static void
sample (const UtImage *image, Point at, uint8_t out[3])
{
  const double left = floor (at.x - 0.5), top = floor (at.y - 0.5);
  const double dx = at.x - 0.5 - left, dy = at.y - 0.5 - top;
  size_t columns[4];
  const uint8_t *rows[4];
  for (int i = 0; i < 4; i++)
    {
      columns[i] = (size_t) CLAMP ((int) left - 1 + i, 0, image->width - 1) * 3;
      rows[i] = image->pixels + (size_t) CLAMP ((int) top - 1 + i, 0, image->height - 1) * (size_t) image->width * 3;
    }
  for (size_t c = 0; c < 3; c++)
    {
      double column[4];
      for (int i = 0; i < 4; i++)
        {
          const uint8_t *row = rows[i] + c;
          column[i] = cubic ((const double[]) { row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]] }, dx);
        }
      out[c] = (uint8_t) CLAMP (cubic (column, dy), 0.0, 255.0);
    }
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  int width, height;
  const Affine t = turn (variant->param, image->width, image->height, &width, &height);
  UtImage *out = ut_image_filled (width, height, UT_WHITE, error);
  if (out == NULL)
    return NULL;
  uint8_t *to = out->pixels;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++, to += 3)
      {
        const Point at = map (&t, x + 0.5, y + 0.5);
        if (at.x >= 0.0 && at.x < image->width && at.y >= 0.0 && at.y < image->height)
          sample (image, at, to);
      }
  return out;
}

static gboolean
place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out, GError **error)
{
  (void) subject, (void) seed, (void) error;
  /* The transform of the pixels goes from the result to the source; this one goes there. */
  int new_width, new_height;
  const Affine t = turn (variant->param, width, height, &new_width, &new_height);
  const double area = t.a * t.e - t.b * t.d;
  *out = (UtGeometry) { .width = new_width,
                        .height = new_height,
                        .matrix = { { t.e / area, -t.b / area, (t.b * t.f - t.e * t.c) / area },
                                    { -t.d / area, t.a / area, (t.d * t.c - t.a * t.f) / area } } };
  return TRUE;
}

const UtFamily ut_rotation = {
  .name = "rotation",
  .summary = "30 degrees clockwise and counter-clockwise, canvas grown and filled white",
  .core = TRUE,
  .n_params = 2,
  .params = (const double[]) { -30, 30 },
  .range = &(const UtRange) { "a number of degrees", -180, 180, FALSE },
  .n_ladder = 12,
  .ladder = (const double[]) { -30, -20, -10, -5, -2, -1, 1, 2, 5, 10, 20, 30 },
  .name_variant = ut_name_signed,
  .apply = apply,
  .place = place,
};
