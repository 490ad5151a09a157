/* Affine maps of features: a 1×1 convolution of what is left when the center is taken away, by oneDNN, strip by strip.
 * Where there are regions, the positions of each are gathered first, so that many regions that lie beside each other
 * cost about what one does. */
#include "mapping.h"

#include <string.h>

#include "mem.h"

static size_t
strip_bytes (const WctMapLayout *layout)
{
  return wct_strip_floats (layout) * sizeof (float);
}

/* ---- Making it ------------------------------------------------------------------------------------------------ */

#define PICKED_WORK (1 << 20) /* multiply-adds that the call of a convolution is small beside */
#define PICKED_MIN  64
#define PICKED_MAX  1024

/* How many positions of a region are mapped at once. The last ones of a strip are filled up to it. */
static int32_t
picked_at_once (const WctMapLayout *layout)
{
  const int32_t lanes = (int32_t)wct_map_lanes (layout), wanted = PICKED_WORK / (lanes * lanes);
  const int32_t count = wanted < PICKED_MIN ? PICKED_MIN : wanted > PICKED_MAX ? PICKED_MAX : wanted;

  return count < wct_strip_positions (layout, 0) ? count : wct_strip_positions (layout, 0);
}

static size_t
picked_bytes (const WctMapLayout *layout)
{
  return (size_t)picked_at_once (layout) * wct_map_lanes (layout) * sizeof (float);
}

static WctStatus
make_conv (WctCpuMapping *mapping, int32_t rows, int32_t columns, WctDnnlConv **out, WctError *err)
{
  const int32_t          lanes = (int32_t)wct_map_lanes (&mapping->layout);
  const WctDnnlConvShape shape = {
    .in_c = lanes,
    .out_c = lanes,
    .count = 1,
    .side = 1,
    .rows = rows,
    .columns = columns,
    .block = mapping->layout.block,
  };

  return wct_dnnl_conv_new (mapping->cpu->engine, &shape, "transform", out, err);
}

static WctStatus
make_convs (WctCpuMapping *mapping, WctError *err)
{
  const WctMapLayout *layout = &mapping->layout;
  const int32_t       last_rows = wct_strip_row_count (layout, layout->strips - 1), w = layout->shape.w;
  WctDnnlConv       **convs = mapping->convs;
  WctStatus           status;

  WCT_TRY (make_conv (mapping, layout->strip_rows, w, &convs[WCT_CPU_MAP_STRIP], err));
  if (last_rows != layout->strip_rows)
    WCT_TRY (make_conv (mapping, last_rows, w, &convs[WCT_CPU_MAP_LAST], err));
  if (mapping->weights != NULL)
    WCT_TRY (make_conv (mapping, 1, picked_at_once (layout), &convs[WCT_CPU_MAP_PICKED], err));

out:
  return status;
}

/* @matrix: (lanes, lanes): channels filled up to whole blocks with zeros */
static void
round_matrix (const WctAffine *affine, size_t lanes, float *matrix)
{
  const size_t channels = (size_t)affine->channels;

  for (size_t row = 0; row < channels; row++)
    for (size_t column = 0; column < channels; column++)
      matrix[row * lanes + column] = (float)affine->matrix[row * channels + column];
}

static WctStatus
make_region (const WctCpuMapping *mapping, const WctAffine *affine, float *matrix, WctCpuRegionMap *map, WctError *err)
{
  const size_t lanes = wct_map_lanes (&mapping->layout);
  WctStatus    status;

  WCT_TRY (wct_alloc (lanes, 2 * sizeof (float), "transform", &map->center, err));
  map->bias = map->center + lanes;
  for (int32_t c = 0; c < affine->channels; c++)
    {
      map->center[c] = (float)affine->center[c];
      map->bias[c] = (float)affine->bias[c];
    }
  round_matrix (affine, lanes, matrix);
  for (int i = 0; i < WCT_CPU_MAP_SHAPES; i++)
    if (mapping->convs[i] != NULL && (i == 0 || !wct_dnnl_weights_fit (map->weights[0], mapping->convs[i])))
      WCT_TRY (wct_dnnl_weights_new (mapping->convs[i], matrix, &map->weights[i], err));

out:
  return status;
}

