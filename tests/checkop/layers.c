/* Lists of layers, from a single one (an operation) to whole encoders and decoders. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkop.h"
#include "layer-case.h"
#include "mem.h"
#include "naive.h"

#define WORK_MAX 3e7 /* multiply-adds of a case: the plain formulas take a tenth of a second for them */

/* A sum of n products in float is off by about √n ε of its terms: some ε Σ|w||x|. Winograd F(4,3) goes through
 * transforms with coefficients up to 8 that mix 6×6 neighbors: some more, relative to the largest Σ|w||x| around.
 * Random weights of variance 1 / (9 n) pass a layer's error on to the next as large as it was, so a list's errors add
 * up. */
#define FLOAT_ULPS 64
static const char why_float[] =
  "float sums and Winograd transforms, which mix a tile of 6×6: 64 ε Σ|w||x| of each convolution";

/* The reference sums in double and rounds once for each layer; in another order the sum may round to the neighbor. */
#define DOUBLE_ULPS 2
static const char why_double[] = "double sums, rounded once: 2 ε Σ|w||x| of each convolution";

/* ---- Running ------------------------------------------------------------------------------------------------ */

static void
expect (Checker *checker, const LayerCase *layers, const Buffer *in, Buffer *out)
{
  WctTensor *from = NULL, *to = NULL;
  WctPlan   *plan = NULL;
  WctError   err;
  WctStatus  status = WCT_OK;

  if (checker->oracle == NULL)
    {
      naive_layers (layers->layers, layers->count, layers->in, in->values, out->values);
      return;
    }

  const WctBackendOps *ops = checker->oracle->ops;
  void                *ctx = checker->oracle->ctx;
  WCT_TRY (ops->tensor_new (ctx, layers->in, &from, &err));
  WCT_TRY (ops->tensor_new (ctx, layers->out, &to, &err));
  WCT_TRY (ops->upload (ctx, in->values, from, &err));
  WCT_TRY (ops->plan_new (ctx, layers->layers, layers->count, layers->in, &plan, &err));
  WCT_TRY (ops->plan_run (ctx, plan, from, to, NULL, &err));
  WCT_TRY (ops->download (ctx, to, out->values, &err));

out:
  check_status (checker, status, &err);
  ops->plan_free (ctx, &plan);
  ops->tensor_free (ctx, &to);
  ops->tensor_free (ctx, &from);
}

/* max Σ|w||x| + |b| of one convolution: what its rounding is relative to. */
static double
measure_convolution (Checker *checker, const LayerCase *one, const Buffer *in)
{
  const WctConv *conv = &one->layers[0].conv;
  LayerCase      absolute = *one;
  Buffer         weight = buffer_new ((size_t)conv->in_c * (size_t)conv->out_c * 9);
  Buffer         bias = buffer_new ((size_t)conv->out_c);
  Buffer         input = buffer_new (in->count), output = buffer_new (count_floats (one->out));
  double         largest = 0;

  for (size_t i = 0; i < weight.count; i++)
    weight.values[i] = fabsf (conv->weight[i]);
  for (size_t i = 0; i < bias.count; i++)
    bias.values[i] = fabsf (conv->bias[i]);
  for (size_t i = 0; i < input.count; i++)
    input.values[i] = fabsf (in->values[i]);
  absolute.layers[0].conv.weight = weight.values;
  absolute.layers[0].conv.bias = bias.values;
  expect (checker, &absolute, &input, &output);
  for (size_t i = 0; i < output.count; i++)
    largest = fmax (largest, output.values[i]);
  buffer_free (&output);
  buffer_free (&input);
  buffer_free (&bias);
  buffer_free (&weight);
  return largest;
}

