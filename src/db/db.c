#include "db/db.h"

#include <duckdb.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

struct _UtDb {
  duckdb_database database;
  duckdb_connection connection;
  char *message; /* the last failure in full */
};

struct _UtDbStatement {
  UtDb *db; /* borrowed */
  duckdb_prepared_statement prepared;
  unsigned bad_parameter; /* the first bind that failed, 0 for none */
};

typedef struct {
  UtDbType type;
  duckdb_type raw;             /* the element's type for lists */
  duckdb_logical_type logical; /* kept for decimals and enums only, else NULL */
  idx_t array_size;            /* of a fixed-size array, else 0 */
  duckdb_vector vector;        /* of the current chunk */
  uint64_t *validity;
  void *data;
} Column;

struct _UtDbCursor {
  UtDb *db; /* borrowed */
  duckdb_result result;
  duckdb_data_chunk chunk;
  idx_t row, n_rows; /* within the chunk; row == n_rows before the first and after the last */
  gboolean started;
  unsigned n_columns;
  Column *columns;
  GPtrArray *texts; /* the current row's NUL-terminated copies */
};

struct _UtDbAppender {
  UtDb *db; /* borrowed */
  char *table;
  duckdb_appender appender;
  char *refused; /* why the first bad value of the current row was refused, else NULL */
};

/* --- Errors ------------------------------------------------------------------------------------------------------------------ */

/* The first line of what DuckDB says, without its "Binder Error: " and its advertisement of a page. */
static char *
first_line (const char *message)
{
  const char *end = strchrnul (message, '\n');
  const char *page = strstr (message, " See also http");
  if (page != NULL && page < end)
    end = page;
  const char *kind = strstr (message, " Error: ");
  if (kind != NULL && kind < end)
    message = kind + strlen (" Error: ");
  return g_strchomp (g_strndup (message, (gsize) (end - message)));
}

/* Keeps the whole message and reports its first line, with `about` (if not NULL) before it unless it quotes that itself. Always
 * FALSE. */
static gboolean
fail (UtDb *db, GError **error, const char *about, const char *message)
{
  if (message == NULL)
    message = "DuckDB gives no reason";
  char *kept = g_strdup (message);
  g_free (db->message);
  db->message = kept;
  g_autofree char *line = first_line (kept);
  g_autofree char *quoted = about != NULL ? g_strdup_printf ("\"%s\"", about) : NULL;
  if (quoted != NULL && strstr (line, quoted) == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", about, line);
  else
    g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, line);
  return FALSE;
}

const char *
ut_db_last_message (const UtDb *db)
{
  return db->message;
}

/* --- Opening ----------------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name, *value;
} Setting;

/* NULL with an error where DuckDB does not take one of the values. */
static duckdb_config
make_config (const char *path, const UtDbOptions *options, GError **error)
{
  /* DuckDB would spill into .tmp in the current folder or beside the file: neither is ours to litter. */
  g_autofree char *spill_name = g_strdup_printf ("spill-%d", getpid ());
  g_autofree char *spill = g_build_filename (g_get_user_cache_dir (), "undertow", spill_name, NULL);
  g_autofree char *threads = g_strdup_printf ("%d", options->threads);
  const Setting settings[] = {
    { "autoinstall_known_extensions", "false" },
    { "autoload_known_extensions", "false" },
    { "allow_community_extensions", "false" },
    { "allow_persistent_secrets", "false" },
    { "temp_directory", spill },
    { "access_mode", path != NULL && options->read_only ? "READ_ONLY" : NULL },
    { "enable_external_access", options->isolated ? "false" : NULL },
    { "threads", options->threads > 0 ? threads : NULL },
    { "memory_limit", options->memory_limit },
  };
  duckdb_config config = NULL;
  gboolean good = duckdb_create_config (&config) == DuckDBSuccess;
  for (size_t i = 0; good && i < G_N_ELEMENTS (settings); i++)
    if (settings[i].value != NULL && duckdb_set_config (config, settings[i].name, settings[i].value) != DuckDBSuccess)
      {
        g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the database takes no %s “%s”", settings[i].name, settings[i].value);
        duckdb_destroy_config (&config);
        good = FALSE;
      }
  return config;
}

