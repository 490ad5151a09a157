/* Jobs on the tiny generated model: any size, any input, any failure, the same bits on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <wct/wct.h>

#include "mem.h"

static WctModel *model, *other_model;

/* Every test runs on each back end that works here. */
static const char *const backend_names[] = { "cpu", "reference" };

#define FOR_EACH_BACKEND(backend, threads)                                                              \
  for (size_t backend##_index = 0; backend##_index < 2; backend##_index++)                              \
    for (WctBackend *backend = open_backend (backend_names[backend##_index], threads); backend != NULL; \
         wct_backend_close (&backend))

static WctBackend *
open_backend (const char *name, int threads)
{
  WctBackend *backend = NULL;
  WctError    err;
  WctStatus   status = wct_backend_open (name, threads, &backend, &err);

  if (status != WCT_OK && status != WCT_ERR_UNSUPPORTED)
    fail_msg ("%s", err.message);
  return backend;
}

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("%s", err->message);
}

/* ---- Pictures ----------------------------------------------------------------------------------------------- */

static WctImage
new_picture (int32_t width, int32_t height, int32_t channels)
{
  const size_t count = (size_t)width * (size_t)height * (size_t)channels;
  WctImage     image = { calloc (count, sizeof (float)), width, height, channels,
                         (size_t)width * (size_t)channels * sizeof (float) };

  assert_non_null (image.pixels);
  return image;
}

static WctImage
noise (int32_t width, int32_t height, uint64_t seed)
{
  WctImage image = new_picture (width, height, 3);

  wct_noise_fill (&image, seed);
  return image;
}

static WctImage
flat (int32_t width, int32_t height, float value)
{
  WctImage image = new_picture (width, height, 3);

  for (int32_t i = 0; i < width * height * 3; i++)
    image.pixels[i] = value;
  return image;
}

static size_t
picture_bytes (const WctImage *image)
{
  return image->row_stride_bytes * (size_t)image->height;
}

static double
largest_difference (const WctImage *a, const WctImage *b)
{
  double largest = 0;

  for (size_t i = 0; i < picture_bytes (a) / sizeof (float); i++)
    largest = fmax (largest, fabs ((double)a->pixels[i] - b->pixels[i]));
  return largest;
}

/* A picture that shows whether it was written to. */
static WctImage
untouched (int32_t width, int32_t height)
{
  return flat (width, height, 12345);
}

static void
assert_untouched (const WctImage *image)
{
  for (size_t i = 0; i < picture_bytes (image) / sizeof (float); i++)
    assert_float_equal (image->pixels[i], 12345, 0);
}

static void
assert_finite (const WctImage *image)
{
  for (size_t i = 0; i < picture_bytes (image) / sizeof (float); i++)
    assert_true (isfinite (image->pixels[i]) && image->pixels[i] != 12345);
}

/* ---- Jobs --------------------------------------------------------------------------------------------------- */

/* As little memory as a run of this size can do with: the picture and all features are in temporary files then. */
static WctStatus
limit_to_the_least (WctJob *job, int32_t width, int32_t height, WctError *err)
{
  size_t    needed;
  WctStatus status;

  wct_job_limit_memory (job, 1);
  WCT_TRY (wct_job_memory (job, width, height, &needed, err));
  wct_job_limit_memory (job, needed);

out:
  return status;
}

/* @in_files: with as little memory as it can do with */
static WctStatus
run_job_with (WctBackend *backend, const WctParams *params, const WctImage *style_picture, const WctImage *masks,
              bool in_files, const WctImage *content, WctImage *result, const WctHooks *hooks, WctError *err)
{
  WctStyle *style = NULL;
  WctRegion region;
  WctJob   *job = NULL;
  WctStatus status;

  WCT_TRY (wct_style_measure (model, backend, style_picture, wct_model_levels (model), hooks, &style, err));
  if (masks != NULL)
    region = (WctRegion){ .mask = *masks, .style_count = 1, .styles = &style };
  WCT_TRY (
    wct_job_new (&(WctJobSpec){ model, backend, params, 1, &style, NULL, masks != NULL ? 1 : 0, &region }, &job, err));
  if (in_files)
    WCT_TRY (limit_to_the_least (job, content->width, content->height, err));
  WCT_TRY (wct_job_run (job, content, result, hooks, err));
  assert_int_equal (wct_job_uses_files (job), in_files);

out:
  wct_job_free (&job);
  wct_style_unref (&style);
  return status;
}

static WctStatus
run_job (WctBackend *backend, const WctParams *params, const WctImage *style_picture, const WctImage *masks,
         const WctImage *content, WctImage *result, const WctHooks *hooks, WctError *err)
{
  return run_job_with (backend, params, style_picture, masks, false, content, result, hooks, err);
}

/* Files that this process has open and that have no name. */
static int
nameless_files (void)
{
  int count = 0;

  for (int i = 0; i < 256; i++)
    {
      struct stat about;

      count += fstat (i, &about) == 0 && S_ISREG (about.st_mode) && about.st_nlink == 0;
    }
  return count;
}

static WctParams
default_params (void)
{
  WctParams params;

  wct_params_init (&params);
  return params;
}

static void
every_size_from_one_pixel_gives_a_finite_picture (void **state)
{
  const int32_t   sizes[][2] = { { 1, 1 },   { 2, 1 },  { 1, 2 },  { 3, 5 },   { 15, 15 }, { 16, 16 },
                                 { 17, 17 }, { 1, 60 }, { 60, 1 }, { 33, 50 }, { 100, 7 } };
  const WctParams params = default_params ();
  WctParams       seamless = default_params ();
  WctImage        style = noise (40, 30, 1);

  (void)state;
  seamless.seamless = 1;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
      {
        WctImage content = noise (sizes[i][0], sizes[i][1], 2), result = untouched (sizes[i][0], sizes[i][1]);
        WctError err;

        must (run_job (backend, &seamless, &style, NULL, &content, &result, NULL, &err), &err);
        assert_finite (&result);
        must (run_job (backend, &params, &style, NULL, &content, &result, NULL, &err), &err);
        assert_finite (&result);
        /* And as a style. */
        must (run_job (backend, &params, &content, NULL, &style, &style, NULL, &err), &err);
        assert_finite (&style);
        wct_noise_fill (&style, 1);
        free (result.pixels);
        free (content.pixels);
      }
  }
  free (style.pixels);
}

static void
flat_and_gray_pictures_give_finite_pictures (void **state)
{
  const WctParams params = default_params ();
  WctImage        pictures[] = { flat (40, 40, 0), flat (40, 40, 1), flat (40, 40, 0.5f), noise (40, 40, 5) };

  (void)state;
  for (size_t i = 0; i < picture_bytes (&pictures[3]) / sizeof (float); i += 3) /* equal channels */
    pictures[3].pixels[i + 1] = pictures[3].pixels[i + 2] = pictures[3].pixels[i];
  FOR_EACH_BACKEND (backend, 1)
  {
    for (int content = 0; content < 4; content++)
      for (int style = 0; style < 4; style++)
        {
          WctImage result = untouched (40, 40);
          WctError err;

          must (run_job (backend, &params, &pictures[style], NULL, &pictures[content], &result, NULL, &err), &err);
          assert_finite (&result);
          free (result.pixels);
        }
  }
  for (int i = 0; i < 4; i++)
    free (pictures[i].pixels);
}

static void
the_number_of_threads_does_not_change_a_bit (void **state)
{
  const WctParams params = default_params ();
  WctImage        style = noise (90, 70, 1), content = noise (203, 150, 2);

  (void)state;
  for (size_t name = 0; name < 2; name++)
    {
      WctImage first = untouched (203, 150);

      for (int threads = 1; threads <= 4; threads++)
        {
          WctBackend *backend = open_backend (backend_names[name], threads);
          WctImage    result = untouched (203, 150);
          WctError    err;

          if (backend != NULL)
            {
              must (run_job (backend, &params, &style, NULL, &content, &result, NULL, &err), &err);
              if (threads == 1)
                memcpy (first.pixels, result.pixels, picture_bytes (&first));
              assert_memory_equal (first.pixels, result.pixels, picture_bytes (&first));
            }
          wct_backend_close (&backend);
          free (result.pixels);
        }
      free (first.pixels);
    }
  free (content.pixels);
  free (style.pixels);
}

static void
a_job_runs_again_and_at_other_sizes_with_the_same_bits (void **state)
{
  const WctParams params = default_params ();
  WctImage        style_picture = noise (50, 50, 1);
  WctImage        small = noise (48, 40, 2), large = noise (80, 100, 3);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctStyle *style = NULL;
    WctJob   *job = NULL;
    WctError  err;
    WctImage  fresh = untouched (48, 40), again = untouched (48, 40), other = untouched (80, 100);

    must (wct_style_measure (model, backend, &style_picture, wct_model_levels (model), NULL, &style, &err), &err);
    must (wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &style, NULL, 0, NULL }, &job, &err), &err);
    must (wct_job_run (job, &small, &fresh, NULL, &err), &err);
    must (wct_job_run (job, &large, &other, NULL, &err), &err);
    must (wct_job_run (job, &small, &again, NULL, &err), &err);
    assert_memory_equal (fresh.pixels, again.pixels, picture_bytes (&fresh));
    must (wct_job_run (job, &again, &again, NULL, &err), &err); /* content and result may be one */
    wct_job_free (&job);
    wct_style_unref (&style);
    free (other.pixels);
    free (again.pixels);
    free (fresh.pixels);
  }
  free (large.pixels);
  free (small.pixels);
  free (style_picture.pixels);
}

static void
other_strengths_are_another_job_with_them (void **state)
{
  const WctImage content = noise (40, 24, 1), style_picture = noise (48, 32, 2);
  WctImage       expected = new_picture (40, 24, 3), got = new_picture (40, 24, 3);
  WctBackend    *backend = open_backend ("reference", 1);
  WctParams      params, others;
  WctStyle      *style = NULL;
  WctJob        *job = NULL;
  WctError       err;

  (void)state;
  wct_params_init (&params);
  others = params;
  for (int i = 0; i < WCT_LEVELS; i++)
    others.alpha[i] = 0.2 * i;
  others.passes = 2;
  must (run_job (backend, &others, &style_picture, NULL, &content, &expected, NULL, &err), &err);
  must (wct_style_measure (model, backend, &style_picture, 31, NULL, &style, &err), &err);
  must (wct_job_new (
          &(WctJobSpec){ .model = model, .backend = backend, .params = &params, .style_count = 1, .styles = &style },
          &job, &err),
        &err);
  must (wct_job_run (job, &content, &got, NULL, &err), &err);
  must (wct_job_set_params (job, &others, &err), &err);
  must (wct_job_run (job, &content, &got, NULL, &err), &err);
  assert_float_equal (largest_difference (&expected, &got), 0, 0);

  others.level_on[0] = 0;
  assert_int_equal (wct_job_set_params (job, &others, &err), WCT_ERR_ARGUMENT);
  wct_job_free (&job);
  wct_style_unref (&style);
  wct_backend_close (&backend);
  free (got.pixels);
  free (expected.pixels);
  free (style_picture.pixels);
  free (content.pixels);
}

static WctJob *
new_job (WctBackend *backend, const WctParams *params, WctStyle *style)
{
  WctJob  *job = NULL;
  WctError err;

  must (wct_job_new (
          &(WctJobSpec){ .model = model, .backend = backend, .params = params, .style_count = 1, .styles = &style },
          &job, &err),
        &err);
  return job;
}

