/* Plans: a list of layers becomes a list of steps, each a gather (padding, pooling, up-sampling) and a convolution. A
 * plan makes any rows of its result from the rows that they reach, and no others, so that a picture larger than the
 * card's memory goes through it in bands, with the same numbers as at once. */
#include "cuda.h"

#include <string.h>

#include "launch.h"
#include "mem.h"

/* Layers up to and with a convolution; the last step of a list may have none. */
typedef struct
{
  WctGatherKind   gather;
  const WctConv  *conv;    /* borrowed; NULL: the gather is all */
  WctCudaWeights *weights; /* shared; of conv */
  WctShape        in, out; /* whole maps */
  int             layers;  /* of the list, up to here */
  double          work;    /* multiply-adds */
} Step;

struct WctPlan
{
  Step     steps[WCT_NETWORK_LAYERS_MAX];
  int      count;
  WctShape in;
};

static WctShape
shape_gathered (const Step *step)
{
  return (WctShape){ step->in.c, step->out.h, step->out.w };
}

size_t
wct_cuda_map_bytes (WctElement element, WctShape shape)
{
  return (size_t)shape.h * (size_t)shape.w * (size_t)wct_cuda_lanes (shape.c) * wct_element_size (element);
}

WctCudaBand
wct_cuda_band_part (const WctCudaBand *band, int32_t first, int32_t rows)
{
  const size_t row = wct_cuda_map_bytes (band->element, (WctShape){ band->shape.c, 1, band->shape.w });

  return (WctCudaBand){ band->element, band->shape, first, rows,
                        (char *)band->data + (size_t)(first - band->first) * row };
}

WctShape
wct_cuda_plan_shape (const WctPlan *plan, int layers)
{
  WctShape shape = plan->in;

  for (int i = 0; i < plan->count && plan->steps[i].layers <= layers; i++)
    shape = plan->steps[i].out;
  return shape;
}

/* ---- Making --------------------------------------------------------------------------------------------------- */

static WctGatherKind
gather_of (WctLayerKind kind)
{
  return kind == WCT_LAYER_POOL ? WCT_GATHER_POOL : kind == WCT_LAYER_UPSAMPLE ? WCT_GATHER_UPSAMPLE : WCT_GATHER_PLAIN;
}

/* A pool or an up-sampling before a convolution is part of its step. */
static WctStatus
add_step (WctCuda *cuda, WctPlan *plan, const WctLayer *layers, int count, int *i, WctShape *shape, WctError *err)
{
  Step           *step = &plan->steps[plan->count++];
  const WctLayer *layer = &layers[*i];
  WctStatus       status = WCT_OK;

  step->in = *shape;
  step->gather = gather_of (layer->kind);
  if (step->gather != WCT_GATHER_PLAIN)
    {
      *shape = wct_layer_shape (layer, *shape);
      ++*i;
      layer = *i < count && gather_of (layers[*i].kind) == WCT_GATHER_PLAIN ? &layers[*i] : NULL;
    }
  if (layer != NULL && layer->kind == WCT_LAYER_EMBED)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: embeddings are for training only", layer->conv.name);
  if (layer != NULL)
    {
      step->conv = &layer->conv;
      step->work = wct_layers_work (layer, 1, *shape);
      *shape = wct_layer_shape (layer, *shape);
      ++*i;
      status = wct_cuda_weights_take (cuda, step->conv, &step->weights, err);
    }
  step->out = *shape;
  step->layers = *i;
  return status;
}

WctStatus
wct_cuda_plan_new (void *ctx, const WctLayer *layers, int count, WctShape in, WctPlan **out, WctError *err)
{
  WctPlan  *plan = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *plan, "plan", &plan, err));
  plan->in = in;
  for (int i = 0; i < count;)
    WCT_TRY (add_step (ctx, plan, layers, count, &i, &in, err));
  *out = plan;
  plan = NULL;

out:
  wct_cuda_plan_free (ctx, &plan);
  return status;
}

void
wct_cuda_plan_free (void *ctx, WctPlan **plan)
{
  if (*plan == NULL)
    return;
  for (int i = 0; i < (*plan)->count; i++)
    wct_cuda_weights_give_back (ctx, &(*plan)->steps[i].weights);
  wct_free (plan);
}

/* Of the processor's memory. */
size_t
wct_cuda_plan_memory (void *ctx, const WctPlan *plan)
{
  (void)ctx;
  return sizeof *plan;
}

size_t
wct_cuda_plan_scratch (void *ctx, const WctPlan *plan)
{
  (void)ctx;
  (void)plan;
  return 0;
}

/* ---- What a band reaches -------------------------------------------------------------------------------------- */

/* Rows of the step's input that rows of its result are made of: one more on each side for a convolution, as far as
 * there are some (a ring's row about the first is the second, which is among them), and then what is pooled or
 * up-sampled to them. */
static void
reach_back (const Step *step, int32_t *first, int32_t *end)
{
  if (step->conv != NULL)
    {
      *first = *first > 0 ? *first - 1 : 0;
      *end = *end < step->out.h ? *end + 1 : step->out.h;
    }
  if (step->gather == WCT_GATHER_POOL)
    {
      *first *= 2;
      *end *= 2;
    }
  else if (step->gather == WCT_GATHER_UPSAMPLE)
    {
      *first /= 2;
      *end = (*end + 1) / 2;
    }
}

/* Ends of what is there before each step, (count + 1), the result's last. */
typedef struct
{
  int32_t first[WCT_NETWORK_LAYERS_MAX + 1], end[WCT_NETWORK_LAYERS_MAX + 1];
} Reach;

