/* Chains run forward and backward, from a single layer (an operation) to whole networks.
 *
 * Where rounding puts a value on the other side of 0, a ReLU passes another gradient, and neither is wrong. So values
 * are drawn again until both sides of a comparison are on the same side everywhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "training-differences.h"

#define WORK_MAX             3e7 /* multiply-adds of an operation's case, in one direction */
#define DIFFERENCES_WORK_MAX 3e6 /* and where it is run many times */
#define BATCH_MAX            5
#define DRAWS_MAX            30
#define USES_ALL             (WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS)
#define PICTURE_SIDE         16 /* of the smallest picture that has features at relu5_1 */
#define VALUES_MAX           200000
#define ALLOWED_FLOAT        1e-4
#define ALLOWED_ADDED        1e-5
#define ALLOWED_PLAN         3e-5

/* Norms are compared, as a value for which large terms cancel has the error of those terms, not of its own size. */
static const char why_float[] = "float sums and Winograd transforms, by the norm since terms cancel";
static const char why_added[] = "sums of two float gradients";
static const char why_plan[] = "two float computations of up to 17 layers";

static const int32_t compact_channels[5] = { 16, 32, 64, 128, 128 };
static const int32_t full_channels[5] = { 64, 128, 256, 512, 512 };

/* ---- Points where both sides differentiate the same ----------------------------------------------------------- */

static bool
sides_agree (Checker *checker, const ChainCase *chain)
{
  const uint64_t pattern = pattern_of_backend (checker, chain, checker->devices[0]);

  if (checker->oracle != NULL)
    return pattern == pattern_of_backend (checker, chain, checker->oracle);
  return pattern == pattern_by_definition (chain) && is_smooth_nearby (checker, chain);
}

static void
draw_until_patterns_agree (Checker *checker, ChainCase *chain)
{
  for (int i = 0; i < DRAWS_MAX && !checker->failed; i++)
    {
      draw_values (checker, chain);
      if (sides_agree (checker, chain))
        return;
    }
  fail_case (checker, "%d random inputs: each has a ReLU or a pool where rounding decides; expected one without",
             DRAWS_MAX);
}

/* ---- Claims about one chain ----------------------------------------------------------------------------------- */

/* Without an oracle, @expected is not used. */
static void
check_result (Checker *checker, const ChainCase *chain, const ChainResult *got, const ChainResult *expected)
{
  if (checker->oracle != NULL)
    check_chain_result (checker, chain, got, expected, ALLOWED_FLOAT, why_float);
  else if (got->in_gradient.values != NULL && got->weight_gradients.values != NULL)
    check_differences (checker, chain, got);
}

/* Once more, onto the gradients of the first run; and again from 0. */
static void
check_again (Checker *checker, const ChainCase *chain, ChainRun *run, const ChainResult *first)
{
  ChainResult added = chain_result_new (chain, USES_ALL), again = chain_result_new (chain, USES_ALL);
  Buffer      doubled = buffer_copy (&first->weight_gradients);
  WctError    err;
  WctStatus   status;

  memcpy (added.weight_gradients.values, first->weight_gradients.values, doubled.count * sizeof (float));
  WCT_TRY (chain_run (checker, chain, run, &added, &err));
  WCT_TRY (chain_run (checker, chain, run, &again, &err));
  for (size_t i = 0; i < doubled.count; i++)
    doubled.values[i] *= 2;
  check_norm (checker, "weight gradients that were added to those of the first run", added.weight_gradients.values,
              doubled.values, doubled.count, ALLOWED_ADDED, why_added);
  check_same_bits (checker, again.out.values, first->out.values, again.out.count * sizeof (float),
                   "result of another run");
  check_same_bits (checker, again.in_gradient.values, first->in_gradient.values,
                   again.in_gradient.count * sizeof (float), "gradient of the input, another run");
  check_same_bits (checker, again.weight_gradients.values, first->weight_gradients.values,
                   again.weight_gradients.count * sizeof (float), "weight gradients, another run");

out:
  check_status (checker, status, &err);
  buffer_free (&doubled);
  chain_result_free (&again);
  chain_result_free (&added);
}

