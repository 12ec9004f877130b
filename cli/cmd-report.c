/* undertow report: one page with what runs say. */
#include <stdio.h>

#include "base/error.h"
#include "commands.h"
#include "page/page.h"
#include "progress.h"

constexpr guint64 MB = 1000 * 1000;

typedef struct {
  char **paths; /* of the runs */
  char *out, *title;
  char *dataset, *images, *bundle;
  int max_size; /* megabytes */
  gboolean quiet;
} Options;

static void
options_clear (Options *options)
{
  g_strfreev (options->paths);
  g_free (options->out);
  g_free (options->title);
  g_free (options->dataset);
  g_free (options->images);
  g_free (options->bundle);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->out, "The page; default report.html. A page of that name is replaced",
      "FILE" },
    { "title", 0, 0, G_OPTION_ARG_STRING, &options->title, "What the page is called", "TEXT" },
    { "bundle", 0, 0, G_OPTION_ARG_FILENAME, &options->bundle,
      "Put the images and details of all questions into this folder beside the page, instead of as many as fit into the page. "
      "The same "
      "command again goes on with it",
      "DIR" },
    { "max-size", 0, 0, G_OPTION_ARG_INT, &options->max_size, "The most that samples may add to the page; default 20", "MB" },
    { "dataset", 'd', 0, G_OPTION_ARG_FILENAME, &options->dataset,
      "Where the benchmark is now, which images are made from; default, and for runs of another, where the run found it",
      "DATASET" },
    { "images", 0, 0, G_OPTION_ARG_FILENAME, &options->images, "The same of the folder of its images", "DIR" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "No progress, only warnings and errors", NULL },
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
  if (options->paths == NULL || options->max_size < 1)
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE,
                           options->paths == NULL ? "expected RUN.duckdb…" : "--max-size takes megabytes from 1");
      return FALSE;
    }
  return TRUE;
}

static void
on_progress (unsigned done, unsigned all, void *data)
{
  ut_count_bar_update (data, "samples", done, all);
}

static void
on_warning (const char *text, void *data)
{
  ut_fetch_bar_leave (data);
  fprintf (stderr, "undertow report: warning: %s\n", text);
}

int
ut_cmd_report (int argc, char **argv)
{
  g_auto (Options) options = { .max_size = UT_SAMPLES_MAX_SIZE / MB };
  g_autoptr (GError) error = NULL;
  if (!parse_options (argc, argv, &options, &error))
    return ut_cmd_fail ("report", error);
  UtProgressBar bar = ut_progress_bar_init (options.quiet);
  const UtPageOptions page = {
    .paths = (const char *const *) options.paths,
    .n_paths = g_strv_length (options.paths),
    .out = options.out != NULL ? options.out : "report.html",
    .title = options.title,
    .samples = { .place = { options.dataset, options.images },
                 .max_size = (guint64) options.max_size * MB,
                 .bundle = options.bundle,
                 .progress = on_progress,
                 .warn = on_warning,
                 .data = &bar },
  };
  size_t n = 0;
  const gboolean ok = ut_page_write (&page, &n, &error);
  ut_fetch_bar_leave (&bar);
  if (!ok)
    return ut_cmd_fail ("report", error);
  g_autofree char *size = g_format_size (n);
  printf ("%s: %u run%s, %s\n", page.out, page.n_paths, page.n_paths == 1 ? "" : "s", size);
  return 0;
}
