/* Every architecture that the engine is right for, held against Transformers on the same weights (tests/oracle/architectures.py): tiny
 * models as llama.cpp's converter writes them, loaded and evaluated as any other.
 *
 * Log-probabilities agree to 2e-3 and what is read inside to a cosine of 0.9999; what is left is ggml's, which has F16 inside im2col and
 * GELU even where the weights are F32. */
#include <gguf.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <math.h>
#include <string.h>
#include <yyjson.h>

#include "base/error.h"
#include "engine/engine.h"

constexpr double MAX_LOGPROB = 2e-3;  /* of |Δ log-probability| */
constexpr double MAX_DISTANCE = 1e-4; /* 1 − cosine */
constexpr int N_GENERATE = 6;         /* as in architectures.py */

static const char *const architectures[] = { "qwen2vl", "qwen25vl", "qwen3vl", "smolvlm", "gemma3" };

static char *
data_path (const char *name, const char *ending)
{
  g_autofree char *file = g_strconcat (name, ending, NULL);
  return g_test_build_filename (G_TEST_DIST, "data", "architectures", file, NULL);
}

static UtEngine *
open_files (const char *model, const char *mmproj, GError **error)
{
  const UtEngineConfig config = {
    .engine = "llama",
    .model = model,
    .mmproj = mmproj,
    .n_threads = 1,
    .n_gpu_layers = 0,
    .image_min_tokens = -1,
    .image_max_tokens = -1,
    .layers = TRUE,
  };
  return ut_engine_open (&config, error);
}

static UtEngine *
open_pair (const char *name, const char *mmproj_of, GError **error)
{
  g_autofree char *model = data_path (name, ".gguf"), *mmproj = data_path (mmproj_of, "-mmproj.gguf");
  return open_files (model, mmproj, error);
}

/* The picture that pattern() makes of these numbers. */
static UtImage *
make_image (yyjson_val *spec)
{
  const int width = yyjson_get_int (yyjson_obj_get (spec, "width")), height = yyjson_get_int (yyjson_obj_get (spec, "height"));
  const int seed = yyjson_get_int (yyjson_obj_get (spec, "seed"));
  const char *vary = yyjson_get_str (yyjson_obj_get (spec, "vary"));
  UtImage *image = ut_image_new (width, height, NULL);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < 3; c++)
        {
          const int u = g_str_equal (vary, "y") ? 0 : x, v = g_str_equal (vary, "x") ? 0 : y;
          image->pixels[3 * (y * width + x) + c] = (uint8_t) (u * (3 + c) + v * (7 - 2 * c) + u * v * (1 + c) / 16 + 61 * seed);
        }
  return image;
}

static GStrv
strings (yyjson_val *array)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  size_t i, max;
  yyjson_val *value;
  yyjson_arr_foreach (array, i, max, value) g_strv_builder_add (builder, yyjson_get_str (value));
  return g_strv_builder_end (builder);
}

static UtRequest *
make_request (yyjson_val *item)
{
  UtRequest *request = ut_request_new ();
  size_t i, max;
  yyjson_val *spec;
  yyjson_arr_foreach (yyjson_obj_get (item, "images"), i, max, spec) g_ptr_array_add (request->images, make_image (spec));
  g_auto (GStrv) options = strings (yyjson_obj_get (item, "options"));
  ut_request_add_query (request, yyjson_get_str (yyjson_obj_get (item, "prompt")), (const char *const *) options, NULL);
  request->n_generate = N_GENERATE;
  return request;
}

static void
check_logprobs (yyjson_val *item, const char *name, const UtAnswer *answer, size_t offset)
{
  yyjson_val *expected = yyjson_obj_get (item, name);
  g_assert_cmpuint (yyjson_arr_size (expected), ==, answer->n_options);
  for (unsigned k = 0; k < answer->n_options; k++)
    {
      const double have = G_STRUCT_MEMBER (double, &answer->scores[k], offset),
                   want = yyjson_get_num (yyjson_arr_get (expected, k));
      g_test_message ("%s %u: %.6f, off by %.2g", name, k, want, have - want);
      g_assert_cmpfloat_with_epsilon (have, want, MAX_LOGPROB);
    }
}

/* The vectors [n, width], which the item has one after the other. */
static void
check_vectors (yyjson_val *item, const char *name, const float *have, size_t n, size_t width)
{
  yyjson_val *expected = yyjson_obj_get (item, name);
  g_assert_cmpuint (yyjson_arr_size (expected), ==, n * width);
  g_autofree float *want = g_new (float, n *width);
  size_t i, max;
  yyjson_val *value;
  yyjson_arr_foreach (expected, i, max, value) want[i] = (float) yyjson_get_num (value);
  double largest = 0;
  for (size_t v = 0; v < n; v++)
    largest = fmax (largest, ut_cosine_distance (want + v * width, have + v * width, width));
  g_test_message ("%s: 1 - cosine %.2g at most", name, largest);
  g_assert_cmpfloat (largest, <=, MAX_DISTANCE);
}

