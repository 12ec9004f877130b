/* What can be asked of a scene. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "scenes/statistics.h"

const char *const ut_presence_categories[] = { "random", "popular", "adversarial", NULL };
const char *const ut_perception_categories[] = { "colour", "shape", "count", "relation", NULL };

constexpr unsigned N_EACH = 3;       /* yes and no questions of an image and category */
constexpr unsigned POPULAR_POOL = 8; /* popular negatives come from so many of the most frequent absent kinds */
constexpr unsigned N_OPTIONS = 4;

static const char *const numbers[] = { "1", "2", "3", "4", "5" };
static const char *const directions[] = { "above", "below", "left", "right" };

void
ut_scene_question_free (UtSceneQuestion *question)
{
  if (question == NULL)
    return;
  g_free (question->question);
  g_strfreev (question->options);
  g_free (question);
}

static GPtrArray *
new_questions (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) ut_scene_question_free);
}

/* Shuffles the first `n_first` places (Fisher and Yates). */
static void
shuffle (unsigned *values, unsigned n, unsigned n_first, UtRng *rng)
{
  for (unsigned i = 0; i < MIN (n_first, n); i++)
    {
      const unsigned j = i + (unsigned) ut_rng_below (rng, n - i);
      const unsigned kept = values[i];
      values[i] = values[j];
      values[j] = kept;
    }
}

/* Presence */

/* The first object of each kind, or -1 for an absent kind. */
static void
find_kinds (const UtScene *scene, int first[UT_SCENE_KINDS])
{
  for (unsigned k = 0; k < UT_SCENE_KINDS; k++)
    first[k] = -1;
  for (unsigned i = scene->n_objects; i-- > 0;)
    first[ut_scene_kind (&scene->objects[i])] = (int) i;
}

static unsigned
company (const UtScenes *scenes, const UtScene *scene, unsigned kind)
{
  unsigned sum = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    sum += scenes->together[ut_scene_kind (&scene->objects[i])][kind];
  return sum;
}

typedef struct {
  unsigned kind, score;
} Ranked;

static int
by_falling_score (const void *a, const void *b)
{
  const Ranked *x = a, *y = b;
  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->kind < y->kind ? -1 : x->kind > y->kind;
}

/* The absent kinds in the order they are asked for. */
static unsigned
rank_absent (const UtScenes *scenes, const UtScene *scene, const char *category, const int first[UT_SCENE_KINDS],
             unsigned absent[UT_SCENE_KINDS])
{
  const gboolean popular = g_str_equal (category, "popular"), adversarial = g_str_equal (category, "adversarial");
  Ranked ranked[UT_SCENE_KINDS];
  unsigned n = 0;
  for (unsigned k = 0; k < UT_SCENE_KINDS; k++)
    if (first[k] < 0)
      ranked[n++] = (Ranked) { k, popular ? scenes->frequency[k] : adversarial ? company (scenes, scene, k) : 0 };
  qsort (ranked, n, sizeof ranked[0], by_falling_score);
  for (unsigned i = 0; i < n; i++)
    absent[i] = ranked[i].kind;

  UtRng rng = ut_rng_init (scene->seed, scene->id, category, 0);
  if (!adversarial)
    shuffle (absent, popular ? POPULAR_POOL : n, N_EACH, &rng);
  return n;
}

/* Up to N_EACH of the kinds that are there, the same in every category. */
static unsigned
choose_present (const UtScene *scene, const int first[UT_SCENE_KINDS], unsigned present[UT_SCENE_KINDS])
{
  unsigned n = 0;
  for (unsigned k = 0; k < UT_SCENE_KINDS; k++)
    if (first[k] >= 0)
      present[n++] = k;
  UtRng rng = ut_rng_init (scene->seed, scene->id, "present", 0);
  shuffle (present, n, N_EACH, &rng);
  return MIN (n, N_EACH);
}

