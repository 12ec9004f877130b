/* What stands where in a scene, and the statistics of the training scenes. */
#include "base/rng.h"
#include "scenes/statistics.h"

const char *const ut_split_names[] = { "train", "val", "test", NULL };

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

/* Widths and heights in cells, and how many scenes of a hundred have them: 67 cells on average, as every one costs a token. */
constexpr int CELL = 32;
static const struct {
  int width, height;
  unsigned weight;
} sizes[] = {
  { 5, 5, 6 },   { 6, 5, 4 },   { 5, 6, 4 },  { 6, 6, 7 },  { 7, 6, 5 },   { 6, 7, 5 },   { 8, 6, 5 },   { 6, 8, 5 },
  { 7, 7, 5 },   { 10, 5, 3 },  { 5, 10, 3 }, { 8, 8, 5 },  { 9, 7, 4 },   { 7, 9, 4 },   { 10, 8, 4 },  { 8, 10, 4 },
  { 12, 6, 3 },  { 6, 12, 3 },  { 9, 9, 3 },  { 12, 9, 2 }, { 9, 12, 2 },  { 14, 7, 2 },  { 7, 14, 2 },  { 12, 12, 2 },
  { 14, 10, 1 }, { 10, 14, 1 }, { 16, 8, 1 }, { 8, 16, 1 }, { 16, 12, 1 }, { 12, 16, 1 }, { 14, 14, 1 }, { 16, 16, 1 },
};

/* Out of a hundred: scenes with 1, 2, … objects. */
static const unsigned n_objects_weights[UT_SCENE_MAX_OBJECTS] = { 5, 10, 19, 23, 22, 21 };

/* The least and the largest radius: in pixels, so that a patch sees an object's shape and pattern, and as a share of the shorter side. */
constexpr double LEAST_RADIUS = 20;
constexpr double LARGEST_RADIUS = 60;
constexpr double LEAST_SHARE = .08;
constexpr double LARGEST_SHARE = .19;
constexpr double OUTSTANDING = 1.35; /* by which an outstanding object is larger or smaller than all the others */

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

/* A size with room for so many objects. */
static void
draw_size (UtScene *scene, unsigned n_objects, UtRng *rng)
{
  constexpr int room = 6 * CELL * CELL; /* an object's, with what lies around it */
  do
    {
      uint64_t ticket = ut_rng_below (rng, 100);
      unsigned i = 0;
      for (; ticket >= sizes[i].weight; i++)
        ticket -= sizes[i].weight;
      scene->width = CELL * sizes[i].width;
      scene->height = CELL * sizes[i].height;
    }
  while (scene->width * scene->height < (int) n_objects * room);
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

static void
draw_kinds (UtSceneObject *objects, unsigned n, UtRng *rng)
{
  const unsigned theme = falling (rng, N_THEMES);
  for (unsigned i = 0; i < n; i++)
    {
      const unsigned kind = draw_kind (rng, theme, i > 0 ? &objects[i - 1] : NULL);
      objects[i] = (UtSceneObject) { .colour = kind / UT_SCENE_SHAPES, .shape = kind % UT_SCENE_SHAPES };
      objects[i].texture = (unsigned) ut_rng_below (rng, UT_SCENE_TEXTURES);
    }
}

static double
between (UtRng *rng, double low, double high)
{
  return low + (high - low) * ut_rng_uniform (rng);
}

/* In two scenes of three one object is larger, or smaller, than all the others. */
static void
draw_radii (const UtScene *scene, UtSceneObject *objects, unsigned n, UtRng *rng)
{
  const double side = MIN (scene->width, scene->height);
  const double least = MAX (LEAST_RADIUS, LEAST_SHARE * side), largest = MIN (LARGEST_RADIUS, LARGEST_SHARE * side);
  const unsigned way = (unsigned) ut_rng_below (rng, 3), outstanding = (unsigned) ut_rng_below (rng, n);
  for (unsigned i = 0; i < n; i++)
    {
      const gboolean stands_out = way < 2 && i == outstanding;
      const double low = stands_out && way == 0 ? .97 * largest : way == 1 && !stands_out ? OUTSTANDING * 1.03 * least : least;
      const double high = stands_out && way == 1 ? 1.03 * least : way == 0 && !stands_out ? .97 * largest / OUTSTANDING : largest;
      objects[i].radius = between (rng, low, MAX (low, high));
    }
}

static gboolean
is_free (const UtScene *scene, const UtSceneObject *candidate)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const UtSceneObject *o = &scene->objects[i];
      const double dx = o->x - candidate->x, dy = o->y - candidate->y, apart = UT_SCENE_REACH * (o->radius + candidate->radius);
      if (dx * dx + dy * dy < apart * apart)
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
        object.radius = LEAST_RADIUS;
      const double margin = UT_SCENE_REACH * object.radius + 1;
      object.x = between (rng, margin, scene->width - margin);
      object.y = between (rng, margin, scene->height - margin);
      if (is_free (scene, &object))
        {
          scene->objects[scene->n_objects++] = object;
          return;
        }
    }
}

/* `first` is the scene whose partner it is to be, or NULL. */
static UtScene *
make_scene (uint64_t seed, UtSplit split, uint64_t index, const UtScene *first)
{
  UtScene *scene = g_new0 (UtScene, 1);
  scene->id = g_strdup_printf ("%s-%06" G_GUINT64_FORMAT "%s", ut_split_names[split], index, first != NULL ? "-b" : "");
  scene->split = split;
  scene->seed = seed;
  scene->index = index;

  UtRng rng = ut_rng_init (seed, scene->id, "layout", 0);
  const unsigned n = draw_n_objects (&rng);
  draw_size (scene, n, &rng);
  if (first != NULL)
    {
      scene->width = first->width;
      scene->height = first->height;
    }
  UtSceneObject objects[UT_SCENE_MAX_OBJECTS];
  draw_kinds (objects, n, &rng);
  draw_radii (scene, objects, n, &rng);
  for (unsigned i = 0; i < n; i++)
    place (scene, objects[i], &rng);
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
      g_autoptr (UtScene) scene = make_scene (seed, UT_SPLIT_TRAIN, i, NULL);
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
  return make_scene (scenes->seed, split, index, NULL);
}

UtScene *
ut_scenes_partner (const UtScenes *scenes, const UtScene *scene)
{
  return make_scene (scenes->seed, scene->split, scene->index, scene);
}
