/* What stands where in a scene, and the statistics of the training scenes. */
#include <math.h>

#include "base/rng.h"
#include "scenes/statistics.h"

const char *const ut_split_names[] = { "train", "val", "test", NULL };
const char *const ut_scene_colours[UT_SCENE_COLOURS] = { "red", "green", "blue", "yellow", "purple", "orange" };
const char *const ut_scene_shapes[UT_SCENE_SHAPES] = { "circle", "square", "triangle", "star", "cross", "ring" };

/* Statistics are counted over this many scenes of the training split. */
constexpr unsigned N_COUNTED = 8192;

/* Kinds that tend to stand together. A fixed random partition: themes share colours and shapes, so that knowing what the objects
 * look like apart does not tell which kinds are absent. */
constexpr unsigned N_THEMES = 6;
constexpr unsigned THEME_SIZE = UT_SCENE_KINDS / N_THEMES;
static const unsigned themes[N_THEMES][THEME_SIZE] = {
  { 31, 24, 10, 5, 29, 27 }, { 8, 23, 14, 12, 28, 22 }, { 34, 15, 0, 19, 30, 7 },
  { 21, 35, 13, 2, 33, 6 },  { 16, 1, 18, 11, 32, 17 }, { 26, 4, 3, 25, 9, 20 },
};

/* Heights and widths are multiples of 16: two patches of the bundled model, merged. */
static const int sizes[][2] = { { 96, 96 }, { 112, 96 }, { 96, 112 }, { 112, 112 }, { 128, 96 }, { 96, 128 }, { 128, 112 }, { 112, 128 } };

static const double radii[] = { 10, 13.5, 17 };

/* Out of a hundred: scenes with 1, 2, … objects. */
static const unsigned n_objects_weights[UT_SCENE_MAX_OBJECTS] = { 8, 20, 26, 26, 20 };

unsigned
ut_scene_kind (const UtSceneObject *object)
{
  return object->colour * UT_SCENE_SHAPES + object->shape;
}

char *
ut_scene_kind_name (unsigned kind)
{
  return g_strdup_printf ("%s %s", ut_scene_colours[kind / UT_SCENE_SHAPES], ut_scene_shapes[kind % UT_SCENE_SHAPES]);
}

/* An index of 0..n-1 with falling weights n, n-1, …, 1. */
static unsigned
falling (UtRng *rng, unsigned n)
{
  uint64_t ticket = ut_rng_below (rng, n * (n + 1) / 2);
  unsigned i = 0;
  for (; ticket >= n - i; i++)
    ticket -= n - i;
  return i;
}

static unsigned
draw_n_objects (UtRng *rng)
{
  uint64_t ticket = ut_rng_below (rng, 100);
  unsigned n = 0;
  for (; ticket >= n_objects_weights[n]; n++)
    ticket -= n_objects_weights[n];
  return n + 1;
}

/* Seven of ten objects come from the scene's theme, and one of five copies the shape of the last one, so that there is something to
 * count. */
static unsigned
draw_kind (UtRng *rng, unsigned theme, const UtSceneObject *last)
{
  const uint64_t ticket = ut_rng_below (rng, 10);
  if (last != NULL && ticket < 2)
    return (unsigned) ut_rng_below (rng, UT_SCENE_COLOURS) * UT_SCENE_SHAPES + last->shape;
  if (ticket < 9)
    return themes[theme][falling (rng, THEME_SIZE)];
  return (unsigned) ut_rng_below (rng, UT_SCENE_KINDS);
}

static gboolean
is_free (const UtScene *scene, const UtSceneObject *candidate)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const UtSceneObject *o = &scene->objects[i];
      if (hypot (o->x - candidate->x, o->y - candidate->y) < o->radius + candidate->radius + 4)
        return FALSE;
    }
  return TRUE;
}

/* Finds room for the object, making it small when the scene is crowded. A scene too crowded even so keeps fewer objects. */
static void
place (UtScene *scene, UtSceneObject object, UtRng *rng)
{
  constexpr int n_tries = 40;
  for (int attempt = 0; attempt < 2 * n_tries; attempt++)
    {
      if (attempt == n_tries)
        object.radius = radii[0];
      const double margin = 1.25 * object.radius + 1; /* a triangle reaches past its circle */
      object.x = margin + (scene->width - 2 * margin) * ut_rng_uniform (rng);
      object.y = margin + (scene->height - 2 * margin) * ut_rng_uniform (rng);
      if (is_free (scene, &object))
        {
          scene->objects[scene->n_objects++] = object;
          return;
        }
    }
}

static UtScene *
make_scene (uint64_t seed, UtSplit split, uint64_t index)
{
  UtScene *scene = g_new0 (UtScene, 1);
  scene->id = g_strdup_printf ("%s-%06" G_GUINT64_FORMAT, ut_split_names[split], index);
  scene->split = split;
  scene->seed = seed;
  scene->index = index;

  UtRng rng = ut_rng_init (seed, scene->id, "layout", 0);
  const int *size = sizes[ut_rng_below (&rng, G_N_ELEMENTS (sizes))];
  scene->width = size[0];
  scene->height = size[1];
  const unsigned theme = falling (&rng, N_THEMES);
  const unsigned n = draw_n_objects (&rng);
  for (unsigned i = 0; i < n; i++)
    {
      const unsigned kind = draw_kind (&rng, theme, scene->n_objects > 0 ? &scene->objects[scene->n_objects - 1] : NULL);
      const double radius = radii[ut_rng_below (&rng, G_N_ELEMENTS (radii))] + ut_rng_uniform (&rng);
      place (scene, (UtSceneObject) { .colour = kind / UT_SCENE_SHAPES, .shape = kind % UT_SCENE_SHAPES, .radius = radius }, &rng);
    }
  return scene;
}

void
ut_scene_free (UtScene *scene)
{
  if (scene == NULL)
    return;
  g_free (scene->id);
  g_free (scene);
}

static void
count_scene (UtScenes *scenes, const UtScene *scene)
{
  gboolean there[UT_SCENE_KINDS] = { FALSE };
  for (unsigned i = 0; i < scene->n_objects; i++)
    there[ut_scene_kind (&scene->objects[i])] = TRUE;
  for (unsigned a = 0; a < UT_SCENE_KINDS; a++)
    {
      scenes->frequency[a] += there[a] ? 1 : 0;
      for (unsigned b = 0; b < UT_SCENE_KINDS; b++)
        scenes->together[a][b] += there[a] && there[b] ? 1 : 0;
    }
}

UtScenes *
ut_scenes_new (uint64_t seed)
{
  UtScenes *scenes = g_new0 (UtScenes, 1);
  scenes->seed = seed;
  for (unsigned i = 0; i < N_COUNTED; i++)
    {
      g_autoptr (UtScene) scene = make_scene (seed, UT_SPLIT_TRAIN, i);
      count_scene (scenes, scene);
    }
  return scenes;
}

void
ut_scenes_free (UtScenes *scenes)
{
  g_free (scenes);
}

UtScene *
ut_scenes_make (const UtScenes *scenes, UtSplit split, uint64_t index)
{
  return make_scene (scenes->seed, split, index);
}
