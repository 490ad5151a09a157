/* Small pictures of pictures. */
#ifndef WCT_COMMAND_THUMBNAIL_H
#define WCT_COMMAND_THUMBNAIL_H

#include <stdint.h>

#include <wct/image.h>
#include <wct/status.h>

/* A picture of 8 bits, in rows without gaps. */
typedef struct
{
  uint8_t *pixels; /* owned; (height, width, 3), sRGB */
  int32_t  width, height;
} WctThumbnail;

/**
 * wct_thumbnail_make: @image, scaled down until its longer side has @longer_side pixels; a smaller one stays.
 * @image: borrowed; 3 channels
 * @out: on WCT_OK to be cleared by the caller
 */
WctStatus wct_thumbnail_make (const WctImage *image, int32_t longer_side, WctThumbnail *out, WctError *err);

void wct_thumbnail_clear (WctThumbnail *thumbnail); /* twice is welcome */

#endif
