/* What the painters of a scene share. Private to this folder.
 *
 * Everything is painted with additions, multiplications, divisions and square roots, which are the same on every machine; the C
 * library's sines and powers are not. */
#pragma once
#include "base/rng.h"
#include "scenes/scenes.h"

typedef struct {
  int width, height;
  float *rgb; /* [height, width, 3], 0 to 1 within what a camera sees */
} UtCanvas;

static inline float
ut_between (UtRng *rng, double low, double high)
{
  return (float) (low + (high - low) * ut_rng_uniform (rng));
}

/* A direction, all equally likely: [2], of length 1. */
void ut_direction (UtRng *rng, float out[2]);

/* A periodic function of period 1 between −1 and 1, with straight flanks: −1 at whole numbers, 1 between them. */
static inline float
ut_wave (float t)
{
  const float whole = (float) (int) t, rest = t - whole + (t < whole ? 1 : 0);
  return 1 - 2 * (rest < .5f ? 1 - 2 * rest : 2 * rest - 1);
}

/* 0 up to 0, 1 from 1, smooth between them. */
static inline float
ut_step (float t)
{
  t = t < 0 ? 0 : t > 1 ? 1 : t;
  return t * t * (3 - 2 * t);
}

/* The distance from (x, y) to the outline of a shape of radius 1 around the origin, y down; negative inside. */
float ut_outline_distance (unsigned shape, float x, float y);

/* Fills the canvas with a ground: plaster, wood, bricks, tiles, cloth. Its colours are greyish, never near an object's. */
void ut_paint_ground (UtCanvas *canvas, UtRng *rng);

/* Paints the objects as they lie on the ground: their shadows, then themselves. `light` is where the light comes from, in pixels. */
void ut_paint_objects (UtCanvas *canvas, const UtScene *scene, const float light[2], UtRng *rng);
