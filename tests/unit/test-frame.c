/* The frame of a style: sizes against searches and numbers by hand, pixels against plain loops and polynomials. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wct/frame.h>

#include "numbers.h"

#define PI 3.14159265358979323846

static WctParams
framed (double left, double top, double width, double height, double rotation)
{
  WctParams params;

  wct_params_init (&params);
  params.style_left = left;
  params.style_top = top;
  params.style_width = width;
  params.style_height = height;
  params.style_rotation = rotation;
  return params;
}

/* @gap: floats between rows */
static WctImage
new_image (int32_t width, int32_t height, size_t gap)
{
  const size_t row = (size_t)width * 3 + gap;
  WctImage     image = { calloc (row * (size_t)height, sizeof (float)), width, height, 3, row * sizeof (float) };

  assert_non_null (image.pixels);
  return image;
}

static WctImage
new_noise (int32_t width, int32_t height, size_t gap)
{
  WctImage image = new_image (width, height, gap);

  wct_noise_fill (&image, 5);
  return image;
}

static float *
at (const WctImage *image, int32_t x, int32_t y)
{
  return image->pixels + (size_t)y * (image->row_stride_bytes / sizeof (float)) + 3 * (size_t)x;
}

/* What is taken, in a picture of its own. */
static WctImage
take (const WctParams *params, const WctImage *picture)
{
  int32_t  width, height;
  WctImage out;

  wct_frame_size (params, picture->width, picture->height, &width, &height);
  out = new_image (width, height, 7);
  assert_int_equal (wct_frame_take (params, picture, &out, NULL), WCT_OK);
  return out;
}

/* ---- Sizes -------------------------------------------------------------------------------------------------- */

static void
a_style_without_a_frame_is_read_as_it_is_and_left_alone (void **state)
{
  WctParams params;

  (void)state;
  wct_params_init (&params);
  assert_int_equal (wct_frame_side (&params, 300, 200, 1000, 2000), 300);
  assert_false (wct_frame_is_set (&params));
  params.style_scale = 50;
  params.style_size = 77;
  assert_false (wct_frame_is_set (&params)); /* a size is read, not taken */
}

static void
each_value_of_a_cut_or_a_turn_sets_the_frame (void **state)
{
  const WctParams set[] = { framed (1, 0, 100, 100, 0), framed (0, 1, 100, 100, 0), framed (0, 0, 99, 100, 0),
                            framed (0, 0, 100, 99, 0), framed (0, 0, 100, 100, -1) };

  (void)state;
  for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
    assert_true (wct_frame_is_set (&set[i]));
}

static void
sizes_are_of_the_longer_side_of_the_part (void **state)
{
  static const struct
  {
    double  scale, left, top, width, height;
    int32_t size, side;
  } cases[] = {
    { 0, 0, 0, 100, 100, 512, 512 },        /* the whole */
    { 50, 0, 0, 100, 100, 512, 500 },       /* half of a content of 1000: the scale goes before the size */
    { 1000, 0, 0, 100, 100, 0, 10000 },     /* */
    { 0.001, 0, 0, 100, 100, 0, 1 },        /* a pixel at least */
    { 0, 0, 0, 50, 100, 512, 768 },         /* of 300×200 150×200 is taken: 200 become 512, 300 768 */
    { 0, 25, 0, 50, 50, 300, 600 },         /* half of both */
    { 50, 0, 0, 10, 10, 0, 5000 },          /* a tenth at 500 */
    { 0, 75, 0, 100, 100, 100, 150 },       /* 75×200, cut at the edge: 200 become 100, 300 150 */
    { 0, 0, 0, 50, 50, 0, 300 },            /* no size: as it is */
    { 0, 99, 99, 1, 1, 1000000, 100000000 } /* more than a picture may have: the reader's to refuse */
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      WctParams params = framed (cases[i].left, cases[i].top, cases[i].width, cases[i].height, 33);

      params.style_scale = cases[i].scale;
      params.style_size = cases[i].size;
      if (wct_frame_side (&params, 300, 200, 700, 1000) != cases[i].side)
        fail_msg ("case %zu: expected %d, got %d", i, cases[i].side, wct_frame_side (&params, 300, 200, 700, 1000));
    }
}

static void
a_content_of_twice_the_size_gets_a_style_of_twice_the_size (void **state)
{
  WctParams params = framed (10, 20, 60, 70, 0);

  (void)state;
  params.style_scale = 50;
  for (int32_t side = 64; side < 5000; side = side * 5 / 4)
    {
      const int32_t once = wct_frame_side (&params, 640, 480, side, side / 2);
      const int32_t twice = wct_frame_side (&params, 640, 480, 2 * side, side);

      assert_in_range (twice, 2 * once - 2, 2 * once + 2); /* both are rounded twice: wanted side, then whole */
    }
}

