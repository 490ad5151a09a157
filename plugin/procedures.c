#include "procedures.h"

#include <string.h>

#include "i18n.h"

#define AUTHORS "the gimp-wct developers"
#define DATE    "2026"
#define TYPES   "RGB*, GRAY*"

static const WctProcedure procedures[] = {
  { "plug-in-wct-stylize", N_ ("_Style Transfer (WCT)..."), "<Image>/Filters/Artistic",
    N_ ("Give a layer the style of another picture"),
    N_ ("Features of the layer are moved to the mean and the covariance that the style's have, level by level, from "
        "large "
        "forms (relu5_1) to colors (relu1_1), each with a strength of its own (Li et al., Universal Style Transfer via "
        "Feature Transforms, NIPS 2017). Only what is selected changes."),
    WCT_MODE_STYLIZE },
  { "plug-in-wct-texture", N_ ("_Texture from Style (WCT)..."), "<Image>/Filters/Render",
    N_ ("Make a texture in the style of a picture"),
    N_ (
      "Noise is given the style of the picture, several times over: what comes out looks like it everywhere and shows "
      "nothing of it in particular. It makes a layer of the selection's or the image's size, or fills what is selected "
      "of "
      "the layer."),
    WCT_MODE_TEXTURE },
};

/* Before the table's parameters, and behind them; the last two for textures. */
static const GimpParamDef first_arguments[] = {
  { GIMP_PDB_INT32, "run-mode", "Run mode: RUN-INTERACTIVE (0), RUN-NONINTERACTIVE (1), RUN-WITH-LAST-VALS (2)" },
  { GIMP_PDB_IMAGE, "image", "The image" },
  { GIMP_PDB_DRAWABLE, "drawable", "The layer" },
  { GIMP_PDB_DRAWABLE, "style", "The layer, of any open image, whose style is taken" },
};
static const GimpParamDef last_arguments[] = {
  { GIMP_PDB_INT32, "output", "0: a new layer above, with the selection as its mask; 1: in place" },
  { GIMP_PDB_INT32, "width", "Of the new layer, in pixels; 0: the selection's or the image's" },
  { GIMP_PDB_INT32, "height", "Of the new layer, in pixels; 0: the selection's or the image's" },
};

/* Behind these. GIMP wants the length of each array right before it. */
static const GimpParamDef style_arguments[] = {
  { GIMP_PDB_INT32, "num-styles", "How many styles there are besides style" },
  { GIMP_PDB_INT32ARRAY, "styles", "Layers that are mixed with style" },
  { GIMP_PDB_INT32, "num-weights", "0: all equal; else one for each style" },
  { GIMP_PDB_FLOATARRAY, "weights", "How much of each style, 0 to 1: of style, then of styles, then of style-files" },
  { GIMP_PDB_STRING, "style-files",
    "Paths of pictures and style files that are mixed with them, one on a line; or \"\"" },
};
static const GimpParamDef region_arguments[] = {
  { GIMP_PDB_INT32, "num-regions", "How many parts of the picture have a style of their own; 0: none" },
  { GIMP_PDB_INT32ARRAY, "region-masks",
    "Where each is: a channel, a layer's mask, the selection or a layer of this image, -1: everywhere; a later one "
    "covers "
    "the ones before" },
  { GIMP_PDB_INT32, "num-region-styles", "0: all have the blend; else one for each region" },
  { GIMP_PDB_INT32ARRAY, "region-styles", "The style of each, counted from 0 as weights are; -1: the blend" },
  { GIMP_PDB_INT32, "num-region-strengths", "0: all as the levels say; else one for each region" },
  { GIMP_PDB_FLOATARRAY, "region-strengths",
    "What the levels' strengths are taken times in each, 0 to 1; -1: as the levels say" },
};

#define FIRST_COUNT  (int)G_N_ELEMENTS (first_arguments)
#define ARGUMENT_MAX 64

enum
{
  ARGUMENT_DRAWABLE = 2,
  ARGUMENT_STYLE
};

static int
last_count (const WctProcedure *procedure)
{
  return procedure->mode == WCT_MODE_TEXTURE ? 3 : 1;
}

/* Noise has no parts. */
static gsize
region_count (const WctProcedure *procedure)
{
  return procedure->mode == WCT_MODE_TEXTURE ? 0 : G_N_ELEMENTS (region_arguments);
}

const WctProcedure *
wct_procedure_find (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (procedures); i++)
    if (strcmp (procedures[i].name, name) == 0)
      return &procedures[i];
  return NULL;
}

/* ---- Registration ------------------------------------------------------------------------------------------- */

static GimpParamDef
argument_of (const WctParamInfo *info)
{
  return (GimpParamDef){ info->kind == WCT_PARAM_DOUBLE ? GIMP_PDB_FLOAT : GIMP_PDB_INT32, (char *)info->name,
                         g_strdup_printf ("%s (%.10g to %.10g)", info->help, info->min, info->max) };
}

