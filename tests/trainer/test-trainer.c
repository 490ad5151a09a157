/* The arithmetic of a step: its loss against plain sums, its gradient against differences, the optimizer against its
 * formulas, the same bits on any number of threads, and nothing changed where numbers fail. */
#include "trainer.h"

#include "small-runs.h"
#include "weights-file.h"

#define BATCH 4

static const WctTask all_tasks[] = { WCT_TASK_DECODER, WCT_TASK_ENCODER };

static WctTerms
step (WctTrainer *trainer, const float *images)
{
  WctTerms terms;
  WctError err;

  must (wct_trainer_step (trainer, &(WctShare){ .images = images }, &terms, &err), &err);
  return terms;
}

/* ---- Loss --------------------------------------------------------------------------------------------------- */

static double
squared_error (const float *a, const float *b, size_t count)
{
  double sum = 0;

  for (size_t i = 0; i < count; i++)
    sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
  return sum;
}

static double
variance_of (const float *values, size_t count)
{
  double mean = 0, variance = 0;

  for (size_t i = 0; i < count; i++)
    mean += values[i] / (double)count;
  for (size_t i = 0; i < count; i++)
    variance += (values[i] - mean) * (values[i] - mean) / (double)count;
  return variance;
}

/* What a mean squared error counts for. */
static double
term (const WctConfig *config, double weight, const float *got, const float *target, size_t count)
{
  const double scale = config->loss_scale == WCT_LOSS_RAW ? 1 : variance_of (target, count);

  return weight * squared_error (got, target, count) / (double)count / scale;
}

static WctTerms
plain_decoder_terms (const WctTrainer *trainer, const float *images)
{
  const WctConfig *config = trainer->config;
  WctTerms         terms = { .pixel = { 0 } };

  for (int i = 0; i < trainer->learner_count; i++)
    {
      const WctLearner *learner = trainer->learners[i];
      const WctNetwork *encoder = wct_model_encoder (trainer->model, learner->level);
      const WctShape    picture = { 3, CROP, CROP };
      const WctShape    shape = wct_layers_shape (encoder->layers, encoder->count, picture);
      float            *features = run_network (encoder, CROP, BATCH, images), *again;
      float            *result = run_plan (learner->network.layers, learner->network.count, shape, BATCH, features);

      again = run_network (encoder, CROP, BATCH, result);
      terms.pixel[learner->level - 1] = term (config, 1, result, images, floats_of (picture, BATCH));
      terms.feature[learner->level - 1] = term (config, config->lambda, again, features, floats_of (shape, BATCH));
      free (again);
      free (result);
      free (features);
    }
  return terms;
}

static WctTerms
plain_encoder_terms (const WctTrainer *trainer, const float *images)
{
  const WctConfig *config = trainer->config;
  const int        parts = config->reconstruct > 0 ? 3 : 2;
  const WctShape   picture = { 3, CROP, CROP };
  WctShape         shape = picture;
  WctNetwork       trunk = { .count = 0 };
  WctTerms         terms = { .pixel = { 0 } };

  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      WctLearner *const *learners = &trainer->learners[parts * (level - 1)];
      const WctConv     *embedding = &learners[1]->network.layers[0].conv;
      float             *features, *embedded, *target;

      wct_network_append (&trunk, &learners[0]->network);
      shape = wct_layers_shape (trunk.layers, trunk.count, picture);
      features = run_network (&trunk, CROP, BATCH, images);
      embedded = run_embedding (embedding, shape, BATCH, features);
      target = run_network (wct_model_encoder (trainer->model, level), CROP, BATCH, images);
      terms.feature[level - 1] =
        term (config, 1, embedded, target, floats_of ((WctShape){ embedding->out_c, shape.h, shape.w }, BATCH));
      if (parts > 2)
        {
          float *made = run_plan (learners[2]->network.layers, learners[2]->network.count, shape, BATCH, features);

          terms.pixel[level - 1] = term (config, config->reconstruct, made, images, floats_of (picture, BATCH));
          free (made);
        }
      free (target);
      free (embedded);
      free (features);
    }
  return terms;
}

