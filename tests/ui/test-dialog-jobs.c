/* Applying: what the host gets, how it ends well, badly, or early, and what is refused with which sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "driver.h"
#include "same.h"
#include "scratch.h"

#define CONTENT_SIDE 96
#define LONG_SIDE    2048 /* of a texture that takes long enough to be stopped */

/* A dialog whose job takes long. */
static void
show_long_job (void)
{
  WctSettings settings;

  wct_settings_init (WCT_MODE_TEXTURE, &settings);
  wct_settings_set_style (&settings, STYLE_GLASS, NULL);
  settings.params.style_size = 96;
  settings.width = settings.height = LONG_SIDE;
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
}

static gboolean
is_busy (void)
{
  return wct_session_busy (wct_dialog_session (driver.dialog));
}

/* Begun, and being computed. */
static void
start_long_job (const char *button)
{
  driver_press (button);
  UNTIL (driver.begun == 1 && driver.pictures.progress > 0);
  assert_true (is_busy ());
}

/* Nothing was done, and the dialog goes on: with the next preview. */
static void
expect_canceled (void)
{
  assert_false (is_busy ());
  assert_false (driver_is_closed ());
  assert_true (driver.progress_ended);
  assert_false (driver_is_visible ("progress"));
  assert_false (driver_is_visible ("problem"));
  assert_true (driver_is_sensitive ("apply"));
  driver_wait_for_preview ();
  assert_int_equal (driver.finished, 0);
  assert_int_equal (driver.pictures.finished, 0);
}

/* ---- Ends well ---------------------------------------------------------------------------------------------- */

static void
apply_gives_the_host_what_is_shown_and_stays (void **state)
{
  WctPicture *style, *expected;
  WctSettings shown;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu4-scale", 0.9);
  driver_toggle ("relu5", FALSE);
  shown = *driver_now ();
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  assert_same_settings (&shown, &driver.applied);
  assert_true (g_str_has_suffix (driver.model, ".safetensors"));
  style = driver_load_style (STYLE_GLASS, 96);
  expected = driver_compute (&shown.params, style, driver.pictures.content);
  assert_same_pixels (&expected->image, &driver.result->image);
  UNTIL (!is_busy ());
  assert_false (driver_is_closed ());
  assert_int_equal (driver.begun, 1);
  assert_true (driver.progress_ended);
  wct_picture_unref (&style);
  wct_picture_unref (&expected);
}

static void
a_texture_is_made_of_its_seed_at_its_size (void **state)
{
  WctPicture *style, *noise = NULL, *expected;
  WctSettings shown;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_toggle ("mode-texture", TRUE);
  driver_spin ("style-size-spin", 96);
  driver_spin ("texture-width", 80);
  driver_spin ("texture-height", 48);
  driver_spin ("texture-seed", 5);
  shown = *driver_now ();
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  assert_same_settings (&shown, &driver.applied);
  assert_int_equal (wct_picture_new (80, 48, &noise, NULL), WCT_OK);
  wct_noise_fill (&noise->image, 5);
  style = driver_load_style (STYLE_GLASS, 96);
  expected = driver_compute (&shown.params, style, noise);
  assert_same_pixels (&expected->image, &driver.result->image);
  wct_picture_unref (&style);
  wct_picture_unref (&noise);
  wct_picture_unref (&expected);
}

/* The result is what is looked at next. */
static void
after_a_result_in_place_the_preview_starts_from_it (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_toggle ("output-replace", TRUE);
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  driver_wait_for_preview ();
  UNTIL (largest_difference (&driver.result->image, &driver.last.before->image) == 0);
  driver_press ("apply");
  UNTIL (driver.finished == 2);
  assert_int_equal (driver.begun, 2);
}

static void
ok_applies_and_closes (void **state)
{
  WctSettings shown;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu3-scale", 0.1);
  shown = *driver_now ();
  driver_press ("ok");
  UNTIL (driver_is_closed ());
  assert_int_equal (driver.begun, 1);
  assert_int_equal (driver.finished, 1);
  assert_same_settings (&shown, &driver.applied);
}

/* Presses this in a dialog that runs. */
static gboolean
press_now (gpointer user)
{
  driver_press (user);
  return G_SOURCE_REMOVE;
}

static gboolean
run_and_press (const char *button, WctSettings *settings)
{
  gboolean applied;

  g_idle_add (press_now, (gpointer)button);
  applied = wct_dialog_run (driver.dialog, settings);
  assert_true (driver_is_closed ());
  return applied;
}

