/* Choosing among questions so that no answer stands out. Private to this folder. */
#pragma once
#include "scenes/statistics.h"

/* How often a form was asked (for one attribute), and how often each of its answers was the right one. */
typedef struct {
  unsigned forms[UT_SCENE_N_FORMS * (UT_SCENE_N_ATTRIBUTES + 1)];
  unsigned answers[UT_SCENE_N_FORMS * (UT_SCENE_N_ATTRIBUTES + 1)][UT_SCENE_KINDS];
} UtSceneUse;

/* Takes a question out of the list, which is not empty: one with the answer least used so far, and of those one of the form least used;
 * and counts it. The caller owns it. */
UtSceneQuestion *ut_scene_take_least_used (GPtrArray *questions, UtSceneUse *use);
