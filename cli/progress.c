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

/* The line, on a terminal behind the bar and over the one before. */
static void
draw_line (const UtProgressBar *bar, guint64 done, guint64 all, const char *line)
{
  if (!bar->terminal)
    {
      fprintf (stderr, "%s\n", line);
      return;
    }
  const int full = all > 0 ? (int) ((double) done / (double) all * WIDTH) : 0;
  fputs ("\r\033[K", stderr);
  for (int i = 0; i < WIDTH; i++)
    fputs (i < full ? "█" : "░", stderr);
  fprintf (stderr, " %s", line);
  fflush (stderr);
}

static void
draw (const UtProgressBar *bar, const UtRunProgress *progress)
{
  g_autofree char *line = format_line (progress);
  draw_line (bar, progress->items_done, progress->n_items, line);
}

/* Whether it is time to draw again. */
static gboolean
is_due (UtProgressBar *bar)
{
  const gint64 now = g_get_monotonic_time ();
  if (bar->first == 0)
    bar->first = now;
  if (bar->last == 0 && !bar->terminal)
    bar->last = now;
  if (bar->quiet || now - bar->last < (bar->terminal ? EVERY_TERMINAL : EVERY_PLAIN))
    return FALSE;
  bar->last = now;
  return TRUE;
}

void
ut_progress_bar_update (UtProgressBar *bar, const UtRunProgress *progress)
{
  if (is_due (bar))
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

static char *
format_fetch (const UtProgressBar *bar, const UtHubProgress *p)
{
  const double seconds = (double) (g_get_monotonic_time () - bar->first) / G_USEC_PER_SEC;
  const double rate = seconds > 0 ? (double) p->done_now / seconds : 0;
  g_autofree char *file = g_path_get_basename (p->file), *done = g_format_size (p->done);
  g_autoptr (GString) line = g_string_new (NULL);
  g_string_printf (line, "fetching %s  %s", file, done);
  if (p->total >= p->done)
    {
      g_autofree char *total = g_format_size (p->total);
      g_string_append_printf (line, " of %s", total);
    }
  if (p->total > p->done && seconds >= 1)
    {
      g_autofree char *speed = g_format_size ((guint64) rate);
      g_autofree char *left = format_time ((double) (p->total - p->done) / MAX (rate, 1));
      g_string_append_printf (line, "  %s/s  %s left", speed, left);
    }
  return g_string_free (g_steal_pointer (&line), FALSE);
}

void
ut_fetch_bar_update (UtProgressBar *bar, const UtHubProgress *p)
{
  if (!is_due (bar) && (bar->quiet || p->done != p->total))
    return;
  g_autofree char *line = format_fetch (bar, p);
  draw_line (bar, MIN (p->done, p->total), p->total, line);
  bar->open = bar->terminal;
}

void
ut_fetch_bar_leave (UtProgressBar *bar)
{
  if (bar->open)
    fputc ('\n', stderr);
  bar->open = FALSE;
}

void
ut_count_bar_update (UtProgressBar *bar, const char *what, guint64 done, guint64 all)
{
  if (!is_due (bar) && (bar->quiet || done != all))
    return;
  g_autofree char *line = g_strdup_printf ("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " %s", done, all, what);
  draw_line (bar, done, all, line);
  bar->open = bar->terminal;
}
