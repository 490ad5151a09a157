/* A strict reader. Nothing is believed before the file's own size and the checksum agree with it, and pictures are
 * read, not mapped: a mapped file that shrinks kills the process. */
#include "shard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wct/image.h>

#include "checksum.h"
#include "mem.h"
#include "shard-format.h"

typedef struct
{
  WctShardEntry entry;
  const char   *name; /* borrowed from the index */
} Picture;

struct WctShard
{
  char          *path; /* owned, as are the others */
  int            descriptor;
  WctShardHeader header;
  unsigned char *index; /* as it is in the file */
  Picture       *pictures;
};

static WctStatus
damaged (const WctShard *shard, const char *fact, WctError *err)
{
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s; copy it again, or pack the pictures again", shard->path, fact);
}

static WctStatus
read_at (const WctShard *shard, uint64_t offset, void *to, size_t size, WctError *err)
{
  unsigned char *next = to;

  while (size > 0)
    {
      const ssize_t got = pread (shard->descriptor, next, size, (off_t)offset);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return wct_error_set (err, WCT_ERR_IO, "%s: cannot be read: %s", shard->path, strerror (errno));
      if (got == 0)
        return damaged (shard, "became shorter while it was read", err);
      next += got;
      offset += (uint64_t)got;
      size -= (size_t)got;
    }
  return WCT_OK;
}

/* ---- Header and index --------------------------------------------------------------------------------------- */

static WctStatus
open_file (WctShard *shard, uint64_t *file_bytes, WctError *err)
{
  struct stat about;

  shard->descriptor = open (shard->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (shard->descriptor < 0 || fstat (shard->descriptor, &about) != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened: %s", shard->path, strerror (errno));
  if (!S_ISREG (about.st_mode))
    return wct_error_set (err, WCT_ERR_IO, "%s: is not a regular file; a folder of pictures or a shard is needed",
                          shard->path);
  *file_bytes = (uint64_t)about.st_size;
  return WCT_OK;
}

/* A later version may mean anything by its fields: it is looked at first. */
static WctStatus
check_header (const WctShard *shard, uint64_t file_bytes, WctError *err)
{
  const WctShardHeader *header = &shard->header;

  if (memcmp (header->magic, wct_shard_magic, sizeof header->magic) != 0)
    return wct_error_set (err, WCT_ERR_FORMAT,
                          "%s: is neither a folder nor a shard of packed pictures; wct-train pack makes one",
                          shard->path);
  if (file_bytes < WCT_SHARD_HEADER_BYTES)
    return damaged (shard, "ends early", err);
  if (header->version != WCT_SHARD_VERSION)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: is a shard of version %u, this program reads version %d",
                          shard->path, header->version, WCT_SHARD_VERSION);
  if (header->file_bytes != file_bytes)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: has %llu bytes, %llu were packed; copy it again", shard->path,
                          (unsigned long long)file_bytes, (unsigned long long)header->file_bytes);
  if (header->index_offset < WCT_SHARD_HEADER_BYTES || header->index_offset > file_bytes
      || header->index_bytes != file_bytes - header->index_offset)
    return damaged (shard, "its index is not where it must be", err);
  if (header->count < 1 || header->count > INT32_MAX
      || header->count > header->index_bytes / (WCT_SHARD_ENTRY_BYTES + 1))
    return damaged (shard, "its index is too small for its count of pictures", err);
  return WCT_OK;
}

static WctStatus
read_header (WctShard *shard, unsigned char *bytes, WctError *err)
{
  uint64_t  file_bytes = 0;
  WctStatus status;

  WCT_TRY (open_file (shard, &file_bytes, err));
  memset (bytes, 0, WCT_SHARD_HEADER_BYTES);
  WCT_TRY (
    read_at (shard, 0, bytes, file_bytes < WCT_SHARD_HEADER_BYTES ? (size_t)file_bytes : WCT_SHARD_HEADER_BYTES, err));
  wct_shard_header_decode (bytes, &shard->header);
  WCT_TRY (check_header (shard, file_bytes, err));

out:
  return status;
}

/* @end: where the picture before ended, and then where this one does. */
static WctStatus
check_picture (const WctShard *shard, const Picture *picture, const char *name_before, uint64_t *end, WctError *err)
{
  const WctShardEntry *entry = &picture->entry;

  if (memchr (picture->name, '\0', entry->name_bytes) != picture->name + entry->name_bytes - 1 || entry->name_bytes == 1
      || (name_before != NULL && strcmp (name_before, picture->name) >= 0))
    return damaged (shard, "names in its index are not what they must be", err);
  if (entry->width < 1 || entry->width > WCT_IMAGE_SIDE_MAX || entry->height < 1 || entry->height > WCT_IMAGE_SIDE_MAX)
    return damaged (shard, "sizes in its index are impossible", err);
  if (entry->offset != *end || (uint64_t)entry->width * entry->height * 3 > shard->header.index_offset - *end)
    return damaged (shard, "pictures are not where its index says", err);
  *end += (uint64_t)entry->width * entry->height * 3;
  return WCT_OK;
}

