/* Stockham's algorithm with passes of 4, 2 and odd primes; Bluestein's around it for lengths with a large prime factor.
 * Everything runs on 8 signals at a time, one a lane of a vector, so that no sum depends on the width of the machine's. */
#include "base/fft.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#include "base/wide.h"

/* The alignment is said, since by default it depends on the processor that a function is compiled for. */
enum { LANES = 8, LANES_SIZE = LANES * sizeof (double) };
typedef double Lanes __attribute__ ((vector_size (LANES_SIZE), aligned (LANES_SIZE)));

/* One point of 8 signals. */
typedef struct {
  Lanes re, im;
} Cell;

typedef struct {
  double re, im;
} Root;

/* Where the convolution becomes cheaper than a pass of a prime. */
static constexpr size_t LARGEST_RADIX = 47;

/* How to transform a length whose prime factors are at most LARGEST_RADIX. */
typedef struct {
  size_t n;
  size_t n_passes;
  size_t radix[64];
  Root *roots; /* [n] exp (−2πi k / n) */
} Plan;

static void
plan_clear (Plan *plan)
{
  g_free (plan->roots);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Plan, plan_clear)

/* exp (−2πi k / n). sinl and cosl are plain C in the library and have no variants by processor, as sin and cos do. */
static Root
root (size_t k, size_t n)
{
  const long double angle = 2.0L * 3.14159265358979323846264338327950288L * (long double) k / (long double) n;
  return (Root) { (double) cosl (angle), (double) -sinl (angle) };
}

static Plan
plan_new (size_t n)
{
  Plan plan = { .n = n, .roots = g_new (Root, n) };
  size_t rest = n;
  for (size_t p = 4; rest > 1; p = p == 4 ? 2 : p == 2 ? 3 : p + 2)
    for (; rest % p == 0; rest /= p)
      plan.radix[plan.n_passes++] = p;
  for (size_t k = 0; k < n; k++)
    plan.roots[k] = root (k, n);
  return plan;
}

static gboolean
is_smooth (size_t n, size_t largest)
{
  for (size_t p = 2; p <= largest; p++)
    while (n % p == 0)
      n /= p;
  return n == 1;
}

/* --- Passes. ---
 *
 * A pass of radix p takes s interleaved transforms of length n = p·m, in which point i of transform q is in[q + s·i], to p·s
 * transforms of length m. What they are made of is always inlined: a clone must have its own. */

[[gnu::always_inline]] static inline Cell
add (Cell a, Cell b)
{
  return (Cell) { a.re + b.re, a.im + b.im };
}

[[gnu::always_inline]] static inline Cell
subtract (Cell a, Cell b)
{
  return (Cell) { a.re - b.re, a.im - b.im };
}

[[gnu::always_inline]] static inline Cell
turn (Cell a, Root w)
{
  return (Cell) { a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re };
}

/* −i·a */
[[gnu::always_inline]] static inline Cell
quarter (Cell a)
{
  return (Cell) { a.im, -a.re };
}

UT_WIDE static void
pass_2 (const Plan *plan, size_t n, size_t s, const Cell *in, Cell *out)
{
  const size_t m = n / 2, step = plan->n / n;
  for (size_t k = 0; k < m; k++)
    for (size_t q = 0; q < s; q++)
      {
        const Cell a = in[q + s * k], b = in[q + s * (k + m)];
        out[q + s * 2 * k] = add (a, b);
        out[q + s * (2 * k + 1)] = turn (subtract (a, b), plan->roots[k * step]);
      }
}