static WctTerms
plain_terms (const WctTrainer *trainer, const float *images)
{
  return trainer->config->task == WCT_TASK_DECODER ? plain_decoder_terms (trainer, images)
                                                   : plain_encoder_terms (trainer, images);
}

/* Every loss that there is: task, scale, λ or β, and teachers with trunks of their own. */
static WctConfig
loss_config (const char *name, int variant)
{
  const WctTask task = all_tasks[variant % 2];
  WctConfig     config = small_config (task, name, model_path (variant & 8 ? "tiny-own-trunks" : "tiny"));

  config.loss_scale = variant & 2 ? WCT_LOSS_VARIANCE : WCT_LOSS_RAW;
  if (task == WCT_TASK_DECODER)
    config.lambda = variant & 4 ? 1 : 0;
  else
    config.reconstruct = variant & 4 ? 0.2 : 0;
  return config;
}

static const int loss_variants[] = { 0, 1, 2, 3, 4, 5, 6, 7, 14, 15 };

#define LOSS_VARIANTS (sizeof loss_variants / sizeof loss_variants[0])

static void
describe (const WctConfig *config, char text[200])
{
  snprintf (text, 200, "%s, %s, loss scale %s, lambda %g, reconstruct %g", config->backend,
            config->task == WCT_TASK_DECODER ? "decoder" : "encoder", wct_config_loss_scales[config->loss_scale],
            config->lambda, config->reconstruct);
}

/* Sums of squares of what floats compute twice, in two orders: a few 1e-5 through the deep random networks. */
static void
the_terms_of_the_loss_are_what_plain_sums_give (void **state)
{
  float *images = new_images (BATCH, CROP, 1);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (size_t variant = 0; variant < LOSS_VARIANTS; variant++)
      {
        const WctConfig config = loss_config (name, loss_variants[variant]);
        WctTrainer     *trainer = started_trainer (&config, images);
        const WctTerms  expected = plain_terms (trainer, images), got = step (trainer, images);
        double          sum = 0;
        char            text[200];

        describe (&config, text);
        for (int i = 0; i < WCT_LEVELS; i++)
          {
            assert_near_relative (text, got.pixel[i], expected.pixel[i], 1e-4);
            assert_near_relative (text, got.feature[i], expected.feature[i], 1e-4);
            sum += got.pixel[i] + got.feature[i];
          }
        assert_near_relative ("sum of the terms", wct_terms_loss (&got), sum, 1e-12);
        wct_trainer_free (&trainer);
      }
  }
  free (images);
}

/* ---- Gradients ---------------------------------------------------------------------------------------------- */

/* The values of all learners, to be put back. */
typedef struct
{
  float *values[WCT_LEARNERS_MAX];
} Kept;

static Kept
keep_values (const WctTrainer *trainer)
{
  Kept kept;

  for (int i = 0; i < trainer->learner_count; i++)
    kept.values[i] = copy_of (trainer->learners[i]->values, trainer->learners[i]->count);
  return kept;
}

/* Away from where trainers start: where least squares begin there is next to no gradient, and biases of 0 leave sums at
 * 0, where a ReLU bends, wherever all of the input is 0. */
static void
shake (WctTrainer *trainer)
{
  WctRandom random = wct_random_stream (1, 2);
  WctError  err;

  for (int i = 0; i < trainer->learner_count; i++)
    for (size_t k = 0; k < trainer->learners[i]->count; k++)
      trainer->learners[i]->values[k] += (float)(0.02 * wct_random_normal (&random));
  must (wct_trainer_pack (trainer, &err), &err);
}

static void
put_back (WctTrainer *trainer, const Kept *kept)
{
  WctError err;

  for (int i = 0; i < trainer->learner_count; i++)
    memcpy (trainer->learners[i]->values, kept->values[i], trainer->learners[i]->count * sizeof (float));
  must (wct_trainer_pack (trainer, &err), &err);
}

static void
free_kept (const WctTrainer *trainer, Kept *kept)
{
  for (int i = 0; i < trainer->learner_count; i++)
    free (kept->values[i]);
}

