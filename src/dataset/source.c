#include "dataset/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "dataset/files.h"

/* A record may hold photographs in base64. DuckDB's buffers have the size of the largest record that is allowed, and it fills several. */
constexpr size_t MIN_RECORD = 4 << 20;
constexpr size_t MAX_RECORD = 64 << 20;

/* What a query over a part of a Parquet file reads, about: DuckDB holds 2,048 rows at once, each image in them several times over. */
constexpr gint64 PART_BYTES = 16 << 20;
constexpr gint64 PART_ROWS = 2048;

typedef enum {
  DELIMITED,
  JSON_LINES,
  JSON_ARRAY,
  JSON_QUESTIONS, /* one object: SEED-Bench's list of questions and what belongs to them all */
  PARQUET
} Kind;

struct _UtSource {
  char *path;
  char *name;
  char *readable; /* what DuckDB is given to open */
  Kind kind;
  char delimiter;
  size_t max_record;  /* bytes that the longest record may have */
  int fd;             /* of a copy without byte order mark, else -1 */
  GPtrArray *columns; /* char * */
  GPtrArray *types;   /* char *, as many; PARQUET only */
  gint64 n_rows;      /* PARQUET only */
  gint64 part_rows;   /* rows a query reads of them */
};

static const char byte_order_mark[] = "\xef\xbb\xbf";

void
ut_source_free (UtSource *source)
{
  if (source == NULL)
    return;
  if (source->fd >= 0)
    close (source->fd);
  g_ptr_array_unref (source->columns);
  g_ptr_array_unref (source->types);
  g_free (source->path);
  g_free (source->name);
  g_free (source->readable);
  g_free (source);
}

static gboolean
fail (const UtSource *source, GError **error, const char *what)
{
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", source->path, what);
  return FALSE;
}

/* --- What the file is -------------------------------------------------------------------------------------------------------- */

/* DuckDB takes every name for a glob and some for an address: an absolute path with its special characters in brackets is neither. */
static char *
escape_glob (const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  GString *out = g_string_new (NULL);
  for (const char *p = absolute; *p != '\0'; p++)
    if (strchr ("*?[", *p) != NULL)
      g_string_append_printf (out, "[%c]", *p);
    else
      g_string_append_c (out, *p);
  return g_string_free (out, FALSE);
}

/* The beginning of the file, NUL-terminated: enough for any header. */
static char *
read_head (const UtSource *source, gsize *out_n, GError **error)
{
  constexpr gsize limit = 1 << 20;
  g_autofree char *head = g_malloc (limit + 1);
  FILE *file = fopen (source->path, "rbe");
  if (file == NULL)
    {
      fail (source, error, g_strerror (errno));
      return NULL;
    }
  *out_n = fread (head, 1, limit, file);
  fclose (file);
  head[*out_n] = '\0';
  return g_steal_pointer (&head);
}

/* DuckDB's JSON reader refuses the mark, so it gets a copy without. */
static gboolean
copy_without_mark (UtSource *source, GError **error)
{
  source->fd = ut_files_temporary (error);
  if (source->fd < 0)
    return FALSE;
  FILE *file = fopen (source->path, "rbe");
  gboolean good = file != NULL && fseek (file, (long) strlen (byte_order_mark), SEEK_SET) == 0;
  char block[65536];
  for (size_t n; good && (n = fread (block, 1, sizeof block, file)) > 0;)
    good = write (source->fd, block, n) == (ssize_t) n;
  good = good && !ferror (file);
  const int code = errno;
  if (file != NULL)
    fclose (file);
  g_free (source->readable);
  source->readable = g_strdup_printf ("/proc/self/fd/%d", source->fd);
  return good || fail (source, error, g_strerror (code));
}

/* --- A delimited file's header ------------------------------------------------------------------------------------------------- */

