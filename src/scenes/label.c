/* What becomes of a right answer when the image is perturbed.
 *
 * Every object can be seen in one way or, where that is open to doubt, in several: whole or not at all, on one side of the image or on the
 * other, as one or as two, as a square or as something else. The question is answered in every combination of these. */
#include <math.h>

#include "scenes/paint.h"

constexpr double SEEN = .8;       /* an object of which so much is visible is certainly seen */
constexpr double GONE = .03;      /* and one of which no more is visible is certainly not */
constexpr double DIAMOND = .4142; /* the tangent of 22.5 degrees: a square turned further is nearer to a diamond */
constexpr double CLARITY = .5;    /* sizes and places may be this much less clear than when asked for */
constexpr unsigned MAX_COMBINATIONS = 4096;

/* One way to see an object: as none, one or two. */
typedef struct {
  unsigned n;
  UtSceneObject objects[2];
} Way;

typedef struct {
  unsigned n;
  Way ways[6];
} Ways;

/* How much of an object is visible: where it was taken to, and beyond the border that the image rolls over. */
typedef struct {
  double share[2];
} Visible;

static Visible
look (const UtSceneObject *object, const UtGeometry *g)
{
  constexpr int steps = 24;
  unsigned n = 0, n_visible[2] = { 0, 0 };
  for (int i = 0; i < steps * steps; i++)
    {
      const double u = UT_SCENE_REACH * (2 * (i % steps + .5) / steps - 1),
                   v = UT_SCENE_REACH * (2 * (i / steps + .5) / steps - 1);
      if (ut_outline_distance (object->shape, (float) u, (float) v) > 0)
        continue;
      n++;
      const double from_x = object->x + u * object->radius, from_y = object->y + v * object->radius;
      double x = g->matrix[0][0] * from_x + g->matrix[0][1] * from_y + g->matrix[0][2];
      double y = g->matrix[1][0] * from_x + g->matrix[1][1] * from_y + g->matrix[1][2];
      const gboolean beyond_x = g->roll == UT_ROLL_X && (x < 0 || x >= g->width);
      const gboolean beyond_y = g->roll == UT_ROLL_Y && (y < 0 || y >= g->height);
      if (beyond_x)
        x += x < 0 ? g->width : -g->width;
      if (beyond_y)
        y += y < 0 ? g->height : -g->height;
      const gboolean covered = x >= g->covered.left && x < g->covered.right && y >= g->covered.top && y < g->covered.bottom;
      if (x >= 0 && x < g->width && y >= 0 && y < g->height && !covered)
        n_visible[beyond_x || beyond_y ? 1 : 0]++;
    }
  return (Visible) { { (double) n_visible[0] / n, (double) n_visible[1] / n } };
}

/* The object where the geometry takes it, and beyond the border. */
static void
move (const UtSceneObject *object, const UtGeometry *g, UtSceneObject out[2])
{
  const double (*m)[3] = g->matrix;
  out[0] = *object;
  out[0].x = m[0][0] * object->x + m[0][1] * object->y + m[0][2];
  out[0].y = m[1][0] * object->x + m[1][1] * object->y + m[1][2];
  out[0].radius = object->radius * sqrt (fabs (m[0][0] * m[1][1] - m[0][1] * m[1][0]));
  out[1] = out[0];
  if (g->roll == UT_ROLL_Y)
    out[1].y += out[0].y < g->height / 2.0 ? g->height : -g->height;
  else
    out[1].x += out[0].x < g->width / 2.0 ? g->width : -g->width;
}

static gboolean
is_like_a_diamond (const UtSceneObject *object, const UtGeometry *g)
{
  const double a = fabs (g->matrix[0][0]), b = fabs (g->matrix[1][0]);
  return g_str_equal (ut_scene_shapes[object->shape], "square") && fmin (a, b) > DIAMOND * fmax (a, b);
}

/* Whether it matters to the question how many objects there are, not only which. */
static gboolean
counts (UtSceneForm form)
{
  return form == UT_SCENE_COUNT || form == UT_SCENE_MORE || form == UT_SCENE_MOST || form == UT_SCENE_LEFT
         || form == UT_SCENE_TOGETHER;
}

