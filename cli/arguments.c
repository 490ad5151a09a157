/* THE table of options. Adding one: a field in WctArguments, a row here, a function that takes its value. Numbers that
 * are parameters of a job get range, default and help from wct_params_table. */
#include "arguments.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <wct/style.h>

#include "exit-status.h"
#include "memory-check.h"
#include "output.h"

#define PICTURES       (WCT_COMMAND_STYLIZE | WCT_COMMAND_TEXTURE | WCT_COMMAND_RECONSTRUCT | WCT_COMMAND_GRID)
#define BLENDS         (WCT_COMMAND_STYLIZE | WCT_COMMAND_TEXTURE)
#define STYLES         (BLENDS | WCT_COMMAND_GRID)
#define BATCHES        (STYLES | WCT_COMMAND_AUGMENT)
#define STYLE_PICTURES (STYLES | WCT_COMMAND_STYLE) /* what frames a style's picture */
#define WORK           (PICTURES | WCT_COMMAND_AUGMENT)
#define MACHINES       (WORK | WCT_COMMAND_STYLE)
#define ALL            (MACHINES | WCT_COMMAND_MODEL | WCT_COMMAND_DOCTOR)

#define THREADS_MAX 1024
#define CELL_MIN    16
#define CELL_MAX    4096
#define CELL        256
#define FRAMES_FROM 1 /* where --frames-from is not given */

/* ---- values ------------------------------------------------------------------------------------------------- */

static const WctParamInfo *
find_param (const char *name)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  for (size_t i = 0; i < count; i++)
    if (strcmp (table[i].name, name) == 0)
      return &table[i];
  return NULL;
}

static WctStatus
take_param (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  WctError      cause;
  double        number;

  if (!wct_read_double (value, &number))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes a number, not '%s'", option->name, value);
  if (wct_param_set (&arguments->params, find_param (option->name), number, &cause) != WCT_OK)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s", cause.message);
  return WCT_OK;
}

/* A parameter that is on or off. */
static WctStatus
take_switch (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;

  (void)value;
  return wct_param_set (&arguments->params, find_param (option->name), 1, err);
}

static WctStatus
take_guide (void *data, const WctOption *option, const char *value, WctError *err)
{
  ((WctArguments *)data)->guide_given = true;
  return take_param (data, option, value, err);
}

static WctStatus
take_backend (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments            *arguments = data;
  static const char *const names[] = { "auto", "cuda", "cpu", "reference" };

  (void)option;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp (value, names[i]) == 0)
      {
        arguments->backend = value;
        return WCT_OK;
      }
  return wct_error_set (err, WCT_ERR_ARGUMENT, "--backend is auto, cuda, cpu or reference, not '%s'", value);
}

static WctStatus
take_size (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  int64_t       width = 0, height = 0;
  char        **sides = g_strsplit (value, "x", 3);
  const bool    good = g_strv_length (sides) == 2 && wct_read_integer (sides[0], 1, WCT_IMAGE_SIDE_MAX, &width)
                    && wct_read_integer (sides[1], 1, WCT_IMAGE_SIDE_MAX, &height);

  (void)option;
  g_strfreev (sides);
  if (!good)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--size takes WIDTHxHEIGHT in pixels, as 512x384, not '%s'", value);
  arguments->width = (int32_t)width;
  arguments->height = (int32_t)height;
  return WCT_OK;
}

static WctStatus
take_memory (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;

  (void)option;
  if (!wct_read_bytes (value, &arguments->memory))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--memory takes a size, as 1.5G or 800M, not '%s'", value);
  return WCT_OK;
}

/* "4=0.5" */
static WctStatus
take_level_alpha (WctAlpha *alpha, const char *text, WctError *err)
{
  const char *equals = strchr (text, '=');
  int         level;
  double      strength;

  if (equals != text + 1 || text[0] < '0' || text[0] > '9' || !wct_read_double (equals + 1, &strength))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--alpha takes one number, or LEVEL=NUMBER with commas, not '%s'",
                          text);
  level = text[0] - '0';
  if (level < 1 || level > WCT_LEVELS)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--alpha names level %d; levels go from 1 to %d", level, WCT_LEVELS);
  if (alpha->levels & 1u << (level - 1))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--alpha names level %d twice", level);
  if (strength < 0 || strength > 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--alpha of level %d is %s; it goes from 0 to 1", level, equals + 1);
  alpha->levels |= 1u << (level - 1);
  alpha->value[level - 1] = strength;
  return WCT_OK;
}

