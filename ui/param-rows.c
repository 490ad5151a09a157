#include "param-rows.h"

#include <string.h>

#include "i18n.h"
#include "widgets.h"

#define COLUMNS 5

typedef enum
{
  SLIDER, /* a line with a slider */
  NUMBER, /* a line without: its range is too wide for one */
  SHORT   /* half a line */
} Shape;

/* What a hand wants, where that is less than what is allowed. */
typedef struct
{
  const char *name;
  Shape       shape;
  double      max, step; /* 0: the table's */
  guint       digits;
  const char *zero; /* shown for 0; NULL: 0 */
} Look;

static const Look looks[] = {
  { "style-size", NUMBER, 16384, 32, 0, N_ ("As it is") },
  { "style-scale", SLIDER, 400, 5, 0, N_ ("By size") },
  { "style-rotation", SLIDER, 0, 5, 0, NULL },
  { "style-left", SHORT, 0, 0, 0, NULL },
  { "style-top", SHORT, 0, 0, 0, NULL },
  { "style-width", SHORT, 0, 0, 0, NULL },
  { "style-height", SHORT, 0, 0, 0, NULL },
  { "passes", SLIDER, 10, 0, 0, NULL },
  { "eigenvalue-floor", NUMBER, 1, 0, 6, NULL },
  { "damping", NUMBER, 100, 0.1, 2, NULL },
  { "swap", SLIDER, 0, 0, 2, NULL },
  { "swap-patch", SHORT, 0, 0, 0, NULL },
  { "swap-stride", SHORT, 0, 0, 0, NULL },
  { "keep-colors", SLIDER, 0, 0, 0, NULL },
  { "recolor", SLIDER, 0, 0, 0, NULL },
  { "recolor-histogram", SLIDER, 0, 0, 0, NULL },
  { "working-size", NUMBER, 16384, 128, 0, N_ ("All pixels") },
  { "guide", SLIDER, 0, 0, 0, NULL },
};

typedef struct
{
  WctParamRows       *rows;
  const WctParamInfo *info;
  GtkAdjustment      *adjustment; /* NULL: check */
  GtkWidget          *check;
  GtkWidget          *parts[COLUMNS]; /* shown and hidden together; NULL: none */
  double              def;
} Row;

struct WctParamRows
{
  GtkWidget    *grid, *half_line;     /* a line with room for one more; NULL: none */
  GtkSizeGroup *titles, *half_titles; /* counted */
  void (*changed) (gpointer user);
  gpointer user;
  int      line;
  GArray  *each; /* of Row *, owned */
  gboolean quiet;
};

static Look
look_of (const WctParamInfo *info)
{
  for (gsize i = 0; i < G_N_ELEMENTS (looks); i++)
    if (g_str_equal (looks[i].name, info->name))
      return looks[i];
  return (Look){ .name = info->name, .shape = SLIDER, .digits = info->kind == WCT_PARAM_DOUBLE ? 2 : 0 };
}

/* ---- Values ------------------------------------------------------------------------------------------------- */

static double
value_of (const Row *row)
{
  if (row->check != NULL)
    return gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (row->check));
  return gtk_adjustment_get_value (row->adjustment);
}

/* A value beyond what a hand wants, from a script or a preset, is shown as it is. */
static void
set_value (Row *row, double value)
{
  if (row->check != NULL)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (row->check), value != 0);
  else
    {
      if (value > gtk_adjustment_get_upper (row->adjustment))
        gtk_adjustment_set_upper (row->adjustment, value);
      gtk_adjustment_set_value (row->adjustment, value);
    }
}

static void
notify (Row *row)
{
  if (!row->rows->quiet)
    row->rows->changed (row->rows->user);
}

static void
value_changed (gpointer source, gpointer user)
{
  (void)source;
  notify (user);
}

static void
reset (GtkButton *button, gpointer user)
{
  (void)button;
  set_value (user, ((Row *)user)->def);
}

/* ---- Parts of a row ----------------------------------------------------------------------------------------- */

static GtkWidget *
make_title (Row *row, GtkWidget *of)
{
  GtkWidget *title = gtk_label_new (_ (row->info->label));

  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (title), of);
  gtk_widget_set_tooltip_text (title, _ (row->info->help));
  return title;
}

