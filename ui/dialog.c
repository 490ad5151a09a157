#include "dialog.h"

#include <string.h>

#include <wct/memory.h>

#include "history-strip.h"
#include "i18n.h"
#include "kept-result.h"
#include "level-rows.h"
#include "param-rows.h"
#include "preset-box.h"
#include "region-list.h"
#include "style-list.h"
#include "texture-box.h"
#include "widgets.h"

#define RESPONSE_REUSE  1
#define SPACE_PX        12
#define WIDTH_PX        1200
#define HEIGHT_PX       760
#define CONTROLS_MIN_PX 470
#define TOOL_MIN_PX     42
#define LARGE_JOB       (1u << 30) /* bytes: from here on memory is told */
#define SETTLED_MS      500        /* a result that stands for so long is kept in the history */
#define SEEDS           1000000

enum
{
  PAGE_STYLE,
  PAGE_STRENGTH,
  PAGE_REGIONS,
  PAGE_COLOR,
  PAGE_ADVANCED,
  PAGE_COUNT
};

/* The table's rows, by page and kind. */
typedef struct
{
  int         page;
  const char *title; /* NULL: none */
  const char *params[8];
} Group;

static const Group groups[] = {
  { PAGE_STYLE,
    N_ ("Size and part"),
    { "style-size", "style-scale", "style-rotation", "style-left", "style-top", "style-width", "style-height", NULL } },
  { PAGE_REGIONS, NULL, { "hard-masks", NULL } },
  { PAGE_COLOR, N_ ("The result's colors"), { "keep-colors", NULL } },
  { PAGE_COLOR, N_ ("The style's colors"), { "recolor", "recolor-histogram", NULL } },
  { PAGE_ADVANCED, N_ ("Process"), { "passes", "guide", "seamless", "working-size", NULL } },
  { PAGE_ADVANCED, N_ ("Structure"), { "transport", "swap", "swap-patch", "swap-stride", NULL } },
  { PAGE_ADVANCED, N_ ("Statistics"), { "damping", "eigenvalue-floor", NULL } },
};
#define GROUP_COUNT (int)G_N_ELEMENTS (groups)

struct WctDialog
{
  WctHost         *host;
  WctSession      *session;
  WctPreview      *preview;
  WctStyleList    *styles;
  WctLevelRows    *rows;
  WctTextureBox   *texture;
  WctRegionList   *regions;
  WctParamRows    *params[G_N_ELEMENTS (groups)];
  WctHistoryStrip *history;
  GtkWidget *window, *controls, *notebook, *results, *pages[PAGE_COUNT], *info, *info_text, *note, *zoom, *machine,
    *memory, *bar;
  GtkWidget     *modes[2], *outputs[2], *texture_section, *accurate, *apply, *ok, *flip, *seed;
  WctSettings    kept[2]; /* by mode: what the other one had */
  WctSettings    applied;
  WctKeptResult *shown;        /* the newest result; NULL: none */
  WctKeptResult *snapshots[2]; /* A and B; NULL: none */
  guint          settling;     /* until what is shown goes into the history; 0: it is there */
  GMainLoop     *loop;         /* NULL: not shown */
  gboolean       any_applied, applying, closing, quiet;
};

/* ---- Settings and widgets ----------------------------------------------------------------------------------- */

static void
collect (gpointer user, WctSettings *settings)
{
  const WctDialog *dialog = user;

  *settings = *wct_session_settings (dialog->session);
  wct_style_list_get (dialog->styles, settings);
  wct_region_list_get (dialog->regions, settings);
  wct_level_rows_get (dialog->rows, &settings->params);
  if (settings->mode == WCT_MODE_TEXTURE)
    wct_texture_box_get (dialog->texture, settings);
  settings->output = gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (dialog->outputs[WCT_OUTPUT_REPLACE]))
                       ? WCT_OUTPUT_REPLACE
                       : WCT_OUTPUT_LAYER;
  for (int i = 0; i < GROUP_COUNT; i++)
    wct_param_rows_get (dialog->params[i], &settings->params);
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

