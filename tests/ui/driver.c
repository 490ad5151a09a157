#include "driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include <wct/memory.h>

#include "scratch.h"

Driver driver;

/* ---- Overheard ---------------------------------------------------------------------------------------------- */

void       __real_wct_preview_show (WctPreview *preview, const WctPreviewed *what);
void       __wrap_wct_preview_show (WctPreview *preview, const WctPreviewed *what);
void       __real_wct_preview_refuse (WctPreview *preview, const char *sentence);
void       __wrap_wct_preview_refuse (WctPreview *preview, const char *sentence);
guint64    __real_wct_worker_submit (WctWorker *worker, WctWork work, gboolean urgent);
guint64    __wrap_wct_worker_submit (WctWorker *worker, WctWork work, gboolean urgent);
WctWorker *__real_wct_worker_new (int threads, WctWorkDone done, gpointer user);
WctWorker *__wrap_wct_worker_new (int threads, WctWorkDone done, gpointer user);
size_t     __real_wct_memory_available (void);
size_t     __wrap_wct_memory_available (void);

static WctWorkDone done_really;

void
__wrap_wct_preview_show (WctPreview *preview, const WctPreviewed *what)
{
  driver.shown++;
  driver.drawn_before = wct_preview_drawn (preview);
  wct_picture_unref (&driver.last.before);
  wct_picture_unref (&driver.last.after);
  driver.last = *what;
  wct_picture_ref (driver.last.before);
  wct_picture_ref (driver.last.after);
  __real_wct_preview_show (preview, what);
}

void
__wrap_wct_preview_refuse (WctPreview *preview, const char *sentence)
{
  driver.refused++;
  g_free (driver.sentence);
  driver.sentence = g_strdup (sentence);
  __real_wct_preview_refuse (preview, sentence);
}

guint64
__wrap_wct_worker_submit (WctWorker *worker, WctWork work, gboolean urgent)
{
  const gboolean picture = work.content != NULL;
  const guint64  ticket = __real_wct_worker_submit (worker, work, urgent);

  if (picture)
    driver.submitted = ticket;
  return ticket;
}

static void
overhear_result (gpointer user, const WctWorkResult *result)
{
  if (result->content != NULL)
    driver.delivered = result->ticket;
  done_really (user, result);
}

WctWorker *
__wrap_wct_worker_new (int threads, WctWorkDone done, gpointer user)
{
  done_really = done;
  return __real_wct_worker_new (threads, overhear_result, user);
}

size_t
__wrap_wct_memory_available (void)
{
  return driver.available > 0 ? driver.available : __real_wct_memory_available ();
}

/* ---- The host ----------------------------------------------------------------------------------------------- */

static WctStatus
fail_with (WctStatus status, const char *what, WctError *err)
{
  return wct_error_set (err, status, "The test does not let %s succeed.", what);
}

static WctStatus
content_size (WctHost *host, const WctSettings *settings, gint *width, gint *height, WctError *err)
{
  if (driver.fail_content_size != WCT_OK)
    return fail_with (driver.fail_content_size, "content_size", err);
  return driver.real.content_size (host, settings, width, height, err);
}

static WctStatus
source_size (WctHost *host, gint id, gint *width, gint *height, WctError *err)
{
  if (driver.fail_source != WCT_OK)
    return fail_with (driver.fail_source, "source_size", err);
  return driver.real.source_size (host, id, width, height, err);
}

static WctStatus
read_source (WctHost *host, gint id, gint longer_side, WctPicture **out, WctError *err)
{
  if (driver.fail_source != WCT_OK)
    return fail_with (driver.fail_source, "read_source", err);
  return driver.real.read_source (host, id, longer_side, out, err);
}

static WctStatus
begin (WctHost *host, const WctSettings *settings, WctPicture **content, WctError *err)
{
  driver.begun++;
  driver.progress_ended = FALSE;
  if (driver.fail_begin != WCT_OK)
    return fail_with (driver.fail_begin, "begin", err);
  return driver.real.begin (host, settings, content, err);
}

