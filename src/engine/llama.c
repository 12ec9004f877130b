#include "engine/llama.h"

#include <llama.h>
#include <math.h>
#include <mtmd-helper.h>
#include <mtmd.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "engine/gguf-check.h"

constexpr int DEFAULT_CTX = 8192;
constexpr int MAX_BATCH = 2048;   /* tokens a decode, unless the context is smaller */
constexpr int MAX_OUTPUTS = 512;  /* rows of logits a decode: n_vocab floats each */
constexpr int MAX_SEQUENCES = 64; /* the prefix in sequence 0, the others for suffixes */

/* Graph nodes are named so, with the layer's number behind: the residual after a layer of the decoder, and of the encoder. */
static const char LAYER_NODE[] = "l_out-", VISION_LAYER_NODE[] = "layer_out-";

/* Where one graph node's rows are copied while a decode runs. */
typedef struct {
  char name[32]; /* the whole name of the node */
  GArray *rows;  /* float: [rows seen, n_embd] */
  size_t n_embd; /* width of a row, from the node itself */
} Capture;

/* Means over an image's patches after every layer of the encoder, over all images (or slices) of a request. */
typedef struct {
  GPtrArray *sums;  /* double *, [n_embd] a layer */
  size_t n_embd;    /* the encoder's own */
  size_t n_patches; /* summed so far */
  gboolean capturing;
} VisionLayers;

typedef struct {
  UtEngine base;
  struct llama_model *model;
  struct llama_context *ctx;
  mtmd_context *mtmd;
  const struct llama_vocab *vocab;
  const char *template;
  char *marker;   /* stands for an image in the text handed to libmtmd */
  char *closing;  /* what the template writes after the assistant's words */
  Capture last;   /* residual after the last layer: the paper's channel */
  Capture normed; /* the same after the final norm */
  gboolean capturing;
  gboolean layers; /* whether what comes out of every layer is wanted */
  int n_decoder;
  Capture *decoder; /* [n_decoder] after each, of the rows in `ends`; NULL unless `layers` */
  GArray *ends;     /* int: the rows of a decode that are prompts' last tokens; empty where the layers are not wanted */
  VisionLayers vision;
  gboolean batching; /* suffixes of many queries in one batch, or one after the other */
  int n_batch;
} LlamaEngine;

/* Tokens of one query or option behind the shared prefix, being decoded in a sequence of its own. */
typedef struct {
  llama_token *tokens;
  int n_tokens;
} Tokens;

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

static const char *
why (void)
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

/* ── captures ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void
capture_rows (Capture *capture, const struct ggml_tensor *node)
{
  const size_t n_values = (size_t) ggml_nelements (node);
  const guint old = capture->rows->len;
  capture->n_embd = (size_t) node->ne[0];
  g_array_set_size (capture->rows, old + (guint) n_values);
  ggml_backend_tensor_get (node, &g_array_index (capture->rows, float, old), 0, n_values * sizeof (float));
}

static Capture *
capture_of (LlamaEngine *engine, const char *name)
{
  if (g_str_equal (name, engine->last.name))
    return &engine->last;
  if (g_str_equal (name, engine->normed.name))
    return &engine->normed;
  return NULL;
}

/* The number behind `prefix` in a node's name; SIZE_MAX where the name is another. */
static size_t
layer_of_node (const char *name, const char *prefix)
{
  const size_t n = strlen (prefix);
  char *end;
  if (strncmp (name, prefix, n) != 0 || !g_ascii_isdigit (name[n]))
    return SIZE_MAX;
  const guint64 layer = g_ascii_strtoull (name + n, &end, 10);
  return *end == '\0' ? (size_t) layer : SIZE_MAX;
}

/* The decoder layer whose output the node is; NULL where it is not wanted. The last layer's rows are those of `last`. */
static Capture *
decoder_layer_of (LlamaEngine *engine, const char *name)
{
  const size_t layer = engine->ends->len > 0 ? layer_of_node (name, LAYER_NODE) : SIZE_MAX;
  return layer < (size_t) engine->n_decoder ? &engine->decoder[layer] : NULL;
}

/* Of a layer before the last all tokens are in the node: the last ones of the prompts are taken. */
static void
capture_ends (const LlamaEngine *engine, Capture *capture, const struct ggml_tensor *node)
{
  const size_t width = (size_t) node->ne[0];
  const int last = g_array_index (engine->ends, int, engine->ends->len - 1);
  capture->n_embd = width;
  g_array_set_size (capture->rows, last < node->ne[1] ? engine->ends->len * (guint) width : 0);
  for (guint i = 0; i < engine->ends->len && capture->rows->len > 0; i++)
    ggml_backend_tensor_get (node, &g_array_index (capture->rows, float, i *width),
                             (size_t) g_array_index (engine->ends, int, i) * node->nb[1], width * sizeof (float));
}

/* ggml's callback: asked first whether a node is wanted, then called with its data, which is valid only inside the call. */
static bool
on_node (struct ggml_tensor *node, bool ask, void *data)
{
  LlamaEngine *engine = data;
  const char *name = ggml_get_name (node);
  Capture *capture = engine->capturing ? capture_of (engine, name) : NULL;
  Capture *layer = engine->capturing && capture == NULL ? decoder_layer_of (engine, name) : NULL;
  if (ask)
    return capture != NULL || layer != NULL;
  if (node->type != GGML_TYPE_F32 || !ggml_is_contiguous (node))
    return true;
  if (capture != NULL)
    capture_rows (capture, node);
  if (layer != NULL)
    capture_ends (engine, layer, node);
  return true;
}

