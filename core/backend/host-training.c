#include "host-training.h"

#include <string.h>

#include "mem.h"

WctStatus
wct_host_memory_new (void *ctx, size_t count, const char *what, float **out, WctError *err)
{
  (void)ctx;
  return wct_alloc (count, sizeof (float), what, out, err);
}

void
wct_host_memory_free (void *ctx, float **memory)
{
  (void)ctx;
  wct_free (memory);
}

WctStatus
wct_host_memory_clear (void *ctx, float *memory, size_t count, WctError *err)
{
  (void)ctx;
  (void)err;
  memset (memory, 0, count * sizeof *memory);
  return WCT_OK;
}

WctStatus
wct_host_sum_lanes (void *ctx, const float *lane_gradients, int lanes, size_t stride, size_t count, float *out,
                    WctError *err)
{
  (void)ctx;
  (void)err;
  for (size_t i = 0; i < count; i++)
    {
      float sum = 0;

      for (size_t lane = 0; lane < (size_t)lanes; lane++)
        sum += lane_gradients[lane * stride + i];
      out[i] = sum;
    }
  return WCT_OK;
}

WctStatus
wct_host_norm (void *ctx, const float *values, size_t count, double *squares, WctError *err)
{
  double sum = 0;

  (void)ctx;
  (void)err;
  for (size_t i = 0; i < count; i++)
    sum += (double)values[i] * values[i];
  *squares = sum;
  return WCT_OK;
}

void
wct_host_follow (const WctAdamStep *step, const float *parameters, size_t count, float *average)
{
  for (size_t i = 0; i < count && average != NULL; i++)
    average[i] += (1 - step->average_decay) * (parameters[i] - average[i]);
}
