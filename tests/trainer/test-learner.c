/* Networks that are learned: what they look like, where their numbers lie, and that nothing is left of one that could
 * not be made. */
#include "learner.h"

#include "small-runs.h"
#include "weights-file.h"

static const int32_t odd_channels[WCT_LEVELS] = { 3, 5, 7, 9, 11 };

/* ---- Plans -------------------------------------------------------------------------------------------------- */

static void
assert_same_plan (const WctNetwork *got, const WctNetwork *expected)
{
  assert_int_equal (got->count, expected->count);
  for (int i = 0; i < got->count; i++)
    {
      const WctLayer *a = &got->layers[i], *b = &expected->layers[i];

      assert_int_equal (a->kind, b->kind);
      if (wct_layer_side (a) == 0)
        continue;
      assert_string_equal (a->conv.name, b->conv.name);
      assert_int_equal (a->conv.in_c, b->conv.in_c);
      assert_int_equal (a->conv.out_c, b->conv.out_c);
      assert_int_equal (a->conv.relu, b->conv.relu);
    }
}

static void
the_mirror_of_an_encoder_is_the_decoder_that_models_have (void **state)
{
  const char *const names[] = { "tiny", "tiny-vgg16", "tiny-own-trunks" };

  (void)state;
  for (size_t i = 0; i < 3; i++)
    {
      WctModel *model = load_model (model_path (names[i]));

      for (int level = 1; level <= WCT_LEVELS; level++)
        {
          WctNetwork expected = *wct_model_decoder (model, level), mirror;

          expected.layers[expected.count - 1].conv.relu = false; /* what is learned here never ends in one */
          wct_network_mirror (wct_model_encoder (model, level), level, &mirror);
          assert_same_plan (&mirror, &expected);
        }
      wct_model_unref (&model);
    }
}

/* Weights and biases of a network's layers, random, as tensors of a file. Returns how many. */
static size_t
list_tensors (const WctNetwork *network, float *values, WctWeights *tensors)
{
  size_t count = 0;

  for (int i = 0; i < network->count; i++)
    {
      const WctConv *conv = &network->layers[i].conv;
      const size_t   parameters = wct_layer_parameters (&network->layers[i]), biases = (size_t)conv->out_c;
      WctWeights    *weight = &tensors[count], *bias = &tensors[count + 1];

      if (parameters == 0)
        continue;
      *weight = (WctWeights){ .rank = 4, .shape = { conv->out_c, conv->in_c, 3, 3 }, .values = values };
      *bias = (WctWeights){ .rank = 1, .shape = { conv->out_c }, .values = values + parameters - biases };
      snprintf (weight->name, sizeof weight->name, "%s.weight", conv->name);
      snprintf (bias->name, sizeof bias->name, "%s.bias", conv->name);
      values += parameters;
      count += 2;
    }
  return count;
}

static float *
new_random_floats (size_t count, uint64_t seed)
{
  float    *values = new_floats (count);
  WctRandom random = wct_random_stream (seed, 1);

  for (size_t i = 0; i < count; i++)
    values[i] = (float)wct_random_normal (&random);
  return values;
}

static void
assert_same_parameters (const WctNetwork *network, const float *values)
{
  for (int i = 0; i < network->count; i++)
    {
      const WctLayer *layer = &network->layers[i];
      const size_t    parameters = wct_layer_parameters (layer), biases = (size_t)layer->conv.out_c;

      if (parameters == 0)
        continue;
      assert_same_floats (layer->conv.name, layer->conv.weight, values, parameters - biases);
      assert_same_floats (layer->conv.name, layer->conv.bias, values + parameters - biases, biases);
      values += parameters;
    }
}

