#include "report/paired.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "report/estimates.h"
#include "report/report.h"
#include "stats/signs.h"
#include "store/store.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char paired_sql[] = {
#embed "paired.sql"
  , 0
};

struct _UtPaired {
  UtDb *db; /* paired.sql */
  char **paths, **names;
  unsigned n;
};

void
ut_paired_free (UtPaired *paired)
{
  if (paired == NULL)
    return;
  ut_db_free (paired->db);
  g_strfreev (paired->paths);
  g_strfreev (paired->names);
  g_free (paired);
}

/* --- Reading ----------------------------------------------------------------------------------------------------------------- */

/* Of one value, for the appender. */
static void
copy_value (UtDbCursor *from, unsigned column, UtDbAppender *to)
{
  if (ut_db_is_null (from, column))
    {
      ut_db_append_null (to);
      return;
    }
  switch (ut_db_column_type (from, column))
    {
    case UT_DB_BOOL:
      ut_db_append_bool (to, ut_db_bool (from, column));
      break;
    case UT_DB_INT64:
      ut_db_append_int64 (to, ut_db_int64 (from, column));
      break;
    case UT_DB_DOUBLE:
      ut_db_append_double (to, ut_db_double (from, column));
      break;
    default:
      ut_db_append_text (to, ut_db_text (from, column));
    }
}

/* Adds what `sql` gives in one database to a table of another, behind the run's number. */
static gboolean
copy_rows (UtDb *from, const char *sql, unsigned run, UtDb *to, const char *table, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (from, sql, error);
  g_autoptr (UtDbAppender) rows = cursor != NULL ? ut_db_appender_new (to, table, error) : NULL;
  if (rows == NULL)
    return FALSE;
  while (ut_db_next (cursor, NULL))
    {
      ut_db_append_int64 (rows, run);
      for (unsigned c = 0; c < ut_db_n_columns (cursor); c++)
        copy_value (cursor, c, rows);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return ut_db_appender_flush (rows, error);
}

static const struct {
  const char *table, *sql;
} copies[] = {
  { "fact", "SELECT key, value, informative FROM run" },
  { "question", "SELECT item, id, image_id, words, row_number() OVER (PARTITION BY id, image_id, words ORDER BY item) "
                "FROM (SELECT *, concat_ws(chr(31), question, coalesce(hint, ''), array_to_string(options, chr(31)), answer) AS "
                "words FROM item)" },
  { "variant", "SELECT variant, name, family, param, role FROM variant" },
  { "trial", "SELECT item, variant, label FROM trial WHERE error IS NULL AND item IN (SELECT item FROM trial WHERE variant = 0 "
             "AND error IS NULL)" },
};

static gboolean
add_run (UtPaired *paired, unsigned run, UtDb *source, GError **error)
{
  g_autoptr (UtDbCursor) finished = ut_db_query (source, "SELECT finished FROM progress", error);
  g_autoptr (UtDbStatement) insert = ut_db_prepare (paired->db, "INSERT INTO run VALUES ($1, $2, $3 <> 0)", error);
  if (finished == NULL || insert == NULL)
    return FALSE;
  ut_db_bind_int64 (insert, 1, run);
  ut_db_bind_text (insert, 2, paired->names[run]);
  ut_db_bind_int64 (insert, 3, ut_db_next (finished, NULL) && ut_db_bool (finished, 0));
  if (!ut_db_step (insert, error))
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (copies); i++)
    if (!copy_rows (source, copies[i].sql, run, paired->db, copies[i].table, error))
      return FALSE;
  return TRUE;
}

static gboolean
read_runs (UtPaired *paired, GError **error)
{
  for (unsigned run = 0; run < paired->n; run++)
    {
      g_autoptr (UtStore) store = ut_store_open_read (paired->paths[run], error);
      if (store == NULL)
        return FALSE;
      if (!add_run (paired, run, ut_store_db (store), error))
        {
          g_prefix_error (error, "%s: ", paired->paths[run]);
          return FALSE;
        }
    }
  return TRUE;
}

