#include "engine/exec-message.h"

#include <math.h>
#include <stdarg.h>
#include <stdckdint.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"

/* Floats travel as 4 bytes, the least significant first. */
static_assert (G_BYTE_ORDER == G_LITTLE_ENDIAN && sizeof (float) == 4);

static const char PROTOCOL[] = "undertow-exec";

[[gnu::format (printf, 2, 3)]] static gboolean
wrong (GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *words = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, UT_ERROR, UT_ERROR_ENGINE, words);
  return FALSE;
}

/* ── a request ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static size_t
size_of_image (const UtImage *image)
{
  return (size_t) image->width * (size_t) image->height * 3;
}

static void
add_image_part (yyjson_mut_doc *doc, yyjson_mut_val *parts, unsigned image)
{
  yyjson_mut_obj_add_uint (doc, yyjson_mut_arr_add_obj (doc, parts), "image", image);
}

static void
add_text_part (yyjson_mut_doc *doc, yyjson_mut_val *parts, const char *text, size_t n)
{
  if (n > 0)
    yyjson_mut_obj_add_strncpy (doc, yyjson_mut_arr_add_obj (doc, parts), "text", text, n);
}

/* The prompt and its images in the order in which they are to be read. */
static gboolean
add_parts (yyjson_mut_doc *doc, yyjson_mut_val *to, const UtQuery *query, const UtRequest *request, GError **error)
{
  unsigned n_first;
  g_autofree unsigned *order = ut_query_image_order (query, request, &n_first, error);
  if (order == NULL)
    return FALSE;
  yyjson_mut_val *parts = yyjson_mut_obj_add_arr (doc, to, "parts");
  for (unsigned i = 0; i < n_first; i++)
    add_image_part (doc, parts, order[i]);
  size_t at = 0;
  for (unsigned p = 0; n_first + p < request->images->len; p++)
    {
      add_text_part (doc, parts, query->prompt + at, query->places[p].at - at);
      add_image_part (doc, parts, query->places[p].image);
      at = query->places[p].at;
    }
  add_text_part (doc, parts, query->prompt + at, strlen (query->prompt + at));
  return TRUE;
}

static void
add_strings (yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, char *const *strings)
{
  yyjson_mut_val *array = yyjson_mut_obj_add_arr (doc, to, key);
  for (size_t i = 0; strings != NULL && strings[i] != NULL; i++)
    yyjson_mut_arr_add_str (doc, array, strings[i]);
}

static void
add_images (yyjson_mut_doc *doc, yyjson_mut_val *to, const UtRequest *request)
{
  yyjson_mut_val *images = yyjson_mut_obj_add_arr (doc, to, "images");
  size_t at = 0;
  for (size_t i = 0; i < request->images->len; i++)
    {
      const UtImage *image = request->images->pdata[i];
      yyjson_mut_val *object = yyjson_mut_arr_add_obj (doc, images);
      yyjson_mut_obj_add_uint (doc, object, "at", at);
      yyjson_mut_obj_add_int (doc, object, "width", image->width);
      yyjson_mut_obj_add_int (doc, object, "height", image->height);
      at += size_of_image (image);
    }
  yyjson_mut_obj_add_uint (doc, to, "bytes", at);
}

static gboolean
add_query (yyjson_mut_doc *doc, yyjson_mut_val *queries, const UtQuery *query, const UtRequest *request, GError **error)
{
  yyjson_mut_val *object = yyjson_mut_arr_add_obj (doc, queries);
  if (!add_parts (doc, object, query, request, error))
    return FALSE;
  add_strings (doc, object, "options", query->options);
  if (query->labels != NULL)
    add_strings (doc, object, "labels", query->labels);
  return TRUE;
}

char *
ut_exec_request_line (const UtRequest *request, guint64 id, gboolean layers, GError **error)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc);
  yyjson_mut_doc_set_root (doc, root);
  yyjson_mut_obj_add_str (doc, root, "type", "request");
  yyjson_mut_obj_add_uint (doc, root, "id", id);
  add_images (doc, root, request);
  yyjson_mut_val *queries = yyjson_mut_obj_add_arr (doc, root, "queries");
  gboolean ok = TRUE;
  for (size_t i = 0; ok && i < request->queries->len; i++)
    ok = add_query (doc, queries, request->queries->pdata[i], request, error);
  yyjson_mut_obj_add_int (doc, root, "generate", request->n_generate);
  yyjson_mut_obj_add_bool (doc, root, "layers", layers);

  yyjson_write_err fault = {};
  char *line = ok ? yyjson_mut_write_opts (doc, YYJSON_WRITE_NEWLINE_AT_END, NULL, NULL, &fault) : NULL;
  yyjson_mut_doc_free (doc);
  if (ok && line == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the question cannot be written as JSON: %s", fault.msg);
  return line;
}

