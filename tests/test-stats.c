/* stats: oracle values (oracle/bootstrap.py, auroc.py), closed forms, the normal limit, and simulations of how many intervals cover. */
#include "base/rng.h"
#include "stats/auroc.h"
#include "stats/bootstrap.h"
#include "stats/signs.h"

#include <glib.h>
#include <math.h>
#include <string.h>

typedef struct {
  size_t n_clusters;
  uint64_t seed;
  UtForm form;
  double level;
  double value, low, high;
} BootstrapCase;

#include "oracle/bootstrap-values.h"

typedef struct {
  size_t n, n_clusters, n_values;
  uint64_t seed;
  size_t n_limiting; /* clusters of the rarer kind of trial */
  double value, low, high;
} AurocCase;

#include "oracle/auroc-values.h"

/* One estimand alone. */
static UtEstimate *
bootstrap (UtForm form, const double *a, const double *b, const double *c, const double *d, size_t n_clusters, uint64_t seed,
           size_t n_draws)
{
  const UtEstimand estimand = { form, { a, b, c, d } };
  g_autoptr (GPtrArray) estimates = ut_bootstrap (&estimand, 1, n_clusters, seed, n_draws);
  g_ptr_array_set_free_func (estimates, NULL);
  return estimates->pdata[0];
}

/* [4][n_clusters], the same as oracle/bootstrap.py's. */
static double *
parts_of_seed (size_t n_clusters, uint64_t seed)
{
  UtRng rng = { .state = seed };
  double *parts = g_new (double, 4 * n_clusters);
  for (size_t c = 0; c < n_clusters; c++)
    for (size_t t = 0; t < 4; t++)
      {
        const uint64_t value = ut_rng_below (&rng, 5) + (t % 2 == 1 ? 5 : 0);
        parts[t * n_clusters + c] = t >= 2 && c % 4 == 0 ? 0 : (double) value;
      }
  return parts;
}

static void
test_oracle (void)
{
  for (const BootstrapCase *k = bootstrap_cases; k < bootstrap_cases + G_N_ELEMENTS (bootstrap_cases); k++)
    {
      const size_t n = k->n_clusters;
      g_autofree double *parts = parts_of_seed (n, k->seed);
      g_autoptr (UtEstimate) estimate = bootstrap (k->form, parts, parts + n, parts + 2 * n, parts + 3 * n, n, k->seed, 2000);
      const UtInterval interval = ut_estimate_interval (estimate, k->level);
      /* The sums are whole numbers and exact; what is left is a division's and an interpolation's rounding, and that of the tail, whose
       * share of 2000 ranks moves a bound by next to nothing. */
      g_assert_cmpfloat_with_epsilon (interval.value, k->value, 1e-15);
      g_assert_cmpfloat_with_epsilon (interval.low, k->low, 1e-12);
      g_assert_cmpfloat_with_epsilon (interval.high, k->high, 1e-12);
    }
}

static void
test_one_cluster_has_no_bounds (void)
{
  const double a[] = { 3 }, b[] = { 4 };
  g_autoptr (UtEstimate) estimate = bootstrap (UT_RATIO, a, b, NULL, NULL, 1, 0, UT_N_DRAWS);
  const UtInterval interval = ut_estimate_interval (estimate, 0.95);
  g_assert_cmpfloat (interval.value, ==, 0.75);
  g_assert_true (isnan (interval.low) && isnan (interval.high));
}

/* All of n clusters lie on one side of the truth in 2^(1 − n) of all cases: 1/16 for five, 1/32 for six. */
static void
test_few_clusters_have_no_bounds (void)
{
  const double a[] = { 3, 1, 2, 4, 2, 3 }, b[] = { 4, 4, 4, 4, 4, 4 };
  g_autoptr (UtEstimate) five = bootstrap (UT_RATIO, a, b, NULL, NULL, 5, 0, UT_N_DRAWS),
                         six = bootstrap (UT_RATIO, a, b, NULL, NULL, 6, 0, UT_N_DRAWS);
  g_assert_true (isnan (ut_estimate_interval (five, 0.95).low) && !isnan (ut_estimate_interval (five, 0.9).low));
  g_assert_true (!isnan (ut_estimate_interval (six, 0.95).low) && isnan (ut_estimate_interval (six, 0.99).low));
}