/* Reads one cell of the header record; *p ends on the delimiter, the line's end or the NUL. */
static char *
read_cell (const char **p, char delimiter)
{
  GString *cell = g_string_new (NULL);
  gboolean quoted = **p == '"';
  *p += quoted;
  for (; **p != '\0'; (*p)++)
    {
      if (quoted && **p == '"' && (*p)[1] == '"')
        (*p)++;
      else if (quoted && **p == '"')
        {
          quoted = FALSE;
          continue;
        }
      else if (!quoted && (**p == delimiter || **p == '\n' || **p == '\r'))
        break;
      g_string_append_c (cell, **p);
    }
  return g_string_free (cell, FALSE);
}

static void
read_header (const char *head, char delimiter, GPtrArray *columns)
{
  g_ptr_array_set_size (columns, 0);
  for (;; head++)
    {
      g_ptr_array_add (columns, read_cell (&head, delimiter));
      if (*head != delimiter)
        return;
    }
}

/* Of tab, comma, semicolon and bar, the one that splits the header most often; the first of equals. */
static void
read_delimited (UtSource *source, const char *head)
{
  static const char candidates[] = "\t,;|";
  unsigned most = 0;
  for (const char *candidate = candidates; *candidate != '\0'; candidate++)
    {
      read_header (head, *candidate, source->columns);
      if (source->columns->len > most)
        {
          most = source->columns->len;
          source->delimiter = *candidate;
        }
    }
  read_header (head, source->delimiter, source->columns);
}

static gboolean
check_header (const UtSource *source, GError **error)
{
  for (unsigned i = 0; i < source->columns->len; i++)
    {
      const char *column = source->columns->pdata[i];
      if (!g_utf8_validate (column, -1, NULL))
        return fail (source, error, "the header is not UTF-8");
      if (g_ptr_array_find_with_equal_func (source->columns, column, g_str_equal, &(guint) { 0 }) && *column != '\0')
        for (unsigned j = 0; j < i; j++)
          if (g_str_equal (column, source->columns->pdata[j]))
            {
              g_autofree char *what = g_strdup_printf ("the header names the column “%s” twice", column);
              return fail (source, error, what);
            }
    }
  return TRUE;
}

/* --- The columns of the others ------------------------------------------------------------------------------------------------- */

/* Two columns of a query: names, and types or nothing. */
static gboolean
collect (UtSource *source, UtDb *db, const char *sql, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, error);
  if (cursor == NULL)
    {
      ut_source_explain (source, db, error);
      return FALSE;
    }
  while (ut_db_next (cursor, NULL))
    {
      g_ptr_array_add (source->columns, ut_db_dup_text (cursor, 0));
      if (source->kind == PARQUET)
        g_ptr_array_add (source->types, ut_db_dup_text (cursor, 1));
    }
  return TRUE;
}

/* The records, each as `json`. A list of questions comes with the names of their types in each. */
static char *
json_reader (const UtSource *source)
{
  static const char *const formats[]
      = { [JSON_LINES] = "newline_delimited", [JSON_ARRAY] = "array", [JSON_QUESTIONS] = "unstructured" };
  g_autofree char *quoted = ut_db_sql ("%q, format = %q", source->readable, formats[source->kind]);
  g_autofree char *reader
      = g_strdup_printf ("read_json_objects(%s, compression = 'none', maximum_object_size = %zu)", quoted, source->max_record);
  if (source->kind != JSON_QUESTIONS)
    return g_steal_pointer (&reader);
  return g_strdup_printf (
      "(SELECT CASE json_type(question) WHEN 'OBJECT' THEN json_merge_patch(question, types) ELSE question END AS json"
      " FROM (SELECT unnest(json_extract(json, '$.questions[*]')) AS question,"
      " json_object('question_type', json_extract(json, '$.question_type')) AS types FROM %s))",
      reader);
}

