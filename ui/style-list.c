#include "style-list.h"

#include <string.h>

#include <wct/style.h>

#include "blend-pad.h"
#include "i18n.h"
#include "widgets.h"

#define THUMBNAIL_PX   24
#define PICTURE_PX     124
#define SPACE_PX       12
#define PAD_PX         48
#define ROWS_MAX_PX    150
#define SOURCES_MAX_PX 320

enum
{
  COLUMN_ID, /* WCT_STYLE_NONE: a file */
  COLUMN_NAME,
  COLUMN_THUMBNAIL,
  COLUMN_PATH,
  COLUMN_COUNT
};

typedef struct
{
  WctStyleList  *list;
  GtkWidget     *box, *pick, *picture, *name;
  GtkAdjustment *weight; /* percent */
} Row;

struct WctStyleList
{
  GtkWidget     *box, *picture, *save, *combo, *mix, *sources;
  WctHost       *host;
  WctListEvents  events;
  gpointer       user;
  GtkListStore  *model; /* counted */
  GPtrArray     *files; /* that were opened; owned */
  WctStyleChoice styles[WCT_STYLES_MAX];
  gint           count, selected;
  Row            rows[WCT_STYLES_MAX];
  WctBlendPad   *pad;
  gboolean       adds; /* files are added, rather than taken for the selected one */
  gboolean       quiet;
};

/* ---- Pictures and names ------------------------------------------------------------------------------------- */

/* The one that a file of statistics carries. */
static GdkPixbuf *
picture_of_style_file (const char *path, gint size)
{
  WctStyleCard card;
  GdkPixbuf   *pixbuf = NULL;
  gint         width, height;

  if (wct_style_read_card (path, &card, NULL) != WCT_OK)
    return NULL;
  width = card.width;
  height = card.height;
  wct_size_fit (size, &width, &height);
  if (card.thumbnail != NULL)
    {
      GBytes    *bytes = g_bytes_new (card.thumbnail, (gsize)card.width * (gsize)card.height * 3);
      GdkPixbuf *whole =
        gdk_pixbuf_new_from_bytes (bytes, GDK_COLORSPACE_RGB, FALSE, 8, card.width, card.height, card.width * 3);

      pixbuf = gdk_pixbuf_scale_simple (whole, width, height, GDK_INTERP_BILINEAR);
      g_object_unref (whole);
      g_bytes_unref (bytes);
    }
  wct_style_card_clear (&card);
  return pixbuf;
}

static GdkPixbuf *
picture_of (const WctStyleList *list, const WctStyleChoice *style, gint size)
{
  if (style->id != WCT_STYLE_NONE)
    return list->host->thumbnail (list->host, style->id, size);
  if (wct_is_style_file (style->file))
    return picture_of_style_file (style->file, size);
  return gdk_pixbuf_new_from_file_at_size (style->file, size, size, NULL);
}

static gboolean
find (const WctStyleList *list, const WctStyleChoice *style, GtkTreeIter *at)
{
  GtkTreeModel *model = GTK_TREE_MODEL (list->model);
  gboolean      more = gtk_tree_model_get_iter_first (model, at), found = FALSE;

  while (more && !found)
    {
      char *path;
      gint  id;

      gtk_tree_model_get (model, at, COLUMN_ID, &id, COLUMN_PATH, &path, -1);
      found = id == style->id && g_strcmp0 (path == NULL ? "" : path, style->file) == 0;
      g_free (path);
      if (!found)
        more = gtk_tree_model_iter_next (model, at);
    }
  return found;
}

char *
wct_style_list_name (const WctStyleList *list, gint index)
{
  GtkTreeIter at;
  char       *name = NULL;

  if (index < list->count && find (list, &list->styles[index], &at))
    gtk_tree_model_get (GTK_TREE_MODEL (list->model), &at, COLUMN_NAME, &name, -1);
  return name != NULL ? name : g_strdup ("");
}