static void
test_equal_clusters_have_no_width (void)
{
  double a[20], b[20];
  for (size_t c = 0; c < 20; c++)
    {
      a[c] = 1;
      b[c] = 3;
    }
  g_autoptr (UtEstimate) estimate = bootstrap (UT_RATIO, a, b, NULL, NULL, 20, 0, UT_N_DRAWS);
  const UtInterval interval = ut_estimate_interval (estimate, 0.95);
  g_assert_cmpfloat (interval.value, ==, 1.0 / 3);
  g_assert_cmpfloat (interval.low, ==, 1.0 / 3);
  g_assert_cmpfloat (interval.high, ==, 1.0 / 3);
}

/* Clusters of one member: the bootstrap of a mean, whose deviation is known. */
static void
test_normal_limit (void)
{
  constexpr size_t N = 4000;
  static double a[N], b[N];
  UtRng rng = { .state = 9 };
  double sum = 0, sum2 = 0;
  for (size_t c = 0; c < N; c++)
    {
      a[c] = ut_rng_uniform (&rng);
      b[c] = 1;
      sum += a[c];
      sum2 += a[c] * a[c];
    }
  const double mean = sum / N, half = 1.959964 * sqrt ((sum2 / N - mean * mean) / N);
  g_autoptr (UtEstimate) estimate = bootstrap (UT_RATIO, a, b, NULL, NULL, N, 1, UT_N_DRAWS);
  const UtInterval interval = ut_estimate_interval (estimate, 0.95);
  /* A 2.5 % quantile of 10,000 draws has a deviation of √(.025 · .975 / 10⁴) / φ(1.96) = 0.027 of the estimate's, 1.4 % of `half`. */
  g_assert_cmpfloat_with_epsilon (interval.low, mean - half, 0.05 * half);
  g_assert_cmpfloat_with_epsilon (interval.high, mean + half, 0.05 * half);
}

/* The clusters of undefined quantities count against the interval, and too many leave none. */
static void
test_undefined (void)
{
  double a[100] = {}, b[100] = {};
  for (size_t c = 0; c < 100; c++)
    a[c] = b[c] = 1;
  g_autoptr (UtEstimate) whole = bootstrap (UT_RATIO, a, b, NULL, NULL, 100, 3, UT_N_DRAWS);
  g_assert_cmpfloat (ut_estimate_interval (whole, 0.95).low, ==, 1);
  /* Two clusters of a hundred: a draw has neither with 1 in 7.5. */
  for (size_t c = 2; c < 100; c++)
    a[c] = b[c] = 0;
  g_autoptr (UtEstimate) rare = bootstrap (UT_RATIO, a, b, NULL, NULL, 100, 3, UT_N_DRAWS);
  const UtInterval interval = ut_estimate_interval (rare, 0.95);
  g_assert_cmpfloat (interval.value, ==, 1);
  g_assert_true (isnan (interval.low) && isnan (interval.high));
  const double none[100] = {};
  g_autoptr (UtEstimate) empty = bootstrap (UT_RATIO, none, none, NULL, NULL, 100, 3, UT_N_DRAWS);
  g_assert_true (isnan (ut_estimate_interval (empty, 0.95).value));
}

static void
test_seed_decides (void)
{
  constexpr size_t N = 30;
  g_autofree double *parts = parts_of_seed (N, 5);
  g_autoptr (UtEstimate) once = bootstrap (UT_RATIO, parts, parts + N, NULL, NULL, N, 1, 600);
  g_autoptr (UtEstimate) again = bootstrap (UT_RATIO, parts, parts + N, NULL, NULL, N, 1, 600);
  g_autoptr (UtEstimate) fewer = bootstrap (UT_RATIO, parts, parts + N, NULL, NULL, N, 1, 300);
  g_autoptr (UtEstimate) other = bootstrap (UT_RATIO, parts, parts + N, NULL, NULL, N, 2, 600);
  size_t n_equal = 0;
  for (size_t d = 0; d < 600; d++)
    {
      g_assert_cmpfloat (once->draws[d], ==, again->draws[d]);
      g_assert_true (d >= 300 || once->draws[d] == fewer->draws[d]);
      n_equal += once->draws[d] == other->draws[d];
    }
  g_assert_cmpuint (n_equal, <, 100);
}