/* ── any message ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void
ut_exec_message_free (UtExecMessage *message)
{
  if (message == NULL)
    return;
  yyjson_doc_free (message->doc);
  g_free (message->line);
  g_free (message->bytes);
  g_free (message);
}

UtExecMessage *
ut_exec_message_new (char *line, size_t n, GError **error)
{
  g_autoptr (UtExecMessage) message = g_new0 (UtExecMessage, 1);
  yyjson_read_err fault = {};
  message->line = line;
  /* Many a JSON library writes NaN and Infinity, which no standard knows: they get a message of their own. */
  message->doc = yyjson_read_opts (line, n, YYJSON_READ_ALLOW_INF_AND_NAN, NULL, &fault);
  yyjson_val *root = yyjson_doc_get_root (message->doc), *bytes = yyjson_obj_get (root, "bytes");
  message->type = yyjson_get_str (yyjson_obj_get (root, "type"));
  if (message->doc == NULL)
    return wrong (error, "%s at byte %zu", fault.msg, fault.pos), NULL;
  if (message->type == NULL)
    return wrong (error, "the message has no type"), NULL;
  if (bytes != NULL && (!yyjson_is_uint (bytes) || yyjson_get_uint (bytes) > UT_EXEC_MAX_BYTES))
    {
      g_autofree char *given = yyjson_val_write (bytes, 0, NULL);
      return wrong (error, "its bytes are %s, not a number from 0 to %zu", given, UT_EXEC_MAX_BYTES), NULL;
    }
  message->n_bytes = yyjson_get_uint (bytes);
  return g_steal_pointer (&message);
}

/* ── a hello ────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static char *
string_or (yyjson_val *object, const char *key, const char *otherwise)
{
  const char *string = yyjson_get_str (yyjson_obj_get (object, key));
  return g_strdup (string != NULL ? string : otherwise);
}

static gboolean
read_gives (yyjson_val *gives, unsigned *out, GError **error)
{
  size_t i, n;
  yyjson_val *name;
  if (!yyjson_is_arr (gives))
    return wrong (error, "its hello has no list “gives”");
  yyjson_arr_foreach (gives, i, n, name)
  {
    const char *given = yyjson_is_str (name) ? yyjson_get_str (name) : "";
    unsigned bit = 0;
    while (ut_gives_names[bit] != NULL && !g_str_equal (ut_gives_names[bit], given))
      bit++;
    if (ut_gives_names[bit] == NULL)
      {
        const char *nearest = ut_names_nearest (given, ut_gives_names);
        g_autofree char *all = ut_gives_join (UT_GIVES_ALL);
        return wrong (error, "its hello gives “%s”; known %s %s", given, nearest != NULL ? "is" : "are",
                      nearest != NULL ? nearest : all);
      }
    *out |= 1u << bit;
  }
  return TRUE;
}

static gboolean
read_identity (yyjson_val *identity, char ***out, GError **error)
{
  size_t i, n;
  yyjson_val *key, *value;
  g_autoptr (GStrvBuilder) pairs = g_strv_builder_new ();
  yyjson_obj_foreach (identity, i, n, key, value)
  {
    if (!yyjson_is_str (value))
      return wrong (error, "its hello's identity has a “%s” that is no string", yyjson_get_str (key));
    g_strv_builder_add_many (pairs, yyjson_get_str (key), yyjson_get_str (value), NULL);
  }
  *out = g_strv_builder_end (pairs);
  return TRUE;
}

/* What can only be read together with something else, or needs the width to be known. */
static gboolean
check_gives (const UtEngineInfo *info, GError **error)
{
  constexpr unsigned vectors = UT_GIVES_CTX | UT_GIVES_CTX_NORMED | UT_GIVES_OPTIONS | UT_GIVES_OPTIONS_NORMED | UT_GIVES_VISION
                               | UT_GIVES_LAYERS | UT_GIVES_GREEDY | UT_GIVES_GREEDY_NORMED;
  if ((info->gives & vectors) != 0 && info->n_embd == 0)
    return wrong (error, "its hello gives representations and no n_embd");
  if ((info->gives & UT_GIVES_VISION_LAYERS) != 0 && (info->gives & UT_GIVES_VISION) == 0)
    return wrong (error, "its hello gives vision_layers without vision");
  if ((info->gives & (UT_GIVES_GREEDY | UT_GIVES_GREEDY_NORMED)) != 0 && (info->gives & UT_GIVES_TEXT) == 0)
    return wrong (error, "its hello gives greedy states without text");
  return TRUE;
}

