/* What the CUDA back end asks of a graphics card: memory, order, convolutions and products. Two files answer it:
 * device-cuda.c (CUDA, cuDNN, cuBLAS, cuSOLVER), and host/device-host.cpp, which runs our own kernels on the processor,
 * so that everything else here is tested on any machine. The module is linked with one of them.
 *
 * All work of a device goes into one stream, in the order of the calls. A device is used by one thread at a time. */
#ifndef WCT_CUDA_DEVICE_H
#define WCT_CUDA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

#ifdef __cplusplus
extern "C"
{
#endif

  typedef struct WctDevice      WctDevice;
  typedef struct WctConvolution WctConvolution; /* a convolution at one shape, planned */

  /* What maps and packed weights are made of. */
  typedef enum
  {
    WCT_ELEMENT_F32,
    WCT_ELEMENT_F16,
    WCT_ELEMENT_BF16
  } WctElement;

  static inline size_t wct_element_size (WctElement element)
  {
    return element == WCT_ELEMENT_F32 ? 4 : 2;
  }

/* Maps lie position by position, (count, rows, columns, lanes): channels filled up with zeros to a multiple of this, so
 * that tensor cores take them. */
#define WCT_CUDA_LANES 8

  static inline int32_t wct_cuda_lanes (int32_t channels)
  {
    return (channels + WCT_CUDA_LANES - 1) / WCT_CUDA_LANES * WCT_CUDA_LANES;
  }

  /* ---- The device ----------------------------------------------------------------------------------------------- */

  /* Writes "NVIDIA H200, CUDA 13.0, cuDNN 9.19.0" and returns WCT_OK where there is a usable card; else
   * WCT_ERR_UNSUPPORTED and one sentence: no driver, a driver too old, no card, a card too old, no cuDNN. */
  WctStatus wct_device_probe (char *detail, size_t size, WctError *err);

  WctStatus wct_device_open (WctDevice **out, WctError *err);
  void      wct_device_close (WctDevice **device);

  /* Bytes that could be allocated now. */
  size_t wct_device_available (WctDevice *device);

  /* Bytes that convolutions may take besides, at most, when they run. */
  size_t wct_device_workspace (const WctDevice *device);

  /* WCT_ERR_NO_MEMORY where the card is full; what is in the block is anything. @address_of_block, as of wct_alloc */
  WctStatus wct_device_alloc (WctDevice *device, size_t bytes, const char *what, void *address_of_block, WctError *err);

  /* After all work that was asked for before it. Sets *block to NULL; NULL is welcome. */
  void wct_device_free (WctDevice *device, void *address_of_block);

  /* Memory that kernels and the processor both reach by one address (zeroed): parameters of training. The processor may
   * touch it only after wct_device_wait. */
  WctStatus wct_device_alloc_shared (WctDevice *device, size_t bytes, const char *what, void *address_of_block,
                                     WctError *err);
  void      wct_device_free_shared (WctDevice *device, void *address_of_block);

  /* @host may be reused when this returns. */
  WctStatus wct_device_upload (WctDevice *device, const void *host, size_t bytes, void *to, WctError *err);

  /* Waits for what was asked for before, and for the bytes. */
  WctStatus wct_device_download (WctDevice *device, const void *from, size_t bytes, void *host, WctError *err);
  WctStatus wct_device_clear (WctDevice *device, void *block, size_t bytes, WctError *err);

  /* Until all is done. Errors of kernels that ran meanwhile come out here, and at download: a lost card is
   * WCT_ERR_DEVICE, and every later call says the same. */
  WctStatus wct_device_wait (WctDevice *device, WctError *err);

  /* For launchers (launch.h): a cudaStream_t. */
  void *wct_device_stream (WctDevice *device);

  /* ---- Convolutions --------------------------------------------------------------------------------------------- */

  /* Side 3 reads maps that were padded by one position before ((count, rows + 2, columns + 2, in_lanes)); side 1 maps
   * as they are. Multiplies @element, sums in float. */
  typedef struct
  {
    WctElement element;       /* of maps, and of weights (out_lanes, side, side, in_lanes) */
    bool       exact;         /* f32: not through TF32 */
    bool       relu;          /* forward: is the result clamped at 0? */
    int32_t    side;          /* 3 or 1 */
    int32_t    count;         /* maps */
    int32_t    rows, columns; /* of the result */
    int32_t    in_lanes, out_lanes;
  } WctConvolutionShape;

  /**
   * wct_convolution_new: plans are kept by the device and found again: making one of a known shape is cheap.
   * @out: the device's, valid until it is closed
   */
  WctStatus wct_convolution_new (WctDevice *device, const WctConvolutionShape *shape, WctConvolution **out,
                                 WctError *err);

  /* @bias: (out_lanes) floats. @out: (count, rows, columns, out_lanes) */
  WctStatus wct_convolution_forward (WctDevice *device, WctConvolution *convolution, const void *padded,
                                     const void *weights, const float *bias, void *out, WctError *err);

  /* From the gradient of the result to that of the padded input, both of the shape's element. */
  WctStatus wct_convolution_data_back (WctDevice *device, WctConvolution *convolution, const void *gradient,
                                       const void *weights, void *padded_gradient, WctError *err);

  /* To that of the weights, (out_lanes, side, side, in_lanes) floats, written; the same bits every time. Not of the
   * biases. */
  WctStatus wct_convolution_weights_back (WctDevice *device, WctConvolution *convolution, const void *padded,
                                          const void *gradient, float *weights_gradient, WctError *err);

  /* ---- Matrices ------------------------------------------------------------------------------------------------- */

  /* c = a b', in floats, never through TF32. @a: (rows, k), @b: (columns, k), @c: (rows, columns), row-major */
  WctStatus wct_device_multiply (WctDevice *device, int32_t rows, int32_t columns, int32_t k, const float *a,
                                 const float *b, float *c, WctError *err);

  /* As wct_symmetric_eigen: @a (n, n) and @values (n) on the host. WCT_ERR_UNSUPPORTED where the device does not do it,
   * WCT_ERR_NUMERIC where it failed; @a is as it was then. */
  WctStatus wct_device_eigen (WctDevice *device, int32_t n, double *a, double *values, WctError *err);

#ifdef __cplusplus
}
#endif

#endif
