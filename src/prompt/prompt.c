#include "prompt/prompt.h"

#include <glib.h>

char *
ut_prompt_mcq (const char *hint, const char *question, const char *const *labels, const char *const *options)
{
  GString *text = g_string_new (NULL);
  if (hint != NULL)
    g_string_append_printf (text, "Hint: %s\n", hint);
  g_string_append_printf (text, "Question: %s\nOptions:\n", question);
  for (int k = 0; options[k] != NULL; k++)
    g_string_append_printf (text, "%s. %s\n", labels[k], options[k]);
  g_string_append (text, "Please select the correct answer from the options above.");
  return g_string_free (text, FALSE);
}

char *
ut_prompt_yes_no (const char *question)
{
  return g_strdup_printf ("Question: %s\nAnswer with exactly one word: Yes or No.", question);
}

char *
ut_prompt_open (const char *question)
{
  return g_strdup_printf ("Question: %s\nPlease answer the question concisely.", question);
}
