/* What chains share, keep and are made of: packed weights, threads, memory, and factors of less precision. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "chain-case.h"
#include "mem.h"

#define USES_ALL (WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS)

static const int32_t compact_channels[5] = { 16, 32, 64, 128, 128 };

static ChainCase
small_decoder (Checker *checker)
{
  ChainCase chain = { .count = random_integer (checker, 1, 3) };

  make_decoder (checker, &chain.layers, random_integer (checker, 1, 6), random_integer (checker, 1, 6));
  strengthen_weights (&chain.layers);
  begin_values (&chain);
  draw_values (checker, &chain);
  describe_chain (checker, &chain);
  return chain;
}

/* ---- Packing -------------------------------------------------------------------------------------------------- */

static void
change_weights (Checker *checker, LayerCase *layers)
{
  for (int i = 0; i < layers->count; i++)
    {
      for (size_t k = 0; k < layers->weights[i].count; k++)
        layers->weights[i].values[k] *= (float)random_number (checker, 0.5, 1.5);
      for (size_t k = 0; k < layers->biases[i].count; k++)
        layers->biases[i].values[k] += (float)random_number (checker, -0.1, 0.1);
    }
}

static WctStatus
pack_all (const ChainCase *chain, const ChainRun *run, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < chain->layers.count && status == WCT_OK; i++)
    status = run->backend->ops->training->pack (run->backend->ctx, run->packing, i, err);
  return status;
}

static void
check_same_result (Checker *checker, const ChainResult *got, const ChainResult *expected, const char *when)
{
  char what[96];

  snprintf (what, sizeof what, "result %s", when);
  check_same_bits (checker, got->out.values, expected->out.values, got->out.count * sizeof (float), what);
  snprintf (what, sizeof what, "gradient of the input %s", when);
  check_same_bits (checker, got->in_gradient.values, expected->in_gradient.values,
                   got->in_gradient.count * sizeof (float), what);
  snprintf (what, sizeof what, "weight gradients %s", when);
  check_same_bits (checker, got->weight_gradients.values, expected->weight_gradients.values,
                   got->weight_gradients.count * sizeof (float), what);
}

/* Weights are read by pack only, and a chain made after packing finds them, too. */
void
check_train_packing (Checker *checker)
{
  WctBackend *device = checker->devices[0];
  ChainRun    run = { .backend = device }, late = { .backend = device };
  WctError    err;
  WctStatus   status;

  if (!trains (checker))
    return;
  ChainCase   chain = small_decoder (checker);
  ChainResult old = run_whole_chain (checker, &chain, device, WCT_PRECISION_F32, USES_ALL), changed = { 0 };
  ChainResult unpacked = chain_result_new (&chain, USES_ALL), packed = chain_result_new (&chain, USES_ALL);
  ChainResult later = chain_result_new (&chain, USES_ALL);

  WCT_TRY (chain_run_new (&chain, device, WCT_PRECISION_F32, USES_ALL, NULL, &run, &err));
  change_weights (checker, &chain.layers);
  WCT_TRY (chain_run (checker, &chain, &run, &unpacked, &err));
  check_same_result (checker, &unpacked, &old, "of weights that were changed but not packed again");
  WCT_TRY (pack_all (&chain, &run, &err));
  WCT_TRY (chain_run (checker, &chain, &run, &packed, &err));
  changed = run_whole_chain (checker, &chain, device, WCT_PRECISION_F32, USES_ALL);
  check_same_result (checker, &packed, &changed, "of weights that were packed again");
  WCT_TRY (chain_run_new (&chain, device, WCT_PRECISION_F32, USES_ALL, run.packing, &late, &err));
  WCT_TRY (chain_run (checker, &chain, &late, &later, &err));
  check_same_result (checker, &later, &changed, "of a chain made after packing");

out:
  check_status (checker, status, &err);
  chain_run_free (&late, true);
  chain_run_free (&run, false);
  chain_result_free (&later);
  chain_result_free (&packed);
  chain_result_free (&unpacked);
  chain_result_free (&changed);
  chain_result_free (&old);
  free_chain_case (&chain);
}

/* ---- Threads -------------------------------------------------------------------------------------------------- */

#define LANES       2
#define LANE_ROUNDS 4

/* One thread's: its chain, on weights that all share. */
typedef struct
{
  Checker     checker; /* its own, for what it claims */
  ChainCase   chain;   /* layers are the first lane's */
  ChainRun    run;
  ChainResult alone, together;
  WctStatus   status;
  WctError    err;
} Lane;

static WctStatus
run_lane_from_zero (Lane *lane, ChainResult *result)
{
  memset (result->weight_gradients.values, 0, result->weight_gradients.count * sizeof (float));
  return chain_run (&lane->checker, &lane->chain, &lane->run, result, &lane->err);
}