/* ---- Showing ------------------------------------------------------------------------------------------------ */

static void
show_picture (WctStyleList *list)
{
  const gint scale = gtk_widget_get_scale_factor (list->picture);
  GdkPixbuf *pixbuf =
    list->selected < list->count ? picture_of (list, &list->styles[list->selected], PICTURE_PX * scale) : NULL;

  wct_image_set (list->picture, pixbuf);
  gtk_widget_set_sensitive (list->save,
                            list->selected < list->count && !wct_is_style_file (list->styles[list->selected].file));
  g_clear_object (&pixbuf);
}

static void
show_combo (WctStyleList *list)
{
  GtkTreeIter at;

  if (list->selected < list->count && find (list, &list->styles[list->selected], &at))
    gtk_combo_box_set_active_iter (GTK_COMBO_BOX (list->combo), &at);
  else
    gtk_combo_box_set_active (GTK_COMBO_BOX (list->combo), -1);
}

static void
show_row (WctStyleList *list, gint index)
{
  Row       *row = &list->rows[index];
  GdkPixbuf *pixbuf =
    picture_of (list, &list->styles[index], THUMBNAIL_PX * gtk_widget_get_scale_factor (row->picture));
  char *name = wct_style_list_name (list, index), *text;

  wct_image_set (row->picture, pixbuf);
  g_clear_object (&pixbuf);
  gtk_label_set_text (GTK_LABEL (row->name), name);
  /* Translators: for screen readers; a style's name. */
  text = g_strdup_printf (_ ("Style %s"), name);
  wct_widget_describe (row->pick, text, NULL);
  gtk_adjustment_set_value (row->weight, 100 * list->styles[index].weight);
  if (index == list->selected)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (row->pick), TRUE);
  g_free (text);
  g_free (name);
}

static void
place_handle (WctStyleList *list)
{
  double weights[WCT_STYLES_MAX];

  for (gint i = 0; i < list->count; i++)
    weights[i] = list->styles[i].weight;
  if (list->count > 1)
    wct_blend_pad_set (list->pad, weights);
}

static void
show_pad (WctStyleList *list)
{
  GdkPixbuf *pictures[WCT_BLEND_PAD_STYLES] = { NULL };
  const gint count = MIN (list->count, WCT_BLEND_PAD_STYLES);

  for (gint i = 0; i < count; i++)
    pictures[i] = picture_of (list, &list->styles[i], PAD_PX * gtk_widget_get_scale_factor (list->picture));
  wct_blend_pad_set_styles (list->pad, count, pictures);
  for (gint i = 0; i < count; i++)
    g_clear_object (&pictures[i]);
  place_handle (list);
}

/* One alone looks as if there could be no more. */
static void
show_mix (WctStyleList *list)
{
  const gboolean quiet = list->quiet;

  list->quiet = TRUE;
  gtk_widget_set_visible (list->mix, list->count > 1);
  for (gint i = 0; i < WCT_STYLES_MAX; i++)
    {
      gtk_widget_set_visible (list->rows[i].box, i < list->count);
      if (i < list->count && list->count > 1)
        show_row (list, i);
    }
  if (list->count > 1)
    show_pad (list);
  list->quiet = quiet;
}

/* ---- The model ---------------------------------------------------------------------------------------------- */

static void
append (WctStyleList *list, gint id, const char *name, const char *path)
{
  WctStyleChoice style = { .id = id };
  GdkPixbuf     *thumbnail;

  g_strlcpy (style.file, path == NULL ? "" : path, sizeof style.file);
  thumbnail = picture_of (list, &style, THUMBNAIL_PX);
  gtk_list_store_insert_with_values (list->model, NULL, -1, COLUMN_ID, id, COLUMN_NAME, name, COLUMN_THUMBNAIL,
                                     thumbnail, COLUMN_PATH, path, -1);
  g_clear_object (&thumbnail);
}

