#include "run/group.h"

#include <math.h>
#include <string.h>

#include "metric/metric.h"

const UtChannelInfo ut_channels[UT_N_CHANNELS] = {
  [UT_VISION] = { "vision", "mean of the vision tokens the language model receives" },
  [UT_CTX_OPEN] = { "ctx_open", "last token of the open prompt, last layer, before the final norm" },
  [UT_CTX_OPEN_NORMED] = { "ctx_open.normed", "the same after the final norm" },
  [UT_CTX_MCQ]
  = { "ctx_mcq", "last token of the prompt with options (POPE: the yes/no prompt), last layer, before the final norm" },
  [UT_CTX_MCQ_NORMED] = { "ctx_mcq.normed", "the same after the final norm" },
  [UT_ANS_OPEN] = { "ans_open", "mean over the tokens of the greedy answer to the open prompt (--generate), last layer" },
  [UT_ANS_OPEN_NORMED] = { "ans_open.normed", "the same after the final norm" },
  [UT_ANS_MCQ] = { "ans_mcq", "mean over the tokens of the chosen option, last layer, before the final norm" },
  [UT_ANS_MCQ_NORMED] = { "ans_mcq.normed", "the same after the final norm" },
  [UT_ANS_MCQ_FREE] = { "ans_mcq_free", "mean over the tokens of the greedy answer to the prompt with options (--generate)" },
  [UT_ANS_MCQ_FREE_NORMED] = { "ans_mcq_free.normed", "the same after the final norm" },
};

static const char *
layer_name (const char *part, size_t layer)
{
  g_autofree char *name = g_strdup_printf ("%s.%zu", part, layer);
  return g_intern_string (name);
}

const char *
ut_vision_layer_name (size_t layer)
{
  return layer_name ("vision", layer);
}

const char *
ut_llm_layer_name (size_t layer)
{
  return layer_name ("llm", layer);
}

void
ut_view_clear (UtView *view)
{
  for (size_t c = 0; c < UT_N_CHANNELS; c++)
    g_clear_pointer (&view->channels[c], g_free);
  ut_state_clear (&view->options);
  g_clear_pointer (&view->layers, g_free);
  g_clear_pointer (&view->text_open, g_free);
  g_clear_pointer (&view->text_mcq, g_free);
  g_clear_pointer (&view->scores, g_free);
  g_clear_pointer (&view->no_image, g_free);
}

UtGroup *
ut_group_new (void)
{
  UtGroup *group = g_atomic_rc_box_new0 (UtGroup);
  group->items = g_ptr_array_new ();
  group->images = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_image_unref);
  group->names = g_ptr_array_new ();
  return group;
}

UtGroup *
ut_group_ref (UtGroup *group)
{
  return g_atomic_rc_box_acquire (group);
}

void
ut_group_begin (UtGroup *group)
{
  group->clean = g_new0 (UtView, group->items->len);
  group->prior = g_new0 (UtView, group->items->len);
  group->clean_vision = g_new0 (UtVision *, group->items->len);
}

static void
group_clear (void *data)
{
  UtGroup *group = data;
  for (size_t i = 0; group->clean != NULL && i < group->items->len; i++)
    {
      ut_view_clear (&group->clean[i]);
      ut_view_clear (&group->prior[i]);
      ut_vision_unref (group->clean_vision[i]);
    }
  g_free (group->clean);
  g_free (group->prior);
  g_free (group->clean_vision);
  g_ptr_array_unref (group->items);
  g_ptr_array_unref (group->images);
  g_ptr_array_unref (group->names);
}

void
ut_group_unref (UtGroup *group)
{
  if (group != NULL)
    g_atomic_rc_box_release_full (group, group_clear);
}

GPtrArray *
ut_groups_of_items (GPtrArray *items)
{
  GPtrArray *groups = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_group_unref);
  g_autoptr (GHashTable) by_image = g_hash_table_new (g_str_hash, g_str_equal);
  for (size_t i = 0; i < items->len; i++)
    {
      UtItem *item = items->pdata[i];
      UtGroup *group = g_hash_table_lookup (by_image, item->images_key);
      if (group == NULL)
        {
          group = ut_group_new ();
          g_ptr_array_add (groups, group);
          g_hash_table_insert (by_image, item->images_key, group);
        }
      g_ptr_array_add (group->items, item);
    }
  return groups;
}

