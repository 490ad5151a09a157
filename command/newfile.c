/* Temporary name, fsync, rename, fsync of the folder. */
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

static WctStatus
refuse_existing (const char *path, WctError *err)
{
  return wct_error_set (err, WCT_ERR_IO, "%s: exists already; choose another name, or replace it with --force", path);
}

static WctStatus
write_failed (const WctNewFile *file, WctError *err)
{
  return wct_error_set (err, WCT_ERR_IO, "%s: cannot be written: %s", file->path, strerror (errno));
}

WctStatus
wct_new_file_check (const char *path, bool force, WctError *err)
{
  struct stat about;

  if (lstat (path, &about) != 0)
    return WCT_OK;
  if (S_ISDIR (about.st_mode))
    return wct_error_set (err, WCT_ERR_IO, "%s: is a folder; name a file in it", path);
  if (!S_ISREG (about.st_mode))
    return wct_error_set (err, WCT_ERR_IO, "%s: is not a regular file and is left alone", path);
  return force ? WCT_OK : refuse_existing (path, err);
}

/* The length of the part of @path before its last name, slash included. */
static size_t
folder_length (const char *path)
{
  const char *slash = strrchr (path, '/');

  return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

#define MARK ".wct-XXXXXX"

/* FOLDER/.NAME.wct-XXXXXX. Names have 255 bytes; a long one keeps its beginning. */
static WctStatus
make_temporary (WctNewFile *file, WctError *err)
{
  const size_t folder = folder_length (file->path);
  char *name = g_strdup_printf ("%.*s.%.*s" MARK, (int)folder, file->path, WCT_NEW_FILE_STEM_MAX, file->path + folder);

  file->descriptor = mkostemp (name, O_CLOEXEC);
  if (file->descriptor >= 0)
    {
      file->temporary = name;
      return WCT_OK;
    }
  g_free (name);
  return write_failed (file, err);
}

/* mkostemp makes files that only their owner can read: give what the user's mask allows, or what the file that is
 * replaced had. */
static void
set_mode (const WctNewFile *file)
{
  struct stat  about;
  const mode_t mask = umask (0);

  umask (mask);
  if (stat (file->path, &about) == 0)
    (void)fchmod (file->descriptor, about.st_mode & 0777);
  else
    (void)fchmod (file->descriptor, 0666 & ~mask);
}

size_t
wct_new_file_leftover (const char *name)
{
  const size_t length = strlen (name), mark = sizeof MARK - 1, fixed = sizeof ".wct-" - 1;
  const char  *end = name + length - mark;

  if (length < 1 + mark || name[0] != '.' || strncmp (end, MARK, fixed) != 0)
    return 0;
  for (const char *c = end + fixed; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c))
      return 0;
  return length - 1 - mark;
}

WctStatus
wct_new_file_open (const char *path, bool force, WctNewFile *out, WctError *err)
{
  WctNewFile file = { .descriptor = -1, .force = force };
  char      *target = realpath (path, NULL); /* NULL where nothing is there yet */
  WctStatus  status;

  file.path = g_strdup (target == NULL ? path : target);
  free (target);
  WCT_TRY (wct_new_file_check (file.path, force, err));
  WCT_TRY (make_temporary (&file, err));
  set_mode (&file);
  *out = file;
  file = (WctNewFile)WCT_NEW_FILE_NONE;

out:
  wct_new_file_close (&file);
  return status;
}

WctStatus
wct_new_file_write (WctNewFile *file, const void *bytes, size_t size, WctError *err)
{
  const char *from = bytes;

  while (size > 0)
    {
      const ssize_t written = write (file->descriptor, from, size);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return write_failed (file, err);
      from += written;
      size -= (size_t)written;
    }
  return WCT_OK;
}

WctStatus
wct_new_file_rewrite (WctNewFile *file, uint64_t offset, const void *bytes, size_t size, WctError *err)
{
  WctStatus status;

  if (lseek (file->descriptor, (off_t)offset, SEEK_SET) < 0)
    return write_failed (file, err);
  status = wct_new_file_write (file, bytes, size, err);
  if (status == WCT_OK && lseek (file->descriptor, 0, SEEK_END) < 0)
    status = write_failed (file, err);
  return status;
}

static int
rename_into_place (const WctNewFile *file)
{
  if (file->force)
    return rename (file->temporary, file->path);
  if (renameat2 (AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return -1;
  if (link (file->temporary, file->path) != 0) /* file systems without that flag */
    return -1;
  (void)unlink (file->temporary);
  return 0;
}

/* The name is there already; some file systems cannot do this. */
static void
sync_folder (const WctNewFile *file)
{
  const size_t length = folder_length (file->path);
  char        *folder = strndup (length == 0 ? "." : file->path, length == 0 ? 1 : length);
  const int    descriptor = folder == NULL ? -1 : open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  free (folder);
  if (descriptor < 0)
    return;
  (void)fsync (descriptor);
  close (descriptor);
}

WctStatus
wct_new_file_commit (WctNewFile *file, WctError *err)
{
  if (fsync (file->descriptor) != 0)
    return write_failed (file, err);
  if (rename_into_place (file) != 0)
    return errno == EEXIST ? refuse_existing (file->path, err) : write_failed (file, err);
  g_clear_pointer (&file->temporary, g_free);
  sync_folder (file);
  return WCT_OK;
}

void
wct_new_file_close (WctNewFile *file)
{
  if (file->descriptor >= 0)
    close (file->descriptor);
  if (file->temporary != NULL)
    unlink (file->temporary);
  g_free (file->temporary);
  g_free (file->path);
  *file = (WctNewFile)WCT_NEW_FILE_NONE;
}

WctStatus
wct_new_file_save (const char *path, bool force, const void *bytes, size_t size, WctError *err)
{
  WctNewFile file = WCT_NEW_FILE_NONE;
  WctStatus  status;

  WCT_TRY (wct_new_file_open (path, force, &file, err));
  WCT_TRY (wct_new_file_write (&file, bytes, size, err));
  WCT_TRY (wct_new_file_commit (&file, err));

out:
  wct_new_file_close (&file);
  return status;
}
