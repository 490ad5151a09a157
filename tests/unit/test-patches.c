/* Patches of a style: the features that they are cut from, how they lie, and what they hold. */
#include "numbers.h"

#include <stdio.h>
#include <string.h>

#include <wct/wct.h>

#include "backend/kept.h"
#include "backend/backend.h"
#include "linalg.h"
#include "mem.h"
#include "patches.h"
#include "style.h"

#define FLOOR 1e-5

static WctModel *model;

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("%s", err->message);
}

/* NULL where this build has no such back end. */
static WctBackend *
open_backend (const char *name)
{
  WctBackend *backend = NULL;
  WctError    err;
  WctStatus   status = wct_backend_open (name, 2, &backend, &err);

  if (status != WCT_OK && status != WCT_ERR_UNSUPPORTED)
    fail_msg ("%s", err.message);
  return backend;
}

static WctStyle *
measure (WctBackend *backend, int32_t width, int32_t height)
{
  float    *pixels = calloc ((size_t)width * (size_t)height, 3 * sizeof *pixels);
  WctImage  picture = { pixels, width, height, 3, (size_t)width * 3 * sizeof *pixels };
  WctStyle *style = NULL;
  WctError  err;

  assert_non_null (pixels);
  wct_noise_fill (&picture, 5);
  must (wct_style_measure (model, backend, &picture, 31 | WCT_STYLE_PATCHES, NULL, &style, &err), &err);
  free (pixels);
  return style;
}

/* ---- Features that are kept ----------------------------------------------------------------------------------- */

static void
rows_come_back_as_they_were_written (void **state)
{
  static const char *const names[] = { "cpu", "reference" };
  static const WctShape    shapes[] = { { 20, 37, 70 }, { 1, 1, 1 }, { 16, 130, 3 }, { 37, 5, 600 } };

  (void)state;
  for (size_t i = 0; i < 8; i++)
    {
      const WctShape shape = shapes[i / 2];
      const size_t   row = (size_t)shape.c * (size_t)shape.w, count = row * (size_t)shape.h;
      WctBackend    *backend = open_backend (names[i % 2]);
      float         *values = calloc (count, sizeof *values), *got = calloc (count, sizeof *values);
      WctStore      *store = NULL;
      WctError       err;

      if (backend != NULL)
        {
          for (size_t k = 0; k < count; k++)
            values[k] = (float)(k + 1);
          must (wct_store_new (wct_pass_kept_bytes (backend, shape), false, "features", &store, &err), &err);
          for (int32_t y = shape.h - 1; y >= 0; y--)
            must (wct_kept_write (backend, store, shape, y, 1, values + (size_t)y * row, &err), &err);
          must (wct_kept_read (backend, store, shape, 0, shape.h, got, &err), &err);
          assert_memory_equal (got, values, count * sizeof *values);
          must (wct_kept_read (backend, store, shape, shape.h / 2, shape.h - shape.h / 2, got, &err), &err);
          assert_memory_equal (got, values + (size_t)(shape.h / 2) * row,
                               (size_t)(shape.h - shape.h / 2) * row * sizeof *values);
        }
      wct_store_free (&store);
      wct_backend_close (&backend);
      free (got);
      free (values);
    }
}

/* Sums of floats in two orders, and Winograd's transforms, through 13 layers. */
static void
a_style_keeps_the_features_that_it_measured (void **state)
{
  static const char *const names[] = { "reference", "cpu" };
  WctStyle                *first = NULL;

  (void)state;
  for (size_t i = 0; i < 2; i++)
    {
      WctBackend *backend = open_backend (names[i]);

      if (backend == NULL)
        continue;
      WctStyle         *style = measure (backend, 150, 90);
      const WctShape    shape = wct_style_patches_shape (style);
      const WctMoments *moments = wct_style_moments (style, 5);
      const float      *features = wct_style_patches (style);

      assert_int_equal (wct_style_levels (style), 31 | WCT_STYLE_PATCHES);
      assert_int_equal (shape.w, 10);
      assert_int_equal (shape.h, 6);
      assert_int_equal (shape.c, moments->channels);
      for (int32_t c = 0; c < shape.c; c++)
        {
          double sum = 0;

          for (int32_t p = 0; p < 60; p++)
            sum += features[p * shape.c + c];
          assert_close ("mean", sum / 60, moments->mean[c], 1e-6 * (1 + fabs (moments->mean[c])));
        }
      for (int32_t k = 0; first != NULL && k < 60 * shape.c; k++)
        assert_close ("feature of the other back end", features[k], wct_style_patches (first)[k], 1e-3);
      if (first == NULL)
        first = wct_style_ref (style);
      wct_style_unref (&style);
      wct_backend_close (&backend);
    }
  wct_style_unref (&first);
}

static void
patches_without_relu5_are_refused (void **state)
{
  WctBackend *backend = open_backend ("reference");
  float       pixel[3] = { 0 };
  WctImage    picture = { pixel, 1, 1, 3, sizeof pixel };
  WctStyle   *style = NULL;
  WctError    err;

  (void)state;
  assert_int_equal (wct_style_measure (model, backend, &picture, 15 | WCT_STYLE_PATCHES, NULL, &style, &err),
                    WCT_ERR_ARGUMENT);
  assert_non_null (strstr (err.message, "relu5_1"));
  assert_int_equal (wct_style_measure (model, backend, &picture, WCT_STYLE_PATCHES, NULL, &style, &err),
                    WCT_ERR_ARGUMENT);
  assert_null (style);
  must (wct_style_measure (model, backend, &picture, 31, NULL, &style, &err), &err);
  assert_null (wct_style_patches (style));
  wct_style_unref (&style);
  wct_backend_close (&backend);
}

