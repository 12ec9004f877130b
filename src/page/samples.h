/* The sample browser's data: the numbers of all trials, and of some questions or all what details.h says, images included.
 *
 *   of          {items, trials}: how many the run has
 *   channel     the one that the browser begins with: the run's headline's
 *   variants    [[number, name, family, parameter, role]…]
 *   items       [[number, id, image id, category, hint, question, [option…], right option]…], by number
 *   control     {channel: an item's control drift}, float32 in base64, by item as in `items`; so are all columns
 *   trials      columns, by item as in `items`, then by variant:
 *                 count    of each item, how many trials it has, uint16
 *                 variant  uint16
 *                 option   the chosen one, uint16; 65535 in a failed trial
 *                 label    uint8: 0 not known, 1 holds, 2 changed, 3 doubtful
 *                 margin   float32, NaN where it is not known
 *                 drift    {channel: float32}
 *   details     {item: object}, of the items whose details stand in the page itself
 *   thumbnails  {name: WebP in base64}
 *   bundle      null, or a relative URL: the details and images of all `items` are in the folder there (bundle.h)
 *   hash        that of the items there; left out where there is no bundle
 *   missing     null, or why there are no images
 *
 * Only so many items are taken as fit: those with the worst hidden drift of each family first, then those with most flips, then a sample of the rest
 * drawn by the run's seed. One that does not fit is passed over. */
#pragma once
#include "run/replay.h"

/* Bytes of all runs' samples in one page, unless the user says. */
constexpr guint64 UT_SAMPLES_MAX_SIZE = 20 * 1000 * 1000;

typedef struct {
  UtReplayPlace place;                                        /* where the benchmark is; else where the run found it */
  guint64 max_size;                                           /* of this run's samples within the page, bytes */
  const char *bundle;                                         /* the folder for details and images; NULL for none */
  const char *url;                                            /* how the page reaches it */
  unsigned run;                                               /* the run's number in the page */
  const char *name;                                           /* of the run, in warnings */
  void (*progress) (unsigned done, unsigned all, void *data); /* in questions; may be NULL */
  void (*warn) (const char *text, void *data);                /* what the user should know beside; may be NULL */
  void *data;
} UtSamplesOptions;

/* Appends the samples of a run, one JSON object. A benchmark that is gone is no error: there are no images then, and `missing` says why. */
gboolean ut_samples_append (GString *json, UtDb *db, const UtSamplesOptions *options, GError **error);