/* Another picture goes where its own statistics would never take it. */
static void
a_frozen_job_maps_as_the_other_one_did (void **state)
{
  const WctImage style_picture = noise (48, 32, 2), content = noise (40, 24, 1), other = flat (40, 24, 0.8f);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctImage  expected = new_picture (40, 24, 3), got = new_picture (40, 24, 3);
    WctParams params;
    WctStyle *style = NULL;
    WctError  err;
    WctJob   *solved, *job;

    wct_params_init (&params);
    params.passes = 2;
    must (wct_style_measure (model, backend, &style_picture, 31, NULL, &style, &err), &err);
    solved = new_job (backend, &params, style);
    job = new_job (backend, &params, style);
    assert_int_equal (wct_job_freeze (job, solved, &err), WCT_ERR_ARGUMENT);
    must (wct_job_run (solved, &content, &expected, NULL, &err), &err);
    must (wct_job_freeze (job, solved, &err), &err);
    must (wct_job_run (job, &content, &got, NULL, &err), &err);
    assert_float_equal (largest_difference (&expected, &got), 0, 0);

    must (wct_job_run (job, &other, &got, NULL, &err), &err);
    must (wct_job_run (solved, &other, &expected, NULL, &err), &err);
    assert_true (largest_difference (&expected, &got) > 0.01);
    must (wct_job_freeze (job, NULL, &err), &err);
    must (wct_job_run (job, &other, &got, NULL, &err), &err);
    assert_float_equal (largest_difference (&expected, &got), 0, 0);

    wct_job_free (&job);
    wct_job_free (&solved);
    wct_style_unref (&style);
    free (got.pixels);
    free (expected.pixels);
  }
  free (style_picture.pixels);
  free (content.pixels);
  free (other.pixels);
}

/* The picture of @image whose pixel (@x, @y) is at the top left; what is cut off comes in at the opposite side. */
static WctImage
rolled (const WctImage *image, int32_t x, int32_t y)
{
  WctImage out = new_picture (image->width, image->height, image->channels);
  size_t   n = 0;

  for (int32_t row = 0; row < image->height; row++)
    for (int32_t i = 0; i < image->width; i++)
      for (int32_t c = 0; c < image->channels; c++)
        out.pixels[n++] = image->pixels[(((size_t)(row + y) % (size_t)image->height) * (size_t)image->width
                                         + (size_t)(i + x) % (size_t)image->width)
                                          * (size_t)image->channels
                                        + (size_t)c];
  return out;
}

/* @mask: may be NULL */
static void
assert_rolls (WctBackend *backend, const WctParams *params, const WctImage *mask, double allowed)
{
  const WctImage style = noise (40, 56, 2), content = noise (64, 48, 1), other_content = rolled (&content, 32, 16);
  const WctImage other_mask = mask == NULL ? content : rolled (mask, 32, 16);
  WctImage       result = untouched (64, 48), got = untouched (64, 48);
  WctError       err;

  must (run_job (backend, params, &style, mask, &content, &result, NULL, &err), &err);
  must (run_job (backend, params, &style, mask == NULL ? NULL : &other_mask, &other_content, &got, NULL, &err), &err);
  const WctImage expected = rolled (&result, 32, 16);
  if (!(largest_difference (&expected, &got) <= allowed))
    fail_msg ("%s%s: the tile differs by %g, allowed %g", wct_backend_info (backend)->name,
              mask == NULL ? "" : ", masked", largest_difference (&expected, &got), allowed);
  free (expected.pixels);
  free (got.pixels);
  free (result.pixels);
  if (mask != NULL)
    free (other_mask.pixels);
  free (other_content.pixels);
  free (content.pixels);
  free (style.pixels);
}

/* On a torus no place is another: convolutions, pooling and statistics see the same. With plain loops, also in two
 * passes through five levels, where only sums in double have another order. The cpu's tiles lie elsewhere, where floats
 * are rounded otherwise, by some 1e-6 that whitening of random features makes 3e-4 at one level, and more at the next.
 */
static void
a_rolled_picture_gives_the_rolled_tile (void **state)
{
  WctImage mask = new_picture (64, 48, 1);

  (void)state;
  for (int i = 0; i < 64 * 48; i++)
    mask.pixels[i] = i % 64 < 40 || i / 64 < 16;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctParams params = default_params ();

    params.seamless = 1;
    params.passes = 2;
    if (strcmp (wct_backend_info (backend)->name, "reference") == 0)
      {
        assert_rolls (backend, &params, NULL, 1e-5);
        assert_rolls (backend, &params, &mask, 1e-5);
      }
    params.passes = 1;
    for (int level = 1; level <= WCT_LEVELS; level++)
      {
        for (int i = 0; i < WCT_LEVELS; i++)
          params.level_on[i] = i + 1 == level;
        assert_rolls (backend, &params, NULL, 2e-3);
        assert_rolls (backend, &params, &mask, 2e-3);
      }
  }
  free (mask.pixels);
}

static void
a_job_is_made_seamless_and_back_between_runs (void **state)
{
  const WctImage content = noise (40, 32, 1), style_picture = noise (48, 32, 2);
  WctImage       expected[2] = { new_picture (40, 32, 3), new_picture (40, 32, 3) }, got = new_picture (40, 32, 3);
  WctBackend    *backend = open_backend ("auto", 2);
  WctParams      params = default_params ();
  WctStyle      *style = NULL;
  WctJob        *job;
  WctError       err;

  (void)state;
  for (params.seamless = 0; params.seamless < 2; params.seamless++)
    must (run_job (backend, &params, &style_picture, NULL, &content, &expected[params.seamless], NULL, &err), &err);
  assert_true (largest_difference (&expected[0], &expected[1]) > 0.01);
  params.seamless = 0;
  must (wct_style_measure (model, backend, &style_picture, 31, NULL, &style, &err), &err);
  job = new_job (backend, &params, style);
  wct_job_keep (job);
  for (int run = 0; run < 5; run++)
    {
      params.seamless = run % 2;
      must (wct_job_set_params (job, &params, &err), &err);
      if (run > 0) /* the last run was another one */
        assert_int_equal (wct_job_rerun (job, &got, NULL, &err), WCT_ERR_ARGUMENT);
      must (wct_job_run (job, &content, &got, NULL, &err), &err);
      assert_memory_equal (got.pixels, expected[run % 2].pixels, picture_bytes (&got));
    }
  params.seamless = 1;
  must (wct_job_set_params (job, &params, &err), &err);
  must (wct_job_run (job, &content, &got, NULL, &err), &err);
  params.keep_colors = 50; /* of a content that nobody kept: what tiles has a halo instead */
  must (wct_job_set_params (job, &params, &err), &err);
  assert_int_equal (wct_job_rerun (job, &got, NULL, &err), WCT_ERR_ARGUMENT);
  must (wct_job_run (job, &content, &got, NULL, &err), &err);
  wct_job_free (&job);
  wct_style_unref (&style);
  wct_backend_close (&backend);
  free (got.pixels);
  free (expected[1].pixels);
  free (expected[0].pixels);
  free (style_picture.pixels);
  free (content.pixels);
}

static bool
always (void *user)
{
  (void)user;
  return true;
}

/* Strengths that change at one level, and what is not kept. */
static void
a_rerun_gives_the_bits_of_a_run (void **state)
{
  const WctImage style_picture = noise (48, 32, 2), content = noise (40, 24, 1);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctImage  expected = new_picture (40, 24, 3), got = new_picture (40, 24, 3), small = new_picture (8, 8, 3);
    WctParams params;
    WctStyle *style = NULL;
    WctError  err;
    WctJob   *kept, *job;

    wct_params_init (&params);
    must (wct_style_measure (model, backend, &style_picture, 31, NULL, &style, &err), &err);
    kept = new_job (backend, &params, style);
    job = new_job (backend, &params, style);
    must (wct_job_run (job, &content, &got, NULL, &err), &err);
    assert_int_equal (wct_job_rerun (job, &got, NULL, &err), WCT_ERR_ARGUMENT);
    wct_job_keep (kept);
    must (wct_job_run (kept, &content, &got, NULL, &err), &err);
    assert_int_equal (wct_job_rerun (kept, &small, NULL, &err), WCT_ERR_ARGUMENT);
    for (int step = 0; step < 2 * WCT_LEVELS; step++)
      {
        params.alpha[step % WCT_LEVELS] = 0.1 + 0.08 * step;
        params.damping = step < 7 ? 0 : 0.5;
        must (wct_job_set_params (kept, &params, &err), &err);
        must (wct_job_rerun (kept, &got, NULL, &err), &err);
        must (wct_job_set_params (job, &params, &err), &err);
        must (wct_job_run (job, &content, &expected, NULL, &err), &err);
        assert_float_equal (largest_difference (&expected, &got), 0, 0);
      }
    must (wct_job_freeze (kept, job, &err), &err);
    must (wct_job_freeze (kept, NULL, &err), &err);
    assert_int_equal (wct_job_rerun (kept, &got, NULL, &err), WCT_ERR_ARGUMENT);
    must (wct_job_run (kept, &content, &got, NULL, &err), &err);
    params.passes = 2;
    must (wct_job_set_params (kept, &params, &err), &err);
    assert_int_equal (wct_job_rerun (kept, &got, NULL, &err), WCT_ERR_ARGUMENT);
    params.passes = 1;
    must (wct_job_set_params (kept, &params, &err), &err);
    assert_int_equal (wct_job_rerun (kept, &got, NULL, &err), WCT_ERR_ARGUMENT);

    wct_job_free (&job);
    wct_job_free (&kept);
    wct_style_unref (&style);
    free (small.pixels);
    free (got.pixels);
    free (expected.pixels);
  }
  free (style_picture.pixels);
  free (content.pixels);
}

/* Canceled anywhere, it is not taken for a run. */
static void
a_rerun_that_was_canceled_is_no_run (void **state)
{
  const WctImage style_picture = noise (48, 32, 2), content = noise (40, 24, 1);
  const WctHooks hooks = { .canceled = always };
  WctImage       got = untouched (40, 24);
  WctBackend    *backend = open_backend ("reference", 1);
  WctParams      params;
  WctStyle      *style = NULL;
  WctError       err;
  WctJob        *job;

  (void)state;
  wct_params_init (&params);
  must (wct_style_measure (model, backend, &style_picture, 31, NULL, &style, &err), &err);
  job = new_job (backend, &params, style);
  wct_job_keep (job);
  must (wct_job_run (job, &content, &got, NULL, &err), &err);
  params.alpha[1] = 0.1;
  must (wct_job_set_params (job, &params, &err), &err);
  assert_int_equal (wct_job_rerun (job, &got, &hooks, &err), WCT_CANCELED);
  assert_int_equal (wct_job_rerun (job, &got, NULL, &err), WCT_ERR_ARGUMENT);
  wct_job_free (&job);
  wct_style_unref (&style);
  wct_backend_close (&backend);
  free (got.pixels);
  free (style_picture.pixels);
  free (content.pixels);
}

