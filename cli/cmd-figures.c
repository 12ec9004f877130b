/* undertow figures: a run's charts as files for a paper. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "base/names.h"
#include "commands.h"
#include "figure/figure.h"
#include "report/charts.h"
#include "report/report.h"
#include "store/store.h"

/* Of the two-column layout that journals share: a column, and the text over both. */
#define COLUMN_MM 84.0
#define TEXT_MM 174.0
#define NARROWEST_MM 30.0
#define WIDEST_MM 1000.0

#define DEFAULT_DPI 300
#define LEAST_DPI 30
#define MOST_DPI 2400

typedef struct {
  char **paths; /* of the runs */
  char *out;
  gboolean svg, pdf, png;
  char **charts;   /* NULL: all */
  char **families; /* NULL: all */
  double width;    /* mm */
  int dpi;
  gboolean force;
} Options;

static void
options_clear (Options *options)
{
  g_strfreev (options->paths);
  g_free (options->out);
  g_strfreev (options->charts);
  g_strfreev (options->families);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* --- The command line -------------------------------------------------------------------------------------------------------- */

static gboolean
take_formats (const char *text, Options *options, GError **error)
{
  g_auto (GStrv) names = g_strsplit (text, ",", -1);
  const struct {
    const char *name;
    gboolean *wanted;
  } formats[] = { { "svg", &options->svg }, { "pdf", &options->pdf }, { "png", &options->png } };
  for (char **name = names; *name != NULL; name++)
    {
      size_t i = 0;
      while (i < G_N_ELEMENTS (formats) && strcmp (formats[i].name, *name) != 0)
        i++;
      if (i == G_N_ELEMENTS (formats))
        {
          g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown format “%s”: expected svg, pdf or png, or several with commas",
                       *name);
          return FALSE;
        }
      *formats[i].wanted = TRUE;
    }
  if (options->svg || options->pdf || options->png)
    return TRUE;
  g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "no format: expected svg, pdf or png, or several with commas");
  return FALSE;
}

static gboolean
take_width (const char *text, double *out_width, GError **error)
{
  char *end;
  const double mm = g_ascii_strtod (text, &end);
  if (strcmp (text, "column") == 0)
    *out_width = COLUMN_MM;
  else if (strcmp (text, "text") == 0)
    *out_width = TEXT_MM;
  else if (end != text && *end == '\0' && mm >= NARROWEST_MM && mm <= WIDEST_MM)
    *out_width = mm;
  else
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown width “%s”: expected column, text, or millimetres from %g to %g",
                   text, NARROWEST_MM, WIDEST_MM);
      return FALSE;
    }
  return TRUE;
}

static const UtChart *const tables[] = { ut_charts, ut_run_charts };

static gboolean
take_charts (const char *text, char ***out_charts, GError **error)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  for (size_t t = 0; t < G_N_ELEMENTS (tables); t++)
    for (const UtChart *chart = tables[t]; chart->name != NULL; chart++)
      g_ptr_array_add (known, (void *) chart->name);
  g_ptr_array_add (known, NULL);
  const char *const *names = (const char *const *) known->pdata;
  *out_charts = g_strsplit (text, ",", -1);
  if (**out_charts == NULL)
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "no chart: expected names of charts, with commas between them");
      return FALSE;
    }
  for (char **chart = *out_charts; *chart != NULL; chart++)
    if (!g_strv_contains (names, *chart))
      {
        const char *near = ut_names_nearest (*chart, names);
        g_autofree char *all = g_strjoinv (", ", (char **) names);
        if (near != NULL)
          g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown chart “%s”: did you mean “%s”?", *chart, near);
        else
          g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown chart “%s”; known: %s", *chart, all);
        return FALSE;
      }
  return TRUE;
}

static char *
list_charts (void)
{
  GString *text = g_string_new ("Charts:\n");
  for (size_t t = 0; t < G_N_ELEMENTS (tables); t++)
    for (const UtChart *chart = tables[t]; chart->name != NULL; chart++)
      g_string_append_printf (text, "  %-20s %s%s\n", chart->name, chart->title,
                              tables[t] == ut_run_charts ? " (of several runs)" : "");
  g_string_append (
      text, "\nA chart is DIR/NAME.pdf and so on; with several runs DIR/RUN/NAME.pdf, and what is of all together DIR/NAME.pdf.");
  return g_string_free (text, FALSE);
}

/* What is missing or out of bounds. */
static gboolean
check_options (const Options *options, GError **error)
{
  if (options->paths == NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "expected RUN.duckdb…");
  else if (options->out == NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "expected -o DIR");
  else if (options->dpi < LEAST_DPI || options->dpi > MOST_DPI)
    g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--dpi %d: expected %d to %d", options->dpi, LEAST_DPI, MOST_DPI);
  else
    return TRUE;
  return FALSE;
}

