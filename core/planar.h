/* Between pictures as callers have them (interleaved rows) and as networks want them (planar, sides that divide by 16).
 */
#ifndef WCT_PLANAR_H
#define WCT_PLANAR_H

#include <wct/image.h>

#include "network.h"

/* Five levels pool four times. */
#define WCT_SIDE_MULTIPLE 16

/* (3, height, width) with both sides rounded up to a multiple of 16. */
WctShape wct_planar_shape (int32_t width, int32_t height);

/* The pixel that continues a side of @count pixels at position @i >= 0: reflection about the edge pixel, repeated as
 * often as needed; a side of 1 repeats its pixel. */
int32_t wct_mirror (int32_t i, int32_t count);

/* @planar: of wct_planar_shape, written; beyond the picture it is mirrored. */
void wct_planar_from_image (const WctImage *image, float *planar);

/* Renews what lies beyond the picture's size in planes of @shape. */
void wct_planar_mirror (float *planar, int32_t width, int32_t height, WctShape shape);

/* The upper left part of @planar, of wct_planar_shape (image), into @image. */
void wct_planar_to_image (const float *planar, const WctImage *image);

/* Every value a number? @what: the picture's name in the sentence, which tells where the first one is that is not. */
WctStatus wct_image_check_finite (const WctImage *image, const char *what, WctError *err);

/* The same for planes of which the upper left part counts. */
WctStatus wct_planar_check_finite (const float *planar, int32_t width, int32_t height, const char *what, WctError *err);

#endif
