/* Several styles with their weights, the square that mixes them, and regions: as they are set by hands, so they are
 * computed. What is expected is computed by the library itself, from pictures read here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>

#include <wct/wct.h>

#include "driver.h"
#include "same.h"
#include "scratch.h"

#define CONTENT_SIDE 64

/* Between a percent that a hand sets and the weight that it stands for: two roundings of a double. */
#define WEIGHT_ROUNDING 1e-12

static double
weight (gint index)
{
  return driver_now ()->styles[index].weight;
}

/* A small picture has two styles in a list: the glass, and the swirls. */
static void
show_two_styles (void)
{
  driver_show (CONTENT_SIDE);
  driver_press ("add-source-2");
  assert_int_equal (driver_now ()->style_count, 2);
}

static void
show_all_styles (void)
{
  show_two_styles ();
  driver_press ("add-source-0");
  driver_press ("add-source-2");
  assert_int_equal (driver_now ()->style_count, 4);
}

/* ---- The library's own result -------------------------------------------------------------------------------- */

typedef struct
{
  WctModel   *model;
  WctBackend *backend;
  WctStyle   *styles[2];
} Library;

static WctStyle *
measure (const Library *library, const WctPicture *picture)
{
  WctStyle *style = NULL;
  WctError  err;

  if (wct_style_measure (library->model, library->backend, &picture->image, wct_model_levels (library->model), NULL,
                         &style, &err)
      != WCT_OK)
    fail_msg ("%s", err.message);
  return style;
}

/* The styles as the preview has them: the settings' size is not made smaller where it is as small as this. */
static Library
open_library (void)
{
  Library library = { .model = NULL };

  assert_int_equal (wct_model_load (g_getenv ("WCT_MODEL"), &library.model, NULL), WCT_OK);
  assert_int_equal (wct_backend_open ("auto", 0, &library.backend, NULL), WCT_OK);
  for (int i = 0; i < 2; i++)
    {
      WctPicture *picture = driver_load_style (i + 1, driver_now ()->params.style_size);

      library.styles[i] = measure (&library, picture);
      wct_picture_unref (&picture);
    }
  return library;
}

static void
close_library (Library *library)
{
  for (int i = 0; i < 2; i++)
    wct_style_unref (&library->styles[i]);
  wct_backend_close (&library->backend);
  wct_model_unref (&library->model);
}

