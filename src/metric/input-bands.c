/* How the power of an image's pixels is spread over frequencies (method.md §6). */
#include <glib.h>
#include <math.h>

#include "base/fft.h"
#include "metric/metric.h"

/* The bands end at radii e with (e + 1)³ = R and R², R = r_max + 1, and at r_max, which the last one holds: compared as they
 * stand, no root is taken. */
static size_t
band_of (double radius, double largest)
{
  const double cube = (radius + 1.0) * (radius + 1.0) * (radius + 1.0), edge = largest + 1.0;
  return cube < edge ? 0 : cube < edge * edge ? 1 : 2;
}

/* The channels less their means, in [0, 1] units, as two complex signals: R + iG and B. Returns the power of the means, Σ (Σ x)²,
 * over the channels: taken off the pixels, it leaves no rounding in the other frequencies, and none at all of an even colour. */
static double
load (const UtImage *image, double *re, double *im)
{
  const size_t n = (size_t) image->width * (size_t) image->height;
  double power = 0.0;
  for (size_t c = 0; c < 3; c++)
    {
      uint64_t sum = 0;
      for (size_t i = 0; i < n; i++)
        sum += image->pixels[3 * i + c];
      const double mean = (double) sum / (double) n;
      double *to = (c == 1 ? im : re) + (c == 2);
      for (size_t i = 0; i < n; i++)
        to[2 * i] = (image->pixels[3 * i + c] - mean) / 255.0;
      power += ((double) sum / 255.0) * ((double) sum / 255.0);
    }
  return power;
}

void
ut_input_bands (const UtImage *image, double out[UT_N_BANDS])
{
  const size_t h = (size_t) image->height, w = (size_t) image->width;
  g_autofree double *re = g_new0 (double, h * w * 2);
  g_autofree double *im = g_new0 (double, h * w * 2);
  const double constant = load (image, re, im);
  ut_fft (re, im, h, w, 2, UT_FFT_FORWARD);

  double power[UT_N_BANDS] = { 0 }, n[UT_N_BANDS] = { 0 };
  const double largest = sqrt ((double) ut_fft_largest_radius_squared (h, w));
  for (size_t k = 0; k < h; k++)
    for (size_t l = 0; l < w; l++)
      {
        const size_t band = band_of (sqrt ((double) ut_fft_radius_squared (k, l, h, w)), largest), i = 2 * (k * w + l);
        const double here = re[i] * re[i] + im[i] * im[i] + re[i + 1] * re[i + 1] + im[i + 1] * im[i + 1];
        power[band] += k + l == 0 ? constant : here;
        n[band] += 1.0;
      }
  for (size_t band = 0; band < UT_N_BANDS; band++)
    out[band] = power[band] / (3.0 * n[band]);
}
