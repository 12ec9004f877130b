/* Several models on several tasks, side by side: tables by size of the model with 95 % intervals, and what of the paper's findings holds.
 * Reads run files alone. */
#pragma once
#include "report/table.h"

/* Every model has a run on every task. Borrowed. */
typedef struct {
  const char *const *models; /* [n_models] */
  const char *const *tasks;  /* [n_tasks] */
  const char *const *paths;  /* [n_models][n_tasks], of finished runs */
  unsigned n_models, n_tasks;
  gboolean sized; /* whether the models stand by size, and differ in it */
} UtComparedRuns;

/* Text and Markdown have a table a task and a sentence a finding; JSON is one object of “estimates” and “findings”; CSV has the estimates
 * alone. `width` as in ut_table_write. */
gboolean ut_report_comparison (const UtComparedRuns *runs, UtTableFormat format, unsigned width, FILE *out, GError **error);
