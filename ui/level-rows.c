#include "level-rows.h"

#include "i18n.h"
#include "widgets.h"

typedef struct
{
  WctLevelRows  *rows;
  GtkWidget     *on, *scale, *spin, *reset;
  GtkAdjustment *alpha;
  double         reset_alpha;
  gboolean       reset_on;
} Row;

struct WctLevelRows
{
  GtkWidget *grid;
  void (*changed) (gpointer user);
  gpointer       user;
  Row            levels[WCT_LEVELS]; /* by level - 1 */
  GtkWidget     *master_reset;
  GtkAdjustment *master; /* percent */
  unsigned       available;
  gboolean       quiet; /* values are being set by the program */
};

/* Alt and the level's number go there. */
static const char *const titles[WCT_LEVELS] = { "Relu___1__1", "Relu___2__1", "Relu___3__1", "Relu___4__1",
                                                "Relu___5__1" };

static const char *const explanations[WCT_LEVELS] = {
  N_ ("Colors and contrast: the style's palette and brightness"),
  N_ ("Fine texture: grain, thin lines, sharp edges"),
  N_ ("Texture: single strokes, hatching, weave"),
  N_ ("Brush work and small shapes: most of what is called style"),
  N_ ("Large shapes: the style's motifs bend and cover what is in the picture"),
};

static void
notify (WctLevelRows *rows)
{
  if (!rows->quiet)
    rows->changed (rows->user);
}

/* A strength means nothing where its level is off. */
static void
update_sensitivity (Row *row)
{
  const unsigned bit = 1u << (row - row->rows->levels);
  const gboolean available = (row->rows->available & bit) != 0;
  const gboolean on = gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (row->on));

  gtk_widget_set_sensitive (row->on, available || on);
  gtk_widget_set_sensitive (row->scale, on);
  gtk_widget_set_sensitive (row->spin, on);
}

static void
toggled (GtkToggleButton *button, gpointer user)
{
  Row *row = user;

  (void)button;
  update_sensitivity (row);
  notify (row->rows);
}

static void
value_changed (GtkAdjustment *adjustment, gpointer user)
{
  (void)adjustment;
  notify (user);
}

static void
reset_row (GtkButton *button, gpointer user)
{
  Row           *row = user;
  WctLevelRows  *rows = row->rows;
  const gboolean quiet = rows->quiet;

  (void)button;
  rows->quiet = TRUE;
  gtk_adjustment_set_value (row->alpha, row->reset_alpha);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (row->on), row->reset_on);
  rows->quiet = quiet;
  notify (rows);
}

static void
reset_master (GtkButton *button, gpointer user)
{
  WctLevelRows *rows = user;

  (void)button;
  gtk_adjustment_set_value (rows->master, 100);
}

static void
add_level (WctLevelRows *rows, int level)
{
  const int line = WCT_LEVELS - level + 1;
  char     *explanation = g_strdup (_ (explanations[level - 1])), *name = g_strdup_printf ("relu%d", level), *text;
  Row      *row = &rows->levels[level - 1];

  row->rows = rows;
  row->alpha = gtk_adjustment_new (0, 0, 1, 0.01, 0.1, 0);
  row->on = gtk_check_button_new_with_mnemonic (titles[level - 1]);
  row->scale = wct_scale_new (row->alpha);
  row->spin = wct_spin_new (row->alpha, 2);
  row->reset = wct_icon_button_new ("edit-undo-symbolic", _ ("Back to this level's default"));
  gtk_widget_set_tooltip_text (row->on, explanation);
  gtk_widget_set_tooltip_text (row->scale, explanation);
  /* Translators: for screen readers. Levels are those of a neural network: "Relu_5_1" is a name. */
  text = g_strdup_printf (_ ("Strength of Relu_%d_1"), level);
  wct_widget_describe (row->scale, text, explanation);
  wct_widget_describe (row->spin, text, explanation);
  g_free (text);
  text = g_strdup_printf (_ ("Reset Relu_%d_1"), level);
  wct_widget_describe (row->reset, text, NULL);
  g_free (text);
  wct_widget_set_names (name, row->on, row->scale, row->spin, row->reset);
  wct_widget_make_compact (row->on);
  gtk_grid_attach (GTK_GRID (rows->grid), row->on, 0, line, 1, 1);
  gtk_grid_attach (GTK_GRID (rows->grid), row->scale, 1, line, 1, 1);
  gtk_grid_attach (GTK_GRID (rows->grid), row->spin, 2, line, 1, 1);
  gtk_grid_attach (GTK_GRID (rows->grid), row->reset, 3, line, 1, 1);
  g_signal_connect (row->on, "toggled", G_CALLBACK (toggled), row);
  g_signal_connect (row->alpha, "value-changed", G_CALLBACK (value_changed), rows);
  g_signal_connect (row->reset, "clicked", G_CALLBACK (reset_row), row);
  g_free (name);
  g_free (explanation);
}

