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

static const float *
image_row (const WctImage *image, int32_t y)
{
  return image->pixels + (size_t)y * (image->row_stride_bytes / sizeof (float));
}

void
wct_planar_mirror (float *planar, int32_t width, int32_t height, WctShape shape)
{
  for (int32_t c = 0; c < shape.c; c++)
    {
      float *plane = planar + (size_t)c * (size_t)shape.h * (size_t)shape.w;

      for (int32_t y = 0; y < height; y++)
        for (int32_t x = width; x < shape.w; x++)
          plane[(size_t)y * (size_t)shape.w + (size_t)x] =
            plane[(size_t)y * (size_t)shape.w + (size_t)wct_mirror (x, width)];
      for (int32_t y = height; y < shape.h; y++)
        memcpy (plane + (size_t)y * (size_t)shape.w, plane + (size_t)wct_mirror (y, height) * (size_t)shape.w,
                (size_t)shape.w * sizeof *plane);
    }
}

void
wct_planar_from_image (const WctImage *image, float *planar)
{
  const WctShape shape = wct_planar_shape (image->width, image->height);

  for (int32_t c = 0; c < COLORS; c++)
    for (int32_t y = 0; y < image->height; y++)
      {
        const float *from = image_row (image, y) + c;
        float       *to = planar + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;

        for (int32_t x = 0; x < image->width; x++)
          to[x] = from[(size_t)x * COLORS];
      }
  wct_planar_mirror (planar, image->width, image->height, shape);
}

void
wct_planar_to_image (const float *planar, const WctImage *image)
{
  const WctShape shape = wct_planar_shape (image->width, image->height);

  for (int32_t c = 0; c < COLORS; c++)
    for (int32_t y = 0; y < image->height; y++)
      {
        const float *from = planar + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;
        float       *to = image->pixels + (size_t)y * (image->row_stride_bytes / sizeof (float)) + c;

        for (int32_t x = 0; x < image->width; x++)
          to[(size_t)x * COLORS] = from[x];
      }
}

static WctStatus
not_finite (const char *what, int32_t x, int32_t y, int32_t c, WctError *err)
{
  return wct_error_set (err, WCT_ERR_NUMERIC, "%s: channel %d of the pixel at column %d, row %d is not a finite number",
                        what, c, x, y);
}

WctStatus
wct_image_check_finite (const WctImage *image, const char *what, WctError *err)
{
  for (int32_t y = 0; y < image->height; y++)
    for (int32_t i = 0; i < image->width * image->channels; i++)
      if (!isfinite (image_row (image, y)[i]))
        return not_finite (what, i / image->channels, y, i % image->channels, err);
  return WCT_OK;
}

WctStatus
wct_planar_check_finite (const float *planar, int32_t width, int32_t height, const char *what, WctError *err)
{
  const WctShape shape = wct_planar_shape (width, height);

  for (int32_t c = 0; c < COLORS; c++)
    for (int32_t y = 0; y < height; y++)
      for (int32_t x = 0; x < width; x++)
        if (!isfinite (planar[((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w + (size_t)x]))
          return not_finite (what, x, y, c, err);
  return WCT_OK;
}
