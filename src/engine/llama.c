#include "engine/llama.h"

#include <math.h>
#include <mtmd-helper.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "engine/gguf-check.h"
#include "engine/llama-engine.h"

constexpr int DEFAULT_CTX = 8192;
constexpr int MAX_BATCH = 2048; /* tokens a decode, unless the context is smaller */

/* ── messages of the libraries ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* ggml logs through one process-wide callback; the first error of a call, the one nearest to its cause, becomes part of ours. */
static GPrivate first_error = G_PRIVATE_INIT (g_free);

static void
keep_first_error (enum ggml_log_level level, const char *text, [[maybe_unused]] void *data)
{
  if (level != GGML_LOG_LEVEL_ERROR || g_private_get (&first_error) != NULL)
    return;
  char *line = g_utf8_make_valid (text, -1);
  g_private_replace (&first_error, g_strchomp (line));
}

const char *
ut_llama_why (void)
{
  const char *text = g_private_get (&first_error);
  return text != NULL && *text != '\0' ? text : "it gave no reason";
}

static void
load_backends (void)
{
  static gsize once = 0;
  if (!g_once_init_enter (&once))
    return;
  llama_log_set (keep_first_error, NULL);
  mtmd_helper_log_set (keep_first_error, NULL);
  ggml_backend_load_all ();
  llama_backend_init ();
  g_once_init_leave (&once, 1);
}

/* ── the whole request ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Evaluates works [n], which share their prefix. */
static gboolean
evaluate_works (LlamaEngine *engine, Work *const *works, size_t n, Encoded *encoded, UtResult *result, GError **error)
{
  llama_pos pos;
  int n_cells;
  const int n_generate = encoded->request->n_generate;
  if (!ut_llama_decode_prefix (engine, &works[0]->prefix, encoded, &pos, &n_cells, error)
      || !ut_llama_score_works (engine, works, n, pos, n_cells, error))
    return FALSE;
  const gint64 start = g_get_monotonic_time ();
  const gboolean ok = n_generate == 0 || ut_llama_answer_works (engine, works, n, pos, n_cells, n_generate, error);
  result->generate_seconds += (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  return ok;
}

/* Adds the work to those that share its prefix. */
static void
group_work (GPtrArray *groups, Work *work, size_t n_images)
{
  for (guint g = 0; g < groups->len; g++)
    {
      GPtrArray *group = groups->pdata[g];
      if (ut_llama_prefix_equal (&((const Work *) group->pdata[0])->prefix, &work->prefix, n_images))
        {
          g_ptr_array_add (group, work);
          return;
        }
    }
  GPtrArray *group = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_llama_work_free);
  g_ptr_array_add (group, work);
  g_ptr_array_add (groups, group);
}

static gboolean
check_scores (const UtResult *result, GError **error)
{
  for (size_t i = 0; i < result->answers->len; i++)
    {
      const UtAnswer *answer = result->answers->pdata[i];
      for (unsigned k = 0; k < answer->n_options; k++)
        if (!isfinite (answer->scores[k].logprob) || !isfinite (answer->scores[k].logprob_label))
          {
            g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model gave a log-probability that is not finite");
            return FALSE;
          }
    }
  return TRUE;
}

static UtResult *
llama_evaluate (UtEngine *base, const UtRequest *request, GError **error)
{
  LlamaEngine *engine = (LlamaEngine *) base;
  g_private_replace (&first_error, NULL);

  g_autoptr (UtResult) result = ut_result_new ();
  result->n_embd = base->info.n_embd;
  result->n_layers = engine->layers ? (size_t) llama_model_n_layer (engine->model) : 0;
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  for (size_t i = 0; i < request->queries->len; i++)
    {
      const UtQuery *query = request->queries->pdata[i];
      UtAnswer *answer = ut_answer_new (query->options != NULL ? g_strv_length (query->options) : 0, base->info.n_embd);
      g_ptr_array_add (result->answers, answer);
      Work *work = ut_llama_work_new (engine, request, query, answer, error);
      if (work == NULL)
        return NULL;
      group_work (groups, work, request->images->len);
    }

  g_autoptr (Encoded) encoded = ut_llama_encoded_new (engine, request);
  for (guint g = 0; g < groups->len; g++)
    {
      const GPtrArray *group = groups->pdata[g];
      if (!evaluate_works (engine, (Work *const *) group->pdata, group->len, encoded, result, error))
        return NULL;
    }
  if (!ut_llama_keep_images (engine, encoded, result, error) || !check_scores (result, error))
    return NULL;
  return g_steal_pointer (&result);
}

