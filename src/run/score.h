/* Scores: the forms in which an option's log-probabilities are compared with the other options' (method.md §3). A form is one row of
 * the table here and one line of the view `scores`, which gives its formula to SQL. */
#pragma once
#include <glib.h>

#include "engine/engine.h"

/* What a form may know of one option in one trial. */
typedef struct {
  UtScore sums;
  double no_image; /* its s_k with no image in the prompt, nats */
  size_t n_bytes;  /* of its text */
} UtOptionScore;

typedef struct {
  const char *name; /* as --score takes it and a run's identity has it */
  const char *summary;
  double (*of) (const UtOptionScore *option);
  gboolean of_letters; /* says something only where the prompt shows the options' letters */
} UtScoreForm;

/* The paper's first; terminated by a row whose name is NULL. */
extern const UtScoreForm ut_score_forms[];

/* The form of that name, the paper's for NULL. UT_ERROR_USAGE for an unknown one, naming the nearest. */
const UtScoreForm *ut_score_form (const char *name, GError **error);

/* The option with the largest score of the form; ties go to the lowest index. `options` are [n], n at least 1. */
int ut_score_decide (const UtScoreForm *form, const UtOptionScore *options, unsigned n);
