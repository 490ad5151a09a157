#include "ssim.h"

#include <math.h>

#include "mem.h"

#define WINDOW    11
#define DEVIATION 1.5

/* Of values up to 1: (0.01)², (0.03)². */
#define STABILIZER_MEAN     1e-4
#define STABILIZER_VARIANCE 9e-4

/* What is averaged under the window. */
typedef enum
{
  MEAN_A,
  MEAN_B,
  SQUARE_A,
  SQUARE_B,
  PRODUCT,
  QUANTITIES
} Quantity;

static void
make_window (double window[WINDOW])
{
  double sum = 0;

  for (int i = 0; i < WINDOW; i++)
    sum += window[i] = exp (-(i - WINDOW / 2) * (i - WINDOW / 2) / (2 * DEVIATION * DEVIATION));
  for (int i = 0; i < WINDOW; i++)
    window[i] /= sum;
}

static double
luma (const float *picture, size_t plane, size_t at)
{
  return 0.299 * picture[at] + 0.587 * picture[plane + at] + 0.114 * picture[2 * plane + at];
}

static void
fill_quantities (const float *a, const float *b, size_t plane, double *quantities)
{
  for (size_t i = 0; i < plane; i++)
    {
      const double x = luma (a, plane, i), y = luma (b, plane, i);

      quantities[MEAN_A * plane + i] = x;
      quantities[MEAN_B * plane + i] = y;
      quantities[SQUARE_A * plane + i] = x * x;
      quantities[SQUARE_B * plane + i] = y * y;
      quantities[PRODUCT * plane + i] = x * y;
    }
}

/* Rows, in place: the first w - 10 values of each become averages. */
static void
average_rows (const double window[WINDOW], int32_t w, size_t rows, double *values)
{
  for (size_t row = 0; row < rows; row++, values += w)
    for (int32_t x = 0; x + WINDOW <= w; x++)
      {
        double sum = 0;

        for (int i = 0; i < WINDOW; i++)
          sum += window[i] * values[x + i];
        values[x] = sum;
      }
}

static double
average_column (const double window[WINDOW], int32_t w, const double *values)
{
  double sum = 0;

  for (int i = 0; i < WINDOW; i++)
    sum += window[i] * values[(size_t)i * (size_t)w];
  return sum;
}

static double
similarity (const double q[QUANTITIES])
{
  const double a = q[MEAN_A], b = q[MEAN_B];
  const double variances = q[SQUARE_A] - a * a + q[SQUARE_B] - b * b, covariance = q[PRODUCT] - a * b;

  return (2 * a * b + STABILIZER_MEAN) * (2 * covariance + STABILIZER_VARIANCE)
         / ((a * a + b * b + STABILIZER_MEAN) * (variances + STABILIZER_VARIANCE));
}

WctStatus
wct_ssim (const float *a, const float *b, int32_t h, int32_t w, double *out, WctError *err)
{
  const size_t plane = (size_t)h * (size_t)w;
  double       window[WINDOW], sum = 0, *quantities = NULL;
  WctStatus    status = wct_alloc (QUANTITIES * plane, sizeof *quantities, "similarity", &quantities, err);

  if (status != WCT_OK)
    return status;
  make_window (window);
  fill_quantities (a, b, plane, quantities);
  average_rows (window, w, QUANTITIES * (size_t)h, quantities);
  for (int32_t y = 0; y + WINDOW <= h; y++)
    for (int32_t x = 0; x + WINDOW <= w; x++)
      {
        double q[QUANTITIES];

        for (size_t k = 0; k < QUANTITIES; k++)
          q[k] = average_column (window, w, quantities + k * plane + (size_t)y * (size_t)w + (size_t)x);
        sum += similarity (q);
      }
  *out = sum / ((double)(h - WINDOW + 1) * (double)(w - WINDOW + 1));
  wct_free (&quantities);
  return WCT_OK;
}
