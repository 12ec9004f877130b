#include "report/charts.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/report.h"

#define NO_CONTROL "It needs a control drift: two questions or more on different images, and representations from the engine."
#define NO_ANSWERS "No perturbed answer is known yet."

const UtChart ut_charts[] = {
  {
#define CHART overview
#include "report/chart-files.inc"
      .section = "flips",
      .title = "Flips against hidden drift, by family",
      .reading
      = "Right: the family changes more answers. Up: where it changed none, the model's state still moved further, on a "
        "logarithmic axis "
        "whose rule at 100 % is as far as another question lies. High and left is what looks robust and is not. Bars are 95 % "
        "intervals.",
      .missing = NO_CONTROL,
  },
  {
#define CHART flips
#include "report/chart-files.inc"
      .section = "flips",
      .title = "Flips by family",
      .reading = "IFR is the share of perturbed answers that differ from the clean one, IV the share of questions with at least "
                 "one; IV grows "
                 "with the number of variants. Bars are 95 % intervals over images.",
      .missing = NO_ANSWERS,
  },
  {
#define CHART vulnerability
#include "report/chart-files.inc"
      .section = "flips",
      .title = "Vulnerability at equal variant count (IV@k)",
      .reading
      = "The chance that k of a family's variants, drawn at random, hold one that changes the answer. Families of different size "
        "compare at the same k.",
      .missing = NO_ANSWERS,
  },
  {
#define CHART transitions
#include "report/chart-files.inc"
      .section = "flips",
      .title = "Right and wrong, before and after",
      .reading = "R→W is what a perturbation breaks, W→R what it mends; W→W may hold another wrong answer. Unjudged: the "
                 "perturbation may have "
                 "changed the right answer.",
      .missing = NO_ANSWERS,
  },
  {
#define CHART drift
#include "report/chart-files.inc"
      .section = "drift",
      .title = "How far the state moves, answers kept and flipped",
      .reading = "Boxes hold the middle half of the instances, lines 90 %, the mark is the median. Above, for comparison: how "
                 "far each question lies from others in the mean, and from itself on another image. A kept answer that moved as "
                 "far as to another image has drifted unseen.",
      .missing = NO_CONTROL,
  },
  {
#define CHART channels
#include "report/chart-files.inc"
      .section = "drift",
      .title = "Hidden drift by channel",
      .reading = "Drift where the answer was kept, in % of control: in what the language model receives (vision), at the end of "
                 "the prompt (ctx), "
                 "in the answer (ans). Bars are 95 % intervals; the rule is 100 %.",
      .missing = NO_CONTROL,
  },
  {
#define CHART auroc
#include "report/chart-files.inc"
      .section = "drift",
      .title = "Does drift foretell a flip?",
      .reading = "The chance that a flipped answer drifted further than a kept one. At the rule, ½, drift says nothing; bars are "
                 "95 % intervals.",
      .missing = "It needs flipped and kept answers with a drift; this run has none of one kind.",
  },
  {
#define CHART layers
#include "report/chart-files.inc"
      .section = "drift",
      .title = "Hidden drift along depth",
      .reading = "From the encoder's first layer by the projector to the language model's last, where the answer was kept. "
                 "Rising lines are drift "
                 "that the layers amplify.",
      .missing = "Measured with undertow run --layers.",
  },
  {
#define CHART flips_by_margin
#include "report/chart-files.inc"
      .section = "margins",
      .title = "Flips by clean margin",
      .reading = "Questions in ten equal parts, the least sure first (fewer parts where there are fewer questions). Flips beyond "
                 "the first parts are not only ties that tip over.",
      .missing = NO_ANSWERS,
  },
  {
#define CHART transition_margins
#include "report/chart-files.inc"
      .section = "margins",
      .title = "Margins before and after",
      .reading = "Mean margin of the clean answer on the clean image and on the perturbed one. Below 0 the new answer leads the "
                 "old one by so much; W→W holds kept and changed wrong answers.",
      .missing = NO_ANSWERS,
  },
  {
#define CHART margin_curves
#include "report/chart-files.inc"
      .section = "margins",
      .title = "Margins and flips by frequency cut-off",
      .reading = "keep_low keeps the frequencies below the cut-off, keep_high those above it. Where the curves leave the "
                 "unchanged image (1 and 0), "
                 "the answer needs what was taken.",
      .missing = "Measured with undertow run -p core,keep.",
  },
  {
#define CHART flip_thresholds
#include "report/chart-files.inc"
      .section = "margins",
      .title = "Flip thresholds",
      .reading = "The mildest cut-off that changes a question's answer: for keep_low the highest, for keep_high the lowest. The "
                 "tooltip has "
                 "median and quartiles.",
      .missing = "Measured with undertow run -p core,keep.",
  },
  {
#define CHART bands
#include "report/chart-files.inc"
      .section = "structure",
      .title = "Energy by band of spatial frequency",
      .reading = "Relative change against the clean image: median and middle half of the instances. What changes in the image's "
                 "bands need not "
                 "change in those of the tokens.",
      .missing = "It needs an engine that gives vision tokens, or the images.",
  },
  {
#define CHART coherence
#include "report/chart-files.inc"
      .section = "structure",
      .title = "Coherence by band of the vision tokens",
      .reading = "Within a band, 1 is the clean pattern at its place; lower, it moved or changed. Across bands: how much the tie "
                 "between coarse and "
                 "fine variation changed. Median and middle half.",
      .missing = "It needs an engine that gives vision tokens on grids large enough to have bands.",
  },
  {
#define CHART dirichlet
#include "report/chart-files.inc"
      .section = "structure",
      .title = "Roughness of the vision tokens (ΔE)",
      .reading = "Change of the Dirichlet energy: above 0 neighbouring tokens differ more than on the clean image. Boxes hold "
                 "the middle half, "
                 "lines 90 %, the mark is the median.",
      .missing = "It needs an engine that gives vision tokens.",
  },
  {
#define CHART populations
#include "report/chart-files.inc"
      .section = "structure",
      .title = "Likeness of populations",
      .reading = "A mark a variant: how alike the questions lie among each other, clean and perturbed (1: the same). CKA follows "
                 "the whole shape, "
                 "k-NN the nearest neighbours.",
      .missing = "It needs representations of enough questions for neighbours; see undertow show RUN populations.",
  },
  {
#define CHART prior
#include "report/chart-files.inc"
      .section = "prior",
      .title = "Drift to the prior",
      .reading = "Flips that give the answer of the blank image; margins that moved towards its margin; how much nearer the "
                 "distribution came to its. "
                 "Bars are 95 % intervals.",
      .missing = "Measured with undertow run -p core,prior.",
  },
  {
#define CHART severity
#include "report/chart-files.inc"
      .section = "severity",
      .title = "Flips by severity",
      .reading = "The share of flips along a family’s parameter. Images change least at 0 px, 0 °, factor 1, σ or ε 0, quality "
                 "100; the further from there the curve stays low, the steadier the answers. A jump is a brittle point.",
      .missing = "Measured where a family has several parameters: undertow run -p core,rotation:ladder.",
  },
  {
#define CHART severity_margins
#include "report/chart-files.inc"
      .section = "severity",
      .title = "Margins by severity",
      .reading = "The mean change of the clean answer's margin along a family's parameter: it falls before answers flip.",
      .missing = "Measured where a family has several parameters: undertow run -p core,rotation:ladder.",
  },
  {
#define CHART accuracy
#include "report/chart-files.inc"
      .section = "accuracy",
      .title = "What perturbations do to accuracy",
      .reading = "Change against the clean answers of the same questions: left of 0 it falls. Bars are 95 % intervals; the "
                 "tooltip has McNemar's test "
                 "with Holm's correction.",
      .missing = NO_ANSWERS,
  },
  {
#define CHART pope
#include "report/chart-files.inc"
      .section = "accuracy",
      .title = "Yes/no questions: precision, recall, false positives",
      .reading = "Change against the clean answers to the same questions, Yes being positive. A lower false-positive rate with "
                 "fewer yeses is caution, not sight. Bars are 95 % intervals.",
      .missing = "Only for benchmarks of yes/no questions, such as POPE.",
  },
  {
#define CHART categories
#include "report/chart-files.inc"
      .section = "accuracy",
      .title = "Accuracy by category",
      .reading = "Clean and under perturbation, of the same answers. The line is the net change: answers that become right make "
                 "up for some that become wrong.",
      .missing = "The benchmark's questions have no categories.",
  },
  {},
};