/* Inference has a plan for the same layers; it knows no embeddings. */
static void
check_against_plan (Checker *checker, const ChainCase *chain, const ChainResult *result)
{
  const WctBackend    *device = checker->devices[0];
  const WctBackendOps *ops = device->ops;
  const LayerCase     *layers = &chain->layers;
  WctTensor           *from = NULL, *to = NULL;
  WctPlan             *plan = NULL;
  Buffer               out = buffer_new (count_floats (layers->out));
  WctError             err;
  WctStatus            status = WCT_OK;

  for (int i = 0; i < layers->count; i++)
    if (layers->layers[i].kind == WCT_LAYER_EMBED)
      goto out;
  WCT_TRY (ops->tensor_new (device->ctx, layers->in, &from, &err));
  WCT_TRY (ops->tensor_new (device->ctx, layers->out, &to, &err));
  WCT_TRY (ops->upload (device->ctx, chain->in.values, from, &err));
  WCT_TRY (ops->plan_new (device->ctx, layers->layers, layers->count, layers->in, &plan, &err));
  WCT_TRY (ops->plan_run (device->ctx, plan, from, to, NULL, &err));
  WCT_TRY (ops->download (device->ctx, to, out.values, &err));
  check_norm (checker, "result of the first map, against the inference plan's", result->out.values, out.values,
              out.count, ALLOWED_PLAN, why_plan);

out:
  check_status (checker, status, &err);
  ops->plan_free (device->ctx, &plan);
  ops->tensor_free (device->ctx, &to);
  ops->tensor_free (device->ctx, &from);
  buffer_free (&out);
}

/* A chain that was made for less computes the same, as far as it computes. */
static void
check_other_uses (Checker *checker, const ChainCase *chain, const ChainResult *all)
{
  const unsigned uses = (unsigned)random_integer (checker, WCT_CHAIN_FORWARD, WCT_CHAIN_WEIGHT_GRADIENTS);
  ChainResult    part = run_whole_chain (checker, chain, checker->devices[0], WCT_PRECISION_F32, uses);

  check_chain_result (checker, chain, &part, all, ALLOWED_FLOAT, "made for other uses: other float sums");
  chain_result_free (&part);
}

/* A chain that was made for all may be asked for less. */
static void
check_nulls (Checker *checker, const ChainCase *chain, ChainRun *run, const ChainResult *all)
{
  const unsigned asked = (unsigned)random_integer (checker, WCT_CHAIN_INPUT_GRADIENT, WCT_CHAIN_WEIGHT_GRADIENTS);
  ChainResult    part = chain_result_new (chain, asked);
  WctError       err;

  check_status (checker, chain_run (checker, chain, run, &part, &err), &err);
  check_chain_result (checker, chain, &part, all, ALLOWED_FLOAT, "asked for one gradient alone: other float sums");
  chain_result_free (&part);
}

static void
check_chain (Checker *checker, ChainCase *chain)
{
  WctBackend *device = checker->devices[0];
  ChainResult expected = { 0 }, got;
  ChainRun    run = { .backend = device };
  WctError    err;
  WctStatus   status;

  describe_chain (checker, chain);
  begin_values (chain);
  draw_until_patterns_agree (checker, chain);
  got = chain_result_new (chain, USES_ALL);
  if (checker->oracle != NULL)
    expected = run_whole_chain (checker, chain, checker->oracle, WCT_PRECISION_F32, USES_ALL);
  WCT_TRY (chain_run_new (chain, device, WCT_PRECISION_F32, USES_ALL, NULL, &run, &err));
  WCT_TRY (chain_run (checker, chain, &run, &got, &err));
  check_result (checker, chain, &got, &expected);
  check_again (checker, chain, &run, &got);
  check_nulls (checker, chain, &run, &got);
  check_other_uses (checker, chain, &got);
  check_against_plan (checker, chain, &got);

out:
  check_status (checker, status, &err);
  chain_run_free (&run, false);
  chain_result_free (&got);
  chain_result_free (&expected);
  free_chain_case (chain);
}

