/* The box of text_semantic with nothing in it: what covering the middle does, without words. */
#include "perturb/overlay.h"

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) seed;
  g_autofree char *phrase = ut_overlay_phrase (ut_overlay_other_label (variant, subject));
  return ut_overlay_draw (image, phrase, NULL, error);
}

const UtFamily ut_text_empty = {
  .name = "text_empty",
  .summary = "the box of text_semantic without text",
  .per_subject = TRUE,
  .n_params = UT_OVERLAY_VARIANTS,
  .params = ut_overlay_params,
  .name_variant = ut_overlay_name,
  .key = ut_overlay_key,
  .target = ut_overlay_other_label,
  .apply = apply,
  .place = ut_overlay_place,
};
