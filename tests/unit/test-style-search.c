/* Where style files are looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <wct/style.h>

static char root[] = "/tmp/wct-styles-XXXXXX";

static char *
inside (const char *name)
{
  static char path[2][256];
  static int  next;

  next = !next;
  snprintf (path[next], sizeof path[next], "%s/%s", root, name);
  return path[next];
}

static void
touch (const char *name)
{
  FILE *file = fopen (inside (name), "w");

  assert_non_null (file);
  fclose (file);
}

static void
folders_come_in_their_order (void **state)
{
  char folder[4096];

  (void)state;
  assert_true (wct_style_folder (0, folder, sizeof folder));
  assert_string_equal (folder, inside ("own"));
  assert_true (wct_style_folder (1, folder, sizeof folder));
  assert_string_equal (folder, inside ("home/wct/styles"));
  assert_true (wct_style_folder (2, folder, sizeof folder));
  assert_string_equal (folder, inside ("system/wct/styles"));
  unsetenv ("WCT_STYLES");
  assert_true (wct_style_folder (0, folder, sizeof folder));
  assert_string_equal (folder, inside ("home/wct/styles"));
  assert_false (wct_style_folder (-1, folder, sizeof folder));
  assert_false (wct_style_folder (1000, folder, sizeof folder));
  setenv ("WCT_STYLES", inside ("own"), 1);
}

static void
the_first_of_a_name_is_found_with_and_without_extension (void **state)
{
  char path[4096];

  (void)state;
  assert_false (wct_style_find ("waves", path, sizeof path));
  touch ("home/wct/styles/waves.wctstyle");
  assert_true (wct_style_find ("waves", path, sizeof path));
  assert_string_equal (path, inside ("home/wct/styles/waves.wctstyle"));
  touch ("own/waves.wctstyle");
  assert_true (wct_style_find ("waves.wctstyle", path, sizeof path));
  assert_string_equal (path, inside ("own/waves.wctstyle"));
}

static void
what_is_a_path_or_hidden_is_no_name (void **state)
{
  static const char *const names[] = { "", ".", "..", "../own/waves", "own/waves", "/waves", ".waves" };
  char                     path[4096];

  (void)state;
  touch ("own/waves.wctstyle");
  touch ("own/.waves.wctstyle");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    assert_false (wct_style_find (names[i], path, sizeof path));
}

static int
make_folders (void **state)
{
  static const char *const folders[] = { "own",    "home",       "home/wct",         "home/wct/styles",
                                         "system", "system/wct", "system/wct/styles" };

  (void)state;
  if (mkdtemp (root) == NULL)
    return -1;
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
    if (mkdir (inside (folders[i]), 0700) != 0)
      return -1;
  setenv ("WCT_STYLES", inside ("own"), 1);
  setenv ("XDG_DATA_HOME", inside ("home"), 1);
  setenv ("XDG_DATA_DIRS", inside ("system"), 1);
  return 0;
}

static int
remove_folders (void **state)
{
  char command[64];

  (void)state;
  snprintf (command, sizeof command, "rm -rf %s", root);
  return system (command);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (folders_come_in_their_order),
    cmocka_unit_test (the_first_of_a_name_is_found_with_and_without_extension),
    cmocka_unit_test (what_is_a_path_or_hidden_is_no_name),
  };

  return cmocka_run_group_tests (tests, make_folders, remove_folders);
}
