#include "style-chooser.h"

#include "i18n.h"
#include "widgets.h"

#define THUMBNAIL_PX 24
#define PICTURE_PX   112

enum
{
  COLUMN_ID, /* WCT_STYLE_NONE: a file */
  COLUMN_NAME,
  COLUMN_THUMBNAIL,
  COLUMN_PATH,
  COLUMN_COUNT
};

struct WctStyleChooser
{
  GtkWidget *box, *grid, *combo, *picture, *open;
  WctHost   *host;
  void (*changed) (gpointer user);
  gpointer      user;
  GtkListStore *list; /* counted */
  char         *file; /* that was opened; NULL: none */
  gboolean      quiet;
};

/* ---- What is chosen ----------------------------------------------------------------------------------------- */

void
wct_style_chooser_get (const WctStyleChooser *chooser, WctSettings *settings)
{
  GtkTreeIter at;
  char       *path = NULL;

  settings->style = WCT_STYLE_NONE;
  settings->style_file[0] = '\0';
  if (!gtk_combo_box_get_active_iter (GTK_COMBO_BOX (chooser->combo), &at))
    return;
  gtk_tree_model_get (GTK_TREE_MODEL (chooser->list), &at, COLUMN_ID, &settings->style, COLUMN_PATH, &path, -1);
  if (path != NULL)
    g_strlcpy (settings->style_file, path, sizeof settings->style_file);
  g_free (path);
}

static GdkPixbuf *
picture_of (const WctStyleChooser *chooser, gint id, const char *path, gint size)
{
  return path != NULL ? gdk_pixbuf_new_from_file_at_size (path, size, size, NULL)
                      : chooser->host->thumbnail (chooser->host, id, size);
}

static void
show_picture (WctStyleChooser *chooser)
{
  const gint       scale = gtk_widget_get_scale_factor (chooser->picture);
  WctSettings      chosen;
  GdkPixbuf       *pixbuf = NULL;
  cairo_surface_t *surface;

  wct_style_chooser_get (chooser, &chosen);
  if (wct_settings_have_style (&chosen))
    pixbuf =
      picture_of (chooser, chosen.style, chosen.style_file[0] != '\0' ? chosen.style_file : NULL, PICTURE_PX * scale);
  if (pixbuf == NULL)
    {
      gtk_image_set_from_icon_name (GTK_IMAGE (chooser->picture), "image-missing-symbolic", GTK_ICON_SIZE_DIALOG);
      return;
    }
  surface = gdk_cairo_surface_create_from_pixbuf (pixbuf, scale, NULL);
  gtk_image_set_from_surface (GTK_IMAGE (chooser->picture), surface);
  cairo_surface_destroy (surface);
  g_object_unref (pixbuf);
}

static void
selected (GtkComboBox *combo, gpointer user)
{
  WctStyleChooser *chooser = user;

  (void)combo;
  if (chooser->quiet)
    return;
  show_picture (chooser);
  chooser->changed (chooser->user);
}

/* ---- The list ----------------------------------------------------------------------------------------------- */

static void
append (WctStyleChooser *chooser, gint id, const char *name, const char *path)
{
  GdkPixbuf *thumbnail = picture_of (chooser, id, path, THUMBNAIL_PX);

  gtk_list_store_insert_with_values (chooser->list, NULL, -1, COLUMN_ID, id, COLUMN_NAME, name, COLUMN_THUMBNAIL,
                                     thumbnail, COLUMN_PATH, path, -1);
  g_clear_object (&thumbnail);
}

static void
fill (WctStyleChooser *chooser)
{
  GPtrArray *sources = chooser->host->sources (chooser->host);

  gtk_list_store_clear (chooser->list);
  for (guint i = 0; i < sources->len; i++)
    {
      const WctSource *source = g_ptr_array_index (sources, i);

      append (chooser, source->id, source->name, NULL);
    }
  g_ptr_array_unref (sources);
  if (chooser->file != NULL)
    {
      char *name = g_filename_display_basename (chooser->file);

      append (chooser, WCT_STYLE_NONE, name, chooser->file);
      g_free (name);
    }
}

