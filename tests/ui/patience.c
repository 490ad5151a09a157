#include "patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TICK_MS 20

/* Lets a blocking step return, so that time is looked at. */
static gboolean
tick (gpointer user)
{
  *(gboolean *)user = TRUE;
  return G_SOURCE_REMOVE;
}

void
patience_step (gint64 began, const char *awaited)
{
  const char  *seconds = g_getenv ("WCT_TEST_PATIENCE_S");
  const gint64 patience = (seconds == NULL ? 600 : g_ascii_strtoll (seconds, NULL, 10)) * G_USEC_PER_SEC;
  gboolean     ticked = FALSE;
  const guint  timer = g_timeout_add (TICK_MS, tick, &ticked);

  if (g_get_monotonic_time () - began > patience)
    fail_msg ("waited in vain for: %s", awaited);
  g_main_context_iteration (NULL, TRUE);
  if (!ticked)
    g_source_remove (timer);
}

void
patience_settle (void)
{
  for (int i = 0; i < 1000 && g_main_context_pending (NULL); i++)
    g_main_context_iteration (NULL, FALSE);
}
