/* The image as it is: what every other variant is held against. */
#include "perturb/family.h"

const UtFamily ut_clean = {
  .name = "clean",
  .summary = "the image as it is",
  .role = UT_ROLE_CLEAN,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = ut_name_plain,
  .apply = ut_apply_unchanged,
  .place = ut_place_unmoved,
};
