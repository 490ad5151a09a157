/* wct-train's command line, understood. */
#ifndef WCT_TRAINER_ARGUMENTS_H
#define WCT_TRAINER_ARGUMENTS_H

#include "config.h"
#include "options.h"

#define WCT_OPERANDS_MAX 16

/* A bit for each command, to say in the table which options it takes. */
typedef enum
{
  WCT_COMMAND_DECODER = 1,
  WCT_COMMAND_ENCODER = 2,
  WCT_COMMAND_RESUME = 4,
  WCT_COMMAND_EXPORT = 8,
  WCT_COMMAND_EVAL = 16,
  WCT_COMMAND_PLOT = 32,
  WCT_COMMAND_PACK = 64
} WctCommandBit;

/* Strings are borrowed from argv, but for those of config, which are made absolute and owned. */
typedef struct
{
  const char *operands[WCT_OPERANDS_MAX];
  int         operand_count;
  WctConfig   config; /* of decoder and encoder; threads and backend of the others too */
  const char *output; /* -o */
  const char *model, *start_model, *data, *test_data, *styles, *judge, *backend; /* as they were given */
  int64_t     steps;                                                             /* of resume: 0 where not given */
  int         dtype;                                                             /* of export: 0 f32, 1 f16 */
  const char *name, *license, *source;
  int32_t     count, size;     /* of eval and pack; 0: all, the default */
  int         place;           /* of eval: WctStillPlace */
  int32_t     pairs, textures; /* of eval: 0: none */
  const char *sheet, *pareto;  /* of eval; NULL: none */
  bool        transport;       /* of eval */
  bool        json, force, quiet, help;
} WctArguments;

typedef struct
{
  WctCommandLine line;
  WctStatus (*run) (WctArguments *arguments, WctError *err);
} WctCommand;

/* Name and table of options; main fills in the rest. */
extern const WctProgram wct_program;

/* @out: on WCT_OK to be cleared with wct_arguments_clear */
WctStatus wct_arguments_parse (const WctCommand *command, int argc, char **argv, WctArguments *out, WctError *err);
void      wct_arguments_clear (WctArguments *arguments);

#endif
