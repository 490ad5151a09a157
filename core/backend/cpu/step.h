/* Steps of a plan. A step is a convolution with the pooling or up-sampling before it, if there is one; it makes one map
 * from another, strip by strip, and a strip piece by piece: parts of its columns, or of its channels where there are
 * many and each piece has weights of its own. */
#ifndef WCT_CPU_STEP_H
#define WCT_CPU_STEP_H

#include "cpu.h"
#include "gather.h"

#define WCT_STEP_CHUNKS_MAX 4

typedef enum
{
  WCT_STEP_CONVOLVE, /* by oneDNN */
  WCT_STEP_WINOGRAD, /* by our own kernel */
  WCT_STEP_PICTURE,  /* to up to 4 channels, by our own kernel */
  WCT_STEP_RESAMPLE  /* pooling or up-sampling alone */
} WctStepKind;

/* Of one height of strips: all but the last, or the last. */
typedef struct
{
  WctDnnlConv      *conv; /* owned; NULL where there is no such strip */
  WctPackedWeights *weights[WCT_STEP_CHUNKS_MAX];
} WctStepVariant;

typedef struct
{
  WctStepKind    kind;
  const WctConv *layer;  /* borrowed; NULL for WCT_STEP_RESAMPLE */
  int            layers; /* of the plan's list, up to this step's end */
  WctGather      gather;
  WctMapLayout   out;
  int32_t        pieces;        /* of a strip */
  bool           by_channels;   /* pieces are parts of the result's channels; else of the columns */
  int32_t        piece_columns; /* of all pieces but the last; of all, where they are channels */
  WctStepVariant variants[2];   /* full strips, last strip */
  float         *own_weight;    /* owned; as WCT_STEP_PICTURE's or WCT_STEP_WINOGRAD's kernel wants it, for each part of
                                 * the channels */
  float *own_bias;              /* owned; (out_lanes), for WCT_STEP_WINOGRAD */
  double work;
} WctStep;

struct WctPlan
{
  WctShape in;
  WctStep *steps; /* owned */
  int      count;
};

/* plan.c: the shape that the Winograd kernel is told, of a piece of @columns columns of a strip of @rows rows. */
WctWinogradShape wct_step_winograd_shape (const WctCpu *cpu, const WctStep *step, int32_t rows, int32_t columns);

/* Scratch of the thread that runs a piece, in bytes. */
size_t wct_step_scratch_bytes (const WctCpu *cpu, const WctStep *step);

/* Strips of the source that a strip is made of. */
void wct_step_needs (const WctStep *step, int32_t strip, int32_t *first, int32_t *last);

/* @source, @out: maps or rings of the layouts that the step's were made with, but for their slots. */
WctStatus wct_step_run (WctCpu *cpu, const WctStep *step, const WctRing *source, const WctRing *out, int32_t strip,
                        int32_t piece, void *scratch, WctError *err);

#endif
