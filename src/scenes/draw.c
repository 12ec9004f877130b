/* A scene as a camera sees it: ground and objects, the light on them all, lens and sensor. */
#include <math.h>

#include "scenes/paint.h"

void
ut_direction (UtRng *rng, float out[2])
{
  double x, y, square;
  do
    {
      x = 2 * ut_rng_uniform (rng) - 1;
      y = 2 * ut_rng_uniform (rng) - 1;
      square = x * x + y * y;
    }
  while (square > 1 || square < .01);
  out[0] = (float) (x / sqrt (square));
  out[1] = (float) (y / sqrt (square));
}

/* Light that falls off with the distance from its source, a little warm or cold, and a vignette. */
static void
light_up (UtCanvas *canvas, const float light[2], UtRng *rng)
{
  const float w = (float) canvas->width, h = (float) canvas->height, size = w * w + h * h;
  const float falloff = ut_between (rng, .1, .9), vignette = ut_between (rng, 0, 2), exposure = ut_between (rng, .95, 1.15);
  const float warm = ut_between (rng, -.06, .06), tint[] = { 1 + warm, 1, 1 - warm };
  for (int y = 0; y < canvas->height; y++)
    for (int x = 0; x < canvas->width; x++)
      {
        const float lx = (float) x - light[0], ly = (float) y - light[1];
        const float cx = (float) x - w / 2, cy = (float) y - h / 2, r = (cx * cx + cy * cy) / size;
        const float gain = exposure * (1 - vignette * r * r * 4) / (1 + falloff * (lx * lx + ly * ly) / size);
        float *pixel = canvas->rgb + 3 * ((ptrdiff_t) y * canvas->width + x);
        for (int c = 0; c < 3; c++)
          pixel[c] *= gain * tint[c];
      }
}

/* One pass of a three-tap blur over n values that lie `stride` apart; the ends stay. */
static void
blur_line (float *values, int n, ptrdiff_t stride, float side)
{
  float before = values[0];
  for (int i = 1; i < n - 1; i++)
    {
      float *value = values + i * stride;
      const float here = *value;
      *value = here + side * (before - 2 * here + value[stride]);
      before = here;
    }
}

static void
blur (UtCanvas *canvas, float side)
{
  const ptrdiff_t stride = 3 * (ptrdiff_t) canvas->width;
  for (int y = 0; y < canvas->height; y++)
    for (int c = 0; c < 3; c++)
      blur_line (canvas->rgb + y * stride + c, canvas->width, 3, side);
  for (int i = 0; i < stride; i++)
    blur_line (canvas->rgb + i, canvas->height, stride, side);
}

/* Values with the sensor's noise, of a triangular distribution as wide as `noise` levels to either side, rounded to 8 bits. */
static void
expose (const UtCanvas *canvas, float noise, UtRng *rng, uint8_t *out)
{
  const ptrdiff_t n = (ptrdiff_t) canvas->width * canvas->height;
  for (ptrdiff_t i = 0; i < n; i++)
    {
      uint64_t bits = ut_rng_next (rng);
      for (int c = 0; c < 3; c++, bits >>= 20)
        {
          const float error = (float) ((int) (bits & 1023) - (int) (bits >> 10 & 1023)) / 1024;
          const float value = 255 * canvas->rgb[3 * i + c] + noise * error + .5f;
          out[3 * i + c] = (uint8_t) (value < 0 ? 0 : value > 255 ? 255 : value);
        }
    }
}

UtImage *
ut_scene_draw (const UtScene *scene, GError **error)
{
  g_autoptr (UtImage) image = ut_image_new (scene->width, scene->height, error);
  if (image == NULL)
    return NULL;
  g_autofree float *rgb = g_new (float, 3 * (size_t) scene->width * (size_t) scene->height);
  UtCanvas canvas = { scene->width, scene->height, rgb };
  UtRng rng = ut_rng_init (scene->seed, scene->id, "paint", 0);
  const float light[]
      = { (float) scene->width * ut_between (&rng, -.3, 1.3), (float) scene->height * ut_between (&rng, -.4, .9) };
  ut_paint_ground (&canvas, &rng);
  ut_paint_objects (&canvas, scene, light, &rng);
  light_up (&canvas, light, &rng);
  if (ut_rng_below (&rng, 3) == 0)
    blur (&canvas, ut_between (&rng, .05, .22));
  expose (&canvas, ut_between (&rng, 1, 7), &rng, image->pixels);
  return g_steal_pointer (&image);
}