static GtkWidget *
make_reset (Row *row)
{
  GtkWidget *button = wct_icon_button_new ("edit-undo-symbolic", _ ("Back to the default"));
  /* Translators: for screen readers; a parameter's name. */
  char *text = g_strdup_printf (_ ("Reset: %s"), _ (row->info->label));

  wct_widget_describe (button, text, NULL);
  g_signal_connect (button, "clicked", G_CALLBACK (reset), row);
  g_free (text);
  return button;
}

static GtkWidget *
make_spin (Row *row, const Look *look)
{
  const WctParamInfo *info = row->info;
  const double        step = look->step > 0 ? look->step : info->step;
  GtkWidget          *spin;

  row->adjustment =
    gtk_adjustment_new (info->def, info->min, look->max > 0 ? look->max : info->max, step, 10 * step, 0);
  spin = wct_spin_new (row->adjustment, look->digits);
  if (look->zero != NULL)
    wct_spin_set_zero_text (spin, _ (look->zero));
  gtk_widget_set_tooltip_text (spin, _ (info->help));
  wct_widget_describe (spin, _ (info->label), _ (info->help));
  g_signal_connect (row->adjustment, "value-changed", G_CALLBACK (value_changed), row);
  return spin;
}

static GtkWidget *
make_scale (Row *row)
{
  GtkWidget *scale = wct_scale_new (row->adjustment);

  gtk_widget_set_tooltip_text (scale, _ (row->info->help));
  wct_widget_describe (scale, _ (row->info->label), _ (row->info->help));
  return scale;
}

static GtkWidget *
make_check (Row *row)
{
  char *name = g_strconcat (row->info->name, "-check", NULL);

  row->check = gtk_check_button_new ();
  gtk_widget_set_name (row->check, name);
  gtk_widget_set_halign (row->check, GTK_ALIGN_START);
  gtk_widget_set_hexpand (row->check, TRUE);
  gtk_widget_set_tooltip_text (row->check, _ (row->info->help));
  wct_widget_describe (row->check, _ (row->info->label), _ (row->info->help));
  wct_widget_make_compact (row->check);
  g_signal_connect (row->check, "toggled", G_CALLBACK (value_changed), row);
  g_free (name);
  return row->check;
}

/* ---- Lines -------------------------------------------------------------------------------------------------- */

static void
add_check_line (Row *row)
{
  GtkWidget *check = make_check (row), *title = make_title (row, check), *back = make_reset (row);

  gtk_size_group_add_widget (row->rows->titles, title);
  wct_widget_set_names (row->info->name, title, NULL, NULL, back);
  gtk_grid_attach (GTK_GRID (row->rows->grid), title, 0, row->rows->line, 1, 1);
  gtk_grid_attach (GTK_GRID (row->rows->grid), check, 1, row->rows->line, 3, 1);
  gtk_grid_attach (GTK_GRID (row->rows->grid), back, 4, row->rows->line++, 1, 1);
  memcpy (row->parts, (GtkWidget *[COLUMNS]){ title, check, back }, sizeof row->parts);
}

static void
add_line (Row *row, const Look *look)
{
  GtkGrid   *grid = GTK_GRID (row->rows->grid);
  GtkWidget *spin = make_spin (row, look), *scale = look->shape == SLIDER ? make_scale (row) : NULL;
  GtkWidget *title = make_title (row, spin), *unit = wct_unit_new (row->info->unit), *back = make_reset (row);

  gtk_size_group_add_widget (row->rows->titles, title);
  wct_widget_set_names (row->info->name, title, scale, spin, back);
  gtk_widget_set_hexpand (spin, scale == NULL);
  gtk_grid_attach (grid, title, 0, row->rows->line, 1, 1);
  if (scale != NULL)
    gtk_grid_attach (grid, scale, 1, row->rows->line, 1, 1);
  gtk_grid_attach (grid, spin, scale != NULL ? 2 : 1, row->rows->line, scale != NULL ? 1 : 2, 1);
  gtk_grid_attach (grid, unit, 3, row->rows->line, 1, 1);
  gtk_grid_attach (grid, back, 4, row->rows->line++, 1, 1);
  memcpy (row->parts, (GtkWidget *[COLUMNS]){ title, scale, spin, unit, back }, sizeof row->parts);
}