static WctPicture *
run_library (const Library *library, const WctJobSpec *spec, const WctPicture *content)
{
  WctJobSpec  whole = *spec;
  WctJob     *job = NULL;
  WctPicture *result = NULL;
  WctError    err = { WCT_OK, "" };

  whole.model = library->model;
  whole.backend = library->backend;
  assert_int_equal (wct_picture_new (content->image.width, content->image.height, &result, NULL), WCT_OK);
  if (wct_job_new (&whole, &job, &err) != WCT_OK
      || wct_job_run (job, &content->image, &result->image, NULL, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  wct_job_free (&job);
  return result;
}

/* ---- Several styles ------------------------------------------------------------------------------------------ */

static void
one_style_has_neither_weight_nor_square (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  assert_false (driver_is_visible ("blend-pad"));
  assert_false (driver_is_visible ("style-weight-0-spin"));
  driver_press ("add-source-2");
  assert_true (driver_is_visible ("blend-pad"));
  assert_true (driver_is_visible ("style-weight-0-spin"));
  assert_true (driver_is_visible ("style-weight-1-spin"));
  assert_false (driver_is_visible ("style-weight-2-spin"));
  driver_press ("style-remove-0");
  assert_false (driver_is_visible ("blend-pad"));
  assert_int_equal (driver_now ()->style_count, 1);
  assert_int_equal (driver_now ()->styles[0].id, STYLE_SWIRLS);
}

static void
a_styles_slider_and_number_are_one_weight (void **state)
{
  (void)state;
  show_two_styles ();
  driver_slide ("style-weight-0-scale", 25);
  assert_true (fabs (weight (0) - 0.25) < WEIGHT_ROUNDING);
  assert_true (weight (1) == 1);
  driver_spin ("style-weight-1-spin", 40);
  assert_true (fabs (weight (1) - 0.4) < WEIGHT_ROUNDING);
  assert_true (gtk_range_get_value (GTK_RANGE (driver_find ("style-weight-1-scale"))) == 40);
}

static void
a_mix_is_what_the_library_makes_of_it (void **state)
{
  Library     library;
  WctPicture *expected;

  (void)state;
  show_two_styles ();
  driver_spin ("style-weight-0-spin", 30);
  driver_spin ("style-weight-1-spin", 70);
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  library = open_library ();
  expected = run_library (&library,
                          &(WctJobSpec){ .params = &driver_now ()->params,
                                         .style_count = 2,
                                         .styles = library.styles,
                                         .weights = (const double[]){ 0.3, 0.7 } },
                          driver.pictures.content);
  assert_same_pixels (&expected->image, &driver.result->image);
  wct_picture_unref (&expected);
  close_library (&library);
}

static void
a_preview_of_a_mix_follows_its_weights (void **state)
{
  Library     library;
  WctPicture *expected;

  (void)state;
  show_two_styles ();
  driver_wait_for_preview ();
  driver_spin ("style-weight-0-spin", 0);
  driver_wait_for_preview ();
  library = open_library ();
  expected = run_library (&library,
                          &(WctJobSpec){ .params = &driver_now ()->params,
                                         .style_count = 2,
                                         .styles = library.styles,
                                         .weights = (const double[]){ 0, 1 } },
                          driver.last.before);
  assert_same_pixels (&expected->image, &driver.last.after->image);
  wct_picture_unref (&expected);
  close_library (&library);
}

static void
styles_without_any_weight_are_refused_in_one_sentence (void **state)
{
  (void)state;
  show_two_styles ();
  driver_wait_for_preview ();
  driver.refused = 0;
  driver_spin ("style-weight-0-spin", 0);
  driver_spin ("style-weight-1-spin", 0);
  UNTIL (driver.refused > 0);
  assert_sentence (driver.sentence);
}

static void
no_more_styles_than_there_is_room_for_are_taken (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  for (int i = 0; i < WCT_STYLES_MAX + 3; i++)
    driver_press ("add-source-2");
  assert_int_equal (driver_now ()->style_count, WCT_STYLES_MAX);
}

static void
a_style_that_is_picked_can_be_exchanged (void **state)
{
  GtkComboBox *combo;

  (void)state;
  show_two_styles ();
  combo = GTK_COMBO_BOX (driver_find ("style"));
  driver_toggle ("style-pick-0", TRUE);
  assert_int_equal (gtk_combo_box_get_active (combo), STYLE_GLASS);
  gtk_combo_box_set_active (combo, 0);
  assert_int_equal (driver_now ()->styles[0].id, 0);
  assert_int_equal (driver_now ()->styles[1].id, STYLE_SWIRLS);
  driver_toggle ("style-pick-1", TRUE);
  assert_int_equal (gtk_combo_box_get_active (combo), STYLE_SWIRLS);
}

/* ---- The square ---------------------------------------------------------------------------------------------- */

/* In its middle at first; by keys to the edges and back. */
static void
keys_move_the_ring_of_two_styles (void **state)
{
  (void)state;
  show_two_styles ();
  gtk_widget_grab_focus (driver_find ("blend-pad"));
  driver_key (GDK_KEY_Home, 0);
  assert_true (fabs (weight (0) - 0.5) < WEIGHT_ROUNDING);
  assert_true (fabs (weight (1) - 0.5) < WEIGHT_ROUNDING);
  for (int i = 0; i < 30; i++)
    driver_key (GDK_KEY_Left, 0);
  assert_true (weight (0) == 1 && weight (1) == 0);
  for (int i = 0; i < 30; i++)
    driver_key (GDK_KEY_Right, 0);
  assert_true (weight (0) == 0 && weight (1) == 1);
  driver_key (GDK_KEY_Up, 0);
  assert_true (weight (0) == 0 && weight (1) == 1);
}

/* Of four styles at (x, y): (1 - x)(1 - y), x(1 - y), (1 - x)y, xy. */
static void
dragging_the_ring_sets_four_weights_bilinearly (void **state)
{
  GtkWidget *pad;
  double     side, left, top;

  (void)state;
  show_all_styles ();
  pad = driver_find ("blend-pad");
  patience_settle ();
  side = MIN (gtk_widget_get_allocated_width (pad), gtk_widget_get_allocated_height (pad)) - 22;
  left = (gtk_widget_get_allocated_width (pad) - side) / 2;
  top = (gtk_widget_get_allocated_height (pad) - side) / 2;
  driver_drag (pad, left + side / 2, top + side / 2, left + side * 0.25, top + side * 0.75);
  assert_true (fabs (weight (0) - 0.75 * 0.25) < WEIGHT_ROUNDING);
  assert_true (fabs (weight (1) - 0.25 * 0.25) < WEIGHT_ROUNDING);
  assert_true (fabs (weight (2) - 0.75 * 0.75) < WEIGHT_ROUNDING);
  assert_true (fabs (weight (3) - 0.25 * 0.75) < WEIGHT_ROUNDING);
  driver_drag (pad, left + side / 2, top + side / 2, left + 2 * side, top - side);
  assert_true (weight (0) == 0 && weight (1) == 1 && weight (2) == 0 && weight (3) == 0);
}

static void
of_three_styles_the_third_is_below_both (void **state)
{
  (void)state;
  show_two_styles ();
  driver_press ("add-source-0");
  gtk_widget_grab_focus (driver_find ("blend-pad"));
  driver_key (GDK_KEY_Home, 0);
  assert_true (fabs (weight (0) - 0.25) < WEIGHT_ROUNDING);
  assert_true (fabs (weight (1) - 0.25) < WEIGHT_ROUNDING);
  assert_true (fabs (weight (2) - 0.5) < WEIGHT_ROUNDING);
  for (int i = 0; i < 30; i++)
    driver_key (GDK_KEY_Down, 0);
  assert_true (weight (0) == 0 && weight (1) == 0 && weight (2) == 1);
}

static void
the_square_has_a_name_and_says_how_it_is_used (void **state)
{
  AtkObject *accessible;

  (void)state;
  show_two_styles ();
  accessible = gtk_widget_get_accessible (driver_find ("blend-pad"));
  assert_non_null (atk_object_get_name (accessible));
  assert_non_null (atk_object_get_description (accessible));
}

/* ---- Regions ------------------------------------------------------------------------------------------------- */

/* White on the left, black on the right. */
static char *
write_mask (void)
{
  GdkPixbuf *pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, 32, 16), *left;
  char      *path = scratch_path ("mask.png");

  gdk_pixbuf_fill (pixbuf, 0x000000ff);
  left = gdk_pixbuf_new_subpixbuf (pixbuf, 0, 0, 16, 16);
  gdk_pixbuf_fill (left, 0xffffffff);
  assert_true (gdk_pixbuf_save (pixbuf, path, "png", NULL, NULL));
  g_object_unref (left);
  g_object_unref (pixbuf);
  return path;
}

static void
the_first_region_comes_with_the_rest_of_the_picture (void **state)
{
  const WctSettings *now;

  (void)state;
  show_two_styles ();
  driver_press ("add-region");
  now = driver_now ();
  assert_int_equal (now->place_count, 2);
  assert_int_equal (now->places[0].mask.kind, WCT_MASK_ALL);
  assert_int_equal (now->places[0].style, 0);
  assert_int_equal (now->places[1].mask.kind, WCT_MASK_GRAY);
  assert_int_equal (now->places[1].style, 1);
  driver_press ("region-remove-1");
  driver_press ("region-remove-0");
  assert_int_equal (driver_now ()->place_count, 0);
}

static void
a_region_takes_mask_style_and_strength (void **state)
{
  (void)state;
  show_two_styles ();
  driver_press ("add-region");
  gtk_combo_box_set_active (GTK_COMBO_BOX (driver_find ("region-mask-1")), 2);
  assert_int_equal (driver_now ()->places[1].mask.id, 1);
  gtk_combo_box_set_active (GTK_COMBO_BOX (driver_find ("region-style-1")), 0);
  assert_int_equal (driver_now ()->places[1].style, WCT_STYLE_BLEND);
  assert_true (driver_now ()->places[1].strength == WCT_STRENGTH_AS_SET);
  driver_spin ("region-strength-1-spin", 40);
  assert_true (fabs (driver_now ()->places[1].strength - 0.4) < WEIGHT_ROUNDING);
  driver_spin ("region-strength-1-spin", 100);
  assert_true (driver_now ()->places[1].strength == WCT_STRENGTH_AS_SET);
}

static void
a_region_loses_a_style_that_is_removed (void **state)
{
  (void)state;
  show_two_styles ();
  driver_press ("add-region");
  driver_press ("style-remove-0");
  assert_int_equal (driver_now ()->places[0].style, WCT_STYLE_BLEND);
  assert_int_equal (driver_now ()->places[1].style, 0);
}

/* Everywhere the glass, and on the left the swirls at half their strength. */
static WctSettings
settings_with_regions (const char *mask)
{
  WctSettings settings = driver_settings ();

  wct_settings_add_style (&settings, STYLE_SWIRLS, NULL);
  settings.place_count = 2;
  settings.places[0] = (WctPlace){ .mask = { .kind = WCT_MASK_ALL }, .style = 0, .strength = WCT_STRENGTH_AS_SET };
  settings.places[1] = (WctPlace){ .mask = { .kind = WCT_MASK_FILE }, .style = 1, .strength = 0.5 };
  g_strlcpy (settings.places[1].mask.file, mask, sizeof settings.places[1].mask.file);
  return settings;
}

static void
regions_are_what_the_library_makes_of_them (void **state)
{
  char             *path = write_mask ();
  const WctSettings settings = settings_with_regions (path);
  float             white = 1, halves[32];
  double            alpha[WCT_LEVELS];
  Library           library;
  WctPicture       *expected;

  (void)state;
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  driver_press ("apply");
  UNTIL (driver.finished == 1);
  library = open_library ();
  for (int x = 0; x < 32; x++)
    halves[x] = x < 16 ? 1 : 0;
  for (int i = 0; i < WCT_LEVELS; i++)
    alpha[i] = settings.params.alpha[i] * 0.5;
  expected = run_library (&library,
                          &(WctJobSpec){ .params = &settings.params,
                                         .region_count = 2,
                                         .regions = (const WctRegion[]){ { .mask = { &white, 1, 1, 1, sizeof (float) },
                                                                           .style_count = 1,
                                                                           .styles = &library.styles[0] },
                                                                         { .mask = { halves, 32, 1, 1, sizeof halves },
                                                                           .style_count = 1,
                                                                           .styles = &library.styles[1],
                                                                           .alpha = alpha } } },
                          driver.pictures.content);
  assert_same_pixels (&expected->image, &driver.result->image);
  wct_picture_unref (&expected);
  close_library (&library);
  g_free (path);
}

static void
with_regions_a_part_is_seen_in_the_whole (void **state)
{
  char             *path = write_mask ();
  const WctSettings settings = settings_with_regions (path);

  (void)state;
  driver_prepare (0);
  driver_show_settings (&settings);
  driver_wait_for_preview ();
  driver_press ("actual");
  driver_wait_for_preview ();
  assert_int_equal (driver.last.part.width, driver.last.width);
  assert_int_equal (driver.last.part.height, driver.last.height);
  g_free (path);
}

static void
a_mask_that_is_gone_is_said_in_one_sentence (void **state)
{
  const WctSettings settings = settings_with_regions ("/no/such/mask.png");

  (void)state;
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  UNTIL (driver.refused > 0);
  assert_sentence (driver.sentence);
}

static void
a_texture_has_no_regions (void **state)
{
  char             *path = write_mask ();
  const WctSettings settings = settings_with_regions (path);

  (void)state;
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  assert_true (driver_is_visible ("page-regions"));
  driver_toggle ("mode-texture", TRUE);
  assert_false (driver_is_visible ("page-regions"));
  assert_false (driver_is_visible ("page-color"));
  driver_wait_for_preview ();
  driver_toggle ("mode-stylize", TRUE);
  assert_int_equal (driver_now ()->place_count, 2);
  g_free (path);
}

/* ---- What a texture starts from ------------------------------------------------------------------------------- */

static void
a_guide_of_all_is_the_picture_instead_of_noise (void **state)
{
  WctPicture *picture;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  picture = wct_picture_ref (driver.last.before);
  driver_toggle ("mode-texture", TRUE);
  driver_wait_for_preview ();
  assert_true (largest_difference (&picture->image, &driver.last.before->image) > 0.1);
  driver_spin ("guide-spin", 100);
  driver_wait_for_preview ();
  /* noise + (picture - noise), in floats: two roundings */
  assert_true (largest_difference (&picture->image, &driver.last.before->image) <= 2e-6);
  wct_picture_unref (&picture);
}

#define DIALOG_TEST(name) cmocka_unit_test_setup_teardown (name, driver_open, driver_close)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    DIALOG_TEST (one_style_has_neither_weight_nor_square),
    DIALOG_TEST (a_styles_slider_and_number_are_one_weight),
    DIALOG_TEST (a_mix_is_what_the_library_makes_of_it),
    DIALOG_TEST (a_preview_of_a_mix_follows_its_weights),
    DIALOG_TEST (styles_without_any_weight_are_refused_in_one_sentence),
    DIALOG_TEST (no_more_styles_than_there_is_room_for_are_taken),
    DIALOG_TEST (a_style_that_is_picked_can_be_exchanged),
    DIALOG_TEST (keys_move_the_ring_of_two_styles),
    DIALOG_TEST (dragging_the_ring_sets_four_weights_bilinearly),
    DIALOG_TEST (of_three_styles_the_third_is_below_both),
    DIALOG_TEST (the_square_has_a_name_and_says_how_it_is_used),
    DIALOG_TEST (the_first_region_comes_with_the_rest_of_the_picture),
    DIALOG_TEST (a_region_takes_mask_style_and_strength),
    DIALOG_TEST (a_region_loses_a_style_that_is_removed),
    DIALOG_TEST (regions_are_what_the_library_makes_of_them),
    DIALOG_TEST (with_regions_a_part_is_seen_in_the_whole),
    DIALOG_TEST (a_mask_that_is_gone_is_said_in_one_sentence),
    DIALOG_TEST (a_texture_has_no_regions),
    DIALOG_TEST (a_guide_of_all_is_the_picture_instead_of_noise),
  };

  const int status = driver_begin (&argc, &argv);

  return status != 0 ? status : cmocka_run_group_tests (tests, NULL, scratch_close);
}
