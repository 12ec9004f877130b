/* Deciding a stored run anew by another score, without the model. */
#pragma once
#include <glib.h>

/* How many answers another score changes. Failed trials do not count. */
typedef struct {
  gint64 questions, questions_changed; /* clean answers */
  gint64 trials, trials_changed;       /* all, clean ones too */
  gint64 overlays; /* trials of the text overlays whose text does not contradict the new clean answer by construction */
} UtRescored;

/* Copies the run `from` to the new file `to` and decides its answers by `score`, a name in ut_score_forms: every stored prediction
 * changes, and with it all that the views derive from answers and scores; what was measured on representations stays, `ans_mcq` that of
 * the option first chosen. The text overlays stay too, which were drawn to contradict the clean answers by the first score: the copy's
 * identity names that one under "overlays chosen by". Decided by its first score again, a copy is the first run.
 *
 * UT_ERROR_USAGE for a score that the run's prompt gives no sense; UT_ERROR_FAILED for a file that is no run, is being written, or where `to` exists or cannot be written; then no `to` is left. */
gboolean ut_store_rescore (const char *from, const char *score, const char *to, UtRescored *out, GError **error);
