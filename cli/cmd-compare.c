/* undertow compare: runs of the same questions, held against the first of them. */
#include "base/error.h"
#include "commands.h"
#include "report/paired.h"

typedef struct {
  char **paths; /* of the runs */
  char *table;  /* NULL: all */
  UtTableFormat format;
} Options;

static void
options_clear (Options *options)
{
  g_strfreev (options->paths);
  g_free (options->table);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static const char description[]
    = "The first run is the reference: differences are each run less the first, of the questions (id, image_id, words, options "
      "and right\n"
      "answer alike) and variants that both have finished. What only one has is counted and left out. Runs may differ in model, "
      "size,\n"
      "quantisation, prompt, score or engine; what differs is said first.\n\n"
      "Tables (--table):\n"
      "  differences   each quantity by family: of the first run, of this one, their difference and its 95 % interval over "
      "images\n"
      "  tests         whether right answers (clean, accuracy) and flips differ: p by images, Holm's correction, McNemar's p\n"
      "  matched       how much is compared, and what only one run has\n"
      "  differs       the facts of the runs' identity that are not alike";

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_autofree char *format = NULL;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, UT_TABLE_FORMATS, "FORMAT" },
    { "table", 't', 0, G_OPTION_ARG_STRING, &options->table, "One table alone; csv and latex have differences unless told",
      "TABLE" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "FIRST.duckdb RUN.duckdb…" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context, "Compares runs on the same questions, pair by pair.");
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  g_autoptr (GError) fault = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &fault))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, fault->message);
      return FALSE;
    }
  if (format != NULL && !ut_table_format_from_name (format, &options->format, error))
    return FALSE;
  const unsigned n = options->paths != NULL ? g_strv_length (options->paths) : 0;
  if (n >= 2)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "expected two runs or more, found %u", n);
  return FALSE;
}

static gboolean
compare (const Options *options, GError **error)
{
  g_autoptr (UtPaired) paired = ut_paired_new ((const char *const *) options->paths, g_strv_length (options->paths), error);
  return paired != NULL
         && ut_paired_write (paired, options->table, options->format, ut_table_terminal_width (stdout), stdout, error);
}

int
ut_cmd_compare (int argc, char **argv)
{
  g_auto (Options) options = { .format = UT_TABLE_TEXT };
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error) || !compare (&options, &error))
    return ut_cmd_fail ("compare", error);
  return 0;
}
