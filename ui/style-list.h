/* Where the styles come from, layers of open images or files, and how much there is of each: a list, and a square to
 * drag in; with the one that is selected large enough to be seen. One style alone has neither. */
#ifndef WCT_UI_STYLE_LIST_H
#define WCT_UI_STYLE_LIST_H

#include <gtk/gtk.h>

#include "host.h"

typedef struct WctStyleList WctStyleList;

/* What a list of styles or regions asks of the dialog. @get: fills in what there is now; @set: there are more or fewer
 * of them, and all is shown anew; @changed: by the user, or as what was chosen is gone; @save: a style, to a style file
 */
typedef struct
{
  void (*get) (gpointer user, WctSettings *settings);
  void (*set) (gpointer user, const WctSettings *settings);
  void (*changed) (gpointer user);
  void (*save) (gpointer user, gint index, const char *path); /* of styles only */
} WctListEvents;

/* Lives as long as its widget. */
WctStyleList *wct_style_list_new (WctHost *host, const WctListEvents *events, gpointer user);
GtkWidget    *wct_style_list_widget (WctStyleList *list);

/* Shows the settings' styles; no event. What is not there any more is none. */
void wct_style_list_set (WctStyleList *list, const WctSettings *settings);
void wct_style_list_get (const WctStyleList *list, WctSettings *settings); /* styles and weights */

/* What one of them is called; to be freed with g_free. */
char *wct_style_list_name (const WctStyleList *list, gint index);

#endif
