/* image: decoding of every format, what is refused, the size limit, PNG writing, resizing.
 *
 * The files are made here, by libvips' encoders or byte by byte. */
#include <glib/gstdio.h>
#include <string.h>
#include <vips/vips.h>

#include "base/error.h"
#include "base/rng.h"
#include "image/image.h"

/* --- Making files. --- */

typedef enum { PNG, TIFF, WEBP, GIF, JPEG, AVIF, N_FORMATS } Format;

static const struct {
  const char *name;
  gboolean lossless;
} formats[N_FORMATS] = { [PNG] = { "png", TRUE }, [TIFF] = { "tiff", TRUE }, [WEBP] = { "webp", TRUE },
                         [GIF] = { "gif", TRUE }, [JPEG] = { "jpeg", FALSE }, [AVIF] = { "avif", FALSE } };

/* A file of tests/data. */
static GBytes *
stored (const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", name, NULL);
  g_autoptr (GError) error = NULL;
  char *bytes;
  gsize n;
  g_file_get_contents (path, &bytes, &n, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (bytes, n);
}

/* AV1 can be read wherever libvips is, but seldom written: that one is always the six colours, in squares of 16 (written by
 * Pillow, quality 95, 4:4:4). */
static GBytes *
encode (VipsImage *image, Format format)
{
  void *bytes = NULL;
  size_t n = 0;
  int failed = 1;
  switch (format)
    {
    case PNG:
      failed = vips_pngsave_buffer (image, &bytes, &n, NULL);
      break;
    case TIFF:
      failed = vips_tiffsave_buffer (image, &bytes, &n, NULL);
      break;
    case WEBP:
      failed = vips_webpsave_buffer (image, &bytes, &n, "lossless", TRUE, "exact", TRUE, NULL);
      break;
    case GIF:
      failed = vips_gifsave_buffer (image, &bytes, &n, "dither", 0.0, NULL);
      break;
    case JPEG:
      failed = vips_jpegsave_buffer (image, &bytes, &n, "Q", 98, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_OFF, NULL);
      break;
    case AVIF:
      return stored ("six-colours.avif");
    case N_FORMATS:
      break;
    }
  if (failed)
    g_error ("%s: %s", formats[format].name, vips_error_buffer ());
  return g_bytes_new_take (bytes, n);
}

/* The bands of an image, interleaved, as libvips' image. */
static VipsImage *
wrap (const void *pixels, int width, int height, int bands, VipsBandFormat format, VipsInterpretation meaning)
{
  const size_t n = (size_t) (width * height * bands) * vips_format_sizeof (format);
  g_autoptr (VipsImage) image = vips_image_new_from_memory_copy (pixels, n, width, height, bands, format);
  VipsImage *copy;
  g_assert_cmpint (vips_copy (image, &copy, "interpretation", meaning, NULL), ==, 0);
  return copy;
}

static UtImage *
decode (GBytes *bytes, const char *name, GError **error)
{
  gsize n;
  const void *data = g_bytes_get_data (bytes, &n);
  return ut_image_decode (data, n, name, error);
}

static UtImage *
decode_ok (GBytes *bytes)
{
  g_autoptr (GError) error = NULL;
  UtImage *image = decode (bytes, "test", &error);
  g_assert_no_error (error);
  return image;
}

/* Six colours in two rows of three, each in a square of `side` pixels. */
static const uint8_t six[6][3] = { { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 }, { 255, 255, 0 }, { 16, 32, 64 }, { 255, 255, 255 } };

static VipsImage *
six_colours (int side)
{
  g_autofree uint8_t *pixels = g_new (uint8_t, 6 * side * side * 3);
  for (int y = 0; y < 2 * side; y++)
    for (int x = 0; x < 3 * side; x++)
      memcpy (pixels + (y * 3 * side + x) * 3, six[y / side * 3 + x / side], 3);
  return wrap (pixels, 3 * side, 2 * side, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
}

static const uint8_t *
pixel (const UtImage *image, int x, int y)
{
  return image->pixels + (y * image->width + x) * 3;
}

static void
assert_near (const uint8_t *got, const uint8_t *expected, int tolerance)
{
  for (int c = 0; c < 3; c++)
    g_assert_cmpint (ABS (got[c] - expected[c]), <=, tolerance);
}

/* Any image, from a formula. */
static UtImage *
textured (int width, int height)
{
  UtImage *image = ut_image_new (width, height, NULL);
  for (int i = 0; i < width * height * 3; i++)
    image->pixels[i] = (uint8_t) (i * i / 7 + i);
  return image;
}

/* --- The image. --- */

static void
test_new (void)
{
  static const int refused[][2] = { { (1 << 20) + 1, 1 }, { 0, 5 }, { 5, 0 }, { -1, 5 }, { 5, -1 }, { G_MAXINT, G_MAXINT }, { 65536, 65536 } };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (ut_image_new (refused[i][0], refused[i][1], &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
    }
  g_autoptr (UtImage) image = ut_image_new (3, 2, NULL);
  g_assert_cmpint (image->width, ==, 3);
  g_assert_cmpint (image->height, ==, 2);
  g_autoptr (UtImage) again = ut_image_ref (image);
  g_assert_true (again == image);
}

/* --- PNG. --- */

static void
test_png_round_trip (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 17 }, { 17, 1 }, { 70, 67 }, { 1024, 3 } };
  g_autofree char *dir = g_dir_make_tmp ("undertow-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "image.png", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (UtImage) image = textured (sizes[i][0], sizes[i][1]);
      g_assert_true (ut_image_write_png (image, path, &error));
      g_assert_no_error (error);
      char *bytes;
      gsize n;
      g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
      g_autoptr (GBytes) file = g_bytes_new_take (bytes, n);
      g_autoptr (UtImage) back = decode_ok (file);
      g_assert_cmpint (back->width, ==, image->width);
      g_assert_cmpint (back->height, ==, image->height);
      g_assert_cmpmem (back->pixels, (size_t) (back->width * back->height * 3), image->pixels, (size_t) (image->width * image->height * 3));
    }
  g_unlink (path);
  g_rmdir (dir);
}

static void
test_png_unwritable (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = textured (4, 4);
  g_assert_false (ut_image_write_png (image, "/nonexistent/folder/image.png", &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "/nonexistent/folder/image.png"));
}

/* --- Formats. --- */

static void
test_formats (void)
{
  constexpr int SIDE = 16;
  g_autoptr (VipsImage) image = six_colours (SIDE);
  for (Format format = 0; format < N_FORMATS; format++)
    {
      g_test_message ("%s", formats[format].name);
      g_autoptr (GBytes) file = encode (image, format);
      g_autoptr (UtImage) got = decode_ok (file);
      g_assert_cmpint (got->width, ==, 3 * SIDE);
      g_assert_cmpint (got->height, ==, 2 * SIDE);
      for (int i = 0; i < 6; i++)
        assert_near (pixel (got, i % 3 * SIDE + SIDE / 2, i / 3 * SIDE + SIDE / 2), six[i], formats[format].lossless ? 0 : 6);
    }
}

/* A BMP of 24 bits, two pixels by two: rows from the bottom up, blue first, padded to 4 bytes. */
static const uint8_t bmp[] = { 'B', 'M', 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 16,
                               0,   0,   0,  0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
                               /* bottom */ 3, 2, 1, 6, 5, 4, 0, 0, /* top */ 9, 8, 7, 12, 11, 10, 0, 0 };
static constexpr size_t BMP_WIDTH_AT = 18;
static constexpr size_t BMP_HEIGHT_AT = 22;

static void
test_bmp (void)
{
  g_autoptr (GBytes) file = g_bytes_new_static (bmp, sizeof bmp);
  g_autoptr (UtImage) image = decode_ok (file);
  static const uint8_t expected[] = { 7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6 };
  g_assert_cmpint (image->width, ==, 2);
  g_assert_cmpmem (image->pixels, 12, expected, sizeof expected);
}

/* What each value of the tag means, after the EXIF standard: where the first stored row and column lie. (x, y) of the upright image is
 * stored at … of a stored image of 3×2. */
static void
test_orientation (void)
{
  for (int orientation = 1; orientation <= 8; orientation++)
    {
      g_autoptr (VipsImage) image = six_colours (1);
      vips_image_set_int (image, VIPS_META_ORIENTATION, orientation);
      g_autoptr (GBytes) file = encode (image, TIFF);
      g_autoptr (UtImage) upright = decode_ok (file);
      const gboolean turned = orientation >= 5;
      g_assert_cmpint (upright->width, ==, turned ? 2 : 3);
      g_assert_cmpint (upright->height, ==, turned ? 3 : 2);
      for (int y = 0; y < upright->height; y++)
        for (int x = 0; x < upright->width; x++)
          {
            int from_x = turned ? y : x, from_y = turned ? x : y;
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
              from_x = 2 - from_x;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
              from_y = 1 - from_y;
            assert_near (pixel (upright, x, y), six[from_y * 3 + from_x], 0);
          }
    }
}

/* JPEG keeps the tag in EXIF data, which is read on the way to a sequential decoder. */
static void
test_orientation_jpeg (void)
{
  g_autoptr (VipsImage) image = six_colours (16);
  vips_image_set_int (image, VIPS_META_ORIENTATION, 6);
  g_autoptr (GBytes) file = encode (image, JPEG);
  g_autoptr (UtImage) upright = decode_ok (file);
  g_assert_cmpint (upright->width, ==, 32);
  g_assert_cmpint (upright->height, ==, 48);
  assert_near (pixel (upright, 8, 8), six[3], 6);
  assert_near (pixel (upright, 24, 8), six[0], 6);
}

static void
test_alpha (void)
{
  static const uint8_t rgba[] = { 10, 20, 30, 0, 10, 20, 30, 255, 0, 0, 0, 128 };
  g_autoptr (VipsImage) image = wrap (rgba, 3, 1, 4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
  g_autoptr (GBytes) file = encode (image, PNG);
  g_autoptr (UtImage) flat = decode_ok (file);
  assert_near (pixel (flat, 0, 0), (const uint8_t[]) { 255, 255, 255 }, 0);
  assert_near (pixel (flat, 1, 0), (const uint8_t[]) { 10, 20, 30 }, 0);
  assert_near (pixel (flat, 2, 0), (const uint8_t[]) { 127, 127, 127 }, 1);

  static const uint8_t grey_alpha[] = { 50, 255, 50, 0 };
  g_autoptr (VipsImage) grey = wrap (grey_alpha, 2, 1, 2, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W);
  g_autoptr (GBytes) grey_file = encode (grey, PNG);
  g_autoptr (UtImage) grey_flat = decode_ok (grey_file);
  assert_near (pixel (grey_flat, 0, 0), (const uint8_t[]) { 50, 50, 50 }, 0);
  assert_near (pixel (grey_flat, 1, 0), (const uint8_t[]) { 255, 255, 255 }, 0);
}

static void
test_depths (void)
{
  static const uint8_t grey[] = { 0, 77, 255 };
  g_autoptr (VipsImage) image = wrap (grey, 3, 1, 1, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W);
  g_autoptr (GBytes) file = encode (image, PNG);
  g_autoptr (UtImage) rgb = decode_ok (file);
  assert_near (pixel (rgb, 1, 0), (const uint8_t[]) { 77, 77, 77 }, 0);

  static const uint16_t deep[] = { 0x12ab, 0x8000, 0xffff };
  g_autoptr (VipsImage) image16 = wrap (deep, 1, 1, 3, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16);
  g_autoptr (GBytes) file16 = encode (image16, PNG);
  g_autoptr (UtImage) rgb16 = decode_ok (file16);
  assert_near (pixel (rgb16, 0, 0), (const uint8_t[]) { 0x12, 0x80, 0xff }, 0);

  static const uint16_t deep_grey[] = { 0x34ff };
  g_autoptr (VipsImage) grey16 = wrap (deep_grey, 1, 1, 1, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16);
  g_autoptr (GBytes) grey_file16 = encode (grey16, PNG);
  g_autoptr (UtImage) grey_rgb = decode_ok (grey_file16);
  assert_near (pixel (grey_rgb, 0, 0), (const uint8_t[]) { 0x34, 0x34, 0x34 }, 0);
}

/* No ink is paper, all ink is nearly black, cyan ink leaves no red. */
static void
test_cmyk (void)
{
  static const uint8_t inks[3][4] = { { 0, 0, 0, 0 }, { 255, 255, 255, 255 }, { 255, 0, 0, 0 } };
  for (int i = 0; i < 3; i++)
    {
      uint8_t pixels[16 * 16][4];
      for (size_t p = 0; p < G_N_ELEMENTS (pixels); p++)
        memcpy (pixels[p], inks[i], 4);
      g_autoptr (VipsImage) image = wrap (pixels, 16, 16, 4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_CMYK);
      g_autoptr (GBytes) file = encode (image, JPEG);
      g_autoptr (UtImage) rgb = decode_ok (file);
      const uint8_t *middle = pixel (rgb, 8, 8);
      if (i == 0)
        assert_near (middle, (const uint8_t[]) { 255, 255, 255 }, 4);
      else if (i == 1)
        assert_near (middle, (const uint8_t[]) { 0, 0, 0 }, 64);
      else
        g_assert_cmpint (middle[0] + 60, <, middle[2]);
    }
}

/* Stored so that the first row is whole only at the end of the file. */
static void
test_interlaced (void)
{
  constexpr int SIDE = 16;
  g_autoptr (VipsImage) image = six_colours (SIDE);
  for (int kind = 0; kind < 2; kind++)
    {
      void *bytes;
      size_t n;
      g_assert_cmpint (kind == 0 ? vips_pngsave_buffer (image, &bytes, &n, "interlace", TRUE, NULL)
                                 : vips_jpegsave_buffer (image, &bytes, &n, "interlace", TRUE, "Q", 98, NULL),
                       ==, 0);
      g_autoptr (GBytes) file = g_bytes_new_take (bytes, n);
      g_autoptr (UtImage) got = decode_ok (file);
      for (int i = 0; i < 6; i++)
        assert_near (pixel (got, i % 3 * SIDE + SIDE / 2, i / 3 * SIDE + SIDE / 2), six[i], kind == 0 ? 0 : 6);
    }
}

static void
test_animation (void)
{
  uint8_t frames[2][8 * 8][3];
  memset (frames[0], 200, sizeof frames[0]);
  memset (frames[1], 50, sizeof frames[1]);
  g_autoptr (VipsImage) image = wrap (frames, 8, 16, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
  vips_image_set_int (image, VIPS_META_PAGE_HEIGHT, 8);
  for (Format format = WEBP; format <= GIF; format++)
    {
      g_autoptr (GBytes) file = encode (image, format);
      g_autoptr (UtImage) first = decode_ok (file);
      g_assert_cmpint (first->height, ==, 8);
      assert_near (pixel (first, 4, 4), (const uint8_t[]) { 200, 200, 200 }, 0);
    }
}

/* --- Sizes. --- */

static void
test_limit (void)
{
  static const struct {
    int width, height, to_width, to_height;
  } cases[] = {
    { 1024, 1024, 1024, 1024 }, { 1025, 10, 1024, 10 }, { 2000, 3, 1024, 2 }, { 3, 2000, 2, 1024 }, { 2048, 1, 1024, 1 }, { 1536, 1025, 1024, 683 },
    { 2000, 5, 1024, 3 }, /* 2.56 */
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree uint8_t *grey = g_malloc ((size_t) (cases[i].width * cases[i].height * 3));
      memset (grey, 90, (size_t) (cases[i].width * cases[i].height * 3));
      g_autoptr (VipsImage) image = wrap (grey, cases[i].width, cases[i].height, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
      g_autoptr (GBytes) file = encode (image, PNG);
      g_autoptr (UtImage) got = decode_ok (file);
      g_assert_cmpint (got->width, ==, cases[i].to_width);
      g_assert_cmpint (got->height, ==, cases[i].to_height);
      for (int p = 0; p < got->width * got->height * 3; p++)
        g_assert_cmpint (got->pixels[p], ==, 90); /* the weights sum to one */
    }
}

static void
test_resize (void)
{
  g_autoptr (UtImage) image = textured (40, 30);
  g_autoptr (UtImage) same = ut_image_resize (image, 40, 30, NULL);
  g_assert_true (same == image);

  /* Doubling: the second pixel lies a quarter of a pixel after the first of the source. The Catmull-Rom cubic weighs the source pixels
   * −1, 0, 1, 2 there with (−9, 111, 29, −3) / 128; the first falls outside and the rest is normalised: 111 / 137 of the one lit pixel. */
  g_autoptr (UtImage) edge = ut_image_new (4, 1, NULL);
  memset (edge->pixels, 0, 12);
  edge->pixels[0] = 137;
  g_autoptr (UtImage) doubled = ut_image_resize (edge, 8, 1, NULL);
  g_assert_cmpint (doubled->pixels[3], ==, 111);

  for (int n = 1; n <= 70; n += 23)
    {
      g_autoptr (UtImage) other = ut_image_resize (image, n, 71 - n, NULL);
      g_assert_cmpint (other->width, ==, n);
      g_assert_cmpint (other->height, ==, 71 - n);
    }

  g_autoptr (GError) error = NULL;
  g_assert_null (ut_image_resize (image, 0, 30, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
}

/* --- What is refused. --- */

static void
assert_refused (const void *bytes, size_t n, const char *fragment)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_image_decode (bytes, n, "folder/name.xyz", &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_assert_true (g_str_has_prefix (error->message, "folder/name.xyz: "));
  g_assert_nonnull (strstr (error->message, fragment));
  g_assert_null (strchr (error->message, '\n'));
}

static void
test_other_formats (void)
{
  static const char *const others[] = {
    "",
    "B",
    "hello",
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"2\" height=\"2\"/>",
    "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"2\" height=\"2\"/>",
    "%PDF-1.4\n",
    "P3 1 1 255 1 2 3\n",
    "push graphic-context\nviewbox 0 0 1 1\n",
    "\x89PN",
    "RIFF____WAVE",
    "____ftypheic____",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    assert_refused (others[i], strlen (others[i]), "not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image");
}

/* A few bytes that declare gigapixels. */
static void
test_bombs (void)
{
  uint8_t big[sizeof bmp];
  memcpy (big, bmp, sizeof bmp);
  memcpy (big + BMP_WIDTH_AT, (const uint8_t[]) { 0, 0, 1, 0, 0, 0, 1, 0 }, 8); /* 65536 × 65536 */
  assert_refused (big, sizeof big, "65536×65536");
  memcpy (big + BMP_HEIGHT_AT, (const uint8_t[]) { 0, 0, 0, 0x80 }, 4); /* the one height without a positive counterpart */
  assert_refused (big, sizeof big, "expected sides from 1");
  assert_refused (bmp, 20, "no room for its header");

  /* The canvas and the one frame in it. */
  static const uint8_t gif[] = { 'G', 'I', 'F', '8', '9', 'a', 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, /* frame */
                                 0x2c, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 2, 2, 0x44, 1, 0, 0x3b };
  assert_refused (gif, sizeof gif, "65535×65535");
}

/* Cut short anywhere: an error, or the whole picture where only what follows the pixels is missing. */
static void
test_truncated (void)
{
  g_autoptr (VipsImage) image = six_colours (12);
  for (Format format = 0; format < N_FORMATS; format++)
    {
      g_autoptr (GBytes) file = encode (image, format);
      gsize n;
      const uint8_t *bytes = g_bytes_get_data (file, &n);
      const size_t stride = MAX (n / 200, 1);
      for (size_t length = 0; length < n; length += stride)
        {
          g_autofree uint8_t *part = g_memdup2 (bytes, length); /* its own allocation, so that a tool sees a read beyond it */
          g_autoptr (GError) error = NULL;
          g_autoptr (UtImage) got = ut_image_decode (part, length, "part", &error);
          g_assert_true ((got == NULL) == (error != NULL));
          if (length < n / 2)
            g_assert_null (got);
        }
    }
}

/* Bytes overwritten anywhere: an error or an image, and no crash. */
static void
test_corrupt (void)
{
  g_autoptr (VipsImage) image = six_colours (12);
  UtRng rng = ut_rng_init (0, "test", "corrupt", 0);
  for (Format format = 0; format < N_FORMATS; format++)
    {
      g_autoptr (GBytes) file = encode (image, format);
      gsize n;
      const uint8_t *bytes = g_bytes_get_data (file, &n);
      for (int trial = 0; trial < 200; trial++)
        {
          g_autofree uint8_t *changed = g_memdup2 (bytes, n);
          for (int i = 0; i < 3; i++)
            changed[ut_rng_below (&rng, n)] = (uint8_t) ut_rng_next (&rng);
          g_autoptr (GError) error = NULL;
          g_autoptr (UtImage) got = ut_image_decode (changed, n, "changed", &error);
          g_assert_true ((got == NULL) == (error != NULL));
        }
    }
}

/* --- Threads. --- */

typedef struct {
  GBytes *file;
  char *name; /* of a file that is refused; NULL for a good one */
} Job;

static void *
decode_often (void *data)
{
  const Job *job = data;
  for (int i = 0; i < 100; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (UtImage) image = decode (job->file, job->name == NULL ? "good" : job->name, &error);
      if (job->name == NULL)
        assert_near (pixel (image, 4, 4), six[0], 0);
      else
        g_assert_true (g_str_has_prefix (error->message, job->name));
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (VipsImage) image = six_colours (8);
  g_autoptr (GBytes) good = encode (image, PNG);
  g_autoptr (GBytes) bad = g_bytes_new_from_bytes (good, 0, g_bytes_get_size (good) / 2);
  Job jobs[4] = { { good, NULL }, { bad, (char *) "first.png" }, { bad, (char *) "second.png" }, { good, NULL } };
  GThread *threads[G_N_ELEMENTS (jobs)];
  for (size_t i = 0; i < G_N_ELEMENTS (jobs); i++)
    threads[i] = g_thread_new (NULL, decode_often, &jobs[i]);
  for (size_t i = 0; i < G_N_ELEMENTS (jobs); i++)
    g_thread_join (threads[i]);
}

/* --- Files of the wild, where there are any. --- */

static void
test_wild (void)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "..", "..", "shared", "data", "broken", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  if (dir == NULL)
    {
      g_test_skip ("no ../shared/data/broken");
      return;
    }
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      char *bytes;
      gsize n;
      g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
      g_autoptr (GBytes) file = g_bytes_new_take (bytes, n);
      g_autoptr (GError) error = NULL;
      g_autoptr (UtImage) image = decode (file, name, &error);
      if (image == NULL)
        g_assert_true (g_str_has_prefix (error->message, name));
      else
        g_assert_no_error (error);
      if (strstr (name, "truncated_image") != NULL || strstr (name, "crash-") != NULL || strstr (name, "reallybig") != NULL)
        g_assert_null (image);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* libvips warns of broken files, which are what many tests here are about; GLib's tests would make that fatal. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  /* The library starts libvips at its first use; this program's own calls want it earlier. */
  g_autoptr (UtImage) first = ut_image_decode ("", 0, "", NULL);
  g_assert_null (first);

  g_test_add_func ("/image/new", test_new);
  g_test_add_func ("/image/png/round-trip", test_png_round_trip);
  g_test_add_func ("/image/png/unwritable", test_png_unwritable);
  g_test_add_func ("/image/formats", test_formats);
  g_test_add_func ("/image/bmp", test_bmp);
  g_test_add_func ("/image/orientation", test_orientation);
  g_test_add_func ("/image/orientation/jpeg", test_orientation_jpeg);
  g_test_add_func ("/image/alpha", test_alpha);
  g_test_add_func ("/image/depths", test_depths);
  g_test_add_func ("/image/cmyk", test_cmyk);
  g_test_add_func ("/image/interlaced", test_interlaced);
  g_test_add_func ("/image/animation", test_animation);
  g_test_add_func ("/image/limit", test_limit);
  g_test_add_func ("/image/resize", test_resize);
  g_test_add_func ("/image/other-formats", test_other_formats);
  g_test_add_func ("/image/bombs", test_bombs);
  g_test_add_func ("/image/truncated", test_truncated);
  g_test_add_func ("/image/corrupt", test_corrupt);
  g_test_add_func ("/image/threads", test_threads);
  g_test_add_func ("/image/wild", test_wild);
  return g_test_run ();
}
