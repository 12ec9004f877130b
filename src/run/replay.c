#include "run/replay.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "metric/metric.h"
#include "run/group.h"
#include "run/identity.h"
#include "run/others.h"

/* What the run noted of a trial's images. */
typedef struct {
  gboolean finished; /* there is nothing else of a trial that failed */
  gint64 width, height;
  double psnr;
  char *detail; /* NULL for none */
} Noted;

static void
noted_clear (Noted *noted)
{
  g_free (noted->detail);
}

struct _UtReplay {
  UtDb *db;
  UtDataset *dataset;
  GPtrArray *variants; /* UtVariant * */
  UtPrompt *prompt;    /* NULL where the run does not say how it asked */
  guint64 seed;
  GPtrArray *groups;        /* UtGroup *, without images */
  UtGroup **group_of;       /* [n_items], borrowed from `groups` */
  unsigned *place_of;       /* [n_items], each item's place in its group */
  int *clean_predictions;   /* [n_items], by the score that overlays were chosen by; -1 where the clean trial failed */
  UtDbStatement *ask_noted; /* of all trials of an item */
  GArray *noted;            /* Noted [n_variants], of one item */
  size_t noted_item;        /* that; n_items where it is of none */
  const UtGroup *loaded;    /* the group whose images are in memory */
};

/* --- How the benchmark was read ---------------------------------------------------------------------------------------------- */

/* A fact of the run; NULL where it does not say, or for an error. The caller owns it. */
static char *
dup_fact (UtDb *db, const char *key, GError **error)
{
  g_autofree char *sql = ut_db_sql ("SELECT value FROM run WHERE key = %q", key);
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, sql, error);
  return cursor != NULL && ut_db_next (cursor, error) ? ut_db_dup_text (cursor, 0) : NULL;
}

static char **
dup_columns (UtDb *db)
{
  g_autoptr (GPtrArray) columns = g_ptr_array_new_null_terminated (4, g_free, TRUE);
  g_autoptr (UtDbCursor) cursor = ut_db_query (db, "SELECT value FROM run WHERE key = '" UT_RUN_COLUMN "' ORDER BY rowid", NULL);
  while (cursor != NULL && ut_db_next (cursor, NULL))
    g_ptr_array_add (columns, ut_db_dup_text (cursor, 0));
  return g_strdupv ((char **) columns->pdata);
}

static guint64
read_number (const char *text)
{
  return text != NULL ? g_ascii_strtoull (text, NULL, 10) : 0;
}

/* A name that the user typed, from the folder where it was typed. */
static char *
from_folder (const char *folder, const char *name)
{
  return name == NULL || folder == NULL || g_str_has_prefix (name, "bundled:") ? g_strdup (name)
                                                                               : g_canonicalize_filename (name, folder);
}

typedef struct {
  UtDatasetConfig config; /* owns its strings */
  char *questions;        /* their checksum */
  char *perturbations;
} Recorded;

static void
recorded_clear (Recorded *recorded)
{
  g_free (recorded->config.path);
  g_free (recorded->config.format);
  g_free (recorded->config.images);
  g_strfreev (recorded->config.columns);
  g_free (recorded->questions);
  g_free (recorded->perturbations);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Recorded, recorded_clear)

static gboolean
read_recorded (UtDb *db, const UtReplayPlace *place, Recorded *out, GError **error)
{
  g_autofree char *folder = dup_fact (db, UT_RUN_FOLDER, NULL), *path = dup_fact (db, UT_RUN_DATASET, NULL),
                  *images = dup_fact (db, UT_RUN_IMAGES, NULL), *limit = dup_fact (db, UT_RUN_LIMIT, NULL),
                  *sample = dup_fact (db, UT_RUN_SAMPLE, NULL);
  out->config = (UtDatasetConfig) {
    .path = place->dataset != NULL ? g_strdup (place->dataset) : from_folder (folder, path),
    .images = place->images != NULL ? g_strdup (place->images) : from_folder (folder, images),
    .columns = dup_columns (db),
    .limit = read_number (limit),
    .sample = read_number (sample),
  };
  out->questions = dup_fact (db, UT_RUN_QUESTIONS, NULL);
  out->perturbations = dup_fact (db, UT_RUN_PERTURBATIONS, NULL);
  if (out->config.path != NULL && !g_str_has_prefix (out->config.path, "bundled:"))
    out->config.format = dup_fact (db, UT_RUN_FORMAT, NULL);
  if (out->config.path != NULL && out->questions != NULL && out->perturbations != NULL)
    return TRUE;
  g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED,
                       "the run does not say how its benchmark was read; an older version made it");
  return FALSE;
}

