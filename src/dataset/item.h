/* Items while they are being read: making, filling, freeing. For src/dataset alone. */
#pragma once
#include "dataset/dataset.h"
#include "dataset/images.h"
#include "db/db.h"

/* A row that was read: an item, or the reason why it is left out. */
typedef struct {
  UtItem *item;   /* NULL where it is left out */
  GArray *images; /* unsigned, of UtImages; owned */
  char *skipped;  /* the reason; owned */
} UtRow;

void ut_item_free (UtItem *item);
void ut_row_clear (UtRow *row);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtRow, ut_row_clear)

/* Reads the cursor's row, of the common item columns (see table.sql). `folder` is what its image names are relative to. A missing or
 * unusable image leaves the row out; a question, option or answer that will not do is an error naming the field. */
gboolean ut_row_read (UtDbCursor *cursor, UtImages *images, const char *folder, UtRow *out_row, GError **error);
