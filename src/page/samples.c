#include "page/samples.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "page/bundle.h"
#include "page/details.h"
#include "page/json.h"

/* The longest side of images: within the page, and in the folder beside it. */
constexpr int PAGE_SIDE = 256;
constexpr int BUNDLE_SIDE = 640;

/* Channels whose drift is told of every trial. */
static const char *const channels[] = { "vision", "ctx_open", "ctx_mcq" };
constexpr unsigned N_CHANNELS = G_N_ELEMENTS (channels);

constexpr guint16 NO_OPTION = G_MAXUINT16; /* chosen in a trial that failed */

/* So many items in a row whose details do not fit are tried before it is held that nothing fits: to make details takes time. */
constexpr unsigned MAX_MISFITS = 8;

typedef struct {
  UtDb *db;
  const UtSamplesOptions *options;
  GString *json;
  char *channel;    /* of the run's headline */
  unsigned n_items; /* of the run */
  guint64 n_trials; /* the same */
  GArray *order;    /* unsigned: the items, those that matter most first */
  GPtrArray *texts; /* char *, by item: its element of `items` */
  gboolean *taken;  /* [n_items]: whether it has a place in the page */
  unsigned n_taken;
} Samples;

static void
samples_clear (Samples *samples)
{
  g_free (samples->channel);
  g_clear_pointer (&samples->order, g_array_unref);
  g_clear_pointer (&samples->texts, g_ptr_array_unref);
  g_free (samples->taken);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Samples, samples_clear)

/* What JSON takes in the page, where a "<" is written in six bytes. */
static size_t
size_in_page (const char *json)
{
  size_t n = strlen (json);
  for (const char *c = json; (c = strchr (c, '<')) != NULL; c++)
    n += strlen ("\\u003c") - 1;
  return n;
}

/* --- Which items ------------------------------------------------------------------------------------------------------------- */

/* The headline's channel where every trial has it here, else the first that the run has. */
static gboolean
choose_channel (Samples *samples, GError **error)
{
  g_autoptr (UtDbCursor) cursor
      = ut_db_query (samples->db,
                     "SELECT channel FROM controls WHERE channel IN ('ctx_mcq', 'vision', 'ctx_open') "
                     "ORDER BY channel IS DISTINCT FROM (SELECT channel FROM overview), channel LIMIT 1",
                     error);
  if (cursor == NULL)
    return FALSE;
  samples->channel = ut_db_next (cursor, error) ? ut_db_dup_text (cursor, 0) : g_strdup ("ctx_mcq");
  return TRUE;
}

/* Numbers of items, variants and options are places in arrays from here on, so a file in which one leads nowhere is refused. */
static gboolean
count (Samples *samples, GError **error)
{
  g_autoptr (UtDbCursor) cursor
      = ut_db_query (samples->db,
                     "SELECT (SELECT count(*) FROM item), (SELECT count(*) FROM trial),"
                     "  EXISTS (FROM trial ANTI JOIN item USING (item)) OR EXISTS (FROM trial ANTI JOIN variant USING (variant))"
                     "  OR EXISTS (FROM trial JOIN item USING (item) WHERE predicted >= len(options))"
                     "  OR (SELECT max(item) >= count(*) OR count(DISTINCT item) < count(*) FROM item)"
                     "  OR (SELECT max(variant) > 65535 FROM variant)",
                     error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  if (ut_db_bool (cursor, 2))
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED,
                           "the file is damaged: its trials do not fit its questions and variants");
      return FALSE;
    }
  samples->n_items = (unsigned) ut_db_int64 (cursor, 0);
  samples->n_trials = (guint64) ut_db_int64 (cursor, 1);
  samples->taken = g_new0 (gboolean, samples->n_items);
  return TRUE;
}

