/* Linear CKA: how alike two populations are arranged, whatever turns or scales either (Kornblith et al. 2019; method.md §5). */
#include <glib.h>
#include <math.h>

#include "metric/lanes.h"
#include "metric/metric.h"

/* Rows of one population that stay in the second-level cache while the others stream past. */
static constexpr size_t TILE = 8;

/* Two populations with their columns' means taken off, as rows to multiply with each other. */
typedef struct {
  double *x, *y; /* [n_rows, length] */
  size_t n_rows, length;
} Rows;

/* ⟨K, L⟩, ⟨K, K⟩ and ⟨L, L⟩ of the Gram matrices K = XXᵀ, L = YYᵀ. */
typedef struct {
  double xy, xx, yy;
} Products;

/* x [n, d] less its column means, as items [n, d] or as columns [d, n]. Equal values lose themselves exactly: their sum is
 * exact. */
static double *
centred (const float *x, size_t n, size_t d, gboolean columns)
{
  const size_t size = n * d;
  double *out = g_new (double, size);
  for (size_t j = 0; j < d; j++)
    {
      double sum = 0.0;
      for (size_t i = 0; i < n; i++)
        sum += (double) x[i * d + j];
      const double mean = sum / (double) n;
      for (size_t i = 0; i < n; i++)
        out[columns ? j * n + i : i * d + j] = (double) x[i * d + j] - mean;
    }
  return out;
}

static inline double
square (double x)
{
  return x * x;
}

/* The entries (i, j) and (j, i) of K and L, which are the rows' products. */
static void
add_items (Products *sum, const Rows *rows, size_t i, size_t j)
{
  const size_t n = rows->length;
  const double k = ut_dot (rows->x + i * n, rows->x + j * n, n), l = ut_dot (rows->y + i * n, rows->y + j * n, n);
  const double times = i == j ? 1.0 : 2.0;
  sum->xy += times * (k * l);
  sum->xx += times * (k * k);
  sum->yy += times * (l * l);
}

/* The same three products by way of the columns: ⟨K, L⟩ = ‖XᵀY‖², ⟨K, K⟩ = ‖XᵀX‖². Both corners of XᵀY are added as a pair, as
 * those of XᵀX are, so that equal populations give equal bits. */
static void
add_columns (Products *sum, const Rows *rows, size_t i, size_t j)
{
  const size_t n = rows->length;
  const double *xi = rows->x + i * n, *xj = rows->x + j * n, *yi = rows->y + i * n, *yj = rows->y + j * n;
  const double times = i == j ? 1.0 : 2.0;
  sum->xy += i == j ? square (ut_dot (xi, yi, n)) : square (ut_dot (xi, yj, n)) + square (ut_dot (xj, yi, n));
  sum->xx += times * square (ut_dot (xi, xj, n));
  sum->yy += times * square (ut_dot (yi, yj, n));
}

double
ut_linear_cka (const float *x, const float *y, size_t n, size_t d)
{
  const gboolean columns = d < n;
  g_autofree double *x_rows = centred (x, n, d, columns);
  g_autofree double *y_rows = centred (y, n, d, columns);
  const Rows rows = { x_rows, y_rows, columns ? d : n, columns ? n : d };

  Products sum = { 0 };
  for (size_t tile = 0; tile < rows.n_rows; tile += TILE)
    for (size_t i = 0; i < MIN (tile + TILE, rows.n_rows); i++)
      for (size_t j = MAX (i, tile); j < MIN (tile + TILE, rows.n_rows); j++)
        (columns ? add_columns : add_items) (&sum, &rows, i, j);

  /* As a product of roots: neither overflows, and equal populations give 1 exactly. A population without spread gives 0/0. */
  const double xy = sum.xy < 0.0 ? 0.0 : sum.xy;
  const double cka = sqrt (xy / sum.xx) * sqrt (xy / sum.yy);
  return cka > 1.0 ? 1.0 : cka;
}
