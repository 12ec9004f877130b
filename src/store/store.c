#include "store/store.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* Raised with every change of schema.sql that another version of the program would misread. */
#define SCHEMA_VERSION 4

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char schema_sql[] = {
#embed "schema.sql"
  , 0
};

static const unsigned char views_sql[] = {
#embed "views.sql"
  , 0
};

/* The tables written row by row, each through an appender of its own. */
typedef enum {
  TABLE_VARIANT,
  TABLE_ITEM,
  TABLE_SKIPPED,
  TABLE_TRIAL,
  TABLE_SCORE,
  TABLE_NO_IMAGE,
  TABLE_GENERATED,
  TABLE_MEASUREMENT,
  TABLE_EMBEDDING,
  TABLE_TOKEN_DRIFT,
  TABLE_POPULATION,
  N_TABLES,
} Table;

static const char *const table_names[N_TABLES]
    = { "variant",   "item",        "skipped",   "trial",       "score",     "no_image",
        "generated", "measurement", "embedding", "token_drift", "population" };

typedef struct {
  unsigned item;
  const char *channel; /* interned */
  double mean_distance;
  unsigned k;
} Control;

struct _UtStore {
  char *path;
  UtDb *db;
  gboolean in_transaction;
  gint64 committed_at;               /* monotonic time, µs */
  UtDbAppender *appenders[N_TABLES]; /* NULL until needed */
  GHashTable *trials;                /* keys of all stored trials, failed ones too */
  GTree *controls;                   /* Control *; the whole table once one was added, else NULL */
  gboolean controls_changed;
};

/* --- Opening ----------------------------------------------------------------------------------------------------------------- */

/* DuckDB says that another process holds the file, and which; the user needs no more of its sentence than that. */
static void
explain_lock (GError **error, const char *path)
{
  const char *pid = strstr ((*error)->message, "(PID ");
  if (strstr ((*error)->message, "Could not set lock") == NULL || pid == NULL)
    return;
  GError *told = g_error_new (UT_ERROR, UT_ERROR_FAILED, "%s: another process is using this run (PID %" G_GUINT64_FORMAT ")",
                              path, g_ascii_strtoull (pid + strlen ("(PID "), NULL, 10));
  g_clear_error (error);
  *error = told;
}

/* What `sql` gives in its first row and column; `otherwise` where it gives no row or NULL. FALSE for an error. */
static gboolean
query_int64 (UtDb *db, const char *sql, int64_t otherwise, int64_t *out_value, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, error);
  if (cursor == NULL)
    return FALSE;
  const gboolean found = ut_db_next (cursor, NULL) && !ut_db_is_null (cursor, 0);
  *out_value = found ? ut_db_int64 (cursor, 0) : otherwise;
  return TRUE;
}

/* Whether the file holds nothing at all (*out_empty) or a run of this schema version; anything else is an error. */
static gboolean
check_schema (UtDb *db, const char *path, gboolean *out_empty, GError **error)
{
  int64_t n_tables = 0, n_ours = 0, version = 0;
  if (!query_int64 (db, "SELECT count(*) FROM duckdb_tables() WHERE NOT internal", 0, &n_tables, error)
      || !query_int64 (db, "SELECT count(*) FROM duckdb_tables() WHERE NOT internal AND table_name = 'undertow'", 0, &n_ours,
                       error))
    return FALSE;
  *out_empty = n_tables == 0;
  if (*out_empty)
    return TRUE;
  if (n_ours == 0)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: a DuckDB file, but no run of undertow: it has no table “undertow”",
                   path);
      return FALSE;
    }
  if (!query_int64 (db, "SELECT schema_version FROM undertow", 0, &version, error))
    return FALSE;
  if (version == SCHEMA_VERSION)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
               "%s: a run of schema version %" G_GINT64_FORMAT
               "; this undertow reads and writes version %d: use the one that made it",
               path, version, SCHEMA_VERSION);
  return FALSE;
}

static gboolean
begin_transaction (UtStore *store, GError **error)
{
  if (!store->in_transaction)
    store->in_transaction = ut_db_exec (store->db, "BEGIN", error);
  return store->in_transaction;
}

/* Whether the file's views are this program's. To make them takes longer than most questions to them. */
static gboolean
has_views (UtDb *db, const char *checksum, gboolean *out, GError **error)
{
  g_autofree char *sql = ut_db_sql ("SELECT count(*) FROM undertow WHERE views = %q", checksum);
  int64_t n = 0;
  if (!query_int64 (db, sql, 0, &n, error))
    return FALSE;
  *out = n > 0;
  return TRUE;
}

