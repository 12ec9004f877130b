/* The matched control's images: those of another item, drawn by the run's seed, stand for a group's own. */
#pragma once
#include "run/group.h"

/* Whether there is an item whose images may stand for the group's. */
gboolean ut_others_exist (UtDataset *dataset, const UtGroup *group, guint64 seed);

/* The images, UtImage *; none where there is no such item. Where those of one item cannot be read, another is drawn, a few times; NULL with
 * the last error after that. */
GPtrArray *ut_others_load (UtDataset *dataset, const UtGroup *group, guint64 seed, GError **error);
