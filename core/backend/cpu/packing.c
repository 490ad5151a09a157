#include "packing.h"

#include <string.h>

#include "mem.h"

/* Up to here our own Winograd kernels are faster than oneDNN's, in all directions (docs/benchmarks.md). */
#define OWN_WINOGRAD_LANES_MAX 128

static int32_t
lanes_of (int32_t channels, int32_t block)
{
  return (channels + block - 1) / block * block;
}

static WctConvolver
choose_convolver (const WctCpu *cpu, const WctPacking *packing, const WctConv *conv, const WctPackedLayer *layer)
{
  if (conv->out_c <= WCT_THIN_BLOCK)
    return WCT_BY_TO_PICTURE;
  if (conv->in_c <= WCT_THIN_BLOCK)
    return WCT_BY_FROM_PICTURE;
  if (cpu->kernels->training->only_own
      || (layer->side == 3 && packing->precision == WCT_PRECISION_F32 && layer->in_lanes <= OWN_WINOGRAD_LANES_MAX
          && layer->out_lanes <= OWN_WINOGRAD_LANES_MAX))
    return WCT_BY_WINOGRAD;
  return WCT_BY_ONEDNN;
}

/* Floats of one of the two forms that own kernels want. */
static size_t
own_floats (const WctPackedLayer *layer)
{
  const size_t in_lanes = (size_t)layer->in_lanes, out_lanes = (size_t)layer->out_lanes;

  if (layer->by == WCT_BY_WINOGRAD)
    return WCT_WINOGRAD_POINTS * in_lanes * out_lanes;
  return 9 * WCT_THIN_BLOCK * (layer->by == WCT_BY_FROM_PICTURE ? out_lanes : in_lanes);
}

static WctStatus
make_layer (const WctCpu *cpu, const WctPacking *packing, const WctLayer *layer, WctPackedLayer *out, WctError *err)
{
  const char *name = layer->conv.name;
  WctStatus   status = WCT_OK;

  out->side = wct_layer_side (layer);
  if (out->side == 0)
    return WCT_OK;
  out->in_lanes = lanes_of (layer->conv.in_c, cpu->kernels->block);
  out->out_lanes = lanes_of (layer->conv.out_c, cpu->kernels->block);
  out->by = choose_convolver (cpu, packing, &layer->conv, out);
  WCT_TRY (wct_alloc ((size_t)out->out_lanes, sizeof (float), name, &out->bias, err));
  if (out->by == WCT_BY_ONEDNN)
    return wct_alloc ((size_t)out->out_lanes * (size_t)out->in_lanes * (size_t)(out->side * out->side), sizeof (float),
                      name, &out->plain, err);
  if (wct_packed_is_widened (out))
    WCT_TRY (
      wct_alloc (9 * (size_t)layer->conv.out_c * (size_t)layer->conv.in_c, sizeof (float), name, &out->plain, err));
  WCT_TRY (wct_alloc (own_floats (out), sizeof (float), name, &out->forward, err));
  if (packing->uses != WCT_CHAIN_FORWARD)
    WCT_TRY (wct_alloc (own_floats (out), sizeof (float), name, &out->backward, err));

out:
  return status;
}

WctStatus
wct_cpu_packing_new (void *ctx, const WctLayer *layers, int count, WctPrecision precision, unsigned uses,
                     WctPacking **out, WctError *err)
{
  WctPacking *packing = NULL;
  WctStatus   status;

  WCT_TRY (wct_alloc (1, sizeof *packing, "packed weights", &packing, err));
  packing->layers = layers;
  packing->precision = precision;
  packing->uses = uses;
  WCT_TRY (wct_alloc ((size_t)count, sizeof *packing->packed, "packed weights", &packing->packed, err));
  packing->count = count;
  for (int i = 0; i < count; i++)
    WCT_TRY (make_layer (ctx, packing, &layers[i], &packing->packed[i], err));
  *out = packing;
  packing = NULL;

out:
  wct_cpu_packing_free (ctx, &packing);
  return status;
}

static void
free_form (WctPackedForm **form)
{
  if (*form == NULL)
    return;
  wct_dnnl_weights_free (&(*form)->weights);
  wct_free (form);
}

void
wct_cpu_packing_free (void *ctx, WctPacking **packing)
{
  (void)ctx;
  if (*packing == NULL)
    return;
  for (int i = 0; i < (*packing)->count; i++)
    {
      WctPackedLayer *layer = &(*packing)->packed[i];

      while (layer->forms != NULL)
        {
          WctPackedForm *form = layer->forms;

          layer->forms = form->next;
          free_form (&form);
        }
      wct_free (&layer->forward);
      wct_free (&layer->backward);
      wct_free (&layer->bias);
      wct_free (&layer->plain);
    }
  wct_free (&(*packing)->packed);
  wct_free (packing);
}

/* ---- Packing ------------------------------------------------------------------------------------------------ */

