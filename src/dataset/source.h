/* One file of a benchmark as a relation: named columns and rows, whatever the file is written in (CSV, TSV, JSON Lines, a JSON array,
 * SEED-Bench's object with a list of questions, Parquet; told by its content, never by its name).
 *
 * A format's query reads it as `source`: `row` (BIGINT: the record from 1, a CSV's header not counted; blank lines are no records),
 * `file` (its name without folders) and the format's fields, each NULL where the file has no such column. */
#pragma once
#include <glib.h>

#include "dataset/dataset.h"
#include "db/db.h"

typedef enum {
  UT_FIELD_TEXT,   /* VARCHAR */
  UT_FIELD_TEXTS,  /* VARCHAR[]; from a CSV cell, the text of a JSON array */
  UT_FIELD_IMAGES, /* VARCHAR[] of paths or base64, and a BLOB[] named with "_bytes" added */
} UtFieldKind;

typedef struct UtField {
  const char *name; /* the column's, unless the user names another */
  UtFieldKind kind;
  const char *need; /* a file must have one of the columns that share this; NULL for an optional one */
} UtField;

typedef struct _UtSource UtSource;

/* Finds out what the file is and which columns it has. UT_ERROR_FAILED for a file that is nothing of the above. */
UtSource *ut_source_open (UtDb *db, const char *path, GError **error);
void ut_source_free (UtSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtSource, ut_source_free)

/* The file's name without folders. Borrowed. */
const char *ut_source_name (const UtSource *source);

/* Its columns, for a message: "question, image, …". The caller owns it. */
char *ut_source_columns (const UtSource *source);

/* The file's column for a field of a format: the one the user names in `columns` ("field=column", NULL-terminated, or NULL), else the
 * field's own; NULL where the file does not have it. Borrowed. */
const char *ut_source_column (const UtSource *source, const UtField *field, char **columns);

/* UT_ERROR_USAGE where the user's `columns` name a column the file does not have. */
gboolean ut_source_check_columns (const UtSource *source, char **columns, GError **error);

/* Whether every needed field is there; else the first that is not in *out_missing. */
gboolean ut_source_fits (const UtSource *source, const UtFormat *format, char **columns, const UtField **out_missing);

/* Into how many queries reading the file is parted, at least one: the rows of a Parquet file that one query holds at once are bounded. */
unsigned ut_source_n_parts (const UtSource *source);

/* The format's query over a part of this file, the rows in their order. The caller owns it. */
char *ut_source_query (const UtSource *source, unsigned part, const UtFormat *format, char **columns);

/* Puts file, line and reason in the place of what DuckDB said when reading failed. */
void ut_source_explain (const UtSource *source, UtDb *db, GError **error);
