/* Training on a back end: lists of layers that also run backward, losses and the optimizer.
 *
 * One table of functions, like that of inference (backend.h). A chain is a list of layers at one shape and batch size;
 * a chain of one layer is an operation, and is how operations are checked. Whole networks are chains in a row: the
 * gradient of one's input is that of the other's output.
 *
 * Functions run on the calling thread alone. Calls on different objects may run side by side; what they share (weights)
 * must not be packed meanwhile. So a trainer uses its processors by giving each a share of the batch. */
#ifndef WCT_TRAINING_H
#define WCT_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

#include "moments.h"
#include "network.h"
#include "transform.h"

/* Maps of one shape, (count, c, h, w), in the back end's own layout. Back ends embed it as first member. */
typedef struct
{
  int32_t  count;
  WctShape shape;
} WctBatch;

/* What convolutions multiply. Sums, maps and weights are float in any case. */
typedef enum
{
  WCT_PRECISION_F32,
  WCT_PRECISION_BF16,
  WCT_PRECISION_F16
} WctPrecision;

typedef struct WctPacking WctPacking; /* the back end's: weights as its convolutions want them */
typedef struct WctChain   WctChain;   /* the back end's: a list of layers at one shape, with room for its maps */

/* What a chain is asked for after forward. Bits. */
enum
{
  WCT_CHAIN_FORWARD = 0,          /* nothing: maps between layers are not kept */
  WCT_CHAIN_INPUT_GRADIENT = 1,   /* the gradient of its input */
  WCT_CHAIN_WEIGHT_GRADIENTS = 2, /* those of its weights */
};

/* Keeps a flat channel's deviation, and with it its gradient, finite. */
#define WCT_COSINE_EPSILON 1e-10

/* Adam (Kingma and Ba, 2015) at one step. */
typedef struct
{
  float  rate, beta1, beta2, epsilon;
  double correction1, correction2; /* 1 - beta1^t, 1 - beta2^t */
  float  gradient_scale;           /* gradients are multiplied by this first */
  float  average_decay;            /* of the running average, where there is one */
} WctAdamStep;