/* --- Opening ----------------------------------------------------------------------------------------------------------------- */

static gboolean
open_dataset (UtReplay *replay, const Recorded *recorded, GError **error)
{
  g_autoptr (GError) fault = NULL;
  replay->dataset = ut_dataset_open (&recorded->config, &fault);
  if (replay->dataset == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "its benchmark cannot be read again: %s", fault->message);
      return FALSE;
    }
  g_autofree char *questions = ut_run_questions_hash (replay->dataset);
  g_autoptr (UtDbCursor) cursor = ut_db_query (replay->db, "SELECT count(*) FROM item", error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  if (g_str_equal (questions, recorded->questions) && ut_db_int64 (cursor, 0) == ut_dataset_items (replay->dataset)->len)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the benchmark in %s is not the one of the run: its questions have changed",
               recorded->config.path);
  return FALSE;
}

static gboolean
open_variants (UtReplay *replay, const Recorded *recorded, GError **error)
{
  const char *typed = recorded->perturbations;
  replay->variants = ut_variants_expand (g_str_equal (typed, "default") ? NULL : typed, error);
  if (replay->variants == NULL)
    return FALSE;
  g_autoptr (UtDbCursor) cursor = ut_db_query (replay->db, "SELECT variant, name FROM variant ORDER BY variant", error);
  if (cursor == NULL)
    return FALSE;
  unsigned n = 0;
  gboolean same = TRUE;
  for (; same && ut_db_next (cursor, error); n++)
    same = n < replay->variants->len && ut_db_int64 (cursor, 0) == n
           && g_strcmp0 (ut_db_text (cursor, 1), ((UtVariant *) replay->variants->pdata[n])->name) == 0;
  if (same && n == replay->variants->len)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "-p %s is no longer what it was in the run: its variants are others", typed);
  return FALSE;
}

static void
place_items (UtReplay *replay)
{
  const size_t n = ut_dataset_items (replay->dataset)->len;
  replay->groups = ut_groups_of_items (ut_dataset_items (replay->dataset));
  replay->group_of = g_new0 (UtGroup *, n);
  replay->place_of = g_new0 (unsigned, n);
  for (size_t g = 0; g < replay->groups->len; g++)
    {
      UtGroup *group = replay->groups->pdata[g];
      for (unsigned i = 0; i < group->items->len; i++)
        {
          const UtItem *item = group->items->pdata[i];
          replay->group_of[item->index] = group;
          replay->place_of[item->index] = i;
        }
    }
}

static double
double_or_nan (UtDbCursor *cursor, unsigned column)
{
  return ut_db_is_null (cursor, column) ? NAN : ut_db_double (cursor, column);
}

/* The clean answers that text overlays contradict, which in a run that was decided anew are not those it stores. */
static gboolean
read_predictions (UtReplay *replay, GError **error)
{
  const size_t n = ut_dataset_items (replay->dataset)->len;
  replay->clean_predictions = g_new (int, n);
  for (size_t i = 0; i < n; i++)
    replay->clean_predictions[i] = -1;
  g_autoptr (UtDbCursor) decision = ut_db_query (replay->db, "SELECT overlays_chosen_by FROM decision", error);
  const UtScoreForm *form
      = decision != NULL && ut_db_next (decision, error) ? ut_score_form (ut_db_text (decision, 0), error) : NULL;
  g_autoptr (UtDbCursor) cursor
      = form == NULL ? NULL
                     : ut_db_query (replay->db,
                                    "SELECT item, logprob, logprob_text, logprob_letter, logprob_no_image, n_bytes "
                                    "FROM option_scores WHERE variant = 0 ORDER BY item, option",
                                    error);
  if (cursor == NULL)
    return FALSE;
  g_autoptr (GArray) options = g_array_new (FALSE, FALSE, sizeof (UtOptionScore));
  for (size_t last = n; ut_db_next (cursor, error);)
    {
      const size_t item = (size_t) ut_db_int64 (cursor, 0);
      if (item != last)
        g_array_set_size (options, 0);
      last = item;
      const UtOptionScore option = {
        .sums = { .logprob = ut_db_double (cursor, 1),
                  .logprob_text = double_or_nan (cursor, 2),
                  .logprob_label = double_or_nan (cursor, 3) },
        .no_image = double_or_nan (cursor, 4),
        .n_bytes = (size_t) ut_db_int64 (cursor, 5),
      };
      g_array_append_val (options, option);
      if (item < n)
        replay->clean_predictions[item] = ut_score_decide (form, (const UtOptionScore *) (void *) options->data, options->len);
    }
  return TRUE;
}

