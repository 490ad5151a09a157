/* Which positions of a feature map belong to which style, from the masks of a job. */
#ifndef WCT_REGIONS_H
#define WCT_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>

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

/* The regions of one level. Without masks there is one, the whole map. */
typedef struct
{
  int      count;
  size_t   positions;
  uint8_t *masks; /* owned; (count, positions), 0 or 1; NULL: everything */
  uint8_t *owner; /* owned; (positions): 1 + the region that a position belongs to, 0: none */
  size_t  *sizes; /* owned; (count): positions in each mask */
} WctRegions;

/**
 * wct_regions_sample: masks at the resolution of features.
 * @masks: @count of them, or NULL for one region that is everything
 * @width, @height: the content's. Masks are brought to it (nearest) and continue beyond it by mirroring, as the picture
 * does; the pixel at the middle of a feature's cell decides.
 * @features: the shape of the level's
 * @out: on WCT_OK to be cleared by the caller; may be cleared in any case
 */
WctStatus wct_regions_sample (const WctMask *masks, int count, int32_t width, int32_t height, WctShape features,
                              WctRegions *out, WctError *err);
void      wct_regions_clear (WctRegions *regions);

/* Is there enough to measure? One position alone has no statistics and stays as it is. */
bool wct_regions_active (const WctRegions *regions, int region);

/* Where the region is measured: its whole mask. NULL: everywhere. */
const uint8_t *wct_regions_mask (const WctRegions *regions, int region);

/* Where the region is applied: where no later one covers it. Replaces its mask, so measure all regions first. */
const uint8_t *wct_regions_own (WctRegions *regions, int region);

#endif
