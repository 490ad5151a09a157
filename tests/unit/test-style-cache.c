/* Styles that were measured before: recalled to the same bits, or measured again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wct/wct.h>

#include "mem.h"
#include "style-cache.h"
#include "style.h"

static WctModel   *model;
static WctBackend *backend;
static char        root[] = "/tmp/wct-cache-XXXXXX", styles[64];
static float       pixels[40 * 24 * 3];

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("%s", err->message);
}

static WctImage
picture (uint64_t seed)
{
  const WctImage image = { pixels, 40, 24, 3, 40 * 3 * sizeof (float) };

  wct_noise_fill (&image, seed);
  return image;
}

static WctStyle *
recall (const WctImage *image, unsigned levels)
{
  WctStyle *style = NULL;
  WctError  err;

  must (wct_style_recall (model, backend, image, levels, NULL, &style, &err), &err);
  return style;
}

static int
count_files (void)
{
  DIR           *files = opendir (styles);
  struct dirent *file;
  int            count = 0;

  if (files == NULL)
    return 0;
  while ((file = readdir (files)) != NULL)
    count += file->d_name[0] != '.';
  closedir (files);
  return count;
}

static void
forget_all (void)
{
  char command[128];

  snprintf (command, sizeof command, "rm -rf %s/wct", root);
  assert_int_equal (system (command), 0);
}

static void
assert_same_bits (const WctStyle *a, const WctStyle *b)
{
  assert_int_equal (wct_style_levels (a), wct_style_levels (b));
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const WctMoments *first = wct_style_moments (a, level), *second = wct_style_moments (b, level);

      assert_int_equal (first == NULL, second == NULL);
      if (first == NULL)
        continue;
      assert_true (first->weight == second->weight);
      assert_memory_equal (first->mean, second->mean, (size_t)first->channels * sizeof (double));
      assert_memory_equal (first->covariance, second->covariance,
                           (size_t)first->channels * (size_t)first->channels * sizeof (double));
    }
}

static void
a_style_is_recalled_with_the_bits_that_were_measured (void **state)
{
  const WctImage image = picture (1);
  const unsigned levels = wct_model_levels (model);
  WctStyle      *measured = NULL, *kept, *found;
  WctError       err;

  (void)state;
  forget_all ();
  must (wct_style_measure (model, backend, &image, levels, NULL, &measured, &err), &err);
  kept = recall (&image, levels);
  assert_int_equal (count_files (), 1);
  found = wct_style_cache_find (model, wct_style_key (model, backend, &image, levels), levels);
  assert_non_null (found);
  assert_same_bits (kept, measured);
  assert_same_bits (found, measured);
  wct_style_unref (&found);
  wct_style_unref (&kept);
  wct_style_unref (&measured);
}

static void
another_picture_size_level_or_back_end_is_another_style (void **state)
{
  WctImage          image = picture (1);
  const unsigned    levels = wct_model_levels (model);
  const WctStyleKey key = wct_style_key (model, backend, &image, levels);
  WctBackend       *reference = NULL;
  WctStyleKey       others[5];
  WctError          err;

  (void)state;
  must (wct_backend_open ("reference", 1, &reference, &err), &err);
  others[0] = wct_style_key (model, reference, &image, levels);
  others[1] = wct_style_key (model, backend, &image, levels & (levels - 1));
  pixels[7] += 0x1p-20f;
  others[2] = wct_style_key (model, backend, &image, levels);
  image = picture (1);
  image.height--;
  others[3] = wct_style_key (model, backend, &image, levels);
  image = (WctImage){ pixels, 24, 40, 3, 24 * 3 * sizeof (float) };
  others[4] = wct_style_key (model, backend, &image, levels);
  for (int i = 0; i < 5; i++)
    assert_memory_not_equal (&others[i], &key, sizeof key);
  image = picture (1);
  others[0] = wct_style_key (model, backend, &image, levels);
  assert_memory_equal (&others[0], &key, sizeof key);
  wct_backend_close (&reference);
}

static char *
only_file (void)
{
  static char    path[512];
  DIR           *files = opendir (styles);
  struct dirent *file;

  while ((file = readdir (files)) != NULL && file->d_name[0] == '.')
    continue;
  snprintf (path, sizeof path, "%s/%s", styles, file->d_name);
  closedir (files);
  return path;
}

static void
a_damaged_file_is_measured_anew_and_replaced (void **state)
{
  const WctImage image = picture (2);
  const unsigned levels = wct_model_levels (model);
  WctStyle      *style;
  struct stat    about;

  (void)state;
  forget_all ();
  style = recall (&image, levels);
  assert_int_equal (stat (only_file (), &about), 0);
  for (int damage = 0; damage < 4; damage++)
    {
      const WctStyleKey key = wct_style_key (model, backend, &image, levels);
      FILE             *file = fopen (only_file (), "r+");
      WctStyle         *again, *found;

      if (damage < 2) /* one byte, in the middle and at the start */
        {
          fseek (file, damage == 0 ? about.st_size / 2 : 0, SEEK_SET);
          const int byte = fgetc (file);
          fseek (file, -1, SEEK_CUR);
          fputc (byte ^ 1, file);
        }
      else if (damage == 3)
        {
          fseek (file, 0, SEEK_END);
          fputc (0, file);
        }
      fclose (file);
      if (damage == 2)
        assert_int_equal (truncate (only_file (), about.st_size - 1), 0);
      found = wct_style_cache_find (model, key, levels);
      assert_null (found);
      again = recall (&image, levels);
      assert_same_bits (again, style);
      found = wct_style_cache_find (model, key, levels);
      assert_non_null (found);
      wct_style_unref (&found);
      wct_style_unref (&again);
    }
  wct_style_unref (&style);
}

