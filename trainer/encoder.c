/* A compact trunk that learns a wide one's features (Wang et al., Collaborative Distillation for Ultra-Resolution
 * Universal Style Transfer, CVPR 2020: linear embeddings, and decoders learned beside it so that what makes a picture
 * is kept).
 *
 *   L = Σ_levels |E_l S_l (I) - T_l (I)|² + β ((1 - ι) |D_l (S_l (I)) - I|² + ι |D_l (S_l (I)) - D'_l (T_l (I))|²)
 *
 * S: the trunk up to level l; E: a 1×1 convolution to the teacher's width; T: the teacher; D: the level's decoder; D':
 * the teacher's. Pixels alone teach to blur what cannot be known; a teacher's picture, made from nearly the same
 * features, can be known. At relu1_1, where hardly anything is lost, ι is 0. */
#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "model.h"
#include "start.h"
#include "trainer.h"

/* Learners of a level, in the trainer's order: SEGMENT, EMBEDDING, and with β DECODER. */
typedef enum
{
  SEGMENT, /* of the trunk, from the tap before */
  EMBEDDING,
  DECODER,
  PART_COUNT
} Part;

typedef struct
{
  WctPacking *teacher, *teacher_decoder; /* of the first worker; the others borrow them */
  WctChain   *teach, *show;              /* show: the teacher's decoder; NULL where it is not imitated */
  WctChain   *parts[PART_COUNT];         /* by Part */
  WctBatch   *shown;                     /* the teacher's picture */
  WctBatch   *target;                    /* the teacher's features */
  WctBatch   *features, *features_gradient;
  WctBatch   *embedded, *embedded_gradient;
  WctBatch   *picture, *picture_gradient; /* the decoder's */
  WctBatch   *part_gradient;              /* of the features, from one part */
  WctBatch   *in_gradient;                /* of what the segment is made from: the features of the level before */
} LevelWork;

typedef struct
{
  WctBatch *images;
  LevelWork levels[WCT_LEVELS];
} Worker;

static int
part_count (const WctTrainer *trainer)
{
  return trainer->config->reconstruct > 0 ? PART_COUNT : PART_COUNT - 1;
}

static WctLearner *
learner_of (const WctTrainer *trainer, int level, Part part)
{
  return trainer->learners[(level - 1) * part_count (trainer) + (int)part];
}

/* Trunks are whole: a teacher has one network for each level, and they may be trunks of their own. */
static void
teacher_segment (const WctTrainer *trainer, int level, WctNetwork *out)
{
  const bool shared = wct_model_shared_trunk (trainer->model);

  wct_network_segment (wct_model_encoder (trainer->model, level), shared ? level - 1 : 0, level, out);
}

/* What the teacher's picture counts for, of the decoder's target. */
static double
imitation (const WctTrainer *trainer, int level)
{
  return level > 1 && part_count (trainer) > DECODER ? trainer->config->imitate : 0;
}

static const WctConv *
last_convolution (const WctNetwork *network)
{
  return &network->layers[network->count - 1].conv;
}

/* ---- Making ------------------------------------------------------------------------------------------------- */

static WctStatus
add_learner (WctTrainer *trainer, const char *kind, int level, const WctNetwork *network, unsigned uses, WctError *err)
{
  char      name[24];
  WctStatus status;

  snprintf (name, sizeof name, "%s%d", kind, level);
  status = wct_learner_new (trainer->backend, name, level, network, trainer->config->precision, uses, trainer->lanes,
                            trainer->config->average > 0, &trainer->learners[trainer->learner_count], err);
  if (status == WCT_OK)
    trainer->learner_count++;
  return status;
}