/* ── opening and closing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void
llama_close (UtEngine *base)
{
  LlamaEngine *engine = (LlamaEngine *) base;
  g_clear_pointer (&engine->mtmd, mtmd_free);
  g_clear_pointer (&engine->ctx, llama_free);
  g_clear_pointer (&engine->model, llama_model_free);
  g_clear_pointer (&engine->last.rows, g_array_unref);
  g_clear_pointer (&engine->normed.rows, g_array_unref);
  for (int l = 0; engine->decoder != NULL && l < engine->n_decoder; l++)
    g_array_unref (engine->decoder[l].rows);
  g_free (engine->decoder);
  g_clear_pointer (&engine->ends, g_array_unref);
  g_clear_pointer (&engine->vision.sums, g_ptr_array_unref);
  g_free (engine->marker);
  g_free (engine->system);
  g_free (engine->opening);
  g_free (engine->closing);
  ut_engine_info_clear (&base->info);
  g_free (engine);
}

static gboolean
parse_flash_attn (const char *text, enum llama_flash_attn_type *out, GError **error)
{
  static const char *const names[] = { "on", "off", "auto", NULL };
  static const enum llama_flash_attn_type types[]
      = { LLAMA_FLASH_ATTN_TYPE_ENABLED, LLAMA_FLASH_ATTN_TYPE_DISABLED, LLAMA_FLASH_ATTN_TYPE_AUTO };
  for (size_t i = 0; names[i] != NULL; i++)
    if (g_str_equal (text != NULL ? text : "off", names[i]))
      {
        *out = types[i];
        return TRUE;
      }
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "-fa is 'on', 'off' or 'auto', not '%s'", text);
  return FALSE;
}

/* The devices of a comma-separated list, NULL-terminated; "none" gives an empty list, which keeps the model on the CPU. */
static ggml_backend_dev_t *
parse_devices (const char *list, GError **error)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  for (size_t i = 0; i < ggml_backend_dev_count (); i++)
    g_ptr_array_add (known, (void *) ggml_backend_dev_name (ggml_backend_dev_get (i)));
  g_ptr_array_add (known, NULL);

  g_auto (GStrv) names = g_strsplit (g_str_equal (list, "none") ? "" : list, ",", -1);
  g_autofree ggml_backend_dev_t *devices = g_new0 (ggml_backend_dev_t, g_strv_length (names) + 1);
  for (size_t i = 0; names[i] != NULL; i++)
    {
      devices[i] = ggml_backend_dev_by_name (names[i]);
      if (devices[i] == NULL)
        {
          g_autofree char *all = g_strjoinv (", ", (char **) known->pdata);
          g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "-dev: there is no device '%s' here; known are none, %s", names[i], all);
          return NULL;
        }
    }
  return g_steal_pointer (&devices);
}

static gboolean
load_model (LlamaEngine *engine, const UtEngineConfig *config, GError **error)
{
  g_autofree ggml_backend_dev_t *devices = NULL;
  struct llama_model_params params = llama_model_default_params ();
  params.n_gpu_layers = config->n_gpu_layers;
  if (config->devices != NULL)
    {
      devices = parse_devices (config->devices, error);
      if (devices == NULL)
        return FALSE;
      params.devices = devices;
    }
  engine->model = llama_model_load_from_file (config->model, params);
  if (engine->model == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: libllama cannot load it: %s", config->model, ut_llama_why ());
      return FALSE;
    }
  engine->vocab = llama_model_get_vocab (engine->model);
  engine->base.info.n_embd = (size_t) llama_model_n_embd (engine->model);
  return TRUE;
}

