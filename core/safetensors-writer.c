#include "safetensors-writer.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define LENGTH_BYTES 8

size_t
wct_tensor_plan_count (const WctTensorPlan *plan)
{
  size_t count = 1;

  for (int i = 0; i < plan->rank; i++)
    count *= (size_t)plan->shape[i];
  return count;
}

/* To be freed with free; NULL where there is no memory. */
static char *
make_text (const WctTensorPlan *tensors, size_t count, const json_t *metadata)
{
  json_t *header = json_object ();
  size_t  offset = 0;
  char   *text;

  json_object_set (header, "__metadata__", (json_t *)(uintptr_t)metadata);
  for (size_t i = 0; i < count; i++)
    {
      const size_t bytes = wct_tensor_plan_count (&tensors[i]) * wct_tensor_type_bytes (tensors[i].type);
      json_t      *shape = json_array ();

      for (int d = 0; d < tensors[i].rank; d++)
        json_array_append_new (shape, json_integer (tensors[i].shape[d]));
      json_object_set_new (header, tensors[i].name,
                           json_pack ("{s:s, s:o, s:[I, I]}", "dtype", wct_tensor_type_name (tensors[i].type), "shape",
                                      shape, "data_offsets", (json_int_t)offset, (json_int_t)(offset + bytes)));
      offset += bytes;
    }
  text = json_dumps (header, JSON_COMPACT);
  json_decref (header);
  return text;
}

WctStatus
wct_safetensors_make_header (const WctTensorPlan *tensors, size_t count, const json_t *metadata, const char *label,
                             char **out, size_t *size, WctError *err)
{
  char     *text = make_text (tensors, count, metadata), *header = NULL;
  size_t    length, padded;
  WctStatus status;

  if (text == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: out of memory for its header", label);
  length = strlen (text);
  padded = (length + 7) / 8 * 8;
  WCT_TRY (wct_alloc (LENGTH_BYTES + padded, 1, "header", &header, err));
  for (int i = 0; i < LENGTH_BYTES; i++)
    header[i] = (char)(unsigned char)((uint64_t)padded >> (8 * i));
  memcpy (header + LENGTH_BYTES, text, length);
  memset (header + LENGTH_BYTES + length, ' ', padded - length);
  *out = header;
  *size = LENGTH_BYTES + padded;

out:
  free (text);
  return status;
}
