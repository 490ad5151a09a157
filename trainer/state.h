/* What a checkpoint holds of a trainer: parameters under their tensors' names ("decoder3.conv3_1.weight"), the same
 * with "average/", "adam.first/" and "adam.second/" before them, and a few numbers. */
#ifndef WCT_TRAINER_STATE_H
#define WCT_TRAINER_STATE_H

#include <jansson.h>

#include "safetensors.h"
#include "trainer.h"

WctStatus wct_state_save (const WctTrainer *trainer, const char *checkpoints, int keep, WctError *err);

/* @trainer: made, of the same config; its values are replaced. The sentence names a tensor that is missing, of another
 * shape, or too many. */
WctStatus wct_state_read (WctTrainer *trainer, const WctSafetensors *tensors, const json_t *state, WctError *err);

#endif
