/* The blank prior: an image of the same size, all of one grey, white by itself. What a model answers to it, it answers without seeing. */
#include "perturb/family.h"

static char *
name_variant (const UtVariant *variant)
{
  const int level = (int) variant->param;
  return level == 255 ? g_strdup ("prior-white") : level == 128 ? g_strdup ("prior-grey") : g_strdup_printf ("prior-%d", level);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  const uint8_t level = (uint8_t) variant->param;
  return ut_image_filled (image->width, image->height, (UtColour) { level, level, level }, error);
}

const UtFamily ut_prior = {
  .name = "prior",
  .summary = "an all-white image of the same size, to learn the answer without an image; prior:128 is grey",
  .role = UT_ROLE_PRIOR,
  .n_params = 1,
  .params = (const double[]) { 255 },
  .n_ladder = 2,
  .ladder = (const double[]) { 128, 255 },
  .range = &(const UtRange) { "a level, a whole number", 0, 255, TRUE },
  .name_variant = name_variant,
  .apply = apply,
};
