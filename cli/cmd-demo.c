/* undertow demo: every bundled model on every bundled benchmark, and what of the paper's findings holds there; and the smallest on a few
 * questions with all that Undertow measures. Each is an ordinary run in a file of its own; several go on at once, a thread of the engine
 * each, because models this small gain little from a second one. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "commands.h"
#include "dataset/dataset.h"
#include "interrupt.h"
#include "perturb/perturb.h"
#include "progress.h"
#include "report/comparison.h"
#include "report/report.h"
#include "run/bundled.h"
#include "run/run.h"
#include "scenes/scenes.h"
#include "store/store.h"

/* Questions of each benchmark, so many that all runs end within three minutes on two cores. They are spread over as many images: with six
 * questions an image the same time would give a third of the images, and wider intervals. */
constexpr gint64 SAMPLE = 6;
/* Of the run with everything, a benchmark whose questions have options, and as many of them as show that it works: some 400 variants each. */
static const char EVERYTHING_TASK[] = "perception";
constexpr gint64 EVERYTHING_SAMPLE = 1;
constexpr gint64 EVERYTHING_FULL = 20; /* with --full */
constexpr int N_GENERATE = 32;         /* tokens of greedy answers: the paper's */

typedef struct Demo Demo;

/* One model on one benchmark. */
typedef struct {
  Demo *demo;
  UtRunConfig config;
  UtRunProgress progress; /* at first what is planned */
  GError *error;
} Run;

struct Demo {
  GPtrArray *models, *tasks; /* char *, with a NULL after the last: bundled:small, …; presence, … */
  GPtrArray *datasets;       /* char *, bundled:presence, … */
  GPtrArray *paths;          /* char *, of the runs' files */
  Run *runs;                 /* [n_models][n_tasks], and the run with everything behind them */
  unsigned n_runs, n_workers;
  gint left;    /* atomic: runs that nobody has begun */
  gint failed;  /* atomic: whether any run has; the others then stop */
  GMutex mutex; /* of the progress */
  UtProgressBar bar;
  gint64 started; /* monotonic, microseconds */
};

typedef struct {
  char *folder, *engine, *command, *program;
  gint64 sample; /* questions of each benchmark; 0 for all */
  int n_threads;
  UtTableFormat format;
  gboolean quiet;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->folder);
  g_free (options->engine);
  g_free (options->command);
  g_free (options->program);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* --- Planning ---------------------------------------------------------------------------------------------------------------- */

static void
demo_clear (Demo *demo)
{
  for (unsigned r = 0; r < demo->n_runs; r++)
    g_clear_error (&demo->runs[r].error);
  g_free (demo->runs);
  g_clear_pointer (&demo->models, g_ptr_array_unref);
  g_clear_pointer (&demo->tasks, g_ptr_array_unref);
  g_clear_pointer (&demo->datasets, g_ptr_array_unref);
  g_clear_pointer (&demo->paths, g_ptr_array_unref);
  g_mutex_clear (&demo->mutex);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Demo, demo_clear)

static void
list_parts (Demo *demo)
{
  demo->models = g_ptr_array_new_null_terminated (4, g_free, TRUE);
  demo->tasks = g_ptr_array_new_null_terminated (4, g_free, TRUE);
  demo->datasets = g_ptr_array_new_null_terminated (4, g_free, TRUE);
  demo->paths = g_ptr_array_new_null_terminated (16, g_free, TRUE);
  for (const UtBundledModel *model = ut_bundled_models; model->name != NULL; model++)
    if (!model->quantised)
      g_ptr_array_add (demo->models, g_strdup (model->name));
  for (const UtSceneTask *task = ut_scene_tasks; task->name != NULL; task++)
    {
      g_ptr_array_add (demo->tasks, g_strdup (task->name));
      g_ptr_array_add (demo->datasets, g_strconcat ("bundled:", task->name, NULL));
    }
}

/* "DIR/small-presence-24.duckdb": a sample of another size is another run. */
static char *
run_path (const Options *options, const char *model, const char *task, gint64 sample)
{
  g_autofree char *size = sample > 0 ? g_strdup_printf ("%" G_GINT64_FORMAT, sample) : g_strdup ("full");
  g_autofree char *name = g_strdup_printf ("%s-%s-%s.duckdb", model + strlen (UT_BUNDLED_PREFIX), task, size);
  return g_build_filename (options->folder, name, NULL);
}

