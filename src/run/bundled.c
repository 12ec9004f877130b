#include "run/bundled.h"

#include "base/error.h"
#include "base/names.h"

const UtBundledModel ut_bundled_models[] = {
  { "bundled:small", "0.55 M parameters, F16", "small.gguf", "small-mmproj.gguf", FALSE },
  { "bundled:medium", "1.85 M parameters, F16", "medium.gguf", "medium-mmproj.gguf", FALSE },
  { "bundled:large", "7.63 M parameters, F16", "large.gguf", "large-mmproj.gguf", FALSE },
  { "bundled:small-q8_0", "small, its text half in Q8_0", "small-q8_0.gguf", "small-mmproj.gguf", TRUE },
  { "bundled:medium-q8_0", "medium, its text half in Q8_0", "medium-q8_0.gguf", "medium-mmproj.gguf", TRUE },
  { "bundled:large-q8_0", "large, its text half in Q8_0", "large-q8_0.gguf", "large-mmproj.gguf", TRUE },
  { NULL, NULL, NULL, NULL, FALSE },
};

/* The first of the installed and the source tree's folders that holds the file. */
static char *
find_file (const char *file)
{
  static const char *const folders[] = { UT_INSTALLED_MODELS, UT_SOURCE_MODELS };
  for (size_t i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *path = g_build_filename (folders[i], file, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&path);
    }
  return NULL;
}

static const UtBundledModel *
find_model (const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_null_terminated (8, NULL, TRUE);
  for (const UtBundledModel *model = ut_bundled_models; model->name != NULL; model++)
    {
      if (g_str_equal (model->name, name))
        return model;
      g_ptr_array_add (names, (void *) model->name);
    }
  const char *nearest = ut_names_nearest (name, (const char *const *) names->pdata);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no model '%s'; did you mean '%s'?", name,
               nearest != NULL ? nearest : ut_bundled_models[0].name);
  return NULL;
}

gboolean
ut_bundled_model (const char *name, char **out_model, char **out_mmproj, GError **error)
{
  const UtBundledModel *found = find_model (name, error);
  if (found == NULL)
    return FALSE;
  g_autofree char *model = find_file (found->model);
  g_autofree char *mmproj = find_file (found->mmproj);
  if (model == NULL || mmproj == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s is not installed: %s is neither in %s nor in %s", name,
                   model == NULL ? found->model : found->mmproj, UT_INSTALLED_MODELS, UT_SOURCE_MODELS);
      return FALSE;
    }
  *out_model = g_steal_pointer (&model);
  *out_mmproj = g_steal_pointer (&mmproj);
  return TRUE;
}
