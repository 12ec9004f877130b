#include "dataset/images.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "dataset/files.h"

/* No photograph comes near it; a name that leads to something larger is a mistake. */
#define MAX_BYTES ((goffset) 1 << 30)

typedef struct {
  char *id;
  char *path;     /* NULL: in the spool */
  goffset offset; /* there */
  size_t n_bytes; /* there */
} Place;

struct _UtImages {
  GArray *places;     /* Place */
  GHashTable *by_key; /* absolute path or digest to index + 1: each is looked at once */
  GHashTable *faults; /* absolute path to why it will not do, "" where it is not there */
  int spool;          /* -1 until needed */
  goffset spool_size;
};

static void
place_clear (gpointer data)
{
  Place *place = data;
  g_free (place->id);
  g_free (place->path);
}

UtImages *
ut_images_new (void)
{
  UtImages *images = g_new0 (UtImages, 1);
  images->places = g_array_new (FALSE, FALSE, sizeof (Place));
  g_array_set_clear_func (images->places, place_clear);
  images->by_key = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  images->faults = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  images->spool = -1;
  return images;
}

void
ut_images_free (UtImages *images)
{
  if (images == NULL)
    return;
  g_array_unref (images->places);
  g_hash_table_unref (images->by_key);
  g_hash_table_unref (images->faults);
  if (images->spool >= 0)
    close (images->spool);
  g_free (images);
}

static gboolean
find (UtImages *images, const char *key, unsigned *out_image)
{
  const unsigned found = GPOINTER_TO_UINT (g_hash_table_lookup (images->by_key, key));
  *out_image = found - 1;
  return found != 0;
}

static unsigned
add (UtImages *images, const char *key, Place place)
{
  g_array_append_val (images->places, place);
  g_hash_table_insert (images->by_key, g_strdup (key), GUINT_TO_POINTER (images->places->len));
  return images->places->len - 1;
}

/* --- Files ------------------------------------------------------------------------------------------------------------------- */

/* Why a file's size and kind will not do, or NULL. */
static const char *
fault_of_stat (const struct stat *s)
{
  if (!S_ISREG (s->st_mode))
    return "is no regular file";
  if (s->st_size == 0)
    return "is empty";
  return s->st_size > MAX_BYTES ? "is larger than 1 GiB" : NULL;
}

/* Why a file will not do: NULL where it will, "" where it is not there. */
static char *
fault_of_file (const char *path)
{
  struct stat s;
  if (stat (path, &s) != 0)
    return errno == ENOENT ? g_strdup ("") : g_strdup_printf ("image %s: %s", path, g_strerror (errno));
  const char *fault = fault_of_stat (&s);
  if (fault == NULL && access (path, R_OK) != 0)
    fault = "cannot be read";
  return fault != NULL ? g_strdup_printf ("image %s %s", path, fault) : NULL;
}

/* Whether `path` lies below `folder`, both absolute and without "..". */
static gboolean
is_below (const char *path, const char *folder)
{
  const size_t n = strlen (folder);
  return strncmp (path, folder, n) == 0 && (path[n] == '/' || (n > 0 && folder[n - 1] == '/'));
}

/* fault_of_file, asked once of each file; borrowed. */
static const char *
known_fault (UtImages *images, const char *path)
{
  const char *fault = g_hash_table_lookup (images->faults, path);
  char *found = fault == NULL ? fault_of_file (path) : NULL;
  if (found != NULL)
    g_hash_table_insert (images->faults, g_strdup (path), found);
  return fault != NULL ? fault : found;
}

gboolean
ut_images_add_file (UtImages *images, const char *const *folders, const char *name, unsigned *out_image, char **out_reason)
{
  gboolean inside = FALSE;
  for (const char *const *folder = folders; *folder != NULL; folder++)
    {
      g_autofree char *root = g_canonicalize_filename (*folder, NULL);
      g_autofree char *path = g_canonicalize_filename (name, root);
      if (!is_below (path, root))
        continue;
      inside = TRUE;
      if (find (images, path, out_image))
        return TRUE;
      const char *fault = known_fault (images, path);
      if (fault == NULL)
        {
          *out_image = add (images, path, (Place) { .id = g_strdup (name), .path = g_strdup (path) });
          return TRUE;
        }
      if (*fault != '\0')
        {
          *out_reason = g_strdup (fault);
          return FALSE;
        }
    }
  g_autofree char *searched = g_strjoinv (" and in ", (char **) folders);
  *out_reason = g_strdup_printf (inside ? "image %s is missing in %s (--images DIR looks elsewhere)" : "image %s lies outside %s", name, searched);
  return FALSE;
}

/* --- Bytes ------------------------------------------------------------------------------------------------------------------- */

static gboolean
write_all (int fd, const guint8 *bytes, size_t n, goffset offset)
{
  while (n > 0)
    {
      const ssize_t written = pwrite (fd, bytes, n, offset);
      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return FALSE;
      bytes += written;
      n -= (size_t) written;
      offset += written;
    }
  return TRUE;
}

