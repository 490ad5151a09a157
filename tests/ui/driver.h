/* A dialog on files, and hands on it: finds what is in its window by name, presses, drags, types, and steps the main
 * loop until something holds. What goes between dialog, session and preview is overheard: programs that use this are
 * linked with --wrap for the functions below `Overheard` in driver.c. */
#ifndef WCT_TEST_DRIVER_H
#define WCT_TEST_DRIVER_H

#include <gtk/gtk.h>

#include "dialog.h"
#include "patience.h"
#include "picture-host.h"
#include "worker.h"

/* The styles, as sources: the content is number 0. */
enum
{
  STYLE_GLASS = 1,
  STYLE_SWIRLS
};

typedef struct
{
  WctPictureHost pictures; /* first: what is given to the dialog */
  WctHost        real;     /* the calls as they were */
  WctDialog     *dialog;
  GtkWidget     *window;
  WctPreview    *preview;
  char          *content_path, *style_paths[2];

  /* What the host is to answer. */
  WctStatus   fail_content_size, fail_source, fail_begin, fail_finish, fail_help; /* WCT_OK: as it is */
  gboolean    has_reusable;
  WctSettings reusable;
  size_t      available; /* bytes of memory there are; 0: as it is */

  /* What the host was asked. */
  int         begun, finished, helped;
  gboolean    progress_ended; /* told, since the last begin */
  WctSettings applied;        /* of the last finish */
  WctPicture *result;
  char       *model;

  /* What the preview was told. */
  int          shown, refused; /* times */
  guint64      drawn_before;   /* pictures, when the last was shown */
  WctPreviewed last;           /* pictures counted */
  char        *sentence;

  /* What the worker was told, and said. */
  guint64 submitted, delivered; /* tickets of work with a picture */
} Driver;

extern Driver driver;

/* ---- From nothing to a window, and back --------------------------------------------------------------------- */

/* For cmocka's set-up: gtk is initialized, there is no dialog. And tear-down: whatever there was is gone. */
int driver_open (void **state);
int driver_close (void **state);

/* @content_side: the lake, scaled to this; 0: as it is. Stylizes with the glass. */
void driver_show (gint content_side);

/* The same with these settings, and the host as it was changed since driver_prepare. */
void driver_prepare (gint content_side);
void driver_show_settings (const WctSettings *settings);

WctSettings        driver_settings (void); /* that a shown dialog starts with */
const WctSettings *driver_now (void);      /* the session's */
gboolean           driver_is_closed (void);

/* What a program's main begins with: a scratch folder, and a display. 0, or the program's status: 77, skipped, without.
 */
int driver_begin (int *argc, char ***argv);

/* ---- Widgets ------------------------------------------------------------------------------------------------ */

GtkWidget  *driver_find (const char *name); /* fails the test where there is none */
GtkWidget  *driver_seek (const char *name); /* NULL where there is none */
void        driver_each (GtkWidget *below, void (*visit) (GtkWidget *widget, gpointer user),
                         gpointer   user);     /* internal ones, too */
void        driver_press (const char *name); /* a button, by its signal */
void        driver_toggle (const char *name, gboolean active);
void        driver_slide (const char *name, double value); /* a scale */
void        driver_spin (const char *name, double value);
const char *driver_text (const char *name);       /* a label's */
gboolean    driver_is_visible (const char *name); /* with all that it is in */
gboolean    driver_is_sensitive (const char *name);

/* ---- Hands -------------------------------------------------------------------------------------------------- */

void driver_key (guint keyval, GdkModifierType state); /* pressed and let go; to whoever has the focus */
void driver_close_window (void);                       /* its cross */
void driver_drag (GtkWidget *widget, double from_x, double from_y, double to_x, double to_y);
void driver_scroll (GtkWidget *widget, double x, double y, GdkScrollDirection direction);

/* ---- Results ------------------------------------------------------------------------------------------------ */

/* Until the newest preview is drawn and nothing is computed any more. */
void driver_wait_for_preview (void);

/* What is on the screen there, by pixel: 0xRRGGBB. To be freed with cairo_surface_destroy. */
cairo_surface_t *driver_paint (GtkWidget *widget);
guint32          driver_pixel (cairo_surface_t *surface, gint x, gint y);
gboolean         driver_same_paint (cairo_surface_t *a, cairo_surface_t *b);

/* By an engine of its own, from the pictures that the last preview was made of, or would be. */
WctPicture *driver_compute (const WctParams *params, const WctPicture *style, const WctPicture *content);
WctPicture *driver_load_style (int style, gint side);

#endif