UtDb *
ut_db_open (const char *path, const UtDbOptions *options, GError **error)
{
  const UtDbOptions defaults = { 0 };
  g_autoptr (UtDb) db = g_new0 (UtDb, 1);
  duckdb_config config = make_config (path, options != NULL ? options : &defaults, error);
  if (config == NULL)
    return NULL;
  char *message = NULL;
  const duckdb_state opened = duckdb_open_ext (path, &db->database, config, &message);
  duckdb_destroy_config (&config);
  if (opened != DuckDBSuccess)
    fail (db, error, path, message);
  duckdb_free (message);
  if (opened != DuckDBSuccess)
    return NULL;
  if (duckdb_connect (db->database, &db->connection) != DuckDBSuccess)
    {
      fail (db, error, path, "cannot connect to the database");
      return NULL;
    }
  return g_steal_pointer (&db);
}

void
ut_db_free (UtDb *db)
{
  if (db == NULL)
    return;
  duckdb_disconnect (&db->connection);
  duckdb_close (&db->database);
  g_free (db->message);
  g_free (db);
}

gboolean
ut_db_exec (UtDb *db, const char *sql, GError **error)
{
  duckdb_result result = { 0 };
  const duckdb_state state = duckdb_query (db->connection, sql, &result);
  if (state != DuckDBSuccess)
    fail (db, error, NULL, duckdb_result_error (&result));
  duckdb_destroy_result (&result);
  return state == DuckDBSuccess;
}

/* Appends `text` between two `quote`s, those within it doubled. */
static void
append_quoted (GString *out, const char *text, char quote)
{
  g_string_append_c (out, quote);
  for (; *text != '\0'; text++)
    {
      if (*text == quote)
        g_string_append_c (out, quote);
      g_string_append_c (out, *text);
    }
  g_string_append_c (out, quote);
}

char *
ut_db_sql (const char *format, ...)
{
  GString *out = g_string_new (NULL);
  va_list arguments;
  va_start (arguments, format);
  for (const char *p = format; *p != '\0'; p++)
    {
      if (*p != '%')
        g_string_append_c (out, *p);
      else if (*++p == 'q')
        append_quoted (out, va_arg (arguments, const char *), '\'');
      else if (*p == 'i')
        append_quoted (out, va_arg (arguments, const char *), '"');
      else if (*p == '%')
        g_string_append_c (out, '%');
      else
        g_error ("ut_db_sql knows %%q, %%i and %%%%, not %%%c", *p);
    }
  va_end (arguments);
  return g_string_free (out, FALSE);
}

char **
ut_db_table_names (UtDb *db, const char *sql)
{
  duckdb_value list = duckdb_get_table_names (db->connection, sql, false);
  if (list == NULL)
    return NULL;
  const idx_t n = duckdb_get_list_size (list);
  char **names = g_new0 (char *, n + 1);
  for (idx_t i = 0; i < n; i++)
    {
      duckdb_value value = duckdb_get_list_child (list, i);
      char *name = duckdb_get_varchar (value);
      names[i] = g_strdup (name);
      duckdb_free (name);
      duckdb_destroy_value (&value);
    }
  duckdb_destroy_value (&list);
  return names;
}

/* --- Statements -------------------------------------------------------------------------------------------------------------- */

UtDbStatement *
ut_db_prepare (UtDb *db, const char *sql, GError **error)
{
  g_autoptr (UtDbStatement) statement = g_new0 (UtDbStatement, 1);
  statement->db = db;
  if (duckdb_prepare (db->connection, sql, &statement->prepared) != DuckDBSuccess)
    {
      fail (db, error, NULL, duckdb_prepare_error (statement->prepared));
      return NULL;
    }
  return g_steal_pointer (&statement);
}

void
ut_db_statement_free (UtDbStatement *statement)
{
  if (statement == NULL)
    return;
  duckdb_destroy_prepare (&statement->prepared);
  g_free (statement);
}

static void
note_bind (UtDbStatement *statement, unsigned parameter, duckdb_state state)
{
  if (state != DuckDBSuccess && statement->bad_parameter == 0)
    statement->bad_parameter = parameter;
}

