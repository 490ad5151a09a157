/* An affine map of features that lie position by position, in float. */
#ifndef WCT_ROW_MAP_H
#define WCT_ROW_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "transform.h"

typedef struct
{
  int32_t channels;
  float  *matrix; /* owned; (channels, channels), then center and bias */
  float  *center;
  float  *bias;
} WctRowMap;

/* @out: to be cleared by the caller in any case */
WctStatus wct_row_map_new (const WctAffine *affine, WctRowMap *out, WctError *err);
void      wct_row_map_clear (WctRowMap *map);
size_t    wct_row_map_bytes (int32_t channels);

/**
 * wct_row_map_apply: out = matrix (in - center) + bias.
 * @in: (count, channels)
 * @centered: likewise, for the work in between; may be @in
 * @out: likewise; neither of them
 * Any thread; the same bits on each.
 */
void wct_row_map_apply (const WctRowMap *map, int32_t count, const float *in, float *centered, float *out);

#endif