/* --- What two runs share ------------------------------------------------------------------------------------------------------- */

/* The run with nothing but what both have, `side` 0 of the reference, 1 of the run. */
static UtStore *
open_kept (UtPaired *paired, unsigned run, unsigned side, GError **error)
{
  g_autofree char *sql = g_strdup_printf (side == 0 ? "SELECT item, variant, label FROM kept WHERE run = %u"
                                                    : "SELECT other_item, other_variant, other_label FROM kept WHERE run = %u",
                                          run);
  g_autoptr (UtDbCursor) cursor = ut_db_query (paired->db, sql, error);
  g_autoptr (UtStore) store = cursor != NULL ? ut_store_open_read (paired->paths[side == 0 ? 0 : run], error) : NULL;
  if (store == NULL)
    return NULL;
  g_autoptr (GArray) kept = g_array_new (FALSE, FALSE, sizeof (UtKeptTrial));
  while (ut_db_next (cursor, NULL))
    {
      const char *label = ut_db_text (cursor, 2);
      const UtKeptTrial trial = { (unsigned) ut_db_int64 (cursor, 0), (unsigned) ut_db_int64 (cursor, 1),
                                  label != NULL ? g_intern_string (label) : NULL };
      g_array_append_val (kept, trial);
    }
  if (!ut_store_restrict (store, (const UtKeptTrial *) (const void *) kept->data, kept->len, error))
    return NULL;
  return g_steal_pointer (&store);
}

/* --- Differences --------------------------------------------------------------------------------------------------------------- */

/* States after the final norm, and what is made of other quantities, stand in a run's own intervals. */
static const char quantities_sql[]
    = "SELECT family, quantity, channel, form, image_id, a, b, c, d FROM image_sums "
      "WHERE quantity IN ('accuracy', 'delta_accuracy', 'IFR', 'IV', 'margin', 'delta_margin', 'precision', 'recall', 'FPR', "
      "                   'yes_rate', 'percent', 'hidden_percent') "
      "  AND NOT ends_with(coalesce(channel, ''), '.normed')";

/* Margins by different scores are different quantities: of the sum of a text's tokens, of one token, per byte. */
static gboolean
is_comparable (const UtQuantity *quantity, gboolean same_score)
{
  return same_score || !g_str_has_suffix (quantity->quantity, "margin");
}

static char *
dup_score (UtDb *db)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, "SELECT score FROM decision", NULL);
  return cursor != NULL && ut_db_next (cursor, NULL) ? ut_db_dup_text (cursor, 0) : NULL;
}

static void
append_if_known (UtDbAppender *rows, double value)
{
  if (isfinite (value))
    ut_db_append_double (rows, value);
  else
    ut_db_append_null (rows);
}

static gboolean
add_difference (UtDbAppender *rows, unsigned run, unsigned place, const UtQuantity *quantity, const UtEstimate *other,
                GError **error)
{
  const UtEstimate *pair[] = { other, quantity->estimate };
  g_autoptr (UtEstimate) difference = ut_estimate_combine (pair, (const double[]) { 1, -1 }, G_N_ELEMENTS (pair));
  const UtInterval interval = ut_estimate_interval (difference, 0.95);
  ut_db_append_int64 (rows, run);
  ut_db_append_int64 (rows, place);
  ut_db_append_text (rows, quantity->family);
  ut_db_append_text (rows, quantity->quantity);
  ut_db_append_text (rows, quantity->channel);
  append_if_known (rows, quantity->estimate->value);
  append_if_known (rows, other->value);
  append_if_known (rows, interval.value);
  append_if_known (rows, interval.low);
  append_if_known (rows, interval.high);
  ut_db_append_int64 (rows, (gint64) difference->n_clusters);
  return ut_db_append_end_row (rows, error);
}

