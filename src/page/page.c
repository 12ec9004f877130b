#include "page/page.h"

#include <string.h>

#include "base/error.h"
#include "figure/vega.h"
#include "report/charts.h"
#include "report/report.h"
#include "store/store.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char report_html[] = {
#embed "report.html"
  , 0
};
static const unsigned char report_css[] = {
#embed "report.css"
  , 0
};
static const unsigned char report_js[] = {
#embed "report.js"
  , 0
};

/* A JSON string, or null. */
static void
append_string (GString *json, const char *text)
{
  if (text == NULL)
    {
      g_string_append (json, "null");
      return;
    }
  g_string_append_c (json, '"');
  for (const unsigned char *c = (const unsigned char *) text; *c != '\0'; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (json, "\\%c", *c);
    else if (*c < ' ')
      g_string_append_printf (json, "\\u%04x", *c);
    else
      g_string_append_c (json, (char) *c);
  g_string_append_c (json, '"');
}

static void
append_charts (GString *json)
{
  g_string_append (json, "\"charts\":[");
  for (const UtChart *chart = ut_charts; chart->name != NULL; chart++)
    {
      g_string_append_printf (json, "%s{\"name\":\"%s\",\"section\":\"%s\",\"title\":", chart == ut_charts ? "" : ",", chart->name,
                              chart->section);
      append_string (json, chart->title);
      g_string_append (json, ",\"reading\":");
      append_string (json, chart->reading);
      g_string_append (json, ",\"sql\":");
      append_string (json, chart->sql);
      g_string_append_printf (json, ",\"spec\":%s}", chart->spec);
    }
  g_string_append_c (json, ']');
}

static gboolean
append_run (GString *json, const char *path, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open_read (path, error);
  if (store == NULL)
    return FALSE;
  UtDb *db = ut_store_db (store);
  g_autofree char *name = g_path_get_basename (path), *caveat = ut_report_caveat (db);
  g_string_append (json, "{\"name\":");
  append_string (json, name);
  g_string_append (json, ",\"caveat\":");
  append_string (json, caveat);
  g_string_append (json, ",\"rows\":{");
  for (const UtChart *chart = ut_charts; chart->name != NULL; chart++)
    {
      g_autofree char *rows = ut_chart_rows (db, chart, error);
      if (rows == NULL)
        return FALSE;
      g_string_append_printf (json, "%s\"%s\":%s", chart == ut_charts ? "" : ",", chart->name, rows);
    }
  g_string_append (json, "}}");
  return TRUE;
}

/* Within a script element, JSON must hold no "<": "</script>" or "<!--" would end it or begin a comment. In JSON it stands in strings
 * alone. */
static void
append_json (GString *page, const char *json)
{
  g_autoptr (GString) safe = g_string_new (json);
  g_string_replace (safe, "<", "\\u003c", 0);
  g_string_append_printf (page, "<script type=\"application/json\" id=\"report\">%s</script>\n", safe->str);
}

static void
append_script (GString *page, const unsigned char *script)
{
  g_string_append_printf (page, "<script>%s</script>\n", (const char *) script);
}

gboolean
ut_page_write (const char *const *paths, unsigned n_paths, const char *out_path, GError **error)
{
  g_autoptr (GString) json = g_string_new ("{");
  append_charts (json);
  g_string_append (json, ",\"runs\":[");
  for (unsigned i = 0; i < n_paths; i++)
    {
      g_string_append (json, i > 0 ? "," : "");
      if (!append_run (json, paths[i], error))
        return FALSE;
    }
  g_string_append (json, "]}");

  g_autoptr (GString) page = g_string_new ((const char *) report_html);
  g_string_append_printf (page, "<style>%s</style>\n<body>\n", (const char *) report_css);
  append_json (page, json->str);
  append_script (page, ut_vega_js);
  append_script (page, ut_vega_lite_js);
  append_script (page, report_js);
  g_autoptr (GError) fault = NULL;
  if (!g_file_set_contents (out_path, page->str, (gssize) page->len, &fault))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, fault->message);
      return FALSE;
    }
  return TRUE;
}