UT_WIDE static void
pass_4 (const Plan *plan, size_t n, size_t s, const Cell *in, Cell *out)
{
  const size_t m = n / 4, step = plan->n / n;
  for (size_t k = 0; k < m; k++)
    for (size_t q = 0; q < s; q++)
      {
        const Cell a = in[q + s * k], b = in[q + s * (k + m)], c = in[q + s * (k + 2 * m)], d = in[q + s * (k + 3 * m)];
        const Cell ac = add (a, c), a_c = subtract (a, c), bd = add (b, d), b_d = quarter (subtract (b, d));
        Cell *to = out + q + s * 4 * k;
        to[0] = add (ac, bd);
        to[s] = turn (add (a_c, b_d), plan->roots[k * step]);
        to[2 * s] = turn (subtract (ac, bd), plan->roots[2 * k * step]);
        to[3 * s] = turn (subtract (a_c, b_d), plan->roots[3 * k * step]);
      }
}

/* Points i and p − i enter outputs j and p − j with conjugate factors: their sum and their difference serve both. */
UT_WIDE static void
pass_odd (const Plan *plan, size_t p, size_t n, size_t s, const Cell *in, Cell *out)
{
  const size_t m = n / p, step = plan->n / n, part = plan->n / p;
  for (size_t k = 0; k < m; k++)
    for (size_t q = 0; q < s; q++)
      {
        const Cell *from = in + q + s * k;
        Cell *to = out + q + s * p * k;
        Cell sum[LARGEST_RADIX / 2 + 1], difference[LARGEST_RADIX / 2 + 1];
        Cell total = sum[0] = from[0];
        for (size_t i = 1; i <= p / 2; i++)
          {
            sum[i] = add (from[s * m * i], from[s * m * (p - i)]);
            difference[i] = subtract (from[s * m * i], from[s * m * (p - i)]);
            total = add (total, sum[i]);
          }
        to[0] = total;
        for (size_t j = 1; j <= p / 2; j++)
          {
            Cell even = sum[0], odd = { 0 };
            for (size_t i = 1; i <= p / 2; i++)
              {
                const Root w = plan->roots[i * j % p * part];
                even.re += sum[i].re * w.re;
                even.im += sum[i].im * w.re;
                odd.re -= difference[i].re * w.im;
                odd.im -= difference[i].im * w.im;
              }
            to[s * j] = turn (add (even, quarter (odd)), plan->roots[j * k * step]);
            to[s * (p - j)] = turn (subtract (even, quarter (odd)), plan->roots[(p - j) * k * step]);
          }
      }
}

/* Transforms a [n], with b [n] as scratch; the result is in the one returned. */
static Cell *
transform (const Plan *plan, Cell *a, Cell *b)
{
  for (size_t i = 0, n = plan->n, s = 1; i < plan->n_passes; i++)
    {
      const size_t p = plan->radix[i];
      if (p == 4)
        pass_4 (plan, n, s, a, b);
      else if (p == 2)
        pass_2 (plan, n, s, a, b);
      else
        pass_odd (plan, p, n, s, a, b);
      n /= p;
      s *= p;
      Cell *const done = b;
      b = a;
      a = done;
    }
  return a;
}

/* --- Any length. --- */

/* A length and the plan it is transformed with: its own, or that of the cyclic convolution with the chirp exp (πi j² / n). */
typedef struct {
  size_t n;
  Plan plan;
  Root *chirp;    /* [n] exp (−πi j² / n); NULL where the plan is the length's own */
  Root *spectrum; /* [plan.n] the transform of the conjugate chirp, divided by plan.n */
} Length;

static void
length_clear (Length *length)
{
  plan_clear (&length->plan);
  g_free (length->chirp);
  g_free (length->spectrum);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Length, length_clear)

static Cell *
cells_new (size_t n)
{
  return g_aligned_alloc0 (n, sizeof (Cell), alignof (Cell));
}

static void
cells_free (Cell *cells)
{
  g_aligned_free (cells);
}
typedef Cell Cells;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Cells, cells_free)

