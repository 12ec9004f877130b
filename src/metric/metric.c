/* The table of metrics: what `undertow list metrics` shows and the report explains. */
#include "metric/metric.h"

const UtMetric ut_metrics[] = {
  { "cosine_distance", "1", "0..2", "larger: the representation turned further from the clean one", "P §5" },
  { "l2_distance", "activation", "0..∞", "larger: the representation moved further from the clean one, length included", "P §5" },
  { "relative_l2", "1", "0..∞", "larger: the representation moved further, against its clean length", "+ §5" },
  { "centred_cosine_distance", "1", "0..2", "cosine_distance after taking off what all clean representations share", "+ §5" },
  { "token_drift", "1", "0..2", "larger: the vision tokens turned further, each at its place (equal grids)", "+ §5" },
  { "control_drift", "1", "0..2", "larger: two unrelated questions lie further apart, so the same drift means less", "P §5" },
  { "dirichlet", "activation²", "0..∞", "larger: neighbouring vision tokens differ more, a rougher token field", "P §6" },
  { "dirichlet_rayleigh", "1", "0..4.6", "dirichlet over the tokens' mean square: 4 is a checkerboard, whatever the norms", "+ §6" },
  { "linear_cka", "1", "0..1", "smaller: the items lie otherwise among each other than clean", "+ §5" },
  { "mutual_knn", "1", "0..1", "smaller: fewer of an item's nearest neighbours are the same as clean", "+ §5" },
  { "js_divergence", "nat", "0..ln 2", "larger: the answers' probabilities differ more", "+ §7" },
  { "prior_position", "1", "-∞..∞", "0: unmoved; 1: where the blank image's representation is", "+ §7" },
  { NULL, NULL, NULL, NULL, NULL },
};
