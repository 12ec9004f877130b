/* An engine in a worker process, behind a pair of pipes.
 *
 * A frame is its length (8 bytes, little endian) and a GVariant in normal form. The worker is this very program, so both sides agree
 * on the types, and the worker believes its parent; what comes back is checked all the same, since a dying process may leave half a
 * frame. Vectors of floats travel as arrays of 4 bytes an element, which GVariant checks at once where it would go through bytes. */
#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/engine.h"

#define CONFIG_TYPE "(msmsmsmsmsiiiiib)"
#define QUERY_TYPE "(sa(tu)asas)"
#define REQUEST_TYPE "(a(iiay)a" QUERY_TYPE "i)"
#define INFO_TYPE "(ssssmst)"
/* A representation, before and after the final norm. */
#define STATE_TYPE "(auau)"
#define ANSWER_TYPE "(a(dddi)" STATE_TYPE STATE_TYPE "aums" STATE_TYPE ")"
#define RESULT_TYPE "(a" ANSWER_TYPE "a(uuu)auauau(tttt)d)"
/* Every answer of the worker: the payload, or an error's code and message. */
#define REPLY_TYPE "(bisv)"

/* No honest frame is larger; a length beyond it is a corrupted one. */
constexpr uint64_t MAX_FRAME = (uint64_t) 1 << 32;

/* ── frames ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
write_frame (GOutputStream *out, GVariant *value, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  const gsize size = g_variant_get_size (owned);
  const uint64_t header = GUINT64_TO_LE ((uint64_t) size);
  return g_output_stream_write_all (out, &header, sizeof header, NULL, NULL, error)
         && g_output_stream_write_all (out, g_variant_get_data (owned), size, NULL, NULL, error);
}

/* The next frame as a value of `type`, or NULL; *out_end (may be NULL) says whether the stream had ended between frames. `trusted`:
 * whether the other side's word is taken for the value's form. */
static GVariant *
read_frame (GInputStream *in, const char *type, gboolean trusted, gboolean *out_end, GError **error)
{
  uint64_t header = 0;
  gsize n = 0;
  if (out_end != NULL)
    *out_end = FALSE;
  if (!g_input_stream_read_all (in, &header, sizeof header, &n, NULL, error))
    return NULL;
  if (n == 0 && out_end != NULL)
    *out_end = TRUE;
  const uint64_t size = GUINT64_FROM_LE (header);
  if (n != sizeof header || size > MAX_FRAME)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "the stream ended or its next frame is corrupted");
      return NULL;
    }

  g_autofree guint8 *data = g_try_malloc (size > 0 ? size : 1);
  if (data == NULL || !g_input_stream_read_all (in, data, size, &n, NULL, error))
    {
      if (data == NULL)
        g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "no memory for a frame of %" G_GUINT64_FORMAT " bytes", size);
      return NULL;
    }
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_steal_pointer (&data), n);
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, trusted));
  if (n != size || !g_variant_is_normal_form (value))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "a frame is cut short or corrupted");
      return NULL;
    }
  return g_steal_pointer (&value);
}

/* ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static GVariant *
bytes_value (const void *data, size_t size)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, size, 1);
}

static GVariant *
floats_value (const float *values, size_t n)
{
  static_assert (sizeof (float) == sizeof (guint32));
  return g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, values, n, sizeof (float));
}

static GVariant *
request_value (const UtRequest *request)
{
  GVariantBuilder images, queries;
  g_variant_builder_init (&images, G_VARIANT_TYPE ("a(iiay)"));
  for (size_t i = 0; i < request->images->len; i++)
    {
      const UtImage *image = request->images->pdata[i];
      g_variant_builder_add (&images, "(ii@ay)", image->width, image->height,
                             bytes_value (image->pixels, (size_t) image->width * (size_t) image->height * 3));
    }
  static const char *const none[] = { NULL };
  g_variant_builder_init (&queries, G_VARIANT_TYPE ("a" QUERY_TYPE));
  for (size_t i = 0; i < request->queries->len; i++)
    {
      const UtQuery *query = request->queries->pdata[i];
      GVariantBuilder places;
      g_variant_builder_init (&places, G_VARIANT_TYPE ("a(tu)"));
      for (unsigned p = 0; p < query->n_places; p++)
        g_variant_builder_add (&places, "(tu)", (guint64) query->places[p].at, query->places[p].image);
      g_variant_builder_add (&queries, "(sa(tu)^as^as)", query->prompt, &places,
                             query->options != NULL ? query->options : (char **) none,
                             query->labels != NULL ? query->labels : (char **) none);
    }
  return g_variant_new (REQUEST_TYPE, &images, &queries, request->n_generate);
}

static void
place_images_of_value (UtQuery *query, GVariant *value)
{
  const unsigned n = (unsigned) g_variant_n_children (value);
  g_autofree UtPlace *places = g_new (UtPlace, n);
  for (unsigned p = 0; p < n; p++)
    {
      guint64 at;
      g_variant_get_child (value, p, "(tu)", &at, &places[p].image);
      places[p].at = at;
    }
  ut_query_place_images (query, places, n);
}

static UtRequest *
request_of_value (GVariant *value, GError **error)
{
  g_autoptr (UtRequest) request = ut_request_new ();
  g_autoptr (GVariant) images = g_variant_get_child_value (value, 0);
  g_autoptr (GVariant) queries = g_variant_get_child_value (value, 1);
  g_variant_get_child (value, 2, "i", &request->n_generate);

  for (gsize i = 0; i < g_variant_n_children (images); i++)
    {
      int width, height;
      g_autoptr (GVariant) pixels = NULL;
      g_variant_get_child (images, i, "(ii@ay)", &width, &height, &pixels);
      g_autoptr (UtImage) image = ut_image_new (width, height, error);
      if (image == NULL)
        return NULL;
      const gsize size = (gsize) width * (gsize) height * 3;
      if (g_variant_get_size (pixels) != size)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "an image's pixels do not fit its size");
          return NULL;
        }
      memcpy (image->pixels, g_variant_get_data (pixels), size);
      g_ptr_array_add (request->images, g_steal_pointer (&image));
    }
  for (gsize i = 0; i < g_variant_n_children (queries); i++)
    {
      g_autofree char *prompt = NULL;
      g_auto (GStrv) options = NULL, labels = NULL;
      g_autoptr (GVariant) places = NULL;
      g_variant_get_child (queries, i, "(s@a(tu)^as^as)", &prompt, &places, &options, &labels);
      UtQuery *query = ut_request_add_query (request, prompt, *options != NULL ? (const char *const *) options : NULL,
                                             *labels != NULL ? (const char *const *) labels : NULL);
      place_images_of_value (query, places);
    }
  return g_steal_pointer (&request);
}

static GVariant *
state_value (const UtState *state, size_t n)
{
  return g_variant_new ("(@au@au)", floats_value (state->raw, state->raw != NULL ? n : 0),
                        floats_value (state->normed, state->normed != NULL ? n : 0));
}

static GVariant *
answer_value (const UtAnswer *answer, const UtResult *result)
{
  GVariantBuilder scores;
  g_variant_builder_init (&scores, G_VARIANT_TYPE ("a(dddi)"));
  for (unsigned k = 0; k < answer->n_options; k++)
    g_variant_builder_add (&scores, "(dddi)", answer->scores[k].logprob, answer->scores[k].logprob_text,
                           answer->scores[k].logprob_label, answer->scores[k].n_tokens);
  return g_variant_new ("(a(dddi)@" STATE_TYPE "@" STATE_TYPE "@aums@" STATE_TYPE ")", &scores,
                        state_value (&answer->ctx, result->n_embd),
                        state_value (&answer->options, answer->n_options * result->n_embd),
                        floats_value (answer->layers, answer->layers != NULL ? result->n_layers * result->n_embd : 0),
                        answer->text, state_value (&answer->greedy, result->n_embd));
}

static GVariant *
result_value (const UtResult *result)
{
  GVariantBuilder answers, grids;
  g_variant_builder_init (&answers, G_VARIANT_TYPE ("a" ANSWER_TYPE));
  for (size_t i = 0; i < result->answers->len; i++)
    g_variant_builder_add_value (&answers, answer_value (result->answers->pdata[i], result));
  g_variant_builder_init (&grids, G_VARIANT_TYPE ("a(uuu)"));
  for (size_t i = 0; i < result->grids->len; i++)
    {
      const UtGrid *grid = &g_array_index (result->grids, UtGrid, i);
      g_variant_builder_add (&grids, "(uuu)", grid->t, grid->h, grid->w);
    }
  const size_t n_of_layers = result->vision_layers != NULL ? result->n_vision_layers * result->n_vision_embd : 0;
  return g_variant_new (
      "(a" ANSWER_TYPE "a(uuu)@au@au@au(tttt)d)", &answers, &grids,
      g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, result->n_slices->data, result->n_slices->len, sizeof (guint32)),
      floats_value (result->vision, result->n_vision * result->n_embd), floats_value (result->vision_layers, n_of_layers),
      (guint64) result->n_embd, (guint64) result->n_layers, (guint64) result->n_vision_layers, (guint64) result->n_vision_embd,
      result->generate_seconds);
}

/* The floats of an array, which must be `n` or, where `optional`, none. */
static gboolean
take_floats (GVariant *floats, size_t n, gboolean optional, float **out)
{
  gsize size;
  const float *values = g_variant_get_fixed_array (floats, &size, sizeof (float));
  g_free (*out);
  *out = size > 0 ? g_memdup2 (values, size * sizeof (float)) : NULL;
  return size == n || (optional && size == 0);
}

