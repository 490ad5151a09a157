/* What training does besides convolutions: gradients that go back through gathers, sums, losses, the optimizer. No sum
 * depends on which thread comes first: each is taken by one thread, or in parts that are put together in order. */
#include "kernel.h"
#include "launch-training.h"

#define BLOCK 256

static __device__ bool
is_finite (float value)
{
  return fabsf (value) <= 3.402823466e38f;
}

/* ---- Gradients that enter a chain ------------------------------------------------------------------------------ */

template <typename T>
static __global__ void
enter (size_t count, const float *gradient, float scale, const float *result, T *out, int *overflow)
{
  const size_t i = thread_index ();

  if (i >= count)
    return;
  store (out + i, result == NULL || result[i] > 0 ? scale * gradient[i] : 0.0f);
  if (overflow != NULL && !is_finite (load (out[i])))
    atomicMax (overflow, 1);
}

extern "C" void
wct_launch_enter (void *stream, size_t count, const float *gradient, float scale, const float *result,
                  WctElement element, void *out, int *overflow)
{
  with_element (element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (enter<T>, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), stream, count, gradient, scale, result,
                (T *)out, overflow);
  });
}

/* ---- The adjoint of a gather ----------------------------------------------------------------------------------- */

/* Lines of a padded map that are line @i of the map itself: its own, and the ring's where that repeats it; in order.
 * Their number is returned. */
static __device__ int
find_readers (int32_t i, int32_t count, bool pad, int32_t *lines)
{
  int found = 0;

  if (pad && (count == 1 || i == 1))
    lines[found++] = 0;
  lines[found++] = pad ? i + 1 : i;
  if (pad && (count == 1 || i == count - 2))
    lines[found++] = count + 1;
  return found;
}

/* What went to position (y, x) of the map that was padded, or was not. @map: one map's gradients, at the thread's group
 * of lanes */
template <typename T>
static __device__ void
add_readers (const WctGather &gather, const Lanes<T> *map, int32_t y, int32_t x, float *sums)
{
  const size_t groups = (size_t)(gather.lanes / WCT_CUDA_LANES);
  const size_t columns = (size_t)(gather.width + (gather.pad ? 2 : 0));
  int32_t      rows[3], places[3];
  const int    row_count = find_readers (y, gather.height, gather.pad, rows);
  const int    place_count = find_readers (x, gather.width, gather.pad, places);

  for (int row = 0; row < row_count; row++)
    for (int place = 0; place < place_count; place++)
      {
        const Lanes<T> from = map[((size_t)rows[row] * columns + (size_t)places[place]) * groups];

        for (int i = 0; i < WCT_CUDA_LANES; i++)
          sums[i] += load (from.at[i]);
      }
}

/* Lanes in which (y, x) is not the first maximum of its window get 0. @before: the whole map, at the group of lanes;
 * @line: from a row of it to the next */
template <typename T>
static __device__ void
keep_first_maximum (const Lanes<T> *before, size_t line, size_t groups, int32_t y, int32_t x, float *sums)
{
  const Lanes<T> *window = before + (size_t)(y & ~1) * line + (size_t)(x & ~1) * groups;
  const Lanes<T>  values[4] = { window[0], window[groups], window[line], window[line + groups] };

  for (int i = 0; i < WCT_CUDA_LANES; i++)
    {
      int first = 0;

      for (int k = 1; k < 4; k++)
        if (load (values[k].at[i]) > load (values[first].at[i]))
          first = k;
      if (first != (y & 1) * 2 + (x & 1))
        sums[i] = 0;
    }
}

