/* Convolutions and products written out: what runs where cuDNN has no engine for a shape, and on the host. A thread for
 * each value of the result; no more cleverness than sums in lanes. */
#include "kernel.h"
#include "launch.h"

#define BLOCK 128

static __device__ float
sum_lanes (const float *lanes)
{
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* Σ a b over @count values, a multiple of the lanes. */
template <typename A, typename B>
static __device__ void
add_products (int32_t count, const A *a, const B *b, float *sums)
{
  for (int32_t i = 0; i < count; i += WCT_CUDA_LANES)
    for (int32_t k = 0; k < WCT_CUDA_LANES; k++)
      sums[k] += load (a[i + k]) * load (b[i + k]);
}

/* The map that a convolution reads, with its ring. */
static __device__ __host__ int32_t
padded_columns (const WctConvolutionShape &shape)
{
  return shape.columns + shape.side - 1;
}

static __device__ __host__ int32_t
padded_rows (const WctConvolutionShape &shape)
{
  return shape.rows + shape.side - 1;
}

/* A place in maps of @rows × @columns × @lanes. */
typedef struct
{
  int32_t map, row, column, lane;
} Place;

static __device__ Place
find_place (size_t item, int32_t rows, int32_t columns, int32_t lanes)
{
  const size_t position = item / (size_t)lanes, line = position / (size_t)columns;
  const Place  place = { (int32_t)(line / (size_t)rows), (int32_t)(line % (size_t)rows),
                         (int32_t)(position % (size_t)columns), (int32_t)(item % (size_t)lanes) };

  return place;
}

/* ---- Forward -------------------------------------------------------------------------------------------------- */

template <typename T>
static __global__ void
convolve (WctConvolutionShape shape, size_t items, const T *padded, const T *weights, const float *bias, T *out)
{
  const size_t item = thread_index ();
  float        sums[WCT_CUDA_LANES] = { 0 };

  if (item >= items)
    return;

  const Place  place = find_place (item, shape.rows, shape.columns, shape.out_lanes);
  const size_t line = (size_t)padded_columns (shape) * (size_t)shape.in_lanes;
  const T     *at = padded + ((size_t)place.map * (size_t)padded_rows (shape) + (size_t)place.row) * line
                + (size_t)place.column * (size_t)shape.in_lanes;
  const size_t window = (size_t)shape.side * (size_t)shape.in_lanes; /* a row of it: positions side by side */
  float        value;

  for (int32_t y = 0; y < shape.side; y++)
    add_products (shape.side * shape.in_lanes, at + (size_t)y * line,
                  weights + ((size_t)place.lane * (size_t)shape.side + (size_t)y) * window, sums);
  value = sum_lanes (sums) + bias[place.lane];
  store (out + item, shape.relu ? fmaxf (value, 0.0f) : value);
}

extern "C" void
wct_launch_convolve (void *stream, const WctConvolutionShape *shape, const void *padded, const void *weights,
                     const float *bias, void *out)
{
  const size_t items = (size_t)shape->count * (size_t)shape->rows * (size_t)shape->columns * (size_t)shape->out_lanes;

  with_element (shape->element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (convolve<T>, dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, *shape, items, (const T *)padded,
                (const T *)weights, bias, (T *)out);
  });
}

/* ---- Backward ------------------------------------------------------------------------------------------------- */

/* Each thread makes eight lanes of a position of the padded input's gradient: of all windows that hold it. */
template <typename T>
static __global__ void
convolve_data_back (WctConvolutionShape shape, size_t items, const T *gradient, const T *weights, T *padded_gradient)
{
  const size_t item = thread_index ();
  float        sums[WCT_CUDA_LANES] = { 0 };

  if (item >= items)
    return;

  const Place  place = find_place (item, padded_rows (shape), padded_columns (shape), shape.in_lanes / WCT_CUDA_LANES);
  const size_t taps = (size_t)shape.side * (size_t)shape.side, first = (size_t)place.lane * WCT_CUDA_LANES;

  for (int32_t tap = 0; tap < shape.side * shape.side; tap++)
    {
      const int32_t y = place.row - tap / shape.side, x = place.column - tap % shape.side;

      if (y < 0 || y >= shape.rows || x < 0 || x >= shape.columns)
        continue;

      const size_t at = ((size_t)place.map * (size_t)shape.rows + (size_t)y) * (size_t)shape.columns + (size_t)x;
      for (int32_t o = 0; o < shape.out_lanes; o++)
        {
          const float factor = load (gradient[at * (size_t)shape.out_lanes + (size_t)o]);
          const T    *row = weights + ((size_t)o * taps + (size_t)tap) * (size_t)shape.in_lanes + first;

          for (int32_t k = 0; k < WCT_CUDA_LANES; k++)
            sums[k] += factor * load (row[k]);
        }
    }
  for (int32_t k = 0; k < WCT_CUDA_LANES; k++)
    store (padded_gradient + item * WCT_CUDA_LANES + k, sums[k]);
}

