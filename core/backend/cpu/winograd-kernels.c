/* Convolution by Winograd's F(4×4, 3×3): some tiles at a time go through three passes, which work on scratch:
 *
 *   V = B' d B       input tiles of 6×6 to 36 points each             (36, tiles, in_lanes)
 *   M = V U          at each point a product with the weights there   (36, tiles, out_lanes)
 *   A' M A           to result tiles of 4×4, with bias and ReLU */
#include "winograd-kernels.h"

#include "winograd-lines.h"

typedef struct
{
  const WctWinogradShape *shape;
  int32_t                 tile_columns;
  int32_t                 room;              /* tiles that scratch is for */
  int32_t                 first, count;      /* tiles */
  float                  *points, *products; /* V, M */
} Batch;

/* ---- V = B' d B --------------------------------------------------------------------------------------------- */

static void
transform_input (const Batch *batch, const float *in)
{
  const WctWinogradShape *shape = batch->shape;
  const size_t            row_floats = (size_t)(shape->columns + 2) * WCT_BLOCK;
  const size_t            point_floats = (size_t)batch->room * (size_t)shape->in_lanes;

  for (int32_t i = 0; i < batch->count; i++)
    {
      const int32_t y = (batch->first + i) / batch->tile_columns * TILE;
      const int32_t x = (batch->first + i) % batch->tile_columns * TILE;
      const int32_t rows = shape->rows + 2 - y, columns = shape->columns + 2 - x;
      const bool    whole = rows >= SIDE && columns >= SIDE;

      for (int32_t b = 0; b < shape->in_lanes / WCT_BLOCK; b++)
        {
          const float *tile =
            in + ((size_t)b * (size_t)(shape->rows + 2) + (size_t)y) * row_floats + (size_t)x * WCT_BLOCK;
          float *points = batch->points + (size_t)i * (size_t)shape->in_lanes + (size_t)b * WCT_BLOCK;

          if (whole)
            transform_input_tile (tile, SIDE, SIDE, row_floats, points, point_floats, false);
          else
            transform_input_tile (tile, rows, columns, row_floats, points, point_floats, true);
        }
    }
}

/* ---- M = V U ------------------------------------------------------------------------------------------------- */

/* Whole groups of tiles: what is computed of old values is not used. */
static void
multiply_points (const Batch *batch, const float *weight)
{
  const int32_t in_lanes = batch->shape->in_lanes, out_lanes = batch->shape->out_lanes;
  const size_t  square = (size_t)in_lanes * (size_t)out_lanes;

  for (size_t p = 0; p < WCT_WINOGRAD_POINTS; p++)
    for (int32_t o = 0; o < out_lanes; o += 2 * WCT_BLOCK)
      {
        const float *u = weight + p * square + (size_t)o * (size_t)in_lanes;
        const float *v = batch->points + p * (size_t)batch->room * (size_t)in_lanes;
        float       *m = batch->products + p * (size_t)batch->room * (size_t)out_lanes + o;

        for (int32_t i = 0; i < batch->count; i += ROWS_AT_ONCE)
          if (o + 2 * WCT_BLOCK <= out_lanes)
            multiply_some (v + (size_t)i * (size_t)in_lanes, u, in_lanes, 2 * WCT_BLOCK, out_lanes, ROWS_AT_ONCE, 2,
                           m + (size_t)i * (size_t)out_lanes);
          else
            multiply_some (v + (size_t)i * (size_t)in_lanes, u, in_lanes, WCT_BLOCK, out_lanes, ROWS_AT_ONCE, 1,
                           m + (size_t)i * (size_t)out_lanes);
      }
}

/* ---- A' M A ------------------------------------------------------------------------------------------------- */

static void
transform_output (const Batch *batch, const float *bias, float *out)
{
  const WctWinogradShape *shape = batch->shape;
  const size_t            row_floats = shape->out_row_floats;
  const size_t            point_floats = (size_t)batch->room * (size_t)shape->out_lanes;

  for (int32_t i = 0; i < batch->count; i++)
    {
      const int32_t y = (batch->first + i) / batch->tile_columns * TILE;
      const int32_t x = (batch->first + i) % batch->tile_columns * TILE;
      const int32_t rows = shape->rows - y, columns = shape->columns - x;
      const bool    whole = rows >= TILE && columns >= TILE;

      for (int32_t b = 0; b < shape->out_lanes / WCT_BLOCK; b++)
        {
          const float *products = batch->products + (size_t)i * (size_t)shape->out_lanes + (size_t)b * WCT_BLOCK;
          float *tile = out + (size_t)b * shape->out_block_floats + (size_t)y * row_floats + (size_t)x * WCT_BLOCK;

          if (whole)
            transform_output_tile (products, point_floats, load (bias + b * WCT_BLOCK), shape->relu, TILE, TILE,
                                   row_floats, tile);
          else
            transform_output_tile (products, point_floats, load (bias + b * WCT_BLOCK), shape->relu, rows, columns,
                                   row_floats, tile);
        }
    }
}

void
WCT_ISA_NAME (wct_winograd) (const WctWinogradShape *shape, const float *in, const float *weight, const float *bias,
                             float *out, float *scratch)
{
  const int32_t tile_rows = (shape->rows + TILE - 1) / TILE, tile_columns = (shape->columns + TILE - 1) / TILE;
  const int32_t tiles = tile_rows * tile_columns, room = wct_winograd_tiles (shape);
  const size_t  point_floats = (size_t)WCT_WINOGRAD_POINTS * (size_t)room;
  Batch         batch = { .shape = shape,
                          .tile_columns = tile_columns,
                          .room = room,
                          .points = scratch,
                          .products = scratch + point_floats * (size_t)shape->in_lanes };

  for (batch.first = 0; batch.first < tiles; batch.first += room)
    {
      batch.count = tiles - batch.first < room ? tiles - batch.first : room;
      transform_input (&batch, in);
      multiply_points (&batch, weight);
      transform_output (&batch, bias, out);
    }
}
