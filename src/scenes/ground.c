/* What the objects of a scene lie on. A ground is a field of tones about −1 to 1 that goes from one greyish colour to another. */
#include "scenes/paint.h"

typedef struct {
  int width, height;
  float *tones; /* [height, width] */
} Field;

typedef struct {
  int *cell;     /* of each column: the lattice point to its left */
  float *weight; /* and how far it is on the way to the next */
} Columns;

/* The lattice's row as seen at every column: points in between are blended. */
static void
blend_row (const float *points, const Columns *columns, int width, float *out)
{
  for (int x = 0; x < width; x++)
    {
      const float *p = points + columns->cell[x];
      out[x] = p[0] + columns->weight[x] * (p[1] - p[0]);
    }
}

static void
random_points (UtRng *rng, float *points, int n, float amplitude)
{
  for (int i = 0; i < n; i++)
    points[i] = ut_between (rng, -amplitude, amplitude);
}

/* Adds smooth noise: random values on a lattice of steps of so many pixels, blended between its points. */
static void
add_noise (Field *field, float step_x, float step_y, float amplitude, UtRng *rng)
{
  const int w = field->width, n = (int) ((float) w / step_x) + 3;
  const float phase_x = ut_between (rng, 0, 1), phase_y = ut_between (rng, 0, 1);
  g_autofree int *cell = g_new (int, w);
  g_autofree float *weight = g_new (float, w), *points = g_new (float, n), *above = g_new (float, w), *below = g_new (float, w);
  const Columns columns = { cell, weight };
  for (int x = 0; x < w; x++)
    {
      const float at = phase_x + (float) x / step_x;
      cell[x] = (int) at;
      weight[x] = ut_step (at - (float) cell[x]);
    }
  int row = -1;
  for (int y = 0; y < field->height; y++)
    {
      const float at = phase_y + (float) y / step_y;
      for (; row < (int) at + 1; row++)
        {
          float *kept = above;
          above = below;
          below = kept;
          random_points (rng, points, n, amplitude);
          blend_row (points, &columns, w, below);
        }
      const float t = ut_step (at - (float) (int) at);
      float *out = field->tones + (ptrdiff_t) y * w;
      for (int x = 0; x < w; x++)
        out[x] += above[x] + t * (below[x] - above[x]);
    }
}

/* Noise at scales that halve from `step` pixels down to 4, the amplitude falling by `fall` each time. */
static void
add_octaves (Field *field, float step, float amplitude, float fall, UtRng *rng)
{
  for (; step >= 4; step /= 2, amplitude *= fall)
    add_noise (field, step, step, amplitude, rng);
}

static void
make_plaster (Field *field, UtRng *rng)
{
  add_octaves (field, ut_between (rng, 40, 110), .8f, ut_between (rng, .45, .85), rng);
}

/* Grain along one side, bent by slow noise. */
static void
make_wood (Field *field, UtRng *rng)
{
  const gboolean upright = ut_rng_below (rng, 2) == 0;
  const float along = ut_between (rng, 90, 200), across = ut_between (rng, 18, 40), period = ut_between (rng, 14, 36);
  add_noise (field, upright ? across : along, upright ? along : across, ut_between (rng, .5, 1.4), rng);
  for (int y = 0; y < field->height; y++)
    for (int x = 0; x < field->width; x++)
      {
        float *tone = field->tones + (ptrdiff_t) y * field->width + x;
        *tone = .6f * ut_wave ((float) (upright ? x : y) / period + *tone);
      }
  add_noise (field, upright ? 3 : 40, upright ? 40 : 3, .5f, rng);
}

