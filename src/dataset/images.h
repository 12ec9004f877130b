/* Where the images of a benchmark lie: files of the user's, or bytes that came with the rows and wait in a temporary file. None is
 * held in memory. */
#pragma once
#include <glib.h>

#include "image/image.h"

typedef struct _UtImages UtImages;

UtImages *ut_images_new (void);
void ut_images_free (UtImages *images);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtImages, ut_images_free)

/* An image file by its name in a data file, in the first of `folders` (NULL-terminated, one or more) that has it. It must be a
 * regular, readable file below that folder, so that a data file cannot name what the user did not (a symbolic link below a folder is
 * the user's own and is followed). FALSE with the reason, which the caller owns, where it will not do. */
gboolean ut_images_add_file (UtImages *images, const char *const *folders, const char *name, unsigned *out_image, char **out_reason);

/* An image that came as text: base64, with or without "data:image/…;base64,". The same bytes give the same image. FALSE without an
 * error, with the reason, for bad base64; FALSE with an error where the disk fails. */
gboolean ut_images_add_base64 (UtImages *images, const char *text, size_t n, unsigned *out_image, char **out_reason, GError **error);
gboolean ut_images_add_bytes (UtImages *images, const void *bytes, size_t n_bytes, unsigned *out_image, GError **error);

/* Whether a text is base64 and not the name of a file: it begins with "data:image/", or is longer than 64 characters, all of them
 * base64's or white space (a file of this length without a dot in its name is none that anyone has). */
gboolean ut_images_is_base64 (const char *text, size_t n);

/* The name of a file, or of bytes "sha256:" and 16 digits. Borrowed. */
const char *ut_images_id (UtImages *images, unsigned image);

/* Reads and decodes. */
UtImage *ut_images_load (UtImages *images, unsigned image, GError **error);