/* Each thread makes a group of lanes at a position of the map before, which has @rows × @columns. */
template <typename Map, typename T>
static __global__ void
scatter_lanes (WctScatter scatter, int32_t rows, int32_t columns, size_t items, const Lanes<T> *gradient,
               const Lanes<Map> *before, Lanes<Map> *out, int *overflow)
{
  const WctGather &gather = scatter.gather;
  const size_t     groups = (size_t)(gather.lanes / WCT_CUDA_LANES), item = thread_index ();
  const size_t     ring = gather.pad ? 2 : 0, position = item / groups, row = position / (size_t)columns;

  if (item >= items)
    return;

  const size_t    group = item % groups, map = row / (size_t)rows, line = (size_t)columns * groups;
  const int32_t   y = (int32_t)(row % (size_t)rows), x = (int32_t)(position % (size_t)columns);
  const Lanes<T> *from =
    gradient + map * ((size_t)gather.height + ring) * ((size_t)gather.width + ring) * groups + group;
  float      sums[WCT_CUDA_LANES] = { 0 };
  Lanes<Map> to;

  switch (gather.kind)
    {
    case WCT_GATHER_POOL:
      add_readers (gather, from, y / 2, x / 2, sums);
      keep_first_maximum (before + map * (size_t)rows * line + group, line, groups, y, x, sums);
      break;
    case WCT_GATHER_UPSAMPLE:
      for (int32_t i = 0; i < 4; i++)
        add_readers (gather, from, 2 * y + i / 2, 2 * x + i % 2, sums);
      break;
    default:
      add_readers (gather, from, y, x, sums);
    }
  for (int i = 0; i < WCT_CUDA_LANES; i++)
    {
      const bool stops = scatter.stop && !(load (before[item].at[i]) > 0);

      store (&to.at[i], stops ? 0.0f : scatter.scale * sums[i]);
      if (overflow != NULL && !is_finite (load (to.at[i])))
        atomicMax (overflow, 1);
    }
  out[item] = to;
}

static int32_t
side_before (WctGatherKind kind, int32_t side)
{
  return kind == WCT_GATHER_POOL ? side * 2 : kind == WCT_GATHER_UPSAMPLE ? side / 2 : side;
}

extern "C" void
wct_launch_scatter (void *stream, const WctScatter *scatter, const void *gradient, const void *before, void *out,
                    int *overflow)
{
  const WctGather *gather = &scatter->gather;
  const int32_t    rows = side_before (gather->kind, gather->height);
  const int32_t    columns = side_before (gather->kind, gather->width);
  const size_t     items =
    (size_t)gather->count * (size_t)rows * (size_t)columns * (size_t)(gather->lanes / WCT_CUDA_LANES);

  with_element (gather->from, [&] (auto map) {
    with_element (gather->to, [&] (auto value) {
      using Map = decltype (map);
      using T = decltype (value);
      WCT_LAUNCH ((scatter_lanes<Map, T>), dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, *scatter, rows,
                  columns, items, (const Lanes<T> *)gradient, (const Lanes<Map> *)before, (Lanes<Map> *)out, overflow);
    });
  });
}

/* ---- Sums over all values -------------------------------------------------------------------------------------- */

#define CHUNK 16384 /* values that a block sums */

typedef struct
{
  double sum, squares;
} Sums;

static __device__ Sums
add_sums (Sums a, Sums b)
{
  return Sums{ a.sum + b.sum, a.squares + b.squares };
}

/* Of all threads of a block, as a tree; the first thread has the result. */
static __device__ Sums
sum_block (Sums own)
{
  WCT_SHARED Sums parts[BLOCK];
  const unsigned  thread = threadIdx.x;

  parts[thread] = own;
  __syncthreads ();
  for (unsigned half = BLOCK / 2; half > 0; half /= 2)
    {
      if (thread < half)
        parts[thread] = add_sums (parts[thread], parts[thread + half]);
      __syncthreads ();
    }
  return parts[0];
}

/* @value: what the i-th value gives to the two sums */
template <typename Value>
static __global__ void
sum_chunks (size_t count, Value value, Sums *partials)
{
  const size_t first = (size_t)blockIdx.x * CHUNK, end = first + CHUNK < count ? first + CHUNK : count;
  Sums         own = { 0, 0 };

  for (size_t i = first + threadIdx.x; i < end; i += BLOCK)
    own = add_sums (own, value (i));
  own = sum_block (own);
  if (threadIdx.x == 0)
    partials[blockIdx.x] = own;
}

static __global__ void
sum_partials (size_t count, const Sums *partials, Sums *out)
{
  Sums own = { 0, 0 };

  for (size_t i = threadIdx.x; i < count; i += BLOCK)
    own = add_sums (own, partials[i]);
  own = sum_block (own);
  if (threadIdx.x == 0)
    *out = own;
}

extern "C" size_t
wct_sums_scratch (size_t count)
{
  return (count + CHUNK - 1) / CHUNK * sizeof (Sums);
}

