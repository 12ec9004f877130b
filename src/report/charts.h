/* The charts: each is a query over a run's views and a Vega-Lite specification over the columns it gives, two files in charts/. The page
 * and the figures for papers draw the same ones. */
#pragma once
#include "db/db.h"

typedef struct {
  const char *name;    /* of charts/NAME.sql and charts/NAME.json */
  const char *section; /* where it stands in the page: flips, drift, margins, structure, prior, severity, accuracy, scale */
  const char *title;
  const char *reading; /* what is to be seen in it, in one or two sentences */
  const char *sql;     /* over documented views (docs/schema.md) alone, so that it can be pasted into `undertow sql`; one that names a
                        * table which is made when asked for (intervals, auroc) makes it */
  const char *spec;    /* Vega-Lite, without colours and sizes, which the theme gives; its data are {"name": "rows"} */
} UtChart;

/* In the order of the page. Terminated by a row whose name is NULL. */
extern const UtChart ut_charts[];

/* What the chart's query gives: a JSON array with an object a row. The caller owns it. */
char *ut_chart_rows (UtDb *db, const UtChart *chart, GError **error);
