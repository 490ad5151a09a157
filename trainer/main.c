/* wct-train: finds the command, runs it, turns its sentence into an exit status. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exit-status.h"
#include "interrupt.h"
#include "parallel.h"
#include "picture.h"

static const WctCommand commands[] = {
  { { WCT_COMMAND_DECODER, "decoder", "--encoder MODEL --data PATH -o RUN",
      "Train decoders for a model's encoder, which stays as it is.", 0, 0 },
    wct_command_train },
  { { WCT_COMMAND_ENCODER, "encoder", "--teacher MODEL --data PATH -o RUN",
      "Distil a compact encoder: one trunk, tapped at five levels, that learns a wider one's features.", 0, 0 },
    wct_command_train },
  { { WCT_COMMAND_RESUME, "resume", "RUN", "Go on with a run where its newest checkpoint left it.", 1, 1 },
    wct_command_resume },
  { { WCT_COMMAND_EXPORT, "export", "RUN... -o MODEL", "Write a model of what runs have learned.", 1,
      WCT_OPERANDS_MAX },
    wct_command_export },
  { { WCT_COMMAND_EVAL, "eval", "MODEL... --data PATH",
      "Measure how well each level of a model gives pictures back, or how well models stylize.", 1, WCT_OPERANDS_MAX },
    wct_command_eval },
  { { WCT_COMMAND_PLOT, "plot", "RUN...", "Draw the curves of runs.", 1, WCT_OPERANDS_MAX }, wct_command_plot },
  { { WCT_COMMAND_PACK, "pack", "PATH -o SHARD",
      "Pack a folder of pictures into one file that needs no decoder, for clusters and bare machines.", 1, 1 },
    wct_command_pack },
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static int
run (size_t index, int argc, char **argv)
{
  const WctCommand *command = &commands[index];
  char              who[48], more[64];
  WctArguments      arguments;
  WctError          err;
  WctStatus         status;

  snprintf (who, sizeof who, "wct-train %s", command->line.name);
  snprintf (more, sizeof more, "; see 'wct-train %s --help'", command->line.name);
  if (wct_arguments_parse (command, argc, argv, &arguments, &err) != WCT_OK)
    {
      wct_print_sentence (who, err.message, more);
      return WCT_EXIT_USAGE;
    }
  if (arguments.help)
    {
      wct_options_print_help (&wct_program, &command->line, stdout);
      return WCT_EXIT_DONE;
    }
  wct_interrupt_install ();
  status = wct_pictures_start ("wct-train", &err);
  if (status == WCT_OK)
    status = command->run (&arguments, &err);
  wct_arguments_clear (&arguments);
  if (status != WCT_OK)
    wct_print_sentence ("wct-train", status == WCT_CANCELED ? "canceled" : err.message, "");
  wct_parallel_end (status != WCT_OK); /* under MPI a failure ends the process here */
  return status == WCT_OK ? WCT_EXIT_DONE : WCT_EXIT_FAILED;
}

static const WctCommandLine *
command_at (size_t index)
{
  return index < COMMAND_COUNT ? &commands[index].line : NULL;
}

int
main (int argc, char **argv)
{
  WctProgram program = wct_program;

  program.about = "Trains decoders and compact encoders for universal style transfer.";
  program.version = WCT_VERSION;
  program.command = command_at;
  program.run = run;
  return wct_program_main (&program, argc, argv);
}
