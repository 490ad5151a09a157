/* The preview: the right pixels at the right place, the newest settings in the end, and hands that zoom, pan, and drag
 * the line between before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver.h"
#include "same.h"
#include "scratch.h"

#define SMALL_SIDE 96

static GtkWidget *
area (void)
{
  return wct_preview_widget (driver.preview);
}

static double
width (void)
{
  return gtk_widget_get_allocated_width (area ());
}

static double
height (void)
{
  return gtk_widget_get_allocated_height (area ());
}

/* ---- The right pixels --------------------------------------------------------------------------------------- */

static void
a_small_picture_is_shown_as_it_would_be_applied (void **state)
{
  WctPicture *style, *expected;

  (void)state;
  driver_show (SMALL_SIDE);
  driver_wait_for_preview ();
  style = driver_load_style (STYLE_GLASS, 96);
  expected = driver_compute (&driver_now ()->params, style, driver.pictures.content);
  assert_true (driver.last.exact);
  assert_same_pixels (&driver.pictures.content->image, &driver.last.before->image);
  assert_same_pixels (&expected->image, &driver.last.after->image);
  assert_int_equal (driver.last.part.width, SMALL_SIDE);
  wct_picture_unref (&style);
  wct_picture_unref (&expected);
}

static void
a_large_picture_is_shown_small_first (void **state)
{
  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  assert_int_equal (driver.last.width, 960);
  assert_int_equal (driver.last.height, 640);
  assert_int_equal (driver.last.part.width, 960);
  assert_true (driver.last.after->image.width < 960);
  assert_false (driver.last.exact);
  assert_sentence (driver_text ("note"));
}

/* The last of many moves is what is seen, whatever was computed on the way. */
static void
many_fast_moves_end_in_what_the_last_one_says (void **state)
{
  static const char *const scales[] = { "relu4-scale", "relu1-scale", "relu3-scale" };
  WctPicture              *style, *expected;

  (void)state;
  driver_show (SMALL_SIDE);
  for (int i = 0; i < 120; i++)
    {
      driver_slide (scales[i % 3], (i * 37 % 100) / 100.0);
      if (i % 10 == 0)
        g_main_context_iteration (NULL, FALSE);
      if (i == 40)
        driver_toggle ("relu2", FALSE);
      if (i == 80)
        driver_toggle ("relu2", TRUE);
    }
  driver_wait_for_preview ();
  print_message ("122 changes, %d previews\n", driver.shown);
  style = driver_load_style (STYLE_GLASS, 96);
  expected = driver_compute (&driver_now ()->params, style, driver.pictures.content);
  assert_same_pixels (&expected->image, &driver.last.after->image);
  wct_picture_unref (&style);
  wct_picture_unref (&expected);
}

static void
fast_changes_of_style_and_mode_end_in_the_last (void **state)
{
  WctPicture *style, *expected;

  (void)state;
  driver_show (SMALL_SIDE);
  for (int i = 0; i < 20; i++)
    {
      gtk_combo_box_set_active (GTK_COMBO_BOX (driver_find ("style")), i % 2 == 0 ? STYLE_GLASS : STYLE_SWIRLS);
      driver_toggle ("mode-texture", i % 3 == 0);
      driver_toggle ("mode-stylize", i % 3 != 0);
      g_main_context_iteration (NULL, FALSE);
    }
  driver_toggle ("mode-stylize", TRUE);
  assert_int_equal (driver_now ()->styles[0].id, STYLE_SWIRLS);
  driver_wait_for_preview ();
  style = driver_load_style (STYLE_SWIRLS, driver_now ()->params.style_size);
  expected = driver_compute (&driver_now ()->params, style, driver.pictures.content);
  assert_same_pixels (&driver.pictures.content->image, &driver.last.before->image);
  assert_same_pixels (&expected->image, &driver.last.after->image);
  wct_picture_unref (&style);
  wct_picture_unref (&expected);
}

static void
the_style_is_read_at_the_size_that_was_asked_for (void **state)
{
  WctPicture *style, *expected;

  (void)state;
  driver_show (SMALL_SIDE);
  driver_spin ("style-size-spin", 160);
  driver_wait_for_preview ();
  style = driver_load_style (STYLE_GLASS, 160);
  expected = driver_compute (&driver_now ()->params, style, driver.pictures.content);
  assert_same_pixels (&expected->image, &driver.last.after->image);
  wct_picture_unref (&style);
  wct_picture_unref (&expected);
}

