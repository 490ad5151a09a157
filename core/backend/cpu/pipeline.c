#include "pipeline.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "mem.h"

#define SPIN_SECONDS 30e-6 /* about what waking a thread costs */

WctPipelineTrace *wct_pipeline_trace;

typedef struct
{
  WctStation     *stations;
  int             count;
  void *const    *scratch;
  WctMonitor     *monitor; /* the calling thread's */
  pthread_mutex_t lock;
  pthread_cond_t  changed;
  atomic_uint     changes; /* strips that were made; read without the lock while spinning */
  int             waiting; /* threads */
  int32_t         left;    /* pieces that are not made */
  double          work;    /* done, and not yet told to the monitor */
  bool            stop;
} Pipeline;

static void
needed (const WctStation *station, int32_t strip, int32_t *first, int32_t *last)
{
  *first = *last = strip;
  if (station->needs != NULL)
    station->needs (station, strip, first, last);
}

/* ---- Rings -------------------------------------------------------------------------------------------------- */

static int32_t
larger (int32_t a, int32_t b)
{
  return a > b ? a : b;
}

/* What @consumer reads at a time, and how far each of its strips takes it: one strip for each thread beyond the first
 * can then be made ahead. */
static int32_t
slots_for (const WctStation *consumer, int threads)
{
  int32_t span = 1, advance = 0, before = 0;

  for (int32_t strip = 0; strip < consumer->strips; strip++)
    {
      int32_t first, last;

      needed (consumer, strip, &first, &last);
      span = larger (span, last - first + 1);
      advance = larger (advance, first - before);
      before = first;
    }
  return span + (advance + 1) * threads;
}

size_t
wct_pipeline_size (WctStation *stations, int count, int threads)
{
  size_t floats = 0;

  for (int i = 0; i < count; i++)
    stations[i].consumer_count = 0;
  for (int i = 0; i < count; i++)
    if (stations[i].source != NULL)
      stations[i].source->consumers[stations[i].source->consumer_count++] = &stations[i];
  for (int i = 0; i < count; i++)
    {
      WctMapLayout *layout = &stations[i].out.layout;
      int32_t       slots = 1;

      if (layout->strips == 0 || stations[i].out.data != NULL)
        continue;
      for (int c = 0; c < stations[i].consumer_count; c++)
        slots = larger (slots, slots_for (stations[i].consumers[c], threads));
      layout->slots = slots < layout->strips ? slots : layout->strips;
      floats += wct_map_floats (layout);
    }
  return floats;
}

/* ---- Scheduling, under the lock ------------------------------------------------------------------------------ */

static bool
source_is_there (const WctStation *station)
{
  int32_t first, last;

  if (station->source == NULL)
    return true;
  needed (station, station->next_strip, &first, &last);
  return station->source->done > last;
}

/* The strip that was in the slot is used no more. */
static bool
slot_is_free (const WctStation *station)
{
  const int32_t old = station->next_strip - station->out.layout.slots;

  if (station->out.layout.strips == 0 || old < 0)
    return true;
  for (int c = 0; c < station->consumer_count; c++)
    {
      const WctStation *consumer = station->consumers[c];
      int32_t           first, last;

      if (consumer->done >= consumer->strips)
        continue;
      needed (consumer, consumer->done, &first, &last);
      if (first <= old)
        return false;
    }
  return true;
}

static bool
can_go_on (const WctStation *station)
{
  if (station->next_strip >= station->strips)
    return false;
  if (station->next_piece > 0) /* the strip was begun */
    return true;
  if (station->in_turn > 0 && station->next_strip >= station->in_turn
      && station->missing[station->next_strip - station->in_turn] > 0)
    return false;
  return source_is_there (station) && slot_is_free (station);
}

static WctStation *
take_piece (Pipeline *pipeline, int32_t *strip, int32_t *piece)
{
  for (int i = pipeline->count - 1; i >= 0; i--)
    {
      WctStation *station = &pipeline->stations[i];

      if (!can_go_on (station))
        continue;
      *strip = station->next_strip;
      *piece = station->next_piece++;
      if (station->next_piece == station->pieces)
        {
          station->next_strip++;
          station->next_piece = 0;
        }
      return station;
    }
  return NULL;
}

static double
work_of_piece (const WctStation *station)
{
  return station->work / station->strips / station->pieces;
}

static void
note_done (Pipeline *pipeline, WctStation *station, int32_t strip)
{
  pipeline->left--;
  pipeline->work += work_of_piece (station);
  if (--station->missing[strip] > 0)
    return;
  while (station->done < station->strips && station->missing[station->done] == 0)
    station->done++;
  atomic_fetch_add (&pipeline->changes, 1);
  if (pipeline->waiting > 0)
    pthread_cond_broadcast (&pipeline->changed);
}

/* ---- Threads ------------------------------------------------------------------------------------------------ */

