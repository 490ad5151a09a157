/* The picture in the dialog: fits the window or is zoomed, before and after divided by a line that can be dragged. */
#ifndef WCT_UI_PREVIEW_H
#define WCT_UI_PREVIEW_H

#include <gtk/gtk.h>

#include "session.h"

typedef struct WctPreview WctPreview;

/* @viewed: another part is looked at; @part NULL: all; scale: device pixels for a pixel of the content */
typedef void (*WctPreviewViewed) (gpointer user, const WctPart *part, double scale);

/* Lives as long as its widget. */
WctPreview *wct_preview_new (WctPreviewViewed viewed, gpointer user);
GtkWidget  *wct_preview_widget (WctPreview *preview);

/* Shows it, where it belongs. The picture stays while another is computed. */
void wct_preview_show (WctPreview *preview, const WctPreviewed *what);

/* Nothing is shown but this sentence, until there is something; NULL: none. */
void wct_preview_refuse (WctPreview *preview, const char *sentence);

void wct_preview_set_split (WctPreview *preview, gboolean split);

/* 0: fit the window. 1: a pixel for a pixel. */
void     wct_preview_set_zoom (WctPreview *preview, double zoom);
double   wct_preview_zoom (const WctPreview *preview); /* screen pixels for a pixel of the content, as shown */
gboolean wct_preview_fits (const WctPreview *preview);

/* How many pictures were drawn so far that had not been before: tests wait for the next. */
guint64 wct_preview_drawn (const WctPreview *preview);

#endif