static double
norm_of (const float *values, size_t count)
{
  double sum = 0;

  for (size_t i = 0; i < count; i++)
    sum += (double)values[i] * values[i];
  return sqrt (sum);
}

/* What a learner has a part in: of decoders their own level's terms. */
static double
loss_of (const WctTrainer *trainer, const WctLearner *learner, const WctTerms *terms)
{
  return trainer->config->task == WCT_TASK_ENCODER
           ? wct_terms_loss (terms)
           : terms->pixel[learner->level - 1] + terms->feature[learner->level - 1];
}

/* The loss at @distance along a learner's gradient, by plain sums: nothing of the trainer but its values. */
static double
loss_along (WctTrainer *trainer, WctLearner *learner, const float *values, double distance, const float *images)
{
  const double norm = norm_of (learner->gradient, learner->count);
  WctTerms     terms;

  for (size_t i = 0; i < learner->count; i++)
    learner->values[i] = (float)(values[i] + distance * learner->gradient[i] / norm);
  terms = plain_terms (trainer, images);
  memcpy (learner->values, values, learner->count * sizeof (float));
  return loss_of (trainer, learner, &terms);
}

/* Along its own direction the slope of the loss is the gradient's norm. Central differences see it through rounding
 * where they are narrow, and through ReLUs and pools that turn where they are wide, each differently at each width: the
 * first of a few that agrees will do. A gradient that lacks a term, or counts one wrong, agrees at none. */
#define SLOPE_ALLOWED 0.02

static double
slope_over_norm (WctTrainer *trainer, int moved, const Kept *kept, const WctTerms *terms, const float *images)
{
  /* Of the loss, that a step is to change. */
  const double shares[] = { 1e-4, 2.5e-5, 4e-4, 5e-5, 2e-4, 1e-5, 8e-4, 5e-6, 1.6e-3 };
  WctLearner  *learner = trainer->learners[moved];
  const double norm = norm_of (learner->gradient, learner->count);
  double       ratio = NAN;

  for (size_t i = 0; i < sizeof shares / sizeof shares[0] && !(fabs (ratio - 1) <= SLOPE_ALLOWED); i++)
    {
      const double distance = shares[i] * loss_of (trainer, learner, terms) / norm;
      const double up = loss_along (trainer, learner, kept->values[moved], distance, images);

      ratio = (up - loss_along (trainer, learner, kept->values[moved], -distance, images)) / (2 * distance * norm);
    }
  return ratio;
}

static void
the_gradient_is_the_slope_of_the_loss_for_each_learner (void **state)
{
  float *images = new_images (BATCH, CROP, 2);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (size_t variant = 0; variant < LOSS_VARIANTS; variant++)
      {
        const WctConfig config = loss_config (name, loss_variants[variant]);
        WctTrainer     *trainer = started_trainer (&config, images);
        WctTerms        terms;
        Kept            kept;
        char            text[200], what[300];

        shake (trainer);
        kept = keep_values (trainer);
        terms = step (trainer, images);
        put_back (trainer, &kept);
        describe (&config, text);
        for (int i = 0; i < trainer->learner_count; i++)
          {
            snprintf (what, sizeof what, "%s: slope over norm of %s's gradient", text, trainer->learners[i]->name);
            assert_near (what, slope_over_norm (trainer, i, &kept, &terms, images), 1, SLOPE_ALLOWED);
          }
        free_kept (trainer, &kept);
        wct_trainer_free (&trainer);
      }
  }
  free (images);
}

/* ---- The same numbers, however it is computed ---------------------------------------------------------------- */

static WctTrainer *
trained (const WctConfig *config, int steps, const float *images, WctTerms *terms)
{
  WctTrainer *trainer = started_trainer (config, images);

  for (int i = 0; i < steps; i++)
    *terms = step (trainer, images);
  return trainer;
}

