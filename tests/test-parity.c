/* The bundled models in the engine against Transformers on the same weights in float32 (tests/oracle/parity.py).
 *
 * ctx_mcq agrees to a cosine of 0.9999 and better, log-probabilities to 2e-3. What is left comes from ggml, which rounds activations to F16
 * before it multiplies them with F16 weights, and has F16 inside im2col and GELU; flash attention, off unless asked for, adds F16 sums. How
 * far that moves a log-probability is the model's own affair: models/train.py has a stage for it. The other bounds are one to
 * four times what was measured. */
#include <glib.h>
#include <locale.h>
#include <math.h>
#include <yyjson.h>

#include "dataset/dataset.h"
#include "engine/engine.h"
#include "run/measure.h"
#include "scenes/scenes.h"

constexpr double MAX_DISTANCE = 1e-4; /* 1 − cosine */
/* Of |Δ log-probability| with no image in the prompt, which the models have never met and settle no rounding for. */
constexpr double MAX_NO_IMAGE = 4e-3;
constexpr double MAX_INTERLEAVED = 2e-3; /* of |Δ log-probability| where images stand inside the text */
constexpr int N_GENERATE = 32; /* as in parity.py */
constexpr int ROLL = 8;        /* the same, pixels */
/* Of what is measured on the vision tokens, against the larger of its value and a hundredth: tokens agree to about 5e-4, and most of these
 * are squares of their differences. */
constexpr double MAX_STRUCTURE = 2e-2;

typedef struct {
  const char *size, *flash_attn;
  double median, max; /* of |Δ log-probability| */
} Case;

static const Case cases[] = {
  { "small", "off", 5e-4, 2e-3 },
  { "medium", "off", 5e-4, 2e-3 },
  { "large", "off", 5e-4, 2e-3 },
  { "small", "on", 5e-4, 8e-3 },
};

typedef struct {
  GArray *logprobs; /* double: |Δ| of every option */
  GArray *no_image; /* the same with no image in the prompt */
  double distance;  /* of a context, the largest so far */
  double of_states; /* of the answers' states and of the layers' */
  double structure; /* of what is measured on the tokens */
  unsigned compared, other_pixels, other_answers, other_texts, states;
} Worst;

/* Adds the differences of one score of every option, the double at `offset` of UtScore, to those that the item has under `name`. */
static void
compare_scores (yyjson_val *item, const char *name, const UtAnswer *answer, size_t offset, GArray *differences)
{
  yyjson_val *expected = yyjson_obj_get (item, name);
  g_assert_cmpuint (yyjson_arr_size (expected), ==, answer->n_options);
  for (unsigned k = 0; k < answer->n_options; k++)
    {
      const double have = G_STRUCT_MEMBER (double, &answer->scores[k], offset);
      const double difference = fabs (have - yyjson_get_num (yyjson_arr_get (expected, k)));
      g_array_append_val (differences, difference);
    }
}

/* Whether both sides choose the same option. */
static gboolean
same_choice (yyjson_val *expected, const UtAnswer *answer)
{
  unsigned want = 0, have = 0;
  for (unsigned k = 1; k < answer->n_options; k++)
    {
      if (yyjson_get_num (yyjson_arr_get (expected, k)) > yyjson_get_num (yyjson_arr_get (expected, want)))
        want = k;
      if (answer->scores[k].logprob > answer->scores[have].logprob)
        have = k;
    }
  return want == have;
}

