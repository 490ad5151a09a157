/* What the .cu files are written in: CUDA C++ for nvcc; plain C++ for the host's compiler, where the executor
 * (host/executor.h) runs them thread by thread. Kernels use no more of CUDA than stands here:
 *
 *   __global__, __device__, threadIdx, blockIdx, blockDim, gridDim (x, y, z), WCT_SHARED arrays of fixed size,
 *   __syncthreads (), __shfl_down_sync and __shfl_xor_sync of float, double and int with a full mask, atomicMin and
 * atomicMax of int, fminf, fmaxf, sqrtf, rsqrtf, fma and the like, and elements by load () and store ().
 *
 * WCT_LAUNCH (kernel, grid, block, stream, arguments…): grid and block are dim3. */
#ifndef WCT_CUDA_KERNEL_H
#define WCT_CUDA_KERNEL_H

#include "device.h"

#ifdef __CUDACC__

#  include <cuda_bf16.h>
#  include <cuda_fp16.h>
#  include <cuda_runtime.h>

#  define WCT_SHARED __shared__
#  define WCT_LAUNCH(kernel, grid, block, stream, ...) \
    (kernel)<<<(grid), (block), 0, (cudaStream_t)(stream)>>> (__VA_ARGS__)

typedef __half        WctHalf;
typedef __nv_bfloat16 WctBrain;

#else

#  include "host/executor.h"

#endif

/* An element's value, and a value as an element, rounded to nearest even. */
static __device__ inline float
load (float value)
{
  return value;
}

static __device__ inline float
load (WctHalf value)
{
  return __half2float (value);
}

static __device__ inline float
load (WctBrain value)
{
  return __bfloat162float (value);
}

static __device__ inline void
store (float *to, float value)
{
  *to = value;
}

static __device__ inline void
store (WctHalf *to, float value)
{
  *to = __float2half_rn (value);
}

static __device__ inline void
store (WctBrain *to, float value)
{
  *to = __float2bfloat16_rn (value);
}

/* Of a thread in a grid of one row. */
static __device__ inline size_t
thread_index ()
{
  return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* Lanes that a thread moves at once: 16 bytes of halves. */
template <typename T> struct alignas (sizeof (T) * WCT_CUDA_LANES) Lanes
{
  T at[WCT_CUDA_LANES];
};

/* Calls @launch, a generic lambda, with a value of the element's type. */
template <typename Launch>
static void
with_element (WctElement element, const Launch &launch)
{
  switch (element)
    {
    case WCT_ELEMENT_F32:
      launch (float ());
      break;
    case WCT_ELEMENT_F16:
      launch (WctHalf ());
      break;
    case WCT_ELEMENT_BF16:
      launch (WctBrain ());
      break;
    }
}

static inline unsigned
count_blocks (size_t items, unsigned block)
{
  return (unsigned)((items + block - 1) / block);
}

#endif
