/* The fast guided filter: a small picture's look on a large one's detail (He, Sun, Tang, "Guided image filtering",
 * 2010; He, Sun, "Fast guided filter", 2015). */
#ifndef WCT_GUIDED_H
#define WCT_GUIDED_H

#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

#include "store.h"

#define WCT_GUIDED_LINES 6 /* for each pixel: a and b of the line a · guide + b, for red, green and blue */

/* What is fitted: row @y of the small guide and of the small picture to be followed, both (width, 3). */
typedef WctStatus WctGuidedRead (void *user, int32_t y, float *guide, float *target, WctError *err);

/* Bytes of the store that wct_guided_fit writes. */
size_t wct_guided_bytes (int32_t width, int32_t height);

/**
 * wct_guided_fit: the lines of all pixels of the small picture.
 * @read: is asked for each row once, from the first to the last
 * @lines: rows of (width, WCT_GUIDED_LINES), written
 */
WctStatus wct_guided_fit (int32_t width, int32_t height, WctGuidedRead *read, void *user, WctStore *lines,
                          WctError *err);

/* Between the two sizes. */
typedef struct
{
  const WctStore *lines;
  int32_t         small_width, small_height, width, height;
} WctGuided;

/**
 * wct_guided_row: row @y of the large picture: its guide on the small picture's lines, which are interpolated
 * bilinearly.
 * @scratch: (2, small_width, WCT_GUIDED_LINES)
 * @row: (width, 3): the guide; overwritten by the result
 */
WctStatus wct_guided_row (const WctGuided *guided, int32_t y, float *scratch, float *row, WctError *err);

#endif
