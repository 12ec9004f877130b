#include "engine/llama-engine.h"

#include <string.h>

#include "base/error.h"

void
ut_llama_work_free (Work *work)
{
  for (unsigned k = 0; k < work->n_options; k++)
    ut_llama_tokens_clear (&work->options[k].whole);
  g_free (work->options);
  g_free (work->text);
  ut_llama_prefix_clear (&work->prefix);
  ut_llama_tokens_clear (&work->prompt);
  g_free (work);
}

/* Tokenises prompt, option and closing together, since the seam between them may merge, and parts them at the common token prefix. */
static gboolean
prepare_option (const LlamaEngine *engine, const Work *work, const char *text, const char *closing, bool add_special,
                Option *option, GError **error)
{
  g_autofree char *open = g_strconcat (work->text, engine->opening, text, NULL);
  g_autofree char *whole = g_strconcat (open, closing, NULL);
  g_auto (Tokens) without_closing = ut_llama_tokenize (engine, open, add_special);
  option->text = text;
  option->whole = ut_llama_tokenize (engine, whole, add_special);
  option->start = ut_llama_common_prefix (&work->prompt, &option->whole);
  option->n_text = ut_llama_common_prefix (&without_closing, &option->whole) - option->start;

  /* Where the option's first letters merge with the prompt's last token, that token is scored as part of the option: its position
   * must lie behind the token that is decoded for every option. */
  if (option->start != work->prompt.n_tokens)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the tokenizer merges option '%s' with the prompt before it", text);
      return FALSE;
    }
  if (option->whole.n_tokens - option->start > UT_LLAMA_MAX_OUTPUTS)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "option '%.40s…' has more than %d tokens", text, UT_LLAMA_MAX_OUTPUTS);
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

/* The user's turn: the prompt, and for each image the marker where it stands. */
static char *
user_turn (const LlamaEngine *engine, const UtQuery *query, const UtRequest *request, unsigned n_first)
{
  g_autoptr (GString) turn = g_string_new (NULL);
  for (unsigned i = 0; i < n_first; i++)
    g_string_append (turn, engine->marker);
  size_t from = 0;
  for (unsigned p = 0; n_first + p < request->images->len; p++)
    {
      const size_t at = query->places[p].at;
      g_string_append_len (turn, query->prompt + from, (gssize) (at - from));
      g_string_append (turn, engine->marker);
      from = at;
    }
  g_string_append (turn, query->prompt + from);
  return g_string_free (g_steal_pointer (&turn), FALSE);
}

/* Parts the templated query behind its last image. */
static gboolean
part_query (const LlamaEngine *engine, const UtRequest *request, Work *work, GError **error)
{
  const UtQuery *query = work->query;
  if (strstr (query->prompt, engine->marker) != NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the prompt holds the image marker '%s'", engine->marker);
      return FALSE;
    }
  unsigned n_first;
  work->prefix.order = ut_query_image_order (query, request, &n_first, error);
  if (work->prefix.order == NULL)
    return FALSE;
  g_autofree char *turn = user_turn (engine, query, request, n_first);
  g_autofree char *text = ut_llama_apply_template (engine, turn, NULL);
  const char *last = text != NULL ? g_strrstr (text, engine->marker) : NULL;
  if (text == NULL || (last == NULL && request->images->len > 0))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model's chat template loses the question or its images");
      return FALSE;
    }
  const size_t length = last != NULL ? (size_t) (last - text) + strlen (engine->marker) : 0;
  work->prefix.text = g_strndup (text, length);
  work->text = g_strdup (text + length);
  return TRUE;
}

Work *
ut_llama_work_new (const LlamaEngine *engine, const UtRequest *request, const UtQuery *query, UtAnswer *answer, GError **error)
{
  g_autoptr (Work) work = g_new0 (Work, 1);
  work->query = query;
  work->answer = answer;
  if (!part_query (engine, request, work, error))
    return NULL;
  const bool add_special = *work->prefix.text == '\0';
  work->prompt = ut_llama_tokenize (engine, work->text, add_special);
  return prepare_options (engine, work, add_special, error) ? g_steal_pointer (&work) : NULL;
}

