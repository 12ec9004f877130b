/* The table `auroc`: how well the drift of an instance foretells that its answer flips, by family and channel (the view forecasts), with
 * its 95 % interval. It is no view, because SQL does not draw again. */
#pragma once
#include "db/db.h"

/* Makes the table, temporary, anew. */
gboolean ut_auroc_make (UtDb *db, GError **error);
