/* What a run is, written and read back. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

/* A configuration in which no field has its default. */
static WctConfig
unusual_config (void)
{
  WctConfig config;
  WctError  err;

  wct_config_defaults (WCT_TASK_DECODER, &config);
  assert_int_equal (wct_strdup ("m.safetensors", &config.model, &err), WCT_OK);
  assert_int_equal (wct_strdup ("s.safetensors", &config.start_model, &err), WCT_OK);
  assert_int_equal (wct_strdup ("photos", &config.data, &err), WCT_OK);
  assert_int_equal (wct_strdup ("held out", &config.test_data, &err), WCT_OK);
  assert_int_equal (wct_strdup ("paintings", &config.styles, &err), WCT_OK);
  assert_int_equal (wct_strdup ("j.safetensors", &config.judge, &err), WCT_OK);
  assert_int_equal (wct_strdup ("reference", &config.backend, &err), WCT_OK);
  config.levels = 0x12;
  config.steps = INT64_C (1) << 40;
  config.epochs = 0.1;
  config.batch = 6;
  config.accumulate = 3;
  config.lanes = 2;
  config.crop = 48;
  config.scale_min = 1.0 / 3;
  config.flip = false;
  config.fixed = true;
  config.test_fraction = 0.7;
  config.rate = 1e-3 / 7;
  config.rate_end = 1e-9;
  config.beta1 = 0.1;
  config.beta2 = 0.2;
  config.epsilon = 1e-3;
  config.warmup = 9;
  config.schedule = WCT_SCHEDULE_CONSTANT;
  config.clip = 2;
  config.average = 0;
  config.lambda = 1e-300;
  for (int i = 0; i < WCT_LEVELS; i++)
    config.pixel_weights[i] = config.level_rates[i] = i + 0.5;
  config.transformed = 0.25;
  config.cascade = 0.5;
  config.texture = 0.75;
  config.imitate = 0.5;
  config.tune_encoder = 0.375;
  config.alpha_min = 0.125;
  config.style_weight = 3;
  config.structure_weight = 4;
  config.own_structure = 5;
  config.loss_scale = WCT_LOSS_RAW;
  config.start = WCT_START_MODEL;
  config.precision = WCT_PRECISION_BF16;
  config.seed = 123456789012345;
  config.checkpoint_every = 11;
  config.test_every = 12;
  config.test_count = 13;
  config.keep = 14;
  config.threads = 15;
  return config;
}

static void
assert_refused (WctStatus status, WctStatus expected, const WctError *err, const char *word)
{
  assert_int_equal (status, expected);
  assert_non_null (strstr (err->message, word));
  assert_null (strchr (err->message, '\n'));
}

static void
every_field_comes_back_as_it_was (void **state)
{
  WctConfig config = unusual_config (), back;
  json_t   *json = wct_config_to_json (&config), *again;
  WctError  err;

  (void)state;
  assert_int_equal (wct_config_from_json (json, &back, &err), WCT_OK);
  again = wct_config_to_json (&back);
  assert_true (json_equal (json, again));
  assert_true (back.rate == config.rate && back.lambda == config.lambda && back.scale_min == config.scale_min);
  assert_true (back.seed == config.seed && back.steps == config.steps);
  assert_string_equal (back.test_data, "held out");
  json_decref (again);
  json_decref (json);
  wct_config_clear (&back);
  wct_config_clear (&config);
}

static void
a_field_that_is_missing_is_named (void **state)
{
  WctConfig   config = unusual_config (), back;
  json_t     *json = wct_config_to_json (&config), *value;
  const char *key;
  void       *next;
  int         count = 0;

  (void)state;
  json_object_foreach_safe (json, next, key, value)
  {
    json_t  *damaged = json_copy (json);
    WctError err;
    char     quoted[64];

    snprintf (quoted, sizeof quoted, "\"%s\"", key);
    json_object_del (damaged, key);
    assert_refused (wct_config_from_json (damaged, &back, &err), WCT_ERR_FORMAT, &err, quoted);
    json_object_set_new (damaged, key, json_pack ("{s:s}", "no", "such thing"));
    assert_refused (wct_config_from_json (damaged, &back, &err), WCT_ERR_FORMAT, &err, quoted);
    json_decref (damaged);
    count++;
  }
  assert_true (count > 40);
  json_decref (json);
  wct_config_clear (&config);
}

static void
the_program_that_began_a_run_is_remembered (void **state)
{
  WctConfig config = unusual_config (), back;
  json_t   *json = wct_config_to_json (&config), *again;
  WctError  err;

  (void)state;
  json_object_set_new (json, "commit", json_string ("0123456789ab"));
  assert_int_equal (wct_config_from_json (json, &back, &err), WCT_OK);
  again = wct_config_to_json (&back);
  assert_string_equal (json_string_value (json_object_get (again, "commit")), "0123456789ab");
  json_decref (again);
  json_decref (json);
  wct_config_clear (&back);
  wct_config_clear (&config);
}

