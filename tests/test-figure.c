/* figure: Vega-Lite specifications drawn without a browser, as a paper takes them. */
#include "base/error.h"
#include "figure/figure.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#define COLUMN_MM 84.0
#define COLUMN_POINTS (COLUMN_MM * 72 / 25.4)

static const char bars[] = "{\"data\": {\"name\": \"rows\"}, \"mark\": \"bar\", \"encoding\": {"
                           "\"y\": {\"field\": \"name\", \"type\": \"nominal\", \"title\": null},"
                           "\"x\": {\"field\": \"value\", \"type\": \"quantitative\", \"title\": \"Value\"}}}";

static const char three_rows[]
    = "[{\"name\": \"a\", \"value\": 1}, {\"name\": \"b\", \"value\": 2}, {\"name\": \"c\", \"value\": 3}]";

/* One for all tests, as one is for all figures. */
static UtPlotter *plotter;

/* --- What is in an SVG ------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *role; /* aria-roledescription, which Vega gives every mark of the data */
  unsigned n;
  GString *texts;
  double width, height; /* points */
  double box[4];        /* viewBox */
} Seen;

static void
see_element (GMarkupParseContext *, const char *, const char **names, const char **values, void *data, GError **)
{
  Seen *seen = data;
  for (unsigned i = 0; names[i] != NULL; i++)
    {
      if (seen->role != NULL && strcmp (names[i], "aria-roledescription") == 0 && strcmp (values[i], seen->role) == 0)
        seen->n++;
      if (seen->width == 0 && strcmp (names[i], "width") == 0 && g_str_has_suffix (values[i], "pt"))
        seen->width = g_ascii_strtod (values[i], NULL);
      if (seen->height == 0 && strcmp (names[i], "height") == 0 && g_str_has_suffix (values[i], "pt"))
        seen->height = g_ascii_strtod (values[i], NULL);
      if (seen->box[2] == 0 && strcmp (names[i], "viewBox") == 0)
        {
          char *at = (char *) values[i];
          for (unsigned k = 0; k < 4; k++)
            seen->box[k] = g_ascii_strtod (at, &at);
        }
    }
}

static void
see_text (GMarkupParseContext *, const char *text, gsize n, void *data, GError **)
{
  Seen *seen = data;
  g_string_append_len (seen->texts, text, (gssize) n);
  g_string_append_c (seen->texts, '\n');
}

/* Fails where the SVG is no XML. The caller frees `texts`. */
static Seen
look (const char *svg, const char *role)
{
  const GMarkupParser parser = { .start_element = see_element, .text = see_text };
  Seen seen = { .role = role, .texts = g_string_new (NULL) };
  GError *error = NULL;
  GMarkupParseContext *context = g_markup_parse_context_new (&parser, G_MARKUP_DEFAULT_FLAGS, &seen, NULL);
  g_markup_parse_context_parse (context, svg, -1, &error);
  g_assert_no_error (error);
  g_markup_parse_context_end_parse (context, &error);
  g_assert_no_error (error);
  g_markup_parse_context_free (context);
  return seen;
}

static char *
draw (const char *spec, const char *rows, double width)
{
  GError *error = NULL;
  char *svg = ut_plotter_svg (plotter, "chart", spec, rows, width, &error);
  g_assert_no_error (error);
  g_assert_nonnull (svg);
  return svg;
}

/* Draws and fails, saying `part`. */
static void
refuse (const char *spec, const char *rows, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *svg = ut_plotter_svg (plotter, "the-chart", spec, rows, COLUMN_MM, &error);
  g_assert_null (svg);
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, "the-chart: "));
  g_assert_nonnull (strstr (error->message, part));
}

/* --- Tests ------------------------------------------------------------------------------------------------------------------- */

static void
test_bars (void)
{
  g_autofree char *svg = draw (bars, three_rows, COLUMN_MM);
  Seen seen = look (svg, "bar");
  g_assert_cmpuint (seen.n, ==, 3);
  g_assert_cmpfloat_with_epsilon (seen.width, COLUMN_POINTS, 0.01);
  g_assert_nonnull (strstr (seen.texts->str, "Value"));
  g_assert_nonnull (strstr (svg, "#0072B2")); /* Okabe and Ito's blue */
  g_string_free (seen.texts, TRUE);
}

