/* Scaling and cropping: Pillow's bytes, plain loops in double, and crops that agree with each other. */
#include "pixels.h"

#include <math.h>

#include "mem.h"
#include "picture-files.h"

#define WIDTH  5
#define HEIGHT 4

/* ---- To 8 bits ---------------------------------------------------------------------------------------------- */

static WctPixels
small_picture (void)
{
  WctPixels pixels = flat_pixels (WIDTH, HEIGHT, 0);

  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      for (int c = 0; c < 3; c++)
        pixels.data[(y * WIDTH + x) * 3 + c] = (uint8_t)(x * 53 + y * 91 + c * 77 + x * y * 29);
  return pixels;
}

static void
assert_fits_to (int32_t side, int32_t width, int32_t height, const uint8_t *expected)
{
  WctPixels pixels = small_picture ();
  WctError  err;

  must (wct_pixels_fit (&pixels, side, side, "small", &err), &err);
  assert_int_equal (pixels.width, width);
  assert_int_equal (pixels.height, height);
  for (size_t i = 0; i < wct_pixels_bytes (&pixels); i++)
    if (pixels.data[i] != expected[i])
      fail_msg ("%d×%d, byte %zu: expected %d as from Pillow, got %d", width, height, i, expected[i], pixels.data[i]);
  wct_pixels_free (&pixels);
}

/* Pillow 9.4: Image.resize (…, LANCZOS). */
static void
pictures_grow_and_shrink_to_the_bytes_of_pillow (void **state)
{
  static const uint8_t grown[] = {
    0,   59,  121, 1,   68,  181, 28,  102, 232, 56,  149, 128, 85,  200, 0,   127, 255, 0,   175, 219, 49,
    208, 73,  99,  219, 0,   121, 13,  109, 191, 36,  138, 192, 88,  175, 167, 140, 158, 100, 157, 139, 58,
    146, 195, 82,  149, 211, 118, 184, 136, 111, 208, 80,  98,  71,  154, 255, 97,  205, 195, 156, 253, 88,
    238, 176, 70,  248, 76,  150, 156, 96,  227, 89,  180, 212, 134, 220, 116, 182, 233, 47,  184, 77,  157,
    142, 114, 158, 100, 174, 139, 182, 189, 93,  238, 151, 100, 105, 107, 205, 3,   131, 217, 84,  214, 73,
    162, 255, 0,   194, 0,   61,  129, 22,  119, 44,  94,  187, 76,  200, 130, 135, 225, 49,  66,  133, 104,
    13,  73,  142, 73,  141, 66,  125, 201, 15,  68,  39,  136, 86,  89,  121, 110, 172, 106, 87,  213, 124,
    62,  162, 141, 98,  59,  110, 123, 26,  96,  94,  105, 134, 68,  171, 167, 0,   87,  211, 56,  159, 131,
    168, 244, 38,  117, 220, 111, 32,  101, 216, 130, 3,   133, 202, 7,   79,  114, 94,  185, 38,  159, 255
  };
  static const uint8_t shrunk[] = { 22,  133, 198, 124, 154, 111, 152, 195, 76,  192, 121, 114,
                                    129, 106, 162, 166, 180, 103, 105, 120, 177, 98,  209, 67,
                                    81,  79,  120, 84,  202, 124, 98,  58,  110, 92,  109, 144 };

  (void)state;
  assert_fits_to (7, 9, 7, grown);
  assert_fits_to (3, 4, 3, shrunk);
}

static void
a_picture_that_fits_stays_as_it_is (void **state)
{
  WctPixels      pixels = small_picture ();
  const uint8_t *before = pixels.data;
  WctError       err;

  (void)state;
  must (wct_pixels_fit (&pixels, 4, 4, "small", &err), &err);
  must (wct_pixels_fit (&pixels, 1, INT32_MAX, "small", &err), &err);
  assert_ptr_equal (pixels.data, before);
  wct_pixels_free (&pixels);
}

