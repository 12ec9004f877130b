/* "Answer is L" for one and the same L, whatever the model answers. text_semantic argues against the model's own answer, and is adversarial
 * by that choice; this one is not chosen. */
#include "perturb/overlay.h"

/* The parameter counts the labels from 1. */
static const char *
target (const UtVariant *variant, const UtSubject *subject)
{
  const unsigned ordinal = (unsigned) variant->param - 1;
  return ordinal < subject->n_labels ? subject->labels[ordinal] : NULL;
}

static char *
name_variant (const UtVariant *variant)
{
  return g_strdup_printf ("%s-%d", variant->family->name, (int) variant->param);
}

const UtFamily ut_text_fixed = {
  .name = "text_fixed",
  .summary = "\"Answer is L\" for the first label L of every question; its numbers choose others (2 is B, or No)",
  .on_request = TRUE,
  .per_subject = TRUE,
  .n_params = 1,
  .params = (const double[]) { 1 },
  .range = &(const UtRange) { "the place of a label, a whole number", 1, 26, TRUE },
  .name_variant = name_variant,
  .key = ut_overlay_key,
  .target = target,
  .detail = ut_overlay_detail,
  .apply = ut_overlay_apply,
  .place = ut_overlay_place,
};
