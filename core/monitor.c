/* Progress and cancel for long calls. */
#include "monitor.h"

#include <stddef.h>

void
wct_monitor_init (WctMonitor *monitor, const WctHooks *hooks, double planned)
{
  *monitor = (WctMonitor){ .hooks = hooks, .planned = planned, .percent = -1 };
}

static void
report (WctMonitor *monitor)
{
  double share = monitor->planned > 0 ? monitor->done / monitor->planned : 1;

  if (share > 1 - 1e-9) /* sums of rounded pieces may miss the plan by some ulps, either way */
    share = 1;

  const int percent = (int)(share * 100);
  if (percent > monitor->percent)
    {
      monitor->percent = percent;
      monitor->hooks->progress (monitor->hooks->user, share);
    }
}

bool
wct_monitor_advance (WctMonitor *monitor, double work)
{
  if (monitor == NULL)
    return true;
  monitor->done += work;
  if (monitor->canceled || monitor->hooks == NULL)
    return !monitor->canceled;
  if (monitor->hooks->canceled != NULL && monitor->hooks->canceled (monitor->hooks->user))
    monitor->canceled = true;
  else if (monitor->hooks->progress != NULL)
    report (monitor);
  return !monitor->canceled;
}

WctStatus
wct_monitor_canceled (WctError *err)
{
  return wct_error_set (err, WCT_CANCELED, "canceled");
}