WctStatus
wct_cpu_mapping_new (WctCpu *cpu, const WctMapLayout *layout, const WctRegionWeights *weights,
                     const WctAffine *const *maps, WctCpuMapping *out, WctError *err)
{
  const size_t lanes = wct_map_lanes (layout);
  float       *matrix = NULL;
  WctStatus    status;

  *out = (WctCpuMapping){
    .cpu = cpu, .layout = *layout, .weights = weights, .regions = weights == NULL ? 1 : weights->count
  };
  WCT_TRY (make_convs (out, err));
  WCT_TRY (wct_alloc ((size_t)out->regions, sizeof *out->maps, "transform", &out->maps, err));
  WCT_TRY (wct_alloc (lanes, lanes * sizeof (float), "transform", &matrix, err));
  for (int i = 0; i < out->regions; i++)
    if (maps[i] != NULL)
      WCT_TRY (make_region (out, maps[i], matrix, &out->maps[i], err));

out:
  wct_free (&matrix);
  return status;
}

/* Packed matrices, which fit all shapes; another one while they are packed. */
size_t
wct_cpu_mapping_bytes (const WctMapLayout *layout, int regions)
{
  const size_t lanes = wct_map_lanes (layout);

  return (size_t)(regions + 1) * lanes * (lanes + 2) * sizeof (float);
}