static WctStatus
parse_index (WctShard *shard, WctError *err)
{
  const unsigned char *next = shard->index, *end = shard->index + shard->header.index_bytes;
  const char          *name_before = NULL;
  uint64_t             pixels_end = WCT_SHARD_HEADER_BYTES;
  WctStatus            status = WCT_OK;

  for (uint64_t i = 0; i < shard->header.count; i++)
    {
      Picture *picture = &shard->pictures[i];

      if (end - next < WCT_SHARD_ENTRY_BYTES)
        return damaged (shard, "its index ends early", err);
      wct_shard_entry_decode (next, &picture->entry);
      next += WCT_SHARD_ENTRY_BYTES;
      if (picture->entry.name_bytes < 1 || picture->entry.name_bytes > (uint64_t)(end - next))
        return damaged (shard, "its index ends early", err);
      picture->name = (const char *)next;
      next += picture->entry.name_bytes;
      WCT_TRY (check_picture (shard, picture, name_before, &pixels_end, err));
      name_before = picture->name;
    }
  if (next != end || pixels_end != shard->header.index_offset)
    return damaged (shard, "it holds more than its index says", err);

out:
  return status;
}

static WctStatus
read_index (WctShard *shard, const unsigned char *header_bytes, WctError *err)
{
  const WctShardHeader *header = &shard->header;
  WctStatus             status;

  WCT_TRY (wct_alloc (header->index_bytes, 1, "index of the shard", &shard->index, err));
  WCT_TRY (wct_alloc (header->count, sizeof *shard->pictures, "index of the shard", &shard->pictures, err));
  WCT_TRY (read_at (shard, header->index_offset, shard->index, header->index_bytes, err));
  if (wct_shard_header_checksum (header_bytes, shard->index, header->index_bytes) != header->checksum)
    WCT_TRY (damaged (shard, "the checksum of its index is wrong", err));
  WCT_TRY (parse_index (shard, err));

out:
  return status;
}

WctStatus
wct_shard_open (const char *path, WctShard **out, WctError *err)
{
  WctShard     *shard = NULL;
  unsigned char header_bytes[WCT_SHARD_HEADER_BYTES];
  WctStatus     status;

  WCT_TRY (wct_alloc (1, sizeof *shard, "shard", &shard, err));
  shard->descriptor = -1;
  WCT_TRY (wct_strdup (path, &shard->path, err));
  WCT_TRY (read_header (shard, header_bytes, err));
  WCT_TRY (read_index (shard, header_bytes, err));
  *out = shard;
  shard = NULL;

out:
  wct_shard_close (&shard);
  return status;
}

void
wct_shard_close (WctShard **shard_pointer)
{
  WctShard *shard = *shard_pointer;

  if (shard == NULL)
    return;
  if (shard->descriptor >= 0)
    close (shard->descriptor);
  wct_free (&shard->pictures);
  wct_free (&shard->index);
  wct_free (&shard->path);
  wct_free (shard_pointer);
}

/* ---- Pictures ----------------------------------------------------------------------------------------------- */

int32_t
wct_shard_count (const WctShard *shard)
{
  return (int32_t)shard->header.count;
}

const char *
wct_shard_name (const WctShard *shard, int32_t index)
{
  return shard->pictures[index].name;
}

WctStatus
wct_shard_read (const WctShard *shard, int32_t index, WctPixels *out, WctError *err)
{
  const Picture *picture = &shard->pictures[index];
  WctPixels      pixels = { 0 };
  WctStatus      status;

  WCT_TRY (wct_pixels_new ((int32_t)picture->entry.width, (int32_t)picture->entry.height, picture->name, &pixels, err));
  WCT_TRY (read_at (shard, picture->entry.offset, pixels.data, wct_pixels_bytes (&pixels), err));
  if (wct_checksum (WCT_CHECKSUM_START, pixels.data, wct_pixels_bytes (&pixels)) != picture->entry.checksum)
    WCT_TRY (wct_error_set (err, WCT_ERR_FORMAT, "%s: the checksum of %s in it is wrong; copy it again", shard->path,
                            picture->name));
  *out = pixels;
  pixels = (WctPixels){ 0 };

out:
  wct_pixels_free (&pixels);
  return status;
}
