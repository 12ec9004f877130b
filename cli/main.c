/* undertow: finds the drift beneath the same answer. This file only finds the command. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "commands.h"
#include "engine/engine.h"

typedef struct {
  const char *name;
  int (*run) (int argc, char **argv);
  const char *summary;
} Command;

static const Command commands[] = {
  { "demo", ut_cmd_demo, "Run the bundled models on the bundled benchmarks, and say what of the paper holds" },
  { "run", ut_cmd_run, "Ask a model a benchmark's questions on clean and perturbed images, and store what moved" },
  { "show", ut_cmd_show, "Print the tables of a run" },
  { "report", ut_cmd_report, "Write one page with the charts, findings and samples of runs" },
  { "figures", ut_cmd_figures, "Write the charts of runs as files for a paper" },
  { "export", ut_cmd_export, "Write a run's views as CSV, Parquet or JSON, and the paper's tables as LaTeX" },
  { "compare", ut_cmd_compare, "Hold runs of the same questions against each other" },
  { "sql", ut_cmd_sql, "Run a query of yours over a run" },
  { "rescore", ut_cmd_rescore, "Decide a run's answers by another score, without the model" },
  { "inspect", ut_cmd_inspect, "Tell what a benchmark holds, and what of it is left out" },
  { "perturb", ut_cmd_perturb, "Write every variant of an image, and a contact sheet" },
  { "scenes", ut_cmd_scenes, "Write the bundled benchmark's images and questions as files" },
  { "list", ut_cmd_list, "List families, metrics, scores, datasets, engines or channels" },
};

static void
print_help (FILE *out)
{
  fputs ("Usage: undertow COMMAND [OPTION…]\n\n"
         "Finds the drift beneath the same answer: how far a vision-language model's representations\n"
         "move under image perturbations, also where its answer stays.\n\nCommands:\n",
         out);
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (out, "  %-9s %s\n", commands[i].name, commands[i].summary);
  fputs ("\nundertow COMMAND --help tells more. undertow --version prints the version.\n", out);
}

int
ut_cmd_fail (const char *command, const GError *error)
{
  const gboolean usage = error->domain == G_OPTION_ERROR || g_error_matches (error, UT_ERROR, UT_ERROR_USAGE);
  fprintf (stderr, "undertow %s: %s\n", command, error->message);
  if (error->domain == G_OPTION_ERROR)
    fprintf (stderr, "See 'undertow %s --help'.\n", command);
  return usage ? 2 : 1;
}

char *
ut_cmd_quote (int argc, char **argv)
{
  GString *command = g_string_new ("undertow");
  for (int i = 0; i < argc; i++)
    {
      g_autofree char *quoted = g_shell_quote (argv[i]);
      const gboolean plain
          = strspn (argv[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./") == strlen (argv[i]);
      g_string_append_printf (command, " %s", plain && *argv[i] != '\0' ? argv[i] : quoted);
    }
  return g_string_free (command, FALSE);
}

static int
fail_unknown (const char *typed)
{
  const char *names[G_N_ELEMENTS (commands) + 1] = {};
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    names[i] = commands[i].name;
  const char *nearest = ut_names_nearest (typed, names);
  fprintf (stderr, "undertow: there is no command '%s'", typed);
  if (nearest != NULL)
    fprintf (stderr, "; did you mean '%s'?", nearest);
  fputs ("\nSee 'undertow --help'.\n", stderr);
  return 2;
}

/* The engine's worker: standard output carries the protocol, so whatever a library prints must go elsewhere. */
static int
serve (void)
{
  const int out = dup (STDOUT_FILENO);
  if (out < 0 || dup2 (STDERR_FILENO, STDOUT_FILENO) < 0)
    return 1;
  return ut_engine_serve (STDIN_FILENO, out);
}

int
main (int argc, char **argv)
{
  setlocale (LC_CTYPE, "");
  if (argc < 2)
    {
      print_help (stderr);
      return 2;
    }
  if (strcmp (argv[1], UT_ENGINE_WORKER) == 0)
    return serve ();
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0 || strcmp (argv[1], "help") == 0)
    {
      print_help (stdout);
      return 0;
    }
  if (strcmp (argv[1], "--version") == 0)
    {
      puts ("undertow " UT_VERSION);
      return 0;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (argv[1], commands[i].name) == 0)
      return commands[i].run (argc - 1, argv + 1);
  return fail_unknown (argv[1]);
}