static void
a_textures_preview_is_made_of_its_seed (void **state)
{
  WctPicture *noise = NULL;

  (void)state;
  driver_show (SMALL_SIDE);
  driver_toggle ("mode-texture", TRUE);
  driver_spin ("texture-seed", 3);
  driver_spin ("texture-width", 64);
  driver_spin ("texture-height", 32);
  driver_wait_for_preview ();
  assert_int_equal (wct_picture_new (64, 32, &noise, NULL), WCT_OK);
  wct_noise_fill (&noise->image, 3);
  assert_int_equal (driver.last.width, 64);
  assert_int_equal (driver.last.height, 32);
  assert_same_pixels (&noise->image, &driver.last.before->image);
  wct_picture_unref (&noise);
}

/* ---- All pixels --------------------------------------------------------------------------------------------- */

static void
accurate_computes_all_pixels_of_what_is_seen (void **state)
{
  WctPicture *style, *expected;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  assert_true (driver_is_sensitive ("accurate"));
  driver_press ("accurate");
  assert_false (driver_is_sensitive ("accurate"));
  UNTIL (driver.last.exact);
  assert_int_equal (driver.last.after->image.width, 960);
  UNTIL (!driver_is_visible ("progress"));
  assert_false (driver_is_sensitive ("accurate"));
  assert_true (driver_is_sensitive ("apply"));
  style = driver_load_style (STYLE_GLASS, 96);
  expected = driver_compute (&driver_now ()->params, style, driver.pictures.content);
  assert_same_pixels (&expected->image, &driver.last.after->image);
  driver_slide ("relu4-scale", 0.5);
  driver_wait_for_preview ();
  assert_false (driver.last.exact);
  assert_true (driver_is_sensitive ("accurate"));
  assert_int_equal (driver.begun, 0);
  wct_picture_unref (&style);
  wct_picture_unref (&expected);
}

static void
accurate_can_be_canceled (void **state)
{
  WctSettings settings = driver_settings ();

  (void)state;
  settings.mode = WCT_MODE_TEXTURE;
  settings.width = settings.height = 2048;
  driver_prepare (SMALL_SIDE);
  driver_show_settings (&settings);
  driver_wait_for_preview ();
  driver_press ("accurate");
  UNTIL (gtk_progress_bar_get_fraction (GTK_PROGRESS_BAR (driver_find ("progress"))) > 0);
  driver_press ("cancel");
  assert_false (driver_is_closed ());
  driver_wait_for_preview ();
  assert_false (driver.last.exact);
  assert_true (driver_is_sensitive ("accurate"));
  assert_false (driver_is_visible ("problem"));
}

static void
accurate_beyond_memory_is_said_in_one_sentence (void **state)
{
  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  driver.refused = 0;
  driver.available = 1000;
  driver_press ("accurate");
  UNTIL (driver.refused > 0 || driver_is_visible ("problem"));
  assert_sentence (driver_is_visible ("problem") ? driver_text ("problem") : driver.sentence);
  assert_false (wct_session_busy (wct_dialog_session (driver.dialog)));
  driver.available = 0;
  driver_slide ("relu4-scale", 0.5);
  driver_wait_for_preview ();
}

static void
zoomed_in_accurate_computes_only_what_is_seen (void **state)
{
  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  wct_preview_set_zoom (driver.preview, 4);
  driver_wait_for_preview ();
  assert_true (driver.last.part.width < 960 && driver.last.part.height < 640);
  if (!driver_is_sensitive ("accurate")) /* all pixels of the part were computed already */
    {
      assert_int_equal (driver.last.after->image.width, driver.last.part.width);
      return;
    }
  driver_press ("accurate");
  UNTIL (driver.delivered == driver.submitted && !wct_session_busy (wct_dialog_session (driver.dialog)));
  assert_true (driver.last.part.width < 960 && driver.last.part.height < 640);
  assert_int_equal (driver.last.after->image.width, driver.last.part.width);
  assert_int_equal (driver.last.after->image.height, driver.last.part.height);
}

/* ---- Zoom --------------------------------------------------------------------------------------------------- */

static void
it_fits_at_first_and_is_never_enlarged_by_fitting (void **state)
{
  (void)state;
  driver_show (SMALL_SIDE);
  driver_wait_for_preview ();
  assert_true (wct_preview_fits (driver.preview));
  assert_true (wct_preview_zoom (driver.preview) <= 1);
}

