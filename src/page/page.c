#include "page/page.h"

#include <string.h>

#include "base/error.h"
#include "figure/vega.h"
#include "page/bundle.h"
#include "page/data.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char report_css[] = {
#embed "report.css"
  , 0
};
static const unsigned char report_html[] = {
#embed "report.html"
  , 0
};
static const unsigned char report_js[] = {
#embed "report.js"
  , 0
};
static const unsigned char pages_js[] = {
#embed "pages.js"
  , 0
};
static const unsigned char compare_js[] = {
#embed "compare.js"
  , 0
};
static const unsigned char samples_css[] = {
#embed "samples.css"
  , 0
};
static const unsigned char samples_js[] = {
#embed "samples.js"
  , 0
};

/* In this order. What is written here is all that the page runs and looks like. */
static const unsigned char *const styles[] = { report_css, samples_css };
static const unsigned char *const scripts[] = {
  ut_vega_js,
  ut_vega_lite_js,
  ut_vega_interpreter_js,
  report_js,
  pages_js,
  samples_js,
  compare_js,
  (const unsigned char *) "undertow.start();\n",
};

static void
append_hash (GString *page, const unsigned char *text)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize n = sizeof digest;
  g_checksum_update (checksum, text, -1);
  g_checksum_get_digest (checksum, digest, &n);
  g_autofree char *base64 = g_base64_encode (digest, n);
  g_string_append_printf (page, " 'sha256-%s'", base64);
}

/* The browser itself holds that the page runs nothing but these scripts, and asks nobody for anything. */
static void
append_policy (GString *page, gboolean bundled)
{
  g_string_append (
      page, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'; "
            "img-src data: 'self'; style-src");
  for (unsigned i = 0; i < G_N_ELEMENTS (styles); i++)
    append_hash (page, styles[i]);
  g_string_append (page, "; script-src");
  for (unsigned i = 0; i < G_N_ELEMENTS (scripts); i++)
    append_hash (page, scripts[i]);
  /* A bundle's scripts lie beside the page, and are as many as questions. */
  g_string_append (page, bundled ? " 'self'\">\n" : "\">\n");
}

/* Within a script element, JSON must hold no "<": "</script>" or "<!--" would end it or begin a comment. In JSON it stands in strings
 * alone. */
static void
append_json (GString *page, const GString *json)
{
  g_string_append (page, "<script type=\"application/json\" id=\"report\">");
  for (const char *rest = json->str; *rest != '\0';)
    {
      const size_t n = strcspn (rest, "<");
      g_string_append_len (page, rest, (gssize) n);
      rest += n;
      if (*rest == '<')
        {
          g_string_append (page, "\\u003c");
          rest++;
        }
    }
  g_string_append (page, "</script>\n");
}

/* --- Where it goes ----------------------------------------------------------------------------------------------------------- */

/* Whether a page may be written there. Another page is replaced, as everywhere; what is something else, perhaps a run, is not. */
static gboolean
check_output (const char *path, GError **error)
{
  static const char beginning[] = "<!DOCTYPE html>";
  g_autofree char *folder = g_path_get_dirname (path);
  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: there is no folder %s", path, folder);
  else if (g_file_test (path, G_FILE_TEST_IS_DIR))
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: it is a folder, expected the name of a file", path);
  else if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_autoptr (GMappedFile) old = g_mapped_file_new (path, FALSE, NULL);
      const size_t n = old != NULL ? g_mapped_file_get_length (old) : 0;
      if (old != NULL
          && (n == 0
              || (n >= strlen (beginning) && memcmp (g_mapped_file_get_contents (old), beginning, strlen (beginning)) == 0)))
        return TRUE;
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s exists and %s: it is not replaced", path,
                   old != NULL ? "is no page" : "cannot be read");
    }
  else if (g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: it is a device or a pipe, expected the name of a file",
                 path);
  else
    return TRUE;
  return FALSE;
}

gboolean
ut_page_write (const UtPageOptions *options, size_t *out_size, GError **error)
{
  const char *title = options->title != NULL ? options->title : "Undertow";
  g_autoptr (GString) json = g_string_new (NULL);
  UtSamplesOptions samples = options->samples;
  g_autofree char *url = samples.bundle != NULL ? ut_bundle_url (samples.bundle, options->out, error) : NULL;
  samples.url = url;
  if ((samples.bundle != NULL && url == NULL) || !check_output (options->out, error)
      || !ut_page_append_data (json, title, options->paths, options->n_paths, &samples, error))
    return FALSE;

  g_autofree char *title_markup = g_markup_escape_text (title, -1);
  g_autoptr (GString) page = g_string_new ((const char *) report_html);
  append_policy (page, options->samples.bundle != NULL);
  g_string_append_printf (page, "<title>%s</title>\n", title_markup);
  for (unsigned i = 0; i < G_N_ELEMENTS (styles); i++)
    g_string_append_printf (page, "<style>%s</style>\n", (const char *) styles[i]);
  g_string_append (page,
                   "<body>\n<noscript>This report is drawn by its own scripts: allow them, they load nothing.</noscript>\n");
  append_json (page, json);
  for (unsigned i = 0; i < G_N_ELEMENTS (scripts); i++)
    g_string_append_printf (page, "<script>%s</script>\n", (const char *) scripts[i]);

  g_autoptr (GError) fault = NULL;
  if (!g_file_set_contents (options->out, page->str, (gssize) page->len, &fault))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: %s", options->out, fault->message);
      return FALSE;
    }
  *out_size = page->len;
  return TRUE;
}
