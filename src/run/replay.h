/* The images of a stored run, made again: the benchmark is opened as the run did, and perturbed with its variants, parameters and seed. What
 * comes of it is held against what the run noted, so that an image is either the one the model saw or an error. */
#pragma once
#include "dataset/dataset.h"
#include "db/db.h"
#include "prompt/prompt.h"

typedef struct _UtReplay UtReplay;

/* Where the benchmark is now; NULL for where the run found it. */
typedef struct {
  const char *dataset, *images;
} UtReplayPlace;

/* Opens the benchmark of a run. UT_ERROR_FAILED, in one sentence, where it is gone, asks other questions than the run did, or the run does not
 * say how it was read. `db` is borrowed, and must outlive it. */
UtReplay *ut_replay_open (UtDb *db, const UtReplayPlace *place, GError **error);
void ut_replay_close (UtReplay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtReplay, ut_replay_close)

/* What the images of the item under the variant are made of, with what the run noted of them: where keys are equal, so is all that
 * ut_replay_images gives. NULL where the trial failed, and with an error where the run cannot be read. The caller owns it. */
char *ut_replay_key (UtReplay *replay, unsigned item, unsigned variant, GError **error);

/* The images that the model saw of the item under the variant, UtImage *; none where the variant is to have none. UT_ERROR_FAILED where
 * they cannot be made, or are not those: their size, the ratio of signal to noise or what stands on them differs from what the run noted.
 * Quickest where items on the same images follow each other. */
GPtrArray *ut_replay_images (UtReplay *replay, unsigned item, unsigned variant, GError **error);

/* The words the item was asked with, without options and with them. FALSE where the run does not say. */
gboolean ut_replay_words (UtReplay *replay, unsigned item, UtWords *out_open, UtWords *out_closed);
