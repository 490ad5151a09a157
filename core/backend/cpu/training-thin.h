/* The rows of WctTrainingKernels for convolutions from or to a picture. */
#ifndef WCT_CPU_TRAINING_THIN_H
#define WCT_CPU_TRAINING_THIN_H

#include "training-kernels.h"

#define WCT_TRAINING_THIN(isa)                                                                                          \
  size_t wct_thin_scratch_floats_##isa (const WctThinConv *conv);                                                       \
  void   wct_thin_from_picture_##isa (const WctThinConv *conv, const float *in, const float *weight, const float *bias, \
                                      float *out, float *scratch);                                                      \
  void   wct_thin_back_from_picture_##isa (const WctThinConv *conv, const float *out_gradient, const float *weight,     \
                                           const float *in, float *in_gradient, float *scratch);                        \
  void   wct_thin_to_picture_##isa (const WctThinConv *conv, const float *in, const float *weight, const float *bias,   \
                                    float *out, float *scratch);                                                        \
  void   wct_thin_back_to_picture_##isa (const WctThinConv *conv, const float *out_gradient, const float *weight,       \
                                         const float *in, float *in_gradient, float *scratch);                          \
  void   wct_thin_weights_gradient_##isa (const WctThinConv *conv, bool from_picture, const float *in,                  \
                                          const float *out_gradient, float *gradient, float *scratch)

WCT_TRAINING_THIN (base);
WCT_TRAINING_THIN (avx2);
WCT_TRAINING_THIN (avx512);

#endif
