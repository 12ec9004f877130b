/* scenes: determinism, splits that never meet, questions whose answers hold, benchmarks without an answer that stands out. */
#include "base/error.h"
#include "scenes/scenes.h"

#include <glib.h>
#include <math.h>
#include <string.h>

static UtScenes *source;

static char *
hash_image (const UtScene *scene)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = ut_scene_draw (scene, &error);
  g_assert_no_error (error);
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, image->pixels, (gsize) image->width * (gsize) image->height * 3);
}

static void
test_deterministic (void)
{
  g_autoptr (UtScenes) again = ut_scenes_new (UT_SCENES_SEED);
  g_autoptr (UtScenes) other = ut_scenes_new (UT_SCENES_SEED + 1);
  for (uint64_t i = 0; i < 20; i++)
    {
      g_autoptr (UtScene) a = ut_scenes_make (source, UT_SPLIT_TEST, i), b = ut_scenes_make (again, UT_SPLIT_TEST, i);
      g_autoptr (UtScene) c = ut_scenes_make (other, UT_SPLIT_TEST, i);
      g_autofree char *hash_a = hash_image (a), *hash_b = hash_image (b), *hash_c = hash_image (c);
      g_assert_cmpstr (hash_a, ==, hash_b);
      g_assert_cmpstr (hash_a, !=, hash_c);
    }
}

static void
test_splits_apart (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const unsigned counts[] = { [UT_SPLIT_TRAIN] = 600, [UT_SPLIT_VAL] = 150, [UT_SPLIT_TEST] = 150 };
  for (unsigned split = 0; ut_split_names[split] != NULL; split++)
    for (unsigned i = 0; i < counts[split]; i++)
      {
        g_autoptr (UtScene) scene = ut_scenes_make (source, (UtSplit) split, i);
        g_assert_true (g_hash_table_add (seen, hash_image (scene)));
      }
}

static void
test_partners (void)
{
  for (unsigned i = 0; i < 50; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_TRAIN, i), partner = ut_scenes_partner (source, scene);
      g_autofree char *id = g_strconcat (scene->id, "-b", NULL), *hash = hash_image (scene), *partner_hash = hash_image (partner);
      g_assert_cmpstr (partner->id, ==, id);
      g_assert_cmpint (partner->width, ==, scene->width);
      g_assert_cmpint (partner->height, ==, scene->height);
      g_assert_cmpstr (hash, !=, partner_hash);
    }
}

static void
test_no_overlap (void)
{
  for (unsigned i = 0; i < 500; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_VAL, i);
      g_assert_cmpint (scene->width % 32 + scene->height % 32, ==, 0);
      g_assert_cmpint (MIN (scene->width, scene->height), >=, 160);
      g_assert_cmpint (MAX (scene->width, scene->height), <=, MIN (512, 2 * MIN (scene->width, scene->height)));
      g_assert_cmpuint (scene->n_objects, >=, 1);
      for (unsigned a = 0; a < scene->n_objects; a++)
        {
          const UtSceneObject *o = &scene->objects[a];
          const double reach = UT_SCENE_REACH * o->radius;
          g_assert_true (o->x >= reach && o->x <= scene->width - reach);
          g_assert_true (o->y >= reach && o->y <= scene->height - reach);
          g_assert_cmpfloat (o->radius, >=, 20); /* wider than two patches of the bundled models */
          for (unsigned b = 0; b < a; b++)
            g_assert_cmpfloat (hypot (o->x - scene->objects[b].x, o->y - scene->objects[b].y), >,
                               UT_SCENE_REACH * (o->radius + scene->objects[b].radius) - 1e-9);
        }
    }
}

