/* Values to start from: what they do to real input, seen through the plans of inference. */
#include "start.h"

#include "small-runs.h"
#include "weights-file.h"

#define COUNT 4 /* pictures */

static const WctShape picture_shape = { 3, CROP, CROP };

/* ---- Moments ------------------------------------------------------------------------------------------------ */

typedef struct
{
  double mean, variance;
} Moments;

/* Of channel @c of (count, channels, positions), in two passes. */
static Moments
channel_moments (const float *maps, size_t channels, size_t positions, size_t c)
{
  Moments moments = { 0, 0 };

  for (size_t map = 0; map < COUNT; map++)
    for (size_t i = 0; i < positions; i++)
      moments.mean += maps[(map * channels + c) * positions + i] / (double)(COUNT * positions);
  for (size_t map = 0; map < COUNT; map++)
    for (size_t i = 0; i < positions; i++)
      {
        const double off = maps[(map * channels + c) * positions + i] - moments.mean;

        moments.variance += off * off / (double)(COUNT * positions);
      }
  return moments;
}

static double
mean_variance (const float *maps, WctShape shape)
{
  double sum = 0;

  for (size_t c = 0; c < (size_t)shape.c; c++)
    sum += channel_moments (maps, (size_t)shape.c, (size_t)shape.h * (size_t)shape.w, c).variance;
  return sum / shape.c;
}

/* ---- LSUV --------------------------------------------------------------------------------------------------- */

/* What scaling leaves is the rounding of weights and of one convolution to float, against another one's. */
#define VARIANCE_ALLOWED 1e-3

/* Each convolution of @layers gives variance 1 before its ReLU on @maps, which are replaced by what comes out of the
 * last. @ends: does the last one have another aim? */
static void
assert_unit_variances (const WctLearner *learner, bool ends, WctShape *shape, float **maps)
{
  const int count = learner->network.count;

  for (int i = 0; i < count; i++)
    {
      const WctLayer *layer = &learner->network.layers[i];
      const WctShape  out = wct_layer_shape (layer, *shape);
      float          *next = run_plan (layer, 1, *shape, COUNT, *maps);

      if (wct_layer_side (layer) > 0 && !(ends && i == count - 1))
        {
          WctLayer bare = *layer;
          float   *sums;

          bare.conv.relu = false;
          sums = run_plan (&bare, 1, *shape, COUNT, *maps);
          assert_near (layer->conv.name, mean_variance (sums, out), 1, VARIANCE_ALLOWED);
          free (sums);
        }
      free (*maps);
      *maps = next;
      *shape = out;
    }
}

static void
assert_spread_like_pictures (const char *name, const float *results, const float *images)
{
  const size_t positions = CROP * CROP;

  assert_near (name, mean_variance (results, picture_shape) / mean_variance (images, picture_shape), 1,
               VARIANCE_ALLOWED);
  for (size_t c = 0; c < 3; c++)
    assert_near (name, channel_moments (results, 3, positions, c).mean, channel_moments (images, 3, positions, c).mean,
                 1e-4);
}

static void
decoders_start_with_variance_one_and_end_with_the_pictures_mean_and_variance (void **state)
{
  float *images = new_images (COUNT, CROP, 1);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_DECODER, name, model_path ("tiny"));
    WctTrainer *trainer;

    config.levels &= ~1u; /* relu1_1 has least squares */
    trainer = started_trainer (&config, images);
    for (int i = 0; i < trainer->learner_count; i++)
      {
        const WctNetwork *encoder = wct_model_encoder (trainer->model, trainer->learners[i]->level);
        WctShape          shape = wct_layers_shape (encoder->layers, encoder->count, picture_shape);
        float            *maps = run_network (encoder, CROP, COUNT, images);

        assert_unit_variances (trainer->learners[i], true, &shape, &maps);
        assert_spread_like_pictures (trainer->learners[i]->name, maps, images);
        free (maps);
      }
    wct_trainer_free (&trainer);
  }
  free (images);
}

static void
a_compact_trunk_starts_with_variance_one_and_so_do_its_decoders (void **state)
{
  float *images = new_images (COUNT, CROP, 2);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    const WctConfig config = small_config (WCT_TASK_ENCODER, name, model_path ("tiny"));
    WctTrainer     *trainer = started_trainer (&config, images);
    WctShape        shape = picture_shape;
    float          *maps = copy_of (images, floats_of (shape, COUNT));

    assert_int_equal (trainer->learner_count, 3 * WCT_LEVELS);
    for (int level = 1; level <= WCT_LEVELS; level++)
      {
        WctLearner *const *parts = &trainer->learners[3 * (level - 1)];
        WctShape           decoded_shape;
        float             *decoded;

        assert_unit_variances (parts[0], false, &shape, &maps);
        decoded_shape = shape;
        decoded = copy_of (maps, floats_of (shape, COUNT));
        if (level > 1)
          {
            assert_unit_variances (parts[2], true, &decoded_shape, &decoded);
            assert_spread_like_pictures (parts[2]->name, decoded, images);
          }
        free (decoded);
      }
    free (maps);
    wct_trainer_free (&trainer);
  }
  free (images);
}

