/* One row of a format's query as an item. */
#include <string.h>

#include "base/error.h"
#include "dataset/item.h"

constexpr unsigned MAX_OPTIONS = 26; /* A to Z */

void
ut_item_free (UtItem *item)
{
  if (item == NULL)
    return;
  g_free (item->id);
  g_free (item->image_id);
  g_free (item->images_key);
  g_free (item->category);
  g_free (item->hint);
  g_free (item->question);
  g_strfreev (item->options);
  g_strfreev (item->labels);
  g_free (item);
}

void
ut_row_clear (UtRow *row)
{
  g_clear_pointer (&row->item, ut_item_free);
  g_clear_pointer (&row->images, g_array_unref);
  g_clear_pointer (&row->skipped, g_free);
}

/* --- Fields ---------------------------------------------------------------------------------------------------------------------- */

/* A column's text, NULL where it is missing or empty. */
static char *
text_of (UtDbCursor *cursor, const char *name)
{
  const int column = ut_db_column_index (cursor, name);
  g_autofree char *text = column >= 0 ? ut_db_dup_text (cursor, (unsigned) column) : NULL;
  return text != NULL && *text != '\0' ? g_steal_pointer (&text) : NULL;
}

static char **
texts_of (UtDbCursor *cursor, const char *name)
{
  const int column = ut_db_column_index (cursor, name);
  return column >= 0 && !ut_db_is_null (cursor, (unsigned) column) ? ut_db_dup_text_list (cursor, (unsigned) column) : NULL;
}

static gboolean
fail (GError **error, const char *field, const char *what)
{
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "field %s: %s", field, what);
  return FALSE;
}

/* --- Options and answer ------------------------------------------------------------------------------------------------------------ */

static int
find (char **texts, const char *text)
{
  for (int i = 0; texts[i] != NULL; i++)
    if (g_str_equal (texts[i], text))
      return i;
  return -1;
}

/* A question without options is answered with Yes or No. */
static gboolean
read_yes_no (UtItem *item, const char *answer, GError **error)
{
  static const char *const yes_no[] = { "Yes", "No", NULL };
  item->answer = answer == NULL ? -1 : g_ascii_strcasecmp (answer, "yes") == 0 ? 0 : g_ascii_strcasecmp (answer, "no") == 0 ? 1 : -1;
  if (item->answer < 0)
    {
      g_autofree char *what = g_strdup_printf ("“%s” is neither yes nor no, and the row has no options", answer != NULL ? answer : "");
      return fail (error, "answer", what);
    }
  item->yes_no = TRUE;
  item->options = g_strdupv ((char **) yes_no);
  item->labels = g_strdupv ((char **) yes_no);
  item->n_options = 2;
  return TRUE;
}

static char **
letters (unsigned n)
{
  char **labels = g_new0 (char *, n + 1);
  for (unsigned i = 0; i < n; i++)
    labels[i] = g_strdup_printf ("%c", 'A' + (int) i);
  return labels;
}

static gboolean
check_options (const UtItem *item, GError **error)
{
  if (item->n_options < 2)
    return fail (error, "options", "a question needs two or more");
  if (item->n_options > MAX_OPTIONS)
    return fail (error, "options", "a question may have 26 at most, A to Z");
  if (find (item->options, "") >= 0)
    return fail (error, "options", "one of them is empty");
  return TRUE;
}

/* `answer` is a label or an option's text; where it is the label of one and the text of another, only its own column can tell. */
static int
answer_of_any (const UtItem *item, const char *answer, GError **error)
{
  const int by_label = find (item->labels, answer), by_text = find (item->options, answer);
  if (by_label >= 0 && by_text >= 0 && by_label != by_text)
    {
      g_autofree char *what = g_strdup_printf ("“%s” is the letter of one option and the text of another; "
                                               "give it as answer_letter or answer_text", answer);
      fail (error, "answer", what);
      return -1;
    }
  if (by_label >= 0 || by_text >= 0)
    return by_label >= 0 ? by_label : by_text;
  g_autofree char *labels = g_strjoinv (", ", item->labels);
  g_autofree char *what = g_strdup_printf ("“%.80s” is neither a letter (%s) nor the text of an option", answer, labels);
  fail (error, "answer", what);
  return -1;
}

static int
answer_of_index (const UtItem *item, const char *answer, GError **error)
{
  guint64 index;
  if (g_ascii_string_to_unsigned (answer, 10, 0, item->n_options - 1, &index, NULL))
    return (int) index;
  g_autofree char *what = g_strdup_printf ("“%.80s” is no number from 0 to %u", answer, item->n_options - 1);
  fail (error, "answer_index", what);
  return -1;
}

static int
answer_in (char **texts, const char *answer, const char *field, GError **error)
{
  const int found = find (texts, answer);
  if (found < 0)
    {
      g_autofree char *known = g_strjoinv (", ", texts);
      g_autofree char *what = g_strdup_printf ("“%.80s” is none of %.300s", answer, known);
      fail (error, field, what);
    }
  return found;
}

