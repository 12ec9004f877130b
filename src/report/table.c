#include "report/table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <yyjson.h>

#include "base/error.h"
#include "base/text.h"
#include "report/latex.h"

/* Digits after the point where no fixed number suits: as many as give four significant ones; as few as say the value. */
#define SIGNIFICANT (-1)
#define SHORTEST (-2)

/* How people read a column; whoever adds a column to a view adds a row here. */
typedef struct {
  const char *column;
  const char *header;
  const char *unit; /* NULL for none */
  int digits;       /* after the point; SIGNIFICANT; SHORTEST */
  gboolean sign;    /* a difference: + before a positive one */
  gboolean spread;  /* a standard deviation: stands behind the column before it, after ± */
  double full;      /* the value of a whole bar, where bars help; 0 where not */
} Style;

static const Style styles[] = {
  { "IFR", "IFR", NULL, 3, FALSE, FALSE, 1 },
  { "IV", "IV", NULL, 3, FALSE, FALSE, 1 },
  { "IV_image", "IV image", NULL, 3, FALSE, FALSE, 0 },
  { "RR", "R→R", NULL, 0, FALSE, FALSE, 0 },
  { "RW", "R→W", NULL, 0, FALSE, FALSE, 0 },
  { "WR", "W→R", NULL, 0, FALSE, FALSE, 0 },
  { "WW", "W→W", NULL, 0, FALSE, FALSE, 0 },
  { "WW_changed", "W→W changed", NULL, 0, FALSE, FALSE, 0 },
  { "clean_accuracy", "clean accuracy", NULL, 3, FALSE, FALSE, 0 },
  { "accuracy", "accuracy", NULL, 3, FALSE, FALSE, 1 },
  { "delta_accuracy", "ΔAcc", NULL, 3, TRUE, FALSE, 0 },
  { "precision", "precision", NULL, 3, FALSE, FALSE, 0 },
  { "recall", "recall", NULL, 3, FALSE, FALSE, 0 },
  { "F1", "F1", NULL, 3, FALSE, FALSE, 0 },
  { "FPR", "FPR", NULL, 3, FALSE, FALSE, 0 },
  { "yes_rate", "yes rate", NULL, 3, FALSE, FALSE, 0 },
  { "yes_no", "yes/no", NULL, 0, FALSE, FALSE, 0 },
  { "entropy", "entropy", "nat", 3, FALSE, FALSE, 0 },
  { "margin", "m", "nat", 3, FALSE, FALSE, 0 },
  { "margin_right", "m right", "nat", 3, FALSE, FALSE, 0 },
  { "margin_yes", "s_Yes−s_No", "nat", 3, FALSE, FALSE, 0 },
  { "delta_margin", "Δm", "nat", 3, TRUE, FALSE, 0 },
  { "delta_logp", "Δlogp", "nat", 3, TRUE, FALSE, 0 },
  { "logprob", "s", "nat", 3, FALSE, FALSE, 0 },
  { "logprob_text", "s text", "nat", 3, FALSE, FALSE, 0 },
  { "logprob_per_byte", "s per byte", "nat", 3, FALSE, FALSE, 0 },
  { "cos", "cos", NULL, 4, FALSE, FALSE, 0 },
  { "l2", "L2", NULL, SIGNIFICANT, FALSE, FALSE, 0 },
  { "drift", "drift", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "control", "control", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "mean_pd", "drift", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "sd_pd", "", NULL, SIGNIFICANT, FALSE, TRUE, 0 },
  { "mean_cd", "control", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "sd_cd", "", NULL, SIGNIFICANT, FALSE, TRUE, 0 },
  { "percent", "drift", "% of control", 1, FALSE, FALSE, 100 },
  { "percent_sd", "", NULL, 1, FALSE, TRUE, 0 },
  { "cohens_d", "Cohen's d", NULL, 2, FALSE, FALSE, 0 },
  { "hidden_percent", "hidden", "% of control", 1, FALSE, FALSE, 0 },
  { "hidden_percent_sd", "", NULL, 1, FALSE, TRUE, 0 },
  { "flipped_percent", "flipped", "% of control", 1, FALSE, FALSE, 0 },
  { "delta_dirichlet", "ΔE", NULL, SIGNIFICANT, TRUE, FALSE, 0 },
  { "drift_vision", "vision", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "drift_ctx_open", "ctx_open", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "drift_ctx_mcq", "ctx_mcq", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "reference", "first run", NULL, SIGNIFICANT, FALSE, FALSE, 0 },
  { "difference", "difference", NULL, SIGNIFICANT, TRUE, FALSE, 0 },
  { "only_reference", "only first", NULL, 0, FALSE, FALSE, 0 },
  { "only_run", "only this", NULL, 0, FALSE, FALSE, 0 },
  { "p", "p", NULL, 4, FALSE, FALSE, 0 },
  { "p_holm", "p Holm", NULL, 4, FALSE, FALSE, 0 },
  { "p_mcnemar", "p McNemar", NULL, 4, FALSE, FALSE, 0 },
  { "margin_from", "m from", "nat", 3, FALSE, FALSE, 0 },
  { "margin_to", "m to", "nat", 3, FALSE, FALSE, 0 },
  { "margin_clean", "m clean", "nat", 3, FALSE, FALSE, 0 },
  { "FP_clean", "FP clean", NULL, 0, FALSE, FALSE, 0 },
  { "delta_FP", "ΔFP", NULL, 0, TRUE, FALSE, 0 },
  { "FN_clean", "FN clean", NULL, 0, FALSE, FALSE, 0 },
  { "delta_FN", "ΔFN", NULL, 0, TRUE, FALSE, 0 },
  { "auroc", "AUROC", NULL, 3, FALSE, FALSE, 1 },
  { "median_control", "median control", "1−cos", SIGNIFICANT, FALSE, FALSE, 0 },
  { "exceedance", "X", NULL, 3, FALSE, FALSE, 1 },
  { "hidden_exceedance", "X hidden", NULL, 3, FALSE, FALSE, 0 },
  { "flipped_exceedance", "X flipped", NULL, 3, FALSE, FALSE, 0 },
  { "r_dirichlet", "r ΔE", NULL, 3, TRUE, FALSE, 0 },
  { "r_margin", "r Δm", NULL, 3, TRUE, FALSE, 0 },
  { "r_logp_kept", "r Δlogp", "kept", 3, TRUE, FALSE, 0 },
  { "with_dtp", "with DTP", NULL, 0, FALSE, FALSE, 0 },
  { "dtp_median", "DTP", "median", 3, TRUE, FALSE, 0 },
  { "dtp_positive", "DTP > 0", NULL, 3, FALSE, FALSE, 0 },
  { "flips_to_prior", "flips to prior", NULL, 3, FALSE, FALSE, 0 },
  { "js_shift", "JS shift", "nat", 4, TRUE, FALSE, 0 },
  { "param", "param", NULL, SHORTEST, FALSE, FALSE, 0 },
  { "width", "width", "px", 0, FALSE, FALSE, 0 },
  { "height", "height", "px", 0, FALSE, FALSE, 0 },
  { "right_answer", "right answer", NULL, 0, FALSE, FALSE, 0 },
  { "clean_answer", "clean answer", NULL, 0, FALSE, FALSE, 0 },
  { "flipped_by", "flipped by", NULL, 0, FALSE, FALSE, 0 },
  { "image_id", "image", NULL, 0, FALSE, FALSE, 0 },
};

