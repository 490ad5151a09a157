/* The search for models: what is named wins, folders come in their order, and a failure says where it looked. */
#include <wct/model.h>

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

static char root[] = "/tmp/wct-search-XXXXXX";

/* What was made in @root, to be removed in reverse. */
static char   made[40][200];
static size_t made_count;

static const char *
path_of (const char *name)
{
  static char path[200];

  snprintf (path, sizeof path, "%s/%s", root, name);
  return path;
}

static void
make (const char *name, bool folder)
{
  FILE *stream = NULL;

  if (folder)
    assert_int_equal (mkdir (path_of (name), 0700), 0);
  else
    assert_non_null (stream = fopen (path_of (name), "wbe"));
  if (stream != NULL)
    fclose (stream);
  snprintf (made[made_count++], sizeof made[0], "%s", path_of (name));
}

/* A data folder @name with its models folder. */
static void
make_data (const char *name)
{
  char path[200];

  make (name, true);
  snprintf (path, sizeof path, "%s/wct", name);
  make (path, true);
  snprintf (path, sizeof path, "%s/wct/models", name);
  make (path, true);
}

static int
set_up (void **state)
{
  char dirs[400];

  (void)state;
  made_count = 0;
  strcpy (root + strlen (root) - 6, "XXXXXX");
  assert_non_null (mkdtemp (root));
  make_data ("home");
  make_data ("first");
  make_data ("second");
  setenv ("XDG_DATA_HOME", path_of ("home"), 1);
  snprintf (dirs, sizeof dirs, "%s/first:relative::%s/second", root, root);
  setenv ("XDG_DATA_DIRS", dirs, 1);
  unsetenv ("WCT_MODEL");
  return 0;
}

static int
tear_down (void **state)
{
  (void)state;
  while (made_count > 0)
    remove (made[--made_count]);
  return rmdir (root);
}

static void
assert_found (const char *named, const char *expected)
{
  char      got[4096] = "";
  WctError  err;
  WctStatus status = wct_model_find (named, got, sizeof got, &err);

  if (status != WCT_OK)
    fail_msg ("expected %s, got: %s", expected, err.message);
  assert_string_equal (got, path_of (expected));
}

static void
folders_come_in_the_order_of_the_specification (void **state)
{
  static const char *const expected[] = { "home/wct/models", "first/wct/models", "second/wct/models" };
  char                     got[4096];

  (void)state;
  for (size_t i = 0; i < 3; i++)
    {
      assert_true (wct_model_folder (i, got, sizeof got));
      assert_string_equal (got, path_of (expected[i]));
    }
  assert_true (wct_model_folder (3, got, sizeof got)); /* as configured */
  assert_non_null (strstr (got, "/wct/models"));
  assert_false (wct_model_folder (5, got, sizeof got));

  unsetenv ("XDG_DATA_HOME");
  setenv ("HOME", path_of ("home"), 1);
  assert_true (wct_model_folder (0, got, sizeof got));
  assert_string_equal (got, path_of ("home/.local/share/wct/models"));

  unsetenv ("HOME");
  unsetenv ("XDG_DATA_DIRS");
  assert_true (wct_model_folder (0, got, sizeof got));
  assert_string_equal (got, "/usr/local/share/wct/models");
  assert_true (wct_model_folder (1, got, sizeof got));
  assert_string_equal (got, "/usr/share/wct/models");
}

static void
a_folder_is_listed_once (void **state)
{
  char first[4096], second[4096];

  (void)state;
  unsetenv ("XDG_DATA_DIRS");
  for (size_t i = 0; wct_model_folder (i, first, sizeof first); i++)
    for (size_t j = i + 1; wct_model_folder (j, second, sizeof second); j++)
      assert_string_not_equal (first, second);
}

static void
a_named_file_is_taken_and_never_replaced (void **state)
{
  char     path[4096] = "untouched";
  WctError err;

  (void)state;
  make ("named.safetensors", false);
  make ("home/wct/models/wct-compact.safetensors", false);
  assert_found (path_of ("named.safetensors"), "named.safetensors");
  assert_int_equal (wct_model_find ("no/such.safetensors", path, sizeof path, &err), WCT_ERR_IO);
  assert_string_equal (err.message, "no/such.safetensors: there is no such model: No such file or directory");
  assert_string_equal (path, "untouched");
}