static void
one_to_one_and_fit_go_there_and_back (void **state)
{
  double fitting;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  fitting = wct_preview_zoom (driver.preview);
  assert_true (fitting > 0 && fitting < 1);
  driver_press ("actual");
  assert_true (wct_preview_zoom (driver.preview) == 1);
  assert_false (wct_preview_fits (driver.preview));
  driver_wait_for_preview ();
  driver_press ("fit");
  assert_true (wct_preview_fits (driver.preview));
  assert_true (wct_preview_zoom (driver.preview) == fitting);
  driver_wait_for_preview ();
  assert_int_equal (driver.last.part.width, 960);
}

/* What is in the part is what the content has there. */
static void
expect_part_of_content (void)
{
  const WctPart *part = &driver.last.part;
  WctPicture    *expected = NULL;
  WctError       err;

  assert_true (part->x >= 0 && part->y >= 0);
  assert_true (part->x + part->width <= driver.last.width && part->y + part->height <= driver.last.height);
  assert_int_equal (driver.real.read_content (&driver.pictures.host, part, driver.last.before->image.width,
                                              driver.last.before->image.height, &expected, &err),
                    WCT_OK);
  assert_same_pixels (&expected->image, &driver.last.before->image);
  wct_picture_unref (&expected);
}

static void
zoomed_in_a_part_is_read_finer (void **state)
{
  double at_first;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  at_first = (double)driver.last.after->image.width / driver.last.part.width;
  wct_preview_set_zoom (driver.preview, 2);
  driver_wait_for_preview ();
  assert_true (driver.last.part.width < 960);
  assert_true ((double)driver.last.after->image.width / driver.last.part.width > at_first);
  expect_part_of_content ();
}

static void
the_wheel_zooms_where_the_pointer_is (void **state)
{
  cairo_surface_t *before, *after;
  double           fitting;
  const gint       steps = 8;

  (void)state;
  driver_show (SMALL_SIDE);
  driver_toggle ("compare", FALSE);
  driver_wait_for_preview ();
  fitting = wct_preview_zoom (driver.preview);
  before = driver_paint (area ());
  for (int i = 0; i < steps; i++)
    driver_scroll (area (), width () / 2, height () / 2, GDK_SCROLL_UP);
  assert_true (wct_preview_zoom (driver.preview) > 2 * fitting);
  after = driver_paint (area ());
  assert_false (driver_same_paint (before, after));
  for (int i = 0; i < steps; i++)
    driver_scroll (area (), width () / 2, height () / 2, GDK_SCROLL_DOWN);
  assert_true (wct_preview_fits (driver.preview));
  cairo_surface_destroy (before);
  cairo_surface_destroy (after);
}

static void
a_wheel_at_the_edge_looks_at_the_edge (void **state)
{
  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  for (int i = 0; i < 10; i++)
    driver_scroll (area (), 1, height () / 2, GDK_SCROLL_UP);
  driver_wait_for_preview ();
  assert_int_equal (driver.last.part.x, 0);
  assert_true (driver.last.part.width < 480);
  expect_part_of_content ();
}

static void
zoom_has_an_end_in_both_directions (void **state)
{
  double last;

  (void)state;
  driver_show (SMALL_SIDE);
  driver_wait_for_preview ();
  for (int i = 0; i < 60; i++)
    driver_scroll (area (), width () / 2, height () / 2, GDK_SCROLL_UP);
  last = wct_preview_zoom (driver.preview);
  driver_scroll (area (), width () / 2, height () / 2, GDK_SCROLL_UP);
  assert_true (wct_preview_zoom (driver.preview) == last);
  driver_wait_for_preview ();
  expect_part_of_content ();
  for (int i = 0; i < 120; i++)
    driver_scroll (area (), width () / 2, height () / 2, GDK_SCROLL_DOWN);
  assert_true (wct_preview_fits (driver.preview));
}

static void
keys_zoom_and_fit (void **state)
{
  double fitting;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  gtk_widget_grab_focus (area ());
  fitting = wct_preview_zoom (driver.preview);
  driver_key (GDK_KEY_plus, 0);
  assert_true (wct_preview_zoom (driver.preview) > fitting);
  driver_key (GDK_KEY_minus, 0);
  assert_true (fabs (wct_preview_zoom (driver.preview) - fitting) < 1e-9);
  driver_key (GDK_KEY_1, 0);
  assert_true (wct_preview_zoom (driver.preview) == 1);
  driver_key (GDK_KEY_0, 0);
  assert_true (wct_preview_fits (driver.preview));
}

/* ---- Panning ------------------------------------------------------------------------------------------------ */