void
ut_db_bind_int64 (UtDbStatement *statement, unsigned parameter, int64_t value)
{
  note_bind (statement, parameter, duckdb_bind_int64 (statement->prepared, parameter, value));
}

void
ut_db_bind_double (UtDbStatement *statement, unsigned parameter, double value)
{
  note_bind (statement, parameter, duckdb_bind_double (statement->prepared, parameter, value));
}

void
ut_db_bind_null (UtDbStatement *statement, unsigned parameter)
{
  note_bind (statement, parameter, duckdb_bind_null (statement->prepared, parameter));
}

void
ut_db_bind_text (UtDbStatement *statement, unsigned parameter, const char *text)
{
  if (text == NULL)
    ut_db_bind_null (statement, parameter);
  else
    note_bind (statement, parameter, duckdb_bind_varchar (statement->prepared, parameter, text));
}

void
ut_db_bind_blob (UtDbStatement *statement, unsigned parameter, const void *bytes, size_t n_bytes)
{
  if (bytes == NULL)
    ut_db_bind_null (statement, parameter);
  else
    note_bind (statement, parameter, duckdb_bind_blob (statement->prepared, parameter, bytes, n_bytes));
}

/* A value of type VARCHAR[], or NULL where a text is not UTF-8. */
static duckdb_value
text_list_value (const char *const *texts)
{
  const size_t n = g_strv_length ((char **) texts);
  g_autofree duckdb_value *values = g_new0 (duckdb_value, n);
  gboolean good = TRUE;
  for (size_t i = 0; i < n; i++)
    {
      good = good && g_utf8_validate (texts[i], -1, NULL);
      values[i] = good ? duckdb_create_varchar (texts[i]) : duckdb_create_null_value ();
    }
  duckdb_logical_type varchar = duckdb_create_logical_type (DUCKDB_TYPE_VARCHAR);
  duckdb_value list = good ? duckdb_create_list_value (varchar, values, n) : NULL;
  duckdb_destroy_logical_type (&varchar);
  for (size_t i = 0; i < n; i++)
    duckdb_destroy_value (&values[i]);
  return list;
}

void
ut_db_bind_text_list (UtDbStatement *statement, unsigned parameter, const char *const *texts)
{
  if (texts == NULL)
    {
      ut_db_bind_null (statement, parameter);
      return;
    }
  duckdb_value list = text_list_value (texts);
  note_bind (statement, parameter, list != NULL ? duckdb_bind_value (statement->prepared, parameter, list) : DuckDBError);
  duckdb_destroy_value (&list);
}

/* --- Running ----------------------------------------------------------------------------------------------------------------- */

static UtDbType
type_of (duckdb_type raw)
{
  switch (raw)
    {
    case DUCKDB_TYPE_BOOLEAN:
      return UT_DB_BOOL;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_UHUGEINT:
      return UT_DB_INT64;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
      return UT_DB_DOUBLE;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
      return UT_DB_TEXT;
    case DUCKDB_TYPE_BLOB:
      return UT_DB_BLOB;
    default:
      return UT_DB_OTHER;
    }
}

static UtDbType
list_type_of (duckdb_type element)
{
  if (element == DUCKDB_TYPE_VARCHAR)
    return UT_DB_TEXT_LIST;
  if (element == DUCKDB_TYPE_BLOB)
    return UT_DB_BLOB_LIST;
  if (element == DUCKDB_TYPE_FLOAT)
    return UT_DB_FLOAT_LIST;
  return UT_DB_OTHER;
}

static Column
describe_column (duckdb_result *result, idx_t index)
{
  Column column = { .raw = duckdb_column_type (result, index) };
  duckdb_logical_type logical = duckdb_column_logical_type (result, index);
  if (column.raw == DUCKDB_TYPE_LIST || column.raw == DUCKDB_TYPE_ARRAY)
    {
      const gboolean array = column.raw == DUCKDB_TYPE_ARRAY;
      duckdb_logical_type element = array ? duckdb_array_type_child_type (logical) : duckdb_list_type_child_type (logical);
      column.array_size = array ? duckdb_array_type_array_size (logical) : 0;
      column.raw = duckdb_get_type_id (element);
      column.type = list_type_of (column.raw);
      duckdb_destroy_logical_type (&element);
    }
  else
    column.type = type_of (column.raw);
  if (column.raw == DUCKDB_TYPE_DECIMAL || column.raw == DUCKDB_TYPE_ENUM)
    column.logical = logical;
  else
    duckdb_destroy_logical_type (&logical);
  return column;
}