/* An object's colour stands out from its scene: the mean over its middle is nearest to the pure colour of its own, by hue alone. */
static void
test_colours_are_seen (void)
{
  static const double pure[UT_SCENE_COLOURS][3]
      = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, .2, 1 }, { 1, .9, 0 }, { .6, 0, .9 }, { 1, .5, 0 } };
  unsigned n = 0, n_right = 0;
  for (unsigned i = 0; i < 100; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_TEST, i);
      g_autoptr (UtImage) image = ut_scene_draw (scene, NULL);
      for (unsigned k = 0; k < scene->n_objects; k++)
        {
          const UtSceneObject *o = &scene->objects[k];
          if (g_str_equal (ut_scene_shapes[o->shape], "ring"))
            continue;
          double sum[3] = { 0 };
          for (int y = (int) (o->y - .3 * o->radius); y < (int) (o->y + .3 * o->radius); y++)
            for (int x = (int) (o->x - .3 * o->radius); x < (int) (o->x + .3 * o->radius); x++)
              for (int c = 0; c < 3; c++)
                sum[c] += image->pixels[3 * (y * image->width + x) + c];
          const double low = fmin (sum[0], fmin (sum[1], sum[2])), high = fmax (sum[0], fmax (sum[1], sum[2]));
          unsigned nearest = 0;
          double least = INFINITY;
          for (unsigned colour = 0; colour < UT_SCENE_COLOURS; colour++)
            {
              double distance = 0;
              for (int c = 0; c < 3; c++)
                distance += pow ((sum[c] - low) / (high - low) - pure[colour][c], 2);
              if (distance < least)
                nearest = colour;
              least = fmin (least, distance);
            }
          n++;
          n_right += nearest == o->colour ? 1 : 0;
        }
    }
  g_assert_cmpfloat ((double) n_right, >, .97 * n);
}

/* --- Answers, found anew from the words of the question ------------------------------------------------------------------------------ */

/* Whether an object is what a phrase like "striped objects", "the red circle" or "crosses" names; words that name nothing are as good
 * as absent. */
static gboolean
is_named (const UtSceneObject *object, const char *phrase)
{
  g_auto (GStrv) words = g_strsplit_set (phrase, " ?.,", -1);
  for (char **word = words; *word != NULL; word++)
    {
      const char *const own[]
          = { ut_scene_colours[object->colour], ut_scene_shapes[object->shape], ut_scene_textures[object->texture] };
      for (unsigned i = 0; i < UT_SCENE_SHAPES; i++)
        {
          g_autofree char *some = g_strconcat (ut_scene_shapes[i], "s", NULL),
                          *many = g_strconcat (ut_scene_shapes[i], "es", NULL);
          const gboolean shape
              = g_str_equal (*word, ut_scene_shapes[i]) || g_str_equal (*word, some) || g_str_equal (*word, many);
          if (shape && ut_scene_shapes[i] != own[1])
            return FALSE;
          if (g_str_equal (*word, ut_scene_colours[i]) && ut_scene_colours[i] != own[0])
            return FALSE;
          if (i < UT_SCENE_TEXTURES && g_str_equal (*word, ut_scene_textures[i]) && ut_scene_textures[i] != own[2])
            return FALSE;
        }
    }
  return TRUE;
}

static unsigned
count_named (const UtScene *scene, const char *phrase)
{
  unsigned n = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    n += is_named (&scene->objects[i], phrase) ? 1 : 0;
  return n;
}

static const UtSceneObject *
the_named (const UtScene *scene, const char *phrase)
{
  g_assert_cmpuint (count_named (scene, phrase), ==, 1);
  for (unsigned i = 0; i < scene->n_objects; i++)
    if (is_named (&scene->objects[i], phrase))
      return &scene->objects[i];
  return NULL;
}

/* The text before and after a word; the halves of a question that names two things. */
static char **
halves (const char *question, const char *between)
{
  char **parts = g_strsplit (question, between, 2);
  g_assert_cmpuint (g_strv_length (parts), ==, 2);
  return parts;
}