gboolean
ut_images_add_bytes (UtImages *images, const void *bytes, size_t n_bytes, unsigned *out_image, GError **error)
{
  g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes, n_bytes);
  if (find (images, digest, out_image))
    return TRUE;
  if (images->spool < 0 && (images->spool = ut_files_temporary (error)) < 0)
    return FALSE;
  if (!write_all (images->spool, bytes, n_bytes, images->spool_size))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s/undertow: cannot keep the benchmark's images there: %s",
                   g_get_user_cache_dir (), g_strerror (errno));
      return FALSE;
    }
  Place place = { .id = g_strdup_printf ("sha256:%.16s", digest), .offset = images->spool_size, .n_bytes = n_bytes };
  images->spool_size += (goffset) n_bytes;
  *out_image = add (images, digest, place);
  return TRUE;
}

/* Of base64 within what may surround it: the text after "data:…,". */
static const char *
skip_data_prefix (const char *text, size_t *n)
{
  static const char prefix[] = "data:image/", marker[] = ";base64,";
  if (*n < strlen (prefix) || memcmp (text, prefix, strlen (prefix)) != 0)
    return text;
  const char *found = memmem (text, MIN (*n, 64), marker, strlen (marker));
  if (found == NULL)
    return text;
  found += strlen (marker);
  *n -= (size_t) (found - text);
  return found;
}

/* How many characters of base64 there are besides white space; -1 where there is another character, or padding elsewhere than at the
 * end. */
static gssize
count_base64 (const char *text, size_t n)
{
  gssize count = 0, padding = 0;
  for (size_t i = 0; i < n; i++)
    {
      if (g_ascii_isspace (text[i]))
        continue;
      if (text[i] == '=')
        padding++;
      else if (padding > 0 || !(g_ascii_isalnum (text[i]) || text[i] == '+' || text[i] == '/'))
        return -1;
      count++;
    }
  return padding <= 2 ? count : -1;
}

gboolean
ut_images_is_base64 (const char *text, size_t n)
{
  size_t rest = n;
  return skip_data_prefix (text, &rest) != text || (n > 64 && count_base64 (text, n) > 64);
}

gboolean
ut_images_add_base64 (UtImages *images, const char *text, size_t n, unsigned *out_image, char **out_reason, GError **error)
{
  text = skip_data_prefix (text, &n);
  const gssize count = count_base64 (text, n);
  if (count <= 0 || count % 4 != 0)
    {
      *out_reason = g_strdup ("the image is broken base64");
      return FALSE;
    }
  int state = 0;
  guint save = 0;
  g_autofree guchar *bytes = g_malloc (n / 4 * 3 + 3);
  const gsize n_bytes = g_base64_decode_step (text, n, bytes, &state, &save);
  return ut_images_add_bytes (images, bytes, n_bytes, out_image, error);
}

/* --- Loading ----------------------------------------------------------------------------------------------------------------- */

const char *
ut_images_id (UtImages *images, unsigned image)
{
  return g_array_index (images->places, Place, image).id;
}

/* Reads n bytes at an offset; NULL with errno set, to 0 where the file ends before. */
static guint8 *
read_all (int fd, size_t n, goffset offset)
{
  g_autofree guint8 *bytes = g_malloc (n);
  for (size_t have = 0; have < n;)
    {
      const ssize_t got = pread (fd, bytes + have, n - have, offset + (goffset) have);
      if (got < 0 && errno == EINTR)
        continue;
      if (got == 0)
        errno = 0;
      if (got <= 0)
        return NULL;
      have += (size_t) got;
    }
  return g_steal_pointer (&bytes);
}

/* The file may be another than when the benchmark was opened: a pipe must not block, nor a giant be read. */
static guint8 *
read_file (const char *path, size_t *out_n, GError **error)
{
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat s;
  if (fd < 0 || fstat (fd, &s) != 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", path, g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  const char *fault = fault_of_stat (&s);
  *out_n = (size_t) s.st_size;
  errno = 0;
  guint8 *bytes = fault == NULL ? read_all (fd, *out_n, 0) : NULL;
  const int code = errno;
  close (fd);
  if (fault != NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s %s", path, fault);
  else if (bytes == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", path, code != 0 ? g_strerror (code) : "shorter than it was");
  return bytes;
}

UtImage *
ut_images_load (UtImages *images, unsigned image, GError **error)
{
  const Place *place = &g_array_index (images->places, Place, image);
  size_t n = place->n_bytes;
  g_autofree guint8 *bytes = place->path != NULL ? read_file (place->path, &n, error) : read_all (images->spool, n, place->offset);
  if (bytes == NULL)
    {
      if (place->path == NULL)
        g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: cannot be read again: %s", place->id, g_strerror (errno));
      return NULL;
    }
  return ut_image_decode (bytes, n, place->path != NULL ? place->path : place->id, error);
}
