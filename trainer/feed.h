/* Batches of random crops, made ahead by threads of its own.
 *
 * What a batch holds is a function of the pictures, the options and the number of the step: neither threads, nor ranks,
 * nor where a run was resumed change a bit of it. Epochs follow each other without a gap: batch s holds the places
 * s·batch … (s+1)·batch - 1 of the endless row of shuffled epochs. */
#ifndef WCT_TRAINER_FEED_H
#define WCT_TRAINER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

#include "pictures.h"

typedef struct WctFeed WctFeed;

typedef struct
{
  int32_t  crop;     /* pixels */
  int32_t  side_max; /* larger pictures are brought down to this shorter side; 0: wct_feed_side_max */
  int32_t  batch;    /* of all ranks together, a multiple of ranks */
  int32_t  rank, ranks;
  uint64_t seed;
  double   scale_min; /* each picture is scaled by a factor from here to 1, as far as the crop fits; in (0, 1] */
  bool     flip;
  int32_t  threads;     /* that make batches, at least 1 */
  int32_t  depth;       /* batches made ahead, at least 1 */
  size_t   cache_bytes; /* decoded pictures that are kept; 0: 1 GiB or a quarter of what is free */
} WctFeedOptions;

/* One rank, scale 0.5 to 1, flips, one thread, two batches ahead; crop, batch and seed are to be filled in. */
void wct_feed_defaults (WctFeedOptions *options);

/* What larger pictures are brought down to by default: twice the crop, or what scale_min asks for, at least 512. */
int32_t wct_feed_side_max (int32_t crop, double scale_min);

/**
 * wct_feed_new: start making batches.
 * @set: borrowed until wct_feed_free
 * @list: which of its pictures; copied
 * @first_step: of the batch that wct_feed_next gives first
 * @out: on WCT_OK to be freed with wct_feed_free; untouched otherwise
 */
WctStatus wct_feed_new (WctPictureSet *set, const WctPictureList *list, const WctFeedOptions *options,
                        int64_t first_step, WctFeed **out, WctError *err);

/**
 * wct_feed_next: wait for the next batch.
 * @planar: (batch / ranks, 3, crop, crop), this rank's part, in [0,1]
 *
 * In place of a picture that cannot be read stands the next one of its epoch that can. A failure (no picture at all can
 * be read, memory) is final: it comes again at every further call.
 */
WctStatus wct_feed_next (WctFeed *feed, float *planar, WctError *err);

/* Stops without finishing what is under way. */
void wct_feed_free (WctFeed **feed);

/* Bytes that wct_feed_new takes for batches, without the cache. */
size_t wct_feed_bytes (const WctFeedOptions *options);

#endif
