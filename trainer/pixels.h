/* A picture in memory as the trainer keeps it: 8 bits, a quarter of what float takes. */
#ifndef WCT_TRAINER_PIXELS_H
#define WCT_TRAINER_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

/* sRGB, (height, width, 3), upright, rows without gaps. */
typedef struct
{
  uint8_t *data; /* owned */
  int32_t  width, height;
} WctPixels;

/* @what: the picture's name in the sentence. To be freed with wct_pixels_free. */
WctStatus wct_pixels_new (int32_t width, int32_t height, const char *what, WctPixels *out, WctError *err);
void      wct_pixels_free (WctPixels *pixels); /* twice is welcome */

size_t  wct_pixels_bytes (const WctPixels *pixels);
int32_t wct_pixels_shorter_side (const WctPixels *pixels);

/**
 * wct_pixels_fit: scale until the shorter side is from @side_min to @side_max; one that is already stays as it is.
 * Lanczos with three lobes in fixed point, bit for bit what Pillow's resize makes of it. @pixels stays as it was where
 * that fails: WCT_ERR_NO_MEMORY, or WCT_ERR_ARGUMENT for a strip so narrow that it would become huge.
 */
WctStatus wct_pixels_fit (WctPixels *pixels, int32_t side_min, int32_t side_max, const char *what, WctError *err);

/* The same to a longer side of @longer, and a shorter one of @least at least. */
WctStatus wct_pixels_fit_longer (WctPixels *pixels, int32_t longer, int32_t least, const char *what, WctError *err);

#define WCT_CROP_SHRINK_MAX 16 /* how much smaller a picture may be made for a crop */

/* A square of a scaled picture, as a network reads it. */
typedef struct
{
  int32_t width, height; /* of the scaled picture: the picture's own or less, as above */
  int32_t x, y, side;    /* the square, inside of that */
  bool    flip;          /* left and right change places */
} WctCrop;

/* Room to work in, for one thread; starts as zeros and grows with what is asked for. */
typedef struct
{
  int32_t *first; /* owned, as are the others */
  float   *weights, *row;
  size_t   first_count, weight_count, row_count;
} WctCropScratch;

void wct_crop_scratch_clear (WctCropScratch *scratch); /* twice is welcome */

/**
 * wct_crop_take: (3, side, side) floats in [0,1].
 *
 * Unscaled values are k / 255 as every program has them. Scaled ones are averaged with a triangle as wide as two pixels
 * of the result, and are not rounded to 8 bits. Bits depend on the picture and the crop only.
 */
WctStatus wct_crop_take (const WctPixels *pixels, const WctCrop *crop, WctCropScratch *scratch, float *planar,
                         WctError *err);

#endif
