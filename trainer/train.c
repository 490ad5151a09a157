/* wct-train decoder, encoder, resume: a run, begun or taken up again. */
#include <limits.h>
#include <stdio.h>

#include "commands.h"
#include "loop.h"
#include "parallel.h"
#include "run.h"

static WctStatus
train (WctConfig *config, WctRun *run, const char *path, bool resume, bool quiet, WctError *err)
{
  char checkpoints[PATH_MAX];

  snprintf (checkpoints, sizeof checkpoints, "%.4000s/checkpoints", path);
  return wct_loop (config, run, checkpoints, resume, quiet, err);
}

/* The first rank has the folder; the others only read checkpoints from it. */
WctStatus
wct_command_train (WctArguments *arguments, WctError *err)
{
  WctRun   *run = NULL;
  WctStatus status;

  WCT_TRY (wct_parallel_start (NULL, NULL, err));
  wct_config_choose_lanes (&arguments->config, wct_parallel_ranks ());
  if (wct_parallel_rank () == 0)
    WCT_TRY (wct_run_create (arguments->output, &arguments->config, &run, err));
  WCT_TRY (train (&arguments->config, run, arguments->output, false, arguments->quiet, err));

out:
  if (status != WCT_OK && run != NULL)
    wct_run_discard (run);
  wct_run_close (&run);
  return status;
}

WctStatus
wct_command_resume (WctArguments *arguments, WctError *err)
{
  const char *path = arguments->operands[0];
  WctConfig   config = { .model = NULL };
  WctRun     *run = NULL;
  WctStatus   status;

  WCT_TRY (wct_parallel_start (NULL, NULL, err));
  if (wct_parallel_rank () == 0)
    WCT_TRY (wct_run_open (path, &config, &run, err));
  else
    WCT_TRY (wct_run_read_config (path, &config, err));
  if (arguments->config.threads > 0)
    config.threads = arguments->config.threads;
  if (arguments->steps > 0)
    config.steps = arguments->steps;
  WCT_TRY (train (&config, run, path, true, arguments->quiet, err));

out:
  wct_run_close (&run);
  wct_config_clear (&config);
  return status;
}