/* At one level and far from the cut, where the receptive field ends, a part is the whole's bit for bit or nearly. */
static void
a_frozen_part_is_that_part_of_the_whole (void **state)
{
  enum
  {
    SIDE = 160,
    LEFT = 48,
    PART = 96,
    HALO = 32
  };
  const WctImage style_picture = noise (48, 32, 2), content = noise (SIDE, SIDE, 1);
  WctImage       whole = new_picture (SIDE, SIDE, 3), part = new_picture (PART, PART, 3);
  WctImage       cut = { content.pixels + ((size_t)LEFT * SIDE + LEFT) * 3, PART, PART, 3, content.row_stride_bytes };
  WctBackend    *backend = open_backend ("reference", 1);
  WctParams      params;
  WctStyle      *style = NULL;
  WctError       err;
  WctJob        *solved, *job;

  (void)state;
  wct_params_init (&params);
  for (int i = 0; i < WCT_LEVELS; i++)
    params.level_on[i] = i == 2;
  must (wct_style_measure (model, backend, &style_picture, 31, NULL, &style, &err), &err);
  solved = new_job (backend, &params, style);
  job = new_job (backend, &params, style);
  must (wct_job_run (solved, &content, &whole, NULL, &err), &err);
  must (wct_job_freeze (job, solved, &err), &err);
  must (wct_job_run (job, &cut, &part, NULL, &err), &err);
  for (int y = HALO; y < PART - HALO; y++)
    for (int i = HALO * 3; i < (PART - HALO) * 3; i++)
      assert_float_equal (part.pixels[y * PART * 3 + i], whole.pixels[((LEFT + y) * SIDE + LEFT) * 3 + i], 1e-5);

  params.level_on[3] = 1;
  wct_job_free (&job);
  job = new_job (backend, &params, style);
  assert_int_equal (wct_job_freeze (job, solved, &err), WCT_ERR_ARGUMENT);
  wct_job_free (&job);
  wct_job_free (&solved);
  wct_style_unref (&style);
  wct_backend_close (&backend);
  free (part.pixels);
  free (whole.pixels);
  free (style_picture.pixels);
  free (content.pixels);
}

static void
strength_zero_is_the_autoencoder_alone (void **state)
{
  WctParams params = default_params ();
  WctImage  style = noise (50, 50, 1), content = noise (64, 48, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (int level = 1; level <= WCT_LEVELS; level++)
      {
        WctImage stylized = untouched (64, 48), reconstructed = untouched (64, 48);
        WctError err;

        for (int i = 0; i < WCT_LEVELS; i++)
          {
            params.level_on[i] = i + 1 == level;
            params.alpha[i] = 0;
          }
        must (run_job (backend, &params, &style, NULL, &content, &stylized, NULL, &err), &err);
        must (wct_reconstruct (model, backend, level, &content, &reconstructed, NULL, &err), &err);
        /* The map is the identity but for rounding, which the decoder passes on. */
        assert_true (largest_difference (&stylized, &reconstructed) < 1e-4);
        free (reconstructed.pixels);
        free (stylized.pixels);
      }
  }
  free (content.pixels);
  free (style.pixels);
}

static void
two_passes_are_two_runs (void **state)
{
  WctParams params = default_params ();
  WctImage  style = noise (50, 50, 1), content = noise (70, 45, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctImage once = untouched (70, 45), twice = untouched (70, 45), both = untouched (70, 45);
    WctError err;

    params.passes = 1;
    must (run_job (backend, &params, &style, NULL, &content, &once, NULL, &err), &err);
    must (run_job (backend, &params, &style, NULL, &once, &twice, NULL, &err), &err);
    params.passes = 2;
    must (run_job (backend, &params, &style, NULL, &content, &both, NULL, &err), &err);
    assert_memory_equal (twice.pixels, both.pixels, picture_bytes (&both));
    free (both.pixels);
    free (twice.pixels);
    free (once.pixels);
  }
  free (content.pixels);
  free (style.pixels);
}

/* ---- Masks -------------------------------------------------------------------------------------------------- */

static void
a_mask_over_everything_is_no_mask (void **state)
{
  WctParams params = default_params ();
  WctImage  style = noise (50, 50, 1), content = noise (70, 45, 2), mask = new_picture (7, 4, 1);

  (void)state;
  for (int i = 0; i < 28; i++)
    mask.pixels[i] = 1;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (params.hard_masks = 0; params.hard_masks <= 1; params.hard_masks++)
      {
        WctImage plain = untouched (70, 45), masked = untouched (70, 45);
        WctError err;

        must (run_job (backend, &params, &style, NULL, &content, &plain, NULL, &err), &err);
        must (run_job (backend, &params, &style, &mask, &content, &masked, NULL, &err), &err);
        assert_memory_equal (plain.pixels, masked.pixels, picture_bytes (&plain));
        free (masked.pixels);
        free (plain.pixels);
      }
  }
  free (mask.pixels);
  free (content.pixels);
  free (style.pixels);
}

static void
hard_masks_of_one_pixel_or_none_leave_a_reconstruction (void **state)
{
  WctParams params = default_params ();
  WctImage  style = noise (50, 50, 1), content = noise (64, 48, 2), mask = new_picture (64, 48, 1);

  (void)state;
  params.hard_masks = 1;
  for (int i = 0; i < WCT_LEVELS; i++)
    params.level_on[i] = i + 1 == 2;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (int pixels = 0; pixels <= 1; pixels++)
      {
        WctImage masked = untouched (64, 48), reconstructed = untouched (64, 48);
        WctError err;

        mask.pixels[9 * 64 + 9] = (float)pixels;
        must (run_job (backend, &params, &style, &mask, &content, &masked, NULL, &err), &err);
        must (wct_reconstruct (model, backend, 2, &content, &reconstructed, NULL, &err), &err);
        assert_memory_equal (masked.pixels, reconstructed.pixels, picture_bytes (&masked));
        free (reconstructed.pixels);
        free (masked.pixels);
      }
  }
  free (mask.pixels);
  free (content.pixels);
  free (style.pixels);
}

/* Two styles, and up to three regions of one size with them. */
typedef struct
{
  WctImage  style_pictures[2], masks[3];
  WctStyle *styles[2];
  WctRegion regions[3];
} Wardrobe;

static const double not_at_all[WCT_LEVELS] = { 0 }, all_the_way[WCT_LEVELS] = { 1, 1, 1, 1, 1 };

static Wardrobe
new_wardrobe (WctBackend *backend, int32_t width, int32_t height)
{
  Wardrobe wardrobe = { .style_pictures = { noise (50, 40, 1), noise (33, 48, 7) } };
  WctError err;

  for (int i = 0; i < 2; i++)
    must (wct_style_measure (model, backend, &wardrobe.style_pictures[i], 31, NULL, &wardrobe.styles[i], &err), &err);
  for (int i = 0; i < 3; i++)
    wardrobe.masks[i] = new_picture (width, height, 1);
  return wardrobe;
}

static void
clear_wardrobe (Wardrobe *wardrobe)
{
  for (int i = 0; i < 3; i++)
    free (wardrobe->masks[i].pixels);
  for (int i = 0; i < 2; i++)
    {
      wct_style_unref (&wardrobe->styles[i]);
      free (wardrobe->style_pictures[i].pixels);
    }
}

/* The @i-th region has the first style everywhere, with @weight. */
static void
lay_out (Wardrobe *wardrobe, int i, float weight, const double *alpha)
{
  const WctImage *mask = &wardrobe->masks[i];

  for (int32_t p = 0; p < mask->width * mask->height; p++)
    mask->pixels[p] = weight;
  wardrobe->regions[i] = (WctRegion){ .mask = *mask, .style_count = 1, .styles = &wardrobe->styles[0], .alpha = alpha };
}

/* Its mask is the ramp that rises over the picture, by the distance from the left and the top. */
static void
slope (Wardrobe *wardrobe, int i, int32_t from, int32_t over)
{
  const WctImage *mask = &wardrobe->masks[i];

  for (int32_t y = 0; y < mask->height; y++)
    for (int32_t x = 0; x < mask->width; x++)
      mask->pixels[y * mask->width + x] = fminf (fmaxf ((float)(x + y - from) / (float)over, 0), 1);
}

/* @region_count: 0: the first style everywhere */
static WctImage
run_regions (WctBackend *backend, const WctParams *params, const Wardrobe *wardrobe, size_t region_count,
             const WctImage *content)
{
  WctImage result = untouched (content->width, content->height);
  WctJob  *job = NULL;
  WctError err;

  must (wct_job_new (&(WctJobSpec){ .model = model,
                                    .backend = backend,
                                    .params = params,
                                    .style_count = 1,
                                    .styles = wardrobe->styles,
                                    .region_count = region_count,
                                    .regions = wardrobe->regions },
                     &job, &err),
        &err);
  must (wct_job_run (job, content, &result, NULL, &err), &err);
  wct_job_free (&job);
  return result;
}

static WctParams
one_level (int level, double alpha)
{
  WctParams params = default_params ();

  for (int i = 0; i < WCT_LEVELS; i++)
    {
      params.level_on[i] = i + 1 == level;
      params.alpha[i] = alpha;
    }
  return params;
}

static void
assert_near (const WctImage *got, const WctImage *expected, double allowed)
{
  if (!(largest_difference (got, expected) <= allowed))
    fail_msg ("largest difference %g, allowed %g", largest_difference (got, expected), allowed);
}

/* A fifth is a step of a mask's 255. Its covariance is divided by Σ w - 1, the whole's by N - 1: of the 560 positions
 * of relu3_1 here that is 0.4 % of the deviations, of the others less. */
static void
a_mask_of_a_fifth_everywhere_goes_a_fifth_of_the_way (void **state)
{
  const WctImage content = noise (112, 80, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Wardrobe wardrobe = new_wardrobe (backend, 112, 80);

    lay_out (&wardrobe, 0, 0.2f, NULL);
    for (int level = 1; level <= 3; level++)
      {
        const WctParams whole = one_level (level, 1), fifth = one_level (level, 0.2), none = one_level (level, 0);
        WctImage        got = run_regions (backend, &whole, &wardrobe, 1, &content);
        WctImage        expected = run_regions (backend, &fifth, &wardrobe, 0, &content);
        WctImage        away = run_regions (backend, &none, &wardrobe, 0, &content);

        assert_near (&got, &expected, 0.02 * largest_difference (&expected, &away));
        free (away.pixels);
        free (expected.pixels);
        free (got.pixels);
      }
    clear_wardrobe (&wardrobe);
  }
  free (content.pixels);
}

/* The first region is everywhere; the second leaves a fifth of it and changes nothing itself. Maps are rounded to float
 * in another order. */
static void
a_later_region_covers_as_much_as_it_goes_itself (void **state)
{
  const WctImage content = noise (64, 48, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Wardrobe wardrobe = new_wardrobe (backend, 64, 48);

    lay_out (&wardrobe, 0, 1, all_the_way);
    lay_out (&wardrobe, 1, 0.8f, not_at_all);
    for (int level = 1; level <= WCT_LEVELS; level++)
      {
        const WctParams params = one_level (level, 0.9), fifth = one_level (level, 0.2);
        WctImage        got = run_regions (backend, &params, &wardrobe, 2, &content);
        WctImage        expected = run_regions (backend, &fifth, &wardrobe, 0, &content);

        assert_near (&got, &expected, 1e-4);
        free (expected.pixels);
        free (got.pixels);
      }
    clear_wardrobe (&wardrobe);
  }
  free (content.pixels);
}

/* As a region that is everywhere and is covered by one without strength everywhere else: that is solved from the whole
 * picture. Four features are too few for statistics, eight are not. */
static void
a_small_region_takes_the_whole_pictures_statistics (void **state)
{
  const WctImage content = noise (128, 96, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    const WctParams params = one_level (5, 0.7);
    Wardrobe        small = new_wardrobe (backend, 128, 96), covered = new_wardrobe (backend, 128, 96);

    for (int32_t columns = 2; columns <= 4; columns += 2)
      {
        lay_out (&small, 0, 0, NULL);
        lay_out (&covered, 0, 1, NULL);
        lay_out (&covered, 1, 1, not_at_all);
        for (int32_t y = 32; y < 64; y++)
          for (int32_t x = 16; x < 16 + 16 * columns; x++)
            {
              small.masks[0].pixels[y * 128 + x] = 1;
              covered.masks[1].pixels[y * 128 + x] = 0;
            }
        WctImage got = run_regions (backend, &params, &small, 1, &content);
        WctImage expected = run_regions (backend, &params, &covered, 2, &content);

        if (columns == 2)
          assert_near (&got, &expected, 1e-4);
        else
          assert_true (largest_difference (&got, &expected) > 1e-3);
        free (expected.pixels);
        free (got.pixels);
      }
    clear_wardrobe (&covered);
    clear_wardrobe (&small);
  }
  free (content.pixels);
}