static gboolean
take_state (GVariant *value, size_t n, gboolean optional, UtState *out)
{
  g_autoptr (GVariant) raw = g_variant_get_child_value (value, 0), normed = g_variant_get_child_value (value, 1);
  return take_floats (raw, n, optional, &out->raw) && take_floats (normed, n, optional, &out->normed)
         && (out->raw == NULL) == (out->normed == NULL);
}

/* The answer held by `value`; NULL where it does not fit the shapes of the result and of the query. */
static UtAnswer *
answer_of_value (GVariant *value, const UtResult *result, const UtQuery *query)
{
  g_autoptr (GVariant) scores = NULL, ctx = NULL, options = NULL, layers = NULL, greedy = NULL;
  UtAnswer *answer = ut_answer_new (query->options != NULL ? g_strv_length (query->options) : 0, result->n_embd);
  g_variant_get (value, "(@a(dddi)@" STATE_TYPE "@" STATE_TYPE "@aums@" STATE_TYPE ")", &scores, &ctx, &options, &layers,
                 &answer->text, &greedy);
  const gboolean fits
      = g_variant_n_children (scores) == answer->n_options && take_state (ctx, result->n_embd, FALSE, &answer->ctx)
        && take_state (options, answer->n_options * result->n_embd, FALSE, &answer->options)
        && take_floats (layers, result->n_layers * result->n_embd, TRUE, &answer->layers)
        && take_state (greedy, result->n_embd, TRUE, &answer->greedy) && (answer->text == NULL) == (answer->greedy.raw == NULL);
  for (unsigned k = 0; fits && k < answer->n_options; k++)
    g_variant_get_child (scores, k, "(dddi)", &answer->scores[k].logprob, &answer->scores[k].logprob_text,
                         &answer->scores[k].logprob_label, &answer->scores[k].n_tokens);
  if (!fits)
    g_clear_pointer (&answer, ut_answer_free);
  return answer;
}

/* How the grids are shared out among the images, which must be of the request, and of all of the grids where it is told. */
static gboolean
take_slices (GVariant *value, const UtRequest *request, UtResult *result)
{
  gsize n;
  const guint32 *n_slices = g_variant_get_fixed_array (value, &n, sizeof (guint32));
  guint64 n_grids = 0;
  for (gsize i = 0; i < n; i++)
    n_grids += n_slices[i];
  g_array_append_vals (result->n_slices, n_slices, (guint) n);
  return n == 0 || (n == request->images->len && n_grids == result->grids->len);
}

