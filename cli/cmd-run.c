/* undertow run: the main job. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "commands.h"
#include "interrupt.h"
#include "progress.h"
#include "report/report.h"
#include "run/run.h"
#include "store/store.h"

constexpr int UNSET = -1;             /* an option that was not given */
constexpr int DEFAULT_TIMEOUT = 1800; /* seconds: a large model on a slow machine, and the first download of it */

typedef struct {
  UtProgressBar bar, fetch_bar;
  UtRunProgress progress;
  gboolean started; /* the model is here, and the run has begun */
} Ui;

static void
on_started (const UtRunConfig *config, const UtEngineInfo *engine, UtDataset *dataset, unsigned n_variants, gboolean resumed,
            void *data)
{
  Ui *ui = data;
  const char *model = config->hf_repo != NULL ? config->hf_repo : config->engine.model;
  ui->started = TRUE;
  ut_fetch_bar_leave (&ui->fetch_bar);
  if (engine->caveat != NULL)
    fprintf (stderr, "warning: %s\n", engine->caveat);
  if (ui->bar.quiet)
    return;
  fprintf (stderr, "model    %s (%s; %s, %s)\n", model != NULL ? model : config->engine.engine, engine->description,
           engine->device, engine->versions);
  if (engine->gives != UT_GIVES_ALL)
    {
      g_autofree char *missing = ut_gives_join (UT_GIVES_ALL & ~engine->gives);
      fprintf (stderr, "         gives no %s: nothing is stored for it\n", missing);
    }
  fprintf (stderr, "dataset  %s (%s): %u items", config->dataset.path, ut_dataset_format (dataset),
           ut_dataset_items (dataset)->len);
  GPtrArray *skipped = ut_dataset_skipped (dataset);
  if (skipped->len > 0)
    {
      const UtSkipped *first = skipped->pdata[0];
      fprintf (stderr, ", %u skipped\n         %s: %s%s", skipped->len, first->where, first->reason,
               skipped->len > 1 ? " …" : "");
    }
  fprintf (stderr, "\nvariants %u, seed %" G_GUINT64_FORMAT " → %s%s\n", n_variants, config->seed, config->output,
           resumed ? " (resumed)" : "");
}

static void
on_progress (const UtRunProgress *progress, void *data)
{
  Ui *ui = data;
  ui->progress = *progress;
  ut_progress_bar_update (&ui->bar, progress);
}

static gboolean
on_stop ([[maybe_unused]] void *data)
{
  return ut_interrupt_signal () != 0;
}

static void
on_fetch (const UtHubProgress *progress, void *data)
{
  Ui *ui = data;
  ut_fetch_bar_update (&ui->fetch_bar, progress);
}

static void
on_note (const char *words, void *data)
{
  Ui *ui = data;
  ut_fetch_bar_leave (&ui->fetch_bar);
  if (!ui->bar.quiet)
    fprintf (stderr, "note: %s\n", words);
}

/* Passed on, a bar that stands in its way wiped out. */
static void
on_words (const char *bytes, size_t n, void *data)
{
  const Ui *ui = data;
  if (ui->bar.quiet)
    return;
  if (ui->bar.terminal && ui->progress.n_items > 0)
    fputs ("\r\033[K", stderr);
  fwrite (bytes, 1, n, stderr);
  fflush (stderr);
}

/* llama.cpp's options of several letters behind one dash, which GOption does not know, as their long names. */
static void
spell_out (int argc, char **argv)
{
  static struct {
    const char *brief;
    char full[20];
  } options[] = { { "-ngl", "--n-gpu-layers" },
                  { "-fa", "--flash-attn" },
                  { "-dev", "--device" },
                  { "-hf", "--hf-repo" },
                  { "-hfr", "--hf-repo" } };
  for (int i = 1; i < argc && strcmp (argv[i], "--") != 0; i++)
    for (size_t o = 0; o < G_N_ELEMENTS (options); o++)
      if (strcmp (argv[i], options[o].brief) == 0)
        argv[i] = options[o].full;
}

