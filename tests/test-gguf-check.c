/* gguf-check: a pair of small models is written byte by byte (layout: ggml's gguf.h) and broken in every way that is known to hurt,
 * then at random. */
#include "base/error.h"
#include "base/rng.h"
#include "engine/gguf-check.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* The types of gguf.h and ggml.h this test writes. */
enum { U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9, U64 = 10 };
enum { TENSOR_F32 = 0, TENSOR_Q4_0 = 2, TENSOR_WITHDRAWN = 4 };

/* A file to be: its parts in order, each under its name so that a test can replace or drop it. */
typedef struct {
  GPtrArray *values, *tensors; /* Part * */
} Model;

typedef struct {
  char *name;
  GByteArray *bytes; /* of a value: its type and data; of a tensor: its header without the name and the offset */
  guint64 size;      /* of a tensor: its data */
} Part;

static void
part_free (gpointer data)
{
  Part *part = data;
  g_free (part->name);
  g_byte_array_unref (part->bytes);
  g_free (part);
}

static Model *
model_new (void)
{
  Model *model = g_new0 (Model, 1);
  model->values = g_ptr_array_new_with_free_func (part_free);
  model->tensors = g_ptr_array_new_with_free_func (part_free);
  return model;
}

static void
model_free (Model *model)
{
  g_ptr_array_unref (model->values);
  g_ptr_array_unref (model->tensors);
  g_free (model);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Model, model_free)

static gboolean
drop (GPtrArray *parts, const char *name, guint *out_index)
{
  for (guint i = 0; i < parts->len; i++)
    if (g_str_equal (((Part *) parts->pdata[i])->name, name))
      {
        g_ptr_array_remove_index (parts, i);
        *out_index = i;
        return TRUE;
      }
  return FALSE;
}

/* A new part in the place of one of that name, or at the end. */
static Part *
replace (GPtrArray *parts, const char *name)
{
  Part *part = g_new0 (Part, 1);
  part->name = g_strdup (name);
  part->bytes = g_byte_array_new ();
  guint index = parts->len;
  drop (parts, name, &index);
  g_ptr_array_insert (parts, (int) index, part);
  return part;
}

