#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "db/db.h"

/* A folder of the test's own. */
static char *
make_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("undertow-db-XXXXXX", &error);
  g_assert_no_error (error);
  return folder;
}

static UtDb *
open_memory (void)
{
  g_autoptr (GError) error = NULL;
  UtDb *db = ut_db_open (NULL, NULL, &error);
  g_assert_no_error (error);
  return db;
}

static void
exec (UtDb *db, const char *sql)
{
  g_autoptr (GError) error = NULL;
  ut_db_exec (db, sql, &error);
  g_assert_no_error (error);
}

/* The one value of a query. */
static int64_t
query_int64 (UtDb *db, const char *sql)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, &error);
  g_assert_no_error (error);
  g_assert_true (ut_db_next (cursor, &error));
  return ut_db_int64 (cursor, 0);
}

static void
test_types (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDbCursor) row = ut_db_query (db,
                                            "SELECT true AS b, (-7)::TINYINT AS i8, 18446744073709551615::UBIGINT AS u64,"
                                            " sum(3::BIGINT) AS huge, (-1.25)::DECIMAL(9,2) AS dec, 2.5::FLOAT AS f, 1e300 AS d,"
                                            " 'twelve bytes' AS inlined, 'more than twelve bytes' AS pointed,"
                                            " 'x'::ENUM ('w', 'x') AS e, '\\x00\\xFF'::BLOB AS blob, ['None', NULL, 'é'] AS list,"
                                            " [1.5::FLOAT, 2] AS floats, [3, 4]::FLOAT[2] AS fixed, NULL::VARCHAR AS nothing,"
                                            " DATE '2026-11-24' AS day",
                                            &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ut_db_n_columns (row), ==, 16);
  g_assert_cmpstr (ut_db_column_name (row, 3), ==, "huge");
  g_assert_cmpint (ut_db_column_index (row, "day"), ==, 15);
  g_assert_cmpint (ut_db_column_index (row, "night"), ==, -1);
  const UtDbType expected[] = { UT_DB_BOOL, UT_DB_INT64, UT_DB_INT64, UT_DB_INT64, UT_DB_DOUBLE, UT_DB_DOUBLE, UT_DB_DOUBLE, UT_DB_TEXT,
                                UT_DB_TEXT, UT_DB_TEXT, UT_DB_BLOB, UT_DB_TEXT_LIST, UT_DB_FLOAT_LIST, UT_DB_FLOAT_LIST, UT_DB_TEXT, UT_DB_OTHER };
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpint (ut_db_column_type (row, i), ==, expected[i]);

  g_assert_true (ut_db_next (row, &error));
  g_assert_true (ut_db_bool (row, 0));
  g_assert_cmpint (ut_db_int64 (row, 1), ==, -7);
  g_assert_cmpint (ut_db_int64 (row, 2), ==, INT64_MAX);
  g_assert_cmpint (ut_db_int64 (row, 3), ==, 3);
  g_assert_cmpfloat (ut_db_double (row, 3), ==, 3.0);
  g_assert_cmpfloat (ut_db_double (row, 4), ==, -1.25);
  g_assert_cmpint (ut_db_int64 (row, 4), ==, -1);
  g_assert_cmpfloat (ut_db_double (row, 5), ==, 2.5);
  g_assert_cmpfloat (ut_db_double (row, 6), ==, 1e300);
  g_assert_cmpint (ut_db_int64 (row, 6), ==, INT64_MAX);
  const char *inlined = ut_db_text (row, 7);
  g_assert_cmpstr (ut_db_text (row, 8), ==, "more than twelve bytes");
  g_assert_cmpstr (inlined, ==, "twelve bytes");
  g_assert_cmpstr (ut_db_text (row, 9), ==, "x");
  size_t n;
  g_assert_cmpmem (ut_db_blob (row, 10, &n), n, "\x00\xFF", 2);
  g_auto (GStrv) list = ut_db_dup_text_list (row, 11);
  const char *const texts[] = { "None", "", "é", NULL };
  g_assert_cmpstrv (list, texts);
  g_assert_cmpuint (ut_db_list_length (row, 11), ==, 3);
  g_assert_null (ut_db_list_blob (row, 11, 1, &n));
  g_assert_cmpmem (ut_db_list_blob (row, 11, 2, &n), n, "é", 2);
  const float *floats = ut_db_floats (row, 12, &n);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpfloat (floats[0], ==, 1.5f);
  floats = ut_db_floats (row, 13, &n);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpfloat (floats[1], ==, 4.0f);
  g_assert_true (ut_db_is_null (row, 14));
  g_assert_null (ut_db_text (row, 14));
  g_assert_false (ut_db_is_null (row, 15));
  g_assert_false (ut_db_next (row, &error));
  g_assert_false (ut_db_next (row, &error));
  g_assert_no_error (error);
}

