/* THE table of options. Adding one: a field in WctArguments, a row here, a function that takes its value. Numbers that
 * are parameters of a job get range, default and help from wct_params_table. */
#include "options.h"

#include <getopt.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exit-status.h"
#include "output.h"

#define PICTURES (WCT_COMMAND_STYLIZE | WCT_COMMAND_TEXTURE | WCT_COMMAND_RECONSTRUCT)
#define STYLES   (WCT_COMMAND_STYLIZE | WCT_COMMAND_TEXTURE)
#define ALL      (PICTURES | WCT_COMMAND_MODEL | WCT_COMMAND_DOCTOR)

#define THREADS_MAX 1024

typedef struct WctOption WctOption;

struct WctOption
{
  unsigned    commands; /* bits of those that take it */
  const char *group;
  const char *name;
  char        letter; /* 0: none */
  const char *value;  /* NULL: takes none */
  const char *help;   /* NULL: it is a parameter, see wct_params_table */
  WctStatus (*take) (WctArguments *arguments, const WctOption *option, const char *value, WctError *err);
  size_t offset; /* in WctArguments, of what take_flag and take_text set */
};

/* ---- values ------------------------------------------------------------------------------------------------- */

/* Strict and the same in every locale: no blanks, hexadecimals, "inf" or "nan", and nothing after it. */
static bool
read_double (const char *text, double *out)
{
  char *end;

  if (text[0] == '\0' || strspn (text, "0123456789+-.eE") != strlen (text))
    return false;
  *out = g_ascii_strtod (text, &end);
  return *end == '\0' && isfinite (*out);
}

static bool
read_integer (const char *text, int min, int max, int *out)
{
  double number;

  if (strspn (text, "0123456789") != strlen (text) || !read_double (text, &number) || number < min || number > max)
    return false;
  *out = (int)number;
  return true;
}

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
take_param (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  WctError cause;
  double   number;

  if (!read_double (value, &number))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes a number, not '%s'", option->name, value);
  if (wct_param_set (&arguments->params, find_param (option->name), number, &cause) != WCT_OK)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s", cause.message);
  return WCT_OK;
}

/* A flag of WctArguments. */
static WctStatus
take_flag (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)value;
  (void)err;
  *(bool *)(void *)((char *)arguments + option->offset) = true;
  return WCT_OK;
}

/* A text of WctArguments. */
static WctStatus
take_text (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)err;
  *(const char **)(void *)((char *)arguments + option->offset) = value;
  return WCT_OK;
}

static WctStatus
take_output (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)option;
  arguments->output = value;
  return wct_output_check_extension (value, err);
}

static WctStatus
take_backend (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  static const char *const names[] = { "auto", "cpu", "reference" };

  (void)option;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp (value, names[i]) == 0)
      {
        arguments->backend = value;
        return WCT_OK;
      }
  return wct_error_set (err, WCT_ERR_ARGUMENT, "--backend is auto, cpu or reference, not '%s'", value);
}

static WctStatus
take_threads (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)option;
  if (!read_integer (value, 0, THREADS_MAX, &arguments->threads))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--threads takes a whole number from 0 to %d, not '%s'", THREADS_MAX,
                          value);
  return WCT_OK;
}

static WctStatus
take_level (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)option;
  if (!read_integer (value, 1, WCT_LEVELS, &arguments->level))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--level takes a level from 1 to %d, not '%s'", WCT_LEVELS, value);
  return WCT_OK;
}

static WctStatus
take_size (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  char     **sides = g_strsplit (value, "x", 3);
  const bool good = g_strv_length (sides) == 2 && read_integer (sides[0], 1, WCT_IMAGE_SIDE_MAX, &arguments->width)
                    && read_integer (sides[1], 1, WCT_IMAGE_SIDE_MAX, &arguments->height);

  (void)option;
  g_strfreev (sides);
  if (!good)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--size takes WIDTHxHEIGHT in pixels, as 512x384, not '%s'", value);
  return WCT_OK;
}

