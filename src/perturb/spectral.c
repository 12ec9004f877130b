#include "perturb/spectral.h"

#include <math.h>
#include <string.h>

#include "base/fft.h"

/* The channels of an image as two complex signals, R + iG and B, interleaved: a filter that is real and even leaves all three
 * apart (base/fft.h). */
typedef struct {
  size_t h, w;
  double *re, *im; /* [h, w, 2] */
} Planes;

static Planes
planes_new (const UtImage *image)
{
  const size_t h = (size_t) image->height, w = (size_t) image->width;
  return (Planes) { h, w, g_new0 (double, h * w * 2), g_new0 (double, h * w * 2) };
}

static void
planes_clear (Planes *planes)
{
  g_free (planes->re);
  g_free (planes->im);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Planes, planes_clear)

/* Value i of an image in memory order, pixel by pixel, a channel after the other. */
static double *
value_at (const Planes *planes, size_t i)
{
  const size_t pixel = i / 3, channel = i % 3;
  return (channel == 1 ? planes->im : planes->re) + 2 * pixel + (channel == 2);
}

static gboolean
is_whole (UtBand band)
{
  return band.from <= 0.0 && band.to >= 1.0;
}

static void
keep_band (Planes *planes, UtBand band)
{
  const size_t h = planes->h, w = planes->w;
  /* A band has its ends: 1/9 of a square must not lose the frequency there to a rounding. */
  constexpr double slack = 0x1p-40;
  const double largest = (double) ut_fft_largest_radius_squared (h, w);
  const double from = band.from * band.from * largest * (1.0 - slack), to = band.to * band.to * largest * (1.0 + slack);
  ut_fft (planes->re, planes->im, h, w, 2, UT_FFT_FORWARD);
  for (size_t k = 0; k < h; k++)
    for (size_t l = 0; l < w; l++)
      {
        const double radius = (double) ut_fft_radius_squared (k, l, h, w);
        const size_t i = (k * w + l) * 2;
        if (radius < from || radius > to)
          planes->re[i] = planes->im[i] = planes->re[i + 1] = planes->im[i + 1] = 0.0;
      }
  ut_fft (planes->re, planes->im, h, w, 2, UT_FFT_INVERSE);
}

/* The nearest level, half to even. Halves are common (an image less its mean), so the transform's rounding is taken off first,
 * lest it decide them. */
static uint8_t
to_level (double value)
{
  const double exact = rint (value * 0x1p20) * 0x1p-20;
  return (uint8_t) rint (CLAMP (exact, 0.0, 255.0));
}

/* What is grey on the paper's scale: 0, between two levels. */
static constexpr double GREY = 127.5;

UtImage *
ut_spectral_keep (UtImage *image, UtBand band, GError **error)
{
  if (is_whole (band))
    return ut_image_ref (image);
  UtImage *out = ut_image_new (image->width, image->height, error);
  if (out == NULL)
    return NULL;
  g_auto (Planes) planes = planes_new (image);
  const size_t n = planes.h * planes.w * 3;
  for (size_t i = 0; i < n; i++)
    *value_at (&planes, i) = image->pixels[i] - GREY;
  keep_band (&planes, band);
  for (size_t i = 0; i < n; i++)
    out->pixels[i] = to_level (*value_at (&planes, i) + GREY);
  return out;
}

UtImage *
ut_spectral_disturb (UtImage *image, UtBand band, UtNoise noise, double epsilon, UtRng rng, GError **error)
{
  UtImage *out = ut_image_new (image->width, image->height, error);
  if (out == NULL)
    return NULL;
  g_auto (Planes) planes = planes_new (image);
  const size_t n = planes.h * planes.w * 3;
  for (size_t i = 0; i < n; i++)
    *value_at (&planes, i) = noise == UT_NOISE_GAUSSIAN ? ut_rng_gaussian (&rng) : ut_rng_next (&rng) >> 63 ? 1.0 : -1.0;
  if (!is_whole (band))
    keep_band (&planes, band);

  double largest = 0.0;
  for (size_t i = 0; i < n; i++)
    largest = MAX (largest, fabs (*value_at (&planes, i)));
  /* An empty band leaves no noise at all. */
  const double amplitude = largest > 0.0 ? epsilon / 2.0 / largest : 0.0; /* in levels */
  for (size_t i = 0; i < n; i++)
    out->pixels[i] = to_level (image->pixels[i] + amplitude * *value_at (&planes, i));
  return out;
}
