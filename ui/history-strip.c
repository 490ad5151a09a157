#include "history-strip.h"

#include "i18n.h"
#include "widgets.h"

#define SIDE_PX 44

struct WctHistoryStrip
{
  GtkWidget *scrolled, *row;
  void (*chosen) (gpointer user, const WctKeptResult *kept);
  gpointer user;
};

#define KEPT "wct-kept"

static const WctKeptResult *
kept_of (gpointer button)
{
  return g_object_get_data (G_OBJECT (button), KEPT);
}

static void
free_kept (gpointer data)
{
  WctKeptResult *kept = data;

  wct_kept_result_free (&kept);
}

/* The middle of it, in a square. */
static cairo_surface_t *
thumbnail_of (const WctImage *image, gint side, gint scale)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, side * scale, side * scale);
  guchar          *bytes = cairo_image_surface_get_data (surface);
  const gint       stride = cairo_image_surface_get_stride (surface), pixels = side * scale;
  const gint       square = MIN (image->width, image->height);

  for (gint y = 0; y < pixels; y++)
    for (gint x = 0; x < pixels; x++)
      {
        const gint   from_x = (image->width - square) / 2 + x * square / pixels;
        const gint   from_y = (image->height - square) / 2 + y * square / pixels;
        const float *from = image->pixels + ((gsize)from_y * (gsize)image->width + (gsize)from_x) * 3;
        guint32     *to = (guint32 *)(gpointer)(bytes + (gsize)y * (gsize)stride);

        to[x] = 0;
        for (int c = 0; c < 3; c++)
          to[x] = to[x] << 8 | (guint32)(CLAMP (from[c], 0.0f, 1.0f) * 255 + 0.5f);
      }
  cairo_surface_mark_dirty (surface);
  cairo_surface_set_device_scale (surface, scale, scale);
  return surface;
}

static void
pressed (GtkButton *button, gpointer user)
{
  WctHistoryStrip *strip = user;
  WctKeptResult   *kept = wct_kept_result_copy (kept_of (button));

  strip->chosen (strip->user, kept);
  wct_kept_result_free (&kept);
}

static GtkWidget *
make_button (WctHistoryStrip *strip, WctKeptResult *kept, const char *name)
{
  GtkWidget       *button = gtk_button_new ();
  cairo_surface_t *surface =
    thumbnail_of (&kept->preview.after->image, SIDE_PX, gtk_widget_get_scale_factor (strip->row));
  char *tooltip = g_strdup_printf ("%s\n%s", name, _ ("Back to these settings and their result"));

  gtk_button_set_image (GTK_BUTTON (button), gtk_image_new_from_surface (surface));
  gtk_button_set_always_show_image (GTK_BUTTON (button), TRUE);
  gtk_button_set_relief (GTK_BUTTON (button), GTK_RELIEF_NONE);
  gtk_widget_set_tooltip_text (button, tooltip);
  wct_widget_describe (button, name, _ ("Back to these settings and their result"));
  wct_widget_make_compact (button);
  g_object_set_data_full (G_OBJECT (button), KEPT, kept, free_kept);
  g_signal_connect (button, "clicked", G_CALLBACK (pressed), strip);
  gtk_widget_show_all (button);
  cairo_surface_destroy (surface);
  g_free (tooltip);
  return button;
}

/* Those with the same settings, and those that are too many. */
static void
drop_others (WctHistoryStrip *strip, const WctKeptResult *kept)
{
  GList *buttons = gtk_container_get_children (GTK_CONTAINER (strip->row));
  gint   left = 0;

  for (GList *at = buttons; at != NULL; at = at->next)
    if (wct_settings_same (&kept_of (at->data)->settings, &kept->settings) || left == WCT_HISTORY_MAX - 1)
      gtk_widget_destroy (at->data);
    else
      left++;
  g_list_free (buttons);
}

static void
name_all (WctHistoryStrip *strip)
{
  GList *buttons = gtk_container_get_children (GTK_CONTAINER (strip->row));
  gint   i = 0;

  for (GList *at = buttons; at != NULL; at = at->next)
    {
      char *name = g_strdup_printf ("history-%d", i++);

      gtk_widget_set_name (at->data, name);
      g_free (name);
    }
  g_list_free (buttons);
}

/* It has no bar: the wheel moves it, either way that it turns. */
static gboolean
scrolled (GtkWidget *widget, GdkEventScroll *event, gpointer user)
{
  GtkAdjustment *across = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (widget));
  double         x = 0, y = 0;

  (void)user;
  if (!gdk_event_get_scroll_deltas ((GdkEvent *)event, &x, &y))
    x = event->direction == GDK_SCROLL_UP || event->direction == GDK_SCROLL_LEFT ? -1 : 1;
  gtk_adjustment_set_value (across, gtk_adjustment_get_value (across) + (x + y) * SIDE_PX);
  return TRUE;
}

void
wct_history_strip_add (WctHistoryStrip *strip, WctKeptResult *kept, const char *name)
{
  GtkWidget *button;

  drop_others (strip, kept);
  button = make_button (strip, kept, name);
  gtk_container_add (GTK_CONTAINER (strip->row), button);
  gtk_box_reorder_child (GTK_BOX (strip->row), button, 0);
  name_all (strip);
}

WctHistoryStrip *
wct_history_strip_new (void (*chosen) (gpointer user, const WctKeptResult *kept), gpointer user)
{
  WctHistoryStrip *strip = g_new0 (WctHistoryStrip, 1);

  strip->chosen = chosen;
  strip->user = user;
  strip->row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 2);
  strip->scrolled = gtk_scrolled_window_new (NULL, NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (strip->scrolled), GTK_POLICY_EXTERNAL, GTK_POLICY_NEVER);
  gtk_widget_set_size_request (strip->scrolled, SIDE_PX + 8, SIDE_PX + 8);
  gtk_widget_set_name (strip->row, "history");
  g_signal_connect (strip->scrolled, "scroll-event", G_CALLBACK (scrolled), NULL);
  gtk_container_add (GTK_CONTAINER (strip->scrolled), strip->row);
  g_object_set_data_full (G_OBJECT (strip->scrolled), "wct-history-strip", strip, g_free);
  return strip;
}

GtkWidget *
wct_history_strip_widget (WctHistoryStrip *strip)
{
  return strip->scrolled;
}
