/* Our own kernels, called from C. Each puts its work into @stream (wct_device_stream) and returns; what goes wrong
 * comes out of wct_device_wait. Pointers are of the device unless said otherwise. */
#ifndef WCT_CUDA_LAUNCH_H
#define WCT_CUDA_LAUNCH_H

#include "device.h"

#ifdef __cplusplus
extern "C"
{
#endif

  /* ---- layout.cu: maps from one form to another ----------------------------------------------------------------- */

  /* Planes of floats with any strides (in floats), as pictures and host tensors lie. */
  typedef struct
  {
    int32_t count, channels, rows, columns;
    size_t  map_stride, channel_stride, row_stride;
  } WctPlanes;

  /* To maps (count, rows, columns, wct_cuda_lanes (channels)), whose other lanes become 0; and back. */
  void wct_launch_from_planes (void *stream, const WctPlanes *planes, const float *in, WctElement element, void *out);
  void wct_launch_to_planes (void *stream, const WctPlanes *planes, WctElement element, const void *in, float *out);

  typedef enum
  {
    WCT_GATHER_PLAIN,
    WCT_GATHER_POOL,    /* 2×2 maximum first */
    WCT_GATHER_UPSAMPLE /* nearest, ×2, first */
  } WctGatherKind;

  /* What a convolution reads: rows of a map, pooled or up-sampled on the way, padded by reflection about the edge
   * position (a side of 1 repeats it). A band of a map is enough to make a band of the result. */
  typedef struct
  {
    WctGatherKind kind;
    bool          pad; /* else no ring of one position: the map itself */
    WctElement    from, to;
    int32_t       count, lanes;
    int32_t       height, width;     /* of the whole map that is padded, pooled or up-sampled already */
    int32_t       first, rows;       /* of it, without the ring */
    int32_t       in_first, in_rows; /* of the map before, whose other rows are not there; all that is needed is */
  } WctGather;

  /* @in: (count, in_rows, ·, lanes), @out: (count, rows + 2, width + 2, lanes), or (count, rows, width, lanes) unpadded
   */
  void wct_launch_gather (void *stream, const WctGather *gather, const void *in, void *out);

  /* Elements from one kind to another; @count of them. */
  void wct_launch_convert (void *stream, size_t count, WctElement from, const void *in, WctElement to, void *out);

  /* Weights (out_c, in_c, side, side) floats to (out_lanes, side, side, in_lanes), and biases to out_lanes, filled up
   * with zeros. */
  void wct_launch_pack (void *stream, int32_t out_c, int32_t in_c, int32_t side, const float *weight, const float *bias,
                        WctElement element, void *packed, float *packed_bias);

  /* *row = the smallest row of @rows, (rows, columns) floats, that holds what is not finite, if that is below *row. */
  void wct_launch_find_not_finite (void *stream, int32_t rows, size_t columns, const float *values, int *row);

  /* ---- convolve.cu: convolutions where cuDNN has none, and on the host ------------------------------------------ */

  void wct_launch_convolve (void *stream, const WctConvolutionShape *shape, const void *padded, const void *weights,
                            const float *bias, void *out);
  void wct_launch_convolve_data_back (void *stream, const WctConvolutionShape *shape, const void *gradient,
                                      const void *weights, void *padded_gradient);
  void wct_launch_convolve_weights_back (void *stream, const WctConvolutionShape *shape, const void *padded,
                                         const void *gradient, float *weights_gradient);
  void wct_launch_multiply (void *stream, int32_t rows, int32_t columns, int32_t k, const float *a, const float *b,
                            float *c);

  /* ---- statistics.cu: moments and maps -------------------------------------------------------------------------- */

  /* Of @positions × @lanes elements; weights (positions) or NULL. @out: 1 + channels + channels² doubles: the weights'
   * sum, the mean, and Σ w (f - mean) (f - mean)', whole. @scratch: wct_moments_scratch bytes */
  typedef struct
  {
    WctElement element;
    int32_t    channels, lanes;
    size_t     positions;
  } WctMomentsShape;

  size_t wct_moments_scratch (const WctMomentsShape *shape);
  void   wct_launch_moments (void *stream, const WctMomentsShape *shape, const void *features, const float *weights,
                             void *scratch, double *out);

  /* @out: (positions, channels) floats: features less @center, (channels) */
  void wct_launch_center (void *stream, const WctMomentsShape *shape, const void *features, const float *center,
                          float *out);

  /* @mapped: (positions, channels) products without @bias. @out, elements, may be @in: mapped + bias where the weight
   * is 1 or there are none; else out + w (mapped + bias - in). */
  void wct_launch_mix (void *stream, const WctMomentsShape *shape, const float *mapped, const float *bias,
                       const float *weights, const void *in, void *out);

  /* Training's kernels are in launch-training.h. */

#ifdef __cplusplus
}
#endif

#endif
