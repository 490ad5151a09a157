/* Affine maps of a feature map whose strips come one by one. */
#ifndef WCT_CPU_MAPPING_H
#define WCT_CPU_MAPPING_H

#include "cpu.h"

typedef struct
{
  WctDnnlWeights *weights[2];    /* owned; for full strips, and the last */
  float          *center, *bias; /* owned; (lanes) each, in one block */
} WctCpuRegionMap;

typedef struct
{
  WctCpu          *cpu;    /* borrowed */
  WctMapLayout     layout; /* of what is mapped */
  const WctSelect *select; /* borrowed; NULL: all */
  int              regions;
  WctDnnlConv     *convs[2]; /* owned; for full strips, and the last, where its height is another */
  WctCpuRegionMap *maps;     /* owned; (regions); without bias: stays as it is */
} WctCpuMapping;

/* @maps: one for each region, NULL where it stays as it is; @out: to be cleared in any case */
WctStatus wct_cpu_mapping_new (WctCpu *cpu, const WctMapLayout *layout, const WctSelect *select,
                               const WctAffine *const *maps, WctCpuMapping *out, WctError *err);
void      wct_cpu_mapping_clear (WctCpuMapping *mapping);

/* Of a thread, in bytes; before the mapping is made, when its convolutions' own is not known, without that. */
size_t wct_cpu_mapping_scratch (const WctCpuMapping *mapping);

/* Any thread. @in, @out: hold the strip; may be the same map */
WctStatus wct_cpu_mapping_strip (const WctCpuMapping *mapping, const WctRing *in, const WctRing *out, int32_t strip,
                                 void *scratch, WctError *err);

#endif
