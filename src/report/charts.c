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
static const unsigned char hidden_drift_sql[] = {
#embed "charts/hidden_drift.sql"
  , 0
};
static const unsigned char hidden_drift_json[] = {
#embed "charts/hidden_drift.json"
  , 0
};
static const unsigned char flow_sql[] = {
#embed "charts/flow.sql"
  , 0
};
static const unsigned char flow_json[] = {
#embed "charts/flow.json"
  , 0
};
static const unsigned char margin_deciles_sql[] = {
#embed "charts/margin_deciles.sql"
  , 0
};
static const unsigned char margin_deciles_json[] = {
#embed "charts/margin_deciles.json"
  , 0
};

const UtChart ut_charts[] = {
  { "flips", "flips", "Flips by family", "How often an answer is another than on the clean image.", (const char *) flips_sql,
    (const char *) flips_json },
  { "flow", "flips", "Right and wrong before and after", "What perturbations break, what they mend, and what stays.",
    (const char *) flow_sql, (const char *) flow_json },
  { "hidden_drift", "drift", "Hidden drift by family",
    "How far the state that the answer is read from moves where the answer stays; 100 is as far as to an unrelated question.",
    (const char *) hidden_drift_sql, (const char *) hidden_drift_json },
  { "margin_deciles", "margins", "Flips by the clean margin", "Whether unsure answers are the ones that change.",
    (const char *) margin_deciles_sql, (const char *) margin_deciles_json },
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
