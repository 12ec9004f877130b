/* One thread plans, renders, measures and stores; another feeds the engine. A bounded number of jobs is under way, so memory stays flat
 * and the engine never waits for pixels. Jobs come back in the order they went, so a group's clean trial is known before its variants
 * are measured. */
#include "run/run.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "metric/metric.h"
#include "run/bundled.h"
#include "run/identity.h"
#include "run/job.h"
#include "store/store.h"

constexpr int MAX_UNDER_WAY = 4;    /* jobs between planning and measuring */
constexpr int MAX_DEATHS = 5;       /* of the engine, one after the other, before the run gives up */

typedef struct {
  const UtRunConfig *config;
  const UtScoreForm *form; /* of the score that decides */
  const UtRunCallbacks *callbacks;
  UtDataset *dataset;
  UtEngine *engine;
  UtStore *store;
  GPtrArray *variants;   /* UtVariant * */
  GHashTable *done;      /* trials of an earlier process */
  GAsyncQueue *to_engine, *from_engine; /* UtJob * */
  int under_way;
  int deaths;
  gint64 started; /* monotonic, microseconds */
  UtRunProgress progress;
} Run;

/* ── the engine's thread ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Ends the engine's thread. */
static UtJob end_of_work;

static gpointer
engine_thread (gpointer data)
{
  Run *run = data;
  for (UtJob *job; (job = g_async_queue_pop (run->to_engine)) != &end_of_work;)
    {
      ut_job_evaluate (job, run->engine);
      g_async_queue_push (run->from_engine, job);
    }
  return NULL;
}

/* ── measuring and storing ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_done (const Run *run, unsigned item, unsigned variant)
{
  return ut_stock_has (run->done, item, variant);
}

static gboolean
store_failure (Run *run, const UtJob *job, const UtItem *item, const GError *failure, GError **error)
{
  run->progress.failures++;
  run->progress.trials_done++;
  run->progress.trials_now++;
  const UtTrial trial = { .item = item->index, .variant = job->variant->id, .error = failure->message };
  return ut_store_add_trial (run->store, &trial, error);
}

/* Fills `out` with what is measured on a view against its clean one (NULL for the clean trial itself). Returns the count, or 0 with
 * *out_bad naming the first value that is no number. */
static size_t
measure (const UtView *view, const UtView *clean, size_t n_embd, UtMeasurement *out, const char **out_bad)
{
  size_t n = 0;
  if (view->channels[UT_VISION] != NULL)
    out[n++] = (UtMeasurement) { ut_channels[UT_VISION].name, "dirichlet", view->dirichlet };
  for (size_t c = 0; clean != NULL && c < UT_N_CHANNELS; c++)
    if (view->channels[c] != NULL && clean->channels[c] != NULL)
      {
        out[n++] = (UtMeasurement) { ut_channels[c].name, "drift",
                                     ut_cosine_distance (clean->channels[c], view->channels[c], n_embd) };
        out[n++] = (UtMeasurement) { ut_channels[c].name, "l2", ut_l2_distance (clean->channels[c], view->channels[c], n_embd) };
      }
  for (size_t i = 0; i < n; i++)
    if (!isfinite (out[i].value))
      {
        *out_bad = out[i].metric;
        return 0;
      }
  return n;
}

/* What became of the item's right answer under the job's variant; NULL where that is not known. */
static const char *
label_of (const Run *run, const UtJob *job, const UtJobItem *job_item)
{
  UtGeometry geometry;
  const UtGroup *group = job->group;
  const UtImage *first = group->images->len > 0 ? group->images->pdata[0] : NULL;
  const UtSubject subject = ut_group_subject (group, job_item->i);
  if (!ut_dataset_knows_labels (run->dataset) || first == NULL
      || !ut_variant_place (job->variant, first->width, first->height, &subject, run->config->seed, &geometry, NULL))
    return NULL;
  return ut_dataset_label (run->dataset, group->items->pdata[job_item->i], &geometry);
}

