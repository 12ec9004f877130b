/* fft, and the elementary functions: against the sums of the definition in long double, and the clones for newer processors
 * against the baseline bit for bit. */
#include "base/elementary.h"
#include "base/rng.h"
#include "base/wide.h"

/* The transform once more, for the baseline alone. */
#undef UT_WIDE
#define UT_WIDE
#define ut_fft baseline_fft
#include "base/fft.c"
#undef ut_fft
void ut_fft (double *re, double *im, size_t h, size_t w, size_t n_signals, UtFftDirection direction);

#include <float.h>

typedef struct {
  size_t h, w, n_signals, size;
  double *re, *im;
} Field;

static void
field_clear (Field *field)
{
  g_free (field->re);
  g_free (field->im);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Field, field_clear)

static Field
field_new (size_t h, size_t w, size_t n_signals)
{
  const size_t size = h * w * n_signals;
  Field field = { h, w, n_signals, size, g_new (double, size), g_new (double, size) };
  UtRng rng = { .state = size };
  for (size_t i = 0; i < size; i++)
    {
      field.re[i] = 2.0 * ut_rng_uniform (&rng) - 1.0;
      field.im[i] = 2.0 * ut_rng_uniform (&rng) - 1.0;
    }
  return field;
}

static Field
field_copy (const Field *from)
{
  Field field = *from;
  field.re = g_memdup2 (from->re, from->size * sizeof *from->re);
  field.im = g_memdup2 (from->im, from->size * sizeof *from->im);
  return field;
}

static void
field_transform (Field *field, UtFftDirection direction)
{
  ut_fft (field->re, field->im, field->h, field->w, field->n_signals, direction);
}

static double
largest_difference (const Field *a, const Field *b)
{
  double largest = 0.0;
  for (size_t i = 0; i < a->size; i++)
    largest = MAX (largest, hypot (a->re[i] - b->re[i], a->im[i] - b->im[i]));
  return largest;
}

static double
power (const Field *field)
{
  double sum = 0.0;
  for (size_t i = 0; i < field->size; i++)
    sum += field->re[i] * field->re[i] + field->im[i] * field->im[i];
  return sum;
}

/* Every kind of length: one, the radices, their powers and products, the largest prime that is a radix, primes beyond, their
 * products. */
static const struct {
  size_t h, w, n_signals;
} sizes[] = {
  { 1, 1, 1 },  { 1, 2, 1 },  { 2, 1, 3 },   { 3, 1, 1 },   { 1, 4, 2 },   { 2, 2, 1 },   { 5, 7, 3 },
  { 8, 9, 1 },  { 16, 6, 2 }, { 12, 15, 9 }, { 11, 13, 1 }, { 27, 32, 1 }, { 47, 2, 1 },  { 1, 49, 8 },
  { 1, 53, 1 }, { 53, 3, 7 }, { 61, 1, 2 },  { 1, 106, 1 }, { 59, 67, 1 }, { 1, 683, 1 },
};

/* F(k, l) from the definition, its factors exact to 64 bits. */
static void
assert_definition (const Field *before, const Field *after, size_t k, size_t l, size_t s)
{
  const size_t h = before->h, w = before->w;
  long double re = 0.0L, im = 0.0L;
  for (size_t y = 0; y < h; y++)
    for (size_t x = 0; x < w; x++)
      {
        const size_t i = (y * w + x) * before->n_signals + s;
        const long double turn = (long double) (k * y % h) / (long double) h + (long double) (l * x % w) / (long double) w;
        const long double angle = -2.0L * acosl (-1.0L) * turn, c = cosl (angle), d = sinl (angle);
        re += before->re[i] * c - before->im[i] * d;
        im += before->re[i] * d + before->im[i] * c;
      }
  const size_t i = (k * w + l) * before->n_signals + s;
  /* A few roundings of values below the norm of the signal, √2 (hw)^½, for each of at most 12 passes. */
  const double bound = 100.0 * DBL_EPSILON * sqrt ((double) (h * w));
  g_assert_cmpfloat_with_epsilon (after->re[i], (double) re, bound);
  g_assert_cmpfloat_with_epsilon (after->im[i], (double) im, bound);
}

static void
test_definition (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_auto (Field) before = field_new (sizes[i].h, sizes[i].w, sizes[i].n_signals);
      g_auto (Field) after = field_copy (&before);
      field_transform (&after, UT_FFT_FORWARD);
      UtRng rng = { .state = i };
      for (size_t n = 0; n < 40; n++)
        assert_definition (&before, &after, ut_rng_below (&rng, sizes[i].h), ut_rng_below (&rng, sizes[i].w),
                           ut_rng_below (&rng, sizes[i].n_signals));
    }
}

static void
test_inverse (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_auto (Field) before = field_new (sizes[i].h, sizes[i].w, sizes[i].n_signals);
      g_auto (Field) after = field_copy (&before);
      field_transform (&after, UT_FFT_FORWARD);
      field_transform (&after, UT_FFT_INVERSE);
      g_assert_cmpfloat (largest_difference (&before, &after), <, 50.0 * DBL_EPSILON);
    }
}

