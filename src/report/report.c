#include "report/report.h"

#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "report/auroc.h"
#include "report/intervals.h"
#include "store/store.h"

const UtReportView ut_report_views[] = {
  { "overview", "the run in one row: questions, trials, clean accuracy, IFR, IV, hidden drift", NULL },
  { "families", "per family: flips (IFR, IV), transitions, accuracy, entropy, margins", NULL },
  { "transitions", "the same flips and transitions per variant", NULL },
  { "pixel_changes", "what each variant did to the pixels: PSNR, largest change, share touched", NULL },
  { "accuracy", "clean and per family, whole and per category; precision, recall, F1, FPR, yes rate on yes/no questions", NULL },
  { "mcnemar", "McNemar's exact test of the accuracy, clean against each family; Holm's correction over families", NULL },
  { "vulnerability", "IV at equal variant count: of k variants of a family", NULL },
  { "flips_by_margin", "share of flips by decile of the clean margin", NULL },
  { "severity", "flips and margins by a family's parameter: margin curves, ladders of severity", NULL },
  { "flip_thresholds", "the mildest cut-off of keep_low and keep_high that changes an answer: median and quartiles", NULL },
  { "flip_margins", "mean margin of flipped answers, clean and perturbed", NULL },
  { "false_answers", "change of false positives and false negatives on yes/no questions", NULL },
  { "drift", "per channel and family: cos, L2, drift in % of control, Cohen's d, hidden drift, ΔE", NULL },
  { "populations", "linear CKA and mutual k-NN between clean and perturbed items, per variant", NULL },
  { "noise_floor", "how far the clean image, asked again alone, is from itself: drift and margins", NULL },
  { "layers", "the drift by depth: along the encoder, the projector, the language model (run --layers)", NULL },
  { "generations", "the greedy answers, clean and perturbed (run --generate)", NULL },
  { "drift_by_answer", "the drift of all, kept and flipped answers, each in full", NULL },
  { "auroc", "drift as a predictor of a flip, by family and channel, with 95 % intervals by bootstrap over images",
    ut_auroc_make },
  { "exceedance", "share of instances that drifted further than the median control; of all, kept and flipped answers", NULL },
  { "correlations", "Pearson of every metric's change with ΔE, Δm and, of kept answers, Δlogp", NULL },
  { "drift_to_prior", "how far answers went towards the blank image's: DTP, share of flips to its answer, Jensen–Shannon", NULL },
  { "controls", "control drift per channel", NULL },
  { "control_items", "control drift of every question", NULL },
  { "intervals", "accuracy, flips, drift, drift to the prior with 95 % intervals by bootstrap over images", ut_intervals_make },
  { "image_sums", "what the intervals are drawn from: the part of every image in a quantity", NULL },
  { "items", "a question a row: clean answer, margin, which families flip it", NULL },
  { "trials", "a trial a row: answer, transition, margins, drift", NULL },
  { "scores", "an option of a trial a row: its score in every form, and the one that decides", NULL },
  { "decision", "the prompt, which score the answers are by, and by which the answers were that text overlays contradict", NULL },
  { "measurements", "every stored value of a metric", NULL },
  { "embeddings", "the stored representations: of clean trials, and of a sample under every perturbation", NULL },
  { "token_drifts", "how far each vision token moved, of a sample under every variant that leaves the grid", NULL },
  { "failures", "trials that failed and rows of the benchmark that were left out, with the reason", NULL },
  { "identity", "what the run is: arguments, seed, file hashes, versions, device", NULL },
  { NULL, NULL, NULL },
};

static void
report_unknown_view (const char *view, GError **error)
{
  const char *names[G_N_ELEMENTS (ut_report_views)];
  g_autoptr (GString) known = g_string_new (NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (ut_report_views); i++)
    {
      names[i] = ut_report_views[i].name;
      if (names[i] != NULL)
        g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", names[i]);
    }
  const char *near = ut_names_nearest (view, names);
  if (near != NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown view “%s”: did you mean “%s”?", view, near);
  else
    g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown view “%s”; known: %s", view, known->str);
}

const UtReportView *
ut_report_find_view (const char *name, GError **error)
{
  for (const UtReportView *view = ut_report_views; view->name != NULL; view++)
    if (strcmp (view->name, name) == 0)
      return view;
  report_unknown_view (name, error);
  return NULL;
}

/* --- What is wrong with all of it -------------------------------------------------------------------------------------------- */

char *
ut_report_caveat (UtDb *db)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, "SELECT value FROM run WHERE key = '" UT_STORE_CAVEAT "'", NULL);
  return cursor != NULL && ut_db_next (cursor, NULL) ? ut_db_dup_text (cursor, 0) : NULL;
}

