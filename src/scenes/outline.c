/* The outlines of the shapes. */
#include <math.h>

#include "scenes/paint.h"

/* Outlines around the origin for radius 1, y down; sized so that shapes of one radius look equally large. None reaches beyond
 * UT_SCENE_REACH. */
static const float square[][2] = { { -.85f, -.85f }, { .85f, -.85f }, { .85f, .85f }, { -.85f, .85f } };
static const float triangle[][2] = { { 0, -1.25f }, { 1.0825f, .625f }, { -1.0825f, .625f } };
static const float star[][2]
    = { { 0, -1.2f }, { .3233f, -.445f },  { 1.1413f, -.3708f }, { .5231f, .17f },      { .7053f, .9708f },
        { 0, .55f },  { -.7053f, .9708f }, { -.5231f, .17f },    { -1.1413f, -.3708f }, { -.3233f, -.445f } };
static const float cross[][2] = { { -.36f, -1 }, { .36f, -1 }, { .36f, -.36f }, { 1, -.36f }, { 1, .36f },   { .36f, .36f },
                                  { .36f, 1 },   { -.36f, 1 }, { -.36f, .36f }, { -1, .36f }, { -1, -.36f }, { -.36f, -.36f } };
constexpr float RING_HOLE = .45f;

static const struct {
  const float (*corners)[2]; /* NULL for a disc */
  int n_corners;
  float hole; /* its radius */
} outlines[UT_SCENE_SHAPES] = {
  { NULL, 0, 0 }, { square, 4, 0 }, { triangle, 3, 0 }, { star, 10, 0 }, { cross, 12, 0 }, { NULL, 0, RING_HOLE },
};

/* The distance to the outline of a polygon, negative inside. */
static float
polygon_distance (const float (*corners)[2], int n, float x, float y)
{
  float nearest = INFINITY;
  gboolean inside = FALSE;
  for (int i = 0, j = n - 1; i < n; j = i++)
    {
      const float ex = corners[j][0] - corners[i][0], ey = corners[j][1] - corners[i][1];
      const float px = x - corners[i][0], py = y - corners[i][1];
      float t = (px * ex + py * ey) / (ex * ex + ey * ey);
      t = t < 0 ? 0 : t > 1 ? 1 : t;
      const float dx = px - t * ex, dy = py - t * ey, square_distance = dx * dx + dy * dy;
      nearest = square_distance < nearest ? square_distance : nearest;
      if ((corners[i][1] > y) != (corners[j][1] > y) && px < ex * py / ey)
        inside = !inside;
    }
  return inside ? -sqrtf (nearest) : sqrtf (nearest);
}

float
ut_outline_distance (unsigned shape, float x, float y)
{
  if (outlines[shape].corners != NULL)
    return polygon_distance (outlines[shape].corners, outlines[shape].n_corners, x, y);
  const float from_centre = sqrtf (x * x + y * y), hole = outlines[shape].hole - from_centre;
  return hole > from_centre - 1 && outlines[shape].hole > 0 ? hole : from_centre - 1;
}
