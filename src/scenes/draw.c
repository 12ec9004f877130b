/* Painting a scene with cairo. */
#include <cairo.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "scenes/scenes.h"

static const double hues[UT_SCENE_COLOURS][3] = {
  { .86, .10, .12 }, /* red */
  { .12, .62, .18 }, /* green */
  { .12, .26, .86 }, /* blue */
  { .96, .88, .14 }, /* yellow */
  { .55, .16, .70 }, /* purple */
  { .97, .53, .08 }, /* orange */
};

typedef enum { PLAIN, GRADIENT, STRIPES, CHECKS, NOISE, N_BACKGROUNDS } Background;

static double
between (UtRng *rng, double low, double high)
{
  return low + (high - low) * ut_rng_uniform (rng);
}

/* A weakly tinted grey, dark or light: never near an object's colour. */
static void
background_colour (UtRng *rng, double colour[3])
{
  const double grey = ut_rng_below (rng, 2) == 0 ? between (rng, .06, .30) : between (rng, .68, .94);
  for (int c = 0; c < 3; c++)
    colour[c] = grey + between (rng, -.04, .04);
}

static void
shifted (const double colour[3], double by, double out[3])
{
  for (int c = 0; c < 3; c++)
    out[c] = colour[c] + (colour[c] > .5 ? -by : by);
}

static void
paint_gradient (cairo_t *cr, const UtScene *scene, UtRng *rng, const double a[3], const double b[3])
{
  const double angle = between (rng, 0, 2 * G_PI);
  const double dx = cos (angle) * scene->width / 2, dy = sin (angle) * scene->height / 2;
  const double x = scene->width / 2.0, y = scene->height / 2.0;
  cairo_pattern_t *pattern = cairo_pattern_create_linear (x - dx, y - dy, x + dx, y + dy);
  cairo_pattern_add_color_stop_rgb (pattern, 0, a[0], a[1], a[2]);
  cairo_pattern_add_color_stop_rgb (pattern, 1, b[0], b[1], b[2]);
  cairo_set_source (cr, pattern);
  cairo_pattern_destroy (pattern);
  cairo_paint (cr);
}

/* Every second cell of a grid of `step` pixels; a cell as long as the image makes stripes of checks. */
static void
paint_cells (cairo_t *cr, const UtScene *scene, UtRng *rng, gboolean stripes)
{
  const int step = 5 + (int) ut_rng_below (rng, 8);
  const gboolean upright = ut_rng_below (rng, 2) == 0;
  const int step_x = stripes && !upright ? scene->width : step;
  const int step_y = stripes && upright ? scene->height : step;
  for (int y = 0; y < scene->height; y += step_y)
    for (int x = 0; x < scene->width; x += step_x)
      if ((x / step_x + y / step_y) % 2 == 0)
        cairo_rectangle (cr, x, y, step_x, step_y);
  cairo_fill (cr);
}

static void
paint_noise (cairo_surface_t *surface, const UtScene *scene, UtRng *rng, double amplitude)
{
  cairo_surface_flush (surface);
  unsigned char *pixels = cairo_image_surface_get_data (surface);
  const int stride = cairo_image_surface_get_stride (surface);
  const int range = (int) (255 * amplitude);
  for (int y = 0; y < scene->height; y++)
    for (int x = 0; x < scene->width; x++)
      {
        unsigned char *pixel = pixels + (ptrdiff_t) y * stride + 4 * x;
        for (int c = 0; c < 3; c++)
          {
            const int value = pixel[c] + (int) ut_rng_below (rng, (uint64_t) (2 * range + 1)) - range;
            pixel[c] = (unsigned char) CLAMP (value, 0, 255);
          }
      }
  cairo_surface_mark_dirty (surface);
}

static void
paint_background (cairo_t *cr, cairo_surface_t *surface, const UtScene *scene, UtRng *rng)
{
  double a[3], b[3];
  background_colour (rng, a);
  cairo_set_source_rgb (cr, a[0], a[1], a[2]);
  cairo_paint (cr);

  const Background kind = (Background) ut_rng_below (rng, N_BACKGROUNDS);
  const double contrast = between (rng, .06, .16);
  shifted (a, contrast, b);
  cairo_set_source_rgb (cr, b[0], b[1], b[2]);
  if (kind == GRADIENT)
    paint_gradient (cr, scene, rng, a, b);
  else if (kind == STRIPES || kind == CHECKS)
    paint_cells (cr, scene, rng, kind == STRIPES);
  else if (kind == NOISE)
    paint_noise (surface, scene, rng, contrast);
}

