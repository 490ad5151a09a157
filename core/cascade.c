/* What depends on a picture's size: plans, and the picture on its way through the levels. */
#include "cascade.h"

#include <string.h>

#include "mem.h"
#include "model.h"
#include "planar.h"

/* Features are kept between the two passes of a level where that is cheaper than encoding them twice: where enough
 * multiply-adds led to each byte, and either they are small beside the maps that led to them, or small at all
 * (docs/benchmarks.md). */
#define KEEPS_FROM_WORK  32 /* multiply-adds a byte */
#define KEEPS_FROM_LEVEL 3
#define KEEPS_UP_TO      ((size_t)64 << 20)

static void
free_stores (WctCascade *cascade)
{
  for (int i = 0; i < cascade->count; i++)
    {
      wct_store_free (&cascade->stages[i].input);
      wct_store_free (&cascade->stages[i].features);
    }
  wct_store_free (&cascade->picture);
  wct_store_free (&cascade->features);
  wct_tile_release (&cascade->tile);
}

void
wct_cascade_clear (WctCascade *cascade)
{
  const bool keeps = cascade->keeps;

  if (cascade->backend == NULL)
    return;
  free_stores (cascade);
  wct_tile_clear (&cascade->tile);
  for (int i = 0; i < cascade->count; i++)
    {
      WctStage *stage = &cascade->stages[i];

      cascade->backend->ops->plan_free (cascade->backend->ctx, &stage->decoder);
      cascade->backend->ops->plan_free (cascade->backend->ctx, &stage->encoder);
    }
  memset (cascade, 0, sizeof *cascade);
  cascade->keeps = keeps;
}

static bool
keeping_pays (const WctCascade *cascade, const WctStage *stage)
{
  const size_t bytes = wct_pass_kept_bytes (cascade->backend, stage->shape);

  return stage->encoder_work >= KEEPS_FROM_WORK * (double)bytes
         && (stage->level >= KEEPS_FROM_LEVEL || bytes <= KEEPS_UP_TO);
}

static WctStatus
plan_stage (WctCascade *cascade, const WctModel *model, int level, WctError *err)
{
  const WctBackendOps *ops = cascade->backend->ops;
  void                *ctx = cascade->backend->ctx;
  WctStage            *stage = &cascade->stages[cascade->count++];
  const WctNetwork    *encoder = wct_model_encoder (model, level), *decoder = wct_model_decoder (model, level);
  WctStatus            status;

  stage->level = level;
  stage->halo = cascade->seamless ? wct_period_halo (encoder, decoder) : 0;
  stage->picture = wct_period_extended (cascade->shape, stage->halo);
  stage->shape = wct_layers_shape (encoder->layers, encoder->count, stage->picture);
  stage->encoder_layers = encoder->count;
  stage->encoder_work = wct_layers_work (encoder->layers, encoder->count, stage->picture);
  stage->decoder_work = wct_layers_work (decoder->layers, decoder->count, stage->shape);
  stage->keeps_features = cascade->keeps || keeping_pays (cascade, stage);
  WCT_TRY (ops->plan_new (ctx, encoder->layers, encoder->count, stage->picture, &stage->encoder, err));
  WCT_TRY (ops->plan_new (ctx, decoder->layers, decoder->count, stage->shape, &stage->decoder, err));

out:
  return status;
}

/* Plans, no pictures yet: enough to tell how much memory a run will take. */
WctStatus
wct_cascade_plan (WctCascade *cascade, const WctModel *model, WctBackend *backend, unsigned levels, int32_t width,
                  int32_t height, bool seamless, WctError *err)
{
  WctStatus status = WCT_OK;

  if (cascade->width == width && cascade->height == height && cascade->seamless == seamless)
    return WCT_OK;
  wct_cascade_clear (cascade);
  cascade->backend = backend;
  cascade->seamless = seamless;
  cascade->shape = wct_planar_shape (width, height);
  if (seamless)
    status = wct_tile_new (width, height, &cascade->tile, err);
  for (int level = WCT_LEVELS; level >= 1 && status == WCT_OK; level--)
    if (levels & 1u << (level - 1))
      status = plan_stage (cascade, model, level, err);
  if (status != WCT_OK)
    {
      wct_cascade_clear (cascade);
      return status;
    }
  cascade->width = width;
  cascade->height = height;
  return WCT_OK;
}

/* ---- Memory --------------------------------------------------------------------------------------------------- */

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

static size_t
kept_bytes (const WctCascade *cascade, const WctStage *stage)
{
  return stage->keeps_features ? wct_pass_kept_bytes (cascade->backend, stage->shape) : 0;
}

static void
count_pass (const WctCascade *cascade, const WctPass *pass, WctPassMemory *most)
{
  const WctPassMemory memory = wct_pass_memory (cascade->backend, pass);

  most->scratch = larger (most->scratch, memory.scratch);
  most->passing = larger (most->passing, memory.passing);
}

