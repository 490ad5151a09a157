/* Mean and covariance of features, in double. */
#ifndef WCT_MOMENTS_H
#define WCT_MOMENTS_H

#include <stdint.h>

#include <wct/status.h>

typedef struct
{
  int32_t channels;
  double  weight;     /* of all positions that were measured: their number, where each counts whole; may be 0 */
  double *mean;       /* (channels); 0 where weight is 0 */
  double *covariance; /* (channels, channels), divided by weight - 1; 0 where weight is not above 1 */
} WctMoments;

WctStatus wct_moments_new (int32_t channels, WctMoments **out, WctError *err);
void      wct_moments_free (WctMoments **moments);

/* WCT_ERR_NUMERIC for a mean that is not finite. */
WctStatus wct_moments_check_mean (const WctMoments *moments, WctError *err);

#endif
