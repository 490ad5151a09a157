/* What training does value by value: batches that come and go, losses, sums, the optimizer. Each against its formula in
 * double, for any back end. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chain-case.h"

#define BATCH_MAX 5

/* Squares are added in float, lane by lane, some thousand to a sum, and those sums in double: some hundred roundings at
 * most for each lane, which is well below this. */
#define ALLOWED_SUM 2e-6
static const char why_sum[] = "float sums of some thousand values, of the sum of their sizes";

static const char why_rounding[] = "a few roundings to float";

typedef struct
{
  int32_t  count;
  WctShape shape;
  size_t   values;
} BatchCase;

static BatchCase
random_batch (Checker *checker)
{
  BatchCase batch = { .count = random_integer (checker, 1, BATCH_MAX), .shape = random_shape (checker) };

  batch.values = batch_floats (batch.count, batch.shape);
  snprintf (checker->what, sizeof checker->what, "%d of %dx%dx%d", batch.count, batch.shape.c, batch.shape.h,
            batch.shape.w);
  return batch;
}

static Buffer
random_values (Checker *checker, const BatchCase *batch)
{
  Buffer buffer = buffer_new (batch->values);

  buffer_fill (checker, &buffer, -1, 1);
  return buffer;
}

/* A batch with these values; NULL after a failure, which is noted. */
static WctBatch *
uploaded (Checker *checker, const BatchCase *batch, const Buffer *values)
{
  const WctBackend *device = checker->devices[0];
  WctBatch         *out = NULL;
  WctError          err;
  WctStatus         status;

  WCT_TRY (device->ops->training->batch_new (device->ctx, batch->count, batch->shape, &out, &err));
  WCT_TRY (device->ops->training->batch_upload (device->ctx, values->values, out, &err));

out:
  check_status (checker, status, &err);
  return out;
}

static void
download (Checker *checker, const WctBatch *batch, Buffer *out)
{
  const WctBackend *device = checker->devices[0];
  WctError          err;

  check_status (checker, device->ops->training->batch_download (device->ctx, batch, out->values, &err), &err);
  check_canaries (checker, out, "downloaded batch");
}

static void
free_batch (Checker *checker, WctBatch **batch)
{
  checker->devices[0]->ops->training->batch_free (checker->devices[0]->ctx, batch);
}

static void
check_value (Checker *checker, const char *what, size_t index, double got, double expected, double allowed)
{
  char text[64];

  if (fabs (got - expected) <= allowed)
    {
      note_share (checker, fabs (got - expected), allowed);
      return;
    }
  snprintf (text, sizeof text, "%s %zu", what, index);
  check_number (checker, text, got, expected, allowed, why_rounding);
}

/* ---- Batches -------------------------------------------------------------------------------------------------- */

void
check_train_batch (Checker *checker)
{
  if (!trains (checker))
    return;
  const BatchCase batch = random_batch (checker);
  Buffer          in = random_values (checker, &batch), before = buffer_copy (&in), out = buffer_new (in.count);
  WctBatch       *own = uploaded (checker, &batch, &in);

  if (own != NULL)
    {
      check_number (checker, "maps of a new batch", own->count, batch.count, 0, "a count");
      check_same_bits (checker, &own->shape, &batch.shape, sizeof batch.shape, "shape of a new batch");
      download (checker, own, &out);
    }
  check_canaries (checker, &in, "uploaded buffer");
  check_same_bits (checker, in.values, before.values, in.count * sizeof (float), "the uploaded buffer");
  check_same_bits (checker, out.values, in.values, in.count * sizeof (float), "upload, then download");
  free_batch (checker, &own);
  buffer_free (&out);
  buffer_free (&before);
  buffer_free (&in);
}

/* ---- Losses --------------------------------------------------------------------------------------------------- */

