/* perturb: each family against its closed form, all of them against Pillow's values (oracle/perturb.py), lists of families, what depends
 * on the question. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "metric/metric.h"
#include "perturb/perturb.h"

static constexpr uint64_t SEED = 7;
static const char *const letters[] = { "A", "B", "C", "D" };
static const char *const yes_no[] = { "Yes", "No" };
static const UtSubject four = { "item-1", 0, letters, 4, 0, 2, "1.png" };
static const UtSubject two = { "item-1", 0, yes_no, 2, 1, 1, "1.png" };

/* --- Help. --- */

/* The formula of oracle/perturb.py. */
static UtImage *
test_image (int width, int height)
{
  UtImage *image = ut_image_new (width, height, NULL);
  uint8_t *to = image->pixels;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < 3; c++)
        *to++ = (uint8_t) (x * x * 3 + y * 7 + x * y + c * 85 + ((x / 8 + y / 8) & 1) * 90);
  return image;
}

static const uint8_t *
pixel (const UtImage *image, int x, int y)
{
  return image->pixels + (y * image->width + x) * 3;
}

static gboolean
same_pixel (const UtImage *a, int ax, int ay, const UtImage *b, int bx, int by)
{
  return memcmp (pixel (a, ax, ay), pixel (b, bx, by), 3) == 0;
}

static gboolean
is_colour (const UtImage *image, int x, int y, int r, int g, int b)
{
  const uint8_t *p = pixel (image, x, y);
  return p[0] == r && p[1] == g && p[2] == b;
}

static void
assert_equal (const UtImage *a, const UtImage *b)
{
  g_assert_cmpint (a->width, ==, b->width);
  g_assert_cmpint (a->height, ==, b->height);
  g_assert_cmpmem (a->pixels, (size_t) (a->width * a->height * 3), b->pixels, (size_t) (b->width * b->height * 3));
}

/* A variant of a family with a parameter of one's own. */
static UtImage *
apply (const char *family, double param, UtImage *image, const UtSubject *subject, uint64_t seed)
{
  for (const UtFamily *const *f = ut_families; *f != NULL; f++)
    if (strcmp ((*f)->name, family) == 0)
      {
        g_autoptr (GError) error = NULL;
        UtVariant variant = { .family = *f, .param = param, .name = (char *) family };
        UtImage *out = ut_variant_apply (&variant, image, subject, seed, &error);
        g_assert_no_error (error);
        return out;
      }
  g_error ("no family %s", family);
}

static GPtrArray *
expand (const char *families)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *variants = ut_variants_expand (families, &error);
  g_assert_no_error (error);
  return variants;
}

static const UtVariant *
find (const GPtrArray *variants, const char *name)
{
  for (unsigned i = 0; i < variants->len; i++)
    {
      const UtVariant *variant = variants->pdata[i];
      if (strcmp (variant->name, name) == 0)
        return variant;
    }
  return NULL;
}

/* --- Closed forms. --- */

static const int sizes[][2] = { { 1, 40 }, { 97, 1 }, { 70, 67 }, { 33, 34 }, { 640, 427 } };

static void
test_clean (void)
{
  g_autoptr (UtImage) image = test_image (7, 5);
  g_autoptr (UtImage) same = apply ("clean", 0, image, NULL, SEED);
  g_assert_true (same == image);
}

static void
test_translation (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const int width = sizes[i][0];
      g_autoptr (UtImage) image = test_image (width, sizes[i][1]);
      g_autoptr (UtImage) whole = apply ("translation", width, image, NULL, SEED);
      assert_equal (whole, image);
      g_autoptr (UtImage) there = apply ("translation", 12, image, NULL, SEED);
      g_autoptr (UtImage) back = apply ("translation", -12, there, NULL, SEED);
      assert_equal (back, image);
      for (int y = 0; y < image->height; y++)
        for (int x = 0; x < width; x++)
          g_assert_true (same_pixel (there, (x + 12) % width, y, image, x, y));
    }
}

static void
test_pad_crop (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (UtImage) image = test_image (sizes[i][0], sizes[i][1]);
      g_autoptr (UtImage) padded = apply ("pad_crop", 16, image, NULL, SEED);
      g_assert_cmpint (padded->width, ==, image->width + 32);
      g_assert_cmpint (padded->height, ==, image->height + 32);
      for (int y = 0; y < padded->height; y++)
        for (int x = 0; x < padded->width; x++)
          if (x < 16 || y < 16 || x >= padded->width - 16 || y >= padded->height - 16)
            g_assert_true (is_colour (padded, x, y, 0, 0, 0));
      g_autoptr (UtImage) back = apply ("pad_crop", -16, padded, NULL, SEED);
      assert_equal (back, image);
    }
}

static void
test_crop_too_large (void)
{
  g_autoptr (GPtrArray) variants = expand ("pad_crop");
  g_autoptr (UtImage) image = test_image (100, 32);
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_variant_apply (find (variants, "pad_crop-16"), image, NULL, SEED, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==,
                   "pad_crop-16: cutting 16 pixels off each side leaves nothing of an image of 100×32 pixels");
  g_autoptr (UtImage) image33 = test_image (100, 33);
  g_autoptr (UtImage) line = ut_variant_apply (find (variants, "pad_crop-16"), image33, NULL, SEED, NULL);
  g_assert_cmpint (line->height, ==, 1);
}

static void
test_scale (void)
{
  /* Halves go to the even side: 0.9 · 15 = 13.5 → 14, 0.9 · 5 = 4.5 → 4. */
  static const int cases[][4]
      = { { 15, 5, 14, 4 }, { 25, 35, 22, 32 }, { 1, 1, 1, 1 }, { 70, 67, 63, 60 }, { 640, 427, 576, 384 }, { 3, 2, 3, 2 } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (UtImage) image = test_image (cases[i][0], cases[i][1]);
      g_autoptr (UtImage) scaled = apply ("scale", 0.9, image, NULL, SEED);
      g_assert_cmpint (scaled->width, ==, cases[i][2]);
      g_assert_cmpint (scaled->height, ==, cases[i][3]);
      g_autoptr (UtImage) white = apply ("scale_pad", 1, image, NULL, SEED);
      const int left = (image->width - scaled->width) / 2, top = (image->height - scaled->height) / 2;
      g_assert_cmpint (white->width, ==, image->width);
      g_assert_cmpint (white->height, ==, image->height);
      for (int y = 0; y < white->height; y++)
        for (int x = 0; x < white->width; x++)
          if (x >= left && y >= top && x < left + scaled->width && y < top + scaled->height)
            g_assert_true (same_pixel (white, x, y, scaled, x - left, y - top));
          else
            g_assert_true (is_colour (white, x, y, 255, 255, 255));
    }
}

