#include "engine/llama-engine.h"

#include <string.h>

#include "base/error.h"

void
ut_llama_tokens_clear (Tokens *tokens)
{
  g_clear_pointer (&tokens->tokens, g_free);
  tokens->n_tokens = 0;
}

Tokens
ut_llama_tokenize (const LlamaEngine *engine, const char *text, bool add_special)
{
  const int length = (int) strlen (text);
  const int n = -llama_tokenize (engine->vocab, text, length, NULL, 0, add_special, true);
  Tokens tokens = { g_new (llama_token, (gsize) MAX (n, 1)), MAX (n, 0) };
  if (n > 0)
    llama_tokenize (engine->vocab, text, length, tokens.tokens, n, add_special, true);
  return tokens;
}

int
ut_llama_common_prefix (const Tokens *a, const Tokens *b)
{
  int n = 0;
  while (n < a->n_tokens && n < b->n_tokens && a->tokens[n] == b->tokens[n])
    n++;
  return n;
}

char *
ut_llama_apply_template (const LlamaEngine *engine, const char *user, const char *assistant)
{
  const struct llama_chat_message messages[] = { { "user", user }, { "assistant", assistant } };
  const size_t n = assistant != NULL ? 2 : 1;
  const bool open = assistant == NULL;
  const int size = llama_chat_apply_template (engine->template, messages, n, open, NULL, 0);
  if (size < 0)
    return NULL;
  char *text = g_malloc0 ((gsize) size + 1);
  llama_chat_apply_template (engine->template, messages, n, open, text, size + 1);
  return text;
}

gboolean
ut_llama_learn_template (LlamaEngine *engine, GError **error)
{
  engine->template = llama_model_chat_template (engine->model, NULL);
  if (engine->template == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the model has no chat template (tokenizer.chat_template)");
      return FALSE;
    }
  static const char user[] = "user's words", assistant[] = "assistant's words";
  g_autofree char *open = ut_llama_apply_template (engine, user, NULL);
  g_autofree char *whole = ut_llama_apply_template (engine, user, assistant);
  const char *words = whole != NULL ? strstr (whole, assistant) : NULL;
  if (open == NULL || words == NULL || !g_str_has_prefix (whole, open))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "libllama does not know the model's chat template");
      return FALSE;
    }
  engine->closing = g_strdup (words + strlen (assistant));
  return TRUE;
}
