/* Inside the cpu back end: what its files share. */
#ifndef WCT_CPU_H
#define WCT_CPU_H

#include "backend/backend.h"
#include "kernels.h"
#include "map.h"
#include "onednn.h"
#include "pool.h"

typedef struct
{
  WctTensor base;
  WctRing   map; /* whole; owns its data */
} WctCpuTensor;

/* A convolution, or the part of it that makes some of its output channels. Borrowed from the model. */
typedef struct
{
  const char  *name;
  const float *weight; /* (out_c, in_c, 3, 3) */
  const float *bias;   /* (out_c) */
  int32_t      in_c, out_c;
} WctConvPart;

/* Weights that several plans share: a trunk that all levels tap is packed once. */
typedef struct WctPackedWeights
{
  struct WctPackedWeights *next;
  const float             *weight; /* identity: the model's array, which outlives the plans */
  WctDnnlWeights          *packed; /* owned */
  float                   *bias;   /* owned; filled up with zeros to whole blocks */
  int                      users;
} WctPackedWeights;

/* What one thread needs while it works on a strip, and the rings between stations. One running pipeline at a time. */
typedef struct
{
  size_t thread_bytes;
  void **thread; /* owned; one for each thread */
  size_t ring_floats;
  float *rings; /* owned */
} WctCpuScratch;

typedef struct
{
  WctPool          *pool;
  const WctKernels *kernels;
  dnnl_engine_t     engine;
  WctPackedWeights *weights;
  WctCpuScratch     scratch;
} WctCpu;

/* Maps of a batch: (count, blocks, h, w, block), dense. Lanes beyond the channels are zero. Pictures have one block of
 * WCT_THIN_BLOCK. */
typedef struct
{
  WctBatch base;
  int32_t  blocks, block;
  float   *data; /* owned */
} WctCpuBatch;

/* Grows the scratch to at least this. */
WctStatus wct_cpu_scratch_reserve (WctCpu *cpu, size_t thread_bytes, size_t ring_floats, WctError *err);

/* The packed form of @part for @conv, which may have more channels, to fill up blocks: found or made. */
WctStatus wct_cpu_weights_take (WctCpu *cpu, const WctDnnlConv *conv, const WctConvPart *part, WctPackedWeights **out,
                                WctError *err);
void      wct_cpu_weights_give_back (WctCpu *cpu, WctPackedWeights **weights);

/* plan.c, pass.c: entries of the table. */
WctStatus wct_cpu_plan_new (void *ctx, const WctLayer *layers, int count, WctShape in, WctPlan **out, WctError *err);
void      wct_cpu_plan_free (void *ctx, WctPlan **plan);
size_t    wct_cpu_plan_memory (void *ctx, const WctPlan *plan);
size_t    wct_cpu_plan_scratch (void *ctx, const WctPlan *plan);
WctStatus wct_cpu_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor,
                            WctError *err);
WctStatus wct_cpu_moments (void *ctx, const WctTensor *features, const float *weights, WctMoments *out,
                           WctMonitor *monitor, WctError *err);
WctStatus wct_cpu_affine (void *ctx, const WctTensor *in, const float *weights, const WctAffine *affine, WctTensor *out,
                          WctMonitor *monitor, WctError *err);

WctStatus     wct_cpu_pass_run (void *ctx, const WctPass *pass, WctMonitor *monitor, WctError *err);
WctPassMemory wct_cpu_pass_memory (void *ctx, const WctPass *pass);
WctStatus     wct_cpu_kept_read (void *ctx, const WctStore *kept, WctShape features, int32_t first, int32_t rows,
                                 float *out, WctError *err);
WctStatus     wct_cpu_kept_write (void *ctx, WctStore *kept, WctShape features, int32_t first, int32_t rows,
                                  const float *values, WctError *err);

/* Channels in a block of a batch of such maps, and its floats, filled up to whole vectors. */
int32_t wct_cpu_batch_block (const WctCpu *cpu, int32_t channels);
size_t  wct_cpu_batch_floats (const WctCpu *cpu, WctShape shape, int32_t count);

/* training.c, training-features.c, packing.c, chain.c: entries of the table of training. */
extern const WctTrainingOps wct_cpu_training;

WctStatus wct_cpu_batch_moments (void *ctx, const WctBatch *features, WctMoments *const *out, WctError *err);
WctStatus wct_cpu_batch_affine (void *ctx, const WctBatch *in, const WctAffine *const *maps, bool add, WctBatch *out,
                                WctError *err);
WctStatus wct_cpu_cosine_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add,
                                WctBatch *gradient, double *sum, WctError *err);

WctStatus wct_cpu_packing_new (void *ctx, const WctLayer *layers, int count, WctPrecision precision, unsigned uses,
                               WctPacking **out, WctError *err);
void      wct_cpu_packing_free (void *ctx, WctPacking **packing);
WctStatus wct_cpu_pack (void *ctx, WctPacking *packing, int layer, WctError *err);
WctStatus wct_cpu_chain_new (void *ctx, WctPacking *packing, WctShape in, int32_t count, unsigned uses, WctChain **out,
                             WctError *err);
void      wct_cpu_chain_free (void *ctx, WctChain **chain);
size_t    wct_cpu_chain_bytes (void *ctx, const WctChain *chain);
WctStatus wct_cpu_chain_forward (void *ctx, WctChain *chain, const WctBatch *in, WctBatch *out, WctError *err);
WctStatus wct_cpu_chain_backward (void *ctx, WctChain *chain, WctBatch *out_gradient, WctBatch *in_gradient,
                                  float *weight_gradients, WctError *err);

#endif
