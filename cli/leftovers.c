/* Each folder that there is a name in is looked through once. */
#include "leftovers.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "newfile.h"

/* FOLDER/NAME, of which a temporary file has so much. */
static char *
stem_key (const char *folder, const char *name, size_t length)
{
  return g_strdup_printf ("%s/%.*s", folder, length < WCT_NEW_FILE_STEM_MAX ? (int)length : WCT_NEW_FILE_STEM_MAX,
                          name);
}

static void
note_name (GHashTable *stems, GHashTable *folders, const char *name)
{
  char *folder = g_path_get_dirname (name), *base = g_path_get_basename (name);

  g_hash_table_add (stems, stem_key (folder, base, strlen (base)));
  g_hash_table_add (folders, folder);
  g_free (base);
}

static void
clean_folder (const char *root, const char *folder, GHashTable *stems)
{
  char       *path = g_build_filename (root, folder, NULL);
  GDir       *directory = g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      const size_t stem = wct_new_file_leftover (name);
      char        *key = stem_key (folder, name + 1, stem), *file = g_build_filename (path, name, NULL);

      if (stem > 0 && g_hash_table_contains (stems, key))
        unlink (file);
      g_free (file);
      g_free (key);
    }
  if (directory != NULL)
    g_dir_close (directory);
  g_free (path);
}

void
wct_leftovers_remove (const char *folder, const char *const *names, size_t count)
{
  GHashTable    *stems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTable    *folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iterator;
  gpointer       below;

  for (size_t i = 0; i < count; i++)
    note_name (stems, folders, names[i]);
  g_hash_table_iter_init (&iterator, folders);
  while (g_hash_table_iter_next (&iterator, &below, NULL))
    clean_folder (folder, below, stems);
  g_hash_table_destroy (folders);
  g_hash_table_destroy (stems);
}
