#include "report/paper.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "report/intervals.h"
#include "report/latex.h"
#include "report/report.h"
#include "store/store.h"

/* Side by side on a page, an interval to a number. */
#define MODELS_ACROSS 3

/* --- What is read of a run --------------------------------------------------------------------------------------------------- */

/* What stands in one row of a table for one model. */
typedef struct {
  char *channel; /* "" for flips */
  char *family;
  char *first, *second; /* LaTeX */
} Entry;

typedef struct {
  char *model, *benchmark, *caveat;
  gint64 questions, images, variants;
  GPtrArray *entries; /* Entry * */
} Run;

static void
entry_free (void *data)
{
  Entry *entry = data;
  g_free (entry->channel);
  g_free (entry->family);
  g_free (entry->first);
  g_free (entry->second);
  g_free (entry);
}

static void
run_free (void *data)
{
  Run *run = data;
  g_free (run->model);
  g_free (run->benchmark);
  g_free (run->caveat);
  g_ptr_array_unref (run->entries);
  g_free (run);
}

static void
append_number (GString *text, double value, const char *format)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd (buffer, sizeof buffer, format, value);
  g_string_append (text, *buffer == '-' ? "$-$" : "");
  g_string_append (text, buffer + (*buffer == '-'));
}

/* "0.114 ± 0.012 [0.092, 0.140]"; the spread or the interval is left out where it is not known (NaN), and all is a dash where the value is
 * not. */
static char *
cell (double value, double spread, double low, double high, const char *format)
{
  if (isnan (value))
    return g_strdup ("--");
  GString *text = g_string_new (NULL);
  append_number (text, value, format);
  if (!isnan (spread))
    {
      g_string_append (text, "\\,$\\pm$\\,");
      append_number (text, spread, format);
    }
  if (!isnan (low) && !isnan (high))
    {
      g_string_append (text, " {\\tiny[");
      append_number (text, low, format);
      g_string_append (text, ", ");
      append_number (text, high, format);
      g_string_append (text, "]}");
    }
  return g_string_free (text, FALSE);
}

/* The pool of all variants tells how many they are, as that of the core ones does: runs may differ in them. The caller owns it. */
static char *
family_of_row (UtDbCursor *cursor, unsigned column, const Run *run)
{
  const char *family = ut_db_text (cursor, column);
  return strcmp (family, "any (all)") == 0 ? g_strdup_printf ("any (all-%" G_GINT64_FORMAT ")", run->variants)
                                           : g_strdup (family);
}

static gboolean
read_flips (UtDb *db, Run *run, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db,
                                               "WITH interval AS (SELECT * FROM intervals WHERE channel IS NULL) "
                                               "SELECT f.family, f.IFR, i.low, i.high, f.IV, v.low, v.high "
                                               "FROM (SELECT row_number() OVER () AS n, family, IFR, IV FROM families) f "
                                               "LEFT JOIN interval i ON i.family = f.family AND i.quantity = 'IFR' "
                                               "LEFT JOIN interval v ON v.family = f.family AND v.quantity = 'IV' ORDER BY n",
                                               error);
  if (cursor == NULL)
    return FALSE;
  while (ut_db_next (cursor, NULL))
    {
      const Entry entry = {
        .channel = g_strdup (""),
        .family = family_of_row (cursor, 0, run),
        .first = cell (ut_db_double (cursor, 1), NAN, ut_db_double (cursor, 2), ut_db_double (cursor, 3), "%.3f"),
        .second = cell (ut_db_double (cursor, 4), NAN, ut_db_double (cursor, 5), ut_db_double (cursor, 6), "%.3f"),
      };
      g_ptr_array_add (run->entries, g_memdup2 (&entry, sizeof entry));
    }
  return TRUE;
}

/* The normed channels stand in the view. */
static gboolean
read_drift (UtDb *db, Run *run, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (
      db,
      "SELECT d.channel, d.family, mean_pd, sd_pd, percent, percent_sd, i.low, i.high "
      "FROM (SELECT row_number() OVER () AS n, * FROM drift_by_answer) d "
      "LEFT JOIN intervals i ON i.family = d.family AND i.channel = d.channel AND i.quantity = 'percent' "
      "WHERE answer = 'all' AND NOT ends_with(d.channel, '.normed') AND d.channel IN (SELECT channel FROM drift) ORDER BY n",
      error);
  if (cursor == NULL)
    return FALSE;
  while (ut_db_next (cursor, NULL))
    {
      const Entry entry = {
        .channel = ut_db_dup_text (cursor, 0),
        .family = family_of_row (cursor, 1, run),
        .first = cell (ut_db_double (cursor, 2), ut_db_double (cursor, 3), NAN, NAN, "%.4f"),
        .second
        = cell (ut_db_double (cursor, 4), ut_db_double (cursor, 5), ut_db_double (cursor, 6), ut_db_double (cursor, 7), "%.1f"),
      };
      g_ptr_array_add (run->entries, g_memdup2 (&entry, sizeof entry));
    }
  return TRUE;
}

