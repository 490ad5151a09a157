/* Weights of a layer list as training's convolutions want them: for our own kernels at Winograd's points, for oneDNN in
 * each layout that a chain's primitive asked for. */
#ifndef WCT_CPU_PACKING_H
#define WCT_CPU_PACKING_H

#include "cpu.h"

typedef struct WctPackedForm
{
  struct WctPackedForm *next;
  WctDnnlWeights       *weights; /* owned */
} WctPackedForm;

/* Who computes a convolution. */
typedef enum
{
  WCT_BY_WINOGRAD, /* our own kernels */
  WCT_BY_ONEDNN,
  WCT_BY_FROM_PICTURE, /* our own kernels for few input channels */
  WCT_BY_TO_PICTURE    /* and for few output channels; also where both are few */
} WctConvolver;

typedef struct
{
  int32_t      side; /* of the kernel; 0: no convolution, and nothing below */
  int32_t      in_lanes, out_lanes;
  WctConvolver by;
  float       *forward, *backward; /* owned; as the own kernels want them, forward and for the way back to the input */
  float       *bias;               /* owned; (out_lanes) */
  float       *plain;              /* owned; (out_lanes, in_lanes, side, side), for oneDNN */
  WctPackedForm *forms;            /* owned; for oneDNN */
} WctPackedLayer;

/* Is it a 1×1 convolution that is computed as one of 3×3? */
static inline bool
wct_packed_is_widened (const WctPackedLayer *layer)
{
  return layer->side == 1 && layer->by == WCT_BY_WINOGRAD;
}

struct WctPacking
{
  const WctLayer *layers; /* borrowed */
  int             count;
  WctPrecision    precision;
  unsigned        uses;
  WctPackedLayer *packed; /* owned; one for each layer */
};

/* The weights of one layer in the layout that @conv wants: found or made, from what was packed last. */
WctStatus wct_cpu_packing_form (WctPacking *packing, int layer, const WctDnnlConv *conv, const WctDnnlWeights **out,
                                WctError *err);

#endif
