#include "preview.h"

#include <math.h>

#include "i18n.h"

#define ZOOM_MAX      8.0
#define ZOOM_STEP     1.25
#define GRIP_PX       10 /* how near to the line a press takes it */
#define WIDTH_MIN_PX  260
#define HEIGHT_MIN_PX 220
#define VIEW_MARGIN   16 /* pixels of the content beside what is seen: borders are mirrored */

typedef enum
{
  DRAG_NOTHING,
  DRAG_SPLIT,
  DRAG_PICTURE
} Drag;

struct WctPreview
{
  GtkWidget       *area;
  WctPreviewViewed viewed;
  gpointer         user;
  cairo_surface_t *before, *after; /* NULL: nothing yet */
  WctPart          part;           /* where they belong */
  gint             width, height;  /* of the content */
  char            *sentence;       /* NULL: none */
  double           zoom;           /* 0: fits */
  double           x, y;           /* of the content, in the middle */
  gboolean         split;
  double           line; /* of the area's width */
  Drag             drag;
  double           drag_x, drag_y;
  gboolean         fresh; /* not drawn yet */
  guint64          drawn;
};

/* ---- Pixels ------------------------------------------------------------------------------------------------- */

static guint32
byte_of (float value)
{
  return (guint32)(CLAMP (value, 0.0f, 1.0f) * 255 + 0.5f);
}

static cairo_surface_t *
surface_of (const WctImage *image)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, image->width, image->height);
  const gsize      stride = (gsize)cairo_image_surface_get_stride (surface);
  guchar          *bytes = cairo_image_surface_get_data (surface);

  for (gint y = 0; bytes != NULL && y < image->height; y++)
    {
      const float *from = image->pixels + (gsize)y * (gsize)image->width * 3;
      guint32     *to = (guint32 *)(gpointer)(bytes + (gsize)y * stride);

      for (gint x = 0; x < image->width; x++)
        to[x] = byte_of (from[3 * x]) << 16 | byte_of (from[3 * x + 1]) << 8 | byte_of (from[3 * x + 2]);
    }
  cairo_surface_mark_dirty (surface);
  return surface;
}

/* ---- Geometry ----------------------------------------------------------------------------------------------- */

static double
fitting_zoom (const WctPreview *preview)
{
  const double across = (double)gtk_widget_get_allocated_width (preview->area) / MAX (preview->width, 1);
  const double down = (double)gtk_widget_get_allocated_height (preview->area) / MAX (preview->height, 1);

  return MIN (MIN (across, down), 1);
}

double
wct_preview_zoom (const WctPreview *preview)
{
  return preview->zoom > 0 ? preview->zoom : fitting_zoom (preview);
}

gboolean
wct_preview_fits (const WctPreview *preview)
{
  return preview->zoom <= 0;
}

/* Where the content's origin is in the area. */
static void
find_origin (const WctPreview *preview, double *x, double *y)
{
  const double zoom = wct_preview_zoom (preview);
  const double center_x = wct_preview_fits (preview) ? preview->width / 2.0 : preview->x;
  const double center_y = wct_preview_fits (preview) ? preview->height / 2.0 : preview->y;

  *x = gtk_widget_get_allocated_width (preview->area) / 2.0 - center_x * zoom;
  *y = gtk_widget_get_allocated_height (preview->area) / 2.0 - center_y * zoom;
}

static WctPart
visible_part (const WctPreview *preview)
{
  const double zoom = wct_preview_zoom (preview);
  double       x, y;
  WctPart      part;

  find_origin (preview, &x, &y);
  part.x = (gint)floor (-x / zoom) - VIEW_MARGIN;
  part.y = (gint)floor (-y / zoom) - VIEW_MARGIN;
  part.width = (gint)ceil (gtk_widget_get_allocated_width (preview->area) / zoom) + 2 * VIEW_MARGIN;
  part.height = (gint)ceil (gtk_widget_get_allocated_height (preview->area) / zoom) + 2 * VIEW_MARGIN;
  if (part.x < 0)
    part.width += part.x;
  if (part.y < 0)
    part.height += part.y;
  part.x = MAX (part.x, 0);
  part.y = MAX (part.y, 0);
  return part;
}

