/* Models that come with Undertow. */
#pragma once
#include <glib.h>

#define UT_BUNDLED_PREFIX "bundled:"

typedef struct {
  const char *name; /* as -m has it: "bundled:small" */
  const char *summary;
  const char *model, *mmproj; /* the files' names */
  gboolean quantised;         /* a model of another row with coarser weights */
} UtBundledModel;

/* The smallest model first, quantised ones after all others; terminated by a row whose name is NULL. */
extern const UtBundledModel ut_bundled_models[];

/* The files of the model of that name; the caller frees both. UT_ERROR_USAGE for an unknown name, UT_ERROR_FAILED where they are not
 * installed. */
gboolean ut_bundled_model (const char *name, char **out_model, char **out_mmproj, GError **error);
