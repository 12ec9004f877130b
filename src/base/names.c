#include "base/names.h"

#include <glib.h>
#include <string.h>

/* Levenshtein's distance between two byte strings. */
static size_t
edit_distance (const char *a, const char *b)
{
  const size_t n = strlen (b);
  g_autofree size_t *row = g_new (size_t, n + 1);
  for (size_t j = 0; j <= n; j++)
    row[j] = j;
  for (size_t i = 1; a[i - 1] != '\0'; i++)
    {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= n; j++)
        {
          const size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
          diagonal = row[j];
          row[j] = MIN (substitute, MIN (row[j], row[j - 1]) + 1);
        }
    }
  return row[n];
}

const char *
ut_names_nearest (const char *typed, const char *const *known)
{
  const char *nearest = NULL;
  size_t best = MAX ((strlen (typed) + 2) / 3, 1) + 1;
  for (; *known != NULL; known++)
    {
      const size_t d = edit_distance (typed, *known);
      if (d < best)
        {
          best = d;
          nearest = *known;
        }
    }
  return nearest;
}
