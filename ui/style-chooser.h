/* Where the style comes from: a layer of any open image, or a picture file; with all of it to be seen. */
#ifndef WCT_UI_STYLE_CHOOSER_H
#define WCT_UI_STYLE_CHOOSER_H

#include <gtk/gtk.h>

#include "host.h"

typedef struct WctStyleChooser WctStyleChooser;

/* @changed: by the user, or as what was chosen is gone. Lives as long as its widget. */
WctStyleChooser *wct_style_chooser_new (WctHost *host, void (*changed) (gpointer user), gpointer user);
GtkWidget       *wct_style_chooser_widget (WctStyleChooser *chooser);

/* Titles on the left, controls on the right: from this line on there is room for others. */
#define WCT_STYLE_CHOOSER_FREE_LINE 2
GtkWidget *wct_style_chooser_grid (WctStyleChooser *chooser);

/* Shows the settings' style; `changed` is not called. What is not there any more is none. */
void wct_style_chooser_set (WctStyleChooser *chooser, const WctSettings *settings);
void wct_style_chooser_get (const WctStyleChooser *chooser, WctSettings *settings);

/* Asks the host once more what there is. */
void wct_style_chooser_refresh (WctStyleChooser *chooser);

#endif
