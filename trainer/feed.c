/* A ring of batches. Threads take pictures in the order of the steps, whichever is free next; a batch is given out when
 * its last picture is there, and its place in the ring is then free for a later one.
 *
 * Decoded pictures stay in memory until the room for them is used up. Every epoch wants every picture once, so which
 * ones stay does not matter, and none is ever thrown out for another. */
#include "feed.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <wct/memory.h>

#include "mem.h"
#include "random.h"

#define BANDS             3
#define SIDE_MAX_DEFAULT  512
#define CACHE_BYTES_USUAL ((size_t)1 << 30)

/* What random numbers are for; each use has its own streams. */
enum
{
  STREAM_ORDER,
  STREAM_CROP
};

/* A decoded picture that is kept. */
enum
{
  CACHE_EMPTY,
  CACHE_FILLING, /* by the one thread that made it so */
  CACHE_FULL     /* and never changed again */
};

typedef struct
{
  WctPixels  pixels;
  atomic_int state;
} Cached;

/* One batch of the ring. */
typedef struct
{
  float    *planar;  /* owned; (share, 3, crop, crop) */
  int32_t   missing; /* pictures that are still to come */
  WctStatus failure; /* of the first picture, in order, that failed */
  WctError  error;
  int32_t   failed_picture;
} Batch;

typedef struct
{
  WctFeed       *feed; /* borrowed */
  pthread_t      thread;
  WctCropScratch scratch; /* owned */
} Worker;

struct WctFeed
{
  WctPictureSet *set;  /* borrowed */
  WctPictureList list; /* owned */
  WctFeedOptions options;
  int32_t        share;  /* pictures in a batch of this rank */
  size_t         values; /* floats of a picture */
  int64_t        first_step;

  Cached       *cache; /* owned; (list.count) */
  size_t        cache_bytes;
  atomic_size_t cached;

  pthread_mutex_t lock; /* of what follows */
  pthread_cond_t  room, ready;
  Batch          *batches; /* owned; (depth) */
  int64_t         taken;   /* pictures that threads have begun */
  int64_t         given;   /* batches that wct_feed_next has given */
  atomic_bool     quit;

  Worker *workers; /* owned; (threads) */
  int     started;
};

/* ---- Options ------------------------------------------------------------------------------------------------ */

void
wct_feed_defaults (WctFeedOptions *options)
{
  *options = (WctFeedOptions){ .ranks = 1, .scale_min = 0.5, .flip = true, .threads = 1, .depth = 2 };
}

int32_t
wct_feed_side_max (int32_t crop, double scale_min)
{
  return (int32_t)fmin (fmax (SIDE_MAX_DEFAULT, ceil (crop * fmax (2, 1 / scale_min))), INT32_MAX);
}

size_t
wct_feed_bytes (const WctFeedOptions *options)
{
  const double pictures = (double)options->depth * options->batch / options->ranks;
  const double bytes = pictures * BANDS * options->crop * options->crop * sizeof (float);

  return bytes < (double)(SIZE_MAX / 2) ? (size_t)bytes : SIZE_MAX;
}

static WctStatus
check_options (const WctFeedOptions *options, const WctPictureList *list, WctError *err)
{
  if (list->count < 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no picture to train on");
  if (options->crop < 1 || (options->side_max != 0 && options->side_max < options->crop))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "crops of %d pixels do not fit pictures of %d", options->crop,
                          options->side_max);
  if (options->ranks < 1 || options->rank < 0 || options->rank >= options->ranks || options->batch < options->ranks
      || options->batch % options->ranks != 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "a batch of %d pictures cannot be shared by %d ranks evenly",
                          options->batch, options->ranks);
  if (!(options->scale_min >= 1.0 / WCT_CROP_SHRINK_MAX && options->scale_min <= 1))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "pictures cannot be scaled by %g; use 1/%d to 1", options->scale_min,
                          WCT_CROP_SHRINK_MAX);
  if (options->threads < 1 || options->depth < 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "batches need at least one thread and room for one batch");
  return WCT_OK;
}

