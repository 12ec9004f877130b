/* The paper's tables, for LaTeX with booktabs and no other package: rows are families, a block of rows is a benchmark, columns are models.
 * Reads run files alone. */
#pragma once
#include <glib.h>

typedef struct {
  char *name; /* of a file: flips.tex, drift-ctx_mcq.tex, …, and tables.tex, a document that has them all */
  char *text;
} UtPaperTable;

/* Tables of one run or several: flips (IFR and IV), and for each channel the drift (mean PD ± sd, and in % of control), all with 95 %
 * intervals. Runs of one model are one column, of one benchmark one block; runs that have both in common are told apart by the names of
 * their files. UtPaperTable *; the caller owns it. */
GPtrArray *ut_paper_tables (const char *const *paths, unsigned n_paths, GError **error);
