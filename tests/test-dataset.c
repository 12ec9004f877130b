/* Reading benchmarks: every format on files made here, bad and hostile ones, and real ones where they lie beside the checkout. */
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <yyjson.h>

#include "base/error.h"
#include "dataset/dataset.h"
#include "dataset/python.h"
#include "db/db.h"

typedef struct {
  char *folder;
} Fixture;

static char *
at (const Fixture *f, const char *name)
{
  return g_build_filename (f->folder, name, NULL);
}

static void
write_file (const Fixture *f, const char *name, const char *text)
{
  g_autofree char *path = at (f, name);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
set_up (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  f->folder = g_dir_make_tmp ("undertow-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  static const char *const names[] = { "a.png", "b.png", "it's \"b\" [1]*.png" };
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (UtImage) image = ut_image_new (8, 8, NULL);
      memset (image->pixels, 40 * i, 8 * 8 * 3);
      g_autofree char *path = at (f, names[i]);
      g_assert_true (ut_image_write_png (image, path, &error));
    }
}

static void
tear_down (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (f->folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *path = at (f, name);
      g_remove (path);
    }
  g_rmdir (f->folder);
  g_free (f->folder);
}

static UtDataset *
try_open (const Fixture *f, const char *name, char **columns, guint64 limit, GError **error)
{
  g_autofree char *path = at (f, name);
  const UtDatasetConfig config = { .path = path, .columns = columns, .limit = limit };
  return ut_dataset_open (&config, error);
}

static UtDataset *
open_file (const Fixture *f, const char *name)
{
  g_autoptr (GError) error = NULL;
  UtDataset *dataset = try_open (f, name, NULL, 0, &error);
  g_assert_no_error (error);
  return dataset;
}

static const UtItem *
item_at (UtDataset *dataset, unsigned i)
{
  g_assert_cmpuint (i, <, ut_dataset_items (dataset)->len);
  return ut_dataset_items (dataset)->pdata[i];
}

static void
assert_options (const UtItem *item, const char *joined, int answer)
{
  g_autofree char *have = g_strjoinv ("|", item->options);
  g_assert_cmpstr (have, ==, joined);
  g_assert_cmpint (item->answer, ==, answer);
  g_assert_cmpuint (item->n_options, ==, g_strv_length (item->options));
  g_assert_cmpuint (g_strv_length (item->labels), ==, item->n_options);
}

/* Refused with `code`, in a message that holds every one of `words` (NULL-terminated). */
static void
assert_refused (const Fixture *f, const char *name, const char *text, int code, const char *const *words)
{
  write_file (f, name, text);
  g_autoptr (GError) error = NULL;
  g_assert_null (try_open (f, name, NULL, 0, &error));
  g_assert_error (error, UT_ERROR, code);
  for (; *words != NULL; words++)
    if (strstr (error->message, *words) == NULL)
      g_error ("“%s” does not say “%s”", error->message, *words);
}
#define REFUSED(f, name, text, ...)                                                                                              \
  assert_refused (f, name, text, UT_ERROR_FAILED, (const char *const[]) { name, __VA_ARGS__, NULL })

/* --- Formats ----------------------------------------------------------------------------------------------------------------------- */

static void
test_csv (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "own.csv",
              "\xef\xbb\xbfid,image,question,A,B,C,D,answer,category,hint\r\n"
              "x,a.png,\"What, \"\"exactly\"\",\r\nis it?\",None,N/A,nan,null,C,k,look\r\n"
              "y,b.png,Two?,one,two,,,two,,\r\n"
              "z,a.png,Is it?,,,,,YES,,\r\n");
  g_autoptr (UtDataset) dataset = open_file (f, "own.csv");
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "table");
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 3);
  const UtItem *x = item_at (dataset, 0), *y = item_at (dataset, 1), *z = item_at (dataset, 2);
  g_assert_cmpstr (x->question, ==, "What, \"exactly\",\r\nis it?");
  assert_options (x, "None|N/A|nan|null", 2);
  g_assert_cmpstr (x->hint, ==, "look");
  g_assert_cmpstr (x->category, ==, "k");
  assert_options (y, "one|two", 1);
  g_assert_null (y->hint);
  assert_options (z, "Yes|No", 0);
  g_assert_true (z->yes_no && !x->yes_no);
  g_assert_cmpstr (x->images_key, ==, z->images_key);
  g_assert_cmpstr (x->images_key, !=, y->images_key);
}

static void
test_gaps_keep_their_letters (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "own.csv", "image,question,A,B,C,answer\na.png,Which?,red,,blue,C\n");
  g_autoptr (UtDataset) dataset = open_file (f, "own.csv");
  const UtItem *item = item_at (dataset, 0);
  assert_options (item, "red|blue", 1);
  g_assert_cmpstr (item->labels[1], ==, "C");
}

static void
test_tsv (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "own", "image\tquestion\tA\tB\tanswer_text\na.png\tWhich?\tA\tB\tB\n");
  g_autoptr (UtDataset) dataset = open_file (f, "own");
  assert_options (item_at (dataset, 0), "A|B", 1);
}

static void
test_json (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "lines.jsonl",
              "{\"question\": \"Q?\", \"image\": \"a.png\", \"options\": [\"p\", \"None\"], \"answer_index\": 1}\n\n"
              "{\"question\": \"R?\", \"image\": [\"a.png\", \"b.png\"], \"options\": [\"p\", \"q\"], \"answer\": \"A\"}\n");
  write_file (f, "array.json", "[{\"question\": \"Q?\", \"image\": \"a.png\", \"answer\": \"no\"}]");
  g_autoptr (UtDataset) lines = open_file (f, "lines.jsonl");
  g_autoptr (UtDataset) array = open_file (f, "array.json");
  assert_options (item_at (lines, 0), "p|None", 1);
  assert_options (item_at (lines, 1), "p|q", 0);
  g_assert_cmpuint (item_at (lines, 1)->n_images, ==, 2);
  assert_options (item_at (array, 0), "Yes|No", 1);
}

