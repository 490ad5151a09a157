/* A square with a style at each corner: where the handle is says how much of each there is. */
#ifndef WCT_UI_BLEND_PAD_H
#define WCT_UI_BLEND_PAD_H

#include <gtk/gtk.h>

#define WCT_BLEND_PAD_STYLES 4

typedef struct WctBlendPad WctBlendPad;

/* @changed: by the user. Lives as long as its widget. */
WctBlendPad *wct_blend_pad_new (void (*changed) (gpointer user), gpointer user);
GtkWidget   *wct_blend_pad_widget (WctBlendPad *pad);

/* 2 to WCT_BLEND_PAD_STYLES of them: left and right; and one below both; or one at each corner. @pictures: borrowed;
 * any may be NULL */
void wct_blend_pad_set_styles (WctBlendPad *pad, int count, GdkPixbuf *const *pictures);

/* Moves the handle to where these are, as far as there is such a place; `changed` is not called. */
void wct_blend_pad_set (WctBlendPad *pad, const double *weights);

/* Of the handle's place: 0 to 1, together 1. */
void wct_blend_pad_get (const WctBlendPad *pad, double *weights);

#endif