static void
put_u32 (GByteArray *out, guint32 value)
{
  value = GUINT32_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

static void
put_u64 (GByteArray *out, guint64 value)
{
  value = GUINT64_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

static void
put_string (GByteArray *out, const char *text)
{
  put_u64 (out, strlen (text));
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
}

static void
put_float (GByteArray *out, float value)
{
  guint32 bits;
  memcpy (&bits, &value, sizeof bits);
  put_u32 (out, bits);
}

static GByteArray *
new_value (Model *model, const char *key, guint32 type)
{
  GByteArray *bytes = replace (model->values, key)->bytes;
  put_u32 (bytes, type);
  return bytes;
}

static void
set_u32 (Model *model, const char *key, guint32 value)
{
  put_u32 (new_value (model, key, U32), value);
}

static void
set_string (Model *model, const char *key, const char *value)
{
  put_string (new_value (model, key, STRING), value);
}

static void
set_float (Model *model, const char *key, float value)
{
  put_float (new_value (model, key, F32), value);
}

static void
set_bool (Model *model, const char *key, guint8 value)
{
  g_byte_array_append (new_value (model, key, BOOL), &value, 1);
}

static GByteArray *
set_array (Model *model, const char *key, guint32 type, guint64 n)
{
  GByteArray *bytes = new_value (model, key, ARRAY);
  put_u32 (bytes, type);
  put_u64 (bytes, n);
  return bytes;
}

static void
set_floats (Model *model, const char *key, guint64 n, float value)
{
  GByteArray *bytes = set_array (model, key, F32, n);
  for (guint64 i = 0; i < n; i++)
    put_float (bytes, value);
}

static void
unset (Model *model, const char *key)
{
  guint index;
  g_assert_true (drop (model->values, key, &index));
}

static void
set_typed_tensor (Model *model, const char *name, guint32 type, const guint64 ne[4])
{
  Part *part = replace (model->tensors, name);
  put_u32 (part->bytes, 4);
  part->size = sizeof (float);
  for (guint i = 0; i < 4; i++)
    {
      put_u64 (part->bytes, ne[i]);
      part->size *= ne[i];
    }
  put_u32 (part->bytes, type);
}

static void
set_tensor (Model *model, const char *name, guint64 n0, guint64 n1, guint64 n2, guint64 n3)
{
  set_typed_tensor (model, name, TENSOR_F32, (guint64[]) { n0, n1, n2, n3 });
}

static void
pad (GByteArray *out)
{
  while (out->len % 32 != 0)
    g_byte_array_append (out, (const guint8 *) "", 1);
}

static GByteArray *
serialise (const Model *model)
{
  GByteArray *out = g_byte_array_new ();
  g_byte_array_append (out, (const guint8 *) "GGUF", 4);
  put_u32 (out, 3);
  put_u64 (out, model->tensors->len);
  put_u64 (out, model->values->len);
  for (guint i = 0; i < model->values->len; i++)
    {
      const Part *part = model->values->pdata[i];
      put_string (out, part->name);
      g_byte_array_append (out, part->bytes->data, part->bytes->len);
    }
  guint64 offset = 0;
  for (guint i = 0; i < model->tensors->len; i++)
    {
      const Part *part = model->tensors->pdata[i];
      put_string (out, part->name);
      g_byte_array_append (out, part->bytes->data, part->bytes->len);
      put_u64 (out, offset);
      offset += (part->size + 31) / 32 * 32;
    }
  pad (out);
  if (offset < 1 << 20) /* larger ones are never meant to be there */
    for (guint64 i = 0; i < offset; i++)
      g_byte_array_append (out, (const guint8 *) "", 1);
  return out;
}

/* The text half of a Qwen3-VL with one deepstack layer. */
static Model *
new_text (void)
{
  Model *model = model_new ();
  set_string (model, "general.architecture", "qwen3vl");
  set_string (model, "general.type", "model");
  set_u32 (model, "qwen3vl.block_count", 2);
  set_u32 (model, "qwen3vl.context_length", 512);
  set_u32 (model, "qwen3vl.embedding_length", 8);
  set_u32 (model, "qwen3vl.attention.head_count", 4);
  set_u32 (model, "qwen3vl.attention.head_count_kv", 2);
  set_float (model, "qwen3vl.rope.freq_base", 10000.0f);
  set_u32 (model, "qwen3vl.n_deepstack_layers", 1);
  GByteArray *tokens = set_array (model, "tokenizer.ggml.tokens", STRING, 2);
  put_string (tokens, "<s>");
  put_string (tokens, "");
  GByteArray *scores = set_array (model, "tokenizer.ggml.scores", F32, 2);
  put_float (scores, -INFINITY);
  put_float (scores, 0.0f);
  set_tensor (model, "token_embd.weight", 8, 2, 1, 1);
  set_tensor (model, "output_norm.weight", 7, 1, 1, 1); /* not a multiple of the alignment */
  return model;
}

/* Its vision half: patches of 4 pixels in images of 16, so 16 positions; 2 × 2 patches of width 6 merge into one of 24. */
static Model *
new_vision (void)
{
  Model *model = model_new ();
  set_string (model, "general.architecture", "clip");
  set_string (model, "general.type", "mmproj");
  set_bool (model, "clip.has_vision_encoder", 1);
  set_string (model, "clip.projector_type", "qwen3vl_merger");
  set_bool (model, "clip.use_gelu", 1);
  set_u32 (model, "clip.vision.projection_dim", 8);
  set_u32 (model, "clip.vision.image_size", 16);
  set_u32 (model, "clip.vision.patch_size", 4);
  set_u32 (model, "clip.vision.embedding_length", 6);
  set_u32 (model, "clip.vision.feed_forward_length", 12);
  set_u32 (model, "clip.vision.block_count", 2);
  set_u32 (model, "clip.vision.attention.head_count", 2);
  set_float (model, "clip.vision.attention.layer_norm_epsilon", 1e-6f);
  set_u32 (model, "clip.vision.spatial_merge_size", 2);
  set_floats (model, "clip.vision.image_mean", 3, 0.5f);
  set_floats (model, "clip.vision.image_std", 3, 0.5f);
  set_tensor (model, "v.patch_embd.weight", 4, 4, 3, 6);
  set_tensor (model, "v.patch_embd.weight.1", 4, 4, 3, 6);
  set_tensor (model, "v.position_embd.weight", 6, 16, 1, 1);
  set_tensor (model, "v.deepstack.1.fc2.weight", 24, 8, 1, 1);
  set_tensor (model, "mm.0.weight", 24, 24, 1, 1);
  set_tensor (model, "mm.2.bias", 8, 1, 1, 1);
  return model;
}

/* A folder with the two files, model.gguf and mmproj.gguf. */
typedef struct {
  char *folder, *model, *mmproj;
} Files;

static void
set_up (Files *files, gconstpointer data)
{
  (void) data;
  files->folder = g_dir_make_tmp ("undertow-XXXXXX", NULL);
  g_assert_nonnull (files->folder);
  files->model = g_build_filename (files->folder, "model.gguf", NULL);
  files->mmproj = g_build_filename (files->folder, "mmproj.gguf", NULL);
}

static void
tear_down (Files *files, gconstpointer data)
{
  (void) data;
  g_unlink (files->model);
  g_unlink (files->mmproj);
  g_rmdir (files->folder);
  g_free (files->folder);
  g_free (files->model);
  g_free (files->mmproj);
}

static void
write_bytes (const char *path, const guint8 *bytes, gsize n)
{
  g_autoptr (GError) error = NULL;
  g_file_set_contents_full (path, (const char *) bytes, (gssize) n, G_FILE_SET_CONTENTS_NONE, 0600, &error);
  g_assert_no_error (error);
}

static void
write_model (const char *path, const Model *model)
{
  g_autoptr (GByteArray) bytes = serialise (model);
  write_bytes (path, bytes->data, bytes->len);
}

/* The error names the file and each of the words, up to a NULL. */
static void
assert_says (GError *error, const char *path, const char *const *words)
{
  g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, path));
  for (; *words; words++)
    if (!strstr (error->message, *words))
      g_error ("no “%s” in: %s", *words, error->message);
}

