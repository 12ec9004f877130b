/* Variants that others made: each folder in DIR is one, and holds an image for every image of the benchmark, of the same name. Nothing
 * outside DIR is read. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "perturb/family.h"

/* What may stand in the place of the benchmark's own extension, and in capitals. */
static const char *const extensions[] = { "png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif", NULL };

/* The path with every link followed, if that stays at or below `top`, itself such a path. */
static char *
resolve (const char *path, const char *top, GError **error)
{
  g_autofree char *real = realpath (path, NULL);
  if (real == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", path, g_strerror (errno));
      return NULL;
    }
  const size_t n = strlen (top);
  if (g_str_has_prefix (real, top) && (real[n] == '/' || real[n] == '\0' || top[n - 1] == '/'))
    return g_steal_pointer (&real);
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: is a link that leaves %s", path, top);
  return NULL;
}

/* --- The folders. --- */

static gboolean
add_folder (const UtFamily *family, const char *top, const char *name, GPtrArray *variants, GError **error)
{
  g_autofree char *path = g_build_filename (top, name, NULL);
  if (*name == '.' || !g_file_test (path, G_FILE_TEST_IS_DIR))
    return TRUE;
  if (!g_utf8_validate (name, -1, NULL))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: a folder's name in it is no UTF-8", top);
      return FALSE;
    }
  g_autoptr (UtVariant) variant = ut_variant_new (family, NAN);
  variant->folder = resolve (path, top, error);
  if (variant->folder == NULL)
    return FALSE;
  variant->folder_top = g_strdup (top);
  variant->name = g_strconcat (family->name, ":", name, NULL);
  g_ptr_array_add (variants, g_steal_pointer (&variant));
  return TRUE;
}

static gboolean
add_variants (const UtFamily *family, const char *argument, GPtrArray *variants, GError **error)
{
  if (argument == NULL || *argument == '\0')
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s: expected %s:DIR, a folder that holds one folder a variant", family->name,
                   family->name);
      return FALSE;
    }
  g_autofree char *top = realpath (argument, NULL);
  g_autoptr (GDir) dir = top == NULL ? NULL : g_dir_open (top, 0, NULL);
  if (dir == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s:%s: %s", family->name, argument, g_strerror (errno));
      return FALSE;
    }
  const unsigned before = variants->len;
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    if (!add_folder (family, top, name, variants, error))
      return FALSE;
  if (variants->len == before)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s:%s: holds no folder; expected one for each variant", family->name,
                 argument);
  return variants->len > before;
}

/* --- The images. --- */

static gboolean
stays_below (const char *name)
{
  g_auto (GStrv) parts = g_strsplit (name, "/", -1);
  return !g_path_is_absolute (name) && !g_strv_contains ((const char *const *) parts, "..");
}

/* The path without an image's extension. */
static char *
stem_of (const char *path)
{
  const char *dot = strrchr (path, '.');
  for (size_t i = 0; dot != NULL && extensions[i] != NULL; i++)
    if (g_ascii_strcasecmp (dot + 1, extensions[i]) == 0)
      return g_strndup (path, (size_t) (dot - path));
  return g_strdup (path);
}

/* The file of that name, or of that name with another extension, in the order above; NULL where there is none. */
static char *
find_file (const char *folder, const char *name)
{
  g_autofree char *exact = g_build_filename (folder, name, NULL);
  if (g_file_test (exact, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&exact);
  g_autofree char *stem = stem_of (exact);
  for (size_t i = 0; extensions[i] != NULL; i++)
    {
      g_autofree char *capitals = g_ascii_strup (extensions[i], -1);
      g_autofree char *small = g_strconcat (stem, ".", extensions[i], NULL), *large = g_strconcat (stem, ".", capitals, NULL);
      if (g_file_test (small, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&small);
      if (g_file_test (large, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&large);
    }
  return NULL;
}

static UtImage *
read_image (const char *path, GError **error)
{
  struct stat s;
  if (stat (path, &s) != 0 || !S_ISREG (s.st_mode))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: is no regular file", path);
      return NULL;
    }
  g_autofree char *bytes = NULL;
  size_t n;
  g_autoptr (GError) fault = NULL;
  if (g_file_get_contents (path, &bytes, &n, &fault))
    return ut_image_decode (bytes, n, path, error);
  g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, fault->message);
  return NULL;
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) image, (void) seed;
  if (!stays_below (subject->image_name))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: the image's name is %s; expected one that stays in a folder",
                   variant->name, subject->image_name);
      return NULL;
    }
  g_autofree char *path = find_file (variant->folder, subject->image_name);
  if (path == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: there is no image %s in %s", variant->name, subject->image_name,
                   variant->folder);
      return NULL;
    }
  g_autofree char *real = resolve (path, variant->folder_top, error);
  return real == NULL ? NULL : read_image (real, error);
}

const UtFamily ut_folder = {
  .name = "folder",
  .summary = "folder:DIR: variants that others made, a folder in DIR each, with images named as the benchmark's",
  .on_request = TRUE,
  .by_name = TRUE,
  .apply = apply,
  .add_variants = add_variants,
};
