/* Jobs on the tiny generated model: any size, any input, any failure, the same bits on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static WctStatus
run_job (WctBackend *backend, const WctParams *params, const WctImage *style_picture, const WctImage *masks,
         const WctImage *content, WctImage *result, const WctHooks *hooks, WctError *err)
{
  WctStyle *style = NULL;
  WctJob   *job = NULL;
  WctStatus status;

  WCT_TRY (wct_style_measure (model, backend, style_picture, wct_model_levels (model), hooks, &style, err));
  WCT_TRY (wct_job_new (&(WctJobSpec){ model, backend, params, 1, &style, NULL, masks }, &job, err));
  WCT_TRY (wct_job_run (job, content, result, hooks, err));

out:
  wct_job_free (&job);
  wct_style_unref (&style);
  return status;
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
  WctImage        style = noise (40, 30, 1);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
      {
        WctImage content = noise (sizes[i][0], sizes[i][1], 2), result = untouched (sizes[i][0], sizes[i][1]);
        WctError err;

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
    must (wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &style, NULL, NULL }, &job, &err), &err);
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
  const WctParams params = default_params ();
  WctImage        style = noise (50, 50, 1), content = noise (70, 45, 2), mask = new_picture (7, 4, 1);

  (void)state;
  for (int i = 0; i < 28; i++)
    mask.pixels[i] = 1;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctImage plain = untouched (70, 45), masked = untouched (70, 45);
    WctError err;

    must (run_job (backend, &params, &style, NULL, &content, &plain, NULL, &err), &err);
    must (run_job (backend, &params, &style, &mask, &content, &masked, NULL, &err), &err);
    assert_memory_equal (plain.pixels, masked.pixels, picture_bytes (&plain));
    free (masked.pixels);
    free (plain.pixels);
  }
  free (mask.pixels);
  free (content.pixels);
  free (style.pixels);
}

static void
masks_of_one_pixel_or_none_leave_a_reconstruction (void **state)
{
  WctParams params = default_params ();
  WctImage  style = noise (50, 50, 1), content = noise (64, 48, 2), mask = new_picture (64, 48, 1);

  (void)state;
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
  const double negative = -1, zero = 0, not_a_number = NAN;
  WctImage     color_mask = picture;

  const struct
  {
    WctJobSpec  spec;
    const char *sentence;
  } cases[] = {
    { { model, backend, &no_level, 1, &style, NULL, NULL }, "no level is on; turn on at least one of relu1 to relu5" },
    { { model, backend, &bad_alpha, 1, &style, NULL, NULL }, "relu4-alpha is 1.5; it goes from 0 to 1" },
    { { model, backend, &good, 0, &style, NULL, NULL }, "there is no style; at least one is needed" },
    { { model, backend, &good, 1, &shallow, NULL, NULL }, "style 1 was not measured at relu2_1" },
    { { model, backend, &good, 1, &foreign, NULL, NULL }, "style 1 was measured with another model" },
    { { model, backend, &good, 1, &style, &negative, NULL }, "weight 1 is -1; weights are 0 or more" },
    { { model, backend, &good, 1, &style, &not_a_number, NULL }, "weight 1 is nan; weights are 0 or more" },
    { { model, backend, &good, 1, &style, &zero, NULL }, "the weights add up to 0; at least one must be above 0" },
    { { model, backend, &good, 1, &style, NULL, &color_mask }, "mask: it has 3 channels, 1 are needed" },
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
    must (wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &style, NULL, NULL }, &job, &err), &err);
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
cancel_at_every_stage_writes_nothing_and_leaves_nothing (void **state)
{
  const WctParams params = default_params ();
  WctImage        style = noise (30, 30, 1), content = noise (40, 36, 2);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    WctImage       result = untouched (40, 36);
    WctError       err;
    Watch          count = { 0 };
    const WctHooks counting = { &count, NULL, watch_canceled };

    must (run_job (backend, &params, &style, NULL, &content, &result, &counting, &err), &err);
    const size_t before = wct_mem_used ();
    const long   step = count.calls > 400 ? count.calls / 200 : 1;

    free (result.pixels);
    result = untouched (40, 36);
    for (long call = 1; call <= count.calls / 2; call += step) /* threads may ask less often */
      {
        Watch          watch = { .cancel_at = call };
        const WctHooks hooks = { &watch, NULL, watch_canceled };

        assert_int_equal (run_job (backend, &params, &style, NULL, &content, &result, &hooks, &err), WCT_CANCELED);
        assert_untouched (&result);
        assert_int_equal (wct_mem_used (), before);
      }
    free (result.pixels);
  }
  free (content.pixels);
  free (style.pixels);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  const WctParams params = default_params ();
  WctImage        style = noise (30, 30, 1), content = noise (40, 36, 2), mask = new_picture (8, 8, 1);

  (void)state;
  for (int i = 0; i < 40; i++)
    mask.pixels[i] = 1;
  for (size_t name = 0; name < 2; name++)
    for (int all_later = 0; all_later < 2; all_later++)
      for (long n = 1;; n++)
        {
          const size_t before = wct_mem_used ();
          WctImage     result = untouched (40, 36);
          WctBackend  *backend = NULL;
          WctError     err = { .status = WCT_OK };

          wct_mem_test_fail (n, all_later);
          WctStatus status = wct_backend_open (backend_names[name], 2, &backend, &err);
          if (status == WCT_OK)
            status = run_job (backend, &params, &style, &mask, &content, &result, NULL, &err);
          wct_backend_close (&backend);
          const bool happened = wct_mem_test_fail (0, false) >= n;
          if (happened)
            {
              assert_int_equal (status, WCT_ERR_NO_MEMORY);
              assert_true (strlen (err.message) > 0);
              assert_untouched (&result);
            }
          assert_int_equal (wct_mem_used (), before);
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
memory_is_foretold_within_a_quarter (void **state)
{
  const WctParams params = default_params ();
  WctImage        style_picture = noise (64, 64, 1);

  (void)state;
  FOR_EACH_BACKEND (backend, 2)
  {
    for (int32_t side = 64; side <= 256; side *= 2)
      {
        WctImage  content = noise (side, side, 2), result = untouched (side, side);
        WctStyle *style = NULL;
        WctJob   *job = NULL;
        WctError  err;
        size_t    foretold = 0;

        must (wct_style_measure (model, backend, &style_picture, wct_model_levels (model), NULL, &style, &err), &err);
        wct_backend_close (&backend); /* what it kept of the style's size would count */
        backend = open_backend (backend_names[backend_index], 2);
        must (wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &style, NULL, NULL }, &job, &err), &err);
        const size_t before = wct_mem_used ();
        must (wct_job_memory (job, side, side, &foretold, &err), &err);
        wct_mem_peak (true);
        must (wct_job_run (job, &content, &result, NULL, &err), &err);
        const double measured = (double)(wct_mem_peak (false) - before);
        if (fabs ((double)foretold / measured - 1) > 0.25)
          fail_msg ("%s, %d×%d: foretold %zu, measured %.0f bytes, allowed a quarter off", backend_names[backend_index],
                    side, side, foretold, measured);
        wct_job_free (&job);
        wct_style_unref (&style);
        free (result.pixels);
        free (content.pixels);
      }
  }
  free (style_picture.pixels);
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
    cmocka_unit_test (a_rerun_gives_the_bits_of_a_run),
    cmocka_unit_test (a_rerun_that_was_canceled_is_no_run),
    cmocka_unit_test (strength_zero_is_the_autoencoder_alone),
    cmocka_unit_test (two_passes_are_two_runs),
    cmocka_unit_test (a_mask_over_everything_is_no_mask),
    cmocka_unit_test (masks_of_one_pixel_or_none_leave_a_reconstruction),
    cmocka_unit_test (a_picture_that_is_not_finite_is_refused),
    cmocka_unit_test (a_bad_job_gets_one_sentence),
    cmocka_unit_test (progress_rises_to_one),
    cmocka_unit_test (cancel_at_every_stage_writes_nothing_and_leaves_nothing),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
    cmocka_unit_test (memory_is_foretold_within_a_quarter),
  };

  return cmocka_run_group_tests (tests, load_models, unload_models);
}
