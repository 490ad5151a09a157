/* Kernels that only training runs; as launch.h. Maps are whole: (count, rows, columns, lanes). */
#ifndef WCT_CUDA_LAUNCH_TRAINING_H
#define WCT_CUDA_LAUNCH_TRAINING_H

#include "backend/training.h"
#include "launch.h"

#ifdef __cplusplus
extern "C"
{
#endif

  /* ---- Gradients on their way back ------------------------------------------------------------------------------ */

  /* @out = scale gradient, where @result is above 0; everywhere where that is NULL. @out: @count elements, may be
   * @gradient. *overflow becomes 1 where a value is not finite as an element; may be NULL. */
  void wct_launch_enter (void *stream, size_t count, const float *gradient, float scale, const float *result,
                         WctElement element, void *out, int *overflow);

  /* The adjoint of a gather of whole maps: each position of the map before takes the gradients of all that read it, of
   * a pool's window the first of its maxima. */
  typedef struct
  {
    WctGather gather; /* from: element of the map before, and of its gradient; to: of the gradient of what was made */
    float     scale;  /* gradients are multiplied by this */
    bool      stop;   /* 0 where the map before is 0: it is a ReLU's result */
  } WctScatter;

  /* @before: the map that was gathered from; not read where it is neither pooled nor stops. *overflow as above. */
  void wct_launch_scatter (void *stream, const WctScatter *scatter, const void *gradient, const void *before, void *out,
                           int *overflow);

  /* @gradient (out_c, in_c, side, side) += scale packed, which is (out_lanes, side, side, in_lanes). */
  void wct_launch_add_weights (void *stream, int32_t out_c, int32_t in_c, int32_t side, const float *packed,
                               float scale, float *gradient);

  /* @biases (channels) += scale Σ over @positions of @gradient, (positions, lanes) elements. @scratch:
   * wct_biases_scratch bytes */
  size_t wct_biases_scratch (size_t positions, int32_t lanes);
  void   wct_launch_add_biases (void *stream, size_t positions, int32_t channels, int32_t lanes, WctElement element,
                                const void *gradient, float scale, void *scratch, float *biases);

  /* ---- Losses, and sums in double: the same bits for the same count --------------------------------------------- */

  /* Bytes that sums of @count values need. */
  size_t wct_sums_scratch (size_t count);

  /* @out: the sum of values and that of their squares. */
  void wct_launch_sums (void *stream, size_t count, const float *values, void *scratch, double *out);

  /* @out: two doubles, the first is Σ (a - b)². @gradient: NULL, or += 2 scale (a - b) where @add, else = */
  void wct_launch_squared_error (void *stream, size_t count, const float *a, const float *b, float scale, bool add,
                                 float *gradient, void *scratch, double *out);

  typedef struct
  {
    int32_t count, channels, lanes;
    size_t  positions; /* of one map */
    float   scale;
    bool    add;
  } WctCosineShape;

  /* As WctTrainingOps has it. @out: two doubles for each map, the first is the sum of its positions' cosines. @gradient
   * may be NULL. */
  size_t wct_cosine_scratch (const WctCosineShape *shape);
  void   wct_launch_cosine (void *stream, const WctCosineShape *shape, const float *a, const float *b, float *gradient,
                            void *scratch, double *out);

  /* ---- Value by value ------------------------------------------------------------------------------------------- */

  void wct_launch_accumulate (void *stream, size_t count, const float *from, float *to);
  void wct_launch_sum_lanes (void *stream, const float *lane_gradients, int lanes, size_t stride, size_t count,
                             float *out);

  /* @average may be NULL. */
  void wct_launch_adam (void *stream, const WctAdamStep *step, const float *gradient, float *parameters, float *first,
                        float *second, size_t count, float *average);

#ifdef __cplusplus
}
#endif

#endif