static void
dragging_pans_what_is_zoomed (void **state)
{
  WctPart before;

  (void)state;
  driver_show (0);
  driver_toggle ("compare", FALSE);
  driver_wait_for_preview ();
  wct_preview_set_zoom (driver.preview, 4);
  driver_wait_for_preview ();
  before = driver.last.part;
  driver_drag (area (), width () / 2, height () / 2, width () / 2 - 160, height () / 2 + 80);
  driver_wait_for_preview ();
  /* By 40 to the right and 20 up, in steps of what the encoder aligns to. */
  assert_in_range (driver.last.part.x, before.x + 40 - 16, before.x + 40 + 16);
  assert_in_range (driver.last.part.y + 100, before.y + 100 - 20 - 16, before.y + 100 - 20 + 16);
  expect_part_of_content ();
}

static void
control_and_arrows_pan_what_is_zoomed (void **state)
{
  WctPart before;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  wct_preview_set_zoom (driver.preview, 4);
  driver_wait_for_preview ();
  gtk_widget_grab_focus (area ());
  before = driver.last.part;
  driver_key (GDK_KEY_Right, GDK_CONTROL_MASK);
  driver_key (GDK_KEY_Down, GDK_CONTROL_MASK);
  driver_wait_for_preview ();
  assert_true (driver.last.part.x > before.x && driver.last.part.y > before.y);
  driver_key (GDK_KEY_Left, GDK_CONTROL_MASK);
  driver_key (GDK_KEY_Up, GDK_CONTROL_MASK);
  driver_wait_for_preview ();
  assert_int_equal (driver.last.part.x, before.x);
  assert_int_equal (driver.last.part.y, before.y);
  for (int i = 0; i < 40; i++)
    driver_key (GDK_KEY_Right, GDK_CONTROL_MASK);
  driver_wait_for_preview ();
  expect_part_of_content ();
}

/* ---- Before and after --------------------------------------------------------------------------------------- */

/* Between two columns. A clip in another place makes cairo round the place in a scaled picture otherwise: by 2^-16 of a
 * pixel, which is a step of 255, or at a strong edge two. */
static gboolean
same_columns (cairo_surface_t *a, cairo_surface_t *b, gint from, gint to)
{
  for (gint y = 0; y < cairo_image_surface_get_height (a); y++)
    for (gint x = from; x < to; x++)
      for (gint shift = 0; shift < 24; shift += 8)
        {
          const gint in_a = driver_pixel (a, x, y) >> shift & 255, in_b = driver_pixel (b, x, y) >> shift & 255;

          if (abs (in_a - in_b) > 2)
            return FALSE;
        }
  return TRUE;
}

static void
without_comparing_all_of_it_is_after (void **state)
{
  cairo_surface_t *split, *whole;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  split = driver_paint (area ());
  driver_toggle ("compare", FALSE);
  whole = driver_paint (area ());
  assert_false (driver_same_paint (split, whole));
  assert_true (same_columns (split, whole, (gint)(0.75 * width ()), (gint)width ()));
  driver_toggle ("compare", TRUE);
  cairo_surface_destroy (whole);
  whole = driver_paint (area ());
  assert_true (driver_same_paint (split, whole));
  cairo_surface_destroy (split);
  cairo_surface_destroy (whole);
}

static void
the_line_goes_where_it_is_dragged (void **state)
{
  cairo_surface_t *all_after, *all_before, *dragged;
  const gint       beside = 90; /* the line with its grip and its two words */
  gint             x;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  driver_drag (area (), width () / 2, height () / 2, -50, height () / 2);
  all_after = driver_paint (area ());
  driver_drag (area (), width () / 2, height () / 2, width () + 50, height () / 2);
  all_before = driver_paint (area ());
  assert_false (same_columns (all_after, all_before, (gint)(0.4 * width ()), (gint)(0.6 * width ())));
  x = (gint)(0.6 * width ());
  driver_drag (area (), width () / 2, height () / 2, x, height () / 2);
  dragged = driver_paint (area ());
  assert_true (same_columns (dragged, all_before, 0, x - beside));
  assert_true (same_columns (dragged, all_after, x + beside, (gint)width ()));
  assert_false (same_columns (dragged, all_after, 0, x - beside));
  cairo_surface_destroy (all_after);
  cairo_surface_destroy (all_before);
  cairo_surface_destroy (dragged);
}

static void
the_line_moves_by_keys (void **state)
{
  cairo_surface_t *at_first, *moved, *back;

  (void)state;
  driver_show (0);
  driver_wait_for_preview ();
  gtk_widget_grab_focus (area ());
  driver_key (GDK_KEY_Right, 0); /* from the first key on, there is a ring around what has the focus */
  at_first = driver_paint (area ());
  for (int i = 0; i < 5; i++)
    driver_key (GDK_KEY_Right, 0);
  moved = driver_paint (area ());
  assert_false (driver_same_paint (at_first, moved));
  for (int i = 0; i < 5; i++)
    driver_key (GDK_KEY_Left, 0);
  back = driver_paint (area ());
  assert_true (driver_same_paint (at_first, back));
  cairo_surface_destroy (at_first);
  cairo_surface_destroy (moved);
  cairo_surface_destroy (back);
}

