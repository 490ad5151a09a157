/* Reflection padding, pooling and up-sampling, fused into the copy that puts a convolution's input together. oneDNN
 * pads with zeros only, so a padded copy is needed; it is one piece's, and still in the cache when it is read. */
#include "gather.h"

#include <string.h>

static int32_t
block_count (const WctGather *gather)
{
  return (gather->shape.c + gather->block - 1) / gather->block;
}

size_t
wct_gather_floats (const WctGather *gather, int32_t rows, int32_t columns)
{
  return (size_t)block_count (gather) * (size_t)gather->block * (size_t)(rows + 2 * gather->padding)
         * (size_t)(columns + 2 * gather->padding);
}

/* Reflection about the first and last element; a side of 1 repeats it. */
static int32_t
reflect (int32_t i, int32_t count)
{
  if (count == 1)
    return 0;
  if (i < 0)
    return -i;
  return i < count ? i : 2 * count - 2 - i;
}

void
wct_gather_needs (const WctGather *gather, int32_t y, int32_t rows, int32_t *first, int32_t *last)
{
  const int32_t end = y + rows - 1 + gather->padding, bottom = gather->shape.h - 1;

  *first = y > gather->padding ? y - gather->padding : 0;
  *last = end < bottom ? end : bottom;
  switch (gather->resample)
    {
    case WCT_RESAMPLE_POOL:
      *first = 2 * *first;
      *last = 2 * *last + 1;
      break;
    case WCT_RESAMPLE_UPSAMPLE:
      *first /= 2;
      *last /= 2;
      break;
    case WCT_RESAMPLE_NONE:
      break;
    }
}

/* @count columns from @x on of a row of one block, source and result in the same layout. */
static void
fetch_columns (const WctGather *gather, const float *map, int32_t block_index, int32_t y, int32_t x, int32_t count,
               float *out)
{
  const WctMapLayout *source = &gather->source;
  const size_t        pixel = (size_t)source->block;

  switch (gather->resample)
    {
    case WCT_RESAMPLE_NONE:
      memcpy (out, wct_map_row (source, map, block_index, y) + (size_t)x * pixel,
              (size_t)count * pixel * sizeof (float));
      break;
    case WCT_RESAMPLE_POOL:
      gather->kernels->pool_row (wct_map_row (source, map, block_index, 2 * y) + 2 * (size_t)x * pixel,
                                 wct_map_row (source, map, block_index, 2 * y + 1) + 2 * (size_t)x * pixel, count,
                                 source->block, out);
      break;
    case WCT_RESAMPLE_UPSAMPLE:
      {
        const float *row = wct_map_row (source, map, block_index, y / 2) + (size_t)(x / 2) * pixel;

        if (count == 1)
          memcpy (out, row, pixel * sizeof (float));
        else
          gather->kernels->upsample_row (row, count / 2, source->block, out);
        break;
      }
    }
}

/* The same for the few channels of a planar source, spread into one block. Rare (networks with maps of up to 4
 * channels), so it need not be fast. */
static void
fetch_spread_columns (const WctGather *gather, const float *map, int32_t y, int32_t x, int32_t count, float *out)
{
  memset (out, 0, (size_t)count * (size_t)gather->block * sizeof (float));
  for (int32_t i = 0; i < count; i++)
    for (int32_t c = 0; c < gather->shape.c; c++)
      fetch_columns (gather, map, c, y, x + i, 1, out + (size_t)i * (size_t)gather->block + (size_t)c);
}

static void
fetch (const WctGather *gather, const float *map, int32_t block_index, int32_t y, int32_t x, int32_t count, float *out)
{
  if (gather->block == gather->source.block)
    fetch_columns (gather, map, block_index, y, x, count, out);
  else
    fetch_spread_columns (gather, map, y, x, count, out);
}

void
wct_gather_piece (const WctGather *gather, const float *map, WctPiece piece, float *out)
{
  const int32_t padding = gather->padding, w = gather->shape.w;
  const size_t  pixel = (size_t)gather->block;
  const size_t  row_floats = (size_t)(piece.columns + 2 * padding) * pixel;

  for (int32_t b = 0; b < block_count (gather); b++)
    for (int32_t y = piece.y - padding; y < piece.y + piece.rows + padding; y++, out += row_floats)
      {
        const int32_t from = reflect (y, gather->shape.h);

        fetch (gather, map, b, from, piece.x, piece.columns, out + (size_t)padding * pixel);
        if (padding > 0)
          {
            fetch (gather, map, b, from, reflect (piece.x - 1, w), 1, out);
            fetch (gather, map, b, from, reflect (piece.x + piece.columns, w), 1, out + row_floats - pixel);
          }
      }
}
