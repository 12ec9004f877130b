/* A benchmark from its files, or from the generator of scenes. */
#include "dataset/dataset.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "dataset/files.h"
#include "dataset/item.h"
#include "dataset/source.h"
#include "scenes/scenes.h"

#define BUNDLED "bundled:"

struct _UtDataset {
  const UtFormat *format;
  GPtrArray *items;   /* UtItem * */
  GPtrArray *skipped; /* UtSkipped * */
  GPtrArray *files;   /* char * */

  UtImages *images;       /* of files */
  GPtrArray *item_images; /* GArray * of unsigned, one an item */
  GHashTable *places;     /* id → where it stands, for telling of doubles */

  UtScenes *scenes; /* of a bundled benchmark */
  UtSceneBenchmark *benchmark;
};

static void
skipped_free (void *data)
{
  UtSkipped *skipped = data;
  g_free (skipped->where);
  g_free (skipped->reason);
  g_free (skipped);
}

void
ut_dataset_close (UtDataset *dataset)
{
  if (dataset == NULL)
    return;
  g_ptr_array_unref (dataset->items);
  g_ptr_array_unref (dataset->skipped);
  g_ptr_array_unref (dataset->item_images);
  g_hash_table_unref (dataset->places);
  g_clear_pointer (&dataset->files, g_ptr_array_unref);
  ut_images_free (dataset->images);
  g_clear_pointer (&dataset->benchmark, ut_scene_benchmark_free);
  g_clear_pointer (&dataset->scenes, ut_scenes_free);
  g_free (dataset);
}

static UtDataset *
dataset_new (void)
{
  UtDataset *dataset = g_new0 (UtDataset, 1);
  dataset->items = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_item_free);
  dataset->skipped = g_ptr_array_new_with_free_func (skipped_free);
  dataset->item_images = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  dataset->places = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  dataset->images = ut_images_new ();
  return dataset;
}

static const UtFormat *
find_format (const char *name)
{
  for (const UtFormat *format = ut_formats; format->name != NULL; format++)
    if (g_str_equal (format->name, name))
      return format;
  return NULL;
}

/* --- Bundled benchmarks -------------------------------------------------------------------------------------------------------------- */

static UtItem *
item_of_scene (const UtSceneItem *from, unsigned index)
{
  UtItem *item = g_new0 (UtItem, 1);
  item->index = index;
  item->id = g_strdup (from->id);
  item->image_id = g_strdup (from->scene->id);
  item->images_key
      = from->partner != NULL ? g_strconcat (from->scene->id, " ", from->partner->id, NULL) : g_strdup (from->scene->id);
  item->category = g_strdup (from->category);
  item->question = g_strdup (from->question);
  item->options = g_strdupv (from->options);
  item->labels = g_strdupv (from->labels);
  item->n_options = g_strv_length (from->options);
  item->answer = from->answer;
  item->yes_no = from->yes_no;
  item->n_images = from->partner != NULL ? 2 : 1;
  return item;
}

/* Keeps n items in their order: one from each n-th part of the list, and so from as many images as possible, which say more than many
 * questions on a few. Its place in the part steps by the golden ratio: a fixed place would always be the same kind of question. */
static void
thin_out (GPtrArray *items, guint n)
{
  constexpr double GOLDEN = 0.6180339887498949;
  if (n == 0 || n >= items->len)
    return;
  for (guint i = 0; i < n; i++)
    {
      const guint first = (guint) ((guint64) i * items->len / n), next = (guint) ((guint64) (i + 1) * items->len / n);
      const guint from = first + (guint) (fmod (i * GOLDEN, 1) * (next - first));
      gpointer dropped = items->pdata[i];
      items->pdata[i] = items->pdata[from];
      items->pdata[from] = dropped;
    }
  g_ptr_array_set_size (items, (gint) n);
}

