/* SEED-Bench's own file: one JSON object of all questions and the names of their types; the images beside it have no extension. */
#include <string.h>
#include <yyjson.h>

#include "base/error.h"
#include "dataset/export.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (yyjson_mut_doc, yyjson_mut_doc_free)

static void
add_question (yyjson_mut_doc *doc, yyjson_mut_val *questions, const UtExport *export, const UtItem *item,
              const GPtrArray *categories)
{
  static const char *const choices[] = { "choice_a", "choice_b", "choice_c", "choice_d" };
  yyjson_mut_val *question = yyjson_mut_arr_add_obj (doc, questions);
  g_autofree char *id = g_strdup_printf ("%u", item->index + 1);
  guint type = 0;
  while (strcmp (categories->pdata[type], item->category) != 0)
    type++;
  const char answer[] = { (char) ('A' + item->answer), '\0' };
  yyjson_mut_obj_add_strcpy (doc, question, "answer", answer);
  for (unsigned k = 0; k < G_N_ELEMENTS (choices); k++)
    yyjson_mut_obj_add_str (doc, question, choices[k], item->options[k]);
  yyjson_mut_obj_add_str (doc, question, "data_id", ut_dataset_image_name (export->dataset, item, 0));
  yyjson_mut_obj_add_str (doc, question, "data_type", "image");
  yyjson_mut_obj_add_str (doc, question, "question", item->question);
  yyjson_mut_obj_add_strcpy (doc, question, "question_id", id);
  yyjson_mut_obj_add_uint (doc, question, "question_type_id", type + 1);
}

gboolean
ut_export_seedbench (UtExport *export, GError **error)
{
  g_autofree char *path = g_build_filename (export->folder, "SEED-Bench.json", NULL);
  g_autoptr (GPtrArray) categories = ut_export_categories (export);
  g_autoptr (yyjson_mut_doc) doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc);
  yyjson_mut_doc_set_root (doc, root);
  yyjson_mut_val *questions = yyjson_mut_obj_add_arr (doc, root, "questions");
  for (unsigned i = 0; i < export->items->len; i++)
    add_question (doc, questions, export, export->items->pdata[i], categories);
  yyjson_mut_val *types = yyjson_mut_obj_add_obj (doc, root, "question_type");
  for (unsigned c = 0; categories->pdata[c] != NULL; c++)
    yyjson_mut_obj_add_uint (doc, types, categories->pdata[c], c + 1);
  yyjson_write_err fault = { 0 };
  if (!yyjson_mut_write_file (path, doc, YYJSON_WRITE_PRETTY, NULL, &fault))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: %s", path, fault.msg);
      return FALSE;
    }
  return ut_export_images (export, "SEED-Bench-image", "", error);
}
