/* A pipeline: stations that make strips, each from strips of the station before, worked on by all threads at once.
 *
 * A strip is made as soon as what it is made of is there and its slot in the ring is free; among what can be done, what
 * lies furthest down the line comes first. So rows wander through all layers of a network while they are in the cache,
 * whole feature maps never exist, and no thread waits for a layer's end. Which strip is made when differs from run to
 * run; what is in it does not. */
#ifndef WCT_CPU_PIPELINE_H
#define WCT_CPU_PIPELINE_H

#include <stdint.h>

#include "map.h"
#include "pool.h"

#define WCT_STATION_CONSUMERS_MAX 4

typedef struct WctStation WctStation;

struct WctStation
{
  /* Makes a piece of a strip. @scratch: the thread's. NULL, without strips: the result is there already */
  WctStatus (*run) (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err);
  const char *name; /* for traces: "encoder4.conv3_1" */
  const void *what; /* for run, borrowed */
  void       *into; /* likewise, where it is written to */

  WctStation *source; /* NULL: it needs no other's strips */
  WctRing     out;    /* its result; without strips where it leaves none behind */
  int32_t     strips, pieces;
  int32_t     in_turn; /* strips that are this far apart are made one after the other; 0: no matter */
  double      work;    /* of all strips together */
  size_t      scratch_bytes;

  /* The first and last strip of the source that a strip needs. NULL: the one of its own number. */
  void (*needs) (const WctStation *station, int32_t strip, int32_t *first, int32_t *last);

  /* The scheduler's. */
  WctStation *consumers[WCT_STATION_CONSUMERS_MAX];
  int         consumer_count;
  int32_t     next_strip, next_piece; /* to be handed out */
  int32_t     done;                   /* strips from the first on that are made */
  int32_t    *missing;                /* (strips): pieces that are not made yet; owned */
};

/* Sets out.layout.slots of @stations: enough for each consumer to go on, with some more for @threads. Stations whose
 * result has a place (out.data) keep it. Returns the floats of all rings that have none. */
size_t wct_pipeline_size (WctStation *stations, int count, int threads);

/* Gives each ring without a place its part of @room, and makes all strips. @scratch: one for each of the pool's threads
 */
WctStatus wct_pipeline_run (WctStation *stations, int count, float *room, void *const *scratch, WctPool *pool,
                            WctMonitor *monitor, WctError *err);

/* For benchmarks: is told of each piece after it was made, on its thread, with seconds of the monotonic clock. NULL:
 * off.
 * @work: multiply-adds */
typedef void             WctPipelineTrace (const char *name, int thread, double start, double end, double work);
extern WctPipelineTrace *wct_pipeline_trace;

#endif
