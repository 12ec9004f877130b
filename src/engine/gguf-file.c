#include "engine/gguf-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdckdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

void
ut_gguf_free (UtGguf *file)
{
  g_clear_pointer (&file->map, g_mapped_file_unref);
  g_clear_pointer (&file->values, g_hash_table_unref);
  g_clear_pointer (&file->tensors, g_hash_table_unref);
  g_free (file);
}

gboolean
ut_gguf_fail (GError **error, const char *path, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", path, text);
  return FALSE;
}

/* What is still to be read. */
typedef struct {
  const char *path;
  const guint8 *data;
  gsize size, at;
} Cursor;

/* The next n bytes; an error where there are not as many. */
static gboolean
take (Cursor *cursor, guint64 n, const guint8 **out, GError **error)
{
  if (n > cursor->size - cursor->at)
    {
      ut_gguf_fail (error, cursor->path, "the header goes past the end of the file (%zu bytes): truncated, or not a GGUF file",
                    cursor->size);
      return FALSE;
    }
  *out = cursor->data + cursor->at;
  cursor->at += n;
  return TRUE;
}

static guint32
get_u32 (const guint8 *data)
{
  guint32 value;
  memcpy (&value, data, sizeof value);
  return GUINT32_FROM_LE (value);
}

static guint64
get_u64 (const guint8 *data)
{
  guint64 value;
  memcpy (&value, data, sizeof value);
  return GUINT64_FROM_LE (value);
}

static gboolean
take_u32 (Cursor *cursor, guint32 *out, GError **error)
{
  const guint8 *data;
  if (!take (cursor, sizeof *out, &data, error))
    return FALSE;
  *out = get_u32 (data);
  return TRUE;
}

static gboolean
take_u64 (Cursor *cursor, guint64 *out, GError **error)
{
  const guint8 *data;
  if (!take (cursor, sizeof *out, &data, error))
    return FALSE;
  *out = get_u64 (data);
  return TRUE;
}

static gboolean
take_string (Cursor *cursor, guint64 *out_n, const guint8 **out, GError **error)
{
  return take_u64 (cursor, out_n, error) && take (cursor, *out_n, out, error);
}

/* The name of a key or a tensor, `what`: text that can be printed, found again and told from every other. */
static gboolean
take_name (Cursor *cursor, const char *what, GHashTable *known, char **out, GError **error)
{
  guint64 n;
  const guint8 *data;
  if (!take_string (cursor, &n, &data, error))
    return FALSE;
  if (n == 0 || n > G_MAXSSIZE || memchr (data, '\0', n) || !g_utf8_validate ((const char *) data, (gssize) n, NULL))
    return ut_gguf_fail (error, cursor->path, "%s %u has no readable name", what, g_hash_table_size (known));
  *out = g_strndup ((const char *) data, n);
  if (g_hash_table_contains (known, *out))
    {
      ut_gguf_fail (error, cursor->path, "%s “%s” stands twice", what, *out);
      g_clear_pointer (out, g_free);
      return FALSE;
    }
  return TRUE;
}

/* Bytes of an element; 0 for what has no fixed size. */
static gsize
element_size (guint32 type)
{
  switch (type)
    {
    case GGUF_TYPE_UINT8:
    case GGUF_TYPE_INT8:
    case GGUF_TYPE_BOOL:
      return 1;
    case GGUF_TYPE_UINT16:
    case GGUF_TYPE_INT16:
      return 2;
    case GGUF_TYPE_UINT32:
    case GGUF_TYPE_INT32:
    case GGUF_TYPE_FLOAT32:
      return 4;
    case GGUF_TYPE_UINT64:
    case GGUF_TYPE_INT64:
    case GGUF_TYPE_FLOAT64:
      return 8;
    default:
      return 0;
    }
}

