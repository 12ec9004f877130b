/* The bundled benchmarks: fixed lists of questions on the first suitable scenes of a split. */
#include "base/error.h"
#include "base/names.h"
#include "base/rng.h"
#include "scenes/scenes.h"

const char *const ut_scenes_benchmarks[] = { "presence", "perception", NULL };

static void
free_item (UtSceneItem *item)
{
  g_free (item->id);
  g_free (item->question);
  g_strfreev (item->options);
  g_strfreev (item->labels);
  g_free (item);
}

void
ut_scene_benchmark_free (UtSceneBenchmark *benchmark)
{
  if (benchmark == NULL)
    return;
  g_ptr_array_unref (benchmark->items);
  g_ptr_array_unref (benchmark->scenes);
  g_free (benchmark);
}

/* Makes an item of a question, which it empties. */
static UtSceneItem *
item_from_question (const char *benchmark, UtScene *scene, UtSceneQuestion *question, const char *suffix)
{
  static const char *const letters[] = { "A", "B", "C", "D", NULL };
  UtSceneItem *item = g_new0 (UtSceneItem, 1);
  item->id = g_strdup_printf ("%s/%s/%s%s", benchmark, scene->id, question->category, suffix);
  item->scene = scene;
  item->category = question->category;
  item->question = g_steal_pointer (&question->question);
  item->options = g_steal_pointer (&question->options);
  item->answer = question->answer;
  item->yes_no = g_strv_length (item->options) == 2;
  item->labels = g_strdupv (item->yes_no ? item->options : (char **) letters);
  return item;
}

static gboolean
is_asked (GPtrArray *items, guint first, const char *question)
{
  for (guint i = first; i < items->len; i++)
    if (g_str_equal (((UtSceneItem *) items->pdata[i])->question, question))
      return TRUE;
  return FALSE;
}

/* Adds, for each category, one question answered yes and one answered no, none of them twice. FALSE, with nothing added, where the
 * scene has too few kinds. */
static gboolean
add_presence (const UtScenes *scenes, UtScene *scene, GPtrArray *items)
{
  const guint before = items->len;
  for (unsigned c = 0; ut_presence_categories[c] != NULL; c++)
    {
      g_autoptr (GPtrArray) questions = ut_scenes_presence (scenes, scene, ut_presence_categories[c]);
      gboolean found[2] = { FALSE, FALSE };
      for (guint i = 0; i < questions->len; i++)
        {
          UtSceneQuestion *q = questions->pdata[i];
          if (found[q->answer] || is_asked (items, before, q->question))
            continue;
          found[q->answer] = TRUE;
          g_ptr_array_add (items, item_from_question ("presence", scene, q, q->answer == 0 ? "-yes" : "-no"));
        }
      if (!found[0] || !found[1])
        {
          g_ptr_array_set_size (items, (gint) before);
          return FALSE;
        }
    }
  return TRUE;
}

/* Moves the right answer to one of the four places so that four images in a row use each once. */
static void
place_answer (UtSceneItem *item, unsigned image)
{
  unsigned places[] = { 0, 1, 2, 3 };
  UtRng rng = ut_rng_init (item->scene->seed, "answer place", item->category, image / 4);
  for (unsigned i = 3; i > 0; i--)
    {
      const unsigned j = (unsigned) ut_rng_below (&rng, i + 1), kept = places[i];
      places[i] = places[j];
      places[j] = kept;
    }
  const unsigned place = places[image % 4];
  char *right = item->options[item->answer];
  item->options[item->answer] = item->options[place];
  item->options[place] = right;
  item->answer = (int) place;
}

static gboolean
add_perception (UtScene *scene, unsigned image, GPtrArray *items)
{
  const guint before = items->len;
  for (unsigned c = 0; ut_perception_categories[c] != NULL; c++)
    {
      g_autoptr (GPtrArray) questions = ut_scenes_perception (scene, ut_perception_categories[c]);
      if (questions->len == 0)
        {
          g_ptr_array_set_size (items, (gint) before);
          return FALSE;
        }
      UtSceneItem *item = item_from_question ("perception", scene, questions->pdata[0], "");
      place_answer (item, image);
      g_ptr_array_add (items, item);
    }
  return TRUE;
}

UtSceneBenchmark *
ut_scenes_benchmark (const UtScenes *scenes, const char *name, UtSplit split, unsigned n_images, GError **error)
{
  if (!g_strv_contains (ut_scenes_benchmarks, name))
    {
      const char *nearest = ut_names_nearest (name, ut_scenes_benchmarks);
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown benchmark \"%s\": did you mean \"%s\"?", name,
                   nearest != NULL ? nearest : ut_scenes_benchmarks[0]);
      return NULL;
    }
  const gboolean presence = g_str_equal (name, "presence");
  UtSceneBenchmark *benchmark = g_new0 (UtSceneBenchmark, 1);
  benchmark->scenes = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_scene_free);
  benchmark->items = g_ptr_array_new_with_free_func ((GDestroyNotify) free_item);
  for (uint64_t index = 0; benchmark->scenes->len < n_images; index++)
    {
      UtScene *scene = ut_scenes_make (scenes, split, index);
      if (presence ? add_presence (scenes, scene, benchmark->items) : add_perception (scene, benchmark->scenes->len, benchmark->items))
        g_ptr_array_add (benchmark->scenes, scene);
      else
        ut_scene_free (scene);
    }
  return benchmark;
}
