#include "page/details.h"

#include <math.h>

#include "base/error.h"
#include "page/json.h"

constexpr int QUALITY = 80; /* of WebP */

/* What is asked of an item, one statement each; $1 is the item. */
typedef enum { TRIALS, PROBABILITIES, DRIFTS, CONTROLS, GENERATED, TOKENS, N_QUERIES } Query;

static const char *const queries[N_QUERIES] = {
  [TRIALS] = "SELECT t.variant, width, height, psnr, linf, touched, detail, label, left(error, 1000) AS error "
             "FROM trial t LEFT JOIN (SELECT variant, max(value) FILTER (metric = 'psnr') AS psnr,"
             "  max(value) FILTER (metric = 'linf') AS linf, max(value) FILTER (metric = 'touched') AS touched"
             "  FROM measurement WHERE item = $1 AND channel = 'image' GROUP BY variant) USING (variant) "
             "WHERE t.item = $1 ORDER BY t.variant",
  [PROBABILITIES] = "SELECT variant, p FROM probabilities WHERE item = $1 ORDER BY variant, option",
  [DRIFTS] = "SELECT variant, channel, value FROM measurement WHERE item = $1 AND metric = 'cosine_distance' "
             "ORDER BY channel_rank(channel), channel, variant",
  [CONTROLS] = "SELECT channel, mean_distance FROM control WHERE item = $1 ORDER BY channel_rank(channel), channel",
  [GENERATED] = "SELECT variant, text FROM generated WHERE item = $1 AND prompt = $2 ORDER BY variant",
  /* Of the first image, where one grid covers it: where slices lie is not known. */
  [TOKENS]
  = "SELECT variant, any_value(grid_width), any_value(grid_height), any_value(drift) FROM token_drift "
    "WHERE item = $1 AND frames = 1 AND coalesce(image, 0) = 0 GROUP BY variant, image HAVING count(*) = 1 ORDER BY variant",
};

struct _UtDetails {
  UtReplay *replay;
  int longest_side;
  UtKeepImage keep;
  void *data;
  UtDbStatement *statements[N_QUERIES];
  GArray *variants;  /* unsigned: of the trials of the item at hand */
  GHashTable *names; /* ut_replay_key → char **, of the images that are kept: questions on one image share most of them */
  unsigned n_missing;
};

UtDetails *
ut_details_new (UtDb *db, UtReplay *replay, int longest_side, UtKeepImage keep, void *data, GError **error)
{
  g_autoptr (UtDetails) details = g_new0 (UtDetails, 1);
  *details = (UtDetails) { .replay = replay, .longest_side = longest_side, .keep = keep, .data = data };
  details->variants = g_array_new (FALSE, FALSE, sizeof (unsigned));
  details->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_strfreev);
  for (unsigned q = 0; q < N_QUERIES; q++)
    if ((details->statements[q] = ut_db_prepare (db, queries[q], error)) == NULL)
      return NULL;
  return g_steal_pointer (&details);
}

void
ut_details_free (UtDetails *details)
{
  if (details == NULL)
    return;
  for (unsigned q = 0; q < N_QUERIES; q++)
    g_clear_pointer (&details->statements[q], ut_db_statement_free);
  g_array_unref (details->variants);
  g_hash_table_unref (details->names);
  g_free (details);
}

void
ut_details_forget (UtDetails *details)
{
  g_hash_table_remove_all (details->names);
}

unsigned
ut_details_n_missing (const UtDetails *details)
{
  return details->n_missing;
}

static UtDbCursor *
ask (UtDetails *details, Query query, unsigned item, GError **error)
{
  ut_db_bind_int64 (details->statements[query], 1, item);
  return ut_db_run (details->statements[query], error);
}

/* --- Arrays in the order of the trials --------------------------------------------------------------------------------------- */

static void
append_value (GString *json, UtDbCursor *cursor, unsigned column)
{
  if (ut_db_column_type (cursor, column) == UT_DB_TEXT)
    ut_json_append_string (json, ut_db_text (cursor, column));
  else
    ut_json_append_number (json, ut_db_is_null (cursor, column) ? NAN : ut_db_double (cursor, column));
}

/* Nulls up to the variant's place, from *place on. */
static void
skip_to (const UtDetails *details, GString *json, unsigned *place, unsigned variant)
{
  for (; *place < details->variants->len && g_array_index (details->variants, unsigned, *place) < variant; (*place)++)
    {
      ut_json_append_comma (json);
      g_string_append (json, "null");
    }
}

static void
end_array (const UtDetails *details, GString *json, unsigned *place)
{
  skip_to (details, json, place, G_MAXUINT);
  g_string_append_c (json, ']');
  *place = 0;
}

/* --- Its parts --------------------------------------------------------------------------------------------------------------- */

static void
string_free (void *string)
{
  g_string_free (string, TRUE);
}

