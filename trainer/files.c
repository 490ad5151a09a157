/* wct-train export, pack: files from runs and for them. */
#include <limits.h>
#include <stdio.h>

#include "commands.h"
#include "export.h"
#include "pool.h"
#include "progress.h"
#include "shard.h"

WctStatus
wct_command_export (WctArguments *arguments, WctError *err)
{
  return wct_export (&(WctExport){ .runs = arguments->operands,
                                   .run_count = arguments->operand_count,
                                   .path = arguments->output,
                                   .half = arguments->dtype == 1,
                                   .force = arguments->force,
                                   .name = arguments->name,
                                   .license = arguments->license,
                                   .source = arguments->source },
                     err);
}

WctStatus
wct_command_pack (WctArguments *arguments, WctError *err)
{
  const WctPackOptions options = { .side_max = arguments->size > 0 ? arguments->size : WCT_SHARD_SIDE_DEFAULT,
                                   .threads = wct_processor_count (),
                                   .force = arguments->force };
  WctPictureSet       *set = NULL;
  WctProgress          progress;
  WctHooks             hooks;
  WctPackResult        result;
  WctError             complaint;
  WctStatus            status;

  wct_progress_init (&progress, arguments->quiet);
  hooks = wct_progress_hooks (&progress);
  WCT_TRY (wct_picture_set_open (arguments->operands[0], &set, err));
  wct_progress_begin (&progress, "pack", 0);
  status = wct_shard_pack (set, arguments->output, &options, &hooks, &result, err);
  wct_progress_end (&progress);
  while (wct_picture_set_next_complaint (set, &complaint))
    wct_print_sentence ("wct-train: left out", complaint.message, "");
  if (status == WCT_OK && !arguments->quiet)
    printf ("%s: %d pictures, %.1f MB; %d could not be read\n", arguments->output, result.pictures,
            (double)result.bytes * 1e-6, result.unreadable);

out:
  wct_picture_set_free (&set);
  return status;
}
