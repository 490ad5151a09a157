/* What is set in the dialog is what the session has: every control, every preset, both modes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include <wct/style.h>
#include <glib/gstdio.h>

#include "driver.h"
#include "presets.h"
#include "same.h"
#include "scratch.h"

#define CONTENT_SIDE 64

static const char *
row (int level, const char *part)
{
  static char name[64];

  g_snprintf (name, sizeof name, "relu%d%s", level, part);
  return name;
}

/* ---- Levels ------------------------------------------------------------------------------------------------- */

static void
each_levels_slider_and_spin_button_are_one_strength (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      WctSettings expected = *driver_now ();

      driver_slide (row (level, "-scale"), 0.25);
      expected.params.alpha[level - 1] = 0.25;
      assert_same_settings (&expected, driver_now ());
      assert_true (gtk_spin_button_get_value (GTK_SPIN_BUTTON (driver_find (row (level, "-spin")))) == 0.25);
      driver_spin (row (level, "-spin"), 0.75);
      expected.params.alpha[level - 1] = 0.75;
      assert_same_settings (&expected, driver_now ());
      assert_true (gtk_range_get_value (GTK_RANGE (driver_find (row (level, "-scale")))) == 0.75);
    }
}

static void
a_level_that_is_off_has_no_strength_to_set (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      driver_toggle (row (level, ""), FALSE);
      assert_false (driver_now ()->params.level_on[level - 1]);
      assert_false (driver_is_sensitive (row (level, "-scale")));
      assert_false (driver_is_sensitive (row (level, "-spin")));
      driver_toggle (row (level, ""), TRUE);
      assert_true (driver_now ()->params.level_on[level - 1]);
      assert_true (driver_is_sensitive (row (level, "-scale")));
      assert_true (driver_is_sensitive (row (level, "-spin")));
    }
}

static void
each_level_can_be_reset_alone (void **state)
{
  const WctSettings start = driver_settings ();

  (void)state;
  driver_show (CONTENT_SIDE);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      driver_slide (row (level, "-scale"), 0.1);
      driver_toggle (row (level, ""), FALSE);
      driver_press (row (level, "-reset"));
      assert_same_settings (&start, driver_now ());
    }
}

static void
in_a_texture_a_level_is_reset_to_all_the_way (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_toggle ("mode-texture", TRUE);
  driver_slide ("relu3-scale", 0.1);
  driver_press ("relu3-reset");
  assert_true (driver_now ()->params.alpha[2] == 1);
}

static void
the_master_strength_scales_every_level (void **state)
{
  WctSettings expected = driver_settings ();

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu5-scale", 0.8);
  driver_slide ("master-scale", 50);
  for (int i = 0; i < WCT_LEVELS; i++)
    expected.params.alpha[i] = (i == 4 ? 0.8 : 0.6) * 50 / 100;
  assert_same_settings (&expected, driver_now ());
  driver_spin ("master-spin", 0);
  for (int i = 0; i < WCT_LEVELS; i++)
    assert_true (driver_now ()->params.alpha[i] == 0);
  driver_press ("master-reset");
  for (int i = 0; i < WCT_LEVELS; i++)
    expected.params.alpha[i] = i == 4 ? 0.8 : 0.6;
  assert_same_settings (&expected, driver_now ());
}

/* ---- Presets ------------------------------------------------------------------------------------------------ */

static void
each_preset_sets_what_it_says (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  for (int i = 0; i < wct_preset_count; i++)
    {
      WctSettings expected = *driver_now ();
      char       *name = g_strconcat ("preset-", wct_presets[i].id, NULL);

      wct_preset_apply (&wct_presets[i], &expected);
      driver_press (name);
      assert_same_settings (&expected, driver_now ());
      assert_int_equal (driver_is_visible ("texture-seed"), wct_presets[i].mode == WCT_MODE_TEXTURE);
      for (int level = 1; level <= WCT_LEVELS; level++)
        assert_int_equal (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (driver_find (row (level, "")))),
                          expected.params.level_on[level - 1]);
      g_free (name);
    }
}

/* ---- The user's own presets --------------------------------------------------------------------------------- */

typedef struct
{
  const char *label;
  GtkWidget  *choose, *delete;
  int         count; /* of rows with a name */
} OwnPreset;