static char *
checksum_of_views (void)
{
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, (const char *) views_sql, -1);
}

static gboolean
make_views (UtDb *db, GError **error)
{
  g_autofree char *checksum = checksum_of_views ();
  g_autofree char *mark = ut_db_sql ("UPDATE undertow SET views = %q", checksum);
  gboolean there = FALSE;
  return has_views (db, checksum, &there, error)
         && (there || (ut_db_exec (db, (const char *) views_sql, error) && ut_db_exec (db, mark, error)));
}

/* The tables of a new file become durable with its first commit, together with what is in them: a file either holds a run from its
 * first question on or is empty. */
static gboolean
set_up (UtStore *store, GError **error)
{
  gboolean empty;
  if (!check_schema (store->db, store->path, &empty, error) || !begin_transaction (store, error))
    return FALSE;
  if (empty)
    {
      g_autofree char *version = g_strdup_printf ("INSERT INTO undertow VALUES (%d, NULL)", SCHEMA_VERSION);
      if (!ut_db_exec (store->db, (const char *) schema_sql, error) || !ut_db_exec (store->db, version, error))
        return FALSE;
    }
  return make_views (store->db, error);
}

static guint
trial_hash (gconstpointer key)
{
  /* GLib's own hash of 64 bits folds item and variant onto each other. */
  const guint64 x = *(const guint64 *) key * 0x9e3779b97f4a7c15u;
  return (guint) (x >> 32);
}

static GHashTable *
trial_set_new (void)
{
  return g_hash_table_new_full (trial_hash, g_int64_equal, g_free, NULL);
}

static guint64
trial_key (unsigned item, unsigned variant)
{
  return (guint64) item << 32 | variant;
}

static void
trial_set_add (GHashTable *set, unsigned item, unsigned variant)
{
  const guint64 key = trial_key (item, variant);
  g_hash_table_add (set, g_memdup2 (&key, sizeof key));
}

static UtStore *
store_new (const char *path)
{
  UtStore *store = g_new0 (UtStore, 1);
  store->path = g_strdup (path);
  store->trials = trial_set_new ();
  return store;
}

UtStore *
ut_store_open (const char *path, GError **error)
{
  /* The engine wants the memory more; beyond this DuckDB spills to disk. */
  const UtDbOptions options = { .isolated = TRUE, .memory_limit = "2GB" };
  g_autoptr (UtStore) store = store_new (path);
  g_autoptr (GError) fault = NULL;
  store->db = ut_db_open (path, &options, &fault);
  if (store->db == NULL)
    {
      explain_lock (&fault, path);
      g_propagate_error (error, g_steal_pointer (&fault));
      return NULL;
    }
  if (!set_up (store, error))
    return NULL;
  return g_steal_pointer (&store);
}

/* A file open for reading takes no views: where its own are not this program's, they are made in a database in memory, to which the run is
 * attached. What stands in a stranger's views reads no other file. */
/* `folder` NULL: no file but the run's is reached from then on, else those in it besides. */
static UtStore *
open_read (const char *path, const char *folder, GError **error)
{
  g_autoptr (UtStore) store = store_new (path);
  store->db = ut_db_open (NULL, NULL, error);
  if (store->db == NULL)
    return NULL;

  g_autoptr (GError) fault = NULL;
  g_autofree char *attach = ut_db_sql ("ATTACH %q AS run_file (TYPE duckdb, READ_ONLY)", path);
  if (!ut_db_exec (store->db, attach, &fault))
    {
      g_prefix_error (&fault, "%s: ", path);
      explain_lock (&fault, path);
      g_propagate_error (error, g_steal_pointer (&fault));
      return NULL;
    }
  gboolean empty;
  if (!ut_db_exec (store->db, "SET search_path = 'memory.main,run_file.main'", error)
      || !check_schema (store->db, path, &empty, error))
    return NULL;
  if (empty)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: an empty file: no run has begun in it", path);
      return NULL;
    }
  g_autofree char *checksum = checksum_of_views ();
  gboolean there = FALSE;
  g_autofree char *allow = folder != NULL ? ut_db_sql ("SET allowed_directories = [%q]", folder) : NULL;
  if ((allow != NULL && !ut_db_exec (store->db, allow, error))
      || !ut_db_exec (store->db, "SET enable_external_access = false", error) || !has_views (store->db, checksum, &there, error)
      || (!there && !ut_db_exec (store->db, (const char *) views_sql, error)))
    return NULL;
  return g_steal_pointer (&store);
}

