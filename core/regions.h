/* Which positions of a feature map belong to which style, from the masks of a job. */
#ifndef WCT_REGIONS_H
#define WCT_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>

#include "backend/pass.h"
#include "network.h"

/* A mask as the job keeps it: one byte a pixel, 1 where it was above 0.5. */
typedef struct
{
  uint8_t *pixels; /* owned; (height, width) */
  int32_t  width, height;
} WctMask;

WctStatus wct_mask_new (const WctImage *image, WctMask *out, WctError *err);
void      wct_mask_clear (WctMask *mask);

/* At most this many regions in a job. */
#define WCT_REGIONS_MAX 255

/* The regions of one level. Masks are brought to the picture's size (nearest) and continue beyond it by mirroring, as
 * the picture does; the pixel at the middle of a feature's cell decides. Positions are looked up row by row. */
typedef struct
{
  const WctMask *masks; /* borrowed; (count) */
  int            count;
  int32_t        height; /* of the picture */
  int32_t        cell;   /* pixels to a feature's side */
  int32_t        columns;
  int32_t       *column; /* owned; (count, columns): where each column of the features lies in each mask */
  bool          *active; /* owned; (count); all at first */
} WctRegions;

/**
 * wct_regions_new: what rows are looked up with.
 * @width, @height: the picture's
 * @features: the shape of the level's
 * @out: to be cleared by the caller in any case
 */
WctStatus wct_regions_new (const WctMask *masks, int count, int32_t width, int32_t height, WctShape features,
                           WctRegions *out, WctError *err);
void      wct_regions_clear (WctRegions *regions);

/* One position alone has no statistics: such a region stays as it is, and owns nothing. */
void wct_regions_leave_out (WctRegions *regions, int region);

/* As passes see them: a region is measured in its whole mask, and mapped where no later one that is active covers it.
 * @regions: borrowed for as long as it is used */
WctSelect wct_regions_select (const WctRegions *regions);

#endif