static void
scaling_keeps_the_form_as_well_as_whole_pixels_can (void **state)
{
  static const struct
  {
    int32_t width, height, side_min, side_max, expected_width, expected_height;
  } cases[] = { { 640, 480, 1, 240, 320, 240 }, { 480, 641, 1, 240, 240, 320 }, { 1, 1, 16, 16, 16, 16 },
                { 1, 200, 4, 8, 4, 800 },       { 1000, 10, 1, 3, 300, 3 },     { 3, 7, 256, 256, 256, 597 },
                { 7, 3, 256, 512, 597, 256 },   { 600, 600, 64, 512, 512, 512 } };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      WctPixels pixels = flat_pixels (cases[i].width, cases[i].height, 201);
      WctError  err;

      must (wct_pixels_fit (&pixels, cases[i].side_min, cases[i].side_max, "flat", &err), &err);
      assert_int_equal (pixels.width, cases[i].expected_width);
      assert_int_equal (pixels.height, cases[i].expected_height);
      for (size_t k = 0; k < wct_pixels_bytes (&pixels); k++)
        assert_int_equal (pixels.data[k], 201); /* weights add up to 1, at the borders too */
      wct_pixels_free (&pixels);
    }
}

static void
a_strip_that_would_become_huge_is_refused_and_stays (void **state)
{
  WctPixels pixels = flat_pixels (1, 1000, 9);
  WctError  err;

  (void)state;
  assert_int_equal (wct_pixels_fit (&pixels, 512, 512, "strip.png", &err), WCT_ERR_ARGUMENT);
  assert_message_has (&err, "strip.png: 1×1000 is too narrow");
  assert_int_equal (pixels.width, 1);
  wct_pixels_free (&pixels);
}

/* ---- Crops -------------------------------------------------------------------------------------------------- */

static float *
take (const WctPixels *pixels, const WctCrop *crop)
{
  WctCropScratch scratch = { 0 };
  float         *planar = malloc ((size_t)crop->side * (size_t)crop->side * 3 * sizeof *planar);
  WctError       err;

  assert_non_null (planar);
  must (wct_crop_take (pixels, crop, &scratch, planar, &err), &err);
  wct_crop_scratch_clear (&scratch);
  return planar;
}

static size_t
at (const WctCrop *crop, int c, int32_t y, int32_t x)
{
  return ((size_t)c * (size_t)crop->side + (size_t)y) * (size_t)crop->side + (size_t)x;
}

static void
an_unscaled_crop_is_bytes_over_255 (void **state)
{
  WctPixels     pixels = noise_pixels (40, 30, 1);
  const WctCrop crop = { .width = 40, .height = 30, .x = 7, .y = 3, .side = 20 };
  float        *planar = take (&pixels, &crop);

  (void)state;
  for (int c = 0; c < 3; c++)
    for (int32_t y = 0; y < crop.side; y++)
      for (int32_t x = 0; x < crop.side; x++)
        {
          const float expected = (float)noise_at (1, 40, x + 7, y + 3, c) / 255.0f;

          assert_memory_equal (&planar[at (&crop, c, y, x)], &expected, sizeof expected);
        }
  free (planar);
  wct_pixels_free (&pixels);
}

static void
a_flipped_crop_is_the_mirror_of_the_same_crop (void **state)
{
  WctPixels pixels = noise_pixels (60, 50, 2);

  (void)state;
  for (int scaled = 0; scaled < 2; scaled++)
    {
      WctCrop crop = {
        .width = scaled ? 41 : 60, .height = scaled ? 37 : 50, .x = 11, .y = 5, .side = 30, .flip = false
      };
      float *plain = take (&pixels, &crop), *mirrored;

      crop.flip = true;
      mirrored = take (&pixels, &crop);
      for (int c = 0; c < 3; c++)
        for (int32_t y = 0; y < crop.side; y++)
          for (int32_t x = 0; x < crop.side; x++)
            assert_memory_equal (&plain[at (&crop, c, y, x)], &mirrored[at (&crop, c, y, crop.side - 1 - x)],
                                 sizeof (float));
      free (plain);
      free (mirrored);
    }
  wct_pixels_free (&pixels);
}

