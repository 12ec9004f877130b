/* The Hugging Face hub's Parquet, in the columns of whichever of POPE, SEED-Bench and MMMU holds the benchmark: an image is a struct of
 * its bytes and its name, and the file's metadata says so to the hub's own library. In shards, as on the hub, so that the images of one
 * alone are held at a time. */
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "dataset/export.h"
#include "dataset/python.h"
#include "db/db.h"

constexpr unsigned MAX_IMAGES = 7;
constexpr unsigned SHARD = 256; /* questions */

typedef struct {
  UtExportLimits limits;
  const char *split;    /* of the file's name */
  const char *columns;  /* of the table `item`, see fill_shard */
  const char *features; /* as the hub's library describes them */
} Layout;

#define VALUE(name, type) "\"" name "\":{\"dtype\":\"" type "\",\"_type\":\"Value\"}"
#define STRING(name) VALUE (name, "string")
#define IMAGE(name) "\"" name "\":{\"_type\":\"Image\"}"
#define PICTURE(k) "CASE WHEN png_" k " IS NOT NULL THEN {'bytes': png_" k ", 'path': name_" k " || '.png'} END"

static const Layout layouts[] = {
  /* lmms-lab/POPE */
  { { "", TRUE, 0, 0, 1 },
    "test",
    "n::VARCHAR AS id, number::VARCHAR AS question_id, question, lower(answer) AS answer, name_1 AS image_source, " PICTURE (
        "1") " AS image, category",
    STRING ("id") "," STRING ("question_id") "," STRING ("question") "," STRING ("answer") "," STRING ("image_source") "," IMAGE (
        "image") "," STRING ("category") },
  /* lmms-lab/SEED-Bench */
  { { "", FALSE, 4, 4, 1 },
    "test",
    "answer, options[1] AS choice_a, options[2] AS choice_b, options[3] AS choice_c, options[4] AS choice_d, name_1 AS data_id,"
    " 'image' AS data_type, question, n::VARCHAR AS question_id, type::SMALLINT AS question_type_id, [" PICTURE (
        "1") "] AS image,"
             " NULL::BIGINT[] AS segment",
    STRING ("answer") "," STRING ("choice_a") "," STRING ("choice_b") "," STRING ("choice_c") "," STRING ("choice_d") "," STRING (
        "data_id") "," STRING ("data_type") "," STRING ("question") "," STRING ("question_id") "," VALUE ("question_type_id",
                                                                                                          "int16") ","
                                                                                                                   "\"image\":{"
                                                                                                                   "\"feature\":{"
                                                                                                                   "\"_type\":"
                                                                                                                   "\"Image\"},"
                                                                                                                   "\"_type\":"
                                                                                                                   "\"Sequence\"}"
                                                                                                                   ","
                                                                                                                   "\"segment\":{"
                                                                                                                   "\"feature\":{"
                                                                                                                   "\"dtype\":"
                                                                                                                   "\"int64\",\"_"
                                                                                                                   "type\":"
                                                                                                                   "\"Value\"},"
                                                                                                                   "\"_type\":"
                                                                                                                   "\"Sequence\""
                                                                                                                   "}" },
  /* MMMU/MMMU */
  { { "", FALSE, 2, 26, MAX_IMAGES },
    "validation",
    "'validation_' || category || '_' || number AS id, markers || question AS question, list AS options, '' AS "
    "explanation, " PICTURE ("1") " AS image_1, " PICTURE ("2") " AS image_2, " PICTURE ("3") " AS image_3, " PICTURE (
        "4") " AS image_4, " PICTURE ("5") " AS image_5, " PICTURE ("6") " AS image_6, " PICTURE ("7") " AS image_7, "
                                                                                                       "'[''Geometric Shapes'']' "
                                                                                                       "AS img_type, answer,"
                                                                                                       " '' AS topic_difficulty, "
                                                                                                       "'multiple-choice' AS "
                                                                                                       "question_type, category "
                                                                                                       "AS subfield",
    STRING ("id") "," STRING ("question") "," STRING ("options") "," STRING ("explanation") "," IMAGE ("image_1") "," IMAGE ("ima"
                                                                                                                             "ge_"
                                                                                                                             "2") "," IMAGE ("image_3") "," IMAGE ("image_4") "," IMAGE (
        "image_5") "," IMAGE ("image_6") "," IMAGE ("image_7") "," STRING ("img_type") "," STRING ("answer") "," STRING ("topic_"
                                                                                                                         "difficu"
                                                                                                                         "lty") "," STRING ("question_type") "," STRING ("subfield") },
};

