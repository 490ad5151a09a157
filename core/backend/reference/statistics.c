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

static bool
is_selected (const uint8_t *select, size_t position)
{
  return select == NULL || select[position] != 0;
}

/* ---- Moments ------------------------------------------------------------------------------------------------ */

static int64_t
count_selected (const WctTensor *features, const uint8_t *select)
{
  const size_t positions = (size_t)features->shape.h * (size_t)features->shape.w;
  int64_t      count = 0;

  for (size_t i = 0; i < positions; i++)
    count += is_selected (select, i);
  return count;
}

static WctStatus
measure_mean (const WctTensor *features, const uint8_t *select, WctMoments *out, WctMonitor *monitor, WctError *err)
{
  const size_t positions = (size_t)features->shape.h * (size_t)features->shape.w;

  for (int32_t c = 0; c < features->shape.c; c++)
    {
      const float *plane = row_of (features, c, 0);
      double       sum = 0;

      for (size_t i = 0; i < positions; i++)
        if (is_selected (select, i))
          sum += plane[i];
      out->mean[c] = out->count > 0 ? sum / (double)out->count : 0;
      if (!wct_monitor_advance (monitor, 0))
        return wct_monitor_canceled (err);
    }
  return WCT_OK;
}

/* @centered: (positions, channels): a row's selected positions without the mean. Returns how many. */
static int32_t
center_row (const WctTensor *features, const uint8_t *select, int32_t y, const double *mean, double *centered)
{
  const int32_t channels = features->shape.c, columns = features->shape.w;
  int32_t       count = 0;

  for (int32_t c = 0; c < channels; c++)
    {
      const float *row = row_of (features, c, y);

      count = 0;
      for (int32_t x = 0; x < columns; x++)
        if (is_selected (select, (size_t)y * (size_t)columns + (size_t)x))
          centered[(size_t)count++ * (size_t)channels + (size_t)c] = row[x] - mean[c];
    }
  return count;
}

/* Adds centered · centered' to the upper triangle. */
static void
add_products (size_t channels, const double *restrict centered, double *restrict products)
{
  for (size_t i = 0; i < channels; i++)
    for (size_t k = i; k < channels; k++)
      products[i * channels + k] += centered[i] * centered[k];
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
          moments->count > 1 ? sum / (double)(moments->count - 1) : 0;
      }
}

/* @centered: (columns, channels) */
static WctStatus
measure_covariance (const WctTensor *features, const uint8_t *select, WctMoments *out, double *centered,
                    WctMonitor *monitor, WctError *err)
{
  const size_t channels = (size_t)features->shape.c;

  memset (out->covariance, 0, channels * channels * sizeof *out->covariance);
  for (int32_t y = 0; y < features->shape.h; y++)
    {
      const int32_t count = center_row (features, select, y, out->mean, centered);

      for (int32_t i = 0; i < count; i++)
        add_products (channels, centered + (size_t)i * channels, out->covariance);
      if (!wct_monitor_advance (monitor, 0))
        return wct_monitor_canceled (err);
    }
  finish_covariance (out);
  return WCT_OK;
}

WctStatus
wct_reference_moments (void *ctx, const WctTensor *features, const uint8_t *select, WctMoments *out,
                       WctMonitor *monitor, WctError *err)
{
  double   *centered = NULL;
  WctStatus status;

  (void)ctx;
  WCT_TRY (
    wct_alloc ((size_t)features->shape.w * (size_t)features->shape.c, sizeof *centered, "moments", &centered, err));
  out->count = count_selected (features, select);
  WCT_TRY (measure_mean (features, select, out, monitor, err));
  WCT_TRY (measure_covariance (features, select, out, centered, monitor, err));

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

/* @rows: (channels + 1, columns), to work in */
static void
map_position_row (WctTensor *features, const uint8_t *select, const WctAffine *affine, int32_t y, double *rows)
{
  const int32_t channels = features->shape.c, columns = features->shape.w;
  double       *mapped = rows + (size_t)channels * (size_t)columns;

  for (int32_t c = 0; c < channels; c++)
    for (int32_t x = 0; x < columns; x++)
      rows[(size_t)c * (size_t)columns + (size_t)x] = row_of (features, c, y)[x] - affine->center[c];
  for (int32_t c = 0; c < channels; c++)
    {
      float *row = row_of (features, c, y);

      map_row (rows, affine->matrix + (size_t)c * (size_t)channels, affine->bias[c], channels, columns, mapped);
      for (int32_t x = 0; x < columns; x++)
        if (is_selected (select, (size_t)y * (size_t)columns + (size_t)x))
          row[x] = (float)mapped[x];
    }
}

WctStatus
wct_reference_affine (void *ctx, WctTensor *features, const uint8_t *select, const WctAffine *affine,
                      WctMonitor *monitor, WctError *err)
{
  double   *rows = NULL;
  WctStatus status;

  (void)ctx;
  WCT_TRY (
    wct_alloc ((size_t)(features->shape.c + 1) * (size_t)features->shape.w, sizeof *rows, "transform", &rows, err));
  for (int32_t y = 0; y < features->shape.h; y++)
    {
      map_position_row (features, select, affine, y, rows);
      if (!wct_monitor_advance (monitor, 0))
        WCT_TRY (wct_monitor_canceled (err));
    }

out:
  wct_free (&rows);
  return status;
}
