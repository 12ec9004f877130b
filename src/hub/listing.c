#include "hub/listing.h"

#include <string.h>
#include <yyjson.h>

#include "base/error.h"

constexpr gsize MAX_PATH = 1024;
constexpr gsize MAX_NAME = 255; /* Linux' NAME_MAX */
constexpr gsize N_SHA1 = 40;    /* hexadecimal digits */
constexpr gsize N_SHA256 = 64;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (yyjson_doc, yyjson_doc_free)

UtHubFile *
ut_hub_file_new (const char *path, gint64 size, const char *hash)
{
  UtHubFile *file = g_new (UtHubFile, 1);
  *file = (UtHubFile) { g_strdup (path), size, hash != NULL ? g_ascii_strdown (hash, -1) : NULL };
  return file;
}

void
ut_hub_file_free (UtHubFile *file)
{
  g_free (file->path);
  g_free (file->hash);
  g_free (file);
}

static gboolean
has_controls (const char *text)
{
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return TRUE;
  return FALSE;
}

gboolean
ut_hub_path_is_safe (const char *path, gsize n)
{
  if (n == 0 || n > MAX_PATH || !g_utf8_validate_len (path, n, NULL) || has_controls (path))
    return FALSE;
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  for (char **name = names; *name != NULL; name++)
    if (**name == '\0' || strlen (*name) > MAX_NAME || g_str_equal (*name, ".") || g_str_equal (*name, ".."))
      return FALSE;
  return TRUE;
}

gboolean
ut_hub_is_hexadecimal (const char *text, gsize n)
{
  gsize digits = 0;
  while (g_ascii_isxdigit (text[digits]))
    digits++;
  return digits == n && text[n] == '\0';
}

/* The string at `key`; NULL where there is none. */
static const char *
get_string (yyjson_val *object, const char *key)
{
  return yyjson_get_str (yyjson_obj_get (object, key));
}

/* The string at `key` where it is a safe path. */
static const char *
get_path (yyjson_val *object, const char *key)
{
  yyjson_val *value = yyjson_obj_get (object, key);
  const char *path = yyjson_get_str (value);
  return path != NULL && ut_hub_path_is_safe (path, yyjson_get_len (value)) ? path : NULL;
}

static gboolean
fail (GError **error)
{
  g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, "the hub's answer is not of the form that was expected");
  return FALSE;
}

gboolean
ut_hub_parse_refs (const char *json, gsize n, char **out_branch, char **out_commit, GError **error)
{
  g_autoptr (yyjson_doc) doc = yyjson_read (json, n, 0);
  yyjson_val *branches = yyjson_obj_get (yyjson_doc_get_root (doc), "branches"), *row;
  if (!yyjson_is_arr (branches))
    return fail (error);
  const char *branch = NULL, *commit = NULL;
  size_t i, n_rows;
  yyjson_arr_foreach (branches, i, n_rows, row)
  {
    const char *name = get_path (row, "name"), *target = get_string (row, "targetCommit");
    if (name == NULL || target == NULL || !ut_hub_is_hexadecimal (target, N_SHA1))
      continue;
    const gboolean is_main = g_str_equal (name, "main");
    if (branch == NULL || is_main)
      {
        branch = name;
        commit = target;
      }
    if (is_main)
      break;
  }
  if (branch == NULL)
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, "the repository has no branch");
      return FALSE;
    }
  *out_branch = g_strdup (branch);
  *out_commit = g_strdup (commit);
  return TRUE;
}

/* A large file's hash and size are those of what is stored for it (LFS), not those of the pointer that git holds. */
static void
add_file (yyjson_val *row, GPtrArray *files)
{
  const char *path = get_path (row, "path");
  if (path == NULL || g_strcmp0 (get_string (row, "type"), "file") != 0)
    return;
  yyjson_val *large = yyjson_obj_get (row, "lfs");
  const gboolean is_large = yyjson_is_obj (large);
  const char *hash = get_string (is_large ? large : row, "oid");
  if (hash != NULL && !ut_hub_is_hexadecimal (hash, is_large ? N_SHA256 : N_SHA1))
    return;
  yyjson_val *size = yyjson_obj_get (row, "size");
  const gboolean sized
      = yyjson_is_int (size) && (!yyjson_is_uint (size) || yyjson_get_uint (size) <= G_MAXINT64) && yyjson_get_sint (size) >= 0;
  if (!is_large && !sized)
    hash = NULL; /* git hashes the size as well */
  g_ptr_array_add (files, ut_hub_file_new (path, sized ? yyjson_get_sint (size) : -1, hash));
}

gboolean
ut_hub_parse_tree (const char *json, gsize n, GPtrArray *files, GError **error)
{
  g_autoptr (yyjson_doc) doc = yyjson_read (json, n, 0);
  yyjson_val *root = yyjson_doc_get_root (doc), *row;
  if (!yyjson_is_arr (root))
    return fail (error);
  size_t i, n_rows;
  yyjson_arr_foreach (root, i, n_rows, row) add_file (row, files);
  return TRUE;
}
