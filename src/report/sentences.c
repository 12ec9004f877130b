#include "report/sentences.h"

#include "report/estimates.h"
#include "report/report.h"

/* --- Numbers ----------------------------------------------------------------------------------------------------------------- */

/* One quantity of the pool, or of another family; FALSE where the run does not have it. */
static gboolean
find (UtDb *db, const char *family, const char *quantity, const char *channel, UtInterval *out)
{
  g_autofree char *sql = ut_db_sql ("SELECT value, low, high FROM intervals WHERE family = %q AND quantity = %q AND "
                                    "coalesce(channel, '') = %q AND value IS NOT NULL",
                                    family, quantity, channel != NULL ? channel : "");
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, NULL);
  if (cursor == NULL || !ut_db_next (cursor, NULL))
    return FALSE;
  *out = (UtInterval) { ut_db_double (cursor, 0), ut_db_double (cursor, 1), ut_db_double (cursor, 2) };
  return TRUE;
}

static char *
in_percent (UtInterval share)
{
  const UtInterval percent = { 100 * share.value, 100 * share.low, 100 * share.high };
  return ut_interval_in_words (&percent, "%.1f");
}

/* A text of one row; NULL where there is none. The caller owns it. */
static char *
find_text (UtDb *db, const char *sql)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, NULL);
  return cursor != NULL && ut_db_next (cursor, NULL) ? ut_db_dup_text (cursor, 0) : NULL;
}

/* --- Sentences --------------------------------------------------------------------------------------------------------------- */

/* "144 answers to 6 questions on 6 images under the 24 core variants": what the pool counts. The caller owns it. */
static char *
say_counts (UtDb *db, const char *pool)
{
  g_autofree char *sql = ut_db_sql (
      "SELECT format('{:,} {} to {:,} {} on {:,} {} under the {:,} {}', f.instances, if(f.instances = 1, 'answer', 'answers'), "
      "              f.questions, if(f.questions = 1, 'question', 'questions'), i.images, if(i.images = 1, 'image', 'images'), "
      "              f.variants, if(starts_with(f.family, 'any (core'), 'core ', '') || if(f.variants = 1, 'variant', "
      "'variants')) "
      "FROM families f JOIN intervals i ON i.family = f.family AND i.quantity = 'IFR' WHERE f.family = %q",
      pool);
  return find_text (db, sql);
}

static char *
say_flips (UtDb *db, const char *pool)
{
  UtInterval flips, questions;
  g_autofree char *counts = say_counts (db, pool);
  if (counts == NULL || !find (db, pool, "IFR", NULL, &flips) || !find (db, pool, "IV", NULL, &questions))
    return NULL;
  g_autofree char *flips_words = in_percent (flips), *questions_words = in_percent (questions);
  return g_strdup_printf ("Of %s, %s %% are another than on the clean image; %s %% of the questions change their answer at least "
                          "once.",
                          counts, flips_words, questions_words);
}

/* The channel the kept answer is read from, or one that the engine gives. */
static const char *
choose_channel (UtDb *db, const char *pool, UtInterval *out)
{
  static const char *const channels[] = { "ctx_mcq", "ctx_open", "vision" };
  for (size_t i = 0; i < G_N_ELEMENTS (channels); i++)
    if (find (db, pool, "hidden_percent", channels[i], out))
      return channels[i];
  return NULL;
}

static char *
say_hidden_drift (UtDb *db, const char *pool)
{
  UtInterval hidden, farthest;
  const char *channel = choose_channel (db, pool, &hidden);
  if (channel == NULL)
    return NULL;
  g_autofree char *sql
      = ut_db_sql ("SELECT family FROM intervals WHERE quantity = 'hidden_percent' AND channel = %q AND family IN "
                   "(SELECT family FROM pools WHERE variant IN (SELECT variant FROM pools WHERE family = %q)) AND NOT "
                   "starts_with(family, 'any (') AND value IS NOT NULL ORDER BY value DESC, family LIMIT 1",
                   channel, pool),
      *family = find_text (db, sql), *words = ut_interval_in_words (&hidden, "%.1f");
  if (family == NULL || !find (db, family, "hidden_percent", channel, &farthest))
    return g_strdup_printf ("Where the answer stays, the representation %s still moves %s %% as far as to an unrelated question.",
                            channel, words);
  g_autofree char *farthest_words = ut_interval_in_words (&farthest, "%.1f");
  return g_strdup_printf ("Where the answer stays, the representation %s still moves %s %% as far as to an unrelated question; "
                          "farthest under %s, %s %%.",
                          channel, words, family, farthest_words);
}

/* What is said of false positives, after the accuracy. The caller owns it. */
static char *
say_false_positives (UtDb *db, const char *pool)
{
  UtInterval positives, negatives;
  g_autofree char *yes_no = find_text (db, "SELECT 'yes' FROM item WHERE yes_no LIMIT 1");
  if (yes_no == NULL)
    return g_strdup ("these are no yes/no questions, so false positives are not judged");
  if (!find (db, pool, "delta_FPR", NULL, &positives))
    return g_strdup ("no yes/no question that is judged has the answer No, so false positives are not known");
  g_autofree char *positives_words = ut_interval_in_words (&positives, "%+.3f");
  if (!find (db, pool, "delta_FNR", NULL, &negatives))
    return g_strdup_printf ("on yes/no questions the false-positive rate changes by %s", positives_words);
  g_autofree char *negatives_words = ut_interval_in_words (&negatives, "%+.3f");
  return g_strdup_printf ("on yes/no questions the false-positive rate changes by %s, the false-negative rate by %s",
                          positives_words, negatives_words);
}

static char *
say_truth (UtDb *db, const char *pool)
{
  UtInterval clean, change;
  if (!find (db, "clean", "accuracy", NULL, &clean) || !find (db, pool, "delta_accuracy", NULL, &change))
    return NULL;
  g_autofree char *clean_words = ut_interval_in_words (&clean, "%.3f"), *change_words = ut_interval_in_words (&change, "%+.3f"),
                  *false_positives = say_false_positives (db, pool);
  return g_strdup_printf ("Accuracy is %s on clean images, and perturbations change it by %s; %s.", clean_words, change_words,
                          false_positives);
}

char **
ut_report_sentences (UtDb *db, GError **error)
{
  g_autoptr (GPtrArray) sentences = g_ptr_array_new_with_free_func (g_free);
  if (!ut_report_make_tables (db, "FROM intervals", error))
    return NULL;
  g_autofree char *pool = find_text (db, "SELECT pool FROM overview");
  char *(*const sayings[]) (UtDb *, const char *) = { say_flips, say_hidden_drift, say_truth };
  for (size_t i = 0; pool != NULL && i < G_N_ELEMENTS (sayings); i++)
    {
      char *sentence = sayings[i](db, pool);
      if (sentence != NULL)
        g_ptr_array_add (sentences, sentence);
    }
  g_ptr_array_add (sentences, NULL);
  return (char **) g_ptr_array_steal (sentences, NULL);
}