static void
test_parquet (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDb) db = ut_db_open (NULL, NULL, &error);
  g_autofree char *image = at (f, "b.png");
  g_autofree char *path = at (f, "own.parquet");
  g_autofree char *sql
      = ut_db_sql ("COPY (SELECT 'Q?' AS question, content AS image, ['p', 'q', 'r'] AS options, 'r' AS answer FROM read_blob(%q)"
                   " UNION ALL SELECT 'R?', content, ['p', 'q', 'r'], 'A' FROM read_blob(%q)) TO %q (FORMAT parquet)",
                   image, image, path);
  g_assert_true (ut_db_exec (db, sql, &error));
  g_autoptr (UtDataset) dataset = open_file (f, "own.parquet");
  assert_options (item_at (dataset, 0), "p|q|r", 2);
  g_autoptr (UtImage) decoded = ut_dataset_image (dataset, item_at (dataset, 0), 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (decoded->width, ==, 8);
  g_assert_cmpint (decoded->pixels[0], ==, 40);
  g_assert_cmpstr (item_at (dataset, 0)->images_key, ==, item_at (dataset, 1)->images_key);
}

/* An image of the fixture as base64. */
static char *
base64_of (const Fixture *f, const char *name)
{
  g_autofree char *path = at (f, name);
  g_autofree char *bytes = NULL;
  gsize n;
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  return g_base64_encode ((const guchar *) bytes, n);
}

static void
test_base64 (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *base64 = base64_of (f, "b.png");
  g_autofree char *text = g_strdup_printf ("image,question,answer\n%s,Is it?,yes\n", base64);
  write_file (f, "own.csv", text);
  g_autoptr (UtDataset) dataset = open_file (f, "own.csv");
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = ut_dataset_image (dataset, item_at (dataset, 0), 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (image->pixels[0], ==, 40);
}

static const char POPE_LINE[] = "{\"question_id\": 1, \"image\": \"a.png\", \"text\": \"Is there a dog?\", \"label\": \"no\"}\n";

static void
test_pope (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "coco_pope_random.json", POPE_LINE);
  write_file (f, "coco_pope_popular.json", POPE_LINE);
  g_autoptr (UtDataset) one = open_file (f, "coco_pope_random.json");
  g_assert_cmpstr (ut_dataset_format (one), ==, "pope");
  g_assert_cmpstr (item_at (one, 0)->category, ==, "random");
  g_assert_cmpstr (item_at (one, 0)->image_id, ==, "a.png");
  assert_options (item_at (one, 0), "Yes|No", 1);
  /* A name of an image that POPE does not give it is a word. */
  write_file (f, "named.json",
              "{\"question_id\": 1, \"image\": \"a.png\", \"text\": \"Is <image 2> there?\", \"label\": \"no\"}\n");
  g_autoptr (UtDataset) words = open_file (f, "named.json");
  g_assert_false (item_at (words, 0)->names_images);
  g_autoptr (UtDataset) both = open_file (f, "coco_pope_*.json");
  g_assert_cmpuint (ut_dataset_items (both)->len, ==, 2);
  g_assert_cmpstr (item_at (both, 0)->images_key, ==, item_at (both, 1)->images_key);
}

static void
test_columns_of_the_user (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "own.csv", "Bild,Frage,answer\na.png,Ist es?,yes\n");
  g_auto (GStrv) good = g_strsplit ("image=Bild question=Frage", " ", -1);
  g_auto (GStrv) typo = g_strsplit ("image=Bidl question=Frage", " ", -1);
  g_auto (GStrv) unknown = g_strsplit ("imag=Bild image=Bild question=Frage", " ", -1);
  g_auto (GStrv) formless = g_strsplit ("image", " ", -1);
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) dataset = try_open (f, "own.csv", good, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (item_at (dataset, 0)->question, ==, "Ist es?");
  char **wrong[] = { typo, unknown, formless };
  static const char *const words[] = { "“Bild”", "image", "NAME=YOURS" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_clear_error (&error);
      g_assert_null (try_open (f, "own.csv", wrong[i], 0, &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
      g_assert_nonnull (strstr (error->message, words[i]));
    }
}

static void
test_limit (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "own.csv", "image,question,answer\na.png,P?,yes\na.png,Q?,no\na.png,R?,perhaps\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) dataset = try_open (f, "own.csv", NULL, 2, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 2);
}

static void
test_pope_v2 (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "v2.json",
              "[{\"image_id\": 1, \"image_name\": \"a.png\", \"target_object\": \"dog\", \"query\": \"Is there a dog?\","
              " \"label\": \"Yes\"},\n{\"image_id\": 1, \"image_name\": \"a.png\", \"target_object\": \"cat\","
              " \"query\": \"Is there a cat?\", \"label\": \"No\"}]");
  g_autoptr (UtDataset) dataset = open_file (f, "v2.json");
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "pope-v2");
  assert_options (item_at (dataset, 0), "Yes|No", 0);
  assert_options (item_at (dataset, 1), "Yes|No", 1);
  g_assert_cmpstr (item_at (dataset, 1)->image_id, ==, "a.png");
}

/* Runs SQL in which the bytes of a.png and b.png are there as `a` and `b`, to write a Parquet file. */
static void
write_parquet (const Fixture *f, const char *name, const char *select)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDb) db = ut_db_open (NULL, NULL, &error);
  g_autofree char *a = at (f, "a.png"), *b = at (f, "b.png"), *path = at (f, name);
  g_autofree char *pictures
      = ut_db_sql ("(SELECT (SELECT content FROM read_blob(%q)) AS a, (SELECT content FROM read_blob(%q)) AS b)", a, b);
  g_autofree char *file = ut_db_sql ("%q", path);
  g_autofree char *sql = g_strdup_printf ("COPY (WITH pictures AS %s %s) TO %s (FORMAT parquet)", pictures, select, file);
  ut_db_exec (db, sql, &error);
  g_assert_no_error (error);
}

static void
assert_skipped (UtDataset *dataset, unsigned n, const char *where, const char *word)
{
  GPtrArray *skipped = ut_dataset_skipped (dataset);
  g_assert_cmpuint (n, <, skipped->len);
  const UtSkipped *one = skipped->pdata[n];
  g_assert_cmpstr (one->where, ==, where);
  if (strstr (one->reason, word) == NULL)
    g_error ("“%s” does not say “%s”", one->reason, word);
}

static int
first_pixel (UtDataset *dataset, unsigned i, unsigned k)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = ut_dataset_image (dataset, item_at (dataset, i), k, &error);
  g_assert_no_error (error);
  return image->pixels[0];
}

