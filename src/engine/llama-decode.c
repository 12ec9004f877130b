#include "engine/llama-engine.h"

#include <math.h>

#include "base/error.h"

gboolean
ut_llama_decode_suffixes (LlamaEngine *engine, const Suffix *suffixes, size_t n, int *out_first, GError **error)
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
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model could not decode %d tokens (%d): %s", n_tokens, status,
                 ut_llama_why ());
  return status == 0;
}

double
ut_llama_log_prob (const LlamaEngine *engine, const float *logits, llama_token token)
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

llama_token
ut_llama_likeliest (const LlamaEngine *engine, const float *logits)
{
  const int n_vocab = llama_vocab_n_tokens (engine->vocab);
  llama_token best = 0;
  for (llama_token i = 1; i < n_vocab; i++)
    if (logits[i] > logits[best])
      best = i;
  return best;
}

gboolean
ut_llama_take_room (const LlamaEngine *engine, Room *room, int n_tokens, int n_outputs)
{
  if (room->n_sequences + 1 > room->max_sequences || room->n_tokens + n_tokens > engine->n_batch
      || room->n_outputs + n_outputs > UT_LLAMA_MAX_OUTPUTS || room->n_cells + n_tokens > (int) llama_n_ctx (engine->ctx))
    return FALSE;
  room->n_sequences++;
  room->n_tokens += n_tokens;
  room->n_outputs += n_outputs;
  room->n_cells += n_tokens;
  return TRUE;
}

gboolean
ut_llama_keep_prefix (LlamaEngine *engine, llama_pos prefix_pos, GError **error)
{
  llama_memory_t memory = llama_get_memory (engine->ctx);
  for (llama_seq_id s = 1; s < UT_LLAMA_MAX_SEQUENCES; s++)
    llama_memory_seq_rm (memory, s, -1, -1);
  const bool cut = llama_memory_seq_rm (memory, 0, prefix_pos, -1);
  if (!cut)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "this model's memory cannot be cut back to the image");
  return cut;
}
