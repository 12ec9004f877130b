#include <math.h>
#include <string.h>

#include "perturb/family.h"

UtImage *
ut_image_filled (int width, int height, UtColour colour, GError **error)
{
  UtImage *image = ut_image_new (width, height, error);
  if (image == NULL)
    return NULL;
  uint8_t *to = image->pixels;
  for (size_t i = 0, n = (size_t) width * (size_t) height; i < n; i++)
    {
      *to++ = colour.r;
      *to++ = colour.g;
      *to++ = colour.b;
    }
  return image;
}

void
ut_image_paste (UtImage *to, const UtImage *from, int x, int y)
{
  const int left = MAX (x, 0), right = MIN (x + from->width, to->width);
  const int top = MAX (y, 0), bottom = MIN (y + from->height, to->height);
  if (left >= right)
    return;
  for (int row = top; row < bottom; row++)
    memcpy (to->pixels + ((size_t) row * (size_t) to->width + (size_t) left) * 3,
            from->pixels + ((size_t) (row - y) * (size_t) from->width + (size_t) (left - x)) * 3, (size_t) (right - left) * 3);
}

/* `ink` 255ths of `above`, the rest of `below`, rounded. */
static uint8_t
blend (uint8_t below, uint8_t above, unsigned ink)
{
  const unsigned sum = below * (255 - ink) + above * ink + 128;
  return (uint8_t) ((sum + (sum >> 8)) >> 8);
}

void
ut_image_write (UtImage *image, const UtText *text, int pen_x, int pen_y, UtColour colour)
{
  const int left = pen_x + text->left, top = pen_y + text->top;
  for (int y = MAX (top, 0); y < MIN (top + text->height, image->height); y++)
    for (int x = MAX (left, 0); x < MIN (left + text->width, image->width); x++)
      {
        const unsigned ink = text->coverage[(size_t) (y - top) * (size_t) text->width + (size_t) (x - left)];
        uint8_t *to = image->pixels + ((size_t) y * (size_t) image->width + (size_t) x) * 3;
        to[0] = blend (to[0], colour.r, ink);
        to[1] = blend (to[1], colour.g, ink);
        to[2] = blend (to[2], colour.b, ink);
      }
}

UtImage *
ut_image_map (const UtImage *image, const uint8_t table[256], GError **error)
{
  UtImage *out = ut_image_new (image->width, image->height, error);
  if (out == NULL)
    return NULL;
  for (size_t i = 0, n = (size_t) image->width * (size_t) image->height * 3; i < n; i++)
    out->pixels[i] = table[image->pixels[i]];
  return out;
}

uint8_t
ut_level (double value)
{
  return (uint8_t) rint (CLAMP (value, 0.0, 255.0));
}