static void
test_pope_hub (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_parquet (f, "test-00000-of-00002.parquet",
                 "SELECT '0' AS id, '1' AS question_id, 'Is there a dog?' AS question, 'yes' AS answer, 'COCO_1' AS image_source,"
                 " {'bytes': b, 'path': NULL::VARCHAR} AS image, 'adversarial' AS category FROM pictures");
  write_parquet (
      f, "test-00001-of-00002.parquet",
      "SELECT '1' AS id, '1' AS question_id, 'Is there a dog?' AS question, 'no' AS answer, 'COCO_1' AS image_source,"
      " {'bytes': NULL::BLOB, 'path': 'b.png'} AS image, 'random' AS category FROM pictures"
      " UNION ALL SELECT '2', '2', 'Is there a cat?', 'no', 'x', {'bytes': NULL, 'path': '../../../etc/hostname'}, 'random'"
      " FROM pictures UNION ALL SELECT '3', '3', 'Is there a cat?', 'no', 'x', NULL, 'random' FROM pictures");
  g_autoptr (UtDataset) dataset = open_file (f, "");
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "pope-hub");
  g_assert_cmpuint (ut_dataset_files (dataset)->len, ==, 2);
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 2);
  g_assert_cmpstr (item_at (dataset, 0)->id, ==, "adversarial/1");
  g_assert_cmpstr (item_at (dataset, 1)->category, ==, "random");
  g_assert_cmpint (first_pixel (dataset, 0, 0), ==, 40);
  g_assert_cmpint (first_pixel (dataset, 1, 0), ==, 40);
  assert_skipped (dataset, 0, "test-00001-of-00002.parquet, row 2", "outside");
  assert_skipped (dataset, 1, "test-00001-of-00002.parquet, row 3", "empty");
}

/* A file whose images are too large for one query: read in parts, and nothing of it shows. */
static void
test_parquet_parts (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_parquet (f, "large.parquet",
                 "SELECT i::VARCHAR AS id, i::VARCHAR AS question_id, 'Is there a dog?' AS question, 'yes' AS answer, 'COCO_' || "
                 "i AS image_source,"
                 " {'bytes': CASE WHEN i = 5 THEN NULL ELSE (CASE WHEN i % 2 = 0 THEN a ELSE b END)"
                 " || (repeat(md5(i::VARCHAR), 160000))::BLOB END, 'path': NULL::VARCHAR} AS image, 'random' AS category"
                 " FROM pictures, range(9) AS rows (i) ORDER BY i");
  g_autoptr (UtDataset) dataset = open_file (f, "large.parquet");
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 8);
  for (unsigned i = 0; i < 8; i++)
    {
      const unsigned row = i + (i >= 5);
      g_autofree char *id = g_strdup_printf ("random/%u", row);
      g_assert_cmpstr (item_at (dataset, i)->id, ==, id);
      g_assert_cmpint (first_pixel (dataset, i, 0) == 40, ==, row % 2 == 1);
    }
  assert_skipped (dataset, 0, "large.parquet, row 6", "empty");

  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) limited = try_open (f, "large.parquet", NULL, 6, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ut_dataset_items (limited)->len, ==, 6);
  g_assert_cmpstr (item_at (limited, 5)->id, ==, "random/6");
}

#define SEED_ROW(id, type, kind, answer, data_id)                                                                                \
  "{\"answer\": \"" answer                                                                                                       \
  "\", \"choice_a\": \"None\", \"choice_b\": \"N/A\", \"choice_c\": \"\", \"choice_d\": \"nan\", \"data_id\": \"" data_id        \
  "\", \"data_type\": \"" kind "\", \"question\": \"Q?\", \"question_id\": \"" id "\", \"question_type_id\": " type "}"

static void
test_seedbench (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  static const char *const texts[] = {
    /* In one line and in many, the map first and last. */
    "{\"questions\": [" SEED_ROW ("1", "2", "image", "D", "a") ", " SEED_ROW ("v2", "10", "video", "A", "x.avi") ", " SEED_ROW (
        "3", "7", "image", "B", "a") ", " SEED_ROW ("4", "7", "image", "C", "a") "], \"question_type\": {\"To \\\"see\\\"\": 2}}",
    "\n{\n  \"question_type\": {\n    \"To \\\"see\\\"\": 2\n  },\n  \"questions\": [\n" SEED_ROW (
        "1", "2", "image", "D", "a") ",\n" SEED_ROW ("v2", "10", "video", "A",
                                                     "x.avi") ",\n" SEED_ROW ("3", "7", "image", "B",
                                                                              "a") ",\n" SEED_ROW ("4", "7", "image", "C",
                                                                                                   "a") "\n]}\n",
  };
  /* Without an extension, in the folder that SEED-Bench unpacks into. */
  g_autofree char *folder = at (f, "SEED-Bench-image"), *from = at (f, "b.png"), *to = g_build_filename (folder, "a", NULL);
  g_autofree char *bytes = NULL;
  gsize n;
  g_assert_true (g_file_get_contents (from, &bytes, &n, NULL));
  g_mkdir (folder, 0700);
  g_assert_true (g_file_set_contents (to, bytes, (gssize) n, NULL));
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      write_file (f, "SEED-Bench.json", texts[i]);
      g_autoptr (UtDataset) dataset = open_file (f, "SEED-Bench.json");
      g_assert_cmpstr (ut_dataset_format (dataset), ==, "seedbench");
      g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 2);
      assert_options (item_at (dataset, 0), "None|N/A|nan", 2);
      g_assert_cmpstr (item_at (dataset, 0)->labels[2], ==, "D");
      g_assert_cmpstr (item_at (dataset, 0)->category, ==, "To \"see\"");
      g_assert_cmpstr (item_at (dataset, 1)->category, ==, "7");
      g_assert_cmpstr (item_at (dataset, 1)->image_id, ==, "a");
      g_assert_cmpint (first_pixel (dataset, 0, 0), ==, 40);
      assert_skipped (dataset, 0, "SEED-Bench.json, row 2", "video");
      assert_skipped (dataset, 1, "SEED-Bench.json, row 4", "answer_letter");
    }
  g_remove (to);
  g_rmdir (folder);
}

/* One row of MMMU's columns. */
#define MMMU(id, question, options, image_1, image_2, answer, type)                                                              \
  "SELECT '" id "' AS id, '" question "' AS question, $$" options "$$ AS options, '' AS explanation, " image_1                   \
  " AS image_1, " image_2 " AS image_2, '" answer "' AS answer, '" type "' AS question_type, 'S' AS subfield FROM pictures"
