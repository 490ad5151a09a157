/* Affine maps of a feature map whose strips come one by one. */
#ifndef WCT_CPU_MAPPING_H
#define WCT_CPU_MAPPING_H

#include "cpu.h"

/* What a convolution maps at once. */
typedef enum
{
  WCT_CPU_MAP_STRIP,  /* a full strip */
  WCT_CPU_MAP_LAST,   /* the last strip, where its height is another */
  WCT_CPU_MAP_PICKED, /* positions of a region, one behind the other; where there are regions */
  WCT_CPU_MAP_SHAPES
} WctCpuMapShape;

typedef struct
{
  WctDnnlWeights *weights[WCT_CPU_MAP_SHAPES]; /* owned; NULL where those of full strips fit, too */
  float          *center, *bias;               /* owned; (lanes) each, in one block */
} WctCpuRegionMap;

typedef struct
{
  WctCpu                 *cpu;     /* borrowed */
  WctMapLayout            layout;  /* of what is mapped */
  const WctRegionWeights *weights; /* borrowed; NULL: all */
  int                     regions;
  bool                    adds; /* regions' maps are added to what is in the result already, not to what comes in */
  WctDnnlConv            *convs[WCT_CPU_MAP_SHAPES]; /* owned; NULL where there is none of the shape */
  WctCpuRegionMap        *maps;                      /* owned; (regions); without bias: stays as it is */
} WctCpuMapping;

/* @maps: one for each region, NULL where it stays as it is; @out: to be cleared in any case */
WctStatus wct_cpu_mapping_new (WctCpu *cpu, const WctMapLayout *layout, const WctRegionWeights *weights,
                               const WctAffine *const *maps, WctCpuMapping *out, WctError *err);
void      wct_cpu_mapping_clear (WctCpuMapping *mapping);

/* Bytes that it allocates for @regions maps. */
size_t wct_cpu_mapping_bytes (const WctMapLayout *layout, int regions);

/* Of a thread, in bytes; before the mapping is made, when its convolutions' own is not known, without that. */
size_t wct_cpu_mapping_scratch (const WctCpuMapping *mapping);

/* Any thread. @in, @out: hold the strip; may be the same map where there is one region */
WctStatus wct_cpu_mapping_strip (const WctCpuMapping *mapping, const WctRing *in, const WctRing *out, int32_t strip,
                                 void *scratch, WctError *err);

#endif
