/* Inside a model, for the library's own files. */
#ifndef WCT_MODEL_INTERNAL_H
#define WCT_MODEL_INTERNAL_H

#include <wct/model.h>

#include "network.h"

/* The encoder up to relu<level>_1, and the decoder back to the picture: borrowed from the model; NULL where the model
 * has none. Input and output of pictures have 3 channels. */
const WctNetwork *wct_model_encoder (const WctModel *model, int level);
const WctNetwork *wct_model_decoder (const WctModel *model, int level);

/* wct_model_load from memory: @bytes is borrowed for the call; @name stands for the path in sentences. */
WctStatus wct_model_parse (const void *bytes, size_t size, const char *name, WctModel **out, WctError *err);

#endif
