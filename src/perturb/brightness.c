/* Every value times a factor, cut at white; the fraction dropped. The bits are those of Pillow's ImageEnhance.Brightness. */
#include "perturb/family.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  uint8_t table[256];
  for (int i = 0; i < 256; i++)
    table[i] = (uint8_t) MIN ((float) variant->param * (float) i, 255.0f);
  return ut_image_map (image, table, error);
}

const UtFamily ut_brightness = {
  .name = "brightness",
  .summary = "every value times 0.5, 0.75, 1.25, 1.5, cut at white",
  .group = "photometric",
  .on_request = TRUE,
  .n_params = 4,
  .params = (const double[]) { 0.5, 0.75, 1.25, 1.5 },
  .range = &(const UtRange) { "a factor", 0, 10, FALSE },
  .name_variant = ut_name_number,
  .apply = apply,
  .place = ut_place_unmoved,
};
