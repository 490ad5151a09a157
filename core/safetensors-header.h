/* The JSON header of a .safetensors file, as tables. */
#ifndef WCT_SAFETENSORS_HEADER_H
#define WCT_SAFETENSORS_HEADER_H

#include <stdbool.h>

#include "safetensors.h"

typedef enum
{
  WCT_TYPE_F32,
  WCT_TYPE_F16,
  WCT_TYPE_BF16,
  WCT_TYPE_U8 /* in files that may hold bytes */
} WctTensorType;

/* Bytes that one value takes in the file. */
size_t wct_tensor_type_bytes (WctTensorType type);

/* As the format spells it; static. */
const char *wct_tensor_type_name (WctTensorType type);

/* Where a tensor's values are. */
typedef struct
{
  const char   *name;       /* borrowed from the file's text */
  size_t        begin, end; /* in the data that follows the header */
  WctTensorType type;
} WctExtent;

/**
 * wct_safetensors_read_header: check all of the header and make tables of it.
 * @text: @length bytes, changed and restored meanwhile
 * @data_bytes: how many follow the header; the tensors must fill them
 * @label: stands for the path in sentences
 * @with_bytes: are tensors of U8 welcome?
 * @file: zeroed; on WCT_OK everything but the values. To be cleared by the caller in any case
 * @extents: on WCT_OK one for each tensor, in the order of the data, to be freed by the caller
 */
WctStatus wct_safetensors_read_header (char *text, size_t length, size_t data_bytes, const char *label, bool with_bytes,
                                       WctSafetensors *file, WctExtent **extents, WctError *err);

#endif
