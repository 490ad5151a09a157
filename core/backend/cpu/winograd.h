/* Own convolutions by Winograd's F(4×4, 3×3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015),
 * for maps of few channels, where oneDNN's are no faster than direct convolution. */
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

/* Floats of transformed weights, and of a thread's scratch. */
size_t wct_winograd_weight_floats (const WctWinogradShape *shape);
size_t wct_winograd_scratch_floats (const WctWinogradShape *shape);

/* @weight: (out_c, in_c, 3, 3); lanes beyond the channels are left as they are: zero. @out: (36, in_lanes, out_lanes)
 */
void wct_winograd_transform_weights (const WctWinogradShape *shape, const float *weight, int32_t in_c, int32_t out_c,
                                     float *out);

#endif