/* Takes over the result. */
static UtDbCursor *
cursor_new (UtDb *db, duckdb_result *result)
{
  UtDbCursor *cursor = g_new0 (UtDbCursor, 1);
  cursor->db = db;
  cursor->result = *result;
  cursor->n_columns = (unsigned) duckdb_column_count (result);
  cursor->columns = g_new0 (Column, cursor->n_columns);
  cursor->texts = g_ptr_array_new_with_free_func (g_free);
  for (unsigned i = 0; i < cursor->n_columns; i++)
    cursor->columns[i] = describe_column (&cursor->result, i);
  return cursor;
}

static gboolean
check_bound (UtDbStatement *statement, GError **error)
{
  if (statement->bad_parameter == 0)
    return TRUE;
  g_autofree char *message = g_strdup_printf ("parameter %u does not fit: not in the statement, or not UTF-8", statement->bad_parameter);
  statement->bad_parameter = 0;
  return fail (statement->db, error, NULL, message);
}

UtDbCursor *
ut_db_run (UtDbStatement *statement, GError **error)
{
  if (!check_bound (statement, error))
    return NULL;
  duckdb_result result = { 0 };
  if (duckdb_execute_prepared (statement->prepared, &result) == DuckDBSuccess)
    return cursor_new (statement->db, &result);
  fail (statement->db, error, NULL, duckdb_result_error (&result));
  duckdb_destroy_result (&result);
  return NULL;
}

/* DuckDB calls its streaming functions deprecated but has put nothing in their place. */
UtDbCursor *
ut_db_stream (UtDbStatement *statement, GError **error)
{
  if (!check_bound (statement, error))
    return NULL;
  duckdb_pending_result pending = NULL;
  duckdb_result result = { 0 };
  duckdb_state state = duckdb_pending_prepared_streaming (statement->prepared, &pending);
  if (state != DuckDBSuccess)
    fail (statement->db, error, NULL, duckdb_pending_error (pending));
  else if ((state = duckdb_execute_pending (pending, &result)) != DuckDBSuccess)
    fail (statement->db, error, NULL, duckdb_result_error (&result));
  duckdb_destroy_pending (&pending);
  if (state == DuckDBSuccess)
    return cursor_new (statement->db, &result);
  duckdb_destroy_result (&result);
  return NULL;
}

gboolean
ut_db_step (UtDbStatement *statement, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_run (statement, error);
  return cursor != NULL;
}

UtDbCursor *
ut_db_query (UtDb *db, const char *sql, GError **error)
{
  g_autoptr (UtDbStatement) statement = ut_db_prepare (db, sql, error);
  return statement != NULL ? ut_db_run (statement, error) : NULL;
}

/* --- Cursors ----------------------------------------------------------------------------------------------------------------- */

void
ut_db_cursor_free (UtDbCursor *cursor)
{
  if (cursor == NULL)
    return;
  if (cursor->chunk != NULL)
    duckdb_destroy_data_chunk (&cursor->chunk);
  for (unsigned i = 0; i < cursor->n_columns; i++)
    if (cursor->columns[i].logical != NULL)
      duckdb_destroy_logical_type (&cursor->columns[i].logical);
  duckdb_destroy_result (&cursor->result);
  g_ptr_array_unref (cursor->texts);
  g_free (cursor->columns);
  g_free (cursor);
}

unsigned
ut_db_n_columns (UtDbCursor *cursor)
{
  return cursor->n_columns;
}

const char *
ut_db_column_name (UtDbCursor *cursor, unsigned column)
{
  g_return_val_if_fail (column < cursor->n_columns, NULL);
  return duckdb_column_name (&cursor->result, column);
}

