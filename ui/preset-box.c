#include "preset-box.h"

#include "i18n.h"
#include "widgets.h"

typedef struct
{
  WctPresetEvents events;
  gpointer        user;
  WctUserPresets *presets;
  GtkWidget      *button, *entry, *list; /* of the user's own */
} PresetBox;

static void rebuild_list (PresetBox *box);

/* ---- The method's own --------------------------------------------------------------------------------------- */

static void
preset_pressed (GtkButton *button, gpointer user)
{
  const WctPreset *preset = g_object_get_data (G_OBJECT (button), "wct-preset");
  PresetBox       *box = user;
  WctSettings      settings;

  box->events.get (box->user, &settings);
  wct_preset_apply (preset, &settings);
  box->events.set (box->user, &settings);
}

/* The button takes the keyboard, not the place that it is in. */
static void
add_place (GtkWidget *flow, GtkWidget *button)
{
  wct_widget_make_compact (button);
  gtk_container_add (GTK_CONTAINER (flow), button);
  wct_widget_make_compact (gtk_widget_get_parent (button));
  gtk_widget_set_can_focus (gtk_widget_get_parent (button), FALSE);
}

static GtkWidget *
make_presets (PresetBox *box)
{
  GtkWidget *flow = gtk_flow_box_new ();

  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (flow), GTK_SELECTION_NONE);
  gtk_flow_box_set_min_children_per_line (GTK_FLOW_BOX (flow), 2);
  gtk_flow_box_set_max_children_per_line (GTK_FLOW_BOX (flow), 4);
  gtk_flow_box_set_homogeneous (GTK_FLOW_BOX (flow), TRUE);
  gtk_flow_box_set_column_spacing (GTK_FLOW_BOX (flow), 6);
  gtk_flow_box_set_row_spacing (GTK_FLOW_BOX (flow), 6);
  for (int i = 0; i < wct_preset_count; i++)
    {
      GtkWidget *button = gtk_button_new_with_label (_ (wct_presets[i].name));
      char      *name = g_strconcat ("preset-", wct_presets[i].id, NULL);

      gtk_widget_set_name (button, name);
      gtk_widget_set_tooltip_text (button, _ (wct_presets[i].purpose));
      wct_widget_describe (button, _ (wct_presets[i].name), _ (wct_presets[i].purpose));
      g_object_set_data (G_OBJECT (button), "wct-preset", (gpointer)&wct_presets[i]);
      g_signal_connect (button, "clicked", G_CALLBACK (preset_pressed), box);
      add_place (flow, button);
      g_free (name);
    }
  return flow;
}

/* ---- The user's own ----------------------------------------------------------------------------------------- */

static void
refuse_or_rebuild (PresetBox *box, WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    box->events.refused (box->user, err->message);
  else
    rebuild_list (box);
}

static void
own_pressed (GtkButton *button, gpointer user)
{
  PresetBox  *box = user;
  WctSettings settings;

  box->events.get (box->user, &settings);
  if (wct_user_presets_apply (box->presets, g_object_get_data (G_OBJECT (button), "wct-name"), &settings))
    box->events.set (box->user, &settings);
  else
    box->events.refused (box->user, _ ("This preset is damaged: please delete it."));
  gtk_popover_popdown (GTK_POPOVER (gtk_menu_button_get_popover (GTK_MENU_BUTTON (box->button))));
}

static void
delete_pressed (GtkButton *button, gpointer user)
{
  PresetBox *box = user;
  WctError   err;
  char      *name = g_strdup (g_object_get_data (G_OBJECT (button), "wct-name"));

  refuse_or_rebuild (box, wct_user_presets_delete (box->presets, name, &err), &err);
  g_free (name);
}

static void
save_pressed (GtkWidget *widget, gpointer user)
{
  PresetBox  *box = user;
  WctSettings settings;
  WctError    err;
  char       *name = g_strstrip (g_strdup (gtk_entry_get_text (GTK_ENTRY (box->entry))));
  WctStatus   status;

  (void)widget;
  box->events.get (box->user, &settings);
  status = wct_user_presets_save (box->presets, name, &settings, &err);
  if (status == WCT_OK)
    gtk_entry_set_text (GTK_ENTRY (box->entry), "");
  refuse_or_rebuild (box, status, &err);
  g_free (name);
}

