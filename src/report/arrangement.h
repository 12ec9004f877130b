/* Which of the runs at hand make a comparison of models on tasks: the files say themselves what they are. */
#pragma once
#include "report/comparison.h"

/* Owns what it points to. */
typedef struct {
  char **models;   /* [n_models], by size, smallest first; where one of them does not tell its size, in the order the runs are given */
  char **tasks;    /* [n_tasks], in that order */
  char **paths;    /* [n_models][n_tasks] */
  char **left_out; /* the paths of runs that have no place in it, and of second runs of a model on a task; NULL-terminated */
  unsigned n_models, n_tasks;
  gboolean sized; /* the models are of different sizes, and tell them */
} UtArrangement;

void ut_arrangement_clear (UtArrangement *arrangement);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtArrangement, ut_arrangement_clear)

/* The tasks are those of one of the models, the models all that have these; of which model, is what leaves out fewest runs. A task is a
 * benchmark with its questions, a model its weights or program. n_paths > 0. */
gboolean ut_arrangement_read (const char *const *paths, unsigned n_paths, UtArrangement *out, GError **error);

/* The same as ut_report_comparison takes it. Borrowed. */
UtComparedRuns ut_arrangement_runs (const UtArrangement *arrangement);