static int
compare_doubles (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

/* The largest cosine distance of the vectors [n, width], which the item has one after the other. */
static double
compare_vectors (yyjson_val *expected, const float *have, size_t n, size_t width)
{
  g_assert_cmpuint (yyjson_arr_size (expected), ==, n * width);
  g_autofree float *want = g_new (float, n *width);
  size_t i, max;
  yyjson_val *value;
  yyjson_arr_foreach (expected, i, max, value) want[i] = (float) yyjson_get_num (value);
  double largest = 0;
  for (size_t v = 0; v < n; v++)
    largest = fmax (largest, ut_cosine_distance (want + v * width, have + v * width, width));
  return largest;
}

/* What else is read: answers and layers. */
static void
compare_states (yyjson_val *states, const UtResult *result, const UtAnswer *answer, Worst *worst)
{
  const struct {
    const char *name;
    const float *have;
    size_t n, width;
  } all[] = {
    { "options", answer->options.raw, answer->n_options, result->n_embd },
    { "options_normed", answer->options.normed, answer->n_options, result->n_embd },
    { "greedy", answer->greedy.raw, 1, result->n_embd },
    { "greedy_normed", answer->greedy.normed, 1, result->n_embd },
    { "llm", answer->layers, result->n_layers, result->n_embd },
    { "vision", result->vision_layers, result->n_vision_layers, result->n_vision_embd },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    {
      const double distance = compare_vectors (yyjson_obj_get (states, all[i].name), all[i].have, all[i].n, all[i].width);
      g_test_message ("%s: 1 - cosine %.2g at most", all[i].name, distance);
      worst->of_states = fmax (worst->of_states, distance);
    }
  worst->other_texts += !yyjson_equals_str (yyjson_obj_get (states, "text"), answer->text);
  worst->states++;
}

/* The item's request, or NULL where its images are not the ones that the expected values were computed on. */
static UtRequest *
request_for (UtDataset *dataset, const UtItem *item, const char *pixels_sha256)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtRequest) request = ut_request_new ();
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  for (unsigned k = 0; k < item->n_images; k++)
    {
      UtImage *image = ut_dataset_image (dataset, item, k, &error);
      g_assert_no_error (error);
      g_checksum_update (sum, image->pixels, (gssize) image->width * image->height * 3);
      g_ptr_array_add (request->images, image);
    }
  g_autoptr (UtPrompt) prompt = ut_prompt_new (NULL, NULL);
  ut_view_add_queries (request, prompt, item);
  return g_str_equal (g_checksum_get_string (sum), pixels_sha256) ? g_steal_pointer (&request) : NULL;
}

/* The question's scores with no image in the prompt. */
static void
compare_without_image (UtEngine *engine, UtRequest *request, yyjson_val *expected, Worst *worst)
{
  g_autoptr (GError) error = NULL;
  g_ptr_array_set_size (request->images, 0);
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  compare_scores (expected, "logprob_no_image", result->answers->pdata[1], offsetof (UtScore, logprob), worst->no_image);
}

static UtImage *
rolled (const UtImage *image)
{
  UtImage *out = ut_image_new (image->width, image->height, NULL);
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      memcpy (out->pixels + 3 * (y * image->width + (x + ROLL) % image->width), image->pixels + 3 * (y * image->width + x), 3);
  return out;
}

/* The request's images, which `clean` is of, against themselves rolled. */
static void
compare_structure (UtEngine *engine, UtRequest *request, UtResult *clean, yyjson_val *expected, Worst *worst)
{
  g_autoptr (GError) error = NULL;
  for (guint k = 0; k < request->images->len; k++)
    {
      UtImage *image = request->images->pdata[k];
      request->images->pdata[k] = rolled (image);
      ut_image_unref (image);
    }
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  g_autoptr (UtVision) before = ut_vision_of_result (clean), after = ut_vision_of_result (result);
  g_autoptr (GArray) measurements = ut_measurements_new ();
  g_autofree float *drift = ut_measure_vision (after, before, measurements);
  size_t n = 0;
  for (guint i = 0; i < measurements->len; i++)
    {
      const UtMeasurement *have = &g_array_index (measurements, UtMeasurement, i);
      if (!g_str_equal (have->channel, "vision"))
        continue;
      yyjson_val *value = yyjson_obj_get (expected, have->metric);
      g_assert_nonnull (value);
      const double want = yyjson_get_num (value), difference = fabs (have->value - want) / fmax (fabs (want), 1e-2);
      worst->structure = fmax (worst->structure, difference);
      n++;
    }
  g_assert_cmpuint (n, ==, yyjson_obj_size (expected));
}

