/* Engines: the mock, the worker process around it, and libllama on the bundled model. */
#include <glib.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "engine/engine.h"

static UtImage *
noise_image (int width, int height, uint64_t index)
{
  UtImage *image = ut_image_new (width, height, NULL);
  UtRng rng = ut_rng_init (1, "image", "test", index);
  for (size_t i = 0; i < (size_t) width * (size_t) height * 3; i++)
    image->pixels[i] = (uint8_t) ut_rng_next (&rng);
  return image;
}

static const char *const options[] = { "red", "dark green", "blue", NULL };
static const char *const labels[] = { "A", "B", "C", NULL };
static const char *const yes_no[] = { "Yes", "No", NULL };

static UtRequest *
make_request (size_t n_queries)
{
  static const char *const prompts[] = {
    "Question: What colour is the square?\nPlease answer the question concisely.",
    "Question: What colour is the square?\nOptions:\nA. red\nB. dark green\nC. blue\nPlease select the correct answer from the "
    "options above.",
    "Question: Is there a red circle in the image?\nAnswer with exactly one word: Yes or No.",
    "Question: Ist da ein Kreis – ein größerer?\nAnswer with exactly one word: Yes or No.",
  };
  UtRequest *request = ut_request_new ();
  g_ptr_array_add (request->images, noise_image (96, 128, 0));
  for (size_t i = 0; i < n_queries; i++)
    ut_request_add_query (request, prompts[i % 4], i % 4 == 0 ? NULL : i % 4 == 1 ? options : yes_no, i % 4 == 1 ? labels : NULL);
  request->n_generate = 3;
  return request;
}

static void
assert_equal_states (const UtState *a, const UtState *b, size_t n)
{
  g_assert_cmpmem (a->raw, n * sizeof (float), b->raw, n * sizeof (float));
  g_assert_cmpmem (a->normed, n * sizeof (float), b->normed, n * sizeof (float));
}

static void
assert_equal_answers (const UtResult *a, size_t i, const UtResult *b, size_t j)
{
  const UtAnswer *x = a->answers->pdata[i], *y = b->answers->pdata[j];
  g_assert_cmpuint (x->n_options, ==, y->n_options);
  for (unsigned k = 0; k < x->n_options; k++)
    {
      g_assert_cmpmem (&x->scores[k].logprob, sizeof (double), &y->scores[k].logprob, sizeof (double));
      g_assert_cmpmem (&x->scores[k].logprob_text, sizeof (double), &y->scores[k].logprob_text, sizeof (double));
      g_assert_cmpmem (&x->scores[k].logprob_label, sizeof (double), &y->scores[k].logprob_label, sizeof (double));
      g_assert_cmpint (x->scores[k].n_tokens, ==, y->scores[k].n_tokens);
    }
  assert_equal_states (&x->ctx, &y->ctx, a->n_embd);
  if (x->n_options > 0)
    assert_equal_states (&x->options, &y->options, x->n_options * a->n_embd);
  g_assert_nonnull (x->text);
  g_assert_cmpstr (x->text, ==, y->text);
  g_assert_cmpuint (a->n_layers, >, 1);
  g_assert_cmpmem (x->layers, a->n_layers * a->n_embd * sizeof (float), y->layers, b->n_layers * b->n_embd * sizeof (float));
}

static void
assert_equal_results (const UtResult *a, const UtResult *b)
{
  g_assert_cmpuint (a->answers->len, ==, b->answers->len);
  for (size_t i = 0; i < a->answers->len; i++)
    {
      assert_equal_answers (a, i, b, i);
      assert_equal_states (&((UtAnswer *) a->answers->pdata[i])->greedy, &((UtAnswer *) b->answers->pdata[i])->greedy, a->n_embd);
    }
  g_assert_cmpmem (a->grids->data, a->grids->len * sizeof (UtGrid), b->grids->data, b->grids->len * sizeof (UtGrid));
  g_assert_cmpuint (a->n_slices->len, ==, 1);
  g_assert_cmpmem (a->n_slices->data, a->n_slices->len * sizeof (unsigned), b->n_slices->data,
                   b->n_slices->len * sizeof (unsigned));
  g_assert_cmpmem (a->vision, a->n_vision * a->n_embd * sizeof (float), b->vision, b->n_vision * b->n_embd * sizeof (float));
  g_assert_cmpuint (a->n_vision_layers, >, 1);
  g_assert_cmpmem (a->vision_layers, a->n_vision_layers * a->n_vision_embd * sizeof (float), b->vision_layers,
                   b->n_vision_layers * b->n_vision_embd * sizeof (float));
}

