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

typedef struct
{
  int32_t        side; /* of the kernel; 0: no convolution, and nothing below */
  int32_t        in_lanes, out_lanes;
  bool           winograd;           /* by our own kernels? */
  float         *forward, *backward; /* owned; (36, in, out) and, turned, (36, out, in) */
  float         *bias;               /* owned; (out_lanes) */
  float         *plain;              /* owned; (out_lanes, in_lanes, side, side), where oneDNN has it */
  WctPackedForm *forms;              /* owned */
} WctPackedLayer;

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
