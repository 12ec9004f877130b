#include "engine/llama-engine.h"

#include <math.h>
#include <mtmd-helper.h>
#include <string.h>

#include "base/error.h"

typedef mtmd_input_chunks Chunks;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Chunks, mtmd_input_chunks_free)

/* What the encoder makes of an image, or of an overview or a slice of it. */
typedef struct {
  float *embd; /* [n_tokens, width]: what the LLM receives, raster order */
  size_t n_tokens;
  UtGrid grid;
} Piece;

static void
piece_clear (void *data)
{
  g_free (((Piece *) data)->embd);
}

Encoded *
ut_llama_encoded_new (LlamaEngine *engine, const UtRequest *request)
{
  Encoded *encoded = g_new0 (Encoded, 1);
  encoded->request = request;
  encoded->images = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  for (size_t i = 0; i < request->images->len; i++)
    {
      GArray *pieces = g_array_new (FALSE, FALSE, sizeof (Piece));
      g_array_set_clear_func (pieces, piece_clear);
      g_ptr_array_add (encoded->images, pieces);
    }
  g_ptr_array_set_size (engine->vision.sums, 0);
  engine->vision.n_patches = 0;
  return encoded;
}

void
ut_llama_encoded_free (Encoded *encoded)
{
  g_ptr_array_unref (encoded->images);
  g_free (encoded);
}

void
ut_llama_prefix_clear (Prefix *prefix)
{
  g_clear_pointer (&prefix->text, g_free);
  g_clear_pointer (&prefix->order, g_free);
}

gboolean
ut_llama_prefix_equal (const Prefix *a, const Prefix *b, size_t n_images)
{
  return g_str_equal (a->text, b->text) && (n_images == 0 || memcmp (a->order, b->order, n_images * sizeof *a->order) == 0);
}

/* The pieces of text and image. An image's are known by its number in the request. */
static Chunks *
tokenize_prefix (LlamaEngine *engine, const Prefix *prefix, const UtRequest *request, GError **error)
{
  g_autoptr (GPtrArray) bitmaps = g_ptr_array_new_with_free_func ((GDestroyNotify) mtmd_bitmap_free);
  for (size_t i = 0; i < request->images->len; i++)
    {
      const UtImage *image = request->images->pdata[prefix->order[i]];
      mtmd_bitmap *bitmap = mtmd_bitmap_init ((uint32_t) image->width, (uint32_t) image->height, image->pixels);
      g_autofree char *id = g_strdup_printf ("%u", prefix->order[i]);
      mtmd_bitmap_set_id (bitmap, id);
      g_ptr_array_add (bitmaps, bitmap);
    }
  g_autoptr (Chunks) chunks = mtmd_input_chunks_init ();
  const mtmd_input_text input = { prefix->text, strlen (prefix->text), true, true };
  const int status = mtmd_tokenize (engine->mtmd, chunks, &input, (const mtmd_bitmap *const *) bitmaps->pdata, bitmaps->len);
  if (status != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model's preprocessor refused the image (%d): %s", status,
                   ut_llama_why ());
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

static gboolean
encode_chunk (LlamaEngine *engine, const mtmd_input_chunk *chunk, GArray *pieces, GError **error)
{
  engine->vision.capturing = engine->layers;
  const int status = mtmd_encode_chunk (engine->mtmd, chunk);
  engine->vision.capturing = FALSE;
  if (status != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the image could not be encoded: %s", ut_llama_why ());
      return FALSE;
    }
  const size_t width = (size_t) llama_model_n_embd_inp (engine->model), n = mtmd_input_chunk_get_n_tokens (chunk);
  const Piece piece
      = { g_memdup2 (mtmd_get_output_embd (engine->mtmd), n * width * sizeof (float)), n, grid_of_chunk (engine, chunk) };
  g_array_append_val (pieces, piece);
  return TRUE;
}

/* Decodes the next piece of an image, of which n_done are decoded; encodes it if it never was. */
static gboolean
decode_image (LlamaEngine *engine, const mtmd_input_chunk *chunk, GArray *pieces, guint n_done, llama_pos *pos, GError **error)
{
  /* An image whose tokens attend both ways must fit one batch, or ggml aborts. */
  const size_t n = mtmd_input_chunk_get_n_tokens (chunk);
  if (mtmd_decode_use_non_causal (engine->mtmd, chunk) && n > (size_t) engine->n_batch)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "an image of %zu tokens does not fit one batch of %d", n, engine->n_batch);
      return FALSE;
    }
  if (n_done == pieces->len && !encode_chunk (engine, chunk, pieces, error))
    return FALSE;
  float *embd = g_array_index (pieces, Piece, n_done).embd;
  if (mtmd_helper_decode_image_chunk (engine->mtmd, engine->ctx, chunk, embd, *pos, 0, engine->n_batch, pos, NULL, NULL) != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the image's tokens could not be decoded: %s", ut_llama_why ());
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
      if (!ut_llama_decode_suffixes (engine, &part, 1, &first, error))
        return FALSE;
      *pos += part.n_tokens;
    }
  return TRUE;
}

