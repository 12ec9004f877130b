/* Answers as functions of what stands where: nothing here knows words or pixels. */
#include <math.h>

#include "scenes/statistics.h"

const char *const ut_scene_colours[UT_SCENE_COLOURS] = { "red", "green", "blue", "yellow", "purple", "orange" };
const char *const ut_scene_shapes[UT_SCENE_SHAPES] = { "circle", "square", "triangle", "star", "cross", "ring" };
const char *const ut_scene_textures[UT_SCENE_TEXTURES] = { "plain", "striped", "dotted", "checked" };

const UtSceneValues ut_scene_values[UT_SCENE_N_ATTRIBUTES] = {
  [UT_SCENE_COLOUR] = { "colour", UT_SCENE_COLOURS, ut_scene_colours },
  [UT_SCENE_SHAPE] = { "shape", UT_SCENE_SHAPES, ut_scene_shapes },
  [UT_SCENE_TEXTURE] = { "pattern", UT_SCENE_TEXTURES, ut_scene_textures },
};

/* What makes an answer clear, at clarity 1. */
constexpr double CLEAR_SIZE = .3;      /* by how much the extreme object's radius exceeds the next one's, as a share of it */
constexpr double CLEAR_POSITION = .1;  /* from the middle, as a share of the image's side */
constexpr double CLEAR_DIRECTION = .6; /* by how much the longer of the two distances exceeds the shorter, as a share of it */

unsigned
ut_scene_kind (const UtSceneObject *object)
{
  return object->colour * UT_SCENE_SHAPES + object->shape;
}

unsigned
ut_scene_value (const UtSceneObject *object, UtSceneAttribute attribute)
{
  const unsigned values[] = { object->colour, object->shape, object->texture };
  return values[attribute];
}

UtSceneWhich
ut_scene_with_value (UtSceneAttribute attribute, unsigned value)
{
  UtSceneWhich which = UT_SCENE_ANY;
  int *const values[] = { &which.colour, &which.shape, &which.texture };
  *values[attribute] = (int) value;
  return which;
}

UtSceneWhich
ut_scene_with_kind (unsigned kind)
{
  return (UtSceneWhich) { (int) (kind / UT_SCENE_SHAPES), (int) (kind % UT_SCENE_SHAPES), -1 };
}

static gboolean
matches (const UtSceneObject *object, UtSceneWhich which)
{
  return (which.colour < 0 || (unsigned) which.colour == object->colour)
         && (which.shape < 0 || (unsigned) which.shape == object->shape)
         && (which.texture < 0 || (unsigned) which.texture == object->texture);
}

unsigned
ut_scene_count (const UtScene *scene, UtSceneWhich which)
{
  unsigned n = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    n += matches (&scene->objects[i], which) ? 1 : 0;
  return n;
}

int
ut_scene_find (const UtScene *scene, UtSceneWhich which)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    if (matches (&scene->objects[i], which))
      return (int) i;
  return -1;
}

static const UtSceneObject *
the_only (const UtScene *scene, UtSceneWhich which)
{
  return ut_scene_count (scene, which) == 1 ? &scene->objects[ut_scene_find (scene, which)] : NULL;
}

int
ut_scene_extreme (const UtScene *scene, gboolean largest, double clarity)
{
  if (scene->n_objects < 2)
    return -1;
  unsigned best = 0;
  for (unsigned i = 1; i < scene->n_objects; i++)
    if (largest == (scene->objects[i].radius > scene->objects[best].radius))
      best = i;
  const double radius = scene->objects[best].radius, factor = 1 + clarity * CLEAR_SIZE;
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const double other = scene->objects[i].radius;
      if (i != best && (largest ? radius < factor * other : other < factor * radius))
        return -1;
    }
  return ut_scene_count (scene, ut_scene_with_kind (ut_scene_kind (&scene->objects[best]))) == 1 ? (int) best : -1;
}

/* Top left, top right, bottom left, bottom right. */
static int
position (const UtScene *scene, const UtSceneObject *object, double clarity)
{
  const double dx = object->x / scene->width - .5, dy = object->y / scene->height - .5;
  if (fmin (fabs (dx), fabs (dy)) < clarity * CLEAR_POSITION)
    return -1;
  return (dy > 0 ? 2 : 0) + (dx > 0 ? 1 : 0);
}

