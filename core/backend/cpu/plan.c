/* Plans: a list of layers at one shape becomes a list of steps, each of which makes one map from another. */
#include <string.h>

#include "mem.h"
#include "step.h"

/* Our own Winograd kernels are faster than oneDNN's convolutions of either kind (docs/benchmarks.md) from this many
 * positions of a strip on: less is nearly all edge. */
#define WINOGRAD_POSITIONS_MIN 64

/* A wide layer with fewer strips than this is also cut by its output channels, down to CHUNK_CHANNELS. */
#define PIECES_WANTED  4
#define CHUNK_CHANNELS 128

/* What our own kernels compute at a time, about, where a strip is wider: input and result stay in the cache. */
#define PIECE_POSITIONS 4096
#define PIECE_COLUMNS   64 /* whole groups of Winograd's tiles */

/* Channels with the lanes that fill the last block up. */
static int32_t
lanes_of (int32_t channels, int32_t block)
{
  return (channels + block - 1) / block * block;
}

/* oneDNN's view of a layer: whole blocks, since not all of its kernels fill up channels themselves. */
static WctStatus
compile (WctCpu *cpu, const WctStep *step, int32_t rows, WctDnnlConv **out, WctError *err)
{
  const WctConv         *layer = step->layer;
  const WctDnnlConvShape shape = {
    .in_c = lanes_of (layer->in_c, step->gather.block),
    .out_c = lanes_of (layer->out_c, cpu->kernels->block) / step->pieces,
    .count = 1,
    .side = 3,
    .rows = rows,
    .columns = step->out.shape.w,
    .block = cpu->kernels->block,
    .planar_source = step->gather.block == 1,
    .relu = layer->relu,
  };

  return wct_dnnl_conv_new (cpu->engine, &shape, layer->name, out, err);
}

static WctStatus
make_variant (WctCpu *cpu, const WctStep *step, int32_t strip, WctStepVariant *variant, WctError *err)
{
  const WctConv *layer = step->layer;
  WctConvPart    part = { layer->name, layer->weight, layer->bias, layer->in_c, layer->out_c / step->pieces };
  WctStatus      status = compile (cpu, step, wct_strip_row_count (&step->out, strip), &variant->conv, err);

  for (int32_t i = 0; i < step->pieces && status == WCT_OK; i++)
    {
      status = wct_cpu_weights_take (cpu, variant->conv, &part, &variant->weights[i], err);
      part.weight += (size_t)part.out_c * (size_t)part.in_c * 9;
      part.bias += part.out_c;
    }
  return status;
}

static WctStatus
make_variants (WctCpu *cpu, WctStep *step, WctError *err)
{
  const int32_t last = step->out.strips - 1;
  WctStatus     status = make_variant (cpu, step, 0, &step->variants[0], err);

  if (status == WCT_OK && wct_strip_row_count (&step->out, last) != step->out.strip_rows)
    status = make_variant (cpu, step, last, &step->variants[1], err);
  return status;
}

static void
free_variants (WctCpu *cpu, WctStep *step)
{
  for (int v = 0; v < 2; v++)
    {
      wct_dnnl_conv_free (&step->variants[v].conv);
      for (int i = 0; i < WCT_STEP_CHUNKS_MAX; i++)
        wct_cpu_weights_give_back (cpu, &step->variants[v].weights[i]);
    }
}

static int32_t
choose_chunks (const WctStep *step)
{
  int32_t chunks = 1;

  while (step->out.strips * chunks < PIECES_WANTED && chunks * 2 <= WCT_STEP_CHUNKS_MAX
         && step->layer->out_c % (CHUNK_CHANNELS * chunks * 2) == 0)
    chunks *= 2;
  return chunks;
}

static WctStatus
make_convolution (WctCpu *cpu, WctStep *step, WctError *err)
{
  WctStatus status;

  step->kind = WCT_STEP_CONVOLVE;
  step->by_channels = true;
  step->pieces = choose_chunks (step);
  status = make_variants (cpu, step, err);
  if (status == WCT_ERR_UNSUPPORTED && step->gather.block == 1)
    {
      /* oneDNN's kernels for planar input know 1 and 3 channels. */
      free_variants (cpu, step);
      step->gather.block = cpu->kernels->block;
      status = make_variants (cpu, step, err);
    }
  return status;
}