/* The two passes of a stage, as far as memory goes: whether there is a store is all that counts. */
static void
count_passes (const WctCascade *cascade, const WctStage *stage, const WctRegionWeights *weights, WctPassMemory *most)
{
  char            stand_in;
  WctStore *const there = (WctStore *)(void *)&stand_in, *const kept = stage->keeps_features ? there : NULL;
  const WctAffine *const no_maps = NULL;
  const WctRegionWeights one = { .count = 1 };
  const WctTap           tap = { .layers = stage->encoder_layers };
  const WctPass          measure = { .picture = stage->picture,
                                     .features = stage->shape,
                                     .from = there,
                                     .encoder = stage->encoder,
                                     .taps = &tap,
                                     .tap_count = 1,
                                     .weights = cascade->seamless && weights == NULL ? &one : weights,
                                     .kept = kept };
  const WctPass          map = { .picture = stage->picture,
                                 .features = stage->shape,
                                 .from = kept != NULL ? NULL : there,
                                 .encoder = kept != NULL ? NULL : stage->encoder,
                                 .weights = weights,
                                 .kept = kept,
                                 .maps = &no_maps,
                                 .decoder = stage->decoder,
                                 .result = there };

  count_pass (cascade, &measure, most);
  count_pass (cascade, &map, most);
}

/* What does not depend on where pictures and features are. */
static size_t
fixed_bytes (const WctCascade *cascade, const WctRegionWeights *weights)
{
  const WctBackendOps *ops = cascade->backend->ops;
  size_t               plans = 0;
  WctPassMemory        most = { 0 };

  for (int i = 0; i < cascade->count; i++)
    {
      const WctStage *stage = &cascade->stages[i];

      plans += ops->plan_memory (cascade->backend->ctx, stage->encoder);
      plans += ops->plan_memory (cascade->backend->ctx, stage->decoder);
      count_passes (cascade, stage, weights, &most);
    }
  return plans + most.scratch + most.passing;
}

static size_t
features_bytes (const WctCascade *cascade)
{
  size_t most = 0, all = 0;

  for (int i = 0; i < cascade->count; i++)
    {
      most = larger (most, kept_bytes (cascade, &cascade->stages[i]));
      all += kept_bytes (cascade, &cascade->stages[i]);
    }
  return cascade->keeps ? all : most;
}

/* A picture with the widest halo that it gets. */
static size_t
picture_bytes (const WctCascade *cascade)
{
  size_t most = 0;

  for (int i = 0; i < cascade->count; i++)
    most = larger (most, wct_picture_store_bytes (cascade->stages[i].picture));
  return most;
}

size_t
wct_cascade_settle (WctCascade *cascade, const WctRegionWeights *weights, size_t besides, size_t limit)
{
  const size_t one = picture_bytes (cascade), all = cascade->keeps ? one * (size_t)(cascade->count + 1) : one;
  const size_t pictures = all + wct_tile_bytes (&cascade->tile);
  const size_t features = features_bytes (cascade), fixed = fixed_bytes (cascade, weights) + besides;
  const bool   features_in_file = fixed + pictures + features > limit;
  const bool   picture_in_file = features_in_file && fixed + pictures > limit;

  if (features_in_file != cascade->features_in_file || picture_in_file != cascade->picture_in_file)
    free_stores (cascade);
  cascade->features_in_file = features_in_file;
  cascade->picture_in_file = picture_in_file;
  return fixed + (picture_in_file ? 0 : pictures) + (features_in_file ? 0 : features);
}

