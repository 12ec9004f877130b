/* "Answer is L" for the right answer L: what the words alone can move, where they tell the truth. */
#include "perturb/overlay.h"

static const char *
target (const UtVariant *variant, const UtSubject *subject)
{
  (void) variant;
  return subject->right_answer < 0 ? NULL : subject->labels[subject->right_answer];
}

const UtFamily ut_text_right = {
  .name = "text_right",
  .summary = "\"Answer is L\" for the right answer L",
  .on_request = TRUE,
  .per_subject = TRUE,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = ut_name_plain,
  .key = ut_overlay_key,
  .target = target,
  .detail = ut_overlay_detail,
  .apply = ut_overlay_apply,
  .place = ut_overlay_place,
};
