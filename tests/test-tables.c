/* tables: what is exported of a run reads back as the run has it, and texts in LaTeX stay texts. */
#include "base/error.h"
#include "report/export.h"
#include "report/latex.h"
#include "report/report.h"
#include "store/store.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder; /* of all that is written */
static char *run;    /* a run's path */

static void
make_run (void)
{
  GError *error = NULL;
  folder = g_dir_make_tmp ("undertow-tables-XXXXXX", &error);
  g_assert_no_error (error);
  run = g_build_filename (folder, "run.duckdb", NULL);
  g_autofree char *undertow = g_shell_quote (g_getenv ("UNDERTOW")), *out = g_shell_quote (run);
  g_autofree char *command
      = g_strdup_printf ("%s run --engine mock -d bundled:perception --limit 12 --generate 8 --layers -q -o %s", undertow, out);
  g_autofree char *printed = NULL;
  int status;
  g_spawn_command_line_sync (command, &printed, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
remove_run (void)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_unlink (path);
    }
  g_dir_close (dir);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (run);
  g_free (folder);
}

static char *
as_csv (UtDb *db, const char *sql)
{
  GError *error = NULL;
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream (&text, &n);
  ut_table_write (db, sql, UT_TABLE_CSV, 0, out, &error);
  g_assert_no_error (error);
  fclose (out);
  return text;
}

static char *
types_of (UtDb *db, const char *source)
{
  g_autofree char *sql = g_strdup_printf ("SELECT column_name, column_type FROM (DESCRIBE FROM %s)", source);
  return as_csv (db, sql);
}

/* Every row in its order, every digit, every type. */
static void
test_parquet (void)
{
  GError *error = NULL;
  g_autoptr (UtStore) store = ut_store_open_export (run, folder, &error);
  g_assert_no_error (error);
  g_autoptr (UtDb) reader = ut_db_open (NULL, NULL, &error);
  g_assert_no_error (error);
  unsigned with_rows = 0;
  for (const UtReportView *view = ut_report_views; view->name != NULL; view++)
    {
      g_autofree char *file = g_strconcat (view->name, ".parquet", NULL), *path = g_build_filename (folder, file, NULL);
      ut_view_write (ut_store_db (store), view->name, UT_VIEW_PARQUET, path, &error);
      g_assert_no_error (error);
      g_autofree char *source = ut_db_sql ("read_parquet(%q)", path), *there = ut_db_sql ("FROM %i", view->name),
                      *here = g_strconcat ("FROM ", source, NULL);
      char *written = as_csv (ut_store_db (store), there), *back = as_csv (reader, here);
      g_assert_cmpstr (back, ==, written);
      char *types = types_of (ut_store_db (store), view->name), *types_back = types_of (reader, source);
      g_assert_cmpstr (types_back, ==, types);
      with_rows += strstr (written, "\r\n") + 2 < written + strlen (written);
      free (written);
      free (back);
      free (types);
      free (types_back);
    }
  g_assert_cmpuint (with_rows, >, 25);
}

/* The views are the run's, which is of whoever made it: what they can reach is the folder alone. */
static void
test_closed (void)
{
  GError *error = NULL;
  g_autoptr (UtStore) store = ut_store_open_export (run, folder, &error);
  g_assert_no_error (error);
  g_autofree char *beside = g_strconcat (folder, "-beside.csv", NULL), *name = g_path_get_basename (beside),
                  *through = g_build_filename (folder, "..", name, NULL);
  char *const statements[] = {
    ut_db_sql ("COPY (SELECT 1) TO %q", beside),
    ut_db_sql ("COPY (SELECT 1) TO %q", through),
    ut_db_sql ("FROM read_text(%q)", "/etc/passwd"),
    ut_db_sql ("ATTACH %q AS other", beside),
  };
  for (size_t i = 0; i < G_N_ELEMENTS (statements); i++)
    {
      g_assert_false (ut_db_exec (ut_store_db (store), statements[i], &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
      g_clear_error (&error);
      g_free (statements[i]);
    }
  g_assert_false (g_file_test (beside, G_FILE_TEST_EXISTS));
  g_assert_false (ut_db_exec (ut_store_db (store), "SET enable_external_access = true", &error));
  g_clear_error (&error);
}

/* A view that cannot be written leaves no file. */
static void
test_unwritten (void)
{
  GError *error = NULL;
  g_autoptr (UtStore) store = ut_store_open_export (run, folder, &error);
  g_assert_no_error (error);
  g_autofree char *path = g_build_filename (folder, "nowhere", "x", NULL);
  for (UtViewFormat format = UT_VIEW_CSV; format <= UT_VIEW_LATEX; format++)
    {
      g_assert_false (ut_view_write (ut_store_db (store), "families", format, path, &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
      g_clear_error (&error);
    }
  g_assert_false (ut_view_write (ut_store_db (store), "familys", UT_VIEW_CSV, path, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "families"));
  g_clear_error (&error);
}

static void
test_latex (void)
{
  const struct {
    const char *text, *latex;
  } cases[] = {
    { "a & b_c # 5 % $ ~ ^", "a \\& b\\_c \\# 5 \\% \\$ \\textasciitilde{} \\textasciicircum{}" },
    { "\\input{/etc/passwd}", "\\textbackslash{}input\\{/etc/passwd\\}" },
    { "[a] *", "{[}a] {*}" },
    { "--seed ''x'' ,, ?`", "-{}-seed '{}'x'{}' ,{}, ?{}`" },
    { "é ß Ł ő", "é ß Ł ő" },
    { "þ ą 中 😀 \u202e", "U+00FE U+0105 U+4E2D U+1F600 U+202E" },
    { "Δm R→W ±", "$\\Delta$m R$\\to$W $\\pm$" },
    { "a\nb\tc\x01", "a b c " },
    { "", "" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *latex = ut_latex_text (cases[i].text);
      g_assert_cmpstr (latex, ==, cases[i].latex);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  make_run ();
  g_test_add_func ("/tables/parquet", test_parquet);
  g_test_add_func ("/tables/closed", test_closed);
  g_test_add_func ("/tables/unwritten", test_unwritten);
  g_test_add_func ("/tables/latex", test_latex);
  const int status = g_test_run ();
  remove_run ();
  return status;
}
