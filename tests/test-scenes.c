/* scenes: determinism, splits that never meet, questions whose answers hold, balanced benchmarks. */
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
  const unsigned counts[] = { [UT_SPLIT_TRAIN] = 3000, [UT_SPLIT_VAL] = 600, [UT_SPLIT_TEST] = 600 };
  for (unsigned split = 0; ut_split_names[split] != NULL; split++)
    for (unsigned i = 0; i < counts[split]; i++)
      {
        g_autoptr (UtScene) scene = ut_scenes_make (source, (UtSplit) split, i);
        g_assert_true (g_hash_table_add (seen, hash_image (scene)));
      }
}

static void
test_no_overlap (void)
{
  for (unsigned i = 0; i < 500; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_VAL, i);
      g_assert_cmpint (scene->width % 16 + scene->height % 16, ==, 0);
      g_assert_cmpuint (scene->n_objects, >=, 1);
      for (unsigned a = 0; a < scene->n_objects; a++)
        {
          const UtSceneObject *o = &scene->objects[a];
          g_assert_true (o->x >= o->radius && o->x <= scene->width - o->radius);
          g_assert_true (o->y >= o->radius && o->y <= scene->height - o->radius);
          g_assert_cmpfloat (o->radius, >=, 10); /* wider than two patches of the bundled model */
          for (unsigned b = 0; b < a; b++)
            g_assert_cmpfloat (hypot (o->x - scene->objects[b].x, o->y - scene->objects[b].y), >, o->radius + scene->objects[b].radius);
        }
    }
}

/* Whether the scene holds the kind that a presence question names. */
static gboolean
holds (const UtScene *scene, const char *question)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const UtSceneObject *o = &scene->objects[i];
      g_autofree char *name = g_strdup_printf (" %s %s ", ut_scene_colours[o->colour], ut_scene_shapes[o->shape]);
      if (strstr (question, name) != NULL)
        return TRUE;
    }
  return FALSE;
}

static void
test_presence_is_true (void)
{
  for (unsigned i = 0; i < 300; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_TEST, i);
      for (unsigned c = 0; ut_presence_categories[c] != NULL; c++)
        {
          g_autoptr (GPtrArray) questions = ut_scenes_presence (source, scene, ut_presence_categories[c]);
          g_assert_cmpuint (questions->len, >=, 2);
          g_assert_cmpuint (questions->len % 2, ==, 0);
          for (guint k = 0; k < questions->len; k++)
            {
              const UtSceneQuestion *q = questions->pdata[k];
              g_assert_cmpint (q->answer, ==, (int) (k % 2));
              g_assert_cmpint (holds (scene, q->question), ==, q->answer == 0);
              g_assert_cmpint (q->subject[0] >= 0, ==, q->answer == 0);
            }
        }
    }
}

/* The right option of a perception question, found by itself from the objects it names. */
static const char *
true_answer (const UtScene *scene, const UtSceneQuestion *q)
{
  const UtSceneObject *a = q->subject[0] >= 0 ? &scene->objects[q->subject[0]] : NULL;
  if (g_str_equal (q->category, "colour"))
    return ut_scene_colours[a->colour];
  if (g_str_equal (q->category, "shape"))
    return ut_scene_shapes[a->shape];
  if (g_str_equal (q->category, "relation"))
    {
      const UtSceneObject *b = &scene->objects[q->subject[1]];
      if (fabs (a->x - b->x) > fabs (a->y - b->y))
        return a->x < b->x ? "left" : "right";
      return a->y < b->y ? "above" : "below";
    }
  static const char *const numbers[] = { "0", "1", "2", "3", "4", "5" };
  unsigned n = 0;
  for (unsigned i = 0; i < scene->n_objects; i++)
    n += strstr (q->question, "objects") != NULL || strstr (q->question, ut_scene_shapes[scene->objects[i].shape]) != NULL ? 1 : 0;
  return numbers[n];
}

static void
test_perception_is_true (void)
{
  for (unsigned i = 0; i < 300; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (source, UT_SPLIT_TEST, i);
      for (unsigned c = 0; ut_perception_categories[c] != NULL; c++)
        {
          g_autoptr (GPtrArray) questions = ut_scenes_perception (scene, ut_perception_categories[c]);
          for (guint k = 0; k < questions->len; k++)
            {
              const UtSceneQuestion *q = questions->pdata[k];
              g_assert_cmpuint (g_strv_length (q->options), ==, 4);
              g_assert_cmpstr (q->options[q->answer], ==, true_answer (scene, q));
              for (int o = 0; o < 4; o++)
                for (int p = 0; p < o; p++)
                  g_assert_cmpstr (q->options[o], !=, q->options[p]);
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
      g_autoptr (GPtrArray) questions = ut_scenes_presence (source, scene, category);
      for (guint k = 1; k < questions->len; k += 2, n++)
        for (guint t = 0; t < training->len; t++)
          sum += holds (training->pdata[t], ((UtSceneQuestion *) questions->pdata[k])->question) ? 1 : 0;
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
  g_assert_cmpfloat (mean_frequency (training, "popular"), >, 1.5 * random);
  g_assert_cmpfloat (mean_frequency (training, "adversarial"), >, random);
}

static void
test_benchmark_presence (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtSceneBenchmark) b = ut_scenes_benchmark (source, "presence", UT_SPLIT_TEST, 100, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (b->scenes->len, ==, 100);
  g_assert_cmpuint (b->items->len, ==, 600);
  g_autoptr (GHashTable) asked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  unsigned n_yes = 0;
  for (guint i = 0; i < b->items->len; i++)
    {
      const UtSceneItem *item = b->items->pdata[i];
      n_yes += item->answer == 0 ? 1 : 0;
      g_assert_true (item->yes_no);
      g_assert_cmpstr (item->options[0], ==, "Yes");
      g_assert_cmpstr (item->labels[1], ==, "No");
      g_assert_true (g_hash_table_add (asked, g_strconcat (item->scene->id, item->question, NULL)));
      g_assert_true (g_hash_table_add (asked, g_strdup (item->id)));
    }
  g_assert_cmpuint (n_yes, ==, 300);
}

static void
test_benchmark_perception (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtSceneBenchmark) b = ut_scenes_benchmark (source, "perception", UT_SPLIT_TEST, 100, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (b->items->len, ==, 400);
  unsigned at[4] = { 0 };
  for (guint i = 0; i < b->items->len; i++)
    {
      const UtSceneItem *item = b->items->pdata[i];
      at[item->answer]++;
      g_assert_false (item->yes_no);
      g_assert_cmpstr (item->labels[3], ==, "D");
      g_assert_cmpstr (item->category, ==, ut_perception_categories[i % 4]);
    }
  for (unsigned place = 0; place < 4; place++)
    g_assert_cmpuint (at[place], ==, 100);
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
  g_test_add_func ("/scenes/no-overlap", test_no_overlap);
  g_test_add_func ("/scenes/presence-is-true", test_presence_is_true);
  g_test_add_func ("/scenes/perception-is-true", test_perception_is_true);
  g_test_add_func ("/scenes/negatives-are-hard", test_negatives_are_hard);
  g_test_add_func ("/scenes/benchmark-presence", test_benchmark_presence);
  g_test_add_func ("/scenes/benchmark-perception", test_benchmark_perception);
  g_test_add_func ("/scenes/benchmark-unknown", test_benchmark_unknown);
  const int status = g_test_run ();
  ut_scenes_free (source);
  return status;
}
