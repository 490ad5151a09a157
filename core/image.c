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

/* Where the middle of pixel @i of @count falls among @samples: between the returned one and the next, by @part. */
static int32_t
sample_of (int32_t i, int32_t count, int32_t samples, float *part)
{
  const double  place = (i + 0.5) * samples / count - 0.5, inside = place < 0 ? 0 : place;
  const int32_t sample = inside < samples - 1 ? (int32_t)inside : samples - 1;

  *part = inside < samples - 1 ? (float)(inside - sample) : 0;
  return sample;
}

static const float *
row_of (const WctImage *image, int32_t y)
{
  return image->pixels + (size_t)y * (image->row_stride_bytes / sizeof (float));
}

void
wct_noise_guide_rows (const WctImage *rows, int32_t first, int32_t height, const WctImage *guide, double share)
{
  for (int32_t y = 0; y < rows->height; y++)
    {
      float        *row = rows->pixels + (size_t)y * (rows->row_stride_bytes / sizeof (float));
      float         down, right;
      const int32_t sy = sample_of (first + y, height, guide->height, &down);
      const float  *above = row_of (guide, sy), *below = row_of (guide, down > 0 ? sy + 1 : sy);

      for (int32_t x = 0; x < rows->width; x++)
        {
          const int32_t sx = sample_of (x, rows->width, guide->width, &right);
          const size_t  left = (size_t)sx * 3, next = (size_t)(right > 0 ? sx + 1 : sx) * 3;

          for (size_t c = 0; c < 3; c++)
            {
              const float upper = above[left + c] + right * (above[next + c] - above[left + c]);
              const float lower = below[left + c] + right * (below[next + c] - below[left + c]);
              float      *value = &row[(size_t)x * 3 + c];

              *value = (float)((1 - share) * *value + share * (upper + down * (lower - upper)));
            }
        }
    }
}
