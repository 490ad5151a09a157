/* Plans: a list of layers is run layer by layer, through two maps in turn. */
#include "reference.h"

#include "mem.h"

struct WctPlan
{
  const WctLayer *layers; /* borrowed */
  int             count;
  WctShape        in;
  size_t          map_floats[2]; /* the largest that each of the two maps becomes */
  size_t          row_doubles;
};

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

static void
measure_scratch (WctPlan *plan)
{
  WctShape shape = plan->in;

  for (int i = 0; i < plan->count; i++)
    {
      const WctLayer *layer = &plan->layers[i];
      const WctShape  next = wct_layer_shape (layer, shape);

      if (layer->kind == WCT_LAYER_CONV)
        plan->row_doubles = larger (plan->row_doubles, wct_reference_row_doubles (&layer->conv, shape));
      if (i + 1 < plan->count)
        plan->map_floats[i % 2] = larger (plan->map_floats[i % 2], (size_t)next.c * (size_t)next.h * (size_t)next.w);
      shape = next;
    }
}

WctStatus
wct_reference_plan_new (void *ctx, const WctLayer *layers, int count, WctShape in, WctPlan **out, WctError *err)
{
  WctPlan  *plan = NULL;
  WctStatus status;

  (void)ctx;
  WCT_TRY (wct_alloc (1, sizeof *plan, "plan", &plan, err));
  plan->layers = layers;
  plan->count = count;
  plan->in = in;
  measure_scratch (plan);
  *out = plan;

out:
  return status;
}

void
wct_reference_plan_free (void *ctx, WctPlan **plan)
{
  (void)ctx;
  wct_free (plan);
}

size_t
wct_reference_plan_memory (void *ctx, const WctPlan *plan)
{
  (void)ctx;
  return sizeof *plan;
}

size_t
wct_reference_plan_scratch (void *ctx, const WctPlan *plan)
{
  (void)ctx;
  return (plan->map_floats[0] + plan->map_floats[1]) * sizeof (float) + plan->row_doubles * sizeof (double);
}

/* To at least @count; what was in it is lost. */
static WctStatus
grow (size_t count, size_t size, size_t *have, void *address_of_block, WctError *err)
{
  WctStatus status;

  if (count <= *have)
    return WCT_OK;
  wct_free (address_of_block);
  *have = 0;
  status = wct_alloc (count, size, "feature map", address_of_block, err);
  if (status == WCT_OK)
    *have = count;
  return status;
}

static WctStatus
reserve_scratch (WctReference *reference, const WctPlan *plan, WctError *err)
{
  WctStatus status;

  for (int i = 0; i < 2; i++)
    WCT_TRY (grow (plan->map_floats[i], sizeof (float), &reference->map_floats[i], &reference->map[i], err));
  WCT_TRY (grow (plan->row_doubles, sizeof (double), &reference->row_doubles, &reference->rows, err));

out:
  return status;
}

static WctStatus
run_layer (WctReference *reference, const WctLayer *layer, WctShape shape, const float *in, float *out,
           WctMonitor *monitor, WctError *err)
{
  switch (layer->kind)
    {
    case WCT_LAYER_CONV:
      return wct_reference_convolve (&layer->conv, shape, in, out, reference->rows, monitor, err);
    case WCT_LAYER_POOL:
      return wct_reference_pool (shape, in, out, monitor, err);
    case WCT_LAYER_UPSAMPLE:
      return wct_reference_upsample (shape, in, out, monitor, err);
    case WCT_LAYER_EMBED:
      break;
    }
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: embeddings are for training only", layer->conv.name);
}

WctStatus
wct_reference_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor,
                        WctError *err)
{
  WctReference *reference = ctx;
  const float  *source = ((const WctReferenceTensor *)in)->data;
  WctShape      shape = plan->in;
  WctStatus     status = reserve_scratch (reference, plan, err);

  for (int i = 0; i < plan->count && status == WCT_OK; i++)
    {
      float *result = i + 1 < plan->count ? reference->map[i % 2] : ((WctReferenceTensor *)out)->data;

      status = run_layer (reference, &plan->layers[i], shape, source, result, monitor, err);
      source = result;
      shape = wct_layer_shape (&plan->layers[i], shape);
    }
  return status;
}