static void
fill (WctStyleList *list)
{
  GPtrArray *sources = list->host->sources (list->host);

  gtk_list_store_clear (list->model);
  for (guint i = 0; i < sources->len; i++)
    {
      const WctSource *source = g_ptr_array_index (sources, i);

      append (list, source->id, source->name, NULL);
    }
  g_ptr_array_unref (sources);
  for (guint i = 0; i < list->files->len; i++)
    {
      const char *path = g_ptr_array_index (list->files, i);
      char       *name = g_filename_display_basename (path);

      append (list, WCT_STYLE_NONE, name, path);
      g_free (name);
    }
}

static void
remember_file (WctStyleList *list, const char *path)
{
  gboolean known = *path == '\0';

  for (guint i = 0; i < list->files->len && !known; i++)
    known = strcmp (g_ptr_array_index (list->files, i), path) == 0;
  if (!known)
    g_ptr_array_add (list->files, g_strdup (path));
}

/* Those that are there. */
static void
take_styles (WctStyleList *list, const WctSettings *settings)
{
  GtkTreeIter at;

  for (gint i = 0; i < settings->style_count; i++)
    remember_file (list, settings->styles[i].file);
  fill (list);
  list->count = 0;
  for (gint i = 0; i < settings->style_count; i++)
    if (find (list, &settings->styles[i], &at))
      list->styles[list->count++] = settings->styles[i];
  list->selected = CLAMP (list->selected, 0, MAX (list->count - 1, 0));
}

static void fill_sources (WctStyleList *list);

void
wct_style_list_set (WctStyleList *list, const WctSettings *settings)
{
  list->quiet = TRUE;
  take_styles (list, settings);
  show_combo (list);
  show_picture (list);
  show_mix (list);
  fill_sources (list);
  list->quiet = FALSE;
}

void
wct_style_list_get (const WctStyleList *list, WctSettings *settings)
{
  if (list->count == 0)
    wct_settings_set_style (settings, WCT_STYLE_NONE, NULL);
  settings->style_count = list->count;
  for (gint i = 0; i < list->count; i++)
    settings->styles[i] = list->styles[i];
}

static void
notify (WctStyleList *list)
{
  if (!list->quiet)
    list->events.changed (list->user);
}

/* ---- Choosing ----------------------------------------------------------------------------------------------- */

/* For the selected one; the first, where there is none yet. */
static void
combo_changed (GtkComboBox *combo, gpointer user)
{
  WctStyleList   *list = user;
  WctStyleChoice *style = &list->styles[list->selected];
  GtkTreeIter     at;
  char           *path = NULL;

  if (list->quiet)
    return;
  if (!gtk_combo_box_get_active_iter (combo, &at))
    list->count = list->count > 1 ? list->count : 0;
  else
    {
      if (list->count == 0)
        style->weight = 1;
      gtk_tree_model_get (GTK_TREE_MODEL (list->model), &at, COLUMN_ID, &style->id, COLUMN_PATH, &path, -1);
      g_strlcpy (style->file, path == NULL ? "" : path, sizeof style->file);
      list->count = MAX (list->count, 1);
      g_free (path);
    }
  show_picture (list);
  show_mix (list);
  notify (list);
}

/* Layers come and go while the dialog is open. */
static void
popup_shown (GObject *combo, GParamSpec *property, gpointer user)
{
  WctStyleList *list = user;
  WctSettings   before;
  gboolean      shown;

  (void)property;
  g_object_get (combo, "popup-shown", &shown, NULL);
  if (!shown)
    return;
  list->events.get (list->user, &before);
  wct_style_list_set (list, &before);
  if (list->count != before.style_count)
    notify (list);
}

static void
picked (GtkToggleButton *button, gpointer user)
{
  Row          *row = user;
  WctStyleList *list = row->list;

  if (list->quiet || !gtk_toggle_button_get_active (button))
    return;
  list->selected = (gint)(row - list->rows);
  list->quiet = TRUE;
  show_combo (list);
  show_picture (list);
  list->quiet = FALSE;
}

