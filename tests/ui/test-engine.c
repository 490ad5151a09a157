/* The engine: what is kept between runs changes no bit of a result, and what it lacks is said in one sentence.
 * wct_memory_available is this program's own (--wrap), so that a small picture can be too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>

#include <wct/memory.h>

#include "engine.h"
#include "same.h"
#include "scratch.h"

#define CONTENT_SIDE 96
#define STYLE_SIDE   64

size_t __real_wct_memory_available (void);
size_t __wrap_wct_memory_available (void);

static size_t      available; /* 0: as it is */
static WctEngine  *engine;
static WctPicture *content, *style, *other_style;

size_t
__wrap_wct_memory_available (void)
{
  return available > 0 ? available : __real_wct_memory_available ();
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
open_engine (void **state)
{
  (void)state;
  available = 0;
  engine = wct_engine_new (0);
  content = load_sample ("lake.jpg", CONTENT_SIDE);
  style = load_sample ("style-glass.jpg", STYLE_SIDE);
  other_style = load_sample ("style-swirls.jpg", STYLE_SIDE);
  return 0;
}

static int
close_engine (void **state)
{
  (void)state;
  wct_picture_unref (&content);
  wct_picture_unref (&style);
  wct_picture_unref (&other_style);
  wct_engine_free (&engine);
  return 0;
}

static WctParams
params_of (double alpha, unsigned levels)
{
  WctParams params;

  wct_params_init (&params);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      params.alpha[i] = alpha;
      params.level_on[i] = (levels >> i & 1) != 0;
    }
  return params;
}

static WctPicture *
run (WctEngine *with, const WctParams *params, const WctPicture *from)
{
  WctPicture *result = NULL;
  WctError    err;

  if (wct_engine_run (with,
                      &(WctEngineRun){ .params = params,
                                       .style_count = 1,
                                       .styles = &(WctEngineStyle){ .picture = from, .weight = 1 },
                                       .content = content },
                      NULL, &result, &err)
      != WCT_OK)
    fail_msg ("the run failed: %s", err.message);
  return result;
}

/* As one that has never run anything does it. */
static WctPicture *
run_anew (int threads, const WctParams *params, const WctPicture *from)
{
  WctEngine  *fresh = wct_engine_new (threads);
  WctPicture *result = run (fresh, params, from);

  wct_engine_free (&fresh);
  return result;
}

static void
no_engine_can_be_freed (void **state)
{
  WctEngine *none = NULL;

  (void)state;
  wct_engine_free (&none);
  assert_null (none);
}

static void
an_open_engine_says_what_it_uses (void **state)
{
  WctEngineInfo info = { .model = "" };

  (void)state;
  assert_int_equal (wct_engine_open (engine, &info, NULL), WCT_OK);
  assert_true (g_str_has_suffix (info.model, ".safetensors"));
  assert_true (strlen (info.backend) > 0);
  assert_true (info.threads >= 1);
  assert_true (info.levels != 0 && info.levels < 1u << WCT_LEVELS);
}

static void
a_result_has_the_contents_size_and_is_another_picture (void **state)
{
  const WctParams params = params_of (0.6, 31);
  WctPicture     *result = run (engine, &params, style);

  (void)state;
  assert_int_equal (result->image.width, content->image.width);
  assert_int_equal (result->image.height, content->image.height);
  assert_true (result->key != content->key);
  assert_true (largest_difference (&content->image, &result->image) > 0.05);
  wct_picture_unref (&result);
}

static void
strengths_that_come_and_go_leave_no_trace (void **state)
{
  static const double alphas[] = { 0.6, 0.1, 1, 0.6 };

  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (alphas); i++)
    {
      const WctParams params = params_of (alphas[i], 31);
      WctPicture     *kept = run (engine, &params, style), *fresh = run_anew (0, &params, style);

      assert_same_pixels (&fresh->image, &kept->image);
      wct_picture_unref (&kept);
      wct_picture_unref (&fresh);
    }
}

static void
levels_that_come_and_go_leave_no_trace (void **state)
{
  static const unsigned levels[] = { 31, 8, 9, 1, 31 };

  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (levels); i++)
    {
      const WctParams params = params_of (0.6, levels[i]);
      WctPicture     *kept = run (engine, &params, style), *fresh = run_anew (0, &params, style);

      assert_same_pixels (&fresh->image, &kept->image);
      wct_picture_unref (&kept);
      wct_picture_unref (&fresh);
    }
}