UtStore *
ut_store_open_read (const char *path, GError **error)
{
  return open_read (path, NULL, error);
}

UtStore *
ut_store_open_export (const char *path, const char *folder, GError **error)
{
  return open_read (path, folder, error);
}

static gboolean
write_kept (UtDb *db, const UtKeptTrial *kept, size_t n, GError **error)
{
  g_autoptr (UtDbAppender) rows = ut_db_appender_new (db, "kept", error);
  if (rows == NULL)
    return FALSE;
  for (size_t i = 0; i < n; i++)
    {
      ut_db_append_int64 (rows, kept[i].item);
      ut_db_append_int64 (rows, kept[i].variant);
      ut_db_append_text (rows, kept[i].label);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return ut_db_appender_flush (rows, error);
}

/* All else that a view counts, it joins with one of these three. They hide the file's, since the search path has the memory first; so do the
 * views, which the file's own would not look for. */
gboolean
ut_store_restrict (UtStore *store, const UtKeptTrial *kept, size_t n, GError **error)
{
  static const char hide[]
      = "CREATE TABLE memory.main.item AS FROM run_file.main.item WHERE item IN (SELECT item FROM kept);"
        "CREATE TABLE memory.main.variant AS FROM run_file.main.variant WHERE variant IN (SELECT variant FROM kept);"
        "CREATE TABLE memory.main.trial AS SELECT t.* REPLACE (k.label AS label) "
        "FROM run_file.main.trial t JOIN kept k USING (item, variant)";
  return ut_db_exec (store->db, "CREATE TABLE memory.main.kept (item UINTEGER, variant UINTEGER, label VARCHAR)", error)
         && write_kept (store->db, kept, n, error) && ut_db_exec (store->db, hide, error)
         && ut_db_exec (store->db, (const char *) views_sql, error);
}

void
ut_store_close (UtStore *store)
{
  if (store == NULL)
    return;
  for (unsigned i = 0; i < N_TABLES; i++)
    g_clear_pointer (&store->appenders[i], ut_db_appender_free);
  if (store->in_transaction)
    ut_db_exec (store->db, "ROLLBACK", NULL);
  g_clear_pointer (&store->db, ut_db_free);
  g_clear_pointer (&store->trials, g_hash_table_unref);
  g_clear_pointer (&store->controls, g_tree_unref);
  g_free (store->path);
  g_free (store);
}

UtDb *
ut_store_db (UtStore *store)
{
  return store->db;
}

/* --- Identity ---------------------------------------------------------------------------------------------------------------- */

static gboolean
write_identity (UtStore *store, const UtIdentity *identity, GError **error)
{
  g_autoptr (UtDbAppender) rows = ut_db_appender_new (store->db, "run", error);
  if (rows == NULL)
    return FALSE;
  for (; identity->key != NULL; identity++)
    {
      ut_db_append_text (rows, identity->key);
      ut_db_append_text (rows, identity->value);
      ut_db_append_bool (rows, identity->informative);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return ut_db_appender_flush (rows, error);
}

static const UtIdentity *
find_identity (const UtIdentity *identity, const char *key)
{
  while (identity->key != NULL && strcmp (identity->key, key) != 0)
    identity++;
  return identity->key != NULL ? identity : NULL;
}

static void
add_difference (GString *differences, const char *key, const char *stored, const char *given)
{
  g_string_append_printf (differences, "\n  %s: %s there, %s here", key, stored != NULL ? stored : "(none)",
                          given != NULL ? given : "(none)");
}

/* Every key that must be equal and is not, a line each. `cursor` gives key, value of the stored ones. */
static void
compare_identity (UtDbCursor *cursor, const UtIdentity *identity, GString *differences)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  while (ut_db_next (cursor, NULL))
    {
      const char *key = ut_db_text (cursor, 0), *stored = ut_db_text (cursor, 1);
      const UtIdentity *given = find_identity (identity, key);
      g_hash_table_add (seen, g_strdup (key));
      if (given == NULL)
        add_difference (differences, key, stored, NULL);
      else if (!given->informative && strcmp (stored, given->value) != 0)
        add_difference (differences, key, stored, given->value);
    }
  for (; identity->key != NULL; identity++)
    if (!identity->informative && !g_hash_table_contains (seen, identity->key))
      add_difference (differences, identity->key, NULL, identity->value);
}

static gboolean
load_trials (UtStore *store, GError **error)
{
  g_autoptr (UtDbCursor) cursor = ut_db_query (store->db, "SELECT item, variant FROM trial", error);
  if (cursor == NULL)
    return FALSE;
  g_hash_table_remove_all (store->trials);
  while (ut_db_next (cursor, NULL))
    trial_set_add (store->trials, (unsigned) ut_db_int64 (cursor, 0), (unsigned) ut_db_int64 (cursor, 1));
  return TRUE;
}

gboolean
ut_store_begin (UtStore *store, const UtIdentity *identity, gboolean *out_resumed, GError **error)
{
  int64_t n = 0;
  if (!begin_transaction (store, error) || !query_int64 (store->db, "SELECT count(*) FROM run", 0, &n, error))
    return FALSE;
  *out_resumed = n > 0;
  if (!*out_resumed)
    return write_identity (store, identity, error);

  g_autoptr (UtDbCursor) cursor
      = ut_db_query (store->db, "SELECT key, value FROM run WHERE NOT informative ORDER BY rowid", error);
  if (cursor == NULL)
    return FALSE;
  g_autoptr (GString) differences = g_string_new (NULL);
  compare_identity (cursor, identity, differences);
  if (differences->len == 0)
    return load_trials (store, error);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE,
               "%s holds a run of another configuration, which cannot be continued with this one:%s", store->path,
               differences->str);
  return FALSE;
}