static void
weight_changed (GtkAdjustment *adjustment, gpointer user)
{
  Row          *row = user;
  WctStyleList *list = row->list;

  if (list->quiet)
    return;
  list->styles[row - list->rows].weight = gtk_adjustment_get_value (adjustment) / 100;
  place_handle (list);
  notify (list);
}

static void
pad_changed (gpointer user)
{
  WctStyleList *list = user;
  double        weights[WCT_BLEND_PAD_STYLES];

  wct_blend_pad_get (list->pad, weights);
  list->quiet = TRUE;
  for (gint i = 0; i < MIN (list->count, WCT_BLEND_PAD_STYLES); i++)
    {
      list->styles[i].weight = weights[i];
      gtk_adjustment_set_value (list->rows[i].weight, 100 * weights[i]);
    }
  list->quiet = FALSE;
  notify (list);
}

/* ---- More and fewer ----------------------------------------------------------------------------------------- */

static void
remove_pressed (GtkButton *button, gpointer user)
{
  Row          *row = user;
  WctStyleList *list = row->list;
  WctSettings   settings;

  (void)button;
  list->events.get (list->user, &settings);
  wct_settings_remove_style (&settings, (gint)(row - list->rows));
  list->events.set (list->user, &settings);
}

/* The new ones are selected. */
static void
add_styles (WctStyleList *list, const WctStyleChoice *styles, gint count)
{
  WctSettings settings;

  list->events.get (list->user, &settings);
  for (gint i = 0; i < count; i++)
    wct_settings_add_style (&settings, styles[i].id, styles[i].file);
  list->selected = settings.style_count - 1;
  list->events.set (list->user, &settings);
}

static void
popdown_sources (WctStyleList *list)
{
  gtk_popover_popdown (GTK_POPOVER (gtk_widget_get_ancestor (list->sources, GTK_TYPE_POPOVER)));
}

static void
source_pressed (GtkButton *button, gpointer user)
{
  WctStyleList        *list = user;
  const WctStyleChoice style = { .id = GPOINTER_TO_INT (g_object_get_data (G_OBJECT (button), "wct-id")) };

  popdown_sources (list);
  add_styles (list, &style, 1);
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

static void
take_file (WctStyleList *list, const char *path)
{
  WctSettings     settings;
  WctStyleChoice *style = &settings.styles[list->selected];

  list->events.get (list->user, &settings);
  if (settings.style_count == 0)
    wct_settings_set_style (&settings, WCT_STYLE_NONE, path);
  style->id = WCT_STYLE_NONE;
  g_strlcpy (style->file, path, sizeof style->file);
  list->events.set (list->user, &settings);
}

static void
add_files (WctStyleList *list, const GSList *paths)
{
  WctStyleChoice styles[WCT_STYLES_MAX];
  gint           count = 0;

  for (const GSList *at = paths; at != NULL && count < WCT_STYLES_MAX; at = at->next)
    {
      styles[count] = (WctStyleChoice){ .id = WCT_STYLE_NONE };
      g_strlcpy (styles[count].file, at->data, sizeof styles[count].file);
      count++;
    }
  add_styles (list, styles, count);
}

static void
answered (GtkDialog *dialog, gint response, gpointer user)
{
  WctStyleList *list = user;
  GSList       *paths = gtk_file_chooser_get_filenames (GTK_FILE_CHOOSER (dialog));

  if (response == GTK_RESPONSE_ACCEPT && paths != NULL && list->adds)
    add_files (list, paths);
  else if (response == GTK_RESPONSE_ACCEPT && paths != NULL)
    take_file (list, paths->data);
  g_slist_free_full (paths, g_free);
  gtk_widget_destroy (GTK_WIDGET (dialog));
}

static void
show_files (WctStyleList *list, gboolean add)
{
  GtkWidget *window = gtk_widget_get_toplevel (list->box);
  GtkWidget *dialog =
    gtk_file_chooser_dialog_new (_ ("Choose a style"), GTK_WINDOW (window), GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Cancel"),
                                 GTK_RESPONSE_CANCEL, _ ("_Open"), GTK_RESPONSE_ACCEPT, NULL);
  GtkFileFilter *filter = gtk_file_filter_new ();

  list->adds = add;
  gtk_file_chooser_set_select_multiple (GTK_FILE_CHOOSER (dialog), add);
  gtk_file_filter_add_pixbuf_formats (filter);
  gtk_file_filter_add_pattern (filter, "*.wctstyle");
  gtk_file_filter_set_name (filter, _ ("Pictures and style files"));
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), filter);
  gtk_dialog_set_default_response (GTK_DIALOG (dialog), GTK_RESPONSE_ACCEPT);
  gtk_window_set_modal (GTK_WINDOW (dialog), TRUE);
  g_signal_connect (dialog, "response", G_CALLBACK (answered), list);
  gtk_widget_show (dialog);
}