static void
test_rotation (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const int w = sizes[i][0], h = sizes[i][1];
      g_autoptr (UtImage) image = test_image (w, h);
      g_autoptr (UtImage) none = apply ("rotation", 0, image, NULL, SEED);
      assert_equal (none, image);
      g_autoptr (UtImage) turned = apply ("rotation", 30, image, NULL, SEED);
      const double c = sqrt (0.75), s = 0.5;
      g_assert_cmpfloat_with_epsilon (turned->width, w * c + h * s, 2.0);
      g_assert_cmpfloat_with_epsilon (turned->height, w * s + h * c, 2.0);
      if (w > 1 && h > 1)
        g_assert_true (is_colour (turned, 0, 0, 255, 255, 255)
                       && is_colour (turned, turned->width - 1, turned->height - 1, 255, 255, 255));
    }
}

/* A quarter turn puts every pixel on a pixel, where the sides are both even or both odd. */
static void
test_quarter_turn (void)
{
  static const int even_odd[][2] = { { 70, 68 }, { 1, 41 }, { 97, 1 } };
  for (size_t i = 0; i < G_N_ELEMENTS (even_odd); i++)
    {
      const int w = even_odd[i][0], h = even_odd[i][1];
      g_autoptr (UtImage) image = test_image (w, h);
      g_autoptr (UtImage) turned = apply ("rotation", 90, image, NULL, SEED);
      g_assert_cmpint (turned->width, ==, h);
      g_assert_cmpint (turned->height, ==, w);
      for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) /* counter-clockwise: the right end comes up */
          g_assert_true (same_pixel (turned, y, w - 1 - x, image, x, y));
    }
}

static void
test_prior (void)
{
  g_autoptr (UtImage) image = test_image (9, 4);
  g_autoptr (UtImage) blank = apply ("prior", 255, image, NULL, SEED);
  g_assert_cmpint (blank->width, ==, 9);
  for (int i = 0; i < 9 * 4 * 3; i++)
    g_assert_cmpint (blank->pixels[i], ==, 255);
}

static void
test_no_image (void)
{
  g_autoptr (GPtrArray) variants = expand ("prior_none");
  g_autoptr (UtImage) image = test_image (9, 4);
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_variant_apply (variants->pdata[1], image, &four, SEED, &error));
  g_assert_cmpstr (error->message, ==, "prior-none: has no image");
}

/* --- What is drawn. --- */

/* The rectangle that an occlusion says it covers is grey, everything else as it was. */
static void
check_occlusion (UtImage *image, const UtVariant *variant, const UtSubject *subject, UtGeometry *g)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) out = ut_variant_apply (variant, image, subject, SEED, &error);
  g_assert_no_error (error);
  g_assert_true (ut_variant_place (variant, image->width, image->height, subject, SEED, g, NULL));
  g_assert_true (g->covered.left >= 0 && g->covered.top >= 0 && g->covered.right <= image->width
                 && g->covered.bottom <= image->height);
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      if (x >= g->covered.left && x < g->covered.right && y >= g->covered.top && y < g->covered.bottom)
        g_assert_true (is_colour (out, x, y, 128, 128, 128));
      else
        g_assert_true (same_pixel (out, x, y, image, x, y));
}

static void
test_occlusion (void)
{
  g_autoptr (GPtrArray) variants = expand ("occlusion:ladder,100");
  static const int shapes[][2] = { { 160, 120 }, { 30, 200 }, { 300, 20 }, { 1, 1 } };
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++)
    for (unsigned v = 1; v < variants->len; v++)
      {
        const UtVariant *variant = variants->pdata[v];
        g_autoptr (UtImage) image = test_image (shapes[i][0], shapes[i][1]);
        UtGeometry g;
        check_occlusion (image, variant, &four, &g);
        const double area = (double) (g.covered.right - g.covered.left) * (g.covered.bottom - g.covered.top);
        if (image->height > 1)
          g_assert_cmpfloat_with_epsilon (area, variant->param / 100 * image->width * image->height,
                                          image->width + image->height);
      }
}

/* The image decides where, and the seed; not the question. */
static void
test_occlusion_place (void)
{
  g_autoptr (GPtrArray) variants = expand ("occlusion:10");
  UtSubject other = four;
  UtGeometry here, again, there;
  other.id = "item-2";
  g_assert_true (ut_variant_place (variants->pdata[1], 640, 480, &four, SEED, &here, NULL));
  g_assert_true (ut_variant_place (variants->pdata[1], 640, 480, &other, SEED, &again, NULL));
  g_assert_cmpmem (&here, sizeof here, &again, sizeof again);
  other.image_name = "2.png";
  g_assert_true (ut_variant_place (variants->pdata[1], 640, 480, &other, SEED, &there, NULL));
  g_assert_cmpint (here.covered.left, !=, there.covered.left);
  g_assert_true (ut_variant_place (variants->pdata[1], 640, 480, &four, SEED + 1, &there, NULL));
  g_assert_cmpint (here.covered.left, !=, there.covered.left);
}

/* Same seed and image, same pixels; another image, seed or trial, others. */
static void
test_noise (void)
{
  static const char *const names[] = { "gaussian_noise4", "band_noise_low16-1", "band_noise_high16-1", "band_noise_all16-1",
                                       "signs_low16-1",   "signs_high16-1",     "signs_all16-1",       "band_noise_low16-2" };
  g_autoptr (GPtrArray) variants = expand ("gaussian_noise,band_noise,signs");
  g_autoptr (UtImage) image = test_image (40, 30);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  UtSubject other = four;
  other.image_name = "2.png";
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const UtVariant *variant = find (variants, names[i]);
      g_autoptr (UtImage) once = ut_variant_apply (variant, image, &four, SEED, NULL);
      g_autoptr (UtImage) twice = ut_variant_apply (variant, image, &four, SEED, NULL);
      g_autoptr (UtImage) elsewhere = ut_variant_apply (variant, image, &other, SEED, NULL);
      g_autoptr (UtImage) seeded = ut_variant_apply (variant, image, &four, SEED + 1, NULL);
      assert_equal (once, twice);
      const UtImage *const images[] = { once, elsewhere, seeded };
      for (size_t k = 0; k < G_N_ELEMENTS (images); k++)
        g_assert_true (g_hash_table_add (seen, g_compute_checksum_for_data (G_CHECKSUM_SHA256, images[k]->pixels, 40 * 30 * 3)));
    }
}

