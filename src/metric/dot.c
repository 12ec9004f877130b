/* The scalar product of two vectors of doubles, in the order of lanes.h. */
#include "metric/lanes.h"

UT_WIDE double
ut_dot (const double *a, const double *b, size_t n)
{
  double sum[UT_LANES] = { 0 };
  size_t i = 0;
  for (; i + UT_LANES <= n; i += UT_LANES)
    for (size_t l = 0; l < UT_LANES; l++)
      sum[l] += a[i + l] * b[i + l];
  for (size_t l = 0; i + l < n; l++)
    sum[l] += a[i + l] * b[i + l];
  return ut_lanes_fold (sum);
}
