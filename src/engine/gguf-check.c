#include "engine/gguf-check.h"

#include <ggml.h>
#include <gguf.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "engine/gguf-file.h"

/* ── keys and shapes ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A u32 of at least `min` at `key`. libmtmd aborts on a value of any other type. */
static gboolean
require_u32 (const UtGguf *file, const char *key, guint32 min, guint32 *out, GError **error)
{
  const UtGgufValue *value = ut_gguf_find (file, key);
  if (!value)
    return ut_gguf_fail (error, file->path, "key “%s” is missing: a whole number (u32) of at least %u was expected", key, min);
  if (value->is_array || value->type != GGUF_TYPE_UINT32)
    return ut_gguf_fail (error, file->path, "key “%s” is of type %s%s: a whole number (u32) was expected", key,
                         gguf_type_name (value->type), value->is_array ? " array" : "");
  *out = ut_gguf_u32 (value);
  /* The libraries hold these in an int32_t. */
  if (*out < min || *out > G_MAXINT32)
    return ut_gguf_fail (error, file->path, "key “%s” is %u: at least %u was expected", key, *out, min);
  return TRUE;
}

/* The same where the key may be absent: *out stays as it was then. */
static gboolean
optional_u32 (const UtGguf *file, const char *key, guint32 min, guint32 *out, GError **error)
{
  return !ut_gguf_find (file, key) || require_u32 (file, key, min, out, error);
}

static gboolean
optional_type (const UtGguf *file, const char *key, enum gguf_type type, gboolean is_array, GError **error)
{
  const UtGgufValue *value = ut_gguf_find (file, key);
  if (!value || (value->type == type && value->is_array == is_array))
    return TRUE;
  return ut_gguf_fail (error, file->path, "key “%s” is of type %s%s: %s%s was expected", key, gguf_type_name (value->type),
                       value->is_array ? " array" : "", gguf_type_name (type), is_array ? " array" : "");
}

/* No hyperparameter may be NaN or infinite: the numbers computed with it would be, or would look right and not be. A tokenizer's
 * scores are no hyperparameters. */
static gboolean
check_finite (const UtGguf *file, GError **error)
{
  GHashTableIter iter;
  gpointer key, entry;
  g_hash_table_iter_init (&iter, file->values);
  while (g_hash_table_iter_next (&iter, &key, &entry))
    {
      const UtGgufValue *value = entry;
      if ((value->type != GGUF_TYPE_FLOAT32 && value->type != GGUF_TYPE_FLOAT64) || g_str_has_prefix (key, "tokenizer."))
        continue;
      for (guint64 i = 0; i < value->n; i++)
        if (!isfinite (ut_gguf_float (value, i)))
          return ut_gguf_fail (error, file->path, "key “%s” is not a finite number", (const char *) key);
    }
  return TRUE;
}

/* Dimension `dim` of a tensor; 0 where there is no such tensor. */
static guint64
get_dimension (const UtGguf *file, const char *name, unsigned dim)
{
  const UtGgufTensor *tensor = g_hash_table_lookup (file->tensors, name);
  return tensor ? tensor->ne[dim] : 0;
}

/* The same where the tensor must be there and have this size. `why` says what the size follows from. */
static gboolean
require_dimension (const UtGguf *file, const char *name, unsigned dim, guint64 expected, const char *why, GError **error)
{
  const guint64 size = get_dimension (file, name, dim);
  if (size == 0)
    return ut_gguf_fail (error, file->path, "tensor “%s” is missing", name);
  if (size != expected)
    return ut_gguf_fail (error, file->path,
                         "tensor “%s”: dimension %u is %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " was expected (%s)", name, dim,
                         size, expected, why);
  return TRUE;
}

/* ------------------------------------------------------------------ families of models */

#define CLIP "clip"
#define VISION "clip.vision."

/* A text half that a projector feeds: its general.architecture, and where many other models share that, a token that its vocabulary has
 * and theirs do not. */
