#include "report/export.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "report/report.h"

const char *const ut_view_formats[] = { "csv", "parquet", "latex", "json", NULL };

/* --- Files ------------------------------------------------------------------------------------------------------------------- */

/* A file that gets its name when it is complete. */
typedef struct {
  const char *path;
  char *part;
  FILE *out;
} Draft;

static gboolean
draft_open (Draft *draft, const char *path, GError **error)
{
  *draft = (Draft) { .path = path, .part = g_strconcat (path, ".part", NULL) };
  draft->out = g_fopen (draft->part, "w");
  if (draft->out != NULL)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s cannot be written: %s", path, g_strerror (errno));
  g_free (draft->part);
  return FALSE;
}

/* `written` says whether all went well so far. Returns whether the file is there. */
static gboolean
draft_close (Draft *draft, gboolean written, GError **error)
{
  const gboolean closed = fclose (draft->out) == 0;
  if (written && (!closed || g_rename (draft->part, draft->path) != 0))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s cannot be written: %s", draft->path, g_strerror (errno));
      written = FALSE;
    }
  if (!written)
    g_unlink (draft->part);
  g_free (draft->part);
  return written;
}

gboolean
ut_text_write_file (const char *text, const char *path, GError **error)
{
  Draft draft;
  if (!draft_open (&draft, path, error))
    return FALSE;
  fputs (text, draft.out);
  return draft_close (&draft, TRUE, error);
}

/* --- Views ------------------------------------------------------------------------------------------------------------------- */

char **
ut_views_named (const char *names, GError **error)
{
  if (names != NULL)
    {
      g_auto (GStrv) views = g_strsplit (*names != '\0' ? names : ",", ",", -1); /* no name at all is an unknown one */
      for (char **view = views; *view != NULL; view++)
        if (ut_report_find_view (*view, error) == NULL)
          return NULL;
      return g_steal_pointer (&views);
    }
  g_autoptr (GStrvBuilder) all = g_strv_builder_new ();
  for (const UtReportView *view = ut_report_views; view->name != NULL; view++)
    g_strv_builder_add (all, view->name);
  return g_strv_builder_end (all);
}

/* DuckDB writes rows as it computes them, and gives the file its name at the end. */
static gboolean
write_parquet (UtDb *db, const UtReportView *view, const char *path, GError **error)
{
  if (view->make != NULL && !view->make (db, error))
    return FALSE;
  g_autofree char *sql = ut_db_sql ("COPY (SELECT * FROM %i) TO %q (FORMAT parquet, COMPRESSION zstd)", view->name, path);
  return ut_db_exec (db, sql, error);
}

gboolean
ut_view_write (UtDb *db, const char *view, UtViewFormat format, const char *path, GError **error)
{
  const UtReportView *known = ut_report_find_view (view, error);
  if (known == NULL)
    return FALSE;
  if (format == UT_VIEW_PARQUET)
    return write_parquet (db, known, path, error);
  Draft draft;
  if (!draft_open (&draft, path, error))
    return FALSE;
  const gboolean written = ut_report_view (db, view, format == UT_VIEW_CSV ? UT_TABLE_CSV : UT_TABLE_LATEX, 0, draft.out, error);
  return draft_close (&draft, written, error);
}

gboolean
ut_views_write_json (UtDb *db, const char *const *views, const char *path, GError **error)
{
  Draft draft;
  if (!draft_open (&draft, path, error))
    return FALSE;
  gboolean written = TRUE;
  fputc ('{', draft.out);
  for (const char *const *view = views; written && *view != NULL; view++)
    {
      fprintf (draft.out, "%s\"%s\": ", view > views ? "," : "", *view);
      written = ut_report_view (db, *view, UT_TABLE_JSON, 0, draft.out, error);
    }
  fputs ("}\n", draft.out);
  return draft_close (&draft, written, error);
}
