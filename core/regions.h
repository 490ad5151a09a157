/* How much of each region is where in a feature map, from the masks of a job. */
#ifndef WCT_REGIONS_H
#define WCT_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>

#include "backend/pass.h"
#include "network.h"

/* A mask as the job keeps it: one byte a pixel, so that those of many regions fit into memory beside a large picture.
 * An edge that fades over more than 255 pixels gets steps of 1/255, which averages hide from relu2_1 on. */
typedef struct
{
  uint8_t *pixels; /* owned; (height, width): 0 … 255 for weights of 0 … 1 */
  int32_t *spans; /* owned; (height, 2): of each row, the first pixel above 0 and the one behind the last; 0, 0: none */
  int32_t  width, height;
  int32_t  rows_put;
  bool     hard; /* 255 where it was above 0.5, else 0 */
} WctMask;

/* Room for a mask, 0 everywhere. */
WctStatus wct_mask_new (int32_t width, int32_t height, bool hard, WctMask *out, WctError *err);
void      wct_mask_clear (WctMask *mask);

/* Rows from @first on, of the mask's width. Below 0 and above 1 they are clipped; WCT_ERR_NUMERIC where one is not a
 * number. */
WctStatus wct_mask_put_rows (WctMask *mask, const WctImage *rows, int32_t first, WctError *err);

/* At most this many regions in a job. */
#define WCT_REGIONS_MAX 255

/* What the features along one side see of a mask: each a window of its pixels, with shares that add up to
 * WCT_SIDE_WHOLE. */
typedef struct
{
  int32_t   count;  /* of the features */
  int32_t   head;   /* of these, that are of a halo and show the opposite side */
  int32_t   tail;   /* from here on they are of a halo again, or mirrored; between the two, windows rise */
  int32_t   width;  /* of the widest window */
  int32_t  *first;  /* owned; (count): pixel of the mask */
  int32_t  *end;    /* owned; (count): behind the last one */
  uint16_t *shares; /* owned; (count, width) */
} WctMaskSide;

#define WCT_SIDE_WHOLE 2048 /* whole numbers, so that a mask of ones makes weights of exactly 1 at any size */

/* One region at one level. */
typedef struct
{
  const WctMask *mask; /* borrowed */
  WctMaskSide    rows, columns;
  bool           active; /* at first */
} WctRegionField;

/* The regions of one level. A mask is stretched over the picture and continues beyond it by mirroring, as the picture
 * does. A feature's weight is the mean over the pixels of its cell. Where the mask is larger than the picture, a pixel
 * of that is the mean of what it covers; where it is smaller, pixels are between those of the mask (linear), so that a
 * small mask has no visible blocks. Hard masks: nearest, and the pixel in the middle of the cell decides. */
typedef struct
{
  WctRegionField *fields; /* owned; (count) */
  int             count;
  int32_t         halo;
} WctRegions;

/**
 * wct_regions_new: what positions are looked up with.
 * @width, @height: the picture's
 * @features: the shape of the level's
 * @halo: how many of these, on each side, show what is at the opposite side of a picture that tiles (period.h): regions
 * are mapped there, too, and not measured
 * @out: to be cleared by the caller in any case
 */
WctStatus wct_regions_new (const WctMask *masks, int count, int32_t width, int32_t height, WctShape features,
                           int32_t halo, WctRegions *out, WctError *err);
void      wct_regions_clear (WctRegions *regions);

/* How much weight a region has in all, added up until there is @enough: in positions. */
double wct_regions_weigh (const WctRegions *regions, int region, double enough);

/* Such a region is mapped nowhere, and covers nothing. */
void wct_regions_leave_out (WctRegions *regions, int region);

/* As passes see them. A region is measured by its own mask; it is mapped by that times what each later region that is
 * active leaves of it, 1 - weight: of hard masks, the last one owns a position.
 * @regions: borrowed for as long as it is used */
WctRegionWeights wct_regions_weights (const WctRegions *regions);

#endif