static gboolean
choose (WctStyleChooser *chooser, const WctSettings *settings)
{
  GtkTreeModel *model = GTK_TREE_MODEL (chooser->list);
  GtkTreeIter   at;
  gboolean      found = FALSE;

  if (!wct_settings_have_style (settings))
    return FALSE;
  for (gboolean more = gtk_tree_model_get_iter_first (model, &at); more && !found;)
    {
      gint id;

      gtk_tree_model_get (model, &at, COLUMN_ID, &id, -1);
      found = id == settings->style;
      if (found)
        gtk_combo_box_set_active_iter (GTK_COMBO_BOX (chooser->combo), &at);
      else
        more = gtk_tree_model_iter_next (model, &at);
    }
  return found;
}

void
wct_style_chooser_set (WctStyleChooser *chooser, const WctSettings *settings)
{
  chooser->quiet = TRUE;
  if (settings->style_file[0] != '\0')
    {
      g_free (chooser->file);
      chooser->file = g_strdup (settings->style_file);
    }
  fill (chooser);
  if (!choose (chooser, settings))
    gtk_combo_box_set_active (GTK_COMBO_BOX (chooser->combo), -1);
  chooser->quiet = FALSE;
  show_picture (chooser);
}

void
wct_style_chooser_refresh (WctStyleChooser *chooser)
{
  WctSettings before, after;

  wct_style_chooser_get (chooser, &before);
  wct_style_chooser_set (chooser, &before);
  wct_style_chooser_get (chooser, &after);
  if (wct_settings_have_style (&before) != wct_settings_have_style (&after))
    chooser->changed (chooser->user);
}

/* Layers come and go while the dialog is open. */
static void
popup_shown (GObject *combo, GParamSpec *property, gpointer user)
{
  gboolean shown;

  (void)property;
  g_object_get (combo, "popup-shown", &shown, NULL);
  if (shown)
    wct_style_chooser_refresh (user);
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

static void
take_file (WctStyleChooser *chooser, const char *path)
{
  WctSettings settings = { .style = WCT_STYLE_NONE };

  g_strlcpy (settings.style_file, path, sizeof settings.style_file);
  wct_style_chooser_set (chooser, &settings);
  chooser->changed (chooser->user);
}

static void
answered (GtkDialog *dialog, gint response, gpointer user)
{
  if (response == GTK_RESPONSE_ACCEPT)
    {
      char *path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (dialog));

      if (path != NULL)
        take_file (user, path);
      g_free (path);
    }
  gtk_widget_destroy (GTK_WIDGET (dialog));
}

static void
show_files (GtkButton *button, gpointer user)
{
  GtkWidget *window = gtk_widget_get_toplevel (GTK_WIDGET (button));
  GtkWidget *dialog =
    gtk_file_chooser_dialog_new (_ ("Choose a style"), GTK_WINDOW (window), GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Cancel"),
                                 GTK_RESPONSE_CANCEL, _ ("_Open"), GTK_RESPONSE_ACCEPT, NULL);
  GtkFileFilter *filter = gtk_file_filter_new ();

  gtk_file_filter_add_pixbuf_formats (filter);
  gtk_file_filter_set_name (filter, _ ("Pictures"));
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), filter);
  gtk_dialog_set_default_response (GTK_DIALOG (dialog), GTK_RESPONSE_ACCEPT);
  gtk_window_set_modal (GTK_WINDOW (dialog), TRUE);
  g_signal_connect (dialog, "response", G_CALLBACK (answered), user);
  gtk_widget_show (dialog);
}

/* ---- The widget --------------------------------------------------------------------------------------------- */

