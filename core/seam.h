/* Where a picture's opposite sides meet. A picture that was not made to tile has an edge there, which a style transfer
 * would keep, as it keeps every edge: so it is made to tile first. */
#ifndef WCT_SEAM_H
#define WCT_SEAM_H

#include "period.h"

/**
 * wct_seam_fade: let opposite sides fit together, in each direction in which they do not.
 * @period: its rows are there; its halo is not looked at, and is to be made anew
 *
 * Towards both sides the picture fades into its copy that is shifted by half a period, whose seam is in the middle.
 * A mean of two has less variance than each of them; it is given back (Heitz and Neyret: High-performance by-example
 * noise using a histogram-preserving blending operator, 2018, equation 2). What tiles already, and noise, stays as it
 * is, to the bit.
 */
WctStatus wct_seam_fade (const WctPeriod *period, WctError *err);

#endif
