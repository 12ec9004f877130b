/* The image as it is, evaluated again: whatever moves here is the engine's noise, the floor under every other family. */
#include "perturb/family.h"

const UtFamily ut_identity = {
  .name = "identity",
  .summary = "the image as it is, evaluated again: the engine's own noise (only where asked for)",
  .on_request = TRUE,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = ut_name_plain,
  .apply = ut_apply_unchanged,
  .place = ut_place_unmoved,
};
