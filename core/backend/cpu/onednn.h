/* The little of oneDNN that is used here, the same for its 2.x and 3.x C API.
 *
 * Every primitive is made and run by one thread at a time, with oneDNN's own threads switched off: our pool shares the
 * work, so that results do not depend on the number of threads and nobody's idle threads spin. */
#ifndef WCT_ONEDNN_H
#define WCT_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <oneapi/dnnl/dnnl.h>

#include <wct/status.h>

typedef enum
{
  WCT_DNNL_FORWARD,
  WCT_DNNL_BACKWARD_DATA,   /* from the gradient of the result to that of the padded input */
  WCT_DNNL_BACKWARD_WEIGHTS /* from the padded input and the gradient of the result */
} WctDnnlDirection;

/* A convolution of padded pieces of maps, 3×3 or 1×1: (count, in_c, rows + side - 1, columns + side - 1) ->
 * (count, out_c, rows, columns). */
typedef struct
{
  WctDnnlDirection direction;
  int32_t          count;
  int32_t          in_c, out_c;
  int32_t          side;          /* of the kernel: 3 or 1 */
  int32_t          rows, columns; /* of the output */
  int32_t          block;         /* channels in a block of the layout: 16 or 8; 1: planar */
  bool             planar_source; /* else blocked, like the output */
  bool             relu;
  bool             winograd; /* ask for it; WCT_ERR_UNSUPPORTED where oneDNN has none for this */
  bool             bf16;     /* what is multiplied (padded inputs, weights, gradients of results); the rest is float */
} WctDnnlConvShape;

typedef struct WctDnnlConv    WctDnnlConv;    /* a compiled primitive, immutable */
typedef struct WctDnnlWeights WctDnnlWeights; /* weights in the layout that a primitive wants */

/* Whether the calling thread is one that oneDNN may use alone: call before anything else on each thread. Returns what
 * to give back to wct_dnnl_end where the thread is the host's. */
int  wct_dnnl_begin_single_thread (void);
void wct_dnnl_end_single_thread (int before);

/* "2.6.3" and "avx512_core"; static. */
const char *wct_dnnl_version (void);
const char *wct_dnnl_isa (void);
bool        wct_dnnl_has_avx512 (void);
bool        wct_dnnl_has_avx2 (void);

WctStatus wct_dnnl_engine_new (dnnl_engine_t *out, WctError *err);
void      wct_dnnl_engine_free (dnnl_engine_t *engine);

/**
 * wct_dnnl_conv_new: choose and compile.
 * @name: of the layer, for sentences
 * Reference implementations ("ref:any") are refused: they are hundreds of times slower. WCT_ERR_UNSUPPORTED then.
 */
WctStatus wct_dnnl_conv_new (dnnl_engine_t engine, const WctDnnlConvShape *shape, const char *name, WctDnnlConv **out,
                             WctError *err);
void      wct_dnnl_conv_free (WctDnnlConv **conv);

const WctDnnlConvShape *wct_dnnl_conv_shape (const WctDnnlConv *conv);

const char *wct_dnnl_conv_implementation (const WctDnnlConv *conv); /* "jit_wino_4x3:avx512_core" */
size_t      wct_dnnl_conv_scratch_bytes (const WctDnnlConv *conv);
size_t      wct_dnnl_conv_weight_bytes (const WctDnnlConv *conv);

/* @weight: (out_c, in_c, side, side), borrowed for the call. Not for WCT_DNNL_BACKWARD_WEIGHTS. */
WctStatus wct_dnnl_weights_new (const WctDnnlConv *conv, const float *weight, WctDnnlWeights **out, WctError *err);
void      wct_dnnl_weights_free (WctDnnlWeights **weights);

/* The same again, after they have changed. */
WctStatus wct_dnnl_weights_renew (WctDnnlWeights *weights, const float *weight, WctError *err);

/* Were they packed in the layout that @conv wants? */
bool wct_dnnl_weights_fit (const WctDnnlWeights *weights, const WctDnnlConv *conv);

/* What a run reads and writes; the caller's. By direction:
 *
 *                      forward            backward, data                 backward, weights
 *   source             padded input       -                              padded input
 *   result             result, written    gradient of it                 gradient of it
 *   source_gradient    -                  of the padded input, written   -
 *   weight_gradient    -                  -                              written, in oneDNN's layout: weight_bytes
 *   bias               (out_c)            -                              its gradient, written
 */
typedef struct
{
  const void *source;
  void       *result;
  float      *source_gradient, *weight_gradient, *bias;
  void       *scratch; /* of wct_dnnl_conv_scratch_bytes */
} WctDnnlBuffers;

/* Any thread. @weights: NULL for WCT_DNNL_BACKWARD_WEIGHTS */
WctStatus wct_dnnl_conv_run (const WctDnnlConv *conv, const WctDnnlWeights *weights, const WctDnnlBuffers *buffers,
                             WctError *err);

/* From @conv's layout of the weight gradient to (out_c, in_c, side, side). */
WctStatus wct_dnnl_weight_gradient_read (const WctDnnlConv *conv, const float *weight_gradient, float *out,
                                         WctError *err);

/* Does this processor multiply bf16? */
bool wct_dnnl_has_bf16 (void);

#endif