/* The first hundred items of each family by hidden drift, a round of all families after the other; then by flips; then as drawn. */
static gboolean
order_items (Samples *samples, GError **error)
{
  g_autofree char *sql = ut_db_sql (
      "WITH worst AS ("
      "  SELECT d.item, row_number() OVER (PARTITION BY v.family ORDER BY max(d.drift / nullif(c.mean_distance, 0)) DESC, "
      "d.item) AS place"
      "  FROM drifts d JOIN control c ON c.item = d.item AND c.channel = d.channel JOIN variant v ON v.variant = d.variant"
      "  WHERE d.channel = %q AND NOT d.flip AND d.drift IS NOT NULL AND c.mean_distance > 0 GROUP BY d.item, v.family), "
      "placed AS (SELECT item, min(place) AS place FROM worst GROUP BY item), "
      "flipped AS (SELECT item, count(*) FILTER (flip) AS flips FROM instances GROUP BY item) "
      "SELECT i.item FROM item i LEFT JOIN placed p ON p.item = i.item AND p.place <= 100 LEFT JOIN flipped f ON f.item = i.item "
      "ORDER BY p.place NULLS LAST, f.flips DESC NULLS LAST, "
      "md5((SELECT value FROM run WHERE key = '--seed') || ' ' || i.item), i.item",
      samples->channel);
  g_autoptr (UtDbCursor) cursor = ut_db_query (samples->db, sql, error);
  samples->order = g_array_new (FALSE, FALSE, sizeof (unsigned));
  while (cursor != NULL && ut_db_next (cursor, error))
    {
      const unsigned item = (unsigned) ut_db_int64 (cursor, 0);
      g_array_append_val (samples->order, item);
    }
  return cursor != NULL;
}

static char *
item_text (UtDbCursor *cursor)
{
  GString *text = g_string_new (NULL);
  g_auto (GStrv) options = ut_db_dup_text_list (cursor, 6);
  g_string_printf (text, "[%" G_GINT64_FORMAT, ut_db_int64 (cursor, 0));
  for (unsigned c = 1; c <= 5; c++)
    {
      g_string_append_c (text, ',');
      ut_json_append_string (text, ut_db_text (cursor, c));
    }
  g_string_append (text, ",[");
  for (char **option = options; *option != NULL; option++)
    {
      ut_json_append_comma (text);
      ut_json_append_string (text, *option);
    }
  g_string_append_printf (text, "],%" G_GINT64_FORMAT "]", ut_db_int64 (cursor, 7));
  return g_string_free (text, FALSE);
}

/* Marks as many items as fit: their texts, and what their trials take. */
static gboolean
take_items (Samples *samples, guint64 room, GError **error)
{
  g_autoptr (UtDbCursor) cursor
      = ut_db_query (samples->db,
                     "SELECT item, id, image_id, category, hint, question, options, answer, coalesce(n, 0) "
                     "FROM item LEFT JOIN (SELECT item, count(*) AS n FROM trial GROUP BY item) USING (item) ORDER BY item",
                     error);
  if (cursor == NULL)
    return FALSE;
  constexpr size_t bytes_of_trial = 4 * (2 + 2 + 1 + 4 + 4 * N_CHANNELS) / 3 + 1;
  constexpr size_t bytes_of_item = 4 * (2 + 4 * N_CHANNELS) / 3 + 1;
  g_autofree guint64 *sizes = g_new0 (guint64, samples->n_items);
  samples->texts = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_set_size (samples->texts, (int) samples->n_items);
  while (ut_db_next (cursor, error))
    {
      const size_t item = (size_t) ut_db_int64 (cursor, 0);
      char *text = item_text (cursor);
      samples->texts->pdata[item] = text;
      sizes[item] = size_in_page (text) + bytes_of_item + (guint64) ut_db_int64 (cursor, 8) * bytes_of_trial;
    }
  for (size_t i = 0; i < samples->order->len; i++)
    {
      const unsigned item = g_array_index (samples->order, unsigned, i);
      if (sizes[item] > room)
        continue;
      room -= sizes[item];
      samples->taken[item] = TRUE;
      samples->n_taken++;
    }
  return TRUE;
}

/* --- Columns ----------------------------------------------------------------------------------------------------------------- */

static void
append_column (GString *json, const char *key, const GByteArray *column)
{
  ut_json_append_key (json, key);
  ut_json_append_bytes (json, column->data, column->len);
}

static void
add_uint16 (GByteArray *column, guint16 value)
{
  const guint16 little = GUINT16_TO_LE (value);
  g_byte_array_append (column, (const guint8 *) &little, sizeof little);
}

