/* Chains: a list of layers at one shape and batch size that runs forward and backward.
 *
 * Steps are convolutions, each with the up-sampling before it, and pools. Every step's result is kept (it is the next
 * one's input, and where it is 0 its ReLU stops the gradient); gradients live in two maps in turn. */
#include "packing.h"

#include <string.h>

#include "mem.h"

typedef enum
{
  STEP_WINOGRAD, /* by our own kernels */
  STEP_ONEDNN,
  STEP_THIN, /* from or to a picture, by our own kernels */
  STEP_POOL,
  STEP_UPSAMPLE /* alone: not before a convolution */
} StepKind;

#define DIRECTIONS 3

typedef struct
{
  StepKind              kind;
  int                   layer; /* of the packing; the convolution's */
  WctTrainConv          conv;  /* h, w: of the larger map where it is no convolution */
  WctThinConv           thin;  /* of STEP_THIN */
  WctShape              in, out;
  bool                  relu;                /* is the result a ReLU's? */
  size_t                parameter;           /* before this step's weights, among all */
  WctDnnlConv          *dnnl[DIRECTIONS];    /* owned; by WctDnnlDirection, NULL where not needed */
  const WctDnnlWeights *weights[DIRECTIONS]; /* borrowed from the packing */
  float                *result;              /* borrowed from maps; NULL: the chain's own result */
} Step;

/* Parts of the scratch, in floats; what one step at a time needs. */
typedef struct
{
  size_t padded, padded_gradient, factor_gradient, weight_gradient, plain_gradient, bias_gradient, work;
} Room;

struct WctChain
{
  WctPacking  *packing; /* borrowed */
  WctShape     in, out;
  int32_t      count;
  unsigned     uses;
  Step        *steps; /* owned */
  int          step_count;
  float      **maps; /* owned, and each of them: one for each step but the last, or two in turn */
  int          map_count;
  float       *gradients[2]; /* owned */
  size_t       gradient_floats, map_floats;
  Room         room; /* the largest of each */
  float       *scratch;
  const float *input;  /* borrowed from forward to backward */
  const float *output; /* likewise */
};

static int32_t
planes_of (const WctCpu *cpu, const Step *step)
{
  const int32_t block = wct_cpu_batch_block (cpu, step->in.c);

  return step->conv.count * ((step->in.c + block - 1) / block);
}

/* ---- Making a chain ----------------------------------------------------------------------------------------- */

static bool
wants (const WctChain *chain, WctDnnlDirection direction, int step)
{
  switch (direction)
    {
    case WCT_DNNL_FORWARD:
      return true;
    case WCT_DNNL_BACKWARD_DATA:
      return chain->uses != WCT_CHAIN_FORWARD && (step > 0 || (chain->uses & WCT_CHAIN_INPUT_GRADIENT) != 0);
    case WCT_DNNL_BACKWARD_WEIGHTS:
      return (chain->uses & WCT_CHAIN_WEIGHT_GRADIENTS) != 0;
    }
  return false;
}

/* oneDNN's Winograd is asked for where both sides have this many channels; with fewer it is no faster. */
#define DNNL_WINOGRAD_LANES_MIN 32

static WctStatus
compile (WctCpu *cpu, WctChain *chain, Step *step, WctDnnlDirection direction, WctError *err)
{
  const WctConv   *layer = &chain->packing->layers[step->layer].conv;
  WctDnnlConvShape shape = {
    .direction = direction,
    .count = step->conv.count,
    .in_c = step->conv.in_lanes,
    .out_c = step->conv.out_lanes,
    .side = chain->packing->packed[step->layer].side,
    .rows = step->conv.h,
    .columns = step->conv.w,
    .block = cpu->kernels->block,
    .relu = step->conv.relu,
    .bf16 = chain->packing->precision == WCT_PRECISION_BF16,
  };
  WctStatus status = WCT_ERR_UNSUPPORTED;

  shape.winograd =
    !shape.bf16 && shape.side == 3 && shape.in_c >= DNNL_WINOGRAD_LANES_MIN && shape.out_c >= DNNL_WINOGRAD_LANES_MIN;
  if (shape.winograd)
    status = wct_dnnl_conv_new (cpu->engine, &shape, layer->name, &step->dnnl[direction], err);
  if (status == WCT_ERR_UNSUPPORTED)
    {
      shape.winograd = false;
      status = wct_dnnl_conv_new (cpu->engine, &shape, layer->name, &step->dnnl[direction], err);
    }
  if (status == WCT_OK && direction != WCT_DNNL_BACKWARD_WEIGHTS)
    status = wct_cpu_packing_form (chain->packing, step->layer, step->dnnl[direction], &step->weights[direction], err);
  return status;
}

