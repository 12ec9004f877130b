/* The bundled benchmarks as datasets: scenes of the generator and the questions on them. */
#include "dataset/dataset.h"

#include "base/error.h"
#include "base/names.h"
#include "scenes/scenes.h"

#define BUNDLED "bundled:"

struct _UtDataset {
  UtScenes *scenes;
  UtSceneBenchmark *benchmark;
  GPtrArray *items;   /* UtItem * */
  GPtrArray *skipped; /* UtSkipped * */
  GPtrArray *files;   /* char * */
};

const UtFormat ut_formats[] = {
  { "bundled", "-d bundled:presence, bundled:perception: rendered scenes, made from the seed" },
  {},
};

static void
item_free (void *data)
{
  UtItem *item = data;
  g_free (item->id);
  g_free (item->image_id);
  g_free (item->category);
  g_free (item->hint);
  g_free (item->question);
  g_strfreev (item->options);
  g_strfreev (item->labels);
  g_free (item);
}

static UtItem *
item_of_scene (const UtSceneItem *from, unsigned index)
{
  UtItem *item = g_new0 (UtItem, 1);
  item->index = index;
  item->id = g_strdup (from->id);
  item->image_id = g_strdup (from->scene->id);
  item->category = g_strdup (from->category);
  item->question = g_strdup (from->question);
  item->options = g_strdupv (from->options);
  item->labels = g_strdupv (from->labels);
  item->n_options = g_strv_length (from->options);
  item->answer = from->answer;
  item->yes_no = from->yes_no;
  item->n_images = 1;
  return item;
}

static gboolean
check_name (const char *path, GError **error)
{
  static const char *const names[] = { "bundled:presence", "bundled:perception", NULL };
  if (g_strv_contains (names, path))
    return TRUE;
  if (!g_str_has_prefix (path, BUNDLED))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: only bundled benchmarks can be read so far: %s, %s", path, names[0], names[1]);
      return FALSE;
    }
  const char *nearest = ut_names_nearest (path, names);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no benchmark '%s'; did you mean '%s'?", path, nearest != NULL ? nearest : names[0]);
  return FALSE;
}

UtDataset *
ut_dataset_open (const UtDatasetConfig *config, GError **error)
{
  if (!check_name (config->path, error))
    return NULL;
  g_autoptr (UtDataset) dataset = g_new0 (UtDataset, 1);
  dataset->items = g_ptr_array_new_with_free_func (item_free);
  dataset->skipped = g_ptr_array_new ();
  dataset->files = g_ptr_array_new ();
  dataset->scenes = ut_scenes_new (UT_SCENES_SEED);
  dataset->benchmark = ut_scenes_benchmark (dataset->scenes, config->path + sizeof BUNDLED - 1, UT_SPLIT_TEST,
                                            UT_SCENES_BENCHMARK_IMAGES, error);
  if (dataset->benchmark == NULL)
    return NULL;
  GPtrArray *items = dataset->benchmark->items;
  for (unsigned i = 0; i < items->len && (config->limit == 0 || i < config->limit); i++)
    g_ptr_array_add (dataset->items, item_of_scene (items->pdata[i], i));
  return g_steal_pointer (&dataset);
}

void
ut_dataset_close (UtDataset *dataset)
{
  if (dataset == NULL)
    return;
  g_clear_pointer (&dataset->items, g_ptr_array_unref);
  g_clear_pointer (&dataset->skipped, g_ptr_array_unref);
  g_clear_pointer (&dataset->files, g_ptr_array_unref);
  ut_scene_benchmark_free (dataset->benchmark);
  g_clear_pointer (&dataset->scenes, ut_scenes_free);
  g_free (dataset);
}

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
ut_dataset_format ([[maybe_unused]] UtDataset *dataset)
{
  return ut_formats[0].name;
}

GPtrArray *
ut_dataset_files (UtDataset *dataset)
{
  return dataset->files;
}

UtImage *
ut_dataset_image (UtDataset *dataset, const UtItem *item, [[maybe_unused]] unsigned k, GError **error)
{
  const UtSceneItem *from = dataset->benchmark->items->pdata[item->index];
  return ut_scene_draw (from->scene, error);
}
