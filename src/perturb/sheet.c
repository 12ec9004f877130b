#include "perturb/sheet.h"

#include <math.h>
#include <string.h>

#include "perturb/family.h"

/* In pixels. */
enum {
  COLUMNS = 8,
  TILE = 208, /* the longest side of the largest image */
  GAP = 20,
  LINE = 17,
  LABEL = 2 * LINE + 4, /* two lines and room for descenders */
  EM = 13,
  TITLE_LINE = 26,
  TITLE_EM = 18,
};

static constexpr UtColour PAPER = { 236, 237, 240 }; /* neither black nor white: both are fills of some variants */
static constexpr UtColour TEXT = { 32, 33, 36 };
static constexpr UtColour FAINT = { 110, 113, 120 };

static gboolean
write_line (UtImage *sheet, const char *line, int size, int x, int y, UtColour colour, GError **error)
{
  g_autoptr (UtText) text = ut_text_render (line, size, error);
  if (text == NULL)
    return FALSE;
  ut_image_write (sheet, text, x, y, colour);
  return TRUE;
}

typedef struct {
  unsigned column, row;
} Cell;

/* The cell of each tile: the first alone, then row after row; a group that does not fit in what is left of a row begins the next. */
static unsigned
lay_out (const UtTile *tiles, unsigned n, Cell *cells)
{
  Cell next = { 0, 0 };
  for (unsigned i = 0; i < n;)
    {
      unsigned end = i + 1;
      while (end < n && strcmp (tiles[end].group, tiles[i].group) == 0)
        end++;
      if (i == 1 || (next.column > 0 && next.column + (end - i) > COLUMNS))
        next = (Cell) { 0, next.row + 1 };
      for (; i < end; i++)
        {
          if (next.column == COLUMNS)
            next = (Cell) { 0, next.row + 1 };
          cells[i] = next;
          next.column++;
        }
    }
  return next.row + 1;
}

static int
scaled (int side, double scale)
{
  return MAX ((int) rint (side * scale), 1);
}

/* Where the rows begin, each as high as their tiles; the last entry is the end of the sheet. */
static int *
row_tops (const UtTile *tiles, unsigned n, const Cell *cells, unsigned n_rows, double scale)
{
  int *tops = g_new0 (int, n_rows + 1);
  for (unsigned i = 0; i < n; i++)
    tops[cells[i].row + 1] = MAX (tops[cells[i].row + 1], scaled (tiles[i].image->height, scale));
  tops[0] = GAP;
  for (unsigned row = 0; row < n_rows; row++)
    tops[row + 1] += tops[row] + LABEL + GAP;
  return tops;
}

static gboolean
draw_tile (UtImage *sheet, const UtTile *tile, double scale, int x, int y, int label_y, GError **error)
{
  g_autoptr (UtImage) small = ut_image_resize (tile->image, scaled (tile->image->width, scale), scaled (tile->image->height, scale), error);
  if (small == NULL)
    return FALSE;
  ut_image_paste (sheet, small, x, y);
  g_autofree char *size = g_strdup_printf ("%d×%d%s%s", tile->image->width, tile->image->height, tile->note == NULL ? "" : "  ",
                                           tile->note == NULL ? "" : tile->note);
  return write_line (sheet, tile->name, EM, x, label_y, TEXT, error) && write_line (sheet, size, EM, x, label_y + LINE, FAINT, error);
}

/* So that the largest side of all is TILE pixels long. */
static double
common_scale (const UtTile *tiles, unsigned n)
{
  int longest = 1;
  for (unsigned i = 0; i < n; i++)
    longest = MAX (longest, MAX (tiles[i].image->width, tiles[i].image->height));
  return (double) TILE / longest;
}

UtImage *
ut_sheet_draw (const char *const *title, const UtTile *tiles, unsigned n, GError **error)
{
  const double scale = common_scale (tiles, n);
  g_autofree Cell *cells = g_new (Cell, n);
  const unsigned n_rows = lay_out (tiles, n, cells);
  g_autofree int *tops = row_tops (tiles, n, cells, n_rows, scale);
  constexpr int PITCH = TILE + GAP;
  g_autoptr (UtImage) sheet = ut_image_filled (COLUMNS * PITCH + GAP, tops[n_rows], PAPER, error);
  if (sheet == NULL)
    return NULL;
  for (unsigned i = 0; i < n; i++)
    {
      const Cell cell = cells[i];
      const int label_y = tops[cell.row + 1] - GAP - LABEL + LINE;
      if (!draw_tile (sheet, &tiles[i], scale, GAP + (int) cell.column * PITCH, tops[cell.row], label_y, error))
        return NULL;
    }
  for (int i = 0; title[i] != NULL; i++)
    if (!write_line (sheet, title[i], TITLE_EM, GAP + PITCH, GAP + (i + 1) * TITLE_LINE, i == 0 ? TEXT : FAINT, error))
      return NULL;
  return g_steal_pointer (&sheet);
}
