/* Masks at the resolution of features. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "planar.h"
#include "regions.h"

/* A mask that is 1 where @inside says so. */
static WctMask
make_mask (int32_t width, int32_t height, bool (*inside) (int32_t x, int32_t y))
{
  WctImage image = { malloc ((size_t)width * (size_t)height * sizeof (float)), width, height, 1,
                     (size_t)width * sizeof (float) };
  WctMask  mask;
  WctError err;

  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++)
      image.pixels[y * width + x] = inside (x, y) ? 0.51f : 0.5f;
  if (wct_mask_new (&image, &mask, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  free (image.pixels);
  return mask;
}

static bool
left_of_20 (int32_t x, int32_t y)
{
  (void)y;
  return x < 20;
}

static bool
above_10 (int32_t x, int32_t y)
{
  (void)x;
  return y < 10;
}

static bool
one_pixel (int32_t x, int32_t y)
{
  return x == 8 && y == 8;
}

static WctShape
features_of (int32_t width, int32_t height, int32_t cell)
{
  const WctShape picture = wct_planar_shape (width, height);

  return (WctShape){ 8, picture.h / cell, picture.w / cell };
}

/* Looks all rows up at once. */
static void
look_up (const WctRegions *regions, int region, WctSelectUse use, WctShape shape, uint8_t *select)
{
  const WctSelect as_seen = wct_regions_select (regions);

  as_seen.rows (as_seen.data, region, use, 0, shape.h, select);
}

static void
the_middle_of_a_cell_decides_and_the_mask_is_mirrored_beyond_the_picture (void **state)
{
  const int32_t width = 37, height = 21;
  WctMask       mask = make_mask (width, height, left_of_20);

  (void)state;
  for (int32_t cell = 1; cell <= 16; cell *= 2)
    {
      const WctShape shape = features_of (width, height, cell);
      WctRegions     regions;
      WctError       err;

      uint8_t inside[64 * 64];

      assert_int_equal (wct_regions_new (&mask, 1, width, height, shape, &regions, &err), WCT_OK);
      look_up (&regions, 0, WCT_SELECT_MEASURED, shape, inside);
      for (int32_t y = 0; y < shape.h; y++)
        for (int32_t x = 0; x < shape.w; x++)
          assert_int_equal (inside[y * shape.w + x], wct_mirror (x * cell + cell / 2, width) < 20);
      wct_regions_clear (&regions);
    }
  wct_mask_clear (&mask);
}

static void
a_mask_of_another_size_is_scaled_to_the_picture (void **state)
{
  WctMask        mask = make_mask (40, 40, left_of_20); /* its left half */
  const WctShape shape = features_of (64, 32, 1);
  WctRegions     regions;
  WctError       err;
  uint8_t        inside[64 * 32];

  (void)state;
  assert_int_equal (wct_regions_new (&mask, 1, 64, 32, shape, &regions, &err), WCT_OK);
  look_up (&regions, 0, WCT_SELECT_MEASURED, shape, inside);
  for (int32_t i = 0; i < shape.h * shape.w; i++)
    assert_int_equal (inside[i], i % 64 < 32);
  wct_regions_clear (&regions);
  wct_mask_clear (&mask);
}

static void
where_masks_overlap_the_later_one_owns (void **state)
{
  WctMask        masks[2] = { make_mask (32, 32, left_of_20), make_mask (32, 32, above_10) };
  const WctShape shape = features_of (32, 32, 1);
  WctRegions     regions;
  WctError       err;
  uint8_t        first[32 * 32], second[32 * 32];

  (void)state;
  assert_int_equal (wct_regions_new (masks, 2, 32, 32, shape, &regions, &err), WCT_OK);
  look_up (&regions, 0, WCT_SELECT_MEASURED, shape, first);
  assert_int_equal (first[0], 1); /* measured with its whole mask */
  look_up (&regions, 0, WCT_SELECT_MAPPED, shape, first);
  look_up (&regions, 1, WCT_SELECT_MAPPED, shape, second);
  for (int32_t y = 0; y < 32; y++)
    for (int32_t x = 0; x < 32; x++)
      {
        assert_int_equal (first[y * 32 + x], x < 20 && y >= 10);
        assert_int_equal (second[y * 32 + x], y < 10);
      }
  wct_regions_clear (&regions);
  wct_mask_clear (&masks[0]);
  wct_mask_clear (&masks[1]);
}

static void
a_region_that_is_left_out_owns_nothing (void **state)
{
  WctMask        masks[2] = { make_mask (32, 32, left_of_20), make_mask (32, 32, one_pixel) };
  const WctShape shape = features_of (32, 32, 1);
  WctRegions     regions;
  WctError       err;
  uint8_t        first[32 * 32];

  (void)state;
  assert_int_equal (wct_regions_new (masks, 2, 32, 32, shape, &regions, &err), WCT_OK);
  look_up (&regions, 0, WCT_SELECT_MAPPED, shape, first);
  assert_int_equal (first[8 * 32 + 8], 0);
  wct_regions_leave_out (&regions, 1);
  look_up (&regions, 0, WCT_SELECT_MAPPED, shape, first);
  assert_int_equal (first[8 * 32 + 8], 1);
  wct_regions_clear (&regions);
  wct_mask_clear (&masks[0]);
  wct_mask_clear (&masks[1]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (the_middle_of_a_cell_decides_and_the_mask_is_mirrored_beyond_the_picture),
    cmocka_unit_test (a_mask_of_another_size_is_scaled_to_the_picture),
    cmocka_unit_test (where_masks_overlap_the_later_one_owns),
    cmocka_unit_test (a_region_that_is_left_out_owns_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
