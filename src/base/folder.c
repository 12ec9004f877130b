#include "base/folder.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "base/error.h"

gboolean
ut_folder_make (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the folder %s cannot be made: %s", folder, g_strerror (errno));
  return FALSE;
}
