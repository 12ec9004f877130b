#include "engine/llama-engine.h"

#include "base/error.h"

/* One being written. */
typedef struct {
  Work *work;
  GArray *tokens; /* llama_token */
  llama_token next;
  double *sums; /* [2, n_embd]: of the states of its tokens, before and after the final norm */
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
      g_array_append_val (answers[i]->tokens, answers[i]->next);
      suffixes[i] = (Suffix) { &answers[i]->next, 1, work->seq,
                               prefix_pos + work->prompt.n_tokens + (llama_pos) answers[i]->tokens->len - 1, TRUE };
    }
  ut_llama_start_capture (engine);
  const gboolean decoded = ut_llama_decode_suffixes (engine, suffixes, n, rows, error);
  engine->capturing = FALSE;
  if (!decoded)
    return FALSE;

  g_auto (UtState) state = ut_state_new (1, n_embd);
  for (size_t i = 0; i < n; i++)
    {
      Greedy *answer = answers[i];
      if (!ut_llama_captured_state (engine, i, &state, error))
        return FALSE;
      for (size_t j = 0; j < n_embd; j++)
        {
          answer->sums[j] += (double) state.raw[j];
          answer->sums[n_embd + j] += (double) state.normed[j];
        }
      answer->ended = llama_vocab_is_eog (engine->vocab, answer->next);
      answer->next = ut_llama_likeliest (engine, llama_get_logits_ith (engine->ctx, rows[i]));
    }
  return TRUE;
}

/* Decodes the prompts of answers [n], each in a sequence of its own, and sees which token each begins with. */
static gboolean
begin_answers (LlamaEngine *engine, Greedy *answers, size_t n, llama_pos prefix_pos, GError **error)
{
  g_autofree Suffix *suffixes = g_new (Suffix, n);
  g_autofree int *rows = g_new (int, n);
  for (size_t i = 0; i < n; i++)
    {
      Work *work = answers[i].work;
      work->seq = (llama_seq_id) i + 1;
      llama_memory_seq_cp (llama_get_memory (engine->ctx), 0, work->seq, -1, -1);
      suffixes[i] = (Suffix) { work->prompt.tokens, work->prompt.n_tokens, work->seq, prefix_pos, FALSE };
    }
  if (!ut_llama_decode_suffixes (engine, suffixes, n, rows, error))
    return FALSE;
  for (size_t i = 0; i < n; i++)
    answers[i].next = ut_llama_likeliest (engine, llama_get_logits_ith (engine->ctx, rows[i]));
  return TRUE;
}

static gboolean
write_answers (LlamaEngine *engine, Greedy *answers, size_t n, llama_pos prefix_pos, int n_generate, GError **error)
{
  if (!begin_answers (engine, answers, n, prefix_pos, error))
    return FALSE;
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
  return ut_llama_keep_prefix (engine, prefix_pos, error);
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

static gboolean
answer_batch (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int n_generate, GError **error)
{
  g_autofree Greedy *answers = g_new0 (Greedy, n);
  for (size_t i = 0; i < n; i++)
    answers[i] = (Greedy) { .work = works[i],
                            .tokens = g_array_new (FALSE, FALSE, sizeof (llama_token)),
                            .sums = g_new0 (double, 2 * engine->base.info.n_embd) };
  const gboolean ok = write_answers (engine, answers, n, prefix_pos, n_generate, error);
  for (size_t i = 0; i < n; i++)
    finish_answer (engine, &answers[i]);
  return ok;
}

/* The prompts are decoded again: kept from the scoring, the others' cells would lie between the scored ones, whose last bits would then
 * depend on their number. */
gboolean
ut_llama_answer_works (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int prefix_cells, int n_generate,
                       GError **error)
{
  for (size_t start = 0, m; start < n; start += m)
    {
      Room room = { .n_sequences = 1, .max_sequences = UT_LLAMA_MAX_SEQUENCES, .n_cells = prefix_cells };
      for (m = 0; start + m < n && ut_llama_take_room (engine, &room, works[start + m]->prompt.n_tokens, 1)
                  && room.n_cells + n_generate <= (int) llama_n_ctx (engine->ctx);
           m++)
        room.n_cells += n_generate;
      if (m == 0)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "an answer of %d tokens does not fit the context: give a larger -c",
                       n_generate);
          return FALSE;
        }
      if (!answer_batch (engine, works + start, m, prefix_pos, n_generate, error))
        return FALSE;
    }
  return TRUE;
}