/* In a row: what chooses it has its name as label, and beside it is what deletes it. */
static void
look_at_row (GtkWidget *widget, gpointer user)
{
  OwnPreset  *own = user;
  GList      *children = gtk_container_get_children (GTK_CONTAINER (widget));
  const char *label = children == NULL ? NULL : gtk_button_get_label (children->data);

  own->count++;
  if (label != NULL && own->label != NULL && strcmp (label, own->label) == 0)
    {
      own->choose = children->data;
      own->delete = children->next->data;
    }
  g_list_free (children);
}

static OwnPreset
find_own (const char *label)
{
  OwnPreset own = { label, NULL, NULL, 0 };

  gtk_container_foreach (GTK_CONTAINER (driver_find ("preset-list")), look_at_row, &own);
  return own;
}

static void
save_as (const char *name)
{
  gtk_entry_set_text (GTK_ENTRY (driver_find ("preset-name")), name);
  driver_press ("preset-save");
}

static void
own_presets_are_saved_chosen_and_deleted (void **state)
{
  WctSettings kept;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu4-scale", 0.33);
  driver_toggle ("relu1", FALSE);
  kept = *driver_now ();
  save_as ("  My own ");
  assert_string_equal (gtk_entry_get_text (GTK_ENTRY (driver_find ("preset-name"))), "");
  driver_press ("preset-texture");
  assert_int_equal (driver_now ()->mode, WCT_MODE_TEXTURE);
  save_as ("Another");
  assert_int_equal (find_own (NULL).count, 2);
  gtk_button_clicked (GTK_BUTTON (find_own ("My own").choose));
  assert_same_settings (&kept, driver_now ());
  gtk_button_clicked (GTK_BUTTON (find_own ("My own").delete));
  assert_null (find_own ("My own").choose);
  assert_non_null (find_own ("Another").choose);
  assert_same_settings (&kept, driver_now ());
}

static void
own_presets_are_there_in_the_next_dialog (void **state)
{
  WctSettings other;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu4-scale", 0.33);
  save_as ("Mine");
  wct_dialog_free (&driver.dialog);
  other = driver_settings ();
  wct_settings_set_style (&other, STYLE_SWIRLS, NULL);
  driver_show_settings (&other);
  gtk_button_clicked (GTK_BUTTON (find_own ("Mine").choose));
  assert_true (driver_now ()->params.alpha[3] == 0.33);
  assert_int_equal (driver_now ()->styles[0].id, STYLE_SWIRLS);
}

static void
enter_in_the_name_saves (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  gtk_entry_set_text (GTK_ENTRY (driver_find ("preset-name")), "By Enter");
  g_signal_emit_by_name (driver_find ("preset-name"), "activate");
  assert_non_null (find_own ("By Enter").choose);
  assert_int_equal (driver.begun, 0);
}

static void
a_preset_without_a_name_is_refused_in_one_sentence (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  assert_false (driver_is_visible ("problem"));
  save_as ("   ");
  assert_true (driver_is_visible ("problem"));
  assert_sentence (driver_text ("problem"));
  assert_int_equal (find_own (NULL).count, 0);
}

static void
a_preset_that_cannot_be_written_is_said_in_one_sentence (void **state)
{
  char *file = scratch_write ("gimp-wct", "no folder", 9);

  (void)state;
  driver_show (CONTENT_SIDE);
  save_as ("Lost");
  assert_true (driver_is_visible ("problem"));
  assert_sentence (driver_text ("problem"));
  assert_int_equal (find_own (NULL).count, 0);
  g_free (file);
}

static void
a_damaged_preset_is_said_in_one_sentence (void **state)
{
  static const char text[] = "[Broken]\nmode=stylize\nrelu4-alpha=seven\n";
  char             *file = scratch_write ("gimp-wct/presets.ini", text, strlen (text));
  const WctSettings start = driver_settings ();

  (void)state;
  driver_show (CONTENT_SIDE);
  gtk_button_clicked (GTK_BUTTON (find_own ("Broken").choose));
  assert_true (driver_is_visible ("problem"));
  assert_sentence (driver_text ("problem"));
  assert_same_settings (&start, driver_now ());
  g_free (file);
}

/* ---- Modes and textures ------------------------------------------------------------------------------------- */