static void
add_chirp (Length *length)
{
  const size_t n = length->n, n_plan = length->plan.n;
  g_autoptr (Cells) a = cells_new (n_plan);
  g_autoptr (Cells) b = cells_new (n_plan);
  length->chirp = g_new (Root, n);
  length->spectrum = g_new (Root, n_plan);
  for (size_t j = 0; j < n; j++)
    {
      const Root w = length->chirp[j] = root (j * j % (2 * n), 2 * n);
      const Cell cell = { { w.re }, { -w.im } };
      a[j] = a[(n_plan - j) % n_plan] = cell;
    }
  const Cell *done = transform (&length->plan, a, b);
  for (size_t k = 0; k < n_plan; k++)
    length->spectrum[k] = (Root) { done[k].re[0] / (double) n_plan, done[k].im[0] / (double) n_plan };
}

static Length
length_new (size_t n)
{
  Length length = { .n = n };
  if (is_smooth (n, LARGEST_RADIX))
    {
      length.plan = plan_new (n);
      return length;
    }
  size_t n_plan = 2 * n - 1;
  while (!is_smooth (n_plan, 5))
    n_plan++;
  length.plan = plan_new (n_plan);
  add_chirp (&length);
  return length;
}

/* kj = (k² + j² − (k − j)²) / 2 makes the transform a convolution with the chirp (Bluestein 1970). The inverse transform of the
 * product is the forward one with the parts exchanged before and after. */
UT_WIDE static Cell *
convolve (const Length *length, Cell *a, Cell *b)
{
  const size_t n = length->n, n_plan = length->plan.n;
  for (size_t j = 0; j < n; j++)
    a[j] = turn (a[j], length->chirp[j]);
  memset (a + n, 0, (n_plan - n) * sizeof *a);
  Cell *spectrum = transform (&length->plan, a, b);
  for (size_t k = 0; k < n_plan; k++)
    {
      const Cell product = turn (spectrum[k], length->spectrum[k]);
      spectrum[k] = (Cell) { product.im, product.re };
    }
  Cell *done = transform (&length->plan, spectrum, spectrum == a ? b : a);
  for (size_t k = 0; k < n; k++)
    done[k] = turn ((Cell) { done[k].im, done[k].re }, length->chirp[k]);
  return done;
}

/* --- Two dimensions. --- */

/* Where line `line` along an axis of `n` points at `stride` begins. The lines are ordered as their first points in memory. */
static size_t
line_start (size_t line, size_t n, size_t stride)
{
  return line / stride * n * stride + line % stride;
}

/* Transforms all lines of an array of `size` values along one axis, 8 at a time: the last few are computed with idle lanes. */
static void
along_axis (double *re, double *im, size_t size, size_t n, size_t stride)
{
  if (n == 1)
    return;
  g_auto (Length) length = length_new (n);
  g_autoptr (Cells) a = cells_new (length.plan.n);
  g_autoptr (Cells) b = cells_new (length.plan.n);
  const size_t n_lines = size / n;
  for (size_t first = 0; first < n_lines; first += LANES)
    {
      const size_t n_busy = MIN (n_lines - first, LANES);
      size_t start[LANES];
      for (size_t l = 0; l < n_busy; l++)
        start[l] = line_start (first + l, n, stride);
      for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < n_busy; l++)
          {
            a[i].re[l] = re[start[l] + i * stride];
            a[i].im[l] = im[start[l] + i * stride];
          }
      const Cell *done = length.chirp != NULL ? convolve (&length, a, b) : transform (&length.plan, a, b);
      for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < n_busy; l++)
          {
            re[start[l] + i * stride] = done[i].re[l];
            im[start[l] + i * stride] = done[i].im[l];
          }
    }
}

void
ut_fft (double *re, double *im, size_t h, size_t w, size_t n_signals, UtFftDirection direction)
{
  const size_t size = h * w * n_signals;
  if (direction == UT_FFT_INVERSE)
    {
      /* The forward transform with the parts exchanged, divided by the number of points. */
      double *const swapped = re;
      re = im;
      im = swapped;
    }
  along_axis (re, im, size, h, w * n_signals);
  along_axis (re, im, size, w, n_signals);
  if (direction == UT_FFT_INVERSE)
    for (size_t i = 0; i < size; i++)
      {
        re[i] /= (double) (h * w);
        im[i] /= (double) (h * w);
      }
}
