/* Where the values of a feature map lie.
 *
 * A map is cut into strips of rows, and each strip is a small dense map of its own in oneDNN's layout: (blocks of
 * channels, rows, columns, channels in a block). One strip is computed by one thread, straight into its place. The
 * layout follows from the shape alone, so whoever makes a map and whoever reads it agree, and results do not depend on
 * the number of threads. Pictures, which have 3 channels, are planar: blocks of 1 channel, one strip. */
#ifndef WCT_CPU_MAP_H
#define WCT_CPU_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "network.h"

typedef struct
{
  WctShape shape;
  int32_t  block;      /* channels in a block */
  int32_t  blocks;     /* the last is filled up with zeros */
  int32_t  strip_rows; /* of every strip but the last, which may have fewer */
  int32_t  strips;
} WctMapLayout;

/* Maps of up to this many channels are planar. */
#define WCT_PLANAR_CHANNELS_MAX 4

/* @block: 16 or 8, as the processor likes it */
WctMapLayout wct_map_layout (WctShape shape, int32_t block);

static inline int32_t
wct_strip_first_row (const WctMapLayout *layout, int32_t strip)
{
  return strip * layout->strip_rows;
}

static inline int32_t
wct_strip_row_count (const WctMapLayout *layout, int32_t strip)
{
  const int32_t left = layout->shape.h - strip * layout->strip_rows;

  return left < layout->strip_rows ? left : layout->strip_rows;
}

/* Floats before a strip; with strip == strips, the size of the map. */
static inline size_t
wct_strip_offset (const WctMapLayout *layout, int32_t strip)
{
  const size_t first_row =
    strip < layout->strips ? (size_t)strip * (size_t)layout->strip_rows : (size_t)layout->shape.h;

  return first_row * (size_t)layout->shape.w * (size_t)layout->blocks * (size_t)layout->block;
}

static inline size_t
wct_map_floats (const WctMapLayout *layout)
{
  return wct_strip_offset (layout, layout->strips);
}

static inline int32_t
wct_strip_positions (const WctMapLayout *layout, int32_t strip)
{
  return wct_strip_row_count (layout, strip) * layout->shape.w;
}

/* Channels of a block that are not filling. */
static inline int32_t
wct_block_channels (const WctMapLayout *layout, int32_t block_index)
{
  const int32_t left = layout->shape.c - block_index * layout->block;

  return left < layout->block ? left : layout->block;
}

/* One block of a strip: positions · block floats. */
static inline float *
wct_strip_block (const WctMapLayout *layout, float *map, int32_t strip, int32_t block_index)
{
  return map + wct_strip_offset (layout, strip)
         + (size_t)block_index * (size_t)wct_strip_positions (layout, strip) * (size_t)layout->block;
}

/* The row of one block: w · block floats. */
static inline const float *
wct_map_row (const WctMapLayout *layout, const float *map, int32_t block_index, int32_t y)
{
  const int32_t strip = y / layout->strip_rows;
  const size_t  row = (size_t)block_index * (size_t)wct_strip_row_count (layout, strip)
                     + (size_t)(y - wct_strip_first_row (layout, strip));

  return map + wct_strip_offset (layout, strip) + row * (size_t)layout->shape.w * (size_t)layout->block;
}

#endif
