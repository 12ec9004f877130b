/* metric: closed forms, oracle values (oracle/metric.py), the summation order held bit for bit, and what NaN, infinity and zero
 * give. */
#include "inputs.h"
#include "metric/metric.h"

#include <string.h>

typedef struct {
  size_t n;
  uint64_t seed;
  float spread;
  double cosine, l2, relative, centred;
} DriftCase;

typedef struct {
  size_t n_tokens, n_embd;
  uint64_t seed;
  size_t column;
  double mean;
} PoolCase;

typedef struct {
  size_t n_embd;
  uint64_t seed;
  UtGrid grids[3];
  size_t n_grids;
  double energy, rayleigh;
} DirichletCase;

typedef struct {
  size_t n_items, n_embd, absent_every, item, k;
  double drift;
} ControlCase;

typedef struct {
  size_t n_tokens, n_embd;
  uint64_t seed;
  float spread;
  double drift, last;
} TokenCase;

typedef struct {
  size_t n, d;
  uint64_t seed;
  float spread;
  double cka, knn;
} PopulationCase;

typedef struct {
  size_t n;
  uint64_t seed;
  double scale, divergence, position;
} PriorCase;

#include "oracle/metric-values.h"

/* The unit roundoff of double: what one operation may be off, relatively. */
#define ROUNDOFF 0x1p-53

/* The most additions one element goes through in a sum over n: those of its lane, then the tree. */
static double
sum_depth (size_t n)
{
  return ceil ((double) n / 16.0) + 4.0;
}

/* Each of the three sums is off by sum_depth roundings of √(aa·bb) at most; product, root, quotient and difference add four. */
static void
test_drift_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (drift_cases); i++)
    {
      const DriftCase *c = &drift_cases[i];
      g_autofree float *a = tensor (c->seed, c->n);
      g_autofree float *b = disturbed (a, c->seed + 1, c->n, c->spread);
      assert_near (ut_cosine_distance (a, b, c->n), c->cosine, (2.0 * sum_depth (c->n) + 4.0) * ROUNDOFF);
      assert_near (ut_l2_distance (a, b, c->n), c->l2, 1e-12 * c->l2);
      assert_near (ut_relative_l2 (a, b, c->n), c->relative, 1e-12 * c->relative);
      /* Products of centred values round too: one more for each term. */
      g_autofree float *mean = tensor (c->seed + 2, c->n);
      assert_near (ut_centred_cosine_distance (a, b, mean, c->n), c->centred, (2.0 * sum_depth (c->n) + 8.0) * ROUNDOFF);
    }
}

static void
test_token_drift_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (token_cases); i++)
    {
      const TokenCase *c = &token_cases[i];
      const size_t n = c->n_tokens * c->n_embd;
      g_autofree float *a = tensor (c->seed, n);
      g_autofree float *b = disturbed (a, c->seed + 1, n, c->spread);
      g_autofree double *map = g_new (double, c->n_tokens);
      assert_near (ut_token_drift (a, b, c->n_tokens, c->n_embd, map), c->drift, 1e-14);
      assert_near (map[c->n_tokens - 1], c->last, 1e-14);
      assert_same_bits (ut_token_drift (a, b, c->n_tokens, c->n_embd, NULL), ut_token_drift (a, b, c->n_tokens, c->n_embd, map));
    }
}

static void
test_population_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (population_cases); i++)
    {
      const PopulationCase *c = &population_cases[i];
      g_autofree float *a = tensor (c->seed, c->n * c->d);
      g_autofree float *b = disturbed (a, c->seed + 1, c->n * c->d, c->spread);
      assert_near (ut_linear_cka (a, b, c->n, c->d), c->cka, 1e-13);
      assert_near (ut_mutual_knn (a, b, c->n, c->d, UT_KNN_K), c->knn, 1e-15);
    }
}

/* A probability is off by the 4 roundings of its exponential, n of the sum and one of the quotient, so x, which is (p − q) / (p +
 * q), by e = (n + 6) 2^-53 at most. Then Σ (p + q) x² / 4 is off by Σ (p + q) |x| e / 2, at most √(2 Σ (p + q) x² / 4) e by
 * Cauchy and Schwarz, and by the n + 20 roundings of its own. */
static void
test_prior_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (prior_cases); i++)
    {
      const PriorCase *c = &prior_cases[i];
      g_autofree float *clean = tensor (c->seed, c->n);
      g_autofree float *perturbed = tensor (c->seed + 1, c->n);
      g_autofree float *blank = tensor (c->seed + 2, c->n);
      g_autofree double *scores = g_new (double, c->n);
      g_autofree double *others = g_new (double, c->n);
      for (size_t k = 0; k < c->n; k++)
        {
          scores[k] = (double) clean[k] * 8.0;
          others[k] = scores[k] + (double) perturbed[k] * c->scale;
        }
      const double n = (double) c->n, error = sqrt (2.0 * c->divergence) * (n + 6.0) + c->divergence * (n + 20.0);
      assert_near (ut_js_divergence (scores, others, c->n), c->divergence, error * ROUNDOFF);
      assert_near (ut_prior_position (clean, perturbed, blank, c->n), c->position, 1e-12 * (1.0 + fabs (c->position)));
    }
}

/* Half a unit in the last place of the float stored, and the roundings of a sum of values below 1. */
static void
test_pool_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (pool_cases); i++)
    {
      const PoolCase *c = &pool_cases[i];
      g_autofree float *z = tensor (c->seed, c->n_tokens * c->n_embd);
      g_autofree float *mean = g_new (float, c->n_embd);
      ut_mean_pool (z, c->n_tokens, c->n_embd, mean);
      assert_near ((double) mean[c->column], c->mean, 0x1p-24 * fabs (c->mean) + (double) (c->n_tokens + 1) * ROUNDOFF);
    }
}

/* All terms are positive, so the relative error is at most the roundings an element goes through: sum_depth and the number of
 * pairs, below 2000 here. */
