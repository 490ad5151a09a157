#include "sight.h"

#include <math.h>

#include "learner.h"
#include "mem.h"
#include "model.h"
#include "planar.h"

#define STRUCTURE_LEVEL 4

struct WctEye
{
  WctBackend *backend;
  WctNetwork  segments[WCT_LEVELS]; /* between taps; weights are the judge's */
  WctPacking *packings[WCT_LEVELS]; /* owned */
};

struct WctSight
{
  WctBackend *backend;
  WctMoments *moments[WCT_LEVELS]; /* owned */
  WctBatch   *structure;           /* owned */
};

WctStatus
wct_eye_new (WctBackend *backend, const WctModel *judge, WctEye **out, WctError *err)
{
  const WctNetwork *encoder = wct_model_encoder (judge, WCT_LEVELS);
  WctEye           *eye = NULL;
  WctStatus         status;

  if (encoder == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--judge: the model does not reach relu%d_1", WCT_LEVELS);
  WCT_TRY (wct_alloc (1, sizeof *eye, "judge", &eye, err));
  eye->backend = backend;
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      wct_network_segment (encoder, i, i + 1, &eye->segments[i]);
      WCT_TRY (wct_layers_pack (backend, eye->segments[i].layers, eye->segments[i].count, WCT_PRECISION_F32,
                                WCT_CHAIN_FORWARD, &eye->packings[i], err));
    }
  *out = eye;
  eye = NULL;

out:
  wct_eye_free (&eye);
  return status;
}

void
wct_eye_free (WctEye **eye)
{
  if (*eye == NULL)
    return;
  for (int i = 0; i < WCT_LEVELS; i++)
    (*eye)->backend->ops->training->packing_free ((*eye)->backend->ctx, &(*eye)->packings[i]);
  wct_free (eye);
}

/* ---- Looking ------------------------------------------------------------------------------------------------ */

static WctStatus
upload (WctBackend *backend, const WctImage *picture, WctBatch **out, WctError *err)
{
  const WctTrainingOps *ops = backend->ops->training;
  const WctShape        shape = wct_planar_shape (picture->width, picture->height);
  WctBatch             *batch = NULL;
  float                *planar = NULL;
  WctStatus             status;

  WCT_TRY (wct_alloc (3 * (size_t)shape.h * (size_t)shape.w, sizeof (float), "picture", &planar, err));
  WCT_TRY (ops->batch_new (backend->ctx, 1, shape, &batch, err));
  wct_planar_from_image (picture, planar);
  WCT_TRY (ops->batch_upload (backend->ctx, planar, batch, err));
  *out = batch;
  batch = NULL;

out:
  ops->batch_free (backend->ctx, &batch);
  wct_free (&planar);
  return status;
}

/* From one tap to the next. */
static WctStatus
advance (WctEye *eye, int tap, const WctBatch *in, WctBatch **out, WctError *err)
{
  const WctTrainingOps *ops = eye->backend->ops->training;
  const WctNetwork     *segment = &eye->segments[tap];
  void                 *ctx = eye->backend->ctx;
  WctChain             *chain = NULL;
  WctBatch             *features = NULL;
  WctStatus             status;

  WCT_TRY (ops->chain_new (ctx, eye->packings[tap], in->shape, 1, WCT_CHAIN_FORWARD, &chain, err));
  WCT_TRY (ops->batch_new (ctx, 1, wct_layers_shape (segment->layers, segment->count, in->shape), &features, err));
  WCT_TRY (ops->forward (ctx, chain, in, features, err));
  *out = features;
  features = NULL;

out:
  ops->batch_free (ctx, &features);
  ops->chain_free (ctx, &chain);
  return status;
}

static WctStatus
see (WctEye *eye, WctBatch **at, WctSight *sight, WctError *err)
{
  const WctTrainingOps *ops = eye->backend->ops->training;
  WctStatus             status = WCT_OK;

  for (int i = 0; i < WCT_LEVELS; i++)
    {
      WctBatch *next = NULL;

      WCT_TRY (advance (eye, i, *at, &next, err));
      if (*at != sight->structure)
        ops->batch_free (eye->backend->ctx, at);
      *at = next;
      if (i + 1 == STRUCTURE_LEVEL)
        sight->structure = next;
      WCT_TRY (wct_moments_new (next->shape.c, &sight->moments[i], err));
      WCT_TRY (ops->batch_moments (eye->backend->ctx, next, &sight->moments[i], err));
    }

out:
  return status;
}

WctStatus
wct_eye_look (WctEye *eye, const WctImage *picture, WctSight **out, WctError *err)
{
  WctSight *sight = NULL;
  WctBatch *at = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *sight, "picture", &sight, err));
  sight->backend = eye->backend;
  WCT_TRY (upload (eye->backend, picture, &at, err));
  WCT_TRY (see (eye, &at, sight, err));
  *out = sight;
  sight = NULL;

out:
  if (sight == NULL || at != sight->structure)
    eye->backend->ops->training->batch_free (eye->backend->ctx, &at);
  wct_sight_free (&sight);
  return status;
}

void
wct_sight_free (WctSight **sight)
{
  if (*sight == NULL)
    return;
  for (int i = 0; i < WCT_LEVELS; i++)
    wct_moments_free (&(*sight)->moments[i]);
  (*sight)->backend->ops->training->batch_free ((*sight)->backend->ctx, &(*sight)->structure);
  wct_free (sight);
}

/* ---- Distances ---------------------------------------------------------------------------------------------- */

/* |a - b| / |b|. What is nothing is not divided by. */
static double
relative_distance (const double *a, const double *b, size_t count)
{
  double difference = 0, size = 0;

  for (size_t i = 0; i < count; i++)
    {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      size += b[i] * b[i];
    }
  return sqrt (difference / (size > 0 ? size : 1));
}

double
wct_style_distance (const WctSight *result, const WctSight *style)
{
  double sum = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    {
      const WctMoments *a = result->moments[i], *b = style->moments[i];
      const size_t      channels = (size_t)a->channels;

      sum += relative_distance (a->mean, b->mean, channels)
             + relative_distance (a->covariance, b->covariance, channels * channels);
    }
  return sum / WCT_LEVELS;
}

WctStatus
wct_content_distance (const WctSight *result, const WctSight *content, double *out, WctError *err)
{
  return result->backend->ops->training->cosine_error (result->backend->ctx, result->structure, content->structure, 1,
                                                       false, NULL, out, err);
}