static void
test_noise_without_name (void)
{
  g_autoptr (GPtrArray) variants = expand ("gaussian_noise:4");
  g_autoptr (UtImage) image = test_image (8, 8);
  g_autoptr (GError) error = NULL;
  UtSubject nameless = four;
  nameless.image_name = NULL;
  g_assert_null (ut_variant_apply (variants->pdata[1], image, &nameless, SEED, &error));
  g_assert_cmpstr (error->message, ==, "gaussian_noise4: depends on the image's name, and it has none");
}

/* Of an even image nothing changes but its level. */
static void
test_photometric_of_even (void)
{
  g_autoptr (UtImage) even = ut_image_new (30, 20, NULL);
  memset (even->pixels, 100, 30 * 20 * 3);
  static const struct {
    const char *family;
    double param;
    int level;
  } cases[] = { { "blur", 8, 100 },          { "contrast", 0.5, 100 }, { "contrast", 1.5, 100 }, { "brightness", 0.5, 50 },
                { "brightness", 1.25, 125 }, { "brightness", 3, 255 }, { "keep_low", 0, 100 },   { "keep_high", 1, 128 } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (UtImage) out = apply (cases[i].family, cases[i].param, even, NULL, SEED);
      for (int k = 0; k < 30 * 20 * 3; k++)
        g_assert_cmpint (out->pixels[k], ==, cases[i].level);
    }
}

/* --- Overlays. --- */

/* Outside a box in the middle nothing changes; inside, everything is red on white: red full, green and blue equal. The number of pixels with
 * more than half of red. */
static int
count_red (const UtImage *drawn, const UtImage *image)
{
  int left = image->width, right = -1, top = image->height, bottom = -1, red = 0;
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      if (!same_pixel (drawn, x, y, image, x, y))
        {
          left = MIN (left, x), right = MAX (right, x), top = MIN (top, y), bottom = MAX (bottom, y);
          const uint8_t *p = pixel (drawn, x, y);
          g_assert_cmpint (p[0], ==, 255);
          g_assert_cmpint (p[1], ==, p[2]);
          red += p[1] < 128;
        }
  g_assert_cmpint (ABS ((left + right + 1) - image->width), <=, 1);
  g_assert_cmpint (ABS ((top + bottom + 1) - image->height), <=, 1);
  for (int x = left; x <= right; x++) /* the padding */
    for (int y = 0; y < 4; y++)
      g_assert_true (is_colour (drawn, x, top + y, 255, 255, 255) && pixel (drawn, x, bottom - y)[0] == 255);
  return red;
}

static void
test_overlays (void)
{
  g_autoptr (UtImage) grey = ut_image_new (640, 427, NULL);
  memset (grey->pixels, 100, 640 * 427 * 3);
  for (int ordinal = 0; ordinal < 3; ordinal++)
    {
      g_autoptr (UtImage) semantic = apply ("text_semantic", ordinal, grey, &four, SEED);
      g_autoptr (UtImage) noise = apply ("text_random", ordinal, grey, &four, SEED);
      g_autoptr (UtImage) empty = apply ("text_empty", ordinal, grey, &four, SEED);
      const int n_semantic = count_red (semantic, grey), n_random = count_red (noise, grey);
      g_assert_cmpint (n_semantic, >, 100);
      g_assert_cmpint (n_semantic, <, 400);
      g_assert_cmpint (n_random, >, 50);
      g_assert_cmpint (count_red (empty, grey), ==, 0);
    }
}

/* The em is at least 14 pixels and grows with the image: at twice the height from 448 on, twice the box. */
static void
test_overlay_size (void)
{
  int widths[3];
  static const int heights[] = { 64, 479, 896 };
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (UtImage) black = ut_image_new (400, heights[i], NULL);
      memset (black->pixels, 0, (size_t) (400 * heights[i] * 3));
      g_autoptr (UtImage) empty = apply ("text_empty", 0, black, &four, SEED);
      widths[i] = 0;
      for (int x = 0; x < 400; x++)
        widths[i] += pixel (empty, x, heights[i] / 2)[0] == 255;
    }
  g_assert_cmpint (widths[0], ==, widths[1]);
  g_assert_cmpint (ABS ((widths[2] - 8) - 2 * (widths[1] - 8)), <=, 2);
}

/* A phrase wider than the image is clipped; nothing is written outside. */
static void
test_overlay_clipped (void)
{
  static const int tiny[][2] = { { 1, 1 }, { 20, 200 }, { 200, 5 } };
  for (size_t i = 0; i < G_N_ELEMENTS (tiny); i++)
    {
      g_autoptr (UtImage) image = test_image (tiny[i][0], tiny[i][1]);
      g_autoptr (UtImage) semantic = apply ("text_semantic", 0, image, &four, SEED);
      g_assert_cmpint (semantic->width, ==, image->width);
    }
}

static void
test_labels (void)
{
  g_autoptr (GPtrArray) variants = expand ("text_semantic,text_random,text_empty");
  const UtVariant *first = find (variants, "text_semantic-1"), *third = find (variants, "text_semantic-3");
  g_autofree char *a = ut_variant_detail (first, &four, SEED);
  g_assert_cmpstr (a, ==, "Answer is B");
  g_autofree char *d = ut_variant_detail (third, &four, SEED);
  g_assert_cmpstr (d, ==, "Answer is D");

  UtSubject other = four;
  other.clean_prediction = 3;
  g_autofree char *c = ut_variant_detail (third, &other, SEED);
  g_assert_cmpstr (c, ==, "Answer is C");

  /* Two options: one variant a kind. */
  g_autofree char *yes = ut_variant_detail (first, &two, SEED);
  g_assert_cmpstr (yes, ==, "Answer is Yes");
  for (unsigned i = 1; i < variants->len; i++)
    {
      const UtVariant *variant = variants->pdata[i];
      g_autofree char *key = ut_variant_key (variant, &two, SEED);
      g_assert_true ((key != NULL) == (variant->param < 1));
    }

  g_autofree char *none = ut_variant_detail (find (variants, "text_empty-1"), &four, SEED);
  g_assert_null (none);
}

