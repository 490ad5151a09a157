/* Masks at the resolution of features: hard ones position by position, soft ones against plain loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "planar.h"
#include "regions.h"

#define POSITIONS_MAX (112 * 112)

typedef float Weigh (int32_t x, int32_t y);

static WctImage
make_image (int32_t width, int32_t height, Weigh *weigh)
{
  WctImage image = { malloc ((size_t)width * (size_t)height * sizeof (float)), width, height, 1,
                     (size_t)width * sizeof (float) };

  assert_non_null (image.pixels);
  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++)
      image.pixels[y * width + x] = weigh (x, y);
  return image;
}

static WctMask
make_mask (int32_t width, int32_t height, bool hard, Weigh *weigh)
{
  WctImage image = make_image (width, height, weigh);
  WctMask  mask;
  WctError err;

  if (wct_mask_new (width, height, hard, &mask, &err) != WCT_OK || wct_mask_put_rows (&mask, &image, 0, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  free (image.pixels);
  return mask;
}

static float
left_of_20 (int32_t x, int32_t y)
{
  (void)y;
  return x < 20 ? 0.51f : 0.5f;
}

static float
above_10 (int32_t x, int32_t y)
{
  (void)x;
  return y < 10 ? 1 : 0;
}

static float
one_pixel (int32_t x, int32_t y)
{
  return x == 8 && y == 8 ? 1 : 0;
}

static float
everywhere (int32_t x, int32_t y)
{
  (void)x;
  (void)y;
  return 1;
}

static float
nowhere (int32_t x, int32_t y)
{
  (void)x;
  (void)y;
  return 0;
}

/* Steps of 1/255, which a mask keeps as they are; some pixels 0 and some 1. */
static float
ramp (int32_t x, int32_t y)
{
  const int32_t step = (x * 7 + y * 11) % 300 - 20;

  return (float)(step < 0 ? 0 : step > 255 ? 255 : step) / 255;
}

/* A blob with empty rows and columns around it. */
static float
blob (int32_t x, int32_t y)
{
  const int32_t distance = (x - 21) * (x - 21) + (y - 13) * (y - 13);

  return distance > 100 ? 0 : (float)(255 - 2 * distance) / 255;
}

static WctShape
features_of (int32_t width, int32_t height, int32_t cell)
{
  const WctShape picture = wct_planar_shape (width, height);

  return (WctShape){ 8, picture.h / cell, picture.w / cell };
}

