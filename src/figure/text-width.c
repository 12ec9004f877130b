#include "figure/text-width.h"

#include <pango/pangocairo.h>
#include <string.h>

struct _UtTextWidth {
  PangoContext *context;
  PangoLayout *layout;
};

/* As librsvg sets Pango up, which will draw the text: glyphs of any size, at any place. */
UtTextWidth *
ut_text_width_new (void)
{
  UtTextWidth *measure = g_new0 (UtTextWidth, 1);
  measure->context = pango_font_map_create_context (pango_cairo_font_map_get_default ());
  pango_context_set_round_glyph_positions (measure->context, FALSE);
  cairo_font_options_t *options = cairo_font_options_create ();
  cairo_font_options_set_hint_metrics (options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_hint_style (options, CAIRO_HINT_STYLE_NONE);
  pango_cairo_context_set_font_options (measure->context, options);
  cairo_font_options_destroy (options);
  measure->layout = pango_layout_new (measure->context);
  pango_layout_set_single_paragraph_mode (measure->layout, TRUE);
  return measure;
}

void
ut_text_width_free (UtTextWidth *measure)
{
  if (measure == NULL)
    return;
  g_object_unref (measure->layout);
  g_object_unref (measure->context);
  g_free (measure);
}

static PangoWeight
weight_of (const char *weight)
{
  const guint64 number = g_ascii_strtoull (weight, NULL, 10);
  if (number > 0)
    return (PangoWeight) CLAMP (number, 100, 1000);
  return strcmp (weight, "bold") == 0 ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL;
}

double
ut_text_width (UtTextWidth *measure, const char *family, double size, const char *style, const char *weight, const char *text)
{
  PangoFontDescription *font = pango_font_description_new ();
  pango_font_description_set_family_static (font, family);
  pango_font_description_set_absolute_size (font, CLAMP (size, 0, 1000) * PANGO_SCALE);
  pango_font_description_set_style (font, strcmp (style, "italic") == 0 ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
  pango_font_description_set_weight (font, weight_of (weight));
  pango_layout_set_font_description (measure->layout, font);
  pango_font_description_free (font);
  pango_layout_set_text (measure->layout, text, -1);
  int width;
  pango_layout_get_size (measure->layout, &width, NULL);
  return (double) width / PANGO_SCALE;
}