static void
the_environment_names_a_model_too (void **state)
{
  char     path[4096];
  WctError err;

  (void)state;
  make ("mine.safetensors", false);
  make ("home/wct/models/wct-compact.safetensors", false);
  setenv ("WCT_MODEL", path_of ("mine.safetensors"), 1);
  assert_found (NULL, "mine.safetensors");
  setenv ("WCT_MODEL", "no/such.safetensors", 1);
  assert_int_equal (wct_model_find (NULL, path, sizeof path, &err), WCT_ERR_IO);
  assert_string_equal (err.message,
                       "WCT_MODEL is no/such.safetensors: there is no such model: No such file or directory");
  setenv ("WCT_MODEL", "", 1); /* as if it was not set */
  assert_found (NULL, "home/wct/models/wct-compact.safetensors");
}

static void
the_default_comes_first_then_the_alphabet_then_the_next_folder (void **state)
{
  (void)state;
  make ("second/wct/models/wct-compact.safetensors", false);
  assert_found (NULL, "second/wct/models/wct-compact.safetensors");
  make ("first/wct/models/zebra.safetensors", false);
  assert_found (NULL, "first/wct/models/zebra.safetensors");
  make ("first/wct/models/able.safetensors", false);
  assert_found (NULL, "first/wct/models/able.safetensors");
  make ("first/wct/models/wct-compact.safetensors", false);
  assert_found (NULL, "first/wct/models/wct-compact.safetensors");
}

static void
what_only_looks_like_a_model_is_passed_by (void **state)
{
  (void)state;
  make ("home/wct/models/.hidden.safetensors", false);
  make ("home/wct/models/.safetensors", false);
  make ("home/wct/models/a-folder.safetensors", true);
  make ("home/wct/models/wct-compact.safetensors.part", false);
  make ("second/wct/models/real.safetensors", false);
  assert_found (NULL, "second/wct/models/real.safetensors");
}

static void
a_path_that_does_not_fit_is_refused (void **state)
{
  char     path[20];
  WctError err;

  (void)state;
  make ("named.safetensors", false);
  assert_int_equal (wct_model_find (path_of ("named.safetensors"), path, sizeof path, &err), WCT_ERR_ARGUMENT);
  assert_non_null (strstr (err.message, "named.safetensors: the path is too long"));
  assert_false (wct_model_folder (0, path, sizeof path));
}

static void
a_failure_says_what_to_do_and_where_it_looked (void **state)
{
  char     path[4096];
  WctError err;

  (void)state;
  if (wct_model_find (NULL, path, sizeof path, &err) == WCT_OK) /* the machine or the source tree has a model */
    skip ();
  assert_int_equal (err.status, WCT_ERR_IO);
  assert_non_null (strstr (err.message, "no model found; name a .safetensors file, set WCT_MODEL"));
  assert_non_null (strstr (err.message, path_of ("home/wct/models, ")));
  assert_non_null (strstr (err.message, path_of ("second/wct/models")));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (folders_come_in_the_order_of_the_specification, set_up, tear_down),
    cmocka_unit_test_setup_teardown (a_folder_is_listed_once, set_up, tear_down),
    cmocka_unit_test_setup_teardown (a_named_file_is_taken_and_never_replaced, set_up, tear_down),
    cmocka_unit_test_setup_teardown (the_environment_names_a_model_too, set_up, tear_down),
    cmocka_unit_test_setup_teardown (the_default_comes_first_then_the_alphabet_then_the_next_folder, set_up, tear_down),
    cmocka_unit_test_setup_teardown (what_only_looks_like_a_model_is_passed_by, set_up, tear_down),
    cmocka_unit_test_setup_teardown (a_path_that_does_not_fit_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown (a_failure_says_what_to_do_and_where_it_looked, set_up, tear_down),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
