/* Inner loops of training, compiled as kernels.c is for each instruction set: own convolutions by Winograd's F(4×4,
 * 3×3) in all three directions, and what stands between convolutions.
 *
 * Maps are (count, blocks, rows, columns, block), dense; lanes beyond the channels are zero. Those of up to
 * WCT_THIN_BLOCK channels, pictures, have one block of so many. Allocations are filled up with zeros to whole vectors.
 */
#ifndef WCT_CPU_TRAINING_KERNELS_H
#define WCT_CPU_TRAINING_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/training.h"

/* A convolution of a batch: 3×3 after reflection padding of 1 and, where @upsample, after nearest ×2. */
typedef struct
{
  int32_t count; /* maps */
  int32_t in_lanes, out_lanes;
  int32_t h, w; /* of the result; the input has half of them where @upsample */
  bool    upsample;
  bool    relu;
} WctTrainConv;

/* Maps of up to this many channels are pictures: (count, rows, columns, THIN), whatever the instruction set. */
#define WCT_THIN_BLOCK 4

/* A convolution between a picture and blocked maps, without up-sampling. */
typedef struct
{
  int32_t count;
  int32_t channels;              /* of the picture, 1 … WCT_THIN_BLOCK */
  int32_t other_channels, lanes; /* of the other side */
  int32_t side;                  /* of the kernel: 3, with reflection padding, or 1 */
  int32_t h, w;
  bool    relu;

  /* WctKernels' */
  void (*picture_conv) (const float *in, int32_t blocks, int32_t rows, int32_t columns, const float *weight,
                        const float *bias, int32_t outputs, bool relu, float *const *out, int32_t out_columns);
} WctThinConv;

typedef struct
{
  const char *name;
  int32_t     block;

  /* Are the own kernels the only way? oneDNN has none that go backward for this instruction set. */
  bool only_own;

  /* Own Winograd convolutions.
   *
   * @weight: (out_c, in_c, 3, 3); @forward: (36, in_lanes, out_lanes); @backward: of the kernels turned by 180 degrees,
   * (36, out_lanes, in_lanes), or NULL. Lanes beyond the channels are left as they are: zero. */
  void (*winograd_weights) (const float *weight, int32_t in_c, int32_t out_c, int32_t in_lanes, int32_t out_lanes,
                            float *forward, float *backward);

  /* @weight: @forward of winograd_weights; @bias: (out_lanes); @scratch: aligned, of scratch_floats. */
  size_t (*winograd_scratch_floats) (const WctTrainConv *conv);
  void (*winograd_forward) (const WctTrainConv *conv, const float *in, const float *weight, const float *bias,
                            float *out, float *scratch);

  /* @weight: @backward of winograd_weights. @in: the input, whose values of 0 stop
   * the gradient (it is a ReLU's result); NULL where they do not. */
  void (*winograd_backward_data) (const WctTrainConv *conv, const float *out_gradient, const float *weight,
                                  const float *in, float *in_gradient, float *scratch);

  /* @sums: (36, in_lanes, out_lanes), added to: the gradient at Winograd's points; @bias_sums: (out_lanes), added to */
  void (*winograd_backward_weights) (const WctTrainConv *conv, const float *in, const float *out_gradient, float *sums,
                                     float *bias_sums, float *scratch);

  /* From the points to kernels: @gradient (out_c, in_c, 3, 3) += G' sums G. */
  void (*winograd_weight_gradient) (const float *sums, int32_t in_lanes, int32_t out_lanes, int32_t in_c, int32_t out_c,
                                    float *gradient);

  /* Convolutions from a picture, and to one, each forward and backward. @weight: from a picture (side², channels,
   * lanes), going back with the kernels turned; to a picture as picture_conv has it, (channels, 9, lanes), going back
   * turned, with a 1×1 kernel in the middle. @in: where its values of 0 stop the gradient; NULL where they do not.
   * @gradient: (out_c, in_c, side, side), added to. */
  size_t (*thin_scratch_floats) (const WctThinConv *conv);
  void (*thin_from_picture) (const WctThinConv *conv, const float *in, const float *weight, const float *bias,
                             float *out, float *scratch);
  void (*thin_back_from_picture) (const WctThinConv *conv, const float *out_gradient, const float *weight,
                                  const float *in, float *in_gradient, float *scratch);
  void (*thin_to_picture) (const WctThinConv *conv, const float *in, const float *weight, const float *bias, float *out,
                           float *scratch);
  void (*thin_back_to_picture) (const WctThinConv *conv, const float *out_gradient, const float *weight,
                                const float *in, float *in_gradient, float *scratch);
  void (*thin_weights_gradient) (const WctThinConv *conv, bool from_picture, const float *in, const float *out_gradient,
                                 float *gradient, float *scratch);

  /* The padded input of a convolution, for oneDNN: (count, in_lanes / block, h + 2, w + 2, block), or without padding.
   */
  void (*pad) (const WctTrainConv *conv, const float *in, bool padded, float *out);

  /* Back from the gradient of the padded input to that of the input: borders are folded in, ×2 is summed, and where
   * @in is not NULL and 0 the gradient is 0. Changes @padded_gradient. */
  void (*fold) (const WctTrainConv *conv, float *padded_gradient, bool padded, const float *in, float *in_gradient);

  /* Of a whole batch of @planes maps of one block each. @h, @w: of the larger map. */
  void (*pool) (const float *in, int32_t planes, int32_t h, int32_t w, int32_t block, float *out);
  void (*pool_backward) (const float *in, const float *out, const float *out_gradient, int32_t planes, int32_t h,
                         int32_t w, int32_t block, bool stop_at_zero, float *in_gradient);
  void (*upsample) (const float *in, int32_t planes, int32_t h, int32_t w, int32_t block, float *out);
  void (*upsample_backward) (const float *in, const float *out_gradient, int32_t planes, int32_t h, int32_t w,
                             int32_t block, bool stop_at_zero, float *in_gradient);

  /* gradient = 0 where result is 0. @count: a multiple of the block, as below. */
  void (*stop_at_zero) (const float *result, size_t count, float *gradient);

  /* Rows of bf16, rounded to nearest even. */
  void (*to_bf16) (const float *in, size_t count, uint16_t *out);

  /* gradient (+)= 2 scale (a - b); returns Σ (a - b)². @gradient may be NULL. */
  double (*squared_error) (const float *a, const float *b, size_t count, float scale, bool add, float *gradient);
  void (*sums) (const float *in, size_t count, double *sum, double *squares);
  void (*accumulate) (const float *from, size_t count, float *to);

  void (*adam) (const WctAdamStep *step, const float *gradient, float *parameters, float *first, float *second,
                size_t count);
} WctTrainingKernels;

extern const WctTrainingKernels wct_training_kernels_base;
#if defined                     __x86_64__
extern const WctTrainingKernels wct_training_kernels_avx2;
extern const WctTrainingKernels wct_training_kernels_avx512;
#endif

#endif
