/* Dirichlet energy: how rough the tokens are from one to the next on their grid (method.md §6). */
#include <math.h>

#include "metric/lanes.h"
#include "metric/metric.h"

/* A running sum over pairs of neighbours. */
typedef struct {
  double sum;
  double n_pairs;
} Energy;

static void
add_pair (Energy *energy, const float *a, const float *b, size_t n_embd)
{
  energy->sum += ut_squared_distance (a, b, n_embd);
  energy->n_pairs += 1.0;
}

/* One frame [h·w, n_embd] in raster order: each token with its right and its lower neighbour. */
static void
add_frame (Energy *energy, const float *z, size_t h, size_t w, size_t n_embd)
{
  for (size_t y = 0; y < h; y++)
    for (size_t x = 0; x < w; x++)
      {
        const float *token = z + (y * w + x) * n_embd;
        if (x + 1 < w)
          add_pair (energy, token, token + n_embd, n_embd);
        if (y + 1 < h)
          add_pair (energy, token, token + w * n_embd, n_embd);
      }
}

/* A token without a neighbour adds nothing to the sum but must still turn it to NaN where it is not finite: its distance from
 * itself is 0, or NaN. */
static void
add_lone_token (Energy *energy, const float *z, size_t n_embd)
{
  energy->sum += ut_squared_distance (z, z, n_embd);
}

double
ut_dirichlet_energy (const float *z, const UtGrid *grids, size_t n_grids, size_t n_embd)
{
  Energy energy = { 0 };
  for (size_t g = 0; g < n_grids; g++)
    {
      const size_t h = grids[g].h, w = grids[g].w;
      for (uint32_t t = 0; t < grids[g].t; t++, z += h * w * n_embd)
        {
          if (h * w == 1)
            add_lone_token (&energy, z, n_embd);
          else
            add_frame (&energy, z, h, w, n_embd);
        }
    }
  if (!isfinite (energy.sum))
    return NAN;
  return energy.n_pairs > 0.0 ? energy.sum / energy.n_pairs : 0.0;
}

double
ut_dirichlet_rayleigh (const float *z, const UtGrid *grids, size_t n_grids, size_t n_embd)
{
  size_t n_tokens = 0;
  for (size_t g = 0; g < n_grids; g++)
    n_tokens += (size_t) grids[g].t * grids[g].h * grids[g].w;
  const double mean_square = ut_squared_norm (z, n_tokens * n_embd) / (double) n_tokens;
  return ut_dirichlet_energy (z, grids, n_grids, n_embd) / mean_square;
}
