#include "progress.h"

#include <stdio.h>
#include <unistd.h>

constexpr gint64 EVERY_TERMINAL = G_USEC_PER_SEC / 10;
constexpr gint64 EVERY_PLAIN = 10 * (gint64) G_USEC_PER_SEC;
constexpr int WIDTH = 24; /* cells of the bar */

UtProgressBar
ut_progress_bar_init (gboolean quiet)
{
  return (UtProgressBar) { .quiet = quiet, .terminal = isatty (STDERR_FILENO) };
}

/* "1:02:03", "2:03". */
static char *
format_time (double seconds)
{
  const guint64 s = (guint64) (seconds + 0.5);
  if (s >= 3600)
    return g_strdup_printf ("%" G_GUINT64_FORMAT ":%02u:%02u", s / 3600, (unsigned) (s / 60 % 60), (unsigned) (s % 60));
  return g_strdup_printf ("%u:%02u", (unsigned) (s / 60), (unsigned) (s % 60));
}

static char *
format_line (const UtRunProgress *p)
{
  g_autoptr (GString) line = g_string_new (NULL);
  const double rate = p->seconds > 0 ? (double) p->trials_now / p->seconds : 0;
  g_string_append_printf (line, "%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " items  %" G_GUINT64_FORMAT " trials  %.1f/s",
                          p->items_done, p->n_items, p->trials_done, rate);
  const guint64 left = p->n_trials > p->trials_done ? p->n_trials - p->trials_done : 0;
  if (rate > 0 && p->items_done < p->n_items)
    {
      g_autofree char *eta = format_time ((double) left / rate);
      g_string_append_printf (line, "  %s left", eta);
    }
  g_string_append_printf (line, "  %" G_GUINT64_FORMAT " flips", p->flips);
  if (p->failures > 0)
    g_string_append_printf (line, "  %" G_GUINT64_FORMAT " failed", p->failures);
  return g_string_free (g_steal_pointer (&line), FALSE);
}

static void
draw (const UtProgressBar *bar, const UtRunProgress *progress)
{
  g_autofree char *line = format_line (progress);
  if (!bar->terminal)
    {
      fprintf (stderr, "%s\n", line);
      return;
    }
  const double share = progress->n_items > 0 ? (double) progress->items_done / (double) progress->n_items : 0;
  const int full = (int) (share * WIDTH);
  fputs ("\r\033[K", stderr);
  for (int i = 0; i < WIDTH; i++)
    fputs (i < full ? "█" : "░", stderr);
  fprintf (stderr, " %s", line);
  fflush (stderr);
}

void
ut_progress_bar_update (UtProgressBar *bar, const UtRunProgress *progress)
{
  const gint64 now = g_get_monotonic_time ();
  if (bar->last == 0 && !bar->terminal)
    bar->last = now;
  if (bar->quiet || now - bar->last < (bar->terminal ? EVERY_TERMINAL : EVERY_PLAIN))
    return;
  bar->last = now;
  draw (bar, progress);
}

void
ut_progress_bar_finish (UtProgressBar *bar, const UtRunProgress *p)
{
  if (bar->quiet)
    return;
  draw (bar, p);
  if (bar->terminal)
    fputc ('\n', stderr);
  if (p->trials_now == 0 || p->seconds <= 0)
    return;
  fprintf (stderr, "%" G_GUINT64_FORMAT " trials in %.1f s: %.1f/s, %.0f %% of the time in the engine", p->trials_now, p->seconds,
           (double) p->trials_now / p->seconds, 100 * p->engine_seconds / p->seconds);
  if (p->generate_seconds > 0)
    fprintf (stderr, " (%.0f %% for greedy answers)", 100 * p->generate_seconds / p->seconds);
  fputc ('\n', stderr);
}