static const char *const format_names[] = { "table", "markdown", "csv", "json", "latex", NULL };

gboolean
ut_table_format_from_name (const char *name, UtTableFormat *out_format, GError **error)
{
  for (unsigned i = 0; format_names[i] != NULL; i++)
    if (strcmp (name, format_names[i]) == 0)
      {
        *out_format = (UtTableFormat) i;
        return TRUE;
      }
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown format “%s”: expected table, markdown, csv, json or latex", name);
  return FALSE;
}

unsigned
ut_table_terminal_width (FILE *out)
{
  struct winsize size;
  return ioctl (fileno (out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* A full disk or a closed pipe shows here at the latest. */
static gboolean
finish (FILE *out, GError **error)
{
  if (fflush (out) == 0 && !ferror (out))
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write the table: %s", g_strerror (errno));
  return FALSE;
}

/* --- For programs ------------------------------------------------------------------------------------------------------------ */

/* The shortest of %.15g, %.16g, %.17g that reads back as the same number, whatever the locale. */
static void
format_exactly (double value, char buffer[G_ASCII_DTOSTR_BUF_SIZE])
{
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
  for (unsigned i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_ascii_formatd (buffer, G_ASCII_DTOSTR_BUF_SIZE, formats[i], value);
      if (g_ascii_strtod (buffer, NULL) == value)
        return;
    }
}

static void
write_csv_text (const char *text, FILE *out)
{
  if (strpbrk (text, ",\"\r\n") == NULL)
    {
      fputs (text, out);
      return;
    }
  fputc ('"', out);
  for (; *text != '\0'; text++)
    {
      if (*text == '"')
        fputc ('"', out);
      fputc (*text, out);
    }
  fputc ('"', out);
}

static void
write_csv_value (UtDbCursor *cursor, unsigned column, FILE *out)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  if (ut_db_is_null (cursor, column))
    return;
  switch (ut_db_column_type (cursor, column))
    {
    case UT_DB_BOOL:
      fputs (ut_db_bool (cursor, column) ? "true" : "false", out);
      return;
    case UT_DB_INT64:
      fprintf (out, "%" G_GINT64_FORMAT, ut_db_int64 (cursor, column));
      return;
    case UT_DB_DOUBLE:
      format_exactly (ut_db_double (cursor, column), number);
      fputs (number, out);
      return;
    default:
      write_csv_text (ut_db_text (cursor, column), out);
    }
}

static gboolean
write_csv (UtDbCursor *cursor, FILE *out, GError **error)
{
  const unsigned n = ut_db_n_columns (cursor);
  g_autoptr (GError) fault = NULL;
  for (unsigned c = 0; c < n; c++)
    {
      fputs (c > 0 ? "," : "", out);
      write_csv_text (ut_db_column_name (cursor, c), out);
    }
  fputs ("\r\n", out);
  while (ut_db_next (cursor, &fault))
    {
      for (unsigned c = 0; c < n; c++)
        {
          fputs (c > 0 ? "," : "", out);
          write_csv_value (cursor, c, out);
        }
      fputs ("\r\n", out);
    }
  if (fault == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&fault));
  return FALSE;
}

static yyjson_mut_val *
json_value (yyjson_mut_doc *doc, UtDbCursor *cursor, unsigned column)
{
  if (ut_db_is_null (cursor, column))
    return yyjson_mut_null (doc);
  switch (ut_db_column_type (cursor, column))
    {
    case UT_DB_BOOL:
      return yyjson_mut_bool (doc, ut_db_bool (cursor, column) != 0);
    case UT_DB_INT64:
      return yyjson_mut_sint (doc, ut_db_int64 (cursor, column));
    case UT_DB_DOUBLE:
      return yyjson_mut_real (doc, ut_db_double (cursor, column));
    default:
      return yyjson_mut_strcpy (doc, ut_db_text (cursor, column));
    }
}

static gboolean
write_json_row (UtDbCursor *cursor, FILE *out, GError **error)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *row = yyjson_mut_obj (doc);
  yyjson_mut_doc_set_root (doc, row);
  for (unsigned c = 0; c < ut_db_n_columns (cursor); c++)
    yyjson_mut_obj_add (row, yyjson_mut_strcpy (doc, ut_db_column_name (cursor, c)), json_value (doc, cursor, c));
  yyjson_write_err fault = { 0 };
  const bool written = yyjson_mut_write_fp (out, doc, YYJSON_WRITE_INF_AND_NAN_AS_NULL, NULL, &fault);
  yyjson_mut_doc_free (doc);
  if (!written)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write the table: %s", fault.msg);
  return written;
}

