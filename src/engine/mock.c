#include "engine/mock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"

constexpr size_t N_EMBD = 16;
constexpr int CELL = 32;          /* pixels a side of what one token sees */
constexpr double FREQUENCY = 12;  /* radians of a token's first sine from a black cell to a full one */
constexpr double SENSITIVITY = 6; /* how strongly the pooled tokens move the scores */
constexpr double CLOSING = 0.1;   /* what ending the turn costs, a byte of the option */
constexpr size_t N_LAYERS = 3;    /* of the encoder, and of the decoder */

typedef struct {
  UtEngine base;
  gboolean layers;
} MockEngine;

/* A fixed random direction [N_EMBD] for a text: what the mock "understands" of it. */
static void
direction_of (const char *text, const char *purpose, double out[N_EMBD])
{
  UtRng rng = ut_rng_init (0, text, purpose, 0);
  for (size_t i = 0; i < N_EMBD; i++)
    out[i] = 2 * ut_rng_uniform (&rng) - 1;
}

/* The token of the cell at (cx, cy): sines of its mean colour and place. */
static void
embed_cell (const UtImage *image, int cx, int cy, float out[N_EMBD])
{
  double mean[3] = {};
  const int x1 = MIN ((cx + 1) * CELL, image->width);
  const int y1 = MIN ((cy + 1) * CELL, image->height);
  for (int y = cy * CELL; y < y1; y++)
    for (int x = cx * CELL; x < x1; x++)
      for (int c = 0; c < 3; c++)
        mean[c] += image->pixels[3 * ((size_t) y * (size_t) image->width + (size_t) x) + (size_t) c];
  const double n_pixels = (double) (x1 - cx * CELL) * (y1 - cy * CELL) * 255;
  for (size_t i = 0; i < N_EMBD; i++)
    out[i]
        = (float) (1
                   + 0.5 * sin (FREQUENCY * (double) (i + 1) * mean[i % 3] / n_pixels + 0.3 * cx + 0.7 * cy * (double) (i % 5)));
}

static void
embed_images (const UtRequest *request, UtResult *result)
{
  size_t n_tokens = 0;
  for (size_t i = 0; i < request->images->len; i++)
    {
      const UtImage *image = request->images->pdata[i];
      const UtGrid grid = { 1, (uint32_t) ((image->height + CELL - 1) / CELL), (uint32_t) ((image->width + CELL - 1) / CELL) };
      g_array_append_val (result->grids, grid);
      n_tokens += (size_t) grid.h * grid.w;
    }

  result->vision = g_new (float, n_tokens *N_EMBD);
  result->n_vision = n_tokens;
  float *token = result->vision;
  for (size_t i = 0; i < request->images->len; i++)
    {
      const UtGrid *grid = &g_array_index (result->grids, UtGrid, i);
      for (int y = 0; y < (int) grid->h; y++)
        for (int x = 0; x < (int) grid->w; x++, token += N_EMBD)
          embed_cell (request->images->pdata[i], x, y, token);
    }
}

/* log p of a text as the answer, from what the mock sees. */
static double
score_text (const UtQuery *query, const char *text, const double pooled[N_EMBD])
{
  double direction[N_EMBD];
  direction_of (text, query->prompt, direction);
  double dot = 0;
  for (size_t i = 0; i < N_EMBD; i++)
    dot += direction[i] * pooled[i];
  return -log1p (exp (-SENSITIVITY * dot)) - 0.01;
}

/* The state at the end of a text, which is what it sees and a direction of the text's. */
static void
state_of (const char *text, const double pooled[N_EMBD], float *raw, float *normed)
{
  double direction[N_EMBD];
  direction_of (text, "mock prompt", direction);
  for (size_t i = 0; i < N_EMBD; i++)
    {
      raw[i] = (float) (pooled[i] + direction[i]);
      normed[i] = (float) tanh (pooled[i] + direction[i]);
    }
}

/* What stands before the last layer: nearer to what was seen, the earlier the layer. */
static void
add_layers (const UtState *ctx, const double pooled[N_EMBD], float *layers)
{
  for (size_t l = 0; l < N_LAYERS; l++)
    for (size_t i = 0; i < N_EMBD; i++)
      layers[l * N_EMBD + i] = (float) (pooled[i] + (double) (l + 1) / N_LAYERS * (ctx->raw[i] - pooled[i]));
}

/* It says what it prefers: an option, or one of a few words. */
static void
answer_freely (const UtQuery *query, const double pooled[N_EMBD], int n_generate, UtAnswer *answer)
{
  static const char *const words[] = { "yes", "no", "red", "two", "left", NULL };
  const char *const *texts = query->options != NULL ? (const char *const *) query->options : words;
  const char *best = texts[0];
  for (size_t k = 1; texts[k] != NULL; k++)
    if (score_text (query, texts[k], pooled) > score_text (query, best, pooled))
      best = texts[k];
  answer->text = g_utf8_substring (best, 0, MIN (n_generate, g_utf8_strlen (best, -1)));
  answer->greedy = ut_state_new (1, N_EMBD);
  state_of (answer->text, pooled, answer->greedy.raw, answer->greedy.normed);
}