static void
test_dirichlet_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (dirichlet_cases); i++)
    {
      const DirichletCase *c = &dirichlet_cases[i];
      size_t n_tokens = 0;
      for (size_t g = 0; g < c->n_grids; g++)
        n_tokens += (size_t) c->grids[g].t * c->grids[g].h * c->grids[g].w;
      g_autofree float *z = tensor (c->seed, n_tokens * c->n_embd);
      assert_near (ut_dirichlet_energy (z, c->grids, c->n_grids, c->n_embd), c->energy, 1e-12 * c->energy);
      assert_near (ut_dirichlet_rayleigh (z, c->grids, c->n_grids, c->n_embd), c->rayleigh, 1e-12 * c->rayleigh);
    }
}

static void
test_control_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (control_cases); i++)
    {
      const ControlCase *c = &control_cases[i];
      g_autofree float *clean = tensor (4000 + c->n_items, c->n_items * c->n_embd);
      g_autofree int *present = g_new (int, c->n_items);
      for (size_t item = 0; item < c->n_items; item++)
        present[item] = c->absent_every == 0 || item % c->absent_every != c->absent_every - 1;
      const UtPopulation population = { .clean = clean, .present = present, .n_items = c->n_items, .n_embd = c->n_embd };
      g_autofree char *id = g_strdup_printf ("item-%zu", c->item);

      size_t k;
      const double drift = ut_control_drift (&population, c->item, id, "ctx_mcq", UT_CONTROL_K, 7, &k);
      g_assert_cmpuint (k, ==, c->k);
      assert_near (drift, c->drift, 1e-13);
    }
}

/* The order lanes.h promises, written plainly. This file is compiled for the baseline x86-64, so that a clone for a newer
 * processor that sums otherwise, or fuses a multiply and an add, fails here on such a processor. */
typedef enum { PRODUCT, SQUARED_DIFFERENCE } Term;

static double
lane_sum (Term term, const float *a, const float *b, size_t n)
{
  double lanes[16] = { 0 };
  for (size_t i = 0; i < n; i++)
    {
      const double x = a[i], y = b[i];
      lanes[i % 16] += term == PRODUCT ? x * y : (x - y) * (x - y);
    }
  for (size_t width = 8; width > 0; width /= 2)
    for (size_t l = 0; l < width; l++)
      lanes[l] += lanes[l + width];
  return lanes[0];
}

static void
test_summation_order (void)
{
  for (size_t n = 1; n <= 200; n++)
    {
      g_autofree float *a = tensor (n, n);
      g_autofree float *b = disturbed (a, n + 1, n, 0.25f);
      /* Magnitudes far apart, so that another order gives other bits. */
      for (size_t i = 0; i < n; i++)
        {
          a[i] = ldexpf (a[i], (int) (i * 7 % 41) - 20);
          b[i] = ldexpf (b[i], (int) (i * 11 % 41) - 20);
        }
      const double aa = lane_sum (PRODUCT, a, a, n), ab = lane_sum (PRODUCT, a, b, n), bb = lane_sum (PRODUCT, b, b, n);
      const double squared = lane_sum (SQUARED_DIFFERENCE, a, b, n);
      assert_same_bits (ut_cosine_distance (a, b, n), CLAMP (1.0 - ab / sqrt (aa * bb), 0.0, 2.0));
      assert_same_bits (ut_l2_distance (a, b, n), sqrt (squared));
      const float *rows[] = { a, b };
      g_autofree float *z = g_new (float, 2 * n);
      for (size_t r = 0; r < 2; r++)
        memcpy (z + r * n, rows[r], n * sizeof *z);
      assert_same_bits (ut_dirichlet_energy (z, &(UtGrid) { 1, 1, 2 }, 1, n), squared);
    }
}

/* Tokens are added in order, whichever block of columns they are in. */
static void
test_pool_order (void)
{
  static const size_t widths[] = { 1, 15, 17, 511, 512, 513, 1025 };
  for (size_t i = 0; i < G_N_ELEMENTS (widths); i++)
    {
      const size_t n_embd = widths[i], n_tokens = 29;
      g_autofree float *z = tensor (i, n_tokens * n_embd);
      g_autofree float *mean = g_new (float, n_embd);
      ut_mean_pool (z, n_tokens, n_embd, mean);
      for (size_t column = 0; column < n_embd; column++)
        {
          double sum = 0.0;
          for (size_t t = 0; t < n_tokens; t++)
            sum += (double) z[t * n_embd + column];
          g_assert_cmpfloat (mean[column], ==, (float) (sum / (double) n_tokens));
        }
    }
}

static void
test_drift_identity (void)
{
  static const float scales[] = { FLT_TRUE_MIN, FLT_MIN, 1e-20f, 1.0f, 3.0f, 1e20f, FLT_MAX };
  for (size_t n = 1; n < 70; n++)
    for (size_t s = 0; s < G_N_ELEMENTS (scales); s++)
      {
        g_autofree float *a = tensor (n, n);
        a[0] = 1.0f; /* a norm that is not 0 at any scale */
        for (size_t i = 0; i < n; i++)
          a[i] *= scales[s];
        assert_same_bits (ut_cosine_distance (a, a, n), 0.0);
        assert_same_bits (ut_l2_distance (a, a, n), 0.0);
      }
}

static void
test_drift_symmetry (void)
{
  for (size_t n = 1; n < 70; n++)
    {
      g_autofree float *a = tensor (n, n);
      g_autofree float *b = tensor (n + 500, n);
      assert_same_bits (ut_cosine_distance (a, b, n), ut_cosine_distance (b, a, n));
      assert_same_bits (ut_l2_distance (a, b, n), ut_l2_distance (b, a, n));
    }
}

static void
test_drift_closed_forms (void)
{
  const float x[] = { 2, 0, 0 }, y[] = { 0, 5, 0 }, minus_x[] = { -4, 0, 0 }, xy[] = { 3, 3, 0 };
  g_assert_cmpfloat (ut_cosine_distance (x, y, 3), ==, 1.0);
  g_assert_cmpfloat (ut_cosine_distance (x, minus_x, 3), ==, 2.0);
  assert_near (ut_cosine_distance (x, xy, 3), 1.0 - G_SQRT2 / 2.0, 2.0 * ROUNDOFF);
  g_assert_cmpfloat (ut_l2_distance (x, minus_x, 3), ==, 6.0);
  assert_near (ut_l2_distance (x, y, 3), sqrt (29.0), 0.0);
  g_assert_cmpfloat (ut_l2_distance (x, y, 0), ==, 0.0);
}