/* Two of them share a line. */
static void
add_half_line (Row *row, const Look *look)
{
  WctParamRows *rows = row->rows;
  GtkWidget    *half = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6), *spin = make_spin (row, look);
  GtkWidget    *title = make_title (row, spin), *unit = wct_unit_new (row->info->unit), *back = make_reset (row);

  wct_widget_set_names (row->info->name, title, NULL, spin, back);
  gtk_size_group_add_widget (rows->half_titles, title);
  gtk_box_pack_start (GTK_BOX (half), title, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (half), spin, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (half), unit, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (half), back, FALSE, FALSE, 0);
  if (rows->half_line == NULL)
    {
      rows->half_line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
      gtk_box_set_homogeneous (GTK_BOX (rows->half_line), TRUE);
      gtk_grid_attach (GTK_GRID (rows->grid), rows->half_line, 0, rows->line++, COLUMNS, 1);
      gtk_box_pack_start (GTK_BOX (rows->half_line), half, TRUE, TRUE, 0);
    }
  else
    {
      gtk_box_pack_start (GTK_BOX (rows->half_line), half, TRUE, TRUE, 0);
      rows->half_line = NULL;
    }
  row->parts[0] = half;
}

static void
add_row (WctParamRows *rows, const char *name)
{
  Row *row = g_new0 (Row, 1);
  Look look;

  row->rows = rows;
  row->info = wct_param_find (name);
  row->def = row->info->def;
  look = look_of (row->info);
  if (look.shape != SHORT)
    rows->half_line = NULL;
  if (row->info->kind == WCT_PARAM_BOOL)
    add_check_line (row);
  else if (look.shape == SHORT)
    add_half_line (row, &look);
  else
    add_line (row, &look);
  g_array_append_val (rows->each, row);
}

static void
free_rows (gpointer data)
{
  WctParamRows *rows = data;

  for (guint i = 0; i < rows->each->len; i++)
    g_free (g_array_index (rows->each, Row *, i));
  g_array_unref (rows->each);
  g_object_unref (rows->titles);
  g_object_unref (rows->half_titles);
  g_free (rows);
}

WctParamRows *
wct_param_rows_new (const char *const *names, GtkSizeGroup *titles, void (*changed) (gpointer user), gpointer user)
{
  WctParamRows *rows = g_new0 (WctParamRows, 1);

  rows->changed = changed;
  rows->user = user;
  rows->each = g_array_new (FALSE, FALSE, sizeof (Row *));
  rows->titles = g_object_ref (titles);
  rows->half_titles = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);
  rows->grid = gtk_grid_new ();
  gtk_grid_set_column_spacing (GTK_GRID (rows->grid), 6);
  gtk_grid_set_row_spacing (GTK_GRID (rows->grid), 4);
  for (const char *const *name = names; *name != NULL; name++)
    add_row (rows, *name);
  g_object_set_data_full (G_OBJECT (rows->grid), "wct-param-rows", rows, free_rows);
  return rows;
}

GtkWidget *
wct_param_rows_widget (WctParamRows *rows)
{
  return rows->grid;
}

void
wct_param_rows_set_mode (WctParamRows *rows, WctMode mode)
{
  WctSettings defaults;

  wct_settings_init (mode, &defaults);
  for (guint i = 0; i < rows->each->len; i++)
    {
      Row *row = g_array_index (rows->each, Row *, i);

      row->def = wct_param_get (&defaults.params, row->info);
      for (int part = 0; part < COLUMNS; part++)
        if (row->parts[part] != NULL)
          gtk_widget_set_visible (row->parts[part], wct_mode_has (mode, row->info));
    }
}

void
wct_param_rows_set (WctParamRows *rows, const WctParams *params)
{
  rows->quiet = TRUE;
  for (guint i = 0; i < rows->each->len; i++)
    {
      Row *row = g_array_index (rows->each, Row *, i);

      set_value (row, wct_param_get (params, row->info));
    }
  rows->quiet = FALSE;
}

void
wct_param_rows_get (const WctParamRows *rows, WctParams *params)
{
  for (guint i = 0; i < rows->each->len; i++)
    {
      const Row *row = g_array_index (rows->each, Row *, i);

      (void)wct_param_set (params, row->info, value_of (row), NULL);
    }
}