static void
check_grids (yyjson_val *expected, const GArray *grids)
{
  g_assert_cmpuint (yyjson_arr_size (expected), ==, grids->len);
  for (guint g = 0; g < grids->len; g++)
    {
      const UtGrid *grid = &g_array_index (grids, UtGrid, g);
      yyjson_val *sides = yyjson_arr_get (expected, g);
      g_assert_cmpuint (grid->t, ==, 1);
      g_assert_cmpuint (grid->h, ==, yyjson_get_uint (yyjson_arr_get (sides, 0)));
      g_assert_cmpuint (grid->w, ==, yyjson_get_uint (yyjson_arr_get (sides, 1)));
    }
}

/* Images of an item are cut alike, into grids that stand in their order. */
static void
check_slices (const GArray *n_slices, guint n_images, guint n_grids)
{
  g_assert_cmpuint (n_slices->len, ==, n_images);
  for (guint i = 0; i < n_images; i++)
    g_assert_cmpuint (g_array_index (n_slices, unsigned, i), ==, n_grids / n_images);
}

static void
check_item (UtEngine *engine, yyjson_val *item)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtRequest) request = make_request (item);
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  const UtAnswer *answer = result->answers->pdata[0];
  const size_t n_embd = result->n_embd;
  check_grids (yyjson_obj_get (item, "grids"), result->grids);
  check_slices (result->n_slices, request->images->len, result->grids->len);
  check_vectors (item, "tokens", result->vision, result->n_vision, n_embd);
  check_vectors (item, "vision", result->vision_layers, result->n_vision_layers, result->n_vision_embd);
  check_vectors (item, "llm", answer->layers, result->n_layers, n_embd);
  check_vectors (item, "ctx", answer->ctx.raw, 1, n_embd);
  check_vectors (item, "ctx_normed", answer->ctx.normed, 1, n_embd);
  check_vectors (item, "option_states", answer->options.raw, answer->n_options, n_embd);
  check_vectors (item, "option_states_normed", answer->options.normed, answer->n_options, n_embd);
  if (yyjson_obj_get (item, "greedy") != NULL)
    check_vectors (item, "greedy", answer->greedy.raw, 1, n_embd);
  check_logprobs (item, "logprob", answer, offsetof (UtScore, logprob));
  check_logprobs (item, "logprob_text", answer, offsetof (UtScore, logprob_text));
}

static yyjson_doc *
read_reference (const char *name)
{
  g_autofree char *path = data_path (name, ".json");
  yyjson_doc *doc = yyjson_read_file (path, 0, NULL, NULL);
  g_assert_nonnull (doc);
  return doc;
}

static void
test_parity (gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  yyjson_doc *doc = read_reference (data);
  g_autoptr (UtEngine) engine = open_pair (data, data, &error);
  g_assert_no_error (error);
  g_assert_null (engine->info.caveat);
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach (yyjson_doc_get_root (doc), i, max, item) check_item (engine, item);
  yyjson_doc_free (doc);
}

/* The tolerances are tight enough: columns taken for rows in an image's tokens, or one image taken for another, are far outside. */
static void
test_tolerance (gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  yyjson_doc *doc = read_reference (data);
  yyjson_val *item = yyjson_arr_get_first (yyjson_doc_get_root (doc));
  g_autoptr (UtEngine) engine = open_pair (data, data, &error);
  g_assert_no_error (error);

  g_autoptr (UtRequest) request = make_request (item);
  g_autoptr (UtResult) right = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  const UtGrid *grid = &g_array_index (right->grids, UtGrid, 0);
  const size_t n_embd = right->n_embd, h = grid->h, w = grid->w;
  double largest = 0;
  for (size_t t = 0; t < h * w; t++)
    {
      const size_t transposed = t % h * w + t / h;
      largest = fmax (largest, ut_cosine_distance (right->vision + t * n_embd, right->vision + transposed * n_embd, n_embd));
    }
  g_assert_cmpfloat (largest, >, 100 * MAX_DISTANCE);

  UtImage *image = request->images->pdata[0];
  for (int i = 0; i < 3 * image->width * image->height; i++)
    image->pixels[i] = 255 - image->pixels[i];
  g_autoptr (UtResult) other = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  const UtAnswer *a = right->answers->pdata[0], *b = other->answers->pdata[0];
  double logprob = 0;
  for (unsigned k = 0; k < a->n_options; k++)
    logprob = fmax (logprob, fabs (a->scores[k].logprob - b->scores[k].logprob));
  const double ctx = ut_cosine_distance (a->ctx.raw, b->ctx.raw, n_embd);
  g_test_message ("transposed: %.2g; another image: ctx %.2g, logprob %.2g", largest, ctx, logprob);
  g_assert_cmpfloat (ctx, >, 2 * MAX_DISTANCE);
  g_assert_cmpfloat (logprob, >, MAX_LOGPROB);
  yyjson_doc_free (doc);
}