static void
install (const WctProcedure *procedure)
{
  GimpParamDef        arguments[ARGUMENT_MAX];
  size_t              rows;
  const WctParamInfo *table = wct_params_table (&rows);
  int                 count = FIRST_COUNT;

  memcpy (arguments, first_arguments, sizeof first_arguments);
  for (size_t i = 0; i < rows; i++)
    if (wct_mode_has (procedure->mode, &table[i]))
      arguments[count++] = argument_of (&table[i]);
  for (int i = 0; i < last_count (procedure); i++)
    arguments[count++] = last_arguments[i];
  for (gsize i = 0; i < G_N_ELEMENTS (style_arguments); i++)
    arguments[count++] = style_arguments[i];
  for (gsize i = 0; i < region_count (procedure); i++)
    arguments[count++] = region_arguments[i];
  gimp_install_procedure (procedure->name, procedure->blurb, procedure->help, AUTHORS, AUTHORS, DATE,
                          procedure->menu_label, TYPES, GIMP_PLUGIN, count, 0, arguments, NULL);
  gimp_plugin_menu_register (procedure->name, procedure->menu_path);
}

void
wct_procedures_install (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (procedures); i++)
    install (&procedures[i]);
}

/* ---- Arguments ---------------------------------------------------------------------------------------------- */

gint32
wct_procedure_drawable (const GimpParam *params)
{
  return params[ARGUMENT_DRAWABLE].data.d_drawable;
}

gint32
wct_procedure_style (int count, const GimpParam *params)
{
  return count > ARGUMENT_STYLE ? params[ARGUMENT_STYLE].data.d_drawable : -1;
}

static double
number_of (const GimpParam *param)
{
  return param->type == GIMP_PDB_FLOAT ? param->data.d_float : param->data.d_int32;
}

static WctStatus
refuse_value (const char *name, double value, double min, double max, WctError *err)
{
  /* Translators: an argument's name, the number that was given, the smallest and the largest that may be. */
  return wct_error_set (err, WCT_ERR_ARGUMENT, _ ("%s is %.10g: please give a number from %.10g to %.10g."), name,
                        value, min, max);
}

static WctStatus
read_side (const char *name, gint32 value, gint *side, WctError *err)
{
  if (value < 0 || value > WCT_TEXTURE_SIDE_MAX)
    return refuse_value (name, value, 0, WCT_TEXTURE_SIDE_MAX, err);
  *side = value;
  return WCT_OK;
}

static WctStatus
read_last (const WctProcedure *procedure, const GimpParam *params, WctSettings *settings, WctError *err)
{
  const gint32 output = params[0].data.d_int32;
  WctStatus    status = WCT_OK;

  if (output != WCT_OUTPUT_LAYER && output != WCT_OUTPUT_REPLACE)
    return refuse_value ("output", output, 0, 1, err);
  settings->output = (WctOutputMode)output;
  if (procedure->mode == WCT_MODE_TEXTURE)
    {
      WCT_TRY (read_side ("width", params[1].data.d_int32, &settings->width, err));
      WCT_TRY (read_side ("height", params[2].data.d_int32, &settings->height, err));
    }

out:
  return status;
}

/* ---- Styles and regions, among them ---- */

static WctStatus
refuse_count (const char *name, int count, int expected, WctError *err)
{
  /* Translators: an argument's name, how many numbers were given, how many there should be. */
  return wct_error_set (err, WCT_ERR_ARGUMENT, _ ("%s has %d numbers: please give %d, or none."), name, count,
                        expected);
}

static WctStatus
add_style (gint32 id, const char *file, WctSettings *settings, WctError *err)
{
  if (!wct_settings_add_style (settings, id, file))
    return wct_error_set (err, WCT_ERR_ARGUMENT, _ ("There are more than %d styles: please give fewer."),
                          WCT_STYLES_MAX);
  return WCT_OK;
}

static WctStatus
add_style_files (const char *text, WctSettings *settings, WctError *err)
{
  char    **paths = g_strsplit (text == NULL ? "" : text, "\n", -1);
  WctStatus status = WCT_OK;

  for (char **path = paths; *path != NULL; path++)
    if (**path != '\0')
      WCT_TRY (add_style (WCT_STYLE_NONE, *path, settings, err));

out:
  g_strfreev (paths);
  return status;
}

static WctStatus
read_weights (int count, const double *weights, WctSettings *settings, WctError *err)
{
  if (count == 0)
    return WCT_OK;
  if (count != settings->style_count)
    return refuse_count ("weights", count, settings->style_count, err);
  for (int i = 0; i < count; i++)
    {
      if (!(weights[i] >= 0 && weights[i] <= 1))
        return refuse_value ("weights", weights[i], 0, 1, err);
      settings->styles[i].weight = weights[i];
    }
  return WCT_OK;
}

