/* A model file from runs. */
#ifndef WCT_TRAINER_EXPORT_H
#define WCT_TRAINER_EXPORT_H

#include <stdbool.h>

#include <wct/status.h>

typedef struct
{
  const char *const *runs; /* folders */
  int                run_count;
  const char        *path; /* of the model */
  bool               half, force;
  const char        *name, *license, *source; /* metadata; NULL: not said, or as the encoder's model has it */
} WctExport;

/**
 * wct_export: write a model of what runs have learned so far, from their newest checkpoints.
 *
 * Averaged weights where a run keeps them. A run of decoders brings the encoder that they were trained for, a run of an
 * encoder its trunk and the decoders learned beside it; of what several runs bring, the last one's stands. Encoders
 * must agree: WCT_ERR_ARGUMENT, with a sentence that names both runs, where they do not.
 */
WctStatus wct_export (const WctExport *export, WctError *err);

#endif