static void
compare_item (UtEngine *engine, UtDataset *dataset, yyjson_val *expected, Worst *worst)
{
  GPtrArray *items = ut_dataset_items (dataset);
  const uint64_t index = yyjson_get_uint (yyjson_obj_get (expected, "index"));
  g_assert_cmpuint (index, <, items->len);
  g_autoptr (UtRequest) request
      = request_for (dataset, items->pdata[index], yyjson_get_str (yyjson_obj_get (expected, "pixels_sha256")));
  if (request == NULL)
    {
      worst->other_pixels++;
      return;
    }
  const UtQuery *query = request->queries->pdata[1];
  g_assert_cmpstr (query->prompt, ==, yyjson_get_str (yyjson_obj_get (expected, "prompt")));
  g_autoptr (GError) error = NULL;
  request->n_generate = yyjson_obj_get (expected, "states") != NULL ? N_GENERATE : 0;
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  const UtAnswer *answer = result->answers->pdata[1];
  compare_scores (expected, "logprob", answer, offsetof (UtScore, logprob), worst->logprobs);
  compare_scores (expected, "logprob_text", answer, offsetof (UtScore, logprob_text), worst->logprobs);
  yyjson_val *ctx = yyjson_obj_get (expected, "ctx"), *states = yyjson_obj_get (expected, "states");
  request->n_generate = 0;
  if (ctx != NULL)
    {
      compare_scores (expected, "logprob_letter", answer, offsetof (UtScore, logprob_label), worst->logprobs);
      worst->distance = fmax (worst->distance, compare_vectors (ctx, answer->ctx.raw, 1, result->n_embd));
    }
  if (states != NULL)
    {
      compare_states (states, result, answer, worst);
      compare_structure (engine, request, result, yyjson_obj_get (expected, "structure"), worst);
    }
  if (ctx != NULL)
    compare_without_image (engine, request, expected, worst);
  worst->other_answers += !same_choice (yyjson_obj_get (expected, "logprob"), answer);
  worst->compared++;
}

/* The item as another question on the same images, which stand where its texts name them. */
static void
compare_interleaved (UtEngine *engine, UtDataset *dataset, yyjson_val *expected, GArray *logprobs)
{
  UtItem item = *(const UtItem *) ut_dataset_items (dataset)->pdata[yyjson_get_uint (yyjson_obj_get (expected, "index"))];
  yyjson_val *texts = yyjson_obj_get (expected, "options"), *places = yyjson_obj_get (expected, "places"), *value;
  g_autofree char **options = g_new0 (char *, item.n_options + 1);
  size_t i, max;
  g_assert_cmpuint (yyjson_arr_size (texts), ==, item.n_options);
  yyjson_arr_foreach (texts, i, max, value) options[i] = (char *) yyjson_get_str (value);
  item.question = (char *) yyjson_get_str (yyjson_obj_get (expected, "question"));
  item.options = options;
  item.names_images = TRUE;
  item.scores_letters = strstr (options[0], "<image") != NULL;

  g_autoptr (GError) error = NULL;
  g_autoptr (UtPrompt) prompt = ut_prompt_new (NULL, NULL);
  g_autoptr (UtRequest) request = ut_request_new ();
  for (unsigned k = 0; k < item.n_images; k++)
    g_ptr_array_add (request->images, ut_dataset_image (dataset, &item, k, &error));
  g_assert_no_error (error);
  ut_view_add_queries (request, prompt, &item);
  const UtQuery *query = request->queries->pdata[1];
  g_assert_cmpstr (query->prompt, ==, yyjson_get_str (yyjson_obj_get (expected, "prompt")));
  g_assert_cmpuint (query->n_places, ==, yyjson_arr_size (places));
  yyjson_arr_foreach (places, i, max, value)
    {
      g_assert_cmpuint (query->places[i].at, ==, yyjson_get_uint (yyjson_arr_get (value, 0)));
      g_assert_cmpuint (query->places[i].image, ==, yyjson_get_uint (yyjson_arr_get (value, 1)));
    }
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, request, &error);
  g_assert_no_error (error);
  const UtAnswer *answer = result->answers->pdata[1];
  compare_scores (expected, "logprob", answer, offsetof (UtScore, logprob), logprobs);
  compare_scores (expected, "logprob_text", answer, offsetof (UtScore, logprob_text), logprobs);
}

