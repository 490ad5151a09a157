/* Decoders of a fixed encoder, trained on what they are fed when a picture is stylized: transformed features, and
 * pictures that have been through the deeper levels. (The published ones only ever saw features of photos.)
 *
 * Transformed features are one more input, and no gradient goes through a cascade: whitening amplifies, and five levels
 * of it wreck decoders. A fixed network judges the picture (judge.h). A piece of the batch is one of
 *
 *   own          a decoder's level is given the content's own features; pixels, likeness and structure keep it an
 * autoencoder transformed  features moved to the moments of a style, α at random; style and structure terms. As in a
 * job with this level alone, or, in a cascade, on what the deeper levels made of the content, with the decoders as they
 * are now. Content is a photo, or noise, as for textures: then α is 1 and there is no structure
 *
 * drawn from the run's seed, the step and the piece's place in the batch. Each kind counts as if it were the whole
 * batch, however large its share.
 *
 * A trunk that learns, too (encoding.h), is given the gradient at a level's features: through the transform, with the
 * map held as it is, and with whitening damped. */
#include <math.h>
#include <string.h>

#include "decoder.h"
#include "encoding.h"
#include "judge.h"
#include "mem.h"
#include "model.h"
#include "random.h"
#include "transform.h"

typedef struct
{
  WctEncoding *encoding;
  WctChain    *decode;
  WctPacking  *fixed_decoder; /* of a level that does not learn but is passed in a cascade; the first worker's, the
                                 others borrow it; NULL: it learns */
  WctBatch     *features, *transformed;
  WctBatch     *gradient;  /* of features; NULL: the encoder does not learn */
  WctMoments  **moments;   /* (piece) */
  WctColoring **colorings; /* (piece): of the styles shown */
  WctAffine   **maps;      /* (piece) */
} LevelWork;

typedef struct
{
  WctBatch *images;  /* of the piece */
  WctBatch *content; /* what the next level is given */
  WctBatch *result, *gradient;
  WctJudge *judge;
  float    *planar; /* (piece, 3, crop, crop), on the host */
  double   *alphas; /* (piece) */
  LevelWork levels[WCT_LEVELS];
} Worker;

typedef struct
{
  bool transformed, cascade, texture;
} Kind;

/* ---- Workers ------------------------------------------------------------------------------------------------ */

static int
deepest_level (const WctTrainer *trainer)
{
  int level = WCT_LEVELS;

  while (wct_model_encoder (trainer->model, level) == NULL)
    level--;
  return level;
}

/* Of a level that does not learn: from the model to start from, or the encoder's own. */
static const WctNetwork *
fixed_decoder_of (const WctTrainer *trainer, int level)
{
  return wct_model_decoder (trainer->start_model != NULL ? trainer->start_model : trainer->model, level);
}

/* Does a picture pass this level? All that learn, and in a cascade those before the last of them that there are. */
static bool
passes (const WctTrainer *trainer, int level)
{
  if (wct_decoder_learner (trainer, level) != NULL)
    return true;
  return trainer->config->cascade > 0 && level <= deepest_level (trainer)
         && (trainer->config->levels & ((1u << (level - 1)) - 1)) != 0 && fixed_decoder_of (trainer, level) != NULL;
}

/* The weights that decode at a level. */
static WctStatus
find_packing (WctTrainer *trainer, int level, LevelWork *work, WctPacking **out, WctError *err)
{
  const Worker     *first = trainer->workers[0];
  const WctLearner *learner = wct_decoder_learner (trainer, level);
  const WctNetwork *decoder = fixed_decoder_of (trainer, level);
  WctStatus         status = WCT_OK;

  if (learner == NULL && first != NULL)
    work->fixed_decoder = first->levels[level - 1].fixed_decoder;
  else if (learner == NULL)
    status = wct_layers_pack (trainer->backend, decoder->layers, decoder->count, trainer->config->precision,
                              WCT_CHAIN_FORWARD, &work->fixed_decoder, err);
  *out = learner != NULL ? learner->packing : work->fixed_decoder;
  return status;
}