gboolean
ut_exec_read_hello (const UtExecMessage *message, UtEngineInfo *info, GError **error)
{
  yyjson_val *root = yyjson_doc_get_root (message->doc), *version = yyjson_obj_get (root, "version");
  if (!g_str_equal (message->type, "hello") || !yyjson_equals_str (yyjson_obj_get (root, "protocol"), PROTOCOL))
    return wrong (error, "its first message is no hello of the protocol %s", PROTOCOL);
  if (!yyjson_is_int (version) || yyjson_get_sint (version) != UT_EXEC_VERSION)
    {
      g_autofree char *given = version != NULL ? yyjson_val_write (version, 0, NULL) : g_strdup ("no version");
      return wrong (error, "it speaks version %s of the protocol; this undertow speaks %d", given, UT_EXEC_VERSION);
    }
  if (yyjson_get_str (yyjson_obj_get (root, "model")) == NULL)
    return wrong (error, "its hello has no string “model”");
  info->description = string_or (root, "model", "");
  info->versions = string_or (root, "versions", "unknown");
  info->device = string_or (root, "device", "unknown");
  info->backends = g_strdup_printf ("exec protocol %d", UT_EXEC_VERSION);
  info->n_embd = yyjson_get_uint (yyjson_obj_get (root, "n_embd"));
  return read_gives (yyjson_obj_get (root, "gives"), &info->gives, error)
         && read_identity (yyjson_obj_get (root, "identity"), &info->identity, error) && check_gives (info, error);
}

/* A member of a hello as JSON. */
static char *
member_text (yyjson_val *value)
{
  g_autofree char *text = value != NULL ? yyjson_val_write (value, 0, NULL) : NULL;
  return text != NULL ? g_steal_pointer (&text) : g_strdup ("none");
}

/* The first member of `a` that `b` has otherwise, or not. */
static char *
difference (yyjson_val *a, yyjson_val *b, gboolean a_is_first)
{
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach (a, i, n, key, value)
  {
    yyjson_val *other = yyjson_obj_get (b, yyjson_get_str (key));
    if (yyjson_equals (value, other))
      continue;
    g_autofree char *of_a = member_text (value), *of_b = member_text (other);
    return g_strdup_printf ("“%s” was %.200s and is %.200s", yyjson_get_str (key), a_is_first ? of_a : of_b,
                            a_is_first ? of_b : of_a);
  }
  return NULL;
}

char *
ut_exec_hello_difference (const UtExecMessage *first, const UtExecMessage *now)
{
  yyjson_val *a = yyjson_doc_get_root (first->doc), *b = yyjson_doc_get_root (now->doc);
  char *found = difference (a, b, TRUE);
  return found != NULL ? found : difference (b, a, FALSE);
}

/* ── an answer ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const UtExecMessage *message;
  const UtEngineInfo *info;
  const UtRequest *request;
  gboolean layers;
  UtExecShapes *shapes;
  UtResult *result;
  GError **error;
} Reader;

/* The member of `object` that the bit is of: *out NULL where the program does not give it. */
static gboolean
find_given (const Reader *reader, yyjson_val *object, const char *where, UtGives bit, yyjson_val **out)
{
  const char *key = ut_gives_names[g_bit_nth_lsf (bit, -1)];
  const gboolean given = (reader->info->gives & bit) != 0;
  *out = yyjson_obj_get (object, key);
  if (yyjson_is_null (*out))
    *out = NULL;
  if (given && *out == NULL)
    return wrong (reader->error, "%s has no “%s”, which the hello gives", where, key);
  if (!given && *out != NULL)
    return wrong (reader->error, "%s has “%s”, which the hello does not give", where, key);
  return TRUE;
}