static size_t
usual_cache_bytes (void)
{
  const size_t quarter = wct_memory_available () / 4;

  return quarter < CACHE_BYTES_USUAL ? quarter : CACHE_BYTES_USUAL;
}

/* ---- Decoded pictures --------------------------------------------------------------------------------------- */

static bool
reserve (WctFeed *feed, size_t bytes)
{
  if (atomic_fetch_add (&feed->cached, bytes) + bytes <= feed->cache_bytes)
    return true;
  atomic_fetch_sub (&feed->cached, bytes);
  return false;
}

/* Puts @pixels into the cache, if there is room and no other thread does: they are the cache's then. */
static bool
keep (WctFeed *feed, Cached *cached, const WctPixels *pixels)
{
  const size_t bytes = wct_pixels_bytes (pixels);
  int          empty = CACHE_EMPTY;

  if (!reserve (feed, bytes))
    return false;
  if (!atomic_compare_exchange_strong (&cached->state, &empty, CACHE_FILLING))
    {
      atomic_fetch_sub (&feed->cached, bytes);
      return false;
    }
  cached->pixels = *pixels;
  atomic_store (&cached->state, CACHE_FULL);
  return true;
}

/* @owned: pixels that the caller frees after use, empty where they are the cache's. */
static WctStatus
get_pixels (WctFeed *feed, int32_t place, WctPixels *owned, const WctPixels **out, WctError *err)
{
  Cached   *cached = &feed->cache[place];
  WctStatus status;

  *out = &cached->pixels;
  if (atomic_load (&cached->state) == CACHE_FULL)
    return WCT_OK;
  status = wct_picture_set_decode (feed->set, feed->list.indices[place], feed->options.crop, feed->options.side_max,
                                   owned, err);
  if (status != WCT_OK)
    return status;
  if (keep (feed, cached, owned))
    *owned = (WctPixels){ 0 };
  else
    *out = owned;
  return WCT_OK;
}

/* ---- One picture of a batch --------------------------------------------------------------------------------- */

/* The order of draws is part of what a seed means. */
static WctCrop
pick_crop (const WctFeedOptions *options, const WctPixels *pixels, WctRandom *random)
{
  const double least = fmax (options->scale_min, (double)options->crop / wct_pixels_shorter_side (pixels));
  const double scale = least + (1 - least) * wct_random_unit (random);
  WctCrop      crop = { .side = options->crop };

  /* Rounded up: never smaller than the least scale makes it. */
  crop.width = (int32_t)fmin (fmax (crop.side, ceil (pixels->width * scale)), pixels->width);
  crop.height = (int32_t)fmin (fmax (crop.side, ceil (pixels->height * scale)), pixels->height);
  crop.x = (int32_t)wct_random_below (random, (uint64_t)(crop.width - crop.side + 1));
  crop.y = (int32_t)wct_random_below (random, (uint64_t)(crop.height - crop.side + 1));
  crop.flip = wct_random_bits (random) >> 63 != 0 && options->flip;
  return crop;
}

/* The picture at @position of @epoch, or the next one that can be read. */
static WctStatus
find_pixels (WctFeed *feed, uint64_t epoch, uint64_t position, WctPixels *owned, const WctPixels **out, WctError *err)
{
  const uint64_t count = (uint64_t)feed->list.count;
  const uint64_t order = wct_random_hash (wct_random_hash (feed->options.seed, STREAM_ORDER), epoch);

  for (uint64_t i = 0; i < count; i++)
    {
      const int32_t place = (int32_t)wct_random_shuffled (order, (position + i) % count, count);
      WctStatus     status;

      if (atomic_load (&feed->quit))
        return wct_error_set (err, WCT_CANCELED, "canceled");
      if (wct_picture_set_unreadable (feed->set, feed->list.indices[place]))
        continue;
      status = get_pixels (feed, place, owned, out, err);
      if (status == WCT_OK || status == WCT_ERR_NO_MEMORY || status == WCT_CANCELED)
        return status;
    }
  return wct_picture_set_none_readable (feed->set, err);
}

