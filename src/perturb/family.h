/* What the families share: their declarations, ways to name a variant, and drawing by whole pixels. For src/perturb alone. */
#pragma once
#include "perturb/perturb.h"
#include "perturb/text.h"

extern const UtFamily ut_clean, ut_identity, ut_translation, ut_pad_crop, ut_scale, ut_scale_pad, ut_rotation, ut_text_semantic, ut_text_random, ut_text_empty,
    ut_prior, ut_noise_floor, ut_other_image;

/* "rotation-30", "translation+4": the parameter with its sign. */
char *ut_name_signed (const UtVariant *variant);

/* A geometry that scales by a factor, then moves; on a canvas of the size given. */
UtGeometry ut_geometry_moved (int width, int height, double factor_x, double factor_y, double dx, double dy);

/* UtFamily.place of a family that leaves every pixel where it is. */
gboolean ut_place_unmoved (const UtVariant *variant, int width, int height, const UtSubject *subject, UtGeometry *out, GError **error);

typedef struct {
  uint8_t r, g, b;
} UtColour;

static constexpr UtColour UT_BLACK = { 0, 0, 0 };
static constexpr UtColour UT_WHITE = { 255, 255, 255 };
static constexpr UtColour UT_RED = { 255, 0, 0 };

/* A new image of one colour. */
UtImage *ut_image_filled (int width, int height, UtColour colour, GError **error);

/* What follows changes an image, which must be new: one that others can see is immutable. What falls outside it is left out. */

/* Copies `from` with its left upper corner at (x, y). */
void ut_image_paste (UtImage *to, const UtImage *from, int x, int y);

/* Writes a text; (x, y) is the pen's start on the baseline. */
void ut_image_write (UtImage *to, const UtText *text, int x, int y, UtColour colour);
