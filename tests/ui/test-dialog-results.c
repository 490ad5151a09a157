/* Results that can be gone back to: A and B, the row of the last ones, and what was tried at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver.h"
#include "history-strip.h"
#include "same.h"
#include "scratch.h"

#define CONTENT_SIDE 64

static gint
history_count (void)
{
  GList     *children = gtk_container_get_children (GTK_CONTAINER (driver_find ("history")));
  const gint count = (gint)g_list_length (children);

  g_list_free (children);
  return count;
}

/* A result of this strength, in the row. */
static void
make_result (double strength)
{
  const gint before = history_count ();

  driver_slide ("relu4-scale", strength);
  driver_wait_for_preview ();
  UNTIL (history_count () == MIN (before + 1, WCT_HISTORY_MAX)
         && gtk_adjustment_get_value (gtk_range_get_adjustment (GTK_RANGE (driver_find ("relu4-scale")))) == strength);
}

static void
a_result_that_stands_is_in_the_row_and_brings_its_settings_back (void **state)
{
  WctSettings first;
  WctPicture *picture;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  UNTIL (history_count () == 1);
  first = *driver_now ();
  picture = wct_picture_ref (driver.last.after);
  make_result (0.1);
  driver_press ("history-1");
  assert_same_settings (&first, driver_now ());
  assert_same_pixels (&picture->image, &driver.last.after->image); /* shown at once, nothing was computed yet */
  driver_wait_for_preview ();
  assert_same_pixels (&picture->image, &driver.last.after->image);
  wct_picture_unref (&picture);
}

static void
settings_that_were_there_before_are_not_kept_twice (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  UNTIL (history_count () == 1);
  make_result (0.1);
  driver_press ("history-1");
  driver_wait_for_preview ();
  make_result (0.2);
  assert_int_equal (history_count (), 3);
}

static void
the_row_is_bounded (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  UNTIL (history_count () == 1);
  for (int i = 0; i < WCT_HISTORY_MAX + 2; i++)
    {
      driver_slide ("relu4-scale", 0.02 * (i + 1));
      driver_wait_for_preview ();
      UNTIL (history_count () == MIN (i + 2, WCT_HISTORY_MAX));
    }
  assert_null (driver_seek ("history-12"));
}

/* The older ones are beyond its end. */
static void
the_wheel_moves_the_row (void **state)
{
  GtkWidget     *place;
  GtkAdjustment *across;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  UNTIL (history_count () == 1);
  for (int i = 1; i < WCT_HISTORY_MAX; i++)
    make_result (0.02 * i);
  place = gtk_widget_get_ancestor (driver_find ("history"), GTK_TYPE_SCROLLED_WINDOW);
  across = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (place));
  gtk_adjustment_set_value (across, 0);
  driver_scroll (place, 5, 5, GDK_SCROLL_DOWN);
  assert_true (gtk_adjustment_get_value (across) > 0);
  driver_scroll (place, 5, 5, GDK_SCROLL_UP);
  assert_true (gtk_adjustment_get_value (across) == 0);
}

static void
a_and_b_are_flipped_at_once (void **state)
{
  WctSettings a, b;
  WctPicture *picture_a, *picture_b;

  (void)state;
  driver_show (CONTENT_SIDE);
  assert_false (driver_is_sensitive ("flip"));
  driver_wait_for_preview ();
  a = *driver_now ();
  picture_a = wct_picture_ref (driver.last.after);
  driver_press ("snapshot-a");
  assert_false (driver_is_sensitive ("flip"));
  driver_slide ("relu4-scale", 0.1);
  driver_slide ("relu1-scale", 1);
  driver_wait_for_preview ();
  b = *driver_now ();
  picture_b = wct_picture_ref (driver.last.after);
  driver_press ("snapshot-b");
  assert_true (driver_is_sensitive ("flip"));
  driver_toggle ("flip", FALSE);
  assert_same_settings (&a, driver_now ());
  assert_same_pixels (&picture_a->image, &driver.last.after->image);
  driver_toggle ("flip", TRUE);
  assert_same_settings (&b, driver_now ());
  assert_same_pixels (&picture_b->image, &driver.last.after->image);
  assert_true (largest_difference (&picture_a->image, &picture_b->image) > 0);
  wct_picture_unref (&picture_a);
  wct_picture_unref (&picture_b);
}

static void
what_is_random_is_allowed_says_its_number_and_can_be_taken_back (void **state)
{
  WctSettings before, made;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  UNTIL (history_count () == 1);
  before = *driver_now ();
  driver_press ("randomize");
  made = before;
  wct_settings_randomize (&made, (guint32)g_ascii_strtoull (driver_text ("random-seed"), NULL, 10));
  assert_same_settings (&made, driver_now ());
  assert_int_equal (wct_params_check (&driver_now ()->params, NULL), WCT_OK);
  driver_wait_for_preview ();
  driver_press ("history-0");
  assert_same_settings (&before, driver_now ());
}

static void
every_random_number_gives_settings_that_can_be_used (void **state)
{
  (void)state;
  for (guint32 seed = 0; seed < 1000; seed++)
    {
      WctSettings settings, again;

      wct_settings_init (seed % 2 == 0 ? WCT_MODE_STYLIZE : WCT_MODE_TEXTURE, &settings);
      again = settings;
      wct_settings_randomize (&settings, seed);
      wct_settings_randomize (&again, seed);
      assert_int_equal (wct_params_check (&settings.params, NULL), WCT_OK);
      assert_same_settings (&settings, &again);
    }
}

#define DIALOG_TEST(name) cmocka_unit_test_setup_teardown (name, driver_open, driver_close)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    DIALOG_TEST (a_result_that_stands_is_in_the_row_and_brings_its_settings_back),
    DIALOG_TEST (settings_that_were_there_before_are_not_kept_twice),
    DIALOG_TEST (the_row_is_bounded),
    DIALOG_TEST (the_wheel_moves_the_row),
    DIALOG_TEST (a_and_b_are_flipped_at_once),
    DIALOG_TEST (what_is_random_is_allowed_says_its_number_and_can_be_taken_back),
    cmocka_unit_test (every_random_number_gives_settings_that_can_be_used),
  };

  const int status = driver_begin (&argc, &argv);

  return status != 0 ? status : cmocka_run_group_tests (tests, NULL, scratch_close);
}
