/* A run from its start, or from where it was left, to its end. */
#ifndef WCT_TRAINER_LOOP_H
#define WCT_TRAINER_LOOP_H

#include <stdbool.h>

#include <wct/status.h>

#include "config.h"
#include "run.h"

/**
 * wct_loop: train until config->steps.
 * @config: checked; steps are filled in where epochs say them
 * @run: open, of this config; on the first rank, NULL on the others
 * @checkpoints: the run's folder of them, which all ranks can read
 * @resume: begin with the newest checkpoint instead of the start
 *
 * Stops when the program is asked to (wct_interrupted): the step is finished, a checkpoint written, WCT_OK returned.
 */
WctStatus wct_loop (WctConfig *config, WctRun *run, const char *checkpoints, bool resume, bool quiet, WctError *err);

#endif
