/* Figures for papers: the charts of the page (report/charts.h), drawn without a browser. Vega-Lite and Vega run in QuickJS, which reaches no
 * file and no network, within limits of memory and time; librsvg and cairo make of the SVG what LaTeX takes. */
#pragma once
#include <glib.h>

/* Vega, loaded, for any number of figures. Belongs to one thread. */
typedef struct _UtPlotter UtPlotter;

UtPlotter *ut_plotter_new (GError **error);
void ut_plotter_free (UtPlotter *plotter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtPlotter, ut_plotter_free)

/* The figure as SVG, UTF-8, `width` millimetres wide, its texts in 7 and 8 points, after the theme for papers (paper.json). `spec` is
 * Vega-Lite whose data are {"name": "rows"}, `rows` a JSON array of objects. The same figure is the same text. UT_ERROR_FAILED, beginning
 * with `name`, for a specification or rows that cannot be drawn. The caller owns it. */
char *ut_plotter_svg (UtPlotter *plotter, const char *name, const char *spec, const char *rows, double width, GError **error);

/* Write the SVG as one page of PDF, of the SVG's size, with its fonts in it, or as PNG with `dpi` pixels an inch. Both are replaced whole or
 * not at all. UT_ERROR_FAILED, naming the file, for what cannot be read or written. The same SVG is the same file. */
gboolean ut_figure_write_pdf (const char *svg, const char *path, GError **error);
gboolean ut_figure_write_png (const char *svg, double dpi, const char *path, GError **error);