/* A thin trunk of @plan's topology and its five mirrors, through a file. */
static void
assert_mirrors_load (const char *plan, const char *topology)
{
  WctModel  *model = load_model (model_path (plan)), *written = NULL;
  WctNetwork networks[1 + WCT_LEVELS];
  float     *values[1 + WCT_LEVELS];
  WctWeights tensors[256];
  size_t     count = 0;
  json_t    *metadata = json_pack ("{s:s, s:s, s:s}", "format", "wct", "version", "1", "topology", topology);
  WctError   err;

  wct_network_thin (wct_model_encoder (model, WCT_LEVELS), odd_channels, &networks[0]);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      WctNetwork encoder;

      wct_network_segment (&networks[0], 0, level, &encoder);
      wct_network_mirror (&encoder, level, &networks[level]);
    }
  for (int i = 0; i <= WCT_LEVELS; i++)
    {
      values[i] = new_random_floats (wct_layers_parameters (networks[i].layers, networks[i].count), (uint64_t)i);
      count += list_tensors (&networks[i], values[i], tensors + count);
    }
  must (wct_weights_write (path_of ("mirrors"), tensors, count, metadata, false, true, &err), &err);
  written = load_model (path_of ("mirrors"));
  assert_int_equal (wct_model_levels (written), (1 << WCT_LEVELS) - 1);
  assert_same_plan (wct_model_encoder (written, WCT_LEVELS), &networks[0]);
  assert_same_parameters (wct_model_encoder (written, WCT_LEVELS), values[0]);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      assert_same_plan (wct_model_decoder (written, level), &networks[level]);
      assert_same_parameters (wct_model_decoder (written, level), values[level]);
    }
  for (int i = 0; i <= WCT_LEVELS; i++)
    free (values[i]);
  json_decref (metadata);
  wct_model_unref (&written);
  wct_model_unref (&model);
}

static void
a_thin_trunk_and_its_mirrors_are_a_model_that_loads (void **state)
{
  (void)state;
  assert_mirrors_load ("tiny", "vgg19");
  assert_mirrors_load ("tiny-vgg16", "vgg16");
}

static void
segments_put_together_are_the_trunk (void **state)
{
  const char *const names[] = { "tiny", "tiny-vgg16" };

  (void)state;
  for (size_t i = 0; i < 2; i++)
    {
      WctModel         *model = load_model (model_path (names[i]));
      const WctNetwork *trunk = wct_model_encoder (model, WCT_LEVELS);
      WctNetwork        together = { .count = 0 };

      for (int level = 1; level <= WCT_LEVELS; level++)
        {
          WctNetwork segment, whole;
          char       tap[40];

          snprintf (tap, sizeof tap, "encoder.conv%d_1", level);
          wct_network_segment (trunk, level - 1, level, &segment);
          assert_string_equal (segment.layers[segment.count - 1].conv.name, tap);
          wct_network_append (&together, &segment);
          assert_same_plan (&together, wct_model_encoder (model, level));
          wct_network_segment (trunk, 0, level, &whole);
          assert_same_plan (&whole, wct_model_encoder (model, level));
        }
      for (int layer = 0; layer < trunk->count; layer++)
        assert_ptr_equal (together.layers[layer].conv.weight, trunk->layers[layer].conv.weight);
      wct_model_unref (&model);
    }
}

static void
a_thin_network_has_the_plan_of_the_wide_one (void **state)
{
  const char *const names[] = { "tiny", "tiny-vgg16", "tiny-own-trunks" };

  (void)state;
  for (size_t i = 0; i < 3; i++)
    {
      WctModel         *model = load_model (model_path (names[i]));
      const WctNetwork *wide = wct_model_encoder (model, WCT_LEVELS);
      WctNetwork        thin;
      int32_t           channels = 3;
      int               block = 1;

      wct_network_thin (wide, odd_channels, &thin);
      assert_int_equal (thin.count, wide->count);
      for (int layer = 0; layer < thin.count; layer++)
        {
          const WctConv *conv = &thin.layers[layer].conv;

          assert_int_equal (thin.layers[layer].kind, wide->layers[layer].kind);
          block += thin.layers[layer].kind == WCT_LAYER_POOL ? 1 : 0;
          if (thin.layers[layer].kind == WCT_LAYER_POOL)
            continue;
          assert_string_equal (strchr (conv->name, '.'), strchr (wide->layers[layer].conv.name, '.'));
          assert_int_equal (strncmp (conv->name, "encoder.", 8), 0);
          assert_int_equal (conv->in_c, channels);
          assert_int_equal (conv->out_c, odd_channels[block - 1]);
          assert_true (conv->relu && conv->weight == NULL && conv->bias == NULL);
          channels = conv->out_c;
        }
      assert_int_equal (block, WCT_LEVELS);
      wct_model_unref (&model);
    }
}