static void
test_relative_l2 (void)
{
  const float clean[] = { 3, 4, 0 }, moved[] = { 3, 4, 10 }, zero[3] = { 0 };
  g_assert_cmpfloat (ut_relative_l2 (clean, moved, 3), ==, 2.0);
  g_assert_cmpfloat (ut_relative_l2 (clean, clean, 3), ==, 0.0);
  g_assert_cmpfloat (ut_relative_l2 (clean, zero, 3), ==, 1.0);
  g_assert_true (isnan (ut_relative_l2 (zero, clean, 3)));
  g_assert_true (isnan (ut_relative_l2 (zero, zero, 3)));
}

/* Two right angles apart from a direction they share, which plain cosine sees alone. */
static void
test_centred_closed_forms (void)
{
  const float mean[] = { 4096, 0, 0 }, a[] = { 4096, 2, 0 }, b[] = { 4096, 0, 5 }, minus_a[] = { 4096, -7, 0 };
  g_assert_cmpfloat (ut_cosine_distance (a, b, 3), <, 1e-6);
  g_assert_cmpfloat (ut_centred_cosine_distance (a, b, mean, 3), ==, 1.0);
  g_assert_cmpfloat (ut_centred_cosine_distance (a, minus_a, mean, 3), ==, 2.0);
  g_assert_cmpfloat (ut_centred_cosine_distance (a, a, mean, 3), ==, 0.0);
  g_assert_true (isnan (ut_centred_cosine_distance (mean, a, mean, 3)));
  for (size_t n = 1; n < 70; n++)
    {
      g_autofree float *x = tensor (n, n);
      g_autofree float *m = tensor (n + 500, n);
      assert_same_bits (ut_centred_cosine_distance (x, x, m, n), 0.0);
    }
}

static void
test_token_drift_closed_forms (void)
{
  const float clean[] = { 1, 0, 0, 2, 3, 0 }, turned[] = { 0, 1, 0, 7, -1, 0 }, lost[] = { 0, 1, 0, 0, -1, 0 };
  double map[3];
  g_assert_cmpfloat (ut_token_drift (clean, turned, 3, 2, map), ==, 1.0);
  g_assert_true (map[0] == 1.0 && map[1] == 0.0 && map[2] == 2.0);
  g_assert_cmpfloat (ut_token_drift (clean, clean, 3, 2, NULL), ==, 0.0);
  g_assert_true (isnan (ut_token_drift (clean, lost, 3, 2, map)));
  g_assert_true (map[0] == 1.0 && isnan (map[1]) && map[2] == 2.0);
  g_assert_true (isnan (ut_token_drift (clean, clean, 0, 2, NULL)));
}

/* A cosine is a cosine: parallel vectors of any ratio stay within 0..2. */
static void
test_drift_range (void)
{
  for (size_t n = 1; n < 300; n++)
    {
      g_autofree float *a = tensor (n, n);
      g_autofree float *b = g_new (float, n);
      const float ratio = 1.0f + (float) n / 7.0f;
      for (size_t i = 0; i < n; i++)
        b[i] = a[i] * ratio;
      const double near = ut_cosine_distance (a, b, n);
      g_assert_cmpfloat (near, >=, 0.0);
      g_assert_cmpfloat (near, <, 1e-13);
      for (size_t i = 0; i < n; i++)
        b[i] = -b[i];
      const double far = ut_cosine_distance (a, b, n);
      g_assert_cmpfloat (far, <=, 2.0);
      g_assert_cmpfloat (far, >, 2.0 - 1e-13);
    }
}

static void
test_huge_norms (void)
{
  const size_t n = 4099;
  g_autofree float *a = constant (n, FLT_MAX);
  g_autofree float *b = constant (n, -FLT_MAX);
  g_assert_cmpfloat (ut_cosine_distance (a, b, n), ==, 2.0);
  const double l2 = 2.0 * (double) FLT_MAX * sqrt ((double) n);
  assert_near (ut_l2_distance (a, b, n), l2, 1e-12 * l2);
  assert_near (ut_relative_l2 (a, b, n), 2.0, 1e-12);
  assert_near (ut_prior_position (a, b, b, n), 1.0, 0.0);

  float mean;
  ut_mean_pool (a, n, 1, &mean);
  g_assert_cmpfloat (mean, ==, FLT_MAX);

  const float field[] = { 1e38f, -1e38f, 1e38f, -1e38f };
  const double energy = 4.0 * (double) 1e38f * (double) 1e38f;
  assert_near (ut_dirichlet_energy (field, &(UtGrid) { 1, 1, 4 }, 1, 1), energy, 1e-12 * energy);
}

static void
test_zero_norm (void)
{
  const float zero[20] = { 0 };
  g_autofree float *a = tensor (1, 20);
  g_assert_true (isnan (ut_cosine_distance (zero, a, 20)));
  g_assert_true (isnan (ut_cosine_distance (a, zero, 20)));
  g_assert_true (isnan (ut_cosine_distance (zero, zero, 20)));
  g_assert_true (isnan (ut_cosine_distance (a, a, 0)));
  g_assert_cmpfloat (ut_l2_distance (zero, zero, 20), ==, 0.0);
}