static void
check_error_gradient (Checker *checker, const Buffer *a, const Buffer *b, const Buffer *start, float scale, bool add,
                      const Buffer *got)
{
  for (size_t i = 0; i < got->count; i++)
    {
      const double own = 2.0 * scale * ((double)a->values[i] - (double)b->values[i]);
      const double kept = add ? start->values[i] : 0;

      check_value (checker, "gradient of value", i, got->values[i], kept + own,
                   4 * FLOAT_EPSILON
                     * (fabs (kept) + 2 * fabs (scale) * (fabsf (a->values[i]) + fabsf (b->values[i]))));
    }
}

/* Twice: once with a gradient and once without, the same bits. */
static void
compare_squared_error (Checker *checker, const WctBatch *a, const WctBatch *b, float scale, bool add,
                       WctBatch *gradient, double expected)
{
  const WctBackend *device = checker->devices[0];
  double            sum = NAN, again = NAN;
  WctError          err;
  WctStatus         status;

  WCT_TRY (device->ops->training->squared_error (device->ctx, a, b, scale, add, gradient, &sum, &err));
  WCT_TRY (device->ops->training->squared_error (device->ctx, a, b, scale, add, NULL, &again, &err));
  check_number (checker, "squared error", sum, expected, ALLOWED_SUM * expected, why_sum);
  check_same_bits (checker, &again, &sum, sizeof sum, "squared error without a gradient");

out:
  check_status (checker, status, &err);
}

void
check_train_squared_error (Checker *checker)
{
  if (!trains (checker))
    return;
  const float     scale = (float)random_number (checker, 0.001, 2);
  const bool      add = random_integer (checker, 0, 1);
  const BatchCase batch = random_batch (checker);
  Buffer          a = random_values (checker, &batch), b = random_values (checker, &batch);
  Buffer          start = random_values (checker, &batch), got = buffer_new (batch.values);
  double          expected = 0;

  for (size_t i = 0; i < batch.values; i++)
    expected += ((double)a.values[i] - b.values[i]) * ((double)a.values[i] - b.values[i]);
  if (!add) /* what was there must not matter */
    start.values[next_random (checker) % start.count] = NAN;
  WctBatch *first = uploaded (checker, &batch, &a), *second = uploaded (checker, &batch, &b);
  WctBatch *gradient = uploaded (checker, &batch, &start);
  if (!checker->failed)
    {
      compare_squared_error (checker, first, second, scale, add, gradient, expected);
      download (checker, gradient, &got);
      check_error_gradient (checker, &a, &b, &start, scale, add, &got);
    }
  free_batch (checker, &gradient);
  free_batch (checker, &second);
  free_batch (checker, &first);
  buffer_free (&got);
  buffer_free (&start);
  buffer_free (&b);
  buffer_free (&a);
}

void
check_train_sums (Checker *checker)
{
  if (!trains (checker))
    return;
  const WctBackend *device = checker->devices[0];
  const BatchCase   batch = random_batch (checker);
  Buffer            in = random_values (checker, &batch);
  WctBatch         *own = uploaded (checker, &batch, &in);
  double            sizes = 0, expected = 0, expected_squares = 0, got[2] = { NAN, NAN }, again[2] = { NAN, NAN };
  WctError          err;
  WctStatus         status;

  for (size_t i = 0; i < in.count; i++)
    {
      sizes += fabsf (in.values[i]);
      expected += in.values[i];
      expected_squares += (double)in.values[i] * in.values[i];
    }
  WCT_TRY (device->ops->training->sums (device->ctx, own, &got[0], &got[1], &err));
  WCT_TRY (device->ops->training->sums (device->ctx, own, &again[0], &again[1], &err));
  check_number (checker, "sum", got[0], expected, ALLOWED_SUM * sizes, why_sum);
  check_number (checker, "sum of squares", got[1], expected_squares, ALLOWED_SUM * expected_squares, why_sum);
  check_same_bits (checker, again, got, sizeof got, "sums once more");

out:
  check_status (checker, status, &err);
  free_batch (checker, &own);
  buffer_free (&in);
}