static WctThinConv
thin_of (const WctCpu *cpu, const WctChain *chain, const Step *step)
{
  const WctConv        *layer = &chain->packing->layers[step->layer].conv;
  const WctPackedLayer *packed = &chain->packing->packed[step->layer];
  const bool            from = packed->by == WCT_BY_FROM_PICTURE;

  return (WctThinConv){ .count = chain->count,
                        .channels = from ? layer->in_c : layer->out_c,
                        .other_channels = from ? layer->out_c : layer->in_c,
                        .lanes = from ? packed->out_lanes : packed->in_lanes,
                        .side = packed->side,
                        .h = step->out.h,
                        .w = step->out.w,
                        .relu = layer->relu,
                        .picture_conv = cpu->kernels->picture_conv };
}

static WctStatus
make_convolution (WctCpu *cpu, WctChain *chain, Step *step, bool upsample, WctError *err)
{
  const WctLayer       *layer = &chain->packing->layers[step->layer];
  const WctPackedLayer *packed = &chain->packing->packed[step->layer];
  WctStatus             status = WCT_OK;

  step->conv = (WctTrainConv){ chain->count, packed->in_lanes, packed->out_lanes, step->out.h,
                               step->out.w,  upsample,         layer->conv.relu };
  step->relu = layer->conv.relu;
  step->kind = packed->by == WCT_BY_WINOGRAD ? STEP_WINOGRAD : packed->by == WCT_BY_ONEDNN ? STEP_ONEDNN : STEP_THIN;
  if (step->kind == STEP_THIN)
    step->thin = thin_of (cpu, chain, step);
  for (int direction = 0; direction < DIRECTIONS && status == WCT_OK && step->kind == STEP_ONEDNN; direction++)
    if (wants (chain, (WctDnnlDirection)direction, (int)(step - chain->steps)))
      status = compile (cpu, chain, step, (WctDnnlDirection)direction, err);
  return status;
}

static void
make_resampling (WctChain *chain, Step *step, WctLayerKind kind)
{
  const WctShape larger = kind == WCT_LAYER_POOL ? step->in : step->out;

  step->kind = kind == WCT_LAYER_POOL ? STEP_POOL : STEP_UPSAMPLE;
  step->conv = (WctTrainConv){ .count = chain->count, .h = larger.h, .w = larger.w };
}

static bool
fuses_upsampling (const WctPacking *packing, int layer)
{
  return packing->layers[layer].kind == WCT_LAYER_CONV
         && (packing->packed[layer].by == WCT_BY_WINOGRAD || packing->packed[layer].by == WCT_BY_ONEDNN);
}

static WctStatus
make_steps (WctCpu *cpu, WctChain *chain, WctError *err)
{
  const WctLayer *layers = chain->packing->layers;
  const int       count = chain->packing->count;
  size_t          parameter = 0;
  WctShape        shape = chain->in;
  WctStatus       status = WCT_OK;

  for (int i = 0; i < count && status == WCT_OK; i++)
    {
      Step      *step = &chain->steps[chain->step_count++];
      const bool upsample =
        layers[i].kind == WCT_LAYER_UPSAMPLE && i + 1 < count && fuses_upsampling (chain->packing, i + 1);

      step->in = shape;
      if (upsample)
        shape = wct_layer_shape (&layers[i++], shape);
      shape = wct_layer_shape (&layers[i], shape);
      step->out = shape;
      step->layer = i;
      step->parameter = parameter;
      parameter += wct_layer_parameters (&layers[i]);
      if (wct_layer_side (&layers[i]) > 0)
        status = make_convolution (cpu, chain, step, upsample, err);
      else
        make_resampling (chain, step, layers[i].kind);
    }
  chain->out = shape;
  return status;
}

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

