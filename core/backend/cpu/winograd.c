/* The part of Winograd's convolution that is done once: weights, U = G g G'. */
#include "winograd.h"

#include "winograd-kernels.h"

size_t
wct_winograd_weight_floats (const WctWinogradShape *shape)
{
  return (size_t)WCT_WINOGRAD_POINTS * (size_t)shape->in_lanes * (size_t)shape->out_lanes;
}

/* Up to here the weights of all points stay in a core's cache. */
#define THIN_LANES 128

/* Whole groups of tiles are multiplied. */
#define TILE_GROUP 8

bool
wct_winograd_is_wide (int32_t in_lanes, int32_t out_lanes)
{
  return in_lanes > THIN_LANES || out_lanes > THIN_LANES;
}

int32_t
wct_winograd_tiles (const WctWinogradShape *shape)
{
  const int32_t rows = (shape->rows + WCT_WINOGRAD_TILE - 1) / WCT_WINOGRAD_TILE;
  const int32_t columns = (shape->columns + WCT_WINOGRAD_TILE - 1) / WCT_WINOGRAD_TILE;
  const int32_t all = (rows * columns + TILE_GROUP - 1) / TILE_GROUP * TILE_GROUP;

  if (!wct_winograd_is_wide (shape->in_lanes, shape->out_lanes))
    return WCT_WINOGRAD_TILES;
  return all < WCT_WINOGRAD_WIDE_TILES ? all : WCT_WINOGRAD_WIDE_TILES;
}

size_t
wct_winograd_scratch_floats (const WctWinogradShape *shape)
{
  return (size_t)WCT_WINOGRAD_POINTS * (size_t)wct_winograd_tiles (shape)
         * (size_t)(shape->in_lanes + shape->out_lanes);
}

/* One dimension: 3 taps, @step apart, to 6 points. */
static void
transform_taps (const double *taps, int step, double *points, int point_step)
{
  const double first = taps[0], middle = taps[step], last = taps[2 * step];

  points[0] = first / 4;
  points[point_step] = -(first + middle + last) / 6;
  points[2 * point_step] = -(first - middle + last) / 6;
  points[3 * point_step] = first / 24 + middle / 12 + last / 6;
  points[4 * point_step] = first / 24 - middle / 12 + last / 6;
  points[5 * point_step] = last;
}

static void
transform_kernel (const float *kernel, double points[WCT_WINOGRAD_POINTS])
{
  double taps[9], half[18]; /* (3 rows, 6 points) */

  for (int i = 0; i < 9; i++)
    taps[i] = kernel[i];
  for (int row = 0; row < 3; row++)
    transform_taps (taps + 3 * row, 1, half + 6 * row, 1);
  for (int column = 0; column < 6; column++)
    transform_taps (half + column, 6, points + column, 6);
}

/* Within a point. */
static size_t
place_of (const WctWinogradShape *shape, size_t c, size_t o)
{
  const size_t stripe = 2 * (size_t)shape->block, first = o / stripe * stripe, left = (size_t)shape->out_lanes - first;

  return first * (size_t)shape->in_lanes + c * (left < stripe ? left : stripe) + (o - first);
}

void
wct_winograd_transform_weights (const WctWinogradShape *shape, const float *weight, int32_t in_c, int32_t out_c,
                                float *out)
{
  double points[WCT_WINOGRAD_POINTS];

  for (size_t o = 0; o < (size_t)out_c; o++)
    for (size_t c = 0; c < (size_t)in_c; c++)
      {
        transform_kernel (weight + (o * (size_t)in_c + c) * 9, points);
        for (size_t p = 0; p < WCT_WINOGRAD_POINTS; p++)
          out[p * (size_t)shape->in_lanes * (size_t)shape->out_lanes + place_of (shape, c, o)] = (float)points[p];
      }
}
