#include "report/comparison.h"

#include <math.h>

#include "report/findings.h"
#include "store/store.h"

/* What the tables show, top down. */
static const struct {
  const char *family, *quantity, *channel;
  const char *label;
  const char *format; /* of a number */
} rows[] = {
  { "clean", "accuracy", NULL, "accuracy, clean", "%.3f" },
  { "core", "delta_accuracy", NULL, "ΔAcc", "%+.3f" },
  { "core", "IFR", NULL, "IFR", "%.3f" },
  { "core", "IV", NULL, "IV", "%.3f" },
  { "core", "percent", "ctx_mcq", "drift, % of control", "%.1f" },
  { "core", "hidden_percent", "ctx_mcq", "hidden drift, % of control", "%.1f" },
  { "core", "delta_FPR", NULL, "ΔFPR", "%+.3f" },
};

/* The pool of the core variants, and what the first finding looks through. */
static const char run_sql[] = "SELECT CASE WHEN starts_with(family, 'any (core') THEN 'core' ELSE family END, quantity, channel, "
                              "form, image_id, a, b, c, d "
                              "FROM image_sums "
                              "WHERE coalesce(channel, 'ctx_mcq') = 'ctx_mcq' "
                              "  AND (family = 'clean' OR starts_with(family, 'any (core') "
                              "       OR quantity = 'hidden_percent' AND family IN (SELECT family FROM variant WHERE core))";

static const char tables_sql[]
    = "CREATE TABLE task (rank UINTEGER, task VARCHAR, questions UBIGINT, images UBIGINT, failed UBIGINT);"
      "CREATE TABLE estimate (task_rank UINTEGER, row UINTEGER, model_rank UINTEGER, task VARCHAR, model VARCHAR, family "
      "VARCHAR, "
      "  quantity VARCHAR, channel VARCHAR, value DOUBLE, low DOUBLE, high DOUBLE, images UBIGINT, label VARCHAR, text VARCHAR);"
      "CREATE TABLE finding (finding VARCHAR, verdict VARCHAR, reason VARCHAR)";

/* --- Gathering --------------------------------------------------------------------------------------------------------------- */

static gboolean
add_counts (UtDb *tables, unsigned task, const char *name, UtDb *run, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (run, "SELECT questions, images, failed FROM overview", error);
  if (cursor == NULL || !ut_db_next (cursor, NULL))
    return FALSE;
  g_autoptr (UtDbStatement) insert = ut_db_prepare (tables, "INSERT INTO task VALUES ($1, $2, $3, $4, $5)", error);
  if (insert == NULL)
    return FALSE;
  ut_db_bind_int64 (insert, 1, task);
  ut_db_bind_text (insert, 2, name);
  for (unsigned k = 0; k < 3; k++)
    ut_db_bind_int64 (insert, 3 + k, ut_db_int64 (cursor, k));
  return ut_db_step (insert, error);
}

/* Reads the runs, one open at a time. */
static gboolean
read_runs (const UtComparedRuns *runs, UtDb *tables, UtEstimates *estimates, GError **error)
{
  for (unsigned r = 0; r < runs->n_models * runs->n_tasks; r++)
    {
      g_autoptr (UtStore) store = ut_store_open_read (runs->paths[r], error);
      if (store == NULL)
        return FALSE;
      const unsigned task = r % runs->n_tasks;
      if (!ut_estimates_add_run (estimates, ut_store_db (store), run_sql, error)
          || !add_counts (tables, task, runs->tasks[task], ut_store_db (store), error))
        {
          g_prefix_error (error, "%s: ", runs->paths[r]);
          return FALSE;
        }
    }
  ut_estimates_draw (estimates);
  return TRUE;
}

static gboolean
add_estimate (UtDbAppender *out, const UtComparison *c, unsigned task, unsigned row, unsigned model, GError **error)
{
  const UtEstimate *estimate
      = ut_estimates_find (c->estimates, model * c->n_tasks + task, rows[row].family, rows[row].quantity, rows[row].channel);
  if (estimate == NULL)
    return TRUE;
  const UtInterval interval = ut_estimate_interval (estimate, 0.95);
  g_autofree char *text = ut_interval_in_words (&interval, rows[row].format);
  ut_db_append_int64 (out, task);
  ut_db_append_int64 (out, row);
  ut_db_append_int64 (out, model);
  ut_db_append_text (out, c->tasks[task]);
  ut_db_append_text (out, c->models[model]);
  ut_db_append_text (out, rows[row].family);
  ut_db_append_text (out, rows[row].quantity);
  ut_db_append_text (out, rows[row].channel);
  const double bounds[] = { interval.value, interval.low, interval.high };
  for (size_t k = 0; k < G_N_ELEMENTS (bounds); k++)
    if (isnan (bounds[k]))
      ut_db_append_null (out);
    else
      ut_db_append_double (out, bounds[k]);
  ut_db_append_int64 (out, (gint64) estimate->n_clusters);
  ut_db_append_text (out, rows[row].label);
  ut_db_append_text (out, text);
  return ut_db_append_end_row (out, error);
}

