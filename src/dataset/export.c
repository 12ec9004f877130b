#include "dataset/export.h"

#include "base/error.h"
#include "base/folder.h"

const UtExportFormat ut_export_formats[] = {
  { "pope", "POPE: JSON Lines, a file a split, and images", { "yes/no questions on one image", TRUE, 0, 0, 1 }, ut_export_pope },
  { "seedbench",
    "SEED-Bench: one JSON file, and images without extension",
    { "questions with four options on one image", FALSE, 4, 4, 1 },
    ut_export_seedbench },
  { "vlmevalkit", "VLMEvalKit: one TSV with the images inside", { "questions on images", TRUE, 2, 26, 7 }, ut_export_vlmevalkit },
  { "parquet",
    "the Hugging Face hub's Parquet: POPE's, SEED-Bench's or MMMU's columns",
    { "questions on images", TRUE, 2, 26, 7 },
    ut_export_parquet },
  { NULL },
};

/* --- Images ------------------------------------------------------------------------------------------------------------------------ */

GBytes *
ut_export_png (UtExport *export, const UtItem *item, unsigned k, GError **error)
{
  const char *name = ut_dataset_image_name (export->dataset, item, k);
  GBytes *png = g_hash_table_lookup (export->pngs, name);
  if (png != NULL)
    return png;
  /* Questions come image by image, one or two at a time. */
  if (k == 0)
    g_hash_table_remove_all (export->pngs);
  g_autoptr (UtImage) image = ut_dataset_image (export->dataset, item, k, error);
  png = image != NULL ? ut_image_encode_png (image, error) : NULL;
  if (png != NULL)
    g_hash_table_insert (export->pngs, g_strdup (name), png);
  return png;
}

gboolean
ut_export_images (UtExport *export, const char *folder, const char *ending, GError **error)
{
  g_autofree char *where = g_build_filename (export->folder, folder, NULL);
  g_autoptr (GHashTable) written = g_hash_table_new (g_str_hash, g_str_equal);
  if (!ut_folder_make (where, error))
    return FALSE;
  for (unsigned i = 0; i < export->items->len; i++)
    {
      const UtItem *item = export->items->pdata[i];
      for (unsigned k = 0; k < item->n_images; k++)
        {
          const char *name = ut_dataset_image_name (export->dataset, item, k);
          if (!g_hash_table_add (written, (char *) name))
            continue;
          g_autofree char *path = g_strdup_printf ("%s/%s%s", where, name, ending);
          GBytes *png = ut_export_png (export, item, k, error);
          if (png == NULL || !g_file_set_contents (path, g_bytes_get_data (png, NULL), (gssize) g_bytes_get_size (png), error))
            return FALSE;
        }
    }
  return TRUE;
}

GPtrArray *
ut_export_categories (const UtExport *export)
{
  GPtrArray *categories = g_ptr_array_new ();
  for (unsigned i = 0; i < export->items->len; i++)
    {
      const UtItem *item = export->items->pdata[i];
      if (!g_ptr_array_find_with_equal_func (categories, item->category, g_str_equal, NULL))
        g_ptr_array_add (categories, item->category);
    }
  g_ptr_array_add (categories, NULL);
  return categories;
}

/* --- The whole --------------------------------------------------------------------------------------------------------------------- */

const UtItem *
ut_export_find_misfit (const UtExport *export, const UtExportLimits *limits)
{
  for (unsigned i = 0; i < export->items->len; i++)
    {
      const UtItem *item = export->items->pdata[i];
      const gboolean options
          = item->yes_no ? limits->yes_no : item->n_options >= limits->min_options && item->n_options <= limits->max_options;
      if (!options || item->n_images > limits->max_images)
        return item;
    }
  return NULL;
}

static const UtExportFormat *
find_format (const UtExport *export, const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const UtExportFormat *format = ut_export_formats; format->name != NULL; format++)
    {
      const UtItem *misfit = ut_export_find_misfit (export, &format->limits);
      if (name != NULL ? g_str_equal (format->name, name) : misfit == NULL)
        {
          if (misfit == NULL)
            return format;
          g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "the %s format holds %s; %s is none", name, format->limits.words,
                       misfit->id);
          return NULL;
        }
      g_ptr_array_add (names, (void *) format->name);
    }
  g_ptr_array_add (names, NULL);
  g_autofree char *known = g_strjoinv (", ", (char **) names->pdata);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no format '%s' to write; there are %s", name, known);
  return NULL;
}

gboolean
ut_dataset_export (UtDataset *dataset, const char *format, const char *name, const char *folder, GError **error)
{
  UtExport export = { .dataset = dataset, .items = ut_dataset_items (dataset), .name = name, .folder = folder };
  const UtExportFormat *found = find_format (&export, format, error);
  if (found == NULL || !ut_folder_make (folder, error))
    return FALSE;
  g_autoptr (GHashTable) pngs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  export.pngs = pngs;
  return found->write (&export, error);
}
