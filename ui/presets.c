#include "presets.h"

#include <string.h>

#include <glib/gstdio.h>

#include "i18n.h"

#define OFF (-1.0)

const WctPreset wct_presets[] = {
  { "balanced",
    N_ ("Balanced"),
    N_ ("All five levels at 0.6: the whole look of the style, and the picture stays recognizable. The default."),
    WCT_MODE_STYLIZE,
    { 0.6, 0.6, 0.6, 0.6, 0.6 } },
  { "plain",
    N_ ("Plain"),
    N_ ("Relu_4_1 alone at 0.8: brush work and color at little loss of detail; fast."),
    WCT_MODE_STYLIZE,
    { OFF, OFF, OFF, 0.8, OFF } },
  { "mixed",
    N_ ("Mixed levels"),
    N_ ("Less from the deep levels, more from the shallow ones: shapes keep their place, surfaces change."),
    WCT_MODE_STYLIZE,
    { 0.8, 0.7, 0.6, 0.5, 0.3 } },
  { "low",
    N_ ("Low depth"),
    N_ ("Relu_1_1 and Relu_2_1 at 0.8: colors and fine grain of the style, all forms of the picture."),
    WCT_MODE_STYLIZE,
    { 0.8, 0.8, OFF, OFF, OFF } },
  { "high",
    N_ ("High depth"),
    N_ ("Relu_4_1 and Relu_5_1 at 0.8: the style's shapes, with few of its colors' finer shades."),
    WCT_MODE_STYLIZE,
    { OFF, OFF, OFF, 0.8, 0.8 } },
  { "strong",
    N_ ("Strong"),
    N_ ("All five levels all the way: the style takes over."),
    WCT_MODE_STYLIZE,
    { 1, 1, 1, 1, 1 } },
  { "texture",
    N_ ("Texture"),
    N_ ("From noise, all levels all the way, three passes: nothing but the style."),
    WCT_MODE_TEXTURE,
    { 1, 1, 1, 1, 1 } },
};
const int wct_preset_count = G_N_ELEMENTS (wct_presets);

void
wct_preset_apply (const WctPreset *preset, WctSettings *settings)
{
  WctSettings defaults;

  wct_settings_init (preset->mode, &defaults);
  settings->mode = preset->mode;
  settings->params.passes = defaults.params.passes;
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      settings->params.level_on[i] = preset->alpha[i] >= 0;
      settings->params.alpha[i] = preset->alpha[i] >= 0 ? preset->alpha[i] : defaults.params.alpha[i];
    }
}

/* ---- The user's --------------------------------------------------------------------------------------------- */

struct WctUserPresets
{
  GKeyFile *file;
  char     *path;
};

WctUserPresets *
wct_user_presets_open (void)
{
  WctUserPresets *presets = g_new0 (WctUserPresets, 1);

  presets->file = g_key_file_new ();
  presets->path = g_build_filename (g_get_user_config_dir (), "gimp-wct", "presets.ini", NULL);
  g_key_file_load_from_file (presets->file, presets->path, G_KEY_FILE_NONE, NULL);
  return presets;
}

void
wct_user_presets_free (WctUserPresets **presets_pointer)
{
  WctUserPresets *presets = *presets_pointer;

  if (presets == NULL)
    return;
  g_key_file_free (presets->file);
  g_free (presets->path);
  g_free (presets);
  *presets_pointer = NULL;
}

char **
wct_user_presets_names (const WctUserPresets *presets)
{
  return g_key_file_get_groups (presets->file, NULL);
}

gboolean
wct_user_presets_apply (const WctUserPresets *presets, const char *name, WctSettings *settings)
{
  return wct_settings_read (settings, presets->file, name);
}

static GKeyFile *
copy_of (GKeyFile *file)
{
  GKeyFile *copy = g_key_file_new ();
  gsize     length;
  char     *text = g_key_file_to_data (file, &length, NULL);

  g_key_file_load_from_data (copy, text, length, G_KEY_FILE_NONE, NULL);
  g_free (text);
  return copy;
}

/* @file: taken over; it is what there is from now on, if it could be written. */
static WctStatus
replace (WctUserPresets *presets, GKeyFile *file, WctError *err)
{
  char     *folder = g_path_get_dirname (presets->path);
  GError   *error = NULL;
  WctStatus status = WCT_OK;

  g_mkdir_with_parents (folder, 0700);
  if (!g_key_file_save_to_file (file, presets->path, &error))
    {
      status = wct_error_set (err, WCT_ERR_IO, _ ("Your presets cannot be saved: %s"), error->message);
      g_error_free (error);
      g_key_file_free (file);
    }
  else
    {
      g_key_file_free (presets->file);
      presets->file = file;
    }
  g_free (folder);
  return status;
}

/* What GLib's key files allow as a group. */
static gboolean
is_group_name (const char *name)
{
  for (const char *at = name; *at != '\0'; at++)
    if (g_ascii_iscntrl (*at) || *at == '[' || *at == ']')
      return FALSE;
  return *name != '\0' && g_utf8_validate (name, -1, NULL);
}

WctStatus
wct_user_presets_save (WctUserPresets *presets, const char *name, const WctSettings *settings, WctError *err)
{
  GKeyFile *file;

  if (!is_group_name (name))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                          _ ("Please give the preset a name, of one line and without [ and ]."));
  file = copy_of (presets->file);
  g_key_file_remove_group (file, name, NULL);
  wct_settings_write (settings, file, name);
  return replace (presets, file, err);
}

WctStatus
wct_user_presets_delete (WctUserPresets *presets, const char *name, WctError *err)
{
  GKeyFile *file = copy_of (presets->file);

  g_key_file_remove_group (file, name, NULL);
  return replace (presets, file, err);
}
