#include "base/names.h"

#include <glib.h>
#include <string.h>

/* Levenshtein's distance between two byte strings, two neighbours exchanged counting as one edit. */
static size_t
edit_distance (const char *a, const char *b)
{
  const size_t m = strlen (a), n = strlen (b), width = n + 1;
  g_autofree size_t *d = g_new (size_t, (m + 1) * width); /* [m + 1, n + 1]: of the prefixes */
  for (size_t j = 0; j <= n; j++)
    d[j] = j;
  for (size_t i = 1; i <= m; i++)
    {
      d[i * width] = i;
      for (size_t j = 1; j <= n; j++)
        {
          const size_t substitute = d[(i - 1) * width + j - 1] + (a[i - 1] != b[j - 1]);
          size_t best = MIN (substitute, MIN (d[(i - 1) * width + j], d[i * width + j - 1]) + 1);
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            best = MIN (best, d[(i - 2) * width + j - 2] + 1);
          d[i * width + j] = best;
        }
    }
  return d[m * width + n];
}

const char *
ut_names_nearest (const char *typed, const char *const *known)
{
  const char *nearest = NULL;
  size_t best = MAX (strlen (typed) / 3, 1) + 1;
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
