/* Structural similarity of two pictures (Wang et al. 2004). */
#ifndef WCT_TRAINER_SSIM_H
#define WCT_TRAINER_SSIM_H

#include <stdint.h>

#include <wct/status.h>

/**
 * wct_ssim: of the brightness (Rec. 601 luma), Gaussian window of 11×11 with deviation 1.5, only where it fits.
 * @a, @b: (3, h, w) in [0,1]; sides of at least 11
 * @out: in [-1,1]; 1 for equal pictures
 */
WctStatus wct_ssim (const float *a, const float *b, int32_t h, int32_t w, double *out, WctError *err);

#endif