/* One bad value, at every position of every vector: in the body, in the tail, beside a zero. */
static void
test_not_finite (void)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  const size_t n = 37;
  const UtGrid grids[] = { { 1, 1, 1 }, { 2, 1, 3 }, { 1, 5, 6 } };
  const size_t n_tokens = 37, n_embd = 1;
  for (size_t kind = 0; kind < G_N_ELEMENTS (bad); kind++)
    for (size_t i = 0; i < n; i++)
      {
        g_autofree float *a = tensor (2, n);
        g_autofree float *finite = tensor (1, n);
        g_autofree float *whole = tensor (3, n);
        a[i] = bad[kind];
        finite[i] = 0.0f;
        g_assert_true (isnan (ut_cosine_distance (a, finite, n)));
        g_assert_true (isnan (ut_cosine_distance (finite, a, n)));
        g_assert_true (isnan (ut_cosine_distance (a, a, n)));
        g_assert_true (isnan (ut_l2_distance (a, finite, n)));
        g_assert_true (isnan (ut_l2_distance (finite, a, n)));
        g_assert_true (isnan (ut_l2_distance (a, a, n)));
        g_assert_true (isnan (ut_relative_l2 (a, finite, n)));
        g_assert_true (isnan (ut_relative_l2 (finite, a, n)));
        g_assert_true (isnan (ut_centred_cosine_distance (a, finite, finite, n)));
        g_assert_true (isnan (ut_centred_cosine_distance (finite, a, finite, n)));
        g_assert_true (isnan (ut_token_drift (a, finite, n_tokens, n_embd, NULL)));
        g_assert_true (isnan (ut_token_drift (finite, a, n_tokens, n_embd, NULL)));
        g_assert_true (isnan (ut_dirichlet_energy (a, grids, G_N_ELEMENTS (grids), n_embd)));
        g_assert_true (isnan (ut_dirichlet_rayleigh (a, grids, G_N_ELEMENTS (grids), n_embd)));
        g_assert_true (isnan (ut_linear_cka (a, finite, n, 1)));
        g_assert_true (isnan (ut_linear_cka (finite, a, n, 1)));
        g_assert_true (isnan (ut_linear_cka (a, finite, 4, 9)) || i == 36);
        g_assert_true (isnan (ut_mutual_knn (a, whole, n, 1, UT_KNN_K)));
        g_assert_true (isnan (ut_mutual_knn (whole, a, n, 1, UT_KNN_K)));
        g_assert_true (isnan (ut_prior_position (a, whole, finite, n)));
        g_assert_true (isnan (ut_prior_position (whole, a, finite, n)));
        g_assert_true (isnan (ut_prior_position (whole, finite, a, n)));
        float mean;
        ut_mean_pool (a, n_tokens, n_embd, &mean);
        g_assert_true (isnan (mean));
      }
}

/* A bad value in one column leaves the others' means alone. */
static void
test_pool_columns_apart (void)
{
  const float z[] = { 1, INFINITY, 3, 3, -INFINITY, 5 };
  float mean[3];
  ut_mean_pool (z, 2, 3, mean);
  g_assert_cmpfloat (mean[0], ==, 2.0f);
  g_assert_true (isnan (mean[1]));
  g_assert_cmpfloat (mean[2], ==, 4.0f);
}

/* Another order of the tokens moves a mean by rounding alone: in double, then half a unit of a float either way. */
static void
test_pool_permutation (void)
{
  const size_t n_tokens = 101, n_embd = 67;
  g_autofree float *z = tensor (3, n_tokens * n_embd);
  g_autofree float *shuffled = g_new (float, n_tokens *n_embd);
  for (size_t t = 0; t < n_tokens; t++)
    memcpy (shuffled + (t * 37 % n_tokens) * n_embd, z + t * n_embd, n_embd * sizeof *z);

  g_autofree float *mean = g_new (float, n_embd);
  g_autofree float *shuffled_mean = g_new (float, n_embd);
  ut_mean_pool (z, n_tokens, n_embd, mean);
  ut_mean_pool (shuffled, n_tokens, n_embd, shuffled_mean);
  for (size_t i = 0; i < n_embd; i++)
    assert_near ((double) shuffled_mean[i], (double) mean[i],
                 0x1p-23 * fabs ((double) mean[i]) + 2.0 * (double) n_tokens * ROUNDOFF);
}

static void
test_pool_one_token (void)
{
  g_autofree float *z = tensor (4, 600);
  g_autofree float *mean = g_new (float, 600);
  ut_mean_pool (z, 1, 600, mean);
  g_assert_cmpmem (mean, 600 * sizeof *mean, z, 600 * sizeof *z);
}

static void
test_dirichlet_constant (void)
{
  const UtGrid grids[] = { { 1, 4, 6 }, { 2, 3, 1 } };
  g_autofree float *z = constant (30 * 19, 0.7f);
  g_assert_cmpfloat (ut_dirichlet_energy (z, grids, 2, 19), ==, 0.0);
}

/* Every pair of a ±1 checkerboard differs by 2 in each of d columns: E = 4d, whatever the grid. */
static void
test_dirichlet_checkerboard (void)
{
  static const UtGrid grids[] = { { 1, 1, 2 }, { 1, 2, 1 }, { 1, 5, 7 }, { 1, 8, 8 }, { 3, 4, 5 } };
  const size_t d = 21;
  for (size_t g = 0; g < G_N_ELEMENTS (grids); g++)
    {
      const size_t h = grids[g].h, w = grids[g].w, n_tokens = grids[g].t * h * w;
      g_autofree float *z = constant (n_tokens * d, 0.0f);
      for (size_t i = 0; i < n_tokens * d; i++)
        {
          const size_t token = i / d, x = token % w, y = token / w % h;
          z[i] = (x + y) % 2 == 0 ? 1.0f : -1.0f;
        }
      g_assert_cmpfloat (ut_dirichlet_energy (z, &grids[g], 1, d), ==, 4.0 * (double) d);
    }
}

/* A ramp of slope 1 along x: the pairs across differ by 1, those down by 0. */
static void
test_dirichlet_ramp (void)
{
  enum { H = 3, W = 5 };
  float z[H * W];
  for (size_t i = 0; i < H * W; i++)
    z[i] = (float) (i % W);
  const double across = H * (W - 1), down = (H - 1) * W;
  assert_near (ut_dirichlet_energy (z, &(UtGrid) { 1, H, W }, 1, 1), across / (across + down), 0.0);
  /* The same tokens as one row: the two ends of a row of the ramp now touch, a step of W − 1 each. */
  assert_near (ut_dirichlet_energy (z, &(UtGrid) { 1, 1, H * W }, 1, 1), (across + (H - 1) * (W - 1) * (W - 1)) / (H * W - 1),
               0.0);
}

