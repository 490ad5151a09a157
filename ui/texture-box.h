/* What a texture has besides: size and seed. */
#ifndef WCT_UI_TEXTURE_BOX_H
#define WCT_UI_TEXTURE_BOX_H

#include <gtk/gtk.h>

#include "settings.h"

typedef struct WctTextureBox WctTextureBox;

/* @changed: by the user. Lives as long as its widget. */
WctTextureBox *wct_texture_box_new (void (*changed) (gpointer user), gpointer user);
GtkWidget     *wct_texture_box_widget (WctTextureBox *box);

void wct_texture_box_set (WctTextureBox *box, const WctSettings *settings); /* `changed` is not called */
void wct_texture_box_get (const WctTextureBox *box, WctSettings *settings);

#endif