/* The keys of the first records, in the order of their first appearance. */
static gboolean
read_json_columns (UtSource *source, UtDb *db, GError **error)
{
  g_autofree char *reader = json_reader (source);
  g_autofree char *sql = g_strdup_printf (
      "SELECT key, NULL FROM (SELECT unnest(keys) AS key, row, generate_subscripts(keys, 1) AS place FROM"
      " (SELECT row_number() OVER () AS row, CASE WHEN json_type(json) = 'OBJECT' THEN json_keys(json) END AS keys"
      "  FROM (FROM %s LIMIT 100))) GROUP BY key ORDER BY min(row), min(place)",
      reader);
  return collect (source, db, sql, error);
}

static gboolean
read_parquet_columns (UtSource *source, UtDb *db, GError **error)
{
  g_autofree char *sql = ut_db_sql ("SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet(%q))", source->readable);
  return collect (source, db, sql, error);
}

static gboolean
measure_parts (UtSource *source, UtDb *db, GError **error)
{
  g_autofree char *sql = ut_db_sql ("SELECT (SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(%q)),"
                                    " (SELECT coalesce(sum(total_uncompressed_size), 0)::BIGINT FROM parquet_metadata(%q))",
                                    source->readable, source->readable);
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  source->n_rows = ut_db_int64 (cursor, 0);
  const gint64 row_bytes = ut_db_int64 (cursor, 1) / MAX (source->n_rows, 1);
  source->part_rows = CLAMP (PART_BYTES / MAX (row_bytes, 1), 1, PART_ROWS);
  return TRUE;
}

/* Whether the object begins as SEED-Bench's does. */
static gboolean
is_list_of_questions (const char *text)
{
  return g_regex_match_simple ("^\\s*\\{\\s*\"(questions\"\\s*:\\s*\\[|question_type\"\\s*:\\s*\\{)", text, G_REGEX_DEFAULT,
                               G_REGEX_MATCH_DEFAULT);
}

/* How long a record of a file with a record a line may be: a little longer than the longest, within limits. What is in quotes goes on over
 * the end of a line in a delimited file. */
static size_t
measure_records (const UtSource *source)
{
  FILE *file = fopen (source->path, "rbe");
  size_t longest = 0, length = 0;
  gboolean quoted = FALSE;
  char block[65536];
  for (size_t n; file != NULL && (n = fread (block, 1, sizeof block, file)) > 0;)
    for (size_t i = 0; i < n; i++)
      {
        quoted ^= block[i] == '"' && source->kind == DELIMITED;
        length = block[i] == '\n' && !quoted ? 0 : length + 1;
        longest = MAX (longest, length);
      }
  if (file != NULL)
    fclose (file);
  return CLAMP (longest + longest / 8, MIN_RECORD, MAX_RECORD);
}

static gboolean
find_kind (UtSource *source, UtDb *db, GError **error)
{
  gsize n;
  g_autofree char *head = read_head (source, &n, error);
  if (head == NULL)
    return FALSE;
  const gboolean marked = g_str_has_prefix (head, byte_order_mark);
  const char *text = head + (marked ? strlen (byte_order_mark) : 0);
  const char first = text[strspn (text, " \t\r\n")];
  if (n >= 4 && memcmp (head, "PAR1", 4) == 0)
    {
      source->kind = PARQUET;
      return read_parquet_columns (source, db, error) && measure_parts (source, db, error);
    }
  if (g_str_has_prefix (head, "\xff\xfe") || g_str_has_prefix (head, "\xfe\xff"))
    return fail (source, error, "the file is UTF-16; save it as UTF-8");
  if (first == '\0' && strlen (head) == n)
    return fail (source, error, "the file is empty");
  if (memchr (head, '\0', MIN (n, 4096)) != NULL)
    return fail (source, error, "the file is neither Parquet, JSON Lines, a JSON array, CSV nor TSV");
  if (first == '{' || first == '[')
    {
      source->kind = first == '[' ? JSON_ARRAY : is_list_of_questions (text) ? JSON_QUESTIONS : JSON_LINES;
      source->max_record = source->kind == JSON_LINES ? measure_records (source) : MAX_RECORD;
      return (!marked || copy_without_mark (source, error)) && read_json_columns (source, db, error);
    }
  source->kind = DELIMITED;
  source->max_record = measure_records (source);
  read_delimited (source, text);
  return check_header (source, error);
}

