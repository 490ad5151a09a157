/* Kernels that only training runs; as launch.h. */
#ifndef WCT_CUDA_LAUNCH_TRAINING_H
#define WCT_CUDA_LAUNCH_TRAINING_H

#include "launch.h"

#ifdef __cplusplus
extern "C"
{
#endif

#ifdef __cplusplus
}
#endif

#endif