static void
test_dirichlet_without_pairs (void)
{
  const float z[] = { 1, 2, 3, 4 };
  g_assert_cmpfloat (ut_dirichlet_energy (z, &(UtGrid) { 1, 1, 1 }, 1, 4), ==, 0.0);
  g_assert_cmpfloat (ut_dirichlet_energy (z, &(UtGrid) { 4, 1, 1 }, 1, 1), ==, 0.0);
  g_assert_cmpfloat (ut_dirichlet_energy (z, NULL, 0, 4), ==, 0.0);
  g_assert_cmpfloat (ut_dirichlet_energy (z, &(UtGrid) { 0, 3, 3 }, 1, 4), ==, 0.0);
  g_assert_cmpfloat (ut_dirichlet_energy (z, &(UtGrid) { 1, 0, 3 }, 1, 4), ==, 0.0);
  g_assert_cmpfloat (ut_dirichlet_energy (z, &(UtGrid) { 1, 3, 0 }, 1, 4), ==, 0.0);
}

/* Frames and images meet at no pair: their pairs are pooled, so a mean weighted by their numbers. */
static void
test_dirichlet_pooled (void)
{
  const UtGrid grids[] = { { 1, 3, 4 }, { 1, 1, 1 }, { 2, 2, 5 } };
  const size_t d = 18;
  g_autofree float *z = tensor (5, (12 + 1 + 20) * d);
  const double first = ut_dirichlet_energy (z, &(UtGrid) { 1, 3, 4 }, 1, d);
  const double frame_1 = ut_dirichlet_energy (z + 13 * d, &(UtGrid) { 1, 2, 5 }, 1, d);
  const double frame_2 = ut_dirichlet_energy (z + 23 * d, &(UtGrid) { 1, 2, 5 }, 1, d);
  const double expected = (17.0 * first + 13.0 * frame_1 + 13.0 * frame_2) / 43.0;
  assert_near (ut_dirichlet_energy (z, grids, 3, d), expected, 1e-12 * expected);
}

/* Free of scale, down to the bits where the scale is a power of two. */
static void
test_rayleigh_scale (void)
{
  const UtGrid grid = { 1, 5, 7 };
  g_autofree float *z = tensor (8, 35 * 19);
  const double before = ut_dirichlet_rayleigh (z, &grid, 1, 19);
  for (size_t i = 0; i < 35 * 19; i++)
    z[i] = ldexpf (z[i], 80);
  assert_same_bits (ut_dirichlet_rayleigh (z, &grid, 1, 19), before);
}

/* The highest of any field: the rows of four whose neighbours differ the most, the eigenvector of the largest of 2 + 2 cos
 * (π/4). */
static void
test_rayleigh_closed_forms (void)
{
  static const UtGrid grids[] = { { 1, 1, 2 }, { 1, 2, 2 }, { 3, 4, 6 }, { 1, 5, 5 } };
  for (size_t i = 0; i < G_N_ELEMENTS (grids); i++)
    {
      const size_t n = (size_t) grids[i].t * grids[i].h * grids[i].w;
      g_autofree float *z = g_new (float, n);
      for (size_t t = 0; t < n; t++)
        z[t] = (t / grids[i].w % grids[i].h + t % grids[i].w) % 2 == 0 ? 3.0f : -3.0f;
      g_assert_cmpfloat (ut_dirichlet_rayleigh (z, &grids[i], 1, 1), ==, 4.0);
    }
  const float steepest[] = { 1.0f, -1.0f - (float) G_SQRT2, 1.0f + (float) G_SQRT2, -1.0f };
  assert_near (ut_dirichlet_rayleigh (steepest, &(UtGrid) { 1, 1, 4 }, 1, 1), (2.0 + G_SQRT2) * 4.0 / 3.0, 1e-6);
  g_autofree float *same = constant (12, 0.7f);
  g_assert_cmpfloat (ut_dirichlet_rayleigh (same, &(UtGrid) { 1, 3, 4 }, 1, 1), ==, 0.0);
  const float zero[12] = { 0 };
  g_assert_true (isnan (ut_dirichlet_rayleigh (zero, &(UtGrid) { 1, 3, 4 }, 1, 1)));
  g_assert_true (isnan (ut_dirichlet_rayleigh (zero, &(UtGrid) { 1, 0, 4 }, 1, 1)));
}

/* --- Populations, wider and taller than square. --- */

static const struct {
  size_t n, d;
} shapes[] = { { 2, 1 }, { 3, 8 }, { 8, 4 }, { 16, 16 }, { 17, 36 }, { 61, 12 } };

static void
test_cka_identity (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autofree float *x = tensor (i, shapes[i].n * shapes[i].d);
      g_autofree float *y = tensor (i + 500, shapes[i].n * shapes[i].d);
      assert_same_bits (ut_linear_cka (x, x, shapes[i].n, shapes[i].d), 1.0);
      assert_same_bits (ut_linear_cka (x, y, shapes[i].n, shapes[i].d), ut_linear_cka (y, x, shapes[i].n, shapes[i].d));
    }
}

/* XQ of rows of fours, Q half a Hadamard matrix: orthogonal, and exact in floats. Then moved and scaled. */
static void
test_cka_orthogonal (void)
{
  static const float signs[4][4] = { { 1, 1, 1, 1 }, { 1, -1, 1, -1 }, { 1, 1, -1, -1 }, { 1, -1, -1, 1 } };
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      const size_t n = shapes[i].n, d = shapes[i].d / 4 * 4;
      if (d == 0)
        continue;
      g_autofree float *x = tensor (i, n * d);
      g_autofree float *y = constant (n * d, 0.0f);
      for (size_t k = 0; k < n * d; k++)
        x[k] = rintf (x[k] * 0x1p10f) * 0x1p-10f;
      for (size_t k = 0; k < n * d; k += 4)
        for (size_t a = 0; a < 4; a++)
          for (size_t b = 0; b < 4; b++)
            y[k + a] += x[k + b] * signs[a][b] * 0.5f;
      assert_near (ut_linear_cka (x, y, n, d), 1.0, 1e-14);
      for (size_t k = 0; k < n * d; k++)
        y[k] = y[k] * 8.0f + (float) (k % d);
      assert_near (ut_linear_cka (x, y, n, d), 1.0, 1e-14);
    }
}

