/* Without a mouse, and without eyes: Tab goes everywhere, Alt and a letter go to one place each, every place has a name
 * for screen readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "driver.h"
#include "scratch.h"

#define CONTENT_SIDE 64

#define PAGE_MAX 5

/* With all that it can have. */
static void
show_everything (WctMode mode)
{
  WctSettings settings = driver_settings ();

  settings.mode = mode;
  wct_settings_add_style (&settings, STYLE_SWIRLS, NULL);
  driver_prepare (CONTENT_SIDE);
  driver_show_settings (&settings);
  driver_wait_for_preview ();
  if (mode == WCT_MODE_STYLIZE)
    driver_press ("add-region");
  driver_wait_for_preview ();
  UNTIL (driver_seek ("history-0") != NULL);
  driver_press ("snapshot-a");
  driver_press ("snapshot-b");
  patience_settle ();
}

/* FALSE: there is none of this number, or this mode has none. */
static gboolean
show_page (gint page)
{
  GtkNotebook *pages = GTK_NOTEBOOK (driver_find ("pages"));
  GtkWidget   *child = gtk_notebook_get_nth_page (pages, page);

  if (child == NULL || !gtk_widget_get_visible (child))
    return FALSE;
  gtk_notebook_set_current_page (pages, page);
  patience_settle ();
  return TRUE;
}

static const char *
describe (GtkWidget *widget)
{
  static char text[256];
  const char *label = GTK_IS_BUTTON (widget)  ? gtk_button_get_label (GTK_BUTTON (widget))
                      : GTK_IS_LABEL (widget) ? gtk_label_get_label (GTK_LABEL (widget))
                                              : NULL;

  g_snprintf (text, sizeof text, "%s \"%s\"%s%s", G_OBJECT_TYPE_NAME (widget), gtk_widget_get_name (widget),
              label == NULL ? "" : ", ", label == NULL ? "" : label);
  return text;
}

/* ---- Tab ---------------------------------------------------------------------------------------------------- */

/* What the keyboard can be in by itself. Of a group of radio buttons it is the one that is on; a pane's handle, which
 * has F6, and what only holds others are none. */
static gboolean
takes_keyboard (GtkWidget *widget)
{
  if (!gtk_widget_get_can_focus (widget) || !gtk_widget_is_visible (widget) || !gtk_widget_is_sensitive (widget)
      || !gtk_widget_get_mapped (widget))
    return FALSE;
  if (GTK_IS_RADIO_BUTTON (widget))
    return gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (widget));
  return !GTK_IS_PANED (widget) && !GTK_IS_SCROLLED_WINDOW (widget) && !GTK_IS_VIEWPORT (widget)
         && !GTK_IS_FLOW_BOX (widget) && !GTK_IS_COMBO_BOX (widget) && !GTK_IS_WINDOW (widget)
         && !GTK_IS_POPOVER (widget);
}

typedef struct
{
  GHashTable *reached;
  int         wanted, missed;
} Tour;

static void
check_reached (GtkWidget *widget, gpointer user)
{
  Tour *tour = user;

  if (!takes_keyboard (widget))
    return;
  tour->wanted++;
  if (!g_hash_table_contains (tour->reached, widget))
    {
      print_error ("Tab does not reach %s\n", describe (widget));
      tour->missed++;
    }
}

/* Until it comes round. */
static void
go_round (Tour *tour, guint key, GdkModifierType state)
{
  GtkWidget *at = NULL;

  g_hash_table_remove_all (tour->reached);
  for (int i = 0; i < 500; i++)
    {
      driver_key (key, state);
      at = gtk_window_get_focus (GTK_WINDOW (driver.window));
      if (at == NULL || !g_hash_table_add (tour->reached, at))
        break;
    }
  assert_non_null (at);
}

static void
expect_tour (guint key, GdkModifierType state)
{
  int missed = 0;

  for (gint page = 0; page < PAGE_MAX; page++)
    if (show_page (page))
      {
        Tour tour = { g_hash_table_new (NULL, NULL), 0, 0 };

        gtk_widget_grab_focus (driver_find ("preview"));
        go_round (&tour, key, state);
        driver_each (driver.window, check_reached, &tour);
        print_message ("page %d: %d places for the keyboard, %d reached\n", page, tour.wanted,
                       (int)g_hash_table_size (tour.reached));
        g_hash_table_destroy (tour.reached);
        assert_true (tour.wanted > 20);
        missed += tour.missed;
      }
  assert_int_equal (missed, 0);
}