static Reach
find_reach (const WctPlan *plan, int32_t first, int32_t rows)
{
  Reach reach;

  reach.first[plan->count] = first;
  reach.end[plan->count] = first + rows;
  for (int i = plan->count - 1; i >= 0; i--)
    {
      reach.first[i] = reach.first[i + 1];
      reach.end[i] = reach.end[i + 1];
      reach_back (&plan->steps[i], &reach.first[i], &reach.end[i]);
    }
  return reach;
}

void
wct_cuda_plan_reach (const WctPlan *plan, int32_t first, int32_t rows, int32_t *in_first, int32_t *in_rows)
{
  const Reach reach = find_reach (plan, first, rows);

  *in_first = reach.first[0];
  *in_rows = reach.end[0] - reach.first[0];
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

static WctShape
with_rows (WctShape shape, int32_t rows)
{
  shape.h = rows;
  return shape;
}

/* With its ring. */
static size_t
padded_bytes (WctElement element, WctShape shape, int32_t rows)
{
  return wct_cuda_map_bytes (element, (WctShape){ shape.c, rows + 2, shape.w + 2 });
}

static const WctCudaRoomName map_rooms[2] = { WCT_ROOM_MAP, WCT_ROOM_OTHER_MAP };

/* Padded maps, and the two that take turns. The last step writes where the caller says. */
static void
add_need (const WctCuda *cuda, const WctPlan *plan, const Reach *reach, WctCudaNeed *need)
{
  for (int i = 0; i < plan->count; i++)
    {
      const Step   *step = &plan->steps[i];
      const int32_t rows = reach->end[i + 1] - reach->first[i + 1];

      if (step->conv != NULL)
        wct_cuda_need (need, WCT_ROOM_PADDED, padded_bytes (cuda->element, shape_gathered (step), rows));
      if (i + 1 < plan->count)
        wct_cuda_need (need, map_rooms[i % 2], wct_cuda_map_bytes (cuda->element, with_rows (step->out, rows)));
    }
}

void
wct_cuda_plan_need (const WctCuda *cuda, const WctPlan *plan, int32_t first, int32_t rows, WctCudaNeed *need)
{
  const Reach reach = find_reach (plan, first, rows);

  add_need (cuda, plan, &reach, need);
}

static WctStatus
convolve (WctCuda *cuda, const Step *step, const WctCudaBand *out, WctError *err)
{
  const WctConvolutionShape shape = { .element = cuda->element,
                                      .exact = cuda->exact,
                                      .relu = step->conv->relu,
                                      .side = 3,
                                      .count = 1,
                                      .rows = out->rows,
                                      .columns = step->out.w,
                                      .in_lanes = wct_cuda_lanes (step->conv->in_c),
                                      .out_lanes = wct_cuda_lanes (step->conv->out_c) };
  WctConvolution           *convolution;
  WctStatus                 status;

  WCT_TRY (wct_convolution_new (cuda->device, &shape, &convolution, err));
  WCT_TRY (wct_convolution_forward (cuda->device, convolution, cuda->rooms[WCT_ROOM_PADDED].block,
                                    step->weights->packed, step->weights->bias, out->data, err));

out:
  return status;
}

static WctStatus
run_step (WctCuda *cuda, const Step *step, const WctCudaBand *in, const WctCudaBand *out, WctError *err)
{
  const WctGather gather = { .kind = step->gather,
                             .pad = step->conv != NULL,
                             .from = in->element,
                             .to = out->element,
                             .count = 1,
                             .lanes = wct_cuda_lanes (step->in.c),
                             .height = step->out.h,
                             .width = step->out.w,
                             .first = out->first,
                             .rows = out->rows,
                             .in_first = in->first,
                             .in_rows = in->rows };

  wct_launch_gather (wct_device_stream (cuda->device), &gather, in->data,
                     step->conv != NULL ? cuda->rooms[WCT_ROOM_PADDED].block : out->data);
  return step->conv != NULL ? convolve (cuda, step, out, err) : WCT_OK;
}

WctStatus
wct_cuda_plan_band (WctCuda *cuda, WctPlan *plan, const WctCudaBand *in, const WctCudaBand *out, WctCudaWatch *watch,
                    void *user, WctMonitor *monitor, WctError *err)
{
  const Reach  reach = find_reach (plan, out->first, out->rows);
  const double share = (double)out->rows / out->shape.h;
  WctCudaBand  before = *in;
  WctCudaNeed  need = { { 0 } };
  WctStatus    status;

  add_need (cuda, plan, &reach, &need);
  WCT_TRY (wct_cuda_reserve (cuda, &need, err));
  for (int i = 0; i < plan->count; i++)
    {
      const Step *step = &plan->steps[i];
      WctCudaBand next = { cuda->element, step->out, reach.first[i + 1], reach.end[i + 1] - reach.first[i + 1],
                           cuda->rooms[map_rooms[i % 2]].block };

      if (i + 1 == plan->count)
        next = *out;
      WCT_TRY (run_step (cuda, step, &before, &next, err));
      if (watch != NULL)
        WCT_TRY (watch (user, step->layers, &next, err));
      if (!wct_monitor_advance (monitor, step->work * share))
        WCT_TRY (wct_monitor_canceled (err));
      before = next;
    }

out:
  return status;
}

WctStatus
wct_cuda_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor, WctError *err)
{
  WctCuda          *cuda = ctx;
  const WctCudaBand from = { cuda->element, in->shape, 0, in->shape.h, ((const WctCudaTensor *)in)->data };
  const WctCudaBand to = { cuda->element, out->shape, 0, out->shape.h, ((WctCudaTensor *)out)->data };

  return wct_cuda_plan_band (cuda, plan, &from, &to, NULL, NULL, monitor, err);
}
