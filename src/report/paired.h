/* Runs held against the first of them, the reference, pair by pair: the same question (id, image_id, words, options and right answer alike)
 * under the same variant, where both have finished it. What only one of two runs has is counted and left out; the views' formulas are of what
 * is left. Quantities have their difference, run less reference, with a 95 % interval by bootstrap over images drawn in both at once, and
 * right answers and flips are tested, with images as clusters (method.md §4). Reads run files alone. */
#pragma once
#include "report/table.h"

typedef struct _UtPaired UtPaired;

/* Reads and compares the runs at `paths` [n], n ≥ 2; the same may stand there twice. A run that shares no finished question with the first is
 * counted with 0 questions and has no differences. UT_ERROR_USAGE where none shares one, naming the two and why; UT_ERROR_FAILED where a run
 * cannot be read. */
UtPaired *ut_paired_new (const char *const *paths, unsigned n, GError **error);
void ut_paired_free (UtPaired *paired);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtPaired, ut_paired_free)

/* Which of several runs can be compared: in out_first [n] the runs of a group have the number of its first one, which ut_paired_new holds
 * them against. A run joins the earliest group whose first run has answered a question of its own; else it begins one. */
gboolean ut_paired_groups (const char *const *paths, unsigned n, unsigned *out_first, GError **error);

/* What ut_paired_write takes for its `table`, NULL-terminated. */
extern const char *const ut_paired_tables[];

/* Writes the whole comparison, what differs first (`table` NULL), or one of its tables. Whole it is text, Markdown, or the object of
 * ut_paired_json; CSV and LaTeX, which hold one table, have “differences”. UT_ERROR_USAGE for an unknown table. `width` as in
 * ut_table_write. */
gboolean ut_paired_write (UtPaired *paired, const char *table, UtTableFormat format, unsigned width, FILE *out, GError **error);

/* One JSON object of arrays of flat objects; numbers that there are none of are null. The caller owns it.
 *
 *   runs         run (from 0, the reference), name (of the file; its path where two are alike), finished, caveat (or null)
 *   differs      key, informative, run, name, value: facts of the runs' identity that are not alike in all; null where a run has none
 *   matched      a run but the first: run, name, finished, questions, images, variants, instances (that both have), and what only one of the
 *                two has: questions_only_reference, questions_only_run, questions_reworded (of those, the id and image of a question of the
 *                first run in other words, or with another right answer), questions_unanswered (both have them, not both a clean answer),
 *                variants_only_…, instances_only_…
 *   differences  run, name, family (clean, a family, any (core-N), any (all)), quantity (as in the view image_sums), channel (or null),
 *                reference, value, difference (value − reference), low, high (95 %), images
 *   tests        run, name, test (clean, accuracy: of right answers; flips), family, pairs, images, only_reference, only_run (discordant
 *                pairs: right, or flipped, in one alone), p (by images), p_holm (over all of this test; null for the pools), p_mcnemar (as if
 *                all pairs were independent) */
char *ut_paired_json (UtPaired *paired, GError **error);
