/* The worker: results come in order and only while they are wanted, and nobody waits long for it to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "patience.h"
#include "same.h"
#include "scratch.h"
#include "worker.h"

#include <wct/image.h>

#define SMALL_SIDE 64
#define LARGE_SIDE 2048 /* a hundred times over: nobody waits for its end */

/* What has arrived. */
typedef struct
{
  WctWorker    *worker;
  int           count;
  guint64       last_ticket;
  gboolean      fell; /* did a ticket come after a later one? */
  WctStatus     status;
  char          sentence[WCT_MESSAGE_SIZE];
  size_t        memory;
  WctEngineInfo info;
  WctPicture   *content, *result; /* counted */
} Inbox;

static Inbox       inbox;
static WctPicture *style, *small;

static void
take (gpointer user, const WctWorkResult *result)
{
  Inbox *in = user;

  in->count++;
  in->fell = in->fell || result->ticket <= in->last_ticket;
  in->last_ticket = result->ticket;
  in->status = result->status;
  g_strlcpy (in->sentence, result->sentence == NULL ? "" : result->sentence, sizeof in->sentence);
  in->memory = result->whole_memory;
  if (result->info != NULL)
    in->info = *result->info;
  wct_picture_unref (&in->content);
  wct_picture_unref (&in->result);
  in->content = result->content == NULL ? NULL : wct_picture_ref (result->content);
  in->result = result->result == NULL ? NULL : wct_picture_ref (result->result);
}

static WctPicture *
load_sample (const char *name, gint side)
{
  char       *path = sample_path (name);
  WctPicture *picture = NULL;

  assert_int_equal (wct_picture_load (path, side, &picture, NULL), WCT_OK);
  g_free (path);
  return picture;
}

static int
open_worker (void **state)
{
  (void)state;
  style = load_sample ("style-glass.jpg", SMALL_SIDE);
  small = load_sample ("lake.jpg", SMALL_SIDE);
  inbox = (Inbox){ .count = 0 };
  inbox.worker = wct_worker_new (0, take, &inbox);
  return 0;
}

static int
close_worker (void **state)
{
  (void)state;
  wct_worker_free (&inbox.worker);
  wct_picture_unref (&inbox.content);
  wct_picture_unref (&inbox.result);
  wct_picture_unref (&style);
  wct_picture_unref (&small);
  return 0;
}

static WctWork
small_work (double alpha)
{
  WctWork work = { .style_count = 1,
                   .styles = { { .picture = wct_picture_ref (style), .weight = 1 } },
                   .content = wct_picture_ref (small) };

  wct_params_init (&work.params);
  for (int i = 0; i < WCT_LEVELS; i++)
    work.params.alpha[i] = alpha;
  return work;
}

static WctWork
large_work (void)
{
  WctWork work = { .style_count = 1, .styles = { { .picture = wct_picture_ref (style), .weight = 1 } }, .noise = TRUE };

  wct_params_init (&work.params);
  work.params.passes = 100;
  assert_int_equal (wct_picture_new (LARGE_SIDE, LARGE_SIDE, &work.content, NULL), WCT_OK);
  return work;
}

static WctPicture *
run_directly (const WctWork *work)
{
  WctEngine  *engine = wct_engine_new (0);
  WctPicture *result = NULL;

  assert_int_equal (
    wct_engine_run (engine,
                    &(WctEngineRun){ .params = &work->params,
                                     .style_count = 1,
                                     .styles = &(WctEngineStyle){ .picture = work->styles[0].picture, .weight = 1 },
                                     .content = work->content },
                    NULL, &result, NULL),
    WCT_OK);
  wct_engine_free (&engine);
  return result;
}

/* Until it computes it: progress is above 0. */
static void
wait_until_running (guint64 ticket)
{
  UNTIL (wct_worker_progress (inbox.worker, ticket) > 0);
}

/* ---- What comes --------------------------------------------------------------------------------------------- */

static void
work_comes_back_as_the_engine_does_it (void **state)
{
  WctWork       work = small_work (0.6);
  WctPicture   *expected = run_directly (&work);
  const guint64 ticket = wct_worker_submit (inbox.worker, work, FALSE);

  (void)state;
  UNTIL (inbox.count == 1);
  assert_int_equal (inbox.last_ticket, ticket);
  assert_int_equal (inbox.status, WCT_OK);
  assert_ptr_equal (inbox.content, small);
  assert_same_pixels (&expected->image, &inbox.result->image);
  assert_true (inbox.info.levels != 0);
  wct_picture_unref (&expected);
}