static gboolean
make_context (LlamaEngine *engine, const UtEngineConfig *config, enum llama_flash_attn_type flash_attn, GError **error)
{
  const int n_ctx = config->n_ctx > 0 ? config->n_ctx : MIN (DEFAULT_CTX, llama_model_n_ctx_train (engine->model));
  engine->n_batch = MIN (n_ctx, MAX_BATCH);
  struct llama_context_params params = llama_context_default_params ();
  params.n_ctx = (uint32_t) n_ctx;
  params.n_batch = params.n_ubatch = (uint32_t) engine->n_batch;
  params.n_outputs_max = (uint32_t) MIN (UT_LLAMA_MAX_OUTPUTS, engine->n_batch);
  params.n_seq_max = UT_LLAMA_MAX_SEQUENCES;
  params.n_threads = params.n_threads_batch = config->n_threads;
  params.flash_attn_type = flash_attn;
  params.kv_unified = true;
  params.swa_full = true;
  params.no_perf = true;
  params.cb_eval = ut_llama_on_node;
  params.cb_eval_user_data = engine;
  engine->ctx = llama_init_from_model (engine->model, params);
  if (engine->ctx == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: no context of %d tokens can be made: %s", config->model, n_ctx,
                   ut_llama_why ());
      return FALSE;
    }
  return TRUE;
}

static gboolean
load_mmproj (LlamaEngine *engine, const UtEngineConfig *config, enum llama_flash_attn_type flash_attn, GError **error)
{
  struct mtmd_context_params params = mtmd_context_params_default ();
  params.use_gpu = config->n_gpu_layers != 0;
  params.print_timings = false;
  params.warmup = false;
  params.n_threads = config->n_threads;
  params.flash_attn_type = flash_attn;
  params.image_min_tokens = config->image_min_tokens;
  params.image_max_tokens = config->image_max_tokens;
  params.media_marker = engine->marker;
  if (engine->layers)
    {
      params.cb_eval = ut_llama_on_vision_node;
      params.cb_eval_user_data = engine;
    }
  engine->mtmd = mtmd_init_from_file (config->mmproj, engine->model, params);
  if (engine->mtmd == NULL || !mtmd_support_vision (engine->mtmd))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: libmtmd cannot use it with %s: %s", config->mmproj, config->model,
                   engine->mtmd == NULL ? ut_llama_why () : "it sees no images");
      return FALSE;
    }
  return TRUE;
}

/* Decodes one token, to learn whether the graph has the nodes that captures need. */
static gboolean
probe_graph (LlamaEngine *engine, GError **error)
{
  g_snprintf (engine->last.name, sizeof engine->last.name, "%s%d", UT_LLAMA_LAYER_NODE, llama_model_n_layer (engine->model) - 1);
  g_strlcpy (engine->normed.name, "result_norm", sizeof engine->normed.name);
  engine->last.rows = g_array_new (FALSE, FALSE, sizeof (float));
  engine->normed.rows = g_array_new (FALSE, FALSE, sizeof (float));
  engine->n_decoder = engine->layers ? llama_model_n_layer (engine->model) : 0;
  engine->decoder = g_new0 (Capture, (gsize) engine->n_decoder);
  for (int l = 0; l < engine->n_decoder; l++)
    {
      g_snprintf (engine->decoder[l].name, sizeof engine->decoder[l].name, "%s%d", UT_LLAMA_LAYER_NODE, l);
      engine->decoder[l].rows = g_array_new (FALSE, FALSE, sizeof (float));
    }

  const llama_token token = 0;
  const Suffix suffix = { &token, 1, 0, 0, FALSE };
  int row;
  ut_llama_start_capture (engine);
  const gboolean ok = ut_llama_decode_suffixes (engine, &suffix, 1, &row, error);
  engine->capturing = FALSE;
  g_autofree float *scratch = g_new (float, engine->base.info.n_embd);
  return ok && ut_llama_captured_row (engine, &engine->last, 0, scratch, error)
         && ut_llama_captured_row (engine, &engine->normed, 0, scratch, error);
}

