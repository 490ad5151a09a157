/* Small widgets, made the same way everywhere: named for tests and style sheets, described for screen readers. */
#ifndef WCT_UI_WIDGETS_H
#define WCT_UI_WIDGETS_H

#include <gtk/gtk.h>

GtkWidget *wct_scale_new (GtkAdjustment *adjustment); /* horizontal, grows, without digits */
GtkWidget *wct_spin_new (GtkAdjustment *adjustment, guint digits);
void       wct_spin_set_zero_text (GtkWidget *spin, const char *text);  /* shown for 0; "0" can still be typed */
GtkWidget *wct_icon_button_new (const char *icon, const char *tooltip); /* the tooltip is its name, too */

/* For screen readers. @description: NULL for none */
void wct_widget_describe (GtkWidget *widget, const char *name, const char *description);

/* "relu5", "relu5-scale", "relu5-spin", "relu5-reset": what the parts of a row are found by. NULL is welcome. */
void wct_widget_set_names (const char *name, GtkWidget *title, GtkWidget *scale, GtkWidget *spin, GtkWidget *reset);

/* A title above its content, in a box. */
GtkWidget *wct_section_new (const char *title, GtkWidget *content);

#endif
