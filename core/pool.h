/* A pool of threads that share numbered pieces of work. The thread that calls is one of them. */
#ifndef WCT_POOL_H
#define WCT_POOL_H

#include <wct/status.h>

#include "monitor.h"

typedef struct WctPool WctPool;

/* @threads: 1 or more, the caller's thread included. */
WctStatus wct_pool_new (int threads, WctPool **out, WctError *err);
void      wct_pool_free (WctPool **pool);
int       wct_pool_threads (const WctPool *pool);

/* @item: 0 … count - 1; @thread: 0 … threads - 1, to find its own scratch. */
typedef WctStatus (*WctPoolWork) (void *data, int item, int thread, WctError *err);

/**
 * wct_pool_run: do @count items, in any order, on all threads, and wait.
 * @monitor: advanced by @work in all, on the calling thread only; may be NULL
 * The first failure (by order of items among those that ran) stops the rest and is returned; WCT_CANCELED likewise.
 * What an item computes must not depend on which thread runs it.
 */
WctStatus wct_pool_run (WctPool *pool, int count, WctPoolWork function, void *data, WctMonitor *monitor, double work,
                        WctError *err);

/* Processors that this process may use (its affinity mask), at least 1. */
int wct_processor_count (void);

#endif