static gboolean
store_view (Run *run, const UtJob *job, const UtJobItem *job_item, const UtView *view, const UtView *clean, GError **error)
{
  const UtItem *item = job->group->items->pdata[job_item->i];
  UtMeasurement measurements[1 + 2 * UT_N_CHANNELS];
  const char *bad = NULL;
  const size_t n = measure (view, clean, job->group->n_embd, measurements, &bad);
  if (bad != NULL)
    {
      g_autoptr (GError) failure = g_error_new (UT_ERROR, UT_ERROR_FAILED, "%s is not a finite number", bad);
      return store_failure (run, job, item, failure, error);
    }

  g_autofree UtStoreScore *scores = g_new (UtStoreScore, view->n_options);
  for (unsigned k = 0; k < view->n_options; k++)
    scores[k] = (UtStoreScore) { view->scores[k].logprob, view->scores[k].logprob_text,
                                 view->scores[k].logprob_label, view->scores[k].n_tokens, (int) strlen (item->options[k]) };
  const UtImage *first = job->images->len > 0 ? job->images->pdata[0] : NULL;
  const UtTrial trial = {
    .item = item->index,
    .variant = job->variant->id,
    .predicted = view->predicted,
    .scores = scores,
    .n_scores = view->n_options,
    .no_image = view->no_image,
    .measurements = measurements,
    .n_measurements = n,
    .width = first != NULL ? first->width : 0,
    .height = first != NULL ? first->height : 0,
    .detail = job_item->detail,
    .label = label_of (run, job, job_item),
  };
  run->progress.trials_done++;
  run->progress.trials_now++;
  if (clean != NULL && !job->variant->family->prior && view->predicted != clean->predicted)
    run->progress.flips++;
  return ut_store_add_trial (run->store, &trial, error);
}

/* The clean trial: kept for the variants that follow, stored unless an earlier process did. */
static gboolean
take_clean (Run *run, const UtJob *job, const UtJobItem *job_item, const UtVisionView *vision, GError **error)
{
  UtGroup *group = job->group;
  const UtItem *item = group->items->pdata[job_item->i];
  group->n_embd = job_item->result->n_embd;
  UtView *view = &group->clean[job_item->i];
  *view = ut_view_of_result (job_item->result, vision, job_item->first);
  view->no_image = g_new (double, view->n_options);
  for (unsigned k = 0; k < view->n_options; k++)
    view->no_image[k] = job_item->no_image->scores[k].logprob;
  ut_view_decide (view, item, run->form, view->no_image);
  if (is_done (run, item->index, 0))
    return TRUE;

  for (size_t c = 0; c < UT_N_CHANNELS; c++)
    if (view->channels[c] != NULL
        && !ut_store_add_embedding (run->store, item->index, ut_channels[c].name, view->channels[c], group->n_embd, error))
      return FALSE;
  return store_view (run, job, job_item, view, NULL, error);
}

static gboolean
take_variant (Run *run, const UtJob *job, const UtJobItem *job_item, const UtVisionView *vision, GError **error)
{
  const UtView *clean = &job->group->clean[job_item->i];
  /* Without a clean answer there is nothing to compare with; the clean trial's failure is on record. */
  if (clean->scores == NULL)
    return TRUE;
  g_auto (UtView) view = ut_view_of_result (job_item->result, vision, job_item->first);
  ut_view_decide (&view, job->group->items->pdata[job_item->i], run->form, clean->no_image);
  return store_view (run, job, job_item, &view, clean, error);
}

static gboolean
take_job (Run *run, const UtJob *job, GError **error)
{
  const UtResult *seen = NULL;
  UtVisionView vision = {};
  gboolean ok = TRUE;
  for (size_t i = 0; ok && i < job->items->len; i++)
    {
      const UtJobItem *item = &g_array_index (job->items, UtJobItem, i);
      const GError *failure = job->error != NULL ? job->error : item->error;
      if (failure != NULL)
        {
          ok = (job->variant->id != 0 && job->group->clean[item->i].scores == NULL)
               || store_failure (run, job, job->group->items->pdata[item->i], failure, error);
          continue;
        }
      if (item->result != seen)
        {
          g_free (vision.pooled);
          vision = ut_vision_view_of_result (item->result);
          seen = item->result;
        }
      ok = job->variant->id == 0 ? take_clean (run, job, item, &vision, error) : take_variant (run, job, item, &vision, error);
    }
  g_free (vision.pooled);
  return ok;
}

