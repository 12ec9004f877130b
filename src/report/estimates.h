/* Quantities of one run or of several with their intervals: what the view image_sums holds, drawn again together, so that runs that asked
 * about the same images (image_id) are compared as pairs. */
#pragma once
#include "db/db.h"
#include "stats/bootstrap.h"

typedef struct {
  unsigned run; /* in the order they were added, from 0 */
  char *family, *quantity;
  char *channel;        /* NULL where the quantity has none */
  UtEstimate *estimate; /* NULL until they are drawn */
} UtQuantity;

typedef struct _UtEstimates UtEstimates;

UtEstimates *ut_estimates_new (void);
void ut_estimates_free (UtEstimates *estimates);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtEstimates, ut_estimates_free)

/* The number of an image among those met so far, from 0; a new one gets the next. `images` maps copies of ids, which it frees, to numbers
 * and starts empty. */
unsigned ut_image_number (GHashTable *images, const char *id);

/* The seed a run was made with, which its intervals are drawn with too. */
gboolean ut_estimates_read_seed (UtDb *db, guint64 *out_seed, GError **error);

/* Adds the next run. `sql` chooses from image_sums the columns family, quantity, channel, form, image_id, a, b, c, d, in this order. */
gboolean ut_estimates_add_run (UtEstimates *estimates, UtDb *db, const char *sql, GError **error);

/* Draws all of them, once, with the seed of the first run; in which order runs and their images were added makes no difference. */
void ut_estimates_draw (UtEstimates *estimates);

/* UtQuantity *, in the order they were read. Borrowed. */
GPtrArray *ut_estimates_all (UtEstimates *estimates);

/* One of them; NULL where the runs have none. Borrowed. */
const UtEstimate *ut_estimates_find (UtEstimates *estimates, unsigned run, const char *family, const char *quantity,
                                     const char *channel);

/* "0.114 [0.092, 0.140]", each number by a printf `format` of one double, or what is not known in words. The caller owns it. */
char *ut_interval_in_words (const UtInterval *interval, const char *format);