/* Of every quantity that both runs have and that means the same in both. */
static gboolean
add_differences (UtPaired *paired, unsigned run, UtDb *reference, UtDb *other, GError **error)
{
  g_autoptr (UtEstimates) estimates = ut_estimates_new ();
  g_autoptr (UtDbAppender) rows = ut_db_appender_new (paired->db, "difference", error);
  if (rows == NULL || !ut_estimates_add_run (estimates, reference, quantities_sql, error)
      || !ut_estimates_add_run (estimates, other, quantities_sql, error))
    return FALSE;
  g_autofree char *score = dup_score (reference), *other_score = dup_score (other);
  const gboolean same_score = g_strcmp0 (score, other_score) == 0;
  ut_estimates_draw (estimates);
  GPtrArray *all = ut_estimates_all (estimates);
  for (unsigned q = 0; q < all->len && ((const UtQuantity *) all->pdata[q])->run == 0; q++)
    {
      const UtQuantity *quantity = all->pdata[q];
      const UtEstimate *same = ut_estimates_find (estimates, 1, quantity->family, quantity->quantity, quantity->channel);
      if (same != NULL && is_comparable (quantity, same_score) && !add_difference (rows, run, q, quantity, same, error))
        return FALSE;
    }
  return ut_db_appender_flush (rows, error);
}

/* --- Tests --------------------------------------------------------------------------------------------------------------------- */

static const char outcome_sql[] = "SELECT %u::UINTEGER, item, variant, flip, right_now FROM answers JOIN variant USING (variant) "
                                  "WHERE role IN ('clean', 'perturbation')";
static const char pools_sql[] = "SELECT place, family, variant FROM pools UNION ALL SELECT -1, 'clean', 0";

/* The pairs of one family, summed over its images so far. */
typedef struct {
  gint64 kind, place, n_pairs, only_reference, only_run;
  char *test, *family;
  GArray *differences; /* gint64, an image each */
} Test;

static void
test_clear (Test *test)
{
  g_free (test->test);
  g_free (test->family);
  g_clear_pointer (&test->differences, g_array_unref);
  *test = (Test) { 0 };
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Test, test_clear)

enum { KIND, TEST, PLACE, FAMILY, PAIRS, ONLY_REFERENCE, ONLY_RUN };

static void
test_begin (Test *test, UtDbCursor *cursor)
{
  test_clear (test);
  test->kind = ut_db_int64 (cursor, KIND);
  test->test = ut_db_dup_text (cursor, TEST);
  test->place = ut_db_int64 (cursor, PLACE);
  test->family = ut_db_dup_text (cursor, FAMILY);
  test->differences = g_array_new (FALSE, FALSE, sizeof (gint64));
}

static void
test_add_image (Test *test, UtDbCursor *cursor)
{
  const gint64 only_reference = ut_db_int64 (cursor, ONLY_REFERENCE), only_run = ut_db_int64 (cursor, ONLY_RUN);
  const gint64 difference = only_run - only_reference;
  test->n_pairs += ut_db_int64 (cursor, PAIRS);
  test->only_reference += only_reference;
  test->only_run += only_run;
  g_array_append_val (test->differences, difference);
}

/* McNemar's p is by the views' own formula, which `store` has. */
static gboolean
mcnemar (UtDb *store, const Test *test, double *out_p, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("SELECT binomial_two_sided(%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ")",
                                          test->only_reference, test->only_reference + test->only_run);
  g_autoptr (UtDbCursor) cursor = ut_db_query (store, sql, error);
  if (cursor == NULL || !ut_db_next (cursor, NULL))
    return FALSE;
  *out_p = ut_db_double (cursor, 0);
  return TRUE;
}

static gboolean
test_end (const Test *test, unsigned run, UtDb *store, UtDbAppender *rows, GError **error)
{
  double p_mcnemar;
  if (!mcnemar (store, test, &p_mcnemar, error))
    return FALSE;
  ut_db_append_int64 (rows, run);
  ut_db_append_int64 (rows, test->kind);
  ut_db_append_text (rows, test->test);
  ut_db_append_int64 (rows, test->place);
  ut_db_append_text (rows, test->family);
  ut_db_append_int64 (rows, test->n_pairs);
  ut_db_append_int64 (rows, test->differences->len);
  ut_db_append_int64 (rows, test->only_reference);
  ut_db_append_int64 (rows, test->only_run);
  ut_db_append_double (rows, ut_signs_test ((const gint64 *) (const void *) test->differences->data, test->differences->len));
  ut_db_append_double (rows, p_mcnemar);
  return ut_db_append_end_row (rows, error);
}

