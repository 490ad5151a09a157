/* Moments of a feature map whose strips come one by one. */
#ifndef WCT_CPU_MEASURE_H
#define WCT_CPU_MEASURE_H

#include "cpu.h"

typedef struct
{
  WctCpu          *cpu;    /* borrowed */
  WctMapLayout     layout; /* of the map that is measured */
  const WctSelect *select; /* borrowed; NULL: all */
  int              regions;
  int32_t          groups;
  double          *means;    /* owned; (regions, strips, lanes) */
  int64_t         *counts;   /* owned; (regions, strips) */
  double          *products; /* owned; (regions, groups, lanes, lanes), upper triangles */
} WctCpuMeasure;

/* Strips that are this far apart must be added one after the other. */
int32_t wct_cpu_measure_groups (const WctMapLayout *layout);

/* Bytes that it allocates, and of a thread's scratch. */
size_t wct_cpu_measure_bytes (const WctMapLayout *layout, int regions);
size_t wct_cpu_measure_scratch (const WctMapLayout *layout);

/* @out: to be cleared in any case */
WctStatus wct_cpu_measure_new (WctCpu *cpu, const WctMapLayout *layout, const WctSelect *select, WctCpuMeasure *out,
                               WctError *err);
void      wct_cpu_measure_clear (WctCpuMeasure *measure);

/* Any thread. @map: holds the strip */
void wct_cpu_measure_strip (const WctCpuMeasure *measure, const WctRing *map, int32_t strip, void *scratch);

/* After all strips. @out: one for each region */
void wct_cpu_measure_finish (WctCpuMeasure *measure, WctMoments *const *out);

#endif
