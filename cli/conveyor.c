/* One lock, one condition, and a count of what each station has done. */
#include "conveyor.h"

#include <glib.h>

#include "exit-status.h"

typedef struct
{
  WctStation *const *stations;
  void              *user;
  GMutex             lock;
  GCond              changed;
  size_t             done[WCT_STATIONS];
  size_t             end; /* items from here on are not begun */
  WctStatus          status;
  WctError           error;
} Conveyor;

/* Is the item there, or room for it? */
static bool
may_begin (const Conveyor *conveyor, int station, size_t index)
{
  return station > 0 ? index < conveyor->done[station - 1]
                     : index < conveyor->done[WCT_STATIONS - 1] + WCT_CONVEYOR_SLOTS;
}

static bool
wait_for_item (Conveyor *conveyor, int station, size_t index)
{
  bool there;

  g_mutex_lock (&conveyor->lock);
  while (index < conveyor->end && !may_begin (conveyor, station, index))
    g_cond_wait (&conveyor->changed, &conveyor->lock);
  there = index < conveyor->end;
  g_mutex_unlock (&conveyor->lock);
  return there;
}

static void
note_outcome (Conveyor *conveyor, int station, size_t index, WctStatus status, const WctError *error)
{
  g_mutex_lock (&conveyor->lock);
  if (status == WCT_OK)
    conveyor->done[station] = index + 1;
  else if (index < conveyor->end)
    {
      conveyor->end = index;
      conveyor->status = status;
      conveyor->error = *error;
    }
  g_cond_broadcast (&conveyor->changed);
  g_mutex_unlock (&conveyor->lock);
}

static void
run_station (Conveyor *conveyor, int station)
{
  WctStatus status = WCT_OK;

  for (size_t i = 0; status == WCT_OK && wait_for_item (conveyor, station, i); i++)
    {
      WctError error;

      status = conveyor->stations[station](conveyor->user, i, &error);
      note_outcome (conveyor, station, i, status, &error);
    }
}

static void *
run_first (void *conveyor)
{
  run_station (conveyor, 0);
  return NULL;
}

static void *
run_last (void *conveyor)
{
  run_station (conveyor, WCT_STATIONS - 1);
  return NULL;
}

static WctStatus
run_side_by_side (size_t count, WctStation *const *stations, void *user, WctError *err)
{
  Conveyor conveyor = { .stations = stations, .user = user, .end = count };
  GThread *first, *last;

  g_mutex_init (&conveyor.lock);
  g_cond_init (&conveyor.changed);
  first = g_thread_new ("read", run_first, &conveyor);
  last = g_thread_new ("write", run_last, &conveyor);
  run_station (&conveyor, 1);
  g_thread_join (first);
  g_thread_join (last);
  g_cond_clear (&conveyor.changed);
  g_mutex_clear (&conveyor.lock);
  if (conveyor.status != WCT_OK)
    return wct_error_set (err, conveyor.status, "%s", conveyor.error.message);
  return WCT_OK;
}

WctStatus
wct_conveyor_run (size_t count, bool side_by_side, WctStation *const stations[WCT_STATIONS], void *user, WctError *err)
{
  WctStatus status = WCT_OK;

  if (side_by_side && count > 1)
    return run_side_by_side (count, stations, user, err);
  for (size_t i = 0; i < count; i++)
    for (int k = 0; k < WCT_STATIONS; k++)
      WCT_TRY (stations[k](user, i, err));

out:
  return status;
}