#define IMAGE(bytes, path) "{'bytes': " bytes ", 'path': " path "}::STRUCT(bytes BLOB, path VARCHAR)"
#define NO_IMAGE "NULL::STRUCT(bytes BLOB, path VARCHAR)"
#define OR " UNION ALL "

static void
test_mmmu (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_parquet (
      f, "validation-00000-of-00001.parquet",
      MMMU ("validation_Art_Theory_1", "<image 1> Which?", "['$6', \"Newton's law\", 'a\\nb', 'it\\'s \"x\"']",
            IMAGE ("b", "'x'"), NO_IMAGE, "D", "multiple-choice")
          OR MMMU ("validation_Art_Theory_2", "<image 1> or <image 2>?", "['<image 2>', 'None']", IMAGE ("a", "NULL"),
                   IMAGE ("b", "NULL"), "A", "multiple-choice")
              OR MMMU ("validation_Art_Theory_3", "How much is <image 1>?", "[]", IMAGE ("a", "NULL"), NO_IMAGE, "8", "open")
                  OR MMMU ("test_Art_Theory_4", "<image 1>?", "['a', 'b']", IMAGE ("a", "NULL"), NO_IMAGE, "?", "multiple-choice")
                      OR MMMU ("validation_Art_Theory_5", "<image 1>?", "['a', 'b", IMAGE ("a", "NULL"), NO_IMAGE, "A",
                               "multiple-choice") OR MMMU ("validation_Art_Theory_6", "<image 2>?", "['a', 'b']",
                                                           IMAGE ("a", "NULL"), IMAGE ("NULL", "NULL"), "A", "multiple-choice")
                          OR MMMU ("validation_Art_Theory_7", "<image 1>?", "['a', 'b']", IMAGE ("NULL", "'/etc/hostname'"),
                                   NO_IMAGE, "A", "multiple-choice")
                              OR MMMU ("validation_Art_Theory_8", "<image 2> <image 1> Which?", "['a', 'b']", IMAGE ("a", "NULL"),
                                       IMAGE ("a", "NULL"), "B", "multiple-choice"));
  g_autoptr (UtDataset) dataset = open_file (f, "validation-*.parquet");
  const char *file = "validation-00000-of-00001.parquet";
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "mmmu");
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 3);
  assert_options (item_at (dataset, 0), "$6|Newton's law|a\nb|it's \"x\"", 3);
  g_assert_cmpstr (item_at (dataset, 0)->question, ==, "<image 1> Which?");
  g_assert_true (item_at (dataset, 0)->names_images && !item_at (dataset, 0)->scores_letters);
  g_assert_cmpstr (item_at (dataset, 0)->category, ==, "Art_Theory");
  assert_options (item_at (dataset, 1), "<image 2>|None", 0);
  g_assert_cmpstr (item_at (dataset, 1)->question, ==, "<image 1> or <image 2>?");
  g_assert_true (item_at (dataset, 1)->scores_letters);
  g_assert_cmpuint (item_at (dataset, 1)->n_images, ==, 2);
  g_assert_cmpint (first_pixel (dataset, 1, 0), ==, 0);
  g_assert_cmpint (first_pixel (dataset, 1, 1), ==, 40);
  g_assert_cmpstr (item_at (dataset, 2)->question, ==, "<image 2> <image 1> Which?");
  static const char *const words[] = { "open", "not published", "without end", "<image 2>", "outside" };
  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autofree char *where = g_strdup_printf ("%s, row %u", file, i + 3);
      assert_skipped (dataset, i, where, words[i]);
    }
}

static void
test_vlmevalkit (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *a = base64_of (f, "a.png"), *b = base64_of (f, "b.png");
  g_autofree char *text = g_strdup_printf ("index\timage\tquestion\thint\tA\tB\tC\tanswer\tcategory\tquestion_type\n"
                                           "0\t7\tForward?\t\tx\ty\t\tB\tk\t\n"
                                           "1\t%s\t\"Said \"\"so\"\"?\"\tlook\tnan\tNone\tB\tA\tk, l\t\n"
                                           "2\t1\tBackward?\t\tx\ty\tz\tC\tk\t\n"
                                           "3\t['%s', '%s']\t<image 1> <image 2> Two?\t\tx\ty\t\tA\tk\t\n"
                                           "4\t3\tTwo again?\t\tx\ty\t\tA\tk\t\n"
                                           "7\t%s\tOpen?\t\tx\tOther Answers\t\tA\tk\topen\n"
                                           "8\tb.png\tNamed?\t\tx\ty\t\tA\tk\t\n",
                                           a, a, b, b);
  write_file (f, "Set.tsv", text);
  g_autoptr (UtDataset) dataset = open_file (f, "Set.tsv");
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "vlmevalkit");
  static const struct {
    const char *id, *options;
    int answer, pixel;
  } items[] = { { "0", "x|y", 1, 40 }, { "1", "nan|None|B", 0, 0 }, { "2", "x|y|z", 2, 0 },
                { "3", "x|y", 0, 0 },  { "4", "x|y", 0, 0 },        { "8", "x|y", 0, 40 } };
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, G_N_ELEMENTS (items));
  for (unsigned i = 0; i < G_N_ELEMENTS (items); i++)
    {
      const UtItem *item = item_at (dataset, i);
      g_assert_cmpuint (item->index, ==, i);
      g_assert_cmpstr (item->id, ==, items[i].id);
      assert_options (item, items[i].options, items[i].answer);
      g_assert_cmpint (first_pixel (dataset, i, 0), ==, items[i].pixel);
    }
  g_assert_cmpstr (item_at (dataset, 1)->hint, ==, "look");
  g_assert_cmpstr (item_at (dataset, 1)->question, ==, "Said \"so\"?");
  g_assert_cmpstr (item_at (dataset, 1)->category, ==, "k, l");
  g_assert_cmpstr (item_at (dataset, 1)->images_key, ==, item_at (dataset, 2)->images_key);
  g_assert_cmpstr (item_at (dataset, 3)->question, ==, "<image 1> <image 2> Two?");
  g_assert_cmpstr (item_at (dataset, 3)->images_key, ==, item_at (dataset, 4)->images_key);
  g_assert_cmpint (first_pixel (dataset, 3, 1), ==, 40);
  g_assert_cmpuint (ut_dataset_skipped (dataset)->len, ==, 1);
  assert_skipped (dataset, 0, "Set.tsv, row 6", "open");

  /* The first item's image comes after the limit. */
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) limited = try_open (f, "Set.tsv", NULL, 2, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ut_dataset_items (limited)->len, ==, 2);
  g_assert_cmpint (first_pixel (limited, 0, 0), ==, 40);
}