static void
threads_do_not_change_a_bit (void **state)
{
  const int32_t threads[] = { 2, 5 };
  float        *images = new_images (10, CROP, 3);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int task = 0; task < 2; task++)
      {
        WctConfig   config = small_config (all_tasks[task], name, model_path ("tiny")), other;
        WctTerms    first_terms, terms;
        WctTrainer *first, *trainer;

        config.batch = 10;
        config.lanes = 5;
        config.accumulate = 2;
        first = trained (&config, 3, images, &first_terms);
        for (size_t i = 0; i < 2; i++)
          {
            other = config;
            other.threads = threads[i];
            trainer = trained (&other, 3, images, &terms);
            assert_int_equal (wct_pool_threads (trainer->pool), threads[i]);
            assert_same_learners (trainer, first);
            assert_memory_equal (&terms, &first_terms, sizeof terms);
            assert_memory_equal (&trainer->scales, &first->scales, sizeof trainer->scales);
            wct_trainer_free (&trainer);
          }
        wct_trainer_free (&first);
      }
  }
  free (images);
}

/* The order of sums changes with them; a ReLU that rounding turns may move a little more than that. */
static void
lanes_and_pieces_change_gradients_by_rounding_alone (void **state)
{
  const int32_t cuts[][2] = { { 2, 1 }, { 1, 2 }, { 2, 2 }, { 4, 1 }, { 1, 4 } }; /* lanes, pieces */
  float        *images = new_images (BATCH, CROP, 4);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int task = 0; task < 2; task++)
      {
        WctConfig   config = small_config (all_tasks[task], name, model_path ("tiny")), other;
        WctTerms    first_terms, terms;
        WctTrainer *first, *trainer;

        config.start = WCT_START_HE; /* least squares leave nothing but rounding */
        first = trained (&config, 1, images, &first_terms);
        for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
          {
            other = config;
            other.lanes = cuts[i][0];
            other.accumulate = cuts[i][1];
            trainer = trained (&other, 1, images, &terms);
            assert_near_relative ("loss", wct_terms_loss (&terms), wct_terms_loss (&first_terms), 1e-6);
            for (int k = 0; k < trainer->learner_count; k++)
              {
                const WctLearner *a = trainer->learners[k], *b = first->learners[k];
                const double      off = sqrt (squared_error (a->gradient, b->gradient, a->count));

                assert_near (a->name, off / norm_of (b->gradient, b->count), 0, 1e-4);
              }
            wct_trainer_free (&trainer);
          }
        wct_trainer_free (&first);
      }
  }
  free (images);
}

/* ---- Learning ----------------------------------------------------------------------------------------------- */

/* Shallow decoders, which can; a trunk of 5 to 9 channels, from random values, cannot learn 16 channels by heart. */
static void
a_batch_that_stays_is_learned_by_heart (void **state)
{
  float *images = new_images (BATCH, CROP, 5);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int task = 0; task < 2; task++)
      {
        const double factor = all_tasks[task] == WCT_TASK_DECODER ? 8 : 4;
        WctConfig    config = small_config (all_tasks[task], name, model_path ("tiny"));
        WctTrainer  *trainer;
        WctTerms     terms;
        double       first, last;

        if (all_tasks[task] == WCT_TASK_DECODER)
          config.levels = 1u << 1 | 1u << 2;
        config.rate = task == 0 ? 3e-3 : 1e-2;
        config.start = task == 0 ? WCT_START_DATA : WCT_START_HE;
        trainer = started_trainer (&config, images);
        terms = step (trainer, images);
        first = wct_terms_loss (&terms);
        for (int i = 0; i < 100; i++)
          terms = step (trainer, images);
        last = wct_terms_loss (&terms);
        if (!(last < first / factor))
          fail_msg ("%s, task %d: the loss fell from %g to %g in 100 steps, expected 1/%g of it at most", name, task,
                    first, last, factor);
        wct_trainer_free (&trainer);
      }
  }
  free (images);
}

/* ---- The optimizer ------------------------------------------------------------------------------------------ */

