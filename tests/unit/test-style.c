/* Styles keep the roots of their covariances: right, made once for a floor, and nobody's is taken away. */
#include <math.h>
#include <pthread.h>
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
#include "style.h"

#define FLOOR   1e-5
#define THREADS 8

static WctModel   *model;
static WctBackend *backend;
static float       pixels[48 * 40 * 3];

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("%s", err->message);
}

static WctStyle *
measure (uint64_t seed)
{
  const WctImage image = { pixels, 48, 40, 3, 48 * 3 * sizeof (float) };
  WctStyle      *style = NULL;
  WctError       err;

  wct_noise_fill (&image, seed);
  must (wct_style_measure (model, backend, &image, wct_model_levels (model), NULL, &style, &err), &err);
  return style;
}

static WctRoot *
root_of (WctStyle *style, int level, double floor)
{
  WctRoot *root = NULL;
  WctError err;

  must (wct_style_root (style, level, floor, &root, &err), &err);
  return root;
}

/* Plain loops: (root root') is the covariance, but for directions under the floor, which hold less than that. */
static void
a_root_times_itself_is_the_covariance (void **state)
{
  WctStyle *style = measure (1);

  (void)state;
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const WctMoments *moments = wct_style_moments (style, level);
      const size_t      channels = (size_t)moments->channels;
      WctRoot          *root = root_of (style, level, FLOOR);
      const double     *matrix = wct_root_matrix (root);
      double            largest = 0;

      for (size_t c = 0; c < channels; c++)
        largest = fmax (largest, moments->covariance[c * channels + c]);
      for (size_t row = 0; row < channels; row++)
        for (size_t c = 0; c < channels; c++)
          {
            double sum = 0;

            for (size_t k = 0; k < channels; k++)
              sum += matrix[row * channels + k] * matrix[k * channels + c];
            /* what the floor drops, and rounding of a decomposition and two products in double */
            assert_float_equal (sum, moments->covariance[row * channels + c], FLOOR + 1e-12 * largest);
          }
      wct_root_unref (&root);
    }
  wct_style_unref (&style);
}

static void
a_root_is_made_once_and_another_floor_takes_nobodys_away (void **state)
{
  WctStyle *style = measure (2);
  WctRoot  *first = root_of (style, 3, FLOOR), *again = root_of (style, 3, FLOOR), *rough = root_of (style, 3, 0.5);
  WctRoot  *third = root_of (style, 3, FLOOR);

  (void)state;
  assert_ptr_equal (first, again);
  assert_ptr_not_equal (first, rough);
  assert_float_equal (wct_root_floor (first), FLOOR, 0);
  assert_float_equal (wct_root_floor (rough), 0.5, 0);
  assert_memory_not_equal (wct_root_matrix (first), wct_root_matrix (rough), sizeof (double));
  wct_style_unref (&style); /* roots outlive it */
  assert_float_equal (*wct_root_matrix (first), *wct_root_matrix (third), 0);
  wct_root_unref (&third);
  wct_root_unref (&rough);
  wct_root_unref (&again);
  wct_root_unref (&first);
}

typedef struct
{
  WctStyle *style;
  double    floor;
  WctRoot  *root;
  WctStatus status;
} Asking;

static void *
ask (void *user)
{
  Asking  *asking = user;
  WctError err;

  asking->status = wct_style_root (asking->style, 5, asking->floor, &asking->root, &err);
  return NULL;
}

static void
threads_share_a_root (void **state)
{
  WctStyle    *style = measure (3);
  WctRoot     *alone[2] = { NULL };
  Asking       askings[THREADS];
  pthread_t    threads[THREADS];
  const size_t bytes = (size_t)wct_style_moments (style, 5)->channels * sizeof (double);

  (void)state;
  for (int i = 0; i < THREADS; i++)
    {
      askings[i] = (Asking){ style, i % 4 == 3 ? 0.25 : FLOOR, NULL, WCT_OK };
      assert_int_equal (pthread_create (&threads[i], NULL, ask, &askings[i]), 0);
    }
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  alone[0] = root_of (style, 5, FLOOR);
  alone[1] = root_of (style, 5, 0.25);
  for (int i = 0; i < THREADS; i++)
    {
      assert_int_equal (askings[i].status, WCT_OK);
      assert_memory_equal (wct_root_matrix (askings[i].root), wct_root_matrix (alone[i % 4 == 3]), bytes);
      wct_root_unref (&askings[i].root);
    }
  wct_root_unref (&alone[0]);
  wct_root_unref (&alone[1]);
  wct_style_unref (&style);
}

static void
without_memory_for_a_root_there_is_a_sentence_and_the_kept_one_stays (void **state)
{
  WctStyle *style = measure (4);
  WctRoot  *kept = root_of (style, 2, FLOOR), *root = NULL;
  WctError  err;

  (void)state;
  wct_mem_test_fail (1, true);
  assert_int_equal (wct_style_root (style, 2, 0.5, &root, &err), WCT_ERR_NO_MEMORY);
  must (wct_style_root (style, 2, FLOOR, &root, &err), &err); /* needs none */
  wct_mem_test_fail (0, false);
  assert_ptr_equal (root, kept);
  wct_root_unref (&root);
  wct_root_unref (&kept);
  wct_style_unref (&style);
}

static int
open_all (void **state)
{
  char     path[4096];
  WctError err;

  (void)state;
  snprintf (path, sizeof path, "%s/tiny.safetensors", getenv ("WCT_TEST_MODELS"));
  must (wct_model_load (path, &model, &err), &err);
  must (wct_backend_open ("auto", 2, &backend, &err), &err);
  return 0;
}

static int
close_all (void **state)
{
  (void)state;
  wct_backend_close (&backend);
  wct_model_unref (&model);
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_root_times_itself_is_the_covariance),
    cmocka_unit_test (a_root_is_made_once_and_another_floor_takes_nobodys_away),
    cmocka_unit_test (threads_share_a_root),
    cmocka_unit_test (without_memory_for_a_root_there_is_a_sentence_and_the_kept_one_stays),
  };

  return cmocka_run_group_tests (tests, open_all, close_all);
}