UtDbType
ut_db_column_type (UtDbCursor *cursor, unsigned column)
{
  g_return_val_if_fail (column < cursor->n_columns, UT_DB_OTHER);
  return cursor->columns[column].type;
}

int
ut_db_column_index (UtDbCursor *cursor, const char *name)
{
  for (unsigned i = 0; i < cursor->n_columns; i++)
    if (g_strcmp0 (duckdb_column_name (&cursor->result, i), name) == 0)
      return (int) i;
  return -1;
}

static gboolean
next_chunk (UtDbCursor *cursor, GError **error)
{
  if (cursor->chunk != NULL)
    duckdb_destroy_data_chunk (&cursor->chunk);
  cursor->row = cursor->n_rows = 0;
  cursor->chunk = duckdb_fetch_chunk (cursor->result);
  if (cursor->chunk == NULL)
    {
      const char *message = duckdb_result_error (&cursor->result);
      return message != NULL && *message != '\0' ? fail (cursor->db, error, NULL, message) : FALSE;
    }
  cursor->n_rows = duckdb_data_chunk_get_size (cursor->chunk);
  for (unsigned i = 0; i < cursor->n_columns; i++)
    {
      Column *column = &cursor->columns[i];
      column->vector = duckdb_data_chunk_get_vector (cursor->chunk, i);
      column->validity = duckdb_vector_get_validity (column->vector);
      column->data = duckdb_vector_get_data (column->vector);
    }
  return TRUE;
}

gboolean
ut_db_next (UtDbCursor *cursor, GError **error)
{
  if (cursor->texts->len > 0)
    g_ptr_array_set_size (cursor->texts, 0);
  if (cursor->started && cursor->chunk == NULL)
    return FALSE;
  cursor->started = TRUE;
  if (cursor->row + 1 < cursor->n_rows)
    {
      cursor->row++;
      return TRUE;
    }
  do
    if (!next_chunk (cursor, error))
      return FALSE;
  while (cursor->n_rows == 0);
  return TRUE;
}

/* The column if it holds a value in the current row, else NULL. */
static const Column *
value_at (const UtDbCursor *cursor, unsigned column)
{
  g_return_val_if_fail (column < cursor->n_columns, NULL);
  g_return_val_if_fail (cursor->chunk != NULL && cursor->row < cursor->n_rows, NULL);
  const Column *c = &cursor->columns[column];
  return c->validity == NULL || duckdb_validity_row_is_valid (c->validity, cursor->row) ? c : NULL;
}

gboolean
ut_db_is_null (UtDbCursor *cursor, unsigned column)
{
  return value_at (cursor, column) == NULL;
}

