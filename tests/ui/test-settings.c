/* Settings: what they are at first, as text and back, text that is damaged, and the names of layers made with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <locale.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "same.h"
#include "settings.h"

#define SEED 20240611

static const WctMode both_modes[] = { WCT_MODE_STYLIZE, WCT_MODE_TEXTURE };

/* ---- What they are at first --------------------------------------------------------------------------------- */

static void
a_picture_starts_with_the_tables_defaults_and_no_style (void **state)
{
  WctSettings settings;
  WctParams   defaults;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  wct_params_init (&defaults);
  assert_int_equal (settings.mode, WCT_MODE_STYLIZE);
  assert_int_equal (settings.output, WCT_OUTPUT_LAYER);
  assert_int_equal (settings.width, 0);
  assert_int_equal (settings.height, 0);
  assert_same_params (&defaults, &settings.params);
  assert_false (wct_settings_have_style (&settings));
}

static void
a_texture_starts_all_the_way_with_three_passes (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_TEXTURE, &settings);
  assert_int_equal (settings.mode, WCT_MODE_TEXTURE);
  assert_int_equal (settings.params.passes, 3);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      assert_true (settings.params.level_on[i]);
      assert_true (settings.params.alpha[i] == 1);
    }
}

static void
a_style_is_a_source_or_a_file (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  wct_settings_set_style (&settings, 0, NULL);
  assert_true (wct_settings_have_style (&settings));
  wct_settings_set_style (&settings, WCT_STYLE_NONE, "/a/picture.png");
  assert_true (wct_settings_have_style (&settings));
}

/* A list of names that ends with NULL. */
static void
expect_rows (WctMode mode, const char *const *without)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  for (size_t i = 0; i < count; i++)
    {
      const gboolean expected = !g_strv_contains (without, table[i].name);

      if (wct_mode_has (mode, &table[i]) != expected)
        fail_msg ("%s: expected %d, got the other", table[i].name, expected);
    }
}

static void
a_picture_has_all_rows_but_its_size_and_those_of_noise (void **state)
{
  (void)state;
  expect_rows (WCT_MODE_STYLIZE, (const char *const[]){ "content-size", "seed", "guide", NULL });
}

static void
a_texture_has_no_colors_details_and_places_to_keep (void **state)
{
  (void)state;
  expect_rows (WCT_MODE_TEXTURE, (const char *const[]){ "content-size", "keep-colors", "recolor", "recolor-histogram",
                                                        "working-size", "hard-masks", NULL });
}

/* ---- As text and back --------------------------------------------------------------------------------------- */

/* Anything that is allowed, in all that this mode has. */
static void
set_at_random (GRand *random, WctMode mode, WctSettings *settings)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  wct_settings_init (mode, settings);
  settings->output = g_rand_boolean (random) ? WCT_OUTPUT_REPLACE : WCT_OUTPUT_LAYER;
  settings->width = g_rand_int_range (random, 0, WCT_TEXTURE_SIDE_MAX + 1);
  settings->height = g_rand_int_range (random, 0, WCT_TEXTURE_SIDE_MAX + 1);
  for (size_t i = 0; i < count; i++)
    {
      double value = g_rand_double_range (random, table[i].min, table[i].max);

      if (table[i].kind != WCT_PARAM_DOUBLE)
        value = round (value);
      if (wct_mode_has (mode, &table[i]))
        assert_int_equal (wct_param_set (&settings->params, &table[i], value, NULL), WCT_OK);
    }
  settings->params.level_on[g_rand_int_range (random, 0, WCT_LEVELS)] = 1;
}

/* Written, taken as text, read again. */
static gboolean
through_text (const WctSettings *settings, WctSettings *read)
{
  GKeyFile *written = g_key_file_new (), *other = g_key_file_new ();
  gsize     length;
  char     *text;
  gboolean  good;

  wct_settings_write (settings, written, "a group");
  text = g_key_file_to_data (written, &length, NULL);
  assert_true (g_key_file_load_from_data (other, text, length, G_KEY_FILE_NONE, NULL));
  good = wct_settings_read (read, other, "a group");
  g_free (text);
  g_key_file_free (written);
  g_key_file_free (other);
  return good;
}

static void
what_is_written_is_read_bit_for_bit (void **state)
{
  GRand *random = g_rand_new_with_seed (SEED);

  (void)state;
  print_message ("seed %d\n", SEED);
  for (int i = 0; i < 200; i++)
    {
      WctSettings settings, read;

      set_at_random (random, both_modes[i % 2], &settings);
      wct_settings_init (both_modes[(i / 2) % 2], &read);
      if (read.mode == WCT_MODE_TEXTURE && settings.mode == WCT_MODE_STYLIZE)
        read.params.seed = settings.params.seed; /* is not written, and stays */
      assert_true (through_text (&settings, &read));
      assert_same_settings (&settings, &read);
    }
  g_rand_free (random);
}

