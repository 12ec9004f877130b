/* The paper's three findings, asked of a few models on a few tasks: each holds here, does not, or the data cannot tell. The rules are
 * fixed in docs/findings.md, before any data. */
#pragma once
#include "report/estimates.h"

/* Every model on every task; run number of (model, task) in `estimates` is model · n_tasks + task. The family “core” is the pool of all core
 * variants. Borrowed. */
typedef struct {
  const char *const *models;
  const char *const *tasks;
  unsigned n_models, n_tasks;
  gboolean sized;         /* whether the models stand by size, smallest first, and differ in it */
  UtEstimates *estimates; /* drawn */
} UtComparison;

typedef enum { UT_HOLDS, UT_DOES_NOT_HOLD, UT_CANNOT_TELL } UtVerdict;

/* "holds here", "does not hold here", "cannot be told here" */
extern const char *const ut_verdict_words[];

typedef struct {
  const char *name; /* what the paper says: "Robustness does not grow with size" */
  UtVerdict verdict;
  char *reason; /* one sentence with the numbers */
} UtFinding;

void ut_finding_clear (UtFinding *finding);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtFinding, ut_finding_clear)

/* “Models preserve answers while their representations move, for some perturbations as far as between unrelated inputs.” */
UtFinding ut_finding_hidden_drift (const UtComparison *comparison);

/* “Robustness does not improve with scale.” */
UtFinding ut_finding_scale (const UtComparison *comparison);

/* “Perturbations harm reasoning, and reduce false positives on hallucination benchmarks.” */
UtFinding ut_finding_tasks (const UtComparison *comparison);
