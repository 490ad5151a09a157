/* Passes made of a back end's plans, moments and maps, with whole feature maps in memory: for back ends that have no
 * way of their own. */
#include "pass.h"

#include <math.h>
#include <string.h>

#include "backend.h"
#include "mem.h"

typedef struct
{
  const WctBackendOps *ops;
  void                *ctx;
  const WctPass       *pass;
  WctMonitor          *monitor;
  WctTensor           *picture, *features; /* owned */
  WctTensor           *mapped;             /* owned; of the features; NULL where there are no regions */
  float               *planar;             /* owned; as large as the larger of the two */
  float               *weights;            /* owned; (h, w) of the features; NULL: everything */
  int32_t             *positions;          /* owned; of one row */
  float               *picked;             /* owned; their weights */
} Whole;

static size_t
count_floats (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

static size_t
planar_floats (const WctPass *pass)
{
  const size_t picture = count_floats (pass->picture),
               features = pass->kept == NULL && pass->weights == NULL ? 0 : count_floats (pass->features);

  return picture > features ? picture : features;
}

/* Between the planes of a picture and its rows in a store. */
static WctStatus
load_picture (Whole *whole, WctError *err)
{
  const WctShape shape = whole->pass->picture;
  const size_t   row = (size_t)shape.w * sizeof (float);
  WctStatus      status = WCT_OK;

  for (int32_t y = 0; y < shape.h; y++)
    for (int32_t c = 0; c < shape.c; c++)
      WCT_TRY (wct_store_read (whole->pass->from, ((size_t)y * (size_t)shape.c + (size_t)c) * row, row,
                               whole->planar + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w, err));
  WCT_TRY (whole->ops->upload (whole->ctx, whole->planar, whole->picture, err));

out:
  return status;
}

static WctStatus
check_finite (const float *row, int32_t y, int32_t w, WctError *err)
{
  for (int32_t x = 0; x < w; x++)
    if (!isfinite (row[x]))
      return wct_error_set (err, WCT_ERR_NUMERIC,
                            "row %d of the result has numbers that are not finite: the model's weights overflow on "
                            "this picture",
                            y);
  return WCT_OK;
}

static WctStatus
save_picture (Whole *whole, WctError *err)
{
  const WctShape shape = whole->pass->picture;
  const size_t   row = (size_t)shape.w * sizeof (float);
  WctStatus      status;

  WCT_TRY (whole->ops->download (whole->ctx, whole->picture, whole->planar, err));
  for (int32_t y = 0; y < shape.h; y++)
    for (int32_t c = 0; c < shape.c; c++)
      {
        const float *from = whole->planar + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;

        WCT_TRY (check_finite (from, y, shape.w, err));
        WCT_TRY (
          wct_store_write (whole->pass->result, ((size_t)y * (size_t)shape.c + (size_t)c) * row, row, from, err));
      }

out:
  return status;
}

static const float *
weigh_region (const Whole *whole, int region, WctWeightsUse use)
{
  const WctRegionWeights *weights = whole->pass->weights;
  const WctShape          shape = whole->pass->features;

  if (weights == NULL)
    return NULL;
  memset (whole->weights, 0, (size_t)shape.h * (size_t)shape.w * sizeof *whole->weights);
  for (int32_t y = 0; y < shape.h; y++)
    {
      const int32_t count = weights->pick (weights->data, region, use, y, 1, whole->positions, whole->picked);

      for (int32_t i = 0; i < count; i++)
        whole->weights[(size_t)y * (size_t)shape.w + (size_t)whole->positions[i]] = whole->picked[i];
    }
  return whole->weights;
}

static WctStatus
measure (const Whole *whole, const WctTap *tap, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < wct_pass_regions (whole->pass) && status == WCT_OK; i++)
    if (tap->moments[i] != NULL)
      status = whole->ops->moments (whole->ctx, whole->features, weigh_region (whole, i, WCT_WEIGHTS_MEASURED),
                                    tap->moments[i], whole->monitor, err);
  if (tap->whole != NULL && status == WCT_OK)
    status = whole->ops->moments (whole->ctx, whole->features, NULL, tap->whole, whole->monitor, err);
  return status;
}

static WctStatus
encode (Whole *whole, WctError *err)
{
  const WctPass *pass = whole->pass;
  WctStatus      status;

  WCT_TRY (load_picture (whole, err));
  WCT_TRY (whole->ops->plan_run (whole->ctx, pass->encoder, whole->picture, whole->features, whole->monitor, err));
  if (pass->tap_count > 0)
    WCT_TRY (measure (whole, &pass->taps[0], err));
  if (pass->kept != NULL)
    {
      WCT_TRY (whole->ops->download (whole->ctx, whole->features, whole->planar, err));
      WCT_TRY (wct_store_write (pass->kept, 0, count_floats (pass->features) * sizeof (float), whole->planar, err));
    }

out:
  return status;
}

static WctStatus
fetch (Whole *whole, WctError *err)
{
  WctStatus status;

  WCT_TRY (
    wct_store_read (whole->pass->kept, 0, count_floats (whole->pass->features) * sizeof (float), whole->planar, err));
  WCT_TRY (whole->ops->upload (whole->ctx, whole->planar, whole->features, err));

out:
  return status;
}

