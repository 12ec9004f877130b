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

/* The words of the system turn that a template in ChatML begins with where the conversation has none; NULL where it writes none. They
 * stand in the template as they are: what is put together from variables has quotes or braces between the two marks. */
static char *
own_system_turn (const char *template)
{
  g_autoptr (GRegex) regex = g_regex_new ("<\\|im_start\\|>system(?:\n|\\\\n)([^{}'\"\\\\]+)<\\|im_end\\|>", 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  return g_regex_match (regex, template, 0, &match) ? g_match_info_fetch (match, 1) : NULL;
}

/* libllama's rendering, which knows a template by its marks and writes what models of that kind have in common. */
static char *
render (const LlamaEngine *engine, const char *user, const char *assistant)
{
  const struct llama_chat_message messages[] = { { "system", engine->system }, { "user", user }, { "assistant", assistant } };
  const size_t first = engine->system != NULL ? 0 : 1, end = assistant != NULL ? 3 : 2;
  const bool open = assistant == NULL;
  const int size = llama_chat_apply_template (engine->template, messages + first, end - first, open, NULL, 0);
  if (size < 0)
    return NULL;
  char *text = g_malloc0 ((gsize) size + 1);
  llama_chat_apply_template (engine->template, messages + first, end - first, open, text, size + 1);
  return text;
}

/* SmolVLM's own template has no space between the user's name and an image; libllama's rendering of it always has one. */
static void
drop_space_before_image (const LlamaEngine *engine, GString *text)
{
  static const char name[] = "User: ";
  const char *user = strstr (text->str, name);
  if (user != NULL && g_str_has_prefix (user + strlen (name), engine->marker))
    g_string_erase (text, user + strlen (name) - 1 - text->str, 1);
}

char *
ut_llama_apply_template (const LlamaEngine *engine, const char *user, const char *assistant)
{
  g_autofree char *rendered = render (engine, user, assistant);
  if (rendered == NULL)
    return NULL;
  GString *text = g_string_new (rendered);
  if (strstr (engine->template, "<end_of_utterance>") != NULL)
    drop_space_before_image (engine, text);
  if (engine->around_image != NULL)
    {
      g_autofree char *image = g_strconcat (engine->around_image, engine->marker, engine->around_image, NULL);
      g_string_replace (text, engine->marker, image, 0);
    }
  return g_string_free (text, FALSE);
}

/* Gemma 3's processor writes blank lines around an image, libmtmd the marks of its beginning and end alone. */
static const char *
around_image (const struct llama_model *model)
{
  char arch[64];
  const int length = llama_model_meta_val_str (model, "general.architecture", arch, sizeof arch);
  return length > 0 && g_str_equal (arch, "gemma3") ? "\n\n" : NULL;
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
  engine->system = own_system_turn (engine->template);
  engine->around_image = around_image (engine->model);
  static const char user[] = "user's words", assistant[] = "assistant's words";
  g_autofree char *open = ut_llama_apply_template (engine, user, NULL);
  g_autofree char *whole = ut_llama_apply_template (engine, user, assistant);
  const char *words = whole != NULL ? strstr (whole, assistant) : NULL;
  if (open == NULL || words == NULL || !g_str_has_prefix (whole, open))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "libllama does not know the model's chat template");
      return FALSE;
    }
  const size_t n_open = strlen (open);
  engine->opening = g_strndup (whole + n_open, (gsize) (words - whole) - n_open);
  engine->closing = g_strdup (words + strlen (assistant));
  return TRUE;
}