/* ---- Least squares ------------------------------------------------------------------------------------------ */

/* relu1_1 = M pixel + 1, which no ReLU touches: columns of M add up to less than 1 below 0. */
static const double mixing[3][3] = { { 0.9, -0.3, 0.2 }, { 0.1, 0.8, -0.4 }, { -0.2, 0.3, 1.1 } };

/* Inverse by cofactors. */
static void
invert (const double m[3][3], double inverse[3][3])
{
  double determinant = 0;

  for (int r = 0; r < 3; r++)
    for (int c = 0; c < 3; c++)
      inverse[c][r] = m[(r + 1) % 3][(c + 1) % 3] * m[(r + 2) % 3][(c + 2) % 3]
                      - m[(r + 1) % 3][(c + 2) % 3] * m[(r + 2) % 3][(c + 1) % 3];
  for (int c = 0; c < 3; c++)
    determinant += m[0][c] * inverse[c][0];
  for (int i = 0; i < 9; i++)
    inverse[i / 3][i % 3] /= determinant;
}

static void
write_linear_encoder (const char *path)
{
  float            weight[3 * 3 * 9] = { 0 }, bias[3] = { 1, 1, 1 };
  const WctWeights tensors[] = { { "encoder.conv1_1.weight", 4, { 3, 3, 3, 3 }, weight },
                                 { "encoder.conv1_1.bias", 1, { 3 }, bias } };
  json_t          *metadata = json_pack ("{s:s, s:s}", "format", "wct", "version", "1");
  WctError         err;

  for (int o = 0; o < 3; o++)
    for (int i = 0; i < 3; i++)
      weight[(o * 3 + i) * 9 + 4] = (float)mixing[o][i];
  must (wct_weights_write (path, tensors, 2, metadata, false, true, &err), &err);
  json_decref (metadata);
}

/* The one solution, as far as floats of the features (1e-7 of about 1) over the smallest spread of a patch in them. */
static void
least_squares_at_relu1_1_find_a_known_linear_inverse (void **state)
{
  float *images = new_images (COUNT, CROP, 3);
  double inverse[3][3];

  (void)state;
  invert (mixing, inverse);
  write_linear_encoder (path_of ("linear"));
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_DECODER, name, (char *)(uintptr_t)path_of ("linear"));
    WctTrainer *trainer;
    float      *weight, *bias;

    config.levels = 1;
    trainer = started_trainer (&config, images);
    weight = wct_learner_weight (trainer->learners[0], 0);
    bias = wct_learner_bias (trainer->learners[0], 0);
    for (int o = 0; o < 3; o++)
      {
        for (int i = 0; i < 3; i++)
          for (int place = 0; place < 9; place++)
            assert_near ("a weight", weight[(o * 3 + i) * 9 + place], place == 4 ? inverse[o][i] : 0, 1e-4);
        assert_near ("a bias", bias[o], -inverse[o][0] - inverse[o][1] - inverse[o][2], 1e-4);
      }
    wct_trainer_free (&trainer);
  }
  free (images);
}

/* An embedding of a teacher that is one: the same weights come out. */
static void
least_squares_find_a_known_embedding (void **state)
{
  float *images = new_images (COUNT, CROP, 4);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig         config = small_config (WCT_TASK_DECODER, name, model_path ("tiny"));
    WctTrainer       *trainer;
    const WctNetwork *before;
    WctNetwork        embedding, target;
    WctLearner       *known = NULL, *learner = NULL;
    WctError          err;

    config.levels = 2;
    trainer = new_trainer (&config);
    before = wct_model_encoder (trainer->model, 2);
    wct_network_embed (&before->layers[before->count - 1].conv, 7, &embedding);
    must (wct_learner_new (trainer->backend, "known", 2, &embedding, WCT_PRECISION_F32, WCT_CHAIN_WEIGHT_GRADIENTS, 1,
                           false, &known, &err),
          &err);
    must (wct_learner_new (trainer->backend, "embedding2", 2, &embedding, WCT_PRECISION_F32, WCT_CHAIN_WEIGHT_GRADIENTS,
                           1, false, &learner, &err),
          &err);
    wct_start_he (known, 5);
    for (int c = 0; c < 7; c++)
      wct_learner_bias (known, 0)[c] = 0.25f * (float)c;
    target = *before;
    wct_network_append (&target, &known->network);
    must (
      wct_start_learner (trainer, learner, before, NULL, &(WctStartData){ images, COUNT, CROP, false, &target }, &err),
      &err);
    for (size_t i = 0; i < known->count; i++)
      assert_near ("a parameter", learner->values[i], known->values[i], 1e-3);
    wct_learner_free (trainer->backend, &learner);
    wct_learner_free (trainer->backend, &known);
    wct_trainer_free (&trainer);
  }
  free (images);
}

