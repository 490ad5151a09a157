/* Files are read and written at offsets, not mapped: mapped pages would count as the process's memory. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "mem.h"

struct WctStore
{
  size_t          size;
  char           *bytes; /* owned; NULL where a file holds them */
  int             file;  /* -1 where memory does */
  const char     *what;
  WctStoreMirror *mirror; /* owned; NULL: none */
};

static const char *
folder (void)
{
  const char *chosen = getenv ("TMPDIR");

  return chosen != NULL && chosen[0] != '\0' ? chosen : "/var/tmp"; /* /tmp may be memory */
}

/* Some file systems cannot make a file without a name: there it loses its name at once. */
static int
open_nameless (const char *where)
{
  char name[4096];
  int  file = open (where, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
    return file;
  if (snprintf (name, sizeof name, "%s/wct-XXXXXX", where) >= (int)sizeof name)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  file = mkostemp (name, O_CLOEXEC);
  if (file >= 0)
    unlink (name);
  return file;
}

/* Takes the room. 0, or an errno. Not posix_fallocate: where the file system cannot, it writes zeros for minutes. */
static int
reserve (int file, size_t size)
{
  struct statvfs disk;

  if (fstatvfs (file, &disk) == 0 && size / disk.f_frsize >= disk.f_bavail)
    return ENOSPC;
  if (fallocate (file, 0, 0, (off_t)size) == 0)
    return 0;
  if (errno != EOPNOTSUPP)
    return errno;
  return ftruncate (file, (off_t)size) == 0 ? 0 : errno;
}

static WctStatus
open_file (WctStore *store, WctError *err)
{
  const char *where = folder ();
  int         failure;

  store->file = open_nameless (where);
  if (store->file < 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: no temporary file can be made there: %s; name another folder in TMPDIR",
                          where, strerror (errno));
  failure = reserve (store->file, store->size);
  if (failure != 0)
    return wct_error_set (err, WCT_ERR_IO,
                          "%s: there is no room for %.1f GB of the %s: %s; name another folder in TMPDIR", where,
                          (double)store->size / 1e9, store->what, strerror (failure));
  return WCT_OK;
}

WctStatus
wct_store_new (size_t size, bool in_file, const char *what, WctStore **out, WctError *err)
{
  WctStore *store = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *store, what, &store, err));
  store->size = size;
  store->file = -1;
  store->what = what;
  WCT_TRY (in_file ? open_file (store, err) : wct_alloc (size, 1, what, &store->bytes, err));
  *out = store;
  store = NULL;

out:
  wct_store_free (&store);
  return status;
}

void
wct_store_free (WctStore **store)
{
  if (*store == NULL)
    return;
  if ((*store)->mirror != NULL)
    (*store)->mirror->free ((*store)->mirror);
  if ((*store)->file >= 0)
    close ((*store)->file);
  wct_free (&(*store)->bytes);
  wct_free (store);
}

/* ---- Mirrors -------------------------------------------------------------------------------------------------- */

WctStoreMirror *
wct_store_mirror (const WctStore *store)
{
  return store->mirror;
}

void
wct_store_set_mirror (WctStore *store, WctStoreMirror *mirror)
{
  store->mirror = mirror;
}

void *
wct_store_bytes (const WctStore *store)
{
  return store->bytes;
}

size_t
wct_store_size (const WctStore *store)
{
  return store->size;
}

/* Readers may come side by side, and the first one takes all. */
static pthread_mutex_t taking = PTHREAD_MUTEX_INITIALIZER;

static WctStatus
take_from_mirror (const WctStore *store, bool to_write, WctError *err)
{
  WctStoreMirror *mirror = store->mirror;
  WctStatus       status = WCT_OK;

  if (mirror == NULL)
    return WCT_OK;
  pthread_mutex_lock (&taking);
  if (mirror->ahead)
    status = mirror->fetch (mirror, store->bytes, store->size, err);
  if (status == WCT_OK)
    {
      mirror->ahead = false;
      mirror->behind |= to_write;
    }
  pthread_mutex_unlock (&taking);
  return status;
}

WctStatus
wct_store_drop_mirror (WctStore *store, WctError *err)
{
  const WctStatus status = take_from_mirror (store, false, err);

  if (status == WCT_OK && store->mirror != NULL)
    {
      store->mirror->free (store->mirror);
      store->mirror = NULL;
    }
  return status;
}

/* ---- Bytes ---------------------------------------------------------------------------------------------------- */

static WctStatus
failed (const WctStore *store, const char *verb, ssize_t result, WctError *err)
{
  return wct_error_set (err, WCT_ERR_IO, "the temporary file of the %s cannot be %s: %s", store->what, verb,
                        result == 0 ? "it ends early" : strerror (errno));
}

WctStatus
wct_store_read (const WctStore *store, size_t offset, size_t size, void *out, WctError *err)
{
  char           *to = out;
  const WctStatus status = take_from_mirror (store, false, err);

  if (status != WCT_OK)
    return status;
  if (store->bytes != NULL)
    {
      memcpy (out, store->bytes + offset, size);
      return WCT_OK;
    }
  while (size > 0)
    {
      const ssize_t count = pread (store->file, to, size, (off_t)offset);

      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        return failed (store, "read", count, err);
      to += count;
      offset += (size_t)count;
      size -= (size_t)count;
    }
  return WCT_OK;
}

WctStatus
wct_store_write (WctStore *store, size_t offset, size_t size, const void *bytes, WctError *err)
{
  const char     *from = bytes;
  const WctStatus status = take_from_mirror (store, true, err);

  if (status != WCT_OK)
    return status;
  if (store->bytes != NULL)
    {
      memcpy (store->bytes + offset, bytes, size);
      return WCT_OK;
    }
  while (size > 0)
    {
      const ssize_t count = pwrite (store->file, from, size, (off_t)offset);

      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        return failed (store, "written", count, err);
      from += count;
      offset += (size_t)count;
      size -= (size_t)count;
    }
  return WCT_OK;
}