/* How much a run on the benchmark has to do. */
static gboolean
count_trials (const UtRunConfig *config, UtRunProgress *out_plan, GError **error)
{
  g_autoptr (UtDataset) opened = ut_dataset_open (&config->dataset, error);
  g_autoptr (GPtrArray) variants = opened != NULL ? ut_variants_expand (config->perturbations, error) : NULL;
  if (variants == NULL)
    return FALSE;
  const guint64 n_items = ut_dataset_items (opened)->len;
  *out_plan = (UtRunProgress) { .n_items = n_items, .n_trials = n_items * variants->len };
  return TRUE;
}

/* Adds a run of the model on the task: of all perturbations that are not by name, or with everything. Layers and greedy answers take a
 * quarter of the time and no finding needs them, so a sample does without. */
static void
plan_run (Demo *demo, const Options *options, unsigned model, unsigned task, gint64 sample, const char *perturbations)
{
  Run *run = &demo->runs[demo->n_runs++];
  const char *name = demo->tasks->pdata[task];
  const gboolean whole = perturbations != NULL || options->sample == 0;
  g_autofree char *suffixed = perturbations != NULL ? g_strdup_printf ("%s-%s", name, perturbations) : g_strdup (name);
  g_ptr_array_add (demo->paths, run_path (options, demo->models->pdata[model], suffixed, sample));
  run->demo = demo;
  run->config = (UtRunConfig) {
    .engine = { .engine = options->engine,
                .model = demo->models->pdata[model],
                .n_threads = options->n_threads / (int) demo->n_workers,
                .n_gpu_layers = -1,
                .image_min_tokens = -1,
                .image_max_tokens = -1 },
    .dataset = { .path = demo->datasets->pdata[task], .sample = (guint64) sample },
    .perturbations = perturbations,
    .layers = whole,
    .n_generate = whole ? N_GENERATE : 0,
    .output = demo->paths->pdata[demo->paths->len - 1],
    .program = options->program,
    .command = options->command,
  };
}

/* The run with everything stands last, and so begins first: what begins last should be short. */
static gboolean
plan_demo (Demo *demo, const Options *options, GError **error)
{
  list_parts (demo);
  const unsigned n_models = demo->models->len, n_tasks = demo->tasks->len, n_runs = n_models * n_tasks + 1;
  demo->n_workers = MIN (n_runs, (unsigned) options->n_threads);
  demo->bar = ut_progress_bar_init (options->quiet);
  demo->runs = g_new0 (Run, n_runs);
  demo->left = (gint) n_runs;
  for (unsigned model = 0; model < n_models; model++)
    for (unsigned task = 0; task < n_tasks; task++)
      plan_run (demo, options, model, task, options->sample, NULL);
  guint everything_task = 0;
  g_ptr_array_find_with_equal_func (demo->tasks, EVERYTHING_TASK, g_str_equal, &everything_task);
  plan_run (demo, options, 0, everything_task, options->sample > 0 ? EVERYTHING_SAMPLE : EVERYTHING_FULL, "everything");
  for (unsigned r = 0; r < n_runs; r++)
    if (!count_trials (&demo->runs[r].config, &demo->runs[r].progress, error))
      return FALSE;
  return TRUE;
}

/* --- Running ----------------------------------------------------------------------------------------------------------------- */

/* All runs together. */
static UtRunProgress
sum_progress (const Demo *demo)
{
  UtRunProgress sum = { .seconds = (double) (g_get_monotonic_time () - demo->started) / G_USEC_PER_SEC };
  for (const Run *run = demo->runs; run < demo->runs + demo->n_runs; run++)
    {
      const UtRunProgress *p = &run->progress;
      sum.n_items += p->n_items;
      sum.items_done += p->items_done;
      sum.n_trials += p->n_trials;
      sum.trials_done += p->trials_done;
      sum.trials_now += p->trials_now;
      sum.flips += p->flips;
      sum.failures += p->failures;
      sum.engine_seconds += p->engine_seconds / demo->n_workers;
      sum.generate_seconds += p->generate_seconds / demo->n_workers;
    }
  return sum;
}

