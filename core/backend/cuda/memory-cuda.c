/* Memory of the card, and ways between it and the host. */
#include "device-cuda.h"

#include "engine.h"

#include <string.h>

#define STAGE_BYTES (4u << 20)

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

size_t
wct_device_available (WctDevice *device)
{
  size_t        free_bytes = 0, all = 0;
  uint64_t      reserved = 0, used = 0;
  cudaMemPool_t pool = NULL;

  if (wct_cuda_enter (device, NULL) != WCT_OK || cudaMemGetInfo (&free_bytes, &all) != cudaSuccess)
    return 0;
  if (device->pooled && cudaDeviceGetDefaultMemPool (&pool, device->index) == cudaSuccess
      && cudaMemPoolGetAttribute (pool, cudaMemPoolAttrReservedMemCurrent, &reserved) == cudaSuccess
      && cudaMemPoolGetAttribute (pool, cudaMemPoolAttrUsedMemCurrent, &used) == cudaSuccess && reserved > used)
    free_bytes += (size_t)(reserved - used);
  return free_bytes;
}

static WctStatus
refuse_full (WctDevice *device, size_t bytes, const char *what, WctError *err)
{
  (void)cudaGetLastError ();
  return wct_error_set (err, WCT_ERR_NO_MEMORY,
                        "%s: %.1f MB do not fit into the graphics card's memory, of which %.1f MB are free; use a "
                        "smaller size",
                        what, (double)bytes / 1e6, (double)wct_device_available (device) / 1e6);
}

WctStatus
wct_device_alloc (WctDevice *device, size_t bytes, const char *what, void *address_of_block, WctError *err)
{
  const size_t some = bytes == 0 ? 1 : bytes; /* never NULL, as wct_alloc */
  void        *block = NULL;
  WctStatus    status;

  WCT_TRY (wct_cuda_enter (device, err));
  const cudaError_t code = device->pooled ? cudaMallocAsync (&block, some, device->stream) : cudaMalloc (&block, some);
  if (code == cudaErrorMemoryAllocation)
    return refuse_full (device, bytes, what, err);
  WCT_TRY (wct_cuda_check (device, code, "asking for memory of the graphics card", err));
  memcpy (address_of_block, &block, sizeof block);

out:
  return status;
}

void
wct_device_free (WctDevice *device, void *address_of_block)
{
  void *block;

  memcpy (&block, address_of_block, sizeof block);
  if (block == NULL)
    return;
  (void)wct_cuda_enter (device, NULL);
  (void)(device->pooled ? cudaFreeAsync (block, device->stream) : cudaFree (block));
  memset (address_of_block, 0, sizeof block);
}

WctStatus
wct_device_alloc_shared (WctDevice *device, size_t bytes, const char *what, void *address_of_block, WctError *err)
{
  const size_t some = bytes == 0 ? 1 : bytes;
  void        *block = NULL;
  WctStatus    status;

  WCT_TRY (wct_cuda_enter (device, err));
  const cudaError_t code = cudaMallocManaged (&block, some, cudaMemAttachGlobal);
  if (code == cudaErrorMemoryAllocation)
    return refuse_full (device, bytes, what, err);
  WCT_TRY (wct_cuda_check (device, code, "asking for memory that is shared with the graphics card", err));
  WCT_TRY (wct_device_clear (device, block, some, err));
  memcpy (address_of_block, &block, sizeof block);
  block = NULL;

out:
  if (block != NULL)
    (void)cudaFree (block);
  return status;
}

/* cudaFree waits for the card. */
void
wct_device_free_shared (WctDevice *device, void *address_of_block)
{
  void *block;

  memcpy (&block, address_of_block, sizeof block);
  if (block == NULL)
    return;
  (void)wct_cuda_enter (device, NULL);
  (void)cudaFree (block);
  memset (address_of_block, 0, sizeof block);
}

WctStatus
wct_device_clear (WctDevice *device, void *block, size_t bytes, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_cuda_enter (device, err));
  WCT_TRY (wct_cuda_check (device, cudaMemsetAsync (block, 0, bytes, device->stream),
                           "clearing memory of the graphics card", err));

out:
  return status;
}

size_t
wct_device_workspace (const WctDevice *device)
{
  return device->workspace_bytes < WCT_ENGINE_WORKSPACE_MAX ? WCT_ENGINE_WORKSPACE_MAX - device->workspace_bytes : 0;
}

