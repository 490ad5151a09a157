#include "region-list.h"

#include <string.h>

#include "i18n.h"
#include "widgets.h"

#define OPEN_ID "open"

typedef struct
{
  WctRegionList *list;
  GtkWidget     *box, *mask, *style;
  GtkAdjustment *strength; /* percent */
} Row;

struct WctRegionList
{
  GtkWidget    *box, *rows_box, *add, *hint;
  WctHost      *host;
  WctListEvents events;
  gpointer      user;
  WctPlace      places[WCT_PLACES_MAX];
  gint          count;
  Row           rows[WCT_PLACES_MAX];
  gint          opened_for; /* the row that a file is chosen for; count: a new one */
  gboolean      quiet;
};

/* ---- Masks as texts ----------------------------------------------------------------------------------------- */

static char *
id_of (const WctMaskChoice *mask)
{
  return mask->kind == WCT_MASK_FILE ? g_strconcat ("file:", mask->file, NULL)
                                     : g_strdup_printf ("%d:%d", (int)mask->kind, mask->id);
}

static WctMaskChoice
mask_of (const char *id)
{
  WctMaskChoice mask = { .kind = WCT_MASK_FILE };
  int           kind;

  if (g_str_has_prefix (id, "file:"))
    g_strlcpy (mask.file, id + strlen ("file:"), sizeof mask.file);
  else if (sscanf (id, "%d:%d", &kind, &mask.id) == 2)
    mask.kind = (WctMaskKind)kind;
  return mask;
}

static void
append_mask (GtkComboBoxText *combo, const WctMaskChoice *mask, const char *name)
{
  char *id = id_of (mask);

  gtk_combo_box_text_append (combo, id, name);
  g_free (id);
}

static GPtrArray *
masks_of (WctHost *host)
{
  return host->masks != NULL ? host->masks (host) : g_ptr_array_new_with_free_func (wct_mask_source_free);
}

/* All that the host has, everything, this one's own file, and another file. */
static void
fill_masks (const WctRegionList *list, GtkComboBoxText *combo, const WctMaskChoice *own)
{
  GPtrArray *masks = masks_of (list->host);
  char      *id = id_of (own);

  append_mask (combo, &(WctMaskChoice){ .kind = WCT_MASK_ALL }, _ ("Everywhere"));
  for (guint i = 0; i < masks->len; i++)
    {
      const WctMaskSource *source = g_ptr_array_index (masks, i);

      append_mask (combo, &(WctMaskChoice){ .kind = source->kind, .id = source->id }, source->name);
    }
  if (own->kind == WCT_MASK_FILE)
    {
      char *name = g_filename_display_basename (own->file);

      append_mask (combo, own, name);
      g_free (name);
    }
  gtk_combo_box_text_append (combo, OPEN_ID, _ ("A picture file…"));
  gtk_combo_box_set_active_id (GTK_COMBO_BOX (combo), id);
  g_ptr_array_unref (masks);
  g_free (id);
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

static void
add_place (WctRegionList *list, const WctMaskChoice *mask)
{
  WctSettings settings;
  WctPlace    place = { .mask = *mask, .style = WCT_STYLE_BLEND, .strength = WCT_STRENGTH_AS_SET };

  list->events.get (list->user, &settings);
  /* Where none is nothing happens: the first one comes with what the rest of the picture gets. */
  if (settings.place_count == 0)
    settings.places[settings.place_count++] = (WctPlace){ .mask = { .kind = WCT_MASK_ALL },
                                                          .style = settings.style_count > 1 ? 0 : WCT_STYLE_BLEND,
                                                          .strength = WCT_STRENGTH_AS_SET };
  if (settings.style_count > 1)
    place.style = MIN (settings.place_count, settings.style_count - 1);
  if (settings.place_count < WCT_PLACES_MAX)
    settings.places[settings.place_count++] = place;
  list->events.set (list->user, &settings);
}

static void
take_file (WctRegionList *list, const char *path)
{
  WctMaskChoice mask = { .kind = WCT_MASK_FILE };
  WctSettings   settings;

  g_strlcpy (mask.file, path, sizeof mask.file);
  if (list->opened_for >= list->count)
    {
      add_place (list, &mask);
      return;
    }
  list->places[list->opened_for].mask = mask;
  list->events.get (list->user, &settings);
  list->events.set (list->user, &settings);
}

static void
answered (GtkDialog *dialog, gint response, gpointer user)
{
  WctRegionList *list = user;
  char          *path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (dialog));
  WctSettings    settings;

  if (response == GTK_RESPONSE_ACCEPT && path != NULL)
    take_file (list, path);
  else
    {
      list->events.get (list->user, &settings);
      list->events.set (list->user, &settings);
    }
  g_free (path);
  gtk_widget_destroy (GTK_WIDGET (dialog));
}