/* A chart of several runs has nothing to show of one. */
static gboolean
check_charts (const Options *options, GError **error)
{
  for (const UtChart *chart = ut_run_charts; chart->name != NULL && options->charts != NULL && options->paths[1] == NULL; chart++)
    if (g_strv_contains ((const char *const *) options->charts, chart->name))
      {
        g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "the chart “%s” is of several runs: expected RUN.duckdb RUN.duckdb…",
                     chart->name);
        return FALSE;
      }
  return TRUE;
}

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_autofree char *format = NULL, *width = NULL, *charts = NULL, *families = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->out, "The folder that the figures go into", "DIR" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, "svg, pdf, png, or several with commas; default svg,pdf", "FORMATS" },
    { "width", 0, 0, G_OPTION_ARG_STRING, &width, "column (84 mm, the default), text (174 mm), or millimetres", "WIDTH" },
    { "chart", 0, 0, G_OPTION_ARG_STRING, &charts, "Charts, comma-separated; default all", "NAMES" },
    { "family", 0, 0, G_OPTION_ARG_STRING, &families,
      "Families and pools that charts show, comma-separated, by the names that undertow show RUN families has; default all",
      "NAMES" },
    { "dpi", 0, 0, G_OPTION_ARG_INT, &options->dpi, "Of PNG files; default " G_STRINGIFY (DEFAULT_DPI), "N" },
    { "force", 0, 0, G_OPTION_ARG_NONE, &options->force, "Replace figures that are there already", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "RUN.duckdb…" },
    G_OPTION_ENTRY_NULL,
  };
  g_autofree char *description = list_charts ();
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context, "Writes a run's charts as files for a two-column paper.");
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  g_autoptr (GError) fault = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &fault))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, fault->message);
      return FALSE;
    }
  options->families = families != NULL ? g_strsplit (families, ",", -1) : NULL;
  return check_options (options, error) && take_formats (format != NULL ? format : "svg,pdf", options, error)
         && take_width (width != NULL ? width : "column", &options->width, error)
         && (charts == NULL || take_charts (charts, &options->charts, error)) && check_charts (options, error);
}

/* --- Writing ----------------------------------------------------------------------------------------------------------------- */

/* The path of a figure's file, where there is none yet or it may be replaced. */
static char *
claim_path (const Options *options, const char *folder, const char *chart, const char *extension, GError **error)
{
  g_autofree char *file = g_strdup_printf ("%s.%s", chart, extension);
  g_autofree char *path = g_build_filename (folder, file, NULL);
  if (!options->force && g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s exists already: give another folder, or --force to replace it", path);
      return NULL;
    }
  return g_steal_pointer (&path);
}

static gboolean
write_svg (const char *svg, const char *path, GError **error)
{
  g_autoptr (GError) fault = NULL;
  if (!g_file_set_contents (path, svg, -1, &fault))
    g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, fault->message);
  return fault == NULL;
}

static gboolean
write_files (const Options *options, const char *folder, const char *chart, const char *svg, GError **error)
{
  const struct {
    gboolean wanted;
    const char *extension;
  } formats[] = { { options->svg, "svg" }, { options->pdf, "pdf" }, { options->png, "png" } };
  for (size_t i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      if (!formats[i].wanted)
        continue;
      g_autofree char *path = claim_path (options, folder, chart, formats[i].extension, error);
      if (path == NULL)
        return FALSE;
      if (!(strcmp (formats[i].extension, "svg") == 0   ? write_svg (svg, path, error)
            : strcmp (formats[i].extension, "pdf") == 0 ? ut_figure_write_pdf (svg, path, error)
                                                        : ut_figure_write_png (svg, options->dpi, path, error)))
        return FALSE;
      g_print ("%s\n", path);
    }
  return TRUE;
}

/* Whether a JSON array of objects, as ut_chart_rows gives it, has any. */
static gboolean
has_rows (const char *rows)
{
  return strchr (rows, '{') != NULL;
}

static gboolean
is_wanted (const Options *options, const UtChart *chart)
{
  return options->charts == NULL || g_strv_contains ((const char *const *) options->charts, chart->name);
}