static gboolean
add_estimates (UtDb *tables, const UtComparison *c, GError **error)
{
  g_autoptr (UtDbAppender) out = ut_db_appender_new (tables, "estimate", error);
  if (out == NULL)
    return FALSE;
  for (unsigned task = 0; task < c->n_tasks; task++)
    for (unsigned row = 0; row < G_N_ELEMENTS (rows); row++)
      for (unsigned model = 0; model < c->n_models; model++)
        if (!add_estimate (out, c, task, row, model, error))
          return FALSE;
  return ut_db_appender_flush (out, error);
}

static gboolean
add_findings (UtDb *tables, const UtComparison *c, GError **error)
{
  g_autoptr (UtDbAppender) out = ut_db_appender_new (tables, "finding", error);
  if (out == NULL)
    return FALSE;
  UtFinding (*const findings[]) (const UtComparison *) = { ut_finding_hidden_drift, ut_finding_scale, ut_finding_tasks };
  for (size_t i = 0; i < G_N_ELEMENTS (findings); i++)
    {
      g_auto (UtFinding) finding = findings[i](c);
      ut_db_append_text (out, finding.name);
      ut_db_append_text (out, ut_verdict_words[finding.verdict]);
      ut_db_append_text (out, finding.reason);
      if (!ut_db_append_end_row (out, error))
        return FALSE;
    }
  return ut_db_appender_flush (out, error);
}

/* --- Writing ----------------------------------------------------------------------------------------------------------------- */

static const char estimates_sql[] = "SELECT task, model, family, quantity, channel, value, low, high, images FROM estimate "
                                    "ORDER BY task_rank, row, model_rank";
static const char findings_sql[] = "SELECT * FROM finding ORDER BY rowid";

static gboolean
write_json (UtDb *tables, FILE *out, GError **error)
{
  fputs ("{\"estimates\": ", out);
  if (!ut_table_write (tables, estimates_sql, UT_TABLE_JSON, 0, out, error))
    return FALSE;
  fputs (",\"findings\": ", out);
  if (!ut_table_write (tables, findings_sql, UT_TABLE_JSON, 0, out, error))
    return FALSE;
  fputs ("}\n", out);
  return TRUE;
}

/* The quantities of one task, a model a column. */
static char *
task_sql (const UtComparedRuns *runs, unsigned task)
{
  g_autoptr (GString) sql = g_string_new ("SELECT label AS \"95 % intervals\"");
  for (unsigned model = 0; model < runs->n_models; model++)
    {
      g_autofree char *column = ut_db_sql (", max(text) FILTER (model = %q) AS %i", runs->models[model], runs->models[model]);
      g_string_append (sql, column);
    }
  g_string_append_printf (sql, " FROM estimate WHERE task_rank = %u GROUP BY row, label ORDER BY row", task);
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static gboolean
write_tasks (const UtComparedRuns *runs, UtDb *tables, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (
      tables,
      "SELECT rank, task, any_value(questions), any_value(images), sum(failed) FROM task GROUP BY rank, task ORDER BY rank",
      error);
  if (cursor == NULL)
    return FALSE;
  while (ut_db_next (cursor, NULL))
    {
      fprintf (out, "%s%s: %" G_GINT64_FORMAT " questions on %" G_GINT64_FORMAT " images",
               format == UT_TABLE_MARKDOWN ? "### " : "", ut_db_text (cursor, 1), ut_db_int64 (cursor, 2),
               ut_db_int64 (cursor, 3));
      if (ut_db_int64 (cursor, 4) > 0)
        fprintf (out, "; %" G_GINT64_FORMAT " trials failed and are left out", ut_db_int64 (cursor, 4));
      fputs (format == UT_TABLE_MARKDOWN ? "\n\n" : "\n", out);
      g_autofree char *sql = task_sql (runs, (unsigned) ut_db_int64 (cursor, 0));
      if (!ut_table_write (tables, sql, format, width, out, error))
        return FALSE;
      fputc ('\n', out);
    }
  return TRUE;
}

static gboolean
write_findings (UtDb *tables, UtTableFormat format, FILE *out, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (tables, findings_sql, error);
  if (cursor == NULL)
    return FALSE;
  fputs (format == UT_TABLE_MARKDOWN ? "### The paper's findings\n\n" : "The paper's findings\n", out);
  while (ut_db_next (cursor, NULL))
    fprintf (out, format == UT_TABLE_MARKDOWN ? "- **%s: %s.** %s\n" : "  %s: %s. %s\n", ut_db_text (cursor, 0),
             ut_db_text (cursor, 1), ut_db_text (cursor, 2));
  return TRUE;
}

gboolean
ut_report_comparison (const UtComparedRuns *runs, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_autoptr (UtDb) tables = ut_db_open (NULL, NULL, error);
  g_autoptr (UtEstimates) estimates = ut_estimates_new ();
  const UtComparison comparison = { runs->models, runs->tasks, runs->n_models, runs->n_tasks, runs->sized, estimates };
  if (tables == NULL || !ut_db_exec (tables, tables_sql, error) || !read_runs (runs, tables, estimates, error)
      || !add_estimates (tables, &comparison, error) || !add_findings (tables, &comparison, error))
    return FALSE;
  if (format == UT_TABLE_CSV || format == UT_TABLE_LATEX)
    return ut_table_write (tables, estimates_sql, format, width, out, error);
  if (format == UT_TABLE_JSON)
    return write_json (tables, out, error);
  return write_tasks (runs, tables, format, width, out, error) && write_findings (tables, format, out, error);
}
