/* An affine map of features that lie position by position: as in the back ends' own maps, features are centered before
 * they are multiplied, so that floats do not cancel. */
#include "row-map.h"

#include "linalg.h"
#include "mem.h"

WctStatus
wct_row_map_new (const WctAffine *affine, WctRowMap *out, WctError *err)
{
  const size_t    channels = (size_t)affine->channels;
  const WctStatus status = wct_alloc (channels, (channels + 2) * sizeof (float), "transform", &out->matrix, err);

  if (status != WCT_OK)
    return status;
  out->channels = affine->channels;
  out->center = out->matrix + channels * channels;
  out->bias = out->center + channels;
  for (size_t i = 0; i < channels * channels; i++)
    out->matrix[i] = (float)affine->matrix[i];
  for (size_t c = 0; c < channels; c++)
    {
      out->center[c] = (float)affine->center[c];
      out->bias[c] = (float)affine->bias[c];
    }
  return WCT_OK;
}

void
wct_row_map_clear (WctRowMap *map)
{
  wct_free (&map->matrix);
}

size_t
wct_row_map_bytes (int32_t channels)
{
  return (size_t)channels * ((size_t)channels + 2) * sizeof (float);
}

void
wct_row_map_apply (const WctRowMap *map, int32_t count, const float *in, float *centered, float *out)
{
  const size_t channels = (size_t)map->channels;

  for (size_t i = 0; i < (size_t)count; i++)
    for (size_t c = 0; c < channels; c++)
      centered[i * channels + c] = in[i * channels + c] - map->center[c];
  wct_rows_multiply (count, map->channels, map->channels, centered, map->matrix, out);
  for (size_t i = 0; i < (size_t)count; i++)
    for (size_t c = 0; c < channels; c++)
      out[i * channels + c] += map->bias[c];
}
