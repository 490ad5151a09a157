/* Writes .safetensors files: models and checkpoints. Core reads them (core/safetensors.h). */
#ifndef WCT_TRAINER_WEIGHTS_FILE_H
#define WCT_TRAINER_WEIGHTS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <wct/status.h>

typedef struct
{
  char         name[96];
  int          rank;
  int64_t      shape[4];
  const float *values; /* borrowed */
} WctWeights;

/**
 * wct_weights_write: a file that appears whole or not at all.
 * @tensors: written in this order
 * @metadata: an object of strings; borrowed
 * @half: as F16, rounded to nearest even; a value that does not fit is refused. Else as F32
 * @force: may a file of that name be replaced?
 */
WctStatus wct_weights_write (const char *path, const WctWeights *tensors, size_t count, const json_t *metadata,
                             bool half, bool force, WctError *err);

#endif
