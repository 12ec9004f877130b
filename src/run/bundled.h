/* Models that come with Undertow. */
#pragma once
#include <glib.h>

#define UT_BUNDLED_PREFIX "bundled:"

/* Names, the smallest model first, NULL-terminated. */
extern const char *const ut_bundled_models[];

/* The files of bundled:NAME; the caller frees both. UT_ERROR_USAGE for an unknown name, UT_ERROR_FAILED where they are not installed. */
gboolean ut_bundled_model (const char *name, char **out_model, char **out_mmproj, GError **error);
