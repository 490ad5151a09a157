/* A pool of threads that share numbered pieces of work.
 *
 * One batch at a time. Items are taken from an atomic counter, so fast threads do more; the caller works too, and
 * between its items it advances the monitor by what all threads have done. Layers take around a millisecond, so a
 * thread that runs out of work looks around for some microseconds before it sleeps. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"

#define SPIN_NANOSECONDS 30000 /* about what waking a thread costs */

typedef struct
{
  WctPool  *pool; /* borrowed */
  int       index;
  pthread_t thread;
} Worker;

struct WctPool
{
  int     threads; /* the caller's included */
  int     started; /* workers that exist: threads - 1 once made */
  Worker *workers; /* owned; (threads - 1) */

  pthread_mutex_t lock;
  pthread_cond_t  work_arrived, work_done;
  atomic_uint     generation; /* of the batch, under lock; read without while spinning */
  atomic_bool     quit;
  atomic_int      busy; /* workers inside the batch */

  /* The batch. Written under lock before generation rises. */
  WctPoolWork function;
  void       *data;
  int         count;
  atomic_int  next, finished;
  atomic_bool stop;

  pthread_mutex_t failure_lock;
  int             failed_item; /* the lowest that failed; count where none has */
  WctStatus       failure;
  WctError        error;
};

static void
note_failure (WctPool *pool, int item, WctStatus status, const WctError *error)
{
  pthread_mutex_lock (&pool->failure_lock);
  if (item < pool->failed_item)
    {
      pool->failed_item = item;
      pool->failure = status;
      pool->error = *error;
    }
  pthread_mutex_unlock (&pool->failure_lock);
  atomic_store (&pool->stop, true);
}

/* Does one item; false where none is left. */
static bool
work_on_next (WctPool *pool, int thread)
{
  if (atomic_load (&pool->stop))
    return false;

  const int item = atomic_fetch_add (&pool->next, 1);
  if (item >= pool->count)
    return false;

  WctError        error = { .status = WCT_OK };
  const WctStatus status = pool->function (pool->data, item, thread, &error);
  if (status != WCT_OK)
    note_failure (pool, item, status, &error);
  atomic_fetch_add (&pool->finished, 1);
  return true;
}

static int64_t
nanoseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Returns the generation of a batch that is not @seen, or @seen where the pool ends. */
static unsigned
wait_for_batch (WctPool *pool, unsigned seen)
{
  const int64_t until = nanoseconds () + SPIN_NANOSECONDS;

  while (atomic_load (&pool->generation) == seen && !atomic_load (&pool->quit) && nanoseconds () < until)
    sched_yield ();

  pthread_mutex_lock (&pool->lock);
  while (atomic_load (&pool->generation) == seen && !atomic_load (&pool->quit))
    pthread_cond_wait (&pool->work_arrived, &pool->lock);
  const unsigned now = atomic_load (&pool->generation);
  pthread_mutex_unlock (&pool->lock);
  return now;
}

static void
leave_batch (WctPool *pool)
{
  if (atomic_fetch_sub (&pool->busy, 1) != 1)
    return;
  pthread_mutex_lock (&pool->lock);
  pthread_cond_signal (&pool->work_done);
  pthread_mutex_unlock (&pool->lock);
}

static void *
worker_main (void *data)
{
  Worker  *self = data;
  WctPool *pool = self->pool;
  unsigned seen = 0;

  for (;;)
    {
      seen = wait_for_batch (pool, seen);
      if (atomic_load (&pool->quit))
        return NULL;
      while (work_on_next (pool, self->index))
        continue;
      leave_batch (pool);
    }
}

static void
begin_batch (WctPool *pool, int count, WctPoolWork function, void *data)
{
  pthread_mutex_lock (&pool->lock);
  pool->function = function;
  pool->data = data;
  pool->count = count;
  pool->failed_item = count;
  pool->failure = WCT_OK;
  atomic_store (&pool->next, 0);
  atomic_store (&pool->finished, 0);
  atomic_store (&pool->stop, false);
  atomic_store (&pool->busy, pool->started);
  atomic_fetch_add (&pool->generation, 1);
  pthread_cond_broadcast (&pool->work_arrived);
  pthread_mutex_unlock (&pool->lock);
}