static void
without_a_folder_styles_are_measured (void **state)
{
  const WctImage image = picture (3);
  WctStyle      *style;

  (void)state;
  forget_all ();
  for (int i = 0; i < 3; i++)
    {
      setenv ("XDG_CACHE_HOME", (const char *const[]){ "/proc/nowhere", "relative", "" }[i], 1);
      setenv ("HOME", "", 1);
      style = recall (&image, wct_model_levels (model));
      assert_non_null (style);
      wct_style_unref (&style);
    }
  setenv ("XDG_CACHE_HOME", root, 1);
  assert_int_equal (count_files (), 0);
}

/* Neither kept, nor taken for the one without. */
static void
a_style_with_patches_is_measured_each_time (void **state)
{
  const WctImage image = picture (4);
  WctStyle      *plain, *style;

  (void)state;
  forget_all ();
  style = recall (&image, 31 | WCT_STYLE_PATCHES);
  assert_int_equal (count_files (), 0);
  wct_style_unref (&style);
  plain = recall (&image, 31);
  style = recall (&image, 31 | WCT_STYLE_PATCHES);
  assert_int_equal (count_files (), 1);
  assert_null (wct_style_patches (plain));
  assert_non_null (wct_style_patches (style));
  wct_style_unref (&style);
  wct_style_unref (&plain);
}

static void
no_more_than_200_are_kept (void **state)
{
  WctStyle *style;

  (void)state;
  forget_all ();
  for (uint64_t seed = 0; seed < 205; seed++)
    {
      const WctImage image = picture (seed);

      style = recall (&image, 1);
      wct_style_unref (&style);
    }
  assert_int_equal (count_files (), 200);
}

static int
open_all (void **state)
{
  char     path[4096];
  WctError err;

  (void)state;
  if (mkdtemp (root) == NULL)
    return -1;
  snprintf (styles, sizeof styles, "%s/wct/styles", root);
  setenv ("XDG_CACHE_HOME", root, 1);
  snprintf (path, sizeof path, "%s/tiny.safetensors", getenv ("WCT_TEST_MODELS"));
  must (wct_model_load (path, &model, &err), &err);
  must (wct_backend_open ("auto", 2, &backend, &err), &err);
  return 0;
}

static int
close_all (void **state)
{
  (void)state;
  forget_all ();
  rmdir (root);
  wct_backend_close (&backend);
  wct_model_unref (&model);
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_style_is_recalled_with_the_bits_that_were_measured),
    cmocka_unit_test (another_picture_size_level_or_back_end_is_another_style),
    cmocka_unit_test (a_damaged_file_is_measured_anew_and_replaced),
    cmocka_unit_test (without_a_folder_styles_are_measured),
    cmocka_unit_test (a_style_with_patches_is_measured_each_time),
    cmocka_unit_test (no_more_than_200_are_kept),
  };

  return cmocka_run_group_tests (tests, open_all, close_all);
}