/* What came out of every layer at the end of the i-th prompt. */
static gboolean
read_layers (const LlamaEngine *engine, const Work *work, size_t i, GError **error)
{
  const size_t n_embd = engine->base.info.n_embd, n_layers = (size_t) llama_model_n_layer (engine->model);
  work->answer->layers = g_new (float, n_layers *n_embd);
  for (size_t l = 0; l + 1 < n_layers; l++)
    if (!ut_llama_captured_row (engine, &engine->decoder[l], i, work->answer->layers + l * n_embd, error))
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
      if (!ut_llama_captured_state (engine, i, &work->answer->ctx, error)
          || (engine->layers && !read_layers (engine, work, i, error)))
        return FALSE;
      const float *logits = llama_get_logits_ith (engine->ctx, rows[i]);
      for (unsigned k = 0; k < work->n_options; k++)
        {
          Option *option = &work->options[k];
          if (option->whole.n_tokens == option->start)
            continue;
          option->logprob = ut_llama_log_prob (engine, logits, option->whole.tokens[option->start]);
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
      const double p = ut_llama_log_prob (engine, logits, option->whole.tokens[t]);
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

/* Of a decode behind the prefix. On the CPU one suffix runs at a time. */
static Room
empty_room (const LlamaEngine *engine, int prefix_cells)
{
  return (Room) { .n_sequences = 1, .max_sequences = engine->batching ? UT_LLAMA_MAX_SEQUENCES : 2, .n_cells = prefix_cells };
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
  ut_llama_start_capture (engine);
  const gboolean decoded
      = n == 0 || ut_llama_decode_suffixes (engine, (const Suffix *) (void *) batch->suffixes->data, n, rows, error);
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
          && !ut_llama_captured_mean (engine, (size_t) rows[i], (size_t) option->n_text, means->raw + k * n_embd,
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
        if (!ut_llama_take_room (engine, &batch.room, n_tokens, n_tokens))
          {
            if (!flush_options (engine, &batch, base, error))
              return FALSE;
            if (!ut_llama_take_room (engine, &batch.room, n_tokens, n_tokens))
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

/* Scores works [n], which fit one batch together. */
static gboolean
score_batch (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int prefix_cells, GError **error)
{
  llama_memory_t memory = llama_get_memory (engine->ctx);
  g_autofree Suffix *suffixes = g_new (Suffix, n);
  g_autofree int *rows = g_new (int, n);
  Room taken = empty_room (engine, prefix_cells);
  for (size_t i = 0; i < n; i++)
    {
      works[i]->seq = (llama_seq_id) i + 1;
      llama_memory_seq_cp (memory, 0, works[i]->seq, -1, -1);
      suffixes[i] = (Suffix) { works[i]->prompt.tokens, works[i]->prompt.n_tokens, works[i]->seq, prefix_pos, FALSE };
      taken.n_sequences++;
      taken.n_cells += works[i]->prompt.n_tokens;
    }

  ut_llama_start_capture (engine);
  note_ends (engine, suffixes, n);
  const gboolean decoded = ut_llama_decode_suffixes (engine, suffixes, n, rows, error);
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
  return ut_llama_keep_prefix (engine, prefix_pos, error);
}

/* Half of the sequences and outputs are left to the options. */
gboolean
ut_llama_score_works (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int prefix_cells, GError **error)
{
  const size_t most = engine->batching ? UT_LLAMA_MAX_SEQUENCES / 2 : 1;
  for (size_t start = 0, m; start < n; start += m)
    {
      Room room = empty_room (engine, prefix_cells);
      for (m = 0; start + m < n && m < most && ut_llama_take_room (engine, &room, works[start + m]->prompt.n_tokens, 1); m++)
        ;
      if (m == 0)
        {
          g_set_error (
              error, UT_ERROR, UT_ERROR_FAILED,
              "a prompt of %d tokens behind an image of %d does not fit a context of %u and a batch of %d: give a larger -c",
              works[start]->prompt.n_tokens, prefix_cells, llama_n_ctx (engine->ctx), engine->n_batch);
          return FALSE;
        }
      if (!score_batch (engine, works + start, m, prefix_pos, prefix_cells, error))
        return FALSE;
    }
  return TRUE;
}
