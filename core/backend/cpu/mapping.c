/* Affine maps of features: a 1×1 convolution of what is left when the center is taken away, by oneDNN, strip by strip.
 */
#include "mapping.h"

#include <string.h>

#include "mem.h"

static size_t
strip_bytes (const WctMapLayout *layout)
{
  return wct_strip_floats (layout) * sizeof (float);
}

/* ---- Making it ------------------------------------------------------------------------------------------------ */

static WctStatus
make_conv (WctCpuMapping *mapping, int32_t rows, WctDnnlConv **out, WctError *err)
{
  const int32_t          lanes = (int32_t)wct_map_lanes (&mapping->layout);
  const WctDnnlConvShape shape = {
    .in_c = lanes,
    .out_c = lanes,
    .count = 1,
    .side = 1,
    .rows = rows,
    .columns = mapping->layout.shape.w,
    .block = mapping->layout.block,
  };

  return wct_dnnl_conv_new (mapping->cpu->engine, &shape, "transform", out, err);
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
  for (int v = 0; v < 2; v++)
    if (mapping->convs[v] != NULL)
      WCT_TRY (wct_dnnl_weights_new (mapping->convs[v], matrix, &map->weights[v], err));

out:
  return status;
}

WctStatus
wct_cpu_mapping_new (WctCpu *cpu, const WctMapLayout *layout, const WctSelect *select, const WctAffine *const *maps,
                     WctCpuMapping *out, WctError *err)
{
  const size_t  lanes = wct_map_lanes (layout);
  const int32_t last_rows = wct_strip_row_count (layout, layout->strips - 1);
  float        *matrix = NULL;
  WctStatus     status;

  *out =
    (WctCpuMapping){ .cpu = cpu, .layout = *layout, .select = select, .regions = select == NULL ? 1 : select->count };
  WCT_TRY (make_conv (out, layout->strip_rows, &out->convs[0], err));
  if (last_rows != layout->strip_rows)
    WCT_TRY (make_conv (out, last_rows, &out->convs[1], err));
  WCT_TRY (wct_alloc ((size_t)out->regions, sizeof *out->maps, "transform", &out->maps, err));
  WCT_TRY (wct_alloc (lanes, lanes * sizeof (float), "transform", &matrix, err));
  for (int i = 0; i < out->regions; i++)
    if (maps[i] != NULL)
      WCT_TRY (make_region (out, maps[i], matrix, &out->maps[i], err));

out:
  wct_free (&matrix);
  return status;
}

void
wct_cpu_mapping_clear (WctCpuMapping *mapping)
{
  for (int i = 0; mapping->maps != NULL && i < mapping->regions; i++)
    {
      for (int v = 0; v < 2; v++)
        wct_dnnl_weights_free (&mapping->maps[i].weights[v]);
      wct_free (&mapping->maps[i].center);
    }
  wct_free (&mapping->maps);
  for (int v = 0; v < 2; v++)
    wct_dnnl_conv_free (&mapping->convs[v]);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

/* The centered strip; for regions the mapped one and which of its positions count; behind them, oneDNN's. */
static size_t
own_scratch (const WctCpuMapping *mapping)
{
  const size_t strip = strip_bytes (&mapping->layout);
  const size_t select = ((size_t)wct_strip_positions (&mapping->layout, 0) + WCT_ALIGNMENT - 1) / WCT_ALIGNMENT;

  return mapping->select == NULL ? strip : 2 * strip + select * WCT_ALIGNMENT;
}

size_t
wct_cpu_mapping_scratch (const WctCpuMapping *mapping)
{
  size_t bytes = 0;

  for (int v = 0; v < 2; v++)
    if (mapping->convs[v] != NULL && wct_dnnl_conv_scratch_bytes (mapping->convs[v]) > bytes)
      bytes = wct_dnnl_conv_scratch_bytes (mapping->convs[v]);
  return own_scratch (mapping) + bytes;
}

static WctStatus
map_region (const WctCpuMapping *mapping, const WctCpuRegionMap *map, const float *in, int32_t strip, void *scratch,
            float *out, WctError *err)
{
  const WctMapLayout *layout = &mapping->layout;
  const int32_t       positions = wct_strip_positions (layout, strip);
  const int           v = wct_strip_row_count (layout, strip) == layout->strip_rows ? 0 : 1;
  const size_t        plane = (size_t)positions * (size_t)layout->block;
  float              *centered = scratch;

  for (int32_t b = 0; b < layout->blocks; b++)
    mapping->cpu->kernels->center_block (in + (size_t)b * plane, positions, layout->block,
                                         map->center + b * layout->block, centered + (size_t)b * plane);
  wct_dnnl_begin_single_thread ();
  return wct_dnnl_conv_run (
    mapping->convs[v], map->weights[v],
    &(WctDnnlBuffers){
      .source = centered, .bias = map->bias, .result = out, .scratch = (char *)scratch + own_scratch (mapping) },
    err);
}

/* All regions see the features as they were encoded. */
static WctStatus
map_regions (const WctCpuMapping *mapping, const float *in, int32_t strip, void *scratch, float *out, WctError *err)
{
  const WctMapLayout *layout = &mapping->layout;
  const int32_t       positions = wct_strip_positions (layout, strip);
  const size_t        plane = (size_t)positions * (size_t)layout->block;
  float              *mapped = (float *)(void *)((char *)scratch + strip_bytes (layout));
  uint8_t            *select = (uint8_t *)scratch + 2 * strip_bytes (layout);
  WctStatus           status = WCT_OK;

  if (in != out)
    memcpy (out, in, plane * (size_t)layout->blocks * sizeof (float));
  for (int i = 0; i < mapping->regions && status == WCT_OK; i++)
    if (mapping->maps[i].bias != NULL)
      {
        mapping->select->rows (mapping->select->data, i, WCT_SELECT_MAPPED, wct_strip_first_row (layout, strip),
                               wct_strip_row_count (layout, strip), select);
        status = map_region (mapping, &mapping->maps[i], in, strip, scratch, mapped, err);
        for (int32_t b = 0; b < layout->blocks; b++)
          mapping->cpu->kernels->copy_selected (mapped + (size_t)b * plane, select, positions, layout->block,
                                                out + (size_t)b * plane);
      }
  return status;
}

WctStatus
wct_cpu_mapping_strip (const WctCpuMapping *mapping, const WctRing *in, const WctRing *out, int32_t strip,
                       void *scratch, WctError *err)
{
  const float *from = wct_strip_block (&in->layout, in->data, strip, 0);
  float       *to = wct_strip_block (&out->layout, out->data, strip, 0);

  return mapping->select == NULL ? map_region (mapping, &mapping->maps[0], from, strip, scratch, to, err)
                                 : map_regions (mapping, from, strip, scratch, to, err);
}
