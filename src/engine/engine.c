#include "engine/engine.h"

#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "engine/exec.h"
#include "engine/llama.h"
#include "engine/mock.h"

const UtEngineClass *const ut_engines[] = { &ut_engine_llama, &ut_engine_exec, &ut_engine_mock, NULL };

const char *const ut_gives_names[]
    = { "logprob_text", "logprob_label", "n_tokens", "no_image", "ctx",    "ctx_normed",    "options", "options_normed",
        "vision",       "vision_layers", "layers",   "text",     "greedy", "greedy_normed", NULL };
static_assert (UT_GIVES_ALL == (1 << (G_N_ELEMENTS (ut_gives_names) - 1)) - 1);

char *
ut_gives_join (unsigned gives)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (unsigned bit = 0; ut_gives_names[bit] != NULL; bit++)
    if ((gives & 1u << bit) != 0)
      g_ptr_array_add (names, (void *) ut_gives_names[bit]);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (", ", (char **) names->pdata);
}

static const UtEngineClass *
find_class (const char *name, GError **error)
{
  const char *names[G_N_ELEMENTS (ut_engines)] = {};
  for (size_t i = 0; ut_engines[i] != NULL; i++)
    {
      if (g_str_equal (ut_engines[i]->name, name))
        return ut_engines[i];
      names[i] = ut_engines[i]->name;
    }

  const char *nearest = ut_names_nearest (name, names);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown engine '%s'; did you mean '%s'?", name,
               nearest != NULL ? nearest : names[0]);
  return NULL;
}

UtEngine *
ut_engine_open (const UtEngineConfig *config, GError **error)
{
  const UtEngineClass *class = find_class (config->engine, error);
  return class != NULL ? class->open (config, error) : NULL;
}

UtEngine *
ut_engine_open_contained (const UtEngineConfig *config, const char *program, GError **error)
{
  const UtEngineClass *class = find_class (config->engine, error);
  if (class == NULL)
    return NULL;
  return class->contained ? class->open (config, error) : ut_engine_open_remote (config, program, error);
}

/* Shares the grids out among the images, where the engine has not and there is but one way. */
static void
share_grids (UtResult *result, const UtRequest *request)
{
  const guint n_images = request->images->len, n_grids = result->grids->len;
  if (n_grids == 0 || result->n_slices->len > 0 || (n_images != 1 && n_images != n_grids))
    return;
  const unsigned n_each = n_grids / n_images;
  for (guint i = 0; i < n_images; i++)
    g_array_append_val (result->n_slices, n_each);
}

UtResult *
ut_engine_evaluate (UtEngine *engine, const UtRequest *request, GError **error)
{
  UtResult *result = engine->class->evaluate (engine, request, error);
  if (result != NULL)
    share_grids (result, request);
  return result;
}

void
ut_engine_close (UtEngine *engine)
{
  if (engine != NULL)
    engine->class->close (engine);
}

void
ut_engine_info_clear (UtEngineInfo *info)
{
  g_clear_pointer (&info->description, g_free);
  g_clear_pointer (&info->versions, g_free);
  g_clear_pointer (&info->backends, g_free);
  g_clear_pointer (&info->device, g_free);
  g_clear_pointer (&info->caveat, g_free);
  g_clear_pointer (&info->identity, g_strfreev);
}

void
ut_query_free (UtQuery *query)
{
  g_free (query->prompt);
  g_free (query->places);
  g_strfreev (query->options);
  g_strfreev (query->labels);
  g_free (query);
}

UtRequest *
ut_request_new (void)
{
  UtRequest *request = g_new0 (UtRequest, 1);
  request->images = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_image_unref);
  request->queries = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_query_free);
  return request;
}

void
ut_request_free (UtRequest *request)
{
  if (request == NULL)
    return;
  g_ptr_array_unref (request->images);
  g_ptr_array_unref (request->queries);
  g_free (request);
}

UtQuery *
ut_request_add_query (UtRequest *request, const char *prompt, const char *const *options, const char *const *labels)
{
  UtQuery *query = g_new0 (UtQuery, 1);
  query->prompt = g_strdup (prompt);
  query->options = g_strdupv ((char **) options);
  query->labels = g_strdupv ((char **) labels);
  g_ptr_array_add (request->queries, query);
  return query;
}

void
ut_query_place_images (UtQuery *query, const UtPlace *places, unsigned n)
{
  g_free (query->places);
  query->places = g_memdup2 (places, n * sizeof *places);
  query->n_places = n;
}

unsigned *
ut_query_image_order (const UtQuery *query, const UtRequest *request, unsigned *out_n_first, GError **error)
{
  const size_t n_images = request->images->len, length = strlen (query->prompt);
  const unsigned n_places = n_images > 0 ? query->n_places : 0;
  g_autofree gboolean *placed = g_new0 (gboolean, n_images);
  size_t last = 0;
  for (unsigned p = 0; p < n_places; p++)
    {
      const UtPlace *place = &query->places[p];
      if (place->image >= n_images || placed[place->image] || place->at < last || place->at > length)
        {
          g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "image %u of %zu cannot stand at byte %zu of a prompt of %zu",
                       place->image + 1, n_images, place->at, length);
          return NULL;
        }
      placed[place->image] = TRUE;
      last = place->at;
    }

  unsigned *order = g_new (unsigned, MAX (n_images, 1)), n = 0;
  for (unsigned i = 0; i < n_images; i++)
    if (!placed[i])
      order[n++] = i;
  if (out_n_first != NULL)
    *out_n_first = n;
  for (unsigned p = 0; p < n_places; p++)
    order[n++] = query->places[p].image;
  return order;
}

UtState
ut_state_new (size_t n, size_t n_embd)
{
  return (UtState) { g_new0 (float, n *n_embd), g_new0 (float, n *n_embd) };
}

void
ut_state_clear (UtState *state)
{
  g_clear_pointer (&state->raw, g_free);
  g_clear_pointer (&state->normed, g_free);
}

UtAnswer *
ut_answer_new (unsigned n_options, size_t n_embd)
{
  UtAnswer *answer = g_new0 (UtAnswer, 1);
  answer->n_options = n_options;
  answer->scores = g_new0 (UtScore, n_options);
  answer->ctx = ut_state_new (1, n_embd);
  if (n_options > 0)
    answer->options = ut_state_new (n_options, n_embd);
  return answer;
}

void
ut_answer_free (UtAnswer *answer)
{
  g_free (answer->scores);
  g_free (answer->layers);
  g_free (answer->text);
  ut_state_clear (&answer->ctx);
  ut_state_clear (&answer->options);
  ut_state_clear (&answer->greedy);
  g_free (answer);
}

UtResult *
ut_result_new (void)
{
  UtResult *result = g_new0 (UtResult, 1);
  result->answers = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_answer_free);
  result->grids = g_array_new (FALSE, FALSE, sizeof (UtGrid));
  result->n_slices = g_array_new (FALSE, FALSE, sizeof (unsigned));
  return result;
}

void
ut_result_free (UtResult *result)
{
  if (result == NULL)
    return;
  g_ptr_array_unref (result->answers);
  g_array_unref (result->grids);
  g_array_unref (result->n_slices);
  g_free (result->vision);
  g_free (result->vision_layers);
  g_free (result);
}
