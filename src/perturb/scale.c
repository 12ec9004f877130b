/* A bicubic resize to round (0.9 w) × round (0.9 h), half to even; the size is not restored. */
#include <math.h>

#include "perturb/family.h"

static int
scaled (const UtVariant *variant, int side)
{
  return (int) rint (variant->param * side);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  return ut_image_resize (image, scaled (variant, image->width), scaled (variant, image->height), error);
}

static gboolean
place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out, GError **error)
{
  (void) subject, (void) seed, (void) error;
  const int w = scaled (variant, width), h = scaled (variant, height);
  *out = ut_geometry_moved (w, h, (double) w / width, (double) h / height, 0, 0);
  return TRUE;
}

const UtFamily ut_scale = {
  .name = "scale",
  .summary = "bicubic resize to 0.9 of each side",
  .core = TRUE,
  .n_params = 1,
  .params = (const double[]) { 0.9 },
  .range = &(const UtRange) { "a factor", 0.1, 4, FALSE },
  .n_ladder = 4,
  .ladder = (const double[]) { 0.7, 0.8, 0.9, 0.95 },
  .name_variant = ut_name_number,
  .apply = apply,
  .place = place,
};