/* ---- Random ------------------------------------------------------------------------------------------------- */

static WctTrainer *
trainer_from (const char *name, WctTask task, WctStart start, uint64_t seed, const float *images)
{
  static WctConfig configs[4]; /* trainers borrow theirs */
  static int       next;
  WctConfig       *config = &configs[next++ % 4];

  *config = small_config (task, name, model_path ("tiny"));
  config->start = start;
  config->seed = seed;
  return started_trainer (config, images);
}

static void
one_seed_gives_one_start_and_another_another (void **state)
{
  const WctTask  tasks[] = { WCT_TASK_DECODER, WCT_TASK_ENCODER };
  const WctStart starts[] = { WCT_START_DATA, WCT_START_HE };
  float         *images = new_images (COUNT, CROP, 5);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int i = 0; i < 4; i++)
      {
        WctTrainer *first = trainer_from (name, tasks[i / 2], starts[i % 2], 1, images);
        WctTrainer *again = trainer_from (name, tasks[i / 2], starts[i % 2], 1, images);
        WctTrainer *other = trainer_from (name, tasks[i / 2], starts[i % 2], 2, images);

        assert_same_learners (again, first);
        for (int k = 0; k < first->learner_count; k++)
          if (first->learners[k]->network.count > 1)
            assert_memory_not_equal (first->learners[k]->values, other->learners[k]->values,
                                     first->learners[k]->count * sizeof (float));
        wct_trainer_free (&other);
        wct_trainer_free (&again);
        wct_trainer_free (&first);
      }
  }
  free (images);
}

/* Of the same shapes, under two names. */
static void
learners_of_one_run_start_apart (void **state)
{
  WctModel *model = load_model (model_path ("tiny"));

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctBackend *backend = open_training_backend (name);
    WctLearner *learners[2] = { NULL, NULL };
    int         equal = 0;
    WctError    err;

    for (int i = 0; i < 2; i++)
      {
        must (wct_learner_new (backend, i == 0 ? "encoder3" : "decoder3", 3, wct_model_encoder (model, 3),
                               WCT_PRECISION_F32, WCT_CHAIN_WEIGHT_GRADIENTS, 1, false, &learners[i], &err),
              &err);
        wct_start_he (learners[i], 1);
      }
    for (size_t i = 0; i < 3 * 8 * 9; i++)
      equal += learners[0]->values[i] == learners[1]->values[i];
    assert_int_equal (equal, 0);
    wct_learner_free (backend, &learners[0]);
    wct_learner_free (backend, &learners[1]);
    wct_backend_close (&backend);
  }
  wct_model_unref (&model);
}

/* Of 20000 weights: the mean strays by 3 / √20000 deviations at most, the variance by 3 √(2 / 20000), in all but one of
 * some hundred seeds; this is one seed. */
static void
he_weights_have_variance_two_over_fan_in_and_biases_are_zero (void **state)
{
  WctNetwork network = { .count = 1 };

  (void)state;
  network.layers[0] =
    (WctLayer){ WCT_LAYER_CONV, { .name = "encoder.conv1_1", .in_c = 40, .out_c = 60, .relu = true } };
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctBackend  *backend = open_training_backend (name);
    WctLearner  *learner = NULL;
    const size_t count = 60 * 40 * 9;
    double       sum = 0, squares = 0;
    WctError     err;

    must (wct_learner_new (backend, "encoder1", 1, &network, WCT_PRECISION_F32, WCT_CHAIN_WEIGHT_GRADIENTS, 1, false,
                           &learner, &err),
          &err);
    wct_start_he (learner, 1);
    for (size_t i = 0; i < count; i++)
      {
        sum += learner->values[i];
        squares += (double)learner->values[i] * learner->values[i];
      }
    assert_near ("mean in deviations", sum / (double)count / sqrt (2.0 / 360), 0, 0.02);
    assert_near ("variance over 2 / fan-in", squares / (double)count / (2.0 / 360), 1, 0.03);
    for (int c = 0; c < 60; c++)
      assert_true (wct_learner_bias (learner, 0)[c] == 0);
    wct_learner_free (backend, &learner);
    wct_backend_close (&backend);
  }
}

/* ---- Models ------------------------------------------------------------------------------------------------- */

