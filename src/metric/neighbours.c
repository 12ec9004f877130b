/* Mutual nearest neighbours: whether items keep their company (method.md §5). */
#include <glib.h>
#include <math.h>

#include "metric/lanes.h"
#include "metric/metric.h"

/* Items whose neighbours are sought together, while all the others stream past. */
static constexpr size_t TILE = 16;

/* The rows of x [n, d], each divided by its norm; NULL where one has none, or no finite one. */
static double *
unit_rows (const float *x, size_t n, size_t d)
{
  const size_t size = n * d;
  g_autofree double *out = g_new (double, size);
  for (size_t i = 0; i < n; i++)
    {
      const double norm = sqrt (ut_squared_norm (x + i * d, d));
      if (!(norm > 0.0) || isinf (norm))
        return NULL;
      for (size_t j = 0; j < d; j++)
        out[i * d + j] = (double) x[i * d + j] / norm;
    }
  return g_steal_pointer (&out);
}

typedef struct {
  double cosine;
  size_t item;
} Neighbour;

/* Puts an item in its place among the k nearest so far, nearest first. Items come in order, so that of equals the first stays
 * first. */
static void
offer (Neighbour *nearest, size_t k, Neighbour item)
{
  if (!(item.cosine > nearest[k - 1].cosine))
    return;
  size_t place = k - 1;
  for (; place > 0 && item.cosine > nearest[place - 1].cosine; place--)
    nearest[place] = nearest[place - 1];
  nearest[place] = item;
}

/* The k nearest others of each row: [n, k]. */
static Neighbour *
nearest_rows (const double *rows, size_t n, size_t d, size_t k)
{
  Neighbour *nearest = g_new (Neighbour, n * k);
  for (size_t i = 0; i < n * k; i++)
    nearest[i] = (Neighbour) { .cosine = -INFINITY };
  for (size_t tile = 0; tile < n; tile += TILE)
    for (size_t other = 0; other < n; other++)
      for (size_t i = tile; i < MIN (tile + TILE, n); i++)
        if (i != other)
          offer (nearest + i * k, k, (Neighbour) { ut_dot (rows + i * d, rows + other * d, d), other });
  return nearest;
}

static size_t
count_common (const Neighbour *a, const Neighbour *b, size_t k)
{
  size_t n = 0;
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < k; j++)
      n += a[i].item == b[j].item;
  return n;
}

double
ut_mutual_knn (const float *x, const float *y, size_t n, size_t d, size_t k)
{
  k = n > 0 ? MIN (k, n - 1) : 0;
  g_autofree double *x_rows = unit_rows (x, n, d);
  g_autofree double *y_rows = unit_rows (y, n, d);
  if (k == 0 || x_rows == NULL || y_rows == NULL)
    return NAN;
  g_autofree Neighbour *of_x = nearest_rows (x_rows, n, d, k);
  g_autofree Neighbour *of_y = nearest_rows (y_rows, n, d, k);
  size_t n_common = 0;
  for (size_t i = 0; i < n; i++)
    n_common += count_common (of_x + i * k, of_y + i * k, k);
  return (double) n_common / (double) (n * k);
}
