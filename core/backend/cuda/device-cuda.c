/* Opening a card, the order of its work, and what its errors mean. */
#include "device-cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

/* After these the process can do nothing more with the card (CUDA's documentation of cudaError). */
static bool
is_for_good (cudaError_t code)
{
  switch (code)
    {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContextIsDestroyed:
    case cudaErrorDeviceUninitialized:
    case cudaErrorExternalDevice:
      return true;
    default:
      return false;
    }
}

WctStatus
wct_cuda_check (WctDevice *device, cudaError_t code, const char *doing, WctError *err)
{
  if (code == cudaSuccess)
    return WCT_OK;
  (void)cudaGetLastError (); /* or the next check of launches would tell it again */
  if (is_for_good (code))
    {
      wct_error_set (&device->lost, WCT_ERR_DEVICE,
                     "%s failed: %s; the graphics card is lost to this program, which has to be started anew", doing,
                     cudaGetErrorString (code));
      return wct_error_set (err, WCT_ERR_DEVICE, "%s", device->lost.message);
    }
  if (code == cudaErrorMemoryAllocation)
    return wct_error_set (err, WCT_ERR_NO_MEMORY,
                          "%s failed: the graphics card has no memory left for it; use a smaller size", doing);
  return wct_error_set (err, WCT_ERR_DEVICE, "%s failed: %s", doing, cudaGetErrorString (code));
}

WctStatus
wct_cuda_check_launches (WctDevice *device, WctError *err)
{
  return wct_cuda_check (device, cudaGetLastError (), "starting a kernel on the graphics card", err);
}

WctStatus
wct_cuda_enter (WctDevice *device, WctError *err)
{
  int current = -1;

  if (device->lost.status != WCT_OK)
    return wct_error_set (err, device->lost.status, "%s", device->lost.message);
  if (cudaGetDevice (&current) == cudaSuccess && current == device->index)
    return WCT_OK;
  return wct_cuda_check (device, cudaSetDevice (device->index), "choosing the graphics card", err);
}

/* ---- Open and close --------------------------------------------------------------------------------------------- */

static WctStatus
refuse_library (const char *library, const char *reason, WctError *err)
{
  return wct_error_set (err, WCT_ERR_DEVICE, "%s does not start: %s", library, reason);
}

static WctStatus
open_cudnn (WctDevice *device, WctError *err)
{
  cudnnStatus_t code = cudnnCreate (&device->cudnn);

  if (code == CUDNN_STATUS_SUCCESS)
    code = cudnnSetStream (device->cudnn, device->stream);
  if (code != CUDNN_STATUS_SUCCESS)
    return refuse_library ("cuDNN", cudnnGetErrorString (code), err);
  return wct_graph_target_of_handle (device->cudnn, &device->target, err);
}

/* Pedantic: neither TF32 nor emulation, whatever the environment says. */
static WctStatus
open_cublas (WctDevice *device, WctError *err)
{
  cublasStatus_t code = cublasCreate (&device->cublas);

  if (code == CUBLAS_STATUS_SUCCESS)
    code = cublasSetStream (device->cublas, device->stream);
  if (code == CUBLAS_STATUS_SUCCESS)
    code = cublasSetMathMode (device->cublas, CUBLAS_PEDANTIC_MATH);
  return code == CUBLAS_STATUS_SUCCESS ? WCT_OK : refuse_library ("cuBLAS", cublasGetStatusString (code), err);
}

static WctStatus
open_cusolver (WctDevice *device, WctError *err)
{
  cusolverStatus_t code = cusolverDnCreate (&device->cusolver);
  char             reason[40];

  if (code == CUSOLVER_STATUS_SUCCESS)
    code = cusolverDnSetStream (device->cusolver, device->stream);
  if (code == CUSOLVER_STATUS_SUCCESS)
    code = cusolverDnSetDeterministicMode (device->cusolver, CUSOLVER_DETERMINISTIC_RESULTS);
  if (code == CUSOLVER_STATUS_SUCCESS)
    code = cusolverDnCreateParams (&device->cusolver_params);
  if (code == CUSOLVER_STATUS_SUCCESS)
    return WCT_OK;
  snprintf (reason, sizeof reason, "status %d", (int)code);
  return refuse_library ("cuSOLVER", reason, err);
}