static void
tab_goes_everywhere_for_a_picture (void **state)
{
  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  expect_tour (GDK_KEY_Tab, 0);
}

static void
tab_goes_everywhere_for_a_texture (void **state)
{
  (void)state;
  show_everything (WCT_MODE_TEXTURE);
  expect_tour (GDK_KEY_Tab, 0);
}

static void
tab_goes_everywhere_backward (void **state)
{
  (void)state;
  show_everything (WCT_MODE_TEXTURE);
  expect_tour (GDK_KEY_ISO_Left_Tab, GDK_SHIFT_MASK);
}

static void
arrows_go_from_one_radio_button_to_the_next (void **state)
{
  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  gtk_widget_grab_focus (driver_find ("mode-stylize"));
  driver_key (GDK_KEY_Right, 0);
  assert_int_equal (driver_now ()->mode, WCT_MODE_TEXTURE);
  gtk_widget_grab_focus (driver_find ("output-layer"));
  driver_key (GDK_KEY_Right, 0);
  assert_int_equal (driver_now ()->output, WCT_OUTPUT_REPLACE);
}

static void
sliders_and_checks_work_by_keys (void **state)
{
  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  show_page (1);
  gtk_widget_grab_focus (driver_find ("relu4-scale"));
  driver_key (GDK_KEY_Right, 0);
  assert_true (driver_now ()->params.alpha[3] > 0.6);
  driver_key (GDK_KEY_Home, 0);
  assert_true (driver_now ()->params.alpha[3] == 0);
  gtk_widget_grab_focus (driver_find ("relu4"));
  driver_key (GDK_KEY_space, 0);
  patience_settle ();
  assert_false (driver_now ()->params.level_on[3]);
}

static void
enter_is_ok (void **state)
{
  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  show_page (1);
  gtk_widget_grab_focus (driver_find ("relu4-scale"));
  driver_key (GDK_KEY_Return, 0);
  UNTIL (driver_is_closed ());
  assert_int_equal (driver.finished, 1);
}

/* What was saved under a name can be reached, chosen and deleted without a mouse. */
static void
tab_goes_through_ones_own_presets (void **state)
{
  Tour       tour = { g_hash_table_new (NULL, NULL), 0, 0 };
  GtkWidget *button;

  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  show_page (1);
  gtk_entry_set_text (GTK_ENTRY (driver_find ("preset-name")), "Mine");
  driver_press ("preset-save");
  button = driver_find ("presets");
  gtk_widget_grab_focus (button);
  gtk_button_clicked (GTK_BUTTON (button));
  UNTIL (gtk_widget_get_mapped (driver_find ("preset-name")));
  go_round (&tour, GDK_KEY_Tab, 0);
  driver_each (GTK_WIDGET (gtk_menu_button_get_popover (GTK_MENU_BUTTON (button))), check_reached, &tour);
  g_hash_table_destroy (tour.reached);
  assert_true (tour.wanted >= 4); /* name, save, choose, delete */
  assert_int_equal (tour.missed, 0);
  driver_key (GDK_KEY_Escape, 0);
  UNTIL (!gtk_widget_get_visible (GTK_WIDGET (gtk_menu_button_get_popover (GTK_MENU_BUTTON (button)))));
  assert_false (driver_is_closed ());
}

/* ---- Alt and a letter --------------------------------------------------------------------------------------- */

typedef struct
{
  GHashTable *labels; /* by keyval */
  int         collisions, lacking;
} Mnemonics;

/* While one is open its letters are its own. */
static gboolean
is_in_popover (GtkWidget *widget)
{
  return gtk_widget_get_ancestor (widget, GTK_TYPE_POPOVER) != NULL;
}

static void
collect_mnemonic (GtkWidget *widget, gpointer user)
{
  Mnemonics *mnemonics = user;
  guint      key;
  GtkWidget *other;

  if (!GTK_IS_LABEL (widget) || !gtk_widget_get_mapped (widget) || is_in_popover (widget))
    return;
  key = gtk_label_get_mnemonic_keyval (GTK_LABEL (widget));
  if (key == GDK_KEY_VoidSymbol)
    return;
  key = gdk_keyval_to_lower (key);
  other = g_hash_table_lookup (mnemonics->labels, GUINT_TO_POINTER (key));
  if (other != NULL)
    {
      print_error ("Alt+%s is \"%s\", and it is \"%s\"\n", gdk_keyval_name (key),
                   gtk_label_get_text (GTK_LABEL (other)), gtk_label_get_text (GTK_LABEL (widget)));
      mnemonics->collisions++;
    }
  g_hash_table_insert (mnemonics->labels, GUINT_TO_POINTER (key), widget);
}

