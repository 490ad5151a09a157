/* How much memory this process takes, and how much the machine has left for it. */
#ifndef WCT_MEMORY_H
#define WCT_MEMORY_H

#include <stddef.h>

#include <wct/status.h>

WCT_BEGIN_C

/* Bytes that can be taken without pushing others out: MemAvailable, or the control group's limit where that is lower.
 * SIZE_MAX where the system does not say. Any thread, as all here. */
WCT_API size_t wct_memory_available (void);

/* Bytes in use now, and at most so far; 0 where the system does not say. */
WCT_API size_t wct_memory_used (void);
WCT_API size_t wct_memory_peak (void);

WCT_END_C

#endif
