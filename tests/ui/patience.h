/* Waiting for what the main loop brings. A wait ends when it holds; one that never does ends the test, after
 * $WCT_TEST_PATIENCE_S seconds (600 where it is not set, however slow the machine: that is no measurement). */
#ifndef WCT_TEST_PATIENCE_H
#define WCT_TEST_PATIENCE_H

#include <glib.h>

#define UNTIL(condition) \
  for (const gint64 began_at = g_get_monotonic_time (); !(condition); patience_step (began_at, #condition))

/* UNTIL (shown > 3); or with a block of what to do before each step.
 * One step of the main loop. Fails the test where patience is at its end. */
void patience_step (gint64 began, const char *awaited);

/* What has been waiting in the main loop already; not what comes later. */
void patience_settle (void);

#endif