/* A test a kind and family, from the rows of its images. */
static gboolean
test_all (UtPaired *paired, unsigned run, UtDb *store, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("SELECT kind, test, place, family, pairs, only_reference, only_run FROM discordance "
                                          "WHERE run = %u ORDER BY kind, place, image_id",
                                          run);
  g_autoptr (UtDbCursor) cursor = ut_db_query (paired->db, sql, error);
  g_autoptr (UtDbAppender) rows = cursor != NULL ? ut_db_appender_new (paired->db, "test", error) : NULL;
  if (rows == NULL)
    return FALSE;
  g_auto (Test) test = { 0 };
  while (ut_db_next (cursor, NULL))
    {
      const gboolean goes_on
          = test.family != NULL && ut_db_int64 (cursor, KIND) == test.kind && ut_db_int64 (cursor, PLACE) == test.place;
      if (!goes_on && test.family != NULL && !test_end (&test, run, store, rows, error))
        return FALSE;
      if (!goes_on)
        test_begin (&test, cursor);
      test_add_image (&test, cursor);
    }
  return (test.family == NULL || test_end (&test, run, store, rows, error)) && ut_db_appender_flush (rows, error);
}

static gboolean
add_outcomes (UtPaired *paired, unsigned run, unsigned side, UtDb *store, GError **error)
{
  g_autofree char *sql = g_strdup_printf (outcome_sql, side);
  return copy_rows (store, sql, run, paired->db, "outcome", error);
}

static gboolean
add_tests (UtPaired *paired, unsigned run, UtDb *reference, UtDb *other, GError **error)
{
  return copy_rows (reference, pools_sql, run, paired->db, "pool", error) && add_outcomes (paired, run, 0, reference, error)
         && add_outcomes (paired, run, 1, other, error) && test_all (paired, run, reference, error);
}

/* --- All of it ----------------------------------------------------------------------------------------------------------------- */

static gboolean
compare_pair (UtPaired *paired, unsigned run, GError **error)
{
  g_autoptr (UtStore) reference = open_kept (paired, run, 0, error);
  g_autoptr (UtStore) other = reference != NULL ? open_kept (paired, run, 1, error) : NULL;
  if (other == NULL)
    return FALSE;
  return add_differences (paired, run, ut_store_db (reference), ut_store_db (other), error)
         && add_tests (paired, run, ut_store_db (reference), ut_store_db (other), error);
}

static gboolean
nothing_shared (const UtPaired *paired, UtDbCursor *matched, GError **error)
{
  g_set_error (
      error, UT_ERROR, UT_ERROR_USAGE,
      "%s and %s have no question in common that both answered: %" G_GINT64_FORMAT " are only in the first, %" G_GINT64_FORMAT
      " only in the second (%" G_GINT64_FORMAT
      " of them with an id and image of the first, but in other words or with another right answer), and %" G_GINT64_FORMAT
      " have not been answered by both. Questions are the same where id, image_id, words, options and right answer are",
      paired->paths[0], paired->paths[ut_db_int64 (matched, 0)], ut_db_int64 (matched, 2), ut_db_int64 (matched, 3),
      ut_db_int64 (matched, 4), ut_db_int64 (matched, 5));
  return FALSE;
}

/* Those runs that share something with the first; an error where none does. */
static gboolean
compare_all (UtPaired *paired, GError **error)
{
  g_autoptr (UtDbCursor) matched = ut_db_query (
      paired->db,
      "SELECT run, questions, questions_only_reference, questions_only_run, questions_reworded, questions_unanswered "
      "FROM matched ORDER BY questions = 0, run",
      error);
  if (matched == NULL)
    return FALSE;
  for (gboolean first = TRUE; ut_db_next (matched, NULL); first = FALSE)
    {
      if (ut_db_int64 (matched, 1) == 0)
        return !first || nothing_shared (paired, matched, error);
      if (!compare_pair (paired, (unsigned) ut_db_int64 (matched, 0), error))
        return FALSE;
    }
  return TRUE;
}

