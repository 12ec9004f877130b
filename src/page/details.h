/* All that the sample browser shows of one question: the answers under every variant with their probabilities, drift by channel and layer,
 * what became of the pixels, and small copies of the images.
 *
 * It is one JSON object. What is known of each trial stands in arrays in the order of `variants`:
 *
 *   variants    [number…] of the trials there are
 *   p           [[probability of each option…]…]
 *   width, height, psnr, linf, touched, detail, label, error   of `trials` and `pixel_changes`; of an error the first 1,000 characters
 *   open, mcq   the greedy answers to the two prompts; only where there are some
 *   drift       {channel: [drift…]}, layers included, in a reader's order
 *   control     {channel: the question's control drift}
 *   tokens      [{width, height, values}…]: how far each vision token of the first image moved, values as float32 in base64, row by row from the
 *               top left; null in trials that it is not known of, and left out where it is known of none
 *   images      [[name…]…] or null where they could not be made; `missing` says why, or null
 *   prompts     {open, closed}: the words that were asked; null where they are not known
 *
 * What is not known is null. */
#pragma once
#include "run/replay.h"

/* Keeps the bytes of an image; the name that it goes by, which the caller owns, or NULL with an error. */
typedef char *(*UtKeepImage) (GBytes *webp, void *data, GError **error);

typedef struct _UtDetails UtDetails;

/* Reads a run. Without a `replay` there are no images. No side of an image is longer than `longest_side`, pixels. All is borrowed. */
UtDetails *ut_details_new (UtDb *db, UtReplay *replay, int longest_side, UtKeepImage keep, void *data, GError **error);
void ut_details_free (UtDetails *details);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtDetails, ut_details_free)

/* Appends the object of an item. An image that cannot be made is no error but `missing`. */
gboolean ut_details_append (UtDetails *details, GString *json, unsigned item, GError **error);

/* Forgets which images were kept: those of later items are kept anew. */
void ut_details_forget (UtDetails *details);

/* Of how many trials images could not be made; trials that failed are not counted. */
unsigned ut_details_n_missing (const UtDetails *details);
