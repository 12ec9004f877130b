#include "stats/signs.h"

#include <stdlib.h>
#include <string.h>

static int
compare (const void *a, const void *b)
{
  const gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;
  return (x > y) - (x < y);
}

/* The sizes that are not 0, the smallest first, which keeps the distribution short as long as may be; *out_n is their number. */
static gint64 *
sorted_sizes (const gint64 *differences, size_t n, size_t *out_n)
{
  gint64 *sizes = g_new (gint64, n + 1);
  *out_n = 0;
  for (size_t i = 0; i < n; i++)
    if (differences[i] != 0)
      sizes[(*out_n)++] = ABS (differences[i]);
  qsort (sizes, *out_n, sizeof *sizes, compare);
  return sizes;
}

/* What Σ ±d is likely to be: p[k] is the probability of 2k − Σ|d|, [Σ|d| + 1]. A sign turned from − to + adds 2|d|, so k is the sum of the
 * sizes that have a +. */
static double *
distribution (const gint64 *sizes, size_t n, gint64 total)
{
  double *p = g_new0 (double, (size_t) total + 1);
  p[0] = 1;
  gint64 largest = 0;
  for (size_t i = 0; i < n; i++)
    {
      largest += sizes[i];
      for (gint64 k = largest; k >= 0; k--)
        p[k] = ((k <= largest - sizes[i] ? p[k] : 0) + (k >= sizes[i] ? p[k - sizes[i]] : 0)) / 2;
    }
  return p;
}

double
ut_signs_test (const gint64 *differences, size_t n)
{
  gint64 seen = 0, total = 0;
  for (size_t i = 0; i < n; i++)
    {
      seen += differences[i];
      total += ABS (differences[i]);
    }
  size_t n_sizes;
  g_autofree gint64 *sizes = sorted_sizes (differences, n, &n_sizes);
  g_autofree double *p = distribution (sizes, n_sizes, total);
  /* Both tails are alike; they meet where the sum is 0. */
  double tail = 0;
  for (gint64 k = 0; 2 * k - total <= -ABS (seen); k++)
    tail += p[k];
  return MIN (1, 2 * tail);
}
