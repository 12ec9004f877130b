/* One row of a format's query as an item. */
#include <string.h>

#include "base/error.h"
#include "dataset/item.h"
#include "dataset/python.h"

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
  g_clear_pointer (&row->image_key, g_free);
  g_clear_pointer (&row->image_of, g_free);
  g_clear_pointer (&row->skipped, g_free);
  g_clear_pointer (&row->fault, g_free);
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

static gboolean
fail (GError **error, const char *field, const char *what)
{
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "field %s: %s", field, what);
  return FALSE;
}

/* A column's list of texts into *out_texts, NULL where it is missing. */
static gboolean
read_texts (UtDbCursor *cursor, const char *name, char ***out_texts, GError **error)
{
  const int column = ut_db_column_index (cursor, name);
  g_auto (GStrv) texts
      = column >= 0 && !ut_db_is_null (cursor, (unsigned) column) ? ut_db_dup_text_list (cursor, (unsigned) column) : NULL;
  const size_t n = texts != NULL && texts[0] != NULL && texts[1] == NULL ? strlen (texts[0]) : 0;
  if (!ut_python_is_list (n > 0 ? texts[0] : "", n))
    {
      *out_texts = g_steal_pointer (&texts);
      return TRUE;
    }
  g_autoptr (GError) broken = NULL;
  *out_texts = ut_python_list (texts[0], n, &broken);
  return *out_texts != NULL || fail (error, name, broken->message);
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
  item->answer = answer == NULL                            ? -1
                 : g_ascii_strcasecmp (answer, "yes") == 0 ? 0
                 : g_ascii_strcasecmp (answer, "no") == 0  ? 1
                                                           : -1;
  if (item->answer < 0)
    {
      g_autofree char *what
          = g_strdup_printf ("“%s” is neither yes nor no, and the row has no options", answer != NULL ? answer : "");
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
                                               "give it as answer_letter or answer_text",
                                               answer);
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
  if (!read_texts (cursor, "options", &item->options, error))
    return FALSE;
  if (item->options == NULL)
    return read_yes_no (item, answer, error);
  item->n_options = g_strv_length (item->options);
  if (!read_texts (cursor, "labels", &item->labels, error))
    return FALSE;
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

/* The row as a question: its text, options and answer. */
static gboolean
read_question (UtDbCursor *cursor, UtItem *item, GError **error)
{
  item->question = text_of (cursor, "question");
  if (item->question == NULL)
    return fail (error, "question", "it is empty");
  if (!read_options (cursor, item, error))
    return FALSE;
  item->id = text_of (cursor, "id");
  item->image_id = text_of (cursor, "image_id");
  item->category = text_of (cursor, "category");
  if (item->category == NULL)
    item->category = g_strdup ("");
  item->hint = text_of (cursor, "hint");
  return TRUE;
}

/* --- Images ------------------------------------------------------------------------------------------------------------------------ */

constexpr size_t MAX_NAME = 4096;

gboolean
ut_row_add_image (UtImages *images, const char *const *folders, const char *text, size_t n, unsigned *out_image,
                  char **out_reason, GError **error)
{
  if (ut_images_is_base64 (text, n))
    return ut_images_add_base64 (images, text, n, out_image, out_reason, error);
  g_autofree char *name = g_strndup (text, MIN (n, MAX_NAME));
  if (n <= MAX_NAME && strlen (name) == n)
    return ut_images_add_file (images, folders, name, out_image, out_reason);
  *out_reason = g_strdup ("field image: neither base64 nor the name of a file");
  return FALSE;
}

/* Adds one image, of bytes or else of a text. */
static gboolean
add_image (UtImages *images, const char *const *folders, const void *bytes, size_t n_bytes, const char *text, size_t n_text,
           UtRow *row, GError **error)
{
  unsigned image;
  gboolean added = FALSE;
  if (bytes != NULL)
    added = ut_images_add_bytes (images, bytes, n_bytes, &image, error);
  else if (text != NULL && n_text > 0)
    added = ut_row_add_image (images, folders, text, n_text, &image, &row->skipped, error);
  else
    row->skipped = g_strdup ("field image: it is empty");
  if (added)
    g_array_append_val (row->images, image);
  return added;
}

/* The images of a Python list in one cell. */
static gboolean
add_listed (UtImages *images, const char *const *folders, const char *text, size_t n, UtRow *row, GError **error)
{
  g_autoptr (GError) broken = NULL;
  g_auto (GStrv) texts = ut_python_list (text, n, &broken);
  if (texts == NULL)
    {
      row->skipped = g_strdup_printf ("field image: %s", broken->message);
      return FALSE;
    }
  for (char **one = texts; *one != NULL; one++)
    if (!add_image (images, folders, NULL, 0, *one, strlen (*one), row, error))
      return FALSE;
  return TRUE;
}

/* Adds the row's images. FALSE without an error, with the reason in the row, where one will not do. */
static gboolean
read_images (UtDbCursor *cursor, UtImages *images, const char *const *folders, UtRow *row, GError **error)
{
  const int texts = ut_db_column_index (cursor, "images"), blobs = ut_db_column_index (cursor, "image_bytes");
  const size_t n = texts >= 0 ? ut_db_list_length (cursor, (unsigned) texts) : 0;
  const size_t n_blobs = blobs >= 0 ? ut_db_list_length (cursor, (unsigned) blobs) : 0;
  row->images = g_array_new (FALSE, FALSE, sizeof (unsigned));
  for (size_t k = 0; k < n; k++)
    {
      size_t n_text = 0, n_bytes = 0;
      const char *text = ut_db_list_blob (cursor, (unsigned) texts, k, &n_text);
      const void *bytes = k < n_blobs ? ut_db_list_blob (cursor, (unsigned) blobs, k, &n_bytes) : NULL;
      const gboolean listed = n == 1 && bytes == NULL && text != NULL && ut_python_is_list (text, n_text);
      if (!(listed ? add_listed (images, folders, text, n_text, row, error)
                   : add_image (images, folders, bytes, n_bytes, text, n_text, row, error)))
        return FALSE;
    }
  if (row->images->len == 0)
    row->skipped = g_strdup ("field image: it is empty");
  return row->images->len > 0;
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

/* The number in the first "<image 2>" of a text, and where the text goes on; NULL where there is none. */
static const char *
next_marker (const char *text, guint64 *out_number, const char **out_end)
{
  static const char start[] = "<image ";
  for (const char *at = text; (at = strstr (at, start)) != NULL; at++)
    {
      char *end = NULL;
      *out_number = g_ascii_strtoull (at + strlen (start), &end, 10);
      *out_end = end + 1;
      if (g_ascii_isdigit (at[strlen (start)]) && *end == '>')
        return at;
    }
  return NULL;
}

const char *
ut_item_next_image (const UtItem *item, const char *text, unsigned *out_image, const char **out_end)
{
  guint64 number;
  const char *at = item->names_images ? next_marker (text, &number, out_end) : NULL;
  while (at != NULL && (number < 1 || number > item->n_images))
    at = next_marker (*out_end, &number, out_end);
  if (at != NULL)
    *out_image = (unsigned) number - 1;
  return at;
}

const char *const *
ut_item_scored_texts (const UtItem *item)
{
  return (const char *const *) (item->scores_letters ? item->labels : item->options);
}

static guint64
highest_marker (const char *text)
{
  guint64 highest = 0, number;
  for (const char *at = text; next_marker (at, &number, &at) != NULL;)
    highest = MAX (highest, number);
  return highest;
}

/* The highest number of an image that the item's texts name, 0 for none; and whether an option names one. */
static guint64
read_names (UtItem *item)
{
  guint64 in_options = 0;
  for (char **option = item->options; *option != NULL; option++)
    in_options = MAX (in_options, highest_marker (*option));
  item->scores_letters = in_options > 0;
  return MAX (in_options, MAX (highest_marker (item->question), item->hint != NULL ? highest_marker (item->hint) : 0));
}

gboolean
ut_row_settle (UtItem *item, UtImages *images, const GArray *list, char **out_reason)
{
  const guint64 highest = item->names_images ? read_names (item) : 0;
  if (highest > list->len)
    {
      *out_reason = g_strdup_printf ("its text names <image %" G_GUINT64_FORMAT ">, and it has %u image%s", highest, list->len,
                                     list->len == 1 ? "" : "s");
      return FALSE;
    }
  item->n_images = list->len;
  item->images_key = key_of_images (list);
  if (item->image_id == NULL)
    item->image_id = names_of_images (images, list);
  return TRUE;
}

/* --- The row ----------------------------------------------------------------------------------------------------------------------- */

gboolean
ut_row_read (UtDbCursor *cursor, const UtFormat *format, UtImages *images, const char *const *folders, UtRow *out_row,
             GError **error)
{
  g_auto (UtRow) row = { .item = g_new0 (UtItem, 1) };
  row.item->names_images = format->names_images;
  row.image_key = text_of (cursor, "image_key");
  row.image_of = text_of (cursor, "image_of");
  g_autofree char *skip = text_of (cursor, "skip");
  g_autoptr (GError) fault = NULL;
  if (skip == NULL && !read_question (cursor, row.item, &fault))
    row.fault = g_strdup (fault->message);

  /* Also those of a row that is left out, where other rows can ask for them. */
  const gboolean good = skip == NULL && row.fault == NULL;
  if (row.image_of == NULL && (good || row.image_key != NULL))
    {
      GError *failure = NULL;
      if (!read_images (cursor, images, folders, &row, &failure))
        g_clear_pointer (&row.images, g_array_unref);
      if (failure != NULL)
        {
          g_propagate_error (error, failure);
          return FALSE;
        }
    }
  if (good && row.images != NULL)
    ut_row_settle (row.item, images, row.images, &row.skipped);
  if (skip != NULL)
    {
      g_free (row.skipped);
      row.skipped = g_steal_pointer (&skip);
    }
  if (row.skipped != NULL || row.fault != NULL)
    g_clear_pointer (&row.item, ut_item_free);
  *out_row = row;
  row = (UtRow) {};
  return TRUE;
}
