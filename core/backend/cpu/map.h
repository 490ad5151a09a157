/* Where the values of a feature map lie.
 *
 * A map is cut into strips of rows, and each strip is a small dense map of its own in oneDNN's layout: (blocks of
 * channels, rows, columns, channels in a block). One strip is computed by one thread, straight into its place. The
 * layout follows from the shape alone, so whoever makes a map and whoever reads it agree, and results do not depend on
 * the number of threads. Pictures, which have 3 channels, are planar: blocks of 1 channel.
 *
 * A map need not be there as a whole: as a ring it holds the last strips only, each in the slot that its number gives.
 */
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
  int32_t  slots; /* strips that there is room for: a ring, where it is less than all */
} WctMapLayout;

/* A map with its values, or a ring. */
typedef struct
{
  WctMapLayout layout;
  float       *data; /* wct_map_floats; whose, the holder says */
} WctRing;

/* Maps of up to this many channels are planar. */
#define WCT_PLANAR_CHANNELS_MAX 4

/* @block: 16 or 8, as the processor likes it */
WctMapLayout wct_map_layout (WctShape shape, int32_t block);

/* For tests only: positions that a strip should have; 0: as measurements say. Everything that is to fit together has to
 * be made between two changes of it. */
extern int32_t wct_map_test_positions;

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

/* Channels, and what fills the last block up: zeros. */
static inline size_t
wct_map_lanes (const WctMapLayout *layout)
{
  return (size_t)layout->blocks * (size_t)layout->block;
}

/* Floats of one row, all channels. */
static inline size_t
wct_row_floats (const WctMapLayout *layout)
{
  return (size_t)layout->shape.w * wct_map_lanes (layout);
}

/* Floats before a strip. */
static inline size_t
wct_strip_offset (const WctMapLayout *layout, int32_t strip)
{
  return (size_t)(strip % layout->slots) * (size_t)layout->strip_rows * wct_row_floats (layout);
}

/* Floats of a whole strip, not the last. */
static inline size_t
wct_strip_floats (const WctMapLayout *layout)
{
  return (size_t)layout->strip_rows * wct_row_floats (layout);
}

/* Floats of the map, or of the ring. */
static inline size_t
wct_map_floats (const WctMapLayout *layout)
{
  return layout->slots < layout->strips ? (size_t)layout->slots * wct_strip_floats (layout)
                                        : (size_t)layout->shape.h * wct_row_floats (layout);
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