/* The same of the encoder's graph: its patches are summed, whatever order they stand in. */
static bool
on_vision_node (struct ggml_tensor *node, bool ask, void *data)
{
  LlamaEngine *engine = data;
  VisionLayers *vision = &engine->vision;
  const size_t layer = vision->capturing ? layer_of_node (ggml_get_name (node), VISION_LAYER_NODE) : SIZE_MAX;
  if (ask || layer == SIZE_MAX || node->type != GGML_TYPE_F32 || !ggml_is_contiguous (node))
    return !ask || layer != SIZE_MAX;

  const size_t n = (size_t) node->ne[0], n_patches = (size_t) ggml_nelements (node) / n;
  g_autofree float *values = g_new (float, n *n_patches);
  ggml_backend_tensor_get (node, values, 0, n * n_patches * sizeof (float));
  while (vision->sums->len <= layer)
    g_ptr_array_add (vision->sums, g_new0 (double, n));
  vision->n_embd = n;
  double *sum = vision->sums->pdata[layer];
  for (size_t p = 0; p < n_patches; p++)
    for (size_t j = 0; j < n; j++)
      sum[j] += (double) values[p * n + j];
  if (layer == 0)
    vision->n_patches += n_patches;
  return true;
}

static void
start_capture (LlamaEngine *engine)
{
  engine->capturing = TRUE;
  g_array_set_size (engine->last.rows, 0);
  g_array_set_size (engine->normed.rows, 0);
}

/* Row `i` of a capture into out [n_embd]; an error where the model's graph has no such node or row. */
static gboolean
captured_row (const LlamaEngine *engine, const Capture *capture, size_t i, float *out, GError **error)
{
  const size_t n_embd = engine->base.info.n_embd;
  if (capture->n_embd != n_embd || capture->rows->len < (i + 1) * n_embd)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "this model's graph gives no node '%s' of %zu columns to read",
                   capture->name, n_embd);
      return FALSE;
    }
  memcpy (out, &g_array_index (capture->rows, float, i *n_embd), n_embd * sizeof (float));
  for (size_t j = 0; j < n_embd; j++)
    if (!isfinite (out[j]))
      {
        g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model gave a representation that is not finite");
        return FALSE;
      }
  return TRUE;
}

/* Row `i` of what came out of the last layer. */
static gboolean
captured_state (const LlamaEngine *engine, size_t i, const UtState *out, GError **error)
{
  return captured_row (engine, &engine->last, i, out->raw, error)
         && captured_row (engine, &engine->normed, i, out->normed, error);
}

/* The mean of the rows [from, from + n), into out [n_embd]. */
static gboolean
captured_mean (const LlamaEngine *engine, size_t from, size_t n, float *raw, float *normed, GError **error)
{
  const size_t n_embd = engine->base.info.n_embd;
  g_autofree double *sums = g_new0 (double, 2 * n_embd);
  g_auto (UtState) row = ut_state_new (1, n_embd);
  for (size_t i = 0; i < n; i++)
    {
      if (!captured_state (engine, from + i, &row, error))
        return FALSE;
      for (size_t j = 0; j < n_embd; j++)
        {
          sums[j] += (double) row.raw[j];
          sums[n_embd + j] += (double) row.normed[j];
        }
    }
  for (size_t j = 0; j < n_embd; j++)
    {
      raw[j] = (float) (sums[j] / (double) n);
      normed[j] = (float) (sums[n_embd + j] / (double) n);
    }
  return TRUE;
}

/* ── text ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void
tokens_clear (Tokens *tokens)
{
  g_clear_pointer (&tokens->tokens, g_free);
  tokens->n_tokens = 0;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tokens, tokens_clear)

static Tokens
tokenize (const LlamaEngine *engine, const char *text, bool add_special)
{
  const int length = (int) strlen (text);
  const int n = -llama_tokenize (engine->vocab, text, length, NULL, 0, add_special, true);
  Tokens tokens = { g_new (llama_token, (gsize) MAX (n, 1)), MAX (n, 0) };
  if (n > 0)
    llama_tokenize (engine->vocab, text, length, tokens.tokens, n, add_special, true);
  return tokens;
}

static int
common_prefix (const Tokens *a, const Tokens *b)
{
  int n = 0;
  while (n < a->n_tokens && n < b->n_tokens && a->tokens[n] == b->tokens[n])
    n++;
  return n;
}

/* The conversation in the model's own template; `assistant` NULL leaves the assistant's turn open. NULL where libllama does not know
 * the template. */
static char *
apply_template (const LlamaEngine *engine, const char *user, const char *assistant)
{
  const struct llama_chat_message messages[] = { { "user", user }, { "assistant", assistant } };
  const size_t n = assistant != NULL ? 2 : 1;
  const bool open = assistant == NULL;
  const int size = llama_chat_apply_template (engine->template, messages, n, open, NULL, 0);
  if (size < 0)
    return NULL;
  char *text = g_malloc0 ((gsize) size + 1);
  llama_chat_apply_template (engine->template, messages, n, open, text, size + 1);
  return text;
}

/* Finds what the template writes after the assistant's words. */
static gboolean
learn_template (LlamaEngine *engine, GError **error)
{
  engine->template = llama_model_chat_template (engine->model, NULL);
  if (engine->template == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model has no chat template (tokenizer.chat_template)");
      return FALSE;
    }
  static const char user[] = "user's words", assistant[] = "assistant's words";
  g_autofree char *open = apply_template (engine, user, NULL);
  g_autofree char *whole = apply_template (engine, user, assistant);
  const char *words = whole != NULL ? strstr (whole, assistant) : NULL;
  if (open == NULL || words == NULL || !g_str_has_prefix (whole, open))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "libllama does not know the model's chat template");
      return FALSE;
    }
  engine->closing = g_strdup (words + strlen (assistant));
  return TRUE;
}

/* ── decoding ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A suffix to decode: tokens [from, to) in sequence `seq` from position `pos`; logits of all of them or of the last alone. */
typedef struct {
  const llama_token *tokens;
  int n_tokens;
  llama_seq_id seq;
  llama_pos pos;
  gboolean all_logits;
} Suffix;