/* A file's name as a reader calls what is in it. */
static char *
plain_name (const char *path)
{
  char *name = g_path_get_basename (path);
  static const char *const endings[] = { ".duckdb", ".gguf", ".parquet", ".tsv", ".csv", ".jsonl", ".json" };
  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (name, endings[i]) && strlen (name) > strlen (endings[i]))
      name[strlen (name) - strlen (endings[i])] = '\0';
  if (g_str_has_prefix (name, "bundled:"))
    memmove (name, name + strlen ("bundled:"), strlen (name) - strlen ("bundled:") + 1);
  return name;
}

static gboolean
read_identity (UtDb *db, Run *run, GError **error)
{
  static const char sql[]
      = "SELECT questions, images, (SELECT count(*) FROM pools WHERE family = 'any (all)'), "
        "       coalesce(f.file, f.model, f.engine), f.dataset "
        "FROM overview, (SELECT any_value(value) FILTER (key = 'model file' AND value <> 'default') AS file, "
        "  any_value(value) FILTER (key = 'model') AS model, any_value(value) FILTER (key = 'engine') AS engine, "
        "  any_value(value) FILTER (key = 'dataset') AS dataset FROM identity) f";
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, error);
  if (cursor == NULL || !ut_db_next (cursor, NULL))
    return FALSE;
  run->questions = ut_db_int64 (cursor, 0);
  run->images = ut_db_int64 (cursor, 1);
  run->variants = ut_db_int64 (cursor, 2);
  run->model = plain_name (ut_db_is_null (cursor, 3) ? "model" : ut_db_text (cursor, 3));
  run->benchmark = plain_name (ut_db_is_null (cursor, 4) ? "benchmark" : ut_db_text (cursor, 4));
  return TRUE;
}

static gboolean
read_run (const char *path, Run *run, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open_read (path, error);
  if (store == NULL)
    return FALSE;
  UtDb *db = ut_store_db (store);
  run->caveat = ut_report_caveat (db);
  if (ut_intervals_make (db, error) && read_identity (db, run, error) && read_flips (db, run, error)
      && read_drift (db, run, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

static gboolean
have_both_in_common (const Run *a, const Run *b)
{
  return strcmp (a->model, b->model) == 0 && strcmp (a->benchmark, b->benchmark) == 0;
}

/* The model is then called as the run's file. */
static void
tell_apart (GPtrArray *runs, const char *const *paths)
{
  g_autofree gboolean *common = g_new0 (gboolean, runs->len);
  for (unsigned i = 0; i < runs->len; i++)
    for (unsigned k = 0; k < runs->len; k++)
      common[i] = common[i] || (i != k && have_both_in_common (runs->pdata[i], runs->pdata[k]));
  for (unsigned i = 0; i < runs->len; i++)
    if (common[i])
      {
        Run *run = runs->pdata[i];
        g_free (run->model);
        run->model = plain_name (paths[i]);
      }
}

/* --- Tables ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
  const char *label; /* of LaTeX, and the file's name */
  const char *channel;
  const char *caption;
  const char *first, *second; /* the columns of a model */
} Layout;

static void
add_once (GPtrArray *texts, const char *text)
{
  if (!g_ptr_array_find_with_equal_func (texts, text, g_str_equal, NULL))
    g_ptr_array_add (texts, (void *) text);
}

static void
add_families (GPtrArray *families, GPtrArray *runs, const char *benchmark, const char *channel, gboolean pools)
{
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Run *run = runs->pdata[r];
      for (unsigned e = 0; e < run->entries->len && strcmp (run->benchmark, benchmark) == 0; e++)
        {
          const Entry *entry = run->entries->pdata[e];
          if (strcmp (entry->channel, channel) == 0 && g_str_has_prefix (entry->family, "any (") == pools)
            add_once (families, entry->family);
        }
    }
}

/* Borrowed texts, in the order the runs have them, pools of all runs last. */
static GPtrArray *
families_of (GPtrArray *runs, const char *benchmark, const char *channel)
{
  GPtrArray *families = g_ptr_array_new ();
  add_families (families, runs, benchmark, channel, FALSE);
  add_families (families, runs, benchmark, channel, TRUE);
  return families;
}

static const Run *
find_run (GPtrArray *runs, const char *benchmark, const char *model)
{
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Run *run = runs->pdata[r];
      if (strcmp (run->benchmark, benchmark) == 0 && strcmp (run->model, model) == 0)
        return run;
    }
  return NULL;
}

