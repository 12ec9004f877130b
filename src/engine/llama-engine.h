/* What the files of the llama engine share; llama.h says what they do together.
 *
 *   llama.c           opening and closing; a whole request
 *   llama-text.c      tokens and the chat template
 *   llama-prefix.c    images and the text before them, encoded and decoded once
 *   llama-query.c     prompts and options behind the prefix, and their scores
 *   llama-greedy.c    greedy answers
 *   llama-decode.c    one decode of many suffixes
 *   llama-capture.c   what is read inside the graphs while they run */
#pragma once
#include <llama.h>
#include <mtmd.h>

#include "engine/engine.h"

constexpr int UT_LLAMA_MAX_OUTPUTS = 512;  /* rows of logits a decode: n_vocab floats each */
constexpr int UT_LLAMA_MAX_SEQUENCES = 64; /* the prefix in sequence 0, the others for suffixes */

/* Graph nodes are named so, with the layer's number behind: the residual after a layer of the decoder, and of the encoder. */
#define UT_LLAMA_LAYER_NODE "l_out-"
#define UT_LLAMA_VISION_LAYER_NODE "layer_out-"

/* Where one graph node's rows are copied while a decode runs. */
typedef struct {
  char name[32]; /* the whole name of the node */
  GArray *rows;  /* float: [rows seen, n_embd] */
  size_t n_embd; /* width of a row, from the node itself */
} Capture;

/* Means over an image's patches after every layer of the encoder, over all images (or slices) of a request. */
typedef struct {
  GPtrArray *sums;  /* double *, [n_embd] a layer */
  size_t n_embd;    /* the encoder's own */
  size_t n_patches; /* summed so far */
  gboolean capturing;
} VisionLayers;

typedef struct {
  UtEngine base;
  struct llama_model *model;
  struct llama_context *ctx;
  mtmd_context *mtmd;
  const struct llama_vocab *vocab;
  const char *template;
  char *marker;   /* stands for an image in the text handed to libmtmd */
  char *system;   /* the words of the template's own system turn; NULL where it has none */
  char *opening;  /* what the template writes between the open turn of the assistant and its words: SmolVLM's has a space there */
  char *closing;  /* what it writes after them */
  const char *around_image; /* what the model's processor writes on both sides of an image and libmtmd does not; NULL for nothing */
  Capture last;   /* residual after the last layer: the paper's channel */
  Capture normed; /* the same after the final norm */
  gboolean capturing;
  gboolean layers; /* whether what comes out of every layer is wanted */
  int n_decoder;
  Capture *decoder; /* [n_decoder] after each, of the rows in `ends`; NULL unless `layers` */
  GArray *ends;     /* int: the rows of a decode that are prompts' last tokens; empty where the layers are not wanted */
  VisionLayers vision;
  gboolean batching; /* suffixes of many queries in one batch, or one after the other */
  int n_batch;
} LlamaEngine;

/* ── llama.c ────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The first error that the libraries logged in this thread since the request began, in their words. */
const char *ut_llama_why (void);

/* ── llama-text.c ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  llama_token *tokens;
  int n_tokens;
} Tokens;

Tokens ut_llama_tokenize (const LlamaEngine *engine, const char *text, bool add_special);
void ut_llama_tokens_clear (Tokens *tokens);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tokens, ut_llama_tokens_clear)

/* How many tokens the two begin with in common. */
int ut_llama_common_prefix (const Tokens *a, const Tokens *b);

/* The conversation in the model's own template; `assistant` NULL leaves the assistant's turn open. NULL where libllama does not know
 * the template. The caller owns it. */
char *ut_llama_apply_template (const LlamaEngine *engine, const char *user, const char *assistant);

/* Takes the model's template and finds what it writes of its own, and what before and after the assistant's words. */
gboolean ut_llama_learn_template (LlamaEngine *engine, GError **error);

/* ── llama-capture.c ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* ggml's callbacks, `data` the engine: of the decoder's graph, and of the encoder's. */
bool ut_llama_on_node (struct ggml_tensor *node, bool ask, void *data);
bool ut_llama_on_vision_node (struct ggml_tensor *node, bool ask, void *data);

/* Forgets what was captured, and captures from now on. */
void ut_llama_start_capture (LlamaEngine *engine);

/* Row `i` of a capture into out [n_embd]; an error where the model's graph has no such node or row. */
gboolean ut_llama_captured_row (const LlamaEngine *engine, const Capture *capture, size_t i, float *out, GError **error);
gboolean ut_llama_captured_state (const LlamaEngine *engine, size_t i, const UtState *out, GError **error);

