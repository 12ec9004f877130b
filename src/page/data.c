#include "page/data.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "page/json.h"
#include "page/samples.h"
#include "report/charts.h"
#include "report/report.h"
#include "store/store.h"

/* --- JSON ------------------------------------------------------------------------------------------------------------------- */

static void
append_text (GString *json, const char *key, const char *text)
{
  ut_json_append_key (json, key);
  ut_json_append_string (json, text);
}

/* An array with an object a row. */
static gboolean
append_query (GString *json, const char *key, UtDb *db, const char *sql, GError **error)
{
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream (&text, &n);
  const gboolean ok = ut_table_write (db, sql, UT_TABLE_JSON, 0, out, error);
  fclose (out);
  ut_json_append_key (json, key);
  g_string_append_len (json, text, ok ? (gssize) n : 0);
  free (text);
  return ok;
}

/* --- A run ------------------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *path;
  UtDb *db;
  const UtSamplesOptions *samples;
} Source;

static gboolean
append_name (GString *json, const Source *run, [[maybe_unused]] GError **error)
{
  g_autofree char *name = g_filename_display_basename (run->path);
  append_text (json, "name", name);
  return TRUE;
}

static gboolean
append_caveat (GString *json, const Source *run, [[maybe_unused]] GError **error)
{
  g_autofree char *caveat = ut_report_caveat (run->db);
  append_text (json, "caveat", caveat);
  return TRUE;
}

/* Questions without a clean trial are still to come; the control drift is measured when all trials are done. */
static gboolean
append_unfinished (GString *json, const Source *run, GError **error)
{
  g_autoptr (UtDbCursor) cursor
      = ut_db_query (run->db,
                     "SELECT (SELECT count(*) FROM item), (SELECT count(*) FROM trial WHERE variant = 0), "
                     "(SELECT count(DISTINCT item) FROM embedding WHERE variant = 0) > 1 "
                     "AND NOT EXISTS (FROM control)",
                     error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  const gint64 items = ut_db_int64 (cursor, 0), asked = ut_db_int64 (cursor, 1);
  g_autofree char *unfinished
      = asked < items || ut_db_bool (cursor, 2)
            ? g_strdup_printf ("this run is unfinished: %" G_GINT64_FORMAT " of its %" G_GINT64_FORMAT
                               " questions have been asked, and what is measured at its end is not known. The command that "
                               "began it goes on with it.",
                               asked, items)
            : NULL;
  append_text (json, "unfinished", unfinished);
  return TRUE;
}

static gboolean
append_rows (GString *json, const Source *run, GError **error)
{
  static const UtChart *const charts[] = { ut_charts, ut_run_charts };
  ut_json_append_key (json, "rows");
  g_string_append_c (json, '{');
  for (unsigned i = 0; i < G_N_ELEMENTS (charts); i++)
    for (const UtChart *chart = charts[i]; chart->name != NULL; chart++)
      {
        g_autofree char *rows = ut_chart_rows (run->db, chart, error);
        if (rows == NULL)
          return FALSE;
        ut_json_append_key (json, chart->name);
        g_string_append (json, rows);
      }
  g_string_append_c (json, '}');
  return TRUE;
}

static gboolean
append_identity (GString *json, const Source *run, GError **error)
{
  return append_query (json, "identity", run->db, "SELECT key, value FROM identity", error);
}

/* Failures may be as many as trials; a reader of the page wants the first, and their number is in the overview. */
static gboolean
append_tables (GString *json, const Source *run, GError **error)
{
  static const struct {
    const char *name, *sql;
  } tables[] = {
    { "overview", "SELECT * FROM overview" },
    { "noise_floor", "SELECT * FROM noise_floor" },
    { "failures", "SELECT * FROM failures LIMIT 500" },
  };
  ut_json_append_key (json, "tables");
  g_string_append_c (json, '{');
  for (unsigned i = 0; i < G_N_ELEMENTS (tables); i++)
    if (!append_query (json, tables[i].name, run->db, tables[i].sql, error))
      return FALSE;
  g_string_append_c (json, '}');
  return TRUE;
}

static gboolean
append_samples (GString *json, const Source *run, GError **error)
{
  ut_json_append_key (json, "samples");
  return ut_samples_append (json, run->db, run->samples, error);
}

/* What the page knows of a run; a further fact is a row here, and appends its key with its value. */
static gboolean (*const run_parts[]) (GString *json, const Source *run, GError **error) = {
  append_name, append_caveat, append_unfinished, append_rows, append_identity, append_tables, append_samples,
};

static gboolean
append_run (GString *json, const char *path, const UtSamplesOptions *samples, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open_read (path, error);
  if (store == NULL)
    return FALSE;
  const Source run = { path, ut_store_db (store), samples };
  g_string_append_c (json, '{');
  for (unsigned i = 0; i < G_N_ELEMENTS (run_parts); i++)
    if (!run_parts[i](json, &run, error))
      return g_prefix_error (error, "%s: ", path), FALSE;
  g_string_append_c (json, '}');
  return TRUE;
}

/* --- All of it --------------------------------------------------------------------------------------------------------------- */

static void
append_charts (GString *json, const char *key, const UtChart *charts)
{
  ut_json_append_key (json, key);
  g_string_append_c (json, '[');
  for (const UtChart *chart = charts; chart->name != NULL; chart++)
    {
      g_string_append (json, chart == charts ? "{" : ",{");
      append_text (json, "name", chart->name);
      append_text (json, "section", chart->section);
      append_text (json, "title", chart->title);
      append_text (json, "reading", chart->reading);
      append_text (json, "missing", chart->missing);
      append_text (json, "sql", chart->sql);
      ut_json_append_key (json, "spec");
      g_string_append_printf (json, "%s}", chart->spec);
    }
  g_string_append_c (json, ']');
}

static gboolean
append_runs (GString *json, const char *const *paths, unsigned n_paths, const UtSamplesOptions *samples, GError **error)
{
  ut_json_append_key (json, "runs");
  g_string_append_c (json, '[');
  for (unsigned i = 0; i < n_paths; i++)
    {
      g_string_append (json, i > 0 ? "," : "");
      UtSamplesOptions own = *samples;
      own.run = i;
      own.max_size /= n_paths;
      if (!append_run (json, paths[i], &own, error))
        return FALSE;
    }
  g_string_append_c (json, ']');
  return TRUE;
}

gboolean
ut_page_append_data (GString *json, const char *title, const char *const *paths, unsigned n_paths,
                     const UtSamplesOptions *samples, GError **error)
{
  g_autofree char *columns = ut_table_columns ();
  g_string_append_c (json, '{');
  append_text (json, "version", UT_VERSION);
  append_text (json, "title", title);
  ut_json_append_key (json, "columns");
  g_string_append (json, columns);
  append_charts (json, "charts", ut_charts);
  append_charts (json, "run_charts", ut_run_charts);
  if (!append_runs (json, paths, n_paths, samples, error))
    return FALSE;
  g_string_append_c (json, '}');
  return TRUE;
}