/* Two quantities that go together cluster by cluster differ by far less than their own intervals say. */
static void
test_pairs (void)
{
  constexpr size_t N = 50;
  double a[N], shifted[N], b[N];
  UtRng rng = { .state = 2 };
  for (size_t c = 0; c < N; c++)
    {
      a[c] = ut_rng_uniform (&rng);
      shifted[c] = a[c] + 0.25;
      b[c] = 1;
    }
  const UtEstimand estimands[] = { { UT_RATIO, { a, b } }, { UT_RATIO, { shifted, b } } };
  g_autoptr (GPtrArray) both = ut_bootstrap (estimands, 2, N, 0, UT_N_DRAWS);
  const UtEstimate *const parts[] = { both->pdata[0], both->pdata[1] };
  g_autoptr (UtEstimate) difference = ut_estimate_combine (parts, (double[]) { -1, 1 }, 2);
  g_autoptr (UtEstimate) mean = ut_estimate_combine (parts, (double[]) { 0.5, 0.5 }, 2);
  const UtInterval d = ut_estimate_interval (difference, 0.95), m = ut_estimate_interval (mean, 0.95),
                   p = ut_estimate_interval (parts[0], 0.95);
  g_assert_cmpfloat_with_epsilon (d.low, 0.25, 1e-12);
  g_assert_cmpfloat_with_epsilon (d.high, 0.25, 1e-12);
  g_assert_cmpfloat (p.high - p.low, >, 0.1);
  g_assert_cmpfloat_with_epsilon (m.value, p.value + 0.125, 1e-12);
  g_assert_cmpfloat_with_epsilon (m.high - m.low, p.high - p.low, 1e-12);
}

/* --- Coverage ---------------------------------------------------------------------------------------------------------------- */

constexpr unsigned INSTANCES = 24; /* of an image */

/* The share of samples of clustered flips whose 95 % interval covers the true rate. An image's flip rate is that of the square of a uniform
 * number, 1/3 on average: the flips of an image go together, with an intraclass correlation of 0.4. */
static double
simulate_coverage (size_t n_images, size_t n_samples, size_t n_draws)
{
  g_autofree double *flips = g_new (double, n_images), *instances = g_new (double, n_images);
  size_t n_covered = 0;
  UtRng rng = ut_rng_init (0, "", "coverage", n_images);
  for (size_t s = 0; s < n_samples; s++)
    {
      for (size_t c = 0; c < n_images; c++)
        {
          const double u = ut_rng_uniform (&rng);
          flips[c] = 0;
          instances[c] = INSTANCES;
          for (unsigned i = 0; i < INSTANCES; i++)
            flips[c] += ut_rng_uniform (&rng) < u * u;
        }
      g_autoptr (UtEstimate) estimate = bootstrap (UT_RATIO, flips, instances, NULL, NULL, n_images, s, n_draws);
      const UtInterval interval = ut_estimate_interval (estimate, 0.95);
      n_covered += interval.low <= 1.0 / 3 && 1.0 / 3 <= interval.high;
    }
  return (double) n_covered / (double) n_samples;
}

/* 2000 samples know the coverage to ±1 % (two deviations). */
static void
test_coverage (void)
{
  const size_t n_images[] = { 12, 40, 100 };
  for (size_t i = 0; i < G_N_ELEMENTS (n_images); i++)
    {
      const double coverage = simulate_coverage (n_images[i], 2000, 1000);
      g_test_message ("%zu images: %.3f", n_images[i], coverage);
      g_assert_cmpfloat (coverage, >=, 0.93);
      g_assert_cmpfloat (coverage, <=, 0.97);
    }
}

