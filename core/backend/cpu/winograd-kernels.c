/* Convolution by Winograd's F(4×4, 3×3): 16 tiles of a row at a time go through three passes, which work on scratch
 * that stays in the cache:
 *
 *   V = B' d B       input tiles of 6×6 to 36 points each             (36, tiles, in_lanes)
 *   M = V U          at each point a product with the weights there   (36, tiles, out_lanes)
 *   A' M A           to result tiles of 4×4, with bias and ReLU */
#include "winograd-kernels.h"

#include "vector.h"

#define TILE  WCT_WINOGRAD_TILE
#define TILES WCT_WINOGRAD_TILES
#define SIDE  6

/* Sums in registers: tiles of one point, by two vectors of outputs. AVX-512 has 32 registers. */
#if defined __AVX512F__
#  define ROWS_AT_ONCE 8
#else
#  define ROWS_AT_ONCE 4
#endif

typedef struct
{
  const WctWinogradShape *shape;
  int32_t                 y, x;              /* of the first tile, in the result */
  int32_t                 count;             /* tiles */
  float                  *points, *products; /* V, M */
} Batch;

/* ---- V = B' d B --------------------------------------------------------------------------------------------- */

INLINE void
transform_input_line (const Vector d[SIDE], Vector t[SIDE])
{
  const Vector even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
  const Vector even_far = d[4] - d[2], odd_far = 2 * (d[3] - d[1]);

  t[0] = 4 * d[0] - 5 * d[2] + d[4];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = even_far + odd_far;
  t[4] = even_far - odd_far;
  t[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/* One tile of one block. @at_edge: parts of it may lie beyond the padded piece, and are zero. */
INLINE void
transform_input_tile (const float *in, int32_t rows, int32_t columns, size_t row_floats, float *points,
                      size_t point_floats, bool at_edge)
{
  Vector lines[SIDE][SIDE]; /* [column][row point] */

  UNROLL
  for (int column = 0; column < SIDE; column++)
    {
      Vector d[SIDE];

      UNROLL
      for (int row = 0; row < SIDE; row++)
        d[row] = at_edge && (row >= rows || column >= columns)
                   ? (Vector){ 0 }
                   : load (in + (size_t)row * row_floats + (size_t)column * WCT_BLOCK);
      transform_input_line (d, lines[column]);
    }
  UNROLL
  for (int row = 0; row < SIDE; row++)
    {
      Vector d[SIDE], t[SIDE];

      UNROLL
      for (int column = 0; column < SIDE; column++)
        d[column] = lines[column][row];
      transform_input_line (d, t);
      UNROLL
      for (int column = 0; column < SIDE; column++)
        store (points + (size_t)(row * SIDE + column) * point_floats, t[column]);
    }
}

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

/* ---- M = V U ------------------------------------------------------------------------------------------------ */

/* @rows tiles by @vectors blocks of output lanes. */
INLINE void
multiply_some (const float *points, const float *weight, int32_t in_lanes, int32_t out_lanes, int rows, int vectors,
               float *products)
{
  Vector sums[ROWS_AT_ONCE][2] = { { { 0 } } };

  for (int32_t c = 0; c < in_lanes; c++)
    {
      Vector w[2];

      UNROLL
      for (int v = 0; v < vectors; v++)
        w[v] = load (weight + (size_t)c * (size_t)out_lanes + (size_t)v * WCT_BLOCK);
      UNROLL
      for (int i = 0; i < rows; i++)
        {
          const float point = points[(size_t)i * (size_t)in_lanes + (size_t)c];

          UNROLL
          for (int v = 0; v < vectors; v++)
            sums[i][v] += point * w[v];
        }
    }
  UNROLL
  for (int i = 0; i < rows; i++)
    {
      UNROLL
      for (int v = 0; v < vectors; v++)
        store (products + (size_t)i * (size_t)out_lanes + (size_t)v * WCT_BLOCK, sums[i][v]);
    }
}

/* All tiles of the batch, also where there are fewer: what is computed of old values is not used. */
static void
multiply (const Batch *batch, const float *weight)
{
  const int32_t in_lanes = batch->shape->in_lanes, out_lanes = batch->shape->out_lanes;

  for (size_t p = 0; p < WCT_WINOGRAD_POINTS; p++)
    for (int32_t i = 0; i < batch->count; i += ROWS_AT_ONCE)
      {
        const float *points = batch->points + (p * TILES + (size_t)i) * (size_t)in_lanes;
        const float *u = weight + p * (size_t)in_lanes * (size_t)out_lanes;
        float       *products = batch->products + (p * TILES + (size_t)i) * (size_t)out_lanes;
        int32_t      o = 0;

        for (; o + 2 * WCT_BLOCK <= out_lanes; o += 2 * WCT_BLOCK)
          multiply_some (points, u + o, in_lanes, out_lanes, ROWS_AT_ONCE, 2, products + o);
        if (o < out_lanes)
          multiply_some (points, u + o, in_lanes, out_lanes, ROWS_AT_ONCE, 1, products + o);
      }
}

/* ---- A' M A ------------------------------------------------------------------------------------------------- */

INLINE void
transform_output_line (const Vector m[SIDE], Vector y[TILE])
{
  const Vector near = m[1] + m[2], near_odd = m[1] - m[2];
  const Vector far = m[3] + m[4], far_odd = m[3] - m[4];

  y[0] = m[0] + near + far;
  y[1] = near_odd + 2 * far_odd;
  y[2] = near + 4 * far;
  y[3] = near_odd + 8 * far_odd + m[5];
}

INLINE void
transform_output_tile (const float *products, size_t point_floats, Vector bias, bool relu, int32_t rows,
                       int32_t columns, size_t row_floats, float *out)
{
  Vector lines[SIDE][TILE]; /* [column point][row] */

  UNROLL
  for (int column = 0; column < SIDE; column++)
    {
      Vector m[SIDE];

      UNROLL
      for (int row = 0; row < SIDE; row++)
        m[row] = load (products + (size_t)(row * SIDE + column) * point_floats);
      transform_output_line (m, lines[column]);
    }
  UNROLL
  for (int row = 0; row < TILE; row++)
    {
      Vector m[SIDE], y[TILE];

      UNROLL
      for (int column = 0; column < SIDE; column++)
        m[column] = lines[column][row];
      transform_output_line (m, y);
      UNROLL
      for (int column = 0; column < TILE; column++)
        if (row < rows && column < columns)
          {
            const Vector value = y[column] + bias;

            store (out + (size_t)row * row_floats + (size_t)column * WCT_BLOCK, relu ? positive (value) : value);
          }
    }
}

static void
transform_output (const Batch *batch, const float *bias, float *out)
{
  const WctWinogradShape *shape = batch->shape;
  const size_t            row_floats = (size_t)shape->columns * WCT_BLOCK;
  const size_t            point_floats = (size_t)TILES * (size_t)shape->out_lanes;
  const int32_t           rows = shape->rows - batch->y;

  for (int32_t b = 0; b < shape->out_lanes / WCT_BLOCK; b++)
    for (int32_t i = 0; i < batch->count; i++)
      {
        const int32_t x = batch->x + i * TILE, columns = shape->columns - x;
        const float  *products = batch->products + (size_t)i * (size_t)shape->out_lanes + (size_t)b * WCT_BLOCK;
        float *tile = out + ((size_t)b * (size_t)shape->rows + (size_t)batch->y) * row_floats + (size_t)x * WCT_BLOCK;

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
        multiply (&batch, weight);
        transform_output (&batch, bias, out);
      }
}
