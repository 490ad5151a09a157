/* Chains: a list of layers at one shape and batch size that runs forward and backward.
 *
 * A step is a convolution with the pool or the up-sampling before it: a gather makes the padded map that the
 * convolution reads. Where a list has them elsewhere, the gather is a step of its own.
 *
 * Kept for the way back are results, not the padded maps made of them: those are larger (by their ring, and four times
 * where they are up-sampled), and results are needed in any case, for the ReLU's zeros and the pool's maxima. One more
 * gather for each convolution makes the padded map again when its weights' gradient is wanted. */
#include "training-room.h"

#include <assert.h>
#include <string.h>

#include "launch-training.h"
#include "mem.h"

/* ---- Packed weights --------------------------------------------------------------------------------------------- */

/* A convolution's, on the device; nothing for other layers. */
typedef struct
{
  void  *weights;   /* owned; (out_lanes, side, side, in_lanes) elements */
  float *biases;    /* owned; (out_lanes) */
  size_t parameter; /* before this layer's, among all */
} PackedLayer;

struct WctPacking
{
  const WctLayer *layers; /* borrowed */
  int             count;
  WctElement      element;
  unsigned        uses;
  PackedLayer    *packed; /* owned */

  /* Owned; all parameters, or their gradients, on their way between the device and memory of the processor that
   * kernels do not reach. NULL until there is such memory. */
  float *staging;
};

static WctElement
element_of (WctPrecision precision)
{
  switch (precision)
    {
    case WCT_PRECISION_F16:
      return WCT_ELEMENT_F16;
    case WCT_PRECISION_BF16:
      return WCT_ELEMENT_BF16;
    default:
      return WCT_ELEMENT_F32;
    }
}

static WctStatus
make_packed_layer (WctCuda *cuda, const WctPacking *packing, int index, WctError *err)
{
  const WctLayer *layer = &packing->layers[index];
  const size_t    side = (size_t)wct_layer_side (layer), in_lanes = (size_t)wct_cuda_lanes (layer->conv.in_c);
  const size_t    out_lanes = (size_t)wct_cuda_lanes (layer->conv.out_c);
  PackedLayer    *packed = &packing->packed[index];
  WctStatus       status = WCT_OK;

  packed->parameter = wct_layers_parameters (packing->layers, index);
  if (side == 0)
    return WCT_OK;
  WCT_TRY (wct_device_alloc (cuda->device, out_lanes * side * side * in_lanes * wct_element_size (packing->element),
                             layer->conv.name, &packed->weights, err));
  WCT_TRY (wct_device_alloc (cuda->device, out_lanes * sizeof *packed->biases, layer->conv.name, &packed->biases, err));

out:
  return status;
}

static void
free_packing (WctCuda *cuda, WctPacking **packing)
{
  WctPacking *own = *packing;

  if (own == NULL)
    return;
  for (int i = 0; own->packed != NULL && i < own->count; i++)
    {
      wct_device_free (cuda->device, &own->packed[i].weights);
      wct_device_free (cuda->device, &own->packed[i].biases);
    }
  wct_device_free (cuda->device, &own->staging);
  wct_free (&own->packed);
  wct_free (packing);
}

WctStatus
wct_cuda_packing_new (void *ctx, const WctLayer *layers, int count, WctPrecision precision, unsigned uses,
                      WctPacking **out, WctError *err)
{
  WctCuda    *cuda = wct_cuda_begin (ctx);
  WctPacking *packing = NULL;
  WctStatus   status;

  WCT_TRY (wct_alloc (1, sizeof *packing, "packed weights", &packing, err));
  packing->layers = layers;
  packing->count = count;
  packing->element = element_of (precision);
  packing->uses = uses;
  WCT_TRY (wct_alloc ((size_t)count, sizeof *packing->packed, "packed weights", &packing->packed, err));
  for (int i = 0; i < count; i++)
    WCT_TRY (make_packed_layer (cuda, packing, i, err));
  *out = packing;
  packing = NULL;

out:
  free_packing (cuda, &packing);
  return wct_cuda_end (cuda, status);
}

void
wct_cuda_packing_free (void *ctx, WctPacking **packing)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  free_packing (cuda, packing);
  wct_cuda_end (cuda, WCT_OK);
}