static WctStatus
make_statistics (int32_t count, int32_t channels, LevelWork *work, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_alloc ((size_t)count, sizeof (WctMoments *), "transform", &work->moments, err));
  WCT_TRY (wct_alloc ((size_t)count, sizeof (WctColoring *), "transform", &work->colorings, err));
  WCT_TRY (wct_alloc ((size_t)count, sizeof (WctAffine *), "transform", &work->maps, err));
  for (int32_t i = 0; i < count; i++)
    {
      WCT_TRY (wct_moments_new (channels, &work->moments[i], err));
      WCT_TRY (wct_affine_new (channels, &work->maps[i], err));
    }

out:
  return status;
}

/* What is asked of a decoder's chain. */
static unsigned
uses_of (const WctTrainer *trainer, int level, const LevelWork *work)
{
  if (wct_decoder_learner (trainer, level) == NULL)
    return WCT_CHAIN_FORWARD;
  return WCT_CHAIN_WEIGHT_GRADIENTS | (wct_encoding_learns (work->encoding) ? WCT_CHAIN_INPUT_GRADIENT : 0u);
}

static WctStatus
level_work_new (WctTrainer *trainer, int level, LevelWork *work, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const Worker         *first = trainer->workers[0];
  const WctNetwork     *encoder = wct_model_encoder (trainer->model, level);
  const WctShape        picture = { 3, trainer->config->crop, trainer->config->crop };
  const WctShape        features = wct_layers_shape (encoder->layers, encoder->count, picture);
  void                 *ctx = trainer->backend->ctx;
  WctPacking           *packing;
  WctStatus             status;

  WCT_TRY (
    wct_encoding_new (trainer, level, first == NULL ? NULL : first->levels[level - 1].encoding, &work->encoding, err));
  WCT_TRY (find_packing (trainer, level, work, &packing, err));
  WCT_TRY (ops->chain_new (ctx, packing, features, trainer->piece, uses_of (trainer, level, work), &work->decode, err));
  WCT_TRY (ops->batch_new (ctx, trainer->piece, features, &work->features, err));
  WCT_TRY (ops->batch_new (ctx, trainer->piece, features, &work->transformed, err));
  if (wct_encoding_learns (work->encoding))
    WCT_TRY (ops->batch_new (ctx, trainer->piece, features, &work->gradient, err));
  WCT_TRY (make_statistics (trainer->piece, features.c, work, err));

out:
  return status;
}

static void
level_work_free (WctTrainer *trainer, LevelWork *work, bool owner)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;

  for (int32_t i = 0; i < trainer->piece && work->maps != NULL; i++)
    {
      wct_moments_free (&work->moments[i]);
      wct_coloring_free (&work->colorings[i]);
      wct_affine_free (&work->maps[i]);
    }
  wct_free (&work->moments);
  wct_free (&work->colorings);
  wct_free (&work->maps);
  wct_encoding_free (trainer, &work->encoding);
  ops->chain_free (ctx, &work->decode);
  ops->batch_free (ctx, &work->features);
  ops->batch_free (ctx, &work->transformed);
  ops->batch_free (ctx, &work->gradient);
  if (owner)
    ops->packing_free (ctx, &work->fixed_decoder);
}

static void
worker_free (WctTrainer *trainer, void **data)
{
  Worker    *worker = *data;
  WctBatch **batches[] = { &worker->images, &worker->content, &worker->result, &worker->gradient };
  const bool owner = trainer->workers[0] == NULL || trainer->workers[0] == worker;

  for (int i = 0; i < WCT_LEVELS; i++)
    level_work_free (trainer, &worker->levels[i], owner);
  wct_judge_free (&worker->judge);
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
    trainer->backend->ops->training->batch_free (trainer->backend->ctx, batches[i]);
  wct_free (&worker->planar);
  wct_free (&worker->alphas);
  wct_free (data);
}

