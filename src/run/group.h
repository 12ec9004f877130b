/* A group: the questions on one image (or on the same images), evaluated together, and what their clean trial gave. */
#pragma once
#include "dataset/dataset.h"
#include "engine/engine.h"
#include "perturb/perturb.h"
#include "prompt/prompt.h"
#include "run/score.h"

/* Where a question's representations are read, in the order they are stored; UT_N_CHANNELS of them. */
typedef enum {
  UT_VISION,
  UT_CTX_OPEN,
  UT_CTX_OPEN_NORMED,
  UT_CTX_MCQ,
  UT_CTX_MCQ_NORMED,
  UT_ANS_OPEN,
  UT_ANS_OPEN_NORMED,
  UT_ANS_MCQ,
  UT_ANS_MCQ_NORMED,
  UT_ANS_MCQ_FREE,
  UT_ANS_MCQ_FREE_NORMED,
  UT_N_CHANNELS
} UtChannel;

typedef struct {
  const char *name;
  const char *summary;
} UtChannelInfo;

extern const UtChannelInfo ut_channels[UT_N_CHANNELS];

/* The channel after a layer, counted from 0: "vision.3" of the encoder (mean over its patches), "llm.3" of the decoder (last token of the
 * prompt with options). Never freed. */
const char *ut_vision_layer_name (size_t layer);
const char *ut_llm_layer_name (size_t layer);

/* One question under one variant, measured. */
typedef struct {
  int predicted;
  float
      *channels[UT_N_CHANNELS]; /* [n_embd] each; NULL for `vision` without an image, for answers that were not asked for, for the
                                   * chosen option's before it is chosen, and for what the engine does not give */
  UtState options;              /* [n_options, n_embd]: what `ans_mcq` is chosen from; NULL the same */
  float *layers;                /* [n_layers, n_embd]: the channels llm.L; NULL where they were not asked for */
  size_t n_layers;
  char *text_open, *text_mcq; /* the greedy answers; NULL where they were not asked for */
  UtScore *scores;            /* [n_options] */
  double *no_image; /* [n_options]: s_k with no image in the prompt; of a clean view alone, NULL where the engine gives none */
  unsigned n_options;
  gboolean failed; /* there was no result, and there is nothing else here */
} UtView;

/* The vision tokens of one result, which all questions on it share. */
typedef struct {
  float *tokens; /* [n_tokens, n_embd], raster order, images one after the other */
  size_t n_tokens, n_embd;
  UtGrid *grids; /* [n_grids], one an image (or slice) */
  size_t n_grids;
  unsigned *n_slices; /* [n_images]: how many of the grids are of each image; NULL, n_images being 0, where that is not known */
  size_t n_images;
  float *pooled; /* [n_embd], their mean */
  float *layers; /* [n_layers, n_embd_layers]: the channels vision.L; NULL where they were not asked for */
  size_t n_layers, n_embd_layers;
} UtVision;

typedef struct {
  GPtrArray *items;        /* const UtItem *, borrowed */
  GPtrArray *images;       /* UtImage *, clean */
  GPtrArray *names;        /* const char *, the images' names in the benchmark, borrowed */
  UtView *clean;           /* [items->len], filled by the clean trial; scores NULL where it failed */
  UtVision **clean_vision; /* [items->len], references; NULL without an image */
  UtView *prior;           /* [items->len], filled by the run's prior; scores NULL where there is none */
  size_t n_embd;
} UtGroup;

UtGroup *ut_group_new (void);
UtGroup *ut_group_ref (UtGroup *group);
void ut_group_unref (UtGroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtGroup, ut_group_unref)

/* Questions on the same images, in the order of their first one. GPtrArray of UtGroup *, without images yet. */
GPtrArray *ut_groups_of_items (GPtrArray *items);

/* Makes room for what the clean trial and the prior give. */
void ut_group_begin (UtGroup *group);

/* What a perturbation may know of the i-th question and of its first image. Borrows from the group. */
UtSubject ut_group_subject (const UtGroup *group, size_t i);

/* Decodes an item's images and adds them to `out`, UtImage *. */
gboolean ut_item_images (UtDataset *dataset, const UtItem *item, GPtrArray *out, GError **error);

/* Gives a group its clean images and their names, which the dataset keeps. */
gboolean ut_group_load (UtGroup *group, UtDataset *dataset, GError **error);

/* The images that a question of the group is asked on under a variant, UtImage *; none where the variant is to have none. `others`, where it is
 * not NULL, stand for the group's own. */
GPtrArray *ut_group_render (const UtGroup *group, const UtVariant *variant, const UtSubject *subject, GPtrArray *others, guint64 seed,
                            GError **error);

/* Adds the two queries of an item, first the open prompt, then the one with options. */
void ut_view_add_queries (UtRequest *request, const UtPrompt *prompt, const UtItem *item);

/* The words an item is asked with, and where images stand in them: items on the same images with equal words have equal views. The caller
 * owns it. */
char *ut_view_words (const UtPrompt *prompt, const UtItem *item);

/* Takes the tokens out of a result; a new reference, NULL where it has none. */
UtVision *ut_vision_of_result (UtResult *result);
UtVision *ut_vision_ref (UtVision *vision);
void ut_vision_unref (UtVision *vision);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtVision, ut_vision_unref)

/* Reads an item's view from the answers at `first` and `first` + 1 of a result. Nothing is predicted yet. */
UtView ut_view_of_result (const UtResult *result, const UtVision *vision, size_t first);

/* The first channel of a view whose vector [n_embd] has a value that is no finite number, in words; NULL where there is none. */
char *ut_view_fault (const UtView *view, size_t n_embd);

/* Predicts the option with the largest score of the form, [n_embd] wide states in `ans_mcq`. `no_image` is the clean view's,
 * [n_options], or NULL. */
void ut_view_decide (UtView *view, const UtItem *item, const UtScoreForm *form, const double *no_image, size_t n_embd);
void ut_view_clear (UtView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtView, ut_view_clear)