/* Unless kernels reach @memory. */
static WctStatus
need_staging (WctCuda *cuda, WctPacking *packing, const float *memory, WctError *err)
{
  const size_t bytes = wct_layers_parameters (packing->layers, packing->count) * sizeof (float);

  if (packing->staging != NULL || wct_cuda_is_shared (cuda, memory))
    return WCT_OK;
  return wct_device_alloc (cuda->device, bytes, "parameters on their way", &packing->staging, err);
}

static WctStatus
pack_layer (WctCuda *cuda, WctPacking *packing, int index, WctError *err)
{
  const WctLayer    *layer = &packing->layers[index];
  const WctConv     *conv = &layer->conv;
  const PackedLayer *packed = &packing->packed[index];
  const size_t       biases = (size_t)conv->out_c, weights = wct_layer_parameters (layer) - biases;
  float             *weight, *bias;
  WctStatus          status;

  WCT_TRY (need_staging (cuda, packing, conv->weight, err));
  WCT_TRY (need_staging (cuda, packing, conv->bias, err));

  float *staging = packing->staging == NULL ? NULL : packing->staging + packed->parameter;
  WCT_TRY (wct_cuda_reach (cuda, conv->weight, weights, staging, &weight, err));
  WCT_TRY (wct_cuda_reach (cuda, conv->bias, biases, staging == NULL ? NULL : staging + weights, &bias, err));
  wct_launch_pack (wct_device_stream (cuda->device), conv->out_c, conv->in_c, wct_layer_side (layer), weight, bias,
                   packing->element, packed->weights, packed->biases);
  /* The processor may change what it has as soon as this returns. */
  if (weight == conv->weight || bias == conv->bias)
    WCT_TRY (wct_device_wait (cuda->device, err));

out:
  return status;
}

