/* A contact sheet: many images small beside each other, each with its name and size under it. */
#pragma once
#include "image/image.h"

typedef struct {
  const char *group; /* tiles of one group stand in one row where they fit; equal strings are one group */
  const char *name;
  const char *note; /* stands after the size; may be NULL */
  UtImage *image;
} UtTile;

/* All tiles in one scale, so that sizes can be compared by eye. `title`: NULL-terminated lines beside the first tile, which stands alone in
 * its row. */
UtImage *ut_sheet_draw (const char *const *title, const UtTile *tiles, unsigned n_tiles, GError **error);
