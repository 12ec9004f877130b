/* A line of text in DejaVu Sans, the overlays' font: its length, and its coverage of pixels. The bits are those of Pillow's
 * ImageDraw.text with its default layout: HarfBuzz positions, each rounded to a whole pixel, FreeType's hinted grey glyphs. */
#pragma once
#include <glib.h>
#include <stdint.h>

/* How much of each pixel is ink, 0..255, over the text's bounding box (the pen's way and the baseline included). */
typedef struct {
  int left, top; /* of the box, in pixels from the pen's start on the baseline; y downwards */
  int width, height;
  uint8_t *coverage; /* [height, width] */
} UtText;

/* `size` is the em in pixels, Pillow's truetype size. */
UtText *ut_text_render (const char *text, int size, GError **error);
void ut_text_free (UtText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtText, ut_text_free)

/* How far the pen moves over `text`, in the font's own units: which of two texts is longer does not depend on a size. -1 on error. */
int64_t ut_text_length (const char *text, GError **error);
