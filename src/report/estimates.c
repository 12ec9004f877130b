#include "report/estimates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

constexpr size_t N_TERMS = 4;

/* One image's part of a quantity. */
typedef struct {
  unsigned image;
  double terms[N_TERMS];
} Part;

/* A quantity as it is read: first what everyone may see. */
typedef struct {
  UtQuantity public;
  UtForm form;
  GArray *parts; /* Part */
} Quantity;

struct _UtEstimates {
  unsigned n_runs;
  guint64 seed;
  GHashTable *images;    /* image_id → its number + 1 */
  GPtrArray *quantities; /* Quantity * */
  GHashTable *by_name;   /* key → Quantity *, borrowed */
};

static void
quantity_free (void *data)
{
  Quantity *quantity = data;
  g_free (quantity->public.family);
  g_free (quantity->public.quantity);
  g_free (quantity->public.channel);
  ut_estimate_free (quantity->public.estimate);
  g_array_unref (quantity->parts);
  g_free (quantity);
}

UtEstimates *
ut_estimates_new (void)
{
  UtEstimates *estimates = g_new0 (UtEstimates, 1);
  estimates->images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  estimates->quantities = g_ptr_array_new_with_free_func (quantity_free);
  estimates->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return estimates;
}

void
ut_estimates_free (UtEstimates *estimates)
{
  if (estimates == NULL)
    return;
  g_hash_table_unref (estimates->images);
  g_hash_table_unref (estimates->by_name);
  g_ptr_array_unref (estimates->quantities);
  g_free (estimates);
}

GPtrArray *
ut_estimates_all (UtEstimates *estimates)
{
  return estimates->quantities;
}

/* --- Reading ----------------------------------------------------------------------------------------------------------------- */

static char *
key_of (unsigned run, const char *family, const char *quantity, const char *channel)
{
  return g_strdup_printf ("%u\x1f%s\x1f%s\x1f%s", run, family, quantity, channel != NULL ? channel : "");
}

static gboolean
form_of_name (const char *name, UtForm *out_form, GError **error)
{
  static const char *const names[] = { [UT_RATIO] = "ratio", [UT_QUOTIENT] = "quotient", [UT_DIFFERENCE] = "difference" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_strcmp0 (name, names[i]) == 0)
      {
        *out_form = (UtForm) i;
        return TRUE;
      }
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "image_sums: unknown form “%s”", name);
  return FALSE;
}

enum { FAMILY, QUANTITY, CHANNEL, FORM, IMAGE, TERMS };

/* The quantity of the cursor's row, made where it is new; NULL for an error. */
static Quantity *
quantity_of_row (UtEstimates *estimates, UtDbCursor *cursor, GError **error)
{
  const char *family = ut_db_text (cursor, FAMILY), *name = ut_db_text (cursor, QUANTITY),
             *channel = ut_db_text (cursor, CHANNEL);
  g_autofree char *key = key_of (estimates->n_runs, family, name, channel);
  Quantity *quantity = g_hash_table_lookup (estimates->by_name, key);
  UtForm form;
  if (quantity != NULL)
    return quantity;
  if (!form_of_name (ut_db_text (cursor, FORM), &form, error))
    return NULL;
  quantity = g_new0 (Quantity, 1);
  quantity->public = (UtQuantity) { estimates->n_runs, g_strdup (family), g_strdup (name), g_strdup (channel), NULL };
  quantity->form = form;
  quantity->parts = g_array_new (FALSE, FALSE, sizeof (Part));
  g_ptr_array_add (estimates->quantities, quantity);
  g_hash_table_insert (estimates->by_name, g_steal_pointer (&key), quantity);
  return quantity;
}

unsigned
ut_image_number (GHashTable *images, const char *id)
{
  gpointer known = g_hash_table_lookup (images, id);
  if (known == NULL)
    {
      known = GUINT_TO_POINTER (g_hash_table_size (images) + 1);
      g_hash_table_insert (images, g_strdup (id), known);
    }
  return GPOINTER_TO_UINT (known) - 1;
}

gboolean
ut_estimates_read_seed (UtDb *db, guint64 *out_seed, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, "SELECT value FROM run WHERE key = '--seed'", error);
  if (cursor == NULL)
    return FALSE;
  *out_seed = ut_db_next (cursor, NULL) ? g_ascii_strtoull (ut_db_text (cursor, 0), NULL, 10) : 0;
  return TRUE;
}

