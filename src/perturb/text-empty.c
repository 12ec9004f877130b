/* The box of text_semantic with nothing in it: what covering the middle does, without words. */
#include "perturb/overlay.h"

static char *
key (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  (void) seed;
  const char *label = ut_overlay_label (variant, subject);
  return label == NULL ? NULL : g_strdup_printf ("%s:%s", variant->family->name, label);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) seed;
  g_autofree char *phrase = ut_overlay_phrase (ut_overlay_label (variant, subject));
  return ut_overlay_draw (image, phrase, NULL, error);
}

const UtFamily ut_text_empty = {
  .name = "text_empty",
  .summary = "the box of text_semantic without text",
  .per_subject = TRUE,
  .n_params = UT_OVERLAY_VARIANTS,
  .params = ut_overlay_params,
  .name_variant = ut_overlay_name,
  .key = key,
  .apply = apply,
  .place = ut_overlay_place,
};