static WctStatus
take_alpha (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  WctAlpha      alpha = { .given = true };
  WctStatus     status = WCT_OK;
  char        **parts;
  double        strength;

  (void)option;
  if (strchr (value, '=') == NULL)
    {
      if (!wct_read_double (value, &strength))
        return wct_error_set (err, WCT_ERR_ARGUMENT, "--alpha takes one number, or LEVEL=NUMBER with commas, not '%s'",
                              value);
      if (strength < 0 || strength > 1)
        return wct_error_set (err, WCT_ERR_ARGUMENT, "--alpha is %s; it goes from 0 to 1", value);
      alpha.for_all = true;
      for (int i = 0; i < WCT_LEVELS; i++)
        alpha.value[i] = strength;
    }
  else
    {
      parts = g_strsplit (value, ",", -1);
      for (char **part = parts; *part != NULL && status == WCT_OK; part++)
        status = take_level_alpha (&alpha, *part, err);
      g_strfreev (parts);
    }
  if (status == WCT_OK)
    arguments->alpha = alpha;
  return status;
}

static WctStatus
take_alphas (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  char        **parts = g_strsplit (value, ",", -1);
  WctStatus     status = WCT_OK;

  (void)option;
  arguments->alpha_count = 0;
  for (char **part = parts; *part != NULL && status == WCT_OK; part++)
    {
      double strength;

      if (arguments->alpha_count == WCT_LIST_MAX || !wct_read_double (*part, &strength) || strength < 0 || strength > 1)
        status = wct_error_set (err, WCT_ERR_ARGUMENT,
                                "--alphas takes numbers from 0 to 1 with commas, as 0.2,0.4,0.6, not '%s'", value);
      else
        arguments->alphas[arguments->alpha_count++] = strength;
    }
  g_strfreev (parts);
  return status;
}

static WctStatus
take_path (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctPaths *paths = (WctPaths *)(void *)((char *)data + option->offset);

  if (paths->count == WCT_LIST_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes %d files at most", option->name, WCT_LIST_MAX);
  paths->path[paths->count++] = value;
  return WCT_OK;
}

static WctStatus
take_alpha_range (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  char        **parts = g_strsplit (value, ",", 3);
  double        range[2] = { 0 };
  const bool    good = g_strv_length (parts) == 2 && wct_read_double (parts[0], &range[0])
                    && wct_read_double (parts[1], &range[1]) && range[0] >= 0 && range[0] <= range[1] && range[1] <= 1;

  (void)option;
  g_strfreev (parts);
  if (!good)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--alpha-range takes two numbers from 0 to 1, the smaller one first, as 0.4,1, not '%s'",
                          value);
  memcpy (arguments->alpha_range, range, sizeof range);
  return WCT_OK;
}

static WctStatus
take_weights (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  char        **parts = g_strsplit (value, ",", -1);
  WctStatus     status = WCT_OK;
  double        sum = 0;

  (void)option;
  arguments->weight_count = 0;
  for (char **part = parts; *part != NULL && status == WCT_OK; part++)
    {
      double weight;

      if (arguments->weight_count == WCT_LIST_MAX || !wct_read_double (*part, &weight) || weight < 0)
        status =
          wct_error_set (err, WCT_ERR_ARGUMENT,
                         "--style-weights takes numbers of 0 or more with commas, one for each style, not '%s'", value);
      else
        sum += arguments->weights[arguments->weight_count++] = weight;
    }
  g_strfreev (parts);
  if (status == WCT_OK && !(sum > 0 && isfinite (sum)))
    status = wct_error_set (err, WCT_ERR_ARGUMENT, "--style-weights are all 0; at least one must be more");
  return status;
}