/* The result held by `value`, checked against the shapes that `request` calls for; NULL where it does not fit. */
static UtResult *
result_of_value (GVariant *value, const UtRequest *request)
{
  g_autoptr (UtResult) result = ut_result_new ();
  g_autoptr (GVariant) answers = NULL, grids = NULL, n_slices = NULL, vision = NULL, vision_layers = NULL;
  guint64 n_embd, n_layers, n_vision_layers, n_vision_embd;
  g_variant_get (value, "(@a" ANSWER_TYPE "@a(uuu)@au@au@au(tttt)d)", &answers, &grids, &n_slices, &vision, &vision_layers,
                 &n_embd, &n_layers, &n_vision_layers, &n_vision_embd, &result->generate_seconds);
  result->n_embd = n_embd;
  result->n_layers = n_layers;
  result->n_vision_layers = n_vision_layers;
  result->n_vision_embd = n_vision_embd;
  if (g_variant_n_children (answers) != request->queries->len)
    return NULL;

  for (gsize i = 0; i < g_variant_n_children (answers); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (answers, i);
      UtAnswer *answer = answer_of_value (child, result, request->queries->pdata[i]);
      if (answer == NULL || (request->n_generate > 0) != (answer->text != NULL))
        {
          g_clear_pointer (&answer, ut_answer_free);
          return NULL;
        }
      g_ptr_array_add (result->answers, answer);
    }
  for (gsize i = 0; i < g_variant_n_children (grids); i++)
    {
      UtGrid grid;
      g_variant_get_child (grids, i, "(uuu)", &grid.t, &grid.h, &grid.w);
      g_array_append_val (result->grids, grid);
      result->n_vision += (size_t) grid.t * grid.h * grid.w;
    }
  const gboolean fits
      = take_slices (n_slices, request, result) && take_floats (vision, result->n_vision * result->n_embd, FALSE, &result->vision)
        && take_floats (vision_layers, result->n_vision_layers * result->n_vision_embd, TRUE, &result->vision_layers);
  return fits ? g_steal_pointer (&result) : NULL;
}

/* ── the worker's side ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static GVariant *
reply_value (GVariant *payload, const GError *failure)
{
  if (failure != NULL)
    return g_variant_new (REPLY_TYPE, FALSE, failure->domain == UT_ERROR ? failure->code : (int) UT_ERROR_FAILED,
                          failure->message, g_variant_new_boolean (FALSE));
  return g_variant_new (REPLY_TYPE, TRUE, 0, "", payload);
}

static UtEngine *
serve_open (GInputStream *in, GOutputStream *out)
{
  g_autoptr (GVariant) value = read_frame (in, CONFIG_TYPE, TRUE, NULL, NULL);
  if (value == NULL)
    return NULL;
  UtEngineConfig config = {};
  g_variant_get (value, "(m&sm&sm&sm&sm&siiiiib)", &config.engine, &config.model, &config.mmproj, &config.devices,
                 &config.flash_attn, &config.n_threads, &config.n_ctx, &config.n_gpu_layers, &config.image_min_tokens,
                 &config.image_max_tokens, &config.layers);

  g_autoptr (GError) failure = NULL;
  g_autoptr (UtEngine) engine = ut_engine_open (&config, &failure);
  GVariant *payload = NULL;
  if (engine != NULL)
    payload = g_variant_new (INFO_TYPE, engine->info.description, engine->info.versions, engine->info.backends,
                             engine->info.device, engine->info.caveat, (guint64) engine->info.n_embd);
  return write_frame (out, reply_value (payload, failure), NULL) ? g_steal_pointer (&engine) : NULL;
}

int
ut_engine_serve (int in_fd, int out_fd)
{
  /* Ctrl-C goes to every process of the terminal; it is the parent that decides when work ends. And no worker outlives it. */
  signal (SIGINT, SIG_IGN);
  prctl (PR_SET_PDEATHSIG, SIGKILL);

  g_autoptr (GInputStream) in = g_unix_input_stream_new (in_fd, FALSE);
  g_autoptr (GOutputStream) out = g_unix_output_stream_new (out_fd, FALSE);
  g_autoptr (UtEngine) engine = serve_open (in, out);
  if (engine == NULL)
    return 1;

  for (;;)
    {
      gboolean end = FALSE;
      g_autoptr (GVariant) value = read_frame (in, REQUEST_TYPE, TRUE, &end, NULL);
      if (value == NULL)
        return end ? 0 : 1;
      g_autoptr (GError) failure = NULL;
      g_autoptr (UtRequest) request = request_of_value (value, &failure);
      g_autoptr (UtResult) result = request != NULL ? ut_engine_evaluate (engine, request, &failure) : NULL;
      if (!write_frame (out, reply_value (result != NULL ? result_value (result) : NULL, failure), NULL))
        return 1;
    }
}

