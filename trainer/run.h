/* A run's folder: what it is (config.json), how it goes (metrics.jsonl, samples/), where it can be taken up again
 * (checkpoints/). One process at a time. */
#ifndef WCT_TRAINER_RUN_H
#define WCT_TRAINER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <wct/status.h>

#include "config.h"

typedef struct WctRun WctRun;

/**
 * wct_run_create: make the folder and write config.json.
 * @path: must not exist, or be an empty folder: no run is ever written over
 * @out: on WCT_OK to be closed with wct_run_close; untouched otherwise
 */
WctStatus wct_run_create (const char *path, const WctConfig *config, WctRun **out, WctError *err);

/* A run that is there. @config: as it was created; to be cleared with wct_config_clear */
WctStatus wct_run_open (const char *path, WctConfig *config, WctRun **out, WctError *err);
void      wct_run_close (WctRun **run);

/* What config.json of a run says, without opening it: others may be at work on it. */
WctStatus wct_run_read_config (const char *path, WctConfig *config, WctError *err);

/* Takes away the folder of a run that failed before its first checkpoint: there is nothing to go on with. Else nothing.
 */
void wct_run_discard (const WctRun *run);

const char *wct_run_path (const WctRun *run);
const char *wct_run_checkpoints (const WctRun *run); /* the folder's path */

/* The path of a new sample: samples/STEP-NAME.png. The folder is there. */
WctStatus wct_run_sample_path (const WctRun *run, int64_t step, const char *name, char *path, size_t size,
                               WctError *err);

/* Appends @line, an object with "step", which is consumed, to metrics.jsonl, whole or not at all. */
WctStatus wct_run_log (WctRun *run, json_t *line, WctError *err);

/* Takes away the lines of steps after @step: a resumed run does them again. */
WctStatus wct_run_rewind (WctRun *run, int64_t step, WctError *err);

#endif