UtSource *
ut_source_open (UtDb *db, const char *path, GError **error)
{
  g_autoptr (UtSource) source = g_new0 (UtSource, 1);
  source->path = g_strdup (path);
  source->name = g_path_get_basename (path);
  source->readable = escape_glob (path);
  source->fd = -1;
  source->columns = g_ptr_array_new_with_free_func (g_free);
  source->types = g_ptr_array_new_with_free_func (g_free);
  return find_kind (source, db, error) ? g_steal_pointer (&source) : NULL;
}

const char *
ut_source_name (const UtSource *source)
{
  return source->name;
}

/* --- Columns ------------------------------------------------------------------------------------------------------------------- */

static int
column_index (const UtSource *source, const char *column)
{
  for (unsigned i = 0; i < source->columns->len; i++)
    if (g_str_equal (source->columns->pdata[i], column))
      return (int) i;
  return -1;
}

char *
ut_source_columns (const UtSource *source)
{
  constexpr unsigned limit = 40;
  GString *out = g_string_new (NULL);
  for (unsigned i = 0; i < MIN (source->columns->len, limit); i++)
    g_string_append_printf (out, "%s%.80s", i > 0 ? ", " : "", (const char *) source->columns->pdata[i]);
  if (source->columns->len > limit)
    g_string_append_printf (out, " and %u more", source->columns->len - limit);
  g_autofree char *broken = g_string_free (out, FALSE);
  return g_utf8_make_valid (broken, -1);
}

/* The user's column for a field, or NULL. */
static const char *
user_column (const char *field, char **columns)
{
  const size_t n = strlen (field);
  for (; columns != NULL && *columns != NULL; columns++)
    if (strncmp (*columns, field, n) == 0 && (*columns)[n] == '=')
      return *columns + n + 1;
  return NULL;
}

const char *
ut_source_column (const UtSource *source, const UtField *field, char **columns)
{
  const char *named = user_column (field->name, columns);
  const char *column = named != NULL ? named : field->name;
  return column_index (source, column) >= 0 ? column : NULL;
}

gboolean
ut_source_check_columns (const UtSource *source, char **columns, GError **error)
{
  for (; columns != NULL && *columns != NULL; columns++)
    {
      const char *column = strchr (*columns, '=') + 1;
      if (column_index (source, column) >= 0)
        continue;
      g_autofree char *known = ut_source_columns (source);
      g_ptr_array_add (source->columns, NULL);
      const char *nearest = ut_names_nearest (column, (const char *const *) source->columns->pdata);
      g_ptr_array_set_size (source->columns, (int) source->columns->len - 1);
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s: no column “%s” (from --column %s)%s%s%s; the file has %s", source->path,
                   column, *columns, nearest != NULL ? "; did you mean “" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "”" : "", known);
      return FALSE;
    }
  return TRUE;
}

gboolean
ut_source_fits (const UtSource *source, const UtFormat *format, char **columns, const UtField **out_missing)
{
  for (const UtField *needed = format->fields; needed->name != NULL; needed++)
    {
      gboolean found = needed->need == NULL;
      for (const UtField *field = format->fields; !found && field->name != NULL; field++)
        found = g_strcmp0 (field->need, needed->need) == 0 && ut_source_column (source, field, columns) != NULL;
      *out_missing = needed;
      if (!found)
        return FALSE;
    }
  return TRUE;
}

/* --- The relation -------------------------------------------------------------------------------------------------------------- */