static void
add_float (GByteArray *column, float value)
{
  guint32 bits;
  memcpy (&bits, &value, sizeof bits);
  bits = GUINT32_TO_LE (bits);
  g_byte_array_append (column, (const guint8 *) &bits, sizeof bits);
}

static float
float_or_nan (UtDbCursor *cursor, unsigned column)
{
  return ut_db_is_null (cursor, column) ? NAN : (float) ut_db_double (cursor, column);
}

static void
clear_columns (GByteArray **columns, size_t n)
{
  for (size_t c = 0; c < n; c++)
    g_byte_array_unref (columns[c]);
}

typedef enum { COUNT, VARIANT, OPTION, LABEL, MARGIN, DRIFT, N_COLUMNS = DRIFT + N_CHANNELS } Column;

typedef struct {
  GByteArray *of[N_COLUMNS];
} Columns;

static Columns
columns_new (void)
{
  Columns columns;
  for (unsigned c = 0; c < N_COLUMNS; c++)
    columns.of[c] = g_byte_array_new ();
  return columns;
}

static void
columns_clear (Columns *columns)
{
  clear_columns (columns->of, N_COLUMNS);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Columns, columns_clear)

static void
add_trial (Columns *columns, UtDbCursor *cursor)
{
  const guint8 label = (guint8) ut_db_int64 (cursor, 3);
  add_uint16 (columns->of[VARIANT], (guint16) ut_db_int64 (cursor, 1));
  add_uint16 (columns->of[OPTION], ut_db_is_null (cursor, 2) ? NO_OPTION : (guint16) ut_db_int64 (cursor, 2));
  g_byte_array_append (columns->of[LABEL], &label, 1);
  add_float (columns->of[MARGIN], float_or_nan (cursor, 4));
  for (unsigned c = 0; c < N_CHANNELS; c++)
    add_float (columns->of[DRIFT + c], float_or_nan (cursor, 5 + c));
}

static void
append_columns (GString *json, const Columns *columns)
{
  static const char *const names[] = { "count", "variant", "option", "label", "margin" };
  ut_json_append_key (json, "trials");
  g_string_append_c (json, '{');
  for (unsigned c = 0; c < DRIFT; c++)
    append_column (json, names[c], columns->of[c]);
  ut_json_append_key (json, "drift");
  g_string_append_c (json, '{');
  for (unsigned c = 0; c < N_CHANNELS; c++)
    append_column (json, channels[c], columns->of[DRIFT + c]);
  g_string_append (json, "}}");
}

static gboolean
append_trials (Samples *samples, GError **error)
{
  g_autofree char *sql
      = ut_db_sql ("SELECT t.item, t.variant, t.predicted, coalesce(list_position(['holds', 'changed', 'doubtful'], t.label), 0),"
                   " a.margin, m.a, m.b, m.c "
                   "FROM trial t LEFT JOIN answers a ON a.item = t.item AND a.variant = t.variant LEFT JOIN ("
                   "  SELECT item, variant, max(value) FILTER (channel = %q) AS a, max(value) FILTER (channel = %q) AS b,"
                   "  max(value) FILTER (channel = %q) AS c FROM measurement WHERE metric = 'cosine_distance'"
                   "  GROUP BY item, variant) m ON m.item = t.item AND m.variant = t.variant "
                   "ORDER BY t.item, t.variant",
                   channels[0], channels[1], channels[2]);
  static_assert (N_CHANNELS == 3);
  g_autoptr (UtDbCursor) cursor = ut_db_query (samples->db, sql, error);
  if (cursor == NULL)
    return FALSE;
  g_auto (Columns) columns = columns_new ();
  g_autofree guint16 *counts = g_new0 (guint16, samples->n_items);
  while (ut_db_next (cursor, error))
    {
      const size_t item = (size_t) ut_db_int64 (cursor, 0);
      if (!samples->taken[item])
        continue;
      add_trial (&columns, cursor);
      counts[item]++;
    }
  for (unsigned i = 0; i < samples->n_items; i++)
    if (samples->taken[i])
      add_uint16 (columns.of[COUNT], counts[i]);
  append_columns (samples->json, &columns);
  return TRUE;
}