typedef struct WctTrainingOps
{
  /* WCT_ERR_UNSUPPORTED, with a reason, where this machine or library cannot compute in @precision. */
  WctStatus (*check_precision) (void *ctx, WctPrecision precision, WctError *err);

  WctStatus (*batch_new) (void *ctx, int32_t count, WctShape shape, WctBatch **out, WctError *err);
  void (*batch_free) (void *ctx, WctBatch **batch);

  /* From and to dense planar floats (count, c, h, w) on the host. */
  WctStatus (*batch_upload) (void *ctx, const float *planar, WctBatch *out, WctError *err);
  WctStatus (*batch_download) (void *ctx, const WctBatch *batch, float *planar, WctError *err);

  /* @layers are borrowed until packing_free; their weights and biases are read by pack only, each layer's at its own
   * call (any thread, layers side by side), and again whenever the optimizer has changed them. @uses: of all chains
   * that will be made with it. */
  WctStatus (*packing_new) (void *ctx, const WctLayer *layers, int count, WctPrecision precision, unsigned uses,
                            WctPacking **out, WctError *err);
  void (*packing_free) (void *ctx, WctPacking **packing);
  WctStatus (*pack) (void *ctx, WctPacking *packing, int layer, WctError *err);

  /* @packing is borrowed until chain_free; it may learn of another form of weights here, so its chains are made one
   * after the other. @in: the shape of one input map; sides are even wherever a layer pools. */
  WctStatus (*chain_new) (void *ctx, WctPacking *packing, WctShape in, int32_t count, unsigned uses, WctChain **out,
                          WctError *err);
  void (*chain_free) (void *ctx, WctChain **chain);
  size_t (*chain_bytes) (void *ctx, const WctChain *chain);

  /* @in and @out are borrowed until backward has run, and must not change meanwhile, where the chain has uses. */
  WctStatus (*forward) (void *ctx, WctChain *chain, const WctBatch *in, WctBatch *out, WctError *err);

  /**
   * backward: from the gradient of the output to those of the input and of the weights, once after each forward.
   * @out_gradient: may be overwritten
   * @in_gradient: written; NULL where the chain was made without it
   * @weight_gradients: added to: wct_layers_parameters, for each convolution in order its weights
   * (out_c, in_c, side, side), then its biases; NULL where the chain was made without them
   *
   * Where a pool's window has its maximum more than once, the first (row-major) takes the gradient, as in PyTorch. A
   * ReLU's gradient is 0 where its result is 0.
   */
  WctStatus (*backward) (void *ctx, WctChain *chain, WctBatch *out_gradient, WctBatch *in_gradient,
                         float *weight_gradients, WctError *err);

  /**
   * squared_error: the sum over all values of (a - b)².
   * @scale: what the sum counts for in the loss
   * @gradient: += 2 scale (a - b) where @add, else = ; may be NULL
   * @sum: in double, without @scale, in an order that depends on the shape only
   */
  WctStatus (*squared_error) (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add,
                              WctBatch *gradient, double *sum, WctError *err);

  /* Sum of all values and of their squares, as above. */
  WctStatus (*sums) (void *ctx, const WctBatch *batch, double *sum, double *squares, WctError *err);

  /* Mean and covariance of each map, over its positions. @out: (count), of the batch's channels; written */
  WctStatus (*batch_moments) (void *ctx, const WctBatch *features, WctMoments *const *out, WctError *err);

  /* Each map through an affine map of its own. @maps: (count); @out: += where @add, else =; may be @in */
  WctStatus (*batch_affine) (void *ctx, const WctBatch *in, const WctAffine *const *maps, bool add, WctBatch *out,
                             WctError *err);

  /**
   * cosine_error: how differently two batches are laid out, whatever their style: of each map
   * 1 - mean over positions of the cosine between a~ and b~, which are the features less their mean over positions,
   * over their deviation, √(variance + WCT_COSINE_EPSILON), channel by channel.
   * @scale: what each map's error counts for in the loss
   * @gradient: of @a; += where @add, else =; may be NULL
   * @sum: of all maps, without @scale
   *
   * Where all of a position's standardized features are 0 the cosine is 0, and so is its gradient.
   */
  WctStatus (*cosine_error) (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient,
                             double *sum, WctError *err);

  /* @to += @from. */
  WctStatus (*accumulate) (void *ctx, const WctBatch *from, WctBatch *to, WctError *err);

  /* Zeros, which the processor may read and write between calls: parameters, their gradients, the optimizer's
   * moments. The functions here take any memory of the processor; with this a back end works where it lies. */
  WctStatus (*memory_new) (void *ctx, size_t count, const char *what, float **out, WctError *err);
  void (*memory_free) (void *ctx, float **memory);

  /* Zeros again, without a detour over the processor. Any thread; parts side by side. */
  WctStatus (*memory_clear) (void *ctx, float *memory, size_t count, WctError *err);

  /* @out[i] = Σ over lanes, in their order, of @lane_gradients[lane · stride + i], for @count of them. Any thread. */
  WctStatus (*sum_lanes) (void *ctx, const float *lane_gradients, int lanes, size_t stride, size_t count, float *out,
                          WctError *err);

  /* @squares: Σ values², in double, in an order that depends on @count only. */
  WctStatus (*norm) (void *ctx, const float *values, size_t count, double *squares, WctError *err);

  /* Of @count parameters; @first, @second: running moments of the gradient, updated. @average: NULL, or the parameters'
   * running average, += (1 - average_decay) (parameter - average). Any thread; parts side by side. */
  WctStatus (*adam) (void *ctx, const WctAdamStep *step, const float *gradient, float *parameters, float *first,
                     float *second, size_t count, float *average, WctError *err);
} WctTrainingOps;

#endif
