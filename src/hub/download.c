#include "hub/download.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

constexpr guint64 MUCH = 1 << 20;    /* bytes: an attempt that brought as many did not fail */
constexpr unsigned MAX_FAILURES = 4; /* of attempts in a row */
constexpr gint64 FIRST_PAUSE = 1000; /* milliseconds, before another attempt; doubled every time */
constexpr gint64 LOCK_PAUSE = 200;   /* between looks at whether another process is done */
constexpr size_t CHUNK = 1 << 20;

/* A file on its way. */
typedef struct {
  UtDownloads *downloads;
  const UtHubFile *file;
  const char *path;
  char *part; /* the path of the unfinished file */
  int fd;
  guint64 have;    /* bytes of it that are here */
  GChecksum *sum;  /* of these */
  char *hash;      /* what the sum is to be; NULL where nobody told */
  GError *failure; /* to write */
} Download;

static void
download_clear (Download *download)
{
  g_clear_pointer (&download->part, g_free);
  g_clear_pointer (&download->sum, g_checksum_free);
  g_clear_pointer (&download->hash, g_free);
  g_clear_error (&download->failure);
  if (download->fd >= 0)
    close (download->fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Download, download_clear)

[[gnu::format (printf, 2, 3)]] static gboolean
fail (GError **error, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, text);
  return FALSE;
}

static gboolean
fail_stopped (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  return FALSE;
}

static gboolean
check_stop (const UtHubCallbacks *callbacks, GError **error)
{
  return !callbacks->stop (callbacks->data) || fail_stopped (error);
}

gboolean
ut_download_pause (const UtHubCallbacks *callbacks, gint64 milliseconds, GError **error)
{
  const gint64 end = g_get_monotonic_time () + 1000 * milliseconds;
  for (gint64 left; (left = end - g_get_monotonic_time ()) > 0;)
    {
      if (!check_stop (callbacks, error))
        return FALSE;
      g_usleep ((gulong) MIN (left, G_USEC_PER_SEC / 10));
    }
  return TRUE;
}

/* ── what is here ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
fail_io (const Download *download, const char *what, GError **error)
{
  const int reason = errno;
  return fail (error, "%s: cannot be %s: %s%s", download->part, what, g_strerror (reason),
               reason == ENOSPC || reason == EDQUOT || reason == EFBIG
                   ? "; make room, or name another folder for the cache in HF_HOME, and the same command goes on"
                   : "");
}

/* A checksum of as much as there is of the file, which is nothing: what it begins with is not of the file. */
static void
reset_sum (Download *download)
{
  g_clear_pointer (&download->sum, g_checksum_free);
  const gboolean git = download->file->hash != NULL && strlen (download->file->hash) == 40;
  download->sum = g_checksum_new (git ? G_CHECKSUM_SHA1 : G_CHECKSUM_SHA256);
  if (git)
    {
      char header[32];
      const int n = g_snprintf (header, sizeof header, "blob %" G_GINT64_FORMAT, download->file->size);
      g_checksum_update (download->sum, (const guchar *) header, n + 1);
    }
}

static gboolean
start_anew (Download *download, GError **error)
{
  UtHubProgress *progress = &download->downloads->progress;
  progress->done -= MIN (progress->done, download->have);
  download->have = 0;
  reset_sum (download);
  return ftruncate (download->fd, 0) == 0 || fail_io (download, "emptied", error);
}

/* Opens the unfinished file, made where there is none, and has it alone: waits while another process does. A file system that knows no
 * locks is taken as it is; two processes then write the same bytes to the same places. */
