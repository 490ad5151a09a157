#include "options.h"

#include <getopt.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exit-status.h"

/* ---- Values ------------------------------------------------------------------------------------------------- */

bool
wct_read_double (const char *text, double *out)
{
  char *end;

  if (text[0] == '\0' || strspn (text, "0123456789+-.eE") != strlen (text))
    return false;
  *out = g_ascii_strtod (text, &end);
  return *end == '\0' && isfinite (*out);
}

bool
wct_read_integer (const char *text, int64_t min, int64_t max, int64_t *out)
{
  double number;

  if (strspn (text, "0123456789") != strlen (text) || !wct_read_double (text, &number) || number < (double)min
      || number > (double)max)
    return false;
  *out = g_ascii_strtoll (text, NULL, 10);
  return *out >= min && *out <= max;
}

static void *
place_of (void *arguments, const WctOption *option)
{
  return (char *)arguments + option->offset;
}

WctStatus
wct_take_flag (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)value;
  (void)err;
  *(bool *)place_of (arguments, option) = true;
  return WCT_OK;
}

WctStatus
wct_clear_flag (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)value;
  (void)err;
  *(bool *)place_of (arguments, option) = false;
  return WCT_OK;
}

/* Recognized by wct_options_parse. */
WctStatus
wct_take_help (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)arguments;
  (void)option;
  (void)value;
  (void)err;
  return WCT_OK;
}

WctStatus
wct_take_text (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  (void)err;
  *(const char **)place_of (arguments, option) = value;
  return WCT_OK;
}

static WctStatus
take_integer (const WctOption *option, const char *value, int64_t *out, WctError *err)
{
  if (wct_read_integer (value, (int64_t)option->min, (int64_t)option->max, out))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes a whole number from %.0f to %.0f, not '%s'", option->name,
                        option->min, option->max, value);
}

WctStatus
wct_take_int32 (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  int64_t         number;
  const WctStatus status = take_integer (option, value, &number, err);

  if (status == WCT_OK)
    *(int32_t *)place_of (arguments, option) = (int32_t)number;
  return status;
}

WctStatus
wct_take_int64 (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  return take_integer (option, value, place_of (arguments, option), err);
}

WctStatus
wct_take_number (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  double number;

  if (!wct_read_double (value, &number) || number < option->min || number > option->max)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes a number from %.10g to %.10g, not '%s'", option->name,
                          option->min, option->max, value);
  *(double *)place_of (arguments, option) = number;
  return WCT_OK;
}

WctStatus
wct_take_choice (void *arguments, const WctOption *option, const char *value, WctError *err)
{
  char     *list;
  WctStatus status;

  for (int i = 0; option->choices[i] != NULL; i++)
    if (strcmp (option->choices[i], value) == 0)
      {
        *(int *)place_of (arguments, option) = i;
        return WCT_OK;
      }
  list = g_strjoinv (", ", (char **)(uintptr_t)option->choices);
  status = wct_error_set (err, WCT_ERR_ARGUMENT, "--%s is one of %s, not '%s'", option->name, list, value);
  g_free (list);
  return status;
}

/* ---- Help --------------------------------------------------------------------------------------------------- */

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
print_option (const WctProgram *program, const WctOption *option, FILE *file)
{
  enum
  {
    HELP_COLUMN = 28
  };
  char  letter[6] = "    ";
  char *text = option->help != NULL ? g_strdup (option->help) : program->help_of (option);
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
wct_options_print_help (const WctProgram *program, const WctCommandLine *command, FILE *file)
{
  const char *group = "";

  fprintf (file, "Usage: %s %s %s%s[OPTION]...\n\n", program->name, command->name, command->operands,
           command->operands[0] == '\0' ? "" : " ");
  print_wrapped (file, command->summary, 0);
  for (size_t i = 0; i < program->option_count; i++)
    if (program->options[i].commands & command->bit)
      {
        if (strcmp (group, program->options[i].group) != 0)
          fprintf (file, "\n%s:\n", program->options[i].group);
        group = program->options[i].group;
        print_option (program, &program->options[i], file);
      }
}

void
wct_options_print_table (const WctProgram *program, const WctCommandLine *command, FILE *file)
{
  for (size_t i = 0; i < program->option_count; i++)
    if (program->options[i].commands & command->bit)
      {
        const char letter[3] = { program->options[i].letter == 0 ? '\0' : '-', program->options[i].letter, '\0' };

        fprintf (file, "%s\t--%s\t%s\t%s\n", command->name, program->options[i].name, letter,
                 program->options[i].value == NULL ? "" : program->options[i].value);
      }
}

/* ---- Parsing ------------------------------------------------------------------------------------------------ */

/* What getopt_long needs of the table, for one command; values are 256 + row. */
typedef struct
{
  struct option *rows; /* owned, as the next */
  char          *letters;
} Getopt;

static bool
takes_many (const WctProgram *program, const WctCommandLine *command)
{
  for (size_t i = 0; i < program->option_count; i++)
    if ((program->options[i].commands & command->bit) && program->options[i].many)
      return true;
  return false;
}

static void
fill_getopt (const WctProgram *program, const WctCommandLine *command, Getopt *getopt)
{
  size_t rows = 0, letters = 0;

  getopt->rows = g_new0 (struct option, program->option_count + 1);
  getopt->letters = g_new0 (char, 2 * program->option_count + 3);
  if (takes_many (program, command))
    getopt->letters[letters++] = '-'; /* tell operands as 1, where they stand */
  getopt->letters[letters++] = ':';   /* tell a missing value from an unknown option */
  for (size_t i = 0; i < program->option_count; i++)
    if (program->options[i].commands & command->bit)
      {
        getopt->rows[rows++] =
          (struct option){ program->options[i].name,
                           program->options[i].value == NULL ? no_argument : required_argument, NULL, 256 + (int)i };
        if (program->options[i].letter != 0)
          getopt->letters[letters++] = program->options[i].letter;
        if (program->options[i].letter != 0 && program->options[i].value != NULL)
          getopt->letters[letters++] = ':';
      }
}

static const WctOption *
find_option (const WctProgram *program, const WctCommandLine *command, int found)
{
  if (found >= 256)
    return &program->options[found - 256];
  for (size_t i = 0; i < program->option_count; i++)
    if ((program->options[i].commands & command->bit) && program->options[i].letter == found)
      return &program->options[i];
  return NULL;
}

/* getopt_long answered '?' or ':'. */
static WctStatus
explain_getopt (const WctProgram *program, const WctCommandLine *command, int answer, char **argv, WctError *err)
{
  const char      *argument = argv[optind - 1];
  const WctOption *option = optopt == 0 ? NULL : find_option (program, command, optopt);

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
take_operands (const WctCommandLine *command, int argc, char **argv, WctOperands *operands, WctError *err)
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
    operands->list[i] = argv[optind + i];
  operands->count = count;
  return WCT_OK;
}

/* A word that is no option's own value. @last: the option before it; NULL: none */
static WctStatus
take_another (const WctCommandLine *command, const WctOption *last, void *arguments, const char *word, WctError *err)
{
  if (last == NULL || !last->many)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "'%s' belongs to no option; it takes %s", word, command->operands);
  return last->take (arguments, last, word, err);
}

