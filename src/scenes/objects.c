/* The objects of a scene as they lie on the ground: outline, pattern, shading, shadow. */
#include <math.h>

#include "scenes/paint.h"

static const float hues[UT_SCENE_COLOURS][3] = {
  { .86f, .10f, .12f }, /* red */
  { .12f, .62f, .18f }, /* green */
  { .13f, .32f, .92f }, /* blue */
  { .96f, .88f, .14f }, /* yellow */
  { .55f, .16f, .70f }, /* purple */
  { .97f, .53f, .08f }, /* orange */
};

/* An object with what its painting needs to know. Lengths in pixels. */
typedef struct {
  const UtSceneObject *object;
  float x, y, radius;
  float turn[2];            /* cosine and sine of the small angle it lies turned by */
  float colour[3], tone[3]; /* of the object, and of its pattern */
  float grain[2];           /* cosine and sine of the pattern's angle */
  float width;              /* of a stripe, a dot, a check */
  float phase[2];
  float light[2]; /* towards the light, of length 1 */
} Painted;

/* The distance in pixels from a point (relative to the centre, in pixels) to the object's outline, negative inside. */
static float
distance (const Painted *p, float dx, float dy)
{
  const float x = (p->turn[0] * dx + p->turn[1] * dy) / p->radius, y = (p->turn[0] * dy - p->turn[1] * dx) / p->radius;
  return p->radius * ut_outline_distance (p->object->shape, x, y);
}

static float
clamp (float value, float low, float high)
{
  return value < low ? low : value > high ? high : value;
}

/* How much of a pixel at (u, v) along the pattern's axes has the pattern's tone: 0 to 1. */
static float
pattern (const Painted *p, float u, float v)
{
  const float wave_u = ut_wave ((u / p->width + p->phase[0]) / 2), wave_v = ut_wave ((v / p->width + p->phase[1]) / 2);
  const float sharp = p->width / 1.5f; /* from tone to tone within a pixel or two */
  const float edge_u = clamp (sharp * wave_u, -1, 1), edge_v = clamp (sharp * wave_v, -1, 1);
  switch (p->object->texture)
    {
    case 1:
      return .5f + .5f * edge_u;
    case 2:
      {
        /* Dots stand where both waves have their crests; 1 − wave is the distance from it in half widths. */
        const float du = (1 - wave_u) * p->width / 2, dv = (1 - wave_v) * p->width / 2;
        return clamp (.62f * p->width - sqrtf (du * du + dv * dv) + .5f, 0, 1);
      }
    case 3:
      return .5f + .5f * edge_u * edge_v;
    default:
      return 0;
    }
}

/* The light on a point: more towards the light, less towards the rim. `inside` is the distance from the outline. */
static float
shade (const Painted *p, float dx, float dy, float inside)
{
  const float x = dx / p->radius, y = dy / p->radius;
  const float rim = ut_step (1 - inside / (.2f * p->radius));
  return 1.04f + .13f * (x * p->light[0] + y * p->light[1]) - .1f * (x * x + y * y) - .12f * rim;
}

/* The pixels an object, moved by (dx, dy) and grown by `margin`, can touch. */
typedef struct {
  int left, top, right, bottom;
} Box;

static Box
box_around (const UtCanvas *canvas, const Painted *p, float dx, float dy, float margin)
{
  const float reach = (float) UT_SCENE_REACH * p->radius + margin;
  const float x = p->x + dx, y = p->y + dy;
  return (Box) { MAX (0, (int) (x - reach)), MAX (0, (int) (y - reach)), MIN (canvas->width, (int) (x + reach) + 2),
                 MIN (canvas->height, (int) (y + reach) + 2) };
}

static void
paint_shadow (UtCanvas *canvas, const Painted *p, float strength, float length, float softness)
{
  const float dx = -p->light[0] * length * p->radius, dy = -p->light[1] * length * p->radius, soft = softness * p->radius;
  const Box box = box_around (canvas, p, dx, dy, soft);
  for (int y = box.top; y < box.bottom; y++)
    for (int x = box.left; x < box.right; x++)
      {
        const float d = distance (p, (float) x + .5f - p->x - dx, (float) y + .5f - p->y - dy);
        const float dark = 1 - strength * ut_step (.5f - .5f * d / soft);
        float *pixel = canvas->rgb + 3 * ((ptrdiff_t) y * canvas->width + x);
        for (int c = 0; c < 3; c++)
          pixel[c] *= dark;
      }
}

static void
paint_object (UtCanvas *canvas, const Painted *p)
{
  const Box box = box_around (canvas, p, 0, 0, 1);
  for (int y = box.top; y < box.bottom; y++)
    for (int x = box.left; x < box.right; x++)
      {
        const float dx = (float) x + .5f - p->x, dy = (float) y + .5f - p->y, d = distance (p, dx, dy);
        if (d >= .5f)
          continue;
        const float cover = clamp (.5f - d, 0, 1), light = shade (p, dx, dy, -d);
        const float toned = pattern (p, p->grain[0] * dx + p->grain[1] * dy, p->grain[0] * dy - p->grain[1] * dx);
        float *pixel = canvas->rgb + 3 * ((ptrdiff_t) y * canvas->width + x);
        for (int c = 0; c < 3; c++)
          pixel[c] += cover * (light * (p->colour[c] + toned * (p->tone[c] - p->colour[c])) - pixel[c]);
      }
}

/* A small turn to either side: of at most `most`, the tangent of an angle. */
static void
small_turn (UtRng *rng, double most, float out[2])
{
  const float tangent = ut_between (rng, -most, most), length = sqrtf (1 + tangent * tangent);
  out[0] = 1 / length;
  out[1] = tangent / length;
}

static Painted
prepare (const UtSceneObject *object, const float light[2], UtRng *rng)
{
  Painted p = { .object = object, .x = (float) object->x, .y = (float) object->y, .radius = (float) object->radius };
  const gboolean lighter = ut_rng_below (rng, 2) == 0;
  for (int c = 0; c < 3; c++)
    {
      p.colour[c] = hues[object->colour][c] + ut_between (rng, -.05, .05);
      p.tone[c] = lighter ? p.colour[c] + .62f * (1 - p.colour[c]) : .42f * p.colour[c];
    }
  small_turn (rng, .1, p.turn);
  if (object->texture == 1)
    ut_direction (rng, p.grain);
  else
    small_turn (rng, .6, p.grain);
  p.width = MAX (5, p.radius * ut_between (rng, .17, .26));
  p.phase[0] = ut_between (rng, 0, 2);
  p.phase[1] = ut_between (rng, 0, 2);
  const float dx = light[0] - p.x, dy = light[1] - p.y, length = sqrtf (dx * dx + dy * dy) + 1;
  p.light[0] = dx / length;
  p.light[1] = dy / length;
  return p;
}

void
ut_paint_objects (UtCanvas *canvas, const UtScene *scene, const float light[2], UtRng *rng)
{
  Painted painted[UT_SCENE_MAX_OBJECTS];
  const float strength = ut_between (rng, .15, .5), length = ut_between (rng, .06, .2), softness = ut_between (rng, .1, .3);
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      painted[i] = prepare (&scene->objects[i], light, rng);
      paint_shadow (canvas, &painted[i], strength, length, softness);
    }
  for (unsigned i = 0; i < scene->n_objects; i++)
    paint_object (canvas, &painted[i]);
}
