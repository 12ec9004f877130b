/* n > 0: a black border of n pixels on each side; n < 0: |n| pixels cut off each side. The size changes by 2n and is not restored. */
#include "base/error.h"
#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  const int n = (int) variant->param;
  const int width = image->width + 2 * n, height = image->height + 2 * n;
  if (width <= 0 || height <= 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
                   "%s: cutting %d pixels off each side leaves nothing of an image of %d×%d pixels", variant->name, -n,
                   image->width, image->height);
      return NULL;
    }
  UtImage *out = ut_image_filled (width, height, UT_BLACK, error);
  if (out != NULL)
    ut_image_paste (out, image, n, n);
  return out;
}

static gboolean
place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out, GError **error)
{
  (void) subject, (void) seed, (void) error;
  const int n = (int) variant->param;
  *out = ut_geometry_moved (width + 2 * n, height + 2 * n, 1, 1, n, n);
  return TRUE;
}

const UtFamily ut_pad_crop = {
  .name = "pad_crop",
  .summary = "a black border of 4, 8, 12, 16 pixels, or as much cut off each side",
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
