/* Small widgets, made the same way everywhere: named for tests and style sheets, described for screen readers. */
#ifndef WCT_UI_WIDGETS_H
#define WCT_UI_WIDGETS_H

#include <gtk/gtk.h>

#include <wct/params.h>

GtkWidget *wct_scale_new (GtkAdjustment *adjustment); /* horizontal, grows, without digits */
GtkWidget *wct_spin_new (GtkAdjustment *adjustment, guint digits);
void       wct_spin_set_zero_text (GtkWidget *spin, const char *text);  /* shown for 0; "0" can still be typed */
GtkWidget *wct_unit_new (const char *unit);                             /* "%", "px": what a number counts */
GtkWidget *wct_icon_button_new (const char *icon, const char *tooltip); /* the tooltip is its name, too */

/* Lower than usual: where there are many. */
void wct_widget_make_compact (GtkWidget *widget);

/* A picture in a size of the screen's pixels, from one with as many as the widget's scale factor makes of them; a sign
 * that it is missing, where it is NULL. */
void wct_image_set (GtkWidget *image, GdkPixbuf *pixbuf);

/* A row of the table, by its name. */
const WctParamInfo *wct_param_find (const char *name);

/* For screen readers. @description: NULL for none */
void wct_widget_describe (GtkWidget *widget, const char *name, const char *description);

/* "relu5", "relu5-scale", "relu5-spin", "relu5-reset": what the parts of a row are found by. NULL is welcome. */
void wct_widget_set_names (const char *name, GtkWidget *title, GtkWidget *scale, GtkWidget *spin, GtkWidget *reset);

/* A title above its content, in a box. */
GtkWidget *wct_section_new (const char *title, GtkWidget *content);

#endif
