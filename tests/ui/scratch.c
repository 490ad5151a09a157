#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

static char *root;

static void
remove_all (const char *path)
{
  GDir       *folder = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      char *inside = g_build_filename (path, name, NULL);

      remove_all (inside);
      g_free (inside);
    }
  g_clear_pointer (&folder, g_dir_close);
  g_remove (path);
}

int
scratch_open (void **state)
{
  (void)state;
  root = g_dir_make_tmp ("wct-ui-XXXXXX", NULL);
  if (root == NULL)
    return -1;
  return g_setenv ("XDG_CONFIG_HOME", root, TRUE) && g_setenv ("XDG_CACHE_HOME", root, TRUE) ? 0 : -1;
}

int
scratch_close (void **state)
{
  (void)state;
  remove_all (root);
  g_clear_pointer (&root, g_free);
  return 0;
}

int
scratch_clear (void **state)
{
  (void)state;
  remove_all (root);
  return g_mkdir (root, 0700);
}

char *
scratch_path (const char *name)
{
  return g_build_filename (root, name, NULL);
}

char *
scratch_write (const char *name, const void *bytes, size_t count)
{
  char *path = scratch_path (name), *folder = g_path_get_dirname (path);

  assert_int_equal (g_mkdir_with_parents (folder, 0700), 0);
  assert_true (g_file_set_contents (path, bytes, (gssize)count, NULL));
  g_free (folder);
  return path;
}

char *
scratch_read (const char *name, size_t *count)
{
  char *path = scratch_path (name), *bytes = NULL;

  if (!g_file_get_contents (path, &bytes, count, NULL))
    bytes = NULL;
  g_free (path);
  return bytes;
}

char *
sample_path (const char *name)
{
  const char *samples = g_getenv ("WCT_SAMPLES");

  assert_non_null (samples);
  return g_build_filename (samples, name, NULL);
}
