#include "engine/exec-program.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

constexpr size_t CHUNK = 65536;    /* bytes read at once: what a pipe holds */
constexpr size_t MAX_TAIL = 4096;  /* bytes of the standard error that are kept */
constexpr int LAST_LINES = 3;      /* of them that messages quote */
constexpr size_t MAX_QUOTE = 160;  /* characters of what is quoted */
constexpr size_t MAX_COMMAND = 60; /* characters of the command in messages */
constexpr int WORDS_MS = 1000;     /* how long a program that closed its output may take to end, and to say why */
constexpr int END_MS = 5000;       /* how long one that is told to end may take */
constexpr int STEP_MS = 10;        /* between two looks at whether it has ended */

struct _UtProgram {
  char *name;
  pid_t pid;         /* also its process group's */
  int in, out, err;  /* our ends of its standard streams, -1 where closed */
  int guard;         /* whose end tells that this process has ended */
  GByteArray *ahead; /* read from its standard output and not asked for yet */
  GString *tail;     /* the end of its standard error */
  UtEngineListener listener;
  void *listener_data;
  gint64 deadline; /* monotonic, microseconds */
  int seconds;     /* which were given until then */
  const char *doing;
};

/* ── words ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static char *
shorten (const char *text, size_t max)
{
  if ((size_t) g_utf8_strlen (text, -1) <= max)
    return g_strdup (text);
  g_autofree char *start = g_utf8_substring (text, 0, (glong) max);
  return g_strconcat (start, "…", NULL);
}

char *
ut_program_quote (const char *bytes, size_t n)
{
  g_autofree char *valid = g_utf8_make_valid (bytes, (gssize) MIN (n, 8 * MAX_QUOTE));
  g_autofree char *plain = ut_text_without_controls (valid);
  return shorten (g_strstrip (plain), MAX_QUOTE);
}

/* The last lines of the standard error in one; NULL where there are none. Progress bars end theirs with a carriage return. */
static char *
last_words (const UtProgram *program)
{
  g_autofree char *valid = g_utf8_make_valid (program->tail->str, (gssize) program->tail->len);
  g_auto (GStrv) lines = g_strsplit_set (valid, "\r\n", -1);
  g_autoptr (GString) words = g_string_new (NULL);
  int n_lines = 0;
  for (guint i = g_strv_length (lines); i-- > 0 && n_lines < LAST_LINES;)
    {
      g_autofree char *line = ut_program_quote (lines[i], strlen (lines[i]));
      if (*line == '\0')
        continue;
      if (n_lines++ > 0)
        g_string_prepend (words, " / ");
      g_string_prepend (words, line);
    }
  return n_lines > 0 ? g_string_free (g_steal_pointer (&words), FALSE) : NULL;
}

void
ut_program_fail (const UtProgram *program, const char *what, GError **error)
{
  g_autofree char *words = last_words (program);
  g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "%s %s while %s%s%s", program->name, what, program->doing,
               words != NULL ? "; the end of its standard error: " : "", words != NULL ? words : "");
}

/* ── its standard error, and its end ────────────────────────────────────────────────────────────────────────────────────────── */

/* Takes what the standard error holds. */
static void
listen_once (UtProgram *program)
{
  char bytes[4096];
  const ssize_t n = read (program->err, bytes, sizeof bytes);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0)
    {
      close (program->err);
      program->err = -1;
      return;
    }
  if (program->listener != NULL)
    program->listener (bytes, (size_t) n, program->listener_data);
  g_string_append_len (program->tail, bytes, n);
  if (program->tail->len > MAX_TAIL)
    g_string_erase (program->tail, 0, (gssize) (program->tail->len - MAX_TAIL));
}