/* ── the parent's side ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  UtEngine base;
  UtEngineConfig config;
  char *strings[5]; /* what config borrows */
  char *program;
  GSubprocess *worker; /* NULL where the last one died */
  int log;             /* the worker's standard error, an anonymous file */
} RemoteEngine;

/* The last line the worker wrote to its standard error: where ggml says why it aborts. */
static char *
last_words (int log)
{
  char tail[4096];
  const off_t end = lseek (log, 0, SEEK_END);
  const off_t start = MAX (end - (off_t) sizeof tail, 0);
  const ssize_t n = end > 0 ? pread (log, tail, (size_t) (end - start), start) : 0;
  if (n <= 0)
    return NULL;
  g_autofree char *text = g_utf8_make_valid (tail, n);
  g_strchomp (text);
  const char *line = strrchr (text, '\n');
  return g_strdup (line != NULL ? line + 1 : text);
}

/* Buries the worker and says how it died. */
static void
report_death (RemoteEngine *engine, const char *during, GError **error)
{
  g_autoptr (GString) how = g_string_new (NULL);
  g_subprocess_force_exit (engine->worker);
  g_subprocess_wait (engine->worker, NULL, NULL);
  if (g_subprocess_get_if_signaled (engine->worker) && g_subprocess_get_term_sig (engine->worker) != SIGKILL)
    g_string_printf (how, "was ended by signal %d (%s)", g_subprocess_get_term_sig (engine->worker),
                     g_strsignal (g_subprocess_get_term_sig (engine->worker)));
  else
    g_string_assign (how, "died or answered nonsense");
  g_clear_object (&engine->worker);

  g_autofree char *words = last_words (engine->log);
  g_clear_error (error);
  g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "the engine's process %s while %s%s%s", how->str, during,
               words != NULL ? ": " : "", words != NULL ? words : "");
}

/* Sends one frame and reads the reply's payload; NULL with the worker's own error, or with its death. */
static GVariant *
ask (RemoteEngine *engine, GVariant *question, const char *type, const char *during, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  if (write_frame (g_subprocess_get_stdin_pipe (engine->worker), question, NULL))
    reply = read_frame (g_subprocess_get_stdout_pipe (engine->worker), REPLY_TYPE, FALSE, NULL, NULL);
  if (reply == NULL)
    {
      report_death (engine, during, error);
      return NULL;
    }

  gboolean ok;
  int code;
  const char *message;
  g_autoptr (GVariant) payload = NULL;
  g_variant_get (reply, "(bi&sv)", &ok, &code, &message, &payload);
  if (!ok)
    {
      g_set_error_literal (error, UT_ERROR, code, message);
      return NULL;
    }
  if (!g_variant_is_of_type (payload, G_VARIANT_TYPE (type)))
    {
      report_death (engine, during, error);
      return NULL;
    }
  return g_steal_pointer (&payload);
}

/* On a machine that others use too, a thread of ggml that waits for another mostly waits for a processor, and by default it spins
 * meanwhile, on the very processor that is wanted: a run then takes many times as long. A short spin costs nothing where there is room
 * (bench/SPEED.md). What the user has set holds. */
static void
wait_politely (GSubprocessLauncher *launcher)
{
  if (g_getenv ("OMP_WAIT_POLICY") == NULL)
    g_subprocess_launcher_setenv (launcher, "GOMP_SPINCOUNT", "1000", FALSE);
}

