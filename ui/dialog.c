#include "dialog.h"

#include <string.h>

#include <wct/memory.h>

#include "i18n.h"
#include "level-rows.h"
#include "preset-box.h"
#include "style-chooser.h"
#include "texture-box.h"
#include "widgets.h"

#define RESPONSE_REUSE  1
#define SPACE_PX        12
#define WIDTH_PX        1080
#define HEIGHT_PX       720
#define CONTROLS_MIN_PX 430
#define LARGE_JOB       (1u << 30) /* bytes: from here on memory is told */

struct WctDialog
{
  WctHost         *host;
  WctSession      *session;
  WctPreview      *preview;
  WctStyleChooser *chooser;
  WctLevelRows    *rows;
  WctTextureBox   *texture;
  GtkWidget       *window, *controls, *info, *info_text, *note, *zoom, *machine, *memory, *bar;
  GtkWidget       *modes[2], *outputs[2], *texture_section, *style_size, *floor, *damping, *accurate, *apply, *ok;
  WctSettings      kept[2]; /* by mode: what the other one had */
  WctSettings      applied;
  GMainLoop       *loop; /* NULL: not shown */
  gboolean         any_applied, applying, closing, quiet;
};

/* ---- Settings and widgets ----------------------------------------------------------------------------------- */

static double
spin_value (GtkWidget *spin)
{
  return gtk_spin_button_get_value (GTK_SPIN_BUTTON (spin));
}

static void
collect (gpointer user, WctSettings *settings)
{
  const WctDialog *dialog = user;

  *settings = *wct_session_settings (dialog->session);
  wct_style_chooser_get (dialog->chooser, settings);
  wct_level_rows_get (dialog->rows, &settings->params);
  if (settings->mode == WCT_MODE_TEXTURE)
    wct_texture_box_get (dialog->texture, settings);
  settings->output = gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (dialog->outputs[WCT_OUTPUT_REPLACE]))
                       ? WCT_OUTPUT_REPLACE
                       : WCT_OUTPUT_LAYER;
  settings->params.style_size = (gint32)spin_value (dialog->style_size);
  settings->params.eigenvalue_floor = spin_value (dialog->floor);
  settings->params.damping = spin_value (dialog->damping);
}

static void
changed (gpointer user)
{
  WctDialog  *dialog = user;
  WctSettings settings;

  if (dialog->quiet)
    return;
  collect (dialog, &settings);
  wct_session_set (dialog->session, &settings);
}

/* All widgets show these. */
static void
show_settings (WctDialog *dialog, const WctSettings *settings)
{
  WctSettings defaults;

  wct_settings_init (settings->mode, &defaults);
  dialog->quiet = TRUE;
  wct_style_chooser_set (dialog->chooser, settings);
  wct_level_rows_set_defaults (dialog->rows, &defaults.params);
  wct_level_rows_set (dialog->rows, &settings->params);
  wct_texture_box_set (dialog->texture, settings);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->modes[settings->mode]), TRUE);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->outputs[settings->output]), TRUE);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (dialog->style_size), settings->params.style_size);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (dialog->floor), settings->params.eigenvalue_floor);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (dialog->damping), settings->params.damping);
  gtk_widget_set_visible (dialog->texture_section, settings->mode == WCT_MODE_TEXTURE);
  dialog->quiet = FALSE;
}

static void
take_settings (gpointer user, const WctSettings *settings)
{
  WctDialog *dialog = user;

  show_settings (dialog, settings);
  wct_session_set (dialog->session, settings);
}

/* Each mode keeps its own; style and output are common. */
static void
mode_toggled (GtkToggleButton *button, gpointer user)
{
  WctDialog    *dialog = user;
  const WctMode mode =
    button == GTK_TOGGLE_BUTTON (dialog->modes[WCT_MODE_TEXTURE]) ? WCT_MODE_TEXTURE : WCT_MODE_STYLIZE;
  WctSettings settings, other;

  if (dialog->quiet || !gtk_toggle_button_get_active (button))
    return;
  collect (dialog, &settings);
  dialog->kept[settings.mode] = settings;
  other = dialog->kept[mode];
  other.style = settings.style;
  g_strlcpy (other.style_file, settings.style_file, sizeof other.style_file);
  other.output = settings.output;
  take_settings (dialog, &other);
}

