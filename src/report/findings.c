#include "report/findings.h"

#include <math.h>
#include <string.h>

/* The rules; docs/findings.md argues for each. */
constexpr double LEVEL = 0.95;
constexpr double FAR = 50;    /* % of control: nearer to an unrelated question than to the own clean state */
constexpr double FALL = 0.25; /* of the smallest model's IFR: what a robustness that grows with size would take away at least */
static const char CHANNEL[] = "ctx_mcq"; /* the state that the kept answer is read from */

const char *const ut_verdict_words[]
    = { [UT_HOLDS] = "holds here", [UT_DOES_NOT_HOLD] = "does not hold here", [UT_CANNOT_TELL] = "cannot be told here" };

void
ut_finding_clear (UtFinding *finding)
{
  g_free (finding->reason);
}

/* --- Estimates --------------------------------------------------------------------------------------------------------------- */

static const UtEstimate *
find_core (const UtComparison *c, unsigned model, unsigned task, const char *quantity)
{
  const char *channel = g_str_has_suffix (quantity, "percent") ? CHANNEL : NULL;
  return ut_estimates_find (c->estimates, model * c->n_tasks + task, "core", quantity, channel);
}

/* Estimates to be combined with a weight each, all of them known. */
typedef struct {
  GPtrArray *parts; /* const UtEstimate * */
  GArray *weights;  /* double */
  gboolean missing;
} Sum;

static Sum
sum_init (void)
{
  return (Sum) { g_ptr_array_new (), g_array_new (FALSE, FALSE, sizeof (double)), FALSE };
}

