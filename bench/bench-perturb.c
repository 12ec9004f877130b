/* bench-perturb [WIDTH HEIGHT]: milliseconds a variant takes, by family, and a photograph's way in (PNG, size limit). The least of
 * several runs, one thread. */
#include <stdlib.h>

#include "perturb/perturb.h"

static constexpr int64_t BUDGET_US = 300 * 1000; /* for each family */

static UtImage *
bench_image (int width, int height)
{
  UtImage *image = ut_image_new (width, height, NULL);
  uint8_t *to = image->pixels;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < 3; c++)
        *to++ = (uint8_t) (x * x * 3 + y * 7 + x * y + c * 85);
  return image;
}

typedef void (*Work) (void *data);

/* The shortest of the runs that fit in the budget. */
static double
least_ms (Work work, void *data)
{
  const int64_t begin = g_get_monotonic_time ();
  int64_t least = G_MAXINT64, now = begin;
  while (now - begin < BUDGET_US)
    {
      work (data);
      const int64_t then = now;
      now = g_get_monotonic_time ();
      least = MIN (least, now - then);
    }
  return (double) least / 1000.0;
}

typedef struct {
  const GPtrArray *variants;
  const UtFamily *family;
  UtImage *image;
} FamilyWork;

static void
apply_family (void *data)
{
  static const char *const labels[] = { "A", "B", "C", "D" };
  const UtSubject subject = { "bench", 0, labels, 4, 0, 0, "bench.png" };
  const FamilyWork *work = data;
  for (unsigned i = 0; i < work->variants->len; i++)
    {
      const UtVariant *variant = work->variants->pdata[i];
      if (variant->family == work->family)
        {
          g_autoptr (UtImage) out = ut_variant_apply (variant, work->image, &subject, 0, NULL);
          if (out == NULL)
            abort ();
        }
    }
}

static void
limit (void *data)
{
  UtImage *large = data;
  g_autoptr (UtImage) out = ut_image_resize (large, 1024, 768, NULL);
}

int
main (int argc, char **argv)
{
  const int width = argc == 3 ? atoi (argv[1]) : 640, height = argc == 3 ? atoi (argv[2]) : 427;
  g_autoptr (GPtrArray) variants = ut_variants_expand ("all,translation_vertical,occlusion,photometric,text_fixed,text_right,keep,band_noise,signs", NULL);
  g_autoptr (UtImage) image = bench_image (width, height);
  g_print ("%d×%d, milliseconds a variant\n", width, height);
  for (const UtFamily *const *family = ut_families; *family != NULL; family++)
    {
      if ((*family)->apply == NULL || (*family)->n_params == 0)
        continue;
      FamilyWork work = { variants, *family, image };
      const unsigned n = (*family)->n_params * MAX ((*family)->n_trials, 1);
      g_print ("%-21s %8.3f\n", (*family)->name, least_ms (apply_family, &work) / n);
    }
  g_autoptr (UtImage) large = bench_image (4000, 3000);
  g_print ("limit a photograph of 4000×3000 to 1024×768: %.1f ms\n", least_ms (limit, large));
}
