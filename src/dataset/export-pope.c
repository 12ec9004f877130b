/* POPE's own files: a split each, JSON Lines; the images beside them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "base/error.h"
#include "dataset/export.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (yyjson_mut_doc, yyjson_mut_doc_free)

static gboolean
fail (GError **error, const char *path, const char *what)
{
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: %s", path, what);
  return FALSE;
}

static gboolean
write_pope_line (const UtExport *export, const UtItem *item, unsigned number, FILE *out, const char *path, GError **error)
{
  g_autoptr (yyjson_mut_doc) doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *line = yyjson_mut_obj (doc);
  g_autofree char *image = g_strconcat (ut_dataset_image_name (export->dataset, item, 0), ".png", NULL);
  yyjson_mut_doc_set_root (doc, line);
  yyjson_mut_obj_add_uint (doc, line, "question_id", number);
  yyjson_mut_obj_add_str (doc, line, "image", image);
  yyjson_mut_obj_add_str (doc, line, "text", item->question);
  yyjson_mut_obj_add_str (doc, line, "label", item->answer == 0 ? "yes" : "no");
  yyjson_write_err fault = { 0 };
  return (yyjson_mut_write_fp (out, doc, YYJSON_WRITE_NEWLINE_AT_END, NULL, &fault)) || fail (error, path, fault.msg);
}

static gboolean
write_split (const UtExport *export, const char *category, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/%s_pope_%s.json", export->folder, export->name, category);
  FILE *out = fopen (path, "wbe");
  if (out == NULL)
    return fail (error, path, g_strerror (errno));
  unsigned number = 0;
  gboolean written = TRUE;
  for (unsigned i = 0; i < export->items->len && written; i++)
    {
      const UtItem *item = export->items->pdata[i];
      if (strcmp (item->category, category) == 0)
        written = write_pope_line (export, item, ++number, out, path, error);
    }
  return (fclose (out) == 0 || (written && fail (error, path, g_strerror (errno)))) && written;
}

gboolean
ut_export_pope (UtExport *export, GError **error)
{
  g_autoptr (GPtrArray) categories = ut_export_categories (export);
  for (unsigned c = 0; categories->pdata[c] != NULL; c++)
    if (!write_split (export, categories->pdata[c], error))
      return FALSE;
  return ut_export_images (export, "", ".png", error);
}