/* The files' names, or their paths where two names are alike. */
static char **
name_runs (const char *const *paths, unsigned n)
{
  char **names = g_new0 (char *, n + 1);
  for (unsigned i = 0; i < n; i++)
    {
      g_autofree char *name = g_path_get_basename (paths[i]);
      gboolean alone = TRUE;
      for (unsigned k = 0; k < n; k++)
        {
          g_autofree char *other = g_path_get_basename (paths[k]);
          alone = alone && (k == i || strcmp (name, other) != 0);
        }
      names[i] = g_filename_display_name (alone ? name : paths[i]);
    }
  return names;
}

/* The runs read, nothing compared. */
static UtPaired *
read_all (const char *const *paths, unsigned n, GError **error)
{
  g_autoptr (UtPaired) paired = g_new0 (UtPaired, 1);
  paired->paths = g_new0 (char *, n + 1);
  for (unsigned i = 0; i < n; i++)
    paired->paths[i] = g_strdup (paths[i]);
  paired->names = name_runs (paths, n);
  paired->n = n;
  paired->db = ut_db_open (NULL, NULL, error);
  if (paired->db == NULL || !ut_db_exec (paired->db, (const char *) paired_sql, error) || !read_runs (paired, error))
    return NULL;
  return g_steal_pointer (&paired);
}

UtPaired *
ut_paired_new (const char *const *paths, unsigned n, GError **error)
{
  g_autoptr (UtPaired) paired = read_all (paths, n, error);
  return paired != NULL && compare_all (paired, error) ? g_steal_pointer (&paired) : NULL;
}

gboolean
ut_paired_groups (const char *const *paths, unsigned n, unsigned *out_first, GError **error)
{
  g_autoptr (UtPaired) paired = read_all (paths, n, error);
  g_autoptr (UtDbCursor) shared
      = paired != NULL
            ? ut_db_query (paired->db,
                           "WITH answered AS (FROM question SEMI JOIN trial USING (run, item)) "
                           "SELECT DISTINCT b.run, a.run FROM answered a JOIN answered b USING (id, image_id, words, nth) "
                           "WHERE a.run < b.run ORDER BY ALL",
                           error)
            : NULL;
  if (shared == NULL)
    return FALSE;
  for (unsigned run = 0; run < n; run++)
    out_first[run] = run;
  while (ut_db_next (shared, NULL))
    {
      const unsigned run = (unsigned) ut_db_int64 (shared, 0), earlier = (unsigned) ut_db_int64 (shared, 1);
      if (out_first[run] == run && out_first[earlier] == earlier)
        out_first[run] = earlier;
    }
  return TRUE;
}

/* --- Writing ------------------------------------------------------------------------------------------------------------------- */

const char *const ut_paired_tables[] = { "differences", "tests", "matched", "differs", NULL };

static const char runs_sql[]
    = "SELECT run, name, finished, (SELECT value FROM fact f WHERE f.run = r.run AND key = '" UT_STORE_CAVEAT
      "') AS caveat FROM run r ORDER BY run";

static gboolean
write_json (UtPaired *paired, FILE *out, GError **error)
{
  fputs ("{\"runs\": ", out);
  if (!ut_table_write (paired->db, runs_sql, UT_TABLE_JSON, 0, out, error))
    return FALSE;
  static const char *const members[] = { "differs", "matched", "differences", "tests" };
  for (size_t i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_autofree char *sql = ut_db_sql ("FROM %i", members[i]);
      fprintf (out, ",\"%s\": ", members[i]);
      if (!ut_table_write (paired->db, sql, UT_TABLE_JSON, 0, out, error))
        return FALSE;
    }
  fputs ("}\n", out);
  return TRUE;
}