static gboolean
write_json (UtDbCursor *cursor, FILE *out, GError **error)
{
  g_autoptr (GError) fault = NULL;
  gboolean first = TRUE;
  fputs ("[", out);
  while (ut_db_next (cursor, &fault))
    {
      fputs (first ? "\n" : ",\n", out);
      if (!write_json_row (cursor, out, error))
        return FALSE;
      first = FALSE;
    }
  fputs (first ? "]\n" : "\n]\n", out);
  if (fault == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&fault));
  return FALSE;
}

/* --- For people -------------------------------------------------------------------------------------------------------------- */

typedef struct {
  char *text;    /* NULL: not known, or a number */
  double number; /* NaN where `text` says it, or not known */
} Cell;

typedef struct {
  char *name; /* the view's */
  char *header;
  const char *unit; /* "" for none */
  gboolean number;  /* to the right */
  gboolean sign, spread;
  double full; /* the value of a whole bar; 0: no bars */
  int digits;
  unsigned width; /* in terminal cells */
} Column;

typedef struct {
  unsigned n_columns;
  Column *columns;
  GArray *cells; /* Cell, row after row */
  int bars;      /* the column whose numbers have bars behind them; -1 for none */
} Table;

static void
cell_clear (void *data)
{
  Cell *cell = data;
  g_free (cell->text);
}

