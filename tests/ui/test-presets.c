/* Presets: the method's own can all be used, the user's are kept in a file, and what cannot be kept is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "presets.h"
#include "same.h"
#include "scratch.h"

#define PRESETS_FILE "gimp-wct/presets.ini"

/* ---- The method's own --------------------------------------------------------------------------------------- */

static void
each_preset_has_a_name_of_its_own_and_says_what_for (void **state)
{
  (void)state;
  for (int i = 0; i < wct_preset_count; i++)
    {
      assert_sentence (wct_presets[i].purpose);
      assert_true (strlen (wct_presets[i].name) > 0);
      for (int j = 0; j < i; j++)
        {
          assert_string_not_equal (wct_presets[i].id, wct_presets[j].id);
          assert_string_not_equal (wct_presets[i].name, wct_presets[j].name);
        }
    }
}

static void
each_preset_sets_its_levels_and_can_be_computed (void **state)
{
  (void)state;
  for (int i = 0; i < wct_preset_count; i++)
    {
      const WctPreset *preset = &wct_presets[i];
      WctSettings      settings;
      WctError         err;

      wct_settings_init (WCT_MODE_STYLIZE, &settings);
      wct_preset_apply (preset, &settings);
      if (wct_params_check (&settings.params, &err) != WCT_OK)
        fail_msg ("%s: %s", preset->id, err.message);
      assert_int_equal (settings.mode, preset->mode);
      for (int j = 0; j < WCT_LEVELS; j++)
        {
          assert_int_equal (settings.params.level_on[j], preset->alpha[j] >= 0);
          if (preset->alpha[j] >= 0)
            assert_true (settings.params.alpha[j] == preset->alpha[j]);
        }
    }
}

static void
a_preset_leaves_style_sizes_seed_and_output (void **state)
{
  (void)state;
  for (int i = 0; i < wct_preset_count; i++)
    {
      WctSettings settings;

      wct_settings_init (WCT_MODE_TEXTURE, &settings);
      wct_settings_set_style (&settings, 3, NULL);
      settings.output = WCT_OUTPUT_REPLACE;
      settings.width = 100;
      settings.height = 200;
      settings.params.seed = 5;
      settings.params.style_size = 96;
      wct_preset_apply (&wct_presets[i], &settings);
      assert_int_equal (settings.styles[0].id, 3);
      assert_int_equal (settings.output, WCT_OUTPUT_REPLACE);
      assert_int_equal (settings.width, 100);
      assert_int_equal (settings.height, 200);
      assert_int_equal (settings.params.seed, 5);
      assert_int_equal (settings.params.style_size, 96);
    }
}

static void
after_a_texture_a_picture_has_one_pass_again (void **state)
{
  WctSettings settings;

  (void)state;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  for (int i = 0; i < wct_preset_count; i++)
    {
      wct_preset_apply (&wct_presets[i], &settings);
      assert_int_equal (settings.params.passes, wct_presets[i].mode == WCT_MODE_TEXTURE ? 3 : 1);
    }
  wct_preset_apply (&wct_presets[0], &settings);
  assert_int_equal (settings.params.passes, 1);
}

/* ---- The user's, kept --------------------------------------------------------------------------------------- */

static WctSettings
some_settings (double alpha)
{
  WctSettings settings;

  wct_settings_init (WCT_MODE_TEXTURE, &settings);
  settings.output = WCT_OUTPUT_REPLACE;
  settings.width = 640;
  settings.height = 480;
  settings.params.alpha[1] = alpha;
  settings.params.level_on[4] = 0;
  settings.params.seed = 12345;
  settings.params.damping = 0.1;
  return settings;
}

static void
save (const char *name, const WctSettings *settings)
{
  WctUserPresets *presets = wct_user_presets_open ();
  WctError        err;

  if (wct_user_presets_save (presets, name, settings, &err) != WCT_OK)
    fail_msg ("\"%s\" was not saved: %s", name, err.message);
  wct_user_presets_free (&presets);
  assert_null (presets);
}