char *
ut_paired_json (UtPaired *paired, GError **error)
{
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream (&text, &n);
  const gboolean written = write_json (paired, out, error);
  fclose (out);
  char *json = written ? g_strdup (text) : NULL;
  free (text);
  return json;
}

static void
write_heading (UtTableFormat format, const char *heading, FILE *out)
{
  g_autofree char *plain = ut_text_without_controls (heading);
  fprintf (out, format == UT_TABLE_MARKDOWN ? "\n### %s\n\n" : "\n%s\n", plain);
}

/* The facts that people ask for, a run a column. Hashes are told apart by their beginnings, and lists need not be read to their ends. */
static char *
differs_sql (const UtPaired *paired)
{
  GString *sql = g_string_new ("SELECT key AS \"What differs\"");
  for (unsigned run = 0; run < paired->n; run++)
    {
      g_autofree char *column = ut_db_sql (", %i", paired->names[run]);
      g_string_append_printf (
          sql,
          ", coalesce(max(CASE WHEN ends_with(key, 'sha256') THEN left(value, 12) WHEN length(value) > 60 THEN "
          "left(value, 59) || '…' ELSE value END) FILTER (run = %u), '–') AS %s",
          run, column + 2);
    }
  g_string_append (sql, " FROM differs WHERE NOT informative OR key IN ('model file', 'mmproj file', 'dataset') "
                        "GROUP BY key, informative ORDER BY informative, key");
  return g_string_free (sql, FALSE);
}

static gboolean
write_differs (UtPaired *paired, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_autofree char *sql = differs_sql (paired);
  g_autofree char *any_sql = g_strdup_printf ("SELECT 1 FROM (%s) LIMIT 1", sql);
  g_autoptr (UtDbCursor) any = ut_db_query (paired->db, any_sql, error);
  if (any == NULL)
    return FALSE;
  if (ut_db_next (any, NULL))
    return ut_table_write (paired->db, sql, format, width, out, error);
  fputs ("The runs are alike in all that makes a run what it is.\n", out);
  return TRUE;
}

static gboolean
write_caveats (UtPaired *paired, FILE *out, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("SELECT * FROM (%s) WHERE caveat IS NOT NULL OR NOT finished", runs_sql);
  g_autoptr (UtDbCursor) cursor = ut_db_query (paired->db, sql, error);
  if (cursor == NULL)
    return FALSE;
  while (ut_db_next (cursor, NULL))
    {
      g_autofree char *name = ut_text_without_controls (ut_db_text (cursor, 1));
      g_autofree char *caveat = ut_text_without_controls (ut_db_text (cursor, 3) != NULL ? ut_db_text (cursor, 3) : "");
      if (*caveat != '\0')
        fprintf (out, "Warning: %s: %s\n", name, caveat);
      if (!ut_db_bool (cursor, 2))
        fprintf (out, "Warning: %s is not finished; what both runs have is compared, and its control drifts are not there yet.\n",
                 name);
    }
  return TRUE;
}

static gint64
count_of (UtDbCursor *matched, const char *column)
{
  return ut_db_int64 (matched, (unsigned) ut_db_column_index (matched, column));
}

/* "12 questions" */
static char *
counted (UtDbCursor *matched, const char *column, const char *what)
{
  const gint64 n = count_of (matched, column);
  return g_strdup_printf ("%" G_GINT64_FORMAT " %s%s", n, what, n == 1 ? "" : "s");
}