static void
table_free (Table *table)
{
  for (unsigned c = 0; c < table->n_columns; c++)
    {
      g_free (table->columns[c].name);
      g_free (table->columns[c].header);
    }
  g_free (table->columns);
  g_array_unref (table->cells);
  g_free (table);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Table, table_free)

static Cell *
cell_at (const Table *table, unsigned row, unsigned column)
{
  return &g_array_index (table->cells, Cell, row * table->n_columns + column);
}

static unsigned
n_rows (const Table *table)
{
  return table->cells->len / table->n_columns;
}

static const Style *
find_style (const char *column)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (styles); i++)
    if (strcmp (styles[i].column, column) == 0)
      return &styles[i];
  return NULL;
}

static Column
column_new (UtDbCursor *cursor, unsigned index)
{
  const char *name = ut_db_column_name (cursor, index);
  const Style *style = find_style (name);
  const UtDbType type = ut_db_column_type (cursor, index);
  return (Column) {
    .name = g_strdup (name),
    .header = ut_text_without_controls (style != NULL && *style->header != '\0' ? style->header : name),
    .unit = style != NULL && style->unit != NULL ? style->unit : "",
    .number = type == UT_DB_INT64 || type == UT_DB_DOUBLE,
    .sign = style != NULL && style->sign,
    .spread = style != NULL && style->spread && index > 0,
    .full = style != NULL ? style->full : 0,
    .digits = type == UT_DB_INT64 ? 0
              : style != NULL     ? style->digits
                                  : SIGNIFICANT,
  };
}

static Cell
cell_new (UtDbCursor *cursor, unsigned column)
{
  if (ut_db_is_null (cursor, column))
    return (Cell) { .number = NAN };
  switch (ut_db_column_type (cursor, column))
    {
    case UT_DB_BOOL:
      return (Cell) { .text = g_strdup (ut_db_bool (cursor, column) ? "yes" : "no"), .number = NAN };
    case UT_DB_INT64:
    case UT_DB_DOUBLE:
      return (Cell) { .number = ut_db_double (cursor, column) };
    default:
      return (Cell) { .text = ut_text_without_controls (ut_db_text (cursor, column)), .number = NAN };
    }
}

static Table *
read_table (UtDbCursor *cursor, GError **error)
{
  g_autoptr (Table) table = g_new0 (Table, 1);
  table->n_columns = ut_db_n_columns (cursor);
  table->columns = g_new0 (Column, table->n_columns);
  table->cells = g_array_new (FALSE, FALSE, sizeof (Cell));
  g_array_set_clear_func (table->cells, cell_clear);
  for (unsigned c = 0; c < table->n_columns; c++)
    table->columns[c] = column_new (cursor, c);

  g_autoptr (GError) fault = NULL;
  while (ut_db_next (cursor, &fault))
    for (unsigned c = 0; c < table->n_columns; c++)
      {
        Cell cell = cell_new (cursor, c);
        g_array_append_val (table->cells, cell);
      }
  if (fault != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&fault));
      return NULL;
    }
  return g_steal_pointer (&table);
}