/* Rounded up, so that what follows is aligned. */
static size_t
aligned (size_t floats)
{
  return (floats + 15) / 16 * 16;
}

static void
measure_winograd (const WctCpu *cpu, const WctChain *chain, const Step *step, Room *room)
{
  room->work = larger (room->work, aligned (cpu->kernels->training->winograd_scratch_floats (&step->conv)));
  if ((chain->uses & WCT_CHAIN_WEIGHT_GRADIENTS) == 0)
    return;
  room->weight_gradient =
    larger (room->weight_gradient, WCT_WINOGRAD_POINTS * (size_t)step->conv.in_lanes * (size_t)step->conv.out_lanes);
  room->bias_gradient = larger (room->bias_gradient, aligned ((size_t)step->conv.out_lanes));
  if (wct_packed_is_widened (&chain->packing->packed[step->layer]))
    room->plain_gradient =
      larger (room->plain_gradient, aligned (9 * (size_t)step->conv.in_lanes * (size_t)step->conv.out_lanes));
}

static void
measure_onednn (const WctChain *chain, const Step *step, Room *room)
{
  const WctTrainConv *conv = &step->conv;
  const int32_t       side = chain->packing->packed[step->layer].side, border = side - 1;
  const size_t        positions = (size_t)(conv->h + border) * (size_t)(conv->w + border);
  const size_t        padded = (size_t)conv->count * (size_t)conv->in_lanes * positions;
  const size_t        out = (size_t)conv->count * (size_t)conv->out_lanes * (size_t)conv->h * (size_t)conv->w;
  const size_t        weights = (size_t)conv->out_lanes * (size_t)conv->in_lanes * (size_t)(side * side);

  for (int direction = 0; direction < DIRECTIONS; direction++)
    if (step->dnnl[direction] != NULL)
      room->work = larger (room->work, aligned ((wct_dnnl_conv_scratch_bytes (step->dnnl[direction]) + 3) / 4));
  room->padded = larger (room->padded, aligned (padded));
  if (chain->packing->precision == WCT_PRECISION_BF16)
    room->factor_gradient = larger (room->factor_gradient, aligned (larger (out, padded)));
  if (step->dnnl[WCT_DNNL_BACKWARD_DATA] != NULL)
    room->padded_gradient = larger (room->padded_gradient, aligned (padded));
  if (step->dnnl[WCT_DNNL_BACKWARD_WEIGHTS] == NULL)
    return;
  room->weight_gradient = larger (
    room->weight_gradient, aligned ((wct_dnnl_conv_weight_bytes (step->dnnl[WCT_DNNL_BACKWARD_WEIGHTS]) + 3) / 4));
  room->plain_gradient = larger (room->plain_gradient, aligned (weights));
  room->bias_gradient = larger (room->bias_gradient, aligned ((size_t)conv->out_lanes));
}

/* Where both sides are thin the input is widened, and its gradient narrowed again. */
static bool
widens (const Step *step)
{
  return step->in.c <= WCT_THIN_BLOCK && step->out.c <= WCT_THIN_BLOCK;
}

static size_t
widened_floats (const Step *step)
{
  return widens (step) ? (size_t)step->thin.count * (size_t)step->thin.lanes * (size_t)step->in.h * (size_t)step->in.w
                       : 0;
}

static void
measure_thin (const WctCpu *cpu, const Step *step, Room *room)
{
  room->work = larger (room->work, aligned (cpu->kernels->training->thin_scratch_floats (&step->thin)));
  room->padded = larger (room->padded, aligned (widened_floats (step)));
  room->padded_gradient = larger (room->padded_gradient, aligned (widened_floats (step)));
}

static size_t
room_floats (const Room *room)
{
  return room->padded + room->padded_gradient + room->factor_gradient + room->weight_gradient + room->plain_gradient
         + room->bias_gradient + room->work;
}