static void
open_pressed (GtkButton *button, gpointer user)
{
  (void)button;
  show_files (user, FALSE);
}

static void
add_files_pressed (GtkButton *button, gpointer user)
{
  (void)button;
  popdown_sources (user);
  show_files (user, TRUE);
}

/* ---- Keeping a style ---------------------------------------------------------------------------------------- */

static void
save_answered (GtkDialog *dialog, gint response, gpointer user)
{
  WctStyleList  *list = user;
  char          *path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (dialog));
  const gboolean accepted = response == GTK_RESPONSE_ACCEPT && path != NULL && list->selected < list->count;

  if (accepted
      && !wct_is_style_file (path)) /* shown with its extension first: whether it is there was not asked for that */
    {
      char *base = g_path_get_basename (path), *name = g_strconcat (base, WCT_STYLE_EXTENSION, NULL);

      gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), name);
      g_free (name);
      g_free (base);
    }
  else
    {
      gtk_widget_destroy (GTK_WIDGET (dialog));
      if (accepted)
        list->events.save (list->user, list->selected, path);
    }
  g_free (path);
}

/* "waves.wctstyle" of "waves.jpg / Background", without what no file's name may have. */
static char *
file_name_of (const WctStyleList *list)
{
  char *name = wct_style_list_name (list, list->selected), *dot = strrchr (name, '.'), *file;

  if (dot != NULL && dot != name)
    *dot = '\0';
  g_strdelimit (name, "/", '-');
  file = g_strconcat (name[0] != '\0' ? name : "style", WCT_STYLE_EXTENSION, NULL);
  g_free (name);
  return file;
}

static void
save_pressed (GtkButton *button, gpointer user)
{
  WctStyleList *list = user;
  GtkWidget    *dialog = gtk_file_chooser_dialog_new (
       _ ("Keep the style"), GTK_WINDOW (gtk_widget_get_toplevel (GTK_WIDGET (button))), GTK_FILE_CHOOSER_ACTION_SAVE,
       _ ("_Cancel"), GTK_RESPONSE_CANCEL, _ ("_Save"), GTK_RESPONSE_ACCEPT, NULL);
  char *name = file_name_of (list);

  gtk_file_chooser_set_do_overwrite_confirmation (GTK_FILE_CHOOSER (dialog), TRUE);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), name);
  gtk_dialog_set_default_response (GTK_DIALOG (dialog), GTK_RESPONSE_ACCEPT);
  gtk_window_set_modal (GTK_WINDOW (dialog), TRUE);
  g_signal_connect (dialog, "response", G_CALLBACK (save_answered), list);
  gtk_widget_show (dialog);
  g_free (name);
}

/* ---- The widget: what can be added -------------------------------------------------------------------------- */

