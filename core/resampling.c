/* Periodic resampling by Lanczos' kernel. */
#include "resampling.h"

#include <math.h>

#include "mem.h"
#include "period.h"

#define LOBES 3
#define PI    3.14159265358979323846

static double
lanczos (double x)
{
  if (fabs (x) >= LOBES)
    return 0;
  if (fabs (x) < 1e-9)
    return 1;
  return LOBES * sin (PI * x) * sin (PI * x / LOBES) / (PI * PI * x * x);
}

/* One sample. @center: where it is among those there were; @widening: of the kernel, 1 or more */
static void
weigh (WctResampling *resampling, int32_t i, double center, double widening)
{
  float *weights = resampling->weights + (size_t)i * (size_t)resampling->taps;
  double sum = 0;

  resampling->first[i] = (int32_t)floor (center) - resampling->taps / 2 + 1;
  for (int32_t k = 0; k < resampling->taps; k++)
    sum += lanczos ((resampling->first[i] + k - center) / widening);
  for (int32_t k = 0; k < resampling->taps; k++)
    weights[k] = (float)(lanczos ((resampling->first[i] + k - center) / widening) / sum);
}

WctStatus
wct_resampling_new (int32_t from, int32_t to, WctResampling *out, WctError *err)
{
  const double step = (double)from / to, widening = step > 1 ? step : 1;
  WctStatus    status;

  *out = (WctResampling){ .from = from, .to = to, .taps = 2 * (int32_t)ceil (LOBES * widening) };
  WCT_TRY (wct_alloc ((size_t)to, sizeof *out->first, "resampling", &out->first, err));
  WCT_TRY (wct_alloc ((size_t)to, (size_t)out->taps * sizeof *out->weights, "resampling", &out->weights, err));
  for (int32_t i = 0; i < to; i++)
    weigh (out, i, (i + 0.5) * step - 0.5, widening);

out:
  return status;
}

void
wct_resampling_clear (WctResampling *resampling)
{
  wct_free (&resampling->first);
  wct_free (&resampling->weights);
}

int32_t
wct_resampling_index (const WctResampling *resampling, int32_t i, int32_t k)
{
  return wct_wrap (resampling->first[i] + k, resampling->from);
}

float
wct_resampling_weight (const WctResampling *resampling, int32_t i, int32_t k)
{
  return resampling->weights[(size_t)i * (size_t)resampling->taps + (size_t)k];
}

void
wct_resampling_line (const WctResampling *resampling, const float *in, float *out)
{
  for (int32_t i = 0; i < resampling->to; i++)
    {
      float sum = 0;

      for (int32_t k = 0; k < resampling->taps; k++)
        sum += wct_resampling_weight (resampling, i, k) * in[wct_resampling_index (resampling, i, k)];
      out[i] = sum;
    }
}