static UtEngine *
open_engine (const Case *data)
{
  g_autofree char *model = g_strdup_printf (UT_SOURCE_MODELS "/%s.gguf", data->size);
  g_autofree char *mmproj = g_strdup_printf (UT_SOURCE_MODELS "/%s-mmproj.gguf", data->size);
  const UtEngineConfig config = {
    .engine = "llama",
    .model = model,
    .mmproj = mmproj,
    .flash_attn = data->flash_attn,
    .n_threads = 1,
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

static void
compare_task (UtEngine *engine, const char *task, yyjson_val *items, Worst *worst)
{
  g_autofree char *path = g_strconcat ("bundled:", task, NULL);
  const UtDatasetConfig config = { .path = path };
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) dataset = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach (items, i, max, item) if (yyjson_equals_str (yyjson_obj_get (item, "task"), task))
      compare_item (engine, dataset, item, worst);
}

/* Sorts the differences, so that the median and the largest stand at their places. */
static double
largest_of (GArray *differences)
{
  g_array_sort (differences, compare_doubles);
  return g_array_index (differences, double, differences->len - 1);
}

static void
test_parity (gconstpointer data)
{
  const Case *of = data;
  g_autofree char *name = g_strdup_printf ("parity-%s.json", of->size);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "oracle", name, NULL);
  yyjson_doc *doc = yyjson_read_file (path, 0, NULL, NULL);
  g_assert_nonnull (doc);
  yyjson_val *items = yyjson_obj_get (yyjson_doc_get_root (doc), "items");
  g_autoptr (UtEngine) engine = open_engine (of);
  g_autoptr (GArray) logprobs = g_array_new (FALSE, FALSE, sizeof (double)),
                     no_image = g_array_new (FALSE, FALSE, sizeof (double));
  Worst worst = { .logprobs = logprobs, .no_image = no_image };
  for (const UtSceneTask *task = ut_scene_tasks; task->name != NULL; task++)
    compare_task (engine, task->name, items, &worst);
  yyjson_doc_free (doc);
  g_assert_cmpuint (worst.compared, ==, 120);
  const double largest = largest_of (logprobs), largest_no_image = largest_of (no_image);
  const double median = g_array_index (logprobs, double, logprobs->len / 2);
  g_test_message ("%s, -fa %s: log-probabilities within %.2g in the median, %.2g at most, %.2g with no image; "
                  "1 - cosine %.2g at most, of answers and layers %.2g; structure %.2g",
                  of->size, of->flash_attn, median, largest, largest_no_image, worst.distance, worst.of_states, worst.structure);
  g_assert_cmpuint (worst.states, ==, 6);
  g_assert_cmpuint (worst.other_texts, ==, 0);
  g_assert_cmpuint (worst.other_answers, ==, 0);
  g_assert_cmpfloat (median, <=, of->median);
  g_assert_cmpfloat (largest, <=, of->max);
  g_assert_cmpfloat (largest_no_image, <=, MAX_NO_IMAGE);
  g_assert_cmpfloat (worst.distance, <=, MAX_DISTANCE);
  g_assert_cmpfloat (worst.of_states, <=, MAX_DISTANCE);
  g_assert_cmpfloat (worst.structure, <=, MAX_STRUCTURE);
}

/* Images that stand inside the text. */
static void
test_interleaved (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "oracle", "parity-small.json", NULL);
  yyjson_doc *doc = yyjson_read_file (path, 0, NULL, NULL);
  g_assert_nonnull (doc);
  g_autoptr (UtEngine) engine = open_engine (&cases[0]);
  const UtDatasetConfig config = { .path = (char *) "bundled:reasoning" };
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) dataset = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  g_autoptr (GArray) logprobs = g_array_new (FALSE, FALSE, sizeof (double));
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach (yyjson_obj_get (yyjson_doc_get_root (doc), "interleaved"), i, max, item)
      compare_interleaved (engine, dataset, item, logprobs);
  yyjson_doc_free (doc);
  g_assert_cmpuint (logprobs->len, ==, 8 * 4 * 2);
  const double largest = largest_of (logprobs);
  g_test_message ("log-probabilities within %.2g at most", largest);
  g_assert_cmpfloat (largest, <=, MAX_INTERLEAVED);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/parity/%s/fa-%s", cases[i].size, cases[i].flash_attn);
      g_test_add_data_func (path, &cases[i], test_parity);
    }
  g_test_add_func ("/parity/interleaved", test_interleaved);
  return g_test_run ();
}