static void
show_files (WctRegionList *list, gint row)
{
  GtkWidget *window = gtk_widget_get_toplevel (list->box);
  GtkWidget *dialog =
    gtk_file_chooser_dialog_new (_ ("Choose a mask"), GTK_WINDOW (window), GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Cancel"),
                                 GTK_RESPONSE_CANCEL, _ ("_Open"), GTK_RESPONSE_ACCEPT, NULL);
  GtkFileFilter *filter = gtk_file_filter_new ();

  list->opened_for = row;
  gtk_file_filter_add_pixbuf_formats (filter);
  gtk_file_filter_set_name (filter, _ ("Pictures"));
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), filter);
  gtk_dialog_set_default_response (GTK_DIALOG (dialog), GTK_RESPONSE_ACCEPT);
  gtk_window_set_modal (GTK_WINDOW (dialog), TRUE);
  g_signal_connect (dialog, "response", G_CALLBACK (answered), list);
  gtk_widget_show (dialog);
}

/* ---- Hands -------------------------------------------------------------------------------------------------- */

static void
mask_changed (GtkComboBox *combo, gpointer user)
{
  Row           *row = user;
  WctRegionList *list = row->list;
  const char    *id = gtk_combo_box_get_active_id (combo);

  if (list->quiet || id == NULL)
    return;
  if (g_str_equal (id, OPEN_ID))
    show_files (list, (gint)(row - list->rows));
  else
    {
      list->places[row - list->rows].mask = mask_of (id);
      list->events.changed (list->user);
    }
}

static void
style_changed (GtkComboBox *combo, gpointer user)
{
  Row           *row = user;
  WctRegionList *list = row->list;

  if (list->quiet)
    return;
  list->places[row - list->rows].style = gtk_combo_box_get_active (combo) - 1;
  list->events.changed (list->user);
}

static void
strength_changed (GtkAdjustment *adjustment, gpointer user)
{
  Row           *row = user;
  WctRegionList *list = row->list;
  const double   percent = gtk_adjustment_get_value (adjustment);

  if (list->quiet)
    return;
  list->places[row - list->rows].strength = percent < 100 ? percent / 100 : WCT_STRENGTH_AS_SET;
  list->events.changed (list->user);
}

static void
remove_pressed (GtkButton *button, gpointer user)
{
  Row           *row = user;
  WctRegionList *list = row->list;
  WctSettings    settings;

  (void)button;
  list->events.get (list->user, &settings);
  settings.place_count--;
  for (gint i = (gint)(row - list->rows); i < settings.place_count; i++)
    settings.places[i] = settings.places[i + 1];
  list->events.set (list->user, &settings);
}

