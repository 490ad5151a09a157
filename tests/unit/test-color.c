/* Recoloring: the style gets the content's mean and covariance, or its histograms, by the share that was asked for. */
#include <string.h>

#include <wct/color.h>

#include "mem.h"
#include "numbers.h"

enum
{
  WIDTH = 50,
  HEIGHT = 40,
  COUNT = WIDTH * HEIGHT
};

/* Noise about a gray, with channels that depend on each other; far from 0 and 1, so that nothing is clipped. */
static void
fill (float *pixels, const float mean[3], float spread, float shared, uint64_t seed)
{
  wct_noise_fill (&(WctImage){ pixels, WIDTH, HEIGHT, 3, WIDTH * 3 * sizeof *pixels }, seed);
  for (int i = 0; i < COUNT; i++)
    {
      float *p = pixels + 3 * i;

      for (int c = 2; c >= 0; c--)
        p[c] = mean[c] + spread * (p[c] - 0.5f) + shared * (p[0] - 0.5f);
    }
}

static WctImage
view (float *pixels)
{
  return (WctImage){ pixels, WIDTH, HEIGHT, 3, WIDTH * 3 * sizeof *pixels };
}

static WctColors *
colors_of (const WctImage *picture)
{
  WctColors *colors = NULL;

  assert_int_equal (wct_colors_new (&colors, NULL), WCT_OK);
  wct_colors_add (colors, picture);
  return colors;
}

static double
linear (double v)
{
  return v <= 0.04045 ? v / 12.92 : pow ((v + 0.055) / 1.055, 2.4);
}

/* @moments: mean (3), then covariance (3, 3) of linear values. */
static void
measure (const float *pixels, double *moments)
{
  memset (moments, 0, 12 * sizeof *moments);
  for (int i = 0; i < COUNT; i++)
    for (int c = 0; c < 3; c++)
      moments[c] += linear (pixels[3 * i + c]) / COUNT;
  for (int i = 0; i < COUNT; i++)
    for (int c = 0; c < 3; c++)
      for (int k = 0; k < 3; k++)
        moments[3 + 3 * c + k] +=
          (linear (pixels[3 * i + c]) - moments[c]) * (linear (pixels[3 * i + k]) - moments[k]) / (COUNT - 1);
}

static float style_pixels[COUNT * 3], content_pixels[COUNT * 3], out_pixels[COUNT * 3];

static void
fill_pictures (void)
{
  fill (style_pixels, (const float[]){ 0.4f, 0.5f, 0.6f }, 0.3f, 0.1f, 1);
  fill (content_pixels, (const float[]){ 0.6f, 0.5f, 0.45f }, 0.1f, 0.2f, 2);
}

static void
recolored_by_moments_it_has_the_contents_mean_and_covariance (void **state)
{
  const WctImage style = view (style_pixels), content = view (content_pixels);
  WctImage       out = view (out_pixels);
  WctColors     *colors;
  double         expected[12], got[12];

  (void)state;
  fill_pictures ();
  colors = colors_of (&content);
  assert_int_equal (wct_recolor (&style, colors, 1, 0, &out, NULL), WCT_OK);
  measure (content_pixels, expected);
  measure (out_pixels, got);
  assert_all_close ("moment", got, expected, 12, 2e-5); /* statistics see 65536 steps: up to 0.5 / 65535 · 2.3 off */
  wct_colors_free (&colors);
}

/* The middle rank of a value. */
static double
rank_of (const float *pixels, int channel, float value)
{
  int below = 0, equal = 0;

  for (int i = 0; i < COUNT; i++)
    {
      below += pixels[3 * i + channel] < value;
      equal += pixels[3 * i + channel] == value;
    }
  return (below + 0.5 * equal) / COUNT;
}

static int
compare (const void *a, const void *b)
{
  const float x = *(const float *)a, y = *(const float *)b;

  return (x > y) - (x < y);
}

/* Both of as many pixels: the one of some rank becomes the other's of that rank, in pictures of 8 bits too, where many
 * values are equal. */
static void
recolored_by_histograms_each_value_becomes_the_contents_of_its_rank (void **state)
{
  const WctImage style = view (style_pixels), content = view (content_pixels);
  WctImage       out = view (out_pixels);

  (void)state;
  for (int steps = 255; steps <= 65535; steps += 65280)
    {
      WctColors *colors;

      fill_pictures ();
      for (int i = 0; i < COUNT * 3; i++)
        {
          style_pixels[i] = roundf (style_pixels[i] * (float)steps) / (float)steps;
          content_pixels[i] = roundf (content_pixels[i] * (float)steps) / (float)steps;
        }
      colors = colors_of (&content);
      assert_int_equal (wct_recolor (&style, colors, 0, 1, &out, NULL), WCT_OK);
      for (int c = 0; c < 3; c++)
        {
          float sorted[COUNT];

          for (int i = 0; i < COUNT; i++)
            sorted[i] = content_pixels[3 * i + c];
          qsort (sorted, COUNT, sizeof *sorted, compare);
          for (int i = 0; i < COUNT; i += 7)
            {
              const double rank = rank_of (style_pixels, c, style_pixels[3 * i + c]);
              const double got = rank_of (content_pixels, c, out_pixels[3 * i + c]);
              const int    at = (int)(rank * COUNT);

              /* Between two of the content's values, whose ranks are on both sides; one more step for each side's
               * half. */
              assert_true (out_pixels[3 * i + c] >= sorted[at > 12 ? at - 12 : 0] - 1.0 / steps);
              assert_true (out_pixels[3 * i + c] <= sorted[at + 12 < COUNT ? at + 12 : COUNT - 1] + 1.0 / steps);
              assert_close ("rank", got, rank, steps == 255 ? 0.02 : 0.002); /* of a level's share; of one pixel's */
            }
        }
      wct_colors_free (&colors);
    }
}