#define WORDS(...) ((const char *const[]) { __VA_ARGS__, NULL })

static void
assert_bad_model (const Files *files, const Model *model, const char *const *words)
{
  g_autoptr (GError) error = NULL;
  write_model (files->model, model);
  g_assert_false (ut_gguf_check_model (files->model, &error));
  assert_says (error, files->model, words);
}

static void
assert_bad_mmproj (const Files *files, const Model *model, const Model *mmproj, const char *const *words)
{
  g_autoptr (GError) error = NULL;
  write_model (files->model, model);
  write_model (files->mmproj, mmproj);
  g_assert_false (ut_gguf_check_mmproj (files->model, files->mmproj, &error));
  assert_says (error, files->mmproj, words);
}

static void
assert_good_pair (const Files *files, const Model *model, const Model *mmproj)
{
  g_autoptr (GError) error = NULL;
  write_model (files->model, model);
  write_model (files->mmproj, mmproj);
  ut_gguf_check_model (files->model, &error);
  g_assert_no_error (error);
  ut_gguf_check_mmproj (files->model, files->mmproj, &error);
  g_assert_no_error (error);
}

static void
test_good (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  assert_good_pair (files, model, mmproj);

  /* As Qwen3-VL-MoE; with another alignment than the default, were it a power of two. */
  set_string (model, "general.architecture", "llama");
  g_autoptr (GError) error = NULL;
  set_u32 (model, "general.alignment", 24);
  assert_bad_model (files, model, WORDS ("general.alignment", "power of two"));
}

/* What is not in the table is let through: libmtmd knows more projectors and architectures than we do. */
static void
test_unknown_family (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_string (mmproj, "clip.projector_type", "of_next_year");
  assert_good_pair (files, model, mmproj);

  /* A mixed model names its projectors one a modality. */
  unset (mmproj, "clip.projector_type");
  set_string (mmproj, "clip.vision.projector_type", "qwen3vl_merger");
  assert_good_pair (files, model, mmproj);
}

static void
test_no_file (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_assert_false (ut_gguf_check_model (files->model, &error));
  assert_says (error, files->model, WORDS ("cannot be read", "No such file"));
  g_clear_error (&error);
  g_assert_false (ut_gguf_check_model (files->folder, &error));
  assert_says (error, files->folder, WORDS ("folder"));
  g_clear_error (&error);
  g_assert_cmpint (mkfifo (files->model, 0600), ==, 0);
  g_assert_false (ut_gguf_check_model (files->model, &error));
  assert_says (error, files->model, WORDS ("pipe"));
}

