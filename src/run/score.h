/* Scores: the forms in which an option's log-probabilities are compared with the other options' (method.md §3). A form is one row of
 * the table here and one line of the view `scores`, which gives its formula to SQL. */
#pragma once
#include <glib.h>

#include "engine/engine.h"

/* What a form may know of one option in one trial. */
typedef struct {
  UtScore sums;
  double no_image; /* its s_k with no image in the prompt, nats; NaN where that is not known */
  size_t n_bytes;  /* of its text */
} UtOptionScore;

typedef struct {
  const char *name; /* as --score takes it and a run's identity has it */
  const char *summary;
  unsigned needs; /* of UtGives: what the engine must give for it */
  double (*of) (const UtOptionScore *option);
  gboolean of_letters; /* says something only where the prompt shows the options' letters */
} UtScoreForm;

/* The paper's first; terminated by a row whose name is NULL. */
extern const UtScoreForm ut_score_forms[];

/* The form of that name, the paper's for NULL. UT_ERROR_USAGE for an unknown one, naming the nearest. */
const UtScoreForm *ut_score_form (const char *name, GError **error);

/* Whether an engine that gives so much can be decided by the form; else UT_ERROR_USAGE. */
gboolean ut_score_check (const UtScoreForm *form, unsigned gives, GError **error);

/* The option with the largest score of the form; ties go to the lowest index. `options` are [n], n at least 1. */
int ut_score_decide (const UtScoreForm *form, const UtOptionScore *options, unsigned n);
