/* A cyclic vertical roll by dy pixels: I'(x, y) = I(x, (y − dy) mod h). */
#include <string.h>

#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  const int height = image->height;
  const int dy = (((int) variant->param % height) + height) % height; /* 0..height-1 */
  UtImage *out = ut_image_new (image->width, height, error);
  if (out == NULL)
    return NULL;
  const size_t stride = (size_t) image->width * 3, shift = (size_t) dy * stride, whole = (size_t) height * stride;
  memcpy (out->pixels + shift, image->pixels, whole - shift);
  memcpy (out->pixels, image->pixels + whole - shift, shift);
  return out;
}

static gboolean
place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out, GError **error)
{
  (void) subject, (void) seed, (void) error;
  *out = ut_geometry_moved (width, height, 1, 1, 0, variant->param);
  out->roll = UT_ROLL_Y;
  return TRUE;
}

const UtFamily ut_translation_vertical = {
  .name = "translation_vertical",
  .summary = "cyclic vertical roll by ±4, ±8, ±12, ±16 pixels",
  .on_request = TRUE,
  .n_params = UT_N_STEPS,
  .params = ut_steps,
  .range = &ut_step_range,
  .n_ladder = UT_N_STEP_LADDER,
  .ladder = ut_step_ladder,
  .name_variant = ut_name_signed,
  .apply = apply,
  .place = place,
};