gboolean
ut_llama_decode_prefix (LlamaEngine *engine, const Prefix *prefix, Encoded *encoded, llama_pos *out_pos, int *out_cells,
                        GError **error)
{
  llama_memory_clear (llama_get_memory (engine->ctx), false);
  *out_pos = 0;
  *out_cells = 0;
  if (*prefix->text == '\0')
    return TRUE;
  g_autoptr (Chunks) chunks = tokenize_prefix (engine, prefix, encoded->request, error);
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
  g_autofree guint *n_done = g_new0 (guint, encoded->images->len);
  for (size_t i = 0; i < mtmd_input_chunks_size (chunks); i++)
    {
      const mtmd_input_chunk *chunk = mtmd_input_chunks_get (chunks, i);
      if (mtmd_input_chunk_get_type (chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT)
        {
          if (!decode_text_chunk (engine, chunk, out_pos, error))
            return FALSE;
          continue;
        }
      const guint64 image = g_ascii_strtoull (mtmd_input_chunk_get_id (chunk), NULL, 10);
      if (!decode_image (engine, chunk, encoded->images->pdata[image], n_done[image]++, out_pos, error))
        return FALSE;
    }
  *out_cells = (int) n_tokens;
  return TRUE;
}

/* Of Qwen3-VL's wider rows the first n_embd columns are the merger's output, the rest goes into later layers. */
static void
keep_piece (const LlamaEngine *engine, const Piece *piece, UtResult *result)
{
  const size_t n_embd = result->n_embd, width = (size_t) llama_model_n_embd_inp (engine->model);
  g_array_append_val (result->grids, piece->grid);
  result->vision = g_renew (float, result->vision, (result->n_vision + piece->n_tokens) * n_embd);
  for (size_t t = 0; t < piece->n_tokens; t++)
    memcpy (result->vision + (result->n_vision + t) * n_embd, piece->embd + t * width, n_embd * sizeof (float));
  result->n_vision += piece->n_tokens;
}

/* Takes the means over the patches of all images that were encoded. */
static gboolean
keep_layers (const LlamaEngine *engine, UtResult *result, GError **error)
{
  const VisionLayers *vision = &engine->vision;
  if (!engine->layers || result->n_vision == 0)
    return TRUE;
  if (vision->sums->len == 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "this model's encoder has no nodes '%s…' to read its layers from",
                   UT_LLAMA_VISION_LAYER_NODE);
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

gboolean
ut_llama_keep_images (const LlamaEngine *engine, const Encoded *encoded, UtResult *result, GError **error)
{
  for (size_t i = 0; i < encoded->images->len; i++)
    {
      const GArray *pieces = encoded->images->pdata[i];
      for (guint p = 0; p < pieces->len; p++)
        keep_piece (engine, &g_array_index (pieces, Piece, p), result);
      g_array_append_val (result->n_slices, pieces->len);
    }
  return keep_layers (engine, result, error);
}