static void
a_texture_has_size_seed_and_passes (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  assert_false (driver_is_visible ("texture-seed"));
  driver_toggle ("mode-texture", TRUE);
  assert_true (driver_is_visible ("texture-seed"));
  assert_int_equal (driver_now ()->mode, WCT_MODE_TEXTURE);
  assert_int_equal (driver_now ()->params.passes, 3);
  driver_spin ("texture-width", 96);
  driver_spin ("texture-height", 48);
  driver_spin ("texture-seed", 2147483647);
  driver_spin ("passes-spin", 2);
  assert_int_equal (driver_now ()->width, 96);
  assert_int_equal (driver_now ()->height, 48);
  assert_int_equal (driver_now ()->params.seed, 2147483647);
  assert_int_equal (driver_now ()->params.passes, 2);
}

static void
the_dice_throw_another_seed (void **state)
{
  gint first;
  int  others = 0;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_toggle ("mode-texture", TRUE);
  first = driver_now ()->params.seed;
  for (int i = 0; i < 5; i++)
    {
      driver_press ("texture-dice");
      others += driver_now ()->params.seed != first;
      assert_true (driver_now ()->params.seed >= 0);
      assert_int_equal ((gint)gtk_spin_button_get_value (GTK_SPIN_BUTTON (driver_find ("texture-seed"))),
                        driver_now ()->params.seed);
    }
  assert_true (others >= 4); /* one in a million is the same */
}

static void
each_mode_keeps_its_own_and_style_and_result_are_common (void **state)
{
  WctSettings picture, texture;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_slide ("relu2-scale", 0.2);
  picture = *driver_now ();
  driver_toggle ("mode-texture", TRUE);
  driver_slide ("relu2-scale", 0.9);
  driver_spin ("texture-seed", 42);
  driver_toggle ("output-replace", TRUE);
  gtk_combo_box_set_active (GTK_COMBO_BOX (driver_find ("style")), STYLE_SWIRLS);
  texture = *driver_now ();
  driver_toggle ("mode-stylize", TRUE);
  picture.output = WCT_OUTPUT_REPLACE;
  wct_settings_set_style (&picture, STYLE_SWIRLS, NULL);
  assert_same_settings (&picture, driver_now ());
  driver_toggle ("mode-texture", TRUE);
  assert_same_settings (&texture, driver_now ());
}

/* ---- The style ---------------------------------------------------------------------------------------------- */

static void
the_style_is_any_of_the_hosts_sources (void **state)
{
  GtkComboBox *combo;

  (void)state;
  driver_show (CONTENT_SIDE);
  combo = GTK_COMBO_BOX (driver_find ("style"));
  assert_int_equal (gtk_tree_model_iter_n_children (gtk_combo_box_get_model (combo), NULL), 3);
  assert_int_equal (gtk_combo_box_get_active (combo), STYLE_GLASS);
  for (int i = 0; i < 3; i++)
    {
      gtk_combo_box_set_active (combo, i);
      assert_int_equal (driver_now ()->styles[0].id, i);
      assert_string_equal (driver_now ()->styles[0].file, "");
    }
}

static void
a_style_that_is_gone_is_none (void **state)
{
  WctSettings settings = driver_settings ();

  (void)state;
  wct_settings_set_style (&settings, 77, NULL);
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  assert_int_equal (gtk_combo_box_get_active (GTK_COMBO_BOX (driver_find ("style"))), -1);
  UNTIL (driver.refused > 0 && driver.shown == 0 && driver.sentence != NULL);
  assert_sentence (driver.sentence);
}

static void
the_style_can_be_a_file (void **state)
{
  WctSettings  settings = driver_settings ();
  char        *woodcut = sample_path ("style-woodcut.jpg");
  GtkComboBox *combo;

  (void)state;
  wct_settings_set_style (&settings, WCT_STYLE_NONE, woodcut);
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  combo = GTK_COMBO_BOX (driver_find ("style"));
  assert_int_equal (gtk_combo_box_get_active (combo), 3);
  assert_same_settings (&settings, driver_now ());
  driver_slide ("relu4-scale", 0.5);
  assert_string_equal (driver_now ()->styles[0].file, woodcut);
  driver_wait_for_preview ();
  gtk_combo_box_set_active (combo, STYLE_GLASS);
  assert_int_equal (driver_now ()->styles[0].id, STYLE_GLASS);
  assert_string_equal (driver_now ()->styles[0].file, "");
  gtk_combo_box_set_active (combo, 3); /* stays in the list */
  assert_int_equal (driver_now ()->styles[0].id, WCT_STYLE_NONE);
  assert_string_equal (driver_now ()->styles[0].file, woodcut);
  g_free (woodcut);
}