static gboolean
require (const char *value, const char *option, GError **error)
{
  if (value == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s is missing", option);
  return value != NULL;
}

/* The first option given that speaks of a GGUF model or of how llama.cpp runs it; NULL where there is none. */
static const char *
option_of_llama (const UtRunConfig *config)
{
  const UtEngineConfig *engine = &config->engine;
  const struct {
    const char *option;
    gboolean given;
  } options[] = {
    { "-m", engine->model != NULL },
    { "--mmproj", engine->mmproj != NULL },
    { "-hf", config->hf_repo != NULL },
    { "--offline", config->offline },
    { "-dev", engine->devices != NULL },
    { "-fa", engine->flash_attn != NULL },
    { "-t", engine->n_threads != UNSET },
    { "-c", engine->n_ctx > 0 },
    { "-ngl", engine->n_gpu_layers >= 0 },
    { "--image-min-tokens", engine->image_min_tokens >= 0 },
    { "--image-max-tokens", engine->image_max_tokens >= 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (options); i++)
    if (options[i].given)
      return options[i].option;
  return NULL;
}

/* The engine exec is all in its command, which no other engine has. */
static gboolean
check_command (const UtRunConfig *config, GError **error)
{
  const UtEngineConfig *engine = &config->engine;
  const gboolean is_exec = g_str_equal (engine->engine, "exec");
  const char *foreign = is_exec ? option_of_llama (config) : NULL;
  if (is_exec && !require (engine->command, "--command COMMAND", error))
    return FALSE;
  if (foreign != NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "%s does not go with --engine exec: it is --command that says what runs", foreign);
  else if (!is_exec && (engine->command != NULL || engine->timeout != UNSET))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s goes with --engine exec alone",
                 engine->command != NULL ? "--command" : "--timeout");
  else if (engine->timeout != UNSET && engine->timeout < 1)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--timeout takes seconds from 1");
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_config (const UtRunConfig *config, gint64 limit, int extra, char **argv, GError **error)
{
  if (extra > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "'%s' is not understood", argv[1]);
      return FALSE;
    }
  if (!require (config->dataset.path, "-d DATASET", error) || !require (config->output, "-o RUN.duckdb", error))
    return FALSE;
  if (limit < 0 || config->n_generate < 0 || (config->engine.n_threads < 1 && config->engine.n_threads != UNSET)
      || config->engine.n_ctx < 0)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--limit, --generate and -c take numbers from 0, -t from 1");
      return FALSE;
    }
  if (!check_command (config, error))
    return FALSE;
  if (!g_str_equal (config->engine.engine, "llama") || config->hf_repo != NULL)
    return TRUE;
  if (!require (config->engine.model, "-m MODEL.gguf or -hf USER/REPO", error))
    return FALSE;
  return g_str_has_prefix (config->engine.model, "bundled:") || require (config->engine.mmproj, "--mmproj MMPROJ.gguf", error);
}

static int
run (UtRunConfig *config, Ui *ui)
{
  const UtHubCallbacks hub = { on_fetch, on_note, on_stop, ui };
  const UtRunCallbacks callbacks = { on_started, on_progress, on_stop, on_words, ui, &hub };
  g_autoptr (GError) error = NULL;
  gboolean stopped;
  ut_interrupt_catch ();
  if (config->hf_repo != NULL && config->engine.model != NULL)
    on_note ("-hf names the model; -m is not used", ui);
  const gboolean ok = ut_run (config, &callbacks, &stopped, &error);
  ut_fetch_bar_leave (&ui->fetch_bar);
  if (ui->progress.n_items > 0)
    ut_progress_bar_finish (&ui->bar, &ui->progress);
  if (!ok)
    return ut_cmd_fail ("run", error);
  if (stopped)
    {
      if (ui->started)
        fprintf (stderr, "stopped; all finished trials are in %s, and the same command goes on from there\n", config->output);
      else
        fputs ("stopped; what has come of the model is kept, and the same command goes on from there\n", stderr);
      return ut_interrupt_exit_code ();
    }
  if (!ui->bar.quiet)
    fputc ('\n', stderr);
  g_autoptr (UtStore) store = ut_store_open_read (config->output, &error);
  return store != NULL && ut_report_summary (ut_store_db (store), stdout, &error) ? 0 : ut_cmd_fail ("run", error);
}