/* @number: in the endless row of epochs. */
static WctStatus
make_picture (WctFeed *feed, WctCropScratch *scratch, uint64_t number, float *planar, WctError *err)
{
  const uint64_t   epoch = number / (uint64_t)feed->list.count, position = number % (uint64_t)feed->list.count;
  WctRandom        random = wct_random_stream (wct_random_hash (feed->options.seed, STREAM_CROP), number);
  WctPixels        owned = { 0 };
  const WctPixels *pixels = NULL;
  WctCrop          crop;
  WctStatus        status;

  WCT_TRY (find_pixels (feed, epoch, position, &owned, &pixels, err));
  crop = pick_crop (&feed->options, pixels, &random);
  WCT_TRY (wct_crop_take (pixels, &crop, scratch, planar, err));

out:
  wct_pixels_free (&owned);
  return status;
}

/* ---- Threads ------------------------------------------------------------------------------------------------ */

/* Waits for room; false where the feed ends. @taken: the picture's number, from the first step's first on */
static bool
take_next (WctFeed *feed, int64_t *taken)
{
  bool goes_on;

  pthread_mutex_lock (&feed->lock);
  while (!atomic_load (&feed->quit) && feed->taken / feed->share >= feed->given + feed->options.depth)
    pthread_cond_wait (&feed->room, &feed->lock);
  goes_on = !atomic_load (&feed->quit);
  if (goes_on)
    *taken = feed->taken++;
  pthread_mutex_unlock (&feed->lock);
  return goes_on;
}

static void
hand_in (WctFeed *feed, Batch *batch, int32_t picture, WctStatus status, const WctError *error)
{
  pthread_mutex_lock (&feed->lock);
  if (status != WCT_OK && (batch->failure == WCT_OK || picture < batch->failed_picture))
    {
      batch->failure = status;
      batch->failed_picture = picture;
      batch->error = *error;
    }
  if (--batch->missing == 0)
    pthread_cond_broadcast (&feed->ready);
  pthread_mutex_unlock (&feed->lock);
}

static void *
worker_main (void *data)
{
  Worker  *self = data;
  WctFeed *feed = self->feed;
  int64_t  taken;

  while (take_next (feed, &taken))
    {
      const int64_t  step = feed->first_step + taken / feed->share;
      const int32_t  picture = (int32_t)(taken % feed->share);
      const uint64_t number = (uint64_t)step * (uint64_t)feed->options.batch
                              + (uint64_t)feed->options.rank * (uint64_t)feed->share + (uint64_t)picture;
      Batch          *batch = &feed->batches[taken / feed->share % feed->options.depth];
      WctError        error;
      const WctStatus status =
        make_picture (feed, &self->scratch, number, batch->planar + (size_t)picture * feed->values, &error);

      hand_in (feed, batch, picture, status, &error);
    }
  return NULL;
}

static WctStatus
start_workers (WctFeed *feed, WctError *err)
{
  for (int i = 0; i < feed->options.threads; i++)
    {
      Worker *worker = &feed->workers[i];

      worker->feed = feed;
      if (pthread_create (&worker->thread, NULL, worker_main, worker) != 0)
        return wct_error_set (err, WCT_ERR_NO_MEMORY,
                              "thread %d of %d that make batches could not be started; ask for fewer", i + 1,
                              feed->options.threads);
      feed->started++;
    }
  return WCT_OK;
}

static void
stop_workers (WctFeed *feed)
{
  pthread_mutex_lock (&feed->lock);
  atomic_store (&feed->quit, true);
  pthread_cond_broadcast (&feed->room);
  pthread_mutex_unlock (&feed->lock);
  for (int i = 0; i < feed->started; i++)
    pthread_join (feed->workers[i].thread, NULL);
}

/* ---- The feed ----------------------------------------------------------------------------------------------- */

static WctStatus
copy_list (const WctPictureList *list, WctPictureList *out, WctError *err)
{
  const size_t    count = (size_t)list->count;
  const WctStatus status = wct_alloc (count, sizeof *out->indices, "list of pictures", &out->indices, err);

  if (status != WCT_OK)
    return status;
  memcpy (out->indices, list->indices, count * sizeof *out->indices);
  out->count = list->count;
  return WCT_OK;
}

