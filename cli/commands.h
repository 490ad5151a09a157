/* The commands: each does one, and returns its sentence. */
#ifndef WCT_CLI_COMMANDS_H
#define WCT_CLI_COMMANDS_H

#include <wct/status.h>

#include "arguments.h"

WctStatus wct_command_augment (const WctArguments *arguments, WctError *err);
WctStatus wct_command_stylize (const WctArguments *arguments, WctError *err);
WctStatus wct_command_texture (const WctArguments *arguments, WctError *err);
WctStatus wct_command_reconstruct (const WctArguments *arguments, WctError *err);
WctStatus wct_command_grid (const WctArguments *arguments, WctError *err);
WctStatus wct_command_model (const WctArguments *arguments, WctError *err);
WctStatus wct_command_style (const WctArguments *arguments, WctError *err);
WctStatus wct_command_doctor (const WctArguments *arguments, WctError *err);

#endif