static void
pack_winograd (const WctCpu *cpu, const WctConv *conv, WctPackedLayer *packed)
{
  const float *weight = conv->weight;

  if (wct_packed_is_widened (packed))
    {
      for (size_t i = 0; i < (size_t)conv->out_c * (size_t)conv->in_c; i++)
        packed->plain[9 * i + 4] = conv->weight[i];
      weight = packed->plain;
    }
  cpu->kernels->training->winograd_weights (weight, conv->in_c, conv->out_c, packed->in_lanes, packed->out_lanes,
                                            packed->forward, packed->backward);
}

/* picture_conv's kernels have nine taps; a 1×1 kernel is the one in the middle. */
static size_t
tap_of_nine (size_t tap, size_t taps)
{
  return taps == 1 ? 4 : tap;
}

/* See thin_from_picture and its kin in training-kernels.h for the forms. */
static void
pack_from_picture (const WctConv *conv, WctPackedLayer *packed)
{
  const size_t taps = (size_t)(packed->side * packed->side), in_c = (size_t)conv->in_c;
  const size_t lanes = (size_t)packed->out_lanes;

  for (size_t o = 0; o < (size_t)conv->out_c; o++)
    for (size_t c = 0; c < in_c; c++)
      for (size_t tap = 0; tap < taps; tap++)
        {
          const float weight = conv->weight[(o * in_c + c) * taps + tap];

          packed->forward[(tap * in_c + c) * lanes + o] = weight;
          if (packed->backward != NULL)
            packed->backward[(c * 9 + tap_of_nine (taps - 1 - tap, taps)) * lanes + o] = weight;
        }
}

static void
pack_to_picture (const WctConv *conv, WctPackedLayer *packed)
{
  const size_t taps = (size_t)(packed->side * packed->side), out_c = (size_t)conv->out_c;
  const size_t lanes = (size_t)packed->in_lanes;

  for (size_t o = 0; o < out_c; o++)
    for (size_t c = 0; c < (size_t)conv->in_c; c++)
      for (size_t tap = 0; tap < taps; tap++)
        {
          const float weight = conv->weight[(o * (size_t)conv->in_c + c) * taps + tap];

          packed->forward[(o * 9 + tap_of_nine (tap, taps)) * lanes + c] = weight;
          if (packed->backward != NULL)
            packed->backward[((taps - 1 - tap) * out_c + o) * lanes + c] = weight;
        }
}

static WctStatus
pack_forms (const WctConv *conv, WctPackedLayer *packed, WctError *err)
{
  const size_t taps = (size_t)(packed->side * packed->side), row = (size_t)conv->in_c * taps;
  WctStatus    status = WCT_OK;

  for (size_t o = 0; o < (size_t)conv->out_c; o++)
    memcpy (packed->plain + o * (size_t)packed->in_lanes * taps, conv->weight + o * row, row * sizeof (float));
  for (WctPackedForm *form = packed->forms; form != NULL && status == WCT_OK; form = form->next)
    status = wct_dnnl_weights_renew (form->weights, packed->plain, err);
  return status;
}

WctStatus
wct_cpu_pack (void *ctx, WctPacking *packing, int layer, WctError *err)
{
  const WctCpu   *cpu = ctx;
  const WctConv  *conv = &packing->layers[layer].conv;
  WctPackedLayer *packed = &packing->packed[layer];
  WctStatus       status;
  int             before;

  if (packed->side == 0)
    return WCT_OK;
  memcpy (packed->bias, conv->bias, (size_t)conv->out_c * sizeof (float));
  switch (packed->by)
    {
    case WCT_BY_WINOGRAD:
      pack_winograd (cpu, conv, packed);
      return WCT_OK;
    case WCT_BY_FROM_PICTURE:
      pack_from_picture (conv, packed);
      return WCT_OK;
    case WCT_BY_TO_PICTURE:
      pack_to_picture (conv, packed);
      return WCT_OK;
    case WCT_BY_ONEDNN:
      break;
    }
  before = wct_dnnl_begin_single_thread ();
  status = pack_forms (conv, packed, err);
  wct_dnnl_end_single_thread (before);
  return status;
}

WctStatus
wct_cpu_packing_form (WctPacking *packing, int layer, const WctDnnlConv *conv, const WctDnnlWeights **out,
                      WctError *err)
{
  WctPackedLayer *packed = &packing->packed[layer];
  WctPackedForm  *form = NULL;
  WctStatus       status;

  for (form = packed->forms; form != NULL; form = form->next)
    if (wct_dnnl_weights_fit (form->weights, conv))
      {
        *out = form->weights;
        return WCT_OK;
      }
  WCT_TRY (wct_alloc (1, sizeof *form, packing->layers[layer].conv.name, &form, err));
  WCT_TRY (wct_dnnl_weights_new (conv, packed->plain, &form->weights, err));
  form->next = packed->forms;
  packed->forms = form;
  *out = form->weights;
  form = NULL;

out:
  free_form (&form);
  return status;
}
