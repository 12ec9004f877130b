/* A bicubic resize to round (0.9 w) × round (0.9 h), half to even; the size is not restored. */
#include <math.h>

#include "perturb/family.h"

static char *
name_variant (const UtVariant *variant)
{
  char factor[G_ASCII_DTOSTR_BUF_SIZE]; /* printf would write a comma in some locales */
  return g_strconcat (variant->family->name, g_ascii_formatd (factor, sizeof factor, "%g", variant->param), NULL);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  return ut_image_resize (image, (int) rint (variant->param * image->width), (int) rint (variant->param * image->height), error);
}

const UtFamily ut_scale = {
  .name = "scale",
  .summary = "bicubic resize to 0.9 of each side",
  .core = TRUE,
  .n_params = 1,
  .params = (const double[]) { 0.9 },
  .name_variant = name_variant,
  .apply = apply,
};
