/* The dialog without GIMP: a picture, and others to take the style from. The first of them is the style; those with a +
 * between them are mixed. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gtk/gtk.h>

#include "dialog.h"
#include "i18n.h"
#include "picture-host.h"

/* Takes each + out. Returns how many styles are mixed. */
static gint
take_signs (int *count, char **paths)
{
  gint mixed = 1;
  int  kept = 0;

  for (int i = 0; i < *count; i++)
    if (strcmp (paths[i], "+") == 0)
      mixed++;
    else
      paths[kept++] = paths[i];
  *count = kept;
  return MIN (mixed, kept - 1);
}

int
main (int argc, char **argv)
{
  WctPictureHost host;
  WctDialog     *dialog;
  WctSettings    settings;
  WctError       err;
  int            count;
  gint           mixed;

  setlocale (LC_ALL, "");
  wct_i18n_init ();
  if (!gtk_init_check (&argc, &argv))
    {
      fprintf (stderr, "%s\n", _ ("There is no display to show a window on."));
      return EXIT_FAILURE;
    }
  count = argc - 1;
  mixed = take_signs (&count, argv + 1);
  if (mixed < 1)
    {
      fprintf (stderr, "Usage: %s PICTURE STYLE [+ STYLE]... [OTHER]...\n", argv[0]);
      return 2;
    }
  if (wct_picture_host_open (&host, count, argv + 1, "wct-demo.png", &err) != WCT_OK)
    {
      fprintf (stderr, "%s\n", err.message);
      return EXIT_FAILURE;
    }
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  settings.style_count = 0;
  for (gint i = 1; i <= mixed; i++)
    wct_settings_add_style (&settings, i, NULL);
  dialog = wct_dialog_new (&host.host, &settings);
  wct_dialog_run (dialog, &settings);
  wct_dialog_free (&dialog);
  wct_picture_host_close (&host);
  return EXIT_SUCCESS;
}