static void
test_integers (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_assert_cmpint (query_int64 (db, "SELECT 300::SMALLINT"), ==, 300);
  g_assert_cmpint (query_int64 (db, "SELECT 255::UTINYINT"), ==, 255);
  g_assert_cmpint (query_int64 (db, "SELECT 65535::USMALLINT"), ==, 65535);
  g_assert_cmpint (query_int64 (db, "SELECT 4294967295::UINTEGER"), ==, 4294967295);
  g_assert_cmpint (query_int64 (db, "SELECT (-2147483648)::INTEGER"), ==, INT32_MIN);
  g_assert_cmpint (query_int64 (db, "SELECT (-5)::HUGEINT"), ==, -5);
  g_assert_cmpint (query_int64 (db, "SELECT (-170141183460469231731687303715884105728)::HUGEINT"), ==, INT64_MIN);
  g_assert_cmpint (query_int64 (db, "SELECT 18446744073709551616::UHUGEINT"), ==, INT64_MAX);
  g_assert_cmpint (query_int64 (db, "SELECT 'nan'::DOUBLE"), ==, 0);
  g_assert_cmpint (query_int64 (db, "SELECT 12.50::DECIMAL(4,2)"), ==, 12);
  g_assert_cmpint (query_int64 (db, "SELECT (-12)::DECIMAL(30,2)"), ==, -12);
  g_assert_cmpint (query_int64 (db, "SELECT 77::DECIMAL(18,0)"), ==, 77);
  g_assert_cmpint (query_int64 (db, "SELECT NULL::INTEGER"), ==, 0);
}

static void
test_bind (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  exec (db, "CREATE TABLE t (i BIGINT, d DOUBLE, s VARCHAR, b BLOB, l VARCHAR[], n INTEGER)");
  g_autoptr (UtDbStatement) insert = ut_db_prepare (db, "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)", &error);
  g_assert_no_error (error);
  const char *const list[] = { "it's", "", "\"x\"", NULL };
  ut_db_bind_double (insert, 2, 0.1);
  ut_db_bind_text (insert, 3, "'); DROP TABLE t; --");
  ut_db_bind_blob (insert, 4, "a\0b", 3);
  ut_db_bind_text_list (insert, 5, list);
  ut_db_bind_null (insert, 6);
  for (int64_t i = 0; i < 3; i++)
    {
      ut_db_bind_int64 (insert, 1, i);
      g_assert_true (ut_db_step (insert, &error));
    }
  g_autoptr (UtDbCursor) row = ut_db_query (db, "FROM t ORDER BY i", &error);
  for (int64_t i = 0; i < 3; i++)
    {
      g_assert_true (ut_db_next (row, &error));
      g_assert_cmpint (ut_db_int64 (row, 0), ==, i);
      g_assert_cmpfloat (ut_db_double (row, 1), ==, 0.1);
      g_assert_cmpstr (ut_db_text (row, 2), ==, "'); DROP TABLE t; --");
      size_t n;
      g_assert_cmpmem (ut_db_blob (row, 3, &n), n, "a\0b", 3);
      g_auto (GStrv) read = ut_db_dup_text_list (row, 4);
      g_assert_cmpstrv (read, list);
      g_assert_true (ut_db_is_null (row, 5));
    }
  g_assert_false (ut_db_next (row, &error));

  ut_db_bind_int64 (insert, 7, 1);
  g_assert_false (ut_db_step (insert, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "parameter 7"));
  g_clear_error (&error);
  ut_db_bind_text (insert, 3, "\xff");
  g_assert_false (ut_db_step (insert, &error));
  g_assert_nonnull (strstr (error->message, "parameter 3"));
}