static void
defaults_are_the_published_recipe_and_fit_each_other (void **state)
{
  (void)state;
  for (int task = 0; task < 2; task++)
    {
      WctConfig config;
      WctError  err;

      wct_config_defaults ((WctTask)task, &config);
      assert_int_equal (wct_config_check (&config, &err), WCT_OK);
      assert_int_equal (config.batch, 128);
      assert_true (config.epochs == 500 && config.rate == 1e-4 && config.lambda == 1 && config.test_fraction == 0.2);
      assert_true (config.beta1 == 0.9 && config.beta2 == 0.999);
    }
}

#define ASSERT_FIELD_REFUSED(field, value, word)                                       \
  do                                                                                   \
    {                                                                                  \
      WctConfig config;                                                                \
      WctError  err;                                                                   \
                                                                                       \
      wct_config_defaults (WCT_TASK_DECODER, &config);                                 \
      config.field = value;                                                            \
      assert_refused (wct_config_check (&config, &err), WCT_ERR_ARGUMENT, &err, word); \
    }                                                                                  \
  while (0)

static void
values_out_of_range_are_refused (void **state)
{
  (void)state;
  ASSERT_FIELD_REFUSED (levels, 0, "--level");
  ASSERT_FIELD_REFUSED (crop, 40, "--crop");
  ASSERT_FIELD_REFUSED (crop, 0, "--crop");
  ASSERT_FIELD_REFUSED (batch, 0, "--batch");
  ASSERT_FIELD_REFUSED (accumulate, 0, "--accumulate");
  ASSERT_FIELD_REFUSED (epochs, 0, "--epochs");
  ASSERT_FIELD_REFUSED (test_fraction, 1, "--test-fraction");
  ASSERT_FIELD_REFUSED (test_fraction, NAN, "--test-fraction");
  ASSERT_FIELD_REFUSED (rate, NAN, "--learning-rate");
  ASSERT_FIELD_REFUSED (rate, 0, "--learning-rate");
  ASSERT_FIELD_REFUSED (rate_end, 1, "--rate-end");
  ASSERT_FIELD_REFUSED (beta2, 1, "--beta2");
  ASSERT_FIELD_REFUSED (average, -0.5, "--average");
  ASSERT_FIELD_REFUSED (lambda, NAN, "--lambda");
  ASSERT_FIELD_REFUSED (clip, -1, "--clip");
  ASSERT_FIELD_REFUSED (keep, 0, "--keep");
  ASSERT_FIELD_REFUSED (checkpoint_every, 0, "--checkpoint-every");
  ASSERT_FIELD_REFUSED (transformed, 0.5, "--styles");
  ASSERT_FIELD_REFUSED (transformed, 1.5, "--transformed");
  ASSERT_FIELD_REFUSED (alpha_min, NAN, "--alpha-min");
  ASSERT_FIELD_REFUSED (imitate, 1.5, "--imitate");
  ASSERT_FIELD_REFUSED (tune_encoder, -1, "--tune-encoder");
  ASSERT_FIELD_REFUSED (tune_encoder, 1, "--tune-encoder");
  ASSERT_FIELD_REFUSED (own_structure, -1, "--own-structure");
  ASSERT_FIELD_REFUSED (structure_weight, -1, "--structure-weight");
  ASSERT_FIELD_REFUSED (scale_min, 0.05, "--scale-min");
  ASSERT_FIELD_REFUSED (scale_min, NAN, "--scale-min");
}

static void
lanes_cut_a_share_evenly (void **state)
{
  static const struct
  {
    const char *backend;
    int32_t     batch, accumulate;
    int         ranks, lanes;
  } cases[] = { { "cpu", 128, 1, 1, 8 }, { "cpu", 12, 1, 1, 6 },       { "reference", 7, 1, 1, 7 },
                { "cpu", 11, 1, 1, 1 },  { "reference", 16, 2, 2, 4 }, { "cuda", 128, 1, 1, 1 } };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      WctConfig config = { .batch = cases[i].batch,
                           .accumulate = cases[i].accumulate,
                           .backend = (char *)(uintptr_t)cases[i].backend };

      wct_config_choose_lanes (&config, cases[i].ranks);
      assert_int_equal (config.lanes, cases[i].lanes);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_field_comes_back_as_it_was),
    cmocka_unit_test (a_field_that_is_missing_is_named),
    cmocka_unit_test (the_program_that_began_a_run_is_remembered),
    cmocka_unit_test (defaults_are_the_published_recipe_and_fit_each_other),
    cmocka_unit_test (values_out_of_range_are_refused),
    cmocka_unit_test (lanes_cut_a_share_evenly),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