static void
wait_for_workers (WctPool *pool)
{
  const int64_t until = nanoseconds () + SPIN_NANOSECONDS;

  while (atomic_load (&pool->busy) > 0 && nanoseconds () < until)
    sched_yield ();

  pthread_mutex_lock (&pool->lock);
  while (atomic_load (&pool->busy) > 0)
    pthread_cond_wait (&pool->work_done, &pool->lock);
  pthread_mutex_unlock (&pool->lock);
}

/* Reports what was finished since @reported items; stops the batch when the monitor says so. */
static int
advance (WctPool *pool, WctMonitor *monitor, double work_per_item, int reported)
{
  const int finished = atomic_load (&pool->finished);

  if (!wct_monitor_advance (monitor, work_per_item * (finished - reported)))
    atomic_store (&pool->stop, true);
  return finished;
}

WctStatus
wct_pool_run (WctPool *pool, int count, WctPoolWork function, void *data, WctMonitor *monitor, double work,
              WctError *err)
{
  int reported = 0;

  if (count < 1)
    return wct_monitor_advance (monitor, work) ? WCT_OK : wct_monitor_canceled (err);

  const double work_per_item = work / count;
  begin_batch (pool, count, function, data);
  do
    reported = advance (pool, monitor, work_per_item, reported);
  while (work_on_next (pool, 0));
  wait_for_workers (pool);
  advance (pool, monitor, work_per_item, reported);

  if (pool->failure != WCT_OK)
    return wct_error_set (err, pool->failure, "%s", pool->error.message);
  return monitor != NULL && monitor->canceled ? wct_monitor_canceled (err) : WCT_OK;
}

static WctStatus
start_workers (WctPool *pool, WctError *err)
{
  for (int i = 0; i < pool->threads - 1; i++)
    {
      Worker *worker = &pool->workers[i];

      worker->pool = pool;
      worker->index = i + 1;
      if (pthread_create (&worker->thread, NULL, worker_main, worker) != 0)
        return wct_error_set (err, WCT_ERR_NO_MEMORY, "thread %d of %d could not be started; ask for fewer threads",
                              i + 2, pool->threads);
      pool->started++;
    }
  return WCT_OK;
}

WctStatus
wct_pool_new (int threads, WctPool **out, WctError *err)
{
  WctPool  *pool = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *pool, "thread pool", &pool, err));
  pool->threads = threads;
  pthread_mutex_init (&pool->lock, NULL);
  pthread_mutex_init (&pool->failure_lock, NULL);
  pthread_cond_init (&pool->work_arrived, NULL);
  pthread_cond_init (&pool->work_done, NULL);
  WCT_TRY (wct_alloc ((size_t)(threads - 1), sizeof *pool->workers, "thread pool", &pool->workers, err));
  WCT_TRY (start_workers (pool, err));
  *out = pool;
  pool = NULL;

out:
  wct_pool_free (&pool);
  return status;
}

void
wct_pool_free (WctPool **pool_pointer)
{
  WctPool *pool = *pool_pointer;

  if (pool == NULL)
    return;
  pthread_mutex_lock (&pool->lock);
  atomic_store (&pool->quit, true);
  pthread_cond_broadcast (&pool->work_arrived);
  pthread_mutex_unlock (&pool->lock);
  for (int i = 0; i < pool->started; i++)
    pthread_join (pool->workers[i].thread, NULL);
  pthread_cond_destroy (&pool->work_done);
  pthread_cond_destroy (&pool->work_arrived);
  pthread_mutex_destroy (&pool->failure_lock);
  pthread_mutex_destroy (&pool->lock);
  wct_free (&pool->workers);
  wct_free (pool_pointer);
}

int
wct_pool_threads (const WctPool *pool)
{
  return pool->threads;
}

int
wct_processor_count (void)
{
  cpu_set_t set;

  if (sched_getaffinity (0, sizeof set, &set) == 0)
    return CPU_COUNT (&set);

  /* More processors than cpu_set_t has bits for. */
  const long online = sysconf (_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}