static void
test_cka_closed_forms (void)
{
  const float x[] = { 1, -1, 1, -1 }, y[] = { 1, 1, -1, -1 }, both[] = { 1, 1, -1, 1, 1, -1, -1, -1 },
              wide[] = { 1, 1, 1, -1, -1, 1, -1, -1 };
  g_assert_cmpfloat (ut_linear_cka (x, y, 4, 1), ==, 0.0);
  g_assert_cmpfloat (ut_linear_cka (both, wide, 4, 2), ==, 1.0);
  const float one[] = { 1, 0, -1, 0, 1, 0, -1, 0 };
  assert_near (ut_linear_cka (both, one, 4, 2), G_SQRT2 / 2.0, 2.0 * ROUNDOFF);
  /* Any two items, in however many dimensions, are one step apart. */
  g_autofree float *a = tensor (1, 14);
  g_autofree float *b = tensor (2, 14);
  assert_near (ut_linear_cka (a, b, 2, 7), 1.0, 1e-14);
}

static void
test_cka_without_spread (void)
{
  g_autofree float *x = tensor (1, 35);
  g_autofree float *same = constant (35, 0.1f);
  g_assert_true (isnan (ut_linear_cka (x, same, 5, 7)));
  g_assert_true (isnan (ut_linear_cka (same, x, 7, 5)));
  g_assert_true (isnan (ut_linear_cka (x, x, 1, 35)));
  g_assert_true (isnan (ut_linear_cka (x, x, 0, 35)));
}

static void
test_cka_huge_and_tiny (void)
{
  for (size_t i = 1; i < G_N_ELEMENTS (shapes); i++)
    {
      const size_t n = shapes[i].n * shapes[i].d;
      g_autofree float *x = tensor (i, n);
      g_autofree float *huge = g_new (float, n);
      g_autofree float *tiny = g_new (float, n);
      for (size_t k = 0; k < n; k++)
        {
          huge[k] = x[k] * 0x1.0p127f;
          tiny[k] = x[k] * 0x1p-100f;
        }
      assert_near (ut_linear_cka (huge, tiny, shapes[i].n, shapes[i].d), 1.0, 1e-14);
      assert_same_bits (ut_linear_cka (huge, huge, shapes[i].n, shapes[i].d), 1.0);
      assert_same_bits (ut_linear_cka (tiny, tiny, shapes[i].n, shapes[i].d), 1.0);
    }
}

static void
test_knn_identity (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autofree float *x = tensor (i, shapes[i].n * shapes[i].d);
      g_assert_cmpfloat (ut_mutual_knn (x, x, shapes[i].n, shapes[i].d, UT_KNN_K), ==, 1.0);
    }
}

static void
test_knn_closed_forms (void)
{
  /* Pairs 01 and 23 stay pairs, or not. */
  const float x[] = { 1, 0, 1, 0.1f, 0, 1, 0.1f, 1 }, y[] = { 1, 0, 0, 1, 1, 0.1f, 0.1f, 1 };
  g_assert_cmpfloat (ut_mutual_knn (x, x, 4, 2, 1), ==, 1.0);
  g_assert_cmpfloat (ut_mutual_knn (x, y, 4, 2, 1), ==, 0.0);
  /* 0: 1 2, 1: 0 3, 2: 3 1, 3: 2 1 against 0: 2 3, 1: 3 2, 2: 0 3, 3: 1 2. */
  g_assert_cmpfloat (ut_mutual_knn (x, y, 4, 2, 2), ==, 5.0 / 8.0);
  g_assert_cmpfloat (ut_mutual_knn (x, y, 4, 2, 99), ==, 1.0);
  /* Length does not matter. */
  const float longer[] = { 4, 0, 1, 0.1f, 0, 1, 0.1f, 1 };
  g_assert_cmpfloat (ut_mutual_knn (x, longer, 4, 2, 1), ==, 1.0);
}

/* In x all are equally near, so that 0's nearest is 1, and 0 is that of 1 and 2, as in y. */
static void
test_knn_ties (void)
{
  const float x[] = { 1, 1, 1, 1, 1, 1 }, y[] = { 1, 0, 1, -0.1f, 1, 0.2f };
  g_assert_cmpfloat (ut_mutual_knn (x, y, 3, 2, 1), ==, 1.0);
}

/* Rows along four axes, so that most are as near as others: a neighbour is one with fewer than k before it. */
static void
test_knn_many_ties (void)
{
  static const float axes[4][2] = { { 2, 0 }, { 0, 4 }, { -1, 0 }, { 0, -8 } };
  enum { N = 40, K = 5 };
  float rows[2][2 * N];
  UtRng rng = { .state = 1 };
  for (size_t i = 0; i < 2 * N; i++)
    memcpy (rows[i % 2] + i / 2 * 2, axes[ut_rng_below (&rng, 4)], sizeof axes[0]);
  size_t n_common = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++)
      {
        size_t n_before[2] = { 0 };
        for (size_t p = 0; p < 2; p++)
          {
            const float *own = rows[p] + 2 * i;
            const double distance = ut_cosine_distance (own, rows[p] + 2 * j, 2);
            for (size_t k = 0; k < N; k++)
              {
                const double other = ut_cosine_distance (own, rows[p] + 2 * k, 2);
                n_before[p] += k != i && (other < distance || (other == distance && k < j));
              }
          }
        n_common += i != j && n_before[0] < K && n_before[1] < K;
      }
  g_assert_cmpfloat (ut_mutual_knn (rows[0], rows[1], N, 2, K), ==, (double) n_common / (N * K));
}

static void
test_knn_without_neighbours (void)
{
  const float x[] = { 1, 2, 0, 0, 3, 4 };
  g_assert_true (isnan (ut_mutual_knn (x, x, 0, 2, UT_KNN_K)));
  g_assert_true (isnan (ut_mutual_knn (x, x, 1, 2, UT_KNN_K)));
  g_assert_true (isnan (ut_mutual_knn (x, x, 3, 2, 0)));
  g_assert_true (isnan (ut_mutual_knn (x, x, 3, 2, UT_KNN_K))); /* a row of zeros */
}

/* --- The prior. --- */