template <typename Value>
static void
launch_sum (void *stream, size_t count, Value value, Sums *partials, double *out)
{
  const unsigned chunks = count_blocks (count, CHUNK);

  WCT_LAUNCH (sum_chunks<Value>, dim3 (chunks), dim3 (BLOCK), stream, count, value, partials);
  WCT_LAUNCH (sum_partials, dim3 (1), dim3 (BLOCK), stream, (size_t)chunks, partials, (Sums *)out);
}

template <typename T> struct Values
{
  const T *values;

  __device__ Sums operator() (size_t i) const
  {
    const double value = values[i];

    return Sums{ value, value * value };
  }
};

extern "C" void
wct_launch_sums (void *stream, size_t count, const float *values, void *scratch, double *out)
{
  launch_sum (stream, count, Values<float>{ values }, (Sums *)scratch, out);
}

struct SquaredErrors
{
  const float *a, *b;
  float        scale;
  bool         add;
  float       *gradient;

  __device__ Sums operator() (size_t i) const
  {
    const double difference = (double)a[i] - (double)b[i];

    if (gradient != NULL)
      gradient[i] = (float)((add ? (double)gradient[i] : 0.0) + 2.0 * (double)scale * difference);
    return Sums{ difference * difference, 0 };
  }
};

extern "C" void
wct_launch_squared_error (void *stream, size_t count, const float *a, const float *b, float scale, bool add,
                          float *gradient, void *scratch, double *out)
{
  launch_sum (stream, count, SquaredErrors{ a, b, scale, add, gradient }, (Sums *)scratch, out);
}

/* ---- Sums over positions, for each lane ------------------------------------------------------------------------ */

#define COLUMNS 32   /* lanes of a block */
#define LINES   8    /* positions that it takes at once */
#define SLAB    1024 /* positions that it sums */

static __host__ __device__ size_t
count_slabs (size_t positions)
{
  return (positions + SLAB - 1) / SLAB;
}

/* A block: lanes side by side, of a slab of a map. @value: what a lane of a position gives to the two sums; @partials:
 * (maps, slabs, lanes) */
template <typename Value>
static __global__ void
sum_slabs (size_t positions, int32_t lanes, Value value, Sums *partials)
{
  WCT_SHARED Sums lines[LINES][COLUMNS];
  const int32_t   lane = (int32_t)(blockIdx.x * COLUMNS + threadIdx.x);
  const size_t    first = (size_t)blockIdx.y * SLAB, end = first + SLAB < positions ? first + SLAB : positions;
  Sums            own = { 0, 0 };

  for (size_t position = first + threadIdx.y; position < end && lane < lanes; position += LINES)
    own = add_sums (own, value (blockIdx.z, position, lane));
  lines[threadIdx.y][threadIdx.x] = own;
  __syncthreads ();
  if (threadIdx.y != 0 || lane >= lanes)
    return;
  for (int line = 1; line < LINES; line++)
    own = add_sums (own, lines[line][threadIdx.x]);
  partials[((size_t)blockIdx.z * gridDim.y + blockIdx.y) * (size_t)lanes + (size_t)lane] = own;
}

/* @finish: takes a map's lane and its sums */
template <typename Finish>
static __global__ void
finish_slabs (size_t slabs, int32_t count, int32_t lanes, const Sums *partials, Finish finish)
{
  const size_t i = thread_index (), map = i / (size_t)lanes, lane = i % (size_t)lanes;
  Sums         sums = { 0, 0 };

  if (map >= (size_t)count)
    return;
  for (size_t slab = 0; slab < slabs; slab++)
    sums = add_sums (sums, partials[(map * slabs + slab) * (size_t)lanes + lane]);
  finish (map, (int32_t)lane, sums);
}

template <typename Value, typename Finish>
static void
launch_lane_sums (void *stream, int32_t count, size_t positions, int32_t lanes, Value value, Sums *partials,
                  Finish finish)
{
  const size_t slabs = count_slabs (positions);

  WCT_LAUNCH (sum_slabs<Value>, dim3 (count_blocks ((size_t)lanes, COLUMNS), (unsigned)slabs, (unsigned)count),
              dim3 (COLUMNS, LINES), stream, positions, lanes, value, partials);
  WCT_LAUNCH (finish_slabs<Finish>, dim3 (count_blocks ((size_t)count * (size_t)lanes, BLOCK)), dim3 (BLOCK), stream,
              slabs, count, lanes, partials, finish);
}

