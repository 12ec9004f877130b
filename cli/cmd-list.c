/* undertow list: what Undertow knows, read off its own tables. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "commands.h"
#include "dataset/dataset.h"
#include "engine/engine.h"
#include "metric/metric.h"
#include "perturb/perturb.h"
#include "prompt/prompt.h"
#include "run/bundled.h"
#include "run/group.h"
#include "run/score.h"

static const char *
kind_of (const UtFamily *family)
{
  if (family->role != UT_ROLE_PERTURBATION)
    return family->role == UT_ROLE_CLEAN ? "" : ut_role_names[family->role];
  return family->core ? "core" : family->on_request ? "by name" : "overlay";
}

static void
print_numbers (const char *title, const double *numbers, unsigned n)
{
  printf ("  %s:", title);
  for (unsigned i = 0; i < n; i++)
    printf (" %g", numbers[i]);
  putchar ('\n');
}

static void
list_families (void)
{
  for (size_t i = 0; ut_families[i] != NULL; i++)
    {
      const UtFamily *family = ut_families[i];
      const unsigned n = family->n_params * MAX (family->n_trials, 1);
      g_autofree char *count = n == 0 ? g_strdup ("") : g_strdup_printf ("%u variant%s", n, n == 1 ? "" : "s");
      printf ("%-21s %-8s %-12s %s%s%s%s\n", family->name, kind_of (family), count, family->summary,
              family->group != NULL ? " [" : "", family->group != NULL ? family->group : "", family->group != NULL ? "]" : "");
      if (family->range != NULL)
        printf ("  takes %s from %g to %g\n", family->range->what, family->range->from, family->range->to);
      if (family->ladder != NULL)
        print_numbers ("ladder", family->ladder, family->n_ladder);
    }
}

static void
print_metrics (const UtMetric *metrics)
{
  for (const UtMetric *metric = metrics; metric->name != NULL; metric++)
    printf ("%-31s  unit %s, range %s\n  %s\n  source: %s\n", metric->name, metric->unit, metric->range, metric->reading,
            metric->source);
}

static void
list_metrics (void)
{
  puts ("Of a trial, as stored (undertow show RUN measurements):");
  print_metrics (ut_metrics);
  puts ("\nOf many trials, by view and column (undertow show RUN VIEW):");
  print_metrics (ut_aggregates);
}

static void
list_scores (void)
{
  for (const UtScoreForm *form = ut_score_forms; form->name != NULL; form++)
    printf ("%-8s %s\n", form->name, form->summary);
}

static void
list_prompts (void)
{
  for (const UtPromptInfo *prompt = ut_prompts; prompt->name != NULL; prompt++)
    {
      printf ("%s%s: %s (score %s)\n", prompt != ut_prompts ? "\n" : "", prompt->name, prompt->summary, prompt->score);
      g_auto (GStrv) lines = g_strsplit (prompt->text, "\n", -1);
      for (char **line = lines; *line != NULL; line++)
        printf ("    %s\n", *line);
    }
  puts ("\nA template of your own (--prompt FILE) is written the same way: a line with {label} or {option} stands once\n"
        "for each option, one with {hint} only where there is a hint; {labels} is A, B, C, D; {{ and }} are braces.\n"
        "Without section heads all of it is [options]; without [open] the open prompt is the paper's. The score sum goes\n"
        "with it.");
}

static void
list_datasets (void)
{
  for (const UtFormat *format = ut_formats; format->name != NULL; format++)
    printf ("%-14s %s\n", format->name, format->summary);
}

static void
list_engines (void)
{
  for (size_t i = 0; ut_engines[i] != NULL; i++)
    printf ("%-20s %s\n", ut_engines[i]->name, ut_engines[i]->summary);
  for (const UtBundledModel *model = ut_bundled_models; model->name != NULL; model++)
    printf ("%-20s a model for -m: %s\n", model->name, model->summary);
}

static void
list_channels (void)
{
  for (size_t i = 0; i < UT_N_CHANNELS; i++)
    printf ("%-19s %s\n", ut_channels[i].name, ut_channels[i].summary);
  printf ("%-19s %s\n", "vision.L", "mean over the patches after layer L of the encoder, L from 0 (--layers)");
  printf ("%-19s %s\n", "llm.L", "last token of the prompt with options after layer L of the language model (--layers)");
}

static const struct {
  const char *name;
  void (*print) (void);
} lists[] = {
  { "families", list_families }, { "metrics", list_metrics }, { "scores", list_scores },     { "prompts", list_prompts },
  { "datasets", list_datasets }, { "engines", list_engines }, { "channels", list_channels },
};

static int
fail_unknown (const char *typed)
{
  const char *names[G_N_ELEMENTS (lists) + 1] = {};
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    names[i] = lists[i].name;
  const char *nearest = ut_names_nearest (typed, names);
  g_autofree char *all = g_strjoinv (", ", (char **) names);
  g_autoptr (GError) error
      = g_error_new (UT_ERROR, UT_ERROR_USAGE, "there is no list '%s'%s%s%s; there are %s", typed,
                     nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "", all);
  return ut_cmd_fail ("list", error);
}

int
ut_cmd_list (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("families|metrics|scores|prompts|datasets|engines|channels");
  g_option_context_set_summary (context, "Lists what Undertow knows.");
  g_set_prgname ("undertow list");
  g_autoptr (GError) error = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &error))
    return ut_cmd_fail ("list", error);
  if (argc != 2)
    {
      g_set_error (&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                   "name one list: families, metrics, scores, prompts, datasets, engines or channels");
      return ut_cmd_fail ("list", error);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    if (strcmp (argv[1], lists[i].name) == 0)
      {
        lists[i].print ();
        return 0;
      }
  return fail_unknown (argv[1]);
}