void
check_train_accumulate (Checker *checker)
{
  if (!trains (checker))
    return;
  const WctBackend *device = checker->devices[0];
  const BatchCase   batch = random_batch (checker);
  Buffer            from = random_values (checker, &batch), to = random_values (checker, &batch);
  Buffer            sum = buffer_new (batch.values), got = buffer_new (batch.values);
  WctBatch         *added = uploaded (checker, &batch, &from), *own = uploaded (checker, &batch, &to);
  WctError          err;

  for (size_t i = 0; i < batch.values; i++)
    sum.values[i] = to.values[i] + from.values[i];
  check_status (checker, device->ops->training->accumulate (device->ctx, added, own, &err), &err);
  download (checker, own, &got);
  check_same_bits (checker, got.values, sum.values, sum.count * sizeof (float), "sum of two batches");
  download (checker, added, &got);
  check_same_bits (checker, got.values, from.values, from.count * sizeof (float), "the batch that was added");
  free_batch (checker, &own);
  free_batch (checker, &added);
  buffer_free (&got);
  buffer_free (&sum);
  buffer_free (&to);
  buffer_free (&from);
}

/* ---- Parameters ------------------------------------------------------------------------------------------------ */

#define PARAMETERS_MAX 40000
#define SUMMED_MAX     5

/* A copy in the back end's own memory, which is 0 before; NULL after a failure. */
static float *
own_memory (Checker *checker, const Buffer *values)
{
  const WctBackend *device = checker->devices[0];
  float            *memory = NULL;
  WctError          err;

  check_status (checker,
                device->ops->training->memory_new (device->ctx, values->count, "a test's values", &memory, &err), &err);
  for (size_t i = 0; i < values->count && memory != NULL; i++)
    {
      check_value (checker, "new memory", i, memory[i], 0, 0);
      memory[i] = values->values[i];
    }
  return memory;
}

/* The second half, then all. */
static void
check_cleared (Checker *checker, float *memory, size_t count)
{
  const WctBackend     *device = checker->devices[0];
  const WctTrainingOps *ops = device->ops->training;
  Buffer                expected = buffer_new (count);
  WctError              err;

  memcpy (expected.values, memory, count / 2 * sizeof (float));
  check_status (checker, ops->memory_clear (device->ctx, memory + count / 2, count - count / 2, &err), &err);
  check_same_bits (checker, memory, expected.values, count * sizeof (float), "memory of which half was cleared");
  memset (expected.values, 0, count * sizeof (float));
  check_status (checker, ops->memory_clear (device->ctx, memory, count, &err), &err);
  check_same_bits (checker, memory, expected.values, count * sizeof (float), "memory that was cleared");
  buffer_free (&expected);
}

/* Sums and their norm, of any memory. */
static void
sum_and_measure (Checker *checker, const float *lanes, int count, size_t stride, size_t summed, float *out,
                 double *squares)
{
  const WctBackend *device = checker->devices[0];
  WctError          err;

  check_status (checker, device->ops->training->sum_lanes (device->ctx, lanes, count, stride, summed, out, &err), &err);
  check_status (checker, device->ops->training->norm (device->ctx, out, summed, squares, &err), &err);
}

/* In memory of the program's, then in the back end's: the same bits. */
void
check_train_parameters (Checker *checker)
{
  if (!trains (checker))
    return;
  const int         count = random_integer (checker, 1, SUMMED_MAX);
  const size_t      stride = (size_t)random_integer (checker, 1, PARAMETERS_MAX);
  const size_t      summed = 1 + next_random (checker) % stride;
  Buffer            lanes = buffer_new (stride * (size_t)count), sum = buffer_new (summed), got = buffer_new (summed);
  double            expected = 0, squares = NAN, again = NAN;
  const WctBackend *device = checker->devices[0];

  snprintf (checker->what, sizeof checker->what, "%zu of %d lanes of %zu", summed, count, stride);
  buffer_fill (checker, &lanes, -1, 1);
  for (size_t i = 0; i < summed; i++)
    {
      for (size_t lane = 0; lane < (size_t)count; lane++)
        sum.values[i] += lanes.values[lane * stride + i];
      expected += (double)sum.values[i] * sum.values[i];
    }
  sum_and_measure (checker, lanes.values, count, stride, summed, got.values, &squares);
  check_canaries (checker, &got, "sums of lanes");
  check_same_bits (checker, got.values, sum.values, summed * sizeof (float), "sums of lanes");
  check_number (checker, "sum of squares", squares, expected, 1e-12 * expected, "double sums");

  float *own_lanes = own_memory (checker, &lanes), *own_sum = own_memory (checker, &got);
  if (own_lanes != NULL && own_sum != NULL)
    {
      check_cleared (checker, own_sum, summed);
      sum_and_measure (checker, own_lanes, count, stride, summed, own_sum, &again);
      check_same_bits (checker, own_sum, sum.values, summed * sizeof (float), "sums of lanes in the back end's memory");
      check_same_bits (checker, &again, &squares, sizeof again, "sum of squares in the back end's memory");
    }
  device->ops->training->memory_free (device->ctx, &own_lanes);
  device->ops->training->memory_free (device->ctx, &own_sum);
  buffer_free (&got);
  buffer_free (&sum);
  buffer_free (&lanes);
}

