/* Writes gradients as a back end computes them, for compare_autograd.py.
 *
 *   dump-gradients BACKEND
 *
 * For each case a line of text on standard output, then floats as they lie in memory:
 *
 *   chain NAME COUNT C H W LAYER...     input, parameters, gradient of the result; result, gradients of the input and
 * of the parameters. LAYER: conv:16:relu, embed:16:linear, pool, upsample adam COUNT STEPS RATE BETA1 BETA2 EPSILON
 * parameters, then a gradient for each step; parameters after all */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wct/params.h>

#include "training-differences.h"

#define EXIT_USAGE   2
#define EXIT_SKIPPED 77

#define USES_ALL  (WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS)
#define DRAWS_MAX 30

static const int32_t compact_channels[5] = { 16, 32, 64, 128, 128 };
static const int32_t full_channels[5] = { 64, 128, 256, 512, 512 };

static void
write_floats (const float *values, size_t count)
{
  if (count > 0 && fwrite (values, sizeof *values, count, stdout) != count)
    exit (EXIT_FAILURE);
}

static void
write_header (const char *name, const ChainCase *chain)
{
  const WctShape in = chain->layers.in;

  printf ("chain %s %d %d %d %d", name, chain->count, in.c, in.h, in.w);
  for (int i = 0; i < chain->layers.count; i++)
    {
      const WctLayer *layer = &chain->layers.layers[i];

      if (wct_layer_side (layer) > 0)
        printf (" %s:%d:%s", layer->kind == WCT_LAYER_CONV ? "conv" : "embed", layer->conv.out_c,
                layer->conv.relu ? "relu" : "linear");
      else
        printf (layer->kind == WCT_LAYER_POOL ? " pool" : " upsample");
    }
  putchar ('\n');
}

/* Until the back end's rounding puts no value on the other side of 0 than double's does. */
static void
draw (Checker *checker, ChainCase *chain)
{
  for (int i = 0; i < DRAWS_MAX && !checker->failed; i++)
    {
      draw_values (checker, chain);
      if (pattern_of_backend (checker, chain, checker->devices[0]) == pattern_by_definition (chain))
        return;
    }
  fail_case (checker, "%d random inputs: each has a ReLU or a pool where rounding decides", DRAWS_MAX);
}

static void
dump_chain (Checker *checker, const char *name, ChainCase *chain)
{
  ChainResult result;

  strengthen_weights (&chain->layers);
  begin_values (chain);
  draw (checker, chain);
  result = run_whole_chain (checker, chain, checker->devices[0], WCT_PRECISION_F32, USES_ALL);
  write_header (name, chain);
  write_floats (chain->in.values, chain->in.count);
  for (int i = 0; i < chain->layers.count; i++)
    {
      write_floats (chain->layers.weights[i].values, chain->layers.weights[i].count);
      write_floats (chain->layers.biases[i].values, chain->layers.biases[i].count);
    }
  write_floats (chain->out_gradient.values, chain->out_gradient.count);
  write_floats (result.out.values, result.out.count);
  write_floats (result.in_gradient.values, result.in_gradient.count);
  write_floats (result.weight_gradients.values, result.weight_gradients.count);
  chain_result_free (&result);
  free_chain_case (chain);
}

/* @before: of a convolution; WCT_LAYER_CONV for none */
static void
dump_convolution (Checker *checker, const char *name, WctLayerKind before, int32_t in_c, int32_t out_c, int32_t height,
                  int32_t width)
{
  ChainCase chain = { .count = 2 };

  begin_case (&chain.layers, in_c, height, width);
  if (before != WCT_LAYER_CONV)
    add_resampling (&chain.layers, before);
  add_convolution (checker, &chain.layers, out_c, true);
  dump_chain (checker, name, &chain);
}