/* --- AUROC ------------------------------------------------------------------------------------------------------------------- */

/* One alone. */
static UtEstimate *
auroc (const UtForecast *trials, size_t n, size_t n_clusters, uint64_t seed, size_t n_draws)
{
  const UtForecasts forecasts = { trials, n };
  g_autoptr (GPtrArray) estimates = ut_auroc (&forecasts, 1, n_clusters, seed, n_draws);
  g_ptr_array_set_free_func (estimates, NULL);
  return estimates->pdata[0];
}

/* [n], the same as oracle/auroc.py's. */
static UtForecast *
trials_of_seed (const AurocCase *k)
{
  UtRng rng = { .state = k->seed };
  UtForecast *trials = g_new (UtForecast, k->n);
  for (size_t i = 0; i < k->n; i++)
    {
      const unsigned cluster = (unsigned) ut_rng_below (&rng, k->n_clusters);
      const uint64_t value = ut_rng_below (&rng, k->n_values), chance = ut_rng_below (&rng, 2 * k->n_values);
      trials[i] = (UtForecast) { (double) value / 8, cluster, chance < value && cluster % 3 != 0 };
    }
  return trials;
}

static void
assert_near_or_none (double actual, double expected)
{
  if (isnan (expected))
    g_assert_true (isnan (actual));
  else
    g_assert_cmpfloat_with_epsilon (actual, expected, 1e-12);
}

/* The counts are exact; what is left is the rounding that test_oracle has too. */
static void
test_auroc_oracle (void)
{
  for (const AurocCase *k = auroc_cases; k < auroc_cases + G_N_ELEMENTS (auroc_cases); k++)
    {
      g_autofree UtForecast *trials = trials_of_seed (k);
      g_autoptr (UtEstimate) estimate = auroc (trials, k->n, k->n_clusters, k->seed, 2000);
      const UtInterval interval = ut_estimate_interval (estimate, 0.95);
      g_assert_cmpuint (estimate->n_clusters, ==, k->n_limiting);
      g_assert_cmpfloat_with_epsilon (interval.value, k->value, 1e-15);
      assert_near_or_none (interval.low, k->low);
      assert_near_or_none (interval.high, k->high);
    }
}

static void
test_auroc_closed_forms (void)
{
  const UtForecast above[] = { { 1, 0, FALSE }, { 2, 1, FALSE }, { 3, 0, TRUE }, { 4, 1, TRUE } };
  const UtForecast below[] = { { 1, 0, TRUE }, { 2, 1, FALSE }, { 3, 0, FALSE } };
  const UtForecast equal[] = { { 7, 0, TRUE }, { 7, 1, FALSE }, { 7, 1, TRUE } };
  const UtForecast never[] = { { 1, 0, FALSE }, { 2, 1, FALSE } };
  g_autoptr (UtEstimate) one = auroc (above, 4, 2, 0, 10), zero = auroc (below, 3, 2, 0, 10), half = auroc (equal, 3, 2, 0, 10),
                         none = auroc (never, 2, 2, 0, 10), empty = auroc (NULL, 0, 0, 0, 10);
  g_assert_cmpfloat (one->value, ==, 1);
  g_assert_cmpfloat (zero->value, ==, 0);
  g_assert_cmpfloat (half->value, ==, 0.5);
  g_assert_true (isnan (none->value) && isnan (empty->value));
  g_assert_true (isnan (ut_estimate_interval (none, 0.95).value));
}

/* Of a standard normal (Box and Muller 1958). */
static double
normal (UtRng *rng)
{
  return sqrt (-2 * log1p (-ut_rng_uniform (rng))) * cos (2 * G_PI * ut_rng_uniform (rng));
}

/* The share of samples whose 95 % interval covers the true AUROC. A flip is as in simulate_coverage; the drift of an instance is normal
 * with variance 1, half of it its image's, and 1 more where it flips. Two instances of different images then differ by a normal with
 * variance 2, and the true AUROC is Φ (1 / √2) = ½ erfc (−½). */
