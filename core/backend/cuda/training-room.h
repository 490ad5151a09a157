/* Inside training on the card: who may call, where it works, and how it reaches memory of the processor. */
#ifndef WCT_CUDA_TRAINING_ROOM_H
#define WCT_CUDA_TRAINING_ROOM_H

#include "cuda.h"

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

/* Around each function of the table: calls of other threads wait. wct_cuda_end returns @status. */
WctCuda  *wct_cuda_begin (void *ctx);
WctStatus wct_cuda_end (WctCuda *cuda, WctStatus status);

/* ---- The room ------------------------------------------------------------------------------------------------- */

/* Bytes of parts that follow each other, each aligned. */
typedef struct
{
  size_t bytes;
} WctRoomPlan;

/* Where a part of @bytes begins. */
size_t wct_room_add (WctRoomPlan *plan, size_t bytes);

/* At least as large as planned; valid until the next call, or the end of the table's function. */
WctStatus wct_cuda_training_room (WctCuda *cuda, const WctRoomPlan *plan, char **out, WctError *err);

/* ---- Memory of the processor ---------------------------------------------------------------------------------- */

WctStatus wct_cuda_memory_new (void *ctx, size_t count, const char *what, float **out, WctError *err);
void      wct_cuda_memory_free (void *ctx, float **memory);
WctStatus wct_cuda_memory_clear (void *ctx, float *memory, size_t count, WctError *err);

/* Is it of wct_cuda_memory_new? */
bool wct_cuda_is_shared (const WctCuda *cuda, const float *memory);

/* *out: @memory itself where kernels reach it, else @staging (on the device), with what is in memory. */
WctStatus wct_cuda_reach (WctCuda *cuda, const float *memory, size_t count, float *staging, float **out, WctError *err);

/* After kernels wrote to what wct_cuda_reach gave: @memory has it when this returns. */
WctStatus wct_cuda_settle (WctCuda *cuda, const float *reached, size_t count, float *memory, WctError *err);

/* ---- The table's functions that are not in training.c --------------------------------------------------------- */

/* chain.c */
WctStatus wct_cuda_packing_new (void *ctx, const WctLayer *layers, int count, WctPrecision precision, unsigned uses,
                                WctPacking **out, WctError *err);
void      wct_cuda_packing_free (void *ctx, WctPacking **packing);
WctStatus wct_cuda_pack (void *ctx, WctPacking *packing, int layer, WctError *err);
WctStatus wct_cuda_chain_new (void *ctx, WctPacking *packing, WctShape in, int32_t count, unsigned uses, WctChain **out,
                              WctError *err);
void      wct_cuda_chain_free (void *ctx, WctChain **chain);
size_t    wct_cuda_chain_bytes (void *ctx, const WctChain *chain);
WctStatus wct_cuda_chain_forward (void *ctx, WctChain *chain, const WctBatch *in, WctBatch *out, WctError *err);
WctStatus wct_cuda_chain_backward (void *ctx, WctChain *chain, WctBatch *out_gradient, WctBatch *in_gradient,
                                   float *weight_gradients, WctError *err);

/* training-features.c */
WctStatus wct_cuda_batch_moments (void *ctx, const WctBatch *features, WctMoments *const *out, WctError *err);
WctStatus wct_cuda_batch_affine (void *ctx, const WctBatch *in, const WctAffine *const *maps, bool add, WctBatch *out,
                                 WctError *err);
WctStatus wct_cuda_cosine_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add,
                                 WctBatch *gradient, double *sum, WctError *err);

#endif
