/* What the families share: their declarations, ways to name a variant, and drawing by whole pixels. For src/perturb alone. */
#pragma once
#include "perturb/perturb.h"

extern const UtFamily ut_clean, ut_translation, ut_pad_crop, ut_scale, ut_scale_pad, ut_rotation, ut_text_semantic, ut_text_random, ut_text_empty,
    ut_prior;

/* "rotation-30", "translation+4": the parameter with its sign. */
char *ut_name_signed (const UtVariant *variant);

typedef struct {
  uint8_t r, g, b;
} UtColour;

static constexpr UtColour UT_BLACK = { 0, 0, 0 };
static constexpr UtColour UT_WHITE = { 255, 255, 255 };

/* A new image of one colour. */
UtImage *ut_image_filled (int width, int height, UtColour colour, GError **error);

/* Copies `from` into `to` with its left upper corner at (x, y), which may lie outside: what falls outside is left out. `to` must be new:
 * an image that others can see is immutable. */
void ut_image_paste (UtImage *to, const UtImage *from, int x, int y);