/* The prompt with where its images stand. */
static char *
prompt_as_seen (const UtQuery *query)
{
  GString *text = g_string_new (query->prompt);
  for (unsigned p = 0; p < query->n_places; p++)
    g_string_append_printf (text, "[image %u at %zu]", query->places[p].image, query->places[p].at);
  return g_string_free (text, FALSE);
}

static UtAnswer *
answer_query (const MockEngine *engine, const UtQuery *query, int n_generate, const double pooled[N_EMBD])
{
  const unsigned n_options = query->options != NULL ? g_strv_length (query->options) : 0;
  UtAnswer *answer = ut_answer_new (n_options, N_EMBD);

  g_autofree char *seen = prompt_as_seen (query);
  state_of (seen, pooled, answer->ctx.raw, answer->ctx.normed);
  if (engine->layers)
    {
      answer->layers = g_new (float, N_LAYERS *N_EMBD);
      add_layers (&answer->ctx, pooled, answer->layers);
    }
  if (n_generate > 0)
    answer_freely (query, pooled, n_generate, answer);
  for (unsigned k = 0; k < n_options; k++)
    {
      UtScore *score = &answer->scores[k];
      score->logprob_text = score_text (query, query->options[k], pooled);
      score->logprob = score->logprob_text - CLOSING * (double) strlen (query->options[k]);
      score->logprob_label = query->labels != NULL ? score_text (query, query->labels[k], pooled) : score->logprob_text;
      score->n_tokens = (int) strlen (query->options[k]);
      state_of (query->options[k], pooled, answer->options.raw + k * N_EMBD, answer->options.normed + k * N_EMBD);
    }
  return answer;
}

static UtResult *
mock_evaluate (UtEngine *base, const UtRequest *request, GError **error)
{
  const MockEngine *engine = (const MockEngine *) base;
  g_autoptr (UtResult) result = ut_result_new ();
  result->n_embd = N_EMBD;
  result->n_layers = engine->layers ? N_LAYERS : 0;
  embed_images (request, result);

  /* Without an image it has a prejudice, as a model would. */
  double pooled[N_EMBD] = {};
  if (result->n_vision == 0)
    direction_of ("no image", "mock image", pooled);
  for (size_t t = 0; t < result->n_vision; t++)
    for (size_t i = 0; i < N_EMBD; i++)
      pooled[i] += result->vision[t * N_EMBD + i] / (double) result->n_vision;

  if (engine->layers && result->n_vision > 0)
    {
      result->n_vision_layers = N_LAYERS;
      result->n_vision_embd = N_EMBD;
      result->vision_layers = g_new (float, N_LAYERS *N_EMBD);
      for (size_t i = 0; i < N_LAYERS * N_EMBD; i++)
        result->vision_layers[i] = (float) pow (pooled[i % N_EMBD], (double) (i / N_EMBD + 1));
    }

  for (size_t q = 0; q < request->queries->len; q++)
    {
      const UtQuery *query = request->queries->pdata[q];
      if (strstr (query->prompt, "[mock:abort]") != NULL)
        abort ();
      if (strstr (query->prompt, "[mock:error]") != NULL)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the mock engine was asked to fail");
          return NULL;
        }
      UtAnswer *answer = answer_query (engine, query, request->n_generate, pooled);
      if (strstr (query->prompt, "[mock:nan]") != NULL)
        answer->ctx.raw[0] = NAN;
      g_ptr_array_add (result->answers, answer);
    }
  return g_steal_pointer (&result);
}

static void
mock_close (UtEngine *engine)
{
  ut_engine_info_clear (&engine->info);
  g_free (engine);
}

static UtEngine *
mock_open (const UtEngineConfig *config, [[maybe_unused]] GError **error)
{
  MockEngine *mock = g_new0 (MockEngine, 1);
  UtEngine *engine = &mock->base;
  mock->layers = config->layers;
  engine->class = &ut_engine_mock;
  engine->info.description = g_strdup ("mock");
  engine->info.versions = g_strdup ("mock 1");
  engine->info.backends = g_strdup ("none");
  engine->info.device = g_strdup ("CPU");
  engine->info.n_embd = N_EMBD;
  engine->info.gives = UT_GIVES_ALL;
  return engine;
}

const UtEngineClass ut_engine_mock = {
  .name = "mock",
  .summary = "a deterministic stand-in, from a hash of image and text, for trying the pipeline without a model",
  .open = mock_open,
  .evaluate = mock_evaluate,
  .close = mock_close,
};
