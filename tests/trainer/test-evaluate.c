/* Scores against the same arithmetic over the plans of inference, on any number of threads. */
#include "evaluate.h"

#include "small-runs.h"
#include "ssim.h"

#define SIDE     48
#define PICTURES 5

static const WctShape picture_shape = { 3, SIDE, SIDE };

static WctPool *
new_pool (int threads)
{
  WctPool *pool = NULL;
  WctError err;

  must (wct_pool_new (threads, &pool, &err), &err);
  return pool;
}

static WctScore
evaluate (const char *name, int threads, const WctModel *model, int level, const float *images, float *results)
{
  WctBackend *backend = open_training_backend (name);
  WctPool    *pool = new_pool (threads);
  WctScore    score = { 0 };
  WctError    err;

  must (wct_evaluate (backend, pool, wct_model_encoder (model, level), wct_model_decoder (model, level), images,
                      PICTURES, SIDE, results, &score, &err),
        &err);
  wct_pool_free (&pool);
  wct_backend_close (&backend);
  return score;
}

static double
mean_squared_error (const float *a, const float *b, size_t count)
{
  double sum = 0;

  for (size_t i = 0; i < count; i++)
    sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
  return sum / (double)count;
}

/* The plain way, by reference's plans. @results: written */
static WctScore
plain_score (const WctModel *model, int level, const float *images, float *results)
{
  const WctNetwork *encoder = wct_model_encoder (model, level), *decoder = wct_model_decoder (model, level);
  const WctShape    shape = wct_layers_shape (encoder->layers, encoder->count, picture_shape);
  const size_t      values = floats_of (picture_shape, 1);
  float            *features = run_network (encoder, SIDE, PICTURES, images), *again;
  float            *made = run_plan (decoder->layers, decoder->count, shape, PICTURES, features);
  WctScore          score = { .pictures = PICTURES };
  WctError          err;

  again = run_network (encoder, SIDE, PICTURES, made);
  memcpy (results, made, PICTURES * values * sizeof (float));
  score.pixel = mean_squared_error (images, made, PICTURES * values);
  score.feature = mean_squared_error (features, again, floats_of (shape, PICTURES));
  for (size_t i = 0; i < PICTURES * values; i++)
    made[i] = fminf (fmaxf (made[i], 0), 1);
  for (size_t i = 0; i < PICTURES; i++)
    {
      double ssim;

      must (wct_ssim (images + i * values, made + i * values, SIDE, SIDE, &ssim, &err), &err);
      score.ssim += ssim / PICTURES;
      score.psnr += -10 * log10 (mean_squared_error (images + i * values, made + i * values, values)) / PICTURES;
    }
  free (again);
  free (made);
  free (features);
  return score;
}

/* Two ways to convolve differ by rounding, which the 26 layers of the tiny random network at relu5_1 raise to 2e-4 of
 * white; in scores it averages out. */
static void
scores_are_those_of_encoding_and_decoding_plainly (void **state)
{
  WctModel *model = load_model (model_path ("tiny"));
  float    *images = new_images (PICTURES, SIDE, 1);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    for (int level = 1; level <= WCT_LEVELS; level++)
      {
        const size_t   count = floats_of (picture_shape, PICTURES);
        float         *got = new_floats (count), *expected = new_floats (count);
        const WctScore score = evaluate (name, 2, model, level, images, got);
        const WctScore plain = plain_score (model, level, images, expected);

        assert_int_equal (score.pictures, PICTURES);
        assert_near ("PSNR", score.psnr, plain.psnr, 1e-3);
        assert_near ("SSIM", score.ssim, plain.ssim, 1e-4);
        assert_near_relative ("mean squared error of pixels", score.pixel, plain.pixel, 1e-4);
        assert_near_relative ("mean squared error of features", score.feature, plain.feature, 1e-4);
        for (size_t i = 0; i < count; i++)
          assert_near ("a pixel", got[i], expected[i], 1e-3);
        free (expected);
        free (got);
      }
  }
  free (images);
  wct_model_unref (&model);
}

static void
scores_do_not_depend_on_threads_bit_for_bit (void **state)
{
  const int threads[] = { 2, 5 };
  WctModel *model = load_model (model_path ("tiny"));
  float    *images = new_images (PICTURES, SIDE, 2);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    const size_t count = floats_of (picture_shape, PICTURES);
    float       *first_results = new_floats (count), *results = new_floats (count);

    for (int level = 1; level <= WCT_LEVELS; level += 2)
      {
        const WctScore first = evaluate (name, 1, model, level, images, first_results);

        for (size_t i = 0; i < 2; i++)
          {
            const WctScore score = evaluate (name, threads[i], model, level, images, results);

            assert_memory_equal (&score.psnr, &first.psnr, sizeof score.psnr);
            assert_memory_equal (&score.ssim, &first.ssim, sizeof score.ssim);
            assert_memory_equal (&score.pixel, &first.pixel, sizeof score.pixel);
            assert_memory_equal (&score.feature, &first.feature, sizeof score.feature);
            assert_same_floats ("results", results, first_results, count);
          }
      }
    free (results);
    free (first_results);
  }
  free (images);
  wct_model_unref (&model);
}

static void
nobody_has_to_take_the_results (void **state)
{
  WctModel *model = load_model (model_path ("tiny"));
  float    *images = new_images (PICTURES, SIDE, 3), *results = new_floats (floats_of (picture_shape, PICTURES));

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    const WctScore with = evaluate (name, 2, model, 2, images, results);
    const WctScore without = evaluate (name, 2, model, 2, images, NULL);

    assert_memory_equal (&with.psnr, &without.psnr, sizeof with.psnr);
    assert_memory_equal (&with.feature, &without.feature, sizeof with.feature);
  }
  free (results);
  free (images);
  wct_model_unref (&model);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  WctModel *model = load_model (model_path ("tiny"));
  float    *images = new_images (2, 16, 4);

  (void)state;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    bool happened = true;

    for (long n = 1; happened; n++)
      {
        const size_t before = wct_mem_used ();
        WctBackend  *backend = open_training_backend (name);
        WctPool     *pool = new_pool (1);
        WctScore     score = { .pictures = 77 };
        WctError     err;
        WctStatus    status;

        wct_mem_test_fail (n, false);
        status = wct_evaluate (backend, pool, wct_model_encoder (model, 2), wct_model_decoder (model, 2), images, 2, 16,
                               NULL, &score, &err);
        happened = wct_mem_test_fail (0, false) >= n;
        assert_int_equal (status, happened ? WCT_ERR_NO_MEMORY : WCT_OK);
        assert_int_equal (score.pictures, happened ? 77 : 2);
        wct_pool_free (&pool);
        wct_backend_close (&backend);
        assert_int_equal (wct_mem_used (), before);
      }
  }
  free (images);
  wct_model_unref (&model);
}

static int
nothing_is_left (void **state)
{
  (void)state;
  return wct_mem_used () == 0 ? 0 : -1;
}

static int
run_all (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (scores_are_those_of_encoding_and_decoding_plainly),
    cmocka_unit_test (scores_do_not_depend_on_threads_bit_for_bit),
    cmocka_unit_test (nobody_has_to_take_the_results),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, nothing_is_left);
}

int
main (void)
{
  return run_where_something_trains (run_all);
}
