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

/* layers.c: one layer each; @in and @out are dense (c, h, w) and differ. */

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
void      wct_reference_plan_memory (void *ctx, const WctPlan *plan, size_t *kept, size_t *scratch);
WctStatus wct_reference_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor,
                                  WctError *err);
WctStatus wct_reference_moments (void *ctx, const WctTensor *features, const uint8_t *select, WctMoments *out,
                                 WctMonitor *monitor, WctError *err);
WctStatus wct_reference_affine (void *ctx, WctTensor *features, const uint8_t *select, const WctAffine *affine,
                                WctMonitor *monitor, WctError *err);

#endif