static void
test_inapplicable (void)
{
  g_autoptr (GPtrArray) variants = expand ("text_semantic");
  g_autoptr (UtImage) image = test_image (64, 64);
  const UtVariant *second = find (variants, "text_semantic-2");

  g_autoptr (GError) no_third = NULL;
  g_assert_null (ut_variant_apply (second, image, &two, SEED, &no_third));
  g_assert_cmpstr (no_third->message, ==, "text_semantic-2: does not apply to item-1, which has 2 options");

  UtSubject unknown = four;
  unknown.clean_prediction = -1;
  g_assert_null (ut_variant_key (second, &unknown, SEED));
  g_autoptr (GError) no_answer = NULL;
  g_assert_null (ut_variant_apply (second, image, &unknown, SEED, &no_answer));
  g_assert_nonnull (strstr (no_answer->message, "not known"));

  g_autoptr (GError) no_subject = NULL;
  g_assert_null (ut_variant_apply (second, image, NULL, SEED, &no_subject));
  g_assert_error (no_subject, UT_ERROR, UT_ERROR_FAILED);
}

static void
test_chosen_labels (void)
{
  g_autoptr (GPtrArray) variants = expand ("text_fixed:1,3,text_right");
  UtSubject unanswered = four;
  unanswered.clean_prediction = -1; /* they do not ask what the model says */
  g_autofree char *a = ut_variant_detail (find (variants, "text_fixed-1"), &unanswered, SEED);
  g_autofree char *c = ut_variant_detail (find (variants, "text_fixed-3"), &unanswered, SEED);
  g_autofree char *right = ut_variant_detail (find (variants, "text_right"), &unanswered, SEED);
  g_autofree char *no = ut_variant_detail (find (variants, "text_right"), &two, SEED);
  g_assert_cmpstr (a, ==, "Answer is A");
  g_assert_cmpstr (c, ==, "Answer is C");
  g_assert_cmpstr (right, ==, "Answer is C");
  g_assert_cmpstr (no, ==, "Answer is No");

  g_autofree char *third_of_two = ut_variant_key (find (variants, "text_fixed-3"), &two, SEED);
  g_assert_null (third_of_two);
  unanswered.right_answer = -1;
  g_autofree char *not_known = ut_variant_key (find (variants, "text_right"), &unanswered, SEED);
  g_assert_null (not_known);
}

/* Equal keys, equal pixels; and a key for all that the text depends on. */
static void
test_keys (void)
{
  g_autoptr (GPtrArray) variants = expand ("all");
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (unsigned i = 0; i < variants->len; i++)
    g_assert_true (g_hash_table_add (seen, ut_variant_key (variants->pdata[i], &four, SEED)));

  const UtVariant *noise = find (variants, "text_random-1");
  g_autofree char *key = ut_variant_key (noise, &four, SEED);
  g_autofree char *again = ut_variant_key (noise, &four, SEED);
  g_autofree char *seeded = ut_variant_key (noise, &four, SEED + 1);
  UtSubject elsewhere = four;
  elsewhere.id = "item-2";
  g_autofree char *moved = ut_variant_key (noise, &elsewhere, SEED);
  g_assert_cmpstr (key, ==, again);
  g_assert_cmpstr (key, !=, seeded);
  g_assert_cmpstr (key, !=, moved);
  g_assert_true (g_str_has_prefix (key, "text_random:B:"));

  /* The same label from another clean answer: the same overlay. */
  UtSubject other = four;
  other.clean_prediction = 1;
  g_autofree char *c_second = ut_variant_key (find (variants, "text_semantic-2"), &four, SEED);
  g_autofree char *c_also = ut_variant_key (find (variants, "text_semantic-2"), &other, SEED);
  g_assert_cmpstr (c_second, ==, "text_semantic:C");
  g_assert_cmpstr (c_also, ==, c_second);
}

/* Lengths 6 to 12 and every letter turn up; what is written is a prefix of what was drawn. */
static void
test_random_text (void)
{
  g_autoptr (GPtrArray) variants = expand ("text_random");
  gboolean lengths[13] = {}, letters_seen[128] = {};
  for (int item = 0; item < 300; item++)
    {
      char id[16];
      g_snprintf (id, sizeof id, "item-%d", item);
      UtSubject subject = four;
      subject.id = id;
      for (int ordinal = 1; ordinal <= 3; ordinal++)
        {
          const UtVariant *variant = variants->pdata[ordinal];
          g_autofree char *key = ut_variant_key (variant, &subject, SEED);
          const char *drawn = strrchr (key, ':') + 1;
          const size_t n = strlen (drawn);
          g_assert_cmpuint (n, >=, 6);
          g_assert_cmpuint (n, <=, 12);
          lengths[n] = TRUE;
          for (const char *c = drawn; *c != '\0'; c++)
            {
              g_assert_true (g_ascii_isupper (*c) || g_ascii_isdigit (*c));
              letters_seen[(int) *c] = TRUE;
            }
          if (item < 10)
            {
              g_autofree char *written = ut_variant_detail (variant, &subject, SEED);
              g_assert_true (g_str_has_prefix (drawn, written));
              g_assert_cmpuint (strlen (written), >=, 5);
            }
        }
    }
  for (int n = 6; n <= 12; n++)
    g_assert_true (lengths[n]);
  for (int c = 0; c < 128; c++)
    g_assert_true (letters_seen[c] == (g_ascii_isupper (c) || g_ascii_isdigit (c)));
}

/* --- Pillow's values. --- */

/* Σ (255 − green) over a box, which may reach outside. */
static int
ink_in (const UtImage *image, int left, int top, int right, int bottom)
{
  int sum = 0;
  for (int y = MAX (top, 0); y < MIN (bottom, image->height); y++)
    for (int x = MAX (left, 0); x < MIN (right, image->width); x++)
      sum += 255 - pixel (image, x, y)[1];
  return sum;
}

/* Everything but written text is equal to the bit. Text also depends on the versions of the font and its renderers: the box is exact, the
 * ink near; other bits are reported. */
static void
compare_row (char **row, const UtImage *got, char **writing)
{
  g_assert_cmpint (got->width, ==, atoi (row[3]));
  g_assert_cmpint (got->height, ==, atoi (row[4]));
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, got->pixels, (gsize) (got->width * got->height * 3));
  if (writing[0] == NULL || *writing[0] == '\0')
    {
      g_assert_cmpstr (sum, ==, row[5]);
      return;
    }
  const double ink = atof (writing[5]);
  g_assert_cmpfloat_with_epsilon (ink_in (got, atoi (writing[1]), atoi (writing[2]), atoi (writing[3]), atoi (writing[4])), ink,
                                  0.02 * ink + 1000);
  if (strcmp (sum, row[5]) != 0)
    g_test_message ("%s on %s×%s: written with another font or renderer than Debian forky's", row[2], row[0], row[1]);
}

