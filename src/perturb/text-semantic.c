/* "Answer is L" for an L that the model did not answer: the overlay contradicts the model, and the words mean something. */
#include "perturb/overlay.h"

const UtFamily ut_text_semantic = {
  .name = "text_semantic",
  .summary = "\"Answer is L\" in the middle, for the first three options L that are not the model's own answer",
  .core = TRUE,
  .per_subject = TRUE,
  .n_params = UT_OVERLAY_VARIANTS,
  .params = ut_overlay_params,
  .name_variant = ut_overlay_name,
  .key = ut_overlay_key,
  .target = ut_overlay_other_label,
  .detail = ut_overlay_detail,
  .apply = ut_overlay_apply,
  .place = ut_overlay_place,
};
