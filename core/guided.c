/* Each small window of the picture to be followed is taken for a line of the guide's luminance: p ≈ a I + b, by least
 * squares with a penalty ε a². The lines that a pixel lies in are averaged, and then read at the large guide.
 *
 * The constants come from looking at photos of 6 megapixels worked on at 1024 px, and one of 24. The window has to be
 * small: what of the strokes is no function of the photo within it is smoothed away, and at a radius of 4 strokes were
 * soap. One pixel keeps them all but for the finest grain of the decoder, which would have shown as blocks. At ε = 1e-3
 * the original's edges were soft; at 1e-4 the photo's grain began to show. A guide of three colors, whose fit has four
 * unknowns in nine pixels, showed hardly more at twice the memory. To add what the lines do not explain, upsampled,
 * brought the decoder's grain back as a grid. */
#include "guided.h"

#include "chroma.h"
#include "mem.h"

#define COLORS  3
#define RADIUS  1
#define WINDOW  (2 * RADIUS + 1)
#define EPSILON 3e-4
#define MOMENTS (2 + 2 * COLORS) /* I, I², p, I p */

/* The last rows of something with @values for each pixel. */
typedef struct
{
  int32_t width, height, values;
  float  *rows;    /* owned; (WINDOW, width, values) */
  double *columns; /* owned; (width, values): sums of a window's rows */
} Window;

static WctStatus
window_init (Window *window, int32_t width, int32_t height, int32_t values, WctError *err)
{
  const size_t row = (size_t)width * (size_t)values;
  WctStatus    status;

  *window = (Window){ .width = width, .height = height, .values = values };
  WCT_TRY (wct_alloc (row * WINDOW, sizeof (float), "rows", &window->rows, err));
  WCT_TRY (wct_alloc (row, sizeof (double), "rows", &window->columns, err));

out:
  return status;
}

static void
window_clear (Window *window)
{
  wct_free (&window->rows);
  wct_free (&window->columns);
}

static float *
window_row (const Window *window, int32_t y)
{
  return window->rows + (size_t)(y % WINDOW) * (size_t)window->width * (size_t)window->values;
}

static int32_t
first_of (int32_t center)
{
  return center > RADIUS ? center - RADIUS : 0;
}

static int32_t
last_of (int32_t center, int32_t count)
{
  return center + RADIUS < count ? center + RADIUS : count - 1;
}

/* Sums over the rows of the window around @y, all of which are there. Returns how many they are. */
static int32_t
add_rows (Window *window, int32_t y)
{
  const size_t  count = (size_t)window->width * (size_t)window->values;
  const int32_t first = first_of (y), last = last_of (y, window->height);

  for (size_t i = 0; i < count; i++)
    window->columns[i] = window_row (window, first)[i];
  for (int32_t k = first + 1; k <= last; k++)
    {
      const float *row = window_row (window, k);

      for (size_t i = 0; i < count; i++)
        window->columns[i] += row[i];
    }
  return last - first + 1;
}

/* Means of the window around column @x, once its rows are added up. @means: (values) */
static void
mean_at (const Window *window, int32_t x, int32_t rows, double *means)
{
  const int32_t first = first_of (x), last = last_of (x, window->width);

  for (int32_t v = 0; v < window->values; v++)
    {
      double sum = 0;

      for (int32_t k = first; k <= last; k++)
        sum += window->columns[(size_t)k * (size_t)window->values + (size_t)v];
      means[v] = sum / (rows * (last - first + 1));
    }
}

/* @guide, @target: (width, 3). @moments: (width, MOMENTS), written */
static void
multiply (const float *guide, const float *target, int32_t width, float *moments)
{
  for (int32_t x = 0; x < width; x++, guide += COLORS, target += COLORS, moments += MOMENTS)
    {
      const float luma = wct_luma (guide);

      moments[0] = luma;
      moments[1] = luma * luma;
      for (int c = 0; c < COLORS; c++)
        {
          moments[2 + c] = target[c];
          moments[2 + COLORS + c] = luma * target[c];
        }
    }
}

/* Equations 5 and 6 of the guided filter. @lines: (width, WCT_GUIDED_LINES), written */
static void
solve_row (Window *moments, int32_t y, float *lines)
{
  const int32_t rows = add_rows (moments, y);

  for (int32_t x = 0; x < moments->width; x++, lines += WCT_GUIDED_LINES)
    {
      double mean[MOMENTS];

      mean_at (moments, x, rows, mean);
      for (int c = 0; c < COLORS; c++)
        {
          const double covariance = mean[2 + COLORS + c] - mean[0] * mean[2 + c];
          const double a = covariance / (mean[1] - mean[0] * mean[0] + EPSILON);

          lines[c] = (float)a;
          lines[COLORS + c] = (float)(mean[2 + c] - a * mean[0]);
        }
    }
}

