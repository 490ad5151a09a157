/* Seams: what tiles stays as it is; what does not is faded towards its sides, and tiles then. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wct/image.h>

#include "mem.h"

#define TWO_PI 6.283185307179586

static WctImage
new_picture (int32_t width, int32_t height)
{
  WctImage image = { calloc ((size_t)width * (size_t)height * 3, sizeof (float)), width, height, 3,
                     (size_t)width * 3 * sizeof (float) };

  assert_non_null (image.pixels);
  return image;
}

static float *
value_at (const WctImage *image, int32_t x, int32_t y, int32_t c)
{
  return &image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * 3 + (size_t)c];
}

static void
fade (const WctImage *image)
{
  WctError err;

  if (wct_image_fade_seam (image, &err) != WCT_OK)
    fail_msg ("%s", err.message);
}

static void
assert_stays (const WctImage *image)
{
  const size_t bytes = image->row_stride_bytes * (size_t)image->height;
  float       *before = malloc (bytes);

  memcpy (before, image->pixels, bytes);
  fade (image);
  assert_memory_equal (before, image->pixels, bytes);
  free (before);
}

static void
noise_stays_as_it_is (void **state)
{
  (void)state;
  for (int seed = 0; seed < 20; seed++)
    {
      WctImage image = new_picture (64, 48 + seed);

      wct_noise_fill (&image, (uint64_t)seed);
      assert_stays (&image);
      free (image.pixels);
    }
}

static void
what_tiles_stays_as_it_is (void **state)
{
  WctImage waves = new_picture (60, 45), flat = new_picture (20, 20), pixel = new_picture (1, 1);

  (void)state;
  for (int32_t y = 0; y < waves.height; y++)
    for (int32_t x = 0; x < waves.width; x++)
      for (int32_t c = 0; c < 3; c++)
        *value_at (&waves, x, y, c) =
          (float)(sin (TWO_PI * 2 * x / waves.width + c) * cos (TWO_PI * 3 * y / waves.height));
  assert_stays (&waves);
  assert_stays (&flat);
  assert_stays (&pixel);
  free (pixel.pixels);
  free (flat.pixels);
  free (waves.pixels);
}

/* A ramp with some grain, to be seen in one direction. */
static WctImage
ramp (int32_t width, int32_t height, bool down)
{
  WctImage image = new_picture (width, height);

  wct_noise_fill (&image, 1);
  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++)
      for (int32_t c = 0; c < 3; c++)
        *value_at (&image, x, y, c) =
          0.05f * *value_at (&image, x, y, c) + (down ? (float)y / (float)height : (float)x / (float)width);
  return image;
}

/* Mean change across the line behind row @y, and column @x. */
static double
change_across (const WctImage *image, bool down, int32_t line)
{
  const int32_t along = down ? image->width : image->height, count = down ? image->height : image->width;
  double        sum = 0;

  for (int32_t i = 0; i < along; i++)
    for (int32_t c = 0; c < 3; c++)
      {
        const int32_t next = (line + 1) % count;
        const float   a = down ? *value_at (image, i, line, c) : *value_at (image, line, i, c);
        const float   b = down ? *value_at (image, i, next, c) : *value_at (image, next, i, c);

        sum += fabs ((double)a - b);
      }
  return sum / along / 3;
}

static void
sides_that_do_not_fit_fit_afterwards_in_that_direction (void **state)
{
  const int32_t sides[][2] = { { 64, 48 }, { 61, 47 }, { 100, 33 } };

  (void)state;
  for (size_t s = 0; s < 3; s++)
    for (int down = 0; down < 2; down++)
      {
        WctImage      image = ramp (sides[s][0], sides[s][1], down), before = ramp (sides[s][0], sides[s][1], down);
        const int32_t count = down ? image.height : image.width;
        double        largest = 0;

        assert_true (change_across (&before, down, count - 1) > 0.9);
        fade (&image);
        for (int32_t i = 0; i < count - 1; i++)
          largest = fmax (largest, change_across (&image, down, i));
        assert_true (change_across (&image, down, count - 1) <= largest);
        for (int32_t y = 0; y < image.height; y++) /* the half in the middle, and what is across, stays */
          for (int32_t x = 0; x < image.width; x++)
            {
              const int32_t i = down ? y : x;

              if (i >= (count + 3) / 4 && i < count - (count + 3) / 4)
                assert_float_equal (*value_at (&image, x, y, 1), *value_at (&before, x, y, 1), 0);
            }
        free (before.pixels);
        free (image.pixels);
      }
}

