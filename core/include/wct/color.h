/* Colors of a content, for styles that are recolored to them before they are measured. */
#ifndef WCT_COLOR_H
#define WCT_COLOR_H

#include <wct/image.h>
#include <wct/status.h>

WCT_BEGIN_C

/* Statistics of a picture's colors: mean and covariance in linear light, histograms of R', G' and B'. Values are seen
 * in 65536 steps, which 8 and 16 bit files hit exactly; beyond [0,1] they are clipped. */
typedef struct WctColors WctColors;

/* Of no pixel yet. @out: on WCT_OK the caller's; untouched otherwise. Takes 2 MB, whatever is added. */
WCT_API WctStatus wct_colors_new (WctColors **out, WctError *err);
WCT_API void      wct_colors_free (WctColors **colors); /* NULL is welcome; sets *colors to NULL */

/**
 * wct_colors_add: count some pixels.
 * @rows: 3 channels, any size, finite; how a picture is cut into calls changes no bit as long as its order stays. Who
 *        wants pixels to count more or less adds them more often, or not: transparent ones should be left out
 * One thread at a time.
 */
WCT_API void wct_colors_add (WctColors *colors, const WctImage *rows);

/**
 * wct_recolor: a style picture in the content's colors.
 * @style: borrowed; 3 channels, finite
 * @content: borrowed; where no pixel was counted the style stays as it is
 * @moments: 0 to 1, how far colors go to those with the content's mean and covariance, in linear light:
 *           C_c^½ C_s^-½ (x − μ_s) + μ_c (Sun, Feng, Saenko, "Return of frustratingly easy domain adaptation", 2016)
 * @histogram: 0 to 1, how far the result of that then goes to the picture whose histograms of R', G' and B' are the
 *             content's, each by the one rising curve that does it
 * @out: 3 channels, the style's size; written; of no use where the call fails. May be the same view
 *       as @style
 *
 * A strength mixes gamma-encoded values, so that equal steps look equal, and 0 changes no bit. What a step made is
 * clipped to [0,1]. WCT_ERR_ARGUMENT where a strength is beyond its range or the pictures do not fit. Any thread.
 */
WCT_API WctStatus wct_recolor (const WctImage *style, const WctColors *content, double moments, double histogram,
                               WctImage *out, WctError *err);

WCT_END_C

#endif
