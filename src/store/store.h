/* The store: one DuckDB file a run. schema.sql holds the tables, views.sql every published formula; whoever prints a number reads a view.
 *
 * Writes are buffered until ut_store_commit, and become durable together; what was committed survives a kill at any moment. After a
 * failed write the store is of no more use but to be closed. One writer, one thread. */
#pragma once
#include <glib.h>

#include "db/db.h"

typedef struct _UtStore UtStore;

/* Opens or makes the file for writing. UT_ERROR_FAILED for a file that is no run of ours, is of another schema version, is held by
 * another process, or cannot be written. */
UtStore *ut_store_open (const char *path, GError **error);

/* Opens a run for reading alone: ut_store_db only. The views are this program's, whichever version wrote the run. */
UtStore *ut_store_open_read (const char *path, GError **error);

/* The same, and SQL may read and write the files of `folder`, an absolute path: COPY … TO. */
UtStore *ut_store_open_export (const char *path, const char *folder, GError **error);

/* A trial that counts, and what is taken for its label; NULL for none. */
typedef struct {
  unsigned item, variant;
  const char *label;
} UtKeptTrial;

/* Of a run open for reading: from now on its views are those of a run that has these trials [n] alone, each of which it has, and their items
 * and variants. Once a store. The file stays as it is. */
gboolean ut_store_restrict (UtStore *store, const UtKeptTrial *kept, size_t n, GError **error);

/* Drops what was not committed. */
void ut_store_close (UtStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtStore, ut_store_close)

/* The database, where the views of views.sql stand by their plain names ("SELECT * FROM families"). Commit what it shall
 * show first. Borrowed. */
UtDb *ut_store_db (UtStore *store);

/* One row of what identifies a run: a different value means different numbers, so resuming must refuse, unless it is only `informative`
 * (argv, thread count, time, host). */
typedef struct {
  const char *key;
  const char *value;
  gboolean informative;
} UtIdentity;

/* The key whose value names the form of score that the run is decided by (sum, text, byte, letter, image): the views read it. */
#define UT_STORE_SCORE "--score"

/* The key whose value names the forms of score that the run has, comma-separated, and that of the prompt, which they depend on. */
#define UT_STORE_SCORES "scores"
#define UT_STORE_PROMPT "--prompt"

/* The key whose value says when all of the run was done; an unfinished run does not have it. */
#define UT_STORE_FINISHED "finished"

/* The key of the score whose clean answers the text overlays contradict, where it is another: only in a run that was decided anew. */
#define UT_STORE_OVERLAYS "overlays chosen by"

/* The key whose value says why the run's numbers are not the model's, in a run where that is known of the engine. */
#define UT_STORE_CAVEAT "caveat"

/* The key of what the engine does not give, in words: only in a run whose engine leaves something out. */
#define UT_STORE_NOT_GIVEN "not given by the engine"

/* A new file takes the identity; a file that has one is compared with it, and UT_ERROR_USAGE names every key that differs with both
 * values. `identity` ends with a row whose key is NULL. *out_resumed says whether the file already held this run. */
gboolean ut_store_begin (UtStore *store, const UtIdentity *identity, gboolean *out_resumed, GError **error);

typedef struct {
  unsigned id;
  const char *name, *family;
  double param; /* NaN where the family has none */
  gboolean core;
  const char *role; /* perturbation, clean, prior, floor, control */
} UtStoreVariant;

typedef struct {
  unsigned index;
  const char *id, *image_id, *category, *hint, *question;
  const char *const *options; /* NULL-terminated */
  int answer;
  gboolean yes_no;
} UtStoreItem;

/* Both are written once, at the run's beginning, in one transaction with each other; a resumed run has them. */
gboolean ut_store_add_variants (UtStore *store, const UtStoreVariant *variants, size_t n, GError **error);
gboolean ut_store_add_items (UtStore *store, const UtStoreItem *items, size_t n, GError **error);
gboolean ut_store_add_skipped (UtStore *store, const char *where, const char *reason, GError **error);

typedef struct {
  const char *channel; /* "image" where it is of pixels; "" where the metric has none */
  const char *metric;
  double value;
} UtMeasurement;

/* What the engine does not give is NaN in logprob_text and logprob_letter, -1 in n_tokens. */
typedef struct {
  double logprob, logprob_text, logprob_letter;
  int n_tokens, n_bytes;
} UtStoreScore;