/* The triangle's weight of a source pixel for a pixel of the result, along one axis. */
static double
weight (int32_t from, int32_t to, int32_t source, int32_t result)
{
  const double ratio = fmax ((double)from / to, 1);
  const double distance = fabs (source + 0.5 - (result + 0.5) * from / to) / ratio;

  return distance < 1 ? 1 - distance : 0;
}

static double
plain_average (const WctPixels *pixels, const WctCrop *crop, int c, int32_t y, int32_t x)
{
  double sum = 0, weights = 0;

  for (int32_t v = 0; v < pixels->height; v++)
    for (int32_t u = 0; u < pixels->width; u++)
      {
        const double w =
          weight (pixels->height, crop->height, v, y + crop->y) * weight (pixels->width, crop->width, u, x + crop->x);

        weights += w;
        sum += w * pixels->data[((size_t)v * (size_t)pixels->width + (size_t)u) * 3 + (size_t)c];
      }
  return sum / weights / 255;
}

static void
a_scaled_crop_is_the_average_that_plain_loops_take (void **state)
{
  static const struct
  {
    int32_t width, height;
    WctCrop crop;
  } cases[] = {
    { 33, 29, { .width = 32, .height = 28, .x = 0, .y = 0, .side = 28 } }, /* nearly as it was */
    { 33, 29, { .width = 20, .height = 18, .x = 2, .y = 1, .side = 16 } },
    { 64, 40, { .width = 32, .height = 20, .x = 12, .y = 0, .side = 20 } }, /* by half, to the right border */
    { 64, 40, { .width = 32, .height = 40, .x = 1, .y = 24, .side = 16 } }, /* across only */
    { 64, 40, { .width = 64, .height = 20, .x = 48, .y = 4, .side = 16 } }, /* down only */
    { 50, 64, { .width = 4, .height = 4, .x = 0, .y = 0, .side = 4 } },     /* by 16 */
    { 2, 2, { .width = 1, .height = 1, .x = 0, .y = 0, .side = 1 } },
    { 3, 1, { .width = 2, .height = 1, .x = 1, .y = 0, .side = 1 } },
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      const WctCrop *crop = &cases[i].crop;
      WctPixels      pixels = noise_pixels (cases[i].width, cases[i].height, 3 + i);
      float         *planar = take (&pixels, crop);

      for (int c = 0; c < 3; c++)
        for (int32_t y = 0; y < crop->side; y++)
          for (int32_t x = 0; x < crop->side; x++)
            {
              const double expected = plain_average (&pixels, crop, c, y, x), allowed = 1e-6; /* 35 weights in float */
              const double got = planar[at (crop, c, y, x)];

              if (!(fabs (got - expected) <= allowed))
                fail_msg ("case %zu at %d,%d,%d: expected %.8f, got %.8f, allowed %g", i, c, y, x, expected, got,
                          allowed);
            }
      free (planar);
      wct_pixels_free (&pixels);
    }
}

static void
a_crop_has_the_bits_of_the_same_place_in_a_larger_one (void **state)
{
  WctPixels     pixels = noise_pixels (90, 80, 4);
  const WctCrop whole = { .width = 57, .height = 51, .x = 3, .y = 0, .side = 51 };
  float        *all = take (&pixels, &whole);

  (void)state;
  for (int32_t x = 0; x <= 48; x += 7)
    {
      const WctCrop crop = { .width = 57, .height = 51, .x = whole.x + x / 2, .y = x / 2, .side = 25 };
      float        *part = take (&pixels, &crop);

      for (int c = 0; c < 3; c++)
        for (int32_t v = 0; v < crop.side; v++)
          assert_memory_equal (&part[at (&crop, c, v, 0)], &all[at (&whole, c, v + x / 2, x / 2)],
                               (size_t)crop.side * sizeof (float));
      free (part);
    }
  free (all);
  wct_pixels_free (&pixels);
}