/* The lines of a table of tests/oracle. */
static char **
read_table (const char *name, unsigned n_lines)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "oracle", name, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *table = NULL;
  g_file_get_contents (path, &table, NULL, &error);
  g_assert_no_error (error);
  char **lines = g_strsplit (g_strchomp (table), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, n_lines);
  return lines;
}

static UtImage *
apply_row (char **row, const GPtrArray *variants, UtImage *image, char **writing)
{
  g_autoptr (GError) error = NULL;
  const UtVariant *variant = find (variants, row[2]);
  g_assert_nonnull (variant);
  UtImage *got = ut_variant_apply (variant, image, &four, SEED, &error);
  g_assert_no_error (error);
  if (variant->family->detail != NULL)
    {
      g_autofree char *detail = ut_variant_detail (variant, &four, SEED);
      g_assert_cmpstr (detail, ==, writing[0]);
    }
  return got;
}

static void
test_oracle (void)
{
  g_auto (GStrv) lines = read_table ("perturb.tsv", 152);
  g_autoptr (GPtrArray) variants = expand ("all");
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) row = g_strsplit (*line, "\t", -1);
      g_autoptr (UtImage) image = test_image (atoi (row[0]), atoi (row[1]));
      g_autoptr (UtImage) got = apply_row (row, variants, image, row + 6);
      compare_row (row, got, row + 6);
    }
}

/* Ladders of the core families, and all that runs on request. */
static const char more[]
    = "translation:ladder,pad_crop:ladder,scale:ladder,rotation:ladder,translation_vertical:ladder,occlusion,"
      "photometric,text_fixed:1,2,3,4,text_right,keep,band_noise,signs,prior:128";

/* The change of the pixels by the table: a font or libjpeg of another version may change it a little. */
static void
compare_change (char **row, const UtImage *image, const UtImage *got)
{
  const UtPixelChange change = ut_pixel_change (&image, &got, 1);
  if (strcmp (row[6], "-") == 0)
    {
      g_assert_true (isnan (change.psnr) && isnan (change.linf) && isnan (change.touched));
      return;
    }
  const gboolean versions = g_str_has_prefix (row[2], "jpeg") || g_str_has_prefix (row[2], "text");
  if (strcmp (row[6], "inf") == 0)
    g_assert_true (isinf (change.psnr));
  else
    g_assert_cmpfloat_with_epsilon (change.psnr, g_ascii_strtod (row[6], NULL), versions ? 0.5 : 1e-10);
  if (versions)
    return;
  g_assert_cmpfloat (change.linf, ==, g_ascii_strtod (row[7], NULL));
  g_assert_cmpfloat_with_epsilon (change.touched, g_ascii_strtod (row[8], NULL), 1e-15);
}

static void
test_oracle_more (void)
{
  g_auto (GStrv) lines = read_table ("perturb-more.tsv", 494);
  g_autoptr (GPtrArray) variants = expand (more);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) row = g_strsplit (*line, "\t", -1);
      g_autoptr (UtImage) image = test_image (atoi (row[0]), atoi (row[1]));
      g_autoptr (UtImage) got = apply_row (row, variants, image, row + 9);
      g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, got->pixels, (gsize) (got->width * got->height * 3));
      if (g_str_has_prefix (row[2], "jpeg") && strcmp (sum, row[5]) != 0)
        g_test_message ("%s on %s×%s: made by another libjpeg than Debian forky's", row[2], row[0], row[1]);
      else
        compare_row (row, got, row + 9);
      compare_change (row, image, got);
      g_hash_table_add (seen, g_strdup (row[2]));
    }
  g_assert_cmpuint (g_hash_table_size (seen), ==, variants->len - 2); /* all but the clean image, which is there twice */
}

/* Several images are one: sums over all pixels, the largest of all. */
static void
test_change_of_several (void)
{
  g_autoptr (UtImage) first = ut_image_new (2, 2, NULL), second = ut_image_new (4, 1, NULL);
  memset (first->pixels, 10, 12);
  memset (second->pixels, 10, 12);
  g_autoptr (UtImage) changed = ut_image_new (4, 1, NULL);
  memset (changed->pixels, 10, 12);
  changed->pixels[4] = 0;
  changed->pixels[11] = 30;
  const UtImage *const clean[] = { first, second }, *const perturbed[] = { first, changed };
  const UtPixelChange change = ut_pixel_change (clean, perturbed, 2);
  g_assert_cmpfloat_with_epsilon (change.psnr, 10 * log10 (255. * 255. * 24 / 500), 1e-12);
  g_assert_cmpfloat (change.linf, ==, 20);
  g_assert_cmpfloat (change.touched, ==, .25);

  const UtImage *const swapped[] = { changed, first };
  g_assert_true (isnan (ut_pixel_change (clean, swapped, 2).psnr));
  g_assert_true (isnan (ut_pixel_change (clean, perturbed, 0).touched));
  g_assert_true (isinf (ut_pixel_change (clean, perturbed, 1).psnr));
}

/* --- Lists. --- */

static void
test_expand (void)
{
  g_autoptr (GPtrArray) all = expand (NULL), also_all = expand ("all"), core = expand ("core");
  g_assert_cmpuint (all->len, ==, 1 + 24 + 6 + 1 + 2);
  g_assert_cmpuint (also_all->len, ==, all->len);
  g_assert_cmpuint (core->len, ==, 1 + 24 + 1);
  for (unsigned i = 0; i < all->len; i++)
    {
      const UtVariant *variant = all->pdata[i];
      g_assert_cmpuint (variant->id, ==, i);
      g_assert_true (find (all, variant->name) == variant); /* names are unique */
    }

  static const char *const names[]
      = { "clean",       "pad_crop-16", "pad_crop-12", "pad_crop-8",  "pad_crop-4",  "pad_crop+4",  "pad_crop+8",
          "pad_crop+12", "pad_crop+16", "scale0.9",    "rotation-30", "rotation+30", "prior-white", "noise_floor" };
  g_autoptr (GPtrArray) some = expand (" prior,rotation, scale,pad_crop,clean,rotation");
  g_assert_cmpuint (some->len, ==, G_N_ELEMENTS (names));
  for (unsigned i = 0; i < some->len; i++)
    g_assert_cmpstr (((const UtVariant *) some->pdata[i])->name, ==, names[i]);

  g_autoptr (GPtrArray) both = expand ("core,text_empty,core");
  g_assert_cmpuint (both->len, ==, 1 + 24 + 3 + 1);
  g_autoptr (GPtrArray) only = expand ("clean");
  g_assert_cmpuint (only->len, ==, 1 + 1);
}