/* POPE in VLMEvalKit's form: a question is an item of every split it is in. */
static void
test_vlmevalkit_pope (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *a = base64_of (f, "a.png");
  g_autofree char *text
      = g_strdup_printf ("index\timage\tquestion\tanswer\tcategory\n0\t%s\tP?\tYes\tadversarial,popular,random\n"
                         "1\t0\tQ?\tNo\tpopular\n2\t0\tR?\ta dog\tpopular\n",
                         a);
  write_file (f, "POPE.tsv", text);
  g_autoptr (UtDataset) dataset = open_file (f, "POPE.tsv");
  static const char *const ids[] = { "adversarial/0", "popular/0", "random/0", "popular/1" };
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 4);
  for (unsigned i = 0; i < 4; i++)
    {
      g_autofree char *split = g_strndup (ids[i], strcspn (ids[i], "/"));
      g_assert_cmpstr (item_at (dataset, i)->id, ==, ids[i]);
      g_assert_cmpstr (item_at (dataset, i)->category, ==, split);
      assert_options (item_at (dataset, i), "Yes|No", i == 3);
    }
  assert_skipped (dataset, 0, "POPE.tsv, row 3", "open");
}

/* Where VLMEvalKit has unpacked the images. */
static void
test_vlmevalkit_paths (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *folder = g_build_filename (f->folder, "images", "MMMU", NULL);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_autofree char *from = at (f, "b.png"), *to = g_build_filename (folder, "one.png", NULL);
  g_autofree char *bytes = NULL;
  gsize n;
  g_assert_true (g_file_get_contents (from, &bytes, &n, NULL) && g_file_set_contents (to, bytes, (gssize) n, NULL));
  write_file (f, "MMMU_DEV_VAL.tsv",
              "index\timage_path\tquestion\tA\tB\tanswer\n1\tone.png\tP?\tx\ty\tA\n2\t['one.png', 'a.png']\tQ?\tx\ty\tA\n"
              "3\t../../../etc/hostname\tR?\tx\ty\tA\n4\tgone.png\tS?\tx\ty\tA\n");
  g_setenv ("LMUData", f->folder, TRUE);
  g_autoptr (UtDataset) dataset = open_file (f, "MMMU_DEV_VAL.tsv");
  g_unsetenv ("LMUData");
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 2);
  g_assert_cmpint (first_pixel (dataset, 0, 0), ==, 40);
  g_assert_cmpint (first_pixel (dataset, 1, 0), ==, 40);
  g_assert_cmpint (first_pixel (dataset, 1, 1), ==, 0);
  assert_skipped (dataset, 0, "MMMU_DEV_VAL.tsv, row 3", "outside");
  assert_skipped (dataset, 1, "MMMU_DEV_VAL.tsv, row 4", "missing");
  g_remove (to);
  g_rmdir (folder);
  g_autofree char *images = at (f, "images");
  g_rmdir (images);
}

/* Rows that point at themselves, at each other, at nothing or at a row that has nothing. */
static void
test_vlmevalkit_references (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *a = base64_of (f, "a.png");
  g_autofree char *text
      = g_strdup_printf ("index\timage\tquestion\tA\tB\tanswer\n1\t1\tSelf?\tx\ty\tA\n2\t3\tThis?\tx\ty\tA\n"
                         "3\t2\tThat?\tx\ty\tA\n4\t99\tNone?\tx\ty\tA\n5\t../a.png\tPath?\tx\ty\tA\n"
                         "6\t%s!\tBroken?\tx\ty\tA\n7\t6\tOf it?\tx\ty\tA\n8\t['%s\tList?\tx\ty\tA\n9\t\tEmpty?\tx\ty\tA\n"
                         "9\t%s\tGood?\tx\ty\tA\n9\t%s\tTwice?\tx\ty\tA\n10\t9\tLate?\tx\ty\tA\n",
                         a, a, a, a);
  write_file (f, "Set.tsv", text);
  g_autoptr (UtDataset) dataset = open_file (f, "Set.tsv");
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 1);
  g_assert_cmpstr (item_at (dataset, 0)->question, ==, "Good?");
  static const struct {
    unsigned row;
    const char *word;
  } skipped[] = { { 6, "missing" },         { 8, "without end" },     { 9, "empty" },           { 11, "already" },
                  { 1, "none of its own" }, { 2, "none of its own" }, { 3, "none of its own" }, { 4, "no row is called" },
                  { 5, "outside" },         { 7, "none of its own" }, { 12, "none of its own" } };
  for (unsigned i = 0; i < G_N_ELEMENTS (skipped); i++)
    {
      g_autofree char *where = g_strdup_printf ("Set.tsv, row %u", skipped[i].row);
      assert_skipped (dataset, i, where, skipped[i].word);
    }
  g_assert_cmpuint (ut_dataset_skipped (dataset)->len, ==, G_N_ELEMENTS (skipped));
}

/* --- Python's lists ---------------------------------------------------------------------------------------------------------------- */

static void
test_python_lists (void)
{
  static const struct {
    const char *text, *joined; /* NULL: refused */
  } lists[] = {
    { "[]", "" },
    { " [ 'a' , \"b\", ] ", "a|b" },
    { "['it\\'s', \"it's\", 'say \"x\"']", "it's|it's|say \"x\"" },
    { "['\\\\frac{1}{2}', '\\frac', '\\d']", "\\frac{1}{2}|\frac|\\d" },
    { "['a\\n\\t\\x41\\u00e9\\U0001F600\\101']", "a\n\tAé😀A" },
    { "['é', '<image 2>', 'None', '']", "é|<image 2>|None|" },
    { "['a' 'b']", NULL },
    { "['a', 'b'", NULL },
    { "['a", NULL },
    { "['a\\", NULL },
    { "['\\x4']", NULL },
    { "['\\ud83d']", NULL },
    { "['\\x00']", NULL },
    { "['\\U00110000']", NULL },
    { "[1, 2]", NULL },
    { "['a', ['b']]", NULL },
    { "['a'] + ['b']", NULL },
    { "['\xff']", NULL },
    { "['\\N{DASH}']", NULL },
    { "[,]", NULL },
    { "['a',,]", NULL },
    { "a", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) list = ut_python_list (lists[i].text, strlen (lists[i].text), &error);
      g_autofree char *joined = list != NULL ? g_strjoinv ("|", list) : NULL;
      g_assert_cmpstr (joined, ==, lists[i].joined);
      g_assert_true ((list == NULL) == (error != NULL));
    }
}