WctStatus
wct_cuda_pack (void *ctx, WctPacking *packing, int layer, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  return wct_cuda_end (cuda,
                       wct_layer_side (&packing->layers[layer]) == 0 ? WCT_OK : pack_layer (cuda, packing, layer, err));
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

typedef struct
{
  const WctLayer    *layer; /* the convolution; NULL: resampling alone */
  const PackedLayer *packed;
  WctConvolution    *convolution;                            /* the device's */
  WctGather          gather;                                 /* of what is read; padded where the convolution is 3×3 */
  bool               as_it_is;                               /* what is read is the map before: nothing to gather */
  size_t             in_values, gathered_values, out_values; /* of all maps and lanes */
  int32_t            out_lanes;
  void              *result; /* owned; kept for the way back. NULL for the last, or where nothing is kept */
} Step;

/* Parts of the room, in bytes; as large as any step needs them. */
typedef struct
{
  WctRoomPlan plan;
  size_t      gathered;        /* what a convolution reads, or its gradient */
  size_t      maps[2];         /* results that are not kept; gradients of results */
  size_t      weight_gradient; /* (out_lanes, side, side, in_lanes) floats */
  size_t      biases;          /* for wct_launch_add_biases */
  size_t      overflow;        /* an int */
} Parts;

struct WctChain
{
  WctPacking  *packing; /* borrowed */
  int32_t      count;   /* maps of the batch */
  unsigned     uses;
  Step        *steps; /* owned */
  int          step_count;
  Parts        parts;
  size_t       bytes; /* of what is kept */
  const float *in;    /* borrowed from forward to backward */
  const float *out;   /* likewise */
};

static size_t
count_values (int32_t count, int32_t rows, int32_t columns, int32_t lanes)
{
  return (size_t)count * (size_t)rows * (size_t)columns * (size_t)lanes;
}

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

static const Step *
last_step (const WctChain *chain)
{
  return &chain->steps[chain->step_count - 1];
}

static bool
has_relu (const Step *step)
{
  return step->layer != NULL && step->layer->conv.relu;
}

static WctGatherKind
kind_of (const WctLayer *layer)
{
  return layer->kind == WCT_LAYER_POOL       ? WCT_GATHER_POOL
         : layer->kind == WCT_LAYER_UPSAMPLE ? WCT_GATHER_UPSAMPLE
                                             : WCT_GATHER_PLAIN;
}

/* @layer: NULL for resampling alone; @in: before it all, @made: after the resampling */
static WctStatus
add_step (WctCuda *cuda, WctChain *chain, WctGatherKind kind, const WctLayer *layer, WctShape in, WctShape made,
          WctError *err)
{
  const WctPacking *packing = chain->packing;
  const int32_t     side = layer == NULL ? 0 : wct_layer_side (layer), ring = side == 3 ? 2 : 0;
  const int32_t     in_lanes = wct_cuda_lanes (in.c),
                out_lanes = layer == NULL ? in_lanes : wct_cuda_lanes (layer->conv.out_c);
  Step *step = &chain->steps[chain->step_count];

  *step = (Step){ .layer = layer, .out_lanes = out_lanes };
  step->gather = (WctGather){ .kind = kind,
                              .pad = side == 3,
                              .from = chain->step_count == 0 ? WCT_ELEMENT_F32 : packing->element,
                              .to = packing->element,
                              .count = chain->count,
                              .lanes = in_lanes,
                              .height = made.h,
                              .width = made.w,
                              .rows = made.h,
                              .in_rows = in.h };
  step->as_it_is = side == 1 && kind == WCT_GATHER_PLAIN && step->gather.from == step->gather.to;
  step->in_values = count_values (chain->count, in.h, in.w, in_lanes);
  step->gathered_values = count_values (chain->count, made.h + ring, made.w + ring, in_lanes);
  step->out_values = count_values (chain->count, made.h, made.w, out_lanes);
  chain->step_count++;
  if (layer == NULL)
    return WCT_OK;
  step->packed = &packing->packed[layer - packing->layers];

  /* f32 is what it is called: who wants what TF32 is fast at asks for bf16. */
  const WctConvolutionShape shape = { .element = packing->element,
                                      .exact = true,
                                      .relu = layer->conv.relu,
                                      .side = side,
                                      .count = chain->count,
                                      .rows = made.h,
                                      .columns = made.w,
                                      .in_lanes = in_lanes,
                                      .out_lanes = out_lanes };
  return wct_convolution_new (cuda->device, &shape, &step->convolution, err);
}

static WctStatus
make_steps (WctCuda *cuda, WctChain *chain, WctShape shape, WctError *err)
{
  const WctPacking *packing = chain->packing;
  WctGatherKind     kind = WCT_GATHER_PLAIN; /* what waits for a convolution */
  WctShape          before = shape;          /* of it */
  WctStatus         status = WCT_OK;

  for (int i = 0; i < packing->count; i++)
    {
      const WctLayer *layer = &packing->layers[i];
      const bool      resamples = wct_layer_side (layer) == 0;

      if (!resamples)
        WCT_TRY (add_step (cuda, chain, kind, layer, before, shape, err));
      else if (kind != WCT_GATHER_PLAIN)
        WCT_TRY (add_step (cuda, chain, kind, NULL, before, shape, err));
      kind = kind_of (layer);
      before = resamples ? shape : wct_layer_shape (layer, shape);
      shape = wct_layer_shape (layer, shape);
    }
  if (kind != WCT_GATHER_PLAIN)
    WCT_TRY (add_step (cuda, chain, kind, NULL, before, shape, err));

out:
  return status;
}

/* ---- Room for them ---------------------------------------------------------------------------------------------- */

/* Two maps that are used in turn; one is enough for gradients unless a step has nothing between its own and the next.
 */
static void
plan_maps (WctChain *chain)
{
  const size_t size = wct_element_size (chain->packing->element);
  size_t       bytes[2] = { 0, 0 }, largest = 0;
  bool         both = false;

  for (int i = 0; i < chain->step_count; i++)
    {
      bytes[i % 2] = larger (bytes[i % 2], chain->steps[i].out_values * size);
      largest = larger (largest, chain->steps[i].out_values * size);
      both = both || (i > 0 && chain->steps[i].layer == NULL);
    }
  if (chain->uses != WCT_CHAIN_FORWARD)
    {
      bytes[0] = largest;
      bytes[1] = both ? largest : 0;
    }
  for (int i = 0; i < 2; i++)
    chain->parts.maps[i] = wct_room_add (&chain->parts.plan, bytes[i]);
}

static void
plan_room (WctChain *chain)
{
  const size_t size = wct_element_size (chain->packing->element);
  Parts       *parts = &chain->parts;
  size_t       gathered = 0, weights = 0, biases = 0;

  for (int i = 0; i < chain->step_count; i++)
    {
      const Step  *step = &chain->steps[i];
      const size_t side = step->layer == NULL ? 0 : (size_t)wct_layer_side (step->layer);

      gathered = larger (gathered, step->gathered_values * size);
      weights = larger (weights, (size_t)step->out_lanes * side * side * (size_t)step->gather.lanes);
      biases = larger (biases, wct_biases_scratch (step->out_values / (size_t)step->out_lanes, step->out_lanes));
    }
  parts->gathered = wct_room_add (&parts->plan, gathered);
  plan_maps (chain);
  if (chain->uses & WCT_CHAIN_WEIGHT_GRADIENTS)
    {
      parts->weight_gradient = wct_room_add (&parts->plan, weights * sizeof (float));
      parts->biases = wct_room_add (&parts->plan, biases);
    }
  parts->overflow = wct_room_add (&parts->plan, sizeof (int));
}

static WctStatus
keep_results (WctCuda *cuda, WctChain *chain, WctError *err)
{
  const size_t size = wct_element_size (chain->packing->element);
  WctStatus    status = WCT_OK;

  for (int i = 0; i + 1 < chain->step_count && chain->uses != WCT_CHAIN_FORWARD; i++)
    {
      const size_t bytes = chain->steps[i].out_values * size;

      WCT_TRY (wct_device_alloc (cuda->device, bytes, "feature maps", &chain->steps[i].result, err));
      chain->bytes += bytes;
    }

out:
  return status;
}

static void
free_chain (WctCuda *cuda, WctChain **chain)
{
  WctChain *own = *chain;

  if (own == NULL)
    return;
  for (int i = 0; i < own->step_count; i++)
    wct_device_free (cuda->device, &own->steps[i].result);
  wct_free (&own->steps);
  wct_free (chain);
}

WctStatus
wct_cuda_chain_new (void *ctx, WctPacking *packing, WctShape in, int32_t count, unsigned uses, WctChain **out,
                    WctError *err)
{
  WctCuda  *cuda = wct_cuda_begin (ctx);
  WctChain *chain = NULL;
  char     *room;
  WctStatus status;

  assert ((uses & ~packing->uses) == 0);
  WCT_TRY (wct_alloc (1, sizeof *chain, "chain", &chain, err));
  chain->packing = packing;
  chain->count = count;
  chain->uses = uses;
  WCT_TRY (wct_alloc ((size_t)packing->count, sizeof *chain->steps, "chain", &chain->steps, err));
  WCT_TRY (make_steps (cuda, chain, in, err));
  plan_room (chain);
  WCT_TRY (keep_results (cuda, chain, err));
  WCT_TRY (wct_cuda_training_room (cuda, &chain->parts.plan, &room, err));
  cuda->training.room_users++;
  *out = chain;
  chain = NULL;

out:
  free_chain (cuda, &chain);
  return wct_cuda_end (cuda, status);
}

void
wct_cuda_chain_free (void *ctx, WctChain **chain)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  if (*chain != NULL)
    cuda->training.room_users--;
  free_chain (cuda, chain);
  wct_cuda_end (cuda, WCT_OK);
}

