#include "trainer.h"

#include <math.h>
#include <string.h>

#include <wct/memory.h>

#include "mem.h"
#include "parallel.h"

/* ---- Making ------------------------------------------------------------------------------------------------- */

static WctStatus
open_models (WctTrainer *trainer, WctError *err)
{
  const WctConfig *config = trainer->config;
  WctStatus        status;

  WCT_TRY (wct_model_load (config->model, &trainer->model, err));
  if (config->start == WCT_START_MODEL)
    WCT_TRY (wct_model_load (config->start_model, &trainer->start_model, err));
  if (config->judge != NULL)
    WCT_TRY (wct_model_load (config->judge, &trainer->judge, err));

out:
  return status;
}

static WctStatus
open_backend (WctTrainer *trainer, WctError *err)
{
  const WctConfig *config = trainer->config;
  const int        threads = config->threads > 0 ? config->threads : wct_processor_count ();
  WctStatus        status;

  WCT_TRY (wct_backend_open (config->backend, 1, &trainer->backend, err));
  if (trainer->backend->ops->training == NULL)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "the %s back end cannot train", trainer->backend->info.name);
  WCT_TRY (trainer->backend->ops->training->check_precision (trainer->backend->ctx, trainer->config->precision, err));
  WCT_TRY (wct_pool_new (threads < trainer->lanes ? threads : trainer->lanes, &trainer->pool, err));

out:
  return status;
}

/* Shares of ranks, lanes and pieces must be even: gradients of all pictures count alike. */
static WctStatus
cut_batch (WctTrainer *trainer, WctError *err)
{
  const WctConfig *config = trainer->config;
  const int        ranks = wct_parallel_ranks ();

  trainer->lanes = config->lanes;
  trainer->pieces = config->accumulate;
  trainer->share = config->batch / ranks;
  trainer->piece = trainer->share / (trainer->lanes * trainer->pieces);
  if (config->batch % ranks == 0 && trainer->share % (trainer->lanes * trainer->pieces) == 0)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT,
                        "--batch: %d pictures cannot be cut evenly for %d processes of %d --lanes, each in %d pieces "
                        "(--accumulate)",
                        config->batch, ranks, config->lanes, config->accumulate);
}

static WctStatus
make_workers (WctTrainer *trainer, WctError *err)
{
  const int threads = wct_pool_threads (trainer->pool);
  WctStatus status = wct_alloc ((size_t)threads, sizeof *trainer->workers, "workers", &trainer->workers, err);

  for (int i = 0; i < threads && status == WCT_OK; i++)
    status = trainer->task->worker_new (trainer, &trainer->workers[i], err);
  return status;
}

/* Everything is allocated and hardly anything touched yet: what does not fit is refused before the machine swaps. */
static WctStatus
check_memory (const WctConfig *config, size_t needed, WctError *err)
{
  const size_t available = wct_memory_available ();

  if (needed <= available)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_NO_MEMORY,
                        "--batch %d with --crop %d needs %.1f GB and %.1f GB are free; use less of either, more "
                        "--accumulate, or fewer --threads and --lanes",
                        config->batch, config->crop, (double)needed * 1e-9, (double)available * 1e-9);
}

static const WctTaskOps *
task_of (const WctConfig *config)
{
  if (config->task == WCT_TASK_ENCODER)
    return &wct_task_encoder;
  return config->transformed > 0 ? &wct_task_transformed : &wct_task_decoder;
}

WctStatus
wct_trainer_new (const WctConfig *config, WctTrainer **out, WctError *err)
{
  const size_t before = wct_mem_used ();
  WctTrainer  *trainer = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (1, sizeof *trainer, "trainer", &trainer, err));
  trainer->config = config;
  trainer->task = task_of (config);
  trainer->scales = (WctScales){ 1, { 1, 1, 1, 1, 1 } };
  WCT_TRY (cut_batch (trainer, err));
  WCT_TRY (wct_alloc ((size_t)trainer->lanes, sizeof *trainer->lane_terms, "trainer", &trainer->lane_terms, err));
  WCT_TRY (open_models (trainer, err));
  WCT_TRY (open_backend (trainer, err));
  WCT_TRY (trainer->task->prepare (trainer, err));
  WCT_TRY (make_workers (trainer, err));
  WCT_TRY (check_memory (config, wct_mem_used () - before, err));
  *out = trainer;
  trainer = NULL;

out:
  wct_trainer_free (&trainer);
  return status;
}

