/* Moments of features, in two passes: means first, then products of what is left, in f32 by tiles of 32 positions,
 * whose sums are double. Sums are taken in an order that depends on the shape only. And the ends of the affine map. */
#include "kernel.h"
#include "launch.h"

#define TILE   32 /* channels on each side of a tile of the covariance, and positions at a time */
#define LINES  8  /* threads of a tile: TILE × LINES */
#define BLOCK  256
#define SLICE  2048 /* positions of a slice, at least */
#define BLOCKS 1024 /* of the covariance's kernel, about: slices times tiles */

/* ---- How the work is cut -------------------------------------------------------------------------------------- */

/* Positions are cut into slices, which are summed apart. */
typedef struct
{
  int32_t tiles; /* along one side of the covariance */
  int32_t slices;
  size_t  length; /* of a slice, in positions */
} Cut;

static Cut
cut_work (const WctMomentsShape *shape)
{
  const int32_t tiles = (shape->channels + TILE - 1) / TILE;
  const size_t most = (size_t)(1 + BLOCKS / (tiles * (tiles + 1) / 2)), needed = (shape->positions + SLICE - 1) / SLICE;
  const size_t slices = needed < 1 ? 1 : needed < most ? needed : most;
  const size_t even = (shape->positions + slices - 1) / slices, length = (even + TILE - 1) / TILE * TILE;

  return Cut{ tiles, (int32_t)slices, length };
}

/* Doubles: weights' sums (slices), sums (slices, channels), products (slices, channels, channels). */
extern "C" size_t
wct_moments_scratch (const WctMomentsShape *shape)
{
  const size_t channels = (size_t)shape->channels, slices = (size_t)cut_work (shape).slices;

  return slices * (1 + channels + channels * channels) * sizeof (double);
}

static __device__ double
weight_at (const float *weights, size_t position)
{
  return weights == NULL ? 1 : (double)weights[position];
}

/* ---- Means ---------------------------------------------------------------------------------------------------- */

/* A block: TILE channels of a slice. Its lines take every LINES-th position, and are put together in order. */
template <typename T>
static __global__ void
sum_slices (WctMomentsShape shape, size_t length, const T *features, const float *weights, double *weight_sums,
            double *sums)
{
  WCT_SHARED double lines[LINES][TILE], line_weights[LINES];
  const int32_t     channel = (int32_t)(blockIdx.x * TILE + threadIdx.x);
  const size_t      first = (size_t)blockIdx.y * length;
  const size_t      end = first + length < shape.positions ? first + length : shape.positions;
  double            sum = 0, weight = 0;

  for (size_t position = first + threadIdx.y; position < end; position += LINES)
    {
      const double own = weight_at (weights, position);

      weight += own;
      if (channel < shape.channels)
        sum += own * (double)load (features[position * (size_t)shape.lanes + (size_t)channel]);
    }
  lines[threadIdx.y][threadIdx.x] = sum;
  if (threadIdx.x == 0)
    line_weights[threadIdx.y] = weight;
  __syncthreads ();
  if (threadIdx.y != 0)
    return;
  for (int line = 1; line < LINES; line++)
    {
      sum += lines[line][threadIdx.x];
      weight += line_weights[line];
    }
  if (channel < shape.channels)
    sums[(size_t)blockIdx.y * (size_t)shape.channels + (size_t)channel] = sum;
  if (channel == 0)
    weight_sums[blockIdx.y] = weight;
}

/* @out: weight, then means. */
static __global__ void
finish_means (int32_t channels, int32_t slices, const double *weight_sums, const double *sums, double *out)
{
  const int32_t channel = (int32_t)(blockIdx.x * blockDim.x + threadIdx.x);
  double        sum = 0, weight = 0;

  if (channel >= channels)
    return;
  for (int32_t slice = 0; slice < slices; slice++)
    {
      weight += weight_sums[slice];
      sum += sums[(size_t)slice * (size_t)channels + (size_t)channel];
    }
  out[1 + channel] = weight > 0 ? sum / weight : 0;
  if (channel == 0)
    out[0] = weight;
}

/* ---- Products ------------------------------------------------------------------------------------------------- */

/* The @i-th tile on or above the diagonal, row by row. */
static __device__ void
find_tile (int32_t tiles, int32_t i, int32_t *row, int32_t *column)
{
  int32_t length = tiles;

  *row = 0;
  for (; i >= length; i -= length--)
    ++*row;
  *column = *row + i;
}

/* TILE positions × TILE channels from @first on, less their means; zeros beyond the map. @weights: times them, or NULL
 */
template <typename T>
static __device__ void
load_centered (const WctMomentsShape &shape, const T *features, const float *weights, const double *means, size_t first,
               size_t end, int32_t channel, float (*tile)[TILE])
{
  for (int line = (int)threadIdx.y; line < TILE; line += LINES)
    {
      const size_t position = first + (size_t)line;
      float        value = 0;

      if (position < end && channel < shape.channels)
        value = (float)((double)load (features[position * (size_t)shape.lanes + (size_t)channel]) - means[channel])
                * (weights == NULL ? 1.0f : weights[position]);
      tile[line][threadIdx.x] = value;
    }
}

