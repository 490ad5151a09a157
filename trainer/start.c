#include "start.h"

#include <math.h>
#include <string.h>

#include "linalg.h"
#include "mem.h"
#include "random.h"

/* ---- Random ------------------------------------------------------------------------------------------------- */

/* Learners of one run start apart. FNV-1a */
static uint64_t
stream_of (const char *name)
{
  uint64_t hash = 0xcbf29ce484222325u;

  for (; *name != '\0'; name++)
    hash = (hash ^ (uint64_t)(unsigned char)*name) * 0x100000001b3u;
  return hash;
}

void
wct_start_he (WctLearner *learner, uint64_t seed)
{
  WctRandom random = wct_random_stream (seed, stream_of (learner->name));

  for (int i = 0; i < learner->network.count; i++)
    {
      const WctLayer *layer = &learner->network.layers[i];
      const int32_t   side = wct_layer_side (layer);
      const size_t    count = wct_layer_parameters (layer);
      const double    deviation = side == 0 ? 0 : sqrt (2.0 / (layer->conv.in_c * side * side));

      for (size_t k = 0; side > 0 && k < count - (size_t)layer->conv.out_c; k++)
        wct_learner_weight (learner, i)[k] = (float)(deviation * wct_random_normal (&random));
    }
}

/* ---- Running a few layers once ------------------------------------------------------------------------------ */

/* The result of layers on maps, planar; owned by the caller. */
typedef struct
{
  float   *values; /* (count, c, h, w) */
  int32_t  count;
  WctShape shape;
} Maps;

static size_t
maps_floats (const Maps *maps)
{
  return (size_t)maps->count * (size_t)maps->shape.c * (size_t)maps->shape.h * (size_t)maps->shape.w;
}

static WctStatus
copy_maps (const Maps *in, Maps *out, WctError *err)
{
  Maps            copy = *in;
  const WctStatus status = wct_alloc (maps_floats (in), sizeof (float), "maps", &copy.values, err);

  if (status != WCT_OK)
    return status;
  memcpy (copy.values, in->values, maps_floats (in) * sizeof (float));
  *out = copy;
  return WCT_OK;
}

static WctStatus
run_layers (WctTrainer *trainer, const WctLayer *layers, int count, const Maps *in, Maps *out, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  WctPacking           *packing = NULL;
  WctChain             *chain = NULL;
  WctBatch             *source = NULL, *result = NULL;
  Maps                  maps = { NULL, in->count, wct_layers_shape (layers, count, in->shape) };
  WctStatus             status;

  if (count == 0)
    return copy_maps (in, out, err);
  WCT_TRY (wct_layers_pack (trainer->backend, layers, count, WCT_PRECISION_F32, WCT_CHAIN_FORWARD, &packing, err));
  WCT_TRY (ops->chain_new (ctx, packing, in->shape, in->count, WCT_CHAIN_FORWARD, &chain, err));
  WCT_TRY (ops->batch_new (ctx, in->count, in->shape, &source, err));
  WCT_TRY (ops->batch_new (ctx, in->count, maps.shape, &result, err));
  WCT_TRY (ops->batch_upload (ctx, in->values, source, err));
  WCT_TRY (ops->forward (ctx, chain, source, result, err));
  WCT_TRY (wct_alloc (maps_floats (&maps), sizeof (float), "maps", &maps.values, err));
  WCT_TRY (ops->batch_download (ctx, result, maps.values, err));
  *out = maps;
  maps.values = NULL;

out:
  wct_free (&maps.values);
  ops->batch_free (ctx, &result);
  ops->batch_free (ctx, &source);
  ops->chain_free (ctx, &chain);
  ops->packing_free (ctx, &packing);
  return status;
}

/* ---- LSUV --------------------------------------------------------------------------------------------------- */

/* Of one channel. */
static void
channel_moments (const Maps *maps, int32_t c, double *mean, double *variance)
{
  const size_t positions = (size_t)maps->shape.h * (size_t)maps->shape.w;
  double       sum = 0, squares = 0;

  for (int32_t map = 0; map < maps->count; map++)
    {
      const float *values = maps->values + ((size_t)map * (size_t)maps->shape.c + (size_t)c) * positions;

      for (size_t i = 0; i < positions; i++)
        {
          sum += values[i];
          squares += (double)values[i] * values[i];
        }
    }
  *mean = sum / ((double)maps->count * (double)positions);
  *variance = fmax (squares / ((double)maps->count * (double)positions) - *mean * *mean, 0);
}

