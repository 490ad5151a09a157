/* The reference back end's training: small gradients computed by hand, refusals, and nothing left behind by failures.
 */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "mem.h"

#define USES_ALL (WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS)

static WctBackend *
open_reference (void)
{
  WctBackend *backend = NULL;
  WctError    err;

  if (wct_backend_open ("reference", 1, &backend, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return backend;
}

/* @kind convolves from one channel to one, all weights 1, no bias */
static WctLayer
layer_of_ones (WctLayerKind kind, bool relu)
{
  static const float ones[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, zero[1];

  return (WctLayer){ .kind = kind,
                     .conv = { .name = "ones", .in_c = 1, .out_c = 1, .weight = ones, .bias = zero, .relu = relu } };
}

typedef struct
{
  WctPacking *packing;
  WctChain   *chain;
  WctBatch   *in, *out, *out_gradient, *in_gradient;
} Run;

static void
free_run (const WctBackend *backend, Run *run)
{
  const WctTrainingOps *ops = backend->ops->training;

  ops->batch_free (backend->ctx, &run->in_gradient);
  ops->batch_free (backend->ctx, &run->out_gradient);
  ops->batch_free (backend->ctx, &run->out);
  ops->batch_free (backend->ctx, &run->in);
  ops->chain_free (backend->ctx, &run->chain);
  ops->packing_free (backend->ctx, &run->packing);
}

/* Everything that one chain needs. */
static WctStatus
make_run (const WctBackend *backend, const WctLayer *layers, int count, WctShape in, int32_t maps, Run *run,
          WctError *err)
{
  const WctTrainingOps *ops = backend->ops->training;
  const WctShape        out_shape = wct_layers_shape (layers, count, in);
  WctStatus             status;

  WCT_TRY (ops->packing_new (backend->ctx, layers, count, WCT_PRECISION_F32, USES_ALL, &run->packing, err));
  for (int i = 0; i < count; i++)
    WCT_TRY (ops->pack (backend->ctx, run->packing, i, err));
  WCT_TRY (ops->chain_new (backend->ctx, run->packing, in, maps, USES_ALL, &run->chain, err));
  WCT_TRY (ops->batch_new (backend->ctx, maps, in, &run->in, err));
  WCT_TRY (ops->batch_new (backend->ctx, maps, out_shape, &run->out, err));
  WCT_TRY (ops->batch_new (backend->ctx, maps, out_shape, &run->out_gradient, err));
  WCT_TRY (ops->batch_new (backend->ctx, maps, in, &run->in_gradient, err));

out:
  return status;
}

/* Of one map of one channel through one layer. */
static void
differentiate (const WctLayer *layer, int32_t h, int32_t w, const float *in, const float *out_gradient,
               float *in_gradient, float *weight_gradients)
{
  WctBackend           *backend = open_reference ();
  const WctTrainingOps *ops = backend->ops->training;
  Run                   run = { 0 };
  WctError              err;

  assert_int_equal (make_run (backend, layer, 1, (WctShape){ 1, h, w }, 1, &run, &err), WCT_OK);
  ops->batch_upload (backend->ctx, in, run.in, &err);
  ops->batch_upload (backend->ctx, out_gradient, run.out_gradient, &err);
  assert_int_equal (ops->forward (backend->ctx, run.chain, run.in, run.out, &err), WCT_OK);
  assert_int_equal (ops->backward (backend->ctx, run.chain, run.out_gradient, run.in_gradient, weight_gradients, &err),
                    WCT_OK);
  ops->batch_download (backend->ctx, run.in_gradient, in_gradient, &err);
  free_run (backend, &run);
  wct_backend_close (&backend);
}

static void
assert_values (const char *what, const float *got, const float *expected, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (got[i] != expected[i])
      fail_msg ("%s %zu: expected %g, got %g, allowed no difference", what, i, (double)expected[i], (double)got[i]);
}

/* ---- By hand -------------------------------------------------------------------------------------------------- */

/* With all weights and all gradients 1, a value's gradient is how often it is read. In a line of 4 padded to
 * (1 0 1 2 3 2) that is 2, 4, 4 and 2 times, and 3 rows of 1 pixel each read theirs 3 times. */
static void
a_gradient_is_as_large_as_reflection_repeats_its_pixel (void **state)
{
  const WctLayer layer = layer_of_ones (WCT_LAYER_CONV, false);
  const float    values[16] = { 0 };
  const float    ones[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
  const float    single[1] = { 9 }, line[4] = { 6, 12, 12, 6 }, pair[4] = { 9, 9, 9, 9 };
  const float    three[9] = { 4, 10, 4, 10, 25, 10, 4, 10, 4 };
  const float    three_of_line[3] = { 2, 5, 2 };
  float          got[16], unused[10] = { 0 };

  (void)state;
  differentiate (&layer, 1, 1, values, ones, got, unused);
  assert_values ("one pixel, gradient", got, single, 1);
  differentiate (&layer, 1, 4, values, ones, got, unused);
  assert_values ("line of 4, gradient", got, line, 4);
  differentiate (&layer, 4, 1, values, ones, got, unused);
  assert_values ("column of 4, gradient", got, line, 4);
  differentiate (&layer, 2, 2, values, ones, got, unused);
  assert_values ("2 by 2, gradient", got, pair, 4);
  differentiate (&layer, 3, 3, values, ones, got, unused);
  for (int i = 0; i < 9; i++)
    assert_true (three[i] == three_of_line[i / 3] * three_of_line[i % 3]);
  assert_values ("3 by 3, gradient", got, three, 9);
}

static void
weight_gradients_are_added_to_what_is_there (void **state)
{
  const WctLayer layer = layer_of_ones (WCT_LAYER_CONV, false);
  const float    in[2] = { 3, 5 }, out_gradient[2] = { 1, 10 };
  float          got[10] = { 100, 100, 100, 100, 100, 100, 100, 100, 100, 1000 }, unused[2];

  /* Each row of the kernel sees (5 3 5) for the first value and (3 5 3) for the second. */
  const float expected[10] = { 135, 153, 135, 135, 153, 135, 135, 153, 135, 1011 };

  (void)state;
  differentiate (&layer, 1, 2, in, out_gradient, unused, got);
  assert_values ("gradient of parameter", got, expected, 10);
}

static void
a_relu_stops_the_gradient_where_its_result_is_zero (void **state)
{
  const WctLayer layer = layer_of_ones (WCT_LAYER_EMBED, true);
  const float    in[4] = { -1, 0, 1e-30f, 2 }, out_gradient[4] = { 1, 2, 3, 4 }, expected[4] = { 0, 0, 3, 4 };
  const float    expected_weight[2] = { 8, 7 };
  float          got[4], weight[2] = { 0 };

  (void)state;
  differentiate (&layer, 2, 2, in, out_gradient, got, weight);
  assert_values ("gradient", got, expected, 4);
  assert_values ("gradient of parameter", weight, expected_weight, 2);
}

static void
the_first_maximum_of_a_window_takes_the_gradient (void **state)
{
  const WctLayer pool = { .kind = WCT_LAYER_POOL };
  const float    in[2 * 8] = { 7, 7, 1, 2, 1, 1, 0, 0, 7, 7, 2, 2, 3, 3, 0, 4 };
  const float    out_gradient[4] = { 1, 2, 3, 4 };
  const float    expected[2 * 8] = { 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 4 };
  float          got[16];

  (void)state;
  differentiate (&pool, 2, 8, in, out_gradient, got, NULL);
  assert_values ("gradient", got, expected, 16);
}

static void
upsampling_sums_the_gradients_of_its_four_copies (void **state)
{
  const WctLayer upsample = { .kind = WCT_LAYER_UPSAMPLE };
  const float    in[2] = { 0 }, out_gradient[8] = { 1, 2, 3, 4, 50, 60, 70, 80 }, expected[2] = { 113, 157 };
  float          got[2];

  (void)state;
  differentiate (&upsample, 1, 2, in, out_gradient, got, NULL);
  assert_values ("gradient", got, expected, 2);
}

/* With a gradient that never changes, corrected moments are that gradient: each step is one rate long. */
static void
adam_moves_by_the_rate_along_a_steady_gradient (void **state)
{
  WctBackend *backend = open_reference ();
  const float gradient[2] = { 3, -0.01f };
  float       parameters[2] = { 1, 1 }, first[2] = { 0 }, second[2] = { 0 };
  WctError    err;

  (void)state;
  for (int step = 1; step <= 10; step++)
    {
      const WctAdamStep adam = { .rate = 0.01f,
                                 .beta1 = 0.9f,
                                 .beta2 = 0.999f,
                                 .epsilon = 1e-12f,
                                 .correction1 = 1 - pow (0.9f, step),
                                 .correction2 = 1 - pow (0.999f, step),
                                 .gradient_scale = 0.5f };

      assert_int_equal (
        backend->ops->training->adam (backend->ctx, &adam, gradient, parameters, first, second, 2, NULL, &err), WCT_OK);
    }
  assert_float_equal (parameters[0], 1 - 10 * 0.01, 1e-5);
  assert_float_equal (parameters[1], 1 + 10 * 0.01, 1e-5);
  wct_backend_close (&backend);
}

/* ---- Refusals ------------------------------------------------------------------------------------------------- */

static void
other_precisions_than_f32_are_refused_with_a_sentence (void **state)
{
  const WctPrecision    refused[2] = { WCT_PRECISION_BF16, WCT_PRECISION_F16 };
  const char *const     names[2] = { "precision bf16: ", "precision f16: " };
  const WctLayer        layer = layer_of_ones (WCT_LAYER_CONV, false);
  WctBackend           *backend = open_reference ();
  const WctTrainingOps *ops = backend->ops->training;
  WctPacking           *packing = NULL;
  WctError              err;

  (void)state;
  assert_int_equal (ops->check_precision (backend->ctx, WCT_PRECISION_F32, &err), WCT_OK);
  for (int i = 0; i < 2; i++)
    {
      assert_int_equal (ops->check_precision (backend->ctx, refused[i], &err), WCT_ERR_UNSUPPORTED);
      assert_memory_equal (err.message, names[i], strlen (names[i]));
      assert_int_equal (ops->packing_new (backend->ctx, &layer, 1, refused[i], USES_ALL, &packing, &err),
                        WCT_ERR_UNSUPPORTED);
      assert_null (packing);
    }
  wct_backend_close (&backend);
}

static void
batches_larger_than_memory_are_refused (void **state)
{
  const WctShape        huge = { INT32_MAX, INT32_MAX, INT32_MAX };
  const WctLayer        layers[2] = { layer_of_ones (WCT_LAYER_CONV, false), layer_of_ones (WCT_LAYER_CONV, false) };
  WctBackend           *backend = open_reference ();
  const WctTrainingOps *ops = backend->ops->training;
  const size_t          before = wct_mem_used ();
  WctPacking           *packing = NULL;
  WctChain             *chain = NULL;
  WctBatch             *batch = NULL;
  WctError              err;

  (void)state;
  assert_int_equal (ops->batch_new (backend->ctx, INT32_MAX, huge, &batch, &err), WCT_ERR_NO_MEMORY);
  assert_null (batch);
  assert_int_equal (ops->packing_new (backend->ctx, layers, 2, WCT_PRECISION_F32, USES_ALL, &packing, &err), WCT_OK);
  assert_int_equal (ops->chain_new (backend->ctx, packing, huge, INT32_MAX, USES_ALL, &chain, &err), WCT_ERR_NO_MEMORY);
  assert_null (chain);
  ops->packing_free (backend->ctx, &packing);
  assert_int_equal (wct_mem_used (), before);
  wct_backend_close (&backend);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  const WctLayer layers[5] = { layer_of_ones (WCT_LAYER_CONV, true),
                               { .kind = WCT_LAYER_POOL },
                               layer_of_ones (WCT_LAYER_EMBED, true),
                               { .kind = WCT_LAYER_UPSAMPLE },
                               layer_of_ones (WCT_LAYER_CONV, false) };
  WctBackend    *backend = open_reference ();
  const size_t   before = wct_mem_used ();

  (void)state;
  for (int all_later = 0; all_later < 2; all_later++)
    for (long n = 1;; n++)
      {
        Run      run = { 0 };
        WctError err = { .status = WCT_OK };

        wct_mem_test_fail (n, all_later);
        const WctStatus status = make_run (backend, layers, 5, (WctShape){ 1, 4, 6 }, 2, &run, &err);
        const bool      happened = wct_mem_test_fail (0, false) >= n;
        free_run (backend, &run);
        assert_int_equal (wct_mem_used (), before);
        if (!happened)
          {
            assert_int_equal (status, WCT_OK);
            assert_true (n > 15);
            break;
          }
        assert_int_equal (status, WCT_ERR_NO_MEMORY);
        assert_true (strlen (err.message) > 0);
      }
  wct_backend_close (&backend);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_gradient_is_as_large_as_reflection_repeats_its_pixel),
    cmocka_unit_test (weight_gradients_are_added_to_what_is_there),
    cmocka_unit_test (a_relu_stops_the_gradient_where_its_result_is_zero),
    cmocka_unit_test (the_first_maximum_of_a_window_takes_the_gradient),
    cmocka_unit_test (upsampling_sums_the_gradients_of_its_four_copies),
    cmocka_unit_test (adam_moves_by_the_rate_along_a_steady_gradient),
    cmocka_unit_test (other_precisions_than_f32_are_refused_with_a_sentence),
    cmocka_unit_test (batches_larger_than_memory_are_refused),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