static const Entry *
find_entry (const Run *run, const char *channel, const char *family)
{
  for (unsigned e = 0; run != NULL && e < run->entries->len; e++)
    {
      const Entry *entry = run->entries->pdata[e];
      if (strcmp (entry->channel, channel) == 0 && strcmp (entry->family, family) == 0)
        return entry;
    }
  return NULL;
}

static void
append_escaped (GString *out, const char *text)
{
  g_autofree char *latex = ut_latex_text (text);
  g_string_append (out, latex);
}

static void
append_head (GString *out, const Layout *layout, GPtrArray *models)
{
  g_string_append (out, "\\begin{tabular}{@{}l");
  for (unsigned m = 0; m < models->len; m++)
    g_string_append (out, "ll");
  g_string_append (out, "@{}}\n\\toprule\n");
  for (unsigned m = 0; m < models->len; m++)
    {
      g_string_append (out, " & \\multicolumn{2}{c}{");
      append_escaped (out, models->pdata[m]);
      g_string_append_c (out, '}');
    }
  g_string_append (out, " \\\\\n");
  for (unsigned m = 0; m < models->len; m++)
    g_string_append_printf (out, "\\cmidrule(lr){%u-%u}", 2 * m + 2, 2 * m + 3);
  g_string_append (out, "\nfamily");
  for (unsigned m = 0; m < models->len; m++)
    g_string_append_printf (out, " & %s & %s", layout->first, layout->second);
  g_string_append (out, " \\\\\n");
}

/* The benchmark's name, and how much of it was asked where every model was asked as much. */
static void
append_block_title (GString *out, GPtrArray *runs, const char *benchmark, GPtrArray *models)
{
  const Run *one = NULL;
  gboolean equal = TRUE;
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Run *run = runs->pdata[r];
      if (strcmp (run->benchmark, benchmark) != 0)
        continue;
      one = one != NULL ? one : run;
      equal = equal && run->questions == one->questions && run->images == one->images;
    }
  g_string_append_printf (out, "\\midrule\n\\multicolumn{%u}{@{}l}{\\textit{", 2 * models->len + 1);
  append_escaped (out, benchmark);
  g_string_append_c (out, '}');
  if (one != NULL && equal)
    g_string_append_printf (out, ", %" G_GINT64_FORMAT " questions on %" G_GINT64_FORMAT " images", one->questions, one->images);
  g_string_append (out, "} \\\\\n");
}

static void
append_block (GString *out, const Layout *layout, GPtrArray *runs, const char *benchmark, GPtrArray *models)
{
  g_autoptr (GPtrArray) families = families_of (runs, benchmark, layout->channel);
  if (families->len == 0)
    return;
  append_block_title (out, runs, benchmark, models);
  for (unsigned f = 0; f < families->len; f++)
    {
      append_escaped (out, families->pdata[f]);
      for (unsigned m = 0; m < models->len; m++)
        {
          const Entry *entry = find_entry (find_run (runs, benchmark, models->pdata[m]), layout->channel, families->pdata[f]);
          g_string_append_printf (out, " & %s & %s", entry != NULL ? entry->first : "--", entry != NULL ? entry->second : "--");
        }
      g_string_append (out, " \\\\\n");
    }
}

/* In comments, each in one line. */
static void
append_caveats (GString *out, GPtrArray *runs)
{
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Run *run = runs->pdata[r];
      if (run->caveat == NULL)
        continue;
      g_autofree char *line = g_strdup_printf ("Warning: %s, %s: %s", run->model, run->benchmark, run->caveat);
      g_autofree char *printable = ut_text_without_controls (line);
      g_string_append_printf (out, "%% %s\n", printable);
    }
}