/* Blocks that were freed stay in the pool, so that those of the next map or batch cost nothing. */
static void
keep_pool (WctDevice *device)
{
  cudaMemPool_t pool = NULL;
  int           has_pools = 0;
  uint64_t      all = UINT64_MAX;

  device->pooled = cudaDeviceGetAttribute (&has_pools, cudaDevAttrMemoryPoolsSupported, device->index) == cudaSuccess
                   && has_pools && cudaDeviceGetDefaultMemPool (&pool, device->index) == cudaSuccess
                   && cudaMemPoolSetAttribute (pool, cudaMemPoolAttrReleaseThreshold, &all) == cudaSuccess;
}

static WctStatus
open_card (WctDevice *device, WctError *err)
{
  struct cudaDeviceProp card;
  WctStatus             status;

  WCT_TRY (wct_cuda_find_card (&device->index, err));
  WCT_TRY (wct_cuda_check (device, cudaSetDevice (device->index), "starting the graphics card", err));
  WCT_TRY (
    wct_cuda_check (device, cudaGetDeviceProperties (&card, device->index), "asking for the graphics card", err));
  snprintf (device->name, sizeof device->name, "%s", card.name);
  WCT_TRY (wct_cuda_check (device, cudaStreamCreateWithFlags (&device->stream, cudaStreamNonBlocking),
                           "starting the graphics card", err));
  keep_pool (device);

out:
  return status;
}

WctStatus
wct_device_open (WctDevice **out, WctError *err)
{
  const char *tune = getenv ("WCT_CUDA_AUTOTUNE");
  WctDevice  *device = NULL;
  WctStatus   status;

  WCT_TRY (wct_alloc (1, sizeof *device, "graphics card", &device, err));
  device->tune = tune != NULL && strcmp (tune, "1") == 0;
  WCT_TRY (open_card (device, err));
  WCT_TRY (wct_cuda_stages_new (device, err));
  WCT_TRY (open_cudnn (device, err));
  WCT_TRY (open_cublas (device, err));
  WCT_TRY (open_cusolver (device, err));
  *out = device;
  device = NULL;

out:
  wct_device_close (&device);
  return status;
}

void
wct_device_close (WctDevice **device)
{
  WctDevice *d = *device;

  if (d == NULL)
    return;
  (void)wct_cuda_enter (d, NULL);
  if (d->stream != NULL)
    (void)cudaStreamSynchronize (d->stream);
  wct_cuda_convolutions_free (d);
  wct_device_free (d, &d->workspace);
  wct_graph_target_free (&d->target);
  if (d->cusolver_params != NULL)
    (void)cusolverDnDestroyParams (d->cusolver_params);
  if (d->cusolver != NULL)
    (void)cusolverDnDestroy (d->cusolver);
  if (d->cublas != NULL)
    (void)cublasDestroy (d->cublas);
  if (d->cudnn != NULL)
    (void)cudnnDestroy (d->cudnn);
  wct_cuda_stages_free (d);
  if (d->stream != NULL)
    (void)cudaStreamDestroy (d->stream);
  wct_free (device);
}

/* ---- Order ------------------------------------------------------------------------------------------------------ */

WctStatus
wct_device_wait (WctDevice *device, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_cuda_enter (device, err));
  WCT_TRY (wct_cuda_check_launches (device, err));
  WCT_TRY (wct_cuda_check (device, cudaStreamSynchronize (device->stream), "work on the graphics card", err));

out:
  return status;
}

/* A kernel goes to the thread's current card, which is to be the stream's. */
void *
wct_device_stream (WctDevice *device)
{
  (void)wct_cuda_enter (device, NULL);
  return device->stream;
}
