#include "weights-file.h"

#include <math.h>
#include <string.h>

#include "half.h"
#include "mem.h"
#include "newfile.h"
#include "safetensors-writer.h"

#define CHUNK 65536 /* values that are converted and written together */

static size_t
values_of (const WctWeights *tensor)
{
  size_t count = 1;

  for (int i = 0; i < tensor->rank; i++)
    count *= (size_t)tensor->shape[i];
  return count;
}

static WctStatus
write_header (WctNewFile *file, const WctWeights *tensors, size_t count, const json_t *metadata, bool half,
              WctError *err)
{
  WctTensorPlan *plans = NULL;
  char          *header = NULL;
  size_t         size = 0;
  WctStatus      status;

  WCT_TRY (wct_alloc (count, sizeof *plans, "header", &plans, err));
  for (size_t i = 0; i < count; i++)
    {
      plans[i] = (WctTensorPlan){ tensors[i].name, half ? WCT_TYPE_F16 : WCT_TYPE_F32, tensors[i].rank, { 0 } };
      memcpy (plans[i].shape, tensors[i].shape, sizeof plans[i].shape);
    }
  WCT_TRY (wct_safetensors_make_header (plans, count, metadata, file->path, &header, &size, err));
  WCT_TRY (wct_new_file_write (file, header, size, err));

out:
  wct_free (&header);
  wct_free (&plans);
  return status;
}

/* Little-endian, as all machines that this builds for. */
static WctStatus
write_half (WctNewFile *file, const WctWeights *tensor, WctError *err)
{
  uint16_t    *chunk = NULL;
  const size_t count = values_of (tensor);
  WctStatus    status = wct_alloc (CHUNK, sizeof *chunk, "chunk", &chunk, err);

  for (size_t first = 0; first < count && status == WCT_OK; first += CHUNK)
    {
      const size_t in_chunk = count - first < CHUNK ? count - first : CHUNK;

      for (size_t i = 0; i < in_chunk && status == WCT_OK; i++)
        {
          chunk[i] = wct_half_of_float (tensor->values[first + i]);
          if ((chunk[i] & 0x7c00u) == 0x7c00u)
            status = wct_error_set (err, WCT_ERR_NUMERIC, "%s: %g does not fit in F16; write F32", tensor->name,
                                    (double)tensor->values[first + i]);
        }
      if (status == WCT_OK)
        status = wct_new_file_write (file, chunk, in_chunk * sizeof *chunk, err);
    }
  wct_free (&chunk);
  return status;
}

static WctStatus
check_finite (const WctWeights *tensors, size_t count, WctError *err)
{
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < values_of (&tensors[i]); k++)
      if (!isfinite (tensors[i].values[k]))
        return wct_error_set (err, WCT_ERR_NUMERIC, "%s: value %zu is not finite; nothing was written", tensors[i].name,
                              k);
  return WCT_OK;
}

WctStatus
wct_weights_write (const char *path, const WctWeights *tensors, size_t count, const json_t *metadata, bool half,
                   bool force, WctError *err)
{
  WctNewFile file = WCT_NEW_FILE_NONE;
  WctStatus  status;

  WCT_TRY (check_finite (tensors, count, err));
  WCT_TRY (wct_new_file_open (path, force, &file, err));
  WCT_TRY (write_header (&file, tensors, count, metadata, half, err));
  for (size_t i = 0; i < count; i++)
    if (half)
      WCT_TRY (write_half (&file, &tensors[i], err));
    else
      WCT_TRY (wct_new_file_write (&file, tensors[i].values, values_of (&tensors[i]) * sizeof (float), err));
  WCT_TRY (wct_new_file_commit (&file, err));

out:
  wct_new_file_close (&file);
  return status;
}