static void
sum_clear (Sum *sum)
{
  g_ptr_array_unref (sum->parts);
  g_array_unref (sum->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Sum, sum_clear)

static void
sum_add (Sum *sum, const UtEstimate *part, double weight)
{
  sum->missing = sum->missing || part == NULL;
  g_ptr_array_add (sum->parts, (void *) part);
  g_array_append_val (sum->weights, weight);
}

static UtInterval
sum_interval (const Sum *sum)
{
  if (sum->missing || sum->parts->len == 0)
    return (UtInterval) { NAN, NAN, NAN };
  g_autoptr (UtEstimate) whole = ut_estimate_combine ((const UtEstimate *const *) sum->parts->pdata,
                                                      (const double *) (void *) sum->weights->data, sum->parts->len);
  return ut_estimate_interval (whole, LEVEL);
}

static gboolean
has_yes_no (const UtComparison *c, unsigned task)
{
  return find_core (c, 0, task, "yes_rate") != NULL;
}

typedef gboolean (*TaskTest) (const UtComparison *c, unsigned task);

static gboolean
any_task ([[maybe_unused]] const UtComparison *c, [[maybe_unused]] unsigned task)
{
  return TRUE;
}

static gboolean
has_options (const UtComparison *c, unsigned task)
{
  return !has_yes_no (c, task);
}

/* The mean over all models and those tasks, each of the same weight. */
static UtInterval
mean_interval (const UtComparison *c, const char *quantity, TaskTest chosen)
{
  unsigned n = 0;
  for (unsigned task = 0; task < c->n_tasks; task++)
    n += chosen (c, task) ? c->n_models : 0;
  g_auto (Sum) sum = sum_init ();
  for (unsigned model = 0; model < c->n_models; model++)
    for (unsigned task = 0; task < c->n_tasks; task++)
      if (chosen (c, task))
        sum_add (&sum, find_core (c, model, task, quantity), 1.0 / n);
  return sum_interval (&sum);
}

/* The largest model's minus `weight` of the smallest's, in the mean over the tasks. */
static UtInterval
growth_interval (const UtComparison *c, const char *quantity, double weight)
{
  g_auto (Sum) sum = sum_init ();
  for (unsigned task = 0; task < c->n_tasks; task++)
    {
      sum_add (&sum, find_core (c, c->n_models - 1, task, quantity), 1.0 / c->n_tasks);
      sum_add (&sum, find_core (c, 0, task, quantity), -weight / c->n_tasks);
    }
  return sum_interval (&sum);
}

/* --- Words ------------------------------------------------------------------------------------------------------------------- */

/* "presence", "perception and reasoning" */
static char *
task_names (const UtComparison *c, TaskTest chosen)
{
  g_autoptr (GString) names = g_string_new (NULL);
  for (unsigned task = 0, n = 0; task < c->n_tasks; task++)
    if (chosen (c, task))
      g_string_append_printf (names, "%s%s", n++ > 0 ? " and " : "", c->tasks[task]);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

/* --- Hidden drift ------------------------------------------------------------------------------------------------------------ */

/* A core family of one model on one task. */
typedef struct {
  const UtQuantity *quantity;
  UtInterval interval; /* all of them hold at once, with LEVEL */
} Cell;

static GArray *
hidden_cells (const UtComparison *c)
{
  GArray *cells = g_array_new (FALSE, FALSE, sizeof (Cell));
  GPtrArray *all = ut_estimates_all (c->estimates);
  for (size_t q = 0; q < all->len; q++)
    {
      const UtQuantity *quantity = all->pdata[q];
      if (g_str_equal (quantity->quantity, "hidden_percent") && g_strcmp0 (quantity->channel, CHANNEL) == 0
          && !g_str_equal (quantity->family, "core"))
        {
          const Cell cell = { .quantity = quantity };
          g_array_append_val (cells, cell);
        }
    }
  for (size_t i = 0; i < cells->len; i++)
    {
      Cell *cell = &g_array_index (cells, Cell, i);
      /* Bonferroni's correction: that any of so many intervals misses has a probability below 5 %. */
      cell->interval = ut_estimate_interval (cell->quantity->estimate, 1 - (1 - LEVEL) / cells->len);
    }
  return cells;
}

/* Decides, and finds the cell that decided: the surest far one, else the one that may be farthest. */
static UtVerdict
judge_cells (GArray *cells, const Cell **out_cell)
{
  const Cell *far = NULL, *farthest = NULL, *unbounded = NULL;
  for (size_t i = 0; i < cells->len; i++)
    {
      const Cell *cell = &g_array_index (cells, Cell, i);
      if (isnan (cell->interval.high))
        unbounded = cell;
      else if (farthest == NULL || cell->interval.high > farthest->interval.high)
        farthest = cell;
      if (cell->interval.low > FAR && (far == NULL || cell->interval.low > far->interval.low))
        far = cell;
    }
  *out_cell = far != NULL                                                                 ? far
              : farthest != NULL && (unbounded == NULL || farthest->interval.high >= FAR) ? farthest
                                                                                          : unbounded;
  if (far != NULL)
    return UT_HOLDS;
  return unbounded == NULL && farthest != NULL && farthest->interval.high < FAR ? UT_DOES_NOT_HOLD : UT_CANNOT_TELL;
}

UtFinding
ut_finding_hidden_drift (const UtComparison *c)
{
  UtFinding finding = { .name = "Representations move while answers stay", .verdict = UT_CANNOT_TELL };
  g_autoptr (GArray) cells = hidden_cells (c);
  if (cells->len == 0)
    {
      finding.reason = g_strdup ("No kept answer has a drift that could be compared with the control.");
      return finding;
    }
  const Cell *cell;
  finding.verdict = judge_cells (cells, &cell);

  UtInterval kept = mean_interval (c, "IFR", any_task);
  kept = (UtInterval) { 100 * (1 - kept.value), 100 * (1 - kept.high), 100 * (1 - kept.low) };
  const UtInterval hidden = mean_interval (c, "hidden_percent", any_task);
  g_autofree char *kept_words = ut_interval_in_words (&kept, "%.1f"), *hidden_words = ut_interval_in_words (&hidden, "%.1f"),
                  *cell_words = ut_interval_in_words (&cell->interval, "%.1f");
  static const char *const ends[]
      = { "which is more than half of the way", "which is less than half of the way", "which may or may not be half of the way" };
  g_autofree char *where
      = g_strdup_printf ("under %s (%s, %s)", cell->quantity->family, c->models[cell->quantity->run / c->n_tasks],
                         c->tasks[cell->quantity->run % c->n_tasks]);
  g_autofree char *end = isnan (cell->interval.high)
                             ? g_strdup_printf ("%s the images are too few to bound it", where)
                             : g_strdup_printf ("farthest %s: %s %%, %s", where, cell_words, ends[finding.verdict]);
  finding.reason
      = g_strdup_printf ("Of the answers to perturbed images %s %% stayed, while %s moved %s %% of the way to an unrelated "
                         "question; %s.",
                         kept_words, CHANNEL, hidden_words, end);
  return finding;
}

/* --- Scale ------------------------------------------------------------------------------------------------------------------- */

UtFinding
ut_finding_scale (const UtComparison *c)
{
  UtFinding finding = { .name = "Robustness does not grow with size", .verdict = UT_CANNOT_TELL };
  if (!c->sized)
    {
      finding.reason = g_strdup (c->n_models < 2 ? "It takes two sizes of a model, and there is one."
                                                 : "It takes models of different sizes that say how large they are.");
      return finding;
    }
  const UtInterval change = growth_interval (c, "IFR", 1), rest = growth_interval (c, "IFR", 1 - FALL),
                   drift = growth_interval (c, "percent", 1);
  if (change.high < 0)
    finding.verdict = UT_DOES_NOT_HOLD;
  else if (rest.low > 0)
    finding.verdict = UT_HOLDS;
  g_autofree char *change_words = ut_interval_in_words (&change, "%+.3f"), *drift_words = ut_interval_in_words (&drift, "%+.1f");
  static const char *const ends[] = { "a fall by a quarter is ruled out", "fewer answers change",
                                      "neither a fall nor that there is none by a quarter is certain" };
  finding.reason = g_strdup_printf (
      "From %s to %s IFR changes by %s, drift by %s %% of control (same images, mean of %u task%s): %s.", c->models[0],
      c->models[c->n_models - 1], change_words, drift_words, c->n_tasks, c->n_tasks == 1 ? "" : "s", ends[finding.verdict]);
  return finding;
}

/* --- Tasks ------------------------------------------------------------------------------------------------------------------- */

UtFinding
ut_finding_tasks (const UtComparison *c)
{
  UtFinding finding = { .name = "Perturbations harm accuracy and reduce false positives", .verdict = UT_CANNOT_TELL };
  g_autofree char *harmed = task_names (c, has_options), *flattered = task_names (c, has_yes_no);
  if (*harmed == '\0' || *flattered == '\0')
    {
      finding.reason = g_strdup ("It takes a task of yes/no questions and one of another kind.");
      return finding;
    }
  const UtInterval accuracy = mean_interval (c, "delta_accuracy", has_options), fpr = mean_interval (c, "delta_FPR", has_yes_no);
  const char *end = "the sign of one or both is not certain";
  if (accuracy.high < 0 && fpr.high < 0)
    {
      finding.verdict = UT_HOLDS;
      end = "they harm the one and flatter the other";
    }
  else if (accuracy.low > 0 || fpr.low > 0)
    {
      finding.verdict = UT_DOES_NOT_HOLD;
      end = accuracy.low > 0 ? "the accuracy does not fall, it rises" : "false positives do not fall, they rise";
    }
  g_autofree char *accuracy_words = ut_interval_in_words (&accuracy, "%+.3f"), *fpr_words = ut_interval_in_words (&fpr, "%+.3f");
  finding.reason = g_strdup_printf (
      "Perturbations change the accuracy on %s by %s, and the false-positive rate on %s by %s (mean of %u model%s): %s.", harmed,
      accuracy_words, flattered, fpr_words, c->n_models, c->n_models == 1 ? "" : "s", end);
  return finding;
}