void
wct_cpu_mapping_clear (WctCpuMapping *mapping)
{
  for (int i = 0; mapping->maps != NULL && i < mapping->regions; i++)
    {
      for (int k = 0; k < WCT_CPU_MAP_SHAPES; k++)
        wct_dnnl_weights_free (&mapping->maps[i].weights[k]);
      wct_free (&mapping->maps[i].center);
    }
  wct_free (&mapping->maps);
  for (int i = 0; i < WCT_CPU_MAP_SHAPES; i++)
    wct_dnnl_conv_free (&mapping->convs[i]);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

static size_t
round_up (size_t bytes)
{
  return (bytes + WCT_ALIGNMENT - 1) / WCT_ALIGNMENT * WCT_ALIGNMENT;
}

/* What a thread works in: first the centered features, of a strip or picked; for regions, the picked ones when they are
 * mapped, a strip's positions with weights and these; at the end oneDNN's own. */
typedef struct
{
  size_t mapped, positions, weights, dnnl; /* where each begins, in bytes */
} Room;

static Room
room_of (const WctCpuMapping *mapping)
{
  const WctMapLayout *layout = &mapping->layout;
  const size_t        positions = (size_t)wct_strip_positions (layout, 0);
  Room                room = { .mapped = round_up (picked_bytes (layout)) };

  room.positions = round_up (room.mapped + picked_bytes (layout));
  if (room.positions < round_up (strip_bytes (layout))) /* a region that is everywhere is mapped as a strip */
    room.positions = round_up (strip_bytes (layout));
  room.weights = round_up (room.positions + positions * sizeof (int32_t));
  room.dnnl = round_up (room.weights + positions * sizeof (float));
  if (mapping->weights == NULL)
    room.dnnl = round_up (strip_bytes (layout));
  return room;
}

size_t
wct_cpu_mapping_scratch (const WctCpuMapping *mapping)
{
  size_t bytes = 0;

  for (int i = 0; i < WCT_CPU_MAP_SHAPES; i++)
    if (mapping->convs[i] != NULL && wct_dnnl_conv_scratch_bytes (mapping->convs[i]) > bytes)
      bytes = wct_dnnl_conv_scratch_bytes (mapping->convs[i]);
  return room_of (mapping).dnnl + bytes;
}

static WctStatus
convolve (const WctCpuMapping *mapping, const WctCpuRegionMap *map, WctCpuMapShape shape, const float *centered,
          void *scratch, float *out, WctError *err)
{
  const WctDnnlWeights *own = map->weights[shape];

  wct_dnnl_begin_single_thread ();
  return wct_dnnl_conv_run (
    mapping->convs[shape], own != NULL ? own : map->weights[WCT_CPU_MAP_STRIP],
    &(WctDnnlBuffers){
      .source = centered, .bias = map->bias, .result = out, .scratch = (char *)scratch + room_of (mapping).dnnl },
    err);
}

/* The map of one region, everywhere in a strip. */
static WctStatus
map_strip (const WctCpuMapping *mapping, const WctCpuRegionMap *map, const float *in, int32_t strip, void *scratch,
           float *out, WctError *err)
{
  const WctMapLayout *layout = &mapping->layout;
  const int32_t       positions = wct_strip_positions (layout, strip);
  const bool          full = wct_strip_row_count (layout, strip) == layout->strip_rows;
  const size_t        plane = (size_t)positions * (size_t)layout->block;
  float              *centered = scratch;

  for (int32_t b = 0; b < layout->blocks; b++)
    mapping->cpu->kernels->center_block (in + (size_t)b * plane, NULL, positions, layout->block,
                                         map->center + b * layout->block, centered + (size_t)b * plane);
  return convolve (mapping, map, full ? WCT_CPU_MAP_STRIP : WCT_CPU_MAP_LAST, centered, scratch, out, err);
}

/* Positions of a strip that a region has weight at. */
typedef struct
{
  const int32_t *positions;
  const float   *weights;
  int32_t        count;
} Picked;

/* Of up to picked_at_once of them. */
static WctStatus
map_picked (const WctCpuMapping *mapping, const WctCpuRegionMap *map, const Picked *picked, const float *in,
            int32_t strip, void *scratch, float *out, WctError *err)
{
  const WctMapLayout *layout = &mapping->layout;
  const WctKernels   *kernels = mapping->cpu->kernels;
  const int32_t       block = layout->block, at_once = picked_at_once (layout);
  const size_t        plane = (size_t)wct_strip_positions (layout, strip) * (size_t)block;
  const size_t        picked_plane = (size_t)at_once * (size_t)block, filled = (size_t)picked->count * (size_t)block;
  float *const        centered = scratch;
  float *const        mapped = (float *)(void *)((char *)scratch + room_of (mapping).mapped);
  WctStatus           status;

  for (int32_t b = 0; b < layout->blocks; b++)
    {
      float *to = centered + (size_t)b * picked_plane;

      kernels->center_block (in + (size_t)b * plane, picked->positions, picked->count, block, map->center + b * block,
                             to);
      memset (to + filled, 0, (picked_plane - filled) * sizeof *to);
    }
  status = convolve (mapping, map, WCT_CPU_MAP_PICKED, centered, scratch, mapped, err);
  for (int32_t b = 0; b < layout->blocks && status == WCT_OK; b++)
    kernels->mix_positions (mapped + (size_t)b * picked_plane, picked->positions, picked->weights, picked->count, block,
                            in + (size_t)b * plane, out + (size_t)b * plane);
  return status;
}

static bool
is_everywhere (const Picked *picked, int32_t positions)
{
  if (picked->count < positions)
    return false;
  for (int32_t i = 0; i < positions; i++)
    if (picked->weights[i] < 1)
      return false;
  return true;
}

static WctStatus
map_region (const WctCpuMapping *mapping, int region, const float *in, int32_t strip, void *scratch, float *out,
            WctError *err)
{
  const WctMapLayout    *layout = &mapping->layout;
  const WctCpuRegionMap *map = &mapping->maps[region];
  const Room             room = room_of (mapping);
  const int32_t          at_once = picked_at_once (layout);
  int32_t *const         positions = (int32_t *)(void *)((char *)scratch + room.positions);
  float *const           weights = (float *)(void *)((char *)scratch + room.weights);
  WctStatus              status = WCT_OK;
  const Picked           all = { positions, weights,
                                 mapping->weights->pick (mapping->weights->data, region, WCT_WEIGHTS_MAPPED,
                                                         wct_strip_first_row (layout, strip), wct_strip_row_count (layout, strip),
                                                         positions, weights) };

  if (is_everywhere (&all, wct_strip_positions (layout, strip)))
    return map_strip (mapping, map, in, strip, scratch, out, err);
  for (int32_t first = 0; first < all.count && status == WCT_OK; first += at_once)
    {
      const int32_t left = all.count - first;
      const Picked  some = { positions + first, weights + first, left < at_once ? left : at_once };

      status = map_picked (mapping, map, &some, in, strip, scratch, out, err);
    }
  return status;
}

/* All regions see the features as they were encoded. */
static WctStatus
map_regions (const WctCpuMapping *mapping, const float *in, int32_t strip, void *scratch, float *out, WctError *err)
{
  const WctMapLayout *layout = &mapping->layout;
  const size_t        lanes = wct_map_lanes (layout);
  WctStatus           status = WCT_OK;

  if (!mapping->adds)
    memcpy (out, in, (size_t)wct_strip_positions (layout, strip) * lanes * sizeof (float));
  for (int i = 0; i < mapping->regions && status == WCT_OK; i++)
    if (mapping->maps[i].bias != NULL)
      status = map_region (mapping, i, in, strip, scratch, out, err);
  return status;
}

WctStatus
wct_cpu_mapping_strip (const WctCpuMapping *mapping, const WctRing *in, const WctRing *out, int32_t strip,
                       void *scratch, WctError *err)
{
  const float *from = wct_strip_block (&in->layout, in->data, strip, 0);
  float       *to = wct_strip_block (&out->layout, out->data, strip, 0);

  return mapping->weights == NULL ? map_strip (mapping, &mapping->maps[0], from, strip, scratch, to, err)
                                  : map_regions (mapping, from, strip, scratch, to, err);
}