typedef struct {
  const char *arch, *token;
} Text;

/* A projector of libmtmd and the language models it feeds. Only what is sure stands here: a projector or an architecture that is not
 * in this table is let through. Shapes are those of clip_n_mmproj_embd and the graphs of llama.cpp's tools/mtmd, pairs those of its
 * converter. */
typedef struct {
  const char *projector;
  Text texts[8];
  struct {
    const char *tensor;
    unsigned dim;
  } output, input;       /* what is as wide as the text half, and as the merged vision tokens; NULL where that is not as simple */
  const char *merge_key; /* how many patches a side become one token; NULL for no merging in the projector's input */
  guint32 merge_default;
  gboolean square_positions; /* one learnt position a patch of a square image, perhaps one more for a class token */
} Family;

#define QWEN_MERGER { "mm.2.bias", 0 }, { "mm.0.weight", 0 }, VISION "spatial_merge_size", 2
#define SCALED VISION "projector.scale_factor", 1, TRUE
#define ANY_SHAPE { NULL, 0 }, { NULL, 0 }, NULL, 1, FALSE
#define IDEFICS_TOKEN "<fake_token_around_image>"

static const Family families[] = {
  { "qwen2vl_merger", { { "qwen2vl", NULL }, { "llama", "<|file|>" } }, QWEN_MERGER, FALSE }, /* Sarashina2.2-Vision is a Llama */
  { "qwen2.5vl_merger", { { "qwen2vl", NULL } }, QWEN_MERGER, FALSE },
  { "qwen2.5o", { { "qwen2vl", NULL } }, QWEN_MERGER, FALSE },
  { "qwen3vl_merger",
    { { "qwen3vl", NULL }, { "qwen3vlmoe", NULL }, { "qwen35", NULL }, { "qwen35moe", NULL } },
    QWEN_MERGER,
    TRUE },
  { "gemma3", { { "gemma3", NULL } }, { "mm.input_projection.weight", 0 }, { "mm.input_projection.weight", 1 }, NULL, 1, TRUE },
  { "gemma3nv", { { "gemma3n", NULL } }, ANY_SHAPE },
  { "gemma4v", { { "gemma4", NULL } }, ANY_SHAPE },
  { "gemma4uv", { { "gemma4", NULL } }, ANY_SHAPE },
  { "idefics3",
    { { "llama", IDEFICS_TOKEN }, { "granite", IDEFICS_TOKEN } },
    { "mm.model.fc.weight", 1 },
    { "mm.model.fc.weight", 0 },
    SCALED },
  { "internvl",
    { { "llama", NULL },
      { "internlm2", NULL },
      { "phi3", NULL },
      { "qwen2", NULL },
      { "qwen3", NULL },
      { "qwen3moe", NULL },
      { "gpt-oss", NULL } },
    { "mm.model.mlp.3.weight", 1 },
    { "mm.model.mlp.0.weight", 0 },
    SCALED },
  { "pixtral",
    { { "llama", NULL }, { "mistral3", NULL }, { "mistral4", NULL } },
    { "mm.2.weight", 1 },
    { NULL, 0 },
    NULL,
    1,
    FALSE },
  { "llama4", { { "llama4", NULL } }, { "mm.model.fc.weight", 1 }, { NULL, 0 }, NULL, 1, FALSE },
  { "lfm2", { { "lfm2", NULL }, { "lfm2moe", NULL } }, { "mm.2.weight", 1 }, { NULL, 0 }, NULL, 1, FALSE },
  { "mlp", { { "llama", NULL }, { "qwen2", NULL }, { "qwen3", NULL }, { "phi3", NULL }, { "granite", NULL } }, ANY_SHAPE },
  { "mlp_norm", { { "llama", NULL } }, ANY_SHAPE },
  { "ldp", { { "llama", NULL } }, ANY_SHAPE },
  { "ldpv2", { { "llama", NULL } }, ANY_SHAPE },
  { "janus_pro", { { "llama", NULL } }, ANY_SHAPE },
  { "kimivl", { { "deepseek2", NULL } }, ANY_SHAPE },
  { "cogvlm", { { "cogvlm", NULL } }, ANY_SHAPE },
  { "glm4v", { { "glm4", NULL }, { "glm4moe", NULL } }, ANY_SHAPE },
  { "dots_ocr", { { "qwen2", NULL } }, ANY_SHAPE },
};

