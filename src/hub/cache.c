#include "hub/cache.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/folder.h"

constexpr gsize N_COMMIT = 40;

static char *
cache_root (void)
{
  static const struct {
    const char *variable, *below;
  } places[] = {
    { "LLAMA_CACHE", "" },
    { "HF_HUB_CACHE", "" },
    { "HUGGINGFACE_HUB_CACHE", "" },
    { "HF_HOME", "hub" },
    { "XDG_CACHE_HOME", "huggingface/hub" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    {
      const char *value = g_getenv (places[i].variable);
      if (value != NULL && *value != '\0')
        return g_build_filename (value, places[i].below, NULL);
    }
  return g_build_filename (g_get_home_dir (), ".cache", "huggingface", "hub", NULL);
}

char *
ut_hub_cache_folder (const char *repo)
{
  g_autofree char *root = cache_root ();
  g_auto (GStrv) names = g_strsplit (repo, "/", -1);
  g_autofree char *joined = g_strjoinv ("--", names);
  g_autofree char *name = g_strconcat ("models--", joined, NULL);
  return g_build_filename (root, name, NULL);
}

char *
ut_hub_cache_path (const char *folder, const char *commit, const UtHubFile *file)
{
  return g_build_filename (folder, "snapshots", commit, file->path, NULL);
}

char *
ut_hub_cache_blob (const char *folder, const char *commit, const UtHubFile *file)
{
  return file->hash != NULL ? g_build_filename (folder, "blobs", file->hash, NULL) : ut_hub_cache_path (folder, commit, file);
}

static gboolean
has (const char *path, gint64 size)
{
  GStatBuf status;
  return g_stat (path, &status) == 0 && S_ISREG (status.st_mode) && (size < 0 || status.st_size == size);
}

gboolean
ut_hub_cache_has (const char *folder, const char *commit, const UtHubFile *file)
{
  g_autofree char *path = ut_hub_cache_path (folder, commit, file);
  return has (path, file->size);
}

static gboolean
make_parent (const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  return ut_folder_make (parent, error);
}

/* "../../blobs/HASH", from the folder that the file is found in. */
static char *
link_target (const UtHubFile *file)
{
  GString *target = g_string_new ("../../blobs/");
  for (const char *p = file->path; *p != '\0'; p++)
    if (*p == '/')
      g_string_prepend (target, "../");
  g_string_append (target, file->hash);
  return g_string_free (target, FALSE);
}

gboolean
ut_hub_cache_link (const char *folder, const char *commit, const UtHubFile *file, GError **error)
{
  g_autofree char *path = ut_hub_cache_path (folder, commit, file);
  if (file->hash == NULL || has (path, file->size))
    return TRUE;
  if (!make_parent (path, error))
    return FALSE;
  g_autofree char *target = link_target (file);
  /* What lies there is of another length, or leads nowhere. Another process may be as far as this one. */
  g_unlink (path);
  if (symlink (target, path) == 0 || (errno == EEXIST && has (path, file->size)))
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: cannot be made a link to %s: %s", path, target, g_strerror (errno));
  return FALSE;
}

/* The commit noted in the file; NULL where there is none. */
static char *
read_branch (const char *refs, const char *name)
{
  g_autofree char *path = g_build_filename (refs, name, NULL);
  g_autofree char *commit = NULL;
  if (!g_file_get_contents (path, &commit, NULL, NULL))
    return NULL;
  g_strchomp (commit);
  return ut_hub_is_hexadecimal (commit, N_COMMIT) ? g_steal_pointer (&commit) : NULL;
}

gboolean
ut_hub_cache_set_branch (const char *folder, const char *branch, const char *commit, GError **error)
{
  g_autofree char *refs = g_build_filename (folder, "refs", NULL);
  g_autofree char *path = g_build_filename (refs, branch, NULL);
  g_autofree char *noted = read_branch (refs, branch);
  g_autoptr (GError) reason = NULL;
  if (g_strcmp0 (noted, commit) == 0) /* what is here already may lie where nothing can be written */
    return TRUE;
  if (!make_parent (path, error))
    return FALSE;
  if (!g_file_set_contents (path, commit, -1, &reason))
    g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, reason->message);
  return reason == NULL;
}

static char *
read_commit (const char *folder)
{
  g_autofree char *refs = g_build_filename (folder, "refs", NULL);
  char *commit = read_branch (refs, "main");
  g_autoptr (GDir) dir = commit == NULL ? g_dir_open (refs, 0, NULL) : NULL;
  for (const char *name; commit == NULL && dir != NULL && (name = g_dir_read_name (dir)) != NULL;)
    commit = read_branch (refs, name);
  return commit;
}

/* Adds what lies at `path` in the snapshot, NULL for all of it. Links lead to files; one to a folder is none of the cache's. */
static void
add_files (const char *snapshot, const char *path, GPtrArray *files)
{
  g_autofree char *full = g_build_filename (snapshot, path, NULL);
  GStatBuf status;
  if (g_stat (full, &status) != 0)
    return;
  if (S_ISREG (status.st_mode))
    g_ptr_array_add (files, ut_hub_file_new (path, status.st_size, NULL));
  const gboolean is_folder = S_ISDIR (status.st_mode) && !g_file_test (full, G_FILE_TEST_IS_SYMLINK);
  g_autoptr (GDir) dir = is_folder ? g_dir_open (full, 0, NULL) : NULL;
  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *below = path != NULL ? g_build_filename (path, name, NULL) : g_strdup (name);
      add_files (snapshot, below, files);
    }
}

static int
compare_paths (const void *a, const void *b)
{
  const UtHubFile *const *x = a, *const *y = b;
  return strcmp ((*x)->path, (*y)->path);
}

GPtrArray *
ut_hub_cache_list (const char *folder, char **out_commit)
{
  g_autofree char *commit = read_commit (folder);
  if (commit == NULL)
    return NULL;
  g_autofree char *snapshot = g_build_filename (folder, "snapshots", commit, NULL);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_hub_file_free);
  add_files (snapshot, NULL, files);
  if (files->len == 0)
    return NULL;
  g_ptr_array_sort (files, compare_paths);
  *out_commit = g_steal_pointer (&commit);
  return g_steal_pointer (&files);
}
