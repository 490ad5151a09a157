/* Rows of the table of parameters as widgets, all made the same way: title, slider, number, unit, back to the default.
 */
#ifndef WCT_UI_PARAM_ROWS_H
#define WCT_UI_PARAM_ROWS_H

#include <gtk/gtk.h>

#include "settings.h"

typedef struct WctParamRows WctParamRows;

/**
 * wct_param_rows_new: rows for these parameters.
 * @names: of the table, ended by NULL; borrowed for the call
 * @titles: horizontal; rows whose titles share one line up
 * @changed: by the user
 * Lives as long as its widget. The parts of a row are called after it: "damping", "damping-scale", "damping-spin",
 * "damping-check", "damping-reset".
 */
WctParamRows *wct_param_rows_new (const char *const *names, GtkSizeGroup *titles, void (*changed) (gpointer user),
                                  gpointer user);
GtkWidget    *wct_param_rows_widget (WctParamRows *rows);

/* Those that this mode has are to be seen, and go back to its defaults. */
void wct_param_rows_set_mode (WctParamRows *rows, WctMode mode);

void wct_param_rows_set (WctParamRows *rows, const WctParams *params); /* `changed` is not called */
void wct_param_rows_get (const WctParamRows *rows, WctParams *params);

#endif
