/* What the two ways to train decoders share: who learns, and what from. */
#ifndef WCT_TRAINER_DECODER_H
#define WCT_TRAINER_DECODER_H

#include "trainer.h"

/* WctTaskOps.prepare and .start: a decoder for each level of the run. */
WctStatus wct_decoders_prepare (WctTrainer *trainer, WctError *err);
WctStatus wct_decoders_start (WctTrainer *trainer, const float *images, int32_t count, WctError *err);

/* The decoder that learns at a level; NULL: none. */
WctLearner *wct_decoder_learner (const WctTrainer *trainer, int level);

#endif
