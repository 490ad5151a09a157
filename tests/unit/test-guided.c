/* The guided filter, against sums over every window of every pixel. */
#include <string.h>

#include "guided.h"
#include "numbers.h"

#define RADIUS  1
#define EPSILON 3e-4

typedef struct
{
  int32_t      width, height;
  const float *guide, *target;
} Pair;

static WctStatus
read_pair (void *user, int32_t y, float *guide, float *target, WctError *err)
{
  const Pair  *pair = user;
  const size_t row = (size_t)pair->width * 3;

  (void)err;
  memcpy (guide, pair->guide + (size_t)y * row, row * sizeof *guide);
  memcpy (target, pair->target + (size_t)y * row, row * sizeof *target);
  return WCT_OK;
}

static float *
random_picture (int32_t width, int32_t height, uint64_t seed)
{
  float *pixels = calloc ((size_t)width * (size_t)height * 3, sizeof *pixels);

  assert_non_null (pixels);
  wct_noise_fill (&(WctImage){ pixels, width, height, 3, (size_t)width * 3 * sizeof *pixels }, seed);
  return pixels;
}

static double
luma_of (const float *pixel)
{
  return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

static bool
is_inside (const Pair *pair, int32_t x, int32_t y)
{
  return x >= 0 && x < pair->width && y >= 0 && y < pair->height;
}

/* a and b of the window around (x, y). */
static void
fit (const Pair *pair, int32_t x, int32_t y, int channel, double *line)
{
  double count = 0, guide = 0, square = 0, target = 0, product = 0;

  for (int32_t v = y - RADIUS; v <= y + RADIUS; v++)
    for (int32_t u = x - RADIUS; u <= x + RADIUS; u++)
      if (is_inside (pair, u, v))
        {
          const double i = luma_of (pair->guide + (v * pair->width + u) * 3);
          const double p = pair->target[(v * pair->width + u) * 3 + channel];

          count++;
          guide += i;
          square += i * i;
          target += p;
          product += i * p;
        }
  line[0] =
    (product / count - guide / count * target / count) / (square / count - guide / count * guide / count + EPSILON);
  line[1] = target / count - line[0] * guide / count;
}

/* The mean line of those windows that (x, y) lies in. */
static void
mean_line (const Pair *pair, int32_t x, int32_t y, int channel, double *line)
{
  double count = 0;

  line[0] = line[1] = 0;
  for (int32_t v = y - RADIUS; v <= y + RADIUS; v++)
    for (int32_t u = x - RADIUS; u <= x + RADIUS; u++)
      if (is_inside (pair, u, v))
        {
          double one[2];

          fit (pair, u, v, channel, one);
          line[0] += one[0];
          line[1] += one[1];
          count++;
        }
  line[0] /= count;
  line[1] /= count;
}

/* Bilinear, edges repeated. */
static double
upsampled (const Pair *pair, int32_t x, int32_t y, int32_t width, int32_t height, int channel, double guide)
{
  const double px = fmin (fmax ((x + 0.5) * pair->width / width - 0.5, 0), pair->width - 1);
  const double py = fmin (fmax ((y + 0.5) * pair->height / height - 0.5, 0), pair->height - 1);
  double       a = 0, b = 0;

  for (int corner = 0; corner < 4; corner++)
    {
      const int32_t u = (int32_t)px + corner % 2, v = (int32_t)py + corner / 2;
      const double  weight = fmax (1 - fabs (px - u), 0) * fmax (1 - fabs (py - v), 0);
      double        line[2];

      if (weight == 0)
        continue;
      mean_line (pair, u, v, channel, line);
      a += weight * line[0];
      b += weight * line[1];
    }
  return a * guide + b;
}

static void
check_size (int32_t small_width, int32_t small_height, int32_t width, int32_t height)
{
  float *guide = random_picture (small_width, small_height, 1), *target = random_picture (small_width, small_height, 2);
  float *large = random_picture (width, height, 3), *scratch = calloc ((size_t)small_width * 12, sizeof *scratch);
  float *row = calloc ((size_t)width * 3, sizeof *row);
  const Pair pair = { small_width, small_height, guide, target };
  WctStore  *lines = NULL;

  assert_non_null (scratch);
  assert_non_null (row);
  assert_int_equal (wct_store_new (wct_guided_bytes (small_width, small_height), false, "lines", &lines, NULL), WCT_OK);
  assert_int_equal (wct_guided_fit (small_width, small_height, read_pair, (void *)(uintptr_t)&pair, lines, NULL),
                    WCT_OK);
  for (int32_t y = height - 1; y >= 0; y--)
    {
      const WctGuided guided = { lines, small_width, small_height, width, height };

      memcpy (row, large + (size_t)y * (size_t)width * 3, (size_t)width * 3 * sizeof *row);
      assert_int_equal (wct_guided_row (&guided, y, scratch, row, NULL), WCT_OK);
      for (int32_t x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) /* moments are floats: 6e-8 each, over a variance that may be as small as ε */
          assert_close ("pixel", row[3 * x + c],
                        upsampled (&pair, x, y, width, height, c, luma_of (large + (y * width + x) * 3)), 2e-4);
    }
  wct_store_free (&lines);
  free (row);
  free (scratch);
  free (large);
  free (target);
  free (guide);
}

static void
every_pixel_lies_on_the_mean_line_of_its_windows (void **state)
{
  (void)state;
  check_size (7, 5, 20, 15);
  check_size (9, 9, 10, 10);
  check_size (1, 1, 5, 3);
  check_size (2, 1, 5, 3);
  check_size (1, 6, 1, 13);
}

/* The fit sees no noise that it could take for a slope. */
static void
a_flat_guide_leaves_the_mean_of_the_target (void **state)
{
  float      guide[5 * 4 * 3], target[5 * 4 * 3], row[10 * 3], scratch[5 * 12];
  const Pair pair = { 5, 4, guide, target };
  WctStore  *lines = NULL;

  (void)state;
  for (int i = 0; i < 5 * 4 * 3; i++)
    {
      guide[i] = 0.25f;
      target[i] = 0.75f;
    }
  for (int i = 0; i < 10 * 3; i++)
    row[i] = i % 2 ? 1 : 0;
  assert_int_equal (wct_store_new (wct_guided_bytes (5, 4), false, "lines", &lines, NULL), WCT_OK);
  assert_int_equal (wct_guided_fit (5, 4, read_pair, (void *)(uintptr_t)&pair, lines, NULL), WCT_OK);
  assert_int_equal (wct_guided_row (&(WctGuided){ lines, 5, 4, 10, 8 }, 3, scratch, row, NULL), WCT_OK);
  for (int i = 0; i < 10 * 3; i++) /* a is a rounding of 6e-8 over ε */
    assert_close ("pixel", row[i], 0.75, 4e-4);
  wct_store_free (&lines);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_pixel_lies_on_the_mean_line_of_its_windows),
    cmocka_unit_test (a_flat_guide_leaves_the_mean_of_the_target),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