static void
measure (const WctCpu *cpu, WctChain *chain)
{
  for (int i = 0; i < chain->step_count; i++)
    {
      const Step *step = &chain->steps[i];

      if (step->kind == STEP_WINOGRAD)
        measure_winograd (cpu, chain, step, &chain->room);
      if (step->kind == STEP_ONEDNN)
        measure_onednn (chain, step, &chain->room);
      if (step->kind == STEP_THIN)
        measure_thin (cpu, step, &chain->room);
      if (i > 0)
        chain->gradient_floats = larger (chain->gradient_floats, wct_cpu_batch_floats (cpu, step->in, chain->count));
    }
}

static WctStatus
allocate_maps (const WctCpu *cpu, WctChain *chain, WctError *err)
{
  const bool kept = chain->uses != WCT_CHAIN_FORWARD;
  size_t     largest = 0;
  WctStatus  status;

  for (int i = 0; i + 1 < chain->step_count; i++)
    largest = larger (largest, wct_cpu_batch_floats (cpu, chain->steps[i].out, chain->count));
  WCT_TRY (wct_alloc ((size_t)chain->step_count + 2, sizeof *chain->maps, "chain", &chain->maps, err));
  for (int i = 0; i + 1 < chain->step_count; i++)
    {
      const size_t floats = kept ? wct_cpu_batch_floats (cpu, chain->steps[i].out, chain->count) : largest;

      if (kept || i < 2)
        {
          WCT_TRY (wct_alloc (floats, sizeof (float), "feature maps", &chain->maps[chain->map_count++], err));
          chain->map_floats += floats;
        }
      chain->steps[i].result = chain->maps[kept ? i : i % 2];
    }

out:
  return status;
}

static WctStatus
allocate (const WctCpu *cpu, WctChain *chain, WctError *err)
{
  WctStatus status;

  WCT_TRY (allocate_maps (cpu, chain, err));
  for (int i = 0; i < 2 && chain->uses != WCT_CHAIN_FORWARD; i++)
    WCT_TRY (wct_alloc (chain->gradient_floats, sizeof (float), "gradients", &chain->gradients[i], err));
  WCT_TRY (wct_alloc (room_floats (&chain->room), sizeof (float), "scratch", &chain->scratch, err));

out:
  return status;
}

WctStatus
wct_cpu_chain_new (void *ctx, WctPacking *packing, WctShape in, int32_t count, unsigned uses, WctChain **out,
                   WctError *err)
{
  WctChain *chain = NULL;
  WctStatus status;
  const int before = wct_dnnl_begin_single_thread ();

  WCT_TRY (wct_alloc (1, sizeof *chain, "chain", &chain, err));
  chain->packing = packing;
  chain->in = in;
  chain->count = count;
  chain->uses = uses;
  WCT_TRY (wct_alloc ((size_t)packing->count, sizeof *chain->steps, "chain", &chain->steps, err));
  WCT_TRY (make_steps (ctx, chain, err));
  measure (ctx, chain);
  WCT_TRY (allocate (ctx, chain, err));
  *out = chain;
  chain = NULL;

out:
  wct_cpu_chain_free (ctx, &chain);
  wct_dnnl_end_single_thread (before);
  return status;
}

void
wct_cpu_chain_free (void *ctx, WctChain **chain)
{
  WctChain *own = *chain;

  (void)ctx;
  if (own == NULL)
    return;
  for (int i = 0; i < own->step_count; i++)
    for (int direction = 0; direction < DIRECTIONS; direction++)
      wct_dnnl_conv_free (&own->steps[i].dnnl[direction]);
  for (int i = 0; i < own->map_count; i++)
    wct_free (&own->maps[i]);
  wct_free (&own->maps);
  wct_free (&own->gradients[0]);
  wct_free (&own->gradients[1]);
  wct_free (&own->scratch);
  wct_free (&own->steps);
  wct_free (chain);
}

