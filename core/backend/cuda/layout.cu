/* Maps from one form to another: planes of floats, positions of lanes, padded maps for convolutions. */
#include "kernel.h"
#include "launch.h"

#define BLOCK 256

/* ---- Planes --------------------------------------------------------------------------------------------------- */

/* Where the value of a lane at a position lies among the planes. */
static __device__ size_t
place_in_planes (const WctPlanes &planes, size_t position, int32_t channel)
{
  const size_t x = position % (size_t)planes.columns, row = position / (size_t)planes.columns;

  return row / (size_t)planes.rows * planes.map_stride + (size_t)channel * planes.channel_stride
         + row % (size_t)planes.rows * planes.row_stride + x;
}

/* A warp takes positions side by side: planes are read in order, and a position's lanes stay in the cache. */
template <typename T>
static __global__ void
from_planes (WctPlanes planes, int32_t lanes, size_t positions, const float *in, T *out)
{
  const size_t position = thread_index ();

  if (position >= positions)
    return;
  for (int32_t lane = 0; lane < lanes; lane++)
    store (out + position * (size_t)lanes + lane,
           lane < planes.channels ? in[place_in_planes (planes, position, lane)] : 0.0f);
}

template <typename T>
static __global__ void
to_planes (WctPlanes planes, int32_t lanes, size_t positions, const T *in, float *out)
{
  const size_t position = thread_index ();

  if (position >= positions)
    return;
  for (int32_t channel = 0; channel < planes.channels; channel++)
    out[place_in_planes (planes, position, channel)] = load (in[position * (size_t)lanes + channel]);
}

static size_t
count_positions (const WctPlanes *planes)
{
  return (size_t)planes->count * (size_t)planes->rows * (size_t)planes->columns;
}

extern "C" void
wct_launch_from_planes (void *stream, const WctPlanes *planes, const float *in, WctElement element, void *out)
{
  const size_t positions = count_positions (planes);

  with_element (element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (from_planes<T>, dim3 (count_blocks (positions, BLOCK)), dim3 (BLOCK), stream, *planes,
                wct_cuda_lanes (planes->channels), positions, in, (T *)out);
  });
}

extern "C" void
wct_launch_to_planes (void *stream, const WctPlanes *planes, WctElement element, const void *in, float *out)
{
  const size_t positions = count_positions (planes);

  with_element (element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (to_planes<T>, dim3 (count_blocks (positions, BLOCK)), dim3 (BLOCK), stream, *planes,
                wct_cuda_lanes (planes->channels), positions, (const T *)in, out);
  });
}

/* ---- What convolutions read ----------------------------------------------------------------------------------- */

/* About the edge position, by at most one; a side of 1 repeats it. */
static __device__ int32_t
reflect (int32_t i, int32_t count)
{
  if (count == 1)
    return 0;
  return i < 0 ? -i : i >= count ? 2 * (count - 1) - i : i;
}

template <typename From>
static __device__ Lanes<From>
                  larger (const Lanes<From> &a, const Lanes<From> &b)
{
  Lanes<From> out = a;

  for (int i = 0; i < WCT_CUDA_LANES; i++)
    if (load (b.at[i]) > load (a.at[i]))
      out.at[i] = b.at[i];
  return out;
}

/* @map: the rows that are there, of @columns positions of @groups; @y, @x: in the map that is pooled, up-sampled. */
template <typename From>
static __device__ Lanes<From>
fetch (const WctGather &gather, const Lanes<From> *map, int32_t columns, int32_t groups, int32_t y, int32_t x)
{
  const size_t       line = (size_t)columns * (size_t)groups;
  const Lanes<From> *at;

  switch (gather.kind)
    {
    case WCT_GATHER_POOL:
      at = map + (size_t)(2 * y - gather.in_first) * line + 2 * (size_t)x * (size_t)groups;
      return larger (larger (at[0], at[groups]), larger (at[line], at[line + (size_t)groups]));
    case WCT_GATHER_UPSAMPLE:
      return map[(size_t)(y / 2 - gather.in_first) * line + (size_t)(x / 2) * (size_t)groups];
    default:
      return map[(size_t)(y - gather.in_first) * line + (size_t)x * (size_t)groups];
    }
}

