/* DuckDB with GLib's manners: GError, autoptr, NUL-terminated text.
 *
 * A UtDb is one connection to one database and belongs to one thread. Statements, cursors and appenders made from it must be freed
 * before it. Columns count from 0, parameters from 1 (as $1 in the SQL). Where a getter or a bind does not fit the column's type, that
 * is a mistake of the program, logged as critical; what the data hold never is. Values of types that have no getter (dates, structs)
 * are to be cast in the SQL. */
#pragma once
#include <glib.h>
#include <stdint.h>

typedef struct _UtDb UtDb;
typedef struct _UtDbStatement UtDbStatement;
typedef struct _UtDbCursor UtDbCursor;
typedef struct _UtDbAppender UtDbAppender;

/* Zero is the default of each. Whatever they say, nothing is fetched from the network, no extension is installed or loaded and no
 * stored secret is read. */
typedef struct {
  gboolean read_only;       /* the file must exist; several processes may read it, none may write it meanwhile */
  gboolean isolated;        /* SQL can reach no file but the database itself: no COPY, no read_csv, no ATTACH */
  int threads;              /* 0: one a core */
  const char *memory_limit; /* "400MB"; NULL: 80 % of the memory. Beyond it DuckDB spills into the user's cache folder */
} UtDbOptions;

/* `path` NULL: in memory. Else the file is opened, or made unless read_only. `options` may be NULL. UT_ERROR_FAILED, naming the
 * path, where the file is no database, is damaged, is held by another process, or the folder will not do. A file is unlocked when
 * the UtDb is freed. */
UtDb *ut_db_open (const char *path, const UtDbOptions *options, GError **error);
void ut_db_free (UtDb *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtDb, ut_db_free)

/* Runs any number of statements separated by ";" and drops their rows. Each is its own transaction unless the SQL says BEGIN, and is
 * on the disk when this returns. After a failure within BEGIN … COMMIT, run ROLLBACK. */
gboolean ut_db_exec (UtDb *db, const char *sql, GError **error);

/* A printf that quotes for SQL: %q is a 'string', %i an "identifier" (both const char *, NUL-terminated UTF-8), %% a percent sign;
 * no other directive. The caller owns the result. For what cannot be bound: names of columns, files and tables. */
char *ut_db_sql (const char *format, ...);

/* The tables and views that a query names, NULL-terminated; NULL where it cannot be parsed. The caller owns it (g_strfreev). */
char **ut_db_table_names (UtDb *db, const char *sql);

/* All DuckDB said about the last failure, several lines; the GError holds the first alone. Borrowed until the next failure; NULL
 * where nothing has failed yet. */
const char *ut_db_last_message (const UtDb *db);

/* --- Statements -------------------------------------------------------------------------------------------------------------- */

/* One statement, run as often as wanted. */
UtDbStatement *ut_db_prepare (UtDb *db, const char *sql, GError **error);
void ut_db_statement_free (UtDbStatement *statement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtDbStatement, ut_db_statement_free)

/* Bound values are copied and stay bound from run to run. The first bind that fails is reported by the next run. `text` is
 * NUL-terminated; NULL binds NULL, also for a list. */
void ut_db_bind_int64 (UtDbStatement *statement, unsigned parameter, int64_t value);
void ut_db_bind_double (UtDbStatement *statement, unsigned parameter, double value);
void ut_db_bind_text (UtDbStatement *statement, unsigned parameter, const char *text);
void ut_db_bind_blob (UtDbStatement *statement, unsigned parameter, const void *bytes, size_t n_bytes);
void ut_db_bind_null (UtDbStatement *statement, unsigned parameter);
void ut_db_bind_text_list (UtDbStatement *statement, unsigned parameter, const char *const *texts); /* NULL-terminated */

/* Runs and holds the whole result in memory. */
UtDbCursor *ut_db_run (UtDbStatement *statement, GError **error);

/* Runs and computes rows as they are asked for, in memory that does not grow with the result. Until the cursor is freed, nothing
 * else may run on this UtDb; freed early, the statement is stopped. */
UtDbCursor *ut_db_stream (UtDbStatement *statement, GError **error);

/* Runs for its effect. */
gboolean ut_db_step (UtDbStatement *statement, GError **error);

/* Prepares, runs and holds one statement without parameters. */
UtDbCursor *ut_db_query (UtDb *db, const char *sql, GError **error);