static void
noise_is_filled_in_by_its_seed (void **state)
{
  WctWork     work = small_work (1);
  WctPicture *expected = NULL, *noise = NULL;

  (void)state;
  wct_picture_unref (&work.content);
  assert_int_equal (wct_picture_new (SMALL_SIDE, SMALL_SIDE, &noise, NULL), WCT_OK);
  assert_int_equal (wct_picture_new (SMALL_SIDE, SMALL_SIDE, &work.content, NULL), WCT_OK);
  work.params.seed = 77;
  work.noise = TRUE;
  wct_noise_fill (&noise->image, 77);
  wct_worker_submit (inbox.worker, work, FALSE);
  UNTIL (inbox.count == 1);
  assert_same_pixels (&noise->image, &inbox.content->image);
  work = small_work (1);
  wct_picture_unref (&work.content);
  work.content = noise;
  expected = run_directly (&work);
  assert_same_pixels (&expected->image, &inbox.result->image);
  wct_picture_unref (&expected);
  wct_picture_unref (&noise);
  wct_picture_unref (&work.styles[0].picture);
}

static void
without_content_it_says_what_the_engine_is_and_what_it_needs (void **state)
{
  WctWork work = { .whole_width = 1000, .whole_height = 800 };

  (void)state;
  wct_params_init (&work.params);
  wct_worker_submit (inbox.worker, work, FALSE);
  UNTIL (inbox.count == 1);
  assert_int_equal (inbox.status, WCT_OK);
  assert_null (inbox.result);
  assert_true (strlen (inbox.info.model) > 0);
  assert_true (inbox.memory > 0);
}

static void
an_error_comes_with_one_sentence_and_the_next_work_is_done (void **state)
{
  WctWork work = small_work (0.6);

  (void)state;
  for (int i = 0; i < WCT_LEVELS; i++)
    work.params.level_on[i] = 0;
  wct_worker_submit (inbox.worker, work, FALSE);
  UNTIL (inbox.count == 1);
  assert_int_equal (inbox.status, WCT_ERR_ARGUMENT);
  assert_sentence (inbox.sentence);
  assert_null (inbox.result);
  wct_worker_submit (inbox.worker, small_work (0.6), FALSE);
  UNTIL (inbox.count == 2);
  assert_int_equal (inbox.status, WCT_OK);
}

/* ---- What does not come ------------------------------------------------------------------------------------- */

static void
of_many_submissions_the_last_one_is_done_and_none_comes_late (void **state)
{
  WctWork     last = small_work (0.499);
  WctPicture *expected = run_directly (&last);
  guint64     ticket = 0;

  (void)state;
  for (int i = 0; i < 500; i++)
    {
      const guint64 next = wct_worker_submit (inbox.worker, i == 499 ? last : small_work (i / 1000.0), FALSE);

      assert_true (next > ticket);
      ticket = next;
      if (i % 50 == 0)
        patience_settle ();
    }
  UNTIL (inbox.last_ticket == ticket);
  print_message ("500 submissions, %d results\n", inbox.count);
  assert_false (inbox.fell);
  assert_same_pixels (&expected->image, &inbox.result->image);
  wct_picture_unref (&expected);
}

static void
work_that_is_not_urgent_lets_what_is_running_end (void **state)
{
  const guint64 first = wct_worker_submit (inbox.worker, small_work (0.6), FALSE);
  guint64       second;

  (void)state;
  UNTIL (wct_worker_progress (inbox.worker, first) > 0 || inbox.count > 0);
  second = wct_worker_submit (inbox.worker, small_work (0.3), FALSE);
  UNTIL (inbox.last_ticket == second);
  assert_int_equal (inbox.count, 2);
}

static void
urgent_work_ends_what_is_running (void **state)
{
  const guint64 first = wct_worker_submit (inbox.worker, large_work (), FALSE);
  guint64       second;
  gint64        began;

  (void)state;
  wait_until_running (first);
  began = g_get_monotonic_time ();
  second = wct_worker_submit (inbox.worker, small_work (0.6), TRUE);
  UNTIL (inbox.count > 0);
  print_message ("the urgent result came after %.3f s\n", (double)(g_get_monotonic_time () - began) * 1e-6);
  assert_int_equal (inbox.count, 1);
  assert_int_equal (inbox.last_ticket, second);
  assert_int_equal (inbox.status, WCT_OK);
}

static void
canceled_work_is_not_heard_of (void **state)
{
  const guint64 first = wct_worker_submit (inbox.worker, large_work (), FALSE);
  guint64       second;
  gint64        began;

  (void)state;
  wait_until_running (first);
  began = g_get_monotonic_time ();
  wct_worker_cancel (inbox.worker);
  print_message ("cancel returned after %.6f s\n", (double)(g_get_monotonic_time () - began) * 1e-6);
  second = wct_worker_submit (inbox.worker, small_work (0.6), FALSE);
  UNTIL (inbox.count > 0);
  print_message ("the thread was free again, and had done a small picture, after %.3f s\n",
                 (double)(g_get_monotonic_time () - began) * 1e-6);
  assert_int_equal (inbox.last_ticket, second);
  assert_int_equal (inbox.count, 1);
}