/* --- Bad and hostile input --------------------------------------------------------------------------------------------------------- */

static void
test_refusals (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  REFUSED (f, "own.csv", "image,question,answer\na.png,Q?,yes\na.png,R?,perhaps\n", "row 2", "answer", "perhaps");
  REFUSED (f, "own.csv", "image,question,A,B,answer\na.png,Q?,x,y,Z\n", "row 1", "answer", "Z");
  REFUSED (f, "own.csv", "image,question,A,B,answer\na.png,Q?,B,y,B\n", "row 1", "answer_letter");
  REFUSED (f, "own.csv", "image,question,A,B,answer\na.png,Q?,x,,A\n", "row 1", "options");
  REFUSED (f, "own.csv", "image,question,A,B,answer\na.png,,x,y,A\n", "row 1", "question");
  REFUSED (f, "own.csv", "image,question,A,B,answer\na.png,Q?,x,y,\n", "row 1", "answer");
  REFUSED (f, "own.csv", "id,image,question,answer\n7,a.png,Q?,yes\n7,a.png,R?,yes\n", "row 2", "id", "row 1");
  REFUSED (f, "own.csv", "image,qestion,answer\na.png,Q?,yes\n", "question", "qestion");
  REFUSED (f, "own.csv", "image,question,answer\na.png,Q?\n", "line 2");
  REFUSED (f, "own.csv", "image,question,answer\na.png,\"Q?,yes\n", "quote");
  REFUSED (f, "own.csv", "image,question,answer\na.png,Q\xff?,yes\n", "UTF-8");
  REFUSED (f, "own.jsonl", "{\"question\": \"Q?\", \"image\": \"a.png\", \"answer\": \"yes\"}\n{\"question\": \n", "line 2");
  REFUSED (f, "own.csv", "", "empty");
}