static UtSceneQuestion *
presence_question (const char *category, unsigned kind, int object)
{
  g_autofree char *name = ut_scene_kind_name (kind);
  UtSceneQuestion *q = g_new0 (UtSceneQuestion, 1);
  q->category = category;
  q->question = g_strdup_printf ("Is there %s %s in the image?", name[0] == 'o' ? "an" : "a", name);
  q->options = g_strdupv ((char *[]) { (char *) "Yes", (char *) "No", NULL });
  q->answer = object >= 0 ? 0 : 1;
  q->subject[0] = object;
  q->subject[1] = -1;
  return q;
}

GPtrArray *
ut_scenes_presence (const UtScenes *scenes, const UtScene *scene, const char *category)
{
  int first[UT_SCENE_KINDS];
  unsigned present[UT_SCENE_KINDS], absent[UT_SCENE_KINDS];
  find_kinds (scene, first);
  const unsigned n = choose_present (scene, first, present);
  rank_absent (scenes, scene, category, first, absent);

  GPtrArray *questions = new_questions ();
  for (unsigned i = 0; i < n; i++)
    {
      g_ptr_array_add (questions, presence_question (category, present[i], first[present[i]]));
      g_ptr_array_add (questions, presence_question (category, absent[i], -1));
    }
  return questions;
}

/* Perception */

/* Four of the `n` texts, shuffled, the right one among them. Takes over `question`. */
static UtSceneQuestion *
choice_question (const char *category, char *question, const char *const *texts, unsigned n, unsigned right, UtRng *rng)
{
  unsigned others[UT_SCENE_KINDS], n_others = 0, chosen[N_OPTIONS];
  for (unsigned i = 0; i < n; i++)
    if (i != right)
      others[n_others++] = i;
  shuffle (others, n_others, N_OPTIONS - 1, rng);
  chosen[0] = right;
  memcpy (chosen + 1, others, (N_OPTIONS - 1) * sizeof chosen[0]);
  shuffle (chosen, N_OPTIONS, N_OPTIONS, rng);

  UtSceneQuestion *q = g_new0 (UtSceneQuestion, 1);
  q->category = category;
  q->question = question;
  q->options = g_new0 (char *, N_OPTIONS + 1);
  q->subject[0] = q->subject[1] = -1;
  for (unsigned i = 0; i < N_OPTIONS; i++)
    {
      q->options[i] = g_strdup (texts[chosen[i]]);
      if (chosen[i] == right)
        q->answer = (int) i;
    }
  return q;
}

static unsigned
count_colour (const UtScene *scene, unsigned colour)
{
  unsigned n = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    n += scene->objects[i].colour == colour ? 1 : 0;
  return n;
}

static unsigned
count_shape (const UtScene *scene, unsigned shape)
{
  unsigned n = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    n += scene->objects[i].shape == shape ? 1 : 0;
  return n;
}

static gboolean
is_only_one (const UtScene *scene, const UtSceneObject *object)
{
  unsigned n = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    n += ut_scene_kind (&scene->objects[i]) == ut_scene_kind (object) ? 1 : 0;
  return n == 1;
}

/* The colour of every shape that is there once. */
static void
ask_colours (const UtScene *scene, GPtrArray *questions, UtRng *rng)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const UtSceneObject *o = &scene->objects[i];
      if (count_shape (scene, o->shape) != 1)
        continue;
      char *text = g_strdup_printf ("What colour is the %s?", ut_scene_shapes[o->shape]);
      UtSceneQuestion *q = choice_question ("colour", text, ut_scene_colours, UT_SCENE_COLOURS, o->colour, rng);
      q->subject[0] = (int) i;
      g_ptr_array_add (questions, q);
    }
}

/* The shape of every colour that is there once. */
static void
ask_shapes (const UtScene *scene, GPtrArray *questions, UtRng *rng)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const UtSceneObject *o = &scene->objects[i];
      if (count_colour (scene, o->colour) != 1)
        continue;
      char *text = g_strdup_printf ("What shape is the %s object?", ut_scene_colours[o->colour]);
      UtSceneQuestion *q = choice_question ("shape", text, ut_scene_shapes, UT_SCENE_SHAPES, o->shape, rng);
      q->subject[0] = (int) i;
      g_ptr_array_add (questions, q);
    }
}

