/* The content's chroma under the result's luminance, in Y'CbCr (as in YIQ, which is the same but for a rotation), as
 * published. In OKLab, and with the luma of Rec. 709, pictures looked the same to us, and OKLab has to search for the
 * end of what can be shown. Chroma that does not fit under (or over) a luminance is made smaller, toward gray: to clip
 * single channels instead would change hue and luminance. */
#include "chroma.h"

#include <math.h>

/* How much of the chroma @d fits where the luminance is @luma and channels may go from @low to @high. */
static float
fitting_share (const float *d, float luma, float low, float high)
{
  float share = 1;

  for (int c = 0; c < 3; c++)
    if (d[c] > 0)
      share = fminf (share, (high - luma) / d[c]);
    else if (d[c] < 0)
      share = fminf (share, (low - luma) / d[c]);
  return fmaxf (share, 0);
}

void
wct_chroma_keep (const float *content, double share, int32_t width, float *result)
{
  for (int32_t x = 0; x < width; x++, content += 3, result += 3)
    {
      const float luma = wct_luma (result), own = wct_luma (content);
      const float d[3] = { content[0] - own, content[1] - own, content[2] - own };
      /* A content beyond [0,1] may come back as it was. */
      const float low = fminf (0, fminf (content[0], fminf (content[1], content[2])));
      const float high = fmaxf (1, fmaxf (content[0], fmaxf (content[1], content[2])));
      const float fits = fitting_share (d, luma, low, high);

      for (int c = 0; c < 3; c++)
        result[c] += (float)share * (luma + fits * d[c] - result[c]);
    }
}