/* Parseval: Σ|F|² = hw Σ|z|². */
static void
test_parseval (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_auto (Field) field = field_new (sizes[i].h, sizes[i].w, sizes[i].n_signals);
      const double expected = power (&field) * (double) (field.h * field.w);
      field_transform (&field, UT_FFT_FORWARD);
      g_assert_cmpfloat_with_epsilon (power (&field), expected, 1e-13 * expected);
    }
}

static void
test_clones (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (UtFftDirection direction = UT_FFT_FORWARD; direction <= UT_FFT_INVERSE; direction++)
      {
        g_auto (Field) a = field_new (sizes[i].h, sizes[i].w, sizes[i].n_signals);
        g_auto (Field) b = field_copy (&a);
        field_transform (&a, direction);
        baseline_fft (b.re, b.im, b.h, b.w, b.n_signals, direction);
        g_assert_cmpmem (a.re, a.size * sizeof *a.re, b.re, b.size * sizeof *b.re);
        g_assert_cmpmem (a.im, a.size * sizeof *a.im, b.im, b.size * sizeof *b.im);
      }
}

/* A signal is not touched by its neighbours, even by one that is no number. */
static void
test_signals_apart (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const size_t n = sizes[i].n_signals, points = sizes[i].h * sizes[i].w;
      g_auto (Field) together = field_new (sizes[i].h, sizes[i].w, n);
      g_auto (Field) alone = field_new (sizes[i].h, sizes[i].w, 1);
      for (size_t p = 0; p < points; p++)
        {
          alone.re[p] = together.re[p * n];
          alone.im[p] = together.im[p * n];
          for (size_t s = 1; s < n; s++)
            together.re[p * n + s] = NAN;
        }
      field_transform (&together, UT_FFT_FORWARD);
      field_transform (&alone, UT_FFT_FORWARD);
      for (size_t p = 0; p < points; p++)
        {
          g_assert_cmpfloat (together.re[p * n], ==, alone.re[p]);
          g_assert_cmpfloat (together.im[p * n], ==, alone.im[p]);
        }
    }
}

static void
test_radius (void)
{
  g_assert_cmpuint (ut_fft_frequency (0, 1), ==, 0);
  g_assert_cmpuint (ut_fft_frequency (4, 8), ==, 4);
  g_assert_cmpuint (ut_fft_frequency (5, 8), ==, 3);
  g_assert_cmpuint (ut_fft_frequency (3, 7), ==, 3);
  g_assert_cmpuint (ut_fft_frequency (4, 7), ==, 3);
  g_assert_cmpuint (ut_fft_radius_squared (6, 1, 8, 7), ==, 5);
  g_assert_cmpuint (ut_fft_largest_radius_squared (8, 7), ==, 25);
  g_assert_cmpuint (ut_fft_largest_radius_squared (1, 1), ==, 0);
}

/* --- Elementary functions. --- */

static void
assert_relative (double value, long double expected)
{
  g_assert_cmpfloat (fabsl (value - expected), <=, 0x1p-51L * fabsl (expected));
}

static void
test_exp_log (void)
{
  UtRng rng = { .state = 3 };
  for (size_t i = 0; i < 100000; i++)
    {
      const double x = (ut_rng_uniform (&rng) - 0.5) * 1400.0;
      assert_relative (ut_exp (x), expl (x));
      const double y = ut_exp (x), z = 0.5 + ut_rng_uniform (&rng);
      assert_relative (ut_log (y), logl (y));
      assert_relative (ut_log (z), logl (z));
    }
}

static void
test_exp_log_edges (void)
{
  g_assert_cmpfloat (ut_exp (0.0), ==, 1.0);
  g_assert_cmpfloat (ut_exp (-INFINITY), ==, 0.0);
  g_assert_cmpfloat (ut_exp (-800.0), ==, 0.0);
  g_assert_cmpfloat (ut_exp (-745.0), ==, DBL_TRUE_MIN);
  g_assert_cmpfloat (ut_exp (710.0), ==, INFINITY);
  g_assert_cmpfloat (ut_exp (1e300), ==, INFINITY);
  g_assert_true (isnan (ut_exp (NAN)));
  g_assert_cmpfloat (ut_log (1.0), ==, 0.0);
  g_assert_cmpfloat (ut_log (0.0), ==, -INFINITY);
  g_assert_cmpfloat (ut_log (INFINITY), ==, INFINITY);
  assert_relative (ut_log (DBL_TRUE_MIN), logl (DBL_TRUE_MIN));
  assert_relative (ut_log (DBL_MAX), logl (DBL_MAX));
  assert_relative (ut_exp (709.75), expl (709.75L));
  g_assert_true (isnan (ut_log (-1.0)));
  g_assert_true (isnan (ut_log (NAN)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fft/definition", test_definition);
  g_test_add_func ("/fft/inverse", test_inverse);
  g_test_add_func ("/fft/parseval", test_parseval);
  g_test_add_func ("/fft/clones", test_clones);
  g_test_add_func ("/fft/signals-apart", test_signals_apart);
  g_test_add_func ("/fft/radius", test_radius);
  g_test_add_func ("/elementary/exp-log", test_exp_log);
  g_test_add_func ("/elementary/edges", test_exp_log_edges);
  return g_test_run ();
}
