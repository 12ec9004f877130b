/* Metrics: pure functions of floats and shapes, and the table that names them (method.md §5, §6).
 *
 * Every sum runs in one fixed order and width, 16 float-input lanes accumulated in double, so that the same captures give the same
 * bits on every x86-64. Any NaN or infinity in gives NaN out; the caller stores that as a failure, never as a number. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The grid the vision tokens of one image lie on: t frames of h rows of w tokens, in raster order. */
typedef struct {
  uint32_t t, h, w;
} UtGrid;

typedef struct {
  const char *name;    /* as stored: "drift" */
  const char *unit;
  const char *range;
  const char *reading; /* one line: what a larger value says */
  const char *source;  /* "P" where the formula is the paper's, "+" where it is ours, then the section of the method */
} UtMetric;

/* Terminated by a row whose name is NULL. */
extern const UtMetric ut_metrics[];

/* 1 − a·b / (‖a‖‖b‖) of two vectors [n]; exactly 0 for equal vectors. NaN where a norm is 0. [P] */
double ut_cosine_distance (const float *a, const float *b, size_t n);

/* ‖a − b‖ of two vectors [n]. [P] */
double ut_l2_distance (const float *a, const float *b, size_t n);

/* The mean over tokens of z [n_tokens, n_embd] into out [n_embd]. n_tokens > 0. */
void ut_mean_pool (const float *z, size_t n_tokens, size_t n_embd, float *out);

/* Dirichlet energy of z [Σ t·h·w over the grids, n_embd]: Σ over 4-neighbour pairs of ‖z_a − z_b‖², divided by their number; the pairs
 * of several images are pooled. 0 where there is no pair (a 1×1 grid). [P] */
double ut_dirichlet_energy (const float *z, const UtGrid *grids, size_t n_grids, size_t n_embd);

/* The clean embeddings of one channel: a matrix [n_items, n_embd], rows by item. An item without a finite, non-zero embedding must not be
 * `present`: it would turn the controls of all who draw it into NaN. */
typedef struct {
  const float *clean;
  const int *present; /* [n_items], 0 or 1; gboolean fits */
  size_t n_items, n_embd;
} UtPopulation;

/* How many others the paper compares an item with. */
#define UT_CONTROL_K 25

/* The mean cosine distance of an item to `k` other present items, drawn without replacement by (run_seed, item_id, "control:" channel);
 * to all of them where there are fewer. *out_k is how many were used; where that is 0, or the item itself is not present, NaN. [P] */
double ut_control_drift (const UtPopulation *population, size_t item, const char *item_id, const char *channel, size_t k,
                         uint64_t run_seed, size_t *out_k);