/* A closed path through `n` points at the given radii, taken in turn, from the top clockwise. */
static void
trace_polygon (cairo_t *cr, double x, double y, int n, const double radii[2])
{
  for (int i = 0; i < n; i++)
    {
      const double angle = 2 * G_PI * i / n - G_PI / 2;
      cairo_line_to (cr, x + radii[i % 2] * cos (angle), y + radii[i % 2] * sin (angle));
    }
  cairo_close_path (cr);
}

static void
trace_circle (cairo_t *cr, const UtSceneObject *o)
{
  cairo_arc (cr, o->x, o->y, o->radius, 0, 2 * G_PI);
}

static void
trace_square (cairo_t *cr, const UtSceneObject *o)
{
  const double half = .82 * o->radius;
  cairo_rectangle (cr, o->x - half, o->y - half, 2 * half, 2 * half);
}

static void
trace_triangle (cairo_t *cr, const UtSceneObject *o)
{
  /* Its centroid lies a quarter of its height under the middle of its box. */
  trace_polygon (cr, o->x, o->y + .15 * o->radius, 3, (double[]) { 1.1 * o->radius, 1.1 * o->radius });
}

static void
trace_star (cairo_t *cr, const UtSceneObject *o)
{
  trace_polygon (cr, o->x, o->y, 10, (double[]) { 1.1 * o->radius, .46 * o->radius });
}

static void
trace_cross (cairo_t *cr, const UtSceneObject *o)
{
  const double arm = o->radius, half = .33 * o->radius;
  const double corners[12][2] = { { -half, -arm }, { half, -arm }, { half, -half }, { arm, -half }, { arm, half },   { half, half },
                                  { half, arm },   { -half, arm }, { -half, half }, { -arm, half }, { -arm, -half }, { -half, -half } };
  for (int i = 0; i < 12; i++)
    cairo_line_to (cr, o->x + corners[i][0], o->y + corners[i][1]);
  cairo_close_path (cr);
}

static void
trace_ring (cairo_t *cr, const UtSceneObject *o)
{
  cairo_arc (cr, o->x, o->y, o->radius, 0, 2 * G_PI);
  cairo_new_sub_path (cr);
  cairo_arc_negative (cr, o->x, o->y, .5 * o->radius, 2 * G_PI, 0);
}

static void (*const tracers[UT_SCENE_SHAPES]) (cairo_t *, const UtSceneObject *) = {
  trace_circle, trace_square, trace_triangle, trace_star, trace_cross, trace_ring,
};

static void
paint_object (cairo_t *cr, const UtSceneObject *object, UtRng *rng)
{
  double colour[3];
  for (int c = 0; c < 3; c++)
    colour[c] = hues[object->colour][c] + between (rng, -.05, .05);
  cairo_new_path (cr);
  tracers[object->shape](cr, object);
  cairo_set_source_rgb (cr, colour[0], colour[1], colour[2]);
  cairo_fill (cr);
}

static UtImage *
image_from_surface (cairo_surface_t *surface, const UtScene *scene, GError **error)
{
  UtImage *image = ut_image_new (scene->width, scene->height, error);
  if (image == NULL)
    return NULL;
  cairo_surface_flush (surface);
  const unsigned char *pixels = cairo_image_surface_get_data (surface);
  const int stride = cairo_image_surface_get_stride (surface);
  uint8_t *out = image->pixels;
  for (int y = 0; y < scene->height; y++)
    for (int x = 0; x < scene->width; x++)
      {
        uint32_t pixel; /* cairo's RGB24: one native word a pixel */
        memcpy (&pixel, pixels + (ptrdiff_t) y * stride + 4 * x, sizeof pixel);
        *out++ = (uint8_t) (pixel >> 16);
        *out++ = (uint8_t) (pixel >> 8);
        *out++ = (uint8_t) pixel;
      }
  return image;
}

UtImage *
ut_scene_draw (const UtScene *scene, GError **error)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, scene->width, scene->height);
  cairo_t *cr = cairo_create (surface);
  UtRng rng = ut_rng_init (scene->seed, scene->id, "paint", 0);
  paint_background (cr, surface, scene, &rng);
  for (unsigned i = 0; i < scene->n_objects; i++)
    paint_object (cr, &scene->objects[i], &rng);

  UtImage *image = NULL;
  const cairo_status_t status = cairo_status (cr);
  if (status == CAIRO_STATUS_SUCCESS)
    image = image_from_surface (surface, scene, error);
  else
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot draw scene %s: %s", scene->id, cairo_status_to_string (status));
  cairo_destroy (cr);
  cairo_surface_destroy (surface);
  return image;
}