/* What DuckDB reads: a table expression without `row`. */
static char *
reader_sql (const UtSource *source)
{
  if (source->kind == PARQUET)
    return ut_db_sql ("read_parquet(%q)", source->readable);
  if (source->kind != DELIMITED)
    return json_reader (source);
  /* Names of ours: DuckDB's are the same in both cases, and its sniffer may take the header for a row. */
  GString *names = g_string_new (NULL);
  for (unsigned i = 0; i < source->columns->len; i++)
    g_string_append_printf (names, "%sc%u: 'VARCHAR'", i > 0 ? ", " : "", i);
  const char delimiter[] = { source->delimiter, '\0' };
  g_autofree char *quoted = ut_db_sql ("%q, delim = %q", source->readable, delimiter);
  g_autofree char *list = g_string_free (names, FALSE);
  return g_strdup_printf (
      "read_csv(%s, columns = {%s}, auto_detect = false, header = true, skip = 0, quote = '\"', escape = '\"',"
      " comment = '', nullstr = '', strict_mode = true, compression = 'none', max_line_size = %zu, buffer_size = %zu)",
      quoted, list, source->max_record, source->max_record);
}

/* A key's place in an object (RFC 6901). */
static char *
json_pointer (const char *key)
{
  GString *out = g_string_new ("/");
  for (; *key != '\0'; key++)
    if (*key == '~' || *key == '/')
      g_string_append (out, *key == '~' ? "~0" : "~1");
    else
      g_string_append_c (out, *key);
  return g_string_free (out, FALSE);
}

/* JSON's null and an empty text are missing values. */
static char *
json_value (const char *key, UtFieldKind kind)
{
  g_autofree char *pointer = json_pointer (key);
  if (kind == UT_FIELD_TEXT)
    return ut_db_sql ("json_extract_string(json, %q)", pointer);
  return ut_db_sql ("CASE json_type(json, %q) WHEN 'ARRAY' THEN json_extract_string(json_extract(json, %q), '$[*]')"
                    " WHEN 'NULL' THEN NULL ELSE list_filter([json_extract_string(json, %q)], lambda x: x IS NOT NULL) END",
                    pointer, pointer, pointer);
}

static char *
delimited_value (unsigned column, UtFieldKind kind)
{
  if (kind == UT_FIELD_TEXT)
    return g_strdup_printf ("c%u", column);
  if (kind == UT_FIELD_IMAGES)
    return g_strdup_printf ("CASE WHEN c%u IS NOT NULL THEN [c%u] END", column, column);
  return g_strdup_printf ("CASE WHEN c%u IS NULL THEN NULL WHEN NOT json_valid(c%u) THEN [c%u]"
                          " WHEN json_type(c%u) = 'ARRAY' THEN json_extract_string(c%u, '$[*]') ELSE [c%u] END",
                          column, column, column, column, column, column);
}

static gboolean
is_struct (const char *type)
{
  return g_str_has_prefix (type, "STRUCT(");
}

/* Parquet's text may be marked as bytes. A struct is Hugging Face's image: bytes, path; with neither it is none. */
static char *
parquet_value (const char *column, const char *type, UtFieldKind kind)
{
  const gboolean list = g_str_has_suffix (type, "[]");
  if (kind == UT_FIELD_TEXT)
    return ut_db_sql (strcmp (type, "BLOB") == 0 ? "decode(%i)" : "CAST(%i AS VARCHAR)", column);
  if (kind == UT_FIELD_IMAGES && is_struct (type))
    return list ? ut_db_sql ("[x.path FOR x IN %i]", column)
                : ut_db_sql ("CASE WHEN %i.bytes IS NOT NULL OR %i.path IS NOT NULL THEN [%i.path] END", column, column, column);
  if (kind == UT_FIELD_IMAGES && g_str_has_prefix (type, "BLOB"))
    return ut_db_sql (list ? "[NULL::VARCHAR FOR x IN %i]" : "CASE WHEN %i IS NOT NULL THEN [NULL::VARCHAR] END", column);
  if (list)
    return ut_db_sql ("CAST(%i AS VARCHAR[])", column);
  return ut_db_sql ("CASE WHEN %i IS NOT NULL THEN [CAST(%i AS VARCHAR)] END", column, column);
}

