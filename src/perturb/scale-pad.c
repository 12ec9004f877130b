/* The image at 0.9 of each side, as in `scale`, centred (offsets rounded down) on a canvas of its old size. The parameter is the
 * canvas: black or white. */
#include <math.h>

#include "perturb/family.h"

static constexpr double FACTOR = 0.9;
enum { BLACK, WHITE };

static char *
name_variant (const UtVariant *variant)
{
  return g_strconcat (variant->family->name, variant->param == WHITE ? "-white" : "-black", NULL);
}

static int
scaled (int side)
{
  return (int) rint (FACTOR * side);
}

/* Of the small image on the canvas. */
static int
offset (int side)
{
  return (side - scaled (side)) / 2;
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  g_autoptr (UtImage) small = ut_image_resize (image, scaled (image->width), scaled (image->height), error);
  if (small == NULL)
    return NULL;
  UtImage *out = ut_image_filled (image->width, image->height, variant->param == WHITE ? UT_WHITE : UT_BLACK, error);
  if (out != NULL)
    ut_image_paste (out, small, offset (image->width), offset (image->height));
  return out;
}

static gboolean
place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out, GError **error)
{
  (void) variant, (void) subject, (void) seed, (void) error;
  *out = ut_geometry_moved (width, height, (double) scaled (width) / width, (double) scaled (height) / height, offset (width),
                            offset (height));
  return TRUE;
}

const UtFamily ut_scale_pad = {
  .name = "scale_pad",
  .summary = "0.9 of each side, centred on a black or white canvas of the old size",
  .core = TRUE,
  .n_params = 2,
  .params = (const double[]) { BLACK, WHITE },
  .name_variant = name_variant,
  .apply = apply,
  .place = place,
};
