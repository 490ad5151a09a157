/* wct's command line, understood. */
#ifndef WCT_CLI_ARGUMENTS_H
#define WCT_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <wct/params.h>
#include <wct/status.h>

#include "naming.h"
#include "options.h"

#define WCT_LIST_MAX 64 /* styles of one call */

/* A bit for each command, to say in the table which options it takes. */
typedef enum
{
  WCT_COMMAND_STYLIZE = 1,
  WCT_COMMAND_TEXTURE = 2,
  WCT_COMMAND_RECONSTRUCT = 4,
  WCT_COMMAND_MODEL = 8,
  WCT_COMMAND_DOCTOR = 16,
  WCT_COMMAND_STYLE = 32,
  WCT_COMMAND_GRID = 64,
  WCT_COMMAND_AUGMENT = 128
} WctCommandBit;

/* What --alpha said. */
typedef struct
{
  bool     given;
  bool     for_all; /* one number for every level that the model has */
  unsigned levels;  /* else: bit (level - 1) for each level named */
  double   value[WCT_LEVELS];
} WctAlpha;

/* Files or folders, as they were named; borrowed from argv. */
typedef struct
{
  const char *path[WCT_LIST_MAX];
  int         count;
} WctPaths;

/* A command line, understood. Strings are borrowed from argv. */
typedef struct
{
  const char *operands[WCT_LIST_MAX + 1];
  int         operand_count;
  const char *output, *model, *backend, *noise, *guide_picture;
  char       *mask_text; /* owned: --masks, cut into its names */
  const char *masks[WCT_LIST_MAX];
  int         mask_count;
  const char *regions; /* --regions */
  double      weights[WCT_LIST_MAX];
  int         weight_count;
  WctAlpha    alpha;
  WctPaths    contents, styles; /* of a grid */
  double      alphas[WCT_LIST_MAX];
  int         alpha_count; /* of a grid: a column for each; 0 where not given */
  int32_t     cell;        /* of a grid, px */
  bool        no_names;
  WctParams   params;
  int32_t     width, height; /* --size; 0 where not given */
  int32_t     level;         /* 0 where not given */
  int32_t     threads;
  size_t      memory;      /* --memory, in bytes; 0 where not given */
  bool        guide_given; /* --guide, how much of the picture */
  const char *name, *license;
  unsigned    levels; /* --levels, bit (level - 1) each; 0 where not given */
  bool        json, force, quiet, help;
  bool        frames;         /* CONTENT and OUT are folders */
  int32_t     frames_from;    /* the frame whose statistics are all others', from 1 on; 0: each its own */
  WctNaming   naming;         /* --format */
  double      alpha_range[2]; /* what is drawn, least and most */
  double      probability;
  int32_t     variants; /* --count */
  const char *share;    /* --shard; NULL where not given */
  bool        dry_run;
} WctArguments;

typedef struct
{
  WctCommandLine line;
  WctStatus (*run) (const WctArguments *arguments, WctError *err);
} WctCommand;

/**
 * wct_arguments_parse: understand what stands after the command's name.
 * @argv: the command's name first
 * @out: on WCT_OK to be cleared with wct_arguments_clear
 * The sentence of a failure says what is wrong with the command line; nothing else was looked at.
 */
WctStatus wct_arguments_parse (const WctCommand *command, int argc, char **argv, WctArguments *out, WctError *err);

void wct_arguments_clear (WctArguments *arguments);

/* Name and table of options; main fills in the rest. */
extern const WctProgram wct_program;

#endif
