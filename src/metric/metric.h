/* Metrics: pure functions of floats and shapes, and the table that names them (method.md §5 to §7).
 *
 * Every sum runs in double, in an order fixed by the source (lanes.h), so that the same captures give the same bits on every
 * x86-64. Any NaN or infinity in gives NaN out; the caller stores that as a failure, never as a number. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

/* The grid the vision tokens of one image lie on: t frames of h rows of w tokens, in raster order. */
typedef struct {
  uint32_t t, h, w;
} UtGrid;

typedef struct {
  const char *name; /* as stored: "cosine_distance" */
  const char *unit;
  const char *range;
  const char *reading; /* one line: what a larger value says */
  const char *source;  /* "P" where the formula is the paper's, "+" where it is ours, then the section of the method */
} UtMetric;

/* Terminated by a row whose name is NULL. */
extern const UtMetric ut_metrics[];

/* The same of the quantities that are made of many trials, by "view.column" of a run (store/views.sql). */
extern const UtMetric ut_aggregates[];

/* --- Pixels: what a perturbation really changed. --- */

typedef struct {
  double psnr;    /* 10 log₁₀ (255² / mean squared difference), dB; infinite where nothing changed */
  double linf;    /* the largest difference of a value, levels of 255 */
  double touched; /* share of the pixels with any difference */
} UtPixelChange;

/* Of n images [n] together, each against its clean one. All NaN where the sizes of a pair differ or n is 0. [+] */
UtPixelChange ut_pixel_change (const UtImage *const *clean, const UtImage *const *perturbed, size_t n);

/* --- Representations. --- */

/* 1 − a·b / (‖a‖‖b‖) of two vectors [n]; exactly 0 for equal vectors. NaN where a norm is 0. [P] */
double ut_cosine_distance (const float *a, const float *b, size_t n);

/* ‖a − b‖ of two vectors [n]. [P] */
double ut_l2_distance (const float *a, const float *b, size_t n);

/* ‖perturbed − clean‖ / ‖clean‖ of two vectors [n]. NaN where the clean norm is 0. [+] */
double ut_relative_l2 (const float *clean, const float *perturbed, size_t n);

/* The cosine distance of a − mean and b − mean, all [n]: `mean` is the mean of the channel's clean embeddings, the direction they
 * all share, behind which plain cosine hides. Exactly 0 for equal vectors; NaN where a or b is the mean. [+] */
double ut_centred_cosine_distance (const float *a, const float *b, const float *mean, size_t n);

/* The mean over tokens of the cosine distance of the tokens at the same place: clean and perturbed [n_tokens, n_embd], of equal
 * grids. out_map [n_tokens], or NULL, gets each token's. NaN where a token is 0, or there are none. [+] */
double ut_token_drift (const float *clean, const float *perturbed, size_t n_tokens, size_t n_embd, double *out_map);

/* The mean over tokens of z [n_tokens, n_embd] into out [n_embd]. n_tokens > 0. */
void ut_mean_pool (const float *z, size_t n_tokens, size_t n_embd, float *out);

/* Dirichlet energy of z [Σ t·h·w over the grids, n_embd]: Σ over 4-neighbour pairs of ‖z_a − z_b‖², divided by their number; the
 * pairs of several images are pooled. 0 where there is no pair (a 1×1 grid). [P] */
double ut_dirichlet_energy (const float *z, const UtGrid *grids, size_t n_grids, size_t n_embd);

/* The same over the mean of ‖z‖²: free of scale, where grids or norms differ. 4 for a checkerboard of ±z; NaN where all tokens
 * are 0. [+] */
double ut_dirichlet_rayleigh (const float *z, const UtGrid *grids, size_t n_grids, size_t n_embd);

/* The clean embeddings of one channel: a matrix [n_items, n_embd], rows by item. An item without a finite, non-zero embedding
 * must not be `present`: it would turn the controls of all who draw it into NaN. */
typedef struct {
  const float *clean;
  const int *present; /* [n_items], 0 or 1; gboolean fits */
  size_t n_items, n_embd;
} UtPopulation;