/* Without the room, which all chains share. */
size_t
wct_cuda_chain_bytes (void *ctx, const WctChain *chain)
{
  (void)ctx;
  return chain->bytes;
}

/* ---- Forward ---------------------------------------------------------------------------------------------------- */

/* What the convolution reads: @before, or what is gathered from it. */
static const void *
gather (WctCuda *cuda, const WctChain *chain, const Step *step, const void *before, char *room)
{
  if (step->as_it_is)
    return before;
  wct_launch_gather (wct_device_stream (cuda->device), &step->gather, before, room + chain->parts.gathered);
  return room + chain->parts.gathered;
}

static WctStatus
convolve (WctCuda *cuda, const WctChain *chain, const Step *step, const void *before, char *room, void *result,
          WctError *err)
{
  return wct_convolution_forward (cuda->device, step->convolution, gather (cuda, chain, step, before, room),
                                  step->packed->weights, step->packed->biases, result, err);
}

/* The last result, to the batch's floats. */
static WctStatus
run_last_step (WctCuda *cuda, const WctChain *chain, const void *before, char *room, float *out, WctError *err)
{
  const Step *step = last_step (chain);
  void       *stream = wct_device_stream (cuda->device), *result = room + chain->parts.maps[0];
  WctGather   own = step->gather;
  WctStatus   status = WCT_OK;

  own.to = WCT_ELEMENT_F32;
  if (step->layer == NULL)
    wct_launch_gather (stream, &own, before, out);
  else if (chain->packing->element == WCT_ELEMENT_F32)
    WCT_TRY (convolve (cuda, chain, step, before, room, out, err));
  else
    {
      WCT_TRY (convolve (cuda, chain, step, before, room, result, err));
      wct_launch_convert (stream, step->out_values, chain->packing->element, result, WCT_ELEMENT_F32, out);
    }

out:
  return status;
}

