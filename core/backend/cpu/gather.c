/* Reflection padding, pooling and up-sampling, fused into the copy that puts a convolution's input together. oneDNN
 * pads with zeros only, so a padded copy is needed; it is one strip's, and still in the cache when it is read. */
#include "gather.h"

#include <string.h>

static int32_t
block_count (const WctGather *gather)
{
  return (gather->shape.c + gather->block - 1) / gather->block;
}

size_t
wct_gather_floats (const WctGather *gather, int32_t rows)
{
  return (size_t)block_count (gather) * (size_t)gather->block * (size_t)(rows + 2 * gather->padding)
         * (size_t)(gather->shape.w + 2 * gather->padding);
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

/* One row of one block, without padding, source and result in the same layout. */
static void
fetch_row (const WctGather *gather, const float *map, int32_t block_index, int32_t y, float *out)
{
  const WctMapLayout *source = &gather->source;

  switch (gather->resample)
    {
    case WCT_RESAMPLE_NONE:
      memcpy (out, wct_map_row (source, map, block_index, y),
              (size_t)source->shape.w * (size_t)source->block * sizeof (float));
      break;
    case WCT_RESAMPLE_POOL:
      gather->kernels->pool_row (wct_map_row (source, map, block_index, 2 * y),
                                 wct_map_row (source, map, block_index, 2 * y + 1), gather->shape.w, source->block,
                                 out);
      break;
    case WCT_RESAMPLE_UPSAMPLE:
      gather->kernels->upsample_row (wct_map_row (source, map, block_index, y / 2), source->shape.w, source->block,
                                     out);
      break;
    }
}

/* One value of a planar source. */
static float
fetch_value (const WctGather *gather, const float *map, int32_t c, int32_t y, int32_t x)
{
  const WctMapLayout *source = &gather->source;

  switch (gather->resample)
    {
    case WCT_RESAMPLE_POOL:
      {
        float pooled;

        gather->kernels->pool_row (wct_map_row (source, map, c, 2 * y) + 2 * x,
                                   wct_map_row (source, map, c, 2 * y + 1) + 2 * x, 1, 1, &pooled);
        return pooled;
      }
    case WCT_RESAMPLE_UPSAMPLE:
      return wct_map_row (source, map, c, y / 2)[x / 2];
    case WCT_RESAMPLE_NONE:
      break;
    }
  return wct_map_row (source, map, c, y)[x];
}

/* The few channels of a planar source, spread into one block. Rare (networks with maps of up to 4 channels), so it need
 * not be fast. */
static void
fetch_interleaved_row (const WctGather *gather, const float *map, int32_t y, float *out)
{
  memset (out, 0, (size_t)gather->shape.w * (size_t)gather->block * sizeof (float));
  for (int32_t x = 0; x < gather->shape.w; x++)
    for (int32_t c = 0; c < gather->shape.c; c++)
      out[(size_t)x * (size_t)gather->block + (size_t)c] = fetch_value (gather, map, c, y, x);
}

/* @row: where the padded row begins; its inside is filled. */
static void
pad_row (const WctGather *gather, float *row)
{
  const size_t  pixel = (size_t)gather->block;
  const int32_t w = gather->shape.w;

  memcpy (row, row + pixel * (size_t)(1 + reflect (-1, w)), pixel * sizeof (float));
  memcpy (row + pixel * (size_t)(w + 1), row + pixel * (size_t)(1 + reflect (w, w)), pixel * sizeof (float));
}

void
wct_gather_rows (const WctGather *gather, const float *map, int32_t first, int32_t rows, float *out)
{
  const int32_t padding = gather->padding;
  const size_t  row_floats = (size_t)(gather->shape.w + 2 * padding) * (size_t)gather->block;

  for (int32_t b = 0; b < block_count (gather); b++)
    for (int32_t y = first - padding; y < first + rows + padding; y++, out += row_floats)
      {
        float        *inside = out + (size_t)padding * (size_t)gather->block;
        const int32_t from = reflect (y, gather->shape.h);

        if (gather->block == gather->source.block)
          fetch_row (gather, map, b, from, inside);
        else
          fetch_interleaved_row (gather, map, from, inside);
        if (padding > 0)
          pad_row (gather, out);
      }
}
