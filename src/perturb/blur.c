/* A Gaussian blur with a standard deviation of σ pixels: the kernel exp (−x² / 2σ²) at whole x up to 4σ, over its sum, along the rows and
 * then the columns; the border's values go on outside. Rounded once, at the end. */
#include <math.h>

#include "base/elementary.h"
#include "perturb/family.h"

typedef struct {
  int radius;
  double *weights; /* [radius + 1], from the middle outwards; the sum of both sides is 1 */
} Kernel;

static Kernel
kernel_new (double sigma)
{
  const int radius = (int) (4.0 * sigma + 0.5);
  Kernel kernel = { radius, g_new (double, radius + 1) };
  double sum = 0.0;
  for (int x = radius; x >= 0; x--)
    {
      kernel.weights[x] = ut_exp (-0.5 * x * x / (sigma * sigma));
      sum += x == 0 ? kernel.weights[x] : 2.0 * kernel.weights[x];
    }
  for (int x = 0; x <= radius; x++)
    kernel.weights[x] /= sum;
  return kernel;
}

/* A line of `n` pixels, `step` values apart from each other: from `line` to `out`, which are not the same. */
static void
blur_line (const Kernel *kernel, const double *line, double *out, int n, size_t step)
{
  for (int i = 0; i < n; i++)
    for (size_t c = 0; c < 3; c++)
      {
        double sum = kernel->weights[0] * line[(size_t) i * step + c];
        for (int x = 1; x <= kernel->radius; x++)
          {
            const size_t before = (size_t) MAX (i - x, 0) * step + c, after = (size_t) MIN (i + x, n - 1) * step + c;
            sum += kernel->weights[x] * (line[before] + line[after]);
          }
        out[(size_t) i * step + c] = sum;
      }
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) subject, (void) seed;
  UtImage *out = ut_image_new (image->width, image->height, error);
  if (out == NULL)
    return NULL;
  const size_t stride = (size_t) image->width * 3, n = stride * (size_t) image->height;
  g_autofree double *values = g_new (double, n);
  g_autofree double *rows = g_new (double, n);
  for (size_t i = 0; i < n; i++)
    values[i] = image->pixels[i];
  const Kernel kernel = kernel_new (variant->param);
  for (int y = 0; y < image->height; y++)
    blur_line (&kernel, values + (size_t) y * stride, rows + (size_t) y * stride, image->width, 3);
  for (int x = 0; x < image->width; x++)
    blur_line (&kernel, rows + (size_t) x * 3, values + (size_t) x * 3, image->height, stride);
  g_free (kernel.weights);
  for (size_t i = 0; i < n; i++)
    out->pixels[i] = ut_level (values[i]);
  return out;
}

const UtFamily ut_blur = {
  .name = "blur",
  .summary = "Gaussian blur with a standard deviation of 0.5, 1, 2, 4, 8 pixels",
  .group = "photometric",
  .on_request = TRUE,
  .n_params = 5,
  .params = (const double[]) { 0.5, 1, 2, 4, 8 },
  .range = &(const UtRange) { "a standard deviation in pixels", 0.1, 100, FALSE },
  .name_variant = ut_name_number,
  .apply = apply,
  .place = ut_place_unmoved,
};
