/* Engines, and execution plans made of them. What does not work out is left out: there are others, and our own kernels
 * where there is none. */
#include "engine.h"

#include "mem.h"

#define OFFERS_MAX 64 /* that cuDNN is asked for */

void
wct_engine_drop (cudnnBackendDescriptor_t *descriptor)
{
  if (*descriptor != NULL)
    cudnnBackendDestroyDescriptor (*descriptor);
  *descriptor = NULL;
}

static bool
make (cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out)
{
  return cudnnBackendCreateDescriptor (type, out) == CUDNN_STATUS_SUCCESS;
}

static bool
set (cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
     size_t count, const void *values)
{
  return cudnnBackendSetAttribute (descriptor, name, type, (int64_t)count, values) == CUDNN_STATUS_SUCCESS;
}

static bool
get (cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
     size_t room, void *values, int64_t *count)
{
  return cudnnBackendGetAttribute (descriptor, name, type, (int64_t)room, count, values) == CUDNN_STATUS_SUCCESS;
}

/* ---- Which are welcome ------------------------------------------------------------------------------------------ */

/* The same bits every time, and f32 exactly as asked. Winograd's way loses bits that f16 and bf16 do not have to lose;
 * Fourier's loses them anywhere. */
static bool
note_is_welcome (const WctConvolutionShape *shape, cudnnBackendNumericalNote_t note)
{
  switch (note)
    {
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
    case CUDNN_NUMERICAL_NOTE_FFT:
      return false;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD:
      return shape->element == WCT_ELEMENT_F32;
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
      return shape->element != WCT_ELEMENT_F32 || !shape->exact;
    default:
      return true;
    }
}

