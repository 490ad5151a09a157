/* Padded planar pictures: mirrored as DESIGN says, and back without a change. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "planar.h"

static void
mirror_reflects_about_the_edge_pixel_as_often_as_needed (void **state)
{
  /* 0 1 2 | 1 0 1 2 1 0 … */
  const int32_t expected[] = { 0, 1, 2, 1, 0, 1, 2, 1, 0 };

  (void)state;
  for (int32_t i = 0; i < 9; i++)
    assert_int_equal (wct_mirror (i, 3), expected[i]);
}

static void
mirror_repeats_the_only_pixel (void **state)
{
  (void)state;
  for (int32_t i = 0; i < 20; i++)
    assert_int_equal (wct_mirror (i, 1), 0);
}

static void
sides_are_rounded_up_to_sixteen (void **state)
{
  const WctShape shape = wct_planar_shape (17, 16);

  (void)state;
  assert_int_equal (shape.c, 3);
  assert_int_equal (shape.w, 32);
  assert_int_equal (shape.h, 16);
}

static WctImage
make_image (int32_t width, int32_t height, size_t gap)
{
  const size_t row_floats = (size_t)width * 3 + gap;
  WctImage     image = { malloc (row_floats * (size_t)height * sizeof (float)), width, height, 3,
                         row_floats * sizeof (float) };

  for (size_t i = 0; i < row_floats * (size_t)height; i++)
    image.pixels[i] = (float)i;
  return image;
}

static void
a_picture_comes_back_as_it_went_in_whatever_its_row_stride (void **state)
{
  (void)state;
  for (int32_t side = 1; side < 40; side += 6)
    {
      WctImage       in = make_image (side, 41 - side, 5), out = make_image (side, 41 - side, 2);
      const WctShape shape = wct_planar_shape (side, 41 - side);
      float         *planes = calloc (3 * (size_t)shape.w, sizeof (float));

      memset (out.pixels, 0, out.row_stride_bytes * (size_t)out.height);
      for (int32_t y = 0; y < in.height; y++)
        {
          wct_planar_row_from_image (&in, y, shape.w, planes);
          wct_planar_row_to_image (planes, shape.w, &out, y);
        }
      for (int32_t y = 0; y < in.height; y++)
        assert_memory_equal (in.pixels + (size_t)y * (in.row_stride_bytes / sizeof (float)),
                             out.pixels + (size_t)y * (out.row_stride_bytes / sizeof (float)),
                             (size_t)side * 3 * sizeof (float));
      free (planes);
      free (in.pixels);
      free (out.pixels);
    }
}

static void
beyond_the_picture_it_is_mirrored_to_the_right_and_below (void **state)
{
  WctImage       in = make_image (5, 3, 0);
  const WctShape shape = wct_planar_shape (5, 3);
  float         *planar = calloc (3 * (size_t)shape.h * (size_t)shape.w, sizeof (float));

  (void)state;
  wct_planar_from_image (&in, planar);
  for (int32_t c = 0; c < 3; c++)
    for (int32_t y = 0; y < shape.h; y++)
      for (int32_t x = 0; x < shape.w; x++)
        assert_float_equal (planar[(c * shape.h + y) * shape.w + x],
                            in.pixels[(wct_mirror (y, 3) * 5 + wct_mirror (x, 5)) * 3 + c], 0);
  free (planar);
  free (in.pixels);
}

static void
a_value_that_is_no_number_is_named_with_its_place (void **state)
{
  WctImage in = make_image (5, 3, 0);
  WctError err;

  (void)state;
  assert_int_equal (wct_image_check_finite (&in, 0, "content", &err), WCT_OK);
  in.pixels[(2 * 5 + 4) * 3 + 1] = NAN;
  assert_int_equal (wct_image_check_finite (&in, 0, "content", &err), WCT_ERR_NUMERIC);
  assert_string_equal (err.message, "content: channel 1 of the pixel at column 4, row 2 is not a finite number");
  free (in.pixels);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (mirror_reflects_about_the_edge_pixel_as_often_as_needed),
    cmocka_unit_test (mirror_repeats_the_only_pixel),
    cmocka_unit_test (sides_are_rounded_up_to_sixteen),
    cmocka_unit_test (a_picture_comes_back_as_it_went_in_whatever_its_row_stride),
    cmocka_unit_test (beyond_the_picture_it_is_mirrored_to_the_right_and_below),
    cmocka_unit_test (a_value_that_is_no_number_is_named_with_its_place),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