static GtkFileChooser *
opened_file_chooser (void)
{
  GList          *windows = gtk_window_list_toplevels ();
  GtkFileChooser *found = NULL;

  for (GList *at = windows; at != NULL; at = at->next)
    if (GTK_IS_FILE_CHOOSER_DIALOG (at->data) && gtk_widget_get_visible (at->data))
      found = at->data;
  g_list_free (windows);
  return found;
}

/* Presses the button, and answers when the window has the file. */
static void
open_file (const char *path, gint response)
{
  char *chosen = NULL;

  driver_press ("open-style");
  UNTIL (opened_file_chooser () != NULL);
  gtk_file_chooser_set_filename (opened_file_chooser (), path);
  UNTIL (chosen != NULL && strcmp (chosen, path) == 0)
  {
    g_free (chosen);
    chosen = gtk_file_chooser_get_filename (opened_file_chooser ());
  }
  g_free (chosen);
  gtk_dialog_response (GTK_DIALOG (opened_file_chooser ()), response);
  UNTIL (opened_file_chooser () == NULL);
}

/* What GTK's own window answers when is its own affair: a name is given to the session itself. */
static void
a_style_is_kept_in_a_file (void **state)
{
  char        *path = scratch_path ("kept.wctstyle");
  WctStyleCard card;

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  driver.refused = 0;
  assert_true (gtk_widget_get_sensitive (driver_find ("save-style")));
  driver_press ("save-style");
  UNTIL (opened_file_chooser () != NULL);
  gtk_dialog_response (GTK_DIALOG (opened_file_chooser ()), GTK_RESPONSE_CANCEL);
  UNTIL (opened_file_chooser () == NULL);
  wct_session_save_style (wct_dialog_session (driver.dialog), 0, path);
  UNTIL (!wct_session_busy (wct_dialog_session (driver.dialog)));
  assert_int_equal (wct_style_read_card (path, &card, NULL), WCT_OK);
  assert_string_equal (card.name, "kept");
  assert_int_equal (card.levels, 31);
  assert_int_equal (MAX (card.width, card.height), 96);
  wct_style_card_clear (&card);
  g_free (path);
}

static void
a_style_that_cannot_be_kept_is_said_in_one_sentence (void **state)
{
  char *path = scratch_path ("no-folder/kept.wctstyle");

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  wct_session_save_style (wct_dialog_session (driver.dialog), 0, path);
  UNTIL (!wct_session_busy (wct_dialog_session (driver.dialog)));
  assert_non_null (strstr (gtk_label_get_text (GTK_LABEL (driver_find ("problem"))), "kept.wctstyle"));
  g_free (path);
}

static void
a_file_is_opened_by_the_button (void **state)
{
  char *woodcut = sample_path ("style-woodcut.jpg");

  (void)state;
  driver_show (CONTENT_SIDE);
  open_file (woodcut, GTK_RESPONSE_ACCEPT);
  assert_int_equal (driver_now ()->styles[0].id, WCT_STYLE_NONE);
  assert_string_equal (driver_now ()->styles[0].file, woodcut);
  g_free (woodcut);
}

static void
a_file_that_is_not_opened_changes_nothing (void **state)
{
  const WctSettings start = driver_settings ();
  char             *woodcut = sample_path ("style-woodcut.jpg");

  (void)state;
  driver_show (CONTENT_SIDE);
  open_file (woodcut, GTK_RESPONSE_CANCEL);
  assert_same_settings (&start, driver_now ());
  g_free (woodcut);
}

static void
a_file_that_is_no_picture_is_said_in_one_sentence (void **state)
{
  char *text = scratch_write ("text.png", "no picture", 10);

  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  driver.refused = 0;
  open_file (text, GTK_RESPONSE_ACCEPT);
  UNTIL (driver.refused > 0);
  assert_sentence (driver.sentence);
  g_free (text);
}

