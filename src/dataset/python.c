#include "dataset/python.h"

#include <string.h>

#include "base/error.h"

typedef struct {
  const char *start, *at, *end;
} Reader;

static gboolean
fail (const Reader *r, GError **error, const char *what)
{
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "broken Python list at character %zu: %s", (size_t) (r->at - r->start) + 1,
               what);
  return FALSE;
}

static void
skip_space (Reader *r)
{
  while (r->at < r->end && g_ascii_isspace (*r->at))
    r->at++;
}

static gboolean
take (Reader *r, char c)
{
  skip_space (r);
  const gboolean there = r->at < r->end && *r->at == c;
  r->at += there;
  return there;
}

/* A character given by its number: up to `n_digits` digits of the base, exactly so many but of octal ones. */
static gboolean
read_number (Reader *r, GString *out, unsigned base, unsigned n_digits, GError **error)
{
  gunichar value = 0;
  unsigned n = 0;
  for (; n < n_digits && r->at < r->end; n++, r->at++)
    {
      const int digit = g_ascii_xdigit_value (*r->at);
      if (digit < 0 || (unsigned) digit >= base)
        break;
      value = value * base + (unsigned) digit;
    }
  if (base == 16 && n < n_digits)
    return fail (r, error, "an escape with too few digits");
  if (value == 0 || !g_unichar_validate (value))
    return fail (r, error, "an escape that is no character");
  g_string_append_unichar (out, value);
  return TRUE;
}

/* What follows a backslash. An unknown escape stands for itself, backslash and all, as in Python. */
static gboolean
read_escape (Reader *r, GString *out, GError **error)
{
  static const char names[] = "\\'\"abfnrtv", values[] = "\\'\"\a\b\f\n\r\t\v";
  if (r->at == r->end)
    return fail (r, error, "a text without end");
  const char c = *r->at;
  if (c >= '0' && c <= '7')
    return read_number (r, out, 8, 3, error);
  r->at++;
  if (c == 'x' || c == 'u' || c == 'U')
    return read_number (r, out, 16, c == 'x' ? 2 : c == 'u' ? 4 : 8, error);
  if (c == 'N')
    return fail (r, error, "a character by its name");
  const char *named = c != '\0' ? strchr (names, c) : NULL;
  if (named != NULL)
    g_string_append_c (out, values[named - names]);
  else if (c != '\n')
    g_string_append_printf (out, "\\%c", c);
  return TRUE;
}

static gboolean
read_text (Reader *r, GString *out, GError **error)
{
  skip_space (r);
  const char quote = r->at < r->end ? *r->at : '\0';
  if (quote != '\'' && quote != '"')
    return fail (r, error, "expected a text in quotes");
  r->at++;
  for (;;)
    {
      const char *from = r->at;
      while (r->at < r->end && *r->at != quote && *r->at != '\\')
        r->at++;
      g_string_append_len (out, from, r->at - from);
      if (r->at == r->end)
        return fail (r, error, "a text without end");
      if (*r->at++ == quote)
        return TRUE;
      if (!read_escape (r, out, error))
        return FALSE;
    }
}

static gboolean
read_list (Reader *r, GPtrArray *texts, GError **error)
{
  if (!take (r, '['))
    return fail (r, error, "expected [");
  while (!take (r, ']'))
    {
      g_autoptr (GString) text = g_string_new (NULL);
      if (!read_text (r, text, error))
        return FALSE;
      if (!g_utf8_validate_len (text->str, text->len, NULL))
        return fail (r, error, "not UTF-8");
      g_ptr_array_add (texts, g_string_free (g_steal_pointer (&text), FALSE));
      skip_space (r);
      if (!take (r, ',') && (r->at == r->end || *r->at != ']'))
        return fail (r, error, "expected , or ]");
    }
  skip_space (r);
  return r->at == r->end || fail (r, error, "text after the list");
}

gboolean
ut_python_is_list (const char *text, size_t n)
{
  Reader r = { text, text, text + n };
  if (!take (&r, '['))
    return FALSE;
  skip_space (&r);
  return r.at < r.end && strchr ("'\"]", *r.at) != NULL && *r.at != '\0';
}

char **
ut_python_list (const char *text, size_t n, GError **error)
{
  Reader r = { text, text, text + n };
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  if (!read_list (&r, texts, error))
    return NULL;
  g_ptr_array_add (texts, NULL);
  return (char **) g_ptr_array_steal (texts, NULL);
}

/* Python prefers the single quote, and the other where that one alone is in the text. */
static void
append_text (GString *out, const char *text)
{
  static const char escaped[] = "\n\r\t", names[] = "nrt";
  const char quote = strchr (text, '\'') != NULL && strchr (text, '"') == NULL ? '"' : '\'';
  g_string_append_c (out, quote);
  for (; *text != '\0'; text++)
    {
      const char *escape = strchr (escaped, *text);
      if (escape != NULL)
        g_string_append_printf (out, "\\%c", names[escape - escaped]);
      else if (g_ascii_iscntrl (*text))
        g_string_append_printf (out, "\\x%02x", (unsigned) *text);
      else
        g_string_append_printf (out, "%s%c", *text == quote || *text == '\\' ? "\\" : "", *text);
    }
  g_string_append_c (out, quote);
}

char *
ut_python_text_of_list (const char *const *texts)
{
  GString *out = g_string_new ("[");
  for (size_t i = 0; texts[i] != NULL; i++)
    {
      g_string_append (out, i > 0 ? ", " : "");
      append_text (out, texts[i]);
    }
  g_string_append_c (out, ']');
  return g_string_free (out, FALSE);
}