static void
test_not_gguf (Files *files, gconstpointer data)
{
  (void) data;
  static const char *const contents[] = { "", "GGU", "\x89PNG\r\n\x1a\n and so on", "<!DOCTYPE html><title>404</title>" };
  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autoptr (GError) error = NULL;
      write_bytes (files->model, (const guint8 *) contents[i], strlen (contents[i]));
      g_assert_false (ut_gguf_check_model (files->model, &error));
      assert_says (error, files->model, WORDS ("not a GGUF file"));
    }
}

static void
test_version (Files *files, gconstpointer data)
{
  (void) data;
  static const guint32 versions[] = { 0, 1, 4, 0x03000000 };
  g_autoptr (Model) model = new_text ();
  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GByteArray) bytes = serialise (model);
      const guint32 version = GUINT32_TO_LE (versions[i]);
      memcpy (bytes->data + 4, &version, sizeof version);
      write_bytes (files->model, bytes->data, bytes->len);
      g_assert_false (ut_gguf_check_model (files->model, &error));
      assert_says (error, files->model, WORDS ("version"));
    }
}

/* Cut at every byte: always an error, in the data one that says so. */
static void
test_truncated (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (GByteArray) bytes = serialise (model);
  const guint used = bytes->len - 4; /* the last tensor has 28 bytes in its 32 */
  for (guint n = 0; n < used; n++)
    {
      g_autoptr (GError) error = NULL;
      write_bytes (files->model, bytes->data, n);
      g_assert_false (ut_gguf_check_model (files->model, &error));
      g_assert_error (error, UT_ERROR, UT_ERROR_FAILED);
      if (n == used - 1)
        assert_says (error, files->model, WORDS ("truncated", "output_norm.weight"));
    }
  write_bytes (files->model, bytes->data, used);
  g_assert_true (ut_gguf_check_model (files->model, NULL));
}

/* Counts and lengths no file could hold, at every place where one stands. */
static void
test_huge_counts (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (GByteArray) bytes = serialise (model);
  static const guint64 huge[]
      = { G_MAXUINT64, G_MAXINT64, (guint64) 1 << 63, G_MAXUINT64 / 8 + 1, (guint64) 1 << 32, 0x7fffffff };
  for (gsize i = 0; i < G_N_ELEMENTS (huge); i++)
    for (guint at = 8; at + 8 <= bytes->len; at++)
      {
        g_autoptr (GError) error = NULL;
        g_autofree guint8 *copy = g_memdup2 (bytes->data, bytes->len);
        const guint64 value = GUINT64_TO_LE (huge[i]);
        memcpy (copy + at, &value, sizeof value);
        write_bytes (files->model, copy, bytes->len);
        g_assert_true (ut_gguf_check_model (files->model, &error) == (error == NULL));
      }
}

static void
test_swapped (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  assert_bad_model (files, mmproj, WORDS ("general.architecture", "“clip”", "swapped"));
  assert_bad_mmproj (files, mmproj, model, WORDS ("general.architecture", "“qwen3vl”", "“clip”", "swapped"));
  assert_bad_mmproj (files, model, model, WORDS ("general.architecture", "“clip”"));

  g_autoptr (GError) error = NULL;
  write_model (files->mmproj, mmproj);
  g_assert_false (ut_gguf_check_mmproj (files->mmproj, files->mmproj, &error));
  assert_says (error, files->mmproj, WORDS ("swapped"));
}

static void
test_other_kinds (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  set_string (model, "general.type", "adapter");
  assert_bad_model (files, model, WORDS ("general.type", "“adapter”", "“model”"));
  unset (model, "general.type");
  unset (model, "general.architecture");
  assert_bad_model (files, model, WORDS ("general.architecture", "missing"));
  set_u32 (model, "general.architecture", 3);
  assert_bad_model (files, model, WORDS ("general.architecture"));
}

static void
test_text_keys (Files *files, gconstpointer data)
{
  (void) data;
  static const char *const keys[]
      = { "qwen3vl.embedding_length", "qwen3vl.block_count", "qwen3vl.context_length", "qwen3vl.attention.head_count" };
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (Model) model = new_text ();
      set_u32 (model, keys[i], 0);
      assert_bad_model (files, model, WORDS (keys[i], "at least 1"));
      set_float (model, keys[i], 8.0f);
      assert_bad_model (files, model, WORDS (keys[i], "f32", "u32"));
      unset (model, keys[i]);
      assert_bad_model (files, model, WORDS (keys[i], "missing"));
    }
}