static void
test_unknown_family (void)
{
  g_autoptr (GError) near = NULL;
  g_assert_null (ut_variants_expand ("scale,tranlsation", &near));
  g_assert_error (near, UT_ERROR, UT_ERROR_USAGE);
  g_assert_cmpstr (near->message, ==, "unknown perturbation family “tranlsation”: did you mean “translation”?");

  g_autoptr (GError) far = NULL;
  g_assert_null (ut_variants_expand ("sharpness", &far));
  g_assert_error (far, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (far->message, "known are clean, translation, pad_crop,"));

  g_autoptr (GError) empty = NULL;
  g_assert_null (ut_variants_expand ("scale,,rotation", &empty));
  g_assert_error (empty, UT_ERROR, UT_ERROR_USAGE);
}

/* `names` are without the clean image and the noise floor, which are always there, first and last. */
static void
assert_choice (const char *choice, const char *names)
{
  g_autoptr (GPtrArray) variants = expand (choice);
  g_autoptr (GString) got = g_string_new (NULL);
  g_assert_cmpint (((UtVariant *) variants->pdata[0])->family->role, ==, UT_ROLE_CLEAN);
  g_assert_cmpint (((UtVariant *) variants->pdata[variants->len - 1])->family->role, ==, UT_ROLE_FLOOR);
  for (unsigned i = 1; i < variants->len - 1; i++)
    {
      const UtVariant *variant = variants->pdata[i];
      g_assert_cmpuint (variant->id, ==, i);
      g_string_append_printf (got, "%s%s", i > 1 ? " " : "", variant->name);
    }
  g_assert_cmpstr (got->str, ==, names);
}

/* Every family but folder, with its own parameters and its ladder. */
static void
test_everything (void)
{
  g_autoptr (GPtrArray) everything = expand ("everything");
  for (size_t f = 0; ut_families[f] != NULL; f++)
    {
      const UtFamily *family = ut_families[f];
      unsigned n = 0;
      for (guint v = 0; v < everything->len; v++)
        n += ((const UtVariant *) everything->pdata[v])->family == family;
      if (g_str_equal (family->name, "folder"))
        g_assert_cmpuint (n, ==, 0);
      else
        g_assert_cmpuint (n, >=, MAX (family->n_params, family->n_ladder) * MAX (family->n_trials, 1));
    }
  g_assert_nonnull (find (everything, "translation-32"));
  g_assert_nonnull (find (everything, "prior-grey"));
}

static void
test_choice (void)
{
  assert_choice ("rotation:5,10,-20", "rotation-20 rotation+5 rotation+10");
  assert_choice ("rotation:5, translation:2,1 ,scale", "translation+1 translation+2 scale0.9 rotation+5");
  assert_choice ("rotation,rotation:5,30,5.0", "rotation-30 rotation+5 rotation+30");
  assert_choice ("rotation:.5,-0,+1e1", "rotation+0 rotation+0.5 rotation+10");
  assert_choice ("scale:ladder,0.5", "scale0.5 scale0.7 scale0.8 scale0.9 scale0.95");
  assert_choice ("occlusion:ladder", "occlusion10 occlusion20 occlusion30");
  assert_choice ("signs_low:3", "signs_low3-1 signs_low3-2 signs_low3-3 signs_low3-4 signs_low3-5");
  assert_choice ("prior_none,prior:0,128,255", "prior-0 prior-grey prior-white prior-none");
  assert_choice ("keep:1", "keep_low1 keep_high1");
  g_autoptr (GPtrArray) photometric = expand ("photometric");
  g_assert_cmpuint (photometric->len, ==, 2 + 5 + 5 + 4 + 4 + 5);
  g_autoptr (GPtrArray) bands = expand ("keep,band_noise,signs");
  g_assert_cmpuint (bands->len, ==, 2 + 2 * 10 + 6 * 5 * 5);

  /* What is named alike is alike: a ninth, and what its name says. */
  g_autoptr (GPtrArray) ninth = expand ("keep_low:0.111111");
  g_assert_cmpfloat (((UtVariant *) ninth->pdata[1])->param, ==, 1.0 / 9);
  g_autoptr (GPtrArray) third = expand ("scale:0.33333333333");
  g_assert_cmpfloat (((UtVariant *) third->pdata[1])->param, ==, 0.333333);
}

/* The paper's own parameters, however they were chosen, and no others. */
static void
test_core (void)
{
  g_autoptr (GPtrArray) variants = expand ("core,translation:ladder,rotation:10,30,text_random,translation_vertical");
  unsigned n = 0;
  for (unsigned i = 0; i < variants->len; i++)
    n += ((UtVariant *) variants->pdata[i])->core ? 1 : 0;
  g_assert_cmpuint (n, ==, 24);
  g_assert_true (find (variants, "rotation+30")->core);
  g_assert_false (find (variants, "rotation+10")->core || find (variants, "translation+1")->core);
}