/* ---- Operations ----------------------------------------------------------------------------------------------- */

static int32_t
training_channels (Checker *checker)
{
  const int32_t counts[] = { 1, 3, 8, 16, 17, 24, 32, 64, 100, 128, 130, 256, 512 };

  return counts[random_integer (checker, 0, (int32_t)(sizeof counts / sizeof counts[0]) - 1)];
}

/* Sides of 1 to 3 often: there the border is most of the map. */
static int32_t
training_side (Checker *checker)
{
  return random_integer (checker, 0, 3) == 0 ? random_integer (checker, 1, 3) : random_integer (checker, 1, 70);
}

/* @kind: of the layer that multiplies; @resampling: before it, WCT_LAYER_CONV for none */
static void
make_one_convolution (Checker *checker, ChainCase *chain, WctLayerKind kind, WctLayerKind resampling)
{
  const int32_t in_c = training_channels (checker), out_c = training_channels (checker);
  const bool    relu = random_integer (checker, 0, 1);
  int32_t       height = training_side (checker), width = training_side (checker);

  chain->count = random_integer (checker, 1, BATCH_MAX);
  limit_work ((checker->oracle != NULL ? WORK_MAX : DIFFERENCES_WORK_MAX) / chain->count, in_c, out_c, &height, &width);
  if (resampling == WCT_LAYER_UPSAMPLE)
    begin_case (&chain->layers, in_c, (height + 1) / 2, (width + 1) / 2);
  else if (resampling == WCT_LAYER_POOL)
    begin_case (&chain->layers, in_c, height * 2, width * 2);
  else
    begin_case (&chain->layers, in_c, height, width);
  if (resampling != WCT_LAYER_CONV)
    add_resampling (&chain->layers, resampling);
  if (kind == WCT_LAYER_EMBED)
    add_embedding (checker, &chain->layers, out_c, relu);
  else
    add_convolution (checker, &chain->layers, out_c, relu);
}

static void
check_one_convolution (Checker *checker, WctLayerKind kind, WctLayerKind resampling)
{
  ChainCase chain = { 0 };

  if (!trains (checker))
    return;
  make_one_convolution (checker, &chain, kind, resampling);
  check_chain (checker, &chain);
}

void
check_train_convolution (Checker *checker)
{
  check_one_convolution (checker, WCT_LAYER_CONV, WCT_LAYER_CONV);
}

void
check_train_embedding (Checker *checker)
{
  check_one_convolution (checker, WCT_LAYER_EMBED, WCT_LAYER_CONV);
}

void
check_train_pool_convolution (Checker *checker)
{
  check_one_convolution (checker, WCT_LAYER_CONV, WCT_LAYER_POOL);
}

void
check_train_upsample_convolution (Checker *checker)
{
  check_one_convolution (checker, WCT_LAYER_CONV, WCT_LAYER_UPSAMPLE);
}

/* Where the oracle follows the same rule, many values are equal: of a window the first one takes the gradient. */
static void
check_resampling_alone (Checker *checker, WctLayerKind kind)
{
  const int32_t factor = kind == WCT_LAYER_POOL ? 2 : 1;
  ChainCase     chain = { .count = random_integer (checker, 1, BATCH_MAX) };
  int32_t       channels = training_channels (checker);
  int32_t       height = training_side (checker), width = training_side (checker);

  if (!trains (checker))
    return;
  while (channels > 1 && (double)chain.count * channels * height * width > VALUES_MAX)
    channels /= 2;
  if (checker->oracle != NULL && random_integer (checker, 0, 1))
    chain.grid = 2;
  begin_case (&chain.layers, channels, height * factor, width * factor);
  add_resampling (&chain.layers, kind);
  check_chain (checker, &chain);
}

void
check_train_pool (Checker *checker)
{
  check_resampling_alone (checker, WCT_LAYER_POOL);
}

void
check_train_upsample (Checker *checker)
{
  check_resampling_alone (checker, WCT_LAYER_UPSAMPLE);
}

