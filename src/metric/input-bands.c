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

/* The smallest square of a radius that lies in `band` or beyond, up to `largest`, the square of r_max: squares are whole numbers, so a
 * frequency's band can be told without its radius. */
static uint64_t
first_square_of (size_t band, uint64_t largest)
{
  uint64_t below = 0, from = largest;
  while (below < from)
    {
      const uint64_t middle = below + (from - below) / 2;
      if (band_of (sqrt ((double) middle), sqrt ((double) largest)) >= band)
        from = middle;
      else
        below = middle + 1;
    }
  return from;
}

/* The channels less their means, in [0, 1] units, as two complex signals: R + iG and B. Returns the power of the means, Σ (Σ x)²,
 * over the channels: taken off the pixels, it leaves no rounding in the other frequencies, and none at all of an even colour. */
static double
load (const UtImage *image, double *re, double *im)
{
  const size_t n = (size_t) image->width * (size_t) image->height;
  uint64_t sums[3] = { 0 };
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < 3; c++)
      sums[c] += image->pixels[3 * i + c];

  double means[3], power = 0.0;
  for (size_t c = 0; c < 3; c++)
    {
      means[c] = (double) sums[c] / (double) n;
      power += ((double) sums[c] / 255.0) * ((double) sums[c] / 255.0);
    }
  for (size_t i = 0; i < n; i++)
    {
      re[2 * i] = (image->pixels[3 * i] - means[0]) / 255.0;
      im[2 * i] = (image->pixels[3 * i + 1] - means[1]) / 255.0;
      re[2 * i + 1] = (image->pixels[3 * i + 2] - means[2]) / 255.0;
      im[2 * i + 1] = 0.0;
    }
  return power;
}

void
ut_input_bands (const UtImage *image, double out[UT_N_BANDS])
{
  const size_t h = (size_t) image->height, w = (size_t) image->width;
  g_autofree double *re = g_new (double, h * w * 2);
  g_autofree double *im = g_new (double, h * w * 2);
  const double constant = load (image, re, im);
  ut_fft (re, im, h, w, 2, UT_FFT_FORWARD);

  double power[UT_N_BANDS] = { 0 }, n[UT_N_BANDS] = { 0 };
  const uint64_t largest = ut_fft_largest_radius_squared (h, w);
  const uint64_t middle = first_square_of (1, largest), high = first_square_of (2, largest);
  for (size_t k = 0; k < h; k++)
    for (size_t l = 0; l < w; l++)
      {
        const uint64_t square = ut_fft_radius_squared (k, l, h, w);
        const size_t band = (size_t) (square >= middle) + (square >= high), i = 2 * (k * w + l);
        const double here = re[i] * re[i] + im[i] * im[i] + re[i + 1] * re[i + 1] + im[i + 1] * im[i + 1];
        power[band] += k + l == 0 ? constant : here;
        n[band] += 1.0;
      }
  for (size_t band = 0; band < UT_N_BANDS; band++)
    out[band] = power[band] / (3.0 * n[band]);
}
