#include "image/image.h"

#include <math.h>
#include <string.h>
#include <vips/vips.h>

#include "base/error.h"

/* A file of a few bytes can declare any size; refused before anything is decoded. 256 megapixels are 768 MB; the side bounds what resizing
 * keeps for each source pixel of a row. */
static constexpr int64_t MAX_PIXELS = INT64_C (1) << 28;
static constexpr int64_t MAX_SIDE = INT64_C (1) << 20;

/* --- The image itself. --- */

/* What stands before an image in memory: its count of references, padded so that the image is aligned. */
static constexpr size_t HEADER_BYTES = 16;
static_assert (sizeof (gatomicrefcount) <= HEADER_BYTES);

static gatomicrefcount *
reference_count (UtImage *image)
{
  return (gatomicrefcount *) (void *) ((char *) image - HEADER_BYTES);
}

static gboolean
check_size (int64_t width, int64_t height, const char *name, GError **error)
{
  if (width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE && width * height <= MAX_PIXELS)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
               "%s: %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT " pixels: expected sides from 1 to %" G_GINT64_FORMAT
               " and at most %" G_GINT64_FORMAT " pixels in all",
               name, width, height, MAX_SIDE, MAX_PIXELS);
  return FALSE;
}

static size_t
image_bytes (int width, int height)
{
  return (size_t) width * (size_t) height * 3;
}

UtImage *
ut_image_new (int width, int height, GError **error)
{
  if (!check_size (width, height, "a new image", error))
    return NULL;
  char *block = g_try_malloc (HEADER_BYTES + sizeof (UtImage) + image_bytes (width, height));
  if (block == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "no memory for an image of %d×%d pixels", width, height);
      return NULL;
    }
  UtImage *image = (UtImage *) (void *) (block + HEADER_BYTES);
  g_atomic_ref_count_init (reference_count (image));
  image->width = width;
  image->height = height;
  return image;
}

UtImage *
ut_image_ref (UtImage *image)
{
  g_atomic_ref_count_inc (reference_count (image));
  return image;
}

void
ut_image_unref (UtImage *image)
{
  if (g_atomic_ref_count_dec (reference_count (image)))
    g_free (reference_count (image));
}

/* --- libvips: decoding and encoding. --- */

/* libvips keeps one error text for the whole process. One operation at a time keeps each text with the file it is about; next
 * to a model's forward pass, decoding costs nothing. */
static GMutex vips_mutex;

static void
drop_log (const char *domain, GLogLevelFlags level, const char *message, void *data)
{
  (void) domain, (void) level, (void) message, (void) data;
}

/* Starts libvips at the first use; with vips_mutex held. */
static gboolean
start_vips (GError **error)
{
  static gboolean started = FALSE;
  if (started)
    return TRUE;
  /* What matters reaches the caller as an error; warnings about odd metadata are for nobody. */
  g_log_set_handler ("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG, drop_log, NULL);
  if (vips_init ("undertow") != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "libvips does not start: %s", vips_error_buffer ());
      vips_error_clear ();
      return FALSE;
    }
  /* No image is opened twice, and a cached operation would keep the caller's bytes alive. */
  vips_cache_set_max (0);
  /* How many things run at a time is the caller's to say. */
  vips_concurrency_set (1);
  started = TRUE;
  return TRUE;
}

/* The end of a failed operation on `name`: the last line of libvips' text becomes the error. What stands before it are warnings, up to
 * hundreds for a damaged TIFF. */
static void
take_vips_error (const char *name, GError **error)
{
  g_autofree char *text = vips_error_buffer_copy ();
  g_strchomp (text);
  const char *newline = strrchr (text, '\n');
  const char *last = newline == NULL ? text : newline + 1;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", name, *last != '\0' ? last : "libvips failed and says no more");
}

typedef int (*Load) (void *bytes, size_t n_bytes, VipsImage **out, ...) G_GNUC_NULL_TERMINATED;

static gboolean
starts_with (const uint8_t *bytes, size_t n_bytes, const char *magic, size_t n_magic)
{
  return n_bytes >= n_magic && memcmp (bytes, magic, n_magic) == 0;
}

#define STARTS_WITH(magic) starts_with (bytes, n_bytes, magic, sizeof (magic) - 1)

/* ISO media files open with an `ftyp` box: its length, "ftyp", the major brand, a version, compatible brands. */
static gboolean
is_avif (const uint8_t *bytes, size_t n_bytes)
{
  if (n_bytes < 16 || memcmp (bytes + 4, "ftyp", 4) != 0)
    return FALSE;
  const size_t declared = (size_t) bytes[0] << 24 | (size_t) bytes[1] << 16 | (size_t) bytes[2] << 8 | bytes[3];
  const size_t end = MIN (declared, n_bytes);
  for (size_t i = 8; i + 4 <= end; i += i == 8 ? 8 : 4)
    if (memcmp (bytes + i, "avif", 4) == 0)
      return TRUE;
  return FALSE;
}