/* A comment in LaTeX, whose output is a table within another's text; nothing in CSV and JSON, which are for programs. */
static void
write_caveat (UtDb *db, UtTableFormat format, FILE *out)
{
  static const char *const beginnings[] = {
    [UT_TABLE_TEXT] = "Warning: ", [UT_TABLE_MARKDOWN] = "**Warning:** ", [UT_TABLE_LATEX] = "% Warning: ", [UT_TABLE_CSV] = NULL,
    [UT_TABLE_JSON] = NULL,
  };
  g_autofree char *caveat = beginnings[format] != NULL ? ut_report_caveat (db) : NULL;
  if (caveat != NULL)
    fprintf (out, "%s%s\n%s", beginnings[format], caveat, format == UT_TABLE_LATEX ? "" : "\n");
}

gboolean
ut_report_view (UtDb *db, const char *view, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  const UtReportView *known = ut_report_find_view (view, error);
  if (known == NULL || (known->make != NULL && !known->make (db, error)))
    return FALSE;
  g_autofree char *sql = ut_db_sql ("SELECT * FROM %i", view);
  write_caveat (db, format, out);
  return ut_table_write (db, sql, format, width, out, error);
}

/* --- A query of the user's --------------------------------------------------------------------------------------------------- */

/* DuckDB does not tell the names in a query that joins a table by USING before that table is there; then a name in the text counts. */
static gboolean
names_table (const char *sql, const char *const *names, const char *table)
{
  if (names != NULL)
    return g_strv_contains (names, table);
  g_autofree char *word = g_strdup_printf ("\\b%s\\b", table);
  return g_regex_match_simple (word, sql, G_REGEX_CASELESS, 0);
}

static gboolean
is_made (UtDb *db, const char *table)
{
  g_autofree char *sql = ut_db_sql ("FROM duckdb_tables() WHERE temporary AND table_name = %q", table);
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, NULL);
  return cursor != NULL && ut_db_next (cursor, NULL);
}

gboolean
ut_report_make_tables (UtDb *db, const char *sql, GError **error)
{
  g_auto (GStrv) names = ut_db_table_names (db, sql);
  for (const UtReportView *v = ut_report_views; v->name != NULL; v++)
    if (v->make != NULL && names_table (sql, (const char *const *) names, v->name) && !is_made (db, v->name)
        && !v->make (db, error))
      return FALSE;
  return TRUE;
}

/* What DuckDB says of the query, all of it: where it went wrong, and which names come near. */
static gboolean
explain_query (UtDb *db, GError **error)
{
  g_clear_error (error);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "the query cannot be run\n%s", ut_db_last_message (db));
  return FALSE;
}

static gboolean
is_plain (UtDbType type)
{
  return type == UT_DB_BOOL || type == UT_DB_INT64 || type == UT_DB_DOUBLE || type == UT_DB_TEXT;
}

/* The query with lists, structs and times as texts, which is all that tables hold beside numbers. The caller owns it. */
static char *
printable_query (const char *sql, UtDbCursor *result)
{
  g_autoptr (GString) columns = g_string_new (NULL);
  gboolean plain = TRUE;
  for (unsigned c = 0; c < ut_db_n_columns (result); c++)
    {
      const char *name = ut_db_column_name (result, c);
      const gboolean as_is = is_plain (ut_db_column_type (result, c));
      g_autofree char *column = ut_db_sql (as_is ? "%i" : "CAST(%i AS VARCHAR) AS %i", name, name);
      g_string_append_printf (columns, "%s%s", c > 0 ? ", " : "", column);
      plain = plain && as_is;
    }
  return plain ? g_strdup (sql) : g_strdup_printf ("SELECT %s FROM (%s\n)", columns->str, sql);
}

gboolean
ut_report_query (UtDb *db, const char *sql, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_autofree char *query = g_strdup (sql);
  for (size_t n = strlen (query); n > 0 && (g_ascii_isspace (query[n - 1]) || query[n - 1] == ';'); n--)
    query[n - 1] = '\0';
  if (!ut_report_make_tables (db, query, error) || !ut_db_exec (db, "SET enable_external_access = false", error))
    return FALSE;
  g_autofree char *printable = NULL;
  {
    g_autoptr (UtDbStatement) statement = ut_db_prepare (db, query, error);
    g_autoptr (UtDbCursor) result = statement != NULL ? ut_db_stream (statement, error) : NULL;
    if (result == NULL)
      return explain_query (db, error);
    printable = printable_query (query, result);
  }
  return ut_table_write (db, printable, format, width, out, error);
}

/* --- The summary ------------------------------------------------------------------------------------------------------------- */

