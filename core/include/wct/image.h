/* A picture in memory, as a view that borrows its pixels. */
#ifndef WCT_IMAGE_H
#define WCT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

WCT_BEGIN_C

/* Interleaved float, origin top left. Color has 3 channels, R'G'B' (gamma-encoded sRGB) in [0,1]; a mask has 1.
 * Results are not clipped. The struct owns nothing. */
typedef struct
{
  float  *pixels;
  int32_t width, height; /* at least 1 */
  int32_t channels;      /* 3, or 1 for a mask */
  size_t  row_stride_bytes;
} WctImage;

/* The largest side that is accepted, in pixels: products of sizes then stay far from 64 bit limits. */
#define WCT_IMAGE_SIDE_MAX 1000000

/**
 * wct_image_check: are size, channels and stride usable?
 * @what: the picture's name in the sentence, e.g. "content"
 * Does not look at the pixels.
 */
WCT_API WctStatus wct_image_check (const WctImage *image, int32_t channels, const char *what, WctError *err);

/**
 * wct_noise_fill: uniform noise in [0,1) for texture synthesis.
 * @image: 1 to 3 channels, written
 * @seed: equal seeds give equal pictures on every machine
 *
 * Value i (in reading order, channels innermost) is the top 24 bits of SplitMix64's i-th output (Steele, Lea, Flood:
 * Fast splittable pseudorandom number generators, OOPSLA 2014), over 2^24. A value depends on seed and i only.
 */
WCT_API void wct_noise_fill (const WctImage *image, uint64_t seed);

/* The same for some rows of such a picture, from its row @first on. */
WCT_API void wct_noise_fill_rows (const WctImage *rows, int32_t first, uint64_t seed);

/**
 * wct_noise_guide_rows: let a picture show in noise, so that a texture follows its forms.
 * @rows: noise with 3 channels, rows of a picture of @height from its row @first on; written
 * @guide: 3 channels, any size: it is stretched over the whole (bilinear: at much more than the noise's size it is to
 * be made smaller first)
 * @share: of the picture, 0 to 1: (1 - share) noise + share picture
 */
WCT_API void wct_noise_guide_rows (const WctImage *rows, int32_t first, int32_t height, const WctImage *guide,
                                   double share);

/**
 * wct_image_fade_seam: let a picture's opposite sides fit together, so that it tiles.
 * @image: 3 channels, any size; finite; written on WCT_OK only
 *
 * As a job with seamless does with its content: towards the sides it fades into its copy that is shifted by half. What
 * tiles already stays as it is. For a picture that guides a seamless texture: noise would hide its seam from the job.
 * Takes as much memory as the picture. Any thread.
 */
WCT_API WctStatus wct_image_fade_seam (const WctImage *image, WctError *err);

WCT_END_C

#endif