/* Beside each text of parquet_value, its bytes or NULL. */
static char *
parquet_bytes (const char *column, const char *type)
{
  const gboolean list = g_str_has_suffix (type, "[]");
  if (is_struct (type))
    return list ? ut_db_sql ("[x.bytes FOR x IN %i]", column)
                : ut_db_sql ("CASE WHEN %i.bytes IS NOT NULL OR %i.path IS NOT NULL THEN [%i.bytes] END", column, column, column);
  if (g_str_has_prefix (type, "BLOB"))
    return ut_db_sql (list ? "%i" : "CASE WHEN %i IS NOT NULL THEN [%i] END", column, column);
  return ut_db_sql (list ? "[NULL::BLOB FOR x IN %i]" : "CASE WHEN %i IS NOT NULL THEN [NULL::BLOB] END", column);
}

/* Appends one field of the format as column, two for images. */
static void
append_field (GString *sql, const UtSource *source, const UtField *field, char **columns)
{
  const char *column = ut_source_column (source, field, columns);
  const int index = column != NULL ? column_index (source, column) : -1;
  const char *type = index >= 0 && source->kind == PARQUET ? source->types->pdata[index] : NULL;
  g_autofree char *value = index < 0      ? g_strdup (field->kind == UT_FIELD_TEXT ? "NULL::VARCHAR" : "NULL::VARCHAR[]")
                           : type != NULL ? parquet_value (column, type, field->kind)
                           : source->kind == DELIMITED ? delimited_value ((unsigned) index, field->kind)
                                                       : json_value (column, field->kind);
  g_autofree char *name = ut_db_sql ("%i", field->name);
  g_string_append_printf (sql, ", %s AS %s", value, name);
  if (field->kind != UT_FIELD_IMAGES)
    return;
  g_autofree char *bytes = type != NULL ? parquet_bytes (column, type) : g_strdup ("NULL::BLOB[]");
  g_string_append_printf (sql, ", %s AS %s_bytes", bytes, field->name);
}

unsigned
ut_source_n_parts (const UtSource *source)
{
  return source->kind == PARQUET ? (unsigned) MAX ((source->n_rows + source->part_rows - 1) / source->part_rows, 1) : 1;
}

/* The rows of a part of the file, each with its number. */
static char *
rows_sql (const UtSource *source, unsigned part)
{
  g_autofree char *reader = reader_sql (source);
  if (source->kind == PARQUET)
    return g_strdup_printf ("SELECT file_row_number + 1 AS row, * FROM %s WHERE file_row_number >= %" G_GINT64_FORMAT
                            " AND file_row_number < %" G_GINT64_FORMAT,
                            reader, part * source->part_rows, (part + 1) * source->part_rows);
  if (source->kind == DELIMITED)
    return g_strdup_printf ("SELECT row_number() OVER () AS row, * FROM %s", reader);
  return g_strdup_printf ("SELECT row_number() OVER () AS row, CASE WHEN json_type(json) = 'OBJECT' THEN json"
                          " ELSE error('row ' || row_number() OVER () || ': not a JSON object') END AS json FROM %s",
                          reader);
}

char *
ut_source_query (const UtSource *source, unsigned part, const UtFormat *format, char **columns)
{
  g_autofree char *rows = rows_sql (source, part);
  g_autofree char *file = ut_db_sql ("%q", source->name);
  GString *sql = g_string_new ("WITH source AS (SELECT row, ");
  g_string_append_printf (sql, "%s AS file", file);
  for (const UtField *field = format->fields; field->name != NULL; field++)
    append_field (sql, source, field, columns);
  g_string_append_printf (sql, " FROM (%s))\n%s", rows, (const char *) format->sql);
  return g_string_free (sql, FALSE);
}

/* --- Errors -------------------------------------------------------------------------------------------------------------------- */