static void
a_region_without_weight_changes_no_bit (void **state)
{
  const WctParams params = default_params ();
  const WctImage  content = noise (64, 48, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Wardrobe wardrobe = new_wardrobe (backend, 64, 48);

    lay_out (&wardrobe, 0, 1, NULL);
    slope (&wardrobe, 0, 20, 60);
    lay_out (&wardrobe, 1, 0, NULL);
    WctImage one = run_regions (backend, &params, &wardrobe, 1, &content);
    WctImage two = run_regions (backend, &params, &wardrobe, 2, &content);

    assert_memory_equal (one.pixels, two.pixels, picture_bytes (&one));
    free (two.pixels);
    free (one.pixels);
    clear_wardrobe (&wardrobe);
  }
  free (content.pixels);
}

static void
a_region_has_strengths_of_its_own (void **state)
{
  static const double own[WCT_LEVELS] = { 0.1, 0.9, 0.3, 0.5, 0.7 };
  const WctImage      content = noise (64, 48, 2);
  WctParams           params = default_params (), others = params;

  (void)state;
  memcpy (others.alpha, own, sizeof own);
  FOR_EACH_BACKEND (backend, 2)
  {
    Wardrobe wardrobe = new_wardrobe (backend, 64, 48);

    lay_out (&wardrobe, 0, 1, own);
    WctImage got = run_regions (backend, &params, &wardrobe, 1, &content);
    WctImage expected = run_regions (backend, &others, &wardrobe, 0, &content);

    assert_memory_equal (got.pixels, expected.pixels, picture_bytes (&got));
    free (expected.pixels);
    free (got.pixels);
    clear_wardrobe (&wardrobe);
  }
  free (content.pixels);
}

static void
a_region_blends_styles_as_a_job_does (void **state)
{
  const double    weights[2] = { 3, 1 };
  const WctParams params = default_params ();
  const WctImage  content = noise (64, 48, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Wardrobe wardrobe = new_wardrobe (backend, 64, 48);
    WctImage expected = untouched (64, 48);
    WctJob  *job = NULL;
    WctError err;

    lay_out (&wardrobe, 0, 1, NULL);
    wardrobe.regions[0].style_count = 2;
    wardrobe.regions[0].weights = weights;
    WctImage got = run_regions (backend, &params, &wardrobe, 1, &content);
    must (wct_job_new (&(WctJobSpec){ model, backend, &params, 2, wardrobe.styles, weights, 0, NULL }, &job, &err),
          &err);
    must (wct_job_run (job, &content, &expected, NULL, &err), &err);
    assert_memory_equal (got.pixels, expected.pixels, picture_bytes (&got));
    wct_job_free (&job);
    free (expected.pixels);
    free (got.pixels);
    clear_wardrobe (&wardrobe);
  }
  free (content.pixels);
}

/* Three soft regions over each other: slopes from two sides, and a spot too small for statistics. */
static void
overlap (Wardrobe *wardrobe)
{
  lay_out (wardrobe, 0, 1, NULL);
  slope (wardrobe, 0, 40, 100);
  lay_out (wardrobe, 1, 1, all_the_way);
  slope (wardrobe, 1, 200, -120);
  wardrobe->regions[1].styles = &wardrobe->styles[1];
  lay_out (wardrobe, 2, 0, NULL);
  for (int32_t p = 0; p < 20; p++)
    wardrobe->masks[2].pixels[60 * wardrobe->masks[2].width + 30 + p] = 0.7f;
}

/* Whole maps in double and strips in float, some 1e-6 apart, which whitening by variances down to 1e-5 makes 300 times
 * as much: the spot has that few features at relu1_1. */
static void
soft_regions_are_the_same_on_all_back_ends (void **state)
{
  const WctImage content = noise (150, 110, 2);
  WctBackend    *reference = open_backend ("reference", 1), *cpu = open_backend ("cpu", 2);

  (void)state;
  for (int level = 1; level <= WCT_LEVELS && cpu != NULL; level++)
    {
      const WctParams params = one_level (level, 0.8);
      Wardrobe        wardrobe = new_wardrobe (reference, 150, 110);

      overlap (&wardrobe);
      WctImage expected = run_regions (reference, &params, &wardrobe, 3, &content);
      WctImage got = run_regions (cpu, &params, &wardrobe, 3, &content);

      assert_near (&got, &expected, 1e-3);
      free (got.pixels);
      free (expected.pixels);
      clear_wardrobe (&wardrobe);
    }
  wct_backend_close (&cpu);
  wct_backend_close (&reference);
  free (content.pixels);
}

static void
the_number_of_threads_does_not_change_a_bit_of_soft_regions (void **state)
{
  const WctParams params = default_params ();
  const WctImage  content = noise (203, 150, 2);
  WctImage        first = { .pixels = NULL };

  (void)state;
  for (int threads = 1; threads <= 4; threads++)
    {
      WctBackend *backend = open_backend ("auto", threads);
      Wardrobe    wardrobe = new_wardrobe (backend, 203, 150);

      overlap (&wardrobe);
      WctImage result = run_regions (backend, &params, &wardrobe, 3, &content);

      if (threads == 1)
        first = result;
      else
        {
          assert_memory_equal (first.pixels, result.pixels, picture_bytes (&first));
          free (result.pixels);
        }
      clear_wardrobe (&wardrobe);
      wct_backend_close (&backend);
    }
  free (first.pixels);
  free (content.pixels);
}

/* A job of the wardrobe's first region, whose mask comes by rows. */
static WctJob *
job_without_mask (WctBackend *backend, const WctParams *params, const Wardrobe *wardrobe)
{
  WctRegion region = wardrobe->regions[0];
  WctJob   *job = NULL;
  WctError  err;

  region.mask.pixels = NULL;
  must (wct_job_new (
          &(WctJobSpec){ .model = model, .backend = backend, .params = params, .region_count = 1, .regions = &region },
          &job, &err),
        &err);
  return job;
}

static void
a_mask_that_comes_by_rows_is_that_mask (void **state)
{
  const WctParams params = default_params ();
  const WctImage  content = noise (64, 48, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Wardrobe wardrobe = new_wardrobe (backend, 64, 48);
    WctImage got = untouched (64, 48);
    WctError err;

    lay_out (&wardrobe, 0, 1, NULL);
    slope (&wardrobe, 0, 20, 60);
    WctImage expected = run_regions (backend, &params, &wardrobe, 1, &content);
    WctJob  *job = job_without_mask (backend, &params, &wardrobe);
    for (int32_t y = 47; y >= 0; y--)
      {
        const WctImage row = { wardrobe.masks[0].pixels + y * 64, 64, 1, 1, 64 * sizeof (float) };

        must (wct_job_put_mask_rows (job, 0, &row, y, &err), &err);
      }
    must (wct_job_run (job, &content, &got, NULL, &err), &err);
    assert_memory_equal (got.pixels, expected.pixels, picture_bytes (&got));
    wct_job_free (&job);
    free (expected.pixels);
    free (got.pixels);
    clear_wardrobe (&wardrobe);
  }
  free (content.pixels);
}