int
ut_cmd_run (int argc, char **argv)
{
  g_autofree char *command = ut_cmd_quote (argc, argv);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *engine = NULL, *model = NULL, *mmproj = NULL, *hf_repo = NULL, *devices = NULL, *flash_attn = NULL;
  g_autofree char *dataset = NULL, *format = NULL, *images = NULL, *families = NULL, *output = NULL;
  g_autofree char *prompt = NULL, *score = NULL;
  g_auto (GStrv) columns = NULL;
  g_autofree char *command_of_engine = NULL;
  int timeout = UNSET, n_threads = UNSET, n_ctx = 0, n_gpu_layers = -1, min_tokens = -1, max_tokens = -1;
  gint64 limit = 0, seed = 0;
  gboolean quiet = FALSE, layers = FALSE, offline = FALSE;
  int n_generate = 0;
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
      "The model, a GGUF file or bundled:small, medium, large (undertow list engines)", "MODEL" },
    { "mmproj", 0, 0, G_OPTION_ARG_FILENAME, &mmproj, "Its vision half, a GGUF file", "MMPROJ" },
    { "hf-repo", 0, 0, G_OPTION_ARG_STRING, &hf_repo,
      "-hf: the model and its mmproj from the Hugging Face hub, kept in llama.cpp's cache; default quant Q4_K_M, Q8_0 or the "
      "first",
      "USER/REPO[:QUANT]" },
    { "offline", 0, 0, G_OPTION_ARG_NONE, &offline, "Fetch nothing: -hf takes what is cached", NULL },
    { "dataset", 'd', 0, G_OPTION_ARG_FILENAME, &dataset,
      "The benchmark: a file, folder, glob, or bundled:presence, bundled:perception, bundled:reasoning", "DATASET" },
    { "images", 0, 0, G_OPTION_ARG_FILENAME, &images, "The folder its image names are relative to", "DIR" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, "The benchmark's format, where it is not to be detected (see list datasets)",
      "NAME" },
    { "column", 0, 0, G_OPTION_ARG_STRING_ARRAY, &columns, "The file's own name of a column: question=Frage; may be repeated",
      "NAME=YOURS" },
    { "perturbations", 'p', 0, G_OPTION_ARG_STRING, &families, UT_CMD_FAMILIES_HELP, "FAMILIES" },
    { "prompt", 0, 0, G_OPTION_ARG_FILENAME, &prompt,
      "The words questions are asked in (see list prompts), or a file with a template; default paper", "NAME|FILE" },
    { "score", 0, 0, G_OPTION_ARG_STRING, &score,
      "What decides between the options (see list scores); default the prompt's, sum for the paper's; rescore changes it later",
      "NAME" },
    { "generate", 0, 0, G_OPTION_ARG_INT, &n_generate,
      "Also write greedy answers of so many tokens (the paper: 32), and measure their drift; default 0, none", "N" },
    { "layers", 0, 0, G_OPTION_ARG_NONE, &layers,
      "Also measure the drift after every layer of the encoder and of the language model", NULL },
    { "limit", 0, 0, G_OPTION_ARG_INT64, &limit, "Only the first N items", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Of everything random; default 0", "S" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "The run's database; the same command again resumes it", "RUN.duckdb" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "No progress, only tables and errors", NULL },
    { "engine", 0, 0, G_OPTION_ARG_STRING, &engine, "What evaluates the model (see list engines); default llama", "NAME" },
    { "command", 0, 0, G_OPTION_ARG_STRING, &command_of_engine,
      "The program that is the engine exec, as the shell runs it (docs/exec-engine.md)", "COMMAND" },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &timeout, "The longest that program may take for one answer, in seconds; default 1800",
      "S" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &n_threads, "CPU threads; default one a processor", "N" },
    { "ctx-size", 'c', 0, G_OPTION_ARG_INT, &n_ctx, "Tokens of context; default 8192 or what the model was trained with", "N" },
    { "n-gpu-layers", 0, 0, G_OPTION_ARG_INT, &n_gpu_layers, "-ngl: layers to keep on the GPU; default all that it takes", "N" },
    { "flash-attn", 0, 0, G_OPTION_ARG_STRING, &flash_attn,
      "-fa: flash attention on, off or auto; default off, which is more exact", "on|off|auto" },
    { "device", 0, 0, G_OPTION_ARG_STRING, &devices, "-dev: devices to offload to, comma-separated, or none", "DEV" },
    { "image-min-tokens", 0, 0, G_OPTION_ARG_INT, &min_tokens, "Fewest tokens an image may take; default the model's", "N" },
    { "image-max-tokens", 0, 0, G_OPTION_ARG_INT, &max_tokens, "Most tokens an image may take; default the model's", "N" },
    {},
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (
      context, "Asks the model every question on the clean image and on each variant of it, and stores answers,\n"
               "scores and how far the representations moved. Interrupted, the same command goes on.");
  g_option_context_set_description (context, UT_CMD_FAMILIES_DESCRIPTION
                                    "\n\nExample:\n  undertow run -m bundled:small -d bundled:presence -o run.duckdb");
  g_option_context_add_main_entries (context, entries, NULL);

  spell_out (argc, argv);
  g_set_prgname ("undertow run");
  g_autoptr (GError) error = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &error))
    return ut_cmd_fail ("run", error);
  UtRunConfig config = {
    .engine = { engine != NULL ? engine : "llama", model, mmproj, devices, flash_attn, n_threads, n_ctx, n_gpu_layers, min_tokens,
                max_tokens, .command = command_of_engine, .timeout = timeout },
    .hf_repo = hf_repo,
    .offline = offline,
    .dataset = { dataset, format, images, columns, (guint64) limit },
    .perturbations = families,
    .prompt = prompt,
    .score = score,
    .layers = layers,
    .n_generate = n_generate,
    .seed = (guint64) seed,
    .output = output,
    .program = program,
    .command = command,
  };
  if (!check_config (&config, limit, argc, argv, &error))
    return ut_cmd_fail ("run", error);
  if (config.engine.timeout == UNSET)
    config.engine.timeout = DEFAULT_TIMEOUT;
  if (config.engine.n_threads == UNSET)
    config.engine.n_threads = (int) g_get_num_processors ();
  Ui ui = { .bar = ut_progress_bar_init (quiet), .fetch_bar = ut_progress_bar_init (quiet) };
  return run (&config, &ui);
}