void
wct_trainer_free (WctTrainer **trainer)
{
  WctTrainer *own = *trainer;

  if (own == NULL)
    return;
  /* The first worker has what the others borrow: it goes last. */
  for (int i = own->workers == NULL ? -1 : wct_pool_threads (own->pool) - 1; i >= 0; i--)
    if (own->workers[i] != NULL)
      own->task->worker_free (own, &own->workers[i]);
  wct_free (&own->workers);
  for (int i = 0; i < own->learner_count; i++)
    wct_learner_free (own->backend, &own->learners[i]);
  wct_free (&own->lane_terms);
  wct_pool_free (&own->pool);
  wct_backend_close (&own->backend);
  wct_model_unref (&own->model);
  wct_model_unref (&own->start_model);
  wct_model_unref (&own->judge);
  wct_free (trainer);
}

/* ---- A pass over the share ---------------------------------------------------------------------------------- */

typedef struct
{
  WctTrainer     *trainer;
  const WctShare *share;
  WctScales      *sums, *squares; /* (lanes), of a measuring pass */
} Pass;

static WctPiece
piece_of (const Pass *pass, int lane, int piece)
{
  const WctTrainer *trainer = pass->trainer;
  const size_t      picture = 3 * (size_t)trainer->config->crop * (size_t)trainer->config->crop;
  const int32_t     first = (lane * trainer->pieces + piece) * trainer->piece;
  const float      *styles = pass->share->styles;

  return (WctPiece){ .images = pass->share->images + (size_t)first * picture,
                     .styles = styles == NULL ? NULL : styles + (size_t)first * picture,
                     .first = wct_parallel_rank () * trainer->share + first };
}

static WctStatus
run_lane (void *data, int lane, int thread, WctError *err)
{
  const Pass *pass = data;
  WctTrainer *trainer = pass->trainer;
  WctStatus   status = WCT_OK;

  trainer->lane_terms[lane] = (WctTerms){ .pixel = { 0 } };
  for (int i = 0; i < trainer->learner_count; i++)
    {
      const size_t count = trainer->learners[i]->count;

      memset (trainer->learners[i]->lane_gradients + (size_t)lane * count, 0, count * sizeof (float));
    }
  for (int i = 0; i < trainer->pieces && status == WCT_OK; i++)
    {
      const WctPiece piece = piece_of (pass, lane, i);

      status = trainer->task->piece (trainer, trainer->workers[thread], lane, &piece, &trainer->lane_terms[lane], err);
    }
  return status;
}

static WctStatus
measure_lane (void *data, int lane, int thread, WctError *err)
{
  const Pass *pass = data;
  WctTrainer *trainer = pass->trainer;
  WctStatus   status = WCT_OK;

  for (int i = 0; i < trainer->pieces && status == WCT_OK; i++)
    {
      const WctPiece piece = piece_of (pass, lane, i);

      status = trainer->task->measure (trainer, trainer->workers[thread], &piece, &pass->sums[lane],
                                       &pass->squares[lane], err);
    }
  return status;
}

/* ---- Starting ----------------------------------------------------------------------------------------------- */

/* @values: numbers that were summed over. A target that does not vary counts as it is. */
static double
variance (double sum, double square, double values)
{
  const double mean = sum / values, result = square / values - mean * mean;

  return result > 0 ? result : 1;
}

static double
features_of_picture (const WctTrainer *trainer, int level)
{
  const double side = (double)(trainer->config->crop >> (level - 1));

  return wct_model_channels (trainer->model, level) * side * side;
}

static void
add_scales (WctScales *to, const WctScales *from)
{
  to->pixel += from->pixel;
  for (int i = 0; i < WCT_LEVELS; i++)
    to->feature[i] += from->feature[i];
}

static void
update_scales (WctTrainer *trainer)
{
  const double pictures = trainer->scale_pictures, crop = trainer->config->crop;

  trainer->scales.pixel =
    variance (trainer->scale_sums.pixel, trainer->scale_squares.pixel, pictures * 3 * crop * crop);
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (trainer->config->levels & 1u << (level - 1))
      trainer->scales.feature[level - 1] =
        variance (trainer->scale_sums.feature[level - 1], trainer->scale_squares.feature[level - 1],
                  pictures * features_of_picture (trainer, level));
}

WctStatus
wct_trainer_measure (WctTrainer *trainer, const WctShare *share, WctError *err)
{
  WctScales *sums = NULL, *squares = NULL;
  WctStatus  status;

  if (trainer->config->loss_scale == WCT_LOSS_RAW)
    return WCT_OK;
  WCT_TRY (wct_alloc ((size_t)trainer->lanes, sizeof *sums, "scales", &sums, err));
  WCT_TRY (wct_alloc ((size_t)trainer->lanes, sizeof *squares, "scales", &squares, err));
  WCT_TRY (
    wct_pool_run (trainer->pool, trainer->lanes, measure_lane, &(Pass){ trainer, share, sums, squares }, NULL, 0, err));
  for (int lane = 1; lane < trainer->lanes; lane++)
    {
      add_scales (&sums[0], &sums[lane]);
      add_scales (&squares[0], &squares[lane]);
    }
  WCT_TRY (wct_parallel_sum_doubles (&sums[0].pixel, 1 + WCT_LEVELS, err));
  WCT_TRY (wct_parallel_sum_doubles (&squares[0].pixel, 1 + WCT_LEVELS, err));
  add_scales (&trainer->scale_sums, &sums[0]);
  add_scales (&trainer->scale_squares, &squares[0]);
  trainer->scale_pictures += trainer->config->batch;
  update_scales (trainer);

out:
  wct_free (&squares);
  wct_free (&sums);
  return status;
}