static void
a_mask_with_a_row_missing_outside_or_not_a_number_is_refused (void **state)
{
  const WctImage content = noise (64, 48, 2);
  WctBackend    *backend = open_backend ("auto", 2);
  Wardrobe       wardrobe = new_wardrobe (backend, 64, 48);
  WctParams      params = default_params ();
  WctImage       got = untouched (64, 48), rows = wardrobe.masks[0];
  WctJob        *refused = NULL;
  WctError       err;

  (void)state;
  lay_out (&wardrobe, 0, 1, NULL);
  WctJob *job = job_without_mask (backend, &params, &wardrobe);
  rows.height = 47;
  must (wct_job_put_mask_rows (job, 0, &rows, 0, &err), &err);
  assert_int_equal (wct_job_run (job, &content, &got, NULL, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "mask 1 has 48 rows and 47 were put in; each is needed once");
  assert_int_equal (wct_job_put_mask_rows (job, 0, &rows, 2, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "mask: 47 rows of 64 pixels from row 2 on do not lie in a mask of 64×48");
  assert_int_equal (wct_job_put_mask_rows (job, 1, &rows, 0, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "there is no region 2 to put a mask's rows in");

  params.hard_masks = 1;
  assert_int_equal (wct_job_set_params (job, &params, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "masks of a job stay hard or soft as they are");

  wardrobe.masks[0].pixels[64 * 3 + 9] = NAN;
  assert_int_equal (
    wct_job_new (
      &(WctJobSpec){
        .model = model, .backend = backend, .params = &params, .region_count = 1, .regions = wardrobe.regions },
      &refused, &err),
    WCT_ERR_NUMERIC);
  assert_string_equal (err.message, "mask: channel 0 of the pixel at column 9, row 3 is not a finite number");
  assert_null (refused);
  assert_untouched (&got);
  wct_job_free (&job);
  free (got.pixels);
  clear_wardrobe (&wardrobe);
  wct_backend_close (&backend);
  free (content.pixels);
}

/* ---- Failures ----------------------------------------------------------------------------------------------- */

static void
a_picture_that_is_not_finite_is_refused (void **state)
{
  const WctParams params = default_params ();
  WctImage        good = noise (20, 20, 1), bad = noise (20, 20, 2);

  (void)state;
  bad.pixels[5] = INFINITY;
  FOR_EACH_BACKEND (backend, 1)
  {
    WctImage result = untouched (20, 20);
    WctError err;

    assert_int_equal (run_job (backend, &params, &good, NULL, &bad, &result, NULL, &err), WCT_ERR_NUMERIC);
    assert_string_equal (err.message, "content: channel 2 of the pixel at column 1, row 0 is not a finite number");
    assert_int_equal (run_job (backend, &params, &bad, NULL, &good, &result, NULL, &err), WCT_ERR_NUMERIC);
    assert_string_equal (err.message, "style: channel 2 of the pixel at column 1, row 0 is not a finite number");
    assert_untouched (&result);
    free (result.pixels);
  }
  free (bad.pixels);
  free (good.pixels);
}

static void
a_bad_job_gets_one_sentence (void **state)
{
  WctBackend *backend = open_backend ("reference", 1);
  WctImage    picture = noise (32, 32, 1);
  WctStyle   *style = NULL, *shallow = NULL, *foreign = NULL;
  WctError    err;

  (void)state;
  must (wct_style_measure (model, backend, &picture, wct_model_levels (model), NULL, &style, &err), &err);
  must (wct_style_measure (model, backend, &picture, 1, NULL, &shallow, &err), &err);
  must (wct_style_measure (other_model, backend, &picture, 1, NULL, &foreign, &err), &err);

  WctParams good = default_params (), no_level = good, bad_alpha = good;
  memset (no_level.level_on, 0, sizeof no_level.level_on);
  bad_alpha.alpha[3] = 1.5;
  const double    negative = -1, zero = 0, not_a_number = NAN;
  WctParams       swaps = good, reduces = good;
  const double    too_strong[WCT_LEVELS] = { 0, 0, 0, 0, 1.5 };
  const WctRegion colored = { .mask = picture, .style_count = 1, .styles = &style };
  const WctRegion strong = { picture, 1, &style, NULL, too_strong };

  swaps.seamless = reduces.seamless = 1;
  swaps.swap = 0.5;
  reduces.working_size = 100;

  const struct
  {
    WctJobSpec  spec;
    const char *sentence;
  } cases[] = {
    { { model, backend, &swaps, 1, &style, NULL, 0, NULL },
      "the style swap does not wrap around; turn seamless off, or set swap to 0" },
    { { model, backend, &reduces, 1, &style, NULL, 0, NULL },
      "detail from the original would bring its seams back; turn seamless off, or set working-size to 0" },
    { { model, backend, &no_level, 1, &style, NULL, 0, NULL },
      "no level is on; turn on at least one of relu1 to relu5" },
    { { model, backend, &bad_alpha, 1, &style, NULL, 0, NULL }, "relu4-alpha is 1.5; it goes from 0 to 1" },
    { { model, backend, &good, 0, &style, NULL, 0, NULL }, "there is no style; at least one is needed" },
    { { model, backend, &good, 1, &shallow, NULL, 0, NULL }, "style 1 was not measured at relu2_1" },
    { { model, backend, &good, 1, &foreign, NULL, 0, NULL }, "style 1 was measured with another model" },
    { { model, backend, &good, 1, &style, &negative, 0, NULL }, "weight 1 is -1; weights are 0 or more" },
    { { model, backend, &good, 1, &style, &not_a_number, 0, NULL }, "weight 1 is nan; weights are 0 or more" },
    { { model, backend, &good, 1, &style, &zero, 0, NULL }, "the weights add up to 0; at least one must be above 0" },
    { { model, backend, &good, 0, NULL, NULL, 1, &colored }, "mask: it has 3 channels, 1 are needed" },
    { { model, backend, &good, 0, NULL, NULL, 1, &strong },
      "a region's strength at relu5_1 is 1.5; it goes from 0 to 1" },
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      WctJob *job = NULL;

      assert_int_equal (wct_job_new (&cases[i].spec, &job, &err), WCT_ERR_ARGUMENT);
      assert_string_equal (err.message, cases[i].sentence);
      assert_null (job);
    }
  wct_style_unref (&foreign);
  wct_style_unref (&shallow);
  wct_style_unref (&style);
  wct_backend_close (&backend);
  free (picture.pixels);
}

typedef struct
{
  long   calls, cancel_at; /* 0: never */
  double last;
  bool   fell;
} Watch;

static void
watch_progress (void *user, double done)
{
  Watch *watch = user;

  watch->fell |= done < watch->last || done > 1;
  watch->last = done;
}

static bool
watch_canceled (void *user)
{
  Watch *watch = user;

  return ++watch->calls == watch->cancel_at;
}

static void
progress_rises_to_one (void **state)
{
  WctParams params = default_params ();
  WctImage  style_picture = noise (50, 50, 1), content = noise (64, 48, 2);

  (void)state;
  params.passes = 2;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctImage  result = untouched (64, 48);
    WctStyle *style = NULL;
    WctJob   *job = NULL;
    WctError  err;
    Watch     measuring = { 0 }, running = { 0 };
    WctHooks  measure_hooks = { &measuring, watch_progress, NULL }, run_hooks = { &running, watch_progress, NULL };

    must (wct_style_measure (model, backend, &style_picture, wct_model_levels (model), &measure_hooks, &style, &err),
          &err);
    must (wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &style, NULL, 0, NULL }, &job, &err), &err);
    must (wct_job_run (job, &content, &result, &run_hooks, &err), &err);
    assert_false (measuring.fell || running.fell);
    assert_true (measuring.last > 0.999 && running.last > 0.999);
    wct_job_free (&job);
    wct_style_unref (&style);
    free (result.pixels);
  }
  free (content.pixels);
  free (style_picture.pixels);
}

static void
cancel_at_every_stage (WctBackend *backend, bool in_files, bool seamless)
{
  WctParams      params = default_params ();
  WctImage       style = noise (30, 30, 1), content = noise (40, 36, 2), result = untouched (40, 36);
  WctError       err;
  Watch          count = { 0 };
  const WctHooks counting = { &count, NULL, watch_canceled };

  params.seamless = seamless;

  must (run_job_with (backend, &params, &style, NULL, in_files, &content, &result, &counting, &err), &err);
  const size_t before = wct_mem_used ();
  const int    files = nameless_files ();
  const long   step = count.calls > 400 ? count.calls / 200 : 1;

  free (result.pixels);
  result = untouched (40, 36);
  for (long call = 1; call <= count.calls / 2; call += step) /* threads may ask less often */
    {
      Watch          watch = { .cancel_at = call };
      const WctHooks hooks = { &watch, NULL, watch_canceled };

      assert_int_equal (run_job_with (backend, &params, &style, NULL, in_files, &content, &result, &hooks, &err),
                        WCT_CANCELED);
      assert_untouched (&result);
      assert_int_equal (wct_mem_used (), before);
      assert_int_equal (nameless_files (), files);
    }
  free (result.pixels);
  free (content.pixels);
  free (style.pixels);
}

static void
cancel_at_every_stage_writes_nothing_and_leaves_nothing (void **state)
{
  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    cancel_at_every_stage (backend, false, false);
    cancel_at_every_stage (backend, false, true);
  }
}

static void
cancel_at_every_stage_with_temporary_files_writes_nothing_and_leaves_nothing (void **state)
{
  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    cancel_at_every_stage (backend, true, false);
  }
}

/* All of them, one after the other, until a run needs no more. */
static void
fail_each_allocation (const char *backend_name, bool all_later, bool in_files, const WctParams *params)
{
  WctImage style = noise (30, 30, 1), content = noise (40, 36, 2), mask = new_picture (8, 8, 1);

  for (int i = 0; i < 40; i++)
    mask.pixels[i] = 1;
  for (long n = 1;; n++)
    {
      const size_t before = wct_mem_used ();
      const int    files = nameless_files ();
      WctImage     result = untouched (40, 36);
      WctBackend  *backend = NULL;
      WctError     err = { .status = WCT_OK };

      wct_mem_test_fail (n, all_later);
      WctStatus status = wct_backend_open (backend_name, 2, &backend, &err);
      if (status == WCT_OK)
        status = run_job_with (backend, params, &style, &mask, in_files, &content, &result, NULL, &err);
      wct_backend_close (&backend);
      const bool happened = wct_mem_test_fail (0, false) >= n;
      if (happened)
        {
          assert_int_equal (status, WCT_ERR_NO_MEMORY);
          assert_true (strlen (err.message) > 0);
          assert_untouched (&result);
        }
      assert_int_equal (wct_mem_used (), before);
      assert_int_equal (nameless_files (), files);
      free (result.pixels);
      if (!happened)
        {
          assert_true (status == WCT_OK || status == WCT_ERR_UNSUPPORTED);
          break;
        }
    }
  free (mask.pixels);
  free (content.pixels);
  free (style.pixels);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  WctParams params = default_params ();

  (void)state;
  for (size_t name = 0; name < 2; name++)
    for (int all_later = 0; all_later < 2; all_later++)
      fail_each_allocation (backend_names[name], all_later, false, &params);
  params.seamless = 1;
  fail_each_allocation (backend_names[0], false, false, &params);
}

static void
an_allocation_that_fails_with_temporary_files_is_a_sentence_and_leaves_nothing (void **state)
{
  WctParams params = default_params ();

  (void)state;
  for (size_t name = 0; name < 2; name++)
    {
      params.seamless = name == 0;
      fail_each_allocation (backend_names[name], false, true, &params);
    }
}

static void
an_allocation_that_fails_where_the_original_is_kept_is_a_sentence_and_leaves_nothing (void **state)
{
  WctParams params = default_params ();

  (void)state;
  params.keep_colors = 50;
  params.working_size = 20;
  fail_each_allocation ("auto", false, false, &params);
  fail_each_allocation ("auto", false, true, &params);
}

/* ---- Limits of memory --------------------------------------------------------------------------------------- */

/* A job with everything that it is made of. */
typedef struct
{
  WctImage  content, expected, got;
  WctImage  style_pictures[2], masks[2];
  WctStyle *styles[2];
  WctJob   *job;
} Desk;

typedef enum
{
  PLAIN,
  MASKED, /* two styles, in two regions that leave some of the picture out */
  SOFT,   /* two that fade into each other */
  TWO_PASSES,
  KEPT_COLORS,
  REDUCED,  /* masked, with two passes and kept colors, too */
  SEAMLESS, /* two passes */
  SEAMLESS_MASKED,
  VARIANTS
} Variant;

static const char *const variant_names[] = { "plain",       "masked",  "soft masks", "two passes",
                                             "kept colors", "reduced", "seamless",   "seamless masked" };

static bool
is_masked (Variant variant)
{
  return variant == MASKED || variant == SOFT || variant == REDUCED || variant == SEAMLESS_MASKED;
}

static WctImage
split_mask (bool right)
{
  WctImage mask = new_picture (10, 10, 1);

  for (int y = 0; y < 10; y++)
    for (int x = 0; x < 10; x++)
      mask.pixels[y * 10 + x] = right ? x > 6 : x + y < 9;
  return mask;
}

static Desk
new_desk (WctBackend *backend, Variant variant, int32_t width, int32_t height)
{
  WctParams params = default_params ();
  Desk      desk = { .content = noise (width, height, 2),
                     .expected = untouched (width, height),
                     .got = untouched (width, height),
                     .style_pictures = { noise (50, 40, 1), flat (33, 32, 0.25f) },
                     .masks = { split_mask (false), split_mask (true) } };
  WctRegion regions[2];
  WctError  err;

  for (int i = 0; i < 2; i++)
    regions[i] = (WctRegion){ .mask = desk.masks[i], .style_count = 1, .styles = &desk.styles[i] };
  for (int i = 0; i < 100 && variant == SOFT; i++)
    {
      desk.masks[0].pixels[i] = 1 - (float)(i % 10) / 9;
      desk.masks[1].pixels[i] = fmaxf ((float)(i % 10 + i / 10 - 8) / 12, 0);
    }
  params.hard_masks = variant == MASKED;
  params.passes = variant == TWO_PASSES || variant == REDUCED || variant == SEAMLESS ? 2 : 1;
  params.keep_colors = variant == KEPT_COLORS || variant == REDUCED ? 70 : 0;
  params.working_size = variant == REDUCED ? (width > height ? width : height) * 2 / 3 : 0;
  params.seamless = variant == SEAMLESS || variant == SEAMLESS_MASKED;
  wct_noise_fill_rows (&(WctImage){ desk.style_pictures[1].pixels, 33, 16, 3, 33 * 3 * sizeof (float) }, 0, 3);
  for (int i = 0; i < 2; i++)
    must (wct_style_measure (model, backend, &desk.style_pictures[i], 31, NULL, &desk.styles[i], &err), &err);
  must (wct_job_new (&(WctJobSpec){ .model = model,
                                    .backend = backend,
                                    .params = &params,
                                    .style_count = 1,
                                    .styles = desk.styles,
                                    .region_count = is_masked (variant) ? 2 : 0,
                                    .regions = regions },
                     &desk.job, &err),
        &err);
  return desk;
}

static void
clear_desk (Desk *desk)
{
  wct_job_free (&desk->job);
  for (int i = 0; i < 2; i++)
    {
      wct_style_unref (&desk->styles[i]);
      free (desk->style_pictures[i].pixels);
      free (desk->masks[i].pixels);
    }
  free (desk->got.pixels);
  free (desk->expected.pixels);
  free (desk->content.pixels);
}