WctStatus
wct_options_parse (const WctProgram *program, const WctCommandLine *command, int argc, char **argv, void *arguments,
                   WctOperands *operands, bool *help, WctError *err)
{
  Getopt           getopt;
  const WctOption *last = NULL;
  WctStatus        status = WCT_OK;
  int              found;

  *help = false;
  fill_getopt (program, command, &getopt);
  opterr = 0;
  optind = 1;
  while ((found = getopt_long (argc, argv, getopt.letters, getopt.rows, NULL)) != -1)
    {
      const WctOption *option;

      if (found == '?' || found == ':')
        WCT_TRY (explain_getopt (program, command, found, argv, err));
      if (found == 1)
        {
          WCT_TRY (take_another (command, last, arguments, optarg, err));
          continue;
        }
      option = last = find_option (program, command, found);
      WCT_TRY (option->take (arguments, option, optarg, err));
      *help = option->take == wct_take_help;
      if (*help)
        goto out;
    }
  for (; takes_many (program, command) && optind < argc; optind++) /* behind "--" */
    WCT_TRY (take_another (command, last, arguments, argv[optind], err));
  WCT_TRY (take_operands (command, argc, argv, operands, err));

out:
  g_free (getopt.letters);
  g_free (getopt.rows);
  return status;
}

void
wct_print_sentence (const char *who, const char *sentence, const char *more)
{
  char line[WCT_MESSAGE_SIZE];

  snprintf (line, sizeof line, "%s", sentence);
  for (char *c = line; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == '\x7f')
      *c = '?';
  fprintf (stderr, "%s: %s%s\n", who, line, more);
}

/* ---- Commands ----------------------------------------------------------------------------------------------- */

static void
print_program_help (const WctProgram *program, FILE *file)
{
  const WctCommandLine *command;

  fprintf (file, "Usage: %s COMMAND [OPTION]...\n\n%s\n\nCommands:\n", program->name, program->about);
  for (size_t i = 0; (command = program->command (i)) != NULL; i++)
    fprintf (file, "  %s %s %s\n      %s\n", program->name, command->name, command->operands, command->summary);
  fprintf (file,
           "\nOptions:\n"
           "  -h, --help     Show this help; '%s COMMAND --help' shows the command's options.\n"
           "  -V, --version  Show the version.\n\n"
           "Exit status: 0 done, 1 failed (one sentence on standard error), 2 wrong usage.\n"
           "The manual: man %s\n",
           program->name, program->name);
}

static bool
is_one_of (const char *word, const char *first, const char *second, const char *third)
{
  return strcmp (word, first) == 0 || strcmp (word, second) == 0 || strcmp (word, third) == 0;
}

int
wct_program_main (const WctProgram *program, int argc, char **argv)
{
  const char           *first = argc > 1 ? argv[1] : "";
  const bool            help = is_one_of (first, "--help", "-h", "help");
  const bool            version = is_one_of (first, "--version", "-V", "--version");
  const bool            table = strcmp (first, "--print-options") == 0;
  const WctCommandLine *command;

  if (help)
    print_program_help (program, stdout);
  if (version)
    printf ("%s %s\n", program->name, program->version);
  for (size_t i = 0; (command = program->command (i)) != NULL; i++)
    {
      if (table)
        wct_options_print_table (program, command, stdout);
      else if (strcmp (first, command->name) == 0)
        return program->run (i, argc - 1, argv + 1);
    }
  if (help || version || table)
    return WCT_EXIT_DONE;
  if (argc < 2)
    fprintf (stderr, "%s: a command is needed; see '%s --help'\n", program->name, program->name);
  else
    fprintf (stderr, "%s: there is no command '%s'; see '%s --help'\n", program->name, first, program->name);
  return WCT_EXIT_USAGE;
}