UtSubject
ut_group_subject (const UtGroup *group, size_t i)
{
  const UtItem *item = group->items->pdata[i];
  return (UtSubject) {
    .id = item->id,
    .index = item->index,
    .labels = (const char *const *) item->labels,
    .n_labels = item->n_options,
    .clean_prediction = group->clean != NULL && group->clean[i].scores != NULL ? group->clean[i].predicted : -1,
    .right_answer = item->answer,
    .image_name = group->names->len > 0 ? group->names->pdata[0] : NULL,
  };
}

gboolean
ut_item_images (UtDataset *dataset, const UtItem *item, GPtrArray *out, GError **error)
{
  for (unsigned k = 0; k < item->n_images; k++)
    {
      UtImage *image = ut_dataset_image (dataset, item, k, error);
      if (image == NULL)
        return FALSE;
      g_ptr_array_add (out, image);
    }
  return TRUE;
}

gboolean
ut_group_load (UtGroup *group, UtDataset *dataset, GError **error)
{
  const UtItem *first = group->items->pdata[0];
  if (!ut_item_images (dataset, first, group->images, error))
    return FALSE;
  for (unsigned k = 0; k < first->n_images; k++)
    g_ptr_array_add (group->names, (void *) ut_dataset_image_name (dataset, first, k));
  return TRUE;
}

GPtrArray *
ut_group_render (const UtGroup *group, const UtVariant *variant, const UtSubject *subject, GPtrArray *others, guint64 seed,
                 GError **error)
{
  UtSubject named = *subject;
  GPtrArray *sources = others != NULL ? others : group->images;
  const size_t n = variant->family->no_image ? 0 : sources->len;
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_image_unref);
  for (size_t k = 0; k < n; k++)
    {
      named.image_name = others == NULL ? group->names->pdata[k] : NULL;
      UtImage *image = ut_variant_apply (variant, sources->pdata[k], &named, seed, error);
      if (image == NULL)
        return NULL;
      g_ptr_array_add (images, image);
    }
  return g_steal_pointer (&images);
}

static void
add_query (UtRequest *request, const UtWords *words, const char *const *options, const char *const *labels)
{
  UtQuery *query = ut_request_add_query (request, words->text, options, labels);
  ut_query_place_images (query, words->places, words->n_places);
}

void
ut_view_add_queries (UtRequest *request, const UtPrompt *prompt, const UtItem *item)
{
  /* A yes/no question calls its options by their texts. */
  const gboolean has_letters = !item->yes_no && ut_prompt_shows_letters (prompt);
  g_auto (UtWords) open = ut_prompt_write_open (prompt, item), closed = ut_prompt_write_closed (prompt, item);
  add_query (request, &open, NULL, NULL);
  add_query (request, &closed, ut_item_scored_texts (item), has_letters ? (const char *const *) item->labels : NULL);
}

static char *
key_of_words (const UtWords *words)
{
  GString *key = g_string_new (words->text);
  for (unsigned p = 0; p < words->n_places; p++)
    g_string_append_printf (key, "\x1f%zu %u", words->places[p].at, words->places[p].image);
  return g_string_free (key, FALSE);
}

char *
ut_view_words (const UtPrompt *prompt, const UtItem *item)
{
  g_auto (UtWords) open = ut_prompt_write_open (prompt, item), closed = ut_prompt_write_closed (prompt, item);
  g_autofree char *open_key = key_of_words (&open), *closed_key = key_of_words (&closed);
  g_autofree char *options = g_strjoinv ("\x1f", (char **) ut_item_scored_texts (item)),
                  *labels = g_strjoinv ("\x1f", item->labels);
  return g_strjoin ("\x1e", open_key, closed_key, options, labels, NULL);
}

UtVision *
ut_vision_of_result (UtResult *result)
{
  if (result->n_vision == 0)
    return NULL;
  UtVision *vision = g_atomic_rc_box_new0 (UtVision);
  vision->tokens = g_steal_pointer (&result->vision);
  vision->n_tokens = result->n_vision;
  vision->n_embd = result->n_embd;
  vision->grids = g_memdup2 (result->grids->data, result->grids->len * sizeof (UtGrid));
  vision->n_grids = result->grids->len;
  vision->n_slices = g_memdup2 (result->n_slices->data, result->n_slices->len * sizeof (unsigned));
  vision->n_images = result->n_slices->len;
  vision->pooled = g_new (float, vision->n_embd);
  ut_mean_pool (vision->tokens, vision->n_tokens, vision->n_embd, vision->pooled);
  vision->layers = g_steal_pointer (&result->vision_layers);
  vision->n_layers = result->n_vision_layers;
  vision->n_embd_layers = result->n_vision_embd;
  return vision;
}