/* The overview's row, as far as the words around the tables need it. */
typedef struct {
  gint64 questions, images, failed, skipped, instances, flips, kept;
  double clean_accuracy, ifr, iv, hidden_percent, noise_drift, noise_margin;
  char *pool;
  char *prompt, *score, *overlays_chosen_by; /* NULL where the run does not say */
  char *not_given;                           /* what the engine does not give; NULL where it gives all */
  gboolean yes_no;
} Overview;

static void
overview_clear (Overview *overview)
{
  g_free (overview->pool);
  g_free (overview->prompt);
  g_free (overview->score);
  g_free (overview->overlays_chosen_by);
  g_free (overview->not_given);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Overview, overview_clear)

static gboolean
read_overview (UtDb *db, Overview *out, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (
      db,
      "SELECT questions, images, failed, skipped, instances, flips, kept, clean_accuracy, IFR, IV, hidden_percent, pool, "
      "EXISTS (FROM item WHERE yes_no), score, overlays_chosen_by, noise_drift, noise_margin, prompt, "
      "(SELECT value FROM run WHERE key = '" UT_STORE_NOT_GIVEN "') FROM overview",
      error);
  if (cursor == NULL || !ut_db_next (cursor, NULL))
    return FALSE;
  *out = (Overview) {
    .questions = ut_db_int64 (cursor, 0),
    .images = ut_db_int64 (cursor, 1),
    .failed = ut_db_int64 (cursor, 2),
    .skipped = ut_db_int64 (cursor, 3),
    .instances = ut_db_int64 (cursor, 4),
    .flips = ut_db_int64 (cursor, 5),
    .kept = ut_db_int64 (cursor, 6),
    .clean_accuracy = ut_db_double (cursor, 7),
    .ifr = ut_db_double (cursor, 8),
    .iv = ut_db_double (cursor, 9),
    .hidden_percent = ut_db_double (cursor, 10),
    .pool = ut_db_dup_text (cursor, 11),
    .yes_no = ut_db_bool (cursor, 12),
    .score = ut_db_dup_text (cursor, 13),
    .overlays_chosen_by = ut_db_dup_text (cursor, 14),
    .noise_drift = ut_db_double (cursor, 15),
    .noise_margin = ut_db_double (cursor, 16),
    .prompt = ut_db_dup_text (cursor, 17),
    .not_given = ut_db_dup_text (cursor, 18),
  };
  return TRUE;
}

static const char *
plural (gint64 n, const char *one, const char *many)
{
  return n == 1 ? one : many;
}

/* Whose words the questions were asked in, and which score decided, where these are not the paper's, or the score is not the one that the
 * overlays were chosen by. */
static void
write_decision (const Overview *o, FILE *out)
{
  if (o->prompt != NULL && strcmp (o->prompt, "paper") != 0)
    fprintf (out, "Questions were asked in the words of the prompt %s (undertow list prompts).\n", o->prompt);
  if (o->score == NULL)
    return;
  const gboolean anew = strcmp (o->score, o->overlays_chosen_by) != 0;
  if (anew || strcmp (o->score, "sum") != 0)
    fprintf (out, "Answers and margins are by the score %s (undertow list scores).\n", o->score);
  if (anew)
    fprintf (out,
             "They were decided anew, after the model was run: text overlays contradict the clean answers by %s, and where those "
             "by %s\n"
             "differ, text_semantic may name the answer that it is compared with.\n",
             o->overlays_chosen_by, o->score);
}

/* The run in words. What is not known (nothing answered, no perturbation, no control) is not said. */
static void
write_headline (const Overview *o, FILE *out)
{
  fprintf (out, "%" G_GINT64_FORMAT " %s on %" G_GINT64_FORMAT " %s", o->questions,
           plural (o->questions, "question", "questions"), o->images, plural (o->images, "image", "images"));
  if (o->clean_accuracy >= 0)
    fprintf (out, ", clean accuracy %.3f", o->clean_accuracy);
  fputs (".\n", out);
  if (o->instances > 0)
    fprintf (out,
             "%.1f %% of %" G_GINT64_FORMAT
             " perturbed answers changed (IFR %.3f); %.1f %% of the questions changed at least once (IV "
             "%.3f); %s.\n",
             100 * o->ifr, o->instances, o->ifr, 100 * o->iv, o->iv, o->pool);
  if (o->kept > 0 && o->hidden_percent >= 0)
    fprintf (out, "Where the answer stayed, ctx_mcq still moved %.1f %% as far as another question lies away (hidden drift).\n",
             o->hidden_percent);
  if (o->noise_drift >= 0)
    fprintf (
        out,
        "Asked again alone, the clean image moved no channel by more than %.2g, and no margin by more than %.2g (noise floor).\n",
        o->noise_drift, o->noise_margin);
}

