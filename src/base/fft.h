/* Discrete Fourier transforms in two dimensions, in double, of every size: a length whose prime factors are small is taken apart
 * by them, any other becomes a convolution of such a length, so that a prime costs no more than a few times its neighbours.
 *
 * Why our own: the bits must depend on the source alone. FFTW chooses its code, and whether it fuses multiplies and adds, by the
 * processor; kissfft is slow for large primes (683 rows have the photographs of 1024 × 683), and PocketFFT is C++. */
#pragma once
#include <stddef.h>

typedef enum {
  UT_FFT_FORWARD, /* F(k, l) = Σ z(y, x) exp (−2πi (ky / h + lx / w)) */
  UT_FFT_INVERSE, /* its inverse, so divided by h·w */
} UtFftDirection;

/* Transforms `n_signals` complex signals of h × w each in place. Signal s at (y, x) is re[i] + i·im[i], i = (y·w + x)·n_signals +
 * s. The relative error, in the norm over a signal, is a few 2^-53 a prime factor of h·w. No size may be 0.
 *
 * Two real signals a, b may be one complex signal a + ib. Over a set of frequencies that holds −k with every k, the sums of |F|²
 * and of Re F'·conj F are then those of a and b together, since what mixes the two is odd in k; and a real even filter leaves a
 * and b apart. */
void ut_fft (double *re, double *im, size_t h, size_t w, size_t n_signals, UtFftDirection direction);

/* The frequency of row (or column) k of n, without its sign: cycles over the extent, at most n / 2. */
static inline size_t
ut_fft_frequency (size_t k, size_t n)
{
  return k < n - k ? k : n - k;
}

/* How far frequency (k, l) of an h × w grid lies from the constant, squared; and the largest such value of the grid. */
static inline size_t
ut_fft_radius_squared (size_t k, size_t l, size_t h, size_t w)
{
  const size_t y = ut_fft_frequency (k, h), x = ut_fft_frequency (l, w);
  return y * y + x * x;
}

static inline size_t
ut_fft_largest_radius_squared (size_t h, size_t w)
{
  return ut_fft_radius_squared (h / 2, w / 2, h, w);
}