/* The one loader for these bytes; NULL for any other format. libvips could choose by itself, but then also SVG, PDF and all that
 * ImageMagick reads, formats that carry scripts, references to other files and a larger attack surface. */
static Load
choose_loader (const uint8_t *bytes, size_t n_bytes)
{
  if (STARTS_WITH ("\xff\xd8\xff"))
    return vips_jpegload_buffer;
  if (STARTS_WITH ("\x89PNG\r\n\x1a\n"))
    return vips_pngload_buffer;
  if (STARTS_WITH ("GIF87a") || STARTS_WITH ("GIF89a"))
    return vips_gifload_buffer;
  if (STARTS_WITH ("RIFF") && n_bytes >= 12 && memcmp (bytes + 8, "WEBP", 4) == 0)
    return vips_webpload_buffer;
  if (STARTS_WITH ("II*\0") || STARTS_WITH ("MM\0*") || STARTS_WITH ("II+\0") || STARTS_WITH ("MM\0+"))
    return vips_tiffload_buffer;
  if (is_avif (bytes, n_bytes))
    return vips_heifload_buffer;
  if (STARTS_WITH ("BM"))
    return vips_magickload_buffer;
  return NULL;
}

static int32_t
read_le32 (const uint8_t *bytes)
{
  int32_t value;
  memcpy (&value, bytes, sizeof value);
  return GINT32_FROM_LE (value);
}

/* ImageMagick decodes before it tells the size, so a BMP's declared size is read here; every other loader is lazy. */
static gboolean
check_bmp_size (const uint8_t *bytes, size_t n_bytes, const char *name, GError **error)
{
  if (n_bytes < 26)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: a BMP of %zu bytes has no room for its header", name, n_bytes);
      return FALSE;
    }
  if (read_le32 (bytes + 14) == 12) /* OS/2: 16-bit sides */
    return check_size (bytes[18] | bytes[19] << 8, bytes[20] | bytes[21] << 8, name, error);
  const int64_t height = read_le32 (bytes + 22); /* negative: stored from the top down */
  return check_size (read_le32 (bytes + 18), ABS (height), name, error);
}

/* One step of a pipeline: `next` takes the place of `*image`. */
static gboolean
step (VipsImage **image, VipsImage *next, int status)
{
  if (status != 0)
    return FALSE;
  g_object_unref (*image);
  *image = next;
  return TRUE;
}

/* Brings a loaded image upright, to three 8-bit sRGB bands without alpha. RGB and grey values are taken as they are, whatever
 * profile is embedded: so do the paper's pipeline and every model's own; CMYK has no meaning without its profile. */
static gboolean
normalise (VipsImage **image)
{
  VipsImage *next = NULL;
  if (vips_image_get_orientation (*image) > 1)
    {
      /* The file is read in one pass from the top; turning it needs any pixel at any time. */
      next = vips_image_copy_memory (*image);
      if (!step (image, next, next == NULL))
        return FALSE;
      if (!step (image, next, vips_autorot (*image, &next, NULL)))
        return FALSE;
    }
  if (!step (image, next, vips_colourspace (*image, &next, VIPS_INTERPRETATION_sRGB, NULL)))
    return FALSE;
  if (vips_image_hasalpha (*image))
    {
      g_autoptr (VipsArrayDouble) white = vips_array_double_newv (1, 255.0);
      if (!step (image, next, vips_flatten (*image, &next, "background", white, NULL)))
        return FALSE;
    }
  return step (image, next, vips_cast_uchar (*image, &next, NULL));
}

/* Runs the pipeline. */
static UtImage *
render (VipsImage *pipeline, const char *name, GError **error)
{
  const int width = vips_image_get_width (pipeline), height = vips_image_get_height (pipeline);
  if (vips_image_get_bands (pipeline) != 3)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %d colour bands after conversion to sRGB, expected 3", name,
                   vips_image_get_bands (pipeline));
      return NULL;
    }
  size_t n = 0;
  void *pixels = vips_image_write_to_memory (pipeline, &n);
  if (pixels == NULL)
    {
      take_vips_error (name, error);
      return NULL;
    }
  UtImage *image = ut_image_new (width, height, error);
  if (image != NULL)
    memcpy (image->pixels, pixels, image_bytes (width, height));
  g_free (pixels);
  return image;
}

