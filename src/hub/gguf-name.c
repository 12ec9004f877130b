#include "hub/gguf-name.h"

#include <stdio.h>
#include <string.h>

constexpr unsigned MAX_BITS = 1000; /* no quantisation has as many; the number in a file's name can be any */

static gboolean
take_number (const char *digits, unsigned *out)
{
  *out = 0;
  for (int i = 0; i < 5; i++)
    {
      if (!g_ascii_isdigit (digits[i]))
        return FALSE;
      *out = 10 * *out + (unsigned) (digits[i] - '0');
    }
  return TRUE;
}

/* Cuts "-00002-of-00003" off the stem, where it ends so. */
static void
take_part (UtGgufName *name)
{
  const size_t n = strlen (name->stem), n_suffix = strlen ("-00002-of-00003");
  unsigned part, n_parts;
  if (n <= n_suffix)
    return;
  char *suffix = name->stem + n - n_suffix;
  if (suffix[0] != '-' || !take_number (suffix + 1, &part) || strncmp (suffix + 6, "-of-", 4) != 0
      || !take_number (suffix + 10, &n_parts) || part < 1 || part > n_parts)
    return;
  *suffix = '\0';
  name->part = part;
  name->n_parts = n_parts;
}

static char *
find_quant (const char *stem)
{
  const char *begin = stem + strlen (stem);
  while (begin > stem && (g_ascii_isalnum (begin[-1]) || begin[-1] == '_'))
    begin--;
  return begin > stem && *begin != '\0' && (begin[-1] == '-' || begin[-1] == '.') ? g_ascii_strup (begin, -1) : NULL;
}

gboolean
ut_gguf_name_parse (const char *path, UtGgufName *out)
{
  if (!g_str_has_suffix (path, ".gguf"))
    return FALSE;
  *out = (UtGgufName) { .stem = g_strndup (path, strlen (path) - strlen (".gguf")), .part = 1, .n_parts = 1 };
  take_part (out);
  out->quant = find_quant (out->stem);
  return TRUE;
}

unsigned
ut_gguf_name_bits (const char *quant)
{
  const char *p = quant != NULL ? strpbrk (quant, "0123456789") : NULL;
  unsigned bits = 0;
  for (; p != NULL && g_ascii_isdigit (*p) && bits < MAX_BITS; p++)
    bits = 10 * bits + (unsigned) (*p - '0');
  return bits;
}

GPtrArray *
ut_gguf_name_parts (const char *path)
{
  g_auto (UtGgufName) name = {};
  GPtrArray *parts = g_ptr_array_new_with_free_func (g_free);
  if (!ut_gguf_name_parse (path, &name) || name.n_parts == 1)
    g_ptr_array_add (parts, g_strdup (path));
  else
    for (unsigned part = 1; part <= name.n_parts; part++)
      g_ptr_array_add (parts, g_strdup_printf ("%s-%05u-of-%05u.gguf", name.stem, part, name.n_parts));
  return parts;
}

void
ut_gguf_name_clear (UtGgufName *name)
{
  g_clear_pointer (&name->stem, g_free);
  g_clear_pointer (&name->quant, g_free);
}