static void
ask_count (GPtrArray *questions, const char *what, unsigned n, UtRng *rng)
{
  char *text = g_strdup_printf ("How many %s are there in the image?", what);
  g_ptr_array_add (questions, choice_question ("count", text, numbers, G_N_ELEMENTS (numbers), n - 1, rng));
}

static char *
plural (const char *shape)
{
  return g_strconcat (shape, g_str_has_suffix (shape, "s") ? "es" : "s", NULL);
}

/* All objects, and the shapes that are there more than once: a shape there once would make 1 the likely answer. */
static void
ask_counts (const UtScene *scene, GPtrArray *questions, UtRng *rng)
{
  ask_count (questions, "objects", scene->n_objects, rng);
  for (unsigned s = 0; s < UT_SCENE_SHAPES; s++)
    {
      const unsigned n = count_shape (scene, s);
      if (n < 2 && (n == 0 || ut_rng_below (rng, 4) != 0))
        continue;
      g_autofree char *what = plural (ut_scene_shapes[s]);
      ask_count (questions, what, n, rng);
    }
}

/* Where a lies as b sees it: an index of `directions`, or -1 where that is open to doubt. */
static int
direction (const UtSceneObject *a, const UtSceneObject *b)
{
  const double dx = a->x - b->x, dy = a->y - b->y;
  const double longer = fmax (fabs (dx), fabs (dy)), shorter = fmin (fabs (dx), fabs (dy));
  if (longer < 16 || longer < 1.6 * shorter)
    return -1;
  if (fabs (dy) > fabs (dx))
    return dy < 0 ? 0 : 1;
  return dx < 0 ? 2 : 3;
}

static void
ask_relation (const UtScene *scene, unsigned i, unsigned j, GPtrArray *questions, UtRng *rng)
{
  const UtSceneObject *a = &scene->objects[i], *b = &scene->objects[j];
  const int where = direction (a, b);
  if (i == j || where < 0 || !is_only_one (scene, a) || !is_only_one (scene, b))
    return;
  g_autofree char *name_a = ut_scene_kind_name (ut_scene_kind (a)), *name_b = ut_scene_kind_name (ut_scene_kind (b));
  char *text = g_strdup_printf ("Where is the %s relative to the %s?", name_a, name_b);
  UtSceneQuestion *q = choice_question ("relation", text, directions, G_N_ELEMENTS (directions), (unsigned) where, rng);
  q->subject[0] = (int) i;
  q->subject[1] = (int) j;
  g_ptr_array_add (questions, q);
}

static void
ask_relations (const UtScene *scene, GPtrArray *questions, UtRng *rng)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    for (unsigned j = 0; j < scene->n_objects; j++)
      ask_relation (scene, i, j, questions, rng);
}

static void
shuffle_questions (GPtrArray *questions, UtRng *rng)
{
  for (guint i = questions->len; i > 1; i--)
    {
      const guint j = (guint) ut_rng_below (rng, i);
      const gpointer kept = questions->pdata[i - 1];
      questions->pdata[i - 1] = questions->pdata[j];
      questions->pdata[j] = kept;
    }
}

GPtrArray *
ut_scenes_perception (const UtScene *scene, const char *category)
{
  static void (*const askers[]) (const UtScene *, GPtrArray *, UtRng *) = { ask_colours, ask_shapes, ask_counts, ask_relations };
  GPtrArray *questions = new_questions ();
  UtRng rng = ut_rng_init (scene->seed, scene->id, category, 0);
  for (unsigned c = 0; ut_perception_categories[c] != NULL; c++)
    if (g_str_equal (category, ut_perception_categories[c]))
      askers[c](scene, questions, &rng);
  shuffle_questions (questions, &rng);
  return questions;
}
