/* What the hub says a repository holds. Nothing it sends is trusted: names that could lead out of a folder, and hashes that are none,
 * are left out. */
#pragma once
#include <glib.h>

typedef struct {
  char *path;  /* in the repository: safe to append to a folder's */
  gint64 size; /* bytes; -1 where it is not known */
  char *
      hash; /* lower-case hexadecimal: 64 digits, the SHA-256 of the content, or 40, its hash as a blob of git; NULL where it is not known */
} UtHubFile;

UtHubFile *ut_hub_file_new (const char *path, gint64 size, const char *hash);
void ut_hub_file_free (UtHubFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtHubFile, ut_hub_file_free)

/* Whether it stays below the folder it is appended to, whatever lies there: of parts that are names, none "." or "..", no longer than a
 * file system takes, valid UTF-8 without control characters. */
gboolean ut_hub_path_is_safe (const char *path, gsize n);

/* Whether `text` is of n hexadecimal digits. */
gboolean ut_hub_is_hexadecimal (const char *text, gsize n);

/* The answer of …/refs: the commit (40 hexadecimal digits) that the branch "main", or the first branch without one, is at. The caller
 * owns both. UT_ERROR_FAILED where there is none; the message is to follow the repository's name. */
gboolean ut_hub_parse_refs (const char *json, gsize n, char **out_branch, char **out_commit, GError **error);

/* Adds the files of an answer of …/tree to `files` (UtHubFile *, owned by the array). Errors as above. */
gboolean ut_hub_parse_tree (const char *json, gsize n, GPtrArray *files, GError **error);
