/* The noise floor: the clean image evaluated again, with one question alone. Whatever moves here is the engine's own noise, and what a drift or a
 * margin's change has to exceed. */
#include "perturb/family.h"

const UtFamily ut_noise_floor = {
  .name = "noise_floor",
  .summary = "the clean image again, the first question on it alone: the engine's own noise (in every run)",
  .role = UT_ROLE_FLOOR,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = ut_name_plain,
  .apply = ut_apply_unchanged,
  .place = ut_place_unmoved,
};