static void
an_embedding_is_a_pointwise_map_to_the_teachers_width (void **state)
{
  WctModel   *model = load_model (model_path ("tiny-own-trunks"));
  WctNetwork  embedding;
  const char *names[] = { "encoder.conv1_1_aux", "encoder.conv2_1_aux", "encoder.conv3_1_aux", "encoder.conv4_1_aux",
                          "encoder.conv5_1_aux" };

  (void)state;
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const WctNetwork *encoder = wct_model_encoder (model, level);

      wct_network_embed (&encoder->layers[encoder->count - 1].conv, 99, &embedding);
      assert_int_equal (embedding.count, 1);
      assert_int_equal (wct_layer_side (&embedding.layers[0]), 1);
      assert_int_equal (embedding.layers[0].conv.in_c, wct_model_channels (model, level));
      assert_int_equal (embedding.layers[0].conv.out_c, 99);
      assert_false (embedding.layers[0].conv.relu);
      assert_string_equal (embedding.layers[0].conv.name, names[level - 1]);
    }
  wct_model_unref (&model);
}

/* ---- Learners ----------------------------------------------------------------------------------------------- */

#define BOTH_GRADIENTS (WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS)

/* Two convolutions around a pool, and an embedding. */
static WctNetwork
mixed_network (void)
{
  WctNetwork network = { .count = 4 };

  network.layers[0] = (WctLayer){ WCT_LAYER_CONV, { .name = "encoder.conv1_1", .in_c = 3, .out_c = 5, .relu = true } };
  network.layers[1].kind = WCT_LAYER_POOL;
  network.layers[2] = (WctLayer){ WCT_LAYER_CONV, { .name = "encoder.conv2_1", .in_c = 5, .out_c = 4, .relu = true } };
  network.layers[3] = (WctLayer){ WCT_LAYER_EMBED, { .name = "encoder.conv2_1_aux", .in_c = 4, .out_c = 6 } };
  return network;
}

static WctLearner *
new_learner (WctBackend *backend, const WctNetwork *network, int lanes, bool averaged)
{
  WctLearner *learner = NULL;
  WctError    err;

  must (
    wct_learner_new (backend, "mixed", 2, network, WCT_PRECISION_F32, BOTH_GRADIENTS, lanes, averaged, &learner, &err),
    &err);
  return learner;
}

static void
assert_zeros (const float *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    assert_true (values[i] == 0);
}

static void
a_new_learner_is_zeros_with_each_layers_weights_then_its_biases (void **state)
{
  const WctNetwork network = mixed_network ();

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctBackend  *backend = open_training_backend (name);
    WctLearner  *learner = new_learner (backend, &network, 3, true);
    const size_t weights[] = { 5 * 3 * 9, 4 * 5 * 9, 6 * 4 }, biases[] = { 5, 4, 6 };
    const int    layers[] = { 0, 2, 3 };
    size_t       at = 0;

    assert_int_equal (learner->count, 5 * 3 * 9 + 5 + 4 * 5 * 9 + 4 + 6 * 4 + 6);
    for (int i = 0; i < 3; i++)
      {
        assert_ptr_equal (wct_learner_weight (learner, layers[i]), learner->values + at);
        assert_ptr_equal (wct_learner_bias (learner, layers[i]), learner->values + at + weights[i]);
        at += weights[i] + biases[i];
      }
    assert_int_equal (at, learner->count);
    assert_zeros (learner->values, learner->count);
    assert_zeros (learner->first, learner->count);
    assert_zeros (learner->second, learner->count);
    assert_zeros (learner->average, learner->count);
    assert_zeros (learner->gradient, learner->count);
    assert_zeros (learner->lane_gradients, 3 * learner->count);
    wct_learner_free (backend, &learner);
    assert_null (learner);
    learner = new_learner (backend, &network, 1, false);
    assert_null (learner->average);
    wct_learner_free (backend, &learner);
    wct_backend_close (&backend);
  }
}

/* A learner run forward and back on one map. */
typedef struct
{
  WctBackend *backend;
  WctLearner *learner;
  WctChain   *chain;
  WctBatch   *in, *out, *wanted, *gradient, *in_gradient;
} Rig;

static WctBatch *
new_batch (WctBackend *backend, WctShape shape, uint64_t seed)
{
  float    *values = new_random_floats (floats_of (shape, 1), seed);
  WctBatch *batch = NULL;
  WctError  err;

  must (backend->ops->training->batch_new (backend->ctx, 1, shape, &batch, &err), &err);
  must (backend->ops->training->batch_upload (backend->ctx, values, batch, &err), &err);
  free (values);
  return batch;
}