/* Takes the items of a bundled benchmark that config->limit and config->sample leave. */
static gboolean
take_scenes (UtDataset *dataset, guint64 seed, const char *task, UtSplit split, unsigned n_images, const UtDatasetConfig *config,
             GError **error)
{
  dataset->format = find_format ("bundled");
  dataset->files = g_ptr_array_new ();
  dataset->scenes = ut_scenes_new (seed);
  dataset->benchmark = ut_scenes_benchmark (dataset->scenes, task, split, n_images, error);
  if (dataset->benchmark == NULL)
    return FALSE;
  GPtrArray *items = dataset->benchmark->items;
  thin_out (items, (guint) MIN (config->sample, G_MAXUINT));
  for (unsigned i = 0; i < items->len && (config->limit == 0 || i < config->limit); i++)
    g_ptr_array_add (dataset->items, item_of_scene (items->pdata[i], i));
  return TRUE;
}

static gboolean
open_bundled (UtDataset *dataset, const UtDatasetConfig *config, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (const UtSceneTask *task = ut_scene_tasks; task->name != NULL; task++)
    g_ptr_array_add (names, g_strconcat (BUNDLED, task->name, NULL));
  g_ptr_array_add (names, NULL);
  const char *const *known = (const char *const *) names->pdata;
  if (!g_strv_contains (known, config->path))
    {
      const char *nearest = ut_names_nearest (config->path, known);
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no benchmark '%s'; did you mean '%s'?", config->path,
                   nearest != NULL ? nearest : known[0]);
      return FALSE;
    }
  return take_scenes (dataset, UT_SCENES_SEED, config->path + strlen (BUNDLED), UT_SPLIT_TEST, UT_SCENES_BENCHMARK_IMAGES, config,
                      error);
}

UtDataset *
ut_dataset_of_scenes (guint64 seed, const char *task, UtSplit split, unsigned n_images, GError **error)
{
  g_autoptr (UtDataset) dataset = dataset_new ();
  return take_scenes (dataset, seed, task, split, n_images, &(UtDatasetConfig) {}, error) ? g_steal_pointer (&dataset) : NULL;
}

/* --- Files --------------------------------------------------------------------------------------------------------------------------- */

static gboolean
check_column_names (const UtFormat *format, char **columns, GError **error)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  for (const UtField *field = format->fields; field->name != NULL; field++)
    g_ptr_array_add (known, (void *) field->name);
  g_ptr_array_add (known, NULL);
  for (; columns != NULL && *columns != NULL; columns++)
    {
      g_autofree char *name = g_strndup (*columns, strcspn (*columns, "="));
      if (g_strv_contains ((const char *const *) known->pdata, name))
        continue;
      const char *nearest = ut_names_nearest (name, (const char *const *) known->pdata);
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--column %s: expected NAME=YOURS with a column of the %s format, like %s=…",
                   *columns, format->name, nearest != NULL ? nearest : format->fields->name);
      return FALSE;
    }
  return TRUE;
}

/* The format asked for, else the first whose columns the file has. */
static const UtFormat *
choose_format (const UtSource *source, const UtDatasetConfig *config, GError **error)
{
  const UtField *missing = NULL;
  const UtFormat *asked = config->format != NULL ? find_format (config->format) : NULL;
  for (const UtFormat *format = asked != NULL ? asked : ut_formats; format->fields != NULL; format++)
    {
      if (ut_source_fits (source, format, config->columns, &missing))
        return format;
      if (format == asked)
        break;
    }
  g_autofree char *columns = ut_source_columns (source);
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
               "%s: no column “%s”, which the %s format needs; it has %s (name yours with --column %s=…)",
               ut_source_name (source), missing->name, asked != NULL ? asked->name : "table", columns, missing->name);
  return NULL;
}

static gboolean
check_format_name (const UtDatasetConfig *config, GError **error)
{
  const UtFormat *format = config->format != NULL ? find_format (config->format) : NULL;
  if (config->format == NULL || (format != NULL && format->fields != NULL))
    return TRUE;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const UtFormat *known = ut_formats; known->name != NULL; known++)
    if (known->fields != NULL)
      g_ptr_array_add (names, (void *) known->name);
  g_ptr_array_add (names, NULL);
  g_autofree char *list = g_strjoinv (", ", (char **) names->pdata);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no format '%s' of files; known are %s", config->format, list);
  return FALSE;
}