static double
simulate_auroc_coverage (size_t n_images, size_t n_samples, size_t n_draws)
{
  const double truth = erfc (-0.5) / 2;
  const size_t n = n_images * INSTANCES;
  g_autofree UtForecast *trials = g_new (UtForecast, n);
  size_t n_covered = 0;
  UtRng rng = ut_rng_init (0, "", "AUROC coverage", n_images);
  for (size_t s = 0; s < n_samples; s++)
    {
      for (unsigned c = 0; c < n_images; c++)
        {
          const double u = ut_rng_uniform (&rng), of_image = normal (&rng);
          for (unsigned i = 0; i < INSTANCES; i++)
            {
              const gboolean flip = ut_rng_uniform (&rng) < u * u;
              trials[c * INSTANCES + i] = (UtForecast) { (of_image + normal (&rng)) * G_SQRT2 / 2 + flip, c, flip };
            }
        }
      g_autoptr (UtEstimate) estimate = auroc (trials, n, n_images, s, n_draws);
      const UtInterval interval = ut_estimate_interval (estimate, 0.95);
      n_covered += interval.low <= truth && truth <= interval.high;
    }
  return (double) n_covered / (double) n_samples;
}

/* 1500 samples know the coverage to ±1.1 % (two deviations). 5000 samples gave 0.929 of 15 images, 0.936 of 40, and 2000 gave 0.947 of
 * 100: pairs within an image are more alike than others, and a draw that holds an image twice has twice as many of them. */
static void
test_auroc_coverage (void)
{
  const size_t n_images[] = { 40, 100 };
  for (size_t i = 0; i < G_N_ELEMENTS (n_images); i++)
    {
      const double coverage = simulate_auroc_coverage (n_images[i], 1500, 1000);
      g_test_message ("%zu images: %.3f", n_images[i], coverage);
      g_assert_cmpfloat (coverage, >=, 0.93);
      g_assert_cmpfloat (coverage, <=, 0.97);
    }
}

/* P(|X − n/2| ≥ |k − n/2|) of X ~ Binomial(n, ½), from the coefficients. */
static double
binomial_two_sided (unsigned k, unsigned n)
{
  double coefficient = 1, tail = 0;
  for (unsigned j = 0; j <= MIN (k, n - k); j++)
    {
      tail += coefficient;
      coefficient *= (double) (n - j) / (double) (j + 1);
    }
  return MIN (1, 2 * tail / exp2 (n));
}

/* With one discordant pair a cluster it is McNemar's exact test, whatever clusters without one stand between them. */
static void
test_signs_of_single_pairs (void)
{
  gint64 differences[60] = {};
  for (unsigned n = 0; n <= 30; n++)
    for (unsigned k = 0; k <= n; k++)
      {
        for (unsigned i = 0; i < 30; i++)
          differences[2 * i] = i < k ? 1 : i < n ? -1 : 0;
        g_assert_cmpfloat_with_epsilon (ut_signs_test (differences, G_N_ELEMENTS (differences)), binomial_two_sided (k, n),
                                        1e-14);
      }
}

/* All choices of signs, one by one. */
static double
try_all_signs (const gint64 *differences, unsigned n)
{
  gint64 seen = 0;
  for (unsigned i = 0; i < n; i++)
    seen += differences[i];
  unsigned beyond = 0;
  for (unsigned signs = 0; signs < 1u << n; signs++)
    {
      gint64 sum = 0;
      for (unsigned i = 0; i < n; i++)
        sum += signs >> i & 1 ? differences[i] : -differences[i];
      beyond += ABS (sum) >= ABS (seen);
    }
  return beyond / exp2 (n);
}

static void
test_signs_of_clusters (void)
{
  UtRng rng = ut_rng_init (1, "", "signs", 0);
  for (unsigned round = 0; round < 200; round++)
    {
      gint64 differences[12];
      const unsigned n = round % G_N_ELEMENTS (differences) + 1;
      for (unsigned i = 0; i < n; i++)
        differences[i] = (gint64) ut_rng_below (&rng, 13) - 5;
      g_assert_cmpfloat_with_epsilon (ut_signs_test (differences, n), try_all_signs (differences, n), 1e-14);
    }
}

