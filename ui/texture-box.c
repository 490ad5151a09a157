#include "texture-box.h"

#include "i18n.h"
#include "widgets.h"

#define SEED_MAX 2147483647.0

struct WctTextureBox
{
  GtkWidget     *grid;
  GtkAdjustment *width, *height, *seed;
  void (*changed) (gpointer user);
  gpointer user;
  gboolean quiet;
};

static void
value_changed (GtkAdjustment *adjustment, gpointer user)
{
  WctTextureBox *box = user;

  (void)adjustment;
  if (!box->quiet)
    box->changed (box->user);
}

static void
throw_dice (GtkButton *button, gpointer user)
{
  WctTextureBox *box = user;

  (void)button;
  gtk_adjustment_set_value (box->seed, g_random_int_range (0, 1000000));
}

/* In column 0 and 1, or 2 and 3. @zero: shown for 0; NULL: 0 */
static GtkAdjustment *
add (WctTextureBox *box, int line, int column, const char *title, const char *name, const char *tooltip,
     const char *zero, double min, double max, double page)
{
  GtkAdjustment *adjustment = gtk_adjustment_new (min, min, max, 1, page, 0);
  GtkWidget     *label = gtk_label_new_with_mnemonic (title), *spin = wct_spin_new (adjustment, 0);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), spin);
  gtk_widget_set_name (spin, name);
  gtk_widget_set_tooltip_text (spin, tooltip);
  gtk_widget_set_hexpand (spin, TRUE);
  if (zero != NULL)
    wct_spin_set_zero_text (spin, zero);
  gtk_grid_attach (GTK_GRID (box->grid), label, column, line, 1, 1);
  gtk_grid_attach (GTK_GRID (box->grid), spin, column + 1, line, 1, 1);
  g_signal_connect (adjustment, "value-changed", G_CALLBACK (value_changed), box);
  return adjustment;
}

WctTextureBox *
wct_texture_box_new (void (*changed) (gpointer user), gpointer user)
{
  WctTextureBox *box = g_new0 (WctTextureBox, 1);
  GtkWidget     *dice = gtk_button_new_with_mnemonic (_ ("_Dice"));

  box->changed = changed;
  box->user = user;
  box->grid = gtk_grid_new ();
  gtk_grid_set_column_spacing (GTK_GRID (box->grid), 6);
  gtk_grid_set_row_spacing (GTK_GRID (box->grid), 4);
  box->width = add (box, 0, 0, _ ("_Width:"), "texture-width",
                    _ ("Of the new layer, in pixels; 0 takes the selection's or the image's"), _ ("Automatic"), 0,
                    WCT_TEXTURE_SIDE_MAX, 64);
  box->height = add (box, 0, 2, _ ("Hei_ght:"), "texture-height",
                     _ ("Of the new layer, in pixels; 0 takes the selection's or the image's"), _ ("Automatic"), 0,
                     WCT_TEXTURE_SIDE_MAX, 64);
  box->seed = add (box, 1, 0, _ ("S_eed:"), "texture-seed", _ ("Another number gives another texture of the same kind"),
                   NULL, 0, SEED_MAX, 100);
  gtk_widget_set_name (dice, "texture-dice");
  wct_widget_make_compact (dice);
  gtk_widget_set_tooltip_text (dice, _ ("Another seed, at random"));
  gtk_grid_attach (GTK_GRID (box->grid), dice, 2, 1, 2, 1);
  g_signal_connect (dice, "clicked", G_CALLBACK (throw_dice), box);
  g_object_set_data_full (G_OBJECT (box->grid), "wct-texture-box", box, g_free);
  return box;
}

GtkWidget *
wct_texture_box_widget (WctTextureBox *box)
{
  return box->grid;
}

void
wct_texture_box_set (WctTextureBox *box, const WctSettings *settings)
{
  box->quiet = TRUE;
  gtk_adjustment_set_value (box->width, settings->width);
  gtk_adjustment_set_value (box->height, settings->height);
  gtk_adjustment_set_value (box->seed, settings->params.seed);
  box->quiet = FALSE;
}

void
wct_texture_box_get (const WctTextureBox *box, WctSettings *settings)
{
  settings->width = (gint)gtk_adjustment_get_value (box->width);
  settings->height = (gint)gtk_adjustment_get_value (box->height);
  settings->params.seed = (gint32)gtk_adjustment_get_value (box->seed);
}
