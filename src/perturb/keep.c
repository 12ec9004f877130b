/* keep_low and keep_high: what is left of an image when frequencies are taken away, at ten cut-offs (method.md §6). */
#include "perturb/family.h"
#include "perturb/spectral.h"

static constexpr unsigned N_CUTS = 10;
static const double cuts[] = { 0, 1.0 / 9, 2.0 / 9, 3.0 / 9, 4.0 / 9, 5.0 / 9, 6.0 / 9, 7.0 / 9, 8.0 / 9, 1 };
static_assert (G_N_ELEMENTS (cuts) == N_CUTS);

static const UtRange range = { "a share of the largest frequency", 0, 1, FALSE };

static UtImage *
apply_low (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  return ut_spectral_keep (image, (UtBand) { 0, variant->param }, error);
}

static UtImage *
apply_high (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  return ut_spectral_keep (image, (UtBand) { variant->param, 1 }, error);
}

const UtFamily ut_keep_low = {
  .name = "keep_low",
  .summary = "only frequencies up to a cut-off: 0, 1/9, … 1 of the largest",
  .group = "keep",
  .on_request = TRUE,
  .n_params = N_CUTS,
  .params = cuts,
  .range = &range,
  .name_variant = ut_name_number,
  .apply = apply_low,
  .place = ut_place_unmoved,
};

const UtFamily ut_keep_high = {
  .name = "keep_high",
  .summary = "only frequencies from a cut-off on: 0, 1/9, … 1 of the largest",
  .group = "keep",
  .on_request = TRUE,
  .n_params = N_CUTS,
  .params = cuts,
  .range = &range,
  .name_variant = ut_name_number,
  .apply = apply_high,
  .place = ut_place_unmoved,
};
