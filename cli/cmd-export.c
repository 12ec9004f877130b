/* undertow export: a run's views as files for other programs, and the paper's tables. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "commands.h"
#include "report/export.h"
#include "report/paper.h"
#include "report/report.h"
#include "store/store.h"

typedef struct {
  char **paths; /* of the runs */
  char *out;
  UtViewFormat format;
  char **views; /* NULL: the paper's tables */
  gboolean force;
} Options;

static void
options_clear (Options *options)
{
  g_strfreev (options->paths);
  g_free (options->out);
  g_strfreev (options->views);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* --- The command line -------------------------------------------------------------------------------------------------------- */

static gboolean
take_format (const char *name, UtViewFormat *out_format, GError **error)
{
  for (unsigned i = 0; name != NULL && ut_view_formats[i] != NULL; i++)
    if (strcmp (name, ut_view_formats[i]) == 0)
      {
        *out_format = (UtViewFormat) i;
        return TRUE;
      }
  if (name == NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "expected --format csv, parquet, json or latex");
  else
    g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown format “%s”: expected csv, parquet, json or latex", name);
  return FALSE;
}

/* LaTeX without views is the paper's tables; every other format without views is all of them. */
static gboolean
take_views (const char *names, Options *options, GError **error)
{
  if (names == NULL && options->format == UT_VIEW_LATEX)
    return TRUE;
  if (options->paths[1] != NULL)
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE,
                           "expected one run: several go together only in the paper's tables, --format latex without --view");
      return FALSE;
    }
  options->views = ut_views_named (names, error);
  return options->views != NULL;
}

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_autofree char *format = NULL, *views = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->out, "The folder that the files go into; for json, the file", "PATH" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, "csv, parquet, json or latex", "FORMAT" },
    { "view", 0, 0, G_OPTION_ARG_STRING, &views, "Views, comma-separated (see undertow show --help); default all", "NAMES" },
    { "force", 0, 0, G_OPTION_ARG_NONE, &options->force, "Replace files that are there already", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "RUN.duckdb…" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (
      context, "Writes a run's views as files for other programs, and the paper's tables of one run or several.");
  g_option_context_set_description (
      context,
      "  csv      PATH/VIEW.csv, every digit\n"
      "  parquet  PATH/VIEW.parquet, with the columns' types\n"
      "  json     PATH, one object: {\"VIEW\": [{\"column\": value, …}, …], …}\n"
      "  latex    PATH/flips.tex and PATH/drift-CHANNEL.tex, the paper's tables of all RUNs: families by models, a block a\n"
      "           benchmark, 95 % intervals; PATH/tables.tex has them all. With --view PATH/VIEW.tex. Needs booktabs alone.");
  g_option_context_add_main_entries (context, entries, NULL);
  g_autoptr (GError) fault = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &fault))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, fault->message);
      return FALSE;
    }
  if (options->paths == NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "expected RUN.duckdb");
  else if (options->out == NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "expected -o PATH");
  else
    return take_format (format, &options->format, error) && take_views (views, options, error);
  return FALSE;
}

/* --- Writing ----------------------------------------------------------------------------------------------------------------- */

static gboolean
may_write (const Options *options, const char *path, GError **error)
{
  if (options->force || !g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s exists already: give another name, or --force to replace it", path);
  return FALSE;
}

/* An absolute path: the database is told it. */
static char *
make_folder (const char *folder, GError **error)
{
  if (!ut_folder_make (folder, error))
    return NULL;
  char *path = realpath (folder, NULL);
  char *copy = g_strdup (path);
  free (path);
  if (copy == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the folder %s cannot be read", folder);
  return copy;
}

static void
warn_of_caveat (UtDb *db)
{
  g_autofree char *caveat = ut_report_caveat (db);
  if (caveat != NULL)
    g_printerr ("warning: %s\n", caveat);
}

static gboolean
export_views (const Options *options, GError **error)
{
  static const char *const endings[] = { [UT_VIEW_CSV] = "csv", [UT_VIEW_PARQUET] = "parquet", [UT_VIEW_LATEX] = "tex" };
  g_autofree char *folder = make_folder (options->out, error);
  g_autoptr (UtStore) store = folder != NULL ? ut_store_open_export (options->paths[0], folder, error) : NULL;
  if (store == NULL)
    return FALSE;
  warn_of_caveat (ut_store_db (store));
  for (char **view = options->views; *view != NULL; view++)
    {
      g_autofree char *file = g_strdup_printf ("%s.%s", *view, endings[options->format]);
      g_autofree char *path = g_build_filename (folder, file, NULL), *shown = g_build_filename (options->out, file, NULL);
      if (!may_write (options, shown, error) || !ut_view_write (ut_store_db (store), *view, options->format, path, error))
        return FALSE;
      g_print ("%s\n", shown);
    }
  return TRUE;
}

static gboolean
export_json (const Options *options, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open_read (options->paths[0], error);
  if (store == NULL)
    return FALSE;
  warn_of_caveat (ut_store_db (store));
  if (!may_write (options, options->out, error)
      || !ut_views_write_json (ut_store_db (store), (const char *const *) options->views, options->out, error))
    return FALSE;
  g_print ("%s\n", options->out);
  return TRUE;
}

static gboolean
export_paper_tables (const Options *options, GError **error)
{
  g_autoptr (GPtrArray) tables = ut_paper_tables ((const char *const *) options->paths, g_strv_length (options->paths), error);
  if (tables == NULL || !ut_folder_make (options->out, error))
    return FALSE;
  for (unsigned i = 0; i < tables->len; i++)
    {
      const UtPaperTable *table = tables->pdata[i];
      g_autofree char *path = g_build_filename (options->out, table->name, NULL);
      if (!may_write (options, path, error) || !ut_text_write_file (table->text, path, error))
        return FALSE;
      g_print ("%s\n", path);
    }
  return TRUE;
}

int
ut_cmd_export (int argc, char **argv)
{
  g_auto (Options) options = { 0 };
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error)
      || !(options.views == NULL            ? export_paper_tables (&options, &error)
           : options.format == UT_VIEW_JSON ? export_json (&options, &error)
                                            : export_views (&options, &error)))
    return ut_cmd_fail ("export", error);
  return 0;
}