extern "C" void
wct_launch_convolve_data_back (void *stream, const WctConvolutionShape *shape, const void *gradient,
                               const void *weights, void *padded_gradient)
{
  const size_t items = (size_t)shape->count * (size_t)padded_rows (*shape) * (size_t)padded_columns (*shape)
                       * (size_t)(shape->in_lanes / WCT_CUDA_LANES);

  with_element (shape->element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (convolve_data_back<T>, dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, *shape, items,
                (const T *)gradient, (const T *)weights, (T *)padded_gradient);
  });
}

/* Each thread makes eight weights' gradients: over all positions, row by row in float, rows in double. */
template <typename T>
static __global__ void
convolve_weights_back (WctConvolutionShape shape, size_t items, const T *padded, const T *gradient, float *out)
{
  const size_t item = thread_index ();
  double       sums[WCT_CUDA_LANES] = { 0 };

  if (item >= items)
    return;

  const int32_t groups = shape.in_lanes / WCT_CUDA_LANES, taps = shape.side * shape.side;
  const int32_t group = (int32_t)(item % (size_t)groups), tap = (int32_t)(item / (size_t)groups % (size_t)taps);
  const int32_t o = (int32_t)(item / (size_t)groups / (size_t)taps);

  for (int32_t line = 0; line < shape.count * shape.rows; line++)
    {
      const size_t from = (size_t)(line / shape.rows) * (size_t)padded_rows (shape) + (size_t)(line % shape.rows)
                          + (size_t)(tap / shape.side);
      const T *values = padded
                        + (from * (size_t)padded_columns (shape) + (size_t)(tap % shape.side)) * (size_t)shape.in_lanes
                        + (size_t)group * WCT_CUDA_LANES;
      const T *factors = gradient + (size_t)line * (size_t)shape.columns * (size_t)shape.out_lanes + (size_t)o;
      float    row[WCT_CUDA_LANES] = { 0 };

      for (int32_t x = 0; x < shape.columns; x++)
        for (int32_t k = 0; k < WCT_CUDA_LANES; k++)
          row[k] += load (factors[(size_t)x * (size_t)shape.out_lanes])
                    * load (values[(size_t)x * (size_t)shape.in_lanes + (size_t)k]);
      for (int32_t k = 0; k < WCT_CUDA_LANES; k++)
        sums[k] += row[k];
    }
  for (int32_t k = 0; k < WCT_CUDA_LANES; k++)
    out[item * WCT_CUDA_LANES + (size_t)k] = (float)sums[k];
}

extern "C" void
wct_launch_convolve_weights_back (void *stream, const WctConvolutionShape *shape, const void *padded,
                                  const void *gradient, float *weights_gradient)
{
  const size_t items =
    (size_t)shape->out_lanes * (size_t)(shape->side * shape->side) * (size_t)(shape->in_lanes / WCT_CUDA_LANES);

  with_element (shape->element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (convolve_weights_back<T>, dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, *shape, items,
                (const T *)padded, (const T *)gradient, weights_gradient);
  });
}

/* ---- Products ------------------------------------------------------------------------------------------------- */

static __global__ void
multiply (int32_t columns, int32_t k, size_t items, const float *a, const float *b, float *c)
{
  const size_t  item = thread_index ();
  const int32_t whole = k / WCT_CUDA_LANES * WCT_CUDA_LANES;
  float         sums[WCT_CUDA_LANES] = { 0 };

  if (item >= items)
    return;

  const float *row = a + item / (size_t)columns * (size_t)k, *column = b + item % (size_t)columns * (size_t)k;
  add_products (whole, row, column, sums);
  for (int32_t i = whole; i < k; i++)
    sums[i - whole] += row[i] * column[i];
  c[item] = sum_lanes (sums);
}

extern "C" void
wct_launch_multiply (void *stream, int32_t rows, int32_t columns, int32_t k, const float *a, const float *b, float *c)
{
  const size_t items = (size_t)rows * (size_t)columns;

  WCT_LAUNCH (multiply, dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, columns, k, items, a, b, c);
}