/* Decodes suffixes [n] as one batch. Logits of a suffix's first output stand at row out_first[i] of the batch. */
static gboolean
decode_suffixes (LlamaEngine *engine, const Suffix *suffixes, size_t n, int *out_first, GError **error)
{
  int n_tokens = 0;
  for (size_t i = 0; i < n; i++)
    n_tokens += suffixes[i].n_tokens;

  struct llama_batch batch = llama_batch_init (n_tokens, 0, 1);
  for (size_t i = 0; i < n; i++)
    {
      const Suffix *s = &suffixes[i];
      out_first[i] = s->all_logits ? batch.n_tokens : batch.n_tokens + s->n_tokens - 1;
      for (int t = 0; t < s->n_tokens; t++, batch.n_tokens++)
        {
          batch.token[batch.n_tokens] = s->tokens[t];
          batch.pos[batch.n_tokens] = s->pos + t;
          batch.n_seq_id[batch.n_tokens] = 1;
          batch.seq_id[batch.n_tokens][0] = s->seq;
          batch.logits[batch.n_tokens] = s->all_logits || t == s->n_tokens - 1;
        }
    }
  const int status = llama_decode (engine->ctx, batch);
  llama_batch_free (batch);
  if (status != 0)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model could not decode %d tokens (%d): %s", n_tokens, status, why ());
  return status == 0;
}

/* log p(token) under logits [n_vocab], summed in double and in order. NaN where a logit is not finite. */
static double
log_prob (const LlamaEngine *engine, const float *logits, llama_token token)
{
  const int n_vocab = llama_vocab_n_tokens (engine->vocab);
  float max = logits[0];
  for (int i = 1; i < n_vocab; i++)
    max = MAX (max, logits[i]);
  double sum = 0;
  for (int i = 0; i < n_vocab; i++)
    sum += exp ((double) (logits[i] - max));
  return (double) (logits[token] - max) - log (sum);
}

/* The token with the largest logit, of several the first. */
static llama_token
likeliest (const LlamaEngine *engine, const float *logits)
{
  const int n_vocab = llama_vocab_n_tokens (engine->vocab);
  llama_token best = 0;
  for (llama_token i = 1; i < n_vocab; i++)
    if (logits[i] > logits[best])
      best = i;
  return best;
}

/* ── the prefix: images and the text before them ────────────────────────────────────────────────────────────────────────────── */

typedef mtmd_input_chunks Chunks;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Chunks, mtmd_input_chunks_free)

static void
bitmap_free (void *bitmap)
{
  mtmd_bitmap_free (bitmap);
}

/* The prefix's text: all the template writes before the question, a marker for each image. *out_length is how much of any query's text
 * it takes. */
static char *
prefix_text (const LlamaEngine *engine, const UtRequest *request)
{
  g_autoptr (GString) markers = g_string_new (NULL);
  for (size_t i = 0; i < request->images->len; i++)
    g_string_append (markers, engine->marker);
  g_autofree char *text = apply_template (engine, markers->str, NULL);
  const char *last = g_strrstr (text, engine->marker);
  return last != NULL ? g_strndup (text, (gsize) (last - text) + strlen (engine->marker)) : g_strdup ("");
}

static Chunks *
tokenize_prefix (LlamaEngine *engine, const UtRequest *request, const char *text, GError **error)
{
  g_autoptr (GPtrArray) bitmaps = g_ptr_array_new_with_free_func (bitmap_free);
  for (size_t i = 0; i < request->images->len; i++)
    {
      const UtImage *image = request->images->pdata[i];
      g_ptr_array_add (bitmaps, mtmd_bitmap_init ((uint32_t) image->width, (uint32_t) image->height, image->pixels));
    }
  g_autoptr (Chunks) chunks = mtmd_input_chunks_init ();
  const mtmd_input_text input = { text, strlen (text), true, true };
  const int status = mtmd_tokenize (engine->mtmd, chunks, &input, (const mtmd_bitmap *const *) bitmaps->pdata, bitmaps->len);
  if (status != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model's preprocessor refused the image (%d): %s", status, why ());
      return NULL;
    }
  return g_steal_pointer (&chunks);
}

/* The grid of an image chunk's tokens. M-RoPE models say where each token lies; of the others only the count is known, and a square
 * is assumed where it is one. */
static UtGrid
grid_of_chunk (const LlamaEngine *engine, const mtmd_input_chunk *chunk)
{
  const mtmd_image_tokens *tokens = mtmd_input_chunk_get_tokens_image (chunk);
  const size_t n = mtmd_input_chunk_get_n_tokens (chunk);
  if (mtmd_decode_use_mrope (engine->mtmd))
    {
      g_autofree struct mtmd_decoder_pos *pos = g_new (struct mtmd_decoder_pos, n);
      mtmd_helper_image_get_decoder_pos (tokens, 0, pos);
      UtGrid grid = { 1, 0, 0 };
      for (size_t i = 0; i < n; i++)
        {
          grid.h = MAX (grid.h, pos[i].y + 1);
          grid.w = MAX (grid.w, pos[i].x + 1);
        }
      if ((size_t) grid.h * grid.w == n)
        return grid;
    }
  const uint32_t side = (uint32_t) lround (sqrt ((double) n));
  return (size_t) side * side == n ? (UtGrid) { 1, side, side } : (UtGrid) { 1, 1, (uint32_t) n };
}

