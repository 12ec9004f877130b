/* What the page's scripts read: see page.h for the object. */
#pragma once
#include "page/samples.h"

/* Appends the runs at `paths` [n_paths], the charts and how columns are read, as one JSON object. `title` is the user's; of
 * `samples` the run's number, its name and its share of the size are filled in here. UT_ERROR_FAILED,
 * naming the file, where a run cannot be read. */
gboolean ut_page_append_data (GString *json, const char *title, const char *const *paths, unsigned n_paths,
                              const UtSamplesOptions *samples, GError **error);