/* A unit of the SVG is a point whatever the width, so that texts keep their size: what is wider has more room, and is not larger. */
static void
test_widths (void)
{
  static const char facets[]
      = "{\"data\": {\"name\": \"rows\"}, \"facet\": {\"field\": \"name\", \"type\": \"nominal\"}, \"columns\": 3,"
        " \"spec\": {\"mark\": \"point\", \"encoding\": {\"x\": {\"field\": \"value\", \"type\": \"quantitative\"},"
        " \"y\": {\"field\": \"value\", \"type\": \"quantitative\"}, \"color\": {\"field\": \"name\", \"type\": \"nominal\"}}}}";
  const char *const specs[] = { bars, facets };
  const double widths[] = { 60, COLUMN_MM, 174 };
  for (size_t s = 0; s < G_N_ELEMENTS (specs); s++)
    for (size_t w = 0; w < G_N_ELEMENTS (widths); w++)
      {
        g_autofree char *svg = draw (specs[s], three_rows, widths[w]);
        Seen seen = look (svg, NULL);
        g_assert_cmpfloat_with_epsilon (seen.width, widths[w] * 72 / 25.4, 0.01);
        g_assert_cmpfloat_with_epsilon (seen.box[2] / seen.width, 1, 0.01);
        g_assert_cmpfloat_with_epsilon (seen.box[3] / seen.height, 1, 0.01);
        g_string_free (seen.texts, TRUE);
      }
}

/* A legend beside which nothing has room is laid out in fewer columns, not made smaller. */
static void
test_legend (void)
{
  g_autoptr (GString) rows = g_string_new ("[");
  for (unsigned i = 0; i < 8; i++)
    g_string_append_printf (rows, "%s{\"name\": \"a rather long name %u\", \"value\": %u}", i > 0 ? "," : "", i, i);
  g_string_append_c (rows, ']');
  g_autofree char *svg
      = draw ("{\"data\": {\"name\": \"rows\"}, \"mark\": \"point\", \"encoding\": {\"x\": {\"field\": \"value\", \"type\": "
              "\"quantitative\"}, \"color\": {\"field\": \"name\", \"type\": \"nominal\"}}}",
              rows->str, COLUMN_MM);
  Seen seen = look (svg, "point");
  g_assert_cmpuint (seen.n, ==, 8);
  g_assert_cmpfloat_with_epsilon (seen.box[2] / seen.width, 1, 0.01);
  g_string_free (seen.texts, TRUE);
}

/* Texts take the room they are drawn with: a wide one moves the axis further than a narrow one of as many letters. */
static void
test_text_widths (void)
{
  static const char rows[] = "[{\"name\": \"%s\", \"value\": 1}]";
  const char *const names[] = { "iiiiiiiiii", "WWWWWWWWWW" };
  double left[2];
  for (unsigned i = 0; i < 2; i++)
    {
      g_autofree char *text = g_strdup_printf (rows, names[i]), *svg = draw (bars, text, COLUMN_MM);
      const char *place = strstr (svg, "translate(");
      g_assert_nonnull (place);
      left[i] = g_ascii_strtod (place + strlen ("translate("), NULL);
    }
  g_assert_cmpfloat (left[1], >, left[0] + 20);
}

static void
test_broken (void)
{
  refuse ("{", three_rows, "JSON");
  refuse ("{\"data\": {\"name\": \"rows\"}}", three_rows, "nvalid spec");
  refuse (bars, "[{\"name\": ", "JSON");
  refuse ("{\"data\": {\"name\": \"rows\"}, \"transform\": [{\"calculate\": \"1 +\", \"as\": \"x\"}], \"mark\": \"bar\", "
          "\"encoding\": {\"x\": {\"field\": \"x\"}}}",
          three_rows, "nexpected");
  /* The next figure is none the worse for it. */
  test_bars ();
}

