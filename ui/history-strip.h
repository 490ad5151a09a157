/* The last results, as small pictures in a row, the newest first: pressed, one comes back. */
#ifndef WCT_UI_HISTORY_STRIP_H
#define WCT_UI_HISTORY_STRIP_H

#include <gtk/gtk.h>

#include "kept-result.h"

#define WCT_HISTORY_MAX 12

typedef struct WctHistoryStrip WctHistoryStrip;

/* @chosen: pressed by the user; the result is the strip's, for the call. Lives as long as its widget. */
WctHistoryStrip *wct_history_strip_new (void (*chosen) (gpointer user, const WctKeptResult *kept), gpointer user);
GtkWidget       *wct_history_strip_widget (WctHistoryStrip *strip);

/* @kept: taken over; one with the same settings is replaced, and the oldest is dropped where there are too many. @name:
 * what people call it */
void wct_history_strip_add (WctHistoryStrip *strip, WctKeptResult *kept, const char *name);

#endif
