#include "base/elementary.h"

#include <math.h>

/* ln 2 in two parts, so that k times the high one is exact for every exponent k. */
static constexpr double LN2_HIGH = 0x1.62e42feep-1;
static constexpr double LN2_LOW = 0x1.a39ef35793c76p-33;

double
ut_exp (double x)
{
  if (!isfinite (x))
    return x < 0.0 ? 0.0 : x;
  if (x > 710.0)
    return INFINITY;
  if (x < -746.0)
    return 0.0;
  /* eˣ = 2^k eʳ with |r| ≤ ln 2 / 2, where the first term left out of the series is below 2^-60. */
  const double k = rint (x / (LN2_HIGH + LN2_LOW));
  const double r = (x - k * LN2_HIGH) - k * LN2_LOW;
  double sum = 1.0;
  for (int i = 14; i > 0; i--)
    sum = 1.0 + sum * r / i;
  return ldexp (sum, (int) k);
}

double
ut_log (double x)
{
  if (!(x > 0.0) || isinf (x))
    return x == 0.0 ? -INFINITY : x > 0.0 ? x : NAN;
  /* x = m 2^k with m in [√½, √2), and ln m = 2 artanh s with s = (m − 1) / (m + 1), |s| < 0.172. */
  int k;
  double m = frexp (x, &k);
  if (m < M_SQRT1_2)
    {
      m *= 2.0;
      k--;
    }
  const double s = (m - 1.0) / (m + 1.0);
  double sum = 0.0;
  for (int i = 21; i > 1; i -= 2)
    sum = (sum + 1.0 / i) * s * s;
  return k * LN2_HIGH + (k * LN2_LOW + (2.0 * s * sum + 2.0 * s));
}