static WctStatus
make_batches (WctTrainer *trainer, Worker *worker, WctError *err)
{
  const int32_t crop = trainer->config->crop;
  WctBatch    **batches[] = { &worker->images, &worker->content, &worker->result, &worker->gradient };
  WctStatus     status;

  WCT_TRY (wct_alloc ((size_t)trainer->piece * 3 * (size_t)crop * (size_t)crop, sizeof (float), "worker",
                      &worker->planar, err));
  WCT_TRY (wct_alloc ((size_t)trainer->piece, sizeof (double), "worker", &worker->alphas, err));
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
    WCT_TRY (trainer->backend->ops->training->batch_new (trainer->backend->ctx, trainer->piece,
                                                         (WctShape){ 3, crop, crop }, batches[i], err));

out:
  return status;
}

static WctStatus
worker_new (WctTrainer *trainer, void **out, WctError *err)
{
  const Worker *first = trainer->workers[0];
  Worker       *worker = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (1, sizeof *worker, "worker", &worker, err));
  WCT_TRY (make_batches (trainer, worker, err));
  WCT_TRY (wct_judge_new (trainer->backend, trainer->judge, trainer->config->precision, trainer->piece,
                          trainer->config->crop, first == NULL ? NULL : first->judge, &worker->judge, err));
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (passes (trainer, level))
      WCT_TRY (level_work_new (trainer, level, &worker->levels[level - 1], err));
  *out = worker;
  worker = NULL;

out:
  if (worker != NULL)
    worker_free (trainer, &(void *){ worker });
  return status;
}

/* ---- The transform ------------------------------------------------------------------------------------------ */

/* As a job has them by default. */
static WctParams
job_params (void)
{
  WctParams params;

  wct_params_init (&params);
  return params;
}

/* The styles' coloring at every level. */
static WctStatus
take_styles (WctTrainer *trainer, Worker *worker, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const double          weight = 1, floor = job_params ().eigenvalue_floor;
  WctStatus             status = WCT_OK;

  for (int i = 0; i < WCT_LEVELS; i++)
    {
      LevelWork *work = &worker->levels[i];

      if (work->encoding == NULL)
        continue;
      WCT_TRY (wct_encoding_forward (trainer, work->encoding, worker->images, work->features, err));
      WCT_TRY (ops->batch_moments (trainer->backend->ctx, work->features, work->moments, err));
      for (int32_t k = 0; k < trainer->piece; k++)
        {
          wct_coloring_free (&work->colorings[k]);
          WCT_TRY (wct_coloring_new ((const WctMoments *const *)&work->moments[k], &weight, 1, floor,
                                     &work->colorings[k], err));
        }
    }

out:
  return status;
}

static WctStatus
transform_features (WctTrainer *trainer, const Worker *worker, LevelWork *work, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const WctParams       params = job_params ();
  const WctEigenSolver  solver = wct_backend_solver (trainer->backend);
  WctStatus             status;

  WCT_TRY (ops->batch_moments (trainer->backend->ctx, work->features, work->moments, err));
  for (int32_t i = 0; i < trainer->piece; i++)
    WCT_TRY (wct_affine_solve (work->moments[i], work->colorings[i], worker->alphas[i], params.eigenvalue_floor,
                               params.damping, params.transport != 0, &solver, work->maps[i], err));
  WCT_TRY (ops->batch_affine (trainer->backend->ctx, work->features, (const WctAffine *const *)work->maps, false,
                              work->transformed, err));

out:
  return status;
}

/* Directions of little variance, which whitening amplifies a hundred times, would make all of the encoder's gradient.
 * There, as much is added as this share of the channels' mean variance. */
#define GRADIENT_DAMPING 0.05