/* It is computed, and lies in the main loop: canceling takes it away from there. */
static void
a_result_on_its_way_is_dropped_when_canceled (void **state)
{
  const guint64 first = wct_worker_submit (inbox.worker, small_work (0.6), FALSE);
  guint64       second;

  (void)state;
  for (gint64 began = g_get_monotonic_time (); !g_main_context_pending (NULL);)
    if (g_get_monotonic_time () - began > 600 * G_USEC_PER_SEC)
      fail_msg ("the work %" G_GUINT64_FORMAT " never came", first);
    else
      g_usleep (1000);
  wct_worker_cancel (inbox.worker);
  patience_settle ();
  assert_int_equal (inbox.count, 0);
  second = wct_worker_submit (inbox.worker, small_work (0.6), FALSE);
  UNTIL (inbox.count > 0);
  assert_int_equal (inbox.last_ticket, second);
}

static void
canceling_nothing_is_allowed (void **state)
{
  (void)state;
  wct_worker_cancel (inbox.worker);
  wct_worker_cancel (inbox.worker);
  wct_worker_submit (inbox.worker, small_work (0.6), TRUE);
  UNTIL (inbox.count == 1);
}

static void
progress_never_falls_and_is_that_of_its_ticket (void **state)
{
  const guint64 ticket = wct_worker_submit (inbox.worker, large_work (), FALSE);
  double        last = 0;

  (void)state;
  UNTIL (last > 0.0005)
  {
    const double now = wct_worker_progress (inbox.worker, ticket);

    assert_true (now >= last && now <= 1);
    last = now;
    assert_true (wct_worker_progress (inbox.worker, ticket + 1) == 0);
  }
  wct_worker_cancel (inbox.worker);
}

/* ---- The end ------------------------------------------------------------------------------------------------ */

static void
no_worker_can_be_freed (void **state)
{
  WctWorker *none = NULL;

  (void)state;
  wct_worker_free (&none);
  assert_null (none);
}

static void
freed_while_it_computes_it_ends_and_calls_nobody (void **state)
{
  const guint64 ticket = wct_worker_submit (inbox.worker, large_work (), FALSE);
  gint64        began;

  (void)state;
  wait_until_running (ticket);
  wct_worker_submit (inbox.worker, small_work (0.5), FALSE);
  began = g_get_monotonic_time ();
  wct_worker_free (&inbox.worker);
  print_message ("freed after %.3f s\n", (double)(g_get_monotonic_time () - began) * 1e-6);
  assert_null (inbox.worker);
  patience_settle ();
  assert_int_equal (inbox.count, 0);
}

static void
freed_with_a_result_on_its_way_it_calls_nobody (void **state)
{
  (void)state;
  for (int i = 0; i < 20; i++)
    {
      wct_worker_submit (inbox.worker, small_work (0.5), FALSE);
      if (i % 2 == 0)
        for (gint64 began = g_get_monotonic_time ();
             !g_main_context_pending (NULL) && g_get_monotonic_time () - began < 600 * G_USEC_PER_SEC;)
          g_usleep (1000);
      wct_worker_free (&inbox.worker);
      patience_settle ();
      assert_int_equal (inbox.count, 0);
      inbox.worker = wct_worker_new (0, take, &inbox);
    }
}

#define WORKER_TEST(name) cmocka_unit_test_setup_teardown (name, open_worker, close_worker)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    WORKER_TEST (work_comes_back_as_the_engine_does_it),
    WORKER_TEST (noise_is_filled_in_by_its_seed),
    WORKER_TEST (without_content_it_says_what_the_engine_is_and_what_it_needs),
    WORKER_TEST (an_error_comes_with_one_sentence_and_the_next_work_is_done),
    WORKER_TEST (of_many_submissions_the_last_one_is_done_and_none_comes_late),
    WORKER_TEST (work_that_is_not_urgent_lets_what_is_running_end),
    WORKER_TEST (urgent_work_ends_what_is_running),
    WORKER_TEST (canceled_work_is_not_heard_of),
    WORKER_TEST (a_result_on_its_way_is_dropped_when_canceled),
    WORKER_TEST (canceling_nothing_is_allowed),
    WORKER_TEST (progress_never_falls_and_is_that_of_its_ticket),
    cmocka_unit_test (no_worker_can_be_freed),
    WORKER_TEST (freed_while_it_computes_it_ends_and_calls_nobody),
    WORKER_TEST (freed_with_a_result_on_its_way_it_calls_nobody),
  };

  return cmocka_run_group_tests (tests, scratch_open, scratch_close);
}
