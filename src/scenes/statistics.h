/* What comes with what in the training scenes. Private to this folder. */
#pragma once
#include "scenes/scenes.h"

struct _UtScenes {
  uint64_t seed;
  unsigned frequency[UT_SCENE_KINDS];                /* training scenes with the kind */
  unsigned together[UT_SCENE_KINDS][UT_SCENE_KINDS]; /* training scenes with both */
};

/* "red circle". */
char *ut_scene_kind_name (unsigned kind);
