/* An engine evaluates a vision-language model: images and prompts in; option log-probabilities and representations out.
 *
 * It knows nothing of benchmarks, perturbations or the store, and keeps nothing between requests, so that it can live in another
 * process (remote.c): ggml aborts the process on some bad files, and finished work must survive that. */
#pragma once
#include <glib.h>

#include "image/image.h"
#include "metric/metric.h"

/* Takes what an engine's program writes to its standard error, as it comes: [n] bytes. Called from the engine's thread. */
typedef void (*UtEngineListener) (const char *bytes, size_t n, void *data);

/* How a model is loaded. Names and meanings are llama.cpp's own; strings are borrowed and may be NULL. */
typedef struct {
  const char *engine;                     /* a name in ut_engines */
  const char *model;                      /* path of a GGUF */
  const char *mmproj;                     /* path of its vision half */
  const char *devices;                    /* -dev: comma-separated ggml device names, or "none"; NULL for all */
  const char *flash_attn;                 /* -fa: "on", "off" or "auto"; NULL for off, which is nearer to the model */
  int n_threads;                          /* -t */
  int n_ctx;                              /* -c */
  int n_gpu_layers;                       /* -ngl; -1 for llama.cpp's default */
  int image_min_tokens, image_max_tokens; /* -1: the model's own */
  gboolean layers;                        /* whether representations after every layer are wanted too */
  const char *command;                    /* --command, of the engine exec */
  int timeout;                            /* --timeout, the same: seconds */
  UtEngineListener listener;              /* the same; NULL where nobody listens */
  void *listener_data;
} UtEngineConfig;

/* What an engine may be unable to give, a bit each. Every engine gives the scores over text and closing tokens. */
typedef enum {
  UT_GIVES_LOGPROB_TEXT = 1 << 0,
  UT_GIVES_LOGPROB_LABEL = 1 << 1,
  UT_GIVES_N_TOKENS = 1 << 2,
  UT_GIVES_NO_IMAGE = 1 << 3, /* answers to requests without images */
  UT_GIVES_CTX = 1 << 4,
  UT_GIVES_CTX_NORMED = 1 << 5,
  UT_GIVES_OPTIONS = 1 << 6,
  UT_GIVES_OPTIONS_NORMED = 1 << 7,
  UT_GIVES_VISION = 1 << 8,
  UT_GIVES_VISION_LAYERS = 1 << 9,
  UT_GIVES_LAYERS = 1 << 10,
  UT_GIVES_TEXT = 1 << 11, /* greedy answers */
  UT_GIVES_GREEDY = 1 << 12,
  UT_GIVES_GREEDY_NORMED = 1 << 13,
  UT_GIVES_ALL = (1 << 14) - 1,
} UtGives;

/* Their names, by bit, as docs/exec-engine.md has them. NULL-terminated. */
extern const char *const ut_gives_names[];

/* The names of the bits, separated by ", ". The caller owns it. */
char *ut_gives_join (unsigned gives);

/* Where in a prompt an image stands. */
typedef struct {
  size_t at;      /* before this byte of the prompt */
  unsigned image; /* which of the request's */
} UtPlace;

/* One prompt on the request's images, in the user's turn. */
typedef struct {
  char *prompt;
  UtPlace *places; /* [n_places], ascending in `at`. Images that have no place stand before the text, in the request's order; in a
                    * request without images places mean nothing. */
  unsigned n_places;
  char **options; /* NULL-terminated answer texts to score; NULL for none */
  char **labels;  /* NULL-terminated, as many: what the prompt calls the options by; NULL where they are called by their texts */
} UtQuery;

typedef struct {
  GPtrArray *images;  /* UtImage *, in order; empty for a question without an image */
  GPtrArray *queries; /* UtQuery * */
  int n_generate;     /* tokens of a greedy answer to every query, at most; 0 for none */
} UtRequest;

/* The score of one option: sums of log p over its tokens, in nats (method.md §3). */
typedef struct {
  double logprob;      /* over the option's text and the template's closing tokens: the paper's s_k */
  double logprob_text; /* over the option's text alone; NaN where the engine does not give it */
  double
      logprob_label; /* over its label as the answer's first words: log p ("A"…); logprob_text where the query has no labels; NaN the
                         * same */
  int n_tokens;      /* tokens of the text, the closing ones left out; -1 the same */
} UtScore;

/* A representation after the last decoder layer, before the final norm and after it: [n_embd] each, or [n, n_embd]. Either is NULL where
 * the engine does not give it. */
typedef struct {
  float *raw, *normed;
} UtState;

/* What one query gave, all owned by the answer. Of an answer's tokens the mean of the states is taken where they are read. What an engine
 * does not give (UtEngineInfo) is NULL. */
typedef struct {
  UtScore *scores; /* [n_options], in the query's order */
  unsigned n_options;
  UtState ctx;     /* of the last prompt token: the paper's channel */
  UtState options; /* [n_options, n_embd]: means over each option's tokens, the closing ones left out; NULL without options */
  float *
      layers; /* [n_layers, n_embd]: of the last prompt token after every decoder layer; NULL unless the engine was asked for them */
  char *text;     /* the greedy answer, valid UTF-8; NULL where none was asked for */
  UtState greedy; /* mean over its tokens, with the one that ends it where it ended; NULL the same */
} UtAnswer;

