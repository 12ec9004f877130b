/* The blank prior: an all-white image of the same size. What a model answers to it, it answers without seeing. */
#include "perturb/family.h"

static char *
name_variant (const UtVariant *variant)
{
  return g_strconcat (variant->family->name, "-white", NULL);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) variant, (void) subject, (void) seed;
  return ut_image_filled (image->width, image->height, UT_WHITE, error);
}

const UtFamily ut_prior = {
  .name = "prior",
  .summary = "an all-white image of the same size, to learn the answer without an image",
  .role = UT_ROLE_PRIOR,
  .n_params = 1,
  .params = (const double[]) { 255 },
  .name_variant = name_variant,
  .apply = apply,
};