/* With the file read anew; NULL: there may be none. */
static void
expect_names (const char *const expected[])
{
  WctUserPresets *presets = wct_user_presets_open ();
  char          **names = wct_user_presets_names (presets);
  char           *got = g_strjoinv (" | ", names), *wanted = g_strjoinv (" | ", (char **)expected);

  assert_string_equal (got, wanted);
  g_free (got);
  g_free (wanted);
  g_strfreev (names);
  wct_user_presets_free (&presets);
}

static void
expect_preset (const char *name, const WctSettings *expected)
{
  WctUserPresets *presets = wct_user_presets_open ();
  WctSettings     got;

  wct_settings_init (WCT_MODE_STYLIZE, &got);
  assert_true (wct_user_presets_apply (presets, name, &got));
  assert_same_settings (expected, &got);
  wct_user_presets_free (&presets);
}

static void
without_a_file_there_are_none (void **state)
{
  (void)state;
  expect_names ((const char *const[]){ NULL });
}

static void
what_was_saved_is_there_next_time (void **state)
{
  const WctSettings one = some_settings (0.25), two = some_settings (0.5);

  (void)state;
  save ("One", &one);
  save ("Two, and more", &two);
  expect_names ((const char *const[]){ "One", "Two, and more", NULL });
  expect_preset ("One", &one);
  expect_preset ("Two, and more", &two);
}

static void
saving_under_a_name_that_exists_replaces_it (void **state)
{
  const WctSettings one = some_settings (0.25), two = some_settings (0.5);
  WctSettings       picture;

  (void)state;
  save ("One", &one);
  save ("One", &two);
  expect_names ((const char *const[]){ "One", NULL });
  expect_preset ("One", &two);
  wct_settings_init (WCT_MODE_STYLIZE, &picture);
  save ("One", &picture);
  expect_preset ("One", &picture);
}

static void
a_deleted_one_is_gone_and_the_others_stay (void **state)
{
  const WctSettings one = some_settings (0.25), two = some_settings (0.5);
  WctUserPresets   *presets;
  WctSettings       settings = one;
  WctError          err;

  (void)state;
  save ("One", &one);
  save ("Two", &two);
  presets = wct_user_presets_open ();
  assert_int_equal (wct_user_presets_delete (presets, "One", &err), WCT_OK);
  assert_false (wct_user_presets_apply (presets, "One", &settings));
  assert_same_settings (&one, &settings);
  wct_user_presets_free (&presets);
  expect_names ((const char *const[]){ "Two", NULL });
  expect_preset ("Two", &two);
}

static void
no_presets_can_be_freed (void **state)
{
  WctUserPresets *none = NULL;

  (void)state;
  wct_user_presets_free (&none);
  assert_null (none);
}

/* ---- Names -------------------------------------------------------------------------------------------------- */

static void
names_of_any_language_and_odd_ones_are_kept (void **state)
{
  static const char *const names[] = { "Nächte in Blau", "夜",          "a = b", "#1",          "; not a comment",
                                       "100 %s %n",      "back\\slash", "x:y",   "two  spaces", "\"quoted\"" };
  const WctSettings        settings = some_settings (0.75);

  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      scratch_clear (NULL);
      save (names[i], &settings);
      expect_names ((const char *const[]){ names[i], NULL });
      expect_preset (names[i], &settings);
    }
}

/* Refused with a sentence, or kept; never said to be saved and lost. */
static void
expect_honest (const char *name)
{
  WctUserPresets *presets = wct_user_presets_open ();
  WctSettings     settings = some_settings (0.5), read = settings;
  WctError        err = { WCT_OK, "" };

  switch (wct_user_presets_save (presets, name, &settings, &err))
    {
    case WCT_OK:
      if (!wct_user_presets_apply (presets, name, &read))
        fail_msg ("\"%s\" was said to be saved and is not there", name);
      expect_preset (name, &settings);
      break;
    case WCT_ERR_ARGUMENT:
      assert_sentence (err.message);
      expect_names ((const char *const[]){ NULL });
      break;
    default:
      fail_msg ("\"%s\": %s", name, err.message);
    }
  wct_user_presets_free (&presets);
}