static void
the_list_is_asked_for_anew_when_it_opens (void **state)
{
  GtkComboBox *combo;
  char        *woodcut = sample_path ("style-woodcut.jpg");

  (void)state;
  driver_show (CONTENT_SIDE);
  combo = GTK_COMBO_BOX (driver_find ("style"));
  g_ptr_array_add (driver.pictures.paths, woodcut);
  gtk_combo_box_popup (combo);
  UNTIL (gtk_tree_model_iter_n_children (gtk_combo_box_get_model (combo), NULL) == 4);
  assert_int_equal (gtk_combo_box_get_active (combo), STYLE_GLASS);
  gtk_combo_box_popdown (combo);
  gtk_combo_box_set_active (combo, 3);
  assert_int_equal (driver_now ()->styles[0].id, 3);
  /* It is closed in the meantime. */
  g_ptr_array_remove_index (driver.pictures.paths, 3);
  driver.refused = 0;
  gtk_combo_box_popup (combo);
  UNTIL (gtk_combo_box_get_active (combo) == -1);
  UNTIL (driver.refused > 0);
  assert_sentence (driver.sentence);
  assert_int_equal (driver_now ()->styles[0].id, WCT_STYLE_NONE);
  gtk_combo_box_popdown (combo);
}

/* ---- Numbers and the result --------------------------------------------------------------------------------- */

static void
numbers_and_the_results_place_are_taken (void **state)
{
  WctSettings expected;

  (void)state;
  driver_show (CONTENT_SIDE);
  expected = *driver_now ();
  driver_spin ("style-size-spin", 256);
  expected.params.style_size = 256;
  assert_same_settings (&expected, driver_now ());
  driver_spin ("eigenvalue-floor-spin", 0.001);
  expected.params.eigenvalue_floor = 0.001;
  assert_same_settings (&expected, driver_now ());
  driver_spin ("damping-spin", 1.5);
  expected.params.damping = 1.5;
  assert_same_settings (&expected, driver_now ());
  driver_toggle ("output-replace", TRUE);
  expected.output = WCT_OUTPUT_REPLACE;
  assert_same_settings (&expected, driver_now ());
  driver_toggle ("output-layer", TRUE);
  expected.output = WCT_OUTPUT_LAYER;
  assert_same_settings (&expected, driver_now ());
}

/* By what the table says of a row: a check, or a number with a way back. */
static void
expect_row (WctMode mode, const WctParamInfo *info)
{
  char        *check = g_strconcat (info->name, "-check", NULL), *spin = g_strconcat (info->name, "-spin", NULL);
  char        *back = g_strconcat (info->name, "-reset", NULL);
  WctSettings  defaults;
  const double other = info->kind == WCT_PARAM_BOOL ? 1 : MIN (info->min + (info->max - info->min) / 2, info->min + 1);

  wct_settings_init (mode, &defaults);
  if (info->kind == WCT_PARAM_BOOL)
    driver_toggle (check, TRUE);
  else
    driver_spin (spin, other);
  if (wct_param_get (&driver_now ()->params, info) != other)
    fail_msg ("%s: expected %g, got %g", info->name, other, wct_param_get (&driver_now ()->params, info));
  assert_true (driver_is_sensitive (back));
  driver_press (back);
  if (wct_param_get (&driver_now ()->params, info) != wct_param_get (&defaults.params, info))
    fail_msg ("%s: it was not reset", info->name);
  g_free (check);
  g_free (spin);
  g_free (back);
}

static void
expect_rows (WctMode mode)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);
  int                 seen = 0;

  driver_show (CONTENT_SIDE);
  driver_toggle (mode == WCT_MODE_TEXTURE ? "mode-texture" : "mode-stylize", TRUE);
  for (size_t i = 0; i < count; i++)
    if (wct_mode_has (mode, &table[i]) && !g_str_has_prefix (table[i].name, "relu")
        && strcmp (table[i].name, "seed") != 0)
      {
        expect_row (mode, &table[i]);
        seen++;
      }
  assert_true (seen > 10);
}

static void
every_row_of_the_table_can_be_set_and_reset_for_a_picture (void **state)
{
  (void)state;
  expect_rows (WCT_MODE_STYLIZE);
}

static void
every_row_of_the_table_can_be_set_and_reset_for_a_texture (void **state)
{
  (void)state;
  expect_rows (WCT_MODE_TEXTURE);
}

