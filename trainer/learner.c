#include "learner.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

#define PICTURE_CHANNELS 3

/* ---- Networks ----------------------------------------------------------------------------------------------- */

/* "conv3_1" of "encoder.conv3_1". */
static const char *
layer_suffix (const WctConv *conv)
{
  const char *dot = strchr (conv->name, '.');

  return dot == NULL ? conv->name : dot + 1;
}

static int
block_of (const WctConv *conv)
{
  return layer_suffix (conv)[strlen ("conv")] - '0';
}

void
wct_network_mirror (const WctNetwork *encoder, int level, WctNetwork *out)
{
  memset (out, 0, sizeof *out);
  for (int i = encoder->count - 1; i >= 0; i--)
    {
      const WctLayer *layer = &encoder->layers[i];
      WctLayer       *mirrored = &out->layers[out->count++];

      mirrored->kind = layer->kind == WCT_LAYER_POOL ? WCT_LAYER_UPSAMPLE : layer->kind;
      if (layer->kind == WCT_LAYER_POOL)
        continue;
      mirrored->conv.in_c = layer->conv.out_c;
      mirrored->conv.out_c = layer->conv.in_c;
      mirrored->conv.relu = i > 0;
      snprintf (mirrored->conv.name, sizeof mirrored->conv.name, "decoder%d.%.20s", level, layer_suffix (&layer->conv));
    }
}

void
wct_network_segment (const WctNetwork *encoder, int from, int to, WctNetwork *out)
{
  int tap = 0;

  memset (out, 0, sizeof *out);
  for (int i = 0; i < encoder->count && tap < to; i++)
    {
      const WctLayer *layer = &encoder->layers[i];
      const bool      ends =
        layer->kind == WCT_LAYER_CONV && strcmp (layer_suffix (&layer->conv) + strlen ("convB"), "_1") == 0;

      if (tap >= from)
        out->layers[out->count++] = *layer;
      tap += ends ? 1 : 0;
    }
}

void
wct_network_append (WctNetwork *network, const WctNetwork *more)
{
  memcpy (network->layers + network->count, more->layers, (size_t)more->count * sizeof *more->layers);
  network->count += more->count;
}

void
wct_network_embed (const WctConv *tap, int32_t out_c, WctNetwork *out)
{
  WctConv *conv = &out->layers[0].conv;

  memset (out, 0, sizeof *out);
  out->count = 1;
  out->layers[0].kind = WCT_LAYER_EMBED;
  conv->in_c = tap->out_c;
  conv->out_c = out_c;
  snprintf (conv->name, sizeof conv->name, "encoder.%.20s_aux", layer_suffix (tap));
}

void
wct_network_thin (const WctNetwork *network, const int32_t *channels, WctNetwork *out)
{
  int32_t in_c = PICTURE_CHANNELS;

  *out = *network;
  for (int i = 0; i < out->count; i++)
    {
      WctConv *conv = &out->layers[i].conv;

      if (out->layers[i].kind != WCT_LAYER_CONV)
        continue;
      snprintf (conv->name, sizeof conv->name, "encoder.%.20s", layer_suffix (&network->layers[i].conv));
      conv->in_c = in_c;
      conv->out_c = in_c = channels[block_of (conv) - 1];
      conv->weight = conv->bias = NULL;
    }
}

/* ---- Learners ----------------------------------------------------------------------------------------------- */

/* Weights and biases of each convolution, one after the other, as backward writes gradients. */
static void
point_into_values (WctLearner *learner)
{
  float *at = learner->values;

  for (int i = 0; i < learner->network.count; i++)
    {
      WctLayer    *layer = &learner->network.layers[i];
      const size_t parameters = wct_layer_parameters (layer);

      if (parameters == 0)
        continue;
      layer->conv.weight = at;
      layer->conv.bias = at + parameters - (size_t)layer->conv.out_c;
      at += parameters;
    }
}