static void
skip (UtDataset *dataset, char *where, char *reason)
{
  UtSkipped *skipped = g_new (UtSkipped, 1);
  *skipped = (UtSkipped) { where, reason };
  g_ptr_array_add (dataset->skipped, skipped);
}

/* One file while it is being read. */
typedef struct {
  UtDataset *dataset;
  const UtDatasetConfig *config;
  const UtFormat *format;
  const char *file;   /* its name, with folders where the benchmark's files differ in them */
  char **folders;     /* where image names are looked for */
  GHashTable *by_key; /* a row's image key → its images, an empty GArray where it has none of its own */
  GArray *waiting;    /* Waiting: items whose images are another row's */
} Reading;

typedef struct {
  unsigned item;  /* its index; its list of images is empty until they are known */
  char *image_of; /* the key of the row that has them */
} Waiting;

static void
waiting_clear (void *data)
{
  g_free (((Waiting *) data)->image_of);
}

static void
reading_clear (Reading *reading)
{
  g_strfreev (reading->folders);
  g_hash_table_unref (reading->by_key);
  g_array_unref (reading->waiting);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reading, reading_clear)

/* Keeps the images of a row for those that will ask, or have asked, for them. */
static void
offer_images (Reading *reading, const UtRow *row)
{
  if (row->image_key == NULL || g_hash_table_contains (reading->by_key, row->image_key))
    return;
  GArray *images = row->images != NULL ? g_array_ref (row->images) : g_array_new (FALSE, FALSE, sizeof (unsigned));
  g_hash_table_insert (reading->by_key, g_strdup (row->image_key), images);
}

/* Gives a row the images of the row it names, where that one has been read. */
static void
borrow_images (Reading *reading, UtRow *row)
{
  GArray *shared = row->item != NULL && row->image_of != NULL ? g_hash_table_lookup (reading->by_key, row->image_of) : NULL;
  if (shared == NULL || shared->len == 0)
    return;
  row->images = g_array_ref (shared);
  g_clear_pointer (&row->image_of, g_free);
  if (!ut_row_settle (row->item, reading->dataset->images, row->images, &row->skipped))
    g_clear_pointer (&row->item, ut_item_free);
}

/* Adds the row's item, which it takes over. */
static void
add_item (Reading *reading, UtRow *row, char *where)
{
  UtDataset *dataset = reading->dataset;
  row->item->index = dataset->items->len;
  g_hash_table_insert (dataset->places, row->item->id, where);
  if (row->image_of != NULL)
    g_array_append_val (reading->waiting, ((Waiting) { row->item->index, g_steal_pointer (&row->image_of) }));
  g_ptr_array_add (dataset->item_images,
                   row->images != NULL ? g_steal_pointer (&row->images) : g_array_new (FALSE, FALSE, sizeof (unsigned)));
  g_ptr_array_add (dataset->items, g_steal_pointer (&row->item));
}

/* Takes the row over: as an item, or as a skipped row. */
static gboolean
take_row (Reading *reading, UtRow *row, char *where, GError **error)
{
  UtDataset *dataset = reading->dataset;
  g_autofree char *place = where;
  offer_images (reading, row);
  borrow_images (reading, row);
  if (row->item != NULL && row->item->id == NULL)
    row->item->id = g_strdup (place);
  const char *other = row->item != NULL ? g_hash_table_lookup (dataset->places, row->item->id) : NULL;
  if (other != NULL)
    row->fault = g_strdup_printf ("field id: “%s” stands in %s already", row->item->id, other);
  if (row->fault != NULL && reading->format->strict)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s, %s", place, row->fault);
      return FALSE;
    }
  if (row->fault != NULL)
    skip (dataset, g_steal_pointer (&place), g_steal_pointer (&row->fault));
  else if (row->skipped != NULL)
    skip (dataset, g_steal_pointer (&place), g_steal_pointer (&row->skipped));
  else
    add_item (reading, row, g_steal_pointer (&place));
  return TRUE;
}