/* What came in place of an array of that shape. */
static gboolean
wrong_array (const Reader *reader, yyjson_val *array, const char *where, const char *key, const size_t *shape, size_t n_shape)
{
  g_autoptr (GString) wanted = g_string_new (NULL);
  for (size_t i = 0; i < n_shape; i++)
    if (shape[i] != 0)
      g_string_append_printf (wanted, "%s%zu", i > 0 ? "," : "", shape[i]);
    else
      g_string_append_printf (wanted, "%sany", i > 0 ? "," : "");
  g_autofree char *given = yyjson_val_write (array, 0, NULL);
  return wrong (reader->error,
                "%s has a “%s” of %.80s; expected is {\"at\":…,\"shape\":[%s]}, whole within the %zu bytes of the message", where,
                key, given, wanted->str, reader->message->n_bytes);
}

static gboolean
all_finite (const Reader *reader, const float *values, size_t n, const char *where, const char *key)
{
  for (size_t i = 0; i < n; i++)
    if (!isfinite (values[i]))
      {
        g_set_error (reader->error, UT_ERROR, UT_ERROR_FAILED, "%s has a “%s” whose value %zu is not a finite number", where, key,
                     i);
        return FALSE;
      }
  return TRUE;
}

/* The floats of an array {"at": byte, "shape": […]}; a 0 in shape [n_shape] stands for any number from 1, and is replaced by it. */
static gboolean
take_floats (const Reader *reader, yyjson_val *array, const char *where, const char *key, size_t *shape, size_t n_shape,
             float **out)
{
  yyjson_val *at = yyjson_obj_get (array, "at"), *given = yyjson_obj_get (array, "shape"), *dimension;
  size_t i, n_given, n = sizeof (float), end;
  gboolean fits = yyjson_is_uint (at) && yyjson_arr_size (given) == n_shape;
  size_t sizes[2] = {};
  yyjson_arr_foreach (given, i, n_given, dimension)
  {
    if (!fits)
      break;
    sizes[i] = yyjson_get_uint (dimension);
    fits = sizes[i] > 0 && (shape[i] == 0 || shape[i] == sizes[i]) && !ckd_mul (&n, n, sizes[i]);
  }
  if (!fits || ckd_add (&end, yyjson_get_uint (at), n) || end > reader->message->n_bytes)
    return wrong_array (reader, array, where, key, shape, n_shape);
  memcpy (shape, sizes, n_shape * sizeof *shape);
  *out = g_memdup2 (reader->message->bytes + yyjson_get_uint (at), n);
  return all_finite (reader, *out, n / sizeof (float), where, key);
}

/* The same of a member of `object`; nothing where the program does not give it. */
static gboolean
take_given (const Reader *reader, yyjson_val *object, const char *where, UtGives bit, size_t *shape, size_t n_shape, float **out)
{
  yyjson_val *array;
  if (!find_given (reader, object, where, bit, &array))
    return FALSE;
  return array == NULL || take_floats (reader, array, where, ut_gives_names[g_bit_nth_lsf (bit, -1)], shape, n_shape, out);
}

/* Of the state after the last layer, both sides of the final norm. */
static gboolean
take_state (const Reader *reader, yyjson_val *object, const char *where, UtGives raw, UtGives normed, size_t *shape,
            size_t n_shape, UtState *out)
{
  return take_given (reader, object, where, raw, shape, n_shape, &out->raw)
         && take_given (reader, object, where, normed, shape, n_shape, &out->normed);
}

static gboolean
take_number (const Reader *reader, yyjson_val *value, const char *where, const char *key, double *out)
{
  if (!yyjson_is_num (value))
    return wrong (reader->error, "%s has no number “%s”", where, key);
  *out = yyjson_get_num (value);
  if (isfinite (*out))
    return TRUE;
  g_set_error (reader->error, UT_ERROR, UT_ERROR_FAILED, "%s has a “%s” that is not a finite number", where, key);
  return FALSE;
}

