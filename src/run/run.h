/* The main job: model × benchmark × perturbations → answers and drift, in a store. The only place that knows all the parts. */
#pragma once
#include <glib.h>

#include "dataset/dataset.h"
#include "engine/engine.h"
#include "hub/hub.h"

/* Strings are borrowed. */
typedef struct {
  UtEngineConfig engine; /* model may be bundled:NAME, its mmproj then NULL */
  const char *hf_repo;   /* user/repo[:quant] on the hub, instead of engine.model, and of engine.mmproj where that is NULL */
  gboolean offline;      /* fetch nothing */
  UtDatasetConfig dataset;
  const char *perturbations; /* as ut_variants_expand reads them */
  const char *prompt;        /* as ut_prompt_new reads it */
  const char *score;         /* the form of the score that decides, as ut_score_form reads it; NULL for the prompt's */
  gboolean layers;           /* measure drift after every layer too */
  int n_generate; /* tokens of greedy answers, which the channels ans_open and ans_mcq_free are read from; 0 for none */
  guint64 seed;
  const char *output;  /* path of the run's database */
  const char *program; /* this program's file, for the engine's worker process */
  const char *command; /* the command line, as recorded */
} UtRunConfig;

/* How far a run is. Counts are of this run as a whole, what an earlier process finished included. */
typedef struct {
  guint64 n_items, items_done;
  guint64 n_trials, trials_done; /* n_trials is an upper bound: some variants do not apply to some questions */
  guint64 trials_now;            /* done by this process */
  guint64 flips, failures;
  double seconds;          /* since the first image */
  double engine_seconds;   /* of these, inside the engine */
  double generate_seconds; /* of these, for greedy answers */
} UtRunProgress;

typedef struct {
  /* Said once, when everything is open: what is about to run. */
  void (*started) (const UtRunConfig *config, const UtEngineInfo *engine, UtDataset *dataset, unsigned n_variants,
                   gboolean resumed, void *data);
  /* Called often, between trials. */
  void (*progress) (const UtRunProgress *progress, void *data);
  /* Asked between trials: whether to stop early. What is finished is committed. */
  gboolean (*stop) (void *data);
  /* What an engine in a program of its own writes to its standard error, from any thread; may be NULL. */
  UtEngineListener listen;
  void *data;
  const UtHubCallbacks *hub; /* of fetching the model; NULL where config names none of the hub */
} UtRunCallbacks;

/* Runs or resumes. *out_stopped says whether `stop`, or that of fetching, ended it early. Errors: UT_ERROR_USAGE for a configuration that cannot be meant or
 * differs from the store's, UT_ERROR_FAILED for files that will not do, UT_ERROR_ENGINE where the engine dies again and again. */
gboolean ut_run (const UtRunConfig *config, const UtRunCallbacks *callbacks, gboolean *out_stopped, GError **error);
