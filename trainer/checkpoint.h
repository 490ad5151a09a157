/* Where a run can be taken up again: RUN/checkpoints/STEP/ with state.safetensors and, written last, DONE, which has
 * its size and checksum. A folder without DONE is what a killed run left, and is no checkpoint. */
#ifndef WCT_TRAINER_CHECKPOINT_H
#define WCT_TRAINER_CHECKPOINT_H

#include <stdint.h>

#include <jansson.h>

#include <wct/status.h>

#include "safetensors.h"
#include "weights-file.h"

/**
 * wct_checkpoint_save: write the checkpoint of @step, then remove the oldest beyond @keep.
 * @folder: RUN/checkpoints; made where it is not there
 * @state: an object; borrowed
 * A failure, also a full disk or a killed process, leaves those that were there.
 */
WctStatus wct_checkpoint_save (const char *folder, int64_t step, const WctWeights *tensors, size_t count,
                               const json_t *state, int keep, WctError *err);

/**
 * wct_checkpoint_load: the newest that is whole.
 * @tensors: on WCT_OK to be cleared with wct_safetensors_clear; @state: to be given back with json_decref
 * @damaged: a sentence about a newer one that was passed over; empty where there is none
 */
WctStatus wct_checkpoint_load (const char *folder, WctSafetensors *tensors, json_t **state, int64_t *step,
                               WctError *damaged, WctError *err);

#endif