/* Counts an engine that dies on every job, which no later job will survive. */
static gboolean
check_deaths (Run *run, const UtJob *job, GError **error)
{
  for (size_t i = 0; i < job->items->len; i++)
    {
      const UtJobItem *item = &g_array_index (job->items, UtJobItem, i);
      if (!g_error_matches (item->error, UT_ERROR, UT_ERROR_ENGINE))
        run->deaths = 0;
      else if (++run->deaths >= MAX_DEATHS)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "the engine died %d times in a row; last: %s", run->deaths,
                       item->error->message);
          return FALSE;
        }
    }
  return TRUE;
}

static void
report_progress (Run *run)
{
  run->progress.seconds = (double) (g_get_monotonic_time () - run->started) / G_USEC_PER_SEC;
  run->callbacks->progress (&run->progress, run->callbacks->data);
}

/* Waits for the oldest job under way, measures and stores it. */
static gboolean
finish_job (Run *run, GError **error)
{
  g_autoptr (UtJob) job = g_async_queue_pop (run->from_engine);
  run->under_way--;
  run->progress.engine_seconds += job->seconds;
  if (!take_job (run, job, error) || !check_deaths (run, job, error))
    return FALSE;
  if (!ut_store_commit_if_due (run->store, error))
    return FALSE;
  report_progress (run);
  return TRUE;
}

static gboolean
finish_jobs (Run *run, int leave, GError **error)
{
  while (run->under_way > leave)
    if (!finish_job (run, error))
      return FALSE;
  return TRUE;
}

/* ── planning ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
send_job (Run *run, UtJob *job, GError **error)
{
  ut_job_render (job, run->config->seed);
  g_async_queue_push (run->to_engine, job);
  run->under_way++;
  return finish_jobs (run, MAX_UNDER_WAY, error);
}

/* Sends a variant of the group: one job for all questions whose pixels are the same. */
static gboolean
send_variant (Run *run, UtGroup *group, const UtVariant *variant, GError **error)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new ();
  g_autoptr (GHashTable) by_key = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (unsigned i = 0; i < group->items->len; i++)
    {
      const UtItem *item = group->items->pdata[i];
      const gboolean known = group->clean[i].scores != NULL;
      if ((variant->family->per_subject && !known) || (variant->id != 0 && is_done (run, item->index, variant->id)))
        continue;
      const UtSubject subject = ut_group_subject (group, i);
      char *key = ut_variant_key (variant, &subject, run->config->seed);
      if (key == NULL)
        continue;
      UtJob *job = g_hash_table_lookup (by_key, key);
      if (job == NULL)
        {
          job = ut_job_new (group, variant);
          g_ptr_array_add (jobs, job);
          g_hash_table_insert (by_key, key, job);
        }
      else
        g_free (key);
      ut_job_add_item (job, i, ut_variant_detail (variant, &subject, run->config->seed));
    }

  gboolean ok = TRUE;
  for (size_t j = 0; j < jobs->len; j++)
    {
      if (ok)
        ok = send_job (run, jobs->pdata[j], error);
      else
        ut_job_free (jobs->pdata[j]);
    }
  return ok;
}

/* Whether no trial of the group is left to do. What applies to a question may depend on its clean answer, which an earlier process has
 * stored. */
static gboolean
group_is_done (const Run *run, const UtGroup *group)
{
  for (size_t i = 0; i < group->items->len; i++)
    {
      const UtItem *item = group->items->pdata[i];
      for (size_t v = 0; v < run->variants->len; v++)
        {
          const UtVariant *variant = run->variants->pdata[v];
          UtSubject subject = ut_group_subject (group, i);
          subject.clean_prediction = ut_stock_prediction (run->done, item->index, 0);
          g_autofree char *key = variant->family->per_subject ? ut_variant_key (variant, &subject, run->config->seed) : NULL;
          const gboolean applies = !variant->family->per_subject || key != NULL;
          if (applies && !is_done (run, item->index, variant->id))
            return FALSE;
        }
    }
  return TRUE;
}