static WctStatus
read_styles (const GimpParam *params, WctSettings *settings, WctError *err)
{
  WctStatus status = WCT_OK;

  for (gint32 i = 0; i < params[0].data.d_int32; i++)
    WCT_TRY (add_style (params[1].data.d_int32array[i], NULL, settings, err));
  WCT_TRY (add_style_files (params[4].data.d_string, settings, err));
  WCT_TRY (read_weights (params[2].data.d_int32, params[3].data.d_floatarray, settings, err));

out:
  return status;
}

static WctStatus
read_region_masks (int count, const gint32 *masks, WctSettings *settings, WctError *err)
{
  if (count > WCT_PLACES_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, _ ("There are more than %d regions: please give fewer."),
                          WCT_PLACES_MAX);
  for (int i = 0; i < count; i++)
    settings->places[i] = (WctPlace){ .mask = { .kind = masks[i] == -1 ? WCT_MASK_ALL : WCT_MASK_GRAY, .id = masks[i] },
                                      .style = WCT_STYLE_BLEND,
                                      .strength = WCT_STRENGTH_AS_SET };
  settings->place_count = count;
  return WCT_OK;
}

static WctStatus
read_region_styles (int count, const gint32 *styles, WctSettings *settings, WctError *err)
{
  if (count != 0 && count != settings->place_count)
    return refuse_count ("region-styles", count, settings->place_count, err);
  for (int i = 0; i < count; i++)
    {
      if (styles[i] < WCT_STYLE_BLEND || styles[i] >= settings->style_count)
        return refuse_value ("region-styles", styles[i], WCT_STYLE_BLEND, settings->style_count - 1, err);
      settings->places[i].style = styles[i];
    }
  return WCT_OK;
}

static WctStatus
read_region_strengths (int count, const double *strengths, WctSettings *settings, WctError *err)
{
  if (count != 0 && count != settings->place_count)
    return refuse_count ("region-strengths", count, settings->place_count, err);
  for (int i = 0; i < count; i++)
    {
      if (strengths[i] != WCT_STRENGTH_AS_SET && !(strengths[i] >= 0 && strengths[i] <= 1))
        return refuse_value ("region-strengths", strengths[i], 0, 1, err);
      settings->places[i].strength = strengths[i];
    }
  return WCT_OK;
}

static WctStatus
read_regions (const GimpParam *params, WctSettings *settings, WctError *err)
{
  WctStatus status;

  WCT_TRY (read_region_masks (params[0].data.d_int32, params[1].data.d_int32array, settings, err));
  WCT_TRY (read_region_styles (params[2].data.d_int32, params[3].data.d_int32array, settings, err));
  WCT_TRY (read_region_strengths (params[4].data.d_int32, params[5].data.d_floatarray, settings, err));

out:
  return status;
}

static WctStatus
read_param (const WctParamInfo *info, double value, WctParams *params, WctError *err)
{
  if (wct_param_set (params, info, value, NULL) != WCT_OK)
    return refuse_value (info->name, value, info->min, info->max, err);
  return WCT_OK;
}

WctStatus
wct_procedure_read (const WctProcedure *procedure, int count, const GimpParam *params, WctSettings *settings,
                    WctError *err)
{
  size_t              rows;
  const WctParamInfo *table = wct_params_table (&rows);
  int                 at = FIRST_COUNT;
  WctStatus           status = WCT_OK;

  wct_settings_set_style (settings, wct_procedure_style (count, params), NULL);
  for (size_t i = 0; i < rows && at < count; i++)
    if (wct_mode_has (procedure->mode, &table[i]))
      WCT_TRY (read_param (&table[i], number_of (&params[at++]), &settings->params, err));
  if (at + last_count (procedure) <= count)
    WCT_TRY (read_last (procedure, &params[at], settings, err));
  at += last_count (procedure);
  if (at + (int)G_N_ELEMENTS (style_arguments) <= count)
    WCT_TRY (read_styles (&params[at], settings, err));
  at += (int)G_N_ELEMENTS (style_arguments);
  if (region_count (procedure) > 0 && at + (int)region_count (procedure) <= count)
    WCT_TRY (read_regions (&params[at], settings, err));

out:
  return status;
}

/* ---- The session's memory ----------------------------------------------------------------------------------- */

gboolean
wct_procedure_load_last (const WctProcedure *procedure, WctSettings *settings)
{
  WctSettings last;

  /* Another version of the plug-in may have left something else. */
  if (gimp_get_data_size (procedure->name) != sizeof last || !gimp_get_data (procedure->name, &last)
      || wct_params_check (&last.params, NULL) != WCT_OK || last.mode != procedure->mode || last.style_count < 0
      || last.style_count > WCT_STYLES_MAX || last.place_count < 0 || last.place_count > WCT_PLACES_MAX)
    return FALSE;
  *settings = last;
  return TRUE;
}

void
wct_procedure_save_last (const WctSettings *settings)
{
  for (gsize i = 0; i < G_N_ELEMENTS (procedures); i++)
    if (procedures[i].mode == settings->mode)
      gimp_set_data (procedures[i].name, settings, sizeof *settings);
}