static WctStatus
finish (WctHost *host, const WctSettings *settings, const WctPicture *result, const char *model, WctError *err)
{
  if (driver.fail_finish != WCT_OK)
    return fail_with (driver.fail_finish, "finish", err);
  driver.finished++;
  driver.applied = *settings;
  wct_picture_unref (&driver.result);
  driver.result = wct_picture_ref ((WctPicture *)result);
  g_free (driver.model);
  driver.model = g_strdup (model);
  return driver.real.finish (host, settings, result, model, err);
}

static void
progress (WctHost *host, double done)
{
  driver.progress_ended = done < 0;
  driver.real.progress (host, done);
}

static WctStatus
help (WctHost *host, WctError *err)
{
  (void)host;
  driver.helped++;
  return driver.fail_help == WCT_OK ? WCT_OK : fail_with (driver.fail_help, "help", err);
}

static gboolean
reuse (WctHost *host, WctSettings *settings)
{
  (void)host;
  if (driver.has_reusable)
    *settings = driver.reusable;
  return driver.has_reusable;
}

/* ---- From nothing to a window, and back --------------------------------------------------------------------- */

int
driver_open (void **state)
{
  (void)state;
  memset (&driver, 0, sizeof driver);
  return scratch_clear (NULL);
}

static void
destroy_other_windows (void)
{
  GList *windows = gtk_window_list_toplevels ();

  for (GList *at = windows; at != NULL; at = at->next)
    if (gtk_widget_get_visible (at->data) && GTK_IS_DIALOG (at->data))
      gtk_widget_destroy (at->data);
  g_list_free (windows);
}

int
driver_close (void **state)
{
  (void)state;
  wct_dialog_free (&driver.dialog);
  destroy_other_windows ();
  wct_picture_host_close (&driver.pictures);
  wct_picture_unref (&driver.result);
  wct_picture_unref (&driver.last.before);
  wct_picture_unref (&driver.last.after);
  g_clear_pointer (&driver.model, g_free);
  g_clear_pointer (&driver.sentence, g_free);
  g_clear_pointer (&driver.content_path, g_free);
  for (int i = 0; i < 2; i++)
    g_clear_pointer (&driver.style_paths[i], g_free);
  patience_settle ();
  return 0;
}

/* The lake, as a file of this size. */
static char *
make_content (gint side)
{
  char      *lake = sample_path ("lake.jpg"), *path;
  GdkPixbuf *pixbuf;

  if (side == 0)
    return lake;
  pixbuf = gdk_pixbuf_new_from_file_at_size (lake, side, side, NULL);
  path = scratch_path ("content.png");
  assert_non_null (pixbuf);
  assert_true (gdk_pixbuf_save (pixbuf, path, "png", NULL, NULL));
  g_object_unref (pixbuf);
  g_free (lake);
  return path;
}

void
driver_prepare (gint content_side)
{
  WctHost *host = &driver.pictures.host;
  WctError err;

  driver.content_path = make_content (content_side);
  driver.style_paths[0] = sample_path ("style-glass.jpg");
  driver.style_paths[1] = sample_path ("style-swirls.jpg");
  if (wct_picture_host_open (&driver.pictures, 3,
                             (char *[]){ driver.content_path, driver.style_paths[0], driver.style_paths[1] }, NULL,
                             &err)
      != WCT_OK)
    fail_msg ("%s", err.message);
  driver.real = *host;
  host->content_size = content_size;
  host->source_size = source_size;
  host->read_source = read_source;
  host->begin = begin;
  host->finish = finish;
  host->progress = progress;
  host->help = help;
  host->reuse = reuse;
}

WctSettings
driver_settings (void)
{
  WctSettings settings;

  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  wct_settings_set_style (&settings, STYLE_GLASS, NULL);
  settings.params.style_size = 96; /* soon measured */
  return settings;
}

void
driver_show_settings (const WctSettings *settings)
{
  driver.dialog = wct_dialog_new (&driver.pictures.host, settings);
  driver.window = wct_dialog_window (driver.dialog);
  driver.preview = wct_dialog_preview (driver.dialog);
  gtk_widget_show (driver.window);
  UNTIL (gtk_widget_get_mapped (driver.window));
}

void
driver_show (gint content_side)
{
  const WctSettings settings = driver_settings ();

  driver_prepare (content_side);
  driver_show_settings (&settings);
}

