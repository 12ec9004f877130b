#include "hub/choose.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hub/gguf-name.h"

constexpr guint MAX_NAMED = 30; /* in a message */

static const char *
base_name (const char *path)
{
  const char *slash = strrchr (path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* Whether the file is a model itself, and the first part of it; not what goes with one. */
static gboolean
is_model (const char *path)
{
  static const char *const others[] = { "mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-" };
  g_auto (UtGgufName) name = {};
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    if (strstr (base_name (path), others[i]) != NULL)
      return FALSE;
  return ut_gguf_name_parse (path, &name) && name.part == 1;
}

/* Whether `quant`, in letters of either case, stands in the path before "." or "-"; `whole`: as a word of its own. */
static gboolean
has_quant (const char *path, const char *quant, gboolean whole)
{
  const size_t n = strlen (quant);
  for (const char *p = path; *p != '\0'; p++)
    if (g_ascii_strncasecmp (p, quant, n) == 0 && (p[n] == '.' || p[n] == '-')
        && (!whole || p == path || !g_ascii_isalnum (p[-1])))
      return TRUE;
  return FALSE;
}

/* The first model, of that quantisation unless it is NULL. */
static UtHubFile *
find_model (GPtrArray *files, const char *quant, gboolean whole)
{
  for (guint i = 0; i < files->len; i++)
    {
      UtHubFile *file = files->pdata[i];
      if (is_model (file->path) && (quant == NULL || has_quant (file->path, quant, whole)))
        return file;
    }
  return NULL;
}

static UtHubFile *
find_quant (GPtrArray *files, const char *quant)
{
  UtHubFile *file = find_model (files, quant, TRUE);
  return file != NULL ? file : find_model (files, quant, FALSE);
}

static UtHubFile *
find_default (GPtrArray *files)
{
  static const char *const preferred[] = { "Q4_K_M", "Q8_0" };
  for (size_t i = 0; i < G_N_ELEMENTS (preferred); i++)
    {
      UtHubFile *file = find_quant (files, preferred[i]);
      if (file != NULL)
        return file;
    }
  return find_model (files, NULL, FALSE);
}

/* What models there are: their quantisations, or their names where those tell none. NULL where there are none. */
static char *
name_models (GPtrArray *files)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_null_terminated (8, g_free, TRUE);
  for (guint i = 0; i < files->len && names->len < MAX_NAMED; i++)
    {
      const UtHubFile *file = files->pdata[i];
      g_auto (UtGgufName) name = {};
      if (!is_model (file->path) || !ut_gguf_name_parse (file->path, &name))
        continue;
      const char *word = ut_gguf_name_bits (name.quant) > 0 ? name.quant : file->path;
      if (!g_strv_contains ((const char *const *) names->pdata, word))
        g_ptr_array_add (names, g_strdup (word));
    }
  return names->len > 0 ? g_strjoinv (", ", (char **) names->pdata) : NULL;
}

static gboolean
fail_model (GPtrArray *files, const UtHubName *name, const char *place, GError **error)
{
  g_autofree char *models = name_models (files);
  if (models == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s has no model in GGUF format %s; repositories of such often end in -GGUF",
                 name->repo, place);
  else
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s has no %s %s; it has %s", name->repo, name->quant, place, models);
  return FALSE;
}

static UtHubFile *
find_path (GPtrArray *files, const char *path)
{
  for (guint i = 0; i < files->len; i++)
    if (g_str_equal (((UtHubFile *) files->pdata[i])->path, path))
      return files->pdata[i];
  return NULL;
}

static gboolean
add_parts (GPtrArray *files, const UtHubFile *first, const UtHubName *name, const char *place, GPtrArray *model, GError **error)
{
  g_autoptr (GPtrArray) parts = ut_gguf_name_parts (first->path);
  for (guint i = 0; i < parts->len; i++)
    {
      UtHubFile *file = find_path (files, parts->pdata[i]);
      if (file == NULL)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s has no %s %s, part %u of %u of a model", name->repo,
                       (char *) parts->pdata[i], place, i + 1, parts->len);
          return FALSE;
        }
      g_ptr_array_add (model, file);
    }
  return TRUE;
}

/* How far the path of the folder goes, its slash included. */
static size_t
folder_length (const char *path)
{
  return (size_t) (base_name (path) - path);
}

static unsigned
bits_of (const char *path)
{
  g_auto (UtGgufName) name = {};
  return ut_gguf_name_parse (path, &name) ? ut_gguf_name_bits (name.quant) : 0;
}

static const UtHubFile *
find_mmproj (GPtrArray *files, const char *model)
{
  const UtHubFile *best = NULL;
  size_t best_depth = 0;
  int best_distance = 0;
  for (guint i = 0; i < files->len; i++)
    {
      const UtHubFile *file = files->pdata[i];
      const size_t depth = folder_length (file->path); /* of folders that lie in each other, the longer is the nearer */
      if (!g_str_has_suffix (file->path, ".gguf") || strstr (base_name (file->path), "mmproj") == NULL
          || depth > folder_length (model) || strncmp (file->path, model, depth) != 0)
        continue;
      const int distance = abs ((int) bits_of (file->path) - (int) bits_of (model));
      if (best == NULL || depth > best_depth || (depth == best_depth && distance < best_distance))
        {
          best = file;
          best_depth = depth;
          best_distance = distance;
        }
    }
  return best;
}

gboolean
ut_hub_choose (GPtrArray *files, const UtHubName *name, gboolean want_mmproj, const char *place, UtHubChoice *out, GError **error)
{
  const UtHubFile *first = name->quant != NULL ? find_quant (files, name->quant) : find_default (files);
  if (first == NULL)
    return fail_model (files, name, place, error);
  out->model = g_ptr_array_new ();
  if (!add_parts (files, first, name, place, out->model, error))
    return FALSE;
  if (!want_mmproj)
    return TRUE;
  out->mmproj = find_mmproj (files, first->path);
  if (out->mmproj == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
                 "%s has no mmproj %s, the vision half of a model: if it lies elsewhere, name it with --mmproj MMPROJ.gguf",
                 name->repo, place);
  return out->mmproj != NULL;
}

void
ut_hub_choice_clear (UtHubChoice *choice)
{
  g_clear_pointer (&choice->model, g_ptr_array_unref);
}
