/* A pass's pictures on their way between stores and bands on the device. */
#include "run.h"

#include <string.h>

#include "launch.h"
#include "mem.h"

static WctPlanes
picture_planes (WctShape picture, int32_t rows)
{
  return (WctPlanes){ .count = 1,
                      .channels = picture.c,
                      .rows = rows,
                      .columns = picture.w,
                      .channel_stride = (size_t)picture.w,
                      .row_stride = (size_t)picture.c * (size_t)picture.w };
}

static size_t
row_floats (const WctCudaRun *run)
{
  return (size_t)run->pass->picture.c * (size_t)run->pass->picture.w;
}

WctStatus
wct_cuda_run_host (WctCudaRun *run, size_t bytes, WctError *err)
{
  WctStatus status = WCT_OK;

  if (bytes <= run->host_bytes)
    return WCT_OK;
  wct_free (&run->host);
  run->host_bytes = 0;
  status = wct_alloc (bytes, 1, "rows", &run->host, err);
  if (status == WCT_OK)
    run->host_bytes = bytes;
  return status;
}

WctStatus
wct_cuda_bring (WctCudaRun *run, const WctStore *store, size_t offset, size_t bytes, WctCudaRoomName room,
                void *address_of_pointer, WctError *err)
{
  void     *to;
  WctStatus status;

  WCT_TRY (wct_cuda_run_host (run, bytes, err));
  WCT_TRY (wct_cuda_room (run->cuda, room, bytes, &to, err));
  WCT_TRY (wct_store_read (store, offset, bytes, run->host, err));
  WCT_TRY (wct_device_upload (run->cuda->device, run->host, bytes, to, err));
  *(void **)address_of_pointer = to;

out:
  return status;
}

WctStatus
wct_cuda_load_picture (WctCudaRun *run, const WctCudaReach *reach, WctCudaBand *out, WctError *err)
{
  WctCuda        *cuda = run->cuda;
  const size_t    first = (size_t)reach->picture_first * row_floats (run);
  const size_t    floats = (size_t)reach->picture_rows * row_floats (run);
  const WctPlanes planes = picture_planes (run->pass->picture, reach->picture_rows);
  const float    *values = run->from == NULL ? NULL : run->from + first;
  WctStatus       status;

  *out = (WctCudaBand){ cuda->element, run->pass->picture, reach->picture_first, reach->picture_rows, NULL };
  if (values == NULL)
    WCT_TRY (wct_cuda_bring (run, run->pass->from, first * sizeof (float), floats * sizeof (float), WCT_ROOM_PLANES,
                             &values, err));
  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_PICTURE,
                          wct_cuda_map_bytes (cuda->element, wct_shape_with_rows (out->shape, out->rows)), &out->data,
                          err));
  wct_launch_from_planes (wct_device_stream (cuda->device), &planes, values, cuda->element, out->data);

out:
  return status;
}

/* ---- Results -------------------------------------------------------------------------------------------------- */

static WctStatus
check_finite (WctCudaRun *run, const WctCudaReach *reach, const float *values, WctError *err)
{
  WctDevice *device = run->cuda->device;
  int        row = reach->rows, *found;
  WctStatus  status;

  WCT_TRY (wct_cuda_room (run->cuda, WCT_ROOM_CHECK, sizeof row, &found, err));
  WCT_TRY (wct_device_upload (device, &row, sizeof row, found, err));
  wct_launch_find_not_finite (wct_device_stream (device), reach->rows, row_floats (run), values, found);
  WCT_TRY (wct_device_download (device, found, sizeof row, &row, err));
  if (row < reach->rows)
    WCT_TRY (wct_error_set (err, WCT_ERR_NUMERIC,
                            "row %d of the result has numbers that are not finite: the model's weights overflow on "
                            "this picture",
                            reach->first + row));

out:
  return status;
}

static WctStatus
write_rows (const WctCudaRun *run, const WctCudaWaiting *rows, WctError *err)
{
  const size_t row = row_floats (run) * sizeof (float);

  return wct_store_write (run->pass->result, (size_t)rows->first * row, (size_t)rows->rows * row, rows->values, err);
}

WctStatus
wct_cuda_write_waiting (WctCudaRun *run, int32_t before, WctError *err)
{
  int       done = 0;
  WctStatus status = WCT_OK;

  while (done < run->waiting_count && run->waiting[done].first + run->waiting[done].rows <= before && status == WCT_OK)
    {
      status = write_rows (run, &run->waiting[done], err);
      wct_free (&run->waiting[done++].values);
    }
  run->waiting_count -= done;
  if (done > 0)
    memmove (run->waiting, run->waiting + done, (size_t)run->waiting_count * sizeof *run->waiting);
  return status;
}

/* The rows on the device go to the store, at once or after what still reads the ones they replace. */
static WctStatus
take_rows (WctCudaRun *run, const WctCudaReach *reach, const float *values, WctError *err)
{
  const size_t   bytes = (size_t)reach->rows * row_floats (run) * sizeof (float);
  WctCudaWaiting rows = { reach->first, reach->rows, NULL };
  WctStatus      status;

  WCT_TRY (wct_alloc (bytes, 1, "rows", &rows.values, err));
  WCT_TRY (wct_device_download (run->cuda->device, values, bytes, rows.values, err));
  if (run->waiting == NULL)
    WCT_TRY (write_rows (run, &rows, err));
  else
    {
      run->waiting[run->waiting_count++] = rows;
      rows.values = NULL;
    }

out:
  wct_free (&rows.values);
  return status;
}

WctStatus
wct_cuda_save_picture (WctCudaRun *run, const WctCudaReach *reach, const WctCudaBand *picture, WctError *err)
{
  WctCuda        *cuda = run->cuda;
  const WctPlanes planes = picture_planes (run->pass->picture, reach->rows);
  float          *values = run->result == NULL ? NULL : run->result + (size_t)reach->first * row_floats (run);
  WctStatus       status;

  if (values == NULL)
    WCT_TRY (
      wct_cuda_room (cuda, WCT_ROOM_PLANES, (size_t)reach->rows * row_floats (run) * sizeof (float), &values, err));
  wct_launch_to_planes (wct_device_stream (cuda->device), &planes, cuda->element, picture->data, values);
  WCT_TRY (check_finite (run, reach, values, err));
  if (run->result == NULL)
    WCT_TRY (take_rows (run, reach, values, err));

out:
  return status;
}