size_t
wct_cpu_chain_bytes (void *ctx, const WctChain *chain)
{
  (void)ctx;
  return (chain->map_floats + (chain->uses == WCT_CHAIN_FORWARD ? 0 : 2 * chain->gradient_floats)
          + room_floats (&chain->room))
         * sizeof (float);
}

/* ---- Running ------------------------------------------------------------------------------------------------ */

/* Where the parts of the scratch lie. */
typedef struct
{
  float *padded, *padded_gradient, *factor_gradient, *weight_gradient, *plain_gradient, *bias_gradient, *work;
} Places;

static Places
places_of (const WctChain *chain)
{
  const Room *room = &chain->room;
  Places      places;

  places.padded = chain->scratch;
  places.padded_gradient = places.padded + room->padded;
  places.factor_gradient = places.padded_gradient + room->padded_gradient;
  places.weight_gradient = places.factor_gradient + room->factor_gradient;
  places.plain_gradient = places.weight_gradient + room->weight_gradient;
  places.bias_gradient = places.plain_gradient + room->plain_gradient;
  places.work = places.bias_gradient + room->bias_gradient;
  return places;
}

/* The padded input, as oneDNN multiplies it. */
static const void *
pad (const WctCpu *cpu, const WctChain *chain, const Step *step, const float *in, const Places *places)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;
  const WctTrainConv       *conv = &step->conv;
  const int32_t             border = chain->packing->packed[step->layer].side - 1;

  if (chain->packing->precision != WCT_PRECISION_BF16)
    {
      kernels->pad (conv, in, border > 0, places->padded);
      return places->padded;
    }
  kernels->pad (conv, in, border > 0, places->factor_gradient);
  kernels->to_bf16 (places->factor_gradient,
                    (size_t)conv->count * (size_t)conv->in_lanes * (size_t)(conv->h + border)
                      * (size_t)(conv->w + border),
                    (uint16_t *)places->padded);
  return places->padded;
}

static WctStatus
run_onednn_forward (const WctCpu *cpu, const WctChain *chain, const Step *step, const float *in, float *out,
                    WctError *err)
{
  const Places places = places_of (chain);

  return wct_dnnl_conv_run (step->dnnl[WCT_DNNL_FORWARD], step->weights[WCT_DNNL_FORWARD],
                            &(WctDnnlBuffers){ .source = pad (cpu, chain, step, in, &places),
                                               .bias = chain->packing->packed[step->layer].bias,
                                               .result = out,
                                               .scratch = places.work },
                            err);
}

/* A picture's values in the lanes of whole blocks; the other lanes stay zero. */
static const float *
widen (const Step *step, const float *in, float *out)
{
  const size_t positions = (size_t)step->thin.count * (size_t)step->in.h * (size_t)step->in.w;
  const size_t lanes = (size_t)step->thin.lanes;

  if (!widens (step))
    return in;
  memset (out, 0, positions * lanes * sizeof (float));
  for (size_t i = 0; i < positions; i++)
    memcpy (out + i * lanes, in + i * WCT_THIN_BLOCK, WCT_THIN_BLOCK * sizeof (float));
  return out;
}

static void
narrow (const Step *step, const float *in, const float *stop, float *out)
{
  const size_t positions = (size_t)step->thin.count * (size_t)step->in.h * (size_t)step->in.w;

  for (size_t i = 0; i < positions; i++)
    for (size_t c = 0; c < WCT_THIN_BLOCK; c++)
      out[i * WCT_THIN_BLOCK + c] =
        stop != NULL && !(stop[i * WCT_THIN_BLOCK + c] > 0) ? 0 : in[i * (size_t)step->thin.lanes + c];
}

static void
run_thin_forward (const WctCpu *cpu, const WctChain *chain, const Step *step, const float *in, float *out)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;
  const WctPackedLayer     *packed = &chain->packing->packed[step->layer];
  const Places              places = places_of (chain);

  if (packed->by == WCT_BY_FROM_PICTURE)
    kernels->thin_from_picture (&step->thin, in, packed->forward, packed->bias, out, places.work);
  else
    kernels->thin_to_picture (&step->thin, widen (step, in, places.padded), packed->forward, packed->bias, out,
                              places.work);
}

