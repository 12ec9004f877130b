/* What a run says: its views, and the summary at its end. Reads the database alone; no model, no data. */
#pragma once
#include "report/table.h"

typedef struct {
  const char *name;                            /* of a view in views.sql, or of a table that `make` makes */
  const char *summary;                         /* one line for the user */
  gboolean (*make) (UtDb *db, GError **error); /* NULL for a view */
} UtReportView;

/* What `undertow show` offers. Terminated by a row whose name is NULL. */
extern const UtReportView ut_report_views[];

/* One of them; NULL with UT_ERROR_USAGE for an unknown one, naming the nearest. */
const UtReportView *ut_report_find_view (const char *name, GError **error);

/* Why the run's numbers are not the model's; NULL where nothing of the kind is known. Tables for people begin with it; who writes CSV or JSON
 * says it elsewhere. The caller owns it. */
char *ut_report_caveat (UtDb *db);

/* Writes one view whole. UT_ERROR_USAGE for an unknown one, naming the nearest. `width` as in ut_table_write. */
gboolean ut_report_view (UtDb *db, const char *view, UtTableFormat format, unsigned width, FILE *out, GError **error);

/* Makes those tables that the query names which are no views (intervals, auroc), unless the connection has them already. */
gboolean ut_report_make_tables (UtDb *db, const char *sql, GError **error);

/* Writes what a query of the user's gives; it may name every view. UT_ERROR_USAGE with all that DuckDB says where it cannot be run; other
 * files than the run's cannot be read from then on. `width` as in ut_table_write. */
gboolean ut_report_query (UtDb *db, const char *sql, UtTableFormat format, unsigned width, FILE *out, GError **error);

/* Writes the headline, accuracy, families, drift and failures of a run, in text or Markdown, or as one JSON object of views. CSV and
 * LaTeX, which hold one table, are UT_ERROR_USAGE. */
gboolean ut_report_overview (UtDb *db, UtTableFormat format, unsigned width, FILE *out, GError **error);

/* ut_report_overview in text, as wide as the terminal `out` may be: the end of `undertow run`. */
gboolean ut_report_summary (UtDb *db, FILE *out, GError **error);