static void
on_started ([[maybe_unused]] const UtRunConfig *config, [[maybe_unused]] const UtEngineInfo *engine,
            [[maybe_unused]] UtDataset *dataset, [[maybe_unused]] unsigned n_variants, [[maybe_unused]] gboolean resumed,
            [[maybe_unused]] void *data)
{
}

static void
on_progress (const UtRunProgress *progress, void *data)
{
  Run *run = data;
  Demo *demo = run->demo;
  g_mutex_lock (&demo->mutex);
  run->progress = *progress;
  const UtRunProgress sum = sum_progress (demo);
  ut_progress_bar_update (&demo->bar, &sum);
  g_mutex_unlock (&demo->mutex);
}

static gboolean
on_stop (void *data)
{
  const Run *run = data;
  return ut_interrupt_signal () != 0 || g_atomic_int_get (&run->demo->failed);
}

/* A worker: begins run after run, the largest model's first, so that none is left alone with a long one at the end. */
static gpointer
work (gpointer data)
{
  Demo *demo = data;
  for (gint left; (left = g_atomic_int_add (&demo->left, -1)) > 0;)
    {
      Run *run = &demo->runs[left - 1];
      const UtRunCallbacks callbacks = { on_started, on_progress, on_stop, NULL, run, NULL };
      gboolean stopped;
      if (on_stop (run))
        break;
      if (!ut_run (&run->config, &callbacks, &stopped, &run->error))
        g_atomic_int_set (&demo->failed, TRUE);
    }
  return NULL;
}

static void
run_all (Demo *demo)
{
  g_autofree GThread **workers = g_new (GThread *, demo->n_workers);
  demo->started = g_get_monotonic_time ();
  for (unsigned w = 0; w < demo->n_workers; w++)
    workers[w] = g_thread_new ("run", work, demo);
  for (unsigned w = 0; w < demo->n_workers; w++)
    g_thread_join (workers[w]);
  const UtRunProgress sum = sum_progress (demo);
  ut_progress_bar_finish (&demo->bar, &sum);
}

/* --- The command ------------------------------------------------------------------------------------------------------------- */

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_autofree char *format = NULL;
  gboolean full = FALSE;
  gint64 limit = SAMPLE;
  const GOptionEntry entries[] = {
    { "full", 0, 0, G_OPTION_ARG_NONE, &full, "All questions, not a sample of three minutes on two cores", NULL },
    { "limit", 0, 0, G_OPTION_ARG_INT64, &limit, "N questions of each benchmark, spread over its images", "N" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->folder,
      "Folder of the runs' files, made where it is missing; default undertow-demo", "DIR" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &options->n_threads, "CPU threads, and so many runs at once; default one a processor",
      "N" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, UT_TABLE_FORMATS, "FORMAT" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "No progress, only tables and errors", NULL },
    { "engine", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &options->engine, "What evaluates the models; default llama",
      "NAME" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (
      context, "Runs every bundled model on every bundled benchmark and prints, by size of the model and with 95 %\n"
               "intervals, how often answers change and how far representations move; then whether the paper's\n"
               "findings hold here. Interrupted, the same command goes on.");
  g_option_context_set_description (context, "Each run is a file of its own: undertow show DIR/small-presence-full.duckdb");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, error)
      || (format != NULL && !ut_table_format_from_name (format, &options->format, error)))
    return FALSE;
  if (argc > 1)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "'%s' is not understood", argv[1]);
  else if (limit < 1 || options->n_threads < 1)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--limit and -t take numbers from 1");
  else if (full && limit != SAMPLE)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--full asks all questions, --limit not: choose one");
  else
    {
      options->sample = full ? 0 : limit;
      /* Not before: the parser would not free what it replaces. */
      options->folder = options->folder != NULL ? options->folder : g_strdup ("undertow-demo");
      options->engine = options->engine != NULL ? options->engine : g_strdup ("llama");
      return TRUE;
    }
  return FALSE;
}

