/* Counts work done against work planned and calls the hooks: progress at most once for each percent, never falling. */
#ifndef WCT_MONITOR_H
#define WCT_MONITOR_H

#include <stdbool.h>

#include <wct/hooks.h>
#include <wct/status.h>

typedef struct
{
  const WctHooks *hooks; /* borrowed; may be NULL */
  double          planned, done;
  int             percent; /* last reported, -1 before the first */
  bool            canceled;
} WctMonitor;

void wct_monitor_init (WctMonitor *monitor, const WctHooks *hooks, double planned);

/* Adds @work, reports, asks whether to stop. False once canceled, and ever after. @monitor may be NULL: true. */
bool wct_monitor_advance (WctMonitor *monitor, double work);

/* WCT_CANCELED with its sentence. */
WctStatus wct_monitor_canceled (WctError *err);

#endif