static void
the_rate_warms_up_then_stays_or_falls_as_a_cosine (void **state)
{
  WctConfig config = { .rate = 0.5, .rate_end = 0.1, .warmup = 4, .steps = 14, .schedule = WCT_SCHEDULE_CONSTANT };

  (void)state;
  for (int i = 0; i < 4; i++)
    assert_near ("warming up", wct_trainer_rate (&config, i), 0.1 * (i + 1), 1e-12);
  for (int i = 4; i < 20; i++)
    assert_near ("constant", wct_trainer_rate (&config, i), 0.5, 0);
  config.schedule = WCT_SCHEDULE_COSINE;
  assert_near ("warming up, too", wct_trainer_rate (&config, 2), 0.3, 1e-12);
  assert_near ("the top", wct_trainer_rate (&config, 4), 0.5, 1e-12);
  assert_near ("a half of the way", wct_trainer_rate (&config, 9), 0.3, 1e-12);
  assert_near ("a fifth of the way", wct_trainer_rate (&config, 6), 0.1 + 0.2 * (1 + 0.80901699437494745), 1e-12);
  assert_near ("the end", wct_trainer_rate (&config, 14), 0.1, 1e-12);
  assert_near ("beyond it", wct_trainer_rate (&config, 1000), 0.1, 1e-12);
  config.warmup = 0;
  assert_near ("no warming up", wct_trainer_rate (&config, 0), 0.5, 1e-12);
  config.warmup = config.steps = 3;
  assert_near ("nothing but warming up", wct_trainer_rate (&config, 3), 0.5, 1e-12);
}

static float
largest_of (const float *values, size_t count)
{
  float largest = 0;

  for (size_t i = 0; i < count; i++)
    largest = fmaxf (largest, fabsf (values[i]));
  return largest;
}

/* Kingma and Ba 2015, algorithm 1, in double from the gradients of each step. */
static void
values_move_as_adam_says (void **state)
{
  float *images = new_images (BATCH, CROP, 6);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_DECODER, name, model_path ("tiny"));
    WctTrainer *trainer;
    WctLearner *learner;
    double     *first, *second;

    config.levels = 1u << 2;
    config.beta1 = 0.8;
    config.beta2 = 0.95;
    config.epsilon = 1e-3;
    config.warmup = 2;
    trainer = started_trainer (&config, images);
    learner = trainer->learners[0];
    first = calloc (learner->count, sizeof *first);
    second = calloc (learner->count, sizeof *second);
    assert_true (first != NULL && second != NULL);
    for (int t = 1; t <= 4; t++)
      {
        float *before = copy_of (learner->values, learner->count);

        step (trainer, images);
        assert_int_equal (trainer->step, t);
        for (size_t i = 0; i < learner->count; i++)
          {
            const double g = learner->gradient[i];
            double       move;

            first[i] = 0.8 * first[i] + 0.2 * g;
            second[i] = 0.95 * second[i] + 0.05 * g * g;
            move = wct_trainer_rate (&config, t - 1) * (first[i] / (1 - pow (0.8, t)))
                   / (sqrt (second[i] / (1 - pow (0.95, t))) + 1e-3);
            assert_near ("a value", learner->values[i], before[i] - move, 1e-6);
          }
        free (before);
      }
    free (second);
    free (first);
    wct_trainer_free (&trainer);
  }
  free (images);
}

/* After one step the first moment is (1 - beta1) of what the optimizer took for the gradient. */
static void
clip_limits_the_norm_and_keeps_the_direction (void **state)
{
  float *images = new_images (BATCH, CROP, 7);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_DECODER, name, model_path ("tiny"));
    WctTrainer *free_trainer, *trainer;
    WctTerms    terms;
    double      largest = 0;

    config.beta1 = 0.5;
    free_trainer = trained (&config, 1, images, &terms);
    for (int i = 0; i < free_trainer->learner_count; i++)
      largest = fmax (largest, norm_of (free_trainer->learners[i]->gradient, free_trainer->learners[i]->count));
    config.clip = largest / 3;
    trainer = trained (&config, 1, images, &terms);
    for (int i = 0; i < trainer->learner_count; i++)
      {
        const WctLearner *learner = trainer->learners[i];
        const double      norm = norm_of (learner->gradient, learner->count);
        const double      factor = fmin (config.clip / norm, 1);

        assert_same_floats ("the gradient itself", learner->gradient, free_trainer->learners[i]->gradient,
                            learner->count);
        assert_near_relative ("norm", norm_of (learner->first, learner->count) / 0.5, fmin (norm, config.clip), 1e-5);
        for (size_t k = 0; k < learner->count; k++)
          assert_near (learner->name, learner->first[k] / 0.5, factor * learner->gradient[k], 1e-6 * norm);
      }
    wct_trainer_free (&trainer);
    wct_trainer_free (&free_trainer);
  }
  free (images);
}