static const char *
true_perception (const UtScene *scene, const UtSceneQuestion *q)
{
  if (g_str_equal (q->category, "colour"))
    return ut_scene_colours[the_named (scene, q->question)->colour];
  if (g_str_equal (q->category, "shape"))
    return ut_scene_shapes[the_named (scene, q->question)->shape];
  if (g_str_equal (q->category, "texture"))
    return ut_scene_textures[the_named (scene, q->question)->texture];
  if (g_str_equal (q->category, "position"))
    {
      const UtSceneObject *o = the_named (scene, q->question);
      return o->y < scene->height / 2.0 ? (o->x < scene->width / 2.0 ? "top left" : "top right")
                                        : (o->x < scene->width / 2.0 ? "bottom left" : "bottom right");
    }
  g_assert_cmpstr (q->category, ==, "relation");
  g_auto (GStrv) parts = halves (q->question, "relative to");
  const UtSceneObject *a = the_named (scene, parts[0]), *b = the_named (scene, parts[1]);
  if (fabs (a->x - b->x) > fabs (a->y - b->y))
    return a->x < b->x ? "left" : "right";
  return a->y < b->y ? "above" : "below";
}

/* Whether the option names the largest (or the smallest) object, and that clearly. */
static gboolean
is_extreme (const UtScene *scene, const char *option, gboolean largest)
{
  const UtSceneObject *o = the_named (scene, option);
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const double ratio = largest ? o->radius / scene->objects[i].radius : scene->objects[i].radius / o->radius;
      if (o != &scene->objects[i] && ratio < 1.3)
        return FALSE;
    }
  return TRUE;
}

/* Whether the value is the one that most objects of the scene have. */
static gboolean
is_most_frequent (const UtScene *scene, const char *value, const char *const *values, unsigned n)
{
  for (unsigned v = 0; v < n; v++)
    if (!g_str_equal (values[v], value) && count_named (scene, values[v]) >= count_named (scene, value))
      return FALSE;
  return TRUE;
}

static gboolean
is_only_in_common (const UtScene *scene, const UtScene *partner, const char *value, const char *const *values, unsigned n)
{
  for (unsigned v = 0; v < n; v++)
    {
      const gboolean common = count_named (scene, values[v]) > 0 && count_named (partner, values[v]) > 0;
      if (common != g_str_equal (values[v], value))
        return FALSE;
    }
  return TRUE;
}

static const struct {
  const char *word;
  const char *const *names;
  unsigned n;
} attributes[] = {
  { "colour", ut_scene_colours, UT_SCENE_COLOURS },
  { "shape", ut_scene_shapes, UT_SCENE_SHAPES },
  { "pattern", ut_scene_textures, UT_SCENE_TEXTURES },
};

/* The index of the attribute that follows the words in the question. */
static size_t
attribute_after (const char *question, const char *words)
{
  const char *at = strstr (question, words) + strlen (words);
  for (size_t a = 0; a < G_N_ELEMENTS (attributes); a++)
    if (g_str_has_prefix (at, attributes[a].word))
      return a;
  g_assert_not_reached ();
}

static gboolean
is_right_comparison (const UtScene *scene, const char *question, const char *option)
{
  if (g_str_has_suffix (question, "the most frequent?"))
    {
      const size_t a = attribute_after (question, "Which ");
      return is_most_frequent (scene, option, attributes[a].names, attributes[a].n);
    }
  g_auto (GStrv) parts = halves (question, " or ");
  const unsigned first = count_named (scene, parts[0]), second = count_named (scene, parts[1]);
  if (first == second)
    return g_str_equal (option, "equally many");
  return strstr (parts[first > second ? 0 : 1], option) != NULL;
}

static gboolean
is_right_of_both (const UtScene *scene, const UtScene *partner, const char *question, const char *option)
{
  const unsigned first = count_named (scene, question), second = count_named (partner, question);
  if (g_str_has_suffix (question, "together?"))
    return first + second == strtoul (option, NULL, 10);
  if (g_str_has_suffix (question, "is in both images?"))
    {
      const size_t a = attribute_after (question, "Which ");
      return is_only_in_common (scene, partner, option, attributes[a].names, attributes[a].n);
    }
  const char *right = first > 0 ? (second > 0 ? "both" : "the first") : (second > 0 ? "the second" : "neither");
  return g_str_equal (option, right);
}

