/* bench-metric [NAME]: what each metric takes at the shapes it meets, all of them or those of one name: the median of many runs, one
 * thread, and the bytes of input it gets through. Every input byte counts once, however often it is read. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "metric/metric.h"

static constexpr int64_t BUDGET_US = 300 * 1000; /* for each case */
static constexpr int64_t SAMPLE_US = 100;        /* the least that is timed at once, far above the clock's microsecond */

/* What a case measures: n vectors [n_embd], as two, as tokens, as the tokens of a grid, or as the clean embeddings of n items. */
typedef struct {
  const float *values;
  uint32_t n, n_embd;
  UtGrid grid;
  const int *present;
} Input;

typedef double (*Work) (const Input *input);

static double
cosine_distance (const Input *input)
{
  return ut_cosine_distance (input->values, input->values + input->n_embd, input->n_embd);
}

static double
l2_distance (const Input *input)
{
  return ut_l2_distance (input->values, input->values + input->n_embd, input->n_embd);
}

static double
mean_pool (const Input *input)
{
  float mean[8192];
  g_assert (input->n_embd <= G_N_ELEMENTS (mean));
  ut_mean_pool (input->values, input->n, input->n_embd, mean);
  return mean[0];
}

static double
dirichlet (const Input *input)
{
  return ut_dirichlet_energy (input->values, &input->grid, 1, input->n_embd);
}

/* One item's: it reads itself and the UT_CONTROL_K others, and looks through the list of all items. */
static double
control_drift (const Input *input)
{
  const UtPopulation population = { input->values, input->present, input->n, input->n_embd };
  size_t k;
  return ut_control_drift (&population, input->n / 2, "bench", "ctx_mcq", UT_CONTROL_K, 1, &k);
}

/* Of one metric at one shape. n_read: vectors that it reads, where that is not all n of them. */
typedef struct {
  const char *name;
  Work work;
  uint32_t n, n_embd, n_read;
  UtGrid grid;
} Case;

static const Case cases[] = {
  { "cosine_distance", cosine_distance, .n = 2, .n_embd = 128 },
  { "cosine_distance", cosine_distance, .n = 2, .n_embd = 2048 },
  { "cosine_distance", cosine_distance, .n = 2, .n_embd = 8192 },
  { "l2_distance", l2_distance, .n = 2, .n_embd = 128 },
  { "l2_distance", l2_distance, .n = 2, .n_embd = 2048 },
  { "l2_distance", l2_distance, .n = 2, .n_embd = 8192 },
  { "mean_pool", mean_pool, .n = 64, .n_embd = 2048 },
  { "mean_pool", mean_pool, .n = 256, .n_embd = 2048 },
  { "mean_pool", mean_pool, .n = 1024, .n_embd = 2048 },
  { "mean_pool", mean_pool, .n = 1024, .n_embd = 4096 },
  { "dirichlet", dirichlet, .n = 64, .n_embd = 2048, .grid = { 1, 8, 8 } },
  { "dirichlet", dirichlet, .n = 300, .n_embd = 2048, .grid = { 1, 15, 20 } },
  { "dirichlet", dirichlet, .n = 1024, .n_embd = 2048, .grid = { 1, 32, 32 } },
  { "dirichlet", dirichlet, .n = 1024, .n_embd = 4096, .grid = { 1, 32, 32 } },
  { "control_drift", control_drift, .n = 500, .n_embd = 2048, .n_read = UT_CONTROL_K + 1 },
  { "control_drift", control_drift, .n = 9000, .n_embd = 2048, .n_read = UT_CONTROL_K + 1 },
};

static int64_t
time_us (Work work, const Input *input, unsigned times)
{
  const int64_t begin = g_get_monotonic_time ();
  for (unsigned i = 0; i < times; i++)
    work (input);
  return g_get_monotonic_time () - begin;
}

static int
compare_times (const void *a, const void *b)
{
  const int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
  return (x > y) - (x < y);
}

/* Of one call, in microseconds. */
static double
median_us (Work work, const Input *input)
{
  unsigned times = 1;
  while (time_us (work, input, times) < SAMPLE_US)
    times *= 2;
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (int64_t));
  for (int64_t total = 0; total < BUDGET_US;)
    {
      const int64_t sample = time_us (work, input, times);
      g_array_append_val (samples, sample);
      total += sample;
    }
  g_array_sort (samples, compare_times);
  return (double) g_array_index (samples, int64_t, samples->len / 2) / times;
}

static void
run_case (const Case *c)
{
  const size_t n_values = (size_t) c->n * c->n_embd;
  g_autofree float *values = g_new (float, n_values);
  g_autofree int *present = g_new (int, c->n);
  UtRng rng = ut_rng_init (1, c->name, "bench", 0);
  for (size_t i = 0; i < n_values; i++)
    values[i] = (float) ((double) (ut_rng_next (&rng) >> 40) * 0x1p-23 - 1.0);
  for (uint32_t i = 0; i < c->n; i++)
    present[i] = 1;

  const Input input = { values, c->n, c->n_embd, c->grid, present };
  const double us = median_us (c->work, &input);
  const double bytes = (double) (c->n_read != 0 ? c->n_read : c->n) * c->n_embd * sizeof *values;
  g_print ("%-16s %5u × %-5u %10.3f %8.1f\n", c->name, c->n, c->n_embd, us, bytes / us / 1e3);
}

int
main (int argc, char **argv)
{
  g_print ("%-16s %-13s %10s %8s\n", "metric", "vectors", "µs", "GB/s");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    if (argc < 2 || strcmp (argv[1], cases[i].name) == 0)
      run_case (&cases[i]);
}