/* What is compared, and all that is not. */
static void
write_matched (UtDbCursor *matched, FILE *out)
{
  static const struct {
    const char *column, *what, *where;
  } left_out[] = {
    { "questions_only_reference", "question", "in the first run alone" },
    { "questions_only_run", "question", "in this run alone" },
    { "questions_reworded", "question",
      "among these with the id and image of one of the first run, but in other words or with another "
      "right answer" },
    { "questions_unanswered", "question", "in both, but not answered by both on the clean image" },
    { "variants_only_reference", "variant", "in the first run alone" },
    { "variants_only_run", "variant", "in this run alone" },
    { "instances_only_reference", "instance", "in the first run alone" },
    { "instances_only_run", "instance", "in this run alone" },
  };
  g_autofree char *questions = counted (matched, "questions", "question"), *images = counted (matched, "images", "image"),
                  *instances = counted (matched, "instances", "instance"), *variants = counted (matched, "variants", "variant");
  fprintf (out, "Compared: %s on %s, %s under %s.\n", questions, images, instances, variants);
  for (size_t i = 0; i < G_N_ELEMENTS (left_out); i++)
    if (count_of (matched, left_out[i].column) > 0)
      {
        g_autofree char *n = counted (matched, left_out[i].column, left_out[i].what);
        fprintf (out, "Left out: %s %s.\n", n, left_out[i].where);
      }
}

/* A run's rows of one of the tables for people. Numbers are never cut, not even those that stand in texts, so the width is what it is. */
static gboolean
write_rows (UtPaired *paired, unsigned run, const char *rows, UtTableFormat format, FILE *out, GError **error)
{
  g_autofree char *sql = g_strdup_printf (rows, run);
  return ut_table_write (paired->db, sql, format, 0, out, error);
}

static gboolean
write_tables (UtPaired *paired, unsigned run, UtTableFormat format, FILE *out, GError **error)
{
  fputc ('\n', out);
  if (!write_rows (paired, run, "SELECT * EXCLUDE (run, place) FROM at_a_glance WHERE run = %u ORDER BY place", format, out,
                   error))
    return FALSE;
  write_heading (format, "Differences by family, with 95 % intervals over images", out);
  if (!write_rows (paired, run, "SELECT * EXCLUDE (run, place) FROM by_family WHERE run = %u ORDER BY place", format, out, error))
    return FALSE;
  write_heading (
      format,
      "Tests: answers right (clean, accuracy) or flipped in one run alone; p by images, p McNemar as if pairs were independent",
      out);
  return write_rows (paired, run, "SELECT * EXCLUDE (run, name) FROM tests WHERE run = %u", format, out, error);
}

static gboolean
write_run (UtPaired *paired, UtDbCursor *matched, UtTableFormat format, FILE *out, GError **error)
{
  const unsigned run = (unsigned) count_of (matched, "run");
  g_autofree char *heading = g_strdup_printf ("%s less %s", paired->names[run], paired->names[0]);
  write_heading (format, heading, out);
  if (count_of (matched, "questions") == 0)
    {
      fputs ("They have no question in common that both answered: not compared.\n", out);
      return TRUE;
    }
  write_matched (matched, out);
  return write_tables (paired, run, format, out, error);
}

static gboolean
write_for_people (UtPaired *paired, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_autoptr (UtDbCursor) matched = ut_db_query (paired->db, "FROM matched", error);
  if (matched == NULL || !write_caveats (paired, out, error) || !write_differs (paired, format, width, out, error))
    return FALSE;
  while (ut_db_next (matched, NULL))
    if (!write_run (paired, matched, format, out, error))
      return FALSE;
  return TRUE;
}

static gboolean
write_one (UtPaired *paired, const char *table, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  if (!g_strv_contains (ut_paired_tables, table))
    {
      g_autofree char *known = g_strjoinv (", ", (char **) ut_paired_tables);
      const char *near = ut_names_nearest (table, ut_paired_tables);
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown table “%s”%s%s; known: %s", table,
                   near != NULL ? ": did you mean " : "", near != NULL ? near : "", known);
      return FALSE;
    }
  g_autofree char *sql = ut_db_sql ("FROM %i", table);
  return ut_table_write (paired->db, sql, format, width, out, error);
}

gboolean
ut_paired_write (UtPaired *paired, const char *table, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  if (table == NULL && (format == UT_TABLE_CSV || format == UT_TABLE_LATEX))
    table = ut_paired_tables[0];
  if (table != NULL)
    return write_one (paired, table, format, width, out, error);
  if (format == UT_TABLE_JSON)
    return write_json (paired, out, error);
  return write_for_people (paired, format, width, out, error);
}