/* ---- What the session tells --------------------------------------------------------------------------------- */

static void
show_problem (gpointer user, const char *sentence)
{
  WctDialog *dialog = user;

  gtk_label_set_text (GTK_LABEL (dialog->info_text), sentence);
  gtk_widget_show (dialog->info);
}

static void
show_zoom (WctDialog *dialog)
{
  /* Translators: how large the preview is shown: percent of the picture's size. */
  char *text = g_strdup_printf (_ ("%.0f %%"), 100 * wct_preview_zoom (dialog->preview));

  gtk_label_set_text (GTK_LABEL (dialog->zoom), text);
  g_free (text);
}

static void
previewed (gpointer user, const WctPreviewed *what)
{
  WctDialog *dialog = user;
  char      *text;

  wct_preview_show (dialog->preview, what);
  show_zoom (dialog);
  if (what->exact)
    text = g_strdup (_ ("Exact: these are the pixels that you will get."));
  else if (what->full_size)
    text = g_strdup (_ ("Nearly exact: all pixels of this part, with statistics of the whole picture made smaller."));
  else
    text = g_strdup_printf (_ ("Approximate: computed on %d×%d pixels."), what->after->image.width,
                            what->after->image.height);
  gtk_label_set_text (GTK_LABEL (dialog->note), text);
  gtk_widget_set_sensitive (dialog->accurate, !what->full_size);
  g_free (text);
}

static void
refused (gpointer user, const char *sentence)
{
  WctDialog *dialog = user;

  wct_preview_refuse (dialog->preview, sentence);
  gtk_label_set_text (GTK_LABEL (dialog->note), "");
}

static char *
memory_text (size_t needed)
{
  const size_t available = wct_memory_available ();

  if (needed > available)
    return g_strdup_printf (
      /* Translators: numbers of gigabytes. */
      _ ("Too large: it needs about %.1f GB of memory, and %.1f GB are free. Select less, or scale the image down."),
      (double)needed * 1e-9, (double)available * 1e-9);
  /* Translators: numbers of gigabytes. */
  return g_strdup_printf (_ ("A large job: it needs about %.1f GB of memory; %.1f GB are free."), (double)needed * 1e-9,
                          (double)available * 1e-9);
}

static void
described (gpointer user, const WctEngineInfo *info, size_t whole_memory)
{
  WctDialog *dialog = user;
  char      *name = g_path_get_basename (info->model), *shown, *text;

  shown = g_str_has_suffix (name, ".safetensors") ? g_strndup (name, strlen (name) - strlen (".safetensors"))
                                                  : g_strdup (name);
  /* Translators: the back end ("CPU"), how many threads it uses, the model's name. */
  text = g_strdup_printf (ngettext ("%s, %d thread · %s", "%s, %d threads · %s", (unsigned long)info->threads),
                          g_str_equal (info->backend, "cpu") ? _ ("CPU") : info->backend, info->threads, shown);
  gtk_label_set_text (GTK_LABEL (dialog->machine), text);
  g_free (text);
  text = g_strdup_printf (
    _ ("Computed by the processor, with as many threads as the preferences of the program allow; the model is the "
       "file %s."),
    info->model);
  gtk_widget_set_tooltip_text (dialog->machine, text);
  g_free (text);
  wct_level_rows_set_available (dialog->rows, info->levels);
  if (whole_memory >= LARGE_JOB)
    {
      text = memory_text (whole_memory);
      gtk_label_set_text (GTK_LABEL (dialog->memory), text);
      gtk_widget_set_tooltip_text (dialog->memory, text);
      g_free (text);
    }
  if (whole_memory > 0)
    gtk_widget_set_visible (dialog->memory, whole_memory >= LARGE_JOB);
  g_free (shown);
  g_free (name);
}

static void
set_busy (WctDialog *dialog, gboolean busy)
{
  gtk_widget_set_sensitive (dialog->controls, !busy);
  gtk_widget_set_sensitive (dialog->apply, !busy);
  gtk_widget_set_sensitive (dialog->ok, !busy);
  gtk_widget_set_sensitive (dialog->accurate, !busy);
  gtk_widget_set_visible (dialog->bar, busy);
}

