/* The pictures to train on: a folder tree as it is, or a packed shard. Which ones there are never changes while a set
 * is open; pixels come one picture at a time, by any thread.
 *
 * A picture that cannot be read is no failure of a run: it is remembered, counted, and named once. */
#ifndef WCT_TRAINER_PICTURES_H
#define WCT_TRAINER_PICTURES_H

#include <stdbool.h>
#include <stdint.h>

#include <wct/status.h>

#include "pixels.h"

typedef struct WctPictureSet WctPictureSet;

/**
 * wct_picture_set_open: list a folder tree, or read a shard's index.
 * @path: a folder, or a file that `wct-train pack` made
 * @out: on WCT_OK to be freed with wct_picture_set_free; untouched otherwise
 *
 * Of a folder: all files in it and below that are called like pictures (.jpg, .png, …), but for hidden ones; links
 * are followed, each folder is entered once. Pictures are in order of their path from the folder, byte by byte. Their
 * content is not looked at. wct_pictures_start (command/picture.h) must have been called.
 */
WctStatus wct_picture_set_open (const char *path, WctPictureSet **out, WctError *err);
void      wct_picture_set_free (WctPictureSet **set);

int32_t     wct_picture_set_count (const WctPictureSet *set);               /* at least 1 */
const char *wct_picture_set_name (const WctPictureSet *set, int32_t index); /* path from the folder; borrowed */
const char *wct_picture_set_path (const WctPictureSet *set);                /* as it was opened; borrowed */

/* Some pictures of a set, in its order. */
typedef struct
{
  int32_t *indices; /* owned */
  int32_t  count;
} WctPictureList;

/* The first @count of them; -1: all. */
WctStatus wct_picture_list_first (const WctPictureSet *set, int32_t count, WctPictureList *out, WctError *err);

/**
 * wct_picture_set_split: hold a part out.
 * @test_fraction: in [0, 1); about so many of the pictures go to @test, at least one where there are two and it is not
 * 0
 * @train, @test: on WCT_OK to be cleared with wct_picture_list_clear; untouched otherwise
 *
 * A picture's side is decided by its name and @seed: more pictures do not move those that were there. A shard splits as
 * the folder that it was packed from.
 */
WctStatus wct_picture_set_split (const WctPictureSet *set, double test_fraction, uint64_t seed, WctPictureList *train,
                                 WctPictureList *test, WctError *err);
void      wct_picture_list_clear (WctPictureList *list); /* twice is welcome */

/**
 * wct_picture_set_decode: the pixels of one picture, its shorter side from @side_min to @side_max.
 * @side_max: INT32_MAX keeps large pictures as they are; at least @side_min
 * @out: on WCT_OK to be freed with wct_pixels_free; untouched otherwise
 *
 * Any thread. WCT_ERR_NO_MEMORY and WCT_CANCELED say nothing about the picture; any other failure makes it unreadable,
 * which is remembered: it fails at once from then on.
 */
WctStatus wct_picture_set_decode (WctPictureSet *set, int32_t index, int32_t side_min, int32_t side_max, WctPixels *out,
                                  WctError *err);

/* Is it known by now that this picture cannot be read? Any thread. */
bool wct_picture_set_unreadable (const WctPictureSet *set, int32_t index);

/* How many are known by now. Any thread. */
int32_t wct_picture_set_unreadable_count (const WctPictureSet *set);

/* The next sentence about what could not be read (a picture, a folder below), each once, for the log; false where there
 * is none now. Any thread, at any time. */
bool wct_picture_set_next_complaint (WctPictureSet *set, WctError *complaint);

/* For a failure because nothing of the set can be read: WCT_ERR_FORMAT and a sentence that quotes the first reason. */
WctStatus wct_picture_set_none_readable (WctPictureSet *set, WctError *err);

#endif
