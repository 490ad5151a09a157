/* Parts of the picture with a style of their own: for each a mask, one of the styles or their blend, and a strength. */
#ifndef WCT_UI_REGION_LIST_H
#define WCT_UI_REGION_LIST_H

#include <gtk/gtk.h>

#include "host.h"
#include "style-list.h"

typedef struct WctRegionList WctRegionList;

/* Lives as long as its widget. */
WctRegionList *wct_region_list_new (WctHost *host, const WctListEvents *events, gpointer user);
GtkWidget     *wct_region_list_widget (WctRegionList *list);

/* Shows the settings' places; no event. @styles: gives what the styles are called */
void wct_region_list_set (WctRegionList *list, const WctSettings *settings, const WctStyleList *styles);
void wct_region_list_get (const WctRegionList *list, WctSettings *settings); /* places */

#endif