/* The same settings give the same screen, however they were come to. */
static void
the_screen_does_not_depend_on_the_way_there (void **state)
{
  cairo_surface_t *by_moves, *at_once;
  WctSettings      settings;

  (void)state;
  driver_show (0);
  for (int i = 0; i <= 40; i++)
    {
      driver_slide ("relu4-scale", i / 40.0);
      g_main_context_iteration (NULL, FALSE);
    }
  driver_press ("actual");
  driver_press ("fit");
  driver_wait_for_preview ();
  by_moves = driver_paint (area ());
  settings = *driver_now ();
  wct_dialog_free (&driver.dialog);
  driver.submitted = driver.delivered = 0;
  driver_show_settings (&settings);
  driver_wait_for_preview ();
  at_once = driver_paint (area ());
  assert_true (driver_same_paint (by_moves, at_once));
  cairo_surface_destroy (by_moves);
  cairo_surface_destroy (at_once);
}

/* ---- Nothing to see ----------------------------------------------------------------------------------------- */

static void
a_sentence_stands_where_there_is_no_preview_and_goes_when_there_is (void **state)
{
  cairo_surface_t *usual, *sentence, *again;

  (void)state;
  driver_show (SMALL_SIDE);
  driver_wait_for_preview ();
  usual = driver_paint (area ());
  driver.refused = 0;
  gtk_combo_box_set_active (GTK_COMBO_BOX (driver_find ("style")), -1);
  UNTIL (driver.refused > 0);
  sentence = driver_paint (area ());
  assert_false (driver_same_paint (usual, sentence));
  assert_string_equal (driver_text ("note"), "");
  gtk_combo_box_set_active (GTK_COMBO_BOX (driver_find ("style")), STYLE_GLASS);
  driver_wait_for_preview ();
  again = driver_paint (area ());
  assert_true (driver_same_paint (usual, again));
  cairo_surface_destroy (usual);
  cairo_surface_destroy (sentence);
  cairo_surface_destroy (again);
}

#define DIALOG_TEST(name) cmocka_unit_test_setup_teardown (name, driver_open, driver_close)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    DIALOG_TEST (a_small_picture_is_shown_as_it_would_be_applied),
    DIALOG_TEST (a_large_picture_is_shown_small_first),
    DIALOG_TEST (many_fast_moves_end_in_what_the_last_one_says),
    DIALOG_TEST (fast_changes_of_style_and_mode_end_in_the_last),
    DIALOG_TEST (the_style_is_read_at_the_size_that_was_asked_for),
    DIALOG_TEST (a_textures_preview_is_made_of_its_seed),
    DIALOG_TEST (accurate_computes_all_pixels_of_what_is_seen),
    DIALOG_TEST (accurate_can_be_canceled),
    DIALOG_TEST (accurate_beyond_memory_is_said_in_one_sentence),
    DIALOG_TEST (zoomed_in_accurate_computes_only_what_is_seen),
    DIALOG_TEST (it_fits_at_first_and_is_never_enlarged_by_fitting),
    DIALOG_TEST (one_to_one_and_fit_go_there_and_back),
    DIALOG_TEST (zoomed_in_a_part_is_read_finer),
    DIALOG_TEST (the_wheel_zooms_where_the_pointer_is),
    DIALOG_TEST (a_wheel_at_the_edge_looks_at_the_edge),
    DIALOG_TEST (zoom_has_an_end_in_both_directions),
    DIALOG_TEST (keys_zoom_and_fit),
    DIALOG_TEST (dragging_pans_what_is_zoomed),
    DIALOG_TEST (control_and_arrows_pan_what_is_zoomed),
    DIALOG_TEST (without_comparing_all_of_it_is_after),
    DIALOG_TEST (the_line_goes_where_it_is_dragged),
    DIALOG_TEST (the_line_moves_by_keys),
    DIALOG_TEST (the_screen_does_not_depend_on_the_way_there),
    DIALOG_TEST (a_sentence_stands_where_there_is_no_preview_and_goes_when_there_is),
  };

  const int status = driver_begin (&argc, &argv);

  return status != 0 ? status : cmocka_run_group_tests (tests, NULL, scratch_close);
}
