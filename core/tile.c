/* Into a period and out of it. */
#include "tile.h"

#include <string.h>

#include "mem.h"
#include "planar.h"
#include "seam.h"

#define COLORS 3

WctStatus
wct_tile_new (int32_t width, int32_t height, WctTile *out, WctError *err)
{
  const WctShape period = wct_planar_shape (width, height);
  WctStatus      status = WCT_OK;

  *out = (WctTile){ .width = width, .height = height, .period = period };
  out->resampled = period.w != width || period.h != height;
  if (!out->resampled)
    return WCT_OK;
  WCT_TRY (wct_resampling_new (width, period.w, &out->columns_in, err));
  WCT_TRY (wct_resampling_new (height, period.h, &out->rows_in, err));
  WCT_TRY (wct_resampling_new (period.w, width, &out->columns_out, err));
  WCT_TRY (wct_resampling_new (period.h, height, &out->rows_out, err));

out:
  return status;
}

void
wct_tile_clear (WctTile *tile)
{
  wct_tile_release (tile);
  wct_resampling_clear (&tile->columns_in);
  wct_resampling_clear (&tile->rows_in);
  wct_resampling_clear (&tile->columns_out);
  wct_resampling_clear (&tile->rows_out);
}

static size_t
row_bytes (const WctTile *tile)
{
  return wct_picture_row_bytes (tile->period);
}

size_t
wct_tile_bytes (const WctTile *tile)
{
  return tile->resampled ? row_bytes (tile) * (size_t)tile->height : 0;
}

WctStatus
wct_tile_allocate (WctTile *tile, bool in_file, WctError *err)
{
  if (!tile->resampled || tile->rows != NULL)
    return WCT_OK;
  return wct_store_new (wct_tile_bytes (tile), in_file, "picture", &tile->rows, err);
}

void
wct_tile_release (WctTile *tile)
{
  wct_store_free (&tile->rows);
}

/* ---- In ------------------------------------------------------------------------------------------------------- */

/* @own: a row of the picture, (3, width); @planes: of the period, (3, w). May be the same where they are as wide. */
static WctStatus
put_row (WctTile *tile, int32_t y, const float *own, float *planes, const WctPeriod *to, WctError *err)
{
  const size_t w = (size_t)tile->period.w;

  if (!tile->resampled)
    return wct_period_write_row (to, y, own, err);
  for (size_t c = 0; c < COLORS; c++)
    wct_resampling_line (&tile->columns_in, own + c * (size_t)tile->width, planes + c * w);
  return wct_store_write (tile->rows, (size_t)y * row_bytes (tile), row_bytes (tile), planes, err);
}

WctStatus
wct_tile_put_rows (WctTile *tile, const WctImage *rows, int32_t first, const WctPeriod *to, WctError *err)
{
  float    *own = NULL, *planes = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (row_bytes (tile), 1, "row", &own, err));
  WCT_TRY (wct_alloc (row_bytes (tile), 1, "row", &planes, err));
  for (int32_t y = 0; y < rows->height; y++)
    {
      wct_planar_row_from_image (rows, y, tile->width, own);
      WCT_TRY (put_row (tile, first + y, own, planes, to, err));
    }

out:
  wct_free (&own);
  wct_free (&planes);
  return status;
}

static void
add_row (float *sum, const float *row, float weight, size_t count)
{
  for (size_t i = 0; i < count; i++)
    sum[i] += weight * row[i];
}

/* Rows of the period from the picture's. */
static WctStatus
resample_rows (const WctTile *tile, const WctPeriod *to, WctError *err)
{
  const size_t bytes = row_bytes (tile);
  float       *sum = NULL, *row = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (bytes, 1, "row", &sum, err));
  WCT_TRY (wct_alloc (bytes, 1, "row", &row, err));
  for (int32_t y = 0; y < tile->period.h; y++)
    {
      memset (sum, 0, bytes);
      for (int32_t k = 0; k < tile->rows_in.taps; k++)
        {
          const size_t from = (size_t)wct_resampling_index (&tile->rows_in, y, k);

          WCT_TRY (wct_store_read (tile->rows, from * bytes, bytes, row, err));
          add_row (sum, row, wct_resampling_weight (&tile->rows_in, y, k), bytes / sizeof *row);
        }
      WCT_TRY (wct_period_write_row (to, y, sum, err));
    }

out:
  wct_free (&sum);
  wct_free (&row);
  return status;
}

WctStatus
wct_tile_complete (const WctTile *tile, const WctPeriod *to, WctError *err)
{
  WctStatus status;

  if (tile->resampled)
    WCT_TRY (resample_rows (tile, to, err));
  WCT_TRY (wct_seam_fade (to, err));
  WCT_TRY (wct_period_extend (to, err));

out:
  return status;
}

/* ---- Out ------------------------------------------------------------------------------------------------------ */

/* Row @y of the picture: @sum, (3, w) of the period, from its rows; then @own, (3, width). */
static WctStatus
resample_row (const WctTile *tile, const WctPeriod *from, int32_t y, float *sum, float *row, float *own, WctError *err)
{
  const size_t w = (size_t)tile->period.w;
  WctStatus    status = WCT_OK;

  memset (sum, 0, row_bytes (tile));
  for (int32_t k = 0; k < tile->rows_out.taps; k++)
    {
      WCT_TRY (wct_period_read_row (from, wct_resampling_index (&tile->rows_out, y, k), row, err));
      add_row (sum, row, wct_resampling_weight (&tile->rows_out, y, k), COLORS * w);
    }
  for (size_t c = 0; c < COLORS; c++)
    wct_resampling_line (&tile->columns_out, sum + c * w, own + c * (size_t)tile->width);

out:
  return status;
}

WctStatus
wct_tile_get_rows (const WctTile *tile, const WctPeriod *from, int32_t first, const WctImage *rows, WctError *err)
{
  float    *own = NULL, *sum = NULL, *row = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (row_bytes (tile), 1, "row", &own, err));
  WCT_TRY (wct_alloc (row_bytes (tile), 1, "row", &sum, err));
  WCT_TRY (wct_alloc (row_bytes (tile), 1, "row", &row, err));
  for (int32_t y = 0; y < rows->height; y++)
    {
      WCT_TRY (tile->resampled ? resample_row (tile, from, first + y, sum, row, own, err)
                               : wct_period_read_row (from, first + y, own, err));
      wct_planar_row_to_image (own, tile->width, rows, y);
    }

out:
  wct_free (&own);
  wct_free (&sum);
  wct_free (&row);
  return status;
}