/* Equation 8: the mean of the lines that a pixel lies in. */
static void
average_row (Window *lines, int32_t y, float *out)
{
  const int32_t rows = add_rows (lines, y);

  for (int32_t x = 0; x < lines->width; x++)
    {
      double mean[WCT_GUIDED_LINES];

      mean_at (lines, x, rows, mean);
      for (int i = 0; i < WCT_GUIDED_LINES; i++)
        *out++ = (float)mean[i];
    }
}

static size_t
row_bytes (int32_t width)
{
  return (size_t)width * WCT_GUIDED_LINES * sizeof (float);
}

size_t
wct_guided_bytes (int32_t width, int32_t height)
{
  return row_bytes (width) * (size_t)height;
}

WctStatus
wct_guided_fit (int32_t width, int32_t height, WctGuidedRead *read, void *user, WctStore *store, WctError *err)
{
  const size_t colors = (size_t)width * COLORS;
  Window       moments = { 0 }, lines = { 0 };
  float       *guide = NULL, *target = NULL, *row = NULL;
  WctStatus    status;

  WCT_TRY (window_init (&moments, width, height, MOMENTS, err));
  WCT_TRY (window_init (&lines, width, height, WCT_GUIDED_LINES, err));
  WCT_TRY (wct_alloc (colors, sizeof *guide, "row", &guide, err));
  WCT_TRY (wct_alloc (colors, sizeof *target, "row", &target, err));
  WCT_TRY (wct_alloc (row_bytes (width), 1, "row", &row, err));
  for (int32_t y = 0; y < height + 2 * RADIUS; y++) /* each step is RADIUS rows behind the one before */
    {
      const int32_t solved = y - RADIUS, averaged = y - 2 * RADIUS;

      if (y < height)
        {
          WCT_TRY (read (user, y, guide, target, err));
          multiply (guide, target, width, window_row (&moments, y));
        }
      if (solved >= 0 && solved < height)
        solve_row (&moments, solved, window_row (&lines, solved));
      if (averaged >= 0)
        {
          average_row (&lines, averaged, row);
          WCT_TRY (wct_store_write (store, (size_t)averaged * row_bytes (width), row_bytes (width), row, err));
        }
    }

out:
  wct_free (&row);
  wct_free (&target);
  wct_free (&guide);
  window_clear (&lines);
  window_clear (&moments);
  return status;
}

/* Where pixel @i of @count lies between two of @small: from *before, *share on the way to the next. */
static void
place (int32_t i, int32_t count, int32_t small, int32_t *before, float *share)
{
  double at = (i + 0.5) * small / count - 0.5;

  at = at < 0 ? 0 : at > small - 1 ? small - 1 : at;
  *before = (int32_t)at;
  *share = (float)(at - *before);
}

/* The lines of one row of the large picture, at the small one's columns, in the first half of @rows. */
static WctStatus
interpolate_rows (const WctGuided *guided, int32_t y, float *rows, WctError *err)
{
  const size_t bytes = row_bytes (guided->small_width), count = bytes / sizeof (float);
  const float *next = rows + count;
  int32_t      before;
  float        share;
  WctStatus    status;

  place (y, guided->height, guided->small_height, &before, &share);
  WCT_TRY (wct_store_read (guided->lines, (size_t)before * bytes, bytes, rows, err));
  if (share > 0)
    {
      WCT_TRY (wct_store_read (guided->lines, (size_t)(before + 1) * bytes, bytes, rows + count, err));
      for (size_t i = 0; i < count; i++)
        rows[i] += share * (next[i] - rows[i]);
    }

out:
  return status;
}

WctStatus
wct_guided_row (const WctGuided *guided, int32_t y, float *scratch, float *row, WctError *err)
{
  const int32_t small = guided->small_width;
  WctStatus     status;

  WCT_TRY (interpolate_rows (guided, y, scratch, err));
  for (int32_t x = 0; x < guided->width; x++, row += COLORS)
    {
      const float  guide = wct_luma (row);
      int32_t      before;
      float        share;
      const float *left, *right;

      place (x, guided->width, small, &before, &share);
      left = scratch + (size_t)before * WCT_GUIDED_LINES;
      right = before + 1 < small ? left + WCT_GUIDED_LINES : left;
      for (int c = 0; c < COLORS; c++)
        {
          const float a = left[c] + share * (right[c] - left[c]);
          const float b = left[COLORS + c] + share * (right[COLORS + c] - left[COLORS + c]);

          row[c] = a * guide + b;
        }
    }

out:
  return status;
}
