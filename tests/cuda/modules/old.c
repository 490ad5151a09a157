/* A module of another version. */
#include "backend/cuda-module.h"

extern const WctCudaModule wct_cuda_module;

const WctCudaModule wct_cuda_module = { .version = "0.0.1" };