static void
the_style_is_not_written_and_stays_when_read (void **state)
{
  WctSettings settings, read;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  wct_settings_set_style (&settings, WCT_STYLE_NONE, "/one.png");
  wct_settings_init (WCT_MODE_STYLIZE, &read);
  wct_settings_set_style (&read, WCT_STYLE_NONE, "/other.png");
  assert_true (through_text (&settings, &read));
  assert_int_equal (read.style_count, 1);
  assert_string_equal (read.styles[0].file, "/other.png");
}

static void
weights_are_written_and_go_to_as_many_styles (void **state)
{
  WctSettings settings, two, three;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  wct_settings_set_style (&settings, 7, NULL);
  wct_settings_add_style (&settings, 8, NULL);
  settings.styles[0].weight = 0.1;
  settings.styles[1].weight = 0.7;
  wct_settings_init (WCT_MODE_STYLIZE, &two);
  wct_settings_set_style (&two, 1, NULL);
  wct_settings_add_style (&two, 2, NULL);
  three = two;
  wct_settings_add_style (&three, 3, NULL);
  assert_true (through_text (&settings, &two));
  assert_int_equal (two.styles[0].id, 1);
  assert_true (two.styles[0].weight == 0.1);
  assert_true (two.styles[1].weight == 0.7);
  assert_true (through_text (&settings, &three));
  for (int i = 0; i < 3; i++)
    assert_true (three.styles[i].weight == 1);
}

static void
a_style_that_is_removed_takes_its_regions_to_the_blend (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  for (int i = 0; i < WCT_STYLES_MAX; i++)
    assert_true (wct_settings_add_style (&settings, i, NULL));
  assert_false (wct_settings_add_style (&settings, 99, NULL));
  settings.place_count = 3;
  for (int i = 0; i < 3; i++)
    settings.places[i].style = i;
  wct_settings_remove_style (&settings, 1);
  assert_int_equal (settings.style_count, WCT_STYLES_MAX - 1);
  assert_int_equal (settings.styles[1].id, 2);
  assert_int_equal (settings.places[0].style, 0);
  assert_int_equal (settings.places[1].style, WCT_STYLE_BLEND);
  assert_int_equal (settings.places[2].style, 1);
}

static void
settings_are_the_same_only_if_all_of_them_are (void **state)
{
  WctSettings a, b;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &a);
  wct_settings_set_style (&a, 1, NULL);
  b = a;
  assert_true (wct_settings_same (&a, &b));
  b.styles[0].weight = 0.5;
  assert_false (wct_settings_same (&a, &b));
  b = a;
  b.place_count = 1;
  assert_false (wct_settings_same (&a, &b));
  b = a;
  b.params.seamless = 1;
  assert_false (wct_settings_same (&a, &b));
}

static void
a_language_with_decimal_commas_writes_points (void **state)
{
  static const char *const languages[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "fr_FR" };
  const char              *language = NULL;
  WctSettings              settings, read;
  gboolean                 good;

  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (languages) && language == NULL; i++)
    language = setlocale (LC_NUMERIC, languages[i]);
  if (language == NULL)
    {
      print_message ("no language with decimal commas is installed here\n");
      skip ();
    }
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  settings.params.alpha[2] = 0.123456789;
  wct_settings_init (WCT_MODE_STYLIZE, &read);
  good = through_text (&settings, &read);
  setlocale (LC_NUMERIC, "C");
  assert_true (good);
  assert_same_settings (&settings, &read);
}

/* ---- Text that is damaged ----------------------------------------------------------------------------------- */

/* Reads a group of these lines after a good one's; without lines: that there is no group. */
static gboolean
read_lines (const char *lines, WctSettings *settings)
{
  GKeyFile *file = g_key_file_new ();
  char     *text = g_strdup_printf ("[%s]\n%s\n", lines == NULL ? "another" : "group", lines == NULL ? "" : lines);
  gboolean  good;

  assert_true (g_key_file_load_from_data (file, text, (gsize)-1, G_KEY_FILE_NONE, NULL));
  good = wct_settings_read (settings, file, "group");
  g_free (text);
  g_key_file_free (file);
  return good;
}

static void
keys_that_are_missing_leave_what_there_was (void **state)
{
  WctSettings settings, expected;

  (void)state;
  wct_settings_init (WCT_MODE_TEXTURE, &settings);
  settings.params.passes = 5;
  settings.output = WCT_OUTPUT_REPLACE;
  settings.width = 300;
  expected = settings;
  assert_true (read_lines ("", &settings));
  assert_same_settings (&expected, &settings);
  expected.params.alpha[3] = 0.25;
  assert_true (read_lines ("relu4-alpha=0.25", &settings));
  assert_same_settings (&expected, &settings);
}

