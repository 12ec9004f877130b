/* A bicubic resize to round (0.9 w) × round (0.9 h), half to even; the size is not restored. */
#include <math.h>

#include "perturb/family.h"

static char *
name_variant (const UtVariant *variant)
{
  char factor[G_ASCII_DTOSTR_BUF_SIZE]; /* printf would write a comma in some locales */
  return g_strconcat (variant->family->name, g_ascii_formatd (factor, sizeof factor, "%g", variant->param), NULL);
}

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
place (const UtVariant *variant, int width, int height, const UtSubject *subject, UtGeometry *out, GError **error)
{
  (void) subject, (void) error;
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
  .name_variant = name_variant,
  .apply = apply,
  .place = place,
};
