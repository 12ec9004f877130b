/* The table of metrics: what `undertow list metrics` shows and the report explains. */
#include "metric/metric.h"

const UtMetric ut_metrics[] = {
  { "cosine_distance", "1", "0..2", "larger: the representation turned further from the clean one", "P §5" },
  { "l2_distance", "activation", "0..∞", "larger: the representation moved further from the clean one, length included", "P §5" },
  { "control_drift", "1", "0..2", "larger: two unrelated questions lie further apart, so the same drift means less", "P §5" },
  { "dirichlet", "activation²", "0..∞", "larger: neighbouring vision tokens differ more, a rougher token field", "P §6" },
  { NULL, NULL, NULL, NULL, NULL },
};
