/* undertow rescore: a finished run decided by another score, without the model. */
#include <stdio.h>

#include "base/error.h"
#include "commands.h"
#include "report/report.h"
#include "run/score.h"
#include "store/rescore.h"
#include "store/store.h"

typedef struct {
  char *run, *score, *output;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->run);
  g_free (options->score);
  g_free (options->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
require (const char *value, const char *option, GError **error)
{
  if (value == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s is missing", option);
  return value != NULL;
}

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_auto (GStrv) operands = NULL;
  const GOptionEntry entries[] = {
    { "score", 0, 0, G_OPTION_ARG_STRING, &options->score, "The score that decides (see list scores)", "NAME" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output, "The new run's database", "OUT.duckdb" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &operands, NULL, "RUN.duckdb" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (
      context, "Decides the answers of a run by another score and writes the run that this gives. The model is not asked\n"
               "again: every score is stored. What was measured on representations stays, and so do the text overlays,\n"
               "which contradict the clean answers by the first score: where the two scores' clean answers differ, an\n"
               "overlay may name the new one.");
  g_option_context_set_description (context, "Example:\n  undertow rescore run.duckdb --score letter -o letter.duckdb");
  g_option_context_add_main_entries (context, entries, NULL);
  g_set_prgname ("undertow rescore");
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  const unsigned n = operands != NULL ? g_strv_length (operands) : 0;
  if (n != 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "expected one RUN.duckdb, found %u operands", n);
      return FALSE;
    }
  options->run = g_strdup (operands[0]);
  return require (options->score, "--score NAME", error) && require (options->output, "-o OUT.duckdb", error)
         && ut_score_form (options->score, error) != NULL;
}

static void
tell_changes (const char *score, const UtRescored *changes)
{
  printf ("By the score %s, %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " clean answers and %" G_GINT64_FORMAT
          " of %" G_GINT64_FORMAT " answers in all are others than before.\n",
          score, changes->questions_changed, changes->questions, changes->trials_changed, changes->trials);
  if (changes->overlays > 0)
    printf ("%" G_GINT64_FORMAT
            " trials with text on the image were not chosen against these clean answers, but against others.\n",
            changes->overlays);
  putchar ('\n');
}

static gboolean
rescore (const Options *options, GError **error)
{
  UtRescored changes;
  if (!ut_store_rescore (options->run, options->score, options->output, &changes, error))
    return FALSE;
  tell_changes (options->score, &changes);
  g_autoptr (UtStore) store = ut_store_open_read (options->output, error);
  return store != NULL && ut_report_summary (ut_store_db (store), stdout, error);
}

int
ut_cmd_rescore (int argc, char **argv)
{
  g_auto (Options) options = {};
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error) || !rescore (&options, &error))
    return ut_cmd_fail ("rescore", error);
  return 0;
}