/* Gives a waiting item the images it asked for: another row's, or where no row has this key, the file of this name. *out_reason is set
 * where there are none; FALSE only where the disk fails. */
static gboolean
fetch_images (Reading *reading, const Waiting *waiting, char **out_reason, GError **error)
{
  UtDataset *dataset = reading->dataset;
  const GArray *shared = g_hash_table_lookup (reading->by_key, waiting->image_of);
  GArray *images = dataset->item_images->pdata[waiting->item];
  if (shared != NULL && shared->len > 0)
    g_array_append_vals (images, shared->data, shared->len);
  else if (shared != NULL)
    *out_reason = g_strdup_printf ("its image is that of row “%s”, which has none of its own", waiting->image_of);
  else
    {
      GError *failure = NULL;
      g_autofree char *reason = NULL;
      unsigned image;
      if (ut_row_add_image (dataset->images, (const char *const *) reading->folders, waiting->image_of,
                            strlen (waiting->image_of), &image, &reason, &failure))
        g_array_append_val (images, image);
      else if (failure == NULL)
        *out_reason = g_strdup_printf ("no row is called “%s”, and %s", waiting->image_of, reason);
      if (failure != NULL)
        g_propagate_error (error, failure);
      if (failure != NULL)
        return FALSE;
    }
  if (*out_reason == NULL)
    ut_row_settle (dataset->items->pdata[waiting->item], dataset->images, images, out_reason);
  return TRUE;
}

static void
exchange (GPtrArray *array, unsigned i, unsigned j)
{
  void *kept = array->pdata[i];
  array->pdata[i] = array->pdata[j];
  array->pdata[j] = kept;
}

/* Takes the items out that have no images, and those beyond the limit. */
static void
drop_incomplete (UtDataset *dataset, const UtDatasetConfig *config)
{
  unsigned kept = 0;
  for (unsigned i = 0; i < dataset->items->len; i++)
    {
      UtItem *item = dataset->items->pdata[i];
      if (item->n_images == 0 || (config->limit > 0 && kept >= config->limit))
        {
          g_hash_table_remove (dataset->places, item->id);
          continue;
        }
      item->index = kept;
      exchange (dataset->items, i, kept);
      exchange (dataset->item_images, i, kept++);
    }
  g_ptr_array_set_size (dataset->items, (int) kept);
  g_ptr_array_set_size (dataset->item_images, (int) kept);
}

/* Once the file is read: what waits gets its images, or is left out. */
static gboolean
settle_waiting (Reading *reading, GError **error)
{
  UtDataset *dataset = reading->dataset;
  for (unsigned w = 0; w < reading->waiting->len; w++)
    {
      const Waiting *waiting = &g_array_index (reading->waiting, Waiting, w);
      const UtItem *item = dataset->items->pdata[waiting->item];
      g_autofree char *reason = NULL;
      if (!fetch_images (reading, waiting, &reason, error))
        return FALSE;
      if (reason != NULL)
        skip (dataset, g_strdup (g_hash_table_lookup (dataset->places, item->id)), g_steal_pointer (&reason));
    }
  if (reading->waiting->len > 0)
    drop_incomplete (dataset, reading->config);
  return TRUE;
}

static gboolean
enough (const UtDataset *dataset, const UtDatasetConfig *config)
{
  return config->limit > 0 && dataset->items->len >= config->limit;
}

static gboolean
wants_more (const Reading *reading)
{
  return reading->waiting->len > 0 || !enough (reading->dataset, reading->config);
}

/* Reads the rows of a part of one file; beyond the limit only while items wait for the images of a row that is still to come. *out_sql_failed:
 * the error is DuckDB's own, and wants explaining once the cursor is gone. */