/* A rounded −0.000 reads as if it were something. */
static void
drop_sign_of_zero (char *number)
{
  if (strpbrk (number, "123456789") == NULL && (*number == '-' || *number == '+'))
    memmove (number, number + 1, strlen (number));
}

static int
significant_digits (double value)
{
  if (value == 0)
    return 0;
  return CLAMP (3 - (int) floor (log10 (fabs (value))), 0, 12);
}

static void
append_number (GString *text, const Column *column, double value)
{
  char format[16], number[400]; /* DBL_MAX has 309 digits */
  if (column->digits == SHORTEST)
    g_strlcpy (format, "%.6g", sizeof format);
  else
    {
      const int digits = column->digits == SIGNIFICANT ? significant_digits (value) : column->digits;
      g_snprintf (format, sizeof format, column->sign ? "%%+.%df" : "%%.%df", digits);
    }
  g_ascii_formatd (number, sizeof number, format, value);
  drop_sign_of_zero (number);
  g_string_append (text, number);
}

/* A cell as people read it, with the spread that the next column may hold. */
static char *
render (const Table *table, unsigned row, unsigned column)
{
  const Cell *cell = cell_at (table, row, column);
  if (cell->text != NULL)
    return g_strdup (cell->text);
  if (isnan (cell->number))
    return g_strdup ("–");
  GString *text = g_string_new (NULL);
  append_number (text, &table->columns[column], cell->number);
  const gboolean spread = column + 1 < table->n_columns && table->columns[column + 1].spread;
  if (spread && !isnan (cell_at (table, row, column + 1)->number))
    {
      g_string_append (text, " ± ");
      append_number (text, &table->columns[column + 1], cell_at (table, row, column + 1)->number);
    }
  return g_string_free (text, FALSE);
}

static unsigned
char_width (gunichar c)
{
  return g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
}

static unsigned
text_width (const char *text)
{
  unsigned width = 0;
  for (; *text != '\0'; text = g_utf8_next_char (text))
    width += char_width (g_utf8_get_char (text));
  return width;
}

static void
measure_columns (Table *table)
{
  for (unsigned c = 0; c < table->n_columns; c++)
    {
      Column *column = &table->columns[c];
      column->width = MAX (text_width (column->header), text_width (column->unit));
      for (unsigned row = 0; !column->spread && row < n_rows (table); row++)
        {
          g_autofree char *text = render (table, row, c);
          column->width = MAX (column->width, text_width (text));
        }
    }
}

#define GAP 2
#define NARROWEST_TEXT 8

static unsigned
total_width (const Table *table)
{
  unsigned total = 0;
  for (unsigned c = 0; c < table->n_columns; c++)
    if (!table->columns[c].spread)
      total += table->columns[c].width + (total > 0 ? GAP : 0);
  return total;
}

/* Takes from the widest text column, cell by cell, until the table fits or nothing can give way: numbers are never cut. */
static void
fit_columns (Table *table, unsigned width)
{
  for (unsigned total = total_width (table); width > 0 && total > width; total--)
    {
      Column *widest = NULL;
      for (Column *c = table->columns; c < table->columns + table->n_columns; c++)
        if (!c->number && c->width > NARROWEST_TEXT && (widest == NULL || c->width > widest->width))
          widest = c;
      if (widest == NULL)
        return;
      widest->width--;
    }
}

#define BAR_WIDTH 8

/* On a terminal wide enough, the first column whose numbers are told faster by their lengths. */
static int
choose_bars (const Table *table, unsigned width)
{
  if (n_rows (table) < 2 || total_width (table) + 1 + BAR_WIDTH > width)
    return -1;
  for (unsigned c = 0; c < table->n_columns; c++)
    if (table->columns[c].full > 0)
      return (int) c;
  return -1;
}