static void
averages_follow_fast_at_first_then_by_their_decay (void **state)
{
  float *images = new_images (BATCH, CROP, 8);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_DECODER, name, model_path ("tiny"));
    WctTrainer *trainer;
    WctLearner *learner;

    config.levels = 1u << 1;
    config.average = 0.4; /* (1 + t) / (10 + t) is more from t = 5 on */
    config.rate = 0.01;
    trainer = started_trainer (&config, images);
    learner = trainer->learners[0];
    assert_same_floats ("at the start", learner->average, learner->values, learner->count);
    for (int t = 1; t <= 8; t++)
      {
        const double decay = t < 5 ? (1.0 + t) / (10.0 + t) : 0.4;
        float       *before = copy_of (learner->average, learner->count);

        step (trainer, images);
        for (size_t i = 0; i < learner->count; i++)
          assert_near ("an average", learner->average[i], decay * before[i] + (1 - decay) * learner->values[i], 1e-6);
        free (before);
      }
    wct_trainer_free (&trainer);
    config.average = 0;
    trainer = started_trainer (&config, images);
    assert_null (trainer->learners[0]->average);
    step (trainer, images);
    wct_trainer_free (&trainer);
  }
  free (images);
}

/* Scales are of all pictures that were measured, not of the last batch. */
static void
scales_are_the_variances_of_everything_measured (void **state)
{
  float *images = new_images (2 * BATCH, CROP, 9);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int task = 0; task < 2; task++)
      {
        WctConfig    config = small_config (all_tasks[task], name, model_path ("tiny"));
        const size_t half = floats_of ((WctShape){ 3, CROP, CROP }, BATCH);
        WctTrainer  *trainer = started_trainer (&config, images);
        WctError     err;

        must (wct_trainer_measure (trainer, &(WctShare){ .images = images + half }, &err), &err);
        assert_near_relative ("pixels", trainer->scales.pixel, variance_of (images, 2 * half), 1e-6);
        for (int level = 1; level <= WCT_LEVELS; level++)
          {
            const WctNetwork *encoder = wct_model_encoder (trainer->model, level);
            float            *features = run_network (encoder, CROP, 2 * BATCH, images);
            const WctShape    shape = wct_layers_shape (encoder->layers, encoder->count, (WctShape){ 3, CROP, CROP });

            assert_near_relative ("features", trainer->scales.feature[level - 1],
                                  variance_of (features, floats_of (shape, 2 * BATCH)), 1e-5);
            free (features);
          }
        wct_trainer_free (&trainer);
        config.loss_scale = WCT_LOSS_RAW;
        trainer = started_trainer (&config, images);
        assert_true (trainer->scales.pixel == 1 && trainer->scales.feature[0] == 1 && trainer->scales.feature[4] == 1);
        wct_trainer_free (&trainer);
      }
  }
  free (images);
}

/* ---- Failures ----------------------------------------------------------------------------------------------- */

static void
assert_step_fails_numerically (WctTrainer *trainer, const float *images, const char *part)
{
  WctTerms terms;
  WctError err;

  assert_refused (wct_trainer_step (trainer, &(WctShare){ .images = images }, &terms, &err), WCT_ERR_NUMERIC, &err,
                  part);
}

