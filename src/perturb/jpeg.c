/* The image as it comes back from a JPEG file of a quality of 1 to 100, colours at half the resolution (4:2:0). The bits are libjpeg's. */
#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  return ut_image_through_jpeg (image, (int) variant->param, error);
}

const UtFamily ut_jpeg = {
  .name = "jpeg",
  .summary = "through a JPEG file of quality 90, 70, 50, 30, 10",
  .group = "photometric",
  .on_request = TRUE,
  .n_params = 5,
  .params = (const double[]) { 10, 30, 50, 70, 90 },
  .range = &(const UtRange) { "a quality, a whole number", 1, 100, TRUE },
  .name_variant = ut_name_number,
  .apply = apply,
  .place = ut_place_unmoved,
};