static gboolean
load_images (Run *run, UtGroup *group, GError **error)
{
  const UtItem *item = group->items->pdata[0];
  for (unsigned k = 0; k < item->n_images; k++)
    {
      UtImage *image = ut_dataset_image (run->dataset, item, k, error);
      if (image == NULL)
        return FALSE;
      g_ptr_array_add (group->images, image);
    }
  return TRUE;
}

/* An image that cannot be read fails the clean trial of every question on it. */
static gboolean
fail_group (Run *run, UtGroup *group, GError *failure, GError **error)
{
  g_autoptr (UtJob) job = ut_job_new (group, run->variants->pdata[0]);
  for (unsigned i = 0; i < group->items->len; i++)
    ut_job_add_item (job, i, NULL);
  job->error = failure;
  return take_job (run, job, error);
}

static gboolean
stop_asked (Run *run)
{
  return run->callbacks->stop (run->callbacks->data);
}

static gboolean
send_group (Run *run, UtGroup *group, GError **error)
{
  GError *failure = NULL;
  group->clean = g_new0 (UtView, group->items->len);
  if (!load_images (run, group, &failure))
    return fail_group (run, group, failure, error);

  /* Whatever needs no clean answer first, so that the engine has work while the clean trial is on its way. */
  if (!send_variant (run, group, run->variants->pdata[0], error))
    return FALSE;
  for (int per_subject = 0; per_subject < 2; per_subject++)
    {
      if (per_subject && !finish_jobs (run, 0, error))
        return FALSE;
      for (size_t v = 1; v < run->variants->len; v++)
        {
          const UtVariant *variant = run->variants->pdata[v];
          if (stop_asked (run))
            return TRUE;
          if (variant->family->per_subject == per_subject && !send_variant (run, group, variant, error))
            return FALSE;
        }
    }
  return TRUE;
}

static gboolean
send_groups (Run *run, gboolean *out_stopped, GError **error)
{
  g_autoptr (GPtrArray) groups = ut_groups_of_items (ut_dataset_items (run->dataset));
  for (size_t g = 0; g < groups->len; g++)
    {
      UtGroup *group = groups->pdata[g];
      if (stop_asked (run))
        break;
      if (!group_is_done (run, group) && !send_group (run, group, error))
        return FALSE;
      run->progress.items_done += group->items->len;
      /* The jobs under way hold what they need of it. */
      g_clear_pointer (&groups->pdata[g], ut_group_unref);
    }
  *out_stopped = stop_asked (run);
  if (!finish_jobs (run, 0, error) || !ut_store_commit (run->store, error))
    return FALSE;
  report_progress (run);
  return TRUE;
}

