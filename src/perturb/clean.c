/* The image as it is: what every other variant is held against. */
#include "perturb/family.h"

static char *
name_variant (const UtVariant *variant)
{
  return g_strdup (variant->family->name);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) variant, (void) subject, (void) seed, (void) error;
  return ut_image_ref (image);
}

const UtFamily ut_clean = {
  .name = "clean",
  .summary = "the image as it is",
  .role = UT_ROLE_CLEAN,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = name_variant,
  .apply = apply,
  .place = ut_place_unmoved,
};