/* The mean of the rows [from, from + n), into raw and normed [n_embd]. */
gboolean ut_llama_captured_mean (const LlamaEngine *engine, size_t from, size_t n, float *raw, float *normed, GError **error);

/* ── llama-decode.c ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Tokens to decode in sequence `seq` from position `pos`; logits of all of them or of the last alone. */
typedef struct {
  const llama_token *tokens;
  int n_tokens;
  llama_seq_id seq;
  llama_pos pos;
  gboolean all_logits;
} Suffix;

/* Decodes suffixes [n] as one batch. Logits of a suffix's first output stand at row out_first[i] of the batch. */
gboolean ut_llama_decode_suffixes (LlamaEngine *engine, const Suffix *suffixes, size_t n, int *out_first, GError **error);

/* log p(token) under logits [n_vocab], summed in double and in order. NaN where a logit is not finite. */
double ut_llama_log_prob (const LlamaEngine *engine, const float *logits, llama_token token);

/* The token with the largest logit, of several the first. */
llama_token ut_llama_likeliest (const LlamaEngine *engine, const float *logits);

/* What bounds a batch: sequences, tokens, rows of logits and cells of the context, as far as they are taken. */
typedef struct {
  int n_sequences, max_sequences, n_tokens, n_outputs, n_cells;
} Room;

/* Whether a suffix still fits; takes its room if so. */
gboolean ut_llama_take_room (const LlamaEngine *engine, Room *room, int n_tokens, int n_outputs);

/* Cuts the memory back to the prefix. */
gboolean ut_llama_keep_prefix (LlamaEngine *engine, llama_pos prefix_pos, GError **error);

/* ── llama-prefix.c ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The images of a request as the encoder leaves them: encoded when they are first needed, each once. */
typedef struct {
  const UtRequest *request;
  GPtrArray *images; /* GArray *, one an image: its pieces, the whole or an overview and slices */
} Encoded;

Encoded *ut_llama_encoded_new (LlamaEngine *engine, const UtRequest *request);
void ut_llama_encoded_free (Encoded *encoded);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Encoded, ut_llama_encoded_free)

/* What queries stand behind: the templated text to the end of the last image's marker, "" without images. Queries that begin alike
 * share it. */
typedef struct {
  char *text;
  unsigned *order; /* which of the request's images stands at each marker */
} Prefix;

void ut_llama_prefix_clear (Prefix *prefix);
gboolean ut_llama_prefix_equal (const Prefix *a, const Prefix *b, size_t n_images);

/* Empties the memory and decodes the prefix in sequence 0; *out_pos is the position after it, *out_cells the cells it takes. */
gboolean ut_llama_decode_prefix (LlamaEngine *engine, const Prefix *prefix, Encoded *encoded, llama_pos *out_pos, int *out_cells,
                                 GError **error);

/* Hands tokens and layer means of all images that were encoded to the result. */
gboolean ut_llama_keep_images (const LlamaEngine *engine, const Encoded *encoded, UtResult *result, GError **error);

/* ── llama-query.c ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A text that is scored as the answer to a query: an option's, with the tokens that close the turn, or its label, without. */
typedef struct {
  const char *text;
  Tokens whole;                 /* prompt, text and closing tokens */
  int start;                    /* where it leaves the prompt */
  int n_text;                   /* tokens of the text alone */
  double logprob, logprob_text; /* so far */
} Option;

/* A query being evaluated. */
typedef struct {
  const UtQuery *query;
  UtAnswer *answer;
  Prefix prefix;
  char *text; /* behind the prefix, to the open turn of the assistant */
  Tokens prompt;
  Option *options; /* [n_options]: the query's options, then their labels */
  unsigned n_options;
  llama_seq_id seq;
} Work;

/* Tokenises the prompt and its options. NULL where they do not go with the model. */
Work *ut_llama_work_new (const LlamaEngine *engine, const UtRequest *request, const UtQuery *query, UtAnswer *answer,
                         GError **error);
void ut_llama_work_free (Work *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Work, ut_llama_work_free)

/* Scores works [n] behind their common prefix, which alone is left in the memory. */
gboolean ut_llama_score_works (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int prefix_cells,
                               GError **error);

/* ── llama-greedy.c ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Writes the greedy answers to works [n] behind their common prefix, all together: at every step one token of each that has not
 * ended. The prefix alone is left in the memory. */
gboolean ut_llama_answer_works (LlamaEngine *engine, Work *const *works, size_t n, llama_pos prefix_pos, int prefix_cells,
                                int n_generate, GError **error);