static void
add_master (WctLevelRows *rows)
{
  GtkWidget  *label = gtk_label_new (_ ("Strength")), *scale, *spin;
  const char *explanation = _ ("How much style: every level's strength is taken times this");

  rows->master = gtk_adjustment_new (100, 0, 100, 1, 10, 0);
  scale = wct_scale_new (rows->master);
  spin = wct_spin_new (rows->master, 0);
  rows->master_reset = wct_icon_button_new ("edit-undo-symbolic", _ ("Back to 100 percent"));
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), spin);
  gtk_widget_set_tooltip_text (label, explanation);
  gtk_widget_set_tooltip_text (scale, explanation);
  wct_widget_describe (scale, _ ("Strength of all levels, in percent"), explanation);
  wct_widget_describe (spin, _ ("Strength of all levels, in percent"), explanation);
  wct_widget_describe (rows->master_reset, _ ("Reset the strength"), NULL);
  wct_widget_set_names ("master", label, scale, spin, rows->master_reset);
  gtk_grid_attach (GTK_GRID (rows->grid), label, 0, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (rows->grid), scale, 1, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (rows->grid), spin, 2, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (rows->grid), rows->master_reset, 3, 0, 1, 1);
  g_signal_connect (rows->master, "value-changed", G_CALLBACK (value_changed), rows);
  g_signal_connect (rows->master_reset, "clicked", G_CALLBACK (reset_master), rows);
}

WctLevelRows *
wct_level_rows_new (void (*changed) (gpointer user), gpointer user)
{
  WctLevelRows *rows = g_new0 (WctLevelRows, 1);

  rows->changed = changed;
  rows->user = user;
  rows->available = (1u << WCT_LEVELS) - 1;
  rows->grid = gtk_grid_new ();
  gtk_grid_set_column_spacing (GTK_GRID (rows->grid), 6);
  gtk_grid_set_row_spacing (GTK_GRID (rows->grid), 2);
  add_master (rows);
  for (int level = WCT_LEVELS; level >= 1; level--)
    add_level (rows, level);
  g_object_set_data_full (G_OBJECT (rows->grid), "wct-level-rows", rows, g_free);
  return rows;
}

GtkWidget *
wct_level_rows_widget (WctLevelRows *rows)
{
  return rows->grid;
}

void
wct_level_rows_set (WctLevelRows *rows, const WctParams *params)
{
  rows->quiet = TRUE;
  gtk_adjustment_set_value (rows->master, 100);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (rows->levels[i].on), params->level_on[i] != 0);
      gtk_adjustment_set_value (rows->levels[i].alpha, params->alpha[i]);
      update_sensitivity (&rows->levels[i]);
    }
  rows->quiet = FALSE;
}

void
wct_level_rows_get (const WctLevelRows *rows, WctParams *params)
{
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      params->level_on[i] = gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (rows->levels[i].on));
      params->alpha[i] =
        gtk_adjustment_get_value (rows->levels[i].alpha) * gtk_adjustment_get_value (rows->master) / 100;
    }
}

void
wct_level_rows_set_defaults (WctLevelRows *rows, const WctParams *params)
{
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      rows->levels[i].reset_alpha = params->alpha[i];
      rows->levels[i].reset_on = params->level_on[i] != 0;
    }
}

void
wct_level_rows_set_available (WctLevelRows *rows, unsigned levels)
{
  rows->available = levels;
  for (int i = 0; i < WCT_LEVELS; i++)
    update_sensitivity (&rows->levels[i]);
}