static void *
run_lane (void *data)
{
  Lane *lane = data;

  for (int i = 0; i < LANE_ROUNDS && lane->status == WCT_OK; i++)
    lane->status = run_lane_from_zero (lane, &lane->together);
  return NULL;
}

static void
begin_lane (Checker *checker, Lane *lane, Lane *first)
{
  lane->checker = *checker;
  if (lane == first)
    lane->chain = small_decoder (checker);
  else
    {
      lane->chain.layers = first->chain.layers;
      lane->chain.count = first->chain.count;
      begin_values (&lane->chain);
      draw_values (checker, &lane->chain);
    }
  lane->alone = chain_result_new (&lane->chain, USES_ALL);
  lane->together = chain_result_new (&lane->chain, USES_ALL);
  lane->status = chain_run_new (&lane->chain, checker->devices[0], WCT_PRECISION_F32, USES_ALL,
                                lane == first ? NULL : first->run.packing, &lane->run, &lane->err);
  if (lane->status == WCT_OK)
    lane->status = run_lane_from_zero (lane, &lane->alone);
}

static void
end_lane (Checker *checker, Lane *lane, bool first)
{
  check_status (checker, lane->status, &lane->err);
  if (lane->checker.failed)
    fail_case (checker, "%s", lane->checker.failure);
  check_same_result (checker, &lane->together, &lane->alone, "beside another thread");
  chain_run_free (&lane->run, !first);
  chain_result_free (&lane->alone);
  chain_result_free (&lane->together);
  buffer_free (&lane->chain.in);
  buffer_free (&lane->chain.out_gradient);
  if (first)
    free_case (&lane->chain.layers);
}

void
check_train_threads (Checker *checker)
{
  Lane      lanes[LANES];
  pthread_t threads[LANES];

  if (!trains (checker))
    return;
  memset (lanes, 0, sizeof lanes);
  for (int i = 0; i < LANES; i++)
    begin_lane (checker, &lanes[i], &lanes[0]);
  for (int i = 0; i < LANES; i++)
    if (pthread_create (&threads[i], NULL, run_lane, &lanes[i]) != 0)
      {
        fail_case (checker, "thread %d could not be started", i);
        run_lane (&lanes[i]);
        threads[i] = pthread_self ();
      }
  for (int i = 0; i < LANES; i++)
    if (!pthread_equal (threads[i], pthread_self ()))
      pthread_join (threads[i], NULL);
  for (int i = LANES - 1; i >= 0; i--)
    end_lane (checker, &lanes[i], i == 0);
}

/* ---- Memory --------------------------------------------------------------------------------------------------- */

/* Blocks are rounded up to cache lines and have headers; lists of steps are not counted. */
#define MEMORY_SLACK 32768

/* The first chain may add forms of weights to the packing: the second is measured. */
void
check_train_memory (Checker *checker)
{
  WctBackend    *device = checker->devices[0];
  const unsigned uses = (unsigned)random_integer (checker, WCT_CHAIN_FORWARD, USES_ALL);
  const size_t   at_first = wct_mem_used ();
  ChainRun       run = { .backend = device };
  WctChain      *second = NULL;
  WctError       err;
  WctStatus      status;

  if (!trains (checker))
    return;
  ChainCase chain = { .count = random_integer (checker, 1, 4) };
  make_whole_decoder (checker, &chain.layers, compact_channels, checker->index % 5 + 1, 64, 64);
  begin_values (&chain);
  describe_chain (checker, &chain);
  WCT_TRY (chain_run_new (&chain, device, WCT_PRECISION_F32, uses, NULL, &run, &err));
  const size_t before = wct_mem_used ();
  WCT_TRY (
    device->ops->training->chain_new (device->ctx, run.packing, chain.layers.in, chain.count, uses, &second, &err));
  const size_t foretold = device->ops->training->chain_bytes (device->ctx, second);
  if (!device->ops->memory_of_its_own)
    check_number (checker, "bytes of a chain", (double)(wct_mem_used () - before), (double)foretold,
                  MEMORY_SLACK + 0.01 * (double)foretold, "structs, headers, and rounding up");

out:
  check_status (checker, status, &err);
  device->ops->training->chain_free (device->ctx, &second);
  chain_run_free (&run, false);
  check_number (checker, "bytes left when all is freed", (double)wct_mem_used (), (double)at_first, 0, "none");
  free_chain_case (&chain);
}

