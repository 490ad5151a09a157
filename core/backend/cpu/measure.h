/* Moments of a feature map whose strips come one by one. */
#ifndef WCT_CPU_MEASURE_H
#define WCT_CPU_MEASURE_H

#include "cpu.h"

typedef struct
{
  WctMoments *moments; /* borrowed; written at the end */
  int         region;  /* negative: the whole map */
} WctCpuMeasured;

typedef struct
{
  WctCpu                 *cpu;     /* borrowed */
  WctMapLayout            layout;  /* of the map that is measured */
  const WctRegionWeights *weights; /* borrowed; NULL: all */
  WctCpuMeasured         *parts;   /* owned; (count) */
  int                     count;   /* regions that are measured, and the whole where that is */
  int32_t                 groups;
  double                 *means;       /* owned; (count, strips, lanes) */
  double                 *sum_weights; /* owned; (count, strips) */
  double                 *products;    /* owned; (count, groups, lanes, lanes), upper triangles */
} WctCpuMeasure;

/* Strips that are this far apart must be added one after the other. */
int32_t wct_cpu_measure_groups (const WctMapLayout *layout);

/* Bytes that it allocates for @count parts, and of a thread's scratch. */
size_t wct_cpu_measure_bytes (const WctMapLayout *layout, int count);
size_t wct_cpu_measure_scratch (const WctMapLayout *layout, const WctRegionWeights *weights);

/* @tap: whose moments are written. @out: to be cleared in any case */
WctStatus wct_cpu_measure_new (WctCpu *cpu, const WctMapLayout *layout, const WctRegionWeights *weights,
                               const WctTap *tap, WctCpuMeasure *out, WctError *err);
void      wct_cpu_measure_clear (WctCpuMeasure *measure);

/* Any thread. @map: holds the strip */
void wct_cpu_measure_strip (const WctCpuMeasure *measure, const WctRing *map, int32_t strip, void *scratch);

/* After all strips. */
void wct_cpu_measure_finish (WctCpuMeasure *measure);

#endif