/* What a mode has nothing of is not to be seen. */
static void
show_mode (WctDialog *dialog, WctMode mode)
{
  WctSettings defaults;

  wct_settings_init (mode, &defaults);
  wct_level_rows_set_defaults (dialog->rows, &defaults.params);
  for (int i = 0; i < GROUP_COUNT; i++)
    wct_param_rows_set_mode (dialog->params[i], mode);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->modes[mode]), TRUE);
  gtk_widget_set_visible (dialog->texture_section, mode == WCT_MODE_TEXTURE);
  gtk_widget_set_visible (dialog->pages[PAGE_REGIONS], mode == WCT_MODE_STYLIZE);
  gtk_widget_set_visible (dialog->pages[PAGE_COLOR], mode == WCT_MODE_STYLIZE);
}

/* All widgets show these. */
static void
show_settings (WctDialog *dialog, const WctSettings *settings)
{
  dialog->quiet = TRUE;
  show_mode (dialog, settings->mode);
  wct_style_list_set (dialog->styles, settings);
  wct_region_list_set (dialog->regions, settings, dialog->styles);
  wct_level_rows_set (dialog->rows, &settings->params);
  wct_texture_box_set (dialog->texture, settings);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->outputs[settings->output]), TRUE);
  for (int i = 0; i < GROUP_COUNT; i++)
    wct_param_rows_set (dialog->params[i], &settings->params);
  dialog->quiet = FALSE;
}

static void
take_settings (gpointer user, const WctSettings *settings)
{
  WctDialog *dialog = user;

  show_settings (dialog, settings);
  wct_session_set (dialog->session, settings);
}

static void
save_style (gpointer user, gint index, const char *path)
{
  WctDialog *dialog = user;

  gtk_widget_hide (dialog->info);
  wct_session_save_style (dialog->session, index, path);
}

/* Each mode keeps its own; styles and output are common. */
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
  wct_settings_copy_styles (&settings, &other);
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

/* What is shown: for a screen reader, and where the pointer rests. */
static char *
name_of_settings (const WctDialog *dialog, const WctSettings *settings)
{
  GString *styles = g_string_new (NULL);
  char    *name;

  for (gint i = 0; i < settings->style_count; i++)
    {
      char *style = wct_style_list_name (dialog->styles, i);

      g_string_append_printf (styles, "%s%s", i > 0 ? " + " : "", style);
      g_free (style);
    }
  name = wct_settings_name (settings, styles->str);
  g_string_free (styles, TRUE);
  return name;
}

static gboolean
settle (gpointer user)
{
  WctDialog *dialog = user;
  char      *name = name_of_settings (dialog, &dialog->shown->settings);

  dialog->settling = 0;
  wct_history_strip_add (dialog->history, wct_kept_result_copy (dialog->shown), name);
  g_free (name);
  return G_SOURCE_REMOVE;
}

/* All pixels of a large part would be too much to keep twelve times. */
static void
keep_result (WctDialog *dialog, const WctPreviewed *what)
{
  if (!what->newest || wct_session_busy (dialog->session)
      || MAX (what->after->image.width, what->after->image.height) > WCT_PREVIEW_SIDE)
    return;
  wct_kept_result_free (&dialog->shown);
  dialog->shown = wct_kept_result_new (wct_session_settings (dialog->session), what);
  g_clear_handle_id (&dialog->settling, g_source_remove);
  dialog->settling = g_timeout_add (SETTLED_MS, settle, dialog);
}