/* ---- Cutting -------------------------------------------------------------------------------------------------- */

static void
patches_lie_wholly_within_the_style (void **state)
{
  WctBackend *backend = open_backend ("auto");
  WctStyle   *style = measure (backend, 150, 90); /* 10 × 6 features */
  const struct
  {
    int32_t side, stride, rows, columns;
  } cases[] = { { 1, 1, 6, 10 }, { 3, 1, 4, 8 }, { 2, 3, 2, 3 }, { 6, 1, 1, 5 }, { 3, 15, 1, 1 } };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      const WctPatchGrid grid = wct_patches_grid (style, cases[i].side, cases[i].stride);

      assert_int_equal (grid.side, cases[i].side);
      assert_int_equal (grid.stride, cases[i].stride);
      assert_int_equal (grid.rows, cases[i].rows);
      assert_int_equal (grid.columns, cases[i].columns);
    }
  wct_style_unref (&style);
  wct_backend_close (&backend);
}

static void
a_large_style_has_its_patches_farther_apart (void **state)
{
  WctBackend        *backend = open_backend ("auto");
  WctStyle          *style = measure (backend, 1600, 1200); /* 100 × 75 features */
  const WctPatchGrid grid = wct_patches_grid (style, 3, 1);

  (void)state;
  assert_int_equal (grid.stride, 2);
  assert_int_equal (grid.rows * grid.columns, 37 * 49);
  wct_style_unref (&style);
  wct_backend_close (&backend);
}

/* Floats of products over some channels, in two orders. */
static void
a_patch_is_whitened_and_of_length_1 (void **state)
{
  enum
  {
    SIDE = 2,
    STRIDE = 3
  };
  WctBackend        *backend = open_backend ("auto");
  WctStyle          *style = measure (backend, 400, 330); /* 25 × 21: more than there are channels */
  WctPatches         patches = { .style = style };
  const WctPatchGrid grid = wct_patches_grid (style, SIDE, STRIDE);
  const WctMoments  *moments = wct_style_moments (style, 5);
  const int32_t      n = moments->channels, w = 25;
  double            *whitening = new_numbers ((size_t)n * (size_t)n), *patch = new_numbers ((size_t)(SIDE * SIDE * n));
  WctError           err;

  (void)state;
  must (wct_symmetric_power (n, moments->covariance, -0.5, FLOOR, whitening, &err), &err);
  must (wct_patches_cut (&patches, &grid, FLOOR, &err), &err);
  for (int32_t i = 0; i < grid.rows * grid.columns; i += 5)
    {
      const int32_t top = i / grid.columns * STRIDE, left = i % grid.columns * STRIDE;
      double        squares = 0;

      for (int32_t k = 0; k < SIDE * SIDE * n; k++)
        {
          const int32_t position = (top + k / n / SIDE) * w + left + k / n % SIDE;

          patch[k] = 0;
          for (int32_t c = 0; c < n; c++)
            patch[k] += whitening[k % n * n + c] * (wct_style_patches (style)[position * n + c] - moments->mean[c]);
          squares += patch[k] * patch[k];
        }
      for (int32_t k = 0; k < SIDE * SIDE * n; k++)
        assert_close ("value of a patch", patches.whitened[i * SIDE * SIDE * n + k], patch[k] / sqrt (squares), 1e-4);
    }
  free (patch);
  free (whitening);
  wct_patches_clear (&patches);
  wct_style_unref (&style);
  wct_backend_close (&backend);
}

/* In the directions over the floor a style is its own; the others are no more than its root. */
static void
what_is_put_is_the_style_itself (void **state)
{
  WctBackend        *backend = open_backend ("auto");
  WctStyle          *style = measure (backend, 400, 330);
  WctPatches         patches = { .style = style };
  const WctPatchGrid grid = wct_patches_grid (style, 3, 1);
  const WctMoments  *moments = wct_style_moments (style, 5);
  const int32_t      n = moments->channels;
  double            *projection = new_numbers ((size_t)n * (size_t)n);
  WctError           err;

  (void)state;
  must (wct_symmetric_power (n, moments->covariance, 0, FLOOR, projection, &err), &err);
  must (wct_patches_cut (&patches, &grid, FLOOR, &err), &err);
  for (int32_t k = 0; k < 25 * 21 * n; k++)
    {
      const float *features = wct_style_patches (style) + k / n * n;
      double       expected = moments->mean[k % n];

      for (int32_t c = 0; c < n; c++)
        expected += projection[k % n * n + c] * (features[c] - moments->mean[c]);
      assert_close ("feature", patches.colored[k], expected, 1e-5 * (1 + fabs (expected)));
    }
  free (projection);
  wct_patches_clear (&patches);
  wct_style_unref (&style);
  wct_backend_close (&backend);
}

static int
load_model (void **state)
{
  char     path[4096];
  WctError err;

  (void)state;
  snprintf (path, sizeof path, "%s/tiny.safetensors", getenv ("WCT_TEST_MODELS"));
  must (wct_model_load (path, &model, &err), &err);
  return 0;
}

static int
unload_model (void **state)
{
  (void)state;
  wct_model_unref (&model);
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (rows_come_back_as_they_were_written),
    cmocka_unit_test (a_style_keeps_the_features_that_it_measured),
    cmocka_unit_test (patches_without_relu5_are_refused),
    cmocka_unit_test (patches_lie_wholly_within_the_style),
    cmocka_unit_test (a_large_style_has_its_patches_farther_apart),
    cmocka_unit_test (a_patch_is_whitened_and_of_length_1),
    cmocka_unit_test (what_is_put_is_the_style_itself),
  };

  return cmocka_run_group_tests (tests, load_model, unload_model);
}
