/* Seeded randomness that depends on nothing but its seed: no global state, no thread, no order. */
#pragma once
#include <stdint.h>

typedef struct {
  uint64_t state;
} UtRng;

/* The generator for one purpose of a run. `item` and `purpose` (a family's name, "control", …) may be any strings; the same
 * four values give the same stream on every machine. */
UtRng ut_rng_init (uint64_t run_seed, const char *item, const char *purpose, uint64_t index);

/* The next 64 bits (SplitMix64: Steele, Lea, Flood 2014). */
uint64_t ut_rng_next (UtRng *rng);

/* Uniform in 0..n-1, without bias; n > 0. */
uint64_t ut_rng_below (UtRng *rng, uint64_t n);

/* Uniform in [0, 1), 53 bits. */
double ut_rng_uniform (UtRng *rng);

/* A standard normal value. */
double ut_rng_gaussian (UtRng *rng);