static size_t
memory_within (const Desk *desk, size_t limit)
{
  WctError err;
  size_t   needed = 0;

  wct_job_limit_memory (desk->job, limit);
  must (wct_job_memory (desk->job, desk->content.width, desk->content.height, &needed, &err), &err);
  return needed;
}

static void
run_without_limit (Desk *desk)
{
  const int files = nameless_files ();
  WctError  err;

  memory_within (desk, SIZE_MAX / 2);
  assert_false (wct_job_uses_files (desk->job));
  must (wct_job_run (desk->job, &desk->content, &desk->expected, NULL, &err), &err);
  assert_false (wct_job_uses_files (desk->job));
  assert_int_equal (nameless_files (), files);
}

/* Runs with less and less memory until that is refused. Returns the number of runs with files. */
static int
run_with_less_and_less (const char *backend_name, Variant variant, Desk *desk, int files_before)
{
  size_t   limit = memory_within (desk, SIZE_MAX / 2) - 1;
  int      runs = 0;
  WctError err;

  for (size_t needed; (needed = memory_within (desk, limit)) <= limit; limit = needed - 1)
    {
      const bool uses_files = wct_job_uses_files (desk->job);

      memset (desk->got.pixels, 99, picture_bytes (&desk->got));
      must (wct_job_run (desk->job, &desk->content, &desk->got, NULL, &err), &err);
      assert_int_equal (wct_job_uses_files (desk->job), uses_files);
      assert_int_equal (nameless_files () > files_before, uses_files);
      runs += uses_files;
      if (memcmp (desk->got.pixels, desk->expected.pixels, picture_bytes (&desk->got)) != 0)
        fail_msg ("%s, %s, %d×%d: within %zu bytes the result is another one, by up to %g", backend_name,
                  variant_names[variant], desk->content.width, desk->content.height, limit,
                  largest_difference (&desk->got, &desk->expected));
    }
  assert_int_equal (wct_job_begin (desk->job, desk->content.width, desk->content.height, &err), WCT_ERR_NO_MEMORY);
  return runs;
}

static void
a_limit_of_memory_changes_no_bit (void **state)
{
  const int32_t sizes[][2] = { { 1, 1 }, { 17, 33 }, { 300, 500 }, { 700, 90 } };

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (size_t i = 0; i < (backend_index == 0 ? 4 : 2); i++) /* the reference takes its time */
      for (Variant variant = PLAIN; variant < VARIANTS; variant++)
        {
          const int files = nameless_files ();
          Desk      desk = new_desk (backend, variant, sizes[i][0], sizes[i][1]);

          run_without_limit (&desk);
          assert_true (run_with_less_and_less (backend_names[backend_index], variant, &desk, files) > 0);
          clear_desk (&desk);
          assert_int_equal (nameless_files (), files);
        }
  }
}

static void
a_limit_of_memory_is_kept (void **state)
{
  WctError err;

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (Variant variant = PLAIN; variant < VARIANTS; variant++)
      {
        Desk desk = new_desk (backend, variant, 300, 200);

        wct_backend_close (&backend); /* what it kept of the style's size would count */
        clear_desk (&desk);
        backend = open_backend (backend_names[backend_index], 2);
        desk = new_desk (backend, variant, 300, 200);
        const size_t before = wct_mem_used (), limit = memory_within (&desk, 1);
        memory_within (&desk, limit);
        wct_mem_peak (true);
        must (wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err), &err);
        const size_t measured = wct_mem_peak (false) - before;
        if (measured > limit + limit / 10) /* some tables are not counted */
          fail_msg ("%s, %s: %zu bytes were used, %zu allowed", backend_names[backend_index], variant_names[variant],
                    measured, limit);
        clear_desk (&desk);
      }
  }
}

static void
too_little_memory_is_a_sentence_with_both_numbers_and_the_job_goes_on (void **state)
{
  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Desk         desk = new_desk (backend, PLAIN, 300, 200);
    const size_t least = memory_within (&desk, 1);
    char         expected[512];
    WctError     err;

    run_without_limit (&desk);
    for (size_t limit = 1; limit < least; limit = limit * 50 < least - 1 || limit == least - 1 ? limit * 50 : least - 1)
      {
        const size_t needed = memory_within (&desk, limit);

        if (needed <= limit) /* what the run before left behind */
          break;
        assert_int_equal (wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err), WCT_ERR_NO_MEMORY);
        snprintf (expected, sizeof expected,
                  "300×200 pixels need at least %.2f GB of memory and %.2f GB may be used; allow more, or make the "
                  "picture smaller",
                  (double)needed / 1e9, (double)limit / 1e9);
        assert_string_equal (err.message, expected);
        assert_untouched (&desk.got);
      }
    wct_job_limit_memory (desk.job, least);
    must (wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err), &err);
    assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
    wct_job_limit_memory (desk.job, 0);
    must (wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err), &err);
    assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
    assert_false (wct_job_uses_files (desk.job)); /* half of what is free is more than that */
    clear_desk (&desk);
  }
}

static void
a_folder_for_temporary_files_that_is_not_there_is_a_sentence_and_the_job_goes_on (void **state)
{
  WctBackend *backend = open_backend ("auto", 2);
  Desk        desk = new_desk (backend, PLAIN, 60, 50);
  const char *folder = getenv ("TMPDIR");
  char       *kept = folder == NULL ? NULL : strdup (folder);
  WctError    err;

  (void)state;
  run_without_limit (&desk);
  must (limit_to_the_least (desk.job, 60, 50, &err), &err);
  setenv ("TMPDIR", "/nowhere/at-all", 1);
  const WctStatus status = wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err);
  if (kept != NULL)
    setenv ("TMPDIR", kept, 1);
  else
    unsetenv ("TMPDIR");
  free (kept);
  assert_int_equal (status, WCT_ERR_IO);
  assert_non_null (strstr (err.message, "/nowhere/at-all"));
  assert_untouched (&desk.got);
  must (wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err), &err);
  assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
  clear_desk (&desk);
  wct_backend_close (&backend);
}

static void
a_rerun_gives_the_bits_of_a_run_with_temporary_files_too (void **state)
{
  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctParams params = default_params ();
    Desk      desk = new_desk (backend, PLAIN, 50, 70);
    WctError  err;
    WctJob   *kept;

    params.seamless = backend_index == 0;
    must (wct_job_set_params (desk.job, &params, &err), &err);
    kept = new_job (backend, &params, desk.styles[0]);
    wct_job_keep (kept);
    must (limit_to_the_least (kept, 50, 70, &err), &err);
    must (wct_job_run (kept, &desk.content, &desk.got, NULL, &err), &err);
    assert_true (wct_job_uses_files (kept));
    for (int level = 0; level < WCT_LEVELS; level++)
      {
        params.alpha[level] = 0.3;
        must (wct_job_set_params (kept, &params, &err), &err);
        must (wct_job_rerun (kept, &desk.got, NULL, &err), &err);
        must (wct_job_set_params (desk.job, &params, &err), &err);
        run_without_limit (&desk);
        assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
      }
    wct_job_free (&kept);
    clear_desk (&desk);
  }
}

/* ---- A run in four steps ------------------------------------------------------------------------------------ */

/* A view of some rows. */
static WctImage
rows_of (const WctImage *image, int32_t first, int32_t count)
{
  return (WctImage){ image->pixels + (size_t)first * image->row_stride_bytes / sizeof (float), image->width, count,
                     image->channels, image->row_stride_bytes };
}

/* Strips of 1, 2, 3, … rows, in an order that goes up and down. Returns how many there are. */
static int
cut_into_strips (int32_t height, int32_t (*strips)[2])
{
  int count = 0;

  for (int32_t y = 0; y < height; y += strips[count++][1])
    {
      strips[count][0] = y;
      strips[count][1] = count + 1 < height - y ? count + 1 : height - y;
    }
  for (int i = 0; i < count / 2; i += 2)
    for (int part = 0; part < 2; part++)
      {
        const int32_t kept = strips[i][part];

        strips[i][part] = strips[count - 1 - i][part];
        strips[count - 1 - i][part] = kept;
      }
  return count;
}

static void
rows_may_be_put_in_any_order_and_got_in_any (void **state)
{
  enum
  {
    WIDTH = 53,
    HEIGHT = 100
  };
  int32_t   strips[HEIGHT][2];
  const int count = cut_into_strips (HEIGHT, strips);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (int way = 0; way < 2 * VARIANTS; way++)
      {
        const bool in_files = way % 2;
        Desk       desk = new_desk (backend, (Variant)(way / 2), WIDTH, HEIGHT);
        WctError   err;

        run_without_limit (&desk);
        if (in_files)
          must (limit_to_the_least (desk.job, WIDTH, HEIGHT, &err), &err);
        must (wct_job_begin (desk.job, WIDTH, HEIGHT, &err), &err);
        assert_int_equal (wct_job_uses_files (desk.job), in_files);
        for (int i = 0; i < count; i++)
          {
            const WctImage rows = rows_of (&desk.content, strips[i][0], strips[i][1]);

            must (wct_job_put_rows (desk.job, &rows, strips[i][0], &err), &err);
          }
        must (wct_job_process (desk.job, NULL, &err), &err);
        for (int again = 0; again < 2; again++)
          {
            memset (desk.got.pixels, 99, picture_bytes (&desk.got));
            for (int i = count - 1; i >= 0; i--)
              {
                WctImage rows = rows_of (&desk.got, strips[i][0], strips[i][1]);

                must (wct_job_get_rows (desk.job, strips[i][0], &rows, &err), &err);
              }
            assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
          }
        clear_desk (&desk);
      }
  }
}

static void
rows_that_are_missing_or_outside_are_refused (void **state)
{
  const int32_t outside[] = { -1, 18, 21, INT32_MAX, INT32_MIN };
  WctBackend   *backend = open_backend ("auto", 2);
  Desk          desk = new_desk (backend, PLAIN, 30, 20);
  WctImage      narrow = noise (29, 3, 4), gray = new_picture (30, 3, 1), bad = noise (30, 3, 5);
  WctImage      some = rows_of (&desk.content, 0, 3), rest = rows_of (&desk.content, 3, 17), got = untouched (30, 3);
  WctError      err;

  (void)state;
  run_without_limit (&desk);
  must (wct_job_begin (desk.job, 30, 20, &err), &err);
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
    {
      char sentence[128];

      snprintf (sentence, sizeof sentence,
                "content: 3 rows of 30 pixels from row %d on do not lie in a picture of 30×20", outside[i]);
      assert_int_equal (wct_job_put_rows (desk.job, &some, outside[i], &err), WCT_ERR_ARGUMENT);
      assert_string_equal (err.message, sentence);
    }
  assert_int_equal (wct_job_put_rows (desk.job, &narrow, 0, &err), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_job_put_rows (desk.job, &gray, 0, &err), WCT_ERR_ARGUMENT);
  bad.pixels[30 * 3 + 4] = NAN;
  assert_int_equal (wct_job_put_rows (desk.job, &bad, 7, &err), WCT_ERR_NUMERIC);
  assert_string_equal (err.message, "content: channel 1 of the pixel at column 1, row 8 is not a finite number");

  /* None of them counts. */
  assert_int_equal (wct_job_process (desk.job, NULL, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "0 rows were put in and the picture has 20; each is needed once");
  must (wct_job_put_rows (desk.job, &rest, 3, &err), &err);
  assert_int_equal (wct_job_process (desk.job, NULL, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "17 rows were put in and the picture has 20; each is needed once");
  must (wct_job_put_rows (desk.job, &some, 0, &err), &err);
  must (wct_job_process (desk.job, NULL, &err), &err);
  must (wct_job_get_rows (desk.job, 0, &desk.got, &err), &err);
  assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));

  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
    assert_int_equal (wct_job_get_rows (desk.job, outside[i], &got, &err), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_job_get_rows (desk.job, 0, &narrow, &err), WCT_ERR_ARGUMENT);
  assert_untouched (&got);
  assert_int_equal (wct_job_process (desk.job, NULL, &err), WCT_ERR_ARGUMENT); /* the picture is used up */
  free (got.pixels);
  free (bad.pixels);
  free (gray.pixels);
  free (narrow.pixels);
  clear_desk (&desk);
  wct_backend_close (&backend);
}

