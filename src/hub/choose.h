/* Which files of a repository make up the model that was asked for: llama.cpp's rules. */
#pragma once
#include "hub/listing.h"
#include "hub/name.h"

typedef struct {
  GPtrArray *model;        /* UtHubFile *, borrowed: the text half, its parts in order */
  const UtHubFile *mmproj; /* the vision half, borrowed; NULL where none is wanted */
} UtHubChoice;

/* Chooses among `files` (UtHubFile *). `place` says where they lie, for the message: "on huggingface.co".
 *
 * - The model is the first file of the quantisation, without one that of Q4_K_M, of Q8_0, or the first of all. Where a file's name ends
 *   a longer word alike (BF16 for F16), one with the word itself goes first; llama.cpp takes what comes first.
 * - The mmproj lies in the model's folder or one above it, the nearest, and there is the one with the nearest number of bits.
 *
 * UT_ERROR_FAILED where there is none, naming what there is, or a part is missing. The caller clears *out. */
gboolean ut_hub_choose (GPtrArray *files, const UtHubName *name, gboolean want_mmproj, const char *place, UtHubChoice *out,
                        GError **error);

void ut_hub_choice_clear (UtHubChoice *choice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtHubChoice, ut_hub_choice_clear)
