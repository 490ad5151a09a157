/* Weights on the device, packed for convolutions; plans of one trunk share them. */
#include "cuda.h"

#include "launch.h"
#include "mem.h"

static void
free_entry (WctCuda *cuda, WctCudaWeights **entry)
{
  if (*entry == NULL)
    return;
  wct_device_free (cuda->device, &(*entry)->packed);
  wct_device_free (cuda->device, &(*entry)->bias);
  wct_free (entry);
}

/* From the model's arrays, by way of the planes' room. */
static WctStatus
pack (WctCuda *cuda, const WctConv *conv, WctCudaWeights *entry, WctError *err)
{
  const size_t out_lanes = (size_t)wct_cuda_lanes (conv->out_c), in_lanes = (size_t)wct_cuda_lanes (conv->in_c);
  const size_t weights = (size_t)conv->out_c * (size_t)conv->in_c * 9, biases = (size_t)conv->out_c;
  float       *raw;
  WctStatus    status;

  WCT_TRY (wct_cuda_alloc (cuda, out_lanes * 9 * in_lanes * wct_element_size (cuda->element), conv->name,
                           &entry->packed, err));
  WCT_TRY (wct_cuda_alloc (cuda, out_lanes * sizeof (float), conv->name, &entry->bias, err));
  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_PLANES, (weights + biases) * sizeof (float), &raw, err));
  WCT_TRY (wct_device_upload (cuda->device, conv->weight, weights * sizeof (float), raw, err));
  WCT_TRY (wct_device_upload (cuda->device, conv->bias, biases * sizeof (float), raw + weights, err));
  wct_launch_pack (wct_device_stream (cuda->device), conv->out_c, conv->in_c, 3, raw, raw + weights, cuda->element,
                   entry->packed, entry->bias);

out:
  return status;
}

WctStatus
wct_cuda_weights_take (WctCuda *cuda, const WctConv *conv, WctCudaWeights **out, WctError *err)
{
  WctCudaWeights *entry = NULL;
  WctStatus       status;

  for (WctCudaWeights *known = cuda->weights; known != NULL; known = known->next)
    if (known->weight == conv->weight)
      {
        known->users++;
        *out = known;
        return WCT_OK;
      }

  WCT_TRY (wct_alloc (1, sizeof *entry, conv->name, &entry, err));
  WCT_TRY (pack (cuda, conv, entry, err));
  entry->weight = conv->weight;
  entry->users = 1;
  entry->next = cuda->weights;
  cuda->weights = entry;
  *out = entry;
  entry = NULL;

out:
  free_entry (cuda, &entry);
  return status;
}

void
wct_cuda_weights_give_back (WctCuda *cuda, WctCudaWeights **weights)
{
  WctCudaWeights *entry = *weights;

  *weights = NULL;
  if (entry == NULL || --entry->users > 0)
    return;
  for (WctCudaWeights **link = &cuda->weights; *link != NULL; link = &(*link)->next)
    if (*link == entry)
      {
        *link = entry->next;
        break;
      }
  free_entry (cuda, &entry);
}