/* With the first mask that no other region has. */
static void
add_pressed (GtkButton *button, gpointer user)
{
  WctRegionList *list = user;
  GPtrArray     *masks = masks_of (list->host);
  gboolean       added = FALSE;

  (void)button;
  for (guint i = 0; i < masks->len && !added; i++)
    {
      const WctMaskSource *source = g_ptr_array_index (masks, i);
      const WctMaskChoice  mask = { .kind = source->kind, .id = source->id };
      gboolean             used = FALSE;

      for (gint at = 0; at < list->count; at++)
        used = used || wct_mask_choice_same (&list->places[at].mask, &mask);
      added = !used;
      if (added)
        add_place (list, &mask);
    }
  g_ptr_array_unref (masks);
  if (!added)
    show_files (list, list->count);
}

/* ---- Rows --------------------------------------------------------------------------------------------------- */

/* For screen readers, each has its number. */
static void
describe (gint index, GtkWidget *widget, const char *part, const char *format, const char *tooltip)
{
  char *name = g_strdup_printf ("region-%s-%d", part, index);
  char *text = g_strdup_printf ("%s %d", format, index + 1);

  gtk_widget_set_name (widget, name);
  gtk_widget_set_tooltip_text (widget, tooltip);
  wct_widget_describe (widget, text, tooltip);
  wct_widget_make_compact (widget);
  g_free (text);
  g_free (name);
}

static GtkWidget *
make_mask (Row *row, gint index)
{
  row->mask = gtk_combo_box_text_new ();
  fill_masks (row->list, GTK_COMBO_BOX_TEXT (row->mask), &row->list->places[index].mask);
  describe (
    index, row->mask, "mask", _ ("Mask of region"),
    _ ("Where the region is: all of it where this is white, nothing where it is black, a mix where it is gray"));
  g_signal_connect (row->mask, "changed", G_CALLBACK (mask_changed), row);
  return row->mask;
}

static GtkWidget *
make_style (Row *row, gint index, const WctStyleList *styles, gint style_count)
{
  row->style = gtk_combo_box_text_new ();
  gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (row->style), _ ("All styles mixed"));
  for (gint i = 0; i < style_count; i++)
    {
      char *name = wct_style_list_name (styles, i);

      gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (row->style), name);
      g_free (name);
    }
  gtk_combo_box_set_active (GTK_COMBO_BOX (row->style), row->list->places[index].style + 1);
  describe (index, row->style, "style", _ ("Style of region"), _ ("The style that the region gets, or the mix of all"));
  g_signal_connect (row->style, "changed", G_CALLBACK (style_changed), row);
  return row->style;
}

static void
ellipsize (GtkWidget *combo)
{
  GList *cells = gtk_cell_layout_get_cells (GTK_CELL_LAYOUT (combo));

  if (cells != NULL)
    g_object_set (cells->data, "ellipsize", PANGO_ELLIPSIZE_MIDDLE, "width-chars", 10, NULL);
  g_list_free (cells);
}

static void
add_strength (Row *row, gint index, GtkGrid *grid)
{
  const double strength = row->list->places[index].strength;
  const char  *explanation = _ ("How strong the style is there: the levels' strengths are taken times this");
  GtkWidget   *scale, *spin;
  char        *name = g_strdup_printf ("region-strength-%d", index);

  row->strength = gtk_adjustment_new (strength < 0 ? 100 : 100 * strength, 0, 100, 1, 10, 0);
  scale = wct_scale_new (row->strength);
  spin = wct_spin_new (row->strength, 0);
  describe (index, scale, "strength", _ ("Strength of region"), explanation);
  describe (index, spin, "strength", _ ("Strength of region"), explanation);
  wct_widget_set_names (name, NULL, scale, spin, NULL);
  gtk_grid_attach (grid, scale, 1, 1, 1, 1);
  gtk_grid_attach (grid, spin, 2, 1, 1, 1);
  gtk_grid_attach (grid, wct_unit_new ("%"), 3, 1, 1, 1);
  g_signal_connect (row->strength, "value-changed", G_CALLBACK (strength_changed), row);
  g_free (name);
}