/* Parameters and gradients in memory of the back end's give the same bits as in any other. */
void
check_train_in_place (Checker *checker)
{
  WctBackend           *device = checker->devices[0];
  const WctTrainingOps *ops = device->ops->training;
  ChainRun              run = { .backend = device };
  float                *parameters = NULL, *gradients = NULL;
  WctError              err;
  WctStatus             status;

  if (!trains (checker))
    return;
  ChainCase    chain = small_decoder (checker);
  const size_t count = chain_parameters (&chain);
  ChainResult  expected = run_whole_chain (checker, &chain, device, WCT_PRECISION_F32, USES_ALL);
  ChainResult  got = chain_result_new (&chain, USES_ALL);

  WCT_TRY (ops->memory_new (device->ctx, count, "a test's parameters", &parameters, &err));
  WCT_TRY (ops->memory_new (device->ctx, count, "a test's gradients", &gradients, &err));
  for (int i = 0; i < chain.layers.count; i++)
    {
      const Buffer *weights = &chain.layers.weights[i], *biases = &chain.layers.biases[i];
      float        *to = parameters + wct_layers_parameters (chain.layers.layers, i);

      if (weights->count == 0)
        continue;
      chain.layers.layers[i].conv.weight = memcpy (to, weights->values, weights->count * sizeof (float));
      chain.layers.layers[i].conv.bias = memcpy (to + weights->count, biases->values, biases->count * sizeof (float));
    }
  WCT_TRY (chain_run_new (&chain, device, WCT_PRECISION_F32, USES_ALL, NULL, &run, &err));
  WCT_TRY (ops->forward (device->ctx, run.chain, run.in, run.out, &err));
  WCT_TRY (ops->batch_download (device->ctx, run.out, got.out.values, &err));
  WCT_TRY (ops->batch_upload (device->ctx, chain.out_gradient.values, run.out_gradient, &err));
  WCT_TRY (ops->backward (device->ctx, run.chain, run.out_gradient, run.in_gradient, gradients, &err));
  memcpy (got.weight_gradients.values, gradients, count * sizeof (float));
  WCT_TRY (ops->batch_download (device->ctx, run.in_gradient, got.in_gradient.values, &err));
  check_same_result (checker, &got, &expected, "in the back end's memory");

out:
  check_status (checker, status, &err);
  chain_run_free (&run, false);
  ops->memory_free (device->ctx, &gradients);
  ops->memory_free (device->ctx, &parameters);
  chain_result_free (&got);
  chain_result_free (&expected);
  free_chain_case (&chain);
}

/* ---- Factors of less precision ---------------------------------------------------------------------------------- */

/* A factor is off by 1/512 at most, by some 1/900 as a rule, and so are sums of products of two, where the products'
 * signs are random. */
#define ALLOWED_BF16 1e-2
static const char why_bf16[] = "factors of 8 bits: 1/512 at most for each";

/* Independent errors of up to 17 layers: some four times one layer's. */
#define ALLOWED_BF16_DEEP 3e-2
static const char why_bf16_deep[] = "factors of 8 bits in every layer";

/* An eighth of bf16's. */
#define ALLOWED_F16 1.25e-3
static const char why_f16[] = "factors of 11 bits: 1/4096 at most for each";

static bool
has_precision (Checker *checker, WctPrecision precision)
{
  const WctBackend *device = checker->devices[0];
  WctError          err;

  if (!trains (checker))
    return false;
  if (device->ops->training->check_precision (device->ctx, precision, &err) == WCT_OK)
    return checker->oracle != NULL;
  skip_case (checker, err.message);
  return false;
}

/* No gradient to results that rounding puts on the other side of 0: of one layer, the rest has to agree. */
static void
stop_where_sides_differ (Checker *checker, ChainCase *chain, WctPrecision precision)
{
  ChainResult exact = run_whole_chain (checker, chain, checker->oracle, WCT_PRECISION_F32, WCT_CHAIN_FORWARD);
  ChainResult rough = run_whole_chain (checker, chain, checker->devices[0], precision, WCT_CHAIN_FORWARD);

  for (size_t i = 0; i < chain->out_gradient.count; i++)
    if ((exact.out.values[i] > 0) != (rough.out.values[i] > 0))
      chain->out_gradient.values[i] = 0;
  chain_result_free (&rough);
  chain_result_free (&exact);
}

static bool
are_finite (const Buffer *values)
{
  for (size_t i = 0; i < values->count; i++)
    if (!isfinite (values->values[i]))
      return false;
  return true;
}

/* Until gradients fit into f16, as a trainer does that skips such steps; the back end scales them less each time. */
#define OVERFLOWS_MAX 40

static ChainResult
run_until_finite (Checker *checker, const ChainCase *chain, WctPrecision precision)
{
  for (int i = 0;; i++)
    {
      ChainResult result = run_whole_chain (checker, chain, checker->devices[0], precision, USES_ALL);

      if (checker->failed || (are_finite (&result.weight_gradients) && are_finite (&result.in_gradient)))
        return result;
      if (i == OVERFLOWS_MAX)
        {
          fail_case (checker, "gradients are still not finite when run %d times", OVERFLOWS_MAX);
          return result;
        }
      chain_result_free (&result);
    }
}