static double
mean_variance (const Maps *maps)
{
  double sum = 0;

  for (int32_t c = 0; c < maps->shape.c; c++)
    {
      double mean, variance;

      channel_moments (maps, c, &mean, &variance);
      sum += variance;
    }
  return sum / maps->shape.c;
}

/* A layer without its ReLU: what it sums up to. */
static WctLayer
before_relu (const WctLayer *layer)
{
  WctLayer bare = *layer;

  bare.conv.relu = false;
  return bare;
}

static void
scale_weights (WctLearner *learner, int layer, double factor)
{
  const WctLayer *to = &learner->network.layers[layer];
  const size_t    count = wct_layer_parameters (to) - (size_t)to->conv.out_c;
  float          *weight = wct_learner_weight (learner, layer);

  for (size_t i = 0; i < count; i++)
    weight[i] = (float)(weight[i] * factor);
}

/* @target: the pictures, where this is the layer that makes them */
static WctStatus
scale_layer (WctTrainer *trainer, WctLearner *learner, int layer, const Maps *in, const Maps *target, WctError *err)
{
  const WctLayer bare = before_relu (&learner->network.layers[layer]);
  Maps           sums = { .values = NULL };
  WctStatus      status = run_layers (trainer, &bare, 1, in, &sums, err);

  if (status != WCT_OK)
    return status;
  const double variance = mean_variance (&sums);
  const double factor = variance > 0 ? sqrt ((target == NULL ? 1 : mean_variance (target)) / variance) : 1;

  scale_weights (learner, layer, factor);
  for (int32_t c = 0; target != NULL && c < bare.conv.out_c; c++)
    {
      double mean, wanted, spread;

      channel_moments (&sums, c, &mean, &spread);
      channel_moments (target, c, &wanted, &spread);
      wct_learner_bias (learner, layer)[c] = (float)(wanted - factor * mean);
    }
  wct_free (&sums.values);
  return WCT_OK;
}

static WctStatus
scale_layers (WctTrainer *trainer, WctLearner *learner, Maps *in, const Maps *target, WctError *err)
{
  const int last = learner->network.count - 1;
  WctStatus status = WCT_OK;

  for (int i = 0; i <= last && status == WCT_OK; i++)
    {
      Maps next = { .values = NULL };

      if (wct_layer_side (&learner->network.layers[i]) > 0)
        status = scale_layer (trainer, learner, i, in, i == last ? target : NULL, err);
      if (status == WCT_OK)
        status = run_layers (trainer, &learner->network.layers[i], 1, in, &next, err);
      if (status != WCT_OK)
        break;
      wct_free (&in->values);
      *in = next;
    }
  return status;
}

/* ---- Least squares ------------------------------------------------------------------------------------------ */

/* Positions that are looked at: enough for 577 unknowns, few enough to take seconds. */
#define POSITIONS_MAX 20000

static int32_t
reflect (int32_t at, int32_t side)
{
  if (side == 1)
    return 0;
  return at < 0 ? -at : at < side ? at : 2 * side - 2 - at;
}

/* The values under a kernel of @side at one position, and a 1 for the bias: (in_c · side² + 1). */
static void
collect_patch (const Maps *in, int32_t side, int32_t map, int32_t y, int32_t x, double *patch)
{
  const int32_t h = in->shape.h, w = in->shape.w, reach = side / 2;

  for (int32_t c = 0; c < in->shape.c; c++)
    for (int32_t ky = -reach; ky <= reach; ky++)
      for (int32_t kx = -reach; kx <= reach; kx++)
        {
          const size_t row = ((size_t)map * (size_t)in->shape.c + (size_t)c) * (size_t)h + (size_t)reflect (y + ky, h);

          *patch++ = in->values[row * (size_t)w + (size_t)reflect (x + kx, w)];
        }
  *patch = 1;
}

typedef struct
{
  int32_t side, unknowns;
  double *products; /* (unknowns, unknowns): Σ patch patch' */
  double *inverse;
  double *targets; /* (outputs, unknowns): Σ patch target */
  double *patch;
} Normal;

static void
add_position (Normal *normal, const Maps *in, const Maps *target, int32_t map, int32_t y, int32_t x)
{
  const size_t n = (size_t)normal->unknowns;
  const size_t positions = (size_t)target->shape.h * (size_t)target->shape.w;

  collect_patch (in, normal->side, map, y, x, normal->patch);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++)
      normal->products[i * n + k] += normal->patch[i] * normal->patch[k];
  for (size_t c = 0; c < (size_t)target->shape.c; c++)
    {
      const double value = target->values[((size_t)map * (size_t)target->shape.c + c) * positions
                                          + (size_t)y * (size_t)target->shape.w + (size_t)x];

      for (size_t i = 0; i < n; i++)
        normal->targets[c * n + i] += normal->patch[i] * value;
    }
}

