/* Moments of features, and affine maps of them, row by row, in double. */
#include "reference.h"

#include <string.h>

#include "mem.h"

static float *
row_of (const WctTensor *features, int32_t c, int32_t y)
{
  const WctShape shape = features->shape;

  return ((const WctReferenceTensor *)features)->data + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;
}

static float
weight_at (const float *weights, size_t position)
{
  return weights == NULL ? 1 : weights[position];
}

/* ---- Moments ------------------------------------------------------------------------------------------------ */

static double
sum_weights (const WctTensor *features, const float *weights)
{
  const size_t positions = (size_t)features->shape.h * (size_t)features->shape.w;
  double       sum = 0;

  for (size_t i = 0; i < positions; i++)
    sum += weight_at (weights, i);
  return sum;
}

static WctStatus
measure_mean (const WctTensor *features, const float *weights, WctMoments *out, WctMonitor *monitor, WctError *err)
{
  const size_t positions = (size_t)features->shape.h * (size_t)features->shape.w;

  for (int32_t c = 0; c < features->shape.c; c++)
    {
      const float *plane = row_of (features, c, 0);
      double       sum = 0;

      for (size_t i = 0; i < positions; i++)
        sum += (double)weight_at (weights, i) * plane[i];
      out->mean[c] = out->weight > 0 ? sum / out->weight : 0;
      if (!wct_monitor_advance (monitor, 0))
        return wct_monitor_canceled (err);
    }
  return WCT_OK;
}

/* @centered: (columns, channels): a row's positions without the mean */
static void
center_row (const WctTensor *features, int32_t y, const double *mean, double *centered)
{
  const int32_t channels = features->shape.c, columns = features->shape.w;

  for (int32_t c = 0; c < channels; c++)
    {
      const float *row = row_of (features, c, y);

      for (int32_t x = 0; x < columns; x++)
        centered[(size_t)x * (size_t)channels + (size_t)c] = row[x] - mean[c];
    }
}

/* Adds weight · centered · centered' to the upper triangle. */
static void
add_products (size_t channels, double weight, const double *restrict centered, double *restrict products)
{
  for (size_t i = 0; i < channels; i++)
    for (size_t k = i; k < channels; k++)
      products[i * channels + k] += weight * centered[i] * centered[k];
}

static void
finish_covariance (WctMoments *moments)
{
  const size_t channels = (size_t)moments->channels;

  for (size_t i = 0; i < channels; i++)
    for (size_t k = i; k < channels; k++)
      {
        const double sum = moments->covariance[i * channels + k];

        moments->covariance[i * channels + k] = moments->covariance[k * channels + i] =
          moments->weight > 1 ? sum / (moments->weight - 1) : 0;
      }
}

/* @centered: (columns, channels) */
static WctStatus
measure_covariance (const WctTensor *features, const float *weights, WctMoments *out, double *centered,
                    WctMonitor *monitor, WctError *err)
{
  const size_t channels = (size_t)features->shape.c, columns = (size_t)features->shape.w;

  memset (out->covariance, 0, channels * channels * sizeof *out->covariance);
  for (int32_t y = 0; y < features->shape.h; y++)
    {
      center_row (features, y, out->mean, centered);
      for (size_t x = 0; x < columns; x++)
        {
          const double weight = weight_at (weights, (size_t)y * columns + x);

          if (weight > 0)
            add_products (channels, weight, centered + x * channels, out->covariance);
        }
      if (!wct_monitor_advance (monitor, 0))
        return wct_monitor_canceled (err);
    }
  finish_covariance (out);
  return WCT_OK;
}

WctStatus
wct_reference_moments (void *ctx, const WctTensor *features, const float *weights, WctMoments *out, WctMonitor *monitor,
                       WctError *err)
{
  double   *centered = NULL;
  WctStatus status;

  (void)ctx;
  WCT_TRY (
    wct_alloc ((size_t)features->shape.w * (size_t)features->shape.c, sizeof *centered, "moments", &centered, err));
  out->weight = sum_weights (features, weights);
  WCT_TRY (measure_mean (features, weights, out, monitor, err));
  WCT_TRY (measure_covariance (features, weights, out, centered, monitor, err));

out:
  wct_free (&centered);
  return status;
}

/* ---- Maps --------------------------------------------------------------------------------------------------- */

/* One output channel of one row. @centered: (channels, columns), @matrix_row: (channels) */
static void
map_row (const double *restrict centered, const double *matrix_row, double bias, int32_t channels, int32_t columns,
         double *restrict mapped)
{
  for (int32_t x = 0; x < columns; x++)
    mapped[x] = bias;
  for (int32_t c = 0; c < channels; c++)
    for (int32_t x = 0; x < columns; x++)
      mapped[x] += matrix_row[c] * centered[(size_t)c * (size_t)columns + (size_t)x];
}

/* @weights: of this row; NULL: all 1. Where one is 1 the mapped value itself is written: nothing is rounded twice. */
static void
mix_row (const double *mapped, const float *weights, const float *in, int32_t columns, float *out)
{
  for (int32_t x = 0; x < columns; x++)
    if (weights == NULL || weights[x] >= 1)
      out[x] = (float)mapped[x];
    else if (weights[x] > 0)
      out[x] = (float)(out[x] + weights[x] * (mapped[x] - in[x]));
}

/* @rows: (channels + 1, columns), to work in */
static void
map_position_row (const WctTensor *in, const float *weights, const WctAffine *affine, int32_t y, double *rows,
                  WctTensor *out)
{
  const int32_t channels = in->shape.c, columns = in->shape.w;
  double       *mapped = rows + (size_t)channels * (size_t)columns;

  for (int32_t c = 0; c < channels; c++)
    for (int32_t x = 0; x < columns; x++)
      rows[(size_t)c * (size_t)columns + (size_t)x] = row_of (in, c, y)[x] - affine->center[c];
  for (int32_t c = 0; c < channels; c++)
    {
      map_row (rows, affine->matrix + (size_t)c * (size_t)channels, affine->bias[c], channels, columns, mapped);
      mix_row (mapped, weights == NULL ? NULL : weights + (size_t)y * (size_t)columns, row_of (in, c, y), columns,
               row_of (out, c, y));
    }
}

WctStatus
wct_reference_affine (void *ctx, const WctTensor *in, const float *weights, const WctAffine *affine, WctTensor *out,
                      WctMonitor *monitor, WctError *err)
{
  double   *rows = NULL;
  WctStatus status;

  (void)ctx;
  WCT_TRY (wct_alloc ((size_t)(in->shape.c + 1) * (size_t)in->shape.w, sizeof *rows, "transform", &rows, err));
  for (int32_t y = 0; y < in->shape.h; y++)
    {
      map_position_row (in, weights, affine, y, rows, out);
      if (!wct_monitor_advance (monitor, 0))
        WCT_TRY (wct_monitor_canceled (err));
    }

out:
  wct_free (&rows);
  return status;
}