/* "4=0.5" */
static WctStatus
take_level_alpha (WctAlpha *alpha, const char *text, WctError *err)
{
  const char *equals = strchr (text, '=');
  int         level;
  double      strength;

  if (equals != text + 1 || text[0] < '0' || text[0] > '9' || !read_double (equals + 1, &strength))
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
take_alpha (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  WctAlpha  alpha = { .given = true };
  WctStatus status = WCT_OK;
  char    **parts;
  double    strength;

  (void)option;
  if (strchr (value, '=') == NULL)
    {
      if (!read_double (value, &strength))
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
take_weights (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  char    **parts = g_strsplit (value, ",", -1);
  WctStatus status = WCT_OK;
  double    sum = 0;

  (void)option;
  arguments->weight_count = 0;
  for (char **part = parts; *part != NULL && status == WCT_OK; part++)
    {
      double weight;

      if (arguments->weight_count == WCT_LIST_MAX || !read_double (*part, &weight) || weight < 0)
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
take_masks (WctArguments *arguments, const WctOption *option, const char *value, WctError *err)
{
  char *rest;

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

/* ---- the table ---------------------------------------------------------------------------------------------- */

static const WctOption options[] = {
  { PICTURES, "Output", "output", 'o', "OUT",
    "Write the picture here; the extension says the format: .png, .jpg, .jpeg, .tif, .tiff, .webp.", take_output, 0 },
  { PICTURES, "Output", "force", 0, NULL, "Replace OUT where it exists.", take_flag, offsetof (WctArguments, force) },
  { PICTURES, "Output", "json", 0, NULL, "Print one line: seconds of each stage, memory, back end, sizes.", take_flag,
    offsetof (WctArguments, json) },
  { WCT_COMMAND_MODEL, "Output", "json", 0, NULL, "Print one line of JSON.", take_flag, offsetof (WctArguments, json) },
  { PICTURES, "Output", "quiet", 'q', NULL, "No progress bar, also on a terminal.", take_flag,
    offsetof (WctArguments, quiet) },

  { WCT_COMMAND_TEXTURE, "Size and noise", "size", 0, "WxH", "Make a texture of this size, as 512x384.", take_size, 0 },
  { WCT_COMMAND_TEXTURE, "Size and noise", "seed", 0, "N", NULL, take_param, 0 },
  { WCT_COMMAND_TEXTURE, "Size and noise", "noise", 0, "FILE",
    "Start from this picture instead of noise from the seed; its size is the texture's.", take_text,
    offsetof (WctArguments, noise) },

  { WCT_COMMAND_STYLIZE, "Transform", "alpha", 0, "A|L=A,...",
    "How far to go to the style, 0 to 1. One number is for all levels of the model; 5=0.4,4=0.6 runs these levels only "
    "(default 0.6 at all).",
    take_alpha, 0 },
  { WCT_COMMAND_TEXTURE, "Transform", "alpha", 0, "A|L=A,...",
    "How far to go to the style, 0 to 1. One number is for all levels of the model; 5=0.4,4=1 runs these levels only "
    "(default 1 at all).",
    take_alpha, 0 },
  { WCT_COMMAND_RECONSTRUCT, "Transform", "level", 0, "L", "The level to go to and back, 1 to 5.", take_level, 0 },
  { STYLES, "Transform", "style-weights", 0, "W,W,...",
    "Blend the styles by these weights, one for each (default: equal).", take_weights, 0 },
  { WCT_COMMAND_STYLIZE, "Transform", "masks", 0, "M,M,...",
    "One gray picture for each style: the style goes where its mask is light; where none is, the content stays.",
    take_masks, 0 },
  { WCT_COMMAND_STYLIZE, "Transform", "passes", 0, "N", NULL, take_param, 0 },
  { WCT_COMMAND_TEXTURE, "Transform", "passes", 0, "N",
    "Run the whole cascade this many times, each on the result of the one before (1 to 100, default 3).", take_param,
    0 },
  { STYLES, "Transform", "eigenvalue-floor", 0, "X", NULL, take_param, 0 },
  { STYLES, "Transform", "damping", 0, "X", NULL, take_param, 0 },

  { WCT_COMMAND_STYLIZE | WCT_COMMAND_RECONSTRUCT, "Sizes", "content-size", 0, "N", NULL, take_param, 0 },
  { STYLES, "Sizes", "style-size", 0, "N", NULL, take_param, 0 },

  { PICTURES, "Model and machine", "model", 0, "FILE",
    "The model (.safetensors); without it $WCT_MODEL and the data folders are searched.", take_text,
    offsetof (WctArguments, model) },
  { PICTURES, "Model and machine", "backend", 0, "NAME",
    "auto, cpu or reference (default auto: the fastest that works).", take_backend, 0 },
  { PICTURES, "Model and machine", "threads", 0, "N", "Threads to use (default 0: one for each processor).",
    take_threads, 0 },

  { ALL, "Other", "help", 'h', NULL, "Show this help.", take_flag, offsetof (WctArguments, help) },
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

/* ---- help --------------------------------------------------------------------------------------------------- */

static char *
help_text (const WctOption *option)
{
  const WctParamInfo *info;

  if (option->help != NULL)
    return g_strdup (option->help);
  info = find_param (option->name);
  return g_strdup_printf ("%.*s (%.10g to %.10g, default %.10g).", (int)strlen (info->help) - 1, info->help, info->min,
                          info->max, info->def);
}

/* Words of @text between two columns; the caller stands at @column. */
static void
print_wrapped (FILE *file, const char *text, int column)
{
  char **words = g_strsplit (text, " ", -1);
  int    at = column;

  for (char **word = words; *word != NULL; word++)
    {
      const int length = (int)g_utf8_strlen (*word, -1);

      if (at > column && at + 1 + length > 79)
        {
          fprintf (file, "\n%*s", column, "");
          at = column;
        }
      fprintf (file, "%s%s", at > column ? " " : "", *word);
      at += length + (at > column);
    }
  fputc ('\n', file);
  g_strfreev (words);
}

static void
print_option (const WctOption *option, FILE *file)
{
  enum
  {
    HELP_COLUMN = 28
  };
  char  letter[6] = "    ";
  char *text = help_text (option);
  int   width;

  if (option->letter != 0)
    snprintf (letter, sizeof letter, "-%c, ", option->letter);
  width = fprintf (file, "  %s--%s%s%s", letter, option->name, option->value == NULL ? "" : " ",
                   option->value == NULL ? "" : option->value);
  if (width > HELP_COLUMN - 2)
    fprintf (file, "\n%*s", HELP_COLUMN, "");
  else
    fprintf (file, "%*s", HELP_COLUMN - width, "");
  print_wrapped (file, text, HELP_COLUMN);
  g_free (text);
}

void
wct_options_print_help (const WctCommand *command, FILE *file)
{
  const char *group = "";

  fprintf (file, "Usage: wct %s %s%s[OPTION]...\n\n", command->name, command->operands,
           command->operands[0] == '\0' ? "" : " ");
  print_wrapped (file, command->summary, 0);
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (options[i].commands & command->bit)
      {
        if (strcmp (group, options[i].group) != 0)
          fprintf (file, "\n%s:\n", options[i].group);
        group = options[i].group;
        print_option (&options[i], file);
      }
}

void
wct_options_print_table (const WctCommand *command, FILE *file)
{
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (options[i].commands & command->bit)
      {
        const char letter[3] = { options[i].letter == 0 ? '\0' : '-', options[i].letter, '\0' };

        fprintf (file, "%s\t--%s\t%s\t%s\n", command->name, options[i].name, letter,
                 options[i].value == NULL ? "" : options[i].value);
      }
}

/* ---- parsing ------------------------------------------------------------------------------------------------ */

/* What getopt_long needs of the table, for one command; values are 256 + row. */
typedef struct
{
  struct option rows[OPTION_COUNT + 1];
  char          letters[2 * OPTION_COUNT + 2];
} Getopt;

static void
fill_getopt (const WctCommand *command, Getopt *getopt)
{
  size_t rows = 0, letters = 0;

  memset (getopt, 0, sizeof *getopt);
  getopt->letters[letters++] = ':'; /* tell a missing value from an unknown option */
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (options[i].commands & command->bit)
      {
        getopt->rows[rows++] =
          (struct option){ options[i].name, options[i].value == NULL ? no_argument : required_argument, NULL,
                           256 + (int)i };
        if (options[i].letter != 0)
          getopt->letters[letters++] = options[i].letter;
        if (options[i].letter != 0 && options[i].value != NULL)
          getopt->letters[letters++] = ':';
      }
}

static const WctOption *
find_option (const WctCommand *command, int found)
{
  if (found >= 256)
    return &options[found - 256];
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if ((options[i].commands & command->bit) && options[i].letter == found)
      return &options[i];
  return NULL;
}

/* getopt_long answered '?' or ':'. */
static WctStatus
explain_getopt (const WctCommand *command, int answer, char **argv, WctError *err)
{
  const char      *argument = argv[optind - 1];
  const WctOption *option = optopt == 0 ? NULL : find_option (command, optopt);

  if (answer == ':' && option != NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s needs a value: %s", option->name, option->value);
  if (option != NULL && optopt >= 256)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes no value", option->name);
  if (optopt != 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no option -%c", optopt);
  return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no option %.*s, or it is not the only one that begins so",
                        (int)strcspn (argument, "="), argument);
}

static WctStatus
take_operands (const WctCommand *command, int argc, char **argv, WctArguments *arguments, WctError *err)
{
  const int count = argc - optind;

  if (count < command->operands_min)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs %s", command->operands);
  if (count > command->operands_max)
    return command->operands_max == 0
             ? wct_error_set (err, WCT_ERR_ARGUMENT, "it takes no '%s'", argv[optind])
             : wct_error_set (err, WCT_ERR_ARGUMENT, "'%s' is one argument too many; it takes %s",
                              argv[optind + command->operands_max], command->operands);
  for (int i = 0; i < count; i++)
    arguments->operands[i] = argv[optind + i];
  arguments->operand_count = count;
  return WCT_OK;
}

static WctStatus
check_counts (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  const int styles = arguments->operand_count - (command->bit == WCT_COMMAND_STYLIZE);

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

/* What only the whole command line can show. */
static WctStatus
check_together (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  if ((command->bit & PICTURES) != 0 && arguments->output == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs -o OUT, the picture to write");
  if (command->bit == WCT_COMMAND_RECONSTRUCT && arguments->level == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --level, from 1 to %d", WCT_LEVELS);
  if (command->bit == WCT_COMMAND_TEXTURE && arguments->width == 0 && arguments->noise == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --size WxH, the texture's size");
  if (arguments->width != 0 && arguments->noise != NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--size and --noise do not go together: the texture has the noise's size");
  return check_counts (command, arguments, err);
}

static void
set_defaults (const WctCommand *command, WctArguments *arguments)
{
  memset (arguments, 0, sizeof *arguments);
  arguments->backend = "auto";
  wct_params_init (&arguments->params);
  if (command->bit == WCT_COMMAND_TEXTURE)
    {
      arguments->params.passes = 3;
      for (int i = 0; i < WCT_LEVELS; i++)
        arguments->params.alpha[i] = 1;
    }
}

WctStatus
wct_arguments_parse (const WctCommand *command, int argc, char **argv, WctArguments *out, WctError *err)
{
  Getopt    getopt;
  WctStatus status = WCT_OK;
  int       found;

  set_defaults (command, out);
  fill_getopt (command, &getopt);
  opterr = 0;
  optind = 1;
  while ((found = getopt_long (argc, argv, getopt.letters, getopt.rows, NULL)) != -1)
    {
      const WctOption *option;

      if (found == '?' || found == ':')
        WCT_TRY (explain_getopt (command, found, argv, err));
      option = find_option (command, found);
      WCT_TRY (option->take (out, option, optarg, err));
      if (out->help)
        goto out;
    }
  WCT_TRY (take_operands (command, argc, argv, out, err));
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