/* Of a preset, a layer or the last run: nothing is rounded or cut by being shown. */
static void
what_it_starts_with_is_shown_as_it_is (void **state)
{
  WctSettings settings = driver_settings ();

  (void)state;
  settings.mode = WCT_MODE_TEXTURE;
  settings.output = WCT_OUTPUT_REPLACE;
  settings.width = 640;
  settings.height = 480;
  settings.params.seed = 987654321;
  settings.params.passes = 7;
  settings.params.style_size = 300;
  settings.params.damping = 0.25;
  settings.params.eigenvalue_floor = 2e-5;
  for (int i = 0; i < WCT_LEVELS; i++)
    settings.params.alpha[i] = 0.12345 * (i + 1);
  settings.params.level_on[0] = 0;
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  assert_same_settings (&settings, driver_now ());
  driver_toggle ("output-layer", TRUE); /* all is collected from the widgets now */
  settings.output = WCT_OUTPUT_LAYER;
  assert_same_settings (&settings, driver_now ());
}

static void
values_beyond_what_is_allowed_cannot_be_typed (void **state)
{
  static const char *const names[] = { "relu5-spin", "master-spin", "style-size-spin", "eigenvalue-floor-spin",
                                       "damping-spin" };

  (void)state;
  driver_show (CONTENT_SIDE);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      driver_spin (names[i], 1e9);
      assert_int_equal (wct_params_check (&driver_now ()->params, NULL), WCT_OK);
      driver_spin (names[i], -1e9);
      assert_int_equal (wct_params_check (&driver_now ()->params, NULL), WCT_OK);
    }
}

static void
levels_that_the_model_lacks_cannot_be_turned_on (void **state)
{
  (void)state;
  driver_show (CONTENT_SIDE);
  driver_wait_for_preview ();
  for (int level = 1; level <= WCT_LEVELS; level++)
    assert_true (driver_is_sensitive (row (level, "")));
}

#define DIALOG_TEST(name) cmocka_unit_test_setup_teardown (name, driver_open, driver_close)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    DIALOG_TEST (each_levels_slider_and_spin_button_are_one_strength),
    DIALOG_TEST (a_level_that_is_off_has_no_strength_to_set),
    DIALOG_TEST (each_level_can_be_reset_alone),
    DIALOG_TEST (in_a_texture_a_level_is_reset_to_all_the_way),
    DIALOG_TEST (the_master_strength_scales_every_level),
    DIALOG_TEST (each_preset_sets_what_it_says),
    DIALOG_TEST (own_presets_are_saved_chosen_and_deleted),
    DIALOG_TEST (own_presets_are_there_in_the_next_dialog),
    DIALOG_TEST (enter_in_the_name_saves),
    DIALOG_TEST (a_preset_without_a_name_is_refused_in_one_sentence),
    DIALOG_TEST (a_preset_that_cannot_be_written_is_said_in_one_sentence),
    DIALOG_TEST (a_damaged_preset_is_said_in_one_sentence),
    DIALOG_TEST (a_texture_has_size_seed_and_passes),
    DIALOG_TEST (the_dice_throw_another_seed),
    DIALOG_TEST (each_mode_keeps_its_own_and_style_and_result_are_common),
    DIALOG_TEST (the_style_is_any_of_the_hosts_sources),
    DIALOG_TEST (a_style_that_is_gone_is_none),
    DIALOG_TEST (the_style_can_be_a_file),
    DIALOG_TEST (a_style_is_kept_in_a_file),
    DIALOG_TEST (a_style_that_cannot_be_kept_is_said_in_one_sentence),
    DIALOG_TEST (a_file_is_opened_by_the_button),
    DIALOG_TEST (a_file_that_is_not_opened_changes_nothing),
    DIALOG_TEST (a_file_that_is_no_picture_is_said_in_one_sentence),
    DIALOG_TEST (the_list_is_asked_for_anew_when_it_opens),
    DIALOG_TEST (numbers_and_the_results_place_are_taken),
    DIALOG_TEST (every_row_of_the_table_can_be_set_and_reset_for_a_picture),
    DIALOG_TEST (every_row_of_the_table_can_be_set_and_reset_for_a_texture),
    DIALOG_TEST (what_it_starts_with_is_shown_as_it_is),
    DIALOG_TEST (values_beyond_what_is_allowed_cannot_be_typed),
    DIALOG_TEST (levels_that_the_model_lacks_cannot_be_turned_on),
  };

  const int status = driver_begin (&argc, &argv);

  return status != 0 ? status : cmocka_run_group_tests (tests, NULL, scratch_close);
}