static int64_t
saturate_hugeint (duckdb_hugeint value)
{
  if (value.upper == 0 && value.lower <= INT64_MAX)
    return (int64_t) value.lower;
  if (value.upper == -1 && value.lower > INT64_MAX)
    return (int64_t) value.lower;
  return value.upper < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t
read_integer (const Column *c, idx_t row)
{
  switch (c->raw)
    {
    case DUCKDB_TYPE_TINYINT:
      return ((const int8_t *) c->data)[row];
    case DUCKDB_TYPE_SMALLINT:
      return ((const int16_t *) c->data)[row];
    case DUCKDB_TYPE_INTEGER:
      return ((const int32_t *) c->data)[row];
    case DUCKDB_TYPE_BIGINT:
      return ((const int64_t *) c->data)[row];
    case DUCKDB_TYPE_UTINYINT:
      return ((const uint8_t *) c->data)[row];
    case DUCKDB_TYPE_USMALLINT:
      return ((const uint16_t *) c->data)[row];
    case DUCKDB_TYPE_UINTEGER:
      return ((const uint32_t *) c->data)[row];
    case DUCKDB_TYPE_UBIGINT:
      return (int64_t) MIN (((const uint64_t *) c->data)[row], (uint64_t) INT64_MAX);
    case DUCKDB_TYPE_HUGEINT:
      return saturate_hugeint (((const duckdb_hugeint *) c->data)[row]);
    case DUCKDB_TYPE_UHUGEINT:
      {
        const duckdb_uhugeint value = ((const duckdb_uhugeint *) c->data)[row];
        return value.upper != 0 ? INT64_MAX : (int64_t) MIN (value.lower, (uint64_t) INT64_MAX);
      }
    default:
      g_return_val_if_reached (0);
    }
}

/* A decimal's unscaled integer is as wide as its precision asks for. */
static double
read_decimal (const Column *c, idx_t row)
{
  duckdb_decimal decimal = { .width = duckdb_decimal_width (c->logical), .scale = duckdb_decimal_scale (c->logical) };
  int64_t narrow = 0;
  switch (duckdb_decimal_internal_type (c->logical))
    {
    case DUCKDB_TYPE_SMALLINT:
      narrow = ((const int16_t *) c->data)[row];
      break;
    case DUCKDB_TYPE_INTEGER:
      narrow = ((const int32_t *) c->data)[row];
      break;
    case DUCKDB_TYPE_BIGINT:
      narrow = ((const int64_t *) c->data)[row];
      break;
    default:
      decimal.value = ((const duckdb_hugeint *) c->data)[row];
      return duckdb_decimal_to_double (decimal);
    }
  decimal.value = (duckdb_hugeint) { .lower = (uint64_t) narrow, .upper = narrow < 0 ? -1 : 0 };
  return duckdb_decimal_to_double (decimal);
}

static double
read_real (const Column *c, idx_t row)
{
  switch (c->raw)
    {
    case DUCKDB_TYPE_FLOAT:
      return (double) ((const float *) c->data)[row];
    case DUCKDB_TYPE_DOUBLE:
      return ((const double *) c->data)[row];
    case DUCKDB_TYPE_DECIMAL:
      return read_decimal (c, row);
    default:
      g_return_val_if_reached (NAN);
    }
}

static int64_t
round_to_int64 (double value)
{
  if (isnan (value))
    return 0;
  if (value >= 0x1p63)
    return INT64_MAX;
  return value <= -0x1p63 ? INT64_MIN : (int64_t) llrint (value);
}

int64_t
ut_db_int64 (UtDbCursor *cursor, unsigned column)
{
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return 0;
  switch (c->type)
    {
    case UT_DB_BOOL:
      return ((const bool *) c->data)[cursor->row];
    case UT_DB_INT64:
      return read_integer (c, cursor->row);
    case UT_DB_DOUBLE:
      return round_to_int64 (read_real (c, cursor->row));
    default:
      g_return_val_if_reached (0);
    }
}

double
ut_db_double (UtDbCursor *cursor, unsigned column)
{
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return NAN;
  if (c->raw == DUCKDB_TYPE_HUGEINT && c->type == UT_DB_INT64)
    return duckdb_hugeint_to_double (((const duckdb_hugeint *) c->data)[cursor->row]);
  return c->type == UT_DB_DOUBLE ? read_real (c, cursor->row) : (double) ut_db_int64 (cursor, column);
}

gboolean
ut_db_bool (UtDbCursor *cursor, unsigned column)
{
  return ut_db_int64 (cursor, column) != 0;
}

/* An enum's text lies in its type. */
static char *
dup_enum (const Column *c, idx_t row)
{
  idx_t index;
  switch (duckdb_enum_internal_type (c->logical))
    {
    case DUCKDB_TYPE_UTINYINT:
      index = ((const uint8_t *) c->data)[row];
      break;
    case DUCKDB_TYPE_USMALLINT:
      index = ((const uint16_t *) c->data)[row];
      break;
    default:
      index = ((const uint32_t *) c->data)[row];
    }
  char *value = duckdb_enum_dictionary_value (c->logical, index);
  char *text = g_strdup (value);
  duckdb_free (value);
  return text;
}

/* DuckDB's strings have no NUL at their end. */
static char *
dup_string (duckdb_string_t *string)
{
  return g_strndup (duckdb_string_t_data (string), duckdb_string_t_length (*string));
}

char *
ut_db_dup_text (UtDbCursor *cursor, unsigned column)
{
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return NULL;
  g_return_val_if_fail (c->type == UT_DB_TEXT, NULL);
  return c->raw == DUCKDB_TYPE_ENUM ? dup_enum (c, cursor->row) : dup_string ((duckdb_string_t *) c->data + cursor->row);
}

const char *
ut_db_text (UtDbCursor *cursor, unsigned column)
{
  char *text = ut_db_dup_text (cursor, column);
  if (text != NULL)
    g_ptr_array_add (cursor->texts, text);
  return text;
}

const void *
ut_db_blob (UtDbCursor *cursor, unsigned column, size_t *out_n_bytes)
{
  *out_n_bytes = 0;
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return NULL;
  g_return_val_if_fail (c->raw == DUCKDB_TYPE_VARCHAR || c->type == UT_DB_BLOB, NULL);
  duckdb_string_t *string = (duckdb_string_t *) c->data + cursor->row;
  *out_n_bytes = duckdb_string_t_length (*string);
  return duckdb_string_t_data (string);
}

/* The k-th element of a list of strings, NULL where it is NULL. */
static duckdb_string_t *
list_string (const Column *c, idx_t row, size_t k)
{
  const duckdb_list_entry entry = ((const duckdb_list_entry *) c->data)[row];
  g_return_val_if_fail (k < entry.length, NULL);
  duckdb_vector child = duckdb_list_vector_get_child (c->vector);
  uint64_t *validity = duckdb_vector_get_validity (child);
  const idx_t at = entry.offset + k;
  const gboolean valid = validity == NULL || duckdb_validity_row_is_valid (validity, at);
  return valid ? (duckdb_string_t *) duckdb_vector_get_data (child) + at : NULL;
}

static gboolean
is_string_list (const Column *c)
{
  return (c->type == UT_DB_TEXT_LIST || c->type == UT_DB_BLOB_LIST) && c->array_size == 0;
}

size_t
ut_db_list_length (UtDbCursor *cursor, unsigned column)
{
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return 0;
  g_return_val_if_fail (is_string_list (c), 0);
  return ((const duckdb_list_entry *) c->data)[cursor->row].length;
}

const void *
ut_db_list_blob (UtDbCursor *cursor, unsigned column, size_t k, size_t *out_n_bytes)
{
  *out_n_bytes = 0;
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return NULL;
  g_return_val_if_fail (is_string_list (c), NULL);
  duckdb_string_t *string = list_string (c, cursor->row, k);
  if (string == NULL)
    return NULL;
  *out_n_bytes = duckdb_string_t_length (*string);
  return duckdb_string_t_data (string);
}

char **
ut_db_dup_text_list (UtDbCursor *cursor, unsigned column)
{
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return NULL;
  g_return_val_if_fail (c->type == UT_DB_TEXT_LIST && c->array_size == 0, NULL);
  const size_t n = ut_db_list_length (cursor, column);
  char **texts = g_new0 (char *, n + 1);
  for (size_t k = 0; k < n; k++)
    {
      duckdb_string_t *string = list_string (c, cursor->row, k);
      texts[k] = string != NULL ? dup_string (string) : g_strdup ("");
    }
  return texts;
}

const float *
ut_db_floats (UtDbCursor *cursor, unsigned column, size_t *out_n)
{
  *out_n = 0;
  const Column *c = value_at (cursor, column);
  if (c == NULL)
    return NULL;
  g_return_val_if_fail (c->type == UT_DB_FLOAT_LIST, NULL);
  if (c->array_size > 0)
    {
      *out_n = c->array_size;
      return (const float *) duckdb_vector_get_data (duckdb_array_vector_get_child (c->vector)) + cursor->row * c->array_size;
    }
  const duckdb_list_entry entry = ((const duckdb_list_entry *) c->data)[cursor->row];
  *out_n = entry.length;
  return (const float *) duckdb_vector_get_data (duckdb_list_vector_get_child (c->vector)) + entry.offset;
}

/* --- Appenders --------------------------------------------------------------------------------------------------------------- */

UtDbAppender *
ut_db_appender_new (UtDb *db, const char *table, GError **error)
{
  g_autoptr (UtDbAppender) appender = g_new0 (UtDbAppender, 1);
  appender->db = db;
  appender->table = g_strdup (table);
  if (duckdb_appender_create (db->connection, NULL, table, &appender->appender) != DuckDBSuccess)
    {
      fail (db, error, table, duckdb_appender_error (appender->appender));
      return NULL;
    }
  return g_steal_pointer (&appender);
}

void
ut_db_appender_free (UtDbAppender *appender)
{
  if (appender == NULL)
    return;
  duckdb_appender_clear (appender->appender);
  duckdb_appender_destroy (&appender->appender);
  g_free (appender->table);
  g_free (appender->refused);
  g_free (appender);
}

/* Keeps the first reason: what end_row would say is only that a value is missing. */
static void
note_append (UtDbAppender *appender, duckdb_state state)
{
  if (state == DuckDBSuccess || appender->refused != NULL)
    return;
  const char *message = duckdb_appender_error (appender->appender);
  appender->refused = g_strdup (message != NULL ? message : "a value does not fit its column");
}

static void
refuse_text (UtDbAppender *appender)
{
  if (appender->refused == NULL)
    appender->refused = g_strdup ("a text is not UTF-8");
}

void
ut_db_append_null (UtDbAppender *appender)
{
  note_append (appender, duckdb_append_null (appender->appender));
}

void
ut_db_append_bool (UtDbAppender *appender, gboolean value)
{
  note_append (appender, duckdb_append_bool (appender->appender, value != FALSE));
}

void
ut_db_append_int64 (UtDbAppender *appender, int64_t value)
{
  note_append (appender, duckdb_append_int64 (appender->appender, value));
}

void
ut_db_append_double (UtDbAppender *appender, double value)
{
  note_append (appender, duckdb_append_double (appender->appender, value));
}

void
ut_db_append_text (UtDbAppender *appender, const char *text)
{
  if (text == NULL)
    ut_db_append_null (appender);
  else if (!g_utf8_validate (text, -1, NULL)) /* DuckDB takes it unlooked at, and fails when it is read */
    refuse_text (appender);
  else
    note_append (appender, duckdb_append_varchar (appender->appender, text));
}

void
ut_db_append_blob (UtDbAppender *appender, const void *bytes, size_t n_bytes)
{
  if (bytes == NULL)
    ut_db_append_null (appender);
  else
    note_append (appender, duckdb_append_blob (appender->appender, bytes, n_bytes));
}

void
ut_db_append_text_list (UtDbAppender *appender, const char *const *texts)
{
  if (texts == NULL)
    {
      ut_db_append_null (appender);
      return;
    }
  duckdb_value list = text_list_value (texts);
  if (list == NULL)
    refuse_text (appender);
  else
    note_append (appender, duckdb_append_value (appender->appender, list));
  duckdb_destroy_value (&list);
}

void
ut_db_append_floats (UtDbAppender *appender, const float *values, size_t n)
{
  if (values == NULL)
    {
      ut_db_append_null (appender);
      return;
    }
  g_autofree duckdb_value *elements = g_new0 (duckdb_value, n);
  for (size_t i = 0; i < n; i++)
    elements[i] = duckdb_create_float (values[i]);
  duckdb_logical_type element = duckdb_create_logical_type (DUCKDB_TYPE_FLOAT);
  duckdb_value list = duckdb_create_list_value (element, elements, n);
  duckdb_destroy_logical_type (&element);
  note_append (appender, duckdb_append_value (appender->appender, list));
  duckdb_destroy_value (&list);
  for (size_t i = 0; i < n; i++)
    duckdb_destroy_value (&elements[i]);
}

gboolean
ut_db_append_end_row (UtDbAppender *appender, GError **error)
{
  if (appender->refused != NULL)
    return fail (appender->db, error, appender->table, appender->refused);
  if (duckdb_appender_end_row (appender->appender) == DuckDBSuccess)
    return TRUE;
  return fail (appender->db, error, appender->table, duckdb_appender_error (appender->appender));
}

gboolean
ut_db_appender_flush (UtDbAppender *appender, GError **error)
{
  if (duckdb_appender_flush (appender->appender) == DuckDBSuccess)
    return TRUE;
  return fail (appender->db, error, appender->table, duckdb_appender_error (appender->appender));
}