static void
keys_that_nobody_knows_do_no_harm (void **state)
{
  WctSettings settings, expected;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  expected = settings;
  assert_true (read_lines ("relu6-alpha=0.25\nfuture=yes\nmode[de]=nonsense", &settings));
  assert_same_settings (&expected, &settings);
}

static void
what_cannot_be_used_is_refused_and_changes_nothing (void **state)
{
  static const char *const damaged[] = {
    "mode=painting",
    "mode=",
    "output=elsewhere",
    "width=-1",
    "width=65537",
    "height=-5",
    "height=99999999999",
    "width=wide",
    "height=",
    "relu5-alpha=strong",
    "relu5-alpha=",
    "relu5-alpha=1.5",
    "relu5-alpha=-0.1",
    "relu5-alpha=nan",
    "relu5-alpha=1e999",
    "relu5-alpha=0.5 0.5",
    "relu5-alpha=0,5",
    "relu3=2",
    "relu3=0.5",
    "passes=0",
    "passes=101",
    "passes=1.5",
    "seed=-1",
    "seed=2147483648",
    "eigenvalue-floor=-1",
    "damping=inf",
    "style-size=-32",
    "weights=0.5;2",
    "weights=much;0.5",
    "weights=-1;0.5",
    "relu1=0\nrelu2=0\nrelu3=0\nrelu4=0\nrelu5=0",
    "relu4-alpha=0.1\nmode=texture\nrelu5-alpha=2",
  };
  int taken = 0;

  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (damaged); i++)
    {
      WctSettings settings, expected;

      wct_settings_init (WCT_MODE_STYLIZE, &settings);
      expected = settings;
      if (read_lines (damaged[i], &settings))
        {
          print_error ("\"%s\": expected to be refused, got taken\n", damaged[i]);
          taken++;
        }
      else
        assert_same_settings (&expected, &settings);
    }
  assert_int_equal (taken, 0);
}

static void
a_group_that_is_missing_is_refused (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  assert_false (read_lines (NULL, &settings));
}

/* ---- Names -------------------------------------------------------------------------------------------------- */

static void
expect_name (const WctSettings *settings, const char *style, const char *expected)
{
  char *name = wct_settings_name (settings, style);

  assert_string_equal (name, expected);
  g_free (name);
}

static void
a_layer_is_called_by_style_and_strength (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  expect_name (&settings, "Night", "Night style (0.6)");
  expect_name (&settings, "100 %s", "100 %s style (0.6)");
}

static void
levels_that_differ_are_named_one_by_one (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  settings.params.alpha[4] = 0.4;
  settings.params.alpha[3] = 0.85;
  for (int i = 0; i < 3; i++)
    settings.params.level_on[i] = 0;
  expect_name (&settings, "Night", "Night style (5: 0.4; 4: 0.85)");
}

static void
equal_levels_of_which_one_is_off_are_named_one_by_one (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  settings.params.level_on[0] = 0;
  expect_name (&settings, "Night", "Night style (5: 0.6; 4: 0.6; 3: 0.6; 2: 0.6)");
}

static void
a_texture_is_called_by_style_and_seed (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_TEXTURE, &settings);
  settings.params.seed = 2147483647;
  expect_name (&settings, "Glass", "Glass texture, seed 2147483647");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_picture_starts_with_the_tables_defaults_and_no_style),
    cmocka_unit_test (a_texture_starts_all_the_way_with_three_passes),
    cmocka_unit_test (a_style_is_a_source_or_a_file),
    cmocka_unit_test (a_picture_has_all_rows_but_its_size_and_those_of_noise),
    cmocka_unit_test (a_texture_has_no_colors_details_and_places_to_keep),
    cmocka_unit_test (what_is_written_is_read_bit_for_bit),
    cmocka_unit_test (the_style_is_not_written_and_stays_when_read),
    cmocka_unit_test (weights_are_written_and_go_to_as_many_styles),
    cmocka_unit_test (a_style_that_is_removed_takes_its_regions_to_the_blend),
    cmocka_unit_test (settings_are_the_same_only_if_all_of_them_are),
    cmocka_unit_test (a_language_with_decimal_commas_writes_points),
    cmocka_unit_test (keys_that_are_missing_leave_what_there_was),
    cmocka_unit_test (keys_that_nobody_knows_do_no_harm),
    cmocka_unit_test (what_cannot_be_used_is_refused_and_changes_nothing),
    cmocka_unit_test (a_group_that_is_missing_is_refused),
    cmocka_unit_test (a_layer_is_called_by_style_and_strength),
    cmocka_unit_test (levels_that_differ_are_named_one_by_one),
    cmocka_unit_test (equal_levels_of_which_one_is_off_are_named_one_by_one),
    cmocka_unit_test (a_texture_is_called_by_style_and_seed),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