/* Where layers are held: the devices asked for, else the first GPU unless layers are kept off it, else the CPU. */
static const char *
name_of_device (const UtEngineConfig *config)
{
  if (config->n_gpu_layers == 0 || g_strcmp0 (config->devices, "none") == 0)
    return "CPU";
  if (config->devices != NULL)
    return config->devices;
  for (size_t i = 0; i < ggml_backend_dev_count (); i++)
    {
      ggml_backend_dev_t device = ggml_backend_dev_get (i);
      if (ggml_backend_dev_type (device) == GGML_BACKEND_DEVICE_TYPE_GPU)
        return ggml_backend_dev_description (device);
    }
  return "CPU";
}

/* Architecture, size and weights. llama.cpp knows the sizes of published models alone and says "?B" of all others. */
static char *
describe_model (const struct llama_model *model)
{
  char description[256];
  llama_model_desc (model, description, sizeof description);
  const double n = (double) llama_model_n_params (model);
  g_autofree char *size = n < 1e9 ? g_strdup_printf ("%.1fM", n / 1e6) : g_strdup_printf ("%.1fB", n / 1e9);
  g_auto (GStrv) parts = g_strsplit (description, "?B", 2);
  return g_strjoinv (size, parts);
}

static void
describe (LlamaEngine *engine, const UtEngineConfig *config)
{
  UtEngineInfo *info = &engine->base.info;
  info->description = describe_model (engine->model);
  info->versions = g_strdup_printf ("llama %s, ggml %s", llama_version (), ggml_version ());

  g_autoptr (GString) backends = g_string_new (NULL);
  for (size_t i = 0; i < ggml_backend_reg_count (); i++)
    g_string_append_printf (backends, "%s%s", i > 0 ? ", " : "", ggml_backend_reg_name (ggml_backend_reg_get (i)));
  info->backends = g_string_free (g_steal_pointer (&backends), FALSE);

  info->gives = UT_GIVES_ALL;
  info->device = g_strdup (name_of_device (config));
  info->caveat = ut_gguf_caveat (config->mmproj);
  engine->batching = !g_str_equal (info->device, "CPU");
}

static UtEngine *
llama_open (const UtEngineConfig *config, GError **error)
{
  enum llama_flash_attn_type flash_attn;
  if (!parse_flash_attn (config->flash_attn, &flash_attn, error) || !ut_gguf_check_model (config->model, error)
      || !ut_gguf_check_mmproj (config->model, config->mmproj, error))
    return NULL;

  load_backends ();
  g_private_replace (&first_error, NULL);
  LlamaEngine *engine = g_new0 (LlamaEngine, 1);
  g_autoptr (UtEngine) base = &engine->base;
  base->class = &ut_engine_llama;
  engine->marker = g_strdup ("<undertow:image>");
  engine->layers = config->layers;
  engine->ends = g_array_new (FALSE, FALSE, sizeof (int));
  engine->vision.sums = g_ptr_array_new_with_free_func (g_free);
  if (!load_model (engine, config, error) || !ut_llama_learn_template (engine, error)
      || !make_context (engine, config, flash_attn, error) || !probe_graph (engine, error)
      || !load_mmproj (engine, config, flash_attn, error))
    return NULL;
  describe (engine, config);
  return g_steal_pointer (&base);
}

const UtEngineClass ut_engine_llama = {
  .name = "llama",
  .summary = "GGUF models through libllama and libmtmd, on the CPU or on any backend that ggml finds",
  .open = llama_open,
  .evaluate = llama_evaluate,
  .close = llama_close,
};
