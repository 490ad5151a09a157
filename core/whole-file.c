/* Temporary name, write, fsync, rename, fsync of the folder. */
#include "whole-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define PATH_SIZE 4096

static WctStatus
refuse (const char *path, WctError *err)
{
  const int reason = errno;
  char      label[200];

  wct_text_for_sentence (path, label, sizeof label);
  return wct_error_set (err, WCT_ERR_IO, "%s: cannot be written: %s", label, strerror (reason));
}

/* As the user's mask allows: mkostemp's files are their owner's alone, and asking for the mask is not for threads. */
static int
open_temporary (const char *path, char *temporary)
{
  int file = -1;

  for (int i = 0; i < 100 && file < 0; i++)
    {
      if (snprintf (temporary, PATH_SIZE, "%s.%ld-%d", path, (long)getpid (), i) >= PATH_SIZE)
        {
          errno = ENAMETOOLONG;
          return -1;
        }
      file = open (temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file < 0 && errno != EEXIST)
        return -1;
    }
  return file;
}

static bool
write_all (int file, const void *bytes, size_t size)
{
  const char *from = bytes;

  while (size > 0)
    {
      const ssize_t written = write (file, from, size);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return false;
      from += written;
      size -= (size_t)written;
    }
  return true;
}

/* The name is there already; some file systems cannot do this. */
static void
sync_folder (const char *path)
{
  char        folder[PATH_SIZE];
  const char *slash = strrchr (path, '/');
  int         file;

  snprintf (folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
  file = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0)
    return;
  (void)fsync (file);
  close (file);
}

WctStatus
wct_whole_file_write (const char *path, const WctPiece *pieces, size_t count, bool lasting, WctError *err)
{
  char      temporary[PATH_SIZE];
  const int file = open_temporary (path, temporary);
  bool      good = true;

  if (file < 0)
    return refuse (path, err);
  for (size_t i = 0; i < count && good; i++)
    good = write_all (file, pieces[i].bytes, pieces[i].size);
  good = good && (!lasting || fsync (file) == 0);
  good = close (file) == 0 && good && rename (temporary, path) == 0;
  if (!good)
    {
      const WctStatus status = refuse (path, err);

      unlink (temporary);
      return status;
    }
  if (lasting)
    sync_folder (path);
  return WCT_OK;
}
