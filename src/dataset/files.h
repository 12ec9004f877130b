/* The files a benchmark is made of. */
#pragma once
#include <glib.h>

/* What `path` names, in byte order: itself where it is a file, a folder's data files (by their endings, hidden ones left out), or what
 * matches it as a glob. A path that exists is never taken for a glob. GPtrArray of char *, never empty; regular files only. */
GPtrArray *ut_files_list (const char *path, GError **error);

/* A file without a name, for reading and writing, on the disk (the folder for temporary files is often in memory). -1 with an
 * error. */
int ut_files_temporary (GError **error);