static void
a_share_lies_on_the_way_and_none_changes_no_bit (void **state)
{
  static float   whole[COUNT * 3];
  const WctImage style = view (style_pixels), content = view (content_pixels);
  WctImage       out = view (out_pixels), all = view (whole);
  WctColors     *colors;

  (void)state;
  fill_pictures ();
  style_pixels[0] = 1.5f; /* not even clipped */
  colors = colors_of (&content);
  assert_int_equal (wct_recolor (&style, colors, 0, 0, &out, NULL), WCT_OK);
  assert_memory_equal (out_pixels, style_pixels, sizeof out_pixels);
  style_pixels[0] = 0.5f;
  for (int way = 0; way < 2; way++)
    {
      assert_int_equal (wct_recolor (&style, colors, way, 1 - way, &all, NULL), WCT_OK);
      assert_int_equal (wct_recolor (&style, colors, 0.3 * way, 0.3 * (1 - way), &out, NULL), WCT_OK);
      for (int i = 0; i < COUNT * 3; i++) /* two roundings to float */
        assert_close ("value", out_pixels[i], 0.7 * style_pixels[i] + 0.3 * whole[i], 2e-7);
    }
  wct_colors_free (&colors);
}

static void
it_may_be_done_in_place_and_the_content_counted_in_parts (void **state)
{
  const WctImage style = view (style_pixels), content = view (content_pixels);
  WctImage       out = view (out_pixels);
  WctColors     *colors, *parts = NULL;

  (void)state;
  fill_pictures ();
  colors = colors_of (&content);
  assert_int_equal (wct_recolor (&style, colors, 0.8, 0.6, &out, NULL), WCT_OK);
  assert_int_equal (wct_colors_new (&parts, NULL), WCT_OK);
  for (int y = 0; y < HEIGHT; y += 8)
    {
      WctImage rows = content;

      rows.pixels += y * WIDTH * 3;
      rows.height = 8;
      wct_colors_add (parts, &rows);
    }
  {
    WctImage in_place = style;

    assert_int_equal (wct_recolor (&style, parts, 0.8, 0.6, &in_place, NULL), WCT_OK);
  }
  assert_memory_equal (out_pixels, style_pixels, sizeof out_pixels);
  wct_colors_free (&parts);
  wct_colors_free (&colors);
}

/* Flat, gray, of one pixel, nothing counted: no division by nothing. */
static void
pictures_without_spread_stay_finite_and_in_range (void **state)
{
  const WctImage style = view (style_pixels), content = view (content_pixels);
  WctImage       out = view (out_pixels), pixel = { content_pixels, 1, 1, 3, 3 * sizeof (float) };
  WctColors     *colors;

  (void)state;
  for (int flat_style = 0; flat_style < 2; flat_style++)
    for (int kind = 0; kind < 4; kind++)
      {
        fill_pictures ();
        for (int i = 0; i < COUNT * 3; i++)
          {
            style_pixels[i] = flat_style ? 0.25f : style_pixels[i];
            content_pixels[i] = kind == 1 ? 0.75f : kind == 2 ? content_pixels[i / 3 * 3] : content_pixels[i];
          }
        colors = colors_of (kind == 3 ? &pixel : &content);
        assert_int_equal (wct_recolor (&style, colors, 1, 1, &out, NULL), WCT_OK);
        for (int i = 0; i < COUNT * 3; i++)
          assert_true (out_pixels[i] >= 0 && out_pixels[i] <= 1);
        for (int i = 0; i < COUNT * 3 && kind == 1; i++) /* a bin's width */
          assert_close ("flat", out_pixels[i], 0.75, 1e-5);
        wct_colors_free (&colors);
      }
  assert_int_equal (wct_colors_new (&colors, NULL), WCT_OK);
  assert_int_equal (wct_recolor (&style, colors, 1, 1, &out, NULL), WCT_OK);
  assert_memory_equal (out_pixels, style_pixels, sizeof out_pixels);
  wct_colors_free (&colors);
}

static void
what_does_not_fit_is_a_sentence (void **state)
{
  const WctImage style = view (style_pixels);
  WctImage       out = view (out_pixels), small = { out_pixels, WIDTH, 3, 3, WIDTH * 3 * sizeof (float) };
  WctColors     *colors = colors_of (&style);
  WctError       err;

  (void)state;
  assert_int_equal (wct_recolor (&style, colors, 1.1, 0, &out, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "strengths of recoloring are 1.1 and 0; they go from 0 to 1");
  assert_int_equal (wct_recolor (&style, colors, 0, NAN, &out, &err), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_recolor (&style, colors, 0, 0, &small, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "recolored style is 50×3, the style 50×40; they must be equal");
  for (int n = 1; n <= 3; n++) /* allocations */
    {
      wct_mem_test_fail (n, false);
      assert_int_equal (wct_recolor (&style, colors, 1, 1, &out, &err), WCT_ERR_NO_MEMORY);
      wct_mem_test_fail (0, false);
    }
  wct_colors_free (&colors);
  wct_colors_free (&colors);
  assert_int_equal (wct_mem_used (), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (recolored_by_moments_it_has_the_contents_mean_and_covariance),
    cmocka_unit_test (recolored_by_histograms_each_value_becomes_the_contents_of_its_rank),
    cmocka_unit_test (a_share_lies_on_the_way_and_none_changes_no_bit),
    cmocka_unit_test (it_may_be_done_in_place_and_the_content_counted_in_parts),
    cmocka_unit_test (pictures_without_spread_stay_finite_and_in_range),
    cmocka_unit_test (what_does_not_fit_is_a_sentence),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
