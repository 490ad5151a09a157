/* wct: the command line. Finds the command, runs it, turns its sentence into an exit status. */
#include <stdio.h>
#include <string.h>

#include <wct/wct.h>

#include "exit-status.h"
#include "commands.h"
#include "interrupt.h"
#include "arguments.h"
#include "picture.h"

static const WctCommand commands[] = {
  { { WCT_COMMAND_STYLIZE, "stylize", "CONTENT STYLE... -o OUT",
      "Give the picture CONTENT the style of other pictures, and write the result to OUT.", 1, WCT_LIST_MAX + 1 },
    wct_command_stylize },
  { { WCT_COMMAND_AUGMENT, "augment", "CONTENT_DIR STYLE_DIR -o OUT_DIR",
      "Give every picture of a folder a random style of another folder, to train networks on.", 2, 2 },
    wct_command_augment },
  { { WCT_COMMAND_TEXTURE, "texture", "STYLE... -o OUT --size WxH",
      "Make a texture from noise, in the style of pictures.", 1, WCT_LIST_MAX },
    wct_command_texture },
  { { WCT_COMMAND_RECONSTRUCT, "reconstruct", "IMAGE --level L -o OUT",
      "Run a picture through the encoder and the decoder of one level alone, to see what the decoder can do.", 1, 1 },
    wct_command_reconstruct },
  { { WCT_COMMAND_GRID, "grid", "--contents FILE... --styles FILE... -o OUT",
      "Put many results on one sheet: each content in each style, or with each strength, beside the originals.", 0, 0 },
    wct_command_grid },
  { { WCT_COMMAND_STYLE, "style", "save PICTURE -o OUT | show FILE | list",
      "Save the style of a picture as a file of its own, show what such a file holds, or list those that are found.", 1,
      2 },
    wct_command_style },
  { { WCT_COMMAND_MODEL, "model", "[FILE]",
      "Show levels, channels, parameters, license and metadata of a model; without FILE of the one that would be used.",
      0, 1 },
    wct_command_model },
  { { WCT_COMMAND_DOCTOR, "doctor", "", "Show what works on this machine, and what to do about the rest.", 0, 0 },
    wct_command_doctor },
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static int
run (size_t index, int argc, char **argv)
{
  const WctCommand *command = &commands[index];
  char              who[32], more[64];
  WctArguments      arguments;
  WctError          err;
  WctStatus         status;

  snprintf (who, sizeof who, "wct %s", command->line.name);
  snprintf (more, sizeof more, "; see 'wct %s --help'", command->line.name);
  if (wct_arguments_parse (command, argc, argv, &arguments, &err) != WCT_OK)
    {
      wct_print_sentence (who, err.message, more);
      return WCT_EXIT_USAGE;
    }
  if (arguments.help)
    {
      wct_options_print_help (&wct_program, &command->line, stdout);
      wct_arguments_clear (&arguments);
      return WCT_EXIT_DONE;
    }
  wct_interrupt_install ();
  status = wct_pictures_start ("wct", &err);
  if (status == WCT_OK)
    status = command->run (&arguments, &err);
  if (status != WCT_OK)
    wct_print_sentence ("wct", status == WCT_CANCELED ? "canceled" : err.message, "");
  wct_arguments_clear (&arguments);
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

  program.about = "Universal style transfer: gives a picture the style of others.";
  program.version = wct_version ();
  program.command = command_at;
  program.run = run;
  return wct_program_main (&program, argc, argv);
}