WctStatus
wct_cuda_workspace (WctDevice *device, size_t bytes, void **out, WctError *err)
{
  WctStatus status = WCT_OK;

  if (bytes > device->workspace_bytes)
    {
      wct_device_free (device, &device->workspace);
      device->workspace_bytes = 0;
      WCT_TRY (wct_device_alloc (device, bytes, "work of a convolution", &device->workspace, err));
      device->workspace_bytes = bytes;
    }
  *out = device->workspace;

out:
  return status;
}

/* ---- Copies ----------------------------------------------------------------------------------------------------- */

WctStatus
wct_cuda_stages_new (WctDevice *device, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < WCT_STAGES; i++)
    {
      WctStage *stage = &device->stages[i];

      WCT_TRY (wct_cuda_check (device, cudaMallocHost (&stage->block, STAGE_BYTES), "asking for pinned memory", err));
      WCT_TRY (wct_cuda_check (device, cudaEventCreateWithFlags (&stage->done, cudaEventDisableTiming),
                               "starting the graphics card", err));
    }

out:
  return status;
}

void
wct_cuda_stages_free (WctDevice *device)
{
  for (int i = 0; i < WCT_STAGES; i++)
    {
      WctStage *stage = &device->stages[i];

      if (stage->done != NULL)
        (void)cudaEventDestroy (stage->done);
      if (stage->block != NULL)
        (void)cudaFreeHost (stage->block);
      *stage = (WctStage){ 0 };
    }
}

/* The next stage in turn, once the card is done with it. */
static WctStatus
take_stage (WctDevice *device, WctStage **out, WctError *err)
{
  WctStage *stage = &device->stages[device->next_stage];

  device->next_stage = (device->next_stage + 1) % WCT_STAGES;
  *out = stage;
  return wct_cuda_check (device, cudaEventSynchronize (stage->done), "work on the graphics card", err);
}

/* Between a stage and the card, without waiting for it. */
static WctStatus
copy (WctDevice *device, WctStage *stage, void *to, const void *from, size_t bytes, enum cudaMemcpyKind way,
      WctError *err)
{
  const char *doing = way == cudaMemcpyHostToDevice ? "copying to the graphics card" : "copying from the graphics card";
  WctStatus   status;

  WCT_TRY (wct_cuda_check (device, cudaMemcpyAsync (to, from, bytes, way, device->stream), doing, err));
  WCT_TRY (wct_cuda_check (device, cudaEventRecord (stage->done, device->stream), doing, err));

out:
  return status;
}

static size_t
piece_size (size_t bytes, size_t offset)
{
  return bytes - offset < STAGE_BYTES ? bytes - offset : STAGE_BYTES;
}

WctStatus
wct_device_upload (WctDevice *device, const void *host, size_t bytes, void *to, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_cuda_enter (device, err));
  for (size_t offset = 0; offset < bytes; offset += STAGE_BYTES)
    {
      const size_t size = piece_size (bytes, offset);
      WctStage    *stage = NULL;

      WCT_TRY (take_stage (device, &stage, err));
      memcpy (stage->block, (const char *)host + offset, size);
      WCT_TRY (copy (device, stage, (char *)to + offset, stage->block, size, cudaMemcpyHostToDevice, err));
    }

out:
  return status;
}

/* While one piece goes from its stage to the host, the next is on its way to the other stage. */
WctStatus
wct_device_download (WctDevice *device, const void *from, size_t bytes, void *host, WctError *err)
{
  WctStage *stages[2] = { NULL };
  WctStatus status;

  WCT_TRY (wct_cuda_enter (device, err));
  WCT_TRY (wct_cuda_check_launches (device, err));
  for (size_t offset = 0, i = 0; offset < bytes + STAGE_BYTES; offset += STAGE_BYTES, i++)
    {
      if (offset < bytes)
        {
          WCT_TRY (take_stage (device, &stages[i % 2], err));
          WCT_TRY (copy (device, stages[i % 2], stages[i % 2]->block, (const char *)from + offset,
                         piece_size (bytes, offset), cudaMemcpyDeviceToHost, err));
        }
      if (i > 0)
        {
          const size_t    before = offset - STAGE_BYTES;
          const WctStage *stage = stages[(i - 1) % 2];

          WCT_TRY (wct_cuda_check (device, cudaEventSynchronize (stage->done), "work on the graphics card", err));
          memcpy ((char *)host + before, stage->block, piece_size (bytes, before));
        }
    }

out:
  return status;
}
