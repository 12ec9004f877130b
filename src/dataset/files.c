#include "dataset/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static const char *const endings[] = { ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", NULL };

static gboolean
has_data_ending (const char *name)
{
  for (const char *const *ending = endings; *ending != NULL; ending++)
    {
      const size_t n = strlen (name), n_ending = strlen (*ending);
      if (n > n_ending && g_ascii_strcasecmp (name + n - n_ending, *ending) == 0)
        return name[0] != '.';
    }
  return FALSE;
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean
is_regular (const char *path)
{
  struct stat s;
  return stat (path, &s) == 0 && S_ISREG (s.st_mode);
}

static gboolean
list_folder (const char *path, GPtrArray *files, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (GDir) folder = g_dir_open (path, 0, &cause);
  if (folder == NULL)
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, cause->message);
      return FALSE;
    }
  const char *name;
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      if (has_data_ending (name) && is_regular (file))
        g_ptr_array_add (files, g_steal_pointer (&file));
    }
  if (files->len > 0)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: no .json, .jsonl, .ndjson, .csv, .tsv or .parquet file in this folder", path);
  return FALSE;
}

static gboolean
list_glob (const char *pattern, GPtrArray *files, GError **error)
{
  glob_t matches = { 0 };
  if (glob (pattern, GLOB_NOSORT, NULL, &matches) == 0)
    for (size_t i = 0; i < matches.gl_pathc; i++)
      if (is_regular (matches.gl_pathv[i]))
        g_ptr_array_add (files, g_strdup (matches.gl_pathv[i]));
  globfree (&matches);
  if (files->len > 0)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: no file matches", pattern);
  return FALSE;
}

static gboolean
fill (const char *path, GPtrArray *files, GError **error)
{
  struct stat s;
  if (stat (path, &s) != 0)
    {
      const int code = errno;
      if (strpbrk (path, "*?[") != NULL)
        return list_glob (path, files, error);
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", path, g_strerror (code));
      return FALSE;
    }
  if (S_ISDIR (s.st_mode))
    return list_folder (path, files, error);
  if (!S_ISREG (s.st_mode))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: neither a file nor a folder", path);
      return FALSE;
    }
  g_ptr_array_add (files, g_strdup (path));
  return TRUE;
}

GPtrArray *
ut_files_list (const char *path, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  if (!fill (path, files, error))
    return NULL;
  for (unsigned i = 0; i < files->len; i++)
    if (!g_utf8_validate (files->pdata[i], -1, NULL))
      {
        g_autofree char *shown = g_filename_display_name (files->pdata[i]);
        g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: the file's name is not UTF-8; rename it", shown);
        return NULL;
      }
  g_ptr_array_sort (files, compare_paths);
  return g_steal_pointer (&files);
}

int
ut_files_temporary (GError **error)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "undertow", NULL);
  g_autofree char *name = g_build_filename (folder, "spool-XXXXXX", NULL);
  const int fd = g_mkdir_with_parents (folder, 0700) == 0 ? g_mkstemp_full (name, O_RDWR | O_CLOEXEC, 0600) : -1;
  if (fd < 0)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: cannot make a temporary file: %s", folder, g_strerror (errno));
  else
    unlink (name);
  return fd;
}
