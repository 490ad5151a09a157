/* Tensors bound to networks: what the tensors of a file make up. */
#ifndef WCT_BINDING_H
#define WCT_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include <wct/params.h>

#include "network.h"
#include "safetensors.h"

typedef struct
{
  bool        shared_trunk;
  WctNetwork *encoders[WCT_LEVELS]; /* owned, NULL where there is none; weights borrowed from the file */
  WctNetwork *decoders[WCT_LEVELS]; /* likewise */
  uint64_t    encoder_parameters[WCT_LEVELS], decoder_parameters[WCT_LEVELS];
  uint64_t    parameters; /* of the whole file but for aux embeddings */
} WctBinding;

/**
 * wct_binding_make: check that the tensors are those of a model, and make layer lists of them.
 * @file: conv0 is folded into conv1_1 in place; the values of aux embeddings are freed
 * @label: stands for the path in sentences
 * @out: zeroed; to be cleared by the caller in any case. Valid as long as @file
 */
WctStatus wct_binding_make (WctSafetensors *file, const char *label, WctBinding *out, WctError *err);
void      wct_binding_clear (WctBinding *binding);

#endif