static WctStatus
prepare_level (WctTrainer *trainer, const WctNetwork *trunk, int level, WctError *err)
{
  const unsigned uses = WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS;
  WctNetwork     segment, embedding, whole, decoder;
  WctStatus      status;

  if (imitation (trainer, level) > 0 && wct_model_decoder (trainer->model, level) == NULL)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "--imitate: %s has no decoder for relu%d_1", trainer->config->model,
                            level));
  wct_network_segment (trunk, level - 1, level, &segment);
  WCT_TRY (add_learner (trainer, "encoder", level, &segment, uses, err));
  wct_network_embed (last_convolution (&segment), wct_model_channels (trainer->model, level), &embedding);
  WCT_TRY (add_learner (trainer, "embedding", level, &embedding, uses, err));
  wct_network_segment (trunk, 0, level, &whole);
  wct_network_mirror (&whole, level, &decoder);
  if (trainer->config->reconstruct > 0)
    WCT_TRY (add_learner (trainer, "decoder", level, &decoder, uses, err));

out:
  return status;
}

static WctStatus
prepare (WctTrainer *trainer, WctError *err)
{
  const WctNetwork *deepest = wct_model_encoder (trainer->model, WCT_LEVELS);
  WctNetwork        trunk;
  WctStatus         status = WCT_OK;

  if (deepest == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--teacher: %s does not reach relu%d_1; a trunk is learned whole",
                          trainer->config->model, WCT_LEVELS);
  wct_network_thin (deepest, trainer->config->channels, &trunk);
  for (int level = 1; level <= WCT_LEVELS && status == WCT_OK; level++)
    status = prepare_level (trainer, &trunk, level, err);
  return status;
}

static const WctNetwork *
part_of_model (const WctModel *model, int level, Part part, WctNetwork *room)
{
  if (model == NULL || part == EMBEDDING)
    return NULL;
  if (part == DECODER)
    return wct_model_decoder (model, level);
  if (wct_model_encoder (model, level) == NULL)
    return NULL;
  wct_network_segment (wct_model_encoder (model, level), level - 1, level, room);
  return room;
}

/* Embeddings are in no model that stylizes: they start from the data. */
static WctStatus
start_part (WctTrainer *trainer, int level, Part part, const WctNetwork *before, const WctStartData *data,
            WctError *err)
{
  const WctConfig *config = trainer->config;
  WctConfig        from_data = *config;
  WctLearner      *learner = learner_of (trainer, level, part);
  WctNetwork       room;
  WctStatus        status;

  if (part != EMBEDDING || config->start != WCT_START_MODEL)
    return wct_start_learner (trainer, learner, before, part_of_model (trainer->start_model, level, part, &room), data,
                              err);
  from_data.start = WCT_START_DATA;
  trainer->config = &from_data;
  status = wct_start_learner (trainer, learner, before, NULL, data, err);
  trainer->config = config;
  return status;
}

static WctStatus
start (WctTrainer *trainer, const float *images, int32_t count, WctError *err)
{
  WctNetwork before = { .count = 0 };
  WctStatus  status = WCT_OK;

  for (int level = 1; level <= WCT_LEVELS && status == WCT_OK; level++)
    {
      WctStartData data = { images, count, trainer->config->crop, false, NULL };

      status = start_part (trainer, level, SEGMENT, &before, &data, err);
      wct_network_append (&before, &learner_of (trainer, level, SEGMENT)->network);
      data.target = wct_model_encoder (trainer->model, level);
      if (status == WCT_OK)
        status = start_part (trainer, level, EMBEDDING, &before, &data, err);
      data.target = NULL;
      data.to_picture = true;
      if (status == WCT_OK && part_count (trainer) > DECODER)
        status = start_part (trainer, level, DECODER, &before, &data, err);
    }
  return status;
}

/* ---- Workers ------------------------------------------------------------------------------------------------ */

