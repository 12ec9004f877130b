/* Intervals by bootstrap over clusters. Questions on one image are no independent draws, so whole images are drawn again, with
 * replacement; what is estimated is made of sums over images (method.md §4). Every estimate of one call sees the same draws: two models
 * asked the same questions are compared as pairs, draw by draw. */
#pragma once
#include <glib.h>

/* How a quantity is made of four sums over clusters, A to D. */
typedef enum {
  UT_RATIO,      /* A / B */
  UT_QUOTIENT,   /* (A / B) / (C / D) */
  UT_DIFFERENCE, /* A / B − C / D */
} UtForm;

typedef struct {
  UtForm form;
  const double *terms[4]; /* each cluster's part [n_clusters] of A, B, C, D; a ratio has no C and D */
} UtEstimand;

typedef struct {
  double value;  /* of the sample as it is; NaN where it is undefined (0 / 0) */
  double *draws; /* [n_draws], of the sample drawn again; not finite where undefined */
  size_t n_draws;
  size_t n_clusters; /* that have a part of B */
} UtEstimate;

/* With room for the draws. */
UtEstimate *ut_estimate_new (double value, size_t n_draws, size_t n_clusters);
void ut_estimate_free (UtEstimate *estimate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtEstimate, ut_estimate_free)

/* What reports use; draws cost time, and more change nothing that is printed. */
constexpr size_t UT_N_DRAWS = 10000;

/* Estimates in the order of the estimands, GPtrArray of UtEstimate. The draws follow from seed and n_clusters alone: calls that agree in
 * these, and in n_draws, may be combined. */
GPtrArray *ut_bootstrap (const UtEstimand *estimands, size_t n_estimands, size_t n_clusters, guint64 seed, size_t n_draws);

/* Σ weight · part of estimates that share their draws, draw by draw: a mean, or the difference of a pair. An undefined part makes the
 * whole undefined. n > 0. */
UtEstimate *ut_estimate_combine (const UtEstimate *const *parts, const double *weights, size_t n);

typedef struct {
  double value, low, high; /* NaN where there is none */
} UtInterval;

/* The interval that covers the true value with probability `level` (0.95): the percentiles of the draws, moved outwards for few clusters
 * as Student's t widens the normal (Hesterberg 2015, “What teachers should know about the bootstrap”, §3.3; without it the interval of
 * twelve clusters covers 84 to 89 %). A draw that is undefined might have been anything and counts against both bounds; one cluster, or
 * too many undefined draws, give no bounds. */
UtInterval ut_estimate_interval (const UtEstimate *estimate, double level);
