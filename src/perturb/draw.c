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