static WctStatus
run_step (const WctCpu *cpu, const WctChain *chain, const Step *step, const float *in, float *out, WctError *err)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;
  const WctPackedLayer     *packed = &chain->packing->packed[step->layer];

  switch (step->kind)
    {
    case STEP_WINOGRAD:
      kernels->winograd_forward (&step->conv, in, packed->forward, packed->bias, out, places_of (chain).work);
      return WCT_OK;
    case STEP_ONEDNN:
      return run_onednn_forward (cpu, chain, step, in, out, err);
    case STEP_THIN:
      run_thin_forward (cpu, chain, step, in, out);
      return WCT_OK;
    case STEP_POOL:
      kernels->pool (in, planes_of (cpu, step), step->conv.h, step->conv.w, wct_cpu_batch_block (cpu, step->in.c), out);
      return WCT_OK;
    case STEP_UPSAMPLE:
      kernels->upsample (in, planes_of (cpu, step), step->conv.h, step->conv.w, wct_cpu_batch_block (cpu, step->in.c),
                         out);
      return WCT_OK;
    }
  return WCT_OK;
}

WctStatus
wct_cpu_chain_forward (void *ctx, WctChain *chain, const WctBatch *in, WctBatch *out, WctError *err)
{
  const float *source = ((const WctCpuBatch *)in)->data;
  WctStatus    status = WCT_OK;
  const int    before = wct_dnnl_begin_single_thread ();

  chain->input = source;
  chain->output = ((WctCpuBatch *)out)->data;
  for (int i = 0; i < chain->step_count && status == WCT_OK; i++)
    {
      const Step *step = &chain->steps[i];
      float      *result = step->result != NULL ? step->result : ((WctCpuBatch *)out)->data;

      status = run_step (ctx, chain, step, source, result, err);
      source = result;
    }
  wct_dnnl_end_single_thread (before);
  return status;
}

/* What a step's way back works on. */
typedef struct
{
  const float *in, *out;        /* its input and result */
  float       *out_gradient;    /* of the result */
  float       *in_gradient;     /* of the input; NULL: not wanted */
  const float *stop;            /* the input where it is a ReLU's result: it stops the gradient; NULL: it is none */
  float       *weight_gradient; /* of this step's weights and biases; NULL: not wanted */
} Back;

/* oneDNN's: (out_lanes, in_lanes, side, side), to (out_c, in_c, side, side). */
static void
add_weight_gradient (const WctConv *layer, const WctPackedLayer *packed, const float *gradient, float *to)
{
  const size_t taps = (size_t)(packed->side * packed->side), row = (size_t)layer->in_c * taps;

  for (size_t o = 0; o < (size_t)layer->out_c; o++, to += row)
    for (size_t i = 0; i < row; i++)
      to[i] += gradient[o * (size_t)packed->in_lanes * taps + i];
}

static void
add_bias_gradient (const WctConv *layer, const WctPackedLayer *packed, const float *gradient, float *weight_gradient)
{
  float *to = weight_gradient + (size_t)layer->out_c * (size_t)layer->in_c * (size_t)(packed->side * packed->side);

  for (int32_t o = 0; o < layer->out_c; o++)
    to[o] += gradient[o];
}