/* --- Rows -------------------------------------------------------------------------------------------------------------------- */

/* The table's appender, within the open transaction; NULL for an error. Borrowed. */
static UtDbAppender *
writer (UtStore *store, Table table, GError **error)
{
  if (!begin_transaction (store, error))
    return NULL;
  if (store->appenders[table] == NULL)
    store->appenders[table] = ut_db_appender_new (store->db, table_names[table], error);
  return store->appenders[table];
}

/* Hands all rows to the transaction, so that its own queries see them. */
static gboolean
flush (UtStore *store, GError **error)
{
  for (unsigned i = 0; i < N_TABLES; i++)
    if (store->appenders[i] != NULL && !ut_db_appender_flush (store->appenders[i], error))
      return FALSE;
  return TRUE;
}

gboolean
ut_store_add_variants (UtStore *store, const UtStoreVariant *variants, size_t n, GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_VARIANT, error);
  if (rows == NULL)
    return FALSE;
  for (const UtStoreVariant *v = variants; v < variants + n; v++)
    {
      ut_db_append_int64 (rows, v->id);
      ut_db_append_text (rows, v->name);
      ut_db_append_text (rows, v->family);
      if (isnan (v->param))
        ut_db_append_null (rows);
      else
        ut_db_append_double (rows, v->param);
      ut_db_append_bool (rows, v->core);
      ut_db_append_text (rows, v->role);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return TRUE;
}

/* The dataset says "" for no category, the tables NULL. */
static const char *
null_if_empty (const char *text)
{
  return text != NULL && *text != '\0' ? text : NULL;
}

gboolean
ut_store_add_items (UtStore *store, const UtStoreItem *items, size_t n, GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_ITEM, error);
  if (rows == NULL)
    return FALSE;
  for (const UtStoreItem *item = items; item < items + n; item++)
    {
      ut_db_append_int64 (rows, item->index);
      ut_db_append_text (rows, item->id);
      ut_db_append_text (rows, item->image_id);
      ut_db_append_text (rows, null_if_empty (item->category));
      ut_db_append_text (rows, null_if_empty (item->hint));
      ut_db_append_text (rows, item->question);
      ut_db_append_text_list (rows, item->options);
      ut_db_append_int64 (rows, item->answer);
      ut_db_append_bool (rows, item->yes_no);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
ut_store_add_skipped (UtStore *store, const char *where, const char *reason, GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_SKIPPED, error);
  if (rows == NULL)
    return FALSE;
  ut_db_append_text (rows, where);
  ut_db_append_text (rows, reason);
  return ut_db_append_end_row (rows, error);
}

static gboolean
is_finite (const UtStoreScore *score)
{
  return isfinite (score->logprob) && !isinf (score->logprob_text) && !isinf (score->logprob_letter);
}

/* The first score or measurement that is no finite number, in words; NULL where all are. */
static char *
describe_non_finite (const UtTrial *trial)
{
  for (unsigned k = 0; k < trial->n_scores; k++)
    if (!is_finite (&trial->scores[k]) || (trial->no_image != NULL && !isfinite (trial->no_image[k])))
      return g_strdup_printf ("the score of option %u is no finite number (%g)", k, trial->scores[k].logprob);
  for (const UtMeasurement *m = trial->measurements; m < trial->measurements + trial->n_measurements; m++)
    if (!isfinite (m->value))
      return g_strdup_printf ("%s of %s is no finite number (%g)", m->metric, *m->channel != '\0' ? m->channel : "the image",
                              m->value);
  return NULL;
}