/* As many tables as it takes to show all models. */
static UtPaperTable *
make_table (const Layout *layout, GPtrArray *runs, GPtrArray *models, GPtrArray *benchmarks)
{
  GString *out = g_string_new (NULL);
  append_caveats (out, runs);
  for (unsigned from = 0; from < models->len; from += MODELS_ACROSS)
    {
      g_autoptr (GPtrArray) across = g_ptr_array_new ();
      for (unsigned m = from; m < MIN (from + MODELS_ACROSS, models->len); m++)
        g_ptr_array_add (across, models->pdata[m]);
      g_string_append_printf (
          out, "\\begin{table*}\n\\centering\\scriptsize\\setlength{\\tabcolsep}{3pt}\n\\caption{%s%s}\n\\label{tab:%s",
          layout->caption, from > 0 ? " Continued." : "", layout->label);
      if (from > 0)
        g_string_append_printf (out, "-%u", from / MODELS_ACROSS + 1);
      g_string_append (out, "}\n");
      append_head (out, layout, across);
      for (unsigned b = 0; b < benchmarks->len; b++)
        append_block (out, layout, runs, benchmarks->pdata[b], across);
      g_string_append (out, "\\bottomrule\n\\end{tabular}\n\\end{table*}\n");
    }
  UtPaperTable *table = g_new (UtPaperTable, 1);
  *table = (UtPaperTable) { g_strconcat (layout->label, ".tex", NULL), g_string_free (out, FALSE) };
  return table;
}

static UtPaperTable *
make_document (GPtrArray *tables)
{
  GString *out = g_string_new ("\\documentclass[twocolumn]{article}\n"
                               "\\usepackage{booktabs}\n"
                               "\\setlength{\\textwidth}{174mm}\n"
                               "\\setlength{\\oddsidemargin}{-7mm}\n"
                               "\\begin{document}\n");
  for (unsigned i = 0; i < tables->len; i++)
    {
      const UtPaperTable *table = tables->pdata[i];
      g_string_append_printf (out, "\\input{%s}\n", table->name);
    }
  g_string_append (out, "\\end{document}\n");
  UtPaperTable *document = g_new (UtPaperTable, 1);
  *document = (UtPaperTable) { g_strdup ("tables.tex"), g_string_free (out, FALSE) };
  return document;
}

static void
table_free (void *data)
{
  UtPaperTable *table = data;
  g_free (table->name);
  g_free (table->text);
  g_free (table);
}

static void
add_drift_tables (GPtrArray *tables, GPtrArray *runs, GPtrArray *models, GPtrArray *benchmarks)
{
  g_autoptr (GPtrArray) channels = g_ptr_array_new ();
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Run *run = runs->pdata[r];
      for (unsigned e = 0; e < run->entries->len; e++)
        add_once (channels, ((const Entry *) run->entries->pdata[e])->channel);
    }
  for (unsigned c = 0; c < channels->len; c++)
    {
      const char *channel = channels->pdata[c];
      if (*channel == '\0')
        continue;
      g_autofree char *label = g_strconcat ("drift-", channel, NULL), *name = ut_latex_text (channel);
      g_strcanon (label, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '-');
      g_autofree char *caption = g_strdup_printf ("Representation drift (PD, mean $1-\\cos$ over questions $\\pm$ standard "
                                                  "deviation) in \\texttt{%s}, and in \\%% of the control "
                                                  "drift between questions, with 95\\,\\%% intervals by bootstrap over images.",
                                                  name);
      const Layout layout = { label, channel, caption, "PD", "\\% of control" };
      g_ptr_array_add (tables, make_table (&layout, runs, models, benchmarks));
    }
}

GPtrArray *
ut_paper_tables (const char *const *paths, unsigned n_paths, GError **error)
{
  g_autoptr (GPtrArray) runs = g_ptr_array_new_with_free_func (run_free);
  for (unsigned i = 0; i < n_paths; i++)
    {
      Run *run = g_new0 (Run, 1);
      run->entries = g_ptr_array_new_with_free_func (entry_free);
      g_ptr_array_add (runs, run);
      if (!read_run (paths[i], run, error))
        return NULL;
    }
  tell_apart (runs, paths);

  g_autoptr (GPtrArray) models = g_ptr_array_new (), benchmarks = g_ptr_array_new ();
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Run *run = runs->pdata[r];
      add_once (models, run->model);
      add_once (benchmarks, run->benchmark);
    }
  GPtrArray *tables = g_ptr_array_new_with_free_func (table_free);
  const Layout flips = {
    "flips",
    "",
    "Instance flip rate (IFR) and image vulnerability (IV) by family of perturbations, with 95\\,\\% intervals by bootstrap over "
    "images.",
    "IFR",
    "IV",
  };
  g_ptr_array_add (tables, make_table (&flips, runs, models, benchmarks));
  add_drift_tables (tables, runs, models, benchmarks);
  g_ptr_array_add (tables, make_document (tables));
  return tables;
}
