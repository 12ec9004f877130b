/* What is measured of a trial: rows of ut_metrics, as the store takes them. */
#pragma once
#include "run/group.h"
#include "store/store.h"

/* Measurements of one trial, GArray of UtMeasurement. */
GArray *ut_measurements_new (void);

/* The power in the bands of a trial's images, each first resized to the size of its clean one, of several the mean; and where their sizes
 * are equal, how the pixels changed. */
gboolean ut_measure_images (GPtrArray *clean, GPtrArray *images, GArray *out, GError **error);

/* Of the vision tokens: their structure, and how they changed against the clean ones; where `clean` is NULL they are the clean ones
 * themselves. Nothing where there are none. Returns how far each token moved, [n_tokens], which the caller owns, where the mean of that
 * is among the measurements; else NULL. */
float *ut_measure_vision (const UtVision *vision, const UtVision *clean, GArray *out);

/* The same a grid, as the store takes it: GArray of UtTokenDrift, which borrow from `drift`. Empty where that is NULL. */
GArray *ut_token_drifts_new (const UtVision *vision, const float *drift);

/* Of the channels against those of the clean trial, and where `prior` is not NULL, how far they are on the way to those of the blank
 * image. */
void ut_measure_channels (const UtView *view, const UtView *clean, const UtView *prior, size_t n_embd, GArray *out);

/* What is no number among those that always are one: the first such measurement, or NULL. What a trial does not have (a band of a small
 * grid, a change between grids of another kind) is not among the measurements. */
const UtMeasurement *ut_measurements_fault (GArray *measurements);
