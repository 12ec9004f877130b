/* The store: one DuckDB file a run. schema.sql holds the tables, views.sql every published formula; whoever prints a number reads a view.
 *
 * Writes are buffered until ut_store_commit; what was committed survives a kill at any moment. One writer, one thread. */
#pragma once
#include <glib.h>

typedef struct _UtStore UtStore;

/* Opens or makes the file for writing. UT_ERROR_FAILED for a file that is no run of ours, is of another schema version, or cannot be
 * written. */
UtStore *ut_store_open (const char *path, GError **error);
void ut_store_close (UtStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtStore, ut_store_close)

/* One row of what identifies a run: a different value means different numbers, so resuming must refuse, unless it is only `informative`
 * (argv, thread count, time, host). */
typedef struct {
  const char *key;
  const char *value;
  gboolean informative;
} UtIdentity;

/* A new file takes the identity; a file that has one is compared with it, and UT_ERROR_USAGE names every key that differs with both
 * values. `identity` ends with a row whose key is NULL. *out_resumed says whether the file already held this run. */
gboolean ut_store_begin (UtStore *store, const UtIdentity *identity, gboolean *out_resumed, GError **error);

typedef struct {
  unsigned id;
  const char *name, *family;
  double param;
  gboolean core, prior;
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
  const char *channel; /* "" where the metric has none */
  const char *metric;
  double value;
} UtMeasurement;

typedef struct {
  double logprob, logprob_text;
  int n_tokens, n_bytes;
} UtStoreScore;

/* One finished or failed trial. Where `error` is not NULL nothing else but the ids counts. */
typedef struct {
  unsigned item, variant;
  const char *error;
  int predicted;
  const UtStoreScore *scores;
  unsigned n_scores;
  const UtMeasurement *measurements;
  size_t n_measurements;
  int width, height;   /* of the perturbed (first) image, pixels */
  const char *detail;  /* what the variant was for this item ("Answer is B"); NULL where its name says all */
} UtTrial;

gboolean ut_store_add_trial (UtStore *store, const UtTrial *trial, GError **error);

/* A clean embedding [n] of an item, kept for the control drift. */
gboolean ut_store_add_embedding (UtStore *store, unsigned item, const char *channel, const float *values, size_t n, GError **error);

/* Makes all since the last commit durable. */
gboolean ut_store_commit (UtStore *store, GError **error);

/* The trials already finished without an error: a hash set of GUINT64 (item << 32 | variant); the caller owns it. Failed trials are deleted so that
 * they are tried again. */
GHashTable *ut_store_take_stock (UtStore *store, GError **error);

/* Clean embeddings of a channel as one matrix [n_items, n], rows by item; items without one have out_present[item] = FALSE and a zero
 * row. The caller owns both. */
gboolean ut_store_embeddings (UtStore *store, const char *channel, size_t n_items, float **out_values, size_t *out_n, gboolean **out_present,
                              GError **error);

/* A measurement made after all trials (control drift), on item `item`'s clean trial. Replaces an earlier one. */
gboolean ut_store_add_control (UtStore *store, unsigned item, const char *channel, double mean_distance, unsigned k, GError **error);