/* The error of a run, with the way out of the likeliest one: files that an older program or another model left. */
static int
fail_run (const Run *run)
{
  g_autoptr (GError) error = g_error_copy (run->error);
  if (g_error_matches (error, UT_ERROR, UT_ERROR_USAGE) && g_file_test (run->config.output, G_FILE_TEST_EXISTS))
    {
      g_autofree char *message = g_strconcat (error->message, "\nDelete the file, or choose another folder with -o.", NULL);
      g_free (error->message);
      error->message = g_steal_pointer (&message);
    }
  return ut_cmd_fail ("demo", error);
}

/* By family, what a run of one's own prints at its end: of the largest model. */
static gboolean
show_largest (const Demo *demo, GError **error)
{
  const unsigned n_compared = demo->models->len * demo->tasks->len;
  for (unsigned r = n_compared - demo->tasks->len; r < n_compared; r++)
    {
      const UtRunConfig *config = &demo->runs[r].config;
      g_autoptr (UtStore) store = ut_store_open_read (config->output, error);
      if (store == NULL)
        return FALSE;
      printf ("%s on %s\n", config->engine.model, config->dataset.path);
      if (!ut_report_summary (ut_store_db (store), stdout, error))
        return FALSE;
      putchar ('\n');
    }
  return TRUE;
}

/* Where the run with everything is, what to look at there, and how to look at all runs. */
static void
point_onwards (const Demo *demo, const char *folder)
{
  const Run *run = &demo->runs[demo->n_runs - 1];
  const char *const question = run->progress.n_items == 1 ? "question" : "questions";
  printf ("\nAll that Undertow measures, every family and ladder, %s on %" G_GUINT64_FORMAT
          " %s of %s: too few to conclude from.\n"
          "  undertow show %s severity      also: flip_thresholds, pixel_changes, layers, generations, measurements\n",
          run->config.engine.model, run->progress.n_items, question, run->config.dataset.path, run->config.output);
  g_autofree char *quoted = g_shell_quote (folder);
  printf ("\nCharts, findings and samples of all runs as one page to look at:\n  undertow report %s/*.duckdb -o report.html\n",
          quoted);
}

static int
run_demo (Demo *demo, const Options *options)
{
  g_autoptr (GError) error = NULL;
  if (!plan_demo (demo, options, &error) || !ut_folder_make (options->folder, &error))
    return ut_cmd_fail ("demo", error);
  if (!options->quiet)
    fprintf (stderr, "%u model%s on %u benchmarks, %u run%s at a time → %s\n", demo->models->len,
             demo->models->len == 1 ? "" : "s", demo->tasks->len, demo->n_workers, demo->n_workers == 1 ? "" : "s",
             options->folder);
  ut_interrupt_catch ();
  run_all (demo);
  for (const Run *run = demo->runs; run < demo->runs + demo->n_runs; run++)
    if (run->error != NULL)
      return fail_run (run);
  if (ut_interrupt_signal () != 0)
    {
      fprintf (stderr, "stopped; all finished trials are in %s, and the same command goes on from there\n", options->folder);
      return ut_interrupt_exit_code ();
    }
  if (!options->quiet)
    fputc ('\n', stderr);
  const UtComparedRuns runs = { (const char *const *) demo->models->pdata,
                                (const char *const *) demo->tasks->pdata,
                                (const char *const *) demo->paths->pdata,
                                demo->models->len,
                                demo->tasks->len,
                                demo->models->len > 1 };
  const gboolean ok = (options->format != UT_TABLE_TEXT || show_largest (demo, &error))
                      && ut_report_comparison (&runs, options->format, ut_table_terminal_width (stdout), stdout, &error);
  if (ok && options->format == UT_TABLE_TEXT)
    point_onwards (demo, options->folder);
  return ok ? 0 : ut_cmd_fail ("demo", error);
}

int
ut_cmd_demo (int argc, char **argv)
{
  g_auto (Options) options = { .command = ut_cmd_quote (argc, argv),
                               .program = g_file_read_link ("/proc/self/exe", NULL),
                               .n_threads = (int) g_get_num_processors (),
                               .format = UT_TABLE_TEXT };
  g_auto (Demo) demo = {};
  g_autoptr (GError) error = NULL;
  g_set_prgname ("undertow demo");
  if (!parse_options (argc, argv, &options, &error))
    return ut_cmd_fail ("demo", error);
  return run_demo (&demo, &options);
}
