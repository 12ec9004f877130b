#include "page/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "page/json.h"
#include "page/samples.h"
#include "report/arrangement.h"
#include "report/charts.h"
#include "report/paired.h"
#include "report/report.h"
#include "report/sentences.h"
#include "store/store.h"

/* --- JSON ------------------------------------------------------------------------------------------------------------------- */

static void
append_text (GString *json, const char *key, const char *text)
{
  ut_json_append_key (json, key);
  ut_json_append_string (json, text);
}

static void
append_texts (GString *json, const char *key, const char *const *texts)
{
  ut_json_append_key (json, key);
  ut_json_append_strings (json, texts);
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

static gboolean
append_unfinished (GString *json, const Source *run, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (run->db, "SELECT questions, asked, finished FROM progress", error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  g_autofree char *unfinished
      = ut_db_bool (cursor, 2)
            ? NULL
            : g_strdup_printf (
                  "this run is unfinished: %" G_GINT64_FORMAT " of its %" G_GINT64_FORMAT
                  " questions have been asked, not all of them under every variant, and what is measured at its end is not "
                  "known. The command that began it goes on with it.",
                  ut_db_int64 (cursor, 1), ut_db_int64 (cursor, 0));
  append_text (json, "unfinished", unfinished);
  return TRUE;
}

static gboolean
append_summary (GString *json, const Source *run, GError **error)
{
  g_auto (GStrv) sentences = ut_report_sentences (run->db, error);
  if (sentences == NULL)
    return FALSE;
  append_texts (json, "summary", (const char *const *) sentences);
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
        g_autofree char *rows = ut_chart_rows (run->db, chart, NULL, error);
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

/* Failures may be as many as trials, and their texts of any length; a reader of the page wants the first of them, and their number is in the
 * overview. */
static gboolean
append_tables (GString *json, const Source *run, GError **error)
{
  static const struct {
    const char *name, *sql;
  } tables[] = {
    { "overview", "SELECT * FROM overview" },
    { "noise_floor", "SELECT * FROM noise_floor" },
    { "failures", "SELECT * REPLACE (left(id, 1000) AS id, left(reason, 1000) AS reason) FROM failures LIMIT 500" },
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
  append_name, append_caveat, append_unfinished, append_summary, append_rows, append_identity, append_tables, append_samples,
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
      own.name = paths[i];
      own.max_size /= n_paths;
      if (!append_run (json, paths[i], &own, error))
        return FALSE;
    }
  g_string_append_c (json, ']');
  return TRUE;
}

/* What of the paper's findings the runs show, those that make models by tasks. */
static gboolean
append_findings (GString *json, const char *const *paths, unsigned n_paths, GError **error)
{
  g_auto (UtArrangement) arrangement = { 0 };
  if (!ut_arrangement_read (paths, n_paths, &arrangement, error))
    return FALSE;
  const UtComparedRuns runs = ut_arrangement_runs (&arrangement);
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream (&text, &n);
  const gboolean ok = ut_report_comparison (&runs, UT_TABLE_JSON, 0, out, error);
  fclose (out);
  for (char **path = arrangement.left_out; *path != NULL; path++)
    {
      char *name = g_filename_display_basename (*path);
      g_free (*path);
      *path = name;
    }
  ut_json_append_key (json, "findings");
  g_string_append_printf (json, "{\"sized\":%s", arrangement.sized ? "true" : "false");
  append_texts (json, "models", (const char *const *) arrangement.models);
  append_texts (json, "tasks", (const char *const *) arrangement.tasks);
  append_texts (json, "left_out", (const char *const *) arrangement.left_out);
  /* Its members join these. */
  if (ok)
    g_string_append_printf (json, ",%s", strchr (text, '{') + 1);
  free (text);
  return ok;
}

/* Each group of runs that share questions, held against its first. */
static gboolean
append_comparisons (GString *json, const char *const *paths, unsigned n_paths, GError **error)
{
  g_autofree unsigned *first = g_new (unsigned, n_paths);
  if (!ut_paired_groups (paths, n_paths, first, error))
    return FALSE;
  ut_json_append_key (json, "comparisons");
  g_string_append_c (json, '[');
  for (unsigned group = 0; group < n_paths; group++)
    {
      g_autoptr (GPtrArray) members = g_ptr_array_new ();
      for (unsigned run = 0; run < n_paths; run++)
        if (first[run] == group)
          g_ptr_array_add (members, (void *) paths[run]);
      if (members->len < 2)
        continue;
      g_autoptr (UtPaired) paired = ut_paired_new ((const char *const *) members->pdata, members->len, error);
      g_autofree char *text = paired != NULL ? ut_paired_json (paired, error) : NULL;
      if (text == NULL)
        return FALSE;
      ut_json_append_comma (json);
      g_string_append (json, text);
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
  if (!append_findings (json, paths, n_paths, error) || !append_comparisons (json, paths, n_paths, error)
      || !append_runs (json, paths, n_paths, samples, error))
    return FALSE;
  g_string_append_c (json, '}');
  return TRUE;
}
