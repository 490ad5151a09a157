/* A picture that is to tile, on its way into a period and out of it: periods have sides that divide by 16, pictures
 * have any, and are resampled where they differ, so that what comes out tiles all the same. */
#ifndef WCT_TILE_H
#define WCT_TILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>

#include "period.h"
#include "resampling.h"

/* All zero: none. */
typedef struct
{
  int32_t       width, height; /* of the picture */
  WctShape      period;        /* with the next sides that divide by 16 */
  bool          resampled;     /* are these others? */
  WctResampling columns_in, rows_in, columns_out, rows_out;
  WctStore     *rows; /* owned; where resampled: the picture's, of (3, period.w); NULL at first */
} WctTile;

/* @out: to be cleared by the caller in any case. No store yet. */
WctStatus wct_tile_new (int32_t width, int32_t height, WctTile *out, WctError *err);
void      wct_tile_clear (WctTile *tile);

/* Bytes of its store; and the store itself, unless it is there; and without it. */
size_t    wct_tile_bytes (const WctTile *tile);
WctStatus wct_tile_allocate (WctTile *tile, bool in_file, WctError *err);
void      wct_tile_release (WctTile *tile);

/* Rows of the picture, in any order. */
WctStatus wct_tile_put_rows (WctTile *tile, const WctImage *rows, int32_t first, const WctPeriod *to, WctError *err);

/**
 * wct_tile_complete: once all rows are there, the period is, with its halo.
 * A picture whose opposite sides do not fit together is made to tile first (seam.h).
 */
WctStatus wct_tile_complete (const WctTile *tile, const WctPeriod *to, WctError *err);

WctStatus wct_tile_get_rows (const WctTile *tile, const WctPeriod *from, int32_t first, const WctImage *rows,
                             WctError *err);

#endif