static void
one_level_changed_alone_changes_what_it_should (void **state)
{
  WctParams   params = params_of (0.6, 31);
  WctPicture *before = run (engine, &params, style), *kept, *fresh;

  (void)state;
  for (int i = WCT_LEVELS - 1; i >= 0; i--)
    {
      params.alpha[i] = 0.2;
      kept = run (engine, &params, style);
      fresh = run_anew (0, &params, style);
      assert_same_pixels (&fresh->image, &kept->image);
      assert_true (largest_difference (&before->image, &kept->image) > 0);
      wct_picture_unref (&before);
      wct_picture_unref (&fresh);
      before = kept;
    }
  wct_picture_unref (&before);
}

static void
styles_that_come_and_go_leave_no_trace (void **state)
{
  const WctParams params = params_of (0.6, 31);
  WctPicture     *first = run (engine, &params, style), *other = run (engine, &params, other_style);
  WctPicture     *again = run (engine, &params, style), *fresh = run_anew (0, &params, other_style);

  (void)state;
  assert_same_pixels (&first->image, &again->image);
  assert_same_pixels (&fresh->image, &other->image);
  assert_true (largest_difference (&first->image, &other->image) > 0.05);
  wct_picture_unref (&first);
  wct_picture_unref (&other);
  wct_picture_unref (&again);
  wct_picture_unref (&fresh);
}

/* More than are kept. */
static void
many_styles_are_measured_and_forgotten (void **state)
{
  const WctParams params = params_of (0.6, 8);
  WctPicture     *first = run (engine, &params, style), *again;

  (void)state;
  for (int i = 0; i < 6; i++)
    {
      WctPicture *another = load_sample ("style-woodcut.jpg", STYLE_SIDE + 16 * i),
                 *result = run (engine, &params, another);

      wct_picture_unref (&result);
      wct_picture_unref (&another);
    }
  again = run (engine, &params, style);
  assert_same_pixels (&first->image, &again->image);
  wct_picture_unref (&first);
  wct_picture_unref (&again);
}

static void
other_contents_in_between_leave_no_trace (void **state)
{
  const WctParams params = params_of (0.6, 31);
  WctPicture     *first = run (engine, &params, style), *again, *kept = content;

  (void)state;
  content = load_sample ("still-life.jpg", CONTENT_SIDE);
  again = run (engine, &params, style);
  assert_true (largest_difference (&first->image, &again->image) > 0);
  wct_picture_unref (&again);
  wct_picture_unref (&content);
  content = kept;
  again = run (engine, &params, style);
  assert_same_pixels (&first->image, &again->image);
  wct_picture_unref (&first);
  wct_picture_unref (&again);
}

/* ---- Parts of a whole --------------------------------------------------------------------------------------- */

static WctPicture *
run_part (const WctParams *params, const WctPicture *part, const WctPicture *whole)
{
  const WctEngineRun of_part = { .params = params,
                                 .style_count = 1,
                                 .styles = &(WctEngineStyle){ .picture = style, .weight = 1 },
                                 .content = part,
                                 .whole = whole };
  WctPicture        *result = NULL;
  WctError           err;

  if (wct_engine_run (engine, &of_part, NULL, &result, &err) != WCT_OK)
    fail_msg ("the run on a part failed: %s", err.message);
  return result;
}

static WctPicture *
cut (const WctPicture *from, gint x, gint y, gint width, gint height)
{
  WctPicture *part = NULL;

  assert_int_equal (wct_picture_new (width, height, &part, NULL), WCT_OK);
  for (gint line = 0; line < height; line++)
    memcpy (part->image.pixels + line * width * 3, from->image.pixels + ((y + line) * from->image.width + x) * 3,
            (size_t)width * 3 * sizeof (float));
  return part;
}

static void
a_picture_that_is_its_own_whole_is_computed_as_ever (void **state)
{
  const WctParams params = params_of (0.6, 31);
  WctPicture     *alone = run_anew (0, &params, style), *of_whole = run_part (&params, content, content);

  (void)state;
  assert_same_pixels (&alone->image, &of_whole->image);
  wct_picture_unref (&alone);
  wct_picture_unref (&of_whole);
}