UtVision *
ut_vision_ref (UtVision *vision)
{
  return vision != NULL ? g_atomic_rc_box_acquire (vision) : NULL;
}

static void
vision_clear (void *data)
{
  UtVision *vision = data;
  g_free (vision->tokens);
  g_free (vision->grids);
  g_free (vision->n_slices);
  g_free (vision->pooled);
  g_free (vision->layers);
}

void
ut_vision_unref (UtVision *vision)
{
  if (vision != NULL)
    g_atomic_rc_box_release_full (vision, vision_clear);
}

UtView
ut_view_of_result (const UtResult *result, const UtVision *vision, size_t first)
{
  const UtAnswer *open = result->answers->pdata[first];
  const UtAnswer *closed = result->answers->pdata[first + 1];
  const size_t size = result->n_embd * sizeof (float);
  UtView view = {
    .channels = {
      [UT_VISION] = vision != NULL ? g_memdup2 (vision->pooled, size) : NULL,
      [UT_CTX_OPEN] = g_memdup2 (open->ctx.raw, size),
      [UT_CTX_OPEN_NORMED] = g_memdup2 (open->ctx.normed, size),
      [UT_CTX_MCQ] = g_memdup2 (closed->ctx.raw, size),
      [UT_CTX_MCQ_NORMED] = g_memdup2 (closed->ctx.normed, size),
      [UT_ANS_OPEN] = g_memdup2 (open->greedy.raw, size),
      [UT_ANS_OPEN_NORMED] = g_memdup2 (open->greedy.normed, size),
      [UT_ANS_MCQ_FREE] = g_memdup2 (closed->greedy.raw, size),
      [UT_ANS_MCQ_FREE_NORMED] = g_memdup2 (closed->greedy.normed, size),
    },
    .options = { g_memdup2 (closed->options.raw, closed->n_options * size), g_memdup2 (closed->options.normed, closed->n_options * size) },
    .layers = g_memdup2 (closed->layers, result->n_layers * size),
    .n_layers = closed->layers != NULL ? result->n_layers : 0,
    .text_open = g_strdup (open->text),
    .text_mcq = g_strdup (closed->text),
    .scores = g_memdup2 (closed->scores, closed->n_options * sizeof (UtScore)),
    .n_options = closed->n_options,
  };
  return view;
}

void
ut_view_decide (UtView *view, const UtItem *item, const UtScoreForm *form, const double *no_image, size_t n_embd)
{
  g_autofree UtOptionScore *options = g_new (UtOptionScore, view->n_options);
  for (unsigned k = 0; k < view->n_options; k++)
    options[k]
        = (UtOptionScore) { view->scores[k], no_image != NULL ? no_image[k] : NAN, strlen (ut_item_scored_texts (item)[k]) };
  view->predicted = ut_score_decide (form, options, view->n_options);
  const size_t chosen = (size_t) view->predicted * n_embd, size = n_embd * sizeof (float);
  if (view->options.raw != NULL)
    view->channels[UT_ANS_MCQ] = g_memdup2 (view->options.raw + chosen, size);
  if (view->options.normed != NULL)
    view->channels[UT_ANS_MCQ_NORMED] = g_memdup2 (view->options.normed + chosen, size);
  ut_state_clear (&view->options);
}

static gboolean
all_finite (const float *values, size_t n)
{
  for (size_t i = 0; values != NULL && i < n; i++)
    if (!isfinite (values[i]))
      return FALSE;
  return TRUE;
}

char *
ut_view_fault (const UtView *view, size_t n_embd)
{
  for (size_t c = 0; c < UT_N_CHANNELS; c++)
    if (!all_finite (view->channels[c], n_embd))
      return g_strdup_printf ("the engine's %s is not finite", ut_channels[c].name);
  return all_finite (view->layers, view->n_layers * n_embd) ? NULL : g_strdup ("a layer of the engine's is not finite");
}