WctStatus
wct_learner_new (WctBackend *backend, const char *name, int level, const WctNetwork *network, WctPrecision precision,
                 unsigned uses, int lanes, bool averaged, WctLearner **out, WctError *err)
{
  const WctTrainingOps *ops = backend->ops->training;
  WctLearner           *learner = NULL;
  WctStatus             status;
  size_t                count;

  WCT_TRY (wct_alloc (1, sizeof *learner, name, &learner, err));
  snprintf (learner->name, sizeof learner->name, "%s", name);
  learner->level = level;
  learner->rate = 1;
  learner->network = *network;
  count = learner->count = wct_layers_parameters (network->layers, network->count);
  WCT_TRY (ops->memory_new (backend->ctx, count, name, &learner->values, err));
  WCT_TRY (ops->memory_new (backend->ctx, count, name, &learner->first, err));
  WCT_TRY (ops->memory_new (backend->ctx, count, name, &learner->second, err));
  WCT_TRY (ops->memory_new (backend->ctx, count, name, &learner->gradient, err));
  WCT_TRY (ops->memory_new (backend->ctx, count * (size_t)lanes, name, &learner->lane_gradients, err));
  if (averaged)
    WCT_TRY (ops->memory_new (backend->ctx, count, name, &learner->average, err));
  point_into_values (learner);
  WCT_TRY (ops->packing_new (backend->ctx, learner->network.layers, learner->network.count, precision, uses,
                             &learner->packing, err));
  *out = learner;
  learner = NULL;

out:
  wct_learner_free (backend, &learner);
  return status;
}

void
wct_learner_free (WctBackend *backend, WctLearner **learner)
{
  const WctTrainingOps *ops = backend->ops->training;
  WctLearner           *own = *learner;

  if (own == NULL)
    return;
  ops->packing_free (backend->ctx, &own->packing);
  ops->memory_free (backend->ctx, &own->values);
  ops->memory_free (backend->ctx, &own->first);
  ops->memory_free (backend->ctx, &own->second);
  ops->memory_free (backend->ctx, &own->average);
  ops->memory_free (backend->ctx, &own->gradient);
  ops->memory_free (backend->ctx, &own->lane_gradients);
  wct_free (learner);
}

float *
wct_learner_weight (WctLearner *learner, int layer)
{
  return learner->values + (learner->network.layers[layer].conv.weight - learner->values);
}

float *
wct_learner_bias (WctLearner *learner, int layer)
{
  return learner->values + (learner->network.layers[layer].conv.bias - learner->values);
}

WctStatus
wct_learner_pack (WctBackend *backend, WctLearner *learner, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < learner->network.count && status == WCT_OK; i++)
    status = backend->ops->training->pack (backend->ctx, learner->packing, i, err);
  return status;
}

WctStatus
wct_layers_pack (WctBackend *backend, const WctLayer *layers, int count, WctPrecision precision, unsigned uses,
                 WctPacking **out, WctError *err)
{
  const WctTrainingOps *ops = backend->ops->training;
  WctPacking           *packing = NULL;
  WctStatus             status;

  WCT_TRY (ops->packing_new (backend->ctx, layers, count, precision, uses, &packing, err));
  for (int i = 0; i < count; i++)
    WCT_TRY (ops->pack (backend->ctx, packing, i, err));
  *out = packing;
  packing = NULL;

out:
  ops->packing_free (backend->ctx, &packing);
  return status;
}

WctStatus
wct_learner_copy (WctLearner *learner, const WctNetwork *from, WctError *err)
{
  for (int i = 0; i < learner->network.count; i++)
    {
      const WctLayer *to = &learner->network.layers[i], *source = &from->layers[i];
      const size_t    biases = (size_t)to->conv.out_c, weights = wct_layer_parameters (to) - biases;

      if (wct_layer_side (to) == 0)
        continue;
      if (i >= from->count || source->kind != to->kind || source->conv.in_c != to->conv.in_c
          || source->conv.out_c != to->conv.out_c)
        return wct_error_set (err, WCT_ERR_ARGUMENT,
                              "%s: the model to start from has other channels here; start from one of the same plan",
                              to->conv.name);
      memcpy (wct_learner_weight (learner, i), source->conv.weight, weights * sizeof (float));
      memcpy (wct_learner_bias (learner, i), source->conv.bias, biases * sizeof (float));
    }
  if (from->count > learner->network.count)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "%s: the model to start from has more layers; start from one of the same plan",
                          learner->name);
  return WCT_OK;
}
