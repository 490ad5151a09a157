/* Luminance and chroma of pixels: Y' of Rec. 601 on gamma-encoded values, and what is left without it. */
#ifndef WCT_CHROMA_H
#define WCT_CHROMA_H

#include <stdint.h>

static inline float
wct_luma (const float *pixel)
{
  return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
}

/**
 * wct_chroma_keep: give a row the chroma of another, and leave its luminance (Gatys et al. 2016, "Preserving color in
 * neural artistic style transfer", luminance-only transfer).
 * @content, @result: (width, 3), interleaved; @result is changed
 * @share: 0 changes nothing, 1 takes the content's chroma alone
 */
void wct_chroma_keep (const float *content, double share, int32_t width, float *result);

#endif
