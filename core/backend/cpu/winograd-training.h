/* The Winograd rows of WctTrainingKernels. */
#ifndef WCT_CPU_WINOGRAD_TRAINING_H
#define WCT_CPU_WINOGRAD_TRAINING_H

#include "training-kernels.h"

#define WCT_WINOGRAD_TRAINING(isa)                                                                                      \
  size_t wct_winograd_training_scratch_floats_##isa (const WctTrainConv *conv);                                         \
  void   wct_winograd_weights_##isa (const float *weight, int32_t in_c, int32_t out_c, int32_t in_lanes,                \
                                     int32_t out_lanes, float *forward, float *backward);                               \
  void   wct_winograd_forward_##isa (const WctTrainConv *conv, const float *in, const float *weight, const float *bias, \
                                     float *out, float *scratch);                                                       \
  void   wct_winograd_backward_data_##isa (const WctTrainConv *conv, const float *out_gradient, const float *weight,    \
                                           const float *in, float *in_gradient, float *scratch);                        \
  void   wct_winograd_backward_weights_##isa (const WctTrainConv *conv, const float *in, const float *out_gradient,     \
                                              float *sums, float *bias_sums, float *scratch);                           \
  void   wct_winograd_weight_gradient_##isa (const float *sums, int32_t in_lanes, int32_t out_lanes, int32_t in_c,      \
                                             int32_t out_c, float *gradient)

WCT_WINOGRAD_TRAINING (base);
WCT_WINOGRAD_TRAINING (avx2);
WCT_WINOGRAD_TRAINING (avx512);

#endif