static void
run_winograd_back (const WctCpu *cpu, const WctChain *chain, const Step *step, const Back *back)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;
  const WctTrainConv       *conv = &step->conv;
  const WctPackedLayer     *packed = &chain->packing->packed[step->layer];
  const WctConv            *layer = &chain->packing->layers[step->layer].conv;
  const size_t              embedded = (size_t)layer->in_c * (size_t)layer->out_c;
  const Places              places = places_of (chain);

  if (back->weight_gradient != NULL)
    {
      memset (places.weight_gradient, 0,
              WCT_WINOGRAD_POINTS * (size_t)conv->in_lanes * (size_t)conv->out_lanes * sizeof (float));
      memset (places.bias_gradient, 0, (size_t)conv->out_lanes * sizeof (float));
      kernels->winograd_backward_weights (conv, back->in, back->out_gradient, places.weight_gradient,
                                          places.bias_gradient, places.work);
      if (wct_packed_is_widened (packed))
        memset (places.plain_gradient, 0, 9 * embedded * sizeof (float));
      kernels->winograd_weight_gradient (
        places.weight_gradient, conv->in_lanes, conv->out_lanes, layer->in_c, layer->out_c,
        wct_packed_is_widened (packed) ? places.plain_gradient : back->weight_gradient);
      for (size_t i = 0; wct_packed_is_widened (packed) && i < embedded; i++)
        back->weight_gradient[i] += places.plain_gradient[9 * i + 4];
      add_bias_gradient (layer, packed, places.bias_gradient, back->weight_gradient);
    }
  if (back->in_gradient != NULL)
    kernels->winograd_backward_data (conv, back->out_gradient, packed->backward, back->stop, back->in_gradient,
                                     places.work);
}

/* Σ over all positions, to the biases' place behind the weights. */
static void
add_bias_sums (const WctCpu *cpu, const Step *step, const WctConv *layer, const float *gradient, float *to)
{
  const size_t block = (size_t)wct_cpu_batch_block (cpu, step->out.c), c = (size_t)layer->out_c;
  const size_t positions = (size_t)step->out.h * (size_t)step->out.w, blocks = (c + block - 1) / block;

  for (size_t plane = 0; plane < (size_t)step->thin.count * blocks; plane++)
    {
      float sums[WCT_BLOCK_MAX] = { 0 };

      for (size_t i = 0; i < positions; i++, gradient += block)
        for (size_t k = 0; k < block; k++)
          sums[k] += gradient[k];
      for (size_t k = 0; k < block && plane % blocks * block + k < c; k++)
        to[plane % blocks * block + k] += sums[k];
    }
}

static void
run_thin_back (const WctCpu *cpu, const WctChain *chain, const Step *step, const Back *back)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;
  const WctThinConv        *thin = &step->thin;
  const WctPackedLayer     *packed = &chain->packing->packed[step->layer];
  const WctConv            *layer = &chain->packing->layers[step->layer].conv;
  const bool                from = packed->by == WCT_BY_FROM_PICTURE;
  const Places              places = places_of (chain);

  if (back->weight_gradient != NULL)
    {
      const float *in = from ? back->in : widen (step, back->in, places.padded);

      kernels->thin_weights_gradient (thin, from, in, back->out_gradient, back->weight_gradient, places.work);
      add_bias_sums (cpu, step, layer, back->out_gradient,
                     back->weight_gradient
                       + (size_t)layer->out_c * (size_t)layer->in_c * (size_t)(packed->side * packed->side));
    }
  if (back->in_gradient == NULL)
    return;
  if (from)
    kernels->thin_back_to_picture (thin, back->out_gradient, packed->backward, back->stop, back->in_gradient,
                                   places.work);
  else if (!widens (step))
    kernels->thin_back_from_picture (thin, back->out_gradient, packed->backward, back->stop, back->in_gradient,
                                     places.work);
  else
    {
      kernels->thin_back_from_picture (thin, back->out_gradient, packed->backward, NULL, places.padded_gradient,
                                       places.work);
      narrow (step, places.padded_gradient, back->stop, back->in_gradient);
    }
}

