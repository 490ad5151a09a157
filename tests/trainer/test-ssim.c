/* Structural similarity against its definition, written out: one window at a time, in two dimensions. */
#include "ssim.h"

#include "small-runs.h"

#define SIDE 11 /* of the window */

static double
ssim_of (const float *a, const float *b, int32_t h, int32_t w)
{
  double    got = NAN;
  WctError  err;
  WctStatus status = wct_ssim (a, b, h, w, &got, &err);

  must (status, &err);
  return got;
}

static double
luma_at (const float *picture, int32_t h, int32_t w, int32_t y, int32_t x)
{
  const size_t plane = (size_t)h * (size_t)w, at = (size_t)y * (size_t)w + (size_t)x;

  return 0.299 * picture[at] + 0.587 * picture[plane + at] + 0.114 * picture[2 * plane + at];
}

static double
weight_at (int32_t y, int32_t x)
{
  const double dy = y - SIDE / 2, dx = x - SIDE / 2;

  return exp (-(dy * dy + dx * dx) / (2 * 1.5 * 1.5));
}

/* Means, variances and covariance under one window, two passes; then equation 13 of Wang et al. 2004. */
static double
window_similarity (const float *a, const float *b, int32_t h, int32_t w, int32_t top, int32_t left)
{
  double sum = 0, mean_a = 0, mean_b = 0, variance_a = 0, variance_b = 0, covariance = 0;

  for (int32_t y = 0; y < SIDE; y++)
    for (int32_t x = 0; x < SIDE; x++)
      {
        sum += weight_at (y, x);
        mean_a += weight_at (y, x) * luma_at (a, h, w, top + y, left + x);
        mean_b += weight_at (y, x) * luma_at (b, h, w, top + y, left + x);
      }
  mean_a /= sum;
  mean_b /= sum;
  for (int32_t y = 0; y < SIDE; y++)
    for (int32_t x = 0; x < SIDE; x++)
      {
        const double da = luma_at (a, h, w, top + y, left + x) - mean_a;
        const double db = luma_at (b, h, w, top + y, left + x) - mean_b;

        variance_a += weight_at (y, x) * da * da / sum;
        variance_b += weight_at (y, x) * db * db / sum;
        covariance += weight_at (y, x) * da * db / sum;
      }
  return (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
         / ((mean_a * mean_a + mean_b * mean_b + 1e-4) * (variance_a + variance_b + 9e-4));
}

static double
plain_ssim (const float *a, const float *b, int32_t h, int32_t w)
{
  double sum = 0;

  for (int32_t top = 0; top + SIDE <= h; top++)
    for (int32_t left = 0; left + SIDE <= w; left++)
      sum += window_similarity (a, b, h, w, top, left);
  return sum / ((double)(h - SIDE + 1) * (w - SIDE + 1));
}

/* (3, h, w), uniform noise. */
static float *
new_noise (int32_t h, int32_t w, uint64_t seed)
{
  const size_t count = 3 * (size_t)h * (size_t)w;
  float       *values = new_floats (count);
  WctRandom    random = wct_random_stream (seed, 0);

  for (size_t i = 0; i < count; i++)
    values[i] = (float)wct_random_unit (&random);
  return values;
}

static float *
new_flat (int32_t h, int32_t w, float value)
{
  const size_t count = 3 * (size_t)h * (size_t)w;
  float       *values = new_floats (count);

  for (size_t i = 0; i < count; i++)
    values[i] = value;
  return values;
}

static void
equal_pictures_are_similar_by_one (void **state)
{
  const float grays[] = { 0, 0.5f, 1 };
  float      *noise = new_noise (20, 31, 1);

  (void)state;
  assert_near ("noise", ssim_of (noise, noise, 20, 31), 1, 1e-12);
  free (noise);
  for (size_t i = 0; i < 3; i++)
    {
      float *flat = new_flat (20, 31, grays[i]);

      assert_near ("flat", ssim_of (flat, flat, 20, 31), 1, 1e-12);
      free (flat);
    }
}

/* Differences of large squares lose digits: 1e-9 is far from what a wrong window makes. */
static void
similarity_is_what_its_definition_says (void **state)
{
  const int32_t sizes[][2] = { { 11, 11 }, { 11, 40 }, { 40, 11 }, { 12, 13 }, { 37, 29 } };

  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    {
      const int32_t h = sizes[i][0], w = sizes[i][1];
      float        *a = new_noise (h, w, i), *b = new_noise (h, w, i + 100);
      char          what[40];

      snprintf (what, sizeof what, "noise of %d rows and %d columns", h, w);
      assert_near (what, ssim_of (a, b, h, w), plain_ssim (a, b, h, w), 1e-9);
      for (size_t k = 0; k < 3 * (size_t)h * (size_t)w; k++)
        b[k] = 0.7f * a[k] + 0.1f * b[k] + 0.05f;
      snprintf (what, sizeof what, "alike, %d rows and %d columns", h, w);
      assert_near (what, ssim_of (a, b, h, w), plain_ssim (a, b, h, w), 1e-9);
      free (b);
      free (a);
    }
}

/* Without variance only the means count: (2ab + 1e-4) / (a² + b² + 1e-4). */
static void
flat_pictures_differ_by_their_brightness_alone (void **state)
{
  const float values[][2] = { { 0, 1 }, { 0.25f, 0.75f }, { 0.5f, 0.5625f } };

  (void)state;
  for (size_t i = 0; i < 3; i++)
    {
      const double x = values[i][0], y = values[i][1];
      float       *a = new_flat (16, 24, values[i][0]), *b = new_flat (16, 24, values[i][1]);

      assert_near ("flat", ssim_of (a, b, 16, 24), (2 * x * y + 1e-4) / (x * x + y * y + 1e-4), 1e-9);
      free (b);
      free (a);
    }
}

static void
a_negative_is_dissimilar_and_order_does_not_matter (void **state)
{
  float *a = new_noise (30, 30, 5), *b = new_flat (30, 30, 1);

  (void)state;
  for (size_t i = 0; i < 3 * 30 * 30; i++)
    b[i] -= a[i];
  assert_true (ssim_of (a, b, 30, 30) < -0.5);
  assert_near ("the other way round", ssim_of (b, a, 30, 30), ssim_of (a, b, 30, 30), 1e-12);
  free (b);
  free (a);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  float   *a = new_noise (20, 20, 1);
  double   got = 77;
  WctError err;

  (void)state;
  wct_mem_test_fail (1, false);
  assert_int_equal (wct_ssim (a, a, 20, 20, &got, &err), WCT_ERR_NO_MEMORY);
  wct_mem_test_fail (0, false);
  assert_true (got == 77);
  assert_int_equal (wct_mem_used (), 0);
  free (a);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (equal_pictures_are_similar_by_one),
    cmocka_unit_test (similarity_is_what_its_definition_says),
    cmocka_unit_test (flat_pictures_differ_by_their_brightness_alone),
    cmocka_unit_test (a_negative_is_dissimilar_and_order_does_not_matter),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