static const char table[]
    = "CREATE OR REPLACE TABLE item (n BIGINT, number BIGINT, type BIGINT, category VARCHAR, question VARCHAR,"
      " markers VARCHAR, options VARCHAR[], list VARCHAR, answer VARCHAR, name_1 VARCHAR, png_1 BLOB,"
      " name_2 VARCHAR, png_2 BLOB, name_3 VARCHAR, png_3 BLOB, name_4 VARCHAR, png_4 BLOB, name_5 VARCHAR,"
      " png_5 BLOB, name_6 VARCHAR, png_6 BLOB, name_7 VARCHAR, png_7 BLOB)";

static gboolean
append_images (UtExport *export, const UtItem *item, UtDbAppender *rows, GError **error)
{
  for (unsigned k = 0; k < MAX_IMAGES; k++)
    if (k < item->n_images)
      {
        GBytes *png = ut_export_png (export, item, k, error);
        if (png == NULL)
          return FALSE;
        ut_db_append_text (rows, ut_dataset_image_name (export->dataset, item, k));
        ut_db_append_blob (rows, g_bytes_get_data (png, NULL), g_bytes_get_size (png));
      }
    else
      {
        ut_db_append_null (rows);
        ut_db_append_null (rows);
      }
  return TRUE;
}

/* `type` and `number`: of the category among the categories, and of the question in it, from 1. */
static gboolean
append_item (UtExport *export, const UtItem *item, unsigned type, unsigned number, UtDbAppender *rows, GError **error)
{
  g_autoptr (GString) markers = g_string_new (NULL);
  for (unsigned k = 0; k < item->n_images; k++)
    g_string_append_printf (markers, "<image %u> ", k + 1);
  g_autofree char *list = ut_python_text_of_list ((const char *const *) item->options);
  const char letter[] = { (char) ('A' + item->answer), '\0' };
  ut_db_append_int64 (rows, item->index);
  ut_db_append_int64 (rows, number);
  ut_db_append_int64 (rows, type);
  ut_db_append_text (rows, item->category);
  ut_db_append_text (rows, item->question);
  ut_db_append_text (rows, markers->str);
  ut_db_append_text_list (rows, (const char *const *) item->options);
  ut_db_append_text (rows, list);
  ut_db_append_text (rows, item->yes_no ? item->options[item->answer] : letter);
  return append_images (export, item, rows, error) && ut_db_append_end_row (rows, error);
}

/* `counts`: how many questions of each category there were before. */
static gboolean
fill_shard (UtExport *export, UtDb *db, unsigned from, const GPtrArray *categories, unsigned *counts, GError **error)
{
  if (!ut_db_exec (db, table, error))
    return FALSE;
  g_autoptr (UtDbAppender) rows = ut_db_appender_new (db, "item", error);
  if (rows == NULL)
    return FALSE;
  for (unsigned i = from; i < MIN (from + SHARD, export->items->len); i++)
    {
      const UtItem *item = export->items->pdata[i];
      unsigned type = 0;
      while (strcmp (categories->pdata[type], item->category) != 0)
        type++;
      if (!append_item (export, item, type + 1, ++counts[type], rows, error))
        return FALSE;
    }
  return ut_db_appender_flush (rows, error);
}

static char *
copy_sql (const UtExport *export, const Layout *layout, unsigned shard, unsigned n_shards)
{
  g_autofree char *path = g_strdup_printf ("%s/data/%s-%05u-of-%05u.parquet", export->folder, layout->split, shard, n_shards);
  g_autofree char *file = ut_db_sql ("%q", path);
  return g_strdup_printf ("COPY (SELECT %s FROM item ORDER BY n) TO %s (FORMAT parquet, KV_METADATA"
                          " {huggingface: '{\"info\":{\"features\":{%s}}}'})",
                          layout->columns, file, layout->features);
}

static const Layout *
find_layout (const UtExport *export, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++)
    if (ut_export_find_misfit (export, &layouts[i].limits) == NULL)
      return &layouts[i];
  g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE,
                       "the parquet format holds yes/no questions or others, not both in one file");
  return NULL;
}

gboolean
ut_export_parquet (UtExport *export, GError **error)
{
  const Layout *layout = find_layout (export, error);
  if (layout == NULL)
    return FALSE;
  g_autofree char *folder = g_build_filename (export->folder, "data", NULL);
  if (!ut_folder_make (folder, error))
    return FALSE;
  const UtDbOptions options = { .memory_limit = "400MB" };
  g_autoptr (UtDb) db = ut_db_open (NULL, &options, error);
  g_autoptr (GPtrArray) categories = ut_export_categories (export);
  g_autofree unsigned *counts = g_new0 (unsigned, categories->len);
  const unsigned n_shards = (export->items->len + SHARD - 1) / SHARD;
  for (unsigned shard = 0; db != NULL && shard < n_shards; shard++)
    {
      g_autofree char *sql = copy_sql (export, layout, shard, n_shards);
      if (!fill_shard (export, db, shard * SHARD, categories, counts, error) || !ut_db_exec (db, sql, error))
        return FALSE;
    }
  return db != NULL;
}