static void
pictures_that_are_not_finite_change_nothing (void **state)
{
  float *images = new_images (BATCH, CROP, 10), *bad = new_images (BATCH, CROP, 10);

  (void)state;
  bad[BATCH * 3 * CROP * CROP - 1] = NAN;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int task = 0; task < 2; task++)
      {
        const WctConfig config = small_config (all_tasks[task], name, model_path ("tiny"));
        WctTerms        terms, undisturbed_terms;
        WctTrainer     *undisturbed = trained (&config, 2, images, &undisturbed_terms);
        WctTrainer     *trainer = trained (&config, 2, images, &terms);

        assert_step_fails_numerically (trainer, bad, "step 2: the ");
        assert_int_equal (trainer->step, 2);
        assert_same_learners (trainer, undisturbed);
        terms = step (trainer, images);
        undisturbed_terms = step (undisturbed, images);
        assert_same_learners (trainer, undisturbed);
        assert_memory_equal (&terms, &undisturbed_terms, sizeof terms);
        wct_trainer_free (&trainer);
        wct_trainer_free (&undisturbed);
      }
  }
  free (bad);
  free (images);
}

static void
a_rate_that_blows_numbers_up_leaves_what_was_before_that_step (void **state)
{
  float *images = new_images (BATCH, CROP, 11);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int task = 0; task < 2; task++)
      {
        WctConfig   config = small_config (all_tasks[task], name, model_path ("tiny"));
        WctTrainer *trainer;
        Kept        kept;

        config.rate = 1e30;
        trainer = started_trainer (&config, images);
        step (trainer, images);
        kept = keep_values (trainer);
        assert_step_fails_numerically (trainer, images, "resume with a lower --learning-rate or with --clip");
        assert_int_equal (trainer->step, 1);
        for (int i = 0; i < trainer->learner_count; i++)
          {
            const WctLearner *learner = trainer->learners[i];

            assert_true (largest_of (learner->values, learner->count) > 1e20f);
            assert_same_floats (learner->name, learner->values, kept.values[i], learner->count);
          }
        free_kept (trainer, &kept);
        wct_trainer_free (&trainer);
      }
  }
  free (images);
}

/* As overflows of f16 come out of any back end: the loss is finite, and its gradient is not. */
static void
f16_skips_steps_whose_gradient_is_not_finite_but_not_for_ever (void **state)
{
  const int in_row = 40;
  float    *images = new_images (BATCH, CROP, 12);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_DECODER, name, model_path ("tiny"));
    WctTerms    terms, undisturbed_terms;
    WctTrainer *undisturbed = trained (&config, 2, images, &undisturbed_terms);
    WctTrainer *trainer = trained (&config, 2, images, &terms);
    double      weights[WCT_LEVELS];

    memcpy (weights, config.pixel_weights, sizeof weights);
    for (int i = 0; i < WCT_LEVELS; i++)
      config.pixel_weights[i] = 1e41;
    assert_step_fails_numerically (trainer, images, "resume with a lower --learning-rate or with --clip");
    assert_int_equal (trainer->skipped, 0);
    config.precision = WCT_PRECISION_F16;
    terms = step (trainer, images);
    assert_true (isfinite (wct_terms_loss (&terms)));
    assert_int_equal (trainer->step, 3);
    assert_int_equal (trainer->skipped, 1);
    assert_same_learners (trainer, undisturbed);
    memcpy (config.pixel_weights, weights, sizeof weights);
    step (trainer, images);
    undisturbed->step = 3;
    step (undisturbed, images);
    assert_same_learners (trainer, undisturbed);
    for (int i = 0; i < WCT_LEVELS; i++)
      config.pixel_weights[i] = 1e41;
    for (int i = 0; i < in_row; i++)
      step (trainer, images);
    assert_int_equal (trainer->skipped, 1 + in_row);
    assert_step_fails_numerically (trainer, images, "resume with a lower --learning-rate or with --clip");
    assert_same_learners (trainer, undisturbed);
    wct_trainer_free (&trainer);
    wct_trainer_free (&undisturbed);
  }
  free (images);
}

static void
assert_not_made (const WctConfig *config, WctStatus status, const char *part)
{
  WctTrainer *trainer = NULL;
  WctError    err;

  assert_refused (wct_trainer_new (config, &trainer, &err), status, &err, part);
  assert_null (trainer);
}