static Ways
ways_to_see (const UtSceneObject *object, const UtGeometry *g, UtSceneForm form)
{
  const Visible visible = look (object, g);
  const unsigned larger = visible.share[1] > visible.share[0] ? 1 : 0, smaller = 1 - larger;
  const double whole = visible.share[0] + visible.share[1];
  UtSceneObject moved[2];
  move (object, g, moved);

  Ways ways = { 0 };
  if (whole < SEEN)
    ways.ways[ways.n++] = (Way) { 0 };
  if (whole > GONE)
    ways.ways[ways.n++] = (Way) { 1, { moved[larger] } };
  if (visible.share[smaller] > GONE && counts (form))
    ways.ways[ways.n++] = (Way) { 2, { moved[0], moved[1] } };
  else if (visible.share[smaller] > GONE && visible.share[larger] < SEEN)
    ways.ways[ways.n++] = (Way) { 1, { moved[smaller] } };
  if (is_like_a_diamond (object, g))
    for (unsigned i = 0, n = ways.n; i < n; i++)
      if (ways.ways[i].n > 0)
        {
          Way *other = &ways.ways[ways.n++];
          *other = ways.ways[i];
          for (unsigned k = 0; k < other->n; k++)
            other->objects[k].shape = UT_SCENE_SHAPES;
        }
  return ways;
}

/* The ways to see the objects of an item's scenes, in a row. */
typedef struct {
  const UtSceneItem *item;
  const UtGeometry *geometry;
  unsigned n; /* objects */
  Ways ways[2 * UT_SCENE_MAX_OBJECTS];
  unsigned n_combinations;
} Views;

static void
add_views (Views *views, const UtScene *scene)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      Ways *ways = &views->ways[views->n++];
      *ways = ways_to_see (&scene->objects[i], views->geometry, views->item->fact.form);
      views->n_combinations *= ways->n;
    }
}

/* Takes from `*combination` the ways that the scene's objects are seen in. */
static UtScene
scene_as_seen (const UtScene *scene, const Ways *ways, const UtGeometry *geometry, unsigned *combination)
{
  UtScene seen = { .width = geometry->width, .height = geometry->height };
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const Way *way = &ways[i].ways[*combination % ways[i].n];
      *combination /= ways[i].n;
      for (unsigned k = 0; k < way->n; k++)
        seen.objects[seen.n_objects++] = way->objects[k];
    }
  return seen;
}

static int
answer_as_seen (const Views *views, unsigned combination)
{
  const UtSceneItem *item = views->item;
  const UtScene first = scene_as_seen (item->scene, views->ways, views->geometry, &combination);
  if (item->partner == NULL)
    return ut_scene_fact_answer (&item->fact, &first, NULL, CLARITY);
  const UtScene second = scene_as_seen (item->partner, views->ways + item->scene->n_objects, views->geometry, &combination);
  return ut_scene_fact_answer (&item->fact, &first, &second, CLARITY);
}

UtLabel
ut_scene_item_label (const UtSceneItem *item, const UtGeometry *geometry)
{
  Views views = { .item = item, .geometry = geometry, .n_combinations = 1 };
  add_views (&views, item->scene);
  if (item->partner != NULL)
    add_views (&views, item->partner);
  if (views.n_combinations > MAX_COMBINATIONS)
    return UT_LABEL_DOUBTFUL;

  const int right = ut_scene_fact_answer (&item->fact, item->scene, item->partner, 1);
  gboolean can_hold = FALSE, can_change = FALSE, can_be_unclear = FALSE;
  for (unsigned c = 0; c < views.n_combinations; c++)
    {
      const int answer = answer_as_seen (&views, c);
      can_hold |= answer == right;
      can_be_unclear |= answer < 0;
      can_change |= answer >= 0 && answer != right;
    }
  if (can_be_unclear || (can_hold && can_change))
    return UT_LABEL_DOUBTFUL;
  return can_hold ? UT_LABEL_HOLDS : UT_LABEL_CHANGED;
}