/* ---- Gradients of weights and biases ---------------------------------------------------------------------------- */

static __global__ void
add_weights (size_t count, int32_t in_c, int32_t taps, const float *packed, float scale, float *gradient)
{
  const size_t i = thread_index (), in_lanes = (size_t)((in_c + WCT_CUDA_LANES - 1) / WCT_CUDA_LANES * WCT_CUDA_LANES);
  const size_t tap = i % (size_t)taps, in = i / (size_t)taps % (size_t)in_c, out = i / (size_t)taps / (size_t)in_c;

  if (i < count)
    gradient[i] += scale * packed[(out * (size_t)taps + tap) * in_lanes + in];
}

extern "C" void
wct_launch_add_weights (void *stream, int32_t out_c, int32_t in_c, int32_t side, const float *packed, float scale,
                        float *gradient)
{
  const size_t count = (size_t)out_c * (size_t)in_c * (size_t)(side * side);

  WCT_LAUNCH (add_weights, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), stream, count, in_c, side * side, packed,
              scale, gradient);
}

template <typename T> struct LaneValues
{
  const T *values; /* (positions, lanes) */
  int32_t  lanes;

  __device__ Sums operator() (size_t, size_t position, int32_t lane) const
  {
    return Sums{ (double)load (values[position * (size_t)lanes + (size_t)lane]), 0 };
  }
};

struct AddToBiases
{
  int32_t channels;
  float   scale;
  float  *biases;

  __device__ void operator() (size_t, int32_t lane, Sums sums) const
  {
    if (lane < channels)
      biases[lane] = (float)((double)biases[lane] + (double)scale * sums.sum);
  }
};

extern "C" size_t
wct_biases_scratch (size_t positions, int32_t lanes)
{
  return count_slabs (positions) * (size_t)lanes * sizeof (Sums);
}

extern "C" void
wct_launch_add_biases (void *stream, size_t positions, int32_t channels, int32_t lanes, WctElement element,
                       const void *gradient, float scale, void *scratch, float *biases)
{
  with_element (element, [&] (auto value) {
    using T = decltype (value);
    launch_lane_sums (stream, 1, positions, lanes, LaneValues<T>{ (const T *)gradient, lanes }, (Sums *)scratch,
                      AddToBiases{ channels, scale, biases });
  });
}

/* ---- Cosines of standardized features --------------------------------------------------------------------------- */

/* A batch, and of each lane of its maps the mean and the deviation: (count, lanes). */
typedef struct
{
  const float *values;
  size_t       positions;
  int32_t      lanes;
  double      *means, *deviations;
} Features;

static __device__ double
value_at (const Features &features, size_t map, size_t position, int32_t lane)
{
  return features.values[(map * features.positions + position) * (size_t)features.lanes + (size_t)lane];
}

static __device__ double
centered_at (const Features &features, size_t map, size_t position, int32_t lane)
{
  return value_at (features, map, position, lane) - features.means[map * (size_t)features.lanes + (size_t)lane];
}

static __device__ double
standardized_at (const Features &features, size_t map, size_t position, int32_t lane)
{
  return centered_at (features, map, position, lane) / features.deviations[map * (size_t)features.lanes + (size_t)lane];
}

struct FeatureValues
{
  Features features;

  __device__ Sums operator() (size_t map, size_t position, int32_t lane) const
  {
    return Sums{ value_at (features, map, position, lane), 0 };
  }
};

struct StoreMeans
{
  Features features;

  __device__ void operator() (size_t map, int32_t lane, Sums sums) const
  {
    features.means[map * (size_t)features.lanes + (size_t)lane] = sums.sum / (double)features.positions;
  }
};

struct CenteredSquares
{
  Features features;

  __device__ Sums operator() (size_t map, size_t position, int32_t lane) const
  {
    const double centered = centered_at (features, map, position, lane);

    return Sums{ centered * centered, 0 };
  }
};

struct StoreDeviations
{
  Features features;

  __device__ void operator() (size_t map, int32_t lane, Sums sums) const
  {
    features.deviations[map * (size_t)features.lanes + (size_t)lane] =
      sqrt (sums.sum / (double)features.positions + WCT_COSINE_EPSILON);
  }
};