/* Whether an option is the right one, from nothing but the words and the objects. */
static gboolean
is_right (const UtScene *scene, const UtScene *partner, const UtSceneQuestion *q, const char *option)
{
  if (g_str_equal (q->category, "count"))
    return count_named (scene, q->question) == strtoul (option, NULL, 10);
  if (g_str_equal (q->category, "left"))
    return scene->n_objects - count_named (scene, q->question) == strtoul (option, NULL, 10);
  if (g_str_equal (q->category, "size"))
    return is_extreme (scene, option, strstr (q->question, "largest") != NULL);
  if (g_str_equal (q->category, "compare"))
    return is_right_comparison (scene, q->question, option);
  if (g_str_equal (q->category, "pair"))
    return is_right_of_both (scene, partner, q->question, option);
  return g_str_equal (option, true_perception (scene, q));
}

static void
check_question (const UtScene *scene, const UtScene *partner, const UtSceneQuestion *q)
{
  g_assert_cmpuint (g_strv_length (q->options), ==, 4);
  g_assert_cmpint (ut_scene_fact_answer (&q->fact, scene, partner, 1), ==, q->right);
  if (!is_right (scene, partner, q, q->options[q->answer]))
    g_error ("%s: %s %s", scene->id, q->question, q->options[q->answer]);
  for (int o = 0; o < 4; o++)
    for (int p = 0; p < o; p++)
      g_assert_cmpstr (q->options[o], !=, q->options[p]);
}

static void
test_answers_are_true (void)
{
  for (unsigned i = 0; i < 300; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_TEST, i), partner = ut_scenes_partner (source, scene);
      for (const UtSceneTask *task = ut_scene_tasks + 1; task->name != NULL; task++)
        for (unsigned c = 0; task->categories[c].name != NULL; c++)
          {
            g_autoptr (GPtrArray) questions = ut_scenes_ask (source, scene, partner, task->categories[c].name);
            for (guint k = 0; k < questions->len; k++)
              check_question (scene, partner, questions->pdata[k]);
          }
    }
}

/* --- Presence ------------------------------------------------------------------------------------------------------------------------ */

static void
test_presence_is_true (void)
{
  for (unsigned i = 0; i < 300; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_TEST, i);
      for (unsigned c = 0; ut_scene_tasks[0].categories[c].name != NULL; c++)
        {
          g_autoptr (GPtrArray) questions = ut_scenes_ask (source, scene, NULL, ut_scene_tasks[0].categories[c].name);
          g_assert_cmpuint (questions->len, >=, 2);
          g_assert_cmpuint (questions->len % 2, ==, 0);
          for (guint k = 0; k < questions->len; k++)
            {
              const UtSceneQuestion *q = questions->pdata[k];
              g_assert_cmpint (q->answer, ==, (int) (k % 2));
              g_assert_cmpint (count_named (scene, q->question) > 0, ==, q->answer == 0);
              g_assert_cmpint (q->subject[0] >= 0, ==, q->answer == 0);
            }
        }
    }
}

/* How many of the training scenes hold the kind that each negative of a category names, on average. */
static double
mean_frequency (GPtrArray *training, const char *category)
{
  double sum = 0;
  unsigned n = 0;
  for (unsigned i = 0; i < 100; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_TEST, i);
      g_autoptr (GPtrArray) questions = ut_scenes_ask (source, scene, NULL, category);
      for (guint k = 1; k < questions->len; k += 2, n++)
        for (guint t = 0; t < training->len; t++)
          sum += count_named (training->pdata[t], ((UtSceneQuestion *) questions->pdata[k])->question) > 0 ? 1 : 0;
    }
  return sum / n;
}

