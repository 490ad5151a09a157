/* Winograd's inner loops, compiled as kernels.c is for each instruction set that has registers enough: with 16 of 16
 * bytes they would be three times slower than direct convolution. */
#ifndef WCT_CPU_WINOGRAD_KERNELS_H
#define WCT_CPU_WINOGRAD_KERNELS_H

#include "winograd.h"

#define WCT_WINOGRAD_TILE   4  /* of the result; a tile of the input has 6 */
#define WCT_WINOGRAD_POINTS 36 /* 6 × 6 */
#define WCT_WINOGRAD_TILES  16 /* multiplied together: what they need stays in the cache */

#define WCT_WINOGRAD_WIDE_TILES 256 /* where weights do not */

/* @weight: of wct_winograd_transform_weights; @bias: (out_lanes); @scratch: of wct_winograd_scratch_floats, aligned */
typedef void WctWinogradConvolve (const WctWinogradShape *shape, const float *in, const float *weight,
                                  const float *bias, float *out, float *scratch);

WctWinogradConvolve wct_winograd_base;
#if defined         __x86_64__
WctWinogradConvolve wct_winograd_avx2, wct_winograd_avx512;
#endif

#endif