static gboolean
all_is_visible (const WctPreview *preview)
{
  const double zoom = wct_preview_zoom (preview);

  return wct_preview_fits (preview)
         || (preview->width * zoom <= gtk_widget_get_allocated_width (preview->area)
             && preview->height * zoom <= gtk_widget_get_allocated_height (preview->area));
}

static void
tell_view (WctPreview *preview)
{
  const double  scale = wct_preview_zoom (preview) * gtk_widget_get_scale_factor (preview->area);
  const WctPart part = visible_part (preview);

  gtk_widget_queue_draw (preview->area);
  preview->viewed (preview->user, all_is_visible (preview) ? NULL : &part, scale);
}

static void
keep_inside (WctPreview *preview)
{
  preview->x = CLAMP (preview->x, 0, preview->width);
  preview->y = CLAMP (preview->y, 0, preview->height);
}

/* What is under (x, y) of the area stays there. */
static void
zoom_at (WctPreview *preview, double zoom, double x, double y)
{
  double origin_x, origin_y, here_x, here_y;

  /* Nobody knows yet how large it is. */
  if (preview->width == 0)
    return;
  find_origin (preview, &origin_x, &origin_y);
  here_x = (x - origin_x) / wct_preview_zoom (preview);
  here_y = (y - origin_y) / wct_preview_zoom (preview);
  preview->zoom = MIN (zoom, ZOOM_MAX);
  if (preview->zoom <= fitting_zoom (preview))
    preview->zoom = 0;
  preview->x = here_x + (gtk_widget_get_allocated_width (preview->area) / 2.0 - x) / wct_preview_zoom (preview);
  preview->y = here_y + (gtk_widget_get_allocated_height (preview->area) / 2.0 - y) / wct_preview_zoom (preview);
  keep_inside (preview);
  tell_view (preview);
}

void
wct_preview_set_zoom (WctPreview *preview, double zoom)
{
  const double x = gtk_widget_get_allocated_width (preview->area) / 2.0;
  const double y = gtk_widget_get_allocated_height (preview->area) / 2.0;

  if (zoom > 0)
    zoom_at (preview, zoom, x, y);
  else
    {
      preview->zoom = 0;
      tell_view (preview);
    }
}

/* ---- Drawing ------------------------------------------------------------------------------------------------ */

/* On whole pixels of the area: its edges are sharp, and at 1:1 so is all of it. */
static void
paint (const WctPreview *preview, cairo_t *cr, cairo_surface_t *surface)
{
  const double zoom = wct_preview_zoom (preview);
  double       x, y, left, top, width, height, across, down;

  find_origin (preview, &x, &y);
  left = round (x + preview->part.x * zoom);
  top = round (y + preview->part.y * zoom);
  width = round (x + (preview->part.x + preview->part.width) * zoom) - left;
  height = round (y + (preview->part.y + preview->part.height) * zoom) - top;
  across = width / cairo_image_surface_get_width (surface);
  down = height / cairo_image_surface_get_height (surface);
  if (width < 1 || height < 1)
    return;
  cairo_save (cr);
  cairo_translate (cr, left, top);
  cairo_rectangle (cr, 0, 0, width, height);
  cairo_clip (cr);
  cairo_scale (cr, across, down);
  cairo_set_source_surface (cr, surface, 0, 0);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_pattern_set_filter (cairo_get_source (cr), across > 2 ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
  cairo_paint (cr);
  cairo_restore (cr);
}

static void
paint_text (const WctPreview *preview, cairo_t *cr, const char *text, double x, double y, double share)
{
  PangoLayout *layout = gtk_widget_create_pango_layout (preview->area, text);
  int          width, height;

  pango_layout_get_pixel_size (layout, &width, &height);
  x -= share * width;
  cairo_set_source_rgba (cr, 0, 0, 0, 0.55);
  cairo_rectangle (cr, x - 5, y - 2, width + 10, height + 4);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_move_to (cr, x, y);
  pango_cairo_show_layout (cr, layout);
  g_object_unref (layout);
}

/* Over the picture only, where it is in the area. */
static void
paint_line (const WctPreview *preview, cairo_t *cr, double x, double area_height)
{
  double left, top, height;

  find_origin (preview, &left, &top);
  height = MIN (top + preview->height * wct_preview_zoom (preview), area_height) - MAX (top, 0);
  top = MAX (top, 0);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.6);
  cairo_rectangle (cr, x - 1.5, top, 3, height);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_rectangle (cr, x - 0.5, top, 1, height);
  cairo_fill (cr);
  cairo_arc (cr, x, top + height / 2, 6, 0, 2 * G_PI);
  cairo_fill (cr);
  paint_text (preview, cr, _ ("Before"), x - 12, top + 8, 1);
  paint_text (preview, cr, _ ("After"), x + 12, top + 8, 0);
}

