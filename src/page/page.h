/* The page: one HTML file that shows what runs say. It opens from the disk and asks no network for anything. Texts of the data are never
 * markup: they travel as JSON, and scripts put them into the page as text. */
#pragma once
#include <glib.h>

/* Writes the page of the runs at `paths` [n_paths] to `out_path`, whole or not at all. UT_ERROR_FAILED, naming the file, where a run cannot
 * be read or the page cannot be written. */
gboolean ut_page_write (const char *const *paths, unsigned n_paths, const char *out_path, GError **error);
