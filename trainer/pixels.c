/* Scaling, twice: once when a picture comes in, rounded to 8 bits as every picture program does it, and on the fly for
 * each crop, where speed counts. Both are separable: each axis has, for every pixel of the result, where its window
 * begins in the source and the weights of what is in it. */
#include "pixels.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "mem.h"

#define BANDS 3

WctStatus
wct_pixels_new (int32_t width, int32_t height, const char *what, WctPixels *out, WctError *err)
{
  WctPixels       pixels = { .width = width, .height = height };
  const WctStatus status = wct_alloc ((size_t)width * (size_t)height, BANDS, what, &pixels.data, err);

  if (status == WCT_OK)
    *out = pixels;
  return status;
}

void
wct_pixels_free (WctPixels *pixels)
{
  wct_free (&pixels->data);
  *pixels = (WctPixels){ 0 };
}

size_t
wct_pixels_bytes (const WctPixels *pixels)
{
  return (size_t)pixels->width * (size_t)pixels->height * BANDS;
}

int32_t
wct_pixels_shorter_side (const WctPixels *pixels)
{
  return pixels->width < pixels->height ? pixels->width : pixels->height;
}

/* ---- Windows ------------------------------------------------------------------------------------------------ */

typedef double (*Filter) (double x);

static double
sinc (double x)
{
  return x == 0 ? 1 : sin (x * M_PI) / (x * M_PI);
}

static double
lanczos (double x)
{
  return x >= -3 && x < 3 ? sinc (x) * sinc (x / 3) : 0;
}

static double
triangle (double x)
{
  const double distance = fabs (x);

  return distance < 1 ? 1 - distance : 0;
}

/* The source pixels that one pixel of the result is made of. */
typedef struct
{
  int32_t first, count;
  double  center;
} Window;

/* Pixels are squares around half numbers; a filter is as wide as the larger of both kinds of pixels asks for. */
static Window
window_of (int32_t from, int32_t to, double support, int32_t position)
{
  const double  ratio = (double)from / to;
  const double  reach = support * fmax (ratio, 1);
  const double  center = (position + 0.5) * ratio;
  const int32_t first = (int32_t)fmax (center - reach + 0.5, 0);
  const int32_t end = (int32_t)fmin (center + reach + 0.5, from);

  return (Window){ .first = first, .count = end - first, .center = center };
}

/* The most that a window's count can be. */
static size_t
window_size (int32_t from, int32_t to, double support)
{
  return (size_t)ceil (support * fmax ((double)from / to, 1)) * 2 + 1;
}

/* Weights that add up to 1. */
static void
weigh (const Window *window, Filter filter, double ratio, double *weights)
{
  const double squeeze = 1.0 / fmax (ratio, 1);
  double       sum = 0;

  for (int32_t i = 0; i < window->count; i++)
    {
      weights[i] = filter ((i + window->first - window->center + 0.5) * squeeze);
      sum += weights[i];
    }
  for (int32_t i = 0; i < window->count; i++)
    weights[i] /= sum;
}

/* ---- To 8 bits ---------------------------------------------------------------------------------------------- */

/* Pillow's numbers: weights in 22 bits after the point, each pass rounded to 8 bits, rows before columns. */
#define FRACTION_BITS   22
#define LANCZOS_SUPPORT 3
#define PIXELS_MAX      (1 << 26)

/* One axis. */
typedef struct
{
  Window  *windows; /* (to) */
  int32_t *weights; /* (to, size) */
  double  *scratch; /* (size) */
  size_t   size;
} Axis;

static void
axis_clear (Axis *axis)
{
  wct_free (&axis->windows);
  wct_free (&axis->weights);
  wct_free (&axis->scratch);
}

