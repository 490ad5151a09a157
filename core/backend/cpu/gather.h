/* Collects the padded piece of a map that a convolution reads. */
#ifndef WCT_CPU_GATHER_H
#define WCT_CPU_GATHER_H

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "map.h"

typedef enum
{
  WCT_RESAMPLE_NONE,
  WCT_RESAMPLE_POOL,
  WCT_RESAMPLE_UPSAMPLE
} WctResample;

/* What is read: a stored map, seen through pooling or up-sampling, which are done on the way. */
typedef struct
{
  const WctKernels *kernels;
  WctMapLayout      source;
  WctResample       resample;
  WctShape          shape;   /* after resampling */
  int32_t           block;   /* of the result; where it is not the source's, the source is planar */
  int32_t           padding; /* 1, by reflection at the map's borders, or 0 */
} WctGather;

/* Floats of a piece of @rows rows. */
size_t wct_gather_floats (const WctGather *gather, int32_t rows);

/**
 * wct_gather_rows: write rows @first - padding … @first + @rows + padding - 1, all columns with padding.
 * @map: the source's values
 * @out: (blocks, rows + 2 padding, columns + 2 padding, block)
 */
void wct_gather_rows (const WctGather *gather, const float *map, int32_t first, int32_t rows, float *out);

#endif
