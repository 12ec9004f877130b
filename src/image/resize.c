/* Separable bicubic resampling, to the bit what Pillow's Image.resize (…, BICUBIC) gives: the paper's images went through it, and
 * which cubic, which edge rule and which rounding decide pixels. Weights are the Catmull-Rom cubic (a = −1/2), stretched over the source
 * when reducing (antialiasing), cut off and normalised at the border, in 22-bit fixed point; rows first, then columns, each pass
 * rounded to 8 bits. */
#include <math.h>
#include <string.h>

#include "image/image.h"

/* The taps of one output pixel: weights for source pixels first..first+n-1. */
typedef struct {
  int first, n;
  const int32_t *weights;
} Taps;

typedef struct {
  Taps *taps; /* one an output pixel */
  int32_t *weights;
} Filter;

static void
filter_clear (Filter *filter)
{
  g_free (filter->taps);
  g_free (filter->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Filter, filter_clear)

static constexpr int WEIGHT_BITS = 22;

static double
catmull_rom (double x)
{
  constexpr double a = -0.5;
  x = fabs (x);
  if (x < 1.0)
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0)
    return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

static int32_t
fixed_point (double weight)
{
  /* Half away from zero. */
  return (int32_t) (weight * (1 << WEIGHT_BITS) + (weight < 0.0 ? -0.5 : 0.5));
}

/* The weights of `n_to` output pixels over `n_from` source pixels. */
static Filter
filter_new (int n_from, int n_to)
{
  const double scale = (double) n_from / n_to;
  const double stretch = MAX (scale, 1.0);
  const double support = 2.0 * stretch;
  const int max_taps = (int) ceil (support) * 2 + 1;

  Filter filter = { g_new (Taps, n_to), g_new (int32_t, (size_t) n_to * (size_t) max_taps) };
  g_autofree double *raw = g_new (double, max_taps);
  for (int i = 0; i < n_to; i++)
    {
      const double centre = (i + 0.5) * scale;
      const int first = MAX ((int) (centre - support + 0.5), 0);
      const int n = MIN ((int) (centre + support + 0.5), n_from) - first;
      int32_t *weights = filter.weights + (size_t) i * (size_t) max_taps;
      double sum = 0.0;
      for (int j = 0; j < n; j++)
        sum += raw[j] = catmull_rom ((j + first - centre + 0.5) * (1.0 / stretch));
      for (int j = 0; j < n; j++)
        weights[j] = fixed_point (raw[j] / sum);
      filter.taps[i] = (Taps) { first, n, weights };
    }
  return filter;
}

static uint8_t
round_off (int32_t sum)
{
  return (uint8_t) CLAMP ((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS, 0, 255);
}

static UtImage *
resize_rows (UtImage *image, int width, GError **error)
{
  if (width == image->width)
    return ut_image_ref (image);
  UtImage *out = ut_image_new (width, image->height, error);
  if (out == NULL)
    return NULL;
  g_auto (Filter) filter = filter_new (image->width, width);
  uint8_t *to = out->pixels;
  for (int y = 0; y < image->height; y++)
    {
      const uint8_t *row = image->pixels + (size_t) y * (size_t) image->width * 3;
      for (int x = 0; x < width; x++, to += 3)
        {
          const Taps *taps = &filter.taps[x];
          const uint8_t *from = row + (size_t) taps->first * 3;
          int32_t r = 0, g = 0, b = 0;
          for (int j = 0; j < taps->n; j++, from += 3)
            {
              const int32_t weight = taps->weights[j];
              r += from[0] * weight;
              g += from[1] * weight;
              b += from[2] * weight;
            }
          to[0] = round_off (r);
          to[1] = round_off (g);
          to[2] = round_off (b);
        }
    }
  return out;
}

static UtImage *
resize_columns (UtImage *image, int height, GError **error)
{
  if (height == image->height)
    return ut_image_ref (image);
  UtImage *out = ut_image_new (image->width, height, error);
  if (out == NULL)
    return NULL;
  g_auto (Filter) filter = filter_new (image->height, height);
  const size_t stride = (size_t) image->width * 3;
  g_autofree int32_t *sums = g_new (int32_t, stride);
  uint8_t *to = out->pixels;
  for (int y = 0; y < height; y++)
    {
      /* A source row at a time: the compiler turns the inner loop into vectors. */
      const Taps *taps = &filter.taps[y];
      const uint8_t *from = image->pixels + (size_t) taps->first * stride;
      memset (sums, 0, stride * sizeof *sums);
      for (int j = 0; j < taps->n; j++, from += stride)
        {
          const int32_t weight = taps->weights[j];
          for (size_t i = 0; i < stride; i++)
            sums[i] += from[i] * weight;
        }
      for (size_t i = 0; i < stride; i++)
        *to++ = round_off (sums[i]);
    }
  return out;
}

UtImage *
ut_image_resize (UtImage *image, int width, int height, GError **error)
{
  g_autoptr (UtImage) rows = resize_rows (image, width, error);
  return rows == NULL ? NULL : resize_columns (rows, height, error);
}
