#include "weights-file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "newfile.h"

#define CHUNK 65536 /* values that are converted and written together */

uint16_t
wct_half_from_float (float value)
{
  uint32_t       bits;
  const uint32_t round_to_even = 0xfffu;
  uint16_t       sign;

  memcpy (&bits, &value, sizeof bits);
  sign = (uint16_t)(bits >> 16 & 0x8000u);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) /* NaN */
    return sign | 0x7e00u;
  if (bits >= 0x477ff000u) /* what rounds to more than 65504 */
    return sign | 0x7c00u;
  if (bits < 0x38800000u) /* subnormal: let the processor round, by adding what has its last place there */
    {
      float small;

      memcpy (&small, &bits, sizeof small);
      small += 0.5f;
      memcpy (&bits, &small, sizeof bits);
      return (uint16_t)(sign | (bits - 0x3f000000u));
    }
  bits += round_to_even + (bits >> 13 & 1u);
  return (uint16_t)(sign | ((bits - 0x38000000u) >> 13));
}

static size_t
values_of (const WctWeights *tensor)
{
  size_t count = 1;

  for (int i = 0; i < tensor->rank; i++)
    count *= (size_t)tensor->shape[i];
  return count;
}

/* The header's text, padded so that values are aligned; to be freed with free. */
static char *
make_header (const WctWeights *tensors, size_t count, const json_t *metadata, bool half)
{
  json_t *header = json_object ();
  size_t  offset = 0;
  char   *text;

  json_object_set (header, "__metadata__", (json_t *)(uintptr_t)metadata);
  for (size_t i = 0; i < count; i++)
    {
      const size_t bytes = values_of (&tensors[i]) * (half ? 2 : 4);
      json_t      *shape = json_array ();

      for (int d = 0; d < tensors[i].rank; d++)
        json_array_append_new (shape, json_integer (tensors[i].shape[d]));
      json_object_set_new (header, tensors[i].name,
                           json_pack ("{s:s, s:o, s:[I, I]}", "dtype", half ? "F16" : "F32", "shape", shape,
                                      "data_offsets", (json_int_t)offset, (json_int_t)(offset + bytes)));
      offset += bytes;
    }
  text = json_dumps (header, JSON_COMPACT);
  json_decref (header);
  return text;
}

static WctStatus
write_header (WctNewFile *file, const char *text, WctError *err)
{
  static const char spaces[] = "       ";
  const size_t      length = strlen (text), padding = (8 - length % 8) % 8;
  unsigned char     size[8];
  WctStatus         status;

  for (int i = 0; i < 8; i++)
    size[i] = (unsigned char)((uint64_t)(length + padding) >> (8 * i));
  WCT_TRY (wct_new_file_write (file, size, sizeof size, err));
  WCT_TRY (wct_new_file_write (file, text, length, err));
  WCT_TRY (wct_new_file_write (file, spaces, padding, err));

out:
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
          chunk[i] = wct_half_from_float (tensor->values[first + i]);
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
  char      *header = make_header (tensors, count, metadata, half);
  WctStatus  status;

  if (header == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: out of memory for its header", path);
  WCT_TRY (check_finite (tensors, count, err));
  WCT_TRY (wct_new_file_open (path, force, &file, err));
  WCT_TRY (write_header (&file, header, err));
  for (size_t i = 0; i < count; i++)
    if (half)
      WCT_TRY (write_half (&file, &tensors[i], err));
    else
      WCT_TRY (wct_new_file_write (&file, tensors[i].values, values_of (&tensors[i]) * sizeof (float), err));
  WCT_TRY (wct_new_file_commit (&file, err));

out:
  wct_new_file_close (&file);
  free (header);
  return status;
}