static UtImage *
decode_full_size (const void *bytes, size_t n_bytes, const char *name, GError **error)
{
  const Load load = choose_loader (bytes, n_bytes);
  if (load == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image", name);
      return NULL;
    }
  if (load == vips_magickload_buffer && !check_bmp_size (bytes, n_bytes, name, error))
    return NULL;

  g_autoptr (VipsImage) pipeline = NULL;
  /* Only what cannot be decoded is refused (cut short, corrupt); oddities in metadata are not. The buffer is only read. */
  if (load ((void *) bytes, n_bytes, &pipeline, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL) != 0)
    {
      take_vips_error (name, error);
      return NULL;
    }
  if (!check_size (vips_image_get_width (pipeline), vips_image_get_height (pipeline), name, error))
    return NULL;
  if (!normalise (&pipeline))
    {
      take_vips_error (name, error);
      return NULL;
    }
  return render (pipeline, name, error);
}

/* The longest side no longer than allowed, aspect kept to the nearest pixel. */
static UtImage *
limit_size (UtImage *image, GError **error)
{
  const int longest = MAX (image->width, image->height), limit = UT_IMAGE_LONGEST_SIDE;
  if (longest <= limit)
    return ut_image_ref (image);
  const double scale = (double) limit / longest;
  const int width = MAX ((int) rint (image->width * scale), 1);
  const int height = MAX ((int) rint (image->height * scale), 1);
  return ut_image_resize (image, width, height, error);
}

UtImage *
ut_image_decode (const void *bytes, size_t n_bytes, const char *name, GError **error)
{
  g_autoptr (UtImage) full = NULL;
  {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&vips_mutex);
    if (!start_vips (error))
      return NULL;
    vips_error_clear ();
    full = decode_full_size (bytes, n_bytes, name, error);
    vips_error_clear ();
  }
  return full == NULL ? NULL : limit_size (full, error);
}

/* libvips' view of an image, which must outlive it. */
static VipsImage *
wrap (const UtImage *image)
{
  return vips_image_new_from_memory (image->pixels, image_bytes (image->width, image->height), image->width, image->height, 3,
                                     VIPS_FORMAT_UCHAR);
}

/* `name` stands in error messages only. */
static GBytes *
encode_png (const UtImage *image, const char *name, GError **error)
{
  void *png = NULL;
  size_t n_png = 0;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&vips_mutex);
  if (!start_vips (error))
    return NULL;
  vips_error_clear ();
  g_autoptr (VipsImage) wrapped = wrap (image);
  if (wrapped != NULL && vips_pngsave_buffer (wrapped, &png, &n_png, "keep", VIPS_FOREIGN_KEEP_NONE, NULL) == 0)
    return g_bytes_new_take (png, n_png);
  take_vips_error (name, error);
  vips_error_clear ();
  return NULL;
}

GBytes *
ut_image_encode_png (const UtImage *image, GError **error)
{
  return encode_png (image, "PNG", error);
}

GBytes *
ut_image_encode_webp (const UtImage *image, int quality, GError **error)
{
  void *webp = NULL;
  size_t n_webp = 0;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&vips_mutex);
  if (!start_vips (error))
    return NULL;
  vips_error_clear ();
  g_autoptr (VipsImage) wrapped = wrap (image);
  if (wrapped != NULL
      && vips_webpsave_buffer (wrapped, &webp, &n_webp, "Q", quality, "keep", VIPS_FOREIGN_KEEP_NONE, NULL) == 0)
    return g_bytes_new_take (webp, n_webp);
  take_vips_error ("WebP", error);
  vips_error_clear ();
  return NULL;
}

gboolean
ut_image_write_png (const UtImage *image, const char *path, GError **error)
{
  g_autoptr (GBytes) png = encode_png (image, path, error);
  return png != NULL && g_file_set_contents (path, g_bytes_get_data (png, NULL), (gssize) g_bytes_get_size (png), error);
}

UtImage *
ut_image_through_jpeg (const UtImage *image, int quality, GError **error)
{
  g_autofree void *jpeg = NULL;
  size_t n_jpeg = 0;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&vips_mutex);
  if (!start_vips (error))
    return NULL;
  vips_error_clear ();
  g_autoptr (VipsImage) wrapped = wrap (image);
  if (wrapped != NULL
      && vips_jpegsave_buffer (wrapped, &jpeg, &n_jpeg, "Q", quality, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_ON, "keep",
                               VIPS_FOREIGN_KEEP_NONE, NULL)
             == 0)
    return decode_full_size (jpeg, n_jpeg, "JPEG", error);
  take_vips_error ("JPEG", error);
  vips_error_clear ();
  return NULL;
}
