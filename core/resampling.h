/* Another number of samples for a line that repeats. */
#ifndef WCT_RESAMPLING_H
#define WCT_RESAMPLING_H

#include <stdint.h>

#include <wct/status.h>

/* Sample i is the sum over k of weights[i][k] · line[first[i] + k], where the line repeats. All zero: none. */
typedef struct
{
  int32_t  from, to; /* samples */
  int32_t  taps;     /* for each */
  int32_t *first;    /* owned; (to); may be negative */
  float   *weights;  /* owned; (to, taps), adding up to 1 */
} WctResampling;

/**
 * wct_resampling_new: weights of Lanczos' windowed sinc of three lobes (Duchon: Lanczos filtering in one and two
 * dimensions, 1979), widened where there are fewer samples afterwards.
 * @out: to be cleared by the caller in any case
 */
WctStatus wct_resampling_new (int32_t from, int32_t to, WctResampling *out, WctError *err);
void      wct_resampling_clear (WctResampling *resampling);

/* @in: (from), @out: (to) */
void wct_resampling_line (const WctResampling *resampling, const float *in, float *out);

/* Where tap @k of sample @i is: 0 … from - 1. And its weight. */
int32_t wct_resampling_index (const WctResampling *resampling, int32_t i, int32_t k);
float   wct_resampling_weight (const WctResampling *resampling, int32_t i, int32_t k);

#endif