static void
names_that_a_file_cannot_have_are_refused_in_one_sentence (void **state)
{
  static const char *const names[] = { "", "[", "a[b", "a]b", "line\nline", "tab\ttab", "\xff\xfe", "cut\xc3" };

  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      WctUserPresets *presets = wct_user_presets_open ();
      WctSettings     settings = some_settings (0.5);
      WctError        err = { WCT_OK, "" };

      assert_int_equal (wct_user_presets_save (presets, names[i], &settings, &err), WCT_ERR_ARGUMENT);
      assert_sentence (err.message);
      wct_user_presets_free (&presets);
      expect_names ((const char *const[]){ NULL });
    }
}

static void
a_name_with_a_control_character_is_kept_or_refused (void **state)
{
  (void)state;
  for (int character = 1; character < 128; character = character == 31 ? 127 : character + 1)
    {
      const char name[] = { 'a', (char)character, 'b', '\0' };

      scratch_clear (NULL);
      expect_honest (name);
    }
}

static void
a_name_with_spaces_around_it_is_kept_or_refused (void **state)
{
  (void)state;
  expect_honest (" before");
  scratch_clear (NULL);
  expect_honest ("after ");
  scratch_clear (NULL);
  expect_honest (" ");
}

/* ---- What cannot be written, or read ------------------------------------------------------------------------ */

/* Neither saving nor deleting succeeds, and both leave what there was: "Kept" and "Kept, too". */
static void
expect_both_to_be_refused (WctUserPresets *presets)
{
  const WctSettings before = some_settings (0.25), other = some_settings (0.5);
  WctSettings       got = before;
  WctError          err = { WCT_OK, "" };
  char            **names;

  assert_int_equal (wct_user_presets_save (presets, "New", &other, &err), WCT_ERR_IO);
  assert_sentence (err.message);
  assert_int_equal (wct_user_presets_save (presets, "Kept", &other, &err), WCT_ERR_IO);
  err.message[0] = '\0';
  assert_int_equal (wct_user_presets_delete (presets, "Kept", &err), WCT_ERR_IO);
  assert_sentence (err.message);
  names = wct_user_presets_names (presets);
  assert_int_equal (g_strv_length (names), 2);
  assert_string_equal (names[0], "Kept");
  assert_true (wct_user_presets_apply (presets, "Kept", &got));
  assert_same_settings (&before, &got);
  g_strfreev (names);
}

static void
a_folder_that_cannot_be_made_is_said_and_nothing_changes (void **state)
{
  const WctSettings before = some_settings (0.25);
  WctUserPresets   *presets;
  char             *file, *path = scratch_path (PRESETS_FILE), *folder = scratch_path ("gimp-wct");

  (void)state;
  save ("Kept", &before);
  save ("Kept, too", &before);
  presets = wct_user_presets_open ();
  /* Root writes into any folder: a regular file is none. */
  assert_int_equal (g_remove (path), 0);
  assert_int_equal (g_remove (folder), 0);
  file = scratch_write ("gimp-wct", "no folder", 9);
  expect_both_to_be_refused (presets);
  wct_user_presets_free (&presets);
  g_free (file);
  g_free (path);
  g_free (folder);
}