static Rig
make_rig (const char *name)
{
  const WctNetwork network = mixed_network ();
  const WctShape   in = { 3, 8, 8 }, out = wct_layers_shape (network.layers, network.count, in);
  Rig              rig = { .backend = open_training_backend (name) };
  float           *values;
  WctError         err;

  rig.learner = new_learner (rig.backend, &network, 1, false);
  values = new_random_floats (rig.learner->count, 7);
  for (size_t i = 0; i < rig.learner->count; i++)
    rig.learner->values[i] = 0.3f * values[i];
  free (values);
  must (rig.backend->ops->training->chain_new (rig.backend->ctx, rig.learner->packing, in, 1, BOTH_GRADIENTS,
                                               &rig.chain, &err),
        &err);
  rig.in = new_batch (rig.backend, in, 11);
  rig.in_gradient = new_batch (rig.backend, in, 12);
  rig.out = new_batch (rig.backend, out, 13);
  rig.wanted = new_batch (rig.backend, out, 14);
  rig.gradient = new_batch (rig.backend, out, 15);
  return rig;
}

static void
clear_rig (Rig *rig)
{
  const WctTrainingOps *ops = rig->backend->ops->training;
  WctBatch            **batches[] = { &rig->in, &rig->out, &rig->wanted, &rig->gradient, &rig->in_gradient };

  ops->chain_free (rig->backend->ctx, &rig->chain);
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
    ops->batch_free (rig->backend->ctx, batches[i]);
  wct_learner_free (rig->backend, &rig->learner);
  wct_backend_close (&rig->backend);
}

/* The squared error of what the packed weights make; backward where @gradients is not NULL. */
static double
run_rig (Rig *rig, float *gradients)
{
  const WctTrainingOps *ops = rig->backend->ops->training;
  void                 *ctx = rig->backend->ctx;
  double                sum;
  WctError              err;

  must (ops->forward (ctx, rig->chain, rig->in, rig->out, &err), &err);
  must (ops->squared_error (ctx, rig->out, rig->wanted, 1, false, rig->gradient, &sum, &err), &err);
  if (gradients != NULL)
    must (ops->backward (ctx, rig->chain, rig->gradient, rig->in_gradient, gradients, &err), &err);
  return sum;
}

static double
loss_with (Rig *rig, float *value, float changed)
{
  const float kept = *value;
  double      loss;
  WctError    err;

  *value = changed;
  must (wct_learner_pack (rig->backend, rig->learner, &err), &err);
  loss = run_rig (rig, NULL);
  *value = kept;
  return loss;
}

/* Each place of the gradient belongs to the parameter at the same place: a slip by one anywhere changes most of them.
 * Central differences over 1e-2 are right to about 1e-3 of the largest here; ReLUs may bend in between. */
static void
gradients_lie_where_their_parameters_lie (void **state)
{
  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    Rig      rig = make_rig (name);
    float   *gradients = new_floats (rig.learner->count);
    double   largest = 0;
    WctError err;

    must (wct_learner_pack (rig.backend, rig.learner, &err), &err);
    run_rig (&rig, gradients);
    for (size_t i = 0; i < rig.learner->count; i++)
      largest = fmax (largest, fabs ((double)gradients[i]));
    for (size_t i = 0; i < rig.learner->count; i++)
      {
        float       *value = &rig.learner->values[i];
        const double step = 1e-2, up = loss_with (&rig, value, (float)(*value + step));
        const double slope = (up - loss_with (&rig, value, (float)(*value - step))) / (2 * step);

        if (!(fabs (slope - gradients[i]) <= 0.02 * largest))
          fail_msg ("%s, parameter %zu of %zu: slope %g, gradient %g, allowed difference %g", name, i,
                    rig.learner->count, slope, (double)gradients[i], 0.02 * largest);
      }
    free (gradients);
    clear_rig (&rig);
  }
}

static void
new_values_count_once_they_are_packed (void **state)
{
  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    Rig      rig = make_rig (name);
    double   before, changed;
    WctError err;

    must (wct_learner_pack (rig.backend, rig.learner, &err), &err);
    before = run_rig (&rig, NULL);
    changed = loss_with (&rig, wct_learner_bias (rig.learner, 3), 100);
    assert_true (changed > before + 1000);
    must (wct_learner_pack (rig.backend, rig.learner, &err), &err);
    assert_memory_equal (&(double){ run_rig (&rig, NULL) }, &before, sizeof before);
    clear_rig (&rig);
  }
}