/* With the whole's statistics a part looks like that part of the whole; with its own, it does not. */
static void
a_part_looks_as_it_does_in_the_whole (void **state)
{
  const WctParams params = params_of (1, 4);
  WctPicture     *small = content, *whole, *there, *part, *with, *without;
  double          near, far;

  (void)state;
  content = load_sample ("lake.jpg", 320);
  whole = run (engine, &params, style);
  there = cut (whole, 96, 48, 128, 96);
  part = cut (content, 96, 48, 128, 96);
  with = run_part (&params, part, content);
  wct_picture_unref (&content);
  content = part;
  without = run (engine, &params, style);
  content = small;
  near = mean_difference (&there->image, &with->image);
  far = mean_difference (&there->image, &without->image);
  print_message ("mean difference with the whole's statistics %.4f, with its own %.4f\n", near, far);
  assert_true (near < 0.5 * far);
  wct_picture_unref (&whole);
  wct_picture_unref (&there);
  wct_picture_unref (&part);
  wct_picture_unref (&with);
  wct_picture_unref (&without);
}

static void
parts_and_wholes_that_come_and_go_leave_no_trace (void **state)
{
  WctParams   params = params_of (0.6, 31), other = params_of (0.2, 31);
  WctPicture *part = cut (content, 16, 16, 48, 32), *first = run_part (&params, part, content), *again, *between;

  (void)state;
  between = run_part (&other, part, content);
  assert_true (largest_difference (&first->image, &between->image) > 0);
  wct_picture_unref (&between);
  between = run (engine, &other, style);
  again = run_part (&params, part, content);
  assert_same_pixels (&first->image, &again->image);
  wct_picture_unref (&between);
  wct_picture_unref (&again);
  between = run (engine, &params, style);
  again = run_anew (0, &params, style);
  assert_same_pixels (&again->image, &between->image);
  wct_picture_unref (&between);
  wct_picture_unref (&again);
  wct_picture_unref (&first);
  wct_picture_unref (&part);
}

