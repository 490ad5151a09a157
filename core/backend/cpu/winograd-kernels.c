/* Convolution by Winograd's F(4×4, 3×3): 16 tiles of a row at a time go through three passes, which work on scratch
 * that stays in the cache:
 *
 *   V = B' d B       input tiles of 6×6 to 36 points each             (36, tiles, in_lanes)
 *   M = V U          at each point a product with the weights there   (36, tiles, out_lanes)
 *   A' M A           to result tiles of 4×4, with bias and ReLU */
#include "winograd-kernels.h"

#include "winograd-lines.h"

typedef struct
{
  const WctWinogradShape *shape;
  int32_t                 y, x;              /* of the first tile, in the result */
  int32_t                 count;             /* tiles */
  float                  *points, *products; /* V, M */
} Batch;

/* ---- V = B' d B --------------------------------------------------------------------------------------------- */

static void
transform_input (const Batch *batch, const float *in)
{
  const WctWinogradShape *shape = batch->shape;
  const size_t            row_floats = (size_t)(shape->columns + 2) * WCT_BLOCK;
  const size_t            point_floats = (size_t)TILES * (size_t)shape->in_lanes;
  const int32_t           rows = shape->rows + 2 - batch->y;

  for (int32_t b = 0; b < shape->in_lanes / WCT_BLOCK; b++)
    for (int32_t i = 0; i < batch->count; i++)
      {
        const int32_t x = batch->x + i * TILE, columns = shape->columns + 2 - x;
        const float  *tile =
          in + ((size_t)b * (size_t)(shape->rows + 2) + (size_t)batch->y) * row_floats + (size_t)x * WCT_BLOCK;
        float *points = batch->points + (size_t)i * (size_t)shape->in_lanes + (size_t)b * WCT_BLOCK;

        if (rows >= SIDE && columns >= SIDE)
          transform_input_tile (tile, SIDE, SIDE, row_floats, points, point_floats, false);
        else
          transform_input_tile (tile, rows, columns, row_floats, points, point_floats, true);
      }
}

/* ---- A' M A ------------------------------------------------------------------------------------------------- */

static void
transform_output (const Batch *batch, const float *bias, float *out)
{
  const WctWinogradShape *shape = batch->shape;
  const size_t            row_floats = shape->out_row_floats;
  const size_t            point_floats = (size_t)TILES * (size_t)shape->out_lanes;
  const int32_t           rows = shape->rows - batch->y;

  for (int32_t b = 0; b < shape->out_lanes / WCT_BLOCK; b++)
    for (int32_t i = 0; i < batch->count; i++)
      {
        const int32_t x = batch->x + i * TILE, columns = shape->columns - x;
        const float  *products = batch->products + (size_t)i * (size_t)shape->out_lanes + (size_t)b * WCT_BLOCK;
        float *tile = out + (size_t)b * shape->out_block_floats + (size_t)batch->y * row_floats + (size_t)x * WCT_BLOCK;

        if (rows >= TILE && columns >= TILE)
          transform_output_tile (products, point_floats, load (bias + b * WCT_BLOCK), shape->relu, TILE, TILE,
                                 row_floats, tile);
        else
          transform_output_tile (products, point_floats, load (bias + b * WCT_BLOCK), shape->relu, rows, columns,
                                 row_floats, tile);
      }
}

void
WCT_ISA_NAME (wct_winograd) (const WctWinogradShape *shape, const float *in, const float *weight, const float *bias,
                             float *out, float *scratch)
{
  const size_t point_floats = (size_t)WCT_WINOGRAD_POINTS * TILES;
  Batch batch = { .shape = shape, .points = scratch, .products = scratch + point_floats * (size_t)shape->in_lanes };

  for (batch.y = 0; batch.y < shape->rows; batch.y += TILE)
    for (batch.x = 0; batch.x < shape->columns; batch.x += TILES * TILE)
      {
        const int32_t left = (shape->columns - batch.x + TILE - 1) / TILE;

        batch.count = left < TILES ? left : TILES;
        transform_input (&batch, in);
        multiply (batch.points, weight, batch.count, shape->in_lanes, shape->out_lanes, batch.products);
        transform_output (&batch, bias, out);
      }
}
