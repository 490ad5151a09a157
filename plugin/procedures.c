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

  settings->style = wct_procedure_style (count, params);
  for (size_t i = 0; i < rows && at < count; i++)
    if (wct_mode_has (procedure->mode, &table[i]))
      WCT_TRY (read_param (&table[i], number_of (&params[at++]), &settings->params, err));
  if (at + last_count (procedure) <= count)
    WCT_TRY (read_last (procedure, &params[at], settings, err));

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
      || wct_params_check (&last.params, NULL) != WCT_OK || last.mode != procedure->mode)
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
