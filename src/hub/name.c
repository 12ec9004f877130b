#include "hub/name.h"

#include <string.h>

#include "base/error.h"

constexpr size_t MAX_REPO = 256;
constexpr size_t MAX_QUANT = 64;

/* Letters, digits and "_", with single "/", "." and "-" between them, of which one is "/": as llama.cpp has it. */
static gboolean
is_repo (const char *text)
{
  unsigned slashes = 0;
  gboolean between = TRUE; /* whether a letter must follow */
  for (const char *p = text; *p != '\0'; p++)
    {
      const gboolean separates = strchr ("/.-", *p) != NULL;
      if (separates ? between : !g_ascii_isalnum (*p) && *p != '_')
        return FALSE;
      slashes += *p == '/';
      between = separates;
    }
  return !between && slashes == 1 && strlen (text) <= MAX_REPO;
}

static gboolean
is_quant (const char *text)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
  const size_t n = strlen (text);
  return n > 0 && n <= MAX_QUANT && strspn (text, letters) == n;
}

gboolean
ut_hub_name_parse (const char *typed, UtHubName *out, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (typed, ":", 2);
  if (parts[0] == NULL || !is_repo (parts[0]) || (parts[1] != NULL && !is_quant (parts[1])))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE,
                   "-hf %s: user/repo or user/repo:quant was expected, such as ggml-org/Qwen3-VL-2B-Instruct-GGUF:Q8_0", typed);
      return FALSE;
    }
  *out = (UtHubName) { .repo = g_strdup (parts[0]), .quant = g_strdup (parts[1]) };
  return TRUE;
}

void
ut_hub_name_clear (UtHubName *name)
{
  g_clear_pointer (&name->repo, g_free);
  g_clear_pointer (&name->quant, g_free);
}