/* The last line of what DuckDB says before it gives advice: the reason. */
static char *
csv_reason (const char *message)
{
  const char *advice = strstr (message, "\nPossible");
  g_autofree char *facts = advice != NULL ? g_strndup (message, (gsize) (advice - message)) : g_strdup (message);
  g_strchomp (facts);
  const char *last = strrchr (facts, '\n');
  last = last != NULL ? last + 1 : facts;
  unsigned expected, found;
  if (sscanf (last, "Expected Number of Columns: %u Found: %u", &expected, &found) == 2)
    return g_strdup_printf ("%u cells where the header has %u", found, expected);
  if (strstr (last, "unicode") != NULL)
    return g_strdup ("not UTF-8");
  if (strstr (last, "unterminated quote") != NULL)
    return g_strdup ("a quote is opened and not closed");
  return g_strdup (last);
}

/* The first line from `from` on that is no JSON value, 0 where none is found. DuckDB's own count leaves blank lines out. */
static unsigned
find_broken_line (const UtSource *source, UtDb *db, unsigned from, const char **out_reason)
{
  g_autoptr (UtDbStatement) check = ut_db_prepare (db, "SELECT json_valid($1)", NULL);
  FILE *file = fopen (source->fd >= 0 ? source->readable : source->path, "rbe");
  char *line = NULL;
  size_t size = 0;
  unsigned number = 0, broken = 0;
  ssize_t n;
  while (check != NULL && file != NULL && broken == 0 && (n = getline (&line, &size, file)) > 0)
    {
      if (++number < from || strspn (line, " \t\r\n") == (size_t) n)
        continue;
      const gboolean utf8 = g_utf8_validate (line, n, NULL);
      ut_db_bind_text (check, 1, utf8 ? line : "0");
      g_autoptr (UtDbCursor) row = ut_db_run (check, NULL);
      if (utf8 && row != NULL && ut_db_next (row, NULL) && ut_db_bool (row, 0))
        continue;
      broken = number;
      *out_reason = utf8 ? "broken JSON" : "not UTF-8";
    }
  free (line);
  if (file != NULL)
    fclose (file);
  return broken;
}

/* What follows `marker` as a number, 0 where the message does not have it. */
static unsigned
number_after (const char *message, const char *marker)
{
  const char *found = strstr (message, marker);
  return found != NULL ? (unsigned) g_ascii_strtoull (found + strlen (marker), NULL, 10) : 0;
}

/* The fault as "line 17: broken JSON" or without a line; NULL where DuckDB's own first line is best. */
static char *
explain (const UtSource *source, UtDb *db, const char *message)
{
  if (strstr (message, "reached an invalid state") != NULL)
    return g_strdup ("quotes or line ends are mixed up: a cell with a quote must stand in quotes, its quotes doubled,"
                     " and every line must end alike");
  const unsigned csv_line = number_after (message, "CSV Error on Line: ");
  if (csv_line > 0)
    {
      g_autofree char *reason = csv_reason (message);
      return g_strdup_printf ("line %u: %s", csv_line, reason);
    }
  const unsigned json_line = number_after (message, " in line ");
  if (strstr (message, "Malformed JSON") == NULL)
    return NULL;
  const char *reason = "broken JSON";
  const unsigned line
      = source->kind == JSON_LINES ? find_broken_line (source, db, json_line > 0 ? json_line - 1 : 0, &reason) : 0;
  return line > 0 ? g_strdup_printf ("line %u: %s", line, reason) : g_strdup ("broken JSON");
}

void
ut_source_explain (const UtSource *source, UtDb *db, GError **error)
{
  if (error == NULL || *error == NULL)
    return;
  g_autofree char *message = g_strdup (ut_db_last_message (db));
  g_autofree char *explained = message != NULL ? explain (source, db, message) : NULL;
  g_autofree char *said = g_strdup (explained != NULL ? explained : (*error)->message);
  g_clear_error (error);
  const gboolean placed = g_str_has_prefix (said, "line ") || g_str_has_prefix (said, "row ");
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s%s %s", source->path, placed ? "," : ":", said);
}