static WctStatus
run_onednn_back (const WctCpu *cpu, const WctChain *chain, const Step *step, const Back *back, WctError *err)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;
  const WctTrainConv       *conv = &step->conv;
  const WctPackedLayer     *packed = &chain->packing->packed[step->layer];
  const WctConv            *layer = &chain->packing->layers[step->layer].conv;
  const Places              places = places_of (chain);
  WctDnnlBuffers            buffers = { .result = back->out_gradient, .scratch = places.work };
  WctStatus                 status = WCT_OK;

  if (back->weight_gradient != NULL)
    buffers.source = pad (cpu, chain, step, back->in, &places);
  if (chain->packing->precision == WCT_PRECISION_BF16)
    {
      buffers.result = places.factor_gradient;
      kernels->to_bf16 (back->out_gradient,
                        (size_t)conv->count * (size_t)conv->out_lanes * (size_t)conv->h * (size_t)conv->w,
                        buffers.result);
    }
  if (back->weight_gradient != NULL)
    {
      buffers.weight_gradient = places.weight_gradient;
      buffers.bias = places.bias_gradient;
      WCT_TRY (wct_dnnl_conv_run (step->dnnl[WCT_DNNL_BACKWARD_WEIGHTS], NULL, &buffers, err));
      WCT_TRY (wct_dnnl_weight_gradient_read (step->dnnl[WCT_DNNL_BACKWARD_WEIGHTS], places.weight_gradient,
                                              places.plain_gradient, err));
      add_weight_gradient (layer, packed, places.plain_gradient, back->weight_gradient);
      add_bias_gradient (layer, packed, places.bias_gradient, back->weight_gradient);
    }
  if (back->in_gradient != NULL)
    {
      buffers.source_gradient = places.padded_gradient;
      WCT_TRY (
        wct_dnnl_conv_run (step->dnnl[WCT_DNNL_BACKWARD_DATA], step->weights[WCT_DNNL_BACKWARD_DATA], &buffers, err));
      kernels->fold (conv, places.padded_gradient, packed->side == 3, back->stop, back->in_gradient);
    }

out:
  return status;
}

static WctStatus
run_step_back (const WctCpu *cpu, const WctChain *chain, const Step *step, const Back *back, WctError *err)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;

  switch (step->kind)
    {
    case STEP_WINOGRAD:
      run_winograd_back (cpu, chain, step, back);
      return WCT_OK;
    case STEP_ONEDNN:
      return run_onednn_back (cpu, chain, step, back, err);
    case STEP_THIN:
      run_thin_back (cpu, chain, step, back);
      return WCT_OK;
    case STEP_POOL:
      if (back->in_gradient != NULL)
        kernels->pool_backward (back->in, back->out, back->out_gradient, planes_of (cpu, step), step->conv.h,
                                step->conv.w, wct_cpu_batch_block (cpu, step->in.c), back->stop != NULL,
                                back->in_gradient);
      return WCT_OK;
    case STEP_UPSAMPLE:
      if (back->in_gradient != NULL)
        kernels->upsample_backward (back->in, back->out_gradient, planes_of (cpu, step), step->conv.h, step->conv.w,
                                    wct_cpu_batch_block (cpu, step->in.c), back->stop != NULL, back->in_gradient);
      return WCT_OK;
    }
  return WCT_OK;
}

WctStatus
wct_cpu_chain_backward (void *ctx, WctChain *chain, WctBatch *out_gradient, WctBatch *in_gradient,
                        float *weight_gradients, WctError *err)
{
  const WctCpu *cpu = ctx;
  const int     last = chain->step_count - 1;
  float        *gradient = ((WctCpuBatch *)out_gradient)->data;
  WctStatus     status = WCT_OK;
  const int     before = wct_dnnl_begin_single_thread ();

  if (chain->steps[last].relu)
    cpu->kernels->training->stop_at_zero (chain->output, wct_cpu_batch_floats (cpu, chain->out, chain->count),
                                          gradient);
  for (int i = last; i >= 0 && status == WCT_OK; i--)
    {
      const Step *step = &chain->steps[i];
      const Back  back = {
         .in = i > 0 ? chain->steps[i - 1].result : chain->input,
         .out = step->result != NULL ? step->result : chain->output,
         .out_gradient = gradient,
         .in_gradient = i > 0                 ? chain->gradients[i % 2]
                        : in_gradient != NULL ? ((WctCpuBatch *)in_gradient)->data
                                              : NULL,
         .stop = i > 0 && chain->steps[i - 1].relu ? chain->steps[i - 1].result : NULL,
         .weight_gradient = weight_gradients != NULL ? weight_gradients + step->parameter : NULL,
      };

      status = run_step_back (cpu, chain, step, &back, err);
      gradient = back.in_gradient;
    }
  wct_dnnl_end_single_thread (before);
  return status;
}
