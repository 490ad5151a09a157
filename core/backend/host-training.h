/* Entries of the table of training (training.h) for back ends whose parameters lie in the processor's memory. */
#ifndef WCT_HOST_TRAINING_H
#define WCT_HOST_TRAINING_H

#include "training.h"

WctStatus wct_host_memory_new (void *ctx, size_t count, const char *what, float **out, WctError *err);
void      wct_host_memory_free (void *ctx, float **memory);
WctStatus wct_host_memory_clear (void *ctx, float *memory, size_t count, WctError *err);
WctStatus wct_host_sum_lanes (void *ctx, const float *lane_gradients, int lanes, size_t stride, size_t count,
                              float *out, WctError *err);
WctStatus wct_host_norm (void *ctx, const float *values, size_t count, double *squares, WctError *err);

/* What adam does to the average; nothing where that is NULL. */
void wct_host_follow (const WctAdamStep *step, const float *parameters, size_t count, float *average);

#endif