static const Family *
find_family (const char *projector)
{
  for (gsize i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_str_equal (families[i].projector, projector))
      return &families[i];
  return NULL;
}

/* The text half of this architecture that the family feeds; NULL where it feeds none. */
static const Text *
find_text (const Family *family, const char *arch)
{
  for (gsize i = 0; i < G_N_ELEMENTS (family->texts) && family->texts[i].arch; i++)
    if (g_str_equal (family->texts[i].arch, arch))
      return &family->texts[i];
  return NULL;
}

static gboolean
arch_is_known (const char *arch)
{
  for (gsize i = 0; i < G_N_ELEMENTS (families); i++)
    if (find_text (&families[i], arch))
      return TRUE;
  return FALSE;
}

/* ------------------------------------------------------------------ the text half */

/* What kind of file it is, by its own word, and that it is the kind wanted. */
static char *
get_arch (const UtGguf *file, GError **error)
{
  g_autofree char *arch = ut_gguf_string (file, "general.architecture");
  if (!arch || !*arch)
    {
      ut_gguf_fail (error, file->path, "key “general.architecture” is missing: the name of an architecture was expected");
      return NULL;
    }
  return g_steal_pointer (&arch);
}

static gboolean
check_is_model (const UtGguf *file, const char *arch, GError **error)
{
  g_autofree char *type = ut_gguf_string (file, "general.type");
  if (g_str_equal (arch, CLIP) || g_strcmp0 (type, "mmproj") == 0)
    return ut_gguf_fail (
        error, file->path,
        "key “general.architecture” is “%s”: this is the vision half of a model, and its text half was expected; "
        "the model and the mmproj look swapped",
        arch);
  if (g_strcmp0 (type, "adapter") == 0 || g_strcmp0 (type, "imatrix") == 0)
    return ut_gguf_fail (error, file->path, "key “general.type” is “%s”: “model” was expected", type);
  return TRUE;
}

/* Heads must share a layer's width evenly. Models with another number a layer (an array) or none (recurrent ones) are libllama's own
 * business, unless the architecture is one that reads images here: those all attend. */
static gboolean
check_text_heads (const UtGguf *file, const char *arch, guint32 n_embd, GError **error)
{
  g_autofree char *heads_key = g_strconcat (arch, ".attention.head_count", NULL);
  g_autofree char *kv_key = g_strconcat (arch, ".attention.head_count_kv", NULL);
  g_autofree char *length_key = g_strconcat (arch, ".attention.key_length", NULL);
  const UtGgufValue *heads = ut_gguf_find (file, heads_key), *kv = ut_gguf_find (file, kv_key);
  if ((heads && heads->is_array) || (kv && kv->is_array))
    return TRUE;

  const guint32 min = arch_is_known (arch) ? 1 : 0;
  guint32 n_heads = 0, n_kv = 0;
  if (min == 0 && !heads)
    return TRUE;
  if (!require_u32 (file, heads_key, min, &n_heads, error) || !optional_u32 (file, kv_key, min, &n_kv, error))
    return FALSE;
  if (n_heads > 0 && n_kv > 0 && n_heads % n_kv != 0)
    return ut_gguf_fail (error, file->path, "key “%s” is %u: a divisor of “%s” (%u) was expected", kv_key, n_kv, heads_key,
                         n_heads);
  if (n_heads > 0 && !ut_gguf_find (file, length_key) && n_embd % n_heads != 0)
    return ut_gguf_fail (error, file->path, "key “%s” is %u: a divisor of “%s.embedding_length” (%u) was expected", heads_key,
                         n_heads, arch, n_embd);
  return TRUE;
}

