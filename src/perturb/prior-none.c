/* No image at all: the question alone. */
#include "perturb/family.h"

static char *
name_variant (const UtVariant *variant)
{
  (void) variant;
  return g_strdup ("prior-none");
}

const UtFamily ut_prior_none = {
  .name = "prior_none",
  .summary = "no image at all: the question alone",
  .on_request = TRUE,
  .role = UT_ROLE_PRIOR,
  .no_image = TRUE,
  .n_params = 1,
  .params = (const double[]) { 0 },
  .name_variant = name_variant,
};
