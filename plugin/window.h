/* GTK 3 in a program that GIMP, which is GTK 2, has started: display, theme, and windows over its own. */
#ifndef WCT_PLUGIN_WINDOW_H
#define WCT_PLUGIN_WINDOW_H

#include <gtk/gtk.h>

/* FALSE: there is no display. */
gboolean wct_window_init (void);

/* Over the window that GIMP's progress, or an image, is in. Before it is shown. */
void wct_window_set_over_gimp (GtkWidget *window);

#endif