static void
progressed (gpointer user, double done)
{
  WctDialog *dialog = user;

  if (!gtk_widget_get_visible (dialog->bar))
    set_busy (dialog, TRUE);
  gtk_progress_bar_set_fraction (GTK_PROGRESS_BAR (dialog->bar), done);
}

static void
close_dialog (WctDialog *dialog)
{
  gtk_widget_hide (dialog->window);
  if (dialog->loop != NULL)
    g_main_loop_quit (dialog->loop);
}

static void
ended (gpointer user, WctStatus status, const char *sentence)
{
  WctDialog *dialog = user;

  set_busy (dialog, FALSE);
  if (status == WCT_OK && dialog->applying)
    dialog->any_applied = TRUE;
  dialog->applying = FALSE;
  if (status != WCT_OK && status != WCT_CANCELED)
    show_problem (dialog, sentence);
  if (status == WCT_OK && dialog->closing)
    close_dialog (dialog);
  dialog->closing = FALSE;
}

/* ---- Buttons ------------------------------------------------------------------------------------------------ */

static void
apply (WctDialog *dialog, gboolean and_close)
{
  WctSettings settings;

  gtk_widget_hide (dialog->info);
  collect (dialog, &settings);
  dialog->applied = settings;
  dialog->applying = TRUE;
  dialog->closing = and_close;
  wct_session_apply (dialog->session);
}

static void
cancel (WctDialog *dialog)
{
  if (wct_session_busy (dialog->session))
    wct_session_cancel (dialog->session);
  else
    close_dialog (dialog);
}

static void
reuse (WctDialog *dialog)
{
  WctSettings settings;

  collect (dialog, &settings);
  if (dialog->host->reuse (dialog->host, &settings))
    take_settings (dialog, &settings);
  else
    show_problem (dialog,
                  _ ("Neither the layer nor the style was made with this plug-in: there are no settings to reuse."));
}

static void
help (WctDialog *dialog)
{
  WctError err;

  if (dialog->host->help (dialog->host, &err) != WCT_OK)
    show_problem (dialog, err.message);
}

static void
responded (GtkDialog *window, gint response, gpointer user)
{
  WctDialog *dialog = user;

  (void)window;
  switch (response)
    {
    case GTK_RESPONSE_OK:
      apply (dialog, TRUE);
      break;
    case GTK_RESPONSE_APPLY:
      apply (dialog, FALSE);
      break;
    case GTK_RESPONSE_HELP:
      help (dialog);
      break;
    case RESPONSE_REUSE:
      reuse (dialog);
      break;
    default:
      cancel (dialog);
    }
}

/* Esc and the window's cross are Cancel: GTK must not take the window away. */
static gboolean
keep_window (GtkWidget *window, GdkEvent *event, gpointer user)
{
  (void)window;
  (void)event;
  (void)user;
  return TRUE;
}

static void
info_answered (GtkInfoBar *info, gint response, gpointer user)
{
  (void)response;
  (void)user;
  gtk_widget_hide (GTK_WIDGET (info));
}

static void
viewed (gpointer user, const WctPart *part, double scale)
{
  WctDialog *dialog = user;

  show_zoom (dialog);
  wct_session_view (dialog->session, part, scale);
}

static void
fit_pressed (GtkButton *button, gpointer user)
{
  (void)button;
  wct_preview_set_zoom (((WctDialog *)user)->preview, 0);
}

static void
actual_pressed (GtkButton *button, gpointer user)
{
  (void)button;
  wct_preview_set_zoom (((WctDialog *)user)->preview, 1);
}

static void
compare_toggled (GtkToggleButton *button, gpointer user)
{
  wct_preview_set_split (((WctDialog *)user)->preview, gtk_toggle_button_get_active (button));
}

static void
accurate_pressed (GtkButton *button, gpointer user)
{
  (void)button;
  wct_session_accurate (((WctDialog *)user)->session);
}

/* ---- Making it: the left side ------------------------------------------------------------------------------- */

