/* The folder beside a page that holds what is too much for one file: a script for each question, and images. All names in it are made here.
 *
 *   DIR/run-0/bundle.txt        what it was made of
 *   DIR/run-0/item-00012.js     calls undertow.samples.add (0, 12, "HASH", {…}): a page that is opened from the disk may load scripts, not
 *                               fetch. HASH is of bundle.txt, so that a page knows what was made of something else than itself
 *   DIR/run-0/images/NAME.webp  NAME is of its bytes, so equal images are one file
 *
 * Every file is written whole or not at all, so that what an interrupted command left is taken up by the next. */
#pragma once
#include <glib.h>

typedef struct _UtBundle UtBundle;

/* Opens the folder of the run-th run in `folder`, and makes what is missing. `mark` says what it is made of, a fact a line, each beginning with a
 * word for it; UT_ERROR_FAILED where it holds what was made of something else, naming the fact, or files that are no bundle. */
UtBundle *ut_bundle_open (const char *folder, unsigned run, const char *mark, GError **error);
void ut_bundle_close (UtBundle *bundle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtBundle, ut_bundle_close)

/* The hash that its items have. Borrowed. */
const char *ut_bundle_hash (const UtBundle *bundle);

/* Whether an item is there from an earlier time, with all its images. */
gboolean ut_bundle_has (const UtBundle *bundle, unsigned item);

/* Writes an item's object; its images were kept before, all of them where it is `whole`. */
gboolean ut_bundle_add (UtBundle *bundle, unsigned item, const char *json, gboolean whole, GError **error);

/* Writes an image; its name, which the caller owns. */
char *ut_bundle_keep (UtBundle *bundle, GBytes *webp, GError **error);

/* How a page at `page` reaches the folder: a relative URL with a slash at its end, which the caller owns. UT_ERROR_USAGE where `folder` is not below
 * the page's own folder. */
char *ut_bundle_url (const char *folder, const char *page, GError **error);
