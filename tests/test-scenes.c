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
  const unsigned counts[] = { [UT_SPLIT_TRAIN] = 600, [UT_SPLIT_VAL] = 150, [UT_SPLIT_TEST] = 150 };
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
      g_assert_cmpint (scene->width % 32 + scene->height % 32, ==, 0);
      g_assert_cmpint (MAX (scene->width, scene->height), <=, MIN (512, 2 * MIN (scene->width, scene->height)));
      g_assert_cmpuint (scene->n_objects, >=, 1);
      for (unsigned a = 0; a < scene->n_objects; a++)
        {
          const UtSceneObject *o = &scene->objects[a];
          g_assert_true (o->x >= o->radius && o->x <= scene->width - o->radius);
          g_assert_true (o->y >= o->radius && o->y <= scene->height - o->radius);
          g_assert_cmpfloat (o->radius, >=, 20); /* wider than two patches of the bundled models */
          for (unsigned b = 0; b < a; b++)
            g_assert_cmpfloat (hypot (o->x - scene->objects[b].x, o->y - scene->objects[b].y), >,
                               o->radius + scene->objects[b].radius);
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
  g_test_add_func ("/scenes/no-overlap", test_no_overlap);
  g_test_add_func ("/scenes/benchmark-unknown", test_benchmark_unknown);
  const int status = g_test_run ();
  ut_scenes_free (source);
  return status;
}
