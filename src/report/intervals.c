#include "report/intervals.h"

#include <math.h>

#include "report/estimates.h"

static const char table_sql[]
    = "CREATE OR REPLACE TEMP TABLE intervals ("
      "  family VARCHAR, quantity VARCHAR, channel VARCHAR, value DOUBLE, low DOUBLE, high DOUBLE, images UBIGINT)";

static void
bind_if_known (UtDbStatement *statement, unsigned parameter, double value)
{
  if (isnan (value))
    ut_db_bind_null (statement, parameter);
  else
    ut_db_bind_double (statement, parameter, value);
}

gboolean
ut_intervals_make (UtDb *db, GError **error)
{
  g_autoptr (UtEstimates) estimates = ut_estimates_new ();
  if (!ut_estimates_add_run (estimates, db, "SELECT family, quantity, channel, form, image_id, a, b, c, d FROM image_sums", error)
      || !ut_db_exec (db, table_sql, error))
    return FALSE;
  g_autoptr (UtDbStatement) insert = ut_db_prepare (db, "INSERT INTO intervals VALUES ($1, $2, $3, $4, $5, $6, $7)", error);
  if (insert == NULL)
    return FALSE;
  ut_estimates_draw (estimates);
  GPtrArray *all = ut_estimates_all (estimates);
  for (size_t q = 0; q < all->len; q++)
    {
      const UtQuantity *quantity = all->pdata[q];
      const UtInterval interval = ut_estimate_interval (quantity->estimate, 0.95);
      ut_db_bind_text (insert, 1, quantity->family);
      ut_db_bind_text (insert, 2, quantity->quantity);
      ut_db_bind_text (insert, 3, quantity->channel);
      bind_if_known (insert, 4, interval.value);
      bind_if_known (insert, 5, interval.low);
      bind_if_known (insert, 6, interval.high);
      ut_db_bind_int64 (insert, 7, (gint64) quantity->estimate->n_clusters);
      if (!ut_db_step (insert, error))
        return FALSE;
    }
  return TRUE;
}
