/* How far a run is, on standard error: a bar on a terminal, else a plain line now and then. */
#pragma once
#include "run/run.h"

typedef struct {
  gboolean quiet;
  gboolean terminal;
  gint64 last; /* when it was last drawn, monotonic microseconds; 0 for never */
} UtProgressBar;

UtProgressBar ut_progress_bar_init (gboolean quiet);

/* Draws, but no oftener than is of use. */
void ut_progress_bar_update (UtProgressBar *bar, const UtRunProgress *progress);

/* Draws the end and leaves the line. */
void ut_progress_bar_finish (UtProgressBar *bar, const UtRunProgress *progress);
