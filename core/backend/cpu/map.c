/* How a map is cut into strips. */
#include "map.h"

/* A strip should stay in a core's cache with what is computed from it, and still be long enough for oneDNN's blocks.
 * Measured on Zen 4 and 5, 16 to 512 channels (docs/benchmarks.md): 2 to 8 thousand positions are within 10 % of the
 * best. */
#define STRIP_POSITIONS 4096

int32_t wct_map_test_positions;

/* From here on a layer's weights no longer stay in the cache: few long strips, each reads them once. */
#define WIDE_CHANNELS 256

/* Winograd's output tiles have 4 rows. */
#define TILE_ROWS 4

static int32_t
divide_up (int64_t a, int64_t b)
{
  return (int32_t)((a + b - 1) / b);
}

static int32_t
wanted_rows (WctShape shape)
{
  int32_t rows = divide_up (wct_map_test_positions > 0 ? wct_map_test_positions : STRIP_POSITIONS, shape.w);

  /* Small maps of few channels still give work to four threads. */
  if (shape.c < WIDE_CHANNELS && rows > divide_up (shape.h, 4))
    rows = divide_up (shape.h, 4) < 2 * TILE_ROWS ? 2 * TILE_ROWS : divide_up (shape.h, 4);
  rows = divide_up (rows, TILE_ROWS) * TILE_ROWS;
  return rows < shape.h ? rows : shape.h;
}

/* A last strip of another height costs a primitive and a packing of the weights of its own: take a nearby height that
 * divides the map where there is one. */
static int32_t
nearby_divisor (int32_t height, int32_t rows)
{
  for (int32_t away = 0; away <= rows / 2; away++)
    {
      if (height % (rows + away) == 0)
        return rows + away;
      if (height % (rows - away) == 0)
        return rows - away;
    }
  return rows;
}

WctMapLayout
wct_map_layout (WctShape shape, int32_t block)
{
  WctMapLayout layout = { .shape = shape, .block = shape.c <= WCT_PLANAR_CHANNELS_MAX ? 1 : block };

  layout.blocks = divide_up (shape.c, layout.block);
  layout.strip_rows = nearby_divisor (shape.h, wanted_rows (shape));
  layout.slots = layout.strips = divide_up (shape.h, layout.strip_rows);
  return layout;
}