static void
append_positive (UtDbAppender *rows, int value)
{
  if (value > 0)
    ut_db_append_int64 (rows, value);
  else
    ut_db_append_null (rows);
}

static gboolean
append_trial (UtStore *store, const UtTrial *trial, const char *fault, GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_TRIAL, error);
  if (rows == NULL)
    return FALSE;
  ut_db_append_int64 (rows, trial->item);
  ut_db_append_int64 (rows, trial->variant);
  ut_db_append_text (rows, fault);
  if (fault == NULL)
    ut_db_append_int64 (rows, trial->predicted);
  else
    ut_db_append_null (rows);
  append_positive (rows, fault == NULL ? trial->width : 0);
  append_positive (rows, fault == NULL ? trial->height : 0);
  ut_db_append_text (rows, trial->detail);
  ut_db_append_text (rows, trial->label);
  return ut_db_append_end_row (rows, error);
}

static void
append_known (UtDbAppender *rows, double value)
{
  if (isnan (value))
    ut_db_append_null (rows);
  else
    ut_db_append_double (rows, value);
}

static gboolean
append_scores (UtStore *store, const UtTrial *trial, GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_SCORE, error);
  if (rows == NULL)
    return FALSE;
  for (unsigned k = 0; k < trial->n_scores; k++)
    {
      const UtStoreScore *score = &trial->scores[k];
      ut_db_append_int64 (rows, trial->item);
      ut_db_append_int64 (rows, trial->variant);
      ut_db_append_int64 (rows, k);
      ut_db_append_double (rows, score->logprob);
      append_known (rows, score->logprob_text);
      if (score->n_tokens >= 0)
        ut_db_append_int64 (rows, score->n_tokens);
      else
        ut_db_append_null (rows);
      ut_db_append_int64 (rows, score->n_bytes);
      append_known (rows, score->logprob_letter);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
append_no_image (UtStore *store, const UtTrial *trial, GError **error)
{
  if (trial->no_image == NULL)
    return TRUE;
  UtDbAppender *rows = writer (store, TABLE_NO_IMAGE, error);
  if (rows == NULL)
    return FALSE;
  for (unsigned k = 0; k < trial->n_scores; k++)
    {
      ut_db_append_int64 (rows, trial->item);
      ut_db_append_int64 (rows, k);
      ut_db_append_double (rows, trial->no_image[k]);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
append_generated (UtStore *store, const UtTrial *trial, GError **error)
{
  const struct {
    const char *prompt, *text;
  } answers[] = { { "open", trial->text_open }, { "mcq", trial->text_mcq } };
  for (size_t i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      if (answers[i].text == NULL)
        continue;
      UtDbAppender *rows = writer (store, TABLE_GENERATED, error);
      if (rows == NULL)
        return FALSE;
      ut_db_append_int64 (rows, trial->item);
      ut_db_append_int64 (rows, trial->variant);
      ut_db_append_text (rows, answers[i].prompt);
      ut_db_append_text (rows, answers[i].text);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
ut_store_add_measurement (UtStore *store, unsigned item, unsigned variant, const UtMeasurement *measurement, GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_MEASUREMENT, error);
  if (rows == NULL)
    return FALSE;
  ut_db_append_int64 (rows, item);
  ut_db_append_int64 (rows, variant);
  ut_db_append_text (rows, measurement->channel);
  ut_db_append_text (rows, measurement->metric);
  ut_db_append_double (rows, measurement->value);
  return ut_db_append_end_row (rows, error);
}

static gboolean
append_measurements (UtStore *store, const UtTrial *trial, GError **error)
{
  for (const UtMeasurement *m = trial->measurements; m < trial->measurements + trial->n_measurements; m++)
    if (!ut_store_add_measurement (store, trial->item, trial->variant, m, error))
      return FALSE;
  return TRUE;
}

static gboolean
append_token_drifts (UtStore *store, const UtTrial *trial, GError **error)
{
  for (const UtTokenDrift *grid = trial->token_drifts; grid < trial->token_drifts + trial->n_token_drifts; grid++)
    {
      UtDbAppender *rows = writer (store, TABLE_TOKEN_DRIFT, error);
      if (rows == NULL)
        return FALSE;
      ut_db_append_int64 (rows, trial->item);
      ut_db_append_int64 (rows, trial->variant);
      if (grid->image >= 0)
        ut_db_append_int64 (rows, grid->image);
      else
        ut_db_append_null (rows);
      ut_db_append_int64 (rows, grid->slice);
      ut_db_append_int64 (rows, grid->frames);
      ut_db_append_int64 (rows, grid->height);
      ut_db_append_int64 (rows, grid->width);
      ut_db_append_floats (rows, grid->drift, (size_t) grid->frames * grid->height * grid->width);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
ut_store_add_trial (UtStore *store, const UtTrial *trial, GError **error)
{
  if (ut_stock_has (store->trials, trial->item, trial->variant))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: item %u under variant %u is stored already", store->path, trial->item,
                   trial->variant);
      return FALSE;
    }
  trial_set_add (store->trials, trial->item, trial->variant);
  g_autofree char *non_finite = trial->error == NULL ? describe_non_finite (trial) : NULL;
  const char *fault = trial->error != NULL ? trial->error : non_finite;
  if (!append_trial (store, trial, fault, error))
    return FALSE;
  return fault != NULL
         || (append_scores (store, trial, error) && append_no_image (store, trial, error)
             && append_generated (store, trial, error) && append_measurements (store, trial, error)
             && append_token_drifts (store, trial, error));
}

gboolean
ut_store_add_embedding (UtStore *store, unsigned item, unsigned variant, const char *channel, const float *values, size_t n,
                        GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_EMBEDDING, error);
  if (rows == NULL)
    return FALSE;
  ut_db_append_int64 (rows, item);
  ut_db_append_int64 (rows, variant);
  ut_db_append_text (rows, channel);
  ut_db_append_floats (rows, values, n);
  return ut_db_append_end_row (rows, error);
}

/* --- Control ----------------------------------------------------------------------------------------------------------------- */

static gint
compare_controls (gconstpointer a, gconstpointer b, [[maybe_unused]] gpointer data)
{
  const Control *left = a, *right = b;
  const int by_channel = strcmp (left->channel, right->channel);
  return by_channel != 0 ? by_channel : (left->item > right->item) - (left->item < right->item);
}

static void
set_control (GTree *controls, unsigned item, const char *channel, double mean_distance, unsigned k)
{
  Control *control = g_new (Control, 1);
  *control = (Control) { .item = item, .channel = g_intern_string (channel), .mean_distance = mean_distance, .k = k };
  g_tree_replace (controls, control, control);
}

/* The control table is small and replaced row by row, which a column store is bad at: it is held here, and written whole. */
static gboolean
load_controls (UtStore *store, GError **error)
{
  if (store->controls != NULL)
    return TRUE;
  g_autoptr (UtDbCursor) cursor = ut_db_query (store->db, "SELECT item, channel, mean_distance, k FROM control", error);
  if (cursor == NULL)
    return FALSE;
  store->controls = g_tree_new_full (compare_controls, NULL, g_free, NULL);
  while (ut_db_next (cursor, NULL))
    set_control (store->controls, (unsigned) ut_db_int64 (cursor, 0), ut_db_text (cursor, 1), ut_db_double (cursor, 2),
                 (unsigned) ut_db_int64 (cursor, 3));
  return TRUE;
}

gboolean
ut_store_add_control (UtStore *store, unsigned item, const char *channel, double mean_distance, unsigned k, GError **error)
{
  if (!begin_transaction (store, error) || !load_controls (store, error))
    return FALSE;
  set_control (store->controls, item, channel, mean_distance, k);
  store->controls_changed = TRUE;
  return TRUE;
}

static gboolean
write_controls (UtStore *store, GError **error)
{
  if (!store->controls_changed)
    return TRUE;
  if (!ut_db_exec (store->db, "DELETE FROM control", error))
    return FALSE;
  g_autoptr (UtDbAppender) rows = ut_db_appender_new (store->db, "control", error);
  if (rows == NULL)
    return FALSE;
  for (GTreeNode *node = g_tree_node_first (store->controls); node != NULL; node = g_tree_node_next (node))
    {
      const Control *control = g_tree_node_key (node);
      ut_db_append_int64 (rows, control->item);
      ut_db_append_text (rows, control->channel);
      if (isfinite (control->mean_distance))
        ut_db_append_double (rows, control->mean_distance);
      else
        ut_db_append_null (rows);
      ut_db_append_int64 (rows, control->k);
      if (!ut_db_append_end_row (rows, error))
        return FALSE;
    }
  store->controls_changed = FALSE;
  return ut_db_appender_flush (rows, error);
}

/* --- Commit and resume ------------------------------------------------------------------------------------------------------- */

gboolean
ut_store_commit (UtStore *store, GError **error)
{
  if (!store->in_transaction)
    return TRUE;
  if (!flush (store, error) || !write_controls (store, error))
    return FALSE;
  if (!ut_db_exec (store->db, "COMMIT", error))
    return FALSE;
  store->in_transaction = FALSE;
  store->committed_at = g_get_monotonic_time ();
  return TRUE;
}

gboolean
ut_store_finish (UtStore *store, GError **error)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format_iso8601 (now);
  g_autofree char *sql = ut_db_sql ("INSERT INTO run SELECT '" UT_STORE_FINISHED "', %q, true "
                                    "WHERE NOT EXISTS (FROM run WHERE key = '" UT_STORE_FINISHED "')",
                                    time);
  return begin_transaction (store, error) && ut_db_exec (store->db, sql, error) && ut_store_commit (store, error);
}

gboolean
ut_store_commit_if_due (UtStore *store, GError **error)
{
  const gboolean due = g_get_monotonic_time () - store->committed_at >= G_USEC_PER_SEC / 2;
  return !due || ut_store_commit (store, error);
}

GHashTable *
ut_store_take_stock (UtStore *store, GError **error)
{
  /* An embedding without a finished trial would come a second time when that trial is tried again. */
  const char *forget = "DELETE FROM trial WHERE error IS NOT NULL;"
                       "DELETE FROM embedding WHERE (item, variant) NOT IN (SELECT (item, variant) FROM trial)";
  if (!begin_transaction (store, error) || !flush (store, error) || !ut_db_exec (store->db, forget, error)
      || !load_trials (store, error))
    return NULL;

  g_autoptr (UtDbCursor) cursor = ut_db_query (store->db, "SELECT item, variant, predicted FROM trial", error);
  if (cursor == NULL)
    return NULL;
  GHashTable *stock = trial_set_new ();
  while (ut_db_next (cursor, NULL))
    {
      const guint64 key = trial_key ((unsigned) ut_db_int64 (cursor, 0), (unsigned) ut_db_int64 (cursor, 1));
      g_hash_table_insert (stock, g_memdup2 (&key, sizeof key), GINT_TO_POINTER ((int) ut_db_int64 (cursor, 2)));
    }
  return stock;
}

gboolean
ut_stock_has (GHashTable *stock, unsigned item, unsigned variant)
{
  const guint64 key = trial_key (item, variant);
  return g_hash_table_contains (stock, &key);
}

int
ut_stock_prediction (GHashTable *stock, unsigned item, unsigned variant)
{
  const guint64 key = trial_key (item, variant);
  gpointer predicted;
  return g_hash_table_lookup_extended (stock, &key, NULL, &predicted) ? GPOINTER_TO_INT (predicted) : -1;
}

/* Copies the vectors that `cursor` gives (item, vector) into a matrix of rows by item. */
static gboolean
gather (UtStore *store, UtDbCursor *cursor, const char *channel, size_t n_items, float **values, size_t *n, gboolean *present,
        GError **error)
{
  while (ut_db_next (cursor, NULL))
    {
      const size_t item = (size_t) ut_db_int64 (cursor, 0);
      size_t width = 0;
      const float *vector = ut_db_floats (cursor, 1, &width);
      if (*values == NULL)
        {
          *n = width;
          *values = g_new0 (float, n_items *width);
        }
      if (item >= n_items || width != *n)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
                       "%s: the %s embedding of item %zu has %zu values where %zu items of %zu values were expected", store->path,
                       channel, item, width, n_items, *n);
          return FALSE;
        }
      memcpy (*values + item * width, vector, width * sizeof *vector);
      present[item] = TRUE;
    }
  return TRUE;
}

