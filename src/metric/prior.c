/* Drift to the prior: whether an answer or a representation moves towards what the model says without seeing (method.md §7). */
#include <glib.h>
#include <math.h>

#include "base/elementary.h"
#include "metric/lanes.h"
#include "metric/metric.h"

static double *
softmax (const double *scores, size_t n)
{
  double *p = g_new (double, n);
  double largest = -INFINITY, sum = 0.0;
  for (size_t k = 0; k < n; k++)
    largest = scores[k] > largest ? scores[k] : largest;
  for (size_t k = 0; k < n; k++)
    sum += p[k] = ut_exp (scores[k] - largest);
  for (size_t k = 0; k < n; k++)
    p[k] /= sum;
  return p;
}

static double
log_weighted (double x)
{
  return x > 0.0 ? x * ut_log (x) : x; /* 0 ln 0 = 0, and NaN stays */
}

/* (1 + x) ln (1 + x) + (1 − x) ln (1 − x) = Σ x^2i / (i (2i − 1)). Near 0 the logarithms would cancel and the series does not;
 * its first term left out is below 2^-60 of the sum. */
static double
divergence (double x)
{
  if (fabs (x) > 0.5)
    return log_weighted (1.0 + x) + log_weighted (1.0 - x);
  double sum = 0.0;
  for (int i = 25; i > 0; i--)
    sum = (sum + 1.0 / (i * (2.0 * i - 1.0))) * (x * x);
  return sum;
}

/* With m = (p + q) / 2 and x = (p − q) / (p + q), p is m (1 + x) and q is m (1 − x), and an option adds m / 2 · divergence (x):
 * no term is negative, so that near distributions lose no digits. */
double
ut_js_divergence (const double *scores, const double *others, size_t n)
{
  g_autofree double *p = softmax (scores, n);
  g_autofree double *q = softmax (others, n);
  double sum = 0.0;
  for (size_t k = 0; k < n; k++)
    if (p[k] + q[k] != 0.0)
      sum += (p[k] + q[k]) / 4.0 * divergence ((p[k] - q[k]) / (p[k] + q[k]));
  return sum > G_LN2 ? G_LN2 : sum;
}

double
ut_prior_position (const float *clean, const float *perturbed, const float *blank, size_t n)
{
  g_autofree double *moved = g_new (double, n);
  g_autofree double *way = g_new (double, n);
  for (size_t i = 0; i < n; i++)
    {
      moved[i] = (double) perturbed[i] - (double) clean[i];
      way[i] = (double) blank[i] - (double) clean[i];
    }
  const double position = ut_dot (moved, way, n) / ut_dot (way, way, n);
  return isfinite (position) ? position : NAN;
}
