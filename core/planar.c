/* Planar, padded pictures. */
#include "planar.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define COLORS 3

static int32_t
round_up (int32_t side)
{
  return (side + WCT_SIDE_MULTIPLE - 1) / WCT_SIDE_MULTIPLE * WCT_SIDE_MULTIPLE;
}

WctShape
wct_planar_shape (int32_t width, int32_t height)
{
  return (WctShape){ COLORS, round_up (height), round_up (width) };
}

int32_t
wct_mirror (int32_t i, int32_t count)
{
  if (count == 1)
    return 0;

  const int32_t period = 2 * (count - 1);
  i %= period;
  return i < count ? i : period - i;
}

float *
wct_image_row (const WctImage *image, int32_t y)
{
  return image->pixels + (size_t)y * (image->row_stride_bytes / sizeof (float));
}

/* One plane of one row. */
static void
part_plane (const WctImage *image, int32_t y, int32_t c, int32_t w, float *plane)
{
  const float *from = wct_image_row (image, y) + c;

  for (int32_t x = 0; x < image->width; x++)
    plane[x] = from[(size_t)x * COLORS];
  for (int32_t x = image->width; x < w; x++)
    plane[x] = plane[wct_mirror (x, image->width)];
}

void
wct_planar_row_from_image (const WctImage *image, int32_t y, int32_t w, float *planes)
{
  for (int32_t c = 0; c < COLORS; c++)
    part_plane (image, y, c, w, planes + (size_t)c * (size_t)w);
}

void
wct_planar_mirror_row (float *planes, int32_t width, int32_t w)
{
  for (int32_t c = 0; c < COLORS; c++, planes += w)
    for (int32_t x = width; x < w; x++)
      planes[x] = planes[wct_mirror (x, width)];
}

void
wct_planar_row_to_image (const float *planes, int32_t w, const WctImage *image, int32_t y)
{
  for (int32_t c = 0; c < COLORS; c++, planes += w)
    {
      float *to = wct_image_row (image, y) + c;

      for (int32_t x = 0; x < image->width; x++)
        to[(size_t)x * COLORS] = planes[x];
    }
}

void
wct_planar_from_image (const WctImage *image, float *planar)
{
  const WctShape shape = wct_planar_shape (image->width, image->height);

  for (int32_t c = 0; c < COLORS; c++)
    {
      float *plane = planar + (size_t)c * (size_t)shape.h * (size_t)shape.w;

      for (int32_t y = 0; y < image->height; y++)
        part_plane (image, y, c, shape.w, plane + (size_t)y * (size_t)shape.w);
      for (int32_t y = image->height; y < shape.h; y++)
        memcpy (plane + (size_t)y * (size_t)shape.w, plane + (size_t)wct_mirror (y, image->height) * (size_t)shape.w,
                (size_t)shape.w * sizeof *plane);
    }
}

WctStatus
wct_image_check_finite (const WctImage *image, int32_t first_row, const char *what, WctError *err)
{
  for (int32_t y = 0; y < image->height; y++)
    for (int32_t i = 0; i < image->width * image->channels; i++)
      if (!isfinite (wct_image_row (image, y)[i]))
        return wct_error_set (err, WCT_ERR_NUMERIC,
                              "%s: channel %d of the pixel at column %d, row %d is not a finite number", what,
                              i % image->channels, i / image->channels, first_row + y);
  return WCT_OK;
}