/* Keeps what the LLM receives of an image: of Qwen3-VL's wider rows the first n_embd columns, the merger's output. */
static void
keep_vision (const LlamaEngine *engine, const mtmd_input_chunk *chunk, const float *embd, UtResult *result)
{
  const size_t n_embd = result->n_embd;
  const size_t width = (size_t) llama_model_n_embd_inp (engine->model);
  const size_t n = mtmd_input_chunk_get_n_tokens (chunk);
  const UtGrid grid = grid_of_chunk (engine, chunk);
  g_array_append_val (result->grids, grid);
  result->vision = g_renew (float, result->vision, (result->n_vision + n) * n_embd);
  for (size_t t = 0; t < n; t++)
    memcpy (result->vision + (result->n_vision + t) * n_embd, embd + t * width, n_embd * sizeof (float));
  result->n_vision += n;
}

static void
forget_vision_layers (LlamaEngine *engine)
{
  g_ptr_array_set_size (engine->vision.sums, 0);
  engine->vision.n_patches = 0;
}

/* Takes the means over the patches of all images that were encoded. */
static gboolean
keep_vision_layers (const LlamaEngine *engine, UtResult *result, GError **error)
{
  const VisionLayers *vision = &engine->vision;
  if (!engine->layers || result->n_vision == 0)
    return TRUE;
  if (vision->sums->len == 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "this model's encoder has no nodes '%s…' to read its layers from",
                   VISION_LAYER_NODE);
      return FALSE;
    }
  result->n_vision_layers = vision->sums->len;
  result->n_vision_embd = vision->n_embd;
  result->vision_layers = g_new (float, vision->sums->len * vision->n_embd);
  for (size_t l = 0; l < vision->sums->len; l++)
    for (size_t j = 0; j < vision->n_embd; j++)
      result->vision_layers[l * vision->n_embd + j]
          = (float) (((const double *) vision->sums->pdata[l])[j] / (double) vision->n_patches);
  return TRUE;
}

static gboolean
decode_image (LlamaEngine *engine, const mtmd_input_chunk *chunk, llama_pos *pos, UtResult *result, GError **error)
{
  /* An image whose tokens attend both ways must fit one batch, or ggml aborts. */
  const size_t n = mtmd_input_chunk_get_n_tokens (chunk);
  if (mtmd_decode_use_non_causal (engine->mtmd, chunk) && n > (size_t) engine->n_batch)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "an image of %zu tokens does not fit one batch of %d", n, engine->n_batch);
      return FALSE;
    }
  engine->vision.capturing = engine->layers;
  const int status = mtmd_encode_chunk (engine->mtmd, chunk);
  engine->vision.capturing = FALSE;
  if (status != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the image could not be encoded: %s", why ());
      return FALSE;
    }
  float *embd = mtmd_get_output_embd (engine->mtmd);
  keep_vision (engine, chunk, embd, result);
  if (mtmd_helper_decode_image_chunk (engine->mtmd, engine->ctx, chunk, embd, *pos, 0, engine->n_batch, pos, NULL, NULL) != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the image's tokens could not be decoded: %s", why ());
      return FALSE;
    }
  return TRUE;
}

static gboolean
decode_text_chunk (LlamaEngine *engine, const mtmd_input_chunk *chunk, llama_pos *pos, GError **error)
{
  size_t n;
  const llama_token *tokens = mtmd_input_chunk_get_tokens_text (chunk, &n);
  int first;
  for (size_t done = 0; done < n; done += (size_t) engine->n_batch)
    {
      const Suffix part = { tokens + done, (int) MIN (n - done, (size_t) engine->n_batch), 0, *pos, FALSE };
      if (!decode_suffixes (engine, &part, 1, &first, error))
        return FALSE;
      *pos += part.n_tokens;
    }
  return TRUE;
}

/* Encodes and decodes the prefix in sequence 0; *out_pos is the position after it, *out_cells the cells it takes. */
static gboolean
decode_prefix (LlamaEngine *engine, const UtRequest *request, const char *text, UtResult *result, llama_pos *out_pos,
               int *out_cells, GError **error)
{
  *out_pos = 0;
  *out_cells = 0;
  if (*text == '\0')
    return TRUE;
  g_autoptr (Chunks) chunks = tokenize_prefix (engine, request, text, error);
  if (chunks == NULL)
    return FALSE;

  const size_t n_tokens = mtmd_helper_get_n_tokens (chunks);
  if (n_tokens >= llama_n_ctx (engine->ctx))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
                   "the image takes %zu tokens, the context holds %u: give a larger -c or fewer --image-max-tokens", n_tokens,
                   llama_n_ctx (engine->ctx));
      return FALSE;
    }
  for (size_t i = 0; i < mtmd_input_chunks_size (chunks); i++)
    {
      const mtmd_input_chunk *chunk = mtmd_input_chunks_get (chunks, i);
      const gboolean is_text = mtmd_input_chunk_get_type (chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT;
      if (is_text ? !decode_text_chunk (engine, chunk, out_pos, error) : !decode_image (engine, chunk, out_pos, result, error))
        return FALSE;
    }
  *out_cells = (int) n_tokens;
  return TRUE;
}

/* ── queries ────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A text that is scored as the answer to a query: an option's, with the tokens that close the turn, or its label, without. */
typedef struct {
  const char *text;
  Tokens whole;                 /* prompt, text and closing tokens */
  int start;                    /* where it leaves the prompt */
  int n_text;                   /* tokens of the text alone */
  double logprob, logprob_text; /* so far */
} Option;

/* A query being evaluated. */
typedef struct {
  const UtQuery *query;
  UtAnswer *answer;
  char *text; /* behind the prefix, to the open turn of the assistant */
  Tokens prompt;
  Option *options; /* [n_options]: the query's options, then their labels */
  unsigned n_options;
  llama_seq_id seq;
  llama_token first; /* the likeliest behind the prompt: a greedy answer begins with it */
} Work;

static void
work_free (Work *work)
{
  for (unsigned k = 0; k < work->n_options; k++)
    tokens_clear (&work->options[k].whole);
  g_free (work->options);
  g_free (work->text);
  tokens_clear (&work->prompt);
  g_free (work);
}

