/* A grey square over 10, 20, 30 % of the area, somewhere: what is lost when a part of the image cannot be seen. The place is drawn once
 * an image, so that severities differ in size alone. */
#include <math.h>

#include "base/rng.h"
#include "perturb/family.h"

typedef struct {
  int left, top, width, height;
} Square;

/* Where the square would not fit, a bar of the same area across the image. */
static Square
find_square (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed)
{
  const double area = variant->param / 100.0 * width * height;
  const int side = (int) rint (sqrt (area));
  Square square = { .width = side, .height = side };
  if (side > width)
    square = (Square) { .width = width, .height = (int) rint (area / width) };
  else if (side > height)
    square = (Square) { .width = (int) rint (area / height), .height = height };

  UtRng rng = ut_rng_init (seed, subject->image_name, variant->family->name, 0);
  square.left = (int) (ut_rng_uniform (&rng) * (width - square.width + 1));
  square.top = (int) (ut_rng_uniform (&rng) * (height - square.height + 1));
  return square;
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  const Square square = find_square (variant, image->width, image->height, subject, seed);
  if (square.width == 0 || square.height == 0)
    return ut_image_ref (image);
  g_autoptr (UtImage) cover = ut_image_filled (square.width, square.height, UT_GREY, error);
  UtImage *out = cover == NULL ? NULL : ut_image_new (image->width, image->height, error);
  if (out == NULL)
    return NULL;
  ut_image_paste (out, image, 0, 0);
  ut_image_paste (out, cover, square.left, square.top);
  return out;
}

static gboolean
place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out, GError **error)
{
  (void) error;
  const Square square = find_square (variant, width, height, subject, seed);
  *out = ut_geometry_moved (width, height, 1, 1, 0, 0);
  out->covered.left = square.left;
  out->covered.top = square.top;
  out->covered.right = square.left + square.width;
  out->covered.bottom = square.top + square.height;
  return TRUE;
}

const UtFamily ut_occlusion = {
  .name = "occlusion",
  .summary = "a grey square of 10, 20, 30 % of the area, at a place drawn for each image",
  .on_request = TRUE,
  .by_name = TRUE,
  .n_params = 3,
  .params = (const double[]) { 10, 20, 30 },
  .range = &(const UtRange) { "a percentage of the area", 1, 100, FALSE },
  .name_variant = ut_name_number,
  .apply = apply,
  .place = place,
};