/* How many others the paper compares an item with. */
#define UT_CONTROL_K 25

/* The mean cosine distance of an item to `k` other present items, drawn without replacement by (run_seed, item_id, "control:"
 * channel); to all of them where there are fewer. *out_k is how many were used; where that is 0, or the item itself is not
 * present, NaN. [P] */
double ut_control_drift (const UtPopulation *population, size_t item, const char *item_id, const char *channel, size_t k,
                         uint64_t run_seed, size_t *out_k);

/* --- Two populations: the same items, clean and perturbed, [n, d] each, rows by item. Who lacks one is left out of both. --- */

/* ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖), Frobenius norms, of x and y less their columns' means: 1 where one is the other turned and scaled, 0
 * where they have nothing in common. NaN where all rows of one are equal. Takes min (n, d)² max (n, d) multiplications thrice.
 * [+] */
double ut_linear_cka (const float *x, const float *y, size_t n, size_t d);

/* How many nearest neighbours are compared. */
#define UT_KNN_K 10

/* The mean over items of the share of an item's k nearest others (cosine; of equally near ones, those that come first) that are
 * the same in both; of all others where there are fewer. NaN where there are none, or a row is 0. [+] */
double ut_mutual_knn (const float *x, const float *y, size_t n, size_t d, size_t k);

/* --- Frequencies. ---
 *
 * The radius of a frequency is r = √(k² + l²), k and l cycles over the height and the width; r_max is the largest, a corner's. */

/* Low, middle, high. */
#define UT_N_BANDS 3

/* The mean over the frequencies of a band, and over the channels, of |FFT2 (x / 255)|². Bands end at the radii (r_max + 1)^(j/3)
 * − 1, j = 0…3, each without its end, the last with it; the constant is in the first. To compare a perturbed image with the clean
 * one, it is first resized to its size. NaN for a band without a frequency, which only images of a few pixels have. [P] */
void ut_input_bands (const UtImage *image, double out[UT_N_BANDS]);

/* Bands end at thirds of r_max, each with its end; the constant is in none. F and F' are the transforms of the clean and the
 * perturbed tokens, summed over frequencies, channels, frames and images. A band is NaN where no grid has a frequency in it: a
 * single token has none at all, 3 × 3 of them only high ones, 5 × 5 no low one. A constant field has energy 0. */
typedef struct {
  double energy[UT_N_BANDS];           /* A = Σ|F|² */
  double energy_perturbed[UT_N_BANDS]; /* Σ|F'|² */
  double sensitivity[UT_N_BANDS];      /* Σ|F' − F|² / A; NaN where A is 0 */
  double coherence[UT_N_BANDS];        /* Re Σ F'·conj F / √(Σ|F'|² Σ|F|²); NaN where one of them is 0 */
  double cross;           /* Pearson's correlation over cells of the local energy of the low and the high band, clean */
  double cross_perturbed; /* the same of the perturbed tokens; NaN where a band is empty or its energy everywhere the same */
} UtTokenBands;

/* The tokens are [Σ t·h·w over the grids, n_embd], as for the Dirichlet energy. Where the grids of an image differ, both are read
 * at the nearest tokens of a grid with the smaller height and the smaller width. All NaN where the frames differ in number or a
 * grid has none. [+] */
UtTokenBands ut_token_bands (const float *clean, const UtGrid *grids, const float *perturbed, const UtGrid *grids_perturbed,
                             size_t n_grids, size_t n_embd);

/* --- The prior: what the model answers to a blank image. --- */

/* The Jensen-Shannon divergence of the softmax of two lists of scores [n], nats: 0 for equal distributions, ln 2 for disjoint
 * ones. [+] */
double ut_js_divergence (const double *scores, const double *others, size_t n);

/* ⟨perturbed − clean, blank − clean⟩ / ‖blank − clean‖² of vectors [n]: 0 where nothing moved towards the blank image's
 * representation, 1 where it got there. NaN where the clean one is there already. [+] */
double ut_prior_position (const float *clean, const float *perturbed, const float *blank, size_t n);