static void
dump_operations (Checker *checker)
{
  ChainCase embedding = { .count = 3 };

  for (int32_t side = 1; side <= 4; side++)
    dump_convolution (checker, "small-convolution", WCT_LAYER_CONV, 5, 17, side, 5 - side);
  dump_convolution (checker, "first-convolution", WCT_LAYER_CONV, 3, 64, 31, 18);
  dump_convolution (checker, "last-convolution", WCT_LAYER_CONV, 64, 3, 17, 33);
  dump_convolution (checker, "wide-convolution", WCT_LAYER_CONV, 256, 130, 9, 5);
  dump_convolution (checker, "pool-and-convolution", WCT_LAYER_POOL, 24, 32, 22, 14);
  dump_convolution (checker, "upsample-and-convolution", WCT_LAYER_UPSAMPLE, 100, 16, 11, 6);
  begin_case (&embedding.layers, 16, 12, 7);
  add_embedding (checker, &embedding.layers, 65, false);
  dump_chain (checker, "embedding", &embedding);
}

static void
dump_networks (Checker *checker, const char *kind, const int32_t channels[5], int32_t side)
{
  char name[32];

  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      ChainCase decoder = { .count = 2 }, encoder = { .count = 2 };

      snprintf (name, sizeof name, "%s-decoder%d", kind, level);
      make_whole_decoder (checker, &decoder.layers, channels, level, side, side);
      dump_chain (checker, name, &decoder);
      snprintf (name, sizeof name, "%s-encoder%d", kind, level);
      make_whole_encoder (checker, &encoder.layers, channels, level, side, side);
      dump_chain (checker, name, &encoder);
    }
}

static void
dump_adam (Checker *checker)
{
  enum
  {
    COUNT = 1003,
    STEPS = 20
  };
  const WctBackend *device = checker->devices[0];
  Buffer            parameters = buffer_new (COUNT), first = buffer_new (COUNT), second = buffer_new (COUNT);
  Buffer            gradient = buffer_new (COUNT);
  WctAdamStep       step = { .rate = 1e-2f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .gradient_scale = 1 };
  WctError          err;

  printf ("adam %d %d %.9g %.9g %.9g %.9g\n", COUNT, STEPS, (double)step.rate, (double)step.beta1, (double)step.beta2,
          (double)step.epsilon);
  buffer_fill (checker, &parameters, -1, 1);
  write_floats (parameters.values, COUNT);
  for (int i = 1; i <= STEPS; i++)
    {
      buffer_fill (checker, &gradient, -1, 1);
      write_floats (gradient.values, COUNT);
      step.correction1 = 1 - pow (step.beta1, i);
      step.correction2 = 1 - pow (step.beta2, i);
      check_status (checker,
                    device->ops->training->adam (device->ctx, &step, gradient.values, parameters.values, first.values,
                                                 second.values, COUNT, NULL, &err),
                    &err);
    }
  write_floats (parameters.values, COUNT);
  buffer_free (&gradient);
  buffer_free (&second);
  buffer_free (&first);
  buffer_free (&parameters);
}

int
main (int argc, char **argv)
{
  Checker   checker = { .device_count = 1, .random = 1 };
  WctError  err;
  WctStatus status;

  if (argc != 2)
    {
      fprintf (stderr, "usage: dump-gradients BACKEND\n");
      return EXIT_USAGE;
    }
  status = wct_backend_open (argv[1], 1, &checker.devices[0], &err);
  if (status == WCT_OK && !trains (&checker))
    status = wct_error_set (&err, WCT_ERR_UNSUPPORTED, "%s: %s", argv[1], checker.skipped);
  if (status == WCT_OK)
    {
      dump_operations (&checker);
      dump_networks (&checker, "compact", compact_channels, 32);
      dump_networks (&checker, "full", full_channels, 16);
      dump_adam (&checker);
    }
  wct_backend_close (&checker.devices[0]);
  if (status != WCT_OK || checker.failed)
    fprintf (stderr, "dump-gradients: %s\n", status != WCT_OK ? err.message : checker.failure);
  return status == WCT_ERR_UNSUPPORTED        ? EXIT_SKIPPED
         : status != WCT_OK || checker.failed ? EXIT_FAILURE
                                              : EXIT_SUCCESS;
}