static WctStatus
axis_init (int32_t from, int32_t to, const char *what, Axis *axis, WctError *err)
{
  WctStatus status;

  axis->size = window_size (from, to, LANCZOS_SUPPORT);
  WCT_TRY (wct_alloc ((size_t)to, sizeof *axis->windows, what, &axis->windows, err));
  WCT_TRY (wct_alloc ((size_t)to, axis->size * sizeof *axis->weights, what, &axis->weights, err));
  WCT_TRY (wct_alloc (axis->size, sizeof *axis->scratch, what, &axis->scratch, err));
  for (int32_t i = 0; i < to; i++)
    {
      const Window window = axis->windows[i] = window_of (from, to, LANCZOS_SUPPORT, i);

      weigh (&window, lanczos, (double)from / to, axis->scratch);
      for (int32_t k = 0; k < window.count; k++)
        axis->weights[(size_t)i * axis->size + (size_t)k] =
          (int32_t)(copysign (0.5, axis->scratch[k]) + axis->scratch[k] * (1 << FRACTION_BITS));
    }

out:
  return status;
}

static uint8_t
round_sum (int32_t sum)
{
  const int32_t value = sum >> FRACTION_BITS;

  return (uint8_t)(value < 0 ? 0 : value > UINT8_MAX ? UINT8_MAX : value);
}

static void
scale_rows (const WctPixels *in, const Axis *axis, WctPixels *out)
{
  for (int32_t y = 0; y < in->height; y++)
    {
      const uint8_t *from = in->data + (size_t)y * (size_t)in->width * BANDS;
      uint8_t       *to = out->data + (size_t)y * (size_t)out->width * BANDS;

      for (int32_t x = 0; x < out->width; x++, to += BANDS)
        {
          const Window   window = axis->windows[x];
          const int32_t *weights = axis->weights + (size_t)x * axis->size;
          const uint8_t *pixel = from + (size_t)window.first * BANDS;
          int32_t        sum[BANDS] = { 1 << (FRACTION_BITS - 1), 1 << (FRACTION_BITS - 1), 1 << (FRACTION_BITS - 1) };

          for (int32_t k = 0; k < window.count; k++, pixel += BANDS)
            for (int c = 0; c < BANDS; c++)
              sum[c] += pixel[c] * weights[k];
          for (int c = 0; c < BANDS; c++)
            to[c] = round_sum (sum[c]);
        }
    }
}

/* @sums: (width, 3) */
static void
scale_columns (const WctPixels *in, const Axis *axis, int32_t *sums, WctPixels *out)
{
  const size_t values = (size_t)in->width * BANDS;

  for (int32_t y = 0; y < out->height; y++)
    {
      const Window   window = axis->windows[y];
      const int32_t *weights = axis->weights + (size_t)y * axis->size;
      uint8_t       *to = out->data + (size_t)y * values;

      for (size_t i = 0; i < values; i++)
        sums[i] = 1 << (FRACTION_BITS - 1);
      for (int32_t k = 0; k < window.count; k++)
        {
          const uint8_t *from = in->data + (size_t)(window.first + k) * values;

          for (size_t i = 0; i < values; i++)
            sums[i] += from[i] * weights[k];
        }
      for (size_t i = 0; i < values; i++)
        to[i] = round_sum (sums[i]);
    }
}

static WctStatus
scale_to (WctPixels *pixels, int32_t width, int32_t height, const char *what, WctError *err)
{
  WctPixels wide = { 0 }, scaled = { 0 };
  Axis      across = { 0 }, down = { 0 };
  int32_t  *sums = NULL;
  WctStatus status;

  WCT_TRY (axis_init (pixels->width, width, what, &across, err));
  WCT_TRY (axis_init (pixels->height, height, what, &down, err));
  WCT_TRY (wct_pixels_new (width, pixels->height, what, &wide, err));
  WCT_TRY (wct_pixels_new (width, height, what, &scaled, err));
  WCT_TRY (wct_alloc ((size_t)width * BANDS, sizeof *sums, what, &sums, err));
  scale_rows (pixels, &across, &wide);
  scale_columns (&wide, &down, sums, &scaled);
  wct_pixels_free (pixels);
  *pixels = scaled;
  scaled = (WctPixels){ 0 };

out:
  wct_free (&sums);
  wct_pixels_free (&scaled);
  wct_pixels_free (&wide);
  axis_clear (&down);
  axis_clear (&across);
  return status;
}

/* @side times @wanted over @shorter. Halves go to the even number, as in Python. */
static double
scaled_side (int32_t side, int32_t shorter, int32_t wanted)
{
  const double factor = (double)wanted / shorter;

  return fmax (wanted, nearbyint (side * factor));
}