/* Layers are borrowed for as long as the packing lives: those of the model, from where the segment begins. */
static WctStatus
pack_teacher (WctTrainer *trainer, int level, WctPacking **out, WctError *err)
{
  const WctNetwork *encoder = wct_model_encoder (trainer->model, level);
  WctNetwork        segment;

  teacher_segment (trainer, level, &segment);
  return wct_layers_pack (trainer->backend, encoder->layers + encoder->count - segment.count, segment.count,
                          trainer->config->precision, WCT_CHAIN_FORWARD, out, err);
}

/* Shapes of a level: of its features in the trunk and in the teacher, and of what they are made from. */
typedef struct
{
  WctShape in, teacher_in, features, target;
} LevelShapes;

static LevelShapes
shapes_of (const WctTrainer *trainer, int level)
{
  const int32_t  crop = trainer->config->crop;
  const WctShape picture = { 3, crop, crop };
  LevelShapes    shapes = { picture, picture, picture, picture };

  for (int i = 1; i <= level; i++)
    {
      const WctNetwork *segment = &learner_of (trainer, i, SEGMENT)->network;

      shapes.in = shapes.features;
      shapes.features = wct_layers_shape (segment->layers, segment->count, shapes.in);
    }
  shapes.target = shapes.features;
  shapes.target.c = wct_model_channels (trainer->model, level);
  if (level > 1 && wct_model_shared_trunk (trainer->model))
    {
      shapes.teacher_in = shapes.in;
      shapes.teacher_in.c = wct_model_channels (trainer->model, level - 1);
    }
  return shapes;
}

static WctStatus
make_teacher_decoder (WctTrainer *trainer, int level, const LevelShapes *shapes, LevelWork *work, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const WctNetwork     *decoder = wct_model_decoder (trainer->model, level);
  const Worker         *first = trainer->workers[0];
  void                 *ctx = trainer->backend->ctx;
  WctStatus             status = WCT_OK;

  if (imitation (trainer, level) == 0)
    return WCT_OK;
  if (first == NULL)
    WCT_TRY (wct_layers_pack (trainer->backend, decoder->layers, decoder->count, trainer->config->precision,
                              WCT_CHAIN_FORWARD, &work->teacher_decoder, err));
  WCT_TRY (ops->chain_new (ctx, first == NULL ? work->teacher_decoder : first->levels[level - 1].teacher_decoder,
                           shapes->target, trainer->piece, WCT_CHAIN_FORWARD, &work->show, err));
  WCT_TRY (ops->batch_new (ctx, trainer->piece, (WctShape){ 3, trainer->config->crop, trainer->config->crop },
                           &work->shown, err));

out:
  return status;
}

static WctStatus
make_chains (WctTrainer *trainer, int level, const LevelShapes *shapes, LevelWork *work, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const unsigned        both = WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS;
  const Worker         *first = trainer->workers[0];
  void                 *ctx = trainer->backend->ctx;
  WctStatus             status = WCT_OK;

  if (first == NULL)
    WCT_TRY (pack_teacher (trainer, level, &work->teacher, err));
  WCT_TRY (ops->chain_new (ctx, first == NULL ? work->teacher : first->levels[level - 1].teacher, shapes->teacher_in,
                           trainer->piece, WCT_CHAIN_FORWARD, &work->teach, err));
  WCT_TRY (make_teacher_decoder (trainer, level, shapes, work, err));
  for (int part = 0; part < part_count (trainer); part++)
    WCT_TRY (ops->chain_new (
      ctx, learner_of (trainer, level, (Part)part)->packing, part == SEGMENT ? shapes->in : shapes->features,
      trainer->piece, part == SEGMENT && level == 1 ? WCT_CHAIN_WEIGHT_GRADIENTS : both, &work->parts[part], err));

out:
  return status;
}

