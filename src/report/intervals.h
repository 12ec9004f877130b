/* The table `intervals`: every quantity of the view image_sums with its 95 % interval. It is no view, because SQL does not draw again. */
#pragma once
#include "db/db.h"

/* Makes the table, temporary, anew. */
gboolean ut_intervals_make (UtDb *db, GError **error);
