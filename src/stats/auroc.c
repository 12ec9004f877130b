/* A draw weighs every trial by how often its cluster was drawn, and changes no order. So trials are sorted once, and all draws of a block
 * go through them together: a trial without the event is added to what lies below, one with it to the pairs won. An event is met
 * twice, before and after the trials of its own value, so that half of both counts makes a tie a half. All counts are whole numbers below
 * 2^53, and exact. */
#include "stats/auroc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/wide.h"
#include "stats/draws.h"

/* A trial as a draw meets it. */
typedef struct {
  unsigned cluster;
  gboolean event;
} Meeting;

typedef struct {
  Meeting *meetings; /* upwards by value */
  size_t n;
  UtEstimate *estimate; /* borrowed */
} Order;

static int
compare (const void *a, const void *b)
{
  const UtForecast *x = a, *y = b;
  return (x->value > y->value) - (x->value < y->value);
}

static void
append_kind (Order *order, const UtForecast *trials, size_t n, gboolean event)
{
  for (size_t i = 0; i < n; i++)
    if (trials[i].event == event)
      order->meetings[order->n++] = (Meeting) { trials[i].cluster, event };
}

static Order
order_new (const UtForecasts *forecasts, UtEstimate *estimate)
{
  const size_t n = forecasts->n;
  Order order = { g_new (Meeting, 2 * n), 0, estimate };
  g_autofree UtForecast *sorted = g_memdup2 (forecasts->trials, n * sizeof *sorted);
  if (n > 0)
    qsort (sorted, n, sizeof *sorted, compare);
  for (size_t i = 0, end; i < n; i = end)
    {
      for (end = i + 1; end < n && sorted[end].value == sorted[i].value;)
        end++;
      append_kind (&order, sorted + i, end - i, TRUE);
      append_kind (&order, sorted + i, end - i, FALSE);
      append_kind (&order, sorted + i, end - i, TRUE);
    }
  return order;
}

/* The AUROC of each draw of a block. */
UT_WIDE static void
meet_block (const Meeting *meetings, size_t n, const int32_t *counts, double out_auroc[UT_BLOCK])
{
  int32_t below[UT_BLOCK] = {}, events[UT_BLOCK] = {};
  double won[UT_BLOCK] = {};
  for (size_t i = 0; i < n; i++)
    {
      const int32_t *times = counts + meetings[i].cluster * UT_BLOCK;
      if (meetings[i].event)
        for (size_t b = 0; b < UT_BLOCK; b++)
          {
            won[b] += (double) times[b] * (double) below[b];
            events[b] += times[b];
          }
      else
        for (size_t b = 0; b < UT_BLOCK; b++)
          below[b] += times[b];
    }
  for (size_t b = 0; b < UT_BLOCK; b++)
    out_auroc[b] = won[b] / ((double) events[b] * (double) below[b]);
}

/* How many clusters have trials with the event, or without it, whichever are fewer. */
static size_t
count_clusters (const UtForecasts *forecasts, size_t n_clusters)
{
  g_autofree gboolean *seen = g_new0 (gboolean, 2 * n_clusters);
  size_t n[2] = {};
  for (size_t i = 0; i < forecasts->n; i++)
    {
      const size_t kind = forecasts->trials[i].event ? 1 : 0;
      gboolean *of_cluster = &seen[kind * n_clusters + forecasts->trials[i].cluster];
      n[kind] += !*of_cluster;
      *of_cluster = TRUE;
    }
  return MIN (n[0], n[1]);
}

static void
draw_block (const Order *orders, size_t n_orders, const int32_t *counts, size_t first, size_t n)
{
  double auroc[UT_BLOCK];
  for (size_t o = 0; o < n_orders; o++)
    {
      meet_block (orders[o].meetings, orders[o].n, counts, auroc);
      memcpy (orders[o].estimate->draws + first, auroc, n * sizeof *auroc);
    }
}

/* The sample itself: every cluster once. */
static void
estimate_sample (const Order *orders, size_t n_orders, size_t n_clusters, int32_t *counts)
{
  double auroc[UT_BLOCK];
  for (size_t c = 0; c < n_clusters; c++)
    counts[c * UT_BLOCK] = 1;
  for (size_t o = 0; o < n_orders; o++)
    {
      meet_block (orders[o].meetings, orders[o].n, counts, auroc);
      orders[o].estimate->value = auroc[0];
    }
}

GPtrArray *
ut_auroc (const UtForecasts *forecasts, size_t n_forecasts, size_t n_clusters, guint64 seed, size_t n_draws)
{
  GPtrArray *estimates = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_estimate_free);
  g_autofree Order *orders = g_new (Order, n_forecasts);
  for (size_t f = 0; f < n_forecasts; f++)
    {
      g_ptr_array_add (estimates, ut_estimate_new (NAN, n_draws, count_clusters (&forecasts[f], n_clusters)));
      orders[f] = order_new (&forecasts[f], estimates->pdata[f]);
    }

  g_autofree int32_t *counts = g_new0 (int32_t, n_clusters *UT_BLOCK);
  estimate_sample (orders, n_forecasts, n_clusters, counts);
  UtRng rng = ut_draws_init (seed, n_clusters);
  for (size_t first = 0; first < n_draws; first += UT_BLOCK)
    {
      const size_t n = MIN (UT_BLOCK, n_draws - first);
      ut_draws_next (&rng, n, n_clusters, counts);
      draw_block (orders, n_forecasts, counts, first, n);
    }
  for (size_t f = 0; f < n_forecasts; f++)
    g_free (orders[f].meetings);
  return estimates;
}
