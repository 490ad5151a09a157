/* What a .safetensors file begins with; core/safetensors.h reads it. */
#ifndef WCT_SAFETENSORS_WRITER_H
#define WCT_SAFETENSORS_WRITER_H

#include <jansson.h>

#include "safetensors-header.h"

/* A tensor that will follow. */
typedef struct
{
  const char   *name; /* borrowed */
  WctTensorType type;
  int           rank;
  int64_t       shape[WCT_TENSOR_RANK_MAX];
} WctTensorPlan;

size_t wct_tensor_plan_count (const WctTensorPlan *plan); /* product of its shape */

/**
 * wct_safetensors_make_header: length, JSON, and blanks that align the values which follow it in this order.
 * @metadata: an object of strings; borrowed
 * @label: stands for the path in sentences
 * @out: on WCT_OK @size bytes, the caller's, to be freed with wct_free
 */
WctStatus wct_safetensors_make_header (const WctTensorPlan *tensors, size_t count, const json_t *metadata,
                                       const char *label, char **out, size_t *size, WctError *err);

#endif