static void
test_not_a_benchmark (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (try_open (f, "a.png", NULL, 0, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_null (try_open (f, "missing", NULL, 0, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_clear_error (&error);
  const UtDatasetConfig typo = { .path = (char *) "bundled:presense" };
  g_assert_null (ut_dataset_open (&typo, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
}

/* What a data file names outside the folder the user named is left out, as are images that are not there. */
static void
test_images_stay_inside (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  write_file (f, "own.csv",
              "image,question,answer\n/etc/hostname,P?,yes\n../../../etc/hostname,Q?,yes\ngone.png,R?,yes\na.png,S?,yes\n");
  g_autoptr (UtDataset) dataset = open_file (f, "own.csv");
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 1);
  g_assert_cmpuint (item_at (dataset, 0)->index, ==, 0);
  GPtrArray *skipped = ut_dataset_skipped (dataset);
  g_assert_cmpuint (skipped->len, ==, 3);
  const UtSkipped *first = skipped->pdata[0], *last = skipped->pdata[2];
  g_assert_cmpstr (first->where, ==, "own.csv, row 1");
  g_assert_nonnull (strstr (first->reason, "outside"));
  g_assert_nonnull (strstr (last->reason, "gone.png"));
  g_assert_nonnull (strstr (last->reason, "missing"));
}

static void
test_hostile_text (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autoptr (GString) text = g_string_new ("image,question,A,B,answer\n\"it's \"\"b\"\" [1]*.png\",\"'); DROP TABLE item; --");
  for (int i = 0; i < 10000; i++)
    g_string_append_c (text, 'x');
  g_string_append (text, "\",\u202e<script>,B,B\n");
  write_file (f, "o'w\"n [x]*.csv", text->str);
  g_autoptr (UtDataset) dataset = open_file (f, "o'w\"n [x]*.csv");
  const UtItem *item = item_at (dataset, 0);
  g_assert_cmpuint (strlen (item->question), >, 10000);
  assert_options (item, "\u202e<script>|B", 1);
}

/* --- Kinds of images --------------------------------------------------------------------------------------------------------------- */

static GBytes *
decoded (yyjson_val *file, const char *field)
{
  gsize n;
  guchar *bytes = g_base64_decode (yyjson_get_str (yyjson_obj_get (file, field)), &n);
  return g_bytes_new_take (bytes, n);
}

/* Of an item's image against Pillow's pixels of the file. */
static void
compare_pixels (UtDataset *dataset, unsigned i, yyjson_val *file)
{
  const char *name = yyjson_get_str (yyjson_obj_get (file, "name"));
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = ut_dataset_image (dataset, item_at (dataset, i), 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint ((guint) image->width, ==, yyjson_get_uint (yyjson_obj_get (file, "width")));
  g_assert_cmpuint ((guint) image->height, ==, yyjson_get_uint (yyjson_obj_get (file, "height")));
  g_autoptr (GBytes) rgb = decoded (file, "rgb");
  gsize n;
  const guint8 *want = g_bytes_get_data (rgb, &n);
  int largest = 0;
  g_assert_cmpuint (n, ==, (gsize) image->width * (gsize) image->height * 3);
  for (gsize k = 0; k < n; k++)
    largest = MAX (largest, ABS ((int) want[k] - (int) image->pixels[k]));
  g_test_message ("%s: %d levels at most", name, largest);
  if (largest > yyjson_get_int (yyjson_obj_get (file, "tolerance")))
    g_test_fail_printf ("%s is %d levels from Pillow's", name, largest);
}

static void
compare_all (const Fixture *f, const char *table, yyjson_val *files)
{
  g_autoptr (UtDataset) dataset = open_file (f, table);
  size_t i, max;
  yyjson_val *file;
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, yyjson_arr_size (files));
  yyjson_arr_foreach (files, i, max, file) compare_pixels (dataset, (unsigned) i, file);
}

/* Files that Pillow wrote (tests/oracle/images.py), in a table of the user's own: by name, by a name without an extension, as base64 and as
 * bytes in Parquet. */
static void
test_image_kinds (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "oracle", "images.json", NULL);
  yyjson_doc *doc = yyjson_read_file (path, 0, NULL, NULL);
  g_assert_nonnull (doc);
  yyjson_val *files = yyjson_doc_get_root (doc), *file;
  static const char head[] = "id,image,question,answer\n";
  g_autoptr (GString) named = g_string_new (head), bare = g_string_new (head), inside = g_string_new (head),
                      rows = g_string_new (NULL);
  size_t i, max;
  yyjson_arr_foreach (files, i, max, file)
  {
    const char *name = yyjson_get_str (yyjson_obj_get (file, "name")), *base64 = yyjson_get_str (yyjson_obj_get (file, "file"));
    g_autofree char *number = g_strdup_printf ("image-%zu", i), *with = at (f, name), *without = at (f, number);
    g_autoptr (GBytes) bytes = decoded (file, "file");
    for (int k = 0; k < 2; k++)
      g_assert_true (
          g_file_set_contents (k == 0 ? with : without, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes), NULL));
    g_string_append_printf (named, "%zu,%s,Q?,yes\n", i, name);
    g_string_append_printf (bare, "%zu,%s,Q?,yes\n", i, number);
    g_string_append_printf (inside, "%zu,%s,Q?,yes\n", i, base64);
    g_string_append_printf (rows, "%s SELECT '%zu' AS id, from_base64('%s') AS image, 'Q?' AS question, 'yes' AS answer",
                            i > 0 ? " UNION ALL" : "", i, base64);
  }
  write_file (f, "named.csv", named->str);
  write_file (f, "bare.csv", bare->str);
  write_file (f, "inside.csv", inside->str);
  write_parquet (f, "own.parquet", rows->str);
  static const char *const tables[] = { "named.csv", "bare.csv", "inside.csv", "own.parquet" };
  for (size_t t = 0; t < G_N_ELEMENTS (tables); t++)
    compare_all (f, tables[t], files);
  yyjson_doc_free (doc);
}

/* A path below the real files beside the checkout; NULL, and the test is skipped, where they are not there. */
static char *
real_file (const char *name)
{
  g_autofree char *path = g_build_filename (g_test_get_dir (G_TEST_DIST), "..", "..", "shared", "data", name, NULL);
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&path);
  g_test_skip ("no real files beside the checkout");
  return NULL;
}

/* Questions on two images have both, together; and the benchmark knows what becomes of their answers. */
static void
test_bundled_pairs (void)
{
  g_autoptr (GError) error = NULL;
  const UtDatasetConfig config = { .path = (char *) "bundled:reasoning", .limit = 18 };
  g_autoptr (UtDataset) dataset = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  g_assert_true (ut_dataset_knows_labels (dataset));
  const UtItem *alone = item_at (dataset, 0), *pair = item_at (dataset, 4);
  g_assert_cmpstr (alone->category, ==, "compare");
  g_assert_cmpstr (pair->category, ==, "pair");
  g_assert_cmpuint (alone->n_images, ==, 1);
  g_assert_cmpuint (pair->n_images, ==, 2);
  g_assert_cmpstr (alone->image_id, ==, pair->image_id);
  g_assert_cmpstr (alone->images_key, !=, pair->images_key);
  g_autoptr (UtImage) shared = ut_dataset_image (dataset, alone, 0, &error);
  g_autoptr (UtImage) first = ut_dataset_image (dataset, pair, 0, &error), second = ut_dataset_image (dataset, pair, 1, &error);
  g_assert_no_error (error);
  const size_t n = (size_t) first->width * (size_t) first->height * 3;
  g_assert_cmpint (second->width, ==, first->width);
  g_assert_cmpint (second->height, ==, first->height);
  g_assert_cmpmem (first->pixels, n, shared->pixels, n);
  g_assert_cmpint (memcmp (first->pixels, second->pixels, n), !=, 0);
  const UtGeometry same = { .width = first->width, .height = first->height, .matrix = { { 1, 0, 0 }, { 0, 1, 0 } } };
  g_assert_cmpstr (ut_dataset_label (dataset, pair, &same), ==, "holds");
}

static void
test_real_pope (void)
{
  g_autofree char *folder = real_file ("coco"), *path = real_file ("pope/coco_pope_random.json");
  if (folder == NULL || path == NULL)
    return;
  g_autofree char *images = g_build_filename (folder, "images", NULL),
                  *photos = g_build_filename (folder, "coco_photos_*.json", NULL);
  g_autoptr (GError) error = NULL;
  const UtDatasetConfig without = { .path = path, .images = images }, with = { .path = photos, .images = images };
  g_assert_null (ut_dataset_open (&without, &error));
  g_assert_nonnull (strstr (error->message, "3000"));
  g_clear_error (&error);
  g_autoptr (UtDataset) dataset = ut_dataset_open (&with, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "pope");
  g_assert_cmpuint (ut_dataset_files (dataset)->len, ==, 3);
  g_autoptr (UtImage) image = ut_dataset_image (dataset, item_at (dataset, 0), 0, &error);
  g_assert_no_error (error);
}

/* Two subjects, each with a validation and a development file: 70 questions, one of them open, two on two images. */
static void
test_real_mmmu (void)
{
  g_autofree char *folder = real_file ("mmmu");
  if (folder == NULL)
    return;
  g_autofree char *path = g_build_filename (folder, "*", "*.parquet", NULL);
  g_autoptr (GError) error = NULL;
  const UtDatasetConfig config = { .path = path };
  g_autoptr (UtDataset) dataset = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "mmmu");
  g_assert_cmpuint (ut_dataset_files (dataset)->len, ==, 4);
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 69);
  g_assert_cmpuint (ut_dataset_skipped (dataset)->len, ==, 1);
  const UtSkipped *open = ut_dataset_skipped (dataset)->pdata[0];
  g_assert_cmpstr (open->reason, ==, "an open question");
  unsigned two = 0;
  for (unsigned i = 0; i < 69; i++)
    {
      const UtItem *item = item_at (dataset, i);
      two += item->n_images == 2;
      g_assert_true (g_str_equal (item->category, "Accounting") || g_str_equal (item->category, "Economics"));
      if (g_str_equal (item->id, "validation_Economics_19"))
        g_assert_cmpstr (item->options[1], ==, "Dominant strategy is 'Low output' (high price) for both firms.");
      for (unsigned k = 0; k < item->n_images; k++)
        {
          g_autoptr (UtImage) image = ut_dataset_image (dataset, item, k, &error);
          g_assert_no_error (error);
        }
    }
  g_assert_cmpuint (two, ==, 2);
}