static GtkWidget *
make_own_row (PresetBox *box, const char *name)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4), *choose = gtk_button_new_with_label (name);
  GtkWidget *delete = wct_icon_button_new ("edit-delete-symbolic", _ ("Delete this preset"));
  char *text = g_strdup_printf (_ ("Delete the preset %s"), name);

  gtk_button_set_relief (GTK_BUTTON (choose), GTK_RELIEF_NONE);
  wct_widget_describe (delete, text, NULL);
  g_object_set_data_full (G_OBJECT (choose), "wct-name", g_strdup (name), g_free);
  g_object_set_data_full (G_OBJECT (delete), "wct-name", g_strdup (name), g_free);
  g_signal_connect (choose, "clicked", G_CALLBACK (own_pressed), box);
  g_signal_connect (delete, "clicked", G_CALLBACK (delete_pressed), box);
  gtk_box_pack_start (GTK_BOX (row), choose, TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (row), delete);
  g_free (text);
  return row;
}

static void
rebuild_list (PresetBox *box)
{
  char **names = wct_user_presets_names (box->presets);

  gtk_container_foreach (GTK_CONTAINER (box->list), (GtkCallback)(void (*) (void))gtk_widget_destroy, NULL);
  for (char **name = names; *name != NULL; name++)
    gtk_container_add (GTK_CONTAINER (box->list), make_own_row (box, *name));
  gtk_widget_show_all (box->list);
  g_strfreev (names);
}

static GtkWidget *
make_own (PresetBox *box)
{
  GtkWidget *column = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6), *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *save = gtk_button_new_with_mnemonic (_ ("_Save")), *popover;

  box->button = gtk_menu_button_new ();
  popover = gtk_popover_new (box->button);
  box->entry = gtk_entry_new ();
  box->list = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  gtk_widget_set_name (box->entry, "preset-name");
  gtk_widget_set_name (save, "preset-save");
  gtk_widget_set_name (box->list, "preset-list");
  gtk_widget_set_name (box->button, "presets");
  gtk_entry_set_placeholder_text (GTK_ENTRY (box->entry), _ ("Name for these settings"));
  wct_widget_describe (box->entry, _ ("Name for these settings"), NULL);
  gtk_container_add (GTK_CONTAINER (row), box->entry);
  gtk_container_add (GTK_CONTAINER (row), save);
  gtk_container_add (GTK_CONTAINER (column), row);
  gtk_container_add (GTK_CONTAINER (column), box->list);
  gtk_container_set_border_width (GTK_CONTAINER (column), 8);
  gtk_container_add (GTK_CONTAINER (popover), column);
  gtk_widget_show_all (column);
  gtk_button_set_label (GTK_BUTTON (box->button), _ ("My presets"));
  gtk_widget_set_tooltip_text (box->button, _ ("Keep these settings under a name, or take some that were kept"));
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (box->button), popover);
  g_signal_connect (save, "clicked", G_CALLBACK (save_pressed), box);
  g_signal_connect (box->entry, "activate", G_CALLBACK (save_pressed), box);
  rebuild_list (box);
  return box->button;
}

static void
free_box (gpointer data)
{
  PresetBox *box = data;

  wct_user_presets_free (&box->presets);
  g_free (box);
}

GtkWidget *
wct_preset_box_new (const WctPresetEvents *events, gpointer user)
{
  PresetBox *box = g_new0 (PresetBox, 1);
  GtkWidget *flow;

  box->events = *events;
  box->user = user;
  box->presets = wct_user_presets_open ();
  flow = make_presets (box);
  add_place (flow, make_own (box));
  g_object_set_data_full (G_OBJECT (flow), "wct-preset-box", box, free_box);
  return flow;
}
