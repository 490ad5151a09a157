#include "picture-list.h"

#include <glib.h>
#include <string.h>

#include "exit-status.h"
#include "picture.h"

/* Takes @path. */
static WctStatus
add (WctPictureList *list, char *path, const char *option, WctError *err)
{
  char *name, *dot;

  if (list->count == WCT_LIST_MAX)
    {
      g_free (path);
      return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s names more than %d pictures, too many for a sheet; name fewer",
                            option, WCT_LIST_MAX);
    }
  name = g_path_get_basename (path);
  dot = strrchr (name, '.');
  if (dot != NULL && dot != name)
    *dot = '\0';
  list->path[list->count] = path;
  list->name[list->count++] = name;
  return WCT_OK;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *)a, *(char *const *)b);
}

/* The pictures' names, to be freed. */
static GPtrArray *
list_folder (GDir *folder)
{
  GPtrArray  *names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while ((name = g_dir_read_name (folder)) != NULL)
    if (name[0] != '.' && wct_picture_is_called_so (name))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

static WctStatus
add_folder (WctPictureList *list, const char *path, const char *option, WctError *err)
{
  GError    *cause = NULL;
  GDir      *folder = g_dir_open (path, 0, &cause);
  GPtrArray *names;
  WctStatus  status = WCT_OK;

  if (folder == NULL)
    {
      status = wct_error_set (err, WCT_ERR_IO, "%s", cause->message);
      g_error_free (cause);
      return status;
    }
  names = list_folder (folder);
  g_dir_close (folder);
  if (names->len == 0)
    status =
      wct_error_set (err, WCT_ERR_ARGUMENT, "%s: there are no pictures in this folder, which --%s names", path, option);
  for (guint i = 0; i < names->len && status == WCT_OK; i++)
    status = add (list, g_build_filename (path, names->pdata[i], NULL), option, err);
  g_ptr_array_free (names, TRUE);
  return status;
}

WctStatus
wct_picture_list_read (const WctPaths *paths, const char *option, WctPictureList *out, WctError *err)
{
  WctPictureList list = { .count = 0 };
  WctStatus      status = WCT_OK;

  for (int i = 0; i < paths->count; i++)
    if (g_file_test (paths->path[i], G_FILE_TEST_IS_DIR))
      WCT_TRY (add_folder (&list, paths->path[i], option, err));
    else
      WCT_TRY (add (&list, g_strdup (paths->path[i]), option, err));
  *out = list;
  list.count = 0;

out:
  wct_picture_list_clear (&list);
  return status;
}

void
wct_picture_list_clear (WctPictureList *list)
{
  for (int i = 0; i < list->count; i++)
    {
      g_free ((char *)(uintptr_t)list->path[i]);
      g_free (list->name[i]);
    }
  *list = (WctPictureList){ .count = 0 };
}