/* Rows of stones of their own tones with joints between them; in a bond every other row is moved by half a stone. */
static void
make_stones (Field *field, int width, int height, gboolean bond, UtRng *rng)
{
  const int joint = 1 + (int) ut_rng_below (rng, 3);
  const float joint_tone = ut_rng_below (rng, 2) == 0 ? -1.2f : 1.2f;
  const int n = field->width / width + 3, left = (int) ut_rng_below (rng, (uint64_t) width),
            top = (int) ut_rng_below (rng, (uint64_t) height);
  g_autofree float *stones = g_new (float, n);
  for (int y = 0, row = -1; y < field->height; y++)
    {
      if ((y + top) / height != row)
        {
          row = (y + top) / height;
          random_points (rng, stones, n, .7f);
        }
      const int start = left + (bond && row % 2 == 1 ? width / 2 : 0);
      for (int x = 0; x < field->width; x++)
        {
          const gboolean in_joint = (y + top) % height < joint || (x + start) % width < joint;
          field->tones[(ptrdiff_t) y * field->width + x] += in_joint ? joint_tone : stones[(x + start) / width];
        }
    }
  add_octaves (field, 24, .25f, .8f, rng);
}

static void
make_bricks (Field *field, UtRng *rng)
{
  const int height = 14 + (int) ut_rng_below (rng, 22);
  make_stones (field, 2 * height + (int) ut_rng_below (rng, 20), height, TRUE, rng);
}

static void
make_tiles (Field *field, UtRng *rng)
{
  const int side = 24 + (int) ut_rng_below (rng, 60);
  make_stones (field, side, side, FALSE, rng);
}

/* Wide soft stripes both ways over a weave. */
static void
make_cloth (Field *field, UtRng *rng)
{
  const float warp = ut_between (rng, 24, 70), weft = ut_between (rng, 24, 70), depth = ut_between (rng, .1, .5);
  for (int y = 0; y < field->height; y++)
    for (int x = 0; x < field->width; x++)
      field->tones[(ptrdiff_t) y * field->width + x] = depth * (ut_wave ((float) x / warp) + ut_wave ((float) y / weft));
  add_noise (field, 2.5f, 14, .3f, rng);
  add_noise (field, 14, 2.5f, .3f, rng);
}

static void
make_smooth (Field *field, UtRng *rng)
{
  add_noise (field, 120, 120, .8f, rng);
}

/* A grey, dark or light or between, a little warm or cold. */
static void
ground_colour (UtRng *rng, float colour[3])
{
  static const float ranges[][2] = { { .10f, .32f }, { .10f, .32f }, { .64f, .90f }, { .64f, .90f }, { .38f, .58f } };
  static const float warmth[] = { .09f, .02f, -.07f };
  const float *range = ranges[ut_rng_below (rng, G_N_ELEMENTS (ranges))];
  const float grey = ut_between (rng, range[0], range[1]), warm = ut_between (rng, -.6, 1);
  for (int c = 0; c < 3; c++)
    colour[c] = grey + warm * warmth[c] + ut_between (rng, -.02, .02);
}

void
ut_paint_ground (UtCanvas *canvas, UtRng *rng)
{
  static void (*const makers[]) (Field *, UtRng *)
      = { make_plaster, make_wood, make_bricks, make_tiles, make_cloth, make_smooth };
  const ptrdiff_t n = (ptrdiff_t) canvas->width * canvas->height;
  g_autofree float *tones = g_new0 (float, n);
  Field field = { canvas->width, canvas->height, tones };
  float colour[3], slope[2], contrast[3];
  ground_colour (rng, colour);
  ut_direction (rng, slope);
  const float depth = ut_between (rng, .03, .12), tilt = ut_between (rng, 0, 1.2);
  for (int c = 0; c < 3; c++)
    contrast[c] = depth * ut_between (rng, .8, 1.2);
  makers[ut_rng_below (rng, G_N_ELEMENTS (makers))](&field, rng);
  for (int y = 0; y < canvas->height; y++)
    for (int x = 0; x < canvas->width; x++)
      {
        const ptrdiff_t i = (ptrdiff_t) y * canvas->width + x;
        const float u = (float) x / (float) canvas->width - .5f, v = (float) y / (float) canvas->height - .5f;
        const float tone = tones[i] + tilt * (slope[0] * u + slope[1] * v);
        for (int c = 0; c < 3; c++)
          canvas->rgb[3 * i + c] = colour[c] + contrast[c] * tone;
      }
}
