#include "stats/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/draws.h"

constexpr size_t N_TERMS = 4;

void
ut_estimate_free (UtEstimate *estimate)
{
  if (estimate == NULL)
    return;
  g_free (estimate->draws);
  g_free (estimate);
}

UtEstimate *
ut_estimate_new (double value, size_t n_draws, size_t n_clusters)
{
  UtEstimate *estimate = g_new (UtEstimate, 1);
  *estimate = (UtEstimate) { value, g_new (double, n_draws), n_draws, n_clusters };
  return estimate;
}

/* --- Drawing ----------------------------------------------------------------------------------------------------------------- */

static double
combine (UtForm form, const double sums[N_TERMS])
{
  switch (form)
    {
    case UT_RATIO:
      return sums[0] / sums[1];
    case UT_QUOTIENT:
      return (sums[0] / sums[1]) / (sums[2] / sums[3]);
    case UT_DIFFERENCE:
      return sums[0] / sums[1] - sums[2] / sums[3];
    default:
      g_assert_not_reached ();
    }
}

static size_t
n_terms (const UtEstimand *estimand)
{
  return estimand->form == UT_RATIO ? 2 : N_TERMS;
}

static UtEstimate *
estimate_sample (const UtEstimand *estimand, size_t n_clusters, size_t n_draws)
{
  double sums[N_TERMS] = {};
  size_t n_parts = 0;
  for (size_t t = 0; t < n_terms (estimand); t++)
    for (size_t c = 0; c < n_clusters; c++)
      sums[t] += estimand->terms[t][c];
  for (size_t c = 0; c < n_clusters; c++)
    n_parts += estimand->terms[1][c] != 0;
  return ut_estimate_new (combine (estimand->form, sums), n_draws, n_parts);
}

/* The sums of one term in each draw of a block, its clusters added in their order. */
static void
sum_block (const double *parts, size_t n_clusters, const int32_t *counts, double sums[UT_BLOCK])
{
  memset (sums, 0, UT_BLOCK * sizeof *sums);
  for (size_t c = 0; c < n_clusters; c++)
    if (parts[c] != 0)
      for (size_t b = 0; b < UT_BLOCK; b++)
        sums[b] += (double) counts[c * UT_BLOCK + b] * parts[c];
}

static void
estimate_block (const UtEstimand *estimand, size_t n, size_t n_clusters, const int32_t *counts, double *out_draws)
{
  double sums[N_TERMS][UT_BLOCK];
  for (size_t t = 0; t < n_terms (estimand); t++)
    sum_block (estimand->terms[t], n_clusters, counts, sums[t]);
  for (size_t b = 0; b < n; b++)
    {
      double of_draw[N_TERMS];
      for (size_t t = 0; t < n_terms (estimand); t++)
        of_draw[t] = sums[t][b];
      out_draws[b] = combine (estimand->form, of_draw);
    }
}

GPtrArray *
ut_bootstrap (const UtEstimand *estimands, size_t n_estimands, size_t n_clusters, guint64 seed, size_t n_draws)
{
  GPtrArray *estimates = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_estimate_free);
  for (size_t e = 0; e < n_estimands; e++)
    g_ptr_array_add (estimates, estimate_sample (&estimands[e], n_clusters, n_draws));

  UtRng rng = ut_draws_init (seed, n_clusters);
  g_autofree int32_t *counts = g_new (int32_t, n_clusters *UT_BLOCK);
  for (size_t first = 0; first < n_draws; first += UT_BLOCK)
    {
      const size_t n = MIN (UT_BLOCK, n_draws - first);
      ut_draws_next (&rng, n, n_clusters, counts);
      for (size_t e = 0; e < n_estimands; e++)
        estimate_block (&estimands[e], n, n_clusters, counts, ((UtEstimate *) estimates->pdata[e])->draws + first);
    }
  return estimates;
}

/* --- Combining --------------------------------------------------------------------------------------------------------------- */

