/* Every format is written from the bundled benchmarks and read back: the same questions, options, answers, categories and pixels. */
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "dataset/export.h"
#include "prompt/prompt.h"

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

static char *
hash_pixels (UtDataset *dataset, const UtItem *item, unsigned k)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = ut_dataset_image (dataset, item, k, &error);
  g_assert_no_error (error);
  g_autofree char *digest
      = g_compute_checksum_for_data (G_CHECKSUM_SHA256, image->pixels, (gsize) image->width * (gsize) image->height * 3);
  return g_strdup_printf ("%dx%d %s", image->width, image->height, digest);
}

/* All that is to survive, as one text an item: what is asked with where images stand, not how a format says so. `hashes`: those of the
 * images seen so far, by name. */
static char *
describe (UtDataset *dataset, const UtItem *item, const char *category, GHashTable *hashes)
{
  g_autoptr (UtPrompt) prompt = ut_prompt_new (NULL, NULL);
  g_auto (UtWords) words = ut_prompt_write_closed (prompt, item);
  g_autofree char *options = g_strjoinv ("|", item->options);
  g_autofree char *labels = g_strjoinv ("|", item->labels);
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%s; %s; %u; %s; %s; %d; %d", category, words.text, words.n_places, options, labels, item->answer,
                          item->yes_no);
  for (unsigned k = 0; k < item->n_images; k++)
    {
      const char *name = ut_dataset_image_name (dataset, item, k);
      if (!g_hash_table_contains (hashes, name))
        g_hash_table_insert (hashes, g_strdup (name), hash_pixels (dataset, item, k));
      g_string_append_printf (text, "; %s", (const char *) g_hash_table_lookup (hashes, name));
    }
  return g_string_free (text, FALSE);
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Sorted: formats order and number questions in their own ways. `numbers`: the categories are those of the benchmark by number, as in
 * the hub's SEED-Bench, which knows no names. */
static GPtrArray *
describe_all (UtDataset *dataset, const GPtrArray *numbers)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);
  GPtrArray *items = ut_dataset_items (dataset);
  g_autoptr (GHashTable) hashes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (unsigned i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      const char *category = numbers != NULL ? numbers->pdata[g_ascii_strtoull (item->category, NULL, 10) - 1] : item->category;
      g_ptr_array_add (texts, describe (dataset, item, category, hashes));
    }
  g_ptr_array_sort (texts, compare_texts);
  return texts;
}

typedef struct {
  const char *task, *format;
  const char *file;   /* what to read within the folder */
  const char *reader; /* the format it is to be recognised as */
  gboolean numbered;  /* categories */
} Case;

static const Case cases[] = {
  { "presence", "pope", "", "pope", FALSE },
  { "presence", "vlmevalkit", "scenes.tsv", "vlmevalkit", FALSE },
  { "presence", "parquet", "data", "pope-hub", FALSE },
  { "perception", "seedbench", "SEED-Bench.json", "seedbench", FALSE },
  { "perception", "vlmevalkit", "scenes.tsv", "vlmevalkit", FALSE },
  { "perception", "parquet", "data", "seedbench", TRUE },
  { "reasoning", "vlmevalkit", "scenes.tsv", "vlmevalkit", FALSE },
  { "reasoning", "parquet", "data/validation-*.parquet", "mmmu", FALSE },
};

/* Enough for two shards of presence questions. */
constexpr unsigned N_IMAGES = 16;

static void
test_round_trip (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("undertow-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, c->file, NULL);
  g_autoptr (UtDataset) scenes = ut_dataset_of_scenes (UT_SCENES_SEED, c->task, UT_SPLIT_TEST, N_IMAGES, &error);
  g_assert_no_error (error);
  g_assert_true (ut_dataset_export (scenes, c->format, "scenes", folder, &error));
  g_assert_no_error (error);
  const UtDatasetConfig config = { .path = path };
  g_autoptr (UtDataset) read = ut_dataset_open (&config, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ut_dataset_format (read), ==, c->reader);
  g_assert_cmpuint (ut_dataset_skipped (read)->len, ==, 0);

  const UtExport export = { .items = ut_dataset_items (scenes) };
  g_autoptr (GPtrArray) categories = ut_export_categories (&export);
  g_autoptr (GPtrArray) want = describe_all (scenes, NULL), have = describe_all (read, c->numbered ? categories : NULL);
  g_assert_cmpuint (have->len, ==, want->len);
  for (unsigned i = 0; i < want->len; i++)
    g_assert_cmpstr (have->pdata[i], ==, want->pdata[i]);
  remove_tree (folder);
}

/* A format that cannot hold a benchmark says so, and makes nothing. */
static void
test_refused (void)
{
  static const struct {
    const char *task, *format, *word;
  } refused[] = {
    { "perception", "pope", "yes/no" },   { "reasoning", "pope", "yes/no" },   { "presence", "seedbench", "four options" },
    { "reasoning", "seedbench", "pair" }, { "presence", "pop", "vlmevalkit" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (UtDataset) scenes = ut_dataset_of_scenes (UT_SCENES_SEED, refused[i].task, UT_SPLIT_TEST, 1, &error);
      g_assert_no_error (error);
      g_assert_false (ut_dataset_export (scenes, refused[i].format, "scenes", "/nonexistent/folder", &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
      g_assert_nonnull (strstr (error->message, refused[i].word));
    }
}

static void
test_no_folder (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) scenes = ut_dataset_of_scenes (UT_SCENES_SEED, "presence", UT_SPLIT_TEST, 1, &error);
  g_assert_false (ut_dataset_export (scenes, NULL, "scenes", "/proc/undertow", &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/proc/undertow"));
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/export/%s/%s", cases[i].task, cases[i].format);
      g_test_add_data_func (path, &cases[i], test_round_trip);
    }
  g_test_add_func ("/export/refused", test_refused);
  g_test_add_func ("/export/no-folder", test_no_folder);
  return g_test_run ();
}
