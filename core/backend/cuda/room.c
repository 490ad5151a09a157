/* Scratch on the device. */
#include "cuda.h"

WctStatus
wct_cuda_alloc (WctCuda *cuda, size_t bytes, const char *what, void *address_of_block, WctError *err)
{
  WctStatus status = wct_device_alloc (cuda->device, bytes, what, address_of_block, err);

  if (status != WCT_ERR_NO_MEMORY || cuda->running)
    return status;
  wct_cuda_release (cuda);
  WCT_TRY (wct_cuda_mirrors_drop (cuda, err));
  WCT_TRY (wct_device_alloc (cuda->device, bytes, what, address_of_block, err));

out:
  return status;
}

static WctStatus
grow (WctCuda *cuda, WctCudaRoom *room, size_t bytes, WctError *err)
{
  WctStatus status;

  if (bytes <= room->bytes)
    return WCT_OK;
  wct_device_free (cuda->device, &room->block);
  room->bytes = 0;
  status = wct_cuda_alloc (cuda, bytes, "feature maps", &room->block, err);
  if (status == WCT_OK)
    room->bytes = bytes;
  return status;
}

WctStatus
wct_cuda_room (WctCuda *cuda, WctCudaRoomName room, size_t bytes, void *address_of_pointer, WctError *err)
{
  const WctStatus status = grow (cuda, &cuda->rooms[room], bytes, err);

  if (status == WCT_OK)
    *(void **)address_of_pointer = cuda->rooms[room].block;
  return status;
}

void
wct_cuda_need (WctCudaNeed *need, WctCudaRoomName room, size_t bytes)
{
  if (bytes > need->bytes[room])
    need->bytes[room] = bytes;
}

WctStatus
wct_cuda_reserve (WctCuda *cuda, const WctCudaNeed *need, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < WCT_ROOMS && status == WCT_OK; i++)
    status = grow (cuda, &cuda->rooms[i], need->bytes[i], err);
  return status;
}

void
wct_cuda_release (WctCuda *cuda)
{
  for (int i = 0; i < WCT_ROOMS; i++)
    {
      wct_device_free (cuda->device, &cuda->rooms[i].block);
      cuda->rooms[i].bytes = 0;
    }
}