static void
test_bad_choice (void)
{
  static const char *const cases[][2] = {
    { "rotation:abc", "rotation:abc: expected a number of degrees from -180 to 180, or ladder" },
    { "rotation:", "rotation:: expected a number of degrees from -180 to 180, or ladder" },
    { "rotation:5,181", "rotation:181: expected a number of degrees from -180 to 180, or ladder" },
    { "rotation:nan", "rotation:nan: expected a number of degrees from -180 to 180, or ladder" },
    { "translation:1,2.5", "translation:2.5: expected a whole number of pixels from -1024 to 1024, or ladder" },
    { "scale:0.9x", "scale:0.9x: expected a factor from 0.1 to 4, or ladder" },
    { "text_semantic:2", "text_semantic:2: this family takes no numbers" },
    { "core:ladder", "scale_pad:ladder: this family takes no numbers" },
    { "rotation,5", "“5” begins like a number, which must follow a family and its colon, as in rotation:5,10" },
    { "5", "“5” begins like a number, which must follow a family and its colon, as in rotation:5,10" },
    { "folder", "folder: expected folder:DIR, a folder that holds one folder a variant" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (ut_variants_expand (cases[i][0], &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
      g_assert_cmpstr (error->message, ==, cases[i][1]);
    }
}

/* --- Variants that others made. --- */

typedef struct {
  char *outside, *top; /* top is in outside */
} Folders;

static char *
path_in (const char *folder, const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
write_in (const char *folder, const char *name, const UtImage *image)
{
  g_autofree char *path = path_in (folder, name);
  g_autofree char *parent = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (parent, 0777), ==, 0);
  g_assert_true (ut_image_write_png (image, path, NULL));
}

static void
link_in (const char *folder, const char *name, const char *target)
{
  g_autofree char *path = path_in (folder, name);
  g_assert_cmpint (symlink (target, path), ==, 0);
}

static void
set_up (Folders *folders, const void *data)
{
  (void) data;
  folders->outside = g_dir_make_tmp ("undertow-XXXXXX", NULL);
  folders->top = path_in (folders->outside, "top");
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *inside = path_in (path, name);
      remove_tree (inside);
    }
  g_remove (path);
}

static void
tear_down (Folders *folders, const void *data)
{
  (void) data;
  remove_tree (folders->outside);
  g_free (folders->outside);
  g_free (folders->top);
}

static GPtrArray *
expand_folder (const char *path)
{
  g_autofree char *choice = g_strconcat ("folder:", path, NULL);
  return expand (choice);
}

/* The image of that name in the variant; NULL with what the error says in *out_message. */
static UtImage *
take (const GPtrArray *variants, const char *variant, const char *image_name, char **out_message)
{
  g_autoptr (UtImage) image = test_image (5, 5);
  g_autoptr (GError) error = NULL;
  UtSubject subject = four;
  subject.image_name = image_name;
  UtImage *out = ut_variant_apply (find (variants, variant), image, &subject, SEED, &error);
  if (out == NULL)
    *out_message = g_strdup (error->message);
  return out;
}

static void
test_folder (Folders *folders, const void *data)
{
  (void) data;
  g_autoptr (UtImage) image = test_image (20, 10);
  write_in (folders->top, "b/1.png", image);
  write_in (folders->top, "b/deep/2.PNG", image);
  write_in (folders->top, "a/1.webp", image);
  write_in (folders->top, "stray.png", image);
  write_in (folders->top, ".hidden/1.png", image);
  g_autoptr (GPtrArray) variants = expand_folder (folders->top);
  g_assert_cmpuint (variants->len, ==, 4);
  g_assert_cmpstr (((UtVariant *) variants->pdata[1])->name, ==, "folder:a");
  g_assert_cmpstr (((UtVariant *) variants->pdata[2])->name, ==, "folder:b");
  static const char *const found[][2] = {
    { "folder:b", "1.png" }, { "folder:b", "1.jpg" }, { "folder:b", "1" }, { "folder:a", "1.png" }, { "folder:b", "deep/2.tiff" }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (found); i++)
    {
      g_autofree char *message = NULL;
      g_autoptr (UtImage) got = take (variants, found[i][0], found[i][1], &message);
      g_assert_cmpstr (message, ==, NULL);
      assert_equal (got, image);
    }
  UtGeometry g;
  g_assert_false (ut_variant_place (variants->pdata[1], 20, 10, &four, SEED, &g, NULL));
}

static void
test_folder_refuses (Folders *folders, const void *data)
{
  (void) data;
  g_autoptr (UtImage) image = test_image (20, 10);
  g_autofree char *absolute = path_in (folders->top, "a/1.png");
  write_in (folders->outside, "secret.png", image);
  write_in (folders->top, "a/1.png", image);
  write_in (folders->top, "b/3.png", image);
  write_in (folders->top, "a/sub.png/4.png", image);
  link_in (folders->top, "a/2.png", "../../secret.png");
  link_in (folders->top, "a/3.png", "../b/3.png"); /* stays inside */
  g_autofree char *text = path_in (folders->top, "a/5.png");
  g_assert_true (g_file_set_contents (text, "no image", -1, NULL));
  g_autoptr (GPtrArray) variants = expand_folder (folders->top);
  g_autofree char *none = NULL;
  g_autoptr (UtImage) linked = take (variants, "folder:a", "3.png", &none);
  assert_equal (linked, image);

  const char *const cases[][2] = {
    { "2.png", "is a link that leaves" },       { "../../secret.png", "expected one that stays in a folder" },
    { absolute, "expected one that stays in" }, { "6.png", "folder:a: there is no image 6.png in" },
    { "sub.png", "is no regular file" },        { "5.png", "5.png: not a JPEG, PNG" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *message = NULL;
      g_assert_null (take (variants, "folder:a", cases[i][0], &message));
      g_assert_nonnull (strstr (message, cases[i][1]));
    }
}

static void
assert_no_folder (const char *choice, int code, const char *says)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_variants_expand (choice, &error));
  g_assert_error (error, UT_ERROR, code);
  g_assert_nonnull (strstr (error->message, says));
}

static void
test_bad_folders (Folders *folders, const void *data)
{
  (void) data;
  g_autoptr (UtImage) image = test_image (20, 10);
  write_in (folders->outside, "elsewhere/a/1.png", image);
  g_assert_cmpint (g_mkdir (folders->top, 0777), ==, 0);
  g_autofree char *top = g_strconcat ("folder:", folders->top, NULL);
  g_autofree char *missing = g_strconcat (top, "/missing", NULL);
  assert_no_folder (missing, UT_ERROR_FAILED, "No such file");
  assert_no_folder (top, UT_ERROR_FAILED, "holds no folder");
  link_in (folders->top, "out", "../elsewhere");
  assert_no_folder (top, UT_ERROR_FAILED, "is a link that leaves");
  g_autofree char *out = path_in (folders->top, "out");
  g_remove (out);
  write_in (folders->top, "a/1.png", image);
  g_autofree char *both = g_strdup_printf ("%s,folder:%s/elsewhere", top, folders->outside);
  assert_no_folder (both, UT_ERROR_USAGE, "two variants of one name");
}

/* --- Threads. --- */

static void *
checksum_all (void *data)
{
  UtImage *image = data;
  g_autoptr (GPtrArray) variants = expand (NULL);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  for (unsigned i = 0; i < variants->len; i++)
    {
      g_autoptr (UtImage) out = ut_variant_apply (variants->pdata[i], image, &four, SEED, NULL);
      g_checksum_update (sum, out->pixels, out->width * out->height * 3);
    }
  return g_strdup (g_checksum_get_string (sum));
}

static void
test_threads (void)
{
  g_autoptr (UtImage) image = test_image (101, 77);
  g_autofree char *alone = checksum_all (image);
  GThread *threads[4];
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, checksum_all, image);
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autofree char *sum = g_thread_join (threads[i]);
      g_assert_cmpstr (sum, ==, alone);
    }
}

/* --- Geometry. --- */

/* A grey image with a green square of 7 pixels around (x, y). */
static UtImage *
marked_image (int width, int height, int x, int y)
{
  UtImage *image = ut_image_new (width, height, NULL);
  memset (image->pixels, 128, (size_t) (width * height * 3));
  for (int dy = -3; dy <= 3; dy++)
    for (int dx = -3; dx <= 3; dx++)
      memcpy (image->pixels + ((y + dy) * width + x + dx) * 3, (uint8_t[]) { 0, 255, 0 }, 3);
  return image;
}