/* Whether it has ended; it stays to be reaped, so that its number remains its own. */
static gboolean
has_ended (const UtProgram *program)
{
  siginfo_t info = {};
  return waitid (P_PID, (id_t) program->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* Listens until it ends, so many milliseconds at most; then for what is left. */
static gboolean
wait_for_end (UtProgram *program, int ms)
{
  const gint64 deadline = g_get_monotonic_time () + (gint64) ms * 1000;
  gboolean ended = has_ended (program);
  while (!ended && g_get_monotonic_time () < deadline)
    {
      struct pollfd err = { program->err, POLLIN, 0 };
      if (poll (&err, 1, STEP_MS) > 0)
        listen_once (program);
      ended = has_ended (program);
    }
  struct pollfd err = { program->err, POLLIN, 0 };
  while (program->err >= 0 && poll (&err, 1, 0) > 0 && (err.revents & POLLIN) != 0)
    listen_once (program);
  return ended;
}

/* A shell whose command was ended by a signal gives 128 and its number. */
static char *
describe_exit (int code)
{
  if (code > 128 && code <= 128 + SIGSYS)
    return g_strdup_printf ("ended with exit code %d (signal %d: %s)", code, code - 128, g_strsignal (code - 128));
  return g_strdup_printf ("ended with exit code %d", code);
}

/* Says how it ended, or that it closed the stream although it goes on. */
static void
fail_closed (UtProgram *program, const char *stream, GError **error)
{
  g_autofree char *how = NULL;
  siginfo_t info = {};
  if (!wait_for_end (program, WORDS_MS))
    how = g_strdup_printf ("closed its standard %s", stream);
  else if (waitid (P_PID, (id_t) program->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_code == CLD_EXITED)
    how = describe_exit (info.si_status);
  else
    how = g_strdup_printf ("was ended by signal %d (%s)", info.si_status, g_strsignal (info.si_status));
  ut_program_fail (program, how, error);
}

/* ── the pipes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Waits until its output can be read or, with `writing`, its input written to or its output read; listens meanwhile. */
static gboolean
wait_for_pipes (UtProgram *program, gboolean writing, gboolean *out_readable, GError **error)
{
  for (;;)
    {
      const gint64 left = program->deadline - g_get_monotonic_time ();
      struct pollfd fds[]
          = { { program->out, POLLIN, 0 }, { program->err, POLLIN, 0 }, { writing ? program->in : -1, POLLOUT, 0 } };
      if (left <= 0)
        {
          g_autofree char *what = g_strdup_printf ("gave no answer in %d s (--timeout)", program->seconds);
          ut_program_fail (program, what, error);
          return FALSE;
        }
      if (poll (fds, G_N_ELEMENTS (fds), (int) MIN (left / 1000 + 1, G_MAXINT)) < 0 && errno != EINTR)
        {
          ut_program_fail (program, g_strerror (errno), error);
          return FALSE;
        }
      if (fds[1].revents != 0)
        listen_once (program);
      *out_readable = fds[0].revents != 0;
      if (*out_readable || fds[2].revents != 0)
        return TRUE;
    }
}

/* Reads what its standard output holds. FALSE with its end as well. */
static gboolean
read_ahead (UtProgram *program, GError **error)
{
  const guint old = program->ahead->len;
  g_byte_array_set_size (program->ahead, old + (guint) CHUNK);
  const ssize_t n = read (program->out, program->ahead->data + old, CHUNK);
  const gboolean later = n < 0 && (errno == EAGAIN || errno == EINTR);
  g_byte_array_set_size (program->ahead, old + (n > 0 ? (guint) n : 0));
  if (n <= 0 && !later)
    fail_closed (program, "output", error);
  return n > 0 || later;
}

/* Its standard output is for answers alone: what came unasked is most often a library's remark. */
static void
fail_unasked (const UtProgram *program, GError **error)
{
  const char *bytes = (const char *) program->ahead->data;
  const char *end = memchr (bytes, '\n', program->ahead->len);
  g_autofree char *quoted = ut_program_quote (bytes, end != NULL ? (size_t) (end - bytes) : program->ahead->len);
  g_autofree char *what = g_strdup_printf ("wrote to its standard output, unasked: “%s”,", quoted);
  ut_program_fail (program, what, error);
}

gboolean
ut_program_write (UtProgram *program, const void *bytes, size_t n, GError **error)
{
  const char *from = bytes;
  while (n > 0)
    {
      gboolean readable = FALSE;
      if (program->ahead->len == 0 && !wait_for_pipes (program, TRUE, &readable, error))
        return FALSE;
      if (readable && !read_ahead (program, error))
        return FALSE;
      if (program->ahead->len > 0)
        {
          fail_unasked (program, error);
          return FALSE;
        }
      const ssize_t written = write (program->in, from, n);
      if (written < 0 && errno != EAGAIN && errno != EINTR)
        {
          fail_closed (program, "input", error);
          return FALSE;
        }
      from += MAX (written, 0);
      n -= (size_t) MAX (written, 0);
    }
  return TRUE;
}

static gboolean
wait_and_read (UtProgram *program, GError **error)
{
  gboolean readable;
  return wait_for_pipes (program, FALSE, &readable, error) && read_ahead (program, error);
}

char *
ut_program_read_line (UtProgram *program, size_t max, size_t *out_n, GError **error)
{
  for (size_t seen = 0;;)
    {
      GByteArray *ahead = program->ahead;
      const guint8 *end = ahead->len > seen ? memchr (ahead->data + seen, '\n', ahead->len - seen) : NULL;
      if (end != NULL)
        {
          *out_n = (size_t) (end - ahead->data);
          char *line = g_strndup ((const char *) ahead->data, *out_n);
          g_byte_array_remove_range (ahead, 0, (guint) *out_n + 1);
          return line;
        }
      seen = ahead->len;
      if (seen > max)
        {
          g_autofree char *quoted = ut_program_quote ((const char *) ahead->data, seen);
          g_autofree char *what = g_strdup_printf ("wrote more than %zu bytes without the end of a line, “%s”,", max, quoted);
          ut_program_fail (program, what, error);
          return NULL;
        }
      if (!wait_and_read (program, error))
        return NULL;
    }
}

guint8 *
ut_program_read (UtProgram *program, size_t n, GError **error)
{
  GByteArray *ahead = program->ahead;
  while (ahead->len < n)
    if (!wait_and_read (program, error))
      return NULL;
  guint8 *bytes = g_memdup2 (ahead->data, n);
  g_byte_array_remove_range (ahead, 0, (guint) n);
  return bytes;
}

/* ── starting and ending ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Runs the command ($1) in a shell of its own, and beside it, no child of its, one that waits for the end of descriptor 3: the end of
 * this process, however it comes. Then the whole group goes. A signal at the parent's death would reach the shell alone. */
static const char GUARDED[]
    = "((read -r nothing <&3; kill -KILL 0) </dev/null >/dev/null 2>&1 &); exec 3<&-; exec /bin/sh -c \"$1\"";

/* In the child. Its own group keeps the terminal's Ctrl-C from it: it is this process that decides when work ends. */
static void
set_apart ([[maybe_unused]] void *data)
{
  setpgid (0, 0);
  signal (SIGPIPE, SIG_DFL);
}

UtProgram *
ut_program_start (const char *command, const char *variable, UtEngineListener listener, void *listener_data, GError **error)
{
  /* One that died must not take this process along when it is written to. */
  signal (SIGPIPE, SIG_IGN);
  const char *const argv[] = { "/bin/sh", "-c", GUARDED, "sh", command, NULL };
  g_auto (GStrv) environment = g_get_environ (), parts = g_strsplit (variable, "=", 2);
  environment = g_environ_setenv (environment, parts[0], parts[1], TRUE);

  GPid pid;
  int in, out, err, guard[2];
  g_autoptr (GError) fault = NULL;
  const gboolean piped = g_unix_open_pipe (guard, O_CLOEXEC, &fault);
  const gboolean started = piped
                           && g_spawn_async_with_pipes_and_fds (
                               NULL, argv, (const char *const *) environment, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES,
                               set_apart, NULL, -1, -1, -1, guard, (const int[]) { 3 }, 1, &pid, &in, &out, &err, &fault);
  if (piped)
    close (guard[0]);
  if (!started)
    {
      if (piped)
        close (guard[1]);
      g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "/bin/sh could not be started: %s", fault->message);
      return NULL;
    }
  setpgid (pid, pid); /* as the child does, whoever comes first */
  for (size_t i = 0; i < 3; i++)
    g_unix_set_fd_nonblocking ((const int[]) { in, out, err }[i], TRUE, NULL);

  UtProgram *program = g_new (UtProgram, 1);
  g_autofree char *brief = shorten (command, MAX_COMMAND);
  *program = (UtProgram) { g_strdup_printf ("the program '%s'", brief),
                           pid,
                           in,
                           out,
                           err,
                           guard[1],
                           g_byte_array_new (),
                           g_string_new (NULL),
                           listener,
                           listener_data,
                           G_MAXINT64,
                           0,
                           "starting" };
  return program;
}

void
ut_program_allow (UtProgram *program, int seconds, const char *doing)
{
  program->deadline = g_get_monotonic_time () + (gint64) seconds * G_USEC_PER_SEC;
  program->seconds = seconds;
  program->doing = doing;
}

const char *
ut_program_name (const UtProgram *program)
{
  return program->name;
}

void
ut_program_kill (UtProgram *program)
{
  kill (-program->pid, SIGKILL);
  while (waitpid (program->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  for (size_t i = 0; i < 4; i++)
    {
      const int fd = (const int[]) { program->in, program->out, program->err, program->guard }[i];
      if (fd >= 0)
        close (fd);
    }
  g_byte_array_unref (program->ahead);
  g_string_free (program->tail, TRUE);
  g_free (program->name);
  g_free (program);
}

void
ut_program_end (UtProgram *program)
{
  close (program->in);
  program->in = -1;
  wait_for_end (program, END_MS);
  ut_program_kill (program);
}
