/* How far a run or a fetch is, on standard error: a bar on a terminal, else a plain line now and then. */
#pragma once
#include "run/run.h"

typedef struct {
  gboolean quiet;
  gboolean terminal;
  gint64 first;  /* when there was the first thing to draw, monotonic microseconds; 0 for never */
  gint64 last;   /* when it was last drawn, the same */
  gboolean open; /* whether the cursor stands behind it, of a fetch or a count */
} UtProgressBar;

UtProgressBar ut_progress_bar_init (gboolean quiet);

/* Draws, but no oftener than is of use. */
void ut_progress_bar_update (UtProgressBar *bar, const UtRunProgress *progress);

/* Draws the end and leaves the line. */
void ut_progress_bar_finish (UtProgressBar *bar, const UtRunProgress *progress);

/* The same for the fetching of a model, on a bar of its own. */
void ut_fetch_bar_update (UtProgressBar *bar, const UtHubProgress *progress);

/* The same of so many things of a kind. */
void ut_count_bar_update (UtProgressBar *bar, const char *what, guint64 done, guint64 all);

/* Leaves the line, where one was drawn: something else is to be printed. */
void ut_fetch_bar_leave (UtProgressBar *bar);
