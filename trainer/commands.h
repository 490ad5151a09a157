/* The commands: each does one, and returns its sentence. */
#ifndef WCT_TRAINER_COMMANDS_H
#define WCT_TRAINER_COMMANDS_H

#include "arguments.h"

WctStatus wct_command_train (WctArguments *arguments, WctError *err); /* decoder, encoder */
WctStatus wct_command_resume (WctArguments *arguments, WctError *err);
WctStatus wct_command_export (WctArguments *arguments, WctError *err);
WctStatus wct_command_eval (WctArguments *arguments, WctError *err);
WctStatus wct_command_compare (WctArguments *arguments, WctError *err); /* eval with --pairs or --textures */
WctStatus wct_command_plot (WctArguments *arguments, WctError *err);
WctStatus wct_command_pack (WctArguments *arguments, WctError *err);

#endif