/* Pictures that starting values are made from: more cost time and change little. */
#define START_PICTURES 16

static void
copy_to_average (WctLearner *learner)
{
  if (learner->average != NULL)
    memcpy (learner->average, learner->values, learner->count * sizeof (float));
}

int32_t
wct_trainer_start_pictures (const WctConfig *config)
{
  return config->batch < START_PICTURES ? config->batch : START_PICTURES;
}

WctStatus
wct_trainer_start (WctTrainer *trainer, const float *images, WctError *err)
{
  const int32_t count = wct_trainer_start_pictures (trainer->config);
  WctStatus     status;

  WCT_TRY (trainer->task->start (trainer, images, count, err));
  for (int i = 0; i < trainer->learner_count; i++)
    {
      WCT_TRY (wct_parallel_from_first (trainer->learners[i]->values, trainer->learners[i]->count, err));
      copy_to_average (trainer->learners[i]);
    }
  WCT_TRY (wct_trainer_pack (trainer, err));

out:
  return status;
}

/* ---- The optimizer ------------------------------------------------------------------------------------------ */

/* Ranges of learners' parameters, to be shared out to threads. */
#define RANGE 65536

typedef struct
{
  WctTrainer *trainer;
  WctLearner *learner;
  WctAdamStep adam;
  float       average_decay;
} Update;

static size_t
range_end (const WctLearner *learner, int range)
{
  const size_t end = ((size_t)range + 1) * RANGE;

  return end < learner->count ? end : learner->count;
}

static int
range_count (const WctLearner *learner)
{
  return (int)((learner->count + RANGE - 1) / RANGE);
}

static WctStatus
sum_lanes (void *data, int range, int thread, WctError *err)
{
  const Update *update = data;
  WctLearner   *learner = update->learner;
  const size_t  end = range_end (learner, range);

  (void)thread;
  (void)err;
  for (size_t i = (size_t)range * RANGE; i < end; i++)
    {
      float sum = 0;

      for (int lane = 0; lane < update->trainer->lanes; lane++)
        sum += learner->lane_gradients[(size_t)lane * learner->count + i];
      learner->gradient[i] = sum;
    }
  return WCT_OK;
}

static WctStatus
update_range (void *data, int range, int thread, WctError *err)
{
  const Update *update = data;
  WctLearner   *learner = update->learner;
  const size_t  first = (size_t)range * RANGE, end = range_end (learner, range);
  WctBackend   *backend = update->trainer->backend;
  WctStatus     status =
    backend->ops->training->adam (backend->ctx, &update->adam, learner->gradient + first, learner->values + first,
                                  learner->first + first, learner->second + first, end - first, err);

  (void)thread;
  for (size_t i = first; i < end && learner->average != NULL; i++)
    learner->average[i] += (1 - update->average_decay) * (learner->values[i] - learner->average[i]);
  return status;
}

double
wct_trainer_rate (const WctConfig *config, int64_t step)
{
  double rate = config->rate;

  if (step < config->warmup)
    return rate * (double)(step + 1) / (double)(config->warmup + 1);
  if (config->schedule == WCT_SCHEDULE_COSINE)
    {
      const double left = (double)(config->steps - config->warmup);
      const double at = left > 0 ? (double)(step - config->warmup) / left : 0;

      rate = config->rate_end + (config->rate - config->rate_end) * 0.5 * (1 + cos (acos (-1.0) * fmin (at, 1)));
    }
  return rate;
}

static double
gradient_norm (const WctLearner *learner)
{
  double sum = 0;

  for (size_t i = 0; i < learner->count; i++)
    sum += (double)learner->gradient[i] * learner->gradient[i];
  return sqrt (sum);
}

static WctStatus
make_adam_step (const WctTrainer *trainer, const WctLearner *learner, WctAdamStep *out, WctError *err)
{
  const WctConfig *config = trainer->config;
  const double     t = (double)trainer->step + 1, norm = gradient_norm (learner);

  if (!isfinite (norm))
    return wct_error_set (err, WCT_ERR_NUMERIC,
                          "step %lld: the gradient of %s is not finite; resume with a lower --learning-rate or with "
                          "--clip",
                          (long long)trainer->step, learner->name);
  *out = (WctAdamStep){
    .rate = (float)(wct_trainer_rate (config, trainer->step) * config->level_rates[learner->level - 1] * learner->rate),
    .beta1 = (float)config->beta1,
    .beta2 = (float)config->beta2,
    .epsilon = (float)config->epsilon,
    .correction1 = 1 - pow (config->beta1, t),
    .correction2 = 1 - pow (config->beta2, t),
    .gradient_scale = config->clip > 0 && norm > config->clip ? (float)(config->clip / norm) : 1,
  };
  return WCT_OK;
}

