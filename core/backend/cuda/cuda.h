/* Inside the CUDA back end: what its files share. */
#ifndef WCT_CUDA_H
#define WCT_CUDA_H

#include "backend/backend.h"
#include "device.h"

typedef struct
{
  WctDevice *device;  /* owned */
  WctElement element; /* of maps between layers when pictures are stylized */
  bool       exact;   /* f32, without TF32 */
} WctCuda;

/* A whole map in device memory: (h, w, lanes) floats. */
typedef struct
{
  WctTensor base;
  float    *data; /* owned */
} WctCudaTensor;

/* Maps of a batch, (count, h, w, lanes) floats. */
typedef struct
{
  WctBatch base;
  float   *data; /* owned */
} WctCudaBatch;

/* training.c: the table of training. */
extern const WctTrainingOps wct_cuda_training;

/* cuda.c: the table; what the module is opened for. */
extern const WctBackendOps wct_backend_cuda;

#endif
