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

/* Rows and columns of the map as it is seen, without padding. */
typedef struct
{
  int32_t y, x, rows, columns; /* where it is up-sampled, @x and @columns are even */
} WctPiece;

/* Floats of a piece. */
size_t wct_gather_floats (const WctGather *gather, int32_t rows, int32_t columns);

/* The rows of the source that a piece of @rows rows from @y on is made of, padding included. */
void wct_gather_needs (const WctGather *gather, int32_t y, int32_t rows, int32_t *first, int32_t *last);

/**
 * wct_gather_piece: write a piece with its padding.
 * @map: the source's values
 * @out: (blocks, rows + 2 padding, columns + 2 padding, block)
 */
void wct_gather_piece (const WctGather *gather, const float *map, WctPiece piece, float *out);

#endif