static void
test_js_closed_forms (void)
{
  /* (3/4, 1/4) and (1/4, 3/4). */
  const double p[] = { log (3.0), 0.0 }, q[] = { 0.0, log (3.0) }, shifted[] = { log (3.0) - 1000.0, -1000.0 };
  const double expected = 0.75 * log (1.5) + 0.25 * log (0.5);
  assert_near (ut_js_divergence (p, q, 2), expected, 1e-15);
  assert_same_bits (ut_js_divergence (p, q, 2), ut_js_divergence (q, p, 2));
  assert_near (ut_js_divergence (p, shifted, 2), 0.0, 1e-25);
  g_assert_cmpfloat (ut_js_divergence (p, p, 2), ==, 0.0);
  g_assert_cmpfloat (ut_js_divergence (p, q, 1), ==, 0.0);
  /* A small step δ from evenness is δ²/32. */
  const double even[] = { 0.0, 0.0 }, step[] = { 1e-6, 0.0 };
  assert_near (ut_js_divergence (even, step, 2), 1e-12 / 32.0, 1e-9 * 1e-12 / 32.0);
}

static void
test_js_bounds (void)
{
  const double left[] = { 0.0, -INFINITY }, right[] = { -INFINITY, 0.0 }, far_left[] = { 0.0, -1e4 }, far_right[] = { -1e4, 0.0 };
  assert_near (ut_js_divergence (left, right, 2), G_LN2, 2.0 * ROUNDOFF);
  assert_near (ut_js_divergence (far_left, far_right, 2), G_LN2, 2.0 * ROUNDOFF);
  g_assert_cmpfloat (ut_js_divergence (left, left, 2), ==, 0.0);
  for (uint64_t seed = 0; seed < 300; seed++)
    {
      g_autofree float *a = tensor (seed, 7);
      g_autofree float *b = tensor (seed + 1000, 7);
      double p[7], q[7];
      for (size_t k = 0; k < 7; k++)
        {
          p[k] = (double) a[k] * (double) (seed * seed);
          q[k] = (double) b[k] * (double) (seed * seed);
        }
      const double divergence = ut_js_divergence (p, q, 7);
      g_assert_true (divergence >= 0.0 && divergence <= G_LN2);
    }
}

static void
test_js_no_distribution (void)
{
  const double fine[] = { 0.0, 1.0 }, none[] = { -INFINITY, -INFINITY };
  const double bad[] = { NAN, INFINITY };
  g_assert_true (isnan (ut_js_divergence (fine, none, 2)));
  for (size_t i = 0; i < 2; i++)
    for (size_t kind = 0; kind < 2; kind++)
      {
        double scores[] = { 0.0, 1.0 };
        scores[i] = bad[kind];
        g_assert_true (isnan (ut_js_divergence (fine, scores, 2)));
        g_assert_true (isnan (ut_js_divergence (scores, fine, 2)));
      }
}

static void
test_prior_position (void)
{
  const float clean[] = { 1, 1 }, blank[] = { 5, 1 }, halfway[] = { 3, 9 }, beyond[] = { 9, 1 }, away[] = { -1, 0 };
  g_assert_cmpfloat (ut_prior_position (clean, clean, blank, 2), ==, 0.0);
  g_assert_cmpfloat (ut_prior_position (clean, blank, blank, 2), ==, 1.0);
  g_assert_cmpfloat (ut_prior_position (clean, halfway, blank, 2), ==, 0.5);
  g_assert_cmpfloat (ut_prior_position (clean, beyond, blank, 2), ==, 2.0);
  g_assert_cmpfloat (ut_prior_position (clean, away, blank, 2), ==, -0.5);
  g_assert_true (isnan (ut_prior_position (clean, blank, clean, 2)));
}

/* Five items: 0 and 1 point along x, 2 along y, 3 is absent (and not finite), 4 along −x. */
static const float five[] = { 1, 0, 2, 0, 0, 3, NAN, NAN, -1, 0 };
static const int five_present[] = { 1, 1, 1, 0, 1 };
static const UtPopulation five_items = { .clean = five, .present = five_present, .n_items = 5, .n_embd = 2 };

static void
test_control_all_others (void)
{
  size_t k;
  g_assert_cmpfloat (ut_control_drift (&five_items, 0, "a", "ctx_mcq", UT_CONTROL_K, 1, &k), ==, (0.0 + 1.0 + 2.0) / 3.0);
  g_assert_cmpuint (k, ==, 3);
  g_assert_cmpfloat (ut_control_drift (&five_items, 4, "e", "ctx_mcq", 3, 1, &k), ==, (2.0 + 2.0 + 1.0) / 3.0);
  g_assert_cmpuint (k, ==, 3);
}

static void
test_control_nobody (void)
{
  size_t k = 99;
  g_assert_true (isnan (ut_control_drift (&five_items, 3, "d", "ctx_mcq", UT_CONTROL_K, 1, &k)));
  g_assert_cmpuint (k, ==, 0);
  const UtPopulation alone = { .clean = five, .present = five_present, .n_items = 1, .n_embd = 2 };
  k = 99;
  g_assert_true (isnan (ut_control_drift (&alone, 0, "a", "ctx_mcq", UT_CONTROL_K, 1, &k)));
  g_assert_cmpuint (k, ==, 0);
  k = 99;
  g_assert_true (isnan (ut_control_drift (&five_items, 0, "a", "ctx_mcq", 0, 1, &k)));
  g_assert_cmpuint (k, ==, 0);
}

/* Seed, item and channel each choose the sample, and nothing else does. */
static void
test_control_seed (void)
{
  enum { N = 300, D = 8 };
  g_autofree float *clean = tensor (6, N * D);
  int present[N];
  for (size_t i = 0; i < N; i++)
    present[i] = 1;
  const UtPopulation population = { .clean = clean, .present = present, .n_items = N, .n_embd = D };
  size_t k;
  const double drift = ut_control_drift (&population, 5, "a", "ctx_mcq", UT_CONTROL_K, 1, &k);
  assert_same_bits (drift, ut_control_drift (&population, 5, "a", "ctx_mcq", UT_CONTROL_K, 1, &k));
  g_assert_cmpfloat (drift, !=, ut_control_drift (&population, 5, "a", "ctx_mcq", UT_CONTROL_K, 2, &k));
  g_assert_cmpfloat (drift, !=, ut_control_drift (&population, 5, "b", "ctx_mcq", UT_CONTROL_K, 1, &k));
  g_assert_cmpfloat (drift, !=, ut_control_drift (&population, 5, "a", "ctx_open", UT_CONTROL_K, 1, &k));
}

