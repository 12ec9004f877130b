/* The image as it is, evaluated again: whatever moves here is the engine's noise, the floor under every other family. */
#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) variant, (void) subject, (void) seed, (void) error;
  return ut_image_ref (image);
}

const UtFamily ut_identity = {
  .name = "identity",
  .summary = "the image as it is, evaluated again: the engine's own noise (only where asked for)",
  .on_request = TRUE,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = ut_name_plain,
  .apply = apply,
  .place = ut_place_unmoved,
};
