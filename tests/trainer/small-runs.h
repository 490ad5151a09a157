/* Small trainers for tests: the tiny models, configs that take seconds, the back ends that can train, and layers run
 * through the plans of inference, which know nothing of training. */
#ifndef WCT_TEST_SMALL_RUNS_H
#define WCT_TEST_SMALL_RUNS_H

#include <math.h>

#include "picture-files.h"

#include <wct/model.h>

#include "config.h"
#include "mem.h"
#include "model.h"
#include "trainer.h"

#define CROP 32

/* ---- Back ends ---------------------------------------------------------------------------------------------- */

static const char *const training_backends[] = { "cpu", "reference" };

#define TRAINING_BACKENDS (sizeof training_backends / sizeof training_backends[0])

/* NULL where this build or machine does not have it, or it cannot train. */
static inline WctBackend *
open_training_backend (const char *name)
{
  WctBackend *backend = NULL;
  WctError    err;

  if (wct_backend_open (name, 1, &backend, &err) == WCT_OK && backend->ops->training == NULL)
    wct_backend_close (&backend);
  return backend;
}

static inline bool
can_train (const char *name)
{
  WctBackend *backend = open_training_backend (name);
  const bool  can = backend != NULL;

  wct_backend_close (&backend);
  return can;
}

/* Names, of those that can train. */
#define FOR_EACH_TRAINING_BACKEND(name)                                           \
  for (size_t name##_index = 0; name##_index < TRAINING_BACKENDS; name##_index++) \
    for (const char *name = training_backends[name##_index]; name != NULL && can_train (name); name = NULL)

/* For main: 77 says that all was skipped. */
static inline int
run_where_something_trains (int (*tests) (void))
{
  for (size_t i = 0; i < TRAINING_BACKENDS; i++)
    if (can_train (training_backends[i]))
      return tests ();
  printf ("skipped: no back end of this build can train\n");
  return 77;
}

/* ---- Models and configs ------------------------------------------------------------------------------------- */

/* One of the tiny models: "tiny", "tiny-vgg16", …; one of a few buffers. */
static inline char *
model_path (const char *name)
{
  static char paths[4][4096];
  static int  next;
  char       *path = paths[next++ % 4];

  if (getenv ("WCT_TEST_MODELS") == NULL)
    fail_msg ("WCT_TEST_MODELS is not set; run it by meson test");
  snprintf (path, sizeof paths[0], "%s/%s.safetensors", getenv ("WCT_TEST_MODELS"), name);
  return path;
}

static inline WctModel *
load_model (const char *path)
{
  WctModel *model = NULL;
  WctError  err;

  must (wct_model_load (path, &model, &err), &err);
  return model;
}

static inline char *
backend_text (const char *name)
{
  return (char *)(uintptr_t)name;
}

/* @model: borrowed, as everything in it: not to be cleared. One thread, one lane, a batch of 4. */
static inline WctConfig
small_config (WctTask task, const char *backend, char *model)
{
  WctConfig config;

  wct_config_defaults (task, &config);
  if (task == WCT_TASK_ENCODER)
    memcpy (config.channels, (int32_t[]){ 5, 6, 7, 8, 9 }, sizeof config.channels);
  config.model = model;
  config.backend = backend_text (backend);
  config.batch = 4;
  config.lanes = 1;
  config.crop = CROP;
  config.threads = 1;
  config.steps = 100;
  config.warmup = 0;
  config.schedule = WCT_SCHEDULE_CONSTANT;
  config.rate = 1e-3;
  return config;
}

static inline size_t
floats_of (WctShape shape, int32_t count)
{
  return (size_t)count * (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

static inline float *
new_floats (size_t count)
{
  float *values = calloc (count > 0 ? count : 1, sizeof *values);

  assert_non_null (values);
  return values;
}

/* To be freed with free. */
static inline float *
copy_of (const float *values, size_t count)
{
  return memcpy (new_floats (count), values, count * sizeof *values);
}

/* (count, 3, side, side) in [0,1]: slopes with some noise on them, so that there is something to learn. To be freed
 * with free. */
static inline float *
new_images (int32_t count, int32_t side, uint64_t seed)
{
  float    *images = new_floats (floats_of ((WctShape){ 3, side, side }, count)), *to = images;
  WctRandom random = wct_random_stream (seed, 0);

  for (int32_t plane = 0; plane < 3 * count; plane++)
    {
      const double start = wct_random_unit (&random), down = wct_random_unit (&random) - start;
      const double across = wct_random_unit (&random) - 0.5;

      for (int32_t y = 0; y < side; y++)
        for (int32_t x = 0; x < side; x++)
          *to++ =
            (float)fmin (fmax (start + down * y / side + across * x / side + 0.2 * wct_random_unit (&random), 0), 1);
    }
  return images;
}

static inline WctTrainer *
new_trainer (const WctConfig *config)
{
  WctTrainer *trainer = NULL;
  WctError    err;

  must (wct_trainer_new (config, &trainer, &err), &err);
  return trainer;
}

/* With values and scales from @images. */
static inline WctTrainer *
started_trainer (const WctConfig *config, const float *images)
{
  WctTrainer *trainer = new_trainer (config);
  WctError    err;

  must (wct_trainer_start (trainer, images, &err), &err);
  must (wct_trainer_measure (trainer, &(WctShare){ .images = images }, &err), &err);
  return trainer;
}

/* ---- Plans -------------------------------------------------------------------------------------------------- */

/* What layers make of @count maps (count, c, h, w), one after the other by reference's plans, which take no
 * embeddings. To be freed with free. */
static inline float *
run_plan (const WctLayer *layers, int layer_count, WctShape in, int32_t count, const float *maps)
{
  const WctShape out = wct_layers_shape (layers, layer_count, in);
  float         *results = new_floats (floats_of (out, count));
  WctBackend    *backend = NULL;
  WctPlan       *plan = NULL;
  WctTensor     *source = NULL, *result = NULL;
  WctError       err;

  must (wct_backend_open ("reference", 1, &backend, &err), &err);
  const WctBackendOps *ops = backend->ops;
  must (ops->plan_new (backend->ctx, layers, layer_count, in, &plan, &err), &err);
  must (ops->tensor_new (backend->ctx, in, &source, &err), &err);
  must (ops->tensor_new (backend->ctx, out, &result, &err), &err);
  for (int32_t i = 0; i < count; i++)
    {
      must (ops->upload (backend->ctx, maps + (size_t)i * floats_of (in, 1), source, &err), &err);
      must (ops->plan_run (backend->ctx, plan, source, result, NULL, &err), &err);
      must (ops->download (backend->ctx, result, results + (size_t)i * floats_of (out, 1), &err), &err);
    }
  ops->tensor_free (backend->ctx, &result);
  ops->tensor_free (backend->ctx, &source);
  ops->plan_free (backend->ctx, &plan);
  wct_backend_close (&backend);
  return results;
}

/* Of a whole network on pictures. */
static inline float *
run_network (const WctNetwork *network, int32_t side, int32_t count, const float *images)
{
  return run_plan (network->layers, network->count, (WctShape){ 3, side, side }, count, images);
}

/* What a 1×1 convolution without ReLU makes of maps, by hand. To be freed with free. */
static inline float *
run_embedding (const WctConv *conv, WctShape in, int32_t count, const float *maps)
{
  const size_t positions = (size_t)in.h * (size_t)in.w, in_c = (size_t)conv->in_c, out_c = (size_t)conv->out_c;
  float       *results = new_floats ((size_t)count * out_c * positions);

  for (size_t map = 0; map < (size_t)count; map++)
    for (size_t o = 0; o < out_c; o++)
      for (size_t at = 0; at < positions; at++)
        {
          double sum = conv->bias[o];

          for (size_t i = 0; i < in_c; i++)
            sum += (double)conv->weight[o * in_c + i] * maps[(map * in_c + i) * positions + at];
          results[(map * out_c + o) * positions + at] = (float)sum;
        }
  return results;
}

/* ---- Claims ------------------------------------------------------------------------------------------------- */

static inline void
assert_near (const char *what, double got, double expected, double allowed)
{
  if (!(fabs (got - expected) <= allowed))
    fail_msg ("%s: expected %.9g, got %.9g, allowed difference %g", what, expected, got, allowed);
}

/* @allowed: of the size of what is expected. */
static inline void
assert_near_relative (const char *what, double got, double expected, double allowed)
{
  if (!(fabs (got - expected) <= allowed * fabs (expected)))
    fail_msg ("%s: expected %.9g, got %.9g, allowed difference %g of it", what, expected, got, allowed);
}

static inline void
assert_same_floats (const char *what, const float *got, const float *expected, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (memcmp (&got[i], &expected[i], sizeof *got) != 0)
      fail_msg ("%s, value %zu of %zu: expected %.9g, got %.9g, not a bit may differ", what, i, count,
                (double)expected[i], (double)got[i]);
}

static inline void
assert_refused (WctStatus got, WctStatus expected, const WctError *err, const char *part)
{
  if (got != expected)
    fail_msg ("expected %s (%s), got %s%s%s", wct_status_name (expected), part, wct_status_name (got),
              got == WCT_OK ? "" : ": ", got == WCT_OK ? "" : err->message);
  assert_message_has (err, part);
}

/* Everything that a checkpoint keeps of a learner. */
static inline void
assert_same_learners (const WctTrainer *got, const WctTrainer *expected)
{
  assert_int_equal (got->learner_count, expected->learner_count);
  for (int i = 0; i < got->learner_count; i++)
    {
      const WctLearner *a = got->learners[i], *b = expected->learners[i];

      assert_string_equal (a->name, b->name);
      assert_int_equal (a->count, b->count);
      assert_same_floats (a->name, a->values, b->values, a->count);
      assert_same_floats (a->name, a->first, b->first, a->count);
      assert_same_floats (a->name, a->second, b->second, a->count);
      assert_true ((a->average == NULL) == (b->average == NULL));
      if (a->average != NULL)
        assert_same_floats (a->name, a->average, b->average, a->count);
    }
}

#endif
