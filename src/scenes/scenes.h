/* Rendered scenes: coloured and patterned shapes on photograph-like grounds, with questions whose answers are known. The bundled
 * models are trained on them and the bundled benchmarks are made of them.
 *
 * Everything follows from (seed, split, index): the same three values give the same pixels and questions. Splits draw from disjoint
 * streams, so a test scene is never a training scene. */
#pragma once
#include <glib.h>
#include <stdint.h>

#include "image/image.h"
#include "perturb/perturb.h"

typedef enum { UT_SPLIT_TRAIN, UT_SPLIT_VAL, UT_SPLIT_TEST } UtSplit;

/* NULL-terminated, in the order of UtSplit. */
extern const char *const ut_split_names[];

constexpr unsigned UT_SCENE_COLOURS = 6;
constexpr unsigned UT_SCENE_SHAPES = 6;
constexpr unsigned UT_SCENE_TEXTURES = 4;
constexpr unsigned UT_SCENE_KINDS = UT_SCENE_COLOURS * UT_SCENE_SHAPES; /* "red circle", …: what a presence question asks for */
constexpr unsigned UT_SCENE_MAX_OBJECTS = 6;

/* The seed of the bundled benchmarks and of the bundled models' training scenes. */
constexpr uint64_t UT_SCENES_SEED = 0;

extern const char *const ut_scene_colours[UT_SCENE_COLOURS];
extern const char *const ut_scene_shapes[UT_SCENE_SHAPES];
extern const char *const ut_scene_textures[UT_SCENE_TEXTURES];

typedef struct {
  unsigned colour, shape, texture; /* indices of the tables above; UT_SCENE_SHAPES: a shape without a name */
  double x, y;                     /* centre, pixels */
  double radius;                   /* its size, pixels: a circle's radius; no shape reaches beyond UT_SCENE_REACH times as far */
} UtSceneObject;

constexpr double UT_SCENE_REACH = 1.25;

/* The kind of an object: an index below UT_SCENE_KINDS. */
unsigned ut_scene_kind (const UtSceneObject *object);

typedef struct {
  char *id; /* "test-000017", its partner "test-000017-b": the image id of its questions */
  UtSplit split;
  uint64_t seed, index;
  int width, height; /* multiples of 32: of two patches of the bundled models, merged */
  unsigned n_objects;
  UtSceneObject objects[2 * UT_SCENE_MAX_OBJECTS]; /* as many as that only where a perturbation cuts objects in two */
} UtScene;

void ut_scene_free (UtScene *scene);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtScene, ut_scene_free)

/* A source of scenes of one seed, with the frequency and co-occurrence statistics of its training split, which the hard negatives
 * are drawn from. */
typedef struct _UtScenes UtScenes;

UtScenes *ut_scenes_new (uint64_t seed);
void ut_scenes_free (UtScenes *scenes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtScenes, ut_scenes_free)

UtScene *ut_scenes_make (const UtScenes *scenes, UtSplit split, uint64_t index);

/* The second image of a scene's questions on two images: equally large, drawn from a stream of its own. */
UtScene *ut_scenes_partner (const UtScenes *scenes, const UtScene *scene);

/* Renders a scene. */
UtImage *ut_scene_draw (const UtScene *scene, GError **error);

/* What a question asks about: its form, the attribute it asks for, the objects it names. Its answer is a function of the objects. */
typedef enum { UT_SCENE_COLOUR, UT_SCENE_SHAPE, UT_SCENE_TEXTURE, UT_SCENE_N_ATTRIBUTES } UtSceneAttribute;

typedef enum {
  UT_SCENE_PRESENT,   /* is there a …: 0 yes, 1 no */
  UT_SCENE_WHAT,      /* the attribute of the only …: its value */
  UT_SCENE_COUNT,     /* how many … there are */
  UT_SCENE_LARGEST,   /* the kind of the largest object */
  UT_SCENE_SMALLEST,  /* the kind of the smallest object */
  UT_SCENE_POSITION,  /* the quarter of the image the only … is in */
  UT_SCENE_RELATION,  /* where the only … lies as the only … sees it */
  UT_SCENE_MORE,      /* 0: more of the first named, 1: of the second, 2: equally many */
  UT_SCENE_MOST,      /* the attribute's most frequent value */
  UT_SCENE_LEFT,      /* how many objects there are besides … */
  UT_SCENE_IN_WHICH,  /* images with a …: 0 the first, 1 the second, 2 both, 3 neither */
  UT_SCENE_IN_COMMON, /* the only value of the attribute that is in both images */
  UT_SCENE_TOGETHER,  /* how many … there are in both images */
  UT_SCENE_N_FORMS
} UtSceneForm;

