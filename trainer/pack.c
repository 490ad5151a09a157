/* Pictures are decoded some at a time, side by side, and written in their order; the index goes behind them, and the
 * header, which says where it is, is written over zeros at the end. */
#include "shard.h"

#include <string.h>

#include "checksum.h"
#include "mem.h"
#include "monitor.h"
#include "newfile.h"
#include "pool.h"
#include "shard-format.h"

#define PICTURES_OF_THREAD 4 /* that are decoded before any is written */

typedef struct
{
  WctPictureSet        *set; /* borrowed */
  const WctPackOptions *options;
  WctNewFile            file;
  WctPixels            *pixels;       /* owned, as is the index; (chunk) empty where a picture cannot be read */
  int32_t               chunk, first; /* pictures that are decoded together */
  unsigned char        *index;        /* (index_room) */
  WctShardHeader        header;       /* index_bytes, count so far */
  uint64_t              offset;       /* where the next picture goes */
} Packer;

/* One of the pool's pieces of work. */
static WctStatus
decode_one (void *data, int item, int thread, WctError *err)
{
  Packer   *packer = data;
  WctStatus status;

  (void)thread;
  status = wct_picture_set_decode (packer->set, packer->first + item, 1, packer->options->side_max,
                                   &packer->pixels[item], err);
  return status == WCT_ERR_NO_MEMORY || status == WCT_CANCELED ? status : WCT_OK;
}

static void
index_add (Packer *packer, const WctPixels *pixels, const char *name)
{
  const WctShardEntry entry = { .offset = packer->offset,
                                .checksum = wct_checksum (WCT_CHECKSUM_START, pixels->data, wct_pixels_bytes (pixels)),
                                .width = (uint32_t)pixels->width,
                                .height = (uint32_t)pixels->height,
                                .name_bytes = (uint32_t)strlen (name) + 1 };
  unsigned char      *to = packer->index + packer->header.index_bytes;

  wct_shard_entry_encode (&entry, to);
  memcpy (to + WCT_SHARD_ENTRY_BYTES, name, entry.name_bytes);
  packer->header.index_bytes += WCT_SHARD_ENTRY_BYTES + entry.name_bytes;
  packer->header.count++;
  packer->offset += wct_pixels_bytes (pixels);
}

/* Asks after each picture whether to go on. */
static WctStatus
write_chunk (Packer *packer, int32_t count, WctMonitor *monitor, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int32_t i = 0; i < count; i++)
    {
      WctPixels *pixels = &packer->pixels[i];

      if (!wct_monitor_advance (monitor, 0))
        return wct_monitor_canceled (err);
      if (pixels->data == NULL)
        continue;
      WCT_TRY (wct_new_file_write (&packer->file, pixels->data, wct_pixels_bytes (pixels), err));
      index_add (packer, pixels, wct_picture_set_name (packer->set, packer->first + i));
      wct_pixels_free (pixels);
    }

out:
  return status;
}

static WctStatus
write_pictures (Packer *packer, WctPool *pool, WctMonitor *monitor, WctError *err)
{
  const int32_t count = wct_picture_set_count (packer->set);
  WctStatus     status = WCT_OK;

  for (; packer->first < count; packer->first += packer->chunk)
    {
      const int32_t left = count - packer->first;
      const int32_t now = left < packer->chunk ? left : packer->chunk;

      WCT_TRY (wct_pool_run (pool, now, decode_one, packer, monitor, now, err));
      WCT_TRY (write_chunk (packer, now, monitor, err));
    }
  if (packer->header.count == 0)
    WCT_TRY (wct_picture_set_none_readable (packer->set, err));

out:
  return status;
}

static WctStatus
write_index (Packer *packer, WctError *err)
{
  WctShardHeader *header = &packer->header;
  unsigned char   bytes[WCT_SHARD_HEADER_BYTES];
  WctStatus       status;

  memcpy (header->magic, wct_shard_magic, sizeof header->magic);
  header->version = WCT_SHARD_VERSION;
  header->side_max = packer->options->side_max == INT32_MAX ? 0 : (uint32_t)packer->options->side_max;
  header->index_offset = packer->offset;
  header->file_bytes = packer->offset + header->index_bytes;
  wct_shard_header_encode (header, bytes);
  header->checksum = wct_shard_header_checksum (bytes, packer->index, header->index_bytes);
  wct_shard_header_encode (header, bytes);
  WCT_TRY (wct_new_file_write (&packer->file, packer->index, header->index_bytes, err));
  WCT_TRY (wct_new_file_rewrite (&packer->file, 0, bytes, sizeof bytes, err));

out:
  return status;
}

static size_t
index_room (const WctPictureSet *set)
{
  size_t bytes = 0;

  for (int32_t i = 0; i < wct_picture_set_count (set); i++)
    bytes += WCT_SHARD_ENTRY_BYTES + strlen (wct_picture_set_name (set, i)) + 1;
  return bytes;
}

static WctStatus
allocate (Packer *packer, WctError *err)
{
  WctStatus status;

  packer->chunk = packer->options->threads * PICTURES_OF_THREAD;
  WCT_TRY (wct_alloc ((size_t)packer->chunk, sizeof *packer->pixels, "pictures", &packer->pixels, err));
  WCT_TRY (wct_alloc (index_room (packer->set), 1, "index of the shard", &packer->index, err));

out:
  return status;
}

static void
packer_clear (Packer *packer)
{
  wct_new_file_close (&packer->file);
  for (int32_t i = 0; packer->pixels != NULL && i < packer->chunk; i++)
    wct_pixels_free (&packer->pixels[i]);
  wct_free (&packer->pixels);
  wct_free (&packer->index);
}

WctStatus
wct_shard_pack (WctPictureSet *set, const char *path, const WctPackOptions *options, const WctHooks *hooks,
                WctPackResult *result, WctError *err)
{
  static const unsigned char zeros[WCT_SHARD_HEADER_BYTES];
  Packer     packer = { .set = set, .options = options, .file = WCT_NEW_FILE_NONE, .offset = WCT_SHARD_HEADER_BYTES };
  WctPool   *pool = NULL;
  WctMonitor monitor;
  WctStatus  status;

  wct_monitor_init (&monitor, hooks, wct_picture_set_count (set));
  WCT_TRY (wct_new_file_open (path, options->force, &packer.file, err));
  WCT_TRY (allocate (&packer, err));
  WCT_TRY (wct_pool_new (options->threads, &pool, err));
  WCT_TRY (wct_new_file_write (&packer.file, zeros, sizeof zeros, err));
  WCT_TRY (write_pictures (&packer, pool, &monitor, err));
  WCT_TRY (write_index (&packer, err));
  WCT_TRY (wct_new_file_commit (&packer.file, err));
  if (result != NULL)
    *result = (WctPackResult){ .pictures = (int32_t)packer.header.count,
                               .unreadable = wct_picture_set_count (set) - (int32_t)packer.header.count,
                               .bytes = packer.header.file_bytes };

out:
  wct_pool_free (&pool);
  packer_clear (&packer);
  return status;
}
