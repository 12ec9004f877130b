/* What bootstraps over clusters share: the draws, a block at a time. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

/* Draws at a time: the counts of a cluster in all of them lie side by side, and those that are in use stay in the cache. */
constexpr size_t UT_BLOCK = 256;

/* The generator whose draws all calls with this seed and number of clusters share. */
UtRng ut_draws_init (uint64_t seed, size_t n_clusters);

/* How often each cluster is in each of the next n ≤ UT_BLOCK draws: counts [n_clusters][UT_BLOCK], 0 beyond n. */
void ut_draws_next (UtRng *rng, size_t n, size_t n_clusters, int32_t *counts);
