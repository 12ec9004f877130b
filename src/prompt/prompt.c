#include "prompt/prompt.h"

#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "prompt/template.h"

struct _UtPrompt {
  char *name, *text;
  const char *score;
  UtTemplate template;
  UtTemplate paper; /* whose open section stands in where the template has none */
};

constexpr gsize MAX_FILE = 1 << 20;

/* --- Reading ----------------------------------------------------------------------------------------------------------------------- */

static const UtPromptInfo *
find_info (const char *name)
{
  for (const UtPromptInfo *info = ut_prompts; info->name != NULL; info++)
    if (name == NULL || g_str_equal (info->name, name))
      return info;
  return NULL;
}

static void
fail_unknown (const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_null_terminated (8, NULL, TRUE);
  for (const UtPromptInfo *info = ut_prompts; info->name != NULL; info++)
    g_ptr_array_add (names, (void *) info->name);
  const char *nearest = ut_names_nearest (name, (const char *const *) names->pdata);
  g_autofree char *all = g_strjoinv (", ", (char **) names->pdata);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no prompt '%s'%s%s%s, nor a file of that name; there are %s", name,
               nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "", all);
}

/* The text of a template's file, without a byte order mark. */
static char *
read_file (const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autofree char *text = NULL;
  gsize n;
  const char *fault = NULL;
  if (!g_file_get_contents (path, &text, &n, &cause))
    fault = cause->message;
  else if (n > MAX_FILE)
    fault = "larger than 1 MiB, which no prompt is";
  else if (!g_utf8_validate_len (text, n, NULL))
    fault = "not UTF-8";
  if (fault == NULL)
    return g_strdup (g_str_has_prefix (text, "\xef\xbb\xbf") ? text + 3 : text);
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "--prompt %s: %s", path, fault);
  return NULL;
}

static UtPrompt *
prompt_of_info (const UtPromptInfo *info)
{
  UtPrompt *prompt = g_new0 (UtPrompt, 1);
  prompt->name = g_strdup (info->name);
  prompt->text = g_strdup (info->text);
  prompt->score = info->score;
  return prompt;
}

/* One that goes by the checksum of its text. */
static UtPrompt *
prompt_of_template (const char *text)
{
  UtPrompt *prompt = g_new0 (UtPrompt, 1);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  prompt->name = g_strdup_printf ("sha256:%.16s", digest);
  prompt->text = g_strdup (text);
  prompt->score = ut_prompts[0].score;
  return prompt;
}

static gboolean
parse (UtPrompt *prompt, GError **error)
{
  return ut_template_parse (prompt->text, &prompt->template, error)
         && ut_template_parse (ut_prompts[0].text, &prompt->paper, error);
}

UtPrompt *
ut_prompt_new (const char *name, GError **error)
{
  const UtPromptInfo *info = find_info (name);
  if (info == NULL && !g_file_test (name, G_FILE_TEST_IS_REGULAR))
    {
      fail_unknown (name, error);
      return NULL;
    }
  g_autofree char *text = info == NULL ? read_file (name, error) : NULL;
  if (info == NULL && text == NULL)
    return NULL;
  g_autoptr (UtPrompt) prompt = info != NULL ? prompt_of_info (info) : prompt_of_template (text);
  if (parse (prompt, error))
    return g_steal_pointer (&prompt);
  g_prefix_error (error, "--prompt %s, ", name);
  return NULL;
}

UtPrompt *
ut_prompt_of_text (const char *text, GError **error)
{
  g_autoptr (UtPrompt) prompt = prompt_of_template (text);
  return parse (prompt, error) ? g_steal_pointer (&prompt) : NULL;
}

void
ut_prompt_free (UtPrompt *prompt)
{
  if (prompt == NULL)
    return;
  g_free (prompt->name);
  g_free (prompt->text);
  ut_template_clear (&prompt->template);
  ut_template_clear (&prompt->paper);
  g_free (prompt);
}

/* --- What it is -------------------------------------------------------------------------------------------------------------------- */

const char *
ut_prompt_name (const UtPrompt *prompt)
{
  return prompt->name;
}

const char *
ut_prompt_text (const UtPrompt *prompt)
{
  return prompt->text;
}

const char *
ut_prompt_score (const UtPrompt *prompt)
{
  return prompt->score;
}

gboolean
ut_prompt_shows_letters (const UtPrompt *prompt)
{
  return ut_template_has (&prompt->template, UT_SECTION_OPTIONS, UT_PART_LABEL)
         || ut_template_has (&prompt->template, UT_SECTION_OPTIONS, UT_PART_LABELS);
}

gboolean
ut_prompt_check_items (const UtPrompt *prompt, GPtrArray *items, GError **error)
{
  for (unsigned i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      const UtSection section = item->yes_no ? UT_SECTION_YES_NO : UT_SECTION_OPTIONS;
      if (prompt->template.sections[section] == NULL)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_USAGE,
                       "the prompt %s has no words for questions %s, and %s is one; choose another with --prompt", prompt->name,
                       item->yes_no ? "that are answered Yes or No" : "with options", item->id);
          return FALSE;
        }
      if (item->scores_letters
          && !(ut_prompt_shows_letters (prompt) && ut_template_has (&prompt->template, UT_SECTION_OPTIONS, UT_PART_OPTION)))
        {
          g_set_error (
              error, UT_ERROR, UT_ERROR_USAGE,
              "options of %s are images, and the prompt %s does not show options and their letters; choose another with --prompt",
              item->id, prompt->name);
          return FALSE;
        }
    }
  return TRUE;
}