/* What regions' maps are added to: the features as they are. */
static WctStatus
copy_features (Whole *whole, WctError *err)
{
  WctStatus status;

  WCT_TRY (whole->ops->download (whole->ctx, whole->features, whole->planar, err));
  WCT_TRY (whole->ops->upload (whole->ctx, whole->planar, whole->mapped, err));

out:
  return status;
}

/* All regions see the features as they were encoded. */
static WctStatus
map (Whole *whole, WctError *err)
{
  WctTensor *out = whole->mapped != NULL ? whole->mapped : whole->features;
  WctStatus  status = WCT_OK;

  if (whole->mapped != NULL)
    status = copy_features (whole, err);
  for (int i = 0; i < wct_pass_regions (whole->pass) && status == WCT_OK; i++)
    if (whole->pass->maps[i] != NULL)
      status = whole->ops->affine (whole->ctx, whole->features, weigh_region (whole, i, WCT_WEIGHTS_MAPPED),
                                   whole->pass->maps[i], out, whole->monitor, err);
  return status;
}

static WctStatus
allocate_regions (Whole *whole, WctError *err)
{
  const WctShape shape = whole->pass->features;
  WctStatus      status;

  WCT_TRY (wct_alloc ((size_t)shape.h * (size_t)shape.w, sizeof (float), "regions", &whole->weights, err));
  WCT_TRY (wct_alloc ((size_t)shape.w, sizeof (int32_t), "regions", &whole->positions, err));
  WCT_TRY (wct_alloc ((size_t)shape.w, sizeof (float), "regions", &whole->picked, err));
  if (whole->pass->maps != NULL)
    WCT_TRY (whole->ops->tensor_new (whole->ctx, shape, &whole->mapped, err));

out:
  return status;
}

static WctStatus
allocate (Whole *whole, WctError *err)
{
  const WctPass *pass = whole->pass;
  WctStatus      status;

  WCT_TRY (whole->ops->tensor_new (whole->ctx, pass->picture, &whole->picture, err));
  WCT_TRY (whole->ops->tensor_new (whole->ctx, pass->features, &whole->features, err));
  WCT_TRY (wct_alloc (planar_floats (pass), sizeof (float), "picture", &whole->planar, err));
  if (pass->weights != NULL)
    WCT_TRY (allocate_regions (whole, err));

out:
  return status;
}

static WctStatus
run_whole (WctBackend *backend, const WctPass *pass, WctMonitor *monitor, WctError *err)
{
  Whole     whole = { .ops = backend->ops, .ctx = backend->ctx, .pass = pass, .monitor = monitor };
  WctStatus status;

  WCT_TRY (allocate (&whole, err));
  WCT_TRY (pass->encoder != NULL ? encode (&whole, err) : fetch (&whole, err));
  if (pass->maps != NULL)
    WCT_TRY (map (&whole, err));
  if (pass->decoder != NULL)
    {
      WCT_TRY (whole.ops->plan_run (whole.ctx, pass->decoder, whole.mapped != NULL ? whole.mapped : whole.features,
                                    whole.picture, monitor, err));
      WCT_TRY (save_picture (&whole, err));
    }

out:
  whole.ops->tensor_free (whole.ctx, &whole.picture);
  whole.ops->tensor_free (whole.ctx, &whole.features);
  whole.ops->tensor_free (whole.ctx, &whole.mapped);
  wct_free (&whole.planar);
  wct_free (&whole.weights);
  wct_free (&whole.positions);
  wct_free (&whole.picked);
  return status;
}

WctStatus
wct_pass_run (WctBackend *backend, const WctPass *pass, WctMonitor *monitor, WctError *err)
{
  return backend->ops->pass_run != NULL ? backend->ops->pass_run (backend->ctx, pass, monitor, err)
                                        : run_whole (backend, pass, monitor, err);
}

WctPassMemory
wct_pass_memory (WctBackend *backend, const WctPass *pass)
{
  const WctBackendOps *ops = backend->ops;
  struct WctPlan      *plans[] = { pass->encoder, pass->decoder };
  WctPassMemory        memory = { 0 };

  if (ops->pass_memory != NULL)
    return ops->pass_memory (backend->ctx, pass);
  for (int i = 0; i < 2; i++)
    if (plans[i] != NULL && ops->plan_scratch (backend->ctx, plans[i]) > memory.scratch)
      memory.scratch = ops->plan_scratch (backend->ctx, plans[i]);
  memory.passing = ops->tensor_bytes (backend->ctx, pass->picture) + ops->tensor_bytes (backend->ctx, pass->features)
                   + planar_floats (pass) * sizeof (float);
  if (pass->weights != NULL)
    memory.passing += (size_t)pass->features.h * (size_t)pass->features.w * sizeof (float);
  if (pass->weights != NULL && pass->maps != NULL)
    memory.passing += ops->tensor_bytes (backend->ctx, pass->features);
  return memory;
}

size_t
wct_pass_kept_bytes (WctBackend *backend, WctShape features)
{
  return backend->ops->pass_run != NULL ? backend->ops->tensor_bytes (backend->ctx, features)
                                        : count_floats (features) * sizeof (float);
}