static void
assert_values_of (const WctLearner *learner, const WctNetwork *from)
{
  for (int i = 0; i < learner->network.count; i++)
    {
      const WctConv *conv = &learner->network.layers[i].conv;
      const size_t   biases = (size_t)conv->out_c;

      if (wct_layer_side (&learner->network.layers[i]) == 0)
        continue;
      assert_same_floats (conv->name, conv->weight, from->layers[i].conv.weight,
                          wct_layer_parameters (&learner->network.layers[i]) - biases);
      assert_same_floats (conv->name, conv->bias, from->layers[i].conv.bias, biases);
    }
  assert_same_floats (learner->name, learner->average, learner->values, learner->count);
}

static void
start_model_copies_decoders_and_their_average (void **state)
{
  float *images = new_images (COUNT, CROP, 6);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_DECODER, name, model_path ("tiny-encoder"));
    WctTrainer *trainer;

    config.start = WCT_START_MODEL;
    config.start_model = model_path ("tiny");
    trainer = started_trainer (&config, images);
    for (int level = 1; level <= WCT_LEVELS; level++)
      assert_values_of (trainer->learners[level - 1], wct_model_decoder (trainer->start_model, level));
    wct_trainer_free (&trainer);
  }
  free (images);
}

static void
start_model_copies_a_trunk_and_takes_embeddings_from_the_data (void **state)
{
  float *images = new_images (COUNT, CROP, 7);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig   config = small_config (WCT_TASK_ENCODER, name, model_path ("tiny"));
    WctTrainer *trainer;

    memcpy (config.channels, (int32_t[]){ 8, 8, 12, 16, 16 }, sizeof config.channels);
    config.start = WCT_START_MODEL;
    config.start_model = model_path ("tiny");
    trainer = started_trainer (&config, images);
    for (int level = 1; level <= WCT_LEVELS; level++)
      {
        WctLearner *const *parts = &trainer->learners[3 * (level - 1)];
        WctNetwork         segment;
        const float       *embedding = wct_learner_weight (parts[1], 0);
        const size_t       side = (size_t)wct_model_channels (trainer->model, level);

        wct_network_segment (wct_model_encoder (trainer->start_model, WCT_LEVELS), level - 1, level, &segment);
        assert_values_of (parts[0], &segment);
        assert_values_of (parts[2], wct_model_decoder (trainer->start_model, level));
        /* The teacher itself: its best embedding is the identity, but for channels that hardly vary. */
        if (level == 1)
          for (size_t i = 0; i < side * side; i++)
            assert_near ("an embedding's weight", embedding[i], i / side == i % side, 1e-2);
      }
    wct_trainer_free (&trainer);
  }
  free (images);
}

static void
assert_start_refused (const WctConfig *config, const float *images, const char *part)
{
  WctTrainer *trainer = new_trainer (config);
  WctError    err;

  assert_refused (wct_trainer_start (trainer, images, &err), WCT_ERR_ARGUMENT, &err, part);
  wct_trainer_free (&trainer);
}

static void
a_start_model_of_another_plan_is_refused_with_the_layers_name (void **state)
{
  float *images = new_images (COUNT, CROP, 8);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctConfig config = small_config (WCT_TASK_DECODER, name, model_path ("tiny"));

    config.start = WCT_START_MODEL;
    config.start_model = model_path ("tiny-vgg16");
    assert_start_refused (&config, images, "decoder4.conv3_2: the model to start from has other channels here");
    config.start_model = model_path ("tiny-encoder");
    assert_start_refused (&config, images, "has no decoder1");
    config = small_config (WCT_TASK_ENCODER, name, model_path ("tiny"));
    config.start = WCT_START_MODEL;
    config.start_model = model_path ("tiny");
    assert_start_refused (&config, images, "encoder.conv1_1: the model to start from has other channels here");
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
    cmocka_unit_test (decoders_start_with_variance_one_and_end_with_the_pictures_mean_and_variance),
    cmocka_unit_test (a_compact_trunk_starts_with_variance_one_and_so_do_its_decoders),
    cmocka_unit_test_setup_teardown (least_squares_at_relu1_1_find_a_known_linear_inverse, make_folder, remove_folder),
    cmocka_unit_test (least_squares_find_a_known_embedding),
    cmocka_unit_test (one_seed_gives_one_start_and_another_another),
    cmocka_unit_test (learners_of_one_run_start_apart),
    cmocka_unit_test (he_weights_have_variance_two_over_fan_in_and_biases_are_zero),
    cmocka_unit_test (start_model_copies_decoders_and_their_average),
    cmocka_unit_test (start_model_copies_a_trunk_and_takes_embeddings_from_the_data),
    cmocka_unit_test (a_start_model_of_another_plan_is_refused_with_the_layers_name),
  };

  return cmocka_run_group_tests (tests, NULL, nothing_is_left);
}

int
main (void)
{
  return run_where_something_trains (run_all);
}
