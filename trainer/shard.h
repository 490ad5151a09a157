/* Packed pictures: one file that needs no decoder, for clusters and for machines with nothing installed.
 *
 * Little-endian: a header of 56 bytes (magic "WCTSHARD", version, shorter side, count, where the index is, the file's
 * size, checksum of header and index), the pictures' RGB bytes one after the other, and an index of each one's size,
 * checksum and name. A picture takes 3 bytes a pixel. */
#ifndef WCT_TRAINER_SHARD_H
#define WCT_TRAINER_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include <wct/hooks.h>
#include <wct/status.h>

#include "pictures.h"
#include "pixels.h"

#define WCT_SHARD_SIDE_DEFAULT 512 /* what a feed of crops up to 256 brings pictures down to */

typedef struct WctShard WctShard;

/* Strict: everything but the pixels is checked. To be closed with wct_shard_close. */
WctStatus wct_shard_open (const char *path, WctShard **out, WctError *err);
void      wct_shard_close (WctShard **shard);

int32_t     wct_shard_count (const WctShard *shard);
const char *wct_shard_name (const WctShard *shard, int32_t index); /* borrowed */

/* Any thread. A checksum that does not fit is a failure. */
WctStatus wct_shard_read (const WctShard *shard, int32_t index, WctPixels *out, WctError *err);

typedef struct
{
  int32_t side_max; /* larger pictures are brought down to this shorter side; INT32_MAX keeps them */
  bool    force;    /* may a file of that name be replaced? */
  int     threads;
} WctPackOptions;

/* What packing came to. */
typedef struct
{
  int32_t  pictures, unreadable;
  uint64_t bytes;
} WctPackResult;

/**
 * wct_shard_pack: write the pictures of @set to a shard called @path.
 * @hooks: progress from 0 to 1, and cancel; may be NULL
 * @result: may be NULL
 *
 * Under a temporary name first, then under its own: a failure, or a program that is stopped, leaves nothing behind.
 * Pictures that cannot be read are left out; see wct_picture_set_next_complaint.
 */
WctStatus wct_shard_pack (WctPictureSet *set, const char *path, const WctPackOptions *options, const WctHooks *hooks,
                          WctPackResult *result, WctError *err);

#endif