/* As many cells as the value has of `full`, to an eighth of a cell; full to the end beyond it, empty where the value is not known. */
static void
append_bar (GString *line, double value, double full)
{
  static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
  const unsigned n = isnan (value) ? 0 : (unsigned) lround (CLAMP (value / full, 0, 1) * BAR_WIDTH * 8);
  g_string_append_c (line, ' ');
  for (unsigned i = 0; i < n / 8; i++)
    g_string_append (line, "█");
  g_string_append (line, eighths[n % 8]);
  g_string_append_printf (line, "%*s", (int) (BAR_WIDTH - (n + 7) / 8), "");
}

/* As much of the text as fits, with an ellipsis where that is not all. */
static char *
shorten (const char *text, unsigned width)
{
  if (text_width (text) <= width)
    return g_strdup (text);
  unsigned used = 1; /* the ellipsis */
  const char *end = text;
  while (used + char_width (g_utf8_get_char (end)) <= width)
    {
      used += char_width (g_utf8_get_char (end));
      end = g_utf8_next_char (end);
    }
  return g_strdup_printf ("%.*s…", (int) (end - text), text);
}

/* `value` is that of the bar, if the column has bars. */
static void
append_padded (GString *line, const Table *table, unsigned index, const char *text, double value)
{
  const Column *column = &table->columns[index];
  g_autofree char *fitting = shorten (text, column->width);
  const unsigned pad = column->width - text_width (fitting);
  if (line->len > 0)
    g_string_append_printf (line, "%*s", GAP, "");
  if (column->number)
    g_string_append_printf (line, "%*s%s", (int) pad, "", fitting);
  else
    g_string_append_printf (line, "%s%*s", fitting, (int) pad, "");
  if ((int) index == table->bars)
    append_bar (line, value, column->full);
}

static void
write_line (GString *line, FILE *out)
{
  fprintf (out, "%s\n", g_strchomp (line->str));
  g_string_truncate (line, 0);
}

static void
write_text_header (const Table *table, GString *line, FILE *out)
{
  gboolean units = FALSE;
  for (unsigned c = 0; c < table->n_columns; c++)
    if (!table->columns[c].spread)
      {
        append_padded (line, table, c, table->columns[c].header, NAN);
        units = units || *table->columns[c].unit != '\0';
      }
  write_line (line, out);
  for (unsigned c = 0; units && c < table->n_columns; c++)
    if (!table->columns[c].spread)
      append_padded (line, table, c, table->columns[c].unit, NAN);
  if (units)
    write_line (line, out);
  for (unsigned i = 0; i < total_width (table) + (table->bars >= 0 ? 1 + BAR_WIDTH : 0); i++)
    g_string_append (line, "─");
  write_line (line, out);
}

static void
write_text (Table *table, unsigned width, FILE *out)
{
  measure_columns (table);
  fit_columns (table, width);
  table->bars = choose_bars (table, width);
  g_autoptr (GString) line = g_string_new (NULL);
  write_text_header (table, line, out);
  for (unsigned row = 0; row < n_rows (table); row++)
    {
      for (unsigned c = 0; c < table->n_columns; c++)
        if (!table->columns[c].spread)
          {
            g_autofree char *text = render (table, row, c);
            append_padded (line, table, c, text, cell_at (table, row, c)->number);
          }
      write_line (line, out);
    }
}

static void
write_markdown_cell (const char *text, FILE *out)
{
  fputs (" ", out);
  for (; *text != '\0'; text++)
    {
      if (*text == '|' || *text == '\\')
        fputc ('\\', out);
      fputc (*text, out);
    }
  fputs (" |", out);
}

static void
write_markdown_header (const Table *table, FILE *out)
{
  fputs ("|", out);
  for (const Column *c = table->columns; c < table->columns + table->n_columns; c++)
    if (!c->spread)
      {
        g_autofree char *header = *c->unit != '\0' ? g_strdup_printf ("%s (%s)", c->header, c->unit) : g_strdup (c->header);
        write_markdown_cell (header, out);
      }
  fputs ("\n|", out);
  for (const Column *c = table->columns; c < table->columns + table->n_columns; c++)
    if (!c->spread)
      fputs (c->number ? "--:|" : "---|", out);
  fputs ("\n", out);
}

