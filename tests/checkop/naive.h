/* The operations once more, straight from their definitions and sharing nothing with the back ends: what the reference
 * back end is checked against. */
#ifndef CHECKOP_NAIVE_H
#define CHECKOP_NAIVE_H

#include "checkop.h"

/* @out: of wct_layers_shape; each layer's result is rounded to float */
void naive_layers (const WctLayer *layers, int count, WctShape in_shape, const float *in, float *out);
void naive_moments (WctShape shape, const float *features, const float *weights, WctMoments *out);

/* @out: added to, but where the weight is 1 */
void naive_affine (WctShape shape, const float *features, const float *weights, const WctAffine *affine, float *out);

#endif
