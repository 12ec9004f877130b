/* The noise floor: the clean image evaluated again, with one question alone. Whatever moves here is the engine's own noise, and what a drift or a
 * margin's change has to exceed. */
#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) variant, (void) subject, (void) seed, (void) error;
  return ut_image_ref (image);
}

const UtFamily ut_noise_floor = {
  .name = "noise_floor",
  .summary = "the clean image again, the first question on it alone: the engine's own noise (in every run)",
  .role = UT_ROLE_FLOOR,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = ut_name_plain,
  .apply = apply,
  .place = ut_place_unmoved,
};
