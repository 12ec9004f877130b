/* One thread plans, renders, measures and stores; another feeds the engine. A bounded number of jobs is under way, so memory stays flat
 * and the engine never waits for pixels. Jobs come back in the order they went, so a group's clean trial is known before its variants
 * are measured. */
#include "run/run.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "run/bundled.h"
#include "run/identity.h"
#include "run/job.h"
#include "run/measure.h"
#include "run/others.h"
#include "run/population.h"
#include "store/store.h"

constexpr int MAX_UNDER_WAY = 4; /* jobs between planning and measuring */
constexpr int MAX_DEATHS = 5;    /* of the engine, on one question after the other, before the run gives up */

typedef struct {
  const UtRunConfig *config;
  UtPrompt *prompt;
  const UtScoreForm *form; /* of the score that decides */
  const UtRunCallbacks *callbacks;
  UtDataset *dataset;
  UtEngine *engine;
  UtStore *store;
  GPtrArray *variants;                  /* UtVariant * */
  const UtVariant *prior;               /* the one that drift to the prior refers to; NULL where none is */
  UtSample *population;                 /* the items whose representations are kept under every perturbation */
  GHashTable *done;                     /* trials of an earlier process */
  GAsyncQueue *to_engine, *from_engine; /* UtJob * */
  int under_way;
  int deaths;         /* questions in a row that the engine died on */
  const UtItem *dead; /* the last of them */
  gint64 started;     /* monotonic, microseconds */
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

static gboolean
store_fault (Run *run, const UtJob *job, const UtItem *item, const char *fault, GError **error)
{
  g_autoptr (GError) failure = g_error_new_literal (UT_ERROR, UT_ERROR_FAILED, fault);
  return store_failure (run, job, item, failure, error);
}

/* What became of the item's right answer under the job's variant; NULL where the benchmark does not know. A variant that does not say
 * where it takes the pixels leaves the answer open to doubt; of a prior or another image nothing is asked. */
static const char *
label_of (const Run *run, const UtJob *job, const UtJobItem *job_item)
{
  UtGeometry geometry;
  const UtGroup *group = job->group;
  const UtImage *first = group->images->len > 0 ? group->images->pdata[0] : NULL;
  const UtSubject subject = ut_group_subject (group, job_item->i);
  if (!ut_dataset_knows_labels (run->dataset) || first == NULL || job->variant->family->role == UT_ROLE_PRIOR
      || job->variant->family->role == UT_ROLE_CONTROL)
    return NULL;
  if (!ut_variant_place (job->variant, first->width, first->height, &subject, run->config->seed, &geometry, NULL))
    return "doubtful";
  return ut_dataset_label (run->dataset, group->items->pdata[job_item->i], &geometry);
}

/* What the questions of a job share, measured once. */
typedef struct {
  const UtResult *result; /* the one that `vision` was taken from */
  UtVision *vision;
  const UtVision *clean;            /* what `vision` was compared with */
  GArray *of_images, *measurements; /* of the images; of the images and of `vision` */
  float *drift;                     /* how far each token of `vision` moved, [n_tokens]; NULL where there is none of it */
  GArray *token_drifts;             /* the same a grid, borrowed from `drift` */
} Shared;

static void
shared_clear (Shared *shared)
{
  g_clear_pointer (&shared->vision, ut_vision_unref);
  g_clear_pointer (&shared->of_images, g_array_unref);
  g_clear_pointer (&shared->measurements, g_array_unref);
  g_clear_pointer (&shared->token_drifts, g_array_unref);
  g_clear_pointer (&shared->drift, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Shared, shared_clear)

static gboolean
store_view (Run *run, const UtJob *job, const UtJobItem *job_item, const UtView *view, const Shared *shared, GError **error)
{
  const UtGroup *group = job->group;
  const UtItem *item = group->items->pdata[job_item->i];
  const UtView *clean = &group->clean[job_item->i], *prior = &group->prior[job_item->i];
  g_autoptr (GArray) measurements = g_array_copy (shared->measurements);
  if (view != clean)
    ut_measure_channels (view, clean, prior->scores != NULL && view != prior ? prior : NULL, group->n_embd, measurements);
  const UtMeasurement *fault = ut_measurements_fault (measurements);
  if (fault != NULL)
    {
      g_autofree char *words = g_strdup_printf ("%s of %s is not a finite number", fault->metric, fault->channel);
      return store_fault (run, job, item, words, error);
    }

  g_autofree UtStoreScore *scores = g_new (UtStoreScore, view->n_options);
  for (unsigned k = 0; k < view->n_options; k++)
    scores[k] = (UtStoreScore) { view->scores[k].logprob, view->scores[k].logprob_text, view->scores[k].logprob_label,
                                 view->scores[k].n_tokens, (int) strlen (ut_item_scored_texts (item)[k]) };
  const UtImage *first = job->images->len > 0 ? job->images->pdata[0] : NULL;
  const UtTrial trial = {
    .item = item->index,
    .variant = job->variant->id,
    .predicted = view->predicted,
    .scores = scores,
    .n_scores = view->n_options,
    .no_image = view->no_image,
    .measurements = (const UtMeasurement *) (void *) measurements->data,
    .n_measurements = measurements->len,
    .token_drifts = (const UtTokenDrift *) (void *) shared->token_drifts->data,
    .n_token_drifts = ut_sample_has (run->population, item->index) ? shared->token_drifts->len : 0,
    .width = first != NULL ? first->width : 0,
    .height = first != NULL ? first->height : 0,
    .detail = job_item->detail,
    .label = label_of (run, job, job_item),
    .text_open = view->text_open,
    .text_mcq = view->text_mcq,
  };
  run->progress.trials_done++;
  run->progress.trials_now++;
  run->progress.flips += job->variant->family->role == UT_ROLE_PERTURBATION && view->predicted != clean->predicted;
  return ut_store_add_trial (run->store, &trial, error);
}

/* Of a view's channels those that there are: all, or the population's. */
static gboolean
store_embeddings (Run *run, const UtJob *job, const UtJobItem *job_item, const UtView *view, gboolean all, GError **error)
{
  const UtItem *item = job->group->items->pdata[job_item->i];
  for (size_t c = 0; c < UT_N_CHANNELS; c++)
    if (view->channels[c] != NULL && (all || ut_population_has (c))
        && !ut_store_add_embedding (run->store, item->index, job->variant->id, ut_channels[c].name, view->channels[c],
                                    job->group->n_embd, error))
      return FALSE;
  return TRUE;
}

/* The layers' representations of a clean trial, which their control drift is measured on. */
static gboolean
store_layers (Run *run, const UtItem *item, const UtVision *vision, const UtView *view, size_t n_embd, GError **error)
{
  for (size_t l = 0; vision != NULL && l < vision->n_layers; l++)
    if (!ut_store_add_embedding (run->store, item->index, 0, ut_vision_layer_name (l), vision->layers + l * vision->n_embd_layers,
                                 vision->n_embd_layers, error))
      return FALSE;
  for (size_t l = 0; l < view->n_layers; l++)
    if (!ut_store_add_embedding (run->store, item->index, 0, ut_llm_layer_name (l), view->layers + l * n_embd, n_embd, error))
      return FALSE;
  return TRUE;
}

/* The clean trial: kept for the variants that follow, stored unless an earlier process did. */
static gboolean
take_clean (Run *run, const UtJob *job, const UtJobItem *job_item, const Shared *shared, GError **error)
{
  UtGroup *group = job->group;
  const UtItem *item = group->items->pdata[job_item->i];
  UtView *view = &group->clean[job_item->i];
  group->n_embd = job_item->result->n_embd;
  group->clean_vision[job_item->i] = ut_vision_ref (shared->vision);
  *view = ut_view_of_result (job_item->result, shared->vision, job_item->first);
  if (job_item->no_image != NULL)
    view->no_image = g_new (double, view->n_options);
  for (unsigned k = 0; view->no_image != NULL && k < view->n_options; k++)
    view->no_image[k] = job_item->no_image->scores[k].logprob;
  ut_view_decide (view, item, run->form, view->no_image, group->n_embd);
  g_autofree char *fault = ut_view_fault (view, group->n_embd);
  if (fault != NULL)
    {
      ut_view_clear (view);
      view->failed = TRUE;
      return is_done (run, item->index, 0) || store_fault (run, job, item, fault, error);
    }
  return is_done (run, item->index, 0)
         || (store_embeddings (run, job, job_item, view, TRUE, error)
             && (!ut_sample_has (run->population, item->index)
                 || store_layers (run, item, shared->vision, view, group->n_embd, error))
             && store_view (run, job, job_item, view, shared, error));
}

static gboolean
take_variant (Run *run, const UtJob *job, const UtJobItem *job_item, const Shared *shared, GError **error)
{
  UtGroup *group = job->group;
  const UtItem *item = group->items->pdata[job_item->i];
  /* Without a clean answer there is nothing to compare with; the clean trial's failure is on record. */
  if (group->clean[job_item->i].scores == NULL)
    return TRUE;
  g_auto (UtView) own = {};
  UtView *view = job->variant == run->prior ? &group->prior[job_item->i] : &own;
  *view = ut_view_of_result (job_item->result, shared->vision, job_item->first);
  ut_view_decide (view, item, run->form, group->clean[job_item->i].no_image, group->n_embd);
  if (is_done (run, item->index, job->variant->id))
    return TRUE;
  g_autofree char *fault = ut_view_fault (view, group->n_embd);
  if (fault != NULL)
    {
      ut_view_clear (view);
      return store_fault (run, job, item, fault, error);
    }
  const gboolean keep = job->variant->family->role == UT_ROLE_PERTURBATION && ut_sample_has (run->population, item->index);
  return (!keep || store_embeddings (run, job, job_item, view, FALSE, error))
         && store_view (run, job, job_item, view, shared, error);
}

/* Most often all questions have one result and one clean one; where they were evaluated alone each has its own. */
static void
share (Shared *shared, const UtJob *job, const UtJobItem *item)
{
  const UtVision *clean = job->group->clean_vision[item->i];
  if (item->result == shared->result && clean == shared->clean)
    return;
  if (item->result != shared->result)
    {
      ut_vision_unref (shared->vision);
      shared->vision = ut_vision_of_result (item->result);
    }
  shared->result = item->result;
  shared->clean = clean;
  g_clear_pointer (&shared->measurements, g_array_unref);
  g_clear_pointer (&shared->token_drifts, g_array_unref);
  g_free (shared->drift);
  shared->measurements = g_array_copy (shared->of_images);
  shared->drift = ut_measure_vision (shared->vision, job->variant->id != 0 ? clean : NULL, shared->measurements);
  shared->token_drifts = ut_token_drifts_new (shared->vision, shared->drift);
}

static gboolean
take_item (Run *run, const UtJob *job, const UtJobItem *item, const GError *failure, Shared *shared, GError **error)
{
  const UtGroup *group = job->group;
  const UtItem *of = group->items->pdata[item->i];
  if (failure != NULL && job->variant->id == 0)
    group->clean[item->i].failed = TRUE;
  if (failure != NULL)
    return (job->variant->id != 0 && group->clean[item->i].scores == NULL) || is_done (run, of->index, job->variant->id)
           || store_failure (run, job, of, failure, error);
  share (shared, job, item);
  return job->variant->id == 0 ? take_clean (run, job, item, shared, error) : take_variant (run, job, item, shared, error);
}

static gboolean
take_job (Run *run, const UtJob *job, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_auto (Shared) shared = { .of_images = ut_measurements_new () };
  if (job->images != NULL)
    ut_measure_images (job->group->images, job->images, shared.of_images, &failure);
  for (size_t i = 0; i < job->items->len; i++)
    {
      const UtJobItem *item = &g_array_index (job->items, UtJobItem, i);
      const GError *fault = job->error != NULL ? job->error : item->error != NULL ? item->error : failure;
      if (!take_item (run, job, item, fault, &shared, error))
        return FALSE;
    }
  return TRUE;
}

/* Counts the questions in a row that the engine died on: one that dies on all is no use. */
static gboolean
check_deaths (Run *run, const UtJob *job, GError **error)
{
  for (size_t i = 0; i < job->items->len; i++)
    {
      const UtJobItem *job_item = &g_array_index (job->items, UtJobItem, i);
      const UtItem *item = job->group->items->pdata[job_item->i];
      if (!g_error_matches (job_item->error, UT_ERROR, UT_ERROR_ENGINE))
        run->deaths = 0;
      else if (run->deaths == 0 || item != run->dead)
        run->deaths++;
      else
        continue;
      run->dead = run->deaths > 0 ? item : NULL;
      if (run->deaths >= MAX_DEATHS)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_ENGINE, "the engine failed on %d questions in a row; last: %s", run->deaths,
                       job_item->error->message);
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
  run->progress.generate_seconds += job->generate_seconds;
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

/* Whether the variant is one that others refer to, which is evaluated again in a resumed group. */
static gboolean
is_reference (const Run *run, const UtVariant *variant)
{
  return variant->id == 0 || variant == run->prior;
}

/* What the variant's pixels depend on for the i-th question of a group; NULL where the variant does not apply to it. */
static char *
key_of (const Run *run, const UtGroup *group, unsigned i, const UtVariant *variant, int clean_prediction)
{
  UtSubject subject = ut_group_subject (group, i);
  subject.clean_prediction = clean_prediction;
  if ((variant->family->role == UT_ROLE_FLOOR && i > 0) || (variant->family->role == UT_ROLE_CONTROL && !ut_others_exist (run->dataset, group, run->config->seed)))
    return NULL;
  return ut_variant_key (variant, &subject, run->config->seed);
}

static gboolean
send_jobs (Run *run, GPtrArray *jobs, GError **error)
{
  gboolean ok = TRUE;
  for (size_t j = 0; j < jobs->len; j++)
    {
      UtJob *job = jobs->pdata[j];
      if (!ok)
        {
          ut_job_free (job);
          continue;
        }
      if (job->variant->family->role == UT_ROLE_CONTROL)
        job->others = ut_others_load (run->dataset, job->group, run->config->seed, &job->error);
      ok = send_job (run, job, error);
    }
  return ok;
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
      if ((variant->family->per_subject && !known) || group->clean[i].failed
          || (!is_reference (run, variant) && is_done (run, item->index, variant->id)))
        continue;
      const UtSubject subject = ut_group_subject (group, i);
      char *key = key_of (run, group, i, variant, subject.clean_prediction);
      if (key == NULL)
        continue;
      UtJob *job = g_hash_table_lookup (by_key, key);
      if (job == NULL)
        {
          job = ut_job_new (group, variant, run->prompt, run->config->n_generate);
          g_ptr_array_add (jobs, job);
          g_hash_table_insert (by_key, key, job);
        }
      else
        g_free (key);
      ut_job_add_item (job, i, ut_variant_detail (variant, &subject, run->config->seed));
    }
  return send_jobs (run, jobs, error);
}

/* Whether no trial of the group is left to do. What applies to a question may depend on its clean answer, which an earlier process has
 * stored. */
static gboolean
group_is_done (const Run *run, const UtGroup *group)
{
  for (unsigned i = 0; i < group->items->len; i++)
    {
      const UtItem *item = group->items->pdata[i];
      for (size_t v = 0; v < run->variants->len; v++)
        {
          const UtVariant *variant = run->variants->pdata[v];
          g_autofree char *key = key_of (run, group, i, variant, ut_stock_prediction (run->done, item->index, 0));
          if (key != NULL && !is_done (run, item->index, variant->id))
            return FALSE;
        }
    }
  return TRUE;
}

/* An image that cannot be read fails the clean trial of every question on it. */
static gboolean
fail_group (Run *run, UtGroup *group, GError *failure, GError **error)
{
  g_autoptr (UtJob) job = ut_job_new (group, run->variants->pdata[0], run->prompt, 0);
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

/* The order in which a group's variants are sent: what others refer to first, what needs the clean answer last, so that the engine has work
 * while the clean trial is on its way. */
typedef enum { TURN_CLEAN, TURN_PRIOR, TURN_OTHERS, TURN_PER_SUBJECT } Turn;

static Turn
turn_of (const Run *run, const UtVariant *variant)
{
  if (variant->id == 0)
    return TURN_CLEAN;
  if (variant->family->per_subject)
    return TURN_PER_SUBJECT;
  return variant == run->prior ? TURN_PRIOR : TURN_OTHERS;
}

static gboolean
send_group (Run *run, UtGroup *group, GError **error)
{
  GError *failure = NULL;
  ut_group_begin (group);
  if (!ut_group_load (group, run->dataset, &failure))
    return fail_group (run, group, failure, error);

  for (Turn turn = TURN_CLEAN; turn <= TURN_PER_SUBJECT; turn++)
    {
      if (turn == TURN_PER_SUBJECT && !finish_jobs (run, 0, error))
        return FALSE;
      for (size_t v = 0; v < run->variants->len; v++)
        {
          const UtVariant *variant = run->variants->pdata[v];
          if (stop_asked (run))
            return TRUE;
          if (turn_of (run, variant) == turn && !send_variant (run, group, variant, error))
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

/* ── the whole ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
write_plan (Run *run, GError **error)
{
  g_autofree UtStoreVariant *variants = g_new0 (UtStoreVariant, run->variants->len);
  for (size_t v = 0; v < run->variants->len; v++)
    {
      const UtVariant *variant = run->variants->pdata[v];
      variants[v] = (UtStoreVariant) { variant->id,    variant->name, variant->family->name,
                                       variant->param, variant->core, ut_role_names[variant->family->role] };
    }
  GPtrArray *items = ut_dataset_items (run->dataset);
  g_autofree UtStoreItem *rows = g_new0 (UtStoreItem, items->len);
  for (size_t i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      rows[i] = (UtStoreItem) { item->index,
                                item->id,
                                item->image_id,
                                item->category,
                                item->hint,
                                item->question,
                                (const char *const *) item->options,
                                item->answer,
                                item->yes_no };
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
  const UtRunParts parts = { run->config, engine, &run->engine->info, run->dataset, run->variants, run->prompt, run->form };
  g_autoptr (GArray) identity = ut_run_identity (&parts, error);
  if (identity == NULL || !ut_store_begin (run->store, (const UtIdentity *) (void *) identity->data, out_resumed, error)
      || (!*out_resumed && !write_plan (run, error)))
    return FALSE;
  run->done = ut_store_take_stock (run->store, error);
  return run->done != NULL;
}

static void
run_clear (Run *run)
{
  g_clear_pointer (&run->prompt, ut_prompt_free);
  g_clear_pointer (&run->engine, ut_engine_close);
  g_clear_pointer (&run->dataset, ut_dataset_close);
  g_clear_pointer (&run->store, ut_store_close);
  g_clear_pointer (&run->variants, g_ptr_array_unref);
  g_clear_pointer (&run->population, ut_sample_free);
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
  if (!ok)
    return ut_store_commit (run->store, NULL), FALSE;
  return *out_stopped
         || (ut_measure_population (run->store, ut_dataset_items (run->dataset), run->variants, run->config->seed, error)
             && ut_store_finish (run->store, error));
}

/* The prompt, and the score that decides: the one that goes with it unless the user names another. */
static gboolean
choose_words (Run *run, GError **error)
{
  const char *name = run->config->score;
  run->prompt = ut_prompt_new (run->config->prompt, error);
  if (run->prompt == NULL)
    return FALSE;
  run->form = ut_score_form (name != NULL ? name : ut_prompt_score (run->prompt), error);
  if (run->form == NULL || !run->form->of_letters || ut_prompt_shows_letters (run->prompt))
    return run->form != NULL;
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--score %s: the prompt %s shows no letters to answer with", run->form->name,
               run->config->prompt);
  return FALSE;
}

/* The lightest image, since the paper's is white; no image at all only where there is no other. */
static const UtVariant *
find_prior (GPtrArray *variants)
{
  const UtVariant *found = NULL;
  for (guint v = 0; v < variants->len; v++)
    {
      const UtVariant *variant = variants->pdata[v];
      if (variant->family->role == UT_ROLE_PRIOR
          && (found == NULL || (!variant->family->no_image && variant->param > found->param)))
        found = variant;
    }
  return found;
}

/* The files of a model that goes by a name; NULL where the configuration names them itself. */
static gboolean
find_model (const Run *run, char **out_model, char **out_mmproj, gboolean *out_stopped, GError **error)
{
  const UtRunConfig *config = run->config;
  const UtHubRequest request = { config->hf_repo, config->engine.mmproj == NULL, config->offline };
  if (config->hf_repo != NULL)
    return ut_hub_fetch (&request, run->callbacks->hub, out_model, out_mmproj, out_stopped, error);
  if (config->engine.model != NULL && g_str_has_prefix (config->engine.model, UT_BUNDLED_PREFIX))
    return ut_bundled_model (config->engine.model, out_model, out_mmproj, error);
  return TRUE;
}

/* Whether the engine can give what is asked of it by name. What else it does not give is left out. */
static gboolean
check_gives (const Run *run, GError **error)
{
  const unsigned gives = run->engine->info.gives;
  const char *lacking = NULL;
  if (run->config->layers && (gives & (UT_GIVES_LAYERS | UT_GIVES_VISION_LAYERS)) == 0)
    lacking = "--layers: the engine gives no layers";
  else if (run->config->n_generate > 0 && (gives & UT_GIVES_TEXT) == 0)
    lacking = "--generate: the engine gives no text";
  for (guint v = 0; v < run->variants->len && (gives & UT_GIVES_NO_IMAGE) == 0; v++)
    if (((const UtVariant *) run->variants->pdata[v])->family->no_image)
      lacking = "-p: the engine answers no question without an image";
  if (lacking != NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, lacking);
  return lacking == NULL && ut_score_check (run->form, gives, error);
}

gboolean
ut_run (const UtRunConfig *config, const UtRunCallbacks *callbacks, gboolean *out_stopped, GError **error)
{
  g_auto (Run) run = { .config = config, .callbacks = callbacks };
  g_autofree char *model = NULL, *mmproj = NULL;
  UtEngineConfig engine = config->engine;
  *out_stopped = FALSE;

  if (!choose_words (&run, error))
    return FALSE;
  run.variants = ut_variants_expand (config->perturbations, error);
  if (run.variants == NULL)
    return FALSE;
  run.dataset = ut_dataset_open (&config->dataset, error);
  if (run.dataset == NULL || !ut_prompt_check_items (run.prompt, ut_dataset_items (run.dataset), error))
    return FALSE;
  if (!find_model (&run, &model, &mmproj, out_stopped, error))
    return FALSE;
  if (*out_stopped)
    return TRUE;
  if (model != NULL)
    engine.model = model;
  if (mmproj != NULL)
    engine.mmproj = mmproj;
  engine.layers = config->layers;
  engine.listener = callbacks->listen;
  engine.listener_data = callbacks->data;
  run.engine = ut_engine_open_contained (&engine, config->program, error);
  if (run.engine == NULL || !check_gives (&run, error))
    return FALSE;

  run.prior = find_prior (run.variants);
  run.population = ut_sample_new (ut_dataset_items (run.dataset), config->seed);

  gboolean resumed;
  if (!open_store (&run, &engine, &resumed, error))
    return FALSE;
  callbacks->started (config, &run.engine->info, run.dataset, run.variants->len, resumed, callbacks->data);
  return work (&run, out_stopped, error);
}
