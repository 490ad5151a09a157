/* Decoders of a fixed encoder (Li et al. 2017, section 3.1): each learns to turn its encoder's features back into the
 * picture.
 *
 *   L = |I_o - I_i|² + λ |Φ(I_o) - Φ(I_i)|²,   I_o = decoder (Φ(I_i)),   Φ = encoder up to the level
 *
 * Levels are trained on the same batches but share nothing else. */
#include <stdio.h>

#include "decoder.h"
#include "mem.h"
#include "model.h"
#include "start.h"

typedef struct
{
  WctPacking *encoder; /* of the level; the first worker's, the others borrow it */
  WctChain   *encode, *decode;
  WctBatch   *features, *result, *result_features;
  WctBatch   *feature_gradient, *result_gradient;
} LevelWork;

typedef struct
{
  WctBatch *images;
  LevelWork levels[WCT_LEVELS]; /* of those that are trained */
} Worker;

static const WctNetwork *
encoder_of (const WctTrainer *trainer, int level)
{
  return wct_model_encoder (trainer->model, level);
}

WctLearner *
wct_decoder_learner (const WctTrainer *trainer, int level)
{
  return wct_trainer_learner (trainer, "decoder", level);
}

static WctStatus
prepare_level (WctTrainer *trainer, int level, WctError *err)
{
  const WctConfig *config = trainer->config;
  const unsigned   uses = WCT_CHAIN_WEIGHT_GRADIENTS | (config->tune_encoder > 0 ? WCT_CHAIN_INPUT_GRADIENT : 0u);
  WctNetwork       network;
  char             name[24];
  WctStatus        status;

  if (encoder_of (trainer, level) == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--level: %s does not reach relu%d_1", config->model, level);
  snprintf (name, sizeof name, "decoder%d", level);
  wct_network_mirror (encoder_of (trainer, level), level, &network);
  status = wct_learner_new (trainer->backend, name, level, &network, config->precision, uses, trainer->lanes,
                            config->average > 0, &trainer->learners[trainer->learner_count], err);
  if (status == WCT_OK)
    trainer->learner_count++;
  return status;
}

WctStatus
wct_decoders_prepare (WctTrainer *trainer, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int level = 1; level <= WCT_LEVELS && status == WCT_OK; level++)
    if (trainer->config->levels & 1u << (level - 1))
      status = prepare_level (trainer, level, err);
  return status;
}

WctStatus
wct_decoders_start (WctTrainer *trainer, const float *images, int32_t count, WctError *err)
{
  const int32_t crop = trainer->config->crop;
  WctStatus     status = WCT_OK;

  for (int level = 1; level <= WCT_LEVELS && status == WCT_OK; level++)
    {
      WctLearner *learner = wct_decoder_learner (trainer, level);

      if (learner == NULL)
        continue;
      status = wct_start_learner (trainer, learner, encoder_of (trainer, level),
                                  trainer->start_model == NULL ? NULL : wct_model_decoder (trainer->start_model, level),
                                  &(WctStartData){ images, count, crop, true, NULL }, err);
    }
  return status;
}

/* ---- Workers ------------------------------------------------------------------------------------------------ */

static WctStatus
level_work_new (WctTrainer *trainer, int level, LevelWork *work, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const WctNetwork     *encoder = encoder_of (trainer, level);
  const int32_t         crop = trainer->config->crop, piece = trainer->piece;
  const WctShape        picture = { 3, crop, crop };
  const WctShape        features = wct_layers_shape (encoder->layers, encoder->count, picture);
  void                 *ctx = trainer->backend->ctx;
  const Worker         *first = trainer->workers[0];
  WctStatus             status = WCT_OK;

  if (first == NULL || first->levels[level - 1].encoder == NULL)
    WCT_TRY (wct_layers_pack (trainer->backend, encoder->layers, encoder->count, trainer->config->precision,
                              WCT_CHAIN_INPUT_GRADIENT, &work->encoder, err));
  WCT_TRY (ops->chain_new (ctx, work->encoder != NULL ? work->encoder : first->levels[level - 1].encoder, picture,
                           piece, WCT_CHAIN_INPUT_GRADIENT, &work->encode, err));
  WCT_TRY (ops->chain_new (ctx, wct_decoder_learner (trainer, level)->packing, features, piece,
                           WCT_CHAIN_WEIGHT_GRADIENTS, &work->decode, err));
  WCT_TRY (ops->batch_new (ctx, piece, features, &work->features, err));
  WCT_TRY (ops->batch_new (ctx, piece, features, &work->result_features, err));
  WCT_TRY (ops->batch_new (ctx, piece, features, &work->feature_gradient, err));
  WCT_TRY (ops->batch_new (ctx, piece, picture, &work->result, err));
  WCT_TRY (ops->batch_new (ctx, piece, picture, &work->result_gradient, err));

out:
  return status;
}

static void
level_work_free (WctTrainer *trainer, LevelWork *work)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;

  ops->chain_free (ctx, &work->encode);
  ops->chain_free (ctx, &work->decode);
  ops->batch_free (ctx, &work->features);
  ops->batch_free (ctx, &work->result_features);
  ops->batch_free (ctx, &work->feature_gradient);
  ops->batch_free (ctx, &work->result);
  ops->batch_free (ctx, &work->result_gradient);
  ops->packing_free (ctx, &work->encoder);
}

