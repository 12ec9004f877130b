/* What the families that write on an image share: the target label, and a white box in the middle of the image, sized by the phrase
 * "Answer is L", with red text or none. For src/perturb alone. */
#pragma once
#include "perturb/family.h"

/* The ordinals 0, 1, 2 of an overlay family's variants. */
static constexpr unsigned UT_OVERLAY_VARIANTS = 3;
extern const double ut_overlay_params[];

/* "text_semantic-1": ordinals are named from 1. */
char *ut_overlay_name (const UtVariant *variant);

/* UtFamily.target: of the labels other than the clean prediction, the one with the variant's ordinal. */
const char *ut_overlay_other_label (const UtVariant *variant, const UtSubject *subject);

/* UtFamily.key, .detail and .apply of a family that writes "Answer is L", L its target. */
char *ut_overlay_key (const UtVariant *variant, const UtSubject *subject, uint64_t seed);
char *ut_overlay_detail (const UtVariant *variant, const UtSubject *subject, uint64_t seed);
UtImage *ut_overlay_apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error);

/* "Answer is L". */
char *ut_overlay_phrase (const char *label);

/* UtFamily.place: the box covers the middle. */
gboolean ut_overlay_place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed,
                           UtGeometry *out, GError **error);

/* `image` with the box that `phrase` fits in, and `text` (NULL: none) written where the phrase would start. */
UtImage *ut_overlay_draw (const UtImage *image, const char *phrase, const char *text, GError **error);
