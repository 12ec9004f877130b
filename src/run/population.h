/* What is measured of all items together, once their trials are there: control drift, and how the items lie among each other clean and
 * perturbed. */
#pragma once
#include "run/group.h"
#include "store/store.h"

/* The items whose representations are kept under every perturbation, and the drift of every vision token under every variant: keeping all
 * would take gigabytes. */
typedef struct _UtSample UtSample;

/* So many. */
constexpr unsigned UT_POPULATION_SIZE = 256;

/* Whether the channel is kept under every perturbation: `vision`, `ctx_open` and `ctx_mcq` are. */
gboolean ut_population_has (UtChannel channel);

/* All items (UtItem *) where they are few, else UT_POPULATION_SIZE of them, drawn without replacement by the seed. */
UtSample *ut_sample_new (GPtrArray *items, guint64 seed);
void ut_sample_free (UtSample *sample);
gboolean ut_sample_has (const UtSample *sample, unsigned item);

/* Measures and stores, in place of what stands there: the control drift of every item and channel, of layers on the sample alone; for every perturbation and kept channel
 * linear CKA and mutual k-NN of the sample, and the centred drift of each of its items, the centre being that of all clean items. */
gboolean ut_measure_population (UtStore *store, GPtrArray *items, GPtrArray *variants, guint64 seed, GError **error);
