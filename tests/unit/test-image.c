/* Picture views are checked, and noise is the same on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <wct/image.h>

/* ---- Views ----------------------------------------------------------------------------------------------------- */

static void
usable_views_pass (void **state)
{
  float          pixels[48] = { 0 };
  const WctImage picture = { pixels, 4, 4, 3, 4 * 3 * sizeof (float) };
  const WctImage wide_rows = { pixels, 2, 2, 3, 8 * sizeof (float) };
  const WctImage mask = { pixels, 6, 8, 1, 6 * sizeof (float) };
  const WctImage largest = { pixels, WCT_IMAGE_SIDE_MAX, 1, 3, WCT_IMAGE_SIDE_MAX * 3 * sizeof (float) };

  (void)state;
  assert_int_equal (wct_image_check (&picture, 3, "content", NULL), WCT_OK);
  assert_int_equal (wct_image_check (&wide_rows, 3, "content", NULL), WCT_OK);
  assert_int_equal (wct_image_check (&mask, 1, "mask", NULL), WCT_OK);
  assert_int_equal (wct_image_check (&largest, 3, "content", NULL), WCT_OK);
}

static void
unusable_views_are_refused_with_a_sentence (void **state)
{
  float pixels[48] = { 0 };
  const struct
  {
    WctImage    image;
    const char *sentence;
  } cases[] = {
    { { NULL, 4, 4, 3, 48 }, "content: there is no picture" },
    { { pixels, 0, 4, 3, 48 }, "content: 0×4 is no size; sides start at 1 pixel" },
    { { pixels, 4, -1, 3, 48 }, "content: 4×-1 is no size; sides start at 1 pixel" },
    { { pixels, 1000001, 1, 3, 12000012 }, "content: 1000001×1 is too large; a side may have 1000000 pixels" },
    { { pixels, 4, 4, 1, 48 }, "content: it has 1 channels, 3 are needed" },
    { { pixels, 4, 4, 3, 44 }, "content: rows are 44 bytes apart, 48 at least are needed, in whole floats" },
    { { pixels, 4, 4, 3, 50 }, "content: rows are 50 bytes apart, 48 at least are needed, in whole floats" },
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      WctError err = { .status = WCT_OK };

      assert_int_equal (wct_image_check (&cases[i].image, 3, "content", &err), WCT_ERR_ARGUMENT);
      assert_string_equal (err.message, cases[i].sentence);
    }
  assert_int_equal (wct_image_check (NULL, 3, "content", NULL), WCT_ERR_ARGUMENT);
}

/* ---- Noise ----------------------------------------------------------------------------------------------------- */

static void
noise_is_the_published_sequence (void **state)
{
  /* SplitMix64's first outputs for seed 1234567, as the algorithm's public test vectors have them. */
  const uint64_t outputs[] = { 6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
                               16408922859458223821u };
  float          values[5];
  const WctImage row = { values, 5, 1, 1, sizeof values };

  (void)state;
  wct_noise_fill (&row, 1234567);
  for (int i = 0; i < 5; i++)
    assert_true (values[i] == (float)(outputs[i] >> 40) / 16777216.0f);
}

static void
noise_counts_values_in_reading_order_whatever_the_stride (void **state)
{
  float          dense[2 * 3 * 3], sparse[2 * 16];
  const WctImage picture = { dense, 3, 2, 3, 9 * sizeof (float) };
  const WctImage with_gaps = { sparse, 3, 2, 3, 16 * sizeof (float) };

  (void)state;
  for (int i = 0; i < 32; i++)
    sparse[i] = -1;
  wct_noise_fill (&picture, 7);
  wct_noise_fill (&with_gaps, 7);
  for (int y = 0; y < 2; y++)
    {
      assert_memory_equal (sparse + y * 16, dense + y * 9, 9 * sizeof (float));
      for (int i = 9; i < 16; i++)
        assert_true (sparse[y * 16 + i] == -1);
    }
}

static void
noise_row_by_row_is_the_noise_of_the_whole (void **state)
{
  enum
  {
    WIDTH = 37,
    HEIGHT = 23,
    GAP = 5 /* floats between rows */
  };
  float          whole[HEIGHT * WIDTH * 3], rows[HEIGHT * (WIDTH * 3 + GAP)];
  const WctImage picture = { whole, WIDTH, HEIGHT, 3, WIDTH * 3 * sizeof (float) };

  (void)state;
  wct_noise_fill (&picture, 42);
  for (int32_t height = 1; height <= HEIGHT; height++)
    {
      const WctImage some = { rows, WIDTH, height, 3, (WIDTH * 3 + GAP) * sizeof (float) };

      for (int32_t first = 0; first + height <= HEIGHT; first++)
        {
          wct_noise_fill_rows (&some, first, 42);
          for (int32_t y = 0; y < height; y++)
            assert_memory_equal (rows + y * (WIDTH * 3 + GAP), whole + (first + y) * WIDTH * 3,
                                 WIDTH * 3 * sizeof (float));
        }
    }
}