static gboolean
read_options (UtDbCursor *cursor, UtItem *item, GError **error)
{
  g_autofree char *answer = text_of (cursor, "answer");
  item->options = texts_of (cursor, "options");
  if (item->options == NULL)
    return read_yes_no (item, answer, error);
  item->n_options = g_strv_length (item->options);
  item->labels = texts_of (cursor, "labels");
  if (item->labels == NULL)
    item->labels = letters (MIN (item->n_options, MAX_OPTIONS));
  if (!check_options (item, error))
    return FALSE;

  g_autofree char *letter = text_of (cursor, "answer_letter");
  g_autofree char *index = text_of (cursor, "answer_index");
  g_autofree char *text = text_of (cursor, "answer_text");
  if (answer == NULL && letter == NULL && index == NULL && text == NULL)
    return fail (error, "answer", "it is empty");
  item->answer = letter != NULL  ? answer_in (item->labels, letter, "answer_letter", error)
                 : index != NULL ? answer_of_index (item, index, error)
                 : text != NULL  ? answer_in (item->options, text, "answer_text", error)
                                 : answer_of_any (item, answer, error);
  return item->answer >= 0;
}

/* --- Images ------------------------------------------------------------------------------------------------------------------------ */

static gboolean
add_text_image (UtImages *images, const char *folder, const char *text, size_t n, unsigned *out_image, char **out_reason, GError **error)
{
  if (ut_images_is_base64 (text, n))
    return ut_images_add_base64 (images, text, n, out_image, out_reason, error);
  g_autofree char *name = g_strndup (text, n);
  return ut_images_add_file (images, folder, name, out_image, out_reason);
}

/* Adds the row's images. FALSE without an error, with the reason in the row, where one will not do. */
static gboolean
read_images (UtDbCursor *cursor, UtImages *images, const char *folder, UtRow *row, GError **error)
{
  const int texts = ut_db_column_index (cursor, "images"), blobs = ut_db_column_index (cursor, "image_bytes");
  const size_t n = texts >= 0 ? ut_db_list_length (cursor, (unsigned) texts) : 0;
  row->images = g_array_new (FALSE, FALSE, sizeof (unsigned));
  for (size_t k = 0; k < n; k++)
    {
      size_t n_text = 0, n_bytes = 0;
      const char *text = ut_db_list_blob (cursor, (unsigned) texts, k, &n_text);
      const void *bytes = blobs >= 0 && k < ut_db_list_length (cursor, (unsigned) blobs)
                            ? ut_db_list_blob (cursor, (unsigned) blobs, k, &n_bytes) : NULL;
      unsigned image;
      gboolean added;
      if (bytes != NULL)
        added = ut_images_add_bytes (images, bytes, n_bytes, &image, error);
      else if (text != NULL && n_text > 0)
        added = add_text_image (images, folder, text, n_text, &image, &row->skipped, error);
      else
        {
          row->skipped = g_strdup ("field image: it is empty");
          added = FALSE;
        }
      if (!added)
        return FALSE;
      g_array_append_val (row->images, image);
    }
  if (n == 0)
    row->skipped = g_strdup ("field image: it is empty");
  return n > 0;
}

/* What tells whether two questions are asked on the same images. */
static char *
key_of_images (const GArray *images)
{
  GString *key = g_string_new (NULL);
  for (size_t k = 0; k < images->len; k++)
    g_string_append_printf (key, "%s%u", k > 0 ? "," : "", g_array_index (images, unsigned, k));
  return g_string_free (key, FALSE);
}

static char *
names_of_images (UtImages *images, const GArray *list)
{
  GString *names = g_string_new (NULL);
  for (size_t k = 0; k < list->len; k++)
    g_string_append_printf (names, "%s%s", k > 0 ? "," : "", ut_images_id (images, g_array_index (list, unsigned, k)));
  return g_string_free (names, FALSE);
}

gboolean
ut_row_read (UtDbCursor *cursor, UtImages *images, const char *folder, UtRow *out_row, GError **error)
{
  g_auto (UtRow) row = { .item = g_new0 (UtItem, 1) };
  UtItem *item = row.item;
  item->question = text_of (cursor, "question");
  if (item->question == NULL)
    return fail (error, "question", "it is empty");
  if (!read_options (cursor, item, error))
    return FALSE;

  GError *failure = NULL;
  if (!read_images (cursor, images, folder, &row, &failure))
    {
      if (failure != NULL)
        {
          g_propagate_error (error, failure);
          return FALSE;
        }
      *out_row = (UtRow) { .skipped = g_steal_pointer (&row.skipped) };
      return TRUE;
    }
  item->n_images = row.images->len;
  item->images_key = key_of_images (row.images);
  item->id = text_of (cursor, "id");
  item->image_id = text_of (cursor, "image_id");
  if (item->image_id == NULL)
    item->image_id = names_of_images (images, row.images);
  item->category = text_of (cursor, "category");
  if (item->category == NULL)
    item->category = g_strdup ("");
  item->hint = text_of (cursor, "hint");
  *out_row = (UtRow) { g_steal_pointer (&row.item), g_steal_pointer (&row.images), NULL };
  return TRUE;
}
