/* A network that is learned: its parameters, what the optimizer keeps for each of them, and their gradient. */
#ifndef WCT_TRAINER_LEARNER_H
#define WCT_TRAINER_LEARNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

#include "backend/backend.h"
#include "network.h"

typedef struct
{
  char        name[24]; /* "decoder3", "encoder" */
  int         level;    /* 1 … WCT_LEVELS */
  double      rate;     /* what the learning rate is multiplied by; 1 at first */
  WctNetwork  network;  /* weights and biases point into values */
  size_t      count;    /* parameters */
  float      *values;   /* memory_new's, as all below; (count): for each convolution its weights, then its biases */
  float      *first, *second; /* Adam's moments */
  float      *average;        /* of the values over time; NULL: not kept */
  float      *gradient;       /* of a step */
  bool        summing;        /* is the step's gradient summed up, and its sum over all ranks begun? */
  float      *lane_gradients; /* (lanes, count) */
  WctPacking *packing;        /* the back end's */
} WctLearner;

/**
 * wct_learner_new: zeros.
 * @network: its shapes; weights are not looked at. An embedding's 1×1 convolutions are learned like the others
 * @uses: of the chains that will run it
 */
WctStatus wct_learner_new (WctBackend *backend, const char *name, int level, const WctNetwork *network,
                           WctPrecision precision, unsigned uses, int lanes, bool averaged, WctLearner **out,
                           WctError *err);
void      wct_learner_free (WctBackend *backend, WctLearner **learner);

/* The array of a layer's weights or biases, to be written. */
float *wct_learner_weight (WctLearner *learner, int layer);
float *wct_learner_bias (WctLearner *learner, int layer);

/* All layers again, after values have changed. */
WctStatus wct_learner_pack (WctBackend *backend, WctLearner *learner, WctError *err);

/* Copies another network's values; shapes must be equal. The sentence names the layer where they are not. */
WctStatus wct_learner_copy (WctLearner *learner, const WctNetwork *from, WctError *err);

/* A packing of layers whose weights stay as they are, packed. */
WctStatus wct_layers_pack (WctBackend *backend, const WctLayer *layers, int count, WctPrecision precision,
                           unsigned uses, WctPacking **out, WctError *err);

/* The mirror of an encoder: its layers backwards, input and output swapped, up-sampling for pooling; the last
 * convolution has no ReLU. Names follow: "decoder3.conv2_1". */
void wct_network_mirror (const WctNetwork *encoder, int level, WctNetwork *out);

/* The part of an encoder between two taps: what follows relu<from>_1 (0: the picture) up to relu<to>_1. Weights stay
 * the encoder's. */
void wct_network_segment (const WctNetwork *encoder, int from, int to, WctNetwork *out);

/* Appends @more's layers to @network. */
void wct_network_append (WctNetwork *network, const WctNetwork *more);

/* A 1×1 embedding of @tap's result in @out_c channels, for distillation: "encoder.conv3_1_aux". */
void wct_network_embed (const WctConv *tap, int32_t out_c, WctNetwork *out);

/* The same network with @channels[b] channels in block b, named "encoder.…"; without weights. */
void wct_network_thin (const WctNetwork *network, const int32_t *channels, WctNetwork *out);

#endif