/* Of each position, over its channels: (count, positions) each. Norms of 0 stand for a cosine of 0. */
typedef struct
{
  double *cosines, *squares, *norms; /* squares: Σ a~²; norms: √(Σ a~² Σ b~²) */
} Angles;

static __device__ double
sum_warp (double value)
{
  for (int offset = 16; offset > 0; offset /= 2)
    value += __shfl_xor_sync (0xFFFFFFFFu, value, offset);
  return value;
}

/* A warp takes a position; all of its threads stay to the end, as they shuffle together. */
static __global__ void
measure_angles (size_t positions, int32_t count, int32_t channels, Features a, Features b, Angles angles)
{
  const size_t item = (size_t)blockIdx.x * LINES + threadIdx.y, map = item / positions, position = item % positions;
  const bool   there = map < (size_t)count;
  double       squares = 0, other = 0, product = 0;

  for (int32_t lane = (int32_t)threadIdx.x; lane < channels && there; lane += 32)
    {
      const double first = standardized_at (a, map, position, lane), second = standardized_at (b, map, position, lane);

      squares += first * first;
      other += second * second;
      product += first * second;
    }
  squares = sum_warp (squares);
  other = sum_warp (other);
  product = sum_warp (product);
  if (threadIdx.x != 0 || !there)
    return;

  const double norms = sqrt (squares * other);
  angles.cosines[item] = norms > 0 ? product / norms : 0;
  angles.squares[item] = squares;
  angles.norms[item] = norms;
}

/* The gradient of a map's error at a~. */
static __device__ double
gradient_at (const Features &a, const Features &b, const Angles &angles, size_t map, size_t position, int32_t lane)
{
  const size_t at = map * a.positions + position;

  if (!(angles.norms[at] > 0))
    return 0;
  return (angles.cosines[at] * standardized_at (a, map, position, lane) / angles.squares[at]
          - standardized_at (b, map, position, lane) / angles.norms[at])
         / (double)a.positions;
}

/* Mean and deviation move with every value: what the gradient at a~ sums up to, and its product with a~. */
struct Gradients
{
  Features a, b;
  Angles   angles;

  __device__ Sums operator() (size_t map, size_t position, int32_t lane) const
  {
    const double gradient = gradient_at (a, b, angles, map, position, lane);

    return Sums{ gradient, gradient * standardized_at (a, map, position, lane) };
  }
};

struct StoreSums
{
  int32_t lanes;
  Sums   *out;

  __device__ void operator() (size_t map, int32_t lane, Sums sums) const
  {
    out[map * (size_t)lanes + (size_t)lane] = sums;
  }
};

static __global__ void
finish_cosine (WctCosineShape shape, size_t items, Features a, Features b, Angles angles, const Sums *sums, float *out)
{
  const size_t  item = thread_index (), row = item / (size_t)shape.lanes;
  const size_t  map = row / shape.positions, position = row % shape.positions;
  const int32_t lane = (int32_t)(item % (size_t)shape.lanes);

  if (item >= items || lane >= shape.channels)
    return;

  const size_t at = map * (size_t)shape.lanes + (size_t)lane;
  const double mean = sums[at].sum / (double)shape.positions, product = sums[at].squares / (double)shape.positions;
  const double gradient =
    gradient_at (a, b, angles, map, position, lane) - mean - standardized_at (a, map, position, lane) * product;
  out[item] = (float)((shape.add ? (double)out[item] : 0.0) + (double)shape.scale * gradient / a.deviations[at]);
}

/* Doubles: statistics of both (4, count, lanes), sums of the gradient (count, lanes, 2), angles (3, count, positions);
 * then partial sums of whatever is summed. */
static size_t
count_cosine_doubles (const WctCosineShape *shape)
{
  return (size_t)shape->count * (6 * (size_t)shape->lanes + 3 * shape->positions);
}

extern "C" size_t
wct_cosine_scratch (const WctCosineShape *shape)
{
  const size_t lane_partials =
    (size_t)shape->count * count_slabs (shape->positions) * (size_t)shape->lanes * sizeof (Sums);
  const size_t partials = wct_sums_scratch (shape->positions);

  return count_cosine_doubles (shape) * sizeof (double) + (lane_partials > partials ? lane_partials : partials);
}

