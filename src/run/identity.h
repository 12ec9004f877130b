/* What makes two runs the same run: every setting and file that the numbers depend on. */
#pragma once
#include "run/run.h"
#include "store/store.h"

/* The identity of a run, for ut_store_begin: an array of UtIdentity ending with a NULL key, owning its strings. `engine` is the
 * configuration with the names of models resolved. An error where a file cannot be read. */
GArray *ut_run_identity (const UtRunConfig *config, const UtEngineConfig *engine, const UtEngineInfo *info, UtDataset *dataset,
                         GPtrArray *variants, GError **error);