static gboolean
get_text_width (const UtGguf *file, const char *arch, guint32 *out, GError **error)
{
  g_autofree char *key = g_strconcat (arch, ".embedding_length", NULL);
  return require_u32 (file, key, 1, out, error);
}

gboolean
ut_gguf_check_model (const char *model_path, GError **error)
{
  g_autoptr (UtGguf) file = ut_gguf_open (model_path, error);
  if (!file)
    return FALSE;
  g_autofree char *arch = get_arch (file, error);
  if (!arch || !check_is_model (file, arch, error) || !check_finite (file, error))
    return FALSE;

  g_autofree char *blocks_key = g_strconcat (arch, ".block_count", NULL);
  g_autofree char *context_key = g_strconcat (arch, ".context_length", NULL);
  guint32 n_embd, n_blocks, n_context;
  return get_text_width (file, arch, &n_embd, error) && require_u32 (file, blocks_key, 1, &n_blocks, error)
         && require_u32 (file, context_key, 1, &n_context, error) && check_text_heads (file, arch, n_embd, error);
}

/* ------------------------------------------------------------------ the vision half */

typedef struct {
  guint32 n_embd, n_blocks, n_heads, image_size, patch_size;
} Encoder;

static gboolean
check_is_mmproj (const UtGguf *file, const char *arch, const char *model_arch, GError **error)
{
  if (g_str_equal (arch, CLIP))
    return TRUE;
  return ut_gguf_fail (error, file->path,
                       "key “general.architecture” is “%s”: “clip”, the vision half of a model, was expected%s", arch,
                       g_str_equal (model_arch, CLIP) ? "; the model and the mmproj look swapped" : "");
}

/* The name of the projector that makes the encoder's output the text half's input. */
static char *
get_projector (const UtGguf *file, GError **error)
{
  const UtGgufValue *has_vision = ut_gguf_find (file, "clip.has_vision_encoder");
  if (!optional_type (file, "clip.has_vision_encoder", GGUF_TYPE_BOOL, FALSE, error)
      || !optional_type (file, "clip.has_audio_encoder", GGUF_TYPE_BOOL, FALSE, error))
    return NULL;
  if (!has_vision || !has_vision->data[0])
    {
      ut_gguf_fail (error, file->path, "key “clip.has_vision_encoder” is not true: an mmproj that reads images was expected");
      return NULL;
    }
  g_autofree char *projector = ut_gguf_string (file, "clip.projector_type");
  if (!projector || !*projector)
    {
      g_free (projector);
      projector = ut_gguf_string (file, VISION "projector_type");
    }
  if (!projector || !*projector)
    {
      ut_gguf_fail (error, file->path, "key “clip.projector_type” is missing: the name of a projector was expected");
      return NULL;
    }
  return g_steal_pointer (&projector);
}

/* Three numbers, one a colour; libmtmd reads three whatever the length, and divides by the deviations. */
static gboolean
check_colours (const UtGguf *file, const char *key, gboolean divides, GError **error)
{
  const UtGgufValue *value = ut_gguf_find (file, key);
  if (!value || !value->is_array || value->type != GGUF_TYPE_FLOAT32 || value->n < 3)
    return ut_gguf_fail (error, file->path, "key “%s”: three numbers (f32 array) were expected", key);
  for (guint64 i = 0; i < 3; i++)
    if (divides && !(ut_gguf_float (value, i) > 0.0))
      return ut_gguf_fail (error, file->path, "key “%s”: number %" G_GUINT64_FORMAT " is not above 0", key, i);
  return TRUE;
}