/* ---- Adam ----------------------------------------------------------------------------------------------------- */

#define ADAM_PARAMETERS_MAX 3000
#define ADAM_STEPS          5

typedef struct
{
  Buffer parameters, first, second, average;
} AdamState;

static AdamState
adam_state_copy (const AdamState *state)
{
  return (AdamState){ buffer_copy (&state->parameters), buffer_copy (&state->first), buffer_copy (&state->second),
                      buffer_copy (&state->average) };
}

static void
adam_state_free (AdamState *state)
{
  buffer_free (&state->parameters);
  buffer_free (&state->first);
  buffer_free (&state->second);
  buffer_free (&state->average);
}

/* Values @from to @to alone. */
static void
run_adam (Checker *checker, const WctAdamStep *step, const Buffer *gradient, bool averaged, AdamState *state,
          size_t from, size_t to)
{
  const WctBackend *device = checker->devices[0];
  WctError          err;

  check_status (checker,
                device->ops->training->adam (device->ctx, step, gradient->values + from,
                                             state->parameters.values + from, state->first.values + from,
                                             state->second.values + from, to - from,
                                             averaged ? state->average.values + from : NULL, &err),
                &err);
  check_canaries (checker, &state->parameters, "parameters");
  check_canaries (checker, &state->first, "first moments");
  check_canaries (checker, &state->second, "second moments");
  check_canaries (checker, &state->average, "average");
}

/* From the state before, as the formula has it. */
static void
compare_adam (Checker *checker, const WctAdamStep *step, const Buffer *gradient, bool averaged, const AdamState *before,
              const AdamState *got)
{
  const double beta1 = step->beta1, beta2 = step->beta2;

  for (size_t i = 0; i < gradient->count; i++)
    {
      const double g = (double)gradient->values[i] * step->gradient_scale;
      const double first = beta1 * before->first.values[i] + (1 - beta1) * g;
      const double second = beta2 * before->second.values[i] + (1 - beta2) * g * g;
      const double change =
        step->rate * (first / step->correction1) / (sqrt (second / step->correction2) + step->epsilon);
      const double parameter = before->parameters.values[i];
      const double first_terms = beta1 * fabsf (before->first.values[i]) + (1 - beta1) * fabs (g);
      const double average = before->average.values[i], own = got->parameters.values[i];
      const double followed = averaged ? average + (1 - (double)step->average_decay) * (own - average) : average;
      const double change_terms = fabs (change) + step->rate * first_terms / (sqrt (second) + step->epsilon);

      check_value (checker, "first moment", i, got->first.values[i], first, 4 * FLOAT_EPSILON * first_terms);
      check_value (checker, "second moment", i, got->second.values[i], second, 8 * FLOAT_EPSILON * second);
      check_value (checker, "parameter", i, got->parameters.values[i], parameter - change,
                   2 * FLOAT_EPSILON * fabs (parameter) + 16 * FLOAT_EPSILON * change_terms / step->correction1);
      check_value (checker, "average", i, got->average.values[i], followed,
                   averaged ? 4 * FLOAT_EPSILON * (fabs (average) + fabs (own)) : 0);
    }
}

