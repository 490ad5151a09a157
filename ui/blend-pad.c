/* The weights are bilinear: at a corner its style is alone, in the middle all are equal. */
#include "blend-pad.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "widgets.h"

#define SIDE_PX    124
#define MARGIN_PX  6
#define PICTURE_PX 30
#define CORNER_PX  6
#define HANDLE_PX  7
#define TRACK_PX   11 /* from the square's edges to where the ring can go */
#define STEP       0.05
#define VIVID      3

typedef struct
{
  cairo_surface_t *surface; /* NULL: none */
  double           width, height;
  GdkRGBA          color; /* that stands for it */
} Picture;

struct WctBlendPad
{
  GtkWidget *area;
  void (*changed) (gpointer user);
  gpointer user;
  int      count;
  Picture  pictures[WCT_BLEND_PAD_STYLES];
  double   x, y; /* of the handle, 0 to 1 */
  gboolean dragged;
};

/* ---- Weights ------------------------------------------------------------------------------------------------ */

void
wct_blend_pad_get (const WctBlendPad *pad, double *weights)
{
  const double x = pad->x, y = pad->count == 2 ? 0 : pad->y;

  weights[0] = (1 - x) * (1 - y);
  weights[1] = x * (1 - y);
  if (pad->count == 3)
    weights[2] = y;
  if (pad->count == 4)
    {
      weights[2] = (1 - x) * y;
      weights[3] = x * y;
    }
}

static double
share (double part, double whole)
{
  return whole > 0 ? part / whole : 0.5;
}

void
wct_blend_pad_set (WctBlendPad *pad, const double *weights)
{
  const double below = (pad->count > 2 ? weights[2] : 0) + (pad->count > 3 ? weights[3] : 0);
  const double above = weights[0] + weights[1];
  const double right = weights[1] + (pad->count > 3 ? weights[3] : 0);

  pad->y = pad->count == 2 ? 0.5 : share (below, above + below);
  pad->x = share (right, pad->count > 3 ? above + below : above);
  gtk_widget_queue_draw (pad->area);
}

/* ---- Drawing ------------------------------------------------------------------------------------------------ */

/* In the area, @inset from its edges. */
static GdkRectangle
square_of (const WctBlendPad *pad, gint inset)
{
  const gint width = gtk_widget_get_allocated_width (pad->area), height = gtk_widget_get_allocated_height (pad->area);
  const gint side = MIN (width, height) - 2 * inset;

  return (GdkRectangle){ (width - side) / 2, (height - side) / 2, side, side };
}

static void
round_rectangle (cairo_t *cr, double x, double y, double width, double height, double radius)
{
  cairo_new_sub_path (cr);
  cairo_arc (cr, x + width - radius, y + radius, radius, -G_PI / 2, 0);
  cairo_arc (cr, x + width - radius, y + height - radius, radius, 0, G_PI / 2);
  cairo_arc (cr, x + radius, y + height - radius, radius, G_PI / 2, G_PI);
  cairo_arc (cr, x + radius, y + radius, radius, G_PI, 3 * G_PI / 2);
  cairo_close_path (cr);
}

/* Which style is at each corner of the square, clockwise from the upper left. */
static void
find_corners (int count, int corners[4])
{
  static const int of_count[][4] = { { 0, 1, 1, 0 }, { 0, 1, 2, 2 }, { 0, 1, 3, 2 } };

  memcpy (corners, of_count[CLAMP (count, 2, 4) - 2], 4 * sizeof corners[0]);
}

/* The styles' colors, flowing into each other. */
static void
paint_ground (const WctBlendPad *pad, cairo_t *cr, const GdkRectangle *square)
{
  const double     x = square->x + 0.5, y = square->y + 0.5, side = square->width - 1; /* whole pixels at the edges */
  const double     right = x + side, bottom = y + side;
  cairo_pattern_t *mesh = cairo_pattern_create_mesh ();
  int              corners[4];

  find_corners (pad->count, corners);
  cairo_mesh_pattern_begin_patch (mesh);
  cairo_mesh_pattern_move_to (mesh, x, y);
  cairo_mesh_pattern_line_to (mesh, right, y);
  cairo_mesh_pattern_line_to (mesh, right, bottom);
  cairo_mesh_pattern_line_to (mesh, x, bottom);
  cairo_mesh_pattern_line_to (mesh, x, y);
  for (guint i = 0; i < 4; i++)
    {
      const GdkRGBA *color = &pad->pictures[corners[i]].color;

      cairo_mesh_pattern_set_corner_color_rgb (mesh, i, color->red, color->green, color->blue);
    }
  cairo_mesh_pattern_end_patch (mesh);
  round_rectangle (cr, x, y, side, side, CORNER_PX);
  cairo_set_source (cr, mesh);
  cairo_fill_preserve (cr);
  cairo_pattern_destroy (mesh);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.35);
  cairo_set_line_width (cr, 1);
  cairo_stroke (cr);
}