static WctStatus
run_forward (WctCuda *cuda, WctChain *chain, const float *in, float *out, WctError *err)
{
  const void *before = in;
  char       *room;
  WctStatus   status;

  chain->in = in;
  chain->out = out;
  WCT_TRY (wct_cuda_training_room (cuda, &chain->parts.plan, &room, err));
  for (int i = 0; i + 1 < chain->step_count; i++)
    {
      const Step *step = &chain->steps[i];
      void       *result = step->result != NULL ? step->result : room + chain->parts.maps[i % 2];

      if (step->layer == NULL)
        wct_launch_gather (wct_device_stream (cuda->device), &step->gather, before, result);
      else
        WCT_TRY (convolve (cuda, chain, step, before, room, result, err));
      before = result;
    }
  WCT_TRY (run_last_step (cuda, chain, before, room, out, err));

out:
  return status;
}

WctStatus
wct_cuda_chain_forward (void *ctx, WctChain *chain, const WctBatch *in, WctBatch *out, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  return wct_cuda_end (cuda,
                       run_forward (cuda, chain, ((const WctCudaBatch *)in)->data, ((WctCudaBatch *)out)->data, err));
}

/* ---- Scales of f16 ---------------------------------------------------------------------------------------------- */

/* Small gradients are lost below f16's range, large ones above it. */
#define GRADIENT_SCALE_MAX 0x1p24f
#define GOOD_BACKWARDS     200

static void
adapt_gradient_scale (WctCudaTraining *training, bool overflowed)
{
  if (overflowed)
    {
      training->gradient_scale = training->gradient_scale > 1 ? training->gradient_scale / 2 : 1;
      training->good_backwards = 0;
    }
  else if (++training->good_backwards == GOOD_BACKWARDS)
    {
      training->gradient_scale =
        training->gradient_scale < GRADIENT_SCALE_MAX ? training->gradient_scale * 2 : GRADIENT_SCALE_MAX;
      training->good_backwards = 0;
    }
}

/* ---- Backward --------------------------------------------------------------------------------------------------- */

/* One backward run. */
typedef struct
{
  WctCuda        *cuda;
  const WctChain *chain;
  char           *room;
  float           scale;            /* of gradients between the first and the last step */
  float          *in_gradient;      /* NULL: not wanted */
  float          *weight_gradients; /* as kernels reach them; NULL: not wanted */
  int            *overflow;         /* NULL where elements are floats */
} Back;

/* From the batch's floats to elements, stopped at the ReLU's zeros. */
static const void *
enter_gradient (const Back *back, float *out_gradient)
{
  const Step  *step = last_step (back->chain);
  const float *result = has_relu (step) ? back->chain->out : NULL;
  const bool   floats = back->chain->packing->element == WCT_ELEMENT_F32;
  void        *entered = floats ? (void *)out_gradient : back->room + back->chain->parts.maps[0];

  if (!floats || result != NULL)
    wct_launch_enter (wct_device_stream (back->cuda->device), step->out_values, out_gradient, back->scale, result,
                      back->chain->packing->element, entered, back->overflow);
  return entered;
}

static WctStatus
add_parameter_gradients (const Back *back, const Step *step, const void *before, const void *gradient, WctError *err)
{
  const WctConv *conv = &step->layer->conv;
  const int32_t  side = wct_layer_side (step->layer);
  const Parts   *parts = &back->chain->parts;
  const float    scale = 1 / back->scale;
  void          *stream = wct_device_stream (back->cuda->device);
  float         *packed = (float *)(back->room + parts->weight_gradient);
  float         *weights = back->weight_gradients + step->packed->parameter;
  float         *biases = weights + wct_layer_parameters (step->layer) - conv->out_c;
  WctStatus      status;

  WCT_TRY (wct_convolution_weights_back (back->cuda->device, step->convolution,
                                         gather (back->cuda, back->chain, step, before, back->room), gradient, packed,
                                         err));
  wct_launch_add_weights (stream, conv->out_c, conv->in_c, side, packed, scale, weights);
  wct_launch_add_biases (stream, step->out_values / (size_t)step->out_lanes, conv->out_c, step->out_lanes,
                         back->chain->packing->element, gradient, scale, back->room + parts->biases, biases);

out:
  return status;
}

