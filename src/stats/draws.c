#include "stats/draws.h"

#include <string.h>

UtRng
ut_draws_init (uint64_t seed, size_t n_clusters)
{
  return ut_rng_init (seed, "", "bootstrap", n_clusters);
}

void
ut_draws_next (UtRng *rng, size_t n, size_t n_clusters, int32_t *counts)
{
  memset (counts, 0, n_clusters * UT_BLOCK * sizeof *counts);
  for (size_t b = 0; b < n; b++)
    for (size_t i = 0; i < n_clusters; i++)
      counts[ut_rng_below (rng, n_clusters) * UT_BLOCK + b]++;
}
