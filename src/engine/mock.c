#include "engine/mock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"

constexpr size_t N_EMBD = 16;
constexpr int CELL = 32;         /* pixels a side of what one token sees */
constexpr double FREQUENCY = 12;  /* radians of a token's first sine from a black cell to a full one */
constexpr double SENSITIVITY = 6; /* how strongly the pooled tokens move the scores */
constexpr double CLOSING = 0.1;   /* what ending the turn costs, a byte of the option */

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
    out[i] = (float) (1 + 0.5 * sin (FREQUENCY * (double) (i + 1) * mean[i % 3] / n_pixels + 0.3 * cx + 0.7 * cy * (double) (i % 5)));
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

  result->vision = g_new (float, n_tokens * N_EMBD);
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

static UtAnswer *
answer_query (const UtQuery *query, const double pooled[N_EMBD])
{
  const unsigned n_options = query->options != NULL ? g_strv_length (query->options) : 0;
  UtAnswer *answer = ut_answer_new (n_options, N_EMBD);

  double prompt[N_EMBD];
  direction_of (query->prompt, "mock prompt", prompt);
  for (size_t i = 0; i < N_EMBD; i++)
    {
      answer->ctx[i] = (float) (pooled[i] + prompt[i]);
      answer->ctx_normed[i] = (float) tanh (pooled[i] + prompt[i]);
    }

  for (unsigned k = 0; k < n_options; k++)
    {
      UtScore *score = &answer->scores[k];
      score->logprob_text = score_text (query, query->options[k], pooled);
      score->logprob = score->logprob_text - CLOSING * (double) strlen (query->options[k]);
      score->logprob_label = query->labels != NULL ? score_text (query, query->labels[k], pooled) : score->logprob_text;
      score->n_tokens = (int) strlen (query->options[k]);
    }
  return answer;
}

static UtResult *
mock_evaluate ([[maybe_unused]] UtEngine *engine, const UtRequest *request, GError **error)
{
  g_autoptr (UtResult) result = ut_result_new ();
  result->n_embd = N_EMBD;
  embed_images (request, result);

  /* Without an image it has a prejudice, as a model would. */
  double pooled[N_EMBD] = {};
  if (result->n_vision == 0)
    direction_of ("no image", "mock image", pooled);
  for (size_t t = 0; t < result->n_vision; t++)
    for (size_t i = 0; i < N_EMBD; i++)
      pooled[i] += result->vision[t * N_EMBD + i] / (double) result->n_vision;

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
      g_ptr_array_add (result->answers, answer_query (query, pooled));
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
mock_open ([[maybe_unused]] const UtEngineConfig *config, [[maybe_unused]] GError **error)
{
  UtEngine *engine = g_new0 (UtEngine, 1);
  engine->class = &ut_engine_mock;
  engine->info.description = g_strdup ("mock");
  engine->info.versions = g_strdup ("mock 1");
  engine->info.backends = g_strdup ("none");
  engine->info.device = g_strdup ("CPU");
  engine->info.n_embd = N_EMBD;
  return engine;
}

const UtEngineClass ut_engine_mock = {
  .name = "mock",
  .summary = "a deterministic stand-in, from a hash of image and text, for trying the pipeline without a model",
  .open = mock_open,
  .evaluate = mock_evaluate,
  .close = mock_close,
};