const WctSettings *
driver_now (void)
{
  return wct_session_settings (wct_dialog_session (driver.dialog));
}

gboolean
driver_is_closed (void)
{
  return !gtk_widget_get_visible (driver.window);
}

/* ---- Widgets ------------------------------------------------------------------------------------------------ */

typedef struct
{
  void (*visit) (GtkWidget *widget, gpointer user);
  gpointer user;
} Visit;

static void
visit_all (GtkWidget *widget, gpointer user)
{
  const Visit *visit = user;
  GtkPopover  *popover = GTK_IS_MENU_BUTTON (widget) ? gtk_menu_button_get_popover (GTK_MENU_BUTTON (widget)) : NULL;

  visit->visit (widget, visit->user);
  if (popover != NULL)
    visit_all (GTK_WIDGET (popover), user);
  if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), visit_all, user);
}

void
driver_each (GtkWidget *below, void (*visit) (GtkWidget *widget, gpointer user), gpointer user)
{
  visit_all (below, &(Visit){ visit, user });
}

typedef struct
{
  const char *name;
  GtkWidget  *found;
} Search;

static void
compare_name (GtkWidget *widget, gpointer user)
{
  Search *search = user;

  if (strcmp (gtk_widget_get_name (widget), search->name) == 0)
    search->found = widget;
}

GtkWidget *
driver_seek (const char *name)
{
  Search search = { name, NULL };

  driver_each (driver.window, compare_name, &search);
  return search.found;
}

GtkWidget *
driver_find (const char *name)
{
  GtkWidget *found = driver_seek (name);

  if (found == NULL)
    fail_msg ("there is no widget with the name \"%s\"", name);
  return found;
}

void
driver_press (const char *name)
{
  GtkWidget *button = driver_find (name);

  if (!gtk_widget_is_sensitive (button))
    fail_msg ("\"%s\" cannot be pressed", name);
  gtk_button_clicked (GTK_BUTTON (button));
}

void
driver_toggle (const char *name, gboolean active)
{
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (driver_find (name)), active);
}

void
driver_slide (const char *name, double value)
{
  gtk_range_set_value (GTK_RANGE (driver_find (name)), value);
}

void
driver_spin (const char *name, double value)
{
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (driver_find (name)), value);
}

const char *
driver_text (const char *name)
{
  return gtk_label_get_text (GTK_LABEL (driver_find (name)));
}

gboolean
driver_is_visible (const char *name)
{
  return gtk_widget_is_visible (driver_find (name));
}

gboolean
driver_is_sensitive (const char *name)
{
  return gtk_widget_is_sensitive (driver_find (name));
}

/* ---- Hands -------------------------------------------------------------------------------------------------- */

static guint
keycode_of (guint keyval)
{
  GdkKeymap    *keymap = gdk_keymap_get_for_display (gdk_display_get_default ());
  GdkKeymapKey *keys = NULL;
  gint          count = 0;
  guint         code = 0;

  if (gdk_keymap_get_entries_for_keyval (keymap, keyval, &keys, &count) && count > 0)
    code = keys[0].keycode;
  g_free (keys);
  return code;
}

static GdkEvent *
event_of (GdkEventType type, GtkWidget *widget)
{
  GdkEvent *event = gdk_event_new (type);
  GdkSeat  *seat = gdk_display_get_default_seat (gdk_display_get_default ());

  event->any.window = g_object_ref (gtk_widget_get_window (widget));
  event->any.send_event = TRUE;
  gdk_event_set_device (event, type == GDK_KEY_PRESS || type == GDK_KEY_RELEASE ? gdk_seat_get_keyboard (seat)
                                                                                : gdk_seat_get_pointer (seat));
  return event;
}

static void
send (GdkEvent *event)
{
  gtk_main_do_event (event);
  gdk_event_free (event);
}

static void
send_key (GdkEventType type, guint keyval, GdkModifierType state)
{
  GdkEvent *event = event_of (type, driver.window);

  event->key.keyval = keyval;
  event->key.state = state;
  event->key.hardware_keycode = (guint16)keycode_of (keyval);
  event->key.string = g_strdup ("");
  event->key.time = GDK_CURRENT_TIME;
  send (event);
}

