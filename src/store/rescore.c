#include "store/rescore.h"

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "store/store.h"

/* --- The copy ---------------------------------------------------------------------------------------------------------------- */

/* DuckDB keeps what it has not yet written into a file beside it. */
static char *
log_of (const char *path)
{
  return g_strconcat (path, ".wal", NULL);
}

static gboolean
copy_file (const char *from, const char *to, GError **error)
{
  g_autoptr (GFile) source = g_file_new_for_path (from), target = g_file_new_for_path (to);
  g_autoptr (GError) fault = NULL;
  if (g_file_copy (source, target, G_FILE_COPY_NONE, NULL, NULL, NULL, &fault))
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: it cannot be made a copy of %s: %s", to, from, fault->message);
  return FALSE;
}

static gboolean
copy_run (const char *from, const char *to, GError **error)
{
  /* Open for reading, so that it is a run and nobody writes it meanwhile. */
  g_autoptr (UtStore) source = ut_store_open_read (from, error);
  g_autofree char *log = log_of (from), *log_copy = log_of (to);
  return source != NULL && copy_file (from, to, error)
         && (!g_file_test (log, G_FILE_TEST_EXISTS) || copy_file (log, log_copy, error));
}

static void
remove_run (const char *path)
{
  g_autofree char *log = log_of (path);
  g_unlink (path);
  g_unlink (log);
}

/* --- The decisions ----------------------------------------------------------------------------------------------------------- */

/* The score by which the clean answers were that the text overlays contradict; NULL for an error. The caller owns it. */
static char *
overlay_score (UtDb *db, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, "SELECT overlays_chosen_by FROM decision", error);
  return cursor != NULL && ut_db_next (cursor, error) ? ut_db_dup_text (cursor, 0) : NULL;
}

/* Makes a temporary table (item, variant, predicted) of the answers by a score, which the views read from the run's identity. */
static gboolean
decide_by (UtDb *db, const char *score, const char *table, GError **error)
{
  g_autofree char *sql = ut_db_sql ("UPDATE run SET value = %q WHERE key = '" UT_STORE_SCORE "';"
                                    "CREATE TEMP TABLE %i AS "
                                    "SELECT item, variant, first(option ORDER BY s DESC, option) AS predicted FROM option_scores "
                                    "WHERE s IS NOT NULL GROUP BY item, variant",
                                    score, table);
  return ut_db_exec (db, sql, error);
}

/* What the engine did not give is in no trial. */
static gboolean
check_decided (UtDb *db, const char *score, GError **error)
{
  g_autoptr (UtDbCursor) cursor
      = ut_db_query (db, "SELECT count(*) FROM trial ANTI JOIN decided USING (item, variant) WHERE error IS NULL", error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  const gint64 n = ut_db_int64 (cursor, 0);
  if (n > 0)
    g_set_error (error, UT_ERROR, UT_ERROR_USAGE,
                 "%" G_GINT64_FORMAT " trials have no score %s: the engine that ran them did not give it", n, score);
  return n == 0;
}

static gboolean
name_overlay_score (UtDb *db, const char *overlays, const char *score, GError **error)
{
  g_autofree char *sql = ut_db_sql ("DELETE FROM run WHERE key = '" UT_STORE_OVERLAYS "';"
                                    "INSERT INTO run SELECT '" UT_STORE_OVERLAYS "', %q, false WHERE %q <> %q",
                                    overlays, overlays, score);
  return ut_db_exec (db, sql, error);
}

/* Whether the run has this score, which a prompt may give no sense to. A run that does not say has all. */
static gboolean
check_score (UtDb *db, const char *path, const char *score, GError **error)
{
  g_autofree char *sql = ut_db_sql ("SELECT scores, prompt, list_contains(string_split(scores, ','), %q) FROM"
                                    " (SELECT any_value(value) FILTER (key = '" UT_STORE_SCORES "') AS scores,"
                                    " any_value(value) FILTER (key = '" UT_STORE_PROMPT "') AS prompt FROM run)",
                                    score);
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  if (ut_db_is_null (cursor, 0) || ut_db_bool (cursor, 2))
    return TRUE;
  g_autofree char *scores = ut_db_dup_text (cursor, 0), *prompt = ut_db_dup_text (cursor, 1);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s: its prompt, %s, gives the score %s no sense; it has %s", path, prompt, score,
               scores);
  return FALSE;
}

static gboolean
count_changes (UtDb *db, UtRescored *out, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (
      db,
      "WITH compared AS ("
      "  SELECT t.item, t.variant, v.family, t.predicted <> d.predicted AS changed, d.predicted <> c.predicted AS other,"
      "         bool_or(t.variant = 0 AND other) OVER (PARTITION BY t.item) AS not_contradicted"
      "  FROM trial t JOIN decided d USING (item, variant) JOIN contradicted c USING (item, variant)"
      "  JOIN variant v USING (variant)) "
      "SELECT count(*) FILTER (variant = 0), count(*) FILTER (variant = 0 AND changed), count(*), "
      "       count(*) FILTER (changed), "
      "       count(*) FILTER (not_contradicted AND family IN ('text_semantic', 'text_random', 'text_empty')) "
      "FROM compared",
      error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  *out = (UtRescored) {
    .questions = ut_db_int64 (cursor, 0),
    .questions_changed = ut_db_int64 (cursor, 1),
    .trials = ut_db_int64 (cursor, 2),
    .trials_changed = ut_db_int64 (cursor, 3),
    .overlays = ut_db_int64 (cursor, 4),
  };
  return TRUE;
}

static gboolean
decide (const char *from, const char *path, const char *score, UtRescored *out, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open (path, error);
  if (store == NULL)
    return FALSE;
  UtDb *db = ut_store_db (store);
  g_autofree char *overlays = check_score (db, from, score, error) ? overlay_score (db, error) : NULL;
  return overlays != NULL && decide_by (db, overlays, "contradicted", error) && decide_by (db, score, "decided", error)
         && check_decided (db, score, error) && name_overlay_score (db, overlays, score, error) && count_changes (db, out, error)
         && ut_db_exec (db,
                        "UPDATE trial SET predicted = d.predicted FROM decided d "
                        "WHERE trial.item = d.item AND trial.variant = d.variant",
                        error)
         && ut_store_commit (store, error);
}

gboolean
ut_store_rescore (const char *from, const char *score, const char *to, UtRescored *out, GError **error)
{
  if (g_file_test (to, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s exists already: give the name of a new file", to);
      return FALSE;
    }
  if (copy_run (from, to, error) && decide (from, to, score, out, error))
    return TRUE;
  remove_run (to);
  return FALSE;
}