/* The same in memory of the back end's. */
static void
check_adam_in_place (Checker *checker, const WctAdamStep *step, const Buffer *gradient, const AdamState *before,
                     const AdamState *after)
{
  const WctBackend   *device = checker->devices[0];
  const size_t        bytes = gradient->count * sizeof (float);
  const Buffer *const from[5] = { gradient, &before->parameters, &before->first, &before->second, &before->average };
  const Buffer *const to[5] = { gradient, &after->parameters, &after->first, &after->second, &after->average };
  float              *own[5];
  WctError            err;

  for (int i = 0; i < 5; i++)
    own[i] = own_memory (checker, from[i]);
  if (!checker->failed)
    check_status (
      checker,
      device->ops->training->adam (device->ctx, step, own[0], own[1], own[2], own[3], gradient->count, own[4], &err),
      &err);
  for (int i = 0; i < 5; i++)
    {
      if (!checker->failed)
        check_same_bits (checker, own[i], to[i]->values, bytes, "a step in the back end's memory");
      device->ops->training->memory_free (device->ctx, &own[i]);
    }
}

static void
check_adam_step (Checker *checker, const WctAdamStep *step, const Buffer *gradient, bool averaged, AdamState *state)
{
  const size_t count = gradient->count, cut = next_random (checker) % (count + 1);
  AdamState    before = adam_state_copy (state), parts = adam_state_copy (state);
  Buffer       untouched = buffer_copy (gradient);

  run_adam (checker, step, gradient, averaged, state, 0, count);
  compare_adam (checker, step, gradient, averaged, &before, state);
  if (averaged)
    check_adam_in_place (checker, step, gradient, &before, state);
  run_adam (checker, step, gradient, averaged, &parts, cut, count);
  run_adam (checker, step, gradient, averaged, &parts, 0, cut);
  check_same_bits (checker, parts.parameters.values, state->parameters.values, count * sizeof (float),
                   "parameters, in two parts");
  check_same_bits (checker, parts.first.values, state->first.values, count * sizeof (float),
                   "first moments, in two parts");
  check_same_bits (checker, parts.second.values, state->second.values, count * sizeof (float),
                   "second moments, in two parts");
  check_same_bits (checker, parts.average.values, state->average.values, count * sizeof (float),
                   "the average, in two parts");
  check_same_bits (checker, gradient->values, untouched.values, count * sizeof (float), "the gradient");
  buffer_free (&untouched);
  adam_state_free (&parts);
  adam_state_free (&before);
}

/* Gradients of very different sizes, and some of 0. */
static void
draw_gradient (Checker *checker, Buffer *gradient)
{
  for (size_t i = 0; i < gradient->count; i++)
    gradient->values[i] = next_random (checker) % 8 == 0
                            ? 0
                            : (float)(random_number (checker, -1, 1) * pow (10, random_number (checker, -6, 3)));
}

void
check_train_adam (Checker *checker)
{
  if (!trains (checker))
    return;
  const size_t count = (size_t)random_integer (checker, 1, ADAM_PARAMETERS_MAX);
  const bool   averaged = random_integer (checker, 0, 1);
  AdamState    state = { buffer_new (count), buffer_new (count), buffer_new (count), buffer_new (count) };
  Buffer       gradient = buffer_new (count);
  WctAdamStep  step = { .rate = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f };

  snprintf (checker->what, sizeof checker->what, "%zu parameters%s", count, averaged ? ", averaged" : "");
  buffer_fill (checker, &state.parameters, -1, 1);
  buffer_fill (checker, &state.average, -1, 1);
  for (int i = 1; i <= ADAM_STEPS; i++)
    {
      step.correction1 = 1 - pow (step.beta1, i);
      step.correction2 = 1 - pow (step.beta2, i);
      step.gradient_scale = (float)random_number (checker, 0.01, 2);
      step.average_decay = (float)random_number (checker, 0, 1);
      draw_gradient (checker, &gradient);
      check_adam_step (checker, &step, &gradient, averaged, &state);
    }
  buffer_free (&gradient);
  adam_state_free (&state);
}