static gboolean
append_trials (UtDetails *details, GString *json, unsigned item, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ask (details, TRIALS, item, error);
  if (cursor == NULL)
    return FALSE;
  g_array_set_size (details->variants, 0);
  const unsigned n = ut_db_n_columns (cursor);
  g_autoptr (GPtrArray) columns = g_ptr_array_new_with_free_func (string_free);
  for (unsigned c = 0; c < n; c++)
    g_ptr_array_add (columns, g_string_new ("["));
  while (ut_db_next (cursor, error))
    {
      const unsigned variant = (unsigned) ut_db_int64 (cursor, 0);
      g_array_append_val (details->variants, variant);
      for (unsigned c = 0; c < n; c++)
        {
          ut_json_append_comma (columns->pdata[c]);
          append_value (columns->pdata[c], cursor, c);
        }
    }
  for (unsigned c = 0; c < n; c++)
    {
      const GString *values = columns->pdata[c];
      ut_json_append_key (json, c == 0 ? "variants" : ut_db_column_name (cursor, c));
      g_string_append_printf (json, "%s]", values->str);
    }
  return TRUE;
}

static gboolean
append_probabilities (UtDetails *details, GString *json, unsigned item, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ask (details, PROBABILITIES, item, error);
  if (cursor == NULL)
    return FALSE;
  ut_json_append_key (json, "p");
  g_string_append_c (json, '[');
  unsigned place = 0, last = G_MAXUINT;
  while (ut_db_next (cursor, error))
    {
      const unsigned variant = (unsigned) ut_db_int64 (cursor, 0);
      if (variant != last)
        {
          g_string_append (json, last != G_MAXUINT ? "]" : "");
          skip_to (details, json, &place, variant);
          ut_json_append_comma (json);
          g_string_append_c (json, '[');
          place++;
          last = variant;
        }
      ut_json_append_comma (json);
      ut_json_append_number (json, ut_db_double (cursor, 1));
    }
  g_string_append (json, last != G_MAXUINT ? "]" : "");
  end_array (details, json, &place);
  return TRUE;
}

static gboolean
append_drifts (UtDetails *details, GString *json, unsigned item, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ask (details, DRIFTS, item, error);
  if (cursor == NULL)
    return FALSE;
  ut_json_append_key (json, "drift");
  g_string_append_c (json, '{');
  g_autofree char *channel = NULL;
  unsigned place = 0;
  while (ut_db_next (cursor, error))
    {
      const char *of = ut_db_text (cursor, 1);
      if (g_strcmp0 (of, channel) != 0)
        {
          if (channel != NULL)
            end_array (details, json, &place);
          g_free (channel);
          channel = g_strdup (of);
          ut_json_append_key (json, channel);
          g_string_append_c (json, '[');
        }
      skip_to (details, json, &place, (unsigned) ut_db_int64 (cursor, 0));
      ut_json_append_comma (json);
      ut_json_append_number (json, ut_db_double (cursor, 2));
      place++;
    }
  if (channel != NULL)
    end_array (details, json, &place);
  g_string_append_c (json, '}');
  return TRUE;
}

static gboolean
append_controls (UtDetails *details, GString *json, unsigned item, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ask (details, CONTROLS, item, error);
  if (cursor == NULL)
    return FALSE;
  ut_json_append_key (json, "control");
  g_string_append_c (json, '{');
  while (ut_db_next (cursor, error))
    {
      ut_json_append_key (json, ut_db_text (cursor, 0));
      append_value (json, cursor, 1);
    }
  g_string_append_c (json, '}');
  return TRUE;
}

static gboolean
append_generated (UtDetails *details, GString *json, unsigned item, GError **error)
{
  static const char *const prompts[] = { "open", "mcq" };
  for (unsigned k = 0; k < G_N_ELEMENTS (prompts); k++)
    {
      ut_db_bind_text (details->statements[GENERATED], 2, prompts[k]);
      g_autoptr (UtDbCursor) cursor = ask (details, GENERATED, item, error);
      if (cursor == NULL)
        return FALSE;
      unsigned place = 0, n = 0;
      for (; ut_db_next (cursor, error); n++)
        {
          if (n == 0)
            {
              ut_json_append_key (json, prompts[k]);
              g_string_append_c (json, '[');
            }
          skip_to (details, json, &place, (unsigned) ut_db_int64 (cursor, 0));
          ut_json_append_comma (json);
          ut_json_append_string (json, ut_db_text (cursor, 1));
          place++;
        }
      if (n > 0)
        end_array (details, json, &place);
    }
  return TRUE;
}