/* The sum over all convolutions of what goes through the list. */
static double
measure_magnitude (Checker *checker, const LayerCase *layers, const Buffer *in)
{
  Buffer   map = buffer_copy (in);
  WctShape shape = layers->in;
  double   sum = 0;

  for (int i = 0; i < layers->count; i++)
    {
      const WctLayer *layer = &layers->layers[i];
      const LayerCase one = { .layers = { *layer }, .count = 1, .in = shape, .out = wct_layer_shape (layer, shape) };
      Buffer          next = buffer_new (count_floats (one.out));

      if (layer->kind == WCT_LAYER_CONV)
        sum += measure_convolution (checker, &one, &map);
      expect (checker, &one, &map, &next);
      buffer_free (&map);
      map = next;
      shape = one.out;
    }
  buffer_free (&map);
  return sum;
}

/* Fills @tensor with what no sum may touch, so that what stays unwritten shows. */
static WctStatus
poison (WctBackend *device, WctTensor *tensor, WctError *err)
{
  Buffer    nans = buffer_new (count_floats (tensor->shape));
  WctStatus status;

  for (size_t i = 0; i < nans.count; i++)
    nans.values[i] = NAN;
  status = device->ops->upload (device->ctx, nans.values, tensor, err);
  buffer_free (&nans);
  return status;
}

/* Twice: the second run finds the scratch that the first one left. */
static WctStatus
run_plan_twice (Checker *checker, WctBackend *device, const LayerCase *layers, WctPlan *plan, const WctTensor *from,
                WctTensor *to, Buffer *out, WctError *err)
{
  const double work = wct_layers_work (layers->layers, layers->count, layers->in);
  Buffer       again = buffer_new (out->count);
  WctMonitor   monitor;
  WctStatus    status;

  for (int run = 0; run < 2; run++)
    {
      Buffer *result = run == 0 ? out : &again;

      wct_monitor_init (&monitor, NULL, work);
      WCT_TRY (poison (device, to, err));
      WCT_TRY (device->ops->plan_run (device->ctx, plan, from, to, &monitor, err));
      WCT_TRY (device->ops->download (device->ctx, to, result->values, err));
      check_canaries (checker, result, "downloaded result");
      check_number (checker, "work that the monitor heard of", monitor.done, work, work * 1e-9,
                    "a sum of pieces, in double");
    }
  check_same_bits (checker, again.values, out->values, out->count * sizeof (float), "a second run of the plan");

out:
  buffer_free (&again);
  return status;
}

static void
run_layers (Checker *checker, WctBackend *device, const LayerCase *layers, Buffer *in, Buffer *out)
{
  const WctBackendOps *ops = device->ops;
  void                *ctx = device->ctx;
  WctTensor           *from = NULL, *to = NULL;
  WctPlan             *plan = NULL;
  Buffer               before = buffer_copy (in), after = buffer_new (in->count);
  WctError             err;
  WctStatus            status;

  WCT_TRY (ops->tensor_new (ctx, layers->in, &from, &err));
  WCT_TRY (ops->tensor_new (ctx, layers->out, &to, &err));
  WCT_TRY (ops->upload (ctx, in->values, from, &err));
  WCT_TRY (ops->plan_new (ctx, layers->layers, layers->count, layers->in, &plan, &err));
  WCT_TRY (run_plan_twice (checker, device, layers, plan, from, to, out, &err));
  WCT_TRY (ops->download (ctx, from, after.values, &err));
  check_canaries (checker, in, "uploaded input");
  check_same_bits (checker, in->values, before.values, in->count * sizeof (float), "the uploaded buffer");
  check_same_bits (checker, after.values, before.values, in->count * sizeof (float), "the input after the run");

out:
  check_status (checker, status, &err);
  ops->plan_free (ctx, &plan);
  ops->tensor_free (ctx, &to);
  ops->tensor_free (ctx, &from);
  buffer_free (&after);
  buffer_free (&before);
}

