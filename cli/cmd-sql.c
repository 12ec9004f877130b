/* undertow sql: a query of the user's over a run. */
#include "base/error.h"
#include "commands.h"
#include "report/report.h"
#include "store/store.h"

typedef struct {
  char *path, *query;
  UtTableFormat format;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->path);
  g_free (options->query);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_autofree char *format = NULL;
  g_auto (GStrv) operands = NULL;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, UT_TABLE_FORMATS, "FORMAT" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &operands, NULL, "RUN.duckdb QUERY" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (
      context, "Runs a query of yours over a run, in DuckDB's SQL. The run is not changed, and no other file is read.");
  g_option_context_set_description (
      context, "It may name every view of undertow show and every table; \"SHOW ALL TABLES\" lists them, \"DESCRIBE trials\" the "
               "columns.\n\n"
               "  undertow sql RUN.duckdb \"SELECT family, count(*) FROM trials WHERE transition = 'R→W' GROUP BY family\"");
  g_option_context_add_main_entries (context, entries, NULL);
  g_autoptr (GError) fault = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &fault))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, fault->message);
      return FALSE;
    }
  if (format != NULL && !ut_table_format_from_name (format, &options->format, error))
    return FALSE;
  const unsigned n = operands != NULL ? g_strv_length (operands) : 0;
  if (n != 2)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "expected RUN.duckdb and a query in quotes, found %u operands", n);
      return FALSE;
    }
  options->path = g_strdup (operands[0]);
  options->query = g_strdup (operands[1]);
  return TRUE;
}

int
ut_cmd_sql (int argc, char **argv)
{
  g_auto (Options) options = { .format = UT_TABLE_TEXT };
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error))
    return ut_cmd_fail ("sql", error);
  g_autoptr (UtStore) store = ut_store_open_read (options.path, &error);
  g_autofree char *caveat = store != NULL ? ut_report_caveat (ut_store_db (store)) : NULL;
  if (caveat != NULL)
    fprintf (stderr, "warning: %s\n", caveat);
  if (store == NULL
      || !ut_report_query (ut_store_db (store), options.query, options.format, ut_table_terminal_width (stdout), stdout, &error))
    return ut_cmd_fail ("sql", error);
  return 0;
}