static void
compare_precisions (Checker *checker, const ChainCase *chain, WctPrecision precision, double allowed, const char *why)
{
  ChainResult expected = run_whole_chain (checker, chain, checker->oracle, WCT_PRECISION_F32, USES_ALL);
  ChainResult got = run_until_finite (checker, chain, precision);

  check_chain_result (checker, chain, &got, &expected, allowed, why);
  chain_result_free (&got);
  chain_result_free (&expected);
}

static void
check_one_layer (Checker *checker, WctPrecision precision, double allowed, const char *why)
{
  const int32_t widths[] = { 3, 16, 17, 24, 64, 100, 128, 256 };
  const int32_t in_c = widths[random_integer (checker, 0, 7)], out_c = widths[random_integer (checker, 0, 7)];
  const bool    embeds = random_integer (checker, 0, 3) == 0, upsamples = random_integer (checker, 0, 3) == 0;
  const bool    relu = random_integer (checker, 0, 1);
  int32_t       height = random_integer (checker, 8, 40), width = random_integer (checker, 8, 40);
  ChainCase     chain = { .count = random_integer (checker, 1, 4) };

  if (!has_precision (checker, precision))
    return;
  limit_work (2e7 / chain.count, in_c, out_c, &height, &width);
  begin_case (&chain.layers, in_c, height, width);
  if (upsamples)
    add_resampling (&chain.layers, WCT_LAYER_UPSAMPLE);
  if (embeds)
    add_embedding (checker, &chain.layers, out_c, relu);
  else
    add_convolution (checker, &chain.layers, out_c, relu);
  begin_values (&chain);
  draw_values (checker, &chain);
  describe_chain (checker, &chain);
  if (relu)
    stop_where_sides_differ (checker, &chain, precision);
  compare_precisions (checker, &chain, precision, allowed, why);
  free_chain_case (&chain);
}

void
check_train_bf16 (Checker *checker)
{
  check_one_layer (checker, WCT_PRECISION_BF16, ALLOWED_BF16, why_bf16);
}

void
check_train_f16 (Checker *checker)
{
  check_one_layer (checker, WCT_PRECISION_F16, ALLOWED_F16, why_f16);
}

/* Gradients that no scale keeps in f16's range come out as what they are; those of the next step are right; and after
 * enough good steps those are, too, that are lost without a scale. */
#define HUGE_GRADIENT  1e30f
#define SMALL_GRADIENT 1e-7f
#define GOOD_STEPS     2600 /* the scale doubles after every 200 */

void
check_train_f16_scale (Checker *checker)
{
  ChainCase chain = { .count = 1 };

  if (!has_precision (checker, WCT_PRECISION_F16))
    return;
  begin_case (&chain.layers, 8, 4, 4);
  add_convolution (checker, &chain.layers, 8, false);
  begin_values (&chain);
  draw_values (checker, &chain);
  describe_chain (checker, &chain);
  chain.out_gradient.values[0] = HUGE_GRADIENT;
  for (int i = 0; i < OVERFLOWS_MAX && !checker->failed; i++)
    {
      ChainResult result = run_whole_chain (checker, &chain, checker->devices[0], WCT_PRECISION_F16, USES_ALL);

      if (are_finite (&result.weight_gradients))
        fail_case (checker, "weight gradients of a gradient of %g: expected some that are not finite",
                   (double)HUGE_GRADIENT);
      chain_result_free (&result);
    }
  draw_values (checker, &chain);
  compare_precisions (checker, &chain, WCT_PRECISION_F16, ALLOWED_F16, why_f16);
  for (size_t i = 0; i < chain.out_gradient.count; i++)
    chain.out_gradient.values[i] *= SMALL_GRADIENT;
  for (int i = 0; i < GOOD_STEPS && !checker->failed; i++)
    {
      ChainResult result = run_whole_chain (checker, &chain, checker->devices[0], WCT_PRECISION_F16, USES_ALL);

      chain_result_free (&result);
    }
  compare_precisions (checker, &chain, WCT_PRECISION_F16, ALLOWED_F16, why_f16);
  free_chain_case (&chain);
}

/* Without ReLUs: behind each, bf16 puts some of the values on the other side of 0, where the gradient is another. */
void
check_train_bf16_decoder (Checker *checker)
{
  ChainCase chain = { .count = 2 };

  if (!has_precision (checker, WCT_PRECISION_BF16))
    return;
  make_whole_decoder (checker, &chain.layers, compact_channels, checker->index % 5 + 1, 48, 48);
  for (int i = 0; i < chain.layers.count; i++)
    chain.layers.layers[i].conv.relu = false;
  begin_values (&chain);
  draw_values (checker, &chain);
  describe_chain (checker, &chain);
  compare_precisions (checker, &chain, WCT_PRECISION_BF16, ALLOWED_BF16_DEEP, why_bf16_deep);
  free_chain_case (&chain);
}
