/* Kept features as they lie in strips, block of channels by block of channels, and position by position. */
#include "cpu.h"

#include <string.h>

/* Positions that are on their way at a time, on the stack. */
#define SOME      64
#define BLOCK_MAX 16

typedef struct
{
  size_t  offset;   /* bytes into the store */
  int32_t count;    /* positions there, each of `block` floats */
  int32_t channels; /* of the block's that are not filling */
  size_t  to;       /* of the first position's first channel, in (rows, w, channels) */
} Piece;

static Piece
find_piece (const WctMapLayout *layout, int32_t first, int32_t y, int32_t block, int32_t x)
{
  const WctShape shape = layout->shape;
  const int32_t  strip = (first + y) / layout->strip_rows, left = shape.w - x;
  const int32_t  row = block * wct_strip_row_count (layout, strip) + first + y - wct_strip_first_row (layout, strip);
  const size_t   position = (size_t)row * (size_t)shape.w + (size_t)x;

  return (Piece){ .offset = (wct_strip_offset (layout, strip) + position * (size_t)layout->block) * sizeof (float),
                  .count = left < SOME ? left : SOME,
                  .channels = wct_block_channels (layout, block),
                  .to = ((size_t)y * (size_t)shape.w + (size_t)x) * (size_t)shape.c
                        + (size_t)block * (size_t)layout->block };
}

WctStatus
wct_cpu_kept_read (void *ctx, const WctStore *kept, WctShape features, int32_t first, int32_t rows, float *out,
                   WctError *err)
{
  const WctMapLayout layout = wct_map_layout (features, ((const WctCpu *)ctx)->kernels->block);
  float              values[SOME * BLOCK_MAX];
  WctStatus          status = WCT_OK;

  for (int32_t y = 0; y < rows; y++)
    for (int32_t block = 0; block < layout.blocks; block++)
      for (int32_t x = 0; x < features.w; x += SOME)
        {
          const Piece  piece = find_piece (&layout, first, y, block, x);
          const size_t size = (size_t)piece.count * (size_t)layout.block * sizeof (float);

          WCT_TRY (wct_store_read (kept, piece.offset, size, values, err));
          for (int32_t i = 0; i < piece.count; i++)
            memcpy (out + piece.to + (size_t)i * (size_t)features.c, values + i * layout.block,
                    (size_t)piece.channels * sizeof (float));
        }

out:
  return status;
}

WctStatus
wct_cpu_kept_write (void *ctx, WctStore *kept, WctShape features, int32_t first, int32_t rows, const float *values,
                    WctError *err)
{
  const WctMapLayout layout = wct_map_layout (features, ((const WctCpu *)ctx)->kernels->block);
  float              some[SOME * BLOCK_MAX] = { 0 }; /* what fills up the last block stays 0 */
  WctStatus          status = WCT_OK;

  for (int32_t y = 0; y < rows; y++)
    for (int32_t block = 0; block < layout.blocks; block++)
      for (int32_t x = 0; x < features.w; x += SOME)
        {
          const Piece  piece = find_piece (&layout, first, y, block, x);
          const size_t size = (size_t)piece.count * (size_t)layout.block * sizeof (float);

          if (x == 0)
            memset (some, 0, sizeof some);
          for (int32_t i = 0; i < piece.count; i++)
            memcpy (some + i * layout.block, values + piece.to + (size_t)i * (size_t)features.c,
                    (size_t)piece.channels * sizeof (float));
          WCT_TRY (wct_store_write (kept, piece.offset, size, some, err));
        }

out:
  return status;
}