static gboolean
read_rows (Reading *reading, UtDbStatement *statement, gboolean *out_sql_failed, GError **error)
{
  GError *failure = NULL;
  g_autoptr (UtDbCursor) cursor = ut_db_stream (statement, error);
  *out_sql_failed = cursor == NULL;
  if (cursor == NULL)
    return FALSE;
  const int row_column = ut_db_column_index (cursor, "row");
  while (wants_more (reading) && ut_db_next (cursor, &failure))
    {
      g_auto (UtRow) row = {};
      char *where = g_strdup_printf ("%s, row %" G_GINT64_FORMAT, reading->file, ut_db_int64 (cursor, (unsigned) row_column));
      if (!ut_row_read (cursor, reading->format, reading->dataset->images, (const char *const *) reading->folders, &row, error))
        {
          g_prefix_error (error, "%s, ", where);
          g_free (where);
          return FALSE;
        }
      if (!take_row (reading, &row, where, error))
        return FALSE;
    }
  *out_sql_failed = failure != NULL;
  if (failure != NULL)
    g_propagate_error (error, failure);
  return failure == NULL;
}

static gboolean
read_parts (Reading *reading, UtDb *db, const UtSource *source, GError **error)
{
  const unsigned n_parts = ut_source_n_parts (source);
  for (unsigned part = 0; part < n_parts && wants_more (reading); part++)
    {
      g_autofree char *sql = ut_source_query (source, part, reading->format, reading->config->columns);
      gboolean sql_failed = TRUE;
      g_autoptr (UtDbStatement) statement = ut_db_prepare (db, sql, error);
      if (statement != NULL && read_rows (reading, statement, &sql_failed, error))
        continue;
      if (sql_failed)
        ut_source_explain (source, db, error);
      return FALSE;
    }
  return settle_waiting (reading, error);
}

static char **
image_folders (const UtFormat *format, const UtDatasetConfig *config, const char *path)
{
  const char *const named[] = { config->images, NULL };
  return config->images != NULL ? g_strdupv ((char **) named) : format->folders (path);
}

/* How much of the paths is the folder of them all. */
static size_t
count_shared (const GPtrArray *files)
{
  /* They are sorted: what the first and the last share, all do. */
  const char *first = files->pdata[0], *last = files->pdata[files->len - 1];
  size_t n = 0;
  for (size_t i = 0; first[i] != '\0' && (first[i] == last[i] || files->len == 1); i++)
    n = first[i] == '/' ? i + 1 : n;
  return n;
}

/* `n_shared`: how much of its path need not be said. */
static gboolean
read_file (UtDataset *dataset, UtDb *db, const char *path, size_t n_shared, const UtDatasetConfig *config, GError **error)
{
  g_autoptr (UtSource) source = ut_source_open (db, path, error);
  if (source == NULL)
    return FALSE;
  if (!ut_source_check_columns (source, config->columns, error))
    return FALSE;
  const UtFormat *format = choose_format (source, config, error);
  if (format == NULL || !check_column_names (format, config->columns, error))
    return FALSE;
  dataset->format = format;

  g_auto (Reading) reading = {
    .dataset = dataset,
    .config = config,
    .format = format,
    .file = path + n_shared,
    .folders = image_folders (format, config, path),
    .by_key = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref),
    .waiting = g_array_new (FALSE, FALSE, sizeof (Waiting)),
  };
  g_array_set_clear_func (reading.waiting, waiting_clear);
  return read_parts (&reading, db, source, error);
}

static gboolean
check_some (const UtDataset *dataset, const UtDatasetConfig *config, GError **error)
{
  if (dataset->items->len > 0)
    return TRUE;
  const UtSkipped *first = dataset->skipped->len > 0 ? dataset->skipped->pdata[0] : NULL;
  if (first != NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: none of its %u questions can be asked; the first: %s", config->path,
                 dataset->skipped->len, first->reason);
  else
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: it holds no question", config->path);
  return FALSE;
}

