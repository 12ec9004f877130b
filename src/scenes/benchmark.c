/* The bundled benchmarks: fixed lists of questions on the first suitable scenes of a split. */
#include "base/error.h"
#include "base/names.h"
#include "base/rng.h"
#include "scenes/questions.h"

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
item_from_question (const UtSceneTask *task, const UtScene *scene, UtSceneQuestion *question, unsigned number)
{
  static const char *const letters[] = { "A", "B", "C", "D", NULL };
  UtSceneItem *item = g_new0 (UtSceneItem, 1);
  item->id = g_strdup_printf ("%s/%s/%s-%u", task->name, scene->id, question->category, number);
  item->scene = scene;
  item->category = question->category;
  item->question = g_steal_pointer (&question->question);
  item->options = g_steal_pointer (&question->options);
  item->answer = question->answer;
  item->yes_no = question->fact.form == UT_SCENE_PRESENT;
  item->labels = g_strdupv (item->yes_no ? item->options : (char **) letters);
  item->fact = question->fact;
  return item;
}

/* Moves the right answer to one of the four places so that four questions of a category in a row use each once. */
static void
place_answer (UtSceneItem *item, unsigned number)
{
  unsigned places[] = { 0, 1, 2, 3 };
  UtRng rng = ut_rng_init (item->scene->seed, "answer place", item->category, number / 4);
  for (unsigned i = 3; i > 0; i--)
    {
      const unsigned j = (unsigned) ut_rng_below (&rng, i + 1), kept = places[i];
      places[i] = places[j];
      places[j] = kept;
    }
  const unsigned place = places[number % 4];
  char *right = item->options[item->answer];
  item->options[item->answer] = item->options[place];
  item->options[place] = right;
  item->answer = (int) place;
}

/* A benchmark while it is being put together. */
typedef struct {
  const UtScenes *scenes;
  const UtSceneTask *task;
  UtSceneBenchmark *benchmark;
  unsigned n_images;
  UtSceneUse use; /* by the questions of all images so far */
} Building;

/* Presence questions are taken as they come; of the others, those whose answers were used least. */
static void
add_category (Building *b, const UtScene *scene, const UtScene *partner, GPtrArray *questions, unsigned n)
{
  for (unsigned k = 0; k < n; k++)
    {
      const gboolean presence = ((UtSceneQuestion *) questions->pdata[0])->fact.form == UT_SCENE_PRESENT;
      g_autoptr (UtSceneQuestion) q
          = presence ? g_ptr_array_steal_index (questions, 0) : ut_scene_take_least_used (questions, &b->use);
      UtSceneItem *item = item_from_question (b->task, scene, q, k + 1);
      if (q->fact.form >= UT_SCENE_IN_WHICH)
        item->partner = partner;
      if (!presence)
        place_answer (item, b->n_images * n + k);
      g_ptr_array_add (b->benchmark->items, item);
    }
}

/* Adds a scene's questions if it has enough in every category. */
static void
add_scene (Building *b, UtSplit split, uint64_t index)
{
  g_autoptr (UtScene) scene = ut_scenes_make (b->scenes, split, index), partner = ut_scenes_partner (b->scenes, scene);
  g_autoptr (GPtrArray) asked = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  for (unsigned c = 0; b->task->categories[c].name != NULL; c++)
    {
      GPtrArray *questions = ut_scenes_ask (b->scenes, scene, partner, b->task->categories[c].name);
      g_ptr_array_add (asked, questions);
      if (questions->len < b->task->categories[c].n_questions)
        return;
    }
  for (guint c = 0; c < asked->len; c++)
    add_category (b, scene, partner, asked->pdata[c], b->task->categories[c].n_questions);
  const UtSceneItem *last = b->benchmark->items->pdata[b->benchmark->items->len - 1];
  const gboolean paired = last->partner != NULL;
  g_ptr_array_add (b->benchmark->scenes, g_steal_pointer (&scene));
  if (paired)
    g_ptr_array_add (b->benchmark->scenes, g_steal_pointer (&partner));
  b->n_images++;
}

static const UtSceneTask *
find_task (const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const UtSceneTask *task = ut_scene_tasks; task->name != NULL; task++)
    {
      if (g_str_equal (task->name, name))
        return task;
      g_ptr_array_add (names, (void *) task->name);
    }
  g_ptr_array_add (names, NULL);
  const char *nearest = ut_names_nearest (name, (const char *const *) names->pdata);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown benchmark \"%s\": did you mean \"%s\"?", name,
               nearest != NULL ? nearest : ut_scene_tasks[0].name);
  return NULL;
}

UtSceneBenchmark *
ut_scenes_benchmark (const UtScenes *scenes, const char *name, UtSplit split, unsigned n_images, GError **error)
{
  const UtSceneTask *task = find_task (name, error);
  if (task == NULL)
    return NULL;
  UtSceneBenchmark *benchmark = g_new0 (UtSceneBenchmark, 1);
  benchmark->scenes = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_scene_free);
  benchmark->items = g_ptr_array_new_with_free_func ((GDestroyNotify) free_item);
  Building building = { .scenes = scenes, .task = task, .benchmark = benchmark };
  for (uint64_t index = 0; building.n_images < n_images; index++)
    add_scene (&building, split, index);
  return benchmark;
}