static void
paint_split (const WctPreview *preview, cairo_t *cr, double width, double height)
{
  const double x = floor (preview->line * width) + 0.5;

  cairo_save (cr);
  cairo_rectangle (cr, 0, 0, x, height);
  cairo_clip (cr);
  paint (preview, cr, preview->before);
  cairo_restore (cr);
  cairo_save (cr);
  cairo_rectangle (cr, x, 0, width - x, height);
  cairo_clip (cr);
  paint (preview, cr, preview->after);
  cairo_restore (cr);
  paint_line (preview, cr, x, height);
}

static void
paint_sentence (const WctPreview *preview, cairo_t *cr, double width, double height)
{
  PangoLayout *layout = gtk_widget_create_pango_layout (preview->area, preview->sentence);
  int          text_height;

  pango_layout_set_width (layout, (int)(width * 0.8) * PANGO_SCALE);
  pango_layout_set_wrap (layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_alignment (layout, PANGO_ALIGN_CENTER);
  pango_layout_get_pixel_size (layout, NULL, &text_height);
  gtk_render_layout (gtk_widget_get_style_context (preview->area), cr, width * 0.1, (height - text_height) / 2, layout);
  g_object_unref (layout);
}

static gboolean
draw (GtkWidget *area, cairo_t *cr, gpointer user)
{
  WctPreview  *preview = user;
  const double width = gtk_widget_get_allocated_width (area), height = gtk_widget_get_allocated_height (area);

  gtk_render_background (gtk_widget_get_style_context (area), cr, 0, 0, width, height);
  if (preview->sentence != NULL)
    paint_sentence (preview, cr, width, height);
  else if (preview->after != NULL && preview->split)
    paint_split (preview, cr, width, height);
  else if (preview->after != NULL)
    paint (preview, cr, preview->after);
  if (gtk_widget_has_visible_focus (area))
    gtk_render_focus (gtk_widget_get_style_context (area), cr, 1, 1, width - 2, height - 2);
  if (preview->fresh)
    preview->drawn++;
  preview->fresh = FALSE;
  return TRUE;
}

guint64
wct_preview_drawn (const WctPreview *preview)
{
  return preview->drawn;
}

/* ---- Hands -------------------------------------------------------------------------------------------------- */

static gboolean
near_line (const WctPreview *preview, double x)
{
  return preview->split && fabs (x - preview->line * gtk_widget_get_allocated_width (preview->area)) <= GRIP_PX;
}

static void
set_cursor (WctPreview *preview, const char *name)
{
  GdkCursor *cursor = gdk_cursor_new_from_name (gtk_widget_get_display (preview->area), name);

  gdk_window_set_cursor (gtk_widget_get_window (preview->area), cursor);
  g_clear_object (&cursor);
}

static void
move_line (WctPreview *preview, double to)
{
  preview->line = CLAMP (to, 0, 1);
  gtk_widget_queue_draw (preview->area);
}

static gboolean
press (GtkWidget *area, GdkEventButton *event, gpointer user)
{
  WctPreview *preview = user;

  gtk_widget_grab_focus (area);
  if (event->button != GDK_BUTTON_PRIMARY)
    return FALSE;
  if (near_line (preview, event->x) || (preview->split && all_is_visible (preview)))
    {
      preview->drag = DRAG_SPLIT;
      move_line (preview, event->x / gtk_widget_get_allocated_width (area));
    }
  else if (!all_is_visible (preview))
    preview->drag = DRAG_PICTURE;
  preview->drag_x = event->x;
  preview->drag_y = event->y;
  return TRUE;
}

static gboolean
move (GtkWidget *area, GdkEventMotion *event, gpointer user)
{
  WctPreview *preview = user;

  switch (preview->drag)
    {
    case DRAG_NOTHING:
      set_cursor (preview, near_line (preview, event->x) ? "col-resize"
                           : all_is_visible (preview)    ? "default"
                                                         : "grab");
      break;
    case DRAG_SPLIT:
      move_line (preview, event->x / gtk_widget_get_allocated_width (area));
      break;
    case DRAG_PICTURE:
      preview->x -= (event->x - preview->drag_x) / wct_preview_zoom (preview);
      preview->y -= (event->y - preview->drag_y) / wct_preview_zoom (preview);
      preview->drag_x = event->x;
      preview->drag_y = event->y;
      keep_inside (preview);
      gtk_widget_queue_draw (area);
      break;
    }
  return TRUE;
}

static gboolean
release (GtkWidget *area, GdkEventButton *event, gpointer user)
{
  WctPreview *preview = user;
  const Drag  drag = preview->drag;

  (void)area;
  (void)event;
  preview->drag = DRAG_NOTHING;
  if (drag == DRAG_PICTURE)
    tell_view (preview);
  return TRUE;
}

static gboolean
scroll (GtkWidget *area, GdkEventScroll *event, gpointer user)
{
  WctPreview  *preview = user;
  const double steps = event->direction == GDK_SCROLL_UP       ? 1
                       : event->direction == GDK_SCROLL_DOWN   ? -1
                       : event->direction == GDK_SCROLL_SMOOTH ? -event->delta_y
                                                               : 0;

  (void)area;
  if (steps != 0)
    zoom_at (preview, wct_preview_zoom (preview) * pow (ZOOM_STEP, steps), event->x, event->y);
  return TRUE;
}

static gboolean
pan (WctPreview *preview, double x, double y)
{
  preview->x += x / wct_preview_zoom (preview);
  preview->y += y / wct_preview_zoom (preview);
  keep_inside (preview);
  tell_view (preview);
  return TRUE;
}

static gboolean
key (GtkWidget *area, GdkEventKey *event, gpointer user)
{
  WctPreview    *preview = user;
  const gboolean panning = (event->state & GDK_CONTROL_MASK) != 0 && !all_is_visible (preview);
  const double   step = gtk_widget_get_allocated_width (area) / 8.0;

  switch (event->keyval)
    {
    case GDK_KEY_plus:
    case GDK_KEY_equal:
    case GDK_KEY_KP_Add:
      wct_preview_set_zoom (preview, wct_preview_zoom (preview) * ZOOM_STEP);
      return TRUE;
    case GDK_KEY_minus:
    case GDK_KEY_KP_Subtract:
      wct_preview_set_zoom (preview, wct_preview_zoom (preview) / ZOOM_STEP);
      return TRUE;
    case GDK_KEY_0:
    case GDK_KEY_KP_0:
      wct_preview_set_zoom (preview, 0);
      return TRUE;
    case GDK_KEY_1:
    case GDK_KEY_KP_1:
      wct_preview_set_zoom (preview, 1);
      return TRUE;
    case GDK_KEY_Left:
      if (panning)
        return pan (preview, -step, 0);
      move_line (preview, preview->line - 0.02);
      return TRUE;
    case GDK_KEY_Right:
      if (panning)
        return pan (preview, step, 0);
      move_line (preview, preview->line + 0.02);
      return TRUE;
    case GDK_KEY_Up:
      return panning && pan (preview, 0, -step);
    case GDK_KEY_Down:
      return panning && pan (preview, 0, step);
    default:
      return FALSE;
    }
}

static void
resized (GtkWidget *area, GtkAllocation *allocation, gpointer user)
{
  (void)area;
  (void)allocation;
  tell_view (user);
}

/* ---- The widget --------------------------------------------------------------------------------------------- */

static void
clear_surfaces (WctPreview *preview)
{
  g_clear_pointer (&preview->before, cairo_surface_destroy);
  g_clear_pointer (&preview->after, cairo_surface_destroy);
}

static void
free_preview (gpointer data)
{
  WctPreview *preview = data;

  clear_surfaces (preview);
  g_free (preview->sentence);
  g_free (preview);
}

WctPreview *
wct_preview_new (WctPreviewViewed viewed, gpointer user)
{
  WctPreview *preview = g_new0 (WctPreview, 1);
  GtkWidget  *area = gtk_drawing_area_new ();
  AtkObject  *accessible = gtk_widget_get_accessible (area);

  preview->area = area;
  preview->viewed = viewed;
  preview->user = user;
  preview->split = TRUE;
  preview->line = 0.4;
  gtk_widget_set_size_request (area, WIDTH_MIN_PX, HEIGHT_MIN_PX);
  gtk_widget_set_can_focus (area, TRUE);
  gtk_widget_set_name (area, "preview");
  gtk_style_context_add_class (gtk_widget_get_style_context (area), GTK_STYLE_CLASS_FRAME);
  atk_object_set_name (accessible, _ ("Preview"));
  atk_object_set_description (accessible,
                              _ ("Left and right arrow move the line between before and after, plus and minus "
                                 "zoom, 0 fits the window, 1 shows a pixel for a pixel."));
  gtk_widget_add_events (area, GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK | GDK_POINTER_MOTION_MASK
                                 | GDK_SCROLL_MASK | GDK_SMOOTH_SCROLL_MASK | GDK_KEY_PRESS_MASK);
  g_signal_connect (area, "draw", G_CALLBACK (draw), preview);
  g_signal_connect (area, "button-press-event", G_CALLBACK (press), preview);
  g_signal_connect (area, "motion-notify-event", G_CALLBACK (move), preview);
  g_signal_connect (area, "button-release-event", G_CALLBACK (release), preview);
  g_signal_connect (area, "scroll-event", G_CALLBACK (scroll), preview);
  g_signal_connect (area, "key-press-event", G_CALLBACK (key), preview);
  g_signal_connect (area, "size-allocate", G_CALLBACK (resized), preview);
  g_object_set_data_full (G_OBJECT (area), "wct-preview", preview, free_preview);
  return preview;
}

GtkWidget *
wct_preview_widget (WctPreview *preview)
{
  return preview->area;
}

void
wct_preview_show (WctPreview *preview, const WctPreviewed *what)
{
  clear_surfaces (preview);
  g_clear_pointer (&preview->sentence, g_free);
  preview->before = surface_of (&what->before->image);
  preview->after = surface_of (&what->after->image);
  preview->part = what->part;
  preview->width = what->width;
  preview->height = what->height;
  preview->fresh = TRUE;
  gtk_widget_queue_draw (preview->area);
}

void
wct_preview_refuse (WctPreview *preview, const char *sentence)
{
  g_free (preview->sentence);
  preview->sentence = g_strdup (sentence);
  gtk_widget_queue_draw (preview->area);
}

void
wct_preview_set_split (WctPreview *preview, gboolean split)
{
  preview->split = split;
  gtk_widget_queue_draw (preview->area);
}
