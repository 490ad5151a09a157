/* The window on screens small and dense: it fits, and the preview has the screen's pixels. Started on several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver.h"
#include "scratch.h"

#define SMALL_WIDTH  1024
#define SMALL_HEIGHT 600

static void
show_everything (WctMode mode)
{
  WctSettings settings = driver_settings ();

  settings.mode = mode;
  driver_prepare (0);
  driver_show_settings (&settings);
}

/* What it needs at least, in any state, is no more than a small screen has. */
static void
expect_to_fit_small_screens (const char *state_of_it)
{
  GtkRequisition least;

  gtk_widget_get_preferred_size (driver.window, &least, NULL);
  print_message ("%s: at least %dx%d\n", state_of_it, least.width, least.height);
  if (least.width > SMALL_WIDTH || least.height > SMALL_HEIGHT)
    fail_msg ("%s: needs %dx%d, and small screens have %dx%d", state_of_it, least.width, least.height, SMALL_WIDTH,
              SMALL_HEIGHT);
}

static void
it_fits_small_screens_in_every_state (void **state)
{
  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  expect_to_fit_small_screens ("a picture");
  driver_wait_for_preview ();
  driver.available = (size_t)1 << 30;
  driver_toggle ("mode-texture", TRUE);
  expect_to_fit_small_screens ("a texture");
  driver_spin ("texture-width", 12000);
  driver_spin ("texture-height", 12000);
  UNTIL (driver_is_visible ("memory"));
  expect_to_fit_small_screens ("a large texture");
  driver_press ("apply");
  UNTIL (driver_is_visible ("problem"));
  expect_to_fit_small_screens ("a problem");
}

static void
it_is_not_larger_than_its_screen (void **state)
{
  GdkRectangle area;
  gint         width, height;

  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  driver_wait_for_preview ();
  gdk_monitor_get_workarea (gdk_display_get_monitor (gdk_display_get_default (), 0), &area);
  gtk_window_get_size (GTK_WINDOW (driver.window), &width, &height);
  print_message ("%dx%d on a screen of %dx%d at %d00 %%\n", width, height, area.width, area.height,
                 gtk_widget_get_scale_factor (driver.window));
  assert_true (width <= area.width);
  assert_true (height <= area.height);
}

#define PAGES 5

/* What a mode has, with as many styles as the square mixes and a region for two of them. */
static void
expect_no_scroll_bars (WctMode mode)
{
  GtkNotebook *pages;

  show_everything (mode);
  for (int i = 0; i < 3; i++)
    driver_press ("add-source-2");
  if (mode == WCT_MODE_STYLIZE)
    driver_press ("add-region");
  driver_wait_for_preview ();
  pages = GTK_NOTEBOOK (driver_find ("pages"));
  for (gint i = 0; i < PAGES; i++)
    {
      GtkWidget     *page = gtk_notebook_get_nth_page (pages, i);
      GtkAdjustment *down = gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (page));

      if (!gtk_widget_get_visible (page))
        continue;
      gtk_notebook_set_current_page (pages, i);
      patience_settle ();
      UNTIL (gtk_widget_get_mapped (page));
      print_message ("%s: %.0f of %.0f pixels\n", gtk_widget_get_name (page), gtk_adjustment_get_page_size (down),
                     gtk_adjustment_get_upper (down));
      if (gtk_adjustment_get_upper (down) > gtk_adjustment_get_page_size (down))
        fail_msg ("%s has to be scrolled", gtk_widget_get_name (page));
    }
}

static void
skip_small_screens (void)
{
  GdkRectangle area;

  gdk_monitor_get_workarea (gdk_display_get_monitor (gdk_display_get_default (), 0), &area);
  if (area.width < 1280 || area.height < 800)
    {
      print_message ("%dx%d is a small screen\n", area.width, area.height);
      skip ();
    }
}

static void
a_pictures_pages_are_seen_as_a_whole (void **state)
{
  (void)state;
  skip_small_screens ();
  expect_no_scroll_bars (WCT_MODE_STYLIZE);
}

static void
a_textures_pages_are_seen_as_a_whole (void **state)
{
  (void)state;
  skip_small_screens ();
  expect_no_scroll_bars (WCT_MODE_TEXTURE);
}

/* Buttons are not cut off, whatever the size. */
static void
its_buttons_are_inside (void **state)
{
  static const char *const names[] = { "help",    "reuse",    "cancel",     "apply",      "ok",   "fit",      "actual",
                                       "compare", "accurate", "snapshot-a", "snapshot-b", "flip", "randomize" };

  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  driver_wait_for_preview ();
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      GtkWidget *button = driver_find (names[i]);
      gint       x = -1, y = -1;

      assert_true (gtk_widget_translate_coordinates (button, driver.window, 0, 0, &x, &y));
      if (x < 0 || y < 0 || x + gtk_widget_get_allocated_width (button) > gtk_widget_get_allocated_width (driver.window)
          || y + gtk_widget_get_allocated_height (button) > gtk_widget_get_allocated_height (driver.window))
        fail_msg ("\"%s\" is outside the window", names[i]);
    }
}

static gint
right_edge (GtkWidget *widget)
{
  gint x = 0, y = 0;

  assert_true (gtk_widget_translate_coordinates (widget, driver.window, 0, 0, &x, &y));
  return x + gtk_widget_get_allocated_width (widget);
}

static void
what_is_on_its_left_side_ends_where_the_preview_does (void **state)
{
  gint edge;

  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  driver_wait_for_preview ();
  edge = right_edge (wct_preview_widget (driver.preview));
  assert_int_equal (right_edge (driver_find ("accurate")), edge);
  assert_int_equal (right_edge (driver_find ("flip")), edge);
}

/* What is computed is what the area shows, with the margins that the networks need, at any density. */
static void
one_to_one_computes_what_is_seen (void **state)
{
  const WctSettings settings = driver_settings ();
  gint              seen;

  (void)state;
  driver_prepare (0);
  driver_show_settings (&settings);
  driver_wait_for_preview ();
  driver_press ("actual");
  driver_wait_for_preview ();
  assert_true (wct_preview_zoom (driver.preview) == 1);
  seen = gtk_widget_get_allocated_width (wct_preview_widget (driver.preview));
  print_message ("%d pixels seen, %d of the content, computed as %d\n", seen, driver.last.part.width,
                 driver.last.after->image.width);
  assert_in_range (driver.last.part.width, MIN (seen, 960), MIN (seen + 64, 960));
  assert_true (driver.last.after->image.width <= driver.last.part.width);
}

#define DIALOG_TEST(name) cmocka_unit_test_setup_teardown (name, driver_open, driver_close)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    DIALOG_TEST (it_fits_small_screens_in_every_state),
    DIALOG_TEST (it_is_not_larger_than_its_screen),
    DIALOG_TEST (a_pictures_pages_are_seen_as_a_whole),
    DIALOG_TEST (a_textures_pages_are_seen_as_a_whole),
    DIALOG_TEST (its_buttons_are_inside),
    DIALOG_TEST (what_is_on_its_left_side_ends_where_the_preview_does),
    DIALOG_TEST (one_to_one_computes_what_is_seen),
  };

  const int status = driver_begin (&argc, &argv);

  return status != 0 ? status : cmocka_run_group_tests (tests, NULL, scratch_close);
}
