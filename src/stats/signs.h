/* The exact test of signs over clusters: whether a pair of runs differs, when outcomes within a cluster go together (method.md §4).
 *
 * Each cluster has a difference, the events of one run less those of the other. Where the runs cannot be told apart, a cluster's events
 * might as well have been the other's, so each difference has either sign with probability ½, whatever goes together within it. With one
 * pair a cluster this is McNemar's exact test. */
#pragma once
#include <glib.h>

/* P(|Σ ±d| ≥ |Σ d|) over all choices of signs of `differences` [n], two-sided; 1 where they are all 0. Exact but for rounding, as no
 * terms cancel; below 1e-300 it may be 0. The time goes with n · Σ|d|. */
double ut_signs_test (const gint64 *differences, size_t n);