/* An encoder up to relu1_1 and nothing else. */
static char *
path_of_shallow_model (void)
{
  static char      path[512];
  const float      weight[2 * 3 * 9] = { 1 }, bias[2] = { 0 };
  const WctWeights tensors[] = { { "encoder.conv1_1.weight", 4, { 2, 3, 3, 3 }, weight },
                                 { "encoder.conv1_1.bias", 1, { 2 }, bias } };
  json_t          *metadata = json_pack ("{s:s, s:s}", "format", "wct", "version", "1");
  WctError         err;

  snprintf (path, sizeof path, "%s", path_of ("shallow"));
  must (wct_weights_write (path, tensors, 2, metadata, false, true, &err), &err);
  json_decref (metadata);
  return path;
}

static void
a_trainer_that_cannot_be_made_gets_one_sentence (void **state)
{
  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig config = small_config (WCT_TASK_DECODER, name, path_of_shallow_model ());

    assert_not_made (&config, WCT_ERR_ARGUMENT, "does not reach relu2_1");
    config.task = WCT_TASK_ENCODER;
    assert_not_made (&config, WCT_ERR_ARGUMENT, "does not reach relu5_1; a trunk is learned whole");
    config = small_config (WCT_TASK_DECODER, name, model_path ("no-such-model"));
    assert_not_made (&config, WCT_ERR_IO, "no-such-model");
    config = small_config (WCT_TASK_DECODER, "no-such-back-end", model_path ("tiny"));
    assert_not_made (&config, WCT_ERR_ARGUMENT, "no-such-back-end");
  }
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  float *images = new_images (1, 16, 12);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int task = 0; task < 2; task++)
      {
        WctConfig config = small_config (all_tasks[task], name, model_path ("tiny"));
        bool      happened = true;

        config.crop = 16;
        config.batch = 1;
        for (long n = 1; happened; n++)
          {
            const size_t before = wct_mem_used ();
            WctTrainer  *trainer = NULL;
            WctError     err = { .status = WCT_OK };
            WctStatus    status;

            wct_mem_test_fail (n, false);
            status = wct_trainer_new (&config, &trainer, &err);
            if (status == WCT_OK)
              status = wct_trainer_start (trainer, images, &err);
            if (status == WCT_OK)
              status = wct_trainer_measure (trainer, &(WctShare){ .images = images }, &err);
            if (status == WCT_OK)
              status = wct_trainer_step (trainer, &(WctShare){ .images = images }, &(WctTerms){ .pixel = { 0 } }, &err);
            happened = wct_mem_test_fail (0, false) >= n;
            if (status != (happened ? WCT_ERR_NO_MEMORY : WCT_OK))
              fail_msg ("%s, task %d, allocation %ld: got %s (%s)", name, task, n, wct_status_name (status),
                        err.message);
            wct_trainer_free (&trainer);
            assert_int_equal (wct_mem_used (), before);
          }
      }
  }
  free (images);
}

static int
nothing_is_left (void **state)
{
  (void)state;
  return wct_mem_used () == 0 ? 0 : -1;
}

static int
run_all (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (the_terms_of_the_loss_are_what_plain_sums_give),
    cmocka_unit_test (the_gradient_is_the_slope_of_the_loss_for_each_learner),
    cmocka_unit_test (threads_do_not_change_a_bit),
    cmocka_unit_test (lanes_and_pieces_change_gradients_by_rounding_alone),
    cmocka_unit_test (a_batch_that_stays_is_learned_by_heart),
    cmocka_unit_test (the_rate_warms_up_then_stays_or_falls_as_a_cosine),
    cmocka_unit_test (values_move_as_adam_says),
    cmocka_unit_test (clip_limits_the_norm_and_keeps_the_direction),
    cmocka_unit_test (averages_follow_fast_at_first_then_by_their_decay),
    cmocka_unit_test (scales_are_the_variances_of_everything_measured),
    cmocka_unit_test (pictures_that_are_not_finite_change_nothing),
    cmocka_unit_test (a_rate_that_blows_numbers_up_leaves_what_was_before_that_step),
    cmocka_unit_test (f16_skips_steps_whose_gradient_is_not_finite_but_not_for_ever),
    cmocka_unit_test_setup_teardown (a_trainer_that_cannot_be_made_gets_one_sentence, make_folder, remove_folder),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, nothing_is_left);
}

int
main (void)
{
  return run_where_something_trains (run_all);
}
