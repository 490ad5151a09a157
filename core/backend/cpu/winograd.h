/* Own convolutions by Winograd's F(4×4, 3×3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks,
 * 2015). oneDNN's are slower, and gone since its version 3.2. */
#ifndef WCT_CPU_WINOGRAD_H
#define WCT_CPU_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One piece of a map: padded (in_lanes / block, rows + 2, columns + 2, block) to (out_lanes / block, rows, columns,
 * block), which is a part of something larger. Lanes are channels, filled up to whole blocks. */
typedef struct
{
  int32_t in_lanes, out_lanes, block;
  int32_t rows, columns;
  size_t  out_row_floats, out_block_floats; /* from one row, and one block, of the result to the next */
  bool    relu;
} WctWinogradShape;

/* Do the weights of all points no longer stay in a core's cache? */
bool wct_winograd_is_wide (int32_t in_lanes, int32_t out_lanes);

/* Tiles that are multiplied together. Few, where weights stay in the cache beside them; all of a piece, where each read
 * of the weights must serve many. */
int32_t wct_winograd_tiles (const WctWinogradShape *shape);

/* Floats of transformed weights, and of a thread's scratch. */
size_t wct_winograd_weight_floats (const WctWinogradShape *shape);
size_t wct_winograd_scratch_floats (const WctWinogradShape *shape);

/* @weight: (out_c, in_c, 3, 3); lanes beyond the channels are left as they are: zero. @out: (36, stripes, in_lanes,
 * lanes of a stripe): stripes of two blocks, the last may have one */
void wct_winograd_transform_weights (const WctWinogradShape *shape, const float *weight, int32_t in_c, int32_t out_c,
                                     float *out);

#endif