static void
add_positions (Normal *normal, const Maps *in, const Maps *target)
{
  const size_t per_map = (size_t)in->shape.h * (size_t)in->shape.w, all = (size_t)in->count * per_map;
  const size_t step = all / POSITIONS_MAX + 1;

  for (size_t i = 0; i < all; i += step)
    add_position (normal, in, target, (int32_t)(i / per_map), (int32_t)(i % per_map / (size_t)in->shape.w),
                  (int32_t)(i % (size_t)in->shape.w));
}

/* The layer's weights and biases from the solution of the normal equations. */
static void
write_solution (WctLearner *learner, int32_t outputs, const Normal *normal)
{
  const size_t n = (size_t)normal->unknowns;

  for (size_t o = 0; o < (size_t)outputs; o++)
    for (size_t i = 0; i < n; i++)
      {
        double value = 0;

        for (size_t k = 0; k < n; k++)
          value += normal->inverse[i * n + k] * normal->targets[o * n + k];
        if (i + 1 < n)
          wct_learner_weight (learner, 0)[o * (n - 1) + i] = (float)value;
        else
          wct_learner_bias (learner, 0)[o] = (float)value;
      }
}

/* Directions that carry less than this share of the largest are noise. */
#define RELATIVE_FLOOR 1e-9

static WctStatus
solve_least_squares (WctLearner *learner, const Maps *in, const Maps *target, WctError *err)
{
  const int32_t side = wct_layer_side (&learner->network.layers[0]);
  Normal        normal = { .side = side, .unknowns = in->shape.c * side * side + 1 };
  WctStatus     status;
  size_t        n = (size_t)normal.unknowns;
  double        trace = 0;

  WCT_TRY (wct_alloc (n * n, sizeof (double), "least squares", &normal.products, err));
  WCT_TRY (wct_alloc (n * n, sizeof (double), "least squares", &normal.inverse, err));
  WCT_TRY (wct_alloc (n * (size_t)target->shape.c, sizeof (double), "least squares", &normal.targets, err));
  WCT_TRY (wct_alloc (n, sizeof (double), "least squares", &normal.patch, err));
  add_positions (&normal, in, target);
  for (size_t i = 0; i < n; i++)
    trace += normal.products[i * n + i];
  WCT_TRY (wct_symmetric_power (normal.unknowns, normal.products, -1, RELATIVE_FLOOR * trace, normal.inverse, err));
  write_solution (learner, target->shape.c, &normal);

out:
  wct_free (&normal.patch);
  wct_free (&normal.targets);
  wct_free (&normal.inverse);
  wct_free (&normal.products);
  return status;
}

/* ---- All of it ---------------------------------------------------------------------------------------------- */

static WctStatus
start_from_data (WctTrainer *trainer, WctLearner *learner, const WctNetwork *before, const WctStartData *data,
                 WctError *err)
{
  const Maps pictures = { (float *)(uintptr_t)data->images, data->count, { 3, data->crop, data->crop } };
  Maps       in = { .values = NULL }, target = { .values = NULL };
  WctStatus  status;

  wct_start_he (learner, trainer->config->seed);
  WCT_TRY (run_layers (trainer, before->layers, before->count, &pictures, &in, err));
  if (data->target != NULL)
    WCT_TRY (run_layers (trainer, data->target->layers, data->target->count, &pictures, &target, err));
  if (learner->network.count == 1 && (data->target != NULL || data->to_picture))
    WCT_TRY (solve_least_squares (learner, &in, data->target != NULL ? &target : &pictures, err));
  else
    WCT_TRY (scale_layers (trainer, learner, &in, data->to_picture ? &pictures : NULL, err));

out:
  wct_free (&target.values);
  wct_free (&in.values);
  return status;
}

WctStatus
wct_start_learner (WctTrainer *trainer, WctLearner *learner, const WctNetwork *before, const WctNetwork *model,
                   const WctStartData *data, WctError *err)
{
  switch (trainer->config->start)
    {
    case WCT_START_HE:
      wct_start_he (learner, trainer->config->seed);
      return WCT_OK;
    case WCT_START_DATA:
      return start_from_data (trainer, learner, before, data, err);
    case WCT_START_MODEL:
      if (model == NULL)
        return wct_error_set (err, WCT_ERR_ARGUMENT, "--start-model: %s has no %s", trainer->config->start_model,
                              learner->name);
      return wct_learner_copy (learner, model, err);
    }
  return WCT_OK;
}