static void
add_cells (GtkCellLayout *combo)
{
  GtkCellRenderer *thumbnail = gtk_cell_renderer_pixbuf_new (), *name = gtk_cell_renderer_text_new ();

  gtk_cell_renderer_set_fixed_size (thumbnail, THUMBNAIL_PX + 4, THUMBNAIL_PX);
  gtk_cell_layout_pack_start (combo, thumbnail, FALSE);
  gtk_cell_layout_add_attribute (combo, thumbnail, "pixbuf", COLUMN_THUMBNAIL);
  g_object_set (name, "ellipsize", PANGO_ELLIPSIZE_MIDDLE, "width-chars", 12, NULL);
  gtk_cell_layout_pack_start (combo, name, TRUE);
  gtk_cell_layout_add_attribute (combo, name, "text", COLUMN_NAME);
}

static void
free_chooser (gpointer data)
{
  WctStyleChooser *chooser = data;

  g_object_unref (chooser->list);
  g_free (chooser->file);
  g_free (chooser);
}

static void
make_grid (WctStyleChooser *chooser)
{
  GtkWidget *label = gtk_label_new_with_mnemonic (_ ("St_yle:"));

  chooser->grid = gtk_grid_new ();
  chooser->combo = gtk_combo_box_new_with_model (GTK_TREE_MODEL (chooser->list));
  chooser->open = gtk_button_new_with_mnemonic (_ ("Ope_n a picture…"));
  add_cells (GTK_CELL_LAYOUT (chooser->combo));
  gtk_widget_set_name (chooser->combo, "style");
  gtk_widget_set_tooltip_text (chooser->combo, _ ("The picture whose look is taken: any layer of any open image"));
  wct_widget_describe (chooser->combo, _ ("Style"), NULL);
  gtk_widget_set_hexpand (chooser->combo, TRUE);
  gtk_widget_set_name (chooser->open, "open-style");
  gtk_widget_set_tooltip_text (chooser->open, _ ("Take the style from a file"));
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), chooser->combo);
  gtk_grid_set_column_spacing (GTK_GRID (chooser->grid), 6);
  gtk_grid_set_row_spacing (GTK_GRID (chooser->grid), 4);
  gtk_grid_attach (GTK_GRID (chooser->grid), label, 0, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (chooser->grid), chooser->combo, 1, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (chooser->grid), chooser->open, 1, 1, 1, 1);
}

WctStyleChooser *
wct_style_chooser_new (WctHost *host, void (*changed) (gpointer user), gpointer user)
{
  WctStyleChooser *chooser = g_new0 (WctStyleChooser, 1);

  chooser->host = host;
  chooser->changed = changed;
  chooser->user = user;
  chooser->list = gtk_list_store_new (COLUMN_COUNT, G_TYPE_INT, G_TYPE_STRING, GDK_TYPE_PIXBUF, G_TYPE_STRING);
  chooser->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  chooser->picture = gtk_image_new ();
  gtk_widget_set_size_request (chooser->picture, PICTURE_PX, PICTURE_PX);
  wct_widget_describe (chooser->picture, _ ("The style's picture"), NULL);
  make_grid (chooser);
  gtk_container_add (GTK_CONTAINER (chooser->box), chooser->picture);
  gtk_box_pack_start (GTK_BOX (chooser->box), chooser->grid, TRUE, TRUE, 0);
  g_signal_connect (chooser->combo, "changed", G_CALLBACK (selected), chooser);
  g_signal_connect (chooser->combo, "notify::popup-shown", G_CALLBACK (popup_shown), chooser);
  g_signal_connect (chooser->open, "clicked", G_CALLBACK (show_files), chooser);
  g_object_set_data_full (G_OBJECT (chooser->box), "wct-style-chooser", chooser, free_chooser);
  return chooser;
}

GtkWidget *
wct_style_chooser_widget (WctStyleChooser *chooser)
{
  return chooser->box;
}

GtkWidget *
wct_style_chooser_grid (WctStyleChooser *chooser)
{
  return chooser->grid;
}