gboolean
ut_store_embeddings (UtStore *store, const char *channel, size_t n_items, float **out_values, size_t *out_n,
                     gboolean **out_present, GError **error)
{
  if (!flush (store, error))
    return FALSE;
  g_autoptr (UtDbStatement) statement = ut_db_prepare (
      store->db,
      "SELECT e.item, e.vector FROM embedding e JOIN trial t ON t.item = e.item AND t.variant = 0 AND t.error IS NULL "
      "WHERE e.variant = 0 AND e.channel = $1 ORDER BY e.item",
      error);
  if (statement == NULL)
    return FALSE;
  ut_db_bind_text (statement, 1, channel);
  g_autoptr (UtDbCursor) cursor = ut_db_run (statement, error);
  if (cursor == NULL)
    return FALSE;

  g_autofree float *values = NULL;
  g_autofree gboolean *present = g_new0 (gboolean, n_items);
  *out_n = 0;
  if (!gather (store, cursor, channel, n_items, &values, out_n, present, error))
    return FALSE;
  *out_values = g_steal_pointer (&values);
  *out_present = g_steal_pointer (&present);
  return TRUE;
}

char **
ut_store_channels (UtStore *store, GError **error)
{
  if (!flush (store, error))
    return NULL;
  g_autoptr (UtDbCursor) cursor = ut_db_query (
      store->db, "SELECT DISTINCT channel FROM embedding WHERE variant = 0 ORDER BY channel_rank(channel), channel", error);
  if (cursor == NULL)
    return NULL;
  g_autoptr (GStrvBuilder) channels = g_strv_builder_new ();
  while (ut_db_next (cursor, NULL))
    g_strv_builder_add (channels, ut_db_text (cursor, 0));
  return g_strv_builder_end (channels);
}

