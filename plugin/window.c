#include "window.h"

#include <gdk/gdkx.h>
#include <libgimp/gimp.h>

/* What gimp_ui_init does, which is GTK 2's. */
static void
follow_gimp (void)
{
  const char *display = gimp_display_name ();
  char       *startup = g_strdup_printf ("gimp-wct_TIME%u", gimp_user_time ());

  g_set_prgname ("gimp-wct");
  if (display != NULL && *display != '\0')
    g_setenv ("DISPLAY", display, TRUE);
  /* GIMP 2.10 is a client of X, and so its windows can only be above ours there. */
  g_setenv ("GDK_BACKEND", "x11", TRUE);
  gdk_set_allowed_backends ("x11");
  if (gimp_user_time () != 0)
    g_setenv ("DESKTOP_STARTUP_ID", startup, TRUE);
  g_free (startup);
}

static void
follow_theme (void)
{
  char          *theme = gimp_gimprc_query ("theme");
  const char    *icons = gimp_icon_theme_dir ();
  const gboolean dark = theme == NULL || g_str_equal (theme, "Dark") || g_str_equal (theme, "Gray");

  g_object_set (gtk_settings_get_default (), "gtk-application-prefer-dark-theme", dark, NULL);
  if (icons != NULL)
    gtk_icon_theme_prepend_search_path (gtk_icon_theme_get_default (), icons);
  g_free (theme);
}

gboolean
wct_window_init (void)
{
  const char *display = gimp_display_name ();

  if (display == NULL || *display == '\0')
    return FALSE;
  follow_gimp ();
  if (!gtk_init_check (NULL, NULL))
    return FALSE;
  gdk_set_program_class (gimp_wm_class ());
  follow_theme ();
  return TRUE;
}

static guint32
gimp_window (void)
{
  const guint32 progress = gimp_progress_get_window_handle ();

  if (progress != 0)
    return progress;
  if (gimp_display_is_valid (gimp_default_display ()))
    return gimp_display_get_window_handle (gimp_default_display ());
  /* Called from a script: any that is there. They are numbered from 1. */
  for (gint32 display = 1; display < 32; display++)
    if (gimp_display_is_valid (display))
      return gimp_display_get_window_handle (display);
  return 0;
}

static void
realized (GtkWidget *window, gpointer user)
{
  GdkWindow *over = gdk_x11_window_foreign_new_for_display (gtk_widget_get_display (window), GPOINTER_TO_UINT (user));

  if (over == NULL)
    return;
  gdk_window_set_transient_for (gtk_widget_get_window (window), over);
  g_object_unref (over);
}

void
wct_window_set_over_gimp (GtkWidget *window)
{
  const guint32 handle = gimp_window ();

  if (handle != 0)
    g_signal_connect (window, "realize", G_CALLBACK (realized), GUINT_TO_POINTER (handle));
  else
    gtk_window_set_position (GTK_WINDOW (window), GTK_WIN_POS_CENTER);
}