static void
expect_no_collisions (WctMode mode)
{
  int collisions = 0;

  show_everything (mode);
  for (gint page = 0; page < PAGE_MAX; page++)
    if (show_page (page))
      {
        Mnemonics mnemonics = { g_hash_table_new (NULL, NULL), 0, 0 };

        driver_each (driver.window, collect_mnemonic, &mnemonics);
        print_message ("page %d: %d letters with Alt\n", page, (int)g_hash_table_size (mnemonics.labels));
        assert_true (g_hash_table_size (mnemonics.labels) > 15);
        g_hash_table_destroy (mnemonics.labels);
        collisions += mnemonics.collisions;
      }
  assert_int_equal (collisions, 0);
}

static void
no_letter_has_two_places_for_a_picture (void **state)
{
  (void)state;
  expect_no_collisions (WCT_MODE_STYLIZE);
}

static void
no_letter_has_two_places_for_a_texture (void **state)
{
  (void)state;
  expect_no_collisions (WCT_MODE_TEXTURE);
}

static void
look_for_mnemonic (GtkWidget *widget, gpointer user)
{
  if (GTK_IS_LABEL (widget) && gtk_label_get_mnemonic_keyval (GTK_LABEL (widget)) != GDK_KEY_VoidSymbol)
    *(gboolean *)user = TRUE;
}

static void
has_letters (GtkWidget *widget, gpointer user)
{
  if (!GTK_IS_LABEL (widget))
    return;
  for (const char *at = gtk_label_get_text (GTK_LABEL (widget)); *at != '\0'; at++)
    *(gboolean *)user = *(gboolean *)user || g_ascii_isalpha (*at);
}

/* Buttons, checks and radio buttons with a word on them. Presets, styles and what was kept are more than there are
 * letters: Tab goes through them. */
static void
check_mnemonic (GtkWidget *widget, gpointer user)
{
  Mnemonics *mnemonics = user;
  gboolean   words = FALSE, found = FALSE;

  if (!GTK_IS_BUTTON (widget) || !gtk_widget_is_visible (widget) || is_in_popover (widget)
      || g_str_has_prefix (gtk_widget_get_name (widget), "preset-")
      || g_str_has_prefix (gtk_widget_get_name (widget), "style-pick-")
      || g_str_has_prefix (gtk_widget_get_name (widget), "snapshot-")
      || gtk_widget_get_ancestor (widget, GTK_TYPE_COMBO_BOX) != NULL)
    return;
  driver_each (widget, has_letters, &words);
  driver_each (widget, look_for_mnemonic, &found);
  if (words && !found)
    {
      print_error ("no letter goes to %s\n", describe (widget));
      mnemonics->lacking++;
    }
}

static void
every_button_with_a_word_has_a_letter (void **state)
{
  Mnemonics mnemonics = { NULL, 0, 0 };

  (void)state;
  show_everything (WCT_MODE_TEXTURE);
  driver_each (driver.window, check_mnemonic, &mnemonics);
  assert_int_equal (mnemonics.lacking, 0);
}

static void
alt_and_a_letter_goes_there (void **state)
{
  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  driver_key (GDK_KEY_t, GDK_MOD1_MASK);
  UNTIL (gtk_notebook_get_current_page (GTK_NOTEBOOK (driver_find ("pages"))) == 1);
  patience_settle ();
  driver_key (GDK_KEY_4, GDK_MOD1_MASK);
  assert_false (driver_now ()->params.level_on[3]);
  driver_key (GDK_KEY_x, GDK_MOD1_MASK);
  assert_int_equal (driver_now ()->mode, WCT_MODE_TEXTURE);
  driver_key (GDK_KEY_c, GDK_MOD1_MASK);
  UNTIL (driver_is_closed ());
}

/* ---- Names -------------------------------------------------------------------------------------------------- */

static gboolean
is_labeled (AtkObject *accessible)
{
  AtkRelationSet *relations = atk_object_ref_relation_set (accessible);
  const gboolean  labeled = atk_relation_set_contains (relations, ATK_RELATION_LABELLED_BY);

  g_object_unref (relations);
  return labeled;
}