static void
the_part_has_the_size_that_is_wanted_up_to_a_pixel (void **state)
{
  (void)state;
  for (double extent = 3; extent <= 100; extent += 9.7)
    for (double first = 0; first < 99; first += 13.3)
      for (int32_t wanted = 16; wanted < 1000; wanted = wanted * 3 / 2 + 1)
        {
          WctParams params = framed (first, 50 - first / 2, extent, fmin (100, 2 * extent), 0);
          int32_t   side, width, height;

          params.style_size = wanted;
          side = wct_frame_side (&params, 640, 427, 0, 0);
          wct_frame_size (&params, side, (int32_t)(side * 427.0 / 640 + 0.5), &width, &height);
          /* the whole's sides are rounded, by half a pixel each, then the part's by another half */
          assert_in_range (width > height ? width : height, wanted - 1, wanted + 1);
        }
}

/* Where the out picture's pixel at @x, @y comes from, in pixels' centers: by complex numbers in a plane whose y points
 * up, where turning back is a product. */
static void
source_of (const WctParams *params, const WctImage *in, const WctImage *out, double x, double y, double *from_x,
           double *from_y)
{
  const double real = x + 0.5 - out->width / 2.0, imaginary = out->height / 2.0 - (y + 0.5);
  const double angle = -params->style_rotation * PI / 180;

  *from_x = real * cos (angle) - imaginary * sin (angle) + in->width / 2.0 - 0.5;
  *from_y = in->height / 2.0 - (real * sin (angle) + imaginary * cos (angle)) - 0.5;
}

#define FOR_ANGLES(width, height, angle)                            \
  for (int32_t width = 1; width < 2000; width = width * 7 / 3 + 1)  \
    for (int32_t height = 1; height < 900; height = height * 2 + 1) \
      for (double angle = -179; angle < 180; angle += 7.7)

static void
a_turned_part_has_no_corner_outside_of_the_picture (void **state)
{
  (void)state;
  FOR_ANGLES (w, h, angle)
  {
    const WctParams params = framed (0, 0, 100, 100, angle);
    WctImage        in = { NULL, w, h, 3, 0 }, out = in;

    wct_frame_size (&params, w, h, &out.width, &out.height);
    if (out.width == 1 || out.height == 1)
      continue; /* a pixel there must be, though it has no room */
    for (int corner = 0; corner < 4; corner++)
      {
        double x, y;

        source_of (&params, &in, &out, (corner & 1) != 0 ? out.width - 0.5 : -0.5,
                   (corner & 2) != 0 ? out.height - 0.5 : -0.5, &x, &y);
        if (x < -0.5 - 1e-6 || y < -0.5 - 1e-6 || x > w - 0.5 + 1e-6 || y > h - 0.5 + 1e-6)
          fail_msg ("%d×%d by %g°: a corner of %d×%d lies at %g, %g", w, h, angle, out.width, out.height, x, y);
      }
  }
}

/* The height of a rectangle of this width that fits in a turned one. */
static double
height_that_fits (int32_t w, int32_t h, double angle, double width)
{
  const double sine = fabs (sin (angle * PI / 180)), cosine = fabs (cos (angle * PI / 180));

  return fmin ((w - width * cosine) / sine, (h - width * sine) / cosine);
}

static void
a_turned_part_is_the_largest_or_has_sixteen_pixels (void **state)
{
  (void)state;
  FOR_ANGLES (w, h, angle)
  {
    const WctParams params = framed (0, 0, 100, 100, angle);
    double          largest = 0;
    bool            sixteen = false;
    int32_t         width, height;

    wct_frame_size (&params, w, h, &width, &height);
    for (double side = 0.125; side < w + h; side += 0.125)
      {
        const double other = height_that_fits (w, h, angle, side);

        largest = fmax (largest, side * other);
        sixteen = sixteen || (side >= 16 && other >= 16 + 1e-6);
      }
    if (sixteen)
      assert_true (width >= 16 && height >= 16);
    /* whole pixels: each side may lose one */
    if (width > 16 && height > 16)
      assert_true ((width + 1.0) * (height + 1.0) >= largest - 1e-6);
  }
}

static void
a_part_has_a_pixel_at_least (void **state)
{
  const double angles[] = { 0, 90, 45, 10 };

  (void)state;
  for (int i = 0; i < 4; i++)
    {
      const WctParams params = framed (99, 99, 1, 1, angles[i]);
      const WctImage  picture = new_noise (3, 2, 0);
      WctImage        part = take (&params, &picture);

      assert_int_equal (part.width, 1);
      assert_int_equal (part.height, 1);
      for (int c = 0; c < 3; c++)
        assert_float_equal (at (&part, 0, 0)[c], at (&picture, 2, 1)[c], 1e-6); /* one rounding to float */
      free (part.pixels);
      free (picture.pixels);
    }
}