/* Every other item is drawn equally often. Item 0 lies along x, all others along y but one, which lies along −x: the drift is 1 +
 * 1/K where that one was drawn. Over 4000 seeds its count has mean 4000·K/others and a standard deviation below 32: five of them
 * are allowed. */
static void
test_control_uniform (void)
{
  enum { N = 52, SEEDS = 4000, K = 25 };
  int present[N];
  for (size_t odd = 1; odd < N; odd += 10)
    {
      float clean[2 * N];
      for (size_t i = 0; i < N; i++)
        {
          present[i] = 1;
          clean[2 * i] = i == 0 ? 1.0f : i == odd ? -1.0f : 0.0f;
          clean[2 * i + 1] = i == 0 || i == odd ? 0.0f : 1.0f;
        }
      const UtPopulation population = { .clean = clean, .present = present, .n_items = N, .n_embd = 2 };
      unsigned n_drawn = 0;
      for (uint64_t seed = 0; seed < SEEDS; seed++)
        {
          size_t k;
          const double drift = ut_control_drift (&population, 0, "a", "ctx_mcq", K, seed, &k);
          g_assert_cmpuint (k, ==, K);
          n_drawn += drift > 1.0;
          g_assert_true (drift == 1.0 || drift == 26.0 / 25.0);
        }
      assert_near ((double) n_drawn, (double) SEEDS * K / (N - 1), 5.0 * 32.0);
    }
}

static void
test_table (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  size_t n = 0;
  for (const UtMetric *metric = ut_metrics; metric->name; metric++, n++)
    {
      g_assert_true (g_hash_table_add (names, (gpointer) metric->name));
      g_assert_true (metric->unit && metric->range && metric->reading && metric->source);
      g_assert_true (metric->source[0] == 'P' || metric->source[0] == '+');
    }
  g_assert_cmpuint (n, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/metric/drift/oracle", test_drift_oracle);
  g_test_add_func ("/metric/drift/identity", test_drift_identity);
  g_test_add_func ("/metric/drift/symmetry", test_drift_symmetry);
  g_test_add_func ("/metric/drift/closed-forms", test_drift_closed_forms);
  g_test_add_func ("/metric/drift/range", test_drift_range);
  g_test_add_func ("/metric/drift/zero-norm", test_zero_norm);
  g_test_add_func ("/metric/drift/relative", test_relative_l2);
  g_test_add_func ("/metric/drift/centred", test_centred_closed_forms);
  g_test_add_func ("/metric/token-drift/oracle", test_token_drift_oracle);
  g_test_add_func ("/metric/token-drift/closed-forms", test_token_drift_closed_forms);
  g_test_add_func ("/metric/pool/oracle", test_pool_oracle);
  g_test_add_func ("/metric/pool/order", test_pool_order);
  g_test_add_func ("/metric/pool/columns-apart", test_pool_columns_apart);
  g_test_add_func ("/metric/pool/permutation", test_pool_permutation);
  g_test_add_func ("/metric/pool/one-token", test_pool_one_token);
  g_test_add_func ("/metric/dirichlet/oracle", test_dirichlet_oracle);
  g_test_add_func ("/metric/dirichlet/constant", test_dirichlet_constant);
  g_test_add_func ("/metric/dirichlet/checkerboard", test_dirichlet_checkerboard);
  g_test_add_func ("/metric/dirichlet/ramp", test_dirichlet_ramp);
  g_test_add_func ("/metric/dirichlet/without-pairs", test_dirichlet_without_pairs);
  g_test_add_func ("/metric/dirichlet/pooled", test_dirichlet_pooled);
  g_test_add_func ("/metric/rayleigh/scale", test_rayleigh_scale);
  g_test_add_func ("/metric/rayleigh/closed-forms", test_rayleigh_closed_forms);
  g_test_add_func ("/metric/population/oracle", test_population_oracle);
  g_test_add_func ("/metric/cka/identity", test_cka_identity);
  g_test_add_func ("/metric/cka/orthogonal", test_cka_orthogonal);
  g_test_add_func ("/metric/cka/closed-forms", test_cka_closed_forms);
  g_test_add_func ("/metric/cka/without-spread", test_cka_without_spread);
  g_test_add_func ("/metric/cka/huge-and-tiny", test_cka_huge_and_tiny);
  g_test_add_func ("/metric/knn/identity", test_knn_identity);
  g_test_add_func ("/metric/knn/closed-forms", test_knn_closed_forms);
  g_test_add_func ("/metric/knn/ties", test_knn_ties);
  g_test_add_func ("/metric/knn/many-ties", test_knn_many_ties);
  g_test_add_func ("/metric/knn/without-neighbours", test_knn_without_neighbours);
  g_test_add_func ("/metric/prior/oracle", test_prior_oracle);
  g_test_add_func ("/metric/prior/position", test_prior_position);
  g_test_add_func ("/metric/js/closed-forms", test_js_closed_forms);
  g_test_add_func ("/metric/js/bounds", test_js_bounds);
  g_test_add_func ("/metric/js/no-distribution", test_js_no_distribution);
  g_test_add_func ("/metric/control/oracle", test_control_oracle);
  g_test_add_func ("/metric/control/all-others", test_control_all_others);
  g_test_add_func ("/metric/control/nobody", test_control_nobody);
  g_test_add_func ("/metric/control/seed", test_control_seed);
  g_test_add_func ("/metric/control/uniform", test_control_uniform);
  g_test_add_func ("/metric/summation-order", test_summation_order);
  g_test_add_func ("/metric/huge-norms", test_huge_norms);
  g_test_add_func ("/metric/not-finite", test_not_finite);
  g_test_add_func ("/metric/table", test_table);
  return g_test_run ();
}