static double
mean_variance (const WctMoments *moments)
{
  const size_t channels = (size_t)moments->channels;
  double       sum = 0;

  for (size_t c = 0; c < channels; c++)
    sum += moments->covariance[c * channels + c];
  return sum / (double)channels;
}

/* From a map of features to that of their gradient. */
static void
transpose (WctAffine *map)
{
  const size_t channels = (size_t)map->channels;

  memset (map->center, 0, channels * sizeof (double));
  memset (map->bias, 0, channels * sizeof (double));
  for (size_t i = 0; i < channels; i++)
    for (size_t k = 0; k < i; k++)
      {
        const double value = map->matrix[i * channels + k];

        map->matrix[i * channels + k] = map->matrix[k * channels + i];
        map->matrix[k * channels + i] = value;
      }
}

/* The gradient at transformed features to that at features. */
static WctStatus
transform_gradient (WctTrainer *trainer, const Worker *worker, LevelWork *work, WctError *err)
{
  const WctEigenSolver solver = wct_backend_solver (trainer->backend);
  const WctParams      params = job_params ();
  WctStatus            status;

  for (int32_t i = 0; i < trainer->piece; i++)
    {
      WCT_TRY (wct_affine_solve (work->moments[i], work->colorings[i], worker->alphas[i], params.eigenvalue_floor,
                                 GRADIENT_DAMPING * mean_variance (work->moments[i]), params.transport != 0, &solver,
                                 work->maps[i], err));
      transpose (work->maps[i]);
    }
  WCT_TRY (trainer->backend->ops->training->batch_affine (
    trainer->backend->ctx, work->gradient, (const WctAffine *const *)work->maps, false, work->gradient, err));

out:
  return status;
}

/* ---- A piece ------------------------------------------------------------------------------------------------ */

static WctStatus
measure (WctTrainer *trainer, void *data, const WctPiece *piece, WctScales *sums, WctScales *squares, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  Worker               *worker = data;
  double                sum, square;
  WctStatus             status;

  WCT_TRY (ops->batch_upload (trainer->backend->ctx, piece->images, worker->images, err));
  WCT_TRY (ops->sums (trainer->backend->ctx, worker->images, &sum, &square, err));
  sums->pixel += sum;
  squares->pixel += square;

out:
  return status;
}

/* What each of @share of the batch counts for. */
static double
picture_weight (const WctTrainer *trainer, double share)
{
  return 1 / (share * trainer->config->batch);
}

/* From the gradient at the picture that a level made, to all that learned to make it. */
static WctStatus
learn (WctTrainer *trainer, Worker *worker, bool transformed, int level, int lane, WctError *err)
{
  LevelWork  *work = &worker->levels[level - 1];
  WctLearner *learner = wct_decoder_learner (trainer, level);
  WctStatus   status;

  WCT_TRY (trainer->backend->ops->training->backward (trainer->backend->ctx, work->decode, worker->gradient,
                                                      work->gradient,
                                                      learner->lane_gradients + (size_t)lane * learner->count, err));
  if (work->gradient == NULL)
    return WCT_OK;
  if (transformed)
    WCT_TRY (transform_gradient (trainer, worker, work, err));
  WCT_TRY (wct_encoding_backward (trainer, work->encoding, lane, work->gradient, err));

out:
  return status;
}

static void
add_terms (const WctJudgment *weights, const WctJudgment *seen, int level, WctTerms *terms)
{
  terms->style[level - 1] += weights->style * seen->style;
  terms->feature[level - 1] += weights->likeness * seen->likeness;
  terms->structure[level - 1] += weights->structure * seen->structure;
}

/* Is a judge asked what becomes of a picture's own features? */
static bool
own_are_judged (const WctConfig *config)
{
  return config->lambda > 0 || config->own_structure > 0;
}