static GtkWidget *
make_source (WctStyleList *list, gint id, const char *name, GdkPixbuf *thumbnail)
{
  GtkWidget *button = gtk_button_new (), *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *label = gtk_label_new (name);
  char      *widget_name = g_strdup_printf ("add-source-%d", id);

  gtk_button_set_relief (GTK_BUTTON (button), GTK_RELIEF_NONE);
  gtk_widget_set_name (button, widget_name);
  gtk_widget_set_tooltip_text (button, _ ("Mix this one in"));
  wct_widget_describe (button, name, NULL);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 40);
  gtk_container_add (GTK_CONTAINER (row), gtk_image_new_from_pixbuf (thumbnail));
  gtk_container_add (GTK_CONTAINER (row), label);
  gtk_container_add (GTK_CONTAINER (button), row);
  g_object_set_data (G_OBJECT (button), "wct-id", GINT_TO_POINTER (id));
  g_signal_connect (button, "clicked", G_CALLBACK (source_pressed), list);
  g_free (widget_name);
  return button;
}

static void
fill_sources (WctStyleList *list)
{
  GtkTreeModel *model = GTK_TREE_MODEL (list->model);
  GtkTreeIter   at;

  gtk_container_foreach (GTK_CONTAINER (list->sources), (GtkCallback)(void (*) (void))gtk_widget_destroy, NULL);
  for (gboolean more = gtk_tree_model_get_iter_first (model, &at); more; more = gtk_tree_model_iter_next (model, &at))
    {
      GdkPixbuf *thumbnail;
      char      *name;
      gint       id;

      gtk_tree_model_get (model, &at, COLUMN_ID, &id, COLUMN_NAME, &name, COLUMN_THUMBNAIL, &thumbnail, -1);
      if (id != WCT_STYLE_NONE)
        gtk_container_add (GTK_CONTAINER (list->sources), make_source (list, id, name, thumbnail));
      g_clear_object (&thumbnail);
      g_free (name);
    }
  gtk_widget_show_all (list->sources);
}

static GtkWidget *
make_add (WctStyleList *list)
{
  GtkWidget *button = gtk_menu_button_new (), *popover = gtk_popover_new (button);
  GtkWidget *label = gtk_label_new_with_mnemonic (_ ("A_dd a style"));
  GtkWidget *column = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6), *scrolled = gtk_scrolled_window_new (NULL, NULL);
  GtkWidget *files = gtk_button_new_with_mnemonic (_ ("From _files…"));

  list->sources = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scrolled), TRUE);
  gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scrolled), SOURCES_MAX_PX);
  gtk_container_add (GTK_CONTAINER (scrolled), list->sources);
  gtk_widget_set_name (files, "add-files");
  gtk_widget_set_tooltip_text (files, _ ("Mix in pictures, or styles that were kept in files"));
  g_signal_connect (files, "clicked", G_CALLBACK (add_files_pressed), list);
  gtk_container_add (GTK_CONTAINER (column), scrolled);
  gtk_container_add (GTK_CONTAINER (column), files);
  gtk_container_set_border_width (GTK_CONTAINER (column), 8);
  gtk_container_add (GTK_CONTAINER (popover), column);
  gtk_widget_show_all (column);
  gtk_widget_set_name (button, "add-style");
  gtk_widget_set_tooltip_text (button, _ ("Mix in one more style: the picture gets something of each"));
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), button);
  gtk_container_add (GTK_CONTAINER (button), label);
  wct_widget_describe (button, _ ("Add a style"), NULL);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (button), popover);
  wct_widget_make_compact (button);
  return button;
}

/* ---- The widget: the mix ------------------------------------------------------------------------------------ */

static void
name_parts (gint index, Row *row, GtkWidget *scale, GtkWidget *spin, GtkWidget *away)
{
  char *name = g_strdup_printf ("style-weight-%d", index);

  wct_widget_set_names (name, NULL, scale, spin, NULL);
  g_free (name);
  name = g_strdup_printf ("style-pick-%d", index);
  gtk_widget_set_name (row->pick, name);
  g_free (name);
  name = g_strdup_printf ("style-remove-%d", index);
  gtk_widget_set_name (away, name);
  g_free (name);
}

