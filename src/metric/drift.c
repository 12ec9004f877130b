/* How far a representation moved: angle and length (method.md §5). */
#include <glib.h>
#include <math.h>

#include "metric/lanes.h"
#include "metric/metric.h"

/* The three sums of a cosine. A product of two floats is exact in double (24 + 24 bits of 53), so only the additions round. */
typedef struct {
  double aa, ab, bb;
} Products;

UT_WIDE static Products
products (const float *a, const float *b, size_t n)
{
  double aa[UT_LANES] = { 0 }, ab[UT_LANES] = { 0 }, bb[UT_LANES] = { 0 };
  size_t i = 0;
  for (; i + UT_LANES <= n; i += UT_LANES)
    for (size_t l = 0; l < UT_LANES; l++)
      {
        const double x = a[i + l], y = b[i + l];
        aa[l] += x * x;
        ab[l] += x * y;
        bb[l] += y * y;
      }
  for (size_t l = 0; i + l < n; l++)
    {
      const double x = a[i + l], y = b[i + l];
      aa[l] += x * x;
      ab[l] += x * y;
      bb[l] += y * y;
    }
  return (Products) { .aa = ut_lanes_fold (aa), .ab = ut_lanes_fold (ab), .bb = ut_lanes_fold (bb) };
}

UT_WIDE double
ut_squared_distance (const float *a, const float *b, size_t n)
{
  double sum[UT_LANES] = { 0 };
  size_t i = 0;
  for (; i + UT_LANES <= n; i += UT_LANES)
    for (size_t l = 0; l < UT_LANES; l++)
      {
        const double d = (double) a[i + l] - (double) b[i + l];
        sum[l] += d * d;
      }
  for (size_t l = 0; i + l < n; l++)
    {
      const double d = (double) a[i + l] - (double) b[i + l];
      sum[l] += d * d;
    }
  return ut_lanes_fold (sum);
}

double
ut_squared_norm (const float *a, size_t n)
{
  return products (a, a, n).aa;
}

static double
cosine_distance (Products p)
{
  /* Equal vectors give equal sums, and the square root of a rounded square is exact: ab / √(aa·aa) is 1, the distance exactly 0.
   * A zero norm gives 0/0, an infinity ∞/∞ or ∞·0: NaN. */
  const double distance = 1.0 - p.ab / sqrt (p.aa * p.bb);
  /* Parallel vectors of different length can round to a few 2^-53 outside the range. Comparisons, not fmin and fmax: those lose
   * NaN. */
  if (distance < 0.0)
    return 0.0;
  return distance > 2.0 ? 2.0 : distance;
}

double
ut_cosine_distance (const float *a, const float *b, size_t n)
{
  return cosine_distance (products (a, b, n));
}

static double *
centred (const float *a, const float *mean, size_t n)
{
  double *out = g_new (double, n);
  for (size_t i = 0; i < n; i++)
    out[i] = (double) a[i] - (double) mean[i];
  return out;
}

double
ut_centred_cosine_distance (const float *a, const float *b, const float *mean, size_t n)
{
  g_autofree double *x = centred (a, mean, n);
  g_autofree double *y = centred (b, mean, n);
  return cosine_distance ((Products) { .aa = ut_dot (x, x, n), .ab = ut_dot (x, y, n), .bb = ut_dot (y, y, n) });
}

double
ut_l2_distance (const float *a, const float *b, size_t n)
{
  const double squared = ut_squared_distance (a, b, n);
  return isfinite (squared) ? sqrt (squared) : NAN;
}

double
ut_relative_l2 (const float *clean, const float *perturbed, size_t n)
{
  const double relative = ut_l2_distance (clean, perturbed, n) / sqrt (ut_squared_norm (clean, n));
  return isfinite (relative) ? relative : NAN;
}

double
ut_token_drift (const float *clean, const float *perturbed, size_t n_tokens, size_t n_embd, double *out_map)
{
  double sum = 0.0;
  for (size_t t = 0; t < n_tokens; t++)
    {
      const double distance = ut_cosine_distance (clean + t * n_embd, perturbed + t * n_embd, n_embd);
      if (out_map != NULL)
        out_map[t] = distance;
      sum += distance;
    }
  return sum / (double) n_tokens;
}