static WctStatus
reconstruct (WctTrainer *trainer, Worker *worker, int level, int lane, WctTerms *terms, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const WctConfig      *config = trainer->config;
  void                 *ctx = trainer->backend->ctx;
  LevelWork            *work = &worker->levels[level - 1];
  const double          each = picture_weight (trainer, 1 - config->transformed);
  const double          values = 3.0 * config->crop * config->crop;
  const float           scale = (float)(each * config->pixel_weights[level - 1] / (trainer->scales.pixel * values));
  const WctJudgment     weights = { .likeness = each * config->lambda, .structure = each * config->own_structure };
  const bool            judged = own_are_judged (config);
  WctJudgment           seen = { .style = 0 };
  double                sum;
  WctStatus             status;

  WCT_TRY (wct_encoding_forward (trainer, work->encoding, worker->images, work->features, err));
  WCT_TRY (ops->forward (ctx, work->decode, work->features, worker->result, err));
  if (judged)
    WCT_TRY (wct_judge_results (worker->judge, worker->result, &weights, worker->gradient, &seen, err));
  WCT_TRY (ops->squared_error (ctx, worker->result, worker->images, scale, judged, worker->gradient, &sum, err));
  WCT_TRY (learn (trainer, worker, false, level, lane, err));
  terms->pixel[level - 1] += scale * sum;
  add_terms (&weights, &seen, level, terms);

out:
  return status;
}

static WctStatus
train_own (WctTrainer *trainer, Worker *worker, int lane, WctTerms *terms, WctError *err)
{
  WctStatus status = WCT_OK;

  if (own_are_judged (trainer->config))
    status = wct_judge_show_content (worker->judge, worker->images, err);
  for (int level = 1; level <= WCT_LEVELS && status == WCT_OK; level++)
    if (wct_decoder_learner (trainer, level) != NULL)
      status = reconstruct (trainer, worker, level, lane, terms, err);
  return status;
}

static WctStatus
judge_level (WctTrainer *trainer, Worker *worker, Kind kind, int level, int lane, WctTerms *terms, WctError *err)
{
  const double      each = picture_weight (trainer, trainer->config->transformed);
  const WctJudgment weights = { .style = each * trainer->config->style_weight,
                                .structure = kind.texture ? 0 : each * trainer->config->structure_weight };
  WctJudgment       seen = { .style = 0 };
  WctStatus         status = WCT_OK;

  if (weights.style == 0 && weights.structure == 0)
    return WCT_OK;
  WCT_TRY (wct_judge_results (worker->judge, worker->result, &weights, worker->gradient, &seen, err));
  WCT_TRY (learn (trainer, worker, true, level, lane, err));
  add_terms (&weights, &seen, level, terms);

out:
  return status;
}