/* Where a style's picture is, as a share of the room for it. */
static void
find_place (int count, int style, double *x, double *y)
{
  *x = style % 2;
  *y = style / 2;
  if (count == 2)
    *y = 0.5;
  else if (count == 3 && style == 2)
    *x = 0.5;
}

static void
paint_picture (const WctBlendPad *pad, cairo_t *cr, const GdkRectangle *square, int style)
{
  const Picture *picture = &pad->pictures[style];
  const double   room = square->width - 2 * MARGIN_PX - PICTURE_PX;
  double         x, y, scale;

  find_place (pad->count, style, &x, &y);
  x = square->x + MARGIN_PX + x * room;
  y = square->y + MARGIN_PX + y * room;
  if (picture->surface == NULL)
    return;
  cairo_save (cr);
  round_rectangle (cr, x, y, PICTURE_PX, PICTURE_PX, 4);
  cairo_save (cr);
  cairo_clip_preserve (cr);
  scale = PICTURE_PX / MIN (picture->width, picture->height);
  cairo_translate (cr, x + PICTURE_PX / 2.0, y + PICTURE_PX / 2.0);
  cairo_scale (cr, scale, scale);
  cairo_set_source_surface (cr, picture->surface, -picture->width / 2, -picture->height / 2);
  cairo_paint (cr);
  cairo_restore (cr);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.9);
  cairo_set_line_width (cr, 1.5);
  cairo_stroke (cr);
  cairo_restore (cr);
}

static void
paint_handle (const WctBlendPad *pad, cairo_t *cr)
{
  const GdkRectangle track = square_of (pad, TRACK_PX);
  const double       x = track.x + pad->x * track.width, y = track.y + pad->y * track.height;

  cairo_arc (cr, x, y, HANDLE_PX, 0, 2 * G_PI);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.25);
  cairo_fill_preserve (cr);
  cairo_set_line_width (cr, 4.5);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.55);
  cairo_stroke_preserve (cr);
  cairo_set_line_width (cr, 2.5);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_stroke (cr);
}

/* Whatever the ground's color is: a theme's own line would be lost on most. */
static void
paint_focus (cairo_t *cr, const GdkRectangle *square)
{
  round_rectangle (cr, square->x + 2.5, square->y + 2.5, square->width - 5, square->height - 5, CORNER_PX - 2);
  cairo_set_line_width (cr, 3);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.45);
  cairo_stroke_preserve (cr);
  cairo_set_line_width (cr, 1.5);
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_stroke (cr);
}

static gboolean
draw (GtkWidget *area, cairo_t *cr, gpointer user)
{
  const WctBlendPad *pad = user;
  const GdkRectangle square = square_of (pad, 0);

  paint_ground (pad, cr, &square);
  for (int i = 0; i < pad->count; i++)
    paint_picture (pad, cr, &square, i);
  if (gtk_widget_has_visible_focus (area))
    paint_focus (cr, &square);
  paint_handle (pad, cr);
  return TRUE;
}

/* ---- Hands -------------------------------------------------------------------------------------------------- */

static void
move_to (WctBlendPad *pad, double x, double y)
{
  pad->x = CLAMP (x, 0, 1);
  pad->y = pad->count == 2 ? 0.5 : CLAMP (y, 0, 1);
  gtk_widget_queue_draw (pad->area);
  pad->changed (pad->user);
}

static void
move_to_pointer (WctBlendPad *pad, double x, double y)
{
  const GdkRectangle track = square_of (pad, TRACK_PX);

  move_to (pad, (x - track.x) / track.width, (y - track.y) / track.height);
}

static gboolean
press (GtkWidget *area, GdkEventButton *event, gpointer user)
{
  WctBlendPad *pad = user;

  gtk_widget_grab_focus (area);
  if (event->button != GDK_BUTTON_PRIMARY)
    return FALSE;
  pad->dragged = TRUE;
  move_to_pointer (pad, event->x, event->y);
  return TRUE;
}

static gboolean
move (GtkWidget *area, GdkEventMotion *event, gpointer user)
{
  WctBlendPad *pad = user;

  (void)area;
  if (pad->dragged)
    move_to_pointer (pad, event->x, event->y);
  return TRUE;
}

static gboolean
release (GtkWidget *area, GdkEventButton *event, gpointer user)
{
  (void)area;
  (void)event;
  ((WctBlendPad *)user)->dragged = FALSE;
  return TRUE;
}

