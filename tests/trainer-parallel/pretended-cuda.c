/* As much of CUDA and NCCL as the module for NCCL calls, without a card: streams do everything at once, and the other
 * ranks' gradients are always the same as this one's. It shows what the module does with what it is told, and nothing
 * of what NCCL does. */
#include "pretended-cuda.h"

#include <stdlib.h>
#include <string.h>

#include <cuda_runtime_api.h>
#include <nccl.h>

Pretended pretended;

/* ---- CUDA --------------------------------------------------------------------------------------------------- */

cudaError_t
cudaDriverGetVersion (int *version)
{
  *version = pretended.cards > 0 ? 13000 : 0;
  return cudaSuccess;
}

cudaError_t
cudaGetDeviceCount (int *count)
{
  *count = pretended.cards;
  return cudaSuccess;
}

cudaError_t
cudaSetDevice (int device)
{
  pretended.card = device;
  return cudaSuccess;
}

cudaError_t
cudaDeviceGetStreamPriorityRange (int *least, int *greatest)
{
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}

cudaError_t
cudaStreamCreateWithPriority (cudaStream_t *stream, unsigned flags, int priority)
{
  (void)flags;
  (void)priority;
  *stream = malloc (1);
  return cudaSuccess;
}

cudaError_t
cudaStreamDestroy (cudaStream_t stream)
{
  free (stream);
  return cudaSuccess;
}

cudaError_t
cudaEventCreateWithFlags (cudaEvent_t *event, unsigned flags)
{
  (void)flags;
  *event = malloc (1);
  return cudaSuccess;
}

cudaError_t
cudaEventDestroy (cudaEvent_t event)
{
  free (event);
  return cudaSuccess;
}

cudaError_t
cudaEventRecord (cudaEvent_t event, cudaStream_t stream)
{
  (void)event;
  (void)stream;
  return cudaSuccess;
}

cudaError_t
cudaEventQuery (cudaEvent_t event)
{
  (void)event;
  if (pretended.kernels_wait)
    return cudaErrorNotReady;
  return pretended.queries_until_done-- > 0 ? cudaErrorNotReady : cudaSuccess;
}

cudaError_t
cudaMalloc (void **block, size_t size)
{
  *block = malloc (size);
  return *block == NULL ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t
cudaFree (void *block)
{
  pretended.freed_while_waiting |= pretended.kernels_wait && !pretended.aborts;
  free (block);
  return cudaSuccess;
}

cudaError_t
cudaMemcpyAsync (void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream)
{
  (void)kind;
  (void)stream;
  memcpy (to, from, size);
  return cudaSuccess;
}

const char *
cudaGetErrorString (cudaError_t code)
{
  (void)code;
  return "pretended";
}

const char *
cudaGetErrorName (cudaError_t code)
{
  (void)code;
  return "cudaErrorPretended";
}

/* ---- NCCL --------------------------------------------------------------------------------------------------- */

static ncclComm_t
communicator (void)
{
  return (ncclComm_t)(void *)&pretended;
}

ncclResult_t
ncclGetVersion (int *version)
{
  *version = 22809;
  return ncclSuccess;
}

ncclResult_t
ncclGetUniqueId (ncclUniqueId *id)
{
  memset (id, 7, sizeof *id);
  return ncclSuccess;
}

ncclResult_t
ncclCommInitRankConfig (ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config)
{
  (void)rank;
  pretended.ranks = ranks;
  pretended.named = id.internal[5] == 7;
  pretended.blocking = config->blocking;
  *comm = communicator ();
  return ncclInProgress;
}

ncclResult_t
ncclCommGetAsyncError (ncclComm_t comm, ncclResult_t *state)
{
  pretended.asked_for_nobody |= comm != communicator ();
  if (pretended.error)
    *state = ncclRemoteError;
  else
    *state = pretended.never_settles || pretended.looks_until_settled-- > 0 ? ncclInProgress : ncclSuccess;
  return ncclSuccess;
}

ncclResult_t
ncclAllReduce (const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op, ncclComm_t comm,
               cudaStream_t stream)
{
  float *sums = to;

  (void)stream;
  pretended.asked_for_nobody |= comm != communicator () || type != ncclFloat || op != ncclSum || from != to;
  for (size_t i = 0; i < count; i++)
    sums[i] *= (float)pretended.ranks;
  pretended.buckets++;
  pretended.summed += count;
  pretended.looks_until_settled = 2;
  return ncclInProgress;
}

ncclResult_t
ncclCommAbort (ncclComm_t comm)
{
  pretended.asked_for_nobody |= comm != communicator ();
  pretended.aborts++;
  return ncclSuccess;
}

const char *
ncclGetErrorString (ncclResult_t result)
{
  return result == ncclRemoteError ? "remote process exited" : "no error";
}

const char *
ncclGetLastError (ncclComm_t comm)
{
  (void)comm;
  return "";
}