/* In the seam itself is the picture's middle, and nothing else: shifted by half. */
static void
at_the_seam_is_the_middle_of_the_picture (void **state)
{
  WctImage image = ramp (256, 16, false), before = ramp (256, 16, false);

  (void)state;
  fade (&image);
  for (int32_t y = 0; y < 16; y++)
    for (int32_t i = 0; i < 2; i++) /* a share of 3 · (0.5 / 64)² of what was there, of a range of 1 */
      assert_float_equal (*value_at (&image, i * 255, y, 0), *value_at (&before, i == 0 ? 128 : 127, y, 0), 5e-4);
  free (before.pixels);
  free (image.pixels);
}

/* Two independent grains mixed half and half would have a variance of one half. */
static void
where_two_copies_mix_the_variance_stays (void **state)
{
  WctImage image = new_picture (256, 256);
  double   sum[2] = { 0 }, squares[2] = { 0 }, count[2] = { 0 };

  (void)state;
  wct_noise_fill (&image, 3);
  for (int32_t y = 0; y < 256; y++) /* a stripe at the right makes a seam, and is faded away */
    for (int32_t x = 254; x < 256; x++)
      for (int32_t c = 0; c < 3; c++)
        *value_at (&image, x, y, c) = x == 254 ? 0.5f : 2;
  fade (&image);
  for (int32_t y = 0; y < 256; y++)
    for (int32_t x = 0; x < 192; x++) /* the stripe's shifted copy is at 126 and 127, in the middle, which stays */
      if (x < 64 || (x >= 130))
        {
          const int    mixed = x < 64;
          const double value = *value_at (&image, x, y, 0);

          sum[mixed] += value;
          squares[mixed] += value * value;
          count[mixed]++;
        }
  for (int i = 0; i < 2; i++)
    squares[i] = squares[i] / count[i] - sum[i] / count[i] * (sum[i] / count[i]);
  /* the standard error of a variance of 16 384 values of uniform noise is 0.7 %: four of them, twice, and the mean that
   * the stripe moves */
  assert_float_equal (squares[1] / squares[0], 1, 0.06);
  free (image.pixels);
}

static void
a_picture_that_is_none_is_a_sentence (void **state)
{
  WctImage gray = new_picture (4, 4);
  WctError err;

  (void)state;
  gray.channels = 1;
  assert_int_equal (wct_image_fade_seam (&gray, &err), WCT_ERR_ARGUMENT);
  assert_non_null (strstr (err.message, "channels"));
  free (gray.pixels);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_the_picture (void **state)
{
  (void)state;
  for (long n = 1;; n++)
    {
      WctImage image = ramp (32, 24, true), before = ramp (32, 24, true);
      WctError err;

      wct_mem_test_fail (n, false);
      const WctStatus status = wct_image_fade_seam (&image, &err);
      const bool      happened = wct_mem_test_fail (0, false) >= n;

      assert_int_equal (status, happened ? WCT_ERR_NO_MEMORY : WCT_OK);
      if (happened)
        assert_memory_equal (image.pixels, before.pixels, image.row_stride_bytes * 24);
      assert_int_equal (wct_mem_used (), 0);
      free (before.pixels);
      free (image.pixels);
      if (!happened)
        break;
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (noise_stays_as_it_is),
    cmocka_unit_test (what_tiles_stays_as_it_is),
    cmocka_unit_test (sides_that_do_not_fit_fit_afterwards_in_that_direction),
    cmocka_unit_test (at_the_seam_is_the_middle_of_the_picture),
    cmocka_unit_test (where_two_copies_mix_the_variance_stays),
    cmocka_unit_test (a_picture_that_is_none_is_a_sentence),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_the_picture),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