static void
launch_standardize (void *stream, const WctCosineShape *shape, const Features &features, Sums *partials)
{
  launch_lane_sums (stream, shape->count, shape->positions, shape->lanes, FeatureValues{ features }, partials,
                    StoreMeans{ features });
  launch_lane_sums (stream, shape->count, shape->positions, shape->lanes, CenteredSquares{ features }, partials,
                    StoreDeviations{ features });
}

extern "C" void
wct_launch_cosine (void *stream, const WctCosineShape *shape, const float *a, const float *b, float *gradient,
                   void *scratch, double *out)
{
  const size_t   lanes = (size_t)shape->count * (size_t)shape->lanes, rows = (size_t)shape->count * shape->positions;
  double        *at = (double *)scratch;
  Sums          *sums = (Sums *)(at + 4 * lanes), *partials = (Sums *)(at + count_cosine_doubles (shape));
  const Features first = { a, shape->positions, shape->lanes, at, at + lanes };
  const Features second = { b, shape->positions, shape->lanes, at + 2 * lanes, at + 3 * lanes };
  const Angles   angles = { at + 6 * lanes, at + 6 * lanes + rows, at + 6 * lanes + 2 * rows };

  launch_standardize (stream, shape, first, partials);
  launch_standardize (stream, shape, second, partials);
  WCT_LAUNCH (measure_angles, dim3 (count_blocks (rows, LINES)), dim3 (32, LINES), stream, shape->positions,
              shape->count, shape->channels, first, second, angles);
  for (size_t map = 0; map < (size_t)shape->count; map++)
    launch_sum (stream, shape->positions, Values<double>{ angles.cosines + map * shape->positions }, partials,
                out + 2 * map);
  if (gradient == NULL)
    return;
  launch_lane_sums (stream, shape->count, shape->positions, shape->lanes, Gradients{ first, second, angles }, partials,
                    StoreSums{ shape->lanes, sums });
  WCT_LAUNCH (finish_cosine, dim3 (count_blocks (rows * (size_t)shape->lanes, BLOCK)), dim3 (BLOCK), stream, *shape,
              rows * (size_t)shape->lanes, first, second, angles, sums, gradient);
}

/* ---- Value by value --------------------------------------------------------------------------------------------- */

static __global__ void
accumulate (size_t count, const float *from, float *to)
{
  const size_t i = thread_index ();

  if (i < count)
    to[i] += from[i];
}

extern "C" void
wct_launch_accumulate (void *stream, size_t count, const float *from, float *to)
{
  WCT_LAUNCH (accumulate, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), stream, count, from, to);
}

static __global__ void
sum_lanes (const float *lane_gradients, int lanes, size_t stride, size_t count, float *out)
{
  const size_t i = thread_index ();
  float        sum = 0;

  if (i >= count)
    return;
  for (int lane = 0; lane < lanes; lane++)
    sum += lane_gradients[(size_t)lane * stride + i];
  out[i] = sum;
}

extern "C" void
wct_launch_sum_lanes (void *stream, const float *lane_gradients, int lanes, size_t stride, size_t count, float *out)
{
  WCT_LAUNCH (sum_lanes, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), stream, lane_gradients, lanes, stride, count,
              out);
}

/* As PyTorch has it: epsilon is added to the root of the corrected second moment. */
static __global__ void
adam (WctAdamStep step, const float *gradient, float *parameters, float *first, float *second, size_t count,
      float *average)
{
  const size_t i = thread_index ();
  const double beta1 = (double)step.beta1, beta2 = (double)step.beta2;

  if (i >= count)
    return;

  const double g = (double)gradient[i] * (double)step.gradient_scale;
  first[i] = (float)(beta1 * (double)first[i] + (1.0 - beta1) * g);
  second[i] = (float)(beta2 * (double)second[i] + (1.0 - beta2) * g * g);
  parameters[i] = (float)((double)parameters[i]
                          - (double)step.rate * ((double)first[i] / step.correction1)
                              / (sqrt ((double)second[i] / step.correction2) + (double)step.epsilon));
  if (average != NULL)
    average[i] += (1 - step.average_decay) * (parameters[i] - average[i]);
}

extern "C" void
wct_launch_adam (void *stream, const WctAdamStep *step, const float *gradient, float *parameters, float *first,
                 float *second, size_t count, float *average)
{
  WCT_LAUNCH (adam, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), stream, *step, gradient, parameters, first,
              second, count, average);
}
