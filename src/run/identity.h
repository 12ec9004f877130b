/* What makes two runs the same run: every setting and file that the numbers depend on. */
#pragma once
#include "prompt/prompt.h"
#include "run/run.h"
#include "run/score.h"
#include "store/store.h"

/* What a run is made of. Borrowed. */
typedef struct {
  const UtRunConfig *config;
  const UtEngineConfig *engine; /* the configuration's with the names of models resolved */
  const UtEngineInfo *info;
  UtDataset *dataset;
  GPtrArray *variants; /* UtVariant * */
  const UtPrompt *prompt;
  const UtScoreForm *form; /* of the score that decides */
} UtRunParts;

/* The identity of a run, for ut_store_begin: an array of UtIdentity ending with a NULL key, owning its strings. An error where a file cannot
 * be read. */
GArray *ut_run_identity (const UtRunParts *parts, GError **error);