static void
previewed (gpointer user, const WctPreviewed *what)
{
  WctDialog *dialog = user;
  char      *text;

  wct_preview_show (dialog->preview, what);
  keep_result (dialog, what);
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

static const char *
backend_label (const char *name)
{
  return g_str_equal (name, "cpu") ? _ ("CPU") : g_str_equal (name, "cuda") ? _ ("GPU") : name;
}

static void
described (gpointer user, const WctEngineInfo *info, size_t whole_memory)
{
  WctDialog *dialog = user;
  char      *name = g_path_get_basename (info->model), *shown, *text;

  shown = g_str_has_suffix (name, ".safetensors") ? g_strndup (name, strlen (name) - strlen (".safetensors"))
                                                  : g_strdup (name);
  /* Translators: the back end ("CPU", "GPU"), how many threads it uses, the model's name. */
  text = g_strdup_printf (ngettext ("%s, %d thread · %s", "%s, %d threads · %s", (unsigned long)info->threads),
                          backend_label (info->backend), info->threads, shown);
  gtk_label_set_text (GTK_LABEL (dialog->machine), text);
  g_free (text);
  text = g_strdup_printf (
    g_str_equal (info->backend, "cuda")
      ? _ ("Computed by the graphics card; the model is the file %s.")
      : _ ("Computed by the processor, with as many threads as the preferences of the program allow; the model is the "
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
  gtk_widget_set_sensitive (dialog->results, !busy);
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

/* ---- Going back ----------------------------------------------------------------------------------------------- */

/* The picture at once, the settings with it; the same picture comes once more when it is computed. */
static void
go_back_to (gpointer user, const WctKeptResult *kept)
{
  WctDialog *dialog = user;

  take_settings (dialog, &kept->settings);
  wct_preview_show (dialog->preview, &kept->preview);
  wct_kept_result_free (&dialog->shown);
  dialog->shown = wct_kept_result_copy (kept);
}

static void
show_flip (WctDialog *dialog, gboolean b)
{
  const gboolean quiet = dialog->quiet;

  dialog->quiet = TRUE;
  gtk_widget_set_sensitive (dialog->flip, dialog->snapshots[0] != NULL && dialog->snapshots[1] != NULL);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (dialog->flip), b);
  dialog->quiet = quiet;
}

static void
keep_snapshot (WctDialog *dialog, int which)
{
  WctSettings settings;

  if (dialog->shown == NULL)
    return;
  collect (dialog, &settings);
  wct_kept_result_free (&dialog->snapshots[which]);
  dialog->snapshots[which] = wct_kept_result_new (&settings, &dialog->shown->preview);
  show_flip (dialog, which == 1);
}

static void
keep_a (GtkButton *button, gpointer user)
{
  (void)button;
  keep_snapshot (user, 0);
}

static void
keep_b (GtkButton *button, gpointer user)
{
  (void)button;
  keep_snapshot (user, 1);
}

static void
flip_toggled (GtkToggleButton *button, gpointer user)
{
  WctDialog *dialog = user;

  if (!dialog->quiet)
    go_back_to (dialog, dialog->snapshots[gtk_toggle_button_get_active (button) ? 1 : 0]);
}

static void
randomize (GtkButton *button, gpointer user)
{
  WctDialog    *dialog = user;
  const guint32 seed = (guint32)g_random_int_range (0, SEEDS);
  WctSettings   settings;
  char         *text = g_strdup_printf ("%06u", seed);

  (void)button;
  collect (dialog, &settings);
  wct_settings_randomize (&settings, seed);
  take_settings (dialog, &settings);
  gtk_label_set_text (GTK_LABEL (dialog->seed), text);
  gtk_widget_set_tooltip_text (dialog->seed, text);
  g_free (text);
}

/* ---- Making it: the left side ------------------------------------------------------------------------------- */

static GtkWidget *
tool_button (GtkWidget *button, const char *name, const char *tooltip)
{
  wct_widget_make_compact (button);
  gtk_widget_set_size_request (button, TOOL_MIN_PX, -1);
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
result_button (GtkWidget *button, const char *name, const char *tooltip, GCallback pressed, WctDialog *dialog)
{
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  if (pressed != NULL)
    g_signal_connect (button, "clicked", pressed, dialog);
  return tool_button (button, name, tooltip);
}

/* What was tried, and what may be. */
static GtkWidget *
make_results (WctDialog *dialog)
{
  GtkWidget *row = dialog->results = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4);
  GtkWidget *a = result_button (gtk_button_new_with_label (_ ("A")), "snapshot-a",
                                _ ("Keep these settings and this result as A"), G_CALLBACK (keep_a), dialog);
  GtkWidget *b = result_button (gtk_button_new_with_label (_ ("B")), "snapshot-b",
                                _ ("Keep these settings and this result as B"), G_CALLBACK (keep_b), dialog);
  GtkWidget *dice = result_button (
    gtk_button_new_with_mnemonic (_ ("Randomi_ze")), "randomize",
    _ ("Try other strengths, damping and style scale; the number is theirs, the row of results has what was "
       "before"),
    G_CALLBACK (randomize), dialog);

  dialog->history = wct_history_strip_new (go_back_to, dialog);
  dialog->flip = result_button (gtk_toggle_button_new_with_mnemonic (_ ("A/_B")), "flip",
                                _ ("From A to B and back: settings and pictures, at once"), NULL, dialog);
  dialog->seed = note_label ("random-seed");
  gtk_widget_set_margin_end (dice, SPACE_PX);
  gtk_widget_set_sensitive (dialog->flip, FALSE);
  g_signal_connect (dialog->flip, "toggled", G_CALLBACK (flip_toggled), dialog);
  gtk_box_pack_start (GTK_BOX (row), wct_history_strip_widget (dialog->history), TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (row), dialog->seed);
  gtk_container_add (GTK_CONTAINER (row), dice);
  gtk_container_add (GTK_CONTAINER (row), a);
  gtk_container_add (GTK_CONTAINER (row), b);
  gtk_container_add (GTK_CONTAINER (row), dialog->flip);
  return row;
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
  gtk_container_add (GTK_CONTAINER (left), make_results (dialog));
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
  return make_choice (dialog, (const char *const[]){ _ ("_New layer"), _ ("_In place") },
                      (const char *const[]){ "output-layer", "output-replace" },
                      (const char *const[]){ _ ("The result is a layer above, with the selection as its mask"),
                                             _ ("The result replaces the layer's pixels, where they are selected") },
                      dialog->outputs, G_CALLBACK (output_toggled));
}

static GtkWidget *
make_presets (WctDialog *dialog)
{
  return wct_preset_box_new (&(WctPresetEvents){ collect, take_settings, show_problem }, dialog);
}

/* With a scroll bar only where the screen is small. */
static GtkWidget *
make_scrolled (GtkWidget *content)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scrolled), 140);
  gtk_container_set_border_width (GTK_CONTAINER (content), SPACE_PX);
  gtk_container_add (GTK_CONTAINER (scrolled), content);
  return scrolled;
}