static void
test_errors (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_db_last_message (db));
  g_assert_false (ut_db_exec (db, "SELECT * FROM nowhere", &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "Table with name nowhere does not exist!");
  g_assert_nonnull (strstr (ut_db_last_message (db), "LINE 1"));
  g_clear_error (&error);
  g_assert_null (ut_db_prepare (db, "SELEC 1", &error));
  g_assert_nonnull (strstr (error->message, "syntax error"));
  g_clear_error (&error);
  g_assert_null (ut_db_query (db, "SELECT 'x'::INTEGER", &error));
  g_assert_nonnull (strstr (error->message, "Could not convert string 'x' to INT32"));
}

static void
test_quoting (void)
{
  g_autofree char *sql = ut_db_sql ("SELECT %q AS %i, 5 %% 3", "O'Brien \"x\" %q", "a \"b\" 'c'");
  g_assert_cmpstr (sql, ==, "SELECT 'O''Brien \"x\" %q' AS \"a \"\"b\"\" 'c'\", 5 % 3");
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDbCursor) row = ut_db_query (db, sql, &error);
  g_assert_no_error (error);
  g_assert_true (ut_db_next (row, &error));
  g_assert_cmpstr (ut_db_text (row, 0), ==, "O'Brien \"x\" %q");
  g_assert_cmpstr (ut_db_column_name (row, 0), ==, "a \"b\" 'c'");
}

static void
test_stream (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDbStatement) statement = ut_db_prepare (db, "SELECT i FROM range($1) r(i)", &error);
  ut_db_bind_int64 (statement, 1, 100000);
  int64_t seen = 0;
  {
    g_autoptr (UtDbCursor) row = ut_db_stream (statement, &error);
    g_assert_no_error (error);
    for (; ut_db_next (row, &error); seen++)
      g_assert_cmpint (ut_db_int64 (row, 0), ==, seen);
    g_assert_no_error (error);
  }
  g_assert_cmpint (seen, ==, 100000);
  {
    g_autoptr (UtDbCursor) row = ut_db_stream (statement, &error);
    g_assert_true (ut_db_next (row, &error));
  }
  g_assert_cmpint (query_int64 (db, "SELECT 5"), ==, 5);
  g_autoptr (UtDbStatement) failing = ut_db_prepare (db, "SELECT if(i = 90000, 'x', '1')::INTEGER FROM range(100000) r(i)", &error);
  g_autoptr (UtDbCursor) row = ut_db_stream (failing, &error);
  while (row != NULL && ut_db_next (row, &error))
    ;
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "Could not convert"));
}

static void
append_row (UtDbAppender *appender, int64_t i, GError **error)
{
  const char *const texts[] = { "A", "é", NULL };
  const float floats[] = { 1.0f, -2.5f, (float) i };
  ut_db_append_int64 (appender, i);
  ut_db_append_text (appender, i % 2 == 0 ? "even" : NULL);
  ut_db_append_double (appender, (double) i / 2);
  ut_db_append_text_list (appender, texts);
  ut_db_append_floats (appender, floats, G_N_ELEMENTS (floats));
  ut_db_append_floats (appender, floats, G_N_ELEMENTS (floats));
  ut_db_append_blob (appender, "\0\1", 2);
  ut_db_append_bool (appender, i == 1);
  ut_db_append_end_row (appender, error);
}

static const char appended_table[] =
  "CREATE TABLE t (i BIGINT PRIMARY KEY, s VARCHAR, d DOUBLE, l VARCHAR[], v FLOAT[], w FLOAT[3], b BLOB, t BOOLEAN)";

