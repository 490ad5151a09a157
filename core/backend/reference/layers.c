/* The three kinds of layers. Sums are made in double, so that a result is the exact one, rounded once to float. */
#include "reference.h"

#include <string.h>

/* Multiply-adds between two looks at the monitor: about a millisecond. */
#define WORK_BETWEEN_REPORTS 4e6

static const float *
row_of (const float *planes, WctShape shape, int32_t c, int32_t y)
{
  return planes + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;
}

static float *
row_to_write (float *planes, WctShape shape, int32_t c, int32_t y)
{
  return planes + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;
}

/* ---- Convolution -------------------------------------------------------------------------------------------- */

int32_t
wct_reference_reflect (int32_t i, int32_t count)
{
  if (count == 1)
    return 0;
  return i < 0 ? -i : i >= count ? 2 * count - 2 - i : i;
}

static size_t
padded_columns (WctShape shape)
{
  return (size_t)shape.w + 2;
}

size_t
wct_reference_row_doubles (const WctConv *conv, WctShape in)
{
  return (size_t)conv->in_c * 3 * padded_columns (in) + (size_t)in.w;
}

void
wct_reference_gather_rows (WctShape shape, const float *in, int32_t y, double *rows)
{
  for (int32_t c = 0; c < shape.c; c++)
    for (int32_t ky = -1; ky <= 1; ky++)
      {
        const float *row = row_of (in, shape, c, wct_reference_reflect (y + ky, shape.h));

        for (int32_t x = -1; x <= shape.w; x++)
          *rows++ = row[wct_reference_reflect (x, shape.w)];
      }
}

/* Adds what one input channel gives to an output row. @rows: (3, stride), @weight: (3, 3) */
static void
add_channel (const double *restrict rows, size_t stride, const float *weight, int32_t columns, double *restrict sums)
{
  const double *above = rows, *here = rows + stride, *below = rows + 2 * stride;
  double        w[9];

  for (int i = 0; i < 9; i++)
    w[i] = weight[i];
  for (int32_t x = 0; x < columns; x++)
    {
      const double first = w[0] * above[x] + w[1] * above[x + 1] + w[2] * above[x + 2];
      const double second = w[3] * here[x] + w[4] * here[x + 1] + w[5] * here[x + 2];
      const double third = w[6] * below[x] + w[7] * below[x + 1] + w[8] * below[x + 2];

      sums[x] += first + second + third;
    }
}

static void
convolve_row (const WctConv *conv, WctShape shape, const double *rows, int32_t out_channel, double *sums, float *out)
{
  const size_t stride = padded_columns (shape);
  const float *weight = conv->weight + (size_t)out_channel * (size_t)conv->in_c * 9;

  for (int32_t x = 0; x < shape.w; x++)
    sums[x] = conv->bias[out_channel];
  for (size_t c = 0; c < (size_t)conv->in_c; c++)
    add_channel (rows + c * 3 * stride, stride, weight + c * 9, shape.w, sums);
  for (int32_t x = 0; x < shape.w; x++)
    out[x] = (float)(conv->relu && sums[x] < 0 ? 0 : sums[x]);
}

WctStatus
wct_reference_convolve (const WctConv *conv, WctShape in_shape, const float *in, float *out, double *rows,
                        WctMonitor *monitor, WctError *err)
{
  const WctShape out_shape = { conv->out_c, in_shape.h, in_shape.w };
  const double   row_work = 9.0 * conv->in_c * in_shape.w;
  double        *sums = rows + (size_t)conv->in_c * 3 * padded_columns (in_shape);
  double         unreported = 0;

  for (int32_t y = 0; y < in_shape.h; y++)
    {
      wct_reference_gather_rows (in_shape, in, y, rows);
      for (int32_t o = 0; o < conv->out_c; o++)
        {
          convolve_row (conv, in_shape, rows, o, sums, row_to_write (out, out_shape, o, y));
          unreported += row_work;
          if (unreported < WORK_BETWEEN_REPORTS)
            continue;
          if (!wct_monitor_advance (monitor, unreported))
            return wct_monitor_canceled (err);
          unreported = 0;
        }
    }
  return wct_monitor_advance (monitor, unreported) ? WCT_OK : wct_monitor_canceled (err);
}

/* ---- Resampling: no multiply-adds, so no progress, but a look at the cancel hook for each channel ------------ */

static float
larger (float a, float b)
{
  return a > b ? a : b;
}

WctStatus
wct_reference_pool (WctShape in_shape, const float *in, float *out, WctMonitor *monitor, WctError *err)
{
  const WctShape out_shape = { in_shape.c, in_shape.h / 2, in_shape.w / 2 };

  for (int32_t c = 0; c < out_shape.c; c++)
    {
      for (int32_t y = 0; y < out_shape.h; y++)
        {
          const float *upper = row_of (in, in_shape, c, 2 * y), *lower = row_of (in, in_shape, c, 2 * y + 1);
          float       *row = row_to_write (out, out_shape, c, y);

          for (int32_t x = 0; x < out_shape.w; x++)
            row[x] = larger (larger (upper[2 * x], upper[2 * x + 1]), larger (lower[2 * x], lower[2 * x + 1]));
        }
      if (!wct_monitor_advance (monitor, 0))
        return wct_monitor_canceled (err);
    }
  return WCT_OK;
}

WctStatus
wct_reference_upsample (WctShape in_shape, const float *in, float *out, WctMonitor *monitor, WctError *err)
{
  const WctShape out_shape = { in_shape.c, in_shape.h * 2, in_shape.w * 2 };

  for (int32_t c = 0; c < out_shape.c; c++)
    {
      for (int32_t y = 0; y < out_shape.h; y++)
        {
          const float *source = row_of (in, in_shape, c, y / 2);
          float       *row = row_to_write (out, out_shape, c, y);

          for (int32_t x = 0; x < out_shape.w; x++)
            row[x] = source[x / 2];
        }
      if (!wct_monitor_advance (monitor, 0))
        return wct_monitor_canceled (err);
    }
  return WCT_OK;
}