static void
refuses_to_be_read (const Desk *desk)
{
  WctImage got = untouched (desk->content.width, desk->content.height);
  WctError err;

  assert_int_equal (wct_job_get_rows (desk->job, 0, &got, &err), WCT_ERR_ARGUMENT);
  assert_untouched (&got);
  free (got.pixels);
}

static void
a_result_cannot_be_read_before_the_job_has_run (void **state)
{
  WctBackend    *backend = open_backend ("auto", 2);
  Desk           desk = new_desk (backend, PLAIN, 30, 20);
  Watch          watch = { .cancel_at = 3 };
  const WctHooks hooks = { &watch, NULL, watch_canceled };
  WctError       err;

  (void)state;
  refuses_to_be_read (&desk);
  assert_int_equal (wct_job_put_rows (desk.job, &desk.content, 0, &err), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_job_process (desk.job, NULL, &err), WCT_ERR_ARGUMENT);
  must (wct_job_begin (desk.job, 30, 20, &err), &err);
  refuses_to_be_read (&desk);
  must (wct_job_put_rows (desk.job, &desk.content, 0, &err), &err);
  refuses_to_be_read (&desk);
  assert_int_equal (wct_job_process (desk.job, &hooks, &err), WCT_CANCELED);
  refuses_to_be_read (&desk);
  assert_int_equal (wct_job_process (desk.job, NULL, &err), WCT_ERR_ARGUMENT);
  must (wct_job_begin (desk.job, 30, 20, &err), &err);
  must (wct_job_put_rows (desk.job, &desk.content, 0, &err), &err);
  must (wct_job_process (desk.job, NULL, &err), &err);
  must (wct_job_get_rows (desk.job, 0, &desk.got, &err), &err);
  must (wct_job_begin (desk.job, 30, 20, &err), &err); /* the next run */
  refuses_to_be_read (&desk);
  clear_desk (&desk);
  wct_backend_close (&backend);
}

/* What is refused, or asked for, between two steps takes no picture away that the next step would look for. */
static void
rows_are_refused_where_no_room_was_made_for_them (void **state)
{
  WctBackend *backend = open_backend ("auto", 2);
  Desk        desk = new_desk (backend, PLAIN, 30, 20);
  WctImage    other = noise (40, 20, 6);
  WctError    err;
  size_t      needed;

  (void)state;
  wct_job_limit_memory (desk.job, 1);
  assert_int_equal (wct_job_begin (desk.job, 30, 20, &err), WCT_ERR_NO_MEMORY);
  assert_int_equal (wct_job_put_rows (desk.job, &desk.content, 0, &err), WCT_ERR_ARGUMENT);

  wct_job_limit_memory (desk.job, 0);
  must (wct_job_begin (desk.job, 30, 20, &err), &err);
  must (wct_job_memory (desk.job, 40, 20, &needed, &err), &err);
  assert_int_equal (wct_job_put_rows (desk.job, &other, 0, &err), WCT_ERR_ARGUMENT);

  must (wct_job_begin (desk.job, 30, 20, &err), &err);
  must (wct_job_put_rows (desk.job, &desk.content, 0, &err), &err);
  must (wct_job_memory (desk.job, 40, 20, &needed, &err), &err);
  assert_int_equal (wct_job_process (desk.job, NULL, &err), WCT_ERR_ARGUMENT);
  free (other.pixels);
  clear_desk (&desk);
  wct_backend_close (&backend);
}

static void
a_result_stays_or_is_refused_where_the_limit_changed_after_the_run (void **state)
{
  WctBackend *backend = open_backend ("auto", 2);
  Desk        desk = new_desk (backend, PLAIN, 30, 20);
  WctError    err;

  (void)state;
  run_without_limit (&desk);
  memory_within (&desk, 1); /* the picture would go to a file */
  const WctStatus status = wct_job_get_rows (desk.job, 0, &desk.got, &err);
  if (status == WCT_OK)
    assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
  else
    assert_int_equal (status, WCT_ERR_ARGUMENT);
  clear_desk (&desk);
  wct_backend_close (&backend);
}

static void
a_rerun_is_right_or_refused_where_the_limit_changed_after_the_run (void **state)
{
  WctBackend *backend = open_backend ("auto", 2);
  Desk        desk = new_desk (backend, PLAIN, 30, 20);
  WctError    err;

  (void)state;
  wct_job_keep (desk.job);
  run_without_limit (&desk);
  memory_within (&desk, 1);
  const WctStatus status = wct_job_rerun (desk.job, &desk.got, NULL, &err);
  if (status == WCT_OK)
    assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
  else
    assert_int_equal (status, WCT_ERR_ARGUMENT);
  clear_desk (&desk);
  wct_backend_close (&backend);
}

/* ---- Memory that is foretold -------------------------------------------------------------------------------- */

static void
memory_is_foretold_within_a_quarter (void **state)
{
  WctParams params = default_params ();
  WctImage  style_picture = noise (64, 64, 1);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (int32_t side = 64; side <= 256; params.seamless = !params.seamless, side *= params.seamless ? 1 : 2)
      {
        WctImage  content = noise (side, side, 2), result = untouched (side, side);
        WctStyle *style = NULL;
        WctJob   *job = NULL;
        WctError  err;
        size_t    foretold = 0;

        must (wct_style_measure (model, backend, &style_picture, wct_model_levels (model), NULL, &style, &err), &err);
        wct_backend_close (&backend); /* what it kept of the style's size would count */
        backend = open_backend (backend_names[backend_index], 2);
        must (wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &style, NULL, 0, NULL }, &job, &err), &err);
        const size_t before = wct_mem_used ();
        must (wct_job_memory (job, side, side, &foretold, &err), &err);
        wct_mem_peak (true);
        must (wct_job_run (job, &content, &result, NULL, &err), &err);
        const double measured = (double)(wct_mem_peak (false) - before);
        if (fabs ((double)foretold / measured - 1) > 0.25)
          fail_msg ("%s%s, %d×%d: foretold %zu, measured %.0f bytes, allowed a quarter off",
                    backend_names[backend_index], params.seamless ? ", seamless" : "", side, side, foretold, measured);
        wct_job_free (&job);
        wct_style_unref (&style);
        free (result.pixels);
        free (content.pixels);
      }
  }
  free (style_picture.pixels);
}

/* Three styles, blended anew between runs: whole runs, and reruns, which then begin at the deepest level. */
static void
other_weights_are_another_job_with_them (void **state)
{
  static const double weights[][3] = { { 3, 1, 0 }, { 0, 0, 2 }, { 1, 1, 1 }, { 0.2, 0.5, 0.3 } };
  WctImage            pictures[3] = { noise (48, 32, 2), flat (33, 32, 0.25f), noise (32, 50, 3) };
  const WctImage      content = noise (40, 24, 1);
  const WctParams     params = default_params ();

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctImage  expected = new_picture (40, 24, 3), got = untouched (40, 24);
    WctStyle *styles[3] = { NULL };
    WctJob   *job = NULL, *other = NULL;
    WctError  err;

    for (int i = 0; i < 3; i++)
      must (wct_style_measure (model, backend, &pictures[i], 31, NULL, &styles[i], &err), &err);
    must (wct_job_new (&(WctJobSpec){ model, backend, &params, 3, styles, NULL, 0, NULL }, &job, &err), &err);
    wct_job_keep (job);
    must (wct_job_run (job, &content, &got, NULL, &err), &err);
    for (int i = 0; i < 5; i++)
      {
        const double    *blend = i < 4 ? weights[i] : NULL;
        const WctJobSpec spec = { model, backend, &params, 3, styles, blend, 0, NULL };

        must (wct_job_new (&spec, &other, &err), &err);
        must (wct_job_run (other, &content, &expected, NULL, &err), &err);
        wct_job_free (&other);
        must (wct_job_set_weights (job, 0, blend, &err), &err);
        must (i % 2 == 0 ? wct_job_rerun (job, &got, NULL, &err) : wct_job_run (job, &content, &got, NULL, &err), &err);
        assert_float_equal (largest_difference (&expected, &got), 0, 0);
      }

    /* Alone, a style is what a job of it alone is. */
    must (wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &styles[1], NULL, 0, NULL }, &other, &err), &err);
    must (wct_job_run (other, &content, &expected, NULL, &err), &err);
    must (wct_job_set_weights (job, 0, (const double[]){ 0, 5, 0 }, &err), &err);
    must (wct_job_rerun (job, &got, NULL, &err), &err);
    assert_float_equal (largest_difference (&expected, &got), 0, 0);

    wct_job_free (&other);
    wct_job_free (&job);
    for (int i = 0; i < 3; i++)
      wct_style_unref (&styles[i]);
    free (got.pixels);
    free (expected.pixels);
  }
  for (int i = 0; i < 3; i++)
    free (pictures[i].pixels);
  free (content.pixels);
}

/* One region's weights change, the other's stay; styles outlive their owner's reference. */
static void
weights_of_a_region_are_its_own (void **state)
{
  static const double weights[2] = { 1, 4 };
  const WctParams     params = default_params ();

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Desk      desk = new_desk (backend, PLAIN, 40, 24);
    WctRegion regions[2];
    WctJob   *job = NULL, *other = NULL;
    WctError  err;

    for (int i = 0; i < 2; i++)
      regions[i] = (WctRegion){ .mask = desk.masks[i], .style_count = 2, .styles = desk.styles };
    const WctJobSpec spec = {
      .model = model, .backend = backend, .params = &params, .region_count = 2, .regions = regions
    };
    must (wct_job_new (&spec, &job, &err), &err);
    regions[1].weights = weights;
    must (wct_job_new (&spec, &other, &err), &err);
    must (wct_job_run (other, &desk.content, &desk.expected, NULL, &err), &err);
    wct_job_free (&desk.job);
    for (int i = 0; i < 2; i++)
      wct_style_unref (&desk.styles[i]);
    wct_job_free (&other);

    must (wct_job_set_weights (job, 1, weights, &err), &err);
    must (wct_job_run (job, &desk.content, &desk.got, NULL, &err), &err);
    assert_float_equal (largest_difference (&desk.expected, &desk.got), 0, 0);
    wct_job_free (&job);
    clear_desk (&desk);
  }
}

/* And the blend stays as it was. */
static void
bad_weights_are_refused_and_change_nothing (void **state)
{
  static const struct
  {
    size_t      region;
    double      weight;
    const char *sentence;
  } cases[] = { { 0, -1, "weight 1 is -1; weights are 0 or more" },
                { 0, NAN, "weight 1 is nan; weights are 0 or more" },
                { 0, INFINITY, "weight 1 is inf; weights are 0 or more" },
                { 0, 0, "the weights add up to 0; at least one must be above 0" },
                { 1, 1, "there is no region 1; the job has 1, counted from 0" } };

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Desk     desk = new_desk (backend, PLAIN, 24, 24);
    WctError err;

    must (wct_job_run (desk.job, &desk.content, &desk.expected, NULL, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
      {
        assert_int_equal (wct_job_set_weights (desk.job, cases[i].region, &cases[i].weight, &err), WCT_ERR_ARGUMENT);
        assert_string_equal (err.message, cases[i].sentence);
      }
    wct_mem_test_fail (1, true);
    assert_int_equal (wct_job_set_weights (desk.job, 0, NULL, &err), WCT_ERR_NO_MEMORY);
    wct_mem_test_fail (0, false);
    must (wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err), &err);
    assert_float_equal (largest_difference (&desk.expected, &desk.got), 0, 0);
    clear_desk (&desk);
  }
}