/* An engine that is compiled when its plan is made keeps people waiting, in each process anew. */
static bool
engine_is_welcome (cudnnBackendDescriptor_t engine, const WctConvolutionShape *shape)
{
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  cudnnBackendBehaviorNote_t  ways[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
  int64_t                     count = 0, way_count = 0;

  if (!get (engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, notes,
            &count)
      || !get (engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, ways,
               &way_count))
    return false;
  for (int64_t i = 0; i < count; i++)
    if (!note_is_welcome (shape, notes[i]))
      return false;
  for (int64_t i = 0; i < way_count; i++)
    if (ways[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION)
      return false;
  return true;
}

/* The engine of a configuration; NULL where it is not to be had. */
static cudnnBackendDescriptor_t
engine_of (cudnnBackendDescriptor_t config)
{
  cudnnBackendDescriptor_t engine = NULL;
  int64_t                  count = 0;

  if (!make (CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine)
      || !get (config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine, &count))
    wct_engine_drop (&engine);
  return engine;
}

static bool
is_welcome (cudnnBackendDescriptor_t config, const WctConvolutionShape *shape)
{
  cudnnBackendDescriptor_t engine = engine_of (config);
  const bool               welcome = engine != NULL && engine_is_welcome (engine, shape);

  wct_engine_drop (&engine);
  return welcome;
}

/* ---- Plans ------------------------------------------------------------------------------------------------------ */

/* Finishes a plan and adds it, or drops both. @config, @plan: taken over */
static bool
add (WctEngines *engines, cudnnBackendDescriptor_t config, cudnnBackendDescriptor_t plan)
{
  int64_t count = 0, workspace = 0;

  if (cudnnBackendFinalize (plan) != CUDNN_STATUS_SUCCESS
      || !get (plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &workspace, &count) || workspace < 0
      || workspace > WCT_ENGINE_WORKSPACE_MAX)
    {
      wct_engine_drop (&plan);
      wct_engine_drop (&config);
      return false;
    }
  engines->list[engines->count++] = (WctEngine){ config, plan, (size_t)workspace };
  return true;
}

/* @name, @type, @values: what the plan is made of. NULL where that fails. */
static cudnnBackendDescriptor_t
begin_plan (cudnnBackendDescriptor_t target, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
            size_t count, const void *values)
{
  cudnnBackendDescriptor_t plan = NULL;

  if (!make (CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &plan)
      || !set (plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &target)
      || !set (plan, name, type, count, values))
    wct_engine_drop (&plan);
  return plan;
}

/* @config: taken over */
static void
add_config (WctEngines *engines, cudnnBackendDescriptor_t target, cudnnBackendDescriptor_t config)
{
  const cudnnBackendDescriptor_t plan =
    begin_plan (target, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config);

  if (plan != NULL)
    add (engines, config, plan);
  else
    wct_engine_drop (&config);
}

static cudnnBackendDescriptor_t
ask (cudnnBackendDescriptor_t target, cudnnBackendDescriptor_t operations, cudnnBackendHeurMode_t mode)
{
  cudnnBackendDescriptor_t guess = NULL;

  if (!make (CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &guess)
      || !set (guess, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &operations)
      || !set (guess, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode)
      || !set (guess, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &target)
      || cudnnBackendFinalize (guess) != CUDNN_STATUS_SUCCESS)
    wct_engine_drop (&guess);
  return guess;
}

static void
add_offers (WctEngines *engines, cudnnBackendDescriptor_t target, cudnnBackendDescriptor_t guess,
            const WctConvolutionShape *shape, int limit)
{
  cudnnBackendDescriptor_t offers[OFFERS_MAX] = { NULL };
  int64_t                  count = 0;
  bool                     good = true;

  for (int i = 0; i < OFFERS_MAX && good; i++)
    good = make (CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &offers[i]);
  if (!good || !get (guess, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, OFFERS_MAX, offers, &count))
    count = 0;
  for (int64_t i = 0; i < count && i < OFFERS_MAX && engines->count < limit; i++)
    if (is_welcome (offers[i], shape))
      {
        add_config (engines, target, offers[i]);
        offers[i] = NULL;
      }
  for (int i = 0; i < OFFERS_MAX; i++)
    wct_engine_drop (&offers[i]);
}

int
wct_engines_find (WctEngines *engines, cudnnBackendDescriptor_t target, cudnnBackendDescriptor_t operations,
                  const WctConvolutionShape *shape, int limit)
{
  static const cudnnBackendHeurMode_t modes[] = { CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK };

  if (limit > WCT_ENGINES_MAX)
    limit = WCT_ENGINES_MAX;
  for (size_t i = 0; i < sizeof modes / sizeof modes[0] && engines->count == 0; i++)
    {
      cudnnBackendDescriptor_t guess = ask (target, operations, modes[i]);

      if (guess != NULL)
        add_offers (engines, target, guess, shape, limit);
      wct_engine_drop (&guess);
    }
  return engines->count;
}

bool
wct_engines_read (WctEngines *engines, cudnnBackendDescriptor_t target, const char *json, size_t size)
{
  cudnnBackendDescriptor_t plan = NULL;

  if (engines->count < WCT_ENGINES_MAX)
    plan = begin_plan (target, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, size, json);
  return plan != NULL && add (engines, NULL, plan);
}

void
wct_engines_choose (WctEngines *engines, int index)
{
  const WctEngine chosen = engines->list[index];

  engines->list[index] = (WctEngine){ 0 };
  wct_engines_clear (engines);
  engines->list[0] = chosen;
  engines->count = 1;
}

void
wct_engines_clear (WctEngines *engines)
{
  for (int i = 0; i < engines->count; i++)
    {
      wct_engine_drop (&engines->list[i].plan);
      wct_engine_drop (&engines->list[i].config);
    }
  engines->count = 0;
}

/* ---- One engine ------------------------------------------------------------------------------------------------- */

bool
wct_engine_write (const WctEngine *engine, char **json, size_t *size)
{
  int64_t length = 0;
  char   *text = NULL;

  if (!get (engine->plan, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 0, NULL, &length)
      || length <= 0 || wct_alloc ((size_t)length, 1, "convolution's plan", &text, NULL) != WCT_OK)
    return false;
  if (!get (engine->plan, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, (size_t)length, text,
            &length))
    {
      wct_free (&text);
      return false;
    }
  *json = text;
  *size = (size_t)length;
  return true;
}

int
wct_engine_number (const WctEngine *engine)
{
  cudnnBackendDescriptor_t from = engine->config == NULL ? NULL : engine_of (engine->config);
  int64_t                  count = 0, number = -1;

  if (from != NULL && !get (from, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &number, &count))
    number = -1;
  wct_engine_drop (&from);
  return (int)number;
}