static GtkWidget *
tool_button (GtkWidget *button, const char *name, const char *tooltip)
{
  gtk_widget_set_name (button, name);
  gtk_widget_set_tooltip_text (button, tooltip);
  return button;
}

static GtkWidget *
note_label (const char *name)
{
  GtkWidget *label = gtk_label_new ("");

  gtk_widget_set_name (label, name);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_style_context_add_class (gtk_widget_get_style_context (label), GTK_STYLE_CLASS_DIM_LABEL);
  return label;
}

static GtkWidget *
make_tools (WctDialog *dialog)
{
  GtkWidget *tools = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *fit = tool_button (gtk_button_new_with_mnemonic (_ ("_Fit")), "fit", _ ("Show all of the picture"));
  GtkWidget *actual = tool_button (gtk_button_new_with_label (_ ("1:1")), "actual", _ ("A pixel for a pixel"));
  GtkWidget *compare = tool_button (gtk_check_button_new_with_mnemonic (_ ("Co_mpare")), "compare",
                                    _ ("Before on the left, after on the right of a line that you can drag"));

  dialog->accurate = tool_button (gtk_button_new_with_mnemonic (_ ("Acc_urate")), "accurate",
                                  _ ("Compute what you see on all of its pixels, as applying would"));
  dialog->zoom = note_label ("zoom");
  gtk_label_set_width_chars (GTK_LABEL (dialog->zoom), 6);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (compare), TRUE);
  g_signal_connect (fit, "clicked", G_CALLBACK (fit_pressed), dialog);
  g_signal_connect (actual, "clicked", G_CALLBACK (actual_pressed), dialog);
  g_signal_connect (compare, "toggled", G_CALLBACK (compare_toggled), dialog);
  g_signal_connect (dialog->accurate, "clicked", G_CALLBACK (accurate_pressed), dialog);
  gtk_container_add (GTK_CONTAINER (tools), fit);
  gtk_container_add (GTK_CONTAINER (tools), actual);
  gtk_container_add (GTK_CONTAINER (tools), dialog->zoom);
  gtk_container_add (GTK_CONTAINER (tools), compare);
  gtk_box_pack_end (GTK_BOX (tools), dialog->accurate, FALSE, FALSE, 0);
  return tools;
}

static GtkWidget *
make_left (WctDialog *dialog)
{
  GtkWidget *left = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  dialog->preview = wct_preview_new (viewed, dialog);
  wct_preview_refuse (dialog->preview, _ ("The preview is being computed…"));
  dialog->note = note_label ("note");
  gtk_box_pack_start (GTK_BOX (left), wct_preview_widget (dialog->preview), TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (left), dialog->note);
  gtk_container_add (GTK_CONTAINER (left), make_tools (dialog));
  return left;
}

/* ---- The right side ----------------------------------------------------------------------------------------- */

static GtkWidget *
make_choice (WctDialog *dialog, const char *const titles[2], const char *const names[2], const char *const tooltips[2],
             GtkWidget *buttons[2], GCallback toggled)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACE_PX);

  for (int i = 0; i < 2; i++)
    {
      buttons[i] =
        gtk_radio_button_new_with_mnemonic_from_widget (i == 0 ? NULL : GTK_RADIO_BUTTON (buttons[0]), titles[i]);
      gtk_widget_set_name (buttons[i], names[i]);
      gtk_widget_set_tooltip_text (buttons[i], tooltips[i]);
      g_signal_connect (buttons[i], "toggled", toggled, dialog);
      gtk_container_add (GTK_CONTAINER (row), buttons[i]);
    }
  return row;
}

static GtkWidget *
make_modes (WctDialog *dialog)
{
  return make_choice (
    dialog, (const char *const[]){ _ ("_Stylize"), _ ("Te_xture") },
    (const char *const[]){ "mode-stylize", "mode-texture" },
    (const char *const[]){ _ ("Give the layer the style"), _ ("Make a texture of the style, from noise") },
    dialog->modes, G_CALLBACK (mode_toggled));
}

static void
output_toggled (GtkToggleButton *button, gpointer user)
{
  if (gtk_toggle_button_get_active (button))
    changed (user);
}

