/* Items while they are being read: making, filling, freeing. For src/dataset alone. */
#pragma once
#include "dataset/dataset.h"
#include "dataset/images.h"
#include "db/db.h"

/* A row that was read: an item, or why it is none. */
typedef struct {
  UtItem *item;    /* NULL where `skipped` or `fault` is set */
  GArray *images;  /* unsigned, of UtImages; NULL where they are another row's, or will not do */
  char *image_key; /* what other rows of the file call this row's images by; NULL where they cannot */
  char *image_of;  /* the key of the row whose images are this row's too; the item is not settled yet */
  char *skipped;   /* why it is left out though nothing is wrong with its text: a missing image, an open question */
  char *fault;     /* what is wrong with its text: "field answer: …" */
} UtRow;

void ut_item_free (UtItem *item);
void ut_row_clear (UtRow *row);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtRow, ut_row_clear)

/* Reads the cursor's row. Its columns are the common ones, each optional but `question`:
 *
 *   id, image_id, category, hint, question   VARCHAR
 *   options       VARCHAR[]; a list of one text may be the text of a Python list. NULL for a yes/no question
 *   labels        VARCHAR[], as many; NULL for A, B, …
 *   answer, answer_letter, answer_index, answer_text   VARCHAR: one of them; `answer` is a label or the text of an option
 *   images        VARCHAR[] of file names or base64; a list of one text may be the text of a Python list
 *   image_bytes   BLOB[], which goes before `images` where it has the k-th
 *   image_key, image_of   VARCHAR: see UtRow
 *   skip          VARCHAR: why the row is to be left out; NULL where it is not
 *
 * `folders` is where its image names are looked for. FALSE only where the disk fails. */
gboolean ut_row_read (UtDbCursor *cursor, const UtFormat *format, UtImages *images, const char *const *folders, UtRow *out_row,
                      GError **error);

/* Gives an item its images, and finds out what its texts say of them. FALSE with the reason, which the caller owns, where its text names one that it does not have. */
gboolean ut_row_settle (UtItem *item, UtImages *images, const GArray *list, char **out_reason);

/* Adds the image that a text names or holds. FALSE without an error, with the reason, where it will not do; with an error where the
 * disk fails. */
gboolean ut_row_add_image (UtImages *images, const char *const *folders, const char *text, size_t n, unsigned *out_image,
                           char **out_reason, GError **error);
