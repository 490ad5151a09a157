/* Room for the mean and covariance of features; who measures them fills it. */
#include "moments.h"

#include <math.h>

#include "mem.h"

WctStatus
wct_moments_new (int32_t channels, WctMoments **out, WctError *err)
{
  const size_t count = (size_t)channels;
  WctMoments  *moments = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (1, sizeof *moments, "moments", &moments, err));
  moments->channels = channels;
  WCT_TRY (wct_alloc (count, sizeof (double), "moments", &moments->mean, err));
  WCT_TRY (wct_alloc (count * count, sizeof (double), "moments", &moments->covariance, err));
  *out = moments;
  moments = NULL;

out:
  wct_moments_free (&moments);
  return status;
}

void
wct_moments_free (WctMoments **moments)
{
  if (*moments == NULL)
    return;
  wct_free (&(*moments)->covariance);
  wct_free (&(*moments)->mean);
  wct_free (moments);
}

WctStatus
wct_moments_check_mean (const WctMoments *moments, WctError *err)
{
  for (int32_t c = 0; c < moments->channels; c++)
    if (!isfinite (moments->mean[c]))
      return wct_error_set (err, WCT_ERR_NUMERIC,
                            "mean of channel %d is not a finite number; the model's weights overflow on this picture",
                            c);
  return WCT_OK;
}
