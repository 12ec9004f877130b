/* Normal noise of a standard deviation of σ levels, drawn for each pixel and channel, then rounded and cut at black and white. Drawn once an
 * image, so that severities differ in σ alone. */
#include "base/rng.h"
#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  UtImage *out = ut_image_new (image->width, image->height, error);
  if (out == NULL)
    return NULL;
  UtRng rng = ut_rng_init (seed, subject->image_name, variant->family->name, 0);
  const size_t n = (size_t) image->width * (size_t) image->height * 3;
  for (size_t i = 0; i < n; i++)
    out->pixels[i] = ut_level (image->pixels[i] + variant->param * ut_rng_gaussian (&rng));
  return out;
}

const UtFamily ut_gaussian_noise = {
  .name = "gaussian_noise",
  .summary = "normal noise of a standard deviation of 2, 4, 8, 16, 32 levels of 255",
  .group = "photometric",
  .on_request = TRUE,
  .by_name = TRUE,
  .n_params = 5,
  .params = (const double[]) { 2, 4, 8, 16, 32 },
  .range = &(const UtRange) { "a standard deviation in levels", 0, 255, FALSE },
  .name_variant = ut_name_number,
  .apply = apply,
  .place = ut_place_unmoved,
};