/* Tokenises prompt, option and closing together, since the seam between them may merge, and parts them at the common token prefix. */
static gboolean
prepare_option (const LlamaEngine *engine, const Work *work, const char *text, const char *closing, bool add_special,
                Option *option, GError **error)
{
  g_autofree char *open = g_strconcat (work->text, text, NULL);
  g_autofree char *whole = g_strconcat (open, closing, NULL);
  g_auto (Tokens) without_closing = tokenize (engine, open, add_special);
  option->text = text;
  option->whole = tokenize (engine, whole, add_special);
  option->start = common_prefix (&work->prompt, &option->whole);
  option->n_text = common_prefix (&without_closing, &option->whole) - option->start;

  /* Where the option's first letters merge with the prompt's last token, that token is scored as part of the option: its position
   * must lie behind the token that is decoded for every option. */
  if (option->start != work->prompt.n_tokens)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the tokenizer merges option '%s' with the prompt before it", text);
      return FALSE;
    }
  if (option->whole.n_tokens - option->start > MAX_OUTPUTS)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "option '%.40s…' has more than %d tokens", text, MAX_OUTPUTS);
      return FALSE;
    }
  return TRUE;
}

/* Prepares the texts that the query's answer is scored of. */
static gboolean
prepare_options (const LlamaEngine *engine, Work *work, bool add_special, GError **error)
{
  const UtQuery *query = work->query;
  const unsigned n = work->answer->n_options;
  work->n_options = query->labels != NULL ? 2 * n : n;
  work->options = g_new0 (Option, work->n_options);
  for (unsigned k = 0; k < work->n_options; k++)
    {
      const gboolean is_label = k >= n;
      const char *text = is_label ? query->labels[k - n] : query->options[k];
      if (!prepare_option (engine, work, text, is_label ? "" : engine->closing, add_special, &work->options[k], error))
        return FALSE;
    }
  return TRUE;
}

static Work *
prepare_query (const LlamaEngine *engine, const UtRequest *request, const UtQuery *query, const char *prefix, UtAnswer *answer,
               GError **error)
{
  if (strstr (query->prompt, engine->marker) != NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the prompt holds the image marker '%s'", engine->marker);
      return NULL;
    }
  g_autoptr (GString) user = g_string_new (NULL);
  for (size_t i = 0; i < request->images->len; i++)
    g_string_append (user, engine->marker);
  g_string_append (user, query->prompt);
  g_autofree char *text = apply_template (engine, user->str, NULL);
  if (text == NULL || !g_str_has_prefix (text, prefix))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model's chat template does not begin alike for all questions");
      return NULL;
    }

  Work *work = g_new0 (Work, 1);
  const bool add_special = *prefix == '\0';
  work->query = query;
  work->answer = answer;
  work->text = g_strdup (text + strlen (prefix));
  work->prompt = tokenize (engine, work->text, add_special);
  if (!prepare_options (engine, work, add_special, error))
    {
      work_free (work);
      return NULL;
    }
  return work;
}

/* What came out of every layer at the end of the i-th prompt. */
static gboolean
read_layers (const LlamaEngine *engine, const Work *work, size_t i, GError **error)
{
  const size_t n_embd = engine->base.info.n_embd, n_layers = (size_t) llama_model_n_layer (engine->model);
  work->answer->layers = g_new (float, n_layers *n_embd);
  for (size_t l = 0; l + 1 < n_layers; l++)
    if (!captured_row (engine, &engine->decoder[l], i, work->answer->layers + l * n_embd, error))
      return FALSE;
  memcpy (work->answer->layers + (n_layers - 1) * n_embd, work->answer->ctx.raw, n_embd * sizeof (float));
  return TRUE;
}

/* Reads the answers' captures and the first token of every option. */
static gboolean
read_prompts (LlamaEngine *engine, Work *const *works, size_t n, const int *rows, GError **error)
{
  for (size_t i = 0; i < n; i++)
    {
      Work *work = works[i];
      if (!captured_state (engine, i, &work->answer->ctx, error) || (engine->layers && !read_layers (engine, work, i, error)))
        return FALSE;
      const float *logits = llama_get_logits_ith (engine->ctx, rows[i]);
      work->first = likeliest (engine, logits);
      for (unsigned k = 0; k < work->n_options; k++)
        {
          Option *option = &work->options[k];
          if (option->whole.n_tokens == option->start)
            continue;
          option->logprob = log_prob (engine, logits, option->whole.tokens[option->start]);
          option->logprob_text = option->n_text > 0 ? option->logprob : 0;
        }
    }
  return TRUE;
}

/* Adds log p of an option's later tokens; the logits of the token before each stand in the batch from row `first`. */
static void
read_option (const LlamaEngine *engine, Option *option, int first)
{
  for (int t = option->start + 1; t < option->whole.n_tokens; t++)
    {
      const float *logits = llama_get_logits_ith (engine->ctx, first + t - option->start - 1);
      const double p = log_prob (engine, logits, option->whole.tokens[t]);
      option->logprob += p;
      if (t < option->start + option->n_text)
        option->logprob_text += p;
    }
}

/* Tokens of an option that are decoded: all but the last, whose own logits are of no interest, yet all of its text. */
static int
n_decoded (const Option *option)
{
  return MAX (option->whole.n_tokens - option->start - 1, option->n_text);
}

/* Hands the finished sums to the answer. */
static void
write_scores (const Work *work)
{
  const unsigned n = work->answer->n_options;
  for (unsigned k = 0; k < n; k++)
    {
      const Option *option = &work->options[k];
      const Option *label = work->n_options > n ? &work->options[n + k] : option;
      work->answer->scores[k] = (UtScore) { option->logprob, option->logprob_text, label->logprob_text, option->n_text };
    }
}

