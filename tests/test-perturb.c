/* perturb: each family against its closed form, all of them against Pillow's values (oracle/perturb.py), lists of families, what depends
 * on the question. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "perturb/perturb.h"

static constexpr uint64_t SEED = 7;
static const char *const letters[] = { "A", "B", "C", "D" };
static const char *const yes_no[] = { "Yes", "No" };
static const UtSubject four = { "item-1", 0, letters, 4, 0 };
static const UtSubject two = { "item-1", 0, yes_no, 2, 1 };

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
  g_assert_cmpstr (error->message, ==, "pad_crop-16: cutting 16 pixels off each side leaves nothing of an image of 100×32 pixels");
  g_autoptr (UtImage) image33 = test_image (100, 33);
  g_autoptr (UtImage) line = ut_variant_apply (find (variants, "pad_crop-16"), image33, NULL, SEED, NULL);
  g_assert_cmpint (line->height, ==, 1);
}

static void
test_scale (void)
{
  /* Halves go to the even side: 0.9 · 15 = 13.5 → 14, 0.9 · 5 = 4.5 → 4. */
  static const int cases[][4] = { { 15, 5, 14, 4 }, { 25, 35, 22, 32 }, { 1, 1, 1, 1 }, { 70, 67, 63, 60 }, { 640, 427, 576, 384 }, { 3, 2, 3, 2 } };
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
        g_assert_true (is_colour (turned, 0, 0, 255, 255, 255) && is_colour (turned, turned->width - 1, turned->height - 1, 255, 255, 255));
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
compare_row (char **row, const UtImage *got)
{
  const unsigned n = g_strv_length (row);
  g_assert_cmpint (got->width, ==, atoi (row[3]));
  g_assert_cmpint (got->height, ==, atoi (row[4]));
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, got->pixels, (gsize) (got->width * got->height * 3));
  if (n <= 6 || *row[6] == '\0')
    {
      g_assert_cmpstr (sum, ==, row[5]);
      return;
    }
  const double ink = atof (row[11]);
  g_assert_cmpfloat_with_epsilon (ink_in (got, atoi (row[7]), atoi (row[8]), atoi (row[9]), atoi (row[10])), ink, 0.02 * ink + 1000);
  if (strcmp (sum, row[5]) != 0)
    g_test_message ("%s on %s×%s: written with another font or renderer than Debian forky's", row[2], row[0], row[1]);
}

static void
test_oracle (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "oracle", "perturb.tsv", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *table = NULL;
  g_file_get_contents (path, &table, NULL, &error);
  g_assert_no_error (error);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (table), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 152);

  g_autoptr (GPtrArray) variants = expand ("all");
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) row = g_strsplit (*line, "\t", -1);
      g_autoptr (UtImage) image = test_image (atoi (row[0]), atoi (row[1]));
      const UtVariant *variant = find (variants, row[2]);
      g_assert_nonnull (variant);
      g_autoptr (UtImage) got = ut_variant_apply (variant, image, &four, SEED, &error);
      g_assert_no_error (error);
      if (variant->family->detail != NULL)
        {
          g_autofree char *detail = ut_variant_detail (variant, &four, SEED);
          g_assert_cmpstr (detail, ==, row[6]);
        }
      compare_row (row, got);
    }
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

  static const char *const names[] = { "clean", "pad_crop-16", "pad_crop-12", "pad_crop-8", "pad_crop-4", "pad_crop+4", "pad_crop+8",
                                       "pad_crop+12", "pad_crop+16", "scale0.9", "rotation-30", "rotation+30", "prior-white",
                                       "noise_floor" };
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
  g_assert_null (ut_variants_expand ("blur", &far));
  g_assert_error (far, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (far->message, "known are clean, translation, pad_crop,"));

  g_autoptr (GError) empty = NULL;
  g_assert_null (ut_variants_expand ("scale,,rotation", &empty));
  g_assert_error (empty, UT_ERROR, UT_ERROR_USAGE);
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
  const double to_y = g.matrix[1][0] * (mark_x + .5) + g.matrix[1][1] * (mark_y + .5) + g.matrix[1][2];
  if (g.rolls)
    to_x = fmod (to_x + g.width, g.width);
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
  g_autoptr (GPtrArray) variants = expand ("all,identity");
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
  g_assert_cmpuint (n, ==, 33);
}

/* A mark that rolls over the border stands where the geometry says. */
static void
test_place_rolled (void)
{
  g_autoptr (GPtrArray) variants = expand ("translation");
  for (size_t v = 1; v < variants->len; v++)
    if (((UtVariant *) variants->pdata[v])->param < -7)
      check_place (variants->pdata[v], 4, 50);
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
  g_test_add_func ("/perturb/overlay/pixels", test_overlays);
  g_test_add_func ("/perturb/overlay/size", test_overlay_size);
  g_test_add_func ("/perturb/overlay/clipped", test_overlay_clipped);
  g_test_add_func ("/perturb/overlay/labels", test_labels);
  g_test_add_func ("/perturb/overlay/inapplicable", test_inapplicable);
  g_test_add_func ("/perturb/overlay/random-text", test_random_text);
  g_test_add_func ("/perturb/keys", test_keys);
  g_test_add_func ("/perturb/oracle", test_oracle);
  g_test_add_func ("/perturb/place", test_place);
  g_test_add_func ("/perturb/place/rolled", test_place_rolled);
  g_test_add_func ("/perturb/place/prior", test_place_of_prior);
  g_test_add_func ("/perturb/expand", test_expand);
  g_test_add_func ("/perturb/unknown-family", test_unknown_family);
  g_test_add_func ("/perturb/threads", test_threads);
  return g_test_run ();
}