/* Every number of threads against the first, and that against what is expected. */
static void
check_layers (Checker *checker, LayerCase *layers)
{
  Buffer    in = buffer_new (count_floats (layers->in)), expected = buffer_new (count_floats (layers->out));
  Buffer    first = buffer_new (expected.count);
  const int ulps = checker->oracle == NULL ? DOUBLE_ULPS : FLOAT_ULPS;

  describe (checker, layers);
  buffer_fill (checker, &in, -1, 1);
  expect (checker, layers, &in, &expected);
  run_layers (checker, checker->devices[0], layers, &in, &first);
  for (int i = 1; i < checker->device_count; i++)
    {
      Buffer other = buffer_new (expected.count);

      run_layers (checker, checker->devices[i], layers, &in, &other);
      check_same_bits (checker, other.values, first.values, first.count * sizeof (float), "another number of threads");
      buffer_free (&other);
    }
  const double magnitude = measure_magnitude (checker, layers, &in);
  check_close (checker, layers->out, first.values, expected.values, ulps * FLOAT_EPSILON * magnitude,
               magnitude == 0            ? "values are only moved"
               : checker->oracle == NULL ? why_double
                                         : why_float);
  buffer_free (&first);
  buffer_free (&expected);
  buffer_free (&in);
  free_case (layers);
}

/* ---- Operations --------------------------------------------------------------------------------------------- */

void
check_round_trip (Checker *checker)
{
  const WctShape shape = random_shape (checker);
  Buffer         in = buffer_new (count_floats (shape)), out = buffer_new (in.count);

  snprintf (checker->what, sizeof checker->what, "%dx%dx%d", shape.c, shape.h, shape.w);
  buffer_fill (checker, &in, -1, 1);
  for (int i = 0; i < checker->device_count; i++)
    {
      const WctBackendOps *ops = checker->devices[i]->ops;
      void                *ctx = checker->devices[i]->ctx;
      WctTensor           *tensor = NULL;
      WctError             err;
      WctStatus            status;

      WCT_TRY (ops->tensor_new (ctx, shape, &tensor, &err));
      WCT_TRY (ops->upload (ctx, in.values, tensor, &err));
      WCT_TRY (ops->download (ctx, tensor, out.values, &err));
      check_canaries (checker, &in, "uploaded buffer");
      check_canaries (checker, &out, "downloaded buffer");
      check_same_bits (checker, out.values, in.values, in.count * sizeof (float), "upload, then download");

    out:
      check_status (checker, status, &err);
      ops->tensor_free (ctx, &tensor);
    }
  buffer_free (&out);
  buffer_free (&in);
}

/* @resampling: WCT_LAYER_CONV for none */
static void
check_one_convolution (Checker *checker, int32_t in_c, int32_t out_c, WctLayerKind resampling)
{
  int32_t   height = random_side (checker), width = random_side (checker);
  LayerCase layers;

  limit_work (WORK_MAX, in_c, out_c, &height, &width);
  if (resampling == WCT_LAYER_UPSAMPLE)
    begin_case (&layers, in_c, (height + 1) / 2, (width + 1) / 2);
  else if (resampling == WCT_LAYER_POOL)
    begin_case (&layers, in_c, height * 2, width * 2);
  else
    begin_case (&layers, in_c, height, width);
  if (resampling != WCT_LAYER_CONV)
    add_resampling (&layers, resampling);
  add_convolution (checker, &layers, out_c, random_integer (checker, 0, 1));
  check_layers (checker, &layers);
}

void
check_convolution (Checker *checker)
{
  const int32_t in_c = random_channels (checker);

  check_one_convolution (checker, in_c, random_channels (checker), WCT_LAYER_CONV);
}

/* As deep layers of full-width networks have them: many channels, few positions. */
void
check_wide_convolution (Checker *checker)
{
  const int32_t in_c = 128 * random_integer (checker, 1, 4), out_c = 128 * random_integer (checker, 1, 4);

  check_one_convolution (checker, in_c, out_c, WCT_LAYER_CONV);
}

void
check_first_convolution (Checker *checker)
{
  check_one_convolution (checker, 3, random_channels (checker), WCT_LAYER_CONV);
}

void
check_last_convolution (Checker *checker)
{
  check_one_convolution (checker, random_channels (checker), 3, WCT_LAYER_CONV);
}

void
check_pool_convolution (Checker *checker)
{
  const int32_t in_c = random_channels (checker);

  check_one_convolution (checker, in_c, random_channels (checker), WCT_LAYER_POOL);
}