static void
running_it_tells_what_was_applied (void **state)
{
  WctSettings settings = driver_settings ();

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu3-scale", 0.1);
  assert_true (run_and_press ("ok", &settings));
  assert_true (settings.params.alpha[2] == 0.1);
  assert_same_settings (&driver.applied, &settings);
}

static void
running_it_tells_that_nothing_was_applied (void **state)
{
  WctSettings settings = driver_settings (), before = settings;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu3-scale", 0.1);
  assert_false (run_and_press ("cancel", &settings));
  assert_same_settings (&before, &settings);
  assert_int_equal (driver.begun, 0);
}

static void
what_was_applied_before_cancel_is_what_it_tells (void **state)
{
  WctSettings settings = driver_settings ();

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu3-scale", 0.1);
  driver_press ("apply");
  UNTIL (driver.finished == 1 && !is_busy ());
  driver_slide ("relu3-scale", 0.7);
  assert_true (run_and_press ("cancel", &settings));
  assert_true (settings.params.alpha[2] == 0.1);
}

/* ---- Closed without a job ----------------------------------------------------------------------------------- */

static void
close_by (void (*close) (void))
{
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  close ();
  UNTIL (driver_is_closed ());
  assert_int_equal (driver.begun, 0);
  assert_int_equal (driver.finished, 0);
}

static void
press_cancel (void)
{
  driver_press ("cancel");
}

static void
press_escape (void)
{
  driver_key (GDK_KEY_Escape, 0);
}

static void
cancel_closes_without_a_trace (void **state)
{
  (void)state;
  close_by (press_cancel);
}

static void
escape_closes_without_a_trace (void **state)
{
  (void)state;
  close_by (press_escape);
}

static void
the_windows_cross_closes_without_a_trace (void **state)
{
  (void)state;
  close_by (driver_close_window);
}

/* ---- Ended early -------------------------------------------------------------------------------------------- */

static void
cancel_by (const char *button, void (*close) (void))
{
  gint64 began;

  show_long_job ();
  start_long_job (button);
  began = g_get_monotonic_time ();
  close ();
  UNTIL (!is_busy ());
  print_message ("canceled after %.3f s\n", (double)(g_get_monotonic_time () - began) * 1e-6);
  expect_canceled ();
}

static void
cancel_ends_the_job_and_the_dialog_stays (void **state)
{
  (void)state;
  cancel_by ("apply", press_cancel);
}

static void
escape_ends_the_job_and_the_dialog_stays (void **state)
{
  (void)state;
  cancel_by ("apply", press_escape);
}

static void
the_windows_cross_ends_the_job_and_the_dialog_stays (void **state)
{
  (void)state;
  cancel_by ("apply", driver_close_window);
}

static void
after_ok_cancel_ends_the_job_and_the_dialog_stays (void **state)
{
  (void)state;
  cancel_by ("ok", press_cancel);
}

static void
canceled_before_it_began_the_host_is_asked_nothing (void **state)
{
  (void)state;
  show_long_job ();
  driver_wait_for_preview ();
  driver_press ("apply");
  driver_press ("cancel");
  assert_false (is_busy ());
  driver_wait_for_preview ();
  assert_int_equal (driver.finished, 0);
  assert_false (driver_is_closed ());
}

static void
after_a_canceled_job_the_next_one_is_done (void **state)
{
  (void)state;
  show_long_job ();
  start_long_job ("apply");
  driver_press ("cancel");
  driver_spin ("texture-width", 64);
  driver_spin ("texture-height", 64);
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  assert_int_equal (driver.begun, 2);
  assert_int_equal (driver.result->image.width, 64);
}

static void
while_it_works_only_cancel_can_be_pressed (void **state)
{
  static const char *const closed[] = { "apply",       "ok",           "accurate",     "style",
                                        "relu4-scale", "preset-plain", "mode-stylize", "add-style",
                                        "presets",     "randomize",    "snapshot-a" };

  (void)state;
  show_long_job ();
  start_long_job ("apply");
  UNTIL (driver_is_visible ("progress"));
  for (size_t i = 0; i < G_N_ELEMENTS (closed); i++)
    if (driver_is_sensitive (closed[i]))
      fail_msg ("\"%s\" can be changed while a job runs", closed[i]);
  assert_true (driver_is_sensitive ("cancel"));
  driver_press ("cancel");
  expect_canceled ();
}