static GtkWidget *
make_outputs (WctDialog *dialog)
{
  return make_choice (dialog, (const char *const[]){ _ ("New _layer"), _ ("_In place") },
                      (const char *const[]){ "output-layer", "output-replace" },
                      (const char *const[]){ _ ("The result is a layer above, with the selection as its mask"),
                                             _ ("The result replaces the layer's pixels, where they are selected") },
                      dialog->outputs, G_CALLBACK (output_toggled));
}

static void
spin_changed (GtkAdjustment *adjustment, gpointer user)
{
  (void)adjustment;
  changed (user);
}

/* A row of the table, as a spin button with its title. */
static GtkWidget *
add_number (WctDialog *dialog, GtkWidget *grid, int line, const char *title, const char *name, double max, double step,
            guint digits)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count), *info = table;
  GtkAdjustment      *adjustment;
  GtkWidget          *label = gtk_label_new_with_mnemonic (title), *spin;

  while (!g_str_equal (info->name, name))
    info++;
  adjustment = gtk_adjustment_new (info->def, info->min, MIN (max, info->max), step, 10 * step, 0);
  spin = wct_spin_new (adjustment, digits);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), spin);
  gtk_widget_set_tooltip_text (label, _ (info->help));
  gtk_widget_set_tooltip_text (spin, _ (info->help));
  gtk_widget_set_name (spin, name);
  gtk_widget_set_hexpand (spin, TRUE);
  gtk_grid_attach (GTK_GRID (grid), label, 0, line, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), spin, 1, line, 1, 1);
  g_signal_connect (adjustment, "value-changed", G_CALLBACK (spin_changed), dialog);
  return spin;
}

static GtkWidget *
number_grid (void)
{
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_column_spacing (GTK_GRID (grid), 6);
  gtk_grid_set_row_spacing (GTK_GRID (grid), 4);
  return grid;
}

static GtkWidget *
make_more (WctDialog *dialog)
{
  GtkWidget *expander = gtk_expander_new_with_mnemonic (_ ("Ad_vanced")), *grid = number_grid ();

  gtk_widget_set_name (expander, "more");
  dialog->floor = add_number (dialog, grid, 0, _ ("Eigenvalue floor:"), "eigenvalue-floor", 1, 1e-5, 6);
  dialog->damping = add_number (dialog, grid, 1, _ ("Damping:"), "damping", 100, 0.1, 2);
  gtk_container_add (GTK_CONTAINER (expander), grid);
  return expander;
}

static GtkWidget *
make_style (WctDialog *dialog)
{
  dialog->chooser = wct_style_chooser_new (dialog->host, changed, dialog);
  dialog->style_size = add_number (dialog, wct_style_chooser_grid (dialog->chooser), WCT_STYLE_CHOOSER_FREE_LINE,
                                   _ ("Si_ze (px):"), "style-size", 16384, 32, 0);
  wct_spin_set_zero_text (dialog->style_size, _ ("As it is"));
  return wct_style_chooser_widget (dialog->chooser);
}

static GtkWidget *
make_presets (WctDialog *dialog)
{
  return wct_preset_box_new (&(WctPresetEvents){ collect, take_settings, show_problem }, dialog);
}

static GtkWidget *
make_scrolled (GtkWidget *content)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scrolled), 140);
  gtk_widget_set_margin_end (content, SPACE_PX);
  gtk_container_add (GTK_CONTAINER (scrolled), content);
  return scrolled;
}