/* --- Writing ----------------------------------------------------------------------------------------------------------------------- */

typedef struct {
  const UtItem *item;
  GString *text;
  GArray *before;   /* unsigned: images that the question begins with */
  GArray *places;   /* UtPlace: the others that have a place */
  gboolean *placed; /* [n_images] */
} Writer;

/* Appends a text of the item's, in which images stand where they are named first. */
static void
write_text (Writer *writer, const char *text)
{
  unsigned image;
  const char *end;
  for (const char *from = text; (from = ut_item_next_image (writer->item, from, &image, &end)) != NULL; from = end)
    {
      if (writer->placed[image])
        continue;
      g_string_append_len (writer->text, text, from - text);
      const UtPlace place = { writer->text->len, image };
      g_array_append_val (writer->places, place);
      writer->placed[image] = TRUE;
      text = end;
    }
  g_string_append (writer->text, text);
}

/* The question behind the images that it begins with; the whole of it where it says nothing else. */
static const char *
take_first_images (Writer *writer)
{
  const char *rest = writer->item->question, *end;
  unsigned image;
  const guint n_before = writer->before->len;
  while (ut_item_next_image (writer->item, rest, &image, &end) == rest && !writer->placed[image])
    {
      writer->placed[image] = TRUE;
      g_array_append_val (writer->before, image);
      rest = end + strspn (end, " \t\r\n");
    }
  if (*rest != '\0')
    return rest;
  for (guint i = n_before; i < writer->before->len; i++)
    writer->placed[g_array_index (writer->before, unsigned, i)] = FALSE;
  g_array_set_size (writer->before, n_before);
  return writer->item->question;
}

static void
write_part (Writer *writer, const UtPart *part, unsigned option)
{
  const UtItem *item = writer->item;
  g_autofree char *labels = part->kind == UT_PART_LABELS ? g_strjoinv (", ", item->labels) : NULL;
  switch (part->kind)
    {
    case UT_PART_TEXT:
      g_string_append (writer->text, part->text);
      break;
    case UT_PART_QUESTION:
      write_text (writer, take_first_images (writer));
      break;
    case UT_PART_HINT:
      write_text (writer, item->hint);
      break;
    case UT_PART_LABEL:
      g_string_append (writer->text, item->labels[option]);
      break;
    case UT_PART_OPTION:
      write_text (writer, item->options[option]);
      break;
    case UT_PART_LABELS:
      g_string_append (writer->text, labels);
      break;
    }
}

static void
write_section (Writer *writer, const GArray *lines)
{
  gboolean first = TRUE;
  for (unsigned l = 0; l < lines->len; l++)
    {
      const UtLine *line = &g_array_index (lines, UtLine, l);
      const unsigned n_times = line->has_hint && writer->item->hint == NULL ? 0 : line->per_option ? writer->item->n_options : 1;
      for (unsigned n = 0; n < n_times; n++)
        {
          if (!first)
            g_string_append_c (writer->text, '\n');
          first = FALSE;
          for (unsigned p = 0; p < line->parts->len; p++)
            write_part (writer, &g_array_index (line->parts, UtPart, p), n);
        }
    }
}

/* Whether images are in their own order, in which they stand before the text without places. */
static gboolean
in_order (const GArray *images)
{
  for (guint i = 1; i < images->len; i++)
    if (g_array_index (images, unsigned, i) < g_array_index (images, unsigned, i - 1))
      return FALSE;
  return TRUE;
}

static UtWords
write_words (const GArray *lines, const UtItem *item)
{
  g_autoptr (GArray) before = g_array_new (FALSE, FALSE, sizeof (unsigned));
  g_autoptr (GArray) places = g_array_new (FALSE, FALSE, sizeof (UtPlace));
  g_autofree gboolean *placed = g_new0 (gboolean, item->n_images);
  Writer writer = { item, g_string_new (NULL), before, places, placed };
  write_section (&writer, lines);
  for (guint i = in_order (before) ? 0 : before->len; i > 0; i--)
    {
      const UtPlace place = { 0, g_array_index (before, unsigned, i - 1) };
      g_array_prepend_val (places, place);
    }
  return (UtWords) {
    .text = g_string_free (writer.text, FALSE),
    .places = g_memdup2 (places->data, places->len * sizeof (UtPlace)),
    .n_places = places->len,
  };
}

UtWords
ut_prompt_write_open (const UtPrompt *prompt, const UtItem *item)
{
  const GArray *own = prompt->template.sections[UT_SECTION_OPEN];
  return write_words (own != NULL ? own : prompt->paper.sections[UT_SECTION_OPEN], item);
}

UtWords
ut_prompt_write_closed (const UtPrompt *prompt, const UtItem *item)
{
  return write_words (prompt->template.sections[item->yes_no ? UT_SECTION_YES_NO : UT_SECTION_OPTIONS], item);
}

void
ut_words_clear (UtWords *words)
{
  g_clear_pointer (&words->text, g_free);
  g_clear_pointer (&words->places, g_free);
}