/* Each thread makes a group of lanes at a position of the result. @in_columns: of the map before */
template <typename From, typename To>
static __global__ void
gather_lanes (WctGather gather, int32_t in_columns, size_t items, const Lanes<From> *in, Lanes<To> *out)
{
  const int32_t groups = gather.lanes / WCT_CUDA_LANES, ring = gather.pad ? 1 : 0;
  const int32_t columns = gather.width + 2 * ring, rows = gather.rows + 2 * ring;
  const size_t  item = thread_index ();

  if (item >= items)
    return;

  const int32_t     group = (int32_t)(item % (size_t)groups);
  const size_t      position = item / (size_t)groups;
  const int32_t     column = (int32_t)(position % (size_t)columns);
  const size_t      line = position / (size_t)columns;
  const int32_t     y = reflect (gather.first + (int32_t)(line % (size_t)rows) - ring, gather.height);
  const int32_t     x = reflect (column - ring, gather.width);
  const size_t      map = line / (size_t)rows * (size_t)gather.in_rows * (size_t)in_columns * (size_t)groups;
  const Lanes<From> from = fetch (gather, in + map + group, in_columns, groups, y, x);
  Lanes<To>         to;

  for (int i = 0; i < WCT_CUDA_LANES; i++)
    store (&to.at[i], load (from.at[i]));
  out[item] = to;
}

static int32_t
columns_before (const WctGather *gather)
{
  switch (gather->kind)
    {
    case WCT_GATHER_POOL:
      return gather->width * 2;
    case WCT_GATHER_UPSAMPLE:
      return gather->width / 2;
    default:
      return gather->width;
    }
}

extern "C" void
wct_launch_gather (void *stream, const WctGather *gather, const void *in, void *out)
{
  const int32_t ring = gather->pad ? 2 : 0;
  const size_t  items = (size_t)gather->count * (size_t)(gather->rows + ring) * (size_t)(gather->width + ring)
                       * (size_t)(gather->lanes / WCT_CUDA_LANES);

  with_element (gather->from, [&] (auto from) {
    with_element (gather->to, [&] (auto to) {
      using From = Lanes<decltype (from)>;
      using To = Lanes<decltype (to)>;
      WCT_LAUNCH ((gather_lanes<decltype (from), decltype (to)>), dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK),
                  stream, *gather, columns_before (gather), items, (const From *)in, (To *)out);
    });
  });
}

/* ---- Elements ------------------------------------------------------------------------------------------------- */

template <typename From, typename To>
static __global__ void
convert (size_t count, const From *in, To *out)
{
  const size_t i = thread_index ();

  if (i < count)
    store (out + i, load (in[i]));
}

extern "C" void
wct_launch_convert (void *stream, size_t count, WctElement from, const void *in, WctElement to, void *out)
{
  with_element (from, [&] (auto a) {
    with_element (to, [&] (auto b) {
      WCT_LAUNCH ((convert<decltype (a), decltype (b)>), dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), stream,
                  count, (const decltype (a) *)in, (decltype (b) *)out);
    });
  });
}

/* ---- Weights -------------------------------------------------------------------------------------------------- */

/* Each thread makes a weight; those of the first lane make the biases, too. */
template <typename T>
static __global__ void
pack (int32_t out_c, int32_t in_c, int32_t taps, size_t items, const float *weight, const float *bias, T *packed,
      float *packed_bias)
{
  const size_t  item = thread_index ();
  const size_t  in_lanes = (size_t)((in_c + WCT_CUDA_LANES - 1) / WCT_CUDA_LANES * WCT_CUDA_LANES);
  const int32_t in = (int32_t)(item % in_lanes), tap = (int32_t)(item / in_lanes % (size_t)taps);
  const int32_t out = (int32_t)(item / in_lanes / (size_t)taps);
  const bool    there = out < out_c && in < in_c;

  if (item >= items)
    return;
  store (packed + item, there ? weight[((size_t)out * (size_t)in_c + (size_t)in) * (size_t)taps + (size_t)tap] : 0.0f);
  if (in == 0 && tap == 0)
    packed_bias[out] = out < out_c ? bias[out] : 0.0f;
}

extern "C" void
wct_launch_pack (void *stream, int32_t out_c, int32_t in_c, int32_t side, const float *weight, const float *bias,
                 WctElement element, void *packed, float *packed_bias)
{
  const size_t items = (size_t)wct_cuda_lanes (out_c) * (size_t)(side * side) * (size_t)wct_cuda_lanes (in_c);

  with_element (element, [&] (auto value) {
    using T = decltype (value);
    WCT_LAUNCH (pack<T>, dim3 (count_blocks (items, BLOCK)), dim3 (BLOCK), stream, out_c, in_c, side * side, items,
                weight, bias, (T *)packed, packed_bias);
  });
}

/* ---- Checks --------------------------------------------------------------------------------------------------- */

static __global__ void
find_not_finite (size_t count, size_t columns, const float *values, int *row)
{
  const size_t i = thread_index ();

  if (i < count && !(fabsf (values[i]) <= 3.402823466e38f))
    atomicMin (row, (int)(i / columns));
}

extern "C" void
wct_launch_find_not_finite (void *stream, int32_t rows, size_t columns, const float *values, int *row)
{
  const size_t count = (size_t)rows * columns;

  WCT_LAUNCH (find_not_finite, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), stream, count, columns, values, row);
}