/* Each family that the user named must be one of the run's. */
static gboolean
check_families (const Options *options, const char *path, UtDb *db, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, "SELECT family FROM listed ORDER BY place", error);
  if (cursor == NULL)
    return FALSE;
  g_autoptr (GPtrArray) known = g_ptr_array_new_null_terminated (0, g_free, TRUE);
  while (ut_db_next (cursor, NULL))
    g_ptr_array_add (known, ut_db_dup_text (cursor, 0));
  for (char **family = options->families; family != NULL && *family != NULL; family++)
    if (!g_strv_contains ((const char *const *) known->pdata, *family))
      {
        g_autofree char *all = g_strjoinv (", ", (char **) known->pdata);
        g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s has no family “%s”; it has: %s", path, *family, all);
        return FALSE;
      }
  return TRUE;
}

static gboolean
draw_chart (const Options *options, const char *folder, const UtChart *chart, const char *rows, UtPlotter *plotter,
            GError **error)
{
  g_autofree char *svg = ut_plotter_svg (plotter, chart->name, chart->spec, rows, options->width, error);
  return svg != NULL && write_files (options, folder, chart->name, svg, error);
}

static gboolean
draw_run (const Options *options, const char *path, const char *folder, UtPlotter *plotter, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open_read (path, error);
  if (store == NULL || !check_families (options, path, ut_store_db (store), error) || !ut_folder_make (folder, error))
    return FALSE;
  g_autofree char *caveat = ut_report_caveat (ut_store_db (store));
  if (caveat != NULL)
    g_printerr ("warning: %s: %s\n", path, caveat);
  for (const UtChart *chart = ut_charts; chart->name != NULL; chart++)
    {
      if (!is_wanted (options, chart))
        continue;
      g_autofree char *rows = ut_chart_rows (ut_store_db (store), chart, (const char *const *) options->families, error);
      if (rows == NULL)
        return FALSE;
      if (!has_rows (rows))
        g_print ("%s: %s has no data for it\n", chart->name, path);
      else if (!draw_chart (options, folder, chart, rows, plotter, error))
        return FALSE;
    }
  return TRUE;
}

/* Appends the elements of a JSON array to those of another, which is still open. */
static void
append_elements (GString *array, const char *more)
{
  const char *from = strchr (more, '[') + 1, *to = strrchr (more, ']');
  if (!has_rows (more))
    return;
  g_string_append (array, array->len > 1 ? "," : "");
  g_string_append_len (array, from, to - from);
}

/* The charts of all runs together. */
static gboolean
draw_together (const Options *options, UtPlotter *plotter, GError **error)
{
  for (const UtChart *chart = ut_run_charts; chart->name != NULL; chart++)
    {
      if (!is_wanted (options, chart))
        continue;
      g_autoptr (GString) rows = g_string_new ("[");
      for (char **path = options->paths; *path != NULL; path++)
        {
          g_autoptr (UtStore) store = ut_store_open_read (*path, error);
          g_autofree char *more = store != NULL ? ut_chart_rows (ut_store_db (store), chart, NULL, error) : NULL;
          if (more == NULL)
            return FALSE;
          append_elements (rows, more);
        }
      g_string_append_c (rows, ']');
      if (!has_rows (rows->str))
        g_print ("%s: the runs have no data for it\n", chart->name);
      else if (!draw_chart (options, options->out, chart, rows->str, plotter, error))
        return FALSE;
    }
  return TRUE;
}

/* A folder's name after that of a run's file, which another of the run's files may have had before. */
static char *
folder_name (const char *path, GHashTable *taken)
{
  g_autofree char *base = g_path_get_basename (path);
  if (g_str_has_suffix (base, ".duckdb"))
    base[strlen (base) - strlen (".duckdb")] = '\0';
  g_strcanon (base, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '_');
  if (*base == '\0' || *base == '.' || *base == '-')
    {
      char *prefixed = g_strconcat ("run", base, NULL);
      g_free (base);
      base = prefixed;
    }
  char *name = g_strdup (base);
  for (unsigned i = 2; !g_hash_table_add (taken, g_strdup (name)); i++)
    {
      g_free (name);
      name = g_strdup_printf ("%s-%u", base, i);
    }
  return name;
}

static gboolean
draw_runs (const Options *options, GError **error)
{
  g_autoptr (UtPlotter) plotter = ut_plotter_new (error);
  if (plotter == NULL)
    return FALSE;
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const gboolean several = options->paths[1] != NULL;
  for (char **path = options->paths; *path != NULL; path++)
    {
      g_autofree char *name = folder_name (*path, taken);
      g_autofree char *folder = several ? g_build_filename (options->out, name, NULL) : g_strdup (options->out);
      if (!draw_run (options, *path, folder, plotter, error))
        return FALSE;
    }
  return !several || draw_together (options, plotter, error);
}

int
ut_cmd_figures (int argc, char **argv)
{
  g_auto (Options) options = { .dpi = DEFAULT_DPI };
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error) || !draw_runs (&options, &error))
    return ut_cmd_fail ("figures", error);
  return 0;
}