static void
test_text_heads (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  set_u32 (model, "qwen3vl.attention.head_count_kv", 3);
  assert_bad_model (files, model, WORDS ("head_count_kv", "3", "divisor"));
  set_u32 (model, "qwen3vl.attention.head_count_kv", 1);
  set_u32 (model, "qwen3vl.attention.head_count", 5);
  assert_bad_model (files, model, WORDS ("head_count", "5", "divisor"));

  /* Qwen3's heads need not share the width: their length stands beside. */
  g_autoptr (GError) error = NULL;
  set_u32 (model, "qwen3vl.attention.key_length", 16);
  write_model (files->model, model);
  ut_gguf_check_model (files->model, &error);
  g_assert_no_error (error);
}

static void
test_not_finite (Files *files, gconstpointer data)
{
  (void) data;
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (Model) model = new_text ();
      set_float (model, "qwen3vl.rope.freq_base", bad[i]);
      assert_bad_model (files, model, WORDS ("qwen3vl.rope.freq_base", "finite"));

      g_autoptr (Model) text = new_text ();
      g_autoptr (Model) mmproj = new_vision ();
      set_floats (mmproj, "clip.vision.image_mean", 3, bad[i]);
      assert_bad_mmproj (files, text, mmproj, WORDS ("clip.vision.image_mean", "finite"));
    }
}

static void
test_vision_keys (Files *files, gconstpointer data)
{
  (void) data;
  static const char *const keys[] = { "clip.vision.embedding_length", "clip.vision.attention.head_count",
                                      "clip.vision.block_count", "clip.vision.patch_size" };
  g_autoptr (Model) model = new_text ();
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (Model) mmproj = new_vision ();
      set_u32 (mmproj, keys[i], 0);
      assert_bad_mmproj (files, model, mmproj, WORDS (keys[i], "at least 1"));
      set_u32 (mmproj, keys[i], 0x80000000);
      assert_bad_mmproj (files, model, mmproj, WORDS (keys[i]));
      put_u64 (new_value (mmproj, keys[i], U64), 2);
      assert_bad_mmproj (files, model, mmproj, WORDS (keys[i], "u64", "u32"));
      unset (mmproj, keys[i]);
      assert_bad_mmproj (files, model, mmproj, WORDS (keys[i], "missing"));
    }
}

static void
test_vision_heads (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_u32 (mmproj, "clip.vision.attention.head_count", 4);
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.vision.attention.head_count", "4", "divisor", "6"));
}

static void
test_vision_modality (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_bool (mmproj, "clip.has_vision_encoder", 0);
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.has_vision_encoder"));
  set_u32 (mmproj, "clip.has_vision_encoder", 1);
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.has_vision_encoder", "bool"));
  unset (mmproj, "clip.has_vision_encoder");
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.has_vision_encoder"));
  set_bool (mmproj, "clip.has_vision_encoder", 1);
  unset (mmproj, "clip.projector_type");
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.projector_type", "missing"));
}

static void
test_vision_colours (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_floats (mmproj, "clip.vision.image_std", 2, 0.5f);
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.vision.image_std", "three"));
  set_floats (mmproj, "clip.vision.image_std", 3, 0.0f);
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.vision.image_std", "not above 0"));
  set_floats (mmproj, "clip.vision.image_std", 3, 1.0f);
  unset (mmproj, "clip.vision.image_mean");
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.vision.image_mean", "three"));
}

/* Types libmtmd's getters abort on. */
static void
test_vision_types (Files *files, gconstpointer data)
{
  (void) data;
  static const char *const keys[]
      = { "clip.use_gelu", "clip.vision.feed_forward_length", "clip.vision.attention.layer_norm_epsilon",
          "clip.vision.spatial_merge_size", "clip.vision.image_grid_pinpoints" };
  g_autoptr (Model) model = new_text ();
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (Model) mmproj = new_vision ();
      set_string (mmproj, keys[i], "2");
      assert_bad_mmproj (files, model, mmproj, WORDS (keys[i], "str"));
    }
  g_autoptr (Model) mmproj = new_vision ();
  GByteArray *pinpoints = set_array (mmproj, "clip.vision.image_grid_pinpoints", I32, 3);
  for (guint32 i = 0; i < 3; i++)
    put_u32 (pinpoints, 336);
  assert_bad_mmproj (files, model, mmproj, WORDS ("image_grid_pinpoints", "pairs"));
}

