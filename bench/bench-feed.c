/* How many pictures a second wct-train's feed makes, and nothing else does: crops, scaled and mirrored, as floats.
 *
 *   bench-feed DATA CROP SCALE_MIN THREADS CACHE_MB [BATCHES]
 *
 * DATA: a folder of pictures or a shard. Prints pictures a second of wall time, and milliseconds of a processor for
 * each, which is what one core makes. Other programs that run meanwhile change the one, hardly the other. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "feed.h"
#include "mem.h"
#include "picture.h"
#include "pictures.h"

#define BATCH 64

static double
seconds_of (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static WctStatus
measure (char **arguments, int batches, WctError *err)
{
  WctPictureSet *set = NULL;
  WctPictureList list = { .indices = NULL };
  WctFeedOptions options;
  WctFeed       *feed = NULL;
  float         *images = NULL;
  double         began = 0, spent = 0;
  WctStatus      status;

  wct_feed_defaults (&options);
  options.crop = atoi (arguments[2]);
  options.scale_min = atof (arguments[3]);
  options.threads = atoi (arguments[4]);
  options.cache_bytes = strtoull (arguments[5], NULL, 10) << 20;
  options.cache_bytes += options.cache_bytes == 0; /* 0 would mean as much as usual */
  options.batch = BATCH;
  options.seed = 1;
  WCT_TRY (wct_picture_set_open (arguments[1], &set, err));
  WCT_TRY (wct_picture_list_first (set, -1, &list, err));
  WCT_TRY (wct_alloc ((size_t)BATCH * 3 * (size_t)options.crop * (size_t)options.crop, sizeof (float), "a batch",
                      &images, err));
  WCT_TRY (wct_feed_new (set, &list, &options, 0, &feed, err));
  for (int i = -2; i < batches; i++) /* two are there before anything is timed */
    {
      if (i == 0)
        {
          began = seconds_of (CLOCK_MONOTONIC);
          spent = seconds_of (CLOCK_PROCESS_CPUTIME_ID);
        }
      WCT_TRY (wct_feed_next (feed, images, err));
    }
  began = seconds_of (CLOCK_MONOTONIC) - began;
  spent = seconds_of (CLOCK_PROCESS_CPUTIME_ID) - spent;
  printf ("%s, %d pictures, crop %d, scale %g to 1, %d threads: %.0f pictures/s, %.2f ms of a processor each\n",
          arguments[1], list.count, options.crop, options.scale_min, options.threads, batches * BATCH / began,
          1e3 * spent / (batches * BATCH));

out:
  wct_feed_free (&feed);
  wct_free (&images);
  wct_picture_list_clear (&list);
  wct_picture_set_free (&set);
  return status;
}

int
main (int argc, char **argv)
{
  WctError  err;
  WctStatus status;

  if (argc < 6)
    {
      fprintf (stderr, "usage: bench-feed DATA CROP SCALE_MIN THREADS CACHE_MB [BATCHES]\n");
      return 2;
    }
  status = wct_pictures_start ("bench-feed", &err);
  if (status == WCT_OK)
    status = measure (argv, argc > 6 ? atoi (argv[6]) : 20, &err);
  if (status != WCT_OK)
    fprintf (stderr, "bench-feed: %s\n", err.message);
  return status == WCT_OK ? 0 : 1;
}