static void
progress_rises_in_the_bar_and_at_the_host (void **state)
{
  double bar = 0, host = 0;

  (void)state;
  show_long_job ();
  start_long_job ("apply");
  UNTIL (bar > 0.02 && host > 0.02)
  {
    const double in_bar = gtk_progress_bar_get_fraction (GTK_PROGRESS_BAR (driver_find ("progress")));

    assert_true (in_bar >= bar || bar == 0);
    assert_true (driver.pictures.progress >= host || host == 0);
    bar = in_bar;
    host = driver.pictures.progress;
  }
  driver_press ("cancel");
  expect_canceled ();
}

static void
the_preview_can_be_looked_at_while_a_job_runs (void **state)
{
  (void)state;
  show_long_job ();
  driver_wait_for_preview ();
  start_long_job ("apply");
  driver_press ("actual");
  assert_false (wct_preview_fits (driver.preview));
  driver_press ("fit");
  assert_true (wct_preview_fits (driver.preview));
  driver_toggle ("compare", FALSE);
  assert_true (is_busy ());
  driver_press ("cancel");
  expect_canceled ();
}

static void
freed_while_a_job_runs_it_ends (void **state)
{
  gint64 began;

  (void)state;
  show_long_job ();
  start_long_job ("apply");
  began = g_get_monotonic_time ();
  wct_dialog_free (&driver.dialog);
  print_message ("freed after %.3f s\n", (double)(g_get_monotonic_time () - began) * 1e-6);
  assert_null (driver.dialog);
  patience_settle ();
  assert_int_equal (driver.finished, 0);
}

static void
freed_while_a_preview_is_computed_it_ends (void **state)
{
  (void)state;
  driver_show (0);
  UNTIL (driver.submitted > 0);
  wct_dialog_free (&driver.dialog);
  patience_settle ();
  assert_int_equal (driver.shown, 0);
}

static void
no_dialog_can_be_freed (void **state)
{
  WctDialog *none = NULL;

  (void)state;
  wct_dialog_free (&none);
  assert_null (none);
}

/* ---- Help and settings to reuse ----------------------------------------------------------------------------- */

static void
a_host_without_help_has_no_button_for_it (void **state)
{
  const WctSettings settings = driver_settings ();

  (void)state;
  driver_prepare (CONTENT_SIDE);
  driver.pictures.host.help = NULL;
  driver.pictures.host.reuse = NULL;
  driver_show_settings (&settings);
  assert_null (driver_seek ("help"));
  assert_null (driver_seek ("reuse"));
}

static void
help_is_asked_for_by_its_button (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_press ("help");
  assert_int_equal (driver.helped, 1);
  assert_false (driver_is_closed ());
}

static void
help_that_cannot_be_shown_is_said_in_one_sentence (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver.fail_help = WCT_ERR_IO;
  driver_press ("help");
  assert_true (driver_is_visible ("problem"));
  assert_string_equal (driver_text ("problem"), "The test does not let help succeed.");
}

static void
settings_are_reused_and_shown (void **state)
{
  WctSettings expected;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver.has_reusable = TRUE;
  wct_settings_init (WCT_MODE_TEXTURE, &driver.reusable);
  wct_settings_set_style (&driver.reusable, STYLE_SWIRLS, NULL);
  driver.reusable.params.seed = 99;
  driver.reusable.params.alpha[0] = 0.3;
  driver.reusable.output = WCT_OUTPUT_REPLACE;
  driver.reusable.width = 64;
  expected = driver.reusable;
  driver_press ("reuse");
  assert_same_settings (&expected, driver_now ());
  assert_true (driver_is_visible ("texture-seed"));
  assert_true (gtk_range_get_value (GTK_RANGE (driver_find ("relu1-scale"))) == 0.3);
  assert_true (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (driver_find ("mode-texture"))));
}

static void
without_settings_to_reuse_it_says_so (void **state)
{
  const WctSettings start = driver_settings ();

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_press ("reuse");
  assert_true (driver_is_visible ("problem"));
  assert_sentence (driver_text ("problem"));
  assert_same_settings (&start, driver_now ());
}

/* ---- Refused ------------------------------------------------------------------------------------------------ */

/* Applying says one sentence, and the dialog is there and ready. */
static void
expect_apply_refused (const char *button)
{
  driver_press (button);
  UNTIL (driver_is_visible ("problem"));
  assert_sentence (driver_text ("problem"));
  assert_false (is_busy ());
  assert_false (driver_is_closed ());
  assert_int_equal (driver.finished, 0);
  assert_true (driver_is_sensitive ("apply"));
  assert_false (driver_is_visible ("progress"));
}