/* The keys libmtmd reads with a getter that aborts on another type, or as an array of another. */
static gboolean
check_types (const UtGguf *file, GError **error)
{
  static const struct {
    const char *key;
    enum gguf_type type;
    gboolean is_array;
  } keys[] = {
    { "clip.use_gelu", GGUF_TYPE_BOOL, FALSE },
    { "clip.use_silu", GGUF_TYPE_BOOL, FALSE },
    { "clip.projector_type", GGUF_TYPE_STRING, FALSE },
    { "clip.minicpmv_version", GGUF_TYPE_INT32, FALSE },
    { "clip.minicpmv_query_num", GGUF_TYPE_UINT32, FALSE },
    { VISION "projector_type", GGUF_TYPE_STRING, FALSE },
    { VISION "mm_patch_merge_type", GGUF_TYPE_STRING, FALSE },
    { VISION "feed_forward_length", GGUF_TYPE_UINT32, FALSE },
    { VISION "projection_dim", GGUF_TYPE_UINT32, FALSE },
    { VISION "attention.layer_norm_epsilon", GGUF_TYPE_FLOAT32, FALSE },
    { VISION "image_min_pixels", GGUF_TYPE_UINT32, FALSE },
    { VISION "image_max_pixels", GGUF_TYPE_UINT32, FALSE },
    { VISION "preproc_min_tiles", GGUF_TYPE_UINT32, FALSE },
    { VISION "preproc_max_tiles", GGUF_TYPE_UINT32, FALSE },
    { VISION "preproc_image_size", GGUF_TYPE_UINT32, FALSE },
    { VISION "n_wa_pattern", GGUF_TYPE_UINT32, FALSE },
    { VISION "window_size", GGUF_TYPE_UINT32, FALSE },
    { VISION "image_grid_pinpoints", GGUF_TYPE_INT32, TRUE },
    { VISION "feature_layer", GGUF_TYPE_INT32, TRUE },
    { VISION "wa_layer_indexes", GGUF_TYPE_INT32, TRUE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (!optional_type (file, keys[i].key, keys[i].type, keys[i].is_array, error))
      return FALSE;
  const UtGgufValue *pinpoints = ut_gguf_find (file, VISION "image_grid_pinpoints");
  if (pinpoints && pinpoints->n % 2 != 0)
    return ut_gguf_fail (error, file->path, "key “" VISION "image_grid_pinpoints”: pairs of numbers were expected");
  return TRUE;
}

static gboolean
get_encoder (const UtGguf *file, Encoder *out, GError **error)
{
  /* An image size of 0 stands for one that varies. */
  if (!require_u32 (file, VISION "embedding_length", 1, &out->n_embd, error)
      || !require_u32 (file, VISION "attention.head_count", 1, &out->n_heads, error)
      || !require_u32 (file, VISION "block_count", 1, &out->n_blocks, error)
      || !require_u32 (file, VISION "image_size", 0, &out->image_size, error)
      || !require_u32 (file, VISION "patch_size", 1, &out->patch_size, error))
    return FALSE;
  if (!ut_gguf_find (file, VISION "attention.head_dim") && out->n_embd % out->n_heads != 0)
    return ut_gguf_fail (error, file->path,
                         "key “" VISION "attention.head_count” is %u: a divisor of “" VISION
                         "embedding_length” (%u) was expected",
                         out->n_heads, out->n_embd);
  return TRUE;
}

/* The convolution that makes patches of pixels: [patch, patch, 3 colours, n_embd]. Families that make them otherwise have no such
 * four dimensions and pass. */
static gboolean
check_patches (const UtGguf *file, const Encoder *encoder, GError **error)
{
  static const char *const names[] = { "v.patch_embd.weight", "v.patch_embd.weight.1" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      if (get_dimension (file, names[i], 2) != 3)
        continue;
      for (unsigned dim = 0; dim < 2; dim++)
        if (!require_dimension (file, names[i], dim, encoder->patch_size, "key “" VISION "patch_size”", error))
          return FALSE;
      if (!require_dimension (file, names[i], 3, encoder->n_embd, "key “" VISION "embedding_length”", error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
check_positions (const UtGguf *file, const Encoder *encoder, GError **error)
{
  const char *name = "v.position_embd.weight";
  const guint64 n_side = encoder->image_size / encoder->patch_size, n_patches = n_side * n_side;
  if (!require_dimension (file, name, 0, encoder->n_embd, "key “" VISION "embedding_length”", error))
    return FALSE;
  if (get_dimension (file, name, 1) == n_patches + 1) /* the class token's */
    return TRUE;
  return require_dimension (file, name, 1, n_patches, "(" VISION "image_size ÷ " VISION "patch_size)²", error);
}

/* How many tokens' worth of width the projector takes in: merge² patches become one. */
static gboolean
check_merge (const UtGguf *file, const Family *family, const Encoder *encoder, GError **error)
{
  guint32 merge = family->merge_default;
  if (family->merge_key && !optional_u32 (file, family->merge_key, 1, &merge, error))
    return FALSE;
  if (!family->input.tensor)
    return TRUE;
  /* 65536: libmtmd's own bound, and far from an overflow here. */
  if (merge >= 65536)
    return ut_gguf_fail (error, file->path, "key “%s” is %u: less than 65536 was expected", family->merge_key, merge);
  g_autofree char *why = family->merge_key ? g_strdup_printf ("“" VISION "embedding_length” × “%s”²", family->merge_key)
                                           : g_strdup ("“" VISION "embedding_length”");
  return require_dimension (file, family->input.tensor, family->input.dim, (guint64) encoder->n_embd * merge * merge, why, error);
}

static gboolean
check_output (const UtGguf *file, const Family *family, const UtGguf *model, const char *model_arch, GError **error)
{
  if (!family->output.tensor)
    return TRUE;
  guint32 n_embd;
  if (!get_text_width (model, model_arch, &n_embd, error))
    return FALSE;
  g_autofree char *why = g_strdup_printf ("key “%s.embedding_length” of the model, %s", model_arch, model->path);
  return require_dimension (file, family->output.tensor, family->output.dim, n_embd, why, error);
}

/* Qwen3-VL hands extra vision features to the first layers of the text half; both must speak of as many. */
static gboolean
check_deepstack (const UtGguf *file, const Encoder *encoder, const UtGguf *model, const char *model_arch, GError **error)
{
  guint32 n_found = 0, n_expected = 0;
  for (guint32 i = 0; i < encoder->n_blocks; i++)
    {
      char name[GGML_MAX_NAME];
      g_snprintf (name, sizeof name, "v.deepstack.%u.fc2.weight", i);
      if (g_hash_table_contains (file->tensors, name))
        n_found++;
    }
  g_autofree char *key = g_strconcat (model_arch, ".n_deepstack_layers", NULL);
  if (!optional_u32 (model, key, 0, &n_expected, error))
    return FALSE;
  if (n_found != n_expected)
    return ut_gguf_fail (error, file->path, "it has %u deepstack layers: %u were expected (key “%s” of the model, %s)", n_found,
                         n_expected, key, model->path);
  return TRUE;
}

/* The letters and digits of the model's own name, small: "qwen25vl7binstruct". The caller owns it. */
static char *
get_plain_name (const UtGguf *model)
{
  g_autofree char *name = ut_gguf_string (model, "general.name");
  GString *plain = g_string_new (NULL);
  for (const char *c = name != NULL ? name : ""; *c != '\0'; c++)
    if (g_ascii_isalnum (*c))
      g_string_append_c (plain, g_ascii_tolower (*c));
  return g_string_free (plain, FALSE);
}

/* The text halves of Qwen2-VL and Qwen2.5-VL differ in their weights alone: only a name that says which it is can tell. */
static gboolean
check_qwen_version (const UtGguf *file, const char *projector, const UtGguf *model, GError **error)
{
  g_autofree char *name = get_plain_name (model);
  const gboolean is_2_5 = strstr (name, "qwen25") != NULL, is_2 = strstr (name, "qwen2vl") != NULL;
  if (is_2 == is_2_5
      || (g_str_equal (projector, "qwen2vl_merger") ? is_2 : !g_str_equal (projector, "qwen2.5vl_merger") || is_2_5))
    return TRUE;
  return ut_gguf_fail (error, file->path, "its projector “%s” is for another model than %s, which calls itself %s", projector,
                       model->path, is_2_5 ? "a Qwen2.5" : "a Qwen2-VL");
}

/* A projector of one family and a text half of another can be as wide as each other: nothing would fail, and every number be wrong. */
static gboolean
check_pair (const UtGguf *file, const Family *family, const UtGguf *model, const char *model_arch, GError **error)
{
  const Text *text = find_text (family, model_arch);
  if (text && text->token && !ut_gguf_lists (model, "tokenizer.ggml.tokens", text->token))
    return ut_gguf_fail (error, file->path,
                         "its projector “%s” is for a model of the architecture “%s” with the token “%s”, which %s has not",
                         family->projector, model_arch, text->token, model->path);
  if (text || !arch_is_known (model_arch))
    return check_qwen_version (file, family->projector, model, error);
  g_autoptr (GString) archs = g_string_new (NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (family->texts) && family->texts[i].arch; i++)
    g_string_append_printf (archs, "%s%s", i > 0 ? ", " : "", family->texts[i].arch);
  return ut_gguf_fail (error, file->path, "its projector “%s” is for the architecture %s; that of the model, %s, is “%s”",
                       family->projector, archs->str, model->path, model_arch);
}

gboolean
ut_gguf_check_mmproj (const char *model_path, const char *mmproj_path, GError **error)
{
  g_autoptr (UtGguf) model = ut_gguf_open (model_path, error);
  g_autoptr (UtGguf) file = model ? ut_gguf_open (mmproj_path, error) : NULL;
  if (!file)
    return FALSE;
  g_autofree char *model_arch = get_arch (model, error);
  g_autofree char *arch = model_arch ? get_arch (file, error) : NULL;
  if (!arch || !check_is_mmproj (file, arch, model_arch, error) || !check_is_model (model, model_arch, error))
    return FALSE;

  g_autofree char *projector = get_projector (file, error);
  Encoder encoder;
  if (!projector || !check_types (file, error) || !check_finite (file, error)
      || !check_colours (file, VISION "image_mean", FALSE, error) || !check_colours (file, VISION "image_std", TRUE, error)
      || !get_encoder (file, &encoder, error) || !check_patches (file, &encoder, error))
    return FALSE;

  const Family *family = find_family (projector);
  if (!family)
    return TRUE;
  return check_pair (file, family, model, model_arch, error)
         && (!family->square_positions || check_positions (file, &encoder, error)) && check_merge (file, family, &encoder, error)
         && check_output (file, family, model, model_arch, error)
         && (!g_str_equal (projector, "qwen3vl_merger") || check_deepstack (file, &encoder, model, model_arch, error));
}

/* libmtmd puts the class token behind the patches and leaves the learnt positions in their order, in which the first is the class token's:
 * every patch gets the position of the one before it. Encoders without a class token are not concerned, and families whose token does
 * stand last. */
static gboolean
has_shifted_positions (const UtGguf *file, const char *projector)
{
  static const char *const projectors[] = { "internvl", "mlp", "mlp_norm", "ldp", "ldpv2", NULL };
  return g_strv_contains (projectors, projector) && g_hash_table_contains (file->tensors, "v.class_embd");
}

char *
ut_gguf_caveat (const char *mmproj_path)
{
  g_autoptr (UtGguf) file = ut_gguf_open (mmproj_path, NULL);
  g_autofree char *projector = file ? get_projector (file, NULL) : NULL;
  if (!projector || !has_shifted_positions (file, projector))
    return NULL;
  return g_strdup_printf (
      "these numbers are not the model's: libmtmd gives the patches of this encoder (%s) the wrong positions; measure "
      "the model through a program of your own, with --engine exec",
      g_str_equal (projector, "internvl") ? "InternVL's" : "CLIP's with a class token, as in LLaVA");
}
