#include "prompt/template.h"

#include <string.h>

#include "base/error.h"
#include "base/names.h"

const char *const ut_section_names[UT_N_SECTIONS] = {
  [UT_SECTION_OPTIONS] = "options",
  [UT_SECTION_YES_NO] = "yes/no",
  [UT_SECTION_OPEN] = "open",
};

static const char *const field_names[] = {
  [UT_PART_QUESTION] = "question", [UT_PART_HINT] = "hint",     [UT_PART_LABEL] = "label",
  [UT_PART_OPTION] = "option",     [UT_PART_LABELS] = "labels",
};

static void
part_clear (void *data)
{
  g_free (((UtPart *) data)->text);
}

static void
line_clear (void *data)
{
  g_array_unref (((UtLine *) data)->parts);
}

void
ut_template_clear (UtTemplate *template)
{
  for (size_t s = 0; s < UT_N_SECTIONS; s++)
    g_clear_pointer (&template->sections[s], g_array_unref);
}

[[gnu::format (printf, 3, 4)]] static gboolean
fail (GError **error, unsigned number, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "line %u: %s", number, what);
  return FALSE;
}

/* --- Lines ------------------------------------------------------------------------------------------------------------------------- */

static void
add_part (UtLine *line, UtPartKind kind, char *text)
{
  const UtPart part = { kind, text };
  g_array_append_val (line->parts, part);
  line->has_hint |= kind == UT_PART_HINT;
  line->per_option |= kind == UT_PART_LABEL || kind == UT_PART_OPTION;
}

static gboolean
add_field (UtLine *line, const char *name, unsigned number, GError **error)
{
  const char *known[G_N_ELEMENTS (field_names)] = {};
  for (size_t kind = UT_PART_QUESTION; kind < G_N_ELEMENTS (field_names); kind++)
    {
      if (g_str_equal (name, field_names[kind]))
        return add_part (line, (UtPartKind) kind, NULL), TRUE;
      known[kind - UT_PART_QUESTION] = field_names[kind];
    }
  const char *nearest = ut_names_nearest (name, known);
  g_autofree char *all = g_strjoinv ("}, {", (char **) known);
  return fail (error, number, "there is no field {%s}%s%s%s; there are {%s}, and {{ and }} for braces", name,
               nearest != NULL ? "; did you mean {" : "", nearest != NULL ? nearest : "", nearest != NULL ? "}?" : "", all);
}

/* Adds what follows a brace at `at`: a field, or a brace that is doubled. Returns where the text goes on, NULL for an error. */
static const char *
read_brace (UtLine *line, GString *literal, const char *at, unsigned number, GError **error)
{
  if (at[1] == at[0])
    {
      g_string_append_c (literal, at[0]);
      return at + 2;
    }
  const char *end = strpbrk (at + 1, "{}");
  if (*at == '}' || end == NULL || *end == '{')
    return fail (error, number, *at == '}' ? "} without {; a brace is written }}" : "{ without }; a brace is written {{"), NULL;
  if (literal->len > 0)
    add_part (line, UT_PART_TEXT, g_strdup (literal->str));
  g_string_truncate (literal, 0);
  g_autofree char *name = g_strndup (at + 1, (size_t) (end - at) - 1);
  return add_field (line, name, number, error) ? end + 1 : NULL;
}

static gboolean
parse_line (const char *text, UtLine *line, unsigned number, GError **error)
{
  g_autoptr (GString) literal = g_string_new (NULL);
  while (*text != '\0')
    {
      const size_t n = strcspn (text, "{}");
      g_string_append_len (literal, text, (gssize) n);
      text += n;
      if (*text != '\0' && (text = read_brace (line, literal, text, number, error)) == NULL)
        return FALSE;
    }
  if (literal->len > 0)
    add_part (line, UT_PART_TEXT, g_strdup (literal->str));
  return TRUE;
}

