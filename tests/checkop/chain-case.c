/* Making, running and comparing chains. */
#include "chain-case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

size_t
batch_floats (int32_t count, WctShape shape)
{
  return (size_t)count * count_floats (shape);
}

bool
trains (Checker *checker)
{
  if (checker->devices[0]->ops->training == NULL)
    skip_case (checker, "this back end does not train");
  return checker->devices[0]->ops->training != NULL;
}

/* ---- Cases --------------------------------------------------------------------------------------------------- */

void
begin_values (ChainCase *chain)
{
  chain->in = buffer_new (batch_floats (chain->count, chain->layers.in));
  chain->out_gradient = buffer_new (batch_floats (chain->count, chain->layers.out));
}

void
draw_values (Checker *checker, ChainCase *chain)
{
  buffer_fill (checker, &chain->in, -1, 1);
  for (size_t i = 0; i < chain->in.count && chain->grid > 0; i++)
    chain->in.values[i] = roundf (chain->in.values[i] * (float)chain->grid) / (float)chain->grid;
  buffer_fill (checker, &chain->out_gradient, -1, 1);
}

/* Behind a ReLU half of the variance is left (He et al. 2015). */
void
strengthen_weights (LayerCase *layers)
{
  for (int i = 0; i < layers->count; i++)
    {
      for (size_t k = 0; k < layers->weights[i].count; k++)
        layers->weights[i].values[k] *= (float)M_SQRT2;
      for (size_t k = 0; k < layers->biases[i].count; k++)
        layers->biases[i].values[k] *= 0.25f;
    }
}

void
free_chain_case (ChainCase *chain)
{
  free_case (&chain->layers);
  buffer_free (&chain->in);
  buffer_free (&chain->out_gradient);
}

void
describe_chain (Checker *checker, const ChainCase *chain)
{
  char layers[sizeof checker->what];

  describe (checker, &chain->layers);
  memcpy (layers, checker->what, sizeof layers);
  snprintf (checker->what, sizeof checker->what, "%d of %.240s", chain->count, layers);
}

