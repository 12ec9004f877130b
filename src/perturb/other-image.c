/* The matched control: the same question on the image of another item, which the run gives in place of the item's own. How far that moves a
 * representation is what an image can do to it; the paper's control changes the question too. */
#include "perturb/family.h"

const UtFamily ut_other_image = {
  .name = "other_image",
  .summary = "the same question on another item's image: the matched control of drift",
  .role = UT_ROLE_CONTROL,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = ut_name_plain,
  .apply = ut_apply_unchanged,
};