static gboolean
key (GtkWidget *area, GdkEventKey *event, gpointer user)
{
  WctBlendPad *pad = user;

  (void)area;
  if ((event->state & gtk_accelerator_get_default_mod_mask ()) != 0)
    return FALSE;
  switch (event->keyval)
    {
    case GDK_KEY_Left:
      move_to (pad, pad->x - STEP, pad->y);
      return TRUE;
    case GDK_KEY_Right:
      move_to (pad, pad->x + STEP, pad->y);
      return TRUE;
    case GDK_KEY_Up:
      move_to (pad, pad->x, pad->y - STEP);
      return TRUE;
    case GDK_KEY_Down:
      move_to (pad, pad->x, pad->y + STEP);
      return TRUE;
    case GDK_KEY_Home:
      move_to (pad, 0.5, 0.5);
      return TRUE;
    default:
      return FALSE;
    }
}

/* ---- The widget --------------------------------------------------------------------------------------------- */

/* The mean, more vivid than it is: of many colors it is nearly gray. */
static GdkRGBA
color_of (const GdkPixbuf *pixbuf)
{
  const gint    width = gdk_pixbuf_get_width (pixbuf), height = gdk_pixbuf_get_height (pixbuf);
  const gint    channels = gdk_pixbuf_get_n_channels (pixbuf), stride = gdk_pixbuf_get_rowstride (pixbuf);
  const guchar *bytes = gdk_pixbuf_read_pixels (pixbuf);
  double        mean[3] = { 0, 0, 0 }, gray;

  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      for (gint c = 0; c < 3; c++)
        mean[c] += bytes[(gsize)y * (gsize)stride + (gsize)(x * channels + c)] / (255.0 * width * height);
  gray = (mean[0] + mean[1] + mean[2]) / 3;
  for (gint c = 0; c < 3; c++)
    mean[c] = CLAMP (gray + VIVID * (mean[c] - gray), 0, 1);
  return (GdkRGBA){ mean[0], mean[1], mean[2], 1 };
}

static void
clear_pictures (WctBlendPad *pad)
{
  for (int i = 0; i < WCT_BLEND_PAD_STYLES; i++)
    {
      g_clear_pointer (&pad->pictures[i].surface, cairo_surface_destroy);
      pad->pictures[i].color = (GdkRGBA){ 0.5, 0.5, 0.5, 1 };
    }
}

void
wct_blend_pad_set_styles (WctBlendPad *pad, int count, GdkPixbuf *const *pictures)
{
  clear_pictures (pad);
  pad->count = count;
  for (int i = 0; i < count; i++)
    if (pictures[i] != NULL)
      pad->pictures[i] =
        (Picture){ gdk_cairo_surface_create_from_pixbuf (pictures[i], 1, NULL), gdk_pixbuf_get_width (pictures[i]),
                   gdk_pixbuf_get_height (pictures[i]), color_of (pictures[i]) };
  gtk_widget_queue_draw (pad->area);
}

static void
free_pad (gpointer data)
{
  clear_pictures (data);
  g_free (data);
}

WctBlendPad *
wct_blend_pad_new (void (*changed) (gpointer user), gpointer user)
{
  WctBlendPad *pad = g_new0 (WctBlendPad, 1);
  GtkWidget   *area = gtk_drawing_area_new ();

  pad->area = area;
  pad->changed = changed;
  pad->user = user;
  pad->count = 2;
  pad->x = pad->y = 0.5;
  clear_pictures (pad);
  gtk_widget_set_size_request (area, SIDE_PX, SIDE_PX);
  gtk_widget_set_can_focus (area, TRUE);
  gtk_widget_set_name (area, "blend-pad");
  gtk_widget_set_tooltip_text (area,
                               _ ("How much of each style: drag the ring toward the styles that you want more of"));
  wct_widget_describe (area, _ ("Mix of the styles"),
                       _ ("The arrow keys move the ring between the styles, Home puts it in the middle."));
  gtk_widget_add_events (area, GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK | GDK_POINTER_MOTION_MASK
                                 | GDK_KEY_PRESS_MASK);
  g_signal_connect (area, "draw", G_CALLBACK (draw), pad);
  g_signal_connect (area, "button-press-event", G_CALLBACK (press), pad);
  g_signal_connect (area, "motion-notify-event", G_CALLBACK (move), pad);
  g_signal_connect (area, "button-release-event", G_CALLBACK (release), pad);
  g_signal_connect (area, "key-press-event", G_CALLBACK (key), pad);
  g_object_set_data_full (G_OBJECT (area), "wct-blend-pad", pad, free_pad);
  return pad;
}

GtkWidget *
wct_blend_pad_widget (WctBlendPad *pad)
{
  return pad->area;
}