static void
make_pick (WctStyleList *list, Row *row)
{
  GtkWidget *inside = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4);

  row->pick = gtk_radio_button_new_from_widget (row == list->rows ? NULL : GTK_RADIO_BUTTON (list->rows[0].pick));
  row->picture = gtk_image_new ();
  row->name = gtk_label_new ("");
  gtk_toggle_button_set_mode (GTK_TOGGLE_BUTTON (row->pick), FALSE);
  gtk_button_set_relief (GTK_BUTTON (row->pick), GTK_RELIEF_NONE);
  gtk_widget_set_tooltip_text (row->pick, _ ("Show this style above, to look at it or to take another for it"));
  gtk_widget_set_size_request (row->picture, THUMBNAIL_PX, THUMBNAIL_PX);
  gtk_label_set_ellipsize (GTK_LABEL (row->name), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_width_chars (GTK_LABEL (row->name), 9);
  gtk_label_set_max_width_chars (GTK_LABEL (row->name), 13);
  gtk_label_set_xalign (GTK_LABEL (row->name), 0);
  gtk_container_add (GTK_CONTAINER (inside), row->picture);
  gtk_box_pack_start (GTK_BOX (inside), row->name, TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (row->pick), inside);
  wct_widget_make_compact (row->pick);
  g_signal_connect (row->pick, "toggled", G_CALLBACK (picked), row);
}

static GtkWidget *
make_row (WctStyleList *list, gint index)
{
  Row        *row = &list->rows[index];
  const char *explanation = _ ("How much of this style there is, beside the others");
  GtkWidget  *scale, *spin, *away;
  char       *text = g_strdup_printf (_ ("Weight of style %d, in percent"), index + 1);

  row->list = list;
  row->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4);
  row->weight = gtk_adjustment_new (100, 0, 100, 1, 10, 0);
  make_pick (list, row);
  scale = wct_scale_new (row->weight);
  gtk_widget_set_size_request (scale, 56, -1);
  spin = wct_spin_new (row->weight, 0);
  gtk_entry_set_width_chars (GTK_ENTRY (spin), 3);
  away = wct_icon_button_new ("list-remove-symbolic", _ ("Take this style out of the mix"));
  gtk_widget_set_tooltip_text (scale, explanation);
  gtk_widget_set_tooltip_text (spin, explanation);
  wct_widget_describe (scale, text, explanation);
  wct_widget_describe (spin, text, explanation);
  name_parts (index, row, scale, spin, away);
  gtk_box_pack_start (GTK_BOX (row->box), row->pick, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (row->box), scale, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (row->box), spin, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (row->box), wct_unit_new ("%"), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (row->box), away, FALSE, FALSE, 0);
  gtk_widget_show_all (row->box);
  gtk_widget_set_no_show_all (row->box, TRUE);
  g_signal_connect (row->weight, "value-changed", G_CALLBACK (weight_changed), row);
  g_signal_connect (away, "clicked", G_CALLBACK (remove_pressed), row);
  g_free (text);
  return row->box;
}

static GtkWidget *
make_mix (WctStyleList *list)
{
  GtkWidget    *rows = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2), *scrolled = gtk_scrolled_window_new (NULL, NULL);
  GtkSizeGroup *names = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);

  list->mix = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACE_PX);
  list->pad = wct_blend_pad_new (pad_changed, list);
  gtk_widget_set_valign (wct_blend_pad_widget (list->pad), GTK_ALIGN_START);
  for (gint i = 0; i < WCT_STYLES_MAX; i++)
    {
      gtk_container_add (GTK_CONTAINER (rows), make_row (list, i));
      gtk_size_group_add_widget (names, list->rows[i].pick);
    }
  g_object_unref (names);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scrolled), TRUE);
  gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scrolled), ROWS_MAX_PX);
  gtk_container_add (GTK_CONTAINER (scrolled), rows);
  gtk_container_add (GTK_CONTAINER (list->mix), wct_blend_pad_widget (list->pad));
  gtk_box_pack_start (GTK_BOX (list->mix), scrolled, TRUE, TRUE, 0);
  gtk_widget_show_all (list->mix);
  gtk_widget_hide (list->mix);
  gtk_widget_set_no_show_all (list->mix, TRUE);
  return list->mix;
}