static gboolean
append_controls (Samples *samples, GError **error)
{
  ut_json_append_key (samples->json, "control");
  g_string_append_c (samples->json, '{');
  for (unsigned c = 0; c < N_CHANNELS; c++)
    {
      g_autofree char *sql = ut_db_sql (
          "SELECT i.item, mean_distance FROM item i LEFT JOIN control c ON c.item = i.item AND channel = %q ORDER BY i.item",
          channels[c]);
      g_autoptr (UtDbCursor) cursor = ut_db_query (samples->db, sql, error);
      g_autoptr (GByteArray) column = g_byte_array_new ();
      if (cursor == NULL)
        return FALSE;
      while (ut_db_next (cursor, error))
        if (samples->taken[ut_db_int64 (cursor, 0)])
          add_float (column, float_or_nan (cursor, 1));
      append_column (samples->json, channels[c], column);
    }
  g_string_append_c (samples->json, '}');
  return TRUE;
}

static gboolean
append_variants (Samples *samples, GError **error)
{
  g_autoptr (UtDbCursor) cursor
      = ut_db_query (samples->db, "SELECT variant, name, family, param, role FROM variant ORDER BY variant", error);
  if (cursor == NULL)
    return FALSE;
  GString *json = samples->json;
  ut_json_append_key (json, "variants");
  g_string_append_c (json, '[');
  while (ut_db_next (cursor, error))
    {
      ut_json_append_comma (json);
      g_string_append_printf (json, "[%" G_GINT64_FORMAT ",", ut_db_int64 (cursor, 0));
      ut_json_append_string (json, ut_db_text (cursor, 1));
      g_string_append_c (json, ',');
      ut_json_append_string (json, ut_db_text (cursor, 2));
      g_string_append_c (json, ',');
      ut_json_append_number (json, ut_db_is_null (cursor, 3) ? NAN : ut_db_double (cursor, 3));
      g_string_append_c (json, ',');
      ut_json_append_string (json, ut_db_text (cursor, 4));
      g_string_append_c (json, ']');
    }
  g_string_append_c (json, ']');
  return TRUE;
}

static void
append_items (Samples *samples)
{
  ut_json_append_key (samples->json, "items");
  g_string_append_c (samples->json, '[');
  for (unsigned i = 0; i < samples->n_items; i++)
    if (samples->taken[i])
      {
        ut_json_append_comma (samples->json);
        g_string_append (samples->json, samples->texts->pdata[i]);
      }
  g_string_append_c (samples->json, ']');
}

/* --- Details within the page ------------------------------------------------------------------------------------------------- */

/* Thumbnails by name, in base64. What the item at hand brings is apart, until it is known whether it fits. */
typedef struct {
  GHashTable *kept, *fresh;
} Thumbnails;

static void
thumbnails_clear (Thumbnails *thumbnails)
{
  g_hash_table_unref (thumbnails->kept);
  g_hash_table_unref (thumbnails->fresh);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Thumbnails, thumbnails_clear)

static char *
keep_thumbnail (GBytes *webp, void *data, [[maybe_unused]] GError **error)
{
  Thumbnails *thumbnails = data;
  g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, webp);
  char *name = g_strndup (digest, 24);
  size_t n;
  const void *bytes = g_bytes_get_data (webp, &n);
  if (!g_hash_table_contains (thumbnails->kept, name))
    g_hash_table_insert (thumbnails->fresh, g_strdup (name), g_base64_encode (bytes, n));
  return name;
}

/* What the item at hand brings to the page beside its object. */
static size_t
size_of_fresh (const Thumbnails *thumbnails)
{
  GHashTableIter iter;
  gpointer name, base64;
  size_t n = 0;
  g_hash_table_iter_init (&iter, thumbnails->fresh);
  while (g_hash_table_iter_next (&iter, &name, &base64))
    n += strlen (name) + strlen (base64) + 6;
  return n;
}

static void
keep_fresh (Thumbnails *thumbnails)
{
  GHashTableIter iter;
  gpointer name, base64;
  g_hash_table_iter_init (&iter, thumbnails->fresh);
  while (g_hash_table_iter_next (&iter, &name, &base64))
    {
      g_hash_table_iter_steal (&iter);
      g_hash_table_insert (thumbnails->kept, name, base64);
    }
}