typedef struct {
  GPtrArray *answers; /* UtAnswer *, in the order of the queries */
  GArray *grids;      /* UtGrid, one an image (or slice): where its tokens lie */
  GArray *n_slices;   /* unsigned, one an image of the request: how many of the grids are its, 1 where it is not cut. Empty where
                       * that is not known, or there are no grids */
  float *
      vision; /* [n_vision, n_embd]: the tokens the LLM receives, raster order, images one after the other; NULL where there are none
                  * or the engine does not give them, n_vision then being 0 and `grids` empty */
  size_t n_vision;
  float *
      vision_layers; /* [n_vision_layers, n_vision_embd]: mean over the patches after every layer of the encoder; NULL the same */
  size_t n_embd;
  size_t n_layers, n_vision_layers, n_vision_embd; /* 0 unless the engine was asked for layers */
  double generate_seconds;                         /* what the greedy answers took */
} UtResult;

/* What is known of a loaded model: the identity a run records. */
typedef struct {
  char *description; /* "qwen3vl 1.9M F16" */
  char *versions;    /* "llama 0.7.0, ggml 0.27.0" */
  char *backends;    /* "CPU, BLAS": loaded, in order */
  char *device;      /* "CPU" or the name of the GPU that holds layers */
  char *caveat;      /* why its numbers are not the model's, for the user; NULL where nothing of the kind is known */
  char **identity;   /* what else must be the same for a run to go on: key, value, key, value, NULL; NULL for nothing */
  size_t n_embd;     /* 0 where no representation is given */
  unsigned gives;    /* of UtGives */
} UtEngineInfo;

typedef struct _UtEngine UtEngine;

/* An engine's row in the table. An engine embeds UtEngine as its first member. */
typedef struct {
  const char *name;
  const char *summary;
  gboolean contained; /* it cannot take this process along, and needs no worker around it */
  UtEngine *(*open) (const UtEngineConfig *config, GError **error);
  UtResult *(*evaluate) (UtEngine *engine, const UtRequest *request, GError **error);
  void (*close) (UtEngine *engine);
} UtEngineClass;

struct _UtEngine {
  const UtEngineClass *class;
  UtEngineInfo info;
};

/* The table, NULL-terminated. */
extern const UtEngineClass *const ut_engines[];

/* Opens config->engine in this process. UT_ERROR_USAGE for an unknown engine or a bad setting; UT_ERROR_FAILED for a file that
 * will not do. Check files with ut_gguf_check first where the process must survive them. */
UtEngine *ut_engine_open (const UtEngineConfig *config, GError **error);

/* The same such that its death costs a request and never this process: in a worker process, unless the engine is one that needs none. */
UtEngine *ut_engine_open_contained (const UtEngineConfig *config, const char *program, GError **error);

/* Opens config->engine in a worker process, `program` (this one) run with the one argument UT_ENGINE_WORKER. A worker that dies
 * fails its request with UT_ERROR_ENGINE and is started anew for the next. */
UtEngine *ut_engine_open_remote (const UtEngineConfig *config, const char *program, GError **error);

#define UT_ENGINE_WORKER "--engine-worker"

/* The worker's whole life: reads requests on file descriptor `in`, answers on `out`, until end of file. Returns the exit code. */
int ut_engine_serve (int in, int out);

/* Evaluates one request; the caller owns the result. Not to be called from two threads at once. */
UtResult *ut_engine_evaluate (UtEngine *engine, const UtRequest *request, GError **error);
void ut_engine_close (UtEngine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtEngine, ut_engine_close)

void ut_engine_info_clear (UtEngineInfo *info);
void ut_query_free (UtQuery *query);
UtRequest *ut_request_new (void);
void ut_request_free (UtRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtRequest, ut_request_free)
/* `options` and `labels` as in UtQuery; all are copied. The images stand before the text until they are placed. The request owns the
 * query. */
UtQuery *ut_request_add_query (UtRequest *request, const char *prompt, const char *const *options, const char *const *labels);

/* Copies places [n], as in UtQuery. */
void ut_query_place_images (UtQuery *query, const UtPlace *places, unsigned n);

/* The request's images in the order in which they stand in the query, [images->len]; the caller owns it. *out_n_first (may be NULL) is
 * how many of them stand before the text. UT_ERROR_FAILED where places are out of order, twice the same image's or outside. */
unsigned *ut_query_image_order (const UtQuery *query, const UtRequest *request, unsigned *out_n_first, GError **error);

/* Zeros, [n, n_embd] twice. */
UtState ut_state_new (size_t n, size_t n_embd);
void ut_state_clear (UtState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtState, ut_state_clear)

UtAnswer *ut_answer_new (unsigned n_options, size_t n_embd);
UtResult *ut_result_new (void);
void ut_answer_free (UtAnswer *answer);
void ut_result_free (UtResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtResult, ut_result_free)