/* All decoders are equally wide: by its shape any mmproj would do. */
static void
test_strangers (void)
{
  for (size_t m = 0; m < G_N_ELEMENTS (architectures); m++)
    for (size_t p = 0; p < G_N_ELEMENTS (architectures); p++)
      {
        const char *model = architectures[m], *mmproj = architectures[p];
        if (g_str_equal (model, mmproj))
          continue;
        g_autoptr (GError) error = NULL;
        g_autofree char *mmproj_path = data_path (mmproj, "-mmproj.gguf"), *model_path = data_path (model, ".gguf");
        g_assert_null (open_pair (model, mmproj, &error));
        g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
        g_test_message ("%s", error->message);
        g_assert_true (g_str_has_prefix (error->message, mmproj_path));
        g_assert_nonnull (strstr (error->message, model_path));
        g_assert_nonnull (strstr (error->message, "is for"));
      }
}

/* How far what the decoder receives of the image is from what it should, at most of any token. */
static double
furthest_token (UtEngine *engine, yyjson_val *item)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtRequest) request = make_request (item);
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  check_grids (yyjson_obj_get (item, "grids"), result->grids);
  yyjson_val *expected = yyjson_obj_get (item, "tokens");
  g_autofree float *want = g_new (float, yyjson_arr_size (expected));
  size_t i, max;
  yyjson_val *value;
  yyjson_arr_foreach (expected, i, max, value) want[i] = (float) yyjson_get_num (value);
  const size_t n_embd = result->n_embd;
  double largest = 0;
  for (size_t t = 0; t < result->n_vision; t++)
    largest = fmax (largest, ut_cosine_distance (want + t * n_embd, result->vision + t * n_embd, n_embd));
  return largest;
}

/* A copy of the mmproj with the class token's position, the first, behind those of the patches. The caller owns its path. */
static char *
copy_with_positions_moved (const char *mmproj)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *bytes = NULL;
  size_t n;
  g_file_get_contents (mmproj, &bytes, &n, &error);
  g_assert_no_error (error);
  struct gguf_context *file = gguf_init_from_file (mmproj, (struct gguf_init_params) { .no_alloc = true });
  const int64_t id = gguf_find_tensor (file, "v.position_embd.weight");
  const size_t size = gguf_get_tensor_size (file, id);
  const size_t row = gguf_get_val_u32 (file, gguf_find_key (file, "clip.vision.embedding_length")) * sizeof (float);
  char *table = bytes + gguf_get_data_offset (file) + gguf_get_tensor_offset (file, id);
  gguf_free (file);
  g_autofree char *first = g_memdup2 (table, row);
  memmove (table, table + row, size - row);
  memcpy (table + size - row, first, row);

  char *path = NULL;
  g_close (g_file_open_tmp ("undertow-XXXXXX.gguf", &path, &error), NULL);
  g_assert_no_error (error);
  g_file_set_contents (path, bytes, (gssize) n, &error);
  g_assert_no_error (error);
  return path;
}

/* What the engine warns of is so, and for the reason it gives: with the positions moved by one the encoder is right. When the first half
 * fails, libmtmd has been mended, and the warning
 * is to go. */
static void
test_class_token (void)
{
  g_autoptr (GError) error = NULL;
  yyjson_doc *doc = read_reference ("internvl");
  yyjson_val *item = yyjson_arr_get_first (yyjson_doc_get_root (doc));
  g_autofree char *model = data_path ("smolvlm", ".gguf"), *mmproj = data_path ("internvl", "-mmproj.gguf");
  g_autoptr (UtEngine) wrong = open_files (model, mmproj, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (wrong->info.caveat, "not the model's"));
  g_assert_nonnull (strstr (wrong->info.caveat, "--engine exec"));
  const double wrong_by = furthest_token (wrong, item);

  g_autofree char *moved = copy_with_positions_moved (mmproj);
  g_autoptr (UtEngine) mended = open_files (model, moved, &error);
  g_unlink (moved);
  g_assert_no_error (error);
  const double mended_by = furthest_token (mended, item);
  g_test_message ("1 - cosine %.2g at most, with the positions moved %.2g", wrong_by, mended_by);
  g_assert_cmpfloat (wrong_by, >, 100 * MAX_DISTANCE);
  g_assert_cmpfloat (mended_by, <=, MAX_DISTANCE);
  yyjson_doc_free (doc);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (architectures); i++)
    {
      g_autofree char *parity = g_strconcat ("/architectures/parity/", architectures[i], NULL);
      g_autofree char *tolerance = g_strconcat ("/architectures/tolerance/", architectures[i], NULL);
      g_test_add_data_func (parity, architectures[i], test_parity);
      g_test_add_data_func (tolerance, architectures[i], test_tolerance);
    }
  g_test_add_func ("/architectures/strangers", test_strangers);
  g_test_add_func ("/architectures/class-token", test_class_token);
  return g_test_run ();
}
