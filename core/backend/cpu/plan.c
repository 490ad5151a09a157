/* Plans: a list of layers at one shape becomes a list of steps, each of which makes one map from another, piece by
 * piece.
 *
 * A step is a convolution with the pooling or up-sampling before it, if there is one. A piece is a strip of the result,
 * or for wide layers with few strips a part of its channels. For each piece a thread collects its padded input
 * (gather.c) and computes the result straight into its place. */
#include "cpu.h"

#include <string.h>

#include "gather.h"
#include "mem.h"

/* oneDNN's Winograd is asked for from here on; with fewer channels it is no faster than direct convolution (measured:
 * docs/benchmarks.md). */
#define WINOGRAD_CHANNELS_MIN 32

/* Up to here our own Winograd kernel is faster than oneDNN's convolutions of either kind (docs/benchmarks.md). */
#define OWN_WINOGRAD_LANES_MAX     128
#define OWN_WINOGRAD_POSITIONS_MIN 64 /* of a strip: less is nearly all edge */

/* A layer with fewer strips than this is also cut by its output channels, down to CHUNK_CHANNELS. */
#define PIECES_WANTED  4
#define CHUNK_CHANNELS 128
#define CHUNKS_MAX     4

typedef enum
{
  STEP_CONVOLVE, /* by oneDNN */
  STEP_WINOGRAD, /* by our own kernel */
  STEP_PICTURE,  /* to up to 4 channels, by our own kernel */
  STEP_RESAMPLE  /* pooling or up-sampling alone */
} StepKind;

/* Of one height of strips: all but the last, or the last. */
typedef struct
{
  WctDnnlConv      *conv; /* owned; NULL where there is no such strip */
  WctPackedWeights *weights[CHUNKS_MAX];
} Variant;

typedef struct
{
  StepKind       kind;
  const WctConv *layer; /* borrowed; NULL for STEP_RESAMPLE */
  WctGather      gather;
  WctMapLayout   out;
  int32_t        piece_rows, strips; /* of the result; the last strip may have fewer rows */
  int32_t        chunks;             /* parts of the output channels */
  Variant        variants[2];        /* full strips, last strip */
  float         *own_weight;         /* owned; as STEP_PICTURE's or STEP_WINOGRAD's kernel wants it */
  float         *own_bias;           /* owned; (out_lanes), for STEP_WINOGRAD */
  double         work;
} Step;

struct WctPlan
{
  Step  *steps; /* owned */
  int    count;
  size_t thread_bytes;
  size_t map_floats[2];
};

/* ---- Making a plan ------------------------------------------------------------------------------------------ */

static int32_t
rows_of_strip (const Step *step, int32_t strip)
{
  const int32_t left = step->out.shape.h - strip * step->piece_rows;

  return left < step->piece_rows ? left : step->piece_rows;
}

/* Channels with the lanes that fill the last block up. */
static int32_t
lanes_of (int32_t channels, int32_t block)
{
  return (channels + block - 1) / block * block;
}

/* oneDNN's view of a layer: whole blocks, since not all of its kernels fill up channels themselves. */
static WctStatus
compile (WctCpu *cpu, const Step *step, int32_t rows, WctDnnlConv **out, WctError *err)
{
  const WctConv   *layer = step->layer;
  WctDnnlConvShape shape = {
    .in_c = lanes_of (layer->in_c, step->gather.block),
    .out_c = lanes_of (layer->out_c, cpu->kernels->block) / step->chunks,
    .count = 1,
    .side = 3,
    .rows = rows,
    .columns = step->out.shape.w,
    .block = cpu->kernels->block,
    .planar_source = step->gather.block == 1,
    .relu = layer->relu,
    .winograd = layer->in_c >= WINOGRAD_CHANNELS_MIN && layer->out_c >= WINOGRAD_CHANNELS_MIN,
  };
  WctStatus status = WCT_ERR_UNSUPPORTED;

  if (shape.winograd)
    status = wct_dnnl_conv_new (cpu->engine, &shape, layer->name, out, err);
  if (status == WCT_ERR_UNSUPPORTED)
    {
      shape.winograd = false;
      status = wct_dnnl_conv_new (cpu->engine, &shape, layer->name, out, err);
    }
  return status;
}

