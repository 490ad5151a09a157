#include "widgets.h"

#define ZERO_TEXT "wct-zero-text"

static const char style_sheet[] =
  ".wct-compact { min-height: 24px; padding-top: 1px; padding-bottom: 1px; }"
  "spinbutton.wct-compact, spinbutton.wct-compact entry { min-height: 24px; padding-top: 1px; padding-bottom: 1px; }"
  "spinbutton.wct-compact button { min-height: 20px; min-width: 20px; padding: 0 2px; }"
  "button.wct-compact { padding-left: 5px; padding-right: 5px; }"
  "button.image-button.wct-compact { min-width: 20px; padding-left: 2px; padding-right: 2px; }"
  "checkbutton.wct-compact check:dir(ltr) { margin-left: 0; }"
  "checkbutton.wct-compact check:dir(rtl) { margin-right: 0; }"
  "flowboxchild.wct-compact { padding: 0; }"
  "scale.wct-compact { min-height: 0; }"
  "combobox.wct-compact button.combo { padding-top: 1px; padding-bottom: 1px; min-height: 24px; }";

/* Once for each display. */
static void
add_style_sheet (GdkScreen *screen)
{
  GtkCssProvider *css;

  if (g_object_get_data (G_OBJECT (screen), "wct-style-sheet") != NULL)
    return;
  css = gtk_css_provider_new ();
  gtk_css_provider_load_from_data (css, style_sheet, -1, NULL);
  gtk_style_context_add_provider_for_screen (screen, GTK_STYLE_PROVIDER (css), GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
  g_object_set_data_full (G_OBJECT (screen), "wct-style-sheet", css, g_object_unref);
}

void
wct_widget_make_compact (GtkWidget *widget)
{
  add_style_sheet (gtk_widget_get_screen (widget));
  gtk_style_context_add_class (gtk_widget_get_style_context (widget), "wct-compact");
}

void
wct_image_set (GtkWidget *image, GdkPixbuf *pixbuf)
{
  cairo_surface_t *surface;

  if (pixbuf == NULL)
    {
      gtk_image_set_from_icon_name (GTK_IMAGE (image), "image-missing-symbolic", GTK_ICON_SIZE_DIALOG);
      return;
    }
  surface = gdk_cairo_surface_create_from_pixbuf (pixbuf, gtk_widget_get_scale_factor (image), NULL);
  gtk_image_set_from_surface (GTK_IMAGE (image), surface);
  cairo_surface_destroy (surface);
}

const WctParamInfo *
wct_param_find (const char *name)
{
  size_t              count;
  const WctParamInfo *info = wct_params_table (&count);

  while (!g_str_equal (info->name, name))
    info++;
  return info;
}

GtkWidget *
wct_scale_new (GtkAdjustment *adjustment)
{
  GtkWidget *scale = gtk_scale_new (GTK_ORIENTATION_HORIZONTAL, adjustment);

  gtk_scale_set_draw_value (GTK_SCALE (scale), FALSE);
  gtk_widget_set_hexpand (scale, TRUE);
  gtk_widget_set_size_request (scale, 90, -1);
  wct_widget_make_compact (scale);
  return scale;
}

GtkWidget *
wct_spin_new (GtkAdjustment *adjustment, guint digits)
{
  GtkWidget *spin = gtk_spin_button_new (adjustment, 0, digits);

  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (spin), TRUE);
  gtk_entry_set_activates_default (GTK_ENTRY (spin), TRUE);
  gtk_entry_set_width_chars (GTK_ENTRY (spin), 4);
  wct_widget_make_compact (spin);
  return spin;
}

GtkWidget *
wct_unit_new (const char *unit)
{
  GtkWidget *label = gtk_label_new (unit);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_width_chars (GTK_LABEL (label), 2);
  gtk_style_context_add_class (gtk_widget_get_style_context (label), GTK_STYLE_CLASS_DIM_LABEL);
  return label;
}

static gboolean
show_zero (GtkSpinButton *spin, gpointer user)
{
  (void)user;
  if (gtk_spin_button_get_value (spin) != 0)
    return FALSE;
  gtk_entry_set_text (GTK_ENTRY (spin), g_object_get_data (G_OBJECT (spin), ZERO_TEXT));
  return TRUE;
}

static gint
read_zero (GtkSpinButton *spin, double *value, gpointer user)
{
  (void)user;
  if (!g_str_equal (gtk_entry_get_text (GTK_ENTRY (spin)), g_object_get_data (G_OBJECT (spin), ZERO_TEXT)))
    return FALSE;
  *value = 0;
  return TRUE;
}

void
wct_spin_set_zero_text (GtkWidget *spin, const char *text)
{
  g_object_set_data_full (G_OBJECT (spin), ZERO_TEXT, g_strdup (text), g_free);
  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (spin), FALSE);
  gtk_entry_set_width_chars (GTK_ENTRY (spin), MAX (4, (gint)g_utf8_strlen (text, -1)));
  g_signal_connect (spin, "output", G_CALLBACK (show_zero), NULL);
  g_signal_connect (spin, "input", G_CALLBACK (read_zero), NULL);
  gtk_spin_button_update (GTK_SPIN_BUTTON (spin));
}

GtkWidget *
wct_icon_button_new (const char *icon, const char *tooltip)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon, GTK_ICON_SIZE_BUTTON);

  gtk_button_set_relief (GTK_BUTTON (button), GTK_RELIEF_NONE);
  gtk_widget_set_tooltip_text (button, tooltip);
  wct_widget_describe (button, tooltip, NULL);
  wct_widget_make_compact (button);
  return button;
}

void
wct_widget_describe (GtkWidget *widget, const char *name, const char *description)
{
  AtkObject *accessible = gtk_widget_get_accessible (widget);

  atk_object_set_name (accessible, name);
  if (description != NULL)
    atk_object_set_description (accessible, description);
}

static void
set_name (GtkWidget *widget, const char *name, const char *part)
{
  char *whole = g_strconcat (name, part, NULL);

  if (widget != NULL)
    gtk_widget_set_name (widget, whole);
  g_free (whole);
}

void
wct_widget_set_names (const char *name, GtkWidget *title, GtkWidget *scale, GtkWidget *spin, GtkWidget *reset)
{
  set_name (title, name, "");
  set_name (scale, name, "-scale");
  set_name (spin, name, "-spin");
  set_name (reset, name, "-reset");
}

GtkWidget *
wct_section_new (const char *title, GtkWidget *content)
{
  GtkWidget     *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 4), *label = gtk_label_new (title);
  PangoAttrList *bold = pango_attr_list_new ();

  pango_attr_list_insert (bold, pango_attr_weight_new (PANGO_WEIGHT_BOLD));
  gtk_label_set_attributes (GTK_LABEL (label), bold);
  pango_attr_list_unref (bold);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_container_add (GTK_CONTAINER (box), label);
  gtk_container_add (GTK_CONTAINER (box), content);
  return box;
}
