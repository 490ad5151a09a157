/* From pictures to a level's features: by an encoder that stays as it is, or by a trunk that learns.
 *
 * With config.tune_encoder a shared trunk learns from the first of the run's levels on, a segment between two taps for
 * each level, as "encoder3": what all deeper levels make of a picture changes with it, so their decoders must learn
 * beside. Where each level has a trunk of its own, those of the run's levels learn as a whole.
 */
#ifndef WCT_TRAINER_ENCODING_H
#define WCT_TRAINER_ENCODING_H

#include "trainer.h"

/* Makes the learners of a trunk that learns, behind those that there are; none where it does not. Refuses models and
 * levels that do not allow it. */
WctStatus wct_encoding_prepare (WctTrainer *trainer, WctError *err);

/* They begin as the trunk is. */
WctStatus wct_encoding_start (WctTrainer *trainer, WctError *err);

typedef struct WctEncoding WctEncoding;

/**
 * wct_encoding_new: up to @level, for a piece of the run.
 * @first: another worker's of the same level, whose packed weights are borrowed until it is freed; NULL: none yet
 */
WctStatus wct_encoding_new (WctTrainer *trainer, int level, const WctEncoding *first, WctEncoding **out, WctError *err);
void      wct_encoding_free (WctTrainer *trainer, WctEncoding **encoding);

bool wct_encoding_learns (const WctEncoding *encoding);

/* Where it learns, @pictures and @features must not change until backward. */
WctStatus wct_encoding_forward (WctTrainer *trainer, WctEncoding *encoding, const WctBatch *pictures,
                                WctBatch *features, WctError *err);

/* Adds to the learners' gradients of @lane. @gradient: at the features; may be overwritten */
WctStatus wct_encoding_backward (WctTrainer *trainer, WctEncoding *encoding, int lane, WctBatch *gradient,
                                 WctError *err);

#endif
