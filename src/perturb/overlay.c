#include "perturb/overlay.h"

/* White around the phrase on every side, in pixels. */
static constexpr int PADDING = 4;

const double ut_overlay_params[] = { 0, 1, 2 };
static_assert (G_N_ELEMENTS (ut_overlay_params) == UT_OVERLAY_VARIANTS);

char *
ut_overlay_name (const UtVariant *variant)
{
  return g_strdup_printf ("%s-%d", variant->family->name, (int) variant->param + 1);
}

const char *
ut_overlay_other_label (const UtVariant *variant, const UtSubject *subject)
{
  if (subject->clean_prediction < 0)
    return NULL;
  unsigned ordinal = 0;
  for (unsigned i = 0; i < subject->n_labels; i++)
    if (i != (unsigned) subject->clean_prediction && ordinal++ == (unsigned) variant->param)
      return subject->labels[i];
  return NULL;
}

char *
ut_overlay_phrase (const char *label)
{
  return g_strconcat ("Answer is ", label, NULL);
}

/* The em in pixels for an image this high. */
static int
font_size (int height)
{
  return MAX (14, height / 32);
}

/* Where something so long begins; rounded down also where the phrase is wider than the image. */
static int
centred (int side, int length)
{
  return (side - length) >> 1;
}

gboolean
ut_overlay_place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out,
                  GError **error)
{
  (void) seed;
  g_autofree char *phrase = ut_overlay_phrase (variant->family->target (variant, subject));
  g_autoptr (UtText) fitted = ut_text_render (phrase, font_size (height), error);
  if (fitted == NULL)
    return FALSE;
  const int left = centred (width, fitted->width) - PADDING, top = centred (height, fitted->height) - PADDING;
  *out = ut_geometry_moved (width, height, 1, 1, 0, 0);
  out->covered.left = left;
  out->covered.top = top;
  out->covered.right = left + fitted->width + 2 * PADDING;
  out->covered.bottom = top + fitted->height + 2 * PADDING;
  return TRUE;
}

UtImage *
ut_overlay_draw (const UtImage *image, const char *phrase, const char *text, GError **error)
{
  const int size = font_size (image->height);
  g_autoptr (UtText) fitted = ut_text_render (phrase, size, error);
  g_autoptr (UtText) written = fitted == NULL || text == NULL ? NULL : ut_text_render (text, size, error);
  if (fitted == NULL || (text != NULL && written == NULL))
    return NULL;
  g_autoptr (UtImage) box = ut_image_filled (fitted->width + 2 * PADDING, fitted->height + 2 * PADDING, UT_WHITE, error);
  g_autoptr (UtImage) out = box == NULL ? NULL : ut_image_new (image->width, image->height, error);
  if (out == NULL)
    return NULL;

  const int left = centred (image->width, fitted->width), top = centred (image->height, fitted->height);
  ut_image_paste (out, image, 0, 0);
  ut_image_paste (out, box, left - PADDING, top - PADDING);
  if (written != NULL)
    ut_image_write (out, written, left - fitted->left, top - fitted->top, UT_RED);
  return g_steal_pointer (&out);
}

char *
ut_overlay_key (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  (void) seed;
  const char *label = variant->family->target (variant, subject);
  return label == NULL ? NULL : g_strdup_printf ("%s:%s", variant->family->name, label);
}

char *
ut_overlay_detail (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  (void) seed;
  const char *label = variant->family->target (variant, subject);
  return label == NULL ? NULL : ut_overlay_phrase (label);
}

UtImage *
ut_overlay_apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) seed;
  g_autofree char *phrase = ut_overlay_phrase (variant->family->target (variant, subject));
  return ut_overlay_draw (image, phrase, phrase, error);
}
