/* The charts: each is a query over a run's views and a Vega-Lite specification over the columns it gives. The page and the figures for
 * papers draw the same ones.
 *
 * A new chart takes three steps: charts/NAME.sql and charts/NAME.json, a row in charts.c, and its rows in tests/data/charts.json (the
 * command is in tests/test-charts.py, where it may have a second computation too). Every number comes from the query, in at most a few
 * thousand rows however large the run is; the specification only draws. It has no colours, sizes, fonts and width, which the theme gives,
 * keeps the rows' order (sort null), and can be read in black and white and at the width of a phone. */
#pragma once
#include "db/db.h"

typedef struct {
  const char *name;    /* of charts/NAME.sql and charts/NAME.json */
  const char *section; /* where it stands in the page: flips, drift, margins, structure, prior, severity, accuracy, scale */
  const char *title;
  const char *reading; /* what is to be seen in it, in one or two sentences */
  const char *missing; /* what is said where the query gives no row: what would measure it */
  const char *sql; /* over documented views (docs/schema.md) alone, so that it can be pasted into `undertow sql`; one that names a
                        * table which is made when asked for (intervals, auroc) makes it */
  const char *spec; /* Vega-Lite, whose data are {"name": "rows"} */
} UtChart;

/* Of one run, in the order of the page. Terminated by a row whose name is NULL. */
extern const UtChart ut_charts[];

/* Of several runs together: the query is run on each, its rows get a column `run` and stand in one list. Terminated likewise. */
extern const UtChart ut_run_charts[];

/* What the chart's query gives of one run: a JSON array with an object a row, of these families and pools alone, NULL-terminated, where the chart
 * has any; NULL for all. The caller owns it. */
char *ut_chart_rows (UtDb *db, const UtChart *chart, const char *const *families, GError **error);
