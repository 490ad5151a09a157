/* Other styles for a job that has its plans: the bits of another job, and nothing changed where they are refused. */
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

#define SIDE 40

static WctModel   *model, *other_model;
static WctBackend *backend;
static WctParams   params;
static float       pixels[3][SIDE * SIDE * 3]; /* content, result, result to compare with */
static WctImage    content, result, expected;

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("%s", err->message);
}

static WctImage
view (float *values)
{
  return (WctImage){ values, SIDE, SIDE, 3, SIDE * 3 * sizeof (float) };
}

/* @levels: bit (level - 1) */
static WctStyle *
measure (WctModel *with, uint64_t seed, unsigned levels)
{
  static float values[SIDE * SIDE * 3];
  WctImage     image = view (values);
  WctStyle    *style = NULL;
  WctError     err;

  wct_noise_fill (&image, seed);
  must (wct_style_measure (with, backend, &image, levels, NULL, &style, &err), &err);
  return style;
}

static WctJob *
new_job (size_t count, WctStyle *const *styles, const double *weights)
{
  WctJob  *job = NULL;
  WctError err;

  must (wct_job_new (&(WctJobSpec){ .model = model,
                                    .backend = backend,
                                    .params = &params,
                                    .style_count = count,
                                    .styles = styles,
                                    .weights = weights },
                     &job, &err),
        &err);
  return job;
}

static void
run (WctJob *job, WctImage *out)
{
  WctError err;

  must (wct_job_run (job, &content, out, NULL, &err), &err);
}

static void
assert_same_bits (void)
{
  assert_memory_equal (result.pixels, expected.pixels, sizeof pixels[0]);
}

static void
other_styles_are_another_job_with_them (void **state)
{
  const unsigned levels = wct_model_levels (model);
  const double   weights[] = { 1, 3 };
  WctStyle      *styles[] = { measure (model, 1, levels), measure (model, 2, levels), measure (model, 3, levels) };
  WctJob        *job = new_job (1, styles, NULL), *other = new_job (2, styles + 1, weights);
  WctError       err;

  (void)state;
  run (job, &result);
  run (other, &expected);
  assert_memory_not_equal (result.pixels, expected.pixels, sizeof pixels[0]);
  must (wct_job_set_styles (job, 2, styles + 1, weights, &err), &err);
  run (job, &result);
  assert_same_bits ();
  wct_job_free (&other);
  wct_job_free (&job);
  for (int i = 0; i < 3; i++)
    wct_style_unref (&styles[i]);
}

static void
a_run_before_is_not_gone_on_from (void **state)
{
  WctStyle *styles[] = { measure (model, 1, wct_model_levels (model)), measure (model, 2, wct_model_levels (model)) };
  WctJob   *job = new_job (1, styles, NULL);
  WctError  err;

  (void)state;
  wct_job_keep (job);
  run (job, &result);
  must (wct_job_set_styles (job, 1, styles + 1, NULL, &err), &err);
  assert_int_equal (wct_job_rerun (job, &result, NULL, &err), WCT_ERR_ARGUMENT);
  wct_job_free (&job);
  wct_style_unref (&styles[1]);
  wct_style_unref (&styles[0]);
}

static void
styles_that_do_not_fit_are_refused_and_the_job_keeps_its_own (void **state)
{
  const unsigned levels = wct_model_levels (model);
  const double   nothing = 0;
  WctStyle      *good = measure (model, 1, levels), *shallow = measure (model, 2, 1);
  WctStyle      *foreign = measure (other_model, 2, levels);
  WctJob        *job = new_job (1, &good, NULL);
  WctError       err;

  (void)state;
  run (job, &expected);
  assert_int_equal (wct_job_set_styles (job, 1, &shallow, NULL, &err), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_job_set_styles (job, 1, &foreign, NULL, &err), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_job_set_styles (job, 0, NULL, NULL, &err), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_job_set_styles (job, 1, &good, &nothing, &err), WCT_ERR_ARGUMENT);
  run (job, &result);
  assert_same_bits ();
  wct_job_free (&job);
  wct_style_unref (&foreign);
  wct_style_unref (&shallow);
  wct_style_unref (&good);
}

static void
a_job_with_masks_keeps_its_styles (void **state)
{
  float     light = 1;
  WctStyle *style = measure (model, 1, wct_model_levels (model));
  WctRegion region = { .mask = { &light, 1, 1, 1, sizeof light }, .style_count = 1, .styles = &style };
  WctJob   *job = NULL;
  WctError  err;

  (void)state;
  must (wct_job_new (
          &(WctJobSpec){ .model = model, .backend = backend, .params = &params, .region_count = 1, .regions = &region },
          &job, &err),
        &err);
  assert_int_equal (wct_job_set_styles (job, 1, &style, NULL, &err), WCT_ERR_ARGUMENT);
  wct_job_free (&job);
  wct_style_unref (&style);
}

static void
an_allocation_that_fails_is_a_sentence_and_the_job_keeps_its_styles (void **state)
{
  const unsigned levels = wct_model_levels (model);
  WctStyle      *styles[] = { measure (model, 1, levels), measure (model, 2, levels) };
  WctJob        *job = new_job (1, styles, NULL), *other = new_job (1, styles + 1, NULL);
  WctStatus      status = WCT_ERR_NO_MEMORY;
  size_t         used;
  WctError       err;

  (void)state;
  wct_job_free (&other); /* the style keeps its roots from now on */
  run (job, &expected);
  used = wct_mem_used ();
  for (long n = 1; status != WCT_OK; n++)
    {
      wct_mem_test_fail (n, false);
      status = wct_job_set_styles (job, 1, styles + 1, NULL, &err);
      wct_mem_test_fail (0, false);
      if (status == WCT_OK)
        break;
      assert_int_equal (status, WCT_ERR_NO_MEMORY);
      assert_int_equal (wct_mem_used (), used);
      run (job, &result);
      assert_same_bits ();
    }
  wct_job_free (&job);
  wct_style_unref (&styles[1]);
  wct_style_unref (&styles[0]);
}

static int
load (void **state)
{
  char     path[4096];
  WctError err;

  (void)state;
  snprintf (path, sizeof path, "%s/tiny.safetensors", getenv ("WCT_TEST_MODELS"));
  must (wct_model_load (path, &model, &err), &err);
  must (wct_model_load (path, &other_model, &err), &err);
  must (wct_backend_open ("auto", 2, &backend, &err), &err);
  wct_params_init (&params);
  content = view (pixels[0]);
  result = view (pixels[1]);
  expected = view (pixels[2]);
  wct_noise_fill (&content, 9);
  return 0;
}

static int
unload (void **state)
{
  (void)state;
  wct_backend_close (&backend);
  wct_model_unref (&other_model);
  wct_model_unref (&model);
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (other_styles_are_another_job_with_them),
    cmocka_unit_test (a_run_before_is_not_gone_on_from),
    cmocka_unit_test (styles_that_do_not_fit_are_refused_and_the_job_keeps_its_own),
    cmocka_unit_test (a_job_with_masks_keeps_its_styles),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_the_job_keeps_its_styles),
  };

  return cmocka_run_group_tests (tests, load, unload);
}
