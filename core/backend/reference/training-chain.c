/* Chains: a list of layers is run layer by layer, forward and backward, one map of the batch after the other. Every
 * layer's result is kept for the way back; gradients pass through two buffers in turn. */
#include "reference.h"

#include <assert.h>
#include <string.h>

#include "mem.h"

struct WctPacking
{
  const WctLayer *source; /* borrowed; read by pack */
  WctLayer       *layers; /* owned; as the source, but with the weights of the last pack */
  int             count;
  unsigned        uses;
  float          *parameters; /* owned; wct_layers_parameters: what layers point to */
};

typedef struct
{
  const WctLayer *layer;     /* borrowed from the packing */
  WctShape        in, out;   /* of one map */
  size_t          parameter; /* before this layer's, among all */
  float          *result;    /* borrowed from the chain's maps; NULL for the last, whose result is the chain's */
} Step;

struct WctChain
{
  Step        *steps; /* owned */
  int          step_count;
  int32_t      count; /* maps of the batch */
  unsigned     uses;
  float      **maps; /* owned, and each of them: one for each step but the last, or two in turn */
  int          map_count;
  float       *gradients[2]; /* owned; of maps between layers, used in turn */
  double      *rows;         /* owned; of one row, for convolutions */
  double      *sums;         /* owned; the weights' gradient of one layer */
  size_t       bytes;        /* of the above but the steps */
  const float *in, *out;     /* borrowed from forward to backward */
};