WctStatus
wct_pixels_fit (WctPixels *pixels, int32_t side_min, int32_t side_max, const char *what, WctError *err)
{
  const int32_t shorter = wct_pixels_shorter_side (pixels);
  const int32_t wanted = shorter < side_min ? side_min : shorter > side_max ? side_max : shorter;
  const double  width = scaled_side (pixels->width, shorter, wanted);
  const double  height = scaled_side (pixels->height, shorter, wanted);

  assert (side_min <= side_max);
  if (wanted == shorter)
    return WCT_OK;
  if (width * height > PIXELS_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: %d×%d is too narrow: with a shorter side of %d it would be huge",
                          what, pixels->width, pixels->height, wanted);
  return scale_to (pixels, (int32_t)width, (int32_t)height, what, err);
}

WctStatus
wct_pixels_fit_longer (WctPixels *pixels, int32_t longer, int32_t least, const char *what, WctError *err)
{
  const double factor = (double)longer / (pixels->width > pixels->height ? pixels->width : pixels->height);

  return scale_to (pixels, (int32_t)fmax (least, nearbyint (pixels->width * factor)),
                   (int32_t)fmax (least, nearbyint (pixels->height * factor)), what, err);
}

/* ---- Crops -------------------------------------------------------------------------------------------------- */

/* Four floats: one pixel and the next one's red, which is ignored. */
typedef float Vector __attribute__ ((vector_size (16)));

void
wct_crop_scratch_clear (WctCropScratch *scratch)
{
  wct_free (&scratch->first);
  wct_free (&scratch->weights);
  wct_free (&scratch->row);
  *scratch = (WctCropScratch){ 0 };
}

static WctStatus
grow (void *address_of_block, size_t *count, size_t wanted, size_t size, WctError *err)
{
  WctStatus status;

  if (*count >= wanted)
    return WCT_OK;
  *count = 0;
  wct_free (address_of_block);
  status = wct_alloc (wanted, size, "room for crops", address_of_block, err);
  if (status == WCT_OK)
    *count = wanted;
  return status;
}

static void
copy_crop (const WctPixels *pixels, const WctCrop *crop, float *planar)
{
  const size_t plane = (size_t)crop->side * (size_t)crop->side;
  const int    step = crop->flip ? -1 : 1;
  float        unit[UINT8_MAX + 1];

  for (int i = 0; i <= UINT8_MAX; i++)
    unit[i] = (float)i / UINT8_MAX;
  for (int32_t y = 0; y < crop->side; y++)
    {
      const uint8_t *in = pixels->data + ((size_t)(crop->y + y) * (size_t)pixels->width + (size_t)crop->x) * BANDS;
      float         *out = planar + (size_t)y * (size_t)crop->side + (crop->flip ? crop->side - 1 : 0);

      for (int32_t x = 0; x < crop->side; x++, in += BANDS, out += step)
        {
          out[0] = unit[in[0]];
          out[plane] = unit[in[1]];
          out[2 * plane] = unit[in[2]];
        }
    }
}

/* One axis of a crop: windows of equal size that stay inside the picture, filled up with weights of 0, so that the
 * loops over them have no branches. */
typedef struct
{
  int32_t *first;   /* (side) */
  float   *weights; /* (side, size) */
  int32_t  size;
} CropAxis;

static int32_t
crop_window_size (int32_t from, int32_t to)
{
  const int32_t size = (int32_t)window_size (from, to, 1);

  return size < from ? size : from;
}

/* Weights add up to @unit. */
static void
weigh_crop (int32_t from, int32_t to, int32_t begin, int32_t side, double unit, const CropAxis *axis)
{
  double exact[2 * WCT_CROP_SHRINK_MAX + 3];

  assert (axis->size <= (int32_t)(sizeof exact / sizeof exact[0]));
  for (int32_t i = 0; i < side; i++)
    {
      const Window  window = window_of (from, to, 1, begin + i);
      const int32_t skipped = window.first > from - axis->size ? window.first - (from - axis->size) : 0;
      float        *weights = axis->weights + (size_t)i * (size_t)axis->size;

      weigh (&window, triangle, (double)from / to, exact);
      axis->first[i] = window.first - skipped;
      for (int32_t k = 0; k < axis->size; k++)
        weights[k] = k < skipped || k >= skipped + window.count ? 0 : (float)(exact[k - skipped] * unit);
    }
}

