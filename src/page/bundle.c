#include "page/bundle.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"

struct _UtBundle {
  char *folder, *images, *hash;
  unsigned run;
};

/* How the script of an item begins that is to be written anew when its images can be made. */
static const char unfinished[] = "/* Images are missing. */ ";

static gboolean
make_folder (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0777) == 0)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot make the folder %s: %s", path, g_strerror (errno));
  return FALSE;
}

static gboolean
write_file (const char *path, const void *bytes, size_t n, GError **error)
{
  g_autoptr (GError) fault = NULL;
  if (g_file_set_contents (path, bytes, (gssize) n, &fault))
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: %s", path, fault->message);
  return FALSE;
}

static gboolean
is_empty (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  return dir == NULL || g_dir_read_name (dir) == NULL;
}

/* The word for the first fact that is not there. */
static char *
what_differs (const char *there, const char *mark)
{
  const char *line = mark;
  for (size_t i = 0; mark[i] != '\0' && mark[i] == there[i]; i++)
    if (mark[i] == '\n')
      line = mark + i + 1;
  return g_strndup (line, strcspn (line, " \n"));
}

/* Whether the folder is new, or holds what was made of the same. */
static gboolean
check_mark (const char *folder, const char *mark, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "bundle.txt", NULL), *there = NULL;
  if (!g_file_get_contents (path, &there, NULL, NULL))
    {
      if (is_empty (folder))
        return write_file (path, mark, strlen (mark), error);
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "--bundle: %s holds files that are no bundle; give the name of a new folder",
                   folder);
      return FALSE;
    }
  if (g_str_equal (there, mark))
    return TRUE;
  g_autofree char *what = what_differs (there, mark);
  g_set_error (
      error, UT_ERROR, UT_ERROR_FAILED,
      "--bundle: %s was made of another run, or of this one when its %s differed; remove it or give the name of a new folder",
      folder, what);
  return FALSE;
}

UtBundle *
ut_bundle_open (const char *folder, unsigned run, const char *mark, GError **error)
{
  g_autoptr (UtBundle) bundle = g_new0 (UtBundle, 1);
  g_autofree char *name = g_strdup_printf ("run-%u", run);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, mark, -1);
  bundle->run = run;
  bundle->hash = g_strndup (digest, 16);
  bundle->folder = g_build_filename (folder, name, NULL);
  bundle->images = g_build_filename (bundle->folder, "images", NULL);
  if (!make_folder (bundle->folder, error) || !check_mark (bundle->folder, mark, error) || !make_folder (bundle->images, error))
    return NULL;
  return g_steal_pointer (&bundle);
}

void
ut_bundle_close (UtBundle *bundle)
{
  if (bundle == NULL)
    return;
  g_free (bundle->folder);
  g_free (bundle->images);
  g_free (bundle->hash);
  g_free (bundle);
}

static char *
item_path (const UtBundle *bundle, unsigned item)
{
  g_autofree char *name = g_strdup_printf ("item-%05u.js", item);
  return g_build_filename (bundle->folder, name, NULL);
}

const char *
ut_bundle_hash (const UtBundle *bundle)
{
  return bundle->hash;
}

gboolean
ut_bundle_has (const UtBundle *bundle, unsigned item)
{
  g_autofree char *path = item_path (bundle, item);
  g_autoptr (GMappedFile) script = g_mapped_file_new (path, FALSE, NULL);
  const size_t n = strlen (unfinished);
  return script != NULL
         && (g_mapped_file_get_length (script) < n || memcmp (g_mapped_file_get_contents (script), unfinished, n) != 0);
}

gboolean
ut_bundle_add (UtBundle *bundle, unsigned item, const char *json, gboolean whole, GError **error)
{
  g_autofree char *path = item_path (bundle, item);
  g_autoptr (GString) script = g_string_new (NULL);
  g_string_printf (script, "%sundertow.samples.add(%u, %u, \"%s\", %s);\n", whole ? "" : unfinished, bundle->run, item,
                   bundle->hash, json);
  return write_file (path, script->str, script->len, error);
}

char *
ut_bundle_keep (UtBundle *bundle, GBytes *webp, GError **error)
{
  g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, webp);
  g_autofree char *name = g_strndup (digest, 24), *file = g_strconcat (name, ".webp", NULL);
  g_autofree char *path = g_build_filename (bundle->images, file, NULL);
  size_t n;
  const void *bytes = g_bytes_get_data (webp, &n);
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR) && !write_file (path, bytes, n, error))
    return NULL;
  return g_steal_pointer (&name);
}

char *
ut_bundle_url (const char *folder, const char *page, GError **error)
{
  g_autofree char *whole = g_canonicalize_filename (folder, NULL), *whole_page = g_canonicalize_filename (page, NULL);
  g_autofree char *beside = g_path_get_dirname (whole_page);
  const size_t n = strlen (beside);
  if (g_str_has_prefix (whole, beside) && (whole[n] == '/' || g_str_has_suffix (beside, "/")) && whole[n] != '\0')
    {
      const char *rest = whole + n + (whole[n] == '/');
      g_autofree char *escaped = g_uri_escape_string (rest, "/", FALSE);
      return g_strconcat ("./", escaped, "/", NULL);
    }
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--bundle %s: expected a folder beside the page or below it, in %s", folder,
               beside);
  return NULL;
}