UtReplay *
ut_replay_open (UtDb *db, const UtReplayPlace *place, GError **error)
{
  g_auto (Recorded) recorded = {};
  g_autoptr (UtReplay) replay = g_new0 (UtReplay, 1);
  replay->db = db;
  if (!read_recorded (db, place, &recorded, error) || !open_dataset (replay, &recorded, error)
      || !open_variants (replay, &recorded, error))
    return NULL;
  g_autofree char *seed = dup_fact (db, UT_RUN_SEED, NULL), *prompt = dup_fact (db, UT_RUN_PROMPT_TEXT, NULL);
  replay->seed = read_number (seed);
  replay->prompt = prompt != NULL ? ut_prompt_of_text (prompt, NULL) : NULL;
  place_items (replay);
  replay->ask_noted = ut_db_prepare (replay->db,
                                     "SELECT t.variant, t.width, t.height, t.detail, m.psnr "
                                     "FROM trial t LEFT JOIN (SELECT variant, max(value) AS psnr FROM measurement WHERE item = $1"
                                     "  AND channel = 'image' AND metric = 'psnr' GROUP BY variant) m USING (variant) "
                                     "WHERE t.item = $1 AND t.error IS NULL",
                                     error);
  replay->noted = g_array_new (FALSE, TRUE, sizeof (Noted));
  g_array_set_clear_func (replay->noted, (GDestroyNotify) noted_clear);
  replay->noted_item = ut_dataset_items (replay->dataset)->len;
  return replay->ask_noted != NULL && read_predictions (replay, error) ? g_steal_pointer (&replay) : NULL;
}

void
ut_replay_close (UtReplay *replay)
{
  if (replay == NULL)
    return;
  g_clear_pointer (&replay->ask_noted, ut_db_statement_free);
  g_clear_pointer (&replay->noted, g_array_unref);
  g_clear_pointer (&replay->prompt, ut_prompt_free);
  g_clear_pointer (&replay->groups, g_ptr_array_unref);
  g_clear_pointer (&replay->variants, g_ptr_array_unref);
  g_clear_pointer (&replay->dataset, ut_dataset_close);
  g_free (replay->group_of);
  g_free (replay->place_of);
  g_free (replay->clean_predictions);
  g_free (replay);
}

/* --- Images ------------------------------------------------------------------------------------------------------------------ */

/* Of one group at a time: a benchmark's images together may be larger than the memory. */
static gboolean
load_group (UtReplay *replay, UtGroup *group, GError **error)
{
  if (group == replay->loaded)
    return TRUE;
  UtGroup *old = (UtGroup *) replay->loaded;
  if (old != NULL)
    {
      g_ptr_array_set_size (old->images, 0);
      g_ptr_array_set_size (old->names, 0);
    }
  replay->loaded = group;
  if (ut_group_load (group, replay->dataset, error))
    return TRUE;
  g_ptr_array_set_size (group->images, 0);
  replay->loaded = NULL;
  return FALSE;
}

/* Whether a ratio is the one noted; none is noted of equal images and of images of other sizes. */
static gboolean
same_psnr (double noted, double made)
{
  return isfinite (made) ? fabs (noted - made) < 1e-9 : isnan (noted);
}

