/* Affine maps of features: a 1×1 convolution of what is left when the center is taken away, by oneDNN, strip by strip.
 */
#include "cpu.h"

#include <string.h>

#include "mem.h"

/* Of one height of strips: all but the last, or the last. */
typedef struct
{
  WctDnnlConv    *conv;
  WctDnnlWeights *weights;
} Variant;

typedef struct
{
  WctCpu        *cpu;
  WctCpuTensor  *tensor;
  const uint8_t *select;        /* borrowed; NULL: all */
  Variant        variants[2];   /* full strips, last strip */
  float         *matrix;        /* owned; (lanes, lanes): channels filled up to whole blocks with zeros */
  float         *center, *bias; /* (lanes), behind the matrix */
} Map;

static size_t
lane_count (const WctMapLayout *layout)
{
  return (size_t)layout->blocks * (size_t)layout->block;
}

static WctStatus
round_affine (Map *map, const WctAffine *affine, WctError *err)
{
  const size_t channels = (size_t)affine->channels, lanes = lane_count (&map->tensor->layout);
  WctStatus    status = wct_alloc (lanes * (lanes + 2), sizeof (float), "transform", &map->matrix, err);

  if (status != WCT_OK)
    return status;
  map->center = map->matrix + lanes * lanes;
  map->bias = map->center + lanes;
  for (size_t row = 0; row < channels; row++)
    {
      for (size_t column = 0; column < channels; column++)
        map->matrix[row * lanes + column] = (float)affine->matrix[row * channels + column];
      map->center[row] = (float)affine->center[row];
      map->bias[row] = (float)affine->bias[row];
    }
  return WCT_OK;
}

static WctStatus
make_variant (Map *map, int32_t rows, Variant *variant, WctError *err)
{
  const WctMapLayout    *layout = &map->tensor->layout;
  const int32_t          lanes = (int32_t)lane_count (layout);
  const WctDnnlConvShape shape = {
    .in_c = lanes,
    .out_c = lanes,
    .count = 1,
    .side = 1,
    .rows = rows,
    .columns = layout->shape.w,
    .block = layout->block,
  };
  WctStatus status;

  WCT_TRY (wct_dnnl_conv_new (map->cpu->engine, &shape, "transform", &variant->conv, err));
  WCT_TRY (wct_dnnl_weights_new (variant->conv, map->matrix, &variant->weights, err));

out:
  return status;
}

static size_t
strip_bytes (const WctMapLayout *layout)
{
  return wct_strip_offset (layout, 1) * sizeof (float);
}

/* Per thread: the centered strip, the mapped one where only some positions are wanted, and oneDNN's scratch. */
static WctStatus
reserve_scratch (Map *map, WctError *err)
{
  size_t conv_bytes = 0;

  for (int v = 0; v < 2; v++)
    if (map->variants[v].conv != NULL)
      {
        const size_t bytes = wct_dnnl_conv_scratch_bytes (map->variants[v].conv);

        conv_bytes = bytes > conv_bytes ? bytes : conv_bytes;
      }
  return wct_cpu_scratch_reserve (
    map->cpu, (map->select == NULL ? 1 : 2) * strip_bytes (&map->tensor->layout) + conv_bytes, 0, 0, err);
}

static WctStatus
make_map (Map *map, const WctAffine *affine, WctError *err)
{
  const WctMapLayout *layout = &map->tensor->layout;
  const int32_t       last_rows = wct_strip_row_count (layout, layout->strips - 1);
  WctStatus           status;

  WCT_TRY (round_affine (map, affine, err));
  WCT_TRY (make_variant (map, wct_strip_row_count (layout, 0), &map->variants[0], err));
  if (last_rows != layout->strip_rows)
    WCT_TRY (make_variant (map, last_rows, &map->variants[1], err));
  WCT_TRY (reserve_scratch (map, err));

out:
  return status;
}

static void
clear_map (Map *map)
{
  for (int v = 0; v < 2; v++)
    {
      wct_dnnl_weights_free (&map->variants[v].weights);
      wct_dnnl_conv_free (&map->variants[v].conv);
    }
  wct_free (&map->matrix);
}

static WctStatus
map_strip (void *data, int strip, int thread, WctError *err)
{
  const Map          *map = data;
  const WctMapLayout *layout = &map->tensor->layout;
  const WctKernels   *kernels = map->cpu->kernels;
  const int32_t       positions = wct_strip_positions (layout, strip), block = layout->block;
  const Variant      *variant = &map->variants[wct_strip_row_count (layout, strip) == layout->strip_rows ? 0 : 1];
  const uint8_t      *select =
    map->select == NULL ? NULL : map->select + (size_t)wct_strip_first_row (layout, strip) * (size_t)layout->shape.w;
  char     *scratch = map->cpu->scratch.thread[thread];
  float    *centered = (float *)(void *)scratch, *strip_data = wct_strip_block (layout, map->tensor->data, strip, 0);
  float    *mapped = select == NULL ? strip_data : (float *)(void *)(scratch + strip_bytes (layout));
  WctStatus status;

  wct_dnnl_begin_single_thread ();
  for (int32_t b = 0; b < layout->blocks; b++)
    kernels->center_block (wct_strip_block (layout, map->tensor->data, strip, b), positions, block,
                           map->center + b * block, centered + (size_t)b * (size_t)positions * (size_t)block);
  status = wct_dnnl_conv_run (variant->conv, variant->weights,
                              &(WctDnnlBuffers){ .source = centered,
                                                 .bias = map->bias,
                                                 .result = mapped,
                                                 .scratch = scratch + (select == NULL ? 1 : 2) * strip_bytes (layout) },
                              err);
  for (int32_t b = 0; select != NULL && status == WCT_OK && b < layout->blocks; b++)
    kernels->copy_selected (mapped + (size_t)b * (size_t)positions * (size_t)block, select, positions, block,
                            wct_strip_block (layout, map->tensor->data, strip, b));
  return status;
}

WctStatus
wct_cpu_affine (void *ctx, WctTensor *features, const uint8_t *select, const WctAffine *affine, WctMonitor *monitor,
                WctError *err)
{
  Map       map = { .cpu = ctx, .tensor = (WctCpuTensor *)features, .select = select };
  const int before = wct_dnnl_begin_single_thread ();
  WctStatus status;

  WCT_TRY (make_map (&map, affine, err));
  WCT_TRY (wct_pool_run (map.cpu->pool, map.tensor->layout.strips, map_strip, &map, monitor, 0, err));

out:
  clear_map (&map);
  wct_dnnl_end_single_thread (before);
  return status;
}