static void
scaled_values_stay_in_the_unit_interval (void **state)
{
  (void)state;
  for (int32_t width = 17; width < 64; width++)
    {
      WctPixels     pixels = flat_pixels (64, 64, 255);
      const WctCrop crop = { .width = width, .height = 17, .x = width - 17, .y = 0, .side = 17 };
      float        *planar = take (&pixels, &crop);

      for (size_t i = 0; i < (size_t)3 * 17 * 17; i++)
        if (!(planar[i] >= 1 - 1e-6f && planar[i] <= 1))
          fail_msg ("white scaled to width %d: expected 1, got %.9g", width, (double)planar[i]);
      free (planar);
      wct_pixels_free (&pixels);
    }
}

static void
room_for_crops_serves_crops_of_any_size (void **state)
{
  WctPixels      pixels = noise_pixels (70, 60, 5);
  WctCropScratch scratch = { 0 };
  float          planar[3 * 32 * 32];
  WctError       err;

  (void)state;
  for (int32_t k = 0; k < 12; k++)
    {
      const int32_t side = k % 2 == 0 ? 32 : 4 + k;
      const WctCrop crop = { .width = 35 + k, .height = 33 + k, .x = 1, .y = 1, .side = side };
      float        *fresh = take (&pixels, &crop);

      must (wct_crop_take (&pixels, &crop, &scratch, planar, &err), &err);
      assert_memory_equal (planar, fresh, (size_t)3 * (size_t)side * (size_t)side * sizeof (float));
      free (fresh);
    }
  wct_crop_scratch_clear (&scratch);
  wct_crop_scratch_clear (&scratch);
  wct_pixels_free (&pixels);
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

static void
every_allocation_that_fails_leaves_the_picture_and_nothing_else (void **state)
{
  const WctCrop crop = { .width = 20, .height = 15, .side = 15 };
  WctPixels     pixels = noise_pixels (WIDTH * 8, HEIGHT * 8, 6);
  float         planar[3 * 15 * 15];
  const size_t  used = wct_mem_used ();
  WctStatus     status = WCT_ERR_NO_MEMORY;

  (void)state;
  for (long n = 1; status != WCT_OK; n++)
    {
      WctCropScratch scratch = { 0 };
      WctError       err;

      wct_mem_test_fail (n, false);
      status = wct_crop_take (&pixels, &crop, &scratch, planar, &err);
      if (status == WCT_OK)
        status = wct_pixels_fit (&pixels, 16, 16, "noise", &err);
      wct_mem_test_fail (0, false);
      wct_crop_scratch_clear (&scratch);
      if (status == WCT_OK)
        break;
      assert_int_equal (status, WCT_ERR_NO_MEMORY);
      assert_int_equal (pixels.width, WIDTH * 8);
      assert_int_equal (wct_mem_used (), used);
      assert_true (n < 100);
    }
  assert_int_equal (pixels.height, 16);
  wct_pixels_free (&pixels);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (pictures_grow_and_shrink_to_the_bytes_of_pillow),
    cmocka_unit_test (a_picture_that_fits_stays_as_it_is),
    cmocka_unit_test (scaling_keeps_the_form_as_well_as_whole_pixels_can),
    cmocka_unit_test (a_strip_that_would_become_huge_is_refused_and_stays),
    cmocka_unit_test (an_unscaled_crop_is_bytes_over_255),
    cmocka_unit_test (a_flipped_crop_is_the_mirror_of_the_same_crop),
    cmocka_unit_test (a_scaled_crop_is_the_average_that_plain_loops_take),
    cmocka_unit_test (a_crop_has_the_bits_of_the_same_place_in_a_larger_one),
    cmocka_unit_test (scaled_values_stay_in_the_unit_interval),
    cmocka_unit_test (room_for_crops_serves_crops_of_any_size),
    cmocka_unit_test (every_allocation_that_fails_leaves_the_picture_and_nothing_else),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