/* ---- Pixels ------------------------------------------------------------------------------------------------- */

static void
a_cut_keeps_the_bits_of_its_pixels (void **state)
{
  static const struct
  {
    double  left, top, width, height;
    int32_t x, y, w, h; /* of 40×30 */
  } cases[] = {
    { 25, 10, 50, 80, 10, 3, 20, 24 },        { 0, 0, 50, 50, 0, 0, 20, 15 },
    { 50, 50, 100, 100, 20, 15, 20, 15 }, /* cut at the edge */
    { 75, 90, 30, 5, 30, 27, 10, 2 },     /* 2.5 → 10 % of 40 from 30 on ends at 40; 5 % of 30 is 1.5, 2 */
    { 12.5, 33.3, 12.5, 33.3, 5, 10, 5, 10 },
  };
  WctImage picture = new_noise (40, 30, 5);

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      const WctParams params = framed (cases[i].left, cases[i].top, cases[i].width, cases[i].height, 0);
      WctImage        part = take (&params, &picture);

      assert_int_equal (part.width, cases[i].w);
      assert_int_equal (part.height, cases[i].h);
      for (int32_t y = 0; y < part.height; y++)
        assert_memory_equal (at (&part, 0, y), at (&picture, cases[i].x, cases[i].y + y),
                             (size_t)part.width * 3 * sizeof (float));
      free (part.pixels);
    }
  free (picture.pixels);
}

/* By moving each pixel of the source, where a test of ours would look for each one's origin. */
static WctImage
turned_once (const WctImage *picture)
{
  WctImage out = new_image (picture->height, picture->width, 0);

  for (int32_t y = 0; y < picture->height; y++)
    for (int32_t x = 0; x < picture->width; x++)
      memcpy (at (&out, y, picture->width - 1 - x), at (picture, x, y), 3 * sizeof (float));
  return out;
}

static void
right_angles_keep_the_bits_of_all_pixels_and_turn_counterclockwise (void **state)
{
  static const double angles[2][4] = { { 0, 90, 180, -90 }, { 0, 90, -180, -90 } };
  const WctImage      picture = new_noise (13, 8, 3);
  WctImage            expected = new_image (13, 8, 0);

  (void)state;
  for (int32_t y = 0; y < 8; y++)
    memcpy (at (&expected, 0, y), at (&picture, 0, y), 13 * 3 * sizeof (float));
  for (int turns = 0; turns < 4; turns++)
    {
      WctImage next;

      for (int i = 0; i < 2; i++)
        {
          const WctParams params = framed (0, 0, 100, 100, angles[i][turns]);
          WctImage        part = take (&params, &picture);

          assert_int_equal (part.width, expected.width);
          assert_int_equal (part.height, expected.height);
          for (int32_t y = 0; y < part.height; y++)
            assert_memory_equal (at (&part, 0, y), at (&expected, 0, y), (size_t)part.width * 3 * sizeof (float));
          free (part.pixels);
        }
      next = turned_once (&expected);
      free (expected.pixels);
      expected = next;
    }
  free (expected.pixels);
  free (picture.pixels);
}

/* Of degree 2, other for each channel, within [0,1] on 90×70. */
static double
polynomial (int c, double x, double y, bool curved)
{
  const double u = x / 90, v = y / 70;

  return 0.3 + 0.2 * u + (c - 1) * 0.1 * v + (curved ? 0.1 * u * v - 0.15 * v * v + c * 0.05 * u * u : 0);
}

static void
assert_turns_polynomial (bool curved)
{
  WctImage picture = new_image (90, 70, 4);

  for (int32_t y = 0; y < 70; y++)
    for (int32_t x = 0; x < 90; x++)
      for (int c = 0; c < 3; c++)
        at (&picture, x, y)[c] = (float)polynomial (c, x, y, curved);
  for (double angle = -175; angle < 180; angle += 17.5)
    {
      const WctParams params = framed (0, 0, 100, 100, angle);
      WctImage        part = take (&params, &picture);
      int             inside = 0;

      for (int32_t i = 0; i < part.width * part.height; i++)
        {
          double x, y;

          source_of (&params, &picture, &part, i % part.width, i / part.width, &x, &y);
          if (x < 1 || y < 1 || x > 88 || y > 68) /* a pixel beyond the edge takes part */
            continue;
          inside++;
          for (int c = 0; c < 3; c++)
            assert_close ("a turned polynomial", at (&part, i % part.width, i / part.width)[c],
                          polynomial (c, x, y, curved), 1e-6); /* floats in, one rounding to float out */
        }
      assert_true (inside > 500);
      free (part.pixels);
    }
  free (picture.pixels);
}

static void
a_turned_ramp_stays_that_ramp (void **state)
{
  (void)state;
  assert_turns_polynomial (false);
}

