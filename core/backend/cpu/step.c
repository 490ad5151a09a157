#include "step.h"

#include "mem.h"

static size_t
align_up (size_t bytes)
{
  return (bytes + WCT_ALIGNMENT - 1) / WCT_ALIGNMENT * WCT_ALIGNMENT;
}

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

/* The padded input comes first in the scratch. */
static size_t
gather_bytes (const WctStep *step)
{
  return align_up (wct_gather_floats (&step->gather, step->out.strip_rows, step->piece_columns) * sizeof (float));
}

size_t
wct_step_scratch_bytes (const WctCpu *cpu, const WctStep *step)
{
  size_t bytes = 0;

  if (step->kind == WCT_STEP_RESAMPLE)
    return 0;
  if (step->kind == WCT_STEP_WINOGRAD)
    {
      const WctWinogradShape shape = wct_step_winograd_shape (cpu, step, step->out.strip_rows, step->piece_columns);

      bytes = wct_winograd_scratch_floats (&shape) * sizeof (float);
    }
  for (int v = 0; v < 2; v++)
    if (step->variants[v].conv != NULL)
      bytes = larger (bytes, wct_dnnl_conv_scratch_bytes (step->variants[v].conv));
  return gather_bytes (step) + bytes;
}

void
wct_step_needs (const WctStep *step, int32_t strip, int32_t *first, int32_t *last)
{
  wct_gather_needs (&step->gather, wct_strip_first_row (&step->out, strip), wct_strip_row_count (&step->out, strip),
                    first, last);
  *first /= step->gather.source.strip_rows;
  *last /= step->gather.source.strip_rows;
}

static WctStatus
convolve (const WctStep *step, const float *padded, void *scratch, float *result, int32_t rows, int32_t chunk,
          WctError *err)
{
  const WctStepVariant *variant = &step->variants[rows == step->out.strip_rows ? 0 : 1];
  const int32_t         chunk_channels = step->layer->out_c / step->pieces;

  wct_dnnl_begin_single_thread ();
  return wct_dnnl_conv_run (
    variant->conv, variant->weights[chunk]->packed,
    &(WctDnnlBuffers){ .source = padded,
                       .bias = variant->weights[chunk]->bias,
                       .result =
                         result + (size_t)chunk * (size_t)chunk_channels * (size_t)rows * (size_t)step->out.shape.w,
                       .scratch = scratch },
    err);
}

/* @part: of the channels */
static void
convolve_by_winograd (const WctCpu *cpu, const WctStep *step, const WctPiece *piece, int32_t part, const float *padded,
                      void *scratch, float *result)
{
  const WctWinogradShape shape = wct_step_winograd_shape (cpu, step, piece->rows, piece->columns);
  const size_t           lanes_before = (size_t)part * (size_t)shape.out_lanes;

  cpu->kernels->winograd_conv (&shape, padded, step->own_weight + (size_t)part * wct_winograd_weight_floats (&shape),
                               step->own_bias + lanes_before,
                               result + lanes_before * (size_t)piece->rows * (size_t)step->out.shape.w
                                 + (size_t)piece->x * (size_t)shape.block,
                               scratch);
}

static void
convolve_to_picture (const WctCpu *cpu, const WctStep *step, const float *padded, const WctRing *out, int32_t strip,
                     const WctPiece *piece)
{
  const WctConv *layer = step->layer;
  const int32_t  block = step->gather.block;
  float         *channels[WCT_PLANAR_CHANNELS_MAX];

  for (int32_t o = 0; o < layer->out_c; o++)
    channels[o] = wct_strip_block (&out->layout, out->data, strip, o) + piece->x;
  cpu->kernels->picture_conv (padded, (layer->in_c + block - 1) / block, piece->rows, piece->columns, step->own_weight,
                              layer->bias, layer->out_c, layer->relu, channels, step->out.shape.w);
}

/* The columns that a piece stands for; where pieces are channels, all of them. */
static WctPiece
place_piece (const WctStep *step, int32_t strip, int32_t piece)
{
  const int32_t x = step->by_channels ? 0 : piece * step->piece_columns, left = step->out.shape.w - x;

  return (WctPiece){ .y = wct_strip_first_row (&step->out, strip),
                     .x = x,
                     .rows = wct_strip_row_count (&step->out, strip),
                     .columns = left < step->piece_columns ? left : step->piece_columns };
}

WctStatus
wct_step_run (WctCpu *cpu, const WctStep *step, const WctRing *source, const WctRing *out, int32_t strip, int32_t piece,
              void *scratch, WctError *err)
{
  const WctPiece place = place_piece (step, strip, piece);
  float         *result = wct_strip_block (&out->layout, out->data, strip, 0);
  void          *behind = (char *)scratch + gather_bytes (step);
  WctGather      gather = step->gather;

  gather.source = source->layout;
  wct_gather_piece (&gather, source->data, place, step->kind == WCT_STEP_RESAMPLE ? result : scratch);
  switch (step->kind)
    {
    case WCT_STEP_CONVOLVE:
      return convolve (step, scratch, behind, result, place.rows, piece, err);
    case WCT_STEP_WINOGRAD:
      convolve_by_winograd (cpu, step, &place, step->by_channels ? piece : 0, scratch, behind, result);
      break;
    case WCT_STEP_PICTURE:
      convolve_to_picture (cpu, step, scratch, out, strip, &place);
      break;
    case WCT_STEP_RESAMPLE:
      break;
    }
  return WCT_OK;
}