static void
a_copy_has_the_other_networks_values_bit_for_bit (void **state)
{
  WctModel *model = load_model (model_path ("tiny"));

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctBackend *backend = open_training_backend (name);
    WctNetwork  mirror;
    WctError    err;

    for (int level = 1; level <= WCT_LEVELS; level++)
      {
        WctLearner *learner;

        wct_network_mirror (wct_model_encoder (model, level), level, &mirror);
        learner = new_learner (backend, &mirror, 1, false);
        must (wct_learner_copy (learner, wct_model_decoder (model, level), &err), &err);
        assert_same_parameters (wct_model_decoder (model, level), learner->values);
        wct_learner_free (backend, &learner);
      }
    wct_backend_close (&backend);
  }
  wct_model_unref (&model);
}

static void
a_copy_of_another_plan_is_refused_with_the_layers_name (void **state)
{
  WctModel *model = load_model (model_path ("tiny")), *other = load_model (model_path ("tiny-vgg16"));

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctBackend *backend = open_training_backend (name);
    WctNetwork  mirror, thin;
    WctLearner *learner;
    WctError    err;

    wct_network_mirror (wct_model_encoder (model, 4), 4, &mirror);
    learner = new_learner (backend, &mirror, 1, false);
    assert_refused (wct_learner_copy (learner, wct_model_decoder (other, 4), &err), WCT_ERR_ARGUMENT, &err,
                    "decoder4.conv3_2: the model to start from");
    assert_refused (wct_learner_copy (learner, wct_model_decoder (model, 3), &err), WCT_ERR_ARGUMENT, &err,
                    "decoder4.conv4_1: the model to start from");
    wct_learner_free (backend, &learner);

    /* Shorter than the network that is copied, and equal as far as it goes. */
    mirror.count = 3;
    learner = new_learner (backend, &mirror, 1, false);
    assert_refused (wct_learner_copy (learner, wct_model_decoder (model, 4), &err), WCT_ERR_ARGUMENT, &err,
                    "the model to start from");
    wct_learner_free (backend, &learner);

    wct_network_thin (wct_model_encoder (model, 2), (int32_t[]){ 8, 9, 1, 1, 1 }, &thin);
    learner = new_learner (backend, &thin, 1, false);
    assert_refused (wct_learner_copy (learner, wct_model_encoder (model, 2), &err), WCT_ERR_ARGUMENT, &err,
                    "encoder.conv2_1: the model to start from");
    wct_learner_free (backend, &learner);
    wct_backend_close (&backend);
  }
  wct_model_unref (&other);
  wct_model_unref (&model);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  const WctNetwork network = mixed_network ();

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    WctBackend  *backend = open_training_backend (name);
    const size_t before = wct_mem_used ();
    bool         happened = true;

    for (long n = 1; happened; n++)
      {
        WctLearner *learner = NULL;
        WctError    err;
        WctStatus   status;

        wct_mem_test_fail (n, false);
        status =
          wct_learner_new (backend, "mixed", 2, &network, WCT_PRECISION_F32, BOTH_GRADIENTS, 2, true, &learner, &err);
        happened = wct_mem_test_fail (0, false) >= n;
        assert_int_equal (status, happened ? WCT_ERR_NO_MEMORY : WCT_OK);
        assert_true (happened == (learner == NULL));
        wct_learner_free (backend, &learner);
        assert_int_equal (wct_mem_used (), before);
      }
    wct_backend_close (&backend);
  }
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
    cmocka_unit_test (the_mirror_of_an_encoder_is_the_decoder_that_models_have),
    cmocka_unit_test_setup_teardown (a_thin_trunk_and_its_mirrors_are_a_model_that_loads, make_folder, remove_folder),
    cmocka_unit_test (segments_put_together_are_the_trunk),
    cmocka_unit_test (a_thin_network_has_the_plan_of_the_wide_one),
    cmocka_unit_test (an_embedding_is_a_pointwise_map_to_the_teachers_width),
    cmocka_unit_test (a_new_learner_is_zeros_with_each_layers_weights_then_its_biases),
    cmocka_unit_test (gradients_lie_where_their_parameters_lie),
    cmocka_unit_test (new_values_count_once_they_are_packed),
    cmocka_unit_test (a_copy_has_the_other_networks_values_bit_for_bit),
    cmocka_unit_test (a_copy_of_another_plan_is_refused_with_the_layers_name),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, nothing_is_left);
}

int
main (void)
{
  return run_where_something_trains (run_all);
}
