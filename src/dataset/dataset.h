/* A benchmark: questions on images, read from the files users have.
 *
 * A format is one SQL query over DuckDB's readers that gives the common item columns; what a row cannot give is skipped, with its
 * reason, and counted. */
#pragma once
#include <glib.h>

#include "image/image.h"
#include "perturb/perturb.h"
#include "scenes/scenes.h"

typedef struct {
  unsigned index;   /* its place in the benchmark, from 0, skipped rows not counted */
  char *id;         /* unique in the benchmark */
  char *image_id;   /* the cluster of every interval: the user's, or the names of the images */
  char *images_key; /* equal for questions on the same images, so that they are evaluated together */
  char *category;   /* "" where there is none */
  char *hint;       /* NULL where there is none */
  char *question;
  char **options;   /* NULL-terminated option texts */
  char **labels;    /* NULL-terminated, as many: A, B, … or the options themselves of a yes/no question */
  unsigned n_options;
  int answer;       /* index of the right option */
  gboolean yes_no;  /* asked with POPE's prompt; options Yes and No in this order */
  unsigned n_images;
  gboolean names_images;   /* its texts say by <image 1>, … where its images stand (ut_item_next_image) */
  gboolean scores_letters; /* an option names an image, which has no words: letters are scored in the options' place */
} UtItem;

/* The first image that a text of the item's names: where the name begins, with the image, from 0, and where the text goes on; NULL where it
 * names none of the item's. */
const char *ut_item_next_image (const UtItem *item, const char *text, unsigned *out_image, const char **out_end);

/* What is scored of each option: NULL-terminated, n_options. Borrowed. */
const char *const *ut_item_scored_texts (const UtItem *item);

/* Why a row was left out. */
typedef struct {
  char *where;  /* "coco_pope_random.json, row 17" */
  char *reason; /* "image COCO_val2014_000000310196.jpg is missing in /data/val2014" */
} UtSkipped;

typedef struct _UtDataset UtDataset;

/* How to read it; strings may be NULL. */
typedef struct {
  char *path;     /* a file, a glob, a folder of shards, or bundled:NAME */
  char *format;   /* a name in ut_formats, NULL to detect it from the content */
  char *images;   /* the folder image names are relative to; NULL for the format's own */
  char **columns; /* "question=Frage", …: the user's own names; NULL-terminated */
  guint64 limit;  /* read at most so many items; 0 for all */
  guint64 sample; /* of a bundled benchmark: so many items, spread evenly over it; 0 for all */
} UtDatasetConfig;

typedef struct {
  const char *name;
  const char *summary;
  /* For the reader alone; NULL where it reads no file. */
  const struct UtField *fields; /* what its query reads */
  const unsigned char *sql;
  char **(*folders) (const char *path); /* where the images of a file are looked for, unless the user says; NULL-terminated, owned */
  gboolean strict; /* a row that will not do refuses the file, which is the user's to mend, and is not just left out and counted */
  gboolean names_images; /* <image 1> in a text is an image */
} UtFormat;

/* Terminated by a row whose name is NULL. */
extern const UtFormat ut_formats[];

/* UT_ERROR_USAGE for an unknown format, bundled name or column; UT_ERROR_FAILED naming file, row and field for content that will not
 * do (in a benchmark as published such a row is skipped), and where no item is left. */
UtDataset *ut_dataset_open (const UtDatasetConfig *config, GError **error);

/* A task of the bundled benchmarks on other scenes than the bundled ones; see ut_scenes_benchmark. */
UtDataset *ut_dataset_of_scenes (guint64 seed, const char *task, UtSplit split, unsigned n_images, GError **error);

void ut_dataset_close (UtDataset *dataset);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtDataset, ut_dataset_close)

/* UtItem *, in the benchmark's order; questions need not lie image by image. Borrowed. */
GPtrArray *ut_dataset_items (UtDataset *dataset);

/* UtSkipped *. Borrowed. */
GPtrArray *ut_dataset_skipped (UtDataset *dataset);

const char *ut_dataset_format (UtDataset *dataset);

/* The files the benchmark was read from (not the images), GPtrArray of char *. Borrowed. */
GPtrArray *ut_dataset_files (UtDataset *dataset);

/* What the k-th image of an item is called: equal names are equal images. Borrowed. */
const char *ut_dataset_image_name (UtDataset *dataset, const UtItem *item, unsigned k);

/* Whether the benchmark knows what its images show, and so what becomes of the right answers when they are perturbed. */
gboolean ut_dataset_knows_labels (UtDataset *dataset);

/* What becomes of an item's right answer: "holds", "changed", or "doubtful". Only where the benchmark knows. */
const char *ut_dataset_label (UtDataset *dataset, const UtItem *item, const UtGeometry *geometry);

/* Decodes the k-th image of an item; a new reference. */
UtImage *ut_dataset_image (UtDataset *dataset, const UtItem *item, unsigned k, GError **error);
