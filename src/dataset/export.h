/* Writing a benchmark in the formats that benchmarks are published in: what other programs read, and what our own readers are tested
 * with. A writer is one file and one row in the table. */
#pragma once
#include "dataset/dataset.h"

/* One benchmark on its way into a folder. */
typedef struct {
  UtDataset *dataset;
  GPtrArray *items;   /* UtItem *, all of a kind that the format holds */
  const char *name;   /* what its files are called after: "scenes" */
  const char *folder; /* it exists */
  GHashTable *pngs;   /* name → GBytes of the images asked for last */
} UtExport;

/* What a file can say. */
typedef struct {
  const char *words; /* "yes/no questions on one image", for a message */
  gboolean yes_no;
  unsigned min_options, max_options; /* of other questions; 0 for none */
  unsigned max_images;               /* of one question */
} UtExportLimits;

typedef struct {
  const char *name;
  const char *summary;
  UtExportLimits limits;
  gboolean (*write) (UtExport *export, GError **error);
} UtExportFormat;

/* Terminated by a row whose name is NULL. */
extern const UtExportFormat ut_export_formats[];

gboolean ut_export_pope (UtExport *export, GError **error);
gboolean ut_export_seedbench (UtExport *export, GError **error);
gboolean ut_export_vlmevalkit (UtExport *export, GError **error);
gboolean ut_export_parquet (UtExport *export, GError **error);

/* Writes a benchmark into a folder, which is made; files there of the same names are replaced. `format` NULL: the first that holds
 * it. UT_ERROR_USAGE for an unknown format, or one that cannot hold the benchmark; UT_ERROR_FAILED where the disk fails. */
gboolean ut_dataset_export (UtDataset *dataset, const char *format, const char *name, const char *folder, GError **error);

/* --- For the writers --------------------------------------------------------------------------------------------------------- */

/* The first item that the limits leave out, or NULL. */
const UtItem *ut_export_find_misfit (const UtExport *export, const UtExportLimits *limits);

/* The PNG of an item's k-th image, made once for items in a row. Borrowed until the next item's is asked for. */
GBytes *ut_export_png (UtExport *export, const UtItem *item, unsigned k, GError **error);

/* Writes every image once, as its name and `ending`, into a folder within the export's ("" for that itself). */
gboolean ut_export_images (UtExport *export, const char *folder, const char *ending, GError **error);

/* The benchmark's categories in the order of their first items; NULL-terminated, borrowed texts. */
GPtrArray *ut_export_categories (const UtExport *export);
