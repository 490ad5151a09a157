/* One folder after the other, from a list that grows while it is worked on. Names are sorted at the end: by whole path,
 * which is not the order in which sorted folders are walked. */
#include "folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exit-status.h"
#include "picture.h"

/* ---- Names -------------------------------------------------------------------------------------------------- */

void
wct_names_clear (WctNames *names)
{
  free (names->text);
  free (names->offsets);
  *names = (WctNames){ 0 };
}

const char *
wct_names_get (const WctNames *names, size_t index)
{
  assert (index < names->count);
  return names->text + names->offsets[index];
}

/* Makes room for @more things after @used ones; the address of the block changes. */
static WctStatus
make_room (void *address_of_block, size_t used, size_t more, size_t size, size_t *room, WctError *err)
{
  void  *block;
  size_t wanted = *room < 64 ? 64 : *room;

  while (wanted < used + more)
    wanted *= 2;
  if (wanted == *room)
    return WCT_OK;
  memcpy (&block, address_of_block, sizeof block);
  block = reallocarray (block, wanted, size);
  if (block == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory for a list of %zu pictures", wanted);
  memcpy (address_of_block, &block, sizeof block);
  *room = wanted;
  return WCT_OK;
}

static const char *
slash_between (const char *folder)
{
  const size_t length = strlen (folder);

  return length == 0 || folder[length - 1] == '/' ? "" : "/";
}

/* Adds FOLDER/NAME, or NAME where @folder is "". */
WctStatus
wct_names_add (WctNames *names, const char *folder, const char *name, WctError *err)
{
  const size_t bytes = strlen (folder) + 1 + strlen (name) + 1;
  WctStatus    status;

  WCT_TRY (make_room (&names->text, names->text_bytes, bytes, 1, &names->text_room, err));
  WCT_TRY (make_room (&names->offsets, names->count, 1, sizeof *names->offsets, &names->offset_room, err));
  names->offsets[names->count++] = names->text_bytes;
  names->text_bytes +=
    1 + (size_t)sprintf (names->text + names->text_bytes, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", name);

out:
  return status;
}

static int
compare_names (const void *a, const void *b, void *text)
{
  return strcmp ((const char *)text + *(const size_t *)a, (const char *)text + *(const size_t *)b);
}

static void
names_sort (WctNames *names)
{
  if (names->count > 1)
    qsort_r (names->offsets, names->count, sizeof *names->offsets, compare_names, names->text);
}

WctStatus
wct_folder_join (const char *folder, const char *name, char **out, WctError *err)
{
  const size_t size = strlen (folder) + 1 + strlen (name) + 1;
  char        *path = malloc (size);

  if (path == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory for the path of %s", name);
  snprintf (path, size, "%s%s%s", folder, slash_between (folder), name);
  *out = path;
  return WCT_OK;
}

/* ---- Folders ------------------------------------------------------------------------------------------------ */

/* What makes two paths the same folder. */
typedef struct
{
  dev_t device;
  ino_t inode;
} Identity;

typedef struct
{
  const char *root;     /* borrowed */
  WctNames    pictures; /* relative to the root */
  WctNames    folders;  /* likewise; those behind `next` are still to be entered */
  size_t      next;
  void       *entered; /* owned: a tree of identities (search.h) */
  WctNames    complaints;
} Walk;

static void
walk_clear (Walk *walk)
{
  wct_names_clear (&walk->pictures);
  wct_names_clear (&walk->folders);
  wct_names_clear (&walk->complaints);
  tdestroy (walk->entered, free);
  *walk = (Walk){ 0 };
}

static int
compare_identities (const void *a, const void *b)
{
  const Identity *left = a, *right = b;

  if (left->device != right->device)
    return left->device < right->device ? -1 : 1;
  return left->inode < right->inode ? -1 : left->inode > right->inode;
}

/* @first_time: was it not entered before? It counts as entered from now on. */
static WctStatus
note_entered (Walk *walk, const struct stat *about, bool *first_time, WctError *err)
{
  Identity *identity = malloc (sizeof *identity);
  void     *node = NULL;

  if (identity != NULL)
    {
      *identity = (Identity){ .device = about->st_dev, .inode = about->st_ino };
      node = tsearch (identity, &walk->entered, compare_identities);
    }
  if (node == NULL)
    {
      free (identity);
      return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: there is not enough memory to list it", walk->root);
    }
  *first_time = *(Identity **)node == identity;
  if (!*first_time) /* or it is the tree's now */
    free (identity);
  return WCT_OK;
}

/* @name: in @folder, which is relative to the root. What a link leads to counts; where it leads nowhere it is kept, to
 * be named as a picture that cannot be read. */
static WctStatus
sort_out (Walk *walk, const char *folder, int folder_fd, const char *name, WctError *err)
{
  struct stat about;

  if (fstatat (folder_fd, name, &about, 0) != 0)
    about.st_mode = S_IFREG;
  if (S_ISDIR (about.st_mode))
    return wct_names_add (&walk->folders, folder, name, err);
  if (S_ISREG (about.st_mode) && wct_picture_is_called_so (name))
    return wct_names_add (&walk->pictures, folder, name, err);
  return WCT_OK;
}

/* Everything in an open folder but what is hidden. */
static WctStatus
read_names (DIR *directory, WctNames *names, WctError *err)
{
  const struct dirent *entry;
  WctStatus            status = WCT_OK;

  while ((entry = readdir (directory)) != NULL)
    if (entry->d_name[0] != '.')
      WCT_TRY (wct_names_add (names, "", entry->d_name, err));

out:
  return status;
}

/* Names in order: which of two links to one folder comes first must not depend on the file system. */
static WctStatus
read_folder (Walk *walk, const char *folder, DIR *directory, WctError *err)
{
  WctNames    names = { 0 };
  struct stat about;
  bool        first_time = true;
  WctStatus   status;

  if (fstat (dirfd (directory), &about) == 0)
    WCT_TRY (note_entered (walk, &about, &first_time, err));
  if (!first_time)
    return WCT_OK;
  WCT_TRY (read_names (directory, &names, err));
  names_sort (&names);
  for (size_t i = 0; i < names.count; i++)
    WCT_TRY (sort_out (walk, folder, dirfd (directory), wct_names_get (&names, i), err));

out:
  wct_names_clear (&names);
  return status;
}

/* A folder that cannot be opened is the caller's mistake only where it is the root. */
static WctStatus
enter_folder (Walk *walk, const char *folder, WctError *err)
{
  char     *path = NULL;
  DIR      *directory = NULL;
  WctError  complaint;
  WctStatus status;

  WCT_TRY (wct_folder_join (walk->root, folder, &path, err));
  directory = opendir (path);
  if (directory == NULL)
    {
      status = wct_error_set (&complaint, WCT_ERR_IO, "%s: the folder cannot be read: %s", path, strerror (errno));
      if (walk->next == 1)
        WCT_TRY (wct_error_set (err, status, "%s", complaint.message));
      WCT_TRY (wct_names_add (&walk->complaints, "", complaint.message, err));
    }
  else
    WCT_TRY (read_folder (walk, folder, directory, err));

out:
  if (directory != NULL)
    closedir (directory);
  free (path);
  return status;
}

/* The list of folders may move while one is read. */
static WctStatus
enter_next (Walk *walk, WctError *err)
{
  char     *folder = strdup (wct_names_get (&walk->folders, walk->next++));
  WctStatus status;

  if (folder == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: there is not enough memory to list it", walk->root);
  status = enter_folder (walk, folder, err);
  free (folder);
  return status;
}

WctStatus
wct_folder_list (const char *path, WctNames *pictures, WctNames *complaints, WctError *err)
{
  Walk      walk = { .root = path };
  WctStatus status;

  WCT_TRY (wct_names_add (&walk.folders, "", "", err)); /* the root itself */
  while (walk.next < walk.folders.count)
    WCT_TRY (enter_next (&walk, err));
  names_sort (&walk.pictures);
  *pictures = walk.pictures;
  *complaints = walk.complaints;
  walk.pictures = walk.complaints = (WctNames){ 0 };

out:
  walk_clear (&walk);
  return status;
}
