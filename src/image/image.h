/* An image in memory: RGB, 8 bits a channel, rows without padding. Immutable once made; shared by reference. */
#pragma once
#include <glib.h>
#include <stdint.h>

typedef struct {
  int width, height;
  uint8_t pixels[]; /* [height, width, 3] */
} UtImage;

/* The longest side any image is limited to before anything else is done with it, in pixels (method.md §1). */
constexpr int UT_IMAGE_LONGEST_SIDE = 1024;

/* A new image with undefined pixels, or an error where the size is not positive or overflows. */
UtImage *ut_image_new (int width, int height, GError **error);
UtImage *ut_image_ref (UtImage *image);
void ut_image_unref (UtImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtImage, ut_image_unref)

/* Decodes JPEG, PNG, WebP, GIF (first frame), BMP, TIFF or AVIF from memory: EXIF orientation applied, alpha flattened on white,
 * converted to 8-bit sRGB, and limited to UT_IMAGE_LONGEST_SIDE (bicubic, aspect kept). `name` stands in error messages only.
 * NULL with an error for anything that is not wholly a readable image. */
UtImage *ut_image_decode (const void *bytes, size_t n_bytes, const char *name, GError **error);

/* The image at another size, bicubic, antialiased when reducing; the same bits as Pillow's. A new reference, to `image` itself where
 * the size is its own. */
UtImage *ut_image_resize (UtImage *image, int width, int height, GError **error);

/* The image as the bytes of a PNG; and written as one. */
GBytes *ut_image_encode_png (const UtImage *image, GError **error);
gboolean ut_image_write_png (const UtImage *image, const char *path, GError **error);

/* The image as the bytes of a lossy WebP of this quality, 1 to 100: for people to look at. */
GBytes *ut_image_encode_webp (const UtImage *image, int quality, GError **error);

/* The image as it comes back from a JPEG file of this quality, 1 to 100, its colours at half the resolution (4:2:0); a new reference. */
UtImage *ut_image_through_jpeg (const UtImage *image, int quality, GError **error);
