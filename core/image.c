/* Checks of picture views, and the noise that textures start from. */
#include <wct/image.h>

WctStatus
wct_image_check (const WctImage *image, int32_t channels, const char *what, WctError *err)
{
  if (image == NULL || image->pixels == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: there is no picture", what);
  if (image->width < 1 || image->height < 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: %d×%d is no size; sides start at 1 pixel", what, image->width,
                          image->height);
  if (image->width > WCT_IMAGE_SIDE_MAX || image->height > WCT_IMAGE_SIDE_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: %d×%d is too large; a side may have %d pixels", what,
                          image->width, image->height, WCT_IMAGE_SIDE_MAX);
  if (image->channels != channels)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: it has %d channels, %d are needed", what, image->channels,
                          channels);
  if (image->row_stride_bytes < (size_t)image->width * (size_t)channels * sizeof (float)
      || image->row_stride_bytes % sizeof (float) != 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "%s: rows are %zu bytes apart, %zu at least are needed, in whole floats", what,
                          image->row_stride_bytes, (size_t)image->width * (size_t)channels * sizeof (float));
  return WCT_OK;
}

static uint64_t
splitmix64 (uint64_t seed, uint64_t index)
{
  uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15u;

  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void
wct_noise_fill_rows (const WctImage *rows, int32_t first, uint64_t seed)
{
  const size_t row_values = (size_t)rows->width * (size_t)rows->channels;

  for (int32_t y = 0; y < rows->height; y++)
    {
      float         *row = rows->pixels + (size_t)y * (rows->row_stride_bytes / sizeof (float));
      const uint64_t before = ((uint64_t)first + (uint64_t)y) * row_values;

      for (size_t i = 0; i < row_values; i++)
        row[i] = (float)(splitmix64 (seed, before + i) >> 40) * 0x1p-24f;
    }
}

void
wct_noise_fill (const WctImage *image, uint64_t seed)
{
  wct_noise_fill_rows (image, 0, seed);
}
