/* Folders that results go into. */
#pragma once
#include <glib.h>

/* Makes the folder and those above it where they are missing. UT_ERROR_FAILED, naming it, where that cannot be done. */
gboolean ut_folder_make (const char *folder, GError **error);