/* A figure has its rows and nothing else. */
static void
test_closed (void)
{
  refuse ("{\"data\": {\"url\": \"/etc/passwd\"}, \"mark\": \"bar\", \"encoding\": {\"x\": {\"field\": \"x\"}}}", "[]",
          "/etc/passwd");
  refuse ("{\"data\": {\"url\": \"http://127.0.0.1:1/\"}, \"mark\": \"bar\", \"encoding\": {\"x\": {\"field\": \"x\"}}}", "[]",
          "127.0.0.1");
}

static void
test_hostile (void)
{
  g_autofree char *long_name = g_strnfill (10000, 'x');
  g_autofree char *rows = g_strdup_printf (
      "[{\"name\": \"</text><script>alert('1')</script>&amp; \\\"\", \"value\": 1},"
      " {\"name\": \"\\u05e9\\u05dc\\u05d5\\u05dd \\u202e\\u0627\\u0644\", \"value\": 2},"
      " {\"name\": \"\\u0000\\u0001\\u001b[31m \\ud800 \\ufffe\", \"value\": 3},"
      " {\"name\": \"\\u4f60\\u597d \\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\", \"value\": 4},"
      " {\"name\": \"__proto__\", \"value\": 5}, {\"name\": \"constructor\", \"value\": 5}, {\"name\": \"%s\", \"value\": 6}]",
      long_name);
  g_autofree char *svg = draw (bars, rows, COLUMN_MM);
  Seen seen = look (svg, "bar");
  g_assert_cmpuint (seen.n, ==, 7);
  g_assert_null (strstr (svg, "<script"));
  g_assert_nonnull (strstr (seen.texts->str, "</text><script>"));
  g_assert_true (g_utf8_validate (svg, -1, NULL));
  g_assert_cmpfloat_with_epsilon (seen.box[2] / seen.width, 1, 0.01);
  g_string_free (seen.texts, TRUE);
}

static void
test_same_bytes (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *first = draw (bars, three_rows, COLUMN_MM), *second = draw (bars, three_rows, COLUMN_MM);
  g_assert_cmpstr (first, ==, second);
  UtPlotter *other = ut_plotter_new (&error);
  g_assert_no_error (error);
  g_autofree char *third = ut_plotter_svg (other, "chart", bars, three_rows, COLUMN_MM, &error);
  g_assert_cmpstr (first, ==, third);
  ut_plotter_free (other);
}

/* What is no figure, and where nothing can be written. */
static void
test_unwritten (void)
{
  g_autofree char *svg = draw (bars, three_rows, COLUMN_MM);
  const struct {
    const char *svg, *path;
    double dpi;
  } tries[] = { { "no SVG", "out.png", 100 },
                { "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "out.png", 100 },
                { svg, "no-such-folder/out.png", 100 },
                { svg, "out.png", 1e6 } };
  for (size_t i = 0; i < G_N_ELEMENTS (tries); i++)
    {
      g_autoptr (GError) of_png = NULL, of_pdf = NULL;
      g_assert_false (ut_figure_write_png (tries[i].svg, tries[i].dpi, tries[i].path, &of_png));
      g_assert_error (of_png, UT_ERROR, UT_ERROR_FAILED);
      g_assert_nonnull (strstr (of_png->message, tries[i].path));
      if (tries[i].dpi > 100)
        continue;
      g_assert_false (ut_figure_write_pdf (tries[i].svg, tries[i].path, &of_pdf));
      g_assert_error (of_pdf, UT_ERROR, UT_ERROR_FAILED);
    }
  g_assert_false (g_file_test ("out.png", G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  GError *error = NULL;
  plotter = ut_plotter_new (&error);
  g_assert_no_error (error);
  g_test_add_func ("/figure/bars", test_bars);
  g_test_add_func ("/figure/widths", test_widths);
  g_test_add_func ("/figure/legend", test_legend);
  g_test_add_func ("/figure/text-widths", test_text_widths);
  g_test_add_func ("/figure/broken", test_broken);
  g_test_add_func ("/figure/closed", test_closed);
  g_test_add_func ("/figure/hostile", test_hostile);
  g_test_add_func ("/figure/same-bytes", test_same_bytes);
  g_test_add_func ("/figure/unwritten", test_unwritten);
  const int status = g_test_run ();
  ut_plotter_free (plotter);
  return status;
}
