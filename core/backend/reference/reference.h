/* Inside the reference back end: what its files share. */
#ifndef WCT_REFERENCE_H
#define WCT_REFERENCE_H

#include "backend/backend.h"

typedef struct
{
  WctTensor base;
  float    *data; /* owned; (c, h, w), dense */
} WctReferenceTensor;

/* Room that all plans share; it grows to what the largest of them needs. */
typedef struct
{
  float  *map[2]; /* owned; between layers, used in turn */
  size_t  map_floats[2];
  double *rows; /* owned; of one output row, for convolutions */
  size_t  row_doubles;
} WctReference;

/* Maps of a batch, (count, c, h, w), dense. */
typedef struct
{
  WctBatch base;
  float   *data; /* owned */
} WctReferenceBatch;

/* layers.c: one layer each; @in and @out are dense (c, h, w) and differ. */

/* Reflection about the edge pixel by at most 1; a side of 1 repeats its pixel. */
int32_t wct_reference_reflect (int32_t i, int32_t count);

/* What output row @y of a convolution sees: (c, 3, w + 2), padded by reflection. */
void wct_reference_gather_rows (WctShape shape, const float *in, int32_t y, double *rows);

/* Doubles that a convolution of an input of @in works in. */
size_t wct_reference_row_doubles (const WctConv *conv, WctShape in);

WctStatus wct_reference_convolve (const WctConv *conv, WctShape in_shape, const float *in, float *out, double *rows,
                                  WctMonitor *monitor, WctError *err);
WctStatus wct_reference_pool (WctShape in_shape, const float *in, float *out, WctMonitor *monitor, WctError *err);
WctStatus wct_reference_upsample (WctShape in_shape, const float *in, float *out, WctMonitor *monitor, WctError *err);

/* plan.c, statistics.c: entries of the table. */
WctStatus wct_reference_plan_new (void *ctx, const WctLayer *layers, int count, WctShape in, WctPlan **out,
                                  WctError *err);
void      wct_reference_plan_free (void *ctx, WctPlan **plan);
size_t    wct_reference_plan_memory (void *ctx, const WctPlan *plan);
size_t    wct_reference_plan_scratch (void *ctx, const WctPlan *plan);
WctStatus wct_reference_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor,
                                  WctError *err);
WctStatus wct_reference_moments (void *ctx, const WctTensor *features, const float *weights, WctMoments *out,
                                 WctMonitor *monitor, WctError *err);
WctStatus wct_reference_affine (void *ctx, const WctTensor *in, const float *weights, const WctAffine *affine,
                                WctTensor *out, WctMonitor *monitor, WctError *err);

/* training-layers.c: what only training runs, for one map each, dense (c, h, w). @in_shape: of the layer's input. */

void wct_reference_embed (const WctConv *conv, WctShape in_shape, const float *in, float *out);

/* The gradient behind a ReLU: 0 where its result is 0. */
void wct_reference_stop_at_zero (size_t count, const float *result, float *gradient);

/* From the gradient of a layer's output to that of its input. @rows: of wct_reference_row_doubles; @in: decides which
 * value of a window was the maximum. */
void wct_reference_convolve_back (const WctConv *conv, WctShape in_shape, const float *out_gradient, float *in_gradient,
                                  double *rows);
void wct_reference_embed_back (const WctConv *conv, WctShape in_shape, const float *out_gradient, float *in_gradient);
void wct_reference_pool_back (WctShape in_shape, const float *in, const float *out_gradient, float *in_gradient);
void wct_reference_upsample_back (WctShape in_shape, const float *out_gradient, float *in_gradient);

/* To those of weights (out_c, in_c, side, side) and, behind them, biases (out_c); both are added to. */
void wct_reference_convolve_weights_back (const WctConv *conv, WctShape in_shape, const float *in,
                                          const float *out_gradient, double *rows, double *sums);
void wct_reference_embed_weights_back (const WctConv *conv, WctShape in_shape, const float *in,
                                       const float *out_gradient, double *sums);

/* training-chain.c: entries of the table of training. */
WctStatus wct_reference_packing_new (void *ctx, const WctLayer *layers, int count, WctPrecision precision,
                                     unsigned uses, WctPacking **out, WctError *err);
void      wct_reference_packing_free (void *ctx, WctPacking **packing);
WctStatus wct_reference_pack (void *ctx, WctPacking *packing, int layer, WctError *err);
WctStatus wct_reference_chain_new (void *ctx, WctPacking *packing, WctShape in, int32_t count, unsigned uses,
                                   WctChain **out, WctError *err);
void      wct_reference_chain_free (void *ctx, WctChain **chain);
size_t    wct_reference_chain_bytes (void *ctx, const WctChain *chain);
WctStatus wct_reference_chain_forward (void *ctx, WctChain *chain, const WctBatch *in, WctBatch *out, WctError *err);
WctStatus wct_reference_chain_backward (void *ctx, WctChain *chain, WctBatch *out_gradient, WctBatch *in_gradient,
                                        float *weight_gradients, WctError *err);

/* training-features.c: likewise */
WctStatus wct_reference_batch_moments (void *ctx, const WctBatch *features, WctMoments *const *out, WctError *err);
WctStatus wct_reference_batch_affine (void *ctx, const WctBatch *in, const WctAffine *const *maps, bool add,
                                      WctBatch *out, WctError *err);
WctStatus wct_reference_cosine_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add,
                                      WctBatch *gradient, double *sum, WctError *err);

/* training.c */
extern const WctTrainingOps wct_reference_training;

/* WCT_ERR_UNSUPPORTED where it is not f32. */
WctStatus wct_reference_check_precision (void *ctx, WctPrecision precision, WctError *err);

/* Values of a batch; SIZE_MAX, which no allocation grants, where they are more than that. */
size_t wct_reference_batch_values (int32_t count, WctShape shape);

#endif
