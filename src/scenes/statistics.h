/* What comes with what in the training scenes, and what objects have. Private to this folder. */
#pragma once
#include "scenes/scenes.h"

struct _UtScenes {
  uint64_t seed;
  unsigned frequency[UT_SCENE_KINDS];                /* training scenes with the kind */
  unsigned together[UT_SCENE_KINDS][UT_SCENE_KINDS]; /* training scenes with both */
};

/* The values an attribute can have: their number and names. */
typedef struct {
  const char *word; /* as a question has it */
  unsigned n;
  const char *const *names;
} UtSceneValues;

extern const UtSceneValues ut_scene_values[UT_SCENE_N_ATTRIBUTES];

unsigned ut_scene_value (const UtSceneObject *object, UtSceneAttribute attribute);

/* Objects with one value of one attribute. */
UtSceneWhich ut_scene_with_value (UtSceneAttribute attribute, unsigned value);
UtSceneWhich ut_scene_with_kind (unsigned kind);
constexpr UtSceneWhich UT_SCENE_ANY = { -1, -1, -1 };

/* How many of the scene's objects those are, and the first of them, -1 where there is none. */
unsigned ut_scene_count (const UtScene *scene, UtSceneWhich which);
int ut_scene_find (const UtScene *scene, UtSceneWhich which);

/* The object an answer of the forms `largest` and `smallest` is about, -1 where that is open to doubt. */
int ut_scene_extreme (const UtScene *scene, gboolean largest, double clarity);
