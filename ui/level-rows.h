/* A row for each level: on or off, strength, back to the default; and a master strength above them. */
#ifndef WCT_UI_LEVEL_ROWS_H
#define WCT_UI_LEVEL_ROWS_H

#include <gtk/gtk.h>

#include <wct/params.h>

typedef struct WctLevelRows WctLevelRows;

/* @changed: by the user. Lives as long as its widget. */
WctLevelRows *wct_level_rows_new (void (*changed) (gpointer user), gpointer user);
GtkWidget    *wct_level_rows_widget (WctLevelRows *rows);

/* Shows level_on and alpha, the master strength at 100 %. `changed` is not called. */
void wct_level_rows_set (WctLevelRows *rows, const WctParams *params);

/* Writes level_on, and alpha times the master strength. */
void wct_level_rows_get (const WctLevelRows *rows, WctParams *params);

/* What a row's reset goes back to. */
void wct_level_rows_set_defaults (WctLevelRows *rows, const WctParams *params);

/* Bit (level - 1): the model has it. Others cannot be turned on. */
void wct_level_rows_set_available (WctLevelRows *rows, unsigned levels);

#endif
