/* A graphics card by CUDA's libraries: what the files that answer device.h share. */
#ifndef WCT_DEVICE_CUDA_H
#define WCT_DEVICE_CUDA_H

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cudnn.h>
#include <cusolverDn.h>

#include "device.h"
#include "graph.h"

#define WCT_STAGES 2

/* Pinned memory that bytes of the host go through, so that copying and the card's work overlap. */
typedef struct
{
  void       *block;
  cudaEvent_t done; /* the card's last copy from or to it */
} WctStage;

struct WctDevice
{
  int                index;
  bool               pooled; /* blocks come from the card's pool, in the stream's order */
  cudaStream_t       stream;
  cudnnHandle_t      cudnn;
  cublasHandle_t     cublas;
  cusolverDnHandle_t cusolver;
  cusolverDnParams_t cusolver_params;
  WctGraphTarget     target;
  char               name[256]; /* "NVIDIA H200" */
  bool               tune;      /* time several engines, and keep the fastest */
  WctStage           stages[WCT_STAGES];
  int                next_stage;
  void              *workspace; /* grows; what is in it is for one call */
  size_t             workspace_bytes;
  WctConvolution    *convolutions; /* owned, in a chain */
  WctError           lost;         /* a status where the card failed for good: what every later call says */
};

/* Which card this process uses: $WCT_CUDA_DEVICE modulo their number, where that is set; else the current one. */
WctStatus wct_cuda_find_card (int *index, WctError *err);

/* At the start of every call: fails where the card is lost, and makes it the thread's current one. */
WctStatus wct_cuda_enter (WctDevice *device, WctError *err);

/* WCT_OK, or a sentence: "copying to the graphics card failed: …". A card that is lost is remembered as such.
 * @doing: "copying to the graphics card" */
WctStatus wct_cuda_check (WctDevice *device, cudaError_t code, const char *doing, WctError *err);

/* What kernels that were launched before complained of when they were launched. */
WctStatus wct_cuda_check_launches (WctDevice *device, WctError *err);

/* The device's block for the work of one call, of at least @bytes. */
WctStatus wct_cuda_workspace (WctDevice *device, size_t bytes, void **out, WctError *err);

/* memory-cuda.c and convolution-cuda.c: of open and close. */
WctStatus wct_cuda_stages_new (WctDevice *device, WctError *err);
void      wct_cuda_stages_free (WctDevice *device);
void      wct_cuda_convolutions_free (WctDevice *device);

#endif
