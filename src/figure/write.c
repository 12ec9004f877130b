#include <cairo-pdf.h>
#include <librsvg/rsvg.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "figure/figure.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RsvgHandle, g_object_unref)

/* Of cairo's own pictures. */
#define LARGEST_SIDE 32767

static gboolean
fail (const char *path, const char *reason, GError **error)
{
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", path, reason);
  return FALSE;
}

/* With `dpi` units an inch. */
static RsvgHandle *
read_svg (const char *svg, double dpi, const char *path, RsvgRectangle *out_size, GError **error)
{
  g_autoptr (GError) fault = NULL;
  g_autoptr (RsvgHandle) handle = rsvg_handle_new_from_data ((const guint8 *) svg, strlen (svg), &fault);
  if (handle == NULL)
    {
      fail (path, fault->message, error);
      return NULL;
    }
  rsvg_handle_set_dpi (handle, dpi);
  *out_size = (RsvgRectangle) { 0 };
  if (!rsvg_handle_get_intrinsic_size_in_pixels (handle, &out_size->width, &out_size->height) || !(out_size->width > 0)
      || !(out_size->height > 0))
    {
      fail (path, "the figure has no size", error);
      return NULL;
    }
  return g_steal_pointer (&handle);
}

static gboolean
draw (RsvgHandle *handle, const RsvgRectangle *size, cairo_surface_t *surface, const char *path, GError **error)
{
  g_autoptr (GError) fault = NULL;
  cairo_t *cr = cairo_create (surface);
  const gboolean drawn = rsvg_handle_render_document (handle, cr, size, &fault);
  const cairo_status_t status = cairo_status (cr);
  cairo_destroy (cr);
  if (!drawn)
    return fail (path, fault->message, error);
  return status == CAIRO_STATUS_SUCCESS || fail (path, cairo_status_to_string (status), error);
}

static cairo_status_t
append (void *bytes, const unsigned char *data, unsigned n)
{
  g_byte_array_append (bytes, data, n);
  return CAIRO_STATUS_SUCCESS;
}

static gboolean
save (const GByteArray *bytes, const char *path, GError **error)
{
  g_autoptr (GError) fault = NULL;
  if (!g_file_set_contents (path, (const char *) bytes->data, (gssize) bytes->len, &fault))
    g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, fault->message);
  return fault == NULL;
}

gboolean
ut_figure_write_pdf (const char *svg, const char *path, GError **error)
{
  RsvgRectangle size;
  g_autoptr (RsvgHandle) handle = read_svg (svg, 72, path, &size, error);
  if (handle == NULL)
    return FALSE;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  cairo_surface_t *surface = cairo_pdf_surface_create_for_stream (append, bytes, size.width, size.height);
  /* What pdfTeX takes without a word; and without the time, which would make every file another one. */
  cairo_pdf_surface_restrict_to_version (surface, CAIRO_PDF_VERSION_1_5);
  cairo_pdf_surface_set_metadata (surface, CAIRO_PDF_METADATA_CREATE_DATE, "");
  const gboolean drawn = draw (handle, &size, surface, path, error);
  cairo_surface_finish (surface);
  const cairo_status_t status = cairo_surface_status (surface);
  cairo_surface_destroy (surface);
  if (!drawn)
    return FALSE;
  if (status != CAIRO_STATUS_SUCCESS)
    return fail (path, cairo_status_to_string (status), error);
  return save (bytes, path, error);
}

gboolean
ut_figure_write_png (const char *svg, double dpi, const char *path, GError **error)
{
  RsvgRectangle size;
  g_autoptr (RsvgHandle) handle = read_svg (svg, dpi, path, &size, error);
  if (handle == NULL)
    return FALSE;
  if (size.width > LARGEST_SIDE || size.height > LARGEST_SIDE)
    return fail (path, "too large for a PNG at this resolution", error);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  cairo_surface_t *surface
      = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, (int) lround (ceil (size.width)), (int) lround (ceil (size.height)));
  gboolean drawn = draw (handle, &size, surface, path, error);
  const cairo_status_t status = drawn ? cairo_surface_write_to_png_stream (surface, append, bytes) : CAIRO_STATUS_SUCCESS;
  cairo_surface_destroy (surface);
  if (status != CAIRO_STATUS_SUCCESS)
    drawn = fail (path, cairo_status_to_string (status), error);
  return drawn && save (bytes, path, error);
}