static void
threads_change_no_bit (void **state)
{
  const WctParams params = params_of (0.6, 31);
  WctPicture     *one = run_anew (1, &params, style), *three = run_anew (3, &params, style);

  (void)state;
  assert_same_pixels (&one->image, &three->image);
  wct_picture_unref (&one);
  wct_picture_unref (&three);
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

static size_t
memory_of (const WctParams *params, gint width, gint height)
{
  size_t   bytes = 0;
  WctError err;

  if (wct_engine_memory (engine, params, width, height, &bytes, &err) != WCT_OK)
    fail_msg ("no estimate for %dx%d: %s", width, height, err.message);
  return bytes;
}

static void
a_larger_picture_takes_more_memory (void **state)
{
  const WctParams params = params_of (0.6, 31);
  const size_t    small = memory_of (&params, 512, 512), large = memory_of (&params, 4096, 4096);

  (void)state;
  print_message ("512x512: %zu MB, 4096x4096: %zu MB\n", small >> 20, large >> 20);
  assert_true (small > 0);
  assert_true (large > 8 * small);
}

static void
memory_is_the_same_when_asked_again (void **state)
{
  WctParams    params = params_of (0.6, 31);
  const size_t before = memory_of (&params, 640, 480), other = memory_of (&params, 1280, 960);

  (void)state;
  assert_int_equal (memory_of (&params, 640, 480), before);
  assert_int_equal (memory_of (&params, 1280, 960), other);
  params.alpha[2] = 0.1;
  assert_int_equal (memory_of (&params, 1280, 960), other);
}

/* What the back end holds already may count or not: some MB of weights. */
static void
memory_is_nearly_the_same_after_a_run (void **state)
{
  const WctParams params = params_of (0.6, 31);
  const size_t    before = memory_of (&params, 640, 480), other = memory_of (&params, 1280, 960);
  WctPicture     *result = run (engine, &params, style);
  const size_t    after = memory_of (&params, 640, 480);

  (void)state;
  assert_true (other > before);
  if (after < before - before / 10 || after > before + before / 10)
    fail_msg ("after a run: expected %zu bytes, got %zu, allowed 10 %%", before, after);
  wct_picture_unref (&result);
}

static void
levels_that_are_off_need_no_memory (void **state)
{
  const WctParams all = params_of (0.6, 31), first = params_of (0.6, 1);

  (void)state;
  assert_true (memory_of (&first, 2048, 2048) <= memory_of (&all, 2048, 2048));
}

static void
a_picture_beyond_this_machines_memory_is_refused_in_one_sentence (void **state)
{
  const WctParams    params = params_of (0.6, 31);
  const WctEngineRun checked = { .params = &params,
                                 .style_count = 1,
                                 .styles = &(WctEngineStyle){ .picture = style, .weight = 1 },
                                 .content = content,
                                 .check_memory = true };
  WctPicture        *result = NULL;
  WctError           err = { WCT_OK, "" };

  (void)state;
  available = 1000;
  assert_int_equal (wct_engine_run (engine, &checked, NULL, &result, &err), WCT_ERR_NO_MEMORY);
  assert_sentence (err.message);
  assert_null (result);
  available = (size_t)1 << 60;
  assert_int_equal (wct_engine_run (engine, &checked, NULL, &result, &err), WCT_OK);
  wct_picture_unref (&result);
}

/* With less and less that is free: what cannot run is refused by the engine, never by the library's own sentence. */
static void
a_picture_runs_while_it_fits_in_what_is_free (void **state)
{
  const WctParams    params = params_of (0.6, 31);
  const WctEngineRun checked = { .params = &params,
                                 .style_count = 1,
                                 .styles = &(WctEngineStyle){ .picture = style, .weight = 1 },
                                 .content = content,
                                 .check_memory = true };
  bool               refused = false;

  (void)state;
  for (available = (size_t)1 << 30; available > 1000; available -= available / 8)
    {
      WctPicture     *result = NULL;
      WctError        err = { WCT_OK, "" };
      const WctStatus status = wct_engine_run (engine, &checked, NULL, &result, &err);

      if (status != WCT_OK && strstr (err.message, "are free") == NULL)
        fail_msg ("%zu bytes free: %s", available, err.message);
      if (refused)
        assert_int_equal (status, WCT_ERR_NO_MEMORY);
      refused = status != WCT_OK;
      wct_picture_unref (&result);
    }
  available = 0;
  assert_true (refused);
}

/* ---- What goes wrong ---------------------------------------------------------------------------------------- */

static bool
always (void *user)
{
  (void)user;
  return true;
}

static void
a_canceled_run_gives_nothing_and_the_next_one_everything (void **state)
{
  const WctHooks     hooks = { .canceled = always };
  const WctParams    params = params_of (0.6, 31), others = params_of (0.5, 31);
  const WctEngineRun usual = { .params = &params,
                               .style_count = 1,
                               .styles = &(WctEngineStyle){ .picture = style, .weight = 1 },
                               .content = content };
  WctEngineRun       other = usual;
  WctPicture        *result = NULL, *kept, *fresh;

  (void)state;
  assert_int_equal (wct_engine_run (engine, &usual, &hooks, &result, NULL), WCT_CANCELED);
  assert_null (result);
  kept = run (engine, &params, style);
  other.params = &others;
  assert_int_equal (wct_engine_run (engine, &other, &hooks, &result, NULL), WCT_CANCELED);
  assert_null (result);
  wct_picture_unref (&kept);
  kept = run (engine, &params, style);
  fresh = run_anew (0, &params, style);
  assert_same_pixels (&fresh->image, &kept->image);
  wct_picture_unref (&kept);
  wct_picture_unref (&fresh);
}

static bool
at_question (void *user)
{
  int *left = user;

  return --*left <= 0;
}

/* Wherever it is canceled, what is kept is not half of something. */
static void
runs_canceled_anywhere_leave_no_trace (void **state)
{
  WctParams   params = params_of (0.6, 31);
  WctPicture *fresh = run_anew (0, &params, style);

  (void)state;
  for (int question = 1; question < 4000; question *= 3)
    {
      int            left = question;
      const WctHooks hooks = { .user = &left, .canceled = at_question };
      WctParams      other = params_of (0.3, 31);
      WctPicture    *result = NULL, *kept;

      if (wct_engine_run (engine,
                          &(WctEngineRun){ .params = &other,
                                           .style_count = 1,
                                           .styles = &(WctEngineStyle){ .picture = style, .weight = 1 },
                                           .content = content },
                          &hooks, &result, NULL)
          == WCT_OK)
        question = 4000;
      wct_picture_unref (&result);
      kept = run (engine, &params, style);
      assert_same_pixels (&fresh->image, &kept->image);
      wct_picture_unref (&kept);
    }
  wct_picture_unref (&fresh);
}

static void
expect_no_model (const char *path)
{
  char      *usual = g_strdup (g_getenv ("WCT_MODEL"));
  WctEngine *without = wct_engine_new (0);
  WctError   err = { WCT_OK, "" };
  WctStatus  status, again;

  g_setenv ("WCT_MODEL", path, TRUE);
  status = wct_engine_open (without, NULL, &err);
  g_setenv ("WCT_MODEL", usual, TRUE);
  again = wct_engine_open (without, NULL, NULL);
  wct_engine_free (&without);
  g_free (usual);
  assert_int_not_equal (status, WCT_OK);
  assert_sentence (err.message);
  assert_int_equal (again, WCT_OK); /* once it is there, it is found */
}

static void
a_model_that_is_missing_is_said_in_one_sentence (void **state)
{
  (void)state;
  expect_no_model ("/no/such/model.safetensors");
}

static void
a_model_that_is_damaged_is_said_in_one_sentence (void **state)
{
  char *path = scratch_write ("damaged.safetensors", "no model", 8);

  (void)state;
  expect_no_model (path);
  g_free (path);
}

/* Whatever it has to say about one: never a picture of numbers that are none. */
static void
a_tiny_style_gives_a_picture_or_one_sentence (void **state)
{
  const WctParams params = params_of (0.6, 31);

  (void)state;
  for (gint side = 1; side < 32; side += 5)
    {
      WctPicture        *tiny = load_sample ("style-glass.jpg", side), *result = NULL;
      const WctEngineRun usual = { .params = &params,
                                   .style_count = 1,
                                   .styles = &(WctEngineStyle){ .picture = tiny, .weight = 1 },
                                   .content = content };
      WctError           err = { WCT_OK, "" };

      if (wct_engine_run (engine, &usual, NULL, &result, &err) != WCT_OK)
        assert_sentence (err.message);
      else
        for (gint i = 0; i < content->image.width * content->image.height * 3; i++)
          assert_true (isfinite (result->image.pixels[i]));
      wct_picture_unref (&result);
      wct_picture_unref (&tiny);
    }
}

static void
a_content_of_one_pixel_is_computed (void **state)
{
  const WctParams params = params_of (0.6, 31);
  WctPicture     *usual = content, *result;

  (void)state;
  content = load_sample ("lake.jpg", 1);
  result = run (engine, &params, style);
  assert_int_equal (result->image.width, 1);
  wct_picture_unref (&result);
  wct_picture_unref (&content);
  content = usual;
}

#define ENGINE_TEST(name) cmocka_unit_test_setup_teardown (name, open_engine, close_engine)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (no_engine_can_be_freed),
    ENGINE_TEST (an_open_engine_says_what_it_uses),
    ENGINE_TEST (a_result_has_the_contents_size_and_is_another_picture),
    ENGINE_TEST (strengths_that_come_and_go_leave_no_trace),
    ENGINE_TEST (levels_that_come_and_go_leave_no_trace),
    ENGINE_TEST (one_level_changed_alone_changes_what_it_should),
    ENGINE_TEST (styles_that_come_and_go_leave_no_trace),
    ENGINE_TEST (many_styles_are_measured_and_forgotten),
    ENGINE_TEST (other_contents_in_between_leave_no_trace),
    ENGINE_TEST (a_picture_that_is_its_own_whole_is_computed_as_ever),
    ENGINE_TEST (a_part_looks_as_it_does_in_the_whole),
    ENGINE_TEST (parts_and_wholes_that_come_and_go_leave_no_trace),
    ENGINE_TEST (threads_change_no_bit),
    ENGINE_TEST (a_larger_picture_takes_more_memory),
    ENGINE_TEST (memory_is_the_same_when_asked_again),
    ENGINE_TEST (memory_is_nearly_the_same_after_a_run),
    ENGINE_TEST (levels_that_are_off_need_no_memory),
    ENGINE_TEST (a_picture_beyond_this_machines_memory_is_refused_in_one_sentence),
    ENGINE_TEST (a_picture_runs_while_it_fits_in_what_is_free),
    ENGINE_TEST (a_canceled_run_gives_nothing_and_the_next_one_everything),
    ENGINE_TEST (runs_canceled_anywhere_leave_no_trace),
    ENGINE_TEST (a_model_that_is_missing_is_said_in_one_sentence),
    ENGINE_TEST (a_model_that_is_damaged_is_said_in_one_sentence),
    ENGINE_TEST (a_tiny_style_gives_a_picture_or_one_sentence),
    ENGINE_TEST (a_content_of_one_pixel_is_computed),
  };

  return cmocka_run_group_tests (tests, scratch_open, scratch_close);
}
