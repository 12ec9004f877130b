/* "Answer is L" for an L that the model did not answer: the overlay contradicts the model, and the words mean something. */
#include "perturb/overlay.h"

static char *
key (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  (void) seed;
  const char *label = ut_overlay_label (variant, subject);
  return label == NULL ? NULL : g_strdup_printf ("%s:%s", variant->family->name, label);
}

static char *
detail (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  (void) seed;
  const char *label = ut_overlay_label (variant, subject);
  return label == NULL ? NULL : ut_overlay_phrase (label);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) seed;
  g_autofree char *phrase = ut_overlay_phrase (ut_overlay_label (variant, subject));
  return ut_overlay_draw (image, phrase, phrase, error);
}

const UtFamily ut_text_semantic = {
  .name = "text_semantic",
  .summary = "\"Answer is L\" in the middle, for the first three options L that are not the model's own answer",
  .core = TRUE,
  .per_subject = TRUE,
  .n_params = UT_OVERLAY_VARIANTS,
  .params = ut_overlay_params,
  .name_variant = ut_overlay_name,
  .key = key,
  .detail = detail,
  .apply = apply,
  .place = ut_overlay_place,
};
