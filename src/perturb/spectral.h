/* Changes of an image by spatial frequency, for the band tests (method.md §6): filters that keep a band, and noise within one. A
 * frequency's radius is ρ = √(k² + l²) over the largest of the image, k and l cycles over its height and width. Values are on the
 * paper's scale, black −1 and white 1, each channel alone; results are rounded to the nearest level, half to even, and cut off at
 * black and white. */
#pragma once
#include "base/rng.h"
#include "image/image.h"

/* The frequencies with from ≤ ρ ≤ to; the constant has ρ = 0. The only frequency of a 1×1 image is in every band. */
typedef struct {
  double from, to;
} UtBand;

/* The paper's cut. */
static constexpr UtBand UT_BAND_LOW = { 0.0, 0.25 };
static constexpr UtBand UT_BAND_HIGH = { 0.25, 1.0 };
static constexpr UtBand UT_BAND_ALL = { 0.0, 1.0 };

/* The image with nothing left but a band: { 0, c } keeps low, { c, 1 } keeps high. The whole band gives back the image; one
 * without the constant has mid-grey where nothing is. A new reference. [P] */
UtImage *ut_spectral_keep (UtImage *image, UtBand band, GError **error);

typedef enum {
  UT_NOISE_GAUSSIAN, /* [P] */
  UT_NOISE_SIGN,     /* −1 or 1, as likely: a random direction of the largest step [+] */
} UtNoise;

/* The image with noise in a band, an independent value a pixel and channel, its largest magnitude epsilon / 255. One level is
 * 2/255 on this scale, so that of epsilon = 1 no more remains than what half a level rounds to. A new reference. */
UtImage *ut_spectral_disturb (UtImage *image, UtBand band, UtNoise noise, double epsilon, UtRng rng, GError **error);