/* How far the tokens of one vision grid moved against the clean ones. */
typedef struct {
  int image;      /* which of the item's images, from 0; -1 where that is not known */
  unsigned slice; /* which piece of the image, from 0; of all images where they are not known */
  unsigned frames, height, width;
  const float *drift; /* [frames, height, width] */
} UtTokenDrift;

/* One finished or failed trial. Where `error` is not NULL nothing else but the ids counts. A trial with a score or a measurement that
 * is no finite number is stored as a failed one whose error names it. */
typedef struct {
  unsigned item, variant;
  const char *error;
  int predicted;
  const UtStoreScore *scores;
  unsigned n_scores;
  const double *no_image; /* [n_scores], the options' log-probabilities with no image; of a clean trial alone, else NULL */
  const UtMeasurement *measurements;
  size_t n_measurements;
  const UtTokenDrift *token_drifts; /* one a grid; none where they are not kept, or the grids are not the clean ones */
  size_t n_token_drifts;
  int width, height;  /* of the perturbed (first) image, pixels */
  const char *detail; /* what the variant was for this item ("Answer is B"); NULL where its name says all */
  const char *label;  /* what became of the right answer: holds, changed, doubtful; NULL where that is not known */
  const char *text_open,
      *text_mcq; /* the greedy answers to the open prompt and to the one with options; NULL where there are none */
} UtTrial;

/* A trial is added once; a second time is UT_ERROR_FAILED. */
gboolean ut_store_add_trial (UtStore *store, const UtTrial *trial, GError **error);

/* A measurement of a stored trial that could only be made when all trials were there. */
gboolean ut_store_add_measurement (UtStore *store, unsigned item, unsigned variant, const UtMeasurement *measurement,
                                   GError **error);

/* The channels that a clean trial has embeddings of, in a reader's order. NULL-terminated; the caller owns them. */
char **ut_store_channels (UtStore *store, GError **error);

/* An embedding [n] of a trial. It counts only if the trial is stored and did not fail. */
gboolean ut_store_add_embedding (UtStore *store, unsigned item, unsigned variant, const char *channel, const float *values,
                                 size_t n, GError **error);

/* Makes all since the last commit durable. */
gboolean ut_store_commit (UtStore *store, GError **error);

/* The same where the last commit is half a second ago, else nothing: a commit costs about 5 ms however little it holds, and the engine
 * may be quicker than that. For the loop over trials, called where a trial and its embeddings are complete. */
gboolean ut_store_commit_if_due (UtStore *store, GError **error);

/* Notes that all of the run is done, at this time unless it has been noted before, and makes it durable with all else. */
gboolean ut_store_finish (UtStore *store, GError **error);

/* The trials already finished without an error, as many entries as trials; the caller owns it. Failed trials are deleted so that they are
 * tried again. */
GHashTable *ut_store_take_stock (UtStore *store, GError **error);
gboolean ut_stock_has (GHashTable *stock, unsigned item, unsigned variant);

/* The option that a trial chose; -1 where it is not in stock. */
int ut_stock_prediction (GHashTable *stock, unsigned item, unsigned variant);

/* Clean embeddings of a channel as one matrix [n_items, n], rows by item; items without one have out_present[item] = FALSE and a zero
 * row. The caller owns both; n is 0 and the matrix NULL where the channel has none. */
gboolean ut_store_embeddings (UtStore *store, const char *channel, size_t n_items, float **out_values, size_t *out_n,
                              gboolean **out_present, GError **error);

/* A measurement made after all trials (control drift), on item `item`'s clean trial. Replaces an earlier one. A distance that is not
 * finite is stored as NULL and counted as a failure. */
gboolean ut_store_add_control (UtStore *store, unsigned item, const char *channel, double mean_distance, unsigned k,
                               GError **error);

/* The same items clean and perturbed, in the order of the items. */
typedef struct {
  size_t n, n_embd;
  unsigned *items;          /* [n] */
  float *clean, *perturbed; /* [n, n_embd] each */
} UtPairs;

void ut_pairs_clear (UtPairs *pairs);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtPairs, ut_pairs_clear)

/* The embeddings of a channel that are stored both clean and under the variant. */
gboolean ut_store_pairs (UtStore *store, unsigned variant, const char *channel, UtPairs *out, GError **error);

/* Forgets what an earlier process measured of populations: rows of `population` and the centred drift. */
gboolean ut_store_forget_population (UtStore *store, GError **error);

/* How alike two populations are; a value that is no number is stored as NULL. */
gboolean ut_store_add_population (UtStore *store, unsigned variant, const char *channel, const char *metric, double value,
                                  size_t n_items, GError **error);