/* --- Cursors ----------------------------------------------------------------------------------------------------------------- */

typedef enum {
  UT_DB_OTHER, /* only ut_db_is_null works */
  UT_DB_BOOL,
  UT_DB_INT64,  /* every integer type; a 128-bit one saturates */
  UT_DB_DOUBLE, /* float, double, decimal */
  UT_DB_TEXT,   /* varchar, enum */
  UT_DB_BLOB,
  UT_DB_TEXT_LIST,
  UT_DB_FLOAT_LIST, /* list or array of float */
  UT_DB_BLOB_LIST,
} UtDbType;

void ut_db_cursor_free (UtDbCursor *cursor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtDbCursor, ut_db_cursor_free)

unsigned ut_db_n_columns (UtDbCursor *cursor);
const char *ut_db_column_name (UtDbCursor *cursor, unsigned column); /* borrowed until the cursor is freed */
UtDbType ut_db_column_type (UtDbCursor *cursor, unsigned column);
int ut_db_column_index (UtDbCursor *cursor, const char *name); /* -1: there is none */

/* Goes to the next row, at first to the first. FALSE at the end and for an error (a streamed row may fail); tell them apart by
 * `error`, which must not be NULL for a streamed cursor. */
gboolean ut_db_next (UtDbCursor *cursor, GError **error);

/* Of the current row. NULL reads as 0, NaN, FALSE and NULL. Numbers convert to each other: a double read as an integer is rounded,
 * a boolean is 0 or 1. */
gboolean ut_db_is_null (UtDbCursor *cursor, unsigned column);
gboolean ut_db_bool (UtDbCursor *cursor, unsigned column);
int64_t ut_db_int64 (UtDbCursor *cursor, unsigned column);
double ut_db_double (UtDbCursor *cursor, unsigned column);

/* Borrowed until ut_db_next. Text may hold NUL bytes of its own; ut_db_blob reads text too and tells its length. */
const char *ut_db_text (UtDbCursor *cursor, unsigned column);
const void *ut_db_blob (UtDbCursor *cursor, unsigned column, size_t *out_n_bytes);
const float *ut_db_floats (UtDbCursor *cursor, unsigned column, size_t *out_n);

/* The k-th element of a list of text or blobs, borrowed until ut_db_next, without a NUL at its end; NULL where it is NULL. */
size_t ut_db_list_length (UtDbCursor *cursor, unsigned column);
const void *ut_db_list_blob (UtDbCursor *cursor, unsigned column, size_t k, size_t *out_n_bytes);

/* The caller owns them. A NULL within a text list reads as "". */
char *ut_db_dup_text (UtDbCursor *cursor, unsigned column);
char **ut_db_dup_text_list (UtDbCursor *cursor, unsigned column);

/* --- Appenders --------------------------------------------------------------------------------------------------------------- */

/* Adds rows to a table much faster than INSERT. Values come in the order of the columns, then ut_db_append_end_row. Rows belong to the
 * transaction that is open when they are flushed, and become visible then; an appender flushes by itself every so often. */
UtDbAppender *ut_db_appender_new (UtDb *db, const char *table, GError **error);

/* Rows not yet flushed are dropped, so that a failure elsewhere leaves nothing behind. */
void ut_db_appender_free (UtDbAppender *appender);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtDbAppender, ut_db_appender_free)

/* The first value that does not fit its column is reported by ut_db_append_end_row; the appender is then of no more use. NULL text,
 * blob, list or floats append NULL. */
void ut_db_append_bool (UtDbAppender *appender, gboolean value);
void ut_db_append_int64 (UtDbAppender *appender, int64_t value);
void ut_db_append_double (UtDbAppender *appender, double value);
void ut_db_append_text (UtDbAppender *appender, const char *text);
void ut_db_append_blob (UtDbAppender *appender, const void *bytes, size_t n_bytes);
void ut_db_append_text_list (UtDbAppender *appender, const char *const *texts); /* NULL-terminated */
void ut_db_append_floats (UtDbAppender *appender, const float *values, size_t n); /* for FLOAT[] and FLOAT[n] */
void ut_db_append_null (UtDbAppender *appender);
gboolean ut_db_append_end_row (UtDbAppender *appender, GError **error);

/* After a failure (a constraint, say) the rows since the last flush are lost and the appender is of no more use. */
gboolean ut_db_appender_flush (UtDbAppender *appender, GError **error);
