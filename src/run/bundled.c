#include "run/bundled.h"

#include "base/error.h"
#include "base/names.h"

const char *const ut_bundled_models[] = { "bundled:small", NULL };

/* The first of the installed and the source tree's folders that holds the file. */
static char *
find (const char *file)
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

gboolean
ut_bundled_model (const char *name, char **out_model, char **out_mmproj, GError **error)
{
  if (!g_strv_contains (ut_bundled_models, name))
    {
      const char *nearest = ut_names_nearest (name, ut_bundled_models);
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no model '%s'; did you mean '%s'?", name,
                   nearest != NULL ? nearest : ut_bundled_models[0]);
      return FALSE;
    }
  const char *stem = name + strlen (UT_BUNDLED_PREFIX);
  g_autofree char *model_file = g_strconcat (stem, ".gguf", NULL);
  g_autofree char *mmproj_file = g_strconcat (stem, "-mmproj.gguf", NULL);
  g_autofree char *model = find (model_file);
  g_autofree char *mmproj = find (mmproj_file);
  if (model == NULL || mmproj == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s is not installed: %s is neither in %s nor in %s", name,
                   model == NULL ? model_file : mmproj_file, UT_INSTALLED_MODELS, UT_SOURCE_MODELS);
      return FALSE;
    }
  *out_model = g_steal_pointer (&model);
  *out_mmproj = g_steal_pointer (&mmproj);
  return TRUE;
}