static gboolean
start_worker (RemoteEngine *engine, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  /* ggml would fork a debugger for a backtrace before it dies. */
  g_subprocess_launcher_setenv (launcher, "GGML_NO_BACKTRACE", "1", TRUE);
  wait_politely (launcher);
  g_subprocess_launcher_take_stderr_fd (launcher, dup (engine->log));
  engine->worker = g_subprocess_launcher_spawn (launcher, error, engine->program, UT_ENGINE_WORKER, NULL);
  if (engine->worker == NULL)
    return FALSE;

  const UtEngineConfig *c = &engine->config;
  g_autoptr (GVariant) info
      = ask (engine,
             g_variant_new (CONFIG_TYPE, c->engine, c->model, c->mmproj, c->devices, c->flash_attn, c->n_threads, c->n_ctx,
                            c->n_gpu_layers, c->image_min_tokens, c->image_max_tokens, c->layers),
             INFO_TYPE, "loading the model", error);
  if (info == NULL)
    {
      if (engine->worker != NULL)
        g_subprocess_force_exit (engine->worker);
      g_clear_object (&engine->worker);
      return FALSE;
    }
  ut_engine_info_clear (&engine->base.info);
  guint64 n_embd;
  g_variant_get (info, INFO_TYPE, &engine->base.info.description, &engine->base.info.versions, &engine->base.info.backends,
                 &engine->base.info.device, &engine->base.info.caveat, &n_embd);
  engine->base.info.n_embd = n_embd;
  engine->base.info.gives = UT_GIVES_ALL;
  return TRUE;
}

static UtResult *
remote_evaluate (UtEngine *base, const UtRequest *request, GError **error)
{
  RemoteEngine *engine = (RemoteEngine *) base;
  if (engine->worker == NULL && !start_worker (engine, error))
    return NULL;

  g_autoptr (GVariant) value = ask (engine, request_value (request), RESULT_TYPE, "evaluating an image", error);
  if (value == NULL)
    return NULL;
  UtResult *result = result_of_value (value, request);
  if (result == NULL)
    report_death (engine, "evaluating an image", error);
  return result;
}

static void
remote_close (UtEngine *base)
{
  RemoteEngine *engine = (RemoteEngine *) base;
  if (engine->worker != NULL)
    {
      g_output_stream_close (g_subprocess_get_stdin_pipe (engine->worker), NULL, NULL);
      g_subprocess_wait (engine->worker, NULL, NULL);
      g_object_unref (engine->worker);
    }
  if (engine->log >= 0)
    close (engine->log);
  for (size_t i = 0; i < G_N_ELEMENTS (engine->strings); i++)
    g_free (engine->strings[i]);
  ut_engine_info_clear (&engine->base.info);
  g_free (engine->program);
  g_free (engine);
}

static const UtEngineClass remote_class = {
  .name = "remote",
  .summary = "another engine, in a process of its own",
  .evaluate = remote_evaluate,
  .close = remote_close,
};

UtEngine *
ut_engine_open_remote (const UtEngineConfig *config, const char *program, GError **error)
{
  /* A worker that died must not take this process along when it is written to. */
  signal (SIGPIPE, SIG_IGN);

  RemoteEngine *engine = g_new0 (RemoteEngine, 1);
  g_autoptr (UtEngine) base = &engine->base;
  base->class = &remote_class;
  engine->program = g_strdup (program);
  engine->config = *config;
  const char **fields[] = { &engine->config.engine, &engine->config.model, &engine->config.mmproj, &engine->config.devices,
                            &engine->config.flash_attn };
  static_assert (G_N_ELEMENTS (fields) == G_N_ELEMENTS (engine->strings));
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    *fields[i] = engine->strings[i] = g_strdup (*fields[i]);

  engine->log = memfd_create ("undertow-engine-log", MFD_CLOEXEC);
  if (engine->log < 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot make a file for the engine's messages: %s", g_strerror (errno));
      return NULL;
    }
  return start_worker (engine, error) ? g_steal_pointer (&base) : NULL;
}