/* What bounds a batch: sequences, tokens, rows of logits and cells of the context, as far as they are taken. */
typedef struct {
  int n_sequences, n_tokens, n_outputs, n_cells;
} Room;

/* Whether a suffix still fits; takes its room if so. */
static gboolean
take_room (const LlamaEngine *engine, Room *room, int n_tokens, int n_outputs)
{
  const int max_sequences = engine->batching ? MAX_SEQUENCES : 2;
  if (room->n_sequences + 1 > max_sequences || room->n_tokens + n_tokens > engine->n_batch
      || room->n_outputs + n_outputs > MAX_OUTPUTS || room->n_cells + n_tokens > (int) llama_n_ctx (engine->ctx))
    return FALSE;
  room->n_sequences++;
  room->n_tokens += n_tokens;
  room->n_outputs += n_outputs;
  room->n_cells += n_tokens;
  return TRUE;
}

/* Options waiting to be decoded together. */
typedef struct {
  GArray *suffixes; /* Suffix */
  GPtrArray *works; /* Work *, one a suffix */
  GArray *indices;  /* unsigned, the option's */
  Room room;
} OptionBatch;

static gboolean
flush_options (LlamaEngine *engine, OptionBatch *batch, Room base, GError **error)
{
  llama_memory_t memory = llama_get_memory (engine->ctx);
  const size_t n = batch->suffixes->len, n_embd = engine->base.info.n_embd;
  g_autofree int *rows = g_new (int, n + 1);
  start_capture (engine);
  const gboolean decoded = n == 0 || decode_suffixes (engine, (const Suffix *) (void *) batch->suffixes->data, n, rows, error);
  engine->capturing = FALSE;
  if (!decoded)
    return FALSE;
  for (size_t i = 0; i < n; i++)
    {
      const Suffix *suffix = &g_array_index (batch->suffixes, Suffix, i);
      const Work *work = batch->works->pdata[i];
      const unsigned k = g_array_index (batch->indices, unsigned, i);
      const Option *option = &work->options[k];
      const UtState *means = &work->answer->options;
      read_option (engine, &work->options[k], rows[i]);
      if (k < work->answer->n_options && option->n_text > 0
          && !captured_mean (engine, (size_t) rows[i], (size_t) option->n_text, means->raw + k * n_embd,
                             means->normed + k * n_embd, error))
        return FALSE;
      llama_memory_seq_rm (memory, suffix->seq, -1, -1);
    }
  g_array_set_size (batch->suffixes, 0);
  g_ptr_array_set_size (batch->works, 0);
  g_array_set_size (batch->indices, 0);
  batch->room = base;
  return TRUE;
}

/* Decodes every option of the works [n], each as a suffix of its query, as many at a time as fit. `base` is what the queries take. */
static gboolean
score_options (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, Room base, GError **error)
{
  g_autoptr (GArray) suffixes = g_array_new (FALSE, FALSE, sizeof (Suffix));
  g_autoptr (GPtrArray) waiting = g_ptr_array_new ();
  g_autoptr (GArray) indices = g_array_new (FALSE, FALSE, sizeof (unsigned));
  OptionBatch batch = { suffixes, waiting, indices, base };
  llama_memory_t memory = llama_get_memory (engine->ctx);

  for (size_t i = 0; i < n; i++)
    for (unsigned k = 0; k < works[i]->n_options; k++)
      {
        const Option *option = &works[i]->options[k];
        /* Of a label no state is wanted. */
        const gboolean is_label = k >= works[i]->answer->n_options;
        const int n_tokens = is_label ? option->whole.n_tokens - option->start - 1 : n_decoded (option);
        if (n_tokens <= 0)
          continue;
        if (!take_room (engine, &batch.room, n_tokens, n_tokens))
          {
            if (!flush_options (engine, &batch, base, error))
              return FALSE;
            if (!take_room (engine, &batch.room, n_tokens, n_tokens))
              {
                g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "option '%.40s' does not fit the context: give a larger -c",
                             option->text);
                return FALSE;
              }
          }
        const Suffix suffix = { option->whole.tokens + option->start, n_tokens, batch.room.n_sequences - 1,
                                prefix_pos + works[i]->prompt.n_tokens, TRUE };
        llama_memory_seq_cp (memory, works[i]->seq, suffix.seq, -1, -1);
        g_array_append_val (suffixes, suffix);
        g_ptr_array_add (waiting, works[i]);
        g_array_append_val (indices, k);
      }
  return flush_options (engine, &batch, base, error);
}

/* ── greedy answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* One being written. */
typedef struct {
  Work *work;
  GArray *tokens; /* llama_token */
  double *sums;   /* [2, n_embd]: of the states of its tokens, before and after the final norm */
  gboolean ended;
} Greedy;

/* The text of the tokens, without what only ends it. */
static char *
text_of_tokens (const LlamaEngine *engine, const GArray *tokens)
{
  const llama_token *data = (const llama_token *) (const void *) tokens->data;
  const int n = -llama_detokenize (engine->vocab, data, (int) tokens->len, NULL, 0, false, false);
  g_autofree char *bytes = g_malloc0 ((gsize) MAX (n, 0) + 1);
  if (n > 0)
    llama_detokenize (engine->vocab, data, (int) tokens->len, bytes, n, false, false);
  return g_utf8_make_valid (bytes, -1);
}