static gboolean
add_line (GArray *section, const char *text, unsigned number, GError **error)
{
  const UtLine line = { .parts = g_array_new (FALSE, FALSE, sizeof (UtPart)) };
  g_array_set_clear_func (line.parts, part_clear);
  g_array_append_val (section, line);
  return parse_line (text, &g_array_index (section, UtLine, section->len - 1), number, error);
}

/* --- Sections ---------------------------------------------------------------------------------------------------------------------- */

/* Whether a line is the head of a section: "[yes/no]". */
static gboolean
is_head (const char *line)
{
  const size_t n = strlen (line);
  return n > 2 && line[0] == '[' && line[n - 1] == ']' && strspn (line + 1, "abcdefghijklmnopqrstuvwxyz/-_ ") == n - 2;
}

static GArray *
new_section (UtTemplate *template, UtSection section)
{
  GArray *lines = template->sections[section] = g_array_new (FALSE, FALSE, sizeof (UtLine));
  g_array_set_clear_func (lines, line_clear);
  return lines;
}

/* The section that begins with this line; NULL for an error. */
static GArray *
begin_section (UtTemplate *template, const char *line, unsigned number, GError **error)
{
  g_autofree char *name = g_strndup (line + 1, strlen (line) - 2);
  for (size_t s = 0; s < UT_N_SECTIONS; s++)
    if (g_str_equal (name, ut_section_names[s]))
      {
        if (template->sections[s] == NULL)
          return new_section (template, (UtSection) s);
        fail (error, number, "a second section [%s]", name);
        return NULL;
      }
  fail (error, number, "there is no section [%s]; there are [options], [yes/no] and [open]", name);
  return NULL;
}

static gboolean
parse_lines (char **lines, UtTemplate *template, GError **error)
{
  GArray *section = lines[0] == NULL ? new_section (template, UT_SECTION_OPTIONS) : NULL;
  for (unsigned i = 0; lines[i] != NULL; i++)
    {
      const size_t n = strlen (lines[i]);
      if (n > 0 && lines[i][n - 1] == '\r')
        lines[i][n - 1] = '\0';
      /* The last line's own break is no line. */
      if (n == 0 && i > 0 && lines[i + 1] == NULL)
        break;
      if (is_head (lines[i]))
        {
          section = begin_section (template, lines[i], i + 1, error);
          if (section == NULL)
            return FALSE;
          continue;
        }
      if (section == NULL)
        section = new_section (template, UT_SECTION_OPTIONS);
      if (!add_line (section, lines[i], i + 1, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
ut_template_has (const UtTemplate *template, UtSection section, UtPartKind kind)
{
  const GArray *lines = template->sections[section];
  for (unsigned l = 0; lines != NULL && l < lines->len; l++)
    {
      const GArray *parts = g_array_index (lines, UtLine, l).parts;
      for (unsigned p = 0; p < parts->len; p++)
        if (g_array_index (parts, UtPart, p).kind == kind)
          return TRUE;
    }
  return FALSE;
}

static gboolean
check_sections (const UtTemplate *template, GError **error)
{
  for (size_t s = 0; s < UT_N_SECTIONS; s++)
    if (template->sections[s] != NULL && !ut_template_has (template, (UtSection) s, UT_PART_QUESTION))
      {
        g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the section [%s] has no {question}", ut_section_names[s]);
        return FALSE;
      }
  for (UtPartKind kind = UT_PART_LABEL; kind <= UT_PART_LABELS; kind++)
    if (ut_template_has (template, UT_SECTION_OPEN, kind))
      {
        g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
                     "the section [open] has {%s}, and the open question is asked without options", field_names[kind]);
        return FALSE;
      }
  return TRUE;
}

gboolean
ut_template_parse (const char *text, UtTemplate *out_template, GError **error)
{
  g_auto (UtTemplate) template = {};
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  if (!parse_lines (lines, &template, error) || !check_sections (&template, error))
    return FALSE;
  *out_template = template;
  template = (UtTemplate) {};
  return TRUE;
}
