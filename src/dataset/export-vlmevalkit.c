/* VLMEvalKit's table: one TSV with the images in it as base64. Questions on the same images share the cell of the first, by its index;
 * several images are a Python list, and are named in the text. A yes/no question that stands in several splits is one row. */
#include "base/error.h"
#include "dataset/export.h"
#include "dataset/python.h"
#include "db/db.h"

static const char tables[] = "CREATE TABLE item (n BIGINT, key VARCHAR, yes_no BOOLEAN, category VARCHAR, question VARCHAR,"
                             " options VARCHAR[], answer VARCHAR);"
                             "CREATE TABLE picture (key VARCHAR, cell VARCHAR, names VARCHAR)";

/* %s: the columns of the options, the column of the images' names, or nothing; %s: the file. */
static const char rows[]
    = "COPY (WITH merged AS (SELECT min(n) AS n, key, string_agg(category, ',' ORDER BY category) AS category, question,"
      " any_value(options) AS options, answer FROM item GROUP BY key, question, answer, CASE WHEN NOT yes_no THEN n END),"
      " numbered AS (SELECT row_number() OVER (ORDER BY n) - 1 AS index, * FROM merged),"
      " shared AS (SELECT *, min(index) OVER (PARTITION BY key) AS first FROM numbered)"
      " SELECT index, coalesce(picture.cell, first::VARCHAR) AS image%s, question%s, answer, category"
      " FROM shared LEFT JOIN picture ON picture.key = shared.key AND index = first"
      "%s ORDER BY index) TO %s (FORMAT csv, DELIMITER '\t', HEADER)";

/* The cell of an item's images, and their names. */
static char *
cell_of (UtExport *export, const UtItem *item, char **out_names, GError **error)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free), names = g_ptr_array_new_with_free_func (g_free);
  for (unsigned k = 0; k < item->n_images; k++)
    {
      GBytes *png = ut_export_png (export, item, k, error);
      if (png == NULL)
        return NULL;
      g_ptr_array_add (cells, g_base64_encode (g_bytes_get_data (png, NULL), g_bytes_get_size (png)));
      g_ptr_array_add (names, g_strconcat (ut_dataset_image_name (export->dataset, item, k), ".png", NULL));
    }
  g_ptr_array_add (cells, NULL);
  g_ptr_array_add (names, NULL);
  const gboolean several = item->n_images > 1;
  *out_names = several ? ut_python_text_of_list ((const char *const *) names->pdata) : g_strdup (names->pdata[0]);
  return several ? ut_python_text_of_list ((const char *const *) cells->pdata) : g_strdup (cells->pdata[0]);
}

static gboolean
append_picture (UtExport *export, const UtItem *item, UtDbAppender *pictures, GError **error)
{
  g_autofree char *names = NULL;
  g_autofree char *cell = cell_of (export, item, &names, error);
  if (cell == NULL)
    return FALSE;
  ut_db_append_text (pictures, item->images_key);
  ut_db_append_text (pictures, cell);
  ut_db_append_text (pictures, names);
  return ut_db_append_end_row (pictures, error);
}

static gboolean
append_item (const UtItem *item, UtDbAppender *items, GError **error)
{
  GString *question = g_string_new (NULL);
  for (unsigned k = 0; k < item->n_images && item->n_images > 1; k++)
    g_string_append_printf (question, "<image %u> ", k + 1);
  g_string_append (question, item->question);
  g_autofree char *text = g_string_free (question, FALSE);
  const char letter[] = { (char) ('A' + item->answer), '\0' };
  ut_db_append_int64 (items, item->index);
  ut_db_append_text (items, item->images_key);
  ut_db_append_bool (items, item->yes_no);
  ut_db_append_text (items, item->category);
  ut_db_append_text (items, text);
  ut_db_append_text_list (items, (const char *const *) item->options);
  ut_db_append_text (items, item->yes_no ? item->options[item->answer] : letter);
  return ut_db_append_end_row (items, error);
}

static gboolean
fill_tables (UtExport *export, UtDb *db, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (UtDbAppender) items = ut_db_appender_new (db, "item", error);
  g_autoptr (UtDbAppender) pictures = items != NULL ? ut_db_appender_new (db, "picture", error) : NULL;
  if (pictures == NULL)
    return FALSE;
  for (unsigned i = 0; i < export->items->len; i++)
    {
      const UtItem *item = export->items->pdata[i];
      if (!append_item (item, items, error))
        return FALSE;
      if (g_hash_table_add (seen, item->images_key) && !append_picture (export, item, pictures, error))
        return FALSE;
    }
  return ut_db_appender_flush (items, error) && ut_db_appender_flush (pictures, error);
}

gboolean
ut_export_vlmevalkit (UtExport *export, GError **error)
{
  const UtDbOptions options = { .memory_limit = "400MB" };
  g_autoptr (UtDb) db = ut_db_open (NULL, &options, error);
  if (db == NULL || !ut_db_exec (db, tables, error) || !fill_tables (export, db, error))
    return FALSE;
  unsigned n_options = 0, n_images = 0;
  for (unsigned i = 0; i < export->items->len; i++)
    {
      const UtItem *item = export->items->pdata[i];
      n_options = item->yes_no ? n_options : MAX (n_options, item->n_options);
      n_images = MAX (n_images, item->n_images);
    }
  g_autoptr (GString) letters = g_string_new (NULL);
  for (unsigned k = 0; k < n_options; k++)
    g_string_append_printf (letters, ", options[%u] AS %c", k + 1, 'A' + (int) k);
  g_autofree char *path = g_strdup_printf ("%s/%s.tsv", export->folder, export->name);
  g_autofree char *file = ut_db_sql ("%q", path);
  /* VLMEvalKit wants names for images that stand in a list. */
  g_autofree char *sql = g_strdup_printf (
      rows, n_images > 1 ? ", called.names AS image_path" : "", letters->str,
      n_images > 1 ? " LEFT JOIN (SELECT key, names FROM picture) AS called ON called.key = shared.key" : "", file);
  return ut_db_exec (db, sql, error);
}
