#include "settings.h"

#include <string.h>

#include "i18n.h"

void
wct_settings_init (WctMode mode, WctSettings *settings)
{
  memset (settings, 0, sizeof *settings);
  settings->mode = mode;
  settings->output = WCT_OUTPUT_LAYER;
  settings->styles[0].id = WCT_STYLE_NONE;
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
  static const char *const of_pictures[] = { "keep-colors",  "recolor",    "recolor-histogram",
                                             "working-size", "hard-masks", NULL };
  static const char *const of_textures[] = { "seed", "guide", NULL };

  if (strcmp (info->name, "content-size") == 0)
    return FALSE;
  return !g_strv_contains (mode == WCT_MODE_TEXTURE ? of_pictures : of_textures, info->name);
}

/* ---- Styles and places -------------------------------------------------------------------------------------- */

gboolean
wct_settings_have_style (const WctSettings *settings)
{
  return settings->style_count > 0;
}

void
wct_settings_set_style (WctSettings *settings, gint id, const char *file)
{
  const gboolean is_file = file != NULL && *file != '\0';

  settings->styles[0] = (WctStyleChoice){ .id = is_file ? WCT_STYLE_NONE : id, .weight = 1 };
  if (is_file)
    g_strlcpy (settings->styles[0].file, file, sizeof settings->styles[0].file);
  settings->style_count = is_file || id != WCT_STYLE_NONE;
}

gboolean
wct_settings_add_style (WctSettings *settings, gint id, const char *file)
{
  WctSettings one;

  if (settings->style_count >= WCT_STYLES_MAX)
    return FALSE;
  wct_settings_set_style (&one, id, file);
  settings->styles[settings->style_count] = one.styles[0];
  settings->style_count += one.style_count;
  return TRUE;
}

void
wct_settings_remove_style (WctSettings *settings, gint index)
{
  settings->style_count--;
  for (gint i = index; i < settings->style_count; i++)
    settings->styles[i] = settings->styles[i + 1];
  if (settings->style_count == 0)
    wct_settings_set_style (settings, WCT_STYLE_NONE, NULL);
  for (gint i = 0; i < settings->place_count; i++)
    {
      gint *style = &settings->places[i].style;

      *style = *style == index ? WCT_STYLE_BLEND : *style > index ? *style - 1 : *style;
    }
}

void
wct_settings_copy_styles (const WctSettings *from, WctSettings *to)
{
  to->style_count = from->style_count;
  to->place_count = from->place_count;
  memcpy (to->styles, from->styles, sizeof to->styles);
  memcpy (to->places, from->places, sizeof to->places);
}

gboolean
wct_style_choice_same (const WctStyleChoice *a, const WctStyleChoice *b)
{
  return a->id == b->id && strcmp (a->file, b->file) == 0;
}

gboolean
wct_mask_choice_same (const WctMaskChoice *a, const WctMaskChoice *b)
{
  return a->kind == b->kind && a->id == b->id && strcmp (a->file, b->file) == 0;
}

static gboolean
same_styles (const WctSettings *a, const WctSettings *b)
{
  gboolean same = a->style_count == b->style_count;

  for (gint i = 0; i < a->style_count && same; i++)
    same = wct_style_choice_same (&a->styles[i], &b->styles[i]) && a->styles[i].weight == b->styles[i].weight;
  return same;
}

static gboolean
same_places (const WctSettings *a, const WctSettings *b)
{
  gboolean same = a->place_count == b->place_count;

  for (gint i = 0; i < a->place_count && same; i++)
    same = wct_mask_choice_same (&a->places[i].mask, &b->places[i].mask) && a->places[i].style == b->places[i].style
           && a->places[i].strength == b->places[i].strength;
  return same;
}

gboolean
wct_settings_same (const WctSettings *a, const WctSettings *b)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);
  gboolean same = a->mode == b->mode && a->output == b->output && a->width == b->width && a->height == b->height
                  && same_styles (a, b) && same_places (a, b);

  for (size_t i = 0; i < count && same; i++)
    same = wct_param_get (&a->params, &table[i]) == wct_param_get (&b->params, &table[i]);
  return same;
}

gboolean
wct_is_style_file (const char *path)
{
  return g_str_has_suffix (path, ".wctstyle");
}

/* ---- At random ---------------------------------------------------------------------------------------------- */

/* To a step that people would choose. */
static double
random_step (GRand *random, double from, double to, double step)
{
  const gint steps = (gint)((to - from) / step + 0.5);

  return from + step * g_rand_int_range (random, 0, steps + 1);
}

void
wct_settings_randomize (WctSettings *settings, guint32 seed)
{
  GRand       *random = g_rand_new_with_seed (seed);
  WctParams   *params = &settings->params;
  const double middle = random_step (random, 0.4, 0.9, 0.05);

  for (int i = 0; i < WCT_LEVELS; i++)
    {
      const double alpha = middle + random_step (random, -0.3, 0.3, 0.05);

      params->level_on[i] = i == 3 || g_rand_double (random) < 0.85;
      params->alpha[i] = CLAMP (alpha, 0, 1);
    }
  params->damping = g_rand_boolean (random) ? 0 : random_step (random, 0.1, 1, 0.1);
  params->style_scale = random_step (random, 40, 160, 10);
  if (settings->mode == WCT_MODE_TEXTURE)
    params->seed = g_rand_int_range (random, 0, 1000000);
  g_rand_free (random);
}

/* ---- As text ------------------------------------------------------------------------------------------------ */

#define KEY_MODE    "mode"
#define KEY_OUTPUT  "output"
#define KEY_WIDTH   "width"
#define KEY_HEIGHT  "height"
#define KEY_WEIGHTS "weights"

static const char *const mode_names[] = { "stylize", "texture" };
static const char *const output_names[] = { "layer", "replace" };

static void
write_weights (const WctSettings *settings, GKeyFile *file, const char *group)
{
  double weights[WCT_STYLES_MAX];

  for (gint i = 0; i < settings->style_count; i++)
    weights[i] = settings->styles[i].weight;
  if (settings->style_count > 1)
    g_key_file_set_double_list (file, group, KEY_WEIGHTS, weights, (gsize)settings->style_count);
}

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
  write_weights (settings, file, group);
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

/* Of other styles, their weights mean something only where there are as many. */
static gboolean
read_weights (GKeyFile *file, const char *group, WctSettings *settings)
{
  GError  *error = NULL;
  gsize    count = 0;
  double  *weights = g_key_file_get_double_list (file, group, KEY_WEIGHTS, &count, &error);
  gboolean good = error == NULL || g_error_matches (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND);

  for (gsize i = 0; i < count; i++)
    good = good && weights[i] >= 0 && weights[i] <= 1;
  for (gsize i = 0; good && count == (gsize)settings->style_count && i < count; i++)
    settings->styles[i].weight = weights[i];
  g_clear_error (&error);
  g_free (weights);
  return good;
}

gboolean
wct_settings_read (WctSettings *settings, GKeyFile *file, const char *group)
{
  WctSettings read = *settings;
  int         mode = (int)read.mode, output = (int)read.output;

  if (!g_key_file_has_group (file, group) || !read_word (file, group, KEY_MODE, mode_names, &mode)
      || !read_word (file, group, KEY_OUTPUT, output_names, &output) || !read_side (file, group, KEY_WIDTH, &read.width)
      || !read_side (file, group, KEY_HEIGHT, &read.height) || !read_params (file, group, &read.params)
      || !read_weights (file, group, &read))
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