static void
append_thumbnails (GString *json, const Thumbnails *thumbnails)
{
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (thumbnails->kept), (GCompareFunc) strcmp);
  ut_json_append_key (json, "thumbnails");
  g_string_append_c (json, '{');
  for (const GList *name = names; name != NULL; name = name->next)
    {
      ut_json_append_key (json, name->data);
      ut_json_append_string (json, g_hash_table_lookup (thumbnails->kept, name->data));
    }
  g_string_append_c (json, '}');
}

static void
report_progress (const Samples *samples, unsigned done)
{
  if (samples->options->progress != NULL)
    samples->options->progress (done, samples->n_taken, samples->options->data);
}

static void
warn (const Samples *samples, const char *text)
{
  if (samples->options->warn != NULL)
    samples->options->warn (text, samples->options->data);
}

static void
warn_missing (const Samples *samples, const UtDetails *details)
{
  const unsigned n = ut_details_n_missing (details);
  g_autofree char *text
      = g_strdup_printf ("%s: %u images could not be made as the model saw them; the page says why", samples->options->name, n);
  if (n > 0)
    warn (samples, text);
}

/* Of as many items as there is room for, the first in order that fit. */
static gboolean
append_details (Samples *samples, UtReplay *replay, guint64 room, GError **error)
{
  g_auto (Thumbnails) thumbnails = { g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
                                     g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free) };
  g_autoptr (UtDetails) details = ut_details_new (samples->db, replay, PAGE_SIDE, keep_thumbnail, &thumbnails, error);
  if (details == NULL)
    return FALSE;
  ut_json_append_key (samples->json, "details");
  g_string_append_c (samples->json, '{');
  for (unsigned i = 0, done = 0, misfits = 0; i < samples->order->len && misfits < MAX_MISFITS; i++)
    {
      const unsigned item = g_array_index (samples->order, unsigned, i);
      if (!samples->taken[item])
        continue;
      g_autoptr (GString) object = g_string_new (NULL);
      g_hash_table_remove_all (thumbnails.fresh);
      if (!ut_details_append (details, object, item, error))
        return FALSE;
      report_progress (samples, ++done);
      const size_t size = size_in_page (object->str) + size_of_fresh (&thumbnails);
      if (size > room)
        {
          misfits++;
          ut_details_forget (details);
          continue;
        }
      misfits = 0;
      room -= size;
      keep_fresh (&thumbnails);
      ut_json_append_comma (samples->json);
      g_string_append_printf (samples->json, "\"%u\":", item);
      g_string_append_len (samples->json, object->str, (gssize) object->len);
    }
  g_string_append_c (samples->json, '}');
  append_thumbnails (samples->json, &thumbnails);
  warn_missing (samples, details);
  return TRUE;
}

/* --- Details beside the page ------------------------------------------------------------------------------------------------- */

static char *
keep_in_bundle (GBytes *webp, void *data, GError **error)
{
  return ut_bundle_keep (data, webp, error);
}

/* What the folder is made of: the program, the run, what became of its trials, those that failed and were tried again included, the controls, which
 * come at its end, and whether there are images. */
static char *
mark_of (Samples *samples, const char *missing, GError **error)
{
  g_autoptr (UtDbCursor) cursor
      = ut_db_query (samples->db,
                     "SELECT sha256(string_agg(key || '=' || value, chr(10) ORDER BY key, value)),"
                     "  (SELECT count(*) || ' ' || coalesce(bit_xor(md5_number_lower(t::VARCHAR)), 0) FROM trial t),"
                     "  (SELECT count(*) FROM control) FROM run",
                     error);
  return cursor == NULL || !ut_db_next (cursor, error)
             ? NULL
             : g_strdup_printf ("program " UT_VERSION "\nsettings %s\ntrials %s\ncontrols %" G_GINT64_FORMAT "\nimages %s\n",
                                ut_db_text (cursor, 0), ut_db_text (cursor, 1), ut_db_int64 (cursor, 2),
                                missing == NULL ? "yes" : "no");
}

