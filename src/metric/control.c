/* Control drift: how far apart the representations of two unrelated questions are, the yardstick of every drift (method.md
 * §5). */
#include <glib.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "metric/metric.h"

static gboolean
contains (const size_t *values, size_t n, size_t value)
{
  for (size_t i = 0; i < n; i++)
    if (values[i] == value)
      return TRUE;
  return FALSE;
}

static int
compare_sizes (const void *a, const void *b)
{
  const size_t x = *(const size_t *) a, y = *(const size_t *) b;
  return (x > y) - (x < y);
}

/* k distinct numbers of 0..n-1 in ascending order, every set as likely as any other (Floyd; Bentley, "A sample of brilliance",
 * 1987). k ≤ n. */
static void
sample (UtRng rng, size_t n, size_t k, size_t *out)
{
  for (size_t j = n - k, n_out = 0; j < n; j++, n_out++)
    {
      const size_t drawn = ut_rng_below (&rng, j + 1);
      out[n_out] = contains (out, n_out, drawn) ? j : drawn;
    }
  qsort (out, k, sizeof *out, compare_sizes);
}

static size_t
count_others (const UtPopulation *population, size_t item)
{
  size_t n = 0;
  for (size_t i = 0; i < population->n_items; i++)
    n += i != item && population->present[i];
  return n;
}

double
ut_control_drift (const UtPopulation *population, size_t item, const char *item_id, const char *channel, size_t k,
                  uint64_t run_seed, size_t *out_k)
{
  g_return_val_if_fail (item < population->n_items, NAN);

  const size_t n_others = population->present[item] ? count_others (population, item) : 0;
  *out_k = MIN (k, n_others);
  if (*out_k == 0)
    return NAN;

  g_autofree char *purpose = g_strconcat ("control:", channel, NULL);
  g_autofree size_t *chosen = g_new (size_t, *out_k);
  sample (ut_rng_init (run_seed, item_id, purpose, 0), n_others, *out_k, chosen);

  /* The sample numbers the others that are present; added in the order of the items, whatever order they were drawn in. */
  const float *own = population->clean + item * population->n_embd;
  double sum = 0.0;
  for (size_t i = 0, other = 0, next = 0; next < *out_k; i++)
    {
      if (i == item || !population->present[i] || other++ != chosen[next])
        continue;
      sum += ut_cosine_distance (own, population->clean + i * population->n_embd, population->n_embd);
      next++;
    }
  return sum / (double) *out_k;
}