static gboolean
open_locked (Download *download, GError **error)
{
  gboolean told = FALSE;
  download->fd = open (download->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (download->fd < 0)
    return fail_io (download, "opened", error);
  while (flock (download->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    {
      const UtHubCallbacks *callbacks = download->downloads->callbacks;
      if (!told)
        callbacks->note ("another process is fetching the same file; waiting for it", callbacks->data);
      told = TRUE;
      if (!ut_download_pause (callbacks, LOCK_PAUSE, error))
        return FALSE;
    }
  return TRUE;
}

/* Whether the file that was locked is still the one at its path: another process may have finished or removed it meanwhile. */
static gboolean
is_current (const Download *download)
{
  struct stat own, there;
  return fstat (download->fd, &own) == 0 && lstat (download->part, &there) == 0 && own.st_ino == there.st_ino
         && own.st_dev == there.st_dev;
}

/* Reads what an earlier attempt left, for the checksum. */
static gboolean
take_up (Download *download, GError **error)
{
  struct stat status;
  reset_sum (download);
  if (fstat (download->fd, &status) != 0)
    return fail_io (download, "read", error);
  if (!S_ISREG (status.st_mode))
    return fail (error, "%s: a file was expected", download->part);
  /* Of a file of unknown size nobody can tell whether it is whole. */
  if (status.st_size > download->file->size)
    return start_anew (download, error);
  g_autofree guchar *buffer = g_malloc (CHUNK);
  for (ssize_t n; (n = pread (download->fd, buffer, CHUNK, (off_t) download->have)) != 0;)
    {
      if (n < 0)
        return fail_io (download, "read", error);
      if (!check_stop (download->downloads->callbacks, error))
        return FALSE;
      g_checksum_update (download->sum, buffer, n);
      download->have += (guint64) n;
      download->downloads->progress.done += (guint64) n;
    }
  return TRUE;
}

/* ── what comes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
on_begin (guint64 at, void *data)
{
  Download *download = data;
  return at == download->have || start_anew (download, &download->failure);
}

static gboolean
write_all (Download *download, const guint8 *bytes, gsize n)
{
  for (gsize written = 0; written < n;)
    {
      const ssize_t w = pwrite (download->fd, bytes + written, n - written, (off_t) (download->have + written));
      if (w < 0 && errno != EINTR)
        return fail_io (download, "written", &download->failure);
      written += (gsize) MAX (w, 0);
    }
  return TRUE;
}

static gboolean
on_bytes (const void *bytes, gsize n, void *data)
{
  Download *download = data;
  UtDownloads *downloads = download->downloads;
  if (download->file->size >= 0 && n > (guint64) download->file->size - download->have)
    return fail (&download->failure, "%s: %s sends more than the %" G_GINT64_FORMAT " bytes that the file is said to have",
                 download->file->path, downloads->asked.host, download->file->size);
  if (!write_all (download, bytes, n))
    return FALSE;
  g_checksum_update (download->sum, bytes, (gssize) n);
  download->have += n;
  downloads->progress.done += n;
  downloads->progress.done_now += n;
  downloads->callbacks->progress (&downloads->progress, downloads->callbacks->data);
  return TRUE;
}

/* Whether the file is whole; where its size is not known, it is when an answer ended well. */
static gboolean
is_whole (const Download *download, gboolean ended)
{
  return download->file->size >= 0 ? download->have == (guint64) download->file->size : ended;
}

/* What an attempt failed by that nothing will come of. */
static gboolean
fail_reply (Download *download, UtHttpReply *reply, GError **error)
{
  if (reply->outcome == UT_HTTP_STOPPED)
    return fail_stopped (error);
  if (reply->outcome == UT_HTTP_GIVEN_UP)
    {
      g_propagate_error (error, g_steal_pointer (&download->failure));
      return FALSE;
    }
  if (reply->outcome == UT_HTTP_DONE)
    return fail (error, "%s: %s ends it after %" G_GUINT64_FORMAT " of %" G_GINT64_FORMAT " bytes", download->file->path,
                 download->downloads->asked.host, download->have, download->file->size);
  g_autofree char *why = ut_hub_explain (reply, &download->downloads->asked);
  return fail (error, "%s: %s%s", download->file->path, why,
               ut_http_may_pass (reply) ? "; what has come is kept, and the same command goes on from there" : "");
}

static gboolean
get_the_rest (Download *download, const char *url, GError **error)
{
  const UtHttpSink sink = { on_begin, on_bytes, download };
  gboolean ended = FALSE;
  for (unsigned failures = 0; !is_whole (download, ended);)
    {
      const guint64 before = download->have;
      g_auto (UtHttpReply) reply = ut_http_get (download->downloads->http, url, before, &sink);
      if (download->hash == NULL)
        download->hash = g_steal_pointer (&reply.checksum);
      ended = reply.outcome == UT_HTTP_DONE;
      if (is_whole (download, ended))
        break;
      failures = download->have >= before + MUCH ? 1 : failures + 1;
      if (failures == MAX_FAILURES || (!ended && !ut_http_may_pass (&reply)))
        return fail_reply (download, &reply, error);
      if (!ut_download_pause (download->downloads->callbacks, FIRST_PAUSE << (failures - 1), error))
        return FALSE;
    }
  return TRUE;
}

/* ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
check (Download *download, GError **error)
{
  const char *hash = g_checksum_get_string (download->sum);
  if (download->hash == NULL || g_str_equal (hash, download->hash))
    return TRUE;
  g_unlink (download->part);
  return fail (error,
               "%s: what came from %s is not the file: its checksum is %s, and %s was expected. It is removed; the same command "
               "fetches it anew",
               download->file->path, download->downloads->asked.host, hash, download->hash);
}

static gboolean
finish (Download *download, GError **error)
{
  if (!check (download, error))
    return FALSE;
  /* A power cut must not leave a file with its final name and no content. */
  if (fsync (download->fd) != 0)
    return fail_io (download, "written", error);
  return g_rename (download->part, download->path) == 0 || fail_io (download, "moved to its place", error);
}

static gboolean
is_there (const Download *download)
{
  struct stat status;
  return lstat (download->path, &status) == 0 && S_ISREG (status.st_mode)
         && (download->file->size < 0 || status.st_size == download->file->size);
}

gboolean
ut_download (UtDownloads *downloads, const UtHubFile *file, const char *url, const char *path, GError **error)
{
  for (;;)
    {
      g_auto (Download) download
          = { .downloads = downloads, .file = file, .path = path, .fd = -1, .hash = g_strdup (file->hash) };
      download.part = g_strconcat (path, UT_DOWNLOAD_SUFFIX, NULL);
      downloads->progress.file = file->path;
      if (!open_locked (&download, error))
        return FALSE;
      if (is_there (&download))
        {
          if (is_current (&download))
            g_unlink (download.part);
          downloads->progress.done += (guint64) MAX (file->size, 0);
          return TRUE;
        }
      if (is_current (&download))
        return take_up (&download, error) && get_the_rest (&download, url, error) && finish (&download, error);
    }
}