static gboolean
check_column_form (char **columns, GError **error)
{
  for (; columns != NULL && *columns != NULL; columns++)
    if (strchr (*columns, '=') == NULL)
      {
        g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--column %s: expected NAME=YOURS, like question=Frage", *columns);
        return FALSE;
      }
  return TRUE;
}

static gboolean
open_files (UtDataset *dataset, const UtDatasetConfig *config, GError **error)
{
  if (!check_format_name (config, error) || !check_column_form (config->columns, error))
    return FALSE;
  if (config->images != NULL && !g_file_test (config->images, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "--images %s: there is no such folder", config->images);
      return FALSE;
    }
  dataset->files = ut_files_list (config->path, error);
  /* Rows stream, so what is held is DuckDB's buffers: a few of a TSV's longest records, a part of a Parquet file. The limit is for what a
   * file may ask for instead. */
  const UtDbOptions options = { .threads = 1, .memory_limit = "2GB" };
  g_autoptr (UtDb) db = dataset->files != NULL ? ut_db_open (NULL, &options, error) : NULL;
  /* Reading ahead is for files far away, and would hold all images of a row group at once. */
  if (db == NULL || !ut_db_exec (db, "SET disable_parquet_prefetching = true", error))
    return FALSE;
  const size_t n_shared = count_shared (dataset->files);
  for (size_t i = 0; i < dataset->files->len && !enough (dataset, config); i++)
    if (!read_file (dataset, db, dataset->files->pdata[i], n_shared, config, error))
      return FALSE;
  return check_some (dataset, config, error);
}

UtDataset *
ut_dataset_open (const UtDatasetConfig *config, GError **error)
{
  g_autoptr (UtDataset) dataset = dataset_new ();
  const gboolean ok
      = g_str_has_prefix (config->path, BUNDLED) ? open_bundled (dataset, config, error) : open_files (dataset, config, error);
  return ok ? g_steal_pointer (&dataset) : NULL;
}

/* --- What it holds ------------------------------------------------------------------------------------------------------------------- */

GPtrArray *
ut_dataset_items (UtDataset *dataset)
{
  return dataset->items;
}

GPtrArray *
ut_dataset_skipped (UtDataset *dataset)
{
  return dataset->skipped;
}

const char *
ut_dataset_format (UtDataset *dataset)
{
  return dataset->format->name;
}

GPtrArray *
ut_dataset_files (UtDataset *dataset)
{
  return dataset->files;
}

/* The k-th scene of an item of a bundled benchmark. */
static const UtScene *
scene_of (UtDataset *dataset, const UtItem *item, unsigned k)
{
  const UtSceneItem *from = dataset->benchmark->items->pdata[item->index];
  return k == 0 ? from->scene : from->partner;
}

static unsigned
image_of (UtDataset *dataset, const UtItem *item, unsigned k)
{
  return g_array_index ((const GArray *) dataset->item_images->pdata[item->index], unsigned, k);
}

const char *
ut_dataset_image_name (UtDataset *dataset, const UtItem *item, unsigned k)
{
  return dataset->benchmark != NULL ? scene_of (dataset, item, k)->id
                                    : ut_images_id (dataset->images, image_of (dataset, item, k));
}

gboolean
ut_dataset_knows_labels (UtDataset *dataset)
{
  return dataset->benchmark != NULL;
}

const char *
ut_dataset_label (UtDataset *dataset, const UtItem *item, const UtGeometry *geometry)
{
  static const char *const names[]
      = { [UT_LABEL_HOLDS] = "holds", [UT_LABEL_CHANGED] = "changed", [UT_LABEL_DOUBTFUL] = "doubtful" };
  return names[ut_scene_item_label (dataset->benchmark->items->pdata[item->index], geometry)];
}

UtImage *
ut_dataset_image (UtDataset *dataset, const UtItem *item, unsigned k, GError **error)
{
  return dataset->benchmark != NULL ? ut_scene_draw (scene_of (dataset, item, k), error)
                                    : ut_images_load (dataset->images, image_of (dataset, item, k), error);
}