/* 36 questions on images, which are not there: any will do. */
static void
test_real_seedbench (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *path = real_file ("seedbench/SEED-Bench.sample39.json");
  if (path == NULL)
    return;
  g_autofree char *text = NULL, *picture = NULL, *from = at (f, "a.png");
  gsize n;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL) && g_file_get_contents (from, &picture, &n, NULL));
  g_autoptr (GRegex) regex = g_regex_new ("\"data_id\": \"([0-9_]+)\"", G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  for (g_regex_match (regex, text, G_REGEX_MATCH_DEFAULT, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *name = g_match_info_fetch (match, 1), *to = at (f, name);
      g_assert_true (g_file_set_contents (to, picture, (gssize) n, NULL));
    }
  g_autoptr (GError) error = NULL;
  const UtDatasetConfig config = { .path = path, .images = f->folder };
  g_autoptr (UtDataset) dataset = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ut_dataset_format (dataset), ==, "seedbench");
  g_assert_cmpuint (ut_dataset_items (dataset)->len, ==, 36);
  g_assert_cmpuint (ut_dataset_skipped (dataset)->len, ==, 3);
  g_assert_cmpstr (item_at (dataset, 0)->id, ==, "101669");
  g_assert_cmpstr (item_at (dataset, 0)->category, ==, "Instances Counting");
  assert_options (item_at (dataset, 0), "One|Two|Three|Four", 0);
}

/* A sample has one question an image, in their order, and of each kind about its share. */
static void
test_bundled_sample (void)
{
  constexpr guint N = 50;
  g_autoptr (GError) error = NULL;
  const UtDatasetConfig config = { .path = (char *) "bundled:presence", .sample = N };
  g_autoptr (UtDataset) dataset = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  GPtrArray *items = ut_dataset_items (dataset);
  g_assert_cmpuint (items->len, ==, N);
  g_autoptr (GHashTable) categories = g_hash_table_new (g_str_hash, g_str_equal);
  guint n_yes = 0;
  for (guint i = 0; i < N; i++)
    {
      const UtItem *item = items->pdata[i], *before = i > 0 ? items->pdata[i - 1] : NULL;
      g_assert_cmpuint (item->index, ==, i);
      g_assert_true (before == NULL || strcmp (before->image_id, item->image_id) < 0);
      const guint n = GPOINTER_TO_UINT (g_hash_table_lookup (categories, item->category));
      g_hash_table_insert (categories, item->category, GUINT_TO_POINTER (n + 1));
      n_yes += item->answer == 0;
    }
  g_assert_cmpuint (n_yes, >=, N / 3);
  g_assert_cmpuint (n_yes, <=, N - N / 3);
  GHashTableIter iter;
  gpointer n;
  g_assert_cmpuint (g_hash_table_size (categories), ==, 3);
  for (g_hash_table_iter_init (&iter, categories); g_hash_table_iter_next (&iter, NULL, &n);)
    g_assert_cmpuint (GPOINTER_TO_UINT (n), >=, N / 5);

  /* The item's image is its own. */
  g_autoptr (UtDataset) all = NULL;
  const UtItem *last = items->pdata[N - 1];
  g_autoptr (UtImage) image = ut_dataset_image (dataset, last, 0, &error);
  g_assert_no_error (error);
  all = ut_dataset_open (&(UtDatasetConfig) { .path = config.path }, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < ut_dataset_items (all)->len; i++)
    if (g_str_equal (item_at (all, i)->id, last->id))
      {
        g_autoptr (UtImage) same = ut_dataset_image (all, item_at (all, i), 0, &error);
        g_assert_no_error (error);
        g_assert_cmpmem (image->pixels, 3 * (size_t) image->width * (size_t) image->height, same->pixels,
                         3 * (size_t) same->width * (size_t) same->height);
        return;
      }
  g_assert_not_reached ();
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
#define ADD(path, test) g_test_add (path, Fixture, NULL, set_up, test, tear_down)
  ADD ("/dataset/csv", test_csv);
  ADD ("/dataset/gaps-keep-their-letters", test_gaps_keep_their_letters);
  ADD ("/dataset/tsv", test_tsv);
  ADD ("/dataset/json", test_json);
  ADD ("/dataset/parquet", test_parquet);
  ADD ("/dataset/base64", test_base64);
  ADD ("/dataset/image-kinds", test_image_kinds);
  ADD ("/dataset/pope", test_pope);
  ADD ("/dataset/pope-v2", test_pope_v2);
  ADD ("/dataset/pope-hub", test_pope_hub);
  ADD ("/dataset/seedbench", test_seedbench);
  ADD ("/dataset/mmmu", test_mmmu);
  ADD ("/dataset/vlmevalkit", test_vlmevalkit);
  ADD ("/dataset/vlmevalkit/pope", test_vlmevalkit_pope);
  ADD ("/dataset/vlmevalkit/paths", test_vlmevalkit_paths);
  ADD ("/dataset/vlmevalkit/references", test_vlmevalkit_references);
  g_test_add_func ("/dataset/python-lists", test_python_lists);
  ADD ("/dataset/columns", test_columns_of_the_user);
  ADD ("/dataset/limit", test_limit);
  ADD ("/dataset/parquet-parts", test_parquet_parts);
  ADD ("/dataset/refusals", test_refusals);
  ADD ("/dataset/not-a-benchmark", test_not_a_benchmark);
  ADD ("/dataset/images-stay-inside", test_images_stay_inside);
  ADD ("/dataset/hostile-text", test_hostile_text);
  g_test_add_func ("/dataset/real/pope", test_real_pope);
  g_test_add_func ("/dataset/real/mmmu", test_real_mmmu);
  ADD ("/dataset/real/seedbench", test_real_seedbench);
  g_test_add_func ("/dataset/bundled-sample", test_bundled_sample);
  g_test_add_func ("/dataset/bundled-pairs", test_bundled_pairs);
  return g_test_run ();
}