/* A block: a tile of the covariance over a slice; a thread: TILE / LINES of its values. */
template <typename T>
static __global__ void
add_products (WctMomentsShape shape, int32_t tiles, size_t length, const T *features, const float *weights,
              const double *means, double *products)
{
  WCT_SHARED float left[TILE][TILE], right[TILE][TILE];
  const size_t     begin = (size_t)blockIdx.y * length;
  const size_t     end = begin + length < shape.positions ? begin + length : shape.positions;
  double           sums[TILE / LINES] = { 0 };
  int32_t          row, column;

  find_tile (tiles, (int32_t)blockIdx.x, &row, &column);
  for (size_t first = begin; first < end; first += TILE)
    {
      float some[TILE / LINES] = { 0 };

      load_centered (shape, features, weights, means, first, end, row * TILE + (int32_t)threadIdx.x, left);
      load_centered (shape, features, NULL, means, first, end, column * TILE + (int32_t)threadIdx.x, right);
      __syncthreads ();
      for (int i = 0; i < TILE; i++)
        for (int k = 0; k < TILE / LINES; k++)
          some[k] += left[i][(int)threadIdx.y + k * LINES] * right[i][threadIdx.x];
      for (int k = 0; k < TILE / LINES; k++)
        sums[k] += some[k];
      __syncthreads ();
    }
  for (int k = 0; k < TILE / LINES; k++)
    {
      const int32_t i = row * TILE + (int32_t)threadIdx.y + k * LINES, j = column * TILE + (int32_t)threadIdx.x;

      if (i < shape.channels && j < shape.channels)
        products[((size_t)blockIdx.y * (size_t)shape.channels + (size_t)i) * (size_t)shape.channels + (size_t)j] =
          sums[k];
    }
}

/* What stands on or above the diagonal's tiles, for both sides. */
static __global__ void
finish_products (int32_t channels, int32_t slices, const double *products, double *out)
{
  const size_t square = (size_t)channels * (size_t)channels;
  const size_t item = thread_index ();
  double       sum = 0;

  if (item >= square)
    return;

  const size_t i = item / (size_t)channels, j = item % (size_t)channels;
  const size_t upper = i < j ? i * (size_t)channels + j : j * (size_t)channels + i;
  for (int32_t slice = 0; slice < slices; slice++)
    sum += products[(size_t)slice * square + upper];
  out[item] = sum;
}

extern "C" void
wct_launch_moments (void *stream, const WctMomentsShape *shape, const void *features, const float *weights,
                    void *scratch, double *out)
{
  const Cut     cut = cut_work (shape);
  const int32_t channels = shape->channels;
  const dim3    tile (TILE, LINES);
  double       *weight_sums = (double *)scratch, *sums = weight_sums + cut.slices;
  double       *products = sums + (size_t)cut.slices * (size_t)channels;

  with_element (shape->element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (sum_slices<T>, dim3 ((unsigned)cut.tiles, (unsigned)cut.slices), tile, stream, *shape, cut.length,
                (const T *)features, weights, weight_sums, sums);
    WCT_LAUNCH (finish_means, dim3 (count_blocks ((size_t)channels, BLOCK)), dim3 (BLOCK), stream, channels, cut.slices,
                weight_sums, sums, out);
    WCT_LAUNCH (add_products<T>, dim3 ((unsigned)(cut.tiles * (cut.tiles + 1) / 2), (unsigned)cut.slices), tile, stream,
                *shape, cut.tiles, cut.length, (const T *)features, weights, out + 1, products);
  });
  WCT_LAUNCH (finish_products, dim3 (count_blocks ((size_t)channels * (size_t)channels, BLOCK)), dim3 (BLOCK), stream,
              channels, cut.slices, products, out + 1 + channels);
}

/* ---- The ends of the affine map ------------------------------------------------------------------------------- */

template <typename T>
static __global__ void
center (WctMomentsShape shape, size_t items, const T *features, const float *centers, float *out)
{
  const size_t item = thread_index ();

  if (item >= items)
    return;

  const size_t channel = item % (size_t)shape.channels, position = item / (size_t)shape.channels;
  out[item] = load (features[position * (size_t)shape.lanes + channel]) - centers[channel];
}

extern "C" void
wct_launch_center (void *stream, const WctMomentsShape *shape, const void *features, const float *centers, float *out)
{
  const size_t items = shape->positions * (size_t)shape->channels;

  with_element (shape->element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (center<T>, dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, *shape, items, (const T *)features,
                centers, out);
  });
}

/* Each thread makes a lane of a position; lanes beyond the channels are 0. */
template <typename T>
static __global__ void
mix (WctMomentsShape shape, size_t items, const float *mapped, const float *bias, const float *weights, const T *in,
     T *out)
{
  const size_t item = thread_index ();

  if (item >= items)
    return;

  const size_t channel = item % (size_t)shape.lanes, position = item / (size_t)shape.lanes;
  const float  weight = weights == NULL ? 1.0f : weights[position];
  if (channel >= (size_t)shape.channels)
    {
      store (out + item, 0.0f);
      return;
    }

  const float value = mapped[position * (size_t)shape.channels + channel] + bias[channel];
  if (weight >= 1)
    store (out + item, value);
  else if (weight > 0)
    store (out + item, load (out[item]) + weight * (value - load (in[item])));
}

extern "C" void
wct_launch_mix (void *stream, const WctMomentsShape *shape, const float *mapped, const float *bias,
                const float *weights, const void *in, void *out)
{
  const size_t items = shape->positions * (size_t)shape->lanes;

  with_element (shape->element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (mix<T>, dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, *shape, items, mapped, bias, weights,
                (const T *)in, (T *)out);
  });
}