static gboolean
take_given_number (const Reader *reader, yyjson_val *object, const char *where, UtGives bit, double *out)
{
  yyjson_val *value;
  if (!find_given (reader, object, where, bit, &value))
    return FALSE;
  return value == NULL || take_number (reader, value, where, ut_gives_names[g_bit_nth_lsf (bit, -1)], out);
}

static gboolean
take_score (const Reader *reader, yyjson_val *object, const char *where, gboolean labelled, UtScore *out)
{
  double n_tokens = -1;
  *out = (UtScore) { .logprob_text = NAN, .logprob_label = NAN };
  if (!take_number (reader, yyjson_obj_get (object, "logprob"), where, "logprob", &out->logprob)
      || !take_given_number (reader, object, where, UT_GIVES_LOGPROB_TEXT, &out->logprob_text)
      || !take_given_number (reader, object, where, UT_GIVES_N_TOKENS, &n_tokens)
      || (labelled && !take_given_number (reader, object, where, UT_GIVES_LOGPROB_LABEL, &out->logprob_label)))
    return FALSE;
  if (!labelled)
    out->logprob_label = out->logprob_text;
  out->n_tokens = n_tokens >= 0 && n_tokens < G_MAXINT ? (int) n_tokens : -1;
  return TRUE;
}

static gboolean
take_scores (const Reader *reader, yyjson_val *object, const char *where, const UtQuery *query, UtAnswer *answer)
{
  yyjson_val *scores = yyjson_obj_get (object, "scores"), *score;
  size_t k, n;
  if (yyjson_arr_size (scores) != answer->n_options)
    return wrong (reader->error, "%s has %zu scores for %u options", where, yyjson_arr_size (scores), answer->n_options);
  yyjson_arr_foreach (scores, k, n, score)
  {
    g_autofree char *at = g_strdup_printf ("%s.scores[%zu]", where, k);
    if (!take_score (reader, score, at, query->labels != NULL, &answer->scores[k]))
      return FALSE;
  }
  return TRUE;
}

static gboolean
take_text (const Reader *reader, yyjson_val *object, const char *where, UtAnswer *answer)
{
  yyjson_val *text;
  if (!find_given (reader, object, where, UT_GIVES_TEXT, &text))
    return FALSE;
  if (text == NULL)
    return TRUE;
  if (!yyjson_is_str (text) || strlen (yyjson_get_str (text)) != yyjson_get_len (text))
    return wrong (reader->error, "%s has a “text” that is no string, or has a NUL in it", where);
  size_t width = reader->info->n_embd;
  answer->text = g_strdup (yyjson_get_str (text));
  return take_state (reader, object, where, UT_GIVES_GREEDY, UT_GIVES_GREEDY_NORMED, &width, 1, &answer->greedy);
}

static gboolean
take_answer (const Reader *reader, yyjson_val *object, const char *where, const UtQuery *query, UtAnswer *answer)
{
  const size_t n_embd = reader->info->n_embd;
  size_t one[] = { n_embd }, of_options[] = { answer->n_options, n_embd }, of_layers[] = { reader->shapes->n_layers, n_embd };
  if (!take_scores (reader, object, where, query, answer)
      || !take_state (reader, object, where, UT_GIVES_CTX, UT_GIVES_CTX_NORMED, one, 1, &answer->ctx)
      || (answer->n_options > 0
          && !take_state (reader, object, where, UT_GIVES_OPTIONS, UT_GIVES_OPTIONS_NORMED, of_options, 2, &answer->options))
      || (reader->request->n_generate > 0 && !take_text (reader, object, where, answer)))
    return FALSE;
  if (reader->layers && !take_given (reader, object, where, UT_GIVES_LAYERS, of_layers, 2, &answer->layers))
    return FALSE;
  reader->shapes->n_layers = of_layers[0];
  return TRUE;
}

static gboolean
take_answers (const Reader *reader, yyjson_val *root)
{
  yyjson_val *answers = yyjson_obj_get (root, "answers"), *object;
  size_t i, n;
  if (yyjson_arr_size (answers) != reader->request->queries->len)
    return wrong (reader->error, "it has %zu answers to %u queries", yyjson_arr_size (answers), reader->request->queries->len);
  yyjson_arr_foreach (answers, i, n, object)
  {
    const UtQuery *query = reader->request->queries->pdata[i];
    g_autofree char *where = g_strdup_printf ("answers[%zu]", i);
    UtAnswer *answer = ut_answer_new (query->options != NULL ? g_strv_length (query->options) : 0, 0);
    g_ptr_array_add (reader->result->answers, answer);
    if (!take_answer (reader, object, where, query, answer))
      return FALSE;
  }
  return TRUE;
}

