/* A GGUF file's header, read byte by byte and trusted in nothing: its keys, its tensors' shapes, and that their data lie in the file.
 * Which of them a model needs, and what they mean, is gguf-check's affair. */
#pragma once
#include <ggml.h>
#include <gguf.h>
#include <glib.h>

/* A value of the header. `data` points into the file: at a scalar, at scalars one after the other, at a string's bytes, or at strings,
 * each behind its length. */
typedef struct {
  enum gguf_type type; /* of the elements, where it is an array */
  gboolean is_array;
  guint64 n; /* elements; bytes for a string; 1 for another scalar */
  const guint8 *data;
} UtGgufValue;

typedef struct {
  guint64 ne[GGML_MAX_DIMS]; /* 1 past the last dimension */
  guint64 offset, size;      /* bytes, from the beginning of the tensor data */
} UtGgufTensor;

typedef struct {
  const char *path;
  GMappedFile *map;
  GHashTable *values;  /* char * → UtGgufValue * */
  GHashTable *tensors; /* char * → UtGgufTensor * */
} UtGguf;

/* Reads the whole header; waits for nothing, as a pipe is no model. `path` is borrowed for as long as the file lives. UT_ERROR_FAILED
 * for what is not a whole GGUF file. */
UtGguf *ut_gguf_open (const char *path, GError **error);
void ut_gguf_free (UtGguf *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtGguf, ut_gguf_free)

/* Sets UT_ERROR_FAILED, "path: …", and is FALSE. */
[[gnu::format (printf, 3, 4)]] gboolean ut_gguf_fail (GError **error, const char *path, const char *format, ...);

/* The value at `key`, NULL where there is none. */
const UtGgufValue *ut_gguf_find (const UtGguf *file, const char *key);

/* The string at `key`, made valid UTF-8; NULL where there is none. The caller owns it. */
char *ut_gguf_string (const UtGguf *file, const char *key);

/* Whether the strings at `key` hold `text`. */
gboolean ut_gguf_lists (const UtGguf *file, const char *key, const char *text);

/* Of a value of type u32; the i-th number of a value of type f32 or f64. */
guint32 ut_gguf_u32 (const UtGgufValue *value);
double ut_gguf_float (const UtGgufValue *value, guint64 i);
