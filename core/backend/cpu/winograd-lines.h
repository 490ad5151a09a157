/* What all of Winograd's kernels are made of: transforms of one line and the product at the points. Included by files
 * that are compiled once for each instruction set. */
#ifndef WCT_CPU_WINOGRAD_LINES_H
#define WCT_CPU_WINOGRAD_LINES_H

#include "vector.h"
#include "winograd-kernels.h"

#define TILE  WCT_WINOGRAD_TILE
#define TILES WCT_WINOGRAD_TILES
#define SIDE  6 /* of a tile's points */

/* Sums in registers: tiles of one point, by two vectors of outputs. AVX-512 has 32 registers. */
#if defined __AVX512F__
#  define ROWS_AT_ONCE 8
#else
#  define ROWS_AT_ONCE 4
#endif

/* B' d */
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

/* The second half of B' d B: rows of points to their places. @lines: [column][row point] */
INLINE void
transform_input_rows (Vector lines[SIDE][SIDE], float *points, size_t point_floats)
{
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
  transform_input_rows (lines, points, point_floats);
}

/* A' m */
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

/* A' M A of one tile and block, as far as the map reaches. */
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

/* @rows tiles by @vectors blocks of output lanes. @weight_lanes: from one input lane's weights to the next's */
INLINE void
multiply_some (const float *points, const float *weight, int32_t in_lanes, int32_t weight_lanes, int32_t out_lanes,
               int rows, int vectors, float *products)
{
  Vector sums[ROWS_AT_ONCE][2] = { { { 0 } } };

  for (int32_t c = 0; c < in_lanes; c++)
    {
      Vector w[2];

      UNROLL
      for (int v = 0; v < vectors; v++)
        w[v] = load (weight + (size_t)c * (size_t)weight_lanes + (size_t)v * WCT_BLOCK);
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

/* M = V U at all points, for whole groups of tiles: what is computed of old values is not used. @points: (36, TILES,
 * in_lanes), @weight: (36, in_lanes, out_lanes), @products: (36, TILES, out_lanes) */
static inline void
multiply (const float *points, const float *weight, int32_t count, int32_t in_lanes, int32_t out_lanes, float *products)
{
  for (size_t p = 0; p < WCT_WINOGRAD_POINTS; p++)
    for (int32_t i = 0; i < count; i += ROWS_AT_ONCE)
      {
        const float *v = points + (p * TILES + (size_t)i) * (size_t)in_lanes;
        const float *u = weight + p * (size_t)in_lanes * (size_t)out_lanes;
        float       *m = products + (p * TILES + (size_t)i) * (size_t)out_lanes;
        int32_t      o = 0;

        for (; o + 2 * WCT_BLOCK <= out_lanes; o += 2 * WCT_BLOCK)
          multiply_some (v, u + o, in_lanes, out_lanes, out_lanes, ROWS_AT_ONCE, 2, m + o);
        if (o < out_lanes)
          multiply_some (v, u + o, in_lanes, out_lanes, out_lanes, ROWS_AT_ONCE, 1, m + o);
      }
}

#endif