UtEstimate *
ut_estimate_combine (const UtEstimate *const *parts, const double *weights, size_t n)
{
  UtEstimate *sum = ut_estimate_new (0, parts[0]->n_draws, SIZE_MAX);
  memset (sum->draws, 0, sum->n_draws * sizeof *sum->draws);
  for (size_t i = 0; i < n; i++)
    {
      g_assert (parts[i]->n_draws == sum->n_draws);
      sum->value += weights[i] * parts[i]->value;
      sum->n_clusters = MIN (sum->n_clusters, parts[i]->n_clusters);
      for (size_t d = 0; d < sum->n_draws; d++)
        sum->draws[d] += weights[i] * parts[i]->draws[d];
    }
  return sum;
}

/* --- Intervals --------------------------------------------------------------------------------------------------------------- */

/* P(|T| < t) of Student's t with a whole number of degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4). */
static double
student_within (double t, size_t freedom)
{
  const double angle = atan (t / sqrt ((double) freedom)), cosine2 = cos (angle) * cos (angle);
  const gboolean odd = freedom % 2 == 1;
  double term = odd ? cos (angle) : 1, sum = 0;
  for (size_t k = odd ? 1 : 0; k + 2 <= freedom; k += 2)
    {
      sum += term;
      term *= cosine2 * (double) (k + 1) / (double) (k + 2);
    }
  return odd ? M_2_PI * (angle + sin (angle) * sum) : sin (angle) * sum;
}

/* t with P(|T| < t) = level. */
static double
student_quantile (double level, size_t freedom)
{
  double low = 0, high = 1;
  while (student_within (high, freedom) < level)
    high *= 2;
  for (int i = 0; i < 60; i++)
    {
      const double middle = (low + high) / 2;
      *(student_within (middle, freedom) < level ? &low : &high) = middle;
    }
  return high;
}

/* The share of the draws to leave out at either end. The spread of n clusters' mean comes out √((n − 1) / n) too small, and is itself
 * uncertain. */
static double
tail (double level, size_t n_clusters)
{
  const double n = (double) n_clusters;
  return erfc (student_quantile (level, n_clusters - 1) * sqrt (n / (n - 1)) * M_SQRT1_2) / 2;
}

static int
compare (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

/* The value at a place between ranks of n sorted ones; NaN beyond them. */
static double
at_rank (const double *sorted, size_t n, double rank)
{
  if (n == 0 || rank < 0 || rank > (double) (n - 1))
    return NAN;
  const size_t below = (size_t) rank;
  if (below + 1 >= n)
    return sorted[n - 1];
  return sorted[below] + (rank - (double) below) * (sorted[below + 1] - sorted[below]);
}

/* Whether draws from so few clusters can hold the truth at this level: all of them lie on one side of it in 2^(1 − n) of all cases, where each
 * is as likely on either side, and then so do all draws. */
static gboolean
are_enough (size_t n_clusters, double level)
{
  return n_clusters >= 2 && ldexp (1, 1 - (int) MIN (n_clusters, 100)) <= 1 - level;
}

UtInterval
ut_estimate_interval (const UtEstimate *estimate, double level)
{
  UtInterval interval = { isfinite (estimate->value) ? estimate->value : NAN, NAN, NAN };
  if (isnan (interval.value) || !are_enough (estimate->n_clusters, level) || estimate->n_draws == 0)
    return interval;
  g_autofree double *sorted = g_new (double, estimate->n_draws);
  size_t n = 0;
  for (size_t d = 0; d < estimate->n_draws; d++)
    if (isfinite (estimate->draws[d]))
      sorted[n++] = estimate->draws[d];
  qsort (sorted, n, sizeof *sorted, compare);

  /* Undefined draws lie below all others for the lower bound, above them for the upper. */
  const double rank = tail (level, estimate->n_clusters) * (double) (estimate->n_draws - 1);
  const double undefined = (double) (estimate->n_draws - n);
  interval.low = at_rank (sorted, n, rank - undefined);
  interval.high = at_rank (sorted, n, (double) (estimate->n_draws - 1) - rank);
  if (isnan (interval.low) || isnan (interval.high))
    interval.low = interval.high = NAN;
  return interval;
}