void
check_upsample_convolution (Checker *checker)
{
  const int32_t in_c = random_channels (checker);

  check_one_convolution (checker, in_c, random_channels (checker), WCT_LAYER_UPSAMPLE);
}

/* Moved values only: no work to limit. */
static void
check_resampling (Checker *checker, WctLayerKind kind)
{
  const WctShape shape = random_shape (checker);
  const int32_t  factor = kind == WCT_LAYER_POOL ? 2 : 1;
  LayerCase      layers;

  begin_case (&layers, shape.c, shape.h * factor, shape.w * factor);
  add_resampling (&layers, kind);
  check_layers (checker, &layers);
}

void
check_pool (Checker *checker)
{
  check_resampling (checker, WCT_LAYER_POOL);
}

void
check_upsample (Checker *checker)
{
  check_resampling (checker, WCT_LAYER_UPSAMPLE);
}

/* ---- Whole networks ----------------------------------------------------------------------------------------- */

void
check_encoder (Checker *checker)
{
  LayerCase layers;

  make_encoder (checker, &layers, random_integer (checker, 1, 9), random_integer (checker, 1, 9));
  check_layers (checker, &layers);
}

void
check_decoder (Checker *checker)
{
  LayerCase layers;

  make_decoder (checker, &layers, random_integer (checker, 1, 9), random_integer (checker, 1, 9));
  check_layers (checker, &layers);
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

/* Blocks are rounded up to cache lines and have headers; small structs are not counted. */
#define MEMORY_SLACK 65536

static void
check_plan_memory (Checker *checker, WctBackend *device, const LayerCase *layers)
{
  const WctBackendOps *ops = device->ops;
  void                *ctx = device->ctx;
  WctTensor           *from = NULL, *to = NULL;
  WctPlan             *plan = NULL;
  size_t               kept, scratch, before = wct_mem_used ();
  WctError             err;
  WctStatus            status;

  WCT_TRY (ops->tensor_new (ctx, layers->in, &from, &err));
  WCT_TRY (ops->tensor_new (ctx, layers->out, &to, &err));
  check_number (checker, "bytes of two tensors", (double)(wct_mem_used () - before),
                (double)(ops->tensor_bytes (ctx, layers->in) + ops->tensor_bytes (ctx, layers->out)), 1024,
                "structs and headers");

  before = wct_mem_used ();
  wct_mem_peak (true);
  WCT_TRY (ops->plan_new (ctx, layers->layers, layers->count, layers->in, &plan, &err));
  kept = ops->plan_memory (ctx, plan);
  scratch = ops->plan_scratch (ctx, plan);
  WCT_TRY (ops->plan_run (ctx, plan, from, to, NULL, &err));
  check_number (checker, "bytes of a plan and its run", (double)(wct_mem_peak (false) - before),
                (double)(kept + scratch), MEMORY_SLACK + 0.1 * (double)(kept + scratch),
                "structs, headers, and a tenth for what is packed besides");

out:
  check_status (checker, status, &err);
  ops->plan_free (ctx, &plan);
  ops->tensor_free (ctx, &to);
  ops->tensor_free (ctx, &from);
}

void
check_memory (Checker *checker)
{
  const int32_t side = random_integer (checker, 16, 48);
  const bool    decoder = random_integer (checker, 0, 1);
  LayerCase     layers;

  if (checker->devices[0]->ops->memory_of_its_own)
    {
      skip_case (checker, "a card's memory is not counted");
      return;
    }
  if (decoder)
    make_decoder (checker, &layers, side, side);
  else
    make_encoder (checker, &layers, side, side);
  describe (checker, &layers);
  for (int i = 0; i < checker->device_count; i++)
    {
      /* A fresh one: scratch that another case left would be used again. */
      const WctBackendInfo *info = wct_backend_info (checker->devices[i]);
      WctBackend           *fresh = NULL;
      WctError              err;
      const WctStatus       status = wct_backend_open (info->name, info->threads, &fresh, &err);

      check_status (checker, status, &err);
      if (status == WCT_OK)
        check_plan_memory (checker, fresh, &layers);
      wct_backend_close (&fresh);
    }
  free_case (&layers);
}