/* What POPE's hard splits are for: their negatives are kinds that one has often seen. */
static void
test_negatives_are_hard (void)
{
  g_autoptr (GPtrArray) training = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_scene_free);
  for (unsigned i = 0; i < 300; i++)
    g_ptr_array_add (training, ut_scenes_make (source, UT_SPLIT_TRAIN, i));
  const double random = mean_frequency (training, "random");
  g_test_message ("random %g popular %g adversarial %g", random, mean_frequency (training, "popular"),
                  mean_frequency (training, "adversarial"));
  g_assert_cmpfloat (mean_frequency (training, "popular"), >, 1.4 * random);
  g_assert_cmpfloat (mean_frequency (training, "adversarial"), >, random);
}

/* --- Benchmarks ---------------------------------------------------------------------------------------------------------------------- */

static UtSceneBenchmark *
benchmark (const char *task, UtSplit split)
{
  g_autoptr (GError) error = NULL;
  UtSceneBenchmark *b = ut_scenes_benchmark (source, task, split, UT_SCENES_BENCHMARK_IMAGES, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (b->items->len, >=, 2000);
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal), images = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < b->items->len; i++)
    {
      const UtSceneItem *item = b->items->pdata[i];
      g_assert_true (g_hash_table_add (ids, item->id));
      g_hash_table_add (images, item->scene->id);
    }
  g_assert_cmpuint (g_hash_table_size (images), ==, UT_SCENES_BENCHMARK_IMAGES);
  return b;
}

static void
test_benchmark_presence (void)
{
  g_autoptr (UtSceneBenchmark) b = benchmark ("presence", UT_SPLIT_TEST);
  g_assert_cmpuint (b->items->len, ==, UT_SCENES_BENCHMARK_IMAGES * 18);
  unsigned n_yes = 0;
  for (guint i = 0; i < b->items->len; i++)
    {
      const UtSceneItem *item = b->items->pdata[i];
      n_yes += item->answer == 0 ? 1 : 0;
      g_assert_true (item->yes_no);
      g_assert_cmpstr (item->options[0], ==, "Yes");
      g_assert_cmpstr (item->labels[1], ==, "No");
      g_assert_cmpstr (item->category, ==, ut_scene_tasks[0].categories[i / 6 % 3].name);
    }
  g_assert_cmpuint (n_yes, ==, b->items->len / 2);
}

/* How often what a key stands for was offered, and how often it was right. */
typedef struct {
  unsigned right, offered;
} Seen;

typedef char *(*KeyOf) (const UtSceneItem *item, unsigned option);

static char *
option_alone (const UtSceneItem *item, unsigned option)
{
  return g_strdup_printf ("%s: %s", item->category, item->options[option]);
}

static char *
option_and_question (const UtSceneItem *item, unsigned option)
{
  return g_strdup_printf ("%s %s", item->question, item->options[option]);
}

static void
learn (GHashTable *seen, const UtSceneItem *item, KeyOf key_of)
{
  for (unsigned o = 0; o < 4; o++)
    {
      char *key = key_of (item, o);
      Seen *s = g_hash_table_lookup (seen, key);
      if (s == NULL)
        g_hash_table_insert (seen, g_strdup (key), s = g_new0 (Seen, 1));
      s->offered++;
      s->right += (int) o == item->answer ? 1 : 0;
      g_free (key);
    }
}

/* The answer of one who has seen other questions and answers, but never an image; 1 of 4 where nothing is known. */
static int
blind_answer (GHashTable *seen, const UtSceneItem *item, KeyOf key_of)
{
  int best = 0;
  double most = -1;
  for (unsigned o = 0; o < 4; o++)
    {
      g_autofree char *key = key_of (item, o);
      const Seen *s = g_hash_table_lookup (seen, key);
      const double share = s == NULL ? .25 : (s->right + .5) / (s->offered + 2);
      if (share > most)
        best = (int) o;
      most = fmax (share, most);
    }
  return best;
}

