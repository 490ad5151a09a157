/* What the module for NCCL does with what NCCL tells it: which values go where, and that nobody waits for ever. CUDA
 * and NCCL are pretended here: there is no card. */
#include "parallel-nccl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "parallel-bucket.h"
#include "pretended-cuda.h"

extern const WctNccl wct_nccl;

static int checks_until_lost; /* 0: all ranks stay */

static WctStatus
check (WctError *err)
{
  if (checks_until_lost == 0 || --checks_until_lost > 0)
    return WCT_OK;
  checks_until_lost = 1;
  return wct_error_set (err, WCT_ERR_IO, "rank 1 is gone");
}

static void *
open_world (int timeout_seconds)
{
  WctNcclWorld world = { .rank = 0, .ranks = 3, .timeout_seconds = timeout_seconds, .check = check };
  char         detail[64] = "";
  void        *ctx = NULL;
  WctError     err;

  checks_until_lost = 0;
  pretended = (Pretended){ .cards = 2, .looks_until_settled = 3 };
  assert_int_equal (wct_nccl.prepare (5, detail, sizeof detail, &err), WCT_OK);
  assert_string_equal (detail, "NCCL 2.28.9");
  assert_int_equal (pretended.card, 1);
  assert_int_equal (wct_nccl.name (&world.name, &err), WCT_OK);
  assert_int_equal (wct_nccl.open (&world, &ctx, &err), WCT_OK);
  assert_int_equal (pretended.ranks, 3);
  assert_int_equal (pretended.blocking, 0);
  assert_true (pretended.named);
  return ctx;
}

static void
close_world (void **ctx, int aborts)
{
  wct_nccl.close (ctx);
  assert_null (*ctx);
  assert_int_equal (pretended.aborts, aborts);
  assert_false (pretended.asked_for_nobody);
  assert_false (pretended.freed_while_waiting);
}

static void
a_machine_without_a_driver_is_told (void **state)
{
  char     detail[64];
  WctError err;

  (void)state;
  pretended = (Pretended){ .cards = 0 };
  assert_int_equal (wct_nccl.prepare (0, detail, sizeof detail, &err), WCT_ERR_UNSUPPORTED);
  assert_non_null (strstr (err.message, "no driver"));
}

static void
sums_come_back_to_where_they_were (void **state)
{
  const size_t sizes[] = { 5, 2 * WCT_BUCKET_VALUES + 3, 1, 1000 };
  float       *arrays[4];
  void        *ctx = open_world (5);
  WctError     err;
  size_t       all = 0;

  (void)state;
  for (int a = 0; a < 4; a++)
    {
      arrays[a] = malloc (sizes[a] * sizeof (float));
      assert_non_null (arrays[a]);
    }
  for (int step = 1; step <= 2; step++)
    {
      for (int a = 0; a < 4; a++)
        {
          for (size_t i = 0; i < sizes[a]; i++)
            arrays[a][i] = (float)(step * (a + 1)) + (float)(i % 1000);
          assert_int_equal (wct_nccl.begin (ctx, arrays[a], sizes[a], &err), WCT_OK);
          all += sizes[a];
        }
      pretended.queries_until_done = 3;
      assert_int_equal (wct_nccl.finish (ctx, &err), WCT_OK);
      for (int a = 0; a < 4; a++)
        for (size_t i = 0; i < sizes[a]; i++)
          if (arrays[a][i] != 3 * ((float)(step * (a + 1)) + (float)(i % 1000)))
            fail_msg ("step %d, array %d, value %zu: got %g", step, a, i, (double)arrays[a][i]);
    }
  assert_int_equal (pretended.summed, all);
  assert_int_equal (pretended.buckets, 2 * 3); /* two full ones and the rest, twice */
  for (int a = 0; a < 4; a++)
    free (arrays[a]);
  close_world (&ctx, 1);
}

static void
a_step_without_gradients_sums_nothing (void **state)
{
  void    *ctx = open_world (5);
  WctError err;

  (void)state;
  assert_int_equal (wct_nccl.finish (ctx, &err), WCT_OK);
  assert_int_equal (pretended.buckets, 0);
  close_world (&ctx, 1);
}

static double
seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* @lost: after so many checks; 0: nobody says who */
static void
assert_sum_fails (bool error, int lost, const char *sentence)
{
  void        *ctx = open_world (5);
  float        values[7] = { 1 };
  const double began = seconds ();
  WctError     err;

  pretended.kernels_wait = true;
  pretended.error = error;
  checks_until_lost = lost;
  if (wct_nccl.begin (ctx, values, 7, &err) == WCT_OK)
    assert_int_equal (wct_nccl.finish (ctx, &err), WCT_ERR_IO);
  assert_true (seconds () - began < 10);
  if (strstr (err.message, sentence) == NULL)
    fail_msg ("expected \"…%s…\", got \"%s\"", sentence, err.message);
  assert_int_equal (pretended.aborts, 1);
  close_world (&ctx, 1);
}

static void
a_rank_that_is_gone_ends_the_sum_with_what_all_say (void **state)
{
  (void)state;
  assert_sum_fails (false, 3, "rank 1 is gone");
}

static void
what_nccl_notices_first_waits_for_who_it_was (void **state)
{
  (void)state;
  assert_sum_fails (true, 5, "rank 1 is gone");
}

static void
what_only_nccl_notices_is_told_as_it_calls_it (void **state)
{
  (void)state;
  assert_sum_fails (true, 0, "remote process exited");
}

static void
a_run_that_ends_between_begin_and_finish_waits_for_nobody (void **state)
{
  void    *ctx = open_world (5);
  float   *values = calloc (WCT_BUCKET_VALUES, sizeof *values);
  WctError err;

  (void)state;
  assert_non_null (values);
  assert_int_equal (wct_nccl.begin (ctx, values, WCT_BUCKET_VALUES, &err), WCT_OK);
  pretended.kernels_wait = true;
  close_world (&ctx, 1);
  free (values);
}

static void
ranks_that_do_not_meet_in_time_give_up (void **state)
{
  WctNcclWorld world = { .rank = 0, .ranks = 3, .timeout_seconds = 1, .check = check };
  void        *ctx = NULL;
  WctError     err;

  (void)state;
  checks_until_lost = 0;
  pretended = (Pretended){ .cards = 1, .never_settles = true };
  assert_int_equal (wct_nccl.open (&world, &ctx, &err), WCT_ERR_IO);
  assert_non_null (strstr (err.message, "took too long"));
  assert_null (ctx);
  close_world (&ctx, 1);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_machine_without_a_driver_is_told),
    cmocka_unit_test (sums_come_back_to_where_they_were),
    cmocka_unit_test (a_step_without_gradients_sums_nothing),
    cmocka_unit_test (a_rank_that_is_gone_ends_the_sum_with_what_all_say),
    cmocka_unit_test (what_nccl_notices_first_waits_for_who_it_was),
    cmocka_unit_test (what_only_nccl_notices_is_told_as_it_calls_it),
    cmocka_unit_test (a_run_that_ends_between_begin_and_finish_waits_for_nobody),
    cmocka_unit_test (ranks_that_do_not_meet_in_time_give_up),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