static gboolean
append_tokens (UtDetails *details, GString *json, unsigned item, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ask (details, TOKENS, item, error);
  if (cursor == NULL)
    return FALSE;
  unsigned place = 0, n = 0;
  for (; ut_db_next (cursor, error); n++)
    {
      size_t n_tokens;
      const float *drift = ut_db_floats (cursor, 3, &n_tokens);
      if (n == 0)
        {
          ut_json_append_key (json, "tokens");
          g_string_append_c (json, '[');
        }
      skip_to (details, json, &place, (unsigned) ut_db_int64 (cursor, 0));
      ut_json_append_comma (json);
      g_string_append_printf (json, "{\"width\":%" G_GINT64_FORMAT ",\"height\":%" G_GINT64_FORMAT ",\"values\":",
                              ut_db_int64 (cursor, 1), ut_db_int64 (cursor, 2));
      ut_json_append_bytes (json, drift, n_tokens * sizeof *drift);
      g_string_append_c (json, '}');
      place++;
    }
  if (n > 0)
    end_array (details, json, &place);
  return TRUE;
}

static void
append_prompts (UtDetails *details, GString *json, unsigned item)
{
  g_auto (UtWords) open = {}, closed = {};
  ut_json_append_key (json, "prompts");
  if (details->replay == NULL || !ut_replay_words (details->replay, item, &open, &closed))
    {
      g_string_append (json, "null");
      return;
    }
  g_string_append_c (json, '{');
  ut_json_append_key (json, "open");
  ut_json_append_string (json, open.text);
  ut_json_append_key (json, "closed");
  ut_json_append_string (json, closed.text);
  g_string_append_c (json, '}');
}

/* --- Images ------------------------------------------------------------------------------------------------------------------ */

/* A copy for people, no side longer than that; never larger than the image. */
static GBytes *
small_copy (UtImage *image, int longest_side, GError **error)
{
  const double scale = MIN (1, (double) longest_side / MAX (image->width, image->height));
  g_autoptr (UtImage) small
      = ut_image_resize (image, MAX (1, (int) rint (image->width * scale)), MAX (1, (int) rint (image->height * scale)), error);
  return small == NULL ? NULL : ut_image_encode_webp (small, QUALITY, error);
}

/* Keeps small copies; their names, NULL-terminated, which the caller owns. */
static char **
keep_copies (UtDetails *details, GPtrArray *images, GError **error)
{
  g_auto (GStrv) names = g_new0 (char *, images->len + 1);
  for (guint k = 0; k < images->len; k++)
    {
      g_autoptr (GBytes) webp = small_copy (images->pdata[k], details->longest_side, error);
      names[k] = webp == NULL ? NULL : details->keep (webp, details->data, error);
      if (names[k] == NULL)
        return NULL;
    }
  return g_steal_pointer (&names);
}

/* The names of the images of a trial, borrowed; NULL where there are none, for the reason in `fault` if they could not be made, or with an
 * error. */
static char **
find_or_keep (UtDetails *details, unsigned item, unsigned variant, GError **fault, GError **error)
{
  g_autofree char *key = details->replay == NULL ? NULL : ut_replay_key (details->replay, item, variant, error);
  char **names = key == NULL ? NULL : g_hash_table_lookup (details->names, key);
  if (details->replay == NULL || names != NULL || *error != NULL)
    return names;
  g_autoptr (GPtrArray) images = ut_replay_images (details->replay, item, variant, fault);
  /* A trial that failed has no key, and no images that could be found another time. */
  details->n_missing += images == NULL && key != NULL;
  names = images == NULL ? NULL : keep_copies (details, images, error);
  if (names != NULL)
    g_hash_table_insert (details->names, g_steal_pointer (&key), names);
  return names;
}

static gboolean
append_images (UtDetails *details, GString *json, unsigned item, GError **error)
{
  g_autoptr (GString) missing = g_string_new ("[");
  ut_json_append_key (json, "images");
  g_string_append_c (json, '[');
  for (guint i = 0; i < details->variants->len; i++)
    {
      g_autoptr (GError) fault = NULL, failure = NULL;
      char **names = find_or_keep (details, item, g_array_index (details->variants, unsigned, i), &fault, &failure);
      if (failure != NULL)
        return g_propagate_error (error, g_steal_pointer (&failure)), FALSE;
      ut_json_append_comma (missing);
      ut_json_append_string (missing, fault != NULL ? fault->message : NULL);
      ut_json_append_comma (json);
      if (names == NULL)
        g_string_append (json, "null");
      else
        ut_json_append_strings (json, (const char *const *) names);
    }
  g_string_append_c (json, ']');
  ut_json_append_key (json, "missing");
  g_string_append_printf (json, "%s]", missing->str);
  return TRUE;
}

gboolean
ut_details_append (UtDetails *details, GString *json, unsigned item, GError **error)
{
  g_string_append_c (json, '{');
  if (!append_trials (details, json, item, error) || !append_probabilities (details, json, item, error)
      || !append_drifts (details, json, item, error) || !append_controls (details, json, item, error)
      || !append_generated (details, json, item, error) || !append_tokens (details, json, item, error))
    return FALSE;
  append_prompts (details, json, item);
  if (!append_images (details, json, item, error))
    return FALSE;
  g_string_append_c (json, '}');
  return TRUE;
}