/* Their titles are as wide as the widest of the page. */
static void
add_groups (WctDialog *dialog, int page, GtkContainer *box)
{
  GtkSizeGroup *titles = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);

  for (int i = 0; i < GROUP_COUNT; i++)
    if (groups[i].page == page)
      {
        GtkWidget *rows;

        dialog->params[i] = wct_param_rows_new (groups[i].params, titles, changed, dialog);
        rows = wct_param_rows_widget (dialog->params[i]);
        gtk_container_add (box, groups[i].title != NULL ? wct_section_new (_ (groups[i].title), rows) : rows);
      }
  g_object_unref (titles);
}

/* @name: what tests find it by; its rows of the table come last. */
static void
add_page (WctDialog *dialog, GtkNotebook *notebook, int page, const char *title, const char *name, GtkWidget *content)
{
  GtkWidget *label = gtk_label_new_with_mnemonic (title);

  add_groups (dialog, page, GTK_CONTAINER (content));
  dialog->pages[page] = make_scrolled (content);
  gtk_widget_set_name (dialog->pages[page], name);
  gtk_notebook_append_page (notebook, dialog->pages[page], label);
  gtk_container_child_set (GTK_CONTAINER (notebook), dialog->pages[page], "tab-expand", TRUE, NULL);
}

static GtkWidget *
page_box (void)
{
  return gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACE_PX);
}

static GtkWidget *
make_style_page (WctDialog *dialog)
{
  GtkWidget *box = page_box ();

  dialog->styles =
    wct_style_list_new (dialog->host, &(WctListEvents){ collect, take_settings, changed, save_style }, dialog);
  gtk_container_add (GTK_CONTAINER (box), wct_style_list_widget (dialog->styles));
  return box;
}

