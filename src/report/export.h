/* A run's views as files for other programs. */
#pragma once
#include "db/db.h"

typedef enum {
  UT_VIEW_CSV,     /* as `undertow show -f csv` writes it */
  UT_VIEW_PARQUET, /* with the view's types; the database must be open for export to the file's folder (ut_store_open_export) */
  UT_VIEW_LATEX,   /* a tabular in booktabs' style */
  UT_VIEW_JSON,    /* an object with an array of rows a view */
} UtViewFormat;

/* "csv", …; NULL-terminated, in the order of UtViewFormat. */
extern const char *const ut_view_formats[];

/* The views that `names` lists, comma-separated, all of ut_report_views where it is NULL; NULL-terminated, the caller owns it (g_strfreev).
 * UT_ERROR_USAGE for an unknown one, naming the nearest. */
char **ut_views_named (const char *names, GError **error);

/* Writes a view to a file, in any format but UT_VIEW_JSON; an old file is replaced when the new one is complete. */
gboolean ut_view_write (UtDb *db, const char *view, UtViewFormat format, const char *path, GError **error);

/* Writes several views to one file as JSON, {"VIEW": [{"column": value, …}, …], …}. */
gboolean ut_views_write_json (UtDb *db, const char *const *views, const char *path, GError **error);

/* Replaces the file when the text is written. */
gboolean ut_text_write_file (const char *text, const char *path, GError **error);