/* Where the number of a value no longer fits in 32 bits: rows of a picture of WCT_IMAGE_SIDE_MAX squared. */
static void
noise_of_far_rows_is_of_its_own (void **state)
{
  static float   far[WCT_IMAGE_SIDE_MAX * 3], wrapped[3];
  const WctImage row = { far, WCT_IMAGE_SIDE_MAX, 1, 3, sizeof far };
  const WctImage one = { wrapped, 1, 1, 3, sizeof wrapped };

  (void)state;
  wct_noise_fill_rows (&row, 999999, 7);
  /* Value i for seed s is value 0 for seed s + i · SplitMix64's step. */
  wct_noise_fill (&one, 7 + (uint64_t)999999 * WCT_IMAGE_SIDE_MAX * 3 * 0x9e3779b97f4a7c15u);
  assert_memory_equal (far, wrapped, sizeof wrapped);
}

static void
noise_is_uniform_from_zero_to_below_one (void **state)
{
  enum
  {
    SIDE = 100,
    BINS = 10
  };
  static float   values[SIDE * SIDE * 3];
  const WctImage picture = { values, SIDE, SIDE, 3, SIDE * 3 * sizeof (float) };
  int            counts[BINS] = { 0 };

  (void)state;
  wct_noise_fill (&picture, 99);
  for (int i = 0; i < SIDE * SIDE * 3; i++)
    {
      assert_true (values[i] >= 0 && values[i] < 1);
      counts[(int)(values[i] * BINS)]++;
    }

  /* 3000 expected in each, with a standard deviation of 52: five of them. */
  for (int i = 0; i < BINS; i++)
    assert_in_range (counts[i], 2740, 3260);
}

static void
another_seed_is_another_noise (void **state)
{
  float          a[300], b[300];
  const WctImage first = { a, 10, 10, 3, 120 }, second = { b, 10, 10, 3, 120 };
  int            equal = 0;

  (void)state;
  wct_noise_fill (&first, 0);
  wct_noise_fill (&second, 1);
  for (int i = 0; i < 300; i++)
    equal += a[i] == b[i];
  assert_true (equal < 3);
}

/* ---- Guides --------------------------------------------------------------------------------------------------- */

static void
a_guide_of_the_same_size_is_mixed_in_pixel_by_pixel (void **state)
{
  float          values[7 * 5 * 3], noise[7 * 5 * 3], guide_values[7 * 5 * 3];
  const WctImage image = { values, 7, 5, 3, 84 }, guide = { guide_values, 7, 5, 3, 84 }, plain = { noise, 7, 5, 3, 84 };

  (void)state;
  wct_noise_fill (&plain, 3);
  for (int i = 0; i < 7 * 5 * 3; i++)
    guide_values[i] = (float)(i % 13) / 13;
  for (double share = 0; share <= 1; share += 0.25)
    {
      memcpy (values, noise, sizeof values);
      wct_noise_guide_rows (&image, 0, 5, &guide, share);
      for (int i = 0; i < 7 * 5 * 3; i++)
        assert_float_equal (values[i], (1 - share) * noise[i] + share * guide_values[i], 1e-6); /* rounded to float */
    }
}

/* Middles of pixels: of four pixels over two, the outer ones are outside the guide's middles. */
static void
a_guide_of_another_size_is_stretched (void **state)
{
  float          values[4 * 4 * 3] = { 0 }, guide_values[12] = { 0, 0, 0, 4, 8, 12, 8, 8, 8, 12, 16, 20 };
  const float    weights[4] = { 0, 0.25f, 0.75f, 1 };
  const WctImage image = { values, 4, 4, 3, 48 }, guide = { guide_values, 2, 2, 3, 24 };

  (void)state;
  wct_noise_guide_rows (&image, 0, 4, &guide, 1);
  for (int y = 0; y < 4; y++)
    for (int x = 0; x < 4; x++)
      for (int c = 0; c < 3; c++)
        assert_float_equal (values[(y * 4 + x) * 3 + c], 8 * weights[y] + 4 * (c + 1) * weights[x], 1e-5);
}

static void
a_guide_row_by_row_is_that_of_the_whole (void **state)
{
  float          whole[9 * 11 * 3] = { 0 }, parts[9 * 11 * 3] = { 0 }, guide_values[4 * 3 * 3];
  const WctImage image = { whole, 9, 11, 3, 108 }, guide = { guide_values, 4, 3, 3, 48 };

  (void)state;
  wct_noise_fill (&guide, 1);
  wct_noise_guide_rows (&image, 0, 11, &guide, 0.5);
  for (int32_t y = 0; y < 11; y += 2)
    {
      const WctImage rows = { parts + (size_t)y * 27, 9, y < 10 ? 2 : 1, 3, 108 };

      wct_noise_guide_rows (&rows, y, 11, &guide, 0.5);
    }
  assert_memory_equal (whole, parts, sizeof whole);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (usable_views_pass),
    cmocka_unit_test (unusable_views_are_refused_with_a_sentence),
    cmocka_unit_test (noise_is_the_published_sequence),
    cmocka_unit_test (noise_counts_values_in_reading_order_whatever_the_stride),
    cmocka_unit_test (noise_row_by_row_is_the_noise_of_the_whole),
    cmocka_unit_test (noise_of_far_rows_is_of_its_own),
    cmocka_unit_test (noise_is_uniform_from_zero_to_below_one),
    cmocka_unit_test (another_seed_is_another_noise),
    cmocka_unit_test (a_guide_of_the_same_size_is_mixed_in_pixel_by_pixel),
    cmocka_unit_test (a_guide_of_another_size_is_stretched),
    cmocka_unit_test (a_guide_row_by_row_is_that_of_the_whole),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