static gboolean
write_bundle (Samples *samples, UtReplay *replay, const char *missing, GError **error)
{
  g_autofree char *mark = mark_of (samples, missing, error);
  g_autoptr (UtBundle) bundle
      = mark == NULL ? NULL : ut_bundle_open (samples->options->bundle, samples->options->run, mark, error);
  g_autoptr (UtDetails) details
      = bundle == NULL ? NULL : ut_details_new (samples->db, replay, BUNDLE_SIDE, keep_in_bundle, bundle, error);
  if (details == NULL)
    return FALSE;
  for (unsigned item = 0, done = 0; item < samples->n_items; item++)
    {
      if (!samples->taken[item])
        continue;
      g_autoptr (GString) object = g_string_new (NULL);
      const unsigned n_missing = ut_details_n_missing (details);
      if (!ut_bundle_has (bundle, item)
          && (!ut_details_append (details, object, item, error)
              || !ut_bundle_add (bundle, item, object->str, ut_details_n_missing (details) == n_missing, error)))
        return FALSE;
      report_progress (samples, ++done);
    }
  warn_missing (samples, details);
  g_string_append_printf (samples->json, ",\"details\":{},\"thumbnails\":{},\"hash\":\"%s\"", ut_bundle_hash (bundle));
  return TRUE;
}

/* --- The whole --------------------------------------------------------------------------------------------------------------- */

static gboolean
append_numbers (Samples *samples, GError **error)
{
  GString *json = samples->json;
  g_string_append_printf (json, "{\"of\":{\"items\":%u,\"trials\":%" G_GUINT64_FORMAT "}", samples->order->len,
                          samples->n_trials);
  ut_json_append_key (json, "channel");
  ut_json_append_string (json, samples->channel);
  if (!append_variants (samples, error))
    return FALSE;
  append_items (samples);
  return append_controls (samples, error) && append_trials (samples, error);
}

/* The place that the user named need not be that of all runs of the page; which benchmark is the right one, the run knows. */
static UtReplay *
open_replay (const Samples *samples, GError **error)
{
  static const UtReplayPlace recorded = {};
  const UtReplayPlace *named = &samples->options->place;
  g_autoptr (GError) fault = NULL;
  UtReplay *replay = ut_replay_open (samples->db, named, &fault);
  if (replay == NULL && (named->dataset != NULL || named->images != NULL)
      && (replay = ut_replay_open (samples->db, &recorded, NULL)) != NULL)
    {
      g_autofree char *text
          = g_strdup_printf ("%s has its images from where it was made: %s", samples->options->name, fault->message);
      warn (samples, text);
    }
  if (replay == NULL)
    g_propagate_error (error, g_steal_pointer (&fault));
  return replay;
}

static gboolean
append_rest (Samples *samples, guint64 room, GError **error)
{
  const UtSamplesOptions *options = samples->options;
  g_autoptr (GError) fault = NULL;
  g_autoptr (UtReplay) replay = open_replay (samples, &fault);
  const char *missing = replay == NULL ? fault->message : NULL;
  if (missing != NULL)
    {
      g_autofree char *text = g_strdup_printf ("%s has no images: %s", options->name, missing);
      warn (samples, text);
    }
  if (options->bundle != NULL ? !write_bundle (samples, replay, missing, error) : !append_details (samples, replay, room, error))
    return FALSE;
  g_autofree char *url = options->bundle != NULL ? g_strdup_printf ("%srun-%u/", options->url, options->run) : NULL;
  ut_json_append_key (samples->json, "bundle");
  ut_json_append_string (samples->json, url);
  ut_json_append_key (samples->json, "missing");
  ut_json_append_string (samples->json, missing);
  g_string_append_c (samples->json, '}');
  return TRUE;
}

gboolean
ut_samples_append (GString *json, UtDb *db, const UtSamplesOptions *options, GError **error)
{
  /* Numbers may take this share of the room where details want the rest. */
  const guint64 room = options->max_size, room_of_numbers = options->bundle != NULL ? room : room / 5 * 3;
  g_auto (Samples) samples = { .db = db, .options = options, .json = json };
  if (!choose_channel (&samples, error) || !count (&samples, error) || !order_items (&samples, error)
      || !take_items (&samples, room_of_numbers, error))
    return FALSE;
  const size_t before = json->len;
  if (!append_numbers (&samples, error))
    return FALSE;
  const size_t taken = size_in_page (json->str + before);
  return append_rest (&samples, room > taken ? room - taken : 0, error);
}
