#include "run/job.h"

static void
job_item_clear (void *data)
{
  UtJobItem *item = data;
  g_free (item->detail);
  g_clear_error (&item->error);
}

UtJob *
ut_job_new (UtGroup *group, const UtVariant *variant, const UtPrompt *prompt, int n_generate)
{
  UtJob *job = g_new0 (UtJob, 1);
  job->group = ut_group_ref (group);
  job->variant = variant;
  job->prompt = prompt;
  job->n_generate = n_generate;
  job->items = g_array_new (FALSE, TRUE, sizeof (UtJobItem));
  g_array_set_clear_func (job->items, job_item_clear);
  job->results = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_result_free);
  return job;
}

void
ut_job_add_item (UtJob *job, unsigned i, char *detail)
{
  const UtJobItem item = { .i = i, .detail = detail };
  g_array_append_val (job->items, item);
}

void
ut_job_free (UtJob *job)
{
  if (job == NULL)
    return;
  ut_group_unref (job->group);
  g_clear_pointer (&job->others, g_ptr_array_unref);
  g_clear_pointer (&job->images, g_ptr_array_unref);
  g_clear_error (&job->error);
  g_array_unref (job->items);
  g_ptr_array_unref (job->results);
  g_free (job);
}

void
ut_job_render (UtJob *job, guint64 seed)
{
  /* All questions of a job have one key, so any of them stands for all. */
  const UtSubject subject = ut_group_subject (job->group, g_array_index (job->items, UtJobItem, 0).i);
  if (job->error == NULL)
    job->images = ut_group_render (job->group, job->variant, &subject, job->others, seed, &job->error);
}

/* The request of items [from, to): a question that stands in several splits of a benchmark is asked once. */
static UtRequest *
request_for (UtJob *job, size_t from, size_t to)
{
  UtRequest *request = ut_request_new ();
  request->n_generate = job->n_generate;
  for (size_t k = 0; k < job->images->len; k++)
    g_ptr_array_add (request->images, ut_image_ref (job->images->pdata[k]));

  g_autoptr (GHashTable) asked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (size_t i = from; i < to; i++)
    {
      UtJobItem *job_item = &g_array_index (job->items, UtJobItem, i);
      const UtItem *item = job->group->items->pdata[job_item->i];
      g_autofree char *words = ut_view_words (job->prompt, item);
      gpointer first;
      if (!g_hash_table_lookup_extended (asked, words, NULL, &first))
        {
          first = GSIZE_TO_POINTER (request->queries->len);
          g_hash_table_insert (asked, g_steal_pointer (&words), first);
          ut_view_add_queries (request, job->prompt, item);
        }
      job_item->first = GPOINTER_TO_SIZE (first);
    }
  return request;
}

/* The queries with options of a request, every second one, asked with no image. */
static UtResult *
evaluate_without_images (UtEngine *engine, const UtRequest *request, GError **error)
{
  g_autoptr (UtRequest) bare = ut_request_new ();
  for (size_t q = 1; q < request->queries->len; q += 2)
    {
      const UtQuery *query = request->queries->pdata[q];
      ut_request_add_query (bare, query->prompt, (const char *const *) query->options, (const char *const *) query->labels);
    }
  UtResult *result = ut_engine_evaluate (engine, bare, error);
  if (result == NULL)
    g_prefix_error_literal (error, "without the image: ");
  return result;
}

/* Evaluates items [from, to) of the job in one request, and the clean ones in another with no image. */
static gboolean
evaluate_items (UtJob *job, UtEngine *engine, size_t from, size_t to, GError **error)
{
  g_autoptr (UtRequest) request = request_for (job, from, to);
  g_autoptr (UtResult) result = ut_engine_evaluate (engine, request, error), bare = NULL;
  if (result == NULL)
    return FALSE;
  if (job->variant->id == 0 && (engine->info.gives & UT_GIVES_NO_IMAGE) != 0)
    {
      bare = evaluate_without_images (engine, request, error);
      if (bare == NULL)
        return FALSE;
    }
  job->generate_seconds += result->generate_seconds;
  for (size_t i = from; i < to; i++)
    {
      UtJobItem *item = &g_array_index (job->items, UtJobItem, i);
      item->result = result;
      item->no_image = bare != NULL ? bare->answers->pdata[item->first / 2] : NULL;
    }
  g_ptr_array_add (job->results, g_steal_pointer (&result));
  if (bare != NULL)
    g_ptr_array_add (job->results, g_steal_pointer (&bare));
  return TRUE;
}

void
ut_job_evaluate (UtJob *job, UtEngine *engine)
{
  if (job->images == NULL)
    return;
  const gint64 start = g_get_monotonic_time ();
  g_autoptr (GError) failure = NULL;
  const size_t n = job->items->len;
  if (!evaluate_items (job, engine, 0, n, &failure))
    {
      if (n == 1)
        g_array_index (job->items, UtJobItem, 0).error = g_steal_pointer (&failure);
      else
        for (size_t i = 0; i < n; i++)
          evaluate_items (job, engine, i, i + 1, &g_array_index (job->items, UtJobItem, i).error);
    }
  job->seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
}
