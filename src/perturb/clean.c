/* The image as it is: what every other variant is held against. */
#include "perturb/family.h"

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
  .name_variant = ut_name_plain,
  .apply = apply,
  .place = ut_place_unmoved,
};