/* Which interpolation by lines does not: it is off by an eighth of the second difference. */
static void
a_turned_parabola_stays_that_parabola (void **state)
{
  (void)state;
  assert_turns_polynomial (true);
}

static void
what_was_on_the_right_is_on_top_after_45_degrees (void **state)
{
  const WctParams params = framed (0, 0, 100, 100, 45);
  WctImage        picture = new_image (60, 60, 0), part;

  (void)state;
  for (int32_t y = 0; y < 60; y++)
    for (int32_t x = 30; x < 60; x++)
      at (&picture, x, y)[1] = 1;
  part = take (&params, &picture);
  assert_float_equal (at (&part, 0, 0)[1], 0.5, 1e-6); /* on the line; one rounding to float */
  assert_float_equal (at (&part, part.width / 2, 1)[1], 1, 0);
  assert_float_equal (at (&part, part.width - 1, part.height / 2)[1], 1, 0);
  assert_float_equal (at (&part, 1, part.height / 2)[1], 0, 0);
  free (part.pixels);
  free (picture.pixels);
}

static void
a_turned_part_shows_nothing_from_beside_it (void **state)
{
  const WctParams params = framed (25, 25, 50, 50, 30);
  WctImage        picture = new_image (80, 80, 0), part;

  (void)state;
  for (int32_t y = 0; y < 80; y++)
    for (int32_t x = 0; x < 80; x++)
      at (&picture, x, y)[0] = x >= 20 && x < 60 && y >= 20 && y < 60 ? 0.25f : 1;
  part = take (&params, &picture);
  for (int32_t i = 0; i < part.width * part.height; i++)
    assert_float_equal (at (&part, i % part.width, i / part.width)[0], 0.25, 1e-6); /* weights add up to 1, rounded */
  free (part.pixels);
  free (picture.pixels);
}

static void
what_overshoots_is_clipped (void **state)
{
  const WctParams params = framed (0, 0, 100, 100, 20);
  WctImage        picture = new_noise (64, 64, 0), part;
  int             ends = 0;

  (void)state;
  for (size_t i = 0; i < 64 * 64 * 3; i++)
    picture.pixels[i] = roundf (picture.pixels[i]);
  part = take (&params, &picture);
  for (int32_t i = 0; i < part.width * part.height; i++)
    {
      const float value = at (&part, i % part.width, i / part.width)[0];

      assert_true (value >= 0 && value <= 1);
      ends += value == 0 || value == 1;
    }
  assert_true (ends > 100);
  free (part.pixels);
  free (picture.pixels);
}

static void
pictures_that_cannot_be_used_are_refused (void **state)
{
  const WctParams params = framed (0, 0, 50, 50, 0);
  WctImage        picture = new_noise (20, 10, 0), out = new_image (10, 5, 0), bad;
  WctError        err;

  (void)state;
  bad = out;
  bad.width = 9;
  assert_int_equal (wct_frame_take (&params, &picture, &bad, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "the style's part is 10×5 pixels; there is room for 9×5");
  bad = out;
  bad.pixels = NULL;
  assert_int_equal (wct_frame_take (&params, &picture, &bad, &err), WCT_ERR_ARGUMENT);
  bad = picture;
  bad.channels = 1;
  assert_int_equal (wct_frame_take (&params, &bad, &out, &err), WCT_ERR_ARGUMENT);
  free (out.pixels);
  free (picture.pixels);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_style_without_a_frame_is_read_as_it_is_and_left_alone),
    cmocka_unit_test (each_value_of_a_cut_or_a_turn_sets_the_frame),
    cmocka_unit_test (sizes_are_of_the_longer_side_of_the_part),
    cmocka_unit_test (a_content_of_twice_the_size_gets_a_style_of_twice_the_size),
    cmocka_unit_test (the_part_has_the_size_that_is_wanted_up_to_a_pixel),
    cmocka_unit_test (a_turned_part_has_no_corner_outside_of_the_picture),
    cmocka_unit_test (a_turned_part_is_the_largest_or_has_sixteen_pixels),
    cmocka_unit_test (a_part_has_a_pixel_at_least),
    cmocka_unit_test (a_cut_keeps_the_bits_of_its_pixels),
    cmocka_unit_test (right_angles_keep_the_bits_of_all_pixels_and_turn_counterclockwise),
    cmocka_unit_test (a_turned_ramp_stays_that_ramp),
    cmocka_unit_test (a_turned_parabola_stays_that_parabola),
    cmocka_unit_test (what_was_on_the_right_is_on_top_after_45_degrees),
    cmocka_unit_test (a_turned_part_shows_nothing_from_beside_it),
    cmocka_unit_test (what_overshoots_is_clipped),
    cmocka_unit_test (pictures_that_cannot_be_used_are_refused),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
