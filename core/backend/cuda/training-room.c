/* One caller at a time, one block that it works in, and memory that both sides reach.
 *
 * All work of a device is done in one order, so what a call works in can be the next one's: chains and batches share a
 * room as large as the largest of them needs. */
#include "training-room.h"

#include <string.h>

#include "mem.h"

#define PART_ALIGNMENT 256 /* as blocks of CUDA have it */

struct WctCudaShared
{
  float         *memory; /* owned; of wct_device_alloc_shared */
  size_t         count;
  WctCudaShared *next; /* owned */
};

/* ---- Opening and closing ---------------------------------------------------------------------------------------- */

#define FIRST_GRADIENT_SCALE 0x1p16f

void
wct_cuda_training_open (WctCuda *cuda)
{
  cuda->training = (WctCudaTraining){ .gradient_scale = FIRST_GRADIENT_SCALE };
  pthread_mutex_init (&cuda->training.lock, NULL);
}

void
wct_cuda_training_close (WctCuda *cuda)
{
  wct_device_free (cuda->device, &cuda->training.room);
  pthread_mutex_destroy (&cuda->training.lock);
}

/* ---- Calls ------------------------------------------------------------------------------------------------------ */

WctCuda *
wct_cuda_begin (void *ctx)
{
  WctCuda *cuda = ctx;

  pthread_mutex_lock (&cuda->training.lock);
  return cuda;
}

WctStatus
wct_cuda_end (WctCuda *cuda, WctStatus status)
{
  WctCudaTraining *training = &cuda->training;

  if (training->room_users == 0)
    {
      wct_device_free (cuda->device, &training->room);
      training->room_bytes = 0;
    }
  pthread_mutex_unlock (&training->lock);
  return status;
}

/* ---- The room --------------------------------------------------------------------------------------------------- */

size_t
wct_room_add (WctRoomPlan *plan, size_t bytes)
{
  const size_t at = plan->bytes;

  plan->bytes += (bytes + PART_ALIGNMENT - 1) / PART_ALIGNMENT * PART_ALIGNMENT;
  return at;
}

WctStatus
wct_cuda_training_room (WctCuda *cuda, const WctRoomPlan *plan, char **out, WctError *err)
{
  WctCudaTraining *training = &cuda->training;
  WctStatus        status = WCT_OK;

  if (training->room == NULL || training->room_bytes < plan->bytes)
    {
      wct_device_free (cuda->device, &training->room);
      training->room_bytes = 0;
      WCT_TRY (wct_device_alloc (cuda->device, plan->bytes, "room for training", &training->room, err));
      training->room_bytes = plan->bytes;
    }
  *out = training->room;

out:
  return status;
}

/* ---- Memory of the processor ------------------------------------------------------------------------------------ */

static WctStatus
add_shared (WctCuda *cuda, size_t count, const char *what, float **out, WctError *err)
{
  WctCudaShared *shared = NULL;
  WctStatus      status;

  WCT_TRY (wct_alloc (1, sizeof *shared, what, &shared, err));
  WCT_TRY (wct_device_alloc_shared (cuda->device, count * sizeof (float), what, &shared->memory, err));
  WCT_TRY (wct_device_wait (cuda->device, err));
  shared->count = count;
  shared->next = cuda->training.shared;
  cuda->training.shared = shared;
  *out = shared->memory;
  shared = NULL;

out:
  if (shared != NULL)
    wct_device_free_shared (cuda->device, &shared->memory);
  wct_free (&shared);
  return status;
}

WctStatus
wct_cuda_memory_new (void *ctx, size_t count, const char *what, float **out, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);
  size_t   bytes;

  if (!wct_size_mul (count, sizeof (float), &bytes))
    return wct_cuda_end (
      cuda, wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: %zu values are more than can be addressed", what, count));
  return wct_cuda_end (cuda, add_shared (cuda, count, what, out, err));
}

void
wct_cuda_memory_free (void *ctx, float **memory)
{
  WctCuda        *cuda = wct_cuda_begin (ctx);
  WctCudaShared **link = &cuda->training.shared;

  while (*link != NULL && (*link)->memory != *memory)
    link = &(*link)->next;
  if (*memory != NULL && *link != NULL)
    {
      WctCudaShared *shared = *link;

      *link = shared->next;
      wct_device_free_shared (cuda->device, &shared->memory);
      wct_free (&shared);
    }
  *memory = NULL;
  wct_cuda_end (cuda, WCT_OK);
}

bool
wct_cuda_is_shared (const WctCuda *cuda, const float *memory)
{
  const uintptr_t at = (uintptr_t)memory;

  for (const WctCudaShared *shared = cuda->training.shared; shared != NULL; shared = shared->next)
    if (at >= (uintptr_t)shared->memory && at < (uintptr_t)(shared->memory + shared->count))
      return true;
  return false;
}

WctStatus
wct_cuda_memory_clear (void *ctx, float *memory, size_t count, WctError *err)
{
  WctCuda  *cuda = wct_cuda_begin (ctx);
  WctStatus status = WCT_OK;

  if (wct_cuda_is_shared (cuda, memory))
    {
      WCT_TRY (wct_device_clear (cuda->device, memory, count * sizeof *memory, err));
      WCT_TRY (wct_device_wait (cuda->device, err));
    }
  else
    memset (memory, 0, count * sizeof *memory);

out:
  return wct_cuda_end (cuda, status);
}

WctStatus
wct_cuda_reach (WctCuda *cuda, const float *memory, size_t count, float *staging, float **out, WctError *err)
{
  *out = wct_cuda_is_shared (cuda, memory) ? (float *)memory : staging;
  return *out == staging ? wct_device_upload (cuda->device, memory, count * sizeof (float), staging, err) : WCT_OK;
}

WctStatus
wct_cuda_settle (WctCuda *cuda, const float *reached, size_t count, float *memory, WctError *err)
{
  if (reached == memory)
    return wct_device_wait (cuda->device, err);
  return wct_device_download (cuda->device, reached, count * sizeof (float), memory, err);
}
