/* What -hf takes: user/repo[:quant]. */
#pragma once
#include <glib.h>

typedef struct {
  char *repo;  /* user/repo: safe in a path and in a URL, and no other repository's once "/" is "--" */
  char *quant; /* NULL where none was typed */
} UtHubName;

/* UT_ERROR_USAGE where it is not of that form. */
gboolean ut_hub_name_parse (const char *typed, UtHubName *out, GError **error);

void ut_hub_name_clear (UtHubName *name);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtHubName, ut_hub_name_clear)