static WctStatus
take_masks (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  char         *rest;

  (void)option;
  g_free (arguments->mask_text);
  arguments->mask_text = rest = g_strdup (value);
  arguments->mask_count = 0;
  for (char *name; (name = strsep (&rest, ",")) != NULL; arguments->masks[arguments->mask_count++] = name)
    if (name[0] == '\0' || arguments->mask_count == WCT_LIST_MAX)
      return wct_error_set (err, WCT_ERR_ARGUMENT, "--masks takes file names with commas, one for each style, not '%s'",
                            value);
  return WCT_OK;
}

static WctStatus
take_style_output (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;

  (void)option;
  arguments->output = value;
  if (g_str_has_suffix (value, WCT_STYLE_EXTENSION))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "-o takes a file that ends in " WCT_STYLE_EXTENSION ", not '%s'", value);
}

static WctStatus
take_levels (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;

  (void)option;
  arguments->levels = 0;
  for (const char *level = value;; level += 2)
    {
      if (level[0] < '1' || level[0] > '0' + WCT_LEVELS || (level[1] != ',' && level[1] != '\0'))
        return wct_error_set (err, WCT_ERR_ARGUMENT, "--levels takes numbers from 1 to %d with commas, not '%s'",
                              WCT_LEVELS, value);
      arguments->levels |= 1u << (level[0] - '1');
      if (level[1] == '\0')
        return WCT_OK;
    }
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

static const WctOption options[] = {
  { PICTURES, "Output", "output", 'o', "OUT",
    "Write the picture here; the extension says the format: .png, .jpg, .jpeg, .tif, .tiff, .webp.",
    .take = wct_take_text, .offset = offsetof (WctArguments, output) },
  { WCT_COMMAND_AUGMENT, "Output", "output", 'o', "OUT",
    "The folder that the results go to; where it was begun before, what is missing is made.", .take = wct_take_text,
    .offset = offsetof (WctArguments, output) },
  { WCT_COMMAND_AUGMENT, "Output", "format", 0, "NAME",
    "keep (default: jpg, png, tif and webp stay what they are, others become png), png or jpg.",
    .take = wct_take_choice, .offset = offsetof (WctArguments, naming), .choices = wct_naming_names },
  { WCT_COMMAND_STYLE, "Output", "output", 'o', "OUT", "Write the style to this file, which ends in .wctstyle.",
    .take = take_style_output },
  { PICTURES | WCT_COMMAND_STYLE, "Output", "force", 0, NULL, "Replace OUT where it exists.", .take = wct_take_flag,
    .offset = offsetof (WctArguments, force) },
  { PICTURES, "Output", "json", 0, NULL, "Print one line: seconds of each stage, memory, back end, sizes.",
    .take = wct_take_flag, .offset = offsetof (WctArguments, json) },
  { WCT_COMMAND_MODEL | WCT_COMMAND_STYLE, "Output", "json", 0, NULL, "Print one line of JSON.", .take = wct_take_flag,
    .offset = offsetof (WctArguments, json) },
  { WCT_COMMAND_AUGMENT, "Output", "json", 0, NULL, "Print one line at the end: how many pictures, and how fast.",
    .take = wct_take_flag, .offset = offsetof (WctArguments, json) },
  { WCT_COMMAND_AUGMENT, "Output", "dry-run", 0, NULL,
    "Print one line of JSON for each picture that would be made, and make nothing.", .take = wct_take_flag,
    .offset = offsetof (WctArguments, dry_run) },
  { WCT_COMMAND_STYLE, "Output", "name", 0, "TEXT", "What the style is called (default: the picture's file name).",
    .take = wct_take_text, .offset = offsetof (WctArguments, name) },
  { WCT_COMMAND_STYLE, "Output", "license", 0, "TEXT", "The license that the style may be used under.",
    .take = wct_take_text, .offset = offsetof (WctArguments, license) },
  { WCT_COMMAND_STYLE, "Output", "levels", 0, "L,L,...",
    "The levels to measure, 1 to 5 (default: all that the model's encoder reaches).", .take = take_levels },
  { MACHINES, "Output", "quiet", 'q', NULL, "No progress bar, also on a terminal.", .take = wct_take_flag,
    .offset = offsetof (WctArguments, quiet) },

  { WCT_COMMAND_GRID, "Pictures", "contents", 0, "FILE...",
    "Pictures to stylize, a row each: files, up to the next option, or folders.", .take = take_path,
    .offset = offsetof (WctArguments, contents), .many = true },
  { WCT_COMMAND_GRID, "Pictures", "styles", 0, "FILE...", "Styles, a column each, in the same way.", .take = take_path,
    .offset = offsetof (WctArguments, styles), .many = true },
  { WCT_COMMAND_GRID, "Pictures", "alphas", 0, "A,A,...",
    "A column for each of these strengths, 0 to 1, and a row for each content with each style.", .take = take_alphas },
  { WCT_COMMAND_GRID, "Pictures", "cell", 0, "PX", "Fit each picture into a square of this side (default 256).",
    .take = wct_take_int32, .offset = offsetof (WctArguments, cell), .min = CELL_MIN, .max = CELL_MAX },
  { WCT_COMMAND_GRID, "Pictures", "no-names", 0, NULL, "Pictures only, without the files' names and strengths.",
    .take = wct_take_flag, .offset = offsetof (WctArguments, no_names) },

  { WCT_COMMAND_STYLIZE, "Frames", "frames", 0, NULL,
    "CONTENT is a folder of frames of one size, and OUT the folder for the results: all are mapped as one of them is, "
    "so that they do not flicker. Results that are there stay.",
    .take = wct_take_flag, .offset = offsetof (WctArguments, frames) },
  { WCT_COMMAND_STYLIZE, "Frames", "frames-from", 0, "N",
    "The number of that frame, by name (default 1); 0 maps each frame by itself.", .take = wct_take_int32,
    .offset = offsetof (WctArguments, frames_from), .min = 0, .max = INT32_MAX },

  { WCT_COMMAND_AUGMENT, "Chance", "seed", 0, "N",
    "What the styles are drawn by, 0 to 2147483647 (default 0): another number gives other styles.",
    .take = take_param },
  { WCT_COMMAND_AUGMENT, "Chance", "alpha-range", 0, "A,B",
    "Draw how far each picture goes to its style between these, 0 to 1 (default 0.4,1).", .take = take_alpha_range },
  { WCT_COMMAND_AUGMENT, "Chance", "count", 0, "N",
    "Make so many of each picture, NAME-1, NAME-2 ... (default 1: NAME).", .take = wct_take_int32,
    .offset = offsetof (WctArguments, variants), .min = 1, .max = 10000 },
  { WCT_COMMAND_AUGMENT, "Chance", "probability", 0, "P",
    "How likely a picture is stylized, 0 to 1 (default 1); the others are written as they are.",
    .take = wct_take_number, .offset = offsetof (WctArguments, probability), .min = 0, .max = 1 },

  { WCT_COMMAND_AUGMENT, "Share of the work", "shard", 0, "I/N",
    "Do the I-th of N parts, 1/N to N/N (default: what mpirun or srun says, and else everything).",
    .take = wct_take_text, .offset = offsetof (WctArguments, share) },

  { WCT_COMMAND_TEXTURE, "Size and noise", "size", 0, "WxH", "Make a texture of this size, as 512x384.",
    .take = take_size },
  { WCT_COMMAND_TEXTURE, "Size and noise", "seed", 0, "N", NULL, .take = take_param },
  { WCT_COMMAND_TEXTURE, "Size and noise", "noise", 0, "FILE",
    "Start from this picture instead of noise from the seed; its size is the texture's.", .take = wct_take_text,
    .offset = offsetof (WctArguments, noise) },
  { WCT_COMMAND_TEXTURE, "Size and noise", "guide-picture", 0, "FILE",
    "Let this picture show in the noise, so that it leads the texture's forms; without --size its size is the "
    "texture's.",
    .take = wct_take_text, .offset = offsetof (WctArguments, guide_picture) },
  { WCT_COMMAND_TEXTURE, "Size and noise", "guide", 0, "PCT",
    "How much of --guide-picture shows in the noise (0 to 100, default 50).", .take = take_guide },

  { WCT_COMMAND_STYLIZE | WCT_COMMAND_GRID, "Transform", "alpha", 0, "A|L=A,...",
    "How far to go to the style, 0 to 1. One number is for all levels of the model; 5=0.4,4=0.6 runs these levels only "
    "(default 0.6 at all).",
    .take = take_alpha },
  { WCT_COMMAND_TEXTURE, "Transform", "alpha", 0, "A|L=A,...",
    "How far to go to the style, 0 to 1. One number is for all levels of the model; 5=0.4,4=1 runs these levels only "
    "(default 1 at all).",
    .take = take_alpha },
  { WCT_COMMAND_AUGMENT, "Transform", "alpha", 0, "A|L=A,...",
    "What the drawn number is multiplied by, 0 to 1. One number is for all levels of the model; 5=0.4,4=1 runs these "
    "levels only (default 1 at all).",
    .take = take_alpha },
  { WCT_COMMAND_RECONSTRUCT, "Transform", "level", 0, "L", "The level to go to and back, 1 to 5.",
    .take = wct_take_int32, .offset = offsetof (WctArguments, level), .min = 1, .max = WCT_LEVELS },
  { BLENDS, "Transform", "style-weights", 0, "W,W,...",
    "Blend the styles by these weights, one for each (default: equal).", .take = take_weights },
  { WCT_COMMAND_STYLIZE, "Transform", "masks", 0, "M,M,...",
    "One gray picture for each style: the style goes where its mask is light; where none is, the content stays.",
    .take = take_masks },
  { WCT_COMMAND_STYLIZE, "Transform", "regions", 0, "FILE",
    "Masks with styles, weights and strengths of their own, from this file of JSON, instead of STYLE.",
    .take = wct_take_text, .offset = offsetof (WctArguments, regions) },
  { WCT_COMMAND_STYLIZE | WCT_COMMAND_GRID | WCT_COMMAND_AUGMENT, "Transform", "passes", 0, "N", NULL,
    .take = take_param },
  { WCT_COMMAND_TEXTURE, "Transform", "passes", 0, "N",
    "Run the whole cascade this many times, each on the result of the one before (1 to 100, default 3).",
    .take = take_param },
  { BATCHES, "Transform", "eigenvalue-floor", 0, "X", NULL, .take = take_param },
  { BATCHES, "Transform", "damping", 0, "X", NULL, .take = take_param },
  { BATCHES, "Transform", "transport", 0, NULL, NULL, .take = take_switch },
  { STYLES, "Transform", "swap", 0, "A", NULL, .take = take_param },
  { STYLES, "Transform", "swap-patch", 0, "N", NULL, .take = take_param },
  { STYLES, "Transform", "swap-stride", 0, "N", NULL, .take = take_param },
  { STYLES, "Transform", "seamless", 0, NULL, NULL, .take = take_switch },
  { WCT_COMMAND_STYLIZE, "Transform", "hard-masks", 0, NULL, NULL, .take = take_switch },

  { WCT_COMMAND_STYLIZE | WCT_COMMAND_GRID | WCT_COMMAND_AUGMENT, "Color", "keep-colors", 0, "PCT", NULL,
    .take = take_param },
  { WCT_COMMAND_STYLIZE, "Color", "recolor", 0, "PCT", NULL, .take = take_param },
  { WCT_COMMAND_STYLIZE, "Color", "recolor-histogram", 0, "PCT", NULL, .take = take_param },

  { WCT_COMMAND_STYLIZE | WCT_COMMAND_RECONSTRUCT | WCT_COMMAND_AUGMENT, "Sizes", "content-size", 0, "N", NULL,
    .take = take_param },
  { WCT_COMMAND_GRID, "Sizes", "content-size", 0, "N",
    "Stylize at this size of the longer side and make the results smaller, to fit (default 0: the cell's size).",
    .take = take_param },
  { STYLE_PICTURES | WCT_COMMAND_AUGMENT, "Sizes", "style-size", 0, "N", NULL, .take = take_param },
  { STYLES, "Sizes", "style-scale", 0, "PCT", NULL, .take = take_param },
  { STYLE_PICTURES, "Sizes", "style-rotation", 0, "DEG", NULL, .take = take_param },
  { STYLE_PICTURES, "Sizes", "style-left", 0, "PCT", NULL, .take = take_param },
  { STYLE_PICTURES, "Sizes", "style-top", 0, "PCT", NULL, .take = take_param },
  { STYLE_PICTURES, "Sizes", "style-width", 0, "PCT", NULL, .take = take_param },
  { STYLE_PICTURES, "Sizes", "style-height", 0, "PCT", NULL, .take = take_param },
  { WCT_COMMAND_STYLIZE, "Sizes", "working-size", 0, "N", NULL, .take = take_param },

  { MACHINES, "Model and machine", "model", 0, "FILE",
    "The model (.safetensors); without it $WCT_MODEL and the data folders are searched.", .take = wct_take_text,
    .offset = offsetof (WctArguments, model) },
  { MACHINES, "Model and machine", "backend", 0, "NAME",
    "auto, cuda, cpu or reference (default auto: the fastest that works).", .take = take_backend },
  { MACHINES, "Model and machine", "threads", 0, "N", "Threads to use (default 0: one for each processor).",
    .take = wct_take_int32, .offset = offsetof (WctArguments, threads), .min = 0, .max = THREADS_MAX },
  { BATCHES, "Model and machine", "memory", 0, "SIZE",
    "Memory to use at most, as 1.5G or 800M; what does not fit goes to temporary files in $TMPDIR or /var/tmp "
    "(default: "
    "half of what is free).",
    .take = take_memory },

  { ALL, "Other", "help", 'h', NULL, "Show this help.", .take = wct_take_help },
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

/* ---- help --------------------------------------------------------------------------------------------------- */

/* Of a row that is a parameter of a job. */
static char *
help_text (const WctOption *option)
{
  const WctParamInfo *info = find_param (option->name);

  if (info->kind == WCT_PARAM_BOOL)
    return g_strdup (info->help);
  return g_strdup_printf ("%.*s (%.10g to %.10g, default %.10g).", (int)strlen (info->help) - 1, info->help, info->min,
                          info->max, info->def);
}

const WctProgram wct_program = {
  .name = "wct", .options = options, .option_count = OPTION_COUNT, .help_of = help_text
};

/* ---- parsing ------------------------------------------------------------------------------------------------ */

static WctStatus
check_grid (const WctArguments *arguments, WctError *err)
{
  if (arguments->contents.count == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --contents, pictures to stylize, or a folder of them");
  if (arguments->styles.count == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --styles, pictures, or a folder of them");
  if (arguments->alpha.given && arguments->alpha_count > 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--alpha and --alphas do not go together: the one is every cell's, the other a column's");
  return WCT_OK;
}

static WctStatus
check_counts (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  const int styles = arguments->operand_count - (command->line.bit == WCT_COMMAND_STYLIZE);

  if (arguments->weight_count > 0 && arguments->weight_count != styles)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--style-weights has %d numbers for %d styles",
                          arguments->weight_count, styles);
  if (arguments->mask_count > 0 && arguments->mask_count != styles)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--masks has %d files for %d styles", arguments->mask_count, styles);
  if (arguments->mask_count > 0 && arguments->weight_count > 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--masks and --style-weights do not go together: a mask says where a "
                          "style goes alone");
  return WCT_OK;
}

/* "wct style" does three things; its first operand says which. */
static WctStatus
check_style_command (const WctArguments *arguments, WctError *err)
{
  const char *what = arguments->operands[0];
  const bool  save = strcmp (what, "save") == 0, show = strcmp (what, "show") == 0, list = strcmp (what, "list") == 0;

  if (!save && !show && !list)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it does save, show or list, not '%s'", what);
  if (arguments->operand_count != (list ? 1 : 2))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          save   ? "save needs one PICTURE, the style to measure"
                          : show ? "show needs one FILE, or the name of a style"
                                 : "list takes no file");
  if (save && arguments->output == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "save needs -o OUT, the file to write");
  if (!save
      && (arguments->output != NULL || arguments->name != NULL || arguments->license != NULL || arguments->levels != 0))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "-o, --name, --license and --levels are for save; %s writes nothing",
                          what);
  return WCT_OK;
}

/* Frames share one map for the whole picture. */
static WctStatus
check_frames (const WctArguments *arguments, WctError *err)
{
  if (arguments->mask_count > 0 || arguments->regions != NULL)
    return wct_error_set (
      err, WCT_ERR_ARGUMENT,
      "--frames and --%s do not go together: what a mask covers changes from frame to frame, and its "
      "style would flicker",
      arguments->mask_count > 0 ? "masks" : "regions");
  return WCT_OK;
}

/* A picture, or a folder of them. */
static WctStatus
check_output (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  const bool folder = arguments->frames || command->line.bit == WCT_COMMAND_AUGMENT;

  if ((command->line.bit & WORK) == 0)
    return WCT_OK;
  if (arguments->output == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs -o OUT, the %s",
                          folder ? "folder for the results" : "picture to write");
  if (!arguments->frames && arguments->frames_from != FRAMES_FROM)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--frames-from needs --frames");
  return folder ? check_frames (arguments, err) : wct_output_check_extension (arguments->output, err);
}

static WctStatus
check_regions (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  if (arguments->regions == NULL)
    return command->line.bit == WCT_COMMAND_STYLIZE && arguments->operand_count < 2
             ? wct_error_set (err, WCT_ERR_ARGUMENT, "it needs %s", command->line.operands)
             : WCT_OK;
  if (arguments->operand_count > 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--regions names the styles: no STYLE stands beside CONTENT");
  if (arguments->mask_count > 0 || arguments->weight_count > 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--regions and %s do not go together: the file has them",
                          arguments->mask_count > 0 ? "--masks" : "--style-weights");
  return WCT_OK;
}

/* What only the whole command line can show. */
static WctStatus
check_together (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  WctStatus status;

  if (command->line.bit == WCT_COMMAND_STYLE)
    return check_style_command (arguments, err);
  status = check_regions (command, arguments, err);
  if (status == WCT_OK)
    status = check_output (command, arguments, err);
  if (status != WCT_OK)
    return status;
  if (command->line.bit == WCT_COMMAND_RECONSTRUCT && arguments->level == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --level, from 1 to %d", WCT_LEVELS);
  if (arguments->noise != NULL && arguments->guide_picture != NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--noise and --guide-picture do not go together: both say what the texture starts from");
  if (arguments->guide_given && arguments->guide_picture == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--guide needs --guide-picture, the picture that it lets show");
  if (command->line.bit == WCT_COMMAND_TEXTURE && arguments->width == 0 && arguments->noise == NULL
      && arguments->guide_picture == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --size WxH, the texture's size");
  if (arguments->width != 0 && arguments->noise != NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--size and --noise do not go together: the texture has the noise's size");
  if (command->line.bit == WCT_COMMAND_GRID)
    return check_grid (arguments, err);
  return check_counts (command, arguments, err);
}

static void
set_defaults (const WctCommand *command, WctArguments *arguments)
{
  memset (arguments, 0, sizeof *arguments);
  arguments->backend = "auto";
  arguments->cell = CELL;
  arguments->frames_from = FRAMES_FROM;
  arguments->alpha_range[0] = 0.4;
  arguments->alpha_range[1] = 1;
  arguments->probability = 1;
  arguments->variants = 1;
  wct_params_init (&arguments->params);
  if (command->line.bit == WCT_COMMAND_TEXTURE)
    {
      arguments->params.passes = 3;
      arguments->params.guide = 50; /* where there is a guide */
    }
  if (command->line.bit == WCT_COMMAND_TEXTURE || command->line.bit == WCT_COMMAND_AUGMENT)
    for (int i = 0; i < WCT_LEVELS; i++)
      arguments->params.alpha[i] = 1;
}

WctStatus
wct_arguments_parse (const WctCommand *command, int argc, char **argv, WctArguments *out, WctError *err)
{
  WctOperands operands = { out->operands, 0 };
  WctStatus   status;

  set_defaults (command, out);
  WCT_TRY (wct_options_parse (&wct_program, &command->line, argc, argv, out, &operands, &out->help, err));
  out->operand_count = operands.count;
  if (!out->help)
    WCT_TRY (check_together (command, out, err));

out:
  if (status != WCT_OK)
    wct_arguments_clear (out);
  return status;
}

void
wct_arguments_clear (WctArguments *arguments)
{
  g_free (arguments->mask_text);
  arguments->mask_text = NULL;
}
