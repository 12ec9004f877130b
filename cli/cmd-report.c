/* undertow report: one page with what runs say. */
#include <stdio.h>

#include "base/error.h"
#include "commands.h"
#include "page/page.h"

typedef struct {
  char **paths; /* of the runs */
  char *out, *title;
} Options;

static void
options_clear (Options *options)
{
  g_strfreev (options->paths);
  g_free (options->out);
  g_free (options->title);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->out, "The page; default report.html. A page of that name is replaced",
      "FILE" },
    { "title", 0, 0, G_OPTION_ARG_STRING, &options->title, "What the page is called", "TEXT" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->paths, NULL, "RUN.duckdb…" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context,
                                "Writes one HTML file with the charts, findings and samples of runs. It needs no network.");
  g_option_context_add_main_entries (context, entries, NULL);
  g_autoptr (GError) fault = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &fault))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, fault->message);
      return FALSE;
    }
  if (options->paths == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "expected RUN.duckdb…");
      return FALSE;
    }
  return TRUE;
}

int
ut_cmd_report (int argc, char **argv)
{
  g_auto (Options) options = { 0 };
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error))
    return ut_cmd_fail ("report", error);
  const UtPageOptions page = {
    .paths = (const char *const *) options.paths,
    .n_paths = g_strv_length (options.paths),
    .out = options.out != NULL ? options.out : "report.html",
    .title = options.title,
  };
  size_t n = 0;
  if (!ut_page_write (&page, &n, &error))
    return ut_cmd_fail ("report", error);
  g_autofree char *size = g_format_size (n);
  printf ("%s: %u run%s, %s\n", page.out, page.n_paths, page.n_paths == 1 ? "" : "s", size);
  return 0;
}