/* --- Populations ------------------------------------------------------------------------------------------------------------- */

void
ut_pairs_clear (UtPairs *pairs)
{
  g_clear_pointer (&pairs->items, g_free);
  g_clear_pointer (&pairs->clean, g_free);
  g_clear_pointer (&pairs->perturbed, g_free);
}

/* The two vectors of the cursor's row as another pair. FALSE where their width is not that of the others. */
static gboolean
append_pair (UtDbCursor *cursor, GArray *items, GArray *clean, GArray *perturbed, size_t *n_embd)
{
  const unsigned item = (unsigned) ut_db_int64 (cursor, 0);
  size_t width, other;
  const float *from = ut_db_floats (cursor, 1, &width), *to = ut_db_floats (cursor, 2, &other);
  if (items->len == 0)
    *n_embd = width;
  if (width != *n_embd || other != width)
    return FALSE;
  g_array_append_val (items, item);
  g_array_append_vals (clean, from, (guint) width);
  g_array_append_vals (perturbed, to, (guint) width);
  return TRUE;
}

gboolean
ut_store_pairs (UtStore *store, unsigned variant, const char *channel, UtPairs *out, GError **error)
{
  if (!flush (store, error))
    return FALSE;
  g_autoptr (UtDbStatement) statement
      = ut_db_prepare (store->db,
                       "SELECT c.item, c.vector, p.vector FROM embedding c JOIN embedding p USING (item, channel) "
                       "WHERE c.variant = 0 AND p.variant = $1 AND channel = $2 ORDER BY c.item",
                       error);
  if (statement == NULL)
    return FALSE;
  ut_db_bind_int64 (statement, 1, variant);
  ut_db_bind_text (statement, 2, channel);
  g_autoptr (UtDbCursor) cursor = ut_db_run (statement, error);
  if (cursor == NULL)
    return FALSE;
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (unsigned));
  g_autoptr (GArray) clean = g_array_new (FALSE, FALSE, sizeof (float)), perturbed = g_array_new (FALSE, FALSE, sizeof (float));
  size_t n_embd = 0;
  while (ut_db_next (cursor, NULL))
    if (!append_pair (cursor, items, clean, perturbed, &n_embd))
      {
        g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: the %s embeddings differ in length", store->path, channel);
        return FALSE;
      }
  *out = (UtPairs) { .n = items->len, .n_embd = n_embd };
  out->items = (unsigned *) (void *) g_array_steal (items, NULL);
  out->clean = (float *) (void *) g_array_steal (clean, NULL);
  out->perturbed = (float *) (void *) g_array_steal (perturbed, NULL);
  return TRUE;
}

gboolean
ut_store_forget_population (UtStore *store, GError **error)
{
  return begin_transaction (store, error) && flush (store, error)
         && ut_db_exec (store->db, "DELETE FROM population; DELETE FROM measurement WHERE metric = 'centred_cosine_distance'",
                        error);
}

gboolean
ut_store_add_population (UtStore *store, unsigned variant, const char *channel, const char *metric, double value, size_t n_items,
                         GError **error)
{
  UtDbAppender *rows = writer (store, TABLE_POPULATION, error);
  if (rows == NULL)
    return FALSE;
  ut_db_append_int64 (rows, variant);
  ut_db_append_text (rows, channel);
  ut_db_append_text (rows, metric);
  if (isfinite (value))
    ut_db_append_double (rows, value);
  else
    ut_db_append_null (rows);
  ut_db_append_int64 (rows, (gint64) n_items);
  return ut_db_append_end_row (rows, error);
}