/* Sizes that libmtmd takes as they stand, and computes garbage or aborts with. */
static void
test_vision_shapes (Files *files, gconstpointer data)
{
  (void) data;
  static const struct {
    const char *key;
    guint32 value;
    const char *tensor;
  } cases[] = {
    { "clip.vision.patch_size", 8, "v.patch_embd.weight" },
    { "clip.vision.embedding_length", 12, "v.patch_embd.weight" },
    { "clip.vision.image_size", 32, "v.position_embd.weight" },
    { "clip.vision.spatial_merge_size", 1, "mm.0.weight" },
  };
  g_autoptr (Model) model = new_text ();
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Model) mmproj = new_vision ();
      set_u32 (mmproj, cases[i].key, cases[i].value);
      assert_bad_mmproj (files, model, mmproj, WORDS (cases[i].key, cases[i].tensor));
    }
  g_autoptr (Model) mmproj = new_vision ();
  set_u32 (mmproj, "clip.vision.spatial_merge_size", 0);
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.vision.spatial_merge_size", "at least 1"));
  set_u32 (mmproj, "clip.vision.spatial_merge_size", 0x7fffffff);
  assert_bad_mmproj (files, model, mmproj, WORDS ("clip.vision.spatial_merge_size", "65536"));
}

static void
test_pair_widths (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_tensor (mmproj, "mm.2.bias", 16, 1, 1, 1);
  assert_bad_mmproj (files, model, mmproj, WORDS ("mm.2.bias", "16", "8", "qwen3vl.embedding_length", files->model));
  guint index;
  g_assert_true (drop (mmproj->tensors, "mm.2.bias", &index));
  assert_bad_mmproj (files, model, mmproj, WORDS ("mm.2.bias", "missing"));
}

static void
test_pair_deepstack (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_u32 (model, "qwen3vl.n_deepstack_layers", 3);
  assert_bad_mmproj (files, model, mmproj, WORDS ("1 deepstack", "3 were", "qwen3vl.n_deepstack_layers"));
}

/* As wide as each other, and of two families. */
static void
test_pair_families (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_string (mmproj, "clip.projector_type", "qwen2.5vl_merger");
  assert_bad_mmproj (files, model, mmproj, WORDS ("“qwen2.5vl_merger”", "qwen2vl", "“qwen3vl”", files->model));
  set_string (mmproj, "clip.projector_type", "idefics3");
  assert_bad_mmproj (files, model, mmproj, WORDS ("“idefics3”", "llama", "“qwen3vl”"));
  set_string (mmproj, "clip.projector_type", "mlp");
  assert_bad_mmproj (files, model, mmproj, WORDS ("“mlp”", "llama, qwen2", "“qwen3vl”"));
}

/* Of the same architecture, as many models are Llamas, and not made for this projector: its marks are no tokens there. */
static void
test_pair_tokens (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  set_string (model, "general.architecture", "llama");
  set_u32 (model, "llama.embedding_length", 8);
  set_u32 (model, "llama.block_count", 2);
  set_u32 (model, "llama.context_length", 512);
  set_u32 (model, "llama.attention.head_count", 4);
  set_string (mmproj, "clip.projector_type", "idefics3");
  set_tensor (mmproj, "mm.model.fc.weight", 6, 8, 1, 1);
  assert_bad_mmproj (files, model, mmproj, WORDS ("“idefics3”", "“llama”", "<fake_token_around_image>", files->model));
  put_string (set_array (model, "tokenizer.ggml.tokens", STRING, 1), "<fake_token_around_image>");
  assert_good_pair (files, model, mmproj);
}

static void
test_tensors (Files *files, gconstpointer data)
{
  (void) data;
  {
    g_autoptr (Model) model = new_text ();
    set_tensor (model, "w", 0, 1, 1, 1);
    assert_bad_model (files, model, WORDS ("“w”", "dimension 0"));
    set_tensor (model, "w", (guint64) 1 << 40, (guint64) 1 << 40, 1, 1);
    assert_bad_model (files, model, WORDS ("“w”"));
    set_typed_tensor (model, "w", TENSOR_Q4_0, (guint64[]) { 33, 1, 1, 1 }); /* blocks of 32 */
    assert_bad_model (files, model, WORDS ("“w”", "do not fit"));
    set_typed_tensor (model, "w", TENSOR_WITHDRAWN, (guint64[]) { 32, 1, 1, 1 });
    assert_bad_model (files, model, WORDS ("“w”", "do not fit"));
    set_typed_tensor (model, "w", 9999, (guint64[]) { 32, 1, 1, 1 });
    assert_bad_model (files, model, WORDS ("“w”", "9999"));
    set_tensor (model, "w", 1 << 20, 1 << 10, 1, 1);
    assert_bad_model (files, model, WORDS ("“w”", "truncated"));
  }
  g_autoptr (Model) model = new_text ();
  g_autofree char *name = g_strnfill (64, 'x');
  set_tensor (model, name, 1, 1, 1, 1);
  assert_bad_model (files, model, WORDS (name, "63 bytes"));
}

