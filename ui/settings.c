#include "settings.h"

#include <string.h>

#include "i18n.h"

void
wct_settings_init (WctMode mode, WctSettings *settings)
{
  *settings = (WctSettings){ .mode = mode, .style = WCT_STYLE_NONE, .output = WCT_OUTPUT_LAYER };
  wct_params_init (&settings->params);
  if (mode != WCT_MODE_TEXTURE)
    return;
  settings->params.passes = 3;
  for (int i = 0; i < WCT_LEVELS; i++)
    settings->params.alpha[i] = 1;
}

gboolean
wct_mode_has (WctMode mode, const WctParamInfo *info)
{
  if (strcmp (info->name, "content-size") == 0)
    return FALSE;
  return mode == WCT_MODE_TEXTURE || strcmp (info->name, "seed") != 0;
}

gboolean
wct_settings_have_style (const WctSettings *settings)
{
  return settings->style != WCT_STYLE_NONE || settings->style_file[0] != '\0';
}

/* ---- As text ------------------------------------------------------------------------------------------------ */

#define KEY_MODE   "mode"
#define KEY_OUTPUT "output"
#define KEY_WIDTH  "width"
#define KEY_HEIGHT "height"

static const char *const mode_names[] = { "stylize", "texture" };
static const char *const output_names[] = { "layer", "replace" };

void
wct_settings_write (const WctSettings *settings, GKeyFile *file, const char *group)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  g_key_file_set_string (file, group, KEY_MODE, mode_names[settings->mode]);
  g_key_file_set_string (file, group, KEY_OUTPUT, output_names[settings->output]);
  g_key_file_set_integer (file, group, KEY_WIDTH, settings->width);
  g_key_file_set_integer (file, group, KEY_HEIGHT, settings->height);
  for (size_t i = 0; i < count; i++)
    if (wct_mode_has (settings->mode, &table[i]))
      g_key_file_set_double (file, group, table[i].name, wct_param_get (&settings->params, &table[i]));
}

/* Which of two words; @found stays where the key is missing. */
static gboolean
read_word (GKeyFile *file, const char *group, const char *key, const char *const words[2], int *found)
{
  char    *word = g_key_file_get_string (file, group, key, NULL);
  gboolean known = word == NULL;

  for (int i = 0; i < 2 && !known; i++)
    if (strcmp (word, words[i]) == 0)
      {
        *found = i;
        known = TRUE;
      }
  g_free (word);
  return known;
}

static gboolean
read_side (GKeyFile *file, const char *group, const char *key, gint *side)
{
  GError *error = NULL;
  gint    value;

  if (!g_key_file_has_key (file, group, key, NULL))
    return TRUE;
  value = g_key_file_get_integer (file, group, key, &error);
  if (error != NULL)
    {
      g_error_free (error);
      return FALSE;
    }
  *side = value;
  return value >= 0 && value <= WCT_TEXTURE_SIDE_MAX;
}

static gboolean
read_params (GKeyFile *file, const char *group, WctParams *params)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);
  gboolean            good = TRUE;

  for (size_t i = 0; i < count && good; i++)
    if (g_key_file_has_key (file, group, table[i].name, NULL))
      {
        GError *error = NULL;
        double  value = g_key_file_get_double (file, group, table[i].name, &error);

        good = error == NULL && wct_param_set (params, &table[i], value, NULL) == WCT_OK;
        g_clear_error (&error);
      }
  return good && wct_params_check (params, NULL) == WCT_OK;
}

gboolean
wct_settings_read (WctSettings *settings, GKeyFile *file, const char *group)
{
  WctSettings read = *settings;
  int         mode = (int)read.mode, output = (int)read.output;

  if (!g_key_file_has_group (file, group) || !read_word (file, group, KEY_MODE, mode_names, &mode)
      || !read_word (file, group, KEY_OUTPUT, output_names, &output) || !read_side (file, group, KEY_WIDTH, &read.width)
      || !read_side (file, group, KEY_HEIGHT, &read.height) || !read_params (file, group, &read.params))
    return FALSE;
  read.mode = (WctMode)mode;
  read.output = (WctOutputMode)output;
  *settings = read;
  return TRUE;
}

/* ---- Names -------------------------------------------------------------------------------------------------- */

/* "0.6", or "5: 0.4; 4: 0.8" where levels differ or are missing. */
static char *
describe_strengths (const WctParams *params)
{
  GString *text = g_string_new (NULL);
  gboolean equal = TRUE;

  for (int i = 0; i < WCT_LEVELS; i++)
    equal = equal && params->level_on[i] && params->alpha[i] == params->alpha[0];
  if (equal)
    g_string_printf (text, "%.3g", params->alpha[0]);
  for (int i = WCT_LEVELS - 1; i >= 0 && !equal; i--)
    if (params->level_on[i])
      g_string_append_printf (text, "%s%d: %.3g", text->len > 0 ? "; " : "", i + 1, params->alpha[i]);
  return g_string_free (text, FALSE);
}

char *
wct_settings_name (const WctSettings *settings, const char *style)
{
  char *strengths, *name;

  if (settings->mode == WCT_MODE_TEXTURE)
    /* Translators: the name of a layer: the style's name, then the seed of the noise. */
    return g_strdup_printf (_ ("%s texture, seed %d"), style, settings->params.seed);
  strengths = describe_strengths (&settings->params);
  /* Translators: the name of a layer: the style's name, then the strength, or one for each level. */
  name = g_strdup_printf (_ ("%s style (%s)"), style, strengths);
  g_free (strengths);
  return name;
}
