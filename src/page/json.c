#include "page/json.h"

#include <math.h>

void
ut_json_append_string (GString *json, const char *text)
{
  if (text == NULL)
    {
      g_string_append (json, "null");
      return;
    }
  g_string_append_c (json, '"');
  for (const unsigned char *c = (const unsigned char *) text; *c != '\0'; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (json, "\\%c", *c);
    else if (*c < ' ')
      g_string_append_printf (json, "\\u%04x", *c);
    else
      g_string_append_c (json, (char) *c);
  g_string_append_c (json, '"');
}

void
ut_json_append_number (GString *json, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  g_string_append (json, isfinite (value) ? g_ascii_formatd (digits, sizeof digits, "%.6g", value) : "null");
}

void
ut_json_append_comma (GString *json)
{
  const char last = json->str[json->len - 1];
  if (last != '{' && last != '[')
    g_string_append_c (json, ',');
}

void
ut_json_append_strings (GString *json, const char *const *texts)
{
  g_string_append_c (json, '[');
  for (const char *const *text = texts; *text != NULL; text++)
    {
      ut_json_append_comma (json);
      ut_json_append_string (json, *text);
    }
  g_string_append_c (json, ']');
}

void
ut_json_append_key (GString *json, const char *key)
{
  ut_json_append_comma (json);
  ut_json_append_string (json, key);
  g_string_append_c (json, ':');
}

void
ut_json_append_bytes (GString *json, const void *bytes, size_t n_bytes)
{
  g_autofree char *base64 = g_base64_encode (bytes, n_bytes);
  g_string_append_printf (json, "\"%s\"", base64);
}