/* On the calling thread only, and never under the lock: hooks may take their time. */
static void
tell_monitor (Pipeline *pipeline)
{
  const double work = pipeline->work;

  pipeline->work = 0;
  pthread_mutex_unlock (&pipeline->lock);
  const bool goes_on = wct_monitor_advance (pipeline->monitor, work);
  pthread_mutex_lock (&pipeline->lock);
  if (!goes_on)
    pipeline->stop = true;
}

static double
seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Until something changed: strips take around 100 microseconds, so it pays to look around for some before sleeping. */
static void
wait_for_change (Pipeline *pipeline)
{
  const unsigned before = atomic_load (&pipeline->changes);
  const double   until = seconds () + SPIN_SECONDS;

  pthread_mutex_unlock (&pipeline->lock);
  while (atomic_load (&pipeline->changes) == before && seconds () < until)
    sched_yield ();
  pthread_mutex_lock (&pipeline->lock);
  if (atomic_load (&pipeline->changes) != before)
    return;
  pipeline->waiting++;
  pthread_cond_wait (&pipeline->changed, &pipeline->lock);
  pipeline->waiting--;
}

static WctStatus
make_piece (const WctStation *station, int32_t strip, int32_t piece, int thread, void *scratch, WctError *err)
{
  const double start = wct_pipeline_trace == NULL ? 0 : seconds ();
  WctStatus    status = station->run (station, strip, piece, scratch, err);

  if (wct_pipeline_trace != NULL)
    wct_pipeline_trace (station->name, thread, start, seconds (), work_of_piece (station));
  return status;
}

static WctStatus
work (void *data, int item, int thread, WctError *err)
{
  Pipeline *pipeline = data;
  WctStatus status = WCT_OK;

  (void)item;
  pthread_mutex_lock (&pipeline->lock);
  while (status == WCT_OK && pipeline->left > 0 && !pipeline->stop)
    {
      int32_t     strip, piece;
      WctStation *station = take_piece (pipeline, &strip, &piece);

      if (station == NULL)
        {
          wait_for_change (pipeline);
          continue;
        }
      pthread_mutex_unlock (&pipeline->lock);
      status = make_piece (station, strip, piece, thread, pipeline->scratch[thread], err);
      pthread_mutex_lock (&pipeline->lock);
      if (status != WCT_OK) /* nothing may be made of it */
        break;
      note_done (pipeline, station, strip);
      if (thread == 0)
        tell_monitor (pipeline);
    }
  if (status != WCT_OK)
    pipeline->stop = true;
  atomic_fetch_add (&pipeline->changes, 1);
  pthread_cond_broadcast (&pipeline->changed);
  pthread_mutex_unlock (&pipeline->lock);
  return status;
}

/* ---- Running ------------------------------------------------------------------------------------------------ */

static WctStatus
prepare (Pipeline *pipeline, float *room, int32_t **missing, WctError *err)
{
  size_t    strips = 0;
  WctStatus status;

  for (int i = 0; i < pipeline->count; i++)
    strips += (size_t)pipeline->stations[i].strips;
  status = wct_alloc (strips, sizeof **missing, "strips", missing, err);
  if (status != WCT_OK)
    return status;

  int32_t *next = *missing;
  for (int i = 0; i < pipeline->count; i++)
    {
      WctStation *station = &pipeline->stations[i];

      station->missing = next;
      next += station->strips;
      for (int32_t strip = 0; strip < station->strips; strip++)
        station->missing[strip] = station->pieces;
      station->next_strip = station->next_piece = 0;
      station->done = station->run == NULL ? station->out.layout.strips : 0;
      pipeline->left += station->strips * station->pieces;
      if (station->out.layout.strips == 0 || station->out.data != NULL)
        continue;
      station->out.data = room;
      room += wct_map_floats (&station->out.layout);
    }
  return WCT_OK;
}

WctStatus
wct_pipeline_run (WctStation *stations, int count, float *room, void *const *scratch, WctPool *pool,
                  WctMonitor *monitor, WctError *err)
{
  Pipeline  pipeline = { .stations = stations, .count = count, .scratch = scratch, .monitor = monitor };
  int32_t  *missing = NULL;
  WctStatus status;

  pthread_mutex_init (&pipeline.lock, NULL);
  pthread_cond_init (&pipeline.changed, NULL);
  WCT_TRY (prepare (&pipeline, room, &missing, err));
  WCT_TRY (wct_pool_run (pool, wct_pool_threads (pool), work, &pipeline, NULL, 0, err));
  if (!wct_monitor_advance (monitor, pipeline.work))
    status = wct_monitor_canceled (err);

out:
  wct_free (&missing);
  pthread_cond_destroy (&pipeline.changed);
  pthread_mutex_destroy (&pipeline.lock);
  return status;
}
