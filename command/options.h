/* Command lines: a program has one table of options, from which parsing, --help, completion and the manual's test come.
 */
#ifndef WCT_COMMAND_OPTIONS_H
#define WCT_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <wct/status.h>

typedef struct WctOption WctOption;

/* A row of the table. Values land in the program's own struct of arguments. */
struct WctOption
{
  unsigned    commands; /* bits of those that take it */
  const char *group;
  const char *name;
  char        letter; /* 0: none */
  const char *value;  /* NULL: takes none */
  const char *help;   /* NULL: the program's help_of knows */
  WctStatus (*take) (void *arguments, const WctOption *option, const char *value, WctError *err);
  size_t             offset;   /* in the arguments, of what the functions below set */
  double             min, max; /* of numbers */
  const char *const *choices;  /* of wct_take_choice; NULL ends them */
  bool               many;     /* are the words that follow its value, up to the next option, values too? A command with
                                  such an option has no operands */
};

/* What wct_options_parse needs to know of a command; programs put it first in a row of their own. */
typedef struct
{
  unsigned    bit; /* one, to say in the table which options it takes */
  const char *name;
  const char *operands; /* "CONTENT STYLE..." */
  const char *summary;
  int         operands_min, operands_max;
} WctCommandLine;

typedef struct
{
  const char      *name;  /* "wct" */
  const char      *about; /* one sentence */
  const char      *version;
  const WctOption *options;
  size_t           option_count;
  char *(*help_of) (const WctOption *option); /* to be freed with g_free; NULL where every row has its text */

  /* The command number @index, from 0 on; NULL behind the last. And what runs it: returns the exit status. @argv: the
   * command's name first */
  const WctCommandLine *(*command) (size_t index);
  int (*run) (size_t index, int argc, char **argv);
} WctProgram;

/* main: finds the command, or shows help, version, or the options (--print-options, for tests: manual and completion
 * must have them all). Returns the exit status. */
int wct_program_main (const WctProgram *program, int argc, char **argv);

/* What stands on a command line besides options; borrowed from argv. */
typedef struct
{
  const char **list; /* room for operands_max */
  int          count;
} WctOperands;

/**
 * wct_options_parse: understand what stands after the command's name.
 * @argv: the command's name first
 * @arguments: the program's, with defaults in it; what is given is written over them
 * @help: was --help asked for? Nothing after it was looked at
 * The sentence of a failure says what is wrong with the command line; nothing else was looked at.
 */
WctStatus wct_options_parse (const WctProgram *program, const WctCommandLine *command, int argc, char **argv,
                             void *arguments, WctOperands *operands, bool *help, WctError *err);

/* The command's --help. */
void wct_options_print_help (const WctProgram *program, const WctCommandLine *command, FILE *file);

/* One line for each option: command, --name, -letter or nothing, value's name or nothing; parted by tabs. */
void wct_options_print_table (const WctProgram *program, const WctCommandLine *command, FILE *file);

/* One line on standard error, whatever a file's name holds: "WHO: SENTENCE MORE". */
void wct_print_sentence (const char *who, const char *sentence, const char *more);

/* Numbers: strict and the same in every locale. No blanks, hexadecimals, "inf" or "nan", and nothing after it. */
bool wct_read_double (const char *text, double *out);
bool wct_read_integer (const char *text, int64_t min, int64_t max, int64_t *out);

/* For the table's take: */
WctStatus wct_take_help (void *arguments, const WctOption *option, const char *value, WctError *err);
WctStatus wct_take_flag (void *arguments, const WctOption *option, const char *value, WctError *err);  /* bool: true */
WctStatus wct_clear_flag (void *arguments, const WctOption *option, const char *value, WctError *err); /* false */
WctStatus wct_take_text (void *arguments, const WctOption *option, const char *value, WctError *err); /* const char * */
WctStatus wct_take_int32 (void *arguments, const WctOption *option, const char *value, WctError *err);
WctStatus wct_take_int64 (void *arguments, const WctOption *option, const char *value, WctError *err); /* or uint64_t */
WctStatus wct_take_number (void *arguments, const WctOption *option, const char *value, WctError *err); /* double */
WctStatus wct_take_choice (void *arguments, const WctOption *option, const char *value, WctError *err); /* an enum */

#endif
