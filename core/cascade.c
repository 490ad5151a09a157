/* What depends on a picture's size: plans, maps, and the picture on its way through the levels. */
#include "cascade.h"

#include <string.h>

#include "mem.h"
#include "model.h"
#include "planar.h"

void
wct_cascade_clear (WctCascade *cascade)
{
  const bool keeps = cascade->keeps;

  if (cascade->backend == NULL)
    return;
  for (int i = 0; i < cascade->count; i++)
    {
      WctStage *stage = &cascade->stages[i];

      cascade->backend->ops->tensor_free (cascade->backend->ctx, &stage->features);
      cascade->backend->ops->tensor_free (cascade->backend->ctx, &stage->input);
      cascade->backend->ops->plan_free (cascade->backend->ctx, &stage->decoder);
      cascade->backend->ops->plan_free (cascade->backend->ctx, &stage->encoder);
    }
  cascade->backend->ops->tensor_free (cascade->backend->ctx, &cascade->picture);
  wct_free (&cascade->planar);
  memset (cascade, 0, sizeof *cascade);
  cascade->keeps = keeps;
}

static WctStatus
plan_stage (WctCascade *cascade, const WctModel *model, int level, WctShape picture, WctError *err)
{
  const WctBackendOps *ops = cascade->backend->ops;
  void                *ctx = cascade->backend->ctx;
  WctStage            *stage = &cascade->stages[cascade->count++];
  const WctNetwork    *encoder = wct_model_encoder (model, level), *decoder = wct_model_decoder (model, level);
  WctStatus            status;

  stage->level = level;
  stage->shape = wct_layers_shape (encoder->layers, encoder->count, picture);
  WCT_TRY (ops->plan_new (ctx, encoder->layers, encoder->count, picture, &stage->encoder, err));
  WCT_TRY (ops->plan_new (ctx, decoder->layers, decoder->count, stage->shape, &stage->decoder, err));

out:
  return status;
}

/* Plans, no pictures yet: enough to tell how much memory a run will take. */
WctStatus
wct_cascade_plan (WctCascade *cascade, const WctModel *model, WctBackend *backend, unsigned levels, int32_t width,
                  int32_t height, WctError *err)
{
  WctStatus status = WCT_OK;

  if (cascade->width == width && cascade->height == height)
    return WCT_OK;
  wct_cascade_clear (cascade);
  cascade->backend = backend;
  for (int level = WCT_LEVELS; level >= 1 && status == WCT_OK; level--)
    if (levels & 1u << (level - 1))
      status = plan_stage (cascade, model, level, wct_planar_shape (width, height), err);
  if (status != WCT_OK)
    {
      wct_cascade_clear (cascade);
      return status;
    }
  cascade->width = width;
  cascade->height = height;
  return WCT_OK;
}

static size_t
count_floats (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

static WctStatus
allocate_cascade (WctCascade *cascade, WctError *err)
{
  const WctBackendOps *ops = cascade->backend->ops;
  void                *ctx = cascade->backend->ctx;
  const WctShape       picture = wct_planar_shape (cascade->width, cascade->height);
  WctStatus            status = WCT_OK;

  if (cascade->planar == NULL)
    WCT_TRY (wct_alloc (count_floats (picture), sizeof (float), "picture", &cascade->planar, err));
  if (cascade->picture == NULL)
    WCT_TRY (ops->tensor_new (ctx, picture, &cascade->picture, err));
  for (int i = 0; i < cascade->count; i++)
    {
      WctStage *stage = &cascade->stages[i];

      if (cascade->keeps && stage->input == NULL)
        WCT_TRY (ops->tensor_new (ctx, picture, &stage->input, err));
      if (stage->features == NULL)
        WCT_TRY (ops->tensor_new (ctx, stage->shape, &stage->features, err));
    }

out:
  return status;
}

size_t
wct_cascade_memory (const WctCascade *cascade)
{
  const WctBackendOps *ops = cascade->backend->ops;
  void                *ctx = cascade->backend->ctx;
  const WctShape       picture = wct_planar_shape (cascade->width, cascade->height);
  size_t               bytes = count_floats (picture) * sizeof (float) + ops->tensor_bytes (ctx, picture);
  size_t               most_scratch = 0;

  for (int i = 0; i < cascade->count; i++)
    {
      const WctStage *stage = &cascade->stages[i];
      WctPlan *const  plans[] = { stage->encoder, stage->decoder };

      bytes += ops->tensor_bytes (ctx, stage->shape) + (cascade->keeps ? ops->tensor_bytes (ctx, picture) : 0);
      for (int p = 0; p < 2; p++)
        {
          size_t kept, scratch;

          ops->plan_memory (ctx, plans[p], &kept, &scratch);
          bytes += kept;
          most_scratch = scratch > most_scratch ? scratch : most_scratch;
        }
    }
  return bytes + most_scratch;
}

double
wct_cascade_work (const WctCascade *cascade, const WctModel *model, int first)
{
  const WctShape picture = wct_planar_shape (cascade->width, cascade->height);
  double         work = 0;

  for (int i = first; i < cascade->count; i++)
    {
      const WctStage   *stage = &cascade->stages[i];
      const WctNetwork *encoder = wct_model_encoder (model, stage->level);
      const WctNetwork *decoder = wct_model_decoder (model, stage->level);

      work += wct_layers_work (encoder->layers, encoder->count, picture)
              + wct_layers_work (decoder->layers, decoder->count, stage->shape);
    }
  return work;
}

WctTensor *
wct_cascade_picture (const WctCascade *cascade, int i)
{
  WctTensor *own = i < cascade->count ? cascade->stages[i].input : NULL;

  return own != NULL ? own : cascade->picture;
}

WctStatus
wct_cascade_load (WctCascade *cascade, const WctImage *content, WctError *err)
{
  WctStatus status;

  WCT_TRY (allocate_cascade (cascade, err));
  wct_planar_from_image (content, cascade->planar);
  WCT_TRY (
    cascade->backend->ops->upload (cascade->backend->ctx, cascade->planar, wct_cascade_picture (cascade, 0), err));

out:
  return status;
}

WctStatus
wct_cascade_fetch (WctCascade *cascade, WctError *err)
{
  WctStatus status;

  WCT_TRY (cascade->backend->ops->download (cascade->backend->ctx, cascade->picture, cascade->planar, err));
  WCT_TRY (wct_planar_check_finite (cascade->planar, cascade->width, cascade->height,
                                    "result (the model's weights overflow on this picture)", err));

out:
  return status;
}

/* Between passes the picture is cut to its size and continued anew, as if it had been saved and loaded. */
WctStatus
wct_cascade_continue (WctCascade *cascade, WctError *err)
{
  const WctShape shape = wct_planar_shape (cascade->width, cascade->height);
  WctStatus      status;

  WCT_TRY (wct_cascade_fetch (cascade, err));
  wct_planar_mirror (cascade->planar, cascade->width, cascade->height, shape);
  WCT_TRY (
    cascade->backend->ops->upload (cascade->backend->ctx, cascade->planar, wct_cascade_picture (cascade, 0), err));

out:
  return status;
}
