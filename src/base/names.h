/* Names the user may type: what is known, and the nearest to a misspelt one. */
#pragma once
#include <stddef.h>

/* The known name nearest to `typed` (edit distance at most a third of its length, at least 1; two neighbours exchanged are one edit), or NULL when none is near. `known`
 * is NULL-terminated; the result is one of its pointers. */
const char *ut_names_nearest (const char *typed, const char *const *known);
