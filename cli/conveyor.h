/* Items in a row through three stations: read, work, write. */
#ifndef WCT_CLI_CONVEYOR_H
#define WCT_CLI_CONVEYOR_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

#define WCT_STATIONS       3
#define WCT_CONVEYOR_SLOTS 3 /* items on the way at once: item i may be kept in slot i % WCT_CONVEYOR_SLOTS */

/* Does its part of item @index, in order. A failure stops the conveyor. */
typedef WctStatus WctStation (void *user, size_t index, WctError *err);

/**
 * wct_conveyor_run: all items through all stations.
 * @side_by_side: the first and the last station run on threads of their own; the middle one stays on the caller's. Else
 *                everything does
 * Where a station fails at an item, what comes after it is not begun, and what is before it is finished; the failure of
 * the first such item is returned.
 */
WctStatus wct_conveyor_run (size_t count, bool side_by_side, WctStation *const stations[WCT_STATIONS], void *user,
                            WctError *err);

#endif