static void
expect_sentence_in_the_preview (void)
{
  UNTIL (driver.refused > 0);
  assert_sentence (driver.sentence);
}

static void
without_a_style_both_say_which_step_is_missing (void **state)
{
  WctSettings settings = driver_settings ();

  (void)state;
  wct_settings_set_style (&settings, WCT_STYLE_NONE, NULL);
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  expect_sentence_in_the_preview ();
  expect_apply_refused ("apply");
  assert_string_equal (driver_text ("problem"), driver.sentence);
  assert_int_equal (driver.begun, 0);
  gtk_combo_box_set_active (GTK_COMBO_BOX (driver_find ("style")), STYLE_GLASS);
  driver_wait_for_preview ();
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  assert_false (driver_is_visible ("problem"));
}

static void
without_a_level_both_say_so (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  driver.refused = 0;
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      char name[16];

      g_snprintf (name, sizeof name, "relu%d", level);
      driver_toggle (name, FALSE);
    }
  expect_sentence_in_the_preview ();
  expect_apply_refused ("apply");
  assert_string_equal (driver_text ("problem"), driver.sentence);
  assert_int_equal (driver.begun, 0);
  driver_toggle ("relu3", TRUE);
  driver_wait_for_preview ();
}

static void
a_style_that_went_away_is_said (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  driver.refused = 0;
  driver.fail_source = WCT_ERR_ARGUMENT;
  expect_apply_refused ("apply");
  driver_spin ("style-size-spin", 64);
  expect_sentence_in_the_preview ();
}

static void
content_that_went_away_is_said (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  driver.refused = 0;
  driver.fail_content_size = WCT_ERR_ARGUMENT;
  expect_apply_refused ("apply");
  driver_slide ("relu4-scale", 0.5);
  expect_sentence_in_the_preview ();
}

static void
a_host_that_does_not_begin_is_said (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver.fail_begin = WCT_ERR_ARGUMENT;
  expect_apply_refused ("apply");
  assert_string_equal (driver_text ("problem"), "The test does not let begin succeed.");
  driver.fail_begin = WCT_OK;
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  assert_false (driver_is_visible ("problem"));
}

static void
a_host_that_does_not_finish_is_said_and_nothing_was_applied (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver.fail_finish = WCT_ERR_IO;
  expect_apply_refused ("apply");
  assert_string_equal (driver_text ("problem"), "The test does not let finish succeed.");
}

static void
ok_that_fails_does_not_close (void **state)
{
  WctSettings settings;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver.fail_finish = WCT_ERR_IO;
  expect_apply_refused ("ok");
  driver.fail_finish = WCT_OK;
  g_idle_add (press_now, (gpointer) "cancel");
  assert_false (wct_dialog_run (driver.dialog, &settings));
}

/* A later Apply, which stays open, is not closed by an OK that had failed before. */
static void
after_a_failed_ok_apply_stays (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver.fail_begin = WCT_ERR_IO;
  expect_apply_refused ("ok");
  driver.fail_begin = WCT_OK;
  driver_press ("apply");
  UNTIL (driver.finished == 1 && !is_busy ());
  assert_false (driver_is_closed ());
}

static void
what_memory_cannot_hold_is_refused_before_the_host_is_asked (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  driver.available = 1000;
  expect_apply_refused ("apply");
  assert_int_equal (driver.begun, 0);
  driver.available = 0;
  driver_press ("apply");
  UNTIL (driver.finished == 1);
}

/* ---- Large jobs --------------------------------------------------------------------------------------------- */

static void
show_large_texture (gint side)
{
  WctSettings settings;

  wct_settings_init (WCT_MODE_TEXTURE, &settings);
  wct_settings_set_style (&settings, STYLE_GLASS, NULL);
  settings.params.style_size = 96;
  settings.width = settings.height = side;
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
}

static void
a_large_job_says_how_much_memory_it_takes (void **state)
{
  (void)state;
  driver.available = (size_t)1 << 50;
  show_large_texture (12000);
  UNTIL (driver_is_visible ("memory"));
  print_message ("%s\n", driver_text ("memory"));
  assert_sentence (driver_text ("memory"));
  assert_non_null (strstr (driver_text ("memory"), "GB"));
  driver_spin ("texture-width", 64);
  driver_spin ("texture-height", 64);
  UNTIL (!driver_is_visible ("memory"));
}