static gboolean
check_images (UtReplay *replay, const UtGroup *group, const UtVariant *variant, const UtSubject *subject, GPtrArray *images,
              const Noted *noted, GError **error)
{
  const UtImage *first = images->len > 0 ? images->pdata[0] : NULL;
  const UtPixelChange change = ut_pixel_change ((const UtImage *const *) group->images->pdata,
                                                (const UtImage *const *) images->pdata, MIN (images->len, group->images->len));
  g_autofree char *detail = ut_variant_detail (variant, subject, replay->seed);
  const char *differs = NULL;
  if (first != NULL && (first->width != noted->width || first->height != noted->height))
    differs = "size";
  else if (g_strcmp0 (detail, noted->detail) != 0)
    differs = "text on it";
  else if (first != NULL && !same_psnr (noted->psnr, change.psnr))
    differs = "pixels";
  if (differs != NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "the image is not the one that the model saw: its %s differ%s", differs,
                 g_str_equal (differs, "pixels") ? "" : "s");
  return differs == NULL;
}

/* What the run noted of a trial; NULL with an error. Quickest where the trials of an item follow each other. */
static const Noted *
find_noted (UtReplay *replay, unsigned item, unsigned variant, GError **error)
{
  if (replay->noted_item != item)
    {
      g_array_set_size (replay->noted, 0);
      g_array_set_size (replay->noted, replay->variants->len);
      ut_db_bind_int64 (replay->ask_noted, 1, item);
      g_autoptr (UtDbCursor) cursor = ut_db_run (replay->ask_noted, error);
      if (cursor == NULL)
        return NULL;
      while (ut_db_next (cursor, NULL))
        {
          const guint64 at = (guint64) ut_db_int64 (cursor, 0);
          if (at < replay->noted->len)
            g_array_index (replay->noted, Noted, at) = (Noted) { TRUE, ut_db_int64 (cursor, 1), ut_db_int64 (cursor, 2),
                                                                 double_or_nan (cursor, 4), ut_db_dup_text (cursor, 3) };
        }
      replay->noted_item = item;
    }
  return &g_array_index (replay->noted, Noted, variant);
}

static UtSubject
subject_of (const UtReplay *replay, unsigned item)
{
  UtSubject subject = ut_group_subject (replay->group_of[item], replay->place_of[item]);
  subject.clean_prediction = replay->clean_predictions[item];
  return subject;
}

char *
ut_replay_key (UtReplay *replay, unsigned item, unsigned variant, GError **error)
{
  const Noted *noted = find_noted (replay, item, variant, error);
  if (noted == NULL || !noted->finished)
    return NULL;
  const UtSubject subject = subject_of (replay, item);
  g_autofree char *pixels = ut_variant_key (replay->variants->pdata[variant], &subject, replay->seed);
  return g_strdup_printf ("%p\n%u\n%s\n%" G_GINT64_FORMAT "×%" G_GINT64_FORMAT " %a\n%s", (void *) replay->group_of[item],
                          variant, pixels, noted->width, noted->height, noted->psnr, noted->detail != NULL ? noted->detail : "");
}

GPtrArray *
ut_replay_images (UtReplay *replay, unsigned item, unsigned variant_id, GError **error)
{
  UtGroup *group = replay->group_of[item];
  const UtVariant *variant = replay->variants->pdata[variant_id];
  const Noted *noted = find_noted (replay, item, variant_id, error);
  if (noted == NULL || !load_group (replay, group, error))
    return NULL;
  if (!noted->finished)
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, "the trial failed, and so nothing is known of its image");
      return NULL;
    }
  const UtSubject subject = subject_of (replay, item);
  g_autoptr (GPtrArray) others = NULL;
  if (variant->family->role == UT_ROLE_CONTROL && (others = ut_others_load (replay->dataset, group, replay->seed, error)) == NULL)
    return NULL;
  g_autoptr (GPtrArray) images = ut_group_render (group, variant, &subject, others, replay->seed, error);
  return images != NULL && check_images (replay, group, variant, &subject, images, noted, error) ? g_steal_pointer (&images)
                                                                                                 : NULL;
}

gboolean
ut_replay_words (UtReplay *replay, unsigned item, UtWords *out_open, UtWords *out_closed)
{
  if (replay->prompt == NULL)
    return FALSE;
  const UtItem *of = ut_dataset_items (replay->dataset)->pdata[item];
  *out_open = ut_prompt_write_open (replay->prompt, of);
  *out_closed = ut_prompt_write_closed (replay->prompt, of);
  return TRUE;
}