static void
write_markdown (Table *table, FILE *out)
{
  write_markdown_header (table, out);
  for (unsigned row = 0; row < n_rows (table); row++)
    {
      fputs ("|", out);
      for (unsigned c = 0; c < table->n_columns; c++)
        if (!table->columns[c].spread)
          {
            g_autofree char *text = render (table, row, c);
            write_markdown_cell (text, out);
          }
      fputs ("\n", out);
    }
}

static void
write_latex_cell (const Column *column, const char *text, FILE *out)
{
  const gboolean negative = column->number && *text == '-';
  fputs (negative ? "$-$" : "", out);
  ut_latex_write (text + negative, out);
}

/* `row` below 0 is the header. A spread stands in the cell before it; the first column is none. */
static void
write_latex_row (const Table *table, int row, FILE *out)
{
  for (unsigned c = 0; c < table->n_columns; c++)
    {
      const Column *column = &table->columns[c];
      if (column->spread)
        continue;
      g_autofree char *text = row >= 0                ? render (table, (unsigned) row, c)
                              : *column->unit != '\0' ? g_strdup_printf ("%s (%s)", column->header, column->unit)
                                                      : g_strdup (column->header);
      fputs (c > 0 ? " & " : "", out);
      write_latex_cell (column, text, out);
    }
  fputs (" \\\\\n", out);
}

/* Needs \usepackage{booktabs}. */
static void
write_latex (const Table *table, FILE *out)
{
  fputs ("\\begin{tabular}{@{}", out);
  for (const Column *c = table->columns; c < table->columns + table->n_columns; c++)
    fputs (c->spread ? "" : c->number ? "r" : "l", out);
  fputs ("@{}}\n\\toprule\n", out);
  write_latex_row (table, -1, out);
  fputs ("\\midrule\n", out);
  for (unsigned row = 0; row < n_rows (table); row++)
    write_latex_row (table, (int) row, out);
  fputs ("\\bottomrule\n\\end{tabular}\n", out);
}

static gboolean
write_for_people (UtDbCursor *cursor, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_autoptr (Table) table = read_table (cursor, error);
  if (table == NULL)
    return FALSE;
  if (format == UT_TABLE_TEXT)
    write_text (table, width, out);
  else if (format == UT_TABLE_MARKDOWN)
    write_markdown (table, out);
  else
    write_latex (table, out);
  return TRUE;
}

gboolean
ut_table_write (UtDb *db, const char *sql, UtTableFormat format, unsigned width, FILE *out, GError **error)
{
  g_autoptr (UtDbStatement) statement = ut_db_prepare (db, sql, error);
  if (statement == NULL)
    return FALSE;
  g_autoptr (UtDbCursor) cursor = ut_db_stream (statement, error);
  if (cursor == NULL)
    return FALSE;
  gboolean written;
  if (format == UT_TABLE_CSV)
    written = write_csv (cursor, out, error);
  else if (format == UT_TABLE_JSON)
    written = write_json (cursor, out, error);
  else
    written = write_for_people (cursor, format, width, out, error);
  return written && finish (out, error);
}

/* --- For other readers ------------------------------------------------------------------------------------------------------- */

char *
ut_table_columns (void)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *columns = yyjson_mut_obj (doc);
  yyjson_mut_doc_set_root (doc, columns);
  for (const Style *style = styles; style < styles + G_N_ELEMENTS (styles); style++)
    {
      yyjson_mut_val *column = yyjson_mut_obj_add_obj (doc, columns, style->column);
      yyjson_mut_obj_add_str (doc, column, "header", style->header);
      yyjson_mut_obj_add_str (doc, column, "unit", style->unit);
      yyjson_mut_obj_add_int (doc, column, "digits", style->digits);
      yyjson_mut_obj_add_bool (doc, column, "sign", style->sign);
      yyjson_mut_obj_add_bool (doc, column, "spread", style->spread);
    }
  char *text = yyjson_mut_write (doc, 0, NULL), *json = g_strdup (text);
  free (text);
  yyjson_mut_doc_free (doc);
  return json;
}