/* The style is always to be seen, the rest as far as there is room. */
static GtkWidget *
make_controls (WctDialog *dialog)
{
  GtkWidget *rest = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACE_PX), *style = make_style (dialog);

  dialog->controls = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACE_PX);
  dialog->rows = wct_level_rows_new (changed, dialog);
  dialog->texture = wct_texture_box_new (changed, dialog);
  dialog->texture_section = wct_section_new (_ ("Texture"), wct_texture_box_widget (dialog->texture));
  gtk_container_add (GTK_CONTAINER (rest), make_modes (dialog));
  gtk_container_add (GTK_CONTAINER (rest), wct_section_new (_ ("Presets"), make_presets (dialog)));
  gtk_container_add (GTK_CONTAINER (rest), wct_section_new (_ ("Levels"), wct_level_rows_widget (dialog->rows)));
  gtk_container_add (GTK_CONTAINER (rest), dialog->texture_section);
  gtk_container_add (GTK_CONTAINER (rest), wct_section_new (_ ("Result"), make_outputs (dialog)));
  gtk_container_add (GTK_CONTAINER (rest), make_more (dialog));
  gtk_widget_set_margin_end (style, SPACE_PX);
  gtk_container_add (GTK_CONTAINER (dialog->controls), style);
  gtk_box_pack_start (GTK_BOX (dialog->controls), make_scrolled (rest), TRUE, TRUE, 0);
  gtk_widget_set_margin_start (dialog->controls, SPACE_PX);
  gtk_widget_set_size_request (dialog->controls, CONTROLS_MIN_PX, -1);
  return dialog->controls;
}

/* ---- The window --------------------------------------------------------------------------------------------- */

static GtkWidget *
make_info (WctDialog *dialog)
{
  GtkWidget *content;

  dialog->info = gtk_info_bar_new ();
  dialog->info_text = gtk_label_new ("");
  gtk_widget_set_name (dialog->info_text, "problem");
  gtk_label_set_line_wrap (GTK_LABEL (dialog->info_text), TRUE);
  gtk_label_set_xalign (GTK_LABEL (dialog->info_text), 0);
  gtk_label_set_selectable (GTK_LABEL (dialog->info_text), TRUE);
  gtk_info_bar_set_message_type (GTK_INFO_BAR (dialog->info), GTK_MESSAGE_ERROR);
  gtk_info_bar_set_show_close_button (GTK_INFO_BAR (dialog->info), TRUE);
  content = gtk_info_bar_get_content_area (GTK_INFO_BAR (dialog->info));
  gtk_container_add (GTK_CONTAINER (content), dialog->info_text);
  g_signal_connect (dialog->info, "response", G_CALLBACK (info_answered), dialog);
  return dialog->info;
}

/* One row of one height: what comes and goes in it does not move the preview. */
static GtkWidget *
make_status (WctDialog *dialog)
{
  GtkWidget *status = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACE_PX);

  dialog->machine = note_label ("machine");
  dialog->memory = note_label ("memory");
  gtk_style_context_remove_class (gtk_widget_get_style_context (dialog->memory), GTK_STYLE_CLASS_DIM_LABEL);
  dialog->bar = gtk_progress_bar_new ();
  gtk_widget_set_name (dialog->bar, "progress");
  gtk_widget_set_valign (dialog->bar, GTK_ALIGN_CENTER);
  wct_widget_describe (dialog->bar, _ ("Progress"), NULL);
  gtk_container_add (GTK_CONTAINER (status), dialog->machine);
  gtk_box_pack_start (GTK_BOX (status), dialog->memory, TRUE, TRUE, 0);
  gtk_box_pack_end (GTK_BOX (status), dialog->bar, FALSE, FALSE, 0);
  return status;
}

static void
add_buttons (WctDialog *dialog)
{
  GtkDialog *window = GTK_DIALOG (dialog->window);
  GtkWidget *help = NULL, *again = NULL;

  if (dialog->host->help != NULL)
    {
      help = gtk_dialog_add_button (window, _ ("_Help"), GTK_RESPONSE_HELP);
      gtk_widget_set_name (help, "help");
    }
  if (dialog->host->reuse != NULL)
    {
      again = gtk_dialog_add_button (window, _ ("_Reuse settings"), RESPONSE_REUSE);
      gtk_widget_set_name (again, "reuse");
      gtk_widget_set_tooltip_text (again, _ ("Take the settings that this layer, or the style's, was made with"));
    }
  gtk_widget_set_name (gtk_dialog_add_button (window, _ ("_Cancel"), GTK_RESPONSE_CANCEL), "cancel");
  dialog->apply = gtk_dialog_add_button (window, _ ("_Apply"), GTK_RESPONSE_APPLY);
  dialog->ok = gtk_dialog_add_button (window, _ ("_OK"), GTK_RESPONSE_OK);
  gtk_widget_set_name (dialog->apply, "apply");
  gtk_widget_set_name (dialog->ok, "ok");
  gtk_widget_set_tooltip_text (dialog->apply, _ ("Do it, and keep this window open"));
  gtk_widget_set_tooltip_text (dialog->ok, _ ("Do it, and close this window"));
  gtk_dialog_set_default_response (window, GTK_RESPONSE_OK);
}