/* ── control drift ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
add_controls (Run *run, GError **error)
{
  GPtrArray *items = ut_dataset_items (run->dataset);
  for (size_t c = 0; c < UT_N_CHANNELS; c++)
    {
      g_autofree float *values = NULL;
      g_autofree gboolean *present = NULL;
      size_t n_embd;
      if (!ut_store_embeddings (run->store, ut_channels[c].name, items->len, &values, &n_embd, &present, error))
        return FALSE;
      const UtPopulation population = { values, present, items->len, n_embd };
      for (size_t i = 0; i < items->len; i++)
        {
          const UtItem *item = items->pdata[i];
          size_t k;
          const double mean
              = ut_control_drift (&population, i, item->id, ut_channels[c].name, UT_CONTROL_K, run->config->seed, &k);
          if (isfinite (mean)
              && !ut_store_add_control (run->store, item->index, ut_channels[c].name, mean, (unsigned) k, error))
            return FALSE;
        }
    }
  return ut_store_commit (run->store, error);
}

/* ── the whole ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
write_plan (Run *run, GError **error)
{
  g_autofree UtStoreVariant *variants = g_new0 (UtStoreVariant, run->variants->len);
  for (size_t v = 0; v < run->variants->len; v++)
    {
      const UtVariant *variant = run->variants->pdata[v];
      variants[v] = (UtStoreVariant) { variant->id, variant->name, variant->family->name, variant->param, variant->family->core,
                                       variant->family->prior };
    }
  GPtrArray *items = ut_dataset_items (run->dataset);
  g_autofree UtStoreItem *rows = g_new0 (UtStoreItem, items->len);
  for (size_t i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      rows[i] = (UtStoreItem) { item->index, item->id, item->image_id, item->category, item->hint, item->question,
                                (const char *const *) item->options, item->answer, item->yes_no };
    }
  if (!ut_store_add_variants (run->store, variants, run->variants->len, error)
      || !ut_store_add_items (run->store, rows, items->len, error))
    return FALSE;
  GPtrArray *skipped = ut_dataset_skipped (run->dataset);
  for (size_t i = 0; i < skipped->len; i++)
    {
      const UtSkipped *s = skipped->pdata[i];
      if (!ut_store_add_skipped (run->store, s->where, s->reason, error))
        return FALSE;
    }
  return ut_store_commit (run->store, error);
}

static gboolean
open_store (Run *run, const UtEngineConfig *engine, gboolean *out_resumed, GError **error)
{
  run->store = ut_store_open (run->config->output, error);
  if (run->store == NULL)
    return FALSE;
  g_autoptr (GArray) identity = ut_run_identity (run->config, engine, &run->engine->info, run->dataset, run->variants, error);
  if (identity == NULL
      || !ut_store_begin (run->store, (const UtIdentity *) (void *) identity->data, out_resumed, error)
      || (!*out_resumed && !write_plan (run, error)))
    return FALSE;
  run->done = ut_store_take_stock (run->store, error);
  return run->done != NULL;
}

static void
run_clear (Run *run)
{
  g_clear_pointer (&run->engine, ut_engine_close);
  g_clear_pointer (&run->dataset, ut_dataset_close);
  g_clear_pointer (&run->store, ut_store_close);
  g_clear_pointer (&run->variants, g_ptr_array_unref);
  g_clear_pointer (&run->done, g_hash_table_unref);
  g_clear_pointer (&run->to_engine, g_async_queue_unref);
  g_clear_pointer (&run->from_engine, g_async_queue_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

static gboolean
work (Run *run, gboolean *out_stopped, GError **error)
{
  run->to_engine = g_async_queue_new ();
  run->from_engine = g_async_queue_new_full ((GDestroyNotify) ut_job_free);
  run->started = g_get_monotonic_time ();
  run->progress.n_items = ut_dataset_items (run->dataset)->len;
  run->progress.n_trials = run->progress.n_items * run->variants->len;
  run->progress.trials_done = g_hash_table_size (run->done);
  report_progress (run);

  GThread *thread = g_thread_new ("engine", engine_thread, run);
  const gboolean ok = send_groups (run, out_stopped, error);
  g_async_queue_push (run->to_engine, &end_of_work);
  g_thread_join (thread);
  /* After a failure of the engine or the store, what was finished before it still counts. */
  return ok ? *out_stopped || add_controls (run, error) : (ut_store_commit (run->store, NULL), FALSE);
}

gboolean
ut_run (const UtRunConfig *config, const UtRunCallbacks *callbacks, gboolean *out_stopped, GError **error)
{
  g_auto (Run) run = { .config = config, .callbacks = callbacks };
  g_autofree char *model = NULL, *mmproj = NULL;
  UtEngineConfig engine = config->engine;
  *out_stopped = FALSE;

  run.form = ut_score_form (config->score, error);
  if (run.form == NULL)
    return FALSE;
  run.variants = ut_variants_expand (config->perturbations, error);
  if (run.variants == NULL)
    return FALSE;
  if (engine.model != NULL && g_str_has_prefix (engine.model, UT_BUNDLED_PREFIX))
    {
      if (!ut_bundled_model (engine.model, &model, &mmproj, error))
        return FALSE;
      engine.model = model;
      engine.mmproj = mmproj;
    }
  run.dataset = ut_dataset_open (&config->dataset, error);
  if (run.dataset == NULL)
    return FALSE;
  run.engine = ut_engine_open_remote (&engine, config->program, error);
  if (run.engine == NULL)
    return FALSE;

  gboolean resumed;
  if (!open_store (&run, &engine, &resumed, error))
    return FALSE;
  callbacks->started (config, &run.engine->info, run.dataset, run.variants->len, resumed, callbacks->data);
  return work (&run, out_stopped, error);
}