static void
test_appender (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  exec (db, appended_table);
  g_autoptr (UtDbAppender) appender = ut_db_appender_new (db, "t", &error);
  g_assert_no_error (error);
  exec (db, "BEGIN");
  for (int64_t i = 0; i < 5000; i++)
    append_row (appender, i, &error);
  g_assert_no_error (error);
  g_assert_true (ut_db_appender_flush (appender, &error));
  exec (db, "COMMIT");
  g_autoptr (UtDbCursor) row = ut_db_query (db, "FROM t WHERE i = 4999", &error);
  g_assert_true (ut_db_next (row, &error));
  g_assert_true (ut_db_is_null (row, 1));
  g_assert_cmpfloat (ut_db_double (row, 2), ==, 2499.5);
  g_auto (GStrv) texts = ut_db_dup_text_list (row, 3);
  g_assert_cmpstr (texts[1], ==, "é");
  for (unsigned column = 4; column <= 5; column++)
    {
      size_t n;
      const float *floats = ut_db_floats (row, column, &n);
      g_assert_cmpuint (n, ==, 3);
      g_assert_cmpfloat (floats[1], ==, -2.5f);
      g_assert_cmpfloat (floats[2], ==, 4999.0f);
    }
  size_t n;
  g_assert_cmpmem (ut_db_blob (row, 6, &n), n, "\0\1", 2);
  g_assert_cmpint (query_int64 (db, "SELECT i FROM t WHERE t"), ==, 1);
  g_assert_cmpint (query_int64 (db, "SELECT count(*) FROM t"), ==, 5000);
}

static void
test_appender_transaction (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  exec (db, appended_table);
  {
    g_autoptr (UtDbAppender) dropped = ut_db_appender_new (db, "t", &error);
    append_row (dropped, 1, &error);
  }
  g_assert_cmpint (query_int64 (db, "SELECT count(*) FROM t"), ==, 0);
  {
    g_autoptr (UtDbAppender) appender = ut_db_appender_new (db, "t", &error);
    exec (db, "BEGIN");
    append_row (appender, 1, &error);
    g_assert_true (ut_db_appender_flush (appender, &error));
    exec (db, "ROLLBACK");
    g_assert_cmpint (query_int64 (db, "SELECT count(*) FROM t"), ==, 0);
  }
  g_autoptr (UtDbAppender) appender = ut_db_appender_new (db, "t", &error);
  append_row (appender, 1, &error);
  append_row (appender, 1, &error);
  g_assert_no_error (error);
  g_assert_false (ut_db_appender_flush (appender, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_test_message ("%s", error->message);
}

static void
test_appender_errors (void)
{
  g_autoptr (UtDb) db = open_memory ();
  g_autoptr (GError) error = NULL;
  exec (db, "CREATE TABLE t (i INTEGER, s VARCHAR)");
  g_assert_null (ut_db_appender_new (db, "no such table", &error));
  g_assert_nonnull (strstr (error->message, "no such table"));
  g_clear_error (&error);
  {
    g_autoptr (UtDbAppender) appender = ut_db_appender_new (db, "t", &error);
    ut_db_append_text (appender, "not a number");
    ut_db_append_text (appender, "x");
    g_assert_false (ut_db_append_end_row (appender, &error));
    g_assert_nonnull (strstr (error->message, "not a number"));
    g_clear_error (&error);
  }
  {
    g_autoptr (UtDbAppender) appender = ut_db_appender_new (db, "t", &error);
    ut_db_append_int64 (appender, 1);
    g_assert_false (ut_db_append_end_row (appender, &error));
    g_test_message ("%s", error->message);
    g_clear_error (&error);
  }
  g_autoptr (UtDbAppender) appender = ut_db_appender_new (db, "t", &error);
  ut_db_append_int64 (appender, 1);
  ut_db_append_text (appender, "\xff");
  g_assert_false (ut_db_append_end_row (appender, &error));
  g_assert_cmpstr (error->message, ==, "t: a text is not UTF-8");
}

/* What a process has committed outlives its kill; what it has not is gone. */
static void
test_durable (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "it's a run.duckdb", NULL);
  g_autofree char *wal = g_strconcat (path, ".wal", NULL);
  const pid_t child = fork ();
  if (child == 0)
    {
      UtDb *db = ut_db_open (path, NULL, NULL);
      const gboolean good = db != NULL
                            && ut_db_exec (db, "CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1), (2); BEGIN; INSERT INTO t VALUES (3)", NULL);
      if (!good)
        _exit (1);
      kill (getpid (), SIGKILL);
    }
  int status;
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status));
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDb) db = ut_db_open (path, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (query_int64 (db, "SELECT count(*) FROM t"), ==, 2);
  g_clear_pointer (&db, ut_db_free);
  g_assert_false (g_file_test (wal, G_FILE_TEST_EXISTS));
  g_remove (path);
  g_rmdir (folder);
}