/* No category of the test benchmark can be answered without the image, by what the validation benchmark's answers were. */
static void
check_blind (const UtSceneTask *task, const UtSceneBenchmark *val, const UtSceneBenchmark *test, KeyOf key_of)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < val->items->len; i++)
    learn (seen, val->items->pdata[i], key_of);
  for (unsigned c = 0; task->categories[c].name != NULL; c++)
    {
      unsigned n = 0, n_right = 0;
      for (guint i = 0; i < test->items->len; i++)
        {
          const UtSceneItem *item = test->items->pdata[i];
          if (!g_str_equal (item->category, task->categories[c].name))
            continue;
          n++;
          n_right += blind_answer (seen, item, key_of) == item->answer ? 1 : 0;
        }
      g_test_message ("%s: %u of %u answered blindly", task->categories[c].name, n_right, n);
      g_assert_cmpfloat (n_right, <, .36 * n);
    }
}

static void
check_choices (const UtSceneTask *task, const UtSceneBenchmark *b)
{
  unsigned at[4] = { 0 };
  for (guint i = 0; i < b->items->len; i++)
    {
      const UtSceneItem *item = b->items->pdata[i];
      at[item->answer]++;
      g_assert_false (item->yes_no);
      g_assert_cmpstr (item->labels[3], ==, "D");
      g_assert_cmpint (item->partner != NULL, ==, g_str_equal (item->category, "pair"));
    }
  for (unsigned place = 0; place < 4; place++)
    g_assert_cmpfloat (fabs (at[place] - b->items->len / 4.0), <=, 2 * G_N_ELEMENTS (task->categories));
}

static void
test_benchmark_of_choices (gconstpointer data)
{
  const UtSceneTask *task = data;
  g_autoptr (UtSceneBenchmark) test = benchmark (task->name, UT_SPLIT_TEST), val = benchmark (task->name, UT_SPLIT_VAL);
  check_choices (task, test);
  check_blind (task, val, test, option_alone);
  check_blind (task, val, test, option_and_question);
}

/* --- Labels -------------------------------------------------------------------------------------------------------------------------- */

enum { RED, GREEN, BLUE };
enum { CIRCLE, SQUARE, TRIANGLE };

/* A red circle at the left border, a blue square under it, a green triangle to the right; 200 pixels a side. */
static UtScene *
known_scene (void)
{
  static UtScene scene = { .width = 200, .height = 200, .n_objects = 3 };
  scene.objects[0] = (UtSceneObject) { RED, CIRCLE, 0, 30, 50, 25 };
  scene.objects[1] = (UtSceneObject) { BLUE, SQUARE, 1, 50, 150, 25 };
  scene.objects[2] = (UtSceneObject) { GREEN, TRIANGLE, 2, 150, 50, 25 };
  return &scene;
}

static const UtSceneWhich any = { -1, -1, -1 }, red = { RED, -1, -1 }, blue = { BLUE, -1, -1 }, green = { GREEN, -1, -1 },
                          square = { -1, SQUARE, -1 };

static UtLabel
label (UtSceneForm form, UtSceneAttribute attribute, UtSceneWhich first, UtSceneWhich second, const UtGeometry *geometry)
{
  const UtSceneItem item = { .scene = known_scene (), .fact = { form, attribute, { first, second } } };
  return ut_scene_item_label (&item, geometry);
}

static UtGeometry
moved_by (double dx, double dy)
{
  return (UtGeometry) { .width = 200, .height = 200, .matrix = { { 1, 0, dx }, { 0, 1, dy } } };
}

/* Around the middle, counter-clockwise as one sees it. */
static UtGeometry
turned_by (double degrees)
{
  const double c = cos (degrees * G_PI / 180), s = sin (degrees * G_PI / 180);
  return (
      UtGeometry) { .width = 280, .height = 280, .matrix = { { c, s, 140 - 100 * (c + s) }, { -s, c, 140 - 100 * (c - s) } } };
}

