/* How the CUDA back end's module is found and opened: each failure is one sentence, and auto goes on without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wct/backend.h>

#define FILE_NAME "libwct-cuda.so"

static char folder[64]; /* empty at first */

static void
look_into (const char *first, const char *rest)
{
  char path[4096];

  snprintf (path, sizeof path, "%s%s", first, rest);
  setenv ("WCT_MODULE_DIR", path, 1);
}

static void
assert_refused_with (const char *const *words, size_t count)
{
  WctBackend *backend = NULL;
  WctError    err;

  assert_int_equal (wct_backend_open ("cuda", 1, &backend, &err), WCT_ERR_UNSUPPORTED);
  assert_null (backend);
  if (strncmp (err.message, "cuda: ", 6) != 0 || strchr (err.message, '\n') != NULL)
    fail_msg ("expected one sentence on cuda, got \"%s\"", err.message);
  for (size_t i = 0; i < count; i++)
    if (strstr (err.message, words[i]) == NULL)
      fail_msg ("expected a sentence with \"%s\", got \"%s\"", words[i], err.message);
}

#define ASSERT_REFUSED_WITH(...)                             \
  assert_refused_with ((const char *const[]){ __VA_ARGS__ }, \
                       sizeof (const char *const[]){ __VA_ARGS__ } / sizeof (char *))

static bool
is_loaded (const char *first, const char *rest)
{
  char path[4096];

  snprintf (path, sizeof path, "%s%s/" FILE_NAME, first, rest);

  void *file = dlopen (path, RTLD_NOW | RTLD_NOLOAD);
  if (file != NULL)
    dlclose (file);
  return file != NULL;
}

static void
a_module_that_is_not_there_is_told (void **state)
{
  (void)state;
  if (access (WCT_MODULES "/" FILE_NAME, F_OK) == 0)
    {
      print_message ("a module is installed in %s\n", WCT_MODULES);
      skip ();
    }
  look_into (folder, "");
  ASSERT_REFUSED_WITH ("there is no " FILE_NAME, WCT_MODULES, "this build has no CUDA back end");
}

static void
a_file_that_is_no_library_is_told (void **state)
{
  char  path[128];
  FILE *file;

  (void)state;
  snprintf (path, sizeof path, "%s/" FILE_NAME, folder);
  file = fopen (path, "w");
  assert_non_null (file);
  fputs ("this is not a library, however long it may be; it has more bytes than the head of one\n", file);
  fclose (file);
  look_into (folder, "");
  ASSERT_REFUSED_WITH (path, "cannot be opened: ", "invalid ELF header", "install it anew");
  unlink (path);
}

static void
a_library_that_it_needs_is_told_and_how_to_get_it (void **state)
{
  (void)state;
  look_into (getenv ("WCT_TEST_MODULES"), "/needy");
  ASSERT_REFUSED_WITH ("cannot be opened: libcudnn_absent.so.9: cannot open shared object file", "install cuDNN 9");
}

static void
a_module_of_another_version_is_told_and_closed (void **state)
{
  (void)state;
  look_into (getenv ("WCT_TEST_MODULES"), "/old");
  ASSERT_REFUSED_WITH ("/old/" FILE_NAME, "version 0.0.1, and this is " WCT_VERSION, "install both anew");
  assert_false (is_loaded (getenv ("WCT_TEST_MODULES"), "/old"));
}

static void
a_library_that_is_not_ours_is_told_and_closed (void **state)
{
  (void)state;
  look_into (getenv ("WCT_TEST_MODULES"), "/foreign");
  ASSERT_REFUSED_WITH ("/foreign/" FILE_NAME, "is no module of this library");
  assert_false (is_loaded (getenv ("WCT_TEST_MODULES"), "/foreign"));
}

static void
auto_goes_on_without_a_module (void **state)
{
  static const char *const kinds[] = { "/old", "/foreign", "/needy" };

  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    {
      WctBackend *backend = NULL;
      WctError    err;

      look_into (getenv ("WCT_TEST_MODULES"), kinds[i]);
      if (wct_backend_open ("auto", 1, &backend, &err) != WCT_OK)
        fail_msg ("%s", err.message);
      assert_string_not_equal (wct_backend_info (backend)->name, "cuda");
      wct_backend_close (&backend);
    }
}

static void
other_back_ends_do_not_open_it (void **state)
{
  WctBackend *backend = NULL;
  WctError    err;

  (void)state;
  look_into (getenv ("WCT_TEST_CUDA"), "");
  if (wct_backend_open ("reference", 1, &backend, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  assert_false (is_loaded (getenv ("WCT_TEST_CUDA"), ""));
  wct_backend_close (&backend);
}

static void
a_module_is_what_auto_takes_and_it_stays_open (void **state)
{
  static const char *const names[] = { "auto", "cuda" };
  char                     reason[200];
  bool                     usable = false;

  (void)state;
  look_into (getenv ("WCT_TEST_CUDA"), "");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    {
      WctBackend *backend = NULL;
      WctError    err;

      if (wct_backend_open (names[i], 1, &backend, &err) != WCT_OK)
        fail_msg ("%s", err.message);
      assert_string_equal (wct_backend_info (backend)->name, "cuda");
      assert_non_null (strstr (wct_backend_info (backend)->detail, "on the processor, for tests"));
      wct_backend_close (&backend);
      assert_true (is_loaded (getenv ("WCT_TEST_CUDA"), ""));
    }
  assert_string_equal (wct_backend_probe (0, &usable, reason, sizeof reason), "cuda");
  assert_true (usable);
}

int
main (void)
{
  /* Once a module is open it stays so: those that are refused come first. */
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_module_that_is_not_there_is_told),
    cmocka_unit_test (a_file_that_is_no_library_is_told),
    cmocka_unit_test (a_library_that_it_needs_is_told_and_how_to_get_it),
    cmocka_unit_test (a_module_of_another_version_is_told_and_closed),
    cmocka_unit_test (a_library_that_is_not_ours_is_told_and_closed),
    cmocka_unit_test (auto_goes_on_without_a_module),
    cmocka_unit_test (other_back_ends_do_not_open_it),
    cmocka_unit_test (a_module_is_what_auto_takes_and_it_stays_open),
  };

  snprintf (folder, sizeof folder, "/tmp/wct-modules-XXXXXX");
  if (mkdtemp (folder) == NULL)
    return 1;

  const int failed = cmocka_run_group_tests (tests, NULL, NULL);
  rmdir (folder);
  return failed;
}
