/* Noise of a largest magnitude ε within a band, normal (band_noise) or of random signs (signs): low, high or all frequencies, in five
 * trials of a draw of their own (method.md §6). One draw a trial and image serves every ε. */
#include "base/rng.h"
#include "perturb/family.h"
#include "perturb/spectral.h"

static UtImage *
disturb (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, UtBand band, UtNoise noise,
         GError **error)
{
  const UtRng rng = ut_rng_init (seed, subject->image_name, variant->family->name, variant->trial);
  return ut_spectral_disturb (image, band, noise, variant->param, rng, error);
}

#define FAMILY(kind, band, BAND, KIND, text)                                                                                     \
  static UtImage *apply_##kind##_##band (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed,      \
                                         GError **error)                                                                         \
  {                                                                                                                              \
    return disturb (variant, image, subject, seed, UT_BAND_##BAND, UT_NOISE_##KIND, error);                                      \
  }                                                                                                                              \
  const UtFamily ut_##kind##_##band = {                                                                                          \
    .name = #kind "_" #band,                                                                                                     \
    .summary = text ", at most 1, 2, 4, 8, 16 of 255 (black is −255), 5 trials",                                                 \
    .group = #kind,                                                                                                              \
    .on_request = TRUE,                                                                                                          \
    .by_name = TRUE,                                                                                                             \
    .n_params = 5,                                                                                                               \
    .params = (const double[]) { 1, 2, 4, 8, 16 },                                                                               \
    .range = &(const UtRange) { "a magnitude in 255ths", 0, 255, FALSE },                                                        \
    .n_trials = 5,                                                                                                               \
    .name_variant = ut_name_number,                                                                                              \
    .apply = apply_##kind##_##band,                                                                                              \
    .place = ut_place_unmoved,                                                                                                   \
  };

FAMILY (band_noise, low, LOW, GAUSSIAN, "normal noise of low frequencies")
FAMILY (band_noise, high, HIGH, GAUSSIAN, "normal noise of high frequencies")
FAMILY (band_noise, all, ALL, GAUSSIAN, "normal noise")
FAMILY (signs, low, LOW, SIGN, "random signs, their low frequencies")
FAMILY (signs, high, HIGH, SIGN, "random signs, their high frequencies")
FAMILY (signs, all, ALL, SIGN, "random signs")