static void
assert_refused (const char *path, const UtDbOptions *options, const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDb) db = ut_db_open (path, options, &error);
  g_assert_null (db);
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, reason));
  g_assert_null (strchr (error->message, '\n'));
}

static void
test_unusable_files (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "run.duckdb", NULL);
  const UtDbOptions read_only = { .read_only = TRUE };
  assert_refused (path, &read_only, "does not exist");
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  assert_refused (folder, NULL, "");
  g_autofree char *nowhere = g_build_filename (folder, "missing", "run.duckdb", NULL);
  assert_refused (nowhere, NULL, "");

  g_assert_true (g_file_set_contents (path, "question,answer\nhow many lines does a database have?,more than this\n", -1, NULL));
  assert_refused (path, NULL, "not a valid DuckDB database file");
  g_remove (path);
  {
    g_autoptr (UtDb) db = ut_db_open (path, NULL, NULL);
    exec (db, "CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS s FROM range(100000) r(i)");
  }
  g_autofree char *bytes = NULL;
  gsize n;
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  g_assert_true (g_file_set_contents (path, bytes, 6000, NULL));
  assert_refused (path, NULL, "");
  memset (bytes + 4096, 0x5a, 8192);
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
  assert_refused (path, NULL, "");
  g_remove (path);
  g_rmdir (folder);
}

static void
test_locked (void)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "run.duckdb", NULL);
  int ready[2], done[2];
  g_assert_cmpint (pipe (ready), ==, 0);
  g_assert_cmpint (pipe (done), ==, 0);
  const pid_t child = fork ();
  if (child == 0)
    {
      char byte = 0;
      UtDb *db = ut_db_open (path, NULL, NULL);
      const gboolean met = write (ready[1], "x", 1) == 1 && read (done[0], &byte, 1) == 1;
      ut_db_free (db);
      _exit (met ? 0 : 1);
    }
  char byte;
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  const UtDbOptions read_only = { .read_only = TRUE };
  assert_refused (path, NULL, "lock");
  assert_refused (path, &read_only, "lock");
  g_assert_cmpint (write (done[1], "x", 1), ==, 1);
  int status;
  waitpid (child, &status, 0);
  g_assert_cmpint (status, ==, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDb) first = ut_db_open (path, &read_only, &error);
  g_assert_no_error (error);
  g_assert_false (ut_db_exec (first, "CREATE TABLE t (i INTEGER)", &error));
  g_test_message ("%s", error->message);
  g_remove (path);
  g_rmdir (folder);
}

static void
test_isolated (void)
{
  g_autoptr (GError) error = NULL;
  const UtDbOptions options = { .isolated = TRUE, .threads = 1, .memory_limit = "200MB" };
  g_autoptr (UtDb) db = ut_db_open (NULL, &options, &error);
  g_assert_no_error (error);
  g_assert_cmpint (query_int64 (db, "SELECT current_setting('threads')"), ==, 1);
  g_assert_false (ut_db_exec (db, "SELECT * FROM read_text('/etc/hostname')", &error));
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  g_assert_false (ut_db_exec (db, "INSTALL httpfs; LOAD httpfs", &error));
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  const UtDbOptions nonsense = { .memory_limit = "plenty" };
  g_assert_null (ut_db_open (NULL, &nonsense, &error));
  g_assert_cmpstr (error->message, ==, "the database takes no memory_limit “plenty”");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/db/types", test_types);
  g_test_add_func ("/db/integers", test_integers);
  g_test_add_func ("/db/bind", test_bind);
  g_test_add_func ("/db/errors", test_errors);
  g_test_add_func ("/db/quoting", test_quoting);
  g_test_add_func ("/db/stream", test_stream);
  g_test_add_func ("/db/appender", test_appender);
  g_test_add_func ("/db/appender-transaction", test_appender_transaction);
  g_test_add_func ("/db/appender-errors", test_appender_errors);
  g_test_add_func ("/db/durable", test_durable);
  g_test_add_func ("/db/unusable-files", test_unusable_files);
  g_test_add_func ("/db/locked", test_locked);
  g_test_add_func ("/db/isolated", test_isolated);
  return g_test_run ();
}
