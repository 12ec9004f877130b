#include "report/charts.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/table.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char flips_sql[] = {
#embed "charts/flips.sql"
  , 0
};
static const unsigned char flips_json[] = {
#embed "charts/flips.json"
  , 0
};

const UtChart ut_charts[] = {
  { "flips", "flips", "Flips by family", "How often an answer is another than on the clean image.", (const char *) flips_sql,
    (const char *) flips_json },
  { NULL, NULL, NULL, NULL, NULL, NULL },
};

char *
ut_chart_rows (UtDb *db, const UtChart *chart, GError **error)
{
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream (&text, &n);
  const gboolean ok = ut_table_write (db, chart->sql, UT_TABLE_JSON, 0, out, error);
  fclose (out);
  char *rows = ok ? g_strdup (text) : NULL;
  free (text);
  return rows;
}