/* One row of the result's height, (count) floats. */
static void
average_rows (const uint8_t *in, size_t stride, const float *weights, int32_t size, float *row, size_t count)
{
  for (size_t i = 0; i < count; i++)
    row[i] = weights[0] * (float)in[i];
  for (int32_t k = 1; k < size; k++)
    {
      const uint8_t *from = in + (size_t)k * stride;

      for (size_t i = 0; i < count; i++)
        row[i] += weights[k] * (float)from[i];
    }
}

/* That row across. @row: begins with pixel @row_first; has one float more than pixels need */
static void
average_across (const float *row, int32_t row_first, const CropAxis *axis, const WctCrop *crop, float *planar)
{
  const size_t plane = (size_t)crop->side * (size_t)crop->side;

  for (int32_t x = 0; x < crop->side; x++)
    {
      const float *from = row + (size_t)(axis->first[x] - row_first) * BANDS;
      const float *weights = axis->weights + (size_t)x * (size_t)axis->size;
      float       *out = planar + (crop->flip ? crop->side - 1 - x : x);
      Vector       sum = { 0 };

      for (int32_t k = 0; k < axis->size; k++, from += BANDS)
        {
          Vector pixel;

          memcpy (&pixel, from, sizeof pixel);
          sum += weights[k] * pixel;
        }
      for (int c = 0; c < BANDS; c++)
        out[(size_t)c * plane] = sum[c] < 1 ? sum[c] : 1; /* rounding may pass it by one bit */
    }
}

static void
average_crop (const WctPixels *pixels, const WctCrop *crop, const CropAxis *down, const CropAxis *across, float *row,
              float *planar)
{
  const size_t  stride = (size_t)pixels->width * BANDS;
  const int32_t first = across->first[0];
  const size_t  count = (size_t)(across->first[crop->side - 1] + across->size - first) * BANDS;

  row[count] = 0;
  for (int32_t y = 0; y < crop->side; y++)
    {
      const uint8_t *in = pixels->data + (size_t)down->first[y] * stride + (size_t)first * BANDS;

      average_rows (in, stride, down->weights + (size_t)y * (size_t)down->size, down->size, row, count);
      average_across (row, first, across, crop, planar + (size_t)y * (size_t)crop->side);
    }
}

static WctStatus
shrink_crop (const WctPixels *pixels, const WctCrop *crop, WctCropScratch *scratch, float *planar, WctError *err)
{
  const size_t side = (size_t)crop->side;
  CropAxis     down = { .size = crop_window_size (pixels->height, crop->height) };
  CropAxis     across = { .size = crop_window_size (pixels->width, crop->width) };
  WctStatus    status;

  WCT_TRY (grow (&scratch->first, &scratch->first_count, 2 * side, sizeof *scratch->first, err));
  WCT_TRY (grow (&scratch->weights, &scratch->weight_count, side * (size_t)(down.size + across.size),
                 sizeof *scratch->weights, err));
  WCT_TRY (grow (&scratch->row, &scratch->row_count, (size_t)pixels->width * BANDS + 1, sizeof *scratch->row, err));
  down.first = scratch->first;
  across.first = scratch->first + side;
  down.weights = scratch->weights;
  across.weights = scratch->weights + side * (size_t)down.size;
  weigh_crop (pixels->height, crop->height, crop->y, crop->side, 1.0 / UINT8_MAX, &down);
  weigh_crop (pixels->width, crop->width, crop->x, crop->side, 1, &across);
  average_crop (pixels, crop, &down, &across, scratch->row, planar);

out:
  return status;
}

WctStatus
wct_crop_take (const WctPixels *pixels, const WctCrop *crop, WctCropScratch *scratch, float *planar, WctError *err)
{
  assert (crop->width <= pixels->width && crop->height <= pixels->height);
  assert (crop->x >= 0 && crop->x + crop->side <= crop->width && crop->y >= 0 && crop->y + crop->side <= crop->height);
  if (crop->width < pixels->width || crop->height < pixels->height)
    return shrink_crop (pixels, crop, scratch, planar, err);
  copy_crop (pixels, crop, planar);
  return WCT_OK;
}