/* Columns of a piece, where a strip of whole rows would be too large. */
static void
cut_columns (WctStep *step)
{
  const int32_t w = step->out.shape.w;
  const int32_t pieces = (int32_t)(((int64_t)w * step->out.strip_rows + PIECE_POSITIONS / 2) / PIECE_POSITIONS);
  const int32_t columns = pieces > 1 ? (w / pieces + PIECE_COLUMNS - 1) / PIECE_COLUMNS * PIECE_COLUMNS : w;

  step->piece_columns = columns < w ? columns : w;
  step->pieces = (w + step->piece_columns - 1) / step->piece_columns;
}

/* (outputs, in_c, 9) to (outputs, 9, blocks, block), lanes beyond in_c zero. */
static WctStatus
make_picture_convolution (WctCpu *cpu, WctStep *step, WctError *err)
{
  const WctConv *layer = step->layer;
  const int32_t  block = cpu->kernels->block;
  const size_t   lanes = (size_t)((layer->in_c + block - 1) / block) * (size_t)block;
  WctStatus      status;

  step->kind = WCT_STEP_PICTURE;
  step->gather.block = block;
  cut_columns (step);
  status = wct_alloc ((size_t)layer->out_c * 9 * lanes, sizeof (float), layer->name, &step->own_weight, err);
  if (status != WCT_OK)
    return status;
  for (int32_t o = 0; o < layer->out_c; o++)
    for (int32_t c = 0; c < layer->in_c; c++)
      for (size_t tap = 0; tap < 9; tap++)
        step->own_weight[((size_t)o * 9 + tap) * lanes + (size_t)c] =
          layer->weight[((size_t)o * (size_t)layer->in_c + (size_t)c) * 9 + tap];
  return WCT_OK;
}

WctWinogradShape
wct_step_winograd_shape (const WctCpu *cpu, const WctStep *step, int32_t rows, int32_t columns)
{
  const int32_t block = cpu->kernels->block;
  const size_t  row_floats = (size_t)step->out.shape.w * (size_t)block;

  return (WctWinogradShape){ .in_lanes = lanes_of (step->layer->in_c, block),
                             .out_lanes = lanes_of (step->layer->out_c, block) / (step->by_channels ? step->pieces : 1),
                             .block = block,
                             .rows = rows,
                             .columns = columns,
                             .out_row_floats = row_floats,
                             .out_block_floats = (size_t)rows * row_floats,
                             .relu = step->layer->relu };
}

static bool
suits_winograd (const WctCpu *cpu, const WctStep *step)
{
  const WctWinogradShape shape = wct_step_winograd_shape (cpu, step, step->out.strip_rows, step->out.shape.w);

  return cpu->kernels->winograd_conv != NULL && step->gather.block > 1
         && shape.rows * shape.columns >= WINOGRAD_POSITIONS_MIN;
}

static WctStatus
make_winograd (WctCpu *cpu, WctStep *step, WctError *err)
{
  const WctConv *layer = step->layer;
  const int32_t  lanes = lanes_of (layer->out_c, cpu->kernels->block);
  size_t         part_floats;
  WctStatus      status;

  step->kind = WCT_STEP_WINOGRAD;
  step->by_channels = wct_winograd_is_wide (layer->in_c, layer->out_c);
  if (step->by_channels)
    step->pieces = choose_chunks (step);
  else
    cut_columns (step);

  const int32_t          parts = step->by_channels ? step->pieces : 1;
  const WctWinogradShape shape = wct_step_winograd_shape (cpu, step, step->out.strip_rows, step->piece_columns);
  part_floats = wct_winograd_weight_floats (&shape);
  WCT_TRY (wct_alloc ((size_t)parts * part_floats, sizeof (float), layer->name, &step->own_weight, err));
  WCT_TRY (wct_alloc ((size_t)lanes, sizeof (float), layer->name, &step->own_bias, err));
  for (int32_t i = 0; i < parts; i++)
    wct_winograd_transform_weights (
      &shape, layer->weight + (size_t)i * (size_t)shape.out_lanes * (size_t)layer->in_c * 9, layer->in_c,
      parts > 1 ? shape.out_lanes : layer->out_c, step->own_weight + (size_t)i * part_floats);
  memcpy (step->own_bias, layer->bias, (size_t)layer->out_c * sizeof (float));

out:
  return status;
}

