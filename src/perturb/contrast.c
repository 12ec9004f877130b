/* The distance of every value from the image's mean luma (ITU-R 601-2, rounded) times a factor, cut at black and white; the fraction
 * dropped. The bits are those of Pillow's ImageEnhance.Contrast. */
#include "perturb/family.h"

/* The luma of an image, the mean of its pixels' rounded ones, rounded. */
static int
mean_luma (const UtImage *image)
{
  const size_t n = (size_t) image->width * (size_t) image->height;
  uint64_t sum = 0;
  for (size_t i = 0; i < n; i++)
    {
      const uint8_t *p = image->pixels + 3 * i;
      sum += (p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16; /* .299, .587, .114 of 65536 */
    }
  return (int) ((double) sum / (double) n + 0.5);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  const int mean = mean_luma (image);
  uint8_t table[256];
  for (int i = 0; i < 256; i++)
    table[i] = (uint8_t) CLAMP ((float) mean + (float) variant->param * (float) (i - mean), 0.0f, 255.0f);
  return ut_image_map (image, table, error);
}

const UtFamily ut_contrast = {
  .name = "contrast",
  .summary = "every value's distance from the mean luma times 0.5, 0.75, 1.25, 1.5",
  .group = "photometric",
  .on_request = TRUE,
  .n_params = 4,
  .params = (const double[]) { 0.5, 0.75, 1.25, 1.5 },
  .range = &(const UtRange) { "a factor", 0, 10, FALSE },
  .name_variant = ut_name_number,
  .apply = apply,
  .place = ut_place_unmoved,
};
