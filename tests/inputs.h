/* Inputs that tests share with the scripts of oracle/, which draw the same, and comparisons. */
#pragma once
#include "base/rng.h"

#include <float.h>
#include <glib.h>
#include <math.h>

/* Multiples of 2^-23 in [-1, 1), the same as oracle/metric.py's. */
static inline float *
tensor (uint64_t seed, size_t n)
{
  UtRng rng = { .state = seed };
  float *values = g_new (float, n);
  for (size_t i = 0; i < n; i++)
    values[i] = (float) ((double) (ut_rng_next (&rng) >> 40) * 0x1p-23 - 1.0);
  return values;
}

/* The second of a pair: the first plus noise, drawn by a seed, times a spread; or noise alone where that is 0. */
static inline float *
disturbed (const float *a, uint64_t seed, size_t n, float spread)
{
  float *b = tensor (seed, n);
  for (size_t i = 0; spread != 0.0f && i < n; i++)
    b[i] = a[i] + b[i] * spread;
  return b;
}

static inline float *
constant (size_t n, float value)
{
  float *values = g_new (float, n);
  for (size_t i = 0; i < n; i++)
    values[i] = value;
  return values;
}

static inline void
assert_near (double value, double expected, double tolerance)
{
  if (isnan (expected))
    g_assert_true (isnan (value));
  else
    g_assert_cmpfloat_with_epsilon (value, expected, tolerance + DBL_MIN);
}

static inline void
assert_same_bits (double a, double b)
{
  g_assert_cmpmem (&a, sizeof a, &b, sizeof b);
}