/* Where instances of an image go together, it rejects as often as it says (5 %); taken one by one they are called different far more often. */
static void
test_signs_hold_their_level (void)
{
  constexpr unsigned n_rounds = 2000;
  constexpr unsigned n_images = 30;
  constexpr unsigned n_instances = 8;
  unsigned by_image = 0, one_by_one = 0;
  UtRng rng = ut_rng_init (2, "", "signs", 1);
  for (unsigned round = 0; round < n_rounds; round++)
    {
      gint64 images[n_images], instances[n_images * n_instances];
      for (unsigned i = 0; i < n_images; i++)
        {
          const unsigned side = (unsigned) ut_rng_below (&rng, 2);
          images[i] = 0;
          for (unsigned k = 0; k < n_instances; k++)
            {
              const gboolean strays = ut_rng_below (&rng, 10) == 0;
              instances[i * n_instances + k] = (side == 1) != strays ? 1 : -1;
              images[i] += instances[i * n_instances + k];
            }
        }
      by_image += ut_signs_test (images, n_images) <= 0.05;
      one_by_one += ut_signs_test (instances, n_images * n_instances) <= 0.05;
    }
  g_test_message ("by image %u, one by one %u of %u", by_image, one_by_one, n_rounds);
  g_assert_cmpuint (by_image, <=, n_rounds * 65 / 1000);
  g_assert_cmpuint (by_image, >=, n_rounds * 25 / 1000);
  g_assert_cmpuint (one_by_one, >=, n_rounds * 30 / 100);
}

/* Many clusters and large differences: still what the normal limit says, and 1 where nothing differs. */
static void
test_signs_of_many (void)
{
  g_autofree gint64 *differences = g_new (gint64, 4000);
  double squares = 0;
  gint64 sum = 0;
  for (unsigned i = 0; i < 4000; i++)
    {
      differences[i] = (gint64) (i % 9) * (i % 19 < 10 ? 1 : -1);
      squares += (double) (differences[i] * differences[i]);
      sum += differences[i];
    }
  g_assert_cmpfloat_with_epsilon (ut_signs_test (differences, 4000), erfc ((double) (sum - 1) / sqrt (2 * squares)), 1e-3);
  memset (differences, 0, 4000 * sizeof *differences);
  g_assert_cmpfloat (ut_signs_test (differences, 4000), ==, 1);
  g_assert_cmpfloat (ut_signs_test (NULL, 0), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stats/oracle", test_oracle);
  g_test_add_func ("/stats/one-cluster-has-no-bounds", test_one_cluster_has_no_bounds);
  g_test_add_func ("/stats/few-clusters-have-no-bounds", test_few_clusters_have_no_bounds);
  g_test_add_func ("/stats/equal-clusters-have-no-width", test_equal_clusters_have_no_width);
  g_test_add_func ("/stats/normal-limit", test_normal_limit);
  g_test_add_func ("/stats/undefined", test_undefined);
  g_test_add_func ("/stats/seed-decides", test_seed_decides);
  g_test_add_func ("/stats/pairs", test_pairs);
  g_test_add_func ("/stats/coverage", test_coverage);
  g_test_add_func ("/stats/auroc-oracle", test_auroc_oracle);
  g_test_add_func ("/stats/auroc-closed-forms", test_auroc_closed_forms);
  g_test_add_func ("/stats/auroc-coverage", test_auroc_coverage);
  g_test_add_func ("/stats/signs-of-single-pairs", test_signs_of_single_pairs);
  g_test_add_func ("/stats/signs-of-clusters", test_signs_of_clusters);
  g_test_add_func ("/stats/signs-hold-their-level", test_signs_hold_their_level);
  g_test_add_func ("/stats/signs-of-many", test_signs_of_many);
  return g_test_run ();
}