static WctStatus
allocate (WctFeed *feed, WctError *err)
{
  const WctFeedOptions *options = &feed->options;
  WctStatus             status;

  WCT_TRY (wct_alloc ((size_t)feed->list.count, sizeof *feed->cache, "list of pictures", &feed->cache, err));
  WCT_TRY (wct_alloc ((size_t)options->threads, sizeof *feed->workers, "threads", &feed->workers, err));
  WCT_TRY (wct_alloc ((size_t)options->depth, sizeof *feed->batches, "batches", &feed->batches, err));
  for (int32_t i = 0; i < options->depth; i++)
    {
      WCT_TRY (wct_alloc ((size_t)feed->share, feed->values * sizeof (float), "a batch of pictures",
                          &feed->batches[i].planar, err));
      feed->batches[i].missing = feed->share;
    }

out:
  return status;
}

WctStatus
wct_feed_new (WctPictureSet *set, const WctPictureList *list, const WctFeedOptions *options, int64_t first_step,
              WctFeed **out, WctError *err)
{
  WctFeed  *feed = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *feed, "feed of pictures", &feed, err));
  pthread_mutex_init (&feed->lock, NULL);
  pthread_cond_init (&feed->room, NULL);
  pthread_cond_init (&feed->ready, NULL);
  feed->set = set;
  feed->options = *options;
  WCT_TRY (check_options (options, list, err));
  if (options->side_max == 0)
    feed->options.side_max = wct_feed_side_max (options->crop, options->scale_min);
  feed->share = options->batch / options->ranks;
  feed->values = (size_t)BANDS * (size_t)options->crop * (size_t)options->crop;
  feed->first_step = first_step;
  feed->cache_bytes = options->cache_bytes == 0 ? usual_cache_bytes () : options->cache_bytes;
  WCT_TRY (copy_list (list, &feed->list, err));
  WCT_TRY (allocate (feed, err));
  WCT_TRY (start_workers (feed, err));
  *out = feed;
  feed = NULL;

out:
  wct_feed_free (&feed);
  return status;
}

WctStatus
wct_feed_next (WctFeed *feed, float *planar, WctError *err)
{
  Batch *batch = &feed->batches[feed->given % feed->options.depth];

  pthread_mutex_lock (&feed->lock);
  while (batch->missing > 0)
    pthread_cond_wait (&feed->ready, &feed->lock);
  pthread_mutex_unlock (&feed->lock);
  if (batch->failure != WCT_OK)
    return wct_error_set (err, batch->failure, "%s", batch->error.message);
  memcpy (planar, batch->planar, (size_t)feed->share * feed->values * sizeof (float));

  pthread_mutex_lock (&feed->lock);
  batch->missing = feed->share;
  feed->given++;
  pthread_cond_broadcast (&feed->room);
  pthread_mutex_unlock (&feed->lock);
  return WCT_OK;
}

static void
free_contents (WctFeed *feed)
{
  for (int32_t i = 0; feed->batches != NULL && i < feed->options.depth; i++)
    wct_free (&feed->batches[i].planar);
  for (int32_t i = 0; feed->cache != NULL && i < feed->list.count; i++)
    wct_pixels_free (&feed->cache[i].pixels);
  for (int i = 0; i < feed->started; i++)
    wct_crop_scratch_clear (&feed->workers[i].scratch);
  wct_free (&feed->batches);
  wct_free (&feed->cache);
  wct_free (&feed->workers);
  wct_picture_list_clear (&feed->list);
}

void
wct_feed_free (WctFeed **feed_pointer)
{
  WctFeed *feed = *feed_pointer;

  if (feed == NULL)
    return;
  stop_workers (feed);
  free_contents (feed);
  pthread_cond_destroy (&feed->ready);
  pthread_cond_destroy (&feed->room);
  pthread_mutex_destroy (&feed->lock);
  wct_free (feed_pointer);
}
