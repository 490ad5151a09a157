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

static WctStatus
make_layer (const WctCpu *cpu, const WctPacking *packing, const WctLayer *layer, WctPackedLayer *out, WctError *err)
{
  const size_t points = WCT_WINOGRAD_POINTS;
  size_t       in_lanes, out_lanes;
  WctStatus    status = WCT_OK;

  out->side = wct_layer_side (layer);
  if (out->side == 0)
    return WCT_OK;
  out->in_lanes = lanes_of (layer->conv.in_c, cpu->kernels->block);
  out->out_lanes = lanes_of (layer->conv.out_c, cpu->kernels->block);
  out->winograd = cpu->kernels->training->winograd_forward != NULL && out->side == 3
                  && packing->precision == WCT_PRECISION_F32 && out->in_lanes <= OWN_WINOGRAD_LANES_MAX
                  && out->out_lanes <= OWN_WINOGRAD_LANES_MAX;
  in_lanes = (size_t)out->in_lanes;
  out_lanes = (size_t)out->out_lanes;
  WCT_TRY (wct_alloc (out_lanes, sizeof (float), layer->conv.name, &out->bias, err));
  if (!out->winograd)
    WCT_TRY (wct_alloc (out_lanes * in_lanes * (size_t)(out->side * out->side), sizeof (float), layer->conv.name,
                        &out->plain, err));
  else
    WCT_TRY (wct_alloc (points * in_lanes * out_lanes, sizeof (float), layer->conv.name, &out->forward, err));
  if (out->winograd && packing->uses != WCT_CHAIN_FORWARD)
    WCT_TRY (wct_alloc (points * in_lanes * out_lanes, sizeof (float), layer->conv.name, &out->backward, err));

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

static WctStatus
pack_winograd (const WctCpu *cpu, const WctConv *conv, WctPackedLayer *packed)
{
  const WctTrainingKernels *kernels = cpu->kernels->training;

  kernels->winograd_weights (conv->weight, conv->in_c, conv->out_c, packed->in_lanes, packed->out_lanes,
                             packed->forward, packed->backward);
  return WCT_OK;
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
  const WctConv  *conv = &packing->layers[layer].conv;
  WctPackedLayer *packed = &packing->packed[layer];
  WctStatus       status;
  int             before;

  if (packed->side == 0)
    return WCT_OK;
  memcpy (packed->bias, conv->bias, (size_t)conv->out_c * sizeof (float));
  before = wct_dnnl_begin_single_thread ();
  status = packed->winograd ? pack_winograd (ctx, conv, packed) : pack_forms (conv, packed, err);
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