/* Decodes one more token of every answer [n], all in one batch, and sees which token follows. */
static gboolean
write_tokens (LlamaEngine *engine, Greedy *const *answers, size_t n, llama_pos prefix_pos, GError **error)
{
  const size_t n_embd = engine->base.info.n_embd;
  g_autofree Suffix *suffixes = g_new (Suffix, n);
  g_autofree int *rows = g_new (int, n);
  for (size_t i = 0; i < n; i++)
    {
      const Work *work = answers[i]->work;
      g_array_append_val (answers[i]->tokens, work->first);
      suffixes[i] = (Suffix) { &work->first, 1, work->seq,
                               prefix_pos + work->prompt.n_tokens + (llama_pos) answers[i]->tokens->len - 1, TRUE };
    }
  start_capture (engine);
  const gboolean decoded = decode_suffixes (engine, suffixes, n, rows, error);
  engine->capturing = FALSE;
  if (!decoded)
    return FALSE;

  g_auto (UtState) state = ut_state_new (1, n_embd);
  for (size_t i = 0; i < n; i++)
    {
      Greedy *answer = answers[i];
      if (!captured_state (engine, i, &state, error))
        return FALSE;
      for (size_t j = 0; j < n_embd; j++)
        {
          answer->sums[j] += (double) state.raw[j];
          answer->sums[n_embd + j] += (double) state.normed[j];
        }
      answer->ended = llama_vocab_is_eog (engine->vocab, answer->work->first);
      answer->work->first = likeliest (engine, llama_get_logits_ith (engine->ctx, rows[i]));
    }
  return TRUE;
}

/* Writes one answer after the other, or all together: at every step one token of each that has not ended. */
static gboolean
write_answers (LlamaEngine *engine, Greedy *answers, size_t n, llama_pos prefix_pos, int n_generate, GError **error)
{
  g_autofree Greedy **open = g_new (Greedy *, n);
  for (int step = 0; step < n_generate; step++)
    {
      size_t n_open = 0;
      for (size_t i = 0; i < n; i++)
        if (!answers[i].ended)
          open[n_open++] = &answers[i];
      if (n_open == 0)
        break;
      if (!write_tokens (engine, open, n_open, prefix_pos, error))
        return FALSE;
    }
  return TRUE;
}

static void
finish_answer (const LlamaEngine *engine, Greedy *greedy)
{
  const size_t n_embd = engine->base.info.n_embd;
  UtAnswer *answer = greedy->work->answer;
  answer->text = text_of_tokens (engine, greedy->tokens);
  answer->greedy = ut_state_new (1, n_embd);
  for (size_t j = 0; j < n_embd; j++)
    {
      answer->greedy.raw[j] = (float) (greedy->sums[j] / greedy->tokens->len);
      answer->greedy.normed[j] = (float) (greedy->sums[n_embd + j] / greedy->tokens->len);
    }
  g_array_unref (greedy->tokens);
  g_free (greedy->sums);
}

/* Writes the greedy answers to works [n]. On the CPU there is one work at a time: a batch of several rounds otherwise than each alone, and
 * a resumed run would not get the same numbers. */
static gboolean
answer_greedily (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int n_generate, Room taken,
                 UtResult *result, GError **error)
{
  if (taken.n_cells + (int) n * n_generate > (int) llama_n_ctx (engine->ctx))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "an answer of %d tokens does not fit the context: give a larger -c",
                   n_generate);
      return FALSE;
    }
  const gint64 start = g_get_monotonic_time ();
  g_autofree Greedy *answers = g_new0 (Greedy, n);
  for (size_t i = 0; i < n; i++)
    answers[i] = (Greedy) { .work = works[i],
                            .tokens = g_array_new (FALSE, FALSE, sizeof (llama_token)),
                            .sums = g_new0 (double, 2 * engine->base.info.n_embd) };
  const gboolean ok = write_answers (engine, answers, n, prefix_pos, n_generate, error);
  for (size_t i = 0; i < n; i++)
    finish_answer (engine, &answers[i]);
  result->generate_seconds += (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  return ok;
}

/* ── the whole request ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Notes which rows of a decode are the last of a prompt, where the layers are wanted. */
static void
note_ends (LlamaEngine *engine, const Suffix *suffixes, size_t n)
{
  int row = -1;
  for (size_t i = 0; engine->layers && i < n; i++)
    {
      row += suffixes[i].n_tokens;
      g_array_append_val (engine->ends, row);
    }
}

/* Evaluates works [n] that fit one batch together, then forgets all but the prefix. */
static gboolean
evaluate_works (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int prefix_cells, int n_generate,
                UtResult *result, GError **error)
{
  llama_memory_t memory = llama_get_memory (engine->ctx);
  g_autofree Suffix *suffixes = g_new (Suffix, n);
  g_autofree int *rows = g_new (int, n);
  Room taken = { .n_sequences = 1, .n_cells = prefix_cells };
  for (size_t i = 0; i < n; i++)
    {
      works[i]->seq = (llama_seq_id) i + 1;
      llama_memory_seq_cp (memory, 0, works[i]->seq, -1, -1);
      suffixes[i] = (Suffix) { works[i]->prompt.tokens, works[i]->prompt.n_tokens, works[i]->seq, prefix_pos, FALSE };
      taken.n_sequences++;
      taken.n_cells += works[i]->prompt.n_tokens;
    }

  start_capture (engine);
  note_ends (engine, suffixes, n);
  const gboolean decoded = decode_suffixes (engine, suffixes, n, rows, error);
  engine->capturing = FALSE;
  g_array_set_size (engine->ends, 0);
  if (!decoded || !read_prompts (engine, works, n, rows, error))
    return FALSE;

  if (!engine->batching)
    {
      /* One option after the other behind its one query: the query joins the prefix, so that sequence 1 is free for them. */
      llama_memory_seq_cp (memory, works[0]->seq, 0, -1, -1);
      llama_memory_seq_rm (memory, works[0]->seq, -1, -1);
      works[0]->seq = 0;
      taken.n_sequences = 1;
    }
  if (!score_options (engine, works, n, prefix_pos, taken, error))
    return FALSE;
  for (size_t i = 0; i < n; i++)
    write_scores (works[i]);
  if (n_generate > 0 && !answer_greedily (engine, works, n, prefix_pos, n_generate, taken, result, error))
    return FALSE;
  for (llama_seq_id s = 1; s < MAX_SEQUENCES; s++)
    llama_memory_seq_rm (memory, s, -1, -1);
  if (!llama_memory_seq_rm (memory, 0, prefix_pos, -1))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "this model's memory cannot be cut back to the image");
      return FALSE;
    }
  return TRUE;
}

