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
  const bool       on_card = wct_config_on_card (config->backend);
  const int lanes_at_once = on_card ? 1 : trainer->lanes; /* a card does one thing after the other, with all it has */
  WctStatus status;

  WCT_TRY (wct_reducer_open (on_card, &trainer->reducer, err));
  WCT_TRY (wct_backend_open (config->backend, 1, &trainer->backend, err));
  if (trainer->backend->ops->training == NULL)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "the %s back end cannot train", trainer->backend->info.name);
  WCT_TRY (trainer->backend->ops->training->check_precision (trainer->backend->ctx, trainer->config->precision, err));
  WCT_TRY (wct_pool_new (threads < lanes_at_once ? threads : lanes_at_once, &trainer->pool, err));
  WCT_TRY (wct_reducer_meet (trainer->reducer, err));

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
  wct_reducer_close (&own->reducer); /* before memory of a card is freed, which waits for what is under way there */
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
                     .first = wct_parallel_rank () * trainer->share + first,
                     .last = piece == trainer->pieces - 1 };
}

static WctStatus
run_lane (void *data, int lane, int thread, WctError *err)
{
  const Pass *pass = data;
  WctTrainer *trainer = pass->trainer;
  WctBackend *backend = trainer->backend;
  WctStatus   status = WCT_OK;

  trainer->lane_terms[lane] = (WctTerms){ .pixel = { 0 } };
  for (int i = 0; i < trainer->learner_count && status == WCT_OK; i++)
    {
      const size_t count = trainer->learners[i]->count;
      float       *gradient = trainer->learners[i]->lane_gradients + (size_t)lane * count;

      status = backend->ops->training->memory_clear (backend->ctx, gradient, count, err);
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
} Update;

static int
range_count (const WctTrainer *trainer, const WctLearner *learner)
{
  return wct_pool_threads (trainer->pool) == 1 ? 1 : (int)((learner->count + RANGE - 1) / RANGE);
}

/* One thread does it all at once: on a card each range would be a kernel of its own. */
static size_t
range_end (const Update *update, int range)
{
  const size_t end = ((size_t)range + 1) * RANGE, count = update->learner->count;

  return wct_pool_threads (update->trainer->pool) == 1 || end > count ? count : end;
}

static WctStatus
sum_lanes (void *data, int range, int thread, WctError *err)
{
  const Update *update = data;
  WctLearner   *learner = update->learner;
  const size_t  first = (size_t)range * RANGE, end = range_end (update, range);
  WctBackend   *backend = update->trainer->backend;

  (void)thread;
  return backend->ops->training->sum_lanes (backend->ctx, learner->lane_gradients + first, update->trainer->lanes,
                                            learner->count, end - first, learner->gradient + first, err);
}

static WctStatus
update_range (void *data, int range, int thread, WctError *err)
{
  const Update *update = data;
  WctLearner   *learner = update->learner;
  const size_t  first = (size_t)range * RANGE, end = range_end (update, range);
  WctBackend   *backend = update->trainer->backend;

  (void)thread;
  return backend->ops->training->adam (backend->ctx, &update->adam, learner->gradient + first, learner->values + first,
                                       learner->first + first, learner->second + first, end - first,
                                       learner->average == NULL ? NULL : learner->average + first, err);
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

/* The average follows faster at first: a start is not worth remembering. */
static float
average_decay (const WctTrainer *trainer)
{
  const double t = (double)trainer->step + 1;

  return (float)fmin (trainer->config->average, (1 + t) / (10 + t));
}

static WctStatus
make_adam_step (const WctTrainer *trainer, const WctLearner *learner, WctAdamStep *out, WctError *err)
{
  const WctConfig *config = trainer->config;
  WctBackend      *backend = trainer->backend;
  const double     t = (double)trainer->step + 1;
  double           squares, norm;
  WctStatus        status;

  WCT_TRY (backend->ops->training->norm (backend->ctx, learner->gradient, learner->count, &squares, err));
  norm = sqrt (squares);
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
    .average_decay = average_decay (trainer),
  };

out:
  return status;
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
begin_sum (WctTrainer *trainer, WctLearner *learner, WctError *err)
{
  Update    update = { .trainer = trainer, .learner = learner };
  WctStatus status;

  learner->summing = true;
  if (trainer->lanes == 1) /* maybe within the pool's work */
    WCT_TRY (sum_lanes (&update, 0, 0, err));
  else
    WCT_TRY (wct_pool_run (trainer->pool, range_count (trainer, learner), sum_lanes, &update, NULL, 0, err));
  WCT_TRY (wct_reducer_begin (trainer->reducer, learner->gradient, learner->count, err));

out:
  return status;
}

WctStatus
wct_trainer_gradient_done (WctTrainer *trainer, const WctPiece *piece, WctLearner *learner, WctError *err)
{
  /* Other lanes may not be there yet. */
  return piece->last && trainer->lanes == 1 ? begin_sum (trainer, learner, err) : WCT_OK;
}

static WctStatus
sum_gradients (WctTrainer *trainer, WctError *err)
{
  WctStatus status;

  for (int i = 0; i < trainer->learner_count; i++)
    if (!trainer->learners[i]->summing)
      WCT_TRY (begin_sum (trainer, trainer->learners[i], err));
  WCT_TRY (wct_reducer_finish (trainer->reducer, err));

out:
  return status;
}

static WctStatus
update_learner (WctTrainer *trainer, WctLearner *learner, const WctAdamStep *adam, WctError *err)
{
  Update    update = { trainer, learner, *adam };
  WctStatus status;

  WCT_TRY (wct_pool_run (trainer->pool, range_count (trainer, learner), update_range, &update, NULL, 0, err));
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

/* From the largest scale of f16's gradients to none there are fewer steps. */
#define SKIPPED_IN_ROW_MAX 40

/* It counts as done: what comes next, batch and rate, does not depend on it. */
static bool
skip_step (WctTrainer *trainer)
{
  if (trainer->config->precision != WCT_PRECISION_F16 || trainer->skipped_in_row == SKIPPED_IN_ROW_MAX)
    return false;
  trainer->skipped_in_row++;
  trainer->skipped++;
  trainer->step++;
  return true;
}

/* All of them, or why not: one that is not finite stops the step before anything is changed. */
static WctStatus
make_adam_steps (const WctTrainer *trainer, WctAdamStep *out, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < trainer->learner_count && status == WCT_OK; i++)
    status = make_adam_step (trainer, trainer->learners[i], &out[i], err);
  return status;
}

/* Nothing is changed before all gradients are known to be finite. */
WctStatus
wct_trainer_step (WctTrainer *trainer, const WctShare *share, WctTerms *terms, WctError *err)
{
  WctAdamStep adam[WCT_LEARNERS_MAX];
  WctStatus   status;

  for (int i = 0; i < trainer->learner_count; i++)
    trainer->learners[i]->summing = false;
  WCT_TRY (wct_pool_run (trainer->pool, trainer->lanes, run_lane, &(Pass){ .trainer = trainer, .share = share }, NULL,
                         0, err));
  WCT_TRY (sum_terms (trainer, terms, err));
  if (!isfinite (wct_terms_loss (terms)))
    return wct_error_set (err, WCT_ERR_NUMERIC,
                          "step %lld: the loss is not finite; resume with a lower --learning-rate or with --clip",
                          (long long)trainer->step);
  WCT_TRY (sum_gradients (trainer, err));
  status = make_adam_steps (trainer, adam, err);
  if (status == WCT_ERR_NUMERIC && skip_step (trainer))
    return WCT_OK;
  WCT_TRY (status);
  for (int i = 0; i < trainer->learner_count; i++)
    WCT_TRY (update_learner (trainer, trainer->learners[i], &adam[i], err));
  trainer->step++;
  trainer->skipped_in_row = 0;

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