static float
clamp (float value)
{
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

/* What the level made is what the next one is given, as a picture. */
static WctStatus
hand_on (WctTrainer *trainer, Worker *worker, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  const size_t values = (size_t)trainer->piece * 3 * (size_t)trainer->config->crop * (size_t)trainer->config->crop;
  WctStatus    status;

  WCT_TRY (ops->batch_download (trainer->backend->ctx, worker->result, worker->planar, err));
  for (size_t i = 0; i < values; i++)
    worker->planar[i] = clamp (worker->planar[i]);
  WCT_TRY (ops->batch_upload (trainer->backend->ctx, worker->planar, worker->content, err));

out:
  return status;
}

static WctStatus
stylize (WctTrainer *trainer, Worker *worker, Kind kind, int level, int lane, WctTerms *terms, WctError *err)
{
  LevelWork *work = &worker->levels[level - 1];
  const bool learns = wct_decoder_learner (trainer, level) != NULL;
  WctStatus  status = WCT_OK;

  if (work->encoding == NULL || (!learns && !kind.cascade))
    return WCT_OK;
  WCT_TRY (wct_encoding_forward (trainer, work->encoding, worker->content, work->features, err));
  WCT_TRY (transform_features (trainer, worker, work, err));
  WCT_TRY (trainer->backend->ops->training->forward (trainer->backend->ctx, work->decode, work->transformed,
                                                     worker->result, err));
  if (learns)
    WCT_TRY (judge_level (trainer, worker, kind, level, lane, terms, err));
  if (kind.cascade)
    WCT_TRY (hand_on (trainer, worker, err));

out:
  return status;
}

/* Uniform in [0,1), as a job's that makes a texture. */
static void
make_noise (const WctTrainer *trainer, WctRandom *random, float *planar)
{
  const size_t values = (size_t)trainer->piece * 3 * (size_t)trainer->config->crop * (size_t)trainer->config->crop;

  for (size_t i = 0; i < values; i++)
    planar[i] = (float)wct_random_unit (random);
}

/* Shows the judge the content and the styles, and leaves the content where the first level finds it. */
static WctStatus
show (WctTrainer *trainer, Worker *worker, const WctPiece *piece, Kind kind, WctRandom *random, WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;
  WctStatus             status;

  WCT_TRY (ops->batch_upload (ctx, piece->styles, worker->images, err));
  WCT_TRY (take_styles (trainer, worker, err));
  WCT_TRY (wct_judge_show_style (worker->judge, worker->images, err));
  if (kind.texture)
    make_noise (trainer, random, worker->planar);
  WCT_TRY (ops->batch_upload (ctx, kind.texture ? worker->planar : piece->images, worker->content, err));
  if (!kind.texture)
    WCT_TRY (wct_judge_show_content (worker->judge, worker->content, err));
  for (int32_t i = 0; i < trainer->piece; i++)
    {
      const double low = trainer->config->alpha_min, drawn = low + (1 - low) * wct_random_unit (random);

      worker->alphas[i] = kind.texture ? 1 : drawn;
    }

out:
  return status;
}

static WctStatus
train_transformed (WctTrainer *trainer, Worker *worker, int lane, const WctPiece *piece, Kind kind, WctRandom *random,
                   WctTerms *terms, WctError *err)
{
  WctStatus status = show (trainer, worker, piece, kind, random, err);

  for (int level = WCT_LEVELS; level >= 1 && status == WCT_OK; level--)
    status = stylize (trainer, worker, kind, level, lane, terms, err);
  return status;
}

static Kind
draw_kind (const WctConfig *config, WctRandom *random)
{
  const double transformed = wct_random_unit (random), cascade = wct_random_unit (random),
               texture = wct_random_unit (random);

  return (Kind){ transformed < config->transformed, cascade < config->cascade, texture < config->texture };
}

static WctStatus
train_piece (WctTrainer *trainer, void *data, int lane, const WctPiece *piece, WctTerms *terms, WctError *err)
{
  Worker   *worker = data;
  WctRandom random =
    wct_random_stream (wct_random_hash (trainer->config->seed, (uint64_t)trainer->step), (uint64_t)piece->first);
  const Kind kind = draw_kind (trainer->config, &random);
  WctStatus  status;

  if (kind.transformed)
    return train_transformed (trainer, worker, lane, piece, kind, &random, terms, err);
  WCT_TRY (trainer->backend->ops->training->batch_upload (trainer->backend->ctx, piece->images, worker->images, err));
  WCT_TRY (train_own (trainer, worker, lane, terms, err));

out:
  return status;
}

static WctStatus
prepare (WctTrainer *trainer, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_decoders_prepare (trainer, err));
  WCT_TRY (wct_encoding_prepare (trainer, err));

out:
  return status;
}

static WctStatus
start (WctTrainer *trainer, const float *images, int32_t count, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_decoders_start (trainer, images, count, err));
  WCT_TRY (wct_encoding_start (trainer, err));

out:
  return status;
}

const WctTaskOps wct_task_transformed = {
  .prepare = prepare,
  .start = start,
  .worker_new = worker_new,
  .worker_free = worker_free,
  .measure = measure,
  .piece = train_piece,
};