/* Above, below, left, right. */
static int
direction (const UtSceneObject *a, const UtSceneObject *b, double clarity)
{
  const double dx = a->x - b->x, dy = a->y - b->y;
  if (fmax (fabs (dx), fabs (dy)) < (1 + clarity * CLEAR_DIRECTION) * fmin (fabs (dx), fabs (dy)))
    return -1;
  if (fabs (dy) > fabs (dx))
    return dy < 0 ? 0 : 1;
  return dx < 0 ? 2 : 3;
}

static int
most_frequent (const UtScene *scene, UtSceneAttribute attribute)
{
  int best = -1;
  unsigned most = 0;
  for (unsigned v = 0; v < ut_scene_values[attribute].n; v++)
    {
      const unsigned n = ut_scene_count (scene, ut_scene_with_value (attribute, v));
      if (n == most)
        best = -1;
      else if (n > most)
        best = (int) v;
      most = MAX (n, most);
    }
  return best;
}

static int
in_common (const UtScene *scene, const UtScene *second, UtSceneAttribute attribute)
{
  int found = -1;
  for (unsigned v = 0; v < ut_scene_values[attribute].n; v++)
    {
      const UtSceneWhich which = ut_scene_with_value (attribute, v);
      if (ut_scene_find (scene, which) < 0 || ut_scene_find (second, which) < 0)
        continue;
      if (found >= 0)
        return -1;
      found = (int) v;
    }
  return found;
}

/* A kind has a name where the object's shape has one. */
static int
kind_or_doubt (const UtScene *scene, int object)
{
  if (object < 0 || scene->objects[object].shape == UT_SCENE_SHAPES)
    return -1;
  return (int) ut_scene_kind (&scene->objects[object]);
}

/* Forms that name objects the scene must have exactly once. */
static int
answer_of_named (const UtSceneFact *fact, const UtScene *scene, double clarity)
{
  const UtSceneObject *a = the_only (scene, fact->which[0]);
  if (a == NULL)
    return -1;
  if (fact->form == UT_SCENE_WHAT)
    return (int) ut_scene_value (a, fact->attribute);
  if (fact->form == UT_SCENE_POSITION)
    return position (scene, a, clarity);
  const UtSceneObject *b = the_only (scene, fact->which[1]);
  return b == NULL ? -1 : direction (a, b, clarity);
}

int
ut_scene_fact_answer (const UtSceneFact *fact, const UtScene *scene, const UtScene *second, double clarity)
{
  const unsigned n = ut_scene_count (scene, fact->which[0]);
  const unsigned n_second = second != NULL ? ut_scene_count (second, fact->which[0]) : 0;
  switch (fact->form)
    {
    case UT_SCENE_PRESENT:
      return n > 0 ? 0 : 1;
    case UT_SCENE_WHAT:
    case UT_SCENE_POSITION:
    case UT_SCENE_RELATION:
      return answer_of_named (fact, scene, clarity);
    case UT_SCENE_COUNT:
      return (int) n;
    case UT_SCENE_LARGEST:
    case UT_SCENE_SMALLEST:
      return kind_or_doubt (scene, ut_scene_extreme (scene, fact->form == UT_SCENE_LARGEST, clarity));
    case UT_SCENE_MORE:
      {
        const unsigned other = ut_scene_count (scene, fact->which[1]);
        return n > other ? 0 : n < other ? 1 : 2;
      }
    case UT_SCENE_MOST:
      return most_frequent (scene, fact->attribute);
    case UT_SCENE_LEFT:
      return (int) (scene->n_objects - n);
    case UT_SCENE_IN_WHICH:
      return n > 0 ? (n_second > 0 ? 2 : 0) : (n_second > 0 ? 1 : 3);
    case UT_SCENE_IN_COMMON:
      return in_common (scene, second, fact->attribute);
    case UT_SCENE_TOGETHER:
      return (int) (n + n_second);
    case UT_SCENE_N_FORMS:
      break;
    }
  return -1;
}