static void
a_job_too_large_says_so_and_is_not_begun (void **state)
{
  (void)state;
  driver.available = (size_t)1 << 30;
  show_large_texture (12000);
  UNTIL (driver_is_visible ("memory"));
  print_message ("%s\n", driver_text ("memory"));
  expect_apply_refused ("apply");
  print_message ("%s\n", driver_text ("problem"));
  assert_int_equal (driver.begun, 0);
}

/* Sliders are moved while the question is on its way: it is answered all the same. */
static void
memory_is_told_though_sliders_move (void **state)
{
  int before = 0;

  (void)state;
  driver.available = (size_t)1 << 50;
  show_large_texture (12000);
  for (int i = 0; i < 8; i++)
    {
      before = driver.shown;
      UNTIL (driver.shown > before);
      driver_slide ("relu1-scale", 0.1 * i);
    }
  UNTIL (driver_is_visible ("memory"));
  driver_wait_for_preview ();
}

static void
small_jobs_say_nothing_about_memory (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  driver_wait_for_preview ();
  assert_false (driver_is_visible ("memory"));
}

static void
it_says_what_it_computes_with (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  assert_sentence (driver_text ("machine"));
  assert_non_null (strstr (driver_text ("machine"), "wct-compact"));
}

#define DIALOG_TEST(name) cmocka_unit_test_setup_teardown (name, driver_open, driver_close)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    DIALOG_TEST (apply_gives_the_host_what_is_shown_and_stays),
    DIALOG_TEST (a_texture_is_made_of_its_seed_at_its_size),
    DIALOG_TEST (after_a_result_in_place_the_preview_starts_from_it),
    DIALOG_TEST (ok_applies_and_closes),
    DIALOG_TEST (running_it_tells_what_was_applied),
    DIALOG_TEST (running_it_tells_that_nothing_was_applied),
    DIALOG_TEST (what_was_applied_before_cancel_is_what_it_tells),
    DIALOG_TEST (cancel_closes_without_a_trace),
    DIALOG_TEST (escape_closes_without_a_trace),
    DIALOG_TEST (the_windows_cross_closes_without_a_trace),
    DIALOG_TEST (cancel_ends_the_job_and_the_dialog_stays),
    DIALOG_TEST (escape_ends_the_job_and_the_dialog_stays),
    DIALOG_TEST (the_windows_cross_ends_the_job_and_the_dialog_stays),
    DIALOG_TEST (after_ok_cancel_ends_the_job_and_the_dialog_stays),
    DIALOG_TEST (canceled_before_it_began_the_host_is_asked_nothing),
    DIALOG_TEST (after_a_canceled_job_the_next_one_is_done),
    DIALOG_TEST (while_it_works_only_cancel_can_be_pressed),
    DIALOG_TEST (progress_rises_in_the_bar_and_at_the_host),
    DIALOG_TEST (the_preview_can_be_looked_at_while_a_job_runs),
    DIALOG_TEST (freed_while_a_job_runs_it_ends),
    DIALOG_TEST (freed_while_a_preview_is_computed_it_ends),
    cmocka_unit_test (no_dialog_can_be_freed),
    DIALOG_TEST (a_host_without_help_has_no_button_for_it),
    DIALOG_TEST (help_is_asked_for_by_its_button),
    DIALOG_TEST (help_that_cannot_be_shown_is_said_in_one_sentence),
    DIALOG_TEST (settings_are_reused_and_shown),
    DIALOG_TEST (without_settings_to_reuse_it_says_so),
    DIALOG_TEST (without_a_style_both_say_which_step_is_missing),
    DIALOG_TEST (without_a_level_both_say_so),
    DIALOG_TEST (a_style_that_went_away_is_said),
    DIALOG_TEST (content_that_went_away_is_said),
    DIALOG_TEST (a_host_that_does_not_begin_is_said),
    DIALOG_TEST (a_host_that_does_not_finish_is_said_and_nothing_was_applied),
    DIALOG_TEST (ok_that_fails_does_not_close),
    DIALOG_TEST (after_a_failed_ok_apply_stays),
    DIALOG_TEST (what_memory_cannot_hold_is_refused_before_the_host_is_asked),
    DIALOG_TEST (a_large_job_says_how_much_memory_it_takes),
    DIALOG_TEST (a_job_too_large_says_so_and_is_not_begun),
    DIALOG_TEST (memory_is_told_though_sliders_move),
    DIALOG_TEST (small_jobs_say_nothing_about_memory),
    DIALOG_TEST (it_says_what_it_computes_with),
  };

  const int status = driver_begin (&argc, &argv);

  return status != 0 ? status : cmocka_run_group_tests (tests, NULL, scratch_close);
}