WctStatus
wct_cascade_allocate (WctCascade *cascade, WctError *err)
{
  const size_t bytes = picture_bytes (cascade);
  WctStatus    status = WCT_OK;

  if (cascade->picture == NULL)
    WCT_TRY (wct_store_new (bytes, cascade->picture_in_file, "picture", &cascade->picture, err));
  WCT_TRY (wct_tile_allocate (&cascade->tile, cascade->picture_in_file, err));
  if (!cascade->keeps && cascade->features == NULL && features_bytes (cascade) > 0)
    WCT_TRY (wct_store_new (features_bytes (cascade), cascade->features_in_file, "features", &cascade->features, err));
  for (int i = 0; cascade->keeps && i < cascade->count; i++)
    {
      WctStage *stage = &cascade->stages[i];

      if (stage->input == NULL)
        WCT_TRY (wct_store_new (bytes, cascade->picture_in_file, "picture", &stage->input, err));
      if (stage->features == NULL)
        WCT_TRY (
          wct_store_new (kept_bytes (cascade, stage), cascade->features_in_file, "features", &stage->features, err));
    }

out:
  return status;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------- */

WctStore *
wct_cascade_picture (const WctCascade *cascade, int i)
{
  WctStore *own = i < cascade->count ? cascade->stages[i].input : NULL;

  return own != NULL ? own : cascade->picture;
}

WctStore *
wct_cascade_features (const WctCascade *cascade, const WctStage *stage)
{
  if (!stage->keeps_features)
    return NULL;
  return stage->features != NULL ? stage->features : cascade->features;
}

/* Where the picture is to tile: what goes into stage @i, and what came out of it. */
static WctPeriod
period_before (const WctCascade *cascade, int i)
{
  return (WctPeriod){ wct_cascade_picture (cascade, i), cascade->shape, cascade->stages[i].halo };
}

static WctPeriod
period_after (const WctCascade *cascade, int i)
{
  return (WctPeriod){ wct_cascade_picture (cascade, i + 1), cascade->shape, cascade->stages[i].halo };
}

static size_t
row_bytes (const WctCascade *cascade)
{
  return wct_picture_row_bytes (cascade->shape);
}

WctStatus
wct_cascade_put_rows (WctCascade *cascade, const WctImage *rows, int32_t first, WctError *err)
{
  WctStore *to = wct_cascade_picture (cascade, 0);
  float    *planes = NULL; /* of one row */
  WctStatus status;

  if (cascade->seamless)
    {
      const WctPeriod period = period_before (cascade, 0);

      return wct_tile_put_rows (&cascade->tile, rows, first, &period, err);
    }
  WCT_TRY (wct_alloc (row_bytes (cascade), 1, "row", &planes, err));
  for (int32_t y = 0; y < rows->height; y++)
    {
      wct_planar_row_from_image (rows, y, cascade->shape.w, planes);
      WCT_TRY (wct_store_write (to, (size_t)(first + y) * row_bytes (cascade), row_bytes (cascade), planes, err));
    }

out:
  wct_free (&planes);
  return status;
}

WctStatus
wct_cascade_complete (WctCascade *cascade, WctError *err)
{
  const size_t row = row_bytes (cascade);
  WctStore    *picture = wct_cascade_picture (cascade, 0);
  float       *planes = NULL;
  WctStatus    status;

  if (cascade->seamless)
    {
      const WctPeriod period = period_before (cascade, 0);

      return wct_tile_complete (&cascade->tile, &period, err);
    }
  WCT_TRY (wct_alloc (row, 1, "row", &planes, err));
  for (int32_t y = cascade->height; y < cascade->shape.h; y++)
    {
      WCT_TRY (wct_store_read (picture, (size_t)wct_mirror (y, cascade->height) * row, row, planes, err));
      WCT_TRY (wct_store_write (picture, (size_t)y * row, row, planes, err));
    }

out:
  wct_free (&planes);
  return status;
}

WctStatus
wct_cascade_pass_on (const WctCascade *cascade, int i, WctError *err)
{
  if (!cascade->seamless || i + 1 == cascade->count)
    return WCT_OK;

  const WctPeriod from = period_after (cascade, i), to = period_before (cascade, i + 1);
  return wct_period_move (&from, &to, err);
}

WctStatus
wct_cascade_get_rows (const WctCascade *cascade, int32_t first, const WctImage *rows, WctError *err)
{
  float    *planes = NULL;
  WctStatus status;

  if (cascade->seamless)
    {
      const WctPeriod period = period_after (cascade, cascade->count - 1);

      return wct_tile_get_rows (&cascade->tile, &period, first, rows, err);
    }
  WCT_TRY (wct_alloc (row_bytes (cascade), 1, "row", &planes, err));
  for (int32_t y = 0; y < rows->height; y++)
    {
      WCT_TRY (
        wct_store_read (cascade->picture, (size_t)(first + y) * row_bytes (cascade), row_bytes (cascade), planes, err));
      wct_planar_row_to_image (planes, cascade->shape.w, rows, y);
    }

out:
  wct_free (&planes);
  return status;
}

WctStatus
wct_cascade_get_content (const WctCascade *cascade, int32_t y, float *planes, const WctImage *row, WctError *err)
{
  const size_t bytes = row_bytes (cascade);
  WctStatus    status;

  WCT_TRY (wct_store_read (wct_cascade_picture (cascade, 0), (size_t)y * bytes, bytes, planes, err));
  wct_planar_row_to_image (planes, cascade->shape.w, row, 0);

out:
  return status;
}

WctStatus
wct_cascade_continue (WctCascade *cascade, WctError *err)
{
  const size_t row = row_bytes (cascade);
  WctStore    *first = wct_cascade_picture (cascade, 0);
  float       *planes = NULL;
  WctStatus    status;

  if (cascade->seamless)
    {
      const WctPeriod from = period_after (cascade, cascade->count - 1), to = period_before (cascade, 0);

      return wct_period_move (&from, &to, err);
    }
  WCT_TRY (wct_alloc (row, 1, "row", &planes, err));
  for (int32_t y = 0; y < cascade->height; y++)
    {
      WCT_TRY (wct_store_read (cascade->picture, (size_t)y * row, row, planes, err));
      wct_planar_mirror_row (planes, cascade->width, cascade->shape.w);
      WCT_TRY (wct_store_write (first, (size_t)y * row, row, planes, err));
    }
  WCT_TRY (wct_cascade_complete (cascade, err));

out:
  wct_free (&planes);
  return status;
}