static WctStatus
make_variant (WctCpu *cpu, const Step *step, int32_t strip, Variant *variant, WctError *err)
{
  const WctConv *layer = step->layer;
  WctConvPart    part = { layer->name, layer->weight, layer->bias, layer->in_c, layer->out_c / step->chunks };
  WctStatus      status = compile (cpu, step, rows_of_strip (step, strip), &variant->conv, err);

  for (int32_t i = 0; i < step->chunks && status == WCT_OK; i++)
    {
      status = wct_cpu_weights_take (cpu, variant->conv, &part, &variant->weights[i], err);
      part.weight += (size_t)part.out_c * (size_t)part.in_c * 9;
      part.bias += part.out_c;
    }
  return status;
}

static WctStatus
make_variants (WctCpu *cpu, Step *step, WctError *err)
{
  const int32_t last = step->strips - 1;
  WctStatus     status = make_variant (cpu, step, 0, &step->variants[0], err);

  if (status == WCT_OK && rows_of_strip (step, last) != step->piece_rows)
    status = make_variant (cpu, step, last, &step->variants[1], err);
  return status;
}

static void
free_variants (WctCpu *cpu, Step *step)
{
  for (int v = 0; v < 2; v++)
    {
      wct_dnnl_conv_free (&step->variants[v].conv);
      for (int i = 0; i < CHUNKS_MAX; i++)
        wct_cpu_weights_give_back (cpu, &step->variants[v].weights[i]);
    }
}

static int32_t
choose_chunks (const Step *step)
{
  int32_t chunks = 1;

  while (step->strips * chunks < PIECES_WANTED && chunks * 2 <= CHUNKS_MAX
         && step->layer->out_c % (CHUNK_CHANNELS * chunks * 2) == 0)
    chunks *= 2;
  return chunks;
}