static GtkWidget *
make_row (WctRegionList *list, gint index, const WctStyleList *styles, gint style_count)
{
  Row       *row = &list->rows[index];
  GtkGrid   *grid = GTK_GRID (gtk_grid_new ());
  GtkWidget *away = wct_icon_button_new ("list-remove-symbolic", "");

  row->list = list;
  row->box = GTK_WIDGET (grid);
  gtk_grid_set_column_spacing (grid, 6);
  gtk_grid_set_row_spacing (grid, 3);
  gtk_grid_attach (grid, make_mask (row, index), 0, 0, 3, 1);
  gtk_grid_attach (grid, make_style (row, index, styles, style_count), 0, 1, 1, 1);
  gtk_widget_set_no_show_all (row->style, style_count < 2);
  gtk_widget_set_hexpand (row->style, TRUE);
  ellipsize (row->mask);
  ellipsize (row->style);
  describe (index, away, "remove", _ ("Remove region"), _ ("Take this region away"));
  g_signal_connect (away, "clicked", G_CALLBACK (remove_pressed), row);
  gtk_grid_attach (grid, away, 3, 0, 1, 1);
  add_strength (row, index, grid);
  return row->box;
}

void
wct_region_list_set (WctRegionList *list, const WctSettings *settings, const WctStyleList *styles)
{
  list->quiet = TRUE;
  gtk_container_foreach (GTK_CONTAINER (list->rows_box), (GtkCallback)(void (*) (void))gtk_widget_destroy, NULL);
  list->count = settings->place_count;
  memcpy (list->places, settings->places, sizeof list->places);
  for (gint i = 0; i < list->count; i++)
    gtk_container_add (GTK_CONTAINER (list->rows_box), make_row (list, i, styles, settings->style_count));
  gtk_widget_show_all (list->rows_box);
  gtk_widget_set_visible (list->rows_box, list->count > 0);
  gtk_widget_set_sensitive (list->add, list->count < WCT_PLACES_MAX);
  list->quiet = FALSE;
}

void
wct_region_list_get (const WctRegionList *list, WctSettings *settings)
{
  settings->place_count = list->count;
  memcpy (settings->places, list->places, sizeof settings->places);
}

/* ---- The widget --------------------------------------------------------------------------------------------- */

WctRegionList *
wct_region_list_new (WctHost *host, const WctListEvents *events, gpointer user)
{
  WctRegionList *list = g_new0 (WctRegionList, 1);

  list->host = host;
  list->events = *events;
  list->user = user;
  list->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  list->rows_box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 10);
  list->hint =
    gtk_label_new (_ ("Parts of the picture can have a style and a strength of their own. Masks may be soft; a "
                      "region covers those above it in this list."));
  list->add = gtk_button_new_with_mnemonic (_ ("A_dd a region"));
  gtk_label_set_line_wrap (GTK_LABEL (list->hint), TRUE);
  gtk_label_set_xalign (GTK_LABEL (list->hint), 0);
  gtk_label_set_max_width_chars (GTK_LABEL (list->hint), 40);
  gtk_style_context_add_class (gtk_widget_get_style_context (list->hint), GTK_STYLE_CLASS_DIM_LABEL);
  gtk_widget_set_name (list->add, "add-region");
  gtk_widget_set_halign (list->add, GTK_ALIGN_START);
  gtk_widget_set_tooltip_text (list->add, _ ("Give a part of the picture a style of its own: the selection, a channel, "
                                             "a layer's mask, a layer or a picture file says where"));
  wct_widget_make_compact (list->add);
  g_signal_connect (list->add, "clicked", G_CALLBACK (add_pressed), list);
  gtk_container_add (GTK_CONTAINER (list->box), list->hint);
  gtk_container_add (GTK_CONTAINER (list->box), list->rows_box);
  gtk_container_add (GTK_CONTAINER (list->box), list->add);
  g_object_set_data_full (G_OBJECT (list->box), "wct-region-list", list, g_free);
  return list;
}

GtkWidget *
wct_region_list_widget (WctRegionList *list)
{
  return list->box;
}
