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

/* Where row @y of an image is. */
float *wct_image_row (const WctImage *image, int32_t y);

/* One row as (3, w) planes, mirrored beyond its width; and back, as far as the picture is wide. */
void wct_planar_row_from_image (const WctImage *image, int32_t y, int32_t w, float *planes);
void wct_planar_row_to_image (const float *planes, int32_t w, const WctImage *image, int32_t y);

/* Renews what lies beyond @width. */
void wct_planar_mirror_row (float *planes, int32_t width, int32_t w);

/* A whole picture: @planar is of wct_planar_shape, written; beyond the picture it is mirrored. */
void wct_planar_from_image (const WctImage *image, float *planar);

/* Every value a number? @what: the picture's name in the sentence, which tells where the first one is that is not,
 * rows counted from @first_row. */
WctStatus wct_image_check_finite (const WctImage *image, int32_t first_row, const char *what, WctError *err);

#endif