/* A combo box is its own button, to a screen reader. */
static void
check_name (GtkWidget *widget, gpointer user)
{
  int        *nameless = user;
  GtkWidget  *combo = gtk_widget_get_ancestor (widget, GTK_TYPE_COMBO_BOX);
  AtkObject  *accessible = gtk_widget_get_accessible (combo == NULL ? widget : combo);
  const char *name = atk_object_get_name (accessible);

  if (!takes_keyboard (widget) || ((name != NULL && *name != '\0') || is_labeled (accessible)))
    return;
  print_error ("%s has no name for screen readers\n", describe (widget));
  (*nameless)++;
}

static void
expect_names (WctMode mode)
{
  int nameless = 0;

  show_everything (mode);
  for (gint page = 0; page < PAGE_MAX; page++)
    if (show_page (page))
      driver_each (driver.window, check_name, &nameless);
  assert_int_equal (nameless, 0);
}

static void
every_place_has_a_name_for_a_picture (void **state)
{
  (void)state;
  expect_names (WCT_MODE_STYLIZE);
}

static void
every_place_has_a_name_for_a_texture (void **state)
{
  (void)state;
  expect_names (WCT_MODE_TEXTURE);
}

static void
every_place_among_ones_own_presets_has_a_name (void **state)
{
  int        nameless = 0;
  GtkWidget *button;

  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  show_page (1);
  gtk_entry_set_text (GTK_ENTRY (driver_find ("preset-name")), "Mine");
  driver_press ("preset-save");
  button = driver_find ("presets");
  gtk_button_clicked (GTK_BUTTON (button));
  UNTIL (gtk_widget_get_mapped (driver_find ("preset-name")));
  driver_each (GTK_WIDGET (gtk_menu_button_get_popover (GTK_MENU_BUTTON (button))), check_name, &nameless);
  assert_int_equal (nameless, 0);
}

static void
check_tooltip (GtkWidget *widget, gpointer user)
{
  int        *mute = user;
  char       *tooltip = gtk_widget_get_tooltip_text (widget);
  const char *name = gtk_widget_get_name (widget);

  /* What everybody knows needs none. */
  if (takes_keyboard (widget) && tooltip == NULL && strcmp (name, G_OBJECT_TYPE_NAME (widget)) != 0
      && strcmp (name, "cancel") != 0 && strcmp (name, "help") != 0 && strcmp (name, "preview") != 0
      && strcmp (name, "pages") != 0 && !g_str_has_suffix (name, "-spin"))
    {
      print_error ("%s does not say what the picture will do\n", describe (widget));
      (*mute)++;
    }
  g_free (tooltip);
}

static void
every_control_says_what_it_does (void **state)
{
  int mute = 0;

  (void)state;
  show_everything (WCT_MODE_STYLIZE);
  for (gint page = 0; page < PAGE_MAX; page++)
    if (show_page (page))
      driver_each (driver.window, check_tooltip, &mute);
  driver_toggle ("mode-texture", TRUE);
  for (gint page = 0; page < PAGE_MAX; page++)
    if (show_page (page))
      driver_each (driver.window, check_tooltip, &mute);
  assert_int_equal (mute, 0);
}

#define DIALOG_TEST(name) cmocka_unit_test_setup_teardown (name, driver_open, driver_close)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    DIALOG_TEST (tab_goes_everywhere_for_a_picture),
    DIALOG_TEST (tab_goes_everywhere_for_a_texture),
    DIALOG_TEST (tab_goes_everywhere_backward),
    DIALOG_TEST (arrows_go_from_one_radio_button_to_the_next),
    DIALOG_TEST (sliders_and_checks_work_by_keys),
    DIALOG_TEST (enter_is_ok),
    DIALOG_TEST (tab_goes_through_ones_own_presets),
    DIALOG_TEST (no_letter_has_two_places_for_a_picture),
    DIALOG_TEST (no_letter_has_two_places_for_a_texture),
    DIALOG_TEST (every_button_with_a_word_has_a_letter),
    DIALOG_TEST (alt_and_a_letter_goes_there),
    DIALOG_TEST (every_place_has_a_name_for_a_picture),
    DIALOG_TEST (every_place_has_a_name_for_a_texture),
    DIALOG_TEST (every_place_among_ones_own_presets_has_a_name),
    DIALOG_TEST (every_control_says_what_it_does),
  };

  const int status = driver_begin (&argc, &argv);

  return status != 0 ? status : cmocka_run_group_tests (tests, NULL, scratch_close);
}