static size_t
map_values (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

/* ---- Packed weights ------------------------------------------------------------------------------------------ */

/* Where pack puts what it reads: a copy, so that weights may change until the next pack. */
static void
point_to_copies (WctPacking *packing)
{
  float *parameters = packing->parameters;

  for (int i = 0; i < packing->count; i++)
    {
      WctLayer    *layer = &packing->layers[i];
      const size_t count = wct_layer_parameters (layer);

      if (count == 0)
        continue;
      layer->conv.weight = parameters;
      layer->conv.bias = parameters + count - (size_t)layer->conv.out_c;
      parameters += count;
    }
}

WctStatus
wct_reference_packing_new (void *ctx, const WctLayer *layers, int count, WctPrecision precision, unsigned uses,
                           WctPacking **out, WctError *err)
{
  WctPacking *packing = NULL;
  WctStatus   status;

  WCT_TRY (wct_reference_check_precision (ctx, precision, err));
  WCT_TRY (wct_alloc (1, sizeof *packing, "packed weights", &packing, err));
  packing->source = layers;
  packing->count = count;
  packing->uses = uses;
  WCT_TRY (wct_alloc ((size_t)count, sizeof *packing->layers, "packed weights", &packing->layers, err));
  memcpy (packing->layers, layers, (size_t)count * sizeof *layers);
  WCT_TRY (
    wct_alloc (wct_layers_parameters (layers, count), sizeof (float), "packed weights", &packing->parameters, err));
  point_to_copies (packing);
  *out = packing;
  packing = NULL;

out:
  wct_reference_packing_free (ctx, &packing);
  return status;
}

void
wct_reference_packing_free (void *ctx, WctPacking **packing)
{
  (void)ctx;
  if (*packing == NULL)
    return;
  wct_free (&(*packing)->layers);
  wct_free (&(*packing)->parameters);
  wct_free (packing);
}

WctStatus
wct_reference_pack (void *ctx, WctPacking *packing, int layer, WctError *err)
{
  const WctLayer *source = &packing->source[layer];
  const size_t    biases = (size_t)source->conv.out_c, count = wct_layer_parameters (source);
  float          *copy = packing->parameters + wct_layers_parameters (packing->source, layer);

  (void)ctx;
  (void)err;
  if (count == 0)
    return WCT_OK;
  memcpy (copy, source->conv.weight, (count - biases) * sizeof *copy);
  memcpy (copy + count - biases, source->conv.bias, biases * sizeof *copy);
  return WCT_OK;
}

/* ---- Making a chain ------------------------------------------------------------------------------------------ */

static void
make_steps (WctChain *chain, const WctPacking *packing, WctShape shape)
{
  size_t parameter = 0;

  for (int i = 0; i < packing->count; i++)
    {
      const WctLayer *layer = &packing->layers[i];

      chain->steps[i] =
        (Step){ .layer = layer, .in = shape, .out = wct_layer_shape (layer, shape), .parameter = parameter };
      shape = chain->steps[i].out;
      parameter += wct_layer_parameters (layer);
    }
}

static WctStatus
allocate (WctChain *chain, size_t count, size_t size, const char *what, void *address_of_block, WctError *err)
{
  const WctStatus status = wct_alloc (count, size, what, address_of_block, err);

  if (status == WCT_OK)
    chain->bytes += count * size;
  return status;
}

/* What is between layers: each kept, or two in turn. */
static WctStatus
allocate_maps (WctChain *chain, WctError *err)
{
  const int  between = chain->step_count - 1;
  const bool kept = chain->uses != WCT_CHAIN_FORWARD;
  size_t     largest = 0;
  WctStatus  status;

  for (int i = 0; i < between; i++)
    largest = larger (largest, wct_reference_batch_values (chain->count, chain->steps[i].out));
  WCT_TRY (wct_alloc ((size_t)chain->step_count, sizeof *chain->maps, "chain", &chain->maps, err));
  for (int i = 0; i < between; i++)
    {
      const size_t values = kept ? wct_reference_batch_values (chain->count, chain->steps[i].out) : largest;

      if (kept || i < 2)
        WCT_TRY (allocate (chain, values, sizeof (float), "feature maps", &chain->maps[chain->map_count++], err));
      chain->steps[i].result = chain->maps[kept ? i : i % 2];
    }
  for (int i = 0; i < 2 && kept; i++)
    WCT_TRY (allocate (chain, largest, sizeof (float), "gradients", &chain->gradients[i], err));

out:
  return status;
}

static WctStatus
allocate_sums (WctChain *chain, WctError *err)
{
  size_t    row_doubles = 0, parameters = 0;
  WctStatus status;

  for (int i = 0; i < chain->step_count; i++)
    {
      const Step *step = &chain->steps[i];

      if (step->layer->kind == WCT_LAYER_CONV)
        row_doubles = larger (row_doubles, wct_reference_row_doubles (&step->layer->conv, step->in));
      parameters = larger (parameters, wct_layer_parameters (step->layer));
    }
  WCT_TRY (allocate (chain, row_doubles, sizeof (double), "rows", &chain->rows, err));
  if (chain->uses & WCT_CHAIN_WEIGHT_GRADIENTS)
    WCT_TRY (allocate (chain, parameters, sizeof (double), "gradients of weights", &chain->sums, err));

out:
  return status;
}

WctStatus
wct_reference_chain_new (void *ctx, WctPacking *packing, WctShape in, int32_t count, unsigned uses, WctChain **out,
                         WctError *err)
{
  WctChain *chain = NULL;
  WctStatus status;

  assert ((uses & ~packing->uses) == 0);
  WCT_TRY (wct_alloc (1, sizeof *chain, "chain", &chain, err));
  chain->step_count = packing->count;
  chain->count = count;
  chain->uses = uses;
  WCT_TRY (wct_alloc ((size_t)packing->count, sizeof *chain->steps, "chain", &chain->steps, err));
  make_steps (chain, packing, in);
  WCT_TRY (allocate_maps (chain, err));
  WCT_TRY (allocate_sums (chain, err));
  *out = chain;
  chain = NULL;

out:
  wct_reference_chain_free (ctx, &chain);
  return status;
}

void
wct_reference_chain_free (void *ctx, WctChain **chain)
{
  WctChain *own = *chain;

  (void)ctx;
  if (own == NULL)
    return;
  for (int i = 0; i < own->map_count; i++)
    wct_free (&own->maps[i]);
  wct_free (&own->maps);
  wct_free (&own->gradients[0]);
  wct_free (&own->gradients[1]);
  wct_free (&own->rows);
  wct_free (&own->sums);
  wct_free (&own->steps);
  wct_free (chain);
}

size_t
wct_reference_chain_bytes (void *ctx, const WctChain *chain)
{
  (void)ctx;
  return chain->bytes;
}

/* ---- Forward ------------------------------------------------------------------------------------------------- */

static WctStatus
run_layer (const WctChain *chain, const Step *step, const float *in, float *out, WctError *err)
{
  switch (step->layer->kind)
    {
    case WCT_LAYER_CONV:
      return wct_reference_convolve (&step->layer->conv, step->in, in, out, chain->rows, NULL, err);
    case WCT_LAYER_POOL:
      return wct_reference_pool (step->in, in, out, NULL, err);
    case WCT_LAYER_UPSAMPLE:
      return wct_reference_upsample (step->in, in, out, NULL, err);
    case WCT_LAYER_EMBED:
      wct_reference_embed (&step->layer->conv, step->in, in, out);
      break;
    }
  return WCT_OK;
}

WctStatus
wct_reference_chain_forward (void *ctx, WctChain *chain, const WctBatch *in, WctBatch *out, WctError *err)
{
  const float *source;
  WctStatus    status = WCT_OK;

  (void)ctx;
  chain->in = source = ((const WctReferenceBatch *)in)->data;
  chain->out = ((const WctReferenceBatch *)out)->data;
  for (int i = 0; i < chain->step_count && status == WCT_OK; i++)
    {
      const Step *step = &chain->steps[i];
      float      *result = step->result != NULL ? step->result : ((WctReferenceBatch *)out)->data;

      for (size_t map = 0; map < (size_t)chain->count && status == WCT_OK; map++)
        status =
          run_layer (chain, step, source + map * map_values (step->in), result + map * map_values (step->out), err);
      source = result;
    }
  return status;
}

/* ---- Backward ------------------------------------------------------------------------------------------------ */

static void
run_layer_back (const WctChain *chain, const Step *step, const float *in, const float *out_gradient, float *in_gradient)
{
  switch (step->layer->kind)
    {
    case WCT_LAYER_CONV:
      wct_reference_convolve_back (&step->layer->conv, step->in, out_gradient, in_gradient, chain->rows);
      break;
    case WCT_LAYER_POOL:
      wct_reference_pool_back (step->in, in, out_gradient, in_gradient);
      break;
    case WCT_LAYER_UPSAMPLE:
      wct_reference_upsample_back (step->in, out_gradient, in_gradient);
      break;
    case WCT_LAYER_EMBED:
      wct_reference_embed_back (&step->layer->conv, step->in, out_gradient, in_gradient);
      break;
    }
}

/* Over all maps of the batch, rounded once. */
static void
add_weight_gradient (const WctChain *chain, const Step *step, const float *in, const float *out_gradient,
                     float *gradient)
{
  const WctConv *conv = &step->layer->conv;
  const size_t   count = wct_layer_parameters (step->layer);

  memset (chain->sums, 0, count * sizeof *chain->sums);
  for (int32_t map = 0; map < chain->count && count > 0; map++)
    {
      if (step->layer->kind == WCT_LAYER_CONV)
        wct_reference_convolve_weights_back (conv, step->in, in, out_gradient, chain->rows, chain->sums);
      else
        wct_reference_embed_weights_back (conv, step->in, in, out_gradient, chain->sums);
      in += map_values (step->in);
      out_gradient += map_values (step->out);
    }
  for (size_t i = 0; i < count; i++)
    gradient[i] = (float)(gradient[i] + chain->sums[i]);
}

WctStatus
wct_reference_chain_backward (void *ctx, WctChain *chain, WctBatch *out_gradient, WctBatch *in_gradient,
                              float *weight_gradients, WctError *err)
{
  const size_t count = (size_t)chain->count;
  float       *gradient = ((WctReferenceBatch *)out_gradient)->data; /* of the step's result */

  (void)ctx;
  (void)err;
  assert (in_gradient == NULL || (chain->uses & WCT_CHAIN_INPUT_GRADIENT) != 0);
  assert (weight_gradients == NULL || (chain->uses & WCT_CHAIN_WEIGHT_GRADIENTS) != 0);
  for (int i = chain->step_count - 1; i >= 0; i--)
    {
      const Step  *step = &chain->steps[i];
      const size_t in_values = map_values (step->in), out_values = map_values (step->out);
      const float *in = i > 0 ? chain->steps[i - 1].result : chain->in;
      const float *result = step->result != NULL ? step->result : chain->out;
      float       *next = i > 0                 ? chain->gradients[i % 2]
                          : in_gradient != NULL ? ((WctReferenceBatch *)in_gradient)->data
                                                : NULL;

      if (wct_layer_side (step->layer) > 0 && step->layer->conv.relu)
        wct_reference_stop_at_zero (count * out_values, result, gradient);
      if (weight_gradients != NULL)
        add_weight_gradient (chain, step, in, gradient, weight_gradients + step->parameter);
      for (size_t map = 0; map < count && next != NULL; map++)
        run_layer_back (chain, step, in + map * in_values, gradient + map * out_values, next + map * in_values);
      gradient = next;
    }
  return WCT_OK;
}