/* No file may get any byte: as on a full disk, for root, too. */
static void
fill_disk (gboolean full)
{
  struct rlimit limit;

  signal (SIGXFSZ, SIG_IGN);
  assert_int_equal (getrlimit (RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = full ? 0 : limit.rlim_max;
  assert_int_equal (setrlimit (RLIMIT_FSIZE, &limit), 0);
}

static int
empty_disk (void **state)
{
  (void)state;
  fill_disk (FALSE);
  return 0;
}

static void
a_full_disk_is_said_and_the_old_file_stays_whole (void **state)
{
  const WctSettings before = some_settings (0.25);
  WctUserPresets   *presets;
  size_t            length, length_after;
  char             *whole, *whole_after;

  (void)state;
  save ("Kept", &before);
  save ("Kept, too", &before);
  whole = scratch_read (PRESETS_FILE, &length);
  presets = wct_user_presets_open ();
  fill_disk (TRUE);
  expect_both_to_be_refused (presets);
  fill_disk (FALSE);
  wct_user_presets_free (&presets);
  whole_after = scratch_read (PRESETS_FILE, &length_after);
  assert_non_null (whole_after);
  assert_int_equal (length_after, length);
  assert_memory_equal (whole_after, whole, length);
  g_free (whole);
  g_free (whole_after);
}

static void
a_file_that_is_no_key_file_is_none_and_can_be_saved_over (void **state)
{
  static const char garbage[] = "\x89PNG\r\n\x1a\n\0\0\0 no key file";
  const WctSettings settings = some_settings (0.25);
  char             *path = scratch_write (PRESETS_FILE, garbage, sizeof garbage);

  (void)state;
  expect_names ((const char *const[]){ NULL });
  save ("New", &settings);
  expect_names ((const char *const[]){ "New", NULL });
  g_free (path);
}

static void
a_damaged_preset_is_refused_and_the_others_are_not (void **state)
{
  static const char text[] = "[Damaged]\nmode=stylize\nrelu4-alpha=seven\n[Good]\nmode=stylize\nrelu4-alpha=0.7\n";
  char             *path = scratch_write (PRESETS_FILE, text, strlen (text));
  WctUserPresets   *presets = wct_user_presets_open ();
  WctSettings       settings = some_settings (0.25), expected = settings;

  (void)state;
  assert_false (wct_user_presets_apply (presets, "Damaged", &settings));
  assert_same_settings (&expected, &settings);
  assert_true (wct_user_presets_apply (presets, "Good", &settings));
  assert_true (settings.params.alpha[3] == 0.7);
  wct_user_presets_free (&presets);
  g_free (path);
}

static void
saving_keeps_what_is_damaged_or_from_a_later_version (void **state)
{
  static const char text[] = "[Damaged]\nrelu4-alpha=seven\n[Later]\nmode=stylize\nfuture=yes\n";
  const WctSettings settings = some_settings (0.25);
  char             *path = scratch_write (PRESETS_FILE, text, strlen (text)), *after;
  size_t            length;

  (void)state;
  save ("New", &settings);
  after = scratch_read (PRESETS_FILE, &length);
  assert_non_null (strstr (after, "relu4-alpha=seven"));
  assert_non_null (strstr (after, "future=yes"));
  g_free (after);
  g_free (path);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (each_preset_has_a_name_of_its_own_and_says_what_for),
    cmocka_unit_test (each_preset_sets_its_levels_and_can_be_computed),
    cmocka_unit_test (a_preset_leaves_style_sizes_seed_and_output),
    cmocka_unit_test (after_a_texture_a_picture_has_one_pass_again),
    cmocka_unit_test_setup (without_a_file_there_are_none, scratch_clear),
    cmocka_unit_test_setup (what_was_saved_is_there_next_time, scratch_clear),
    cmocka_unit_test_setup (saving_under_a_name_that_exists_replaces_it, scratch_clear),
    cmocka_unit_test_setup (a_deleted_one_is_gone_and_the_others_stay, scratch_clear),
    cmocka_unit_test (no_presets_can_be_freed),
    cmocka_unit_test_setup (names_of_any_language_and_odd_ones_are_kept, scratch_clear),
    cmocka_unit_test_setup (names_that_a_file_cannot_have_are_refused_in_one_sentence, scratch_clear),
    cmocka_unit_test_setup (a_name_with_a_control_character_is_kept_or_refused, scratch_clear),
    cmocka_unit_test_setup (a_name_with_spaces_around_it_is_kept_or_refused, scratch_clear),
    cmocka_unit_test_setup (a_folder_that_cannot_be_made_is_said_and_nothing_changes, scratch_clear),
    cmocka_unit_test_setup_teardown (a_full_disk_is_said_and_the_old_file_stays_whole, scratch_clear, empty_disk),
    cmocka_unit_test_setup (a_file_that_is_no_key_file_is_none_and_can_be_saved_over, scratch_clear),
    cmocka_unit_test_setup (a_damaged_preset_is_refused_and_the_others_are_not, scratch_clear),
    cmocka_unit_test_setup (saving_keeps_what_is_damaged_or_from_a_later_version, scratch_clear),
  };

  return cmocka_run_group_tests (tests, scratch_open, scratch_close);
}