/* ---- The widget: the selected style ------------------------------------------------------------------------- */

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

static GtkWidget *
make_combo (WctStyleList *list)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6), *label = gtk_label_new_with_mnemonic (_ ("_Picture:"));

  list->combo = gtk_combo_box_new_with_model (GTK_TREE_MODEL (list->model));
  add_cells (GTK_CELL_LAYOUT (list->combo));
  gtk_widget_set_name (list->combo, "style");
  wct_widget_make_compact (list->combo);
  gtk_widget_set_tooltip_text (list->combo, _ ("The picture whose look is taken: any layer of any open image"));
  wct_widget_describe (list->combo, _ ("Style"), NULL);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), list->combo);
  gtk_container_add (GTK_CONTAINER (row), label);
  gtk_box_pack_start (GTK_BOX (row), list->combo, TRUE, TRUE, 0);
  g_signal_connect (list->combo, "changed", G_CALLBACK (combo_changed), list);
  g_signal_connect (list->combo, "notify::popup-shown", G_CALLBACK (popup_shown), list);
  return row;
}

static GtkWidget *
make_selected (WctStyleList *list)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACE_PX),
            *column = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *files = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *open = gtk_button_new_with_mnemonic (_ ("Op_en a picture…"));

  list->save =
    wct_icon_button_new ("document-save-symbolic", _ ("Keep this style in a file, which needs its picture no more"));
  gtk_widget_set_name (list->save, "save-style");
  g_signal_connect (list->save, "clicked", G_CALLBACK (save_pressed), list);
  list->picture = gtk_image_new ();
  gtk_widget_set_size_request (list->picture, PICTURE_PX, PICTURE_PX);
  wct_widget_describe (list->picture, _ ("The style's picture"), NULL);
  gtk_widget_set_name (open, "open-style");
  gtk_widget_set_tooltip_text (open, _ ("Take the style from a file"));
  wct_widget_make_compact (open);
  g_signal_connect (open, "clicked", G_CALLBACK (open_pressed), list);
  gtk_widget_set_valign (column, GTK_ALIGN_CENTER);
  gtk_container_add (GTK_CONTAINER (column), make_combo (list));
  gtk_box_pack_start (GTK_BOX (files), open, TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (files), list->save);
  gtk_container_add (GTK_CONTAINER (column), files);
  gtk_container_add (GTK_CONTAINER (column), make_add (list));
  gtk_container_add (GTK_CONTAINER (row), list->picture);
  gtk_box_pack_start (GTK_BOX (row), column, TRUE, TRUE, 0);
  return row;
}

static void
free_list (gpointer data)
{
  WctStyleList *list = data;

  g_object_unref (list->model);
  g_ptr_array_unref (list->files);
  g_free (list);
}

WctStyleList *
wct_style_list_new (WctHost *host, const WctListEvents *events, gpointer user)
{
  WctStyleList *list = g_new0 (WctStyleList, 1);

  list->host = host;
  list->events = *events;
  list->user = user;
  list->model = gtk_list_store_new (COLUMN_COUNT, G_TYPE_INT, G_TYPE_STRING, GDK_TYPE_PIXBUF, G_TYPE_STRING);
  list->files = g_ptr_array_new_with_free_func (g_free);
  list->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  gtk_container_add (GTK_CONTAINER (list->box), make_selected (list));
  gtk_container_add (GTK_CONTAINER (list->box), make_mix (list));
  g_object_set_data_full (G_OBJECT (list->box), "wct-style-list", list, free_list);
  return list;
}

GtkWidget *
wct_style_list_widget (WctStyleList *list)
{
  return list->box;
}
