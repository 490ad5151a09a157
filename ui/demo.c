/* The dialog without GIMP: a picture, and others to take the style from. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <gtk/gtk.h>

#include "dialog.h"
#include "i18n.h"
#include "picture-host.h"

int
main (int argc, char **argv)
{
  WctPictureHost host;
  WctDialog     *dialog;
  WctSettings    settings;
  WctError       err;

  setlocale (LC_ALL, "");
  wct_i18n_init ();
  if (!gtk_init_check (&argc, &argv))
    {
      fprintf (stderr, "%s\n", _ ("There is no display to show a window on."));
      return EXIT_FAILURE;
    }
  if (argc < 3)
    {
      fprintf (stderr, "Usage: %s PICTURE STYLE...\n", argv[0]);
      return 2;
    }
  if (wct_picture_host_open (&host, argc - 1, argv + 1, "wct-demo.png", &err) != WCT_OK)
    {
      fprintf (stderr, "%s\n", err.message);
      return EXIT_FAILURE;
    }
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  wct_settings_set_style (&settings, 1, NULL);
  dialog = wct_dialog_new (&host.host, &settings);
  wct_dialog_run (dialog, &settings);
  wct_dialog_free (&dialog);
  wct_picture_host_close (&host);
  return EXIT_SUCCESS;
}
