/* The dialog: style, presets, levels, preview. Main thread, after gtk_init. */
#ifndef WCT_UI_DIALOG_H
#define WCT_UI_DIALOG_H

#include <gtk/gtk.h>

#include "host.h"
#include "preview.h"
#include "session.h"

typedef struct WctDialog WctDialog;

/**
 * wct_dialog_new: not shown yet.
 * @host: borrowed, and must outlive the dialog
 * @settings: what it starts with; a style that is gone is none
 */
WctDialog *wct_dialog_new (WctHost *host, const WctSettings *settings);
void       wct_dialog_free (WctDialog **dialog); /* NULL is welcome; computing ends */

GtkWidget  *wct_dialog_window (WctDialog *dialog);
WctPreview *wct_dialog_preview (WctDialog *dialog);
WctSession *wct_dialog_session (WctDialog *dialog);

/**
 * wct_dialog_run: shows it, until it is closed.
 * @settings: the last that were applied, where there were any
 * Was anything applied?
 */
gboolean wct_dialog_run (WctDialog *dialog, WctSettings *settings);

#endif
