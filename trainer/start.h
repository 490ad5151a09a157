/* Values to start training from. */
#ifndef WCT_TRAINER_START_H
#define WCT_TRAINER_START_H

#include "trainer.h"

/* What a learner's start is measured on. */
typedef struct
{
  const float      *images; /* (count, 3, crop, crop) */
  int32_t           count, crop;
  bool              to_picture; /* does it make pictures: should its results be spread like theirs? */
  const WctNetwork *target;     /* what makes what it should make, from the images; NULL: nothing, or the pictures */
} WctStartData;

/**
 * wct_start_learner: as the run's --start says.
 * @before: what runs on the images and makes the learner's input; no layers: it sees the images themselves
 * @model: the network to copy with WCT_START_MODEL; NULL: it has none, a sentence
 *
 * WCT_START_HE: normal, He et al. 2015. WCT_START_DATA: the same, then layer by layer scaled so that on real input each
 * convolution gives variance 1 before its ReLU (LSUV, Mishkin and Matas 2016) and the last one the pictures' mean and
 * variance; a single convolution that has a target gets the least-squares solution instead. Random numbers come from
 * the run's seed and the learner's name.
 */
WctStatus wct_start_learner (WctTrainer *trainer, WctLearner *learner, const WctNetwork *before,
                             const WctNetwork *model, const WctStartData *data, WctError *err);

/* Normal values of @variance from @seed, by layer: weights; biases are zero. */
void wct_start_he (WctLearner *learner, uint64_t seed);

#endif
