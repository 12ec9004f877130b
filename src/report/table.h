/* Tables: what a query gives, for people (aligned text, Markdown, LaTeX) or for programs (CSV, JSON).
 *
 * People get headers with units, a fixed sensible precision and a dash where there is no value; programs get the columns' SQL names,
 * every digit (the shortest that reads back as the same double) and nothing where there is no value. */
#pragma once
#include <stdio.h>

#include "db/db.h"

typedef enum {
  UT_TABLE_TEXT,
  UT_TABLE_MARKDOWN,
  UT_TABLE_CSV, /* RFC 4180 */
  UT_TABLE_JSON, /* an array with an object a row */
  UT_TABLE_LATEX, /* a tabular in booktabs' style */
} UtTableFormat;

/* What -f takes, for its help. */
#define UT_TABLE_FORMATS "table (the default), markdown, csv, json or latex"

/* The format called `name`; UT_ERROR_USAGE, naming those there are, where there is none. */
gboolean ut_table_format_from_name (const char *name, UtTableFormat *out_format, GError **error);

/* Writes what `sql` gives. `width` is that of the terminal in cells, 0 for no limit: beyond it UT_TABLE_TEXT shortens long texts. */
gboolean ut_table_write (UtDb *db, const char *sql, UtTableFormat format, unsigned width, FILE *out, GError **error);

/* The width of the terminal that `out` is, 0 where it is none. */
unsigned ut_table_terminal_width (FILE *out);

/* How people read the columns, as a JSON object: column → header, unit (where there is one), digits after the point (-1: four significant
 * ones, -2: as few as say the value), sign (+ before a positive number), spread (stands behind the column before it, after ±). The caller
 * owns it. */
char *ut_table_columns (void);