static void
fill_window (WctDialog *dialog)
{
  GtkWidget *content = gtk_dialog_get_content_area (GTK_DIALOG (dialog->window));
  GtkWidget *paned = gtk_paned_new (GTK_ORIENTATION_HORIZONTAL), *left = make_left (dialog);

  gtk_container_set_border_width (GTK_CONTAINER (content), SPACE_PX);
  gtk_box_set_spacing (GTK_BOX (content), 8);
  gtk_widget_set_margin_end (left, 6);
  gtk_paned_pack1 (GTK_PANED (paned), left, TRUE, FALSE);
  gtk_paned_pack2 (GTK_PANED (paned), make_controls (dialog), FALSE, FALSE);
  gtk_container_add (GTK_CONTAINER (content), make_info (dialog));
  gtk_box_pack_start (GTK_BOX (content), paned, TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (content), make_status (dialog));
  add_buttons (dialog);
  gtk_widget_show_all (content);
  gtk_widget_hide (dialog->info);
  gtk_widget_hide (dialog->bar);
  gtk_widget_hide (dialog->memory);
}

/* The preview's own minimum would keep the window from narrow screens. */
static void
set_size (GtkWindow *window)
{
  GdkMonitor  *monitor = gdk_display_get_monitor (gdk_display_get_default (), 0);
  GdkRectangle area = { 0, 0, WIDTH_PX, HEIGHT_PX };

  if (monitor != NULL)
    gdk_monitor_get_workarea (monitor, &area);
  gtk_window_set_default_size (window, MIN (WIDTH_PX, area.width - 40), MIN (HEIGHT_PX, area.height - 60));
}

WctDialog *
wct_dialog_new (WctHost *host, const WctSettings *settings)
{
  static const WctSessionEvents events = { previewed, refused, described, progressed, ended };
  WctDialog                    *dialog = g_new0 (WctDialog, 1);

  dialog->host = host;
  dialog->session = wct_session_new (host, settings, &events, dialog);
  for (int mode = 0; mode < 2; mode++)
    wct_settings_init ((WctMode)mode, &dialog->kept[mode]);
  dialog->window = gtk_dialog_new ();
  gtk_window_set_title (GTK_WINDOW (dialog->window), _ ("Style Transfer (WCT)"));
  gtk_window_set_role (GTK_WINDOW (dialog->window), "gimp-wct");
  set_size (GTK_WINDOW (dialog->window));
  dialog->quiet = TRUE;
  fill_window (dialog);
  take_settings (dialog, settings);
  g_signal_connect (dialog->window, "response", G_CALLBACK (responded), dialog);
  g_signal_connect (dialog->window, "delete-event", G_CALLBACK (keep_window), dialog);
  return dialog;
}

void
wct_dialog_free (WctDialog **dialog_pointer)
{
  WctDialog *dialog = *dialog_pointer;

  if (dialog == NULL)
    return;
  wct_session_free (&dialog->session);
  gtk_widget_destroy (dialog->window);
  g_free (dialog);
  *dialog_pointer = NULL;
}

GtkWidget *
wct_dialog_window (WctDialog *dialog)
{
  return dialog->window;
}

WctPreview *
wct_dialog_preview (WctDialog *dialog)
{
  return dialog->preview;
}

WctSession *
wct_dialog_session (WctDialog *dialog)
{
  return dialog->session;
}

gboolean
wct_dialog_run (WctDialog *dialog, WctSettings *settings)
{
  dialog->loop = g_main_loop_new (NULL, FALSE);
  gtk_widget_show (dialog->window);
  gtk_widget_grab_focus (dialog->ok);
  g_main_loop_run (dialog->loop);
  g_clear_pointer (&dialog->loop, g_main_loop_unref);
  if (dialog->any_applied)
    *settings = dialog->applied;
  return dialog->any_applied;
}