size_t
chain_parameters (const ChainCase *chain)
{
  return wct_layers_parameters (chain->layers.layers, chain->layers.count);
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

ChainResult
chain_result_new (const ChainCase *chain, unsigned uses)
{
  ChainResult result = { .out = buffer_new (chain->out_gradient.count) };

  if (uses & WCT_CHAIN_INPUT_GRADIENT)
    result.in_gradient = buffer_new (chain->in.count);
  if (uses & WCT_CHAIN_WEIGHT_GRADIENTS)
    result.weight_gradients = buffer_new (chain_parameters (chain));
  return result;
}

void
chain_result_free (ChainResult *result)
{
  buffer_free (&result->out);
  buffer_free (&result->in_gradient);
  buffer_free (&result->weight_gradients);
}

WctStatus
chain_run_new (const ChainCase *chain, WctBackend *backend, WctPrecision precision, unsigned uses, WctPacking *shared,
               ChainRun *run, WctError *err)
{
  const WctTrainingOps *ops = backend->ops->training;
  const LayerCase      *layers = &chain->layers;
  void                 *ctx = backend->ctx;
  WctStatus             status = WCT_OK;

  *run = (ChainRun){ .backend = backend, .packing = shared };
  if (shared == NULL)
    WCT_TRY (ops->packing_new (ctx, layers->layers, layers->count, precision, uses, &run->packing, err));
  WCT_TRY (ops->chain_new (ctx, run->packing, layers->in, chain->count, uses, &run->chain, err));
  for (int i = 0; i < layers->count && shared == NULL; i++)
    WCT_TRY (ops->pack (ctx, run->packing, i, err));
  WCT_TRY (ops->batch_new (ctx, chain->count, layers->in, &run->in, err));
  WCT_TRY (ops->batch_new (ctx, chain->count, layers->out, &run->out, err));
  WCT_TRY (ops->batch_upload (ctx, chain->in.values, run->in, err));
  if (uses != WCT_CHAIN_FORWARD)
    WCT_TRY (ops->batch_new (ctx, chain->count, layers->out, &run->out_gradient, err));
  if (uses & WCT_CHAIN_INPUT_GRADIENT)
    WCT_TRY (ops->batch_new (ctx, chain->count, layers->in, &run->in_gradient, err));

out:
  return status;
}

void
chain_run_free (ChainRun *run, bool shared)
{
  const WctTrainingOps *ops = run->backend->ops->training;
  void                 *ctx = run->backend->ctx;

  ops->batch_free (ctx, &run->in_gradient);
  ops->batch_free (ctx, &run->out_gradient);
  ops->batch_free (ctx, &run->out);
  ops->batch_free (ctx, &run->in);
  ops->chain_free (ctx, &run->chain);
  if (!shared)
    ops->packing_free (ctx, &run->packing);
}

/* Fills @batch with what no sum may touch, so that what stays unwritten shows. */
static WctStatus
poison (const WctBackend *backend, WctBatch *batch, WctError *err)
{
  Buffer    nans = buffer_new (batch_floats (batch->count, batch->shape));
  WctStatus status;

  for (size_t i = 0; i < nans.count; i++)
    nans.values[i] = NAN;
  status = backend->ops->training->batch_upload (backend->ctx, nans.values, batch, err);
  buffer_free (&nans);
  return status;
}

static WctStatus
run_back (Checker *checker, const ChainCase *chain, ChainRun *run, ChainResult *result, WctError *err)
{
  const WctTrainingOps *ops = run->backend->ops->training;
  void                 *ctx = run->backend->ctx;
  const bool            wants_in = result->in_gradient.values != NULL;
  WctStatus             status;

  WCT_TRY (ops->batch_upload (ctx, chain->out_gradient.values, run->out_gradient, err));
  if (wants_in)
    WCT_TRY (poison (run->backend, run->in_gradient, err));
  WCT_TRY (ops->backward (ctx, run->chain, run->out_gradient, wants_in ? run->in_gradient : NULL,
                          result->weight_gradients.values, err));
  if (wants_in)
    {
      WCT_TRY (ops->batch_download (ctx, run->in_gradient, result->in_gradient.values, err));
      check_canaries (checker, &result->in_gradient, "downloaded gradient");
    }
  if (result->weight_gradients.values != NULL)
    check_canaries (checker, &result->weight_gradients, "gradients of weights");

out:
  return status;
}

WctStatus
chain_run (Checker *checker, const ChainCase *chain, ChainRun *run, ChainResult *result, WctError *err)
{
  const WctTrainingOps *ops = run->backend->ops->training;
  Buffer                after = buffer_new (chain->in.count);
  WctStatus             status;

  WCT_TRY (poison (run->backend, run->out, err));
  WCT_TRY (ops->forward (run->backend->ctx, run->chain, run->in, run->out, err));
  WCT_TRY (ops->batch_download (run->backend->ctx, run->out, result->out.values, err));
  check_canaries (checker, &result->out, "downloaded result");
  if (result->in_gradient.values != NULL || result->weight_gradients.values != NULL)
    WCT_TRY (run_back (checker, chain, run, result, err));
  WCT_TRY (ops->batch_download (run->backend->ctx, run->in, after.values, err));
  check_same_bits (checker, after.values, chain->in.values, after.count * sizeof (float), "the input after the run");

out:
  buffer_free (&after);
  return status;
}

ChainResult
run_whole_chain (Checker *checker, const ChainCase *chain, WctBackend *backend, WctPrecision precision, unsigned uses)
{
  ChainResult result = chain_result_new (chain, uses);
  ChainRun    run;
  WctError    err;
  WctStatus   status;

  WCT_TRY (chain_run_new (chain, backend, precision, uses, NULL, &run, &err));
  WCT_TRY (chain_run (checker, chain, &run, &result, &err));

out:
  check_status (checker, status, &err);
  chain_run_free (&run, false);
  return result;
}

/* ---- Patterns ------------------------------------------------------------------------------------------------ */

static uint64_t
add_bits (uint64_t pattern, unsigned bits)
{
  return (pattern ^ bits) * 0x100000001B3u; /* FNV-1a */
}

uint64_t
pattern_add_relu (uint64_t pattern, const double *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    pattern = add_bits (pattern, values[i] > 0);
  return pattern;
}

uint64_t
pattern_add_pool (uint64_t pattern, const double *values, size_t planes, WctShape shape)
{
  const size_t w = (size_t)shape.w, places[4] = { 0, 1, w, w + 1 };

  for (size_t y = 0; y < planes * (size_t)(shape.h / 2); y++, values += 2 * w)
    for (size_t x = 0; x + 1 < w; x += 2)
      {
        unsigned first = 0;

        for (unsigned i = 1; i < 4; i++)
          if (values[x + places[i]] > values[x + places[first]])
            first = i;
        pattern = add_bits (pattern, first);
      }
  return pattern;
}

/* Layers @first to @last alone, from the results before @first. */
static Buffer
run_part (Checker *checker, const ChainCase *chain, WctBackend *backend, int first, int last, WctShape in_shape,
          const Buffer *in)
{
  ChainCase   part = { .count = chain->count };
  ChainResult result;

  memcpy (part.layers.layers, chain->layers.layers + first, (size_t)(last - first + 1) * sizeof (WctLayer));
  part.layers.count = last - first + 1;
  part.layers.in = in_shape;
  part.layers.out = wct_layers_shape (part.layers.layers, part.layers.count, in_shape);
  part.in = *in;
  part.out_gradient.count = batch_floats (part.count, part.layers.out);
  result = run_whole_chain (checker, &part, backend, WCT_PRECISION_F32, WCT_CHAIN_FORWARD);
  return result.out;
}

static uint64_t
add_layer_pattern (uint64_t pattern, const WctLayer *layer, int32_t count, WctShape in_shape, const Buffer *in,
                   const Buffer *out)
{
  const bool    pools = layer->kind == WCT_LAYER_POOL;
  const Buffer *map = pools ? in : out;
  double       *values;

  if (!pools && !(wct_layer_side (layer) > 0 && layer->conv.relu))
    return pattern;
  values = malloc (map->count * sizeof *values);
  if (values == NULL)
    abort ();
  for (size_t i = 0; i < map->count; i++)
    values[i] = map->values[i];
  pattern = pools ? pattern_add_pool (pattern, values, (size_t)count * (size_t)in_shape.c, in_shape)
                  : pattern_add_relu (pattern, values, map->count);
  free (values);
  return pattern;
}

/* Part by part, as a back end computes a longer list: the layer before a convolution may be done with it. */
uint64_t
pattern_of_backend (Checker *checker, const ChainCase *chain, WctBackend *backend)
{
  const WctLayer *layers = chain->layers.layers;
  Buffer          map = buffer_copy (&chain->in);
  WctShape        shape = chain->layers.in;
  uint64_t        pattern = PATTERN_START;

  for (int first = 0, last; first < chain->layers.count; first = last + 1)
    {
      const bool pair = layers[first].kind == WCT_LAYER_UPSAMPLE && first + 1 < chain->layers.count
                        && layers[first + 1].kind == WCT_LAYER_CONV;

      last = first + pair;
      Buffer next = run_part (checker, chain, backend, first, last, shape, &map);
      pattern = add_layer_pattern (pattern, &layers[last], chain->count, shape, &map, &next);
      shape = wct_layers_shape (layers + first, last - first + 1, shape);
      buffer_free (&map);
      map = next;
    }
  buffer_free (&map);
  return pattern;
}

/* ---- Claims -------------------------------------------------------------------------------------------------- */

void
check_norm (Checker *checker, const char *what, const float *got, const float *expected, size_t count, double allowed,
            const char *why_allowed)
{
  double distance = 0, norm = 0, largest = 0;
  size_t worst = 0;

  for (size_t i = 0; i < count; i++)
    {
      const double difference = fabs ((double)got[i] - (double)expected[i]);

      distance += difference * difference;
      norm += (double)expected[i] * (double)expected[i];
      if (!(difference <= largest))
        {
          largest = difference;
          worst = i;
        }
    }
  distance = sqrt (distance);
  norm = sqrt (norm);
  note_share (checker, distance, allowed * norm);
  if (!(distance <= allowed * norm))
    fail_case (checker,
               "%s: distance %.3g, allowed %.3g, %g of the norm (%s); farthest value %zu of %zu: expected "
               "%.9g, got %.9g",
               what, distance, allowed * norm, allowed, why_allowed, worst, count, (double)expected[worst],
               (double)got[worst]);
}

static void
check_weight_gradients (Checker *checker, const LayerCase *layers, const float *got, const float *expected,
                        double allowed, const char *why_allowed)
{
  for (int i = 0; i < layers->count; i++)
    {
      const WctLayer *layer = &layers->layers[i];
      const size_t    count = wct_layer_parameters (layer), biases = count > 0 ? (size_t)layer->conv.out_c : 0;
      char            what[64];

      snprintf (what, sizeof what, "gradient of layer %d's weights", i);
      check_norm (checker, what, got, expected, count - biases, allowed, why_allowed);
      snprintf (what, sizeof what, "gradient of layer %d's biases", i);
      check_norm (checker, what, got + count - biases, expected + count - biases, biases, allowed, why_allowed);
      got += count;
      expected += count;
    }
}

void
check_chain_result (Checker *checker, const ChainCase *chain, const ChainResult *got, const ChainResult *expected,
                    double allowed, const char *why_allowed)
{
  check_norm (checker, "result", got->out.values, expected->out.values, got->out.count, allowed, why_allowed);
  if (got->in_gradient.values != NULL)
    check_norm (checker, "gradient of the input", got->in_gradient.values, expected->in_gradient.values,
                got->in_gradient.count, allowed, why_allowed);
  if (got->weight_gradients.values != NULL)
    check_weight_gradients (checker, &chain->layers, got->weight_gradients.values, expected->weight_gradients.values,
                            allowed, why_allowed);
}