static GtkWidget *
make_strength_page (WctDialog *dialog)
{
  GtkWidget *box = page_box ();

  dialog->rows = wct_level_rows_new (changed, dialog);
  dialog->texture = wct_texture_box_new (changed, dialog);
  dialog->texture_section = wct_section_new (_ ("Texture"), wct_texture_box_widget (dialog->texture));
  gtk_container_add (GTK_CONTAINER (box), wct_section_new (_ ("Presets"), make_presets (dialog)));
  gtk_container_add (GTK_CONTAINER (box), wct_section_new (_ ("Levels"), wct_level_rows_widget (dialog->rows)));
  gtk_container_add (GTK_CONTAINER (box), dialog->texture_section);
  return box;
}

static GtkWidget *
make_regions_page (WctDialog *dialog)
{
  GtkWidget *box = page_box ();

  dialog->regions =
    wct_region_list_new (dialog->host, &(WctListEvents){ collect, take_settings, changed, NULL }, dialog);
  gtk_container_add (GTK_CONTAINER (box), wct_region_list_widget (dialog->regions));
  return box;
}

static GtkWidget *
make_pages (WctDialog *dialog)
{
  GtkWidget *notebook = dialog->notebook = gtk_notebook_new ();

  gtk_widget_set_name (notebook, "pages");
  wct_widget_describe (notebook, _ ("Settings"), NULL);
  add_page (dialog, GTK_NOTEBOOK (notebook), PAGE_STYLE, _ ("St_yle"), "page-style", make_style_page (dialog));
  add_page (dialog, GTK_NOTEBOOK (notebook), PAGE_STRENGTH, _ ("Streng_th"), "page-strength",
            make_strength_page (dialog));
  add_page (dialog, GTK_NOTEBOOK (notebook), PAGE_REGIONS, _ ("Re_gions"), "page-regions", make_regions_page (dialog));
  add_page (dialog, GTK_NOTEBOOK (notebook), PAGE_COLOR, _ ("Co_lor"), "page-color", page_box ());
  add_page (dialog, GTK_NOTEBOOK (notebook), PAGE_ADVANCED, _ ("Ad_vanced"), "page-advanced", page_box ());
  return notebook;
}

static GtkWidget *
make_titled_line (const char *title, GtkWidget *content)
{
  GtkWidget *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACE_PX), *label = gtk_label_new (title);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_style_context_add_class (gtk_widget_get_style_context (label), GTK_STYLE_CLASS_DIM_LABEL);
  gtk_container_add (GTK_CONTAINER (line), label);
  gtk_container_add (GTK_CONTAINER (line), content);
  return line;
}

/* What is done, pages of how, and where it goes. */
static GtkWidget *
make_controls (WctDialog *dialog)
{
  dialog->controls = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  gtk_container_add (GTK_CONTAINER (dialog->controls), make_modes (dialog));
  gtk_box_pack_start (GTK_BOX (dialog->controls), make_pages (dialog), TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (dialog->controls), make_titled_line (_ ("Result:"), make_outputs (dialog)));
  gtk_widget_set_margin_start (dialog->controls, 6);
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

/* GTK 3 tells screen readers that a page is gone when it is, and asks it for its label then: a complaint for each.
 * Nobody else listens, and the window goes as a whole. */
static void
leave_pages_alone (WctDialog *dialog)
{
  const guint  removed = g_signal_lookup ("page-removed", GTK_TYPE_NOTEBOOK);
  const gulong handler = g_signal_handler_find (dialog->notebook, G_SIGNAL_MATCH_ID, removed, 0, NULL, NULL, NULL);

  if (handler != 0)
    g_signal_handler_disconnect (dialog->notebook, handler);
}

void
wct_dialog_free (WctDialog **dialog_pointer)
{
  WctDialog *dialog = *dialog_pointer;

  if (dialog == NULL)
    return;
  g_clear_handle_id (&dialog->settling, g_source_remove);
  wct_kept_result_free (&dialog->shown);
  for (int i = 0; i < 2; i++)
    wct_kept_result_free (&dialog->snapshots[i]);
  wct_session_free (&dialog->session);
  leave_pages_alone (dialog);
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