static UtEngine *
open_remote (const char *name)
{
  const UtEngineConfig config
      = { .engine = name, .n_threads = 1, .image_min_tokens = -1, .image_max_tokens = -1, .layers = TRUE };
  g_autoptr (GError) error = NULL;
  UtEngine *engine = ut_engine_open_remote (&config, g_getenv ("UNDERTOW"), &error);
  g_assert_no_error (error);
  return engine;
}

static void
test_remote_is_local (void)
{
  const UtEngineConfig config = { .engine = "mock", .layers = TRUE };
  g_autoptr (GError) error = NULL;
  g_autoptr (UtEngine) local = ut_engine_open (&config, &error);
  g_autoptr (UtEngine) remote = open_remote ("mock");
  g_autoptr (UtRequest) request = make_request (4);
  ut_query_place_images (request->queries->pdata[1], (UtPlace[]) { { 10, 0 } }, 1);
  g_autoptr (UtResult) a = ut_engine_evaluate (local, request, &error);
  g_assert_no_error (error);
  g_autoptr (UtResult) b = ut_engine_evaluate (remote, request, &error);
  g_assert_no_error (error);
  assert_equal_results (a, b);
  g_assert_cmpstr (local->info.description, ==, remote->info.description);
}

static void
test_remote_survives (void)
{
  g_autoptr (UtEngine) engine = open_remote ("mock");
  g_autoptr (GError) error = NULL;
  g_autoptr (UtRequest) good = make_request (2);
  g_autoptr (UtRequest) failing = make_request (1);
  ut_request_add_query (failing, "[mock:error]", yes_no, NULL);
  g_autoptr (UtRequest) deadly = make_request (1);
  ut_request_add_query (deadly, "[mock:abort]", yes_no, NULL);

  g_assert_null (ut_engine_evaluate (engine, failing, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_null (ut_engine_evaluate (engine, deadly, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_ENGINE);
  g_assert_nonnull (strstr (error->message, "signal 6"));
  g_clear_error (&error);
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, good, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (result->answers->len, ==, 2);
}

static void
test_unknown_engine (void)
{
  const UtEngineConfig config = { .engine = "lama" };
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_engine_open (&config, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "'llama'"));
}

static UtEngine *
open_bundled (const char *flash_attn, int n_threads)
{
  const UtEngineConfig config = {
    .engine = "llama",
    .model = UT_SOURCE_MODELS "/small.gguf",
    .mmproj = UT_SOURCE_MODELS "/small-mmproj.gguf",
    .flash_attn = flash_attn,
    .n_threads = n_threads,
    .n_gpu_layers = 0,
    .image_min_tokens = -1,
    .image_max_tokens = -1,
    .layers = TRUE,
  };
  g_autoptr (GError) error = NULL;
  UtEngine *engine = ut_engine_open (&config, &error);
  g_assert_no_error (error);
  return engine;
}

static UtResult *
evaluate (UtEngine *engine, const UtRequest *request)
{
  g_autoptr (GError) error = NULL;
  UtResult *result = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  return result;
}

/* Query i of `request` on the same images, by itself. */
static UtRequest *
only_query (const UtRequest *request, size_t i)
{
  UtRequest *alone = ut_request_new ();
  for (size_t k = 0; k < request->images->len; k++)
    g_ptr_array_add (alone->images, ut_image_ref (request->images->pdata[k]));
  alone->n_generate = request->n_generate;
  const UtQuery *query = request->queries->pdata[i];
  UtQuery *only
      = ut_request_add_query (alone, query->prompt, (const char *const *) query->options, (const char *const *) query->labels);
  ut_query_place_images (only, query->places, query->n_places);
  return alone;
}

/* A model that the options are the only words of says one of them, and the state of what it says is that of the option. */
static void
test_greedy_is_the_option (void)
{
  g_autoptr (UtEngine) engine = open_bundled ("off", 1);
  g_autoptr (UtRequest) request = make_request (3);
  g_autoptr (UtResult) result = evaluate (engine, request);
  const UtAnswer *answer = result->answers->pdata[2];
  const unsigned said = g_str_equal (answer->text, "Yes") ? 0 : 1;
  g_assert_cmpstr (answer->text, ==, yes_no[said]);
  g_assert_cmpfloat (answer->scores[said].logprob, >=, answer->scores[1 - said].logprob);

  /* The mean is over the word and the token that ends the turn; one token of answer is the word alone. */
  request->n_generate = 1;
  g_autoptr (UtResult) one = evaluate (engine, request);
  const UtAnswer *word = one->answers->pdata[2];
  g_assert_cmpstr (word->text, ==, yes_no[said]);
  g_assert_cmpint (answer->scores[said].n_tokens, ==, 1);
  g_assert_cmpfloat (ut_cosine_distance (word->greedy.raw, word->options.raw + said * one->n_embd, one->n_embd), <, 1e-6);
  g_assert_cmpfloat (ut_cosine_distance (answer->greedy.raw, word->greedy.raw, one->n_embd), >, 1e-6);

  /* The last layer's state is the context. */
  g_assert_cmpmem (answer->layers + (result->n_layers - 1) * result->n_embd, result->n_embd * sizeof (float), answer->ctx.raw,
                   result->n_embd * sizeof (float));
}

/* More queries than one batch holds, each bit-equal to the same query alone; of the greedy answers, which are written in one batch, the
 * words. */
static void
test_sharing_is_exact (gconstpointer flash_attn)
{
  g_autoptr (UtEngine) engine = open_bundled (flash_attn, 1);
  g_autoptr (UtRequest) request = make_request (75);
  g_autoptr (UtResult) shared = evaluate (engine, request);
  for (size_t i = 0; i < request->queries->len; i += 1 + i / 4)
    {
      g_autoptr (UtRequest) alone = only_query (request, i);
      g_autoptr (UtResult) single = evaluate (engine, alone);
      assert_equal_answers (shared, i, single, 0);
      const float *together = ((UtAnswer *) shared->answers->pdata[i])->greedy.raw;
      const float *apart = ((UtAnswer *) single->answers->pdata[0])->greedy.raw;
      g_assert_cmpfloat (ut_cosine_distance (together, apart, shared->n_embd), <, 1e-4);
    }
}

static void
test_threads_are_exact (void)
{
  g_autoptr (UtEngine) one = open_bundled ("auto", 1);
  g_autoptr (UtEngine) two = open_bundled ("auto", 2);
  g_autoptr (UtRequest) request = make_request (8);
  g_autoptr (UtResult) a = evaluate (one, request);
  g_autoptr (UtResult) b = evaluate (two, request);
  assert_equal_results (a, b);
}

static void
test_several_images (void)
{
  g_autoptr (UtEngine) engine = open_bundled ("auto", 1);
  g_autoptr (UtRequest) request = make_request (2);
  g_ptr_array_add (request->images, noise_image (64, 96, 1));
  g_autoptr (UtResult) result = evaluate (engine, request);
  g_assert_cmpuint (result->grids->len, ==, 2);
  const unsigned n_slices[] = { 1, 1 };
  g_assert_cmpmem (result->n_slices->data, result->n_slices->len * sizeof (unsigned), n_slices, sizeof n_slices);
  size_t n = 0;
  for (size_t i = 0; i < 2; i++)
    {
      const UtGrid *grid = &g_array_index (result->grids, UtGrid, i);
      n += (size_t) grid->t * grid->h * grid->w;
    }
  g_assert_cmpuint (result->n_vision, ==, n);
}

/* Two images at the start of the text, in order, are what no places are; in the other order they are the other request's; and in the
 * middle of the text they are something else. Queries that begin otherwise do not touch one another. */
static void
test_places (void)
{
  g_autoptr (UtEngine) engine = open_bundled ("off", 1);
  g_autoptr (UtRequest) plain = make_request (4), swapped = make_request (4), placed = make_request (4);
  g_ptr_array_add (plain->images, noise_image (64, 96, 1));
  g_ptr_array_add (placed->images, noise_image (64, 96, 1));
  g_ptr_array_insert (swapped->images, 0, noise_image (64, 96, 1));
  ut_query_place_images (placed->queries->pdata[0], (UtPlace[]) { { 0, 0 }, { 0, 1 } }, 2);
  ut_query_place_images (placed->queries->pdata[1], (UtPlace[]) { { 0, 1 }, { 0, 0 } }, 2);
  ut_query_place_images (placed->queries->pdata[2], (UtPlace[]) { { 10, 1 } }, 1);
  ut_query_place_images (placed->queries->pdata[3], (UtPlace[]) { { 0, 1 } }, 1);

  g_autoptr (UtResult) as_plain = evaluate (engine, plain), as_swapped = evaluate (engine, swapped);
  g_autoptr (UtResult) result = evaluate (engine, placed);
  assert_equal_answers (result, 0, as_plain, 0);
  assert_equal_answers (result, 1, as_swapped, 1);
  assert_equal_answers (result, 3, as_plain, 3);
  const UtAnswer *middle = result->answers->pdata[2], *before = as_plain->answers->pdata[2];
  g_assert_cmpfloat (ut_cosine_distance (middle->ctx.raw, before->ctx.raw, result->n_embd), >, 1e-4);
  for (size_t i = 0; i < 4; i++)
    {
      g_autoptr (UtRequest) alone = only_query (placed, i);
      g_autoptr (UtResult) single = evaluate (engine, alone);
      assert_equal_answers (result, i, single, 0);
    }

  /* Tokens come in the request's order, wherever the images stand, and each image is encoded once. */
  g_assert_cmpmem (result->vision, result->n_vision * result->n_embd * sizeof (float), as_plain->vision,
                   as_plain->n_vision * as_plain->n_embd * sizeof (float));

  static const UtPlace wrong[][2]
      = { { { 0, 0 }, { 0, 0 } }, { { 0, 0 }, { 0, 2 } }, { { 3, 0 }, { 2, 1 } }, { { 0, 0 }, { 10000, 1 } } };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      ut_query_place_images (placed->queries->pdata[0], wrong[i], 2);
      g_assert_null (ut_engine_evaluate (engine, placed, &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
    }
}

static void
test_text_alone (void)
{
  g_autoptr (UtEngine) engine = open_bundled ("auto", 1);
  g_autoptr (UtRequest) request = make_request (3);
  g_ptr_array_set_size (request->images, 0);
  g_autoptr (UtResult) result = evaluate (engine, request);
  g_assert_cmpuint (result->n_vision, ==, 0);
  const UtAnswer *answer = result->answers->pdata[2];
  g_assert_cmpfloat (answer->scores[0].logprob, <, 0);
  g_assert_null (result->vision_layers);
}

static void
test_too_large (void)
{
  const UtEngineConfig config = {
    .engine = "llama",
    .model = UT_SOURCE_MODELS "/small.gguf",
    .mmproj = UT_SOURCE_MODELS "/small-mmproj.gguf",
    .n_ctx = 64,
    .n_threads = 1,
    .n_gpu_layers = 0,
    .image_min_tokens = -1,
    .image_max_tokens = -1,
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (UtEngine) engine = ut_engine_open (&config, &error);
  g_assert_no_error (error);
  g_autoptr (UtRequest) request = ut_request_new ();
  g_ptr_array_add (request->images, noise_image (512, 512, 0));
  ut_request_add_query (request, "Question: What?", options, labels);
  g_assert_null (ut_engine_evaluate (engine, request, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "-c"));
}

static void
test_bad_settings (void)
{
  UtEngineConfig config = { .engine = "llama",
                            .model = UT_SOURCE_MODELS "/small.gguf",
                            .mmproj = UT_SOURCE_MODELS "/small-mmproj.gguf",
                            .flash_attn = "yes",
                            .n_threads = 1 };
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_engine_open (&config, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_clear_error (&error);
  config.flash_attn = NULL;
  config.devices = "Vulkan99";
  g_assert_null (ut_engine_open (&config, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/remote-is-local", test_remote_is_local);
  g_test_add_func ("/engine/remote-survives", test_remote_survives);
  g_test_add_func ("/engine/unknown", test_unknown_engine);
  g_test_add_data_func ("/engine/llama/sharing-is-exact/fa-on", "on", test_sharing_is_exact);
  g_test_add_data_func ("/engine/llama/sharing-is-exact/fa-off", "off", test_sharing_is_exact);
  g_test_add_func ("/engine/llama/greedy-is-the-option", test_greedy_is_the_option);
  g_test_add_func ("/engine/llama/threads-are-exact", test_threads_are_exact);
  g_test_add_func ("/engine/llama/several-images", test_several_images);
  g_test_add_func ("/engine/llama/places", test_places);
  g_test_add_func ("/engine/llama/text-alone", test_text_alone);
  g_test_add_func ("/engine/llama/too-large", test_too_large);
  g_test_add_func ("/engine/llama/bad-settings", test_bad_settings);
  return g_test_run ();
}