static WctStatus
make_batches (WctTrainer *trainer, const LevelShapes *shapes, LevelWork *work, WctError *err)
{
  const struct
  {
    WctBatch **batch;
    WctShape   shape;
  } wanted[] = {
    { &work->target, shapes->target },
    { &work->features, shapes->features },
    { &work->features_gradient, shapes->features },
    { &work->part_gradient, shapes->features },
    { &work->in_gradient, shapes->in },
    { &work->embedded, shapes->target },
    { &work->embedded_gradient, shapes->target },
    { &work->picture, { 3, trainer->config->crop, trainer->config->crop } },
    { &work->picture_gradient, { 3, trainer->config->crop, trainer->config->crop } },
  };
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && status == WCT_OK; i++)
    status = trainer->backend->ops->training->batch_new (trainer->backend->ctx, trainer->piece, wanted[i].shape,
                                                         wanted[i].batch, err);
  return status;
}

static void
level_work_free (WctTrainer *trainer, LevelWork *work)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  WctBatch **batches[] = { &work->target,           &work->features, &work->features_gradient, &work->part_gradient,
                           &work->in_gradient,      &work->embedded, &work->embedded_gradient, &work->picture,
                           &work->picture_gradient, &work->shown };

  ops->chain_free (ctx, &work->teach);
  ops->chain_free (ctx, &work->show);
  for (int part = 0; part < PART_COUNT; part++)
    ops->chain_free (ctx, &work->parts[part]);
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
    ops->batch_free (ctx, batches[i]);
  ops->packing_free (ctx, &work->teacher);
  ops->packing_free (ctx, &work->teacher_decoder);
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
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const LevelShapes shapes = shapes_of (trainer, level);

      WCT_TRY (make_chains (trainer, level, &shapes, &worker->levels[level - 1], err));
      WCT_TRY (make_batches (trainer, &shapes, &worker->levels[level - 1], err));
    }
  *out = worker;
  worker = NULL;

out:
  if (worker != NULL)
    worker_free (trainer, &(void *){ worker });
  return status;
}

/* ---- A piece ------------------------------------------------------------------------------------------------ */

/* The teacher's features of all levels. */
static WctStatus
teach (WctTrainer *trainer, Worker *worker, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const WctBatch       *in = worker->images;
  const bool            shared = wct_model_shared_trunk (trainer->model);
  WctStatus             status = WCT_OK;

  for (int i = 0; i < WCT_LEVELS && status == WCT_OK; i++)
    {
      status = ops->forward (trainer->backend->ctx, worker->levels[i].teach, in, worker->levels[i].target, err);
      in = shared ? worker->levels[i].target : worker->images;
    }
  return status;
}

static WctStatus
measure (WctTrainer *trainer, void *data, const WctPiece *piece, WctScales *scale_sums, WctScales *squares,
         WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  Worker               *worker = data;
  double                sum, square;
  WctStatus             status;

  WCT_TRY (ops->batch_upload (ctx, piece->images, worker->images, err));
  WCT_TRY (ops->sums (ctx, worker->images, &sum, &square, err));
  scale_sums->pixel += sum;
  squares->pixel += square;
  WCT_TRY (teach (trainer, worker, err));
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      WCT_TRY (ops->sums (ctx, worker->levels[i].target, &sum, &square, err));
      scale_sums->feature[i] += sum;
      squares->feature[i] += square;
    }

out:
  return status;
}

static float *
lane_gradient (WctLearner *learner, int lane)
{
  return learner->lane_gradients + (size_t)lane * learner->count;
}

/* What should have come out, and what a squared error from it counts for. */
typedef struct
{
  const WctBatch *batch;
  double          weight, variance;
} Target;

/* Of a part's result: all targets' terms and their gradient, and the part's way back, with the gradient of the features
 * in
 * @features_gradient. */
typedef struct
{
  Part      part;
  WctBatch *result, *result_gradient, *features_gradient;
  Target    targets[2]; /* a weight of 0: none */
} Judgment;

