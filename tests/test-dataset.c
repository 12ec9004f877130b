/* Reading benchmarks: every format on files made here, bad and hostile ones, and real ones where they lie beside the checkout. */
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "dataset/dataset.h"
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
#define REFUSED(f, name, text, ...) assert_refused (f, name, text, UT_ERROR_FAILED, (const char *const[]) { name, __VA_ARGS__, NULL })

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
  write_file (f, "lines.jsonl", "{\"question\": \"Q?\", \"image\": \"a.png\", \"options\": [\"p\", \"None\"], \"answer_index\": 1}\n\n"
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
  g_autofree char *sql = ut_db_sql (
    "COPY (SELECT 'Q?' AS question, content AS image, ['p', 'q', 'r'] AS options, 'r' AS answer FROM read_blob(%q)"
    " UNION ALL SELECT 'R?', content, ['p', 'q', 'r'], 'A' FROM read_blob(%q)) TO %q (FORMAT parquet)", image, image, path);
  g_assert_true (ut_db_exec (db, sql, &error));
  g_autoptr (UtDataset) dataset = open_file (f, "own.parquet");
  assert_options (item_at (dataset, 0), "p|q|r", 2);
  g_autoptr (UtImage) decoded = ut_dataset_image (dataset, item_at (dataset, 0), 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (decoded->width, ==, 8);
  g_assert_cmpint (decoded->pixels[0], ==, 40);
  g_assert_cmpstr (item_at (dataset, 0)->images_key, ==, item_at (dataset, 1)->images_key);
}

static void
test_base64 (Fixture *f, [[maybe_unused]] gconstpointer data)
{
  g_autofree char *path = at (f, "b.png");
  g_autofree char *bytes = NULL;
  gsize n;
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  g_autofree char *base64 = g_base64_encode ((const guchar *) bytes, n);
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
  write_file (f, "own.csv", "image,question,answer\n/etc/hostname,P?,yes\n../../../etc/hostname,Q?,yes\ngone.png,R?,yes\na.png,S?,yes\n");
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

/* Questions on two images have both, together; and the benchmark knows what becomes of their answers. */
static void
test_bundled_pairs (void)
{
  g_autoptr (GError) error = NULL;
  const UtDatasetConfig config = { .path = (char *) "bundled:reasoning", .limit = 21 };
  g_autoptr (UtDataset) dataset = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  g_assert_true (ut_dataset_knows_labels (dataset));
  const UtItem *alone = item_at (dataset, 0), *pair = item_at (dataset, 6);
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
  g_autofree char *folder = g_build_filename (g_test_get_dir (G_TEST_DIST), "..", "..", "shared", "data", NULL);
  g_autofree char *path = g_build_filename (folder, "pope", "coco_pope_random.json", NULL);
  g_autofree char *images = g_build_filename (folder, "coco", "images", NULL);
  g_autofree char *photos = g_build_filename (folder, "coco", "coco_photos_random.json", NULL);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("no real files beside the checkout");
      return;
    }
  g_autoptr (GError) error = NULL;
  const UtDatasetConfig without = { .path = path, .images = images }, with = { .path = photos, .images = images };
  g_assert_null (ut_dataset_open (&without, &error));
  g_assert_nonnull (strstr (error->message, "3000"));
  g_clear_error (&error);
  g_autoptr (UtDataset) dataset = ut_dataset_open (&with, &error);
  g_assert_no_error (error);
  g_autoptr (UtImage) image = ut_dataset_image (dataset, item_at (dataset, 0), 0, &error);
  g_assert_no_error (error);
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
  ADD ("/dataset/pope", test_pope);
  ADD ("/dataset/columns", test_columns_of_the_user);
  ADD ("/dataset/limit", test_limit);
  ADD ("/dataset/refusals", test_refusals);
  ADD ("/dataset/not-a-benchmark", test_not_a_benchmark);
  ADD ("/dataset/images-stay-inside", test_images_stay_inside);
  ADD ("/dataset/hostile-text", test_hostile_text);
  g_test_add_func ("/dataset/bundled-pairs", test_bundled_pairs);
  g_test_add_func ("/dataset/real-pope", test_real_pope);
  return g_test_run ();
}
