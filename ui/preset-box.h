/* Presets to be pressed, and the user's own in a list below a button. */
#ifndef WCT_UI_PRESET_BOX_H
#define WCT_UI_PRESET_BOX_H

#include <gtk/gtk.h>

#include "presets.h"

/* @get: fills in what there is now, to be saved or changed; @set: a preset was chosen; @refused: one sentence */
typedef struct
{
  void (*get) (gpointer user, WctSettings *settings);
  void (*set) (gpointer user, const WctSettings *settings);
  void (*refused) (gpointer user, const char *sentence);
} WctPresetEvents;

GtkWidget *wct_preset_box_new (const WctPresetEvents *events, gpointer user);

#endif