/* Evaluates all works, as many at a time as fit. Half of the sequences and outputs are left to the options. */
static gboolean
evaluate_all (LlamaEngine *engine, GPtrArray *works, llama_pos prefix_pos, int prefix_cells, int n_generate, UtResult *result,
              GError **error)
{
  size_t start = 0;
  while (start < works->len)
    {
      const size_t most = engine->batching ? MAX_SEQUENCES / 2 : 1;
      Room room = { .n_sequences = 1, .n_cells = prefix_cells };
      size_t n = 0;
      while (start + n < works->len && n < most
             && take_room (engine, &room, ((Work *) works->pdata[start + n])->prompt.n_tokens, 1))
        n++;
      if (n == 0)
        {
          g_set_error (
              error, UT_ERROR, UT_ERROR_FAILED,
              "a prompt of %d tokens behind an image of %d does not fit a context of %u and a batch of %d: give a larger -c",
              ((Work *) works->pdata[start])->prompt.n_tokens, prefix_cells, llama_n_ctx (engine->ctx), engine->n_batch);
          return FALSE;
        }
      if (!evaluate_works (engine, (Work *const *) works->pdata + start, n, prefix_pos, prefix_cells, n_generate, result, error))
        return FALSE;
      start += n;
    }
  return TRUE;
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
  llama_memory_clear (llama_get_memory (engine->ctx), false);

  g_autoptr (UtResult) result = ut_result_new ();
  result->n_embd = base->info.n_embd;
  result->n_layers = engine->layers ? (size_t) llama_model_n_layer (engine->model) : 0;
  g_autofree char *prefix = prefix_text (engine, request);
  g_autoptr (GPtrArray) works = g_ptr_array_new_with_free_func ((GDestroyNotify) work_free);
  for (size_t i = 0; i < request->queries->len; i++)
    {
      const UtQuery *query = request->queries->pdata[i];
      UtAnswer *answer = ut_answer_new (query->options != NULL ? g_strv_length (query->options) : 0, base->info.n_embd);
      g_ptr_array_add (result->answers, answer);
      Work *work = prepare_query (engine, request, query, prefix, answer, error);
      if (work == NULL)
        return NULL;
      g_ptr_array_add (works, work);
    }

  forget_vision_layers (engine);
  llama_pos pos;
  int n_cells;
  if (!decode_prefix (engine, request, prefix, result, &pos, &n_cells, error) || !keep_vision_layers (engine, result, error)
      || !evaluate_all (engine, works, pos, n_cells, request->n_generate, result, error) || !check_scores (result, error))
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
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: libllama cannot load it: %s", config->model, why ());
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
  params.n_outputs_max = (uint32_t) MIN (MAX_OUTPUTS, engine->n_batch);
  params.n_seq_max = MAX_SEQUENCES;
  params.n_threads = params.n_threads_batch = config->n_threads;
  params.flash_attn_type = flash_attn;
  params.kv_unified = true;
  params.swa_full = true;
  params.no_perf = true;
  params.cb_eval = on_node;
  params.cb_eval_user_data = engine;
  engine->ctx = llama_init_from_model (engine->model, params);
  if (engine->ctx == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: no context of %d tokens can be made: %s", config->model, n_ctx, why ());
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
      params.cb_eval = on_vision_node;
      params.cb_eval_user_data = engine;
    }
  engine->mtmd = mtmd_init_from_file (config->mmproj, engine->model, params);
  if (engine->mtmd == NULL || !mtmd_support_vision (engine->mtmd))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: libmtmd cannot use it with %s: %s", config->mmproj, config->model,
                   engine->mtmd == NULL ? why () : "it sees no images");
      return FALSE;
    }
  return TRUE;
}

/* Decodes one token, to learn whether the graph has the nodes that captures need. */
static gboolean
probe_graph (LlamaEngine *engine, GError **error)
{
  g_snprintf (engine->last.name, sizeof engine->last.name, "%s%d", LAYER_NODE, llama_model_n_layer (engine->model) - 1);
  g_strlcpy (engine->normed.name, "result_norm", sizeof engine->normed.name);
  engine->last.rows = g_array_new (FALSE, FALSE, sizeof (float));
  engine->normed.rows = g_array_new (FALSE, FALSE, sizeof (float));
  engine->n_decoder = engine->layers ? llama_model_n_layer (engine->model) : 0;
  engine->decoder = g_new0 (Capture, (gsize) engine->n_decoder);
  for (int l = 0; l < engine->n_decoder; l++)
    {
      g_snprintf (engine->decoder[l].name, sizeof engine->decoder[l].name, "%s%d", LAYER_NODE, l);
      engine->decoder[l].rows = g_array_new (FALSE, FALSE, sizeof (float));
    }

  const llama_token token = 0;
  const Suffix suffix = { &token, 1, 0, 0, FALSE };
  int row;
  start_capture (engine);
  const gboolean ok = decode_suffixes (engine, &suffix, 1, &row, error);
  engine->capturing = FALSE;
  g_autofree float *scratch = g_new (float, engine->base.info.n_embd);
  return ok && captured_row (engine, &engine->last, 0, scratch, error)
         && captured_row (engine, &engine->normed, 0, scratch, error);
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

  info->device = g_strdup (name_of_device (config));
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
  if (!load_model (engine, config, error) || !learn_template (engine, error) || !make_context (engine, config, flash_attn, error)
      || !probe_graph (engine, error) || !load_mmproj (engine, config, flash_attn, error))
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
