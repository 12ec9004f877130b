#include "run/population.h"

#include <math.h>

#include "base/rng.h"
#include "metric/metric.h"

gboolean
ut_population_has (UtChannel channel)
{
  return channel == UT_VISION || channel == UT_CTX_OPEN || channel == UT_CTX_MCQ;
}

struct _UtSample {
  GHashTable *items; /* set of item indices; NULL for all */
};

/* --- The sample -------------------------------------------------------------------------------------------------------------- */

UtSample *
ut_sample_new (GPtrArray *items, guint64 seed)
{
  UtSample *sample = g_new0 (UtSample, 1);
  if (items->len <= UT_POPULATION_SIZE)
    return sample;
  sample->items = g_hash_table_new (g_direct_hash, g_direct_equal);
  UtRng rng = ut_rng_init (seed, "items", "population", 0);
  while (g_hash_table_size (sample->items) < UT_POPULATION_SIZE)
    {
      const UtItem *item = items->pdata[ut_rng_below (&rng, items->len)];
      g_hash_table_add (sample->items, GUINT_TO_POINTER (item->index));
    }
  return sample;
}

void
ut_sample_free (UtSample *sample)
{
  if (sample == NULL)
    return;
  g_clear_pointer (&sample->items, g_hash_table_unref);
  g_free (sample);
}

gboolean
ut_sample_has (const UtSample *sample, unsigned item)
{
  return sample->items == NULL || g_hash_table_contains (sample->items, GUINT_TO_POINTER (item));
}

/* --- One channel ------------------------------------------------------------------------------------------------------------- */

static gboolean
add_controls (UtStore *store, GPtrArray *items, const char *channel, const UtPopulation *population, guint64 seed, GError **error)
{
  for (size_t i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      size_t k;
      const double mean = ut_control_drift (population, i, item->id, channel, UT_CONTROL_K, seed, &k);
      if (isfinite (mean) && !ut_store_add_control (store, item->index, channel, mean, (unsigned) k, error))
        return FALSE;
    }
  return TRUE;
}

/* The mean of the clean embeddings, [n_embd]. */
static float *
centre_of (const UtPopulation *population)
{
  g_autofree double *sum = g_new0 (double, population->n_embd);
  float *centre = g_new (float, population->n_embd);
  size_t n = 0;
  for (size_t i = 0; i < population->n_items; i++)
    {
      if (!population->present[i])
        continue;
      n++;
      for (size_t j = 0; j < population->n_embd; j++)
        sum[j] += (double) population->clean[i * population->n_embd + j];
    }
  for (size_t j = 0; j < population->n_embd; j++)
    centre[j] = (float) (sum[j] / (double) n);
  return centre;
}

static gboolean
add_centred (UtStore *store, const UtPairs *pairs, unsigned variant, const char *channel, const float *centre, GError **error)
{
  for (size_t i = 0; i < pairs->n; i++)
    {
      const size_t at = i * pairs->n_embd;
      const UtMeasurement measurement
          = { channel, "centred_cosine_distance",
              ut_centred_cosine_distance (pairs->clean + at, pairs->perturbed + at, centre, pairs->n_embd) };
      if (isfinite (measurement.value) && !ut_store_add_measurement (store, pairs->items[i], variant, &measurement, error))
        return FALSE;
    }
  return TRUE;
}

/* Clean and perturbed against each other, under every perturbation. */
static gboolean
compare_populations (UtStore *store, GPtrArray *variants, const char *channel, const float *centre, GError **error)
{
  for (guint v = 0; v < variants->len; v++)
    {
      const UtVariant *variant = variants->pdata[v];
      if (variant->family->role != UT_ROLE_PERTURBATION)
        continue;
      g_auto (UtPairs) pairs = {};
      if (!ut_store_pairs (store, variant->id, channel, &pairs, error))
        return FALSE;
      if (pairs.n == 0)
        continue;
      const double cka = ut_linear_cka (pairs.clean, pairs.perturbed, pairs.n, pairs.n_embd);
      const double knn = ut_mutual_knn (pairs.clean, pairs.perturbed, pairs.n, pairs.n_embd, UT_KNN_K);
      if (!add_centred (store, &pairs, variant->id, channel, centre, error)
          || !ut_store_add_population (store, variant->id, channel, "linear_cka", cka, pairs.n, error)
          || !ut_store_add_population (store, variant->id, channel, "mutual_knn", knn, pairs.n, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_kept (const char *name)
{
  for (size_t c = 0; c < UT_N_CHANNELS; c++)
    if (g_str_equal (ut_channels[c].name, name))
      return ut_population_has (c);
  return FALSE;
}

static gboolean
measure_channel (UtStore *store, GPtrArray *items, GPtrArray *variants, const char *name, guint64 seed, GError **error)
{
  g_autofree float *values = NULL;
  g_autofree gboolean *present = NULL;
  size_t n_embd;
  if (!ut_store_embeddings (store, name, items->len, &values, &n_embd, &present, error))
    return FALSE;
  if (values == NULL)
    return TRUE;
  const UtPopulation population = { values, present, items->len, n_embd };
  g_autofree float *centre = centre_of (&population);
  return add_controls (store, items, name, &population, seed, error)
         && (!is_kept (name) || compare_populations (store, variants, name, centre, error));
}

gboolean
ut_measure_population (UtStore *store, GPtrArray *items, GPtrArray *variants, guint64 seed, GError **error)
{
  if (!ut_store_forget_population (store, error))
    return FALSE;
  g_auto (GStrv) channels = ut_store_channels (store, error);
  if (channels == NULL)
    return FALSE;
  for (char **channel = channels; *channel != NULL; channel++)
    if (!measure_channel (store, items, variants, *channel, seed, error))
      return FALSE;
  return ut_store_commit (store, error);
}