static void
test_label_of_turned (void)
{
  const UtGeometry quarter = turned_by (90), eighth = turned_by (45);
  /* Top left comes to the bottom left, and what was to the right is then above. */
  g_assert_cmpint (label (UT_SCENE_POSITION, 0, red, any, &quarter), ==, UT_LABEL_CHANGED);
  g_assert_cmpint (label (UT_SCENE_RELATION, 0, green, red, &quarter), ==, UT_LABEL_CHANGED);
  g_assert_cmpint (label (UT_SCENE_RELATION, 0, green, red, &eighth), ==, UT_LABEL_DOUBTFUL);
  /* A square turned by a quarter is one; turned by an eighth it may be called a diamond, but it is still blue and there. */
  g_assert_cmpint (label (UT_SCENE_WHAT, UT_SCENE_SHAPE, blue, any, &quarter), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_WHAT, UT_SCENE_SHAPE, blue, any, &eighth), ==, UT_LABEL_DOUBTFUL);
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, square, any, &eighth), ==, UT_LABEL_DOUBTFUL);
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, blue, any, &eighth), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_N_ATTRIBUTES, any, any, &eighth), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_WHAT, UT_SCENE_SHAPE, red, any, &eighth), ==, UT_LABEL_HOLDS);
}

static void
test_label_of_hidden (void)
{
  UtGeometry g = moved_by (0, 0);
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_N_ATTRIBUTES, any, any, &g), ==, UT_LABEL_HOLDS);
  g.covered.right = g.covered.bottom = 90; /* all of the red circle */
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_N_ATTRIBUTES, any, any, &g), ==, UT_LABEL_CHANGED);
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &g), ==, UT_LABEL_CHANGED);
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, blue, any, &g), ==, UT_LABEL_HOLDS);
  g.covered.bottom = 50; /* half of it */
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &g), ==, UT_LABEL_DOUBTFUL);
  g_assert_cmpint (label (UT_SCENE_LEFT, UT_SCENE_COLOUR, red, any, &g), ==, UT_LABEL_HOLDS);
  g.covered.bottom = 32; /* a little of it */
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &g), ==, UT_LABEL_HOLDS);
}

static void
test_label_of_cut_off (void)
{
  const UtGeometry gone = moved_by (-60, 0), half = moved_by (-30, 0);
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &gone), ==, UT_LABEL_CHANGED);
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &half), ==, UT_LABEL_DOUBTFUL);
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, green, any, &gone), ==, UT_LABEL_HOLDS);
}

static void
test_label_of_rolled (void)
{
  UtGeometry g = moved_by (-30, 0);
  g.roll = UT_ROLL_X; /* half of the red circle is at the right border now */
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &g), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_WHAT, UT_SCENE_SHAPE, red, any, &g), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_COLOUR, red, any, &g), ==, UT_LABEL_DOUBTFUL);
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_COLOUR, blue, any, &g), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_POSITION, 0, red, any, &g), ==, UT_LABEL_DOUBTFUL);
  g = moved_by (-60, 0);
  g.roll = UT_ROLL_X; /* and all of it here */
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_COLOUR, red, any, &g), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_POSITION, 0, red, any, &g), ==, UT_LABEL_CHANGED);
  g_assert_cmpint (label (UT_SCENE_RELATION, 0, green, red, &g), ==, UT_LABEL_CHANGED);
}

