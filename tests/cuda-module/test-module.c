/* libwct-cuda.so as programs open it. Where there is no card, it says so in one sentence, and nothing else happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>

#include <wct/wct.h>

#include "backend/cuda-module.h"

static const WctCudaModule *module;
static char                 detail[200];
static WctError             probed;

static void
it_opens_and_is_of_this_version (void **state)
{
  (void)state;
  assert_string_equal (module->version, wct_version ());
  assert_string_equal (module->ops->name, "cuda");
}

static void
it_shows_nothing_but_its_table (void **state)
{
  void *file = dlopen (getenv ("WCT_CUDA_MODULE"), RTLD_NOW | RTLD_LOCAL);

  (void)state;
  assert_null (dlsym (file, "wct_error_set"));
  assert_null (dlsym (file, "wct_device_open"));
  assert_null (dlsym (file, "wct_launch_convolve"));
  dlclose (file);
}

static void
probing_says_what_is_there_or_why_nothing_is (void **state)
{
  (void)state;
  if (probed.status == WCT_OK)
    {
      assert_non_null (strstr (detail, "cuDNN"));
      return;
    }
  assert_int_equal (probed.status, WCT_ERR_UNSUPPORTED);
  assert_true (strlen (probed.message) > 20);
  assert_null (strchr (probed.message, '\n'));
}

static void
without_a_driver_both_probe_and_open_say_so (void **state)
{
  void    *driver = dlopen ("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL), *ctx = NULL;
  WctError err = { 0 };
  int      threads = 1;

  (void)state;
  if (driver != NULL)
    {
      print_message ("skipped: there is a driver here\n");
      skip ();
    }
  assert_non_null (strstr (probed.message, "there is no driver for NVIDIA graphics cards here; install one"));
  assert_int_equal (module->ops->open (&threads, &ctx, &err), WCT_ERR_UNSUPPORTED);
  assert_string_equal (err.message, probed.message);
  assert_null (ctx);
}

static int
load (void **state)
{
  const char *path = getenv ("WCT_CUDA_MODULE");
  void       *file = dlopen (path == NULL ? "" : path, RTLD_NOW | RTLD_LOCAL);

  (void)state;
  if (file == NULL)
    {
      print_error ("%s\n", dlerror ());
      return -1;
    }
  module = dlsym (file, WCT_CUDA_MODULE_SYMBOL);
  if (module == NULL)
    return -1;
  probed.status = module->ops->probe (detail, sizeof detail, &probed);
  print_message ("probe: %s\n", probed.status == WCT_OK ? detail : probed.message);
  return 0;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (it_opens_and_is_of_this_version),
    cmocka_unit_test (it_shows_nothing_but_its_table),
    cmocka_unit_test (probing_says_what_is_there_or_why_nothing_is),
    cmocka_unit_test (without_a_driver_both_probe_and_open_say_so),
  };

  return cmocka_run_group_tests (tests, load, NULL);
}