/* Objects with these values; -1 for any. */
typedef struct {
  int colour, shape, texture;
} UtSceneWhich;

typedef struct {
  UtSceneForm form;
  UtSceneAttribute attribute;
  UtSceneWhich which[2];
} UtSceneFact;

/* The answer, as UtSceneForm says, or -1 where it is open to doubt. `second` may be NULL where the form asks of one image. Sizes and
 * places must differ clearly: `clarity` is 1 for what is asked and may be less, down to 0, for what is only held against an answer. */
int ut_scene_fact_answer (const UtSceneFact *fact, const UtScene *scene, const UtScene *second, double clarity);

/* One question on a scene, or on a scene and its partner. */
typedef struct {
  const char *category;
  char *question;
  char **options; /* NULL-terminated: Yes and No, or four texts in shuffled order */
  int answer;     /* an index of the options */
  int subject
      [2]; /* the objects the question names, in the order of their mention, or looks for; -1 where none (or an absent one),
                   * and where it is about several or about two images */
  UtSceneFact fact;
  int right; /* what ut_scene_fact_answer () gives */
} UtSceneQuestion;

void ut_scene_question_free (UtSceneQuestion *question);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtSceneQuestion, ut_scene_question_free)

/* A task of the bundled benchmarks, and its categories, each with so many questions an image. No category is in two tasks. */
typedef struct {
  const char *name;
  const char *summary;
  struct {
    const char *name;
    unsigned n_questions;
  } categories[8]; /* terminated by a row whose name is NULL */
} UtSceneTask;

/* presence, perception, reasoning; terminated by a row whose name is NULL. */
extern const UtSceneTask ut_scene_tasks[];

/* Questions of one category that the scene can answer without doubt; none where it has too little for them. UtSceneQuestion *.
 *
 * random, popular, adversarial: built as POPE builds them, up to three kinds that are there and as many that are not, drawn at
 * random, from the most frequent kinds, or from those that most often come with what is there; yes and no alternate, and the present
 * kinds are the same in the three. Other categories: every question there is, in an order in which forms and answers vary. `partner` is needed by `pair` alone,
 * which asks nothing where it is NULL. */
GPtrArray *ut_scenes_ask (const UtScenes *scenes, const UtScene *scene, const UtScene *partner, const char *category);

/* One item of a bundled benchmark. */
typedef struct {
  char *id;               /* unique: "presence/test-000017/random-1" */
  const UtScene *scene;   /* its id is the image id */
  const UtScene *partner; /* the second image, or NULL */
  const char *category;
  char *question;
  char **options;
  char **labels; /* A, B, C, D; Yes and No of a presence question */
  int answer;
  gboolean yes_no;
  UtSceneFact fact;
} UtSceneItem;

typedef struct {
  GPtrArray *scenes; /* UtScene *, and the partners of those that have questions on two images, each after its scene */
  GPtrArray *items;  /* UtSceneItem *, scene by scene */
} UtSceneBenchmark;

void ut_scene_benchmark_free (UtSceneBenchmark *benchmark);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtSceneBenchmark, ut_scene_benchmark_free)

/* What becomes of an item's right answer when its images are perturbed. */
typedef enum { UT_LABEL_HOLDS, UT_LABEL_CHANGED, UT_LABEL_DOUBTFUL } UtLabel;

/* Answers the item's question anew from the objects as the geometry leaves them: moved, turned, cut off, covered, cut in two by a roll.
 * An object that is seen in part may or may not count, a square turned towards a diamond may or may not be one, so there may be more
 * than one answer: the right one holds where it is the only one, has changed where it is none of them, and is open to doubt otherwise. */
UtLabel ut_scene_item_label (const UtSceneItem *item, const UtGeometry *geometry);

/* The number of images of a bundled benchmark, partners not counted. */
constexpr unsigned UT_SCENES_BENCHMARK_IMAGES = 350;

/* The first `n_images` scenes of a split that can be asked every question of the task. The right answer of a question with four
 * options stands in each of the four places equally often, and the answers themselves are as evenly used as the scenes allow.
 * UT_ERROR_USAGE for an unknown name. */
UtSceneBenchmark *ut_scenes_benchmark (const UtScenes *scenes, const char *task, UtSplit split, unsigned n_images,
                                       GError **error);
