/* What the families share: their declarations, ways to name a variant, and drawing by whole pixels. For src/perturb alone. */
#pragma once
#include "perturb/perturb.h"
#include "perturb/text.h"

extern const UtFamily ut_clean, ut_translation, ut_pad_crop, ut_scale, ut_scale_pad, ut_rotation, ut_text_semantic,
    ut_text_random, ut_text_empty, ut_identity, ut_translation_vertical, ut_occlusion, ut_jpeg, ut_blur, ut_brightness,
    ut_contrast, ut_gaussian_noise, ut_text_fixed, ut_text_right, ut_keep_low, ut_keep_high, ut_band_noise_low,
    ut_band_noise_high, ut_band_noise_all, ut_signs_low, ut_signs_high, ut_signs_all, ut_folder, ut_prior, ut_prior_none,
    ut_noise_floor, ut_other_image;

/* UtFamily.name_variant: the family's name; with the parameter and its sign ("rotation-30", "translation+4"); with the parameter
 * ("scale0.9"), and the trial where there are several ("band_noise_low4-1"). */
char *ut_name_plain (const UtVariant *variant);
char *ut_name_signed (const UtVariant *variant);
char *ut_name_number (const UtVariant *variant);

/* The steps in pixels that moving and cutting families have in common: the paper's, and the ladder of method.md §2. */
constexpr unsigned UT_N_STEPS = 8;
constexpr unsigned UT_N_STEP_LADDER = 12;
extern const double ut_steps[UT_N_STEPS], ut_step_ladder[UT_N_STEP_LADDER];
extern const UtRange ut_step_range;

/* UtFamily.apply of a family that leaves the image as it is. */
UtImage *ut_apply_unchanged (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error);

/* A variant of a family, unnamed, without an id yet. */
UtVariant *ut_variant_new (const UtFamily *family, double param);
void ut_variant_free (UtVariant *variant);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtVariant, ut_variant_free)

/* A geometry that scales by a factor, then moves; on a canvas of the size given. */
UtGeometry ut_geometry_moved (int width, int height, double factor_x, double factor_y, double dx, double dy);

/* UtFamily.place of a family that leaves every pixel where it is. */
gboolean ut_place_unmoved (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed,
                           UtGeometry *out, GError **error);

typedef struct {
  uint8_t r, g, b;
} UtColour;

static constexpr UtColour UT_BLACK = { 0, 0, 0 };
static constexpr UtColour UT_WHITE = { 255, 255, 255 };
static constexpr UtColour UT_RED = { 255, 0, 0 };
static constexpr UtColour UT_GREY = { 128, 128, 128 };

/* A new image of one colour. */
UtImage *ut_image_filled (int width, int height, UtColour colour, GError **error);

/* What follows changes an image, which must be new: one that others can see is immutable. What falls outside it is left out. */

/* Copies `from` with its left upper corner at (x, y). */
void ut_image_paste (UtImage *to, const UtImage *from, int x, int y);

/* Writes a text; (x, y) is the pen's start on the baseline. */
void ut_image_write (UtImage *to, const UtText *text, int x, int y, UtColour colour);

/* A new image, each value of the old one (as 0..255, whatever its channel) replaced by that of the table. */
UtImage *ut_image_map (const UtImage *image, const uint8_t table[256], GError **error);

/* The nearest level of a value, half to even, within 0..255. */
uint8_t ut_level (double value);