/* The middle of what is green; the number of its pixels. */
static unsigned
find_mark (const UtImage *image, double *out_x, double *out_y)
{
  unsigned n = 0;
  *out_x = *out_y = 0;
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      if (pixel (image, x, y)[1] > 200 && pixel (image, x, y)[0] < 80)
        {
          *out_x += x + .5;
          *out_y += y + .5;
          n++;
        }
  *out_x /= n;
  *out_y /= n;
  return n;
}

/* What a variant's geometry says of its image, found on it. */
static void
check_place (const UtVariant *variant, int mark_x, int mark_y)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = marked_image (190, 110, mark_x, mark_y);
  g_autoptr (UtImage) out = ut_variant_apply (variant, image, &four, SEED, &error);
  g_assert_no_error (error);
  UtGeometry g;
  g_assert_true (ut_variant_place (variant, image->width, image->height, &four, SEED, &g, &error));
  g_assert_cmpint (g.width, ==, out->width);
  g_assert_cmpint (g.height, ==, out->height);

  double x, y;
  g_assert_cmpuint (find_mark (out, &x, &y), >, 20);
  double to_x = g.matrix[0][0] * (mark_x + .5) + g.matrix[0][1] * (mark_y + .5) + g.matrix[0][2];
  double to_y = g.matrix[1][0] * (mark_x + .5) + g.matrix[1][1] * (mark_y + .5) + g.matrix[1][2];
  if (g.roll == UT_ROLL_X)
    to_x = fmod (to_x + g.width, g.width);
  if (g.roll == UT_ROLL_Y)
    to_y = fmod (to_y + g.height, g.height);
  g_assert_cmpfloat (hypot (x - to_x, y - to_y), <, .6);
  for (int i = 0; i < out->width * out->height; i++)
    {
      const int px = i % out->width, py = i / out->width;
      const gboolean covered = px >= g.covered.left && px < g.covered.right && py >= g.covered.top && py < g.covered.bottom;
      if (g.covered.left < g.covered.right && !covered)
        g_assert_true (same_pixel (image, px, py, out, px, py));
      else if (covered)
        g_assert_false (is_colour (out, px, py, 128, 128, 128));
    }
}

static void
test_place (void)
{
  g_autoptr (GPtrArray) variants = expand ("all,identity,translation_vertical");
  unsigned n = 0;
  for (size_t v = 0; v < variants->len; v++)
    {
      const UtVariant *variant = variants->pdata[v];
      if (variant->family->role == UT_ROLE_PRIOR || variant->family->role == UT_ROLE_CONTROL)
        continue;
      check_place (variant, 24, 85);
      check_place (variant, 160, 22);
      n++;
    }
  g_assert_cmpuint (n, ==, 33 + 8);
}

/* A mark that rolls over the border stands where the geometry says. */
static void
test_place_rolled (void)
{
  g_autoptr (GPtrArray) variants = expand ("translation");
  for (size_t v = 1; v < variants->len; v++)
    if (((UtVariant *) variants->pdata[v])->param < -7)
      check_place (variants->pdata[v], 4, 50);
  g_autoptr (GPtrArray) vertical = expand ("translation_vertical");
  for (size_t v = 1; v < vertical->len; v++)
    if (((UtVariant *) vertical->pdata[v])->param < -7)
      check_place (vertical->pdata[v], 50, 4);
}

/* Of a blank image nothing is left that one could say where it is. */
static void
test_place_of_prior (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) variants = expand ("prior");
  UtGeometry g;
  g_assert_false (ut_variant_place (variants->pdata[1], 90, 90, &four, SEED, &g, &error));
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/perturb/clean", test_clean);
  g_test_add_func ("/perturb/translation", test_translation);
  g_test_add_func ("/perturb/pad-crop", test_pad_crop);
  g_test_add_func ("/perturb/pad-crop/too-large", test_crop_too_large);
  g_test_add_func ("/perturb/scale", test_scale);
  g_test_add_func ("/perturb/rotation", test_rotation);
  g_test_add_func ("/perturb/rotation/quarter-turn", test_quarter_turn);
  g_test_add_func ("/perturb/prior", test_prior);
  g_test_add_func ("/perturb/prior/no-image", test_no_image);
  g_test_add_func ("/perturb/occlusion", test_occlusion);
  g_test_add_func ("/perturb/occlusion/place", test_occlusion_place);
  g_test_add_func ("/perturb/noise", test_noise);
  g_test_add_func ("/perturb/noise/without-name", test_noise_without_name);
  g_test_add_func ("/perturb/photometric/even", test_photometric_of_even);
  g_test_add_func ("/perturb/overlay/pixels", test_overlays);
  g_test_add_func ("/perturb/overlay/size", test_overlay_size);
  g_test_add_func ("/perturb/overlay/clipped", test_overlay_clipped);
  g_test_add_func ("/perturb/overlay/labels", test_labels);
  g_test_add_func ("/perturb/overlay/chosen-labels", test_chosen_labels);
  g_test_add_func ("/perturb/overlay/inapplicable", test_inapplicable);
  g_test_add_func ("/perturb/overlay/random-text", test_random_text);
  g_test_add_func ("/perturb/keys", test_keys);
  g_test_add_func ("/perturb/oracle", test_oracle);
  g_test_add_func ("/perturb/oracle/more", test_oracle_more);
  g_test_add_func ("/perturb/change/several", test_change_of_several);
  g_test_add_func ("/perturb/place", test_place);
  g_test_add_func ("/perturb/place/rolled", test_place_rolled);
  g_test_add_func ("/perturb/place/prior", test_place_of_prior);
  g_test_add_func ("/perturb/expand", test_expand);
  g_test_add_func ("/perturb/unknown-family", test_unknown_family);
  g_test_add_func ("/perturb/everything", test_everything);
  g_test_add_func ("/perturb/choice", test_choice);
  g_test_add_func ("/perturb/choice/core", test_core);
  g_test_add_func ("/perturb/choice/bad", test_bad_choice);
  g_test_add ("/perturb/folder", Folders, NULL, set_up, test_folder, tear_down);
  g_test_add ("/perturb/folder/refuses", Folders, NULL, set_up, test_folder_refuses, tear_down);
  g_test_add ("/perturb/folder/bad", Folders, NULL, set_up, test_bad_folders, tear_down);
  g_test_add_func ("/perturb/threads", test_threads);
  return g_test_run ();
}