static void
test_names (Files *files, gconstpointer data)
{
  (void) data;
  {
    g_autoptr (Model) model = new_text ();
    set_u32 (model, "twice", 1);
    set_u32 (model, "other", 1);
    Part *part = model->values->pdata[model->values->len - 1];
    strcpy (part->name, "twice");
    assert_bad_model (files, model, WORDS ("“twice”", "twice"));
    part->name[0] = '\xff';
    assert_bad_model (files, model, WORDS ("no readable name"));
    part->name[0] = '\0';
    assert_bad_model (files, model, WORDS ("no readable name"));
  }
  g_autoptr (Model) model = new_text ();
  new_value (model, "odd", 77);
  assert_bad_model (files, model, WORDS ("“odd”", "77"));
  set_array (model, "odd", ARRAY, 1); /* arrays of arrays do not exist */
  assert_bad_model (files, model, WORDS ("“odd”"));
}

/* Broken at random, both halves: a verdict always, and an error with every bad one. The address sanitizer makes more of it. */
static void
test_fuzz (Files *files, gconstpointer data)
{
  (void) data;
  g_autoptr (Model) model = new_text ();
  g_autoptr (Model) mmproj = new_vision ();
  const Model *const models[] = { model, mmproj };
  const char *const paths[] = { files->model, files->mmproj };
  UtRng rng = ut_rng_init (1, "gguf-check", "fuzz", 0);
  for (guint round = 0; round < 6000; round++)
    {
      const guint half = round % 2;
      write_model (paths[1 - half], models[1 - half]);
      g_autoptr (GByteArray) bytes = serialise (models[half]);
      /* Mostly in the header, which is the longer part of these files. */
      const guint n_changes = 1 + (guint) ut_rng_below (&rng, 4);
      for (guint i = 0; i < n_changes; i++)
        bytes->data[4 + ut_rng_below (&rng, bytes->len - 4)] = (guint8) ut_rng_next (&rng);
      const gsize n = ut_rng_below (&rng, 8) == 0 ? ut_rng_below (&rng, bytes->len) : bytes->len;
      write_bytes (paths[half], bytes->data, n);

      g_autoptr (GError) model_error = NULL;
      g_assert_true (ut_gguf_check_model (files->model, &model_error) == (model_error == NULL));
      g_autoptr (GError) mmproj_error = NULL;
      g_assert_true (ut_gguf_check_mmproj (files->model, files->mmproj, &mmproj_error) == (mmproj_error == NULL));
    }
}

#define ADD(name, function) g_test_add ("/gguf-check/" name, Files, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("good", test_good);
  ADD ("unknown-family", test_unknown_family);
  ADD ("no-file", test_no_file);
  ADD ("not-gguf", test_not_gguf);
  ADD ("version", test_version);
  ADD ("truncated", test_truncated);
  ADD ("huge-counts", test_huge_counts);
  ADD ("swapped", test_swapped);
  ADD ("other-kinds", test_other_kinds);
  ADD ("text-keys", test_text_keys);
  ADD ("text-heads", test_text_heads);
  ADD ("not-finite", test_not_finite);
  ADD ("vision-keys", test_vision_keys);
  ADD ("vision-heads", test_vision_heads);
  ADD ("vision-modality", test_vision_modality);
  ADD ("vision-colours", test_vision_colours);
  ADD ("vision-types", test_vision_types);
  ADD ("vision-shapes", test_vision_shapes);
  ADD ("pair-widths", test_pair_widths);
  ADD ("pair-deepstack", test_pair_deepstack);
  ADD ("pair-families", test_pair_families);
  ADD ("pair-tokens", test_pair_tokens);
  ADD ("tensors", test_tensors);
  ADD ("names", test_names);
  ADD ("fuzz", test_fuzz);
  return g_test_run ();
}
