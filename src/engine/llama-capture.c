#include "engine/llama-engine.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

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
  const size_t layer = engine->ends->len > 0 ? layer_of_node (name, UT_LLAMA_LAYER_NODE) : SIZE_MAX;
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
bool
ut_llama_on_node (struct ggml_tensor *node, bool ask, void *data)
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
bool
ut_llama_on_vision_node (struct ggml_tensor *node, bool ask, void *data)
{
  LlamaEngine *engine = data;
  VisionLayers *vision = &engine->vision;
  const size_t layer = vision->capturing ? layer_of_node (ggml_get_name (node), UT_LLAMA_VISION_LAYER_NODE) : SIZE_MAX;
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

void
ut_llama_start_capture (LlamaEngine *engine)
{
  engine->capturing = TRUE;
  g_array_set_size (engine->last.rows, 0);
  g_array_set_size (engine->normed.rows, 0);
}

gboolean
ut_llama_captured_row (const LlamaEngine *engine, const Capture *capture, size_t i, float *out, GError **error)
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
gboolean
ut_llama_captured_state (const LlamaEngine *engine, size_t i, const UtState *out, GError **error)
{
  return ut_llama_captured_row (engine, &engine->last, i, out->raw, error)
         && ut_llama_captured_row (engine, &engine->normed, i, out->normed, error);
}

gboolean
ut_llama_captured_mean (const LlamaEngine *engine, size_t from, size_t n, float *raw, float *normed, GError **error)
{
  const size_t n_embd = engine->base.info.n_embd;
  g_autofree double *sums = g_new0 (double, 2 * n_embd);
  g_auto (UtState) row = ut_state_new (1, n_embd);
  for (size_t i = 0; i < n; i++)
    {
      if (!ut_llama_captured_state (engine, from + i, &row, error))
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
