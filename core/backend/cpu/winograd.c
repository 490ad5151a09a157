/* The part of Winograd's convolution that is done once: weights, U = G g G'. */
#include "winograd.h"

#include "winograd-kernels.h"

size_t
wct_winograd_weight_floats (const WctWinogradShape *shape)
{
  return (size_t)WCT_WINOGRAD_POINTS * (size_t)shape->in_lanes * (size_t)shape->out_lanes;
}

size_t
wct_winograd_scratch_floats (const WctWinogradShape *shape)
{
  return (size_t)WCT_WINOGRAD_POINTS * WCT_WINOGRAD_TILES * (size_t)(shape->in_lanes + shape->out_lanes);
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
          out[(p * (size_t)shape->in_lanes + c) * (size_t)shape->out_lanes + o] = (float)points[p];
      }
}