/* ---- Networks ------------------------------------------------------------------------------------------------- */

/* Small ones of random widths. An encoder may end in an embedding, as where a thin one learns from a wide one. */
void
check_train_encoder (Checker *checker)
{
  ChainCase chain = { .count = random_integer (checker, 1, 3) };

  if (!trains (checker))
    return;
  make_encoder (checker, &chain.layers, random_integer (checker, 1, 6), random_integer (checker, 1, 6));
  if (random_integer (checker, 0, 1))
    add_embedding (checker, &chain.layers, training_channels (checker), false);
  strengthen_weights (&chain.layers);
  check_chain (checker, &chain);
}

void
check_train_decoder (Checker *checker)
{
  ChainCase chain = { .count = random_integer (checker, 1, 3) };

  if (!trains (checker))
    return;
  make_decoder (checker, &chain.layers, random_integer (checker, 1, 6), random_integer (checker, 1, 6));
  strengthen_weights (&chain.layers);
  check_chain (checker, &chain);
}

#define RESAMPLED_SIDE     8 /* to begin with */
#define RESAMPLED_SIDE_MAX 32

/* Pools and up-samplings anywhere: one after the other, first and last. But no pool behind a convolution of what was
 * up-sampled twice: its windows see one value only, so that results are equal, and rounding decides which is the
 * largest. */
void
check_train_resamplings (Checker *checker)
{
  ChainCase chain = { .count = random_integer (checker, 1, 3) };
  int32_t   side = RESAMPLED_SIDE;
  int       upsampled = 0;
  bool      tied = false;

  if (!trains (checker))
    return;
  begin_case (&chain.layers, random_integer (checker, 1, 20), side, side);
  for (int i = random_integer (checker, 2, 7); i > 0; i--)
    {
      const int32_t kind = random_integer (checker, 0, 3);

      if (kind == 0 && side > 1 && !tied)
        {
          add_resampling (&chain.layers, WCT_LAYER_POOL);
          upsampled -= upsampled > 0;
        }
      else if (kind == 1 && side < RESAMPLED_SIDE_MAX)
        {
          add_resampling (&chain.layers, WCT_LAYER_UPSAMPLE);
          upsampled++;
        }
      else if (kind == 2)
        {
          add_embedding (checker, &chain.layers, random_integer (checker, 1, 20), random_integer (checker, 0, 1));
          tied = tied || upsampled >= 1;
        }
      else
        {
          add_convolution (checker, &chain.layers, random_integer (checker, 1, 20), random_integer (checker, 0, 1));
          tied = tied || upsampled >= 2;
        }
      side = chain.layers.out.h;
    }
  strengthen_weights (&chain.layers);
  check_chain (checker, &chain);
}

/* Decoders of all levels in turn, then encoders of all. */
static void
make_whole_network (Checker *checker, ChainCase *chain, const int32_t channels[5], int32_t side_max)
{
  const int     level = checker->index % 5 + 1;
  const int32_t unit = 1 << (level - 1), units_max = side_max / unit;
  const int32_t height = unit * random_integer (checker, 1, units_max);
  const int32_t width = unit * random_integer (checker, 1, units_max);

  if (checker->index / 5 % 2 == 0)
    make_whole_decoder (checker, &chain->layers, channels, level, height, width);
  else
    make_whole_encoder (checker, &chain->layers, channels, level, height, width);
  strengthen_weights (&chain->layers);
}

void
check_train_compact (Checker *checker)
{
  ChainCase chain = { .count = random_integer (checker, 1, 3) };

  if (!trains (checker))
    return;
  make_whole_network (checker, &chain, compact_channels, checker->oracle != NULL ? 3 * PICTURE_SIDE : PICTURE_SIDE);
  check_chain (checker, &chain);
}

void
check_train_full (Checker *checker)
{
  ChainCase chain = { .count = 1 };

  if (!trains (checker))
    return;
  make_whole_network (checker, &chain, full_channels, checker->oracle != NULL ? 2 * PICTURE_SIDE : PICTURE_SIDE);
  check_chain (checker, &chain);
}
