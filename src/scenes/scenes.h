/* Rendered scenes: coloured shapes on plain and textured backgrounds, with questions whose answers are known. The bundled model is
 * trained on them and the bundled benchmarks are made of them.
 *
 * Everything follows from (seed, split, index): the same three values give the same pixels and questions. Splits draw from disjoint
 * streams, so a test scene is never a training scene. */
#pragma once
#include <glib.h>
#include <stdint.h>

#include "image/image.h"

typedef enum { UT_SPLIT_TRAIN, UT_SPLIT_VAL, UT_SPLIT_TEST } UtSplit;

/* NULL-terminated, in the order of UtSplit. */
extern const char *const ut_split_names[];

constexpr unsigned UT_SCENE_COLOURS = 6;
constexpr unsigned UT_SCENE_SHAPES = 6;
constexpr unsigned UT_SCENE_KINDS = UT_SCENE_COLOURS * UT_SCENE_SHAPES; /* "red circle", …: what a presence question asks for */
constexpr unsigned UT_SCENE_MAX_OBJECTS = 5;

/* The seed of the bundled benchmarks and of the bundled model's training scenes. */
constexpr uint64_t UT_SCENES_SEED = 0;

extern const char *const ut_scene_colours[UT_SCENE_COLOURS];
extern const char *const ut_scene_shapes[UT_SCENE_SHAPES];

typedef struct {
  unsigned colour, shape; /* indices of the tables above */
  double x, y, radius;    /* centre and circumscribed circle, pixels */
} UtSceneObject;

/* The kind of an object: an index below UT_SCENE_KINDS. */
unsigned ut_scene_kind (const UtSceneObject *object);

/* One question on a scene. */
typedef struct {
  const char *category; /* random, popular, adversarial of presence; colour, shape, count, relation of perception */
  char *question;
  char **options; /* NULL-terminated: Yes and No, or four texts in shuffled order */
  int answer;
  int subject[2]; /* the objects the question names, in the order of their mention; -1 where none (or an absent one) */
} UtSceneQuestion;

typedef struct {
  char *id; /* "test-000017": the image id of its questions */
  UtSplit split;
  uint64_t seed, index;
  int width, height;
  unsigned n_objects;
  UtSceneObject objects[UT_SCENE_MAX_OBJECTS];
} UtScene;

void ut_scene_free (UtScene *scene);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtScene, ut_scene_free)

void ut_scene_question_free (UtSceneQuestion *question);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtSceneQuestion, ut_scene_question_free)

/* A source of scenes of one seed, with the frequency and co-occurrence statistics of its training split, which the hard negatives
 * are drawn from. */
typedef struct _UtScenes UtScenes;

UtScenes *ut_scenes_new (uint64_t seed);
void ut_scenes_free (UtScenes *scenes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtScenes, ut_scenes_free)

UtScene *ut_scenes_make (const UtScenes *scenes, UtSplit split, uint64_t index);

/* Renders a scene. */
UtImage *ut_scene_draw (const UtScene *scene, GError **error);

/* Presence questions of one category, built as POPE builds them: up to three kinds that are there and as many that are not, drawn
 * at random, from the most frequent kinds, or from those that most often come with what is there. The present kinds are the same in
 * the three categories. UtSceneQuestion *, yes and no alternating; fewer than six where the scene has fewer than three kinds. */
GPtrArray *ut_scenes_presence (const UtScenes *scenes, const UtScene *scene, const char *category);

/* Perception questions of one category: every one the scene can answer without doubt, in shuffled order. UtSceneQuestion *. */
GPtrArray *ut_scenes_perception (const UtScene *scene, const char *category);

/* NULL-terminated category names of the two benchmarks. */
extern const char *const ut_presence_categories[];
extern const char *const ut_perception_categories[];

/* One item of a bundled benchmark. */
typedef struct {
  char *id;       /* unique: "presence/test-000017/random-yes" */
  UtScene *scene; /* its id is the image id; items of one scene share it, borrowed from the list */
  const char *category;
  char *question;
  char **options;
  char **labels; /* A, B, C, D; Yes and No of a presence question */
  int answer;
  gboolean yes_no;
} UtSceneItem;

typedef struct {
  GPtrArray *scenes; /* UtScene * */
  GPtrArray *items;  /* UtSceneItem *, scene by scene */
} UtSceneBenchmark;

void ut_scene_benchmark_free (UtSceneBenchmark *benchmark);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtSceneBenchmark, ut_scene_benchmark_free)

/* The number of images of a bundled benchmark, each with six presence or four perception questions. */
constexpr unsigned UT_SCENES_BENCHMARK_IMAGES = 100;

/* NULL-terminated names of the bundled benchmarks: presence, perception. */
extern const char *const ut_scenes_benchmarks[];

/* The first `n_images` scenes of a split that can be asked every question of the benchmark. Presence: for each of the three
 * categories one kind that is there and one that is not. Perception: one question of each category; the right answer stands in each
 * of the four places equally often. UT_ERROR_USAGE for an unknown name. */
UtSceneBenchmark *ut_scenes_benchmark (const UtScenes *scenes, const char *name, UtSplit split, unsigned n_images, GError **error);
