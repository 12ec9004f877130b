/* How far a perturbed image is from the clean one, pixel by pixel (method.md §2). The sums are whole numbers, exact in any order. */
#include <math.h>
#include <stdlib.h>

#include "base/elementary.h"
#include "metric/metric.h"

typedef struct {
  uint64_t squares, touched, pixels;
  int largest;
} Sums;

static void
add_image (Sums *sums, const UtImage *clean, const UtImage *perturbed)
{
  const size_t n = (size_t) clean->width * (size_t) clean->height;
  for (size_t i = 0; i < n; i++)
    {
      int largest = 0;
      for (size_t c = 0; c < 3; c++)
        {
          const int change = abs (perturbed->pixels[3 * i + c] - clean->pixels[3 * i + c]);
          sums->squares += (uint64_t) (change * change);
          largest = change > largest ? change : largest;
        }
      sums->touched += largest > 0;
      sums->largest = largest > sums->largest ? largest : sums->largest;
    }
  sums->pixels += n;
}

UtPixelChange
ut_pixel_change (const UtImage *const *clean, const UtImage *const *perturbed, size_t n)
{
  Sums sums = { 0 };
  gboolean comparable = n > 0;
  for (size_t k = 0; comparable && k < n; k++)
    {
      comparable = clean[k]->width == perturbed[k]->width && clean[k]->height == perturbed[k]->height;
      if (comparable)
        add_image (&sums, clean[k], perturbed[k]);
    }
  if (!comparable)
    return (UtPixelChange) { NAN, NAN, NAN };
  const double n_pixels = (double) sums.pixels, n_values = 3.0 * n_pixels, squares = (double) sums.squares;
  return (UtPixelChange) {
    .psnr = sums.squares == 0 ? INFINITY : 10.0 * ut_log (255.0 * 255.0 * n_values / squares) / G_LN10,
    .linf = sums.largest,
    .touched = (double) sums.touched / n_pixels,
  };
}
