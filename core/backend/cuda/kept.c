/* Kept features as passes keep them: (h, w, lanes) elements. What works on them between two passes sees floats. */
#include "cuda.h"

#include <string.h>

#include "half.h"
#include "mem.h"

/* Floats that are on their way at a time, on the stack. */
#define SOME 512

/* A row of features in the store. */
static size_t
row_bytes (const WctCuda *cuda, WctShape features)
{
  return wct_cuda_map_bytes (cuda->element, (WctShape){ features.c, 1, features.w });
}

static WctStatus
read_position (const WctCuda *cuda, const WctStore *kept, size_t offset, int32_t channels, float *out, WctError *err)
{
  uint16_t  halves[SOME];
  WctStatus status = WCT_OK;

  if (cuda->element == WCT_ELEMENT_F32)
    return wct_store_read (kept, offset, (size_t)channels * sizeof *out, out, err);
  for (int32_t c = 0; c < channels && status == WCT_OK; c += SOME)
    {
      const int32_t count = channels - c < SOME ? channels - c : SOME;

      status = wct_store_read (kept, offset + (size_t)c * sizeof *halves, (size_t)count * sizeof *halves, halves, err);
      for (int32_t i = 0; i < count && status == WCT_OK; i++)
        out[c + i] = wct_float_of_half (halves[i]);
    }
  return status;
}

static WctStatus
write_position (const WctCuda *cuda, WctStore *kept, size_t offset, int32_t channels, const float *values,
                WctError *err)
{
  uint16_t  halves[SOME];
  WctStatus status = WCT_OK;

  if (cuda->element == WCT_ELEMENT_F32)
    return wct_store_write (kept, offset, (size_t)channels * sizeof *values, values, err);
  for (int32_t c = 0; c < channels && status == WCT_OK; c += SOME)
    {
      const int32_t count = channels - c < SOME ? channels - c : SOME;

      for (int32_t i = 0; i < count; i++)
        halves[i] = wct_half_of_float (values[c + i]);
      status = wct_store_write (kept, offset + (size_t)c * sizeof *halves, (size_t)count * sizeof *halves, halves, err);
    }
  return status;
}

/* Of the position @i after the first of row @first. */
static size_t
position_offset (const WctCuda *cuda, WctShape features, int32_t first, size_t i)
{
  const size_t position = (size_t)wct_cuda_lanes (features.c) * wct_element_size (cuda->element);

  return (size_t)first * row_bytes (cuda, features) + i * position;
}

WctStatus
wct_cuda_kept_read (void *ctx, const WctStore *kept, WctShape features, int32_t first, int32_t rows, float *out,
                    WctError *err)
{
  const size_t positions = (size_t)rows * (size_t)features.w;
  WctStatus    status = WCT_OK;

  for (size_t i = 0; i < positions && status == WCT_OK; i++)
    status = read_position (ctx, kept, position_offset (ctx, features, first, i), features.c,
                            out + i * (size_t)features.c, err);
  return status;
}

/* Lanes beyond the channels are 0 in a store from the start, and in all that a pass writes. */
WctStatus
wct_cuda_kept_write (void *ctx, WctStore *kept, WctShape features, int32_t first, int32_t rows, const float *values,
                     WctError *err)
{
  const size_t positions = (size_t)rows * (size_t)features.w;
  WctStatus    status = WCT_OK;

  for (size_t i = 0; i < positions && status == WCT_OK; i++)
    status = write_position (ctx, kept, position_offset (ctx, features, first, i), features.c,
                             values + i * (size_t)features.c, err);
  return status;
}