/* Passes over n strings; *out is where they begin. */
static gboolean
take_string_array (Cursor *cursor, guint64 n, const guint8 **out, GError **error)
{
  *out = cursor->data + cursor->at;
  for (guint64 i = 0; i < n; i++)
    {
      guint64 length;
      const guint8 *data;
      if (!take_string (cursor, &length, &data, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
take_value (Cursor *cursor, const char *key, UtGgufValue *out, GError **error)
{
  guint32 type;
  *out = (UtGgufValue) { .n = 1 };
  if (!take_u32 (cursor, &type, error))
    return FALSE;
  out->is_array = type == GGUF_TYPE_ARRAY;
  if (out->is_array && (!take_u32 (cursor, &type, error) || !take_u64 (cursor, &out->n, error)))
    return FALSE;
  if (type != GGUF_TYPE_STRING && element_size (type) == 0)
    return ut_gguf_fail (error, cursor->path, "key “%s” is of the unknown type %u", key, type);
  out->type = (enum gguf_type) type;

  if (type == GGUF_TYPE_STRING && out->is_array)
    return take_string_array (cursor, out->n, &out->data, error);
  if (type == GGUF_TYPE_STRING)
    return take_string (cursor, &out->n, &out->data, error);
  guint64 n_bytes;
  if (ckd_mul (&n_bytes, out->n, element_size (type)))
    n_bytes = G_MAXUINT64; /* as good as past the end */
  return take (cursor, n_bytes, &out->data, error);
}

static gboolean
take_values (Cursor *cursor, guint64 n, GHashTable *values, GError **error)
{
  for (guint64 i = 0; i < n; i++)
    {
      g_autofree char *key = NULL;
      UtGgufValue value;
      if (!take_name (cursor, "key", values, &key, error) || !take_value (cursor, key, &value, error))
        return FALSE;
      g_hash_table_insert (values, g_steal_pointer (&key), g_memdup2 (&value, sizeof value));
    }
  return TRUE;
}

/* The bytes a tensor of this type and shape takes; FALSE where ggml has no such type, or the rows are not whole blocks of it, or the
 * number is too large to be true. */
static gboolean
tensor_size (guint32 type, const guint64 ne[GGML_MAX_DIMS], guint64 *out)
{
  if (type >= GGML_TYPE_COUNT)
    return FALSE;
  const gint64 block = ggml_blck_size ((enum ggml_type) type); /* 0 for the types that were withdrawn */
  if (block <= 0 || ne[0] % (guint64) block != 0)
    return FALSE;
  *out = ggml_type_size ((enum ggml_type) type);
  if (ckd_mul (out, *out, ne[0] / (guint64) block))
    return FALSE;
  for (gsize i = 1; i < GGML_MAX_DIMS; i++)
    if (ckd_mul (out, *out, ne[i]))
      return FALSE;
  return *out <= G_MAXINT64;
}

static gboolean
take_tensor (Cursor *cursor, const char *name, UtGgufTensor *out, GError **error)
{
  guint32 n_dims, type;
  if (strlen (name) >= GGML_MAX_NAME)
    return ut_gguf_fail (error, cursor->path, "tensor “%s”: a name of %d bytes at most was expected", name, GGML_MAX_NAME - 1);
  if (!take_u32 (cursor, &n_dims, error))
    return FALSE;
  if (n_dims > GGML_MAX_DIMS)
    return ut_gguf_fail (error, cursor->path, "tensor “%s” has %u dimensions: %d at most were expected", name, n_dims,
                         GGML_MAX_DIMS);
  for (guint32 i = 0; i < GGML_MAX_DIMS; i++)
    {
      out->ne[i] = 1;
      if (i < n_dims && !take_u64 (cursor, &out->ne[i], error))
        return FALSE;
      if (out->ne[i] == 0 || out->ne[i] > G_MAXINT64)
        return ut_gguf_fail (error, cursor->path, "tensor “%s”: dimension %u is not a positive number", name, i);
    }
  if (!take_u32 (cursor, &type, error) || !take_u64 (cursor, &out->offset, error))
    return FALSE;
  if (!tensor_size (type, out->ne, &out->size))
    return ut_gguf_fail (error, cursor->path,
                         "tensor “%s”: its type (%u) and shape (%" G_GUINT64_FORMAT " × %" G_GUINT64_FORMAT " × …) do not fit",
                         name, type, out->ne[0], out->ne[1]);
  return TRUE;
}

/* Rounds up to a multiple of a power of two; FALSE past 2^64. */
static gboolean
pad (guint64 *value, guint64 alignment)
{
  if (ckd_add (value, *value, alignment - 1))
    return FALSE;
  *value &= ~(alignment - 1);
  return TRUE;
}

/* The tensors' headers, then where their data lie: one after the other in the order of the headers, each aligned, all in the file. */
static gboolean
take_tensors (Cursor *cursor, guint64 n, guint64 alignment, GHashTable *tensors, GError **error)
{
  guint64 expected = 0, furthest = 0;
  g_autofree char *last = NULL;
  for (guint64 i = 0; i < n; i++)
    {
      g_autofree char *name = NULL;
      UtGgufTensor tensor;
      if (!take_name (cursor, "tensor", tensors, &name, error) || !take_tensor (cursor, name, &tensor, error))
        return FALSE;
      if (tensor.offset != expected)
        return ut_gguf_fail (error, cursor->path,
                             "tensor “%s” begins at byte %" G_GUINT64_FORMAT " of the data: %" G_GUINT64_FORMAT " was expected",
                             name, tensor.offset, expected);
      if (ckd_add (&furthest, tensor.offset, tensor.size) || (expected = furthest, !pad (&expected, alignment)))
        return ut_gguf_fail (error, cursor->path, "tensor “%s” is too large to be true", name);
      g_free (last);
      last = g_strdup (name);
      g_hash_table_insert (tensors, g_steal_pointer (&name), g_memdup2 (&tensor, sizeof tensor));
    }

  guint64 end = cursor->at;
  if (n > 0 && (!pad (&end, alignment) || ckd_add (&end, end, furthest) || end > cursor->size))
    return ut_gguf_fail (error, cursor->path,
                         "the file has %zu bytes, but tensor “%s” ends at byte %" G_GUINT64_FORMAT
                         ": truncated (was the download cut short?)",
                         cursor->size, last, end);
  return TRUE;
}

static gboolean
take_magic (Cursor *cursor, GError **error)
{
  const guint8 *magic;
  guint32 version;
  if (cursor->size < 4 || memcmp (cursor->data, GGUF_MAGIC, 4) != 0)
    return ut_gguf_fail (error, cursor->path, "not a GGUF file: one begins with “GGUF”");
  if (!take (cursor, 4, &magic, error) || !take_u32 (cursor, &version, error))
    return FALSE;
  /* Version 1 had other widths. A version that reads as a multiple of 65536 is that of a big-endian file. */
  if (version < 2 || version > GGUF_VERSION)
    return ut_gguf_fail (error, cursor->path, "GGUF version %u%s: 2 or %d was expected", version,
                         version & 0xffff ? "" : " (a big-endian file?)", GGUF_VERSION);
  return TRUE;
}

const UtGgufValue *
ut_gguf_find (const UtGguf *file, const char *key)
{
  return g_hash_table_lookup (file->values, key);
}

static gboolean
get_alignment (const UtGguf *file, guint64 *out, GError **error)
{
  const UtGgufValue *value = ut_gguf_find (file, GGUF_KEY_GENERAL_ALIGNMENT);
  *out = GGUF_DEFAULT_ALIGNMENT;
  if (!value)
    return TRUE;
  if (value->type == GGUF_TYPE_UINT32 && !value->is_array)
    *out = get_u32 (value->data);
  else
    *out = 0;
  if (*out == 0 || (*out & (*out - 1)) != 0)
    return ut_gguf_fail (error, file->path, "key “" GGUF_KEY_GENERAL_ALIGNMENT "”: a power of two (u32) was expected");
  return TRUE;
}

/* The whole file in memory, read as it is touched. Waits for nothing: a pipe is no model. */
static GMappedFile *
map_file (const char *path, GError **error)
{
  struct stat status;
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat (fd, &status) != 0)
    {
      ut_gguf_fail (error, path, "cannot be read: %s", g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  g_autoptr (GError) reason = NULL;
  GMappedFile *map = NULL;
  if (!S_ISREG (status.st_mode))
    ut_gguf_fail (error, path, "a file was expected, not a %s", S_ISDIR (status.st_mode) ? "folder" : "device or pipe");
  else if (!(map = g_mapped_file_new_from_fd (fd, FALSE, &reason)))
    ut_gguf_fail (error, path, "cannot be read: %s", reason->message);
  close (fd);
  return map;
}

UtGguf *
ut_gguf_open (const char *path, GError **error)
{
  g_autoptr (UtGguf) file = g_new0 (UtGguf, 1);
  file->path = path;
  file->map = map_file (path, error);
  if (!file->map)
    return NULL;
  file->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  file->tensors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  Cursor cursor = { .path = path,
                    .data = (const guint8 *) g_mapped_file_get_contents (file->map),
                    .size = g_mapped_file_get_length (file->map) };
  guint64 n_tensors, n_values, alignment;
  if (!take_magic (&cursor, error) || !take_u64 (&cursor, &n_tensors, error) || !take_u64 (&cursor, &n_values, error)
      || !take_values (&cursor, n_values, file->values, error) || !get_alignment (file, &alignment, error)
      || !take_tensors (&cursor, n_tensors, alignment, file->tensors, error))
    return NULL;
  return g_steal_pointer (&file);
}

char *
ut_gguf_string (const UtGguf *file, const char *key)
{
  const UtGgufValue *value = ut_gguf_find (file, key);
  if (!value || value->type != GGUF_TYPE_STRING || value->is_array)
    return NULL;
  return g_utf8_make_valid ((const char *) value->data, (gssize) value->n);
}

gboolean
ut_gguf_lists (const UtGguf *file, const char *key, const char *text)
{
  const UtGgufValue *value = ut_gguf_find (file, key);
  if (!value || value->type != GGUF_TYPE_STRING || !value->is_array)
    return FALSE;
  const guint64 length = strlen (text);
  const guint8 *at = value->data;
  for (guint64 i = 0; i < value->n; i++)
    {
      const guint64 n = get_u64 (at);
      if (n == length && memcmp (at + sizeof n, text, n) == 0)
        return TRUE;
      at += sizeof n + n;
    }
  return FALSE;
}

guint32
ut_gguf_u32 (const UtGgufValue *value)
{
  return get_u32 (value->data);
}

double
ut_gguf_float (const UtGgufValue *value, guint64 i)
{
  if (value->type == GGUF_TYPE_FLOAT32)
    {
      const guint32 bits = get_u32 (value->data + 4 * i);
      float number;
      memcpy (&number, &bits, sizeof number);
      return (double) number;
    }
  const guint64 bits = get_u64 (value->data + 8 * i);
  double number;
  memcpy (&number, &bits, sizeof number);
  return number;
}