static int
load_models (void **state)
{
  char     path[4096];
  WctError err;

  (void)state;
  snprintf (path, sizeof path, "%s/tiny.safetensors", getenv ("WCT_TEST_MODELS"));
  must (wct_model_load (path, &model, &err), &err);
  must (wct_model_load (path, &other_model, &err), &err);
  return 0;
}

/* ---- What is taken back from the original -------------------------------------------------------------------- */

static float
luma_of (const float *pixel)
{
  return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
}

static void
run_with_colors (Desk *desk, double keep_colors, WctImage *result)
{
  WctParams params = default_params ();
  WctError  err;

  params.keep_colors = keep_colors;
  must (wct_job_set_params (desk->job, &params, &err), &err);
  must (wct_job_run (desk->job, &desk->content, result, NULL, &err), &err);
}

static void
kept_colors_are_the_contents_chroma_under_the_results_luminance (void **state)
{
  const double allowed = 1e-6; /* some roundings of floats around 1 */

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Desk desk = new_desk (backend, PLAIN, 40, 30);
    int  whole = 0;

    for (size_t i = 0; i < 40 * 30 * 3; i++) /* so that some of it fits */
      desk.content.pixels[i] = 0.5f + 0.1f * (desk.content.pixels[i] - 0.5f);
    run_with_colors (&desk, 0, &desk.expected);
    run_with_colors (&desk, 100, &desk.got);
    for (size_t i = 0; i < 40 * 30; i++)
      {
        const float *content = desk.content.pixels + 3 * i, *before = desk.expected.pixels + 3 * i;
        const float *after = desk.got.pixels + 3 * i;
        const float  luma = luma_of (before);
        bool         fits = true;

        assert_float_equal (luma_of (after), luma, allowed);
        for (int c = 0; c < 3; c++)
          fits &= luma + content[c] - luma_of (content) > 0 && luma + content[c] - luma_of (content) < 1;
        for (int c = 0; c < 3 && fits; c++)
          assert_float_equal (after[c] - luma, content[c] - luma_of (content), allowed);
        for (int c = 0; c < 3 && luma >= 0 && luma <= 1; c++)
          assert_true (after[c] > -allowed && after[c] < 1 + allowed);
        whole += fits;
      }
    assert_true (whole > 0);
    clear_desk (&desk);
  }
}

static void
a_share_of_colors_lies_between_none_and_all (void **state)
{
  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    Desk     desk = new_desk (backend, PLAIN, 40, 30);
    WctImage all = new_picture (40, 30, 3);

    run_with_colors (&desk, 0, &desk.expected);
    run_with_colors (&desk, 100, &all);
    run_with_colors (&desk, 30, &desk.got);
    for (size_t i = 0; i < 40 * 30 * 3; i++) /* roundings of floats around 1 */
      assert_float_equal (desk.got.pixels[i], 0.7f * desk.expected.pixels[i] + 0.3f * all.pixels[i], 1e-6);
    free (all.pixels);
    clear_desk (&desk);
  }
}

static void
other_colors_and_a_size_that_is_reached_change_no_bit_and_take_no_memory (void **state)
{
  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctParams    params = default_params ();
    Desk         desk = new_desk (backend, PLAIN, 40, 30);
    const size_t plain = memory_within (&desk, SIZE_MAX / 2);
    WctError     err;

    run_without_limit (&desk);
    params.working_size = 40;
    must (wct_job_set_params (desk.job, &params, &err), &err);
    assert_int_equal (memory_within (&desk, SIZE_MAX / 2), plain);
    must (wct_job_run (desk.job, &desk.content, &desk.got, NULL, &err), &err);
    assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
    params.keep_colors = 1;
    must (wct_job_set_params (desk.job, &params, &err), &err);
    assert_int_equal (memory_within (&desk, SIZE_MAX / 2), plain + picture_bytes (&desk.content));
    clear_desk (&desk);
  }
}

static bool
count_work (void *user)
{
  ++*(int *)user;
  return false;
}

static void
a_rerun_with_other_colors_gives_the_bits_of_a_run_and_computes_nothing (void **state)
{
  const double shares[] = { 100, 30, 0, 55 };

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (int32_t working_size = 0; working_size <= 30; working_size += 30)
      {
        WctParams      params = default_params ();
        Desk           desk = new_desk (backend, PLAIN, 50, 35);
        int            work = 0;
        const WctHooks hooks = { .user = &work, .canceled = count_work };
        WctError       err;
        WctJob        *kept;

        params.working_size = working_size;
        kept = new_job (backend, &params, desk.styles[0]);
        wct_job_keep (kept);
        must (wct_job_run (kept, &desk.content, &desk.got, NULL, &err), &err);
        for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
          {
            params.keep_colors = shares[i];
            must (wct_job_set_params (kept, &params, &err), &err);
            must (wct_job_rerun (kept, &desk.got, &hooks, &err), &err);
            must (wct_job_set_params (desk.job, &params, &err), &err);
            must (wct_job_run (desk.job, &desk.content, &desk.expected, NULL, &err), &err);
            assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
          }
        assert_int_equal (work, 0);
        params.alpha[0] = 0.2;
        must (wct_job_set_params (kept, &params, &err), &err);
        must (wct_job_rerun (kept, &desk.got, &hooks, &err), &err);
        must (wct_job_set_params (desk.job, &params, &err), &err);
        must (wct_job_run (desk.job, &desk.content, &desk.expected, NULL, &err), &err);
        assert_memory_equal (desk.got.pixels, desk.expected.pixels, picture_bytes (&desk.got));
        assert_true (work > 0);
        params.working_size = 25;
        must (wct_job_set_params (kept, &params, &err), &err);
        assert_int_equal (wct_job_rerun (kept, &desk.got, NULL, &err), WCT_ERR_ARGUMENT);
        wct_job_free (&kept);
        clear_desk (&desk);
      }
  }
}

static void
colors_asked_for_after_the_picture_was_put_in_are_refused (void **state)
{
  WctBackend *backend = open_backend ("auto", 2);
  Desk        desk = new_desk (backend, PLAIN, 30, 20);
  WctParams   params = default_params ();
  WctError    err;

  (void)state;
  params.keep_colors = 10;
  must (wct_job_begin (desk.job, 30, 20, &err), &err);
  must (wct_job_put_rows (desk.job, &desk.content, 0, &err), &err);
  must (wct_job_set_params (desk.job, &params, &err), &err);
  assert_int_equal (wct_job_process (desk.job, NULL, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "colors to keep were not asked for before the picture was put in");
  clear_desk (&desk);
  wct_backend_close (&backend);
}

static int
unload_models (void **state)
{
  (void)state;
  wct_model_unref (&other_model);
  wct_model_unref (&model);
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_size_from_one_pixel_gives_a_finite_picture),
    cmocka_unit_test (flat_and_gray_pictures_give_finite_pictures),
    cmocka_unit_test (the_number_of_threads_does_not_change_a_bit),
    cmocka_unit_test (a_job_runs_again_and_at_other_sizes_with_the_same_bits),
    cmocka_unit_test (other_strengths_are_another_job_with_them),
    cmocka_unit_test (a_frozen_job_maps_as_the_other_one_did),
    cmocka_unit_test (a_frozen_part_is_that_part_of_the_whole),
    cmocka_unit_test (a_rolled_picture_gives_the_rolled_tile),
    cmocka_unit_test (a_job_is_made_seamless_and_back_between_runs),
    cmocka_unit_test (a_rerun_gives_the_bits_of_a_run),
    cmocka_unit_test (a_rerun_that_was_canceled_is_no_run),
    cmocka_unit_test (strength_zero_is_the_autoencoder_alone),
    cmocka_unit_test (two_passes_are_two_runs),
    cmocka_unit_test (a_mask_over_everything_is_no_mask),
    cmocka_unit_test (hard_masks_of_one_pixel_or_none_leave_a_reconstruction),
    cmocka_unit_test (a_mask_of_a_fifth_everywhere_goes_a_fifth_of_the_way),
    cmocka_unit_test (a_later_region_covers_as_much_as_it_goes_itself),
    cmocka_unit_test (a_small_region_takes_the_whole_pictures_statistics),
    cmocka_unit_test (a_region_without_weight_changes_no_bit),
    cmocka_unit_test (a_region_has_strengths_of_its_own),
    cmocka_unit_test (a_region_blends_styles_as_a_job_does),
    cmocka_unit_test (soft_regions_are_the_same_on_all_back_ends),
    cmocka_unit_test (the_number_of_threads_does_not_change_a_bit_of_soft_regions),
    cmocka_unit_test (a_mask_that_comes_by_rows_is_that_mask),
    cmocka_unit_test (a_mask_with_a_row_missing_outside_or_not_a_number_is_refused),
    cmocka_unit_test (a_picture_that_is_not_finite_is_refused),
    cmocka_unit_test (a_bad_job_gets_one_sentence),
    cmocka_unit_test (progress_rises_to_one),
    cmocka_unit_test (cancel_at_every_stage_writes_nothing_and_leaves_nothing),
    cmocka_unit_test (cancel_at_every_stage_with_temporary_files_writes_nothing_and_leaves_nothing),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
    cmocka_unit_test (an_allocation_that_fails_with_temporary_files_is_a_sentence_and_leaves_nothing),
    cmocka_unit_test (a_limit_of_memory_changes_no_bit),
    cmocka_unit_test (a_limit_of_memory_is_kept),
    cmocka_unit_test (too_little_memory_is_a_sentence_with_both_numbers_and_the_job_goes_on),
    cmocka_unit_test (a_folder_for_temporary_files_that_is_not_there_is_a_sentence_and_the_job_goes_on),
    cmocka_unit_test (a_rerun_gives_the_bits_of_a_run_with_temporary_files_too),
    cmocka_unit_test (rows_may_be_put_in_any_order_and_got_in_any),
    cmocka_unit_test (rows_that_are_missing_or_outside_are_refused),
    cmocka_unit_test (a_result_cannot_be_read_before_the_job_has_run),
    cmocka_unit_test (memory_is_foretold_within_a_quarter),
    cmocka_unit_test (a_rerun_is_right_or_refused_where_the_limit_changed_after_the_run),
    cmocka_unit_test (a_result_stays_or_is_refused_where_the_limit_changed_after_the_run),
    cmocka_unit_test (rows_are_refused_where_no_room_was_made_for_them),
    cmocka_unit_test (an_allocation_that_fails_where_the_original_is_kept_is_a_sentence_and_leaves_nothing),
    cmocka_unit_test (kept_colors_are_the_contents_chroma_under_the_results_luminance),
    cmocka_unit_test (a_share_of_colors_lies_between_none_and_all),
    cmocka_unit_test (other_colors_and_a_size_that_is_reached_change_no_bit_and_take_no_memory),
    cmocka_unit_test (a_rerun_with_other_colors_gives_the_bits_of_a_run_and_computes_nothing),
    cmocka_unit_test (colors_asked_for_after_the_picture_was_put_in_are_refused),
    cmocka_unit_test (other_weights_are_another_job_with_them),
    cmocka_unit_test (weights_of_a_region_are_its_own),
    cmocka_unit_test (bad_weights_are_refused_and_change_nothing),
  };

  return cmocka_run_group_tests (tests, load_models, unload_models);
}
