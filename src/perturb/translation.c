/* A cyclic horizontal roll by dx pixels: I'(x, y) = I((x − dx) mod w, y). Every value stays, only its place changes. */
#include <string.h>

#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  const int width = image->width;
  const int dx = (((int) variant->param % width) + width) % width; /* 0..width-1 */
  UtImage *out = ut_image_new (width, image->height, error);
  if (out == NULL)
    return NULL;
  const size_t stride = (size_t) width * 3, shift = (size_t) dx * 3;
  for (int y = 0; y < image->height; y++)
    {
      const uint8_t *from = image->pixels + (size_t) y * stride;
      uint8_t *to = out->pixels + (size_t) y * stride;
      memcpy (to + shift, from, stride - shift);
      memcpy (to, from + stride - shift, shift);
    }
  return out;
}

static gboolean
place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out, GError **error)
{
  (void) subject, (void) seed, (void) error;
  *out = ut_geometry_moved (width, height, 1, 1, variant->param, 0);
  out->roll = UT_ROLL_X;
  return TRUE;
}

const UtFamily ut_translation = {
  .name = "translation",
  .summary = "cyclic horizontal roll by ±4, ±8, ±12, ±16 pixels",
  .core = TRUE,
  .n_params = UT_N_STEPS,
  .params = ut_steps,
  .range = &ut_step_range,
  .n_ladder = UT_N_STEP_LADDER,
  .ladder = ut_step_ladder,
  .name_variant = ut_name_signed,
  .apply = apply,
  .place = place,
};
