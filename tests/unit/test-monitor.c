/* Progress never falls and comes at most once for each percent; cancel stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor.h"

typedef struct
{
  int    reports, questions, cancel_at; /* the question that is answered yes, 0: none */
  double last;
  bool   fell;
} Watch;

static void
note_progress (void *user, double done)
{
  Watch *watch = user;

  watch->reports++;
  watch->fell = watch->fell || done < watch->last;
  watch->last = done;
}

static bool
answer (void *user)
{
  Watch *watch = user;

  return ++watch->questions == watch->cancel_at;
}

static void
progress_comes_once_for_each_percent_and_ends_at_one (void **state)
{
  Watch          watch = { .cancel_at = 0 };
  const WctHooks hooks = { &watch, note_progress, answer };
  WctMonitor     monitor;

  (void)state;
  wct_monitor_init (&monitor, &hooks, 1e6);
  for (int i = 0; i < 100000; i++)
    assert_true (wct_monitor_advance (&monitor, 10));
  assert_in_range (watch.reports, 100, 101);
  assert_int_equal (watch.questions, 100000);
  assert_false (watch.fell);
  assert_true (watch.last == 1);
}

static void
work_beyond_the_plan_is_not_more_than_all (void **state)
{
  Watch          watch = { .cancel_at = 0 };
  const WctHooks hooks = { &watch, note_progress, NULL };
  WctMonitor     monitor;

  (void)state;
  wct_monitor_init (&monitor, &hooks, 3);
  for (int i = 0; i < 10; i++)
    assert_true (wct_monitor_advance (&monitor, 1));
  assert_true (watch.last == 1);
  assert_int_equal (watch.reports, 3);
}

static void
nothing_planned_is_done_at_once (void **state)
{
  Watch          watch = { .cancel_at = 0 };
  const WctHooks hooks = { &watch, note_progress, NULL };
  WctMonitor     monitor;

  (void)state;
  wct_monitor_init (&monitor, &hooks, 0);
  assert_true (wct_monitor_advance (&monitor, 0));
  assert_true (watch.last == 1);
}

static void
cancel_is_remembered_and_not_asked_again (void **state)
{
  Watch          watch = { .cancel_at = 3 };
  const WctHooks hooks = { &watch, note_progress, answer };
  WctMonitor     monitor;

  (void)state;
  wct_monitor_init (&monitor, &hooks, 100);
  assert_true (wct_monitor_advance (&monitor, 10));
  assert_true (wct_monitor_advance (&monitor, 10));
  for (int i = 0; i < 5; i++)
    assert_false (wct_monitor_advance (&monitor, 10));
  assert_int_equal (watch.questions, 3);
  assert_true (watch.last < 0.25);
}

static void
hooks_and_monitor_may_be_missing (void **state)
{
  const WctHooks none = { NULL, NULL, NULL };
  WctMonitor     monitor;

  (void)state;
  assert_true (wct_monitor_advance (NULL, 1));
  wct_monitor_init (&monitor, NULL, 10);
  assert_true (wct_monitor_advance (&monitor, 4));
  assert_true (monitor.done == 4);
  wct_monitor_init (&monitor, &none, 10);
  assert_true (wct_monitor_advance (&monitor, 4));
}

static void
canceled_is_a_status_with_a_word (void **state)
{
  WctError err;

  (void)state;
  assert_int_equal (wct_monitor_canceled (&err), WCT_CANCELED);
  assert_string_equal (err.message, "canceled");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (progress_comes_once_for_each_percent_and_ends_at_one),
    cmocka_unit_test (work_beyond_the_plan_is_not_more_than_all),
    cmocka_unit_test (nothing_planned_is_done_at_once),
    cmocka_unit_test (cancel_is_remembered_and_not_asked_again),
    cmocka_unit_test (hooks_and_monitor_may_be_missing),
    cmocka_unit_test (canceled_is_a_status_with_a_word),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
