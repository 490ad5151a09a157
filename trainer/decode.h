/* Picture files to 8-bit pixels, as fast as they can be had: the one place of the trainer that knows libvips. */
#ifndef WCT_TRAINER_DECODE_H
#define WCT_TRAINER_DECODE_H

#include <stdint.h>

#include <wct/status.h>

#include "pixels.h"

/**
 * wct_decode: read one file whole.
 * @side_max: a picture whose shorter side is more than twice this may be made smaller on the way, but not below twice
 * this; INT32_MAX: never
 * @out: on WCT_OK to be freed with wct_pixels_free; untouched otherwise
 *
 * sRGB, upright, alpha left out. Any thread, after wct_pictures_start. WCT_CANCELED where the program was interrupted.
 */
WctStatus wct_decode (const char *path, int32_t side_max, WctPixels *out, WctError *err);

#endif