gboolean
ut_estimates_add_run (UtEstimates *estimates, UtDb *db, const char *sql, GError **error)
{
  if (estimates->n_runs == 0 && !ut_estimates_read_seed (db, &estimates->seed, error))
    return FALSE;
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, error);
  if (cursor == NULL)
    return FALSE;
  while (ut_db_next (cursor, NULL))
    {
      Quantity *quantity = quantity_of_row (estimates, cursor, error);
      if (quantity == NULL)
        return FALSE;
      Part part = { .image = ut_image_number (estimates->images, ut_db_text (cursor, IMAGE)) };
      for (unsigned t = 0; t < N_TERMS; t++)
        part.terms[t] = ut_db_is_null (cursor, TERMS + t) ? 0 : ut_db_double (cursor, TERMS + t);
      g_array_append_val (quantity->parts, part);
    }
  estimates->n_runs++;
  return TRUE;
}

/* --- Drawing ----------------------------------------------------------------------------------------------------------------- */

static int
compare_ids (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Where each image stands among all, by its number: in the order of their ids, so that the same images are drawn whichever run, and
 * whichever question, named them first. */
static unsigned *
places_of_images (const UtEstimates *estimates)
{
  guint n;
  g_autofree gpointer *ids = g_hash_table_get_keys_as_array (estimates->images, &n);
  qsort (ids, n, sizeof *ids, compare_ids);
  unsigned *places = g_new (unsigned, n);
  for (guint place = 0; place < n; place++)
    places[ut_image_number (estimates->images, ids[place])] = place;
  return places;
}

/* The terms of all quantities, an image a place: [n_quantities][N_TERMS][n_images]. */
static double *
spread_parts (const UtEstimates *estimates, size_t n_images)
{
  g_autofree unsigned *places = places_of_images (estimates);
  double *terms = g_new0 (double, estimates->quantities->len * N_TERMS * n_images);
  for (size_t q = 0; q < estimates->quantities->len; q++)
    {
      const Quantity *quantity = estimates->quantities->pdata[q];
      for (size_t p = 0; p < quantity->parts->len; p++)
        {
          const Part *part = &g_array_index (quantity->parts, Part, p);
          for (size_t t = 0; t < N_TERMS; t++)
            terms[(q * N_TERMS + t) * n_images + places[part->image]] += part->terms[t];
        }
    }
  return terms;
}

void
ut_estimates_draw (UtEstimates *estimates)
{
  const size_t n = estimates->quantities->len, n_images = g_hash_table_size (estimates->images);
  g_autofree double *terms = spread_parts (estimates, n_images);
  g_autofree UtEstimand *estimands = g_new (UtEstimand, n);
  for (size_t q = 0; q < n; q++)
    {
      estimands[q].form = ((const Quantity *) estimates->quantities->pdata[q])->form;
      for (size_t t = 0; t < N_TERMS; t++)
        estimands[q].terms[t] = terms + (q * N_TERMS + t) * n_images;
    }
  g_autoptr (GPtrArray) drawn = ut_bootstrap (estimands, n, n_images, estimates->seed, UT_N_DRAWS);
  for (size_t q = 0; q < n; q++)
    ((Quantity *) estimates->quantities->pdata[q])->public.estimate = g_steal_pointer ((UtEstimate **) &drawn->pdata[q]);
}

const UtEstimate *
ut_estimates_find (UtEstimates *estimates, unsigned run, const char *family, const char *quantity, const char *channel)
{
  g_autofree char *key = key_of (run, family, quantity, channel);
  const Quantity *found = g_hash_table_lookup (estimates->by_name, key);
  return found != NULL ? found->public.estimate : NULL;
}

char *
ut_interval_in_words (const UtInterval *interval, const char *format)
{
  char numbers[3][400]; /* DBL_MAX has 309 digits */
  const double values[] = { interval->value, interval->low, interval->high };
  for (unsigned k = 0; k < G_N_ELEMENTS (values); k++)
    g_ascii_formatd (numbers[k], sizeof numbers[k], format, values[k]);
  if (isnan (interval->value))
    return g_strdup ("–");
  if (isnan (interval->low))
    return g_strdup_printf ("%s [?]", numbers[0]);
  return g_strdup_printf ("%s [%s, %s]", numbers[0], numbers[1], numbers[2]);
}