/* To the gradient of the map before step @index, which its own ReLU stops. */
static WctStatus
pass_gradient (const Back *back, int index, const void *before, const void *gradient, void *out, WctError *err)
{
  const Step      *step = &back->chain->steps[index];
  void            *gathered = back->room + back->chain->parts.gathered;
  const WctScatter scatter = { .gather = step->gather,
                               .scale = index > 0 ? 1 : 1 / back->scale,
                               .stop = index > 0 && has_relu (&back->chain->steps[index - 1]) };
  WctStatus        status = WCT_OK;

  if (step->layer != NULL)
    WCT_TRY (wct_convolution_data_back (back->cuda->device, step->convolution, gradient, step->packed->weights,
                                        gathered, err));
  wct_launch_scatter (wct_device_stream (back->cuda->device), &scatter, step->layer != NULL ? gathered : gradient,
                      before, out, back->overflow);

out:
  return status;
}

/* Gradients go from one map to the same where a convolution's gathered gradient is between them, else to the other. */
static WctStatus
run_steps_back (const Back *back, float *out_gradient, WctError *err)
{
  const WctChain *chain = back->chain;
  const void     *gradient = enter_gradient (back, out_gradient);
  int             map = 0;
  WctStatus       status = WCT_OK;

  for (int i = chain->step_count - 1; i >= 0; i--)
    {
      const Step *step = &chain->steps[i];
      const void *before = i > 0 ? chain->steps[i - 1].result : chain->in;
      void       *next;

      if (step->layer == NULL)
        map = 1 - map;
      next = i > 0 ? (void *)(back->room + chain->parts.maps[map]) : back->in_gradient;
      if (step->layer != NULL && back->weight_gradients != NULL)
        WCT_TRY (add_parameter_gradients (back, step, before, gradient, err));
      if (next != NULL)
        WCT_TRY (pass_gradient (back, i, before, gradient, next, err));
      gradient = next;
    }

out:
  return status;
}

static WctStatus
check_overflow (const Back *back, WctError *err)
{
  int       overflowed = 0;
  WctStatus status = WCT_OK;

  if (back->overflow == NULL)
    return WCT_OK;
  WCT_TRY (wct_device_download (back->cuda->device, back->overflow, sizeof overflowed, &overflowed, err));
  adapt_gradient_scale (&back->cuda->training, overflowed != 0);

out:
  return status;
}

/* @weight_gradients: the caller's */
static WctStatus
run_backward (Back *back, float *out_gradient, float *weight_gradients, WctError *err)
{
  WctPacking  *packing = back->chain->packing;
  const size_t count = weight_gradients == NULL ? 0 : wct_layers_parameters (packing->layers, packing->count);
  WctStatus    status;

  WCT_TRY (wct_cuda_training_room (back->cuda, &back->chain->parts.plan, &back->room, err));
  if (packing->element == WCT_ELEMENT_F16)
    {
      back->scale = back->cuda->training.gradient_scale;
      back->overflow = (int *)(back->room + back->chain->parts.overflow);
      WCT_TRY (wct_device_clear (back->cuda->device, back->overflow, sizeof *back->overflow, err));
    }
  if (count > 0)
    {
      WCT_TRY (need_staging (back->cuda, packing, weight_gradients, err));
      WCT_TRY (wct_cuda_reach (back->cuda, weight_gradients, count, packing->staging, &back->weight_gradients, err));
    }
  WCT_TRY (run_steps_back (back, out_gradient, err));
  if (count > 0)
    WCT_TRY (wct_cuda_settle (back->cuda, back->weight_gradients, count, weight_gradients, err));
  WCT_TRY (check_overflow (back, err));

out:
  return status;
}

WctStatus
wct_cuda_chain_backward (void *ctx, WctChain *chain, WctBatch *out_gradient, WctBatch *in_gradient,
                         float *weight_gradients, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);
  Back     back = { .cuda = cuda,
                    .chain = chain,
                    .scale = 1,
                    .in_gradient = in_gradient == NULL ? NULL : ((WctCudaBatch *)in_gradient)->data };

  assert (in_gradient == NULL || (chain->uses & WCT_CHAIN_INPUT_GRADIENT) != 0);
  assert (weight_gradients == NULL || (chain->uses & WCT_CHAIN_WEIGHT_GRADIENTS) != 0);
  return wct_cuda_end (cuda, run_backward (&back, ((WctCudaBatch *)out_gradient)->data, weight_gradients, err));
}