const UtChart ut_run_charts[] = {
  {
#define CHART scale
#include "report/chart-files.inc"
      .section = "scale",
      .title = "Do larger models flip less?",
      .reading = "Models from the smallest to the largest: accuracy on clean images, flips and hidden drift pooled over the "
                 "families, with 95 % "
                 "intervals. Robustness that comes with size falls from top to bottom.",
      .missing = NO_ANSWERS,
  },
  {},
};

/* The query for these families alone. Behind their names some charts say the unit of their parameter. */
static char *
query_of (const UtChart *chart, const char *const *families)
{
  if (families == NULL || strstr (chart->spec, "\"family\"") == NULL)
    return g_strdup (chart->sql);
  g_autoptr (GString) sql = g_string_new (NULL);
  g_string_append_printf (sql, "FROM (%s) WHERE split_part(family, ', ', 1) IN (", chart->sql);
  for (const char *const *family = families; *family != NULL; family++)
    {
      g_autofree char *quoted = ut_db_sql ("%q", *family);
      g_string_append_printf (sql, "%s%s", family > families ? ", " : "", quoted);
    }
  g_string_append_c (sql, ')');
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

char *
ut_chart_rows (UtDb *db, const UtChart *chart, const char *const *families, GError **error)
{
  if (!ut_report_make_tables (db, chart->sql, error))
    return NULL;
  g_autofree char *sql = query_of (chart, families);
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream (&text, &n);
  const gboolean ok = ut_table_write (db, sql, UT_TABLE_JSON, 0, out, error);
  fclose (out);
  char *rows = ok ? g_strdup (text) : NULL;
  free (text);
  return rows;
}