static void
test_label_of_rolled_vertically (void)
{
  UtGeometry g = moved_by (0, -50);
  g.roll = UT_ROLL_Y; /* half of the red circle is at the lower border now */
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &g), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_COLOUR, red, any, &g), ==, UT_LABEL_DOUBTFUL);
  g = moved_by (0, -80);
  g.roll = UT_ROLL_Y; /* and all of it here: still on the left */
  g_assert_cmpint (label (UT_SCENE_COUNT, UT_SCENE_COLOUR, red, any, &g), ==, UT_LABEL_HOLDS);
  g_assert_cmpint (label (UT_SCENE_RELATION, 0, green, red, &g), ==, UT_LABEL_HOLDS);
  g.roll = UT_ROLL_NONE;
  g_assert_cmpint (label (UT_SCENE_PRESENT, 0, red, any, &g), ==, UT_LABEL_CHANGED);
}

static void
test_label_of_two_images (void)
{
  static UtScene other;
  other = *known_scene ();
  other.objects[0].colour = GREEN; /* the red circle is in the first alone */
  UtGeometry g = moved_by (0, 0);
  const UtSceneItem item
      = { .scene = known_scene (), .partner = &other, .fact = { UT_SCENE_IN_WHICH, UT_SCENE_COLOUR, { red, any } } };
  g_assert_cmpint (ut_scene_item_label (&item, &g), ==, UT_LABEL_HOLDS);
  g.covered.right = g.covered.bottom = 90;
  g_assert_cmpint (ut_scene_item_label (&item, &g), ==, UT_LABEL_CHANGED);
}

/* A smaller picture of the same shows the same, whatever is asked. */
static void
test_label_of_smaller (void)
{
  for (const UtSceneTask *task = ut_scene_tasks; task->name != NULL; task++)
    {
      g_autoptr (UtSceneBenchmark) b = ut_scenes_benchmark (source, task->name, UT_SPLIT_VAL, 30, NULL);
      for (guint i = 0; i < b->items->len; i++)
        {
          const UtSceneItem *item = b->items->pdata[i];
          const UtGeometry g
              = { .width = item->scene->width / 2, .height = item->scene->height / 2, .matrix = { { .5, 0, 0 }, { 0, .5, 0 } } };
          g_assert_cmpint (ut_scene_item_label (item, &g), ==, UT_LABEL_HOLDS);
        }
    }
}

static void
test_benchmark_unknown (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_scenes_benchmark (source, "presense", UT_SPLIT_TEST, 1, &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "presence"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  source = ut_scenes_new (UT_SCENES_SEED);
  g_test_add_func ("/scenes/deterministic", test_deterministic);
  g_test_add_func ("/scenes/splits-apart", test_splits_apart);
  g_test_add_func ("/scenes/partners", test_partners);
  g_test_add_func ("/scenes/no-overlap", test_no_overlap);
  g_test_add_func ("/scenes/colours-are-seen", test_colours_are_seen);
  g_test_add_func ("/scenes/answers-are-true", test_answers_are_true);
  g_test_add_func ("/scenes/presence-is-true", test_presence_is_true);
  g_test_add_func ("/scenes/negatives-are-hard", test_negatives_are_hard);
  g_test_add_func ("/scenes/benchmark-presence", test_benchmark_presence);
  g_test_add_data_func ("/scenes/benchmark-perception", &ut_scene_tasks[1], test_benchmark_of_choices);
  g_test_add_data_func ("/scenes/benchmark-reasoning", &ut_scene_tasks[2], test_benchmark_of_choices);
  g_test_add_func ("/scenes/benchmark-unknown", test_benchmark_unknown);
  g_test_add_func ("/scenes/label/turned", test_label_of_turned);
  g_test_add_func ("/scenes/label/hidden", test_label_of_hidden);
  g_test_add_func ("/scenes/label/cut-off", test_label_of_cut_off);
  g_test_add_func ("/scenes/label/rolled", test_label_of_rolled);
  g_test_add_func ("/scenes/label/rolled-vertically", test_label_of_rolled_vertically);
  g_test_add_func ("/scenes/label/two-images", test_label_of_two_images);
  g_test_add_func ("/scenes/label/smaller", test_label_of_smaller);
  const int status = g_test_run ();
  ut_scenes_free (source);
  return status;
}