void
driver_key (guint keyval, GdkModifierType state)
{
  send_key (GDK_KEY_PRESS, keyval, state);
  send_key (GDK_KEY_RELEASE, keyval, state);
}

void
driver_close_window (void)
{
  send (event_of (GDK_DELETE, driver.window));
}

static void
send_button (GdkEventType type, GtkWidget *widget, double x, double y)
{
  GdkEvent *event = event_of (type, widget);

  event->button.button = GDK_BUTTON_PRIMARY;
  event->button.x = x;
  event->button.y = y;
  event->button.state = type == GDK_BUTTON_RELEASE ? GDK_BUTTON1_MASK : 0;
  send (event);
}

static void
send_motion (GtkWidget *widget, double x, double y)
{
  GdkEvent *event = event_of (GDK_MOTION_NOTIFY, widget);

  event->motion.x = x;
  event->motion.y = y;
  event->motion.state = GDK_BUTTON1_MASK;
  send (event);
}

void
driver_drag (GtkWidget *widget, double from_x, double from_y, double to_x, double to_y)
{
  send_button (GDK_BUTTON_PRESS, widget, from_x, from_y);
  for (int i = 1; i <= 4; i++)
    send_motion (widget, from_x + (to_x - from_x) * i / 4, from_y + (to_y - from_y) * i / 4);
  send_button (GDK_BUTTON_RELEASE, widget, to_x, to_y);
}

void
driver_scroll (GtkWidget *widget, double x, double y, GdkScrollDirection direction)
{
  GdkEvent *event = event_of (GDK_SCROLL, widget);

  event->scroll.x = x;
  event->scroll.y = y;
  event->scroll.direction = direction;
  send (event);
}

/* ---- Results ------------------------------------------------------------------------------------------------ */

void
driver_wait_for_preview (void)
{
  UNTIL (driver.submitted > 0 && driver.delivered == driver.submitted
         && wct_preview_drawn (driver.preview) > driver.drawn_before);
}

cairo_surface_t *
driver_paint (GtkWidget *widget)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, gtk_widget_get_allocated_width (widget),
                                                         gtk_widget_get_allocated_height (widget));
  cairo_t         *cr = cairo_create (surface);

  gtk_widget_draw (widget, cr);
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  return surface;
}

guint32
driver_pixel (cairo_surface_t *surface, gint x, gint y)
{
  const guchar *bytes = cairo_image_surface_get_data (surface);
  guint32       pixel;

  memcpy (&pixel, bytes + y * cairo_image_surface_get_stride (surface) + x * 4, sizeof pixel);
  return pixel & 0xffffff;
}

gboolean
driver_same_paint (cairo_surface_t *a, cairo_surface_t *b)
{
  const gint width = cairo_image_surface_get_width (a), height = cairo_image_surface_get_height (a);

  if (width != cairo_image_surface_get_width (b) || height != cairo_image_surface_get_height (b))
    return FALSE;
  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      if (driver_pixel (a, x, y) != driver_pixel (b, x, y))
        return FALSE;
  return TRUE;
}

WctPicture *
driver_compute (const WctParams *params, const WctPicture *style, const WctPicture *content)
{
  WctEngine  *engine = wct_engine_new (0);
  WctPicture *result = NULL;
  WctError    err;

  if (wct_engine_run (engine,
                      &(WctEngineRun){ .params = params,
                                       .style_count = 1,
                                       .styles = &(WctEngineStyle){ .picture = style, .weight = 1 },
                                       .content = content },
                      NULL, &result, &err)
      != WCT_OK)
    fail_msg ("%s", err.message);
  wct_engine_free (&engine);
  return result;
}

WctPicture *
driver_load_style (int style, gint side)
{
  WctPicture *picture = NULL;
  WctError    err;

  if (wct_picture_load (driver.style_paths[style - 1], side, &picture, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return picture;
}

int
driver_begin (int *argc, char ***argv)
{
  if (scratch_open (NULL) != 0)
    return 1;
  if (gtk_init_check (argc, argv))
    return 0;
  print_message ("there is no display\n");
  return 77;
}
