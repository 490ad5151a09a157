/* The thread pool: every item once, failures and cancel stop the rest, hooks on the caller's thread. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "pool.h"

#define ITEMS 1000

typedef struct
{
  atomic_int done[ITEMS];
  int        failing; /* this item fails, -1: none */
  int        threads;
  atomic_int outside; /* calls with a thread number that is out of range */
} Work;

static WctStatus
do_item (void *data, int item, int thread, WctError *err)
{
  Work *work = data;

  if (thread < 0 || thread >= work->threads)
    atomic_fetch_add (&work->outside, 1);
  if (item == work->failing)
    return wct_error_set (err, WCT_ERR_DEVICE, "item %d failed", item);
  atomic_fetch_add (&work->done[item], 1);
  return WCT_OK;
}

static WctPool *
open_pool (int threads)
{
  WctPool *pool = NULL;
  WctError err;

  if (wct_pool_new (threads, &pool, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return pool;
}

static void
every_item_is_done_once_by_any_number_of_threads (void **state)
{
  (void)state;
  for (int threads = 1; threads <= 5; threads++)
    {
      WctPool *pool = open_pool (threads);

      for (int batch = 0; batch < 50; batch++)
        {
          Work work = { .failing = -1, .threads = threads };

          assert_int_equal (wct_pool_run (pool, ITEMS, do_item, &work, NULL, 0, NULL), WCT_OK);
          for (int i = 0; i < ITEMS; i++)
            assert_int_equal (atomic_load (&work.done[i]), 1);
          assert_int_equal (atomic_load (&work.outside), 0);
        }
      wct_pool_free (&pool);
      assert_null (pool);
    }
}

static void
no_items_is_no_work (void **state)
{
  WctPool *pool = open_pool (3);
  Work     work = { .failing = -1, .threads = 3 };

  (void)state;
  assert_int_equal (wct_pool_run (pool, 0, do_item, &work, NULL, 0, NULL), WCT_OK);
  wct_pool_free (&pool);
}

static void
a_failing_item_stops_the_batch_and_its_sentence_arrives (void **state)
{
  WctPool *pool = open_pool (4);

  (void)state;
  for (int batch = 0; batch < 50; batch++)
    {
      Work     work = { .failing = batch, .threads = 4 };
      WctError err = { .status = WCT_OK };
      char     expected[32];

      snprintf (expected, sizeof expected, "item %d failed", batch);
      assert_int_equal (wct_pool_run (pool, ITEMS, do_item, &work, NULL, 0, &err), WCT_ERR_DEVICE);
      assert_string_equal (err.message, expected);
    }

  /* And the pool is as good as before. */
  Work work = { .failing = -1, .threads = 4 };
  assert_int_equal (wct_pool_run (pool, ITEMS, do_item, &work, NULL, 0, NULL), WCT_OK);
  wct_pool_free (&pool);
}

typedef struct
{
  pthread_t caller;
  bool      other_thread, fell;
  double    last;
  int       calls, cancel_at; /* the call that cancels, 0: none */
} Watch;

static void
watch_progress (void *user, double done)
{
  Watch *watch = user;

  watch->other_thread |= !pthread_equal (pthread_self (), watch->caller);
  watch->fell |= done < watch->last;
  watch->last = done;
}

static bool
watch_canceled (void *user)
{
  Watch *watch = user;

  watch->other_thread |= !pthread_equal (pthread_self (), watch->caller);
  return ++watch->calls == watch->cancel_at;
}

static void
progress_comes_on_the_callers_thread_rises_and_ends_at_one (void **state)
{
  WctPool       *pool = open_pool (3);
  Watch          watch = { .caller = pthread_self () };
  const WctHooks hooks = { &watch, watch_progress, watch_canceled };
  WctMonitor     monitor;
  Work           work = { .failing = -1, .threads = 3 };

  (void)state;
  wct_monitor_init (&monitor, &hooks, 10);
  assert_int_equal (wct_pool_run (pool, ITEMS, do_item, &work, &monitor, 10, NULL), WCT_OK);
  assert_false (watch.other_thread);
  assert_false (watch.fell);
  assert_true (watch.last > 0.999);
  wct_pool_free (&pool);
}

static void
cancel_stops_the_batch (void **state)
{
  WctPool       *pool = open_pool (2);
  Watch          watch = { .caller = pthread_self (), .cancel_at = 3 };
  const WctHooks hooks = { &watch, NULL, watch_canceled };
  WctMonitor     monitor;
  Work           work = { .failing = -1, .threads = 2 };
  WctError       err;

  (void)state;
  wct_monitor_init (&monitor, &hooks, 10);
  assert_int_equal (wct_pool_run (pool, ITEMS, do_item, &work, &monitor, 10, &err), WCT_CANCELED);
  wct_pool_free (&pool);
}

static void
a_pool_without_memory_is_a_sentence_and_leaves_nothing (void **state)
{
  const size_t before = wct_mem_used ();
  WctPool     *pool = NULL;

  (void)state;
  for (long n = 1;; n++)
    {
      WctError err = { .status = WCT_OK };

      wct_mem_test_fail (n, false);
      const WctStatus status = wct_pool_new (3, &pool, &err);
      if (wct_mem_test_fail (0, false) < n)
        break;
      assert_int_equal (status, WCT_ERR_NO_MEMORY);
      assert_null (pool);
      assert_true (strlen (err.message) > 0);
      assert_int_equal (wct_mem_used (), before);
    }
  wct_pool_free (&pool);
  assert_int_equal (wct_mem_used (), before);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_item_is_done_once_by_any_number_of_threads),
    cmocka_unit_test (no_items_is_no_work),
    cmocka_unit_test (a_failing_item_stops_the_batch_and_its_sentence_arrives),
    cmocka_unit_test (progress_comes_on_the_callers_thread_rises_and_ends_at_one),
    cmocka_unit_test (cancel_stops_the_batch),
    cmocka_unit_test (a_pool_without_memory_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
