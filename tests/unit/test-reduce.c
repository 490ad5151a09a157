/* Area averaging, against sums over every part of every pixel. */
#include <string.h>

#include "numbers.h"
#include "reduce.h"

typedef struct
{
  int32_t      width, height;
  const float *pixels;
  int32_t      reads;
} Source;

static WctStatus
read_row (void *user, int32_t y, float *row, WctError *err)
{
  Source *source = user;

  (void)err;
  source->reads++;
  memcpy (row, source->pixels + (size_t)y * (size_t)source->width * 3, (size_t)source->width * 3 * sizeof *row);
  return WCT_OK;
}

static float *
random_picture (int32_t width, int32_t height)
{
  float *pixels = calloc ((size_t)width * (size_t)height * 3, sizeof *pixels);

  assert_non_null (pixels);
  wct_noise_fill (&(WctImage){ pixels, width, height, 3, (size_t)width * 3 * sizeof *pixels }, 5);
  return pixels;
}

/* How much of pixel @i of @from lies in pixel @t of @to, in pixels of @from. */
static double
overlap (int32_t i, int32_t t, int32_t from, int32_t to)
{
  const double begin = fmax (i, t * (double)from / to), end = fmin (i + 1, (t + 1) * (double)from / to);

  return fmax (end - begin, 0);
}

static double
mean_of_area (const Source *source, int32_t tx, int32_t ty, int32_t width, int32_t height, int channel)
{
  double sum = 0, area = 0;

  for (int32_t y = 0; y < source->height; y++)
    for (int32_t x = 0; x < source->width; x++)
      {
        const double share = overlap (x, tx, source->width, width) * overlap (y, ty, source->height, height);

        sum += share * source->pixels[(y * source->width + x) * 3 + channel];
        area += share;
      }
  return sum / area;
}

static const int32_t sizes[][4] = { { 7, 5, 3, 2 },  { 12, 9, 4, 3 },    { 30, 1, 7, 1 },
                                    { 1, 17, 1, 5 }, { 20, 13, 19, 12 }, { 6, 4, 6, 4 } };

static void
each_pixel_is_the_mean_of_its_area (void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    {
      const int32_t width = sizes[i][2], height = sizes[i][3];
      float        *pixels = random_picture (sizes[i][0], sizes[i][1]), row[3 * 32];
      Source        source = { sizes[i][0], sizes[i][1], pixels, 0 };
      WctReduction  reduction;

      assert_int_equal (
        wct_reduction_init (&reduction, sizes[i][0], sizes[i][1], width, height, read_row, &source, NULL), WCT_OK);
      for (int32_t y = 0; y < height; y++)
        {
          assert_int_equal (wct_reduction_row (&reduction, y, row, NULL), WCT_OK);
          for (int32_t x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) /* the result's rounding to float, below 1 */
              assert_close ("mean", row[3 * x + c], mean_of_area (&source, x, y, width, height, c), 1.2e-7);
        }
      assert_int_equal (source.reads, sizes[i][1]); /* each row once */
      wct_reduction_clear (&reduction);
      free (pixels);
    }
}

static void
the_longer_side_gets_the_size_and_no_side_grows_or_is_lost (void **state)
{
  const int32_t cases[][5] = { { 1024, 6000, 4000, 1024, 683 }, { 1024, 4000, 6000, 683, 1024 },
                               { 1024, 1024, 700, 1024, 700 },  { 0, 6000, 4000, 6000, 4000 },
                               { 10, 1000, 1, 10, 1 },          { 999, 1000, 1000, 999, 999 } };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      int32_t width, height;

      wct_reduced_size (cases[i][0], cases[i][1], cases[i][2], &width, &height);
      assert_int_equal (width, cases[i][3]);
      assert_int_equal (height, cases[i][4]);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (each_pixel_is_the_mean_of_its_area),
    cmocka_unit_test (the_longer_side_gets_the_size_and_no_side_grows_or_is_lost),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