/* @layer: NULL for resampling alone */
static WctStatus
make_step (WctCpu *cpu, const WctConv *layer, WctResample resample, WctShape in, WctShape seen, WctStep *step,
           WctError *err)
{
  const WctShape     out = { layer != NULL ? layer->out_c : seen.c, seen.h, seen.w };
  const WctMapLayout source = wct_map_layout (in, cpu->kernels->block);

  step->layer = layer;
  step->gather = (WctGather){ cpu->kernels, source, resample, seen, source.block, layer != NULL ? 1 : 0 };
  step->out = wct_map_layout (out, cpu->kernels->block);
  step->pieces = 1;
  step->piece_columns = seen.w;
  if (layer == NULL)
    {
      step->kind = WCT_STEP_RESAMPLE;
      return WCT_OK;
    }
  step->work = 9.0 * layer->in_c * layer->out_c * out.h * out.w;
  if (step->out.block == 1)
    return make_picture_convolution (cpu, step, err);
  return suits_winograd (cpu, step) ? make_winograd (cpu, step, err) : make_convolution (cpu, step, err);
}

static WctResample
resample_of (const WctLayer *layer)
{
  return layer->kind == WCT_LAYER_POOL ? WCT_RESAMPLE_POOL : WCT_RESAMPLE_UPSAMPLE;
}

static WctStatus
make_steps (WctCpu *cpu, WctPlan *plan, const WctLayer *layers, int count, WctShape in, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < count && status == WCT_OK; i++)
    {
      WctResample resample = WCT_RESAMPLE_NONE;
      WctShape    seen = in;

      if (layers[i].kind == WCT_LAYER_EMBED)
        return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: embeddings are for training only", layers[i].conv.name);
      if (layers[i].kind != WCT_LAYER_CONV)
        {
          resample = resample_of (&layers[i]);
          seen = wct_layer_shape (&layers[i], in);
          if (i + 1 < count && layers[i + 1].kind == WCT_LAYER_CONV)
            i++;
        }
      const WctConv *conv = layers[i].kind == WCT_LAYER_CONV ? &layers[i].conv : NULL;
      status = make_step (cpu, conv, resample, in, seen, &plan->steps[plan->count], err);
      plan->steps[plan->count++].layers = i + 1;
      in = plan->steps[plan->count - 1].out.shape;
    }
  return status;
}

WctStatus
wct_cpu_plan_new (void *ctx, const WctLayer *layers, int count, WctShape in, WctPlan **out, WctError *err)
{
  WctCpu   *cpu = ctx;
  WctPlan  *plan = NULL;
  WctStatus status;
  const int before = wct_dnnl_begin_single_thread ();

  WCT_TRY (wct_alloc (1, sizeof *plan, "plan", &plan, err));
  WCT_TRY (wct_alloc ((size_t)count, sizeof *plan->steps, "plan", &plan->steps, err));
  plan->in = in;
  WCT_TRY (make_steps (cpu, plan, layers, count, in, err));
  *out = plan;
  plan = NULL;

out:
  wct_cpu_plan_free (ctx, &plan);
  wct_dnnl_end_single_thread (before);
  return status;
}

void
wct_cpu_plan_free (void *ctx, WctPlan **plan)
{
  if (*plan == NULL)
    return;
  for (int i = 0; i < (*plan)->count; i++)
    {
      free_variants (ctx, &(*plan)->steps[i]);
      wct_free (&(*plan)->steps[i].own_bias);
      wct_free (&(*plan)->steps[i].own_weight);
    }
  wct_free (&(*plan)->steps);
  wct_free (plan);
}

static size_t
kept_bytes (const WctCpu *cpu, const WctStep *step)
{
  size_t bytes = 0;

  if (step->kind == WCT_STEP_WINOGRAD)
    {
      const WctWinogradShape shape = wct_step_winograd_shape (cpu, step, step->out.strip_rows, step->piece_columns);

      return (size_t)(step->by_channels ? step->pieces : 1) * wct_winograd_weight_floats (&shape) * sizeof (float);
    }
  for (int v = 0; v < 2; v++)
    if (step->variants[v].conv != NULL)
      bytes += (size_t)step->pieces * wct_dnnl_conv_weight_bytes (step->variants[v].conv);
  return bytes;
}

size_t
wct_cpu_plan_memory (void *ctx, const WctPlan *plan)
{
  size_t bytes = 0;

  for (int i = 0; i < plan->count; i++)
    bytes += kept_bytes (ctx, &plan->steps[i]);
  return bytes;
}