static WctStatus
make_convolution (WctCpu *cpu, Step *step, WctError *err)
{
  WctStatus status;

  step->kind = STEP_CONVOLVE;
  step->chunks = choose_chunks (step);
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

/* (outputs, in_c, 9) to (outputs, 9, blocks, block), lanes beyond in_c zero. */
static WctStatus
make_picture_convolution (WctCpu *cpu, Step *step, WctError *err)
{
  const WctConv *layer = step->layer;
  const int32_t  block = cpu->kernels->block;
  const size_t   lanes = (size_t)((layer->in_c + block - 1) / block) * (size_t)block;
  WctStatus      status;

  step->kind = STEP_PICTURE;
  step->gather.block = block;
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

static WctWinogradShape
winograd_shape (const WctCpu *cpu, const Step *step, int32_t rows)
{
  const int32_t block = cpu->kernels->block;

  return (WctWinogradShape){ lanes_of (step->layer->in_c, block),
                             lanes_of (step->layer->out_c, block),
                             block,
                             rows,
                             step->out.shape.w,
                             step->layer->relu };
}

static bool
suits_own_winograd (const WctCpu *cpu, const Step *step)
{
  const WctWinogradShape shape = winograd_shape (cpu, step, step->piece_rows);

  return cpu->kernels->winograd_conv != NULL && step->gather.block > 1 && shape.in_lanes <= OWN_WINOGRAD_LANES_MAX
         && shape.out_lanes <= OWN_WINOGRAD_LANES_MAX && shape.rows * shape.columns >= OWN_WINOGRAD_POSITIONS_MIN;
}

static WctStatus
make_own_winograd (WctCpu *cpu, Step *step, WctError *err)
{
  const WctConv         *layer = step->layer;
  const WctWinogradShape shape = winograd_shape (cpu, step, step->piece_rows);
  WctStatus              status;

  step->kind = STEP_WINOGRAD;
  WCT_TRY (wct_alloc (wct_winograd_weight_floats (&shape), sizeof (float), layer->name, &step->own_weight, err));
  WCT_TRY (wct_alloc ((size_t)shape.out_lanes, sizeof (float), layer->name, &step->own_bias, err));
  wct_winograd_transform_weights (&shape, layer->weight, layer->in_c, layer->out_c, step->own_weight);
  memcpy (step->own_bias, layer->bias, (size_t)layer->out_c * sizeof (float));

out:
  return status;
}

/* @layer: NULL for resampling alone */
static WctStatus
make_step (WctCpu *cpu, const WctConv *layer, WctResample resample, WctShape in, WctShape seen, Step *step,
           WctError *err)
{
  const WctShape     out = { layer != NULL ? layer->out_c : seen.c, seen.h, seen.w };
  const WctMapLayout source = wct_map_layout (in, cpu->kernels->block);

  step->layer = layer;
  step->gather = (WctGather){ cpu->kernels, source, resample, seen, source.block, layer != NULL ? 1 : 0 };
  step->out = wct_map_layout (out, cpu->kernels->block);
  step->piece_rows = step->out.strip_rows;
  step->strips = step->out.strips;
  step->chunks = 1;
  if (layer == NULL)
    {
      step->kind = STEP_RESAMPLE;
      return WCT_OK;
    }

  step->work = 9.0 * layer->in_c * layer->out_c * out.h * out.w;
  if (step->out.block != 1)
    return suits_own_winograd (cpu, step) ? make_own_winograd (cpu, step, err) : make_convolution (cpu, step, err);

  /* A planar result is one strip, but any rows of it can be written alone: cut it as its input would be. */
  const WctMapLayout like = wct_map_layout ((WctShape){ cpu->kernels->block, seen.h, seen.w }, cpu->kernels->block);
  step->piece_rows = like.strip_rows;
  step->strips = like.strips;
  return make_picture_convolution (cpu, step, err);
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
      status = make_step (cpu, conv, resample, in, seen, &plan->steps[plan->count++], err);
      in = plan->steps[plan->count - 1].out.shape;
    }
  return status;
}

static size_t
align_up (size_t bytes)
{
  return (bytes + WCT_ALIGNMENT - 1) / WCT_ALIGNMENT * WCT_ALIGNMENT;
}

static size_t
gather_bytes (const Step *step)
{
  return align_up (wct_gather_floats (&step->gather, step->piece_rows) * sizeof (float));
}

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

/* What a thread needs for one piece, besides its padded input. */
static size_t
conv_scratch_bytes (const WctCpu *cpu, const Step *step)
{
  size_t bytes = 0;

  if (step->kind == STEP_WINOGRAD)
    {
      const WctWinogradShape shape = winograd_shape (cpu, step, step->piece_rows);

      return wct_winograd_scratch_floats (&shape) * sizeof (float);
    }
  for (int v = 0; v < 2; v++)
    if (step->variants[v].conv != NULL)
      bytes = larger (bytes, wct_dnnl_conv_scratch_bytes (step->variants[v].conv));
  return bytes;
}

static void
measure_scratch (const WctCpu *cpu, WctPlan *plan)
{
  for (int i = 0; i < plan->count; i++)
    {
      const Step *step = &plan->steps[i];

      plan->thread_bytes = larger (plan->thread_bytes, gather_bytes (step) + conv_scratch_bytes (cpu, step));
      if (i + 1 < plan->count)
        plan->map_floats[i % 2] = larger (plan->map_floats[i % 2], wct_map_floats (&step->out));
    }
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
  WCT_TRY (make_steps (cpu, plan, layers, count, in, err));
  measure_scratch (cpu, plan);
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
kept_bytes (const WctCpu *cpu, const Step *step)
{
  size_t bytes = 0;

  if (step->kind == STEP_WINOGRAD)
    {
      const WctWinogradShape shape = winograd_shape (cpu, step, step->piece_rows);

      return wct_winograd_weight_floats (&shape) * sizeof (float);
    }
  for (int v = 0; v < 2; v++)
    if (step->variants[v].conv != NULL)
      bytes += (size_t)step->chunks * wct_dnnl_conv_weight_bytes (step->variants[v].conv);
  return bytes;
}

static size_t
beyond (size_t wanted, size_t there)
{
  return wanted > there ? wanted - there : 0;
}

void
wct_cpu_plan_memory (void *ctx, const WctPlan *plan, size_t *kept, size_t *scratch)
{
  const WctCpu *cpu = ctx;

  *kept = 0;
  for (int i = 0; i < plan->count; i++)
    *kept += kept_bytes (cpu, &plan->steps[i]);
  *scratch = beyond (plan->thread_bytes, cpu->scratch.thread_bytes) * (size_t)wct_pool_threads (cpu->pool);
  for (int i = 0; i < 2; i++)
    *scratch += beyond (plan->map_floats[i], cpu->scratch.map_floats[i]) * sizeof (float);
}

/* ---- Running ------------------------------------------------------------------------------------------------ */

typedef struct
{
  WctCpu      *cpu;
  const Step  *step;
  const float *source;
  float       *destination;
} StepRun;

static WctStatus
convolve_piece (const StepRun *run, int32_t strip, int32_t chunk, void *scratch, WctError *err)
{
  const Step    *step = run->step;
  const int32_t  rows = rows_of_strip (step, strip);
  const Variant *variant = &step->variants[rows == step->piece_rows ? 0 : 1];
  const int32_t  chunk_channels = step->layer->out_c / step->chunks;
  float         *padded = scratch;
  float         *result = run->destination + wct_strip_offset (&step->out, strip)
                  + (size_t)chunk * (size_t)chunk_channels * (size_t)rows * (size_t)step->out.shape.w;

  wct_gather_rows (&step->gather, run->source, strip * step->piece_rows, rows, padded);
  return wct_dnnl_conv_run (variant->conv, variant->weights[chunk]->packed,
                            &(WctDnnlBuffers){ .source = padded,
                                               .bias = variant->weights[chunk]->bias,
                                               .result = result,
                                               .scratch = (char *)scratch + gather_bytes (step) },
                            err);
}

static void
convolve_own_piece (const StepRun *run, int32_t strip, void *scratch)
{
  const Step            *step = run->step;
  const int32_t          rows = rows_of_strip (step, strip);
  const WctWinogradShape shape = winograd_shape (run->cpu, step, rows);

  wct_gather_rows (&step->gather, run->source, strip * step->piece_rows, rows, scratch);
  run->cpu->kernels->winograd_conv (&shape, scratch, step->own_weight, step->own_bias,
                                    run->destination + wct_strip_offset (&step->out, strip),
                                    (float *)(void *)((char *)scratch + gather_bytes (step)));
}

static void
convolve_picture_piece (const StepRun *run, int32_t strip, float *padded)
{
  const Step    *step = run->step;
  const WctConv *layer = step->layer;
  const int32_t  block = step->gather.block;
  const int32_t  first = strip * step->piece_rows, rows = rows_of_strip (step, strip);
  float         *channels[WCT_PLANAR_CHANNELS_MAX];

  for (int32_t o = 0; o < layer->out_c; o++)
    channels[o] =
      run->destination + ((size_t)o * (size_t)step->out.shape.h + (size_t)first) * (size_t)step->out.shape.w;
  wct_gather_rows (&step->gather, run->source, first, rows, padded);
  run->cpu->kernels->picture_conv (padded, (layer->in_c + block - 1) / block, rows, step->out.shape.w, step->own_weight,
                                   layer->bias, layer->out_c, layer->relu, channels);
}

static WctStatus
run_piece (void *data, int item, int thread, WctError *err)
{
  const StepRun *run = data;
  const Step    *step = run->step;
  const int32_t  strip = item / step->chunks;
  void          *scratch = run->cpu->scratch.thread[thread];

  switch (step->kind)
    {
    case STEP_CONVOLVE:
      wct_dnnl_begin_single_thread ();
      return convolve_piece (run, strip, item % step->chunks, scratch, err);
    case STEP_WINOGRAD:
      convolve_own_piece (run, strip, scratch);
      break;
    case STEP_PICTURE:
      convolve_picture_piece (run, strip, scratch);
      break;
    case STEP_RESAMPLE:
      wct_gather_rows (&step->gather, run->source, strip * step->piece_rows, rows_of_strip (step, strip),
                       run->destination + wct_strip_offset (&step->out, strip));
      break;
    }
  return WCT_OK;
}

static WctStatus
run_steps (WctCpu *cpu, const WctPlan *plan, const float *source, float *destination, WctMonitor *monitor,
           WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < plan->count && status == WCT_OK; i++)
    {
      const Step *step = &plan->steps[i];
      StepRun     run = { cpu, step, source, i + 1 < plan->count ? cpu->scratch.map[i % 2] : destination };

      status = wct_pool_run (cpu->pool, step->strips * step->chunks, run_piece, &run, monitor, step->work, err);
      source = run.destination;
    }
  return status;
}

WctStatus
wct_cpu_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor, WctError *err)
{
  WctCpu   *cpu = ctx;
  const int before = wct_dnnl_begin_single_thread ();
  WctStatus status = wct_cpu_scratch_reserve (cpu, plan->thread_bytes, plan->map_floats[0], plan->map_floats[1], err);

  if (status == WCT_OK)
    status = run_steps (cpu, plan, ((const WctCpuTensor *)in)->data, ((WctCpuTensor *)out)->data, monitor, err);
  wct_dnnl_end_single_thread (before);
  return status;
}
