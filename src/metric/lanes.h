/* How every sum of this layer runs: element i of a vector goes to lane i mod 16, each lane adds its elements in order in double,
 * and the lanes are folded in one fixed tree. That order is a property of the source, not of the machine (base/wide.h).
 *
 * Doubles cannot overflow here: a float is below 2^128 in magnitude, a difference of two below 2^129, its square below 2^258, and
 * 2^64 of those sum to less than 2^322, whose square is still below 2^1024. Nor can they lose a norm: the least float squared is
 * 2^-298. So a sum is finite exactly when all its inputs are. */
#pragma once
#include <stddef.h>

#include "base/wide.h"

#define UT_LANES 16

/* Folds the lanes: 16 to 8 to 4 to 2 to 1, the upper half onto the lower. */
static inline double
ut_lanes_fold (double lanes[UT_LANES])
{
  for (size_t width = UT_LANES / 2; width > 0; width /= 2)
    for (size_t i = 0; i < width; i++)
      lanes[i] += lanes[i + width];
  return lanes[0];
}

/* Σ (a_i − b_i)² over two vectors [n] (drift.c). The difference is taken in double: that of two floats near the largest would
 * overflow a float. */
double ut_squared_distance (const float *a, const float *b, size_t n);

/* Σ a_i² over a vector [n] (drift.c). */
double ut_squared_norm (const float *a, size_t n);

/* Σ a_i b_i over two vectors [n] (dot.c). */
double ut_dot (const double *a, const double *b, size_t n);