/* The average follows faster at first: a start is not worth remembering. */
static float
average_decay (const WctTrainer *trainer)
{
  const double t = (double)trainer->step + 1;

  return (float)fmin (trainer->config->average, (1 + t) / (10 + t));
}

static WctStatus
pack_layer (void *data, int layer, int thread, WctError *err)
{
  const Update *update = data;
  WctBackend   *backend = update->trainer->backend;

  (void)thread;
  return backend->ops->training->pack (backend->ctx, update->learner->packing, layer, err);
}

static WctStatus
sum_gradients (WctTrainer *trainer, WctLearner *learner, WctError *err)
{
  Update    update = { .trainer = trainer, .learner = learner };
  WctStatus status;

  WCT_TRY (wct_pool_run (trainer->pool, range_count (learner), sum_lanes, &update, NULL, 0, err));
  WCT_TRY (wct_parallel_sum_floats (learner->gradient, learner->count, err));

out:
  return status;
}

static WctStatus
update_learner (WctTrainer *trainer, WctLearner *learner, const WctAdamStep *adam, WctError *err)
{
  Update    update = { trainer, learner, *adam, average_decay (trainer) };
  WctStatus status;

  WCT_TRY (wct_pool_run (trainer->pool, range_count (learner), update_range, &update, NULL, 0, err));
  WCT_TRY (wct_pool_run (trainer->pool, learner->network.count, pack_layer, &update, NULL, 0, err));

out:
  return status;
}

/* Of all lanes in order, and of all ranks. */
static WctStatus
sum_terms (WctTrainer *trainer, WctTerms *out, WctError *err)
{
  WctTerms terms = { .pixel = { 0 } };

  for (int lane = 0; lane < trainer->lanes; lane++)
    for (int i = 0; i < WCT_LEVELS; i++)
      {
        const WctTerms *more = &trainer->lane_terms[lane];

        terms.pixel[i] += more->pixel[i];
        terms.feature[i] += more->feature[i];
        terms.style[i] += more->style[i];
        terms.structure[i] += more->structure[i];
      }
  *out = terms;
  return wct_parallel_sum_doubles (out->pixel, sizeof *out / sizeof (double), err);
}

double
wct_terms_loss (const WctTerms *terms)
{
  double loss = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    loss += terms->pixel[i] + terms->feature[i] + terms->style[i] + terms->structure[i];
  return loss;
}

float
wct_trainer_scale (const WctTrainer *trainer, double weight, double variance_of_target, size_t values_of_picture)
{
  return (float)(weight / (variance_of_target * (double)trainer->config->batch * (double)values_of_picture));
}

/* Nothing is changed before all gradients are known to be finite. */
WctStatus
wct_trainer_step (WctTrainer *trainer, const WctShare *share, WctTerms *terms, WctError *err)
{
  WctAdamStep adam[WCT_LEARNERS_MAX];
  WctStatus   status;

  WCT_TRY (wct_pool_run (trainer->pool, trainer->lanes, run_lane, &(Pass){ .trainer = trainer, .share = share }, NULL,
                         0, err));
  WCT_TRY (sum_terms (trainer, terms, err));
  if (!isfinite (wct_terms_loss (terms)))
    return wct_error_set (err, WCT_ERR_NUMERIC,
                          "step %lld: the loss is not finite; resume with a lower --learning-rate or with --clip",
                          (long long)trainer->step);
  for (int i = 0; i < trainer->learner_count; i++)
    {
      WCT_TRY (sum_gradients (trainer, trainer->learners[i], err));
      WCT_TRY (make_adam_step (trainer, trainer->learners[i], &adam[i], err));
    }
  for (int i = 0; i < trainer->learner_count; i++)
    WCT_TRY (update_learner (trainer, trainer->learners[i], &adam[i], err));
  trainer->step++;

out:
  return status;
}

WctLearner *
wct_trainer_learner (const WctTrainer *trainer, const char *kind, int level)
{
  const size_t length = strlen (kind);

  for (int i = 0; i < trainer->learner_count; i++)
    if (trainer->learners[i]->level == level && strncmp (trainer->learners[i]->name, kind, length) == 0)
      return trainer->learners[i];
  return NULL;
}

WctStatus
wct_trainer_pack (WctTrainer *trainer, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < trainer->learner_count && status == WCT_OK; i++)
    status = wct_learner_pack (trainer->backend, trainer->learners[i], err);
  return status;
}
