/* undertow show: the summary of a run, or one of its views. */
#include <string.h>

#include "base/error.h"
#include "commands.h"
#include "report/report.h"
#include "store/store.h"

typedef struct {
  char *path;
  char *view; /* NULL: the summary */
  UtTableFormat format;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->path);
  g_free (options->view);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static char *
list_views (void)
{
  GString *text = g_string_new ("Views:\n");
  for (const UtReportView *v = ut_report_views; v->name != NULL; v++)
    g_string_append_printf (text, "  %-16s %s\n", v->name, v->summary);
  g_string_append (text, "\nTables are for reading; csv and json have every digit, and the columns' names in the database.");
  return g_string_free (text, FALSE);
}

static gboolean
take_operands (char **operands, Options *options, GError **error)
{
  const unsigned n = operands != NULL ? g_strv_length (operands) : 0;
  if (n < 1 || n > 2)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "expected RUN.duckdb and at most one view, found %u operands", n);
      return FALSE;
    }
  options->path = g_strdup (operands[0]);
  options->view = g_strdup (operands[1]);
  return TRUE;
}

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_autofree char *format = NULL;
  g_auto (GStrv) operands = NULL;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, UT_TABLE_FORMATS, "FORMAT" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &operands, NULL, "RUN.duckdb [VIEW]" },
    G_OPTION_ENTRY_NULL,
  };
  g_autofree char *views = list_views ();
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context, "Shows what a run measured: its summary, or one view of it whole.");
  g_option_context_set_description (context, views);
  g_option_context_add_main_entries (context, entries, NULL);
  g_autoptr (GError) fault = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &fault))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, fault->message);
      return FALSE;
    }
  if (format != NULL && !ut_table_format_from_name (format, &options->format, error))
    return FALSE;
  return take_operands (operands, options, error);
}

static gboolean
show (const Options *options, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open_read (options->path, error);
  if (store == NULL)
    return FALSE;
  UtDb *db = ut_store_db (store);
  const unsigned width = ut_table_terminal_width (stdout);
  g_autofree char *caveat
      = options->format != UT_TABLE_TEXT && options->format != UT_TABLE_MARKDOWN ? ut_report_caveat (db) : NULL;
  if (caveat != NULL)
    fprintf (stderr, "warning: %s\n", caveat);
  if (options->view == NULL)
    return ut_report_overview (db, options->format, width, stdout, error);
  return ut_report_view (db, options->view, options->format, width, stdout, error);
}

int
ut_cmd_show (int argc, char **argv)
{
  g_auto (Options) options = { .format = UT_TABLE_TEXT };
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error) || !show (&options, &error))
    return ut_cmd_fail ("show", error);
  return 0;
}