static WctRegions
new_regions (const WctMask *masks, int count, int32_t width, int32_t height, WctShape shape)
{
  WctRegions regions;
  WctError   err;

  if (wct_regions_new (masks, count, width, height, shape, 0, &regions, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return regions;
}

/* Some rows at a time, as passes do. Positions rise, and none is without weight. */
static void
look_up (const WctRegions *regions, int region, WctWeightsUse use, WctShape shape, float *weights)
{
  const WctRegionWeights as_seen = wct_regions_weights (regions);
  int32_t                positions[POSITIONS_MAX];
  float                  picked[POSITIONS_MAX];

  assert_true (shape.h * shape.w <= POSITIONS_MAX);
  memset (weights, 0, (size_t)(shape.h * shape.w) * sizeof *weights);
  for (int32_t y = 0; y < shape.h; y += 3)
    {
      const int32_t rows = shape.h - y < 3 ? shape.h - y : 3;
      const int32_t count = as_seen.pick (as_seen.data, region, use, y, rows, positions, picked);

      for (int32_t i = 0; i < count; i++)
        {
          assert_in_range (positions[i], i == 0 ? 0 : positions[i - 1] + 1, rows * shape.w - 1);
          assert_true (picked[i] > 0 && picked[i] <= 1);
          weights[y * shape.w + positions[i]] = picked[i];
        }
    }
}

/* ---- Hard masks ------------------------------------------------------------------------------------------------- */

static void
the_middle_of_a_cell_decides_and_the_mask_is_mirrored_beyond_the_picture (void **state)
{
  const int32_t width = 37, height = 21;
  WctMask       mask = make_mask (width, height, true, left_of_20);

  (void)state;
  for (int32_t cell = 1; cell <= 16; cell *= 2)
    {
      const WctShape shape = features_of (width, height, cell);
      WctRegions     regions = new_regions (&mask, 1, width, height, shape);
      float          inside[POSITIONS_MAX];

      look_up (&regions, 0, WCT_WEIGHTS_MEASURED, shape, inside);
      for (int32_t y = 0; y < shape.h; y++)
        for (int32_t x = 0; x < shape.w; x++)
          assert_true (inside[y * shape.w + x] == (wct_mirror (x * cell + cell / 2, width) < 20));
      wct_regions_clear (&regions);
    }
  wct_mask_clear (&mask);
}

static void
a_hard_mask_of_another_size_is_scaled_to_the_picture (void **state)
{
  WctMask        mask = make_mask (40, 40, true, left_of_20); /* its left half */
  const WctShape shape = features_of (64, 32, 1);
  WctRegions     regions = new_regions (&mask, 1, 64, 32, shape);
  float          inside[POSITIONS_MAX];

  (void)state;
  look_up (&regions, 0, WCT_WEIGHTS_MEASURED, shape, inside);
  for (int32_t i = 0; i < shape.h * shape.w; i++)
    assert_true (inside[i] == (i % 64 < 32));
  wct_regions_clear (&regions);
  wct_mask_clear (&mask);
}

static void
where_hard_masks_overlap_the_later_one_owns (void **state)
{
  WctMask        masks[2] = { make_mask (32, 32, true, left_of_20), make_mask (32, 32, true, above_10) };
  const WctShape shape = features_of (32, 32, 1);
  WctRegions     regions = new_regions (masks, 2, 32, 32, shape);
  float          first[POSITIONS_MAX], second[POSITIONS_MAX];

  (void)state;
  look_up (&regions, 0, WCT_WEIGHTS_MEASURED, shape, first);
  assert_true (first[0] == 1); /* measured with its whole mask */
  look_up (&regions, 0, WCT_WEIGHTS_MAPPED, shape, first);
  look_up (&regions, 1, WCT_WEIGHTS_MAPPED, shape, second);
  for (int32_t y = 0; y < 32; y++)
    for (int32_t x = 0; x < 32; x++)
      {
        assert_true (first[y * 32 + x] == (x < 20 && y >= 10));
        assert_true (second[y * 32 + x] == (y < 10));
      }
  wct_regions_clear (&regions);
  wct_mask_clear (&masks[0]);
  wct_mask_clear (&masks[1]);
}

static void
a_region_that_is_left_out_covers_nothing (void **state)
{
  WctMask        masks[2] = { make_mask (32, 32, true, left_of_20), make_mask (32, 32, true, one_pixel) };
  const WctShape shape = features_of (32, 32, 1);
  WctRegions     regions = new_regions (masks, 2, 32, 32, shape);
  float          first[POSITIONS_MAX];

  (void)state;
  look_up (&regions, 0, WCT_WEIGHTS_MAPPED, shape, first);
  assert_true (first[8 * 32 + 8] == 0);
  wct_regions_leave_out (&regions, 1);
  look_up (&regions, 0, WCT_WEIGHTS_MAPPED, shape, first);
  assert_true (first[8 * 32 + 8] == 1);
  wct_regions_clear (&regions);
  wct_mask_clear (&masks[0]);
  wct_mask_clear (&masks[1]);
}

/* ---- Soft masks, by definition ---------------------------------------------------------------------------------- */

/* The mask along one line of @count pixels of the picture, as pixel @i has it: the mean of what it covers of a larger
 * mask, in thousandths of the mask's pixels; in a smaller one a straight line between two pixels' middles. */
static void
stretch_shares (int32_t mask, int32_t picture, int32_t i, double *shares)
{
  memset (shares, 0, (size_t)mask * sizeof *shares);
  if (mask >= picture)
    for (int32_t k = 0; k < mask * 1000; k++)
      {
        const double at = (k + 0.5) / 1000 * picture / mask;

        if (at > i && at < i + 1)
          shares[k / 1000] += 0.001 * picture / mask;
      }
  else
    {
      const double  at = (i + 0.5) * mask / picture - 0.5;
      const int32_t below = (int32_t)floor (at);
      const double  beyond = at - below;

      shares[below < 0 ? 0 : below] += 1 - beyond;
      shares[below + 1 >= mask ? mask - 1 : below + 1] += beyond;
    }
}

/* All of a side: (picture, mask). */
static double *
stretch_side (int32_t mask, int32_t picture)
{
  double *shares = calloc ((size_t)picture * (size_t)mask, sizeof *shares);

  for (int32_t i = 0; i < picture; i++)
    stretch_shares (mask, picture, i, shares + (size_t)i * (size_t)mask);
  return shares;
}

/* The mask at the picture's size: (height, width). */
static double *
stretch (int32_t mask_width, int32_t mask_height, Weigh *weigh, int32_t width, int32_t height)
{
  double *out = calloc ((size_t)width * (size_t)height, sizeof *out);
  double *rows = stretch_side (mask_height, height), *columns = stretch_side (mask_width, width);

  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++)
      for (int32_t r = 0; r < mask_height; r++)
        for (int32_t c = 0; c < mask_width && rows[y * mask_height + r] > 0; c++)
          out[y * width + x] += rows[y * mask_height + r] * columns[x * mask_width + c] * (double)weigh (c, r);
  free (columns);
  free (rows);
  return out;
}

static double
mean_of_cell (const double *mask, int32_t width, int32_t height, int32_t cell, int32_t x, int32_t y)
{
  double sum = 0;

  for (int32_t v = y * cell; v < (y + 1) * cell; v++)
    for (int32_t u = x * cell; u < (x + 1) * cell; u++)
      sum += mask[wct_mirror (v, height) * width + wct_mirror (u, width)];
  return sum / (cell * cell);
}

static void
check_soft_mask (int32_t mask_width, int32_t mask_height, Weigh *weigh, int32_t width, int32_t height, double allowed)
{
  WctMask mask = make_mask (mask_width, mask_height, false, weigh);
  double *stretched = stretch (mask_width, mask_height, weigh, width, height);

  for (int32_t cell = 1; cell <= 16; cell *= 2)
    {
      const WctShape shape = features_of (width, height, cell);
      WctRegions     regions = new_regions (&mask, 1, width, height, shape);
      float          weights[POSITIONS_MAX];
      double         sum = 0;

      look_up (&regions, 0, WCT_WEIGHTS_MEASURED, shape, weights);
      for (int32_t y = 0; y < shape.h; y++)
        for (int32_t x = 0; x < shape.w; x++)
          {
            const double expected = mean_of_cell (stretched, width, height, cell, x, y);
            const double got = (double)weights[y * shape.w + x];

            sum += got;
            if (!(fabs (got - expected) <= allowed))
              fail_msg ("mask %d×%d over %d×%d, cells of %d, column %d, row %d: expected %.9g, got %.9g, allowed "
                        "difference %g",
                        mask_width, mask_height, width, height, cell, x, y, expected, got, allowed);
          }
      assert_true (wct_regions_weigh (&regions, 0, INFINITY) == sum);
      assert_true (wct_regions_weigh (&regions, 0, sum / 2) >= sum / 2);
      wct_regions_clear (&regions);
    }
  free (stretched);
  wct_mask_clear (&mask);
}

/* Rounded to float once. */
#define ROUNDED 1e-7

static void
a_soft_weight_is_the_mean_over_its_cell_and_the_mask_is_mirrored_beyond_the_picture (void **state)
{
  const int32_t sizes[][2] = { { 64, 48 }, { 37, 21 }, { 17, 33 }, { 1, 1 }, { 2, 3 }, { 50, 1 }, { 1, 50 } };

  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    {
      check_soft_mask (sizes[i][0], sizes[i][1], ramp, sizes[i][0], sizes[i][1], ROUNDED);
      check_soft_mask (sizes[i][0], sizes[i][1], blob, sizes[i][0], sizes[i][1], ROUNDED);
    }
}

/* Two sides, each with two shares that are rounded to 1/2048 of the whole, of pixels that differ by up to 1; the loops
 * here cut pixels into thousandths. */
#define SHARES_ROUNDED 2e-3

static void
a_soft_mask_of_another_size_is_averaged_or_drawn_out (void **state)
{
  (void)state;
  check_soft_mask (96, 80, blob, 48, 40, ROUNDED); /* half: each pixel is four of the mask's */
  check_soft_mask (90, 70, blob, 48, 40, SHARES_ROUNDED);
  check_soft_mask (30, 20, blob, 48, 40, SHARES_ROUNDED);
  check_soft_mask (30, 20, ramp, 47, 18, SHARES_ROUNDED);
  check_soft_mask (1, 1, everywhere, 40, 40, 0);
}

static void
a_soft_mask_of_ones_weighs_exactly_one_at_any_size (void **state)
{
  const int32_t sizes[][2] = { { 7, 4 }, { 1, 1 }, { 33, 50 }, { 70, 45 }, { 101, 99 } };

  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    {
      WctMask mask = make_mask (sizes[i][0], sizes[i][1], false, everywhere);

      for (int32_t cell = 1; cell <= 16; cell *= 2)
        {
          const WctShape shape = features_of (70, 45, cell);
          WctRegions     regions = new_regions (&mask, 1, 70, 45, shape);
          float          weights[POSITIONS_MAX];

          look_up (&regions, 0, WCT_WEIGHTS_MAPPED, shape, weights);
          for (int32_t p = 0; p < shape.h * shape.w; p++)
            assert_true (weights[p] == 1);
          wct_regions_clear (&regions);
        }
      wct_mask_clear (&mask);
    }
}

static void
a_soft_region_is_mapped_by_what_later_ones_leave_of_it (void **state)
{
  WctMask        masks[3] = { make_mask (40, 30, false, everywhere), make_mask (40, 30, false, ramp),
                              make_mask (40, 30, false, blob) };
  const WctShape shape = features_of (40, 30, 2);
  const size_t   count = (size_t)shape.h * (size_t)shape.w;
  WctRegions     regions = new_regions (masks, 3, 40, 30, shape);
  float          own[3][POSITIONS_MAX], mapped[3][POSITIONS_MAX];

  (void)state;
  for (int i = 0; i < 3; i++)
    {
      look_up (&regions, i, WCT_WEIGHTS_MEASURED, shape, own[i]);
      look_up (&regions, i, WCT_WEIGHTS_MAPPED, shape, mapped[i]);
    }
  for (size_t p = 0; p < count; p++)
    {
      assert_float_equal (mapped[0][p], own[0][p] * (1 - own[1][p]) * (1 - own[2][p]), 1e-7);
      assert_float_equal (mapped[1][p], own[1][p] * (1 - own[2][p]), 1e-7);
      assert_float_equal (mapped[2][p], own[2][p], 0);
      assert_float_equal (mapped[0][p] + mapped[1][p] + mapped[2][p], 1, 3e-7); /* the first leaves nothing out */
    }
  wct_regions_clear (&regions);
  for (int i = 0; i < 3; i++)
    wct_mask_clear (&masks[i]);
}

static void
an_empty_mask_has_no_positions (void **state)
{
  WctMask          mask = make_mask (40, 30, false, nowhere);
  const WctShape   shape = features_of (40, 30, 4);
  WctRegions       regions = new_regions (&mask, 1, 40, 30, shape);
  WctRegionWeights weights = wct_regions_weights (&regions);
  int32_t          positions[POSITIONS_MAX];
  float            picked[POSITIONS_MAX];

  (void)state;
  assert_int_equal (weights.pick (weights.data, 0, WCT_WEIGHTS_MEASURED, 0, shape.h, positions, picked), 0);
  assert_true (wct_regions_weigh (&regions, 0, 1) == 0);
  wct_regions_clear (&regions);
  wct_mask_clear (&mask);
}

/* ---- Rows of masks ---------------------------------------------------------------------------------------------- */

static void
values_beyond_0_and_1_are_clipped_and_what_is_no_number_is_refused (void **state)
{
  float          values[] = { -3, 0, 1, 1e30f };
  const WctImage image = { values, 4, 1, 1, sizeof values };
  WctMask        mask;
  WctError       err;

  (void)state;
  assert_int_equal (wct_mask_new (4, 1, false, &mask, &err), WCT_OK);
  assert_int_equal (wct_mask_put_rows (&mask, &image, 0, &err), WCT_OK);
  assert_memory_equal (mask.pixels, ((uint8_t[]){ 0, 0, 255, 255 }), 4);
  values[2] = NAN;
  assert_int_equal (wct_mask_put_rows (&mask, &image, 0, &err), WCT_ERR_NUMERIC);
  assert_string_equal (err.message, "mask: channel 0 of the pixel at column 2, row 0 is not a finite number");
  wct_mask_clear (&mask);
}

static void
rows_of_a_mask_may_come_in_any_order (void **state)
{
  WctImage image = make_image (31, 20, blob);
  WctMask  whole = make_mask (31, 20, false, blob), parts;
  WctError err;

  (void)state;
  assert_int_equal (wct_mask_new (31, 20, false, &parts, &err), WCT_OK);
  for (int32_t y = 19; y >= 0; y--)
    {
      const WctImage row = { image.pixels + y * 31, 31, 1, 1, image.row_stride_bytes };

      assert_int_equal (wct_mask_put_rows (&parts, &row, y, &err), WCT_OK);
    }
  assert_int_equal (parts.rows_put, 20);
  assert_memory_equal (parts.pixels, whole.pixels, 31 * 20);
  assert_memory_equal (parts.spans, whole.spans, 2 * 20 * sizeof *whole.spans);
  wct_mask_clear (&parts);
  wct_mask_clear (&whole);
  free (image.pixels);
}

/* Of a picture that tiles, whose features have a halo: mapped as at the opposite side, measured inside only. */
static void
assert_halo (const WctMask *masks, int count, int32_t cell, int32_t halo)
{
  enum
  {
    WIDTH = 48,
    HEIGHT = 32
  };
  const WctShape shape = features_of (WIDTH, HEIGHT, cell), wide = { 8, shape.h + 2 * halo, shape.w + 2 * halo };
  WctRegions     plain = new_regions (masks, count, WIDTH, HEIGHT, shape), around;
  WctError       err;
  float          expected[POSITIONS_MAX], got[POSITIONS_MAX];

  if (wct_regions_new (masks, count, WIDTH, HEIGHT, wide, halo, &around, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  for (int region = 0; region < count; region++)
    {
      assert_true (wct_regions_weigh (&around, region, 1e9) == wct_regions_weigh (&plain, region, 1e9));
      for (int use = WCT_WEIGHTS_MEASURED; use <= WCT_WEIGHTS_MAPPED; use++)
        {
          look_up (&plain, region, (WctWeightsUse)use, shape, expected);
          look_up (&around, region, (WctWeightsUse)use, wide, got);
          for (int32_t i = 0; i < wide.h * wide.w; i++)
            {
              const int32_t y = i / wide.w - halo, x = i % wide.w - halo;
              const bool    inside = y >= 0 && y < shape.h && x >= 0 && x < shape.w;
              const int32_t row = (y + 100 * shape.h) % shape.h, column = (x + 100 * shape.w) % shape.w;
              const float   there = expected[row * shape.w + column];

              if (got[i] != (inside || use == WCT_WEIGHTS_MAPPED ? there : 0))
                fail_msg ("region %d, halo %d, use %d, row %d, column %d: expected %g, got %g", region, halo, use, y, x,
                          (double)there, (double)got[i]);
            }
        }
    }
  wct_regions_clear (&around);
  wct_regions_clear (&plain);
}

static void
a_halo_is_mapped_as_the_opposite_side_and_not_measured (void **state)
{
  (void)state;
  for (int hard = 0; hard < 2; hard++)
    {
      WctMask masks[] = { make_mask (48, 32, hard, ramp), make_mask (40, 30, hard, blob) };

      for (int32_t cell = 4; cell <= 16; cell *= 2)
        for (int32_t halo = 1; halo <= 5; halo += 2)
          assert_halo (masks, 2, cell, halo);
      for (int i = 0; i < 2; i++)
        wct_mask_clear (&masks[i]);
    }
}

static void
each_failed_allocation_is_a_sentence_and_leaves_nothing (void **state)
{
  WctMask        mask = make_mask (30, 20, false, ramp);
  const WctShape shape = features_of (40, 30, 4);
  const size_t   before = wct_mem_used ();
  WctStatus      status = WCT_ERR_NO_MEMORY;

  (void)state;
  for (long n = 1; status != WCT_OK; n++)
    {
      WctError   err = { .status = WCT_OK };
      WctRegions regions;

      wct_mem_test_fail (n, false);
      status = wct_regions_new (&mask, 1, 40, 30, shape, 0, &regions, &err);
      wct_mem_test_fail (0, false);
      assert_true (status == WCT_OK || (status == WCT_ERR_NO_MEMORY && strlen (err.message) > 0));
      wct_regions_clear (&regions);
      assert_int_equal (wct_mem_used (), before);
    }
  wct_mask_clear (&mask);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (the_middle_of_a_cell_decides_and_the_mask_is_mirrored_beyond_the_picture),
    cmocka_unit_test (a_hard_mask_of_another_size_is_scaled_to_the_picture),
    cmocka_unit_test (where_hard_masks_overlap_the_later_one_owns),
    cmocka_unit_test (a_halo_is_mapped_as_the_opposite_side_and_not_measured),
    cmocka_unit_test (a_region_that_is_left_out_covers_nothing),
    cmocka_unit_test (a_soft_weight_is_the_mean_over_its_cell_and_the_mask_is_mirrored_beyond_the_picture),
    cmocka_unit_test (a_soft_mask_of_another_size_is_averaged_or_drawn_out),
    cmocka_unit_test (a_soft_mask_of_ones_weighs_exactly_one_at_any_size),
    cmocka_unit_test (a_soft_region_is_mapped_by_what_later_ones_leave_of_it),
    cmocka_unit_test (an_empty_mask_has_no_positions),
    cmocka_unit_test (values_beyond_0_and_1_are_clipped_and_what_is_no_number_is_refused),
    cmocka_unit_test (rows_of_a_mask_may_come_in_any_order),
    cmocka_unit_test (each_failed_allocation_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