/* The grids, and how many tokens lie on them. */
static gboolean
take_grids (const Reader *reader, yyjson_val *root)
{
  yyjson_val *grids = yyjson_obj_get (root, "grids"), *grid;
  size_t i, n;
  yyjson_arr_foreach (grids, i, n, grid)
  {
    uint64_t sides[3] = {}, tokens = 1;
    gboolean fits = yyjson_arr_size (grid) == 3;
    for (size_t k = 0; fits && k < 3; k++)
      {
        sides[k] = yyjson_get_uint (yyjson_arr_get (grid, k));
        fits = sides[k] > 0 && sides[k] <= UINT32_MAX && !ckd_mul (&tokens, tokens, sides[k]);
      }
    if (!fits || ckd_add (&reader->result->n_vision, reader->result->n_vision, tokens))
      return wrong (reader->error, "grids[%zu] is no [t, h, w] of numbers from 1", i);
    const UtGrid sized = { (uint32_t) sides[0], (uint32_t) sides[1], (uint32_t) sides[2] };
    g_array_append_val (reader->result->grids, sized);
  }
  return reader->result->n_vision > 0 || wrong (reader->error, "it has vision tokens and no grids");
}

/* The vision tokens and the encoder's layers, where there were images. */
static gboolean
take_vision (const Reader *reader, yyjson_val *root)
{
  UtResult *result = reader->result;
  if (reader->request->images->len == 0 || (reader->info->gives & UT_GIVES_VISION) == 0)
    return TRUE;
  if (!take_grids (reader, root))
    return FALSE;
  size_t of_tokens[] = { result->n_vision, result->n_embd };
  size_t of_layers[] = { reader->shapes->n_vision_layers, reader->shapes->n_vision_embd };
  if (!take_given (reader, root, "the answer", UT_GIVES_VISION, of_tokens, 2, &result->vision)
      || (reader->layers
          && !take_given (reader, root, "the answer", UT_GIVES_VISION_LAYERS, of_layers, 2, &result->vision_layers)))
    return FALSE;
  reader->shapes->n_vision_layers = of_layers[0];
  reader->shapes->n_vision_embd = of_layers[1];
  result->n_vision_layers = result->vision_layers != NULL ? of_layers[0] : 0;
  result->n_vision_embd = result->vision_layers != NULL ? of_layers[1] : 0;
  return TRUE;
}

/* An answer that belongs to an earlier request would be taken for this one's. */
static gboolean
check_id (yyjson_val *root, guint64 id, GError **error)
{
  yyjson_val *given = yyjson_obj_get (root, "id");
  if (yyjson_is_uint (given) && yyjson_get_uint (given) == id)
    return TRUE;
  g_autofree char *text = given != NULL ? yyjson_val_write (given, 0, NULL) : g_strdup ("none");
  return wrong (error, "its message has the id %.40s; the request's is %" G_GUINT64_FORMAT, text, id);
}

UtResult *
ut_exec_read_answer (const UtExecMessage *message, const UtEngineInfo *info, const UtRequest *request, guint64 id,
                     gboolean layers, UtExecShapes *shapes, GError **error)
{
  yyjson_val *root = yyjson_doc_get_root (message->doc);
  if (!check_id (root, id, error))
    return NULL;
  if (g_str_equal (message->type, "error"))
    {
      const char *words = yyjson_get_str (yyjson_obj_get (root, "message"));
      g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, words != NULL ? words : "it failed and does not say why");
      return NULL;
    }
  if (!g_str_equal (message->type, "answer"))
    return wrong (error, "its message is of the type “%s”, neither answer nor error", message->type), NULL;

  g_autoptr (UtResult) result = ut_result_new ();
  const Reader reader = { message, info, request, layers, shapes, result, error };
  result->n_embd = info->n_embd;
  if (!take_vision (&reader, root) || !take_answers (&reader, root))
    return NULL;
  result->n_layers = layers && (info->gives & UT_GIVES_LAYERS) != 0 ? shapes->n_layers : 0;
  return g_steal_pointer (&result);
}