static void
worker_free (WctTrainer *trainer, void **data)
{
  Worker *worker = *data;

  for (int i = 0; i < WCT_LEVELS; i++)
    level_work_free (trainer, &worker->levels[i]);
  trainer->backend->ops->training->batch_free (trainer->backend->ctx, &worker->images);
  wct_free (data);
}

static WctStatus
worker_new (WctTrainer *trainer, void **out, WctError *err)
{
  const int32_t crop = trainer->config->crop;
  Worker       *worker = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (1, sizeof *worker, "worker", &worker, err));
  WCT_TRY (trainer->backend->ops->training->batch_new (trainer->backend->ctx, trainer->piece,
                                                       (WctShape){ 3, crop, crop }, &worker->images, err));
  for (int i = 0; i < trainer->learner_count; i++)
    {
      const int level = trainer->learners[i]->level;

      WCT_TRY (level_work_new (trainer, level, &worker->levels[level - 1], err));
    }
  *out = worker;
  worker = NULL;

out:
  if (worker != NULL)
    worker_free (trainer, &(void *){ worker });
  return status;
}

/* ---- A piece ------------------------------------------------------------------------------------------------ */

static WctStatus
measure (WctTrainer *trainer, void *data, const WctPiece *piece, WctScales *sums, WctScales *squares, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  Worker               *worker = data;
  double                sum, square;
  WctStatus             status;

  WCT_TRY (ops->batch_upload (ctx, piece->images, worker->images, err));
  WCT_TRY (ops->sums (ctx, worker->images, &sum, &square, err));
  sums->pixel += sum;
  squares->pixel += square;
  for (int i = 0; i < WCT_LEVELS; i++)
    if (worker->levels[i].encode != NULL)
      {
        LevelWork *work = &worker->levels[i];

        WCT_TRY (ops->forward (ctx, work->encode, worker->images, work->features, err));
        WCT_TRY (ops->sums (ctx, work->features, &sum, &square, err));
        sums->feature[i] += sum;
        squares->feature[i] += square;
      }

out:
  return status;
}

/* The feature term and its gradient, at the result. */
static WctStatus
judge_features (WctTrainer *trainer, LevelWork *work, int level, double *term, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  const WctShape        shape = work->features->shape;
  const float           scale = wct_trainer_scale (trainer, trainer->config->lambda, trainer->scales.feature[level - 1],
                                                   (size_t)shape.c * (size_t)shape.h * (size_t)shape.w);
  double                sum;
  WctStatus             status;

  WCT_TRY (ops->forward (ctx, work->encode, work->result, work->result_features, err));
  WCT_TRY (
    ops->squared_error (ctx, work->result_features, work->features, scale, false, work->feature_gradient, &sum, err));
  WCT_TRY (ops->backward (ctx, work->encode, work->feature_gradient, work->result_gradient, NULL, err));
  *term += scale * sum;

out:
  return status;
}

static WctStatus
train_level (WctTrainer *trainer, const WctBatch *images, LevelWork *work, WctLearner *learner, int lane,
             WctTerms *terms, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  const int             level = learner->level;
  const size_t          values = 3 * (size_t)trainer->config->crop * (size_t)trainer->config->crop;
  const float           scale =
    wct_trainer_scale (trainer, trainer->config->pixel_weights[level - 1], trainer->scales.pixel, values);
  double    sum;
  WctStatus status;

  WCT_TRY (ops->forward (ctx, work->encode, images, work->features, err));
  WCT_TRY (ops->forward (ctx, work->decode, work->features, work->result, err));
  if (trainer->config->lambda > 0)
    WCT_TRY (judge_features (trainer, work, level, &terms->feature[level - 1], err));
  WCT_TRY (ops->squared_error (ctx, work->result, images, scale, trainer->config->lambda > 0, work->result_gradient,
                               &sum, err));
  terms->pixel[level - 1] += scale * sum;
  WCT_TRY (ops->backward (ctx, work->decode, work->result_gradient, NULL,
                          learner->lane_gradients + (size_t)lane * learner->count, err));

out:
  return status;
}

static WctStatus
train_piece (WctTrainer *trainer, void *data, int lane, const WctPiece *piece, WctTerms *terms, WctError *err)
{
  Worker   *worker = data;
  WctStatus status =
    trainer->backend->ops->training->batch_upload (trainer->backend->ctx, piece->images, worker->images, err);

  for (int i = 0; i < trainer->learner_count && status == WCT_OK; i++)
    {
      WctLearner *learner = trainer->learners[i];

      status = train_level (trainer, worker->images, &worker->levels[learner->level - 1], learner, lane, terms, err);
      if (status == WCT_OK)
        status = wct_trainer_gradient_done (trainer, piece, learner, err);
    }
  return status;
}

const WctTaskOps wct_task_decoder = {
  .prepare = wct_decoders_prepare,
  .start = wct_decoders_start,
  .worker_new = worker_new,
  .worker_free = worker_free,
  .measure = measure,
  .piece = train_piece,
};