static WctStatus
judge (WctTrainer *trainer, LevelWork *work, int level, int lane, const Judgment *on, double *term, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  const WctShape        shape = on->result->shape;
  bool                  add = false;
  WctStatus             status;

  WCT_TRY (ops->forward (ctx, work->parts[on->part], work->features, on->result, err));
  for (int i = 0; i < 2; i++)
    {
      const Target *target = &on->targets[i];
      const float   scale = wct_trainer_scale (trainer, target->weight, target->variance,
                                               (size_t)shape.c * (size_t)shape.h * (size_t)shape.w);
      double        sum;

      if (target->weight == 0)
        continue;
      WCT_TRY (ops->squared_error (ctx, on->result, target->batch, scale, add, on->result_gradient, &sum, err));
      *term += scale * sum;
      add = true;
    }
  WCT_TRY (ops->backward (ctx, work->parts[on->part], on->result_gradient, on->features_gradient,
                          lane_gradient (learner_of (trainer, level, on->part), lane), err));

out:
  return status;
}

/* Both terms of a level, and their gradient at its features. */
static WctStatus
judge_level (WctTrainer *trainer, Worker *worker, int level, int lane, WctTerms *terms, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  LevelWork            *work = &worker->levels[level - 1];
  const double          imitate = imitation (trainer, level), variance = trainer->scales.pixel;
  const double          weight = trainer->config->reconstruct * trainer->config->pixel_weights[level - 1];
  const Judgment        features = { EMBEDDING,
                                     work->embedded,
                                     work->embedded_gradient,
                                     work->features_gradient,
                                     { { work->target, 1, trainer->scales.feature[level - 1] } } };
  const Judgment        pixels = { DECODER,
                                   work->picture,
                                   work->picture_gradient,
                                   work->part_gradient,
                                   { { worker->images, weight * (1 - imitate), variance },
                                     { work->shown, weight * imitate, variance } } };
  WctStatus             status;

  WCT_TRY (judge (trainer, work, level, lane, &features, &terms->feature[level - 1], err));
  if (part_count (trainer) <= DECODER || weight == 0)
    return WCT_OK;
  if (imitate > 0)
    WCT_TRY (ops->forward (ctx, work->show, work->target, work->shown, err));
  WCT_TRY (judge (trainer, work, level, lane, &pixels, &terms->pixel[level - 1], err));
  WCT_TRY (ops->accumulate (ctx, work->part_gradient, work->features_gradient, err));

out:
  return status;
}

static WctStatus
train_piece (WctTrainer *trainer, void *data, int lane, const WctPiece *piece, WctTerms *terms, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  Worker               *worker = data;
  WctStatus             status;

  WCT_TRY (ops->batch_upload (ctx, piece->images, worker->images, err));
  WCT_TRY (teach (trainer, worker, err));
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      LevelWork *work = &worker->levels[i];

      WCT_TRY (ops->forward (ctx, work->parts[SEGMENT], i == 0 ? worker->images : worker->levels[i - 1].features,
                             work->features, err));
    }
  for (int level = WCT_LEVELS; level >= 1; level--)
    {
      LevelWork *work = &worker->levels[level - 1];

      WCT_TRY (judge_level (trainer, worker, level, lane, terms, err));
      if (level < WCT_LEVELS) /* what the deeper levels want of these features */
        WCT_TRY (ops->accumulate (ctx, worker->levels[level].in_gradient, work->features_gradient, err));
      WCT_TRY (ops->backward (ctx, work->parts[SEGMENT], work->features_gradient, level > 1 ? work->in_gradient : NULL,
                              lane_gradient (learner_of (trainer, level, SEGMENT), lane), err));
      for (int part = 0; part < part_count (trainer); part++)
        WCT_TRY (wct_trainer_gradient_done (trainer, piece, learner_of (trainer, level, (Part)part), err));
    }

out:
  return status;
}

const WctTaskOps wct_task_encoder = {
  .prepare = prepare,
  .start = start,
  .worker_new = worker_new,
  .worker_free = worker_free,
  .measure = measure,
  .piece = train_piece,
};
