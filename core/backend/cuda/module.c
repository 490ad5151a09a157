/* What libwct-cuda.so is opened for. */
#include "backend/cuda-module.h"
#include "backend/cuda/cuda.h"

extern const WctCudaModule wct_cuda_module __attribute__ ((visibility ("default")));

const WctCudaModule wct_cuda_module = {
  .version = WCT_VERSION,
  .ops = &wct_backend_cuda,
};