typedef struct {
  const char *name;  /* of the object's member in JSON */
  const char *title; /* for people */
  const char *sql;   /* for people: the columns that matter most */
  const char *full;  /* for programs */
} Section;

static const Section accuracy_section = {
  "accuracy",
  "Accuracy on yes/no questions",
  "SELECT family, questions, instances, unjudged, accuracy, precision, recall, F1, FPR, yes_rate FROM accuracy WHERE category = "
  "'all'",
  "SELECT * FROM accuracy",
};

static const Section families_section = {
  "families",
  "Answers by family (Δ against the clean image)",
  "SELECT family, variants, questions, instances, IFR, IV, RR, RW, WR, WW, unjudged, accuracy, delta_accuracy, delta_margin FROM "
  "families",
  "SELECT * FROM families",
};

/* The normed channels stand in the view. */
static const Section drift_section = {
  "drift",
  "Drift by channel and family (mean over questions ± sd; hidden: where the answer stayed)",
  "SELECT channel, family, cos, l2, percent, percent_sd, cohens_d, hidden_percent, flipped_percent, delta_dirichlet FROM drift "
  "WHERE NOT ends_with(channel, '.normed')",
  "SELECT * FROM drift",
};

#define FAILURES_SHOWN 10

/* Built for its LIMIT. Failed trials come first in the view. */
static const Section failures_section = {
  "failures",
  "Left out of every number above",
  "SELECT kind, id, variant, reason FROM failures LIMIT " G_STRINGIFY (FAILURES_SHOWN),
  "SELECT * FROM failures",
};

static gboolean
write_section (UtDb *db, const Section *section, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  fprintf (out, format == UT_TABLE_MARKDOWN ? "\n### %s\n\n" : "\n%s\n", section->title);
  return ut_table_write (db, section->sql, format, width, out, error);
}

static gboolean
write_failures (UtDb *db, const Overview *o, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  if (o->failed + o->skipped == 0)
    return TRUE;
  if (!write_section (db, &failures_section, format, width, out, error))
    return FALSE;
  fprintf (out, "\n%" G_GINT64_FORMAT " %s failed, %" G_GINT64_FORMAT " %s of the benchmark left out", o->failed,
           plural (o->failed, "trial", "trials"), o->skipped, plural (o->skipped, "row", "rows"));
  fputs (o->failed + o->skipped > FAILURES_SHOWN ? "; “undertow show RUN failures” names all.\n" : ".\n", out);
  return TRUE;
}

static gboolean
write_overview_for_people (UtDb *db, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_auto (Overview) overview = { 0 };
  if (!read_overview (db, &overview, error))
    return FALSE;
  write_caveat (db, format, out);
  write_headline (&overview, out);
  write_decision (&overview, out);
  if (overview.not_given != NULL)
    fprintf (out, "Not given by the engine, so measured nowhere: %s.\n", overview.not_given);
  if (overview.yes_no && !write_section (db, &accuracy_section, format, width, out, error))
    return FALSE;
  return write_section (db, &families_section, format, width, out, error)
         && write_section (db, &drift_section, format, width, out, error)
         && write_failures (db, &overview, format, width, out, error);
}

static gboolean
write_overview_json (UtDb *db, FILE *out, GError **error)
{
  const Section overview = { .name = "overview", .full = "SELECT * FROM overview" };
  const Section caveat = { .name = "caveat", .full = "SELECT value AS caveat FROM run WHERE key = '" UT_STORE_CAVEAT "'" };
  const Section *const sections[]
      = { &caveat, &overview, &accuracy_section, &families_section, &drift_section, &failures_section };
  for (unsigned i = 0; i < G_N_ELEMENTS (sections); i++)
    {
      fprintf (out, "%s\"%s\": ", i > 0 ? "," : "{", sections[i]->name);
      if (!ut_table_write (db, sections[i]->full, UT_TABLE_JSON, 0, out, error))
        return FALSE;
    }
  fputs ("}\n", out);
  return TRUE;
}

gboolean
ut_report_overview (UtDb *db, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  if (format == UT_TABLE_JSON)
    return write_overview_json (db, out, error);
  if (format == UT_TABLE_TEXT || format == UT_TABLE_MARKDOWN)
    return write_overview_for_people (db, format, width, out, error);
  g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "CSV and LaTeX hold one table: name a view (families, drift, …)");
  return FALSE;
}

gboolean
ut_report_summary (UtDb *db, FILE *out, GError **error)
{
  return ut_report_overview (db, UT_TABLE_TEXT, ut_table_terminal_width (out), out, error);
}
