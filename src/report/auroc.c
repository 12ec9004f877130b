#include "report/auroc.h"

#include <math.h>
#include <string.h>

#include "report/estimates.h"
#include "stats/auroc.h"

static const char table_sql[] = "CREATE OR REPLACE TEMP TABLE auroc ("
                                "  family VARCHAR, channel VARCHAR, instances UBIGINT, flips UBIGINT, auroc DOUBLE, low DOUBLE, "
                                "high DOUBLE, images UBIGINT)";

/* The instances of a family and channel. */
typedef struct {
  char *family, *channel;
  GArray *trials; /* UtForecast */
} Group;

static void
group_free (void *data)
{
  Group *group = data;
  g_free (group->family);
  g_free (group->channel);
  g_array_unref (group->trials);
  g_free (group);
}

enum { FAMILY, CHANNEL, IMAGE, DRIFT, FLIP };

/* The group of the cursor's row. Rows of one stand together. */
static Group *
group_of_row (GPtrArray *groups, UtDbCursor *cursor)
{
  const char *family = ut_db_text (cursor, FAMILY), *channel = ut_db_text (cursor, CHANNEL);
  Group *last = groups->len > 0 ? groups->pdata[groups->len - 1] : NULL;
  if (last != NULL && strcmp (last->family, family) == 0 && strcmp (last->channel, channel) == 0)
    return last;
  Group *group = g_new (Group, 1);
  *group = (Group) { g_strdup (family), g_strdup (channel), g_array_new (FALSE, FALSE, sizeof (UtForecast)) };
  g_ptr_array_add (groups, group);
  return group;
}

/* Group * in the order of the view, and how many images they have between them. */
static GPtrArray *
read_groups (UtDb *db, size_t *out_n_images, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, "SELECT family, channel, image_id, drift, flip FROM forecasts", error);
  if (cursor == NULL)
    return NULL;
  GPtrArray *groups = g_ptr_array_new_with_free_func (group_free);
  g_autoptr (GHashTable) images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  while (ut_db_next (cursor, NULL))
    {
      const UtForecast trial
          = { ut_db_double (cursor, DRIFT), ut_image_number (images, ut_db_text (cursor, IMAGE)), ut_db_bool (cursor, FLIP) };
      g_array_append_val (group_of_row (groups, cursor)->trials, trial);
    }
  *out_n_images = g_hash_table_size (images);
  return groups;
}

static GPtrArray *
draw (const GPtrArray *groups, size_t n_images, guint64 seed)
{
  g_autofree UtForecasts *forecasts = g_new (UtForecasts, groups->len);
  for (unsigned g = 0; g < groups->len; g++)
    {
      const GArray *trials = ((const Group *) groups->pdata[g])->trials;
      forecasts[g] = (UtForecasts) { (const UtForecast *) trials->data, trials->len };
    }
  return ut_auroc (forecasts, groups->len, n_images, seed, UT_N_DRAWS);
}

static void
append_if_known (UtDbAppender *out, double value)
{
  if (isnan (value))
    ut_db_append_null (out);
  else
    ut_db_append_double (out, value);
}

static gboolean
add_group (UtDbAppender *out, const Group *group, const UtEstimate *estimate, GError **error)
{
  const UtInterval interval = ut_estimate_interval (estimate, 0.95);
  gint64 flips = 0;
  for (unsigned i = 0; i < group->trials->len; i++)
    flips += g_array_index (group->trials, UtForecast, i).event;
  ut_db_append_text (out, group->family);
  ut_db_append_text (out, group->channel);
  ut_db_append_int64 (out, group->trials->len);
  ut_db_append_int64 (out, flips);
  append_if_known (out, interval.value);
  append_if_known (out, interval.low);
  append_if_known (out, interval.high);
  ut_db_append_int64 (out, (gint64) estimate->n_clusters);
  return ut_db_append_end_row (out, error);
}

gboolean
ut_auroc_make (UtDb *db, GError **error)
{
  guint64 seed;
  size_t n_images;
  if (!ut_estimates_read_seed (db, &seed, error) || !ut_db_exec (db, table_sql, error))
    return FALSE;
  g_autoptr (GPtrArray) groups = read_groups (db, &n_images, error);
  if (groups == NULL)
    return FALSE;
  g_autoptr (GPtrArray) estimates = draw (groups, n_images, seed);
  g_autoptr (UtDbAppender) out = ut_db_appender_new (db, "auroc", error);
  if (out == NULL)
    return FALSE;
  for (unsigned g = 0; g < groups->len; g++)
    if (!add_group (out, groups->pdata[g], estimates->pdata[g], error))
      return FALSE;
  return ut_db_appender_flush (out, error);
}
